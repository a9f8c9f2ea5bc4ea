"""Steps: the blocks that a constraint system is recorded as.

A step may fill in the wires that it defines (`run`: the witness program) and may be a block of rows
A.w * B.w = C.w (`forms`: the R1CS). Both work on whole arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuits.intervals import Interval
from circuits.operands import Shape
from circuits.signals import Linear, Product
from primitives import field
from primitives.errors import BadInput, Said, Unsatisfied
from primitives.field import MODULUS, FieldArray
from primitives.native import compiled

Form: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]
"""One side of a block of rows: terms per row, then all terms' wires and coefficient ids."""


class Step(Protocol):
    """What a constraint system records."""

    @property
    def label(self) -> str: ...

    @property
    def rows(self) -> int:
        """Number of constraints."""

    @property
    def entries(self) -> int:
        """Number of coefficients in all three sides."""

    def run(self, witness: FieldArray, inputs: Mapping[str, Any], strict: bool) -> None:
        """Fill in the wires this step defines.

        Raises
        ------
        Unsatisfied : with `strict`, a value breaks a row or a bound of this step.
        """

    def forms(self) -> tuple[Form, Form, Form]:
        """The sides A, B, C of the rows."""

    def mentioned(self) -> NDArray[Any]:
        """Wires that occur in the rows, any number of times."""

    def place(self, row: int) -> str:
        """The label of one row."""


def named(label: str, flat: int, shape: Shape) -> str:
    """label[i, j] for a flat index into a shape."""
    return label + (f"[{', '.join(str(i) for i in np.unravel_index(flat, shape))}]" if shape else "")


def signed(residue: int) -> int:
    """The integer nearest to 0 with this residue: how people read field elements."""
    return residue - MODULUS if 2 * residue > MODULUS else residue


class _NoRows:
    """For steps that only fill in."""

    rows = 0
    entries = 0

    def forms(self) -> tuple[Form, Form, Form]:
        raise TypeError("this step has no rows")

    def mentioned(self) -> NDArray[Any]:
        return np.zeros(0, np.int64)

    def place(self, row: int) -> str:
        raise TypeError("this step has no rows")


