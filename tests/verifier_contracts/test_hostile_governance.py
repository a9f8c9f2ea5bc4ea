"""Attacks on roles and delays, by an admin whose key was stolen and by a guardian: each fails, and shows what stops it.

Numbers are those of docs/attacks.md.
"""

from __future__ import annotations

import pytest
from ledger_world import ADMIN, GUARDIAN, refused, statement_id
from system_world import SystemWorld
from world import HOUR

from verifier_contracts.abi import encode_call

DAY = 24 * HOUR


def hasty(w: SystemWorld) -> list[tuple[str, list[object]]]:
    """What an admin in a hurry would do to authority itself."""
    vault = w.vault.address
    return [("grantRole", [ADMIN, w.stranger, 0]), ("grantRole", [ADMIN, w.admin, 0]),
            ("revokeRole", [GUARDIAN, w.guardian]), ("setRoleAdmin", [GUARDIAN, 2]), ("setRoleGuardian", [2, 2]),
            ("setGrantDelay", [2, 0]), ("setTargetAdminDelay", [vault, 0]), ("updateAuthority", [vault, w.stranger]),
            ("setTargetFunctionRole", [vault, [bytes.fromhex("12345678")], 2]), ("setTargetClosed", [vault, True])]


@pytest.mark.parametrize("place", range(10))
def test_an_admin_waits_for_whatever_would_shorten_its_wait(system_world: SystemWorld, place: int) -> None:
    w = system_world
    function, arguments = hasty(w)[place]
    with refused("AccessManagerNotScheduled"):
        w.authority.transact(function, *arguments, sender=w.admin)
    data = encode_call(w.authority.artifact, function, arguments)
    now = w.chain.now()
    with refused("AccessManagerUnauthorizedCall"):                      # sooner than its delay
        w.authority.transact("schedule", w.authority.address, data, now + 7 * DAY - HOUR, sender=w.admin)
    w.authority.transact("schedule", w.authority.address, data, 0, sender=w.admin)
    w.later(7 * DAY - HOUR)
    with refused("AccessManagerNotReady"):
        w.authority.transact(function, *arguments, sender=w.admin)
    for sender in (w.stranger, w.guardian):
        with refused("AccessManagerUnauthorizedAccount"):
            w.authority.transact(function, *arguments, sender=sender)


def test_a_guardian_grants_nothing_and_opens_nothing(system_world: SystemWorld) -> None:
    w = system_world
    with refused("AccessManagerUnauthorizedAccount"):
        w.authority.transact("grantRole", GUARDIAN, w.stranger, 0, sender=w.guardian)
    for contract, function, arguments in ((w.vault, "openAsset", (w.vault.address,)),
                                          (w.registry, "announce", None), (w.desk, "reassignAccount",
                                                                           (w.owner.address, w.venue))):
        if arguments is not None:
            with refused("AccessManagedUnauthorized"):
                contract.transact(function, *arguments, sender=w.guardian)
    with refused("NotAnnounced"):
        w.registry.transact("cancel", statement_id("margin"), sender=w.guardian)


def test_what_a_guardian_does_lapses(system_world: SystemWorld) -> None:
    """Exits paused, epoch held: a day later a flat account has long left, and others leave too."""
    w = system_world
    w.vault.transact("pause", 1, DAY, sender=w.guardian)
    with refused("PausedTooRecently"):
        w.vault.transact("pause", 1, DAY, sender=w.guardian)
    with refused("PauseTooLong"):
        w.vault.transact("pause", 3, DAY + 1, sender=w.guardian)
    w.later(DAY)
    assert w.vault.read("pausedUntil", 1) <= w.chain.now()
    with refused("PausedTooRecently"):
        w.vault.transact("pause", 1, HOUR, sender=w.guardian)
