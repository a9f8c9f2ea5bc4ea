"""An epoch: the published risk arrays that margins are computed and proven against.

Row 0 is the null leaf, all zero, which empty slots open. Row i > 0 is an instrument: its id, underlying, contingency
rates, and its value change per lot in every scenario, in 10**-6 quote units; or, in an epoch of levels
(`header.basis`), the value itself. `changes` is the one or the other; no statement tells them apart.

Leaf i is H(LEAF; id, u, long, short, amax, A_0, ..., A_{E-1}) with the changes packed P to an element,
A_e = sum_p 2**(w p) a_{eP+p}. After the instruments' leaves come those of what has settled, H(SETTLED; id, value), in
an epoch of levels a mark of each instrument (`risk.epochs.marks`), and at the end of the tree the header's
(`risk.epochs.header`); their tags keep them from being opened as instruments. The root binds the shape, too:
H(EPOCH; tree root, shape, 0).

The circuit does not check what the publisher must (docs/statements.md, E1 to E5, E7, E12): `violations` does, always
before packing, because packing hides them. (2**50 - 1, 0) and (-1, 1) pack to the same element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives import field as scalar_field
from primitives.errors import BadInput, Said
from primitives.field import MODULUS
from primitives.merkle import Tree
from primitives.poseidon import Tag, hash_integers, hash_rows
from risk.epochs.header import Header
from risk.epochs.marks import Mark, OpenedMark
from risk.epochs.provenance import Provenance
from risk.exact.money import LARGEST_PRICE
from risk.exact.shape import EpochShape
from risk.market.instruments import CASH_UNITS, Instrument
from risk.models.model import Basis

REGIME = 0
"""Full revaluation has one correlation regime."""
ID_BITS = 248
TERMS = ("id", "underlying", "long", "short", "amax")
"""What a leaf holds before its packed changes."""


@dataclass(frozen=True)
class Violation:
    """A precondition of the statement that an epoch breaks.

    clause : "E1" to "E5", "E7" or "E12".  field, value, bound : as in `BadInput`.
    """

    clause: str
    field: str
    value: int
    bound: str

    def error(self) -> BadInput:
        return BadInput(self.field, self.value, f"{self.bound} ({self.clause})")


@dataclass(frozen=True, eq=False)
class Epoch:
    """Risk arrays of n leaves over S scenarios; with those of settlements, marks and header they are at most 8**depth.

    Parameters
    ----------
    ids : object (n,), Python integers; ids[0] is 0.
    underlying, long, short, amax : int64 (n,). Rates and amax are 10**-6 quote units per lot.
    changes : int64 (n, S), value change of one lot, or its value in an epoch of levels, 10**-6 quote units.
    instruments : the n - 1 instruments of rows 1 to n - 1, or empty for an epoch of bare numbers.
    provenance : what the numbers were made from; None for an epoch of bare numbers.
    settlements : id and what it settled at, in money units for one unit of the underlying, of each that has expired.
    marks : of every instrument in the order of rows, in an epoch of levels; else none.

    Raises
    ------
    BadInput : arrays that do not fit together. Preconditions are `violations`, and stop `leaves`.
    """

    shape: EpochShape
    ids: NDArray[Any]
    underlying: NDArray[np.int64]
    long: NDArray[np.int64]
    short: NDArray[np.int64]
    amax: NDArray[np.int64]
    changes: NDArray[np.int64]
    header: Header = field(default_factory=Header)
    instruments: tuple[Instrument, ...] = ()
    provenance: Provenance | None = None
    settlements: tuple[tuple[int, int], ...] = ()
    marks: tuple[Mark, ...] = ()

    def __post_init__(self) -> None:
        n, others = len(self.ids), 1 + len(self.settlements) + len(self.marks)
        if not 1 <= n <= self.shape.capacity - others:
            raise BadInput("number of leaves", n, f"in [1, {self.shape.capacity - others}]: the tree has 8**depth = "
                           f"{self.shape.capacity}, {others} of them for header, settlements and marks")
        if len(self.instruments) not in (0, n - 1):
            raise BadInput("number of instruments", len(self.instruments), f"{n - 1}: a leaf each, after the null leaf")
        for name in ("underlying", "long", "short", "amax", "changes"):
            array = getattr(self, name)
            wanted = (n, self.shape.scenarios) if name == "changes" else (n,)
            if array.dtype != np.int64 or array.shape != wanted:
                raise BadInput(name, Said(f"{array.dtype} {array.shape}"), f"int64 {wanted}")

    @classmethod
    def of(cls, shape: EpochShape, ids: Sequence[int], changes: NDArray[np.int64], *,
           long: NDArray[np.int64] | None = None, short: NDArray[np.int64] | None = None,
           underlying: NDArray[np.int64] | None = None, header: Header | None = None,
           instruments: Sequence[Instrument] = (), provenance: Provenance | None = None,
           settlements: Sequence[tuple[int, int]] = (), marks: Sequence[Mark] = ()) -> Epoch:
        """The epoch of given instruments, with the null leaf put in front and `amax` computed.

        Parameters
        ----------
        ids : m integers.  changes : int64 (m, S).  long, short, underlying : int64 (m,), zero if left out.
        """
        def column(values: NDArray[np.int64] | None) -> NDArray[np.int64]:
            given = np.zeros(len(ids), np.int64) if values is None else values
            return np.concatenate([np.zeros(1, np.int64), given])

        changes = np.concatenate([np.zeros((1, shape.scenarios), np.int64), changes])
        every = np.empty(1 + len(ids), object)
        every[:] = [0, *map(int, ids)]
        return cls(shape, every, column(underlying), column(long), column(short), largest_changes(changes), changes,
                   header or Header(), tuple(instruments), provenance, tuple(settlements), tuple(marks))

    # -- what it holds -----------------------------------------------------------------------------------------
    def label(self, row: int) -> str:
        """How messages call a row."""
        return self.instruments[row - 1].symbol if self.instruments and row else f"leaf {row}"

    def index_of(self, id: int) -> int:
        """The row of an instrument id.

        Raises
        ------
        BadInput : the epoch does not hold it.
        """
        try:
            return self._rows[id]
        except KeyError:
            raise BadInput("instrument id", id, "in the epoch") from None

    def row_of(self, symbol: str) -> int | None:
        """The row of an instrument by its symbol; None if the epoch does not hold it."""
        return self._symbols.get(symbol)

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {id: row for row, id in reversed(list(enumerate(self.ids)))}

    @cached_property
    def _symbols(self) -> dict[str, int]:
        return {instrument.symbol: row for row, instrument in enumerate(self.instruments, 1)}

    @property
    def levels(self) -> bool:
        """Whether `changes` holds values."""
        return self.header.basis == Basis.LEVEL

    @property
    def cash_id(self) -> int:
        """The id of cash in this epoch's currency, which epochs of levels list."""
        return Instrument.cash(self.header.quote).id

    # -- what it must keep --------------------------------------------------------------------------------------
    def violations(self) -> Iterator[Violation]:
        """Every precondition E1 to E5, E7 and E12 that these numbers break, in the order of the clauses."""
        def out(clause: str, name: str, values: NDArray[Any], bad: NDArray[np.bool_],
                bound: str) -> Iterator[Violation]:
            for place in np.argwhere(bad):
                where = f"{self.label(int(place[0]))}: {name}" + "".join(f"[{i}]" for i in place[1:])
                yield Violation(clause, where, int(values[tuple(place)]), bound)

        bits = self.shape.value_bits
        first = np.array([self._rows[id] == row for row, id in enumerate(self.ids)])
        # E1: of two leaves with one id the prover would open the cheaper; without a null leaf empty slots cannot open.
        yield from out("E1", "id", self.ids, ~first, "different from every other id")
        outside = np.array([not 0 <= id < 1 << ID_BITS for id in self.ids])
        yield from out("E1", "id", self.ids, outside, f"in [0, 2**{ID_BITS})")
        for name in TERMS:
            values = self._column(name)[:1]
            yield from out("E1", name, values, values != 0, "0 on the null leaf")
        yield from out("E1", "changes", self.changes[:1], self.changes[:1] != 0, "0 on the null leaf")
        # E2: the gross bound, which keeps sums inside their lanes, is built on amax.
        amax = self.amax[:, None]
        yield from out("E2", "amax", self.amax, (self.amax < 0) | (self.amax >= 1 << bits), f"in [0, 2**{bits})")
        yield from out("E2", "changes", self.changes, (self.changes > amax) | (self.changes < -amax),
                       "at most amax in absolute value")
        # E3: with a negative rate, holding both sides at once would lower the margin.
        for name in ("long", "short"):
            rate = self._column(name)
            yield from out("E3", name, rate, (rate < 0) | (rate >= 1 << bits), f"in [0, 2**{bits})")
        # E4, absent lanes are zero, holds by construction in `pack`.
        count = len(self.header.underlyings)
        yield from out("E5", "underlying", self.underlying, (self.underlying < 0) | (self.underlying >= count),
                       f"in [0, {count})")
        # E7: two settlements of one instrument would leave a choice, and what is settled moves no more.
        seen: set[int] = set()
        for id, _ in self.settlements:
            row = self._rows.get(id, 0)
            if row == 0 or id in seen:
                yield Violation("E7", "settlement", id, "of a listed instrument, once")
            elif self._moves(row):
                yield Violation("E7", f"{self.label(row)}: largest change", int(self.amax[row]),
                                "one value, and rates of at most a unit: it has settled" if self.levels else
                                "0, and so its rates: it has settled")
            seen.add(id)
        yield from self._wrong_marks()
        if self.levels:
            yield from self._wrong_cash()

    def _moves(self, row: int) -> bool:
        """Whether an instrument does what a settled one cannot."""
        values, rates = self.changes[row], max(self.long[row], self.short[row])
        still = (values == values[0]).all() if self.levels else not values.any()
        return not still or bool(rates > int(self.levels))

    def _wrong_marks(self) -> Iterator[Violation]:
        """E12: in an epoch of levels each instrument has one mark, else a debtor could choose."""
        wanted = [int(id) for id in self.ids[1:]] if self.levels else []
        if [mark.id for mark in self.marks] != wanted:
            yield Violation("E12", "marks", len(self.marks), f"{len(wanted)}: in an epoch of levels of every "
                            "instrument, in their order, else none")
            return
        for row, mark in enumerate(self.marks, 1):
            if not 0 <= mark.long <= mark.short <= mark.long + 1 or mark.short >= 1 << self.shape.value_bits:
                yield Violation("E12", f"{self.label(row)}: mark of a lot held short", mark.short,
                                f"that of one held long, {mark.long}, or a unit more, in [0, "
                                f"2**{self.shape.value_bits})")
            for name, price in (("price", mark.price), ("spot", mark.spot)):
                if not 0 < price <= LARGEST_PRICE:
                    yield Violation("E12", f"{self.label(row)}: {name}", price, f"in (0, {LARGEST_PRICE}]")

    def _wrong_cash(self) -> Iterator[Violation]:
        """E12: cash is worth itself in every scenario and costs nothing, else money is made by exchanging it."""
        id = self.cash_id
        row = self._rows.get(id, 0)
        if row == 0:
            yield Violation("E12", "cash", id, f"a leaf of this id: cash in {self.header.quote}")
            return
        for name, value, bound in (("least value of cash", int(self.changes[row].min()), CASH_UNITS),
                                   ("largest value of cash", int(self.changes[row].max()), CASH_UNITS),
                                   ("long rate of cash", int(self.long[row]), 0),
                                   ("short rate of cash", int(self.short[row]), 0)):
            if value != bound:
                yield Violation("E12", name, value, str(bound))
        if len(self.marks) == len(self.ids) - 1 and self.marks[row - 1] != Mark.cash(id):
            yield Violation("E12", "mark of cash", self.marks[row - 1].long, str(tuple(Mark.cash(id))))

    def _column(self, name: str) -> NDArray[Any]:
        values: NDArray[Any] = self.ids if name == "id" else getattr(self, name)
        return values

    # -- what it commits to -------------------------------------------------------------------------------------
    def leaves(self) -> NDArray[Any]:
        """Rows (id, u, long, short, amax, A_0, ..., A_{E-1}): object (n, 5 + E), Python integers below the field's
        order in absolute value.

        Raises
        ------
        BadInput : the epoch breaks one of E1 to E5 or E7; names the first.
        """
        return self._leaves.copy()

    @cached_property
    def _leaves(self) -> NDArray[Any]:
        for violation in self.violations():
            raise violation.error()
        return self.unchecked_leaves()

    def unchecked_leaves(self) -> NDArray[Any]:
        """`leaves` of whatever these numbers are: what a false epoch was published with, for whoever shows that it is
        false. Elements may be beyond the field's order."""
        terms = np.stack([self._column(name).astype(object) for name in TERMS], axis=1)
        return np.concatenate([terms, pack(self.changes, self.shape)], axis=1)

    @cached_property
    def tree(self) -> Tree:
        """The 8-ary tree: instruments, settlements, marks, at its end the header."""
        return self._tree_of(self._leaves)

    def unchecked_tree(self) -> Tree:
        """`tree` of whatever these numbers are, as `unchecked_leaves`."""
        return self._tree_of(self.unchecked_leaves() % MODULUS)

    def _tree_of(self, rows: NDArray[Any]) -> Tree:
        leaves = np.zeros((self.shape.capacity, 4), np.uint64)
        instruments = hash_rows(Tag.LEAF, scalar_field.encode(rows))
        leaves[:len(instruments)] = instruments
        if self.settlements:
            settled = np.array([*self.settlements], object)
            leaves[len(instruments):len(instruments) + len(settled)] = hash_rows(Tag.SETTLED,
                                                                                 scalar_field.encode(settled))
        first = self.place_of_marks
        for place, mark in enumerate(self.marks, first):
            leaves[place] = scalar_field.encode(mark.digest())
        listed = [(instrument.id, instrument.symbol) for instrument in self.instruments]
        leaves[-1:] = hash_rows(Tag.HEADER, scalar_field.encode(np.array([self.header.leaf(listed)], object)))
        return Tree(leaves, self.shape.depth)

    @property
    def place_of_marks(self) -> int:
        """Of the first, in the tree."""
        return len(self.ids) + len(self.settlements)

    def mark(self, id: int) -> Mark:
        """The mark of an instrument.

        Raises
        ------
        BadInput : the epoch does not hold it, or has no marks.
        """
        row = self.index_of(id)
        if not self.marks or row == 0:
            raise BadInput("instrument id", id, "one with a mark: epochs of levels have them")
        return self.marks[row - 1]

    def open_mark(self, id: int) -> OpenedMark:
        """The mark of an instrument with its path; errors as `mark`."""
        return OpenedMark.of(self.tree, self.mark(id), self.place_of_marks + self.index_of(id) - 1)

    @cached_property
    def root(self) -> int:
        """What the publisher puts on chain, in [0, r)."""
        return epoch_root(self.tree.root, self.shape)


