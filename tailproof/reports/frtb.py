"""The market-risk standard of the Basel Committee (MAR30 to MAR33, MAR99), requirement by requirement. Not a claim of
compliance: those rules are for banks' own models and books."""

from __future__ import annotations

from .. import telling
from .requirements import YEAR_SECONDS, judged_by, seconds_of_history
from .section import Section, Table, Words
from .subject import Subject
from .year import Rolled, year_of

TEN_DAYS = 10 * 86400
MOST_EXCEPTIONS = {0.01: 12, 0.025: 30}
"""Of a desk in a year, by the tail's probability (MAR32)."""


def _few(one: Rolled) -> bool:
    """At a level that the standard says nothing of, by the light."""
    most = MOST_EXCEPTIONS.get(round(one.forecasts.alpha, 9))
    return one.judged.light.zone != "red" if most is None else int(one.forecasts.exceptions.sum()) <= most


def frtb(subject: Subject) -> Section:
    numbers, model = subject.numbers, subject.market.model
    share = numbers.shape.tail.share(numbers.shape.scenarios)
    horizon = model.horizon * model.step_seconds
    year = year_of(subject)
    over = str(telling.horizon(numbers)) + (
        f"; a root-of-time rule would multiply by {(TEN_DAYS / horizon) ** 0.5:.2f}" if horizon else ", at once")
    rows = (
        ("Expected Shortfall at 97.5 %, one-tailed (MAR33)", f"{100 * float(1 - share):.4g} %",
         judged_by(1000 * share <= 25)),
        ("base horizon of ten days, longer ones where liquidity is less (MAR33)",
         over, judged_by(horizon >= TEN_DAYS, "no: one horizon for all")),
        ("calibrated to a period of stress (MAR33)",
         ", ".join(model.stress.sets) or "no stress is mixed in", judged_by(bool(model.stress.sets), partly=True)),
        ("at least a year of data, moved up at least quarterly (MAR33)",
         f"{seconds_of_history(subject) / YEAR_SECONDS:.1f} years of prices",
         judged_by(seconds_of_history(subject) >= YEAR_SECONDS)),
        ("daily VaR backtested over a year; at a desk at most 12 exceptions at 99 %, 30 at 97.5 % (MAR32)",
         "; ".join(f"{one.name} {int(one.forecasts.exceptions.sum())}" for one in year)
         or "no forecasts of a year", judged_by(bool(year) and all(map(_few, year)), partly=True)),
        ("green, yellow or red by exceptions of 250 days (MAR99)",
         "; ".join(f"{one.name} {one.judged.light.zone}" for one in year) or "no forecasts of a year",
         judged_by(bool(year))),
        ("attribution of profit and loss: Spearman 0.80, Kolmogorov-Smirnov 0.09 (MAR32)",
         "risk attribution, of gains that a bank brings", "elsewhere"),
        ("risk factors that can be modelled have real prices (MAR31)", "not judged: gates look at quotes", "no"))
    return Section("frtb", "FRTB page", (
        Words("How the epoch stands beside the Basel Committee's standard for internal models of market risk. That "
              "standard is for banks; this page claims no approval under it."),
        Table(("asked", "here", "held"), rows, (subject.own("frtb"),))))
