"""The page that verifies in a browser: one static file, made from `web/`, which needs neither network nor Node."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).with_name("verify.html")