def epoch_root(tree_root: int, shape: EpochShape) -> int:
    """What binds a tree and the shape that it is read by."""
    return hash_integers(Tag.EPOCH, [tree_root, shape.digest(), REGIME])


def largest_changes(changes: NDArray[np.int64]) -> NDArray[np.int64]:
    """amax: the largest absolute value change of each row, (n, S) -> (n,).

    It must not be understated. A trader's gross bound sum |q| amax is what keeps each packed sum inside its lane; if
    amax were below some |a|, positions could pass the bound and yet carry into the next scenario's lane, where the
    circuit would read a gain. Overstating is safe, and only narrows the portfolios that can be proven.
    """
    if changes.size == 0:
        return np.zeros(len(changes), np.int64)
    return np.maximum(changes.max(axis=1), -np.maximum(changes.min(axis=1), -np.iinfo(np.int64).max))


def pack(changes: NDArray[np.int64], shape: EpochShape) -> NDArray[Any]:
    """A_e = sum_p 2**(w p) a_{eP+p}: int64 (n, S) -> object (n, E). Absent lanes of the last element are 0 (E4).

    Packing forgets: call it on checked arrays only (`Epoch.leaves` does).
    """
    lanes = np.zeros((len(changes), shape.packs * shape.lanes), object)
    lanes[:, :shape.scenarios] = changes
    places = np.array([1 << shape.width * p for p in range(shape.lanes)], object)
    packed: NDArray[Any] = lanes.reshape(len(changes), shape.packs, shape.lanes) @ places
    return packed
