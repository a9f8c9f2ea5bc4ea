"""Add-ons of an epoch and of a portfolio, term by term: what `risk addons` shows and the picture draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from risk.addons.admission import Oversized, Undersized, oversized, undersized
from risk.addons.terms import CONTINGENCY, INTERPOLATION, ROUNDING, Terms
from risk.epochs.rounding import contingencies, rounding
from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import AnyEpoch, Positions, label
from risk.margins.shocks import provenance_of, sources_of

OWNERS = {
    CONTINGENCY: "book: contingencies", ROUNDING: "E11", INTERPOLATION: "E6, computed", "lag": "model: addons.lag",
    "funding": "model: addons.lag; book: funding",
    "gas": "model: addons.gas; book: gas_price", "spread": "book: half_spread; model: addons.impact",
    "impact": "model: addons.impact; book: daily_volume, size or most",
    "concentration": "model: addons.concentration, addons.lag; book: daily_volume, size or most",
    "basis": "model: addons.basis", "confidence": "model: addons.confidence; book: confidences",
    "depeg": "model: addons.depeg; book: quote_price",
    "short_options": "model: addons.short_options; book: size or most", "wrong_way": "model: addons.wrong_way",
    "open_interest": "model: addons.open_interest; book: open_interest"}
"""Whose word each term is: the file that it stands in, signed with the epoch."""


@dataclass(frozen=True)
class Charged:
    """What a position pays beside Expected Shortfall.

    name : symbol.  lots : signed.  amounts : money units by term, in the order of `Terms.names`.
    """

    name: str
    lots: int
    amounts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.amounts)


def terms_of_epoch(epoch: AnyEpoch) -> Terms:
    """Rates of every listing, in the order of rows 1 to n - 1: as the manifest tells them apart, or of a model without
    rules contingency, rounding and on a grid the rest.

    Raises
    ------
    BadInput : an epoch of bare numbers.
    """
    made = provenance_of(epoch)
    if made.addons is not None:
        return made.addons
    model, book, _ = sources_of(epoch)
    long, short = contingencies(book)
    paid = rounding(book, model.basis)
    found = Terms((CONTINGENCY, ROUNDING), np.stack([long, paid], axis=1), np.stack([short, paid], axis=1))
    if not isinstance(epoch, GridEpoch):
        return found
    return found.add(INTERPOLATION, epoch.long[1:] - found.total("long"), epoch.short[1:] - found.total("short"))


def charged(epoch: AnyEpoch, positions: Positions) -> tuple[Terms, Sequence[Charged]]:
    """What each position (row of the epoch, signed lots) pays; the sum of all is the margin's add-ons.

    Raises
    ------
    BadInput : an epoch of bare numbers.
    """
    terms, found = terms_of_epoch(epoch), []
    for row, lots in positions:
        rates = [0] * len(terms.names) if row == 0 else terms.side("long" if lots >= 0 else "short")[row - 1].tolist()
        found.append(Charged(label(epoch, row), lots, tuple(abs(lots) * rate for rate in rates)))
    return terms, found


def beyond_their_size(epoch: AnyEpoch, positions: Positions) -> Sequence[Oversized]:
    """Contracts that positions hold beyond the size that rates are for; errors as `charged`."""
    _, book, _ = sources_of(epoch)
    return oversized(book, _by_id(epoch, positions))


def below_their_size(epoch: AnyEpoch, positions: Positions) -> Sequence[Undersized]:
    """Contracts of which positions hold less than pays for the gas of closing them; errors as `charged`."""
    model, book, _ = sources_of(epoch)
    return undersized(book, model.addons.gas, _by_id(epoch, positions))


def _by_id(epoch: AnyEpoch, positions: Positions) -> dict[int, int]:
    held: dict[int, int] = {}
    for row, lots in positions:
        held[int(epoch.ids[row])] = held.get(int(epoch.ids[row]), 0) + lots
    return held
