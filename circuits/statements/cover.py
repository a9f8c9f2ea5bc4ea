"""The `cover` statement: collateral of a public value covers a hidden margin, or falls short of it.

Public: context, epoch_root, portfolio_commitment, claim. The claim packs what the vault holds for the account, V, a
buffer beta in basis points of the margin, and a side. With M the exact margin of the portfolio (C1 to C18 of `margin`,
on a grid or by full revaluation), it proves

    side 1, covered:     10**4 V >= M (10**4 + beta)
    side 0, in shortfall: 10**4 V <  M (10**4 + beta)

and M stays hidden. For each V and beta exactly one side is provable. V1 to V3 are those of docs/statements.md.

A shortfall is a verdict: it leads to loss. So M must not be overstated any more than understated, and a proof that only
bounds it from one side would not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from circuits.builder import ConstraintSystem
from circuits.clauses.collateral import BUFFER_BITS, BUFFER_UNIT
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.portfolio import Positions
from circuits.gadgets import packing
from circuits.signals import Linear
from circuits.statements import grid, margin
from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.exact.shape import EpochShape
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GridShape

PUBLIC_INPUTS: Mapping[str, str] = {
    "context": "what the proof is for: chain, contract, statement, key, account, epoch, state version, action; hashed",
    "epoch_root": "the published epoch: instruments, risk arrays, shape and regime",
    "portfolio_commitment": "the registered portfolio: slots and a secret salt, hashed",
    "claim": "V + beta 2**128 + side 2**144: collateral in 10**-6 quote units, buffer in basis points, 1 for covered",
}
VALUE_BITS = 96
"""V is below 2**96; below 0 there is nothing to prove."""
BUFFER_SHIFT, SIDE_SHIFT = 128, 144


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance: those of its margin, whatever its scenarios are.

    Parameters
    ----------
    margin : of the portfolio.
    """

    margin: margin.Preset | grid.Preset

    @property
    def shape(self) -> EpochShape | GridShape:
        """Of the epochs it reads."""
        return self.margin.shape

    @property
    def slots(self) -> int:
        """J, positions at most."""
        return self.margin.slots


@dataclass(frozen=True)
class Claim:
    """What is said of an account.

    Parameters
    ----------
    value : V, what the vault holds for it at the epoch's factors, 10**-6 quote units, in [0, 2**96).
    buffer : beta, basis points of the margin, in [0, 2**16).
    covered : the side.

    Raises
    ------
    BadInput : a number is out of bounds. A negative V is one: it is a shortfall without a proof.
    """

    value: int
    buffer: int
    covered: bool

    def __post_init__(self) -> None:
        require_integer("value", self.value, 0, (1 << VALUE_BITS) - 1)
        require_integer("buffer", self.buffer, 0, (1 << BUFFER_BITS) - 1)
        if not isinstance(self.covered, bool):
            raise BadInput("covered", self.covered, "true or false")

    @staticmethod
    def of(packed: int) -> Claim:
        """What a public input says; raises BadInput where it is no claim (V1: no proof has such a one)."""
        require_integer("claim", packed, 0, (1 << SIDE_SHIFT + 1) - 1)
        value, buffer = packed % (1 << BUFFER_SHIFT), packed >> BUFFER_SHIFT & (1 << BUFFER_BITS) - 1
        return Claim(value, buffer, bool(packed >> SIDE_SHIFT))

    def packed(self) -> int:
        """The public input, below 2**145."""
        return int(self.value) + (int(self.buffer) << BUFFER_SHIFT) + (int(self.covered) << SIDE_SHIFT)

    def surplus(self, required: int) -> int:
        """10**4 V - M (10**4 + beta), for a margin M in 10**-6 quote units: not negative if V covers it."""
        return int(BUFFER_UNIT * self.value - required * (BUFFER_UNIT + self.buffer))


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement over a margin by full revaluation."""
    _record(cs, preset.margin, margin.committed_margin)


def define_on_grid(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement over a margin on a grid."""
    _record(cs, preset.margin, grid.committed_margin)


