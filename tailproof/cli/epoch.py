"""`tailproof epoch`: what the risk publisher does, and what everyone can check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from risk.exact.clock import format_time

from . import epoch_views
from .console import FILE, Outcome, progress, reporting, table
from .fields import FIELD

if TYPE_CHECKING:
    from risk.valuation.weighted import Quality

    from ..epochs import AnyEpoch


def _reasons(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        gate, said, reason = text.partition("=")
        if not said or gate in found:
            raise click.BadParameter(f'{text!r} is not GATE="REASON", each gate once')
        found[gate] = reason.strip('"')
    return found


@click.group()
def epoch() -> None:
    """Build, check, show and explain epochs."""


epoch.add_command(epoch_views.diff)
epoch.add_command(epoch_views.explain)


@epoch.command("build")
@click.option("--book", type=FILE, required=True, help="Book file: instruments, prices, volatilities, rates.")
@click.option("--model", type=FILE, required=True, help="Model file: estimator, seed, horizon, tail, scenarios.")
@click.option("--history", type=FILE, help="Price history (CSV), if the model needs one.")
@click.option("--statement", help="Take shape and packing from this statement, full or grid.")
@click.option("--regime", type=int, default=0, help="Correlation regime of a grid epoch.")
@click.option("--collateral", type=FILE, help="Collateral file of a grid epoch, for solvency and netting.")
@click.option("--previous", type=FILE, help="The epoch before it, whose root enters the seed; none for the first.")
@click.option("--accept", multiple=True, metavar='GATE="REASON"', callback=_reasons,
              help="Accept what a plausibility gate refuses; the reason stands in the manifest.")
@click.option("--out", type=FILE, required=True, help="Directory to make.")
@reporting
def build(book: Path, model: Path, history: Path | None, statement: str | None, regime: int, collateral: Path | None,
          previous: Path | None, accept: dict[str, str], out: Path) -> Outcome:
    """Build an epoch: scenarios, full revaluation, leaves, root.  Same sources and predecessor, same root."""
    from risk.epochs.epoch_directory import require_new
    from risk.epochs.provenance import Sources

    from .. import epochs
    require_new(out)
    made = epochs.build(Sources.read(model, book, history), statement=statement, regime=regime, collateral=collateral,
                        previous=previous, accepted=accept, progress=progress)
    epochs.save(made, out)
    return _described(out, made)


@epoch.command("check")
@click.argument("directory", type=FILE)
@click.option("--previous", type=FILE, help="The epoch before it: the chain is looked at (E7, E9), changes are told.")
@click.option("--history", type=FILE, help="Prices (CSV) to hold its parameters against, in place of its own or where "
              "it has none.")
@reporting
def check(directory: Path, previous: Path | None, history: Path | None) -> Outcome:
    """Rebuild the epoch in DIRECTORY from its sources and compare, E1-E12 included; run it before you sign.

    Its parameters must be within 0.01 of the log-likelihood of a new fit on its history, as in `tailproof model check`.
    """
    from .. import epochs
    found = epochs.check(directory, previous=previous, history=history, progress=progress)
    return Outcome({"path": str(directory), **found.to_json()},
                   [*found.remarks, *(f"CHANGED: {line}" for line in found.changes),
                    *(f"DIFFERS: {line}" for line in found.differences),
                    f"{directory}: {'rebuilds to the same root' if found.passed else 'does NOT stand'}"],
                   found.passed)


@epoch.command("show")
@click.argument("directory", type=FILE)
@FIELD
@reporting
def show(directory: Path) -> Outcome:
    """What an epoch says about itself."""
    from .. import epochs
    return _described(directory, epochs.load(directory))


def _described(path: Path, made: AnyEpoch) -> Outcome:
    from risk.epochs.epoch import Epoch
    from risk.epochs.header import TRIAL
    header, shape = made.header, made.shape.to_json()
    facts = {"venue": header.venue, "quote": header.quote, "valuation": format_time(header.timestamp),
             "underlyings": list(header.underlyings), "model": header.model, "model_digest": header.model_digest,
             "instruments": len(made.instruments), "basis": str(header.basis), "purpose": str(header.purpose),
             "seed": header.seed,
             "previous": str(header.previous)}
    made_of = made.provenance if isinstance(made, Epoch) else made.arrays.provenance
    if made_of is not None and made_of.near_ties is not None:      # it was built here, not read
        facts["near_ties"] = made_of.near_ties
    stated = _quality(made)
    shown = [("root", made.root), *((name, ", ".join(value) if isinstance(value, list) else value)
                                    for name, value in facts.items() if name != "previous"),
             ("previous", header.predecessor), *shape.items(),
             *(line for i, quality in enumerate(stated) for line in _shown(quality, i, len(stated)))]
    return Outcome({"path": str(path), "root": str(made.root), "shape": shape, **facts,
                    "gates": header.judgement.to_json(),
                    **({"quality": [quality.to_json() for quality in stated]} if stated else {})},
                   [*((TRIAL,) if header.trial else ()), *table(shown), *header.judgement.lines()])


def _quality(made: AnyEpoch) -> tuple[Quality, ...]:
    """Of scenarios with masses: one for a full epoch, one for each correlation regime of a grid."""
    from risk.epochs.epoch import Epoch
    if not isinstance(made, Epoch):
        return made.shape.quality
    quality = None if made.provenance is None else made.provenance.drawn.quality
    return () if quality is None else (quality,)


def _shown(quality: Quality, regime: int, regimes: int) -> Iterator[tuple[str, str]]:
    where = f", regime {regime}" if regimes > 1 else ""
    worst = max(quality.references, key=lambda reference: abs(reference.difference))
    yield (f"scenarios against {quality.population} paths{where}",
           f"mean {quality.bias:+.2%} over {len(quality.references)} reference books, at most {worst.difference:+.2%} "
           f"({worst.name}); an adversary's book: {quality.floor:.2f} of its true Expected Shortfall")
