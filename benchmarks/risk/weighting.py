"""What masses cost a statement, from the pins that tests hold statements to."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.risk.figures import Figure
from circuits.statements.pin import pinned

_SUFFIX = "-w"


def figures() -> Iterator[Figure]:
    """Most rows more than the statement of equally likely scenarios, and how many domains are larger."""
    pins = pinned()
    pairs = {name: (pins[name], pins[name.removesuffix(_SUFFIX)]) for name in pins
             if name.endswith(_SUFFIX) and name.removesuffix(_SUFFIX) in pins}
    more = {name: weighted["rows"] - plain["rows"] for name, (weighted, plain) in pairs.items()}
    yield Figure(f"rows of weighting, {len(pairs)} presets: most", max(more.values()), "", most=100, details=more)
    yield Figure("the same: presets whose domain grows",
                 sum(weighted["domain"] != plain["domain"] for weighted, plain in pairs.values()), "", most=0)
