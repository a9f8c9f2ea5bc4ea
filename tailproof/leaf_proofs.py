"""Proofs that an epoch holds a leaf: by the key directory of its kind and shape, for whoever shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.statements.leaf_field import Preset, assign, place_of
from primitives.errors import BadInput
from primitives.poseidon import Tag
from prover import ProvingKey, prove
from verifier_contracts.bindings import proof_words
from verifier_contracts.context import Context
from verifier_contracts.oracle import LeafProof

from .epoch_leaves import EpochLeaves
from .keys import KeyDirectory
from .progress import Progress, quiet


class Shown(NamedTuple):
    """Which element is shown.  place : of the leaf among those of its kind; element : k."""

    kind: Tag
    place: int
    element: int


class LeafProver:
    """Keys of `leaf-field` statements; each is read when it is first needed, and kept.

    Raises
    ------
    BadInput : a directory holds the key of another statement, or there are two for one.
    """

    def __init__(self, directories: Sequence[str | Path], *, progress: Progress = quiet) -> None:
        self._keys: dict[tuple[Tag, int], KeyDirectory] = {}
        self._ready: dict[tuple[Tag, int], tuple[ConstraintSystem, ProvingKey]] = {}
        self._progress = progress
        for directory in directories:
            found = KeyDirectory.load(directory)
            preset = statements.get(found.statement).preset
            if not isinstance(preset, Preset):
                raise BadInput("--key", found.statement, "the key of a leaf-field statement", source=directory)
            slot = preset.kind, preset.shape.digest()
            if slot in self._keys:
                raise BadInput("--key", str(directory), f"one key for {found.statement}")
            self._keys[slot] = found

    def can(self, leaves: EpochLeaves, kind: Tag) -> bool:
        """Whether there is a key for leaves of this kind and shape."""
        return (kind, leaves.shape.digest()) in self._keys

    def prove(self, leaves: EpochLeaves, shown: Shown, context: Context) -> LeafProof:
        """Prove what an element is.

        context : who shows it, in which epoch, what for, and under which key (`EpochCourt.context`).

        Raises
        ------
        BadInput : no key for such leaves, or another than the one in force; there is no such leaf or element.
        """
        slot = shown.kind, leaves.shape.digest()
        found = self._keys.get(slot)
        if found is None:
            raise BadInput("--key", None, f"given for leaves of kind {shown.kind.name} of this shape")
        if found.key_digest != "0x" + context.key_digest.hex():
            raise BadInput("key digest", found.key_digest, f"0x{context.key_digest.hex()}, of the key in force",
                           source=found.path)
        if slot not in self._ready:
            statement = statements.get(found.statement)
            found.require(statement)
            self._ready[slot] = statement.build(), found.proving_key()
        system, key = self._ready[slot]
        inputs = assign(leaves.published(shown.kind, shown.place), 0, shown.element, context.field_element())
        self._progress("proving a leaf", 0, 1)
        proof = prove(key, system.witness(inputs))
        self._progress("proving a leaf", 1, 1)
        row = leaves.rows[shown.kind][shown.place]
        return LeafProof(row[0], place_of(shown.kind, shown.element), row[shown.element], proof_words(proof))
