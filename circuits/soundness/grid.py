"""What a cheater would try against `margin` on a grid: attacks on C9g, C10g and C11g, each refused by those it names.

C1 to C8 and C12 to C20 are the clauses of `circuits.soundness.margin`, with its attacks. The `AUDIT` instance has three
underlyings and three regimes: with two, a sum of 1 and the right number already leave no choice of marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.clauses.portfolio import addons_of
from circuits.clauses.shortfall import rounded_up, shortfall_inputs
from circuits.soundness import margin as single
from circuits.soundness.audit import Subject
from circuits.soundness.forgery import Attack, forge
from circuits.statements import grid
from circuits.statements.grid import Preset
from primitives.field import MODULUS, FieldArray
from primitives.poseidon import Tag, hash_integers
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import TailSize
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_map import ExplicitMap, Nodes
from risk.grid.grid_shape import GridShape
from risk.margins.grid_margin import netted_changes

HALF = pow(2, -1, MODULUS)
MARKS, REGIME, NETTED, THRESHOLD = "risk/C9 underlying", "risk/C11 regime", "risk/C10 netted + 2**g", "risk/threshold"


def random_weights(regimes: int, scenarios: int, underlyings: int, nodes: int, bits: int) -> NDArray[np.int64]:
    """Random weights that sum to 2**bits."""
    cuts = np.random.default_rng(4).integers(0, 2**bits + 1, (regimes, scenarios, underlyings, nodes - 1))
    return np.diff(np.sort(cuts, axis=-1), axis=-1, prepend=0, append=2**bits).astype(np.int64)


AUDIT = Preset(GridShape(ExplicitMap(Nodes((-1000, 1000), (900, 2000)), 3, random_weights(3, 6, 3, 4, 3)),
                         TailSize(3, 2), depth=3, lanes=2, width=50), slots=3, gross_bits=48, gap_bits=52)
SHAPE = AUDIT.shape
BIAS = 1 << AUDIT.gross_bits


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    grid.define(cs, AUDIT)
    return cs.finish()


@dataclass(frozen=True, eq=False)
class Book:
    """An epoch of four instruments, in underlyings 0, 1, 2, 1, and a portfolio of the first three, or of `leaves`."""

    epoch: GridEpoch
    lots: tuple[int, ...]
    leaves: tuple[int, ...] = (1, 2, 3)
    preset: Preset = AUDIT

    @classmethod
    def of(cls, changes: Any, lots: tuple[int, ...], long: Any = (30, 40, 50), short: Any = (60, 70, 80),
           regime: int = 1) -> Book:
        array = np.zeros((4, SHAPE.nodes), np.int64)
        array[:len(changes)] = changes
        array[3] = np.arange(SHAPE.nodes) - 1
        epoch = GridEpoch.of(SHAPE, (1001, 1002, 1003, 1004), array, underlying=np.array([0, 1, 2, 1]),
                             long=np.array([*long, 1]), short=np.array([*short, 2]), regime=regime)
        return cls(epoch, lots)

    def under(self, preset: Preset) -> Book:
        """The same numbers in an epoch of another tail."""
        return replace(self, epoch=replace(self.epoch, shape=preset.shape), preset=preset)

    @property
    def slots(self) -> list[tuple[int, int]]:
        return list(zip(self.leaves, self.lots, strict=True))

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Honest inputs, as far as the portfolio allows."""
        return grid.unchecked_inputs(self.preset, self.epoch, self.slots, salt=11, context=12)

    @cached_property
    def witness(self) -> FieldArray:
        return forge(circuit(), self.inputs)

    @property
    def addon(self) -> int:
        """Sum of the add-ons."""
        return addons_of(self.epoch, self.slots)

    @property
    def netted(self) -> NDArray[Any]:
        return netted_changes(self.epoch, self.slots)


@cache
def ordinary(regime: int = 1) -> Book:
    """A book of long and short positions with positive Expected Shortfall in every regime."""
    for seed in range(10_000):
        changes = np.random.default_rng(seed).integers(-1000, 1001, (3, SHAPE.nodes))
        books = [Book.of(changes, (10, -4, 7), regime=i) for i in range(3)]
        if all(book.inputs["result/C18 positive"] and len(set(losses_of(book.netted, marks_of(i)))) == SHAPE.scenarios
               for i, book in enumerate(books)):
            return books[regime]
    raise AssertionError("no such book")


def marks_of(regime: int) -> list[int]:
    return [int(i == regime) for i in range(SHAPE.regimes)]


