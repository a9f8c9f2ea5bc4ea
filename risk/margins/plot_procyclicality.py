"""A picture of margins over time, before and after tools against procyclicality."""

from __future__ import annotations

from pathlib import Path

from primitives import jsonio
from risk.margins.procyclicality import Metrics, Study

_INK, _BEFORE, _AFTER, _GRID = "#222222", "#9db4c8", "#d1495b", "#e6e6e6"


def margins(study: Study, path: str | Path, *, title: str) -> None:
    """Draw one panel a book, as PNG: Expected Shortfall in percent of what is held.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.1 + 2.3 * len(study.books)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    days = range(len(study.labels))
    for axes, book in zip(figure.subplots(len(study.books), 1, sharex=True, squeeze=False)[:, 0], study.books,
                          strict=True):
        before, after = Metrics.of(book.before), Metrics.of(book.after)
        axes.plot(days, 100 * book.before, color=_BEFORE, linewidth=1.2,
                  label=f"model alone: peak to trough {before.peak_to_trough:.1f}")
        axes.plot(days, 100 * book.after, color=_AFTER, linewidth=1.4,
                  label=f"with the tools: {after.peak_to_trough:.1f}, {100 * book.cost:+.0f} % on average")
        axes.set_title(book.name, loc="left", fontsize=10, color=_INK)
        axes.set_ylim(0, 130 * max(book.before.max(), book.after.max()))         # with room for the legend
        axes.set_ylabel("% of gross")
        axes.grid(axis="y", color=_GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=8.5)
    ticks = [round(k * (len(study.labels) - 1) / 5) for k in range(6)]
    axes.set_xticks(ticks, [study.labels[tick] for tick in ticks])
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=_INK, fontweight="bold")
    with jsonio.replacing(path) as file:
        figure.savefig(file, format="png")
