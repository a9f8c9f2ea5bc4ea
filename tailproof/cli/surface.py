"""`tailproof surface`: volatilities of a book as slices, fitted here and nowhere else, checked, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives import jsonio
from primitives.errors import BadInput, Said
from risk.epochs.provenance import read_source

from .console import FILE, OUTPUT, PICTURE, Outcome, progress, reporting, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from risk.fitting.surface import Quotes, SliceFit
    from risk.market.book import Book, Curve
    from risk.surfaces.checks import Check

_REPLACED = ("volatilities", "svi", "theta")


@click.group()
def surface() -> None:
    """Fit, check and show the volatility surface of a book."""


@surface.command("fit")
@click.argument("book", type=FILE)
@click.option("--out", type=OUTPUT, required=True, help="Where to write the book with slices.")
@click.option("--family", type=click.Choice(["svi", "ssvi"]), default="svi", show_default=True,
              help="A slice for each expiry, or one surface of three parameters for each underlying.")
@reporting
def fit(book: Path, out: Path, family: str) -> Outcome:
    """Put slices in place of BOOK's volatilities by strike, or beside its quotes by venue, and write the new book.

    Refused where no slice without arbitrage is found, by the name of the condition.
    """
    from risk.epochs.surface_gates import surface_checks

    data = read_source(book)
    chosen = _parsed(data, book)
    if not any(_quoted(curve)[0] for curve in chosen.curves.values()):
        raise BadInput("expiries", Said("no volatilities"), "some with volatilities by strike, or quotes", source=book)
    document = jsonio.loads(data, source=book)
    fits: dict[str, list[SliceFit]] = {}
    for asset in sorted({asset for asset, _ in chosen.curves}):
        quotes = _quotes(chosen, asset)
        if quotes:
            if family == "ssvi":
                _require_all_quoted(chosen, asset, book)
            progress(f"surface of {asset}", len(fits), len(chosen.underlyings))
            fits[asset] = _fitted(document, asset, quotes, family)
    text = jsonio.dumps(document)
    checks = surface_checks(_parsed(text.encode(), out))
    with jsonio.creating(out) as file:
        file.write(text.encode())
    rows = [(asset, one.name, f"{100 * one.rms:.3f}", f"{100 * one.worst:.3f}", one.repaired or "")
            for asset, found in fits.items() for one in found]
    failing = [_line(check) for check in checks if not check.holds]
    return Outcome({"out": str(out), "family": family, "checks": _told(checks),
                    "fits": [{"underlying": asset, **one.to_json()} for asset, found in fits.items() for one in found]},
                   [*table(rows, ("underlying", "expiry", "rms, vol points", "worst", "repaired of")), "",
                    f"{len(checks)} checks, {len(failing)} fail", *failing, f"wrote {out}"], holds=not failing)


@surface.command("check")
@click.argument("book", type=FILE)
@reporting
def check(book: Path) -> Outcome:
    """Every condition against arbitrage that BOOK's volatilities have to satisfy. Exit code 1 where one fails.

    Slices are also held against the quotes beside them, as when an epoch is built (G8, G9).
    """
    from risk.epochs.surface_gates import apart_from_quotes, quote_flags, surface_checks

    chosen = _parsed(read_source(book), book)
    checks, apart, flags = surface_checks(chosen), list(apart_from_quotes(chosen)), list(quote_flags(chosen))
    failing = [*(_line(check) for check in checks if not check.holds), *map(str, apart)]
    rows = [(check.id, check.underlying, check.expiry, check.what, check.found, check.bound,
             "" if check.holds else "FAILS") for check in checks]
    return Outcome({"path": str(book), "checks": _told(checks), "apart_from_quotes": [vars(doubt) for doubt in apart],
                    "flags": flags},
                   [*table(rows, ("condition", "underlying", "expiry", "what", "value", "bound", "")), *flags, "",
                    *failing, f"{book}: {len(failing)} of {len(checks)} FAIL" if failing
                    else f"{book}: free of arbitrage, all {len(checks)} conditions hold"],
                   holds=not failing)


@surface.command("show")
@click.argument("book", type=FILE)
@click.option("--picture", type=PICTURE, help="Draw it, too: a PNG file to write. Smiles, with Durrleman's g below.")
@reporting
def show(book: Path, picture: Path | None) -> Outcome:
    """What BOOK's surface is: level, skew, wings and the least g of each expiry."""
    from risk.epochs.surface_gates import smiles_of
    from risk.exact.clock import format_time

    chosen = _parsed(read_source(book), book)
    smiles = smiles_of(chosen)
    if not smiles:
        raise BadInput("expiries", Said("no volatilities"), "some with volatilities, a slice or quotes", source=book)
    curves = {(asset, format_time(expiry)): curve for (asset, expiry), curve in chosen.curves.items()}
    own = [curves[smile.underlying, smile.expiry] for smile in smiles]
    facts = [_facts(smile, curve) for smile, curve in zip(smiles, own, strict=True)]
    if picture is not None:
        from risk.surfaces import plot
        plot.surface(smiles, [_dots(curve) for curve in own], picture, title=f"{chosen.venue}: implied volatility")
    names = ("underlying", "expiry", "kind", "days", "at the money", "skew", "left wing", "right wing", "least g",
             "at k", "strikes", "venues")
    return Outcome({"path": str(book), "expiries": facts, "picture": None if picture is None else str(picture)},
                   table([tuple(_cell(fact[name]) for name in names) for fact in facts], names))


