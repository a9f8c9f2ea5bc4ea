"""What a cheater would try against the tail where scenarios have masses: attacks on C12 to C15 (docs/statements.md).

Every other clause is that of the same statement without masses, with its attacks. The instances here are those of
`circuits.soundness.margin` and `circuits.soundness.grid` with masses in the shape. Their numbers are chosen so that
each constraint is needed: K is no power of two and divisible by three; some weights are equal and some are not, one of
the grid's is the largest that m bits allow for; and the grid's tail has a denominator.

An attack says which weights it needs along the falling losses; a book that has them is searched for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.soundness import batch, full_size
from circuits.soundness import grid as gridded
from circuits.soundness import margin as single
from circuits.soundness import netting as netted
from circuits.soundness import solvency as covered
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack
from circuits.soundness.margin import FLAG, HALF, POINTER, POSITIVE, REMAINDER
from circuits.statements import batch as batches
from circuits.statements import grid, margin, netting, solvency
from circuits.statements.statement import Statement
from primitives.field import MODULUS, FieldArray
from primitives.poseidon import Tag, hash_integers
from risk.exact.shape import TailSize, WeightedTail

SLACK = "tail/C14 slack"
MARGIN_TAIL = WeightedTail(TailSize(9), (1, 5, 2, 7, 3, 5, 1, 4, 2, 6, 1, 2))
GRID_TAIL = WeightedTail(TailSize(9, 2), (1, 2, 3, 2, 1, 4))
MARGIN = replace(single.AUDIT, shape=replace(single.AUDIT.shape, tail=MARGIN_TAIL))
GRID = replace(gridded.AUDIT, shape=replace(gridded.AUDIT.shape, tail=GRID_TAIL))
LOTS = (10, -4, 7)
STEP = 5040
"""Value changes are multiples of it, so that what attacks divide is whole, and no difference is lost in rounding."""


@dataclass(frozen=True, eq=False)
class World:
    """An instance, and books in it.

    Attributes
    ----------
    book : of value changes (3, columns), with `LOTS`.
    losses : (N, S) of N books' value changes (N, 3, columns), in units of 2**-weight_bits.
    threshold, bias : the input that holds t + bias.
    """

    circuit: Callable[[], ConstraintSystem]
    tail: WeightedTail
    book: Callable[[NDArray[np.int64]], Any]
    losses: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    threshold: str
    bias: int = 0
    weight_bits: int = 0

    @cached_property
    def weights(self) -> NDArray[np.int64]:
        """p_s: (S,)."""
        return np.array(self.tail.weights(len(self.tail.masses)))

    @cached_property
    def samples(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Value changes of many random books with ties, their losses, and the order of these from the largest."""
        columns = {"risk/threshold": gridded.SHAPE.nodes}.get(self.threshold, len(self.weights))
        changes = STEP * np.random.default_rng(5).integers(-4, 5, (40_000, 3, columns))
        losses = self.losses(changes)
        return changes, losses, np.argsort(-losses, axis=1, kind="stable")

    def scene(self, suits: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]) -> Scene:
        """A book of positive Expected Shortfall whose weights and losses (N, S), from the largest loss, suit."""
        changes, losses, order = self.samples
        ordered = np.take_along_axis(losses, order, axis=1)
        fits = np.flatnonzero(suits(self.weights[order], ordered) & (ordered[:, 3] > 0))
        assert len(fits), "no such book"
        chosen = int(fits[0])
        return Scene(self, self.book(changes[chosen]), [int(s) for s in order[chosen]])


