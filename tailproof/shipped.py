"""Files that come with the program and are no code: the fixtures, of which the demo plays."""

from __future__ import annotations

from pathlib import Path


def fixtures(name: str) -> Path:
    """A folder of fixtures: beside this module where tailproof is installed from a wheel, beside its room in the
    repository."""
    here = Path(__file__).resolve().parent
    inside = here / "fixtures"
    return (inside if inside.is_dir() else here.parent / "fixtures") / name
