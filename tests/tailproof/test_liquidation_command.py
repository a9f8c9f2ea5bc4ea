"""What commands of liquidation refuse of bad input, before any work is lost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from primitives.errors import BadInput
from risk.market.instruments import Instrument, Kind, Settlement
from tailproof.cli.liquidation import _legs

PERP = Instrument("BTC-PERP", Kind.PERPETUAL, "V", "BTC", "USD", Decimal("0.001"), Settlement.CASH)
EPOCH = SimpleNamespace(row_of=lambda symbol: 1 if symbol == "BTC-PERP" else None, instruments=[PERP])


@pytest.mark.parametrize("text", [
    "BTC-PERP:--5:1", "BTC-PERP:0:1", "BTC-PERP:05:1", "BTC-PERP:-0:1", "BTC-PERP:\u0663:1", "BTC-PERP:5", ":5:1",
    "BTC-PERP:" + "9" * 5_000 + ":1", "ETH-PERP:5:1", "BTC-PERP:5:", "BTC-PERP:5:x", "BTC-PERP:5:0.0000001",
    "BTC-PERP:5:-1", "BTC-PERP::1", ""])
def test_a_fill_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        _legs(EPOCH, (text,))
    assert refused.value.field == "--fill"


def test_fills_that_trade_nothing_together_are_refused() -> None:
    with pytest.raises(BadInput, match="trade something"):
        _legs(EPOCH, ("BTC-PERP:5:1000", "BTC-PERP:-5:1000"))
    (first, lots), (_, cash) = _legs(EPOCH, ("BTC-PERP:-5:1000", "BTC-PERP:-2:1000"))
    assert (first, lots) == (PERP.id, -7)
    assert cash > 0


@pytest.mark.parametrize("option", [("--dry-run",), ("--calldata", "x.json")])
def test_what_is_shown_first_is_sent(run: Callable[..., Any], tmp_path: Path, option: tuple[str, ...]) -> None:
    """Each run proves anew: what one would show is not what the next rests on."""
    there = tmp_path / "nothing"
    needed = [part for name in ("deployment", "transition-key", "escrow-key", "key", "final-epoch", "epoch", "opening")
              for part in (f"--{name}", there)]
    answer = run("liquidation", "award", "--lot", 1, "--rpc", "http://127.0.0.1:1", "--out", tmp_path / "out.json",
                 "--show-first", *option, *needed)
    assert answer.code == 2
    assert answer.data["field"] == "--show-first"
