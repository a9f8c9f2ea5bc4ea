"""What a cheater would try against `netting`: attacks on N1 to N4, each refused by those it names.

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
from circuits.clauses.collateral import AMOUNT_LANE, NOTHING, Holding, commit_holdings, factor_inputs
from circuits.soundness import grid as gridded
from circuits.soundness import margin
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.soundness.solvency import FACTORS, GOLD, IRON
from circuits.statements import netting
from circuits.statements.netting import LOTS_WIDTH, Member, Preset, balance_tree
from primitives import field
from primitives.babyjubjub import square_root
from primitives.field import MODULUS, FieldArray
from risk.grid.grid_epoch import GridEpoch
from risk.grid.haircuts import FACTOR_UNIT

AUDIT = Preset(replace(gridded.AUDIT, slots=4), places=2, assets=2, group_assets=2, balance_depth=1)
NUMBER, BUFFER = 5, 500
NEIGHBOUR = 12345
"""The balance leaf of somebody else on the same protocol."""
FIRST = Member(101, 11, ((1, 10), (2, -4)), 21, (Holding(GOLD, 250, 0), Holding(IRON, 10, 0)))
SECOND = Member(102, 12, ((3, 7),), 22, (Holding(GOLD, 200, 0), Holding(IRON, 0, 300)))
USED, DIGITS, PLACE = "balances/N3 used", "balances/N2 place", 1
NAMED, PICK, BALANCE, DEBT = "group/N4 asset", "group/N4 pick", "group/S3 balance", "group/S3 debt"


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
        return replace(gridded.ordinary().epoch, assets=FACTORS)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Honest inputs, as far as the group allows."""
        def leaf(member: Member, number: int) -> int:
            return commit_holdings(member.balance_salt, [member.id, number],
                                   [*member.holdings, *[NOTHING] * (AUDIT.assets - len(member.holdings))])

        trees = [balance_tree(AUDIT, [NEIGHBOUR, leaf(member, number)])
                 for member, number in zip(self.members, self.attested, strict=False)]
        members = [replace(member, balances=tree, place=PLACE)
                   for member, tree in zip(self.members, trees, strict=True)]
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
        yield Attack("protocol-left-out", frozenset({f"member {p}/commitment/N1"}), none,
                     says=f"member {p}/commitment/N1")
        yield from keep_hash(cs, "smaller-position", f"member {p}/commitment/N1 hash/chunk 0", group.witness, smaller)
        # What the other protocol registered, where liquidation is quicker and the instruments' rates lower.
        lenient = replace(group.members[p], id=group.members[1 - p].id).commitment(AUDIT, group.epoch)
        yield Attack("lag-leaf-swap", frozenset({f"member {p}/commitment/N1"}), {**group.inputs, commitment: lenient},
                     says=f"member {p}/commitment/N1")

    # Lots of 7 and 0 pack like 6 and 2**-41 modulo r, which nobody minds in an empty slot but C6.
    fewer = group.with_member(1, positions=((3, 6),)).recorded_as(group, "portfolio_commitment_1")
    shifted = np.array([6, pow(2, -LOTS_WIDTH, MODULUS)], object)
    yield Attack("lots-shifted", frozenset({"slots/C6 |lots| bit"}), {**fewer, "member 1/commitment/lots": shifted},
                 gain="a smaller position than is registered", says="slots/C6 |lots|[3]")


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

    chosen = np.full(cs.find("balances/N2 child/1").shape, None, object)
    claimed = replace(SECOND, holdings=(Holding(GOLD, 1000, 0), SECOND.holdings[1])).balance_leaf(AUDIT, NUMBER)
    chosen[1, 0] = claimed - SECOND.balance_leaf(AUDIT, NUMBER)
    yield Attack("other-balances, child forged", frozenset({"balances/N2 child"}), richer(0),
                 {"balances/N2 child/1": chosen})

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


