"""How many machines: the simulation against what is known without one, and the plan against the simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from circuits import statements
from primitives.errors import BadInput
from tailproof.farm import simulation
from tailproof.farm.plan import plan
from tailproof.farm.simulation import Course, simulate
from tailproof.farm.units import Units, measure
from tailproof.keys import make_keys

IDEAL = Units(proof=2.0, opening=0.0, verification=0.0, block=10.0, block_gas=10**9, calls=0.0, failures=0.0,
              straggling=0.0)
REAL = replace(IDEAL, opening=20.0, verification=0.004, block=12.0, block_gas=15_000_000, calls=1.0, call=0.01,
               failures=0.5, recovery=120.0, straggling=0.01)
TEN_THOUSAND = 10_000


def played(*given: Any, **options: Any) -> Course:
    course = simulate(*given, **options)
    assert course is not None
    return course


@pytest.mark.parametrize(("accounts", "machines", "cores"), [(1, 1, 1), (7, 1, 2), (100, 3, 4), (12, 3, 4), (13, 3, 4),
                                                              (5, 10, 10)])
def test_without_any_trouble_an_epoch_takes_its_rounds_of_proofs(accounts: int, machines: int, cores: int) -> None:
    course = played(accounts, machines, cores, IDEAL)
    assert course.proven == pytest.approx(2.0 * -(-accounts // (machines * cores)))
    assert course.mined == 10.0 * (math.floor(course.proven / 10.0) + 1)
    assert course.busy == pytest.approx(accounts * 2.0 / (machines * cores * course.proven))
    assert (course.failures, course.lost, course.stragglers) == (0, 0, 0)


def test_opening_comes_first_and_a_caller_that_is_slow_is_what_all_wait_for() -> None:
    assert played(8, 1, 4, replace(IDEAL, opening=30.0)).proven == pytest.approx(34.0)
    slow = played(1_000, 4, 16, replace(IDEAL, verification=0.5))
    assert slow.proven == pytest.approx(2.0 + 1_000 * 0.5)


def test_blocks_take_what_their_gas_and_the_node_allow() -> None:
    gas = IDEAL.gas(64)
    assert gas == 226_000 + 64 * 64_100
    tight = replace(IDEAL, block_gas=2 * gas)
    assert tight.a_block() == 128
    assert replace(IDEAL, block_gas=2 * gas + 226_000 + 3 * 64_100).a_block() == 131
    assert replace(IDEAL, block_gas=2 * gas + 226_000).a_block() == 128
    assert replace(tight, calls=2.0, call=0.1).a_block() == 50
    assert played(1_280, 10, 128, tight).mined == 10.0 * 10             # all ready after 2 s, 128 a block
    assert played(1_280, 10, 128, replace(tight, calls=2.0, call=0.1)).mined == 10.0 * 26
    assert simulate(1, 1, 1, replace(tight, block_gas=100_000)) is None or \
        played(1, 1, 1, replace(tight, block_gas=100_000)).mined == math.inf


def test_failures_lose_proofs_and_no_account() -> None:
    failing = replace(IDEAL, failures=60.0, recovery=5.0)              # of each machine, every minute
    course = played(2_000, 5, 4, failing, seed=3)
    assert course.accounts == 2_000
    assert course.failures > 10
    assert course.lost >= course.failures
    quiet = played(2_000, 5, 4, IDEAL)
    assert course.proven > quiet.proven
    assert course.busy < quiet.busy
    # A machine at work is away for recovery seconds in every mean time between failures: 5 s in 65.
    assert course.proven == pytest.approx(quiet.proven * 65 / 60, rel=0.1)


def test_stragglers_are_as_many_and_as_slow_as_said() -> None:
    course = played(TEN_THOUSAND, 4, 16, replace(IDEAL, straggling=0.1, slowness=3.0))
    assert course.stragglers == pytest.approx(1_000, rel=0.15)
    assert course.proven == pytest.approx(played(TEN_THOUSAND, 4, 16, IDEAL).proven * 1.2, rel=0.05)


def test_an_epoch_is_the_same_by_its_seed_and_ends_where_it_is_told_to() -> None:
    assert played(500, 3, 4, REAL, seed=1) == played(500, 3, 4, REAL, seed=1)
    assert played(500, 3, 4, REAL, seed=1) != played(500, 3, 4, REAL, seed=2)
    mined = played(500, 3, 4, REAL, seed=1).mined
    assert simulate(500, 3, 4, REAL, seed=1, most=mined) is not None
    assert simulate(500, 3, 4, REAL, seed=1, most=mined - 1) is None


def test_ten_thousand_accounts_hold_with_the_machines_planned_and_not_with_one_less() -> None:
    made = plan(TEN_THOUSAND, 640.0, 16, REAL)
    assert made.machines is not None
    assert made.machines > made.least == math.ceil(TEN_THOUSAND * 2.0 / (640 * 16))
    assert len(made.courses) == 5
    assert all(course.mined <= 640 and course.accounts == TEN_THOUSAND for course in made.courses)
    assert made.one_less
    assert None in [simulate(TEN_THOUSAND, made.machines - 1, 16, REAL, seed=seed, most=640.0) for seed in range(5)]
    assert plan(2 * TEN_THOUSAND, 1_280.0, 16, REAL).machines == pytest.approx(made.machines, abs=1)


@pytest.mark.parametrize(("change", "bound"), [
    ({"block_gas": 1_000_000}, "relaying"), ({"block_gas": 100_000}, "relaying"), ({"call": 1.0}, "relaying"),
    ({"verification": 0.1}, "verification"), ({"opening": 890.0}, "the interval"),
    ({"slowness": 1_000.0, "straggling": 0.5}, "failures and stragglers")])
def test_what_no_number_of_machines_does_is_said_so(change: dict[str, float], bound: str) -> None:
    made = plan(TEN_THOUSAND, 900.0, 16, replace(REAL, **change))      # type: ignore[arg-type]
    assert made.machines is None
    assert made.bound_by is not None
    assert made.bound_by.startswith(bound)


@pytest.mark.parametrize("change", [{"proof": 0.0}, {"block": 0.0}, {"failures": -1.0}, {"proof": math.nan},
                                    {"slowness": 0.5}, {"straggling": 1.5}])
def test_units_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        plan(10, 900.0, 1, replace(REAL, **change))                    # type: ignore[arg-type]


def test_units_are_measured_by_proofs_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "2")
    make_keys(statements.get("flat-tiny"), tmp_path / "key")
    timed = measure(tmp_path / "key", 2, proofs=3)
    assert (timed.processes, timed.samples) == (2, 6)
    assert 0 < timed.proof < timed.opening
    assert timed.verification > 0
    for processes in (0, 3):
        with pytest.raises(BadInput, match="--cores"):
            measure(tmp_path / "key", processes)
    with pytest.raises(BadInput):
        measure(tmp_path, 1)


# -- the command -------------------------------------------------------------------------------------------------------
def test_the_plan_says_what_was_measured_and_what_assumed(run: Callable[..., Any], tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "1")
    make_keys(statements.get("flat-tiny"), tmp_path / "key")
    answer = run("venue", "plan", "--accounts", 200, "--interval", 600, "--key", tmp_path / "key")
    assert (answer.code, answer.data["measured"], answer.data["machines"]) == (0, True, 1)
    given = run("venue", "plan", "--accounts", TEN_THOUSAND, "--interval", 900, "--cores", 16, "--proof-ms", "2000.5",
                "--failures", "0.5")
    assert (given.code, given.data["measured"], given.data["units"]["proof"]) == (0, False, 2.0005)
    assert given.data["machines"] == plan(TEN_THOUSAND, 900.0, 16, Units(**given.data["units"])).machines
    assert len(given.data["epochs"]) == 5


def test_no_number_of_machines_is_a_false_and_senseless_options_are_bad_input(run: Callable[..., Any]) -> None:
    asked = ("venue", "plan", "--accounts", TEN_THOUSAND, "--interval")
    answer = run(*asked, 60, "--proof-ms", 100)
    assert (answer.code, answer.data["machines"]) == (1, None)
    for more in ((900,), (900, "--proof-ms", "-1"), (900, "--proof-ms", "1e3"), (900, "--proof-ms", 0),
                 (900, "--proof-ms", 1, "--key", "x"), (900, "--key", "x", "--verify-ms", 1),
                 (900, "--proof-ms", 1, "--stragglers", 2)):
        assert run(*asked, *more).code == 2, more


def test_the_simulation_keeps_as_many_jobs_out_as_the_farm() -> None:
    from tailproof.farm import dispatch
    assert simulation.AHEAD is dispatch.AHEAD