@dataclass(frozen=True, eq=False)
class Scene:
    """A book in a world, its scenarios from the largest loss."""

    world: World
    book: Any
    order: list[int]

    @cached_property
    def losses(self) -> list[int]:
        """In units of 2**-weight_bits."""
        return [int(loss) for loss in self.world.losses(self.book.epoch.changes[None, 1:4])[0]]

    @cached_property
    def margin(self) -> int:
        """As it is."""
        return int(self.book.inputs["margin"])

    def mass(self, *ranks: int) -> int:
        """Of the scenarios at these ranks together."""
        return sum(int(self.world.weights[self.order[rank]]) for rank in ranks)

    def marks(self, marks: Mapping[int, int]) -> NDArray[Any]:
        """Values by rank, as values by scenario."""
        array = np.zeros(len(self.order), object)
        for rank, value in marks.items():
            array[self.order[rank]] = value
        return array

    def between(self, rank: int) -> int:
        """Midway between the loss of this rank and the next: farther off than rounding reaches."""
        return (self.losses[self.order[rank]] + self.losses[self.order[rank + 1]]) // 2

    def claim(self, flags: Mapping[int, int], at: int, *, threshold: int | None = None, share: int | None = None,
              pointer: Mapping[int, int] | None = None, gaps: Mapping[int, int] | None = None) -> dict[str, Any]:
        """Inputs that claim these flags by rank, and the loss of rank `at` as threshold; remainder, sign and margin are
        made to fit.

        Parameters
        ----------
        threshold : instead of that loss.  share : w, instead of the weight at `at`.  pointer : by rank.
        gaps : values of gaps that are forced by rank, where they are not (2 b - 1) (L - t).
        """
        world, K = self.world, self.world.tail.numerator
        t = self.losses[self.order[at]] if threshold is None else threshold
        flag = self.marks(flags)
        left = K - sum(int(p) * b for p, b in zip(world.weights, flag, strict=True))
        gap = [(2 * b - 1) * (loss - t) for b, loss in zip(flag, self.losses, strict=True)]
        for rank, value in (gaps or {}).items():
            gap[self.order[rank]] = value
        doubled = 2 * K * t + sum(int(p) * (v + loss - t)
                                  for p, v, loss in zip(world.weights, gap, self.losses, strict=True))
        scale = K << world.weight_bits
        remainder, rounded = next((r, c) for r in range(scale)
                                  if abs(c := _integer(doubled + 2 * r, 2 * scale)) < 1 << 99)
        return {**self.book.inputs, world.threshold: t + world.bias, FLAG: flag, REMAINDER: remainder,
                SLACK: (self.mass(at) if share is None else share) - 1 - left,
                POINTER: self.marks({at: 1} if pointer is None else pointer), POSITIVE: rounded >= 0,
                "margin": max(0, rounded) + self.book.addon}

    def attack(self, name: str, group: str, inputs: Mapping[str, Any], forced: Mapping[str, Any] | None = None, *,
               says: str = "", at: int | None = None, gain: str = "") -> Attack:
        """An attack on one group of the tail's constraints.

        Parameters
        ----------
        says, at : what a strict run names, and of which rank; nothing if wires are forced.
        """
        assert inputs["margin"] != self.margin, f"{name} claims the true margin"
        place = "" if at is None else f"[{self.order[at]}]"
        named = None if forced else f"tail/{says or group}{place}"
        return Attack(name, frozenset({f"tail/{group}"}), inputs, forced or {}, gain, named)


def _integer(numerator: int, divisor: int) -> int:
    """The residue numerator / divisor, as the integer closest to 0."""
    value = numerator * pow(divisor, -1, MODULUS) % MODULUS
    return value - MODULUS if 2 * value > MODULUS else value


# -- the two instances -----------------------------------------------------------------------------------------------
@cache
def margin_circuit() -> ConstraintSystem:
    """The instance of `margin` with masses."""
    cs = ConstraintSystem()
    margin.define(cs, MARGIN)
    return cs.finish()


@cache
def grid_circuit() -> ConstraintSystem:
    """The instance of the margin on a grid with masses."""
    cs = ConstraintSystem()
    grid.define(cs, GRID)
    return cs.finish()


def _margin_losses(changes: NDArray[np.int64]) -> NDArray[np.int64]:
    losses: NDArray[np.int64] = -np.tensordot(changes, np.array(LOTS), axes=(1, 0))
    return losses


def _grid_losses(changes: NDArray[np.int64]) -> NDArray[np.int64]:
    """In regime 1; instrument j is in underlying j."""
    netted = changes * np.array(LOTS)[:, None]
    losses: NDArray[np.int64] = -np.tensordot(netted, GRID.shape.map.weights[1], axes=((1, 2), (1, 2)))
    return losses


ON_MARGIN = World(margin_circuit, MARGIN_TAIL, lambda changes: single.Book.of(changes, LOTS).under(MARGIN),
                  _margin_losses, single.THRESHOLD, 2**MARGIN.threshold_bits)
ON_GRID = World(grid_circuit, GRID_TAIL, lambda changes: gridded.Book.of(changes, LOTS).under(GRID), _grid_losses,
                gridded.THRESHOLD, weight_bits=GRID.shape.weight_bits)