def losses_of(netted: NDArray[Any], marks: list[int]) -> list[int]:
    """-sum_i s_i W_i netted, for any integers s_i."""
    maps = np.tensordot(np.array(marks, object), SHAPE.map.weights.astype(object), axes=1)
    return [-int(loss) for loss in maps.reshape(SHAPE.scenarios, -1) @ netted.reshape(-1)]


def claim(book: Book, netted: NDArray[Any], marks: list[int] | None = None, losses: list[int] | None = None
          ) -> dict[str, Any]:
    """Inputs that claim these netted value changes and regime marks, with all that follows from them.

    Parameters
    ----------
    losses : where they follow from something else, such as a forced wire.
    """
    marks = marks_of(book.epoch.regime) if marks is None else marks
    es = expected_shortfall(losses_of(netted, marks) if losses is None else losses, SHAPE.tail)
    margin = max(0, rounded_up(es, SHAPE.weight_bits)) + book.addon
    return {**book.inputs, NETTED: netted + BIAS, REGIME: marks, THRESHOLD: es.threshold, "margin": margin,
            **shortfall_inputs(es, SHAPE.weight_bits)}


# -- C9g: each position in its own underlying, once ------------------------------------------------------------------
def sorted_wrongly() -> Iterator[Attack]:
    """Count a position in another underlying, several, or none: the leaf says which one it is in."""
    book = ordinary()
    changes = book.epoch.changes[1:4].astype(object)

    def marked(marks: Any) -> dict[str, Any]:
        lots = np.array(book.lots, object)
        return {**claim(book, (np.array(marks, object) * lots[:, None]).T @ changes), MARKS: marks}

    honest = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    # Both sum to 1 and are numbered 1, as the leaf of slot 1 says.
    yield Attack("one-hot-2", frozenset({MARKS}), marked([honest[0], [2, -3, 2], honest[2]]), says=f"{MARKS}[1, 0]")
    yield Attack("one-hot-half", frozenset({MARKS}),
                 {**book.inputs, MARKS: [honest[0], [HALF, 0, HALF], honest[2]],
                  **_half_moved(book)}, says=f"{MARKS}[1, 0]")
    # Numbered 0 + 2, as the leaf of slot 2 says; and 0, as that of slot 0.
    both, neither = marked([*honest[:2], [1, 0, 1]]), marked([[0, 0, 0], *honest[1:]])
    yield Attack("two-underlyings", frozenset({f"{MARKS}, one"}), both, says=f"{MARKS}, one[2]")
    yield Attack("no-underlying", frozenset({f"{MARKS}, one"}), neither, gain="a position without risk",
                 says=f"{MARKS}, one[0]")
    # With one mark in the wrong place the leaf is another.
    other = marked([[0, 1, 0], *honest[1:]])
    yield Attack("other-underlying", frozenset({"epoch/C3 path"}), other, says="epoch/C3 path[0]")
    dropped = np.full((3, 3), None, object)
    dropped[0, 0] = 0
    yield Attack("lots-dropped", frozenset({"risk/C9 lots in underlying"}), {**neither, MARKS: honest},
                 {"risk/C9 lots in underlying": dropped})


