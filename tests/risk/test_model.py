from __future__ import annotations

import pytest

from primitives.errors import BadInput
from risk.exact.shape import EpochShape, TailSize
from risk.models.copula import Dependence
from risk.models.correlation import Correlation
from risk.models.innovations import Law
from risk.models.model import Estimator, Model, Purpose, named_statement, parse_model
from risk.models.model_text import render, upgraded
from risk.models.volatility import Volatility

MONTE_CARLO = """\
schema = "tailproof.model/2"
name = "example"
estimator = "monte-carlo"
assets = ["BTC", "ETH"]
purpose = "trial"
seed = 7
horizon = 2
volatility_response = 1

[epoch]
scenarios = 256
tail = "32/5"
depth = 3
lanes = 5
width = 50

[volatility.BTC]
family = "garch"
mean = 0.001
omega = 1.0e-5
alpha = 0.1
beta = 0.89
innovations = "t"
degrees = 3.5
variance = 0.0012

[volatility.ETH]
family = "gjr"
mean = 0.001
omega = 2.0e-5
alpha = 0.1
gamma = 0.05
beta = 0.8
innovations = "skew-t"
degrees = 3.5
skew = -0.1
variance = 0.0024

[correlation]
family = "static"
matrix = [[1.0, 0.7], [0.7, 1.0]]

[copula]
family = "t"
degrees = 4.0
"""
LEAST = """\
schema = "tailproof.model/2"
name = "example"
estimator = "filtered-historical"
assets = ["BTC", "ETH"]
horizon = 2

[epoch]
scenarios = 256
tail = "32/5"
depth = 3
"""
DCC = LEAST + """
[correlation]
family = "dcc"
a = 0.03
b = 0.95
matrix = [[1.0, 0.7], [0.7, 1.0]]
"""
EVERYTHING = LEAST.replace("horizon = 2", """\
horizon = 12
step_seconds = 300
calendar = ["saturday", "sunday", "2020-12-25"]
steps_per_year = 75_000
max_gap_steps = 3""") + """
[events]
"2020-03-12" = "sell-off"
"2020-03-12T10:35:00Z" = "halted"

[gates]
spot_deviations = 4
accepted = {G3 = "the perpetual trades apart"}

[scenarios]
population = 65536
clip = 1.5

[stress]
sets = ["2020-03-12"]
weight = 0.25

[procyclicality]
floor = 0.8
speed_limit = 0.25
"""


def test_reads_a_model_that_gives_everything() -> None:
    model = parse_model(MONTE_CARLO.encode())
    assert (model.estimator, model.purpose, model.seed, model.horizon) == (Estimator.MONTE_CARLO, Purpose.TRIAL, 7, 2)
    assert model.shape == EpochShape(256, TailSize(32, 5), 3)
    assert model.variances == (0.0012, 0.0024)
    assert model.volatilities == (Volatility.garch(0.001, 1e-5, 0.1, 0.89, 3.5),
                                  Volatility("gjr", 0.001, 2e-5, 0.1, 0.8, 0.05, Law("skew-t", 3.5, -0.1)))
    assert model.correlation == Correlation("static", matrix=((1.0, 0.7), (0.7, 1.0)))
    assert model.copula == Dependence("t", (4.0, 4.0))
    assert not model.needs_history


def test_what_is_left_out_is_as_documented() -> None:
    model = parse_model(LEAST.encode())
    assert model.purpose == Purpose.PRODUCTION
    assert model.seed is None
    assert model.needs_history
    assert model.volatilities == (Volatility.ewma(0.97, Law("t", 5.0)),) * 2
    assert model.correlation == Correlation.ewma(0.97)
    assert model.copula is None
    assert (model.step_seconds, model.steps_per_year, model.max_gap_steps) == (86400, 365, 5)
    assert (model.shape.lanes, model.shape.width) == (5, 50)
    assert model.scenarios.clip == 2.0
    drawn = parse_model(LEAST.replace("filtered-historical", "monte-carlo").encode())
    assert drawn.copula == Dependence("t", (4.0, 4.0))
    assert drawn.needs_history                               # for today's variances and correlations


