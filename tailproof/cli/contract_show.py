"""`tailproof contract show`: how the contracts are now, or what an account's margin is worth now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from primitives.errors import BadInput

from ..keys import INSECURE
from ..number_forms import duration, element, moment
from .console import ADDRESS, Integer, Outcome, reporting, table
from .fields import FIELD
from .node import Endpoint, talking_to_a_node
from .vault import DEPLOYMENT, opened

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts, System


@click.command("show")
@DEPLOYMENT
@talking_to_a_node()
@click.argument("account", type=ADDRESS, required=False)
@click.option("--account", "named", type=ADDRESS, help="The same as ACCOUNT.")
@click.option("--max-age", type=Integer(0, (1 << 40) - 1), metavar="SECONDS",
              help="How old an epoch you take; a newer one then does not matter.  [default: the contract's bound]")
@FIELD
@reporting
def show(deployment: Path, endpoint: Endpoint, account: str | None, named: str | None, max_age: int | None) -> Outcome:
    """What ACCOUNT's margin is worth now: exit code 0 if it is proven for the registered commitment under the latest
    epoch (with --max-age: under one as young as that), and 1 otherwise, with the reason.

    Without ACCOUNT, how the contracts are: the newest epoch and until when its margins are taken, what is paused, what
    nobody has done yet.
    """
    if account is not None and named is not None and account != named:
        raise BadInput("ACCOUNT and --account", (account, named), "one account")
    chosen = account or named
    if chosen is None and max_age is not None:
        raise BadInput("--max-age", max_age, "absent without an account: it is how old an account's epoch may be")
    system, there = opened(deployment, endpoint)
    return _state(system, there) if chosen is None else _account(system, there, chosen, max_age)


def _account(system: System, there: Contracts, account: str, max_age: int | None) -> Outcome:
    from risk.exact.clock import format_time
    from risk.exact.money import format_money
    from verifier_contracts.ledger import MarginStatus
    from verifier_contracts.standing import standing
    found = standing(there, account, max_age)
    ledger, word, reading, until = there.ledger, found.word, found.reading, found.until
    status = reading.status.words + ("" if until is None else f" until {format_time(until)}")
    readable = found.readable
    kind = "margin hidden, at most" if word.hides_margin else "margin"
    amount = f"{format_money(reading.margin)} quote units" if readable else "none to act on"
    in_force = there.registry.active("margin").verifier == system.installed("margin").verifier
    data = {"account": account, "status": reading.status.words, "status_text": status, "valid_until": until,
            "margin": str(reading.margin), "margin_unit": "1e-6 quote units", "margin_readable": readable,
            "margin_hidden": word.hides_margin, "max_age": found.max_age, "epoch_id": word.epoch_id,
            "latest_epoch_id": found.latest_epoch_id,
            "version": word.version, "attested_at": word.attested_at, "flat": reading.status is MarginStatus.FLAT,
            "reduce_only": ledger.is_reduce_only(account), "commitment": str(ledger.commitment_of(account)),
            "venue": ledger.venue_of(account), "insecure_setup": system.insecure,
            "insecure_setup_allowed": system.settings.allows_insecure_setup, "key_rotated": not in_force}
    return Outcome(data, [
        *table([("account", account), ("status", status), (kind, amount), ("version", word.version),
                ("epoch_id", moment(word.epoch_id)), ("attested", moment(word.attested_at)),
                ("commitment", data["commitment"]), ("venue", data["venue"])]),
        *([INSECURE] if system.insecure else []),
        *([] if in_force else [_ROTATED])],
        readable)


_ROTATED = "Another key is in force by now than when this was deployed (`contract check`)."


def _state(system: System, there: Contracts) -> Outcome:
    from ..system_state import system_state
    found = system_state(system, there)
    why, newest = found.refusing, moment(found.epoch_id, "none was published yet")
    taken = f"until {moment(found.taken_until)}" if not why else f"NOT taken: {why}"
    final = "none" if not found.final_epoch_id else moment(found.final_epoch_id)
    statement = system.installed("margin").statement
    data = {"chain_id": system.chain_id, "chain": there.chain.name, "block": found.block, "now": found.now,
            "ledger": there.ledger.address, "statement": statement, "takes_margins": not why, "why_not": why or None,
            "taken_until": found.taken_until, "latest_epoch_id": found.epoch_id,
            "epoch_root": element(found.root) if found.epoch_id else None, "final_epoch_id": found.final_epoch_id,
            "frozen": found.frozen, "held_until": found.held_until, "max_age": found.max_age,
            "interval": found.interval, "heartbeat": found.heartbeat, "breaker_tripped": found.tripped,
            "live_time_behind": found.behind,
            "verifier_generation": found.verifier, "key_rotated": found.rotated, "quorum": found.quorum,
            "publishers": found.signers, "accounts": found.accounts, "committee_generation": found.committee,
            "paused": [{"class": name, "until": until} for name, until in found.paused.items()],
            "open_steps": list(found.open_steps), "insecure_setup": system.insecure}
    rows = [("chain", f"{system.chain_id}, block {found.block}"), ("time there", moment(found.now)),
            ("ledger", there.ledger.address), ("statement", statement), ("newest epoch", newest),
            *([("its root", found.root)] if found.epoch_id else []),
            ("its margins", taken), ("final epoch", final),
            ("epochs", f"signed by {found.quorum} of {found.signers} publishers, at least {duration(found.interval)} "
             f"apart; {duration(found.heartbeat)} after the last one live time stops"),
            ("live time", f"{duration(found.behind)} behind" if found.behind else "as the clock"),
            ("breaker", "TRIPPED" if found.tripped else "calm"),
            ("paused", ", ".join(f"{name} until {moment(until)}" for name, until in found.paused.items()) or "nothing"),
            ("accounts", found.accounts),
            ("committee", f"generation {found.committee}" if found.committee else "none yet")]
    return Outcome(data, [*table(rows), *(f"OPEN: {step}" for step in found.open_steps),
                          *([INSECURE] if system.insecure else []), *([_ROTATED] if found.rotated else [])])
