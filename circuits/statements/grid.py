"""The `margin` statement on a grid: scenario losses are interpolated from value changes at a few nodes.

Public inputs and meaning are those of `circuits.statements.margin`; the losses are those of the epoch's correlation
regime. An epoch of 1000 scenarios has 7 packed elements a leaf instead of 200. The numbers C1 to C20 are those of
docs/statements.md, where C9g to C11g take the place of C9f and C10f.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from circuits.builder import ConstraintSystem
from circuits.clauses import grid_risk, portfolio
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.leaves import leaf_inputs, open_epoch, path_inputs, read_leaves
from circuits.clauses.portfolio import Positions, Slots, commit
from circuits.clauses.shortfall import expected_shortfall, rounded_up, shortfall_inputs
from circuits.gadgets.ranges import positive_part
from circuits.signals import Linear
from circuits.statements.margin import PUBLIC_INPUTS
from primitives.errors import BadInput
from primitives.field import MODULUS
from risk.exact import expected_shortfall as reference
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GridShape
from risk.margins.grid_margin import scenario_losses

__all__ = ["PUBLIC_INPUTS", "Preset", "Proven", "assign", "commit", "committed_margin", "committed_margin_inputs",
           "define", "require_assignable", "slots_margin", "slots_margin_inputs", "unchecked_inputs"]


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    shape : of the epochs it reads, scenario maps included.
    slots : J, positions at most.
    gross_bits : g; a portfolio's gross exposure, sum |q| amax, is below 2**g (C7), and so is |ES|.
    gap_bits : n; |L - t| < 2**n for every loss (C13), in units of 2**-f.

    Raises
    ------
    BadInput : a size is out of bounds, or portfolios within the gross bound could be unprovable.
    """

    shape: GridShape
    slots: int
    gross_bits: int = 48
    gap_bits: int = 57

    def __post_init__(self) -> None:
        if self.shape.depth < 2:
            raise BadInput("shape.depth", self.shape.depth, "at least 2: openings share the top two levels")
        for name, low, high in (("slots", 1, 64), ("gross_bits", 1, 128),
                                ("gap_bits", self.gross_bits + 1 + self.shape.weight_bits, 160)):
            require_integer(name, getattr(self, name), low, high)


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    context, epoch_root, commitment, margin = map(cs.public, PUBLIC_INPUTS)
    proven = committed_margin(cs, preset, epoch_root, commitment)       # C1 to C18
    with cs.scope("result"):
        cs.equal(proven, margin, "C19")                                 # C19
        cs.multiply(context, context, "C20")                            # C20: the context is in a row


def committed_margin(cs: ConstraintSystem, preset: Preset, epoch_root: Linear, commitment: Linear) -> Linear:
    """C1 to C18: the margin of what a commitment holds, in a published epoch, an integer >= 0."""
    slots = portfolio.open_commitment(cs, preset.slots, commitment)     # C1: the slots are the registered ones
    with cs.scope("epoch"):
        assets_root = cs.private("assets root")                         # a margin takes nothing from it
    return slots_margin(cs, slots, preset, epoch_root, assets_root)     # C2 to C18


def slots_margin(cs: ConstraintSystem, slots: Slots, preset: Preset, epoch_root: Linear, assets_root: Linear) -> Linear:
    """C2 to C18: the margin of slots (J,) that commitments hold, in a published epoch; an integer >= 0.

    Parameters
    ----------
    assets_root : of the collateral factors that the same epoch commits to.
    """
    shape = preset.shape
    underlying = grid_risk.choose_underlyings(cs, len(slots.ids), shape)                                # C9
    regime = grid_risk.choose_regime(cs, shape)                         # C11
    leaves = read_leaves(cs, slots.ids, shape, underlying.number)        # C2: each id's own leaf
    open_epoch(cs, leaves.digest, shape, regime.number, epoch_root, [assets_root])                      # C3, C4, C5
    held = portfolio.hold(cs, slots.lots, leaves, preset.gross_bits)    # C6, C7, C8
    netted = grid_risk.net(cs, held, underlying, leaves.packed, shape, preset.gross_bits)               # C9, C10
    losses = grid_risk.map_scenarios(cs, netted, regime, shape)         # C11
    with cs.scope("risk"):
        threshold = cs.hint("threshold")
    shortfall = expected_shortfall(cs, losses, threshold, shape.tail, preset.gap_bits, preset.gross_bits,
                                   shape.weight_bits)                   # C12 to C18
    margin: Linear = positive_part(shortfall.rounded) + held.addon
    return margin


