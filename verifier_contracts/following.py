"""Events of contracts, read on from where the last look ended: for who looks often at a history that is long.

A chain may change its end between two looks, however far. So each look remembers the block up to which it read, with
its hash; the next goes on behind the newest of these blocks that is still the chain's, and what was told after that one
is forgotten and read again. That nothing is left out is the node's word, as of `events`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from verifier_contracts.answers import Block
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Chain
from verifier_contracts.errors import NodeError
from verifier_contracts.events import ATTEMPTS, Event, History, Report, read_events

REMEMBERED = 64
"""Blocks up to which was read: a chain that changed before all of them is read from its beginning."""


class Followed:
    """Events of some names, all up to the last look.

    Parameters
    ----------
    contracts, names : as of `read_events`.  first : block that events are read from.
    """

    def __init__(self, chain: Chain, contracts: Mapping[str, Contract], first: int, names: Collection[str]) -> None:
        self._chain, self._contracts, self._first, self._names = chain, contracts, first, names
        self._events: list[Event] = []
        self._read_to: list[Block] = []

    def read(self, report: Report = lambda stage, done, total: None) -> History:
        """All events up to the latest block; raises as `read_events`, after which the next look goes on from where the
        last one that succeeded ended."""
        for _ in range(ATTEMPTS):
            self._forget()
            last = self._read_to[-1] if self._read_to else None
            found = read_events(self._chain, self._contracts, self._first if last is None else last.number + 1,
                                names=self._names, report=report)
            if last is not None and not self._stands(last):
                continue
            self._events += found.events
            if last is None or found.upto != last:
                self._read_to = [*self._read_to, found.upto][-REMEMBERED:]
            return History(tuple(self._events), found.upto)
        raise NodeError(self._chain.name, f"its chain changed {ATTEMPTS} times while events were read: try again later")

    def _forget(self) -> None:
        """Whatever was read of blocks that are the chain's no more."""
        while self._read_to and not self._stands(self._read_to[-1]):
            self._read_to.pop()
        upto = self._read_to[-1].number if self._read_to else -1
        self._events = [event for event in self._events if event.block <= upto]

    def _stands(self, block: Block) -> bool:
        """Whether a block is still the chain's; a node that is behind does not have it."""
        return block.number <= self._chain.block_number() and \
            self._chain.block(block.number).block_hash == block.block_hash
