"""The `netting` statement: one margin for positions on several protocols, covered by what is kept on all of them.

Public: context, epoch_root, epoch_number, buffer, margin, and for each of P places member, portfolio_commitment and
balance_root. It proves that the margin of all the members' positions together is `margin`, and that what the protocols
attest to keep for the members, less what these owe, each valued with the epoch's factors, covers that margin and a
buffer. N1 to N3 are those of docs/statements.md; C2 to C20 those of the margin on a grid, S2 to S5 those of `solvency`.

A member is an account on a protocol. Its commitment and its balances are bound to it, so that what is registered on one
protocol cannot be shown for another: a lenient protocol's instruments would be cheaper, and balances would count twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses import collateral, portfolio
from circuits.clauses.collateral import BUFFER_BITS, Held, Holding
from circuits.clauses.inputs import Inputs, require_integer, scoped
from circuits.clauses.portfolio import Positions, Slots
from circuits.gadgets.tree import climb
from circuits.signals import Linear, concatenate
from circuits.statements import grid
from primitives.errors import BadInput
from primitives.field import MODULUS, encode
from primitives.merkle import Tree
from risk.grid.grid_epoch import ASSETS_PER_LEAF, GridEpoch
from risk.grid.grid_shape import GridShape

UNUSED = 0
"""The member of a place that a group leaves empty."""


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    margin : of all positions; its slots are divided among the places.
    places : P, the most members of a group.
    assets : slots of each member's balances.
    asset_leaves : leaves of asset factors that are opened, four assets each.
    balance_depth : a protocol attests balances of 8**balance_depth accounts with one root.

    Raises
    ------
    BadInput : a size is out of bounds, or slots that cannot be divided.
    """

    margin: grid.Preset
    places: int
    assets: int
    asset_leaves: int
    balance_depth: int

    def __post_init__(self) -> None:
        for name, high in (("places", 16), ("assets", 64), ("asset_leaves", 16), ("balance_depth", 16)):
            require_integer(name, getattr(self, name), 1, high)
        if self.margin.slots % self.places:
            raise BadInput("margin.slots", self.margin.slots, f"a multiple of the {self.places} places")

    @property
    def shape(self) -> GridShape:
        """Of the epochs it reads."""
        return self.margin.shape

    @property
    def slots(self) -> int:
        """Positions of all members at most."""
        return self.margin.slots

    @property
    def member_slots(self) -> int:
        """Positions of one member at most."""
        return self.margin.slots // self.places

    @property
    def listed(self) -> int:
        """K, the assets whose factors are opened."""
        return self.asset_leaves * ASSETS_PER_LEAF


def public_inputs(preset: Preset) -> Mapping[str, str]:
    """What each public input means, in their order."""
    inputs = {
        "context": "what the proof is for: chain, contract, key, group, epoch, state version and action, hashed",
        "epoch_root": "the published epoch: instruments, risk arrays, collateral factors, shape and regime",
        "epoch_number": "of that epoch, which balances are attested for",
        "buffer": "required beyond the margin, in basis points of it, below 2**16",
        "margin": "of all positions together: max(0, Expected Shortfall rounded up) + contingency add-ons, "
                  "in 10**-6 quote units",
    }
    for p in range(preset.places):
        inputs |= {f"member_{p}": "protocol and account, hashed; 0 for an empty place",
                   f"portfolio_commitment_{p}": "the member's registered portfolio: slots and a secret salt, hashed",
                   f"balance_root_{p}": "tree of balances that the member's protocol attests for the epoch"}
    return inputs


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    P = preset.places
    context, epoch_root, number, buffer, margin, *places = map(cs.public, public_inputs(preset))
    members, commitments, roots = places[::3], places[1::3], places[2::3]

    slots, held, digests = [], [], []
    for p, (member, commitment) in enumerate(zip(members, commitments, strict=True)):
        with cs.scope(f"member {p}"):                                   # N1: registered for this member
            slots.append(portfolio.open_commitment(cs, preset.member_slots, commitment, [member]))
            balances, digest = collateral.open_holdings(cs, preset.assets, [member, number])
            held.append(balances)
            digests.append(digest.reshape(1))
    used = _attested(cs, members, concatenate(digests), roots, preset.balance_depth)                    # N2, N3

    assets = collateral.read_factors(cs, preset.asset_leaves)           # S2
    everything = Slots(*map(concatenate, zip(*slots, strict=True)))
    proven = grid.slots_margin(cs, everything, preset.margin, epoch_root, [assets.digest])              # C2 to C18
    counted = used.reshape(P, 1).broadcast((P, preset.assets)).reshape(P * preset.assets)
    totals = collateral.sort_holdings(cs, Held(*map(concatenate, zip(*held, strict=True))), assets, counted)    # S3
    collateral.cover(cs, totals, assets, proven, buffer)                # S4, S5
    with cs.scope("result"):
        cs.equal(proven, margin, "C19")                                 # C19
        cs.multiply(context, context, "C20")                            # C20


