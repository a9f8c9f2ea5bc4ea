"""Transforms against the same recursion on integers, and against what they are for."""

from __future__ import annotations

import random

import numpy as np
import pytest

from primitives import field
from primitives.field import MODULUS as R
from prover.domain import root_of_unity
from prover.kernels import memory_held, release_memory
from prover.kernels.ntt import BLOCKS, ntt, quotient
from prover.kernels.twiddles import Latest


def plain(values: list[int], root: int) -> list[int]:
    """Values at the powers of the root, by halving."""
    if len(values) == 1:
        return values
    even, odd = plain(values[::2], root * root % R), plain(values[1::2], root * root % R)
    turned = [pow(root, k, R) * x % R for k, x in enumerate(odd)]
    return [(x + y) % R for x, y in zip(even, turned, strict=True)] + [
        (x - y) % R for x, y in zip(even, turned, strict=True)]


def evaluate(values: list[int], shift: int) -> list[int]:
    """Values at shift * w**i."""
    shifted = [x * pow(shift, k, R) % R for k, x in enumerate(values)]
    return plain(shifted, root_of_unity(len(values).bit_length() - 1))


def vectors(log: int) -> list[list[int]]:
    rng, count = random.Random(log), 1 << log
    return [[rng.randrange(R) for _ in range(count)], [R - 1] * count, [0] * (count - 1) + [1]]


@pytest.fixture(params=["1", "2"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", request.param)


def test_the_root_is_iden3s() -> None:
    assert root_of_unity(28) == 19103219067921713944291392827692070036145651957329286315305642004821462161904


@pytest.mark.parametrize("log", [*range(11), 12])
@pytest.mark.usefixtures("threads")
def test_forward_and_back(log: int) -> None:
    for values in vectors(log):
        for shift in (None, 7, root_of_unity(log + 1)):
            words = field.encode(values)
            there = ntt(words, coset=shift)
            assert field.decode(there) == evaluate(values, shift or 1)
            assert there.tobytes() == field.encode(field.decode(there)).tobytes()          # fully reduced
            assert np.array_equal(ntt(there, inverse=True, coset=shift), words)


@pytest.mark.parametrize("log", [15, 16])
@pytest.mark.usefixtures("threads")
def test_lengths_that_take_several_chunks(log: int) -> None:
    rng = np.random.default_rng(log)
    small = rng.integers(0, 1 << 62, 1 << log)
    words = field.encode(small)
    there = ntt(words, coset=5)
    for i in (0, 1, 77, (1 << log) - 1):               # Horner's rule at single points
        x, total = 5 * pow(root_of_unity(log), i, R) % R, 0
        for coefficient in reversed(small.tolist()):
            total = (total * x + coefficient) % R
        assert field.decode(there[i]) == [total]
    assert np.array_equal(ntt(there, inverse=True, coset=5), words)


@pytest.mark.parametrize("log", [0, 3, 5, 6, 9, 15])
@pytest.mark.usefixtures("threads")
def test_quotient(log: int) -> None:
    a, b, _ = (field.encode(values) for values in vectors(log))
    shift = root_of_unity(log + 1)
    x, y, z = (ntt(ntt(values, inverse=True), coset=shift) for values in (a, b, field.multiply(a, b)))
    got = quotient(a, b)
    assert np.array_equal(got, field.subtract(field.multiply(x, y), z))
    rest = ntt(got, inverse=True, coset=shift)                                             # A B - C = H (X**n - 1)
    scaled = field.multiply(rest, field.encode([pow(-2, -1, R)]))
    assert field.decode(scaled)[-1] == 0               # the degree of H is at most n - 2


def test_lengths_and_shifts_without_a_transform() -> None:
    for count in (0, 3, 6):
        with pytest.raises(ValueError, match="no transform"):
            ntt(field.encode([1] * count))
    with pytest.raises(ValueError, match="coset 0"):
        ntt(field.encode([1, 2]), coset=R)
    with pytest.raises(ValueError, match="no quotient"):
        quotient(field.encode([1, 2]), field.encode([1]))


def test_working_memory_is_given_back() -> None:
    ntt(field.encode([1] * 64))
    assert BLOCKS.held() > 0
    BLOCKS.release()
    assert BLOCKS.held() == 0


# -- tables --------------------------------------------------------------------------------------------------------
def test_tables_are_counted_and_given_back() -> None:
    release_memory()
    assert memory_held()["tables"] == 0
    values = field.encode(range(1 << 12))
    product = quotient(values, values)
    kept = memory_held()["tables"]
    assert kept >= 2 * (1 << 12) * 4                       # two orders at least, if nothing else
    ntt(values)                                            # asks for nothing more but twists
    assert kept <= memory_held()["tables"] < 2 * kept
    release_memory()
    assert memory_held()["tables"] == 0
    assert np.array_equal(quotient(values, values), product)


def test_tables_of_no_more_than_a_few_lengths_are_kept() -> None:
    made: list[int] = []

    class Table:
        def __init__(self, log: int) -> None:
            made.append(log)
            self.log, self.values = log, np.zeros(1 << log, np.uint64)

    tables = Latest(Table, most=2)
    for log in (3, 4, 3, 5, 3, 4):                         # 5 takes the place of 4, which was asked for longest ago
        assert tables(log).log == log
    assert made == [3, 4, 5, 4]
    assert tables.held() == 8 * (8 + 16)
