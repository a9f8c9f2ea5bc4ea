"""Whether sources that fit together are also plausible together: E10, by gates that each have a name.

    G1   spot against the history's last close, a future's settlement against spot: 5 forecast deviations a root step;
         a last close at most 5 steps old
    G2   forward against spot: carry of 100 % a year, and 20 % of it a root year; less than a day counts as one;
         interest of 20 % a year, which takes as much off options
    G3   perpetual against spot: 3 %
    G4   single returns, G6 persistence, mean and bound of returns, G7 few returns or paths, G10 what hardly moves:
         `risk.models.plausibility`
    G5   2.5 degrees of freedom: `risk.models.innovations`
    G8   option prices without arbitrage, between strikes and between expiries (`risk.surfaces.checks`); volatilities
         not next to nothing
    G9   volatilities of an age and from venues, where the book states them; slices within a tenth of the quotes that
         stand beside them
    G11  a contingency of 0.1 % of spot for every short option, which scenarios alone may value at nothing
    G12  expiries inside the horizon: allowed, and said
    G13  parameters that a fit gives: within 0.01 of its log-likelihood (`tailproof.judging`, where an epoch is checked
         and not where it is built, which fits nothing); on rows that ended a year before the history at most; a drift
         with jumps within four standard errors of the history's
    G14  liquidity, G15 feeds and peg, G16 cost of closing, where add-ons are charged by them: `risk.addons.doubts`

Bounds are the model file's (`risk.models.model.Gates`). What is found is refused, or accepted by a reason that stands
in the manifest and is bound by the root. So does what opens a gate without a reason, as a flag: another bound than the
usual one, a peg that is declared, steps that the history does not show, a speed limit that holds a forecast down. So
do choices that only a reader can weigh: how far the history goes back, what parameters were fitted on, that there is no
history at all, what stress leaves of the model's tail.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from primitives.errors import BadInput
from risk.addons import doubts as addons
from risk.epochs.difference import BrokenDuty
from risk.epochs.header import Accepted, Judgement
from risk.epochs.surface_gates import apart_from_quotes, arbitrage, quote_flags
from risk.exact.clock import YEAR, format_time
from risk.exact.elementary import exp, log
from risk.exact.money import UNIT, format_money
from risk.market.book import Book
from risk.market.history import History
from risk.market.instruments import Kind
from risk.models.calibration import Calibration
from risk.models.model import DEFAULT_GAP, GATES, Estimator, Gates, Model
from risk.models.plausibility import Doubt, of_history, of_parameters, of_state
from risk.valuation.funding import funding_share

LEAST_VOLATILITY = 0.05
"""Of what the model expects until the expiry."""
LEAST_CONTINGENCY = Fraction(1, 1000)
"""Of the spot value of an option that is owed."""
LARGEST_RATE = 0.2
_DAY = 1 / 365
_BOUNDS = {"spot_deviations": "G1", "carry_per_year": "G2", "forward_distance": "G2", "forward_off_curve": "G2",
           "perpetual_basis": "G3", "funding_per_year": "G3", "robust_deviations": "G4", "half_life": "G6",
           "least_returns": "G7", "surface_age": "G9", "least_venues": "G9", "zero_returns": "G10",
           "least_deviation": "G10",
           "liquidity_age": "G14", "half_spread": "G14", "size_of_volume": "G14", "least_confidence": "G15",
           "peg_distance": "G15", "closing_cost": "G16"}
_HELD = 0.98
"""Of a variance that is forecast: less is said."""
FIXED = "G5"
"""No reason makes it right."""
FIT = "G13"
STATED = "NO HISTORY: means, volatilities and correlations are the publisher's word, held against nothing"


def require_gates(accepted: Mapping[str, str]) -> None:
    """Refuse reasons for what is no gate, or for the one that admits none.

    Raises
    ------
    BadInput : naming the gate.
    """
    for gate, reason in accepted.items():
        if gate not in GATES or gate == FIXED:
            raise BadInput("--accept", gate, f"one of {', '.join(g for g in GATES if g != FIXED)}")
        if not reason.strip() or len(reason) > 500 or not reason.isprintable():
            raise BadInput(f"--accept {gate}", reason, "a reason, in up to 500 characters")


def judge_early(model: Model, history: History | None, accepted: Mapping[str, str]) -> None:
    """What can be refused before a model meets its history; errors as `judge`."""
    _sort(model, accepted, [*of_parameters(model), *(() if history is None else of_history(model, history))])


def judge(model: Model, book: Book, history: History | None, calibration: Calibration, unseen: int,
          accepted: Mapping[str, str]) -> Judgement:
    """Pass all gates.

    Parameters
    ----------
    unseen : steps between the history's last row and the valuation.
    accepted : reason by gate, on top of the model file's.

    Raises
    ------
    BrokenDuty : E10; names the first gate that refuses, its value and bound, and counts the others.
    """
    found = [*of_parameters(model), *(() if history is None else of_history(model, history)),
             *of_state(model, calibration), *_prices(model, book, history, calibration, unseen),
             *_forwards(model, book), *arbitrage(book), *_low_volatilities(model, book, calibration),
             *_quotes(model, book), *apart_from_quotes(book), *_uncharged(book),
             *addons.doubts(model, book, calibration)]
    return Judgement(_sort(model, accepted, found), (*_chosen(model, history), *_flags(model, book),
                                                     *_opened(model, calibration, unseen), *addons.flags(model, book)))


def _sort(model: Model, accepted: Mapping[str, str], found: list[Doubt]) -> tuple[Accepted, ...]:
    reasons = {**model.gates.accepted, **accepted}
    refused = [doubt for doubt in found if doubt.gate not in reasons]
    if refused:
        first, rest = refused[0], sorted({doubt.gate for doubt in refused[1:]}, key=GATES.index)
        more = f"; {len(refused) - 1} more of {', '.join(rest)}" if rest else ""
        raise BrokenDuty("E10", f"{first.gate}: {first.field}", first.found,
                         f"{first.bound}; or --accept {first.gate}=\"reason\"{more}")
    broken = sorted({doubt.gate for doubt in found}, key=GATES.index)
    return tuple(Accepted(gate, reasons[gate], tuple(f"{doubt.field} is {doubt.found}: must be {doubt.bound}"
                                                     for doubt in found if doubt.gate == gate)) for gate in broken)


def _prices(model: Model, book: Book, history: History | None, calibration: Calibration, unseen: int
            ) -> Iterator[Doubt]:
    """G1."""
    deviations = {asset: math.sqrt(variance) for asset, variance
                  in zip(model.assets, calibration.variances, strict=True)}
    if unseen > DEFAULT_GAP:
        yield Doubt("G1", "steps since the last close", str(unseen),
                    f"at most {DEFAULT_GAP}: the forecast knows nothing of them")
    for i, underlying in enumerate(book.underlyings):
        if history is not None:
            last = float(history.prices[-1, i])
            yield from _apart(model, f"spot of {underlying.symbol} over the last close {last:g}",
                              underlying.spot / UNIT / last, deviations[underlying.symbol], unseen + 1)
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    for listing in book.listings if model.estimator != Estimator.HANDWRITTEN else ():
        instrument = listing.instrument
        if listing.settled is not None and instrument.kind == Kind.FUTURE:
            assert instrument.expiry is not None       # a future has one
            steps = (model.calendar.open_seconds(book.valuation) - model.calendar.open_seconds(instrument.expiry)) \
                // model.step_seconds
            yield from _apart(model, f"settlement of {instrument.symbol} over spot",
                              listing.settled / spots[instrument.underlying], deviations[instrument.underlying],
                              steps + 1)


def _apart(model: Model, what: str, ratio: float, deviation: float, steps: int) -> Iterator[Doubt]:
    bound = model.gates.spot_deviations * deviation * math.sqrt(steps)
    distance = abs(float(log(ratio))) if ratio > 0 else math.inf
    if distance > bound:
        yield Doubt("G1", what, f"{ratio:.6g}", f"within a factor of e**{bound:.3g}: {model.gates.spot_deviations:g} "
                    f"forecast deviations of {deviation:.2g} over {steps} steps")


def _forwards(model: Model, book: Book) -> Iterator[Doubt]:
    """G2 and G3."""
    gates = model.gates
    rates = [("rate", book.rate)] if book.discounts is None else [
        (f"rate until {format_time(until)}", rate) for until, rate in book.discounts.nodes]
    for name, rate in rates:
        if abs(rate) > LARGEST_RATE:
            yield Doubt("G2", name, f"{rate:g} a year", f"within {LARGEST_RATE:g}")
    yield from _off_curve(model, book)
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    for (symbol, expiry), curve in book.curves.items():
        ratio, years = curve.forward / spots[symbol], max((expiry - book.valuation) / YEAR, _DAY)
        name = f"forward of {symbol} at {format_time(expiry)}"
        carry, distance = float(log(ratio)) / years, gates.forward_distance * math.sqrt(years)
        if abs(carry) > gates.carry_per_year:
            yield Doubt("G2", f"carry of the {name}", f"{carry:.3g} a year", f"within {gates.carry_per_year:g}")
        if abs(ratio - 1.0) > distance:
            yield Doubt("G2", f"{name} over spot", f"{ratio:.4g}", f"within {distance:.2g} of 1")
    for underlying in book.underlyings:
        if underlying.perpetual is not None:
            basis = underlying.perpetual / underlying.spot - 1.0
            if abs(basis) > gates.perpetual_basis:
                yield Doubt("G3", f"basis of {underlying.symbol}'s perpetual", f"{basis:.4g}",
                            f"within {gates.perpetual_basis:g}")
        funding = underlying.funding
        if funding is not None and abs(funding.per_year) > gates.funding_per_year:
            yield Doubt("G3", f"funding of {underlying.symbol}'s perpetual", f"{funding.per_year:.4g} a year",
                        f"within {gates.funding_per_year:g}")


def _off_curve(model: Model, book: Book) -> Iterator[Doubt]:
    """G2, of underlyings whose yield is said: forwards are the spot at the rates less that."""
    earns = {underlying.symbol: underlying.earns for underlying in book.underlyings}
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    for (symbol, expiry), curve in sorted(book.curves.items()):
        own, years = earns[symbol], (expiry - book.valuation) / YEAR
        if own is None:
            continue
        fair = spots[symbol] * float(exp(-float(book.log_discount(np.array([years]))[0]) - own * years))
        if abs(curve.forward / fair - 1.0) > model.gates.forward_off_curve:
            yield Doubt("G2", f"forward of {symbol} at {format_time(expiry)}", format_money(curve.forward),
                        f"within {model.gates.forward_off_curve:g} of {fair / UNIT:.6g}, the spot at the book's rates "
                        f"less a yield of {own:g}")


def _low_volatilities(model: Model, book: Book, calibration: Calibration) -> Iterator[Doubt]:
    """G8, on volatilities that no smile shows to be wrong."""
    if model.estimator == Estimator.HANDWRITTEN:       # which expects no volatility
        return
    for (symbol, expiry), curve in sorted(book.curves.items()):
        asset = model.assets.index(symbol)
        steps = max(1, math.ceil((expiry - book.valuation) / YEAR * model.steps_per_year))
        average = calibration.volatilities[asset].average_variance(np.array([calibration.variances[asset]]), steps)[0]
        least = LEAST_VOLATILITY * math.sqrt(float(average) * model.steps_per_year)
        for strike, volatility in sorted(curve.volatilities.items()):
            if volatility < least:
                yield Doubt("G8", f"volatility of {symbol} at strike {format_money(strike)}, {format_time(expiry)}",
                            f"{volatility:g}", f"at least {least:.3g}, a twentieth of what the model expects")


def _quotes(model: Model, book: Book) -> Iterator[Doubt]:
    """G9, of what the book states."""
    for (symbol, expiry), curve in sorted(book.curves.items()):
        name = f"volatilities of {symbol} at {format_time(expiry)}"
        if curve.quoted_at is not None and book.valuation - curve.quoted_at > model.gates.surface_age:
            yield Doubt("G9", f"age of the {name}", f"{book.valuation - curve.quoted_at} s",
                        f"at most {model.gates.surface_age:g}")
        if curve.venues is not None and len(curve.venues) < model.gates.least_venues:
            yield Doubt("G9", f"venues of the {name}", str(len(curve.venues)), f"at least {model.gates.least_venues:g}")


def _uncharged(book: Book) -> Iterator[Doubt]:
    """G11."""
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    for listing in book.listings:
        instrument = listing.instrument
        if instrument.kind == Kind.CASH:
            continue                               # nothing is at risk, nothing is charged
        lot = instrument.underlying_units(spots[instrument.underlying]) * spots[instrument.underlying]
        if listing.settled is None and instrument.kind.optional and listing.short < LEAST_CONTINGENCY * lot:
            yield Doubt("G11", f"contingency of {instrument.symbol} held short", f"{float(listing.short / lot):.3g} of "
                        "spot", f"at least {float(LEAST_CONTINGENCY):g}")


def _flags(model: Model, book: Book) -> Iterator[str]:
    """G9 unstated or left out, whose word funding is (G3), and G12."""
    unstated = [key for key, curve in book.curves.items() if curve.volatilities
                and (curve.quoted_at is None or curve.venues is None)]
    if unstated:
        yield f"G9: age and venues of the volatilities are not stated for {len(unstated)} expiries"
    yield from quote_flags(book)
    horizon = model.horizon / model.steps_per_year
    for underlying in book.underlyings:
        funding = underlying.funding
        if funding is not None:
            share = funding_share(funding.rate, funding.hours, horizon)
            yield f"G3: funding of {underlying.symbol} is {funding.rate:g} every {funding.hours:g} hours, by the word" \
                f" of {funding.source}: a long perpetual pays {share:.3g} of its mark over the horizon, a short gets it"
    end = book.valuation + math.floor(model.horizon / model.steps_per_year * YEAR)
    for expiry in sorted({listing.instrument.expiry for listing in book.listings
                          if listing.settled is None and listing.instrument.expiry is not None}):
        if expiry <= end:
            yield f"G12: {format_time(expiry)} is inside the horizon: what expires then is valued at its pay-off"


def _chosen(model: Model, history: History | None) -> Iterator[str]:
    """What no bound can judge: the past that a model is of, and the stress that it is mixed with."""
    if model.estimator == Estimator.HANDWRITTEN:
        return
    if history is None:
        yield STATED
    else:
        yield f"history: {len(history.steps)} returns, {history.labels[0]} to {history.labels[-1]}"
    if model.fitted is not None:
        yield f"parameters: fitted on {model.fitted.since} to {model.fitted.until}, the model file says"
    if FIT in model.gates.accepted:
        yield f"{FIT}: parameters need not be a fit's, since {model.gates.accepted[FIT]}"
    if model.jumps is not None:
        made = model.jumps
        whose = f"not fitted, by the word of: {made.source}" if not made.fitted else \
            f"a fit's, with the volatilities ({FIT})" if history is not None else \
            f"said to be a fit's, which no history here shows ({FIT}), by the word of: {made.source}"
        yield f"jumps: {made.family}, {made.intensity:g} a year, {made.systemic:.0%} of them systemic; {whose}"
    if model.stress.sets:
        shape, rest = model.shape, 1 - model.stress.weight
        share = float(shape.tail.share(shape.scenarios))
        weights = shape.tail.weights(shape.scenarios)
        whole, own = (_lightest(weights, part * shape.tail.numerator) for part in (1.0, rest))
        yield f"stress: {model.stress.weight:g} of the scenarios; where it loses less than the model, the worst " \
            f"{share:.2%} are the worst {share / rest:.2%} of the model, as if {own:.3g} scenarios of its own were " \
            f"the tail in place of {whole:.3g}"


def _opened(model: Model, calibration: Calibration, unseen: int) -> Iterator[str]:
    """What lets values through that the usual gates would stop, or lowers what the model forecasts."""
    for bound, gate in _BOUNDS.items():
        usual, own = getattr(Gates, bound), getattr(model.gates, bound)
        if own != usual:
            yield f"{gate}: the model file sets {bound} to {own:g}; {usual:g} is usual"
    for asset in sorted(model.pegged):
        yield f"G10: {asset} is declared as pegged"
    if unseen:
        yield f"G1: the history ends {unseen} steps before the valuation: the forecast knows nothing of them"
    mitigation = calibration.mitigation
    for asset, used, own in () if mitigation is None else zip(model.assets, calibration.variances, mitigation.model,
                                                              strict=True):
        if used < _HELD * own:
            yield f"speed limit: the deviation of {asset} is held at {math.sqrt(used / own):.3g} of what is forecast"


def _lightest(weights: Sequence[int], mass: float) -> float:
    """How many scenarios a mass is, the lightest first; the last one in part."""
    count = 0
    for weight in sorted(weights):
        if mass <= weight:
            return count + mass / weight
        mass, count = mass - weight, count + 1
    return float(count)
