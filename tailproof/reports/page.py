"""A report as a page: contents, then each section; below every figure the command that prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..offline_page import escaped as _t
from ..offline_page import image, offline_page
from .numbers import is_number
from .section import Block, Image, Said, Section, Table, Words, written

ZONES = ("green", "yellow", "red")
_STYLE = """
.badge{min-width:4.2rem}.badge.green{background:#1f6b4f}.badge.yellow{background:#8a5a00}.badge.red{background:#b3203a}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;overflow-wrap:normal}
nav ol{columns:2;margin:.4rem 0;padding-left:1.4rem}nav a{color:inherit}
.command{margin:.1rem 0 1rem;color:var(--soft);font-size:12px}.command code{font-size:11.5px}
.wide{overflow-x:auto}.wide th,.wide td{overflow-wrap:break-word}section{break-inside:auto}h3+.wide{margin-top:0}
@media print{.wide{overflow:visible}.wide th,.wide td{overflow-wrap:anywhere}}
"""


def page(title: str, subtitle: str, sections: Sequence[Section], *, private: bool) -> str:
    """The page of sections.

    title, subtitle : text.  private : it is of a portfolio, and says so first.
    """
    return offline_page(title, _body(title, subtitle, sections, private), style=_STYLE)


def _body(title: str, subtitle: str, sections: Sequence[Section], private: bool) -> Iterator[str]:
    if private:
        yield '<p class="private">PRIVATE: this edition shows a portfolio. It is for its holder alone.</p>'
    yield f"<h1>{_t(title)}</h1>"
    yield f'<p class="mono">{_t(subtitle)}</p>'
    yield '<p class="soft">Under each figure, or several together, stands the command that prints them.</p>'
    yield "<nav><ol>" + "".join(f'<li><a href="#{_t(one.id)}">{_t(one.title)}</a></li>' for one in sections) \
        + "</ol></nav>"
    for one in sections:
        yield f'<section id="{_t(one.id)}"><h2>{_t(one.title)}</h2>'
        for block, after in zip(one.blocks, (*one.blocks[1:], None), strict=True):
            yield from _block(block)
            # Once under several that one command prints.
            if not isinstance(block, Words) and block.commands != getattr(after, "commands", None):
                yield from _commands(block)
        yield "</section>"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Words() | Said():
            warns = isinstance(block, Said) and block.warns
            kind = ' class="verdict failed"' if warns else ""
            if isinstance(block, Words) and block.title:
                yield f"<h3>{_t(block.title)}</h3>"
            if block.text:
                yield f"<p{kind}>{_t(block.text)}</p>"
            if block.items:
                yield "<ul>" + "".join(f"<li>{_t(item)}</li>" for item in block.items) + "</ul>"
        case Table():
            yield from _table(block)
        case Image():
            yield f"<figure>{image(block.png, block.said)}<figcaption>{_t(block.said)}</figcaption></figure>"


def _table(block: Table) -> Iterator[str]:
    if block.title:
        yield f"<h3>{_t(block.title)}</h3>"
    numbers = [bool(block.rows) and all(is_number(row[column]) for row in block.rows)
               for column in range(len(block.header))]
    kinds = [' class="number"' if number else "" for number in numbers]
    yield '<div class="wide"><table><tr>' + "".join(
        f"<th{kind}>{_t(name)}</th>" for kind, name in zip(kinds, block.header, strict=True)) + "</tr>"
    for row in block.rows:
        yield "<tr>" + "".join(f"<td{kind}>{_cell(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
    yield "</table></div>"


def _cell(cell: str) -> str:
    return f'<span class="badge {cell}">{cell}</span>' if cell in ZONES else _t(cell)


def _commands(block: Said | Table | Image) -> Iterator[str]:
    first, *others = [f"<code>{_t(written(command))}</code>" for command in block.commands]
    if len(others) < 3:
        yield '<p class="command">' + "<br>".join((first, *others)) + "</p>"
        return
    yield f'<p class="command">{first}</p><details class="command"><summary>{len(others)} more commands</summary>' \
        + "<br>".join(others) + "</details>"
