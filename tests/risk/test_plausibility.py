"""The gates: what is implausible is refused by name, what is merely extreme is not, and a reason opens a gate."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from worlds import GARCH, MODEL, STATED, book, curve, future, option, prices, world

from primitives.errors import BadInput
from risk.epochs.build import Inputs, build, prepare
from risk.epochs.difference import BrokenDuty
from risk.epochs.plausibility import require_gates
from risk.epochs.provenance import Sources

Book = dict[str, Any]


def judged(sources: Sources, **accepted: str) -> Inputs:
    return prepare(sources, accepted=accepted)


def refusal(sources: Sources) -> str:
    with pytest.raises(BrokenDuty) as found:
        judged(sources)
    assert found.value.clause == "E10"
    return str(found.value)


def changed(change: Callable[[Book], Any]) -> Sources:
    made = copy.deepcopy(book())
    change(made)
    return world(made)


def test_a_plausible_world_is_accepted_without_a_reason() -> None:
    judgement = judged(world()).judgement
    assert judgement.accepted == ()
    assert judgement.flags == ("history: 699 returns, 2022-07-20 to 2024-06-18",
                               "G9: age and venues of the volatilities are not stated for 2 expiries",)


# -- the book ------------------------------------------------------------------------------------------------------
def spot(asset: int, value: str) -> Callable[[Book], Any]:
    return lambda b: b["underlyings"][asset].update(spot=value, perpetual=value)


def perpetual(value: str) -> Callable[[Book], Any]:
    return lambda b: b["underlyings"][0].update(perpetual=value)


def forward(expiry: str, value: str) -> Callable[[Book], Any]:
    def change(b: Book) -> None:
        b["expiries"].append(curve(expiry, {}, value))
        b["instruments"].append(future("BTC-F", expiry))
    return change


def smile(**volatilities: str) -> Callable[[Book], Any]:
    """The month's, by strike in thousands."""
    def change(b: Book) -> None:
        b["expiries"][0] = curve("2024-07-19T08:00:00Z", {f"{k[1:]}000": v for k, v in volatilities.items()})
        b["instruments"] = b["instruments"][:4] + [i for i in b["instruments"][4:] if "JUL" not in i["symbol"]] + [
            option(f"BTC-{k}", "call", "2024-07-19T08:00:00Z", f"{k[1:]}000") for k in volatilities]
    return change


def level(volatility: str) -> Callable[[Book], Any]:
    """Of the quarter's."""
    return lambda b: b["expiries"].__setitem__(1, curve("2024-09-27T08:00:00Z", dict.fromkeys(
        ("50000", "60000", "70000"), volatility)))


def settled(value: str) -> Callable[[Book], Any]:
    return lambda b: b["instruments"].append(future("BTC-OLD", "2024-06-14T08:00:00Z", settled=value))


def quotes(**more: Any) -> Callable[[Book], Any]:
    return lambda b: b["expiries"][0].update(more)


def uncharged(kind: str) -> Callable[[Book], Any]:
    return lambda b: next(c for c in b["contingencies"] if c["kind"] == kind).update(short="0")


@pytest.mark.parametrize(("gate", "wrong", "right"), [
    ("G1: spot of ETH over the last close 3000 is '1.4'", spot(1, "4200"), spot(1, "3200")),
    ("G1: spot of ETH", spot(1, "1800"), spot(1, "2800")),
    ("G1: settlement of BTC-OLD over spot is '1.66667e-05'", settled("1"), settled("52000")),
    ("G2: carry of the forward of BTC", forward("2024-07-26T08:00:00Z", "6000"),
     forward("2024-07-26T08:00:00Z", "63000")),
    ("G2: carry of the forward of BTC at 2024-06-19T00:00:01Z is '34.8 a year'",
     forward("2024-06-19T00:00:01Z", "66000"), forward("2024-06-19T00:00:01Z", "60010")),
    ("G2: carry", forward("2024-06-19T00:00:01Z", "600000"), forward("2024-06-19T08:00:00Z", "60100")),
    ("G2: forward of BTC at .* over spot is '1.4'", forward("2026-06-18T08:00:00Z", "84000"),
     forward("2026-06-18T08:00:00Z", "76000")),
    ("G3: basis of BTC's perpetual is '1'", perpetual("120000"), perpetual("61700")),
    ("G3: basis of BTC's perpetual is '-1'", perpetual("0.000001"), perpetual("58300")),
    ("G3: basis of BTC's perpetual is '-0.0301'", perpetual("58194"), perpetual("58206")),
    ("G8: butterfly of BTC around strike 60000", smile(k50="0.6", k60="5", k70="0.6"),
     smile(k50="0.7", k60="0.6", k70="0.62")),
    ("G8: butterfly of BTC around strike 70000", smile(k50="0.6", k60="0.6", k70="5"),
     smile(k50="0.6", k60="0.6", k70="0.75")),
    ("G8: butterfly", smile(k50="0.6", k60="0.0001", k70="0.6"), smile(k50="0.6", k60="0.55", k70="0.6")),
    ("G8: volatility of BTC at strike 60000, .* is '0.0001'", smile(k60="0.0001"), smile(k60="0.2")),
    ("G8: calendar spread of BTC .* 2024-07-19T08:00:00Z to 2024-09-27T08:00:00Z", level("0.3"), level("0.45")),
    ("G9: age of the volatilities .* is '901 s'", quotes(quoted_at="2024-06-18T23:44:59Z"),
     quotes(quoted_at="2024-06-18T23:45:00Z")),
    ("G9: venues of the volatilities .* is '1'", quotes(venues=["deribit"]), quotes(venues=["deribit", "okx"])),
    ("G11: contingency of BTC-.*-C held short", uncharged("call"), uncharged("spot")),
    ("G11: contingency of BTC-.*-P held short", uncharged("put"), uncharged("future"))])
