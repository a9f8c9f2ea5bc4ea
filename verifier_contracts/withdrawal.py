"""What an owner wants of the vault: what a proof's action hashes, and what she signs if somebody else carries it.

    actionHash = keccak256(abi.encode(keccak256("Withdrawal(address token,uint256 amount,address to,uint256 fee)"),
                                      token, amount, to, fee))

The signature is EIP-712's of a WithdrawalConsent. A proof is no consent: whoever knows the positions can make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from primitives.errors import BadInput
from verifier_contracts.addresses import checksummed
from verifier_contracts.eip712 import Domain, sign

DOMAIN_NAME, DOMAIN_VERSION = "Tailproof CollateralVault", "1"
_FIELDS = (("account", "address"), ("token", "address"), ("amount", "uint256"), ("to", "address"), ("fee", "uint256"),
           ("version", "uint40"), ("deadline", "uint256"), ("nonce", "uint32"))
ACTION_TYPEHASH = keccak(text="Withdrawal(address token,uint256 amount,address to,uint256 fee)")
AMOUNT_BITS = 96
"""Amounts are below 2**96 smallest units, as in the statements."""


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal from a vault.

    chain_id : EIP-155; vault, account, token, to : addresses, 0x-hex; `to` is who is paid.
    amount, fee : of the token, smallest units, 0 <= fee <= amount < 2**96 and amount > 0; the fee is a part of the
        amount and for whoever carries the withdrawal to the chain.
    version : the account's, at which the proof is made and which makes it good once.
    deadline : last second at which somebody else may carry it.
    nonce : of the owner in the vault (`CollateralVault.nonce_of`), which only her signature names; by raising it she
        revokes what she signed.

    Raises
    ------
    BadInput : an address is none, or a number is out of bounds.
    """

    chain_id: int
    vault: str
    account: str
    token: str
    amount: int
    to: str
    fee: int
    version: int
    deadline: int
    nonce: int

    def __post_init__(self) -> None:
        for name in ("vault", "account", "token", "to"):
            object.__setattr__(self, name, checksummed(getattr(self, name), name))
        if not 0 < self.amount < 1 << AMOUNT_BITS:
            raise BadInput("amount", self.amount, f"an integer in (0, 2**{AMOUNT_BITS})")
        if not 0 <= self.fee <= self.amount:
            raise BadInput("fee", self.fee, f"an integer in [0, {self.amount}], the amount")
        for name, bits in (("chain_id", 256), ("version", 40), ("deadline", 256), ("nonce", 32)):
            if not 0 <= getattr(self, name) < 1 << bits:
                raise BadInput(name, getattr(self, name), f"an integer in [0, 2**{bits})")

    def action_hash(self) -> bytes:
        """`action_hash` of the context of a proof for it."""
        return bytes(keccak(encode(["bytes32", "address", "uint256", "address", "uint256"],
                                   [ACTION_TYPEHASH, self.token, self.amount, self.to, self.fee])))

    def typed_data(self) -> dict[str, Any]:
        """The whole message, as wallets take it for `eth_signTypedData_v4`."""
        return Domain(DOMAIN_NAME, DOMAIN_VERSION, self.chain_id, self.vault).message(
            "WithdrawalConsent", _FIELDS, (*self.as_tuple(), self.nonce))

    def sign(self, owner: LocalAccount) -> bytes:
        """The 65-byte signature of an owner whose key is at hand."""
        return sign(self.typed_data(), owner)

    def as_tuple(self) -> tuple[str, str, int, str, int, int, int]:
        """As the contract takes it."""
        return self.account, self.token, self.amount, self.to, self.fee, self.version, self.deadline