def test_reads_what_later_rooms_act_on() -> None:
    model = parse_model(EVERYTHING.encode())
    assert model.events["2020-03-12"] == "sell-off"
    assert (model.gates.spot_deviations, model.gates.perpetual_basis) == (4, 0.03)
    assert model.gates.accepted == {"G3": "the perpetual trades apart"}
    assert (model.scenarios.population, model.scenarios.clip) == (2**16, 1.5)
    assert (model.stress.sets, model.stress.weight) == (("2020-03-12",), 0.25)
    assert (model.procyclicality.floor, model.procyclicality.buffer) == (0.8, None)
    assert (model.step_seconds, model.steps_per_year, model.calendar.weekdays) == (300, 75_000, {5, 6})
    plain = parse_model(EVERYTHING.replace("steps_per_year = 75_000\n", "").encode())
    assert plain.steps_per_year == pytest.approx(365 * 5 / 7 * 288)


def test_a_statement_may_give_the_shape() -> None:
    text = LEAST[:LEAST.index("scenarios")] + 'statement = "margin-full-256x16"\n'
    assert named_statement(text.encode()) == "margin-full-256x16"
    shape = EpochShape(256, TailSize(32, 5), 3)
    model = parse_model(text.encode(), shape=shape)
    assert (model.shape, model.statement) == (shape, "margin-full-256x16")
    with pytest.raises(BadInput, match=r"epoch\.statement is 'margin-full-256x16': must be resolved"):
        parse_model(text.encode())


def test_all_missing_keys_are_told_at_once() -> None:
    text = MONTE_CARLO
    for line in ('name = "example"\n', "horizon = 2\n", "depth = 3\n", "omega = 2.0e-5\n", "skew = -0.1\n",
                 'family = "static"\n', "degrees = 4.0\n"):
        assert line in text
        text = text.replace(line, "", 1)
    with pytest.raises(BadInput, match=r"^model\.toml: name, horizon, epoch\.depth, volatility\.ETH\.omega, "
                                       r"volatility\.ETH\.skew, correlation\.family, copula\.degrees are missing: "):
        parse_model(text.encode(), source="model.toml")


