"""`tailproof escrow`: openings encrypted to venue, committee and owner, so that an account can be resolved without her.

    key        a venue, an owner or a bidder registers the key that openings are encrypted to for her
    post       encrypt and prove the opening of an account's present commitment
    show       committee, keys and last escrow; the request that opens it
    deliver    an opening that was ordered for a shortlist, to its keys
    publish    an opening that was ordered for everybody: the last resort
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput

from ..keys import KeyDirectory
from ..secret import Opening
from .console import ADDRESS, FILE, OUTPUT, Outcome, progress, reporting, table
from .fields import FIELD
from .node import Endpoint, talking_to_a_node
from .vault import ACCOUNT, DEPLOYMENT, OPENING, opened, sent

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts

LOT = click.option("--lot", type=click.IntRange(0, (1 << 256) - 1), required=True, help="Whose disclosure was ordered.")


@click.group()
def escrow() -> None:
    """Encrypt a commitment's opening to those who can act when its owner does not (trader, venue)."""


@escrow.command("key")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--secret", type=FILE, required=True, help="Own secret, of `committee init member`.")
@reporting
def register_key(deployment: Path, endpoint: Endpoint, secret: Path) -> Outcome:
    """Register the sender's key for escrows, with proof of possession. What was encrypted to an earlier key stays so:
    keep its secret."""
    from committee.files import point_text
    from committee.members import Identity
    from committee.proofs import Possession
    identity = Identity.load(secret)
    _, there = opened(deployment, endpoint)
    sender = there.chain.default_sender()
    before = there.escrow.key_of(sender)
    facts = {"holder": sender, "key": point_text(identity.key), "before": None if before is None else
             point_text(before)}
    if before == identity.key:
        return Outcome({**facts, **sent([])}, [f"{sender} has this key already."])
    shown = Possession.of(identity.secret, there.escrow.context_of_key(sender))
    receipt = there.escrow.register_key(identity.key, (shown.commitment, shown.response), sender=sender)
    return Outcome({**facts, **sent([receipt])},
                   table([("holder", sender), ("key", point_text(identity.key)),
                          ("transaction", receipt.transaction)]))


@escrow.command("post")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@ACCOUNT
@click.option("--key", type=FILE, required=True, help="Key directory of the escrow statement in force.")
@OPENING
@reporting
def post(deployment: Path, endpoint: Endpoint, account: str | None, key: Path, opening: Path) -> Outcome:
    """Encrypt the opening of the account's present commitment to venue, committee and owner, prove it, and post it;
    anybody who has the opening may. Collateral leaves on a cover, and risk is added, only with it."""
    from risk.exact.clock import format_time

    from .. import escrowing
    secret, keys = Opening.load(opening), KeyDirectory.load(key)
    system, there = opened(deployment, endpoint)
    sender = there.chain.default_sender()
    whose = account or sender
    holders = there.escrow.keys_for(whose)
    last = escrowing.posted(system, there, whose, progress=progress).get((whose, secret.commitment))
    receipt = escrowing.refreshed(there, last, sender=sender)
    state = "renewed" if receipt is not None else "posted"
    current = last is not None and last.request.recipients == holders.recipients
    if receipt is None and current and there.ledger.is_escrowed(whose):
        state = "stands"
    elif receipt is None:
        made = escrowing.prove_escrow(there, keys, secret, whose, holders, sender=sender, progress=progress)
        receipt = there.escrow.post(whose, there.ledger.version_of(whose), made.digest, made.words, made.proof,
                                    sender=sender)
    until = there.ledger.escrowed_until_of(whose)
    return Outcome({"account": whose, "commitment": str(secret.commitment), "state": state,
                    "generation": holders.generation, "escrowed_until": until,
                    **sent([] if receipt is None else [receipt])},
                   table([("account", whose), ("commitment", secret.commitment), ("escrow", state),
                          ("good until", format_time(until)),
                          ("transaction", "-" if receipt is None else receipt.transaction)]))


