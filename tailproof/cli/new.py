"""`tailproof new`: files to start from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click

from primitives import jsonio

from .. import templates
from .console import FILE, OUTPUT, Outcome, OutputFile, progress, reporting, table

_ASSETS = click.option("--assets", default=",".join(templates.ASSETS), show_default=True,
                       help="Symbols of the underlyings, separated by commas.")
_OUT = click.option("--out", type=OUTPUT, required=True, help="File to write; one that exists is not overwritten.")


@click.group()
def new() -> None:
    """Write a book, model, portfolio, collateral or system of contracts that builds as it stands; or what the README
    begins with."""


@new.command("book")
@_ASSETS
@_OUT
@reporting
def book(assets: str, out: Path) -> Outcome:
    """A book of made-up prices, valued today: five instruments an asset (JSON)."""
    return _written(templates.book, assets, out)


@new.command("model")
@_ASSETS
@_OUT
@reporting
def model(assets: str, out: Path) -> Outcome:
    """A Monte Carlo model with made-up parameters, which reads no prices (TOML)."""
    return _written(templates.model, assets, out)


@new.command("portfolio")
@_ASSETS
@_OUT
@reporting
def portfolio(assets: str, out: Path) -> Outcome:
    """A portfolio of instruments of `new book` (JSON)."""
    return _written(templates.portfolio, assets, out)


@new.command("collateral")
@_ASSETS
@_OUT
@reporting
def collateral(assets: str, out: Path) -> Outcome:
    """What a dollar token counts for, the quote asset of `new system` (JSON): epochs are signed with it."""
    return _written(templates.collateral, assets, out)


@new.command("system")
@_ASSETS
@click.option("--make-keys", type=click.Choice(["tiny", "full-256x16"]), help="Make INSECURE trial keys of this size "
              "too, in keys/ beside the file.")
@click.option("--out", type=OutputFile(makes_folder=True), required=True, help="File to write, in a folder that is "
              "made if it is not there; what exists is not overwritten.")
@reporting
def system(assets: str, make_keys: str | None, out: Path) -> Outcome:
    """A configuration of all contracts, for anvil and trial keys (JSON); `contract deploy --config` takes it."""
    jsonio.require_new(out)                        # before keys are made for nothing
    templates.checked_assets(assets)
    with jsonio.refusing_to_write(out):            # a folder of its own, for the keys beside it
        out.parent.mkdir(parents=True, exist_ok=True)
    if make_keys is None:
        return _written(templates.system, assets, out)
    from ..keys import INSECURE
    from ..systems import make_trial_keys
    made = make_trial_keys(out.parent / "keys", make_keys, progress=progress)
    written = _written(templates.system, assets, out)
    return Outcome({**written.data, "keys": {slot: str(key.path) for slot, key in made.items()}}, [
        *written.lines, *(f"{key.path}: {key.statement}" for key in made.values()), INSECURE])


@new.command("fixtures")
@click.option("--out", type=FILE, required=True, help="Directory to make.")
@reporting
def fixtures(out: Path) -> Outcome:
    """The books, models, portfolios and collateral files of the README and the demo, each market in a folder. Prices
    are made up."""
    from risk.epochs.epoch_directory import creating

    from .. import shipped
    names = []
    with creating(out) as fresh:
        for path, data in shipped.inputs():
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).write_bytes(data)
            names.append(str(path))
    return Outcome({"out": str(out), "files": names}, [f"{out}: {len(names)} files", *(f"  {name}" for name in names)])


@new.command("accounts")
@_OUT
@reporting
def accounts(out: Path) -> Outcome:
    """Accounts of a local trial chain (anvil, Hardhat), named as the README names them: lines for a shell, addresses
    and keys. Everybody knows these keys."""
    from ..trial_accounts import as_shell, trial_accounts
    with jsonio.creating(out) as file:
        file.write(as_shell().encode())
    found = trial_accounts()
    return Outcome({"out": str(out), "accounts": {one.name: one.address for one in found}},
                   [*table([(one.name, one.address) for one in found]), "",
                    f"{out}: `. {os.path.join('.', out)}` sets these, and their keys as NAME_KEY."])


def _written(make: Callable[[tuple[str, ...]], str], assets: str, out: Path) -> Outcome:
    text = make(templates.checked_assets(assets))
    with jsonio.creating(out) as file:
        file.write(text.encode())
    return Outcome({"out": str(out), "assets": assets.split(",")}, [f"wrote {out}"])
