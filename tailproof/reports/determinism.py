"""The digest of everything, and how anybody makes the epoch again."""

from __future__ import annotations

import hashlib

from risk.epochs.epoch import Epoch
from risk.margins.shocks import provenance_of

from .section import Command, Said, Section, Table, Words
from .subject import Subject


def determinism(subject: Subject) -> Section:
    numbers, own = subject.numbers, (subject.own("determinism"),)
    files = provenance_of(numbers).sources.files()
    suffix = {"model": "model.toml", "book": "book.json", "history": "history.csv"}
    sources = subject.path / "sources"
    arrays = numbers if isinstance(numbers, Epoch) else numbers.arrays
    again: Command = ("epoch", "build", "--book", str(sources / suffix["book"]), "--model", str(sources / "model.toml"),
                      *(("--history", str(sources / suffix["history"])) if "history" in files else ()),
                      *(() if isinstance(numbers, Epoch) else ("--regime", str(numbers.regime))), "--out", "again")
    first = not numbers.header.previous
    return Section("determinism", "Determinism: one root", (
        Words("An epoch is a function of its sources. Doubles in it use only what IEEE 754 fixes, so that two machines "
              "find one root; nothing is fitted where it is made, and the seed follows from the model, the epoch "
              "before and the valuation. The root was computed from the arrays again when they were read for this "
              "report."),
        Table(("", "digest"), (("root", str(numbers.root)), ("model_digest", numbers.header.model_digest),
                               ("seed", str(numbers.header.seed))), (subject.command("epoch", "show"),)),
        Table(("source", "bytes", "SHA-256"), tuple(
            (suffix[name], str(len(data)), hashlib.sha256(data).hexdigest()) for name, data in files.items()), own),
        Said("To make it again and compare every leaf; this also fits the model anew and holds the parameters against "
             "that:", (subject.command("epoch", "check"),)),
        Said(f"Or by hand, to the same root, from {len(files)} sources and {arrays.shape.scenarios} scenarios"
             + (":" if first else "; --previous DIRECTORY names the epoch before, whose root the seed is derived "
                "from:"), (again if first else (*again, "--previous", "before"),))))
