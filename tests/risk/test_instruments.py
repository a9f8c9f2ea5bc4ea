from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from eth_hash.auto import keccak

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.market.instruments import Instrument, Kind, Settlement

CALL = Instrument("BTC-26MAR21-30000-C", Kind.CALL, "example", "BTC", "USD", Decimal("0.10"), Settlement.CASH,
                  1616745600, 30_000_000_000)
FUTURE = replace(CALL, kind=Kind.FUTURE, strike=None)
SPOT = Instrument("BTC-SPOT", Kind.SPOT, "example", "BTC", "USD", Decimal("0.01"), Settlement.PHYSICAL)


def test_the_id_is_keccak_of_the_canonical_terms() -> None:
    text = (b'{"expiry":"2021-03-26T08:00:00Z","kind":"call","lot":"0.1","quote":"USD",'
            b'"schema":"tailproof.instrument/1","settlement":"cash","strike":"30000","underlying":"BTC",'
            b'"venue":"example"}')
    assert CALL.id == int.from_bytes(keccak(text), "big") >> 8
    assert 0 < CALL.id < 2**248


def test_every_term_enters_the_id_and_the_symbol_does_not() -> None:
    others = [replace(CALL, kind=Kind.PUT), replace(CALL, venue="other"), replace(CALL, underlying="ETH"),
              replace(CALL, quote="EUR"), replace(CALL, lot=Decimal("0.01")),
              replace(CALL, settlement=Settlement.PHYSICAL), replace(CALL, expiry=1616745601),
              replace(CALL, strike=30_000_000_001), FUTURE, SPOT]
    assert len({instrument.id for instrument in [CALL, *others]}) == 11
    assert replace(CALL, symbol="renamed", lot=Decimal("0.1")).id == CALL.id


@pytest.mark.parametrize("instrument", [CALL, FUTURE, SPOT])
def test_terms_round_trip(instrument: Instrument) -> None:
    again = Instrument.from_terms(instrument.symbol, Node(instrument.terms()))
    assert again == instrument
    assert again.id == instrument.id


@pytest.mark.parametrize(("instrument", "change", "field"), [
    (CALL, {"symbol": ""}, "symbol"), (CALL, {"symbol": "-x"}, "symbol"), (CALL, {"venue": "a b"}, "venue"),
    (CALL, {"lot": Decimal(0)}, "lot"), (CALL, {"lot": Decimal("1e-13")}, "lot"),
    (CALL, {"lot": Decimal("NaN")}, "lot"), (CALL, {"lot": Decimal("Infinity")}, "lot"),
    (CALL, {"lot": Decimal(10**10)}, "lot"), (CALL, {"lot": Decimal(-1)}, "lot"),
    (CALL, {"strike": None}, "strike"), (CALL, {"strike": 0}, "strike"), (CALL, {"expiry": None}, "expiry"),
    (FUTURE, {"strike": 1}, "strike"), (SPOT, {"expiry": 1}, "expiry"),
    (SPOT, {"settlement": Settlement.CASH}, "settlement"), (SPOT, {"kind": Kind.PERPETUAL}, "settlement")])
def test_a_wrong_term_is_refused_by_name(instrument: Instrument, change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=f"^{field} is"):
        replace(instrument, **change)
