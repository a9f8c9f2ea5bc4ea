"""Sentences that a person reads. What is rounded in them is rounded for reading alone; the numbers are in the JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from risk.exact.money import UNIT, display_money
from risk.stress.outcomes import Dependence, Outcome, PositionLoss
from risk.stress.reverse import BROKEN, IMPOSSIBLE, Inside, Point
from risk.stress.sets import Moves
from risk.stress.tilting import ALREADY, Ball, Tilt

_SHARES = ((Fraction(1, 4), "a quarter"), (Fraction(1, 3), "a third"), (Fraction(1, 2), "half"),
           (Fraction(2, 3), "two thirds"), (Fraction(3, 4), "three quarters"))
_NEAR = Fraction(15, 1000)
_MOST_ASSETS = 4
_SMALL = 0.0005


def percent(change: float) -> str:
    """"31 %", "4.5 %", "0.08 %", "90,000 %", of a relative change of either sign."""
    return f"{_figure(100 * abs(change))} %"


def _figure(value: float) -> str:
    """Three figures, and no more than two places."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{round(value, 2):g}"


def money(units: int | Fraction, quote: str) -> str:
    """An amount: whole quote units from a hundred on."""
    shown = display_money(round(units), quote)
    return shown if abs(units) < 100 * UNIT else f"{round(Fraction(units) / UNIT):,} {quote}"


def moved(moves: Moves) -> str:
    """"BTC falls 31 % and ETH 40 %, volatility doubles, futures and perpetuals trade 4.5 % below the spot"."""
    parts = [_spots(moves.spots), _volatility(moves.volatilities)]
    if abs(moves.basis) >= _SMALL:
        parts.append(f"futures and perpetuals trade {percent(moves.basis)} {'below' if moves.basis < 0 else 'above'} "
                     "the spot")
    return ", ".join(part for part in parts if part)


def _spots(spots: Mapping[str, float]) -> str:
    order = sorted(spots, key=lambda asset: -abs(spots[asset]))[:_MOST_ASSETS]
    said, before = list[str](), ""
    for asset in [asset for asset in spots if asset in order]:
        verb = "stays" if abs(spots[asset]) < _SMALL else "falls" if spots[asset] < 0 else "rises"
        amount = "" if verb == "stays" else f" {percent(spots[asset])}"
        said.append(f"{asset}{amount}" if verb == before and amount else f"{asset} {verb}{amount}")
        before = verb
    left = len(spots) - len(order)
    if left:
        said.append(f"{left} more by less")
    return _listed(said)


def _volatility(volatilities: Mapping[str, float]) -> str:
    values = list(volatilities.values())
    low, high = min(values, default=0.0), max(values, default=0.0)
    most = high if abs(high) >= abs(low) else low
    if abs(most) < _SMALL:
        return ""
    several = high - low >= 0.01
    if not several and abs(most - 1.0) < 0.005:
        return "volatility doubles"
    if most > 1.0:
        return f"volatility goes to {'up to ' if several else ''}{1.0 + most:.2g} times today's"
    return f"volatility {'rises' if most > 0 else 'falls'} {'by up to ' if several else ''}{percent(most)}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(found: Outcome, quote: str, *, levels: bool = False, about: str = "the account") -> str:
    """What a set does to an account, in its worst scenario.

    levels : whether what the account holds is its value, not its margin.  about : what the account is called.
    """
    row = found.stress.labels[found.at]
    begin = f"In {found.stress.name!r}" + (f" ({row})" if row else "") + f" {moved(found.moves)}: "
    if not found.positions:
        return begin + f"{about} holds nothing and loses nothing."
    if found.worst <= 0:
        gain = "neither loses nor gains" if found.worst == 0 else f"gains {money(-found.worst, quote)}"
        return begin + f"{about} {gain}, and that is its worst scenario of the set."
    return begin + f"{about} loses {money(found.worst, quote)}, {_against(found, quote, levels)}; {_share(found)}."


def _against(found: Outcome, quote: str, levels: bool) -> str:
    what = "value today" if levels else "margin"
    if found.holds <= 0:
        return f"and its {what} is {money(found.holds, quote)}" if levels else "and it needs no margin"
    ratio = Fraction(found.worst, found.holds)
    return f"{float(100 * ratio):.3g} % of its {what}" if ratio < 1 else f"{_figure(float(ratio))} times its {what}"


