"""What a cheater would try against `disclose`: publish positions that are not those of the account."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.soundness.audit import Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.statements import disclose
from circuits.statements.disclose import Preset, words_of
from circuits.statements.transition import EMPTY, Pairs
from primitives.field import MODULUS

AUDIT = Preset(slots=3)
KEY = bytes(range(32))
"""Digest of a verification key."""
SALT, CONTEXT = 11, 12
SLOTS: Pairs = [(1001, 10), (1002, -4), EMPTY]


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    disclose.define(cs, AUDIT)
    return cs.finish()


def told(slots: Pairs = SLOTS, salt: int = SALT) -> dict[str, Any]:
    """Honest inputs."""
    return disclose.unchecked_inputs(slots, salt, CONTEXT, KEY)


def lies() -> dict[str, list[int]]:
    """Words that are not the opening, by the name of the lie."""
    words = words_of(SLOTS, SALT)
    return {"position-left-out": words_of([SLOTS[0], EMPTY, EMPTY], SALT), "other-lots": [*words[:2], 11, *words[3:]],
            "other-salt": [SALT + 1, *words[1:]], "slots-exchanged": words_of([SLOTS[1], SLOTS[0], EMPTY], SALT)}


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    return tuple(_attacks())


def _attacks() -> Iterator[Attack]:
    cs, honest = circuit(), told()
    commitment = honest["portfolio_commitment"]

    def shown(number: int) -> dict[str, Any]:
        slots: Pairs = [(1001, 11 + number), *SLOTS[1:]]
        return told(slots) | disclose.public_inputs(KEY, CONTEXT, commitment, words_of(slots, SALT))._asdict()

    yield Attack("other-portfolio", frozenset({"commitment/C1"}), shown(0), says="commitment/C1")
    yield from keep_hash(cs, "other-portfolio", "commitment/C1 hash/chunk 0", forge(cs, honest), shown)
    for name, lie in lies().items():
        public = disclose.public_inputs(KEY, CONTEXT, commitment, lie)._asdict()
        yield Attack(name, frozenset({"content/D1"}), honest | public, says="content/D1")
    words = words_of(SLOTS, SALT)
    values = np.full(cs.find("content/D1 product").shape, None, object)
    values[-1] = ((public["evaluation"] - words[0]) * pow(public["challenge"], -1, MODULUS) - words[1]) % MODULUS
    yield Attack("slots-exchanged, product forged", frozenset({"content/D1 product"}), honest | public,
                 {"content/D1 product": values})
    yield Attack("context-swap", frozenset({"result/C20"}), {**honest, "context": 13}, {"result/C20": CONTEXT**2})


def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at."""
    return {"ordinary": told(), "empty": told([EMPTY] * 3), "salt 0": told(salt=0)}


@cache
def subject() -> Subject:
    """The statement as the audit takes it: the commitment is the words' hash, and the evaluation follows."""
    return Subject("disclose", circuit(), cases(), attacks(), free_inputs=frozenset({"context", "challenge"}))
