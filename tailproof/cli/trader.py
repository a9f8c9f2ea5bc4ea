"""`tailproof commit` and `tailproof prove`: what a trader does; only the bundle ever leaves her machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from circuits import statements
from primitives.errors import BadInput
from risk.exact.clock import format_time

from .. import epochs
from ..keys import INSECURE, KeyDirectory
from ..number_forms import duration, moment
from ..secret import Opening
from .console import ADDRESS, FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .memory import peak_memory
from .node import Endpoint, talking_to_a_node
from .setting import Setting

if TYPE_CHECKING:
    from circuits.statements.cover import Claim
    from risk.margins.portfolio import Portfolio
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
    remarks = idle(numbers, held)
    opening.save(out)
    return Outcome({"commitment": str(opening.commitment), "opening": str(out), "slots_used": len(opening.slots),
                    "remarks": remarks},
                   [*table([("commitment", opening.commitment), *held.positions]), *remarks,
                    f"{out} opens it: who has that file knows the portfolio, and without it nothing can be proven."])


def idle(numbers: epochs.AnyEpoch, held: Portfolio) -> list[str]:
    """What is committed to without effect, which somebody may not have meant: no lots, or lots of what has expired."""
    from risk.margins.contributions import instrument_of
    found = []
    for (symbol, lots), (row, _) in zip(held.positions, held.rows(numbers), strict=True):
        instrument = instrument_of(numbers, row)
        if not lots:
            found.append(f"NOTE: 0 lots of {symbol}: nothing is held of it.")
        elif instrument is not None and instrument.expiry is not None and instrument.expiry <= numbers.header.timestamp:
            found.append(f"NOTE: {symbol} expired on {format_time(instrument.expiry)}: its value changes no more.")
    return found


def _check(opened: Path, statement: str | None, epoch: Path | None, portfolio: Path | None, out: Path | None
           ) -> Outcome:
    from risk.margins.portfolio import Portfolio

    from ..holdings import below_their_size, beyond_their_size, open_commitment
    from .risk_addons import outside, oversized_json, undersized_json
    if out is not None:
        raise BadInput("--out", str(out), "absent with --check, which writes nothing")
    if portfolio is not None and epoch is None:
        raise BadInput("--epoch", None, "given with --portfolio: it says which instruments the symbols are")
    opening = Opening.load(opened)
    if statement is not None and opening.statement != statement:
        raise BadInput("opening.statement", opening.statement, f"{statement!r}", source=opened)
    numbers = None if epoch is None else epochs.load(epoch)
    found = open_commitment(opening, numbers, None if portfolio is None else Portfolio.read(portfolio))
    agrees, beyond = all(position.agrees for position in found), beyond_their_size(opening, numbers)
    below = below_their_size(opening, numbers)
    verdict = [] if portfolio is None else [
        f"{opened} commits to exactly the positions of {portfolio}." if agrees else
        f"{opened} does NOT commit to the positions of {portfolio}."]
    return Outcome({"commitment": str(opening.commitment), "statement": opening.statement,
                    "compared": portfolio is not None, "positions": [position.to_json() for position in found],
                    "oversized": [oversized_json(one) for one in beyond],
                    "undersized": [undersized_json(one) for one in below]},
                   [*table([("commitment", opening.commitment), ("statement", opening.statement)]),
                    *positions_told(found), *outside(beyond, below), *verdict],
                   agrees and not beyond and not below)


def positions_told(found: Sequence[Position]) -> list[str]:
    """Positions for people: lots committed to, and held where that is known."""
    if all(position.held is None for position in found):
        return table([(position.instrument, position.committed) for position in found], ["instrument", "committed"])
    return table([(position.instrument, position.committed, position.held, "ok" if position.agrees else "DIFFERS")
                  for position in found], ["instrument", "committed", "held", ""])


@click.command()
@click.option("--key", type=FILE, required=True, help="Key directory: of a margin, cover or flat statement.")
@click.option("--epoch", type=FILE, help="Epoch directory; for all but a flat statement.")
@click.option("--opening", type=FILE, required=True, help="Salt file that `tailproof commit` wrote.")
@click.option("--deployment", cls=Setting, type=FILE, required=True,
              help="Deployment file: the contract the proof is for.")
@click.option("--account", type=ADDRESS, required=True, help="Account that it is about.")
@click.option("--epoch-id", type=click.IntRange(0, (1 << 40) - 1), help="Id of the published epoch.")
@click.option("--state-version", type=click.IntRange(0, (1 << 40) - 1), help="Version of the account's state.")
@click.option("--value", type=Integer(0, (1 << 96) - 1), help="Of a cover statement: collateral, in 1e-6 quote units.")
@click.option("--buffer", type=Integer(0, (1 << 16) - 1), help="The same: required beyond the margin, in basis points.")
@click.option("--short", is_flag=True, help="The same: show that it does not suffice.")
@talking_to_a_node(optional="Read epoch id and version there; compare root, commitment and key.")
@click.option("--out", type=OUTPUT, required=True, help="Bundle to write.")
@reporting
def prove(key: Path, epoch: Path | None, opening: Path, deployment: Path, account: str, epoch_id: int | None,
          state_version: int | None, value: int | None, buffer: int | None, short: bool, endpoint: Endpoint, out: Path
          ) -> Outcome:
    """Prove of a committed portfolio what the key is of: its margin; that collateral covers it, which stays hidden; or
    that it holds nothing. The bundle that results shows no position."""
    from risk.epochs.header import TRIAL
    from risk.exact.money import format_money
    from verifier_contracts.attesting import Attesting
    from verifier_contracts.context import Context
    from verifier_contracts.system import System

    from ..bundling import kind_of_key, prove_bundle
    keys, there = KeyDirectory.load(key), System.load(deployment)
    kind, claim = kind_of_key(keys), _claim(value, buffer, short)
    if (epoch is None) != (kind == "flat"):
        raise BadInput("--epoch", None if epoch is None else str(epoch), "absent: what holds nothing holds nothing in "
                       "every epoch" if kind == "flat" else "given")
    numbers, secret = None if epoch is None else epochs.load(epoch), Opening.load(opening)
    key_digest = there.installed(kind).key_digest
    if numbers is None:
        if epoch_id:
            raise BadInput("--epoch-id", epoch_id, "absent: a flat statement is of no epoch")
        epoch_id = 0
    if endpoint.rpc is not None:
        contracts = there.open(endpoint.connect())
        ledger = Attesting(contracts)
        key_digest = contracts.registry.active(kind).key_digest    # the one in force: it may have been rotated since
        state_version = ledger.state_of(account).version if state_version is None else state_version
        if numbers is not None:
            epoch_id = published(ledger, numbers, epoch_id, str(deployment), epoch)
        if ledger.commitment_of(account) != secret.commitment:
            raise BadInput("--opening", str(secret.commitment), f"what opens the commitment registered for {account}: "
                           f"{ledger.commitment_of(account)}", source=opening)
    if epoch_id is None or state_version is None:
        raise BadInput("--epoch-id and --state-version", (epoch_id, state_version), "given, or read with --rpc")
    context = Context(kind, there.chain_id, there.contracts["ledger"], key_digest, account, epoch_id, state_version)
    bundle = prove_bundle(keys, secret, context, epoch=numbers, claim=claim, progress=progress)
    bundle.save(out)
    trial = numbers is not None and numbers.header.trial
    shown = [("margin", f"{format_money(bundle.margin)} {numbers.header.quote}")] \
        if kind == "margin" and numbers is not None else []
    return Outcome({"bundle": str(out), **({"margin": str(bundle.margin)} if shown else {}),
                    "statement": bundle.statement, "insecure_setup": bundle.insecure_setup, "trial_epoch": trial,
                    "peak_memory_bytes": peak_memory()},
                   [*table([*shown, ("statement", bundle.statement), ("bundle", out)]),
                    *([INSECURE] if bundle.insecure_setup else []), *([TRIAL] if trial else [])])


def _claim(value: int | None, buffer: int | None, short: bool) -> Claim | None:
    from circuits.statements.cover import Claim
    if value is None and buffer is None and not short:
        return None
    if value is None or buffer is None:
        raise BadInput("--value and --buffer", (value, buffer), "given together")
    return Claim(value, buffer, not short)


def published(ledger: Attesting, numbers: epochs.AnyEpoch, epoch_id: int | None, deployment: str, epoch: Path | None
               ) -> int:
    """As what an epoch was published, and that it still counts."""
    latest = ledger.oracle.latest_epoch_id()
    if not latest:
        raise BadInput("--deployment", deployment, "one with a published epoch: there is none yet")
    chosen = latest if epoch_id is None else epoch_id
    root = ledger.oracle.root_of(chosen)
    if root != numbers.root:
        raise BadInput("--epoch", str(numbers.root), f"the epoch published as {chosen}: root {root}" + (
                       "" if epoch_id is not None else " (the latest; if yours was published "
                       "before it, say as what: --epoch-id)"), source=epoch)
    _require_young(ledger, chosen)
    return chosen


def _require_young(ledger: Attesting, epoch_id: int) -> None:
    """Refuse, before the work of a proof, an epoch that the contract does not take any more (StaleEpoch)."""
    now, age = ledger.chain.next_time(), ledger.max_epoch_age()
    if now > epoch_id + age:
        raise BadInput("--epoch-id", epoch_id, f"{moment(now - age)} or later: the contract takes proofs in epochs "
                       f"of the last {duration(age)}, and this one is {duration(now - epoch_id)} old (StaleEpoch)")
