"""What operations on signals take besides signals: integers, and shapes that fit. Everything else is refused.

NumPy would round, wrap, or repeat instead: a list of 2**63 and -1 becomes floating point, a half becomes 0 where an
integer is wanted, True counts as 1, and an array of one element goes with one of any length.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitError
from primitives.field import MODULUS

Shape: TypeAlias = tuple[int, ...]

BUILDER = {Path(__file__).with_name(name).as_posix() for name in ("operands.py", "signals.py", "builder.py")}


def integers(value: Any, label: str) -> NDArray[Any]:
    """A constant, or an array or nested sequence of constants, of dtype integer or object.

    Raises
    ------
    CircuitError : naming label and value: a float, a boolean or another thing that is no integer; an integer outside
        (-r, r), which would stand for the residue of another.
    """
    array = value if isinstance(value, np.ndarray) else np.array(value, object)
    if array.dtype.kind in "iu":
        return array
    for element in array.reshape(-1).tolist():
        if isinstance(element, bool | np.bool_) or not isinstance(element, int | np.integer):
            raise CircuitError(f"{label} at {place()}: the constant {element!r} is no integer but "
                               f"of type {type(element).__name__}")
        if not -MODULUS < element < MODULUS:
            raise CircuitError(f"{label} at {place()}: the constant {element} is not between -r and r, and would be "
                               "taken for another integer")
    return array.astype(object)


def shape_of(shape: object, label: str) -> Shape:
    """A shape as a tuple of Python integers.

    Raises
    ------
    CircuitError : it is no tuple of integers that are not negative.
    """
    if not isinstance(shape, tuple) or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 0
                                               for n in shape):
        raise CircuitError(f"{label} at {place()}: {shape!r} is no shape, a tuple of integers that are not negative")
    return tuple(int(n) for n in shape)


def joined(left: Shape, right: Shape, label: str, *, constant: bool = False) -> Shape:
    """The shape of an operation's result.

    A single value, shape (), goes with every shape. Arrays need the same number of axes, of equal lengths; with two or
    more axes, an axis of length 1 is repeated, which takes a reshape and so is meant. Constants may also lack leading
    axes: they are then weights along the last ones.

    Parameters
    ----------
    constant : `right` is that of a constant.

    Raises
    ------
    CircuitError : naming label and shapes. Signals are never repeated silently.
    """
    if left == right or right == ():
        return left
    if left == ():
        return right
    if constant and len(right) < len(left):
        right = (*left[:len(left) - len(right)], *right)
    if len(left) == len(right) and (len(left) > 1 or left == right) \
            and all(a == b or 1 in (a, b) for a, b in zip(left, right, strict=True)):
        return tuple(b if a == 1 else a for a, b in zip(left, right, strict=True))
    raise CircuitError(f"{label} at {place()}: shapes {left} and {right} do not go together; reshape or broadcast what "
                       "is to be repeated")


def place() -> str:
    """file:line of the innermost caller outside the builder."""
    frame = sys._getframe(1)
    while frame.f_back is not None and Path(frame.f_code.co_filename).as_posix() in BUILDER:
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
