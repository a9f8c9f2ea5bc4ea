"""A private portfolio of J slots (instrument id, signed lots): its commitment, its quantities, what they cost to hold.

An empty slot holds the null instrument, id 0, and 0 lots: nothing says which slots are in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.leaves import LeafTable, Leaves
from circuits.gadgets.poseidon import hash_rows
from circuits.gadgets.ranges import absolute, select
from circuits.signals import Linear, concatenate
from primitives.errors import BadInput
from primitives.poseidon import Tag, hash_integers
from risk.margins.margin import QUANTITY_BITS

Positions = Sequence[tuple[int, int]]
"""(leaf index, signed lots) each."""


# -- C1: the slots are the registered ones -------------------------------------------------------------------------
class Slots(NamedTuple):
    """What a commitment holds: ids and lots (J,), residues so far."""

    ids: Linear
    lots: Linear


def open_commitment(cs: ConstraintSystem, count: int, commitment: Linear) -> Slots:
    """C1: H(PORTFOLIO; salt, id_0, q_0, id_1, q_1, ...) is the commitment. The hash binds the count."""
    content = open_content(cs, count, commitment)
    return Slots(content[1::2], content[2::2])


def open_content(cs: ConstraintSystem, count: int, commitment: Linear) -> Linear:
    """C1, and what was hashed: salt, id_0, q_0, id_1, q_1, ..., (2 count + 1,)."""
    with cs.scope("commitment"):
        salt, ids, lots = cs.private("salt"), cs.private("id", (count,)), cs.private("lots", (count,))
        slots = concatenate([ids.reshape(count, 1), lots.reshape(count, 1)]).reshape(2 * count)
        content = concatenate([salt.reshape(1), slots])
        cs.equal(hash_rows(cs, Tag.PORTFOLIO, content, "C1 hash"), commitment, "C1")
    return content


def content_inputs(salt: int, slots: Sequence[tuple[int, int]]) -> Inputs:
    """Of C1, for all J slots (id, lots)."""
    return {"commitment/salt": salt, "commitment/id": np.array([id for id, _ in slots], object),
            "commitment/lots": np.array([lots for _, lots in slots], object)}


def commit(salt: int, slots: Sequence[tuple[int, int]]) -> int:
    """H(PORTFOLIO; salt, id_0, q_0, id_1, q_1, ...) over all slots (id, lots); unused ones are (0, 0)."""
    return hash_integers(Tag.PORTFOLIO, [salt, *(int(value) for slot in slots for value in slot)])


def named(table: LeafTable, positions: Positions) -> list[tuple[int, int]]:
    """Positions in an epoch as (instrument id, lots), which commitments hold."""
    return [(int(table.ids[leaf]), lots) for leaf, lots in positions]


def commitment_of(table: LeafTable, positions: Positions, salt: int) -> int:
    """`commit` for positions in an epoch, all J of them."""
    return commit(salt, named(table, positions))


def commitment_inputs(table: LeafTable, positions: Positions, salt: int) -> Inputs:
    """For all J slots."""
    return {"commitment/salt": salt, "commitment/id": np.array([int(table.ids[leaf]) for leaf, _ in positions], object),
            "commitment/lots": quantities_of(positions)}


# -- C6 to C8: quantities are small integers, and each side pays its own rate --------------------------------------
class Holdings(NamedTuple):
    """Quantities as integers.

    lots : (J,), within 2**Q in absolute value.  addon : (), sum of rate x |lots|.  gross : (), sum of amax x |lots|.
    """

    lots: Linear
    addon: Linear
    gross: Linear


def hold(cs: ConstraintSystem, lots: Linear, leaves: Leaves, gross_bits: int) -> Holdings:
    """C6, C7, C8 for residues `lots` (J,) of instruments whose leaves have been read: 45 J + gross_bits + 1 rows.

    Parameters
    ----------
    gross_bits : g; the gross exposure is below 2**g. It bounds every sum of value changes (E2).
    """
    with cs.scope("slots"):
        buy = cs.boolean("C6 buy", lots.shape)
        size, lots = absolute(cs, buy, lots, QUANTITY_BITS, "C6 |lots|")
        rate = select(cs, buy, leaves.long, leaves.short, "C8 rate")
        addon = cs.multiply(rate, size, "C8 add-on").sum()
        gross = cs.nonnegative(cs.multiply(size, leaves.amax, "C7 product").sum(), gross_bits, "C7 gross")
    return Holdings(lots, addon, gross)


def holding_inputs(positions: Positions) -> Inputs:
    """For all J slots."""
    return {"slots/C6 buy": quantities_of(positions) >= 0}


# -- positions, before any circuit ---------------------------------------------------------------------------------
def fill(count: int, positions: Positions) -> list[tuple[int, int]]:
    """All slots: the given (id or leaf index, lots), then empty ones, (0, 0) either way.

    Raises
    ------
    BadInput : more than there are slots.
    """
    if len(positions) > count:
        raise BadInput("number of positions", len(positions), f"at most {count}, the slots of this statement")
    return [*positions, *[(0, 0)] * (count - len(positions))]


def require_provable(table: LeafTable, positions: Positions, gross_bits: int) -> None:
    """Refuse positions that C6 and C7 would.

    Raises
    ------
    BadInput : a leaf that is not there, 2**Q lots or more, a gross exposure of 2**gross_bits or more.
    """
    limit = (1 << QUANTITY_BITS) - 1
    for slot, (leaf, quantity) in enumerate(positions):
        require_integer(f"positions[{slot}] leaf", leaf, 0, len(table.ids) - 1)
        require_integer(f"positions[{slot}] lots", quantity, -limit, limit)
    gross = sum(abs(int(quantity)) * int(table.amax[leaf]) for leaf, quantity in positions)
    if gross >= 1 << gross_bits:
        raise BadInput("gross exposure (the sum of |lots| amax)", gross, f"below 2**{gross_bits}")


def rows_of(positions: Positions) -> NDArray[np.int64]:
    """The leaf indices (J,)."""
    return np.array([leaf for leaf, _ in positions], np.int64)


def quantities_of(positions: Positions) -> NDArray[np.object_]:
    """The signed lots (J,), Python integers."""
    return np.array([int(quantity) for _, quantity in positions], object)


def addons_of(table: LeafTable, positions: Positions) -> int:
    """Sum of rate x |lots|, with the rate of the side held."""
    return sum(abs(int(lots)) * int((table.long if lots >= 0 else table.short)[leaf]) for leaf, lots in positions)
