"""Closing in time, for a venue: what its books would take of called accounts, it says by files beforehand; a keeper
closes as many lots of that as cover wants, once the venue's time has come.

A venue alone knows at which price who takes what: a keeper makes up no trade. It finds the least number of lots that
covers at initial margin and no more than the band further, by the opening that was escrowed to the venue, proves the
close and sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from primitives import jsonio
from primitives.errors import BadInput
from risk.exact.money import LARGEST_PRICE, parse_money
from risk.margins.fills import trade
from verifier_contracts.addresses import read_address
from verifier_contracts.bindings import GAS_CAPS
from verifier_contracts.chain import Receipt
from verifier_contracts.errors import ContractRefused

from . import liquidating
from .epochs import AnyEpoch
from .guarding import Find, ground_of
from .keeping import DutyStep
from .liquidating import CloseKeys, Misfit, Sign, Solvent
from .liquidation_reading import FactorBook, Site
from .liquidation_state import State
from .progress import Progress, quiet
from .secret import Opening, draw_salt
from .trading import cash_of
from .watching import Library
from .withdrawing import Ground

SCHEMA = "tailproof.close-offer/1"
MOST_LOTS = 10**18
VALID = 1_800
"""Seconds for which the signed fills are good."""


@dataclass(frozen=True)
class Offer:
    """What a venue's books take of an account: up to so many lots of an instrument.

    account : whose.  instrument : its symbol.  lots : at most; above 0 the account buys them, below it sells.
    price : of one unit of the underlying, a decimal.  concession : quote units that all the lots concede against the
    marks; a part of them concedes in proportion, rounded up.
    """

    account: str
    instrument: str
    lots: int
    price: str
    concession: int

    @staticmethod
    def load(path: str | Path) -> Offer:
        """Read one; raises BadInput by field."""
        parts = jsonio.Node.read(path).document(SCHEMA, {"account", "instrument", "lots", "price", "concession"})
        lots = parts["lots"].integer(-MOST_LOTS, MOST_LOTS)
        if not lots:
            raise BadInput("lots", lots, "other than 0", source=path)
        price = parts["price"].text()
        parse_money(price, field="price", low=0, high=LARGEST_PRICE)
        return Offer(read_address(parts["account"]), parts["instrument"].text(), lots, price,
                     parts["concession"].decimal(0, (1 << 96) - 1))

    def legs(self, epoch: AnyEpoch, lots: int) -> Sequence[tuple[int, int]]:
        """Of so many of its lots: (instrument id, signed lots), cash among them.

        Raises
        ------
        BadInput : the epoch has no such instrument.
        """
        row = epoch.row_of(self.instrument)
        if row is None:
            raise BadInput("instrument", self.instrument, "one of the epoch's")
        deal = trade(epoch.instruments[row - 1], lots, parse_money(self.price, field="price"))
        return deal.buyer if self.lots > 0 else deal.seller

    def conceding(self, lots: int) -> int:
        """What so many of its lots concede, quote units."""
        return -(-self.concession * lots // abs(self.lots))


def least_lots(most: int, covers: Callable[[int], bool]) -> int | None:
    """The least number of lots from 1 to `most` that covers, if covering is what more of them do; None if all do not.
    """
    if not covers(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if covers(middle) else (middle, high)
    return high


@dataclass
class Closing:
    """The duty of a venue.

    folder : of offers, whatever they are called.  out : folder that the new openings are written to.
    find : of an account, its openings.  venue, sign : who signs the fills.
    """

    name: ClassVar[str] = "close"
    site: Site
    folder: Path
    out: Path
    keys: CloseKeys
    find: Callable[[str], Find]
    library: Library
    factors: FactorBook
    venue: str
    sign: Sign
    progress: Progress = quiet
    _troubles: dict[str, str] = field(default_factory=dict)

    def troubles(self) -> Sequence[str]:
        """Offers that cannot be read, or that do not do."""
        return [f"{name}: {why}" for name, why in sorted(self._troubles.items())]

    def due(self, state: State) -> list[DutyStep]:
        """A close for each account whose venue's time it is, and that there is an offer for; one an account."""
        self._troubles.clear()
        found: dict[str, DutyStep] = {}
        for name, offer in self._offers():
            if offer.account in found or not self._is_ours(offer.account):
                continue
            on, final = (ground_of(self.site, self.library, self.factors, final=last) for last in (False, True))
            call = self.site.there.ledger.call_of(offer.account)
            if on is None or final is None or call is None or final.epoch_id <= call.called_at:
                self._troubles[name] = "no final epoch after the call is at hand yet (--epochs)"
                continue
            found[offer.account] = DutyStep("close", f"account {offer.account}", self._send(name, offer, final, on),
                                            GAS_CAPS["closePartial"])
        return list(found.values())

    def _offers(self) -> list[tuple[str, Offer]]:
        found = []
        try:
            paths = sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self._troubles[self.folder.name] = error.strerror or type(error).__name__
            return []
        for path in paths:
            try:
                found.append((path.name, Offer.load(path)))
            except BadInput as error:
                self._troubles[path.name] = f"{error.field} must be {error.bound}"
        return found

    def _is_ours(self, account: str) -> bool:
        """Whether the venue's time has begun, and nobody has bought it."""
        there = self.site.there
        call = there.ledger.call_of(account)
        return (call is not None and call.stands and there.ledger.venue_of(account) == self.venue
                and bool(self.site.closes.venues_time_of(account)[0]) and not there.vault.lot_of(account))

    def fitting(self, offer: Offer, opening: Opening, on: Ground) -> tuple[int, Opening] | None:
        """The least number of an offer's lots that covers, and the opening that they lead to; None if none does."""
        def after(lots: int) -> Opening:
            return liquidating.after_close(self.keys, opening, offer.legs(on.epoch, lots), None)

        def covers(lots: int) -> bool:
            value, misfit = liquidating.fit(self.site, on, after(lots), offer.account)
            return misfit is None or misfit.least <= value

        lots = least_lots(abs(offer.lots), covers)
        return None if lots is None else (lots, after(lots))

    def _send(self, name: str, offer: Offer, final: Ground, on: Ground) -> Callable[[str], Receipt | None]:
        def send(sender: str) -> Receipt | None:
            opening = self.find(offer.account)(self.site.there.ledger.commitment_of(offer.account))
            if opening is None:
                raise BadInput("opening", offer.account, "in escrow to this venue's key (--secret)")
            fitting = self.fitting(offer, opening, on)
            if fitting is None:
                raise BadInput(f"lots of {name}", "(hidden)", "as many as cover at initial margin")
            lots, after = fitting
            legs = offer.legs(on.epoch, lots)
            made = liquidating.prove_close(
                self.site, self.keys, final, on, opening, after, offer.account, legs,
                cash_of(legs, on.epoch.header.quote), offer.conceding(lots), draw_salt(), venue=self.venue,
                sign=self.sign, valid_for=VALID, sender=sender, progress=self.progress)
            if isinstance(made, Misfit):
                raise BadInput(f"lots of {name}", "(hidden)", "lots of which one more takes no account out of the band")
            if isinstance(made, Solvent):
                raise ContractRefused("NotShort", contract="PartialClose", function="closePartial")
            # Before anything is sent: nothing else opens the next commitment.
            after.save(self.out / f"{offer.account}-{made.fills.version}-{after.commitment % 10**8:08d}.json")
            return self.site.closes.close(made, sender=sender)

        return send


__all__ = ["Closing", "Offer", "least_lots"]
