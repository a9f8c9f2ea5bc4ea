"""Points between the form at the edge (Montgomery 2**256, fully reduced) and the packed form of the kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives import threads
from primitives.native import compiled

from .additions import Named, store_point
from .arithmetic import LANES, LAYOUT, kernel
from .coordinates import Fp, Fp2, coordinate_type
from .curve import Affine
from .emitter import I8, Element, Emitter, Value
from .endomorphism import BETAS
from .field import BASE, BASE_MODULUS, EDGE_RADIX, Words
from .memory import reading, uninitialized

INWARDS = LAYOUT.radix * pow(EDGE_RADIX, -1, BASE_MODULUS) % BASE_MODULUS
OUTWARDS = pow(INWARDS, -1, BASE_MODULUS)
LEAST = 1 << 10                 # points that are worth a thread of their own
AT_ONCE = 1 << 12               # points taken in by one call: what has to be copied first then fits the second cache


def scaled(value: Any, factor: int) -> Any:
    """A coordinate times a constant of the prime field; nothing is written for the factor one."""
    if isinstance(value, Fp2):
        return Fp2(scaled(value.a, factor), scaled(value.b, factor))
    return value if factor == 1 else (value * Fp.constant(value.emit, factor)).reduce()


def coordinates_of(emit: Emitter, points: Value, i: Value) -> tuple[Any, Any]:
    """x and y of points[i ..], in the form at the edge; one point a lane."""
    kind = coordinate_type(emit)

    def element(slot: int) -> Element:
        return emit.element.gather(emit, BASE, [
            emit.address(points, emit.plus(emit.times(emit.plus(i, lane), 2 * kind.parts), slot), 32, I8)
            for lane in range(LANES)])

    return kind.gather(element, 0), kind.gather(element, 1)


@kernel
def take_in(emit: Emitter, points: Value, i: Value, out: Value, j: Value, image: Value) -> None:
    """out[j ..] = points[i ..] in packed form, out[image ..] = their images under φ; one point a lane."""
    x, y = coordinates_of(emit, points, i)
    y = scaled(y, INWARDS)
    store_point(emit, out, j, Affine(scaled(x, INWARDS), y))
    store_point(emit, out, image, Affine(scaled(x, INWARDS * BETAS[emit.dimensions] % BASE_MODULUS), y))


@kernel
def take_out(emit: Emitter, points: Value, arena: Value, references: Value, i: Value, out: Value, j: Value) -> None:
    """out[j ..] = the points that references[i ..] name, in the form at the edge; one point a lane."""
    kind = coordinate_type(emit)
    _, point = Named.by_references(emit, points, arena, references, i).point()
    x, y = (kind.canonical(scaled(value, OUTWARDS)) for value in (point.x, point.y))
    store_point(emit, out, j, Affine(x, y))


@kernel
def leave_montgomery_form(emit: Emitter, values: Value, i: Value, out: Value) -> None:
    """out[i ..] = the integers, below q, of which values[i ..] are the form at the edge; one element a lane."""
    value, result = ([emit.address(array, emit.plus(i, lane), 32, I8) for lane in range(LANES)]
                     for array in (values, out))
    integer = emit.element.gather(emit, BASE, value) * Fp.constant(emit, pow(EDGE_RADIX, -1, BASE_MODULUS))
    integer.canonical().scatter(result)


@compiled
def _take_in_all(points: Words, out: Words, offset: int, first: int, last: int) -> None:
    """Take in points first .. last-1, point i as point offset + i."""
    images = out.shape[0] // 2
    for i in range(first, last, LANES):
        take_in(points, i, out, offset + i, images + offset + i)


@compiled
def _mark_identities(points: Words, marks: NDArray[np.uint8], first: int, last: int) -> None:
    """marks[i] = 1 where point i, (n, words) packed, is the identity, else 0."""
    for i in range(first, last):
        marks[i] = 1
        for k in range(points.shape[1]):
            if points[i, k]:
                marks[i] = 0
                break


@compiled
def _take_out_all(points: Words, names: NDArray[np.uint32], out: Words) -> None:
    for i in range(0, names.shape[0], LANES):
        take_out(points, points, names, i, out, i)


@compiled
def _leave_montgomery_form(values: Words, out: Words, first: int, last: int) -> None:
    for i in range(first, last, LANES):
        leave_montgomery_form(values, i, out)


def in_vectors(values: Words) -> Words:
    """The same rows, contiguous, and zeros up to whole vectors. What is joined to one row that stands for many (stride
    0) keeps an order of its own, which is not that of kernels."""
    missing = -len(values) % LANES
    return reading(np.concatenate([values, np.zeros((missing, *values.shape[1:]), np.uint64)]) if missing else values)


def base_words(values: Words) -> Words:
    """Elements of the base field at the edge, (n, 4) -> integers below q, (n, 4)."""
    source = in_vectors(values)
    out = np.empty_like(source)
    threads.share(len(source) // LANES, lambda first, last: _leave_montgomery_form(
        source, out, LANES * first, LANES * last), least=LEAST)
    return out[:len(values)]


def at_edge(points: Words) -> Words:
    """Packed points (n, 2, 4) or (n, 2, 2, 4) -> the same at the edge."""
    count = len(points)
    whole = -(-count // LANES) * LANES
    names = np.minimum(np.arange(whole, dtype=np.uint32), np.uint32(max(count - 1, 0)))
    out = np.empty((whole, *points.shape[1:]), np.uint64)
    if count:
        _take_out_all(reading(points), names, out)
    return out[:count]


def with_images(points: Words) -> Words:
    """Points (n, 2, 4) or (n, 2, 2, 4) at the edge -> 2 m packed ones: the points, identities up to m, their images.

    m is n rounded up to whole vectors.
    """
    whole = len(points) // LANES * LANES
    rest = len(points) - whole
    out = uninitialized((2 * (whole + (LANES if rest else 0)), *points.shape[1:]))

    def one_range(first: int, last: int) -> None:
        for begin in range(LANES * first, LANES * last, AT_ONCE):
            part = reading(points[begin:min(begin + AT_ONCE, LANES * last)])
            _take_in_all(part, out, begin, 0, len(part))

    threads.share(whole // LANES, one_range, least=LEAST // LANES)
    if rest:
        last = np.zeros((LANES, *points.shape[1:]), np.uint64)
        last[:rest] = points[whole:]
        _take_in_all(reading(last), out, whole, 0, LANES)
    return out


def identities(points: Words) -> NDArray[np.uint8]:
    """Which of some packed points are the identity: (n,), 1 or 0."""
    marks, flat = np.empty(len(points), np.uint8), points.reshape(len(points), math.prod(points.shape[1:]))
    threads.share(len(points), lambda first, last: _mark_identities(flat, marks, first, last), least=LEAST)
    return marks
