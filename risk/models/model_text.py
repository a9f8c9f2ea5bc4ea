"""Writing model files: TOML in the order in which `risk.models.model` explains it, and files of schema /1 as /2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.market.instruments import MOST_ASSETS, SYMBOL
from risk.models.model import OLD_SCHEMA, SCHEMA, parse_toml

_ORDER = ("schema", "name", "estimator", "assets", "purpose", "seed", "basis", "horizon", "step_seconds", "calendar",
          "steps_per_year", "max_gap_steps", "volatility_response", "epoch", "volatility", "correlation", "copula",
          "jumps", "events", "gates", "fitted", "scenarios", "stress", "surface", "procyclicality", "addons", "set")
_ESTIMATORS = {"filtered-historical-simulation": "filtered-historical", "monte-carlo-garch-t": "monte-carlo"}


def render(document: Mapping[str, Any], remarks: tuple[str, ...] = ()) -> str:
    """A model file, under remarks. Numbers in their shortest exact form: what is printed is what is used."""
    lines = [f"# {remark}" for remark in remarks]
    tables: list[tuple[str, Mapping[str, Any]]] = []
    for key in sorted(document, key=_ORDER.index):
        value = document[key]
        if key == "volatility":
            tables += [(f"volatility.{_key(asset)}", table) for asset, table in value.items()]
        elif isinstance(value, Mapping):
            tables.append((key, value))
        else:
            lines.append(f"{key} = {_value(value)}")
    for name, table in tables:
        lines += ["", f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    bare = text.replace("_", "a").replace("-", "a")
    return text if bare.isascii() and bare.isalnum() else json.dumps(text)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(_value(item) for item in value) + "]"


def upgraded(data: bytes, *, source: str | Path | None = None) -> tuple[dict[str, Any], tuple[str, ...], bool]:
    """A file of schema /1 as a document of /2, remarks on what changed, and whether parameters have to be fitted.

    Raises
    ------
    BadInput : it is not of schema /1, or not complete.
    """
    parts = Node(parse_toml(data, source=source), source=source).document(
        OLD_SCHEMA, {"name", "estimator", "assets", "seed", "horizon", "steps_per_year", "volatility_response", "garch",
                     "epoch"}, {"copula", "max_gap_days"})
    assets = [node.text(SYMBOL.pattern, "a symbol") for node in
              parts["assets"].array(at_least=1, at_most=MOST_ASSETS)]
    out: dict[str, Any] = {"schema": SCHEMA, "name": parts["name"].value,
                           "estimator": _ESTIMATORS[parts["estimator"].choice(set(_ESTIMATORS))], "assets": assets,
                           "horizon": parts["horizon"].value}
    remarks = [f"Converted from {OLD_SCHEMA} by `tailproof model upgrade`.",
               f"The seed {parts['seed'].value} is gone: seeds are derived. To keep it for a trial, add "
               f"purpose = \"trial\" and seed."]
    per_year = parts["steps_per_year"].integer(1, 366)
    if per_year != 365:
        out |= {"calendar": ["saturday", "sunday"], "steps_per_year": per_year}
        remarks.append("Saturdays and Sundays are taken to be closed; list other closed days too, or they count as "
                       "steps.")
    if "max_gap_days" in parts:
        out["max_gap_steps"] = max(1, parts["max_gap_days"].integer(1, 31))
    out |= {"volatility_response": parts["volatility_response"].value, "epoch": parts["epoch"].value}
    fits = parts["garch"].value == "fit" or ("copula" in parts and parts["copula"].value == "fit")
    if parts["garch"].value != "fit":
        out["volatility"] = {asset: {"family": "garch", **{key: table.value[key] for key in table.value
                                                           if key not in ("degrees", "variance")},
                                     "innovations": "t", **{key: table.value[key] for key in ("degrees", "variance")
                                                            if key in table.value}}
                             for asset, table in parts["garch"].object(assets).items()
                             if table.object(("mean", "omega", "alpha", "beta", "degrees"), ("variance",))}
    if out["estimator"] == "filtered-historical":
        out["correlation"] = {"family": "static"}
    elif "copula" in parts and parts["copula"].value != "fit":
        copula = parts["copula"].object(("degrees", "correlation"))
        out["correlation"] = {"family": "static", "matrix": copula["correlation"].value}
        out["copula"] = {"family": "t", "degrees": copula["degrees"].value}
    elif "copula" not in parts:
        raise BadInput("copula", None, "given: Monte Carlo has one", source=source)
    return out, tuple(remarks), fits
