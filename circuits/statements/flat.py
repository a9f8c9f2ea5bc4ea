"""The `flat` statement: a commitment holds nothing, so what the account keeps elsewhere secures nothing.

Public: context, commitment. It reads no epoch: who holds no lots has margin 0 under every one, and may leave without
oracle, venue or governance. F1 is that of docs/statements.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.portfolio import commit, open_commitment
from circuits.statements.transition import Pairs
from primitives.errors import BadInput
from primitives.field import MODULUS
from risk.epochs.epoch import ID_BITS

PUBLIC_INPUTS: Mapping[str, str] = {
    "context": "what the proof is for: chain, contract, statement, key, account, state version and action, hashed",
    "portfolio_commitment": "the registered portfolio: slots and a secret salt, hashed",
}


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    slots : J, as in the `margin` statement that reads the commitments.

    Raises
    ------
    BadInput : out of bounds.
    """

    slots: int

    def __post_init__(self) -> None:
        require_integer("slots", self.slots, 1, 64)


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    context, commitment = map(cs.public, PUBLIC_INPUTS)
    slots = open_commitment(cs, preset.slots, commitment)               # C1: the slots are the registered ones
    with cs.scope("slots"):
        cs.equal(slots.lots, 0, "F1 no lots")                           # F1: each by itself, not their sum
    with cs.scope("result"):
        cs.multiply(context, context, "C20")                            # C20: the context is in a row


# -- the witness ---------------------------------------------------------------------------------------------------
def assign(preset: Preset, slots: Pairs, salt: int, context: int) -> Inputs:
    """The inputs of `define`, honest and complete.

    Parameters
    ----------
    slots : (instrument id, lots) in the order they were committed in; unused ones at the end may be left out. A closed
        position may have kept its name.
    salt : secret, in [0, r).
    context : in [0, r).

    Raises
    ------
    BadInput : too many slots, a value out of bounds, lots.
    """
    for name, value in (("salt", salt), ("context", context)):
        require_integer(name, value, 0, MODULUS - 1)
    if len(slots) > preset.slots:
        raise BadInput("number of slots", len(slots), f"at most {preset.slots}, those of this statement")
    for number, (id, lots) in enumerate(slots):
        require_integer(f"slots[{number}] id", id, 0, (1 << ID_BITS) - 1)
        require_integer(f"slots[{number}] lots", lots, 0, 0)
    return unchecked_inputs([*slots, *[(0, 0)] * (preset.slots - len(slots))], salt, context)


def unchecked_inputs(slots: Pairs, salt: int, context: int) -> Inputs:
    """What `assign` computes, for all J slots."""
    return {"context": context, "portfolio_commitment": commit(salt, slots), "commitment/salt": salt,
            "commitment/id": np.array([id for id, _ in slots], object),
            "commitment/lots": np.array([lots for _, lots in slots], object)}
