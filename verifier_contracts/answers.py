"""Values in JSON-RPC answers, read strictly: each function raises ValueError for what is none of its kind.

Quantities are hex strings; numbers as such come from the embedded chain, and from nodes that do not know better.
Only what is needed is looked at: headers of proof-of-authority chains (Polygon, BNB, Linea, Clique) carry more
`extraData` than Ethereum's, and nothing here minds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verifier_contracts.addresses import checksummed


@dataclass(frozen=True)
class Mined:
    """A receipt: where a transaction was mined, and how it ended.

    block_hash, contract : None where the node does not say.
    """

    succeeded: bool
    block: int
    block_hash: str | None
    gas_used: int
    contract: str | None


@dataclass(frozen=True)
class Block:
    """A block's place, hash, and time in seconds since 1970."""

    number: int
    block_hash: str
    timestamp: int


@dataclass(frozen=True)
class Log:
    """What a contract told in a block. topics : 32 bytes each; place : among the block's logs."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    block_hash: str
    transaction: str
    place: int


def quantity(value: Any, bits: int = 64) -> int:
    """An unsigned integer below 2**bits."""
    if isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value):
        value = int(value, 16)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise ValueError("no quantity")
    return value


def octets(value: Any) -> bytes:
    """Bytes."""
    # Not as repeated pairs: the machine that matches remembers each, and a hostile answer has millions.
    if not isinstance(value, str) or len(value) % 2 or not re.fullmatch(r"0x[0-9a-fA-F]*", value):
        raise ValueError("no bytes")
    return bytes.fromhex(value[2:])


def digest(value: Any) -> str:
    """A hash, in lower case."""
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
        raise ValueError("no hash")
    return value.lower()


def accounts(value: Any) -> tuple[str, ...]:
    """A list of addresses."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError("no list of accounts")
    return tuple(checksummed(item) for item in value)


def text(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError("no string")
    return value


def anything(value: Any) -> Any:
    """Whatever it is."""
    return value


def timestamp(block: Any) -> int:
    """When a block was made, in seconds since 1970."""
    return quantity(_object(block)["timestamp"])


def block(value: Any) -> Block:
    """A mined block; ValueError also where the node does not know it yet."""
    found = _object(value)
    return Block(quantity(found["number"]), digest(found["hash"]), quantity(found["timestamp"]))


def logs(value: Any) -> tuple[Log, ...]:
    """Logs of mined blocks."""
    if not isinstance(value, list | tuple):
        raise ValueError("no list of logs")
    return tuple(_log(_object(entry)) for entry in value)


def _log(entry: Mapping[str, Any]) -> Log:
    if entry.get("removed"):
        raise ValueError("a log of a block that is no more")
    topics = tuple(bytes.fromhex(digest(topic)[2:]) for topic in entry["topics"])
    return Log(checksummed(text(entry["address"])), topics, octets(entry["data"]), quantity(entry["blockNumber"]),
               digest(entry["blockHash"]), digest(entry["transactionHash"]), quantity(entry["logIndex"]))


def base_fee(block: Any) -> int | None:
    """EIP-1559 base fee of a block, in wei a gas; None on a chain without."""
    fee = _object(block).get("baseFeePerGas")
    return None if fee is None else quantity(fee, 128)


def known(value: Any) -> bool:
    """Whether a transaction that was asked for by its hash is there."""
    return value is not None and bool(_object(value))


def mined(value: Any, transaction: str) -> Mined | None:
    """The receipt of `transaction`; None while it is not mined. That of another transaction is no answer."""
    if value is None or _object(value).get("blockNumber", value) is None:
        return None
    if digest(value["transactionHash"]) != transaction:
        raise ValueError("receipt of another transaction")
    block_hash, contract = value.get("blockHash"), value.get("contractAddress")
    return Mined(quantity(value["status"], 1) == 1, quantity(value["blockNumber"]),
                 None if block_hash is None else digest(block_hash), quantity(value["gasUsed"]),
                 text(contract) if contract else None)


def recipient_and_data(value: Any) -> tuple[str | None, bytes] | None:
    """Of a transaction that was asked for by its hash."""
    if value is None:
        return None
    found = _object(value)
    to, data = found.get("to"), found.get("input", found.get("data"))
    return checksummed(to) if to else None, octets(data)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("no object")
    return value
