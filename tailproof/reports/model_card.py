"""The model card: design, parameters, data, assumptions, limits, in the manner of what EMIR 3 asks CCPs to disclose
(Art. 38(7), of Regulation (EU) 648/2012 as amended by 2024/2987)."""

from __future__ import annotations

import math

from risk.models.calibration import log_returns
from risk.models.model import Estimator

from .section import Block, Said, Section, Table, Words
from .subject import Subject

DESIGN = {
    Estimator.FILTERED_HISTORICAL: "Filtered historical simulation: a scenario is whole days of the past, one a step, "
    "their volatility and correlation divided out, under today's forecast of both. What happens together in a "
    "scenario happened together.",
    Estimator.MONTE_CARLO: "Monte Carlo: each asset's volatility is a recursion with random innovations, which a "
    "copula ties together.",
    Estimator.HANDWRITTEN: "A handwritten set: somebody wrote each scenario; nothing is estimated. The tail's "
    "probability is a share of rows, not a probability of the market.",
}
ASSUMED = {
    Estimator.FILTERED_HISTORICAL: (
        "Standardised days of the past, in any order, are what the next steps are drawn from.",
        "What never happened in the history, at any volatility, does not happen, unless stress adds it."),
    Estimator.MONTE_CARLO: (
        "Innovations follow the stated laws in every market, the copula at every time.",
        "Parameters are those of the fit; that they might be others is in no scenario."),
    Estimator.HANDWRITTEN: ("The rows are the right ones; nothing here tests that.",),
}
COMMON = (
    "Positions do not change within the horizon, and are worth what the pricing says: no cost of closing them but the "
    "add-ons.",
    "Implied volatilities move with the forecast of volatility, by one response for all strikes and expiries; smiles "
    "keep their shape, unless the model has skews.",
    "Quotes of the book are the market's: gates look for what cannot be, not for what is stale by a little.")
LIMITS = (
    "The proof shows that the number follows from the published scenarios; not that those are right.",
    "Expected Shortfall says nothing of how losses beyond it spread, and a tail of few scenarios is a mean of few.",
    "Log returns are bounded (clip), so that Expected Shortfall is finite: beyond that nothing is foreseen.",
    "Liquidity is in add-ons a lot, which do not grow with the position.",
    "Parameters held against the publisher's own history are as good as that history.")


def model_card(subject: Subject) -> Section:
    model, shown = subject.market.model, ("model", "show", subject.model_file)
    own = (subject.own("model"),)
    blocks: list[Block] = [
        Words(DESIGN[model.estimator], title="Design"),
        Table(("", ""), tuple((name, str(value)) for name, value in (
            ("name", model.name), ("estimator", str(model.estimator)), ("horizon", model.horizon),
            ("step_seconds", model.step_seconds), ("steps_per_year", model.steps_per_year), ("basis", model.basis),
            *((("clip", model.scenarios.clip), ("volatility_response", model.volatility_response))
              if model.estimator != Estimator.HANDWRITTEN else ()),
            *(() if model.shape.tail.uniform else (("population", model.scenarios.population),)),
            *(() if model.fitted is None else (("fitted", f"{model.fitted.since} to {model.fitted.until}"),)))),
            (shown,)),
        *_parameters(subject), *_data(subject)]
    if model.copula is not None:
        blocks.append(Said("Copula: " + ", ".join(f"{name} {value}" for name, value in model.copula.to_json().items()
                                                  if not isinstance(value, list)) + ".", (shown,)))
    blocks.append(Table(
        ("asset", "volatility of the next step, %", "of a year, %"),
        tuple((asset, f"{100 * math.sqrt(variance):.2f}",
               f"{100 * math.sqrt(variance * model.steps_per_year):.1f}")
              for asset, variance in zip(model.assets, subject.calibration.variances, strict=True)), own,
        "Forecast that scenarios start from"))
    if subject.calibration.correlation is not None and len(model.assets) > 1:
        rows = tuple((asset, *(f"{value:.3f}" for value in line))
                     for asset, line in zip(model.assets, subject.calibration.correlation, strict=True))
        if len(model.assets) <= 12:
            blocks.append(Table(("", *model.assets), rows, own, "Correlation of innovations"))
    blocks += [Words("", title="Assumptions", items=(*ASSUMED[model.estimator], *COMMON)),
               Words("", title="Limits", items=LIMITS)]
    if model.events:
        blocks.append(Table(("day", "why it is real"), tuple(model.events.items()), (shown,),
                            "Days beyond twelve robust deviations, declared as events"))
    return Section("model", "Model card", tuple(blocks))


def _parameters(subject: Subject) -> list[Block]:
    model = subject.market.model
    tables = [volatility.to_json() for volatility in model.volatilities]
    if not tables:
        return []
    names = list(dict.fromkeys(name for table in tables for name in table))
    if any(isinstance(value, (dict, list)) for table in tables for value in table.values()):
        return []
    rows = tuple((asset, *(str(table.get(name, "")) for name in names))
                 for asset, table in zip(model.assets, tables, strict=True))
    return [Table(("asset", *names), rows, (("model", "show", subject.model_file),), "Volatility of each asset")]


def _data(subject: Subject) -> list[Block]:
    history, numbers = subject.history, subject.numbers
    if history is None:
        return [Said(f"Data. The model {numbers.header.model} reads no prices: variances and correlations are the "
                     "publisher's word. Of the market it reads the book.", (subject.command("epoch", "show"),),
                     warns=True)]
    source = "" if subject.history_path is None else " (given beside the epoch, which reads no such file itself)" \
        if not subject.market.model.needs_history else " (given in place of the epoch's own)"
    returns, labels = log_returns(history), history.labels[1:]
    rows = []
    for asset, column in zip(history.assets, returns.T, strict=True):
        least, most = int(column.argmin()), int(column.argmax())
        still = 100 * float((column == 0).mean())
        rows.append((asset, f"{100 * math.expm1(column[least]):+.1f}", labels[least],
                     f"{100 * math.expm1(column[most]):+.1f}", labels[most], f"{still:.2f}"))
    gaps = int((history.steps > 1).sum())
    return [Said(f"Data. {len(history.times) - 1} returns of {', '.join(history.assets)}, {history.labels[1]} to "
                 f"{history.labels[-1]}{source}.",
                 ((*subject.command("risk", "history"), *subject.prices),)),
            Table(("asset", "largest fall, %", "on", "largest rise, %", "on", "days without a move, %" if history.daily
                   else "steps without a move, %"), tuple(rows), (subject.own("model"),),
                  f"Prices: {gaps} of the returns are over more than one step")]
