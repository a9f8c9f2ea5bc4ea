"""Stress sets for an epoch's market, whether or not the epoch holds them: what moves in each of their scenarios.

    handwritten     rows of a preset or of a file (`risk.models.scenario_set`), at once: no horizon passes
    historical      what prices did over every horizon that holds a named day of a price history
    black-swan      all assets at the mean of their own worst 1 %, or best, together; see `risk.scenarios.stress`

None of them enters an epoch or a proof.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from risk.epochs.drawing import sampler
from risk.exact.elementary import exp
from risk.exact.shape import EpochShape, TailSize
from risk.exact.sobol import sobol_uniforms
from risk.margins.shocks import Market
from risk.market.history import History
from risk.models.model import Estimator, Model
from risk.models.scenario_set import SHOCK_UNIT, ScenarioSet, of_assets, parse_set, presets
from risk.scenarios import sets, stress
from risk.scenarios.scenarios import RETURN_UNIT, Scenarios
from risk.valuation.revaluation import value_changes

_DAYS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:/[0-9]{4}-[0-9]{2}-[0-9]{2})?", re.ASCII)
BLACK_SWAN = "black-swan"
USUAL = ("2020-03-12", "2021-05-19", "2022-11-09", BLACK_SWAN)
"""What is looked at where nobody names a set."""
SWAN_SOURCE = ("the model's own: each asset at the mean of its worst 1 %, or of its best, all together; implied "
               "volatility doubles, futures and perpetuals 4.5 % off the spot (Derive's basis contingency)")


@dataclass(frozen=True, eq=False)
class StressSet:
    """Scenarios for a market.

    source : where its numbers come from, and which are from memory.  labels : of each scenario, "" where it has none.
    model : the market's own, with this set's laws and horizon.
    """

    name: str
    source: str
    labels: tuple[str, ...]
    scenarios: Scenarios
    model: Model

    def moves(self, at: int) -> Moves:
        """What happens in one of the scenarios."""
        drawn, shocks = self.scenarios, self.scenarios.shocks
        assert shocks is not None                  # every set here says what it is
        written = bool(shocks.written[at])
        spots = (shocks.spot[at] / SHOCK_UNIT if written else exp(drawn.returns[at] / RETURN_UNIT) - 1.0).tolist()
        own = np.sqrt(drawn.variances[at] / drawn.today).tolist()
        level = int(shocks.column("volatility")[at]) / SHOCK_UNIT
        assets = self.model.assets
        return Moves(dict(zip(assets, spots, strict=True)),
                     {asset: multiple * (1.0 + level) - 1.0 for asset, multiple in zip(assets, own, strict=True)},
                     int(shocks.column("basis")[at]) / SHOCK_UNIT)


@dataclass(frozen=True)
class Moves:
    """Relative changes of today's: -0.1 is 10 % down.

    spots : by asset.  volatilities : by asset; of a handwritten set, that of implied volatility at its tenor.
    basis : of futures' and perpetuals' prices over the spot.
    """

    spots: dict[str, float]
    volatilities: dict[str, float]
    basis: float = 0.0


def names() -> tuple[str, ...]:
    """What `named` takes."""
    return (*presets(), BLACK_SWAN)


def usual(market: Market) -> tuple[str, ...]:
    """Those of `USUAL` that speak of all assets of a market."""
    return tuple(name for name in USUAL if covers(market, name))


def named(market: Market, name: str) -> StressSet:
    """A preset of handwritten sets, or the black swan.

    Raises
    ------
    BadInput : no such set; one that says no spot of an asset; a black swan where the model draws nothing.
    """
    if name == BLACK_SWAN:
        return black_swan(market)
    if name not in presets():
        raise BadInput("--set", name, f"one of {', '.join(names())}, or a file of one's own")
    if not covers(market, name):
        raise BadInput("--set", name, f"one that says the spot of every asset here: {', '.join(market.model.assets)}")
    return handwritten(market, parse_set(Node(name, field="--set"), market.model.assets))


def covers(market: Market, name: str) -> bool:
    """Whether a set says what happens to every asset of a market, and the market has a law of its own where one is
    asked for."""
    if name == BLACK_SWAN:
        return market.model.estimator != Estimator.HANDWRITTEN
    try:
        parse_set(Node(name, field="--set"), market.model.assets)
    except BadInput:                               # presets are right by themselves (a test): it lacks an asset
        return False
    return True


def parsed(market: Market, document: object, *, source: str) -> StressSet:
    """A set of one's own, from a document as at the top of `risk.models.scenario_set`; spots of assets that the market
    lacks are left out.

    Raises
    ------
    BadInput : from the document, naming file and key.
    """
    assets = market.model.assets
    return handwritten(market, parse_set(Node(of_assets(document, assets), source=source), assets))


def handwritten(market: Market, chosen: ScenarioSet) -> StressSet:
    """Rows as they stand, as though they happened now."""
    shape = market.model.shape
    layout = EpochShape(len(chosen.rows), TailSize(1), shape.depth, shape.lanes, shape.width, shape.value_bits)
    model = replace(market.model, set=chosen, shape=layout, horizon=0,
                    dynamics=market.model.dynamics.of_rows)
    return StressSet(chosen.name, chosen.source or "a set of one's own", tuple(row.label for row in chosen.rows),
                     sets.scenarios(model), model)


def historical(market: Market, days: str, history: History | None = None) -> StressSet:
    """What prices did around a day, "2020-03-12", or from a first to a last one, "2020-03-08/2020-03-16".

    Parameters
    ----------
    history : of the market's assets; by default the epoch's own.

    Raises
    ------
    BadInput : there is no history; days that it lacks, or calm ones; a text that names no days.
    """
    prices = market.history if history is None else history
    if prices is None:
        raise BadInput("--history", None, "given: the epoch's model reads no prices, so it knows of no days")
    if market.model.estimator == Estimator.HANDWRITTEN:
        raise BadInput("estimator", Said("handwritten"), "one with a horizon and volatilities: what passes over days "
                       "has both")
    if not _DAYS.fullmatch(days):
        raise BadInput("--historical", days, 'a day such as "2020-03-12", or first and last ones such as '
                       '"2020-03-08/2020-03-16"')
    ends = days.split("/")
    if ends[-1] < ends[0]:
        raise BadInput("--historical", days, "the earlier day first")
    try:
        found = stress.historical(days, market.model, market.calibration, prices)
    except BadInput as error:
        raise BadInput("--historical", error.value, error.bound, source=error.source) from None
    shocks = found.shocks
    assert shocks is not None                      # historical scenarios say their rows
    begin = shocks.column("origin").tolist()
    labels = tuple(f"from {prices.labels[row]}" for row in begin)
    return StressSet(days, f"price history, {prices.labels[0]} to {prices.labels[-1]}", labels, found, market.model)


def whole_past(history: History) -> str:
    """First and last day of a history, as `historical` takes them: every horizon that it holds."""
    day = slice(len("2020-03-12"))                 # of a time its date
    return f"{history.labels[1][day]}/{history.labels[-1][day]}"


def black_swan(market: Market) -> StressSet:
    """The four corners: all down or all up, basis below or above."""
    drawn = stress.scenarios(BLACK_SWAN, market.model, market.calibration, market.history, count=4,
                             seed=market.epoch.header.seed, uniforms=sobol_uniforms, drawn=own_draw(market))
    labels = tuple(f"all {way}, basis {side}" for way in ("down", "up") for side in ("below", "above"))
    return StressSet(BLACK_SWAN, SWAN_SOURCE, labels, drawn, market.model)


def own_draw(market: Market) -> Callable[[int, int], NDArray[np.float64]]:
    """The model's innovations, evenly spread.

    Raises
    ------
    BadInput : the model draws nothing.
    """
    if market.model.estimator == Estimator.HANDWRITTEN:
        raise BadInput("estimator", Said("handwritten"), "one that draws: a set of rows has no law of its own")
    return sampler(market.model, market.calibration, market.history, weighted=True)


def changes(market: Market, chosen: StressSet) -> NDArray[np.int64]:
    """Value change of a lot of every listing in each scenario, by full revaluation: (n, scenarios), money units.

    Raises
    ------
    BadInput : a change beyond what epochs hold.
    """
    return value_changes(market.book, chosen.model, market.calibration, chosen.scenarios)


def losses(market: Market, each: NDArray[np.int64], positions: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Losses of positions (row of the epoch, lots), a tuple a position, in the scenarios that `each` is of."""
    return [tuple(-lots * change for change in each[market.listing(row)].tolist()) for row, lots in positions]
