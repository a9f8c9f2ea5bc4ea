from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.clock import DAY
from risk.market.calendar import Calendar
from risk.market.history import History, parse_history

GOOD = "date,BTC,ETH\n2020-12-29,27362.4375,731.5201\n2020-12-30,28840.9531,751.6190\n2020-12-31,29001.7207,737.8034\n"
WEEKENDS = Calendar(frozenset({5, 6}))
INTRADAY = "time,BTC\n2020-12-31T23:50:00Z,100\n2020-12-31T23:55:00Z,101\n2021-01-01T00:05:00Z,102\n"


def parse(text: str | bytes, gap: int = 1, **options: object) -> History:
    return parse_history(text if isinstance(text, bytes) else text.encode(), max_gap_steps=gap, source="prices.csv",
                         **options)                          # type: ignore[arg-type]


def test_reads_prices() -> None:
    history = parse(GOOD)
    assert history.assets == ("BTC", "ETH")
    assert history.labels[-1] == "2020-12-31"
    assert history.prices.tolist() == [[27362.4375, 731.5201], [28840.9531, 751.6190], [29001.7207, 737.8034]]
    assert history.steps.tolist() == [1, 1]
    assert history.closed == 1609372800


# -- what spreadsheets make of it ----------------------------------------------------------------------------------
@pytest.mark.parametrize("text", [
    GOOD.replace("\n", "\r\n"), GOOD.removesuffix("\n"), "\ufeff" + GOOD, GOOD + "\n\n", GOOD + ",,\r\n",
    GOOD.replace("date", "Date"), GOOD.replace("date", '"date"'),
    "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD.splitlines()) + "\n"])
def test_files_as_spreadsheets_write_them_are_read(text: str) -> None:
    assert (parse(text).prices == parse(GOOD).prices).all()


def test_columns_are_found_by_name_and_others_are_told() -> None:
    rows = [line.split(",") for line in GOOD.splitlines()]
    turned = "\n".join(",".join([row[2], row[0], "Volume, 24 h" if i == 0 else "n/a", row[1]]) for i, row in
                       enumerate(rows)).replace("Volume, 24 h", '"Volume, 24 h"')
    history = parse(turned, assets=("BTC", "ETH"))
    assert (history.prices == parse(GOOD).prices).all()
    assert history.ignored == ("Volume, 24 h",)
    with pytest.raises(BadInput, match=r"line 1, XRP is no such column: must be .* there are BTC, ETH"):
        parse(GOOD, assets=("BTC", "XRP"))


@pytest.mark.parametrize(("old", "new", "where"), [
    ("28840.9531", "NaN", "line 3, BTC"), ("28840.9531", "", "line 3, BTC"), ("28840.9531", "inf", "line 3, BTC"),
    ("28840.9531", "0", "line 3, BTC"), ("28840.9531", "0.000", "line 3, BTC"), ("28840.9531", "-5", "line 3, BTC"),
    ("28840.9531", "1e4", "line 3, BTC"), ("28840.9531", " 5", "line 3, BTC"), ("28840.9531", "1_000", "line 3, BTC"),
    ("28840.9531", "９", "line 3, BTC"), ("751.6190", "+7", "line 3, ETH"),
    (",751.6190", "", "line 3 is"), ("751.6190", "751.6190,1", "line 3 is"), ("28840.9531", '"28,840"', "line 3, BTC"),
    ("28840.9531", '"28840', "CSV is"),
    ("2020-12-30", "2020-12-29", "line 3, date"), ("2020-12-30", "2020-12-28", "line 3, date"),
    ("2020-12-30", "30/12/2020", "line 3, date"), ("2020-12-31", "2020-12-32", "line 4, date"),
    ("2020-12-31", "20201231", "line 4, date"), ("2020-12-31", "2021-01-02", "line 4, date"),
    ("date", "day", "line 1"), ("date,BTC", "date,time", "line 1"), ("ETH", "BTC", "line 1"), ("ETH", "", "line 1"),
    ("date,BTC,ETH", "date", "line 1"), (",", ";", "line 1"), ("\n2020-12-31", "\n\n2020-12-31", "line 4 is")])
def test_a_wrong_cell_is_refused_with_its_place(old: str, new: str, where: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=r"^prices\.csv: " + where):
        parse(GOOD.replace(old, new))


def test_a_negative_price_says_what_to_do() -> None:
    """WTI on 2020-04-20: a price that is real, and that no log return can be taken of."""
    text = "date,WTI\n2020-04-17,18.27\n2020-04-20,-37.63\n"
    with pytest.raises(BadInput, match=r"line 3, WTI is '-37\.63': must .* WTI −37\.63: use additive returns or leave"):
        parse(text, gap=3)


@pytest.mark.parametrize("text", ["", "\n", "date,BTC", "date,BTC\n2020-01-01,1\n", b"date,BTC\n\xff"])
def test_too_little_or_no_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadInput, match=r"^prices\.csv: "):
        parse(text)


# -- time ----------------------------------------------------------------------------------------------------------
def test_a_gap_is_counted_and_as_wide_as_the_model_allows() -> None:
    text = GOOD.replace("2020-12-31", "2021-01-02")
    assert parse(text, gap=3).steps.tolist() == [1, 3]
    with pytest.raises(BadInput, match="at most 2 steps after 2020-12-30, not 3"):
        parse(text, gap=2)


def test_closed_days_have_no_time() -> None:
    text = "date,X\n2020-12-31,1\n2021-01-04,2\n2021-01-05,3\n2021-01-08,4\n"      # Thursday, Monday, Tuesday, Friday
    assert parse(text, gap=4).steps.tolist() == [4, 1, 3]
    assert parse(text, gap=4, calendar=WEEKENDS).steps.tolist() == [2, 1, 3]
    holiday = Calendar.parse(Node(["saturday", "sunday", "2021-01-01"]))
    assert parse(text, gap=4, calendar=holiday).steps.tolist() == [1, 1, 3]
    with pytest.raises(BadInput, match=r"line 3, date is '2021-01-04': must be on a day that the model's calendar has"):
        parse(text, gap=4, calendar=Calendar(frozenset({0})))


def test_open_time_equals_counting_days() -> None:
    """Against a slow loop over seconds of a day, through a leap day and both ends of a year."""
    calendar = Calendar.parse(Node(["sunday", "2020-02-29", "2020-12-25"]))
    start = datetime(2020, 1, 1, tzinfo=UTC)
    total = calendar.open_seconds(int(start.timestamp()))
    for i in range(400):
        day = start + timedelta(days=i)
        closed = day.weekday() == 6 or day.date() in (date(2020, 2, 29), date(2020, 12, 25))
        assert calendar.closed_on(int(day.timestamp()) // DAY) == closed
        assert calendar.open_seconds(int(day.timestamp()) + 3600) - total == (0 if closed else 3600)
        total += 0 if closed else DAY
        assert calendar.open_seconds(int(day.timestamp()) + DAY) == total


def test_steps_within_a_day() -> None:
    history = parse(INTRADAY, gap=2, step_seconds=300)
    assert history.steps.tolist() == [1, 2]
    assert not history.daily
    assert history.steps_until(history.closed + 899, Calendar(), 300) == 2
    with pytest.raises(BadInput, match="at most 1 steps after 2020-12-31T23:55:00Z, not 2"):
        parse(INTRADAY, step_seconds=300)
    with pytest.raises(BadInput, match=r"line 4, time is .* a whole number of steps of 300 seconds"):
        parse(INTRADAY.replace("00:05:00", "00:05:01"), gap=5, step_seconds=300)
    with pytest.raises(BadInput, match="line 2, time is '2020-12-31T23:50:00'"):
        parse(INTRADAY.replace("23:50:00Z", "23:50:00"), gap=5, step_seconds=300)


def test_days_since_the_last_row_that_nobody_saw() -> None:
    """A row of a day is its end: until then nothing is missing."""
    history = parse(GOOD)
    end = history.closed + DAY
    assert [history.steps_until(t, Calendar(), DAY) for t in (history.closed, end, end + DAY - 1, end + 4 * DAY)] == \
        [0, 0, 0, 4]
    assert history.steps_until(end + 4 * DAY, WEEKENDS, DAY) == 2      # Friday and Monday


def test_only_rows_since_a_day() -> None:
    history = parse(GOOD).since(1609286400)
    assert (history.labels, history.steps.tolist()) == (("2020-12-30", "2020-12-31"), [1])
    with pytest.raises(BadInput, match="number of rows is 1: must be at least 2"):
        parse(GOOD).since(1609372800)
