"""The `margin` statement, full revaluation: definition and witness side by side.

Public: context, epoch_root, portfolio_commitment, margin. It proves that the portfolio behind the commitment has, under
the scenarios of the epoch, exactly this margin: max(0, ceil(ES)) plus the instruments' contingency add-ons. The numbers
C1 to C20 are those of docs/statements.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from circuits.builder import ConstraintSystem
from circuits.clauses import full_revaluation, portfolio
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.leaves import Leaves, leaf_inputs, open_epoch, path_inputs, read_leaves
from circuits.clauses.portfolio import Positions, commit
from circuits.clauses.shortfall import expected_shortfall, rounded_up, shortfall_inputs
from circuits.gadgets.ranges import positive_part
from circuits.signals import Linear
from primitives.errors import BadInput
from primitives.field import MODULUS
from risk.epochs.epoch import REGIME, Epoch
from risk.exact import expected_shortfall as reference
from risk.exact.shape import EpochShape
from risk.margins.margin import QUANTITY_BITS

__all__ = ["PUBLIC_INPUTS", "QUANTITY_BITS", "Preset", "Proven", "assign", "commit", "committed_margin",
           "committed_margin_inputs", "define", "fill", "portfolio_margin", "portfolio_margin_inputs",
           "require_assignable", "unchecked_inputs"]

PUBLIC_INPUTS: Mapping[str, str] = {
    "context": "what the proof is for: chain, contract, key, account, epoch, state version and action, hashed",
    "epoch_root": "the published epoch: instruments, risk arrays, shape and regime",
    "portfolio_commitment": "the registered portfolio: slots and a secret salt, hashed",
    "margin": "max(0, Expected Shortfall rounded up) + contingency add-ons, in 10**-6 quote units",
}


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    shape : of the epochs it reads: scenarios, tail, packing, depth.
    slots : J, positions at most.
    gross_bits : g; a portfolio's gross exposure, sum |q| amax, is below 2**g (C7), and so is |ES|.
    threshold_bits : T; the tail's threshold is in [-2**T, 2**T) (C10).
    gap_bits : n; |L - t| < 2**n for every loss (C13).

    Raises
    ------
    BadInput : a size is out of bounds, or portfolios within the gross bound could be unprovable.
    """

    shape: EpochShape
    slots: int
    gross_bits: int
    threshold_bits: int
    gap_bits: int

    def __post_init__(self) -> None:
        if self.shape.mode != "full":
            raise BadInput("shape.mode", self.shape.mode, '"full" for this statement')
        if self.shape.depth < 2:
            raise BadInput("shape.depth", self.shape.depth, "at least 2: openings share the top two levels")
        for name, low, high in (("slots", 1, 64), ("gross_bits", 1, 128), ("threshold_bits", self.gross_bits, 128),
                                ("gap_bits", self.gross_bits + 1, 128)):
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
    leaves = read_leaves(cs, slots.ids, preset.shape)                   # C2: each id's own leaf
    open_epoch(cs, leaves.digest, preset.shape, REGIME, epoch_root)     # C3, C4, C5: ... in the published epoch
    return portfolio_margin(cs, slots.lots, leaves, preset)             # C6 to C18


def portfolio_margin(cs: ConstraintSystem, lots: Linear, leaves: Leaves, preset: Preset) -> Linear:
    """C6 to C18: the margin of lots (J,) of the instruments whose leaves have been read, an integer >= 0."""
    shape = preset.shape
    held = portfolio.hold(cs, lots, leaves, preset.gross_bits)          # C6, C7, C8
    risk = full_revaluation.revalue(cs, held.lots, leaves.packed, shape, preset.threshold_bits)         # C9, C10
    shortfall = expected_shortfall(cs, risk.losses, risk.threshold, shape.tail, preset.gap_bits, preset.gross_bits)
    full_revaluation.no_carry(shortfall.losses.interval, held.gross.interval, shape)                    # C12 to C18
    margin: Linear = positive_part(shortfall.rounded) + held.addon
    return margin


# -- the witness ---------------------------------------------------------------------------------------------------
def assign(preset: Preset, epoch: Epoch, positions: Positions, salt: int, context: int) -> Inputs:
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


def require_assignable(preset: Preset, epoch: Epoch, positions: Positions, salt: int, context: int
                       ) -> list[tuple[int, int]]:
    """All J slots, if nothing stands in the way of a proof of their margin.

    Raises
    ------
    BadInput : as `assign`.
    """
    if epoch.shape != preset.shape:
        raise BadInput("epoch shape", str(epoch.shape.to_json()), f"the statement's, {preset.shape.to_json()}")
    require_integer("salt", salt, 0, MODULUS - 1)
    require_integer("context", context, 0, MODULUS - 1)
    slots = fill(preset, positions)
    portfolio.require_provable(epoch, slots, preset.gross_bits)
    return slots


def unchecked_inputs(preset: Preset, epoch: Epoch, slots: Positions, salt: int, context: int) -> Inputs:
    """What `assign` computes, for all J slots; where bounds are broken, so are the rows that a witness of it meets."""
    proven = committed_margin_inputs(preset, epoch, slots, salt)
    return {"context": context, "margin": proven.margin, **proven.inputs}


class Proven(NamedTuple):
    """A margin and the inputs that prove it."""

    margin: int
    inputs: Inputs


def committed_margin_inputs(preset: Preset, epoch: Epoch, slots: Positions, salt: int) -> Proven:
    """The inputs of `committed_margin` for all J slots, as (leaf index, signed lots), and its two public ones."""
    proven, rows = portfolio_margin_inputs(preset, epoch, slots), portfolio.rows_of(slots)
    return Proven(proven.margin, {
        "epoch_root": epoch.root, "portfolio_commitment": portfolio.commitment_of(epoch, slots, salt),
        **portfolio.commitment_inputs(epoch, slots, salt), **leaf_inputs(epoch, rows), **path_inputs(epoch.tree, rows),
        **proven.inputs})


def portfolio_margin_inputs(preset: Preset, epoch: Epoch, slots: Positions) -> Proven:
    """The inputs of `portfolio_margin` for all J slots, as (leaf index, signed lots)."""
    losses = full_revaluation.losses_of(epoch, slots)
    es = reference.expected_shortfall(losses, preset.shape.tail)
    return Proven(max(0, rounded_up(es)) + portfolio.addons_of(epoch, slots),
                  {**portfolio.holding_inputs(slots),
                   **full_revaluation.risk_inputs(losses, es.threshold, preset.threshold_bits),
                   **shortfall_inputs(es)})


def fill(preset: Preset, positions: Positions) -> list[tuple[int, int]]:
    """All J slots: the given (id or leaf index, lots), then empty ones, (0, 0) either way.

    Raises
    ------
    BadInput : more than J.
    """
    return portfolio.fill(preset.slots, positions)
