"""What becomes of a transaction that was signed: the decisions of a relayer, without a chain or a database.

A *delivery* is one nonce of the sender. All transactions that were ever signed for it are its *attempts*: whichever is
mined, only one can be, so an attempt may be handed over as often as one likes, and replaced by another with a higher
fee, or by one that does nothing. `decide` says of a delivery and of what nodes agree on (a *sight*) the next thing to
do. Two of its answers are for ever, and so ask for depth: `Finish`, and `Lost`, when the nonce went to a transaction
that is not ours; only then what it carried may be given to another nonce. Everything else a reorganisation may undo.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class State(StrEnum):
    """Of what is carried. queued : taken.  checked : the contract would take it.  signed : a transaction with it lies
    in the outbox.  sent : a node may have it.  mined : in a block.  final : attested, as deep as was asked for.
    refused, superseded : never will be; `reason` says why. A delivery has the middle ones, and `final` or `lost`."""

    QUEUED = "queued"
    CHECKED = "checked"
    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


LOST = "lost"
"""State of a delivery whose nonce went to a transaction from elsewhere."""
WAITING = (State.QUEUED, State.CHECKED)
OUT = (State.SIGNED, State.SENT, State.MINED)
ENDED = (State.FINAL, State.REFUSED, State.SUPERSEDED)
MOVES: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.CHECKED, State.REFUSED, State.SUPERSEDED, State.FINAL, State.QUEUED}),
    State.CHECKED: frozenset({State.QUEUED, State.SIGNED, State.REFUSED, State.SUPERSEDED, State.FINAL}),
    State.SIGNED: frozenset({State.SENT, State.MINED, State.QUEUED}),
    State.SENT: frozenset({State.MINED, State.QUEUED}),
    State.MINED: frozenset({State.SENT, State.FINAL, State.QUEUED, State.REFUSED}),
    State.FINAL: frozenset(), State.REFUSED: frozenset({State.QUEUED}), State.SUPERSEDED: frozenset()}
"""What may follow on what; the store refuses all else. A refused name may be taken again with another proof."""


@dataclass(frozen=True)
class Attempt:
    """A signed transaction. fee, tip : wei a gas (EIP-1559); tip None: fee is the gas price.  fill : it carries
    nothing, and only uses up its nonce.  signed_at : seconds since 1970."""

    transaction: str
    fee: int
    tip: int | None
    fill: bool
    signed_at: float


@dataclass(frozen=True)
class Found:
    """Where an attempt was mined, as enough nodes agree."""

    transaction: str
    block: int
    block_hash: str
    succeeded: bool
    gas_used: int


@dataclass(frozen=True)
class Delivery:
    """broadcast_at : when an attempt was last handed over; None: perhaps never.  mined : as last seen."""

    nonce: int
    attempts: tuple[Attempt, ...]
    mined: Found | None = None
    broadcast_at: float | None = None


@dataclass(frozen=True)
class Sight:
    """What enough nodes agree on.

    now : seconds since 1970, of this machine.  head : number of the latest block.
    used : nonces of the sender used at the latest block.  settled : so many used as deep as is final.
    pending : with transactions that wait.  receipts : by transaction; None: it has none. Absent: no agreement.
    """

    now: float
    head: int
    used: int
    settled: int
    pending: int
    receipts: Mapping[str, Found | None]


@dataclass(frozen=True)
class Policy:
    """depth : blocks, its own included, under which a transaction is final.
    resend_after, bump_after : seconds without a receipt.  gap_after : seconds for which a nonce below ours is missing.
    fee_cap : wei a gas.  raise_percent : by which a replacement's fee is higher; nodes ask for 10.
    """

    depth: int = 64
    resend_after: float = 30.0
    bump_after: float = 60.0
    gap_after: float = 60.0
    fee_cap: int = 200 * 10**9
    raise_percent: int = 13


# -- steps -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Wait:
    """Nothing is to be done now. why : for people."""

    why: str


@dataclass(frozen=True)
class HandOver:
    """Give nodes the newest attempt, (again)."""

    transaction: str


@dataclass(frozen=True)
class Replace:
    """Sign another attempt, with a higher fee than `over`; one that carries nothing, if the contract would not take
    what is carried any more."""

    over: Attempt


@dataclass(frozen=True)
class Mined:
    """It is in a block, or in another block than it was."""

    found: Found


@dataclass(frozen=True)
class Unmined:
    """It is in no block any more."""


@dataclass(frozen=True)
class Finish:
    """It is in its block for good."""

    found: Found


@dataclass(frozen=True)
class Lost:
    """Its nonce went to another transaction for good: none of its attempts can ever be mined."""


Step: TypeAlias = Wait | HandOver | Replace | Mined | Unmined | Finish | Lost


def decide(of: Delivery, sight: Sight, policy: Policy) -> Step:
    """The next step of a delivery."""
    unknown = [one for one in of.attempts if one.transaction not in sight.receipts]
    found = next((told for one in of.attempts if (told := sight.receipts.get(one.transaction)) is not None), None)
    if found is not None:
        if found != of.mined:
            return Mined(found)
        under = sight.head - found.block + 1
        return Finish(found) if under >= policy.depth else Wait(f"under {max(under, 0)} of {policy.depth} blocks")
    if unknown:
        return Wait("nodes do not agree about its receipt")
    if of.mined is not None:
        return Unmined()
    if sight.settled > of.nonce:
        return Lost()
    if sight.used > of.nonce:
        return Wait("its nonce is used, its receipt not there yet")
    last = of.attempts[-1]
    if of.broadcast_at is None or sight.now - of.broadcast_at >= policy.resend_after:
        return HandOver(last.transaction)
    if of.nonce == sight.used and sight.now - last.signed_at >= policy.bump_after:
        return Replace(last)
    return Wait("in flight")


def raised(over: Attempt, fee: int, tip: int | None, policy: Policy) -> tuple[int, int | None] | None:
    """Fee and tip of a replacement, at least what the node suggests now; None where the cap leaves no room.

    Both rise by `raise_percent` or nodes keep the old one (geth's price bump of 10 %).
    """
    def up(wei: int) -> int:
        return -(-wei * (100 + policy.raise_percent) // 100)

    least = up(over.fee)
    if least > policy.fee_cap:
        return None
    if over.tip is None or tip is None:
        return min(max(fee, least), policy.fee_cap), None
    new_tip = max(tip, up(over.tip))
    new_fee = min(max(fee, least, new_tip), policy.fee_cap)
    return (new_fee, new_tip) if new_tip <= new_fee else None


# -- nonces ------------------------------------------------------------------------------------------------------------
def next_nonce(sight: Sight, ours: Iterable[int]) -> int:
    """Of a new delivery: behind all that the chain has used, all that waits, and all that we ever signed for."""
    return max([sight.used, sight.pending, *(nonce + 1 for nonce in ours)])


def gaps(used: int, out: Iterable[int]) -> list[int]:
    """Nonces that nobody of ours holds, and that keep ours from being mined: somebody else's transaction had them, and
    a reorganisation or a full pool dropped it.  out : of our deliveries without a receipt."""
    held = set(out)
    return [nonce for nonce in range(used, max(held, default=used)) if nonce not in held]
