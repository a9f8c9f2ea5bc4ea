"""The day in a picture: prices above, below them each account's day from cover to its end, and where the money was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from .day import BOUGHT, Day, Entry, Kind
from .market import BETA, JUMP, TOGETHER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COVERED, CALLED, LOT = "#d5e3ee", "#f4a896", "#b79ad6"
STATES = {COVERED: "covered", CALLED: "called: falls short, or is silent", LOT: "its portfolio is up for auction"}
MARKS: Mapping[Kind, tuple[str, str, int, str]] = {
    Kind.LOT: ("|", "#4a2a70", 46, "a step of the auction"),
    Kind.CURE: ("^", "#1d7a46", 52, "the owner tops up or shows cover"),
    Kind.CLOSE: ("s", "#d98e04", 52, "the venue sells a part"),
    Kind.SALE: ("*", "#1f4e9c", 150, "sold as a whole"),
    Kind.LOSS: ("X", "#111111", 46, "loss, forfeited bond or breach"),
    Kind.OUT: ("o", "#00798c", 28, "takes collateral out"),
}
"""Of what happens to an account: marker, colour, size, and what it is."""
MONEY = {"vault": ("accounts' collateral (vault)", "#7fa8c9"), "settlement": ("venues' bonds and clearing", "#e0b46c"),
         "house": ("bidders' bonds (auction house)", "#b79ad6"), "fund": ("insurance fund", "#5d8a66")}
WIDE = 44
"""Letters of a line beside a row."""


def draw(day: Day, ended: Mapping[str, str], path: Path) -> None:
    """Write the picture. ended : what became of each account, in words."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    rows, quiet = _rows(day)
    last = max(entry.minute for entry in day.entries) + 1
    height = 0.33 * (len(rows) + bool(quiet))
    figure, (top, middle, low) = pyplot.subplots(
        3, 1, sharex=True, figsize=(15, 6.6 + height), height_ratios=[2.2, max(1.4, height), 2.2], layout="constrained")
    count = sum(not name.endswith(BOUGHT) for name in ended)
    figure.suptitle(f"A market falls by 40 % in fifty minutes: {count} accounts, none of whose positions the chain has "
                    "seen", fontsize=13, x=0.01, ha="left")
    _prices(top, day, last)
    _accounts(middle, day, rows, quiet, ended, last)
    _money(low, day, last)
    for axis in (top, middle, low):
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(0, last)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _prices(axis: Axes, day: Day, last: float) -> None:
    printed = {entry.what: entry.minute for entry in day.entries if entry.who == "market"}
    moments = [one.moment for one in day.epochs]
    minutes = [0.0, *(printed[one.said()] for one in moments[1:]), last]
    for asset, colour in (("BTC", "#c8641e"), ("ETH", "#4c5fb3")):
        prices = [100 * (1 - float(BETA[asset] * one.fall)) for one in moments]
        axis.step(minutes, [*prices, prices[-1]], where="post", color=colour, linewidth=2)
        axis.annotate(f"{asset}: {prices[-1] - 100:+.0f} %", (last, prices[-1]), xytext=(6, 0), color=colour,
                      textcoords="offset points", va="center", annotation_clip=False)
    jumped = minutes[next(number for number, one in enumerate(moments) if one.jumped)]
    axis.axvline(jumped, color="#888888", linestyle=":")
    axis.text(jumped + 0.8, 101, f"the regime jumps:\nvariance × {JUMP}, correlation {TOGETHER}", color="#444444",
              fontsize=8, va="top")
    for lie in [entry for entry in day.entries if entry.kind == Kind.LIE][:1]:
        axis.axvline(lie.minute, color="#d1495b", linewidth=1)
        axis.text(lie.minute + 0.8, 88, "publishers sign a false epoch;\na watcher refutes it in time", color="#d1495b",
                  fontsize=8, va="top")
    for dear in [entry for entry in day.entries if entry.who == "blocks"]:
        axis.axvspan(dear.minute - day.dear, dear.minute, color="#eeeeee")
        axis.text(dear.minute - day.dear / 2, 70, "blocks too\ndear to send", ha="center", fontsize=8,
                  color="#444444")
    axis.set(ylabel="price,\n% of the beginning", ylim=(44, 104))


