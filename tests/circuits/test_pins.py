"""Every registered circuit is pinned in circuits/statements/pins.json, sizes and digest: a change is a visible diff."""

from __future__ import annotations

import pytest

from circuits import statements
from circuits.statements.pin import pin, pinned

GOLDEN = pinned()


@pytest.mark.parametrize("name", statements.names())
def test_the_circuit_is_the_pinned_one(name: str) -> None:
    """If it was meant to change: python tests/circuits/golden/regenerate.py"""
    assert name in GOLDEN, f"{name} is not pinned: run tests/circuits/golden/regenerate.py"
    assert pin(statements.get(name)) == GOLDEN[name]


def test_nothing_else_is_pinned() -> None:
    assert set(GOLDEN) == set(statements.names())


@pytest.mark.parametrize("name", statements.names())
def test_pinned_sizes_fit_the_domain(name: str) -> None:
    pinned = GOLDEN[name]
    assert pinned["rows"] + len(pinned["public_inputs"]) + 1 <= 2**pinned["domain"]
    assert sum(pinned["rows_by_part"].values()) == pinned["rows"]
