"""What a cheater would try against `transition`: at least one attack per constraint group, on the `AUDIT` instance.

Slots hold instruments A and B, the third is empty; the venue signed a sale of A and a purchase of C.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.statements import transition
from circuits.statements.transition import EMPTY, LARGEST_LOTS, Applied, Edges, Pairs, Preset
from primitives import field
from primitives.field import MODULUS, FieldArray
from risk.margins.margin import QUANTITY_BITS

AUDIT = Preset(slots=3, fills=2)
A, B, C, D, CHEAP = 1001, 1002, 1003, 1004, 1005
BEFORE: Pairs = [(A, 10), (B, -4), EMPTY]
FILLS: Pairs = [(A, -3), (C, 5)]
AFTER: Pairs = [(A, 7), (B, -4), (C, 5)]
SALT, NONCE, NEW_SALT, CONTEXT = 11, 12, 13, 14
HALF = pow(2, -1, MODULUS)

Ends: TypeAlias = tuple[str, str]
ENTRIES = [*(f"old {j}" for j in range(3)), *(f"fill {f}" for f in range(2)), *(f"new {j}" for j in range(3))]
NAMED_EDGES: list[Ends] = [(ENTRIES[a], ENTRIES[b]) for a, b in zip(*Edges.of(3, 2), strict=True)]
NO_FLOW = np.zeros(len(NAMED_EDGES), object)
STILL: dict[Ends, int] = {("old 0", "new 0"): 10, ("old 1", "new 1"): -4}
HONEST: dict[Ends, int] = {**STILL, ("old 0", "new 0"): 7, ("fill 0", "old 0"): -3, ("fill 1", "new 2"): 5}
"""What flows when nothing is done, and when the fills are applied."""


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    transition.define(cs, AUDIT)
    return cs.finish()


def told(before: Pairs = BEFORE, fills: Pairs = FILLS, new_salt: int = NEW_SALT, after: Pairs | None = None,
         flow: Mapping[Ends, int] | None = None, used: Sequence[bool] | None = None) -> dict[str, Any]:
    """Inputs of a prover who applies the fills, except for what she says instead.

    Parameters
    ----------
    flow : lots by the names of both ends, "old 0", "fill 1" or "new 2": all that flows.
    used : which new slots are in use, for the hints of T6; those that hold lots if left out.
    """
    applied = transition.apply(before, fills) if after is None or flow is None else Applied([], NO_FLOW)
    applied = Applied(applied.slots if after is None else list(after),
                      applied.flow if flow is None else np.array([flow.get(ends, 0) for ends in NAMED_EDGES], object))
    inputs = transition.unchecked_inputs(before, SALT, fills, NONCE, applied, new_salt, CONTEXT)
    return inputs if used is None else {**inputs, **transition.inverses(applied.slots, used)}


def other_portfolios() -> Iterator[Attack]:
    """Start from, or end in, another portfolio than the commitment holds."""
    cs, honest = circuit(), told()

    def richer(number: int) -> dict[str, Any]:
        return {**told([(A, 11 + number), *BEFORE[1:]]), "old_commitment": honest["old_commitment"]}

    yield Attack("old-other-slots", frozenset({"old/commitment/C1"}), richer(0), says="old/commitment/C1")
    yield from keep_hash(cs, "old-other-slots", "old/commitment/C1 hash/chunk 0", forge(cs, honest), richer)

    lighter = told(after=[(A, 1), *AFTER[1:]])

    def registered(number: int) -> dict[str, Any]:
        return {**told(new_salt=NEW_SALT + number), "new_commitment": lighter["new_commitment"]}

    yield Attack("new-other-slots", frozenset({"new/commitment/C1"}), registered(0), says="new/commitment/C1")
    yield from keep_hash(cs, "new-other-slots", "new/commitment/C1 hash/chunk 0", forge(cs, lighter), registered)


def other_fills() -> Iterator[Attack]:
    """Apply fills that the venue did not sign, or apply none."""
    cs, honest = circuit(), told()

    def kinder(number: int) -> dict[str, Any]:
        return {**told(fills=[(A, 3 + number), FILLS[1]]), "fill_digest": honest["fill_digest"]}

    yield Attack("wrong-digest", frozenset({"fills/T1"}), kinder(0), says="fills/T1")
    yield from keep_hash(cs, "wrong-digest", "fills/T1 hash/chunk 0", forge(cs, honest), kinder)
    yield Attack("no-fills", frozenset({"fills/T1"}),
                 {**told(fills=[EMPTY, EMPTY]), "fill_digest": honest["fill_digest"]}, says="fills/T1")


def misapplied() -> Iterator[Attack]:
    """The signed fills, but to other slots, in part, twice, or the other way round."""
    t2, t3 = "slots/T2 lots stay with their instrument", "slots/T3 all that was held"
    t4, t5 = "slots/T4 all of a fill", "slots/T5 all that is held now"

    def sale(lots: int) -> dict[Ends, int]:
        """What flows if `lots` of the sale reach the slot of A."""
        return {**HONEST, ("fill 0", "old 0"): lots, ("old 0", "new 0"): 10 + lots}

    elsewhere = {**sale(0), ("fill 0", "old 1"): -3, ("old 1", "new 1"): -7}
    yield Attack("fill-elsewhere", frozenset({t2}), told(after=[(A, 10), (B, -7), (C, 5)], flow=elsewhere),
                 says=f"{t2}[{NAMED_EDGES.index(('fill 0', 'old 1'))}]")
    # A gain on A that a loss on B pays for: what flows cancels, so that all of the fill seems to go somewhere.
    both = {**sale(10), ("fill 0", "old 1"): -13, ("old 1", "new 1"): -17}
    yield Attack("parts-of-both-signs", frozenset({t2}), told(after=[(A, 20), (B, -17), (C, 5)], flow=both),
                 says=f"{t2}[{NAMED_EDGES.index(('fill 0', 'old 1'))}]")
    # The fills by a path that no fill is on: a short position pays for a long one.
    netted = {**HONEST, ("old 0", "old 1"): 4, ("old 0", "new 0"): 3, ("old 1", "new 1"): 0}
    yield Attack("positions-netted", frozenset({t2}), told(after=[(A, 3), EMPTY, (C, 5)], flow=netted),
                 says=f"{t2}[{NAMED_EDGES.index(('old 0', 'old 1'))}]")
    dropped = {**HONEST, ("old 1", "new 1"): 0}
    yield Attack("position-dropped", frozenset({t3}), told(after=[(A, 7), EMPTY, (C, 5)], flow=dropped),
                 says=f"{t3}[1]")
    yield Attack("position-doubled", frozenset({t3}),
                 told(after=[(A, 17), *AFTER[1:]], flow={**HONEST, ("old 0", "new 0"): 17}), says=f"{t3}[0]")
    for name, lots in (("fill-omitted", 0), ("fill-in-part", -1), ("fill-twice", -6), ("sign-flip", 3)):
        yield Attack(name, frozenset({t4}), told(after=[(A, 10 + lots), *AFTER[1:]], flow=sale(lots)),
                     says=f"{t4}[0]")
    yield Attack("lots-out-of-nothing", frozenset({t5}), told(after=[(A, 1), *AFTER[1:]]), says=f"{t5}[0]")
    # Both fills are of one instrument that nobody holds: they may cancel, not vanish.
    pair: Pairs = [(C, 5), (C, -3)]
    yield Attack("fills-not-cancelled", frozenset({t4}),
                 told(fills=pair, after=BEFORE, flow={**STILL, ("fill 0", "fill 1"): 5}), says=f"{t4}[1]")


def renamed() -> Iterator[Attack]:
    """Call what is held by a cheaper instrument's name."""
    t2, t5 = "slots/T2 lots stay with their instrument", "slots/T5 all that is held now"
    stays = NAMED_EDGES.index(("old 0", "new 0"))
    after: Pairs = [AFTER[0], (CHEAP, -4), AFTER[2]]
    yield Attack("id-change", frozenset({t2}), told(after=after),
                 says=f"{t2}[{NAMED_EDGES.index(('old 1', 'new 1'))}]")
    swapped: Pairs = [AFTER[1], AFTER[0], AFTER[2]]
    yield Attack("slot-swap", frozenset({t2, t5}), told(after=swapped), says=f"{t2}[{stays}]")
    # The names alone change places: short A, long B.
    crossed: Pairs = [(B, 7), (A, -4), AFTER[2]]
    yield Attack("slot-swap, names only", frozenset({t2}), told(after=crossed), says=f"{t2}[{stays}]")