def _half_moved(book: Book) -> dict[str, Any]:
    """Half of position 1 in underlying 0 and half in 2, none in its own: lots of it are even, so sums are integers."""
    shares = np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1]], object) * np.array(book.lots, object)[:, None]
    shares[1] = [book.lots[1] // 2, 0, book.lots[1] // 2]
    claimed = claim(book, shares.T @ book.epoch.changes[1:4].astype(object))
    return {name: value for name, value in claimed.items() if value is not book.inputs.get(name)}


# -- C9g, C10g: netted value changes ---------------------------------------------------------------------------------
def netted_wrongly() -> Iterator[Attack]:
    book = ordinary()
    better = book.netted
    better[0] = better[0] + 100
    yield Attack("netted-raised", frozenset({"risk/C9"}), claim(book, better), says="risk/C9[0, 0]")
    nothing = claim(book, book.netted * 0)
    # The last product absorbs the sum, so the others must cancel it.
    packed = book.inputs["leaf/packed"]
    products = np.full((2, SHAPE.underlyings, SHAPE.packs), None, object)
    own = [[book.lots[j] * int(packed[j, e]) for e in range(SHAPE.packs)] for j in range(3)]
    products[0] = [[0] * SHAPE.packs, [0] * SHAPE.packs, [-value for value in own[2]]]
    products[1, 1] = 0
    yield Attack("nothing-netted", frozenset({"risk/C9 product"}), nothing, {"risk/C9 product": products})

    # A loss of 2**40 at node 0 read as a gain, one unit less at its neighbour: far outside [-2**g, 2**g).
    changes = np.zeros((1, SHAPE.nodes), np.int64)
    changes[0, 0] = -2**40
    carried = Book.of(changes, (1, 0, 0))
    lifted = carried.netted
    lifted[0, 0] += 1 << SHAPE.width
    lifted[0, 1] -= 1
    yield Attack("node-out-of-range", frozenset({f"{NETTED} bit"}), claim(carried, lifted), gain="2**40 for 1",
                 says=f"{NETTED}[0, 0]")
    # An exposure of 2**50: its netted loss reads as 0 at one node and -1 at the next, which is in range.
    changes[0, 0] = -2**43
    large = Book.of(changes, (1 << 7, 0, 0))
    wrapped = large.netted
    wrapped[0, 0] += 1 << SHAPE.width
    wrapped[0, 1] -= 1
    yield Attack("gross-carry", frozenset({"slots/C7 gross bit"}), claim(large, wrapped), gain="2**50 of loss for 1",
                 says="slots/C7 gross")


# -- C11g: the regime ------------------------------------------------------------------------------------------------
def other_regimes() -> Iterator[Attack]:
    """Use the map of a milder regime, a mixture, or none."""
    book = ordinary()
    mixed = claim(book, book.netted, [2, -3, 2])
    yield Attack("regime-mix", frozenset({REGIME}), mixed, says=f"{REGIME}[0]")
    calm = ordinary(regime=0)
    none = claim(calm, calm.netted, [0, 0, 0])
    yield Attack("no-regime", frozenset({f"{REGIME}, one"}), none, gain="no losses at all", says=f"{REGIME}, one")
    last = ordinary(regime=2)
    yield Attack("two-regimes", frozenset({f"{REGIME}, one"}), claim(last, last.netted, [1, 0, 1]),
                 says=f"{REGIME}, one")
    yield Attack("wrong-regime", frozenset({"epoch/C5"}), claim(book, book.netted, [1, 0, 0]), says="epoch/C5")
    looser = replace(SHAPE, tail=TailSize(7, 2))
    root = hash_integers(Tag.EPOCH, [book.epoch.tree.root, looser.digest(), book.epoch.regime,
                                     book.epoch.asset_tree.root])
    yield Attack("other-shape", frozenset({"epoch/C5"}), {**book.inputs, "epoch_root": root}, says="epoch/C5")
    chosen = np.zeros((SHAPE.regimes, SHAPE.underlyings * SHAPE.nodes), object)
    yield Attack("nothing-in-regime", frozenset({"risk/C11 netted in regime"}),
                 claim(book, book.netted, losses=[0] * SHAPE.scenarios), {"risk/C11 netted in regime": chosen})


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    return tuple(attack for family in (sorted_wrongly, netted_wrongly, other_regimes) for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def cases(preset: Preset = AUDIT) -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at; the first has no freedom at all."""
    rng, Γ = np.random.default_rng(3), SHAPE.nodes
    some = rng.integers(-1000, 1001, (3, Γ))
    books = {
        "ordinary": ordinary(),
        "regime 0": ordinary(regime=0),
        "regime 2": ordinary(regime=2),
        "empty slots": replace(ordinary(), lots=(5, 0, 0), leaves=(1, 0, 0)),
        "no lots": Book.of(some, (5, 0, 0)),
        "one underlying": replace(ordinary(), lots=(5, -3, 2), leaves=(2, 4, 2)),
        "all losses equal": Book.of(np.full((3, Γ), -7), (1, 1, 1)),
        "all losses 0": Book.of(np.zeros((3, Γ), np.int64), (1, -1, 1)),
        "negative shortfall": Book.of(1000 + abs(some), (10, 4, 7)),
        "largest exposure": Book.of(np.array([[2**40, -2**40, 2**40, 1]]), (2**8 - 1, 0, 0), long=(2**44 - 1, 0, 0)),
    }
    return {name: book.under(preset).inputs for name, book in books.items()}


@cache
def subject() -> Subject:
    """The statement as the audit takes it: margin is the output; nothing determines the context."""
    return Subject("margin, grid", circuit(), cases(), attacks(), single.FREEDOMS, ("margin",), frozenset({"context"}))
