"""NumPy for circuits: signals are arrays, operations append blocks of rows A.w * B.w = C.w over the BN254 field.

>>> cs = ConstraintSystem()
>>> product = cs.public("product")
>>> factors = cs.private("factors", (2,))
>>> cs.equal(factors[0] * factors[1], product, "C1")
>>> cs.witness({"product": 35, "factors": [5, 7]}).shape
(4, 4)

Recording costs a few NumPy calls per block, however many rows it has; the same record gives the R1CS, the witness, the
names in error messages and the profile. Wire 0 is the constant one, the public inputs follow.

Two mistakes that make a circuit unsound are errors while recording: a product that is used twice or never
(`circuits.signals`), and a comparison of signals whose known intervals do not exclude wrapping around r
(`nonnegative`, `equal`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuits.coefficients import ONE, Coefficients
from circuits.errors import CircuitError
from circuits.intervals import ANY, BIT, Interval, unsigned
from circuits.operands import Shape, integers, joined, place, shape_of
from circuits.signals import Linear, Product, Quadratic, Signal, bounds
from circuits.steps import Computed, Decompose, Inputs, Rows, Step, named
from primitives import field
from primitives.errors import BadInput
from primitives.field import MODULUS, FieldArray
from primitives.r1cs import R1CS, SparseMatrix

LARGEST_RANGE = 253
"""Bits of the widest range: with one more, small residues would have two representations."""


@dataclass(frozen=True)
class Wires:
    """An allocated block: `first ..`, one wire per element of `shape`."""

    label: str
    shape: Shape
    first: int

    @property
    def count(self) -> int:
        return int(np.prod(self.shape))


class Share(NamedTuple):
    """What a part of a circuit costs: rows, wires it allocates, non-zero coefficients of A, B and C together."""

    rows: int
    wires: int
    entries: int


@dataclass(frozen=True)
class Assumption:
    """An interval of an input that nothing in the circuit enforces, and what does: a clause of the specification."""

    label: str
    interval: Interval
    reason: str


def quotients(numerators: Sequence[int], divisors: Sequence[int]) -> list[int]:
    """Modulo r, elementwise; 0 where the divisor is 0."""
    return [above * pow(below, -1, MODULUS) % MODULUS if below % MODULUS else 0
            for above, below in zip(numerators, divisors, strict=True)]


def group_of(label: str) -> str:
    """A label without the number at its end: what is done in a loop is one thing."""
    return re.sub(r"/\d+$", "", label)


class ConstraintSystem:
    """Records wires and steps. Every method that adds rows takes a label; `scope` prefixes labels and input names."""

    def __init__(self) -> None:
        self.coefficients = Coefficients()
        self.steps: list[Step] = []
        self.allocations: list[Wires] = [Wires("one", (), 0)]
        self.assumptions: list[Assumption] = []
        self.inputs: dict[str, Shape] = {}
        self.hints: set[str] = set()
        self.publics: list[str] = []
        self.open_products: dict[int, Quadratic] = {}
        self.wires = 1
        self._scope: tuple[str, ...] = ()
        self._constants: dict[str, int] = {}
        self._r1cs: R1CS | None = None
        self.one = self._wire_array((), 0, Interval(1, 1))
        nothing = np.zeros(0, np.int32)
        self.zero = Linear(self, (), np.zeros(2, np.int64), nothing, nothing, Interval(0, 0))

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix labels and input names: "name/..."."""
        before, self._scope = self._scope, (*self._scope, name)
        try:
            yield
        finally:
            self._scope = before

    def label(self, name: str) -> str:
        """A name with the prefix of the scopes around it."""
        return "/".join((*self._scope, name))

    # -- making signals --------------------------------------------------------------------------------------------
    def _wire_array(self, shape: Shape, first: int, interval: Interval) -> Linear:
        size = int(np.prod(shape))
        return Linear(self, shape, np.arange(size + 1), np.arange(first, first + size, dtype=np.int32),
                      np.full(size, ONE, np.int32), interval)

    def allocate(self, name: str, shape: Shape, interval: Interval = ANY) -> tuple[Linear, int]:
        """Fresh wires; returns the signal and the first wire. The caller constrains them."""
        shape = shape_of(shape, self.label(name))
        block = Wires(self.label(name), shape, self.wires)
        self.allocations.append(block)
        self.wires += block.count
        return self._wire_array(shape, block.first, interval), block.first

    def signal(self, value: Signal, label: str = "constant") -> Linear:
        """A `Linear` as it is, a `Quadratic` as wires, constants as multiples of the wire that is one.

        Raises
        ------
        CircuitError : constants that are no integers between -r and r; a signal of another system.
        """
        if isinstance(value, Linear | Quadratic):
            if value.cs is not self:
                raise CircuitError(f"{self.label(label)} at {place()}: a signal of another system")
            return self.wire(value) if isinstance(value, Quadratic) else value
        array = integers(value, self.label(label))
        exact = [int(v) for v in array.reshape(-1)]
        used = np.array([v % MODULUS != 0 for v in exact], np.bool_)
        ids = self.coefficients.intern(exact)
        interval = Interval(min(exact), max(exact)) if exact else Interval(0, 0)
        return Linear(self, array.shape, bounds(used), np.zeros(int(used.sum()), np.int32), ids[used],
                      interval if interval.known else ANY)

    def constants(self, name: str, words: FieldArray) -> int:
        """The first id of a block of coefficients that is stored once per system under a name."""
        if name not in self._constants:
            self._constants[name] = self.coefficients.append(words)
        return self._constants[name]

    def together(self, *values: Signal) -> list[Linear]:
        """Signals broadcast to one shape, as `circuits.operands.joined` allows.

        Raises
        ------
        CircuitError : they do not go together.
        """
        signals = [self.signal(value) for value in values]
        if all(s.shape == signals[0].shape for s in signals):
            return signals
        shape, label = signals[0].shape, self.label("operands")
        for value, signal in zip(values[1:], signals[1:], strict=True):
            shape = joined(shape, signal.shape, label, constant=not isinstance(value, Linear | Quadratic))
        return [s.broadcast(shape) for s in signals]

    def public(self, name: str) -> Linear:
        """A public input, one wire of any residue. Public inputs come before everything else."""
        if self.wires != len(self.publics) + 1 or self._scope:
            raise CircuitError(f"public input {name} does not come first")
        self.publics.append(name)
        return self.private(name)

    def hint(self, name: str, shape: Shape = ()) -> Linear:
        """Wires that the witness supplies and the constraints are to determine: a sorted order, a quotient.

        Nothing but intent tells a hint from a `private` input; the soundness harness holds the circuit to it.
        """
        self.hints.add(self.label(name))
        return self.private(name, shape)

    def private(self, name: str, shape: Shape = (), *, assumed: Interval = ANY, reason: str = "") -> Linear:
        """Wires that the witness supplies freely, or that a hash ties to a public input.

        Parameters
        ----------
        assumed : what the signal may be taken to lie in although no constraint says so. A strict witness run checks
            it; against a cheating prover it rests on `reason`, the clause that makes it true.
        """
        if assumed.known and not reason:
            raise CircuitError(f"{self.label(name)}: an assumed interval needs the reason it may be assumed")
        signal, first = self.allocate(name, shape, assumed)
        label = self._input(name, shape)
        self.steps.append(Inputs(label, shape, first, assumed))
        if assumed.known:
            self.assumptions.append(Assumption(label, assumed, reason))
        return signal

    def _input(self, name: str, shape: Shape) -> str:
        label = self.label(name)
        if label in self.inputs:
            raise CircuitError(f"two inputs are called {label}")
        self.inputs[label] = shape
        return label

    # -- constraints -----------------------------------------------------------------------------------------------
    def equal(self, left: Signal, right: Signal, label: str) -> None:
        """One row per element: a `Quadratic` or `Linear` equals a `Linear` of its shape, or one value all elements.

        Raises
        ------
        CircuitError : shapes differ; both sides stand for integers, but far enough apart that equal residues need not
            be equal integers.
        """
        target = self.signal(right, label)
        left = left if isinstance(left, Quadratic) else self.signal(left, label)
        if target.shape not in (left.shape, ()):
            raise CircuitError(f"{self.label(label)} at {place()}: shape {left.shape} cannot equal {target.shape}")
        interval = left.interval
        if interval.known and target.interval.known and not interval.congruent_only_if_equal(target.interval):
            raise CircuitError(f"{self.label(label)}: {interval} and {target.interval} can differ by a multiple of r")
        if isinstance(left, Quadratic):
            content = left.use()
            self._rows(label, content.left, content.right, target - content.rest, checked=True)
        else:
            self._rows(label, left, self.one, target, checked=True)

    def _rows(self, label: str, left: Linear, right: Linear, result: Linear, *, checked: bool = False) -> None:
        a, b, c = self.together(left, right, result)
        self.steps.append(Rows(self.label(label), a, b, c, checked=checked))

    def wire(self, value: Quadratic, label: str = "product") -> Linear:
        """Fresh wires equal to a product: one row each."""
        content = value.use()
        out, first = self.allocate(label, content.left.shape, content.interval)
        result = out - content.rest if len(content.rest.wires) else out
        self.steps.append(Rows(self.label(label), content.left, content.right, result, first, content))
        return out

    def multiply(self, left: Signal, right: Signal, label: str) -> Linear:
        """Wires equal to left * right: one row each."""
        return self.wire(self.signal(left) * self.signal(right), label)

    def compute(self, targets: Sequence[Linear], sources: Sequence[Linear],
                function: Callable[..., Sequence[Sequence[int]]], label: str) -> None:
        """Have the witness program fill in allocated wires: no rows, so the caller constrains them.

        Parameters
        ----------
        targets : each of consecutive wires.
        function : from the residues of each source, as lists in [0, r), to those of each target.
        """
        blocks = tuple((int(target.wires[0]), target.size) for target in targets)
        self.steps.append(Computed(self.label(label), tuple(sources), blocks, function))

    def divide(self, numerator: Signal, divisor: Signal, label: str) -> Linear:
        """Wires equal to numerator / divisor, residues both: one row each, quotient * divisor = numerator.

        Where the divisor is 0 the row says that the numerator is 0, and *nothing of the quotient*, which a witness has
        as 0: the caller argues that they are never both.
        """
        above, below = self.together(numerator, divisor)
        out, _ = self.allocate(label, below.shape)
        self.compute([out], [above, below], lambda up, down: [quotients(up, down)], label)
        self.equal(out * below, above, label)
        return out

    def boolean(self, name: str, shape: Shape = ()) -> Linear:
        """A hint of 0 or 1: one row each."""
        self.hints.add(self.label(name))
        return self._bits(self._input(name, shape), shape, 1, name, suffix="")

    def bits(self, name: str, bits: int, shape: Shape = ()) -> Linear:
        """A hint in [0, 2**bits) because it *is* its bits: bits rows each."""
        self.hints.add(self.label(name))
        return self._bits(self._input(name, shape), shape, bits, name)

    def nonnegative(self, value: Linear | Quadratic, bits: int, label: str) -> Linear:
        """value in [0, 2**bits), as integers: bits + 1 rows each. Returns it as a sum of its bits.

        Raises
        ------
        CircuitError : value is not known to be an integer so close to 0 that its residue has no other representative
            in the range. For a value that this very check is to define, see `represent`.
        """
        if not value.interval.congruent_only_if_equal(unsigned(bits)):
            raise CircuitError(f"{self.label(label)}: a range of {bits} bits proves nothing about {value.interval}")
        return self.represent(value, bits, label)

    def represent(self, value: Linear | Quadratic, bits: int, label: str) -> Linear:
        """A sum of bits with the residue of value: bits + 1 rows each.

        This claims nothing about value as an integer: the caller argues what follows (`circuits.gadgets.ranges`).
        """
        content = value.use() if isinstance(value, Quadratic) else value
        shape = value.shape
        ranged = self._bits(content, shape, bits, label)
        if isinstance(content, Product):
            self._rows(label, content.left, content.right, ranged - content.rest)
        else:
            self._rows(label, content, self.one, ranged)
        return ranged

    def _bits(self, value: str | Linear | Product, shape: Shape, bits: int, label: str, suffix: str = " bit") -> Linear:
        if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or bits < 0:
            raise CircuitError(f"{self.label(label)} at {place()}: {bits!r} is no number of bits")
        if bits > LARGEST_RANGE:
            raise CircuitError(f"{self.label(label)}: {bits} bits would represent some residues twice")
        wires, first = self.allocate(label + suffix, (*shape, bits) if suffix else shape, BIT)
        self.steps.append(Decompose(self.label(label), shape, value, bits, first))
        self._rows(label + suffix, wires, wires - 1, self.zero)
        size = int(np.prod(shape))
        powers = self.coefficients.intern([1 << i for i in range(bits)])
        return Linear(self, shape, np.arange(size + 1) * bits, wires.wires, np.tile(powers, size), unsigned(bits))

    def finish(self) -> ConstraintSystem:
        """Check what only the whole record shows; returns the system itself.

        Raises
        ------
        CircuitError : a product that never became a constraint, or a wire in no constraint at all.
        """
        for product in self.open_products.values():
            raise CircuitError(f"the {product} never became a constraint")
        loose = self.loose()
        if len(loose):
            raise CircuitError(f"no row mentions wire {self.wire_label(int(loose[0]))} (and {len(loose) - 1} more)")
        return self

    # -- results ---------------------------------------------------------------------------------------------------
    def witness(self, inputs: Mapping[str, Any], *, strict: bool = True) -> FieldArray:
        """Run the recorded steps: field array (wires, 4).

        Parameters
        ----------
        inputs : integers, nested sequences or arrays of them, or field arrays, by the names in `self.inputs`.
        strict : raise at the first value that breaks a range or an equation. Otherwise carry on with bit wires that
            are no bits, so that a test sees which *rows* refuse the witness.

        Raises
        ------
        BadInput : an input is missing, unknown, of another shape, or no integer below r.
        Unsatisfied : naming label[index], the value and the bound.
        """
        for name in self.inputs:
            if name not in inputs:
                raise BadInput(f"witness input {name}", None, "given")
        for name in inputs:
            if name not in self.inputs:
                raise BadInput("witness input", name, f"one of {', '.join(self.inputs)}")
        values = np.empty((self.wires, 4), np.uint64)
        values[0] = field.ONE
        for step in self.steps:
            step.run(values, inputs, strict)
        return values

    @property
    def blocks(self) -> list[Step]:
        """Steps that have rows, in order of their rows."""
        return [step for step in self.steps if step.rows]

    @property
    def rows(self) -> int:
        """Number of constraints."""
        return sum(step.rows for step in self.steps)

    def r1cs(self) -> R1CS:
        """The matrices. Kept, so record nothing afterwards."""
        if self._r1cs is None or self._r1cs.wires != self.wires or self._r1cs.rows != self.rows:
            a, b, c = (self._matrix(list(side)) for side in zip(*[block.forms() for block in self.blocks], strict=True))
            self._r1cs = R1CS(a, b, c, self.coefficients.words.copy(), self.wires, len(self.publics))
        return self._r1cs

    @staticmethod
    def _matrix(forms: list[tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32]]]) -> SparseMatrix:
        lengths, wires, ids = zip(*forms, strict=True)
        return SparseMatrix(bounds(np.concatenate(lengths)), np.concatenate(wires), np.concatenate(ids))

    # -- names -----------------------------------------------------------------------------------------------------
    def row_label(self, row: int) -> str:
        """label[index] of a row."""
        for block in self.blocks:
            if row < block.rows:
                return block.place(row)
            row -= block.rows
        raise IndexError("no such row")

    def wire_label(self, wire: int) -> str:
        """label[index] of a wire."""
        if not 0 <= wire < self.wires:
            raise IndexError("no such wire")
        firsts = [block.first for block in self.allocations]
        block = self.allocations[int(np.searchsorted(firsts, wire, side="right")) - 1]
        return named(block.label, wire - block.first, block.shape)

    def find(self, label: str) -> NDArray[np.int64]:
        """The wires allocated under a label, as an array of its shape; under label/0, label/1, ..., stacked."""
        found = [np.arange(block.first, block.first + block.count).reshape(block.shape)
                 for block in self.allocations if label in (block.label, group_of(block.label))]
        if not found:
            raise KeyError(label)
        return found[0] if len(found) == 1 else np.stack(found)

    def groups(self) -> dict[str, NDArray[np.int64]]:
        """Row numbers by label, in order of appearance; blocks label/0, label/1, ... are one group."""
        parts: dict[str, list[NDArray[np.int64]]] = {}
        row = 0
        for block in self.blocks:
            parts.setdefault(group_of(block.label), []).append(np.arange(row, row + block.rows))
            row += block.rows
        return {label: np.concatenate(rows) for label, rows in parts.items()}

    def violations(self, witness: FieldArray, limit: int = 10) -> list[str]:
        """Labels of the first rows that a witness breaks."""
        return [self.row_label(int(row)) for row in self.r1cs().broken(witness)[:limit]]

    def loose(self) -> NDArray[np.int64]:
        """Wires that no row mentions: values that a prover may choose freely."""
        used = np.zeros(self.wires, np.bool_)
        used[0] = True
        for block in self.blocks:
            used[block.mentioned()] = True
        return np.flatnonzero(~used)

    def profile(self, depth: int = 1) -> dict[str, Share]:
        """What each part costs, by the first `depth` components of its labels, in order of appearance."""
        table: dict[str, list[int]] = {}

        def part(label: str) -> list[int]:
            return table.setdefault("/".join(label.split("/")[:depth]), [0, 0, 0])

        for wires in self.allocations:
            part(wires.label)[1] += wires.count
        for block in self.blocks:
            part(block.label)[0] += block.rows
            part(block.label)[2] += block.entries
        return {label: Share(*counts) for label, counts in table.items()}
