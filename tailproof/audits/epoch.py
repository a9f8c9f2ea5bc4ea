"""An epoch: made again from its sources, compared with the one before it, judged; and what of it nobody can make again.

`epoch check` finds differences; here they are sorted by what they are about, so that a reader sees what holds as well.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from primitives import threads
from primitives.errors import BadInput
from risk.epochs.audit import AuditReport
from risk.epochs.build import FIRST
from risk.epochs.difference import Difference
from risk.epochs.epoch import Epoch
from risk.epochs.header import TRIAL
from risk.epochs.plausibility import FIT
from risk.exact.clock import format_time
from risk.exact.digests import content_digest
from verifier_contracts.epoch_content import EpochContent

from .. import epochs, extras
from ..epochs import AnyEpoch
from ..progress import Progress, quiet
from ..telling import facts
from .finding import Finding, looked, trusted, unseen
from .given import Given
from .publishers import content_finding

LEAST_TASKS = 8
"""Epochs for which it is worth to start one more process."""
JUDGE = "scipy"
"""The package that a fit takes."""
MOST_LINES = 12
"""Of differences and changes that are shown; `epoch check` has all."""
_FITTED, _OTHER_HISTORY = "parameters: ", ("HISTORY: ", f"ACCEPTED {FIT}")


@dataclass(frozen=True)
class EpochSeen:
    """An epoch and what was found of it."""

    path: Path
    epoch: AnyEpoch
    report: AuditReport
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Task:
    """One epoch of several.  previous : directory of the one before it.  contents : as signed, by the ids under which
    it was published; None where that is not visible."""

    directory: Path
    previous: Path | None
    contents: Mapping[int, EpochContent | None]


def examine_many(tasks: Sequence[Task], given: Given, *, progress: Progress = quiet) -> list[tuple[Finding, ...]]:
    """Look at each epoch, and at whether it is what was signed: the findings of each, in order. Many are shared among
    processes, for most of the work is Python's. What is no epoch at all is a finding, too."""
    workers = min(threads.count(), len(tasks) // LEAST_TASKS)
    if workers < 2:
        return [_told(progress, done, len(tasks), _examined(task, given)) for done, task in enumerate(tasks)]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _one_thread) as pool:
        found = pool.map(_examined, tasks, [given] * len(tasks), chunksize=4)
        return [_told(progress, done, len(tasks), findings) for done, findings in enumerate(found)]


