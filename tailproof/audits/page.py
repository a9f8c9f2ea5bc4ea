"""The report as a page that a risk officer reads: in words what was shown, what must be believed, what was not looked
at; then every finding with its evidence and the command that shows it alone.

One file, which asks for nothing (`tailproof.offline_page`). Every word from outside goes through `_t`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from risk.exact.clock import format_time

from ..offline_page import escaped as _t
from ..offline_page import image, offline_page
from .finding import PARTS, Finding, Verdict
from .pictures import Picture
from .report import Report

_CLASS = {Verdict.HELD: "held", Verdict.FAILED: "failed", Verdict.TRUST: "trust", Verdict.UNSEEN: "unseen"}
_OF_EPOCH = re.compile(r"epoch\.([0-9]+)\.(.+)")
"""Findings of one of an account's epochs: the same things of each, and told together."""
_STYLE = """
.counts{display:flex;gap:.6rem;flex-wrap:wrap;margin:.8rem 0}
.counts span{border:1px solid var(--line);border-radius:4px;padding:.3rem .7rem}
.badge.held{background:var(--held)}.badge.failed{background:var(--failed)}.badge.trust{background:var(--trust)}
.badge.unseen{background:var(--unseen)}
.finding{border:1px solid var(--line);border-radius:4px;padding:.6rem .8rem;margin:.5rem 0;break-inside:avoid}
.finding p.what{margin:0;font-weight:600}.finding .why{color:var(--failed)}.finding.trust .why{color:var(--trust)}
.finding.unseen .why{color:var(--unseen)}
.mark{font-weight:700}.mark.held{color:var(--held)}.mark.failed{color:var(--failed)}.mark.trust{color:var(--trust)}
.mark.unseen{color:var(--unseen)}
"""


def page(report: Report, pictures: Sequence[Picture] = (), *, without_pictures: str | None = None) -> str:
    """The page of a report.

    pictures : in order.  without_pictures : why there are none.
    """
    title = f"Audit of {_ARTICLE[report.kind]}"
    body = (*_head(report, title), *_words(report), *_pictures(pictures, without_pictures), *_details(report),
            *_about(report))
    return offline_page(f"{title} {_short(report.name)}", body, style=_STYLE)


_ARTICLE = {"bundle": "a proof", "epoch": "an epoch", "account": "an account"}


def _short(name: str) -> str:
    return name if len(name) <= 44 else name[:14] + "…" + name[-6:]


def _head(report: Report, title: str) -> Iterator[str]:
    if report.private:
        yield '<p class="private">PRIVATE: this edition shows the portfolio. It is for its holder alone.</p>'
    yield f"<h1>{_t(title)}</h1>"
    yield f'<p class="mono">{_t(report.name)}</p>'
    yield f"<p>{_t(report.said)}</p>"
    signer = f"Signed by {report.auditor}" if report.auditor else "Unsigned"
    yield f'<p class="soft">As of {_t(format_time(report.at))}. {_t(signer)}. Tailproof {_t(report.version)}.</p>'
    failed = report.having(Verdict.FAILED)
    if failed:
        yield f'<p class="verdict failed">{len(failed)} of what was checked {"is" if len(failed) == 1 else "are"} ' \
            'FALSE.</p>'
    else:
        yield '<p class="verdict">Everything that was checked holds. What was not checked, and what must be ' \
            'believed, is listed below: read it before you rely on this.</p>'
    yield '<p class="counts">' + "".join(
        f'<span><b>{len(report.having(verdict))}</b> {_t(verdict)}</span>' for verdict in Verdict) + "</p>"


def _words(report: Report) -> Iterator[str]:
    """The findings in sentences, by verdict."""
    for verdict, heading, nothing in (
            (Verdict.FAILED, "What is false", None), (Verdict.HELD, "What was shown", "Nothing."),
            (Verdict.TRUST, "What must be believed", "Nothing beside this program and the machine that it ran on."),
            (Verdict.UNSEEN, "What was not looked at", "Nothing.")):
        lines = list(_sentences(report.having(verdict)))
        if lines or nothing:
            yield f"<h2>{heading}</h2>"
            yield "<ul>" + "".join(lines) + "</ul>" if lines else f"<p>{nothing}</p>"


