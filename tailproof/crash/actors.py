"""What only some can do: who holds an opening, a key, a bid. What anyone may do is the keeper's.

Each acts on what he can know: the venue on its accounts, the committee on an order that the chain has, a bidder on the
book that was delivered to his key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits.statements import escrow
from committee.decryption import Partial, Request, open_alone, open_together
from primitives.elgamal import Binding, Sealed
from risk.exact.money import parse_money
from risk.margins.fills import trade

from .. import escrowing, liquidating, withdrawing
from ..bidding import House, seal
from ..covering import prove_flat
from ..demo_escrow import Holders
from ..demo_stage import STATEMENTS
from ..liquidating import CloseKeys
from ..liquidation_reading import Site
from ..secret import Opening, draw_salt
from ..trading import cash_of
from .books import Answer
from .day import BOUGHT, Account, Day, Kind
from .fall import cure

if TYPE_CHECKING:
    from committee.decryption import Request as Delivered
    from verifier_contracts.auction import AuctionHouse, Lot, SealedPrice
    from verifier_contracts.vault import Claim

UNIT = 10**6
OWN = 130_000 * UNIT
"""What a winner brings along for the account that he takes."""


@dataclass(frozen=True)
class Bid:
    """What a bidder means to do. bidder : number.  blind, price : quote units.  reveals, carries : or not."""

    bidder: int
    blind: int
    price: int
    reveals: bool = True
    carries: bool = True


PLANS: Mapping[tuple[str, int], Sequence[Bid]] = {
    ("sleeper, sold", 1): (Bid(2, 8_000 * UNIT, 18_000 * UNIT), Bid(3, 9_500 * UNIT, 15_000 * UNIT)),
    ("late riser", 1): (Bid(0, 1_000 * UNIT, 1_500 * UNIT),),
    ("deep in debt", 2): (Bid(0, -17_200 * UNIT, -15_600 * UNIT, reveals=False),
                          Bid(1, -17_200 * UNIT, -15_900 * UNIT, carries=False),
                          Bid(2, -17_200 * UNIT, -16_500 * UNIT)),
}
"""Bids by account and number of its lot. Where there are none, the fund's agent is all there is."""
AGENT_CARRIES = {("nobody's bid", 2)}
BORNE = {"fund": "the fund pays", "haircut": "gains are cut", "deficit": "stands as a deficit"}
"""Who bears a loss, by the parts of `LossShared`."""
CLOSED = ("sleeper, closed by her venue", "another, closed by her venue")
SHOWN = ("late riser", "sleeper, sold")
"""Accounts of whose lots the venue shows the margin when they are opened."""


@dataclass
class Lots:
    """A lot as its actors see it. read : the book, once it was delivered."""

    lot_id: int
    account: Account
    number: int
    read: Opening | None = None
    bids: dict[int, SealedPrice] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


