"""The `transition` statement: a new portfolio commitment follows from the old one by fills that the venue signed.

Public: context, old_commitment, new_commitment, fill_digest. It proves that from one commitment to the other the net
position in every instrument moved by exactly what the fills behind the digest say, and that every new quantity is small
enough to be margined. The numbers T1 to T5 are those of docs/statements.md; C1, C6 and C20 are shared with `margin`.

Why the net position of an instrument i moves by its fills, neither more nor less: slot j names the instrument t_j that
it trades, and takes the part p_fj of fill f.

    sum of q'_j where slots are named i afterwards
        = sum of q'_j where t_j = i                                     T5: unless q'_j = 0, t_j is the new name
        = sum of q_j where t_j = i  +  sum of p_fj where t_j = i        T4
    sum of q_j where t_j = i
        = sum of q_j where slots were named i before                    T5: unless q_j = 0, t_j is the old name
    sum of p_fj where t_j = i
        = sum of d_f over fills of i                                    T2: unless p_fj = 0, t_j is its fill's; T3

This holds modulo r, and so over the integers: C6 bounds the new quantities; the old ones were bounded by the transition
or the venue that registered them, and the venue signs no fill of 2**40 lots or more (A1). Which slot takes which fill,
and how fills are spread over slots that share an instrument, is the prover's affair: profit and loss are linear, and
splitting a position never lowers its add-on (E3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.portfolio import Slots, commit, open_commitment
from circuits.gadgets.poseidon import hash_rows
from circuits.gadgets.ranges import absolute
from circuits.intervals import signed
from circuits.signals import Linear, concatenate
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers
from risk.epochs.epoch import ID_BITS
from risk.margins.margin import QUANTITY_BITS

PUBLIC_INPUTS: Mapping[str, str] = {
    "context": "what the proof is for: chain, contract, key, account and the version to come, hashed",
    "old_commitment": "the registered portfolio: slots and a secret salt, hashed",
    "new_commitment": "the portfolio after the fills, under a new salt",
    "fill_digest": "what the venue signed: fills (instrument, signed lots) and a secret nonce, hashed",
}
LARGEST_LOTS = (1 << QUANTITY_BITS) - 1
EMPTY = (0, 0)
"""An empty slot, and a fill that is none: the null instrument, 0 lots."""

Pairs = Sequence[tuple[int, int]]
"""(instrument id, signed lots) each: slots of a portfolio, or fills."""


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    slots : J, of both portfolios, as in the `margin` statement that reads the commitments.
    fills : F, at most, in one proof; more take several proofs in a row.

    Raises
    ------
    BadInput : a size is out of bounds.
    """

    slots: int
    fills: int

    def __post_init__(self) -> None:
        require_integer("slots", self.slots, 1, 64)
        require_integer("fills", self.fills, 1, 64)


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    context, old_commitment, new_commitment, fill_digest = map(cs.public, PUBLIC_INPUTS)
    with cs.scope("old"):
        old = open_commitment(cs, preset.slots, old_commitment)         # C1
    with cs.scope("new"):
        new = open_commitment(cs, preset.slots, new_commitment)         # C1
    fills = read_fills(cs, preset.fills, fill_digest)                   # T1: the fills are the signed ones
    with cs.scope("slots"):
        apply_fills(cs, old, new, fills)                                # T2 to T5
        buy = cs.boolean("C6 buy", (preset.slots,))                     # C6: so that a margin can be proven next
        absolute(cs, buy, new.lots, QUANTITY_BITS, "C6 |lots|")
    with cs.scope("result"):
        cs.multiply(context, context, "C20")                            # C20: the context is in a row


class Fills(NamedTuple):
    """ids : (F,), residues.  lots : (F,), signed."""

    ids: Linear
    lots: Linear


def read_fills(cs: ConstraintSystem, count: int, fill_digest: Linear) -> Fills:
    """T1: H(FILL; nonce, id_0, d_0, id_1, d_1, ...) is the digest."""
    with cs.scope("fills"):
        nonce, ids = cs.private("nonce"), cs.private("id", (count,))
        lots = cs.private("lots", (count,), assumed=signed(QUANTITY_BITS), reason="A1")
        pairs = concatenate([ids.reshape(count, 1), lots.reshape(count, 1)]).reshape(2 * count)
        cs.equal(hash_rows(cs, Tag.FILL, concatenate([nonce.reshape(1), pairs]), "T1 hash"), fill_digest, "T1")
    return Fills(ids, lots)


def apply_fills(cs: ConstraintSystem, old: Slots, new: Slots, fills: Fills) -> None:
    """T2 to T5: F J + F + 3 J rows; see the module for what they prove together.

    Inputs: "traded" (J,), the instrument that each slot trades; "part" (F, J), how many lots of each fill go to each
    slot. Neither is unique where slots share an instrument or stay empty, and nothing needs it to be.
    """
    J, F = len(old.ids), len(fills.ids)
    traded, part = cs.private("traded", (J,)), cs.private("part", (F, J))
    cs.equal(part * (traded - fills.ids.reshape(F, 1)), 0, "T2 a fill goes where its instrument is")        # T2
    cs.equal(part.sum(1), fills.lots, "T3 all of a fill goes somewhere")                                    # T3
    cs.equal(old.lots + part.sum(0), new.lots, "T4 new lots")                                               # T4
    cs.equal(old.lots * (traded - old.ids), 0, "T5 held before")                                            # T5
    cs.equal(new.lots * (traded - new.ids), 0, "T5 held after")