def _told(progress: Progress, done: int, total: int, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    progress("epochs", done + 1, total)
    return findings


def _one_thread() -> None:
    """In a process of several, each of which has its own work."""
    os.environ["TAILPROOF_THREADS"] = "1"


def _examined(task: Task, given: Given) -> tuple[Finding, ...]:
    prefix = f"epoch.{min(task.contents)}"
    try:
        seen = examine_epoch(task.directory, given, previous=task.previous, prefix=prefix)
    except BadInput as error:
        return (looked(f"{prefix}.rebuild", "epoch", "The epoch, built again from its sources, has the same numbers "
                       "and root", False, str(error)),)
    return (*seen.findings, *(content_finding(f"epoch.{id}", content, seen.epoch, given)
                              for id, content in task.contents.items()))


def examine_epoch(directory: Path, given: Given, *, previous: Path | None, prefix: str = "epoch",
                  name: str = "The epoch", progress: Progress = quiet) -> EpochSeen:
    """Make an epoch again and say what holds.

    Parameters
    ----------
    previous : directory of the epoch before it.
    prefix : of the findings' ids.  name : the epoch in sentences.

    Raises
    ------
    BadInput : the directory is no epoch, true or false; from the history.
    """
    whole = epochs.read_whole(directory)
    report = epochs.examine(whole, previous=None if previous is None else epochs.read_whole(previous),
                            history=given.history, now=given.at, judges=extras.lacking(JUDGE) is None,
                            progress=progress)
    found = tuple(_findings(directory, given, previous, prefix, name, whole[1], report))
    return EpochSeen(directory, whole[1], report, found)


def _findings(directory: Path, given: Given, previous: Path | None, prefix: str, name: str, epoch: AnyEpoch,
              report: AuditReport) -> Iterator[Finding]:
    command = given.command("epoch", "check", directory, *(("--previous", previous) if previous else ()),
                            *(("--history", given.history) if given.history else ()))
    by = _sorted(report.differences)
    told = facts(epoch)
    yield _of(by["rebuild"], f"{prefix}.rebuild",
              f"{name}, built again from its sources, has the same numbers and root",
              [("root", report.root), ("rebuilt", "no epoch" if report.rebuilt_root is None else report.rebuilt_root),
               *((key, told[key]) for key in ("venue", "quote", "valuation", "model", "horizon", "scenarios", "mode",
                                              "basis"))], command)
    yield _of(by["duties"], f"{prefix}.duties", "Its leaves are in bounds, and rates pay for contingency and rounding "
              "(E1 to E6, E8, E11, E12)", [("instruments", len(epoch.instruments))], command)
    yield _chain(by["chain"], prefix, epoch, previous, report, command)
    yield from _gates(by["gates"], prefix, epoch, command)
    yield _fit(by["fit"], prefix, report, command)
    if epoch.header.trial:
        yield trusted(f"{prefix}.trial", "epoch", "Nobody chose the scenarios", TRIAL, command=command)
    yield _sources(prefix, epoch)


def _sorted(differences: Sequence[Difference]) -> dict[str, list[Difference]]:
    found: dict[str, list[Difference]] = {kind: [] for kind in ("rebuild", "chain", "gates", "fit", "duties")}
    for one in differences:
        kind = "rebuild" if one.clause == "rebuild" else "chain" if one.clause in ("E7", "E9") else "duties" \
            if one.clause != "E10" else "fit" if one.field.startswith(f"{FIT}:") else "gates"
        found[kind].append(one)
    return found


def _of(differences: Sequence[Difference], id: str, what: str, evidence: Sequence[tuple[str, object]], command: str
        ) -> Finding:
    return looked(id, "epoch", what, not differences, _lines(differences), evidence=evidence, command=command)


def _lines(found: Sequence[object]) -> str:
    more = f"; and {len(found) - MOST_LINES} more" if len(found) > MOST_LINES else ""
    return "; ".join(map(str, found[:MOST_LINES])) + more


def _chain(differences: Sequence[Difference], prefix: str, epoch: AnyEpoch, previous: Path | None, report: AuditReport,
           command: str) -> Finding:
    id, what = f"{prefix}.chain", "It follows on the epoch before it: listed is what was listed, its seed is derived " \
        "(E7, E9)"
    named = ("named predecessor", epoch.header.predecessor)
    if differences:
        return looked(id, "epoch", what, False, _lines(differences), evidence=[named], command=command)
    if previous is None and epoch.header.previous != FIRST:
        return unseen(id, "epoch", what, f"the epoch before it was not given (root {epoch.header.previous})",
                      evidence=[named], command=command)
    changes = [("changed", str(change)) for change in report.changes[:MOST_LINES]]
    if len(report.changes) > MOST_LINES:
        changes.append(("changed", f"and {len(report.changes) - MOST_LINES} more (`tailproof epoch check`)"))
    return looked(id, "epoch", what, True, "", evidence=[named, ("changes", len(report.changes)), *changes],
                  command=command)


def _gates(differences: Sequence[Difference], prefix: str, epoch: AnyEpoch, command: str) -> Iterator[Finding]:
    judged = epoch.header.judgement
    flags = [("flag", flag) for flag in judged.flags]
    yield looked(f"{prefix}.gates", "epoch", "Its sources pass the gates of plausibility, or say why not (G1 to G12)",
                 not differences, _lines(differences), evidence=flags, command=command)
    for one in judged.accepted:
        yield trusted(f"{prefix}.accepted-{one.gate}", "epoch", f"What gate {one.gate} refuses is right here",
                      f"the publisher says so: {one.reason}", evidence=[("found", line) for line in one.found],
                      command=command)


def _fit(differences: Sequence[Difference], prefix: str, report: AuditReport, command: str) -> Finding:
    id, what = f"{prefix}.fit", "Its parameters are those that a new fit on its history gives (G13)"
    said = [("judged", line) for line in report.remarks if line.startswith((_FITTED, *_OTHER_HISTORY))]
    if differences:
        return looked(id, "epoch", what, False, _lines(differences), evidence=said, command=command)
    if (absent := extras.lacking(JUDGE)) is not None:
        return unseen(id, "epoch", what, str(absent), command=command)
    accepted = [line for _, line in said if line.startswith(f"ACCEPTED {FIT}")]
    if accepted:
        return trusted(id, "epoch", what, accepted[0], evidence=said, command=command)
    if not said:
        return unseen(id, "epoch", what, "it has no history to fit on: give one whose prices you believe (--history)",
                      command=command)
    return looked(id, "epoch", what, True, "", evidence=said, command=command)


def _sources(prefix: str, epoch: AnyEpoch) -> Finding:
    arrays = epoch if isinstance(epoch, Epoch) else epoch.arrays
    files = {} if arrays.provenance is None else arrays.provenance.sources.files()
    return trusted(f"{prefix}.sources", "epoch", "Prices, volatilities and history are what the market showed",
                   f"its publishers' word, as of {format_time(epoch.header.timestamp)}; no file shows what a market "
                   "did, and whether these scenarios are wise is theirs to answer for",
                   evidence=[(f"{name}, keccak256", content_digest(data)) for name, data in files.items()])
