"""Kernels read memory by addresses of their own: what is not contiguous is copied for them, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from prover.curve import G1_GROUP, G2_GROUP
from prover.kernels.arithmetic import LANES
from prover.kernels.convert import in_vectors
from prover.kernels.validity import _first_off_curve, first_off_curve
from prover.points import PointArray, encode_g1, encode_g2


def many(point: PointArray, count: int) -> PointArray:
    """One point that stands for many, as powers of tau begin."""
    return np.broadcast_to(point, (count, *point.shape[1:]))


@pytest.mark.parametrize("count", [1, LANES - 1, LANES, 2 * LANES - 1, 2 * LANES])
@pytest.mark.parametrize("point", [encode_g1([G1_GROUP.generator]), encode_g2([G2_GROUP.generator])], ids=["G1", "G2"])
def test_one_point_that_stands_for_many(point: PointArray, count: int) -> None:
    assert first_off_curve(many(point, count)) is None
    wrong = point.copy()
    wrong[..., 0] ^= np.uint64(1)
    assert first_off_curve(many(wrong, count)) == 0


@pytest.mark.parametrize("count", [1, LANES, LANES + 1])
def test_vectors_are_contiguous(count: int) -> None:
    rows = many(encode_g1([G1_GROUP.generator]), count)
    for values in (rows, np.asfortranarray(rows), np.ascontiguousarray(rows)[::-1]):
        made = in_vectors(values)
        assert made.flags.c_contiguous
        assert np.array_equal(made[:count], values)
        assert not made[count:].any()


def test_kernels_are_not_compiled_for_other_memory() -> None:
    points = np.asfortranarray(np.repeat(encode_g1([G1_GROUP.generator]), LANES, axis=0))
    with pytest.raises(Exception, match=r"off_curve: argument \d is not contiguous"):
        _first_off_curve(points, 0, 1)
