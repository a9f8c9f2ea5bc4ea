"""From market data to epoch: read the sources, calibrate, draw, revalue, commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.addons.charging import terms_of
from risk.addons.terms import Terms
from risk.epochs.drawing import Drawn, draw
from risk.epochs.epoch import Epoch
from risk.epochs.header import Header, Judgement
from risk.epochs.marks import marks_of
from risk.epochs.plausibility import judge, judge_early
from risk.epochs.provenance import Provenance, Sources
from risk.epochs.rounding import contingencies, require_lots, rounding
from risk.epochs.seed import derived_seed
from risk.exact.clock import format_time
from risk.exact.digests import content_digest
from risk.exact.shape import EpochShape, Tail
from risk.market.book import Book, Listing, parse_book, with_cash
from risk.market.history import History, parse_history
from risk.market.instruments import Kind
from risk.models.calibration import Calibration, calibrate
from risk.models.model import Basis, Estimator, Model, Purpose, parse_model
from risk.models.procyclicality import State
from risk.scenarios.scenarios import Scenarios
from risk.valuation.revaluation import revalue

Progress = Callable[[str, int, int], None]
STAGES = ("read", "calibrate", "scenarios", "revalue", "commit")
LEAST_TAIL = 5
"""Scenarios that the tail must hold: fewer say more of themselves than of the market."""
LEAST_SCENARIOS = 100
LARGEST_LEVEL = Fraction(1, 10)
"""Share of the scenarios that a tail may hold: the mean over more says little of losses."""
FIRST = 0
"""What the first epoch of a chain names as the root of its predecessor."""


@dataclass(frozen=True)
class Inputs:
    """Sources, read and judged.  seed : of the scenarios; previous : root of the epoch before, or `FIRST`."""

    sources: Sources
    model: Model
    book: Book
    history: History | None
    calibration: Calibration
    judgement: Judgement
    seed: int
    previous: int


def build(sources: Sources, *, shape: EpochShape | None = None, previous_root: int = FIRST,
          previous_state: State | None = None, accepted: Mapping[str, str] | None = None,
          progress: Progress | None = None) -> Epoch:
    """The epoch that sources determine: the same sources give the same root, on every machine.

    Parameters
    ----------
    shape : of the statement that the epoch is for; needed if the model file names a statement, else it goes before the
        model's own.
    previous_root : of the epoch before, which the seed is derived from.
    previous_state : that its manifest's calibration leaves, which tools against procyclical margins go on from.
    accepted : reason by plausibility gate, on top of the model file's.
    progress : called with (stage, stages done, stages in all).

    Raises
    ------
    BadInput : from any source, naming file, field, value and bound; more instruments than the tree holds; scenarios
        that are too few or stand badly for their population; E1 to E5, E10, E11.
    """
    inputs = prepare(sources, shape, previous_root=previous_root, previous_state=previous_state, accepted=accepted,
                     progress=progress)
    shape = inputs.model.shape
    require_enough(inputs.model, shape.tail, shape.scenarios, source=sources.paths.get("model"))
    _stages(progress)("scenarios")
    drawn = draw(inputs.model, inputs.calibration, inputs.history, seed=inputs.seed)
    return _committed(inputs, drawn, progress)


def build_on(sources: Sources, calibration: Calibration, scenarios: Scenarios, *, progress: Progress | None = None
             ) -> Epoch:
    """The epoch of scenarios that come from elsewhere, with masses where the model's shape has them.

    An audit, which draws them again, cannot pass it.

    Parameters
    ----------
    calibration : what the scenarios were drawn with; volatilities after the horizon follow from it.
    scenarios : S of them, scenario s standing for mass p_s of the shape.

    Raises
    ------
    BadInput : as `build`; another number of scenarios or underlyings than the model's.
    """
    inputs = replace(prepare(sources, progress=progress), calibration=calibration)
    model, shape = inputs.model, inputs.model.shape
    require_enough(model, shape.tail, shape.scenarios, source=sources.paths.get("model"))
    wanted = (shape.scenarios, len(model.assets))
    if scenarios.returns.shape != wanted:
        raise BadInput("scenarios x underlyings", scenarios.returns.shape, f"{wanted}, as the model has it",
                       source=sources.paths.get("model"))
    return _committed(inputs, Drawn(scenarios, 0, None), progress)


def prepare(sources: Sources, shape: EpochShape | None = None, *, previous_root: int = FIRST,
            previous_state: State | None = None, accepted: Mapping[str, str] | None = None,
            progress: Progress | None = None) -> Inputs:
    """Read the sources, calibrate, and pass the gates; parameters and errors as `build`."""
    stage = _stages(progress)
    stage("read")
    model, book, history = parse_sources(sources, shape)
    reasons = {} if accepted is None else accepted
    judge_early(model, history, reasons)
    stage("calibrate")
    calibration = calibrated(model, book, history, previous_state)
    unseen = 0 if history is None else _unseen(model, book, history)
    judgement = judge(model, book, history, calibration, unseen, reasons)
    return Inputs(sources, model, book, history, calibration, judgement,
                  seed_of(model, book, sources, previous_root), previous_root)


def require_enough(model: Model, tail: Tail, scenarios: int, *, source: str | None = None) -> None:
    """Refuse sets of scenarios that are too few for the number that comes of them, unless it is a trial's.

    A handwritten set is no sample: its rows are as many as somebody wrote, and the tail may be the worst of few. With
    masses, the tail is taken to hold the lightest scenarios, which are the outermost; how well they stand for their
    population is measured besides (`risk.epochs.drawing`), so their number needs no bound.

    Raises
    ------
    BadInput : fewer than 100 equally likely ones, or a tail of fewer than 5; one of more than a tenth of them, unless
        it is a single row of a handwritten set.
    """
    if model.purpose == Purpose.TRIAL:
        return
    handwritten = model.estimator == Estimator.HANDWRITTEN
    if not handwritten and tail.uniform and scenarios < LEAST_SCENARIOS:
        raise BadInput("number of scenarios", scenarios, f'at least {LEAST_SCENARIOS}, or purpose = "trial"',
                       source=source)
    share = tail.share(scenarios)
    if share > LARGEST_LEVEL and not (handwritten and share * scenarios <= 1):
        raise BadInput("tail", str(tail), f'at most a tenth of the scenarios, or purpose = "trial": it is '
                       f"{float(share):.3g} of them", source=source)
    if handwritten:
        return
    lightest = sorted(tail.weights(scenarios))[:LEAST_TAIL]
    if len(lightest) < LEAST_TAIL or sum(lightest) > tail.numerator:
        raise BadInput("tail", str(tail), f'that of at least {LEAST_TAIL} scenarios, or purpose = "trial"',
                       source=source)


def _stages(progress: Progress | None) -> Callable[[str], None]:
    def stage(name: str) -> None:
        if progress is not None:
            progress(name, STAGES.index(name), len(STAGES))

    return stage


def _committed(inputs: Inputs, drawn: Drawn, progress: Progress | None) -> Epoch:
    stage, model, book = _stages(progress), inputs.model, inputs.book
    require_lots(book, drawn.scenarios, model.shape.tail, source=inputs.sources.paths.get("book"))
    stage("revalue")
    revaluation = revalue(book, model, inputs.calibration, drawn.scenarios)
    stage("commit")
    epoch = assemble(inputs, drawn, revaluation.changes, revaluation.near_ties)
    _ = epoch.root                                 # checks E1 to E5, then hashes
    if progress is not None:
        progress(STAGES[-1], len(STAGES), len(STAGES))
    return epoch


def require_equally_likely(tail: Tail, drawn: str, *, field: str, source: str | Path | None = None) -> None:
    """Refuse masses for scenarios that are drawn as equally likely: some would count for more than they happen.

    Parameters
    ----------
    drawn : by whom, for the message: "monte-carlo draws scenarios".

    Raises
    ------
    BadInput : masses that are not all the same.
    """
    if not tail.uniform:
        raise BadInput(field, str(tail), f"absent or all the same: {drawn} that are equally likely, and with masses "
                       "some would count for more than they happen", source=source)


def parse_sources(sources: Sources, shape: EpochShape | None = None, *, left_out: str | None = None
                  ) -> tuple[Model, Book, History | None]:
    """The three files, checked each alone and then together; the book's underlyings are put in the model's order,
    and of levels cash among its listings.

    Parameters
    ----------
    left_out : a venue whose quotes are not looked at (`parse_book`).

    Raises
    ------
    BadInput : also a book of other underlyings than the model's assets, a history that the model does not read or that
        is missing, or one that does not end at the book's valuation: later it would look ahead, earlier be stale; on
        levels an inverse perpetual or future without a reference.
    """
    model = parse_model(sources.model, shape=shape, source=sources.paths.get("model"))
    book = _in_order(parse_book(sources.book, source=sources.paths.get("book"), left_out=left_out), model, sources)
    settled = len([listing for listing in book.listings if listing.settled is not None])
    levels = model.basis == Basis.LEVEL
    capacity = (model.shape.capacity - 2 - settled) // 2 - 1 if levels else model.shape.capacity - 2 - settled
    if len(book.listings) > capacity:
        more = "; of levels, cash is one more instrument, and each has a mark" if levels else ""
        raise BadInput("number of instruments", len(book.listings),
                       f"at most {capacity}: the tree has 8**depth leaves, of which the null leaf is one, the header's "
                       f"another, and settlements are {settled}{more}",
                       source=sources.paths.get("book"))
    if levels:
        _require_references(book, sources)
        book = with_cash(book, source=sources.paths.get("book"))
    if sources.history is None or not model.needs_history:
        if sources.history is not None or model.needs_history:
            bound = "given: the model reads prices" if model.needs_history else "absent: the model reads no prices"
            raise BadInput("history", sources.paths.get("history"), bound, source=sources.paths.get("model"))
        return model, book, None
    path = sources.paths.get("history")
    history = parse_history(sources.history, assets=model.assets, calendar=model.calendar,
                            step_seconds=model.step_seconds, max_gap_steps=model.max_gap_steps, source=path)
    if book.valuation < history.closed or _unseen(model, book, history) > model.max_gap_steps:
        raise BadInput("last row", history.labels[-1],
                       f"at most {model.max_gap_steps} steps before the valuation {format_time(book.valuation)}, "
                       "and not after it", source=path)
    return model, book, history


def _require_references(book: Book, sources: Sources) -> None:
    """On levels, a lot of an inverse perpetual or future is worth something only from a price on."""
    for listing in book.listings:
        if listing.instrument.notional and listing.instrument.reference is None:
            raise BadInput(f"{listing.instrument.symbol}: reference", None, 'given: with basis = "level" its coins are '
                           "counted from that price, see risk/valuation/inverse.py",
                           source=sources.paths.get("book"))


def _in_order(book: Book, model: Model, sources: Sources) -> Book:
    """The book with its underlyings in the order of the model's assets."""
    known = {underlying.symbol: underlying for underlying in book.underlyings}
    if set(known) != set(model.assets):
        raise BadInput("underlyings", ",".join(known), f"the assets of the model, {', '.join(model.assets)}, in any "
                       "order", source=sources.paths.get("book"))
    return replace(book, underlyings=tuple(known[asset] for asset in model.assets))


