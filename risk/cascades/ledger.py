"""Who has what in a simulation, and that nothing appears or vanishes: checked in every block, to the unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
_LOW = (1 << 24) - 1


class LedgerBroken(AssertionError):
    """Money or lots came from nowhere, or went there: a defect of the simulator."""


@dataclass
class Ledger:
    """cash : (holders,) and lots : (holders, assets) of whoever trades; all money in 10**-6 quote units.

    market : cash of whom the holders trade with; market_lots : (assets,).
    outside : owners' wallets, and what gas went to, from 0.  venue, shared : the fund's tranches.
    deficit : what nobody paid, as a number below 0: creditors are owed it.
    """

    cash: Integers
    lots: Integers
    market_lots: Integers
    venue: int
    shared: int
    market: int = 0
    outside: int = 0
    deficit: int = 0

    def __post_init__(self) -> None:
        self._money, self._lots = self.money(), self.all_lots()

    def money(self) -> int:
        """All there is: the same in every block."""
        return total(self.cash) + self.market + self.outside + self.venue + self.shared + self.deficit

    def all_lots(self) -> list[int]:
        """Of each asset."""
        return [total(self.lots[:, a]) + int(self.market_lots[a]) for a in range(self.lots.shape[1])]

    def check(self, block: int) -> None:
        """Raise LedgerBroken unless money and lots are what they were, and no tranche is below 0."""
        if self.money() != self._money:
            raise LedgerBroken(f"block {block}: {self.money() - self._money:+d} units of money")
        if self.all_lots() != self._lots:
            raise LedgerBroken(f"block {block}: lots {self.all_lots()} were {self._lots}")
        if min(self.venue, self.shared) < 0 or self.deficit > 0:
            raise LedgerBroken(f"block {block}: tranches {self.venue}, {self.shared}, deficit {self.deficit}")


def total(values: Integers) -> int:
    """An exact sum, also where int64 would not hold it (up to 2**39 values)."""
    return (int((values >> 24).sum()) << 24) + int((values & _LOW).sum())
