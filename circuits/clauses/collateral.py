"""Collateral and debts in many assets, valued with an epoch's factors and set against a margin: S1 to S5.

What is owned and owed is committed to by whoever keeps it, as (asset id, amounts) per slot, in any order. What a base
unit counts for is in a tree of the epoch, one leaf an asset, of which an opening shows the id and not the place. So the
two orders have nothing to do with each other: neither the publisher nor the keeper must follow the other's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs, require_integer
from circuits.gadgets import packing
from circuits.gadgets.poseidon import hash_rows
from circuits.gadgets.tree import open_leaves
from circuits.intervals import unsigned
from circuits.signals import Linear, Signal, concatenate
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers
from risk.grid.grid_epoch import ASSET_DEPTH, FACTOR_BITS, GridEpoch
from risk.grid.haircuts import FACTOR_UNIT

AMOUNT_BITS = 96
"""Balances and debts are below 2**96 base units."""
AMOUNT_LANE = 128
"""A slot's amounts are one element, balance + 2**128 debt; the room between lets the amounts of many slots be added."""
BUFFER_BITS = 16
BUFFER_UNIT = 10**4
"""The buffer is in basis points of the margin, below 2**16."""


class Holding(NamedTuple):
    """One slot: an asset and what is owned and owed of it, in base units."""

    asset: int
    balance: int
    debt: int

    @property
    def amounts(self) -> int:
        """What the commitment holds of it besides the asset, a field element."""
        return (self.balance + (self.debt << AMOUNT_LANE)) % MODULUS


NOTHING = Holding(0, 0, 0)


class Amounts(NamedTuple):
    """What is owned and owed of some assets, (n,) each, integers."""

    balances: Linear
    debts: Linear

    def packed(self) -> Linear:
        """(n,) as `Holding.amounts`."""
        both = concatenate([column.reshape(len(column), 1) for column in self])
        return packing.pack(both, 2, AMOUNT_LANE)[:, 0]


# -- S1: what is owned and owed --------------------------------------------------------------------------------------
def commit_to(cs: ConstraintSystem, bound: Sequence[Signal], ids: Linear, amounts: Linear) -> Linear:
    """S1: H(COLLATERAL; salt, bound..., id_0, amounts_0, id_1, ...) of slots (n,). The hash binds the count.

    Parameters
    ----------
    bound : whose collateral it is, and when.
    """
    n = len(ids)
    salt = cs.private("salt")
    slots = concatenate([ids.reshape(n, 1), amounts.reshape(n, 1)]).reshape(2 * n)
    content = [salt.reshape(1), *(cs.signal(value).reshape(1) for value in bound), slots]
    return hash_rows(cs, Tag.COLLATERAL, concatenate(content), "S1 hash")


def commit_holdings(salt: int, bound: Sequence[int], holdings: Iterable[Holding]) -> int:
    """H(COLLATERAL; salt, bound..., id_0, balance_0 + 2**128 debt_0, id_1, ...) over all slots; unused ones are 0."""
    return hash_integers(Tag.COLLATERAL, [salt, *bound, *(number for holding in holdings
                                                          for number in (holding.asset, holding.amounts))])


def fill_holdings(count: int, holdings: Sequence[Holding]) -> list[Holding]:
    """All slots: the given ones, then empty ones.

    Raises
    ------
    BadInput : more than there are slots, an amount out of [0, 2**96).
    """
    if len(holdings) > count:
        raise BadInput("number of assets held", len(holdings), f"at most {count}, the slots of this statement")
    for slot, holding in enumerate(holdings):
        for name in ("balance", "debt"):
            require_integer(f"holdings[{slot}].{name}", getattr(holding, name), 0, (1 << AMOUNT_BITS) - 1)
    return [*(Holding(*map(int, holding)) for holding in holdings), *[NOTHING] * (count - len(holdings))]


# -- S2: what a base unit counts for ---------------------------------------------------------------------------------
class AssetFactors(NamedTuple):
    """Value and debt factors (n,) of some assets, and the root of the tree that all of them are in."""

    value: Linear
    debt: Linear
    root: Linear


