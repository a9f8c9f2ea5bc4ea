"""Sizes that positions are charged for, and who exceeds them: what a rate a lot cannot see, whoever registers can.

Impact, concentration and tiers are charged at the largest size that a leaf is for: its term `most`, or the size of its
market. No circuit knows it. So whoever registers a commitment, and signs fills, holds positions to it, as it holds the
commitment to the positions (docs/statements.md, A1): over all listings of one contract, which differ in `most` alone,
a portfolio has at most as many lots as the *smallest* size among those that it holds. Else 900 lots, held as nine
hundred of the size of one, would be charged as nine hundred small positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from risk.addons.lot import most_lots
from risk.market.book import Book
from risk.market.instruments import Instrument, Kind


@dataclass(frozen=True)
class Oversized:
    """A contract that is held beyond its size.

    symbols : of the listings that hold it.  lots : of all together, without sign.  most : that they are charged for.
    """

    symbols: tuple[str, ...]
    lots: int
    most: int

    def __str__(self) -> str:
        return f"{self.lots} lots of {', '.join(self.symbols)}: charged for positions of at most {self.most}"


def oversized(book: Book, held: Mapping[int, int]) -> list[Oversized]:
    """Contracts that are held beyond the size that they are charged for, in the order of the book.

    Parameters
    ----------
    held : signed lots by instrument id; what the book does not list is left out.
    """
    return list(_oversized(book, held).values())


def enlarged(book: Book, before: Mapping[int, int], after: Mapping[int, int]) -> list[Oversized]:
    """Of the contracts that are held beyond their size afterwards, those that a change has not only brought nearer to
    it. A size in coins is fewer lots of dollars when prices fall, so a position may outgrow its size by itself; who
    then sells some of it is not to be kept from it.

    before, after : as `held` of `oversized`.
    """
    was = _oversized(book, before)
    return [one for contract, one in _oversized(book, after).items()
            if contract not in was or one.lots >= was[contract].lots or one.most < was[contract].most]


def _oversized(book: Book, held: Mapping[int, int]) -> dict[Instrument, Oversized]:
    contracts: dict[Instrument, list[tuple[str, int, int | None]]] = {}
    for listing in book.listings:
        instrument, lots = listing.instrument, abs(held.get(listing.instrument.id, 0))
        if lots and listing.settled is None and instrument.kind != Kind.CASH:
            contracts.setdefault(replace(instrument, symbol="any", most=None), []).append(
                (instrument.symbol, lots, most_lots(book, listing)))
    found = dict[Instrument, Oversized]()
    for contract, listings in contracts.items():
        sizes, lots = [most for _, _, most in listings if most is not None], 0
        for _, own, _ in listings:
            lots += own
        if sizes and lots > min(sizes):
            found[contract] = Oversized(tuple(symbol for symbol, _, _ in listings), lots, min(sizes))
    return found
