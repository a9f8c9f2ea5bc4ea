from __future__ import annotations

import pytest

from primitives.errors import BadInput
from risk.exact.shape import EpochShape, TailSize
from risk.models.model import Estimator, parse_model

MONTE_CARLO = """\
schema = "tailproof.model/1"
name = "example"
estimator = "monte-carlo-garch-t"
assets = ["BTC", "ETH"]
seed = 7
horizon = 2
steps_per_year = 365
volatility_response = 1

[epoch]
scenarios = 256
tail = "32/5"
depth = 3
lanes = 5
width = 50

[garch.BTC]
mean = 0.001
omega = 1.0e-5
alpha = 0.1
beta = 0.89
degrees = 3.5
variance = 0.0012

[garch.ETH]
mean = 0.001
omega = 2.0e-5
alpha = 0.1
beta = 0.89
degrees = 3.5
variance = 0.0024

[copula]
degrees = 4.0
correlation = [[1.0, 0.7], [0.7, 1.0]]
"""
HISTORICAL = """\
schema = "tailproof.model/1"
name = "example"
estimator = "filtered-historical-simulation"
assets = ["BTC", "ETH"]
seed = 7
horizon = 2
steps_per_year = 365
volatility_response = 0.5
max_gap_days = 3
garch = "fit"

[epoch]
scenarios = 256
tail = "32/5"
depth = 3
lanes = 5
width = 50
"""


def test_reads_a_model_that_gives_everything() -> None:
    model = parse_model(MONTE_CARLO.encode())
    assert (model.estimator, model.seed, model.horizon) == (Estimator.MONTE_CARLO, 7, 2)
    assert model.shape == EpochShape(256, TailSize(32, 5), 3)
    assert model.variances == (0.0012, 0.0024)
    assert model.garch is not None
    assert model.garch[1].omega == 2e-5
    assert model.copula is not None
    assert not model.needs_history
    assert not model.fits_copula


def test_reads_a_model_that_fits() -> None:
    model = parse_model(HISTORICAL.encode())
    assert model.garch is None
    assert model.variances is None
    assert model.copula is None
    assert model.needs_history
    assert not model.fits_copula


def test_given_parameters_with_a_history_need_no_variance() -> None:
    tables = "".join(line for line in MONTE_CARLO[MONTE_CARLO.index("[garch"):MONTE_CARLO.index("[copula")]
                     .splitlines(keepends=True) if "variance" not in line)
    model = parse_model((HISTORICAL.replace('garch = "fit"\n', "") + tables).encode())
    assert model.garch is not None
    assert model.variances is None
    assert model.needs_history


def test_a_copula_may_be_fitted() -> None:
    text = HISTORICAL.replace("filtered-historical-simulation", "monte-carlo-garch-t")
    assert parse_model(text.replace("garch =", 'copula = "fit"\ngarch =').encode()).fits_copula


@pytest.mark.parametrize(("text", "old", "new", "message"), [
    (MONTE_CARLO, "model/1", "model/2", "schema is"),
    (MONTE_CARLO, "seed = 7\n", "", "seed is None: must be given"),
    (MONTE_CARLO, "seed = 7", "seed = 7\nseeds = 8", "seeds is 8: must be absent"),
    (MONTE_CARLO, "seed = 7", "seed = -1", r"seed is -1: must be an integer in \[0"),
    (MONTE_CARLO, "seed = 7", "seed = 7.0", r"seed is 7\.0: must be an integer"),
    (MONTE_CARLO, "monte-carlo-garch-t", "guess", "estimator is 'guess': must be one of filtered"),
    (MONTE_CARLO, '"BTC", "ETH"', "", "length of assets is 0"),
    (MONTE_CARLO, '"BTC", "ETH"', '"BTC", "BTC"', "assets is .* free of repetitions"),
    (MONTE_CARLO, "horizon = 2", "horizon = 0", "horizon is 0"),
    (MONTE_CARLO, "horizon = 2", "horizon = 61", r"horizon is 61: must be an integer in \[1, 60\]"),
    (MONTE_CARLO, "steps_per_year = 365", "steps_per_year = 0", "steps_per_year is 0"),
    (MONTE_CARLO, "volatility_response = 1", "volatility_response = nan", "volatility_response is nan"),
    (MONTE_CARLO, "volatility_response = 1", "volatility_response = -1", "volatility_response is -1"),
    (MONTE_CARLO, "scenarios = 256", "scenarios = 0", r"epoch\.scenarios is 0"),
    (MONTE_CARLO, '"32/5"', '"0/5"', r"epoch\.tail is '0/5'"),
    (MONTE_CARLO, '"32/5"', "6.4", r"epoch\.tail is 6\.4: must be a string"),
    (MONTE_CARLO, '"32/5"', '"257"', r"epoch\.tail is '257/1': must be .* at most the number of scenarios, 256"),
    (MONTE_CARLO, "lanes = 5", "lanes = 6", r"epoch\.lanes x epoch\.width is 300"),
    (MONTE_CARLO, "depth = 3", "depth = 9", r"epoch\.depth is 9"),
    (MONTE_CARLO, "[garch.ETH]", "[garch.XRP]", r"garch\.ETH is None: must be given"),
    (MONTE_CARLO, "alpha = 0.1", "alpha = 0.2", r"garch\.BTC\.alpha \+ beta is .* at most 1"),
    (MONTE_CARLO, "alpha = 0.1", 'alpha = "x"', r"garch\.BTC\.alpha is 'x': must be a number"),
    (MONTE_CARLO, "alpha = 0.1", "alpha = inf", r"garch\.BTC\.alpha is inf"),
    (MONTE_CARLO, "variance = 0.0012\n", "", r"garch\.BTC\.variance is None: must be given"),
    (MONTE_CARLO, "variance = 0.0012", "variance = 0", r"garch\.BTC\.variance is 0"),
    (MONTE_CARLO, "[[1.0, 0.7], [0.7, 1.0]]", "[[1.0]]", "length of copula.correlation is 1: must be 2"),
    (MONTE_CARLO, "[[1.0, 0.7], [0.7, 1.0]]", "[[1.0, 0.7], [0.6, 1.0]]", r"copula\.correlation\[0\]\[1\] is 0\.7"),
    (MONTE_CARLO, "seed = 7", "seed = 7\nmax_gap_days = 3", "max_gap_days is 3: must be absent"),
    (MONTE_CARLO, MONTE_CARLO[MONTE_CARLO.index("[copula]"):], "", "copula is None: must be given"),
    (HISTORICAL, "garch =", 'copula = "fit"\ngarch =', "copula is 'fit': must be absent"),
    (HISTORICAL, "max_gap_days = 3\n", "", "max_gap_days is None: must be given"),
    (HISTORICAL, "max_gap_days = 3", "max_gap_days = 0", "max_gap_days is 0"),
    (HISTORICAL, '"fit"', '"guess"', "garch is 'guess': must be an object"),
    (HISTORICAL, "seed = 7", "seed = 7\nseed = 7", "TOML document is"),
    (HISTORICAL, "seed = 7", "seed =", "TOML document is")])
def test_a_wrong_entry_is_refused_with_its_place(text: str, old: str, new: str, message: str) -> None:
    assert old in text
    with pytest.raises(BadInput, match=r"^model\.toml: " + message):
        parse_model(text.replace(old, new, 1).encode(), source="model.toml")


@pytest.mark.parametrize("data", [b"", b"\xff", b"= 1"])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^model\.toml: "):
        parse_model(data, source="model.toml")
