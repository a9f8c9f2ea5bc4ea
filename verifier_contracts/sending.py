"""From a signed transaction to one that is mined and confirmed, through a node that may fail at any point.

What is signed has one hash and one nonce. However often its bytes are handed over, at most one transaction happens; so
after any doubt the same bytes go out again and their hash is looked for. Another one is never signed in its place.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import rlp
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak

from verifier_contracts.answers import Mined, anything, digest, known, mined, quantity
from verifier_contracts.errors import (
    AnswerRefused,
    InsufficientFunds,
    NodeBusy,
    NodeError,
    NonceTaken,
    TransactionPending,
    TransactionUndecided,
)
from verifier_contracts.node import REQUEST_SECONDS, Node, pauses

KNOWN = re.compile(r"already (known|imported|exists|in)|known transaction|alreadyknown|duplicate transaction",
                   re.IGNORECASE)
"""What nodes say of a transaction that they have already."""
NONCE = re.compile(r"nonce|underpriced|replacement", re.IGNORECASE)
_FUNDS = re.compile(r"insufficient|not enough (funds|balance)|exceeds balance|lack of funds", re.IGNORECASE)

Report = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Signed:
    """A transaction that may be handed over. raw : its bytes; None if the node signed it: then it is out already."""

    transaction: str
    sender: str
    nonce: int
    raw: bytes | None


def created_address(sender: str, nonce: int) -> str:
    """Where a transaction creates its contract: keccak(rlp(sender, nonce))[12:], CREATE of the Yellow Paper, (88)."""
    return to_checksum_address(keccak(rlp.encode([to_canonical_address(sender), nonce]))[12:])


def next_nonce(node: Node, sender: str, timeout: float, report: Report) -> int:
    """The sender's next nonce, once none of its transactions is in flight.

    Raises
    ------
    TransactionPending : one still was after `timeout` seconds.
    """
    until, next_pause, last = time.monotonic() + timeout, pauses(0.1, 2.0), 0
    while True:
        latest, pending = (node.ask("eth_getTransactionCount", sender, block, read=quantity)
                           for block in ("latest", "pending"))
        if pending <= latest:
            return latest
        last = pending - 1
        if time.monotonic() > until:
            raise TransactionPending(sender, (latest, last), timeout)
        report(f"waiting for an earlier transaction (nonce {latest})", 0, 1)
        time.sleep(next(next_pause))


def hand_over(node: Node, signed: Signed) -> bool:
    """Give a signed transaction to the node; returns whether the node certainly has it.

    Raises
    ------
    NodeBusy, InsufficientFunds, NonceTaken, NodeError : it has not, and nothing is out.
    """
    assert signed.raw is not None
    until, next_pause = time.monotonic() + node.patience, pauses()
    while True:
        try:
            told = node.once("eth_sendRawTransaction", "0x" + signed.raw.hex(), read=digest)
            return told == signed.transaction      # another hash is no proof of ours: it is looked for
        except NodeBusy as busy:
            pause = max(next(next_pause), busy.after)
            if time.monotonic() + pause > until:
                raise
            time.sleep(pause)
        except AnswerRefused as refused:
            if KNOWN.search(refused.message):
                return True
            if _has(node, signed, patient=bool(NONCE.search(refused.message))):
                return True
            raise _reason(signed, refused) from None
        except NodeError:                          # the line broke, or made no sense: the node may have taken it
            return False


def _has(node: Node, signed: Signed, *, patient: bool) -> bool:
    """Whether the node knows our hash, pending or mined. After a word about nonces it is worth to look again: the
    transaction that has the nonce may be ours, and not indexed yet."""
    for pause in (0.0, 0.3, 1.0) if patient else (0.0,):
        time.sleep(pause)
        with suppress(NodeError):
            if node.once("eth_getTransactionByHash", signed.transaction, read=known):
                return True
        with suppress(NodeError):
            if node.once("eth_getTransactionReceipt", signed.transaction, read=anything) is not None:
                return True
    return False


def _reason(signed: Signed, refused: AnswerRefused) -> Exception:
    if _FUNDS.search(refused.message):
        return InsufficientFunds(f"balance of {signed.sender}", refused.message[:200], "enough for the gas",
                                 source=refused.node)
    if NONCE.search(refused.message):
        return NonceTaken(signed.transaction, signed.sender, signed.nonce, refused.message[:200])
    return NodeError(refused.node, f"took no transaction: {refused.message[:300]}")


def confirmed(node: Node, signed: Signed, *, certain: bool, timeout: float, confirmations: int, report: Report
              ) -> Mined:
    """Wait until a transaction is mined under `confirmations` blocks (its own is the first), and read it again then.

    Whatever the node fails at meanwhile is borne; what it has forgotten, by a reorganisation or because it never had
    it, it is given again.

    Parameters
    ----------
    certain : whether the node surely has it. Where not, that is asked first.

    Raises
    ------
    TransactionUndecided : not within `timeout` seconds.
    """
    until, next_pause = time.monotonic() + timeout, pauses(0.01, 1.0)
    why, polls, failures = "no receipt", 0, 0
    while True:
        pause, seconds = next(next_pause), max(1.0, min(REQUEST_SECONDS, until - time.monotonic()))
        try:
            found = node.once("eth_getTransactionReceipt", signed.transaction, seconds=seconds,
                              read=lambda value: mined(value, signed.transaction))
            if found is not None:
                certain = True
                depth = confirmations if confirmations == 1 else 1 + node.once(
                    "eth_blockNumber", read=quantity, seconds=seconds) - found.block
                if depth >= confirmations:
                    if confirmations == 1:
                        return found
                    again = node.once("eth_getTransactionReceipt", signed.transaction, seconds=seconds,
                                      read=lambda value: mined(value, signed.transaction))
                    if again == found:
                        return found
                    depth = 0
                why = f"mined in block {found.block}, {max(depth, 0)} of {confirmations} confirmations"
            else:
                why = "no receipt"
                if signed.raw is not None and (not certain or polls % 5 == 4):
                    certain = _remind(node, signed, seconds)
            failures = 0
        except NodeError as error:
            why, failures = f"{type(error).__name__}: {error}", failures + 1
            pause = max(pause, min(0.25 * 2**failures, 8.0), getattr(error, "after", 0.0))
        if time.monotonic() + pause > until:
            raise TransactionUndecided(signed.transaction, why + _who_else(node, signed))
        polls += 1
        if polls > 4:
            report(f"waiting for {signed.transaction[:10]}…", 0, 1)
        time.sleep(pause)


def _remind(node: Node, signed: Signed, seconds: float) -> bool:
    """Give the node the same bytes again if it does not know them; returns whether it knows them now."""
    if node.once("eth_getTransactionByHash", signed.transaction, read=known, seconds=seconds):
        return True
    assert signed.raw is not None
    try:
        node.once("eth_sendRawTransaction", "0x" + signed.raw.hex(), read=anything, seconds=seconds)
    except AnswerRefused as refused:               # "nonce too low": mined this moment, or replaced; receipts will tell
        return bool(KNOWN.search(refused.message))
    return True


def _who_else(node: Node, signed: Signed) -> str:
    """A hint where the nonce is used up: then another transaction may have it."""
    with suppress(NodeError):
        if node.once("eth_getTransactionCount", signed.sender, "latest", read=quantity, seconds=5.0) > signed.nonce:
            return f"; nonce {signed.nonce} is used, perhaps by another transaction"
    return ""
