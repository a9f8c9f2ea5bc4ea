"""Formulas in, programs out: arithmetic on `Row` and `Scalar` records instructions for `steps.run`.

    program = Program()
    f = program.row(steps.F)
    code = program.assemble((f.square() * f.conjugate()).frobenius(2))

Recorded values are assigned once; `assemble` gives them registers and reuses those whose value is no longer needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import steps
from .steps import Step

Code: TypeAlias = NDArray[np.int32]
UNPLACED = -1


class Recorded:
    """A value that a program reads or makes.

    Its register is fixed by the caller, or else `temporary`: allotted when the program is assembled.
    """

    def __init__(self, program: Program, register: int = UNPLACED) -> None:
        self.program, self.register, self.temporary = program, register, False


class Scalar(Recorded):
    """Eight Fp values, one a lane."""

    def __mul__(self, other: Scalar) -> Scalar:
        return self.program.record(Scalar, Step.MULTIPLY, self, other)

    def square(self) -> Scalar:
        return self.program.record(Scalar, Step.SQUARE, self)

    def power(self, exponent: int) -> Scalar:
        """Windows of four bits, from the left."""
        table = [self.program.scalar(steps.UNIT), self]
        while len(table) < 16:
            table.append(table[-1] * self)
        digits = [exponent >> place & 15 for place in range(0, exponent.bit_length(), 4)]
        result = table[digits[-1]]
        for digit in digits[-2::-1]:
            result = result.square().square().square().square()
            if digit:
                result = result * table[digit]
        return result


class Fp2Value(Recorded):
    """Eight Fp2 values, one a lane."""

    def norm(self) -> Scalar:
        """The norm to Fp of lane 0, in all lanes."""
        return self.program.record(Scalar, Step.NORM, self)

    def conjugate_times(self, factor: Scalar) -> Fp2Value:
        """The conjugate over Fp of lane 0, in all lanes, times a factor."""
        return self.program.record(Fp2Value, Step.CONJUGATE_SCALE, self, factor)


class Row(Fp2Value):
    """One element of Fp12 (tower.py), with the operations of the final exponentiation."""

    def __mul__(self, other: Row) -> Row:
        return self.program.record(Row, Step.ROW_MULTIPLY, self, other)

    def square(self) -> Row:
        return self.program.record(Row, Step.ROW_SQUARE, self)

    def cyclotomic_square(self) -> Row:
        """The square, for elements whose order divides q**4 - q**2 + 1."""
        return self.program.record(Row, Step.ROW_CYCLOTOMIC_SQUARE, self)

    def conjugate(self) -> Row:
        """The q**6-th power; for the order that `cyclotomic_square` needs, the inverse."""
        return self.program.record(Row, Step.ROW_CONJUGATE, self)

    def frobenius(self, n: int) -> Row:
        """The q**n-th power, n = 1 .. 4."""
        step = Step.CONJUGATE_MULTIPLY_FP2 if n % 2 else Step.MULTIPLY_FP2
        return self.program.record(Row, step, self, Recorded(self.program, steps.FROBENIUS + 2 * (n - 1)))

    def scaled(self, factor: Fp2Value) -> Row:
        """Times an Fp2 element that stands in all lanes."""
        return self.program.record(Row, Step.MULTIPLY_FP2, self, factor)

    def power(self, digits: Sequence[int]) -> Row:
        """The power with these signed, odd or zero digits below 8, first one positive; cyclotomic elements only."""
        square = self.cyclotomic_square()
        odd = [self]
        while len(odd) < 4:
            odd.append(odd[-1] * square)
        inverses = [value.conjugate() for value in odd]
        result = odd[digits[0] >> 1]
        for digit in digits[1:]:
            result = result.cyclotomic_square()
            if digit:
                result = result * (odd[digit >> 1] if digit > 0 else inverses[-digit >> 1])
        return result

    # -- the Miller loop: lines of all pairs of all blocks
    def times_tangents(self) -> Row:
        return self.program.record(Row, Step.TANGENTS, self)

    def times_chords(self, point: int) -> Row:
        """`point` is what is added to T: a place in the block."""
        return self.program.record(Row, Step.CHORDS, self, point)


Kind = TypeVar("Kind", bound=Recorded)
Instruction: TypeAlias = tuple[Step, Recorded | None, tuple[Recorded | int, ...]]


class Program:
    """Instructions in the order in which they were recorded."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []

    def row(self, register: int) -> Row:
        """The row that lies in a register when the program starts."""
        return Row(self, register)

    def scalar(self, register: int) -> Scalar:
        """The Fp value that lies in a register when the program starts."""
        return Scalar(self, register)

    def one(self) -> Row:
        return self.row(steps.ONE)

    def record(self, kind: Callable[[Program], Kind], step: Step, *operands: Recorded | int) -> Kind:
        result = kind(self)
        self.instructions.append((step, result, operands))
        return result

    def do(self, step: Step, *operands: Recorded | int) -> None:
        """Record a step that works on all blocks."""
        self.instructions.append((step, None, operands))

    def compare(self, a: Row, b: Row) -> None:
        """Set flag SAME to the lanes in which two rows agree."""
        self.do(Step.COMPARE, a, b)

    def assemble(self, result: Row | None = None) -> Code:
        """The instructions, (n, 4), that leave `result`, the last value recorded, in register F.

        A value's register is free from its last use on, for the result of that very instruction too: every step reads
        its operands before it writes.
        """
        if result is not None and result is not [out for _, out, _ in self.instructions if out is not None][-1]:
            raise ValueError("only the last value can be the result: what follows may still read register F")
        last_use: dict[Recorded | int, int] = {
            operand: at for at, (_, _, operands) in enumerate(self.instructions) for operand in operands}
        free = list(range(steps.REGISTERS - 2, steps.FREE - 1, -2))
        code = np.zeros((len(self.instructions), 4), np.int32)
        for at, (step, out, operands) in enumerate(self.instructions):
            places = [operand if isinstance(operand, int) else operand.register for operand in operands]
            for operand in dict.fromkeys(operands):
                if isinstance(operand, Recorded) and operand.temporary and last_use[operand] == at:
                    free.append(operand.register)
            if out is not None:
                out.register, out.temporary = (steps.F, False) if out is result else (free.pop(), True)
            code[at] = [step, 0 if out is None else out.register, *places, *[0] * (2 - len(places))]
        return code
