"""What a cheater would try against `flat`: leave with what the account secures still held, or seemingly not held."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from circuits.builder import ConstraintSystem
from circuits.soundness.audit import Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
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


def _attacks() -> Iterator[Attack]:
    cs, held = circuit(), told(HELD)

    def nothing(number: int) -> dict[str, Any]:
        return {**told(NAMES, SALT + number), "portfolio_commitment": held["portfolio_commitment"]}

    yield Attack("other-slots", frozenset({"commitment/C1"}), nothing(0), says="commitment/C1")
    yield from keep_hash(cs, "other-slots", "commitment/C1 hash/chunk 0", forge(cs, held), nothing)
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
