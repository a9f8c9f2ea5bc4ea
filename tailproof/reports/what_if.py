"""What a portfolio gains or loses if the market moves. Private."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TypedDict

from risk.margins.contributions import AnyEpoch, Positions, breakdown
from risk.margins.levels import value_today

from .. import telling
from .numbers import money, share
from .pictures import drawn
from .section import Block, Command, Section, Table, Words
from .subject import Holder

SPOTS = (-20, -10, 10, 20)
VOLATILITIES = (-25, 50)
MOST_ASSETS = 8


def what_if(holder: Holder) -> Section:
    subject, whole = holder.subject, holder.whole
    market, known = subject.market, subject.market.model.assets
    held = {part.name for part in holder.found.assets}
    assets = [asset for asset in known if asset in held][:MOST_ASSETS] or [known[0]]
    moves = [(assets[0], "spot", 0)]
    moves += [(asset, option, percent) for asset in assets for option, percents in
             (("spot", SPOTS), ("volatility", VOLATILITIES)) for percent in percents]
    gains = market.gains(holder.rows, [
        {asset: (Fraction(percent if option == "spot" else 0, 100), Fraction(percent if option == "volatility" else 0,
                                                                             100))}
        for asset, option, percent in moves])
    levels = subject.numbers.levels
    value = value_today(subject.numbers, holder.rows)
    commands = tuple(_command(holder, *one) for one in moves)
    blocks: list[Block] = [
        Words("By full revaluation at the end of the horizon, all else as today. A loss beyond the margin, or beyond "
              "what an account is worth where the epoch has levels, is one that is not covered."),
        Table(("if", "gain (-: loss)", "left of the value" if levels else "of the margin, %"), tuple(
            (f"{asset}'s {option} {percent:+d} %" if percent else "nothing moves, the horizon passes", money(gain),
             money(value + gain) if levels else share(gain, whole.required))
            for (asset, option, percent), gain in zip(moves, gains, strict=True)), commands)]
    heaviest = next((part.name for part in sorted(holder.found.assets, key=lambda part: -abs(part.numerator))
                     if part.name in known), assets[0])
    picture: Command = (*holder.command("risk", "what-if"), "--asset", heaviest, "--picture", "map.png")
    blocks += drawn(subject, f"Gain over {heaviest}'s spot and volatility at the end of the horizon; others stay.",
                    (picture,), lambda path: _map(holder, heaviest, path))
    return Section("what-if", "If the market moves", tuple(blocks))


class Held(TypedDict):
    """What stands behind losses, as `pictures.heat_map` takes it."""

    holds: int
    named: str


def held(numbers: AnyEpoch, rows: Positions) -> Held:
    """The margin; on levels, where that is what an account lacks, its value today."""
    if numbers.levels:
        return {"holds": value_today(numbers, rows), "named": "value today"}
    return {"holds": breakdown(numbers, rows).required, "named": "margin"}


def _command(holder: Holder, asset: str, option: str, percent: int) -> Command:
    return (*holder.command("risk", "what-if"), f"--{option}", f"{asset}={percent:+d}%")


def _map(holder: Holder, asset: str, path: Path) -> None:
    from risk.margins import pictures
    subject = holder.subject
    pictures.heat_map(subject.market, holder.rows, asset, path, quote=subject.quote,
                      title=f"{holder.path.stem.replace('_', ' ')}: gain over {asset}",
                      subtitle=telling.setting(subject.numbers), **held(subject.numbers, holder.rows))
