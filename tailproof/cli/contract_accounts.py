"""`tailproof contract void|move|accounts|history`: accounts, as the ledger has them and as they came to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput

from ..number_forms import element
from .console import ADDRESS, Integer, Outcome, progress, reporting, table
from .contract_governance import stepped
from .node import Endpoint, talking_to_a_node
from .vault import DEPLOYMENT, opened, sent

if TYPE_CHECKING:
    from verifier_contracts.events import Event
    from verifier_contracts.system import Contracts, System

CHUNK = 50
"""Accounts that are read in one call."""
NAMED = ("CommitmentRegistered", "AccountMoved", "Deposited", "TransitionApplied")
"""Events that an account first appears in."""


@click.command("void")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("account", type=ADDRESS)
@reporting
def void(deployment: Path, endpoint: Endpoint, account: str) -> Outcome:
    """Declare that ACCOUNT's commitment is not that of its positions (its owner, its venue, a guardian). Nothing is
    proven for it until one is registered again."""
    _, there = opened(deployment, endpoint)
    receipt = there.desk.void(account)
    return Outcome({"account": account, "version": there.ledger.version_of(account), **sent([receipt])},
                   table([("void", account), ("transaction", receipt.transaction)]))


@click.command("move")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("account", type=ADDRESS)
@click.argument("venue", type=ADDRESS)
@click.option("--reassign", is_flag=True, help="As the admin, after its delay, for a venue that is gone.")
@reporting
def move(deployment: Path, endpoint: Endpoint, account: str, venue: str, reassign: bool) -> Outcome:
    """Hand ACCOUNT over to VENUE (its venue, or with --reassign the admin). Its commitment is void: the new venue
    registers its own."""
    _, there = opened(deployment, endpoint)
    facts = {"account": account, "from": there.ledger.venue_of(account), "to": venue}
    if reassign:
        return stepped(there.authority.perform(there.desk, "reassignAccount", account, venue),
                       f"{account} to {venue}", facts)
    receipt = there.desk.move(account, venue)
    return Outcome({**facts, "done": True, **sent([receipt])},
                   table([("moved", account), ("to", venue), ("transaction", receipt.transaction)]))


@click.command("accounts")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--venue", type=ADDRESS, help="Only those that it holds; whose word a reader trusts.")
@click.option("--max-age", type=Integer(0, (1 << 40) - 1), metavar="SECONDS",
              help="How old an epoch you take.  [default: the ledger's bound]")
@reporting
def accounts(deployment: Path, endpoint: Endpoint, venue: str | None, max_age: int | None) -> Outcome:
    """Every account there is: version, commitment, venue, status, margin, and until when it is good."""
    system, there = opened(deployment, endpoint)
    age = there.ledger.max_epoch_age() if max_age is None else max_age
    found = [facts for facts in _accounts(system, there, age) if venue is None or facts["venue"] == venue]
    rows = [(facts["account"], facts["version"], facts["venue"], facts["status"], _amount(facts),
             _until(facts["valid_until"]), _short(int(facts["commitment"])))
            for facts in found]
    return Outcome({"max_age": age, "accounts": found}, table(
        rows, ("account", "version", "venue", "status", "margin", "valid until", "commitment")) if rows else
        ["There is no account."])


def _accounts(system: System, there: Contracts, max_age: int) -> Iterator[dict[str, Any]]:
    from verifier_contracts.events import read_events
    events = read_events(there.chain, {"desk": there.desk, "vault": there.vault}, system.block, names=set(NAMED),
                         report=progress).events
    known = list(dict.fromkeys(event.arguments["account"] for event in events))
    for start in range(0, len(known), CHUNK):
        progress("reading accounts", start, len(known))
        chunk = known[start:start + CHUNK]
        for account, reading in zip(chunk, there.lens.try_margins_of(chunk, max_age), strict=True):
            word = there.ledger.state_of(account)
            yield {"account": account, "version": word.version, "commitment": str(there.ledger.commitment_of(account)),
                   "venue": there.ledger.venue_of(account), "status": reading.status.words,
                   "margin": str(reading.margin) if word.basis else None, "margin_hidden": word.hides_margin,
                   "proven_by": None if word.source is None else word.source.name.lower().replace("_", " "),
                   "generation": word.generation, "epoch_id": word.epoch_id, "attested_at": word.attested_at,
                   "valid_until": reading.valid_until,
                   "tokens": {token: str(there.vault.balance_of(account, token))
                              for token in there.vault.holdings_of(account)}}


def _amount(facts: dict[str, Any]) -> str:
    from risk.exact.money import format_money
    if facts["margin"] is None:
        return "none"
    return ("at most " if facts["margin_hidden"] else "") + format_money(int(facts["margin"]))


def _short(commitment: int) -> str:
    """Its first digits; 0 where none stands."""
    return element(commitment)[:12] + "…" if commitment else "0"


def _until(seconds: int) -> str:
    from risk.exact.clock import format_time
    return "-" if not seconds else "its version changes" if seconds >= 1 << 40 else format_time(seconds)


@click.command("history")
@DEPLOYMENT
@talking_to_a_node()
@click.argument("account", type=ADDRESS)
@click.option("--from-block", type=Integer(0, (1 << 53) - 1), help="Begin there.  [default: the deployment]")
@reporting
def history(deployment: Path, endpoint: Endpoint, account: str, from_block: int | None) -> Outcome:
    """All that the contracts told of ACCOUNT, in order, with the time of each block."""
    from verifier_contracts.events import read_events
    system, there = opened(deployment, endpoint)
    first = system.block if from_block is None else from_block
    if first > there.chain.block().number:
        raise BadInput("--from-block", first, f"at most {there.chain.block().number}, the latest")
    found = read_events(there.chain, {name: there.named(name) for name in (
        "desk", "ledger", "vault", "settlement", "authority", "court")}, first, about=account, times=True,
        report=progress)
    return Outcome({"account": account, "from_block": first, "to_block": found.upto.number,
                    "events": [event.to_json() for event in found.events]},
                   _told(found.events) or [f"Nothing was told of {account} in blocks {first} to {found.upto.number}."])


def _told(events: Sequence[Event]) -> list[str]:
    from risk.exact.clock import format_time
    return table([(format_time(event.time), event.block, f"{event.contract}.{event.name}", _facts(event))
                  for event in events], ("time", "block", "event", "about"))


def _facts(event: Event) -> str:
    """Arguments for people; of skipped entries of batches why."""
    from verifier_contracts.errors import plain
    from verifier_contracts.ledger import Skipped
    told = dict(event.arguments)
    if event.name == "AttestationSkipped":
        told["why"] = Skipped(told["why"]).name.lower()
    if "claim" in told:
        told |= told.pop("claim")
    return ", ".join(f"{name} {plain(value)}" for name, value in told.items())