@pytest.mark.parametrize(("text", "old", "new", "message"), [
    (MONTE_CARLO, "model/2", "model/1", r"schema is 'tailproof\.model/1': must be .*`tailproof model upgrade`"),
    (MONTE_CARLO, "model/2", "model/3", "schema is 'tailproof.model/3'"),
    (MONTE_CARLO, "seed = 7\n", "", "seed is missing: must be given: a trial states"),
    (MONTE_CARLO, 'purpose = "trial"\n', "", "seed is 7: must be absent: a seed of one's choice"),
    (MONTE_CARLO, '"trial"', '"test"', "purpose is 'test'"),
    (MONTE_CARLO, "seed = 7", "seed = 7\nseeds = 8", "seeds is 8: must be absent"),
    (MONTE_CARLO, "seed = 7", "seed = -1", r"seed is -1: must be an integer in \[0"),
    (MONTE_CARLO, "seed = 7", "seed = 7.0", r"seed is 7\.0: must be an integer"),
    (MONTE_CARLO, "monte-carlo", "guess", "estimator is 'guess': must be one of filtered"),
    (MONTE_CARLO, '"BTC", "ETH"', "", "length of assets is 0"),
    (MONTE_CARLO, '"BTC", "ETH"', '"BTC", "BTC"', "assets is .* free of repetitions"),
    (MONTE_CARLO, "horizon = 2", "horizon = 0", "horizon is 0"),
    (MONTE_CARLO, "horizon = 2", "horizon = 61", "horizon is 61: must be at most 60 days: 60 steps of 86400 seconds"),
    (LEAST, "horizon = 2", "horizon = 289\nstep_seconds = 300", r"horizon is 289: must be an integer in \[1, 288\]"),
    (LEAST, "horizon = 2", "horizon = 2\nstep_seconds = 59", "step_seconds is 59"),
    (LEAST, "horizon = 2", 'horizon = 2\ncalendar = "5/7"', "calendar is '5/7'"),
    (LEAST, "horizon = 2", 'horizon = 2\ncalendar = ["Sunday"]', r"calendar\[0\] is 'Sunday'"),
    (LEAST, "horizon = 2", 'horizon = 2\ncalendar = ["2020-02-30"]', r"calendar\[0\] is '2020-02-30'"),
    (LEAST, "horizon = 2", 'horizon = 2\ncalendar = ["2020-02-03", "2020-02-03"]', "calendar is .* repetitions"),
    (LEAST, "horizon = 2", "horizon = 2\nsteps_per_year = 0", "steps_per_year is 0"),
    (LEAST, "horizon = 2", "horizon = 2\nmax_gap_steps = 0", "max_gap_steps is 0"),
    (MONTE_CARLO, "volatility_response = 1", "volatility_response = nan", "volatility_response is nan"),
    (MONTE_CARLO, "volatility_response = 1", "volatility_response = -1", "volatility_response is -1"),
    (MONTE_CARLO, "scenarios = 256", "scenarios = 0", r"epoch\.scenarios is 0"),
    (MONTE_CARLO, '"32/5"', '"0/5"', r"epoch\.tail is '0/5'"),
    (MONTE_CARLO, '"32/5"', "6.4", r"epoch\.tail is 6\.4: must be a string"),
    (MONTE_CARLO, '"32/5"', '"257"', r"epoch\.tail is '257/1': must be .* at most the number of scenarios, 256"),
    (MONTE_CARLO, "lanes = 5", "lanes = 6", r"epoch\.lanes x epoch\.width is 300"),
    (MONTE_CARLO, "depth = 3", "depth = 9", r"epoch\.depth is 9"),
    (MONTE_CARLO, "depth = 3", 'depth = 3\nstatement = "margin-tiny"', r"epoch\.scenarios is 256: must be absent"),
    (MONTE_CARLO, "[volatility.ETH]", "[volatility.XRP]", r"volatility\.XRP is .* must be absent"),
    (MONTE_CARLO, 'family = "garch"', 'family = "egarch"', r"volatility\.BTC\.family is 'egarch'"),
    (MONTE_CARLO, "alpha = 0.1", "alpha = 0.2", r"volatility\.BTC\.alpha \+ beta is .* at most 1"),
    (MONTE_CARLO, "gamma = 0.05", "gamma = 0.3", r"volatility\.ETH\.alpha \+ gamma E.* at most 1"),
    (MONTE_CARLO, "gamma = 0.05", "gamma = -0.11", r"volatility\.ETH\.alpha \+ gamma is .* at least 0"),
    (MONTE_CARLO, "alpha = 0.1", "alpha = 0.1\ngamma = 0.01", r"volatility\.BTC\.gamma is 0\.01: must be absent"),
    (MONTE_CARLO, "alpha = 0.1", 'alpha = "x"', r"volatility\.BTC\.alpha is 'x': must be a number"),
    (MONTE_CARLO, "alpha = 0.1", "alpha = inf", r"volatility\.BTC\.alpha is inf"),
    (MONTE_CARLO, "degrees = 3.5", "degrees = 2.49", r"volatility\.BTC\.degrees is 2\.49: must be .*\(G5\)"),
    (MONTE_CARLO, 'innovations = "t"', 'innovations = "normal"', r"volatility\.BTC\.degrees is 3\.5: must be absent"),
    (MONTE_CARLO, 'innovations = "t"', 'innovations = "t"\nskew = 0', r"volatility\.BTC\.skew is 0: must be absent"),
    (MONTE_CARLO, "skew = -0.1", "skew = -1", r"volatility\.ETH\.skew is -1"),
    (MONTE_CARLO, "variance = 0.0012\n", "", r"volatility\.BTC\.variance is missing: must be given as for ETH"),
    (MONTE_CARLO, "variance = 0.0012", "variance = 0", r"volatility\.BTC\.variance is 0"),
    (MONTE_CARLO, "[[1.0, 0.7], [0.7, 1.0]]", "[[1.0]]", r"length of correlation\.matrix is 1: must be 2"),
    (MONTE_CARLO, "[[1.0, 0.7], [0.7, 1.0]]", "[[1.0, 0.7], [0.6, 1.0]]", r"correlation\.matrix\[0\]\[1\] is 0\.7"),
    (MONTE_CARLO, "0.7], [0.7", "1.0], [1.0", r"correlation\.matrix is rank 1 of 2: .*`model fit --repair`"),
    (MONTE_CARLO, "0.7], [0.7", "0.999999999], [0.999999999", r"condition number of correlation\.matrix is 2000000000"),
    (MONTE_CARLO, "matrix = [[1.0, 0.7], [0.7, 1.0]]\n", "", r"correlation\.matrix is missing: must be given: Monte"),
    (MONTE_CARLO, MONTE_CARLO[MONTE_CARLO.index("[correlation]"):MONTE_CARLO.index("[copula]")], "",
     "correlation is missing: must be given: no history"),
    (MONTE_CARLO, 'family = "t"\ndegrees = 4.0', 'family = "t"\ndegrees = 2', r"copula\.degrees is 2"),
    (MONTE_CARLO, 'family = "t"\ndegrees = 4.0', 'family = "grouped-t"\ngroups = [{assets = ["BTC"], degrees = 4}]',
     r"copula\.groups is 'ETH': must be an asset of some group"),
    (MONTE_CARLO, 'family = "t"\ndegrees = 4.0',
     'family = "grouped-t"\ngroups = [{assets = ["BTC", "ETH"], degrees = 4}, {assets = ["ETH"], degrees = 5}]',
     r"copula\.groups\[1\]\.assets is 'ETH': must be in one group"),
    (LEAST, "[epoch]", '[copula]\nfamily = "gaussian"\n[epoch]', "copula is .* must be absent: filtered-historical"),
    (DCC, "b = 0.95", "b = 0.97", r"correlation\.a \+ b is 1\.0: must be below 1"),
    (DCC, "b = 0.95", "b = 0.95\ncurrent = [[1.0, 0.7], [0.7, 1.0]]", r"correlation\.current is .* the history tells"),
    (EVERYTHING, '"2020-03-12" = "sell-off"', '"2020-03-32" = "sell-off"', r"events\.2020-03-32 is"),
    (EVERYTHING, '"sell-off"', '" "', r"events\.2020-03-12 is ' ': must be a reason"),
    (EVERYTHING, "G3 =", "G17 =", r"gates\.accepted\.G17 is"),
    (EVERYTHING, "spot_deviations", "spot_deviation", r"gates\.spot_deviation is 4: must be absent"),
    (EVERYTHING, "population = 65536", 'design = "equal"', r"scenarios\.design is 'equal': must be absent"),
    (EVERYTHING, "clip = 1.5", "clip = 9.0", r"scenarios\.clip is 9\.0"),
    (EVERYTHING, "weight = 0.25", "weight = 1.25", r"stress\.weight is 1\.25"),
    (EVERYTHING, "floor = 0.8", "flour = 0.8", r"procyclicality\.flour is 0\.8: must be absent"),
    (LEAST, "horizon = 2", "horizon = 2\nhorizon = 2", "TOML document is"),
    (LEAST, "horizon = 2", "horizon =", "TOML document is")])
