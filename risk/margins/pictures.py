"""More pictures: a model's forecasts with exceptions, correlations with regimes, profit over spot and volatility."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from risk.exact.elementary import exp
from risk.exact.money import UNIT, display_money
from risk.margins.contributions import Positions
from risk.margins.explain import scenarios_of
from risk.margins.past import Past
from risk.margins.plot import BODY, GRID, INK, TAIL, new_figure, write
from risk.margins.shocks import Market
from risk.scenarios.scenarios import RETURN_UNIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = ("#2f6690", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#5c5c5c")
_MOST_PANELS = 6
_MOST_PAIRS = 6
_SPOTS, _VOLATILITIES = 41, 21
_VOLATILITY_MOVES = (Fraction(-50, 100), Fraction(100, 100))


def forecasts(past: Past, path: str | Path, *, subtitle: str) -> None:
    """Returns of each asset in the band that was forecast, exceptions marked, as PNG; the first six assets.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    shown = past.assets[:_MOST_PANELS]
    figure = new_figure(9, 1.6 + 2.1 * len(shown))
    axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    days = _dates(past.times)
    for panel, one in zip(axes, shown, strict=True):
        returns, low, high = 100 * one.returns, 100 * one.low, 100 * one.high
        panel.fill_between(days, low, high, color=BODY, alpha=0.35, linewidth=0, label="band forecast the step before")
        panel.plot(days, returns, ".", color="#7d8b99", markersize=2, label="log return")
        out = (returns < low) | (returns > high)
        panel.plot(days[out], returns[out], "o", color=TAIL, markersize=3.5, markeredgecolor="white",
                   markeredgewidth=0.4, label="exception")
        panel.axhline(0, color=INK, linewidth=0.6)
        panel.set_title(f"{one.asset}: below {one.below}, above {one.above}; due {one.due:.1f} on each side; "
                        f"forecast now {100 * one.now:.2f} % a step", loc="left", fontsize=9.5, color=INK)
        panel.set_ylabel("log return, %", fontsize=9)
        _plain(panel)
    left = len(past.assets) - len(shown)
    more = f"; {left} more assets are not drawn" if left else ""
    figure.suptitle(f"Volatility forecast and exceptions at {100 * float(1 - past.level):.4g} %", x=0.01, ha="left",
                    fontsize=13, fontweight="bold", color=INK)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    _say(axes[-1], f"{subtitle}{more}")
    write(figure, path)


