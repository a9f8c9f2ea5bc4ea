"""`tailproof risk backtest`, `forecast` and `attribution`: forecasts against losses, approximate gains against full."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from primitives import jsonio
from primitives.errors import BadInput

from ..extras import require
from .console import FILE, OUTPUT, PICTURE, Integer, Outcome, progress, reporting, table
from .risk_procyclicality import parse_book


@click.command()
@click.argument("files", metavar="FILE...", type=FILE, nargs=-1, required=True)
@click.option("--level", default="0.975", show_default=True, help="Of both VaR and ES.")
@click.option("--simulations", type=Integer(99, 9999), default=999, show_default=True,
              help="Of each simulated p-value.")
@click.option("--seed", type=Integer(0, 2**32), default=0, show_default=True, help="Of simulations.")
@click.option("--tail-index", default="0.25", show_default=True,
              help="Of losses beyond VaR, for Z1 and Z2: 0 exponential, 0.25 as Student's t with 4 degrees.")
@click.option("--picture", type=PICTURE, help="Draw it, too: a PNG file to write.")
@reporting
def backtest(files: tuple[Path, ...], level: str, simulations: int, seed: int, tail_index: str, picture: Path | None
             ) -> Outcome:
    """Whether the VaR and ES of FILE held: CSV with columns date, pnl or loss, var, es, one row a day.

    Of further FILEs, with the same dates and losses and another model's VaR and ES, it is said which is better. Exit
    code 1 if a test of the first is red.
    """
    from risk.backtests.forecasts import parse_forecasts
    from risk.backtests.judging import CONFIDENCE, NOT_TESTED, RED, compare, judge
    from risk.epochs.provenance import read_source

    alpha = float(1 - _decimal("--level", level, "0.5", "0.9999"))
    index = float(_decimal("--tail-index", tail_index, "0", "0.9"))
    series = [parse_forecasts(read_source(file), alpha, source=file) for file in files]
    progress("backtests", 0, 1)
    standings = compare(series, simulations=simulations, seed=seed) if len(series) > 1 else ()
    found = judge(series[0], simulations=simulations, seed=seed, tail_index=index)
    if picture is not None:
        from risk.backtests import plot
        plot.backtest(found, picture, title=f"{files[0].stem}: losses against VaR and ES at {100 * (1 - alpha):g} %")
    first = series[0]
    days = len(first.losses)
    lines = [f"{days} days, {first.labels[0]} to {first.labels[-1]}, {100 * (1 - alpha):g} %: {found.zone}",
             f"most exceptions in 250 days in a row: {found.worst_year}"]
    if first.ignored:
        lines.append(f"not read: {', '.join(first.ignored)}")
    lines += ["", *table([(v.test, "-" if v.statistic is None else f"{v.statistic:.3g}",
                           "-" if v.p is None else f"{v.p:.3f}", "-" if v.zone == NOT_TESTED else v.zone, v.note)
                         for v in found.verdicts],
                         ("test", "value", "p", "zone", ""))]
    data: dict[str, Any] = {
        "file": str(files[0]), "level": 1 - alpha, "days": days, "first": first.labels[0], "last": first.labels[-1],
        "exceptions": int(first.exceptions.sum()), "worst_250_days": found.worst_year, "zone": found.zone,
        "tests": [asdict(verdict) for verdict in found.verdicts], "light": asdict(found.light),
        "simulations": simulations, "seed": seed, "tail_index": index, "ignored": list(first.ignored),
        "comparison": [{"file": str(file), **asdict(one)} for file, one in zip(files, standings, strict=False)],
        "picture": None if picture is None else str(picture)}
    if standings:
        rows = [(file.name[-40:], f"{one.score:.4f}", f"{one.p:.3f}", "yes" if one.kept else "no",
                 "-" if one.against_first is None else f"{one.against_first:.3f}")
                for file, one in zip(files, standings, strict=True)]
        lines += ["", *table(rows, ("forecast", "FZ0", "p", "kept", "p vs first")),
                  f"kept: in the model confidence set of {100 * CONFIDENCE:g} %; p vs first: that it is no better"]
    return Outcome(data, [*lines, *([] if picture is None else [f"wrote {picture}"])], found.zone != RED)


@click.command()
@click.argument("model", type=FILE)
@click.argument("history", type=FILE)
@click.option("--book", metavar="ASSET=VALUE,...", required=True,
              help="Value held of each asset every morning: BTC=1,ETH=-0.7.")
@click.option("--out", type=OUTPUT, required=True, help="Where to write the forecasts, for `risk backtest`.")
@click.option("--level", default="0.975", show_default=True, help="Of both VaR and ES.")
@click.option("--first", type=Integer(250, 9999), default=500, show_default=True,
              help="Returns before the first forecast.")
@click.option("--refit", type=Integer(1, 9999), help="Fit parameters anew before the first and after every so many "
              "forecasts, on the days until then; by default MODEL's on all days.")
@reporting
def forecast(model: Path, history: Path, book: str, out: Path, level: str, first: int, refit: int | None) -> Outcome:
    """VaR and ES of a book on each day of HISTORY, by filtered historical simulation of the days before it.

    Of one step, whatever MODEL's horizon. Without --refit, MODEL's parameters may have seen the days they forecast.
    """
    from risk.backtests.rolling import roll, text_of
    from risk.epochs.provenance import read_source
    from risk.market.history import parse_history
    from risk.models.model import parse_model

    alpha = float(1 - _decimal("--level", level, "0.5", "0.9999"))
    held = parse_book(book)
    chosen = parse_model(read_source(model), source=model)
    prices = parse_history(read_source(history), assets=chosen.assets, calendar=chosen.calendar,
                           step_seconds=chosen.step_seconds, max_gap_steps=chosen.max_gap_steps, source=history)
    if refit:
        require("risk")
        from risk.fitting.model import refitted
        found = roll(chosen, prices, held, alpha, first=first, every=refit, refit=refitted, progress=progress)
    else:
        found = roll(chosen, prices, held, alpha, first=first, progress=progress)
    with jsonio.creating(out) as file:
        file.write(text_of(found.forecasts).encode())
    labels, over = found.forecasts.labels, int(found.forecasts.exceptions.sum())
    lines = [f"{len(labels)} forecasts, {labels[0]} to {labels[-1]}, {100 * (1 - alpha):g} %",
             f"{over} exceptions, {len(labels) * alpha:.1f} expected",
             f"parameters fitted {found.refits} times, kept {found.kept} times where a fit did not converge" if refit
             else "MODEL's parameters on all days: not out of sample if they were fitted on these", f"wrote {out}"]
    return Outcome({"model": str(model), "history": str(history), "book": held, "level": 1 - alpha,
                    "days": len(labels), "first": labels[0], "last": labels[-1], "exceptions": over,
                    "refits": found.refits, "kept": found.kept, "out": str(out)}, lines)


@click.command()
@click.argument("file", type=FILE)
@reporting
def attribution(file: Path) -> Outcome:
    """Whether a model's gains are those of full revaluation: CSV with columns date, model, full, gains positive.

    FRTB's test of profit-and-loss attribution. Exit code 1 if it is red.
    """
    from risk.backtests.attribution import attribute
    from risk.backtests.forecasts import dates, numbers, read_rows
    from risk.epochs.provenance import read_source

    columns, rows = read_rows(read_source(file), file)
    labels, gains = dates(columns, rows, file), numbers(columns, rows, ("model", "full"), file)
    found = attribute(gains["model"], gains["full"])
    lines = [f"{len(labels)} days, {labels[0]} to {labels[-1]}: {found.zone}",
             f"rank correlation (Spearman) {found.spearman:.4f}: green above 0.80, red below 0.70",
             f"distance of distributions (Kolmogorov-Smirnov) {found.ks:.4f}: green below 0.09, red above 0.12"]
    return Outcome({"file": str(file), "days": len(labels), **asdict(found)}, lines, found.zone != "red")


def _decimal(option: str, text: str, least: str, most: str) -> Decimal:
    """Within bounds, exactly as written."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not Decimal(least) <= value <= Decimal(most):
        raise BadInput(option, text, f"a decimal from {least} to {most}")
    return value
