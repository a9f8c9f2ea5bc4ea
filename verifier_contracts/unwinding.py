"""Typed calls of the contract that unwinds a called account at other protocols, and the one order of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Receipt
from verifier_contracts.vault import Factor

UNIT = 10_000
"""Basis points."""


class Phase(IntEnum):
    """What is done at every protocol before the next is begun at any."""

    CLOSE = 0
    SELL = 1
    REPAY = 2


class Listing(NamedTuple):
    """A protocol as the unwinder knows it. rank : the least systemic is first; asset_id : what it holds and sells."""

    listed: bool
    suspended: bool
    rank: int
    asset_id: int


class Step(NamedTuple):
    """One phase at one protocol. data : for its adapter, such as a route."""

    adapter: str
    phase: Phase
    data: bytes = b""


class Shortfall(NamedTuple):
    """That an account is short, as `PartialClose` takes it. claimed : the proof's V, 10**-6 quote units; proof : eight
    words, zeros where it was shown before."""

    epoch_id: int
    claimed: int
    factors: Sequence[Factor]
    proof: Sequence[int]


class Grounds(NamedTuple):
    """On what a liquidation rests. epoch_id, factors : of the newest epoch, not the shortfall's, which is final."""

    shortfall: Shortfall
    epoch_id: int
    factors: Sequence[Factor]


class Position(NamedTuple):
    """What an account has at a protocol. open : derivatives; held : units of its asset; owed : quote units."""

    open: int
    held: int
    owed: int


@dataclass(frozen=True)
class Terms:
    """What a keeper is paid. share : basis points of what comes in; cap : quote units, of one call of one account."""

    share: int
    cap: int

    def pay(self, received: int, earned: int = 0) -> int:
        """Quote units for so many received, after `earned` in the same call."""
        return min(received * self.share // UNIT, self.cap - earned)


def haircut_of(listing: Listing, factors: Sequence[Factor]) -> int:
    """Basis points between an asset's value as a debt and as collateral, 10_000 where the epoch has no factor for it:
    ``10_000 - min(10_000, 10_000 v // d)``."""
    for asset, v, d in factors:
        if asset == listing.asset_id:
            return UNIT - min(v * UNIT // d, UNIT) if d else UNIT
    return UNIT


def steps_of(listings: Mapping[str, Listing], factors: Sequence[Factor], data: Mapping[tuple[str, Phase], bytes] | None
             = None) -> list[Step]:
    """All steps of an account that has joined these protocols, in the only order that `liquidate` takes: by phase, then
    haircut, rank and address of the adapter.

    Parameters
    ----------
    listings : by adapter, without those that are left out.  data : of single steps.
    """
    def place(adapter: str) -> tuple[int, int, int]:
        return haircut_of(listings[adapter], factors), listings[adapter].rank, int(adapter, 16)

    return [Step(adapter, phase, (data or {}).get((adapter, phase), b""))
            for phase in Phase for adapter in sorted(listings, key=place)]


class ProtocolUnwinder(Contract):
    """What a called account has at other protocols, unwound for it: all of it or nothing."""

    name = "ProtocolUnwinder"

    # -- governance ------------------------------------------------------------------------------------------------
    def list_protocol(self, adapter: str, asset_id: int, rank: int, *, sender: str | None = None) -> Receipt:
        """Let accounts join a protocol, or list it anew (role: admin)."""
        return self.transact("listProtocol", adapter, asset_id, rank, sender=sender)

    def suspend(self, adapter: str, *, sender: str | None = None) -> Receipt:
        """Have a protocol left out (role: risk)."""
        return self.transact("suspend", adapter, sender=sender)

    # -- accounts --------------------------------------------------------------------------------------------------
    def join(self, adapter: str, most_repaid: int, *, sender: str | None = None) -> Receipt:
        """Consent, as the sender's account, to be unwound at a protocol. most_repaid : quote units that its debts there
        may take of what is rescued elsewhere."""
        return self.transact("join", adapter, most_repaid, sender=sender)

    def quit(self, adapter: str, *, sender: str | None = None) -> Receipt:
        """Take that back, where nothing is left there."""
        return self.transact("quit", adapter, sender=sender)

    # -- liquidation -----------------------------------------------------------------------------------------------
    def liquidate(self, account: str, steps: Sequence[Step], left_out: Sequence[str], grounds: Grounds, *,
                  sender: str | None = None) -> Receipt:
        """Unwind an account; left_out : by rising address."""
        return self.transact("liquidate", account, [tuple(step) for step in steps], list(left_out), grounds,
                             sender=sender)

    def collect(self, to: str, *, sender: str | None = None) -> Receipt:
        """Take what the sender has earned."""
        return self.transact("collect", to, sender=sender)

    # -- reading ---------------------------------------------------------------------------------------------------
    def listing_of(self, adapter: str) -> Listing:
        """How a protocol is listed; all zeros if it is not."""
        return Listing(*self.read("listingOf", adapter))

    def protocols_of(self, account: str) -> list[str]:
        """Adapters of the protocols that an account has joined."""
        return [checksummed(adapter) for adapter in self.read("protocolsOf", account)]

    def is_member(self, account: str, adapter: str) -> bool:
        """Whether an account is unwound at a protocol."""
        return bool(self.read("isMember", account, adapter))

    def most_repaid_of(self, account: str, adapter: str) -> int:
        """What its debts there may still take of what is rescued elsewhere, quote units."""
        return int(self.read("mostRepaidOf", account, adapter))

    def owed(self, keeper: str) -> int:
        """What a keeper has not collected, quote units."""
        return int(self.read("owed", keeper))

    def terms(self) -> Terms:
        """What a keeper is paid."""
        return Terms(int(self.read("payShare")), int(self.read("payCap")))

    def steps_for(self, account: str, factors: Sequence[Factor], left_out: Sequence[str] = ()) -> list[Step]:
        """The steps that `liquidate` takes for an account now."""
        out = {checksummed(adapter) for adapter in left_out}
        return steps_of({adapter: self.listing_of(adapter) for adapter in self.protocols_of(account)
                         if adapter not in out}, factors)
