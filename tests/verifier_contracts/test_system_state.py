"""How a system of contracts says that it is: whether margins are taken, and why not, as its ledger judges."""

from __future__ import annotations

from ledger_world import MAX_AGE, MINUTE
from system_world import SystemWorld
from world import refused

from tailproof.system_state import SystemState, system_state


def state(world: SystemWorld) -> SystemState:
    return system_state(world.system, world.at)


def test_margins_are_taken_until_the_newest_epoch_is_too_old(system_world: SystemWorld) -> None:
    w = system_world
    found = state(w)
    assert (found.refusing, found.epoch_id, found.root, found.taken_until) == ("", w.epoch, w.root, w.epoch + MAX_AGE)
    assert (found.accounts, found.quorum, found.signers, found.rotated, found.tripped) == (1, 2, 3, False, False)
    w.chain.travel_to(found.taken_until - 1)       # the next block is of the last second
    assert state(w).refusing == ""
    w.later(2)
    assert state(w).refusing == "the newest epoch is too old"
    with refused("StaleEpoch"):
        w.attest()
    w.next_epoch(5 * MINUTE)
    assert state(w).refusing == ""


def test_what_is_held_frozen_paused_or_distrusted_is_told(system_world: SystemWorld) -> None:
    w = system_world
    w.at.oracle.hold(w.epoch, 600, sender=w.guardian)
    assert state(w).refusing == "the newest epoch is held by the guardian"
    with refused("FrozenEpoch"):
        w.attest()
    w.later(601)
    assert state(w).refusing == ""
    assert state(w).paused == {}
    w.at.authority.perform(w.at.desk, "pause", 0, 3_600, sender=w.guardian)
    assert list(state(w).paused) == ["open"]
    w.later(3_601)
    assert state(w).paused == {}
    newest = w.next_epoch(5 * MINUTE)
    w.at.registry.distrust("margin", 1, sender=w.guardian)
    assert (state(w).refusing, state(w).verifier) == ("no margin verifier is in force", None)
    with refused("NoVerifier"):
        w.attest(epoch=newest)
