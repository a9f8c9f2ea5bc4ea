"""What a parser really asks of a file, watched while it reads examples: the source of schemas and docs/formats.md.

`primitives.jsonio.Node` and its fellows tell every check they make (`jsonio.observing`). From the checks made on some
examples follow the keys of every object, which are needed, and type and bounds of every value. A parser that learns a
new key shows it at once; a bound that moves moves here. What examples do not reach is not guessed: `gaps` names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from primitives import jsonio

MARK = "EXAMPLE"
"""In names that examples make up: choices among them are choices among names of the file."""
_ROOT = ""


@dataclass(frozen=True)
class Format:
    """A file format.

    file : how such files are usually called.  examples : documents that between them use every key.
    parse : reads one of them, raising BadInput where it is wrong.
    keys : meaning of each key by its path, with its unit: "expiries[].forward".
    names : objects whose keys are names made up in the file, by path, with what such a name is called.
    inner : by path, the formats of documents that stand whole in this one.
    """

    name: str
    title: str
    file: str
    examples: Callable[[], Sequence[Any]]
    parse: Callable[[Any], object]
    keys: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    inner: Mapping[str, Format] = field(default_factory=dict)


@dataclass
class Asked:
    """All that was asked of the values at one path.

    checks : kinds, each with its bounds.  nullable : whether null was accepted.
    shapes : (needed keys, others) of objects -> for each choice among their members the values seen.
    """

    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    shapes: dict[tuple[frozenset[str], frozenset[str]], dict[str, set[str]]] = field(default_factory=dict)
    nullable: bool = False


def observe(form: Format) -> dict[str, Asked]:
    """By path ("" is the document, "a.b[]" the entries of an array b in a), what the format's parser asks."""
    found: dict[str, Asked] = {}
    nulls: set[str] = set()
    for document in form.examples():
        here: dict[tuple[str, str], dict[str, Any]] = {}
        seen: list[tuple[str, str, Mapping[str, Any]]] = []
        with jsonio.observing(lambda place, kind, bounds, seen=seen: seen.append((place, kind, bounds))):  # type: ignore[misc]
            form.parse(document)
        for place, kind, bounds in seen:
            path = _path(place, form.names)
            asked = found.setdefault(path, Asked())
            value = _value(document, place)
            if kind == "object":
                shape = _shape(bounds, path in form.names)
                members = asked.shapes.setdefault(shape, {})
                for key, member in value.items() if isinstance(value, dict) else ():
                    if isinstance(member, str):
                        members.setdefault(key, set()).add(member)
            else:
                here[place, kind] = _narrowed(here.get((place, kind)), bounds)
        for (place, kind), bounds in here.items():
            checks = found[_path(place, form.names)].checks
            checks[kind] = _common(checks.get(kind), bounds)
        nulls |= set(_nulls(document, _ROOT, form.names))
    for path in nulls & set(found):
        found[path].nullable = True
    return found


def children(asked: Asked, path: str, names: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Keys of the objects at a path, and whether every such object needs them."""
    if path in names:
        yield f"<{names[path]}>", False
        return
    every = {key for needed, others in asked.shapes for key in needed | others}
    for key in sorted(every):
        yield key, all(key in needed for needed, _ in asked.shapes)


def gaps(form: Format) -> list[str]:
    """Keys that no example reaches, or that nobody has explained; and explanations of keys that are not there."""
    found, missing, reached = observe(form), list[str](), set[str]()
    stack = [_ROOT]
    while stack:
        path = stack.pop()
        asked = found.get(path)
        if asked is None or not (asked.checks or asked.shapes):
            missing.append(f"{path}: no example has it")
            continue
        if path and not path.endswith("[]") and path not in form.keys:
            missing.append(f"{path}: not explained")
        reached.add(path)
        stack += [join(path, key) for key, _ in children(asked, path, form.names)]
        stack += [f"{path}[]"] if "array" in asked.checks else []
    return sorted(missing) + [f"{path}: explained, and not there" for path in sorted(set(form.keys) - reached)]


def join(path: str, key: str) -> str:
    """The path of a member."""
    return f"{path}.{key}" if path else key


def _shape(bounds: Mapping[str, Any], named: bool) -> tuple[frozenset[str], frozenset[str]]:
    return (frozenset(), frozenset()) if named else (bounds["required"], bounds["optional"])


def _narrowed(before: dict[str, Any] | None, bounds: Mapping[str, Any]) -> dict[str, Any]:
    """Both of two checks of one value: what passes passed both."""
    if before is None:
        return dict(bounds)
    after = dict(bounds)
    for name, choose in (("low", max), ("high", min)):
        if name in after and not isinstance(after[name], str):
            given = [bound[name] for bound in (before, bounds) if bound.get(name) is not None]
            after[name] = choose(given) if given else None
    return after


def _common(before: dict[str, Any] | None, bounds: dict[str, Any]) -> dict[str, Any]:
    """What the same check says of two values: a bound that differs depends on the file, and is none of the format."""
    if before is None:
        return bounds
    after = {name: value if value == before.get(name) else None for name, value in bounds.items()}
    if "options" in bounds:
        after["options"] = before["options"] | bounds["options"]
    return after


def _path(place: str, names: Mapping[str, str]) -> str:
    """"volatility.BTC.alpha" -> "volatility.<ASSET>.alpha"; "expiries[3].expiry" -> "expiries[].expiry"."""
    if place == "document":
        return _ROOT
    path = _ROOT
    for part in re.sub(r"\[[0-9]+\]", "[]", place).split("."):
        path = join(path, f"<{names[path]}>" + ("[]" * part.count("[]")) if path in names else part)
    return path


def _value(document: Any, place: str) -> Any:
    value = document
    for part in [] if place == "document" else re.findall(r"[^.\[\]]+|\[[0-9]+\]", place):
        try:
            value = value[int(part[1:-1])] if part.startswith("[") else value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _nulls(value: Any, place: str, names: Mapping[str, str]) -> Iterator[str]:
    """Paths of values that are null."""
    if value is None:
        yield _path(place, names)
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _nulls(member, join(place, key), names)
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            yield from _nulls(entry, f"{place}[{i}]", names)
