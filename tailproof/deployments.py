"""Deployment files of either kind: a system of contracts, or registry and manager of earlier versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from primitives import jsonio
from verifier_contracts.attesting import Attesting, attesting
from verifier_contracts.bindings import EpochRegistry, MarginManager
from verifier_contracts.chain import Chain
from verifier_contracts.deployment import Deployment
from verifier_contracts.oracle import RiskOracle
from verifier_contracts.system import SCHEMA, System


@dataclass(frozen=True)
class Deployed:
    """What a deployment file says, as far as margins are concerned."""

    file: Deployment | System

    @staticmethod
    def load(path: Path) -> Deployed:
        """Read it; raises BadInput by field."""
        return Deployed(System.load(path) if is_system(path) else Deployment.load(path))

    @property
    def chain_id(self) -> int:
        """EIP-155."""
        return self.file.chain_id

    @property
    def statement(self) -> str:
        """The margin statement that was deployed with."""
        return self.file.installed("margin").statement if isinstance(self.file, System) else self.file.statement

    @property
    def key_digest(self) -> bytes:
        """Of its key."""
        return self.file.installed("margin").key_digest if isinstance(self.file, System) else self.file.key_digest

    @property
    def insecure(self) -> bool:
        """Whether somebody can forge proofs."""
        return self.file.insecure if isinstance(self.file, System) else self.file.insecure_setup

    @property
    def ledger(self) -> str:
        """Address that proofs of margins are bound to."""
        return self.file.contracts["ledger"] if isinstance(self.file, System) else self.file.manager

    def open(self, chain: Chain) -> tuple[EpochRegistry | RiskOracle, MarginManager | Attesting]:
        """Where epochs are, and where margins are; raises as `System.open`."""
        return attesting(self.file.open(chain)) if isinstance(self.file, System) else self.file.open(chain)


def is_system(path: str | Path) -> bool:
    """Whether a deployment file is of a system of contracts."""
    found = jsonio.read(path)
    return isinstance(found, dict) and found.get("schema") == SCHEMA
