"""What contracts told, in order: events of a system from its first block, decoded by name.

Nodes limit how many blocks, or how many logs, one question may be about, each in its own words; so a question that is
refused is asked of half as many blocks. A chain may change its end while one reads: reading goes up to a block whose
hash is known, and begins again unless that block is still there afterwards, so that all comes from one history.

That nothing is left out is the node's word. What a block's hash says of its time is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi.exceptions import DecodingError

from primitives.errors import BadInput
from verifier_contracts.abi import decode_event, event_topics
from verifier_contracts.addresses import checksummed
from verifier_contracts.answers import Block, Log
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Chain
from verifier_contracts.errors import AnswerRefused, ImplausibleAnswer, NodeError, OddAnswer, plain

SPAN = 10_000
"""Blocks that the first question is about: what most nodes allow."""
ATTEMPTS = 3
Report = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Event:
    """One event.

    contract : by the name it was asked for.  arguments : by name.  block, block_hash, transaction, place : where; place
    is among the logs of the block.  time : of the block, seconds since 1970; 0 where times were not asked for.
    """

    contract: str
    name: str
    arguments: Mapping[str, Any]
    block: int
    block_hash: str
    transaction: str
    place: int
    time: int = 0

    def to_json(self) -> dict[str, Any]:
        """Bytes in hex; integers that readers of JSON may round as strings."""
        return {"contract": self.contract, "event": self.name, "arguments": plain(self.arguments), "block": self.block,
                "time": self.time, "transaction": self.transaction, "place": self.place}


@dataclass(frozen=True)
class History:
    """Events in their order, up to a block, which is included."""

    events: tuple[Event, ...]
    upto: Block


def read_events(chain: Chain, contracts: Mapping[str, Contract], first: int, *, names: Collection[str] | None = None,
                about: str | None = None, times: bool = False, report: Report = lambda stage, done, total: None
                ) -> History:
    """Events of contracts from a block on.

    Parameters
    ----------
    contracts : by the names that events shall have.
    first : block to begin with.
    names : of the events that are wanted; None: all.
    about : an address that must be among an event's indexed arguments; None: any.
    times : whether to say when each was.

    Raises
    ------
    BadInput : no contract has an event of a name that is wanted.
    NodeError : the node refuses even a single block, or its chain changes again and again.
    ImplausibleAnswer : a log is none of its contract, or of another block than its hash says.
    """
    for _ in range(ATTEMPTS):
        head = chain.block()
        found = _read(chain, contracts, first, head.number, names, about, report)
        whens = _times(chain, found, report) if times else {}
        if chain.block(head.number).block_hash == head.block_hash:
            ordered = sorted(found.values(), key=lambda pair: (pair[0].block, pair[0].place))
            return History(tuple(_event(chain, log, *source, whens.get(log.block, 0)) for log, source in ordered), head)
    raise NodeError(chain.name, f"its chain changed {ATTEMPTS} times while events were read: try again later")


def _read(chain: Chain, contracts: Mapping[str, Contract], first: int, last: int, names: Collection[str] | None,
          about: str | None, report: Report) -> dict[tuple[str, int], tuple[Log, tuple[str, Any]]]:
    """Logs by block hash and place, each with its contract's name and the event's entry in the ABI."""
    topics = {name: {topic: entry for topic, entry in event_topics(contract.artifact).items()
                     if names is None or entry["name"] in names} for name, contract in contracts.items()}
    known = {entry["name"] for contract in contracts.values() for entry in event_topics(contract.artifact).values()}
    if not known.issuperset(names or ()):                    # whoever waits for it would wait for ever
        raise BadInput("event", min(set(names or ()) - known), f"one of {', '.join(sorted(known))}")
    by_address: dict[str, str] = {contract.address: name for name, contract in contracts.items()}
    addresses: list[str] = [contract.address for name, contract in contracts.items() if topics[name]]
    found: dict[tuple[str, int], tuple[Log, tuple[str, Any]]] = {}
    if not addresses:
        return found
    for filters in _filters(topics, about):
        for log in _ranges(chain, addresses, filters, first, last, report):
            name = by_address[log.address]
            entry = topics[name].get(log.topics[0])
            if entry is not None:                            # an event of one contract, asked of all
                found[log.block_hash, log.place] = log, (name, entry)
    return found


def _filters(topics: Mapping[str, Mapping[bytes, Any]], about: str | None) -> Iterator[list[Any]]:
    """Topics to ask for: events, and the address in each place where some of them have one."""
    entries = {topic: entry for each in topics.values() for topic, entry in each.items()}
    if about is None:
        yield [sorted(entries)]
        return
    word = bytes(12) + bytes.fromhex(checksummed(about)[2:])
    for place in range(3):
        having = sorted(topic for topic, entry in entries.items() if _indexed(entry)[place:place + 1] == ["address"])
        if having:
            yield [having, *[None] * place, [word]]


def _indexed(entry: Any) -> list[str]:
    return [field["type"] for field in entry["inputs"] if field["indexed"]]


def _ranges(chain: Chain, addresses: list[str], filters: list[Any], first: int, last: int, report: Report
            ) -> Iterator[Log]:
    """Logs of a filter, range by range; a range that is refused is halved, and none is as long again."""
    start, span, most = first, SPAN, last - first + 1
    while start <= last:
        end = min(last, start + min(span, most) - 1)
        report("reading events", start - first, last - first + 1)
        try:
            found = chain.logs(addresses, filters, start, end)
        except (AnswerRefused, OddAnswer):
            if end == start:
                raise
            span = most = (end - start + 1) // 2
            continue
        yield from found
        start, span = end + 1, 2 * span


def _times(chain: Chain, found: Mapping[tuple[str, int], tuple[Log, Any]], report: Report) -> dict[int, int]:
    """When each block was that has a log; the block must be the log's."""
    hashes = {log.block: log.block_hash for log, _ in found.values()}
    times = {}
    for done, (number, block_hash) in enumerate(sorted(hashes.items())):
        report("reading blocks", done, len(hashes))
        block = chain.block(number)
        if block.block_hash != block_hash:
            return {}                                        # the chain has changed: the caller sees it, or reads on
        times[number] = block.timestamp
    return times


def _event(chain: Chain, log: Log, name: str, entry: Any, time: int) -> Event:
    try:
        arguments = decode_event(entry, log.topics, log.data)
    except DecodingError:
        raise ImplausibleAnswer(chain.name, f"gives a log of {log.address} in block {log.block} that is no "
                                f"{entry['name']}") from None
    return Event(name, entry["name"], arguments, log.block, log.block_hash, log.transaction, log.place, time)
