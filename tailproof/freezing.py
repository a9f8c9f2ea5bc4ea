"""The file in which a publisher hands over that an epoch be frozen for good."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from primitives import jsonio
from primitives.errors import BadInput
from verifier_contracts.addresses import read_address
from verifier_contracts.chain import LARGEST_CHAIN_ID
from verifier_contracts.epoch_content import OracleDomain, signer_of

SCHEMA = "tailproof.freeze/1"


@dataclass(frozen=True)
class Freeze:
    """One publisher's. chain_id, oracle : where it is good.  signer : whose it is; signature : 65 bytes r, s, v."""

    chain_id: int
    oracle: str
    epoch_id: int
    signer: str
    signature: bytes

    def save(self, path: str | Path) -> None:
        """Write it where nothing is yet."""
        jsonio.write(path, {"schema": SCHEMA, "chain_id": self.chain_id, "oracle": self.oracle,
                            "epoch_id": self.epoch_id, "signer": self.signer,
                            "signature": "0x" + self.signature.hex()})

    @staticmethod
    def load(path: str | Path) -> Freeze:
        """Read what `save` wrote; raises BadInput naming the field."""
        parts = jsonio.Node.read(path).document(SCHEMA, {"chain_id", "oracle", "epoch_id", "signer", "signature"})
        signature = parts["signature"].text(r"0x[0-9a-f]{130}", "0x and 130 hex digits")
        return Freeze(parts["chain_id"].integer(1, LARGEST_CHAIN_ID), read_address(parts["oracle"]),
                      parts["epoch_id"].integer(1, (1 << 40) - 1), read_address(parts["signer"]),
                      bytes.fromhex(signature[2:]))

    def require(self, domain: OracleDomain, epoch_id: int, source: Path) -> None:
        """Refuse one of another chain, oracle or epoch, or by another signer than it says; raises BadInput."""
        for field, said, wanted in (("chain_id", self.chain_id, domain.chain_id),
                                    ("oracle", self.oracle, domain.oracle), ("epoch_id", self.epoch_id, epoch_id)):
            if said != wanted:
                raise BadInput(field, said, str(wanted), source=source)
        if signer_of(domain.freeze(epoch_id), self.signature) != self.signer:
            raise BadInput("signature", "0x" + self.signature.hex(), f"by {self.signer}, of epoch {epoch_id}",
                           source=source)
