"""Which five scenarios drive a portfolio's margin, and why, in sentences. Private."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

from risk.margins.causes import Causes, causes
from risk.margins.explain import TailScenario, explain
from risk.models.scenario_set import SHOCK_UNIT
from risk.scenarios.scenarios import Scenarios

from .. import telling
from .numbers import money, move, share
from .pictures import bars, drawn
from .section import Block, Said, Section, Table, Words
from .subject import Holder

MOST = 5
_STILL = 0.0005
"""A relative move that a sentence calls none."""
_MOST_MOVES = 6
"""Assets whose moves a sentence tells; the table has all."""
_NAMED = 3
"""Positions on each side, causes and assets that a sentence names."""


def drivers(holder: Holder) -> Section:
    subject, found = holder.subject, holder.found
    tail = explain(subject.risk, found, most=MOST, history=subject.history if subject.history_path else None)
    made = causes(subject.market, holder.rows, found, subject.scenarios, [one.scenario for one in tail])
    held = sum(mass > 0 for mass in found.shortfall.tail_mass)
    command, own = (_explain(holder),), (holder.own("drivers"),)
    assets, quote = subject.market.model.assets, subject.quote
    parts = [one.part for one in tail if one.part is not None]
    together = f", {100 * float(sum(parts)):.0f} % of Expected Shortfall together" if parts else ""
    blocks: list[Block] = [
        Words("Expected Shortfall is the mean of the losses in the tail's scenarios; these lose most. What a cause "
              "costs is the loss if it alone moves as in the scenario. The interplay is the rest: what moves do "
              "together, and whatever else a scenario does."),
        Said(f"The tail holds {held} of {len(found.losses)} scenarios; the worst {len(tail)}{together}. "
             + _in_common(assets, tail, made), own),
        Table(("scenario", "from", f"loss, {quote}", "% of ES", *assets), tuple(
            (str(one.scenario), one.kind, money(one.loss), "-" if one.part is None else share(one.part, 1),
             *(f"{100 * move(value):+.1f} %" for value in one.returns)) for one in tail), command)]
    for one, why in zip(tail, made, strict=True):
        blocks.append(Said(_sentences(holder, one, why), own))
    blocks += drawn(subject, "What each cause alone costs in each of the scenarios; the dark line is the whole loss.",
                    own, lambda path: bars({f"scenario {why.scenario}": {
                        name: round(value) for name, value in _by_cause(assets, why).items()} for why in made}, quote,
                        path))
    return Section("drivers", f"The {len(tail)} scenarios that drive the margin, and why", tuple(blocks))


def _explain(holder: Holder) -> tuple[str, ...]:
    return (*holder.command("risk", "explain"), *holder.subject.prices)


# -- sentences -----------------------------------------------------------------------------------------------------
def _sentences(holder: Holder, one: TailScenario, why: Causes) -> str:
    subject = holder.subject
    assets = subject.market.model.assets
    part = "" if one.part is None else f", {100 * float(one.part):.1f} % of Expected Shortfall"
    if one.mass != one.weight:
        part += f" (it counts with {one.mass} of {one.weight})"
    origin = "" if one.kind == "model" else f", which is stress ({one.kind}),"
    return " ".join((
        f"Scenario {one.scenario}{origin} loses {money(one.loss)} {subject.quote}{part}.",
        _moves(holder, one, why), *_days(assets, one), _positions(holder, one), _why(assets, why)))


def _moves(holder: Holder, one: TailScenario, why: Causes) -> str:
    """"WTI falls 6.8 % (volatility +20 %), …", of the assets that cost or bring something, in the model's order."""
    scenarios, assets = holder.subject.scenarios, holder.subject.market.model.assets
    words, (level, basis) = [], _besides(scenarios, one.scenario)
    for i in sorted(_by_weight(assets, [why])[:_MOST_MOVES]) or range(min(len(assets), _MOST_MOVES)):
        asset = assets[i]
        change = move(one.returns[i])
        text = f"{asset} stays where it is" if abs(change) < _STILL \
            else f"{asset} {'rises' if change > 0 else 'falls'} {100 * abs(change):.1f} %"
        before, after = int(scenarios.today[i]), int(scenarios.variances[one.scenario, i])
        ratio = (math.sqrt(after / before) if before else 1.0) * (1.0 + level) - 1.0
        if abs(ratio) >= 0.005:
            text += f" (volatility {100 * ratio:+.0f} %)"
        words.append(text)
    if abs(basis) >= _STILL:
        words.append(f"futures and perpetuals trade {100 * abs(basis):.1f} % {'below' if basis < 0 else 'above'} "
                     "the spot")
    over = telling.horizon(holder.subject.numbers) if holder.subject.market.model.horizon else None
    return f"In it, {_listed(words)}" + (f" over {over}." if over else ", at once.")