@escrow.command("show")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--account", type=ADDRESS, help="Show its keys and its escrow too.")
@click.option("--out", type=OUTPUT, help="Write what `committee decrypt own` takes to open its escrow.")
@FIELD
@reporting
def show(deployment: Path, endpoint: Endpoint, account: str | None, out: Path | None) -> Outcome:
    """The committee in force, what the next one's key has to be made for, an account's keys and its last escrow. Exit
    code 1 if the account's present commitment is not in escrow."""
    from risk.exact.clock import format_time

    from .. import escrowing
    if out is not None and account is None:
        raise BadInput("--out", str(out), "given with --account")
    system, there = opened(deployment, endpoint)
    data, rows = _committee(there)
    if account is None:
        return Outcome(data, table(rows))
    venue = there.ledger.venue_of(account)
    commitment = there.ledger.commitment_of(account)
    until, escrowed = there.ledger.escrowed_until_of(account), there.ledger.is_escrowed(account)
    last = escrowing.posted(system, there, account, progress=progress).get((account, commitment))
    data |= {"account": account, "venue": venue, "commitment": str(commitment), "escrowed": escrowed,
             "escrowed_until": until, "keys": {"venue": _text(there, venue), "owner": _text(there, account)},
             "posted": None if last is None else {"version": last.version, "generation": last.generation,
                                                  "digest": str(last.digest), "block": last.block},
             "request": None if out is None or last is None else str(out)}
    rows += [("commitment", commitment), ("key of the venue", data["keys"]["venue"] or "none (`escrow key`)"),
             ("key of the owner", data["keys"]["owner"] or "none (`escrow key`)"),
             ("in escrow", f"until {format_time(until)}" if escrowed else "NO (`escrow post`)"),
             ("posted", "-" if last is None else f"block {last.block}, to generation {last.generation}")]
    if out is not None and last is not None:
        last.request.save(out)
        rows.append(("request", out))
    return Outcome(data, table(rows), escrowed)


def _committee(there: Contracts) -> tuple[dict[str, Any], list[tuple[str, object]]]:
    from committee.files import point_text
    from risk.exact.clock import format_time
    generation = there.escrow.generation()
    next_context = "0x" + there.escrow.context_of_committee(generation + 1).hex()
    data: dict[str, Any] = {"generation": generation, "next_context": next_context, "committee": None}
    rows: list[tuple[str, object]] = []
    if generation:
        found = there.escrow.committee(generation)
        life = int(there.escrow.read("SHARE_LIFE"))
        data["committee"] = {"key": point_text(found.key), "renewed_at": found.renewed_at,
                             "due": found.renewed_at + life}
        rows += [("committee", f"generation {generation}, {point_text(found.key)}"),
                 ("shares of", format_time(found.renewed_at)),
                 ("renewal due", format_time(found.renewed_at + life))]
    else:
        rows.append(("committee", "none yet"))
    rows.append((f"context of generation {generation + 1}", next_context))
    return data, rows


def _text(there: Contracts, holder: str) -> str | None:
    from committee.files import point_text
    key = there.escrow.key_of(holder)
    return None if key is None else point_text(key)


# -- disclosures -------------------------------------------------------------------------------------------------------
@escrow.command("deliver")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOT
@click.option("--key", type=FILE, required=True, help="Key directory of the delivery statement in force.")
@OPENING
@reporting
def deliver(deployment: Path, endpoint: Endpoint, lot: int, key: Path, opening: Path) -> Outcome:
    """Deliver an opening to the keys that it was ordered for, with the proof that it is (venue, committee, owner)."""
    from .. import escrowing
    secret, keys = Opening.load(opening), KeyDirectory.load(key)
    system, there = opened(deployment, endpoint)
    sender, order = there.chain.default_sender(), escrowing.order_of(system, there, lot, progress=progress)
    made = escrowing.prove_delivery(there, keys, secret, order, sender=sender, progress=progress)
    receipt = there.escrow.deliver(lot, order.recipients, made.digest, made.words, made.proof, sender=sender)
    return Outcome({"lot": str(lot), "account": order.account, "recipients": len(order.recipients), **sent([receipt])},
                   table([("lot", lot), ("account", order.account), ("delivered to", f"{len(order.recipients)} keys"),
                          ("transaction", receipt.transaction)]))


@escrow.command("publish")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOT
@click.option("--key", type=FILE, required=True, help="Key directory of the disclose statement in force.")
@OPENING
@reporting
def publish(deployment: Path, endpoint: Endpoint, lot: int, key: Path, opening: Path) -> Outcome:
    """Show an opening to everybody, once that was ordered: what nobody delivered in time. Salt and positions can be
    read by all from then on."""
    from .. import escrowing
    secret, keys = Opening.load(opening), KeyDirectory.load(key)
    system, there = opened(deployment, endpoint)
    sender, order = there.chain.default_sender(), escrowing.order_of(system, there, lot, progress=progress)
    made = escrowing.prove_disclosure(there, keys, secret, order, sender=sender, progress=progress)
    receipt = there.escrow.publish(lot, made.words, made.proof, sender=sender)
    return Outcome({"lot": str(lot), "account": order.account, **sent([receipt])},
                   table([("lot", lot), ("account", order.account), ("published", f"{len(made.words)} words"),
                          ("transaction", receipt.transaction)]))
