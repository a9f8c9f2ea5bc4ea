"""Text files of every kind are read as editors save them: with a byte order mark or not; other encodings by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from primitives import jsonio
from primitives.errors import BadInput
from primitives.texts import text_of
from prover.files.sym import read_symbols
from risk.backtests.forecasts import read_rows
from risk.market.history import parse_history
from risk.models.model import parse_toml
from tailproof import settings
from tailproof.parameter_simulation import read_collateral
from tailproof.venue.config import _read as read_venue

MARK = b"\xef\xbb\xbf"


def of_bytes(parse: Callable[[bytes], Any]) -> Callable[[Path], Any]:
    return lambda path: parse(path.read_bytes())


def settings_of(path: Path) -> Any:
    return settings.given_by(path.read_bytes(), path, None)


def prices_of(path: Path) -> Any:
    return parse_history(path.read_bytes(), source=path).prices.tolist()


KINDS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "JSON": (jsonio.read, '{"a": ["ü", 1]}'),
    "JSON, as text": (of_bytes(lambda data: jsonio.loads(data.decode())), '{"a": 1}'),
    "a model": (of_bytes(parse_toml), 'name = "é"\n'), "settings": (settings_of, "timeout = 5\n"),
    "a venue": (read_venue, 'state = "é"\n'), "prices": (prices_of, "date,BTC\n2020-01-01,1\n2020-01-02,2\n"),
    "forecasts": (of_bytes(lambda data: read_rows(data, None)), "date,pnl\n2020-01-01,1\n"),
    "collateral of accounts": (read_collateral, "account,collateral\na,1\n"),
    "symbols": (read_symbols, "1,1,0,main.a\n")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_byte_order_mark_says_nothing(tmp_path: Path, kind: str) -> None:
    read, text = KINDS[kind]
    plain, marked = tmp_path / "plain", tmp_path / "marked"
    plain.write_bytes(text.encode())
    marked.write_bytes(MARK + text.encode())
    found = read(plain)
    assert found
    assert np.array_equal(read(marked), found) if isinstance(found, list) else str(read(marked)).replace(
        str(marked), str(plain)) == str(found)
    twice = tmp_path / "twice"
    twice.write_bytes(MARK + MARK + text.encode())
    if kind not in ("symbols", "forecasts"):       # where it is part of a name
        with pytest.raises(BadInput):
            read(twice)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "JSON, as text"])
@pytest.mark.parametrize(("encoding", "name"), [("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("utf-16-be", "UTF-16")])
def test_another_encoding_is_named(tmp_path: Path, kind: str, encoding: str, name: str) -> None:
    read, text = KINDS[kind]
    path = tmp_path / "file"
    path.write_bytes((("\ufeff" if encoding.endswith("be") else "") + text).encode(encoding))
    with pytest.raises(BadInput, match=f"encoding is {name}: must be UTF-8"):
        read(path)


def test_a_byte_that_is_none_is_named_where_it_stands() -> None:
    for before in (b"", MARK):
        with pytest.raises(BadInput, match=rf"x\.csv: byte {len(before) + 2} is b'\\xff': must be valid UTF-8"):
            text_of(before + b"ab\xff", source="x.csv")
