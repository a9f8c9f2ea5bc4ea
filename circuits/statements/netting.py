"""The `netting` statement: one margin for positions on several protocols, covered by what is kept on all of them.

Public: context, epoch_root, epoch_number, buffer, margin, places, and for each of P places member, portfolio_commitment
and balance_root. It proves that the margin of all the members' positions together is `margin`, and that what the
protocols attest to keep for the members, less what these owe, each valued with the epoch's factors, covers that margin
and a buffer. N1 to N4 are those of docs/statements.md; C2 to C20 those of the margin on a grid, S2 to S5 those of
`solvency`.

A member is an account on a protocol. Its commitment and its balances are bound to it, so that what is registered on one
protocol cannot be shown for another: a lenient protocol's instruments would be cheaper, and balances would count twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuits.builder import LARGEST_RANGE, ConstraintSystem
from circuits.clauses import collateral, portfolio
from circuits.clauses.collateral import BUFFER_BITS, Amounts, Holding
from circuits.clauses.inputs import Inputs, require_integer, scoped
from circuits.clauses.portfolio import Positions, Slots
from circuits.gadgets import packing
from circuits.gadgets.poseidon import hash_rows
from circuits.gadgets.tree import DIGIT_BITS, climb_at
from circuits.intervals import signed
from circuits.signals import Linear, concatenate
from circuits.statements import grid
from primitives.errors import BadInput
from primitives.field import MODULUS, encode
from primitives.merkle import ARITY, Branch, Tree
from primitives.poseidon import Tag, hash_integers
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GridShape
from risk.margins.margin import QUANTITY_BITS

UNUSED = 0
"""The member of a place that a group leaves empty."""
LOTS = signed(QUANTITY_BITS)
LOTS_WIDTH = QUANTITY_BITS + 1
LOTS_TO_AN_ELEMENT = 6
"""How a member's commitment packs lots; C6 keeps them in `LOTS`."""


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    margin : of all positions; its slots are divided among the places.
    places : P, the most members of a group.
    assets : slots of each member's balances.
    group_assets : K, different assets that all members together own or owe at most.
    balance_depth : a protocol attests balances of 8**balance_depth accounts with one root.

    Raises
    ------
    BadInput : a size is out of bounds, or slots that cannot be divided.
    """

    margin: grid.Preset
    places: int
    assets: int
    group_assets: int
    balance_depth: int

    def __post_init__(self) -> None:
        for name, high in (("places", 16), ("assets", 64), ("group_assets", 64), ("balance_depth", 16)):
            require_integer(name, getattr(self, name), 1, high)
        if self.margin.slots % self.places:
            raise BadInput("margin.slots", self.margin.slots, f"a multiple of the {self.places} places")
        if self.places * self.place_bits > LARGEST_RANGE:
            raise BadInput("balance_depth", self.balance_depth,
                           f"at most {LARGEST_RANGE // DIGIT_BITS // self.places}: one number tells all places")

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
    def place_bits(self) -> int:
        """Of a place in a tree of balances."""
        return DIGIT_BITS * self.balance_depth


def public_inputs(preset: Preset) -> Mapping[str, str]:
    """What each public input means, in their order."""
    inputs = {
        "context": "what the proof is for: chain, contract, key, group, epoch, state version and action, hashed",
        "epoch_root": "the published epoch: instruments, risk arrays, collateral factors, shape and regime",
        "epoch_number": "of that epoch, which balances are attested for",
        "buffer": "required beyond the margin, in basis points of it, below 2**16",
        "margin": "of all positions together: max(0, Expected Shortfall rounded up) + contingency add-ons, "
                  "in 10**-6 quote units",
        "places": "where the members' balances are in their trees: sum of place_p x 8**(depth p); 0 for empty places",
    }
    for p in range(preset.places):
        inputs |= {f"member_{p}": "protocol and account, hashed; 0 for an empty place",
                   f"portfolio_commitment_{p}": "the member's registered portfolio: slots and a secret salt, hashed",
                   f"balance_root_{p}": "tree of balances that the member's protocol attests for the epoch"}
    return inputs


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    P = preset.places
    context, epoch_root, number, buffer, margin, where, *places = map(cs.public, public_inputs(preset))
    members, commitments, roots = places[::3], places[1::3], places[2::3]

    slots, assets, amounts, digests = [], [], [], []
    for p, (member, commitment) in enumerate(zip(members, commitments, strict=True)):
        with cs.scope(f"member {p}"):
            slots.append(_registered(cs, preset.member_slots, member, commitment))                      # N1
            with cs.scope("collateral"):
                assets.append(cs.private("asset", (preset.assets,)))
                amounts.append(cs.private("amounts", (preset.assets,)))
                digests.append(collateral.commit_to(cs, [member, number], assets[-1], amounts[-1]).reshape(1))
    used = _attested(cs, preset, members, concatenate(digests), roots, where)                           # N2, N3
    counted = used.reshape(P, 1).broadcast((P, preset.assets)).reshape(P * preset.assets)
    ids, totals = _added(cs, preset.group_assets, concatenate(assets), concatenate(amounts), counted)   # N4, S3

    factors = collateral.read_factors(cs, ids)                          # S2
    everything = Slots(*map(concatenate, zip(*slots, strict=True)))
    proven = grid.slots_margin(cs, everything, preset.margin, epoch_root, factors.root)                 # C2 to C18
    collateral.cover(cs, totals, factors, proven, buffer)               # S4, S5
    with cs.scope("result"):
        cs.equal(proven, margin, "C19")                                 # C19
        cs.multiply(context, context, "C20")                            # C20


def _registered(cs: ConstraintSystem, count: int, member: Linear, commitment: Linear) -> Slots:
    """N1: the commitment is H(MEMBER; salt, member, id_0, id_1, ..., Q_0, ...), lots packed six to an element.

    C6 says that lots are below 2**40, so only one vector of them packs to Q. That saves a third of the hash's rows.
    """
    packing.unique(LOTS, LOTS, LOTS_WIDTH, LOTS_TO_AN_ELEMENT, cs.label("N1"))
    with cs.scope("commitment"):
        salt, ids, lots = cs.private("salt"), cs.private("id", (count,)), cs.private("lots", (count,))
        content = [salt.reshape(1), member.reshape(1), ids, packing.pack(lots, LOTS_TO_AN_ELEMENT, LOTS_WIDTH)]
        cs.equal(hash_rows(cs, Tag.MEMBER, concatenate(content), "N1 hash"), commitment, "N1")
    return Slots(ids, lots)


def _attested(cs: ConstraintSystem, preset: Preset, members: Sequence[Linear], digests: Linear,
              roots: Sequence[Linear], where: Linear) -> Linear:
    """N2, N3: balances are in the tree that the member's protocol attests, at the member's own place, unless the place
    in the group is empty. Returns which places are used (P,): balances of the others are not counted.

    A member that is not 0 makes `used` 1. For 0 the root is 0 as well, which no tree has: that makes it 0.
    """
    bits = preset.places * preset.place_bits
    with cs.scope("balances"):
        used = cs.hint("N3 used", (len(members),))
        cs.equal(concatenate([member.reshape(1) for member in members]) * (1 - used), 0, "N3 unused")
        digits = cs.boolean("N2 place", (preset.places, preset.balance_depth, DIGIT_BITS))
        cs.equal((digits.reshape(bits) * np.array([1 << i for i in range(bits)], object)).sum(), where, "N2 places")
        found = climb_at(cs, digests, digits, "N2")
        cs.equal(used * (found - concatenate([root.reshape(1) for root in roots])), 0, "N2 root")
    return used


def _added(cs: ConstraintSystem, count: int, ids: Linear, amounts: Linear, counted: Linear) -> tuple[Linear, Amounts]:
    """N4: holdings (n,) added up by asset, of which there are at most `count`: (2 n + 2 (96 + ceil(log2 n))) count +
    2 n rows. Returns the assets and their totals.

    Each slot picks one asset, or none, of equal id: pick (id_k - id) = 0 lets it pick no other, a sum of 1 makes it
    pick. Slots of the null id pick the null asset, which is added at the end and counts for nothing. If an asset is
    named twice, a slot may be divided among the two, each at the same factors.

    Parameters
    ----------
    counted : (n,), 0 or 1; a sum of 0 instead of 1 leaves a slot out.
    """
    n, K = len(ids), count
    with cs.scope("group"):
        named = cs.hint("N4 asset", (K,))
        pick = cs.hint("N4 pick", (n, K + 1))
        candidates = concatenate([named, cs.signal([0])]).reshape(1, K + 1)
        cs.equal(pick * (candidates - ids.reshape(n, 1)), 0, "N4 same asset")
        cs.equal(pick.sum(-1), counted, "N4 one asset")
        totals = collateral.read_amounts(cs, K, collateral.AMOUNT_BITS + (n - 1).bit_length())
        parts = pick[:, :K] * amounts.reshape(n, 1)
        cs.equal(parts.sum(0, "N4 part"), totals.packed(), "N4 total")
    return named, totals


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
    balances : the protocol's tree of balances, or the member's path in it.
    place : of the member's leaf in the tree, as the protocol registered it.
    """

    id: int
    salt: int
    positions: Positions
    balance_salt: int
    holdings: Sequence[Holding]
    balances: Tree | Branch | None = field(default=None, repr=False)
    place: int = 0

    def commitment(self, preset: Preset, epoch: GridEpoch) -> int:
        """What the protocol registers for the account; errors as `assign`."""
        return commit(self.salt, self.id, portfolio.named(epoch, portfolio.fill(preset.member_slots, self.positions)))

    def balance_leaf(self, preset: Preset, number: int) -> int:
        """What the protocol puts into its tree for epoch `number`; errors as `assign`."""
        holdings = collateral.fill_holdings(preset.assets, self.holdings)
        return collateral.commit_holdings(self.balance_salt, [self.id, number], holdings)