def _attested(cs: ConstraintSystem, members: Sequence[Linear], digests: Linear, roots: Sequence[Linear], depth: int
              ) -> Linear:
    """N2, N3: balances are in the tree that the member's protocol attests, unless the place is empty. Returns which
    places are used (P,): balances of the others are not counted.

    A member that is not 0 makes `used` 1. For 0 the root is 0 as well, which no tree has: that makes it 0.
    """
    with cs.scope("balances"):
        used = cs.hint("N3 used", (len(members),))
        cs.equal(concatenate([member.reshape(1) for member in members]) * (1 - used), 0, "N3 unused")
        found = climb(cs, digests, depth, "N2")
        cs.equal(used * (found - concatenate([root.reshape(1) for root in roots])), 0, "N2 root")
    return used


# -- the witness ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Member:
    """An account on a protocol.

    Parameters
    ----------
    id : protocol and account, hashed; not 0.
    salt : of the portfolio commitment.
    positions : (leaf index, signed lots) per slot in use.
    balance_salt : of the balance leaf, which the protocol shares with the account.
    holdings : asset ids with what is owned and owed of them, in base units.
    balances : the protocol's tree of balances.  place : of the member's leaf in it.
    """

    id: int
    salt: int
    positions: Positions
    balance_salt: int
    holdings: Sequence[Holding]
    balances: Tree | None = field(default=None, repr=False)
    place: int = 0

    def commitment(self, preset: Preset, epoch: GridEpoch) -> int:
        """What the protocol registers for the account; errors as `assign`."""
        return portfolio.commitment_of(epoch, portfolio.fill(preset.member_slots, self.positions), self.salt, [self.id])

    def balance_leaf(self, preset: Preset, number: int) -> int:
        """What the protocol puts into its tree for epoch `number`; errors as `assign`."""
        holdings = collateral.fill_holdings(preset.assets, self.holdings)
        return collateral.commit_holdings(self.balance_salt, [self.id, number], holdings)


NOBODY = Member(UNUSED, 0, (), 0, ())


def empty_commitment(preset: Preset) -> int:
    """What the contract supplies for an empty place, with member 0 and balance root 0."""
    return portfolio.commit(NOBODY.salt, portfolio.fill(preset.member_slots, ()), [UNUSED])


def balance_tree(preset: Preset, leaves: Sequence[int]) -> Tree:
    """The tree that a protocol attests: balance leaves of its accounts in any order, 0 where there is none."""
    return Tree(encode(np.array(leaves, object)), preset.balance_depth)


