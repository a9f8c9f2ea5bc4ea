from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.exact.clock import format_time, parse_time
from risk.exact.money import (
    LARGEST_PRICE,
    display_money,
    format_decimal,
    format_money,
    parse_decimal,
    parse_money,
)


@given(st.integers(-LARGEST_PRICE, LARGEST_PRICE))
def test_money_round_trips_through_text(units: int) -> None:
    assert parse_money(format_money(units), field="x") == units


@pytest.mark.parametrize(("text", "units"), [
    ("0", 0), ("-0", 0), ("1", 10**6), ("0.000001", 1), ("-12.50", -12_500_000), ("29001.7207", 29_001_720_700),
    ("1.2000000000", 1_200_000)])
def test_money_is_exact(text: str, units: int) -> None:
    assert parse_money(text, field="x") == units


@pytest.mark.parametrize("text", [
    "", " 1", "1 ", "+1", "01", "1.", ".5", "1e6", "1,000", "0x10", "NaN", "inf", "１", "1_0", "0.0000001", 1.5, 1,
    None, True, "1" * 50])
def test_what_is_no_money_is_refused(text: object) -> None:
    with pytest.raises(BadInput, match=r"^book\.json: spot is"):
        parse_money(text, field="spot", source="book.json")


def test_money_out_of_bounds_is_refused() -> None:
    with pytest.raises(BadInput, match=r"spot is '0': must be between 0\.000001 and 1000000000000"):
        parse_money("0", field="spot", low=1, high=LARGEST_PRICE)
    with pytest.raises(BadInput, match="between"):
        parse_money("1000000000000.000001", field="spot")


def test_a_decimal_keeps_its_digits_and_has_one_shortest_text() -> None:
    assert parse_decimal("0.1", field="x") == Decimal("0.1")
    assert [format_decimal(Decimal(text)) for text in ("0.010", "100", "1e3", "-2.50", "7.")] \
        == ["0.01", "100", "1000", "-2.5", "7"]


def test_display_is_for_people() -> None:
    assert display_money(-1_234_567_894_999, "USD") == "-1,234,567.89 USD"
    assert display_money(5_000, "USD") == "0.00 USD"
    assert display_money(-15_000, "USD") == "-0.02 USD"
    assert display_money(-5_000, "USD") == "0.00 USD"


def test_time_round_trips() -> None:
    assert parse_time("2021-03-26T08:00:00Z", field="expiry") == 1616745600
    assert format_time(1616745600) == "2021-03-26T08:00:00Z"


@pytest.mark.parametrize("text", [
    "2021-03-26", "2021-03-26T08:00:00", "2021-03-26T08:00:00+01:00", "2021-02-30T08:00:00Z", "2021-03-26 08:00:00Z",
    "1969-12-31T23:59:59Z", "2021-03-26T24:30:00Z", 1616745600, None])
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(BadInput, match=r"expiry is .* a time in UTC"):
        parse_time(text, field="expiry")
