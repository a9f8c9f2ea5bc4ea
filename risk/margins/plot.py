"""The trader's private picture: how a portfolio's losses spread over the scenarios, and where its margin comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives import jsonio
from risk.exact.money import UNIT, display_money
from risk.margins.margin import Margin

_INK, _BODY, _TAIL, _GRID = "#222222", "#9db4c8", "#d1495b", "#e6e6e6"
_MOST_BINS = 60


def _percent(weights: Sequence[int]) -> NDArray[np.float64]:
    """Probabilities of scenarios, in percent."""
    return 100.0 * np.array(weights, np.float64) / sum(weights)


def losses(result: Margin, path: str | Path, *, title: str, quote: str) -> None:
    """Draw the loss distribution with Value at Risk, Expected Shortfall and the tail marked, as PNG.

    Parameters
    ----------
    result : a margin; its losses stay on this machine, the picture is for the holder of the portfolio alone.
    title : for instance the name of the portfolio and the date.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    amounts = np.array([loss / UNIT for loss in result.losses])
    in_tail = result.shortfall.flags
    tail, counted = result.shortfall.tail, int(in_tail.sum())
    in_part = sum(mass > 0 for mass in result.shortfall.tail_mass) > counted
    var, es = result.shortfall.value_at_risk, result.shortfall.ceiling

    figure = Figure(figsize=(9, 5.4), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    edges = np.histogram_bin_edges(amounts, bins=min(_MOST_BINS, max(10, len(amounts) // 4)))
    heights = np.ones(len(amounts)) if tail.uniform else _percent(tail.weights(len(amounts)))
    axes.hist([amounts[~in_tail], amounts[in_tail]], bins=edges.tolist(), stacked=True, color=[_BODY, _TAIL],
              weights=[heights[~in_tail], heights[in_tail]])
    top = axes.get_ylim()[1] * 1.05
    axes.set_ylim(0, top)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high)
    part = ", the next in part" if in_part else ""
    axes.axvspan(var / UNIT, max(high, var / UNIT), color=_TAIL, alpha=0.08, linewidth=0)
    axes.plot(amounts[in_tail], np.full(in_tail.sum(), 0.035 * top), "o", color=_TAIL, markersize=6,
              markeredgecolor="white", label=f"tail: the worst {counted} of {len(amounts)} in full{part}")
    axes.axvline(0, color=_INK, linewidth=0.8, linestyle=":", label="neither loss nor gain")
    axes.axvline(var / UNIT, color=_INK, linewidth=1.4, linestyle="--",
                 label=f"Value at Risk  {display_money(var, quote)}")
    axes.axvline(es / UNIT, color=_TAIL, linewidth=2.0, label=f"Expected Shortfall  {display_money(es, quote)}")

    share = float(100 * tail.share(len(amounts)))
    axes.set_title(f"{title}\n", loc="left", fontsize=13, color=_INK, fontweight="bold")
    sentence = f"margin {display_money(result.required, quote)}  =  " \
        + ("0" if es < 0 else f"Expected Shortfall of the worst {share:.3g} %") \
        + f"  +  add-ons {display_money(result.addons, quote)}"
    axes.text(0, 1.02, sentence, transform=axes.transAxes, fontsize=9.5, color=_INK)
    axes.set_xlabel(f"loss over the horizon, {quote} (gains are negative)")
    axes.set_ylabel(f"scenarios, of {len(amounts)}" if tail.uniform else f"probability, % ({len(amounts)} scenarios)")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=_GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9.5)
    with jsonio.creating(path) as file:
        figure.savefig(file, format="png")
