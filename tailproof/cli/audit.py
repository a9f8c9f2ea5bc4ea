"""`tailproof audit`: one command, one document (auditor)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives import jsonio
from primitives.errors import BadInput, Said

from ..number_forms import read_element
from .console import ADDRESS, FILE, Integer, Outcome, progress, reporting, table
from .node import Endpoint, talking_to_a_node
from .setting import Setting
from .solvency import TIME

if TYPE_CHECKING:
    from verifier_contracts.pinned import PinnedChain

    from ..audits.given import Given
    from ..audits.report import SignedReport
    from ..audits.run import Made, Subject


class _Audit(click.Group):
    """A group whose first word may be what is audited: `audit bundle.json …` is `audit make bundle.json …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Audit)
def audit() -> None:
    """Audit an account, a bundle or an epoch, and write one report (auditor).

    `tailproof audit SUBJECT` is `tailproof audit make SUBJECT`: an account's address, a bundle's file, or an epoch's
    directory. `verify` checks a report's signature, `compare` two reports, `archive` collects what an audit needs.
    """


def _online(typed: Mapping[str, Any]) -> bool:
    """Whether an audit asks a node: where nothing was said of one it is offline, whatever is configured."""
    return "rpc" in typed or "deployment" in typed


_OPTIONS = (
    click.option("--key", "keys", type=FILE, multiple=True, help="Key directory that you trust (of a bundle, a "
                 "verification key also); again for each."),
    click.option("--epoch", "epochs", type=FILE, multiple=True, help="Epoch directory, or folder of such; again for "
                 "each."),
    click.option("--previous", type=FILE, help="The epoch before the one that is audited, if it is not among them."),
    click.option("--history", type=FILE, help="Prices (CSV) to hold an epoch's parameters against."),
    click.option("--collateral", type=FILE, help="Collateral file of epochs by full revaluation."),
    click.option("--content", "signatures", type=FILE, multiple=True, help="A publisher's signature of the epoch "
                 "(`oracle sign`); again for each."),
    click.option("--publisher", "publishers", type=ADDRESS, multiple=True,
                 help="Who must have signed; again for each."),
    click.option("--commitment", metavar="0x…", help="The registered commitment, if you know it."),
    click.option("--deployment", cls=Setting, filled=_online, type=FILE,
                 help="File that `contract deploy` wrote; with --rpc."),
    click.option("--config", type=FILE, help="Configuration of the system, whose keys you trust."),
    click.option("--block", type=Integer(0, (1 << 53) - 1), help="As of this block.  [default: the latest]"),
    click.option("--at", "instant", type=TIME, help="Time of the audit.  [default: the block's, or now]"),
)


def _bringing(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of whoever audits; passed on as `own`."""
    names = ("keys", "epochs", "previous", "history", "collateral", "signatures", "publishers", "commitment",
             "deployment", "config")

    @wraps(function)
    def run(*args: Any, **given: Any) -> None:
        function(*args, own={name: given.pop(name) for name in names}, **given)

    decorated: Callable[..., None] = run
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


@audit.command("make")
@click.argument("subject", required=False)
@_bringing
@talking_to_a_node(signs=True, optional="JSON-RPC endpoint of a node, with --deployment.", filled=_online)
@click.option("--archive", type=FILE, help="Directory that `audit archive` made, in place of a node: no network is "
              "used.")
@click.option("--expect", metavar="DIGEST", help="SHA-256 of its archive.json, which you have from elsewhere.")
@click.option("--opening", type=FILE, help="Salt file of the account's commitment, with --private.")
@click.option("--private", is_flag=True, help="A report for the holder alone: it shows her losses (--opening).")
@click.option("--sign", is_flag=True, help="Sign the report: --keystore, --signer, or the key in the environment.")
@click.option("--out", type=FILE, help="Directory to make, with report.json and report.html.")
@reporting
def make(subject: str | None, own: dict[str, Any], endpoint: Endpoint, block: int | None, instant: int | None,
         archive: Path | None, expect: str | None, opening: Path | None, private: bool, sign: bool,
         out: Path | None) -> Outcome:
    """Audit SUBJECT: an account's address, a bundle's file, an epoch's directory; exit code 1 if anything that was
    checked is false.

    The report lists what was shown, what is false, what must be believed and what was not looked at.
    """
    from risk.epochs.epoch_directory import require_new

    from ..audits import run
    if private != (opening is not None):
        raise BadInput("--private and --opening", None, "given together: what others may see shows no portfolio")
    if expect is not None and archive is None:
        raise BadInput("--expect", expect, "given with --archive")
    if out is not None:
        require_new(out)
    signer = endpoint.signer() if sign else None
    auditor = None if signer is None else signer.address
    own |= {"opening": opening}
    if archive is not None:
        made = _from_archive(archive, expect, subject, own, endpoint, block, instant, auditor)
    else:
        what, given, chain = _brought(subject, own, endpoint, block, instant)
        made = run.make(what, given, chain, auditor=auditor, progress=progress)
    page, signed = _written(made, out)
    if signer is not None:
        signed = signed.signed_by(signer)
    if out is not None:
        _save(out, page, signed, private)
    return _told(made, signed, out)


def _from_archive(root: Path, expect: str | None, subject: str | None, own: dict[str, Any], endpoint: Endpoint,
                  block: int | None, instant: int | None, auditor: str | None) -> Made:
    from ..audits import run
    from ..audits.archive import open_archive, with_own
    from ..audits.run import Subject
    for name, value in (("--rpc", endpoint.rpc), ("--block", block), ("--deployment", own["deployment"])):
        if value is not None:
            raise BadInput(name, str(value), "absent with --archive, which has it")
    opened = open_archive(root)
    if subject is not None and opened.subject.kind != "account":
        # Else the archive's would be audited, whatever file is named.
        raise BadInput("SUBJECT", subject, f"absent: what is audited is the {opened.subject.kind} in the archive",
                       source=root)
    if subject is not None and opened.subject.account != Subject.of(subject).account:
        raise BadInput("SUBJECT", subject, f"{opened.subject.account}, which the archive is of: or leave it out",
                       source=root)
    given = with_own(opened.given, {**_parsed(own), "at": instant})
    brought = sorted(name for name, value in own.items() if value)
    made = run.make(opened.subject, given, opened.chain, auditor=auditor, progress=progress)
    about = tuple(opened.findings(expect, brought))
    inputs = {**made.report.inputs, "archive": opened.digest}
    return replace(made, report=replace(made.report, findings=(*made.report.findings, *about), inputs=inputs))


def _brought(subject: str | None, own: dict[str, Any], endpoint: Endpoint, block: int | None, instant: int | None
             ) -> tuple[Subject, Given, PinnedChain | None]:
    """What is audited, with what, and at which block."""
    from verifier_contracts.pinned import PinnedChain

    from ..audits.given import Given
    from ..audits.run import Subject
    if subject is None:
        raise BadInput("SUBJECT", None, "given: an account's address, a bundle's file, or an epoch's directory")
    what = Subject.of(subject)
    if (endpoint.rpc is None) != (own["deployment"] is None):
        raise BadInput("--rpc and --deployment", None, "given together")
    if block is not None and endpoint.rpc is None:
        raise BadInput("--block", block, "given with --rpc")
    chain = None if endpoint.rpc is None else PinnedChain.of(
        replace(endpoint, keystore=None, signer_url=None, sender=None).connect(), block)
    at = instant if instant is not None else int(time.time()) if chain is None else chain.now()
    return what, Given(at, **_parsed(own)), chain


def _parsed(own: dict[str, Any]) -> dict[str, Any]:
    said = own["commitment"]
    return {**own, "commitment": None if said is None else read_element(said, "--commitment", low=1)}


def _written(made: Made, out: Path | None) -> tuple[bytes | None, SignedReport]:
    """The page, where one is to be written, and the report that names it."""
    from ..audits.page import page
    from ..audits.report import SignedReport, page_digest
    if out is None:
        return None, SignedReport(made.report)
    drawn = page(made.report, made.pictures, without_pictures=made.without).encode()
    return drawn, SignedReport(made.report, page_digest(drawn))


def _save(out: Path, page: bytes | None, signed: SignedReport, private: bool) -> None:
    from risk.epochs.epoch_directory import creating

    from ..audits.report import PAGE, REPORT
    mode = 0o600 if private else 0o644
    with creating(out) as fresh:
        jsonio.write(fresh / REPORT, signed.to_json(), mode=mode)
        with jsonio.creating(fresh / PAGE, mode=mode) as file:
            file.write(page or b"")


def _told(made: Made, signed: SignedReport, out: Path | None) -> Outcome:
    from ..audits.finding import Verdict
    report = made.report
    counts = {str(verdict): len(report.having(verdict)) for verdict in Verdict}
    rows = [(one.id, str(one.verdict), one.what if one.verdict is Verdict.HELD else one.why) for one in report.findings]
    lines = [report.said, "", *table(rows), "",
             ", ".join(f"{count} {verdict}" for verdict, count in counts.items()),
             *([] if out is None else [f"{out}: report.json and report.html"]),
             *([f"signed by {report.auditor}"] if report.auditor else [])]
    return Outcome({"report": report.to_json(), "counts": counts, "digest": report.digest().hex(),
                    "signature": None if signed.signature is None else "0x" + signed.signature.hex(),
                    "out": None if out is None else str(out)}, lines, report.holds)


@audit.command("archive")
@click.argument("subject")
@_bringing
@talking_to_a_node(optional="JSON-RPC endpoint of a node, with --deployment.", filled=_online)
@click.option("--without-proving-keys", is_flag=True, help="Leave these large files out: how a key was made is then "
              "not seen in the archive.")
@click.option("--out", type=FILE, required=True, help="Directory to make.")
@reporting
def archive_of(subject: str, own: dict[str, Any], endpoint: Endpoint, block: int | None, instant: int | None,
               without_proving_keys: bool, out: Path) -> Outcome:
    """Collect what an audit of SUBJECT needs, the node's answers included: `audit --archive` then needs no network.

    Options are those of `audit make`. The audit is made meanwhile, and its findings are counted.
    """
    from risk.epochs.epoch_directory import require_new

    from ..audits import run
    from ..audits.archive import collect
    from ..audits.finding import Verdict
    require_new(out)
    what, given, chain = _brought(subject, own, endpoint, block, instant)
    made = run.make(what, given, chain, progress=progress)
    digest = collect(out, what, given, made, chain, proving_keys=not without_proving_keys)
    counts = {str(verdict): len(made.report.having(verdict)) for verdict in Verdict}
    return Outcome({"out": str(out), "digest": digest, "at": given.at, "counts": counts,
                    "block": None if chain is None else chain.number},
                   [f"{out}: collected; SHA-256 of archive.json {digest}",
                    ", ".join(f"{count} {verdict}" for verdict, count in counts.items())])


@audit.command("verify")
@click.argument("report", type=FILE)
@click.option("--auditor", type=ADDRESS, help="Whose signature you believe.")
@reporting
def verify_report(report: Path, auditor: str | None) -> Outcome:
    """Verify REPORT, a directory that `audit` made or its report.json: its signature, and the page beside it; exit code
    1 if either is false."""
    from risk.epochs.provenance import read_source
    from risk.exact.clock import format_time

    from ..auditing import Check
    from ..audits.report import PAGE, SignedReport, page_digest
    found = SignedReport.load(report)
    beside = (report if report.is_dir() else report.parent) / PAGE
    checks = []
    try:
        found.require_signed()
        checks.append(Check("signature", True, f"by {found.report.auditor}"))
    except BadInput as error:
        checks.append(Check("signature", False, str(error.value), error.bound))
    if auditor is not None:
        checks.append(Check.same("auditor", found.report.auditor, auditor))
    if found.page is not None:
        checks.append(Check.same("page", page_digest(read_source(beside)).hex() if beside.is_file() else "missing",
                                 found.page.hex()))
    elif beside.is_file() and report.is_dir():     # a page that nobody signed, beside a report that somebody did
        checks.append(Check("page", False, page_digest(read_source(beside)).hex(), "none: the report is of no page"))
    on_trust = [] if auditor else ["That the signer is the auditor whom you believe is unchecked (--auditor)."]
    facts = found.report
    return Outcome({"subject": facts.name, "at": facts.at, "auditor": facts.auditor, "report_holds": facts.holds,
                    "taken_on_trust": on_trust, "checks": [check.to_json() for check in checks]},
                   [*table([(check.name, "ok" if check.holds else "FALSE", check.told()) for check in checks]), "",
                    f"Audit of {facts.kind} {facts.name}, as of {format_time(facts.at)}: "
                    f"{'everything that was checked held' if facts.holds else 'something that was checked is FALSE'}.",
                    *on_trust], all(check.holds for check in checks))


@audit.command("compare")
@click.argument("before", type=FILE)
@click.argument("now", type=FILE)
@reporting
def compare_reports(before: Path, now: Path) -> Outcome:
    """Which findings of report NOW are other than those of BEFORE; exit code 1 if something that held holds no more."""
    from ..audits.report import SignedReport, compare
    reports = [SignedReport.load(path) for path in (before, now)]
    for path, one in zip((before, now), reports, strict=True):
        if one.signature is not None:
            try:
                one.require_signed()
            except BadInput as error:
                raise BadInput(error.field, error.value, error.bound, source=path) from None
    old, new = (one.report for one in reports)
    if (old.kind, old.name) != (new.kind, new.name) and not old.kind == new.kind == "epoch":
        raise BadInput("reports", Said(f"of {old.kind} {old.name} and {new.kind} {new.name}"),
                       "of one subject, or of two "
                       "epochs")
    changed = compare(old, new)
    inputs = sorted(name for name in {*old.inputs, *new.inputs} if old.inputs.get(name) != new.inputs.get(name))
    rows = [(one.id, str(one.before.verdict) if one.before else "-", str(one.now.verdict) if one.now else "-",
             (one.now or one.before).why) for one in changed]                                # type: ignore[union-attr]
    signed = [one.report.auditor if one.signature is not None else None for one in reports]
    return Outcome({"changed": [one.to_json() for one in changed], "inputs": inputs, "signed_by": signed,
                    "same": len(old.findings) - sum(one.before is not None for one in changed)},
                   [*(f"{path} is signed by {by}" if by else f"{path} is unsigned: anybody may have written it"
                      for path, by in zip((before, now), signed, strict=True)),
                    *(table(rows, ("finding", "before", "now", "why")) or ["No finding has changed."]),
                    *([f"other inputs: {', '.join(inputs)}"] if inputs else [])],
                   not any(one.worse for one in changed))