# -- C12, C13: flags and gaps ----------------------------------------------------------------------------------------
def ordinary(world: World) -> Scene:
    """No two losses equal, and the tail ends at the second: one loss counts in full, one in part."""
    return world.scene(lambda p, loss: _distinct(loss) & (p[:, 0] < _k(world)) & (_k(world) - p[:, 0] < p[:, 1]))


def _k(world: World) -> int:
    return world.tail.numerator


def _distinct(losses: NDArray[np.int64]) -> NDArray[np.bool_]:
    distinct: NDArray[np.bool_] = np.all(np.diff(losses, axis=1) < 0, axis=1)
    return distinct


def flags(world: World) -> Iterator[Attack]:
    """Flags that are no booleans, or on the wrong side; gaps that are not |L - t|."""
    K, last = _k(world), len(world.weights) - 1
    scene = world.scene(lambda p, loss: _distinct(loss) & (0 <= K - 2 * p[:, 0] + p[:, -1])
                        & (K - 2 * p[:, 0] + p[:, -1] < p[:, 1]))
    yield scene.attack("flag-2", "C12 flag", scene.claim({0: 2, last: -1}, 1),
                       at=min((0, last), key=lambda rank: scene.order[rank]))
    # A flag of 1/2 makes the gap 0 whatever the loss: half the two smallest losses instead of the largest.
    scene = world.scene(lambda p, loss: _distinct(loss) & ((p[:, -1] + p[:, -2]) % 2 == 0)
                        & (p[:, -1] + p[:, -2] <= 2 * K) & (2 * K - p[:, -1] - p[:, -2] < 2 * p[:, 0]))
    halves = scene.claim({last: HALF, last - 1: HALF}, 0)
    halves[SLACK] = scene.mass(0) - 1 - K + scene.mass(last, last - 1) // 2
    yield scene.attack("flag-half", "C12 flag", halves, gain="the smallest losses instead of the largest",
                       at=min((last, last - 1), key=lambda rank: scene.order[rank]))
    # The smallest loss takes the place of the largest, which weighs the same; both are on the wrong side of t.
    scene = world.scene(lambda p, loss: _distinct(loss) & (p[:, 0] == p[:, -1]) & (p[:, 0] <= K)
                        & (K - p[:, 0] < p[:, 1]))
    yield scene.attack("gap-negated", "C13 gap bit", scene.claim({last: 1}, 1), says="C13 gap",
                       at=min((0, last), key=lambda rank: scene.order[rank]))
    scene = ordinary(world)
    bits = np.full(world.circuit().find("tail/C13 gap bit").shape, None, object)
    bits[scene.order[0]] = 0
    yield scene.attack("gap-0", "C13 gap", scene.claim({0: 1}, 1, gaps={0: 0}), {"tail/C13 gap bit": bits})


# -- C14, C15: where the tail ends -----------------------------------------------------------------------------------
def overfilled(world: World) -> Iterator[Attack]:
    """Flag one unit more than the tail holds, with t too low."""
    K, most = _k(world), 1 << world.tail.weight_bits
    scene = world.scene(lambda p, loss: _distinct(loss) & (p[:, 0] + p[:, 1] == K + 1) & (p[:, 2] < most))
    yield scene.attack("tail-overfilled", "C14 left bit", scene.claim({0: 1, 1: 1}, 2), says="C14 left")


def underfilled(world: World) -> Iterator[Attack]:
    """Flag less than the tail holds in full, with t too high: at a loss that fits in as well."""
    K, most = _k(world), 1 << world.tail.weight_bits
    scene = world.scene(lambda p, loss: _distinct(loss) & (K - p[:, 0] < most) & (p[:, 0] + p[:, 1] < K))
    inputs = scene.claim({0: 1}, 1)
    assert inputs[SLACK] < 0
    yield scene.attack("tail-underfilled", "C14 slack bit", inputs, says="C14 slack")
    forged = {"tail/C14 share": scene.mass(1)}
    yield scene.attack("share-forged", "C14 share", {**inputs, SLACK: 0}, forged)
    nothing = ordinary(world)
    none_left = {**nothing.claim({}, 0), SLACK: nothing.mass(0) - 1}
    yield nothing.attack("tail-underfilled, left forged", "C14 left", none_left,
                         {"tail/C14 left bit": np.zeros(world.tail.weight_bits, object)})
    # The weight of another scenario, which would not have fitted in.
    larger = int(world.weights.max())
    scene = world.scene(lambda p, loss: _distinct(loss) & (K - p[:, 0] < larger) & (p[:, 0] + p[:, 1] < K))
    yield scene.attack("weight-of-another", "C15 threshold is an unflagged loss",
                       scene.claim({0: 1}, 1, share=larger), at=1)


