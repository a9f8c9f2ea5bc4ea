"""The report: findings about one subject at one time, as a file that its auditor can sign.

What is signed is a message of EIP-712 that no contract reads, over SHA-256 of the report's canonical JSON and of the
page beside it:

    AuditReport(bytes32 report,bytes32 page,uint40 at,bool holds)

The same input gives the same report to the byte: it holds no time but the one that it was asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from risk.epochs.provenance import read_source
from verifier_contracts.addresses import read_address
from verifier_contracts.eip712 import message_off_chain
from verifier_contracts.signers import Signer

from ..printable import printable
from ..quorums import require_signature
from .finding import Finding, Verdict

SCHEMA = "tailproof.audit-report/1"
DOMAIN_NAME, DOMAIN_VERSION = "Tailproof audit report", "1"
KINDS = ("bundle", "epoch", "account")
LATEST = (1 << 40) - 1
REPORT, PAGE = "report.json", "report.html"
_DIGEST = r"[0-9a-f]{64}"


@dataclass(frozen=True)
class Attested:
    """What was proven of an account, when.

    time, block : of the transaction.  epoch_id : 0 of flatness.  kind : "margin", "cover", "flat", "called" or "cured".
    amount : 10⁻⁶ quote units, of a cover what the vault holds; None where there is none.
    valid_until : last second, 0 where the event does not say.
    """

    time: int
    block: int
    epoch_id: int
    version: int
    kind: str
    amount: int | None
    valid_until: int

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "amount": None if self.amount is None else str(self.amount)}

    @staticmethod
    def of(node: Node) -> Attested:
        parts = node.object({"time", "block", "epoch_id", "version", "kind", "amount", "valid_until"})
        time, epoch_id, version, until = (parts[name].integer(0, LATEST) for name in (
            "time", "epoch_id", "version", "valid_until"))
        return Attested(time, parts["block"].integer(0, jsonio.LARGEST_EXACT), epoch_id, version,
                        parts["kind"].choice(("margin", "cover", "flat", "called", "cured")),
                        None if parts["amount"].value is None else parts["amount"].decimal(0, (1 << 128) - 1), until)


@dataclass(frozen=True)
class Signed:
    """Who signed an epoch.  published : Unix seconds, 0 if it is not known.  signers : of `seated`, addresses."""

    epoch_id: int
    published: int
    signers: tuple[str, ...]
    seated: tuple[str, ...]
    quorum: int

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "signers": list(self.signers), "seated": list(self.seated)}

    @staticmethod
    def of(node: Node) -> Signed:
        parts = node.object({"epoch_id", "published", "signers", "seated", "quorum"})
        signers, seated = (tuple(map(read_address, parts[name].array())) for name in ("signers", "seated"))
        return Signed(parts["epoch_id"].integer(1, LATEST), parts["published"].integer(0, LATEST), signers, seated,
                      parts["quorum"].integer(0, 255))


@dataclass(frozen=True)
class Report:
    """All that was found.

    kind, name : what it is about: one of KINDS, and an account's address, an epoch's root or a bundle's digest.
    said : what the subject claims, in words.  at : Unix seconds.  version : of the program.
    private : it shows what only the holder of the portfolio may see.  auditor : address that signs it; None: nobody.
    inputs : digests by name.  attested, signed : for the pictures, by rising time.
    """

    kind: str
    name: str
    said: str
    at: int
    version: str
    private: bool
    auditor: str | None
    inputs: Mapping[str, str]
    findings: tuple[Finding, ...]
    attested: tuple[Attested, ...] = ()
    signed: tuple[Signed, ...] = ()

    def __post_init__(self) -> None:
        for name in ("said", "version"):
            object.__setattr__(self, name, printable(getattr(self, name)))
        object.__setattr__(self, "inputs", {printable(name): printable(value) for name, value in self.inputs.items()})

    @property
    def holds(self) -> bool:
        """Whether nothing that was checked is false."""
        return not self.having(Verdict.FAILED)

    def having(self, verdict: Verdict) -> tuple[Finding, ...]:
        """Findings of a verdict."""
        return tuple(one for one in self.findings if one.verdict is verdict)

    def to_json(self) -> dict[str, Any]:
        return {"subject": {"kind": self.kind, "name": self.name, "said": self.said}, "at": self.at,
                "version": self.version, "private": self.private, "auditor": self.auditor,
                "inputs": [{"name": name, "digest": digest} for name, digest in self.inputs.items()],
                "findings": [one.to_json() for one in self.findings],
                "attested": [one.to_json() for one in self.attested], "signed": [one.to_json() for one in self.signed]}

    def digest(self) -> bytes:
        """SHA-256 of its canonical JSON."""
        return hashlib.sha256(jsonio.canonical(self.to_json())).digest()

    @staticmethod
    def of(node: Node) -> Report:
        """Read what `to_json` wrote; raises BadInput naming the field."""
        parts = node.object({"subject", "at", "version", "private", "auditor", "inputs", "findings", "attested",
                             "signed"})
        subject = parts["subject"].object({"kind", "name", "said"})
        inputs = [entry.object({"name", "digest"}) for entry in parts["inputs"].array()]
        findings = tuple(map(Finding.of, parts["findings"].array(at_least=1)))
        if len({one.id for one in findings}) != len(findings):
            raise BadInput("findings", Said("two of one id"), "one finding an id", source=node.source)
        return Report(
            subject["kind"].choice(KINDS),
            subject["name"].text(r"0x[0-9a-fA-F]{40,64}|[0-9]{1,78}", "an address, a digest or a root"),
            subject["said"].text(), parts["at"].integer(0, LATEST), parts["version"].text(),
            parts["private"].boolean(), None if parts["auditor"].value is None else read_address(parts["auditor"]),
            {one["name"].text(): one["digest"].text() for one in inputs}, findings,
            tuple(map(Attested.of, parts["attested"].array())), tuple(map(Signed.of, parts["signed"].array())))


@dataclass(frozen=True)
class SignedReport:
    """A report as it lies in its directory.  page : SHA-256 of the page beside it; None where there is none.
    signature : 65 bytes r, s, v of `report.auditor`; None: unsigned."""

    report: Report
    page: bytes | None = None
    signature: bytes | None = field(default=None, repr=False)

    @property
    def message(self) -> dict[str, Any]:
        """What is signed."""
        return message_off_chain(DOMAIN_NAME, DOMAIN_VERSION, "AuditReport", (
            ("report", "bytes32"), ("page", "bytes32"), ("at", "uint40"), ("holds", "bool")),
            (self.report.digest(), self.page or bytes(32), self.report.at, self.report.holds))

    def signed_by(self, signer: Signer) -> SignedReport:
        """The same, signed by its auditor; raises BadInput where the signer is another."""
        made = replace(self, signature=signer.sign_message(self.message))
        made.require_signed()
        return made

    def require_signed(self) -> None:
        """Refuse a report without its auditor's signature; raises BadInput."""
        if self.report.auditor is None or self.signature is None:
            raise BadInput("signature", None, "there: this report is nobody's")
        require_signature(self.message, self.report.auditor, self.signature)

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "report": self.report.to_json(),
                "page": None if self.page is None else self.page.hex(),
                "signature": None if self.signature is None else "0x" + self.signature.hex()}

    @staticmethod
    def of(node: Node) -> SignedReport:
        """One in a document; its signature is not looked at."""
        parts = node.document(SCHEMA, {"report", "page", "signature"})
        page, signature = parts["page"], parts["signature"]
        return SignedReport(
            Report.of(parts["report"]),
            None if page.value is None else bytes.fromhex(page.text(_DIGEST, "64 hex digits")),
            None if signature.value is None else bytes.fromhex(
                signature.text(r"0x[0-9a-f]{130}", "0x and 130 hex digits")[2:]))

    @staticmethod
    def load(path: Path) -> SignedReport:
        """Read a report file, or that of a report's directory: to the byte what was written, so that there is one such
        file.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        file = path / REPORT if path.is_dir() else path
        data = read_source(file)
        made = SignedReport.of(Node(jsonio.loads(data, source=file), source=file))
        if jsonio.dumps(made.to_json()).encode() != data:
            raise BadInput("file", Said("another spelling"), "byte for byte what was written", source=file)
        return made


def page_digest(page: bytes) -> bytes:
    """SHA-256 of a page."""
    return hashlib.sha256(page).digest()


@dataclass(frozen=True)
class Changed:
    """A finding that is another than before. before, now : None where a report does not have it."""

    id: str
    before: Finding | None
    now: Finding | None

    @property
    def worse(self) -> bool:
        """Whether it held, and holds no more, or is false now and was not before."""
        was = None if self.before is None else self.before.verdict
        now = None if self.now is None else self.now.verdict
        return now is not was and (was is Verdict.HELD or now is Verdict.FAILED)

    def to_json(self) -> dict[str, Any]:
        def told(one: Finding | None) -> Any:
            return None if one is None else {"what": one.what, "verdict": str(one.verdict), "why": one.why,
                                             "evidence": [list(pair) for pair in one.evidence]}
        return {"id": self.id, "worse": self.worse, "before": told(self.before), "now": told(self.now)}


def compare(before: Report, now: Report) -> Sequence[Changed]:
    """Findings that differ in verdict, reason or evidence, in the order of the earlier report, new ones after."""
    old, new = ({one.id: one for one in report.findings} for report in (before, now))
    return [Changed(id, old.get(id), new.get(id)) for id in dict.fromkeys((*old, *new))
            if _content(old.get(id)) != _content(new.get(id))]


def _content(one: Finding | None) -> object:
    return None if one is None else (one.what, one.verdict, one.why, one.evidence)