def test_each_gate_of_the_book_on_both_sides(gate: str, wrong: Callable[[Book], Any], right: Callable[[Book], Any]
                                             ) -> None:
    said = refusal(changed(wrong))
    assert re.search(gate, said), said
    assert judged(changed(right)).judgement.accepted == ()


@pytest.mark.parametrize("extreme", [
    smile(k50="20", k60="20", k70="20"),                                           # 2000 %, where the next is no less
    lambda b: (b["expiries"].append(curve("2024-06-19T08:00:00Z", {"60000": "0.6"})),
               b["instruments"].append(option("BTC-8H", "put", "2024-06-19T08:00:00Z", "60000"))),
    lambda b: (b["expiries"][0]["volatilities"].append({"strike": "0.01", "volatility": "0.6"}),
               b["instruments"].append(option("BTC-DEEP", "call", "2024-07-19T08:00:00Z", "0.01"))),
    lambda b: (b["expiries"][0]["volatilities"].append({"strike": "1000000000", "volatility": "0.6"}),
               b["instruments"].append(option("BTC-FAR", "call", "2024-07-19T08:00:00Z", "1000000000")))],
    ids=["volatility 2000 %", "eight hours", "deep in the money", "far out of the money"])
def test_legitimate_extremes_are_built(extreme: Callable[[Book], Any]) -> None:
    made = copy.deepcopy(book())
    made["expiries"].pop()
    made["instruments"] = [i for i in made["instruments"] if "SEP" not in i["symbol"]]
    extreme(made)
    epoch = build(world(made))
    assert epoch.header.judgement.accepted == ()
    assert not list(epoch.violations())
    inside = [flag for flag in epoch.header.judgement.flags if flag.startswith("G12: 2024-06-19T08:00:00Z is inside")]
    assert len(inside) == any(i["symbol"] == "BTC-8H" for i in made["instruments"])


def test_volatility_of_2000_percent_before_a_calm_month_is_arbitrage() -> None:
    def change(b: Book) -> None:
        b["expiries"].append(curve("2024-06-20T00:00:00Z", {"60000": "20"}))
        b["instruments"].append(option("BTC-DAY", "call", "2024-06-20T00:00:00Z", "60000"))

    assert "G8: calendar spread of BTC" in refusal(changed(change))


# -- the history ---------------------------------------------------------------------------------------------------
def bent(row: int, asset: int, factor: float) -> np.ndarray:
    values = prices().copy()
    values[row, asset] *= factor
    return values


def halved(values: np.ndarray, row: int) -> np.ndarray:
    values = values.copy()
    values[:row] /= 1000.0
    return values


CONSTANT = np.column_stack([prices()[:, 0], np.full(len(prices()), 3000.0)])
QUIET = np.column_stack([prices()[:, 0], 3000.0 * np.exp(0.001 * np.log(prices()[:, 1] / 3000.0))])


@pytest.mark.parametrize(("gate", "values"), [
    ("G4: return of BTC on 2024-01-27", bent(556, 0, 1000.0)),
    ("G4: return of BTC on 2023-05-16", halved(prices(), 300)),
    ("G10: share of zero returns of ETH is '1'", CONSTANT), ("G10: deviation of ETH", QUIET)])
def test_gates_of_the_history(gate: str, values: np.ndarray) -> None:
    assert gate in refusal(world(prices=values))


def test_events_and_pegs_are_declared() -> None:
    model = MODEL + '[events]\n"2024-01-27" = "a fork"\n"2024-01-28" = "and back"\n'
    assert judged(world(model=model, prices=bent(556, 0, 1.6))).judgement.accepted == ()
    pegged = MODEL + '[volatility.ETH]\nfamily = "ewma"\nlambda = 0.97\ninnovations = "t"\ndegrees = 5.0\n' \
        "pegged = true\n"
    assert judged(world(model=pegged, prices=QUIET)).judgement.accepted == ()


