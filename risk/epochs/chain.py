"""Epochs are a chain: E7 and the half of E9 that takes the epoch before.

Each names the root of its predecessor, which its seed is derived from. From one to the next, time goes on, venue,
quote currency and basis stay, a symbol keeps its id and an id its symbol, what is listed stays listed while somebody
may hold it, and what has settled stays at what it settled at. That nobody holds something any more is the venue's word,
in the book's `released`. Everything else may change, and is told: whoever signs an epoch should see that its model is
another one, and what was released.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from risk.epochs.difference import Change, Difference
from risk.epochs.epoch import Epoch
from risk.exact.clock import format_time
from risk.exact.elementary import log
from risk.exact.money import format_money
from risk.market.book import contingency_rates, parse_book, released_symbols
from risk.market.history import parse_history
from risk.market.liquidity import largest_positions
from risk.models.model import Estimator, Gates, parse_model, parse_toml
from risk.models.procyclicality import Mitigation, State

_UNSAID = "not given"


def breaks(epoch: Epoch, previous: Epoch, previous_root: int) -> Iterator[Difference]:
    """What may not be, of an epoch and the one before it.

    Parameters
    ----------
    previous_root : what was published of it; for a grid epoch it is not the root of the arrays.
    """
    header, before = epoch.header, previous.header
    if header.previous != previous_root:
        yield Difference("E9", "previous root", header.predecessor, f"{previous_root}, that of the epoch before")
    if header.timestamp <= before.timestamp:
        yield Difference("E9", "valuation", format_time(header.timestamp),
                         f"later than {format_time(before.timestamp)}, that of the epoch before")
    for name in ("venue", "quote", "basis"):
        if getattr(header, name) != getattr(before, name):
            yield Difference("E9", name, getattr(header, name), f"{getattr(before, name)}, as in the epoch before")
    if before.trial and not header.trial:
        yield Difference("E9", "epoch before", "a trial, whose root somebody could choose",
                         "one whose seed was derived: begin a chain without it")
    mine, its = _mitigation(epoch), _mitigation(previous)
    if mine is not None and not mine.continues(its):
        yield Difference("E9", "state that procyclicality went on from", str(mine.before),
                         str(state_after(previous)))
    yield from _symbols(epoch, previous)
    yield from _held(epoch, previous)


def state_after(epoch: Epoch) -> State | None:
    """What the next epoch's tools against procyclical margins go on from; None if this one has none."""
    mitigation = _mitigation(epoch)
    return None if mitigation is None else mitigation.after


def _symbols(epoch: Epoch, previous: Epoch) -> Iterator[Difference]:
    names, ids = _names(epoch), {symbol: id for id, symbol in _names(epoch).items()}
    for id, symbol in _names(previous).items():
        if ids.get(symbol, id) != id:
            yield Difference("E9", symbol, f"instrument {ids[symbol]}", f"instrument {id}, as in the epoch before: "
                             "whoever holds a symbol holds its terms")
        elif names.get(id, symbol) != symbol:
            yield Difference("E9", f"symbol of instrument {id}", names[id], f"{symbol}, as in the epoch before")


def _held(epoch: Epoch, previous: Epoch) -> Iterator[Difference]:
    kept, settled, released = set(epoch.ids), dict(epoch.settlements), _released(epoch)
    for row, id in enumerate(previous.ids):
        if id not in kept and previous.label(row) not in released:
            yield Difference("E7", previous.label(row), "not listed any more",
                             "listed while it is held, with what it settled at if it has expired; or among the book's "
                             "released")
    for id, value in previous.settlements:
        if id in kept and settled.get(id) != value:
            now = format_money(settled[id]) if id in settled else _UNSAID
            yield Difference("E7", f"settlement of {previous.label(previous.index_of(id))}", now,
                             f"{format_money(value)}, as in the epoch before")


