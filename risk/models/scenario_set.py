"""Handwritten scenario sets: what scan-based venues take a margin from, and stress that somebody writes down. TOML.

    schema = "tailproof.scenarios/1"
    name = "my-set"
    source = "where the numbers come from"
    scenarios = [                              # one row a scenario; all keys but spot have a default
        {spot = -0.18, volatility = 0.5},      # relative changes: spot to 82 %, implied volatility by the law below
        {spot = {BTC = -0.1, ETH = -0.2}, basis = -0.045, label = "what people call it"},
        {spot = 2.0, volatility = 0.5, damping = 0.0693},            # 6.93 % of the change counts
        {spot = 0.0, linear = 1.0},            # skew: +1 raises volatilities above the forward, lowers those below it
        {spot = 0.0, absolute = -1.0}]         # -1 lowers both wings

    [tenor]                                    # [all powers 0: every expiry moves alike]
    days = 30                                  # the tenor that `volatility` is said of
    floor_days = 1
    short_power = 0.3                          # of tenors up to `days`
    long_power = 0.13
    least_volatility = 0.4                     # [0] that an upward shock leads to at least

    [skew]                                     # only needed by rows with a skew
    linear_cap = 0.15
    linear_slope = -0.05                       # of the cap, per square root of a year
    absolute_cap = 0.15
    absolute_slope = -0.05
    width = 4.0
    level = 0.6
    level_slope = -0.1
    least_width = 0.01

A row with volatility r multiplies the implied volatility of an expiry T by 1 + r (days / max(T, floor_days))**p, at
least 0. A skew x multiplies that of strike K by 1 + x c sign(k) min(1, |k|/k*) (linear) or 1 + x c min(1, |k|/k*)
(absolute), with k = ln(K/F), c = cap + slope sqrt(T), k* = width sqrt(T) (level + level_slope sqrt(T)), at least
`least_width`. These are the laws of Derive's PMRM [derivexyz/v2-core, PMRMLib_2.sol] and, without skew, of Deribit and
Paradex.

Shocks are integers of 10**-12, so that a set is what its text says. A venue's margin on a set is the worst loss: the
tail 1 of equally likely scenarios (K/D = 1). A set may have fewer rows than the epoch has scenarios: rows then repeat,
which does not change the worst.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node, observe
from risk.exact.clock import DAY, YEAR
from risk.exact.elementary import exp, log
from risk.market.instruments import SYMBOL

SCHEMA = "tailproof.scenarios/1"
SHOCK_UNIT = 10**12
MOST_ROWS = 4096
_PRESETS = Path(__file__).parent / "presets"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tenor:
    """How a shock of volatility depends on the time to expiry; without one, not at all."""

    days: float = 30.0
    floor_days: float = 1.0
    short_power: float = 0.0
    long_power: float = 0.0
    least_volatility: float = 0.0

    def scale(self, years: float) -> float:
        """What a shock is multiplied by for an option that lives `years` more."""
        days = years * YEAR / DAY
        power = self.short_power if days <= self.days else self.long_power
        return float(exp(power * log(self.days / max(days, self.floor_days))))


@dataclass(frozen=True)
class Skew:
    """How a skew depends on strike and expiry; see above. With all caps 0, nothing moves."""

    linear_cap: float = 0.0
    linear_slope: float = 0.0
    absolute_cap: float = 0.0
    absolute_slope: float = 0.0
    width: float = 4.0
    level: float = 0.6
    level_slope: float = 0.0
    least_width: float = 0.01

    def reach(self, moneyness: float, years: float) -> tuple[float, float]:
        """What a skew of +1 adds to the multiple of volatility: linear, absolute.

        moneyness : ln(K/F).
        """
        root = float(np.sqrt(years))
        widest = max(self.least_width, root * self.width * (self.level + root * self.level_slope))
        share = min(1.0, abs(moneyness) / widest)
        linear, absolute = self.linear_cap + self.linear_slope * root, self.absolute_cap + self.absolute_slope * root
        return (share if moneyness >= 0 else -share) * linear, share * absolute


@dataclass(frozen=True)
class Row:
    """One scenario, in integers of 10**-12: relative changes of spot (per asset of the model), of volatility at
    `Tenor.days` and of futures' and perpetuals' prices over the spot; `damping`, the share of the change that counts;
    skews. label : for people; it moves nothing."""

    spot: tuple[int, ...]
    volatility: int = 0
    basis: int = 0
    damping: int = SHOCK_UNIT
    linear: int = 0
    absolute: int = 0
    label: str = ""


@dataclass(frozen=True)
class ScenarioSet:
    """A set of rows and the laws that its shocks follow."""

    name: str
    source: str
    rows: tuple[Row, ...]
    tenor: Tenor = Tenor()
    skew: Skew = Skew()


FLAT = ScenarioSet("flat", "", ())
"""The laws of scenarios that no set says otherwise of: every expiry and strike moves alike."""


def presets() -> tuple[str, ...]:
    """Names of the sets that come with Tailproof. What a name means never changes: dates are part of them."""
    return tuple(sorted(path.stem for path in _PRESETS.glob("*.toml")))


def preset_text(name: str) -> str:
    """The TOML of a preset.

    Raises
    ------
    BadInput : there is none of this name.
    """
    if name not in presets():
        raise BadInput("set", name, f"one of {', '.join(presets())}, or a table of your own")
    return (_PRESETS / f"{name}.toml").read_text()


def parse_set(node: Node, assets: tuple[str, ...]) -> ScenarioSet:
    """A preset by its name, or a table as above (with or without schema, name and source).

    Raises
    ------
    BadInput : naming file and field: an unknown preset, unknown keys, a spot that falls by 100 % or more or is not said
        of every asset, a damping outside (0, 1], a row with a skew without the law of it.
    """
    if isinstance(node.value, str):
        observe(node.field, "choice", options=frozenset(presets()))
        try:
            return parse_set(Node(of_assets(_table(node.value), assets), field=node.field, source=node.source), assets)
        except BadInput as error:
            raise BadInput(node.field if error.field == "set" else error.field, error.value, error.bound,
                           source=node.source) from None
    parts = node.object({"scenarios"}, {"schema", "name", "source", "tenor", "skew"})
    if "schema" in parts:
        parts["schema"].choice({SCHEMA})
    tenor = _law(parts, "tenor", Tenor(), {"days": (0.01, 3650.0), "floor_days": (0.0001, 3650.0),
                                          "short_power": (0.0, 2.0), "long_power": (0.0, 2.0),
                                          "least_volatility": (0.0, 20.0)})
    caps = dict.fromkeys(("linear_cap", "linear_slope", "absolute_cap", "absolute_slope", "level", "level_slope"),
                         (-10.0, 10.0))
    skew = _law(parts, "skew", Skew(), caps | {"width": (0.0, 100.0), "least_width": (1e-6, 10.0)})
    rows = tuple(_row(row, assets, "skew" in parts)
                 for row in parts["scenarios"].array(at_least=1, at_most=MOST_ROWS))
    return ScenarioSet(parts["name"].text(SYMBOL.pattern, "a name") if "name" in parts else "own",
                       parts["source"].text(r"[^\x00-\x1f]{1,500}", "where the numbers come from, in 1 to 500 "
                                            "characters") if "source" in parts else "", rows, tenor, skew)


def of_assets(document: Any, assets: tuple[str, ...]) -> Any:
    """A set's document without the spots of other assets: what is written of BTC and ETH is good for a market of one.

    Spots of these that are missing stay so, and `parse_set` refuses them.
    """
    if not isinstance(document, dict) or not isinstance(document.get("scenarios"), list):
        return document
    rows = [{**row, "spot": {asset: value for asset, value in row["spot"].items() if asset in assets}}
            if isinstance(row, dict) and isinstance(row.get("spot"), dict) else row for row in document["scenarios"]]
    return {**document, "scenarios": rows}


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(preset_text(name))


def _law(parts: Mapping[str, Node], name: str, usual: Any, bounds: Mapping[str, tuple[float, float]]) -> Any:
    if name not in parts:
        return usual
    given = parts[name].object((), bounds)
    return type(usual)(**{key: value.number(*bounds[key]) for key, value in given.items()})


def _row(node: Node, assets: tuple[str, ...], has_skew: bool) -> Row:
    parts = node.object({"spot"}, {"volatility", "basis", "damping", "linear", "absolute", "label"})
    spot = parts["spot"]
    each = spot.object(assets) if isinstance(spot.value, dict) else dict.fromkeys(assets, spot)
    found = {name: _shock(value, -10.0, 10.0) for name, value in parts.items()
             if name not in ("spot", "damping", "label")}
    for name in ("linear", "absolute"):
        if found.get(name) and not has_skew:
            raise parts[name].refuse("absent: the set has no [skew] that says what it means")
    if "basis" in parts and found["basis"] <= -SHOCK_UNIT:
        raise parts["basis"].refuse("above -1")
    if "damping" in parts:
        found["damping"] = _shock(parts["damping"], 0.0, 1.0)
        if not found["damping"]:
            raise parts["damping"].refuse("above 0: a scenario that does not count is no scenario")
    spots = tuple(_shock(each[asset], -1.0, 1000.0) for asset in assets)
    for asset, value in zip(assets, spots, strict=True):
        if value <= -SHOCK_UNIT:
            raise each[asset].refuse("above -1: a spot stays positive")
    label = parts["label"].text(r"[^\x00-\x1f]{1,100}", "1 to 100 characters") if "label" in parts else ""
    return Row(spots, label=label, **found)


def _shock(node: Node, low: float, high: float) -> int:
    return round(node.number(low, high) * SHOCK_UNIT)
