"""Make an epoch again from its sources and say every way in which the published one differs.

This is what each signer runs before signing (STATEMENT §7). Nothing published is believed: sources are parsed again,
scenarios drawn again, every instrument revalued, every leaf hashed. Parameters are the model file's; whether they fit
the history is what `tailproof model check` looks at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.epochs.build import Progress, build, state_before
from risk.epochs.epoch import Epoch
from risk.epochs.epoch_directory import COLUMNS, SCENARIOS, SHOCKS, Manifest, read
from risk.exact.shape import EpochShape
from risk.models.model import named_statement


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it must be.

    clause : the precondition concerned, "E1" to "E7", or "rebuild".
    field : where; published : what the epoch says; expected : what it must be.
    """

    clause: str
    field: str
    published: str
    expected: str

    def __str__(self) -> str:
        return f"[{self.clause}] {self.field} is {self.published}: must be {self.expected}"


@dataclass(frozen=True)
class AuditReport:
    """The outcome of a check.

    root : as published.  rebuilt_root : None if the sources do not give an epoch at all.
    differences : empty if the epoch stands.
    """

    root: int
    rebuilt_root: int | None
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        return {"passed": self.passed, "root": str(self.root),
                "rebuilt_root": None if self.rebuilt_root is None else str(self.rebuilt_root),
                "differences": [vars(difference) for difference in self.differences]}


def check(directory: str | Path, *, previous: str | Path | None = None,
          progress: Progress | None = None) -> AuditReport:
    """Audit an epoch directory.

    Parameters
    ----------
    previous : the epoch before it: instruments listed there must still be listed (E7), since somebody may hold them.

    Raises
    ------
    BadInput : the directory cannot be read as an epoch at all. Whatever is readable and wrong is in the report.
    """
    manifest, published = read(directory)
    found = [Difference(v.clause, v.field, str(v.value), v.bound) for v in published.violations()]
    if not found:
        found += _compare_claims(manifest, Manifest.of(published))
    rebuilt_root = None
    if published.provenance is None:
        found.append(Difference("rebuild", "sources", "none", "given: an epoch without sources cannot be made again"))
    else:
        try:
            rebuilt = build(published.provenance.sources, shape=_named_shape(published),
                            previous_state=state_before(published.provenance.calibration), progress=progress)
            rebuilt_root = rebuilt.root
            found += compare(published, rebuilt)
        except BadInput as error:
            found.append(Difference("rebuild", error.field, repr(error.value), error.bound))
    if previous is not None:
        found += dropped(published, read(previous)[1])
    return AuditReport(manifest.root, rebuilt_root, tuple(found))


def _compare_claims(claimed: Manifest, actual: Manifest) -> Iterator[Difference]:
    for name in ("shape_digest", "tree_root", "root", "sources", "kinds"):
        if getattr(claimed, name) != getattr(actual, name):
            yield Difference("rebuild", f"manifest.{name}", str(getattr(claimed, name)),
                             f"{getattr(actual, name)}, which the published files give")


def compare(published: Epoch, rebuilt: Epoch) -> Iterator[Difference]:
    """Where an epoch with sources is not what they give."""
    for name in ("header", "shape"):
        if getattr(published, name) != getattr(rebuilt, name):
            yield Difference("rebuild", name, str(getattr(published, name)), str(getattr(rebuilt, name)))
    made, remade = published.provenance, rebuilt.provenance
    assert made is not None
    assert remade is not None
    if made.calibration != remade.calibration:
        yield Difference("rebuild", "calibration", str(made.calibration.to_json()), str(remade.calibration.to_json()))
    for name in ("bounded", "quality"):
        if getattr(made.drawn, name) != getattr(remade.drawn, name):
            yield Difference("rebuild", f"scenarios.{name}", str(getattr(made.drawn, name)),
                             str(getattr(remade.drawn, name)))
    for name in SCENARIOS:
        yield from _compare_arrays(name, getattr(made.scenarios, name), getattr(remade.scenarios, name), None)
    if made.scenarios.shocks is None or remade.scenarios.shocks is None:
        if made.scenarios.counts() != remade.scenarios.counts():
            yield Difference("rebuild", "kinds of scenarios", str(made.scenarios.counts()),
                             str(remade.scenarios.counts()))
    else:
        yield from _compare_arrays(SHOCKS, made.scenarios.shocks.table, remade.scenarios.shocks.table, None)
    symbols = [[i.symbol for i in epoch.instruments] for epoch in (published, rebuilt)]
    if symbols[0] != symbols[1]:
        yield Difference("rebuild", "instruments", ",".join(symbols[0]), ",".join(symbols[1]))
    for name in ("ids", *COLUMNS):
        yield from _compare_arrays(name, getattr(published, name), getattr(rebuilt, name), rebuilt)


def _compare_arrays(name: str, published: NDArray[Any], rebuilt: NDArray[Any],
                    epoch: Epoch | None) -> Iterator[Difference]:
    """One difference an array: the first place, how many there are, and how far the farthest is."""
    if published.shape != rebuilt.shape:
        yield Difference("rebuild", f"shape of {name}", str(published.shape), str(rebuilt.shape))
        return
    places = np.argwhere(published != rebuilt)
    if not len(places):
        return
    first = tuple(int(i) for i in places[0])
    farthest = max(abs(int(published[tuple(place)]) - int(rebuilt[tuple(place)])) for place in places)
    label = f"{epoch.label(first[0])}: " if epoch is not None else ""
    yield Difference("rebuild", f"{label}{name}[{', '.join(map(str, first))}]", str(published[first]),
                     f"{rebuilt[first]} ({len(places)} of {published.size} entries differ, by at most {farthest})")


def _named_shape(published: Epoch) -> EpochShape | None:
    """The published shape, where the model file names a statement instead of one; the circuit holds its digest (C5)."""
    assert published.provenance is not None
    sources = published.provenance.sources
    return None if named_statement(sources.model, source=sources.paths.get("model")) is None else published.shape


def dropped(published: Epoch, previous: Epoch) -> Iterator[Difference]:
    """E7: instruments of the epoch before that are not listed any more."""
    kept = set(published.ids)
    for row, id in enumerate(previous.ids):
        if id not in kept:
            yield Difference("E7", previous.label(row), "not listed any more",
                             "listed while it is held, with what it settled at if it has expired")
