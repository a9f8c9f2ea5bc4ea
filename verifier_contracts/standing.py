"""What an account's margin is worth now: the state that the contract stores, judged as the contract judges it.

The stored margin outlives what it was proven for. `marginOf` refuses it after another commitment, under a frozen or an
old epoch and in a pause; whoever prints the state without saying so says more than the contract does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from verifier_contracts.bindings import AccountState, EpochRegistry, MarginManager
from verifier_contracts.errors import ContractRefused

Status = Literal["unknown account", "not attested", "paused", "frozen", "stale", "superseded", "valid"]


@dataclass(frozen=True)
class Standing:
    """An account's margin and what it is worth.

    status : the first that holds, in the order of `Status`. "superseded": the margin is readable, and a newer epoch
        has been published since.
    until : last second, since 1970, at which the margin is young enough; None where there is none.
    state : as stored; latest_epoch_id : the registry's.
    """

    status: Status
    until: int | None
    state: AccountState
    latest_epoch_id: int
    max_age: int

    @property
    def readable(self) -> bool:
        """Whether `marginOf` answers."""
        return self.status in ("valid", "superseded")


def standing(registry: EpochRegistry, manager: MarginManager, account: str, max_age: int | None = None) -> Standing:
    """Judge an account's margin at the time of the next block.

    Parameters
    ----------
    max_age : seconds for which an epoch is young enough to the reader; by default the manager's `maxEpochAge`.

    Raises
    ------
    NodeError : the node fails, or its clock is not near ours.
    """
    age = manager.max_epoch_age() if max_age is None else max_age
    state, latest = manager.state_of(account), registry.latest_epoch_id()
    until = state.epoch_id + age if state.attested_at else None
    return Standing(_status(registry, manager, account, state, until, latest, age), until, state, latest, age)


def _status(registry: EpochRegistry, manager: MarginManager, account: str, state: AccountState, until: int | None,
            latest: int, age: int) -> Status:
    if not state.version:
        return "unknown account"
    if until is None:
        return "not attested"
    if manager.paused():
        return "paused"
    try:
        registry.root_of(state.epoch_id)
    except ContractRefused as refused:
        if refused.name != "FrozenEpoch":
            raise
        return "frozen"
    if manager.chain.next_time() > until:
        return "stale"
    try:
        manager.margin_of(account, age)                      # the contract's own word, which counts
    except ContractRefused as refused:
        if refused.name != "StaleMargin":
            raise
        return "stale"
    return "valid" if state.epoch_id >= latest else "superseded"