# -- the witness ---------------------------------------------------------------------------------------------------
def assign(preset: Preset, epoch: GridEpoch, positions: Positions, salt: int, context: int) -> Inputs:
    """The inputs of `define` for a portfolio, honest and complete.

    Parameters
    ----------
    positions : (leaf index, signed lots) per slot in use; the others open the null leaf with no lots.
    salt : secret, in [0, r).
    context : in [0, r).

    Raises
    ------
    BadInput : an epoch of another shape or one that breaks E1 to E5, too many positions, a leaf that is not there,
        lots or a gross exposure out of bounds, a salt or context that is no field element.
    """
    return unchecked_inputs(preset, epoch, require_assignable(preset, epoch, positions, salt, context), salt, context)


def require_assignable(preset: Preset, epoch: GridEpoch, positions: Positions, salt: int, context: int
                       ) -> list[tuple[int, int]]:
    """All J slots, if nothing stands in the way of a proof of their margin.

    Raises
    ------
    BadInput : as `assign`.
    """
    require_shape(preset, epoch)
    require_integer("salt", salt, 0, MODULUS - 1)
    require_integer("context", context, 0, MODULUS - 1)
    slots = portfolio.fill(preset.slots, positions)
    portfolio.require_provable(epoch, slots, preset.gross_bits)
    return slots


def require_shape(preset: Any, epoch: GridEpoch) -> None:
    """Refuse an epoch of another shape than a preset's.

    Raises
    ------
    BadInput : it is.
    """
    if epoch.shape != preset.shape:
        raise BadInput("epoch shape", str(epoch.shape.to_json()), f"the statement's, {preset.shape.to_json()}")


def unchecked_inputs(preset: Preset, epoch: GridEpoch, slots: Positions, salt: int, context: int) -> Inputs:
    """What `assign` computes, for all J slots; where bounds are broken, so are the rows that a witness of it meets."""
    proven = committed_margin_inputs(preset, epoch, slots, salt)
    return {"context": context, "margin": proven.margin, **proven.inputs}


class Proven(NamedTuple):
    """A margin and the inputs that prove it."""

    margin: int
    inputs: Inputs


def committed_margin_inputs(preset: Preset, epoch: GridEpoch, slots: Positions, salt: int) -> Proven:
    """The inputs of `committed_margin` for all J slots, as (leaf index, signed lots), and its two public ones."""
    proven = slots_margin_inputs(preset, epoch, slots)
    return Proven(proven.margin, {
        "epoch_root": epoch.root, "portfolio_commitment": portfolio.commitment_of(epoch, slots, salt),
        "epoch/assets root": epoch.asset_tree.root, **portfolio.commitment_inputs(epoch, slots, salt),
        **proven.inputs})


def slots_margin_inputs(preset: Preset, epoch: GridEpoch, slots: Positions) -> Proven:
    """The inputs of `slots_margin` for all J slots, as (leaf index, signed lots)."""
    shape = preset.shape
    rows = portfolio.rows_of(slots)
    leaves = leaf_inputs(epoch, rows)
    del leaves["leaf/underlying"]                                       # the circuit has it from the marks
    es = reference.expected_shortfall(scenario_losses(epoch, slots), shape.tail)
    margin = max(0, rounded_up(es, shape.weight_bits)) + portfolio.addons_of(epoch, slots)
    return Proven(margin, {
        **grid_risk.choice_inputs(epoch, slots), **leaves, **path_inputs(epoch.tree, rows),
        **portfolio.holding_inputs(slots), **grid_risk.netting_inputs(epoch, slots, preset.gross_bits),
        "risk/threshold": es.threshold, **shortfall_inputs(es, shape.weight_bits)})