def two_leaves() -> Iterator[Attack]:
    """The second protocol's tree has two leaves of one account: where it is registered, and, with more, elsewhere."""
    honest = Group().inputs

    def richer(salt: int) -> tuple[dict[str, Any], list[int]]:
        poor, rich = SECOND, replace(SECOND, holdings=(Holding(GOLD, 900, 0), SECOND.holdings[1]), balance_salt=salt)
        leaves = [NEIGHBOUR, *(member.balance_leaf(AUDIT, NUMBER) for member in (poor, rich))]
        other = Group((FIRST, rich)).inputs
        tree = balance_tree(AUDIT, leaves)
        children = np.stack([honest["balances/children 0"][0], tree.children(0, 0)])
        return {**other, "balances/children 0": children, "balance_root_1": tree.root}, leaves

    inputs, _ = richer(22)
    digits = inputs[DIGITS].copy()
    digits[1, 0] = [0, 1, 0]
    yield Attack("two-leaves", frozenset({"balances/N2 places"}), {**inputs, DIGITS: digits},
                 gain="the better of two balances", says="balances/N2 places")
    # A place of the right number whose bits are none: 1 - 2 b and b, where choosing by them gives the other leaf.
    for salt in range(22, 64):
        inputs, (zeroth, first, second) = richer(salt)
        a, b, c = -2 * (zeroth - first - second), 2 * zeroth - 3 * first, first - second
        root = square_root(b * b - 4 * a * c)
        if root is not None:
            bit = (root - b) * pow(2 * a, -1, MODULUS) % MODULUS
            digits = inputs[DIGITS].astype(object)
            digits[1, 0] = [(1 - 2 * bit) % MODULUS, bit, 0]
            yield Attack("two-leaves, half a place", frozenset({DIGITS}), {**inputs, DIGITS: digits},
                         gain="the better of two balances", says=f"{DIGITS}[1, 0, 0]")
            return


# -- N3: no member's balances are skipped ----------------------------------------------------------------------------
def skipped() -> Iterator[Attack]:
    """Treat a member with debts as an empty place: its root is not looked at, its debts do not count."""
    indebted = Group().with_member(1, holdings=(Holding(GOLD, 0, 100), Holding(IRON, 0, 20_000)))
    inputs = {**indebted.inputs, USED: [1, 0], **picking(indebted, {0: 1}, {1: 1}, {}, {})}
    yield Attack("debts-skipped", frozenset({"balances/N3 unused"}), inputs, says="balances/N3 unused[1]")


# -- N4, S3: each asset with its own factors, all of it, once --------------------------------------------------------
def picking(group: Group, *chosen: dict[int, Any], named: tuple[int, int] = (GOLD, IRON)) -> dict[str, Any]:
    """Inputs that add the group's holdings up as told: per slot, {named asset: how much of the slot goes there}."""
    holdings = [holding for member in group.members for holding in member.holdings]
    picks = np.zeros((len(holdings), AUDIT.group_assets + 1), object)
    totals = np.zeros((2, AUDIT.group_assets + 1), object)
    for slot, (holding, places) in enumerate(zip(holdings, chosen, strict=True)):
        for place, share in places.items():
            picks[slot, place] = share
            totals[:, place] += [share * holding.balance, share * holding.debt]
    balances, debts = totals[:, :-1] % MODULUS
    return {PICK: picks, BALANCE: balances, DEBT: debts, NAMED: np.array(named, object)}


