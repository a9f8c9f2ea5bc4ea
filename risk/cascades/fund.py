"""T3 and T4 as InsuranceFund.sol and LossAllocator.sol have them: tranches, caps, and the haircut of gains."""

from __future__ import annotations

from collections import defaultdict, deque

import numpy as np

from risk.cascades.ledger import Integers, Ledger, total
from risk.cascades.parameters import UNIT, Fund


class _Lately:
    """What was paid in the last so many blocks."""

    def __init__(self, blocks: int) -> None:
        self._blocks, self._paid, self._sum = blocks, deque[tuple[int, int]](), 0

    def add(self, block: int, amount: int) -> None:
        if amount:
            self._paid.append((block, amount))
            self._sum += amount

    def of(self, block: int) -> int:
        while self._paid and self._paid[0][0] <= block - self._blocks:
            self._sum -= self._paid.popleft()[1]
        return self._sum


class Tranches:
    """What the fund pays: its venue's tranche first, all that it has; then the shared one, within four caps."""

    def __init__(self, terms: Fund, ledger: Ledger, day_blocks: int, epoch_blocks: int) -> None:
        self._terms, self._ledger, self._epoch_blocks = terms, ledger, epoch_blocks
        self._by_account = defaultdict[int, _Lately](lambda: _Lately(day_blocks))
        self._all, self._own = _Lately(day_blocks), _Lately(day_blocks)
        self._epoch, self._in_epoch = -1, 0

    def available(self, account: int, block: int) -> tuple[int, int]:
        """What the venue's and the shared tranche would pay for a loss of this account, 10**-6 quote units."""
        own, terms = self._ledger.venue, self._terms
        stands_for = own + self._own.of(block) + terms.bond
        spent = self._all.of(block)
        in_epoch = self._in_epoch if block // self._epoch_blocks == self._epoch else 0
        return own, max(0, min(self._ledger.shared, terms.account - self._by_account[account].of(block),
                               terms.epoch - in_epoch, terms.day - spent, stands_for - spent))

    def pay(self, account: int, block: int, amount: int) -> int:
        """Take at most `amount` out of the tranches; the caller credits what is returned."""
        own, shared = self.available(account, block)
        first = min(own, amount)
        then = min(shared, amount - first)
        self._ledger.venue -= first
        self._ledger.shared -= then
        self._own.add(block, first)
        self._all.add(block, then)
        self._by_account[account].add(block, then)
        if block // self._epoch_blocks != self._epoch:
            self._epoch, self._in_epoch = block // self._epoch_blocks, 0
        self._in_epoch += then
        return first + then


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
