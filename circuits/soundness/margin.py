"""What a cheater would try against `margin`: the attacks of STATEMENT §11 on the circuit, and one per constraint group.

All attacks are on the `AUDIT` instance, whose numbers are chosen so that each constraint is needed: the tail is
fractional (C15); there is a path below the top of the tree (C3); a leaf has as many elements as a node, so that only
the tag tells them apart; and three divides the sum of the lanes' places, without which C10 would follow from C15 (see
`threshold_third`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.statements import margin
from circuits.statements.margin import QUANTITY_BITS, Preset
from primitives import field
from primitives.field import MODULUS, FieldArray
from primitives.poseidon import Tag, hash_integers
from risk.epochs.epoch import Epoch
from risk.exact.shape import EpochShape, TailSize

AUDIT = Preset(EpochShape(12, TailSize(3, 2), depth=3, lanes=4, width=63), 3, 61, 61, 62)
HALF = pow(2, -1, MODULUS)
LOSS, THRESHOLD = "risk/loss", "risk/C10 threshold + 2**T"
FLAG, POINTER = "tail/C12 flag", "tail/C15 pointer"
REMAINDER, POSITIVE = "result/C17 remainder", "result/C18 positive"


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    margin.define(cs, AUDIT)
    return cs.finish()


@dataclass(frozen=True, eq=False)
class Book:
    """An epoch and a portfolio: lots of the instrument at a leaf, per slot."""

    epoch: Epoch
    lots: tuple[int, ...]
    leaves: tuple[int, ...] = (1, 2, 3)
    preset: Preset = AUDIT

    @classmethod
    def of(cls, changes: Any, lots: tuple[int, ...], long: Any = (30, 40, 50), short: Any = (60, 70, 80)) -> Book:
        rng = random.Random(7)
        array = np.zeros((4, AUDIT.shape.scenarios), np.int64)         # a fourth instrument, which nobody holds
        array[:len(changes)] = changes
        array[3] = np.arange(AUDIT.shape.scenarios) - 5
        ids = [rng.getrandbits(248) for _ in array]
        return cls(Epoch.of(AUDIT.shape, ids, array, long=np.array([*long, 1]), short=np.array([*short, 2])), lots)

    def under(self, preset: Preset) -> Book:
        """The same numbers in an epoch of another tail."""
        return replace(self, epoch=replace(self.epoch, shape=preset.shape), preset=preset)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Honest inputs, as far as the portfolio allows."""
        slots = list(zip(self.leaves, self.lots, strict=True))
        return margin.unchecked_inputs(self.preset, self.epoch, slots, salt=11, context=12)

    @cached_property
    def witness(self) -> FieldArray:
        return forge(circuit(), self.inputs)

    @property
    def losses(self) -> list[int]:
        return [int(loss) for loss in self.inputs[LOSS]]

    @property
    def addon(self) -> int:
        """Sum of the add-ons."""
        return sum(abs(q) * int((self.epoch.long if q >= 0 else self.epoch.short)[i])
                   for i, q in zip(self.leaves, self.lots, strict=True))


