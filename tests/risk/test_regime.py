from __future__ import annotations

import pytest

from risk.models.regime import mean_correlation, regimes_of

REGIMES = (0.3, 0.6, 0.85)


@pytest.mark.parametrize(("rho", "expected"), [
    (0.3, (0,)), (0.605, (1,)), (0.45, (0, 1)), (0.5999, (1,)), (0.62, (1, 2)), (0.8, (1, 2)), (0.1, (0,)),
    (0.95, (2,)), (-0.5, (0,))])
def test_both_neighbours_are_named_where_it_is_not_clear(rho: float, expected: tuple[int, ...]) -> None:
    matrix = ((1.0, rho), (rho, 1.0))
    assert regimes_of(matrix, REGIMES) == expected
    turned = (0.85, 0.3, 0.6)
    assert [turned[k] for k in regimes_of(matrix, turned)] == [REGIMES[k] for k in expected]


def test_the_mean_is_of_pairs() -> None:
    assert mean_correlation(((1.0, 0.9, 0.3), (0.9, 1.0, 0.6), (0.3, 0.6, 1.0))) == pytest.approx(0.6)
    assert mean_correlation(((1.0,),)) == 0.0
    assert regimes_of(((1.0,),), REGIMES) == (0,)
