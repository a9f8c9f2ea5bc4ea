"""The digest of everything, and how anybody makes the epoch again."""

from __future__ import annotations

import hashlib

from circuits import statements
from primitives.errors import BadInput
from risk.exact.shape import EpochShape
from risk.grid.grid_directory import COLLATERAL
from risk.grid.grid_epoch import GridEpoch
from risk.margins.shocks import provenance_of
from risk.models.model import parse_model

from ..number_forms import element
from .section import Command, Said, Section, Table, Words
from .subject import Subject


def _build(subject: Subject, history: bool) -> Command:
    """The command that makes the same epoch, into a directory of another name."""
    numbers, sources = subject.numbers, subject.sources
    own = subject.market.model
    options = {"--book": str(sources / "book.json"), "--model": str(sources / "model.toml")}
    if history:
        options["--history"] = str(sources / "history.csv")
    if isinstance(numbers, GridEpoch) or numbers.shape != _stated_shape(subject):
        options["--statement"] = next((name for name in statements.names() if (one := statements.get(name)).reads_epoch
                                       and one.shape == numbers.shape), "STATEMENT")
    if isinstance(numbers, GridEpoch):
        options["--regime"] = str(numbers.regime)
        if numbers.collateral is not None:
            options["--collateral"] = str(subject.path / COLLATERAL)
    if numbers.header.previous:
        options["--previous"] = "before"
    accepted = (word for one in numbers.header.judgement.accepted if one.gate not in own.gates.accepted
                for word in ("--accept", f"{one.gate}={one.reason}"))
    return ("epoch", "build", *(word for pair in options.items() for word in pair), *accepted, "--out", "again")


def _stated_shape(subject: Subject) -> EpochShape | None:
    """The shape that the model file names; None if it names none."""
    try:
        return parse_model(provenance_of(subject.numbers).sources.model).shape
    except BadInput:
        return None


def determinism(subject: Subject) -> Section:
    numbers, own = subject.numbers, (subject.own("determinism"),)
    files = provenance_of(numbers).sources.files()
    suffix = {"model": "model.toml", "book": "book.json", "history": "history.csv"}
    again = _build(subject, "history" in files)
    first = not numbers.header.previous
    return Section("determinism", "Determinism: one root", (
        Words("An epoch is a function of its sources. Doubles in it use only what IEEE 754 fixes, so that two machines "
              "find one root; nothing is fitted where it is made, and the seed follows from the model, the epoch "
              "before and the valuation. The root was computed from the arrays again when they were read for this "
              "report."),
        Table(("", "digest"), (("root", element(numbers.root)), ("model_digest", numbers.header.model_digest),
                               ("seed", str(numbers.header.seed))), (subject.command("epoch", "show"),)),
        Table(("source", "bytes", "SHA-256"), tuple(
            (suffix[name], str(len(data)), hashlib.sha256(data).hexdigest()) for name, data in files.items()), own),
        Said("To make it again and compare every leaf; this also fits the model anew and holds the parameters against "
             "that:", (subject.command("epoch", "check"),)),
        Said(f"Or by hand, to the same root, from {len(files)} sources and {numbers.shape.scenarios} scenarios"
             + (":" if first else "; before is the epoch before, whose root the seed is derived from:"), (again,))))
