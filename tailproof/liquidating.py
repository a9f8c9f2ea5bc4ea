"""What of a liquidation takes the opening of an account: its shortfall, its margin, a forced close, an award.

Whatever the contracts would refuse is found out before a proof is made, as in `withdrawing`. Openings stay on this
machine: what leaves it are proofs, and an escrow that venue, committee and owner can read.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuits.statements.cover import Claim
from primitives.errors import BadInput
from verifier_contracts.bindings import Contract, proof_words
from verifier_contracts.context import ATTESTATION, Context
from verifier_contracts.escrow import Keys
from verifier_contracts.ledger import INITIAL, MAINTENANCE, NO_PROOF
from verifier_contracts.liquidation import (
    Award,
    Closing,
    ForcedFills,
    HandOver,
    Posting,
    Shortfall,
)

from .attestation import prove_margin
from .covering import fill_digest, least_value, moved, prove_cover, prove_flat, prove_transition, required_margin
from .escrowing import Sealing, seal_next
from .keys import KeyDirectory
from .liquidation_reading import Site
from .progress import Progress, quiet
from .secret import Opening
from .withdrawing import Ground, require_but_proofs, require_in_force, require_opening

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts

Sign = Callable[[dict[str, Any]], bytes]


@dataclass(frozen=True)
class Solvent:
    """An account that is not short. value : V; margin : M; 10**-6 quote units."""

    value: int
    margin: int


# -- shortfalls --------------------------------------------------------------------------------------------------------
HEADROOM = 100, 10**6
"""A shortfall is claimed of a hundredth more than V, and one of the quote asset: so much somebody would have to deposit
for the account, or its collateral to gain, before the proof is of too little (`ClaimBelowValue`)."""


def claim_of(value: int, most: int) -> int:
    """The V to prove short, 10**-6 quote units: above V, or a deposit of dust in front of the transaction makes it
    fail, and costs a winner his bond.

    value : V.  most : the highest that is short, at least V. Where it is within the headroom it is not what is claimed,
    for whoever reads that would know M to the unit; the claim is then any in the upper half of what there is.
    """
    share, more = HEADROOM
    wanted, room = value // share + more, most - value
    return value + wanted if wanted < room else most - secrets.randbelow(room // 2 + 1)


def short_of(there: Contracts, on: Ground, opening: Opening, account: str) -> int | Solvent:
    """What to claim of an account that is short of maintenance margin (`claim_of`); or that it is not."""
    value, required = there.vault.value_of(account, on.epoch_id, on.factors), required_margin(on.epoch, opening)
    least = least_value(required, there.ledger.buffer_of(MAINTENANCE))
    return Solvent(value, required) if value >= least else claim_of(value, least - 1)


def prove_call(there: Contracts, keys: KeyDirectory, on: Ground, opening: Opening, account: str, *, sender: str,
               progress: Progress = quiet) -> tuple[Any, ...] | Solvent:
    """Arguments of `proveShortfall`, which calls an account at once; or that it is solvent.

    Raises
    ------
    ContractRefused : whatever the ledger refuses, before anything is proven.
    BadInput : key, epoch or opening belong to something else.
    """
    require_opening(there, opening, account)
    value = short_of(there, on, opening, account)
    if isinstance(value, Solvent):
        return value
    version = there.ledger.version_of(account)
    require_but_proofs(lambda: there.ledger.attempt("proveShortfall", account, on.epoch_id, version, value, 0,
                                                    list(on.factors), list(NO_PROOF), sender=sender))
    context = there.ledger.context("cover", require_in_force(there, keys, "cover"), account, on.epoch_id, version)
    words = prove_cover(keys, on.epoch, opening, Claim(value, there.ledger.buffer_of(MAINTENANCE), False), context,
                        progress=progress)
    return account, on.epoch_id, version, value, 0, list(on.factors), words


def prove_short(site: Site, keys: KeyDirectory, on: Ground, opening: Opening, account: str, *, sender: str,
                progress: Progress = quiet) -> Shortfall | Solvent:
    """A shortfall for what cannot be undone, under a final epoch that came after the call; raises as `prove_call`."""
    there = site.there
    require_opening(there, opening, account)
    value = short_of(there, on, opening, account)
    if isinstance(value, Solvent):
        return value
    made = Shortfall(on.epoch_id, value, on.factors)
    require_but_proofs(lambda: site.closes.attempt("showShortfall", account, made.argument(), sender=sender))
    words = _side0(site, keys, on, opening, account, there.ledger.version_of(account), value,
                   there.ledger.buffer_of(MAINTENANCE), progress)
    return made._replace(words=words)


def _side0(site: Site, keys: KeyDirectory, on: Ground, opening: Opening, account: str, version: int, value: int,
           buffer: int, progress: Progress) -> list[int]:
    context = _context(site.closes, "cover", require_in_force(site.there, keys, "cover"), account, on.epoch_id, version)
    return prove_cover(keys, on.epoch, opening, Claim(value, buffer, False), context, progress=progress)


def _context(manager: Contract, statement: str, key_digest: bytes, account: str, epoch_id: int, version: int
             ) -> Context:
    return Context(statement, manager.chain.chain_id, manager.address, key_digest, account, epoch_id, version,
                   ATTESTATION)


def prove_lot_margin(site: Site, keys: KeyDirectory, on: Ground, opening: Opening, account: str, *,
                     progress: Progress = quiet) -> tuple[int, list[int]]:
    """M of an account, and the words by which a lot is opened with it; it is public then."""
    require_opening(site.there, opening, account)
    digest = require_in_force(site.there, keys, "margin")
    context = _context(site.closes, "margin", digest, account, on.epoch_id, site.there.ledger.version_of(account))
    bundle = prove_margin(keys, on.epoch, opening, context, progress=progress)
    return required_margin(on.epoch, opening), proof_words(bundle.proof)


# -- partial closes ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class CloseKeys:
    """Key directories of the statements in force. flat : for a close of everything."""

    transition: KeyDirectory
    cover: KeyDirectory
    escrow: KeyDirectory
    flat: KeyDirectory | None = None


@dataclass(frozen=True)
class Misfit:
    """A close that is not what an account needs: V, and between which it would have to be, 10**-6 quote units."""

    value: int
    least: int
    most: int


def after_close(keys: CloseKeys, opening: Opening, fills: Sequence[tuple[int, int]], kept: Opening | None) -> Opening:
    """The opening that forced fills lead to.

    kept : of an earlier run; it is gone on with.

    Raises
    ------
    BadInput : it is of another step.
    """
    after = moved(keys.transition, opening, fills, salt=None if kept is None else kept.salt)
    if kept is not None and kept != after:
        raise BadInput("--out", "(hidden)", "a path where nothing is yet, or what an earlier run kept for this close")
    return after


def fit(site: Site, on: Ground, after: Opening, account: str) -> tuple[int, Misfit | None]:
    """V after a close, and whether it is in the two-sided band: covered at initial margin, and no more than delta
    further."""
    value, required = site.there.vault.value_of(account, on.epoch_id, on.factors), required_margin(on.epoch, after)
    initial = site.there.ledger.buffer_of(INITIAL)
    least, above = least_value(required, initial), least_value(required, initial + site.closes.band())
    return value, None if least <= value < above else Misfit(value, least, above - 1)


def prove_close(site: Site, keys: CloseKeys, final: Ground, on: Ground, opening: Opening, after: Opening, account: str,
                fills: Sequence[tuple[int, int]], cash: int, concession: int, nonce: int, *, venue: str, sign: Sign,
                valid_for: int, sender: str, progress: Progress = quiet) -> Closing | Solvent | Misfit:
    """Everything of a forced close: shortfall, signed fills, transition, escrow, cover and band.

    final, on : epochs of the shortfall, and of cover and band.  fills : (instrument id, signed lots).
    cash, concession : 10**-6 quote units.  nonce : hides the fills.  venue, sign : who signs them.

    Raises
    ------
    ContractRefused : whatever the contract refuses, before anything is proven.
    BadInput : keys, epochs or openings belong to something else; the account is another venue's.
    """
    there = site.there
    holder = there.ledger.venue_of(account)
    if holder != venue:
        raise BadInput("--account", account, f"an account of {venue}, who signs; it is that of {holder}")
    version = there.ledger.version_of(account) + 1
    flat = not any(lots for _, lots in after.slots)
    value, misfit = fit(site, on, after, account)
    if misfit is not None and not flat:
        return misfit
    short = prove_short(site, keys.cover, final, opening, account, sender=sender, progress=progress)
    if isinstance(short, Solvent):
        return short
    digest = fill_digest(keys.transition.statement, fills, nonce)
    deadline = there.chain.clock() + valid_for
    signature = sign(there.desk.forced_fills(account, venue, version, digest, cash, concession, deadline).typed_data())
    context = there.ledger.context("transition", require_in_force(there, keys.transition, "transition"), account, 0,
                                   version)
    words = prove_transition(keys.transition, opening, fills, nonce, after, context, progress=progress)
    forced = ForcedFills(account, version, after.commitment, digest, cash, concession, deadline, signature, words)
    sealed = seal_next(there, keys.escrow, after, account, version, there.escrow.keys_for(account), progress=progress)
    above = least_value(required_margin(on.epoch, after), there.ledger.buffer_of(INITIAL) + site.closes.band())
    missing = value if flat else claim_of(value, above - 1)
    cover_words, band_words = _cover_and_band(site, keys, on, after, account, version, (value, missing), flat, progress)
    return Closing(forced, short, posting(sealed), flat, on.epoch_id, value, missing, on.factors, cover_words,
                   band_words)


def _cover_and_band(site: Site, keys: CloseKeys, on: Ground, after: Opening, account: str, version: int,
                    claims: tuple[int, int], flat: bool, progress: Progress) -> tuple[Sequence[int], Sequence[int]]:
    """claims : V that covers, and V that is short of initial margin and the band."""
    ledger, (value, missing) = site.there.ledger, claims
    if flat:
        if keys.flat is None:
            raise BadInput("--flat-key", None, "given: these fills leave nothing, which has to be proven")
        context = ledger.context("flat", require_in_force(site.there, keys.flat, "flat"), account, 0, version)
        return prove_flat(keys.flat, after, context, progress=progress), NO_PROOF
    digest, initial = require_in_force(site.there, keys.cover, "cover"), ledger.buffer_of(INITIAL)
    context = ledger.context("cover", digest, account, on.epoch_id, version)
    words = prove_cover(keys.cover, on.epoch, after, Claim(value, initial, True), context, progress=progress)
    return words, _side0(site, keys.cover, on, after, account, version, missing, initial + site.closes.band(), progress)


def posting(sealed: Sealing) -> Posting:
    """An escrow as the contracts of liquidation take it."""
    return Posting(sealed.digest, sealed.words, sealed.proof)


# -- awards ------------------------------------------------------------------------------------------------------------
def resalted(keys: KeyDirectory, opening: Opening, kept: Opening | None) -> Opening:
    """The same positions under a salt that nobody knows who saw the opening; raises BadInput if what was kept holds
    others."""
    after = moved(keys, opening, [], salt=None if kept is None else kept.salt)
    if kept is not None and kept != after:
        raise BadInput("--out", "(hidden)", "a path where nothing is yet, or what an earlier run kept for this award")
    return after


def prove_award(site: Site, keys: CloseKeys, final: Ground, on: Ground, opening: Opening, after: Opening, lot_id: int,
                to: str, *, sign: Sign, least_paid: int, valid_for: int, sender: str, progress: Progress = quiet
                ) -> Award | Solvent | Misfit:
    """Everything that gives a lot to its winner, who sends it: shortfall, re-salting, consent of the account that takes
    it, escrow, cover at initial margin.

    opening, after : of the lot's account, and the same under another salt.  to : an account never registered, which
    `sign` signs for; what its owner has deposited counts for the cover, beside the basket.
    least_paid : of a price below 0, the least that is taken from the fund at once, quote units; it is counted.

    Raises
    ------
    ContractRefused, BadInput : as `prove_close`.
    """
    there, own = site.there, site.coordinator.lot_of(lot_id)
    account, ledger = own.account, there.ledger
    key = there.escrow.key_of(to)
    if key is None:
        raise BadInput(f"key of {to}", None, "registered by it (`escrow key`): its opening is escrowed to it too")
    require_opening(there, opening, account)
    claimed = short_of(there, final, opening, account)
    if isinstance(claimed, Solvent):
        return claimed
    value = sum(there.vault.value_of(whose, on.epoch_id, on.factors) for whose in (account, to))
    value += _counted(site, on, least_paid)
    least = least_value(required_margin(on.epoch, after), ledger.buffer_of(INITIAL))
    if value < least:
        return Misfit(value, least, least)
    consent = there.desk.hand_over_consent(to, own.venue, after.commitment, there.chain.clock() + valid_for)
    hand = HandOver(account, to, after.commitment, consent.deadline, sign(consent.typed_data()), NO_PROOF)
    made = Award(lot_id, hand, b"", least_paid, Shortfall(final.epoch_id, claimed, final.factors),
                 Posting(0, (), NO_PROOF), on.epoch_id, value, on.factors, NO_PROOF)
    require_but_proofs(lambda: site.coordinator.attempt("award", made.argument(), sender=sender))
    short = prove_short(site, keys.cover, final, opening, account, sender=sender, progress=progress)
    if isinstance(short, Solvent):
        return short
    context = ledger.context("transition", require_in_force(there, keys.transition, "transition"), to, 0, 1)
    words = prove_transition(keys.transition, opening, [], 0, after, context, progress=progress)
    holders = there.escrow.keys_for(account)
    sealed = seal_next(there, keys.escrow, after, to, 1, Keys(holders.venue, holders.committee, key,
                                                              holders.generation), progress=progress)
    context = ledger.context("cover", require_in_force(there, keys.cover, "cover"), to, on.epoch_id, 1)
    cover_words = prove_cover(keys.cover, on.epoch, after, Claim(value, ledger.buffer_of(INITIAL), True), context,
                              progress=progress)
    return made._replace(hand_over=hand._replace(words=words), shortfall=short, escrow=posting(sealed),
                         cover_words=cover_words)


def _counted(site: Site, on: Ground, amount: int) -> int:
    """What an amount of the quote asset counts for, rounded down."""
    factor = next((one.v for one in on.factors if one.asset == site.there.vault.quote_id()), 0)
    return amount * factor >> 64


def show_before(site: Site, award: Award, *, sender: str) -> Award:
    """Show the four proofs in transactions of their own; the award whose own transaction is smaller
    (docs/liquidation.md), and wants the same of what stands then.

    It keeps the proof of the shortfall, which is not looked at while what was shown stands: of an account the last that
    was shown is kept alone, and another who knows the opening could show another one in front of the award.
    """
    there, hand, sealed = site.there, award.hand_over, award.escrow
    ledger = there.ledger
    site.coordinator.show_shortfall(award.lot_id, award.shortfall, sender=sender)
    there.desk.transact("showResalting", hand.account, hand.to, hand.new_commitment, site.coordinator.empty()[0],
                        list(hand.words), sender=sender)
    there.escrow.show(hand.to, ledger.venue_of(hand.account), 1, hand.new_commitment, sealed.digest, sealed.words,
                      sealed.proof, sender=sender)
    context = ledger.context("cover", there.registry.active("cover").key_digest, hand.to, award.epoch_id, 1)
    claim = award.claimed | ledger.buffer_of(INITIAL) << 128 | 1 << 144
    there.attestor.show_cover(context.field_element(), there.oracle.root_of(award.epoch_id), hand.new_commitment, claim,
                              award.cover_words, sender=sender)
    return award._replace(hand_over=hand._replace(words=NO_PROOF), escrow=sealed._replace(words=(), proof=NO_PROOF),
                          cover_words=NO_PROOF)


__all__ = ["Award", "CloseKeys", "Misfit", "Solvent", "after_close", "fit", "prove_award", "prove_call",
           "prove_close", "prove_lot_margin", "prove_short", "resalted", "show_before"]
