"""What governance is told that contracts enforce, they enforce: every bound and direction, in code and behaviour."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import fundworld
import houseworld
import pytest
import revmchain
from oracle_world import LIMITS, OracleWorld
from world import refused

from primitives.errors import BadInput
from primitives.jsonio import Node
from tailproof import templates
from tailproof.parameter_calls import ADJUSTABLE, calls
from tailproof.parameters import Parameters
from tailproof.proposals import Proposal
from verifier_contracts.abi import decode_call
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.parameter_bounds import BOUNDS, DIRECTIONS, Bound, Direction
from verifier_contracts.role_table import FUNCTIONS
from verifier_contracts.system import CONTRACTS
from verifier_contracts.system_config import SystemConfig

ROOM = Path(__file__).parent.parent.parent
SOLIDITY = ROOM / "verifier_contracts" / "solidity"
PAGE = (ROOM / "docs" / "governance.md").read_text()
EVERY = pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.path)
WAYS = pytest.mark.parametrize("way", DIRECTIONS, ids=lambda way: f"{way.function} {way.error}")


def body(where: tuple[str, str]) -> str:
    """A function of a Solidity file."""
    text = (SOLIDITY / where[0]).read_text()
    begin = text.index(f"function {where[1]}(")
    return text[begin:text.index("\n    }\n", begin)]


def system(path: str, value: int) -> SystemConfig:
    """The trial system with one other number."""
    document = json.loads(templates.system())
    section, key = path.split(".")
    if path == "oracle.move_limits":
        document[section][key][3] = value
    else:
        document[section][key] = str(value) if isinstance(document[section][key], str) else value
    if path == "oracle.min_interval":
        document["oracle"]["heartbeat"] = 86_400
    if path == "oracle.heartbeat":
        document["oracle"]["min_interval"] = 60
    if path == "oracle.required_lag":                    # what auctions and their approach take must fit in it
        document["liquidation"]["time_before"] = 1
    return SystemConfig.parse(Node(document))


@EVERY
def test_the_configuration_has_the_same_bounds(bound: Bound) -> None:
    ends = [bound.high] if bound.path == "oracle.required_lag" else [bound.low, bound.high]
    for inside in ends:
        system(bound.path, inside)
    for outside in (bound.low - 1, bound.high + 1):
        with pytest.raises(BadInput, match=bound.path.split(".")[1]):
            system(bound.path, outside)


@EVERY
def test_code_refuses_by_that_name(bound: Bound) -> None:
    assert bound.error in body(bound.where)
    for function in bound.functions:
        assert function in FUNCTIONS[bound.contract]
        assert bound.where[1] in body((bound.where[0], function)) or "_setLimits" in body((bound.where[0], function))


@WAYS
def test_a_direction_is_in_the_code_and_the_roles(way: Direction) -> None:
    assert re.search(rf"revert {way.error}\(", body(way.where))
    assert FUNCTIONS[way.contract][way.function] == way.role
    abi = compile_contracts()[CONTRACTS[way.contract]].abi
    assert {way.function, way.error} <= {entry.get("name") for entry in abi}


def test_what_a_test_looks_for_can_be_missing() -> None:
    """The two above could not fail if a function's body were the whole file."""
    assert "NotTighter" not in body(("RiskOracle.sol", "setLimits"))
    assert "LimitOutOfBound" not in body(("RiskOracle.sol", "tightenLimits"))


def limits(bound: Bound, value: int) -> tuple[int, ...]:
    """Limits whose other numbers leave room for one."""
    name = bound.path.split(".")[1]
    if name == "move_limits":
        return LIMITS._replace(move_limits=(1_000, 1_000, 1_000, value)).words()
    room = {"min_interval": {"heartbeat": 86_400}, "heartbeat": {"min_interval": 60}}.get(name, {})
    return LIMITS._replace(**room, **{name: value}).words()


@pytest.mark.parametrize("bound", [one for one in BOUNDS if one.contract == "oracle"], ids=lambda bound: bound.path)
def test_the_oracle_refuses_what_is_outside(oracles: OracleWorld, bound: Bound) -> None:
    for inside in (bound.low, bound.high):
        oracles.oracle.check("setLimits", limits(bound, inside), sender=oracles.admin)
    # Beyond 16 bits nothing can be said.
    for outside in (bound.low - 1, *([] if bound.path == "oracle.move_limits" else [bound.high + 1])):
        with refused(bound.error):
            oracles.oracle.check("setLimits", limits(bound, outside), sender=oracles.admin)


def test_a_heartbeat_is_no_shorter_than_the_interval(oracles: OracleWorld) -> None:
    with refused("LimitOutOfBound"):
        oracles.oracle.check("setLimits", LIMITS._replace(min_interval=600, heartbeat=599).words(),
                             sender=oracles.admin)


@pytest.mark.parametrize("bound", [one for one in BOUNDS if one.contract == "house"], ids=lambda bound: bound.path)
def test_the_house_refuses_what_is_outside(bound: Bound) -> None:
    w = houseworld.build()
    place = ("seat_bond", "least_bond", "kappa").index(bound.path.split(".")[1])

    def bounds(value: int) -> tuple[int, ...]:
        return tuple(value if at == place else usual for at, usual in enumerate((1, 1, 5_000)))

    for inside in (bound.low, bound.high):
        w.house("setBounds", bounds(inside), sender=w.system.admin)
    for outside in (bound.low - 1, *([bound.high + 1] if bound.path.endswith("kappa") else [])):
        with revmchain.refused(bound.error):
            w.house("setBounds", bounds(outside), sender=w.system.admin)


