"""A choice among n, as n booleans of which exactly one is set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.intervals import Interval
from circuits.operands import Shape
from circuits.signals import Linear


class Choice(NamedTuple):
    """marks : (..., n), one of them 1 and the others 0.  number : (...), which one, in [0, n)."""

    marks: Linear
    number: Linear


def one_hot(cs: ConstraintSystem, name: str, count: int, shape: Shape = ()) -> Choice:
    """A hint of `count` marks: count + 1 rows each. The number costs nothing.

    Booleans alone would allow none or several, a sum of 1 alone would allow 2 and -1: both rows are needed.
    """
    marks = cs.boolean(name, (*shape, count))
    cs.equal(marks.sum(-1), 1, f"{name}, one")
    number: Linear = (marks * np.arange(count)).sum(-1)
    return Choice(marks, number.within(Interval(0, count - 1)))
