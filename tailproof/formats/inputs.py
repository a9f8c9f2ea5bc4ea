"""The files that people write."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from primitives import jsonio
from risk.grid.haircuts import parse_collateral
from risk.margins.portfolio import Portfolio
from risk.market.book import parse_book
from risk.models.model import Gates, parse_model
from risk.models.model_text import render

from .observed import Format

_A, _B = "EXAMPLE-A", "EXAMPLE-B"
_TIME = "2021-01-29T08:00:00Z"
_TENOR = dict.fromkeys(("days", "floor_days", "short_power", "long_power", "least_volatility"), 1.0)
_GATES = tuple(bound.name for bound in fields(Gates) if bound.name != "accepted")


def portfolio_examples() -> list[Any]:
    return [{"schema": "tailproof.portfolio/1", "description": "an example",
             "positions": [{"instrument": f"{_A}-SPOT", "lots": -3}]}]


def parse_portfolio(document: Any) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "portfolio.json"
        jsonio.write(path, document)
        return Portfolio.read(path)


PORTFOLIO = Format(
    "portfolio", "A portfolio: which instruments, how many lots (JSON)", "portfolio.json", portfolio_examples,
    parse_portfolio,
    {"schema": "says what the file is",
     "description": "for people; nothing reads it",
     "positions": "what is held; an instrument at most once",
     "positions[].instrument": "symbol of an instrument of the book",
     "positions[].lots": "signed number of lots; negative is short"})


def book_examples() -> list[Any]:
    terms = {"underlying": _A, "lot": "0.1", "settlement": "cash"}
    plain = {"underlying": _A, "forward": "100"}
    quotes = [{"venue": venue, "quoted_at": "2020-12-31T23:59:30Z",
               "volatilities": [{"strike": "100", "volatility": volatility}]}
              for venue, volatility in (("deribit", "0.5"), ("okx", "0.51"), ("bybit", "0.52"))]
    book = {"schema": "tailproof.book/1", "venue": "example", "quote": "USD", "valuation": "2021-01-01T00:00:00Z",
             "rate": "0.01",
             "underlyings": [{"symbol": _A, "spot": "100", "perpetual": "100", "yield": "0",
                              "funding": {"rate": "0.0001", "hours": "8", "source": "deribit"}}],
             "expiries": [{"underlying": _A, "expiry": _TIME, "forward": "100",
                           "volatilities": [{"strike": "100", "volatility": "0.5"}],
                           "quoted_at": "2020-12-31T23:59:00Z", "venues": ["deribit"]},
                          {**plain, "expiry": "2021-02-26T08:00:00Z",
                           "svi": {"a": "0.02", "b": "0.05", "rho": "-0.3", "m": "0.01", "sigma": "0.2"}},
                          {**plain, "expiry": "2021-03-26T08:00:00Z", "theta": "0.06"},
                          {**plain, "expiry": "2021-04-30T08:00:00Z", "quotes": quotes}],
             "ssvi": [{"underlying": _A, "rho": "-0.3", "eta": "1", "gamma": "0.5"}], "released": ["GONE"],
             "liquidity": {"as_of": "2020-12-31T00:00:00Z", "markets": [
                 {"underlying": _A, "kind": "call", "daily_volume": "100", "open_interest": "1000",
                  "half_spread": "0.001", "size": "10"}],
                           "confidences": [{"underlying": _A, "confidence": "0.9"},
                                           {"underlying": _A, "expiry": _TIME, "confidence": "0.8"}],
                           "gas_price": "0.0001", "quote_price": "0.999"},
             "contingencies": [{"underlying": _A, "kind": kind, "long": "0", "short": "0.01", "venue": "example"}
                               for kind in ("call", "future")],
             "instruments": [{"symbol": "CALL", "kind": "call", "expiry": _TIME, "strike": "100", "venue": "example",
                              "exercise": "european", "most": 100, **terms},
                             {"symbol": "INVERSE", "kind": "future", "expiry": _TIME, "underlying": _A, "lot": "10",
                              "settlement": "coin", "reference": "100"},
                             {"symbol": "OLD", "kind": "future", "expiry": "2020-12-25T08:00:00Z", "settled": "90",
                              **terms}]}
    curve = [{"until": "2021-06-25T08:00:00Z", "rate": "0.01"}]
    return [book, {**{key: value for key, value in book.items() if key != "rate"}, "discount": curve}]


BOOK = Format(
    "book", "A venue's book: what is listed, what it is worth now, what holding it costs (JSON)", "book.json",
    book_examples, lambda document: parse_book(jsonio.dumps(document).encode()),
    {"schema": "says what the file is",
     "venue": "whose instruments these are; part of their terms",
     "quote": "currency of every price; part of the terms",
     "valuation": "when the prices were taken",
     "rate": "interest of the quote currency, a year, continuously compounded, ACT/365; this or discount",
     "discount": "a curve in place of rate; every expiry is within it",
     "discount[].until": "node: later than the valuation and than the node before it",
     "discount[].rate": "zero rate until then, as rate; between nodes forward rates are constant",
     "underlyings": "assets, those of the model in any order",
     "underlyings[].symbol": "name of the asset",
     "underlyings[].spot": "price of one unit, in the quote currency",
     "underlyings[].perpetual": "mark of the perpetual, if one is listed; quote currency",
     "underlyings[].funding": "of its perpetuals [not taken into account]",
     "underlyings[].funding.rate": "of the position, that longs pay shorts each time: 0.0001 is 0.01 %",
     "underlyings[].funding.hours": "between two payments", "underlyings[].funding.source": "whose number it is",
     "underlyings[].yield": "what holding one earns, a year, as rate; forwards are held against it (G2)",
     "expiries": "prices for later",
     "expiries[].underlying": "asset",
     "expiries[].expiry": "later than the valuation",
     "expiries[].forward": "forward price of one unit, in the quote currency",
     "expiries[].volatilities": "implied volatilities, one for each strike that is listed; or one of the next three",
     "expiries[].volatilities[].strike": "in the quote currency, for one unit",
     "expiries[].volatilities[].volatility": "a year: 0.85 is 85 %",
     "expiries[].svi": "a slice in raw SVI, of total variance: volatility squared times years (G8)",
     "expiries[].svi.a": "level, total variance",
     "expiries[].svi.b": "slope of the wings, total variance per unit of log-moneyness; b (1 + |rho|) is at most 2",
     "expiries[].svi.rho": "turns the slice",
     "expiries[].svi.m": "shifts it, log-moneyness",
     "expiries[].svi.sigma": "rounds it, log-moneyness",
     "expiries[].theta": "total variance at the money, of a slice of the underlying's ssvi",
     "expiries[].quotes": "what venues quote, of which medians are taken; beside a slice, what it is held against (G9)",
     "expiries[].quotes[].venue": "whose",
     "expiries[].quotes[].quoted_at": "when; more than 60 s before the valuation is stale",
     "expiries[].quotes[].volatilities": "implied volatilities by strike",
     "expiries[].quotes[].volatilities[].strike": "in the quote currency, for one unit",
     "expiries[].quotes[].volatilities[].volatility": "a year",
     "ssvi": "surfaces of underlyings whose expiries have a theta",
     "ssvi[].underlying": "asset",
     "ssvi[].rho": "turns every slice",
     "ssvi[].eta": "how much slices bend: phi = eta theta^-gamma (1 + theta)^(gamma - 1)",
     "ssvi[].gamma": "how much less they do where theta is larger",
     "expiries[].quoted_at": "when the oldest of its volatilities was quoted (G9)",
     "expiries[].venues": "whose quotes they are (G9)",
     "contingencies": "add-ons by underlying, kind and venue",
     "contingencies[].underlying": "asset",
     "contingencies[].kind": "kind of instrument",
     "contingencies[].long": "of the spot value of a lot held long: 0.005 is half a percent",
     "contingencies[].short": "of the spot value of a lot held short",
     "contingencies[].venue": "whose instruments it is for [the book's venue]",
     "instruments": "what is listed; what has expired stays while it is held (E7)",
     "instruments[].symbol": "name; unique, not part of the terms",
     "instruments[].kind": "kind",
     "instruments[].underlying": "asset",
     "instruments[].lot": "units of the underlying in a lot, of an inverse perpetual or future of the quote currency; "
                          "above 0, at most 10^9, at most 12 places",
     "instruments[].settlement": "spot is physical, a perpetual cash or coin; the others say it; coin is inverse",
     "instruments[].expiry": "of futures and options; one of the expiries, unless past",
     "instruments[].strike": "of options, in the quote currency for one unit",
     "instruments[].reference": "of an inverse perpetual or future, price that its coins are counted from in epochs of "
                                "levels, which need it",
     "instruments[].exercise": "of options: european; an american one is refused",
     "instruments[].settled": "what it ended at for one unit, once expired; quote currency",
     "instruments[].venue": "venue that lists it [the book's venue]",
     "instruments[].most": "lots of the largest position that it is for; part of the terms [as the market's size]",
     "liquidity": "what add-ons are charged by [none]; see docs/addons.md",
     "liquidity.as_of": "when the facts were observed (G14)",
     "liquidity.markets": "a market is one kind on one underlying",
     "liquidity.markets[].underlying": "asset",
     "liquidity.markets[].kind": "kind of instrument",
     "liquidity.markets[].daily_volume": "a day's, in units of the underlying",
     "liquidity.markets[].open_interest": "units of the underlying",
     "liquidity.markets[].half_spread": "of spot: 0.0005 is 5 basis points",
     "liquidity.markets[].size": "largest position in a contract whose terms state none; units of the underlying",
     "liquidity.confidences": "how sure feeds are of themselves",
     "liquidity.confidences[].underlying": "asset",
     "liquidity.confidences[].expiry": "of forward and volatilities [of spot and perpetual]",
     "liquidity.confidences[].confidence": "1 is sure",
     "liquidity.gas_price": "quote units for a unit of gas",
     "liquidity.quote_price": "what the quote token is worth in what it stands for",
     "released": "what was listed before and nobody holds any more (E7)"})


def collateral_examples() -> list[Any]:
    token = "eip155:1/erc20:0x2260fac5e5542a773aa44fbcfedf7c193bc2c599"
    return [{"schema": "tailproof.collateral/1", "assets": [
        {"symbol": "WA", "token": token, "decimals": 8, "underlying": "A", "protocol": "0.02", "liquidation": "0.01"},
        {"symbol": "WB", "token": token, "decimals": 9, "price": "1", "fall": "0.01", "rise": "0.01",
         "protocol": "0.02", "liquidation": "0.01", "recovery": "0.1"}]},
        {"schema": "tailproof.collateral/1", "assets": [
            {"symbol": "WA", "token": token, "decimals": 8, "underlying": "A", "protocol": "0.02", "liquidation": {
                "half_spread": "0.001", "daily_volume": "1000", "size": "10", "deviation": "0.04",
                "coefficient": "1"}}]}]


COLLATERAL = Format(
    "collateral", "What collateral counts for, after haircuts (JSON)", "collateral.json", collateral_examples,
    lambda document: parse_collateral(jsonio.dumps(document).encode()),
    {"schema": "says what the file is",
     "assets": "tokens, each once",
     "assets[].symbol": "name, for people",
     "assets[].token": "which token, as CAIP-19 names it",
     "assets[].decimals": "a whole token is 10^decimals base units",
     "assets[].underlying": "asset of the book that a whole token is worth one unit of; instead of price, fall, rise",
     "assets[].price": "of a whole token, in the quote currency",
     "assets[].fall": "of the price, how far it may fall against a holder: 0.01 is 1 %",
     "assets[].rise": "of the price, how far it may rise against a debtor",
     "assets[].protocol": "of the value, what is lost if what holds the token fails",
     "assets[].liquidation": "of the value, cost of selling or buying back in a hurry; or what it follows from",
     "assets[].liquidation.half_spread": "of the price", "assets[].liquidation.daily_volume": "whole tokens a day",
     "assets[].liquidation.size": "largest holding that counts, in whole tokens; all together less than its value",
     "assets[].liquidation.deviation": "of a day's log return", "assets[].liquidation.coefficient": "Y, of order 1",
     "assets[].recovery": "part of the price that is left if the venue fails [the token does not hang on it]"})


def model_examples() -> list[Any]:
    """Every family, and every optional key."""
    shape = {"scenarios": 8, "tail": "2", "depth": 2}
    # Of one correlation all could be; two assets, so that matrices are such.
    matrix = [[1.0, 0.5], [0.5, 1.0]]
    law = {"innovations": "t", "degrees": 4.0}
    garch = {"family": "garch", "mean": 0.0, "omega": 1e-5, "alpha": 0.1, "beta": 0.8, **law}
    gjr = {"family": "gjr", "mean": 0.0, "omega": 1e-5, "alpha": 0.1, "gamma": 0.05, "beta": 0.8,
           "innovations": "skew-t", "degrees": 4.0, "skew": 0.1, "integrated": True, "pegged": False}
    normal = {name: value for name, value in garch.items() if name != "degrees"} | {"innovations": "normal"}
    ewma = {"family": "ewma", "lambda": 0.95, "mean": 0.0, "innovations": "normal"}
    merton: dict[str, Any] = {"family": "merton", "intensity": 6.0, "systemic": 0.7, "mean": -0.08, "deviation": 0.12,
                              "source": "judgement"}
    plain = {"schema": "tailproof.model/2", "name": "example", "assets": [_A, _B], "horizon": 1}
    whole = {**plain, "estimator": "filtered-historical", "purpose": "trial", "basis": "level", "seed": 1,
             "step_seconds": 86400,
             "calendar": ["saturday", "2001-09-11"], "steps_per_year": 252, "max_gap_steps": 5,
             "volatility_response": 1.0, "epoch": {**shape, "masses": "8x1", "lanes": 5, "width": 50},
             "volatility": {_A: gjr, _B: garch},
             "correlation": {"family": "dcc", "a": 0.03, "b": 0.9, "matrix": matrix},
             "jumps": merton,
             "events": {"2020-03-12": "sell-off"},
             "gates": dict.fromkeys(_GATES, 10.0)
             | {"accepted": {"G3": "a reason"}},
             "fitted": {"since": "2017-08-25", "until": "2020-12-31"},
             "scenarios": {"population": 131072, "clip": 2.0},
             "stress": {"sets": ["dependence-1", "2020-03-12"], "weight": 0.1},
             "surface": {"dynamics": "sticky-delta", **_TENOR, "tilt": 0.05, "tilt_width": 3.0},
             "procyclicality": {"floor": 0.8, "buffer": 0.25, "stressed_weight": 0.25, "speed_limit": 0.25},
             "addons": _addons()}
    drawn = {**plain, "estimator": "monte-carlo", "calendar": "24/7", "epoch": shape,
             "volatility": {_A: {**garch, "variance": 0.001}, _B: {**ewma, "variance": 0.001}},
             "copula": {"family": "t", "degrees": 4.0}}
    return [whole,
            {**whole, "correlation": {"family": "cdcc", "a": 0.03, "b": 0.9, "matrix": matrix}},
            {**drawn, "correlation": {"family": "static", "matrix": matrix}},
            {**whole, "jumps": {"family": "kou", "intensity": 6.0, "systemic": 0.7, "up_share": 0.3, "up_mean": 0.05,
                                "down_mean": 0.1, "scale": {_B: 1.2}, "source": "judgement"}},
            {**drawn, "volatility": {_A: {**normal, "variance": 0.001}, _B: {**normal, "variance": 0.001}},
             "correlation": {"family": "static", "matrix": matrix}, "jumps": {**merton, "fitted": True}},
            {**drawn, "correlation": {"family": "ewma", "lambda": 0.97, "current": matrix},
             "copula": {"family": "gaussian"}},
            {**drawn, "correlation": {"family": "dcc", "a": 0.03, "b": 0.9, "matrix": matrix, "current": matrix},
             "copula": {"family": "grouped-t", "groups": [{"assets": [_A, _B], "degrees": 4.0}]}},
            {**drawn, "assets": [_A], "volatility": {_A: {**garch, "variance": 0.001}},
             "correlation": {"family": "static", "matrix": [[1.0]]},
             "copula": {"family": "grouped-t", "groups": [{"assets": [_A], "degrees": 4.0}]}},
            {**drawn, "correlation": {"family": "static", "matrix": matrix},
             "epoch": {"statement": "margin-full-256x16"}},
            {**plain, "estimator": "handwritten", "horizon": 0, "epoch": shape, "set": _set(), "addons": {
                "lag": {**_addons()["lag"], "window_seconds": 600},
                "impact": {"coefficient": 1.0, "deviations": {_A: 0.04, _B: 0.05}}}},
            {**plain, "estimator": "handwritten", "epoch": shape, "set": "derive-pm2-2026-11"}]


def _addons() -> dict[str, Any]:
    return {"lag": {"heartbeat_seconds": 3600, "keeper_seconds": 600, "blocks": 20, "block_seconds": 12},
            "gas": {"units": 900000, "least_lots": 10}, "impact": {"coefficient": 1.0},
            "concentration": {"participation": 0.1}, "basis": {"base": 0.02, "per_year": 0.09},
            "confidence": {"threshold": 0.55, "factor": 1.0, "scope": "epoch"},
            "depeg": {"threshold": 0.98, "factor": 2.0},
            "short_options": {"rate": 0.003, "positions": 16,
                              "tiers": [{"above": 0, "multiple": 1}, {"above": 10000, "multiple": 2}]},
            "open_interest": {_A: {"lower": 1e6, "upper": 2e6}}, "wrong_way": {_B: {"recovery": 0.1}}}


def _set() -> dict[str, Any]:
    row = {"spot": {_A: -0.1, _B: 0.1}, "volatility": 0.5, "basis": 0.1, "damping": 0.5, "linear": 1.0, "absolute": 1.0,
           "label": "one"}
    return {"schema": "tailproof.scenarios/1", "name": "own", "source": "nowhere", "scenarios": [row, {"spot": 0.1}],
            "tenor": _TENOR,
            "skew": dict.fromkeys(("linear_cap", "linear_slope", "absolute_cap", "absolute_slope", "width", "level",
                                   "level_slope", "least_width"), 1.0)}


def parse_model_document(document: Any) -> object:
    """Read a document as a model file would be; where it names a statement, with a shape."""
    from circuits import statements
    from risk.exact.shape import EpochShape

    name = document.get("epoch", {}).get("statement") if isinstance(document.get("epoch"), dict) else None
    shape = statements.get(name).shape if isinstance(name, str) else None
    return parse_model(render(document).encode(), shape=shape if isinstance(shape, EpochShape) else None)


MODEL = Format(
    "model", "A risk model with every parameter (TOML; the schema is of what it parses to)", "model.toml",
    model_examples, parse_model_document,
    {"schema": "says what the file is",
     "name": "name of the model",
     "estimator": "where scenarios come from: days of a history, the model alone, or a set that is written down",
     "assets": "underlyings of the book, columns of the history",
     "purpose": "a trial may choose its seed, and is told as one everywhere [production]",
     "basis": "what leaves hold: changes of a lot's value, or the value itself, with cash as an instrument [change]",
     "seed": "of a trial; else derived from model, predecessor and valuation",
     "horizon": "steps that a margin covers",
     "step_seconds": "seconds of a step [86400]",
     "calendar": "closed weekdays and days [24/7]",
     "steps_per_year": "for implied volatilities [open weekdays of 365 days, in steps]",
     "max_gap_steps": "steps between two rows of the history, and from the last to now [5]",
     "volatility_response": "how far implied follows modelled volatility: 0 not at all, 1 as the model has it [1]",
     "epoch": "shape of the epoch: of a statement, or in numbers; `epoch build --statement` goes before it",
     "epoch.statement": "statement whose shape and packing it has",
     "epoch.scenarios": "S",
     "epoch.tail": "K/D, of the number of scenarios or of the sum of masses",
     "epoch.masses": "mass of each scenario, the same for every epoch [all alike]",
     "epoch.depth": "the tree has 8^depth leaves",
     "epoch.lanes": "value changes to a packed element [5]",
     "epoch.width": "bits of a lane [50]; lanes x width is at most 253",
     "volatility": "a table for each asset [ewma, lambda 0.97, t with 5 degrees]",
     "volatility.<ASSET>": "how its volatility moves, per step",
     "volatility.<ASSET>.family": "recursion",
     "volatility.<ASSET>.mean": "mean log return a step [0, of ewma]",
     "volatility.<ASSET>.omega": "variance that every step adds, a step",
     "volatility.<ASSET>.alpha": "weight of the last squared surprise",
     "volatility.<ASSET>.gamma": "weight added for losses",
     "volatility.<ASSET>.beta": "weight of the last variance",
     "volatility.<ASSET>.lambda": "weight of the last variance, of ewma",
     "volatility.<ASSET>.innovations": "law of standardised surprises",
     "volatility.<ASSET>.degrees": "degrees of freedom of t and skew-t",
     "volatility.<ASSET>.skew": "of skew-t",
     "volatility.<ASSET>.variance": "of the next step, log returns squared; only where no history is read",
     "volatility.<ASSET>.integrated": "declares that shocks hardly die out (G6) [false]",
     "volatility.<ASSET>.pegged": "declares an asset that hardly moves (G10) [false]",
     "correlation": "how assets move together [ewma, lambda 0.97]",
     "correlation.family": "recursion",
     "correlation.lambda": "weight of the last state",
     "correlation.a": "weight of the last surprises",
     "correlation.b": "weight of the last state; a + b is below 1",
     "correlation.matrix": "correlations; of dcc and cdcc the long-run ones; rows and columns as the assets",
     "correlation.current": "correlations of the next step; only where no history is read",
     "copula": "dependence of tails, of Monte Carlo [t with 4 degrees]",
     "copula.family": "copula",
     "copula.degrees": "degrees of freedom",
     "copula.groups": "each asset in one group",
     "copula.groups[].assets": "members",
     "copula.groups[].degrees": "degrees of freedom of the group",
     "jumps": "of log prices, beside what volatility makes [none]",
     "jumps.family": "law of their sizes", "jumps.intensity": "of an asset, a year; over the horizon at most one",
     "jumps.systemic": "share that all assets have together", "jumps.mean": "log return of a jump, of merton",
     "jumps.deviation": "of that, of merton", "jumps.up_share": "probability of a jump up, of kou",
     "jumps.up_mean": "mean log return of a jump up, of kou", "jumps.down_mean": "the same down, above 0, of kou",
     "jumps.scale": "what sizes are multiplied by", "jumps.scale.<ASSET>": "of an asset [1]",
     "jumps.fitted": "by maximum likelihood, with the volatilities (G13); else they are on top [false]",
     "jumps.source": "whose choice it is",
     "events": "days or times whose large returns are real (G4)",
     "events.<DAY>": "the reason",
     "gates": "bounds of plausibility; see `Gates` in risk/models/model.py for defaults",
     "gates.spot_deviations": "G1: spot against the last close, in deviations",
     "gates.carry_per_year": "G2: carry of a forward, a year",
     "gates.forward_distance": "G2: forward against spot, of spot",
     "gates.forward_off_curve": "G2: forward against the spot at the book's rates less a stated yield, of it",
     "gates.perpetual_basis": "G3: perpetual against spot, of spot",
     "gates.funding_per_year": "G3: funding of a perpetual, a year",
     "gates.robust_deviations": "G4: largest return, in robust deviations",
     "gates.half_life": "G6: of a shock, in steps",
     "gates.least_returns": "G7: returns to fit on",
     "gates.surface_age": "G9: age of volatilities, in seconds",
     "gates.least_venues": "G9: venues behind a price",
     "gates.zero_returns": "G10: share of returns that are 0",
     "gates.least_deviation": "G10: deviation a step",
     "gates.liquidity_age": "G14: age of liquidity, in seconds",
     "gates.half_spread": "G14: of spot",
     "gates.size_of_volume": "G14: largest position, of a day's volume",
     "gates.least_confidence": "G15: of a feed",
     "gates.peg_distance": "G15: of the quote token from what it stands for",
     "gates.closing_cost": "G16: spread and impact of the largest position, of spot",
     "gates.accepted": "gates that are failed and accepted",
     "gates.accepted.<GATE>": "the reason, which stands in the manifest",
     "fitted": "what parameters were fitted on [the whole history]; `tailproof model fit` writes it",
     "fitted.since": "first row of the history, a day or a time", "fitted.until": "last row, at most a year ago (G13)",
     "scenarios": "how scenarios with masses are chosen",
     "scenarios.population": "paths that they are chosen from [131072]; a multiple of the sum of masses",
     "scenarios.clip": "bound on absolute log returns over the horizon [2]",
     "stress": "stress scenarios mixed in [none]",
     "stress.sets": "dependence-0, dependence-1, black-swan, rates, a day, or first and last days",
     "stress.weight": "share of the scenarios that all have together; above 0, at most 0.25, or 0.5 with a reason (G7)",
     "surface": "how implied volatilities move in scenarios, beside the model's forecast",
     "surface.dynamics": "of expiries with a slice: volatilities keep to moneyness, or to strikes [sticky-delta]",
     "surface.days": "tenor whose volatility moves as far as the model's, days [30]",
     "surface.floor_days": "shorter expiries count as this, days [1]",
     "surface.short_power": "power of days / expiry that the model's ratio is raised to, up to the tenor [0]",
     "surface.long_power": "the same, beyond [0]",
     "surface.least_volatility": "that a rise leads to at least, a year [0]",
     "surface.tilt": "of skew: relative change of far volatilities per deviation of the spot [0]",
     "surface.tilt_width": "deviations of moneyness at which the tilt is whole [3]",
     "procyclicality": "tools against procyclical margins [none]",
     "procyclicality.floor": "of the long-run deviation, which none falls below",
     "procyclicality.buffer": "on the deviation, used up where it has risen by as much",
     "procyclicality.stressed_weight": "weight of the most volatile 250 steps",
     "procyclicality.speed_limit": "of the deviation's rise in a day",
     "addons": "what is charged beside Expected Shortfall [nothing but the book's contingencies]; see docs/addons.md",
     "addons.lag": "from the call until the close; all together above 0 and at most 30 days",
     "addons.lag.heartbeat_seconds": "the oracle's, at most", "addons.lag.keeper_seconds": "until a keeper acts",
     "addons.lag.blocks": "that it takes", "addons.lag.block_seconds": "of a block",
     "addons.lag.window_seconds": "what scenarios are of; only where the horizon is 0",
     "addons.gas": "cost of closing a position", "addons.gas.units": "of gas",
     "addons.gas.least_lots": "smallest position that pays for it [1]",
     "addons.impact": "half spread and square-root law", "addons.impact.coefficient": "Y",
     "addons.impact.deviations": "of a day, by asset; only of a handwritten set",
     "addons.impact.deviations.<ASSET>": "of a day's log return",
     "addons.concentration": "closing takes time", "addons.concentration.participation": "of a day's volume",
     "addons.basis": "prices that part from the spot", "addons.basis.base": "of spot",
     "addons.basis.per_year": "of spot, for a year to expiry",
     "addons.confidence": "feeds that are unsure", "addons.confidence.threshold": "below which is charged",
     "addons.confidence.factor": "times 1 - confidence, of spot",
     "addons.confidence.scope": "whose feeds the lowest is taken over",
     "addons.depeg": "a quote token below its peg", "addons.depeg.threshold": "price below which is charged",
     "addons.depeg.factor": "times what lacks, of spot",
     "addons.short_options": "each that is owed, not netted", "addons.short_options.rate": "of spot",
     "addons.short_options.tiers": "what the charge is multiplied by; rising from 0 [once]",
     "addons.short_options.tiers[].above": "raw charge of all positions, in quote units",
     "addons.short_options.tiers[].multiple": "of the charge",
     "addons.short_options.positions": "of the largest size that a tier is taken of [64]",
     "addons.open_interest": "margins that rise with it", "addons.open_interest.<ASSET>": "its kinds together",
     "addons.open_interest.<ASSET>.lower": "quote units, from which on margins rise",
     "addons.open_interest.<ASSET>.upper": "quote units, at which they are the notional",
     "addons.wrong_way": "the venue's own tokens", "addons.wrong_way.<ASSET>": "a token",
     "addons.wrong_way.<ASSET>.recovery": "part of its price that is left if the venue fails",
     "set": "of a handwritten model: a preset's name (`tailproof risk sets`), or a table",
     "set.schema": "says what the table is", "set.name": "name of the set", "set.source": "where the numbers come from",
     "set.scenarios": "one row a scenario",
     "set.scenarios[].spot": "relative change of spots: -0.18 is 18 % down; of all assets, or by asset",
     "set.scenarios[].spot.<ASSET>": "relative change of one spot",
     "set.scenarios[].volatility": "relative change of implied volatility at the tenor's days [0]",
     "set.scenarios[].basis": "of futures' and perpetuals' prices over the spot [0]",
     "set.scenarios[].damping": "share of the value change that counts; above 0 [1]",
     "set.scenarios[].linear": "skew: +1 raises volatilities above the forward, lowers those below [0]",
     "set.scenarios[].absolute": "skew: -1 lowers both wings [0]",
     "set.scenarios[].label": "what people call it; it moves nothing",
     "set.tenor": "how shocks of volatility depend on the expiry [not at all]",
     "set.tenor.days": "tenor that shocks are said of, days [30]",
     "set.tenor.floor_days": "shorter expiries count as this, days [1]",
     "set.tenor.short_power": "power of days / expiry, up to the tenor [0]",
     "set.tenor.long_power": "the same, beyond [0]",
     "set.tenor.least_volatility": "that an upward shock leads to at least, a year [0]",
     "set.skew": "how skews depend on strike and expiry; needed by rows that have one",
     "set.skew.linear_cap": "largest part that a linear skew adds [0]",
     "set.skew.linear_slope": "of the cap, per square root of a year [0]",
     "set.skew.absolute_cap": "largest part that an absolute skew adds [0]",
     "set.skew.absolute_slope": "of the cap, per square root of a year [0]",
     "set.skew.width": "deviations at which a skew is full [4]",
     "set.skew.level": "volatility that deviations are of, a year [0.6]",
     "set.skew.level_slope": "of that level, per square root of a year [0]",
     "set.skew.least_width": "least log-moneyness at which a skew is full [0.01]"},
    {"volatility": "ASSET", "jumps.scale": "ASSET", "events": "DAY", "gates.accepted": "GATE",
     "set.scenarios[].spot": "ASSET", "addons.open_interest": "ASSET", "addons.wrong_way": "ASSET",
     "addons.impact.deviations": "ASSET"})
