"""What a commitment commits to, beside the positions that somebody holds: the venue's one duty, as a comparison.

The chain sees a number. A venue that registers it without looking lends its word to an empty portfolio; with the
owner's opening it can look, and learns nothing that it does not hold already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from risk.addons.admission import Oversized, Undersized, oversized, undersized
from risk.grid.grid_epoch import GridEpoch
from risk.margins.portfolio import Portfolio
from risk.margins.shocks import sources_of

from .attestation import require_opens
from .epochs import AnyEpoch
from .secret import Opening


@dataclass(frozen=True)
class Position:
    """One instrument. committed, held : signed lots, 0 where there is none; held None: not known."""

    instrument: str
    committed: int
    held: int | None = None

    @property
    def agrees(self) -> bool:
        return self.held is None or self.committed == self.held

    def to_json(self) -> dict[str, Any]:
        return {"instrument": self.instrument, "committed": self.committed, "held": self.held, "agrees": self.agrees}


def open_commitment(opening: Opening, epoch: AnyEpoch | None = None, portfolio: Portfolio | None = None
                    ) -> Sequence[Position]:
    """The positions that an opening's commitment commits to; beside those of a portfolio, if there is one.

    Parameters
    ----------
    epoch : says what instruments are called; without it, they are ids.
    portfolio : what is held; needs an epoch that lists all of it.

    Raises
    ------
    BadInput : the opening does not open its commitment; the epoch does not list an instrument of the portfolio.
    """
    require_opens(opening)
    committed: dict[int, int] = {}
    for number, lots in opening.slots:
        committed[number] = committed.get(number, 0) + lots
    names = {} if epoch is None else {
        int(number): instrument.symbol for number, instrument in zip(epoch.ids[1:], epoch.instruments, strict=True)}
    if portfolio is None:
        return [Position(_name(number, names), lots) for number, lots in committed.items()]
    assert epoch is not None
    held = {int(epoch.ids[row]): lots for row, lots in portfolio.rows(epoch)}
    return [Position(_name(number, names), committed.get(number, 0), held.get(number, 0))
            for number in dict.fromkeys([*committed, *held])]


def beyond_their_size(opening: Opening, epoch: AnyEpoch | None) -> Sequence[Oversized]:
    """Contracts that an opening holds beyond the size that rates a lot are for: the venue's duty too, for no circuit
    looks (`risk.addons.admission`). None without an epoch, or where it says nothing of sizes."""
    return () if epoch is None or not _has_sources(epoch) else oversized(sources_of(epoch)[1], _gross(opening))


def below_their_size(opening: Opening, epoch: AnyEpoch | None) -> Sequence[Undersized]:
    """Contracts of which an opening holds less than pays for the gas of closing them; else as `beyond_their_size`."""
    if epoch is None or not _has_sources(epoch):
        return ()
    model, book, _ = sources_of(epoch)
    return undersized(book, model.addons.gas, _gross(opening))


def _has_sources(epoch: AnyEpoch) -> bool:
    return (epoch.arrays if isinstance(epoch, GridEpoch) else epoch).provenance is not None


def _gross(opening: Opening) -> dict[int, int]:
    held: dict[int, int] = {}
    for number, lots in opening.slots:
        held[number] = held.get(number, 0) + abs(lots)
    return held


def _name(number: int, names: Mapping[int, str]) -> str:
    return names.get(number, f"id {number}")
