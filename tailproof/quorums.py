"""A quorum's signatures, gathered from files: looked at one by one before anything is sent, and no more than needed.

Publishers sign three things for an oracle: an epoch's content, that an epoch be frozen for good, that a leaf may be
missing. Whoever brings them need not be trusted, nor be believed by whoever signed: each signature is of one chain, one
oracle, one message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_keys.constants import SECPK1_N

from primitives.errors import BadInput, Said
from verifier_contracts.epoch_content import quorum, signer_of
from verifier_contracts.oracle import RiskOracle, SignerSet


class TooFew(BadInput):
    """Fewer signatures than the quorum's.  given, needed : how many."""

    def __init__(self, given: int, seated: SignerSet) -> None:
        self.given, self.needed = given, seated.quorum
        super().__init__("signatures", given, f"at least {seated.quorum} of the {len(seated.signers)} publishers'")


@dataclass(frozen=True)
class Quorum:
    """Signatures as the oracle takes them.  generation : of the set.  signers : who is chosen; data : 66 bytes each."""

    generation: int
    signers: tuple[str, ...]
    data: bytes


def require_signature(message: dict[str, Any], signer: str, signature: bytes, source: Path | None = None) -> None:
    """Refuse a signature that the oracle would: malleable (high s), or another's than it is said to be."""
    if len(signature) != 65 or 2 * int.from_bytes(signature[32:64], "big") > SECPK1_N or signature[64] not in (27, 28):
        raise BadInput("signature", "0x" + signature.hex(), "one with a low s, and 27 or 28 as v", source=source)
    found = signer_of(message, signature)
    if found != signer:
        raise BadInput("signature", Said(f"by {found}"), f"by {signer}, as the file says", source=source)


def quorum_of(message: dict[str, Any], given: Mapping[Path, tuple[str, bytes]], oracle: RiskOracle) -> Quorum:
    """The first signers of a set, in its order, as many as it needs.

    given : by file, who signs and 65 bytes r, s, v.

    Raises
    ------
    BadInput : a signature is of something else, malleable, there twice, or of nobody in the set.
    TooFew : they are no quorum.
    """
    by: dict[str, tuple[Path, bytes]] = {}
    for path, (signer, signature) in given.items():
        require_signature(message, signer, signature, path)
        if signer in by:
            raise BadInput("signer", signer, f"another than that of {by[signer][0]}", source=path)
        by[signer] = path, signature
    seated = _set_of(oracle, list(by))
    for signer, (path, _) in by.items():
        if signer not in seated.signers:
            raise BadInput("signer", signer, f"one of set {seated.generation}: {', '.join(seated.signers)}",
                           source=path)
    chosen = tuple(signer for signer in seated.signers if signer in by)[:seated.quorum]
    if len(chosen) < seated.quorum:
        raise TooFew(len(chosen), seated)
    return Quorum(seated.generation, chosen, quorum({signer: by[signer][1] for signer in chosen}, seated.signers))


def _set_of(oracle: RiskOracle, signers: Sequence[str]) -> SignerSet:
    """The newest set; the one before, while it counts, where only that has all the signers."""
    newest = oracle.signers()
    if newest.generation > 1 and not set(signers) <= set(newest.signers):
        before = oracle.signers(newest.generation - 1)
        if set(signers) <= set(before.signers) and oracle.chain.next_time() <= before.valid_until:
            return before
    return newest