def _rows(day: Day) -> tuple[Sequence[str], int]:
    """Names to whom something happened, accounts first by when they were called; how many accounts were left alone."""
    told = {entry.who for entry in day.entries if entry.kind in MARKS or entry.kind == Kind.CALL}
    accounts = [one.name for one in day.accounts.values()]
    first = {name: next((entry.minute for entry in day.entries if entry.who == name and entry.kind == Kind.CALL), 0.0)
             for name in accounts}
    shown = sorted((name for name in accounts if name in told), key=lambda name: first[name])
    others = [name for name in dict.fromkeys(entry.who for entry in day.entries if entry.kind in MARKS)
              if name not in accounts]
    return [*shown, *others], len(accounts) - len(shown)


def _accounts(axis: Axes, day: Day, rows: Sequence[str], quiet: int, ended: Mapping[str, str], last: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    used: set[Any] = {COVERED}
    for number, name in enumerate(rows):
        mine = [entry for entry in day.entries if entry.who == name]
        if name in ended:
            for state, begin, end in states(mine, last):
                axis.barh(number, end - begin, left=begin, height=0.62, color=state)
                used.add(state)
            axis.text(last * 1.012, number, "\n".join(wrap(ended[name], WIDE)[:3]), fontsize=7.5, va="center",
                      linespacing=0.95, clip_on=False)
        for kind, (marker, colour, size, _) in MARKS.items():
            at = [entry.minute for entry in mine if entry.kind == kind]
            if at:
                axis.scatter(at, [number] * len(at), marker=marker, color=colour, s=size, zorder=3, clip_on=False)
                used.add(kind)
    labels = list(rows)
    if quiet:
        labels.append(f"{quiet} other accounts")
        axis.barh(len(rows), last, height=0.62, color=COVERED)
        axis.text(last * 1.012, len(rows), "covered all day", fontsize=7.5, va="center", clip_on=False)
    axis.set_yticks(range(len(labels)))
    axis.set_yticklabels(labels, fontsize=8)
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.legend(handles=[*(Patch(color=colour, label=words) for colour, words in STATES.items() if colour in used),
                         *(Line2D([], [], linestyle="", marker=marker, color=colour, label=words)
                           for kind, (marker, colour, _, words) in MARKS.items() if kind in used)],
                loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, frameon=False, fontsize=8)


def states(mine: Sequence[Entry], last: float) -> list[tuple[str, float, float]]:
    """An account's day: colour, from and to which minute; nothing after it was sold."""
    found, state, since = [], COVERED, 0.0
    for entry in mine:
        new = _after(state, entry)
        if new != state:
            found.append((state, since, entry.minute))
            state, since = new, entry.minute
        if entry.kind == Kind.SALE:
            return found
    return [*found, (state, since, last)]


def _after(state: str, entry: Entry) -> str:
    if entry.kind == Kind.CALL:
        return CALLED
    if entry.kind in (Kind.CURE, Kind.CLOSE, Kind.SALE):
        return COVERED
    if entry.kind == Kind.LOT and entry.what.endswith("is open"):
        return LOT
    if state == LOT and entry.kind == Kind.LOT and "the lot has failed" in entry.what:
        return CALLED
    return state


def _money(axis: Axes, day: Day, last: float) -> None:
    """Where it was, by contract; people's purses apart, which would dwarf them."""
    history = [one for one in day.money.history if one.time >= day.begun] or list(day.money.history[-1:])
    minutes = [*((one.time - day.begun) / 60 for one in history), last]
    heights = [[one.holders.get(name, 0) / 1e9 for one in (*history, history[-1])] for name in MONEY]
    axis.stackplot(minutes, heights, labels=[label for label, _ in MONEY.values()],
                   colors=[colour for _, colour in MONEY.values()], step="post")
    axis.set(xlabel="minutes since the day began, by the chain's clock", ylabel="thousands of\nquote units")
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