NOBODY = Member(UNUSED, 0, (), 0, ())


def empty_commitment(preset: Preset) -> int:
    """What the contract supplies for an empty place, with member 0 and balance root 0."""
    return commit(NOBODY.salt, UNUSED, portfolio.fill(preset.member_slots, ()))


def commit(salt: int, member: int, slots: Sequence[tuple[int, int]]) -> int:
    """H(MEMBER; salt, member, id_0, id_1, ..., Q_0, ...), Q_e = sum of 2**(41 p) q_{6e+p}, over all slots (id, q);
    unused ones are (0, 0)."""
    lots = [int(q) for _, q in slots]
    packed = [sum(q << LOTS_WIDTH * p for p, q in enumerate(lots[at:at + LOTS_TO_AN_ELEMENT])) % MODULUS
              for at in range(0, len(lots), LOTS_TO_AN_ELEMENT)]
    return hash_integers(Tag.MEMBER, [salt, member, *(int(id) for id, _ in slots), *packed])


def balance_tree(preset: Preset, leaves: Sequence[int]) -> Tree:
    """The tree that a protocol attests: balance leaves, each at the place of its account, 0 where there is none."""
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
        without balances, or one whose balances are not at its place in the tree; more than K different assets.
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
        if (member.balances.children(member.place, 0)[member.place % ARITY] != encode([leaf])[0]).any():
            raise BadInput(f"members[{p}].place", member.place, "where the tree holds this member's balances")
    slots = [slot for member in members for slot in portfolio.fill(preset.member_slots, member.positions)]
    portfolio.require_provable(epoch, slots, preset.margin.gross_bits)
    holdings = [holding for member in members for holding in member.holdings]
    different = len(_assets_of(holdings))
    if different > preset.group_assets:
        raise BadInput("number of different assets in the group", different,
                       f"at most {preset.group_assets}: the statement opens the factors of no more")
    inputs = unchecked_inputs(preset, epoch, number, members, buffer, context)
    surplus = collateral.surplus_of(epoch, holdings, inputs["margin"], buffer)
    if surplus < 0:
        raise BadInput("collateral beyond margin and buffer, 2**-64 x 10**-10 quote units", surplus, "at least 0")
    return inputs


