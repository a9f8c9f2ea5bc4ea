"""Names of wires in the format that circom writes beside an .r1cs file, for tools that show them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from circuits.builder import ConstraintSystem
from primitives.jsonio import creating


def symbols(cs: ConstraintSystem) -> Iterator[str]:
    """Lines "label,wire,component,name" for every wire but the constant, as circom's .sym files have them.

    Names are the labels as paths: "main.tail.C13_gap_bit[417][3]".
    """
    for block in cs.allocations[1:]:
        path = ".".join(["main", *(re.sub(r"[^A-Za-z0-9_|+*^-]+", "_", part) for part in block.label.split("/"))])
        for offset, index in enumerate(np.ndindex(block.shape)):
            wire = block.first + offset
            yield f"{wire},{wire},0,{path}{''.join(f'[{i}]' for i in index)}"


def write_symbols(cs: ConstraintSystem, path: str | Path) -> None:
    """Write `symbols` to a file, whole or not at all."""
    with creating(path) as file:
        for line in symbols(cs):
            file.write(line.encode() + b"\n")
