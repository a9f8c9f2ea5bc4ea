"""What contracts told: decoded, in order, whole, from one history, whatever a node allows in one question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from ledger_world import HOUR, LedgerWorld

from primitives.errors import BadInput
from verifier_contracts import chain as chain_module
from verifier_contracts.answers import Block, Log
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Chain
from verifier_contracts.errors import AnswerRefused, ImplausibleAnswer, NodeError
from verifier_contracts.events import ATTEMPTS, read_events
from verifier_contracts.governance import AccessManager
from verifier_contracts.ledger import CommitmentDesk, MarginLedger
from verifier_contracts.verifier_registry import VerifierRegistry


def bound(world: LedgerWorld, chain: Any = None) -> Mapping[str, Contract]:
    chain = chain or world.chain
    ledger = MarginLedger(chain, world.ledger.address)
    return {"ledger": ledger, "desk": CommitmentDesk(chain, world.desk.address, ledger),
            "authority": AccessManager(chain, world.authority.address),
            "registry": VerifierRegistry(chain, world.registry.address)}


class Limited:
    """A chain whose node answers about at most so many blocks, and whose end may change."""

    def __init__(self, chain: Chain, most: int = 10**9, changes: int = 0) -> None:
        self.chain, self.most, self.changes, self.asked = chain, most, changes, list[tuple[int, int]]()
        self.name = chain.name
        self.spoilt: Callable[[Log], Log] = lambda log: log

    def block(self, number: int | None = None) -> Block:
        block = self.chain.block(number)
        if number is not None and self.changes and number == self.chain.block().number:
            self.changes -= 1
            return replace(block, block_hash="0x" + "00" * 32)
        return block

    def logs(self, addresses: Any, topics: Any, first: int, last: int) -> tuple[Log, ...]:
        self.asked.append((first, last))
        if last - first + 1 > self.most:
            raise AnswerRefused(self.name, {"code": -32602, "message": "query exceeds max block range"})
        return tuple(self.spoilt(log) for log in self.chain.logs(addresses, topics, first, last))


def test_events_come_decoded_in_order_with_their_times(ledgers: LedgerWorld) -> None:
    ledgers.attest()
    found = read_events(ledgers.chain, bound(ledgers), 0, about=ledgers.owner.address, times=True)
    assert [(event.contract, event.name) for event in found.events] == [
        ("desk", "CommitmentRegistered"), ("ledger", "MarginAttested")]
    registered, attested = found.events
    assert registered.arguments == {"account": ledgers.owner.address, "venue": ledgers.venue, "version": 1,
                                    "commitment": ledgers.commitment}
    assert attested.arguments["margin"] == ledgers.margin
    assert attested.time == ledgers.chain.now() == found.upto.timestamp
    assert registered.time < attested.time
    assert found.upto.number == attested.block
    assert attested.transaction.startswith("0x")


def test_an_address_is_found_in_every_place(ledgers: LedgerWorld) -> None:
    contracts = bound(ledgers)
    by_venue = read_events(ledgers.chain, contracts, 0, about=ledgers.venue).events
    assert {event.name for event in by_venue} == {"CommitmentRegistered", "RoleGranted"}
    assert read_events(ledgers.chain, contracts, 0, about=ledgers.stranger).events == ()


def test_names_choose_and_structs_are_objects(ledgers: LedgerWorld) -> None:
    found = read_events(ledgers.chain, bound(ledgers), 0, names={"GenerationActivated", "RoleGranted"}).events
    assert {event.name for event in found} == {"GenerationActivated", "RoleGranted"}
    assert [event.block for event in found] == sorted(event.block for event in found)
    with pytest.raises(BadInput, match="event is 'Nothing': must be one of AccountCalled"):
        read_events(ledgers.chain, bound(ledgers), 0, names={"Nothing", "RoleGranted"})
    from test_verifier_registry import announce, candidate, verifier_of
    from toykey import ToyKey
    key = ToyKey(4, seed="cover, next")
    announce(ledgers, candidate(ledgers.chain, key, verifier_of(ledgers, key), sunset=HOUR))
    (told,) = read_events(ledgers.chain, bound(ledgers), 0, names={"GenerationAnnounced"}).events
    assert told.arguments["candidate"]["keyDigest"] == key.verification_key.digest()
    assert told.arguments["candidate"]["inputs"] == [1, 2, 3, 4]


@pytest.mark.parametrize("most", [1, 3, 7, 1000])
def test_a_node_with_limits_is_asked_for_less_and_nothing_is_lost(ledgers: LedgerWorld, most: int) -> None:
    whole = read_events(ledgers.chain, bound(ledgers), 0)
    limited = Limited(ledgers.chain, most)
    found = read_events(limited, bound(ledgers, limited), 0)                      # type: ignore[arg-type]
    assert found == whole
    answered = [(first, last) for first, last in limited.asked if last - first + 1 <= most]
    assert [first for first, _ in answered[1:]] == [last + 1 for _, last in answered[:-1]], "each block once"
    assert len(limited.asked) - len(answered) < 20, "a refusal is remembered"


def test_a_node_that_refuses_a_single_block_is_no_use(ledgers: LedgerWorld) -> None:
    limited = Limited(ledgers.chain, 0)
    with pytest.raises(AnswerRefused):
        read_events(limited, bound(ledgers, limited), 0)                          # type: ignore[arg-type]


def test_what_a_changed_chain_told_is_read_again(ledgers: LedgerWorld) -> None:
    once = Limited(ledgers.chain, changes=1)
    assert read_events(once, bound(ledgers, once), 0) == read_events(ledgers.chain, bound(ledgers), 0)   # type: ignore[arg-type]
    assert len(once.asked) == 2
    always = Limited(ledgers.chain, changes=99)
    with pytest.raises(NodeError, match="changed 3 times"):
        read_events(always, bound(ledgers, always), 0)                            # type: ignore[arg-type]
    assert len(always.asked) == ATTEMPTS


def test_a_log_of_something_else_is_refused(ledgers: LedgerWorld) -> None:
    lying = Limited(ledgers.chain)
    lying.spoilt = lambda log: replace(log, data=log.data[:-1])
    with pytest.raises(ImplausibleAnswer, match="that is no"):
        read_events(lying, bound(ledgers, lying), 0)                              # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"address": "0x" + "11" * 20}, {"block": 0}, {"block": 10**6},
                                    {"topics": (bytes(32),)}, {"topics": ()}])
def test_a_log_that_was_not_asked_for_is_refused(ledgers: LedgerWorld, monkeypatch: pytest.MonkeyPatch,
                                                 change: dict[str, Any]) -> None:
    def spoilt(value: Any) -> tuple[Log, ...]:
        return tuple(replace(log, **change) for log in honest(value))
    honest = chain_module.logs
    monkeypatch.setattr(chain_module, "logs", spoilt)
    with pytest.raises(ImplausibleAnswer, match="not asked for"):
        read_events(ledgers.chain, bound(ledgers), 1, names={"CommitmentRegistered"})
