"""`tailproof risk reverse`: what it takes to break an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput, Said

from .. import telling
from .console import FILE, PICTURE, Outcome, progress, reporting, table

if TYPE_CHECKING:
    from risk.stress.book_loss import Moves

    from ..epochs import AnyEpoch
    from ..reversing import Positions, Reverse


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE, required=False)
@click.option("--reference-book", metavar="NAME", help="In place of PORTFOLIO: one that `risk books` "
              "lists, by its name.")
@click.option("--collateral", required=True, metavar="AMOUNT|margin|value", help="What a loss must reach: quote units; "
              "the account's margin; or, of an epoch of levels, its value today.")
@click.option("--covariance", type=click.Choice(["scenarios", "published"]), default="scenarios", show_default=True,
              help="Of spots: of the epoch's scenarios, or of the manifest's correlation and variances.")
@click.option("--picture", type=PICTURE, help="Draw it, too: a PNG file to write. It shows the portfolio.")
@reporting
def reverse(epoch: Path, portfolio: Path | None, reference_book: str | None, collateral: str, covariance: str,
            picture: Path | None) -> Outcome:
    """What takes an account's whole collateral: the nearest scenario of EPOCH, the least implausible move of spots, and
    how much less favourable all scenarios together would have to be."""
    from .. import epochs, reversing
    from ..extras import require
    if (portfolio is None) == (reference_book is None):
        raise BadInput("PORTFOLIO and --reference-book",
                       None if portfolio is None else (str(portfolio), reference_book), "given, one of them")
    require("risk")                                # the search is SciPy's
    numbers = epochs.load(epoch)
    risks, rows = _held(numbers, portfolio, reference_book)
    name = reference_book or Path(str(portfolio)).stem
    amount = _amount(risks, rows, collateral)
    progress("reverse stress", 0, 1)
    found = reversing.reverse(risks, rows, amount, covariance=covariance)
    quote = numbers.header.quote
    if picture is not None:
        reversing.draw(found, picture, title=f"{name.replace('_', ' ')}: reverse stress", quote=quote,
                       subtitle=telling.setting(numbers))
    said = reversing.sentences(found, quote)
    data = {**telling.facts(numbers), **_json(found), "sentences": said,
            "picture": None if picture is None else str(picture)}
    lines = [*telling.trial(numbers), *(text for pair in zip(said.values(), [""] * 3, strict=True) for text in pair)]
    if found.search.point is not None and portfolio is not None:
        lines += [f"See it: tailproof risk what-if EPOCH PORTFOLIO {_what_if(found.search.point.moves)}", ""]
    lines += table([("covariance of spots", found.factors.source, ""),
                    *((asset, f"mean {100 * mean:+.3g} %, deviation {100 * deviation:.3g} %",
                       f"variance goes to {law.level:.3g} + {law.rise:.3g} r² (rise), {law.fall:.3g} r² (fall) of "
                       "today's") for asset, mean, deviation, law in
                      zip(found.factors.assets, found.factors.mean.tolist(), found.factors.deviation.tolist(),
                          found.factors.laws, strict=True))])
    return Outcome(data, [*lines, *([] if picture is None else ["", f"wrote {picture}"])])


def _held(numbers: AnyEpoch, portfolio: Path | None, reference_book: str | None) -> tuple[AnyEpoch, Positions]:
    """Positions by leaf; of a reference book on levels, which holds no cash, in the epoch of changes from today."""
    from risk.margins.levels import from_today
    from risk.margins.portfolio import Portfolio
    from risk.margins.shocks import Market

    from ..reports import book_stress
    if reference_book is None:
        assert portfolio is not None
        return numbers, Portfolio.read(portfolio).rows(numbers)
    changes = from_today(numbers)
    return changes, book_stress.account(Market(changes), reference_book)


def _amount(numbers: AnyEpoch, rows: Positions, text: str) -> int:
    from risk.exact.money import LARGEST_PRICE, format_money, parse_money
    from risk.margins.contributions import breakdown
    from risk.margins.levels import closing_value
    if text == "value" and not numbers.levels:
        raise BadInput("--collateral", text, "an amount, or margin: this epoch has no levels, and knows no cash")
    if text in ("margin", "value"):
        amount = closing_value(numbers, rows) if text == "value" else breakdown(numbers, rows).required
        if amount <= 0:
            raise BadInput("--collateral", Said(f"{text}, {format_money(amount)}"), "above 0: there is nothing to take")
        return amount
    return parse_money(text, field="--collateral", low=1, high=LARGEST_PRICE)


def _json(found: Reverse) -> dict[str, Any]:
    factors, one, point, tilt = found.factors, found.inside, found.search.point, found.tilt
    plain = found.ball.tilted(0.0)
    return {
        "collateral": str(found.collateral), "loss_when_nothing_moves": str(found.still),
        "factors": {"covariance": factors.source, "assets": list(factors.assets), "mean": factors.mean.tolist(),
                    "deviation": factors.deviation.tolist(), "correlation": factors.correlation.tolist(),
                    "volatility": [{"level": law.level, "rise": law.rise, "fall": law.fall} for law in factors.laws]},
        "inside": None if one is None else {
            "scenario": one.scenario, "kind": one.kind, "loss": str(one.loss), "distance": one.distance,
            "rank": one.rank, "farther": float(one.farther), "breaking": one.breaking,
            "probability": float(one.probability), "moves": _moves_json(one.moves)},
        "point": {"state": found.search.state, "largest_loss_met": str(found.search.seen),
                  "bound": None if found.search.bound is None else str(found.search.bound),
                  **({} if point is None else {
                      "moves": _moves_json(point.moves), "loss": str(point.loss), "distance": point.distance,
                      "farther": float(point.farther), "how": point.how, "what_if": _what_if(point.moves)})},
        "tilting": {"state": found.tilted, "mean": plain.mean, "expected_shortfall": plain.expected_shortfall,
                    "largest_loss": found.ball.largest, "most_nats": found.ball.most_entropy,
                    **({} if tilt is None else {
                        "nats": tilt.entropy, "theta": tilt.theta, "mean_then": tilt.mean,
                        "expected_shortfall_then": tilt.expected_shortfall})}}


def _moves_json(moves: Moves) -> dict[str, dict[str, float]]:
    return {asset: {"spot": float(spot), "volatility": float(volatility)}
            for asset, (spot, volatility) in moves.items()}


def _what_if(moves: Moves) -> str:
    """The options of `risk what-if` under which the same is revalued."""
    return " ".join(f"--{what} {asset}={100 * float(change):+.6f}%" for asset, both in moves.items()
                    for what, change in zip(("spot", "volatility"), both, strict=True) if change)
