"""Where every unit of the quote asset is, looked at after every block in which one may have moved.

Two kinds of identity. *Tokens*: what all holders have is what was minted. *Books*: of each contract, what it owes to
whom is what it has. Whatever is lost, made, or counted twice breaks one of them in the block in which it happens.

Contracts are asked in each such block, of people and accounts those that its logs name; with every epoch all of them
are, so that what moved without a log is found as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from primitives.errors import TailproofError

if TYPE_CHECKING:
    from verifier_contracts.answers import Log
    from verifier_contracts.bindings import Contract
    from verifier_contracts.chain import Receipt
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
    claims : withdrawals that wait.  purses, kept, owed : by holder, as last read: tokens, in the vault, due from it.
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
    purses: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=dict)

    def mint(self, who: str, amount: int) -> None:
        """From outside."""
        self.minted += amount
        self.purse.transact("mint", who, amount, sender=self.minter)

    def follow(self) -> None:
        """From now on look at each block as soon as it is there."""
        chain = self.at.chain
        send = chain.send

        def sent(*arguments: Any, **settings: Any) -> Receipt:
            receipt = send(*arguments, **settings)
            self.audit()
            return receipt
        chain.send = sent  # type: ignore[method-assign]
        self.audit()

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
            self._look(latest, _named(moved) if self.history else None)

    def audit_all(self) -> None:
        """Ask everybody again, whether or not anything was told; raises `MoneyLost`."""
        self._look(self.at.chain.block_number(), None)

    def _ask(self, named: set[str] | None) -> None:
        """Read again what these have; None: everybody."""
        vault, coin = self.at.vault, self.coin
        debtors = [*self.people, *(one.address for one in self.contracts.values())]
        for found, whom, read in (
                (self.purses, self.people, coin.balance_of),
                (self.kept, self.accounts, lambda who: vault.balance_of(who, coin.address)),
                (self.owed, debtors, lambda who: vault.owed(who, coin.address))):
            for who in whom:
                if named is None or who.lower() in named or who not in found:
                    found[who] = read(who)

    def _look(self, block: int, named: set[str] | None) -> None:
        self._ask(named)
        holders = {name: self.coin.balance_of(one.address) for name, one in self.contracts.items()}
        holders["people"] = sum(self.purses.values())
        self._same("all tokens", sum(holders.values()), self.minted)
        kept, owed = sum(self.kept.values()), sum(self.owed.values())
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


def _named(logs: Iterable[Log]) -> set[str]:
    """Every address that logs could name, in lower case."""
    words = [word for log in logs for word in (*log.topics, *(log.data[at:at + 32]
                                                              for at in range(0, len(log.data), 32)))]
    return {"0x" + word[12:].hex() for word in words if not any(word[:12])}


def _first(value: Any) -> Any:
    """A struct's first member."""
    return value[0] if isinstance(value, list | tuple) else value
