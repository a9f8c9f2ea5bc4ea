"""A picture of a backtest: losses against forecasts, and what a bet against them has come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from primitives import jsonio
from risk.backtests.judging import RED, RED_WEALTH, YELLOW, YELLOW_WEALTH, Judgement

_INK, _LOSS, _VAR, _ES, _OVER, _GRID = "#222222", "#b9c6d2", "#3d6d96", "#1d3c58", "#d1495b", "#e6e6e6"
_MOST_WEALTH = 1e12


def backtest(found: Judgement, path: str | Path, *, title: str) -> None:
    """Draw it as PNG: days with losses, VaR, ES and exceptions; wealth of the e-process below, on a scale of logs.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    f = found.forecasts
    figure = Figure(figsize=(9, 6.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    days, over = np.arange(len(f.losses)), f.exceptions
    above.vlines(days, 0, f.losses, color=_LOSS, linewidth=0.7, label="loss")
    above.plot(days, f.var, color=_VAR, linewidth=1.3, label="VaR")
    above.plot(days, f.shortfall, color=_ES, linewidth=1.3, linestyle=(0, (4, 2)), label="ES")
    above.scatter(days[over], f.losses[over], s=16, color=_OVER, zorder=3,
                  label=f"exceptions: {int(over.sum())}, expected {len(days) * f.alpha:.1f}")
    top, bottom = max(float(f.losses.max()), float(f.shortfall.max())), float(f.losses.min())
    above.set_ylim(min(bottom, 0.0) * 1.05, top * 1.25)                      # with room for the legend
    above.set_ylabel("loss")
    above.legend(loc="upper left", ncols=4, frameon=False, fontsize=8.5)
    # A forecast that every day refutes has a wealth that no scale holds.
    wealth = np.clip(found.wealth, 1e-4, _MOST_WEALTH)
    below.plot(days, wealth, color=_INK, linewidth=1.3)
    for bound, color, name in ((YELLOW_WEALTH, "#d9a521", YELLOW), (RED_WEALTH, _OVER, RED)):
        below.axhline(bound, color=color, linewidth=1, linestyle=(0, (4, 2)))
        below.annotate(f"{name} from {bound:g}", (1, bound), xycoords=("axes fraction", "data"), xytext=(-2, 2),
                       textcoords="offset points", ha="right", fontsize=8, color=color)
    below.set_yscale("log")
    below.set_ylim(min(0.3, float(wealth.min()) / 1.5), max(60.0, 2 * float(wealth.max())))
    below.set_ylabel("e-process" + (",\nto 1e12" if wealth.max() < found.wealth.max() else ""))
    for axes in (above, below):
        axes.grid(axis="y", color=_GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    ticks = [round(k * (len(days) - 1) / 5) for k in range(6)]
    below.set_xticks(ticks, [f.labels[tick] for tick in ticks])
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=_INK, fontweight="bold", parse_math=False)
    with jsonio.replacing(path) as file:
        figure.savefig(file, format="png")