# -- parts ---------------------------------------------------------------------------------------------------------
def _parsed(data: bytes, source: Path) -> Book:
    from risk.market.book import parse_book
    return parse_book(data, source=source)


def _quoted(curve: Curve) -> tuple[list[int], list[float]]:
    """Strikes and volatilities to fit: medians of the venues, or what stands by strike; of a slice alone, none."""
    if curve.consensus is not None:
        found = {strike: float(value) for strike, value in curve.consensus.volatilities.items()}
    else:
        found = {} if curve.slice is not None else dict(curve.volatilities)
    return list(found), list(found.values())


def _require_all_quoted(chosen: Book, asset: str, source: Path) -> None:
    """Refuse to give an underlying another surface where that would move a slice that is not fitted again."""
    from risk.exact.clock import format_time

    for (symbol, expiry), curve in sorted(chosen.curves.items()):
        if symbol == asset and curve.ssvi is not None and curve.consensus is None:
            raise BadInput(f"theta of {asset} at {format_time(expiry)}", curve.ssvi[1], "beside quotes: a new surface "
                           f"of {asset} would change it, and there is nothing to fit it to", source=source)


def _quotes(book: Book, asset: str) -> list[Quotes]:
    import numpy as np

    from risk.exact.clock import YEAR, format_time
    from risk.fitting.surface import Quotes

    found = []
    for (symbol, expiry), curve in sorted(book.curves.items()):
        strikes, volatilities = _quoted(curve)
        if symbol == asset and strikes:
            found.append(Quotes(format_time(expiry), (expiry - book.valuation) / YEAR,
                                np.log(np.array(strikes) / curve.forward), np.array(volatilities)))
    return found


def _fitted(document: dict[str, Any], asset: str, quotes: Sequence[Quotes], family: str) -> list[SliceFit]:
    """Fit, and write what is found into the document."""
    from risk.exact.clock import format_time, parse_time
    from risk.exact.money import format_decimal
    from risk.fitting.surface import fit_slices, fit_surface

    def decimal(value: float) -> str:
        from decimal import Decimal
        return format_decimal(Decimal(repr(value)))

    put: dict[str, dict[str, Any]]
    if family == "svi":
        fits = fit_slices(quotes)
        put = {one.name: {"svi": one.slice.to_json()} for one in fits}
    else:
        found = fit_surface(quotes)
        fits = list(found.fits)
        put = {one.name: {"theta": decimal(theta)} for one, theta in zip(fits, found.thetas, strict=True)}
        others = [entry for entry in document.get("ssvi", []) if entry["underlying"] != asset]
        document["ssvi"] = [*others, {"underlying": asset, "rho": decimal(found.surface.rho),
                                      "eta": decimal(found.surface.eta), "gamma": decimal(found.surface.gamma)}]
    for entry in document["expiries"]:
        name = format_time(parse_time(entry["expiry"], field="expiry"))
        if entry["underlying"] == asset and name in put:
            for key in _REPLACED:
                entry.pop(key, None)
            entry.update(put[name])
    return fits


def _facts(smile: Any, curve: Curve) -> dict[str, Any]:
    """Of one expiry; skew is the change of volatility per unit of log-moneyness, at the money."""
    import numpy as np

    from risk.surfaces.checks import butterfly

    kind = "ssvi" if smile.ssvi is not None else "svi" if smile.slice is not None else \
        "quotes" if curve.consensus is not None else "strikes"
    found: dict[str, Any] = {"underlying": smile.underlying, "expiry": smile.expiry, "kind": kind,
                             "days": smile.years * 365, "strikes": len(curve.volatilities),
                             "venues": None if curve.venues is None else len(curve.venues),
                             **dict.fromkeys(("at the money", "skew", "left wing", "right wing", "least g", "at k"))}
    one = smile.slice
    if one is not None:
        w, slope, _ = (float(value) for value in one.at(0.0))
        money, (g, k) = float(np.sqrt(w / smile.years)), butterfly(one)
        found |= {"at the money": money, "skew": slope / (2 * money * smile.years),
                  "left wing": one.b * (1 - one.rho), "right wing": one.b * (1 + one.rho), "least g": g, "at k": k,
                  "svi": one.to_json()}
    return found


def _dots(curve: Curve) -> tuple[list[float], list[float]]:
    import numpy as np

    strikes, volatilities = _quoted(curve)
    if not strikes:
        strikes, volatilities = list(curve.volatilities), list(curve.volatilities.values())
    return [float(np.log(strike / curve.forward)) for strike in strikes], volatilities


def _told(checks: Sequence[Check]) -> list[dict[str, Any]]:
    return [{"id": one.id, "underlying": one.underlying, "expiry": one.expiry, "what": one.what, "value": one.value,
             "bound": one.bound, "holds": one.holds} for one in checks]


def _line(check: Check) -> str:
    return f"FAILS: {check.subject} is {check.found}: must be {check.bound}"


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
