"""Pictures of stress: what sets take from an account beside what it holds; how implausible a loss is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from risk.exact.money import UNIT, display_money
from risk.margins.plot import BODY, GRID, INK, TAIL, new_figure, write
from risk.stress.factors import Factors
from risk.stress.outcomes import Outcome
from risk.stress.reverse import Inside
from risk.stress.tilting import Ball, Tilt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ACCOUNTS = 6
_NATS = 41
_SECOND = "#2f6690"


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


def reverse(losses: Sequence[Fraction], factors: Factors, ball: Ball, collateral: int, path: str | Path, *,
            inside: Inside | None, curve: Sequence[tuple[float, int]], tilt: Tilt | None, title: str, subtitle: str,
            quote: str) -> None:
    """Losses over how implausible they are, as PNG: to the left the epoch's scenarios by distance, with the least
    implausible moves; to the right the worst mean loss within so many nats.

    Parameters
    ----------
    inside, tilt : as `risk.stress.reverse` and `Ball.exhausting` found them, or None.
    curve : (distance, loss in money units) of the least implausible moves, by rising loss.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    figure = new_figure(11, 5.2, foot=0.03)
    left, right = figure.subplots(1, 2)
    distances = factors.distances(factors.values)
    amounts = np.array([float(loss) / UNIT for loss in losses])
    breaks = amounts >= collateral / UNIT
    left.plot(distances[~breaks], amounts[~breaks], "o", color=BODY, markersize=4, markeredgecolor="white",
              markeredgewidth=0.4, label="the epoch's scenarios")
    left.plot(distances[breaks], amounts[breaks], "o", color=TAIL, markersize=5, markeredgecolor="white",
              markeredgewidth=0.4, label="those that take the collateral")
    if inside is not None:
        left.annotate(f"scenario {inside.scenario}", (inside.distance, float(inside.loss) / UNIT), xytext=(-7, 7),
                      textcoords="offset points", fontsize=8.5, color=INK, ha="right")
    if curve:
        left.plot([distance for distance, _ in curve], [loss / UNIT for _, loss in curve], "-D", color=INK,
                  linewidth=1.3, markersize=4, label="least implausible move of a loss")
    _collateral(left, collateral, quote)
    left.set_xlabel("Mahalanobis distance of spots from the mean, deviations")
    left.set_ylabel(f"loss, {quote} (gains are negative)")
    left.set_title("how far out a loss lies", loc="left", fontsize=10, color=INK)

    most = ball.most_entropy * 0.999
    if tilt is not None and tilt.entropy > 0.0:
        most = min(most, 2.0 * tilt.entropy)
    nats = [most * (k / (_NATS - 1)) * (k / (_NATS - 1)) for k in range(_NATS)] if most > 0.0 else [0.0]
    tilts = [ball.at_entropy(k) for k in nats]
    right.plot(nats, [one.mean / UNIT for one in tilts], color=TAIL, linewidth=1.8, label="worst mean loss")
    right.plot(nats, [one.expected_shortfall / UNIT for one in tilts], color=_SECOND, linewidth=1.3,
               label=f"Expected Shortfall at {100 * ball.level:.3g} % then")
    if tilt is not None:
        right.plot([tilt.entropy], [tilt.mean / UNIT], "D", color=INK, markersize=6)
        right.annotate(f"{tilt.entropy:.3g} nats", (tilt.entropy, tilt.mean / UNIT), xytext=(8, -12),
                       textcoords="offset points", fontsize=9, color=INK)
    _collateral(right, collateral, quote)
    right.set_xlabel("how much less favourable the scenarios are, nats")
    right.set_title("weights of the scenarios, tilted towards losses", loc="left", fontsize=10, color=INK)
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.text(0.012, 0.004, subtitle, fontsize=8, color="#666666")
    write(figure, path)


def _collateral(axes: Axes, collateral: int, quote: str) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.axhline(0, color=INK, linewidth=0.6)
    axes.axhline(collateral / UNIT, color=INK, linewidth=1.6, linestyle="--",
                 label=f"collateral {display_money(collateral, quote)}")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False, fontsize=8.5)
