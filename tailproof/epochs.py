"""Epochs of either kind, full revaluation or grid, told apart by the manifest in their directory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from circuits import statements
from primitives.errors import BadInput
from risk.epochs import audit, epoch_directory
from risk.epochs.audit import AuditReport
from risk.epochs.build import FIRST
from risk.epochs.build import build as build_full
from risk.epochs.chain import breaks, state_after
from risk.epochs.difference import Difference
from risk.epochs.epoch import Epoch
from risk.epochs.plausibility import require_gates
from risk.epochs.provenance import Sources, read_source
from risk.exact.shape import EpochShape
from risk.grid import grid_audit, grid_directory
from risk.grid.grid_build import build_grid
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GridShape
from risk.grid.haircuts import parse_collateral
from risk.market.book import released_symbols
from risk.models.model import named_statement

from .judging import Verdict, verdict
from .progress import Progress, quiet
from .shapes import require_shape

AnyEpoch: TypeAlias = Epoch | GridEpoch
NO_PURPOSE = "Whether the epoch is a TRIAL, whose seed somebody chose, is unchecked: give the epoch directory, which " \
    "says it."
"""Of a claim that a grid's manifest alone makes."""


@dataclass(frozen=True)
class Claim:
    """What an auditor brings of an epoch.

    recomputed : root from leaves, or only read from a manifest.  trial : whether its seed was chosen; None if unsaid.
    valuation : Unix seconds of its prices; None if unsaid.
    """

    root: int
    shape: EpochShape | GridShape
    quote: str | None
    recomputed: bool
    trial: bool | None = None
    valuation: int | None = None


def build(sources: Sources, *, statement: str | None = None, regime: int = 0, collateral: str | Path | None = None,
          previous: str | Path | None = None, accepted: Mapping[str, str] | None = None,
          progress: Progress = quiet) -> AnyEpoch:
    """Build the epoch that sources determine, in the shape that a statement reads.

    Parameters
    ----------
    statement : its shape and packing go before those that the model file states; by default the latter, or those of
        the statement that it names, in full revaluation.
    regime, collateral : correlation regime and collateral file of a grid epoch.
    previous : directory of the epoch before, whose root enters the seed; None for the first of a chain.
    accepted : reason by plausibility gate, on top of the model file's.

    Raises
    ------
    BadInput : from any source; an epoch that does not follow on the one before (E7, E9); a model of another shape than
        the statement's; a regime or collateral without a grid.
    """
    require_gates(accepted or {})
    before = None if previous is None else load(previous)
    made = _made(sources, statement, regime, collateral, before, accepted, progress)
    if before is not None:
        for broken in breaks(arrays_of(made), arrays_of(before), before.root):
            raise BadInput(broken.field, broken.published, f"{broken.expected} ({broken.clause})", source=previous)
    return made


def _made(sources: Sources, statement: str | None, regime: int, collateral: str | Path | None,
          before: AnyEpoch | None, accepted: Mapping[str, str] | None, progress: Progress) -> AnyEpoch:
    root, state = (FIRST, None) if before is None else (before.root, state_after(arrays_of(before)))
    named = named_statement(sources.model, source=sources.paths.get("model"))
    statement = named if statement is None else statement
    shape = None if statement is None else statements.get(statement).shape
    if isinstance(shape, GridShape):
        if not 0 <= regime < shape.regimes:
            raise BadInput("--regime", regime, f"an integer in [0, {shape.regimes - 1}]")
        content = None if collateral is None else read_source(collateral)
        if content is not None:                     # before everything is revalued
            parse_collateral(content, source=collateral)
        return build_grid(sources, shape, regime=regime, collateral=content, previous_root=root, previous_state=state,
                          accepted=accepted, progress=progress)
    if regime or collateral is not None:
        raise BadInput("--regime and --collateral", (regime, collateral), "absent: only grid epochs have them")
    if named is not None and shape is not None:
        require_shape(statements.get(named).shape, shape, str(statement), field="epoch.statement",
                      source=sources.paths.get("model"))
    return build_full(sources, shape=shape, previous_root=root, previous_state=state, accepted=accepted,
                      progress=progress)


def arrays_of(epoch: AnyEpoch) -> Epoch:
    """Header, instruments and sources, which an epoch on a grid has inside."""
    return epoch.arrays if isinstance(epoch, GridEpoch) else epoch


def save(epoch: AnyEpoch, directory: str | Path) -> None:
    """Write an epoch into a new directory, whole or not at all."""
    if isinstance(epoch, GridEpoch):
        grid_directory.save(epoch, directory)
    else:
        epoch_directory.save(epoch, directory)


def load(directory: str | Path) -> AnyEpoch:
    """Read an epoch and make sure that its root is the manifest's."""
    return grid_directory.load(directory) if _on_grid(directory) else epoch_directory.load(directory)


