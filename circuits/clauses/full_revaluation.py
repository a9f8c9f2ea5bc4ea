"""Scenario losses where the risk arrays hold a value change per scenario: C9f and C10f."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs
from circuits.clauses.portfolio import Positions, quantities_of, rows_of
from circuits.gadgets import packing
from circuits.intervals import Interval
from circuits.signals import Linear
from risk.epochs.epoch import Epoch
from risk.exact.shape import EpochShape


class Risk(NamedTuple):
    """losses : (S,), residues that become integers by the gaps (C13).  threshold : (), of their tail."""

    losses: Linear
    threshold: Linear


def revalue(cs: ConstraintSystem, lots: Linear, packed: Linear, shape: EpochShape, threshold_bits: int) -> Risk:
    """C9f and C10f for lots (J,) and packed value changes (J, E): J E + T + 1 rows.

    The losses are claimed, and equal the sums lane by lane only within bounds: give them to `no_carry` when they are
    known to be small.
    """
    with cs.scope("risk"):
        losses = cs.hint("loss", (shape.scenarios,))                    # C9: the packed sums, negated
        packing.packed_product(cs, lots, packed, -losses, shape.width, shape.lanes, "C9")
        threshold = cs.bits("C10 threshold + 2**T", threshold_bits + 1) - (1 << threshold_bits)         # C10
    return Risk(losses, threshold)


def no_carry(losses: Interval, gross: Interval, shape: EpochShape) -> None:
    """Refuse, while recording, sizes under which a prover could move value between lanes.

    By E2, true losses are at most the gross exposure in absolute value; C9 reads other ones only if a lane can carry.

    Raises
    ------
    CircuitError : see `circuits.gadgets.packing.unique`.
    """
    packing.unique(losses, gross | -gross, shape.width, shape.lanes, "risk/C9")


def losses_of(epoch: Epoch, positions: Positions) -> NDArray[np.object_]:
    """(S,) Python integers, 10**-6 quote units."""
    losses: NDArray[np.object_] = -(quantities_of(positions) @ epoch.changes[rows_of(positions)].astype(object))
    return losses


def risk_inputs(losses: NDArray[np.object_], threshold: int, threshold_bits: int) -> Inputs:
    """The losses and the threshold of their tail."""
    return {"risk/loss": losses, "risk/C10 threshold + 2**T": threshold + (1 << threshold_bits)}
