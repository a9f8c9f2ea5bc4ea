from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.epochs.build import STAGES, build, calibrated, parse_sources
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.epochs.seed import derived_seed
from risk.exact.digests import content_digest
from risk.margins.portfolio import Portfolio
from risk.models.calibration import Calibration, log_returns

Edit = Callable[[bytes, str, str], bytes]
CRYPTO_ROOT = 0xefe78623e5411664a494ac549312cf60d74b545e519456ff12585b5f7f81a85
US_ROOT = 0x15b9d1ca207c9358cc1406916717a5588306166865132e2d5713cab614bd48f0


def test_every_machine_finds_these_roots(crypto: Epoch, us_sources: Sources) -> None:
    """Pinned. From given parameters on, no step depends on the machine or on library versions."""
    assert hex(crypto.root) == hex(CRYPTO_ROOT)
    assert hex(build(us_sources).root) == hex(US_ROOT)


def test_building_twice_gives_the_same_root(crypto: Epoch, crypto_sources: Sources) -> None:
    stages: list[tuple[str, int, int]] = []
    again = build(crypto_sources, progress=lambda *stage: stages.append(stage))
    assert again.root == crypto.root
    assert (again.changes == crypto.changes).all()
    assert [stage for stage, _, _ in stages] == [*STAGES, "commit"]
    assert stages[-1][1:] == (5, 5)


def test_the_order_of_the_book_does_not_matter(crypto: Epoch, crypto_sources: Sources) -> None:
    book = json.loads(crypto_sources.book)
    book["instruments"].reverse()
    assert build(replace(crypto_sources, book=json.dumps(book).encode())).root == crypto.root


@pytest.mark.parametrize(("old", "new"), [
    ('name = "btc-eth-garch-t"', 'name = "other"'), ("horizon = 2 ", "horizon = 1 "),
    ("volatility_response = 1.0", "volatility_response = 0.9"), ("degrees = 3.22399", "degrees = 3.224"),
    ('"32/5"', '"6"')])
def test_everything_in_the_model_reaches_the_root(old: str, new: str, crypto: Epoch, crypto_sources: Sources,
                                                  edited: Edit) -> None:
    assert build(replace(crypto_sources, model=edited(crypto_sources.model, old, new))).root != crypto.root


def test_the_epoch_says_what_it_is(crypto: Epoch, crypto_sources: Sources) -> None:
    header = crypto.header
    assert (header.venue, header.quote, header.timestamp) == ("example", "USD", 1609459200)
    assert header.underlyings == ("BTC", "ETH")
    assert header.model_digest == content_digest(crypto_sources.model)
    assert not list(crypto.violations())
    assert len(crypto.ids) == 123 - 2
    row = crypto.row_of("BTC-25DEC20")
    assert row is not None
    assert not crypto.changes[row].any()                     # E7: settled, and still there
    assert crypto.row_of("DOGE") is None


def test_amax_is_the_largest_change(crypto: Epoch) -> None:
    assert (crypto.amax == np.abs(crypto.changes).max(axis=1)).all()


@pytest.mark.parametrize("name", ["short_straddle", "covered_call", "cross_asset_hedge", "concentrated_short"])
def test_fixture_portfolios(name: str, crypto: Epoch, fixtures: Path) -> None:
    portfolio = Portfolio.read(fixtures / "btc_eth" / "portfolios" / f"{name}.json")
    result = portfolio.margin(crypto)
    lots = [lots for _, lots in portfolio.rows(crypto)]
    rows = [row for row, _ in portfolio.rows(crypto)]
    worst = np.sort(-(np.array(lots) @ crypto.changes[rows]))[::-1] / 1e6
    expected = (worst[:6].sum() + 0.4 * worst[6]) / 6.4
    assert float(result.shortfall.value) / 1e6 == pytest.approx(expected, rel=1e-12)
    assert result.gross < 2**48
    net = result.required / sum(result.standalone)
    assert net > 0.99 if name == "concentrated_short" else net < 0.7   # nothing nets in a one-sided book


