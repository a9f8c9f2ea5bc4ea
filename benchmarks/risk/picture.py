"""The table as a picture: how much of each bound is used up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.risk.figures import Figure


def used(figure: Figure) -> float | None:
    """1 at the bound, more beyond it: value over most; for a least bound, how far from 1 (or 0, if it is negative)
    the value is over how far the bound is. None where nothing can be said."""
    if figure.value is None:
        return None
    if figure.most is not None:
        return figure.value / figure.most if figure.most else (0.0 if figure.value <= 0 else 2.0)
    if figure.least is None:
        return None
    if figure.least < 0:
        return max(0.0, figure.value / figure.least)
    if .5 <= figure.least < 1:
        return max(0.0, (1 - figure.value) / (1 - figure.least))
    return figure.least / figure.value if figure.value > 0 else 2.0


def draw(found: Sequence[Figure], place: Path) -> None:
    """Bars, one a row, as far as rows have a bound; what misses it is red."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    bars = [(figure, share) for figure in found if (share := used(figure)) is not None]
    if not bars:
        return
    figure, axes = pyplot.subplots(figsize=(12, 1.2 + 0.27 * len(bars)), layout="constrained")
    for at, (row, share) in enumerate(bars):
        colour = "#b3261e" if row.missed else "#31688e"
        axes.barh(at, min(share, 2.0), color=colour, height=0.7)
        text = f"{row.value:.3g} {row.unit}".strip() + f"  ({row.bound})"
        axes.text(min(share, 2.0) + 0.02, at, text, va="center", fontsize=8)
    axes.set_yticks(range(len(bars)), [row.what for row, _ in bars], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xlim(0, 2.6)
    axes.set_xlabel("part of the bound that is used; beyond 1 it is missed (cut off at 2)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(place, dpi=110)
    pyplot.close(figure)
