"""From market data to epoch: read the sources, calibrate, draw, revalue, commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.epochs.epoch import Epoch, Header
from risk.epochs.provenance import Provenance, Sources
from risk.exact.clock import DAY, format_time
from risk.exact.digests import content_digest
from risk.exact.shape import Tail
from risk.market.book import Book, parse_book
from risk.market.history import History, parse_history
from risk.models.calibration import Calibration, calibrate
from risk.models.model import Estimator, Model, parse_model
from risk.scenarios import filtered_historical, monte_carlo
from risk.scenarios.scenarios import Scenarios, simulate
from risk.valuation.revaluation import value_changes

Progress = Callable[[str, int, int], None]
STAGES = ("read", "calibrate", "scenarios", "revalue", "commit")


def build(sources: Sources, *, published: Calibration | None = None, progress: Progress | None = None) -> Epoch:
    """The epoch that sources determine: the same sources give the same root, on every machine.

    Parameters
    ----------
    published : parameters to take where the model says "fit", instead of fitting; an epoch publishes those it was
        built with.
    progress : called with (stage, stages done, stages in all).

    Raises
    ------
    BadInput : from any source, naming file, field, value and bound; more instruments than the tree holds; masses that
        the model's estimator does not draw scenarios for; E1 to E5.
    """
    stage = _stages(progress)
    stage("read")
    model, book, history = parse_sources(sources)
    require_equally_likely(model.shape.tail, f"{model.estimator} draws scenarios", field="epoch.masses",
                           source=sources.paths.get("model"))
    stage("calibrate")
    calibration = calibrate(model, history, published)
    stage("scenarios")
    scenarios = draw(model, calibration, history)
    return _committed(model, book, sources, calibration, scenarios, progress)


def build_on(sources: Sources, calibration: Calibration, scenarios: Scenarios, *, progress: Progress | None = None
             ) -> Epoch:
    """The epoch of scenarios that come from elsewhere, with masses where the model's shape has them.

    Parameters
    ----------
    calibration : what the scenarios were drawn with; volatilities after the horizon follow from it.
    scenarios : S of them, scenario s standing for mass p_s of the shape.

    Raises
    ------
    BadInput : as `build`; another number of scenarios or underlyings than the model's.
    """
    stage = _stages(progress)
    stage("read")
    model, book, _ = parse_sources(sources)
    wanted = (model.shape.scenarios, len(model.assets))
    if scenarios.returns.shape != wanted:
        raise BadInput("scenarios x underlyings", scenarios.returns.shape, f"{wanted}, as the model has it",
                       source=sources.paths.get("model"))
    return _committed(model, book, sources, calibration, scenarios, progress)


def _stages(progress: Progress | None) -> Callable[[str], None]:
    def stage(name: str) -> None:
        if progress is not None:
            progress(name, STAGES.index(name), len(STAGES))

    return stage


def _committed(model: Model, book: Book, sources: Sources, calibration: Calibration, scenarios: Scenarios,
               progress: Progress | None) -> Epoch:
    stage = _stages(progress)
    stage("revalue")
    changes = value_changes(book, model, calibration, scenarios)
    stage("commit")
    epoch = assemble(model, book, sources, calibration, scenarios, changes)
    _ = epoch.root                                 # checks E1 to E5, then hashes
    if progress is not None:
        progress(STAGES[-1], len(STAGES), len(STAGES))
    return epoch


def require_equally_likely(tail: Tail, drawn: str, *, field: str, source: str | Path | None = None) -> None:
    """Refuse masses for scenarios that are drawn as equally likely: some would count for more than they happen.

    Parameters
    ----------
    drawn : by whom, for the message: "monte-carlo-garch-t draws scenarios".

    Raises
    ------
    BadInput : masses that are not all the same.
    """
    if not tail.uniform:
        raise BadInput(field, str(tail), f"absent or all the same: {drawn} that are equally likely, and with masses "
                       "some would count for more than they happen", source=source)


def parse_sources(sources: Sources) -> tuple[Model, Book, History | None]:
    """The three files, checked each alone and then together.

    Raises
    ------
    BadInput : also a history that the model does not read or that is missing, or that does not end at the book's
        valuation: later it would look ahead, earlier it would be stale.
    """
    model = parse_model(sources.model, source=sources.paths.get("model"))
    book = parse_book(sources.book, source=sources.paths.get("book"))
    capacity = model.shape.capacity - 1
    if len(book.listings) > capacity:
        raise BadInput("number of instruments", len(book.listings),
                       f"at most {capacity}: the tree has 8**depth leaves, one of them the null leaf",
                       source=sources.paths.get("book"))
    if sources.history is None or model.max_gap_days is None:
        if sources.history is not None or model.needs_history:
            bound = "given: the model reads prices" if model.needs_history else "absent: the model reads no prices"
            raise BadInput("history", sources.paths.get("history"), bound, source=sources.paths.get("model"))
        return model, book, None
    path = sources.paths.get("history")
    history = parse_history(sources.history, max_gap_days=model.max_gap_days, source=path)
    age = book.valuation - history.closed
    if not 0 <= age <= (model.max_gap_days + 1) * DAY:
        raise BadInput("last date", str(history.dates[-1]),
                       f"at most {model.max_gap_days} days before the valuation {format_time(book.valuation)}, "
                       "and not after it", source=path)
    return model, book, history


def draw(model: Model, calibration: Calibration, history: History | None) -> Scenarios:
    """The scenarios of a calibrated model."""
    sizes = {"seed": model.seed, "scenarios": model.shape.scenarios, "horizon": model.horizon}
    if model.estimator == Estimator.MONTE_CARLO:
        drawn = monte_carlo.innovations(calibration, **sizes)
    else:
        assert history is not None                 # `parse_sources` has made sure
        drawn = filtered_historical.innovations(calibration, history, **sizes)
    return simulate(calibration, model.assets, drawn)


def assemble(model: Model, book: Book, sources: Sources, calibration: Calibration, scenarios: Scenarios,
             changes: NDArray[np.int64]) -> Epoch:
    """Put everything together; (n, S) value changes in the order of the book's listings."""
    header = Header(venue=book.venue, quote=book.quote, timestamp=book.valuation, underlyings=model.assets,
                    model=model.name, model_digest=content_digest(sources.model))
    instruments = [listing.instrument for listing in book.listings]
    return Epoch.of(
        model.shape, [instrument.id for instrument in instruments], changes,
        underlying=np.array([model.assets.index(i.underlying) for i in instruments], np.int64),
        long=np.array([listing.long for listing in book.listings], np.int64),
        short=np.array([listing.short for listing in book.listings], np.int64),
        header=header, instruments=instruments, provenance=Provenance(sources, calibration, scenarios))
