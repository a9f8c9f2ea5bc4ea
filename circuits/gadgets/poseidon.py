"""Poseidon in constraints: three rows per S-box, 3 (8 t + R_P) per permutation of width t.

The values and the schedule of linear forms are `primitives.poseidon`; here the schedule is stamped once per
permutation. Inputs are residues, and so is the hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.intervals import ANY
from circuits.signals import Linear, concatenate
from circuits.steps import Form
from primitives import threads
from primitives.field import FieldArray
from primitives.poseidon import (
    FULL_ROUNDS,
    PARTIAL_ROUNDS,
    Schedule,
    Tag,
    box_room,
    chunks,
    fill_boxes,
    initial,
    parameters,
    schedule,
    stream_width,
)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Step: all S-boxes after the first round, for n permutations at once.

    Attributes
    ----------
    first : wire of the first round's outputs, (n, t).
    powers : wire of the later S-boxes' powers, (n, S, 3): square, fourth, fifth.
    ids : coefficient id of plan.words[0].
    """

    label: str
    plan: Schedule
    count: int
    first: int
    powers: int
    ids: int

    @property
    def rows(self) -> int:
        return 3 * self.plan.boxes * self.count

    @property
    def entries(self) -> int:
        # Per S-box: x twice and one power; two powers and one; a power, x and a power.
        return self.count * (3 * len(self.plan.columns) + 6 * self.plan.boxes)

    def run(self, witness: FieldArray, inputs: Mapping[str, Any], strict: bool) -> None:
        plan = self.plan
        threads.share(self.count, lambda begin, end: fill_boxes(
            witness, begin, end, plan.t, self.first, self.powers, plan.starts, plan.columns, plan.words,
            *box_room()), least=4)

    def forms(self) -> tuple[Form, Form, Form]:
        """Rows per S-box with input x: x * x = x2,  x2 * x2 = x4,  x4 * x = x5."""
        plan, n = self.plan, self.count
        i, c = np.arange(n)[:, None], np.arange(1 + plan.t + 3 * plan.boxes)[None, :]
        wires = np.where(c == 0, 0, np.where(c <= plan.t, self.first + i * plan.t + c - 1,
                                             self.powers + 3 * plan.boxes * i + c - plan.t - 1)).astype(np.int32)
        boxes, terms = np.arange(plan.boxes), np.diff(plan.starts)

        def side(rows: tuple[int | None, int | None, int | None]) -> Form:
            """One side of the three rows: the form x (None) or one of the powers."""
            lengths = np.stack([terms if p is None else np.ones_like(terms) for p in rows], axis=1).reshape(-1)
            ends = np.cumsum(lengths)
            columns, ids = np.empty(ends[-1], np.int32), np.zeros(ends[-1], np.int32)
            for row, power in enumerate(rows):
                begin = (ends - lengths)[row::3]
                if power is None:
                    place = np.repeat(begin - plan.starts[:-1], terms) + np.arange(plan.starts[-1])
                    columns[place], ids[place] = plan.columns, self.ids + np.arange(plan.starts[-1])
                else:
                    columns[begin] = plan.t + 1 + 3 * boxes + power
            return np.tile(lengths, n), wires[:, columns].reshape(-1), np.tile(ids, n)

        return side((None, 0, 1)), side((None, 0, None)), side((0, 1, 2))

    def mentioned(self) -> NDArray[Any]:
        own = np.arange(self.powers, self.powers + self.rows)
        return np.concatenate([np.arange(self.first, self.first + self.count * self.plan.t), own])

    def place(self, row: int) -> str:
        permutation, rest = divmod(row, 3 * self.plan.boxes)
        return f"{self.label}[{permutation}, {rest // 3}, {rest % 3}]"


def permutation_rows(t: int) -> int:
    """Constraints of one permutation of width t."""
    return 3 * (FULL_ROUNDS * t + PARTIAL_ROUNDS[t])


def hash_cost(length: int) -> int:
    """h(m): constraints of hashing `length` elements."""
    return sum(permutation_rows(1 + chunk.stop - chunk.start) for chunk in chunks(length))


def permute(cs: ConstraintSystem, state: Linear, label: str) -> Linear:
    """Element 0 of the permutation of each row: (n, t) -> (n,)."""
    return permuted(cs, state, label, slice(0, 1))[:, 0]


def permuted(cs: ConstraintSystem, state: Linear, label: str, kept: slice) -> Linear:
    """Some elements of the permutation of each row, which cost no rows of their own: (n, t) -> (n, k)."""
    n, t = state.shape
    plan, places = schedule(t), range(t)[kept]
    ids = cs.constants(f"poseidon {t}", plan.words)
    mixes = [cs.constants(f"poseidon mix {t}" + (f", {place}" if place else ""), plan.mix[place]) for place in places]
    with cs.scope(label):
        x = state + np.array(parameters(t)[0][0], object)
        square = cs.multiply(x, x, "square")
        fourth = cs.multiply(square, square, "fourth")
        first = cs.multiply(fourth, x, "fifth")
        _, powers = cs.allocate("rounds", (n, plan.boxes, 3))
        cs.steps.append(Boxes(cs.label("rounds"), plan, n, int(first.wires[0]), powers, ids))
    last = powers + 3 * plan.boxes * np.arange(n)[:, None] + 3 * np.arange(plan.boxes - t, plan.boxes) + 2
    wires = np.repeat(last[:, None, :], len(places), axis=1)
    mixed = (np.array(mixes, np.int32)[:, None] + np.arange(t, dtype=np.int32)).reshape(-1)
    return Linear(cs, (n, len(places)), np.arange(n * len(places) + 1) * t, wires.reshape(-1).astype(np.int32),
                  np.tile(mixed, n), ANY)


def hash_rows(cs: ConstraintSystem, tag: Tag, elements: Linear, label: str) -> Linear:
    """H(tag; last axis): (..., m) -> (...), hash_cost(m) rows each."""
    shape, m = elements.shape[:-1], elements.shape[-1]
    rows = elements.reshape(-1, m)
    h = cs.signal(initial(tag, m)).broadcast((len(rows),))
    with cs.scope(label):
        for number, chunk in enumerate(chunks(m)):
            h = permute(cs, concatenate([h.reshape(-1, 1), rows[:, chunk]]), f"chunk {number}")
    return h.reshape(*shape)


def stream_cost(elements: int, count: int) -> int:
    """Constraints of a keystream of `count` outputs from a key of `elements`."""
    return sum(permutation_rows(stream_width(elements, block.stop - block.start)) for block in chunks(count))


def stream(cs: ConstraintSystem, tag: Tag, elements: Linear, count: int, label: str) -> Linear:
    """`primitives.poseidon.stream` of a key (m,): (count,), stream_cost(m, count) rows."""
    out = []
    with cs.scope(label):
        for number, block in enumerate(chunks(count)):
            wanted = block.stop - block.start
            rest = [number, *[0] * (stream_width(len(elements), wanted) - len(elements) - 2)]
            state = concatenate([cs.signal([initial(tag, count)]), elements, cs.signal(rest)])
            out.append(permuted(cs, state.reshape(1, -1), f"chunk {number}", slice(1, 1 + wanted))[0])
    return concatenate(out)
