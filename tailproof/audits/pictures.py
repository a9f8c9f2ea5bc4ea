"""Pictures of a report, as PNG: the tail of losses, what was proven over time, who signed what.

A public report shows public numbers alone: how each underlying moves in the epoch's scenarios. The loss of a portfolio
is its holder's, and stands in a private report only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from risk.epochs.epoch import Epoch
from risk.exact.money import UNIT
from risk.margins.plot import BODY, GRID, INK, TAIL, new_figure, write
from risk.scenarios.scenarios import RETURN_UNIT

from .. import extras
from ..printable import printable
from ..telling import setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..epochs import AnyEpoch
    from .report import Attested, Signed

MOST_UNDERLYINGS = 4
_HOUR = 1 / 24
_COLOURS = {"margin": INK, "cover": "#2a7f62", "flat": "#2a7f62", "called": TAIL, "cured": "#2a7f62"}


@dataclass(frozen=True)
class Picture:
    """One picture.  title, said : words above and below it; said : also what who cannot see it is told."""

    title: str
    said: str
    png: bytes


def lacking() -> str | None:
    """Why pictures cannot be drawn here; None if they can."""
    absent = extras.lacking("matplotlib")
    return None if absent is None else str(absent)


def scenario_tail(epoch: AnyEpoch) -> Picture | None:
    """How far the first underlyings move in the scenarios, the worst of which make margins; None of bare numbers."""
    arrays = epoch if isinstance(epoch, Epoch) else epoch.arrays
    if arrays.provenance is None:
        return None
    returns = arrays.provenance.scenarios.returns[:, :MOST_UNDERLYINGS] / RETURN_UNIT
    names = epoch.header.underlyings[:MOST_UNDERLYINGS]
    moves, share = 100 * np.expm1(returns), float(epoch.shape.tail.share(epoch.shape.scenarios))
    worst = max(1, round(share * len(moves)))
    figure = new_figure(9, 3.4)
    for place, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), place + 1)
        column = np.sort(moves[:, place])
        edges = np.histogram_bin_edges(column, bins=min(48, max(10, len(column) // 5))).tolist()
        axes.hist([column[worst:-worst], np.concatenate([column[:worst], column[-worst:]])], bins=edges, stacked=True,
                  color=[BODY, TAIL])
        axes.set_title(printable(name), loc="left", fontsize=11, fontweight="bold", color=INK)
        axes.set_xlabel("move over the horizon, %")
        _plain(axes)
        if not place:
            axes.set_ylabel(f"scenarios, of {len(moves)}")
    said = (f"How the underlyings move in the epoch's {len(moves)} scenarios. Red: as many on either side as the tail "
            f"counts, {worst} (the worst {100 * share:.3g} %); a holder of one underlying alone loses its mean. "
            f"{setting(epoch)}.")
    return Picture("The scenarios' tails", said, _png(figure))


def loss_tail(epoch: AnyEpoch, positions: Sequence[tuple[int, int]]) -> Picture:
    """The losses of a portfolio, which only its holder may see.

    positions : (row of the epoch, lots).
    """
    from risk.margins import plot
    from risk.margins.contributions import breakdown
    found = breakdown(epoch, positions)
    png = _drawn(lambda path: plot.losses(found, path, title="Losses of the portfolio", quote=epoch.header.quote,
                                          subtitle=setting(epoch)))
    return Picture("The loss tail", "PRIVATE: the loss of the portfolio in every scenario, the tail that its margin is "
                   "the mean of, and each position's part.", png)


def over_time(attested: Sequence[Attested], quote: str) -> Picture:
    """What was proven of an account: margins, and the collateral that was shown to cover hidden ones."""
    from matplotlib.ticker import FuncFormatter
    figure = new_figure(9, 3.8)
    axes = figure.add_subplot()
    for kind, name in (("margin", "margin, proven"), ("cover", "collateral that covers a hidden margin")):
        rows = [one for one in attested if one.kind == kind and one.amount is not None]
        if rows:
            axes.step(_times([one.time for one in rows]), [(one.amount or 0) / UNIT for one in rows], where="post",
                      marker="o", markersize=4, color=_COLOURS[kind], label=name, linewidth=1.6)
    for kind in ("flat", "called", "cured"):
        rows = [one for one in attested if one.kind == kind]
        for place, one in enumerate(rows):
            axes.axvline(_times([one.time])[0], color=_COLOURS[kind], linestyle=":", linewidth=1.2,
                         label=kind if not place else None)
    axes.set_ylabel(printable(quote))
    axes.set_ylim(0, 1.08 * max([(one.amount or 0) / UNIT for one in attested] + [1e-6]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.legend(frameon=False, fontsize=9, loc="best")
    _plain(axes)
    _dated(figure)
    return Picture("What was proven over time", f"{len(attested)} events of the account, by the time of their blocks "
                   "(UTC). Between two points nothing was proven anew.", _png(figure))


def who_signed(signed: Sequence[Signed]) -> Picture:
    """Publishers by epochs: whose signature the chain has."""
    seated = list(dict.fromkeys(who for one in signed for who in one.seated))
    figure = new_figure(9, 1.5 + 0.34 * len(seated))
    axes = figure.add_subplot()
    times = _times([one.published or one.epoch_id for one in signed])
    for row, who in enumerate(seated):
        there = np.array([who in one.signers for one in signed])
        axes.plot(times[there], np.full(there.sum(), row), "s", color=INK, markersize=6)
        axes.plot(times[~there], np.full((~there).sum(), row), "s", color="white", markeredgecolor=BODY, markersize=6)
    axes.set_yticks(range(len(seated)), [f"{who[:8]}…{who[-4:]}" for who in seated], family="monospace")
    axes.set_ylim(-0.6, len(seated) - 0.4)
    _plain(axes)
    axes.grid(False)
    _dated(figure)
    return Picture("Who signed which epoch", f"{len(signed)} epochs by the time of their publication (UTC). Dark: that "
                   "publisher's signature was brought to the chain; light: it was not needed, or not given.",
                   _png(figure))


def _times(seconds: Sequence[int]) -> Any:
    return np.array([datetime.fromtimestamp(time, UTC).replace(tzinfo=None) for time in seconds], "datetime64[s]")


def _dated(figure: Figure) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    axes = figure.axes[0]
    low, high = axes.dataLim.intervalx
    if high - low < _HOUR:                         # one point, or all of one hour
        axes.set_xlim((low + high - _HOUR) / 2, (low + high + _HOUR) / 2)
    locator = AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _plain(axes: Any) -> None:
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5)


def _png(figure: Figure) -> bytes:
    return _drawn(lambda path: write(figure, path))


def _drawn(draw: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="tailproof-audit-") as folder:
        path = Path(folder) / "picture.png"
        draw(path)
        return path.read_bytes()