# -- real history --------------------------------------------------------------------------------------------------
def test_from_prices_to_margin_on_real_history(us: Epoch, us_sources: Sources) -> None:
    """The margin of 100 units of the index is what a risk manager with NumPy and `arch` would find."""
    from arch import arch_model

    model, _, history = parse_sources(us_sources)
    assert history is not None
    assert us.provenance is not None
    r = 100 * log_returns(history)[:, 0]
    fitted = arch_model(r, vol="GARCH", p=1, q=1, dist="t", rescale=False).fit(disp="off")
    z = fitted.resid / fitted.conditional_volatility
    tomorrow = fitted.params["mu"] + np.sqrt(float(fitted.forecast().variance.iloc[-1, 0])) * z
    losses = np.sort(100 * 2485.74 * (1 - np.exp(tomorrow / 100)))[::-1]
    everything = losses[:round(0.025 * len(losses))].mean()  # all of history, not 256 draws
    row = us.row_of("SP500")
    assert row is not None
    es = float(Portfolio((("SP500", 100),)).margin(us).shortfall.value) / 1e6
    assert es == pytest.approx(everything, rel=0.25)
    moves = np.exp(us.provenance.scenarios.returns[:, 0] / 1e9)
    worst = np.sort(100 * 2485.74 * (1 - moves))[::-1]
    assert es == pytest.approx((worst[:6].sum() + 0.4 * worst[6]) / 6.4, abs=1e-3)
    volatility = us.provenance.calibration.volatilities[0]
    in_single_steps = volatility.variances(r / 100)[-1]      # `arch` knows no gaps; ours has one on 24 December
    assert in_single_steps == pytest.approx(float(fitted.forecast().variance.iloc[-1, 0]) / 1e4, rel=0.02)
    assert us.provenance.calibration.variances[0] == volatility.variances(r / 100, history.steps)[-1]
    assert model.shape.scenarios == len(moves)


def test_hedges_lower_the_margin_on_real_history(us: Epoch, fixtures: Path) -> None:
    result = Portfolio.read(fixtures / "us_markets" / "portfolios" / "index_spread.json").margin(us)
    assert 0 < result.required < sum(result.standalone) / 3


def test_the_state_of_a_calibration_is_written_and_read(us: Epoch) -> None:
    assert us.provenance is not None
    calibration = us.provenance.calibration
    assert Calibration.from_json(Node(json.loads(json.dumps(calibration.to_json())))) == calibration
    assert calibration.correlation is not None
    assert calibration.correlation[0][1] > 0.8               # S&P 500 and NASDAQ
    assert 0 < calibration.correlation[0][2] < 0.5           # and oil


# -- nobody's choice -----------------------------------------------------------------------------------------------
def test_a_seed_follows_from_model_predecessor_and_valuation(crypto: Epoch, crypto_sources: Sources,
                                                             edited: Edit) -> None:
    """keccak256, by another library, of what D2 says; and a trial has the seed it states."""
    from eth_utils import keccak

    text = b"tailproof.seed/2" + keccak(crypto_sources.model) + bytes(32) + (1609459200).to_bytes(8, "big")
    seed = derived_seed(crypto_sources.model, 0, 1609459200)
    assert seed == int.from_bytes(keccak(text), "big") >> 204
    after = text[:-40] + (7).to_bytes(32, "big") + text[-8:]
    assert derived_seed(crypto_sources.model, 7, 1609459200) == int.from_bytes(keccak(after), "big") >> 204
    assert not np.array_equal(build(crypto_sources, previous_root=7).changes, crypto.changes)
    trial = edited(crypto_sources.model, "horizon = 2", f'purpose = "trial"\nseed = {seed}\nhorizon = 2')
    assert (build(replace(crypto_sources, model=trial)).changes == crypto.changes).all()


# -- names, not places ---------------------------------------------------------------------------------------------
def test_the_order_of_assets_in_book_and_history_does_not_matter(us: Epoch, us_sources: Sources) -> None:
    book = json.loads(us_sources.book)
    book["underlyings"].reverse()
    assert us_sources.history is not None
    rows = [line.split(",") for line in us_sources.history.decode().splitlines()]
    turned = "\n".join(",".join([row[3], row[1], "7", row[0], row[2]]) for row in rows).replace("7", "VIX", 1)
    again = build(replace(us_sources, book=json.dumps(book).encode(), history=turned.encode()))
    assert again.root == us.root


def test_a_statement_gives_the_shape(crypto: Epoch, crypto_sources: Sources, edited: Edit) -> None:
    text = crypto_sources.model.decode()
    at, end = text.index("scenarios = 256"), text.index("# Maximum")
    named = replace(crypto_sources, model=(text[:at] + 'statement = "margin-full-256x16"\n\n' + text[end:]).encode())
    assert build(named, shape=crypto.shape).shape == crypto.shape
    with pytest.raises(BadInput, match=r"epoch\.statement is 'margin-full-256x16': must be resolved"):
        build(named)


