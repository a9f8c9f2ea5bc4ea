"""What a model file or book leaves to its writer, taken as far as it goes to lower a chosen margin: refused, or said.

Each number here once passed `epoch check` with nothing said.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import GARCH, MODEL, STATED, book, history, prices, world

from primitives.errors import BadInput
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, prepare
from risk.epochs.chain import changes
from risk.epochs.difference import BrokenDuty
from risk.epochs.header import Judgement
from risk.epochs.plausibility import STATED as STATED_WORD
from risk.epochs.provenance import Sources

SPOTS: dict[str, Any] = {**book(), "expiries": [], "instruments": book()["instruments"][:4]}
SET = """schema = "tailproof.model/2"
name = "scan"
estimator = "handwritten"
assets = ["BTC", "ETH"]
horizon = 0
[epoch]
scenarios = 4
tail = "1"
depth = 2
[set]
scenarios = [{spot = -0.2}, {spot = 0.2}, {spot = -0.1}, {spot = 0.1}]
"""


def refusal(sources: Sources, **accepted: str) -> str:
    with pytest.raises(BrokenDuty) as found:
        build(sources, accepted=accepted)
    assert found.value.clause == "E10"
    return str(found.value)


def judged(sources: Sources) -> Judgement:
    return prepare(sources).judgement


def scan(model: str) -> Sources:
    return replace(world(SPOTS, model=model), history=None)


# -- the law of returns --------------------------------------------------------------------------------------------
def stated(old: str = "", new: str = "", more: str = "") -> Sources:
    return world(SPOTS, model=STATED.format(variance=0.0016, horizon=1).replace(old, new, 1) + more)


@pytest.mark.parametrize("mean", ["-0.9", "0.9", "0.0101"])
def test_a_mean_that_takes_one_side_s_losses_away_is_refused(mean: str) -> None:
    """Log returns of -0.9 a step: the margin of a short position was its add-on alone."""
    assert "G6: mean of BTC is" in refusal(stated("mean = 0.0", f"mean = {mean}"))
    with_history = MODEL + GARCH.format(beta=0.9).replace("mean = 0.0", f"mean = {mean}")
    assert "G6: mean of BTC is" in refusal(world(model=with_history))


def test_means_that_markets_have_are_taken() -> None:
    assert judged(stated("mean = 0.0", "mean = 0.005")).accepted == ()


def test_a_bound_on_returns_within_the_tail_is_refused() -> None:
    """A clip of 1 % made the margin of 50 bitcoin 29,000 instead of 224,000."""
    assert "G6: scenarios.clip is '0.01'" in refusal(stated(more="[scenarios]\nclip = 0.01\n"))
    assert "must be at least 2, or 10 deviations of" in refusal(stated(more="[scenarios]\nclip = 0.35\n"))
    assert judged(stated(more="[scenarios]\nclip = 0.45\n")).accepted == ()
    wild = world(SPOTS, model=STATED.format(variance=1.0, horizon=1))
    assert judged(wild).accepted == ()                               # the usual bound, whatever the deviation


def test_variances_are_those_of_the_history_they_are_read_with() -> None:
    """A hundredth of the variance, constant: a tenth of the margin."""
    law = 'innovations = "t"\ndegrees = 5.0\n'
    drawn = MODEL.replace("filtered-historical", "monte-carlo")

    def made(omega: str, rho: str) -> Sources:
        parts = "".join(f'[volatility.{asset}]\nfamily = "garch"\nmean = 0.0\nomega = {omega}\n'
                        "alpha = 0.0\nbeta = 0.0\n" + law for asset in ("BTC", "ETH"))
        model = drawn + parts + f'[correlation]\nfamily = "static"\nmatrix = [[1.0, {rho}], [{rho}, 1.0]]\n'
        return replace(world(SPOTS, model=model), history=history())

    assert "G10: deviation of the history's innovations of BTC is" in refusal(made("9e-6", "0.0"), G1="x")
    assert "G10: correlation of BTC and ETH is '-0.9'" in refusal(made("9e-4", "-0.9"))
    assert judged(made("9e-4", "0.0")).accepted == ()
    assert judged(made("9e-4", "0.2")).accepted == ()


def test_interest_that_discounts_options_away_is_refused() -> None:
    for rate, passes in (("0.2", True), ("0.21", False), ("-1", False)):
        sources = world({**book(), "rate": rate})
        if passes:
            assert judged(sources).accepted == ()
        else:
            assert "G2: rate is" in refusal(sources)


def test_a_check_says_where_parameters_are_held_against_nothing(tmp_path: Path) -> None:
    for name, sources, said in (("stated", stated(), 1), ("history", world(SPOTS), 0), ("scan", scan(SET), 0)):
        epoch_directory.save(build(sources), tmp_path / name)
        assert check(tmp_path / name).remarks.count(STATED_WORD) == said


def test_steps_of_a_year_are_the_calendar_s_or_near() -> None:
    """At one step a year, every option was within the horizon."""
    for steps in ("1", "45", "548", "525600"):
        with pytest.raises(BadInput, match=r"steps_per_year is .* the calendar has 365"):
            build(stated("horizon", f"steps_per_year = {steps}\nhorizon"))
    for steps in ("252", "46", "547"):
        assert judged(stated("horizon", f"steps_per_year = {steps}\nhorizon")).accepted == ()


# -- scenarios -----------------------------------------------------------------------------------------------------
def test_the_tail_of_a_serious_epoch_is_a_tail() -> None:
    """The mean over all scenarios is next to nothing."""
    for tail in ("256", "26"):
        with pytest.raises(BadInput, match=r"tail is .* at most a tenth"):
            build(stated('"32/5"', f'"{tail}"'))
    assert not build(stated('"32/5"', '"128/5"')).header.trial
    with pytest.raises(BadInput, match="tail is '2/1': must be at most a tenth"):
        build(scan(SET.replace('tail = "1"', 'tail = "2"')))


def test_few_paths_are_no_population() -> None:
    weighted = stated('scenarios = 256\ntail = "32/5"', 'scenarios = 64\nmasses = "32x1 32x3"\ntail = "16/5"')
    few = replace(weighted, model=weighted.model + b"[scenarios]\npopulation = 1024\n")
    assert "G7: scenarios.population is '1024': must be at least 65536" in refusal(few)
    judged(replace(weighted, model=weighted.model + b"[scenarios]\npopulation = 65536\n"))
    judged(few_trial := replace(few, model=few.model.replace(b"horizon", b'purpose = "trial"\nseed = 1\nhorizon')))
    assert b"trial" in few_trial.model


def test_days_are_drawn_from_enough_of_them() -> None:
    assert "G7: number of returns is '249': must be at least 250" in refusal(world(prices=prices()[-250:]))
    assert judged(world(prices=prices()[-251:])).accepted == ()


@pytest.mark.parametrize("rows", [
    "{spot = 0.0}, {spot = 0.0}, {spot = 0.0}, {spot = 0.0}", "{spot = -0.2}, {spot = -0.1}, {spot = 0.0}",
    "{spot = {BTC = -0.2, ETH = 0.0}}, {spot = {BTC = 0.2, ETH = 0.0}}",
    "{spot = -0.9, damping = 0.000001}, {spot = 9.0, damping = 0.001}"])
def test_a_set_that_is_written_down_moves_every_asset_both_ways(rows: str) -> None:
    model = SET[:SET.index("scenarios = [")] + f"scenarios = [{rows}]\n"
    assert "by the set is" in refusal(scan(model))
    assert build(scan(model), accepted={"G10": "a pair of one coin"}).header.judgement.reasons.keys() == {"G10"}
    assert build(scan(SET)).header.judgement.accepted == ()


def test_a_calm_day_is_no_stress() -> None:
    """One at a weight of 0.99 made a margin of 97,000 one of 5,000."""
    values = prices().copy()
    for label, day, found in (("2024-05-01", 1.0, False), ("2024-05-01", 0.7, True)):
        at = len(values) - 1 - 48                                    # 48 days before the last, 2024-06-18
        changed = values.copy()
        changed[at:] = changed[at - 1] * day * (values[at:] / values[at])
        model = MODEL + f'[stress]\nsets = ["{label}"]\nweight = 0.25\n[events]\n"{label}" = "a crash"\n'
        given = copy.deepcopy(SPOTS)
        for underlying, price in zip(given["underlyings"], changed[-1], strict=True):
            underlying.update(spot=f"{price:.2f}", perpetual=f"{price:.2f}")
        sources = world(given, model=model, prices=changed)
        if found:
            assert build(sources).provenance is not None
        else:
            with pytest.raises(BadInput, match=r"2024-05-01.*calm ones are no stress"):
                build(sources)
    with pytest.raises(BadInput, match=r"weight is 0\.51: must be above 0 and at most 0\.5"):
        build(world(SPOTS, model=MODEL + '[stress]\nsets = ["dependence-1"]\nweight = 0.51\n'))


# -- the book and the history --------------------------------------------------------------------------------------
def test_a_contingency_of_next_to_nothing_is_none() -> None:
    """A short call far from the money is charged by nothing else."""
    for rate, passes in (("0.000000000001", False), ("0.00099", False), ("0.001", True)):
        given = copy.deepcopy(book())
        for entry in given["contingencies"]:
            entry["short"] = rate
        if passes:
            assert judged(world(given)).accepted == ()
        else:
            assert "must be at least 0.001" in refusal(world(given))


def test_a_history_that_ends_before_a_crash_is_refused_or_said() -> None:
    stale = replace(world(), history=b"\n".join(history().splitlines()[:-3]) + b"\n")
    assert [flag for flag in judged(stale).flags if "G1: the history ends 3 steps before" in flag]
    older = replace(world(model=MODEL.replace("horizon", "max_gap_steps = 400\nhorizon")),
                    history=b"\n".join(history().splitlines()[:-6]) + b"\n")
    assert "G1: steps since the last close is '6': must be at most 5" in refusal(older)


def test_what_opens_a_gate_without_a_reason_is_said() -> None:
    wide = judged(stated(more="[gates]\nperpetual_basis = 1e9\n"))
    assert "G3: the model file sets perpetual_basis to 1e+09; 0.03 is usual" in wide.flags
    pegged = judged(stated("variance = 0.0016", "variance = 0.0016\npegged = true"))
    assert "G10: BTC is declared as pegged" in pegged.flags
    assert judged(stated()).flags == (STATED_WORD,)


def test_how_far_a_history_goes_back_and_what_was_fitted_on_is_said() -> None:
    """A publisher who leaves a crisis out says so in the root."""
    assert judged(world(SPOTS)).flags == ("history: 699 returns, 2022-07-20 to 2024-06-18",)
    assert judged(world(SPOTS, prices=prices()[-600:])).flags == ("history: 599 returns, 2022-10-28 to 2024-06-18",)
    window = '[fitted]\nsince = "{}"\nuntil = "{}"\n'
    told = judged(world(SPOTS, model=MODEL + window.format("2022-07-20", "2024-01-01"))).flags
    assert "parameters: fitted on 2022-07-20 to 2024-01-01, the model file says" in told
    assert "G7: number of returns that were fitted on is '399'" in refusal(
        world(SPOTS, model=MODEL + window.format("2022-07-20", "2023-08-23")))
    assert "G13: fitted.until is '2023-06-17'" in refusal(
        world(SPOTS, model=MODEL + window.format("2022-07-20", "2023-06-17") + "[gates]\nleast_returns = 300\n"))
    assert prepare(world(SPOTS, model=MODEL + window.format("2022-07-20", "2023-06-18")
                         + "[gates]\nleast_returns = 300\n")).judgement.accepted == ()
    with pytest.raises(BadInput, match=r"fitted\.since is '2022-07-19': must be a row of the history, 2022-07-20 to"):
        prepare(world(SPOTS, model=MODEL + window.format("2022-07-19", "2024-01-01")))
    with pytest.raises(BadInput, match=r"fitted\.until is '2022-07-20': must be after since"):
        prepare(world(SPOTS, model=MODEL + window.format("2022-07-20", "2022-07-20")))
    with pytest.raises(BadInput, match=r"fitted\.until is '2024-13-01'"):
        prepare(world(SPOTS, model=MODEL + window.format("2022-07-20", "2024-13-01")))


def test_stress_that_thins_the_model_s_tail_is_refused_or_said() -> None:
    """At a half, a margin of the side that stress spares is the model's at 95 % in place of 97.5 %."""
    mixed = MODEL + '[stress]\nsets = ["dependence-1"]\nweight = {}\n'
    said = refusal(world(SPOTS, model=mixed.format(0.3)))
    assert "G7: stress.weight is '0.3': must be at most 0.25" in said
    assert "the worst 2.50% are the worst 3.57% of the model" in said
    quarter = judged(world(SPOTS, model=mixed.format(0.25))).flags
    assert any(flag.endswith("the worst 2.50% are the worst 3.33% of the model, as if 4.8 scenarios of its own were "
                             "the tail in place of 6.4") for flag in quarter), quarter
    assert build(world(SPOTS, model=mixed.format(0.5)), accepted={"G7": "a stress test"}).header.judgement.reasons


