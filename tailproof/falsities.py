"""What is false in a published epoch, and can be shown to its court: found without a proof, and without the chain.

Everything that `EpochCourt` judges is looked for, in the order of what it costs. What it cannot judge (a well-formed
wrong value, a regime) is not found here: `watching` compares with an epoch built anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from primitives.poseidon import Tag
from verifier_contracts.epoch_content import EpochContent
from verifier_contracts.keccak_tree import Factor, asset_number
from verifier_contracts.leaf_judge import (
    AMAX,
    FIRST_PACKED,
    SPOT,
    UNDERLYING,
    Field,
    breaks_bound,
    contradict,
    contradicts_marks,
)
from verifier_contracts.oracle import LeafLayout

from .epoch_leaves import EpochLeaves, Row
from .leaf_proofs import Shown

Function = Literal["factors", "field", "row", "factor", "marks"]


@dataclass(frozen=True)
class Falsity:
    """Something false that the court would hear.

    function : which of its challenges.  shown : elements to prove, in the order of the call.
    what : for people.  row : the listed row that a leaf differs from.
    """

    function: Function
    shown: tuple[Shown, ...]
    what: str
    row: Row | None = None


def falsities(leaves: EpochLeaves, form: LeafLayout, *, content: EpochContent | None = None,
              factors: Sequence[Factor] | None = None, listed: EpochLeaves | None = None) -> Iterator[Falsity]:
    """Everything false in an epoch, cheapest first.

    Parameters
    ----------
    leaves : as published: its root is on the chain.
    content : what was signed.  factors : the list whose hash was signed.  listed : leaves of the signed `data_root`.
    """
    if factors is not None:
        yield from _false_list(factors)
    every = [(kind, place, row) for kind, rows in leaves.rows.items() for place, row in enumerate(rows)]
    for kind, place, row in every:
        for k, x in enumerate(row):
            if breaks_bound(Field(kind, row[0], k, x), form):
                yield Falsity("field", (Shown(kind, place, k),), f"{_named(kind, row)}: element {k} is {x}, out of its "
                              "bound")
    if listed is not None:
        yield from _other_rows(leaves, listed)
    if factors is not None:
        yield from _other_factors(leaves, factors)
    yield from _twice(leaves)
    for kind, place, row in every:
        for one, other in _pairs(kind, row):
            if contradict(Field(kind, row[0], one, row[one]), Field(kind, row[0], other, row[other]), form):
                yield Falsity("field", (Shown(kind, place, one), Shown(kind, place, other)),
                              f"{_named(kind, row)}: elements {one} and {other} contradict each other")
    if content is not None:
        yield from _other_marks(leaves, content, form)


def missing(leaves: EpochLeaves, listed: EpochLeaves) -> Iterator[tuple[Tag, Row]]:
    """Rows of a list whose id no leaf of their kind has: to be demanded."""
    for kind, row in listed:
        if leaves.place(kind, row[0]) is None:
            yield kind, row


def _named(kind: Tag, row: Row) -> str:
    return f"leaf {kind.name} of id {row[0]}"


def _pairs(kind: Tag, row: Row) -> Iterator[tuple[int, int]]:
    """Elements of one leaf that may contradict each other."""
    if kind == Tag.ASSET:
        yield 1, 2
    if kind == Tag.LEAF:
        yield from ((AMAX, k) for k in range(FIRST_PACKED, len(row)))


def _false_list(factors: Sequence[Factor]) -> Iterator[Falsity]:
    last = 0
    for factor in factors:
        if factor.asset <= last or factor.v > factor.d:
            yield Falsity("factors", (), f"the list of factors is false by itself, at asset {factor.asset}")
            return
        last = factor.asset


def _other_rows(leaves: EpochLeaves, listed: EpochLeaves) -> Iterator[Falsity]:
    """A leaf that is not its row. Where an id is listed or held twice, any pair that differs will do."""
    for kind, row in listed:
        place = leaves.place(kind, row[0])
        if place is None or leaves.rows[kind][place] == row:
            continue
        held = leaves.rows[kind][place]
        k = next((k for k, x in enumerate(held) if k >= len(row) or row[k] != x), None)
        if k is not None:
            told = row[k] if k < len(row) else "nothing"
            yield Falsity("row", (Shown(kind, place, k),), f"{_named(kind, row)}: element {k} is {held[k]}, and {told} "
                          "in the row that was signed", row)


def _other_factors(leaves: EpochLeaves, factors: Sequence[Factor]) -> Iterator[Falsity]:
    stated = {factor.asset: factor for factor in factors}
    for place, row in enumerate(leaves.rows.get(Tag.ASSET, ())):
        entry = stated.get(asset_number(row[0]))
        for k in (1, 2):
            if row[0] and (entry is None or row[k] != entry[k]):
                told = entry[k] if entry else "absent"
                yield Falsity("factor", (Shown(Tag.ASSET, place, k),), f"{_named(Tag.ASSET, row)}: factor {k} is "
                              f"{row[k]}, and {told} in the list that was signed")


def _twice(leaves: EpochLeaves) -> Iterator[Falsity]:
    """Two leaves of one id (E1, E8): equal ones do no harm."""
    for kind, rows in leaves.rows.items():
        first: dict[int, int] = {}
        for place, row in enumerate(rows):
            before = first.setdefault(row[0], place)
            k = next((k for k, x in enumerate(row) if rows[before][k] != x), None)
            if k is not None:
                yield Falsity("field", (Shown(kind, before, k), Shown(kind, place, k)),
                              f"{_named(kind, row)}: there are two, that differ in element {k}")


def _other_marks(leaves: EpochLeaves, content: EpochContent, form: LeafLayout) -> Iterator[Falsity]:
    for place, row in enumerate(leaves.rows.get(Tag.MARK, ())):
        at = leaves.place(Tag.LEAF, row[0])
        if at is None:
            continue
        leaf = leaves.rows[Tag.LEAF][at]
        mark = Field(Tag.MARK, row[0], SPOT, row[SPOT])
        underlying = Field(Tag.LEAF, leaf[0], UNDERLYING, leaf[UNDERLYING])
        if contradicts_marks(mark, underlying, content.marks, form):
            yield Falsity("marks", (Shown(Tag.MARK, place, SPOT), Shown(Tag.LEAF, at, UNDERLYING)),
                          f"{_named(Tag.MARK, row)}: spot is {row[SPOT]}, and {content.marks[leaf[UNDERLYING]]} was "
                          f"signed for underlying {leaf[UNDERLYING]}")