def unchecked_inputs(preset: Preset, epoch: GridEpoch, number: int, members: Sequence[Member], buffer: int,
                     context: int) -> Inputs:
    """What `assign` computes; where bounds are broken, so are the rows that a witness of it meets."""
    everyone = [*members, *[NOBODY] * (preset.places - len(members))]
    places = [member.place >> bit & 1 for member in everyone for bit in range(preset.place_bits)]
    inputs: Inputs = {"context": context, "epoch_root": epoch.root, "epoch_number": number, "buffer": buffer,
                      "places": sum(bit << i for i, bit in enumerate(places)),
                      "balances/N2 place": np.array(places).reshape(preset.places, preset.balance_depth, DIGIT_BITS),
                      "balances/N3 used": [int(member.id != UNUSED) for member in everyone]}
    slots, holdings, paths = [], [], []
    for p, member in enumerate(everyone):
        own = portfolio.fill(preset.member_slots, member.positions)
        kept = [*member.holdings, *[collateral.NOTHING] * (preset.assets - len(member.holdings))]
        ids = portfolio.named(epoch, own)
        leaf = collateral.commit_holdings(member.balance_salt, [member.id, number], kept)
        # An empty place is not looked up in anybody's tree.
        tree, place = (balance_tree(preset, [leaf]), 0) if member.balances is None else (member.balances, member.place)
        paths.append([tree.children(place, level) for level in range(preset.balance_depth)])
        inputs |= {f"member_{p}": member.id, f"balance_root_{p}": tree.root if member.id != UNUSED else 0,
                   f"portfolio_commitment_{p}": commit(member.salt, member.id, ids),
                   **scoped(f"member {p}", portfolio.commitment_inputs(epoch, own, member.salt)),
                   f"member {p}/collateral/salt": member.balance_salt,
                   f"member {p}/collateral/asset": np.array([holding.asset for holding in kept], object),
                   f"member {p}/collateral/amounts": np.array([holding.amounts for holding in kept], object)}
        slots += own
        holdings += kept
    inputs |= {f"balances/children {level}": np.stack([path[level] for path in paths])
               for level in range(preset.balance_depth)}
    assets = _assets_of(holdings)
    assets += [0] * (preset.group_assets - len(assets))
    proven = grid.slots_margin_inputs(preset.margin, epoch, slots)
    return {**inputs, "margin": proven.margin, **collateral.factor_inputs(epoch, assets), **proven.inputs,
            **_adding_inputs(assets, holdings, counted=len(members) * preset.assets)}


def _assets_of(holdings: Sequence[Holding]) -> list[int]:
    """The different assets, without the null one, in the order in which they come."""
    return [asset for asset in dict.fromkeys(holding.asset for holding in holdings) if asset]


def _adding_inputs(assets: Sequence[int], holdings: Sequence[Holding], counted: int) -> Inputs:
    """Of `_added`, for all slots; those from `counted` on are not counted."""
    picks = np.zeros((len(holdings), len(assets) + 1), object)
    totals = [Holding(asset, 0, 0) for asset in assets]
    for slot, holding in enumerate(holdings[:counted]):
        place = assets.index(holding.asset) if holding.asset else len(assets)
        picks[slot, place] = 1
        if holding.asset:
            before = totals[place]
            totals[place] = Holding(before.asset, before.balance + holding.balance, before.debt + holding.debt)
    return {"group/N4 asset": np.array(assets, object), "group/N4 pick": picks,
            **collateral.amount_inputs("group", totals)}
