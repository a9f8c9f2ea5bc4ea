"""The owner's word that a commitment stands for her positions: an EIP-712 message, signed once for one registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount

from verifier_contracts.addresses import checksummed
from verifier_contracts.eip712 import Domain, sign

DOMAIN_NAME, DOMAIN_VERSION = "Tailproof MarginManager", "1"
_FIELDS = (("account", "address"), ("venue", "address"), ("commitment", "uint256"), ("version", "uint40"),
           ("deadline", "uint256"))


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
        return Domain(DOMAIN_NAME, DOMAIN_VERSION, self.chain_id, self.manager).message(
            "CommitmentConsent", _FIELDS, (self.account, self.venue, self.commitment, self.version, self.deadline))

    def sign(self, owner: LocalAccount) -> bytes:
        """The 65-byte signature of an owner whose key is at hand."""
        return sign(self.typed_data(), owner)
