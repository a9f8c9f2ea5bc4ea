"""Margins on levels, told apart: what an account is worth now, and what it may lose from there.

On levels a loss is what an account's liquidation value falls short of 0 by: with W the value of all lots today, cash
among them, and l the losses from today on, L = l - W. Expected Shortfall moves with constants, so

    ES(L) = ES(l) - W,        margin = max(0, ES(L), rounded up) + add-ons.

The scenarios of the tail are the same, and the parts of ES(l) say where the risk is, which those of ES(L) do not: there
every lot that is owned is a gain. Ways of margining that know no cash are compared on l alone.

One W serves long and short lots, or the equation would not be exact; what stands behind losses elsewhere, in stress and
reverse stress, is `closing_value`, which is less by a unit for a lot held short at most.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from risk.epochs.epoch import Epoch, largest_changes
from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import AnyEpoch, Positions
from risk.models.model import Basis


def value_today(epoch: AnyEpoch, positions: Positions) -> int:
    """W, what positions (row of the epoch, signed lots) are worth at the marks of lots held long, 10**-6 quote units; 0
    where an epoch has no levels."""
    return sum(lots * _mark(epoch, row) for row, lots in positions)


def closing_value(epoch: AnyEpoch, positions: Positions) -> int:
    """What positions can be closed for today, 10**-6 quote units: as `value_today`, but lots held short are bought back
    at their own mark, which is rounded up. 0 where an epoch has no levels."""
    total = 0
    for row, lots in positions:
        total += lots * _mark(epoch, row, short=lots < 0)
    return total


def from_today(epoch: AnyEpoch) -> AnyEpoch:
    """The epoch on the basis of changes: levels less the marks of today; itself, if it has no levels. It is for looking
    at: its root is published by nobody."""
    if not epoch.levels:
        return epoch
    arrays: Epoch = epoch.arrays if isinstance(epoch, GridEpoch) else epoch
    today = np.array([_mark(epoch, row) for row in range(len(arrays.ids))], np.int64)
    changes = arrays.changes - today[:, None]
    changed = replace(arrays, changes=changes, amax=largest_changes(changes), marks=(),
                      header=replace(arrays.header, basis=Basis.CHANGE))
    return replace(epoch, arrays=changed) if isinstance(epoch, GridEpoch) else changed


def _mark(epoch: AnyEpoch, row: int, *, short: bool = False) -> int:
    if not epoch.levels or not row:
        return 0
    mark = epoch.mark(int(epoch.ids[row]))
    return mark.short if short else mark.long
