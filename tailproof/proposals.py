"""A proposal to change parameters, `tailproof.proposal/1`, and signatures of it.

It holds both parameters files whole, why and by whom, from when, and what the change does to all accounts
(`simulation`, put in by `parameters simulate`). Who signs, signs all of that, by an EIP-712 message that wallets show
and that no contract reads:

    Change(bytes32 before,bytes32 after,bytes32 simulation,bytes32 proposal,uint40 effectiveAt)

under the domain "Tailproof parameters", version 1, of the chain and the RiskOracle whose parameters these are: a
signature for one system is none for another. Digests are keccak256 of canonical JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.clock import format_time, parse_time
from risk.exact.digests import keccak256
from verifier_contracts.addresses import read_address
from verifier_contracts.chain import LARGEST_CHAIN_ID
from verifier_contracts.eip712 import Domain
from verifier_contracts.signers import Signer

from .parameters import Parameters, changes
from .quorums import require_signature

SCHEMA, SIGNATURE_SCHEMA = "tailproof.proposal/1", "tailproof.parameters-signature/1"
_FIELDS = (("before", "bytes32"), ("after", "bytes32"), ("simulation", "bytes32"), ("proposal", "bytes32"),
           ("effectiveAt", "uint40"))
_TEXT = r"(?=[\s\S]*\S)[^\x00-\x08\x0b-\x1f]{1,%d}"


@dataclass(frozen=True)
class Proposal:
    """A proposal, checked.

    proposed_at, effective_at : Unix seconds.  simulation : None until one is put in.
    """

    before: Parameters
    after: Parameters
    author: str
    reason: str
    proposed_at: int
    effective_at: int
    simulation: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("chain_id", "oracle"):
            old, new = getattr(self.before, name), getattr(self.after, name)
            if old != new:
                raise BadInput(f"after.{name}", new, f"{old}, as before: parameters of one system follow on each other")
        if self.before.parts != self.after.parts:
            raise BadInput("after", ", ".join(self.after.parts), f"of the same parts as before: "
                           f"{', '.join(self.before.parts)}")
        if self.before.digest == self.after.digest:
            raise BadInput("after", "0x" + self.after.digest.hex(), "other parameters than before")
        if self.effective_at < self.proposed_at:
            raise BadInput("effective_at", format_time(self.effective_at), "at or after "
                           f"{format_time(self.proposed_at)}, when it was proposed")

    def to_json(self) -> dict[str, Any]:
        """What `load` reads."""
        return {"schema": SCHEMA, "before": dict(self.before.document), "after": dict(self.after.document),
                "author": self.author, "reason": self.reason, "proposed_at": format_time(self.proposed_at),
                "effective_at": format_time(self.effective_at),
                **({} if self.simulation is None else {"simulation": dict(self.simulation)})}

    @staticmethod
    def load(path: str | Path) -> Proposal:
        """Read a proposal.

        Raises
        ------
        BadInput : naming file and field: from either parameters file; of two systems, or of different parts; nothing
            that changes; an end before the beginning.
        """
        return Proposal.parse(Node.read(path), source=Path(path))

    @staticmethod
    def parse(node: Node, *, source: Path | None = None) -> Proposal:
        """The same of a document."""
        parts = node.document(SCHEMA, {"before", "after", "author", "reason", "proposed_at", "effective_at"},
                              {"simulation"})
        proposed, effective = (parse_time(parts[name].value, field=name, source=node.source)
                               for name in ("proposed_at", "effective_at"))
        simulation = read_simulation(parts["simulation"]) if "simulation" in parts else None
        sides = dict[str, Parameters]()
        for name in ("before", "after"):
            with jsonio.embedded(parts[name].field, "parameters"):
                sides[name] = Parameters.parse(parts[name], source=source)
        try:
            return Proposal(sides["before"], sides["after"], parts["author"].text(
                _TEXT % 100, "a name, in 1 to 100 characters"), parts["reason"].text(
                    _TEXT % 5000, "a reason, in 1 to 5000 characters"), proposed, effective, simulation)
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=node.source) from None

    @property
    def simulation_digest(self) -> bytes:
        """32 bytes; zeros where there is none."""
        return bytes(32) if self.simulation is None else keccak256(jsonio.canonical(self.simulation))

    @property
    def digest(self) -> bytes:
        """Of all of it, 32 bytes."""
        return keccak256(jsonio.canonical(self.to_json()))

    @property
    def message(self) -> dict[str, Any]:
        """What is signed."""
        domain = Domain("Tailproof parameters", "1", self.before.chain_id, self.before.oracle)
        return domain.message("Change", _FIELDS, [self.before.digest, self.after.digest, self.simulation_digest,
                                                  self.digest, self.effective_at])

    def told(self) -> list[tuple[str, str, str]]:
        """What changes, for people: path, before, after; of long lists entry by entry. Nothing of what differs is cut
        off: who signs sees it."""
        return [row for one in changes(self.before, self.after) for row in _rows(one.path, one.before, one.after)]


SEEN = 40
"""Characters of a value that are told as they are; of longer lists, the entries that differ."""


def _rows(path: str, before: Any, after: Any) -> Iterator[tuple[str, str, str]]:
    """Rows of what differs between two values: one where both are seen whole in a line."""
    if before == after:
        return
    if max(len(_shown(before)), len(_shown(after))) <= SEEN:
        yield path, _shown(before), _shown(after)
    elif isinstance(before, list) and isinstance(after, list):
        for place, (old, new) in enumerate(zip_longest(before, after)):
            yield from _rows(f"{path}[{place}]", old, new)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _rows(f"{path}.{key}", before.get(key), after.get(key))
    else:
        yield path, _shown(before), _shown(after)


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)


_COUNTS = ("accounts", "rise", "fall", "same")
_BELOW = ("maintenance_before", "maintenance_after", "initial_before", "initial_after")
_QUANTILES = ("0", "10", "25", "50", "75", "90", "100")
_MONEY = 1 << 90


def read_simulation(node: Node) -> Mapping[str, Any]:
    """A simulation as `parameter_simulation` writes it, its shape checked; whether it is true, only who has the
    accounts can say."""
    parts = node.object({"epoch", "portfolios", "held", "counts", "sum_before", "sum_after", "change", "largest_rise",
                         "largest_fall", "below", "fallen"}, {"cascade"})
    for name in ("epoch", "portfolios"):
        parts[name].text(r"0x[0-9a-f]{64}|[0-9]{1,80}", "a digest")
    parts["held"].text(r"initial|maintenance|0x[0-9a-f]{64}", "initial, maintenance or the digest of a file of "
                       "collateral")
    for counts, names in ((parts["counts"], _COUNTS), (parts["below"], _BELOW)):
        for entry in counts.object(names).values():
            entry.integer(0, 10**7)
    for name in ("sum_before", "sum_after"):
        parts[name].decimal(-_MONEY, _MONEY)
    if parts["change"].value is not None:
        for entry in parts["change"].object(_QUANTILES).values():
            entry.integer(-10**12, 10**12)
    for name in ("largest_rise", "largest_fall"):
        if parts[name].value is not None:
            found = parts[name].object({"account", "before", "after"})
            found["account"].text(r"0x[0-9a-f]{64}", "a digest")
            for side in ("before", "after"):
                found[side].decimal(-_MONEY, _MONEY)
    for entry in parts["fallen"].array(at_most=10**6):
        entry.text(r"0x[0-9a-f]{64}", "a digest")
    if "cascade" in parts:
        found = parts["cascade"].object({"preset", "seeds", "before", "after"})
        found["preset"].text(r".{1,100}", "the name of a cascade")
        found["seeds"].integer(1, 10**4)
        for side in ("before", "after"):
            found[side].decimal(0, _MONEY)
    simulation: Mapping[str, Any] = node.value
    return simulation


@dataclass(frozen=True)
class ProposalSignature:
    """One signer's. proposal : its digest; signature : 65 bytes r, s, v."""

    chain_id: int
    oracle: str
    proposal: bytes
    signer: str
    signature: bytes

    @staticmethod
    def make(proposal: Proposal, signer: Signer) -> ProposalSignature:
        """Sign.

        Raises
        ------
        BadInput : there is no simulation: nobody knows what the change does.
        """
        if proposal.simulation is None:
            raise BadInput("simulation", None, "given: `tailproof parameters simulate` says what the change does to "
                           "all accounts")
        made = ProposalSignature(proposal.before.chain_id, proposal.before.oracle, proposal.digest, signer.address,
                                 signer.sign_message(proposal.message))
        made.require(proposal)
        return made

    def require(self, proposal: Proposal, source: Path | None = None) -> None:
        """Refuse a signature of another system or proposal, malleable, or by another than it says; raises BadInput."""
        for field, found, wanted in (("chain_id", self.chain_id, proposal.before.chain_id),
                                     ("oracle", self.oracle, proposal.before.oracle),
                                     ("proposal", "0x" + self.proposal.hex(), "0x" + proposal.digest.hex())):
            if found != wanted:
                raise BadInput(field, found, f"{wanted}, as of the proposal", source=source)
        require_signature(proposal.message, self.signer, self.signature, source)

    def to_json(self) -> dict[str, Any]:
        return {"schema": SIGNATURE_SCHEMA, "chain_id": self.chain_id, "oracle": self.oracle,
                "proposal": "0x" + self.proposal.hex(), "signer": self.signer,
                "signature": "0x" + self.signature.hex()}

    @staticmethod
    def load(path: str | Path) -> ProposalSignature:
        """Read what `to_json` wrote; raises BadInput naming the field."""
        return ProposalSignature.parse(Node.read(path))

    @staticmethod
    def parse(node: Node) -> ProposalSignature:
        """The same of a document."""
        parts = node.document(SIGNATURE_SCHEMA, {"chain_id", "oracle", "proposal", "signer", "signature"})
        return ProposalSignature(
            parts["chain_id"].integer(1, LARGEST_CHAIN_ID), read_address(parts["oracle"]),
            bytes.fromhex(parts["proposal"].text(r"0x[0-9a-f]{64}", "0x and 64 hex digits")[2:]),
            read_address(parts["signer"]),
            bytes.fromhex(parts["signature"].text(r"0x[0-9a-f]{130}", "0x and 130 hex digits")[2:]))
