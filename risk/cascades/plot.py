"""The course of a cascade as a picture: prices, calls, forced sales, and what nobody can pay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primitives import jsonio
from risk.cascades.parameters import Cascade

if TYPE_CHECKING:
    from risk.cascades.experiments import Outcomes

_INK, _GRID, _QUIET = "#222222", "#e6e6e6", "#8a8a8a"
_COLOURS = ("#d1495b", "#edae49", "#00798c")
_MILLION = 10**12


def course(outcomes: Sequence[Outcomes], cascade: Cascade, path: str | Path) -> None:
    """Draw the first seed under each setting, as PNG.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 10), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    minutes = [block * cascade.shock.block_seconds / 60 for block in range(cascade.shock.blocks)]
    price, called, sold, lost = figure.subplots(4, 1, sharex=True)
    for outcome, colour in zip(outcomes, _COLOURS, strict=False):
        path_ = outcome.results[0].path
        price.plot(minutes, 100 * path_.prices[:, 0] / cascade.assets[0].price, color=colour, linewidth=1.3,
                   label=outcome.name)
        called.plot(minutes, path_.called, color=colour, linewidth=1.3)
        sold.plot(minutes, path_.sold / _MILLION, color=colour, linewidth=1.3)
        lost.plot(minutes, (path_.under_water + path_.deficit + path_.haircut
                            + (path_.fund[0] - path_.fund).clip(min=0)) / _MILLION, color=colour, linewidth=1.3)
    _frame(price, f"{cascade.assets[0].symbol}, % of the first price", cascade)
    price.legend(loc="lower left", frameon=False, fontsize=9)
    _frame(called, "accounts under a call", cascade)
    _frame(sold, "sold or bought by force so far, millions", cascade)
    _frame(lost, "left for others so far, millions: under water, fund, gains, deficit", cascade)
    for axes in (called, sold, lost):
        axes.set_ylim(bottom=0)
    lost.set_xlabel("minutes; the crash is shaded", fontsize=9, color=_INK)
    figure.suptitle(f"{cascade.name}, seed {outcomes[0].seeds[0]}: {cascade.population.accounts} accounts", x=0.012,
                    ha="left", fontsize=13, color=_INK, fontweight="bold")
    with jsonio.replacing(path) as file:
        figure.savefig(file, format="png")


def _frame(axes: Any, title: str, cascade: Cascade) -> None:
    shock = cascade.shock
    axes.axvspan(shock.start * shock.block_seconds / 60, (shock.start + shock.length) * shock.block_seconds / 60,
                 color=_GRID, alpha=0.6, linewidth=0)
    axes.set_title(title, loc="left", fontsize=10, color=_INK)
    axes.grid(axis="y", color=_GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_QUIET)