def mixed_pointer(world: World) -> Iterator[Attack]:
    """A pointer spread over tied losses of unequal weight, so that sum p e is what it should be: the obvious form of
    the certificate, with sum p e in place of w, accepts this."""
    K, most = _k(world), 1 << world.tail.weight_bits
    scene = world.scene(lambda p, loss: (loss[:, 0] > loss[:, 1]) & (loss[:, 1] == loss[:, 2])
                        & (loss[:, 2] > loss[:, 3]) & (p[:, 1] != p[:, 2]) & (p[:, :3].sum(axis=1) < K)
                        & (K - p[:, 0] < most))
    left, first, second = K - scene.mass(0), scene.mass(1), scene.mass(2)
    share = next(w for w in range(left + 1, left + 1 + most) if (w - second) % (first - second) == 0)
    e = (share - second) // (first - second)
    assert first * e + second * (1 - e) == share
    yield scene.attack("mixed-pointer", "C15 threshold is an unflagged loss",
                       scene.claim({0: 1}, 1, share=share, pointer={1: e, 2: 1 - e}),
                       at=min((1, 2), key=lambda rank: scene.order[rank]))


def thresholds(world: World) -> Iterator[Attack]:
    """A threshold that is no loss, or a flagged one."""
    scene = ordinary(world)
    t, gap_bits = scene.between(0), world.circuit().find("tail/C13 gap bit").shape[-1]
    inputs = scene.claim({0: 1}, 1, threshold=t)
    yield scene.attack("threshold-between-ranks", "C15 threshold is an unflagged loss", inputs, at=1)
    yield scene.attack("threshold-between-ranks, no pointer", "C15 one", {**inputs, POINTER: scene.marks({})})
    # w = p - v / 2**(n + 1) makes up for the gap; it is no integer.
    gap = t - scene.losses[scene.order[1]]
    fraction = (inputs[SLACK] - gap * pow(1 << gap_bits + 1, -1, MODULUS)) % MODULUS
    yield scene.attack("share-fraction", "C14 slack bit", {**inputs, SLACK: fraction}, says="C14 slack")
    K = _k(world)
    scene = world.scene(lambda p, loss: _distinct(loss) & (p[:, 0] < K) & (K - p[:, 0] < p[:, 0]))
    yield scene.attack("threshold-at-flagged", "C15 threshold is an unflagged loss", scene.claim({0: 1}, 0), at=0)


def tail_attacks(world: World) -> tuple[Attack, ...]:
    """On C12 to C15, in their order."""
    return tuple(attack for family in (flags, overfilled, underfilled, mixed_pointer, thresholds)
                 for attack in family(world))


# -- clauses whose attacks depend on the tail's numbers ----------------------------------------------------------------
def other_masses() -> Iterator[Attack]:
    """The epoch of equally likely scenarios under a circuit of masses: its root holds another shape."""
    book = ordinary(ON_MARGIN).book
    root = hash_integers(Tag.EPOCH, [book.epoch.tree.root, single.AUDIT.shape.digest(), 0])
    yield Attack("other-masses", frozenset({"epoch/C5"}), {**book.inputs, "epoch_root": root}, says="epoch/C5")


