"""Typed calls of the collateral vault, its marks and its settlement desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Receipt
from verifier_contracts.errors import ImplausibleAnswer
from verifier_contracts.withdrawal import Withdrawal

VALUED, VALUED_AGAIN = 128, 16
"""Accounts whose value is asked for at once. Where too little gas is left for an account, the vault says 0, so those of
which it does are asked for again, few at a time: 16 with 8 assets each take less gas than any node gives a call."""


class Factor(NamedTuple):
    """What a smallest unit of an asset counts for, in 2**-64 of 10**-6 quote units: v if held, d if owed, v <= d."""

    asset: int
    v: int
    d: int


@dataclass(frozen=True)
class Cover:
    """A `cover` proof for a withdrawal. claimed : its V, 10**-6 quote units; factors : the epoch's whole list;
    words : eight, as `proof_words`."""

    epoch_id: int
    claimed: int
    factors: Sequence[Factor]
    words: Sequence[int]

    def as_tuple(self) -> tuple[int, int, list[Factor], list[int]]:
        """As the contract takes it."""
        return self.epoch_id, self.claimed, list(self.factors), list(self.words)


class Claim(NamedTuple):
    """A withdrawal that waits to be paid; the contract keeps its hash only."""

    account: str
    token: str
    amount: int
    to: str
    fee: int
    carrier: str
    epoch_id: int
    version: int


class Asset(NamedTuple):
    """A token as the vault lists it. held : all that the vault owes in it; listing : 0 not listed, 1 open, 2 closed."""

    id: int
    held: int
    cap: int
    listing: int


class CollateralVault(Contract):
    """Balances of accounts, and the ways out."""

    name = "CollateralVault"

    def deposit(self, account: str, token: str, amount: int, *, sender: str | None = None) -> Receipt:
        """Add to an account, from the sender, who has approved it; others than the account add what it holds already,
        or the quote asset."""
        return self.transact("deposit", account, token, amount, sender=sender)

    def withdraw(self, wanted: Withdrawal, covers: Sequence[Cover], consent: bytes = b"", *,
                 sender: str | None = None) -> Receipt:
        """Take out what is covered: queued with one cover, paid at once with a second one under a final epoch.
        `consent` is the owner's signature, unless she sends it."""
        return self.transact("withdraw", wanted.as_tuple(), [cover.as_tuple() for cover in covers], consent,
                             sender=sender)

    def withdraw_flat(self, wanted: Withdrawal, words: Sequence[int], consent: bytes = b"", *,
                      sender: str | None = None) -> Receipt:
        """Take out of an account that is proven to hold nothing; eight zeros do for one never registered."""
        return self.transact("withdrawFlat", wanted.as_tuple(), list(words), consent, sender=sender)

    def redeem(self, claim: Claim, *, sender: str | None = None) -> Receipt:
        """Pay a claim whose epoch is final; anyone may."""
        return self.transact("redeem", tuple(claim), sender=sender)

    def cancel(self, claim: Claim, *, sender: str | None = None) -> Receipt:
        """Put a claim back: its owner, or anyone once its epoch stays frozen."""
        return self.transact("cancel", tuple(claim), sender=sender)

    def collect(self, token: str, to: str, *, sender: str | None = None) -> Receipt:
        """Take what the sender is owed."""
        return self.transact("collect", token, to, sender=sender)

    def nonce_of(self, account: str) -> int:
        """What an owner's signed withdrawals must name now."""
        return int(self.read("nonceOf", account))

    def revoke_consents(self, *, sender: str | None = None) -> Receipt:
        """Void every withdrawal that the sender has signed and nobody has carried."""
        return self.transact("revokeConsents", sender=sender)

    def claim_id(self, claim: Claim) -> bytes:
        """By which the vault knows a claim."""
        return bytes(keccak(encode(["(address,address,uint256,address,uint256,address,uint40,uint40)"],
                                   [tuple(claim)])))

    def queued_at(self, claim_id: bytes) -> int:
        """When a claim was queued; 0 if there is none, or it is over."""
        return int(self.read("queuedAt", claim_id))

    def asset_of(self, token: str) -> Asset:
        """How a token is listed; zeros if it is not."""
        return Asset(*self.read("assetOf", token))

    def token_of(self, asset: int) -> str:
        """The token of an asset; the zero address if it was never listed."""
        return checksummed(self.read("tokenOf", asset))

    def quote(self) -> str:
        """The token that margins are in."""
        return checksummed(self.read("quote"))

    def quote_id(self) -> int:
        """Its id."""
        return int(self.read("quoteId"))

    def lot_of(self, account: str) -> int:
        """The lot that an account is being liquidated in; 0 if none."""
        return int(self.read("lotOf", account))

    def paused_until(self, action: int) -> int:
        """First second at which a class is open again; in the past while it is."""
        return int(self.read("pausedUntil", action))

    def balance_of(self, account: str, token: str) -> int:
        """In the token's smallest unit."""
        return int(self.read("balanceOf", account, token))

    def holdings_of(self, account: str) -> list[str]:
        """The tokens that an account holds."""
        return [checksummed(token) for token in self.read("holdingsOf", account)]

    def value_of(self, account: str, epoch_id: int, factors: Sequence[Factor]) -> int:
        """V, 10**-6 quote units, rounded down; refused unless the list is the epoch's (WrongFactors)."""
        return int(self.read("valueOf", account, epoch_id, list(factors)))

    def values_of(self, accounts: Sequence[str], epoch_id: int, factors: Sequence[Factor]) -> list[int]:
        """V of many accounts in their order, by few requests: 0 for one that has no value just now, where `value_of` is
        refused. That the list is the epoch's is the caller's to see to, or the answers are worth nothing.

        Raises
        ------
        ImplausibleAnswer : the node gives another number of values.
        """
        found = self._valuations(accounts, epoch_id, factors, VALUED)
        without = [place for place, value in enumerate(found) if not value]
        again = self._valuations([accounts[place] for place in without], epoch_id, factors, VALUED_AGAIN)
        for place, value in zip(without, again, strict=True):
            found[place] = value
        return found

    def _valuations(self, accounts: Sequence[str], epoch_id: int, factors: Sequence[Factor], at_once: int) -> list[int]:
        found = list[int]()
        for start in range(0, len(accounts), at_once):
            part = list(accounts[start:start + at_once])
            told = self.read("valuations", part, epoch_id, list(factors))
            if len(told) != len(part):
                raise ImplausibleAnswer(self.chain.name, f"gives {len(told)} values of {len(part)} accounts")
            found += map(int, told)
        return found

    def immature_of(self, account: str) -> int:
        """What it has gained by settlement and may not take out yet, quote units."""
        return int(self.read("immatureOf", account))

    def owed(self, who: str, token: str) -> int:
        """What `collect` would pay."""
        return int(self.read("owed", who, token))


