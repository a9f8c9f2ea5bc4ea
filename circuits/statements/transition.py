"""The `transition` statement: a new portfolio commitment follows from the old one by fills that the venue signed.

Public: context, old_commitment, new_commitment, fill_digest. It proves that from one commitment to the other the net
position in every instrument moved by exactly what the fills behind the digest say, and that the new portfolio is in
canonical form: an instrument has one slot, a slot without lots has no name. The numbers T1 to T6 are those of
docs/statements.md; C1, C6 and C20 are shared with `margin`.

Old slots, fills and new slots are *entries*, each an instrument and lots. Lots flow from entry to entry along the
edges of a fixed graph (`edges`), and only where both ends name the same instrument (T2). All that an old slot holds
and all that a fill says flows out (T3, T4), and what flows into a new slot is what it holds (T5). Add that up over the
entries that name one instrument: what flows between two of them cancels, nothing flows to others, and so

    sum of q'_j over new slots named i  =  sum of q_j over old slots named i  +  sum of d_f over fills of i.

This holds modulo r, and so over the integers: C6 bounds the new quantities; the old ones were bounded by the transition
or the venue that registered them, and the venue signs no fill of 2**40 lots or more (A1). The sums on the right may
pass 2**40 on their way, and nothing is claimed of them.

Which flows there are is the prover's affair and not unique. The new portfolio is, but for the places of instruments
that were not held: by T6 one slot holds all there is of an instrument, so a fill cannot be spread, and a portfolio that
margin can be proven for stays one.

Every edge is there for an honest portfolio that would be refused without it: see `apply`, which needs no others.
"""

from __future__ import annotations

from collections import Counter
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
        require_canonical(cs, new)                                      # T6
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


class Edges(NamedTuple):
    """Pairs of entries that lots may flow between; old slots are numbered first, then fills, then new slots.

    source, target : (E,), E = J(J-1)/2 + F(F-1)/2 + 2 F J + J.
    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]

    @classmethod
    def of(cls, slots: int, fills: int) -> Edges:
        """For J slots and F fills.

        Between old slots: an instrument that is listed twice is merged, or closed. Between fills: they cancel where
        nothing was held. Fill to old slot: the position it changes. Fill to new slot: the one it opens. Old slot to new
        slot, in the same place only: what stays.
        """
        old, filled, new = np.split(np.arange(2 * slots + fills), [slots, slots + fills])
        (a, b), (f, g) = np.triu_indices(slots, 1), np.triu_indices(fills, 1)
        source = [old[a], filled[f], np.repeat(filled, slots), np.repeat(filled, slots), old]
        target = [old[b], filled[g], np.tile(old, fills), np.tile(new, fills), new]
        return cls(np.concatenate(source), np.concatenate(target))

    def balance(self, entries: int) -> NDArray[np.int64]:
        """(entries, E): 1 where an edge leaves an entry, -1 where it arrives."""
        matrix, number = np.zeros((entries, len(self.source)), np.int64), np.arange(len(self.source))
        matrix[self.source, number], matrix[self.target, number] = 1, -1
        return matrix


def apply_fills(cs: ConstraintSystem, old: Slots, new: Slots, fills: Fills) -> None:
    """T2 to T5: E + 2 J + F rows; see the module for what they prove together.

    Inputs: "flow" (E,), signed lots along each edge. Not unique where three entries name one instrument, and nothing
    needs it to be.
    """
    J, F = len(old.ids), len(fills.ids)
    edges, ids = Edges.of(J, F), concatenate([old.ids, fills.ids, new.ids])
    flow = cs.private("flow", (len(edges.source),))
    cs.equal(flow * (ids[edges.source] - ids[edges.target]), 0, "T2 lots stay with their instrument")       # T2
    held, filled, kept = np.split(edges.balance(2 * J + F), [J, J + F])
    cs.equal(held @ flow, old.lots, "T3 all that was held")                                                 # T3
    cs.equal(filled @ flow, fills.lots, "T4 all of a fill")                                                 # T4
    cs.equal(kept @ flow, -new.lots, "T5 all that is held now")                                             # T5


def require_canonical(cs: ConstraintSystem, slots: Slots) -> None:
    """T6: a slot has lots if and only if it has a name, and no two the same: 4 J + J(J-1)/2 rows.

    u = q / q says that a slot is in use. Where lots are not 0, u must be 1, or lots (1 - u) were not 0; where they are
    0, u is. With u, the name is not 0, having an inverse, and differs from the name of every later slot; without it the
    name is 0. As a null name is none in use, all names in use differ.
    """
    with cs.scope("T6"):
        J = len(slots.ids)
        used = cs.multiply(cs.hint("inverse of lots", (J,)), slots.lots, "in use")
        cs.equal((1 - used) * slots.lots, 0, "no lots")
        cs.equal((1 - used) * slots.ids, 0, "no name")
        cs.equal(cs.hint("inverse of id", (J,)) * slots.ids, used, "named")
        first, second = np.triu_indices(J, 1)
        apart = cs.hint("inverse of difference", (len(first),))
        cs.equal(apart * (slots.ids[first] - slots.ids[second]), used[first], "apart")


# -- the witness ---------------------------------------------------------------------------------------------------
class Applied(NamedTuple):
    """How fills change a portfolio.

    slots : the new portfolio, J pairs.  flow : (E,) lots, Python integers.
    """

    slots: list[tuple[int, int]]
    flow: NDArray[np.object_]


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
    BadInput : too many slots or fills, a value out of bounds, more instruments than slots after the fills, a new
        quantity out of bounds. Nothing else: any fills whose net result fits are provable, whatever slots hold what.
    """
    for name, value in (("salt", salt), ("nonce", nonce), ("new_salt", new_salt), ("context", context)):
        require_integer(name, value, 0, MODULUS - 1)
    before, signed_fills = fill("slots", preset.slots, slots), fill("fills", preset.fills, fills)
    applied = apply(before, signed_fills)
    for slot, (id, lots) in enumerate(applied.slots):
        require_integer(f"slots[{slot}] lots of {id} after the fills", lots, -LARGEST_LOTS, LARGEST_LOTS)
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
            "slots/flow": applied.flow, "slots/C6 buy": np.array([lots >= 0 for _, lots in applied.slots]),
            **inverses(applied.slots, [lots != 0 for _, lots in applied.slots])}


