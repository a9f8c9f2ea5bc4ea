"""Files that come with the program and are no code: the fixtures, of which the demo plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

INPUTS = (".json", ".toml")
"""What fixtures a command takes end in."""


def fixtures(name: str) -> Path:
    """A folder of fixtures: beside this module where tailproof is installed from a wheel, beside its room in the
    repository."""
    here = Path(__file__).resolve().parent
    inside = here / "fixtures"
    return (inside if inside.is_dir() else here.parent / "fixtures") / name


def inputs() -> Iterator[tuple[Path, bytes]]:
    """Every book, model, portfolio and collateral file among the fixtures: its path there, and its content."""
    root = fixtures("")
    for path in sorted(root.rglob("*")):
        if path.suffix in INPUTS and path.is_file():
            yield path.relative_to(root), path.read_bytes()