def _unseen(model: Model, book: Book, history: History) -> int:
    return history.steps_until(book.valuation, model.calendar, model.step_seconds)


def calibrated(model: Model, book: Book, history: History | None, previous: State | None = None) -> Calibration:
    """The state at the book's valuation."""
    return calibrate(model, history, unseen=0 if history is None else _unseen(model, book, history), at=book.valuation,
                     previous=previous)


def state_before(calibration: Calibration | None) -> State | None:
    """The state that an epoch says it went on from: with it, it is made again without the epoch before."""
    mitigation = None if calibration is None else calibration.mitigation
    return None if mitigation is None else mitigation.before


def seed_of(model: Model, book: Book, sources: Sources, previous_root: int) -> int:
    """A trial's own seed, or the one that follows from model, predecessor and valuation."""
    if model.seed is not None:
        return model.seed
    return derived_seed(sources.model, previous_root, book.valuation)


def assemble(inputs: Inputs, drawn: Drawn, changes: NDArray[np.int64], near_ties: int | None = None,
             charged: Terms | None = None) -> Epoch:
    """Put everything together; (n, S) value changes or levels in the order of the book's listings.

    charged : rates, where they do not follow from the changes, as on a grid.
    """
    model, book, sources = inputs.model, inputs.book, inputs.sources
    header = Header(venue=book.venue, quote=book.quote, timestamp=book.valuation, underlyings=model.assets,
                    model=model.name, model_digest=content_digest(sources.model), purpose=model.purpose,
                    seed=inputs.seed, previous=inputs.previous, judgement=inputs.judgement, basis=model.basis)
    instruments = [listing.instrument for listing in book.listings]
    terms = addons(inputs, [changes], model.shape.tail) if charged is None else charged
    return Epoch.of(
        model.shape, [instrument.id for instrument in instruments], changes,
        underlying=np.array([_underlying(model, listing) for listing in book.listings], np.int64),
        long=terms.total("long"), short=terms.total("short"),
        header=header, instruments=instruments, provenance=Provenance(
            sources, inputs.calibration, drawn, near_ties, terms if model.addons.any else None),
        settlements=[(listing.instrument.id, listing.settled) for listing in book.listings
                     if listing.settled is not None],
        marks=marks_of(book) if model.basis == Basis.LEVEL else ())


def addons(inputs: Inputs, values: Sequence[NDArray[np.int64]], tail: Tail) -> Terms:
    """Rates of every listing, term by term.

    Parameters
    ----------
    values : per regime, value changes or levels in scenarios, int64 (n, S).  tail : of the scenarios.

    Raises
    ------
    BadInput : as `risk.addons.charging.terms_of`.
    """
    book, model = inputs.book, inputs.model
    paid = rounding(book, model.basis)
    return terms_of(book, model, inputs.calibration, values, tail, contingencies(book), (paid, paid),
                    source=inputs.sources.paths.get("book"))


def _underlying(model: Model, listing: Listing) -> int:
    """Its place among the assets. Cash is put to the first: it does not move, so on a grid any is right (E12)."""
    instrument = listing.instrument
    return 0 if instrument.kind == Kind.CASH else model.assets.index(instrument.underlying)
