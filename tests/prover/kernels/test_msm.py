"""Multi-scalar multiplication and fixed-base multiples against double-and-add on integers."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from py_ecc import optimized_bn128 as py_ecc

from primitives import field
from prover.curve import G1_GROUP, G2_GROUP, ORDER, Group
from prover.kernels import KernelBackend, memory_held, release_memory
from prover.kernels.additions import INDEX_MASK
from prover.kernels.arithmetic import LAYOUT
from prover.kernels.buckets import GROUP, make_space
from prover.kernels.convert import at_edge, with_images
from prover.kernels.digits import digits_of, terms_of, windows_of
from prover.kernels.endomorphism import LAMBDA, LARGEST
from prover.kernels.msm import Bases, msm, prepare, sum_points
from prover.kernels.windows import Blinding
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2

BACKEND = KernelBackend()


class Side(NamedTuple):
    """One of the two groups, and how the backend works in it."""

    group: Group[Any]
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    multiples: Callable[[Any, Any], Any]


SIDES = {"G1": Side(G1_GROUP, encode_g1, decode_g1, BACKEND.multiples_g1),
         "G2": Side(G2_GROUP, encode_g2, decode_g2, BACKEND.multiples_g2)}


@pytest.fixture(params=["G1", "G2"])
def side(request: pytest.FixtureRequest) -> Side:
    return SIDES[request.param]


@pytest.fixture(params=["1", "2"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", request.param)


def expected(side: Side, points: list[Any], scalars: list[int]) -> Any:
    terms = [side.group.multiply(point, scalar) for point, scalar in zip(points, scalars, strict=True)]
    return functools.reduce(side.group.add, terms, None)


def small_multiples(side: Side, count: int) -> list[Any]:
    points = [side.group.generator]
    while len(points) < count:
        points.append(side.group.add(points[-1], side.group.generator))
    return points


S = 0x2A15C4BC8F6B0E2D9A8F1C33E77A1B5DA30D5E90C4F8B17260B3A9D41C5E8F07 % ORDER


@functools.cache
def edge_cases(name: str) -> dict[str, tuple[list[Any], list[int]]]:
    side = SIDES[name]
    group = side.group
    p, q = (group.multiply(group.generator, k) for k in (0xDEADBEEF12345, 0xC0FFEE98765))
    minus_p, steps = group.negate(p), small_multiples(side, 40)
    return {
        "one": ([p], [S]),
        "seven, eight and nine": (steps[:7] + steps[:8] + steps[:9], [S + k for k in range(24)]),
        "the largest scalars": ([p, q] * 3, [ORDER - 1, ORDER - 2] * 3),
        "zeros": ([p, q, p], [0, 0, 0]),
        "zeros and ones": ([p, q, minus_p] * 11, [k % 2 for k in range(33)]),
        "ones and minus ones": (steps, [(1, ORDER - 1)[k % 3 == 0] for k in range(40)]),
        "identities only": ([None] * 9, [S] * 9),
        "some identities": ([p, None, q, None, None] * 7, [S + k for k in range(35)]),
        "identities of equal scalars": ([p, None, q, None, None] * 7, [S] * 35),
        "identities of scalar one": ([None, p, None], [1, 1, 1]),
        "one point and scalar throughout": ([p] * 50, [S] * 50),
        "one point, many scalars": ([p] * 20, [S * k % ORDER for k in range(20)]),
        "cancelling, with an odd one out": ([p, minus_p] * 16 + [p], [S] * 33),
        "cancelling to nothing": ([p, minus_p] * 16, [S] * 32),
        "opposite scalars": ([p] * 20, [S, ORDER - S] * 10),
        "P, P, -P, identity": ([p, p, minus_p, None] * 9, [S] * 36),
        "arithmetic progression": (steps, [S] * 40),
        "arithmetic progression of scalars too": (steps, list(range(40))),
        "opposite progressions": (steps + [group.negate(x) for x in steps], [S] * 80),
        "powers of two": ([group.multiply(group.generator, 1 << k) for k in range(0, 64, 2)], [S] * 32),
        "small scalars of both signs": (steps, [(k - 20) * 12345 % ORDER for k in range(40)]),
        "points in the orbit of the endomorphism": (
            [group.multiply(p, pow(LAMBDA, k, ORDER)) for k in range(12)], [S, ORDER - S, 1, LAMBDA] * 3)}


@functools.cache
def expected_of_case(side: str, name: str) -> Any:
    return expected(SIDES[side], *edge_cases(side)[name])


@pytest.mark.parametrize("name", list(edge_cases("G1")))
@pytest.mark.parametrize("side", ["G1", "G2"])
@pytest.mark.usefixtures("threads")
def test_edge_cases(side: str, name: str) -> None:
    points, scalars = edge_cases(side)[name]
    bases, words = prepare(SIDES[side].encode(points)), field.encode(scalars)
    want = expected_of_case(side, name)
    assert msm(bases, words) == want
    assert msm(bases, words, bits=7, parts=3) == want


def test_every_window_width() -> None:
    side, rng = SIDES["G1"], random.Random(5)
    points = small_multiples(side, 20)
    scalars = [*(rng.randrange(ORDER) for _ in range(18)), ORDER - 1, 3]
    want, bases = expected(side, points, scalars), prepare(side.encode(points))
    for bits in range(4, 17):
        assert msm(bases, field.encode(scalars), bits=bits) == want, bits


def test_no_points(side: Side) -> None:
    assert msm(prepare(side.encode([])), field.encode([])) is None


def test_scalars_that_do_not_match_the_points() -> None:
    with pytest.raises(ValueError, match="2 scalars for 1 points"):
        msm(prepare(encode_g1([G1_GROUP.generator])), field.encode([1, 2]))


@pytest.fixture(scope="module")
def many() -> dict[str, tuple[Bases, list[int]]]:
    """Points with known logarithms in both groups."""
    rng, sums = random.Random(6), {}
    for name, side in SIDES.items():
        logarithms = [rng.randrange(ORDER) for _ in range(3000)]
        sums[name] = prepare(side.multiples(side.group.generator, field.encode(logarithms))), logarithms
    return sums


@pytest.mark.parametrize("name", ["G1", "G2"])
@pytest.mark.usefixtures("threads")
def test_many_points(name: str, many: dict[str, tuple[Bases, list[int]]]) -> None:
    rng, (bases, logarithms), group = random.Random(7), many[name], SIDES[name].group
    draws = {"uniform": lambda: rng.randrange(ORDER),
             "mostly bits": lambda: rng.choices((0, 1, ORDER - 1, rng.randrange(ORDER)), (45, 40, 5, 10))[0],
             "small": lambda: rng.choice((1, ORDER - 1)) * rng.randrange(1 << 40) % ORDER}
    for draw in draws.values():
        scalars = [draw() for _ in logarithms]
        logarithm = sum(a * b for a, b in zip(logarithms, scalars, strict=True)) % ORDER
        assert msm(bases, field.encode(scalars)) == group.multiply(group.generator, logarithm)


def test_agrees_with_py_ecc(many: dict[str, tuple[Bases, list[int]]]) -> None:
    for name, generator in (("G1", py_ecc.G1), ("G2", py_ecc.G2)):
        bases, logarithms = many[name]
        total = sum(k * x for k, x in enumerate(logarithms)) % ORDER
        point = py_ecc.normalize(py_ecc.multiply(generator, total))
        want = tuple(tuple(map(int, c.coeffs)) if name == "G2" else int(c) for c in point)
        assert msm(bases, field.encode(range(len(logarithms)))) == want


def test_a_bucket_larger_than_a_group() -> None:
    side, count = SIDES["G1"], GROUP + 5
    points = np.tile(encode_g1([side.group.generator]), (8, 1, 1))
    names = np.zeros(count, np.uint32)
    assert sum_points(prepare(points).points, names) == side.group.multiply(side.group.generator, count)


# -- scalars -------------------------------------------------------------------------------------------------------
def signed(row: Any) -> int:
    value = int(row[0]) | int(row[1]) << 64
    return value - (1 << 128) if value >> 127 else value


def test_halves_of_scalars() -> None:
    rng = random.Random(8)
    edges = [0, 1, 2, 1 << 64, 1 << 120, LAMBDA, LAMBDA - 1, (ORDER + 1) // 2]
    scalars = [x for edge in edges for x in (edge, (ORDER - edge) % ORDER)]
    scalars += [rng.randrange(ORDER) for _ in range(3000)]
    terms = terms_of(field.encode(scalars), len(scalars))
    halves = [signed(row) for row in terms.halves]
    for scalar, k1, k2 in zip(scalars, halves, halves[len(scalars):], strict=False):
        assert (k1 + k2 * LAMBDA - scalar) % ORDER == 0
        assert max(abs(k1), abs(k2)) <= LARGEST
        if min(scalar, ORDER - scalar) < 1 << 120:
            assert k2 == 0
    trivial = {k for k, half in enumerate(halves) if abs(half) <= 1}
    assert set(terms.names.tolist()) == set(range(len(halves))) - trivial
    assert {name: -1 if name >> 31 else 1 for name in terms.units.tolist()} == {
        (k | (1 << 31) if halves[k] < 0 else k): halves[k] for k in trivial if halves[k]}


def test_identities_have_no_terms(side: Side) -> None:
    points = [None if i % 3 else point for i, point in enumerate(small_multiples(side, 40))]
    bases = prepare(side.encode(points))
    assert bases.identities.tolist() == [int(point is None) for point in points]
    scalars = [(1, ORDER - 1, S, LAMBDA, 0)[i % 5] for i in range(40)]
    terms = terms_of(field.encode(scalars), len(bases.points) // 2, bases.identities)
    padded = len(bases.points) // 2
    used = {int(name) & INDEX_MASK for name in [*terms.names, *terms.units]}
    assert {name % padded for name in used} == {i for i, point in enumerate(points) if point and scalars[i]}
    for bits in (None, 4):
        assert msm(bases, field.encode(scalars), bits=bits) == expected(side, points, scalars)


@pytest.mark.parametrize("bits", range(4, 17))
def test_digits_add_up(bits: int) -> None:
    rng = random.Random(bits)
    scalars = [rng.randrange(ORDER) for _ in range(50)] + [ORDER - 2, 2, LAMBDA * 3 % ORDER]
    terms = terms_of(field.encode(scalars), len(scalars))
    digits = digits_of(terms, bits).astype(object)
    assert digits.shape == (windows_of(bits), len(terms.names))
    assert abs(digits).max() <= 1 << (bits - 1)
    sums = sum(digits[w] << (bits * w) for w in range(len(digits)))
    assert list(sums) == [signed(terms.halves[name]) for name in terms.names]
    largest = ((1 << (bits - 1)) - 1) * ((1 << (bits * windows_of(bits))) - 1) // ((1 << bits) - 1)
    assert largest >= LARGEST                          # what the digits can hold


# -- starting points -----------------------------------------------------------------------------------------------
def test_starting_points_are_doubles_whoever_asks_for_them_first() -> None:
    """Parts of a window ask at the same time, each in its thread: here they all meet in every doubling."""
    def add(p: Any, q: Any) -> Any:
        time.sleep(0.0005)
        return G1_GROUP.add(p, q)

    blind = Blinding(G1_GROUP)
    blind.group = SimpleNamespace(add=add, field=G1_GROUP.field)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(blind.start, range(8)))
    assert len(blind._points) == 2 * LAYOUT.lanes * 8
    assert all(q == G1_GROUP.add(p, p) for p, q in pairwise(blind._points))
    again = Blinding(G1_GROUP)
    again._points = blind._points[:1]
    assert np.array_equal(found, [again.start(part) for part in range(8)])


# -- multiples -----------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("threads")
def test_multiples_of_one_point(side: Side) -> None:
    rng = random.Random(9)
    base = side.group.multiply(side.group.generator, 77)
    for count in (1, 8, 13):
        scalars = [rng.choice((0, 1, 2, ORDER - 1, rng.randrange(ORDER), rng.randrange(1 << 70))) for _ in range(count)]
        got = side.multiples(base, field.encode(scalars))
        assert side.decode(got) == [side.group.multiply(base, scalar) for scalar in scalars]
        assert got.tobytes() == side.encode(side.decode(got)).tobytes()       # fully reduced


def test_no_multiples(side: Side) -> None:
    assert len(side.multiples(side.group.generator, field.encode([]))) == 0


# -- memory --------------------------------------------------------------------------------------------------------
def test_working_memory_is_bounded_and_given_back() -> None:
    small, large = (make_space((2, 4), references, 1 << 12) for references in (1 << 17, 1 << 20))
    per_point = 64                                     # the arena does not grow with the references
    assert large.arena.nbytes == small.arena.nbytes == ((1 << 12) + GROUP + LAYOUT.lanes) * per_point
    bases = prepare(encode_g1([G1_GROUP.generator]))
    msm(bases, field.encode([S]), bits=8)
    assert bases.size == 2 * LAYOUT.lanes * per_point + 1
    assert memory_held()["sums"] > 0
    release_memory()
    assert set(memory_held().values()) == {0}


@pytest.mark.parametrize("count", [0, 1, 8, 11])
def test_packed_points_and_back(side: Side, count: int) -> None:
    points = side.encode([None, *small_multiples(side, 10)][:count])
    assert np.array_equal(at_edge(with_images(points)[:count]), points)
