"""Add-ons as stacked bars: what each position, or each lot, pays, by term."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from risk.addons.terms import NAMES
from risk.exact.money import UNIT
from risk.margins.addon_parts import Charged
from risk.margins.plot import GRID, INK, new_figure, write

MOST_BARS = 24
_COLOURS = dict(zip(NAMES, ("#9db4c8", "#c7c7c7", "#d1495b", "#f2a0a9", "#8c6d46", "#edae49", "#e07b39", "#7a3b69",
                            "#66a182", "#2e4057", "#00798c", "#a26769", "#582c4d", "#3b6ea5", "#b8b08d"), strict=True))


def stacked(names: Sequence[str], found: Sequence[Charged], path: str | Path, *, title: str, subtitle: str, unit: str
            ) -> None:
    """Draw one bar for each entry, the dearest first, as PNG.

    Parameters
    ----------
    names : of the terms, in the order of `Charged.amounts`.
    unit : of the amounts, for the axis: "USD", "USD a lot".

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    order = sorted(found, key=lambda one: -one.total)
    shown, rest = order[:MOST_BARS], order[MOST_BARS:]
    figure = new_figure(9, 2.4 + 0.27 * max(1, len(shown)))
    axes = figure.subplots()
    left = [0.0] * len(shown)
    for column, name in enumerate(names):
        amounts = [one.amounts[column] / UNIT for one in shown]
        if any(amounts):
            axes.barh(range(len(shown)), amounts, left=left, height=0.62, color=_COLOURS[name],
                      label=name.replace("_", " "))
            left = [before + amount for before, amount in zip(left, amounts, strict=True)]
    axes.set_yticks(range(len(shown)), [one.name if abs(one.lots) == 1 and "," in one.name else
                                        f"{one.lots:+,} {one.name}" for one in shown], fontsize=8.5)
    axes.set_ylim(max(1, len(shown)) - 0.4, -0.6)
    axes.set_xlim(0, max(left, default=0.0) * 1.04 or 1.0)
    more = f"; the {len(rest)} cheapest are not shown" if rest else ""
    axes.set_title(f"{title}{more}\n{subtitle}", fontsize=9.5, color=INK, loc="left")
    axes.set_xlabel(unit)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.xaxis.set_major_locator(MaxNLocator(7))
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    if any(left):
        figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=8.5)
    write(figure, path)
