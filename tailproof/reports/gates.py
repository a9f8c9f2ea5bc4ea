"""Which gates of plausibility did not pass, and why that is right; what else is to be known."""

from __future__ import annotations

from .section import Block, Said, Section, Table, Words
from .subject import Subject


def gates(subject: Subject) -> Section:
    judgement, show = subject.numbers.header.judgement, (subject.command("epoch", "show"),)
    rows = tuple((one.gate, one.reason, "; ".join(one.found)) for one in judgement.accepted)
    blocks: list[Block] = [Words(
        "Sources pass gates of plausibility, each with a bound, or are refused. A gate that they do not pass may be "
        "accepted by a reason, which the root binds; it binds flags too, choices that only a reader can weigh. What "
        "each gate asks is in risk/epochs/plausibility.py.")]
    blocks.append(Table(("gate", "accepted, since", "found"), rows, show, "Accepted") if rows
                  else Said("No gate had to be accepted.", show))
    blocks.append(Said("Flags:" if judgement.flags else "There are no flags.", show, items=judgement.flags))
    return Section("gates", "Gates accepted, and flags", tuple(blocks))