def correlations(past: Past, path: str | Path, *, subtitle: str) -> None:
    """Paths of the correlations between assets, with the regimes of the grid, as PNG; of many pairs those that move
    farthest.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    pairs = sorted(past.pairs.items(), key=lambda pair: float(pair[1].min() - pair[1].max()))[:_MOST_PAIRS]
    figure = new_figure(9, 5.2)
    axes = figure.add_subplot()
    days = _dates(past.times)
    least = min([float(path.min()) for _, path in pairs] + [0.0])
    for k, (names, line) in enumerate(pairs):
        axes.plot(days, line[1:], color=_LINES[k % len(_LINES)], linewidth=1.1,
                  label=f"{' / '.join(names)}, now {float(line[-1]):.2f}")
    for k, value in enumerate(past.regimes):
        now = k in past.regimes_now
        axes.axhline(value, color=INK, linewidth=1.4 if now else 0.8, linestyle="-" if now else ":", zorder=1)
        axes.annotate(f"regime {value:g}" + (" (today)" if now else ""), (1.005, value), xycoords=("axes fraction",
                      "data"), fontsize=8.5, va="center", color=INK, fontweight="bold" if now else "normal")
    axes.set_ylim(min(-0.05, least - 0.05), 1.05)
    axes.set_title("Correlation of innovations, and the grid's regimes", loc="left", fontsize=13, fontweight="bold",
                   color=INK)
    axes.set_ylabel("correlation")
    _plain(axes)
    left = len(past.pairs) - len(pairs)
    _say(axes, subtitle + (f"; {left} more pairs are not drawn" if left else ""))
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    write(figure, path)


def heat_map(market: Market, positions: Positions, asset: str, path: str | Path, *, title: str, subtitle: str,
             quote: str, holds: int, named: str = "margin") -> None:
    """What positions gain over moves of one asset's spot and volatility at the end of the horizon, as PNG.

    The spot moves as far as in the epoch's scenarios, volatility between half and twice today's; other assets stay.
    The line where the loss is what stands behind it is drawn, if it is on the map.

    Parameters
    ----------
    holds : what stands behind a loss, money units: the margin or, on levels, the value today.  named : which it is.

    Raises
    ------
    BadInput : an asset that the epoch does not have; the path cannot be written, and nothing is left behind.
    """
    from matplotlib.colors import TwoSlopeNorm
    from matplotlib.ticker import FuncFormatter

    spots = _spot_moves(market, asset)
    low, high = _VOLATILITY_MOVES
    # Half is as far from today as twice: steps of equal size on both sides, today among them.
    half = _VOLATILITIES // 2
    moves = [low * (half - k) / half for k in range(half)] + [high * k / half for k in range(half + 1)]
    gains = market.gains(positions, [{asset: (spot, volatility)} for volatility in moves for spot in spots])
    amounts = np.array([gain / UNIT for gain in gains]).reshape(len(moves), len(spots))

    figure = new_figure(9, 5.8)
    axes = figure.add_subplot()
    most = max(float(np.abs(amounts).max()), 1e-6)
    across, up = np.array([100 * float(spot) for spot in spots]), np.arange(len(moves))
    mesh = axes.pcolormesh(across, up, amounts, cmap="RdBu", shading="gouraud", rasterized=True,
                           norm=TwoSlopeNorm(0.0, -most, most))
    lines = list[str]()                            # told above the map: on it, words would lie over others
    for level, style, name in ((0.0, "solid", "solid: no gain"), (-holds / UNIT, "dashed", f"dashed: loss = {named}")):
        if (holds > 0 or style == "solid") and amounts.min() < level < amounts.max():
            axes.contour(across, up, amounts, levels=[level], colors=[INK], linewidths=1.3, linestyles=style)
            lines.append(name)
    axes.plot([0], [half], "o", color="white", markeredgecolor=INK, markersize=7)
    axes.annotate("today", (0, half), xytext=(8, -14), textcoords="offset points", fontsize=9, color=INK)
    ticks = range(0, len(moves), 5)
    axes.set_yticks(list(ticks), [f"×{float(1 + moves[k]):.2f}" for k in ticks])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.0f} %" if value else "0"))
    axes.set_xlabel(f"{asset} spot at the end of the horizon, against today")
    axes.set_ylabel(f"volatility of {asset}, against today")
    bar = figure.colorbar(mesh, ax=axes, pad=0.02)
    bar.set_label(f"gain, {quote}")
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    bar.outline.set_visible(False)
    axes.set_title(f"{title}\n", loc="left", fontsize=13, fontweight="bold", color=INK)
    said = " · ".join((f"{named} {display_money(holds, quote)}", *lines, "other assets stay where they are"))
    axes.text(0, 1.02, said, transform=axes.transAxes, fontsize=9.5, color=INK)
    _say(axes, subtitle)
    write(figure, path)


def _spot_moves(market: Market, asset: str) -> list[Fraction]:
    """Evenly spaced moves to the farthest scenario on either side, today among them, in whole percent at the ends."""
    scenarios = scenarios_of(market.epoch, market.model)
    column = scenarios.returns[:, market.model.assets.index(asset)]
    ends = exp(np.array([int(column.min()), int(column.max())]) / RETURN_UNIT) - 1.0
    down = Fraction(max(-95, min(-5, round(100 * float(ends[0])))), 100)
    up = Fraction(max(5, round(100 * float(ends[1]))), 100)
    half = _SPOTS // 2
    return [down * (half - k) / half for k in range(half)] + [up * k / half for k in range(half + 1)]


def _dates(times: Sequence[int]) -> Any:
    return np.array([datetime.fromtimestamp(time, UTC).replace(tzinfo=None) for time in times], "datetime64[s]")


def _plain(axes: Axes) -> None:
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5)
    axes.margins(x=0.01)


def _say(axes: Axes, text: str) -> None:
    """A line under a picture: what it is of."""
    axes.annotate(text, (0, 0), xytext=(0, -46), xycoords="axes fraction", textcoords="offset points", fontsize=8,
                  color="#666666", annotation_clip=False)


