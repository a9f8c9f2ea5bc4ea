"""Whatever bytes come in, the answer is a value or a `BadInput`: no crash, no other error."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.market.book import parse_book
from risk.market.history import parse_history
from risk.models.model import parse_model

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
MODEL, BOOK = (FIXTURES / "model.toml").read_bytes(), (FIXTURES / "book.json").read_bytes()
HISTORY = b"date,BTC,ETH\n2020-12-29,27362.4375,731.5201\n2020-12-30,28840.9531,751.6190\n"
PARSERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "model": (parse_model, MODEL), "book": (parse_book, BOOK),
    "history": (lambda data: parse_history(data, max_gap_steps=1), HISTORY)}
ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}),
                st.sampled_from(["0", "-1", "1e5", "NaN", "9" * 40, "2021-01-01T00:00:00Z", "BTC", "fit"]))


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60)
@given(data=st.data())
def test_bytes_changed_at_random(name: str, data: st.DataObject) -> None:
    parse, original = PARSERS[name]
    at = data.draw(st.integers(0, len(original)))
    cut = data.draw(st.integers(0, 12))
    with contextlib.suppress(BadInput):
        parse(original[:at] + data.draw(st.binary(max_size=6)) + original[at + cut:])


@settings(max_examples=150)
@given(data=st.data())
def test_one_value_of_a_book_replaced(data: st.DataObject) -> None:
    with contextlib.suppress(BadInput):
        parse_book(json.dumps(replaced(json.loads(BOOK), data)).encode())


@settings(max_examples=150)
@given(data=st.data())
def test_one_value_of_a_model_replaced(data: st.DataObject) -> None:
    document = replaced(tomllib.loads(MODEL.decode()), data)
    with contextlib.suppress(BadInput), pytest.MonkeyPatch.context() as patch:
        patch.setattr("risk.models.model.tomllib.loads", lambda text: document)
        parse_model(b"")


def replaced(document: Any, data: st.DataObject) -> Any:
    """The document with one value, at any depth, replaced by an odd one."""
    if not isinstance(document, dict | list) or not document or data.draw(st.integers(0, 6)) == 0:
        return data.draw(ODD)
    key = data.draw(st.sampled_from(sorted(document) if isinstance(document, dict) else range(len(document))))
    document[key] = replaced(document[key], data)
    return document
