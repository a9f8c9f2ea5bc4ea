"""What tests of exact arithmetic share: equal bytes, and no instruction that could change them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.native import Compiled

FLAGS = re.compile(r"\b(fast|contract|reassoc|arcp|afn|nsz|nnan|ninf)\b(?= )|llvm\.(fma|fmuladd)|\bfma\b"
                   r"|^\s*(v?fn?m(add|sub)|fmla|fmls)\w*\s", re.MULTILINE)
"""Leave to join or regroup operations in LLVM's instructions, and operations of processors that are joined."""


def same(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Byte for byte; one NaN is as good as another."""
    return bool(((a.view(np.int64) == b.view(np.int64)) | (np.isnan(a) & np.isnan(b))).all())


def instructions(function: Callable[..., Any], *arguments: Any) -> str:
    """LLVM's for doubles, without the names of symbols, and the processor's."""
    assert isinstance(function, Compiled)
    ours, machine = function.written(*arguments)
    lines = [line for line in ours.splitlines() if re.search(r" f(mul|add|sub|div|neg)|call", line)]
    return "\n".join([re.sub(r'@"?_ZN[^ (]*', "", line) for line in lines]) + "\n" + machine