@EVERY
def test_the_page_tells_of_every_bound(bound: Bound) -> None:
    row = next(line for line in PAGE.splitlines() if f"`{bound.path}`" in line)
    assert f"`{bound.error}`" in row
    assert all(f"`{function}`" in row for function in bound.functions)


@WAYS
def test_the_page_tells_of_every_direction(way: Direction) -> None:
    assert any(f"`{way.function}`" in line and f"`{way.error}`" in line and way.says in line
               for line in PAGE.splitlines())


# -- calls out of a proposal do what they say --------------------------------------------------------------------------
class There:
    """A deployment of which only addresses are asked."""

    def __init__(self, **addresses: str) -> None:
        self.contracts = dict.fromkeys(CONTRACTS, "0x" + "11" * 20) | addresses
        self.quote_token = "0x" + "22" * 20


def proposed(**changes: Any) -> Proposal:
    before, after = json.loads(templates.system()), json.loads(templates.system())
    for path, value in changes.items():
        section, key = path.split("__")
        after[section][key] = value
    sides = [Parameters.parse(Node({"schema": "tailproof.parameters/1", "chain_id": 31337, "oracle": "0x" + "33" * 20,
                                    "system": one})) for one in (before, after)]
    return Proposal(sides[0], sides[1], "me", "to see", 0, 10**6)


def made(there: There, **changes: Any) -> list[Any]:
    return calls(proposed(**changes), there)[0]                                            # type: ignore[arg-type]


def test_limits_of_a_proposal_are_set(oracles: OracleWorld) -> None:
    """Tightening by risk at once; loosening by the admin."""
    there = There(oracle=oracles.oracle.address)
    (tighter,) = made(there, oracle__move_limits=[900, 1_000, 1_000, 1_000])
    assert (tighter.function, tighter.role, tighter.delay) == ("tightenLimits", "risk", 0)
    oracles.chain.send(tighter.to, tighter.data, sender=oracles.risk)
    assert oracles.oracle.read("moveLimits") & 0xffff == 900
    (looser,) = made(there, oracle__heartbeat=900)
    assert (looser.function, looser.role, looser.delay) == ("setLimits", "admin", 7 * 86_400)
    oracles.chain.send(looser.to, looser.data, sender=oracles.admin)
    assert oracles.oracle.read("heartbeat") == 900


@pytest.mark.parametrize(("changes", "function", "role"), [
    ({"oracle__required_lag": 14_000}, "tightenLimits", "risk"), ({"oracle__min_interval": 300}, "setLimits", "admin"),
    ({"oracle__move_limits": [1_001, 1_000, 1_000, 1_000]}, "setLimits", "admin"),
    ({"vault__quote_cap": "5"}, "lowerCap", "risk"), ({"vault__quote_cap": str(10**16)}, "raiseCap", "loosening"),
    ({"vault__assets": [{"token": "0x" + "44" * 20, "id": 9, "cap": "1"}]}, "listAsset", "admin"),
    ({"liquidation__fund_caps": {"account": "1", "epoch": "1", "day": "1"}}, "tightenCaps", "risk"),
    ({"liquidation__fund_caps": {"account": str(10**12), "epoch": "1", "day": "1"}}, "setCaps", "admin"),
    ({"liquidation__kappa": 6_000}, "raiseBounds", "risk"), ({"liquidation__seat_bond": "5"}, "setBounds", "admin"),
    ({"liquidation__fund_agent": "0x" + "55" * 20}, "setFundAgent", "admin"),
    ({"publishers__quorum": 3}, "rotateSigners", "admin")])
def test_each_adjustable_parameter_has_its_call(changes: dict[str, Any], function: str, role: str) -> None:
    (one,) = made(There(), **changes)
    assert (one.function, one.role) == (function, role)
    assert FUNCTIONS[one.contract][function].name.lower() == role
    artifact = compile_contracts()[CONTRACTS[one.contract]]
    assert json.dumps(decode_call(artifact, function, one.data), default=str).lower() == json.dumps(
        [list(value) if isinstance(value, tuple) else value for value in one.arguments], default=str).lower()


def test_caps_and_bonds_of_a_proposal_are_set() -> None:
    w = fundworld.build()
    (one,) = made(There(), liquidation__fund_caps={"account": "1", "epoch": "2", "day": "3"})
    w.fund(one.function, *decode_call(compile_contracts()["InsuranceFund"], one.function, one.data), sender=w.risk)
    assert w.fund("caps") == (1, 2, 3)


def test_what_no_call_changes_is_told() -> None:
    proposal = proposed(ledger__buffers=[0, 2_500, 5_000, 10_000], delays__loosening=5, verifiers__margin="keys/other")
    found, left = calls(proposal, There())                                                 # type: ignore[arg-type]
    assert found == []
    assert "another system has to be deployed" in left["system.ledger.buffers"]
    assert "contract grant --delay" in left["system.delays.loosening"]
    assert "contract rotate" in left["system.verifiers.margin"]


def test_every_adjustable_path_is_one_of_the_configuration() -> None:
    document = json.loads(templates.system())
    for path in ADJUSTABLE:
        _, section, key = path.split(".")
        assert key in document[section], path