# -- the witness ---------------------------------------------------------------------------------------------------
class Applied(NamedTuple):
    """How fills change a portfolio.

    slots : the new portfolio, J pairs.  traded : (J,) ids.  part : (F, J) lots, Python integers.
    """

    slots: list[tuple[int, int]]
    traded: NDArray[np.object_]
    part: NDArray[np.object_]


def assign(preset: Preset, slots: Pairs, salt: int, fills: Pairs, nonce: int, new_salt: int, context: int) -> Inputs:
    """The inputs of `define`, honest and complete.

    Parameters
    ----------
    slots : the old portfolio, in the order it was committed in; unused slots at the end may be left out.
    fills : in the order the venue signed them; unused ones at the end may be left out.
    salt, new_salt : of the two commitments, secret, in [0, r). A salt used twice shows when portfolios are equal.
    nonce : the venue's, random in [0, r): fills are small numbers, and only it keeps them from being guessed.
    context : in [0, r).

    Raises
    ------
    BadInput : too many slots or fills, a value out of bounds, no slot left for an instrument, a new quantity out of
        bounds.
    """
    for name, value in (("salt", salt), ("nonce", nonce), ("new_salt", new_salt), ("context", context)):
        require_integer(name, value, 0, MODULUS - 1)
    before, signed_fills = fill("slots", preset.slots, slots), fill("fills", preset.fills, fills)
    applied = apply(before, signed_fills)
    for slot, (_, lots) in enumerate(applied.slots):
        require_integer(f"slots[{slot}] lots after the fills", lots, -LARGEST_LOTS, LARGEST_LOTS)
    return unchecked_inputs(before, salt, signed_fills, nonce, applied, new_salt, context)


def unchecked_inputs(slots: Pairs, salt: int, fills: Pairs, nonce: int, applied: Applied, new_salt: int, context: int
                     ) -> Inputs:
    """What `assign` computes, from all J slots and F fills and whatever is said to follow from them."""
    def columns(scope: str, pairs: Pairs) -> Inputs:
        return {f"{scope}/id": np.array([id for id, _ in pairs], object),
                f"{scope}/lots": np.array([lots for _, lots in pairs], object)}

    return {"context": context, "old_commitment": commit(salt, slots),
            "new_commitment": commit(new_salt, applied.slots), "fill_digest": digest(nonce, fills),
            "old/commitment/salt": salt, **columns("old/commitment", slots),
            "new/commitment/salt": new_salt, **columns("new/commitment", applied.slots),
            "fills/nonce": nonce, **columns("fills", fills),
            "slots/traded": applied.traded, "slots/part": applied.part,
            "slots/C6 buy": np.array([lots >= 0 for _, lots in applied.slots])}


def apply(slots: Pairs, fills: Pairs) -> Applied:
    """The portfolio after fills: each goes to the slot that holds its instrument, else to the first empty one.

    A slot that is closed becomes empty. It can take another instrument in the next transition, not in this one.

    Raises
    ------
    BadInput : no slot is left for an instrument.
    """
    traded = [id if lots else 0 for id, lots in slots]
    part = np.zeros((len(fills), len(slots)), object)
    for number, (id, lots) in enumerate(fills):
        if lots and id not in traded:
            free = next((slot for slot, name in enumerate(traded) if not name), None)
            if free is None:
                raise BadInput(f"fills[{number}]", id, f"of an instrument that one of the {len(slots)} slots holds, as "
                                                       "none of them is empty")
            traded[free] = id
        if lots:
            part[number, traded.index(id)] = lots
    totals = np.array([lots for _, lots in slots], object) + part.sum(axis=0)
    return Applied([(id, int(total)) if total else EMPTY for id, total in zip(traded, totals, strict=True)],
                   np.array(traded, object), part)


def digest(nonce: int, fills: Pairs) -> int:
    """H(FILL; nonce, id_0, d_0, ...) over all F fills of a statement; unused ones are (0, 0)."""
    return hash_integers(Tag.FILL, [nonce, *(int(value) for pair in fills for value in pair)])


def fill(name: str, count: int, pairs: Pairs) -> list[tuple[int, int]]:
    """All `count` pairs: the given ones, then empty ones.

    Raises
    ------
    BadInput : more than `count`; an id or a quantity out of bounds; lots of the null instrument.
    """
    if len(pairs) > count:
        raise BadInput(f"number of {name}", len(pairs), f"at most {count}, those of this statement")
    for number, (id, lots) in enumerate(pairs):
        require_integer(f"{name}[{number}] id", id, 0, (1 << ID_BITS) - 1)
        limit = LARGEST_LOTS if id else 0
        require_integer(f"{name}[{number}] lots", lots, -limit, limit)
    return [*pairs, *[EMPTY] * (count - len(pairs))]
