from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import TailSize

LOSSES = st.one_of(
    st.lists(st.integers(-3, 3), min_size=1, max_size=12),                     # full of ties
    st.lists(st.integers(-2**100, 2**100), min_size=1, max_size=12))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[int], TailSize]:
    losses = draw(LOSSES)
    size = draw(st.fractions(Fraction(1, 1000), len(losses), max_denominator=1000))
    return losses, TailSize(size.numerator, size.denominator)


def by_minimisation(losses: list[int], tail: TailSize) -> Fraction:
    """ES as Rockafellar and Uryasev define it: the least t + (D/K) sum max(L - t, 0), attained where t is a loss."""
    return min(t + sum(max(loss - t, 0) for loss in losses) / tail.size for t in map(Fraction, losses))


@given(cases())
def test_equals_the_definition_by_minimisation(case: tuple[list[int], TailSize]) -> None:
    losses, tail = case
    result = expected_shortfall(losses, tail)
    assert result.value == by_minimisation(losses, tail)
    assert result.ceiling == math.ceil(result.value)
    assert isinstance(result.numerator, int)


@given(cases())
def test_the_certificate_convinces_without_sorting(case: tuple[list[int], TailSize]) -> None:
    """C12 to C16, as a checker reads them."""
    losses, tail = case
    result = expected_shortfall(losses, tail)
    t, k = result.threshold, tail.counted
    assert result.flags.sum() == k
    assert all(loss >= t if flag else loss <= t for loss, flag in zip(losses, result.flags, strict=True))
    assert losses[result.threshold_scenario] == t
    assert k == len(losses) or not result.flags[result.threshold_scenario]
    gaps = sum(abs(loss - t) + loss - t for loss in losses)
    assert 2 * tail.numerator * t + tail.denominator * gaps == 2 * result.numerator


@given(cases())
def test_value_at_risk_is_the_lower_quantile(case: tuple[list[int], TailSize]) -> None:
    losses, tail = case
    var = expected_shortfall(losses, tail).value_at_risk
    assert sum(loss > var for loss in losses) <= tail.size
    assert tail.counted == len(losses) or all(
        sum(loss > lower for loss in losses) > tail.size for lower in losses if lower < var)
    assert var <= expected_shortfall(losses, tail).value


@given(cases(), st.integers(-10**20, 10**20))
def test_translation_and_order_do_not_matter(case: tuple[list[int], TailSize], shift: int) -> None:
    losses, tail = case
    value = expected_shortfall(losses, tail).value
    assert expected_shortfall([loss + shift for loss in reversed(losses)], tail).value == value + shift


@pytest.mark.parametrize(("losses", "tail", "numerator", "threshold", "flagged"), [
    ([7], TailSize(1), 7, 7, [0]),                                  # one scenario, all of it
    ([7], TailSize(1, 1000), 7, 7, []),                             # one scenario, hardly any of it
    ([5, 5, 5, 5], TailSize(5, 2), 25, 5, [0, 1]),                  # all equal: the earlier scenarios are flagged
    ([-1, -2, -3], TailSize(3, 2), -4, -2, [0]),                    # a portfolio that gains in every scenario
    ([1, 9, 4, 4], TailSize(2), 13, 4, [1, 2]),                     # a tie at the edge of the tail
    ([1, 9, 4, 4], TailSize(4), 18, 1, [0, 1, 2, 3]),               # the tail holds everything: the mean
    ([1, 9, 4, 4], TailSize(1, 3), 9, 9, []),                       # less than one scenario: the maximum
    ([0, 0], TailSize(3, 2), 0, 0, [0])])
def test_known_cases(losses: list[int], tail: TailSize, numerator: int, threshold: int, flagged: list[int]) -> None:
    result = expected_shortfall(losses, tail)
    assert (result.numerator, result.threshold) == (numerator, threshold)
    assert np.flatnonzero(result.flags).tolist() == flagged


def test_rounds_up_on_both_sides_of_zero() -> None:
    assert expected_shortfall([1, 0, 0], TailSize(2)).ceiling == 1          # 1/2
    assert expected_shortfall([-1, 0, -1], TailSize(2)).ceiling == 0        # -1/2


def test_arrays_of_machine_integers_do_not_wrap() -> None:
    huge = np.full(4, 2**62, np.int64)
    assert expected_shortfall(huge, TailSize(7, 2)).numerator == 7 * 2**62


@pytest.mark.parametrize(("losses", "tail"), [([], TailSize(1)), ([1, 2], TailSize(5, 2))])
def test_a_tail_larger_than_the_scenarios_is_refused(losses: list[int], tail: TailSize) -> None:
    with pytest.raises(BadInput, match="at most the number of scenarios"):
        expected_shortfall(losses, tail)


@pytest.mark.parametrize("loss", [1.0, np.float64(1), True, "1", Fraction(1)])
def test_a_loss_that_is_no_integer_is_refused(loss: object) -> None:
    with pytest.raises(TypeError, match="exact integers"):
        expected_shortfall([loss, 2], TailSize(1))  # type: ignore[list-item]
