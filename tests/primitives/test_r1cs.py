"""The constraint system type: what it refuses, what it computes, what its digest depends on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from primitives.field import MODULUS, encode
from primitives.r1cs import R1CS, SparseMatrix

TABLE = [1, -1, 5]


def matrix(*rows: list[tuple[int, int]]) -> SparseMatrix:
    """Rows of (wire, coefficient number)."""
    flat = [entry for row in rows for entry in row]
    return SparseMatrix(np.cumsum([0, *map(len, rows)], dtype=np.int64), np.array([w for w, _ in flat], np.int32),
                        np.array([c for _, c in flat], np.int32))


def cubic() -> R1CS:
    """y = x**3 + x + 5 with public y (wire 1), x wire 2, x**2 wire 3."""
    return R1CS(matrix([(2, 0)], [(3, 0)]), matrix([(2, 0)], [(2, 0)]),
                matrix([(3, 0)], [(1, 0), (2, 1), (0, 3)]), encode([*TABLE, -5]), wires=4, public=1)


def test_products_and_broken_rows() -> None:
    system = cubic()
    assert not len(system.broken(encode([1, 35, 3, 9])))
    assert system.broken(encode([1, 35, 3, 10])).tolist() == [0, 1]
    assert system.broken(encode([1, 36, 3, 9])).tolist() == [1]
    assert not len(system.broken(encode([1, -3 - 27 + 5, -3, 9])))
    with pytest.raises(ValueError, match="witness"):
        system.broken(encode([1, 35, 3]))
    with pytest.raises(ValueError, match="witness"):
        system.broken(np.ones((4, 4), np.int64))


SIZES = [(1, 0, 1), (2, 1, 2), (3, 0, 2), (4, 0, 3), (3, 4, 3), (4, 4, 4)]


@pytest.mark.parametrize(("rows", "public", "domain"), SIZES)
def test_domain_holds_rows_inputs_and_the_constant(rows: int, public: int, domain: int) -> None:
    empty = matrix(*[[] for _ in range(rows)])
    system = R1CS(empty, empty, empty, encode([1]), wires=9, public=public)
    assert system.domain == domain
    assert rows + public + 1 <= 2**domain
    assert domain == 1 or rows + public + 1 > 2**(domain - 1)


def test_digest_is_of_the_system_not_of_its_storage() -> None:
    system = cubic()
    digest = system.digest()
    assert digest == cubic().digest()
    # The same rows from a permuted table with a duplicate and an unused (even zero) entry, terms in another order.
    lookup = np.array([4, 2, 0, 1], np.int32)
    table = encode([99, -5, -1, 0, 1, 1])
    moved = [SparseMatrix(m.starts, m.wires, lookup[m.coefficients]) for m in (system.a, system.b, system.c)]
    moved[0].coefficients[1] = 5
    c = moved[2]
    order = np.array([0, 3, 2, 1])
    moved[2] = SparseMatrix(c.starts, c.wires[order], c.coefficients[order])
    assert R1CS(*moved, table, system.wires, system.public).digest() == digest


def test_digest_depends_on_everything_else() -> None:
    system = cubic()
    others = [
        replace(system, wires=5), replace(system, public=2), replace(system, a=system.b, b=system.a),
        replace(system, table=encode([*TABLE, -6])), replace(system, table=encode([2, -1, 5, -5])),
        replace(system, a=matrix([(2, 0)], [(2, 0)])), replace(system, a=matrix([(2, 0), (3, 0)], [])),
        replace(system, a=matrix([(2, 1)], [(3, 0)])),
    ]
    assert len({system.digest(), *(other.digest() for other in others)}) == 1 + len(others)


def test_digest_wants_normal_form() -> None:
    with pytest.raises(ValueError, match="twice"):
        replace(cubic(), a=matrix([(2, 0), (2, 0)], [])).digest()
    with pytest.raises(ValueError, match="zero"):
        replace(cubic(), table=encode([1, -1, 5, 0])).digest()


def test_equal_residues_are_one_coefficient() -> None:
    assert replace(cubic(), table=encode([1, MODULUS - 1, 5, MODULUS - 5])).digest() == cubic().digest()


@pytest.mark.parametrize("change", [
    {"public": 4}, {"public": -1}, {"wires": 0}, {"wires": 3}, {"wires": 2**31},
    {"a": matrix([(2, 0)])}, {"a": matrix([(4, 0)], [])}, {"a": matrix([(-1, 0)], [])}, {"a": matrix([(0, 4)], [])},
    {"a": matrix([(0, -1)], [])}, {"table": np.zeros((4, 3), np.uint64)}, {"table": np.zeros((4, 4))},
    {"a": SparseMatrix(np.array([0, 2, 1]), np.zeros(1, np.int32), np.zeros(1, np.int32))},
    {"a": SparseMatrix(np.array([0, 1, 1]), np.zeros(2, np.int32), np.zeros(2, np.int32))},
    {"a": SparseMatrix(np.array([1, 1, 1]), np.zeros(1, np.int32), np.zeros(1, np.int32))},
    {"a": SparseMatrix(np.array([0, 1, 1]), np.zeros(1, np.int32), np.zeros(2, np.int32))},
    {"a": SparseMatrix(np.array([0, 1, 1]), np.zeros(1, np.int64), np.zeros(1, np.int32))},
    {"a": SparseMatrix(np.array([0, 1, 1], np.int32), np.zeros(1, np.int32), np.zeros(1, np.int32))},
])
def test_arrays_that_do_not_fit_are_refused(change: dict) -> None:
    with pytest.raises(ValueError):
        replace(cubic(), **change)
