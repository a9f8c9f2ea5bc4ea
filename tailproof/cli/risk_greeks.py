"""`tailproof risk greeks`: what portfolios gain per small move, netted over protocols, and while time passes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import telling
from .console import FILE, PICTURE, Outcome, reporting, table
from .risk_books import MONEY, known_asset, length, parse_length, read_holdings, shown, wrote

if TYPE_CHECKING:
    from risk.greeks.exposures import Exposures, Held, Offset, Sensitivities

UNITS = {"roll": MONEY, "delta": "quote units per 1 % of spot", "gamma": "of delta, per 1 % of spot",
         "smile_delta": "quote units per 1 % of spot, the smile moving with it",
         "vega": "quote units per point of volatility", "vanna": "of vega, per 1 % of spot",
         "volga": "of vega, per point of volatility", "theta": "quote units per day",
         "rho": "quote units per 1 % of the rate", "carry": "quote units per 1 % of the carry"}
"""Of members called `units`; raw ones are per unit of the underlying's price, of volatility, a year, a rate."""


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolios", metavar="PORTFOLIO...", type=FILE, nargs=-1, required=True)
@click.option("--window", metavar="LENGTH", help="Until a liquidation is over, such as 90s, 20m, 8h, 2d; by default "
                                                 "the epoch's horizon.")
@click.option("--per-lot", is_flag=True, help="Show Greeks of one lot of each position, not of all that is held.")
@click.option("--asset", help="Asset of --picture; by default the one with the largest delta.")
@click.option("--picture", type=PICTURE, help="Draw a heat map of gains over spot and volatility: a PNG file to write.")
@click.option("--vega", type=PICTURE, help="Draw vega by expiry: a PNG file to write.")
@reporting
def greeks(epoch: Path, portfolios: tuple[Path, ...], window: str | None, per_lot: bool, asset: str | None,
           picture: Path | None, vega: Path | None) -> Outcome:
    """Greeks of PORTFOLIOs under EPOCH's book, by closed form and by bump; several are netted, a protocol each.

    Amounts are in the quote currency: per 1 % of the spot, point of volatility, day, and 1 % of rates. What passing
    time alone takes until a liquidation is over is told apart.
    """
    from risk.greeks.exposures import exposures
    from risk.margins.shocks import Market

    from .. import epochs
    numbers = epochs.load(epoch)
    holdings = read_holdings(numbers, portfolios)
    if asset is not None:
        known_asset(numbers, asset, "--asset")
    market = Market(numbers)
    found = exposures(market, [(one.name, one.rows) for one in holdings],
                      window=None if window is None else parse_length(window, "--window"))
    title = " + ".join(one.name.replace("_", " ") for one in holdings) if len(holdings) <= 3 else \
        f"{len(holdings)} protocols"
    if vega is not None:
        from risk.greeks import plot
        plot.vega_by_expiry(found, vega, title=f"{title}: vega by expiry", quote=numbers.header.quote,
                            subtitle=telling.setting(numbers))
    if picture is not None:
        every = [position for one in holdings for position in one.rows]
        _heat_map(market, every, _chosen(found, asset), picture, title)
    data = {**telling.facts(numbers), **to_json(found), "picture": _text(picture), "vega_picture": _text(vega)}
    return Outcome(data, [*telling.trial(numbers), *_lines(found, numbers.header.quote, per_lot),
                          *wrote(picture, vega)])


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _chosen(found: Exposures, asset: str | None) -> str | None:
    if asset is not None or not found.assets:
        return asset
    return max(found.assets, key=lambda name: abs(found.assets[name].of("delta")))


def _heat_map(market: Any, rows: Sequence[tuple[int, int]], asset: str | None, picture: Path, title: str) -> None:
    from risk.margins import pictures
    from risk.margins.contributions import breakdown
    from risk.margins.levels import from_today
    header = market.epoch.header
    chosen = header.underlyings[0] if asset is None else asset
    pictures.heat_map(market, rows, chosen, picture, quote=header.quote, title=f"{title}: gain over {chosen}",
                      subtitle=telling.setting(market.epoch),
                      holds=breakdown(from_today(market.epoch), rows).required)


# -- for machines --------------------------------------------------------------------------------------------------
def to_json(found: Exposures) -> dict[str, Any]:
    """Greeks in quote units, raw as in `risk.greeks.closed`; the roll in 10**-6 quote units, as text."""
    return {
        "units": UNITS, "window_seconds": found.window, "roll": str(found.roll),
        "positions": [{"protocol": one.protocol, "name": one.name, "asset": one.asset, "expiry": one.expiry,
                       "lots": one.lots, "per_lot": _sensitivities(one.lot), **_sensitivities(one.held),
                       "roll": str(one.roll), "inside_horizon": one.inside, "ends_in_window": one.ends,
                       "lives_less_than_a_day": one.brief,
                       **({} if one.smile is None else {"smile_delta": _smile(one.smile)})}
                      for one in found.held],
        "assets": {asset: _sensitivities(own) for asset, own in found.assets.items()},
        "protocols": {name: {asset: _sensitivities(own) for asset, own in assets.items()}
                      for name, assets in found.protocols.items()},
        **({"smile_delta": {asset: _smile(own) for asset, own in found.smile.items()}} if found.smile else {}),
        "total": {"units": _named(found.total.units)},
        "vega_by_expiry": [{"asset": one.asset, "expiry": one.expiry, "vega": one.vega,
                            "protocols": dict(one.protocols)} for one in found.expiries],
        "vega_offset_across_expiries": {name: _offset(one) for name, one in found.across_expiries.items()},
        "delta_offset_across_protocols": {name: _offset(one) for name, one in found.across_protocols.items()}}


