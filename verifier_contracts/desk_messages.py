"""What is signed for the commitment desk: an owner's consent to a commitment, her step of a trade, a venue's fills.

Each is EIP-712 under the desk's domain. A signature names what makes it good once: the version that it leads to, and
for owners the nonce by which they revoke all that they signed and nobody has used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount

from primitives.errors import BadInput
from primitives.field import MODULUS
from verifier_contracts.addresses import checksummed
from verifier_contracts.eip712 import Domain, sign

DOMAIN_NAME, DOMAIN_VERSION = "Tailproof CommitmentDesk", "1"
_BOUNDS = {"commitment": (1, MODULUS - 1), "new_commitment": (1, MODULUS - 1), "fill_digest": (0, MODULUS - 1),
           "nonce": (0, 2**32 - 1), "deadline": (0, 2**256 - 1), "cash": (-2**127, 2**127 - 1),
           "concession": (0, 2**128 - 1), "chain_id": (1, 2**256 - 1)}


class _Message:
    """A dataclass whose first two fields, chain_id and desk, are the domain, and the others the message."""

    _KIND: str
    _FIELDS: tuple[tuple[str, str], ...]
    _VERSIONS = (1, 2**40 - 1)
    chain_id: int
    desk: str

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in ("desk", "account", "venue"):
                object.__setattr__(self, name, checksummed(value, name))
            else:
                least, most = self._VERSIONS if name == "version" else _BOUNDS[name]
                if not least <= value <= most:
                    raise BadInput(name, value, f"an integer in [{least}, {most}]")

    def typed_data(self) -> dict[str, Any]:
        """The whole message, as wallets take it for `eth_signTypedData_v4`."""
        values = [value for name, value in vars(self).items() if name not in ("chain_id", "desk")]
        return Domain(DOMAIN_NAME, DOMAIN_VERSION, self.chain_id, self.desk).message(self._KIND, self._FIELDS, values)

    def sign(self, key: LocalAccount) -> bytes:
        """The 65-byte signature of whose key is at hand."""
        return sign(self.typed_data(), key)


@dataclass(frozen=True)
class CommitmentConsent(_Message):
    """An owner's: that `venue` registers `commitment` as version `version` of her account.

    chain_id : EIP-155.  desk, account, venue : addresses.  nonce : `CommitmentDesk.nonce_of` her.
    deadline : last second (since 1970) at which it is good.
    """

    _KIND = "CommitmentConsent"
    _FIELDS = (("account", "address"), ("venue", "address"), ("commitment", "uint256"), ("version", "uint40"),
               ("nonce", "uint32"), ("deadline", "uint256"))

    chain_id: int
    desk: str
    account: str
    venue: str
    commitment: int
    version: int
    nonce: int
    deadline: int


@dataclass(frozen=True)
class HandOverConsent(CommitmentConsent):
    """Of the account that takes a lot: a `CommitmentConsent` for version 0, which no registration has. Her venue could
    register it first, and the hand-over would find no fresh account (`CommitmentDesk.HandOver`)."""

    _VERSIONS = (0, 0)


@dataclass(frozen=True)
class TransitionConsent(_Message):
    """An owner's: that fills behind `fill_digest` lead her account to `new_commitment`, as version `version`.

    cash : of the fills, 10**-6 quote units; the rest as in `CommitmentConsent`.
    """

    _KIND = "Transition"
    _FIELDS = (("account", "address"), ("version", "uint40"), ("newCommitment", "uint256"), ("fillDigest", "uint256"),
               ("cash", "int128"), ("nonce", "uint32"), ("deadline", "uint256"))

    chain_id: int
    desk: str
    account: str
    version: int
    new_commitment: int
    fill_digest: int
    cash: int
    nonce: int
    deadline: int


@dataclass(frozen=True)
class FillsMessage(_Message):
    """A venue's: that fills behind `fill_digest`, with `cash`, are what moves an account to version `version`."""

    _KIND = "Fills"
    _FIELDS = (("account", "address"), ("venue", "address"), ("version", "uint40"), ("fillDigest", "uint256"),
               ("cash", "int128"))

    chain_id: int
    desk: str
    account: str
    venue: str
    version: int
    fill_digest: int
    cash: int


@dataclass(frozen=True)
class ForcedFillsMessage(_Message):
    """A venue's, of fills that it makes without the owner of a called account.

    concession : by how much their prices are worse than the marks, 10**-6 quote units.  deadline : last second at which
    it is good. Another form than `FillsMessage`: neither can be used as the other.
    """

    _KIND = "ForcedFills"
    _FIELDS = (("account", "address"), ("venue", "address"), ("version", "uint40"), ("fillDigest", "uint256"),
               ("cash", "int128"), ("concession", "uint128"), ("deadline", "uint256"))

    chain_id: int
    desk: str
    account: str
    venue: str
    version: int
    fill_digest: int
    cash: int
    concession: int
    deadline: int
