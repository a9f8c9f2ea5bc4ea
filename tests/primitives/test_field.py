"""Field arrays against Python integers and against galois."""

from __future__ import annotations

import operator
import random

import galois
import numpy as np
import pytest

from primitives import field
from primitives.errors import BadInput
from primitives.field import MODULUS, decode, encode
from primitives.limbs import PRODUCTS

EDGES = [0, 1, 2, MODULUS - 1, MODULUS - 2, (MODULUS - 1) // 2, 2**64 - 1, 2**64, 2**128, 2**253, 2**192 - 1]


def samples(count: int, seed: int = 1) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(MODULUS) for _ in range(count)]


PAIRS = [(x, y) for x in EDGES for y in EDGES] + list(zip(samples(50), samples(50, 2), strict=True))
LEFT, RIGHT = [x for x, _ in PAIRS], [y for _, y in PAIRS]


@pytest.mark.parametrize(("ours", "theirs"), [(field.add, operator.add), (field.subtract, operator.sub),
                                              (field.multiply, operator.mul)])
def test_arithmetic_is_that_of_integers(ours, theirs) -> None:
    result = ours(encode(LEFT), encode(RIGHT))
    assert decode(result) == [theirs(x, y) % MODULUS for x, y in PAIRS]
    assert decode(encode(decode(result))) == decode(result)


def test_arithmetic_is_that_of_galois() -> None:
    GF = galois.GF(MODULUS, primitive_element=5, verify=False)
    x, y = GF(LEFT), GF(RIGHT)
    assert decode(field.add(encode(LEFT), encode(RIGHT))) == [int(v) for v in x + y]
    assert decode(field.multiply(encode(LEFT), encode(RIGHT))) == [int(v) for v in x * y]
    assert decode(field.negate(encode(LEFT))) == [int(v) for v in -x]
    nonzero = [v for v in LEFT if v]
    assert decode(field.inverse(encode(nonzero))) == [int(v) for v in GF(1) / GF(nonzero)]


def test_results_are_fully_reduced() -> None:
    """Equal elements have equal words, so arrays can be compared with ==."""
    zero = field.subtract(encode(LEFT), encode(LEFT))
    assert not zero.any()
    assert not field.negate(encode([0])).any()
    assert not field.add(encode([1]), encode([-1])).any()
    assert (field.multiply(encode([1]), encode(LEFT)) == encode(LEFT)).all()


def test_negative_numbers_and_every_integer_type() -> None:
    assert decode(encode([-1, -MODULUS + 1])) == [MODULUS - 1, 1]
    assert decode(encode(np.array([-2**63, 2**63 - 1, -1]))) == [MODULUS - 2**63, 2**63 - 1, MODULUS - 1]
    assert decode(encode(np.array([2**64 - 1], np.uint64))) == [2**64 - 1]
    assert decode(encode(np.array([-128, 127], np.int8))) == [MODULUS - 128, 127]
    assert decode(encode([True, False])) == [1, 0]
    assert decode(encode([-1, 2**63])) == [MODULUS - 1, 2**63]          # NumPy alone would make doubles of these
    assert decode(encode(7)) == [7]
    assert encode(7).shape == (4,)
    assert encode([[1, 2, 3], [4, 5, 6]]).shape == (2, 3, 4)


@pytest.mark.parametrize("value", [MODULUS, -MODULUS, 2**256, 2**300])
def test_no_integer_is_wrapped(value: int) -> None:
    with pytest.raises(BadInput, match="field element 1"):
        encode([0, value])


@pytest.mark.parametrize("value", [1.0, 0.5, float("nan"), "1", None])
def test_only_integers_are_elements(value: object) -> None:
    with pytest.raises(TypeError):
        encode([0, value])
    with pytest.raises(TypeError):
        encode(np.array([value]))


@pytest.mark.parametrize("count", [0, 1, 3, 8, 9])
def test_sizes(count: int) -> None:
    values = [x or 1 for x in samples(count)]
    array = encode(values)
    assert array.shape == (count, 4)
    assert decode(array) == values
    assert decode(field.multiply(array, array)) == [x * x % MODULUS for x in values]
    assert decode(field.inverse(array)) == [pow(x, -1, MODULUS) for x in values]


def test_inverse_of_zero_is_refused_by_index() -> None:
    with pytest.raises(ZeroDivisionError, match="element 2 "):
        field.inverse(encode([1, 2, 0, 3]))


