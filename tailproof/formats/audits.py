"""Reports of audits, and archives that they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from primitives.jsonio import Node

from ..audits.archive import Archive, Entry
from ..audits.finding import Finding, Verdict, looked
from ..audits.report import Attested, Report, Signed, SignedReport
from .observed import Format

_WHO = "0x" + "11" * 20
_DIGEST = "22" * 32


def report_examples() -> Sequence[Any]:
    findings = (looked("key.circuit", "key", "The circuit is this version's", True, "", evidence=[("rows", 1)]),
                Finding("key.making", "key", "Nobody can forge", Verdict.TRUST, "one of two was honest"))
    signed = Report("account", _WHO, "margin 5", 9, "0.1.0", False, _WHO, {"block": "7"}, findings,
                    (Attested(1, 2, 3, 4, "margin", 5, 0), Attested(1, 2, 0, 4, "flat", None, 0)),
                    (Signed(3, 1, (_WHO,), (_WHO,), 1),))
    bare = Report("epoch", "7", "said", 9, "0.1.0", True, None, {"epoch, root": "7"}, findings)
    return [SignedReport(signed, bytes(32), bytes(65)).to_json(), SignedReport(bare).to_json()]


def archive_examples() -> Sequence[Any]:
    files = (Entry("bundle.json", 5, _DIGEST), Entry("keys/0/key.json", 0, _DIGEST))
    return [Archive("bundle", None, "bundle.json", 9, 7, (_WHO,), "epochs/0", files).to_json(),
            Archive("account", _WHO, None, 9, None, (), None, files).to_json()]


FORMATS = (
    Format("audit-report", "What an audit found (JSON); the page beside it shows the same", "report.json",
           report_examples, lambda document: SignedReport.of(Node(document)),
           {"schema": "says what the file is", "page": "SHA-256 of report.html beside it",
            "signature": "of EIP-712 by report.auditor, 65 bytes r, s, v", "report": "what is signed",
            "report.subject": "what was audited", "report.subject.kind": "which kind of thing",
            "report.subject.name": "an account's address, an epoch's root, keccak256 of a bundle",
            "report.subject.said": "what it claims", "report.at": "time of the audit, Unix seconds",
            "report.version": "of the program", "report.private": "whether it shows a portfolio",
            "report.auditor": "who signs, an address", "report.inputs": "what it was made from",
            "report.inputs[].name": "which", "report.inputs[].digest": "and what identifies it",
            "report.findings": "everything that was looked at, or could have been",
            "report.findings[].id": "the same in every report of the same thing",
            "report.findings[].part": "of the report", "report.findings[].what": "true if it holds",
            "report.findings[].verdict": "what is said of it",
            "report.findings[].why": "what is wrong, who is believed, or what is missing",
            "report.findings[].evidence": "what it stands on", "report.findings[].evidence[].name": "which",
            "report.findings[].evidence[].value": "as found", "report.findings[].command": "shows it alone",
            "report.attested": "events of the account, oldest first",
            "report.attested[].time": "of the block, Unix seconds", "report.attested[].block": "its number",
            "report.attested[].epoch_id": "under which; 0 of flatness", "report.attested[].version": "of the account",
            "report.attested[].kind": "what happened",
            "report.attested[].amount": "margin, or collateral that covers a hidden one, 10^-6 quote units",
            "report.attested[].valid_until": "last second; 0 where it is not said",
            "report.signed": "who signed its epochs", "report.signed[].epoch_id": "which",
            "report.signed[].published": "Unix seconds", "report.signed[].signers": "whose signatures were brought",
            "report.signed[].signers[]": "an address", "report.signed[].seated": "who could sign",
            "report.signed[].seated[]": "an address", "report.signed[].quorum": "how many must"}),
    Format("audit-archive", "What an audit needs, without any network (JSON); every file beside it", "archive.json",
           archive_examples, lambda document: Archive.of(Node(document)),
           {"schema": "says what the file is", "kind": "what is audited", "account": "whose, of an account",
            "path": "where it lies, of a bundle or an epoch", "at": "when it was collected, Unix seconds",
            "commitment": "the registered one, if it was given", "publishers": "that must have signed",
            "publishers[]": "an address", "previous": "the epoch before, if it was named",
            "files": "all others, by path", "files[].path": "below the archive", "files[].size": "bytes",
            "files[].digest": "SHA-256"}),
)