def _sentences(findings: Iterable[Finding]) -> Iterator[str]:
    """One an item; of an account's epochs one for what is the same of all."""
    together: dict[tuple[str, str, str], list[Finding]] = {}
    for one in findings:
        of_epoch = _OF_EPOCH.fullmatch(one.id)
        key = (f"epochs.{of_epoch[2]}" if of_epoch else one.id, one.what, _alike(one) if of_epoch else one.why)
        together.setdefault(key, []).append(one)
    for (_, what, alike), alone in together.items():
        many = f' <span class="soft">({len(alone)} epochs)</span>' if len(alone) > 1 else ""
        why = (alike if len(alone) > 1 else alone[0].why).rstrip(".")
        yield f"<li>{_t(what)}{many}{f': <span class=soft>{_t(why)}</span>' if why else ''}.</li>"


def _alike(one: Finding) -> str:
    """Why, without what differs from epoch to epoch."""
    return re.sub(r"[0-9]{8,}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", "…", one.why)


def _pictures(pictures: Sequence[Picture], without: str | None) -> Iterator[str]:
    if without is not None:
        yield f'<h2>Pictures</h2><p class="soft">None are drawn: {_t(without)}.</p>'
    for picture in pictures:
        yield f"<h2>{_t(picture.title)}</h2><figure>{image(picture.png, picture.said)}" \
            f"<figcaption>{_t(picture.said)}</figcaption></figure>"


def _details(report: Report) -> Iterator[str]:
    yield "<h2>Every finding, with its evidence</h2>"
    for part, heading in PARTS.items():
        own = [one for one in report.findings if one.part == part and not _OF_EPOCH.fullmatch(one.id)]
        many = [one for one in report.findings if one.part == part and _OF_EPOCH.fullmatch(one.id)]
        if own or many:
            yield f"<h3>{heading}</h3>"
            yield from map(_finding, own)
            yield from _epochs(many)


def _epochs(findings: Sequence[Finding]) -> Iterator[str]:
    """A table of an account's epochs, and behind it the findings of each."""
    by: dict[str, dict[str, Finding]] = {}
    for one in findings:
        matched = _OF_EPOCH.fullmatch(one.id)
        assert matched is not None
        by.setdefault(matched[1], {})[matched[2]] = one
    columns = list(dict.fromkeys(name for found in by.values() for name in found))
    if not by:
        return
    yield "<table><tr><th>epoch</th>" + "".join(f"<th>{_t(name)}</th>" for name in columns) + "</tr>"
    for id, found in by.items():
        yield f'<tr><td class="mono">{_t(id)}<br>{_t(format_time(int(id)))}</td>' + "".join(
            f"<td>{_mark(found[name].verdict) if name in found else ''}</td>" for name in columns) + "</tr>"
    yield "</table>"
    for id, found in by.items():
        yield f"<details><summary>Epoch {_t(id)}: {len(found)} findings</summary>" + "".join(
            map(_finding, found.values())) + "</details>"


def _mark(verdict: Verdict) -> str:
    return f'<span class="mark {_CLASS[verdict]}">{_t(verdict)}</span>'


def _finding(one: Finding) -> str:
    rows = "".join(f'<tr><td class="name">{_t(name)}</td><td class="mono">{_t(value)}</td></tr>'
                   for name, value in one.evidence)
    return (f'<div class="finding {_CLASS[one.verdict]}"><p class="what"><span class="badge {_CLASS[one.verdict]}">'
            f"{_t(one.verdict)}</span> {_t(one.what)}</p>"
            + (f'<p class="why">{_t(one.why)}</p>' if one.why else "")
            + (f"<table>{rows}</table>" if rows else "")
            + (f"<p><code>{_t(one.command)}</code></p>" if one.command else "") + "</div>")


def _about(report: Report) -> Iterator[str]:
    yield "<h2>About this document</h2>"
    yield "<p>What it was made from:</p><table>" + "".join(
        f'<tr><td class="name">{_t(name)}</td><td class="mono">{_t(digest)}</td></tr>'
        for name, digest in report.inputs.items()) + "</table>"
    yield f'<p>SHA-256 of the report that this page shows: <code>{report.digest().hex()}</code>. ' \
        "<code>tailproof audit verify DIRECTORY</code> says whether page and report are the ones that were signed; " \
        "each command above shows its finding alone.</p>"