def assign(preset: Preset, epoch: GridEpoch, number: int, members: Sequence[Member], buffer: int, context: int
           ) -> Inputs:
    """The inputs of `define`, honest and complete.

    Parameters
    ----------
    number : of the epoch, as on chain.
    members : at most P; the other places stay empty.
    buffer : basis points, in [0, 2**16).

    Raises
    ------
    BadInput : as `circuits.statements.grid.assign` and `circuits.statements.solvency.assign`; too many members, one
        without balances, or one whose balances are not at its place in the tree.
    """
    grid.require_shape(preset, epoch)
    for name, value, bound in (("epoch_number", number, MODULUS), ("context", context, MODULUS),
                               ("buffer", buffer, 1 << BUFFER_BITS)):
        require_integer(name, value, 0, bound - 1)
    if len(members) > preset.places:
        raise BadInput("number of members", len(members), f"at most {preset.places}, the places of this statement")
    for p, member in enumerate(members):
        require_integer(f"members[{p}].id", member.id, 1, MODULUS - 1)
        for name in ("salt", "balance_salt"):
            require_integer(f"members[{p}].{name}", getattr(member, name), 0, MODULUS - 1)
        leaf = member.balance_leaf(preset, number)
        if member.balances is None or member.balances.depth != preset.balance_depth:
            raise BadInput(f"members[{p}].balances", None, f"a tree of depth {preset.balance_depth}")
        require_integer(f"members[{p}].place", member.place, 0, 8**preset.balance_depth - 1)
        if (member.balances.levels[0][member.place] != encode([leaf])[0]).any():
            raise BadInput(f"members[{p}].place", member.place, "where the tree holds this member's balances")
    slots = [slot for member in members for slot in portfolio.fill(preset.member_slots, member.positions)]
    portfolio.require_provable(epoch, slots, preset.margin.gross_bits)
    inputs = unchecked_inputs(preset, epoch, number, members, buffer, context)
    holdings = [holding for member in members for holding in member.holdings]
    surplus = collateral.surplus_of(epoch, holdings, inputs["margin"], buffer)
    if surplus < 0:
        raise BadInput("collateral beyond margin and buffer, 2**-64 x 10**-10 quote units", surplus, "at least 0")
    return inputs


def unchecked_inputs(preset: Preset, epoch: GridEpoch, number: int, members: Sequence[Member], buffer: int,
                     context: int) -> Inputs:
    """What `assign` computes; where bounds are broken, so are the rows that a witness of it meets."""
    everyone = [*members, *[NOBODY] * (preset.places - len(members))]
    inputs: Inputs = {"context": context, "epoch_root": epoch.root, "epoch_number": number, "buffer": buffer,
                      "balances/N3 used": [int(member.id != UNUSED) for member in everyone]}
    slots, holdings, paths = [], [], []
    for p, member in enumerate(everyone):
        own = portfolio.fill(preset.member_slots, member.positions)
        kept = [*member.holdings, *[collateral.NOTHING] * (preset.assets - len(member.holdings))]
        leaf = collateral.commit_holdings(member.balance_salt, [member.id, number], kept)
        # An empty place is not looked up in anybody's tree.
        tree, place = (balance_tree(preset, [leaf]), 0) if member.balances is None else (member.balances, member.place)
        paths.append([tree.children(place, level) for level in range(preset.balance_depth)])
        inputs |= {f"member_{p}": member.id, f"balance_root_{p}": tree.root if member.id != UNUSED else 0,
                   f"portfolio_commitment_{p}": portfolio.commitment_of(epoch, own, member.salt, [member.id]),
                   **scoped(f"member {p}", portfolio.commitment_inputs(epoch, own, member.salt)),
                   **scoped(f"member {p}", collateral.holding_inputs(member.balance_salt, kept))}
        slots += own
        holdings += kept
    inputs |= {f"balances/children {level}": np.stack([path[level] for path in paths])
               for level in range(preset.balance_depth)}
    leaves = collateral.leaves_for(epoch, holdings, preset.asset_leaves)
    listed = [factors.id for leaf in leaves for factors in epoch.asset_leaves[leaf]]
    picks = collateral.sorting_inputs([holding.asset for holding in holdings], listed)
    picks["assets/S3 pick"][len(members) * preset.assets:] = 0          # nothing is counted for empty places
    proven = grid.slots_margin_inputs(preset.margin, epoch, slots, [epoch.asset_place(leaf) for leaf in leaves])
    return {**inputs, "margin": proven.margin, **collateral.factor_inputs(epoch, leaves), **proven.inputs, **picks}