def test_few_returns_are_too_few_for_garch_parameters() -> None:
    short = world(model=MODEL + GARCH.format(beta=0.9), prices=prices()[-500:])
    assert "G7: number of returns is '499': must be at least 500" in refusal(short)
    assert judged(world(model=MODEL + GARCH.format(beta=0.9), prices=prices()[-501:])).judgement.accepted == ()
    assert judged(world(prices=prices()[-251:])).judgement.accepted == ()          # EWMA has nothing to be fitted


# -- the model -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("beta", "more", "horizon", "says"), [
    ("0.92", "", 1, "half-life of BTC's variance is 'inf steps'"),
    ("0.9175", "", 1, "half-life of BTC's variance is '276.9"),
    ("0.917", "", 60, None), ("0.92", "integrated = true\n", 10, None),
    ("0.92", "integrated = true\n", 11, "horizon with BTC integrated is '11'")])
def test_persistence_is_declared_and_not_followed_far(beta: str, more: str, horizon: int, says: str | None) -> None:
    other = GARCH.format(beta=0.9).replace("BTC", "ETH")
    model = MODEL.replace("horizon = 1", f"horizon = {horizon}") + GARCH.format(beta=beta) + more + other
    if says is None:
        assert judged(world(model=model)).judgement.accepted == ()
    else:
        assert f"G6: {says}" in refusal(world(model=model))


@pytest.mark.parametrize(("variance", "horizon", "says"), [
    (1.0, 60, "G6: deviation of BTC over the horizon"), (0.5, 1, None), (1e-9, 1, "G10: forecast deviation of BTC"),
    (1.1e-8, 1, None)])
def test_the_state_is_looked_at_without_a_history(variance: float, horizon: int, says: str | None) -> None:
    sources = world({**book(), "expiries": [], "instruments": book()["instruments"][:4]},
                    model=STATED.format(variance=variance, horizon=horizon))
    if says is None:
        assert judged(sources).judgement.accepted == ()
    else:
        assert says in refusal(sources)


def test_few_degrees_of_freedom_have_no_excuse() -> None:
    model = STATED.format(variance=0.001, horizon=1).replace("degrees = 5.0", "degrees = 2.01", 1)
    with pytest.raises(BadInput, match=r"2\.5.*G5"):
        judged(world(model=model), G3="x")
    for gates in ({"G5": "it is so"}, {"G17": "there is none"}, {"G3": " "}, {"G3": "x" * 501}):
        with pytest.raises(BadInput, match="--accept"):
            require_gates(gates)


# -- what is accepted ----------------------------------------------------------------------------------------------
def test_a_reason_opens_its_gate_and_no_other() -> None:
    def change(b: Book) -> None:
        perpetual("120000")(b)
        spot(1, "4200")(b)

    sources = changed(change)
    assert "--accept G1" in refusal(sources)
    assert "1 more of G3" in refusal(sources)
    with pytest.raises(BrokenDuty, match="G1: spot of ETH"):
        judged(sources, G3="the exchange halted")
    found = judged(sources, G3="the exchange halted", G1="a merger", G4="never needed").judgement
    assert [(one.gate, one.reason) for one in found.accepted] == [("G1", "a merger"), ("G3", "the exchange halted")]
    assert "basis of BTC's perpetual is 1: must be within 0.03" in found.accepted[1].found
    assert "ACCEPTED G3, since the exchange halted: basis" in "\n".join(found.lines())


def test_a_reason_in_the_model_file_and_another_bound() -> None:
    wide = world(model=MODEL + "[gates]\nperpetual_basis = 1.5\n", changed=_with(perpetual("120000")))
    assert judged(wide).judgement.accepted == ()
    told = world(model=MODEL + '[gates]\naccepted = {G3 = "halted"}\n', changed=_with(perpetual("120000")))
    assert judged(told).judgement.reasons == {"G3": "halted"}
    assert build(told).root != build(world(model=MODEL, changed=_with(perpetual("60010")))).root


def _with(change: Callable[[Book], Any]) -> Book:
    made = copy.deepcopy(book())
    change(made)
    return made


# -- enough scenarios ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("scenarios", "tail", "says"), [
    (1, "1", "number of scenarios is 1: must be at least 100"), (99, "6", "number of scenarios"), (100, "5", None),
    (256, "24/5", "tail is '24/5': must be that of at least 5 scenarios"), (256, "5", None)])
def test_a_tail_of_few_scenarios_is_a_trial(scenarios: int, tail: str, says: str | None) -> None:
    model = MODEL.replace("scenarios = 256", f"scenarios = {scenarios}").replace('"32/5"', f'"{tail}"')
    if says is not None:
        with pytest.raises(BadInput, match=says):
            build(world(model=model))
        model = model.replace("horizon", 'purpose = "trial"\nseed = 5\nhorizon')
    assert build(world(model=model)).header.trial == (says is not None)
