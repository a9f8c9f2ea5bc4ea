"""Proofs of what an account is worth and does: that collateral covers it, that it holds nothing, that fills moved it.

Who has the opening can make each; none of them is consent. Positions leave this machine in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from circuits import statements
from circuits.statements import Statement, cover, flat, grid, margin, transition
from circuits.statements.cover import Claim
from primitives.errors import BadInput
from risk.grid.grid_epoch import GridEpoch
from risk.margins.grid_margin import grid_margin
from risk.margins.margin import margin as full_margin
from verifier_contracts.bindings import proof_words
from verifier_contracts.context import Context

from .attestation import require_opens
from .epochs import AnyEpoch
from .keys import KeyDirectory
from .progress import Progress, quiet
from .proving import proven, require_bound
from .secret import Opening, draw_salt
from .shapes import require_shape

BASIS_POINTS = 10_000


def required_margin(epoch: AnyEpoch, opening: Opening) -> int:
    """M, 10**-6 quote units: the exact margin of an opening in an epoch, as `cover` has it.

    Raises
    ------
    BadInput : the epoch is of another shape than the opening's statement, or lists an instrument no more.
    """
    statement = statements.get(opening.statement)
    require_shape(epoch.shape, statement.shape, statement.name)
    rows = _rows(epoch, opening)
    if isinstance(epoch, GridEpoch):
        return grid_margin(epoch, rows).required
    return full_margin(epoch, rows).required


def least_value(required: int, buffer: int) -> int:
    """The least V that covers: ceil(M (10**4 + beta) / 10**4), for a buffer beta in basis points."""
    return -(-required * (BASIS_POINTS + buffer) // BASIS_POINTS)


def prove_cover(keys: KeyDirectory, epoch: AnyEpoch, opening: Opening, claim: Claim, context: Context, *,
                progress: Progress = quiet) -> list[int]:
    """Prove one side of a claim about an opening's hidden margin; as `proof_words`. Raises as `cover_inputs`."""
    statement, inputs = cover_inputs(keys, epoch, opening, claim, context)
    return proof_words(proven(keys, statement, inputs, progress=progress)[1])


def cover_inputs(keys: KeyDirectory, epoch: AnyEpoch, opening: Opening, claim: Claim, context: Context
                 ) -> tuple[Statement, Mapping[str, Any]]:
    """The key's statement and inputs that prove one side of a claim about an opening's hidden margin.

    Raises
    ------
    BadInput : key, opening, epoch or context belong to something else; the opening opens nothing; the claim is not
        true; the portfolio is out of the statement's bounds.
    """
    statement = statements.get(keys.statement)
    if not isinstance(statement.preset, cover.Preset):
        raise BadInput("--key", statement.name, "the key of a cover statement", source=keys.path)
    require_bound(keys, context, "cover")
    _require_reads(statement, statement.preset.margin, opening)
    require_shape(epoch.shape, statement.shape, statement.name)
    return statement, cover.assign(statement.preset, epoch, _rows(epoch, opening), opening.salt, claim,
                                   context.field_element())


def prove_flat(keys: KeyDirectory, opening: Opening, context: Context, *, progress: Progress = quiet) -> list[int]:
    """Prove that an opening holds nothing, cash included; as `proof_words`. Raises as `flat_inputs`."""
    statement, inputs = flat_inputs(keys, opening, context)
    return proof_words(proven(keys, statement, inputs, progress=progress)[1])


def flat_inputs(keys: KeyDirectory, opening: Opening, context: Context) -> tuple[Statement, Mapping[str, Any]]:
    """The key's statement and inputs that prove that an opening holds nothing; raises as `cover_inputs`."""
    statement = statements.get(keys.statement)
    if not isinstance(statement.preset, flat.Preset):
        raise BadInput("--key", statement.name, "the key of a flat statement", source=keys.path)
    require_bound(keys, context, "flat")
    _require_slots(statement, statement.preset.slots, opening)
    return statement, flat.assign(statement.preset, opening.slots, opening.salt, context.field_element())


def moved(keys: KeyDirectory, opening: Opening, fills: Sequence[tuple[int, int]], *, salt: int | None = None
          ) -> Opening:
    """What an opening becomes by fills, not proven yet.

    Parameters
    ----------
    fills : (instrument id, signed lots), as the venue signed them.  salt : the new one, by default drawn.

    Raises
    ------
    BadInput : as `prove_cover`; too many fills, or more instruments after them than slots.
    """
    preset = _transition(keys, opening).preset
    before = transition.fill("slots", preset.slots, opening.slots)
    after = transition.apply(before, transition.fill("fills", preset.fills, fills)).slots
    drawn = draw_salt() if salt is None else salt
    return Opening(opening.statement, margin.commit(drawn, after), drawn, after)


def prove_transition(keys: KeyDirectory, opening: Opening, fills: Sequence[tuple[int, int]], nonce: int,
                     after: Opening, context: Context, *, progress: Progress = quiet) -> list[int]:
    """Prove that fills lead from one opening to the other; as `proof_words`.

    nonce : the venue's, of the digest that it signed; after : of `moved`. Raises as `moved`.
    """
    statement = _transition(keys, opening)
    require_bound(keys, context, "transition")
    inputs = transition.assign(statement.preset, opening.slots, opening.salt, fills, nonce, after.salt,
                               context.field_element())
    if inputs["new_commitment"] != after.commitment:
        raise BadInput("the new opening", "(hidden)", "what these fills lead to")
    return proof_words(proven(keys, statement, inputs, progress=progress)[1])


def fill_digest(keys_statement: str, fills: Sequence[tuple[int, int]], nonce: int) -> int:
    """What the venue signs of fills: their hash over all places of a transition statement.

    Raises
    ------
    BadInput : the statement is none of transitions, or has fewer places; lots out of bounds.
    """
    statement = statements.get(keys_statement)
    if not isinstance(statement.preset, transition.Preset):
        raise BadInput("statement", statement.name, "a transition statement")
    return transition.digest(nonce, transition.fill("fills", statement.preset.fills, fills))


def _transition(keys: KeyDirectory, opening: Opening) -> Statement:
    statement = statements.get(keys.statement)
    if not isinstance(statement.preset, transition.Preset):
        raise BadInput("--key", statement.name, "the key of a transition statement", source=keys.path)
    _require_slots(statement, statement.preset.slots, opening)
    return statement


def _require_reads(statement: Statement, preset: margin.Preset | grid.Preset, opening: Opening) -> None:
    """Refuse an opening of another margin than the one that a statement bounds."""
    if statements.get(opening.statement).preset != preset:
        raise BadInput("opening.statement", opening.statement, f"one of the margin that {statement.name} bounds")
    require_opens(opening)


def _require_slots(statement: Statement, slots: int, opening: Opening) -> None:
    found = statements.get(opening.statement)
    if getattr(found.preset, "slots", None) != slots:
        raise BadInput("opening.statement", opening.statement, f"a margin statement of {slots} positions, as "
                       f"{statement.name} reads")
    require_opens(opening)


def _rows(epoch: AnyEpoch, opening: Opening) -> list[tuple[int, int]]:
    return [(epoch.index_of(number), lots) for number, lots in opening.slots]