def threshold_third() -> Iterator[Attack]:
    """A third of a unit as threshold (see `margin.threshold_third`), with masses: scenarios 1 and 3 end the tail."""
    changes = np.zeros((1, MARGIN.shape.scenarios), np.int64)
    changes[0, 0::2] = -1000
    changes[0, 1::2] = [-5, 0, 3, 8, 9, 10]
    book = single.Book.of(changes, (1, 0, 0), long=(0, 0, 0)).under(MARGIN)
    third, shift = pow(3, -1, MODULUS), (2**63 + 1) // 3
    claimed = [(third + loss - (shift if s % 2 == 0 else 0)) % MODULUS for s, loss in enumerate(book.losses)]
    K, (at_1, at_3) = MARGIN_TAIL.numerator, (MARGIN_TAIL.masses[s] for s in (1, 3))
    ceiling = -(-(K // 3 + 5 * at_1) // K)             # K t + p (L - t), with t = 1/3 and L = t + 5
    marks = np.eye(len(claimed), dtype=object)
    inputs = {**book.inputs, single.LOSS: claimed, single.THRESHOLD: third + 2**MARGIN.threshold_bits, FLAG: marks[1],
              POINTER: marks[3], SLACK: at_3 - 1 - (K - at_1), REMAINDER: K * ceiling - K // 3 - 5 * at_1, POSITIVE: 1,
              "margin": ceiling}
    yield Attack("threshold-wrap", frozenset({"risk/C10 threshold + 2**T bit"}), inputs,
                 gain=f"a margin of {ceiling} for {book.inputs['margin']}", says="risk/C10 threshold + 2**T")


def remainders(world: World) -> Iterator[Attack]:
    """A remainder of K, where K is no power of two: rounding up by one unit too many."""
    scene, scale = ordinary(world), _k(world) << world.weight_bits
    assert scene.book.inputs[REMAINDER] == 0
    inputs = {**scene.book.inputs, REMAINDER: scale, "margin": scene.margin + 1}
    yield Attack("remainder-K'", frozenset({"result/C17 K - 1 - remainder bit"}), inputs,
                 says="result/C17 K - 1 - remainder")


# -- the examination ---------------------------------------------------------------------------------------------------
def at_threshold(tail: WeightedTail) -> Callable[[ConstraintSystem, FieldArray], Any]:
    """Losses that the pointer may rest on: equal to the threshold, not flagged, of weight w, if there are several."""
    weights = np.array(tail.weights(len(tail.masses)), object)

    def holds(cs: ConstraintSystem, witness: FieldArray) -> Any:
        equal = ~single.values_of(cs, witness, "tail/C13 gap bit").any(axis=-1)
        unflagged = single.values_of(cs, witness, FLAG) == 0
        fits = equal & unflagged & (weights == single.values_of(cs, witness, "tail/C14 share"))
        return fits & (fits.sum() > 1)

    return holds


def freedoms(tail: WeightedTail) -> tuple[Freedom, ...]:
    """Those of `margin`, with the pointer's as far as weights leave it."""
    reason = "unflagged losses equal to the threshold, of the weight w: the pointer may rest on any mixture"
    others = tuple(freedom for freedom in single.FREEDOMS if freedom.label != POINTER)
    return (*others, Freedom(POINTER, reason, at_threshold(tail)))


@cache
def margin_subject() -> Subject:
    """Margin by full revaluation."""
    attacks = (*tail_attacks(ON_MARGIN), *other_masses(), *threshold_third(), *remainders(ON_MARGIN))
    return Subject("margin, full revaluation, with masses", margin_circuit(), single.cases(MARGIN), attacks,
                   freedoms(MARGIN_TAIL), ("margin",), frozenset({"context"}))


@cache
def grid_subject() -> Subject:
    """Margin on a grid."""
    attacks = (*tail_attacks(ON_GRID), *remainders(ON_GRID))
    return Subject("margin, grid, with masses", grid_circuit(), gridded.cases(GRID), attacks, freedoms(GRID_TAIL),
                   ("margin",), frozenset({"context"}))


@cache
def batch_subject() -> Subject:
    """A batch of one account, with the attacks on `margin`."""
    preset = batches.Preset(MARGIN, size=1)
    cs = ConstraintSystem()
    batches.define(cs, preset)
    taken_over = margin_subject()
    return Subject("batch, with masses", cs.finish(),
                   {name: batch.inputs_in_batch(inputs) for name, inputs in taken_over.cases.items()},
                   tuple(map(batch.carried, taken_over.attacks)),
                   tuple(map(batch.carried_freedom, taken_over.freedoms)), free_inputs=frozenset({"challenge"}))


@cache
def solvency_subject() -> Subject:
    """Every clause is one of `solvency` or of the grid with masses: a random book shows that they fit together."""
    preset = replace(covered.AUDIT, margin=GRID)
    return full_size.solvency_at(
        Statement("solvency, with masses", "", solvency.PUBLIC_INPUTS, preset, solvency.define))


@cache
def netting_subject() -> Subject:
    """Every clause is one of `netting` or of the grid with masses: a random book shows that they fit together."""
    preset = replace(netted.AUDIT, margin=replace(GRID, slots=netted.AUDIT.slots))
    return full_size.netting_at(Statement("netting, with masses", "", netting.public_inputs(preset), preset,
                                          netting.define))