class AssetMarks(Contract):
    """What shares of pools and of interest-bearing vaults count for."""

    name = "AssetMarks"

    def mark(self, asset: int, epoch_id: int, factors: Sequence[Factor], *, sender: str | None = None) -> Receipt:
        """Ask an asset's adapter what it is worth under an epoch; anyone may."""
        return self.transact("mark", asset, epoch_id, list(factors), sender=sender)

    def value_of(self, asset: int, amount: int, epoch_id: int) -> int:
        """What an amount counts for by the last mark, 2**-64 of 10**-6 quote units."""
        return int(self.read("valueOf", asset, amount, epoch_id))


class VenueSettlement(Contract):
    """Cash between the accounts of a venue and its clearing account."""

    name = "VenueSettlement"

    def settle(self, deltas: Sequence[tuple[str, int]], *, sender: str | None = None) -> Receipt:
        """Book (account, quote units) pairs, at most 64, by the accounts' venue."""
        return self.transact("settle", [account for account, _ in deltas], [delta for _, delta in deltas],
                             sender=sender)

    def set_debit_cap(self, cap: int, *, sender: str | None = None) -> Receipt:
        """How much settlements may take of the sender in 24 hours while its margin is hidden."""
        return self.transact("setDebitCap", cap, sender=sender)

    def paused_until(self, action: int) -> int:
        """First second at which a class is open again; in the past while it is."""
        return int(self.read("pausedUntil", action))

    def request_settlement(self, *, sender: str | None = None) -> Receipt:
        """Let the sender's next settlement come at any time, in any amount."""
        return self.transact("requestSettlement", sender=sender)
