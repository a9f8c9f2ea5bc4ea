"""What pages about regulations share."""

from __future__ import annotations

from .subject import Subject

YEAR_SECONDS = 365.25 * 86400


def judged_by(holds: bool, otherwise: str = "no", *, partly: bool = False) -> str:
    """A cell: "yes", or "partly" where what is here is less than what is asked."""
    return ("partly" if partly else "yes") if holds else otherwise


def seconds_of_history(subject: Subject) -> int:
    """From the first price to the last; 0 without."""
    history = subject.history
    return 0 if history is None else history.times[-1] - history.times[0]