def _share(found: Outcome) -> str:
    """Who brings the loss, and who gives some of it back."""
    first, last = found.positions[0], found.positions[-1]
    part = Fraction(first.loss, found.worst)
    if len(found.positions) == 1 or abs(part - 1) < _NEAR:
        return f"{called(first)} is {'all' if len(found.positions) == 1 or part == 1 else 'nearly all'} of it"
    near = next((words for value, words in _SHARES if abs(part - value) < _NEAR), None)
    if part < 1:
        return f"{called(first)} is {near or f'{float(100 * part):.2g} %'} of it"
    back = f", of which {called(last)} gives back {float(100 * Fraction(-last.loss, first.loss)):.2g} %" \
        if last.loss < 0 else ""
    return f"{called(first)} loses {float(part):.2f} times that{back}"


def called(part: PositionLoss) -> str:
    """"the short put BTC-29JAN21-29000-P"."""
    side = "short" if part.lots < 0 else "long"
    return " ".join(word for word in ("the", side, part.kind, part.name) if word)


def dependence_sentence(found: Dependence, quote: str) -> str:
    """What breaks of dependence would do."""
    def against(other: Fraction) -> str:
        if found.own <= 0:
            return money(other, quote)
        return f"{money(other, quote)} ({float(100 * (other / found.own - 1)):+.1f} %)"

    charge = f"a quarter of what the dearer adds is {money(found.charge, quote)}" if found.charge > 0 \
        else "neither break adds to it"
    return (f"Expected Shortfall is {money(found.own, quote)} as the model has dependence, "
            f"{against(found.independent)} if assets moved independently, {against(found.comonotone)} if all moved as "
            f"one; {charge}.")


# -- reverse stress ----------------------------------------------------------------------------------------------------
def inside_sentence(found: Inside | None, losses: Sequence[Fraction], collateral: int, quote: str) -> str:
    """Which of the epoch's scenarios takes the collateral."""
    count = len(losses)
    if found is None:
        return (f"None of the epoch's {count} scenarios takes {money(collateral, quote)}; the worst takes "
                f"{money(max(losses), quote)}.")
    several = f"{found.breaking} of the epoch's {count} scenarios take" if found.breaking > 1 \
        else f"One of the epoch's {count} scenarios takes"
    kind = "" if found.kind == "model" else f" ({found.kind})"
    return (f"{several} {money(collateral, quote)} or more, {float(100 * found.probability):.3g} % of the probability. "
            f"The nearest to the mean is scenario {found.scenario}{kind}: {moved(_moves(found.moves))}, a loss of "
            f"{money(found.loss, quote)}. It is {found.distance:.3g} deviations out, number {found.rank} of {count} by "
            "distance.")


def point_sentence(state: str, found: Point | None, collateral: int, seen: int, bound: int | None, quote: str) -> str:
    """How implausible a move has to be.

    state, seen, bound : of a search, as in `tailproof.reversing`.
    """
    if state == BROKEN:
        return (f"The account loses {money(seen, quote)} already where spots move as they do on average, and time "
                "passes.")
    if state == IMPOSSIBLE:
        assert bound is not None
        return (f"No move of spots and volatilities takes {money(collateral, quote)}: the account cannot lose more "
                f"than {money(bound, quote)}.")
    if found is None:
        return (f"No move that the model could draw was found to take {money(collateral, quote)}; the largest loss "
                f"that was met is {money(seen, quote)}.")
    return (f"The least implausible move that takes {money(collateral, quote)}: {moved(_moves(found.moves))}. It is "
            f"{found.distance:.3g} deviations from the mean; {float(100 * found.farther):.3g} % of the epoch's "
            f"scenarios lie farther out ({found.how}, revalued: {money(found.loss, quote)}).")


def tilt_sentence(state: str, tilt: Tilt | None, ball: Ball, collateral: int, quote: str) -> str:
    """How much less favourable scenarios as a whole would have to be."""
    plain = ball.tilted(0.0)
    if state == ALREADY:
        return f"The mean of the epoch's scenarios is a loss of {_amount(plain.mean, quote)} already."
    if tilt is None:
        return (f"However the epoch's scenarios are weighted, their mean loss stays below {money(collateral, quote)}: "
                f"the largest of them is {_amount(ball.largest, quote)}.")
    return (f"The epoch's scenarios would have to be {tilt.entropy:.3g} nats less favourable (relative entropy: "
            f"{ball.most_entropy:.3g} leave the worst one alone) for their mean loss to take "
            f"{money(collateral, quote)}. Expected Shortfall would then be {_amount(tilt.expected_shortfall, quote)}, "
            f"not {_amount(plain.expected_shortfall, quote)}.")


def _amount(units: float, quote: str) -> str:
    return money(round(units), quote)


def _moves(moves: Mapping[str, tuple[Fraction, Fraction]]) -> Moves:
    return Moves({asset: float(spot) for asset, (spot, _) in moves.items()},
                 {asset: float(volatility) for asset, (_, volatility) in moves.items()})