@cache
def ordinary(remainder: int | None = None) -> Book:
    """A book with positive Expected Shortfall, no two losses equal, no empty slot, long and short positions.

    The two largest losses differ by an even number and the shortfall is even, so that halves are integers; and by so
    much that half of the difference moves the shortfall by more than its rounding.

    Parameters
    ----------
    remainder : what C17 adds before dividing by K = 3; any if None.
    """
    for seed in range(10_000):
        rng = np.random.default_rng(seed)
        book = Book.of(rng.integers(-1000, 1001, (3, AUDIT.shape.scenarios)), (10, -4, 7))
        ordered = sorted(book.losses, reverse=True)
        total = 2 * ordered[0] + ordered[1]
        if len(set(ordered)) == len(ordered) and total > 0 and (ordered[0] - ordered[1]) % 2 == 0 \
                and ordered[0] - ordered[1] > 6 \
                and -(-total // 3) % 2 == 0 and (remainder is None or -total % 3 == remainder):
            return book
    raise AssertionError("no such book")


def _ranked(losses: list[int]) -> list[int]:
    """Scenarios by falling loss."""
    return sorted(range(len(losses)), key=lambda s: -losses[s])


def _marks(*scenarios: int) -> Any:
    marks = np.zeros(AUDIT.shape.scenarios, object)
    for s in scenarios:
        marks[s] = marks[s] + 1
    return marks


def settle(book: Book, inputs: Mapping[str, Any], gaps: Mapping[int, int] | None = None, addon: int | None = None
           ) -> dict[str, Any]:
    """Inputs with remainder, sign and margin made to fit the claimed losses, threshold and flags.

    Parameters
    ----------
    gaps : values of gaps that are forced by scenario, where they are not (2 b - 1) (L - t).
    """
    K, weights = AUDIT.shape.tail.numerator, AUDIT.shape.tail.weights(AUDIT.shape.scenarios)
    t = inputs[THRESHOLD] - 2**AUDIT.threshold_bits
    pairs = [(int(loss), int(flag)) for loss, flag in zip(inputs[LOSS], inputs[FLAG], strict=True)]
    gap = [(2 * b - 1) * (loss - t) for loss, b in pairs]
    for scenario, value in (gaps or {}).items():
        gap[scenario] = value
    doubled = 2 * K * t + sum(p * (v + loss - t) for p, v, (loss, _) in zip(weights, gap, pairs, strict=True))
    for remainder in range(K):
        c = (doubled + 2 * remainder) * pow(2 * K, -1, MODULUS) % MODULUS
        c = c - MODULUS if 2 * c > MODULUS else c
        if abs(c) < 1 << 128:
            return {**inputs, REMAINDER: remainder, POSITIVE: c >= 0,
                    "margin": max(0, c) + (book.addon if addon is None else addon)}
    raise AssertionError("no remainder makes the shortfall an integer")


def claim(book: Book, losses: list[int], flagged: tuple[int, ...], at: int, threshold: int | None = None
          ) -> dict[str, Any]:
    """Inputs that claim these losses, flags, pointer and threshold (by default the loss pointed at), settled."""
    t = losses[at] if threshold is None else threshold
    return settle(book, {**book.inputs, LOSS: [int(x) for x in losses], FLAG: _marks(*flagged), POINTER: _marks(at),
                         THRESHOLD: t + 2**AUDIT.threshold_bits})


# -- C1 to C5: other data than the published and registered ----------------------------------------------------------
def _kept(name: str, label: str, book: Book, variants: Callable[[int], dict[str, Any]], honest: FieldArray | None = None
          ) -> Iterator[Attack]:
    """One attack per part of a permutation that is to hide a changed preimage.

    Parameters
    ----------
    variants : forged inputs by a number; tried in turn until the square roots exist.
    honest : the witness whose hash is kept.
    """
    yield from keep_hash(circuit(), name, label, book.witness if honest is None else honest, variants)


def other_slots() -> Iterator[Attack]:
    """Prove the margin of a smaller position than the registered one."""
    book = ordinary()

    def smaller(number: int) -> dict[str, Any]:
        other = Book(book.epoch, (book.lots[0] - 1 - number % 8, *book.lots[1:]))
        return {**other.inputs, "commitment/salt": 11 + number // 8,
                "portfolio_commitment": book.inputs["portfolio_commitment"]}

    yield Attack("commitment-other-slots", frozenset({"commitment/C1"}), smaller(0), says="commitment/C1")
    yield from _kept("commitment-other-slots", "commitment/C1 hash/chunk 0", book, smaller)


def swapped_leaf() -> Iterator[Attack]:
    """Keep the registered id and open another instrument's leaf: `id` is one wire in both hashes."""
    book = ordinary()
    other = Book(book.epoch, book.lots)
    swapped = margin.unchecked_inputs(AUDIT, book.epoch, [(4, book.lots[0]), (2, book.lots[1]), (3, book.lots[2])],
                                      salt=11, context=12)
    honest = forge(circuit(), swapped)
    inputs = {**swapped, "commitment/id": other.inputs["commitment/id"],
              "portfolio_commitment": book.inputs["portfolio_commitment"]}
    yield Attack("swapped-leaf", frozenset({"epoch/C3 path"}), inputs, says="epoch/C3 path[0]")
    yield from _kept("swapped-leaf", "leaf/C2 hash/chunk 0", book, lambda number: inputs, honest)


def cheaper_leaf() -> Iterator[Attack]:
    """Forge a leaf with a lower rate, and take it one step further up at a time."""
    book = ordinary()
    cs, leaf = circuit(), 1
    level, top = AUDIT.shape.depth - 2, "epoch/top"

    def cheaper(number: int) -> dict[str, Any]:
        long = book.inputs["leaf/long"].copy()
        saved, long[0] = int(long[0]) - number, number
        return {**book.inputs, "leaf/long": long, "margin": book.inputs["margin"] - book.lots[0] * saved}

    def in_path(number: int) -> dict[str, Any]:
        inputs = cheaper(number)
        columns = ("commitment/id", "leaf/underlying", "leaf/long", "leaf/short", "leaf/amax")
        digest = hash_integers(Tag.LEAF, [*(int(inputs[c][0]) for c in columns), *map(int, inputs["leaf/packed"][0])])
        children = inputs["epoch/children 0"].copy()
        children[0, leaf % 8] = field.encode(digest)
        return {**inputs, "epoch/children 0": children}

    def in_top(number: int) -> dict[str, Any]:
        inputs = in_path(number)
        nodes = inputs[top].copy()
        nodes[leaf >> 3 * level] = field.encode(hash_integers(Tag.NODE, field.decode(inputs["epoch/children 0"][0])))
        # The other slots' paths lead through the same node: they take the forged children as well.
        children = np.broadcast_to(inputs["epoch/children 0"][:1], inputs["epoch/children 0"].shape)
        return {**inputs, top: nodes, "epoch/children 0": np.ascontiguousarray(children)}

    def zeroed(label: str) -> dict[str, Any]:
        shape = cs.find(label).shape
        products = np.full(shape, None, object)
        products[:, 0] = 0
        return {label: products}

    yield from _kept("cheaper-leaf", "leaf/C2 hash/chunk 0", book, cheaper)
    yield Attack("cheaper-leaf", frozenset({"epoch/C3 path"}), cheaper(0), says="epoch/C3 path[0]")
    yield Attack("cheaper-leaf, product 0", frozenset({"epoch/C3 path product"}), cheaper(0),
                 zeroed("epoch/C3 path product"))
    yield from _kept("foreign-child", "epoch/C3 node 0/chunk 0", book, in_path)
    yield Attack("foreign-child", frozenset({"epoch/C3 top"}), in_path(0), says="epoch/C3 top[0]")
    yield Attack("foreign-child, product 0", frozenset({"epoch/C3 top product"}), in_path(0),
                 zeroed("epoch/C3 top product"))
    for label in ("C4 group", "C4 root", "C5 hash"):
        yield from _kept("foreign-top", f"epoch/{label}/chunk 0", book, in_top)
    yield Attack("foreign-top", frozenset({"epoch/C5"}), in_top(0), says="epoch/C5")


def node_as_leaf() -> Iterator[Attack]:
    """Present a node's children as the fields of a leaf, for an empty position: only tag and depth tell them apart."""
    book = ordinary()
    children = book.epoch.tree.children(1, 0)
    fields = field.decode(children)
    lots = (0, *book.lots[1:])
    other = Book(book.epoch, lots).inputs
    ids, packed = other["commitment/id"].copy(), other["leaf/packed"].copy()
    ids[0], packed[0] = fields[0], fields[5:]
    forged = {"commitment/id": ids, "leaf/packed": packed}
    for number, name in enumerate(("underlying", "long", "short", "amax"), 1):
        forged[f"leaf/{name}"] = other[f"leaf/{name}"].copy()
        forged[f"leaf/{name}"][0] = fields[number]
    siblings = other["epoch/children 0"].copy()
    siblings[0] = book.epoch.tree.children(1, 1)       # where H(NODE; fields) is, one level too high
    forged["epoch/children 0"] = siblings
    forged["portfolio_commitment"] = margin.commit(11, list(zip(ids, lots, strict=True)))
    # Such "rates" are no small integers; without lots they cost nothing, and C8 multiplies them by 0.
    yield Attack("node-as-leaf", frozenset({"epoch/C3 path", "epoch/C3 top"}), {**other, **forged}, says="leaf/long[0]")


def other_epoch() -> Iterator[Attack]:
    """The right tree under another regime or shape: C5 holds both as constants."""
    book = ordinary()
    tree, shape = book.epoch.tree.root, AUDIT.shape
    looser = EpochShape(shape.scenarios, TailSize(7, 2), shape.depth, shape.lanes, shape.width)
    for name, digest, regime in (("wrong-regime", shape.digest(), 1), ("other-shape", looser.digest(), 0)):
        root = hash_integers(Tag.EPOCH, [tree, digest, regime])
        yield Attack(name, frozenset({"epoch/C5"}), {**book.inputs, "epoch_root": root}, says="epoch/C5")


# -- C6 to C8: quantities and rates ----------------------------------------------------------------------------------
def quantities() -> Iterator[Attack]:
    book = ordinary()
    q, long, short = book.lots[0], 30, 60
    others = book.addon - q * long
    # A sign of 2 triples the size and extrapolates the rate, here to 0: 60 + 2 (30 - 60).
    yield Attack("sigma-2", frozenset({"slots/C6 buy"}), {**book.inputs, "slots/C6 buy": [2, 0, 1],
                                                          "margin": book.inputs["margin"] - q * long},
                 says="slots/C6 buy[0]")
    # A sign of 1/2 makes the size 0: no gross exposure, no add-on.
    yield Attack("sigma-half", frozenset({"slots/C6 buy"}), {**book.inputs, "slots/C6 buy": [HALF, 0, 1],
                                                             "margin": book.inputs["margin"] - q * long},
                 says="slots/C6 buy[0]")
    small = Book.of(np.eye(3, AUDIT.shape.scenarios, dtype=np.int64) * -3, (1 << QUANTITY_BITS, -4, 7))
    yield Attack("q-2^40", frozenset({"slots/C6 |lots| bit"}), small.inputs, says="slots/C6 |lots|[0]")
    # A buyer who says he sold pays the seller's rate; the size, -10, is no small number.
    cheap_side = Book.of(np.eye(3, AUDIT.shape.scenarios, dtype=np.int64) * -3, (10, -4, 7), short=(5, 70, 80))
    size_claimed = -10 * 5 - 10 * 30
    flipped = {**cheap_side.inputs, "slots/C6 buy": [0, 0, 1], "margin": cheap_side.inputs["margin"] + size_claimed}
    yield Attack("sign-flipped", frozenset({"slots/C6 |lots| bit"}), flipped, says="slots/C6 |lots|[0]")
    bits = np.full((3, QUANTITY_BITS), None, object)
    bits[0] = 0
    yield Attack("size-0", frozenset({"slots/C6 |lots|"}), {**book.inputs, "margin": book.inputs["margin"] - q * long},
                 {"slots/C6 |lots| bit": bits})
    yield Attack("cheap-side-rate", frozenset({"slots/C8 rate"}),
                 {**book.inputs, "margin": book.inputs["margin"] - q * long}, {"slots/C8 rate": [-short, None, None]})
    yield Attack("add-on-0", frozenset({"slots/C8 add-on"}),
                 {**book.inputs, "margin": book.inputs["margin"] - book.addon + others},
                 {"slots/C8 add-on": [0, None, None]})


def gross_carry() -> Iterator[Attack]:
    """A loss of 2**63 in scenario 0, read as 0 there and as one more unit in scenario 1."""
    changes = np.zeros((1, AUDIT.shape.scenarios), np.int64)
    changes[0, 0], changes[0, 1] = -2**43, -3
    book = Book.of(changes, (1 << 20, 0, 0), long=(0, 0, 0))
    losses = book.losses
    losses[0] -= 1 << AUDIT.shape.width
    losses[1] += 1
    inputs = claim(book, losses, (1,), 2)
    yield Attack("gross-carry", frozenset({"slots/C7 gross bit"}), inputs, gain="2**63 of loss for 1",
                 says="slots/C7 gross")
    yield Attack("gross-carry, exposure 0", frozenset({"slots/C7 product"}), inputs, {"slots/C7 product": [0, 0, 0]})
    yield Attack("gross-carry, range of 0", frozenset({"slots/C7 gross"}), inputs,
                 {"slots/C7 gross bit": np.zeros(AUDIT.gross_bits, object)})


# -- C9 to C13: losses -----------------------------------------------------------------------------------------------
def losses() -> Iterator[Attack]:
    book = ordinary()
    order = _ranked(book.losses)
    lowered = list(book.losses)
    lowered[order[0]] = book.losses[order[1]] + 1
    yield Attack("loss-lowered", frozenset({"risk/C9"}), claim(book, lowered, (order[0],), order[1]),
                 says=f"risk/C9[{order[0] // AUDIT.shape.lanes}]")

    none = claim(book, [0] * len(lowered), (0,), 1)
    packed, lots = none["leaf/packed"], [int(q) for q in none["commitment/lots"]]
    products = np.full((2, AUDIT.shape.packs), None, object)
    products[0] = [-sum(lots[j] * int(packed[j, e]) for j in (1, 2)) for e in range(AUDIT.shape.packs)]
    yield Attack("no-loss", frozenset({"risk/C9 product"}), none, {"risk/C9 product": products})


def lane_carry() -> Iterator[Attack]:
    """The largest exposure allowed: its loss wraps around its lane to a gain, but too far from the threshold."""
    changes = np.zeros((2, AUDIT.shape.scenarios), np.int64)
    changes[0, 0], changes[1, 0] = -2**40, -(2**40 - 1)
    book = Book.of(changes, (2**21 - 1, 1, 0))
    losses = book.losses
    assert losses[0] == 2**61 - 1
    losses[0] -= 1 << AUDIT.shape.width
    losses[1] += 1
    inputs = claim(book, losses, (1,), 2)
    yield Attack("lane-carry", frozenset({"tail/C13 gap bit"}), inputs, gain="2**61 - 1 of loss for 1",
                 says="tail/C13 gap[0]")


def gap_beyond() -> Iterator[Attack]:
    """The carry that comes closest: all else is as low as losses go, and the gap is 2**n + 2, one bit too many."""
    changes = np.full((2, AUDIT.shape.scenarios), 2**40)
    changes[1] = 2**40 - 1
    changes[:, 0] *= -1
    book = Book.of(changes, (2**21 - 1, 1, 0), long=(0, 0, 0))
    losses = book.losses
    assert (losses[0], losses[2]) == (2**61 - 1, 1 - 2**61)
    losses[0] -= 1 << AUDIT.shape.width
    losses[1] += 1
    assert losses[2] - losses[0] == (1 << AUDIT.gap_bits) + 2
    yield Attack("gap-2^n", frozenset({"tail/C13 gap bit"}), claim(book, losses, (1,), 2),
                 gain="a margin of 0 for 2**61 - 1 of loss", says="tail/C13 gap[0]")


def threshold_third() -> Iterator[Attack]:
    """A threshold of one third: losses t + d of residues t = 1/3 unpack to the true sums in lanes 1 and 3, and lanes 0
    and 2 shift by (2**63 + 1) / 3, out of the tail.

    sum_p 2**(63 p) (t - x_p) = 0 modulo r for x = ((2**63 + 1) / 3, 0, (2**63 + 1) / 3, 0), because three divides
    2**63 + 1. C15 asks that t be a loss, and it is one. Only C10 says that t is an integer.
    """
    changes = np.zeros((1, AUDIT.shape.scenarios), np.int64)
    changes[0, 0::2] = -1000
    changes[0, 1::2] = [-5, 0, 3, 8, 9, 10]
    book = Book.of(changes, (1, 0, 0), long=(0, 0, 0))
    third = pow(3, -1, MODULUS)
    shift = (2**63 + 1) // 3
    claimed = [(third + loss - (shift if s % 2 == 0 else 0)) % MODULUS for s, loss in enumerate(book.losses)]
    inputs = claim(book, claimed, (1,), 3)
    assert inputs["margin"] == 4
    yield Attack("threshold-wrap", frozenset({"risk/C10 threshold + 2**T bit"}), inputs, gain="a margin of 4 for 1000",
                 says="risk/C10 threshold + 2**T")


def flags() -> Iterator[Attack]:
    book = ordinary()
    order, shape = _ranked(book.losses), AUDIT.shape
    first, second, last = order[0], order[1], order[-1]
    two = claim(book, book.losses, (), second)
    two[FLAG][[first, last]] = [2, -1]
    yield Attack("flag-2", frozenset({"tail/C12 flag"}), settle(book, two), says=f"tail/C12 flag[{min(first, last)}]")
    # A flag of 1/2 makes the gap 0 whatever the loss: half the two smallest losses instead of the largest.
    half = claim(book, book.losses, (), first)
    half[FLAG][[order[-1], order[-2]]] = HALF
    yield Attack("flag-half", frozenset({"tail/C12 flag"}), settle(book, half),
                 says=f"tail/C12 flag[{min(order[-2:])}]")
    yield Attack("gap-negated", frozenset({"tail/C13 gap bit"}), claim(book, book.losses, (last,), second),
                 says=f"tail/C13 gap[{min(first, last)}]")
    bits = np.full((shape.scenarios, AUDIT.gap_bits), None, object)
    bits[first] = 0
    inputs = settle(book, book.inputs, {first: 0})
    yield Attack("gap-0", frozenset({"tail/C13 gap"}), inputs, {"tail/C13 gap bit": bits})


# -- C14, C15: the tail ----------------------------------------------------------------------------------------------
def tail() -> Iterator[Attack]:
    book = ordinary()
    order, true = _ranked(book.losses), book.losses
    yield Attack("k-1", frozenset({"tail/C14 count"}), claim(book, true, (), order[0]), says="tail/C14 count")
    yield Attack("k+1", frozenset({"tail/C14 count"}), claim(book, true, (order[0], order[1]), order[2]),
                 says="tail/C14 count")
    between = (true[order[0]] + true[order[1]]) // 2               # farther off than rounding reaches
    inputs = claim(book, true, (order[0],), order[1], threshold=between)
    yield Attack("threshold-between-ranks", frozenset({"tail/C15 threshold is an unflagged loss"}), inputs,
                 says=f"tail/C15 threshold is an unflagged loss[{order[1]}]")
    flagged = claim(book, true, (order[0],), order[0])
    yield Attack("threshold-at-flagged", frozenset({"tail/C15 threshold is an unflagged loss"}), flagged,
                 says=f"tail/C15 threshold is an unflagged loss[{order[0]}]")
    yield Attack("threshold-between-ranks, no pointer", frozenset({"tail/C15 one"}), {**inputs, POINTER: _marks()},
                 says="tail/C15 one")


# -- C17 to C20: the result ------------------------------------------------------------------------------------------
def result() -> Iterator[Attack]:
    uneven, even = ordinary(remainder=2), ordinary(remainder=0)
    K = AUDIT.shape.tail.numerator

    def moved(book: Book, step: int) -> dict[str, Any]:
        return {**book.inputs, REMAINDER: book.inputs[REMAINDER] + step * K, "margin": book.inputs["margin"] + step}

    yield Attack("floor-not-ceil", frozenset({"result/C17 remainder bit"}), moved(uneven, -1),
                 says="result/C17 remainder")
    yield Attack("remainder-K'", frozenset({"result/C17 K - 1 - remainder bit"}), moved(even, 1),
                 says="result/C17 K - 1 - remainder")
    yield Attack("remainder-K', range of 0", frozenset({"result/C17 K - 1 - remainder"}), moved(even, 1),
                 {"result/C17 K - 1 - remainder bit": [0, 0]})
    book = uneven
    shortfall = book.inputs["margin"] - book.addon
    denied = {**book.inputs, "margin": book.addon, POSITIVE: 0}
    fraction = {**denied, REMAINDER: (book.inputs[REMAINDER] + 1) % K}
    yield Attack("y-2^g", frozenset({"result/C18 |shortfall| bit"}), fraction, says="result/C18 |shortfall|")
    yield Attack("shortfall-denied", frozenset({"result/C18 |shortfall| bit"}), denied, says="result/C18 |shortfall|")
    gaining = Book.of(-1000 - np.arange(3 * AUDIT.shape.scenarios).reshape(3, -1), (-10, -4, -7))
    negative = -(-(2 * sorted(gaining.losses)[-1] + sorted(gaining.losses)[-2]) // 3)
    yield Attack("negative-margin", frozenset({"result/C18 |shortfall| bit"}),
                 {**gaining.inputs, "margin": gaining.inputs["margin"] + negative, POSITIVE: 1},
                 says="result/C18 |shortfall|")
    lowered = {**book.inputs, "margin": book.addon + shortfall // 2}
    yield Attack("sign-half", frozenset({"result/C18 positive"}), {**lowered, POSITIVE: HALF},
                 says="result/C18 positive")
    yield Attack("size-of-shortfall-0", frozenset({"result/C18 |shortfall|"}), lowered,
                 {"result/C18 |shortfall| bit": np.zeros(AUDIT.gross_bits, object)})
    yield Attack("margin-1", frozenset({"result/C19"}), {**book.inputs, "margin": book.inputs["margin"] - 1},
                 says="result/C19")
    yield Attack("context-swap", frozenset({"result/C20"}), {**book.inputs, "context": 13}, {"result/C20": 12 * 12})


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    families = (other_slots, swapped_leaf, cheaper_leaf, node_as_leaf, other_epoch, quantities, gross_carry, losses,
                lane_carry, gap_beyond, threshold_third, flags, tail, result)
    return tuple(attack for family in families for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def values_of(cs: ConstraintSystem, witness: FieldArray, label: str) -> Any:
    """What a witness holds under a label, as integers in [0, r)."""
    wires = cs.find(label)
    return np.array(field.decode(witness[wires.reshape(-1)]), object).reshape(wires.shape)


def _no_lots(cs: ConstraintSystem, witness: FieldArray) -> Any:
    return values_of(cs, witness, "commitment/lots") == 0


def _no_shortfall(cs: ConstraintSystem, witness: FieldArray) -> Any:
    return not values_of(cs, witness, "result/C18 |shortfall| bit").any()


def _at_threshold(cs: ConstraintSystem, witness: FieldArray) -> Any:
    """Losses equal to the threshold, if there are several."""
    equal = ~values_of(cs, witness, "tail/C13 gap bit").any(axis=-1)
    return equal & (equal.sum() > 1)


FREEDOMS = (
    Freedom("slots/C6 buy", "no lots: either sign makes size 0 and add-on 0", _no_lots),
    Freedom("result/C18 positive", "a shortfall of 0: either sign makes max(0, c) = 0", _no_shortfall),
    Freedom("tail/C15 pointer", "losses equal to the threshold: the pointer may rest on any mixture", _at_threshold),
)
"""Harmless discrete freedoms of STATEMENT §8, for a fractional tail, as far as one change shows them. (Flags of losses
equal to the threshold can only be exchanged, and without C15 t may lie between ranks: there are tests of both.)"""


def cases(preset: Preset = AUDIT) -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at; the first has no freedom at all."""
    S = preset.shape.scenarios
    rng = np.random.default_rng(3)
    ties = np.repeat(rng.integers(-50, 50, (3, S // 4)), 4, axis=1)
    extreme = np.zeros((2, S), np.int64)
    extreme[0], extreme[1] = 2**40 * np.where(np.arange(S) % 2, 1, -1), (2**40 - 1) * np.where(np.arange(S) % 3, 1, -1)
    books = {
        "ordinary": ordinary(),
        "no lots": Book.of(rng.integers(-1000, 1001, (3, S)), (5, 0, 0)),
        "empty slots": replace(ordinary(), lots=(5, 0, 0), leaves=(1, 0, 0)),
        "ties": Book.of(ties, (10, -4, 7)),
        "all losses equal": Book.of(np.full((3, S), -7), (1, 1, 1)),
        "all losses 0": Book.of(np.zeros((3, S), np.int64), (1, -1, 1)),
        "negative shortfall": Book.of(1000 + rng.integers(0, 500, (3, S)), (10, 4, 7)),
        "largest exposure": Book.of(extreme, (2**21 - 1, 1, 0), long=(2**44 - 1, 0, 0)),
    }
    return {name: book.under(preset).inputs for name, book in books.items()}


@cache
def subject() -> Subject:
    """The statement as the audit takes it: margin is the output; nothing determines the context."""
    return Subject("margin, full revaluation", circuit(), cases(), attacks(), FREEDOMS, ("margin",),
                   frozenset({"context"}))
