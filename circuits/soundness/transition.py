"""What a cheater would try against `transition`: at least one attack per constraint group, on the `AUDIT` instance.

Slots hold instruments A and B, the third is empty; the venue signed a sale of A and a purchase of C.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.statements import transition
from circuits.statements.transition import EMPTY, LARGEST_LOTS, Pairs, Preset
from primitives import field
from primitives.field import MODULUS, FieldArray
from risk.margins.margin import QUANTITY_BITS

AUDIT = Preset(slots=3, fills=2)
A, B, C, CHEAP = 1001, 1002, 1003, 1004
BEFORE: Pairs = [(A, 10), (B, -4), EMPTY]
FILLS: Pairs = [(A, -3), (C, 5)]
AFTER: Pairs = [(A, 7), (B, -4), (C, 5)]
SALT, NONCE, NEW_SALT, CONTEXT = 11, 12, 13, 14
HALF = pow(2, -1, MODULUS)


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    transition.define(cs, AUDIT)
    return cs.finish()


def told(before: Pairs = BEFORE, fills: Pairs = FILLS, new_salt: int = NEW_SALT, after: Pairs | None = None,
         traded: Any = None, part: Any = None) -> dict[str, Any]:
    """Inputs of a prover who applies the fills, except for what she says instead."""
    honest = transition.apply(before, fills)
    claims = {"slots": after, "traded": traded, "part": part}
    changed = {name: value for name, value in claims.items() if value is not None}
    applied = honest._replace(**changed)
    return transition.unchecked_inputs(before, SALT, fills, NONCE, applied, new_salt, CONTEXT)


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
    second = [0, 0, 5]

    def parts(*sale: int) -> Any:
        return np.array([sale, second], object)

    t2, t3 = "slots/T2 a fill goes where its instrument is", "slots/T3 all of a fill goes somewhere"
    yield Attack("fill-elsewhere", frozenset({t2}), told(after=[(A, 10), (B, -7), (C, 5)], part=parts(0, -3, 0)),
                 says=f"{t2}[0, 1]")
    # A gain on A that a loss on B pays for: parts cancel, so that all of the fill seems to go somewhere.
    yield Attack("parts-of-both-signs", frozenset({t2}), told(after=[(A, 20), (B, -17), (C, 5)],
                                                              part=parts(10, -13, 0)), says=f"{t2}[0, 1]")
    for name, lots in (("fill-omitted", 0), ("fill-in-part", -1), ("fill-twice", -6), ("sign-flip", 3)):
        yield Attack(name, frozenset({t3}), told(after=[(A, 10 + lots), *AFTER[1:]], part=parts(lots, 0, 0)),
                     says=f"{t3}[0]")
    yield Attack("lots-out-of-nothing", frozenset({"slots/T4 new lots"}), told(after=[(A, 1), *AFTER[1:]]),
                 says="slots/T4 new lots[0]")


def renamed() -> Iterator[Attack]:
    """Call what is held by a cheaper instrument's name."""
    after: Pairs = [AFTER[0], (CHEAP, -4), AFTER[2]]
    before, held = "slots/T5 held before", "slots/T5 held after"
    yield Attack("id-change", frozenset({held}), told(after=after), says=f"{held}[1]")
    yield Attack("id-change, traded under the new name", frozenset({before}),
                 told(after=after, traded=np.array([A, CHEAP, C], object)), says=f"{before}[1]")
    swapped: Pairs = [AFTER[1], AFTER[0], AFTER[2]]
    yield Attack("slot-swap", frozenset({"slots/T4 new lots", held}), told(after=swapped), says="slots/T4 new lots[0]")
    # The names alone change places: short A, long B.
    crossed: Pairs = [(B, 7), (A, -4), AFTER[2]]
    yield Attack("slot-swap, names only", frozenset({held}), told(after=crossed), says=f"{held}[0]")


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
    families = (other_portfolios, other_fills, misapplied, renamed, quantities, diverted)
    return tuple(attack for family in families for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def _is_zero(cs: ConstraintSystem, witness: FieldArray, label: str) -> Any:
    wires = cs.find(label)
    return (field.canonical(witness[wires.reshape(-1)]) == 0).all(axis=-1).reshape(wires.shape)


def _no_lots_after(cs: ConstraintSystem, witness: FieldArray) -> Any:
    return _is_zero(cs, witness, "new/commitment/lots")


def _idle(cs: ConstraintSystem, witness: FieldArray) -> Any:
    return _is_zero(cs, witness, "old/commitment/lots") & _no_lots_after(cs, witness) \
        & _is_zero(cs, witness, "slots/part").all(axis=0)


FREEDOMS = (
    Freedom("slots/C6 buy", "no lots: either sign makes size 0", _no_lots_after),
    Freedom("slots/traded", "a slot with nothing before, after or between: it trades nothing, whatever it says", _idle),
)


def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at; the first has no freedom at all."""
    largest = LARGEST_LOTS
    return {
        "ordinary": told(),
        "nothing": told([EMPTY] * 3, [EMPTY] * 2),
        "closed": told(fills=[(A, -10), (B, 4)]),
        "closed, names kept": told(fills=[(A, -10), (B, 4)], after=[(A, 0), (B, 0), (C, 0)]),
        "two fills of one instrument in two slots": told(
            [(A, 10), (A, -4), EMPTY], [(A, 1), (A, 2)], after=[(A, 11), (A, -2), EMPTY],
            part=np.array([[3, -2, 0], [-2, 4, 0]], object)),
        "largest quantities": told([(A, largest), (B, -largest), EMPTY], [(A, -largest), (C, largest)]),
    }


@cache
def subject() -> Subject:
    """The statement as the audit takes it: hashes tie all that is given to the public inputs, but for the context."""
    return Subject("transition", circuit(), cases(), attacks(), FREEDOMS, free_inputs=frozenset({"context"}))
