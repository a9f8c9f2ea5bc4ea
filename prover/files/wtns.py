"""Witnesses: iden3 `.wtns`.

    1 header: field size (u32), prime, number of values (u32)
    2 values: canonical residues, wire 0 first
"""

from __future__ import annotations

from pathlib import Path

from primitives import field
from primitives.field import FieldArray
from prover.curve import ORDER
from prover.files.elements import SCALAR_BYTES, check_prime, read_scalars
from prover.files.sections import read_sections, write_sections

MAGIC = b"wtns"
NAMES = {1: "header", 2: "values"}


def read_wtns(path: str | Path) -> FieldArray:
    """The witness, (wires, 4) Montgomery.

    Raises
    ------
    BadInput : the file is malformed, over another field, or holds a value that is not canonical.
    """
    sections = read_sections(path, MAGIC, (1, 2), NAMES)
    header = sections.open(1)
    check_prime(header, "scalar field", ORDER)
    count = header.u32("number of values")
    header.end()
    values = sections.open(2)
    witness = read_scalars(values, count, "value")
    values.end()
    return witness


def write_wtns(path: str | Path, witness: FieldArray) -> None:
    """Write a witness; readable by the owner only, for it holds everything a proof is to hide."""
    with write_sections(path, MAGIC, 2, 2, mode=0o600) as file:
        file.section(1, SCALAR_BYTES.to_bytes(4, "little"), ORDER.to_bytes(SCALAR_BYTES, "little"),
                     len(witness).to_bytes(4, "little"))
        file.section(2, field.canonical(witness))
