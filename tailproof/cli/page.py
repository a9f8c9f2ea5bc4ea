"""`tailproof page`: the page that verifies in a browser, written where somebody wants it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from primitives import jsonio

from .console import OUTPUT, Outcome, reporting


@click.command()
@click.option("--out", type=OUTPUT, required=True, help="HTML file to write.")
@reporting
def page(out: Path) -> Outcome:
    """Write the page that verifies bundles and certificates in a browser: one file, offline, without Node."""
    from ..page import FILE
    content = FILE.read_bytes()
    with jsonio.creating(out) as file:
        file.write(content)
    digest = hashlib.sha256(content).hexdigest()
    return Outcome({"path": str(out), "bytes": len(content), "sha256": digest},
                   [f"{out}: open it in a browser. SHA-256 {digest}, the same for everybody of this version."])
