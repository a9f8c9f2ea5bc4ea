"""docs/attacks.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_attack_is_tried() -> None:
    page = (ROOT / "docs" / "attacks.md").read_text()
    rows = [line for line in page.splitlines() if re.match(r"\| \d", line)]
    assert [int(line.split("|")[1]) for line in rows] == list(range(1, len(rows) + 1))
    written = {name for room in ("verifier_contracts", "tailproof")
               for path in (ROOT / "tests" / room).glob("test_*.py")
               for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row.rsplit("|", 2)[1])
        assert named, row
        assert not set(named) - written, row
