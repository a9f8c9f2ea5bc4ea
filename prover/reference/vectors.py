"""What ceremonies ask of vectors of points, on Python integers: tens of microseconds to milliseconds a point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from primitives import field
from primitives.field import FieldArray
from primitives.r1cs import SparseMatrix
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER, Group
from prover.points import PointArray, base_integers, decode_g1, decode_g2, encode_g1, encode_g2, uncompressed

F = TypeVar("F")


class PointVectors:
    """That part of `prover.backend.Backend`, one point after the other."""

    def first_invalid_g1(self, points: PointArray) -> int | None:
        def valid(x: int, y: int) -> bool:
            return not (x or y) or G1_GROUP.on_curve((x, y))

        return _first_invalid(points, 2, valid)

    def first_invalid_g2(self, points: PointArray) -> int | None:
        def valid(a: int, b: int, c: int, d: int) -> bool:
            point = ((a, b), (c, d))
            return not (a or b or c or d) or (G2_GROUP.on_curve(point) and G2_GROUP.in_subgroup(point))

        return _first_invalid(points, 4, valid)

    def scale_g1(self, points: PointArray, scalar: int) -> PointArray:
        return encode_g1([G1_GROUP.multiply(point, scalar % ORDER) for point in decode_g1(points)])

    def combine_g1(self, matrix: SparseMatrix, table: FieldArray, points: PointArray) -> PointArray:
        return encode_g1(_combine(G1_GROUP, matrix, table, decode_g1(points)))

    def combine_g2(self, matrix: SparseMatrix, table: FieldArray, points: PointArray) -> PointArray:
        return encode_g2(_combine(G2_GROUP, matrix, table, decode_g2(points)))

    def uncompressed(self, points: PointArray) -> bytes:
        return uncompressed(points)


def _first_invalid(points: PointArray, width: int, valid: Callable[..., bool]) -> int | None:
    raw = np.ascontiguousarray(points).astype("<u8", copy=False).tobytes()
    values, size = base_integers(points), 32 * width
    for index in range(len(points)):
        stored = raw[index * size:(index + 1) * size]
        if any(int.from_bytes(stored[i:i + 32], "little") >= BASE_MODULUS for i in range(0, size, 32)):
            return index
        if not valid(*values[index * width:(index + 1) * width]):
            return index
    return None


def _combine(group: Group[F], matrix: SparseMatrix, table: FieldArray,
             points: Sequence[tuple[F, F] | None]) -> list[tuple[F, F] | None]:
    # Most coefficients are small in absolute value: -1 is cheap, r-1 is not.
    scalars = [value - ORDER if 2 * value > ORDER else value for value in field.decode(table)]
    bounds, wires, coefficients = matrix.starts.tolist(), matrix.wires.tolist(), matrix.coefficients.tolist()
    return [group.combine([scalars[k] for k in coefficients[begin:end]], [points[i] for i in wires[begin:end]])
            for begin, end in pairwise(bounds)]
