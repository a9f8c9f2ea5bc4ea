"""Idle capital: cover stays provable in every scenario, money is accounted for to the unit, and nothing earns more."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.cascades.idle import UNIT, Account, Idle, Placement, Venue
from risk.cascades.linear_program import largest

DAY = 86_400


def random_problem(seed: int, scenarios: int = 24) -> Idle:
    rng = random.Random(seed)
    moves = {name: np.array([rng.randrange(-700_000_000, 400_000_000) for _ in range(scenarios)], np.int64)
             for name in ("BTC", "ETH")}
    losses = tuple(rng.randrange(-10**9, 4 * 10**9) for _ in range(scenarios))
    margin = rng.randrange(0, 3 * 10**9)
    account = Account(margin * 11 // 10 + max(0, *losses) + rng.randrange(1, 10**10), margin, rng.choice((0, 500)),
                      2 * DAY, losses, moves)
    venues = [Venue(f"venue {v}", rng.randrange(0, 2_000), rng.choice((0, 3_600, 2 * DAY, 2 * DAY + 1, 20 * DAY)),
                    rng.randrange(0, 3_000), rng.randrange(0, 8 * 10**9), rng.choice((0, 500, 3_000, UNIT)),
                    rng.choice(("", "BTC", "ETH")), rng.randrange(0, 3_000), rng.randrange(0, UNIT))
              for v in range(rng.randint(1, 5))]
    return Idle(account, venues)


SEEDS = range(40)


# -- what must hold ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", SEEDS)
def test_cover_stays_provable_in_every_scenario_and_every_failure(seed: int) -> None:
    problem = random_problem(seed)
    for placed in (problem.best(), problem.greedy(), problem.nothing()):
        assert problem.broken(placed) == []
        assert placed.free + sum(placed.amounts) == problem.account.collateral
        assert all(0 <= amount <= venue.cap for amount, venue in zip(placed.amounts, problem.venues, strict=True))


def test_what_looks_at_no_scenario_loses_cover() -> None:
    """The twin: most of these problems bind."""
    assert sum(bool(random_problem(seed).broken(random_problem(seed).careless())) for seed in SEEDS) > len(SEEDS) // 3


@pytest.mark.parametrize("seed", SEEDS)
def test_no_placement_earns_more(seed: int) -> None:
    """SciPy's linear program, of all conditions at once and not of those that bind; and the greedy one."""
    from scipy.optimize import linprog
    problem = random_problem(seed)
    best = problem.best()
    assert best.bound is not None
    scale, room = 10**12, float(problem.account.collateral)
    rows = [[a / scale for a in row] for row, _ in problem.conditions]
    bounds = [bound / scale / room for _, bound in problem.conditions]
    found = linprog([-venue.yearly / UNIT for venue in problem.venues], A_ub=[*rows, [1.0] * len(problem.venues)],
                    b_ub=[*bounds, 1.0], bounds=[(0, venue.cap / room) for venue in problem.venues], method="highs")
    assert found.status == 0
    assert abs(-found.fun * room - float(best.bound)) <= 1e-6 * room + 1
    earned = best.earned(problem.venues)
    assert best.bound - sum(Fraction(venue.yearly, UNIT) for venue in problem.venues) <= earned <= best.bound
    assert problem.greedy().earned(problem.venues) <= best.bound


@pytest.mark.parametrize("seed", SEEDS[:12])
def test_a_unit_more_where_it_binds_breaks_something(seed: int) -> None:
    """At each venue below its cap with something free: by less than what rounding leaves."""
    problem = random_problem(seed)
    best = problem.best()
    more = 10**5
    for v, venue in enumerate(problem.venues):
        if venue.yearly and best.amounts[v] + more <= venue.cap and best.free >= more:
            amounts = (*best.amounts[:v], best.amounts[v] + more, *best.amounts[v + 1:])
            assert problem.broken(Placement(amounts, best.free - more))


@pytest.mark.parametrize("seed", SEEDS)
def test_money_is_accounted_for_to_the_unit(seed: int) -> None:
    problem = random_problem(seed)
    best = problem.best()
    for s, failing in itertools.product(range(len(problem.account.losses)), problem.failures):
        one = problem.outcome(best, s, failing)
        assert one.free + one.back + one.later + one.lost == problem.account.collateral
        assert min(one.free, one.back, one.later, one.lost, one.paid) >= 0
        assert one.counts <= one.free + one.back + one.later - one.paid


def test_the_two_conditions_are_those_of_the_claim() -> None:
    """A venue that gives back too late supports cover and pays nothing; one in time does both; by hand."""
    slow = Venue("slow", 100, 3 * DAY, 1_000, 10**12, 0)
    account = Account(1_000, 500, 1_000, 2 * DAY, (300, -50), {})
    problem = Idle(account, [slow])
    assert account.needed == 550
    one = problem.outcome(Placement((700,), 300), 0, None)
    assert (one.counts, one.covered, one.payable, one.later, one.back) == (300 + 630 - 300, True, True, 700, 0)
    assert not problem.outcome(Placement((701,), 299), 0, None).payable
    quick = Idle(account, [replace(slow, exit=2 * DAY)])
    assert quick.outcome(Placement((1_000,), 0), 0, None).payable
    assert quick.outcome(Placement((1_000,), 0), 0, None).counts == 600
    thin = Idle(replace(account, margin=546), [replace(slow, exit=0)])
    assert thin.outcome(Placement((1_000,), 0), 0, None).covered == (UNIT * 600 >= 546 * 11_000) is False
    assert thin.outcome(Placement((900,), 100), 0, None).covered


