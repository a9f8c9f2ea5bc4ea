"""A picture of idle capital: who holds how much, and what of cover is to spare in every scenario."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from risk.cascades.idle import Idle, Placement
from risk.exact.money import UNIT
from risk.margins.plot import GRID, INK, TAIL, new_figure, write

_COLOURS = ("#9db4c8", "#2f6690", "#66a182", "#edae49", "#8d6a9f", "#5c5c5c", "#c98bb9", "#d1495b")


def placements(idle: Idle, found: Mapping[str, Placement], path: str | Path, *, title: str, subtitle: str, quote: str
               ) -> None:
    """Draw, as PNG: placements as bars, and for each the collateral to spare above what cover needs, sorted over
    scenarios, with the venue failing that costs most; below 0 cover is not provable.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    from matplotlib.ticker import FuncFormatter
    figure = new_figure(9, 6.4, foot=0.03)
    bars, lines = figure.subplots(2, 1, height_ratios=[0.6 + 0.3 * len(found), 3])
    # What begins with _ Matplotlib leaves out of a legend.
    names = ["free", *(venue.name.replace("_", " ") for venue in idle.venues)]
    for row, placed in enumerate(found.values()):
        start = 0.0
        for k, amount in enumerate((placed.free, *placed.amounts)):
            bars.barh(row, amount / UNIT, left=start, height=0.62, color=_COLOURS[k % len(_COLOURS)],
                      label=names[k] if not row else None)
            start += amount / UNIT
    bars.set_yticks(range(len(found)), list(found), fontsize=9)
    bars.invert_yaxis()
    bars.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=4, frameon=False, fontsize=8.5)
    # What is best and what is greedy often bind in the same scenario: one line must be seen through the other.
    looks = (("#66a182", 4.5, "-"), ("#2f6690", 1.6, "--"), (TAIL, 1.6, "-"), ("#5c5c5c", 1.6, "-"))
    for (colour, width, style), (name, placed) in zip(looks, found.items(), strict=False):
        spare = sorted(min(idle.outcome(placed, s, failing).counts for failing in idle.failures)
                       - idle.account.needed for s in range(len(idle.account.losses)))
        lines.plot(range(1, len(spare) + 1), [one / UNIT for one in spare], color=colour, linewidth=width,
                   linestyle=style, label=name)
    lines.set_xscale("log")
    lines.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    lines.axhline(0, color=INK, linewidth=1)
    lines.annotate("cover is provable above", (0.3, 0), xycoords=("axes fraction", "data"), xytext=(0, 3),
                   textcoords="offset points", fontsize=8.5, color=INK)
    lines.set_xlabel("scenarios, the worst first, on a scale of logs; in each the venue fails that costs most")
    lines.set_ylabel(f"to spare, {quote}")
    lines.legend(frameon=False, fontsize=9)
    for axes, axis in ((bars, bars.xaxis), (lines, lines.yaxis)):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.grid(axis="x" if axes is bars else "y", color=GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8.5)
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.text(0.012, 0.004, subtitle, fontsize=8, color="#666666")
    write(figure, path)
