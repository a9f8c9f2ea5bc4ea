"""`tailproof risk lp`: what shares of a pool count for as collateral, by the epoch's scenarios."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput, suggestion

from .. import telling
from .console import FILE, PICTURE, Integer, Outcome, reporting, table

if TYPE_CHECKING:
    from risk.grid.lp_tokens import Range

    from ..epochs import AnyEpoch

SHARES = (1, 5, 10, 50, 100, 200, 500, 1_000, 1_500, 2_000, 3_000, 4_000)
"""Basis points of the supply that are shown, up to the largest that counts."""
_END = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("pair")
@click.option("--range", "span", metavar="LOW:HIGH", help="Of concentrated liquidity: prices of the first asset in the "
              "second; by default all of a constant-product pool.")
@click.option("--fee", type=Integer(0, 1_000), default=30, show_default=True, help="Of the pool, basis points.")
@click.option("--largest-share", type=Integer(1, 9_999), default=2_000, show_default=True,
              help="Of the supply that counts for one account, basis points.")
@click.option("--picture", type=PICTURE, help="Draw the curve, too: a PNG file to write.")
@reporting
def lp(epoch: Path, pair: str, span: str | None, fee: int, largest_share: int, picture: Path | None) -> Outcome:
    """Shares of a pool of PAIR (BTC/ETH, or BTC/USD with the epoch's quote) valued in every scenario of EPOCH.

    Of a constant-product pool: the curve to publish (base, slope, largest share), under which what the contracts count
    is never above what Expected Shortfall and leaving the pool leave. With --range: haircuts by where the price is.
    """
    import numpy as np

    from risk.grid import lp_tokens
    from risk.margins.explain import scenarios_of
    from risk.margins.shocks import sources_of

    from .. import epochs
    numbers = epochs.load(epoch)
    model, book, _ = sources_of(numbers)
    names = _names(numbers, pair)
    scenarios, tail = scenarios_of(numbers, model), numbers.shape.tail
    still = np.zeros(len(scenarios.returns), np.int64)
    first, second = (scenarios.returns[:, model.assets.index(name)] if name in model.assets else still
                     for name in names)
    spots = {one.symbol: one.spot for one in book.underlyings}
    price = float(Fraction(spots[names[0]], spots.get(names[1], 10**6)))
    chosen = _range(span)
    market = lp_tokens.market_haircut(chosen, price, (first, second), tail)
    falls = (lp_tokens.fall(first, tail), lp_tokens.fall(second, tail))
    facts = [("pool", f"{names[0]}/{names[1]}, fee {fee / 100:g} %"),
             ("price now", f"{price:,.6g} {names[1]} for one {names[0]}"),
             ("Expected Shortfall of a share", f"{_percent(market)} % of it"),
             *((f"of {name} alone", f"{_percent(one)} %") for name, one in zip(names, falls, strict=True))]
    data: dict[str, Any] = {**telling.facts(numbers), "pair": list(names), "price": price, "fee": fee,
                            "haircut": market, "falls": list(falls), "unit": lp_tokens.SHARE_UNIT,
                            "picture": None if picture is None else str(picture)}
    if chosen.whole:
        lines = _whole(market, falls, fee, largest_share, facts, data, picture, numbers)
    else:
        lines = _bounded(chosen, price, (first, second), fee, largest_share, facts, data, picture, numbers)
    return Outcome(data, [*telling.trial(numbers), *lines, *([] if picture is None else ["", f"wrote {picture}"])])


def _whole(market: int, falls: tuple[int, int], fee: int, largest_share: int, facts: list[tuple[str, str]],
           data: dict[str, Any], picture: Path | None, numbers: AnyEpoch) -> list[str]:
    from risk.grid import lp_tokens
    taken = lp_tokens.built_in(falls)
    curve = lp_tokens.curve_for(market, taken, fee, largest_share)
    unit = lp_tokens.SHARE_UNIT
    shares = [share for share in SHARES if share < largest_share] + [largest_share]
    rows = []
    for share in shares:
        part = Fraction(share, lp_tokens.BASIS_POINTS)
        on_chain = (1 - Fraction(taken, unit)) * curve.kept(part)
        left = (1 - Fraction(market, unit)) * (1 - Fraction(lp_tokens.leaving_cost(
            lp_tokens.Range(), 1.0, float(part), fee), unit))
        rows.append((share, on_chain, left))
    data |= {"built_in": taken, "curve": {"base": curve.base, "slope": curve.slope,
                                          "largest_share": curve.largest_share},
             "shares": [{"share": share, "counts": float(on_chain), "left": float(left)}
                        for share, on_chain, left in rows]}
    if picture is not None:
        from risk.margins import plot_lp
        plot_lp.credit([(share / 100, 100 * float(on_chain), 100 * float(left)) for share, on_chain, left in rows],
                       picture, title=f"Shares of {data['pair'][0]}/{data['pair'][1]} as collateral",
                       subtitle=telling.setting(numbers))
    return [*table([*facts, ("taken off before the curve", f"{_percent(taken)} %, where factors are cut by no less"),
                    ("curve to publish", f"base {curve.base}, slope {curve.slope}, largest share "
                     f"{curve.largest_share} basis points")]), "",
            *table([(f"{share / 100:g}", f"{100 * float(on_chain):.2f}", f"{100 * float(left):.2f}",
                     f"{100 * float(left - on_chain):.2f}") for share, on_chain, left in rows],
                   ("share of supply, %", "counts, % of value", "left after ES and leaving, %", "to spare"))]


def _bounded(chosen: Range, price: float, returns: tuple[Any, Any], fee: int, largest_share: int,
             facts: list[tuple[str, str]], data: dict[str, Any], picture: Path | None, numbers: AnyEpoch) -> list[str]:
    from risk.grid import lp_tokens
    share = largest_share / lp_tokens.BASIS_POINTS
    found = lp_tokens.buckets(chosen, returns, numbers.shape.tail, share=share, fee=fee)
    now = next(k for k, one in enumerate(found) if price <= one.high)
    data |= {"range": [chosen.low, chosen.high], "largest_share": largest_share, "bucket_now": now,
             "buckets": [{"low": one.low, "high": None if k == len(found) - 1 else one.high, "market": one.market,
                          "leaving": one.leaving} for k, one in enumerate(found)]}
    if picture is not None:
        from risk.margins import plot_lp
        plot_lp.ladder(found, picture, title=f"{data['pair'][0]}/{data['pair'][1]} between {chosen.low:g} and "
                       f"{chosen.high:g} as collateral", subtitle=telling.setting(numbers))
    left = [(lp_tokens.BASIS_POINTS - one.market) * (lp_tokens.BASIS_POINTS - one.leaving) / 1e6 for one in found]
    return [*table(facts), "",
            *table([("below" if not k else f"{one.low:,.6g}", "above" if k == len(found) - 1 else f"{one.high:,.6g}",
                     f"{one.market / 100:.2f}", f"{one.leaving / 100:.2f}", f"{rest:.2f}", "now" if k == now else "")
                    for k, (one, rest) in enumerate(zip(found, left, strict=True))],
                   ("price from", "to", "ES, %", f"leaving then with {largest_share / 100:g} %, %", "counts, %", ""))]


def _names(numbers: AnyEpoch, pair: str) -> tuple[str, str]:
    first, slash, second = pair.partition("/")
    known = numbers.header.underlyings
    if not slash or first not in known or second not in (*known, numbers.header.quote) or first == second:
        raise BadInput("PAIR", pair, f"two of {', '.join(known)}, or one of them and {numbers.header.quote}, such as "
                       f"{known[0]}/{numbers.header.quote}{suggestion(first, known)}")
    return first, second


def _range(span: str | None) -> Range:
    from risk.grid.lp_tokens import Range
    if span is None:
        return Range()
    matched = re.fullmatch(f"({_END}):({_END})", span, re.ASCII)
    if matched is None:
        raise BadInput("--range", span, "LOW:HIGH, two prices such as 20000:40000")
    return Range(float(matched[1]), float(matched[2]))


def _percent(units: int) -> str:
    return f"{units / 10**7:.2f}"