@dataclass(frozen=True, eq=False)
class Inputs(_NoRows):
    """Wires `first ..` take the named input, which has exactly this shape."""

    label: str
    shape: Shape
    first: int
    assumed: Interval

    def run(self, witness: FieldArray, inputs: Mapping[str, Any], strict: bool) -> None:
        given = inputs[self.label]
        if isinstance(given, np.ndarray) and given.dtype == np.uint64 and given.shape == (*self.shape, 4):
            encoded = given
        else:
            encoded = encode_input(self.label, given, self.shape)
        if strict and self.assumed.known:
            for position, residue in enumerate(field.decode(encoded)):
                if residue not in self.assumed and residue - MODULUS not in self.assumed:
                    raise Unsatisfied(named(self.label, position, self.shape), signed(residue), f"in {self.assumed}")
        witness[self.first:self.first + encoded.size // 4] = encoded.reshape(-1, 4)


def encode_input(label: str, given: Any, shape: Shape) -> FieldArray:
    """Integers to field elements; errors name the input."""
    try:
        array = np.asarray(given)
    except ValueError:
        raise BadInput(f"shape of witness input {label}", Said("ragged"), str(shape)) from None
    if array.dtype.kind == "f":
        array = np.asarray(given, object)              # NumPy makes floats of [-1, 2**63]
    if array.shape != shape:
        raise BadInput(f"shape of witness input {label}", array.shape, str(shape))
    try:
        return field.encode(array)
    except BadInput as error:
        position = int(error.field.rsplit(" ", 1)[-1])
        raise BadInput(f"witness input {named(label, position, shape)}", error.value, error.bound) from None
    except TypeError:
        raise BadInput(f"witness input {label}", given, "made of integers") from None


@dataclass(frozen=True, eq=False)
class Rows:
    """left * right = result, one row per element.

    With `defines`, the row defines wire defines + i: the value of `definition`, left * right plus a linear rest, while
    `result` is that wire minus the rest. Without it the row only constrains, and a strict run checks it if `checked`
    (the rows of a range are not: `Decompose` has found the value to fit).
    """

    label: str
    left: Linear
    right: Linear
    result: Linear
    defines: int | None = None
    definition: Product | None = None
    checked: bool = False

    @property
    def rows(self) -> int:
        return self.left.size

    @property
    def entries(self) -> int:
        return len(self.left.wires) + len(self.right.wires) + len(self.result.wires)

    def run(self, witness: FieldArray, inputs: Mapping[str, Any], strict: bool) -> None:
        if self.defines is not None and self.definition is not None:
            witness[self.defines:self.defines + self.rows] = self.definition.values(witness)
        elif strict and self.checked:
            found = field.multiply(self.left.values(witness), self.right.values(witness))
            wanted = self.result.values(witness)
            for row in np.flatnonzero((found != wanted).any(axis=1)):
                value, bound = (signed(n) for n in field.decode(np.stack([found[row], wanted[row]])))
                raise Unsatisfied(self.place(int(row)), value, str(bound))

    def forms(self) -> tuple[Form, Form, Form]:
        a, b, c = ((np.diff(s.starts), s.wires, s.ids) for s in (self.left, self.right, self.result))
        return a, b, c

    def mentioned(self) -> NDArray[Any]:
        return np.concatenate([s.wires for s in (self.left, self.right, self.result)])

    def place(self, row: int) -> str:
        return named(self.label, row, self.left.shape)


@dataclass(frozen=True, eq=False)
class Computed(_NoRows):
    """Wires `first ..` of each target take what a function of residues gives: filling in only, the caller constrains.

    function : from the residues of every source, lists of integers in [0, r), to those of every target.
    """

    label: str
    sources: tuple[Linear, ...]
    targets: tuple[tuple[int, int], ...]
    """(first wire, how many) each."""
    function: Callable[..., Sequence[Sequence[int]]]

    def run(self, witness: FieldArray, inputs: Mapping[str, Any], strict: bool) -> None:
        values = [field.decode(source.values(witness)) for source in self.sources]
        for (first, count), found in zip(self.targets, self.function(*values), strict=True):
            witness[first:first + count] = field.encode(np.array(found, object))


@dataclass(frozen=True, eq=False)
class Decompose(_NoRows):
    """Wires `first ..` are the `bits` little-endian bits of each element of a signal or of a named input (a string).

    Filling in only: the rows that constrain the bits are recorded as `Rows`.
    """

    label: str
    shape: Shape
    value: str | Linear | Product
    bits: int
    first: int

    def run(self, witness: FieldArray, inputs: Mapping[str, Any], strict: bool) -> None:
        if isinstance(self.value, str):
            found = encode_input(self.value, inputs[self.value], self.shape).reshape(-1, 4)
        else:
            found = self.value.values(witness)
        plain = field.canonical(found)
        unfit = np.zeros(len(plain), np.bool_)
        _write_bits(witness, self.first, self.bits, plain, field.ONE, unfit)
        for bad in np.flatnonzero(unfit):
            number = int.from_bytes(plain[bad].astype("<u8").tobytes(), "little")
            if strict:
                bound = "0 or 1" if self.bits == 1 else f"in [0, 2**{self.bits})"
                raise Unsatisfied(named(self.label, int(bad), self.shape), signed(number), bound)
            if self.bits:              # the last "bit" takes what is left, so that only the row that says it is a bit
                wire = self.first + (int(bad) + 1) * self.bits - 1         # refuses it
                witness[wire] = field.encode([number >> (self.bits - 1)])[0]

    @property
    def count(self) -> int:
        """Wires filled in."""
        return int(np.prod(self.shape)) * self.bits


@compiled
def _write_bits(witness: FieldArray, first: int, bits: int, plain: FieldArray, one: FieldArray,
                unfit: NDArray[np.bool_]) -> None:
    """Fill in the low bits of each element; `unfit` becomes true where an element does not fit."""
    for i in range(len(plain)):
        for k in range(256):
            bit = (plain[i, k >> 6] >> np.uint64(k & 63)) & np.uint64(1)
            if k < bits:
                for limb in range(4):
                    witness[first + i * bits + k, limb] = one[limb] * bit
            elif bit:
                unfit[i] = True
                break
