"""`tailproof submit`: a bundle brought to the chain."""

from __future__ import annotations

from pathlib import Path

import click

from ..bundle import Bundle
from ..keys import INSECURE
from .console import FILE, Outcome, reporting, table
from .node import Endpoint, talking_to_a_node


@click.command()
@click.argument("bundle", type=FILE)
@click.option("--deployment", type=FILE, required=True, help="File that `contract deploy` wrote.")
@talking_to_a_node(sends=True)
@reporting
def submit(bundle: Path, deployment: Path, endpoint: Endpoint) -> Outcome:
    """Submit BUNDLE; anyone may.  Nothing is sent that the contract would refuse: exit code 1 then names the reason."""
    from relayer.submit import submit as carry
    from risk.exact.money import format_money
    from verifier_contracts.system import System
    given, there = Bundle.load(bundle), System.load(deployment)
    done = carry(given, there, endpoint.connect())
    stood = "none needed: this margin is attested already, and the proof is good for it" if done.proof_checked else \
        "none needed: this margin is attested already; the proof was NOT checked, its key is not in force any more"
    return Outcome({"outcome": done.outcome, "proof_checked": done.proof_checked, "transaction": done.transaction,
                    "gas_used": done.gas_used,
                    "account": given.context.account,
                    "margin": str(given.margin), "insecure_setup": there.insecure},
                   [*table([("account", given.context.account), ("margin", f"{format_money(given.margin)} quote units"),
                            ("transaction", done.transaction or stood),
                            ("gas", done.gas_used)]),
                    *([INSECURE] if there.insecure else [])])