@dataclass
class Actors:
    """Everybody who does something that not anyone may.

    heirs : accounts that take what was won, the next first.  deliveries : what went to shortlists.
    claims : withdrawals that wait.
    """

    day: Day
    site: Site
    holders: Holders
    keys: CloseKeys
    folder: Path
    heirs: list[str]
    lots: dict[int, Lots] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    deliveries: list[tuple[str, Delivered]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    # -- venues --------------------------------------------------------------------------------------------------------
    def close_accounts(self) -> None:
        """The first venue closes what it can, in its time."""
        for account in self.day.accounts.values():
            if account.name in CLOSED and self._venues_time(account):
                self._close(account)

    def _venues_time(self, account: Account) -> bool:
        first, _ = self.site.closes.venues_time_of(account.address)
        there = self.day.stage.at
        return (there.ledger.is_called(account.address) and bool(first) and not there.vault.lot_of(account.address)
                and self._final(account) is not None)

    def _final(self, account: Account) -> withdrawing.Ground | None:
        """A final epoch after the account's call, as a directory has it."""
        there, day = self.day.stage.at, self.day
        epoch_id = there.oracle.latest_final_epoch_id()
        call = there.ledger.call_of(account.address)
        if call is None or epoch_id <= call.called_at:
            return None
        root = there.oracle.root_of(epoch_id)
        epoch = next(one.epoch for one in day.epochs if one.epoch.root == root)
        return withdrawing.ground(there, epoch, day.stage.ground().factors, 45 * 60, epoch_id=epoch_id, final=True)

    def _close(self, account: Account) -> None:
        """As many lots as cover wants, and no more than the band lets."""
        day, there = self.day, self.day.stage.at
        final, on = self._final(account), day.stage.ground()
        assert final is not None
        symbol = account.holder.portfolio().positions[0][0]
        if symbol == "CASH":
            symbol = account.holder.portfolio().positions[1][0]
        instrument = next(one for one in on.epoch.instruments if one.symbol == symbol)
        held = dict(account.opening.slots)[instrument.id]
        price = parse_money(self._price(symbol), field="price")

        def after(lots: int) -> tuple[Sequence[tuple[int, int]], Opening]:
            fills = trade(instrument, lots, price).seller
            return fills, liquidating.after_close(self.keys, account.opening, fills, None)
        low, high = 0, held
        while high - low > 1:                                  # the least number of lots that covers
            middle = (low + high) // 2
            value = there.vault.value_of(account.address, on.epoch_id, on.factors)
            covered = value >= day.least_of(after(middle)[1], on)
            low, high = (low, middle) if covered else (middle, high)
        fills, opening = after(high)
        venue = day.cast.venues[account.holder.venue]
        made = liquidating.prove_close(
            self.site, self.keys, final, on, account.opening, opening, account.address, fills,
            cash_of(fills, on.epoch.header.quote), 0, draw_salt(), venue=venue,
            sign=lambda message: _signed(day, venue, message), valid_for=1_800, sender=venue)
        if isinstance(made, liquidating.Solvent):                  # called by silence: there is nothing to close
            cure(day, account)
            return
        if isinstance(made, liquidating.Misfit):
            raise AssertionError(f"{account.name}: {made}")
        day.spent("closePartial", self.site.closes.close(made, sender=venue).gas_used)
        account.opening = opening
        worth = int(high * price * Fraction(instrument.lot))
        day.note(Kind.CLOSE, account.name, f"its venue sells {high} of {held} lots", worth)

    def _price(self, symbol: str) -> str:
        """Of an underlying now, as the book of the epoch has it."""
        import json
        made = self.day.epochs[self.day.now_printed].epoch.provenance
        assert made is not None
        book = json.loads(made.sources.book)
        asset, kind = symbol.split("-")
        quoted = next(one for one in book["underlyings"] if one["symbol"] == asset)
        return str(quoted["spot" if kind == "SPOT" else "perpetual"])

    def open_lots(self) -> None:
        """Who knows a margin opens the lot with it: bonds and standing bid are by the larger of M and V then."""
        there, day = self.day.stage.at, self.day
        for account in day.accounts.values():
            number = self.counts.get(account.name, 0)
            first, until = self.site.closes.venues_time_of(account.address)
            ready = there.ledger.is_called(account.address) and first and day.live >= until and not there.vault.lot_of(
                account.address)
            known = account.name in SHOWN or self._read_before(account) is not None
            if not ready or not known or (account.name, number + 1) not in {*PLANS, *AGENT_CARRIES}:
                continue
            on, final = day.stage.ground(), self._final(account)
            margin, words = liquidating.prove_lot_margin(self.site, day.stage.keys["margin"], on, account.opening,
                                                         account.address)
            short: Any = liquidating.prove_short(self.site, self.keys.cover, final, account.opening, account.address,
                                                 sender=day.cast.agent) if number and final else None
            receipt = self.site.coordinator.open_lot(account.address, on.epoch_id, on.factors, margin, words,
                                                     *([short] if short is not None else []), sender=day.cast.agent)
            day.spent("openLot", receipt.gas_used)

    def _read_before(self, account: Account) -> Opening | None:
        return next((one.read for one in self.lots.values() if one.account is account and one.read), None)

    # -- lots ----------------------------------------------------------------------------------------------------------
    def see_lots(self) -> None:
        """Lots that have come."""
        coordinator = self.site.coordinator
        for lot_id in range(len(self.lots) + 1, int(coordinator.read("lots")) + 1):
            account = self.day.accounts[coordinator.lot_of(lot_id).account]
            number = self.counts[account.name] = self.counts.get(account.name, 0) + 1
            self.lots[lot_id] = Lots(lot_id, account, number)
            self.day.note(Kind.LOT, account.name, f"lot {lot_id} is open", coordinator.lot_of(lot_id).value)

    def act(self) -> None:
        """What is due of each lot."""
        from verifier_contracts.auction import Stage
        house: AuctionHouse = self.site.house
        for one in self.lots.values():
            stage = house.stage_of(one.lot_id)
            if stage.over:
                continue
            lot = house.lot_of(one.lot_id)
            if stage == Stage.BLIND:
                self._bid(one, lot)
            elif stage == Stage.DISCLOSURE:
                self._deliver(one)
                if one.account.holder.answer == Answer.LATE and "cured" not in one.done:
                    one.done.add("cured")
                    cure(self.day, one.account)
            elif stage == Stage.COMMIT:
                self._deliver(one)
                self._commit(one, lot)
            elif stage == Stage.REVEAL:
                self._reveal(one)
            elif stage == Stage.AWARD:
                self._award(one)

    def _bid(self, one: Lots, lot: Lot) -> None:
        for plan in self._plans(one):
            name = f"blind {plan.bidder}"
            if name not in one.done:
                one.done.add(name)
                bidder = self.day.cast.bidders[plan.bidder]
                self.day.spent("blindBid", self.site.house.blind_bid(one.lot_id, lot.digest, plan.blind,
                                                                     sender=bidder).gas_used)
                self.day.note(Kind.LOT, one.account.name, f"bidder {plan.bidder + 1} bids blind", plan.blind)

    def _plans(self, one: Lots) -> Sequence[Bid]:
        return PLANS.get((one.account.name, one.number), ())

    def _deliver(self, one: Lots) -> None:
        """By the venue; by six of the committee, where the venue has let its time pass."""
        day, there = self.day, self.day.stage.at
        own = self.site.coordinator.lot_of(one.lot_id)
        silent = one.account.holder.venue == 1
        if "delivered" in one.done or not own.ordered_at or (silent and not own.breached):
            return
        if silent and day.live < own.ordered_at + 5 * 60:
            return
        one.done.add("delivered")
        order = escrowing.order_of(day.stage.system, there, one.lot_id)
        who, opening = ("six of the committee", self._together(order)) if silent else ("its venue", one.account.opening)
        made = escrowing.prove_delivery(there, day.stage.keys["delivery"], opening, order, sender=day.cast.keeper)
        receipt = there.escrow.deliver(one.lot_id, list(order.recipients), made.digest, made.words, made.proof,
                                       sender=day.cast.keeper)
        day.spent("deliver", receipt.gas_used)
        self._received(one, order, made)
        day.note(Kind.LOT, one.account.name, f"{who} delivered the opening to {len(order.recipients)}")

    def _together(self, order: escrowing.Ordered) -> Opening:
        """What six of nine decrypt of the escrow that the chain has."""
        assert order.posted is not None
        request, holders = order.posted.request, self.holders
        shares = holders.shares[:holders.committee.threshold]
        parts = [Partial.of(holders.committee, request, share) for share in shares]
        return _opening(open_together(holders.committee, request, parts).elements, order.commitment)

    def _received(self, one: Lots, order: escrowing.Ordered, made: escrowing.Sealing) -> None:
        """The shortlist reads it, each with his own key; all read the same."""
        there = self.day.stage.at
        places = (*order.recipients, *[order.recipients[0]] * (5 - len(order.recipients)))
        context = there.ledger.context(
            "delivery", there.registry.active("delivery").key_digest, order.account, 0,
            there.ledger.version_of(order.account), order.lot.to_bytes(32, "big")).field_element()
        request = Request("delivery-16", Binding(context, order.commitment), places,
                          Sealed.of_words(made.words, len(places)))
        self.deliveries.append((order.account, request))
        readers = [one_ for one_ in self.holders.identities.values() if one_.key in order.recipients]
        books = {_opening(open_alone(request, reader), order.commitment) for reader in readers}
        assert len(readers) == len(order.recipients)
        (one.read,) = books

    def _commit(self, one: Lots, lot: Lot) -> None:
        house, day = self.site.house, self.day
        at = House(house, day.stage.at.oracle, day.coin, day.stage.system.block)
        for plan in self._plans(one):
            if one.read is None or plan.bidder in one.bids:
                continue
            bidder = day.cast.bidders[plan.bidder]
            bid = seal(at, one.lot_id, lot.digest, bidder, plan.price, self.folder / f"lot{one.lot_id}-{plan.bidder}")
            day.spent("commit", house.commit(one.lot_id, lot.digest, bid.commitment(), sender=bidder).gas_used)
            one.bids[plan.bidder] = bid
            day.note(Kind.LOT, one.account.name, f"bidder {plan.bidder + 1} commits to a price")

    def _show(self, one: Lots) -> None:
        """That the account is short, to the house: else nothing is sold below its reserve. Whoever has the book can."""
        final = self._final(one.account)
        if one.read is None or final is None or "shown" in one.done:
            return
        one.done.add("shown")
        short = liquidating.prove_short(self.site, self.keys.cover, final, one.read, one.account.address,
                                        sender=self.day.cast.agent)
        if isinstance(short, liquidating.Solvent):
            self.day.note(Kind.LOT, one.account.name, "whoever reads the book sees that it is solvent")
            return
        receipt = self.site.coordinator.show_shortfall(one.lot_id, short, sender=self.day.cast.agent)
        self.day.spent("showShortfall", receipt.gas_used)

    def _reveal(self, one: Lots) -> None:
        self._show(one)
        for plan in self._plans(one):
            name = f"revealed {plan.bidder}"
            if plan.bidder in one.bids and plan.reveals and name not in one.done:
                one.done.add(name)
                bidder = self.day.cast.bidders[plan.bidder]
                self.day.spent("reveal", self.site.house.reveal(one.bids[plan.bidder], sender=bidder).gas_used)
                self.day.note(Kind.LOT, one.account.name, f"bidder {plan.bidder + 1} reveals", plan.price)

    def _award(self, one: Lots) -> None:
        day, house = self.day, self.site.house
        winner, price = house.winner_of(one.lot_id)
        numbers = {who: number for number, who in enumerate(day.cast.bidders)}
        plan = next((bid for bid in self._plans(one) if numbers.get(winner) == bid.bidder), None)
        name = f"named {winner}"
        if plan is not None and not plan.carries:
            if name not in one.done:
                one.done.add(name)
                day.note(Kind.LOT, one.account.name, f"bidder {plan.bidder + 1} has won and cannot carry it", price)
            return
        if plan is None and (winner != day.cast.agent or (one.account.name, one.number) not in AGENT_CARRIES):
            if name not in one.done:
                one.done.add(name)
                day.note(Kind.LOT, one.account.name, "nobody who is named carries it", price)
            return
        if name not in one.done and one.read is not None:
            one.done.add(name)
            self._carry(one, winner, price, "the fund's agent" if plan is None else f"bidder {plan.bidder + 1}")

    def _carry(self, one: Lots, winner: str, price: int, who: str) -> None:
        """Everything in one transaction; shortfall and re-salting were shown before, so that it is smaller."""
        day, there, account = self.day, self.day.stage.at, one.account
        heir, final, on = self.heirs.pop(0), self._final(account), self.day.stage.ground()
        assert final is not None
        assert one.read is not None
        day.give(winner, OWN + max(price, 0))
        if price > 0:
            day.coin.approve(self.site.house.address, price, sender=winner)
            self.site.house.deposit(winner, price, sender=winner)
        withdrawing.deposit(there, day.coin, heir, OWN, sender=winner)
        after = liquidating.resalted(self.keys.transition, one.read, None)
        paid = 0 if price >= 0 else self._payable(account, -price)
        made = liquidating.prove_award(
            self.site, self.keys, final, on, one.read, after, one.lot_id, heir,
            sign=lambda message: _signed(day, heir, message), least_paid=paid, valid_for=1_800, sender=winner)
        if isinstance(made, liquidating.Solvent | liquidating.Misfit):
            raise AssertionError(f"{account.name}: {made}")
        rest = liquidating.show_before(self.site, made, sender=winner)
        receipt = self.site.coordinator.award(rest, sender=winner)
        day.spent("award", receipt.gas_used)
        day.note(Kind.SALE, account.name, f"sold to {who}", price)
        self._tell_loss(one, receipt.block)
        self._flat(account)
        holder = replace(account.holder, name=account.name + BOUGHT, answer=Answer.RENEWS)
        day.accounts[heir] = Account(holder, heir, after)

    def _flat(self, account: Account) -> None:
        """What was sold is another's: anyone shows that the old account holds nothing, which ends its call."""
        day, there = self.day, self.day.stage.at
        version = there.ledger.version_of(account.address)
        account.opening = Opening(account.opening.statement, there.ledger.commitment_of(account.address), 0, ())
        context = there.ledger.context("flat", there.registry.active("flat").key_digest, account.address, 0, version)
        words = prove_flat(day.stage.keys["flat"], account.opening, context)
        day.spent("attestFlat", there.ledger.attest_flat(account.address, version, words,
                                                         sender=day.cast.keeper).gas_used)

    def _payable(self, account: Account, amount: int) -> int:
        """The least that the fund pays at once, as it says now."""
        venue = self.day.cast.venues[account.holder.venue]
        return sum(self.site.fund.payable_for(venue, account.address, self.day.stage.at.oracle.latest_epoch_id(),
                                              amount))

    def tell_forfeits(self, lot_id: int) -> None:
        """Whose bonds a lot has taken that nobody has been told of."""
        one, lot = self.lots[lot_id], self.site.house.lot_of(lot_id)
        for place in lot.places:
            if place.forfeited and (name := f"forfeited {place.bidder}") not in one.done:
                one.done.add(name)
                number = 1 + self.day.cast.bidders.index(place.bidder)
                why = "did not carry it" if place.revealed or not any(place.commitment) else "did not reveal"
                self.day.note(Kind.LOSS, one.account.name, f"bidder {number} {why}: his bond is forfeited", lot.bond)

    def _tell_loss(self, one: Lots, block: int) -> None:
        from verifier_contracts.events import read_events
        told = read_events(self.day.stage.chain, {"coordinator": self.site.coordinator}, block,
                           names={"LossShared"}).events
        for event in told:
            if int(event.arguments["lotId"]) == one.lot_id:
                for part in BORNE:
                    amount = int(event.arguments[part])
                    if amount:
                        self.day.note(Kind.LOSS, one.account.name, BORNE[part], amount)

    # -- others --------------------------------------------------------------------------------------------------------
    def withdraw(self, account: Account, amount: int) -> None:
        """Somebody else takes out what she may, whatever is going on."""
        from verifier_contracts.vault import Claim
        day, there = self.day, self.day.stage.at
        on = day.stage.ground()
        wish = withdrawing.wanted(there, account.address, day.coin.address, amount, account.address, valid_for=3_600)
        claim = Claim(account.address, day.coin.address, amount, account.address, 0, account.address, on.epoch_id,
                      wish.version)
        day.money.claims.append(claim)
        receipt = withdrawing.prove_withdrawal(there, day.stage.keys["cover"], [on], account.opening, wish).send(
            there, sender=account.address)
        day.spent("withdraw", receipt.gas_used)
        self.claims.append(claim)
        day.note(Kind.OUT, account.name, "takes out", amount)

    def redeem(self) -> None:
        """Claims whose epochs are final."""
        there = self.day.stage.at
        for claim in list(self.claims):
            if there.oracle.is_final(claim.epoch_id):
                there.vault.redeem(claim, sender=self.day.cast.keeper)
                self.claims.remove(claim)
                self.day.note(Kind.OUT, self.day.accounts[claim.account].name, "is paid", claim.amount)


def _opening(elements: Sequence[int], commitment: int) -> Opening:
    """Of the positions that are there."""
    found = escrow.opening_of(elements, commitment)
    used = max((number for number, slot in enumerate(found.slots, 1) if slot != (0, 0)), default=0)
    return Opening(STATEMENTS["margin"], commitment, found.salt, tuple(found.slots[:used]))


def _signed(day: Day, who: str, message: dict[str, Any]) -> bytes:
    from verifier_contracts.eip712 import sign
    return sign(message, day.cast.key(who))