def test_broadcasting_is_numpys() -> None:
    a, b = np.array(samples(6), object).reshape(3, 1, 2), np.array(samples(4, 2), object).reshape(1, 4, 1)
    expected = (a * b % MODULUS).reshape(-1).tolist()
    assert decode(field.multiply(encode(a), encode(b))) == expected
    assert decode(field.multiply(encode(a)[::-1], encode(b))) == (a[::-1] * b % MODULUS).reshape(-1).tolist()
    assert decode(field.subtract(encode(a), field.ONE)) == ((a - 1) % MODULUS).reshape(-1).tolist()
    assert decode(field.subtract(field.ONE, encode(a))) == ((1 - a) % MODULUS).reshape(-1).tolist()
    with pytest.raises(ValueError, match="shape"):
        field.add(encode([1, 2]), encode([1, 2, 3]))


def test_large_products_are_split_over_threads_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    array = encode(rng.integers(-2**62, 2**62, 40_001))
    several = field.multiply(array, array)
    monkeypatch.setenv("TAILPROOF_THREADS", "1")
    assert (field.multiply(array, array) == several).all()


def test_what_is_no_field_array_is_refused() -> None:
    for wrong in (np.zeros((2, 4), np.int64), np.zeros((2, 3), np.uint64), np.zeros(4, float)):
        with pytest.raises(TypeError, match="not a field array"):
            field.add(wrong, encode([1]))


@pytest.mark.parametrize("inner", [0, 1, PRODUCTS - 1, PRODUCTS, PRODUCTS + 1, 2 * PRODUCTS, 47])
def test_matmul(inner: int) -> None:
    """Also at the largest elements: sums of PRODUCTS products are reduced at the last possible moment."""
    for values in (samples(7 * inner), [MODULUS - 1] * (7 * inner)):
        x = np.array(values[:3 * inner], object).reshape(3, inner)
        y = np.array(values[3 * inner:], object).reshape(inner, 4)
        expected = (x @ y % MODULUS).reshape(-1).tolist() if inner else [0] * 12
        assert decode(field.matmul(encode(x), encode(y))) == expected
    with pytest.raises(TypeError):
        field.matmul(encode(np.ones((2, 3), int)), encode(np.ones((2, 3), int)))


@pytest.mark.parametrize("largest", [False, True])
def test_combine_is_a_sparse_matrix_product(largest: bool) -> None:
    rng = random.Random(3)
    table = [MODULUS - 1] * 5 if largest else [0, 1, MODULUS - 1, *samples(2)]
    values = [MODULUS - 1] * 40 if largest else [0, 1, *samples(38)]
    lengths = [0, 1, PRODUCTS - 1, PRODUCTS, PRODUCTS + 1, 3 * PRODUCTS, 0, 40]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    wires = np.array([rng.randrange(40) for _ in range(starts[-1])], np.int32)
    ids = np.array([rng.randrange(5) for _ in range(starts[-1])], np.int32)
    out = np.full((len(lengths), 4), 7, np.uint64)
    field.combine(out, starts, wires, ids, encode(table), encode(values))
    assert decode(out) == [sum(table[ids[k]] * values[wires[k]] for k in range(starts[i], starts[i + 1])) % MODULUS
                           for i in range(len(lengths))]


EVEN = [3] * 20_000
LENGTHS = {"even": EVEN, "empty ends": [0] * 9000 + EVEN + [0] * 9000, "one long row": [1] * 5000 + [30_000] + [0] * 50,
           "a long row first": [30_000, 0, 0, *[1] * 20_000], "no entries": [0] * 10_000}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
def test_combine_does_not_depend_on_threads(lengths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    rows, wires = len(lengths), 500
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = rng.integers(0, wires, starts[-1], dtype=np.int32)
    ids = rng.integers(0, 9, starts[-1], dtype=np.int32)
    table, values = encode(samples(9)), encode(samples(wires))
    results = []
    for count in ("1", "2", "5"):
        monkeypatch.setenv("TAILPROOF_THREADS", count)
        out = np.full((rows, 4), 7, np.uint64)                 # what is not written shows
        field.combine(out, starts, columns, ids, table, values)
        results.append(out)
    assert (results[0] == results[1]).all()
    assert (results[0] == results[2]).all()
    assert not results[0][np.array(lengths) == 0].any()
