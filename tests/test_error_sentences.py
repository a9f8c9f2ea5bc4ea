"""Every error of outside input that the rooms raise, read as far as its text stands in the code: "X is Y: must be Z" is
a sentence, and words of ours are not quoted as if somebody had written them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from primitives.errors import HIDDEN

ROOT = Path(__file__).parent.parent
ROOMS = ("primitives", "risk", "circuits", "prover", "committee", "verifier_contracts", "relayer", "tailproof")
HOLE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""What is only known when it runs."""
VERBS = "be|is|are|has|have|must|should|needs?|cannot|can|not"
"""What no bound begins with: "must be" stands before it."""


class Raised(NamedTuple):
    """An error as the code has it. value: the expression, None where a node's own value is told."""

    place: str
    field: str
    value: ast.expr | None
    bounds: tuple[str, ...]


def texts(node: ast.expr) -> tuple[str, ...]:
    """What an expression may say; a hole for whatever the code does not state."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (node.value,)
    if isinstance(node, ast.JoinedStr):
        return ("".join(part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else HOLE
                        for part in node.values),)
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return tuple(left + right for left in texts(node.left) for right in texts(node.right))
    return (HOLE,)


def raised_in(source: str, name: str) -> Iterator[Raised]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        place = f"{name}:{node.lineno}"
        if called == "BadInput" and len(node.args) >= 3:
            for field in texts(node.args[0]):
                yield Raised(place, field, node.args[1], texts(node.args[2]))
        elif called == "refuse" and len(node.args) == 1:
            yield Raised(place, HOLE, None, texts(node.args[0]))
        elif called == "refuse" and len(node.args) == 3:
            for field in texts(node.args[0]):
                yield Raised(place, field, node.args[1], texts(node.args[2]))


def faults_of(one: Raised) -> Iterator[str]:
    values = [] if one.value is None else [one.value.body, one.value.orelse] if isinstance(one.value, ast.IfExp) else [
        one.value]
    for value in values:
        if (isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str)
                                                 and value.value not in ("", HIDDEN))):
            yield f"quotes words of ours, {ast.unparse(value)}: Said(…)"
    if not one.field or one.field != one.field.strip() or one.field.endswith((":", ".")):
        yield f"names a field {one.field!r}"
    for bound in one.bounds:
        if not bound or bound != bound.strip() or bound.endswith((".", ":", ",")):
            yield f"ends or begins wrongly: {bound!r}"
        if re.match(rf"({VERBS}|together|with) ", bound):
            yield f'does not follow "must be": {bound!r}'
        if re.match(r"[A-Z][a-z]+ [a-z]", bound):
            yield f"begins a sentence of its own: {bound!r}"
        if "  " in bound:
            yield f"has two spaces: {bound!r}"


def test_every_error_is_a_sentence() -> None:
    found = [one for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))
             for one in raised_in(path.read_text(), str(path.relative_to(ROOT)))]
    assert len(found) > 900
    assert [f"{one.place} {fault}" for one in found for fault in faults_of(one)] == []


@pytest.mark.parametrize(("code", "fault"), [
    ('BadInput("x", "absent", "installed")', "quotes words"), ('BadInput("x", f"{n} bytes", "fewer")', "quotes words"),
    ('BadInput("x", None if a else "absent", "there")', "quotes words"),
    ('BadInput("x:", 1, "fewer")', "names a field"),
    ('BadInput("x", 1, "must be 3")', "must be"), ('BadInput("x", 1, "not negative")', "must be"),
    ('BadInput("x", 1, "with --y")', "must be"), ('BadInput("x", 1, "at most 3.")', "ends or begins"),
    ('BadInput("x", 1, "a " + "b ")', "ends or begins"), ('node.refuse("is 3")', "must be"),
    ('BadInput("x", 1, "Give another")', "a sentence of its own"),
    ('cursor.refuse("x", "gone", "there")', "quotes words"),
    ('BadInput("x", 1, "a  b")', "two spaces")])
def test_what_does_not_read_well_is_found(code: str, fault: str) -> None:
    assert [text for one in raised_in(code, "") for text in faults_of(one) if fault in text]


@pytest.mark.parametrize("code", [
    'BadInput("x", Said("absent"), "installed")', 'BadInput("x", value, f"{low} or more")',
    'BadInput("x", "(hidden)", "32 bytes")', 'BadInput("--x", None, "given")',
    'node.refuse("HOST:PORT, as it is told")'])
def test_what_reads_well_is_not(code: str) -> None:
    found = list(raised_in(code, ""))
    assert len(found) == 1
    assert [text for one in found for text in faults_of(one)] == []