def test_stress_with_masses_counts_the_scenarios_that_are_in_the_tail() -> None:
    mixed = MODEL.replace("scenarios = 256", 'scenarios = 256\nmasses = "32x1 48x2 32x4 32x8 32x16 32x32 32x64 '
                          '16x256"').replace('tail = "32/5"', 'tail = "1024/5"')
    flags = judged(world(SPOTS, model=mixed + '[stress]\nsets = ["dependence-1"]\nweight = 0.25\n')).flags
    # 32 x 1 + 48 x 2 + 19.2 x 4 = 1024/5; of three quarters of it 32 + 48 + 6.4 scenarios.
    assert any(flag.endswith("as if 86.4 scenarios of its own were the tail in place of 99.2") for flag in flags), flags


def test_a_speed_limit_that_holds_a_forecast_down_says_so() -> None:
    values = prices().copy()
    values[-1] *= 1.2
    given = copy.deepcopy(SPOTS)
    for underlying, price in zip(given["underlyings"], values[-1], strict=True):
        underlying.update(spot=f"{price:.2f}", perpetual=f"{price:.2f}")
    limited = judged(world(given, model=MODEL + "[procyclicality]\nspeed_limit = 0.01\n", prices=values))
    assert [flag for flag in limited.flags if flag.startswith("speed limit: the deviation of BTC is held at 0.")]
    free = judged(world(given, model=MODEL + "[procyclicality]\nspeed_limit = 10.0\n", prices=values))
    assert not [flag for flag in free.flags if flag.startswith("speed limit")]


