"""The file in which an owner hands her signed consent to the venue."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS
from verifier_contracts.addresses import checksummed

if TYPE_CHECKING:
    from verifier_contracts.desk_messages import CommitmentConsent

SCHEMA = "tailproof.consent/2"


def write_consent(path: Path, consent: CommitmentConsent, signature: bytes) -> None:
    """Write a consent and the owner's signature over it."""
    jsonio.write(path, {**asdict(consent), "schema": SCHEMA, "commitment": str(consent.commitment),
                        "signature": "0x" + signature.hex()})


def read_consent(path: Path) -> tuple[CommitmentConsent, bytes]:
    """Read what `write_consent` wrote; raises BadInput naming the field."""
    from verifier_contracts.desk_messages import CommitmentConsent
    parts = jsonio.Node.read(path).document(SCHEMA, {"chain_id", "desk", "account", "venue", "commitment", "version",
                                                     "nonce", "deadline", "signature"})
    desk, account, venue = (checksummed(parts[name].text(), name) for name in ("desk", "account", "venue"))
    consent = CommitmentConsent(
        parts["chain_id"].integer(1, 2**53 - 1), desk, account, venue, parts["commitment"].decimal(1, MODULUS - 1),
        parts["version"].integer(1, 2**40 - 1), parts["nonce"].integer(0, 2**32 - 1),
        parts["deadline"].integer(0, 2**53 - 1))
    return consent, _signature(parts["signature"])


def _signature(node: jsonio.Node) -> bytes:
    return bytes.fromhex(node.text(r"0x([0-9a-f]{2}){1,1024}", "0x and hex digits")[2:])


def require_consentable(owner: str, venue: str, account: str | None) -> None:
    """Refuse a consent that no contract takes, or that another key signs than the account's.

    Parameters
    ----------
    owner : whose key signs; account : whose commitment is meant, if that is said.

    Raises
    ------
    BadInput : the venue is the owner herself (the contract: VenueIsOwner), or the key is not the account's.
    """
    if account is not None and account != owner:
        raise BadInput("--account", account, f"{owner}, whose key signs (a contract's consent is ERC-1271, made by "
                       "its own means)")
    if venue == owner:
        raise BadInput("--venue", venue, "another than the owner: a venue speaks for positions that it holds for "
                       "others (VenueIsOwner)")
