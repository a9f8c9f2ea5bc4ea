"""Files of forecasts, all tests together, and several forecasts beside each other."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from primitives.errors import BadInput
from risk.backtests.forecasts import Forecasts, parse_forecasts
from risk.backtests.judging import GREEN, NOT_TESTED, RED, YELLOW, Judgement, compare, judge

ALPHA = .025
VAR, ES = norm.isf(ALPHA), norm.pdf(norm.isf(ALPHA)) / ALPHA
HEADER = "date,pnl,var,es\n"


def labels(n: int) -> tuple[str, ...]:
    return tuple(str(day) for day in np.datetime64("2018-01-01") + np.arange(n))


def forecasts(seed: int = 1, days: int = 500, times: float = 1.0) -> Forecasts:
    losses = np.random.default_rng(seed).standard_normal(days)
    return Forecasts(losses, np.full(days, times * VAR), np.full(days, times * ES), ALPHA, labels(days))


def zones(found: Judgement) -> dict[str, str]:
    return {verdict.test: verdict.zone for verdict in found.verdicts}


def text(f: Forecasts, header: str = HEADER, sign: int = -1) -> str:
    return header + "".join(f"{day},{float(sign * loss)!r},{var},{es}\n" for day, loss, var, es in
                            zip(f.labels, f.losses, f.var, f.shortfall, strict=True))


# -- files -------------------------------------------------------------------------------------------------------------
def test_gains_and_losses_are_told_apart() -> None:
    f = forecasts()
    gains = parse_forecasts(text(f).encode(), ALPHA)
    losses = parse_forecasts(text(f, "date,loss,var,es\n", 1).encode(), ALPHA)
    for read in (gains, losses):
        assert np.array_equal(read.losses, f.losses)
        assert np.array_equal(read.shortfall, f.shortfall)
        assert read.labels == f.labels


def test_what_spreadsheets_make_of_it_is_read() -> None:
    f = forecasts(days=250)
    lines = text(f, "Note,Date,PnL,VaR,ES\n").splitlines()
    spoilt = "\ufeff" + "\r\n".join([lines[0], *(f'"a, b",{line}' for line in lines[1:])]) + "\r\n,,,,\r\n\r\n"
    read = parse_forecasts(spoilt.encode(), ALPHA)
    assert np.array_equal(read.losses, f.losses)
    assert read.ignored == ("note",)


def bad(line: int, old: str, new: str) -> bytes:
    lines = text(forecasts(days=260)).splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    return "".join(lines).encode()


@pytest.mark.parametrize(("data", "field"), [
    (b"", "line 1"), (b"\xff", "byte 0"), (b"\xff\xfe", "encoding"),
    (bad(1, "pnl", "gain"), "line 1"), (bad(1, "pnl", "pnl,loss"), "line 2"),
    (bad(1, "var", "vra"), "line 1, var"), (bad(1, "es", "var"), "line 1, var"),
    (bad(1, "date", "day"), "line 1, date"),
    (bad(7, "2018-01-06", "2018-01-05"), "line 7, date"), (bad(7, "2018-01-06", "2018-02-30"), "line 7, date"),
    (bad(7, "2018-01-06", "06.01.2018"), "line 7, date"), (bad(7, str(VAR), "nan"), "line 7, var"),
    (bad(7, str(VAR), ""), "line 7, var"), (bad(7, str(VAR), "1e999"), "line 7, var"),
    (bad(7, str(ES), "inf"), "line 7, es"), (bad(7, str(ES), "2_3"), "line 7, es"), (bad(7, str(ES), "1,5"), "line 7"),
    (bad(7, str(ES), "-2.3"), "es of 2018-01-06"), (bad(7, str(ES), "0"), "es of 2018-01-06"),
    (bad(7, str(ES), str(VAR)), "es of 2018-01-06"), (bad(7, str(ES), '"2.3'), "CSV"),
    (HEADER.encode(), "number of days"), (text(forecasts(days=250)).rsplit("\n", 2)[0].encode(), "number of days")])
def test_a_file_that_is_none_is_refused_by_place(data: bytes, field: str) -> None:
    with pytest.raises(BadInput) as error:
        parse_forecasts(data, ALPHA, source="f.csv")
    assert error.value.field == field
    assert error.value.source == "f.csv"


@pytest.mark.parametrize(("change", "field"), [
    ({"alpha": 0.0}, "alpha"), ({"alpha": .6}, "alpha"), ({"alpha": math.nan}, "alpha"),
    ({"var": np.ones(3)}, "number of var"),
    ({"shortfall": np.ones(3)}, "number of es"), ({"labels": ("a",)}, "number of labels"),
    ({"var": np.full(500, -3.0), "shortfall": np.full(500, -1.0)}, "es of 2018-01-01"),
    ({"losses": np.where(np.arange(500) == 2, math.nan, 1.0)}, "losses of 2018-01-03"),
    ({"var": np.where(np.arange(500) == 2, -math.inf, 1.0)}, "var of 2018-01-03")])
def test_forecasts_that_are_none_are_refused(change: dict, field: str) -> None:
    with pytest.raises(BadInput) as error:
        replace(forecasts(), **change)
    assert error.value.field == field


def test_gains_and_losses_at_once_are_refused() -> None:
    both = "date,pnl,var,es,loss\n" + "".join(f"{line},1\n" for line in text(forecasts()).splitlines()[1:])
    with pytest.raises(BadInput) as error:
        parse_forecasts(both.encode(), ALPHA)
    assert error.value.field == "line 1"


# -- judgement ---------------------------------------------------------------------------------------------------------
def test_right_forecasts_are_seldom_red_and_low_ones_are() -> None:
    found = [judge(forecasts(seed), simulations=199, seed=seed) for seed in range(60)]
    assert all(len(one.verdicts) == 9 for one in found)
    assert sum(one.zone == RED for one in found) <= 5        # 1 % a test, of which several say the same
    assert sum(judge(forecasts(seed, times=.6), simulations=99).zone == RED for seed in range(20)) == 20


def test_each_test_says_red_of_what_it_is_for() -> None:
    rng = np.random.default_rng(1)
    n = 1000
    calm = rng.uniform(-1, 1, n)
    var, es = np.full(n, 2.0), np.full(n, 3.0)

    def of(losses: np.ndarray) -> dict[str, str]:
        return zones(judge(Forecasts(losses, var, es, ALPHA, labels(n))))

    together = calm.copy()
    together[500:525] = 2.5                                  # as many as there should be, one after the other
    assert of(together)["Christoffersen, independence"] == of(together)["dynamic quantile"] == RED
    assert of(together)["Kupiec, coverage"] == of(together)["Acerbi-Szekely, Z2"] == GREEN
    large = calm.copy()
    large[20::40] = rng.uniform(5, 8, 25)                    # as many as there should be, and far apart
    assert of(large)["Kupiec, coverage"] == of(large)["Christoffersen, independence"] == GREEN
    assert of(large)["Acerbi-Szekely, Z1"] == of(large)["McNeil-Frey, excess"] == RED
    assert of(large)["e-process, most wealth"] == RED
    many = calm.copy()
    many[10::20] = 2.1                                       # twice as many, and small
    assert of(many)["Kupiec, coverage"] == of(many)["Christoffersen, both"] == RED
    assert of(many)["Acerbi-Szekely, Z1"] == GREEN
    late = calm.copy()
    late[-200::10] = 2.5
    assert of(late)["Basel, traffic light"] == RED


def test_few_exceptions_are_red_where_they_are_foretold() -> None:
    """Fewer than there should be, but every third day in a row of weeks: no test of the day before sees it."""
    n = 800
    losses = np.random.default_rng(1).uniform(-1, 1, n)
    losses[300:354:3] = 2.1
    found = judge(Forecasts(losses, np.full(n, 2.0), np.full(n, 3.0), ALPHA, labels(n)))
    assert zones(found)["Christoffersen, independence"] == GREEN
    assert found.verdicts[0].note == "18 of 20 expected"
    assert zones(found)["dynamic quantile"] == RED
    rare = losses.copy()
    rare[300:354:3] = 0.0
    rare[[100, 520]] = 2.1                                   # too few, and nothing foretells them
    found = judge(Forecasts(rare, np.full(n, 2.0), np.full(n, 3.0), ALPHA, labels(n)))
    assert zones(found)["Kupiec, coverage"] == zones(found)["dynamic quantile"] == YELLOW


def test_too_high_a_forecast_is_yellow_and_never_red() -> None:
    none = forecasts(days=2000, times=10.0)
    found = judge(none)
    assert zones(found) == {
        "Kupiec, coverage": YELLOW, "Christoffersen, independence": GREEN, "Christoffersen, both": YELLOW,
        "dynamic quantile": YELLOW, "Basel, traffic light": GREEN, "Acerbi-Szekely, Z1": NOT_TESTED,
        "Acerbi-Szekely, Z2": GREEN, "McNeil-Frey, excess": NOT_TESTED, "e-process, most wealth": GREEN}
    assert found.zone == YELLOW
    assert found.verdicts[0].note == "only 0 of 50 expected"


def test_all_exceptions_are_red() -> None:
    found = judge(replace(forecasts(), losses=np.full(500, 10.0)))
    assert found.zone == RED
    assert found.worst_year == 250
    assert all(v.statistic is None or math.isfinite(v.statistic) for v in found.verdicts), "as JSON has numbers"
    assert [v.test for v in found.verdicts if v.zone != RED] == ["Christoffersen, independence"]


def test_the_same_seed_says_the_same() -> None:
    one, other, third = (judge(forecasts(3), seed=seed).verdicts for seed in (7, 7, 8))
    assert one == other
    assert one != third


def test_few_simulations_are_refused() -> None:
    with pytest.raises(BadInput, match="simulations is 98"):
        judge(forecasts(), simulations=98)


# -- comparison --------------------------------------------------------------------------------------------------------
def test_the_better_forecast_stands_first() -> None:
    days = 2000
    rng = np.random.default_rng(3)
    size = np.exp(np.cumsum(rng.standard_normal(days) * .05))
    losses = size * rng.standard_normal(days)
    knows = Forecasts(losses, VAR * size, ES * size, ALPHA, labels(days))
    flat = replace(knows, var=np.full(days, VAR * size.mean()), shortfall=np.full(days, ES * size.mean()))
    first, second, third = compare((flat, knows, flat))
    assert second.score < first.score == third.score
    assert (first.kept, second.kept, third.kept) == (False, True, False)
    assert (first.against_first, third.against_first) == (None, 1.0)
    assert second.against_first is not None
    assert second.against_first < .01


@pytest.mark.parametrize(("change", "field"), [
    ({"alpha": .01}, "alpha"), ({"labels": tuple(day.replace("2018", "2016") for day in labels(500))}, "dates"),
    ({"losses": np.zeros(500)}, "loss of 2018-01-01")])
def test_what_cannot_be_compared_is_refused(change: dict, field: str) -> None:
    one = forecasts()
    with pytest.raises(BadInput) as error:
        compare((one, replace(one, **change)))
    assert error.value.field == field
    with pytest.raises(BadInput):
        compare((one,))