def _besides(scenarios: Scenarios, at: int) -> tuple[float, float]:
    """Relative changes of implied volatility and of basis that a scenario of stress has besides."""
    if scenarios.shocks is None:
        return 0.0, 0.0
    volatility, basis = (int(scenarios.shocks.column(name)[at]) / SHOCK_UNIT for name in ("volatility", "basis"))
    return volatility, basis


def _days(assets: Sequence[str], one: TailScenario) -> list[str]:
    if one.days is None:
        return []
    if one.days.returns is None:
        return [f"It was drawn from {_listed(one.days.labels, 'then')}, at today's volatility and correlation."]
    real = ", ".join(f"{asset} {100 * move(value):+.1f} %" for asset, value
                     in zip(assets, one.days.returns, strict=True))
    return [f"The nearest that really happened was {one.days.labels[0]} to {one.days.labels[1]} ({real})."]


def _positions(holder: Holder, one: TailScenario) -> str:
    """Who loses, who gains."""
    found = holder.found
    losing = [(f"{found.lots[i]:+,} {found.positions[i].name}", loss) for i, loss in one.positions if loss > 0]
    gaining = [(f"{found.lots[i]:+,} {found.positions[i].name}", -loss) for i, loss in reversed(one.positions)
               if loss < 0]
    said = f"Of the positions, {_amounts(losing)} {'loses' if len(losing) == 1 else 'lose'}" if losing \
        else "No position loses"
    return said + (f"; {_amounts(gaining)} {'gains' if len(gaining) == 1 else 'gain'}." if gaining else ".")


def _amounts(parts: Sequence[tuple[str, Fraction]]) -> str:
    shown = [f"{name} ({money(amount)})" for name, amount in parts[:_NAMED]]
    left = parts[_NAMED:]
    return _listed([*shown, *([f"{len(left)} more ({money(sum((amount for _, amount in left), Fraction(0)))})"]
                              if left else [])])


def _why(assets: Sequence[str], why: Causes) -> str:
    parts = sorted(_by_cause(assets, why).items(), key=lambda item: -abs(item[1]))
    shown = [f"{name} {'costs' if value > 0 else 'brings'} {money(abs(value))}" for name, value in parts[:_NAMED]
             if round(value)]
    return f"By cause: {_listed(shown)}." if shown else "No cause alone costs anything."


def _by_cause(assets: Sequence[str], why: Causes) -> dict[str, Fraction]:
    """All parts of a loss, by words."""
    return {**{f"{asset}'s price": Fraction(value) for asset, value in zip(assets, why.spots, strict=True)},
            **{f"{asset}'s volatility": Fraction(value)
               for asset, value in zip(assets, why.volatilities, strict=True)},
            "time": Fraction(why.time), "the interplay": why.rest}


def _in_common(assets: Sequence[str], tail: Sequence[TailScenario], made: Sequence[Causes]) -> str:
    """What most of the scenarios share, and what costs most over all of them."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for why in made:
        for name, value in _by_cause(assets, why).items():
            sums[name] += value
    heaviest = _by_weight(assets, made)
    moves = [_direction(assets[i], [move(one.returns[i]) for one in tail]) for i in heaviest[:_NAMED]]
    return f"{'; '.join(moves)}. {_costs(sums)}" if moves else _costs(sums)


def _by_weight(assets: Sequence[str], made: Sequence[Causes]) -> list[int]:
    """Places of the assets whose moves alone cost or bring anything, what moves most money first."""
    weight = [sum(abs(why.spots[i]) + abs(why.volatilities[i]) for why in made) for i in range(len(assets))]
    return [i for i in sorted(range(len(assets)), key=lambda i: -weight[i]) if weight[i]]


def _direction(asset: str, moves: Sequence[float]) -> str:
    """"WTI falls in all of them, by 3.5 to 8.6 %"."""
    sizes = [100 * abs(one) for one in moves]
    span = f"{min(sizes):.1f} to {max(sizes):.1f} %" if len(moves) > 1 else f"{sizes[0]:.1f} %"
    if max(sizes) < 100 * _STILL:
        return f"{asset} stays where it is in all of them"
    up = sum(one > 0 for one in moves)
    if up in (0, len(moves)):
        return f"{asset} {'rises' if up else 'falls'} in all of them, by {span}"
    return f"{asset} moves by {span}, up in {up} and down in {len(moves) - up}"


def _costs(sums: Mapping[str, Fraction]) -> str:
    costs = [(name, value) for name, value in sorted(sums.items(), key=lambda item: -item[1]) if round(value) > 0]
    saves = [(name, -value) for name, value in sorted(sums.items(), key=lambda item: item[1]) if round(value) < 0]
    whole = sum((value for value in sums.values()), Fraction(0))
    said = f"Over all of them, {money(whole)} together, most of the loss is from {_amounts(costs[:2])}" if costs \
        else "Nothing costs"
    return said + (f"; most is brought back by {_amounts(saves[:1])}." if saves else ".")


def _listed(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""
