"""`tailproof risk idle`: how much of an account's collateral may earn elsewhere while its cover stays provable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import telling
from .console import FILE, PICTURE, Outcome, reporting, table

if TYPE_CHECKING:
    from risk.cascades.idle import Idle

    from ..epochs import AnyEpoch
    from ..idling import IdleFile


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE)
@click.argument("venues", type=FILE)
@click.option("--picture", type=PICTURE, help="Draw it, too: a PNG file to write. It shows the account.")
@reporting
def idle(epoch: Path, portfolio: Path, venues: Path, picture: Path | None) -> Outcome:
    """Place idle collateral among VENUES (JSON: collateral, buffer, venues) so that it earns most, and cover of
    PORTFOLIO's margin stays provable in every scenario of EPOCH, with any one venue failing.

    Exit code 1 if the collateral does not even cover where nothing is placed.
    """
    from .. import epochs
    from ..idling import read_idle
    numbers, given = epochs.load(epoch), read_idle(venues)
    problem = _problem(numbers, portfolio, given)
    account = problem.account
    nothing = problem.nothing()
    alone = problem.broken(nothing)
    data: dict[str, Any] = {
        **telling.facts(numbers), "collateral": str(account.collateral), "margin": str(account.margin),
        "buffer": account.buffer, "needed": str(account.needed), "largest_loss": str(max(0, *account.losses)),
        "venues": [venue.name for venue in problem.venues], "picture": None if picture is None else str(picture)}
    quote = numbers.header.quote
    facts = table([("collateral", f"{_shown(account.collateral)} {quote}"),
                   ("margin", f"{_shown(account.margin)} {quote}"),
                   ("needed for cover", f"{_shown(account.needed)} {quote}, a buffer of {account.buffer / 100:g} % "
                    "included"),
                   ("largest loss in a scenario", f"{_shown(max(0, *account.losses))} {quote}")])
    if alone:
        return Outcome({**data, "placements": {}, "broken": len({one.scenario for one in alone})}, [
            *telling.trial(numbers), *facts, "", f"In {len({one.scenario for one in alone})} of {len(account.losses)} "
            "scenarios the collateral does not cover as it is: nothing may be placed."], False)
    best = problem.best()
    found = {"best": best, "greedy": problem.greedy(), "careless": problem.careless(), "nothing": nothing}
    if picture is not None:
        from risk.cascades import plot_idle
        plot_idle.placements(problem, found, picture, title=f"{portfolio.stem.replace('_', ' ')}: idle collateral",
                             subtitle=telling.setting(numbers), quote=quote)
    assert best.bound is not None
    broken = {name: problem.broken(placed) for name, placed in found.items()}
    uncovered, unpaid = ({name: len({one.scenario for one in ones if not getattr(one, held)})
                          for name, ones in broken.items()} for held in ("covered", "payable"))
    data |= {"bound": str(best.bound), "placements": {name: {
        "amounts": [str(amount) for amount in placed.amounts], "free": str(placed.free),
        "earned": str(placed.earned(problem.venues)), "uncovered": uncovered[name],
        "unpaid": unpaid[name]} for name, placed in found.items()}}
    rows = [(venue.name, f"{venue.yearly / 100:g}", f"{venue.exit / 3600:g}", f"{venue.haircut / 100:g}",
             _shown(venue.cap), *(_shown(placed.amounts[v]) for placed in list(found.values())[:3]))
            for v, venue in enumerate(problem.venues)]
    rows.append(("free", "", "", "", "", *(_shown(placed.free) for placed in list(found.values())[:3])))
    lines = [*telling.trial(numbers), *facts, "",
             *table(rows, ("venue", "yield, %", "exit, h", "haircut, %", "cap", *list(found)[:3])), "",
             *table([(name, _shown(placed.earned(problem.venues)), str(uncovered[name]),
                      str(unpaid[name])) for name, placed in found.items()],
                    ("placement", f"earns a year, {quote}", f"of {len(account.losses)} scenarios not covered",
                     "loss not payable in time")), "",
             f"no placement that stays covered earns more than {_shown(best.bound)} {quote} a year"]
    return Outcome(data, [*lines, *([] if picture is None else ["", f"wrote {picture}"])])


def _problem(numbers: AnyEpoch, portfolio: Path, given: IdleFile) -> Idle:
    import math

    from risk.cascades.idle import Account, Idle
    from risk.margins.contributions import breakdown
    from risk.margins.explain import scenarios_of
    from risk.margins.levels import from_today
    from risk.margins.portfolio import Portfolio
    from risk.margins.shocks import sources_of
    held = Portfolio.read(portfolio)
    rows = held.rows(numbers)
    model, _, _ = sources_of(numbers)
    found, scenarios = breakdown(from_today(numbers), rows), scenarios_of(numbers, model)
    losses = tuple(math.ceil(found.money(loss)) for loss in found.losses)
    moves = {asset: scenarios.returns[:, i] for i, asset in enumerate(model.assets)}
    return Idle(Account(given.collateral, breakdown(numbers, rows).required, given.buffer,
                        model.horizon * model.step_seconds, losses, moves), given.venues)


def _shown(units: Any) -> str:
    from risk.exact.money import display_money
    return display_money(round(units), "").rstrip()
