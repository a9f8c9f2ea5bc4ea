"""Linear programs in exact fractions: the largest c x with A x <= b and x >= 0, where b >= 0, so that 0 is allowed.

Simplex with Bland's rule [New finite pivoting rules for the simplex method, Mathematics of Operations Research 2,
1977], which never cycles. For a few dozen rows; nothing is rounded, so the same answer comes out everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from primitives.errors import BadInput, Said


def largest(gain: Sequence[Fraction], rows: Sequence[Sequence[Fraction]], bounds: Sequence[Fraction]
            ) -> list[Fraction]:
    """Where the gain is largest: n fractions.

    Parameters
    ----------
    gain : n.  rows : (m, n).  bounds : m, none below 0.

    Raises
    ------
    BadInput : a bound below 0, or a gain without bound.
    """
    if any(bound < 0 for bound in bounds):
        raise BadInput("bound of a linear program", min(bounds), "at least 0")
    n, m = len(gain), len(rows)
    table = [[*map(Fraction, row), *(Fraction(i == j) for j in range(m)), Fraction(bound)]
             for i, (row, bound) in enumerate(zip(rows, bounds, strict=True))]
    reduced = [*(-Fraction(one) for one in gain), *([Fraction(0)] * (m + 1))]
    basis = list(range(n, n + m))
    while True:
        column = next((j for j in range(n + m) if reduced[j] < 0), None)
        if column is None:
            break
        ratios = [(table[i][-1] / table[i][column], basis[i], i) for i in range(m) if table[i][column] > 0]
        if not ratios:
            raise BadInput("linear program", Said("unbounded"), "one whose gain is bounded")
        _, _, row = min(ratios)
        pivot = table[row][column]
        table[row] = [value / pivot for value in table[row]]
        for i in range(m):
            if i != row and table[i][column]:
                table[i] = _less(table[i], table[i][column], table[row])
        reduced = _less(reduced, reduced[column], table[row])
        basis[row] = column
    found = [Fraction(0)] * n
    for i, variable in enumerate(basis):
        if variable < n:
            found[variable] = table[i][-1]
    return found


def _less(row: list[Fraction], factor: Fraction, other: list[Fraction]) -> list[Fraction]:
    return [a - factor * b if b else a for a, b in zip(row, other, strict=True)]