def read(directory: str | Path, *, foreign: bool = False) -> AnyEpoch:
    """Read an epoch as its files say it, true or false: its root may be another than the manifest's.

    foreign : it is in a folder that others write to: no link among its files is followed, no pipe waited for.
    """
    return grid_directory.read(directory, foreign=foreign)[1] if _on_grid(directory) else \
        epoch_directory.read(directory, foreign=foreign)[1]


Whole: TypeAlias = tuple[epoch_directory.Manifest, Epoch] | tuple[grid_directory.GridManifest, GridEpoch]
"""A manifest and the epoch beside it, not compared."""


def read_whole(directory: str | Path) -> Whole:
    """Manifest and epoch, as the files say them; raises BadInput for a directory that is no epoch."""
    return grid_directory.read(directory) if _on_grid(directory) else epoch_directory.read(directory)


def predecessor(directory: str | Path) -> int:
    """Root of the epoch before, as a directory's manifest says; 0 of the first."""
    inner = Path(directory) / "arrays" if _on_grid(directory) else Path(directory)
    return epoch_directory.Manifest.read(inner).header.previous


def check(directory: str | Path, *, previous: str | Path | None = None, history: str | Path | None = None,
          now: int | None = None, progress: Progress = quiet) -> AuditReport:
    """Rebuild an epoch from its sources and compare; hold its parameters against its history.

    Parameters
    ----------
    history : one that the auditor brings in place of the epoch's own, or where it has none.
    now : Unix seconds that no valuation may be later than; by default the clock's.

    Raises
    ------
    BadInput : a directory that is no epoch; from `previous` and `history`.
    """
    given = read_whole(directory)
    if previous is not None and _on_grid(previous) != isinstance(given[1], GridEpoch):
        raise BadInput("--previous", str(previous), "an epoch of the same kind, full revaluation or grid")
    return examine(given, previous=None if previous is None else read_whole(previous), history=history, now=now,
                   progress=progress)


def examine(given: Whole, *, previous: Whole | None = None, history: str | Path | None = None, now: int | None = None,
            judges: bool = True, progress: Progress = quiet) -> AuditReport:
    """`check`, of what `read_whole` gave.

    previous : of the same kind.  judges : whether parameters are held against a history, which takes SciPy.
    """
    if isinstance(given[1], GridEpoch):
        report = grid_audit.examine(*given, previous=previous, now=now, progress=progress)    # type: ignore[arg-type]
    else:
        report = audit.examine(*given, previous=previous, now=now,                            # type: ignore[arg-type]
                               shape=_statement_shape(given[1]), progress=progress)
        report = replace(report, differences=(*report.differences, *_other_shape(given[1])))
    judged = verdict(arrays_of(given[1]), history, progress) if judges else Verdict()
    return replace(report, differences=(*report.differences, *judged.differences),
                   remarks=(*report.remarks, *judged.remarks))


def _statement_shape(epoch: Epoch) -> EpochShape | None:
    """The published shape if it is some statement's: `build` may have been told so, and the circuit holds it (C5)."""
    known = map(statements.get, statements.names())
    return epoch.shape if any(one.reads_epoch and one.shape == epoch.shape for one in known) else None


def _other_shape(epoch: Epoch) -> Iterator[Difference]:
    """A shape that is not that of the statement which the model file names."""
    name = None if epoch.provenance is None else named_statement(epoch.provenance.sources.model)
    if name is not None and epoch.shape != statements.get(name).shape:
        yield Difference("rebuild", "shape", str(epoch.shape.to_json()), f"that of {name}, which the model names")


def released_ids(epoch: AnyEpoch, before: AnyEpoch) -> set[int]:
    """Ids of instruments of an earlier epoch that an epoch's book says nobody holds any more (E7)."""
    arrays = arrays_of(epoch)
    if arrays.provenance is None:
        return set()
    symbols = released_symbols(arrays.provenance.sources.book)
    return {instrument.id for instrument in before.instruments if instrument.symbol in symbols}


def read_claim(path: Path) -> Claim:
    """An epoch directory, whose root is recomputed; or a manifest file, by its name, which is taken at its word.

    Raises
    ------
    BadInput : malformed; a manifest whose own fields give another root.
    """
    if os.path.isdir(path):
        epoch = load(path)
        return Claim(epoch.root, epoch.shape, epoch.header.quote, True, epoch.header.trial, epoch.header.timestamp)
    if path.name == grid_directory.MANIFEST:
        grid = grid_directory.GridManifest.read(path)
        grid.require_consistent(path)
        return Claim(grid.root, grid.shape, None, False)
    full = epoch_directory.Manifest.read(path)
    full.require_consistent(path)
    return Claim(full.root, full.shape, full.header.quote, False, full.header.trial, full.header.timestamp)


def _on_grid(directory: str | Path) -> bool:
    if not os.path.isdir(directory):
        raise BadInput("epoch", str(directory), "a directory that `tailproof epoch build` made" + (
            ": this is a file" if os.path.exists(directory) else ": nothing is there"))
    return os.path.isfile(Path(directory) / grid_directory.MANIFEST)
