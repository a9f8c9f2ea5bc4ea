"""What a change of parameters does to all accounts: margins before and after on one market, who falls below, and, if
asked, what a crash then leaves to others.

The market is that of an epoch which was made under the parameters before. After, the same book and history go through
the new model, drawn from the same seed: else a part of every difference would be another draw. What is recorded names
nobody: an account is the digest of its portfolio file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primitives import jsonio
from primitives.errors import BadInput, Said
from primitives.texts import text_of
from risk.epochs.build import assemble, prepare, require_enough, state_before
from risk.epochs.drawing import draw
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources, read_source
from risk.exact.digests import content_digest, keccak256
from risk.exact.money import LARGEST_PRICE, parse_money
from risk.margins.contributions import breakdown
from risk.margins.portfolio import Portfolio
from risk.market.book import with_contingencies
from risk.valuation.revaluation import revalue

from .parameters import checked_model
from .progress import Progress, quiet
from .proposals import Proposal

if TYPE_CHECKING:
    from .epochs import AnyEpoch

BASIS = 10_000
QUANTILES = (0, 10, 25, 50, 75, 90, 100)
MOST_ACCOUNTS = 100_000


@dataclass(frozen=True)
class Account:
    """One account. name : of its file, for who has it.  digest : of its file.  held : money units it has for margin;
    None where nobody said.  before, after : margins."""

    name: str
    digest: str
    held: int | None
    before: int
    after: int


@dataclass(frozen=True)
class Simulation:
    """record : what a proposal holds.  accounts : by name, for whom they are."""

    record: Mapping[str, Any]
    accounts: tuple[Account, ...]


def simulate(proposal: Proposal, numbers: AnyEpoch, portfolios: Path, *, collateral: Path | None = None,
             cascade: str | None = None, seeds: int = 10, progress: Progress = quiet) -> Simulation:
    """Margins of every portfolio of a folder under both.

    Parameters
    ----------
    numbers : an epoch in full revaluation, made under the parameters before.
    portfolios : folder of portfolio files, all *.json in it.
    collateral : CSV of account (the stem of a portfolio's file) and collateral, in quote units. Without it, each is
        taken to hold the initial margin before, or where no system is governed the margin before.
    cascade : preset to simulate a crash of, under the tiers before and after; for parameters with a system.

    Raises
    ------
    BadInput : an epoch made under other parameters, or of bare numbers, or a grid; no portfolios; accounts without
        collateral, or collateral without account; from any file; parameters that make no epoch (the gate is named).
    """
    if not isinstance(numbers, Epoch) or numbers.provenance is None:
        raise BadInput("--epoch", Said("a grid") if not isinstance(numbers, Epoch) else Said("bare numbers"),
                       "an epoch in full revaluation, with its sources")
    _require_before(proposal, numbers)
    held = None if collateral is None else read_collateral(collateral)
    files = portfolio_files(portfolios)
    progress("epoch under the new parameters", 0, 1)
    after = after_epoch(proposal, numbers)
    accounts = list[Account]()
    for place, (name, path, digest) in enumerate(files):
        progress("margins before and after", place, len(files))
        book = Portfolio.read(path)
        margins = [breakdown(epoch, book.rows(epoch)).required for epoch in (numbers, after)]
        if held is not None and name not in held:
            raise BadInput(f"collateral of {name}", None, "given", source=collateral)
        accounts.append(Account(name, digest, None if held is None else held[name], *margins))
    if held is not None and (left := sorted(held.keys() - {one.name for one in accounts})):
        raise BadInput("account", left[0], f"a portfolio of {portfolios}", source=collateral)
    record = _record(proposal, numbers, accounts,
                     None if collateral is None else content_digest(read_source(collateral)))
    if cascade is not None:
        record["cascade"] = _cascade(proposal, cascade, seeds, progress)
    return Simulation(record, tuple(accounts))


def _require_before(proposal: Proposal, numbers: Epoch) -> None:
    """Refuse an epoch that other parameters made than those that are said to be in force."""
    assert numbers.provenance is not None
    before = proposal.before
    if before.model_digest is not None and numbers.header.model_digest != before.model_digest:
        raise BadInput("--epoch", numbers.header.model_digest, f"one of the model before, {before.model_digest}")
    own = jsonio.loads(numbers.provenance.sources.book)["contingencies"]
    if before.contingencies is not None and own != before.contingencies:
        raise BadInput("--epoch", Said("its contingencies"), "those of the parameters before")


def after_epoch(proposal: Proposal, numbers: Epoch) -> Epoch:
    """The epoch's market under the parameters after, of the epoch's own seed. It is for looking at: nobody signs it.

    Raises
    ------
    BadInput : parameters that make no epoch.
    """
    assert numbers.provenance is not None
    made, after = numbers.provenance, proposal.after
    book = made.sources.book
    if after.contingencies is not None:
        book = with_contingencies(book, after.contingencies)
    model = made.sources.model if after.model is None else after.model
    if (model, book) == (made.sources.model, made.sources.book):
        return numbers
    shape = numbers.shape if after.model is None else checked_model(model).shape
    sources = Sources(model, book, made.sources.history, {"model": "model after", "book": "book after"})
    inputs = replace(prepare(sources, shape, previous_root=numbers.header.previous,
                             previous_state=state_before(made.calibration)), seed=numbers.header.seed)
    require_enough(inputs.model, inputs.model.shape.tail, inputs.model.shape.scenarios, source="model after")
    drawn = draw(inputs.model, inputs.calibration, inputs.history, seed=inputs.seed)
    found = revalue(inputs.book, inputs.model, inputs.calibration, drawn.scenarios)
    return assemble(inputs, drawn, found.changes, found.near_ties)


# -- accounts ----------------------------------------------------------------------------------------------------------
def portfolio_files(folder: Path) -> list[tuple[str, Path, str]]:
    """Name, path and digest of every portfolio of a folder, by name.

    Raises
    ------
    BadInput : it is no folder, has none, or too many.
    """
    if not folder.is_dir():
        raise BadInput("--portfolios", str(folder), "a folder of portfolio files")
    paths = sorted(folder.glob("*.json"), key=lambda path: path.stem)
    if not 1 <= len(paths) <= MOST_ACCOUNTS:
        raise BadInput("--portfolios", Said(f"{len(paths)} files *.json"), f"1 to {MOST_ACCOUNTS}", source=folder)
    return [(path.stem, path, content_digest(read_source(path))) for path in paths]


def read_collateral(path: Path) -> dict[str, int]:
    """Money units by account, from CSV with the columns account and collateral.

    Raises
    ------
    BadInput : naming the line.
    """
    text = text_of(read_source(path), source=path)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadInput("file", Said(f"no CSV ({error})"), "rows of account,collateral", source=path) from None
    if not rows or [name.strip() for name in rows[0]] != ["account", "collateral"]:
        raise BadInput("line 1", ",".join(rows[0]) if rows else None, "account,collateral", source=path)
    found: dict[str, int] = {}
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != 2 or row[0] in found:
            raise BadInput(f"line {number}", ",".join(row), "an account that no earlier line has, and its collateral",
                           source=path)
        found[row[0]] = parse_money(row[1].strip(), field=f"line {number}, collateral", low=0, high=LARGEST_PRICE,
                                    source=path)
    return found


# -- what is recorded ------------------------------------------------------------------------------------------------
def _record(proposal: Proposal, numbers: Epoch, accounts: Sequence[Account], collateral: str | None) -> dict[str, Any]:
    """Integers and texts alone: it is signed."""
    ladders = [None if side.system is None else side.system.ledger.buffers for side in (proposal.before,
                                                                                        proposal.after)]
    maintenance, initial = ([0 if ladder is None else ladder[step] for ladder in ladders] for step in (0, 1))
    if collateral is not None:
        said, held = collateral, [one.held or 0 for one in accounts]
    else:
        said = "maintenance" if ladders[0] is None else "initial"
        held = [_required(one.before, initial[0]) for one in accounts]
    below = {f"{name}_{side}": sum(1 for one, has in zip(accounts, held, strict=True)
                                   if has < _required(getattr(one, side), steps[place]))
             for name, steps in (("maintenance", maintenance), ("initial", initial))
             for place, side in enumerate(("before", "after"))}
    fallen = sorted(one.digest for one, has in zip(accounts, held, strict=True)
                    if _required(one.after, maintenance[1]) > has >= _required(one.before, maintenance[0]))
    rises = [one.after - one.before for one in accounts]
    moved = sorted(_basis(one) for one in accounts if one.before > 0)
    return {"epoch": str(numbers.root), "portfolios": digest_of(accounts), "held": said,
            "counts": {"accounts": len(accounts), "rise": sum(1 for rise in rises if rise > 0),
                       "fall": sum(1 for rise in rises if rise < 0), "same": sum(1 for rise in rises if rise == 0)},
            "sum_before": str(sum(one.before for one in accounts)),
            "sum_after": str(sum(one.after for one in accounts)),
            "change": {str(q): moved[-(-q * (len(moved) - 1) // 100)] for q in QUANTILES} if moved else None,
            "largest_rise": _extreme(accounts, max(rises), 1), "largest_fall": _extreme(accounts, min(rises), -1),
            "below": below, "fallen": fallen}


def digest_of(accounts: Sequence[Account]) -> str:
    """Of the set of portfolio files, whatever their names are."""
    return "0x" + keccak256(jsonio.canonical(sorted(one.digest for one in accounts))).hex()


def _required(margin: int, buffer: int) -> int:
    """A margin and a buffer in basis points of it, rounded up."""
    return -(-margin * (BASIS + buffer) // BASIS)


def _basis(one: Account) -> int:
    return round(Fraction(BASIS * (one.after - one.before), one.before))


def _extreme(accounts: Sequence[Account], rise: int, sign: int) -> dict[str, str] | None:
    if sign * rise <= 0:
        return None
    one = min((one for one in accounts if one.after - one.before == rise), key=lambda one: one.digest)
    return {"account": one.digest, "before": str(one.before), "after": str(one.after)}


def _cascade(proposal: Proposal, name: str, seeds: int, progress: Progress) -> dict[str, Any]:
    """Median bad debt with the tiers as each side has them: the same worlds, quote units of 10**-6."""
    from risk.cascades.experiments import median, tiers
    from risk.cascades.presets import preset

    from .cascading import with_system
    found = list[str]()
    for side in (proposal.before, proposal.after):
        if side.system is None:
            raise BadInput("--cascade", name, "absent: the parameters have no system, so no tiers")
        progress(f"cascade {name}", len(found), 2)
        with_tiers = tiers(with_system(preset(name), side.system), range(seeds))[-1]
        found.append(str(median(with_tiers.of("bad_debt"))))
    return {"preset": name, "seeds": seeds, "before": found[0], "after": found[1]}
