"""The trader's private picture: how a portfolio's losses spread over the scenarios, and where its margin comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from primitives import jsonio
from risk.exact.money import UNIT, display_money
from risk.margins.contributions import Breakdown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, BODY, TAIL, GRID = "#222222", "#9db4c8", "#d1495b", "#e6e6e6"
_ADDONS = "#edae49"
_MOST_BINS = 60
_MOST_BARS = 12


def new_figure(width: float, height: float, *, foot: float = 0.0) -> Figure:
    """A figure in inches, drawn without any window; below is left free what share `foot` is."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), dpi=144, layout=ConstrainedLayoutEngine(rect=(0, foot, 1, 1 - foot)))
    FigureCanvasAgg(figure)
    return figure


def write(figure: Figure, path: str | Path) -> None:
    """Save as PNG, whole or not at all; raises BadInput where it cannot be written."""
    _no_formulas(figure)
    with jsonio.creating(path) as file:
        figure.savefig(file, format="png")


def _no_formulas(figure: Figure) -> None:
    """Have words stand as they are: two dollar signs in the name of a file would be read as mathematics, and some are
    none. Marks on scales of logs are Matplotlib's own formulas."""
    from matplotlib.text import Text

    own = {mark for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if axis.get_scale() == "log"
           for mark in axis.get_ticklabels(which="both")}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text not in own:
            text.set_parse_math(False)


def losses(found: Breakdown, path: str | Path, *, title: str, quote: str, subtitle: str = "") -> None:
    """Draw the loss distribution with Value at Risk, Expected Shortfall and margin, and each position's part, as PNG.

    Parameters
    ----------
    found : a margin in parts; the picture is for the holder of the portfolio alone.
    title : for instance the name of the portfolio.
    subtitle : what the scenarios are of: venue, date, model, horizon, epoch.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    bars = min(len(found.positions), _MOST_BARS + 1)
    figure = new_figure(9, 6.1 + (0.7 + 0.26 * bars if bars else 0), foot=0.03)
    if bars:
        upper, lower = figure.subplots(2, 1, height_ratios=[5.0, 0.5 + 0.26 * bars])
        _contributions(lower, found, quote)
    else:
        upper = figure.add_subplot()
    _distribution(upper, found, quote)
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.text(0.012, 0.004, subtitle, fontsize=8, color="#666666")
    write(figure, path)


def _distribution(axes: Axes, found: Breakdown, quote: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    scale = UNIT << found.weight_bits
    amounts = np.array([loss / scale for loss in found.losses])
    in_tail = found.shortfall.flags
    tail, counted = found.shortfall.tail, int(in_tail.sum())
    var, es, margin = (round(value) for value in (found.value_at_risk, found.expected_shortfall, found.required))

    edges = np.histogram_bin_edges(amounts, bins=min(_MOST_BINS, max(10, len(amounts) // 4)))
    heights = np.ones(len(amounts)) if tail.uniform else _percent(tail.weights(len(amounts)))
    axes.hist([amounts[~in_tail], amounts[in_tail]], bins=edges.tolist(), stacked=True, color=[BODY, TAIL],
              weights=[heights[~in_tail], heights[in_tail]])
    top = axes.get_ylim()[1] * 1.05
    axes.set_ylim(0, top)
    low, high = axes.get_xlim()
    low, high = min(low, 0.0), max(high, margin / UNIT * 1.02)
    axes.set_xlim(low, high)
    axes.axvspan(var / UNIT, max(high, var / UNIT), color=TAIL, alpha=0.08, linewidth=0)
    part = sum(mass > 0 for mass in found.shortfall.tail_mass) > counted
    label = f"the tail: the {counted} worst of {len(amounts)} scenarios" + (", and part of the next" if part else "")
    axes.plot(amounts[in_tail], np.full(counted, 0.035 * top), "o", color=TAIL, markersize=6, markeredgecolor="white",
              label=label)
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":", label="neither loss nor gain")
    axes.axvline(var / UNIT, color=TAIL, linewidth=1.4, linestyle="--",
                 label=f"Value at Risk  {display_money(var, quote)}: the tail begins")
    axes.axvline(es / UNIT, color=TAIL, linewidth=2.0,
                 label=f"Expected Shortfall  {display_money(es, quote)}: mean of the tail")
    axes.axvline(margin / UNIT, color=INK, linewidth=2.4, label=f"margin  {display_money(margin, quote)}")

    share = float(100 * tail.share(len(amounts)))
    sentence = f"margin {display_money(margin, quote)}  =  " \
        + ("0" if es < 0 else f"Expected Shortfall of the worst {share:.3g} %") \
        + f"  +  add-ons {display_money(found.addons, quote)}"
    axes.set_title(sentence, fontsize=9.5, color=INK, loc="left")
    axes.set_xlabel(f"loss over the horizon, {quote} (gains are negative)")
    axes.set_ylabel(f"scenarios, of {len(amounts)}" if tail.uniform else f"probability, % ({len(amounts)} scenarios)")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(7, prune="upper"))
    axes.yaxis.set_major_locator(MaxNLocator(integer=tail.uniform))
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False, fontsize=9)


def _contributions(axes: Axes, found: Breakdown, quote: str) -> None:
    """A bar for each position: its part of Expected Shortfall, then its add-on."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    order = sorted(range(len(found.positions)), key=lambda i: -abs(found.positions[i].numerator))
    names, shares, charges = list[str](), list[float](), list[float]()
    for i in order[:_MOST_BARS]:
        part = found.positions[i]
        names.append(f"{found.lots[i]:+,} {part.name}")
        shares.append(float(found.amount(part)) / UNIT)
        charges.append(part.addons / UNIT)
    rest = [found.positions[i] for i in order[_MOST_BARS:]]
    if rest:
        names.append(f"{len(rest)} others")
        shares.append(float(sum(found.amount(part) for part in rest)) / UNIT)
        charges.append(sum(part.addons for part in rest) / UNIT)
    places = range(len(names))
    axes.barh(places, shares, color=[TAIL if share > 0 else BODY for share in shares], height=0.6)
    axes.barh(places, charges, left=[max(share, 0.0) for share in shares], color=_ADDONS, height=0.6)
    axes.axvline(0, color=INK, linewidth=0.8)
    left = min(0.0, *shares)
    right = max(0.0, *(max(share, 0.0) + charge for share, charge in zip(shares, charges, strict=True)))
    spare = 0.03 * (right - left) or 1.0
    axes.set_xlim(left - (spare if left < 0 else 0.0), right + spare)
    axes.set_yticks(list(places), names, fontsize=8.5)
    axes.invert_yaxis()
    axes.set_title("where it comes from: part of Expected Shortfall (red; blue if it hedges the rest), add-ons "
                   "(yellow)", fontsize=9.5, color=INK, loc="left")
    axes.set_xlabel(quote)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(7, prune="upper"))
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _percent(weights: Sequence[int]) -> NDArray[np.float64]:
    """Probabilities of scenarios, in percent."""
    return 100.0 * np.array(weights, np.float64) / sum(weights)
