"""What a cheater would try against `netting`: attacks on N1 to N3, each refused by those it names.

The margin's clauses are those of `circuits.soundness.grid`, collateral's those of `circuits.soundness.solvency`. The
members of the `AUDIT` instance share out the grid's ordinary portfolio: the first hedges what the second holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses.collateral import Holding
from circuits.soundness import grid as gridded
from circuits.soundness import margin, solvency
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.soundness.solvency import FACTORS, GOLD, IRON
from circuits.statements import netting
from circuits.statements.netting import Member, Preset, balance_tree
from primitives import field
from primitives.field import FieldArray
from risk.grid.grid_epoch import GridEpoch

AUDIT = Preset(replace(gridded.AUDIT, slots=4), places=2, assets=2, asset_leaves=1, balance_depth=1)
NUMBER, BUFFER = 5, 500
NEIGHBOUR = 12345
"""The balance leaf of somebody else on the same protocol."""
FIRST = Member(101, 11, ((1, 10), (2, -4)), 21, (Holding(GOLD, 250, 0), Holding(IRON, 10, 0)))
SECOND = Member(102, 12, ((3, 7),), 22, (Holding(GOLD, 200, 0), Holding(IRON, 0, 300)))
USED = "balances/N3 used"


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    netting.define(cs, AUDIT)
    return cs.finish()


@dataclass(frozen=True, eq=False)
class Group:
    """Members, each with its own protocol's tree of balances, in which it is second, attested for an epoch each."""

    members: tuple[Member, ...] = (FIRST, SECOND)
    attested: tuple[int, ...] = (NUMBER, NUMBER)

    @cached_property
    def epoch(self) -> GridEpoch:
        return replace(gridded.ordinary().epoch, assets=FACTORS[:4])

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Honest inputs, as far as the group allows."""
        trees = [balance_tree(AUDIT, [NEIGHBOUR, member.balance_leaf(AUDIT, number)])
                 for member, number in zip(self.members, self.attested, strict=False)]
        members = [replace(member, balances=tree, place=1) for member, tree in zip(self.members, trees, strict=True)]
        return netting.unchecked_inputs(AUDIT, self.epoch, NUMBER, members, BUFFER, 13)

    @cached_property
    def witness(self) -> FieldArray:
        return forge(circuit(), self.inputs)

    def recorded_as(self, other: Group, *names: str) -> dict[str, Any]:
        """The inputs of provers who have this, while these public inputs are of another group."""
        return {**self.inputs, **{name: other.inputs[name] for name in names}}

    def with_member(self, p: int, **changes: Any) -> Group:
        """The same with something different about one member."""
        return replace(self, members=tuple(replace(member, **changes) if i == p else member
                                           for i, member in enumerate(self.members)))


# -- N1: everything that is registered, for whom it is registered -----------------------------------------------------
def left_out() -> Iterator[Attack]:
    cs, group = circuit(), Group()
    for p in range(AUDIT.places):
        commitment = f"portfolio_commitment_{p}"

        def smaller(number: int, p: int = p, commitment: str = commitment) -> dict[str, Any]:
            leaf, lots = group.members[p].positions[0]
            positions = ((leaf, lots - 1 - number % 6), *group.members[p].positions[1:])
            return group.with_member(p, positions=positions, salt=50 + number // 6).recorded_as(group, commitment)

        none = group.with_member(p, positions=(), salt=50).recorded_as(group, commitment)
        yield Attack("protocol-left-out", frozenset({f"member {p}/commitment/C1"}), none,
                     says=f"member {p}/commitment/C1")
        yield from keep_hash(cs, "smaller-position", f"member {p}/commitment/C1 hash/chunk 0", group.witness, smaller)
        # What the other protocol registered, where liquidation is quicker and the instruments' rates lower.
        lenient = replace(group.members[p], id=group.members[1 - p].id).commitment(AUDIT, group.epoch)
        yield Attack("lag-leaf-swap", frozenset({f"member {p}/commitment/C1"}), {**group.inputs, commitment: lenient},
                     says=f"member {p}/commitment/C1")


# -- N2: balances that the protocol attests, for this epoch ----------------------------------------------------------
def other_balances() -> Iterator[Attack]:
    cs, group = circuit(), Group()
    for p in range(AUDIT.places):
        def richer(number: int, p: int = p) -> dict[str, Any]:
            richest = (Holding(GOLD, 1000 + number, 0), group.members[p].holdings[1])
            claimed = group.with_member(p, holdings=richest).recorded_as(group, f"balance_root_{p}")
            return {**claimed, "balances/children 0": group.inputs["balances/children 0"]}

        yield Attack("other-balances", frozenset({"balances/N2 path"}), richer(0), says=f"balances/N2 path[{p}]")
        yield from keep_hash(cs, "other-balances", f"member {p}/collateral/S1 hash/chunk 0", group.witness, richer)

    products = np.full(cs.find("balances/N2 path product").shape, None, object)
    products[:, 1] = 0
    yield Attack("other-balances, product 0", frozenset({"balances/N2 path product"}), richer(0),
                 {"balances/N2 path product": products})

    def own_tree(number: int) -> dict[str, Any]:
        richest = (Holding(GOLD, 1000 + number, 0), Holding(IRON, 0, 0))
        return group.with_member(1, holdings=richest).recorded_as(group, "balance_root_1")

    yield Attack("own-tree", frozenset({"balances/N2 root"}), own_tree(0), says="balances/N2 root[1]")
    yield from keep_hash(cs, "own-tree", "balances/N2 node 0/chunk 0", group.witness, own_tree)

    # Both accounts on one protocol, in one tree: the second shows the balances of the first once more.
    twice = Group((FIRST, replace(SECOND, holdings=FIRST.holdings, balance_salt=FIRST.balance_salt)))
    shared = {**twice.inputs, "balance_root_1": twice.inputs["balance_root_0"],
              "balances/children 0": twice.inputs["balances/children 0"][[0, 0]]}
    yield Attack("collateral-twice", frozenset({"balances/N2 path"}), shared, gain="balances counted twice",
                 says="balances/N2 path[1]")
    # What the second protocol attested for the epoch before, when there was more.
    yield Attack("stale-epoch", frozenset({"balances/N2 path"}), Group(attested=(NUMBER, NUMBER - 1)).inputs,
                 gain="balances that have been withdrawn", says="balances/N2 path[1]")


# -- N3: no member's balances are skipped ----------------------------------------------------------------------------
def skipped() -> Iterator[Attack]:
    """Treat a member with debts as an empty place: its root is not looked at, its debts do not count."""
    indebted = Group().with_member(1, holdings=(Holding(GOLD, 0, 100), Holding(IRON, 0, 20_000)))
    picks = indebted.inputs["assets/S3 pick"].copy()
    picks[AUDIT.assets:] = 0
    inputs = {**indebted.inputs, USED: [1, 0], "assets/S3 pick": picks}
    yield Attack("debts-skipped", frozenset({"balances/N3 unused"}), inputs, says="balances/N3 unused[1]")


def understated() -> Iterator[Attack]:
    inputs = Group().inputs
    yield Attack("margin-1", frozenset({"result/C19"}), {**inputs, "margin": inputs["margin"] - 1}, says="result/C19")


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    return tuple(attack for family in (left_out, other_balances, skipped, understated) for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def _values(cs: ConstraintSystem, witness: FieldArray, label: str) -> Any:
    wires = cs.find(label)
    return np.array(field.decode(witness[wires.reshape(-1)]), object).reshape(wires.shape)


def _null_assets(cs: ConstraintSystem, witness: FieldArray) -> Any:
    """Where a slot of the null id meets null assets, several or not to be counted: (n, K + 1)."""
    listed = np.append(_values(cs, witness, "assets/id").reshape(-1), 0)
    held = np.concatenate([_values(cs, witness, f"member {p}/collateral/asset") for p in range(AUDIT.places)])
    return (held == 0)[:, None] & (listed == 0)[None, :] & ((listed == 0).sum() > 1)


def _no_lots(p: int) -> Callable[[ConstraintSystem, FieldArray], Any]:
    """Which of all slots are empty ones of a member."""
    def holds(cs: ConstraintSystem, witness: FieldArray) -> Any:
        lots = _values(cs, witness, f"member {p}/commitment/lots")
        empty = np.zeros((AUDIT.places, AUDIT.member_slots), np.bool_)
        empty[p] = lots == 0
        return empty.reshape(-1)

    return holds


def _empty_place(p: int) -> Callable[[ConstraintSystem, FieldArray], Any]:
    return lambda cs, witness: _values(cs, witness, f"member_{p}") == 0


def _siblings_of_nobody(cs: ConstraintSystem, witness: FieldArray) -> Any:
    empty = np.array([_empty_place(p)(cs, witness) for p in range(AUDIT.places)])
    return empty[:, None]


FREEDOMS = (
    *(freedom for freedom in margin.FREEDOMS if freedom.label != "slots/C6 buy"),
    *(Freedom("slots/C6 buy", "no lots: either sign makes size 0 and add-on 0", _no_lots(p))
      for p in range(AUDIT.places)),
    *(Freedom(f"balance_root_{p}", "an empty place: nobody's balances are looked up", _empty_place(p))
      for p in range(AUDIT.places)),
    Freedom("balances/children 0", "an empty place: its path leads to no root that matters", _siblings_of_nobody),
    Freedom(solvency.PICK, "an empty slot and null assets: nothing is owned or owed, and nothing it would count for",
            _null_assets))


def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at; the first has no freedom at all."""
    third = (Holding(GOLD, 200, 0), Holding(73, 5, 5))
    groups = {
        "ordinary": Group().with_member(0, positions=((1, 10), (2, -4))).with_member(1, positions=((3, 7), (4, 1))),
        "an empty slot": Group(),
        "an empty place": Group((replace(FIRST, holdings=third),)),
        "nobody": Group(()),
    }
    return {name: group.inputs for name, group in groups.items()}


@cache
def subject() -> Subject:
    """The statement as the audit takes it: margin is the output; nothing determines what the contract supplies."""
    supplied = {"context", "buffer", "epoch_number", *(f"member_{p}" for p in range(AUDIT.places))}
    return Subject("netting", circuit(), cases(), attacks(), FREEDOMS, ("margin",), frozenset(supplied))
