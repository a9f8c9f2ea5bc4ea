"""What each account's proof is to be good for: its context and, of a cover, its claim, as files or the chain say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from circuits.statements.cover import Claim
from primitives.errors import HIDDEN, BadInput, Said
from verifier_contracts.bulk import read_many
from verifier_contracts.context import Context
from verifier_contracts.ledger import INITIAL, MAINTENANCE, AccountWord

from ..covering import least_value, required_margin
from ..epochs import AnyEpoch
from ..secret import Opening
from ..withdrawing import factors_hash
from .work import Job

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts, System
    from verifier_contracts.vault import Factor

KINDS = ("margin", "cover")
"""What is proven for many."""


@dataclass(frozen=True)
class State:
    """An account as the ledger has it. commitment : 0 for an account never registered."""

    word: AccountWord
    commitment: int


def states(there: Contracts, accounts: Sequence[str]) -> dict[str, State]:
    """State and commitment of accounts, in two requests for some hundred; raises ImplausibleAnswer, NodeError."""
    of = [[account] for account in accounts]
    return {account: State(AccountWord(*word), commitment) for account, word, (commitment,) in
            zip(accounts, read_many(there.ledger, "stateOf", of, 6), read_many(there.ledger, "commitmentOf", of, 1),
                strict=True)}


@dataclass
class Contexts:
    """Jobs of one key in one published epoch.

    kind : of KINDS.  key_digest : of the key that the proofs are by.
    there : the contracts; None: files say everything, and only margins are proven.
    factors : the list that the epoch was signed with, for covers.  step : of the ladder that is shown where collateral
    reaches so far.
    """

    kind: str
    system: System
    key_digest: bytes
    epoch: AnyEpoch
    epoch_id: int
    there: Contracts | None = None
    factors: tuple[Factor, ...] = ()
    step: int = INITIAL
    _states: dict[str, State] = field(default_factory=dict)
    _values: dict[str, int] = field(default_factory=dict)

    def look(self, accounts: Sequence[str]) -> dict[str, State]:
        """Ask for the states of many at once; jobs are made by these."""
        if self.there is not None:
            self._states = states(self.there, accounts)
        return self._states

    def value(self, accounts: Sequence[str]) -> None:
        """Ask for the collateral of many at once, where jobs are covers; these are made by it.

        Raises
        ------
        BadInput : the factors are not those that the epoch was signed with.
        """
        if self.there is None or self.kind != "cover" or not accounts:
            return
        signed = self.there.oracle.factors_hash_of(self.epoch_id)
        if factors_hash(self.factors) != signed:   # the vault compares them with nothing where it is asked for many
            raise BadInput("factors", Said(f"of hash 0x{factors_hash(self.factors).hex()}"), f"of hash "
                           f"0x{signed.hex()}, with which epoch {self.epoch_id} was signed")
        self._values = dict(zip(accounts, self.there.vault.values_of(accounts, self.epoch_id, self.factors),
                                strict=True))

    def job(self, account: str, opening: Opening, version: int | None = None, source: Path | None = None) -> Job:
        """The job of an account.

        Parameters
        ----------
        version : of its state, as a file says; None: the chain's.  source : where the opening is from, for messages.

        Raises
        ------
        BadInput : file and chain differ; neither says the version; collateral covers at no step of the ladder.
        """
        if self.there is not None:
            found = self._states.get(account) or states(self.there, [account])[account]
            if found.commitment != opening.commitment:
                raise BadInput("opening", HIDDEN, "what opens the commitment registered for the account", source=source)
            if version is not None and version != found.word.version:
                raise BadInput("version in the name of the salt file", version,
                               f"{found.word.version}, the account's", source=source)
            version = found.word.version
        if version is None:
            raise BadInput("name of the salt file", None if source is None else source.name,
                           "ACCOUNT-VERSION.json, or give --rpc", source=source)
        context = Context(self.kind, self.system.chain_id, self.system.contracts["ledger"], self.key_digest, account,
                          self.epoch_id, version)
        return Job(opening, context, self._claim(account, opening) if self.kind == "cover" else None)

    def _claim(self, account: str, opening: Opening) -> Claim:
        """All that the vault counts, at the highest step up to the wanted one that it covers. V is public, and says
        nothing of the margin; the step says a little, as every cover does."""
        assert self.there is not None
        called = self._states[account].word.called if account in self._states else \
            self.there.ledger.state_of(account).called
        value = self._values[account] if account in self._values else self.there.vault.value_of(
            account, self.epoch_id, self.factors)
        required, ladder = required_margin(self.epoch, opening), self.system.settings.buffers
        for step in range(self.step, (INITIAL if called else MAINTENANCE) - 1, -1):
            if value >= least_value(required, ladder[step]):
                return Claim(value, ladder[step], True)
        raise BadInput("collateral", HIDDEN, "what covers the margin at " + (
            "initial margin, since the account is called" if called else "maintenance margin at least"))
