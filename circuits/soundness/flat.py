"""What a cheater would try against `flat`: leave with what the account secures still held, or seemingly not held."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from circuits.builder import ConstraintSystem
from circuits.soundness.audit import Subject
from circuits.soundness.forgery import HASH_PARTS, Attack, forge, keep_hash
from circuits.statements import flat
from circuits.statements.flat import Preset
from circuits.statements.transition import EMPTY, Pairs
from primitives.field import MODULUS

AUDIT = Preset(slots=3)
A, B = 1001, 1002
SALT, CONTEXT = 11, 12
NAMES: Pairs = [(A, 0), (B, 0), (A, 0)]
HELD: Pairs = [(A, 10), (B, -4), EMPTY]


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    flat.define(cs, AUDIT)
    return cs.finish()


def told(slots: Pairs, salt: int = SALT) -> dict[str, Any]:
    """Inputs of a prover who holds this."""
    return flat.unchecked_inputs(slots, salt, CONTEXT)


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    return tuple(_attacks())


def _hidden() -> list[Attack]:
    """Show empty slots for a commitment of some lots; as many of them as the square roots in its hash are there for."""
    cs, found = circuit(), list[Attack]()
    for lots in range(1, 65):
        held = told([(A, lots), *NAMES[1:]])
        nothing = {**told(NAMES), "portfolio_commitment": held["portfolio_commitment"]}
        found = list(keep_hash(cs, "other-slots", "commitment/C1 hash/chunk 0", forge(cs, held),
                               partial(_same, nothing)))
        if len(found) == len(HASH_PARTS):
            return [Attack("other-slots", frozenset({"commitment/C1"}), nothing, says="commitment/C1"), *found]
    raise AssertionError("no such commitment")


def _same(inputs: dict[str, Any], number: int) -> dict[str, Any]:
    """The one variant there is."""
    return inputs


def _attacks() -> Iterator[Attack]:
    yield from _hidden()
    no_lots = "slots/F1 no lots"
    # Lots of the null instrument stand for nothing, cost nothing, and hide nothing: they are refused all the same.
    for name, slots in {"held": HELD, "one-lot": [EMPTY, EMPTY, (A, 1)], "null-lots": [(0, 9), (0, -9), EMPTY],
                        "lots-that-cancel": [(A, 5), (A, -5), EMPTY], "hedged": [(A, 5), (B, -5), EMPTY],
                        "lots-near-r": [(A, MODULUS - 1), EMPTY, EMPTY]}.items():
        first = next(slot for slot, (_, lots) in enumerate(slots) if lots)
        yield Attack(name, frozenset({no_lots}), told(slots), says=f"{no_lots}[{first}]")
    yield Attack("context-swap", frozenset({"result/C20"}), {**told(NAMES), "context": 13},
                 {"result/C20": CONTEXT**2})


def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at."""
    return {"names kept": told(NAMES), "empty": told([EMPTY] * 3), "one name": told([EMPTY, (A, 0), EMPTY], 0)}


@cache
def subject() -> Subject:
    """The statement as the audit takes it: the hash ties all that is given to the commitment, but for the context."""
    return Subject("flat", circuit(), cases(), attacks(), free_inputs=frozenset({"context"}))
