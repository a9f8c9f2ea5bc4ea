"""Sizes that positions are charged for, and who is outside them: what a rate a lot cannot see, whoever registers can.

Impact, concentration and tiers are charged at the largest size that a leaf is for: its term `most`, or the size of its
market. No circuit knows it. So whoever registers a commitment, and signs fills, holds positions to it, as it holds the
commitment to the positions (docs/statements.md, A1): over all listings of one contract, which differ in `most` alone,
a portfolio has at most as many lots as the *smallest* size among those that it holds. Else 900 lots, held as nine
hundred of the size of one, would be charged as nine hundred small positions.

Gas is a cost of a position, and each lot pays its part of the smallest position's (`risk.addons.gas`). So a contract of
which fewer lots are held has not paid for being closed, and is refused as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from risk.addons.lot import most_lots
from risk.market.book import Book, Listing
from risk.market.instruments import Instrument, Kind
from risk.models.addon_rules import Gas


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


@dataclass(frozen=True)
class Undersized:
    """A contract of which less is held than pays for the gas of closing it.

    symbols : of the listings that hold it.  lots : of all together, without sign.  least : that pay for it.
    """

    symbols: tuple[str, ...]
    lots: int
    least: int

    def __str__(self) -> str:
        return f"{self.lots} lots of {', '.join(self.symbols)}: gas is charged for positions of at least {self.least}"


def undersized(book: Book, rule: Gas | None, held: Mapping[int, int]) -> list[Undersized]:
    """Contracts of which less is held than pays for its gas, in the order of the book; held: as of `oversized`."""
    return list(_undersized(book, rule, held).values())


def dwindled(book: Book, rule: Gas | None, before: Mapping[int, int], after: Mapping[int, int]) -> list[Undersized]:
    """Of the contracts of which too little is held afterwards, those that a change has made so, or has not made less
    of: who holds too little and sells some of it is not to be kept from it.

    before, after : as `held` of `oversized`.
    """
    was = _undersized(book, rule, before)
    return [one for contract, one in _undersized(book, rule, after).items()
            if contract not in was or one.lots >= was[contract].lots]


def _oversized(book: Book, held: Mapping[int, int]) -> dict[Instrument, Oversized]:
    found = dict[Instrument, Oversized]()
    for contract, listings in _contracts(book, held).items():
        sizes = [most for listing, _ in listings if (most := most_lots(book, listing)) is not None]
        lots = _together(listings)
        if sizes and lots > min(sizes):
            found[contract] = Oversized(_symbols(listings), lots, min(sizes))
    return found


def _undersized(book: Book, rule: Gas | None, held: Mapping[int, int]) -> dict[Instrument, Undersized]:
    if rule is None:
        return {}
    return {contract: Undersized(_symbols(listings), _together(listings), rule.least_lots)
            for contract, listings in _contracts(book, held).items() if _together(listings) < rule.least_lots}


Held = list[tuple[Listing, int]]


def _contracts(book: Book, held: Mapping[int, int]) -> dict[Instrument, Held]:
    """What is held of each contract: living listings but cash, which differ in symbol and size, with lots above 0."""
    contracts: dict[Instrument, Held] = {}
    for listing in book.listings:
        instrument, lots = listing.instrument, abs(held.get(listing.instrument.id, 0))
        if lots and listing.settled is None and instrument.kind != Kind.CASH:
            contracts.setdefault(replace(instrument, symbol="any", most=None), []).append((listing, lots))
    return contracts


def _together(listings: Held) -> int:
    total = 0
    for _, lots in listings:
        total += lots
    return total


def _symbols(listings: Held) -> tuple[str, ...]:
    return tuple(listing.instrument.symbol for listing, _ in listings)
