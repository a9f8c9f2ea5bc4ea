"""`tailproof model`: parameters are fitted here and nowhere else, judged here, and shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives import jsonio
from primitives.errors import BadInput
from risk.epochs.provenance import read_source

from .console import FILE, OUTPUT, Outcome, progress, reporting, table

if TYPE_CHECKING:
    from risk.fitting.jumps import JumpFit
    from risk.fitting.volatility import Fit
    from risk.market.history import History
    from risk.models.model import Model

_NAME = re.compile(r"[^A-Za-z0-9._/-]")


@click.group()
def model() -> None:
    """Fit, check, show and convert model files."""


@model.command("fit")
@click.argument("history", type=FILE)
@click.option("--out", type=OUTPUT, required=True, help="Where to write the model file.")
@click.option("--settings", type=FILE, help="Model file whose tables are kept but for what is fitted.")
@click.option("--assets", help="Columns to fit, separated by commas; by default all, or those of --settings.")
@click.option("--estimator", type=click.Choice(["filtered-historical", "monte-carlo"]),
              help="By default filtered-historical.")
@click.option("--family", type=click.Choice(["ewma", "garch", "gjr"]), default="garch", show_default=True)
@click.option("--innovations", type=click.Choice(["normal", "t", "skew-t"]),
              help="By default t; normal where jumps are fitted.")
@click.option("--jumps", type=click.Choice(["merton", "kou"]), help="Fit jumps of this law together with the "
              "volatilities; by default those that --settings has fitted.")
@click.option("--correlation", type=click.Choice(["static", "ewma", "dcc", "cdcc"]), default="ewma", show_default=True)
@click.option("--copula", type=click.Choice(["gaussian", "t", "grouped-t"]), default="t", show_default=True,
              help="Of a Monte Carlo model.")
@click.option("--group", "groups", multiple=True, help="Assets of a group of grouped-t, separated by commas.")
@click.option("--since", help="First day or time of the history to use.")
@click.option("--state", is_flag=True, help="Write today's variances and correlations: epochs need no history then.")
@click.option("--repair", is_flag=True, help="Take the nearest correlation matrix where one is needed; with a model "
                                             "file for HISTORY, repair its matrices and fit nothing.")
@reporting
def fit(history: Path, out: Path, settings: Path | None, assets: str | None, estimator: str | None, family: str,
        innovations: str | None, jumps: str | None, correlation: str, copula: str, groups: tuple[str, ...],
        since: str | None, state: bool, repair: bool) -> Outcome:
    """Fit every parameter of a model on HISTORY (CSV) and write the model file.

    Exit code 1, and nothing is written, if a fit does not converge.
    """
    from risk.fitting.model import Choices, fit_model
    from risk.models.model_text import render
    from risk.models.plausibility import doubts

    if repair and history.suffix == ".toml":
        return _repair(history, out)
    document = _settings(settings, history, assets, estimator)
    jumps = jumps or _refitted(document)
    if jumps is not None:
        document.pop("jumps", None)
    base = _parsed(document)
    prices = _history(base, history, since)
    law = innovations or ("t" if jumps is None else "normal")
    choices = Choices(family, law, correlation, copula, tuple(tuple(group.split(",")) for group in groups), repair,
                      state, jumps)
    found = fit_model(base, prices, choices, progress)
    data = {"out": str(out), "ignored_columns": list(prices.ignored), **found.to_json()}
    if not found.converged:
        return Outcome(data, [*_fits(found.fits), *_jumps(found.jumps), "no model is written: not converged"],
                       holds=False)
    remarks = (f"Maximum likelihood on {len(prices.steps)} log returns, {prices.labels[0]} to {prices.labels[-1]}",
               "(tailproof model fit).")
    window = {"fitted": {"since": prices.labels[0], "until": prices.labels[-1]}}
    text = render({**document, **found.tables, **window}, remarks)
    _parse(text.encode(), out)
    _write(out, text)
    lines = [*_fits(found.fits), *_jumps(found.jumps)]
    if found.correlation.distance:
        lines.append(f"correlation repaired, at a Frobenius distance of {found.correlation.distance:.3g}")
    lines += [f"correlation: {doubt}" for doubt in found.correlation.doubts]
    if prices.ignored:
        lines.append(f"columns not read: {', '.join(prices.ignored)}")
    open_gates = [str(doubt) for doubt in doubts(_parse(text.encode(), out), prices) if doubt.accepted is None]
    lines += [f"NOT ACCEPTED by `model check` and `epoch build`: {line}" for line in open_gates]
    return Outcome({**data, "doubts": open_gates}, [*lines, f"wrote {out}"])


@model.command("check")
@click.argument("file", metavar="MODEL", type=FILE)
@click.argument("history", type=FILE)
@click.option("--since", help="First day or time of the history to use.")
@reporting
def check(file: Path, history: Path, since: str | None) -> Outcome:
    """Fit MODEL's families on HISTORY again: published parameters must be within 0.01 of the best log-likelihood.

    Jumps that are fitted are held together with the volatilities; jumps that are somebody's choice are on top of them.
    Gates that concern model and history alone (G4, G6, G7, G10, G13) are looked at too. Exit code 1 where one fails.
    """
    from risk.fitting.model import judge

    chosen = _parse(read_source(file), file)
    found = judge(chosen, _history(chosen, history, since), progress)
    failures = found.failures
    rows = [(name, f"{missing:.5f}") for name, missing in found.shortfalls.items()]
    accepted = [str(doubt) for doubt in found.doubts if doubt.accepted is not None]
    return Outcome({"path": str(file), **found.to_json()},
                   [*table(rows, ("behind in log-likelihood", "by")), *(f"FAILS: {line}" for line in failures),
                    *accepted, f"{file}: {'does NOT stand' if failures else 'stands'}"], holds=not failures)


@model.command("show")
@click.argument("file", metavar="MODEL", type=FILE)
@reporting
def show(file: Path) -> Outcome:
    """What a model file says, defaults included."""
    chosen = _parse(read_source(file), file)
    facts: dict[str, Any] = {
        "name": chosen.name, "purpose": str(chosen.purpose), "estimator": str(chosen.estimator),
        "horizon": chosen.horizon, "step_seconds": chosen.step_seconds, "calendar": chosen.calendar.to_toml(),
        "steps_per_year": chosen.steps_per_year, "reads_history": chosen.needs_history,
        "statement": chosen.statement, "shape": chosen.shape.to_json(), "basis": str(chosen.basis),
        "clip": chosen.scenarios.clip, "population": chosen.scenarios.population,
        "volatility_response": chosen.volatility_response, "dynamics": str(chosen.dynamics.sticky),
        "fitted": None if chosen.fitted is None else f"{chosen.fitted.since} to {chosen.fitted.until}",
        "volatility": {asset: {**volatility.to_json(), "persistence": volatility.persistence}
                       for asset, volatility in zip(chosen.assets, chosen.volatilities, strict=True)},
        "correlation": chosen.correlation.to_json(),
        "copula": None if chosen.copula is None else chosen.copula.to_json(),
        "accepted_gates": dict(chosen.gates.accepted), "events": dict(chosen.events),
        **({} if chosen.jumps is None else {"jumps": chosen.jumps.to_json(chosen.assets)})}
    rows = [(name, value) for name, value in facts.items() if name not in ("volatility", "shape", "calendar")]
    lines = [*(["PURPOSE: TRIAL. Its seed is somebody's choice; its margins are for trials only."]
               if chosen.purpose == "trial" else []), *table(rows)]
    for asset, volatility in facts["volatility"].items():
        lines.append(f"{asset}: " + ", ".join(f"{name} {value}" for name, value in volatility.items()))
    return Outcome({"path": str(file), **facts}, lines)


@model.command("upgrade")
@click.argument("file", metavar="MODEL", type=FILE)
@click.option("--out", type=OUTPUT, required=True, help="Where to write the converted model file.")
@click.option("--history", type=FILE, help="Price history, for a file that says \"fit\".")
@reporting
def upgrade(file: Path, out: Path, history: Path | None) -> Outcome:
    """Convert a file of schema tailproof.model/1; what it says to fit is fitted on --history."""
    from risk.models.model_text import render, upgraded

    document, remarks, fits = upgraded(read_source(file), source=file)
    if fits != (history is not None):
        raise BadInput("--history", None if history is None else str(history),
                       "given: the file says \"fit\"" if fits else "absent: the file gives every parameter")
    if history is not None:
        from risk.fitting.model import Choices, fit_model

        monte_carlo = document["estimator"] == "monte-carlo"
        base = _parsed(document)
        fitted = fit_model(base, _history(base, history, None),
                           Choices(correlation="static" if monte_carlo else "ewma"), progress).tables
        document = {**fitted, **document} if "volatility" in document else {**document, **fitted}
    text = render(document, remarks)
    _parse(text.encode(), file)
    _write(out, text)
    return Outcome({"out": str(out), "remarks": list(remarks)}, [*remarks, f"wrote {out}"])


# -- parts -------------------------------------------------------------------------------------------------------
def _settings(settings: Path | None, history: Path, assets: str | None, estimator: str | None) -> dict[str, Any]:
    """The model file but for what is fitted."""
    from risk.market.history import parse_history
    from risk.models.model import parse_toml

    document: dict[str, Any] = {}
    if settings is not None:
        document = parse_toml(read_source(settings), source=settings)
    for fitted in ("volatility", "correlation", "copula", "fitted"):
        document.pop(fitted, None)
    if assets is not None:
        document["assets"] = assets.split(",")
    if "assets" not in document:
        document["assets"] = list(parse_history(read_source(history), max_gap_steps=10_000, source=history).assets)
    if estimator is not None:
        document["estimator"] = estimator
    usual = {"schema": "tailproof.model/2", "name": _NAME.sub("-", history.stem)[:48].lstrip("._/-") or "model",
             "estimator": "filtered-historical", "horizon": 1,
             "epoch": {"scenarios": 256, "tail": "32/5", "depth": 3, "lanes": 5, "width": 50}}
    return {**usual, **document}


def _refitted(document: dict[str, Any]) -> str | None:
    """Family of jumps that a document has fitted: with new volatilities they have to be fitted, too."""
    from risk.models.jumps import FAMILIES

    table = document.get("jumps")
    if not isinstance(table, dict) or table.get("fitted") is not True:
        return None
    return str(jsonio.Node(table.get("family"), field="jumps.family").choice(FAMILIES))


def _parsed(document: dict[str, Any]) -> Model:
    """A document without fitted tables, as a model that reads a history."""
    from risk.models.model_text import render

    return _parse(render(document).encode(), None)


def _parse(data: bytes, source: Path | None) -> Model:
    from circuits import statements
    from risk.exact.shape import EpochShape
    from risk.models.model import named_statement, parse_model

    name = named_statement(data, source=source)
    shape = None if name is None else statements.get(name).shape
    if shape is not None and not isinstance(shape, EpochShape):
        shape = shape.layout
    return parse_model(data, shape=shape, source=source)


def _history(chosen: Model, path: Path, since: str | None) -> History:
    from risk.exact.clock import parse_time
    from risk.market.history import parse_history

    found = parse_history(read_source(path), assets=chosen.assets, calendar=chosen.calendar,
                          step_seconds=chosen.step_seconds, max_gap_steps=chosen.max_gap_steps, source=path)
    if since is None:
        return found
    return found.since(parse_time(since if "T" in since else f"{since}T00:00:00Z", field="--since"))


def _repair(file: Path, out: Path) -> Outcome:
    from risk.fitting.correlation import nearest
    from risk.models.correlation import read_matrix
    from risk.models.model import parse_toml
    from risk.models.model_text import render

    document = parse_toml(read_source(file), source=file)
    joint = document.get("correlation")
    if not isinstance(joint, dict) or not {"matrix", "current"} & set(joint):
        raise BadInput("correlation.matrix", None, "given: there is nothing to repair", source=file)
    distances = {}
    for name in {"matrix", "current"} & set(joint):
        node = jsonio.Node(joint[name], field=f"correlation.{name}", source=file)
        given = read_matrix(node, len(document.get("assets", [])))
        if any(len(row) != len(given) for row in given):
            raise node.refuse("square")
        repaired = nearest(given)
        joint[name], distances[name] = [list(row) for row in repaired.matrix], repaired.distance
    text = render(document, tuple(f"correlation.{name} repaired, at a Frobenius distance of {distance:.3g}"
                                  for name, distance in sorted(distances.items())))
    _parse(text.encode(), file)
    _write(out, text)
    return Outcome({"out": str(out), "distances": distances},
                   [f"correlation.{name}: Frobenius distance {distance:.3g}" for name, distance in distances.items()]
                   + [f"wrote {out}"])


def _write(out: Path, text: str) -> None:
    with jsonio.replacing(out) as file:
        file.write(text.encode())


def _jumps(found: JumpFit | None) -> list[str]:
    if found is None:
        return []
    law = found.jumps
    sizes = ", ".join(f"{name} {value}" for name, value in law.sizes.items())
    return [f"jumps: {law.family}, {law.intensity:g} a year, {sizes}, {law.systemic:.0%} systemic; {found.found:.3g} "
            f"of an asset expected in the history; log-likelihood {found.log_likelihood:.4f}, {found.gain:.4f} more "
            "than without", *(f"jumps: {doubt}" for doubt in found.doubts)]


def _fits(fits: tuple[Fit, ...]) -> list[str]:
    lines = []
    for one in fits:
        parameters = ", ".join(f"{name} {value}" + (f" ± {one.errors[name]}" if name in one.errors else "")
                               for name, value in one.volatility.to_json().items() if name != "family")
        lines += [f"{one.asset}: {parameters}; log-likelihood {one.log_likelihood:.4f}",
                  *(f"{one.asset}: {remark}" for remark in (*one.bounds, *one.doubts))]
    return lines