# -- beside the epoch before ---------------------------------------------------------------------------------------
def later(change: Callable[[dict[str, Any]], Any] = lambda b: None) -> dict[str, Any]:
    given = copy.deepcopy(SPOTS)
    given["valuation"] = "2024-06-19T08:00:00Z"
    change(given)
    return given


def test_a_past_that_changes_is_told() -> None:
    first = build(world(SPOTS))
    same = build(world(later()), previous_root=first.root)
    assert not [one for one in changes(same, first) if one.field.startswith("history")]
    values = prices().copy()
    values[300, 0] *= 1.0001
    other = build(world(later(), prices=values), previous_root=first.root)
    told = [one for one in changes(other, first) if one.field.startswith("history")]
    assert len(told) == 1
    assert told[0].field.startswith("history: 1 rows up to 2024-06-18, the first 2023-05-16")
    shorter = build(world(later(), prices=prices()[100:]), previous_root=first.root)
    assert [(one.field, one.before, one.now) for one in changes(shorter, first) if "history" in one.field] == \
        [("history", "from 2022-07-20", "from 2022-10-28")]


def test_a_spot_that_no_history_is_held_against_is_told() -> None:
    model = STATED.format(variance=0.0016, horizon=1)
    first = build(world(SPOTS, model=model))

    def moved(spot: str) -> Callable[[dict[str, Any]], Any]:
        return lambda b: b["underlyings"][0].update(spot=spot, perpetual=spot)

    for spot, told in (("45000", True), ("75000", True), ("58000", False)):
        second = build(world(later(moved(spot)), model=model), previous_root=first.root)
        assert [one.before for one in changes(second, first) if one.field == "spot of BTC"] == ["60000"] * told
    assert np.log(60000 / 45000) > 0.2
