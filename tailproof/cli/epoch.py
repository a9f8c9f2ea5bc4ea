"""`tailproof epoch`: what the risk publisher does, and what everyone can check."""

from __future__ import annotations

from pathlib import Path

import click

from risk.clock import format_time
from risk.epoch import Epoch

from .console import Outcome, progress, reporting, table

FILE = click.Path(path_type=Path)


@click.group()
def epoch() -> None:
    """Build, check and show epochs."""


@epoch.command("build")
@click.option("--book", type=FILE, required=True, help="Book file: instruments, prices, volatilities, rates.")
@click.option("--model", type=FILE, required=True, help="Model file: estimator, seed, horizon, tail, scenarios.")
@click.option("--history", type=FILE, help="Price history (CSV), if the model needs one.")
@click.option("--out", type=FILE, required=True, help="Epoch directory to make.")
@reporting
def build(book: Path, model: Path, history: Path | None, out: Path) -> Outcome:
    """Build an epoch: scenarios, full revaluation, leaves, root.  The same sources give the same root."""
    from risk import epoch_directory
    from risk.build import build as build_epoch
    from risk.provenance import Sources
    made = build_epoch(Sources.read(model, book, history), progress=progress)
    epoch_directory.save(made, out)
    return _described(out, made)


@epoch.command("check")
@click.argument("directory", type=FILE)
@click.option("--previous", type=FILE, help="The epoch before it: what was listed there must still be listed (E7).")
@reporting
def check(directory: Path, previous: Path | None) -> Outcome:
    """Rebuild the epoch in DIRECTORY from its sources and compare, E1-E5 included; run it before you sign."""
    from risk.audit import check as check_epoch
    found = check_epoch(directory, previous=previous, progress=progress)
    return Outcome({"path": str(directory), **found.to_json()},
                   [*(f"DIFFERS: {line}" for line in found.differences),
                    f"{directory}: {'rebuilds to the same root' if found.passed else 'does NOT stand'}"],
                   found.passed)


@epoch.command("show")
@click.argument("directory", type=FILE)
@reporting
def show(directory: Path) -> Outcome:
    """What an epoch says about itself."""
    from risk import epoch_directory
    return _described(directory, epoch_directory.load(directory))


def _described(path: Path, made: Epoch) -> Outcome:
    header, shape = made.header, made.shape.to_json()
    facts = {"venue": header.venue, "quote": header.quote, "valuation": format_time(header.timestamp),
             "underlyings": list(header.underlyings), "model": header.model, "model_digest": header.model_digest,
             "instruments": len(made.instruments)}
    return Outcome({"path": str(path), "root": str(made.root), "shape": shape, **facts},
                   table([("root", made.root), *((name, ", ".join(value) if isinstance(value, list) else value)
                                                 for name, value in facts.items()), *shape.items()]))