def _record(cs: ConstraintSystem, preset: Any, committed_margin: Any) -> None:
    context, epoch_root, commitment, claim = map(cs.public, PUBLIC_INPUTS)
    said = read_claim(cs, claim)                                        # V1, V2
    required = committed_margin(cs, preset, epoch_root, commitment)     # C1 to C18: exactly M
    with cs.scope("result"):
        compare(cs, said, required)                                     # V3
        cs.multiply(context, context, "C20")                            # C20: the context is in a row


@dataclass(frozen=True)
class Said:
    """What a claim says, as integers: value and buffer, and a boolean."""

    value: Linear
    buffer: Linear
    covered: Linear


def read_claim(cs: ConstraintSystem, claim: Linear) -> Said:
    """V1, V2: the parts of a claim, which *are* their bits and pack to it: 114 rows.

    No other parts pack to the same claim: each fits its lane, and all of them are below r.
    """
    with cs.scope("claim"):
        said = Said(cs.bits("V1 value", VALUE_BITS), cs.bits("V1 buffer", BUFFER_BITS), cs.boolean("V1 side"))
        for part, width in ((said.value, BUFFER_SHIFT), (said.buffer, SIDE_SHIFT - BUFFER_SHIFT)):
            packing.unique(part.interval, part.interval, width, 1, cs.label("V2"))
        packed = said.value + said.buffer * (1 << BUFFER_SHIFT) + said.covered * (1 << SIDE_SHIFT)
        cs.equal(packed, claim, "V2")
    return said


def compare(cs: ConstraintSystem, said: Said, required: Linear) -> None:
    """V3: with D = 10**4 V - M (10**4 + beta), D >= 0 if covered, else -D - 1 >= 0.

    (2 side - 1) D + side - 1 is the one or the other; it has as many bits as the larger of them can have, far below r,
    so whatever is refused on one side is provable on the other.
    """
    needed = cs.multiply(required, said.buffer + BUFFER_UNIT, "V3 margin and buffer")
    surplus = said.value * BUFFER_UNIT - needed
    bits = surplus.interval.magnitude.bit_length()
    cs.nonnegative((2 * said.covered - 1) * surplus + (said.covered - 1), bits, "V3 distance")


# -- the witness ---------------------------------------------------------------------------------------------------
def assign(preset: Preset, epoch: Epoch | GridEpoch, positions: Positions, salt: int, claim: Claim, context: int
           ) -> Inputs:
    """The inputs of the statement, honest and complete.

    Parameters
    ----------
    positions : (leaf index, signed lots) per slot in use.

    Raises
    ------
    BadInput : as `assign` of the margin; a claim that is not true of this portfolio.
    """
    module: Any = _module(preset)
    slots = module.require_assignable(preset.margin, epoch, positions, salt, context)
    proven = module.committed_margin_inputs(preset.margin, epoch, slots, salt)
    surplus = claim.surplus(proven.margin)
    if (surplus >= 0) != claim.covered:
        raise BadInput("10**4 V - M (10**4 + beta), 10**-10 quote units", surplus,
                       "at least 0, to be covered" if claim.covered else "below 0, to be in shortfall")
    return {"context": context, **claim_inputs(claim), **proven.inputs}


def unchecked_inputs(preset: Preset, epoch: Epoch | GridEpoch, slots: Positions, salt: int, claim: Claim, context: int
                     ) -> Inputs:
    """What `assign` computes, for all J slots; where bounds are broken, so are the rows that a witness of it meets."""
    module: Any = _module(preset)
    proven = module.committed_margin_inputs(preset.margin, epoch, slots, salt)
    return {"context": context, **claim_inputs(claim), **proven.inputs}


def claim_inputs(claim: Claim) -> Inputs:
    """The claim and its parts."""
    return {"claim": claim.packed(), "claim/V1 value": claim.value, "claim/V1 buffer": claim.buffer,
            "claim/V1 side": claim.covered}


def _module(preset: Preset) -> Any:
    return margin if isinstance(preset.margin, margin.Preset) else grid
