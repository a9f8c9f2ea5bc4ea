"""A page of one file, which asks for nothing: no script, no link to elsewhere, pictures inside.

Its own policy forbids a browser to load or run anything, should a word from outside ever pass for markup. Every such
word goes through `escaped`.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

from .printable import printable

STYLE = """
:root{--ink:#222;--soft:#5b6570;--line:#dfe3e7;--held:#1f6b4f;--failed:#b3203a;--trust:#8a5a00;--unseen:#4a5560}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);background:#fff;
 margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.4rem 0 .4rem}
p{margin:.4rem 0}ul{margin:.3rem 0;padding-left:1.2rem}li{margin:.3rem 0}
.soft{color:var(--soft)}code,.mono{font:12.5px/1.45 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.verdict{padding:.8rem 1rem;border-left:5px solid var(--held);background:#f2f7f4;margin:1rem 0;font-weight:600}
.verdict.failed{border-color:var(--failed);background:#fbf0f2}
.private{padding:.6rem 1rem;background:#222;color:#fff;font-weight:700;margin:0 0 1rem}
.badge{display:inline-block;min-width:6.2rem;text-align:center;border-radius:3px;padding:.05rem .45rem;color:#fff;
 font-size:12px;font-weight:600}
table{border-collapse:collapse;width:100%;margin:.4rem 0;font-size:13px}
th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #eef0f2;
 overflow-wrap:anywhere}
th{font-weight:600;color:var(--soft)}td.name{width:13rem;color:var(--soft)}
figure{margin:1rem 0;break-inside:avoid}img{max-width:100%;height:auto;border:1px solid var(--line)}
figcaption{font-size:13px;color:var(--soft)}details{margin:.4rem 0}summary{cursor:pointer;color:var(--soft)}
@media print{body{max-width:none;padding:0}details{display:block}}
"""
"""What all such pages look like."""


def escaped(text: object) -> str:
    """A word from outside, as text that is neither markup nor command."""
    return html.escape(printable(str(text)), quote=True)


def offline_page(title: str, body: Iterable[str], *, style: str = "") -> str:
    """A whole document.

    title : a word from outside, which is escaped here.  body : markup.  style : beside `STYLE`.
    """
    return "\n".join((
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        'style-src \'unsafe-inline\'">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escaped(title)}</title>", f"<style>{STYLE}{style}</style>", "</head>", "<body>", *body, "</body>",
        "</html>", ""))


def image(png: bytes, said: str) -> str:
    """A picture inside the page.  said : what who cannot see it is told."""
    return f'<img alt="{escaped(said)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
