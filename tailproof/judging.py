"""Whether an epoch's parameters are those that a fit gives: G13, beside what building it again can show.

Nothing is fitted where an epoch is built, or its root would hang on an optimiser. So a variance four times too low, or
a mild correlation, is one more parameter to `risk.epochs.audit`. Whoever signs looks at this as well: the families of
the model file are fitted again on the history, and the published parameters must not be less likely than the new fit by
more than `risk.fitting.model.SLACK`. Without it, a publisher could halve the margins of one side of every book. Jumps
that are said to be fitted are fitted again together with the volatilities; others are on top of what must stand alone.

What it takes is a history: the epoch's own, or one that the auditor brings, whose prices she believes. With neither,
the report says so. A model that is meant to be another one than the likeliest, a dearer one for instance, says so by
`accepted = {G13 = "reason"}` in its `[gates]`, which is in the root's header.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from primitives.errors import BadInput
from risk.epochs.difference import Difference
from risk.epochs.epoch import Epoch
from risk.epochs.plausibility import FIT
from risk.epochs.provenance import read_source
from risk.market.history import History, parse_history
from risk.models.model import Estimator, Model, parse_model
from risk.models.plausibility import fit_window

from .progress import Progress, quiet

if TYPE_CHECKING:
    from risk.fitting.model import Judgement


@dataclass(frozen=True)
class Verdict:
    """differences : what does not stand.  remarks : what was looked at, and what was accepted."""

    differences: tuple[Difference, ...] = ()
    remarks: tuple[str, ...] = ()


def verdict(epoch: Epoch, own: str | Path | None = None, progress: Progress = quiet) -> Verdict:
    """Hold an epoch's parameters against a history.

    Parameters
    ----------
    own : a history that the auditor brings; by default the epoch's.

    Raises
    ------
    BadInput : from the auditor's history; one is given for a model that has no parameters. What is wrong with the
        epoch's own sources is `risk.epochs.audit`'s to say, and no verdict here.
    """
    made = epoch.provenance
    if made is None:
        return Verdict()
    try:
        model = parse_model(made.sources.model, shape=epoch.shape)
        published = None if made.sources.history is None else _read(model, made.sources.history, None)
    except BadInput:
        return Verdict()
    if model.estimator == Estimator.HANDWRITTEN:
        if own is not None:
            raise BadInput("--history", str(own), "absent: a handwritten set has no parameters")
        return Verdict()
    history = published if own is None else _read(model, read_source(own), own)
    if history is None:
        return Verdict()
    from risk.fitting.model import judge  # and with it SciPy, only where something is judged

    try:
        found = judge(model, history, progress)
    except BadInput as error:
        if own is not None:
            raise
        return Verdict((Difference("E10", f"{FIT}: {error.field}", repr(error.value), error.bound),))
    remarks = [_said(model, history, found, own)]
    if own is not None and published is not None:
        remarks += _apart(published, history, own)
    reasons = {**model.gates.accepted, **epoch.header.judgement.reasons}
    failures = found.unlikely if own is None else found.failures     # gates beside its own history: the epoch's rebuild
    if FIT in reasons:
        return Verdict((), (*remarks, *(f"ACCEPTED {FIT}, since {reasons[FIT]}: {line}" for line in failures)))
    return Verdict(tuple(Difference("E10", *_parts(line)) for line in failures), tuple(remarks))


def _read(model: Model, data: bytes, source: str | Path | None) -> History:
    return parse_history(data, assets=model.assets, calendar=model.calendar, step_seconds=model.step_seconds,
                         max_gap_steps=model.max_gap_steps, source=source)


def _said(model: Model, history: History, found: Judgement, own: str | Path | None) -> str:
    window = fit_window(model, history)
    worst = max(found.shortfalls.values(), default=None)
    behind = "nothing of it is fitted" if worst is None else f"at most {max(worst, 0.0):.4f} less likely than a new fit"
    return f"parameters: {behind}, on {len(window.steps)} returns of {own or 'its history'}, {window.labels[0]} to " \
        f"{window.labels[-1]}"


def _apart(published: History, own: History, source: str | Path) -> list[str]:
    """Rows that the epoch's history has otherwise, and how far."""
    mine = dict(zip(own.labels, own.prices.tolist(), strict=True))
    ratios = {label: max(abs(a / b - 1.0) for a, b in zip(row, mine[label], strict=True))
              for label, row in zip(published.labels, published.prices.tolist(), strict=True) if label in mine}
    if not ratios:
        return [f"HISTORY: the epoch's has no row in common with {source}"]
    other = [label for label, ratio in ratios.items() if ratio > 0]
    if not other:
        return []
    farthest = max(other, key=ratios.__getitem__)
    return [f"HISTORY: {len(other)} of {len(ratios)} rows are not those of {source}, by up to "
            f"{ratios[farthest]:.2%} on {farthest}"]


def _parts(line: str) -> tuple[str, str, str]:
    """Field, value and bound of a failure, which is one sentence of them."""
    said, _, bound = line.partition(": must be ")
    field, _, value = said.partition(" is ") if " is " in said else said.partition(": ")
    return f"{FIT}: {field}", value, f"{bound or 'so that the fit converges'}; or [gates] accepted = " \
        f"{{{FIT} = \"reason\"}} in the model file"
