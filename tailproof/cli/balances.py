"""`tailproof balances`: what a protocol attests to keep for its accounts."""

from __future__ import annotations

from pathlib import Path

import click

from circuits import statements
from primitives.errors import BadInput
from risk.exact.clock import format_time

from .. import epochs
from .console import FILE, OUTPUT, Outcome, reporting
from .node import Endpoint, signing_offline
from .solvency import AS_OF, UNTIL, begun


@click.group()
def balances() -> None:
    """Attest what is kept for accounts, under one root an epoch (protocol)."""


@balances.command("attest")
@click.option("--statement", required=True, help="Netting statement that it is for.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory; names the assets.")
@click.option("--balances", "book", type=FILE, required=True, help="Your book: accounts with places, balances, debts "
              "(JSON).")
@AS_OF
@UNTIL
@click.option("--members", type=OUTPUT, required=True, help="Folder to write: one file for each account, mode 0600.")
@click.option("--out", type=OUTPUT, required=True, help="Signed root to write.")
@signing_offline
@reporting
def attest_balances(statement: str, epoch: Path, book: Path, as_of: int | None, until: int, members: Path, out: Path,
                    endpoint: Endpoint) -> Outcome:
    """Sign the root of what you keep for all accounts at an epoch, and write for each account what opens its own.

    Once an epoch, and each account always at its own place: who shows an account of two balances shows the better.
    """
    from risk.grid.grid_epoch import GridEpoch

    from ..balances import preset_of, read_book, save_all, tree_of
    from ..custody import BalanceRoot
    from ..shapes import require_shape
    found, numbers = statements.get(statement), epochs.load(epoch)
    preset_of(found)
    require_shape(numbers.shape, found.shape, statement, source=epoch)
    assert isinstance(numbers, GridEpoch)
    entries, signer = read_book(book, numbers), endpoint.signer()
    if any(entry.account == signer.address for entry in entries):
        raise BadInput("accounts", signer.address, "others than the protocol's own: nobody attests for herself")
    number = numbers.header.timestamp
    root, told = tree_of(found, signer.address, number, entries)
    made = BalanceRoot(signer=signer.address, epoch_number=number, root=root, as_of=begun(as_of, until),
                       until=until).signed(signer)
    save_all(told, made, members, out)
    return Outcome({"path": str(out), "members": str(members), "accounts": len(told), "attestation": made.to_json()},
                   [f"{out}: {signer.address} attests balances of {len(told)} accounts at {format_time(number)}, until "
                    f"{format_time(until)}, under root {root}.",
                    f"{members}: a file for each account, which opens its balances: for its owner alone."])