def inverses(slots: Pairs, used: Sequence[bool]) -> Inputs:
    """The hints of T6, of slots that are said to be in use or not; 0 where there is no inverse."""
    def inverse(value: int, wanted: bool = True) -> int:
        return pow(value, -1, MODULUS) if wanted and value % MODULUS else 0

    apart = [inverse(slots[j][0] - slots[k][0], used[j]) for j in range(len(slots)) for k in range(j + 1, len(slots))]
    return {"slots/T6/inverse of lots": np.array([inverse(lots) for _, lots in slots], object),
            "slots/T6/inverse of id": np.array([inverse(id, now) for (id, _), now in zip(slots, used, strict=True)],
                                               object),
            "slots/T6/inverse of difference": np.array(apart, object)}


def apply(slots: Pairs, fills: Pairs) -> Applied:
    """The portfolio after fills, and the lots' way there.

    A position that is held stays in the first slot that names its instrument, which its other slots and its fills flow
    into. Other instruments take the slots that are then empty, in the order of the fills; one that is not held in the
    end takes none, and its fills flow into the first of them.

    Raises
    ------
    BadInput : more instruments than slots, or lots of the null instrument that do not cancel.
    """
    J, net, home = len(slots), Counter[int](), dict[int, int]()
    for entry, (id, lots) in enumerate([*slots, *fills]):
        net[id] += lots
        home.setdefault(id, entry)
    held = [id for id in net if net[id]]
    if net[0]:
        raise BadInput("lots of the null instrument", net[0], "0 in all: nothing can hold them")
    if len(held) > J:
        raise BadInput("number of instruments after the fills", len(held), f"at most {J}, the slots of this statement")
    place = {id: home[id] for id in held if home[id] < J}
    free = iter(sorted({*range(J)} - {*place.values()}))
    place |= {id: next(free) for id in held if id not in place}
    after = [EMPTY] * J
    for id, slot in place.items():
        after[slot] = (id, net[id])

    first_new, flow = J + len(fills), dict[tuple[int, int], int]()
    for entry, (id, lots) in enumerate([*slots, *fills]):
        if home[id] >= J and id in place:
            flow[entry, first_new + place[id]] = lots                   # opened: each fill goes to the new slot
        elif home[id] < J <= entry:
            flow[entry, home[id]] = lots                                # a fill of what is held
        elif entry != home[id]:
            flow[home[id], entry] = -lots                               # listed again, or fills that cancel
    for id, slot in place.items():
        if home[id] < J:
            flow[slot, first_new + slot] = net[id]
    edges = Edges.of(J, len(fills))
    return Applied(after, np.array([flow.get(ends, 0) for ends in zip(*map(np.ndarray.tolist, edges), strict=True)],
                                   object))


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
    return [*((int(id), int(lots)) for id, lots in pairs), *[EMPTY] * (count - len(pairs))]
