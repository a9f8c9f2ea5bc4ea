"""The model file: everything an auditor needs, besides book and history, to rebuild an epoch. TOML.

    schema = "tailproof.model/1"
    name = "btc-eth"
    estimator = "monte-carlo-garch-t"          # or "filtered-historical-simulation"
    assets = ["BTC", "ETH"]                    # underlyings of the book and columns of the history, in this order
    seed = 20201231
    horizon = 1                                # steps of the price history
    steps_per_year = 365                       # 252 for a history of trading days
    volatility_response = 1.0                  # how far implied follows GARCH volatility: 0 not at all, 1 in full
    max_gap_days = 1                           # only with a history: days between two of its rows
    garch = "fit"                              # or a table [garch.BTC] for each asset
    copula = "fit"                             # or a table [copula]; only for Monte Carlo

    [epoch]
    scenarios = 256
    tail = "32/5"                              # 97.5 % of 256
    masses = "256x1"                           # optional: runs of scenarios by mass; the tail is of their sum
    depth = 3                                  # 8**3 leaves
    lanes = 5
    width = 50

    [garch.BTC]                                # instead of "fit"
    mean = 0.001
    omega = 1.0e-5
    alpha = 0.1
    beta = 0.89
    degrees = 3.5
    variance = 0.0012                          # of the next step; only where no history is read to tell it

    [copula]
    degrees = 4.0
    correlation = [[1.0, 0.7], [0.7, 1.0]]
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from primitives.errors import BadInput
from primitives.jsonio import LARGEST_EXACT, Node
from risk.exact.shape import EpochShape, read_tail
from risk.market.instruments import MOST_ASSETS, SYMBOL
from risk.models.copula import StudentCopula
from risk.models.garch import Garch

SCHEMA = "tailproof.model/1"
LONGEST_HORIZON = 60


class Estimator(StrEnum):
    """Where scenarios come from."""

    FILTERED_HISTORICAL = "filtered-historical-simulation"
    MONTE_CARLO = "monte-carlo-garch-t"


@dataclass(frozen=True)
class Model:
    """A model file, checked.

    garch : parameters per asset, or None to fit them to the history.
    variances : conditional variance of the next step per asset; None where the history tells it.
    copula : None to fit it, or if the estimator has none.
    max_gap_days : None if no history is read.
    """

    name: str
    estimator: Estimator
    assets: tuple[str, ...]
    seed: int
    horizon: int
    steps_per_year: int
    volatility_response: float
    max_gap_days: int | None
    shape: EpochShape
    garch: tuple[Garch, ...] | None
    variances: tuple[float, ...] | None
    copula: StudentCopula | None

    @property
    def needs_history(self) -> bool:
        """Whether prices are read: to resample their residuals, or to fit parameters."""
        return self.max_gap_days is not None

    @property
    def fits_copula(self) -> bool:
        return self.estimator == Estimator.MONTE_CARLO and self.copula is None


def parse_toml(data: bytes, *, source: str | Path | None = None) -> dict[str, Any]:
    """A TOML document.

    Raises
    ------
    BadInput : not UTF-8 or not TOML.
    """
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"byte {error.start}", data[error.start:error.start + 8], "valid UTF-8", source=source) from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise BadInput("TOML document", str(error), "valid TOML", source=source) from None


def parse_model(data: bytes, *, source: str | Path | None = None) -> Model:
    """Read a model file.

    Raises
    ------
    BadInput : naming file and field: unknown or missing keys, values out of bounds, a tail outside 0 < K/D <= S,
        parameters given twice or not at all.
    """
    document = Node(parse_toml(data, source=source), source=source)
    required = {"name", "estimator", "assets", "seed", "horizon", "steps_per_year", "volatility_response",
                "garch", "epoch"}
    parts = document.document(SCHEMA, required, {"copula", "max_gap_days"})
    estimator = Estimator(parts["estimator"].choice(set(Estimator)))
    assets = tuple(node.text(SYMBOL.pattern, "a symbol") for node in
                   parts["assets"].array(at_least=1, at_most=MOST_ASSETS))
    if len(set(assets)) != len(assets):
        raise parts["assets"].refuse("free of repetitions")

    if (estimator == Estimator.MONTE_CARLO) != ("copula" in parts):
        bound = "given" if estimator == Estimator.MONTE_CARLO else f"absent: {estimator} has none"
        raise BadInput("copula", parts["copula"].value if "copula" in parts else None, bound, source=source)
    fits_garch = parts["garch"].value == "fit"
    fits_copula = "copula" in parts and parts["copula"].value == "fit"
    needs_history = estimator == Estimator.FILTERED_HISTORICAL or fits_garch or fits_copula
    if needs_history != ("max_gap_days" in parts):
        bound = "given" if needs_history else "absent: this model reads no history"
        raise BadInput("max_gap_days", parts["max_gap_days"].value if "max_gap_days" in parts else None, bound,
                       source=source)

    garch = variances = None
    if not fits_garch:
        tables = parts["garch"].object(required=set(assets))
        also = () if needs_history else ("variance",)
        garch = tuple(Garch.from_json(tables[asset], also=also) for asset in assets)
        if not needs_history:
            variances = tuple(Node(tables[asset].value["variance"], field=f"garch.{asset}.variance", source=source)
                              .number(1e-12, 1.0) for asset in assets)
    copula = StudentCopula.from_json(parts["copula"]) if "copula" in parts and not fits_copula else None
    if copula is not None and len(copula.correlation) != len(assets):
        raise BadInput("length of copula.correlation", len(copula.correlation), f"{len(assets)}, one row an asset",
                       source=source)
    return Model(
        name=parts["name"].text(SYMBOL.pattern, "1 to 48 letters, digits and . _ / -"), estimator=estimator,
        assets=assets, seed=parts["seed"].integer(0, LARGEST_EXACT),
        horizon=parts["horizon"].integer(1, LONGEST_HORIZON), steps_per_year=parts["steps_per_year"].integer(1, 366),
        volatility_response=parts["volatility_response"].number(0.0, 5.0),
        max_gap_days=parts["max_gap_days"].integer(1, 31) if needs_history else None,
        shape=_shape(parts["epoch"]), garch=garch, variances=variances, copula=copula)


def _shape(node: Node) -> EpochShape:
    parts = node.object({"scenarios", "tail", "depth", "lanes", "width"}, {"masses"})
    tail = read_tail(parts)
    scenarios, depth, lanes, width = (parts[name].integer(1, 2**20) for name in
                                      ("scenarios", "depth", "lanes", "width"))
    try:
        return EpochShape(scenarios, tail, depth, lanes, width)
    except BadInput as error:
        field = error.field if error.field.startswith("shape") else f"shape.{error.field}"
        raise BadInput(field.replace("shape", "epoch"), error.value, error.bound, source=node.source) from None
