"""Vega by expiry, as a picture: which expiries are long and which short, at which protocol, and what offsets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from risk.greeks.exposures import Exposures
from risk.margins.plot import GRID, INK, new_figure, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#2f6690", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#9db4c8")
_NET = "net of the expiry"
_MOST = 5
"""Protocols with a colour of their own; the rest share one."""


def vega_by_expiry(found: Exposures, path: str | Path, *, title: str, quote: str, subtitle: str) -> None:
    """A panel for each asset with options: stacked bars of each expiry's vega by protocol, a mark at the net, as PNG.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    assets = list(dict.fromkeys(one.asset for one in found.expiries))
    figure = new_figure(9, 2.4 + 2.6 * max(1, len(assets)), foot=0.035)
    panels = figure.subplots(max(1, len(assets)), 1, squeeze=False)[:, 0]
    names = list(found.protocols)
    colours = {name: _COLOURS[min(i, _MOST)] for i, name in enumerate(names)}
    if not assets:
        panels[0].text(0.5, 0.5, "no options are held: no vega", ha="center", va="center", color=INK)
        panels[0].set_axis_off()
    for panel, asset in zip(panels, assets, strict=False):
        _panel(panel, found, asset, colours, quote)
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.text(0.012, 0.006, subtitle, fontsize=8, color="#666666")
    write(figure, path)


def _panel(axes: Axes, found: Exposures, asset: str, colours: dict[str, str], quote: str) -> None:
    from matplotlib.ticker import FuncFormatter

    own = [one for one in found.expiries if one.asset == asset]
    for i, one in enumerate(own):
        above = below = 0.0
        for name, vega in one.protocols:
            text = name.replace("_", " ") if list(colours).index(name) < _MOST else "other protocols"
            axes.bar(i, vega, bottom=above if vega > 0 else below, color=colours[name], width=0.55, label=text)
            above, below = above + max(vega, 0.0), below + min(vega, 0.0)
        axes.plot([i - 0.36, i + 0.36], [one.vega] * 2, color=INK, linewidth=2.0, label=_NET)
    offset = found.across_expiries[asset]
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(range(len(own)), [one.expiry[:10] for one in own], fontsize=9)
    axes.set_xlim(-0.7, max(len(own), 2) - 0.3)
    axes.set_title(f"{asset}: net {offset.net:,.0f}, gross {offset.gross:,.0f} {quote} per point; expiries offset "
                   f"{offset.offset:,.0f} ({100 * offset.share:.0f} %)", fontsize=9.5, color=INK, loc="left")
    axes.set_ylabel(f"vega, {quote} per point", fontsize=9)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    handles = {text: handle for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    ordered = sorted(handles, key=lambda text: text == _NET)
    axes.legend([handles[text] for text in ordered], ordered, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9,
                frameon=False)
