"""Make a grid epoch again from its sources and say every way in which the published one differs.

See `risk.epochs.audit`.

Rebuilding covers E6: the interpolation error is computed anew, over all scenarios of all regimes, and a published rate
below contingency, rounding and that error is named as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from primitives.errors import BadInput
from risk.epochs.audit import NO_SOURCES, AuditReport, chained, compare, refused, remarks, unpaid
from risk.epochs.build import FIRST, Progress, state_before
from risk.epochs.difference import Change, Difference
from risk.epochs.rounding import charges
from risk.grid.grid_build import Valuation, assemble_grid, interpolation_error, value
from risk.grid.grid_directory import CLAIMED, GridManifest, read
from risk.grid.grid_epoch import GridEpoch


def check(directory: str | Path, *, previous: str | Path | None = None, now: int | None = None,
          progress: Progress | None = None) -> AuditReport:
    """Audit a grid epoch directory.

    Parameters
    ----------
    previous : the grid epoch before it (E7, E9).  now : as in `risk.epochs.audit.check`.

    Raises
    ------
    BadInput : the directory cannot be read as a grid epoch at all. Whatever is readable and wrong is in the report.
    """
    return examine(*read(directory), previous=None if previous is None else read(previous), now=now, progress=progress)


def examine(manifest: GridManifest, published: GridEpoch, *, previous: tuple[GridManifest, GridEpoch] | None = None,
            now: int | None = None, progress: Progress | None = None) -> AuditReport:
    """Audit what `grid_directory.read` gave; the rest as for `check`."""
    found = [Difference(v.clause, v.field, str(v.value), v.bound) for v in published.violations()]
    sound = not found
    if sound:
        found += _compare_claims(manifest, GridManifest.of(published))
    rebuilt_root = None
    made = published.arrays.provenance
    if made is None:
        found.append(NO_SOURCES)
    else:
        header = published.header
        try:
            valued = value(made.sources, published.shape, previous_root=header.previous,
                           previous_state=state_before(made.calibration), accepted=header.judgement.reasons,
                           progress=progress)
            rebuilt = assemble_grid(published.shape, valued, published.regime, published.collateral)
            rebuilt_root = rebuilt.root
            found += _interpolation(published, valued) if sound else ()
            found += unpaid(published.arrays, valued.book)
            found += compare(published.arrays, rebuilt.arrays)
            found += _compare_assets(published, rebuilt)
        except BadInput as error:
            found.append(refused(error))
    told, changed = chained(published.arrays, None if previous is None else previous[1].arrays,
                            FIRST if previous is None else previous[0].root, now)
    if previous is not None:
        told = (*told, *_dropped_assets(published, previous[1]))
        changed = (*changed, *_changes(published, previous[1]))
    return AuditReport(manifest.root, rebuilt_root, (*found, *told), changed,
                       remarks(published.arrays, looked_back=previous is not None))


def _changes(published: GridEpoch, before: GridEpoch) -> Iterator[Change]:
    if published.regime != before.regime:
        yield Change("correlation regime", str(before.regime), str(published.regime))


def _compare_claims(claimed: GridManifest, actual: GridManifest) -> Iterator[Difference]:
    for name in CLAIMED:
        if getattr(claimed, name) != getattr(actual, name):
            yield Difference("rebuild", f"manifest.{name}", str(getattr(claimed, name)),
                             f"{getattr(actual, name)}, which the published files give")


def _interpolation(published: GridEpoch, valued: Valuation) -> Iterator[Difference]:
    """E6, judged on the published value changes: on the rebuilt ones it holds by construction."""
    if len(published.ids) != 1 + len(valued.changes):
        return
    error = interpolation_error(published.shape.map, published.underlying[1:], published.changes[1:], valued.full)
    for side, bound, charge in zip(("long", "short"), error, charges(valued.book, published.header.basis), strict=True):
        rates, least = getattr(published, side)[1:], charge + bound
        for i in np.flatnonzero(rates < least):
            yield Difference("E6", f"{published.arrays.label(int(i) + 1)}: {side}", str(rates[i]),
                             f"at least {least[i]}: contingency, a unit for rounding, and an interpolation error of "
                             f"{bound[i]}")


def _dropped_assets(published: GridEpoch, previous: GridEpoch) -> Iterator[Difference]:
    """E7 for collateral: without its factors, nobody who holds or owes an asset could prove anything."""
    kept = {factors.id for factors in published.assets}
    for factors in previous.assets:
        if factors.id not in kept:
            yield Difference("E7", f"asset {factors.id}", "not listed any more",
                             "listed while it is held or owed, with a value of 0 if it is to count for nothing")


def _compare_assets(published: GridEpoch, rebuilt: GridEpoch) -> Iterator[Difference]:
    if len(published.assets) != len(rebuilt.assets):
        yield Difference("rebuild", "number of assets", str(len(published.assets)), str(len(rebuilt.assets)))
        return
    for row, (claimed, made) in enumerate(zip(published.assets, rebuilt.assets, strict=True)):
        if claimed != made:
            yield Difference("rebuild", f"assets[{row}]", str(tuple(claimed)), str(tuple(made)))
