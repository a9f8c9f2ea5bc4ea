"""Files in which publishers hand over two words of theirs: that an epoch be frozen for good, that a leaf be missing.

A release says that nobody holds what a leaf was of any more, and answers a demand of it (E7). It is not signed on a
demand's word: the epoch's own book must have released it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag
from verifier_contracts.addresses import read_address
from verifier_contracts.chain import LARGEST_CHAIN_ID
from verifier_contracts.epoch_content import OracleDomain
from verifier_contracts.oracle import SLOTS

from .epoch_leaves import EpochLeaves
from .epochs import AnyEpoch, released_ids
from .quorums import require_signature

_SIGNATURE = r"0x[0-9a-f]{130}", "0x and 130 hex digits"


@dataclass(frozen=True)
class _Word(ABC):
    """One publisher's. chain_id, oracle : where it is good.  signer : whose it is; signature : 65 bytes r, s, v."""

    chain_id: int
    oracle: str
    epoch_id: int
    signer: str
    signature: bytes

    schema: ClassVar[str]

    def save(self, path: str | Path) -> None:
        """Write it where nothing is yet."""
        jsonio.write(path, {**asdict(self), "schema": self.schema, **self._own(),
                            "signature": "0x" + self.signature.hex()})

    def _own(self) -> Mapping[str, Any]:
        return {}

    @abstractmethod
    def message(self, domain: OracleDomain) -> dict[str, Any]:
        """What is signed."""

    def require(self, domain: OracleDomain, source: Path, **wanted: int) -> None:
        """Refuse one of another chain, oracle or subject, or by another signer than it says; raises BadInput."""
        for field, found in {"chain_id": domain.chain_id, "oracle": domain.oracle, **wanted}.items():
            if getattr(self, field) != found:
                raise BadInput(field, getattr(self, field), str(found), source=source)
        require_signature(self.message(domain), self.signer, self.signature, source)


def _read(parts: Mapping[str, jsonio.Node]) -> tuple[int, str, int, str, bytes]:
    signature = parts["signature"].text(*_SIGNATURE)
    return (parts["chain_id"].integer(1, LARGEST_CHAIN_ID), read_address(parts["oracle"]),
            parts["epoch_id"].integer(1, (1 << 40) - 1), read_address(parts["signer"]), bytes.fromhex(signature[2:]))


@dataclass(frozen=True)
class Freeze(_Word):
    """That an epoch be frozen for good."""

    schema: ClassVar[str] = "tailproof.freeze/1"

    @staticmethod
    def load(path: str | Path) -> Freeze:
        """Read what `save` wrote; raises BadInput naming the field."""
        return Freeze(*_read(jsonio.Node.read(path).document(
            Freeze.schema, {"chain_id", "oracle", "epoch_id", "signer", "signature"})))

    def message(self, domain: OracleDomain) -> dict[str, Any]:
        return domain.freeze(self.epoch_id)


@dataclass(frozen=True)
class Release(_Word):
    """That a leaf may be missing.  kind : its tag; leaf_id : of the instrument."""

    kind: int
    leaf_id: int

    schema: ClassVar[str] = "tailproof.release/1"

    def _own(self) -> Mapping[str, Any]:
        return {"leaf_id": str(self.leaf_id)}

    @staticmethod
    def load(path: str | Path) -> Release:
        """Read what `save` wrote; raises BadInput naming the field."""
        parts = jsonio.Node.read(path).document(Release.schema, {"chain_id", "oracle", "epoch_id", "kind", "leaf_id",
                                                                 "signer", "signature"})
        kind = parts["kind"].integer(0, 255)
        if kind not in SLOTS:
            raise parts["kind"].refuse(f"the tag of a kind of leaf: {', '.join(map(str, SLOTS))}")
        return Release(*_read(parts), kind, parts["leaf_id"].decimal(1, MODULUS - 1))

    def message(self, domain: OracleDomain) -> dict[str, Any]:
        return domain.release(self.epoch_id, self.kind, self.leaf_id)


def require_released(epoch: AnyEpoch, earlier: AnyEpoch, kind: Tag, leaf_id: int, source: Path) -> None:
    """Refuse a release that an epoch's own book does not say: its signers would answer for it.

    Parameters
    ----------
    earlier : the epoch that lists the leaf, and so names its instrument.  source : directory of `epoch`.

    Raises
    ------
    BadInput : the leaf is in the epoch (then it is shown), or is a null leaf or an asset's; the book did not release
        it.
    """
    if kind == Tag.ASSET or leaf_id == 0:
        raise BadInput("--id", leaf_id, "of an instrument's leaf, or of its mark: null leaves and assets are never "
                       "released")
    if EpochLeaves.of(epoch).place(kind, leaf_id) is not None:
        raise BadInput("--id", leaf_id, f"of a leaf that is not in the epoch: this {kind.name} is, and can be shown "
                       "(`oracle answer`)", source=source)
    if leaf_id not in released_ids(epoch, earlier):
        raise BadInput("--id", leaf_id, "of an instrument that the epoch's book has released (\"released\")",
                       source=source)
