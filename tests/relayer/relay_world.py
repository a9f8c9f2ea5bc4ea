"""A relayer over a fake chain, which may be killed and started again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fake_chain import CHAIN_ID, DESK, SIGNER, FakeChain, FakeDesk, fill, parcel, read

from relayer.outbox import Outbox
from relayer.outbox_steps import Policy
from relayer.peers import Peers
from relayer.relay import Relay, Terms

POLICY = Policy(depth=64, resend_after=30.0, bump_after=60.0, gap_after=60.0)


class Killed(BaseException):
    """As if the process had ended there: nobody catches it."""


class World:
    """An outbox, a chain and a relayer that may be started again."""

    def __init__(self, place: str, chain: FakeChain, *, peers: int = 3,
                 at: Callable[[str], object] = lambda point: None, **terms: Any) -> None:
        self.place, self.chain, self.at, self.now = place, chain, at, 1_000_000.0
        self.terms = Terms(**{"policy": POLICY, "linger": 0.0, "combined": 4, **terms})
        self.nodes = chain.peers(peers)
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.starts, self.desk = 0, FakeDesk()
        self.start()

    def start(self) -> None:
        self.outbox = Outbox.open(self.place, CHAIN_ID, DESK)
        peers = Peers(self.nodes, clock=lambda: self.now, heard=self.heard)
        self.relay = Relay(self.outbox, peers, self.desk, SIGNER, read, terms=self.terms, chain_id=CHAIN_ID,
                           clock=lambda: self.now, heard=self.heard, at=self.at)
        self.starts += 1

    def heard(self, event: str, **facts: Any) -> None:
        self.said.append((event, facts))

    def take(self, *numbers: int) -> None:
        fill(self.outbox.take, numbers, self.now)

    def step(self) -> None:
        """A round; a process that is killed in it begins again."""
        try:
            self.relay.once()
        except Killed:
            self.outbox.close()
            self.start()
            self.step()

    def round(self) -> None:
        """One, after which the chain goes on."""
        self.step()
        self.now += self.chain.rng.choice([1, 5, 20])
        self.chain.pass_time()

    def until_done(self, most: int = 3_000) -> None:
        for _ in range(most):
            counts = self.outbox.counts()
            if not any(counts[state] for state in ("queued", "checked", "signed", "sent", "mined")):
                return
            self.round()
        pytest.fail(f"not done after {most} rounds: {self.outbox.counts()}, {self.relay.trouble}, {self.said[-12:]}")


def require_each_once(world: World, good: range, false: frozenset[str] = frozenset(), *, others: bool = False) -> None:
    """Nothing lost, nothing twice; refused is what is false, by its name."""
    carried, shown = world.chain.carried(), world.chain.blocks[-1].shown
    for number in good:
        name = parcel(number).name
        item = world.outbox.find(name)
        assert item is not None
        if name in false:
            assert (item.state, item.reason) == ("refused", "ProofRejected")
            assert name not in shown
        else:
            assert item.state == "final", item
            assert name in shown, f"lost: {item}"
            assert carried[name] == 1 or (others and carried[name] <= 1), f"{carried[name]} times: {item}"
