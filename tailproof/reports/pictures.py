"""Pictures of reports: those that commands draw, and two of a report's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from risk.exact.money import UNIT

from ..printable import printable
from .section import Block, Command, Image, Said

if TYPE_CHECKING:
    from risk.market.book import Book

    from .subject import Subject

MOST_PANELS = 6
MOST_LINES = 5


def drawn(subject: Subject, said: str, commands: Sequence[Command], draw: Callable[[Path], None]) -> Iterator[Block]:
    """A picture, or why there is none.

    draw : writes a PNG file.
    """
    if subject.no_pictures is not None:
        yield Said(f"No picture is drawn here: {subject.no_pictures}.", tuple(commands))
        return
    with tempfile.TemporaryDirectory(prefix="tailproof-report-") as folder:
        path = Path(folder) / "picture.png"
        draw(path)
        yield Image(path.read_bytes(), said, tuple(commands))


def smiles(book: Book, assets: Sequence[str], path: Path) -> None:
    """Implied volatility over moneyness, a panel an underlying and a line an expiry; the first of each."""
    from matplotlib.ticker import FuncFormatter

    from risk.exact.clock import format_time
    from risk.margins.plot import GRID, INK, new_figure, write
    colours = ("#2f6690", "#d1495b", "#edae49", "#66a182", "#8d6a9f")
    shown = [asset for asset in assets if any(name == asset for name, _ in book.curves)][:MOST_PANELS]
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    figure = new_figure(9, 0.4 + 3.0 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in panels[len(shown):]:
        axes.set_axis_off()
    for axes, asset in zip(panels, shown, strict=False):
        curves = sorted((expiry, curve) for (name, expiry), curve in book.curves.items() if name == asset)
        for colour, (expiry, curve) in zip(colours, curves, strict=False):
            strikes = sorted(curve.volatilities)
            axes.plot([100 * strike / curve.forward for strike in strikes],
                      [100 * curve.volatilities[strike] for strike in strikes], "o-", color=colour, markersize=3,
                      linewidth=1.2, label=format_time(expiry)[:10])
        left = len(curves) - len(colours)
        axes.set_title(printable(asset) + (f" ({left} more expiries)" if left > 0 else ""), loc="left", fontsize=11,
                       fontweight="bold", color=INK)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        axes.set_xlabel("strike, % of forward", fontsize=9)
        axes.set_ylabel("implied volatility, %", fontsize=9)
        axes.grid(color=GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8.5)
        axes.legend(frameon=False, fontsize=8.5)
    write(figure, path)


def bars(rows: Mapping[str, Mapping[str, int]], quote: str, path: Path) -> None:
    """For each name amounts by cause, in money units, beside each other: what adds to a loss right, what takes from it
    left."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    from risk.margins.plot import GRID, INK, new_figure, write
    colours = ("#d1495b", "#edae49", "#2f6690", "#66a182", "#8d6a9f", "#5c5c5c", "#9db4c8", "#c98bb9")
    causes = list(dict.fromkeys(cause for parts in rows.values() for cause, value in parts.items() if value))
    figure = new_figure(9, 1.3 + 0.5 * len(rows))
    axes = figure.add_subplot()
    places = range(len(rows))
    right, left = [0.0] * len(rows), [0.0] * len(rows)
    for k, cause in enumerate(causes):
        values = [parts.get(cause, 0) / UNIT for parts in rows.values()]
        starts = [right[i] if value >= 0 else left[i] for i, value in enumerate(values)]
        axes.barh(list(places), values, left=starts, height=0.62, color=colours[k % len(colours)], label=cause)
        for i, value in enumerate(values):
            right[i], left[i] = right[i] + max(value, 0.0), left[i] + min(value, 0.0)
    for i, parts in enumerate(rows.values()):
        total = sum(parts.values()) / UNIT
        axes.plot([total, total], [i - 0.38, i + 0.38], color=INK, linewidth=2.2, label="loss" if not i else None)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(list(places), list(rows), fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel(f"{printable(quote)}: loss right of the line, gain left of it")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(7))
    axes.set_xlim(1.04 * min(left) - 0.02 * max(right), 1.04 * max(right) - 0.02 * min(left) or 1.0)
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    write(figure, path)
