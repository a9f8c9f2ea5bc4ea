"""From one margin to another in steps, as pictures: what netting takes away, and from whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from risk.exact.money import UNIT
from risk.margins.netted import Netted
from risk.margins.plot import BODY, GRID, INK, TAIL, new_figure, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SAVED = "#66a182"
_MOST = 10


@dataclass(frozen=True)
class Step:
    """amount : money units.  total : whether it is what has come about by now, drawn from 0, or a change."""

    name: str
    amount: int
    total: bool = False


def protocols(found: Netted, path: str | Path, *, title: str, quote: str, subtitle: str) -> None:
    """Margins of the protocols apart, what netting saves, and the one margin of all, as PNG; of a single protocol those
    of its positions.

    Raises
    ------
    BadInput : the path cannot be written; nothing is left behind.
    """
    whole = found.together
    if len(found.names) > 1:
        apart = [(name.replace("_", " "), own.required) for name, own in zip(found.names, found.separate, strict=True)]
    else:
        apart = [(part.name, alone) for part, alone in zip(whole.positions, whole.standalone, strict=True)]
    shown, total = list[Step](), 0
    for i, (name, margin) in enumerate(apart):
        total += margin
        if i < _MOST:
            shown.append(Step(name, margin))
    if len(apart) > _MOST:
        shown.append(Step(f"{len(apart) - _MOST} others", total - _sum(shown)))
    steps = [*shown, Step("margins apart", total, total=True), Step("netting", whole.required - total),
             Step("one margin", whole.required, total=True)]
    figure = new_figure(9, 4.8, foot=0.04)
    draw(figure.add_subplot(), steps, quote)
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.text(0.012, 0.006, subtitle, fontsize=8, color="#666666")
    write(figure, path)


def _sum(steps: Sequence[Step]) -> int:
    total = 0
    for step in steps:
        total += step.amount
    return total


def draw(axes: Axes, steps: Sequence[Step], quote: str, *, legible: bool = True) -> None:
    """The steps on given axes, each change from where the one before ended."""
    from matplotlib.ticker import FuncFormatter

    level, high = 0, 1
    ends = []
    for i, step in enumerate(steps):
        low, top = (0, step.amount) if step.total else sorted((level, level + step.amount))
        colour = INK if step.total else BODY if step.amount >= 0 else _SAVED
        if i == len(steps) - 1 and step.total:
            colour = TAIL
        axes.bar(i, (top - low) / UNIT, bottom=low / UNIT, color=colour, width=0.62)
        axes.text(i, top / UNIT, f"{round(step.amount / UNIT):,}", ha="center", va="bottom", fontsize=8.5, color=INK)
        level = step.amount if step.total else level + step.amount
        ends.append(level)
        high = max(high, top)
    for i, end in enumerate(ends[:-1]):
        axes.plot([i + 0.31, i + 0.69], [end / UNIT] * 2, color=INK, linewidth=0.7)
    axes.set_xticks(range(len(steps)), [step.name for step in steps], fontsize=8.5,
                    rotation=20 if legible and len(steps) > 5 else 0, ha="right" if legible and len(steps) > 5
                    else "center")
    axes.set_ylim(0, 1.12 * high / UNIT)
    axes.set_ylabel(quote)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
