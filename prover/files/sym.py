"""Names of wires: circom's `.sym`, and rows of a constraint system written with them.

One line a signal: label, wire (-1 if the signal has none, having been simplified away), component, name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from primitives import field
from primitives.errors import BadInput, unreadable
from primitives.r1cs import R1CS, SparseMatrix
from primitives.texts import text_of
from prover.curve import ORDER

MOST_TERMS = 8
"""Terms of a linear form that are written out."""


def read_symbols(path: str | Path) -> dict[int, str]:
    """A name for each wire that has one: the first of those that the file gives it.

    Raises
    ------
    BadInput : the file cannot be read, or a line is not of the form above.
    """
    names: dict[int, str] = {}
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadInput("file", unreadable(error), "a readable file", source=path) from None
    text = text_of(data, source=path)
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split(",", 3)
        try:
            wire = int(parts[1])
            name = parts[3]
        except (IndexError, ValueError):
            raise BadInput(f"line {number}", line, "label,wire,component,name", source=path) from None
        if wire >= 0:
            names.setdefault(wire, name)
    return names


def row_text(r1cs: R1CS, row: int, names: Mapping[int, str]) -> str:
    """Row `row`, counted from 0, as people write it: "(x + 3 k) * (y) = z"; values are not shown."""
    a, b, c = (_form(matrix, row, r1cs, names) for matrix in (r1cs.a, r1cs.b, r1cs.c))
    return f"({a}) * ({b}) = {c}"


def _form(matrix: SparseMatrix, row: int, r1cs: R1CS, names: Mapping[int, str]) -> str:
    begin, end = int(matrix.starts[row]), int(matrix.starts[row + 1])
    shown = slice(begin, min(end, begin + MOST_TERMS))
    terms: list[str] = []
    factors = field.decode(r1cs.table[matrix.coefficients[shown]])
    for wire, factor in zip(matrix.wires[shown].tolist(), factors, strict=True):
        size, minus = min((factor, False), (ORDER - factor, True))
        name = "" if wire == 0 else names.get(wire, f"wire {wire}")
        sign = "- " if minus else "+ " if terms else ""
        terms.append(sign + (" ".join(filter(None, ["" if size == 1 and name else str(size), name]))))
    if end > begin + MOST_TERMS:
        terms.append(f"+ {end - begin - MOST_TERMS} more")
    return " ".join(terms) or "0"
