"""Pictures of stress: what each set takes from an account beside what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from risk.exact.money import UNIT, display_money
from risk.margins.plot import BODY, GRID, INK, TAIL, new_figure, write
from risk.stress.outcomes import Outcome

_MOST_ACCOUNTS = 6


def bars(found: Sequence[Sequence[Outcome]], path: str | Path, *, title: str, subtitle: str, quote: str,
         holds: str = "margin") -> None:
    """A panel for each account, the first six: its worst loss in every set, and a line at what it holds, as PNG.

    Parameters
    ----------
    found : a list of outcomes a set, in the order of accounts.
    holds : what stands behind losses: "margin" or "value today".

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    accounts = list(zip(*found, strict=True))
    shown = accounts[:_MOST_ACCOUNTS]
    figure = new_figure(9, 1.2 + len(shown) * (0.9 + 0.32 * len(found)), foot=0.03)
    for axes, account in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown, strict=True):
        worst = [one.worst / UNIT for one in account]
        beyond = [one.uncovered > 0 for one in account]
        axes.barh(range(len(worst)), worst, color=[TAIL if over else BODY for over in beyond], height=0.6)
        line = account[0].holds / UNIT
        axes.axvline(line, color=INK, linewidth=2.0)
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, one in enumerate(account):
            axes.annotate(one.stress.labels[one.at], (max(0.0, one.worst / UNIT), place), xytext=(5, 0),
                          textcoords="offset points", va="center", fontsize=8, color="#666666",
                          bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none"})
        axes.set_yticks(range(len(worst)), [one.stress.name for one in account], fontsize=9)
        axes.invert_yaxis()
        low, high = min(0.0, line, *worst), max(0.0, line, *worst)
        axes.set_xlim(low - 0.02 * (high - low), high + 0.34 * (high - low or 1.0))
        axes.set_title(f"{account[0].account}: {holds} {display_money(account[0].holds, quote)} (line)", loc="left",
                       fontsize=10, color=INK)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_major_locator(MaxNLocator(7))
        axes.grid(axis="x", color=GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    left = len(accounts) - len(shown)
    axes.set_xlabel(f"worst loss of each set, {quote}; red: beyond what the account holds"
                    + (f"; {left} more accounts are not drawn" if left else ""), fontsize=9)
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.text(0.012, 0.004, subtitle, fontsize=8, color="#666666")
    write(figure, path)
