"""What EMIR asks of a central counterparty's margins (Regulation (EU) 648/2012, delegated 153/2013), by article.

Not a claim of compliance: the venue is no CCP by using this.
"""

from __future__ import annotations

from risk.stress import sets

from .. import telling
from .books import figures_of
from .requirements import YEAR_SECONDS, judged_by, seconds_of_history
from .section import Section, Table, Words
from .subject import Subject
from .year import year_of

DAY = 86400


def emir(subject: Subject) -> Section:
    model, books = subject.market.model, figures_of(subject)
    below = [one.name for one in books if one.expected_shortfall < one.value_at_risk_99]
    horizon = model.horizon * model.step_seconds / DAY
    tools, years = model.procyclicality, seconds_of_history(subject) / YEAR_SECONDS
    measures = [text for text, here in (
        ("(a) a buffer of 25 %", tools.buffer is not None and tools.buffer >= 0.25),
        ("(b) a weight of 25 % of stress", (tools.stressed_weight or 0.0) >= 0.25 or model.stress.weight >= 0.25),
        ("(c) a floor of ten years' volatility", (tools.floor or 0.0) >= 1.0 and years >= 10)) if here]
    fund = subject.simulated
    # As section Stress tells them; of what is drawn there is always a black swan.
    beside = bool(sets.usual(subject.changes))
    rows = (
        ("Art. 24: at least 99 % of exposures (99.5 % of OTC derivatives)",
         f"ES is at or above VaR at 99 % for {len(books) - len(below)} of {len(books)} reference books"
         + (f"; below for {', '.join(below)}" if below else ""), judged_by(not below)),
        ("Art. 25: at least twelve months of data, stress among them", f"{years:.1f} years of prices"
         if years else "no prices: parameters are the publisher's word", judged_by(years >= 1, partly=True)),
        ("Art. 26: two days to liquidate (five for OTC derivatives)", str(telling.horizon(subject.numbers)),
         judged_by(horizon >= 2)),
        ("Art. 27: offsets between products are of significant and reliable correlation, and at most 80 % of what "
         "they save", "all offsets that the scenarios have, whole", "no: no cap of 80 %"),
        ("Art. 28: one of three measures against procyclicality", "; ".join(measures) or "none of the three",
         judged_by(bool(measures))),
        ("EMIR itself, Art. 42, 43: fund and resources stand the default of the two largest",
         "section The fund, of a simulated venue" if fund else "not shown: no cascade was given",
         judged_by(fund is not None, partly=True)),
        ("Art. 49: margins backtested daily", f"{len(year_of(subject))} books over the last year"
         if year_of(subject) else "no forecasts of a year", judged_by(bool(year_of(subject)), partly=True)),
        ("Art. 51: stress tests, and reverse ones", f"in the epoch {', '.join(model.stress.sets) or 'none'}; of "
         f"reference books {'section Stress' if beside else 'none'}",
         judged_by(beside or bool(model.stress.sets), partly=True)),
        ("EMIR 3, Art. 38(7): design, assumptions, limits, a tool to simulate margins",
         "section Model card; risk margin and risk what-if, on the published epoch", "yes"))
    return Section("emir", "EMIR page", (
        Words("How the epoch stands beside what EMIR asks of a central counterparty. Who runs one answers for it; this "
              "page claims no authorisation."),
        Table(("asked", "here", "held"), rows, (subject.own("emir"),))))
