"""The owner's word that a commitment stands for her positions: an EIP-712 message, signed once for one registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from verifier_contracts.addresses import checksummed

DOMAIN_NAME, DOMAIN_VERSION = "Tailproof MarginManager", "1"


@dataclass(frozen=True)
class Consent:
    """What an owner consents to: that `venue` registers `commitment` as version `version` of her account.

    The version serves as nonce: it is the account's version plus one, and rises with the registration.
    `deadline` : last second (since 1970) at which the consent is good.
    """

    chain_id: int
    manager: str
    account: str
    venue: str
    commitment: int
    version: int
    deadline: int

    def __post_init__(self) -> None:
        for name in ("manager", "account", "venue"):
            object.__setattr__(self, name, checksummed(getattr(self, name), name))

    def typed_data(self) -> dict[str, Any]:
        """The whole message, as wallets take it for `eth_signTypedData_v4`."""
        return {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"}, {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}],
                "CommitmentConsent": [
                    {"name": "account", "type": "address"}, {"name": "venue", "type": "address"},
                    {"name": "commitment", "type": "uint256"}, {"name": "version", "type": "uint40"},
                    {"name": "deadline", "type": "uint256"}],
            },
            "primaryType": "CommitmentConsent",
            "domain": {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "chainId": self.chain_id,
                       "verifyingContract": self.manager},
            "message": {"account": self.account, "venue": self.venue, "commitment": self.commitment,
                        "version": self.version, "deadline": self.deadline},
        }

    def sign(self, owner: LocalAccount) -> bytes:
        """The 65-byte signature of an owner whose key is at hand."""
        signed = owner.sign_message(encode_typed_data(full_message=self.typed_data()))
        return bytes(signed.signature)
