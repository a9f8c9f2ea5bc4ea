"""T3 and T4 as InsuranceFund.sol and LossAllocator.sol have them: tranches, caps, and the haircut of gains."""

from __future__ import annotations

from collections import defaultdict, deque

import numpy as np

from risk.cascades.ledger import Integers, Ledger, total
from risk.cascades.parameters import UNIT, Fund


class Tranches:
    """What the fund pays: its venue's tranche first, all that it has; then the shared one, within four caps."""

    def __init__(self, terms: Fund, ledger: Ledger, day_blocks: int, epoch_blocks: int) -> None:
        self._terms, self._ledger, self._day, self._epoch_blocks = terms, ledger, day_blocks, epoch_blocks
        self._by_account: defaultdict[int, deque[tuple[int, int]]] = defaultdict(deque)
        self._all, self._own = deque[tuple[int, int]](), deque[tuple[int, int]]()
        self._epoch, self._in_epoch = -1, 0

    def available(self, account: int, block: int) -> tuple[int, int]:
        """What the venue's and the shared tranche would pay for a loss of this account, 10**-6 quote units."""
        own, terms = self._ledger.venue, self._terms
        stands_for = own + self._last_day(self._own, block) + terms.bond
        spent = self._last_day(self._all, block)
        in_epoch = self._in_epoch if block // self._epoch_blocks == self._epoch else 0
        return own, max(0, min(self._ledger.shared, terms.account - self._last_day(self._by_account[account], block),
                               terms.epoch - in_epoch, terms.day - spent, stands_for - spent))

    def pay(self, account: int, block: int, amount: int) -> int:
        """Take at most `amount` out of the tranches; the caller credits what is returned."""
        own, shared = self.available(account, block)
        first = min(own, amount)
        then = min(shared, amount - first)
        self._ledger.venue -= first
        self._ledger.shared -= then
        self._own.append((block, first))
        self._all.append((block, then))
        self._by_account[account].append((block, then))
        if block // self._epoch_blocks != self._epoch:
            self._epoch, self._in_epoch = block // self._epoch_blocks, 0
        self._in_epoch += then
        return first + then

    def _last_day(self, paid: deque[tuple[int, int]], block: int) -> int:
        while paid and paid[0][0] <= block - self._day:
            paid.popleft()
        return sum(amount for _, amount in paid)


def haircut(ledger: Ledger, gains: Integers, charged: Integers, largest: int, amount: int) -> int:
    """Charge gains in proportion to the room that each has, rounded up; what that gives too much is the fund's.

    Parameters
    ----------
    gains : (rows,) since the start and before charges, at or above 0; charged : (rows,) so far, which grows.
    largest : of a gain, basis points.  amount : above 0.

    Returns the amount that the caller credits: all, or as far as the room reaches.
    """
    whole, rest = np.divmod(gains, UNIT)
    room = whole * largest + rest * largest // UNIT - charged
    rows = np.flatnonzero(room > 0)
    there = total(room[rows])
    taken = min(amount, there)
    if taken == 0:
        return 0
    parts = np.array([-(-have * taken // there) for have in room[rows].tolist()], np.int64)
    ledger.cash[rows] -= parts
    charged[rows] += parts
    ledger.shared += total(parts) - taken
    return taken