def changes(epoch: Epoch, previous: Epoch) -> Iterator[Change]:
    """What is another than in the epoch before, and may be."""
    header, before = epoch.header, previous.header
    if header.purpose != before.purpose:
        yield Change("purpose", before.purpose, header.purpose)
    if epoch.shape != previous.shape:
        yield Change("shape", str(previous.shape.to_json()), str(epoch.shape.to_json()))
    old, new = _model(previous), _model(epoch)
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield Change(f"model: {key}", str(old.get(key, _UNSAID)), str(new.get(key, _UNSAID)))
    if header.model_digest != before.model_digest and old == new:
        yield Change("model file", before.model_digest, f"{header.model_digest}, without another value: its comments "
                     "or layout are what gave this epoch its seed")
    yield from _rewritten(epoch, previous)
    yield from _moved(epoch, previous)
    earlier, rates = _rates(previous), _rates(epoch)
    for key in sorted(earlier.keys() | rates.keys()):
        if earlier.get(key) != rates.get(key):
            yield Change(f"contingency: {key}", earlier.get(key, _UNSAID), rates.get(key, _UNSAID))
    admitted, admits = _admitted(previous), _admitted(epoch)
    for key in sorted(admitted.keys() | admits.keys()):
        if admitted.get(key) != admits.get(key):
            yield Change(f"largest position: {key}", admitted.get(key, _UNSAID), admits.get(key, _UNSAID))
    now, released = set(epoch.ids), _released(epoch)
    for row, id in enumerate(previous.ids):
        if id not in now and previous.label(row) in released:
            yield Change(previous.label(row), "listed", "released: the venue says that nobody holds it")
    kept, ended = set(previous.ids), dict(previous.settlements)
    for row, id in enumerate(epoch.ids):
        if id not in kept:
            yield Change(epoch.label(row), "not listed", "listed")
    for id, value in epoch.settlements:
        if id in kept and id not in ended:
            yield Change(epoch.label(epoch.index_of(id)), "living", f"settled at {format_money(value)}")


def _rewritten(epoch: Epoch, previous: Epoch) -> Iterator[Change]:
    """Rows of the history that are not as they were: the past does not change."""
    old, new = _history(previous), _history(epoch)
    if not old or not new:
        return
    since = next(iter(new))
    if since != next(iter(old)):
        yield Change("history", f"from {next(iter(old))}", f"from {since}")
    last = next(reversed(old))
    other = [label for label in old.keys() | new.keys() if since <= label <= last and old.get(label) != new.get(label)]
    if other:
        first = min(other)
        yield Change(f"history: {len(other)} rows up to {last}, the first {first}", str(old.get(first, _UNSAID)),
                     str(new.get(first, _UNSAID)))


def _moved(epoch: Epoch, previous: Epoch) -> Iterator[Change]:
    """G1 beside the epoch before, which a model without a history has not been held against otherwise."""
    if epoch.provenance is None or previous.provenance is None:
        return
    model = parse_model(previous.provenance.sources.model, shape=previous.shape)
    spots, before = (parse_book(one.provenance.sources.book).underlyings for one in (epoch, previous) if one.provenance)
    now = {underlying.symbol: underlying.spot for underlying in spots}
    steps = max(1, -(-(epoch.header.timestamp - previous.header.timestamp) // model.step_seconds))
    deviations = {asset: math.sqrt(variance) for asset, variance
                  in zip(model.assets, previous.provenance.calibration.variances, strict=True)}
    for underlying in before if model.estimator != Estimator.HANDWRITTEN else ():
        spread = deviations[underlying.symbol] * math.sqrt(steps)
        ratio = now.get(underlying.symbol, underlying.spot) / underlying.spot
        if abs(float(log(ratio))) > Gates.spot_deviations * spread:
            yield Change(f"spot of {underlying.symbol}", format_money(underlying.spot),
                         f"{format_money(now[underlying.symbol])}: more than {Gates.spot_deviations:g} deviations that "
                         f"the epoch before forecast")


def _history(epoch: Epoch) -> dict[str, dict[str, float]]:
    """Prices by asset and label of the row, in the order of the rows; empty where none is read."""
    if epoch.provenance is None or epoch.provenance.sources.history is None:
        return {}
    sources = epoch.provenance.sources
    assert sources.history is not None             # just looked
    model = parse_model(sources.model, shape=epoch.shape)
    history = parse_history(sources.history, assets=model.assets, calendar=model.calendar,
                            step_seconds=model.step_seconds, max_gap_steps=model.max_gap_steps)
    return {label: dict(zip(history.assets, row, strict=True))
            for label, row in zip(history.labels, history.prices.tolist(), strict=True)}


def _names(epoch: Epoch) -> dict[int, str]:
    return {instrument.id: instrument.symbol for instrument in epoch.instruments}


def _model(epoch: Epoch) -> Mapping[str, Any]:
    """Every value of the model file, by its place in it."""
    if epoch.provenance is None:
        return {}
    flat: dict[str, Any] = {}

    def add(place: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                add(f"{place}.{key}" if place else key, part)
        else:
            flat[place] = value

    add("", parse_toml(epoch.provenance.sources.model))
    return flat


def _mitigation(epoch: Epoch) -> Mitigation | None:
    return None if epoch.provenance is None else epoch.provenance.calibration.mitigation


def _released(epoch: Epoch) -> frozenset[str]:
    return frozenset() if epoch.provenance is None else released_symbols(epoch.provenance.sources.book)


def _admitted(epoch: Epoch) -> Mapping[str, str]:
    return {} if epoch.provenance is None else largest_positions(epoch.provenance.sources.book)


def _rates(epoch: Epoch) -> Mapping[str, str]:
    return {} if epoch.provenance is None else contingency_rates(epoch.provenance.sources.book)
