"""How far a margin hangs on a single venue: taken again with each venue's quotes left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from primitives.errors import BadInput, Said
from risk.epochs.build import parse_sources
from risk.epochs.epoch import Epoch
from risk.exact.clock import format_time
from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import AnyEpoch
from risk.margins.margin import margin
from risk.margins.shocks import provenance_of
from risk.valuation.revaluation import lot_values


@dataclass(frozen=True)
class LeftOut:
    """A margin without one venue's quotes.

    expiries : that are valued by quotes of this venue, as "BTC 2024-07-19T08:00:00Z".
    required : money units; None where the others are too far apart to value what is listed: two of them that lie on
        the same side are then no minority any more.
    why : then, at what.
    """

    venue: str
    expiries: tuple[str, ...]
    required: int | None
    why: str = ""


@dataclass(frozen=True)
class Jackknife:
    """required : the margin by all quotes, money units.  venues : without each, by name.
    sliced : expiries whose quotes stand beside a slice, which decides: who fitted it would fit another."""

    required: int
    venues: tuple[LeftOut, ...]
    sliced: int

    @property
    def worst(self) -> LeftOut | None:
        """The venue whose absence changes the margin most, either way; None if no margin could be taken."""
        found = [one for one in self.venues if one.required is not None]
        return max(found, key=lambda one: abs((one.required or 0) - self.required), default=None)


def without_each(epoch: AnyEpoch, positions: Sequence[tuple[int, int]]) -> Jackknife:
    """The margin of positions (row of the epoch, signed lots) without the quotes of each venue, in the same scenarios.

    Left out are quotes of volatilities; what remains needs no three votes. Scenarios, spots, forwards and rates stay.

    Raises
    ------
    BadInput : a grid epoch, one of bare numbers, or one whose book has no quotes by venue.
    """
    if not isinstance(epoch, Epoch):
        assert isinstance(epoch, GridEpoch)
        raise BadInput("epoch", Said("a grid"), "one of scenarios: of a grid every node would be valued again")
    made = provenance_of(epoch)
    model, book, _ = parse_sources(made.sources, epoch.shape)
    quoted = {key: curve for key, curve in sorted(book.curves.items()) if curve.consensus is not None}
    if not quoted:
        raise BadInput("quotes", None, "given in the book, by venue: there is nobody to leave out")
    venues: dict[str, list[str]] = {}
    for (symbol, expiry), curve in quoted.items():
        assert curve.consensus is not None             # by the choice of `quoted`
        if curve.slice is None:
            for venue in sorted({*curve.consensus.venues, *(one for group in curve.consensus.copied for one in group)}):
                venues.setdefault(venue, []).append(f"{symbol} {format_time(expiry)}")
    found = []
    for venue, expiries in sorted(venues.items()):
        try:
            _, other, _ = parse_sources(made.sources, epoch.shape, left_out=venue)
            values = lot_values(other, model, made.calibration, made.scenarios)
        except BadInput as error:
            found.append(LeftOut(venue, tuple(expiries), None, f"the others do not agree: {error.field}"))
            continue
        changes = np.concatenate([np.zeros((1, values.shape[1]), np.int64), values])
        found.append(LeftOut(venue, tuple(expiries), margin(replace(epoch, changes=changes), positions).required))
    return Jackknife(margin(epoch, positions).required, tuple(found),
                     len([curve for curve in quoted.values() if curve.slice is not None]))
