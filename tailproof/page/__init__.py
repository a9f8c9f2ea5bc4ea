"""The page that verifies in a browser: one static file, `verify.html`, which needs neither network nor Node.

It is made from `web/` by `make page`, and committed, so that whoever installs or clones has it; a test makes it again.
"""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).with_name("verify.html")
