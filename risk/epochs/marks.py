"""What a lot is worth today, as leaves of their own: what later statements settle and close by.

An epoch of levels has, for each instrument, a leaf

    H(MARK; id, long, short, price, spot)

beside its risk arrays: what a lot held long is worth, rounded down, and what a lot held short costs to close, rounded
up, in money units; the price of the underlying that the instrument goes by (spot, a perpetual's mark, the forward of
its expiry, where it has settled the spot), and the spot, in money units for one unit of it. So whoever opens one sees
whether an instrument's price is near its underlying's. No margin depends on marks, and their tag keeps them from being
opened as instruments (docs/statements.md, E12).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from primitives import field
from primitives.errors import BadInput
from primitives.merkle import ARITY, Tree
from primitives.poseidon import Tag, hash_integers
from risk.exact.money import UNIT
from risk.market.book import Book
from risk.market.instruments import CASH_UNITS, Kind
from risk.valuation.revaluation import prices_today, quoted_price


class Mark(NamedTuple):
    """One leaf: `id` of the instrument, and four marks in 10**-6 quote units."""

    id: int
    long: int
    short: int
    price: int
    spot: int

    def digest(self) -> int:
        """The leaf, in [0, r)."""
        return hash_integers(Tag.MARK, list(self))

    @classmethod
    def cash(cls, id: int) -> Mark:
        """Of cash, which is worth itself."""
        return cls(id, CASH_UNITS, CASH_UNITS, UNIT, UNIT)


def marks_of(book: Book) -> tuple[Mark, ...]:
    """A mark for each listing, in their order."""
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    found = []
    for listing, price in zip(book.listings, prices_today(book), strict=True):
        instrument = listing.instrument
        value = price * Fraction(instrument.lot)
        found.append(Mark(instrument.id, math.floor(value), math.ceil(value), quoted_price(book, instrument),
                          UNIT if instrument.kind == Kind.CASH else spots[instrument.underlying]))
    return tuple(found)


class OpenedMark(NamedTuple):
    """A mark, and where it is: the eight nodes that its path passes among on each level, from the leaves up."""

    mark: Mark
    place: int
    path: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, tree: Tree, mark: Mark, place: int) -> OpenedMark:
        """Of a tree that holds the mark there."""
        return cls(mark, place, tuple(tuple(field.decode(tree.children(place, level))) for level in range(tree.depth)))

    @property
    def tree_root(self) -> int:
        """The root of the tree that this opens in.

        Raises
        ------
        BadInput : the path does not lead from the mark upwards; names the level.
        """
        node, place = self.mark.digest(), self.place
        for level, nodes in enumerate(self.path):
            if len(nodes) != ARITY or nodes[place % ARITY] != node:
                raise BadInput(f"path of the mark, level {level}", str(nodes), f"eight nodes, of which number "
                               f"{place % ARITY} is {node}")
            node, place = hash_integers(Tag.NODE, list(nodes)), place // ARITY
        return node
