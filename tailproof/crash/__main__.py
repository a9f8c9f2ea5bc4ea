"""`python -m tailproof.crash`: the whole day, its replay on anvil, its picture and its tables. `make crash` runs it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..cli.console import progress, table
from ..keys import INSECURE
from .run import run, save


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/crash"), show_default=True)
@click.option("--keys", type=click.Path(path_type=Path), default=Path("out/keys"), show_default=True)
@click.option("--short", is_flag=True, help="Five accounts, one lot, no replay.")
@click.option("--quiet", is_flag=True, help="Only the tables at the end.")
def main(out: Path, keys: Path, short: bool, quiet: bool) -> None:
    """A fall of 40 % over real proofs, through every tier of liquidation."""
    def told(minute: float, who: str, what: str, amount: int) -> None:
        if not quiet:
            click.echo(f"{minute:7.1f} min  {who}: {what}" + (f" ({amount / 10**6:,.2f})" if amount else ""))
    report = run(out, keys, short=short, progress=progress, told=lambda entry: told(
        entry.minute, entry.who, entry.what, entry.amount))
    save(report, out)
    for lines in (table(report.seconds_rows(), ["stage", "s"]),
                  table(report.ended_rows(), ["account", "what became of it"]),
                  table(report.learned_rows(), ["who", "books that he could read", "whose that are not his own"]),
                  table(report.gas_rows(), ["step", "times", "gas at most"])):
        click.echo("\n" + "\n".join(lines))
    click.echo("\n" + "\n".join((report.money(), report.replayed_text(), *report.failures, INSECURE,
                                 f"{out / 'timeline.png'}, {out / 'report.json'}")))
    sys.exit(0 if report.holds else 1)


if __name__ == "__main__":
    main()
