"""`tailproof risk cascade`: what a crash does to a venue, with the contracts' tiers and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput

from .console import FILE, PICTURE, Outcome, progress, reporting, table

if TYPE_CHECKING:
    from risk.cascades.experiments import Outcomes
    from risk.cascades.parameters import Cascade

_EXPERIMENTS = ("tiers", "lag", "correlation", "depth", "auctions", "toxic", "fund")
_MONEY = ("bad_debt", "fund_loss", "haircut", "deficit", "under_water", "drawn", "forced", "penalties", "lots_price")
_COUNTS = ("called", "partly", "closed", "sold_lots", "agent_lots", "cured", "healed", "harmed")


@click.command()
@click.argument("config", type=FILE, required=False)
@click.option("--preset", "named", help="In place of CONFIG: standard, 2020-03-12 or 2025-10-10.")
@click.option("--system", type=FILE, help="Configuration of a system of contracts, to take the tiers' terms from.")
@click.option("--experiment", type=click.Choice(_EXPERIMENTS), default="tiers", show_default=True,
              help="What is compared.")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=5, show_default=True, help="How many worlds.")
@click.option("--first-seed", type=click.IntRange(0, 2**51), default=0, show_default=True)
@click.option("--accounts", type=click.IntRange(1, 100_000), help="In place of the configuration's.")
@click.option("--plot", type=PICTURE, help="Draw the first seed's course, too: a PNG file to write.")
@reporting
def cascade(config: Path | None, named: str | None, system: Path | None, experiment: str, seeds: int, first_seed: int,
            accounts: int | None, plot: Path | None) -> Outcome:
    """Simulate CONFIG, or a preset: a crash, forced sales, and who pays for what remains.

    Bad debt is what others than owners and liquidators lose. Seeds make it reproducible to the unit.
    """
    from risk.cascades import experiments

    chosen = _chosen(config, named, system, accounts)
    numbers = range(first_seed, first_seed + seeds)

    def tell(done: int, total: int) -> None:
        progress(f"simulating {chosen.name}", done, total)

    data: dict[str, Any] = {"cascade": _told(chosen), "experiment": experiment, "seeds": seeds,
                            "first_seed": first_seed, "picture": None if plot is None else str(plot)}
    lines = [f"{chosen.name}: {chosen.population.accounts} accounts, {chosen.shock.blocks} blocks, seeds "
             f"{numbers[0]} to {numbers[-1]}; money in quote units", ""]
    if experiment == "toxic":
        rows = experiments.toxic(chosen, numbers, tell)
        data["rows"] = [{"penalty": row.penalty, "cost": row.cost, "refused": row.refused, **_summary(row.outcome)}
                        for row in rows]
        lines += table([(row.penalty, row.cost, "refused" if row.refused else "passes",
                         *_cells(row.outcome, ("bad_debt",)), _mean(row.outcome, "penalties")) for row in rows],
                       ("penalty, bp", "cost of a close, bp", "gate toxic-liquidation", "median bad debt", "largest",
                        "mean penalties"))
    elif experiment == "fund":
        found = experiments.fund_size(chosen, numbers, tell)
        data["fund"] = {"cover_2": str(found.cover_2), "drawn": str(found.drawn), "size": str(found.size),
                        "quantile": "999/1000", "enough_seeds": found.enough_seeds, **_summary(found.outcome)}
        lines += table([("cover-2, largest over seeds", _shown(found.cover_2)),
                        ("99.9 % of what an endless fund has out at the worst" if found.enough_seeds
                         else f"largest of {seeds} draws (1000 and more seeds for 99.9 %)", _shown(found.drawn)),
                        ("size: the larger one", _shown(found.size))], ("fund", ""))
    else:
        run = {"tiers": experiments.tiers, "lag": experiments.lag_and_capital, "correlation": experiments.correlation,
               "depth": experiments.depth, "auctions": experiments.auctions}[experiment]
        outcomes = run(chosen, numbers, tell)
        data["rows"] = [{**_summary(one), "against": _against(outcomes, i)} for i, one in enumerate(outcomes)]
        lines += table([(one.name, *_cells(one, ("bad_debt",)), _mean(one, "forced"), _mean(one, "drawn"),
                         _mean(one, "haircut"), _mean(one, "deficit"), *_lots(one, experiment),
                         _compared(_against(outcomes, i))) for i, one in enumerate(outcomes)],
                       ("setting", "median bad debt", "largest", "mean sold by force", "drawn on fund", "haircut",
                        "deficit", *(("mean of all lots' prices", "agent's lots") if experiment == "auctions" else ()),
                        "seeds lower/equal/higher"))
    if plot is not None:
        from risk.cascades import plot as pictures
        pictures.course(experiments.tiers(chosen, numbers[:1]), chosen, plot)
    return Outcome(data, lines)


def _chosen(config: Path | None, named: str | None, system: Path | None, accounts: int | None) -> Cascade:
    from risk.cascades.presets import preset

    from .. import cascading
    if (config is None) == (named is None):
        raise BadInput("CONFIG and --preset", (None if config is None else str(config), named), "one of them")
    chosen = cascading.read_cascade(config) if config is not None else preset(str(named))
    if accounts is not None:
        chosen = replace(chosen, population=replace(chosen.population, accounts=accounts))
    if system is not None:
        from verifier_contracts.system_config import SystemConfig
        chosen = cascading.with_system(chosen, SystemConfig.load(system))
    return chosen


def _told(chosen: Cascade) -> dict[str, Any]:
    return {"name": chosen.name, "assets": [asdict(asset) for asset in chosen.assets], "accept": dict(chosen.accept),
            **{one.name: asdict(getattr(chosen, one.name)) for one in fields(chosen)
               if one.name in ("market", "shock", "population", "liquidators", "tiers")}}


def _summary(outcome: Outcomes) -> dict[str, Any]:
    from risk.cascades.experiments import median
    return {"setting": outcome.name,
            "median": {name: str(median(outcome.of(name))) for name in _MONEY},
            "by_seed": {"bad_debt": [str(value) for value in outcome.of("bad_debt")],
                        **{name: outcome.of(name) for name in _COUNTS}}}


def _against(outcomes: Sequence[Outcomes], i: int) -> dict[str, Any] | None:
    """Against the last setting without tiers before it, or the first one."""
    from risk.cascades.experiments import Against
    base = max((j for j in range(i + 1) if outcomes[j].name.endswith("no tiers")), default=0)
    return None if base == i else {"setting": outcomes[base].name, **asdict(Against.of(outcomes[i], outcomes[base]))}


def _compared(against: dict[str, Any] | None) -> str:
    return "" if against is None else f"{against['lower']}/{against['equal']}/{against['higher']}"


def _cells(outcome: Outcomes, names: Sequence[str]) -> tuple[str, ...]:
    from risk.cascades.experiments import median
    return tuple(text for name in names for text in (_shown(median(outcome.of(name))), _shown(max(outcome.of(name)))))


def _lots(outcome: Outcomes, experiment: str) -> tuple[str, ...]:
    agents = sum(outcome.of("agent_lots"))
    return (_mean(outcome, "lots_price"), f"{agents} of {agents + sum(outcome.of('sold_lots'))}") \
        if experiment == "auctions" else ()


def _mean(outcome: Outcomes, name: str) -> str:
    values = outcome.of(name)
    return _shown(sum(values) // len(values))


def _shown(units: int) -> str:
    return f"{units // 10**6:,}"