# -- time ----------------------------------------------------------------------------------------------------------
INTRADAY = """\
schema = "tailproof.model/2"
name = "five-minutes"
estimator = "filtered-historical"
assets = ["BTC", "ETH"]
horizon = 12
step_seconds = 300
max_gap_steps = 12

[epoch]
scenarios = 256
tail = "32/5"
depth = 3

[volatility.BTC]
family = "ewma"
lambda = 0.995
innovations = "normal"

[volatility.ETH]
family = "ewma"
lambda = 0.995
innovations = "normal"

[gates]
accepted = {G1 = "the book is of another market"}
"""


def test_an_hour_of_five_minutes(crypto_sources: Sources) -> None:
    """Margins of an hour from a history of five minutes with gaps; the same prices on another clock are refused."""
    from risk.exact.clock import format_time

    rng, n, end = np.random.default_rng(2), 1500, 1609459200
    times = [end - 300 * (n - i) for i in range(n)]
    kept = [i for i in range(n) if i % 50 not in (7, 8, 9)]            # fifteen minutes missing, now and then
    moves = np.cumsum(0.001 * rng.standard_normal((n, 2)) @ np.array([[1, 0.8], [0, 0.6]]), axis=0)
    prices = np.array([29000, 737]) * np.exp(moves)
    rows = [f"{format_time(times[i])},{prices[i, 0]:.6f},{prices[i, 1]:.6f}" for i in kept]
    history = ("time,BTC,ETH\n" + "\n".join(rows) + "\n").encode()
    sources = replace(crypto_sources, model=INTRADAY.encode(), history=history, paths={"history": "h.csv"})
    epoch = build(sources)
    assert epoch.provenance is not None
    found = epoch.provenance.scenarios.returns / 1e9
    assert found.std(axis=0) == pytest.approx(0.001 * 12**0.5, rel=0.25)         # not of days, not with gaps too wide
    assert np.corrcoef(found.T)[0, 1] == pytest.approx(0.8, abs=0.1)
    with pytest.raises(BadInput, match="a whole number of steps of 86400 seconds"):
        build(replace(sources, model=INTRADAY.replace("step_seconds = 300\n", "").encode()))


def test_days_nobody_saw_are_forecast(us_sources: Sources, edited: Edit) -> None:
    """A valuation three open days after the last close: variances are what is expected by then."""
    model, book, history = parse_sources(us_sources)
    later = replace(us_sources, book=edited(us_sources.book, "2018-12-28T22:00:00Z", "2019-01-04T00:00:00Z"))
    _, late_book, _ = parse_sources(later)
    assert history is not None
    early, late = calibrated(model, book, history), calibrated(model, late_book, history)
    for volatility, before, after in zip(model.volatilities, early.variances, late.variances, strict=True):
        assert after == volatility.ahead(before, 4)                    # 31 December to 3 January
        assert after != before


# -- sources that do not belong together ---------------------------------------------------------------------------
def test_history_and_model_must_agree(crypto_sources: Sources, us_sources: Sources, edited: Edit) -> None:
    assert us_sources.history is not None
    with pytest.raises(BadInput, match=r"history is .* must be absent: the model reads no prices"):
        build(replace(crypto_sources, history=b"x", paths={"history": "h.csv"}))
    with pytest.raises(BadInput, match="history is missing: must be given: the model reads prices"):
        build(replace(us_sources, history=None, paths={}))
    with pytest.raises(BadInput, match=r"line 1, WTI is no such column: .* there are SP500, NASDAQ, OIL"):
        build(replace(us_sources, history=edited(us_sources.history, "WTI", "OIL")))


@pytest.mark.parametrize("valuation", ["2018-12-27T22:00:00Z", "2019-01-08T22:00:00Z"])
def test_a_history_that_looks_ahead_or_is_stale_is_refused(valuation: str, us_sources: Sources, edited: Edit) -> None:
    with pytest.raises(BadInput, match=r"history\.csv: last row is '2018-12-28': must be at most 5 steps before"):
        build(replace(us_sources, book=edited(us_sources.book, "2018-12-28T22:00:00Z", valuation)))


def test_more_instruments_than_leaves_are_refused(crypto_sources: Sources, edited: Edit) -> None:
    with pytest.raises(BadInput, match=r"book\.json: number of instruments is 120: must be at most 60"):
        build(replace(crypto_sources, model=edited(crypto_sources.model, "depth = 3", "depth = 2")))


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"model\.toml: file is .* a readable file"):
        Sources.read(tmp_path / "model.toml", tmp_path / "book.json")


def test_returns_are_logarithmic(us_sources: Sources) -> None:
    _, _, history = parse_sources(us_sources)
    assert history is not None
    assert log_returns(history) == pytest.approx(np.diff(np.log(history.prices), axis=0), abs=1e-14)