def uncanonical() -> Iterator[Attack]:
    """Portfolios that no margin can be proven for, or that say more than what is held."""
    apart, named = "slots/T6/apart", "slots/T6/named"
    no_lots, no_name, in_use = "slots/T6/no lots", "slots/T6/no name", "slots/T6/in use"
    # A fill of one lot, spread: add-ons explode and C7 makes the account unprovable.
    far = 1 << QUANTITY_BITS - 1
    yield Attack("fill-spread", frozenset({apart}), told(
        [EMPTY] * 3, [(A, 1), EMPTY], after=[(A, 1 + far), (A, -far), EMPTY],
        flow={("fill 0", "new 0"): 1 + far, ("fill 0", "new 1"): -far}), says=f"{apart}[0]")
    yield Attack("position-split", frozenset({apart}), told(
        [(A, 10), EMPTY, EMPTY], [(A, 2), EMPTY], after=[(A, 10), EMPTY, (A, 2)],
        flow={("old 0", "new 0"): 10, ("fill 0", "new 2"): 2}), says=f"{apart}[1]")
    # An empty fill puts lots of the null instrument into empty slots; they cost nothing and mean nothing.
    null = {("old 0", "new 0"): 10, ("fill 0", "new 1"): 5, ("fill 0", "new 2"): -5}
    null_lots: Pairs = [(A, 10), (0, 5), (0, -5)]
    honest: Pairs = [(A, 10), EMPTY, EMPTY]
    yield Attack("null-lots", frozenset({named, apart}), told(honest, [EMPTY] * 2, after=null_lots, flow=null),
                 says=f"{named}[1]")
    unused = {**told(honest, [EMPTY] * 2, after=null_lots, flow=null, used=[True, False, False]),
              "slots/T6/inverse of lots": [pow(10, -1, MODULUS), 0, 0]}
    yield Attack("null-lots, slots said to be empty", frozenset({no_lots}), unused, says=f"{no_lots}[1]")
    yield Attack("null-lots, kept", frozenset({named}), told(
        [(A, 10), EMPTY, (0, 5)], [EMPTY] * 2, after=[(A, 10), EMPTY, (0, 5)],
        flow={("old 0", "new 0"): 10, ("old 2", "new 2"): 5}), says=f"{named}[2]")
    # A slot that is closed and keeps its name: a second form of the same portfolio.
    closing: Pairs = [(B, 4), EMPTY]
    kept: Pairs = [(A, 10), (B, 0), EMPTY]
    yield Attack("name-kept", frozenset({no_name}), told(fills=closing, after=kept), says=f"{no_name}[1]")
    yield Attack("name-kept, said to be in use", frozenset({in_use}),
                 told(fills=closing, after=kept, used=[True, True, False]), {"slots/T6/in use": [None, 1, None]})


