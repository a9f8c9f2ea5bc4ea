"""Isolated, cross and portfolio margin as pictures: a waterfall of each book, and what many books save."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from risk.margins.plot import GRID, INK, new_figure, write
from risk.margins.waterfall import Step, draw
from risk.margins.ways import BookMargins
from risk.margins.ways_study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"isolated": "#2f6690", "cross": "#edae49"}
_MOST = 4
_FEW = 20
"""Books from which on a distribution says something."""


def ways(found: Study, path: str | Path, *, title: str, quote: str, subtitle: str) -> None:
    """The first four books from isolated over cross to portfolio; of twenty books and more also how many save how much,
    as PNG.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    many = len(found.books) >= _FEW
    shown = [one for one in found.books if one.book.kind not in ("random", "hedged")][:_MOST] or list(found.books[:2])
    rows = (len(shown) + 1) // 2
    figure = new_figure(10, 0.9 + 2.9 * rows + (3.2 if many else 0), foot=0.03)
    grid = figure.add_gridspec(rows + many, 2)
    for i, one in enumerate(shown):
        axes = figure.add_subplot(grid[i // 2, i % 2 if len(shown) > 1 else slice(None)])
        draw(axes, steps(one), quote, legible=False)
        saved = one.saving("isolated")
        axes.set_title(one.book.name.replace("_", " ") + ("" if saved is None else
                       f": {100 * float(saved):.0f} % less than isolated"), fontsize=10, color=INK, loc="left")
    if many:
        _distribution(figure.add_subplot(grid[rows, :]), found.books)
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.text(0.012, 0.004, subtitle, fontsize=8, color="#666666")
    write(figure, path)


def steps(one: BookMargins) -> list[Step]:
    """From isolated to portfolio margin."""
    return [Step("isolated", one.isolated, total=True), Step("netting within\nassets", one.cross - one.isolated),
            Step("cross", one.cross, total=True), Step("netting across\nassets", one.portfolio - one.cross),
            Step("portfolio", one.portfolio, total=True)]


def _distribution(axes: Axes, books: Sequence[BookMargins]) -> None:
    for way, colour in _COLOURS.items():
        savings = [100 * float(saving) for one in books if (saving := one.saving(way)) is not None]
        axes.hist(savings, bins=list(range(0, 101, 5)), histtype="step", color=colour, linewidth=1.8,
                  label=f"against {way}: median {sorted(savings)[(len(savings) - 1) // 2]:.0f} %")
    axes.set_xlim(0, 100)
    axes.set_xlabel("what the portfolio margin saves, %")
    axes.set_ylabel(f"books, of {len(books)}")
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
