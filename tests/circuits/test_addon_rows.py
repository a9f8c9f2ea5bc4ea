"""What docs/addons.md says that size inside the proof would cost is what recording it gives."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.addon_rows import measure

PAGE = Path(__file__).parent.parent.parent / "docs" / "addons.md"
COLUMNS = (("positive parts", 6), ("chosen segment", 6), ("chosen segment", 2), ("lowest confidence", 2))


def test_the_page_has_the_rows_that_are_counted() -> None:
    found = {(one["statement"], one["form"], one["elements"]): one for one in measure()}
    lines = re.findall(r"^\| `((?:margin|cover)-[-a-z0-9]+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(lines) == 5
    for name, cells in lines:
        said = [tuple(int(number.replace(",", "")) for number in re.findall(r"[\d,]+", cell))
                for cell in cells.split(" | ")]
        forms = [found[name, *column] for column in COLUMNS]
        assert said == [(forms[0]["rows"], forms[0]["domain"]), *((one["then"], one["then domain"]) for one in forms)]
    tight = found["margin-full-256x16", "chosen segment", 2]
    assert isinstance(tight["then"], int)
    assert f"misses it by {tight['then'] - (2**16 - 1 - 4)}," in PAGE.read_text()