def quantities() -> Iterator[Attack]:
    """New quantities that no margin could be proven for, or whose integers are others than those summed."""
    largest: Pairs = [(A, LARGEST_LOTS), *BEFORE[1:]]
    overflow = told(largest, [(A, 1), FILLS[1]])
    yield Attack("quantity-2^40", frozenset({"slots/C6 |lots| bit"}), overflow, says="slots/C6 |lots|[0]")
    yield Attack("sign-half", frozenset({"slots/C6 buy"}), {**overflow, "slots/C6 buy": [HALF, 0, 1]},
                 says="slots/C6 buy[0]")
    bits = np.full((3, QUANTITY_BITS), None, object)
    bits[0] = 0
    yield Attack("size-0", frozenset({"slots/C6 |lots|"}), overflow, {"slots/C6 |lots| bit": bits})
    yield Attack("buy-denied", frozenset({"slots/C6 |lots| bit"}), {**told(), "slots/C6 buy": [0, 0, 1]},
                 says="slots/C6 |lots|[0]")


def diverted() -> Iterator[Attack]:
    yield Attack("context-swap", frozenset({"result/C20"}), {**told(), "context": 99}, {"result/C20": CONTEXT**2})


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    families = (other_portfolios, other_fills, misapplied, renamed, uncanonical, quantities, diverted)
    return tuple(attack for family in families for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def _no_lots(cs: ConstraintSystem, witness: FieldArray) -> NDArray[np.bool_]:
    """Which new slots are empty."""
    zero: NDArray[np.bool_] = (field.canonical(witness[cs.find("new/commitment/lots")]) == 0).all(axis=-1)
    return zero


def _both_empty(cs: ConstraintSystem, witness: FieldArray) -> NDArray[np.bool_]:
    empty = _no_lots(cs, witness)
    first, second = np.triu_indices(len(empty), 1)
    both: NDArray[np.bool_] = empty[first] & empty[second]
    return both


FREEDOMS = (
    Freedom("slots/C6 buy", "no lots: either sign makes size 0", _no_lots),
    Freedom("slots/T6/inverse of lots", "no lots: 0 has no inverse, any number will do", _no_lots),
    Freedom("slots/T6/inverse of id", "no name: 0 has no inverse, any number will do", _no_lots),
    Freedom("slots/T6/inverse of difference", "both slots empty: their names need not differ", _both_empty),
)
"""What flows is no hint: the prover's choice, on which no output depends. One edge alone cannot be changed."""


def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at; the first has no freedom at all."""
    largest = LARGEST_LOTS
    full: Pairs = [*BEFORE[:2], (D, 1)]
    return {
        "ordinary": told(),
        "nothing": told([EMPTY] * 3, [EMPTY] * 2),
        "closed": told(fills=[(A, -10), (B, 4)]),
        "all slots full, one closed and another opened": told(full, [(B, 4), (C, 5)]),
        "one instrument in two slots": told([(A, 10), (A, -4), (B, 1)], [(A, 1), (A, 2)]),
        "fills that cancel": told(full, [(C, 5), (C, -5)]),
        "largest quantities": told([(A, largest), (B, -largest), EMPTY], [(A, -largest), (C, largest)]),
    }


@cache
def subject() -> Subject:
    """The statement as the audit takes it: hashes tie all that is given to the public inputs, but for the context."""
    return Subject("transition", circuit(), cases(), attacks(), FREEDOMS, free_inputs=frozenset({"context"}))
