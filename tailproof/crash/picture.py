"""The day in a picture: prices above, each account's fate below, and at the bottom where the money was."""

from __future__ import annotations

from pathlib import Path

from .day import Day, Kind
from .money import Balance

COLOURS = {Kind.COVER: "#b9c6d4", Kind.CALL: "#d1495b", Kind.CURE: "#2e8b57", Kind.CLOSE: "#edae49",
           Kind.LOT: "#7b4fa3", Kind.SALE: "#1f4e9c", Kind.LOSS: "#111111", Kind.OUT: "#00798c"}
WORDS = {Kind.CALL: "called", Kind.CURE: "cured by the owner", Kind.CLOSE: "partly closed", Kind.LOT: "step of a lot",
         Kind.SALE: "sold", Kind.LOSS: "loss, forfeit or breach", Kind.OUT: "withdrawal"}


def draw(day: Day, path: Path) -> None:
    """Write the picture."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    told = [entry for entry in day.entries if entry.kind in WORDS]
    names = list(dict.fromkeys(entry.who for entry in told))
    names = [one.name for one in day.accounts.values() if one.name in names] + [
        name for name in names if name not in {one.name for one in day.accounts.values()}]
    figure, (top, middle, low) = pyplot.subplots(
        3, 1, sharex=True, figsize=(12, 6 + 0.28 * len(names)),
        height_ratios=[2, max(3, 0.28 * len(names)), 2.4], layout="constrained")

    moments = [one.moment for one in day.epochs]
    last = max([entry.minute for entry in day.entries] + [moments[-1].minute])
    minutes = [*(one.minute for one in moments), last]
    for asset, share in (("BTC", 1.0), ("ETH", 1.25)):
        prices = [100 * (1 - share * float(one.fall)) for one in moments]
        top.step(minutes, [*prices, prices[-1]], where="post", label=asset)
    jump = next(one.minute for one in moments if one.jumped)
    top.axvline(jump, color="#888888", linestyle=":")
    top.text(jump + 1, 52, "regime jumps", color="#555555", fontsize=8)
    for entry in day.entries:
        if entry.kind == Kind.LIE:
            top.axvline(entry.minute, color="#d1495b", linewidth=0.8)
    lies = [entry.minute for entry in day.entries if entry.kind == Kind.LIE]
    if lies:
        top.text(lies[0] + 1, 96, "a false epoch, refuted", color="#d1495b", fontsize=8)
    top.set(ylabel="price, % of the beginning", ylim=(45, 105))
    top.legend(loc="lower left", frameon=False)

    for kind, word in WORDS.items():
        shown = [entry for entry in told if entry.kind == kind]
        if shown:
            middle.scatter([entry.minute for entry in shown], [names.index(entry.who) for entry in shown],
                           color=COLOURS[kind], s=34, label=word, zorder=3)
    middle.set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
    middle.set_yticklabels(names, fontsize=8)
    middle.grid(axis="y", color="#eeeeee")
    middle.legend(loc="upper left", frameon=True, fontsize=8, ncols=2)

    _money(low, day.money.history, day.begun)
    low.set(xlabel="minutes since the day began", ylabel="quote units, millions")
    for axis in (top, middle, low):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _money(axis: object, history: list[Balance], begun: int) -> None:
    """Where it was, by contract; people's purses apart, which would dwarf them."""
    from matplotlib.axes import Axes
    assert isinstance(axis, Axes)
    names = [name for name in history[-1].holders if name not in ("people", "coordinator", "allocator")]
    minutes = [(one.time - begun) / 60 for one in history]
    heights = [[one.holders.get(name, 0) / 1e12 for one in history] for name in names]
    axis.stackplot(minutes, heights, labels=names, step="post", alpha=0.85)
    axis.set_xlim(left=0)
    axis.legend(loc="center left", frameon=False, fontsize=8)
