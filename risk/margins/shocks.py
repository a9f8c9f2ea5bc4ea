"""What a book gains if the market moves as somebody says: full revaluation of one scenario of one's own.

A move has, per asset, the change of its spot and of its volatility, as fractions of today's: -0.2 is 20 % down. Then
the horizon passes, as in every scenario of the epoch; implied volatilities follow the volatility as the model has it
(`risk.valuation.revaluation`), and at 0 stay where they are. Nothing here enters an epoch or a proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.epochs.build import parse_sources
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Provenance
from risk.exact.elementary import log
from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import AnyEpoch, Positions
from risk.market.book import Book
from risk.market.history import History
from risk.models.model import Model
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, Scenarios, rounded
from risk.valuation.revaluation import value_changes

LEAST, MOST = Fraction(-999, 1000), Fraction(1000)
"""Of a move, as a fraction of today's spot or volatility."""


def provenance_of(epoch: AnyEpoch) -> Provenance:
    """What an epoch was made from.

    Raises
    ------
    BadInput : it is one of bare numbers.
    """
    arrays = epoch.arrays if isinstance(epoch, GridEpoch) else epoch
    if arrays.provenance is None:
        raise BadInput("sources of the epoch", None, "given: without book and model nothing can be revalued")
    return arrays.provenance


def sources_of(epoch: AnyEpoch) -> tuple[Model, Book, History | None]:
    """Model, book and history of an epoch; errors as `provenance_of`."""
    shape = epoch.shape if isinstance(epoch, Epoch) else epoch.shape.layout
    return parse_sources(provenance_of(epoch).sources, shape)


class Market:
    """An epoch's market today, ready to be moved.

    Raises
    ------
    BadInput : an epoch of bare numbers.
    """

    def __init__(self, epoch: AnyEpoch) -> None:
        self.epoch = epoch
        self.calibration = provenance_of(epoch).calibration
        self.model, self.book, self.history = sources_of(epoch)
        listed = {listing.instrument.id: i for i, listing in enumerate(self.book.listings)}
        self._listing = [listed.get(id) for id in epoch.ids]

    def gains(self, positions: Positions, moves: Sequence[Mapping[str, tuple[Fraction, Fraction]]]) -> list[int]:
        """What positions (row of the epoch, lots) gain in each move, money units; negative where they lose.

        Parameters
        ----------
        moves : by asset, change of spot and of volatility; assets that are not named stay.

        Raises
        ------
        BadInput : an asset that the epoch does not have, or a change out of bounds.
        """
        changes = self.lot_changes(moves)
        totals = [0] * len(moves)
        for row, lots in positions:
            totals = [total + lots * change for total, change
                      in zip(totals, changes[self.listing(row)].tolist(), strict=True)]
        return totals

    def listing(self, row: int) -> int:
        """Which listing of the book a row of the epoch is.

        Raises
        ------
        BadInput : none.
        """
        found = self._listing[row]
        if found is None:
            raise BadInput("instrument id", self.epoch.ids[row], "in the epoch's book")
        return found

    def lot_changes(self, moves: Sequence[Mapping[str, tuple[Fraction, Fraction]]]) -> NDArray[np.int64]:
        """Value change of a lot of every listing in each move: int64 (n, moves), money units; errors as `gains`."""
        return value_changes(self.book, self.model, self.calibration, self.scenarios(moves))

    def scenarios(self, moves: Sequence[Mapping[str, tuple[Fraction, Fraction]]]) -> Scenarios:
        """Moves as scenarios of the model; errors as `gains`."""
        assets = self.model.assets
        for move in moves:
            for asset, changes in move.items():
                if asset not in assets:
                    raise BadInput("asset", asset, f"one of {', '.join(assets)}")
                for what, change in zip(("spot", "volatility"), changes, strict=True):
                    if not LEAST <= change <= MOST:
                        raise BadInput(f"change of {asset}'s {what}", float(change),
                                       f"in [{float(LEAST)}, {float(MOST)}]")
        still = (Fraction(0), Fraction(0))
        spot = np.array([[float(1 + move.get(asset, still)[0]) for asset in assets] for move in moves])
        multiple = np.array([[float(1 + move.get(asset, still)[1]) for asset in assets] for move in moves])
        today = np.array(self.calibration.variances)
        return rounded(log(spot) * RETURN_UNIT, today * (multiple * multiple) * VARIANCE_UNIT, today * VARIANCE_UNIT,
                       assets)