def added_wrongly() -> Iterator[Attack]:
    poor = Group().with_member(0, holdings=(Holding(GOLD, 5, 0), Holding(IRON, 200, 0)))
    honest = ({0: 1}, {1: 1}, {0: 1}, {1: 1})
    yield Attack("iron-as-gold", frozenset({"group/N4 same asset"}),
                 {**poor.inputs, **picking(poor, {0: 1}, {0: 1}, *honest[2:])}, says="group/N4 same asset[1, 0]")
    indebted = Group().with_member(1, holdings=(Holding(GOLD, 0, 0), Holding(IRON, 0, 40_000)))
    yield Attack("debt-ignored", frozenset({"group/N4 one asset"}),
                 {**indebted.inputs, **picking(indebted, *honest[:3], {})}, says="group/N4 one asset[3]")
    yield Attack("counted-tenfold", frozenset({"group/N4 one asset"}),
                 {**poor.inputs, **picking(poor, {0: 10}, *honest[1:])}, says="group/N4 one asset[0]")
    golden = Group().with_member(0, holdings=(Holding(GOLD, 200, 0), NOTHING)).with_member(
        1, holdings=(Holding(GOLD, 20, 0), NOTHING))
    factors = factor_inputs(golden.epoch, [GOLD, GOLD])
    yield Attack("collateral-twice, named twice", frozenset({"group/N4 one asset"}),
                 {**golden.inputs, **factors, **picking(golden, {0: 1, 1: 1}, {2: 1}, {0: 1, 1: 1}, {2: 1},
                                                        named=(GOLD, GOLD))}, says="group/N4 one asset[0]")
    parts = np.full(circuit().find("group/N4 part").shape, None, object)
    parts[0, 0] = 500
    forged = {**poor.inputs, BALANCE: poor.inputs[BALANCE] + np.array([495, 0])}
    yield Attack("balance-forged", frozenset({"group/N4 part"}), forged, {"group/N4 part": parts})
    yield Attack("total-raised", frozenset({"group/N4 total"}), forged, says="group/N4 total[0]")
    yield Attack("total-debt-dropped", frozenset({"group/N4 total"}),
                 {**indebted.inputs, DEBT: np.zeros(AUDIT.group_assets, object)}, says="group/N4 total[1]")
    # Records that no protocol should keep, but which the circuit does not believe either.
    negative = Group().with_member(1, holdings=(Holding(GOLD, 2, MODULUS - 100), Holding(IRON, 0, 0)))
    yield Attack("negative-debt", frozenset({f"{DEBT} bit"}), negative.inputs, gain="100 gold", says=f"{DEBT}[0]")
    fraction = 10**6 * FACTOR_UNIT * pow(FACTORS[0].value, -1, MODULUS) % MODULUS - FIRST.holdings[0].balance
    wrapping = Group().with_member(1, holdings=(Holding(GOLD, fraction, 0), Holding(IRON, 0, 0)))
    yield Attack("balance-wraps", frozenset({f"{BALANCE} bit"}), wrapping.inputs,
                 gain="any worth, from a balance near r / factor", says=f"{BALANCE}[0]")
    # The same sum, read with the debt in the lane of the balance.
    third = Group().with_member(0, holdings=(Holding(GOLD, 5, 0), Holding(73, 0, 15))).with_member(
        1, holdings=(Holding(GOLD, 5, 0), NOTHING))
    lanes = np.array([10, 15 << AMOUNT_LANE], object)
    yield Attack("debt-as-balance", frozenset({f"{BALANCE} bit"}),
                 {**third.inputs, BALANCE: lanes, DEBT: np.zeros(2, object)}, gain="a debt forgotten, and riches",
                 says=f"{BALANCE}[1]")


def understated() -> Iterator[Attack]:
    inputs = Group().inputs
    yield Attack("margin-1", frozenset({"result/C19"}), {**inputs, "margin": inputs["margin"] - 1}, says="result/C19")


FAMILIES = (left_out, other_balances, two_leaves, skipped, added_wrongly, understated)


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    return tuple(attack for family in FAMILIES for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def _values(cs: ConstraintSystem, witness: FieldArray, label: str) -> Any:
    wires = cs.find(label)
    return np.array(field.decode(witness[wires.reshape(-1)]), object).reshape(wires.shape)


def _null_assets(cs: ConstraintSystem, witness: FieldArray) -> Any:
    """Where a slot of the null id meets null assets, several or not to be counted: (n, K + 1)."""
    listed = np.append(_values(cs, witness, NAMED), 0)
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
    Freedom(PICK, "an empty slot and null assets: nothing is owned or owed, and nothing it would count for",
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
