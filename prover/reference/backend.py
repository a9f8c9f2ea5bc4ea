"""`prover.backend.Backend` with nothing clever in it: what the kernels are tested against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from py_ecc import optimized_bn128 as bn128

from primitives.errors import BadInput
from primitives.field import FieldArray
from primitives.r1cs import SparseMatrix
from prover.curve import BASE_MODULUS, G1, G2, ORDER
from prover.domain import root_of_unity
from prover.points import PointArray, decode_g1, decode_g2, encode_g1, encode_g2
from prover.reference.scalars import Scalars, evaluate, from_scalars, interpolate, powers, to_scalars
from prover.reference.vectors import PointVectors


class ReferenceBackend(PointVectors):
    """Milliseconds a point, half a second a pairing product."""

    name = "reference"

    # -- scalars ---------------------------------------------------------------------------------------------------
    def matrix_times_vector(self, matrix: SparseMatrix, table: FieldArray, vector: FieldArray) -> FieldArray:
        matrix.check_operands(table, vector)
        coefficients, values = to_scalars(table), to_scalars(vector)
        rows = []
        for begin, end in zip(matrix.starts[:-1], matrix.starts[1:], strict=True):
            terms = [coefficients[matrix.coefficients[k]] * values[matrix.wires[k]] for k in range(begin, end)]
            rows.append(sum(map(int, terms)) % ORDER)
        return from_scalars(rows)

    def ntt(self, values: FieldArray, *, inverse: bool = False, coset: int | None = None) -> FieldArray:
        scalars, shift, size = to_scalars(values), coset or 1, len(values)
        root = root_of_unity(size.bit_length() - 1)
        if inverse:
            return from_scalars(interpolate(scalars, root) * powers(pow(shift, -1, ORDER), size))
        return from_scalars(evaluate(scalars * powers(shift, size), root))

    def quotient(self, a: FieldArray, b: FieldArray) -> FieldArray:
        shift, c = root_of_unity(len(a).bit_length()), from_scalars(to_scalars(a) * to_scalars(b))
        left, right, product = (to_scalars(self.ntt(self.ntt(values, inverse=True), coset=shift))
                                for values in (a, b, c))
        return from_scalars(left * right - product)

    def batch_inverse(self, values: FieldArray) -> FieldArray:
        return from_scalars(Scalars(1) / to_scalars(values))

    # -- points ----------------------------------------------------------------------------------------------------
    def prepare_g1(self, points: PointArray) -> Any:
        return [_in_g1(point) for point in decode_g1(points)]

    def prepare_g2(self, points: PointArray) -> Any:
        return [_in_g2(point) for point in decode_g2(points)]

    def msm_g1(self, prepared: Any, scalars: FieldArray) -> G1 | None:
        return _out_g1(_msm(prepared, scalars, bn128.Z1))

    def msm_g2(self, prepared: Any, scalars: FieldArray) -> G2 | None:
        return _out_g2(_msm(prepared, scalars, bn128.Z2))

    def multiples_g1(self, base: G1, scalars: FieldArray) -> PointArray:
        return encode_g1([_out_g1(bn128.multiply(_in_g1(base), int(k))) for k in to_scalars(scalars)])

    def multiples_g2(self, base: G2, scalars: FieldArray) -> PointArray:
        return encode_g2([_out_g2(bn128.multiply(_in_g2(base), int(k))) for k in to_scalars(scalars)])

    def pairing_product_is_one(self, pairs: Sequence[tuple[G1, G2]]) -> bool:
        product = bn128.FQ12.one()
        for i, (left, right) in enumerate(pairs):
            p, q = _in_g1(left), _in_g2(right)
            if not (_reduced(left) and bn128.is_on_curve(p, bn128.b)):
                raise BadInput(f"pairs[{i}].P", left, "a point of G1")
            if not (_reduced(*right) and bn128.is_on_curve(q, bn128.b2) and bn128.is_inf(bn128.multiply(q, ORDER))):
                raise BadInput(f"pairs[{i}].Q", right, "a point of G2")
            product *= bn128.pairing(q, p, final_exponentiate=False)
        return bool(bn128.final_exponentiate(product) == bn128.FQ12.one())


def _reduced(*pairs: tuple[int, int]) -> bool:
    return all(0 <= value < BASE_MODULUS for pair in pairs for value in pair)


def _in_g1(point: G1 | None) -> Any:
    return bn128.Z1 if point is None else (bn128.FQ(point[0]), bn128.FQ(point[1]), bn128.FQ.one())


def _in_g2(point: G2 | None) -> Any:
    return bn128.Z2 if point is None else (bn128.FQ2(point[0]), bn128.FQ2(point[1]), bn128.FQ2.one())


def _out_g1(point: Any) -> G1 | None:
    if bn128.is_inf(point):
        return None
    x, y = bn128.normalize(point)
    return int(x), int(y)


def _out_g2(point: Any) -> G2 | None:
    if bn128.is_inf(point):
        return None
    (a, b), (c, d) = (coordinate.coeffs for coordinate in bn128.normalize(point))
    return (int(a), int(b)), (int(c), int(d))


def _msm(points: Sequence[Any], scalars: FieldArray, total: Any) -> Any:
    if len(points) != len(scalars):
        raise ValueError(f"{len(points)} points and {len(scalars)} scalars")
    for point, scalar in zip(points, to_scalars(np.asarray(scalars)), strict=True):
        total = bn128.add(total, bn128.multiply(point, int(scalar)))
    return total
