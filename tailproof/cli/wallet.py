"""`tailproof wallet`: openings of all accounts and versions, encrypted."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from primitives.errors import BadInput

from .console import ADDRESS, FILE, OUTPUT, Integer, Outcome, reporting, table

WALLET = click.option("--wallet", "file", type=FILE, required=True, help="Wallet file.")
PASSPHRASE = click.option("--passphrase-file", type=FILE, help="Read the passphrase there; else it is asked for.")
VERSION = Integer(0, (1 << 40) - 1)
KINDS = ("opening", "collateral-opening", "member-opening", "member-balances")


@click.group()
def wallet() -> None:
    """Keep openings by account and version, encrypted with a passphrase (trader)."""


@wallet.command("new")
@PASSPHRASE
@click.option("--out", type=OUTPUT, required=True, help="Wallet to write, mode 0600.")
@reporting
def new(passphrase_file: Path | None, out: Path) -> Outcome:
    """An empty wallet. Who loses the passphrase loses what is in it."""
    from ..wallet import create
    create(out, passphrase_of(passphrase_file, f"New passphrase of {out}", twice=True))
    return Outcome({"path": str(out)}, [f"{out}: an empty wallet. Nobody can open it without the passphrase."])


@wallet.command("add")
@WALLET
@PASSPHRASE
@click.option("--account", type=ADDRESS, required=True, help="Whose opening it is.")
@click.option("--version", type=VERSION, required=True, help="Of the account's state that it opens.")
@click.argument("secret", type=FILE)
@reporting
def add(file: Path, passphrase_file: Path | None, account: str, version: int, secret: Path) -> Outcome:
    """Put SECRET, a salt file of positions, collateral or a member, into a wallet; what is there is never replaced."""
    from .. import wallet as wallets
    entry = wallets.read_entry(secret, account, version)
    added = wallets.add(file, passphrase_of(passphrase_file, f"Passphrase of {file}"), entry)
    return Outcome({"path": str(file), "added": added, **entry.told()},
                   [f"{file} holds the {entry.kind} of {account}, version {version}"
                    f"{'' if added else ', and did before'}. {secret} is where it was: keep it as safe, or remove it."])


@wallet.command("list")
@WALLET
@PASSPHRASE
@reporting
def show(file: Path, passphrase_file: Path | None) -> Outcome:
    """What a wallet holds, without what opens it."""
    from ..wallet import load
    found = [entry.told() for entry in load(file, passphrase_of(passphrase_file, f"Passphrase of {file}")).entries]
    return Outcome({"entries": found}, table(
        [(entry["account"], entry["version"], entry["kind"], entry["statement"], entry["commitment"] or "",
          entry["keeper"] or "") for entry in found],
        ["account", "version", "kind", "statement", "commitment", "keeper"]) or ["The wallet is empty."])


@wallet.command("export")
@WALLET
@PASSPHRASE
@click.option("--account", type=ADDRESS, required=True, help="Whose.")
@click.option("--version", type=VERSION, help="Of the account's state.  [default: the latest there]")
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True, help="What of it.")
@click.option("--keeper", type=ADDRESS, help="Protocol or custodian, where there are several.")
@click.option("--out", type=OUTPUT, required=True, help="File to write, mode 0600, as it was put in.")
@reporting
def export(file: Path, passphrase_file: Path | None, account: str, version: int | None, kind: str, keeper: str | None,
           out: Path) -> Outcome:
    """Take a copy out of a wallet, for a command that needs it."""
    from ..wallet import load, restored
    found = load(file, passphrase_of(passphrase_file, f"Passphrase of {file}")).find(account, version, kind, keeper)
    restored(found, out)
    return Outcome({"path": str(out), **found.told()},
                   [f"{out}: {kind} of {account}, version {found.version}. Whoever reads it knows what it opens."])


@wallet.command("passphrase")
@WALLET
@PASSPHRASE
@click.option("--new-passphrase-file", type=FILE, help="Read the new one there; else it is asked for.")
@reporting
def passphrase(file: Path, passphrase_file: Path | None, new_passphrase_file: Path | None) -> Outcome:
    """Change the passphrase of a wallet. Copies of the file keep the old one."""
    from ..wallet import change_passphrase
    change_passphrase(file, passphrase_of(passphrase_file, f"Passphrase of {file}"),
                      passphrase_of(new_passphrase_file, f"New passphrase of {file}", twice=True,
                                  option="--new-passphrase-file"))
    return Outcome({"path": str(file)}, [f"{file} opens with the new passphrase alone; copies of it with theirs."])


def passphrase_of(path: Path | None, ask: str, *, twice: bool = False, option: str = "--passphrase-file") -> str:
    """The passphrase in a file, or as it is typed."""
    from verifier_contracts.keystore import exposed, read_passphrase

    from .console import warn
    if path is not None:
        if told := exposed(path):
            warn(told)
        return read_passphrase(path)
    if sys.stdin is None or not sys.stdin.isatty():
        raise BadInput(option, None, "given where no terminal is there to ask at")
    return str(click.prompt(ask, hide_input=True, confirmation_prompt=twice, err=True))
