"""What an epoch was made from, kept with it so that anybody can make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from primitives.errors import BadInput, Said, unreadable
from primitives.inputs import open_input
from risk.addons.terms import Terms
from risk.epochs.drawing import Drawn
from risk.models.calibration import Calibration
from risk.scenarios.scenarios import Scenarios

LARGEST_SOURCE = 64 << 20


@dataclass(frozen=True)
class Sources:
    """The three files of an epoch, byte for byte; history is None where the model reads none.

    paths : where they came from, for messages.
    """

    model: bytes
    book: bytes
    history: bytes | None
    paths: Mapping[str, str]

    @classmethod
    def read(cls, model: str | Path, book: str | Path, history: str | Path | None = None) -> Sources:
        """Read the files.

        Raises
        ------
        BadInput : a file is absent, unreadable or larger than 64 MiB.
        """
        paths = {"model": str(model), "book": str(book)} | ({} if history is None else {"history": str(history)})
        data = {name: read_source(path) for name, path in paths.items()}
        return cls(data["model"], data["book"], data.get("history"), paths)

    def files(self) -> dict[str, bytes]:
        """Content by name: model, book and, if there is one, history."""
        return {"model": self.model, "book": self.book} | ({} if self.history is None else {"history": self.history})


@dataclass(frozen=True, eq=False)
class Provenance:
    """Sources, the parameters they led to, and the scenarios drawn with those.

    near_ties : of the revaluation, see `risk.valuation.revaluation`; None where an epoch was read, not built.
    addons : rates of the listings, term by term; None where the model has no rules for them, and they are the book's
        contingencies, rounding and on a grid interpolation.
    """

    sources: Sources
    calibration: Calibration
    drawn: Drawn
    near_ties: int | None = None
    addons: Terms | None = None

    @property
    def scenarios(self) -> Scenarios:
        return self.drawn.scenarios


def read_source(path: str | Path, *, foreign: bool = False) -> bytes:
    """The bytes of a file.  foreign : as of `jsonio.read`.

    Raises
    ------
    BadInput : it is absent, unreadable or larger than 64 MiB.
    """
    try:
        with open_input(path, pipes=not foreign, links=not foreign) as file:
            data = file.read(LARGEST_SOURCE + 1)
    except OSError as error:
        raise BadInput("file", unreadable(error), "a readable file", source=path) from None
    if len(data) > LARGEST_SOURCE:
        raise BadInput("file size", Said("too large"), f"at most {LARGEST_SOURCE} bytes", source=path)
    return data
