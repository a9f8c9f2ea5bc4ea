"""Scenario losses where the risk arrays hold a value change per node: C9g, C10g and C11g.

Value changes add up over positions, but only within an underlying, since each has its own shocks: lots are sorted by
underlying, netted at every node, and then mapped to scenarios. The maps are constants; which of them is in force, the
regime, is chosen by multiplying the few netted values instead of the many losses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs
from circuits.clauses.portfolio import Holdings, Positions, rows_of
from circuits.gadgets import packing
from circuits.gadgets.one_hot import Choice, one_hot
from circuits.signals import Linear
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GridShape
from risk.margins.grid_margin import netted_changes


def choose_underlyings(cs: ConstraintSystem, slots: int, shape: GridShape) -> Choice:
    """C9g: each slot is in one underlying, marks (J, U): J (U + 1) rows. The number goes into the leaf (C2)."""
    with cs.scope("risk"):
        return one_hot(cs, "C9 underlying", shape.underlyings, (slots,))


def choose_regime(cs: ConstraintSystem, shape: GridShape) -> Choice:
    """C11g: one regime is in force, marks (rho,): rho + 1 rows. The number goes into the epoch root (C5)."""
    with cs.scope("risk"):
        return one_hot(cs, "C11 regime", shape.regimes)


def net(cs: ConstraintSystem, held: Holdings, underlying: Choice, packed: Linear, shape: GridShape, gross_bits: int
        ) -> Linear:
    """C9g, C10g: value changes netted within underlyings, (U, Γ): J U (E + 1) + U Γ (g + 1) rows.

    By E2, true sums are below the gross exposure, and so below 2**g (C7), in absolute value. The claimed ones are in
    [-2**g, 2**g) and pack to the same elements; so they are the true ones, as no lane can carry.

    Parameters
    ----------
    packed : (J, E).
    """
    J, U, E = len(held.lots), shape.underlyings, shape.packs
    with cs.scope("risk"):
        lots = cs.multiply(underlying.marks, held.lots.reshape(J, 1), "C9 lots in underlying")
        netted: Linear = cs.bits("C10 netted + 2**g", gross_bits + 1, (U, shape.nodes)) - (1 << gross_bits)
        products = lots.reshape(J, U, 1) * packed.reshape(J, 1, E)
        cs.equal(products.sum(0, "C9 product"), packing.pack(netted, shape.lanes, shape.width), "C9")
    gross = held.gross.interval
    packing.unique(netted.interval, gross | -gross, shape.width, shape.lanes, "risk/C9")
    return netted


def map_scenarios(cs: ConstraintSystem, netted: Linear, regime: Choice, shape: GridShape) -> Linear:
    """C11g: losses (S,) in units of 2**-f under the regime's map: rho U Γ rows.

    loss = -sum_i W_i (s_i netted): as one mark is 1 and the others 0, that is -W_regime netted.
    """
    nodes = netted.size
    with cs.scope("risk"):
        chosen = cs.multiply(regime.marks.reshape(shape.regimes, 1), netted.reshape(1, nodes), "C11 netted in regime")
    maps = np.moveaxis(shape.map.weights, 0, 1).reshape(shape.scenarios, shape.regimes * nodes)
    losses: Linear = -(maps @ chosen.reshape(shape.regimes * nodes))
    return losses


def choice_inputs(epoch: GridEpoch, positions: Positions) -> Inputs:
    """Underlyings of all J slots, and the regime."""
    underlying: NDArray[np.int64] = epoch.underlying[rows_of(positions)]
    return {"risk/C9 underlying": underlying[:, None] == np.arange(epoch.shape.underlyings),
            "risk/C11 regime": np.arange(epoch.shape.regimes) == epoch.regime}


def netting_inputs(epoch: GridEpoch, positions: Positions, gross_bits: int) -> Inputs:
    """The netted value changes."""
    return {"risk/C10 netted + 2**g": netted_changes(epoch, positions) + (1 << gross_bits)}
