"""How a system of contracts is now: its newest epoch, whether margins are taken, what is paused, what is still to do.

Read from the contracts alone, without events: a dozen questions, on a chain of any age.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from verifier_contracts.errors import ContractRefused
from verifier_contracts.open_steps import open_steps

from .governing import CLASSES

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts, System

MARGIN = "margin"


@dataclass(frozen=True)
class SystemState:
    """Times are seconds since 1970. now : the next block's.

    epoch_id, root : of the newest epoch, 0 before the first.  final_epoch_id : of the newest that is final, or 0.
    frozen : whether the newest counts no more; held_until : last second of a guardian's freeze of it, in the past or 0
    if there is none.  max_age : seconds for which an epoch is taken; interval : between epochs, at least; heartbeat :
    after which live time stops.  behind : seconds by which live time is behind.
    verifier : generation of the margin verifier in force, None if none is; rotated : it is not the deployment's.
    quorum, signers : of publishers.  accounts : with a commitment.  committee : its generation, 0 before the first.
    paused : classes of actions that are, with the first second at which each is open again.
    open_steps : what nobody has done yet, in words.
    """

    now: int
    block: int
    epoch_id: int
    root: int
    final_epoch_id: int
    frozen: bool
    held_until: int
    max_age: int
    interval: int
    heartbeat: int
    tripped: bool
    behind: int
    verifier: int | None
    rotated: bool
    quorum: int
    signers: int
    accounts: int
    committee: int
    paused: Mapping[str, int]
    open_steps: tuple[str, ...]

    @property
    def taken_until(self) -> int:
        """Last second at which margins of the newest epoch are taken, if nothing else happens; 0 before the first."""
        return self.epoch_id + self.max_age if self.epoch_id else 0

    @property
    def refusing(self) -> str:
        """Why no margin is taken now, in words; "" if margins are."""
        if not self.epoch_id:
            return "no epoch was published yet"
        if self.verifier is None:
            return "no margin verifier is in force"
        if self.frozen:
            return "the newest epoch is frozen"
        if self.held_until >= self.now:
            return "the newest epoch is held by the guardian"
        return "the newest epoch is too old" if self.now > self.taken_until else ""


def system_state(system: System, there: Contracts) -> SystemState:
    """Ask the contracts."""
    oracle, now, block = there.oracle, there.chain.next_time(), there.chain.block()
    latest = oracle.latest_epoch_id()
    root, frozen = oracle.stored_root_of(latest) if latest else (0, False)
    generation, rotated = None, False
    try:
        active = there.registry.active(MARGIN)
        generation, rotated = active.generation, active.verifier != system.installed(MARGIN).verifier
    except ContractRefused as refused:
        if refused.name != "NoVerifier":
            raise
    paused = {name: getattr(there, contract).paused_until(number) for name, (number, contract) in CLASSES.items()}
    publishers = oracle.signers()
    return SystemState(
        now, block.number, latest, root, oracle.latest_final_epoch_id(), frozen,
        oracle.facts_of(latest).held_until if latest else 0, there.ledger.max_epoch_age(), oracle.min_interval(),
        int(oracle.read("heartbeat")), oracle.is_tripped(), max(0, block.timestamp - oracle.live_time()), generation,
        rotated, publishers.quorum, len(publishers.signers), there.desk.accounts(), there.escrow.generation(),
        {name: until for name, until in paused.items() if until > now}, tuple(open_steps(there)))
