"""Adversarial witnesses, built so that one group of constraints alone stands in their way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.signals import bounds
from primitives import field as scalar
from primitives.babyjubjub import square_root
from primitives.errors import Unsatisfied
from primitives.field import MODULUS, FieldArray
from primitives.r1cs import R1CS, SparseMatrix


@dataclass(frozen=True, eq=False)
class Attack:
    """A witness that a cheating prover would like to have accepted.

    Attributes
    ----------
    name : "threshold-wrap".
    refused_by : labels of the groups of rows it breaks, all of them. Without those rows it is a valid witness.
    inputs : what the witness program is given.
    overrides : values forced on wires by label, on top of what the program computes from the inputs.
    gain : what it would be worth, for people.
    says : what the error of a strict run names; None if the inputs are honest and only wires are forced, which no
        honest program does.
    """

    name: str
    refused_by: frozenset[str]
    inputs: Mapping[str, Any]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    gain: str = ""
    says: str | None = None


def forge(cs: ConstraintSystem, inputs: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> FieldArray:
    """The witness of a prover who bends the rules: ranges are ignored, overridden wires keep their forced values, and
    everything after them follows from them.

    Parameters
    ----------
    overrides : per wire label, an array of its shape: integers, or field elements with one more axis of 4; None in an
        array of objects leaves a wire as it is.
    """
    forced = [_forced(cs, label, values) for label, values in (overrides or {}).items()]
    witness = np.zeros((cs.wires, 4), np.uint64)
    witness[0] = scalar.ONE
    for step in cs.steps:
        step.run(witness, inputs, strict=False)
        for wires, values in forced:
            witness[wires] = values
    return witness


def _forced(cs: ConstraintSystem, label: str, values: Any) -> tuple[np.ndarray[Any, Any], FieldArray]:
    wires = cs.find(label)
    array = values if isinstance(values, np.ndarray) else np.array(values, object)
    if array.dtype == np.uint64 and array.shape == (*wires.shape, 4):
        return wires.reshape(-1), array.reshape(-1, 4)
    array = np.broadcast_to(array, wires.shape).astype(object)
    chosen = np.array([value is not None for value in array.reshape(-1)], np.bool_)
    exact = [int(value) % MODULUS for value in array.reshape(-1)[chosen]]
    return wires.reshape(-1)[chosen], scalar.encode(np.array(exact, object))


def without(cs: ConstraintSystem, groups: Iterable[str]) -> R1CS:
    """The system as it would be, had somebody forgotten these groups of constraints."""
    system, rows = cs.r1cs(), cs.groups()
    kept = np.ones(system.rows, np.bool_)
    for label in groups:
        kept[rows[label]] = False

    def cut(matrix: SparseMatrix) -> SparseMatrix:
        lengths = np.diff(matrix.starts)
        entries = np.repeat(kept, lengths)
        return SparseMatrix(bounds(lengths[kept]), matrix.wires[entries], matrix.coefficients[entries])

    return replace(system, a=cut(system.a), b=cut(system.b), c=cut(system.c))


def refusing_groups(cs: ConstraintSystem, witness: FieldArray) -> frozenset[str]:
    """Labels of the groups with rows that a witness breaks."""
    broken = np.zeros(cs.rows, np.bool_)
    broken[cs.r1cs().broken(witness)] = True
    return frozenset(label for label, rows in cs.groups().items() if broken[rows].any())


def complaint(cs: ConstraintSystem, inputs: Mapping[str, Any]) -> str | None:
    """What a strict run of the witness program says; None if it is content."""
    try:
        cs.witness(inputs)
    except Unsatisfied as error:
        return str(error)
    return None


def missed(cs: ConstraintSystem, attacks: Iterable[Attack]) -> list[str]:
    """Groups of rows whose removal lets none of the attacks pass: nothing shows that they are needed."""
    refusals = [refusing_groups(cs, forge(cs, attack.inputs, attack.overrides)) for attack in attacks]
    return unneeded(cs, refusals)


def unneeded(cs: ConstraintSystem, refusals: Iterable[frozenset[str]]) -> list[str]:
    """Groups of rows that no attack is refused by alone."""
    needed = {label for groups in refusals if len(groups) == 1 for label in groups}
    return [label for label in cs.groups() if label not in needed]


# -- keeping a hash while its preimage changes ---------------------------------------------------------------------
HASH_PARTS = ("square", "fourth", "fifth", "rounds")


def keep_permutation(cs: ConstraintSystem, label: str, honest: FieldArray, forged: FieldArray, part: str
                     ) -> dict[str, Any] | None:
    """Overrides under which a permutation of forged input gives its honest output, breaking rows of one part only.

    Parameters
    ----------
    label : of the permutation, such as "commitment/C1 hash/chunk 0".
    honest, forged : witnesses; in `forged` the permutation's input, and all that follows from it, differs.
    part : "square", "fourth", "fifth" (the first round's S-boxes) or "rounds" (all later ones).

    Returns
    -------
    None if a square root that part "square" needs does not exist; another forged input has other roots.
    """
    def values(which: FieldArray, name: str) -> list[int]:
        return scalar.decode(which[cs.find(f"{label}/{name}").reshape(-1)])

    if part == "rounds":
        wires = cs.find(f"{label}/rounds")
        return {f"{label}/rounds": honest[wires.reshape(-1)].reshape(*wires.shape, 4)}
    fifth = values(honest, "fifth")
    overrides: dict[str, Any] = {f"{label}/fifth": fifth}
    if part == "fifth":
        return _shaped(cs, overrides)
    # fourth * x = fifth must hold with the forged x: x = (old fifth) / (old fourth), both as the forged run has them.
    x = [b * pow(a, -1, MODULUS) % MODULUS if a else 0
         for a, b in zip(values(forged, "fourth"), values(forged, "fifth"), strict=True)]
    fourth = [f * pow(v, -1, MODULUS) % MODULUS if v else 0 for f, v in zip(fifth, x, strict=True)]
    overrides[f"{label}/fourth"] = fourth
    if part == "fourth":
        return _shaped(cs, overrides)
    roots = [square_root(value) for value in fourth]
    if any(root is None for root in roots):
        return None
    # An unchanged element keeps its own square, not the other root of its fourth power.
    old = values(forged, "square")
    overrides[f"{label}/square"] = [o if o * o % MODULUS == f else r
                                    for o, f, r in zip(old, fourth, roots, strict=True)]
    return _shaped(cs, overrides)


def keep_hash(cs: ConstraintSystem, name: str, label: str, honest: FieldArray,
              variants: Callable[[int], Mapping[str, Any]]) -> Iterator[Attack]:
    """One attack per part of a permutation that is to hide a changed preimage; see `keep_permutation`.

    Parameters
    ----------
    label : of the permutation.
    honest : the witness whose hash is kept.
    variants : forged inputs by a number; tried in turn until the square roots exist.
    """
    for part in HASH_PARTS:
        for number in range(64):
            inputs = variants(number)
            overrides = keep_permutation(cs, label, honest, forge(cs, inputs), part)
            if overrides is not None:
                yield Attack(f"{name}, {part} kept", frozenset({f"{label}/{part}"}), inputs, overrides)
                break


def _shaped(cs: ConstraintSystem, overrides: dict[str, Any]) -> dict[str, Any]:
    return {label: np.array(values, object).reshape(cs.find(label).shape) for label, values in overrides.items()}
