"""The sections of each edition, in their order, and the document that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from primitives.errors import BadInput, suggestion

from .. import telling
from .backtests import backtests
from .books import books
from .breaking import breaking
from .determinism import determinism
from .drivers import drivers
from .emir import emir
from .frtb import frtb
from .fund import fund
from .gates import gates
from .holding import holding
from .inputs import inputs
from .matching import matching
from .model_card import model_card
from .number import number
from .page import page
from .procyclicality import procyclicality
from .section import Section, to_json
from .stress import stress
from .subject import Holder, Subject, positions_must_be_held
from .what_if import what_if

LARGEST = 3_000_000
"""Bytes of a page."""
PUBLIC: Mapping[str, Callable[[Subject], Section]] = {
    "number": number, "model": model_card, "gates": gates, "books": books, "matching": matching,
    "backtests": backtests, "procyclicality": procyclicality, "stress": stress, "fund": fund, "inputs": inputs,
    "determinism": determinism, "frtb": frtb, "emir": emir}
PRIVATE: Mapping[str, Callable[[Holder], Section]] = {"margin": holding, "drivers": drivers, "what-if": what_if,
                                                          "breaking": breaking}
"""By the id of the section."""


@dataclass(frozen=True)
class Report:
    """One edition.  private : it is of a portfolio."""

    title: str
    subtitle: str
    private: bool
    sections: tuple[Section, ...]

    def page(self) -> bytes:
        """The page, UTF-8.

        Raises
        ------
        BadInput : one of more than 3 MB, which would not be opened or mailed.
        """
        data = page(self.title, self.subtitle, self.sections, private=self.private).encode()
        if len(data) > LARGEST:
            raise BadInput("size of the report", len(data), f"at most {LARGEST} bytes")
        return data

    def to_json(self) -> dict[str, Any]:
        """All of its text, and the commands."""
        return {"title": self.title, "edition": "private" if self.private else "public",
                "sections": [to_json(section) for section in self.sections]}


def public_report(subject: Subject, only: str | None = None) -> Report:
    """What anybody may see of an epoch.

    only : the id of one section.

    Raises
    ------
    BadInput : there is no such section; what sections refuse.
    """
    header = subject.numbers.header
    return Report(f"Risk report of an epoch of {header.venue}", telling.setting(subject.numbers), False,
                  tuple(PUBLIC[id](subject) for id in _chosen(PUBLIC, only, "public")))


def private_report(holder: Holder, only: str | None = None) -> Report:
    """What the holder of a portfolio sees of it; errors as above, and of a portfolio of nothing."""
    positions_must_be_held(holder)
    return Report(f"Margin report of {holder.path.stem.replace('_', ' ')}", telling.setting(holder.subject.numbers),
                  True, tuple(PRIVATE[id](holder) for id in _chosen(PRIVATE, only, "private")))


def _chosen(builders: Mapping[str, object], only: str | None, edition: str) -> tuple[str, ...]:
    if only is None:
        return tuple(builders)
    if only not in builders:
        raise BadInput("--section", only, f"one of the {edition} edition's: {', '.join(builders)}"
                       f"{suggestion(only, list(builders))}")
    return (only,)
