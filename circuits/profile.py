"""Where the rows of a circuit go: its labels as a tree, as a table and as a flame-like picture.

Labels are paths, "tail/C13 gap bit". A clause number in front of a name is a level of its own, so that everything C13
costs stands together; parts that only a number at the end tells apart (the accounts of a batch) are one; and a hash has
no parts, as one permutation is like another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from circuits.builder import ConstraintSystem, Share
from primitives import jsonio
from primitives.errors import BadInput

Place: TypeAlias = tuple[str, ...]
"""Where something is in the tree: names from the top."""

FORMATS = (".png", ".svg")
_CLAUSE = re.compile("[A-Z][0-9]+ ")
_INK, _ROOT, _EDGE = "#222222", "#dcdcdc", "#ffffff"
_COLOURS = ("#8fb0d6", "#e0b47c", "#9cc49c", "#d69c9c", "#b6a6d0", "#c9c283", "#8fc4c4", "#d2a9c2")
_WIDTH, _LEVEL = 13.0, 0.8
"""Inches: of the picture, and of one level of the tree."""


@dataclass(frozen=True)
class Part:
    """A node of the tree.

    Attributes
    ----------
    name : of the place, without those above; with "(16 times)" if it stands for several.
    share : what it costs, all that is below it included.
    children : parts that have rows, in order of appearance. Rows that no child has are its own.
    """

    name: str
    share: Share
    children: tuple[Part, ...]

    @property
    def depth(self) -> int:
        """Levels, this one included."""
        return 1 + max((child.depth for child in self.children), default=0)

    def walk(self, level: int = 0) -> Iterator[tuple[int, Part]]:
        """Itself and all below it, each with its level."""
        yield level, self
        for child in self.children:
            yield from child.walk(level + 1)


def profile(cs: ConstraintSystem, name: str = "all") -> Part:
    """The tree of a circuit; its root is called `name`."""
    wires = [(place_of(block.label), Share(0, block.count, 0)) for block in cs.allocations]
    rows = [(place_of(block.label), Share(block.rows, 0, block.entries)) for block in cs.blocks]
    return _part(name, rows + wires)


def place_of(label: str) -> Place:
    """("tail", "C13", "gap bit") for "tail/C13 gap bit"."""
    components: list[str] = []
    for component in label.split("/"):
        if component.startswith("chunk "):             # permutations of a hash
            break
        if not component.isdigit():                    # steps of a loop
            components += component.split(" ", 1) if _CLAUSE.match(component) else [component]
    return tuple(components)


def _part(name: str, blocks: Sequence[tuple[Place, Share]]) -> Part:
    share = Share(*(sum(column) for column in zip(*(share for _, share in blocks), strict=True)))
    below: dict[str, list[tuple[Place, Share]]] = {}
    members: dict[str, set[str]] = {}
    for (first, *rest), cost in ((place, cost) for place, cost in blocks if place):
        kind = re.sub(r"(?<=[a-z]) [0-9]+$", "", first)
        below.setdefault(kind, []).append((tuple(rest), cost))
        members.setdefault(kind, set()).add(first)
    children = [_part(kind if len(members[kind]) == 1 else f"{kind} ({len(members[kind])} times)", inside)
                for kind, inside in below.items()]
    children = [child for child in children if child.share.rows]
    if len(children) == 1 and _CLAUSE.match(f"{name} ") and children[0].share.rows == share.rows:
        return Part(f"{name} {children[0].name}", share, children[0].children)
    return Part(name, share, tuple(children))


def table(root: Part) -> list[tuple[str, int, str, int, int]]:
    """One line per part, indented: name, rows, their percentage of all, wires, non-zero coefficients."""
    total = max(root.share.rows, 1)
    return [("  " * level + part.name, part.share.rows, f"{100 * part.share.rows / total:.1f} %", part.share.wires,
             part.share.entries) for level, part in root.walk()]


# -- the picture -----------------------------------------------------------------------------------------------------
def draw(root: Part, path: str | Path, *, title: str) -> None:
    """Draw the tree as nested bars whose widths are rows: the whole at the top, what it consists of below.

    Parameters
    ----------
    path : .png or .svg, which is written whole or not at all.

    Raises
    ------
    BadInput : another format, or the path cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind = Path(path).suffix.lower()
    if kind not in FORMATS:
        raise BadInput("picture", str(path), f"a file whose name ends in {' or '.join(FORMATS)}")
    figure = Figure(figsize=(_WIDTH, _LEVEL * root.depth + 0.75), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlim(0, max(root.share.rows, 1))
    axes.set_ylim(root.depth, 0)
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontsize=13, color=_INK, fontweight="bold")
    _bar(axes, root, 0, 0, _ROOT, root.share.rows)
    start = 0
    for number, child in enumerate(root.children):
        _bars(axes, child, start, 1, _COLOURS[number % len(_COLOURS)], root.share.rows)
        start += child.share.rows
    axes.text(0, root.depth + 0.05, "The width of a bar is its number of rows; below it is what it consists of.",
              va="top", fontsize=8, color=_INK)
    with jsonio.creating(path) as file:
        figure.savefig(file, format=kind[1:], metadata={"Date": None} if kind == ".svg" else None)


def _bars(axes: Any, part: Part, start: int, level: int, colour: str, total: int) -> None:
    _bar(axes, part, start, level, colour, total)
    for child in part.children:
        _bars(axes, child, start, level + 1, colour, total)
        start += child.share.rows


def _bar(axes: Any, part: Part, start: int, level: int, colour: str, total: int) -> None:
    """One bar, with as much text as it has room for: name and size, the name alone, or the name on its side."""
    width = part.share.rows
    axes.barh(level + 0.5, width, left=start, height=1, color=colour, edgecolor=_EDGE,
              linewidth=0.8 if width > total / 400 else 0, alpha=max(0.45, 1 - 0.17 * max(level - 1, 0)))
    room = 72 * (_WIDTH - 0.4) * width / max(total, 1) - 6
    size = f"{width:,} rows" if level == 0 else f"{width:,}, {100 * width / total:.1f} %"

    def write(text: str, y: float, points: float, **more: Any) -> None:
        axes.text(start + width / 2, level + y, text, ha="center", va="center", fontsize=points, color=_INK,
                  parse_math=False, **more)

    names = [part.name, *([part.name.split(" ")[0]] if _CLAUSE.match(part.name) else [])]
    upright = next((name for name in names if _length(name, 10) <= room), None)
    sideways = next((name for name in names if room > 4 and _length(name, 8) <= 72 * _LEVEL - 4), None)
    if upright == part.name and _length(size, 8) <= room:
        write(upright, 0.38, 10)
        write(size, 0.7, 8)
    elif upright:
        write(upright, 0.5, 10)
    elif sideways:
        write(sideways, 0.5, 8, rotation=90)


def _length(text: str, size: float) -> float:
    """Of text in the picture's font, in points."""
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=size, usetex=False).get_extents().width)
