"""What a vault would count for an account once some of it is gone: V to the unit, before anything is proven.

    V = floor((sum of balance * v + marks) / 2**64)                                     CollateralVault._valueOf

over what the epoch's list has a factor for and what counts by its mark. Gains that are not mature are withheld from
quote units. Read at one moment: a deposit meanwhile raises V, a settlement may lower it, and the contract has the last
word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from primitives.errors import BadInput
from verifier_contracts.errors import ImplausibleAnswer
from verifier_contracts.vault import AssetMarks, CollateralVault, Factor

MARKED = 1 << 31
"""Ids from here on count by their marks."""


@dataclass(frozen=True)
class Collateral:
    """An account's collateral under one epoch.

    tokens : address -> (asset id, balance), of what it holds.  factors : asset id -> v.
    quote_id : of the asset that margins are in.  immature : quote units that support no withdrawal and may not leave.
    """

    account: str
    epoch_id: int
    tokens: Mapping[str, tuple[int, int]]
    factors: Mapping[int, int]
    quote_id: int
    immature: int
    marks: AssetMarks

    @staticmethod
    def read(vault: CollateralVault, marks: AssetMarks, account: str, epoch_id: int, factors: Sequence[Factor]
             ) -> Collateral:
        """As the vault has it now.

        Raises
        ------
        ContractRefused : WrongFactors: the list is not the one the epoch was signed with.
        ImplausibleAnswer : the vault's own V is another than follows from what it says.
        """
        tokens = {token: (vault.asset_of(token).id, vault.balance_of(account, token))
                  for token in vault.holdings_of(account)}
        found = Collateral(account, epoch_id, tokens, {factor.asset: factor.v for factor in factors},
                           vault.quote_id(), vault.immature_of(account), marks)
        told = vault.value_of(account, epoch_id, factors)
        if found._value({}, 0) != told:
            raise ImplausibleAnswer(vault.chain.name, f"says that the vault counts {told} for {account}: by its own "
                                    f"balances and marks it is {found._value({}, 0)}")
        return found

    def free(self, token: str) -> int:
        """What could leave of a token if nothing had to be covered."""
        id, balance = self.tokens.get(token, (0, 0))
        return balance - self.immature if id == self.quote_id else balance

    def without(self, token: str, amount: int) -> int:
        """V, 10**-6 quote units, that a withdrawal leaves to cover the margin.

        Raises
        ------
        BadInput : so much is not free.
        """
        if not 0 <= amount <= self.free(token):
            raise BadInput("--amount", amount, f"at most {self.free(token)}, what is free of {token}")
        return self._value({token: amount}, self.immature)

    def largest(self, token: str, least: int) -> int | None:
        """The largest amount that leaves V at `least` or above; None if not even 0 does. V never rises as units go."""
        low, high = 0, self.free(token)
        if self.without(token, 0) < least:
            return None
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.without(token, middle) >= least else (low, middle - 1)
        return low

    def _value(self, gone: Mapping[str, int], withheld: int) -> int:
        total = 0
        for token, (id, balance) in self.tokens.items():
            left = balance - gone.get(token, 0) - (withheld if id == self.quote_id else 0)
            if id in self.factors:
                total += left * self.factors[id]
            if id >= MARKED and left:
                total += self.marks.value_of(id, left, self.epoch_id)
        return total >> 64
