"""G8 and G9 of a book's surfaces: whether they leave arbitrage, and what became of the quotes behind them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from risk.exact.clock import YEAR, format_time
from risk.exact.money import format_money
from risk.market.book import Book, Curve
from risk.market.smiles import slice_volatility
from risk.models.plausibility import Doubt
from risk.surfaces.checks import Check, checks
from risk.surfaces.smile import Smile, Strike

LARGEST_DISTANCE = 0.1
"""Of a slice's volatility from the median of the quotes behind it, as a share (G9)."""
_NAMED = 4
"""Strikes that a flag names one by one."""


def smiles_of(book: Book) -> list[Smile]:
    """Every expiry that has volatilities."""
    return [Smile(symbol, format_time(expiry), (expiry - book.valuation) / YEAR, curve.slice,
                  () if curve.slice is not None else _strikes(curve), curve.ssvi)
            for (symbol, expiry), curve in sorted(book.curves.items()) if curve.volatilities or curve.slice is not None]


def surface_checks(book: Book) -> list[Check]:
    """Every condition of `risk.surfaces.checks`, of every expiry."""
    return checks(smiles_of(book))


def arbitrage(book: Book) -> Iterator[Doubt]:
    """G8: what a surface fails."""
    for check in surface_checks(book):
        if not check.holds:
            yield Doubt("G8", check.subject, check.found, check.bound)


def apart_from_quotes(book: Book) -> Iterator[Doubt]:
    """G9: slices that are not what the venues quote."""
    for (symbol, expiry), curve in sorted(book.curves.items()):
        if curve.consensus is None or curve.slice is None:
            continue
        for strike, quoted in curve.consensus.volatilities.items():
            median = float(quoted)
            own = slice_volatility(curve.slice, strike, curve.forward, (expiry - book.valuation) / YEAR)
            if not abs(own - median) <= LARGEST_DISTANCE * median:
                yield Doubt("G9", f"slice of {symbol} at {format_time(expiry)}, strike {format_money(strike)}",
                            f"{own:.4g}", f"within {LARGEST_DISTANCE:.0%} of {median:.4g}, the median of the venues")


def quote_flags(book: Book) -> Iterator[str]:
    """G9: venues whose quotes were left out, and that are no second opinion."""
    for (symbol, expiry), curve in sorted(book.curves.items()):
        agreed = curve.consensus
        if agreed is None:
            continue
        name = f"volatilities of {symbol} at {format_time(expiry)}"
        for venue, seconds in agreed.stale.items():
            yield f"G9: {venue} is left out of the {name}: quoted {seconds} s before the valuation"
        for group in agreed.copied:
            yield f"G9: {' and '.join(group)} count as one venue in the {name}: equal to the tick at every strike"
        for venue, strikes in agreed.outlying.items():
            named = ", ".join(format_money(strike) for strike in islice(strikes, _NAMED))
            yield f"G9: {venue} is left out of the {name} at {len(strikes)} strikes ({named}" \
                f"{', ...' if len(strikes) > _NAMED else ''}): a tenth or more from the median"
        if agreed.short:
            named = ", ".join(format_money(strike) for strike in islice(agreed.short, _NAMED))
            yield f"G9: the {name} have no median at {len(agreed.short)} strikes ({named}" \
                f"{', ...' if len(agreed.short) > _NAMED else ''}): too few venues agree"


def _strikes(curve: Curve) -> tuple[Strike, ...]:
    return tuple(Strike(format_money(strike), strike / curve.forward, curve.volatilities[strike])
                 for strike in sorted(curve.volatilities))
