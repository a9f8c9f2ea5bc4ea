"""Where every unit of the quote asset is, looked at after every block in which one may have moved.

Two kinds of identity. *Tokens*: what all holders have is what was minted. *Books*: of each contract, what it owes to
whom is what it has. Whatever is lost, made, or counted twice breaks one of them in the block in which it happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from primitives.errors import TailproofError

if TYPE_CHECKING:
    from verifier_contracts.bindings import Contract
    from verifier_contracts.system import Contracts
    from verifier_contracts.token import Token
    from verifier_contracts.vault import Claim


class MoneyLost(TailproofError):
    """An identity does not hold."""

    checked_and_false = True


@dataclass(frozen=True)
class Balance:
    """Of a block: by holder, quote units. accounts : what the vault keeps for accounts, of its tokens."""

    block: int
    time: int
    holders: dict[str, int]
    accounts: int


@dataclass
class Money:
    """The audit.

    purse : mints.  contracts : by name, those that may hold money, the vault among them.  people : everybody else.
    accounts : that the vault may keep money for.  venues : whose clearing accounts and bonds the settlement keeps.
    claims : withdrawals that wait.
    """

    at: Contracts
    coin: Token
    purse: Contract
    contracts: dict[str, Contract]
    people: Sequence[str]
    accounts: Sequence[str]
    venues: Sequence[str]
    minter: str
    minted: int = 0
    claims: list[Claim] = field(default_factory=list)
    history: list[Balance] = field(default_factory=list)
    looked: int = 0
    blocks: int = 0

    def mint(self, who: str, amount: int) -> None:
        """From outside."""
        self.purse.transact("mint", who, amount, sender=self.minter)
        self.minted += amount

    def audit(self) -> None:
        """Look at the latest block, if money may have moved since the last look; raises `MoneyLost`."""
        latest = self.at.chain.block_number()
        if latest == self.looked:
            return
        watched = [self.coin.address, *(one.address for one in self.contracts.values())]
        moved = self.at.chain.logs(watched, [], self.looked + 1, latest)
        self.blocks += latest - self.looked
        self.looked = latest
        if moved or not self.history:
            self._look(latest)

    def _look(self, block: int) -> None:
        holders = {name: self.coin.balance_of(one.address) for name, one in self.contracts.items()}
        holders["people"] = sum(self.coin.balance_of(who) for who in self.people)
        self._same("all tokens", sum(holders.values()), self.minted)
        kept = sum(self.at.vault.balance_of(who, self.coin.address) for who in self.accounts)
        owed = sum(self.at.vault.owed(who, self.coin.address)
                   for who in [*self.people, *(one.address for one in self.contracts.values())])
        waiting = sum(claim.amount for claim in self.claims if self.at.vault.queued_at(self.at.vault.claim_id(claim)))
        lazy = self._lazy()
        self._same("the vault's accounts, debts and claims", kept + owed + waiting - lazy, holders["vault"])
        self._same("the vault's books", self.at.vault.asset_of(self.coin.address).held, holders["vault"])
        venues = 0
        for venue in self.venues:
            venues += int(_first(self.at.settlement.read("clearingOf", venue)))
            venues += int(_first(self.at.settlement.read("bondOf", venue)))
        self._same("clearing accounts and bonds", venues, holders["settlement"])
        self._same("the settlement's books", int(self.at.settlement.read("held")), holders["settlement"])
        if "house" in self.contracts:
            self._same("the house's books", int(self.contracts["house"].read("held")), holders["house"])
            unbooked = holders["fund"] - int(self.contracts["fund"].read("held"))
            if unbooked < 0:
                raise MoneyLost(f"block {block}: the fund's books say {-unbooked} more than it has")
            self._same("the coordinator's tokens", holders["coordinator"], 0)
        self.history.append(Balance(block, self.at.chain.now(), holders, kept - lazy))

    def _lazy(self) -> int:
        """What pools of gains were charged and no account was debited for yet."""
        allocator = self.contracts.get("allocator")
        if allocator is None:
            return 0
        return sum(int(allocator.read("poolOf", pool)[5]) for pool in range(1, int(allocator.read("poolCount")) + 1))

    def _same(self, what: str, found: int, expected: int) -> None:
        if found != expected:
            raise MoneyLost(f"block {self.looked}: {what}: {found} quote units, where there should be {expected}: "
                            f"{found - expected:+d}")


def _first(value: Any) -> Any:
    """A struct's first member."""
    return value[0] if isinstance(value, list | tuple) else value
