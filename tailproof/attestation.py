"""What a trader does: commit to a portfolio, and prove its margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from circuits import statements
from circuits.statements import Statement, grid, margin
from primitives.errors import BadInput
from risk.margins.portfolio import Portfolio
from verifier_contracts.context import MARGIN, Context

from .bundle import Bundle
from .epochs import AnyEpoch
from .keys import KeyDirectory
from .progress import Progress, quiet
from .proving import proven, require_bound
from .secret import Opening, draw_salt
from .shapes import require_shape
from .statements import r1cs_digest


def commit(statement: Statement, epoch: AnyEpoch, portfolio: Portfolio, *, salt: int | None = None) -> Opening:
    """Commit to a portfolio for a statement, under a fresh salt.

    The commitment names instruments by id, so that it stays good in every later epoch that holds them.

    Raises
    ------
    BadInput : the epoch is of another shape than the statement's; the portfolio has more positions than the statement
        has slots, an instrument the epoch does not hold, or exposures that no proof could show.
    """
    require_margin(statement)
    require_shape(epoch.shape, statement.shape, statement.name)
    rows = portfolio.rows(epoch)
    if len(rows) > statement.slots:
        raise BadInput("number of positions", len(rows), f"at most {statement.slots}, the slots of {statement.name}",
                       source=portfolio.source)
    drawn = draw_salt() if salt is None else salt
    try:
        inputs = _assign(statement, epoch, rows, drawn, context=0)
    except BadInput as error:
        raise BadInput(error.field, error.value, error.bound, source=portfolio.source) from None
    return Opening(statement.name, inputs["portfolio_commitment"], drawn,
                   [(int(epoch.ids[row]), lots) for row, lots in rows])


def require_opens(opening: Opening) -> None:
    """Make sure that an opening opens its commitment; raises BadInput if it does not, or is of no margin statement."""
    statement = statements.get(opening.statement)
    require_margin(statement)
    if margin.commit(opening.salt, margin.fill(statement.preset, opening.slots)) != opening.commitment:
        raise BadInput("opening.commitment", opening.commitment, "what its salt and slots commit to")


def prove_margin(keys: KeyDirectory, epoch: AnyEpoch, opening: Opening, context: Context, *,
                 progress: Progress = quiet) -> Bundle:
    """Prove the margin of a committed portfolio in an epoch.

    Raises
    ------
    BadInput : the key, the opening or the epoch belongs to another statement; the opening opens nothing; the portfolio
        is out of the statement's bounds. All before any cryptography runs.
    Unsatisfied : no satisfying witness exists; names the constraint.
    """
    statement, inputs = margin_inputs(keys, epoch, opening, context)
    public, proof = proven(keys, statement, inputs, progress=progress)
    return Bundle(statement.name, r1cs_digest(statement.name), keys.insecure_setup, public, context, proof)


def margin_inputs(keys: KeyDirectory, epoch: AnyEpoch, opening: Opening, context: Context
                  ) -> tuple[Statement, Mapping[str, Any]]:
    """The key's statement and inputs that prove a committed portfolio's margin; raises BadInput as `prove_margin`."""
    statement = statements.get(keys.statement)
    require_margin(statement)
    keys.require(statement)
    if opening.statement != statement.name:
        raise BadInput("opening.statement", opening.statement, f"{statement.name!r}, which this key proves")
    require_shape(epoch.shape, statement.shape, statement.name)
    require_bound(keys, context, MARGIN)
    require_opens(opening)
    positions = [(epoch.index_of(number), lots) for number, lots in opening.slots]
    return statement, _assign(statement, epoch, positions, opening.salt, context.field_element())


def require_margin(statement: Statement) -> None:
    """Refuse a statement whose proofs no margin manager takes; raises BadInput."""
    if not isinstance(statement.preset, margin.Preset | grid.Preset):
        raise BadInput("statement", statement.name, "a margin statement: margin-full-… or margin-grid-…")


def _assign(statement: Statement, epoch: Any, positions: Sequence[tuple[int, int]], salt: int, context: int
            ) -> Mapping[str, Any]:
    """Witness inputs; `require_shape` has made sure that the epoch fits."""
    chosen: Any = margin.assign if isinstance(statement.preset, margin.Preset) else grid.assign
    inputs: Mapping[str, Any] = chosen(statement.preset, epoch, positions, salt, context)
    return inputs
