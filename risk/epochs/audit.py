"""Make an epoch again from its sources and say every way in which the published one differs.

This is what each signer runs before signing (STATEMENT §7). Nothing published is believed: sources are parsed again,
judged again, the seed derived, scenarios drawn, every instrument revalued, every leaf hashed. Parameters are the model
file's; whether a fit gives them is for `tailproof.judging`, for nothing is fitted here. Beside the epoch before it, the
chain is looked at, too, and everything that has changed is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.addons.terms import Terms
from risk.epochs import chain
from risk.epochs.build import FIRST, Progress, build, parse_sources, state_before
from risk.epochs.difference import BrokenDuty, Change, Difference
from risk.epochs.epoch import Epoch
from risk.epochs.epoch_directory import COLUMNS, SCENARIOS, SHOCKS, Manifest, read
from risk.epochs.header import TRIAL, Header
from risk.epochs.rounding import charges
from risk.exact.clock import format_time
from risk.exact.shape import EpochShape
from risk.market.book import Book
from risk.models.model import named_statement

_CHAINED = ("purpose", "seed", "previous")
"""Of a header: what E9 is about."""


@dataclass(frozen=True)
class AuditReport:
    """The outcome of a check.

    root : as published.  rebuilt_root : None if the sources do not give an epoch at all.
    differences : empty if the epoch stands.
    changes : from the epoch before, all of them allowed.
    remarks : what the epoch is, that is easily overlooked.
    """

    root: int
    rebuilt_root: int | None
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        return {"passed": self.passed, "root": str(self.root),
                "rebuilt_root": None if self.rebuilt_root is None else str(self.rebuilt_root),
                "differences": [vars(difference) for difference in self.differences],
                "changes": [vars(change) for change in self.changes], "remarks": list(self.remarks)}


def check(directory: str | Path, *, previous: str | Path | None = None, now: int | None = None,
          shape: EpochShape | None = None,
          progress: Progress | None = None) -> AuditReport:
    """Audit an epoch directory.

    Parameters
    ----------
    previous : the epoch before it (E7, E9).
    now : Unix seconds that no valuation may be later than; by default the clock's.
    shape : to make it again in; by default what the model file says.

    Raises
    ------
    BadInput : the directory cannot be read as an epoch at all. Whatever is readable and wrong is in the report.
    """
    return examine(*read(directory), previous=None if previous is None else read(previous), now=now, shape=shape,
                   progress=progress)


def examine(manifest: Manifest, published: Epoch, *, previous: tuple[Manifest, Epoch] | None = None,
            now: int | None = None, shape: EpochShape | None = None, progress: Progress | None = None) -> AuditReport:
    """Audit what `epoch_directory.read` gave; the rest as for `check`."""
    found = [Difference(v.clause, v.field, str(v.value), v.bound) for v in published.violations()]
    if not found:
        found += _compare_claims(manifest, Manifest.of(published))
    rebuilt_root = None
    if published.provenance is None:
        found.append(NO_SOURCES)
    else:
        try:
            found += unpaid(published, parse_sources(published.provenance.sources, published.shape)[1])
            rebuilt = build(published.provenance.sources, shape=shape or _named_shape(published),
                            previous_root=published.header.previous,
                            previous_state=state_before(published.provenance.calibration),
                            accepted=published.header.judgement.reasons, progress=progress)
            rebuilt_root = rebuilt.root
            found += compare(published, rebuilt)
        except BadInput as error:
            found.append(refused(error))
    told, changed = chained(published, None if previous is None else previous[1],
                            FIRST if previous is None else previous[0].root, now)
    return AuditReport(manifest.root, rebuilt_root, (*found, *told), changed,
                       remarks(published, looked_back=previous is not None))


NO_SOURCES = Difference("rebuild", "sources", "none", "given: an epoch without sources cannot be made again")


def refused(error: BadInput) -> Difference:
    """That sources give no epoch."""
    clause = error.clause if isinstance(error, BrokenDuty) else "rebuild"
    return Difference(clause, error.field, repr(error.value), error.bound)


def chained(published: Epoch, previous: Epoch | None, previous_root: int, now: int | None
            ) -> tuple[Sequence[Difference], tuple[Change, ...]]:
    """E7 and E9 beside the epoch before, and what has changed since; E9 beside the clock."""
    found = list[Difference]()
    latest = int(time.time()) if now is None else now
    if published.header.timestamp > latest:
        found.append(Difference("E9", "valuation", format_time(published.header.timestamp),
                                f"not in the future: it is {format_time(latest)}"))
    if previous is None:
        return found, ()
    found += chain.breaks(published, previous, previous_root)
    return found, tuple(chain.changes(published, previous))


def remarks(epoch: Epoch, *, looked_back: bool) -> tuple[str, ...]:
    """What a signer must not overlook."""
    header = epoch.header
    first = "FIRST of its chain: no epoch before it is named"
    unseen = f"NOT COMPARED with the epoch before, whose root it says is {header.previous}: give it by --previous"
    return (*((TRIAL,) if header.trial else ()), *((first,) if header.previous == FIRST else ()),
            *((unseen,) if header.previous != FIRST and not looked_back else ()),
            *header.judgement.lines())


def unpaid(published: Epoch, book: Book) -> Iterator[Difference]:
    """E11: rates of living leaves below contingency and rounding."""
    if len(published.ids) != 1 + len(book.listings):
        return                                     # which `compare` says
    for side, least in zip(("long", "short"), charges(book, published.header.basis), strict=True):
        rates = getattr(published, side)[1:]
        for i in np.flatnonzero(rates < least):
            yield Difference("E11", f"{published.label(int(i) + 1)}: {side}", str(rates[i]),
                             f"at least {least[i]}: the contingency rate and one unit for rounding")


def _compare_claims(claimed: Manifest, actual: Manifest) -> Iterator[Difference]:
    for name in ("shape_digest", "tree_root", "root", "sources", "kinds"):
        if getattr(claimed, name) != getattr(actual, name):
            yield Difference("rebuild", f"manifest.{name}", str(getattr(claimed, name)),
                             f"{getattr(actual, name)}, which the published files give")


def compare(published: Epoch, rebuilt: Epoch) -> Iterator[Difference]:
    """Where an epoch with sources is not what they give."""
    yield from _compare_headers(published.header, rebuilt.header)
    if published.shape != rebuilt.shape:
        yield Difference("rebuild", "shape", str(published.shape), str(rebuilt.shape))
    if published.settlements != rebuilt.settlements:
        yield Difference("E7", "settlements", str(published.settlements), str(rebuilt.settlements))
    yield from _compare_marks(published, rebuilt)
    made, remade = published.provenance, rebuilt.provenance
    assert made is not None
    assert remade is not None
    if made.calibration != remade.calibration:
        yield Difference("rebuild", "calibration", str(made.calibration.to_json()), str(remade.calibration.to_json()))
    yield from _compare_addons(made.addons, remade.addons, rebuilt)
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


def _compare_marks(published: Epoch, rebuilt: Epoch) -> Iterator[Difference]:
    if len(published.marks) != len(rebuilt.marks):
        yield Difference("E12", "number of marks", str(len(published.marks)), str(len(rebuilt.marks)))
        return
    for row, (claimed, made) in enumerate(zip(published.marks, rebuilt.marks, strict=True), 1):
        if claimed != made:
            yield Difference("E12", f"{rebuilt.label(row)}: mark", str(tuple(claimed)), str(tuple(made)))


def _compare_addons(published: Terms | None, rebuilt: Terms | None, epoch: Epoch) -> Iterator[Difference]:
    """What rates are said to be made of; that they are these sums, reading the epoch has looked at."""
    if published is None or rebuilt is None or published.names != rebuilt.names:
        names = ["none" if terms is None else ", ".join(terms.names) for terms in (published, rebuilt)]
        if names[0] != names[1]:
            yield Difference("rebuild", "terms of the add-ons", names[0], names[1])
        return
    for side in ("long", "short"):
        for column, name in enumerate(rebuilt.names):
            found, made = (terms.side(side)[:, column] for terms in (published, rebuilt))
            if found.shape != made.shape:
                yield Difference("rebuild", "rows of the add-ons", str(len(found)), str(len(made)))
                return
            rows = np.flatnonzero(found != made)
            if len(rows):
                yield Difference("rebuild", f"{epoch.label(int(rows[0]) + 1)}: {name}, {side}", str(found[rows[0]]),
                                 f"{made[rows[0]]} ({len(rows)} of {len(found)} listings differ)")


def _compare_headers(published: Header, rebuilt: Header) -> Iterator[Difference]:
    for name in vars(rebuilt):
        claimed, made = getattr(published, name), getattr(rebuilt, name)
        if claimed != made:
            clause = "E9" if name in _CHAINED else "E10" if name == "judgement" else "rebuild"
            yield Difference(clause, f"header.{name}", str(claimed), str(made))


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