def _sensitivities(one: Sensitivities) -> dict[str, Any]:
    return {"units": _named(one.units), "raw": _named(one.raw), "bumped": _named(one.bumped),
            "difference": float(one.difference.max())}


def _smile(one: tuple[float, float]) -> dict[str, float]:
    return dict(zip(("closed", "bumped"), one, strict=True))


def _named(values: Any) -> dict[str, float]:
    from risk.greeks.closed import NAMES
    return dict(zip(NAMES, map(float, values), strict=True))


def _offset(one: Offset) -> dict[str, float]:
    return {"gross": one.gross, "net": one.net, "offset": one.offset, "share": one.share}


# -- for people ------------------------------------------------------------------------------------------------------
def _lines(found: Exposures, quote: str, per_lot: bool) -> list[str]:
    from risk.greeks.closed import NAMES
    several = len(found.protocols) > 1
    own = ("protocol",) if several else ()
    lines = [f"{quote} per 1 % of spot (delta), point of volatility (vega), day (theta), 1 % of rates (rho, carry);",
             "gamma, vanna, volga: what delta and vega gain per 1 % and point", ""]
    lines += table([(*((one.protocol,) if several else ()), one.name, one.lots,
                     *_cells(one.lot if per_lot else one.held, places=4 if per_lot else 2)) for one in found.held],
                   (*own, "one lot of" if per_lot else "position", "lots", *NAMES, "bump differs"))
    netted = [(asset, *_cells(whole)) for asset, whole in found.assets.items()]
    if len(netted) > 1:
        netted.append(("all", *_cells(found.total)))
    lines += ["", *table(netted, ("netted", *NAMES, "bump differs")), "",
              *table([(asset, *(f"{value:,.6g}" for value in whole.raw)) for asset, whole in found.assets.items()],
                     ("raw", *NAMES))]
    if found.smile:
        lines += ["", *table([(asset, f"{found.assets[asset].of('delta'):,.2f}", f"{closed:,.2f}",
                               f"{abs(closed - bumped):.1e}") for asset, (closed, bumped) in found.smile.items()],
                             ("delta", "volatility stays with strikes", "smile moves with the spot", "bump differs"))]
    if several:
        lines += ["", *table([(name, asset, *_cells(whole)) for name, assets in found.protocols.items()
                              for asset, whole in assets.items()], ("protocol", "asset", *NAMES, "bump differs"))]
        lines += ["", *table([(asset, *_offset_cells(one)) for asset, one in found.across_protocols.items()],
                             ("delta over protocols", "gross", "net", "offset", "%"))]
    if found.expiries:
        lines += ["", *table([(one.asset, one.expiry, f"{one.vega:,.2f}",
                               *((", ".join(f"{name} {part:,.2f}" for name, part in one.protocols),)
                                 if several else ())) for one in found.expiries],
                             ("asset", "expiry", "vega", *(("of protocols",) if several else ()))),
                  "", *table([(asset, *_offset_cells(one)) for asset, one in found.across_expiries.items()],
                             ("vega over expiries", "gross", "net", "offset", "%"))]
    lines += ["", f"Gain (-: loss) over {length(found.window)} in which nothing moves: {shown(found.roll)} {quote}"]
    rolled = [(*((one.protocol,) if several else ()), one.name, shown(one.roll)) for one in found.held if one.roll]
    if rolled:
        lines += table(rolled, (*own, "position", "gain"))
    return [*lines, *_notes(found.held)]


def _cells(one: Sensitivities, places: int = 2) -> tuple[str, ...]:
    return (*(f"{value:,.{places}f}" for value in one.units), f"{float(one.difference.max()):.1e}")


def _offset_cells(one: Offset) -> tuple[str, str, str, str]:
    return f"{one.gross:,.2f}", f"{one.net:,.2f}", f"{one.offset:,.2f}", f"{100 * one.share:.1f}"


def _notes(held: Sequence[Held]) -> list[str]:
    inside = list(dict.fromkeys(one.name for one in held if one.inside))
    brief = list(dict.fromkeys(one.name for one in held if one.brief))
    ends = list(dict.fromkeys(one.name for one in held if one.ends))
    return [*([f"note: inside the horizon, so scenarios hold the pay-off: {', '.join(inside)}"] if inside else []),
            *([f"note: live for less than a day, so that theta is a rate that does not last: {', '.join(brief)}"]
              if brief else []),
            *([f"note: expire within the window, rolled into the pay-off: {', '.join(ends)}"] if ends else [])]
