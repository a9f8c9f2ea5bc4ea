"""The model file: everything an auditor needs, besides book and history, to rebuild an epoch. TOML.

It holds every parameter: nothing is fitted where an epoch is built. `tailproof model fit` writes it, `model check`
judges it. Tables and keys with a default (in brackets) may be left out.

    schema = "tailproof.model/2"
    name = "btc-eth"
    estimator = "filtered-historical"          # or "monte-carlo", "handwritten"
    assets = ["BTC", "ETH"]                    # underlyings of the book, columns of the history; matched by name
    purpose = "production"                     # ["production"] or "trial"
    basis = "change"                           # ["change"] or "level": what leaves hold of a lot's value, see `Basis`
    seed = 7                                   # only with purpose = "trial"; else derived from sources and predecessor
    horizon = 2                                # steps
    step_seconds = 86400                       # [86400], 60 to 604800
    calendar = ["saturday", "2001-09-11"]      # ["24/7"] or closed weekdays and days, see risk/market/calendar.py
    steps_per_year = 252                       # [open weekdays of 365 days, in steps]; 1/8 to 1.5 of that
    max_gap_steps = 5                          # [5] steps between two rows of the history, and from the last to now
    volatility_response = 1.0                  # [1] how far implied follows modelled volatility: 0 not at all

    [epoch]
    scenarios = 256
    tail = "32/5"                              # 97.5 % of 256
    masses = "256x1"                           # optional: runs of scenarios by mass; the tail is of their sum
    depth = 3                                  # 8**3 leaves
    lanes = 5                                  # [5]
    width = 50                                 # [50]
    # or alone:  statement = "margin-full-256x16"

    [volatility.BTC]                           # [family = "ewma", lambda = 0.97, innovations = "t", degrees = 5]
    family = "gjr"                             # "ewma": lambda; "garch": omega alpha beta; "gjr": also gamma
    mean = 0.001                               # [0, of ewma]
    omega = 1.0e-5
    alpha = 0.05
    gamma = 0.08
    beta = 0.89
    innovations = "skew-t"                     # "normal", "t" (degrees), "skew-t" (degrees, skew)
    degrees = 3.5                              # 2.5 or more
    skew = -0.05
    variance = 0.0012                          # of the next step; for all assets or none: only where no history is read
    integrated = false                         # [false] declares that shocks hardly die out (G6)
    pegged = false                             # [false] declares an asset that hardly moves (G10)

    [correlation]                              # [family = "ewma", lambda = 0.97; "static" where no history is read]
    family = "dcc"                             # "static": matrix; "ewma": lambda; "dcc", "cdcc": a, b, matrix
    a = 0.03
    b = 0.95
    matrix = [[1.0, 0.7], [0.7, 1.0]]          # static: R (needed by Monte Carlo); dcc, cdcc: S. Order of assets
    current = [[1.0, 0.8], [0.8, 1.0]]         # R of the next step, only where no history is read

    [fitted]                                   # what parameters were fitted on, if not on the whole history (G13)
    since = "2017-08-25"                       # first and last row, days or times
    until = "2020-12-31"

    [copula]                                   # [family = "t", degrees = 4]; only for Monte Carlo
    family = "grouped-t"                       # "gaussian"; "t": degrees; "grouped-t": groups
    groups = [{assets = ["BTC", "ETH"], degrees = 4.0}]

    [jumps]                                    # [none] beside the diffusion, see risk/models/jumps.py
    family = "merton"                          # mean, deviation; "kou": up_share, up_mean, down_mean
    intensity = 6.0                            # jumps of an asset a year
    systemic = 0.7                             # share of them that all assets have together
    mean = -0.08                               # log return of a jump
    deviation = 0.12
    scale = {ETH = 1.2}                        # [1] sizes, by asset
    fitted = false                             # [false] by maximum likelihood, with the volatilities (G13); else on top
    source = "judgement of the risk committee" # whose choice it is

    [events]                                   # days or times whose large returns are real, with the reason (G4)
    "2020-03-12" = "worldwide sell-off"

    [gates]                                    # bounds of plausibility, see `Gates`; and what is accepted by name
    spot_deviations = 5
    accepted = {G3 = "the perpetual trades apart since the exchange halted"}

    [scenarios]
    population = 131072                        # [131072] paths that scenarios with masses are chosen from
    clip = 2.0                                 # [2] bound on absolute log returns over the horizon

    [stress]                                   # scenarios beside the model's, see risk/scenarios/stress.py
    sets = ["dependence-0", "dependence-1", "2020-03-12", "2020-03-08/2020-03-16", "black-swan"]
    weight = 0.25                              # of all together, each alike; at most 0.5

    [surface]                                  # how smiles move, see risk/models/implied.py
    dynamics = "sticky-delta"

    [procyclicality]                           # each by itself, see risk/models/procyclicality.py
    floor = 0.8                                # of the long-run deviation
    buffer = 0.25                              # on the deviation, used up where it has risen by as much
    stressed_weight = 0.25                     # of the most volatile 250 steps
    speed_limit = 0.25                         # of the deviation's rise in a day

    [addons.lag]                               # what is charged beside Expected Shortfall: tables that each stand by
    ...                                        # themselves, see risk/models/addon_rules.py

Of a handwritten set (risk/models/scenario_set.py), nothing is drawn: the file has schema, name, estimator, assets,
horizon (0 allowed: scans are instantaneous), epoch, addons, surface (its dynamics only), and

    set = "derive-pm2-2025-02"                 # a preset by its name, or a table [set] with scenarios and laws
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from primitives.errors import BadInput, Said
from primitives.jsonio import LARGEST_EXACT, Node
from primitives.texts import text_of
from risk.exact.clock import DAY, YEAR, parse_time
from risk.exact.shape import EpochShape, observe_sizes, read_tail
from risk.market.calendar import Calendar
from risk.market.instruments import MOST_ASSETS, SYMBOL
from risk.models.addon_rules import NO_RULES, AddonRules, parse_addons
from risk.models.copula import Dependence
from risk.models.correlation import DEFAULT_DECAY, Correlation
from risk.models.implied import Dynamics
from risk.models.jumps import Jumps
from risk.models.scenario_set import ScenarioSet, parse_set
from risk.models.volatility import Volatility

SCHEMA = "tailproof.model/2"
OLD_SCHEMA = "tailproof.model/1"
LONGEST_HORIZON = 288
"""Steps: a day of five minutes."""
LONGEST_HORIZON_DAYS = 60
LARGEST_STRESS = 0.5
"""Weight of all stress sets together."""
_SHARE_OF_CALENDAR = (1 / 8, 1.5)
"""steps_per_year, of the calendar's: a market that opens three hours a day, or one that never closes under a calendar
of weekdays."""
DEFAULT_GAP = 5
DEFAULT_VOLATILITY: Mapping[str, Any] = {"family": "ewma", "lambda": 0.97, "innovations": "t", "degrees": 5.0}
DEFAULT_COPULA: Mapping[str, Any] = {"family": "t", "degrees": 4.0}
GATES = tuple(f"G{i}" for i in range(1, 17))
_OPTIONAL = {"purpose", "basis", "seed", "step_seconds", "calendar", "steps_per_year", "max_gap_steps",
             "volatility_response", "volatility", "correlation", "copula", "events", "gates", "scenarios", "stress",
             "procyclicality", "set", "fitted", "surface", "addons", "jumps"}
_DRAWS = ("seed", "volatility", "correlation", "copula", "scenarios", "stress", "procyclicality", "fitted",
          "jumps")
"""What a handwritten set has no use for."""
STRESSES = ("dependence-0", "dependence-1", "black-swan", "rates")
_DAYS = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:/([0-9]{4}-[0-9]{2}-[0-9]{2}))?", re.ASCII)
_REQUIRED = ("schema", "name", "estimator", "assets", "horizon", "epoch")
_NEEDED_BY_FAMILY = {"ewma": ("lambda", "innovations"), "garch": ("mean", "omega", "alpha", "beta", "innovations"),
                     "gjr": ("mean", "omega", "alpha", "gamma", "beta", "innovations")}
_NEEDED_BY_LAW = {"t": ("degrees",), "skew-t": ("degrees", "skew")}
_NEEDED_BY_CORRELATION = {"ewma": ("lambda",), "dcc": ("a", "b", "matrix"), "cdcc": ("a", "b", "matrix")}
_NEEDED_BY_COPULA = {"t": ("degrees",), "grouped-t": ("groups",)}


class Estimator(StrEnum):
    """Where scenarios come from."""

    FILTERED_HISTORICAL = "filtered-historical"
    MONTE_CARLO = "monte-carlo"
    HANDWRITTEN = "handwritten"


class Purpose(StrEnum):
    """What an epoch may be used for. A trial's seed is somebody's choice, so its margins prove nothing to others."""

    PRODUCTION = "production"
    TRIAL = "trial"


class Basis(StrEnum):
    """What an epoch's leaves hold of a lot in each scenario.

    CHANGE : by how much its value changes. A margin is a requirement, which somebody's ledger of cash is held against.
    LEVEL : the value itself, in which an account can be closed. Cash is an instrument, so a portfolio holds the whole
        account, and a margin is what is missing: Expected Shortfall of the loss of its liquidation value.
    """

    CHANGE = "change"
    LEVEL = "level"


@dataclass(frozen=True)
class Gates:
    """Bounds of the plausibility gates, and what is accepted by name.

    G1 spot_deviations · G2 carry_per_year, forward_distance, forward_off_curve · G3 perpetual_basis,
    funding_per_year · G4 robust_deviations · G5 is fixed ·
    G6 half_life (steps) · G7 least_returns · G9 surface_age (seconds), least_venues · G10 zero_returns (share),
    least_deviation (per step) · G14 liquidity_age (seconds), half_spread, size_of_volume · G15 least_confidence,
    peg_distance · G16 closing_cost. G8, G11, G12, G13 have no bound to set.

    accepted : reason by gate id.
    """

    spot_deviations: float = 5.0
    carry_per_year: float = 1.0
    forward_distance: float = 0.2
    forward_off_curve: float = 0.01
    perpetual_basis: float = 0.03
    funding_per_year: float = 1.5
    robust_deviations: float = 12.0
    half_life: float = 250.0
    least_returns: float = 500.0
    surface_age: float = 900.0
    least_venues: float = 2.0
    zero_returns: float = 0.2
    least_deviation: float = 1e-4
    liquidity_age: float = 604_800.0
    half_spread: float = 0.05
    size_of_volume: float = 1.0
    least_confidence: float = 0.3
    peg_distance: float = 0.1
    closing_cost: float = 0.25
    accepted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScenarioDesign:
    """population : paths that scenarios with masses are chosen from; a multiple of the sum of the masses.
    clip : bound on |log return| over the horizon; see `risk.scenarios.scenarios.simulate`.
    """

    population: int = 2**17
    clip: float = 2.0


@dataclass(frozen=True)
class Stress:
    """sets : names of `STRESSES`, days ("2020-03-12") or first and last days ("2020-03-08/2020-03-16").
    weight : share of the scenarios that all of them have together; each has the same.
    """

    sets: tuple[str, ...] = ()
    weight: float = 0.0

    @property
    def needs_history(self) -> bool:
        return any(name not in STRESSES for name in self.sets)


@dataclass(frozen=True)
class Procyclicality:
    """Tools against procyclical margins; None where one is not used."""

    floor: float | None = None
    buffer: float | None = None
    stressed_weight: float | None = None
    speed_limit: float | None = None


@dataclass(frozen=True)
class Fitted:
    """First and last row of the history that parameters were fitted on, as its labels: days or times, both included."""

    since: str
    until: str


@dataclass(frozen=True)
class Model:
    """A model file, checked.

    seed : a trial's; None where it is derived.
    basis : what leaves hold.
    shape : None where the file names a statement instead, whose shape the caller knows.
    volatilities : per asset.  variances : of the next step, per asset; None where a history tells them.
    copula : None for filtered historical simulation.
    events : reason by day ("2020-03-12") or time.
    pegged, integrated : assets that are declared to be so.
    set : of a handwritten one.
    fitted : what parameters were fitted on; None for the whole history.
    dynamics : how implied volatilities move in scenarios.
    addons : what is charged beside Expected Shortfall, on top of the book's contingencies.
    jumps : that paths have besides; None for none.
    """

    name: str
    estimator: Estimator
    assets: tuple[str, ...]
    purpose: Purpose
    seed: int | None
    horizon: int
    step_seconds: int
    calendar: Calendar
    steps_per_year: float
    max_gap_steps: int
    volatility_response: float
    shape: EpochShape
    statement: str | None
    volatilities: tuple[Volatility, ...]
    variances: tuple[float, ...] | None
    correlation: Correlation
    copula: Dependence | None
    events: Mapping[str, str] = field(default_factory=dict)
    gates: Gates = Gates()
    scenarios: ScenarioDesign = ScenarioDesign()
    stress: Stress = Stress()
    procyclicality: Procyclicality = Procyclicality()
    pegged: frozenset[str] = frozenset()
    integrated: frozenset[str] = frozenset()
    set: ScenarioSet | None = None
    basis: Basis = Basis.CHANGE
    fitted: Fitted | None = None
    dynamics: Dynamics = field(default_factory=Dynamics)
    addons: AddonRules = NO_RULES
    jumps: Jumps | None = None

    @property
    def needs_history(self) -> bool:
        """Whether prices are read: to resample their residuals, or for the variance of the next step."""
        return self.estimator == Estimator.FILTERED_HISTORICAL or self.variances is None

    @property
    def follows_jumps(self) -> bool:
        """Whether variances follow a jump from its step on, as where both were fitted together."""
        return self.jumps is not None and self.jumps.fitted


def parse_toml(data: bytes, *, source: str | Path | None = None) -> dict[str, Any]:
    """A TOML document.

    Raises
    ------
    BadInput : not UTF-8 or not TOML.
    """
    text = text_of(data, source=source)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise BadInput("TOML document", Said(f"not readable ({error})"), "valid TOML", source=source) from None


def parse_model(data: bytes, *, shape: EpochShape | None = None, source: str | Path | None = None) -> Model:
    """Read a model file.

    Parameters
    ----------
    shape : that of the statement, for a file that names one; it goes before what the file says otherwise.

    Raises
    ------
    BadInput : naming file and field: all missing keys at once; unknown keys, values out of bounds, a tail outside
        0 < K/D <= S; a seed without purpose = "trial"; a file of schema /1, with the command that converts it.
    """
    document = parse_toml(data, source=source)
    root = Node(document, source=source)
    if not isinstance(document, dict):
        raise root.refuse("a table")
    if document.get("schema") == OLD_SCHEMA:
        raise BadInput("schema", OLD_SCHEMA, f"{SCHEMA}: `tailproof model upgrade` converts it", source=source)
    missing = list(_missing(document))
    if missing and document.get("schema", SCHEMA) == SCHEMA:
        raise BadInput(", ".join(missing), None, "given", source=source)
    parts = root.document(SCHEMA, {*_REQUIRED} - {"schema"}, _OPTIONAL)
    estimator = Estimator(parts["estimator"].choice(frozenset(Estimator)))
    handwritten = estimator == Estimator.HANDWRITTEN
    if handwritten != ("set" in parts):
        raise BadInput("set", parts["set"].value if "set" in parts else None,
                       "given: the scenarios that are written down" if handwritten else
                       f"absent: {estimator} draws its scenarios", source=source)
    for key in _DRAWS if handwritten else ():
        if key in parts:
            raise parts[key].refuse("absent: of a handwritten set nothing is drawn")
    assets = tuple(node.text(SYMBOL.pattern, "a symbol") for node in
                   parts["assets"].array(at_least=1, at_most=MOST_ASSETS))
    if len(set(assets)) != len(assets):
        raise parts["assets"].refuse("free of repetitions")
    purpose = Purpose(parts["purpose"].choice(set(Purpose))) if "purpose" in parts else Purpose.PRODUCTION
    if "seed" in parts and purpose != Purpose.TRIAL:
        raise parts["seed"].refuse('absent: a seed of one\'s choice is for purpose = "trial"; others are derived')
    if "seed" not in parts and purpose == Purpose.TRIAL and not handwritten:
        raise BadInput("seed", None, "given: a trial states its seed", source=source)

    tables = _volatility_tables(parts, assets, source)
    own = {"variance", "integrated", "pegged"}
    volatilities = tuple(Volatility.from_json(table, also=tuple(own)) for table in tables)
    stated = [asset for asset, table in zip(assets, tables, strict=True) if "variance" in table.value]
    reads_history = estimator == Estimator.FILTERED_HISTORICAL or not (stated or handwritten)
    for asset, table in zip(assets, tables, strict=True):
        if reads_history and "variance" in table.value:
            raise BadInput(f"volatility.{asset}.variance", table.value["variance"], "absent: the history tells it",
                           source=source)
        if not reads_history and not handwritten and "variance" not in table.value:
            raise BadInput(f"volatility.{asset}.variance", None,
                           f"given as for {stated[0]}, or for no asset: then a history tells it", source=source)
    variances = None if reads_history else (0.0,) * len(assets) if handwritten else tuple(
        Node(table.value["variance"], field=f"{table.field}.variance", source=source).number(1e-12, 1.0)
        for table in tables)
    step_seconds = parts["step_seconds"].integer(60, 7 * DAY) if "step_seconds" in parts else DAY
    calendar = Calendar.parse(parts["calendar"]) if "calendar" in parts else Calendar()
    horizon = parts["horizon"].integer(0 if handwritten else 1, LONGEST_HORIZON)
    if horizon * step_seconds > LONGEST_HORIZON_DAYS * DAY:
        raise parts["horizon"].refuse(f"at most {LONGEST_HORIZON_DAYS} days: "
                                      f"{LONGEST_HORIZON_DAYS * DAY // step_seconds} steps of {step_seconds} seconds")
    statement, stated_shape = _shape(parts["epoch"])
    made = shape or stated_shape
    if made is None:
        raise BadInput("epoch.statement", statement, "resolved by who knows statements: `tailproof epoch build` does",
                       source=source)
    steps_per_year = _steps_per_year(parts, calendar, step_seconds)
    jumps = Jumps.from_json(parts["jumps"], assets, horizon / steps_per_year) if "jumps" in parts else None
    if jumps is not None and jumps.fitted:
        _require_diffusion(parts["jumps"], estimator, assets, volatilities)
    return Model(
        name=parts["name"].text(SYMBOL.pattern, "1 to 48 letters, digits and . _ / -"), estimator=estimator,
        assets=assets, purpose=purpose, seed=parts["seed"].integer(0, LARGEST_EXACT) if "seed" in parts else None,
        horizon=horizon, step_seconds=step_seconds, calendar=calendar,
        steps_per_year=steps_per_year,
        max_gap_steps=parts["max_gap_steps"].integer(1, 10_000) if "max_gap_steps" in parts else DEFAULT_GAP,
        volatility_response=parts["volatility_response"].number(0.0, 5.0) if "volatility_response" in parts else 1.0,
        shape=made, statement=statement, volatilities=volatilities, variances=variances,
        correlation=_correlation(parts, assets, estimator, reads_history, source),
        copula=_copula(parts, assets, estimator), events=_events(parts), gates=_gates(parts),
        scenarios=_scenarios(parts), stress=_stress(parts, reads_history),
        procyclicality=_procyclicality(parts, reads_history),
        set=parse_set(parts["set"], assets) if handwritten else None,
        basis=Basis(parts["basis"].choice(set(Basis))) if "basis" in parts else Basis.CHANGE,
        pegged=_declared("pegged", tables, assets), integrated=_declared("integrated", tables, assets),
        fitted=_fitted(parts),
        dynamics=Dynamics.parse(parts["surface"], draws=not handwritten) if "surface" in parts else Dynamics(),
        addons=parse_addons(parts["addons"], assets, horizon=horizon, handwritten=handwritten)
        if "addons" in parts else NO_RULES,
        jumps=jumps)


def _require_diffusion(node: Node, estimator: Estimator, assets: tuple[str, ...], volatilities: tuple[Volatility, ...]
                       ) -> None:
    """What jumps are fitted together with (`risk.fitting.jumps`): where tails are heavy, nothing tells them apart, and
    days that are drawn have theirs."""
    if estimator != Estimator.MONTE_CARLO:
        raise BadInput(f"{node.field}.fitted", True, f"absent: {estimator} draws days, which have their jumps",
                       source=node.source)
    for asset, one in zip(assets, volatilities, strict=True):
        if one.family == "ewma" or one.law.name != "normal":
            raise BadInput(f"{node.field}.fitted", True, f"absent: volatility.{asset} is {one.family} with innovations "
                           f"{one.law.name}; jumps are fitted with garch or gjr and normal ones", source=node.source)


def named_statement(data: bytes, *, source: str | Path | None = None) -> str | None:
    """The statement that a model file takes its shape from, or None; the rest of the file is not looked at."""
    epoch = parse_toml(data, source=source).get("epoch")
    name = epoch.get("statement") if isinstance(epoch, dict) else None
    return name if isinstance(name, str) else None


def _steps_per_year(parts: Mapping[str, Node], calendar: Calendar, step_seconds: int) -> float:
    """As stated, near what the calendar has: it ages options over the horizon, which no price shows to be wrong."""
    whole = calendar.open_days_of_a_year * DAY / step_seconds
    if "steps_per_year" not in parts:
        return whole
    stated = parts["steps_per_year"].number(1.0, YEAR / 60)
    least, most = (share * whole for share in _SHARE_OF_CALENDAR)
    if not least <= stated <= most:
        raise parts["steps_per_year"].refuse(f"in [{least:.6g}, {most:.6g}]: the calendar has {whole:.6g}")
    return stated


def _missing(document: Mapping[str, Any]) -> Iterator[str]:
    """Required keys that are not there, in every table whose kind is clear."""
    def absent(table: object, prefix: str, keys: tuple[str, ...]) -> Iterator[str]:
        if isinstance(table, dict):
            yield from (f"{prefix}{key}" for key in keys if key not in table)

    def kind(table: object, key: str) -> str:
        value = table.get(key) if isinstance(table, dict) else None
        return value if isinstance(value, str) else ""

    yield from absent(document, "", _REQUIRED)
    epoch = document.get("epoch")
    if isinstance(epoch, dict) and "statement" not in epoch:
        yield from absent(epoch, "epoch.", ("scenarios", "tail", "depth"))
    tables = document.get("volatility")
    for asset, table in tables.items() if isinstance(tables, dict) else ():
        yield from absent(table, f"volatility.{asset}.", ("family", *_NEEDED_BY_FAMILY.get(kind(table, "family"), ()),
                                                          *_NEEDED_BY_LAW.get(kind(table, "innovations"), ())))
    for name, needed in (("correlation", _NEEDED_BY_CORRELATION), ("copula", _NEEDED_BY_COPULA)):
        table = document.get(name)
        yield from absent(table, f"{name}.", ("family", *needed.get(kind(table, "family"), ())))


def _volatility_tables(parts: Mapping[str, Node], assets: tuple[str, ...], source: str | Path | None) -> list[Node]:
    given = parts["volatility"].object((), assets) if "volatility" in parts else {}
    return [given.get(asset, Node(dict(DEFAULT_VOLATILITY), field=f"volatility.{asset}", source=source))
            for asset in assets]


def _correlation(parts: Mapping[str, Node], assets: tuple[str, ...], estimator: Estimator, reads_history: bool,
                 source: str | Path | None) -> Correlation:
    size, monte_carlo = len(assets), estimator == Estimator.MONTE_CARLO
    if "correlation" in parts:
        found = Correlation.from_json(parts["correlation"], size)
    elif size == 1:
        return Correlation("static", matrix=((1.0,),))
    elif estimator == Estimator.HANDWRITTEN:
        return Correlation("static")
    elif reads_history:
        return Correlation.ewma(DEFAULT_DECAY)
    else:
        raise BadInput("correlation", None, "given: no history is read to tell how the assets move together",
                       source=source)
    if found.family == "static" and monte_carlo and found.matrix is None:
        raise BadInput("correlation.matrix", None, "given: Monte Carlo draws from it", source=source)
    if found.moves and (found.current is None) != reads_history:
        bound = "absent: the history tells it" if reads_history else "given: no history is read to tell it"
        raise BadInput("correlation.current", found.to_json().get("current"), bound, source=source)
    return found


def _copula(parts: Mapping[str, Node], assets: tuple[str, ...], estimator: Estimator) -> Dependence | None:
    if estimator != Estimator.MONTE_CARLO:
        if "copula" in parts:
            raise parts["copula"].refuse(f"absent: {estimator} takes dependence from the days it draws")
        return None
    return Dependence.from_json(parts.get("copula", Node(dict(DEFAULT_COPULA), field="copula")), assets)


def _declared(name: str, tables: list[Node], assets: tuple[str, ...]) -> frozenset[str]:
    return frozenset(asset for asset, table in zip(assets, tables, strict=True) if name in table.value
                     and Node(table.value[name], field=f"{table.field}.{name}", source=table.source).boolean())


def _events(parts: Mapping[str, Node]) -> Mapping[str, str]:
    if "events" not in parts:
        return {}
    node = parts["events"]
    if not isinstance(node.value, dict):
        raise node.refuse("a table of days with reasons")
    found = {}
    for when, reason in node.object((), node.value).items():
        try:
            parse_time(when if "T" in when else f"{when}T00:00:00Z", field="key")
        except BadInput as error:
            raise BadInput(f"events.{when}", reason.value, f"named by {error.bound}", source=node.source) from None
        found[when] = _reason(reason)
    return found


def _fitted(parts: Mapping[str, Node]) -> Fitted | None:
    if "fitted" not in parts:
        return None
    given = parts["fitted"].object({"since", "until"})
    texts = [given[name].text(meaning="a day or time") for name in ("since", "until")]
    times = []
    for name, text in zip(("since", "until"), texts, strict=True):
        try:
            times.append(parse_time(text if "T" in text else f"{text}T00:00:00Z", field=name))
        except BadInput as error:
            raise given[name].refuse(error.bound) from None
    if times[1] <= times[0]:
        raise given["until"].refuse(f"after since, {texts[0]}")
    return Fitted(*texts)


def _reason(node: Node) -> str:
    return node.text(r"(?=.*\S)[^\x00-\x1f]{1,500}", "a reason, in up to 500 characters")


def _gates(parts: Mapping[str, Node]) -> Gates:
    if "gates" not in parts:
        return Gates()
    node = parts["gates"]
    names = {bound.name for bound in fields(Gates)} - {"accepted"}
    given = node.object((), {*names, "accepted"})
    accepted = {}
    if "accepted" in given:
        for gate, reason in given["accepted"].object((), GATES).items():
            accepted[gate] = _reason(reason)
    return Gates(**{name: value.number(0.0, 1e9) for name, value in given.items() if name in names}, accepted=accepted)


def _scenarios(parts: Mapping[str, Node]) -> ScenarioDesign:
    if "scenarios" not in parts:
        return ScenarioDesign()
    given = parts["scenarios"].object((), {"population", "clip"})
    usual = ScenarioDesign()
    return ScenarioDesign(
        given["population"].integer(2**10, 2**20) if "population" in given else usual.population,
        given["clip"].number(0.01, 8.0) if "clip" in given else usual.clip)


def _stress(parts: Mapping[str, Node], reads_history: bool) -> Stress:
    if "stress" not in parts:
        return Stress()
    given = parts["stress"].object({"sets", "weight"})
    names = given["sets"].array(at_least=1, at_most=64)
    for node in names:
        name = node.text(meaning="the name of a stress set")
        if name in STRESSES:
            continue
        days = _DAYS.fullmatch(name)
        if days is None:
            raise node.refuse(f'{", ".join(STRESSES)}, a day such as "2020-03-12" or first and last days such as '
                              '"2020-03-08/2020-03-16"')
        try:
            first, last = (date.fromisoformat(day) for day in (days[1], days[2] or days[1]))
        except ValueError:
            raise node.refuse("of days that there are") from None
        if last < first:
            raise node.refuse("from an earlier to a later day")
        if not reads_history:
            raise node.refuse(f"one of {', '.join(STRESSES)}: the model reads no prices, so it knows of no days")
    sets = tuple(str(node.value) for node in names)
    if len(set(sets)) != len(sets):
        raise given["sets"].refuse("free of repetitions")
    weight = given["weight"].number(0.0, 1.0)
    if not 0 < weight <= LARGEST_STRESS:
        raise given["weight"].refuse(f"above 0 and at most {LARGEST_STRESS}: stress is beside the model, whose tail it "
                                     "thins out")
    return Stress(sets, weight)


def _procyclicality(parts: Mapping[str, Node], reads_history: bool) -> Procyclicality:
    if "procyclicality" not in parts:
        return Procyclicality()
    if not reads_history:
        raise parts["procyclicality"].refuse("absent: the model reads no prices, so it knows no past to compare with")
    bounds = {"floor": (0.0, 2.0), "buffer": (0.0, 2.0), "stressed_weight": (0.0, 1.0), "speed_limit": (0.001, 10.0)}
    given = parts["procyclicality"].object((), bounds)
    return Procyclicality(**{name: value.number(*bounds[name]) for name, value in given.items()})


def _shape(node: Node) -> tuple[str | None, EpochShape | None]:
    if isinstance(node.value, dict) and "statement" in node.value:
        return node.object({"statement"})["statement"].text(SYMBOL.pattern, "the name of a statement"), None
    parts = node.object({"scenarios", "tail", "depth"}, {"lanes", "width", "masses"})
    tail = read_tail(parts)
    observe_sizes(parts)
    scenarios, depth = (parts[name].integer(1, 2**20) for name in ("scenarios", "depth"))
    lanes, width = (parts[name].integer(1, 2**20) if name in parts else usual
                    for name, usual in (("lanes", EpochShape.lanes), ("width", EpochShape.width)))
    try:
        return None, EpochShape(scenarios, tail, depth, lanes, width)
    except BadInput as error:
        name = error.field if error.field.startswith("shape") else f"shape.{error.field}"
        raise BadInput(name.replace("shape", "epoch"), error.value, error.bound, source=node.source) from None
