"""`tailproof contract epochs`: which epochs were published, and what has become of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..number_forms import element, moment
from .console import Integer, Outcome, progress, reporting, table
from .node import Endpoint, talking_to_a_node
from .vault import DEPLOYMENT, opened

if TYPE_CHECKING:
    from verifier_contracts.events import Event
    from verifier_contracts.system import Contracts


@click.command("epochs")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--last", type=Integer(1, 10_000), default=20, show_default=True, help="How many, the newest first.")
@reporting
def epochs(deployment: Path, endpoint: Endpoint, last: int) -> Outcome:
    """Which epochs were published, the newest first: id, root, block, who signed, whether it is final or frozen."""
    from verifier_contracts.events import read_events
    system, there = opened(deployment, endpoint)
    published = read_events(there.chain, {"oracle": there.oracle}, system.block, names={"EpochPublished"},
                            report=progress).events
    found = list(_epochs(there, published[::-1][:last]))
    rows = [(moment(one["epoch_id"]), one["root"][:14] + "…", one["block"], f"{len(one['signers'])} of {one['seats']}",
             one["state"]) for one in found]
    return Outcome({"published": len(published), "epochs": found},
                   table(rows, ("epoch", "root", "block", "signed by", "state")) if rows else
                   ["No epoch was published yet."])


def _epochs(there: Contracts, events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    oracle, now = there.oracle, there.chain.next_time()
    for place, event in enumerate(events):
        progress("reading epochs", place, len(events))
        epoch_id = event.arguments["epochId"]
        facts, (root, frozen) = oracle.facts_of(epoch_id), oracle.stored_root_of(epoch_id)
        seats = oracle.signers(facts.generation).signers
        state = ("refuted by a proof" if facts.refuted else "frozen" if frozen else
                 f"held until {moment(facts.held_until)}" if facts.held_until >= now else
                 "final" if oracle.is_final(epoch_id) else "not final yet")
        yield {"epoch_id": epoch_id, "root": element(root), "block": event.block, "state": state,
               "open_demands": facts.open_demands, "seats": len(seats),
               "signers": [who for seat, who in enumerate(seats) if facts.signers >> seat & 1],
               "transaction": event.transaction}
