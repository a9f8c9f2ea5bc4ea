"""A guard: keeps one account covered for its owner, and tops it up within what she allows.

It watches each epoch. Where the cover is about to run out, the account is called, or its collateral has fallen below
what it needs, it shows cover by the opening; where collateral does not suffice it first deposits what lacks, out of the
sender's balance, and no more in a day than its allowance. A call is cured at initial margin or not at all: money that
cures nothing stays where it is.

Whoever runs it needs the opening and money, and no key of the owner's: cover and deposits are anybody's to make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from committee.decryption import open_alone
from committee.members import Identity
from primitives.errors import BadInput
from verifier_contracts.bindings import GAS_CAPS
from verifier_contracts.chain import Receipt
from verifier_contracts.errors import ContractRefused
from verifier_contracts.ledger import INITIAL, MAINTENANCE, Source

from . import escrowing, withdrawing
from .covering import least_value, required_margin
from .keeping import DAY, Budget, DutyStep
from .keys import KeyDirectory
from .liquidation_reading import OLDER_EPOCHS, FactorBook, Site
from .liquidation_state import State
from .progress import Progress, quiet
from .secret import Opening
from .watching import Library
from .withdrawing import Ground

if TYPE_CHECKING:
    from verifier_contracts.system import System

_DEPOSIT_GAS = 400_000
"""An approval and a deposit."""
Find = Callable[[int], Opening | None]
"""The opening of a commitment, if it is at hand."""


@dataclass
class Allowance(Budget):
    """Quote units that may be deposited in a day (UTC), kept like a keeper's gas.

    about : the account.  sender : whose money.  What is to leave is booked before it does, for what was deposited is
    the node's word: one that lies could have a guard pay without end.
    """

    SCHEMA: ClassVar[str] = "tailproof.guard-journal/1"
    ABOUT: ClassVar[str] = "account"


@dataclass(frozen=True)
class Means:
    """What a guard may use.

    cover : key of the statement in force.  allowance : None tops nothing up.
    quantum : top-ups are multiples of so many quote units: one of just what is missing tells everybody the margin.
    renew : seconds before its end at which a cover is renewed.  step : of the ladder of buffers that is shown, where
    collateral reaches so far.
    """

    cover: KeyDirectory
    allowance: Allowance | None
    quantum: int
    renew: int
    step: int = INITIAL


class Need(NamedTuple):
    """What an account needs. step : of the ladder that is to be shown; None: none can be.  amount : to be deposited
    before, quote units.  lacks : in words, what keeps it from more."""

    step: int | None
    amount: int = 0
    lacks: str = ""


@dataclass
class Guarding:
    """The duty of a guard, for one account.

    find : its openings.  library, factors : epochs, and their lists of collateral factors.  sender : who pays.
    """

    name: ClassVar[str] = "guard"
    site: Site
    account: str
    find: Find
    means: Means
    library: Library
    factors: FactorBook
    sender: str
    progress: Progress = quiet
    _troubles: list[str] = field(default_factory=list)

    def troubles(self) -> Sequence[str]:
        """Why the account may be without cover."""
        return list(self._troubles)

    def due(self, state: State) -> list[DutyStep]:
        """A top-up and a cover, or a cover, if the account needs one now."""
        self._troubles.clear()
        there = self.site.there
        word, commitment = there.ledger.state_of(self.account), there.ledger.commitment_of(self.account)
        covered = not there.ledger.is_reduce_only(self.account)
        if not word.version or not commitment:
            return self._trouble("it has no commitment: nothing can be shown of it until its venue registers one")
        if covered and word.source is Source.FLAT:
            return []
        opening = self.find(commitment)
        if opening is None:
            return self._trouble("no opening of its present commitment is at hand: it was traded, and the new one is "
                                 "missing here")
        on = ground_of(self.site, self.library, self.factors)
        if on is None:
            return self._trouble("no young epoch is at hand whose list of factors is known (--epochs)")
        value = there.vault.value_of(self.account, on.epoch_id, on.factors)
        required = required_margin(on.epoch, opening)
        short = value < least_value(required, there.ledger.buffer_of(MAINTENANCE))
        if covered and not short and (word.clock > state.now.wall + self.means.renew or word.epoch_id >= on.epoch_id):
            return []
        need = self._need(on, value, required, word.called, state.now.wall // DAY)
        if need.lacks:
            self._trouble(need.lacks)
        steps = []
        if need.amount:
            steps.append(DutyStep("top-up", f"account {self.account}", self._top_up(need.amount, state.now.wall // DAY),
                                  _DEPOSIT_GAS))
        if need.step is not None:
            steps.append(DutyStep("cover", f"account {self.account}", self._cover(on, opening, need.step),
                                  GAS_CAPS["attestCover"]))
        return steps

    def _trouble(self, said: str) -> list[DutyStep]:
        self._troubles.append(f"account {self.account}: {said}")
        return []

    # -- how much ------------------------------------------------------------------------------------------------------
    def _need(self, on: Ground, value: int, required: int, called: bool, day: int) -> Need:
        buffer = self.site.there.ledger.buffer_of
        for step in range(self.means.step, INITIAL - 1, -1):
            if value >= least_value(required, buffer(step)):
                return Need(step)
        amount = self.missing(on, least_value(required, buffer(INITIAL)) - value)
        lacks = self._not_payable(amount, day)
        if not lacks:
            return Need(INITIAL, amount)
        if not called and value >= least_value(required, buffer(MAINTENANCE)):
            return Need(MAINTENANCE, 0, f"covered at maintenance margin alone, for {lacks}")
        return Need(None, 0, f"NOT covered, and {lacks}")

    def missing(self, on: Ground, value: int) -> int:
        """Quote units that count for so much, 10**-6 quote units, as a multiple of the quantum."""
        factor = next((one.v for one in on.factors if one.asset == self.site.there.vault.quote_id()), 0)
        if not factor:
            raise BadInput("factors", on.epoch_id, "an epoch in which the quote asset counts for something")
        units = -(-(value << 64) // factor)
        return -(-units // self.means.quantum) * self.means.quantum

    def _not_payable(self, amount: int, day: int) -> str:
        """In words, why so much is not deposited; empty if it may be."""
        allowance = self.means.allowance
        if allowance is None:
            return f"it takes a top-up of {amount}, and none is allowed (--top-up)"
        if amount > allowance.room(day):
            return (f"it takes a top-up of {amount}: of the {allowance.most} that are allowed a day "
                    f"{allowance.room(day)} are left")
        has = self.site.coin.balance_of(self.sender)
        return f"it takes a top-up of {amount}, and {self.sender} has {has}" if has < amount else ""

    # -- doing ---------------------------------------------------------------------------------------------------------
    def _top_up(self, amount: int, day: int) -> Callable[[str], Receipt]:
        allowance, chain = self.means.allowance, self.site.chain

        def send(sender: str) -> Receipt:
            assert allowance is not None
            signed = chain.signed_gas
            allowance.book(day, amount)
            try:
                return withdrawing.deposit(self.site.there, self.site.coin, self.account, amount, sender=sender)[-1]
            finally:
                if chain.signed_gas == signed:             # nothing is out: nothing can have been deposited
                    allowance.book(day, -amount)

        return send

    def _cover(self, on: Ground, opening: Opening, step: int) -> Callable[[str], Receipt]:
        return lambda sender: withdrawing.attest_cover(
            self.site.there, self.means.cover, on, opening, self.account, step, sender=sender,
            progress=self.progress)[1]


# -- epochs ------------------------------------------------------------------------------------------------------------
def ground_of(site: Site, library: Library, book: FactorBook, *, final: bool = False) -> Ground | None:
    """The newest epoch that proofs may name, or with `final` that irreversible ones may, and that is at hand."""
    there = site.there
    oracle, ledger = there.oracle, there.ledger
    epoch_id = oracle.latest_final_epoch_id() if final else oracle.latest_epoch_id()
    oldest = there.chain.next_time() - (ledger.final_epoch_age() if final else ledger.max_epoch_age())
    library.refresh()
    for _ in range(OLDER_EPOCHS):
        if not epoch_id or epoch_id < oldest:
            return None
        try:
            held = library.by_root(oracle.root_of(epoch_id))
            factors = None if held is None else book.find(there, epoch_id)
            if held is not None and factors is not None:
                return Ground(held.epoch, epoch_id, tuple(factors))
        except ContractRefused:                            # it is frozen: the one before counts
            pass
        epoch_id = oracle.facts_of(epoch_id).previous_id
    return None


# -- openings ----------------------------------------------------------------------------------------------------------
def from_files(paths: Sequence[Path]) -> Find:
    """Of salt files, or of folders of such, which are looked into anew each time."""
    def find(commitment: int) -> Opening | None:
        for path in paths:
            for one in sorted(path.iterdir()) if path.is_dir() else [path]:
                try:
                    opening = Opening.load(one)
                except BadInput:                           # something else that lies there
                    continue
                if opening.commitment == commitment:
                    return opening
        return None

    return find


def from_escrow(system: System, site: Site, account: str, identity: Identity, statement: str,
                progress: Progress = quiet) -> Find:
    """Of what was escrowed to its owner: whatever is posted is at hand.  statement : of the margin that cover bounds.
    """
    def find(commitment: int) -> Opening | None:
        last = escrowing.posted(system, site.there, account, progress=progress).get((account, commitment))
        if last is None or identity.key not in last.request.recipients:
            return None
        return escrowing.opening_of(last.request, open_alone(last.request, identity), statement)

    return find


def first_of(*sources: Find) -> Find:
    """The first that has it."""
    return lambda commitment: next((found for find in sources if (found := find(commitment)) is not None), None)


__all__ = ["Allowance", "Guarding", "Means", "Need", "first_of", "from_escrow", "from_files", "ground_of"]
