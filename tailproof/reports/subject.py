"""What a report is of. Public sections are given a `Subject`, which holds no portfolio; private ones a `Holder`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from primitives.errors import BadInput
from risk.epochs.provenance import read_source
from risk.grid.grid_directory import ARRAYS
from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import Breakdown, breakdown
from risk.margins.levels import from_today
from risk.margins.shocks import Market, provenance_of
from risk.market.history import History, parse_history
from risk.scenarios.scenarios import Scenarios

from .. import epochs, extras
from .book_stress import from_today_on
from .section import Command

if TYPE_CHECKING:
    from risk.backtests.forecasts import Forecasts
    from risk.cascades.parameters import Cascade
    from risk.margins.portfolio import Portfolio
    from risk.models.calibration import Calibration

    from ..epochs import AnyEpoch

_JUDGE, _SIMULATE = ("backtests",), ("fund", "emir")
"""Sections that files of forecasts are told in, and what depends on a cascade."""
Progress = Callable[[str, int, int], None]


def quiet(stage: str, done: int, total: int) -> None:
    """No progress."""


@dataclass(frozen=True)
class Simulated:
    """A cascade that the fund is sized by.  words : CONFIG or --preset, as typed.  seeds : how many."""

    cascade: Cascade
    words: Command
    seeds: int


@dataclass(frozen=True, eq=False)
class Subject:
    """An epoch with all that is public of it.

    path : its directory, as typed: commands name it.
    history_path : prices to look back on in place of its own.
    forecasts : judged beside those that are made here, by the path of their file; from `risk forecast` or elsewhere.

    Raises
    ------
    BadInput : an epoch of bare numbers; a history of other assets.
    """

    path: Path
    numbers: AnyEpoch
    history_path: Path | None = None
    forecasts: Mapping[Path, Forecasts] = field(default_factory=dict)
    simulated: Simulated | None = None
    progress: Progress = quiet

    @classmethod
    def read(cls, path: Path, *, history: Path | None = None, simulated: Simulated | None = None,
             progress: Progress = quiet) -> Subject:
        """Load an epoch, whose root is recomputed; errors as above, and as `epochs.load`."""
        found = cls(path, epochs.load(path), history, {}, simulated, progress)
        _ = found.market, found.history
        return found

    @cached_property
    def market(self) -> Market:
        return Market(self.numbers)

    @cached_property
    def history(self) -> History | None:
        model = self.market.model
        if self.history_path is None:
            return self.market.history
        return parse_history(read_source(self.history_path), assets=model.assets, calendar=model.calendar,
                             step_seconds=model.step_seconds, max_gap_steps=model.max_gap_steps,
                             source=self.history_path)

    @cached_property
    def risk(self) -> AnyEpoch:
        """Changes of value from today on, also where the epoch has levels."""
        return from_today(self.numbers)

    @cached_property
    def changes(self) -> Market:
        """The market in which reference books are margined, of changes from today on."""
        return from_today_on(self.market)

    @cached_property
    def scenarios(self) -> Scenarios:
        from risk.margins.explain import scenarios_of
        return scenarios_of(self.numbers, self.market.model)

    @property
    def calibration(self) -> Calibration:
        return provenance_of(self.numbers).calibration

    @property
    def quote(self) -> str:
        return self.numbers.header.quote

    # -- commands ---------------------------------------------------------------------------------------------------
    @property
    def sources(self) -> Path:
        """Where the epoch keeps what it was made from."""
        inner = self.path / ARRAYS if isinstance(self.numbers, GridEpoch) else self.path
        return inner / "sources"

    @property
    def model_file(self) -> str:
        return str(self.sources / "model.toml")

    @property
    def history_file(self) -> str:
        return str(self.sources / "history.csv" if self.history_path is None else self.history_path)

    def command(self, *words: str) -> Command:
        """`tailproof WORDS EPOCH`."""
        return (*words, str(self.path))

    def own(self, section: str) -> Command:
        """The command that prints one section of this report."""
        return ("risk", "report", str(self.path), "--section", section, *self.given(section))

    def given(self, section: str) -> Command:
        """Options of this report that a section is made of."""
        return (*self.prices,
                *(word for path in self.forecasts if section in _JUDGE for word in ("--forecasts", str(path))),
                *(() if self.simulated is None or section not in _SIMULATE else self._simulated(self.simulated)))

    @staticmethod
    def _simulated(one: Simulated) -> Command:
        return (*(("--cascade", one.words[0]) if len(one.words) == 1 else ("--cascade-preset", one.words[1])),
                "--seeds", str(one.seeds))

    @property
    def prices(self) -> Command:
        """The option that names prices which were brought beside the epoch."""
        return () if self.history_path is None else ("--history", str(self.history_path))

    # -- pictures ---------------------------------------------------------------------------------------------------
    @cached_property
    def no_pictures(self) -> str | None:
        """Why none are drawn; None if they are."""
        absent = extras.lacking("matplotlib")
        return None if absent is None else str(absent)

    @cached_property
    def no_search(self) -> str | None:
        """Why no least implausible move is looked for; None if one is."""
        absent = extras.lacking("scipy")
        return None if absent is None else str(absent)


@dataclass(frozen=True, eq=False)
class Holder:
    """A portfolio under an epoch: for its holder alone."""

    subject: Subject
    path: Path
    portfolio: Portfolio

    @cached_property
    def rows(self) -> Sequence[tuple[int, int]]:
        return self.portfolio.rows(self.subject.numbers)

    @cached_property
    def whole(self) -> Breakdown:
        """The margin that is proven."""
        return breakdown(self.subject.numbers, self.rows)

    @cached_property
    def found(self) -> Breakdown:
        """Of what may be lost from today on."""
        return breakdown(self.subject.risk, self.rows) if self.subject.numbers.levels else self.whole

    def command(self, *words: str) -> Command:
        """`tailproof WORDS EPOCH PORTFOLIO`."""
        return (*words, str(self.subject.path), str(self.path))

    def own(self, section: str) -> Command:
        """As `Subject.own`."""
        return ("risk", "report", str(self.subject.path), "--portfolio", str(self.path), "--section", section,
                *self.subject.given(section))


def positions_must_be_held(holder: Holder) -> None:
    """Refuse a portfolio of nothing, of which there is nothing to say.

    Raises
    ------
    BadInput : no position, or none with lots.
    """
    if not any(lots for _, lots in holder.rows):
        raise BadInput("positions", [], "one at least with lots: there is nothing to explain",
                       source=shlex.quote(str(holder.path)))
