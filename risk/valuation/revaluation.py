"""Full revaluation: what one lot of each instrument gains or loses in each scenario, or is worth in it, in 10**-6 quote
units.

A scenario moves each underlying's spot by its log return over the horizon h, and lets h pass:

spot, perpetual   their price moves with the spot, a perpetual's also with a shock of the basis; a perpetual held long
                  pays the horizon's funding, where the book says what that is (`risk.valuation.funding`)
future            F' = S' (F/S)**(T'/T): the carry stays, the time to expiry T' = T - h shrinks; times 1 + basis, and
                  where rates are shocked by dr, exp(dr T'): what the underlying earns stays
option            Black-76 on F' with T' and a shocked volatility; past its expiry, the pay-off
inverse           the same prices and volatilities, but paid in coins that are worth S' each (`risk.valuation.inverse`)

Implied volatility follows the asset's volatility model: that of an expiry is multiplied by the ratio of the volatility
which the model expects on average until the expiry after the scenario, to what it expects today, raised to
`volatility_response`. Far expiries so move less than near ones, as mean reversion has it. Along a slice they move with
the spot, and [surface] of a model file may scale tenors and tilt skew (`risk.models.implied`). Scenarios of stress and
of handwritten sets shock volatility, skew and basis besides (`risk.models.scenario_set`), or count in part (damping).

Futures and perpetuals are margined daily, so their change is not discounted; option values are, at the book's rate or
by its curve, and shocks of rates besides. The float result is
rounded to money once, half to even: this array is from there on the definition of the instrument's risk, and what
rounding may have taken from it each position pays (E11, `risk.epochs.rounding`).

A level (`Basis.LEVEL`) is today's value and the change, rounded as one: what a lot can be sold for, or bought back.
Futures and perpetuals count at their price, as though it had been paid, for a fill moves that much cash; what has
settled is worth its pay-off, cash is worth itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.threads import share
from risk.exact.clock import YEAR
from risk.exact.elementary import exp, log
from risk.exact.money import UNIT
from risk.market.book import Book, Listing
from risk.market.instruments import Instrument, Kind
from risk.models.calibration import Calibration
from risk.models.model import Basis, Model
from risk.models.rate_shocks import RATE_SHOCKS, rate_shift
from risk.models.scenario_set import FLAT, SHOCK_UNIT, ScenarioSet
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, Scenarios, Shocks
from risk.valuation import smiles
from risk.valuation.funding import funding_share, inverse_funding, linear_funding
from risk.valuation.inverse import accrued_change, inverse_change, inverse_option
from risk.valuation.kernels import SCRATCH, Options, option_changes
from risk.valuation.pricing import black_76, forward_after

Floats = NDArray[np.float64]
_NEAR = 2.0**-20
_LEAST = 8192
"""Prices that are worth a thread of their own."""


@dataclass(frozen=True, eq=False)
class _Market:
    """Book, model and scenarios in doubles. spot: (m,), quote units; spot_after: (m, S)."""

    book: Book
    model: Model
    calibration: Calibration
    scenarios: Scenarios
    spot: Floats
    spot_after: Floats

    @property
    def shocks(self) -> Shocks:
        """Of all scenarios; of those that the model drew, none."""
        given = self.scenarios.shocks
        return given or Shocks.of("model", len(self.scenarios.returns), len(self.model.assets))

    @property
    def laws(self) -> ScenarioSet:
        tenor = self.model.dynamics.tenor
        return self.model.set or (FLAT if tenor == FLAT.tenor else replace(FLAT, tenor=tenor))

    @property
    def basis(self) -> Floats:
        """Of futures' and perpetuals' prices over the spot, as a multiple: (S,)."""
        return 1.0 + self.shocks.column("basis") / SHOCK_UNIT

    @property
    def horizon(self) -> float:
        """In years."""
        return self.model.horizon / self.model.steps_per_year

    def years(self, expiry: int) -> float:
        return (expiry - self.book.valuation) / YEAR

    def volatility_ratio(self, asset: int, years: float, scale: float = 1.0) -> Floats:
        """Implied volatility after each scenario over today's, for options that live `years` more, to the power of
        `scale`: (S,)."""
        volatility = self.calibration.volatilities[asset]
        steps = max(1, int(np.ceil(years * self.model.steps_per_year)))
        after = volatility.average_variance(self.scenarios.variances[:, asset] / VARIANCE_UNIT, steps)
        today = volatility.average_variance(self.scenarios.today[asset] / np.array([VARIANCE_UNIT]), steps)
        return exp(0.5 * self.model.volatility_response * scale * log(after / today))

    def deviations(self, asset: int) -> Floats:
        """Log returns of the spot over their deviation in the horizon, as forecast: (S,)."""
        today = self.scenarios.today[asset] / np.array([VARIANCE_UNIT])
        horizon = max(1, self.model.horizon)
        variance = horizon * self.calibration.volatilities[asset].average_variance(today, horizon)
        return log(self.spot_after[asset] / self.spot[asset]) / np.sqrt(variance)

    def rate_shift(self, years: float) -> Floats | None:
        """What shocks add to the zero rate of a tenor: (S,), a year; None where there are none."""
        rated = self.shocks.rates
        if not rated.any():
            return None
        each = np.array([rate_shift(shock, years) for shock in range(len(RATE_SHOCKS))])
        return np.where(rated, each[np.where(rated, self.shocks.column("origin"), 0)], 0.0)

    def forward_after(self, asset: int, forward: float, years: float, years_after: float) -> Floats:
        """Of an expiry, in each scenario: the carry stays, but for what a shock of rates adds to it; with the basis."""
        then = forward_after(float(self.spot[asset]), forward, self.spot_after[asset], years, years_after)
        shift = self.rate_shift(years_after)
        return then * self.basis if shift is None else then * self.basis * exp(shift * years_after)

    def shocked(self, volatility: float, years: float, moneyness: float) -> Floats:
        """What shocks multiply an implied volatility by: (S,).

        years : to the expiry, today.  moneyness : ln(K/F).
        """
        laws, shocks = self.laws, self.shocks
        level, linear, absolute = (shocks.column(name) / SHOCK_UNIT for name in ("volatility", "linear", "absolute"))
        reach_linear, reach_absolute = laws.skew.reach(moneyness, years)
        multiple = np.maximum(1.0 + level * laws.tenor.scale(years), 0.0) \
            * np.maximum(1.0 + linear * reach_linear + absolute * reach_absolute, 0.0)
        floor = laws.tenor.least_volatility / volatility
        return np.where(level > 0, np.maximum(multiple, floor), multiple)


class Revaluation(NamedTuple):
    """changes : value change of one lot of each listing in each scenario, or on the basis of levels its value, int64
    (n, S), 10**-6 quote units.
    near_ties : how many of them were, before rounding, within 2**-20 of the middle between two integers.

    Where arithmetic has the same bits everywhere, ties round the same everywhere; where something slips into it that
    moves a last bit, cells near a tie are those that change the root. About two in a million are expected.
    """

    changes: NDArray[np.int64]
    near_ties: int


def value_changes(book: Book, model: Model, calibration: Calibration, scenarios: Scenarios) -> NDArray[np.int64]:
    """By how much a lot of each listing changes in value, whatever the basis: int64 (n, S); errors as `revalue`."""
    return _as_money(unrounded(book, model, calibration, scenarios), book, model, "value change")


def lot_values(book: Book, model: Model, calibration: Calibration, scenarios: Scenarios) -> NDArray[np.int64]:
    """The changes or, on their basis, levels of `revalue`."""
    return revalue(book, model, calibration, scenarios).changes


def revalue(book: Book, model: Model, calibration: Calibration, scenarios: Scenarios) -> Revaluation:
    """Value every listing in every scenario.

    Raises
    ------
    BadInput : the book's underlyings are not the model's assets, or a change reaches 2**value_bits; names instrument
        and scenario.
    """
    units = unrounded(book, model, calibration, scenarios)
    if model.basis == Basis.LEVEL:
        units += np.array([float(price * Fraction(listing.instrument.lot)) for price, listing
                           in zip(prices_today(book), book.listings, strict=True)]).reshape(-1, 1)
        return Revaluation(_as_money(units, book, model, "value"), near_ties(units))
    return Revaluation(_as_money(units, book, model, "value change"), near_ties(units))


def prices_today(book: Book) -> list[Fraction]:
    """What one unit of what lots count is worth in each listing today, in money units, exact: spot, mark, forward, the
    model's option price in doubles, the pay-off of what has settled, a quote unit of cash; of an inverse perpetual or
    future, 1 + S (1/R - 1/F) for a quote unit (`risk.valuation.inverse`).
    """
    return [_settled(listing) if listing.settled is not None else _price_today(book, listing)
            for listing in book.listings]


def quoted_price(book: Book, instrument: Instrument) -> int:
    """The price of the underlying that an instrument goes by, money units: spot, the perpetual's mark, the forward of
    its expiry; of what has expired, the spot; of cash, a quote unit."""
    if instrument.kind == Kind.CASH:
        return UNIT
    underlying = next(one for one in book.underlyings if one.symbol == instrument.underlying)
    if instrument.kind == Kind.PERPETUAL and underlying.perpetual is not None:
        return underlying.perpetual
    curve = None if instrument.expiry is None else book.curves.get((instrument.underlying, instrument.expiry))
    return underlying.spot if curve is None else curve.forward


def _price_today(book: Book, listing: Listing) -> Fraction:
    instrument = listing.instrument
    price = quoted_price(book, instrument)
    spot = next((one.spot for one in book.underlyings if one.symbol == instrument.underlying), UNIT)
    if instrument.notional:
        return UNIT * (1 + Fraction(spot, instrument.reference or price) - Fraction(spot, price))
    if not instrument.kind.optional:
        return Fraction(price)
    assert instrument.expiry is not None and instrument.strike is not None  # noqa: PT018  an option has both
    years = (instrument.expiry - book.valuation) / YEAR
    volatility = book.curves[instrument.underlying, instrument.expiry].volatilities[instrument.strike]
    if instrument.inverse:
        coin = inverse_option(spot / UNIT, price / UNIT, np.array([instrument.strike / UNIT]), np.array([volatility]),
                              years, instrument.kind == Kind.CALL)
        return Fraction(float(coin[0])) * UNIT
    one = black_76(price / UNIT, np.array([instrument.strike / UNIT]), np.array([volatility]), years,
                   exp(book.log_discount(np.array([years]))), instrument.kind == Kind.CALL)
    return Fraction(float(one[0])) * UNIT


def _settled(listing: Listing) -> Fraction:
    """The pay-off of what has expired."""
    instrument, ended = listing.instrument, listing.settled
    assert ended is not None
    if instrument.notional:
        return UNIT * Fraction(ended, instrument.reference or ended)
    if instrument.strike is None:
        return Fraction(ended)
    return Fraction(max(0, ended - instrument.strike if instrument.kind == Kind.CALL else instrument.strike - ended))


def unrounded(book: Book, model: Model, calibration: Calibration, scenarios: Scenarios) -> Floats:
    """The changes before they are rounded to money: (n, S), 10**-6 quote units.

    Raises
    ------
    BadInput : the book's underlyings are not the model's assets.
    """
    symbols = tuple(underlying.symbol for underlying in book.underlyings)
    if symbols != model.assets:
        raise BadInput("underlyings", ",".join(symbols), f"{','.join(model.assets)}, as in the model")
    spot = np.array([underlying.spot for underlying in book.underlyings]) / UNIT
    spot_after = spots_after(spot, scenarios)
    market = _Market(book, model, calibration, scenarios, spot, spot_after)

    changes = np.zeros((len(book.listings), len(scenarios.returns)))
    options = [i for i, listing in enumerate(book.listings) if listing.settled is None
               and listing.instrument.kind.optional]
    for i, listing in enumerate(book.listings):
        if listing.settled is None and not listing.instrument.kind.optional and listing.instrument.kind != Kind.CASH:
            changes[i] = _linear(market, listing)
    if options:
        changes[options] = _options(market, [book.listings[i] for i in options])
    if scenarios.shocks is not None:
        changes *= scenarios.shocks.column("damping") / SHOCK_UNIT
    lots = np.array([float(listing.instrument.lot) for listing in book.listings]).reshape(-1, 1)
    units: Floats = changes * lots * UNIT
    return units


def spots_after(spot: Floats, scenarios: Scenarios) -> Floats:
    """Spots in each scenario: (m,) -> (m, S)."""
    after: Floats = spot[:, None] * exp(scenarios.returns.T / RETURN_UNIT)
    if scenarios.shocks is not None:
        written = scenarios.shocks.written
        after[:, written] = spot[:, None] * (1.0 + scenarios.shocks.spot[written].T / SHOCK_UNIT)
    return after


def near_ties(units: Floats) -> int:
    """How many numbers lie within 2**-20 of the middle between two integers."""
    # Beyond 2**32 doubles are further apart than 2**-20: only a middle itself is near one, and the difference is exact.
    apart = np.abs(np.abs(units - np.rint(units)) - 0.5)
    return int(np.count_nonzero(apart <= _NEAR))


def _as_money(units: Floats, book: Book, model: Model, what: str) -> NDArray[np.int64]:
    rounded = np.rint(units)
    outside = ~(np.abs(rounded) < 2.0**model.shape.value_bits)
    if outside.any():
        i, s = np.argwhere(outside)[0]
        bound = f"below 2**{model.shape.value_bits} x 10**-6 {book.quote} in absolute value (E2): list smaller lots"
        raise BadInput(f"{book.listings[i].instrument.symbol}: {what} of a lot in scenario {s}",
                       float(units[i, s]), bound)
    return rounded.astype(np.int64)


def _linear(market: _Market, listing: Listing) -> Floats:
    """Change of spot, perpetual or future for one unit of what its lots count: (S,), quote units."""
    instrument = listing.instrument
    asset = market.model.assets.index(instrument.underlying)
    spot, after = market.spot[asset], market.spot_after[asset]
    if instrument.kind == Kind.SPOT:
        return after - spot
    if instrument.kind == Kind.PERPETUAL:
        mark = market.book.underlyings[asset].perpetual
        assert mark is not None                    # `parse_book` refuses a perpetual without a price
        funding = market.book.underlyings[asset].funding
        share = 0.0 if funding is None else funding_share(funding.rate, funding.hours, market.horizon)
        if instrument.inverse:
            change = _inverse(market, instrument, mark / UNIT, mark / UNIT * (after / spot) * market.basis)
            return change - inverse_funding(mark / UNIT, after, share) if share else change
        if share:
            return mark / UNIT * (after / spot * market.basis - 1.0) - linear_funding(mark / UNIT, share)
        return mark / UNIT * (after / spot * market.basis - 1.0)
    assert instrument.expiry is not None           # a future has one
    years = market.years(instrument.expiry)
    forward = market.book.curves[instrument.underlying, instrument.expiry].forward / UNIT
    then = market.forward_after(asset, forward, years, max(years - market.horizon, 0.0))
    return _inverse(market, instrument, forward, then) if instrument.inverse else then - forward


def _inverse(market: _Market, instrument: Instrument, price: float, price_after: Floats) -> Floats:
    """Change of an inverse perpetual or future for one quote unit of notional: (S,), quote units."""
    asset = market.model.assets.index(instrument.underlying)
    spot, after = float(market.spot[asset]), market.spot_after[asset]
    change = inverse_change(price, after, price_after)
    if market.model.basis == Basis.LEVEL and instrument.reference is not None:
        change = change + accrued_change(price, instrument.reference / UNIT, spot, after)
    return change


def _options(market: _Market, listings: list[Listing]) -> Floats:
    """Change of options for one unit of the underlying, all of them at once: (n, S), quote units. Inverse ones are
    priced without discounting, and then turned from prices on the forward into coins at the spot.

    Forward and shock of volatility are common to the options of an underlying and expiry; where there are shocks that
    depend on strikes, to those of a strike.
    """
    dynamics = market.model.dynamics
    shocked = market.scenarios.shocks is not None
    by_strike = shocked and market.laws is not FLAT
    n, scenarios = len(listings), market.spot_after.shape[1]
    key = np.empty(n, np.int64)
    strike, volatility, years, years_after, forward, sign = (np.empty(n) for _ in range(6))
    keys: dict[tuple[int, int, int], int] = {}
    forwards, ratios = list[Floats](), list[Floats]()
    for i, instrument in enumerate(listing.instrument for listing in listings):
        assert instrument.expiry is not None and instrument.strike is not None  # noqa: PT018  an option has both
        asset = market.model.assets.index(instrument.underlying)
        curve = market.book.curves[instrument.underlying, instrument.expiry]
        strike[i], volatility[i] = instrument.strike / UNIT, curve.volatilities[instrument.strike]
        years[i] = market.years(instrument.expiry)
        years_after[i] = max(years[i] - market.horizon, 0.0)
        forward[i], sign[i] = curve.forward / UNIT, 1.0 if instrument.kind == Kind.CALL else -1.0
        own = by_strike or smiles.by_strike(dynamics, curve)
        key[i] = keys.setdefault((asset, instrument.expiry, instrument.strike if own else 0), len(keys))
        if key[i] == len(forwards):
            forwards.append(market.forward_after(asset, float(forward[i]), float(years[i]), float(years_after[i])))
            ratio = market.volatility_ratio(asset, float(years_after[i]), smiles.tenor_scale(dynamics, float(years[i])))
            ratio = smiles.raised(dynamics, ratio, float(volatility[i]))
            if shocked:
                ratio = ratio * market.shocked(float(volatility[i]), float(years[i]),
                                               float(log(strike[i] / forward[i])))
            deviation = float(volatility[i] * np.sqrt(years[i]))
            ratios.append(smiles.moved(dynamics, curve, ratio, (float(strike[i]), float(forward[i]), deviation),
                                       forwards[-1], market.deviations(asset) if dynamics.tilt else ratio))
    changes = np.empty((n, scenarios))
    inverse = np.array([listing.instrument.inverse for listing in listings])
    discount, discount_after = (np.where(inverse, 1.0, exp(market.book.log_discount(left)))
                                for left in (years, years_after))
    now = black_76(forward, strike, volatility, years, discount, sign > 0)
    options = Options(key, strike, volatility, np.sqrt(years_after), discount_after, sign, now,
                      np.stack(forwards), np.stack(ratios))
    share(n, lambda begin, end: option_changes(options, begin, changes[begin:end], np.empty(SCRATCH)),
          least=max(1, _LEAST // scenarios))
    for i in np.flatnonzero(~inverse).tolist():
        shift = market.rate_shift(float(years_after[i]))
        if shift is not None:
            moved = (changes[i] + now[i]) * exp(-shift * years_after[i]) - now[i]
            changes[i] = np.where(shift == 0.0, changes[i], moved)
    for i in np.flatnonzero(inverse).tolist():
        asset = market.model.assets.index(listings[i].instrument.underlying)
        coins = (changes[i] + now[i]) * (market.spot_after[asset] / options.forwards[key[i]])
        changes[i] = coins - now[i] * (market.spot[asset] / forward[i])
    return changes
