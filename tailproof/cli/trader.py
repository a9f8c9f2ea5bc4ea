"""`tailproof commit` and `tailproof prove`: what a trader does; only the bundle ever leaves her machine."""

from __future__ import annotations

from pathlib import Path

import click

from circuits import statements
from primitives.errors import BadInput

from .. import epochs
from ..keys import INSECURE, KeyDirectory
from ..secret import Opening
from .console import ADDRESS, FILE, OUTPUT, Outcome, progress, reporting, table
from .memory import peak_memory
from .node import Endpoint, talking_to_a_node


@click.command()
@click.option("--statement", required=True, help="Name of the statement to prove later.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory; names the instruments.")
@click.option("--portfolio", type=FILE, required=True, help="Portfolio file (JSON).")
@click.option("--out", type=OUTPUT, required=True, help="Salt file to write, mode 0600. Keep it secret, and keep it.")
@reporting
def commit(statement: str, epoch: Path, portfolio: Path, out: Path) -> Outcome:
    """Commit to a portfolio under a fresh salt."""
    from risk.margins.portfolio import Portfolio

    from ..attestation import commit as commit_to
    opening = commit_to(statements.get(statement), epochs.load(epoch), Portfolio.read(portfolio))
    opening.save(out)
    return Outcome({"commitment": str(opening.commitment), "opening": str(out), "slots_used": len(opening.slots)},
                   [*table([("commitment", opening.commitment)]),
                    f"{out} opens it: who has that file knows the portfolio, and without it nothing can be proven."])


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
    from risk.exact.money import format_money
    from verifier_contracts.context import Context
    from verifier_contracts.deployment import Deployment

    from ..attestation import prove_margin
    keys, there = KeyDirectory.load(key), Deployment.load(deployment)
    numbers, secret, key_digest = epochs.load(epoch), Opening.load(opening), there.key_digest
    if endpoint.rpc is not None:
        registry, manager = there.open(endpoint.connect())
        key_digest = manager.key_digest()          # the one in force: it may have been rotated since
        epoch_id = registry.latest_epoch_id() if epoch_id is None else epoch_id
        state_version = manager.state_of(account).version if state_version is None else state_version
        if registry.root_of(epoch_id) != numbers.root:
            raise BadInput("--epoch", str(numbers.root), f"the epoch published as {epoch_id}: "
                           f"root {registry.root_of(epoch_id)}", source=epoch)
        if manager.commitment_of(account) != secret.commitment:
            raise BadInput("--opening", str(secret.commitment), f"what opens the commitment registered for {account}: "
                           f"{manager.commitment_of(account)}", source=opening)
    if epoch_id is None or state_version is None:
        raise BadInput("--epoch-id and --state-version", (epoch_id, state_version), "given, or read with --rpc")
    context = Context(there.chain_id, there.manager, key_digest, account, epoch_id, state_version)
    bundle = prove_margin(keys, numbers, secret, context, progress=progress)
    bundle.save(out)
    return Outcome({"bundle": str(out), "margin": str(bundle.margin), "statement": bundle.statement,
                    "insecure_setup": bundle.insecure_setup, "peak_memory_bytes": peak_memory()},
                   [*table([("margin", f"{format_money(bundle.margin)} {numbers.header.quote}"),
                            ("statement", bundle.statement), ("bundle", out)]),
                    *([INSECURE] if bundle.insecure_setup else [])])
