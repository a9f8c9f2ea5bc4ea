"""Funding of perpetuals: what longs pay over the horizon, whose number that is, and what is too much."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from worlds import book as small_book
from worlds import world

from primitives.errors import BadInput
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.market.book import Funding, parse_book
from risk.valuation.funding import funding_share, inverse_funding, linear_funding

INVERSE = {"symbol": "I-PERP", "kind": "perpetual", "underlying": "BTC", "lot": "10", "settlement": "coin"}
Change = Callable[[dict[str, Any]], Any]


def sources(funding: dict[str, Any] | None, head: str = "") -> Sources:
    made = json.loads(json.dumps(small_book()))
    made["instruments"].append(INVERSE)
    if funding is not None:
        made["underlyings"][0]["funding"] = funding
    of = world(made)
    return replace(of, model=of.model.decode().replace("horizon", 'purpose = "trial"\nseed = 3\n' + head + "horizon", 1
                                                       ).encode())


def row(epoch: Epoch, symbol: str) -> int:
    return epoch.row_of(symbol) or 0


def funded(rate: str, hours: str = "8") -> dict[str, str]:
    return {"rate": rate, "hours": hours, "source": "deribit"}


def test_a_long_perpetual_pays_the_horizons_funding_and_nothing_else_does() -> None:
    """0.01 % every eight hours is 0.03 % a day, of the mark; inverse ones pay it in coins at the spot after."""
    plain, epoch = build(sources(None)), build(sources(funded("0.0001")))
    paid = plain.changes - epoch.changes
    assert epoch.provenance is not None
    after = 60000 * np.exp(epoch.provenance.scenarios.returns[:, 0] / 1e9)
    assert np.abs(paid[row(epoch, "BTC-PERP")] - 0.01 * 60010 * 0.0003 * 1e6).max() <= 1
    assert np.abs(paid[row(epoch, "I-PERP")] - 10 / 60010 * after * 0.0003 * 1e6).max() <= 1
    others = [i for i in range(len(epoch.ids)) if i not in (row(epoch, "BTC-PERP"), row(epoch, "I-PERP"))]
    assert not paid[others].any()
    gained = plain.changes - build(sources(funded("-0.0001"))).changes
    assert np.abs(gained[row(epoch, "BTC-PERP")] + 0.01 * 60010 * 0.0003 * 1e6).max() <= 1


def test_on_levels_it_is_taken_from_what_the_perpetual_is_worth() -> None:
    made = sources(funded("0.001"), 'basis = "level"\n')
    made = replace(made, book=made.book.replace(b'"settlement": "coin"', b'"settlement": "coin", "reference": "60000"'))
    whole = replace(sources(None, 'basis = "level"\n'), book=sources(None).book.replace(
        b'"settlement": "coin"', b'"settlement": "coin", "reference": "60000"'))
    before, after = build(whole), build(made)
    paid = before.changes - after.changes
    assert np.abs(paid[row(after, "BTC-PERP")] - 0.01 * 60010 * 0.003 * 1e6).max() <= 1
    assert after.marks == before.marks                            # what a lot is worth now does not know of it


def test_who_says_so_is_bound_by_the_root() -> None:
    epoch = build(sources(funded("0.0001")))
    flags = [flag for flag in epoch.header.judgement.flags if flag.startswith("G3")]
    assert flags == ["G3: funding of BTC is 0.0001 every 8 hours, by the word of deribit: a long perpetual pays 0.0003 "
                     "of its mark over the horizon, a short gets it"]
    other = build(sources(funded("0.0001") | {"source": "okx"}))
    assert np.array_equal(other.changes, epoch.changes)
    assert other.root != epoch.root


def test_too_much_funding_is_doubtful() -> None:
    """0.137 % every eight hours is 150 % a year."""
    for rate in ("0.00136", "-0.00136"):
        build(sources(funded(rate)))
    for rate in ("0.00138", "-0.00138"):
        with pytest.raises(BadInput, match=r"G3: funding of BTC's perpetual is '-?1.511 a year': must be within 1.5"):
            build(sources(funded(rate)))
    build(sources(funded("0.00138")), accepted={"G3": "a squeeze"})


@pytest.mark.parametrize(("funding", "message"), [
    (funded("0.11"), r"underlyings\[0\].funding.rate is '0.11': must be between -0.1 and 0.1"),
    (funded("0.0001", "0"), r"funding.hours is '0'"), (funded("0.0001") | {"source": ""}, r"funding.source is ''"),
    ({"rate": "0.0001", "hours": "8"}, r"underlyings\[0\].funding.source is missing"),
    (funded("0.0001") | {"cap": "1"}, r"funding.cap")])
def test_wrong_funding_is_refused(funding: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_book(sources(funding).book)


def test_funding_needs_a_perpetual() -> None:
    made = json.loads(sources(funded("0.0001")).book)
    del made["underlyings"][0]["perpetual"]
    with pytest.raises(BadInput, match=r"underlyings\[0\].funding is .* no perpetual of this underlying has a price"):
        parse_book(json.dumps(made).encode())


def test_the_formulas() -> None:
    assert Funding(0.0001, 8.0, "x").per_year == pytest.approx(0.1095)
    assert funding_share(0.0001, 8.0, 2 / 365) == pytest.approx(0.0006)
    assert funding_share(0.0001, 8.0, 0.0) == 0
    assert linear_funding(60000.0, 0.0006) == pytest.approx(36.0)
    assert inverse_funding(60000.0, np.array([30000.0, 60000.0]), 0.0006).tolist() == pytest.approx([0.0003, 0.0006])
