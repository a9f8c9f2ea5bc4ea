"""`tailproof commit` and `tailproof prove`: what a trader does; only the bundle ever leaves her machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from circuits import statements
from primitives.errors import BadInput

from .. import epochs
from ..keys import INSECURE, KeyDirectory
from ..secret import Opening
from .console import ADDRESS, FILE, OUTPUT, Outcome, progress, reporting, table
from .memory import peak_memory
from .node import Endpoint, talking_to_a_node

if TYPE_CHECKING:
    from verifier_contracts.attesting import Attesting

    from ..holdings import Position


@click.command()
@click.option("--statement", help="Name of the statement to prove later.")
@click.option("--epoch", type=FILE, help="Epoch directory; names the instruments.")
@click.option("--portfolio", type=FILE, help="Portfolio file (JSON).")
@click.option("--out", type=OUTPUT, help="Salt file to write, mode 0600. Keep it secret, and keep it.")
@click.option("--check", "opened", type=FILE, metavar="OPENING", help="Instead: what does this salt file commit to? "
              "With --portfolio, whether it is that (exit code 1 if not).")
@reporting
def commit(statement: str | None, epoch: Path | None, portfolio: Path | None, out: Path | None, opened: Path | None
           ) -> Outcome:
    """Commit to a portfolio under a fresh salt; or, with --check, compare a commitment with a portfolio."""
    from risk.margins.portfolio import Portfolio
    if opened is not None:
        return _check(opened, statement, epoch, portfolio, out)
    if statement is None or epoch is None or portfolio is None or out is None:
        missing = [name for name, value in (("--statement", statement), ("--epoch", epoch), ("--portfolio", portfolio),
                                            ("--out", out)) if value is None]
        raise BadInput(missing[0], None, f"given, to make a commitment (missing: {', '.join(missing)})")

    from ..attestation import commit as commit_to
    numbers, held = epochs.load(epoch), Portfolio.read(portfolio)
    opening = commit_to(statements.get(statement), numbers, held)
    opening.save(out)
    return Outcome({"commitment": str(opening.commitment), "opening": str(out), "slots_used": len(opening.slots)},
                   [*table([("commitment", opening.commitment), *held.positions]),
                    f"{out} opens it: who has that file knows the portfolio, and without it nothing can be proven."])


def _check(opened: Path, statement: str | None, epoch: Path | None, portfolio: Path | None, out: Path | None
           ) -> Outcome:
    from risk.margins.portfolio import Portfolio

    from ..holdings import open_commitment
    if out is not None:
        raise BadInput("--out", str(out), "absent with --check, which writes nothing")
    if portfolio is not None and epoch is None:
        raise BadInput("--epoch", None, "given with --portfolio: it says which instruments the symbols are")
    opening = Opening.load(opened)
    if statement is not None and opening.statement != statement:
        raise BadInput("opening.statement", opening.statement, f"{statement!r}", source=opened)
    found = open_commitment(opening, None if epoch is None else epochs.load(epoch),
                            None if portfolio is None else Portfolio.read(portfolio))
    holds = all(position.agrees for position in found)
    verdict = [] if portfolio is None else [
        f"{opened} commits to exactly the positions of {portfolio}." if holds else
        f"{opened} does NOT commit to the positions of {portfolio}."]
    return Outcome({"commitment": str(opening.commitment), "statement": opening.statement,
                    "compared": portfolio is not None, "positions": [position.to_json() for position in found]},
                   [*table([("commitment", opening.commitment), ("statement", opening.statement)]),
                    *positions_told(found), *verdict], holds)


def positions_told(found: Sequence[Position]) -> list[str]:
    """Positions for people: lots committed to, and held where that is known."""
    if all(position.held is None for position in found):
        return table([(position.instrument, position.committed) for position in found], ["instrument", "committed"])
    return table([(position.instrument, position.committed, position.held, "ok" if position.agrees else "DIFFERS")
                  for position in found], ["instrument", "committed", "held", ""])


@click.command()
@click.option("--key", type=FILE, required=True, help="Key directory.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory.")
@click.option("--opening", type=FILE, required=True, help="Salt file that `tailproof commit` wrote.")
@click.option("--deployment", type=FILE, required=True, help="Deployment file: the contract the proof is for.")
@click.option("--account", type=ADDRESS, required=True, help="Account whose margin is proven.")
@click.option("--epoch-id", type=click.IntRange(0, (1 << 40) - 1), help="Id of the published epoch.")
@click.option("--state-version", type=click.IntRange(0, (1 << 40) - 1), help="Version of the account's state.")
@talking_to_a_node(optional="Read epoch id and version there; compare root, commitment and key.")
@click.option("--out", type=OUTPUT, required=True, help="Bundle to write.")
@reporting
def prove(key: Path, epoch: Path, opening: Path, deployment: Path, account: str, epoch_id: int | None,
          state_version: int | None, endpoint: Endpoint, out: Path) -> Outcome:
    """Prove the margin of a committed portfolio; the bundle that results shows no position."""
    from risk.epochs.header import TRIAL
    from risk.exact.money import format_money
    from verifier_contracts.attesting import Attesting
    from verifier_contracts.context import MARGIN, Context
    from verifier_contracts.system import System

    from ..attestation import prove_margin
    keys, there = KeyDirectory.load(key), System.load(deployment)
    numbers, secret, key_digest = epochs.load(epoch), Opening.load(opening), there.installed(MARGIN).key_digest
    if endpoint.rpc is not None:
        ledger = Attesting(there.open(endpoint.connect()))
        key_digest = ledger.key_digest()           # the one in force: it may have been rotated since
        latest = ledger.oracle.latest_epoch_id()
        if not latest:
            raise BadInput("--deployment", str(deployment), "one with a published epoch: there is none yet")
        epoch_id, chosen = latest if epoch_id is None else epoch_id, epoch_id is not None
        state_version = ledger.state_of(account).version if state_version is None else state_version
        root = ledger.oracle.root_of(epoch_id)
        if root != numbers.root:
            raise BadInput("--epoch", str(numbers.root), f"the epoch published as {epoch_id}: root {root}" + (
                           "" if chosen else " (the latest; if yours was published "
                           "before it, say as what: --epoch-id)"), source=epoch)
        _require_young(ledger, epoch_id)
        if ledger.commitment_of(account) != secret.commitment:
            raise BadInput("--opening", str(secret.commitment), f"what opens the commitment registered for {account}: "
                           f"{ledger.commitment_of(account)}", source=opening)
    if epoch_id is None or state_version is None:
        raise BadInput("--epoch-id and --state-version", (epoch_id, state_version), "given, or read with --rpc")
    context = Context(MARGIN, there.chain_id, there.contracts["ledger"], key_digest, account, epoch_id, state_version)
    bundle = prove_margin(keys, numbers, secret, context, progress=progress)
    bundle.save(out)
    return Outcome({"bundle": str(out), "margin": str(bundle.margin), "statement": bundle.statement,
                    "insecure_setup": bundle.insecure_setup, "trial_epoch": numbers.header.trial,
                    "peak_memory_bytes": peak_memory()},
                   [*table([("margin", f"{format_money(bundle.margin)} {numbers.header.quote}"),
                            ("statement", bundle.statement), ("bundle", out)]),
                    *([INSECURE] if bundle.insecure_setup else []), *([TRIAL] if numbers.header.trial else [])])


def _require_young(ledger: Attesting, epoch_id: int) -> None:
    """Refuse, before the work of a proof, an epoch that the contract does not take any more (StaleEpoch)."""
    now, age = ledger.chain.next_time(), ledger.max_epoch_age()
    if now > epoch_id + age:
        raise BadInput("--epoch-id", epoch_id, f"{now - age} or later: the contract takes proofs in epochs of the last "
                       f"{age} seconds, and this one is {now - epoch_id} seconds old (StaleEpoch)")
