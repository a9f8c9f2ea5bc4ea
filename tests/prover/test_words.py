"""`prover.words`: every comparison agrees with that of Python's integers."""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pytest

from prover.curve import BASE_MODULUS, ORDER
from prover.words import first_not_below


def words(values):
    """Integers below 2**256 as (n, 4)."""
    return np.array([[value >> 64 * k & (1 << 64) - 1 for k in range(4)] for value in values], np.uint64).reshape(-1, 4)


@pytest.mark.parametrize("modulus", [ORDER, BASE_MODULUS, 1 << 192, (1 << 256) - 1, 5])
def test_each_word_decides_where_those_above_are_equal(modulus):
    parts = [[max(word - 1, 0), word, min(word + 1, (1 << 64) - 1)] for word in words([modulus])[0].tolist()]
    for chosen in product(*parts):
        value = sum(word << 64 * k for k, word in enumerate(chosen))
        assert first_not_below(words([value]), modulus) == (0 if value >= modulus else None), hex(value)


def test_the_first_is_named():
    values = [0, ORDER - 1, 1 << 191, ORDER - 1, ORDER, 3, 2**256 - 1]
    assert first_not_below(words(values), ORDER) == 4
    assert first_not_below(words(values)[::-1], ORDER) == 0
    assert first_not_below(words(values[:4]), ORDER) is None
    assert first_not_below(words([]), ORDER) is None


def test_values_next_to_the_modulus_are_compared_at_once():
    """A witness may be all -1. One by one, 2**20 of them took most of a second; what counts are calls, not seconds."""
    calls = []
    values = np.repeat(words([ORDER - 1]), 1000, axis=0)
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    try:
        found = first_not_below(values, ORDER)
    finally:
        sys.setprofile(None)
    assert found is None
    assert len(calls) < 200