def read_factors(cs: ConstraintSystem, ids: Linear) -> AssetFactors:
    """S2: the leaf of each id (n,), opened in one tree: n (h(3) + 419) + 405 rows. The leaf's id is the wire given.

    The caller opens the root in the epoch. As ids are distinct there (E8), the factors are each asset's own; those of
    the null id are 0.
    """
    n, factor = len(ids), unsigned(FACTOR_BITS)
    with cs.scope("assets"):
        value = cs.private("value factor", (n,), assumed=factor, reason="E8")
        debt = cs.private("debt factor", (n,), assumed=factor, reason="E8")
        rows = concatenate([column.reshape(n, 1) for column in (ids, value, debt)])
        digest = hash_rows(cs, Tag.ASSET, rows, "S2 hash")
        return AssetFactors(value, debt, open_leaves(cs, digest, ASSET_DEPTH, "S2", "S2", shared=1))


def factor_inputs(epoch: GridEpoch, ids: Sequence[int]) -> Inputs:
    """For the assets of these ids.

    Raises
    ------
    BadInput : an asset that the epoch does not list.
    """
    tree, places = epoch.asset_tree, [epoch.asset_place(id) for id in ids]
    factors = [epoch.listed[place] for place in places]
    inputs: Inputs = {"assets/value factor": np.array([f.value for f in factors], object),
                      "assets/debt factor": np.array([f.debt for f in factors], object),
                      "assets/top": tree.levels[ASSET_DEPTH - 1]}
    for level in range(ASSET_DEPTH - 1):
        inputs[f"assets/children {level}"] = np.stack([tree.children(place, level) for place in places])
    return inputs


# -- S3: amounts are small integers ----------------------------------------------------------------------------------
def read_amounts(cs: ConstraintSystem, count: int, bits: int = AMOUNT_BITS) -> Amounts:
    """S3: balances and debts (count,), which *are* their bits: 2 bits count rows.

    They are ranged before anything multiplies them: a residue such as r - 1, or one near r / factor, would otherwise be
    worth a fortune. Whoever sets `packed` equal to something pins both, since neither reaches 2**128.
    """
    packing.unique(unsigned(bits), unsigned(bits), AMOUNT_LANE, 1, cs.label("S3"))
    return Amounts(*(cs.bits(f"S3 {name}", bits, (count,)) for name in ("balance", "debt")))


def amount_inputs(prefix: str, holdings: Sequence[Holding]) -> Inputs:
    """For `read_amounts` in the scope `prefix`."""
    return {f"{prefix}/S3 {name}": np.array([getattr(holding, name) for holding in holdings], object)
            for name in ("balance", "debt")}


# -- S4, S5: collateral covers the margin ----------------------------------------------------------------------------
def cover(cs: ConstraintSystem, amounts: Amounts, factors: AssetFactors, margin: Linear, buffer: Linear) -> None:
    """S4, S5: 10**4 (sum balance x value - sum debt x factor) - 2**64 margin (10**4 + buffer) is not negative.

    buffer is ranged; the difference has as many bits as its largest value, which is far below r.
    """
    with cs.scope("result"):
        buffer = cs.represent(buffer, BUFFER_BITS, "S4 buffer")
        owned = cs.multiply(amounts.balances, factors.value, "S5 collateral").sum()
        owed = cs.multiply(amounts.debts, factors.debt, "S5 debt").sum()
        required = cs.multiply(margin, buffer + BUFFER_UNIT, "S5 margin and buffer")
        surplus: Linear = (owned - owed) * BUFFER_UNIT - required * FACTOR_UNIT
        cs.nonnegative(surplus, surplus.interval.high.bit_length(), "S5 surplus")


def surplus_of(epoch: GridEpoch, holdings: Iterable[Holding], margin: int, buffer: int) -> int:
    """What S5 ranges: the collateral beyond margin and buffer, in 10**-4 x 2**-64 money units; negative if it does not
    suffice."""
    listed = {factors.id: factors for factors in epoch.listed}
    net = sum(holding.balance * listed[holding.asset].value - holding.debt * listed[holding.asset].debt
              for holding in holdings)
    return BUFFER_UNIT * net - FACTOR_UNIT * margin * (BUFFER_UNIT + buffer)
