"""Collateral and debts in many assets, valued with an epoch's factors and set against a margin: S1 to S5.

What is owned and owed is committed to by whoever keeps it, as (asset id, balance, debt) per slot, in any order. What a
base unit counts for stands in leaves of the epoch, four assets each. The two orders have nothing to do with each other,
so that neither the publisher nor the keeper of the collateral must follow the other's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs, require_integer
from circuits.gadgets.poseidon import hash_rows
from circuits.intervals import unsigned
from circuits.signals import Linear, Signal, concatenate
from primitives.errors import BadInput
from primitives.poseidon import Tag, hash_integers
from risk.grid.grid_epoch import ASSETS_PER_LEAF, FACTOR_BITS, GridEpoch
from risk.grid.haircuts import FACTOR_UNIT

AMOUNT_BITS = 96
"""Balances and debts are below 2**96 base units."""
BUFFER_BITS = 16
BUFFER_UNIT = 10**4
"""The buffer is in basis points of the margin, below 2**16."""


class Holding(NamedTuple):
    """One slot: an asset and what is owned and owed of it, in base units."""

    asset: int
    balance: int
    debt: int


NOTHING = Holding(0, 0, 0)


# -- S1: what is owned and owed --------------------------------------------------------------------------------------
class Held(NamedTuple):
    """Slots of a collateral commitment: ids, balances and debts (n,), residues so far."""

    ids: Linear
    balances: Linear
    debts: Linear


def open_holdings(cs: ConstraintSystem, count: int, bound: Sequence[Signal]) -> tuple[Held, Linear]:
    """S1: holdings (count,) and their commitment H(COLLATERAL; salt, bound..., id_0, balance_0, debt_0, ...).

    Parameters
    ----------
    bound : whose collateral it is, and when.
    """
    with cs.scope("collateral"):
        salt = cs.private("salt")
        held = Held(*(cs.private(name, (count,)) for name in ("asset", "balance", "debt")))
        slots = concatenate([column.reshape(count, 1) for column in held]).reshape(3 * count)
        content = [salt.reshape(1), *(cs.signal(value).reshape(1) for value in bound), slots]
        return held, hash_rows(cs, Tag.COLLATERAL, concatenate(content), "S1 hash")


def commit_holdings(salt: int, bound: Sequence[int], holdings: Iterable[Holding]) -> int:
    """H(COLLATERAL; salt, bound..., id_0, balance_0, debt_0, ...) over all slots; unused ones are (0, 0, 0)."""
    return hash_integers(Tag.COLLATERAL, [salt, *bound, *(number for holding in holdings for number in holding)])


def holding_inputs(salt: int, holdings: Sequence[Holding]) -> Inputs:
    """For all slots."""
    assets, balances, debts = (np.array(column, object) for column in zip(*holdings, strict=True))
    return {"collateral/salt": salt, "collateral/asset": assets, "collateral/balance": balances,
            "collateral/debt": debts}


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
    """ids, value and debt factors (K,) of the assets in some leaves, and the leaves' digests (K / 4,)."""

    ids: Linear
    value: Linear
    debt: Linear
    digest: Linear


def read_factors(cs: ConstraintSystem, leaves: int) -> AssetFactors:
    """S2: leaves of asset factors, hashed: h(12) rows each. The caller opens the digests in the epoch."""
    shape = (leaves, ASSETS_PER_LEAF)
    factor = unsigned(FACTOR_BITS)
    with cs.scope("assets"):
        ids = cs.private("id", shape)
        value = cs.private("value factor", shape, assumed=factor, reason="E8")
        debt = cs.private("debt factor", shape, assumed=factor, reason="E8")
        rows = concatenate([column.reshape(*shape, 1) for column in (ids, value, debt)])
        digest = hash_rows(cs, Tag.ASSET, rows.reshape(leaves, 3 * ASSETS_PER_LEAF), "S2 hash")
    flat = leaves * ASSETS_PER_LEAF
    return AssetFactors(ids.reshape(flat), value.reshape(flat), debt.reshape(flat), digest)


def leaves_for(epoch: GridEpoch, holdings: Iterable[Holding], count: int) -> list[int]:
    """Numbers of the asset leaves that hold all these assets, filled up with the null leaf.

    Raises
    ------
    BadInput : an asset that the epoch does not list, or assets of more leaves than the statement opens.
    """
    listed = {factors.id: leaf for leaf, row in reversed(list(enumerate(epoch.asset_leaves))) for factors in row}
    needed = set()
    for holding in holdings:
        if holding.asset not in listed:
            raise BadInput("asset held", holding.asset, "listed in the epoch")
        if holding.asset:
            needed.add(listed[holding.asset])
    if len(needed) > count:
        raise BadInput("number of asset leaves", len(needed), f"at most {count}: the statement opens no more")
    return [*sorted(needed), *[len(epoch.asset_leaves) - 1] * (count - len(needed))]