def test_what_has_failed_gives_nothing_back_in_time() -> None:
    """What is left at a venue that has failed counts still, but pays no loss: alone it must not be needed for one."""
    account = Account(1_000, 0, 0, DAY, (300,), {})
    problem = Idle(account, [Venue("quick", 100, 0, 0, 10**9, 1_000), Venue("other", 90, 0, 0, 10**9, 0)])
    one = problem.outcome(Placement((800, 0), 200), 0, 0)
    assert (one.back, one.later, one.lost, one.counts, one.payable) == (0, 720, 80, 620, False)
    assert problem.outcome(Placement((800, 0), 200), 0, None).payable
    best = problem.best()
    assert problem.broken(best) == []
    assert 690 <= best.amounts[0] <= 700, "what is not there pays the 300"


def test_a_venue_against_an_asset_loses_beyond_its_cushion() -> None:
    venue = Venue("lending", 100, 0, 0, 10**6, 0, "BTC", 2_000, 5_000)
    moves = {"BTC": np.array([0, -223_143_551, -510_825_624, 400_000_000], np.int64)}        # 0, -20, -40 %, up
    problem = Idle(Account(10**6, 0, 0, DAY, (0, 0, 0, 0), moves), [venue])
    lost = [problem.outcome(Placement((10**6,), 0), s, None).lost for s in range(4)]
    assert lost[0] == lost[3] == 0
    assert lost[1] <= 100, "20 % to a basis point, rounded up"
    assert 100_000 <= lost[2] <= 100_100, "half of the 20 % beyond"


def test_a_failure_is_survived_wherever_it_is() -> None:
    """Without failures all would be at the better venue; with them neither may hold more than can be lost."""
    account = Account(1_000_000, 600_000, 0, DAY, (0,), {})
    sure = [Venue("a", 500, 0, 0, 10**9, 0), Venue("b", 400, 0, 0, 10**9, 0)]
    assert Idle(account, sure).best().amounts[0] >= 999_990
    risky = [replace(venue, failure=UNIT) for venue in sure]
    best = Idle(account, risky).best()
    assert all(399_990 <= amount <= 400_000 for amount in best.amounts)


# -- the linear program ------------------------------------------------------------------------------------------------
def test_linear_programs_are_those_of_another_solver() -> None:
    from scipy.optimize import linprog
    rng = random.Random(6)
    for _ in range(150):
        n, m = rng.randint(1, 5), rng.randint(1, 7)
        gain = [Fraction(rng.randint(-5, 9)) for _ in range(n)]
        rows = [[Fraction(rng.randint(0, 6)) for _ in range(n)] for _ in range(m)] + [[Fraction(1)] * n]
        bounds = [Fraction(rng.randint(0, 20)) for _ in range(m)] + [Fraction(50)]
        found = largest(gain, rows, bounds)
        assert all(one >= 0 for one in found)
        for row, bound in zip(rows, bounds, strict=True):
            assert sum(a * b for a, b in zip(row, found, strict=True)) <= bound
        other = linprog([-float(one) for one in gain], A_ub=[[float(one) for one in row] for row in rows],
                        b_ub=[float(one) for one in bounds], method="highs")
        assert abs(float(sum(a * b for a, b in zip(gain, found, strict=True))) + other.fun) < 1e-7


def test_it_does_not_cycle_and_refuses_what_has_no_end() -> None:
    """Beale's example, on which the usual rule goes round for ever."""
    rows = [[Fraction(1, 4), Fraction(-60), Fraction(-1, 25), Fraction(9)],
            [Fraction(1, 2), Fraction(-90), Fraction(-1, 50), Fraction(3)],
            [Fraction(0), Fraction(0), Fraction(1), Fraction(0)]]
    gain = [Fraction(3, 4), Fraction(-150), Fraction(1, 50), Fraction(-6)]
    found = largest(gain, rows, [Fraction(0), Fraction(0), Fraction(1)])
    assert sum(a * b for a, b in zip(gain, found, strict=True)) == Fraction(1, 20)
    with pytest.raises(BadInput, match="linear program"):
        largest([Fraction(1)], [[Fraction(0)]], [Fraction(1)])
    with pytest.raises(BadInput, match="bound"):
        largest([Fraction(1)], [[Fraction(1)]], [Fraction(-1)])


# -- bad input ---------------------------------------------------------------------------------------------------------
def test_what_is_no_problem_is_refused() -> None:
    account = Account(1_000, 100, 0, DAY, (0, 950), {})
    venue = Venue("a", 1, 0, 0, 10, 0)
    with pytest.raises(BadInput, match="collateral"):
        Idle(account, [venue]).best()
    for venues in ((), [venue, venue], [replace(venue, name=str(v)) for v in range(17)],
                   [replace(venue, asset="DOGE", share=1)]):
        with pytest.raises(BadInput):
            Idle(account, venues)
    problem = Idle(replace(account, losses=(0, 1)), [venue])
    for wrong in (Placement((10,), 991), Placement((10,), 989), Placement((-1,), 1_001), Placement((1_001,), -1)):
        with pytest.raises(BadInput, match="placement"):
            problem.broken(wrong)
    for wrong_account in ({"collateral": -1}, {"margin": 2**96 + 1}, {"buffer": 10_001}, {"losses": ()},
                          {"moves": {"BTC": np.zeros(3, np.int64)}}):
        with pytest.raises(BadInput):
            replace(account, **wrong_account)
