"""`tailproof risk procyclicality` and `tailproof risk sets`: what tools and presets of the risk publisher do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from primitives.errors import BadInput
from risk.exact.clock import parse_time

from .console import FILE, PICTURE, Outcome, progress, reporting, table


@click.command()
@click.argument("model", type=FILE)
@click.argument("history", type=FILE)
@click.option("--book", "books", multiple=True, metavar="ASSET=VALUE,...",
              help="A book to look at, as value held of each asset: BTC=1,ETH=-0.7. By default each asset long and "
                   "short, and all of them.")
@click.option("--since", help="First day to look at; the tools know what came before.")
@click.option("--picture", type=PICTURE, help="Draw margins before and after, too: a PNG file to write.")
@reporting
def procyclicality(model: Path, history: Path, books: tuple[str, ...], since: str | None, picture: Path | None
                   ) -> Outcome:
    """How MODEL's margins moved over HISTORY, without and with its tools against procyclicality, and what they cost."""
    from risk.epochs.provenance import read_source
    from risk.margins.procyclicality import RISES, Metrics, study, usual_books
    from risk.market.history import parse_history
    from risk.models.model import parse_model

    chosen = parse_model(read_source(model), source=model)
    prices = parse_history(read_source(history), assets=chosen.assets, calendar=chosen.calendar,
                           step_seconds=chosen.step_seconds, max_gap_steps=chosen.max_gap_steps, source=history)
    first = 0 if since is None else parse_time(since if "T" in since else f"{since}T00:00:00Z", field="--since")
    progress("margins over time", 0, 1)
    held = {text: parse_book(text) for text in books} or usual_books(chosen.assets)
    found = study(chosen, prices, held, since=first)
    if picture is not None:
        from risk.margins import plot_procyclicality
        plot_procyclicality.margins(found, picture, title=f"{chosen.name}: Expected Shortfall, before and after tools")
    rows = []
    for book in found.books:
        before, after = Metrics.of(book.before), Metrics.of(book.after)
        rows.append((book.name, f"{before.peak_to_trough:.2f}", f"{after.peak_to_trough:.2f}",
                     *(f"{100 * before.rises[n]:.0f} -> {100 * after.rises[n]:.0f}" for n in RISES),
                     f"{100 * book.cost:+.1f} %", f"{100 * book.below:+.1f} %"))
    span = f"{len(found.labels)} days, {found.labels[0]} to {found.labels[-1]}"
    lines = [f"{span}; the speed limit was lifted on {found.red}", "",
             *table(rows, ("book", "peak/trough", "with tools", *(f"rise in {n}, %" for n in RISES), "mean cost",
                           "least"))]
    return Outcome({"model": str(model), "history": str(history), **found.to_json(),
                    "picture": None if picture is None else str(picture)}, lines)


def parse_book(text: str) -> dict[str, float]:
    """--book, as value held of each asset."""
    held: dict[str, float] = {}
    for part in text.split(","):
        asset, separator, amount = part.partition("=")
        try:
            value = float(amount)
        except ValueError:
            value = math.nan
        if not separator or not asset or asset in held or not math.isfinite(value):
            raise BadInput("--book", text, "each asset once, with the value held of it, such as BTC=1,ETH=-0.7")
        held[asset] = value
    return held


@click.command()
@click.argument("name", required=False)
@reporting
def sets(name: str | None) -> Outcome:
    """Handwritten scenario sets that come with Tailproof; with NAME, its text, to change and put under [set].

    A model file takes one as it is by its name: set = "NAME".
    """
    from risk.models.model import parse_toml
    from risk.models.scenario_set import preset_text, presets

    if name is not None:
        text = preset_text(name)
        return Outcome({"name": name, "text": text}, text.splitlines())
    found: list[dict[str, Any]] = []
    for one in presets():
        document = parse_toml(preset_text(one).encode())
        found.append({"name": one, "scenarios": len(document["scenarios"]), "source": document["source"]})
    return Outcome({"sets": found}, table([tuple(entry.values()) for entry in found], ("set", "scenarios", "source")))