def test_a_wrong_entry_is_refused_with_its_place(text: str, old: str, new: str, message: str) -> None:
    assert old in text
    with pytest.raises(BadInput, match=r"^model\.toml: " + message):
        parse_model(text.replace(old, new, 1).encode(), source="model.toml")


@pytest.mark.parametrize("data", [b"", b"\xff", b"= 1", b'schema = "tailproof.model/2"'])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^model\.toml: "):
        parse_model(data, source="model.toml")


# -- writing -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", [MONTE_CARLO, LEAST, DCC, EVERYTHING])
def test_what_is_written_reads_the_same(text: str) -> None:
    import tomllib

    written = render(tomllib.loads(text), ("a remark",))
    assert written.startswith("# a remark\n")
    assert tomllib.loads(written) == tomllib.loads(text)
    assert parse_model(written.encode()) == parse_model(text.encode())


def test_tables_of_parameters_are_written_as_they_are_read() -> None:
    model: Model = parse_model(MONTE_CARLO.encode())
    import tomllib

    document = tomllib.loads(MONTE_CARLO)
    for asset, volatility in zip(model.assets, model.volatilities, strict=True):
        document["volatility"][asset] = volatility.to_json() | {"variance": document["volatility"][asset]["variance"]}
    assert model.copula is not None
    document |= {"correlation": model.correlation.to_json(), "copula": model.copula.to_json()}
    assert parse_model(render(document).encode()) == model


OLD = """\
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


def test_a_file_of_the_first_schema_is_converted() -> None:
    document, remarks, fits = upgraded(OLD.encode())
    assert not fits
    assert any("seed 7 is gone" in remark for remark in remarks)
    model = parse_model(render(document, remarks).encode())
    assert model.volatilities[0] == Volatility.garch(0.001, 1e-5, 0.1, 0.89, 3.5)
    assert model.variances == (0.0012, 0.0024)
    assert model.copula == Dependence("t", (4.0, 4.0))
    assert model.correlation.matrix == ((1.0, 0.7), (0.7, 1.0))
    assert model.steps_per_year == 365
    with pytest.raises(BadInput, match="schema is"):
        upgraded(MONTE_CARLO.encode())


def test_what_the_first_schema_fitted_is_to_be_fitted() -> None:
    text = OLD[:OLD.index("[garch.BTC]")].replace("monte-carlo-garch-t", "filtered-historical-simulation") \
        .replace("steps_per_year = 365", 'steps_per_year = 252\nmax_gap_days = 7\ngarch = "fit"')
    document, remarks, fits = upgraded(text.encode())
    assert fits
    assert document["calendar"] == ["saturday", "sunday"]
    assert any("closed" in remark for remark in remarks)
    assert parse_model(render(document).encode()).needs_history
