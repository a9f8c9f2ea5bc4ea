"""A picture of a pool's shares as collateral: what counts, over the share held or over where the price is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from risk.grid.lp_tokens import BASIS_POINTS, Bucket
from risk.margins.plot import BODY, GRID, INK, TAIL, new_figure, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def credit(rows: Sequence[tuple[float, float, float]], path: str | Path, *, title: str, subtitle: str) -> None:
    """Draw, as PNG, by share of the supply in percent: what counts on chain, and what is left after Expected Shortfall
    and leaving, in percent of the value.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    figure = new_figure(9, 4.2, foot=0.03)
    axes = figure.add_subplot()
    shares = [row[0] for row in rows]
    axes.plot(shares, [row[2] for row in rows], color=BODY, linewidth=2.2,
              label="left after Expected Shortfall and the cost of leaving")
    axes.plot(shares, [row[1] for row in rows], color=TAIL, linewidth=2.2, label="counts on chain")
    axes.set_ylim(0, 100)
    axes.set_xlabel("share of the pool's supply, %")
    axes.set_ylabel("% of the value today")
    _finish(figure, axes, path, title, subtitle)


def ladder(found: Sequence[Bucket], path: str | Path, *, title: str, subtitle: str) -> None:
    """The same by the buckets of a range: what the market's haircut and leaving take, percent; errors as `credit`."""
    figure = new_figure(9, 4.2, foot=0.03)
    axes = figure.add_subplot()
    places = list(range(len(found)))
    market = [100 * one.market / BASIS_POINTS for one in found]
    # Leaving comes off what the market left.
    leaving = [(100 - taken) * one.leaving / BASIS_POINTS for taken, one in zip(market, found, strict=True)]
    axes.bar(places, market, color=TAIL, width=0.75, label="Expected Shortfall of the position")
    axes.bar(places, leaving, bottom=market, color=BODY, width=0.75,
             label="leaving in the scenarios, with the largest share")
    names = ["below", *(f"{one.low:,.6g}" for one in found[1:-1]), "above"]
    axes.set_xticks(places, names, fontsize=8.5)
    axes.set_ylim(0, 105)
    axes.set_xlabel("price from")
    axes.set_ylabel("haircut, %")
    _finish(figure, axes, path, title, subtitle)


def _finish(figure: Figure, axes: Axes, path: str | Path, title: str, subtitle: str) -> None:
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.text(0.012, 0.004, subtitle, fontsize=8, color="#666666")
    write(figure, path)
