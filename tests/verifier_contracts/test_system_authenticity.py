"""Every contract of a system is ours byte for byte, wired and governed as the file says; each lie is found by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ledger_world import send_contract
from system_world import LAYOUT, SystemWorld
from toykey import ToyKey

from verifier_contracts.compiler import compile_contracts
from verifier_contracts.governance import Role
from verifier_contracts.system import CONTRACTS, System
from verifier_contracts.system_authenticity import expected_code, system_authenticity


def differing(world: SystemWorld, system: System, keys: Any = None) -> list[str]:
    return [check.what for check in system_authenticity(world.chain, system, keys) if not check.holds]


def test_a_system_as_deployed_is_authentic_with_all_keys(system_world: SystemWorld) -> None:
    keys = {slot: key.verification_key for slot, key in system_world.keys.items()}
    checks = system_authenticity(system_world.chain, system_world.system, keys)
    assert [check for check in checks if not check.holds] == []
    assert {f"{name}'s code" for name in CONTRACTS} <= {check.what for check in checks}
    assert {f"verifier of {slot}: its code" for slot in keys} <= {check.what for check in checks}


def test_a_foreign_key_is_seen(system_world: SystemWorld) -> None:
    other = ToyKey(4, seed="other").verification_key
    assert differing(system_world, system_world.system, {"margin": other}) == ["verifier of margin: its code"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_one_changed_byte_of_a_contract_is_seen_immutables_too(system_world: SystemWorld, name: str) -> None:
    code = system_world.chain.code(system_world.system.contracts[name])
    assert code == expected_code(system_world.system, name)
    artifact = compile_contracts()[CONTRACTS[name]]
    places = [start + length - 1 for group in artifact.immutables.values() for start, length in group]
    for place in (0, len(code) // 2, len(code) - 1, *places):
        changed = bytearray(code)
        changed[place] ^= 1
        assert bytes(changed) != expected_code(system_world.system, name)
    assert code + b"\0" != expected_code(system_world.system, name)


def test_settings_exchanged_are_another_code(system_world: SystemWorld) -> None:
    """Lanes for width, and an age for another: the same set of values in other places."""
    system = system_world.system
    swapped = replace(system.settings, layout=LAYOUT._replace(lanes=LAYOUT.width, width=LAYOUT.lanes))
    assert expected_code(replace(system, settings=swapped), "court") != expected_code(system, "court")
    ages = replace(system.settings, max_epoch_age=system.settings.exit_epoch_age,
                   exit_epoch_age=system.settings.max_epoch_age)
    assert expected_code(replace(system, settings=ages), "ledger") != expected_code(system, "ledger")
    assert len({expected_code(system, "settlement", decimals) for decimals in (0, 6, 18, 255)}) == 4


def test_another_vault_of_the_same_code_is_seen(system_world: SystemWorld) -> None:
    """A vault that holds other money, ours to the last byte, but not the ledger's."""
    w = system_world
    at = w.system.contracts
    other = send_contract(w.chain, "CollateralVault", [at["authority"], (
        at["oracle"], at["ledger"], at["marks"], w.coin.address, w.system.quote_id, 10**15)])
    lie = replace(w.system, contracts={**at, "vault": other.address})
    assert {"ledger's code", "ledger.vault", "settlement's code", "settlement.vault"} <= set(differing(w, lie))


def test_other_code_at_an_address_is_seen(system_world: SystemWorld) -> None:
    """The lens, which no contract points at."""
    w = system_world
    lie = replace(w.system, contracts={**w.system.contracts, "lens": w.combiner.address})
    assert differing(w, lie) == ["lens's code"]


def test_a_hand_that_the_file_does_not_name_is_seen_and_one_that_lost_its_role(system_world: SystemWorld) -> None:
    w = system_world
    authority = w.at.authority
    for call in ((authority.grant, Role.GUARDIAN, w.stranger), (authority.revoke, Role.VENUE, w.other_venue)):
        call[0](*call[1:], sender=w.admin)  # type: ignore[operator]
        w.later(7 * 86_400)
        call[0](*call[1:], sender=w.admin)  # type: ignore[operator]
    assert set(differing(w, w.system)) == {f"guardian: {w.stranger}", f"venue: {w.other_venue}"}


def test_another_delay_and_another_role_of_a_function_are_seen(system_world: SystemWorld) -> None:
    w = system_world
    lie = replace(w.system, grants=tuple(replace(one, delay=60) if one.role == Role.ADMIN else one
                                         for one in w.system.grants))
    assert differing(w, lie) == [f"admin: {w.admin}"]
    for _ in range(2):
        w.at.authority.assign(w.vault.address, ["raiseCap(address,uint96)"], Role.RISK, sender=w.admin)
        w.later(7 * 86_400)
    assert differing(w, w.system) == ["vault.raiseCap is"]


def test_after_a_rotation_the_check_says_so(system_world: SystemWorld) -> None:
    w = system_world
    w.at.registry.distrust("margin", 1, sender=w.guardian)
    assert differing(w, w.system) == ["verifier of margin in force"]
