"""The `solvency` statement: collateral covers the margin, and neither is shown.

Public: context, epoch_root, portfolio_commitment, collateral_commitment, holder, buffer. It proves that what the holder
owns, less what is owed, each valued with the epoch's factors after haircuts, is at least the portfolio's margin and a
buffer on top of it. C1 to C18 are those of the margin on a grid; S1 to S5 are those of docs/statements.md.

A margin is a function of small integers and gives a portfolio away sooner or later. This gives away that it suffices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses import collateral, portfolio
from circuits.clauses.collateral import BUFFER_BITS, Holding
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.portfolio import Positions
from circuits.statements import grid
from primitives.errors import BadInput
from primitives.field import MODULUS
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GridShape

PUBLIC_INPUTS: Mapping[str, str] = {
    "context": "what the proof is for: chain, contract, key, account, epoch, state version and action, hashed",
    "epoch_root": "the published epoch: instruments, risk arrays, collateral factors, shape and regime",
    "portfolio_commitment": "the registered portfolio: slots and a secret salt, hashed",
    "collateral_commitment": "what the vault keeps: holder, assets, balances, debts and a secret salt, hashed",
    "holder": "the account or group that this collateral is encumbered to",
    "buffer": "required beyond the margin, in basis points of it, below 2**16",
}


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    margin : of the portfolio.
    assets : slots of the collateral commitment.

    Raises
    ------
    BadInput : a size is out of bounds.
    """

    margin: grid.Preset
    assets: int

    def __post_init__(self) -> None:
        require_integer("assets", self.assets, 1, 64)

    @property
    def shape(self) -> GridShape:
        """Of the epochs it reads."""
        return self.margin.shape

    @property
    def slots(self) -> int:
        """J, positions at most."""
        return self.margin.slots


@dataclass(frozen=True)
class Collateral:
    """What a vault keeps for a holder.

    Parameters
    ----------
    salt : secret, in [0, r).
    holder : in [0, r); the vault counts collateral for one holder only.
    holdings : asset ids with what is owned and owed of them, in base units; any that the epoch lists, in any order.
    """

    salt: int
    holder: int
    holdings: Sequence[Holding]

    def commitment(self, preset: Preset) -> int:
        """What the vault registers; errors as `assign`."""
        require_integer("collateral salt", self.salt, 0, MODULUS - 1)
        require_integer("holder", self.holder, 0, MODULUS - 1)
        holdings = collateral.fill_holdings(preset.assets, self.holdings)
        return collateral.commit_holdings(self.salt, [self.holder], holdings)


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    context, epoch_root, commitment, kept, holder, buffer = map(cs.public, PUBLIC_INPUTS)
    slots = portfolio.open_commitment(cs, preset.slots, commitment)     # C1
    with cs.scope("collateral"):
        assets = cs.private("asset", (preset.assets,))
        amounts = collateral.read_amounts(cs, preset.assets)            # S3: they are integers
        cs.equal(collateral.commit_to(cs, [holder], assets, amounts.packed()), kept, "S1")      # S1: the vault's record
    factors = collateral.read_factors(cs, assets)                       # S2: each asset with its own factors
    margin = grid.slots_margin(cs, slots, preset.margin, epoch_root, factors.root)                      # C2 to C18
    collateral.cover(cs, amounts, factors, margin, buffer)              # S4, S5
    with cs.scope("result"):
        cs.multiply(context, context, "C20")                            # C20: the context is in a row


# -- the witness ---------------------------------------------------------------------------------------------------
def assign(preset: Preset, epoch: GridEpoch, positions: Positions, salt: int, kept: Collateral, buffer: int,
           context: int) -> Inputs:
    """The inputs of `define`, honest and complete.

    Parameters
    ----------
    positions : (leaf index, signed lots) per slot in use.
    salt : of the portfolio commitment.
    buffer : basis points, in [0, 2**16).

    Raises
    ------
    BadInput : as `circuits.statements.grid.assign`; amounts out of [0, 2**96), too many assets or one that the epoch
        does not list; collateral that does not cover margin and buffer.
    """
    grid.require_shape(preset, epoch)
    for name, value, bound in (("salt", salt, MODULUS), ("context", context, MODULUS),
                               ("buffer", buffer, 1 << BUFFER_BITS)):
        require_integer(name, value, 0, bound - 1)
    slots = portfolio.fill(preset.slots, positions)
    portfolio.require_provable(epoch, slots, preset.margin.gross_bits)
    _ = kept.commitment(preset)
    inputs = unchecked_inputs(preset, epoch, slots, salt, kept, buffer, context)
    margin = grid.slots_margin_inputs(preset.margin, epoch, slots).margin
    surplus = collateral.surplus_of(epoch, kept.holdings, margin, buffer)
    if surplus < 0:
        raise BadInput("collateral beyond margin and buffer, 2**-64 x 10**-10 quote units", surplus, "at least 0")
    return inputs


def unchecked_inputs(preset: Preset, epoch: GridEpoch, slots: Positions, salt: int, kept: Collateral, buffer: int,
                     context: int) -> Inputs:
    """What `assign` computes, for all J slots; where bounds are broken, so are the rows that a witness of it meets."""
    holdings = [*kept.holdings, *[collateral.NOTHING] * (preset.assets - len(kept.holdings))]
    assets = [holding.asset for holding in holdings]
    proven = grid.slots_margin_inputs(preset.margin, epoch, slots)
    return {"context": context, "epoch_root": epoch.root, "holder": kept.holder, "buffer": buffer,
            "portfolio_commitment": portfolio.commitment_of(epoch, slots, salt),
            "collateral_commitment": collateral.commit_holdings(kept.salt, [kept.holder], holdings),
            "collateral/salt": kept.salt, "collateral/asset": np.array(assets, object),
            **portfolio.commitment_inputs(epoch, slots, salt), **collateral.amount_inputs("collateral", holdings),
            **collateral.factor_inputs(epoch, assets), **proven.inputs}
