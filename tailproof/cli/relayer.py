"""`tailproof submit`: a bundle brought to the chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from primitives.errors import BadInput

from .. import epochs
from ..bundle import Bundle
from ..keys import INSECURE
from .console import FILE, Outcome, reporting, table
from .node import Endpoint, talking_to_a_node
from .setting import Setting

if TYPE_CHECKING:
    from verifier_contracts.system import System


@click.command()
@click.argument("bundle", type=FILE)
@click.option("--deployment", cls=Setting, type=FILE, required=True, help="File that `contract deploy` wrote.")
@click.option("--epoch", type=FILE, help="Of a cover: directory of its epoch, whose collateral factors are told.")
@click.option("--collateral", type=FILE, help="Of a cover under an epoch by full revaluation: its collateral file.")
@talking_to_a_node(sends=True)
@reporting
def submit(bundle: Path, deployment: Path, epoch: Path | None, collateral: Path | None, endpoint: Endpoint) -> Outcome:
    """Submit BUNDLE, of a margin, cover or flat statement; anyone may.  Nothing is sent that the contract would refuse:
    exit code 1 then names the reason."""
    from relayer.submit import submit as carry
    from risk.exact.money import format_money
    from verifier_contracts.system import System
    given, there = Bundle.load(bundle), System.load(deployment)
    kind = given.context.statement
    if (epoch is None) != (kind != "cover"):
        raise BadInput("--epoch", None if epoch is None else str(epoch), "given with a cover: whose factors it is "
                       "counted by" if kind == "cover" else f"absent: {kind} counts no collateral")
    if kind in ("cover", "flat"):
        return _shown(given, there, endpoint, epoch, collateral)
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


def _shown(given: Bundle, system: System, endpoint: Endpoint, epoch: Path | None, collateral: Path | None) -> Outcome:
    """Bring a cover, or that nothing is held."""
    from relayer.submit_cover import submit_cover, submit_flat

    from .vault import factors_of
    context = given.context
    if epoch is None:
        done = submit_flat(given, system, endpoint.connect())
    else:
        factors = factors_of(epochs.load(epoch), collateral)
        done = submit_cover(given, system, endpoint.connect(), factors)
    return Outcome({"outcome": done.outcome, "statement": given.statement, "account": context.account,
                    "transaction": done.transaction, "gas_used": done.gas_used, "insecure_setup": system.insecure},
                   [*table([("account", context.account),
                            ("shown", "covered" if epoch is not None else "holds nothing"),
                            ("transaction", done.transaction), ("gas", done.gas_used)]),
                    *([INSECURE] if system.insecure else [])])
