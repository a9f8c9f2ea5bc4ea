"""JSON Schemas (draft 2020-12) and docs/formats.md, both out of what parsers were seen to ask.

A schema refuses what a parser refuses as far as JSON Schema can say it: not that a decimal string lies in bounds, that
a symbol is known, that a key is given twice, or how values hang together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primitives.field import MODULUS
from prover.curve import BASE_MODULUS
from risk.exact.money import format_money

from .observed import MARK, Asked, Format, children, join, observe

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DECIMAL = r"^-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?$"
_MONEY = r"^-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,6}0*)?$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_TAIL = r"^[0-9]{1,10}(?:/[0-9]{1,10})?$"
_RUNS = r"^[1-9][0-9]{0,6}x[1-9][0-9]{0,9}(?: [1-9][0-9]{0,6}x[1-9][0-9]{0,9})*$"
_SUBSUMED = {"money": {"decimal"}, "bounded": {"decimal"}, "time": {"text"}}
"""Checks that others make on the way."""


def schema(form: Format) -> dict[str, Any]:
    """The JSON Schema of a format."""
    found = observe(form)
    return {"$schema": DRAFT, "$id": f"urn:tailproof:{form.name}", "title": form.title, **_schema(form, found, "")}


def _schema(form: Format, found: Mapping[str, Asked], path: str) -> dict[str, Any]:
    asked = found.get(path, Asked())
    kinds = {kind: bounds for kind, bounds in asked.checks.items()
             if not any(kind in _SUBSUMED.get(other, ()) for other in asked.checks)}
    options = [_value_schema(form, found, path, kind, bounds) for kind, bounds in sorted(kinds.items())]
    options += _objects(form, found, path, asked)
    if asked.nullable:
        options.append({"type": "null"})
    made = options[0] if len(options) == 1 else {"anyOf": options} if options else {}
    said = form.keys.get(path)
    return {**({"description": said} if said else {}), **made}


def _value_schema(form: Format, found: Mapping[str, Asked], path: str, kind: str, bounds: Mapping[str, Any]
                  ) -> dict[str, Any]:
    if kind in ("integer", "number"):
        ends = (("minimum", bounds["low"]), ("maximum", bounds["high"]))
        return {"type": kind, **{end: value for end, value in ends if value is not None}}
    if kind == "array":
        sizes = {"minItems": bounds["low"]} if bounds["low"] else {}
        sizes |= {"maxItems": bounds["high"]} if bounds["high"] is not None else {}
        return {"type": "array", **sizes, "items": _schema(form, found, f"{path}[]")}
    if kind == "choice":
        return {"type": "string"} if _made_up(bounds) else {"enum": sorted(bounds["options"])}
    if kind == "boolean":
        return {"type": "boolean"}
    if kind == "document":
        return _schema(form.inner[path], observe(form.inner[path]), "")
    if kind == "text":
        return {"type": "string"} if bounds["pattern"] == ".*" else {"type": "string",
                                                                     "pattern": f"^(?:{bounds['pattern']})$"}
    if kind == "whole":
        sign = "" if (bounds["low"] or 0) >= 0 else "-?"
        return {"type": "string", "pattern": f"^(?:0|{sign}[1-9][0-9]{{0,99}})$"}
    patterns = {"money": _MONEY, "bounded": _DECIMAL, "decimal": _DECIMAL, "time": _TIME, "tail": _TAIL, "runs": _RUNS}
    return {"type": "string", "pattern": patterns[kind]}


def _objects(form: Format, found: Mapping[str, Asked], path: str, asked: Asked) -> list[dict[str, Any]]:
    if path in form.names and asked.shapes:
        return [{"type": "object", "additionalProperties": _schema(form, found, join(path, f"<{form.names[path]}>"))}]
    telling = _discriminators(asked, found, path)
    out = []
    for (needed, others), seen in sorted(asked.shapes.items(), key=lambda shape: sorted(shape[0][0] | shape[0][1])):
        properties = {}
        for key in sorted(needed | others):
            properties[key] = _schema(form, found, join(path, key))
            if key in telling:
                properties[key] = {**properties[key], "enum": sorted(seen[key])}
        out.append({"type": "object", "required": sorted(needed), "additionalProperties": False,
                    "properties": properties})
    return out


def _discriminators(asked: Asked, found: Mapping[str, Asked], path: str) -> set[str]:
    """Keys whose choice tells which of several shapes an object has: each value belongs to one, and all were seen."""
    telling = set()
    for key in set.intersection(*(set(seen) for seen in asked.shapes.values())) if len(asked.shapes) > 1 else ():
        choice = found.get(join(path, key), Asked()).checks.get("choice")
        values = [seen[key] for seen in asked.shapes.values()]
        if choice is not None and sum(map(len, values)) == len(set.union(*values)) \
                and set.union(*values) == set(choice["options"]):
            telling.add(key)
    return telling


def _made_up(bounds: Mapping[str, Any]) -> bool:
    return any(MARK in option for option in bounds["options"])


# -- for people ----------------------------------------------------------------------------------------------------
def tables(form: Format) -> list[str]:
    """Lines of Markdown: a row for every key, with what may stand there and what it means."""
    found, order = observe(form), {path: i for i, path in enumerate(form.keys)}

    def members(path: str) -> list[tuple[str, str, bool]]:
        """Backwards, for a stack, in the order in which they are explained."""
        inner = [(path, key, needed) for key, needed in children(found.get(path, Asked()), path, form.names)]
        return sorted(inner, key=lambda one: -order.get(join(path, one[1]), -1))

    lines = [f"## {form.name}", "", f"{form.title}. Usually `{form.file}`.", "",
             "| key | | value | meaning, unit |", "|---|---|---|---|"]
    stack = members("")
    while stack:
        parent, key, needed = stack.pop()
        path = join(parent, key)
        asked = found.get(path, Asked())
        lines.append(f"| `{path}` | {'' if needed else 'optional'} | {_words(asked, found, path)} | "
                     f"{form.keys.get(path, '')} |")
        inner = path
        while "array" in found.get(inner, Asked()).checks:
            inner += "[]"
        stack += members(inner)
    return [line.replace("|  |", "| |") for line in lines]


def _words(asked: Asked, found: Mapping[str, Asked], path: str) -> str:
    kinds = [kind for kind in sorted(asked.checks)
             if not any(kind in _SUBSUMED.get(other, ()) for other in asked.checks)]
    said = [_kind_words(kind, asked.checks[kind], found, path) for kind in kinds]
    said += ["object"] if asked.shapes else []
    said += ["null"] if asked.nullable else []
    return " or ".join(said).replace("|", "\\|")


def _kind_words(kind: str, bounds: Mapping[str, Any], found: Mapping[str, Asked], path: str) -> str:
    if kind == "array":
        inner = _words(found.get(f"{path}[]", Asked()), found, f"{path}[]")
        low, high = bounds["low"], bounds["high"]
        size = f", {low} of them" if low == high else f", {low} or more" if high is None and low \
            else f", at most {high}" if high is not None and not low \
            else f", {low} to {high}" if high is not None else ""
        return f"array of {inner}{size}"
    if kind == "choice":
        return "a name from this file" if _made_up(bounds) else " or ".join(f'`"{one}"`' for one
                                                                           in sorted(bounds["options"]))
    if kind == "integer":
        return "integer" + _span(bounds["low"], bounds["high"])
    if kind == "whole":
        return "integer as a string" + _span(bounds["low"], bounds["high"])
    if kind == "number":
        return f"number, {bounds['low']:g} to {bounds['high']:g}"
    if kind == "money":
        return (f"decimal as a string, at most six places, {format_money(bounds['low'])} to "
                f"{format_money(bounds['high'])}")
    if kind == "bounded":
        return f"decimal as a string, {bounds['low']} to {'below ' if bounds['below'] else ''}{bounds['high']}"
    if kind == "text":
        return str(bounds["meaning"])
    if kind == "document":
        return f"a whole [{bounds['name']}](#{bounds['name']}) file"
    return {"boolean": "true or false", "decimal": "decimal as a string", "time": "time in UTC, `2021-03-26T08:00:00Z`",
            "tail": 'fraction as a string, `"32/5"`', "runs": 'runs COUNTxMASS, `"32x1 48x2"`'}[kind]


def _span(low: int | None, high: int | None) -> str:
    """Where an end depends on the rest of the file, it is not said."""
    if low is None or high is None:
        return f", {_number(low)} or more" if low is not None else f", at most {_number(high)}" \
            if high is not None else ""
    return f", {_number(low)} to {_number(high)}"


def _number(value: int) -> str:
    for exponent in (40, 44, 53, 80, 248, 253, 20, 32):
        for sign, off in ((1, 0), (1, -1), (-1, 0), (-1, 1)):
            if value == sign * 2**exponent + off and abs(value) > 10**6:
                return f"{'-' if sign < 0 else ''}2^{exponent}" + (f"{off:+d}".replace("+", " + ").replace("-", " - ")
                                                                  if off else "")
    return {MODULUS - 1: "r - 1", BASE_MODULUS - 1: "q - 1"}.get(value, str(value))
