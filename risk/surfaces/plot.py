"""A surface as a picture: a panel for each expiry, the smile above and Durrleman's g below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from primitives import jsonio
from risk.exact.elementary import log
from risk.surfaces.checks import butterfly
from risk.surfaces.durrleman import durrleman
from risk.surfaces.smile import Smile

_INK, _LINE, _GRID, _QUIET, _BAD, _DOTS = "#222222", "#00798c", "#e6e6e6", "#8a8a8a", "#d1495b", "#9db4c8"
_COLUMNS = 4
_REACH = 4.0
"""Deviations at the money to either side, where no strike lies farther out."""
_FARTHEST = 3.0
"""Times that, out to which a negative g is drawn; beyond it is only said."""
Dots = tuple[Sequence[float], Sequence[float]]


def surface(smiles: Sequence[Smile], dots: Sequence[Dots], path: str | Path, *, title: str) -> None:
    """Draw it, as PNG.

    Parameters
    ----------
    smiles : expiries, at least one.  dots : of each, log-moneyness and volatility of what is quoted or listed.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(smiles))
    rows = -(-len(smiles) // columns)
    figure = Figure(figsize=(max(5.0, 3.4 * columns), 0.7 + 3.6 * rows), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[2.2, 1] * rows)
    for i in range(rows * columns):
        row, column = divmod(i, columns)
        upper, lower = panels[2 * row, column], panels[2 * row + 1, column]
        if i < len(smiles):
            _panel(upper, lower, smiles[i], dots[i], first=column == 0)
        else:
            upper.set_axis_off()
            lower.set_axis_off()
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=_INK, fontweight="bold")
    with jsonio.replacing(path) as file:
        figure.savefig(file, format="png")


def _panel(upper: Any, lower: Any, smile: Smile, dots: Dots, *, first: bool) -> None:
    upper.set_title(f"{smile.underlying} {smile.expiry}", loc="left", fontsize=9, color=_INK)
    at, volatilities = dots
    upper.plot(at, [100 * value for value in volatilities], "o", color=_DOTS, markersize=3.5, zorder=3)
    if smile.slice is None:
        x = [float(log(strike.x)) for strike in smile.strikes]
        upper.plot(x, [100 * strike.volatility for strike in smile.strikes], color=_LINE, linewidth=1, linestyle=":")
        lower.text(0.5, 0.5, "strikes only: no g between them", transform=lower.transAxes, ha="center", va="center",
                   fontsize=8, color=_QUIET)
        lower.set_yticks([])
    else:
        reach = _REACH * float(np.sqrt(max(float(smile.slice.total_variance(0.0)), 1e-12)))
        least, place = butterfly(smile.slice)
        shown = [*at, place] if least < 0 and abs(place) <= _FARTHEST * reach else at
        low, high = min([-reach, *shown]), max([reach, *shown])
        k = low + np.arange(401) * ((high - low) / 400)
        upper.plot(k, 100 * np.sqrt(np.maximum(smile.slice.total_variance(k), 0.0) / smile.years), color=_LINE,
                   linewidth=1.4)
        g = durrleman(smile.slice, k)
        lower.plot(k, g, color=_LINE, linewidth=1.1)
        lower.fill_between(k, g, 0, where=g < 0, color=_BAD, alpha=0.6, linewidth=0)
        lower.axhline(0, color=_BAD, linewidth=0.9)
        lower.set_title(f"least g {least:.3g} at k = {place:.3g}", loc="right", fontsize=7,
                        color=_QUIET if least >= 0 else _BAD)
        lower.set_ylim(bottom=min(-0.1, float(np.nanmin(g)) - 0.1))
    lower.set_xlim(upper.get_xlim())
    if first:
        upper.set_ylabel("volatility, %", fontsize=8, color=_INK)
        lower.set_ylabel("g", fontsize=8, color=_INK)
    lower.set_xlabel("k = ln(K/F)", fontsize=8, color=_INK)
    for axes in (upper, lower):
        axes.grid(color=_GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=_QUIET, labelsize=7)
