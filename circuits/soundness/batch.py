"""What a cheater would try against `batch`: everything that she would against `margin`, and the digest besides.

A batch of one account is `margin` with its public inputs turned into wires, under other names: `carried` takes attacks
over, so that each constraint group of the batch has an attack that needs it. What only two accounts make possible, and
what the contract must do, is in the tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.soundness import margin as single
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.statements import batch, margin
from circuits.statements.batch import Entry, Preset
from primitives.field import MODULUS, FieldArray

AUDIT = Preset(single.AUDIT, size=1)
KEY = bytes(range(32))
"""Digest of a verification key."""
SHARED = ("leaf/", "epoch/")
"""Parts that all accounts have in common."""


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    batch.define(cs, AUDIT)
    return cs.finish()


# -- attacks on margin -------------------------------------------------------------------------------------------------
def label_in_batch(label: str) -> str:
    """What a part of `margin` is called in a batch of one account."""
    return label if label.startswith(SHARED) else f"account 0/{label}"


def inputs_in_batch(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of `margin` as those of a batch whose digest, challenge and evaluation fit the public ones among them."""
    context, epoch_root, commitment, proven = (int(inputs[name]) % MODULUS for name in margin.PUBLIC_INPUTS)
    private = {label_in_batch(name): value for name, value in inputs.items() if name not in margin.PUBLIC_INPUTS}
    return private | batch.content_inputs(epoch_root, [Entry(context, commitment, proven)], KEY)


def carried(attack: Attack) -> Attack:
    """An attack on `margin`, in a batch of one account."""
    return Attack(attack.name, frozenset(map(label_in_batch, attack.refused_by)), inputs_in_batch(attack.inputs),
                  {label_in_batch(label): values for label, values in attack.overrides.items()}, attack.gain,
                  attack.says and label_in_batch(attack.says))


# -- attacks on the digest ---------------------------------------------------------------------------------------------
def honest() -> dict[str, Any]:
    """Inputs of an honest batch."""
    return inputs_in_batch(single.ordinary().inputs)


def content(inputs: Mapping[str, Any], **changes: int) -> list[int]:
    """y of inputs, with changes to its entry: what a contract would put together that has been told so."""
    (entry,) = batch.entries_of(dict(inputs))
    return batch.content(AUDIT, int(inputs["content/epoch_root"]), [entry._replace(**changes)])


def digests() -> Iterator[Attack]:
    """Another digest than that of the circuit's y: it would leave the prover free to choose her y last."""
    cs, inputs = circuit(), honest()
    mismatched = inputs | batch.public_inputs(KEY, content(inputs), inputs["digest"] + 1)._asdict()
    yield Attack("digest-mismatch", frozenset({"content/B2"}), mismatched, says="content/B2")

    def other_context(number: int) -> dict[str, Any]:
        changed = content(inputs, context=99 + number)
        return {**inputs, "content/context": [99 + number],
                **batch.public_inputs(KEY, changed, inputs["digest"])._asdict()}

    yield from keep_hash(cs, "digest-mismatch", "content/B2 hash/chunk 0", forge(cs, inputs), other_context)


def evaluations() -> Iterator[Attack]:
    """A digest of the true y, sent to a contract that is told another one."""
    cs, inputs = circuit(), honest()
    (entry,) = batch.entries_of(inputs)
    for name, changes in (("other-margin", {"margin": entry.margin - 1}), ("other-context", {"context": 99}),
                          ("other-commitment", {"commitment": entry.commitment - 1})):
        lied = inputs | batch.public_inputs(KEY, content(inputs, **changes), inputs["digest"])._asdict()
        yield Attack(name, frozenset({"content/B3"}), lied, says="content/B3")
    # The products make up for the difference; the last two may, each at the expense of its own row.
    y, wanted = content(inputs), (lied["evaluation"] - content(inputs)[0]) * pow(lied["challenge"], -1, MODULUS)
    assert cs.find("content/B3 product").shape == (2,)
    yield Attack("other-commitment, product forged", frozenset({"content/B3 product"}), lied,
                 {"content/B3 product": [None, (wanted - y[1]) % MODULUS]})


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them. A context needs no row C20 here: digest and evaluation hold it."""
    taken_over = [carried(attack) for attack in single.attacks() if attack.name != "context-swap"]
    return (*taken_over, *digests(), *evaluations())


# -- the examination ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _AsMargin:
    """Finds the wires of a batch of one account by their labels in `margin`."""

    cs: ConstraintSystem

    def find(self, label: str) -> NDArray[np.int64]:
        return self.cs.find(label_in_batch(label))


def carried_freedom(freedom: Freedom) -> Freedom:
    """A freedom of `margin`, which looks for nothing but wires by label."""
    def holds(cs: ConstraintSystem, witness: FieldArray) -> NDArray[np.bool_] | bool:
        return freedom.holds(cast(ConstraintSystem, _AsMargin(cs)), witness)

    return Freedom(label_in_batch(freedom.label), freedom.reason, holds)


@cache
def subject() -> Subject:
    """The statement as the audit takes it: digest and evaluation depend on all else, the challenge on nothing."""
    cases = {name: inputs_in_batch(inputs) for name, inputs in single.cases().items()}
    return Subject("batch", circuit(), cases, attacks(), tuple(map(carried_freedom, single.FREEDOMS)),
                   free_inputs=frozenset({"challenge"}))
