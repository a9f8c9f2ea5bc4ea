"""`tailproof risk report`: what a risk officer reads of an epoch, or a holder of her portfolio under it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from primitives import jsonio
from primitives.errors import BadInput

from .console import FILE, OUTPUT, Integer, Outcome, progress, reporting, table

if TYPE_CHECKING:
    from ..reports.section import Section
    from ..reports.subject import Simulated


@click.command()
@click.argument("epoch", type=FILE)
@click.option("--out", type=OUTPUT, help="Page to write: one HTML file, which opens offline.")
@click.option("--portfolio", type=FILE, help="The private edition: of this portfolio, for its holder alone.")
@click.option("--section", help="Print one section as text; --out is not needed then.")
@click.option("--history", type=FILE, help="Price history (CSV) to look back on in place of the epoch's own.")
@click.option("--forecasts", type=FILE, multiple=True, help="Forecasts to judge, as `risk forecast` writes them; again "
              "for each.")
@click.option("--cascade", type=FILE, help="Configuration of a cascade, to size the fund by.")
@click.option("--cascade-preset", help="A preset in its place: standard, 2020-03-12 or 2025-10-10.")
@click.option("--seeds", type=Integer(1, 10_000), default=5, show_default=True, help="Of the cascade.")
@reporting
def report(epoch: Path, out: Path | None, portfolio: Path | None, section: str | None, history: Path | None,
           forecasts: tuple[Path, ...], cascade: Path | None, cascade_preset: str | None, seeds: int) -> Outcome:
    """A report of EPOCH: model card, gates, reference books, backtests, stress, inputs; every figure with the command
    that prints it.

    With --portfolio the private edition: the margin in parts, and why it is what it is. Neither is in the other.
    """
    from risk.margins.portfolio import Portfolio

    from ..reports.backtests import with_forecasts
    from ..reports.run import private_report, public_report
    from ..reports.section import commands_of, to_json, written
    from ..reports.subject import Holder, Subject
    if (out is None) == (section is None):
        raise BadInput("--out and --section", None, "given, one of them")
    if portfolio is not None and (forecasts or cascade or cascade_preset):
        raise BadInput("--portfolio", str(portfolio), "without --forecasts and --cascade, which the public edition is "
                       "made of")
    held = None if portfolio is None else Portfolio.read(portfolio)
    simulated = _simulated(cascade, cascade_preset, seeds)
    subject = with_forecasts(Subject.read(epoch, history=history, simulated=simulated, progress=progress), forecasts)
    made = public_report(subject, section) if held is None or portfolio is None else \
        private_report(Holder(subject, portfolio, held), section)
    if section is not None:
        return Outcome({**made.to_json(), "epoch": str(epoch)}, list(_lines(made.sections)))
    assert out is not None
    page = made.page()
    with jsonio.creating(out, mode=0o600 if made.private else 0o644) as file:
        file.write(page)
    commands = commands_of(made.sections)
    data = {"out": str(out), "edition": "private" if made.private else "public", "bytes": len(page),
            "sha256": hashlib.sha256(page).hexdigest(), "root": str(subject.numbers.root),
            "commands": [written(command) for command in commands],
            "sections": [to_json(one) for one in made.sections]}
    return Outcome(data, [f"{out}: {len(made.sections)} sections, {len(page):,} bytes, "
                          f"{'PRIVATE, for its holder alone' if made.private else 'public'}",
                          *table([(one.id, one.title) for one in made.sections])])


def _simulated(config: Path | None, preset: str | None, seeds: int) -> Simulated | None:
    from risk.cascades import presets

    from ..cascading import read_cascade
    from ..reports.subject import Simulated
    if config is not None and preset is not None:
        raise BadInput("--cascade and --cascade-preset", (str(config), preset), "one of them")
    if config is not None:
        return Simulated(read_cascade(config), (str(config),), seeds)
    return None if preset is None else Simulated(presets.preset(preset), ("--preset", preset), seeds)


def _lines(sections: Sequence[Section]) -> Iterator[str]:
    """Sections as text."""
    from ..reports.section import Image, Said, Table, Words, written
    for one in sections:
        yield one.title
        for block in one.blocks:
            yield ""
            match block:
                case Words() | Said():
                    yield block.text
                    yield from (f"- {item}" for item in block.items)
                case Table():
                    yield from [block.title] if block.title else []
                    yield from table(block.rows, block.header)
                case Image():
                    yield f"(picture: {written(block.commands[-1])})"