def factor_inputs(epoch: GridEpoch, leaves: Sequence[int]) -> Inputs:
    """For the asset leaves of these numbers."""
    rows = np.array([[list(factors) for factors in epoch.asset_leaves[leaf]] for leaf in leaves], object)
    return {"assets/id": rows[..., 0], "assets/value factor": rows[..., 1], "assets/debt factor": rows[..., 2]}


# -- S3: which is which ----------------------------------------------------------------------------------------------
class Totals(NamedTuple):
    """What is owned and owed in all of each listed asset: (K,), integers."""

    balances: Linear
    debts: Linear


def sort_holdings(cs: ConstraintSystem, held: Held, assets: AssetFactors, counted: Signal = 1) -> Totals:
    """S3: holdings (n,) of any order added up by listed asset: n (3 K + 2) + 2 K (b + 1) rows, b = 96 + ceil(log2 n).

    Each slot picks one listed asset, or none, of equal id. As ids are distinct (E8), pick (id_k - id) = 0 leaves one
    place where pick is not 0, and a sum of 1 makes it 1 there. Slots of the null id pick the null asset that is added
    at the end, which counts for nothing. Totals are ranged before they are multiplied: a residue such as r - 1, or one
    near r / factor, would otherwise be worth a fortune.

    Parameters
    ----------
    counted : (n,) or one for all, booleans; a sum of 0 instead of 1 leaves a slot out.
    """
    n, K = len(held.ids), len(assets.ids)
    ids = concatenate([assets.ids, cs.signal([0])])
    with cs.scope("assets"):
        pick = cs.hint("S3 pick", (n, K + 1))
        cs.equal(pick * (ids.reshape(1, K + 1) - held.ids.reshape(n, 1)), 0, "S3 same asset")
        cs.equal(pick.sum(-1), counted, "S3 one asset")
        bits = AMOUNT_BITS + (n - 1).bit_length()
        totals = []
        for name, amounts in (("balance", held.balances), ("debt", held.debts)):
            sorted_amounts = cs.multiply(pick[:, :K], amounts.reshape(n, 1), f"S3 {name} of asset").sum(0)
            totals.append(cs.represent(sorted_amounts, bits, f"S3 total {name}"))
    return Totals(*totals)


def sorting_inputs(held: Sequence[int], listed: Sequence[int]) -> Inputs:
    """Where each held asset id (n,) stands among the listed ones (K,)."""
    picks = np.zeros((len(held), len(listed) + 1), object)
    for slot, asset in enumerate(held):
        picks[slot, listed.index(asset) if asset else len(listed)] = 1
    return {"assets/S3 pick": picks}


# -- S4, S5: collateral covers the margin ----------------------------------------------------------------------------
def cover(cs: ConstraintSystem, totals: Totals, assets: AssetFactors, margin: Linear, buffer: Linear) -> None:
    """S4, S5: 10**4 (sum balance x value - sum debt x factor) - 2**64 margin (10**4 + buffer) is not negative.

    buffer is ranged; the difference has as many bits as its largest value, which is far below r.
    """
    with cs.scope("result"):
        buffer = cs.represent(buffer, BUFFER_BITS, "S4 buffer")
        owned = cs.multiply(totals.balances, assets.value, "S5 collateral").sum()
        owed = cs.multiply(totals.debts, assets.debt, "S5 debt").sum()
        required = cs.multiply(margin, buffer + BUFFER_UNIT, "S5 margin and buffer")
        surplus: Linear = (owned - owed) * BUFFER_UNIT - required * FACTOR_UNIT
        cs.nonnegative(surplus, surplus.interval.high.bit_length(), "S5 surplus")


def surplus_of(epoch: GridEpoch, holdings: Iterable[Holding], margin: int, buffer: int) -> int:
    """What S5 ranges: the collateral beyond margin and buffer, in 10**-4 x 2**-64 money units; negative if it does not
    suffice."""
    listed = {factors.id: factors for row in epoch.asset_leaves for factors in row}
    net = sum(holding.balance * listed[holding.asset].value - holding.debt * listed[holding.asset].debt
              for holding in holdings)
    return BUFFER_UNIT * net - FACTOR_UNIT * margin * (BUFFER_UNIT + buffer)
