from __future__ import annotations

from datetime import date

import pytest

from primitives.errors import BadInput
from risk.market.history import History, parse_history

GOOD = "date,BTC,ETH\n2020-12-29,27362.4375,731.5201\n2020-12-30,28840.9531,751.6190\n2020-12-31,29001.7207,737.8034\n"


def parse(text: str | bytes, gap: int = 1) -> History:
    return parse_history(text if isinstance(text, bytes) else text.encode(), max_gap_days=gap, source="prices.csv")


def test_reads_prices() -> None:
    history = parse(GOOD)
    assert history.assets == ("BTC", "ETH")
    assert history.dates[-1] == date(2020, 12, 31)
    assert history.prices.tolist() == [[27362.4375, 731.5201], [28840.9531, 751.6190], [29001.7207, 737.8034]]
    assert history.closed == 1609372800


def test_line_ends_of_both_kinds_and_none_at_the_end() -> None:
    for text in (GOOD.replace("\n", "\r\n"), GOOD.removesuffix("\n")):
        assert (parse(text).prices == parse(GOOD).prices).all()


@pytest.mark.parametrize(("old", "new", "where"), [
    ("28840.9531", "NaN", "line 3, BTC"), ("28840.9531", "", "line 3, BTC"), ("28840.9531", "inf", "line 3, BTC"),
    ("28840.9531", "0", "line 3, BTC"), ("28840.9531", "0.000", "line 3, BTC"), ("28840.9531", "-5", "line 3, BTC"),
    ("28840.9531", "1e4", "line 3, BTC"), ("28840.9531", " 5", "line 3, BTC"), ("28840.9531", "1_000", "line 3, BTC"),
    ("28840.9531", "９", "line 3, BTC"), ("751.6190", "+7", "line 3, ETH"),
    (",751.6190", "", "line 3 is"), ("751.6190", "751.6190,1", "line 3 is"), ("28840.9531", '"28,840"', "line 3 is"),
    ("2020-12-30", "2020-12-29", "line 3, date"), ("2020-12-30", "2020-12-28", "line 3, date"),
    ("2020-12-30", "30/12/2020", "line 3, date"), ("2020-12-31", "2020-12-32", "line 4, date"),
    ("2020-12-31", "20201231", "line 4, date"), ("2020-12-31", "2021-01-02", "line 4, date"),
    ("date", "day", "line 1"), ("date", "\ufeffdate", "line 1"), ("ETH", "BTC", "line 1"), ("ETH", "", "line 1"),
    ("date,BTC,ETH", "date", "line 1"), ("\n2020-12-31", "\n\n2020-12-31", "line 4 is")])
def test_a_wrong_cell_is_refused_with_its_place(old: str, new: str, where: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=r"^prices\.csv: " + where):
        parse(GOOD.replace(old, new))


@pytest.mark.parametrize("text", ["", "\n", "date,BTC", "date,BTC\n2020-01-01,1\n", b"date,BTC\n\xff"])
def test_too_little_or_no_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadInput, match=r"^prices\.csv: "):
        parse(text)


def test_a_gap_is_as_wide_as_the_model_allows() -> None:
    text = GOOD.replace("2020-12-31", "2021-01-02")
    assert len(parse(text, gap=3).dates) == 3
    with pytest.raises(BadInput, match="at most 2 days after 2020-12-30"):
        parse(text, gap=2)
