"""Constraint systems: iden3 `.r1cs`, version 1.

    1 header: field size (u32), prime, wires, public outputs, public inputs, private inputs (u32), labels (u64),
      constraints (u32). Private inputs are those of the source, of which circom's simplification may have removed the
      wires; nothing depends on their number
    2 constraints: for each the linear forms A, B, C: number of terms (u32), then wire (u32) and coefficient of each
    3 label of each wire (u64); some writers leave it out
    4, 5 custom gates, which are no rank-1 constraints
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.errors import BadInput, Said
from primitives.field import FieldArray
from primitives.r1cs import R1CS, SparseMatrix
from prover.curve import ORDER
from prover.files.elements import SCALAR_BYTES, check_prime, to_montgomery
from prover.files.sections import Cursor, Sections, read_sections, write_sections

MAGIC = b"r1cs"
NAMES = {1: "header", 2: "constraints", 3: "labels", 4: "custom gates", 5: "uses of custom gates"}
TERM = 9
"""Words of 32 bits that a term takes: the wire and eight of coefficient."""
LABEL = 8
"""Bytes that a label takes, and so the least that a file says about each wire."""


@dataclass(frozen=True)
class Header:
    """What the header says: sizes of the system, and of the source that it was compiled from.

    wires, constraints : of the system. outputs, public_inputs : public wires, outputs first. private_inputs, labels :
    those of the source, wires or not.
    """

    wires: int
    outputs: int
    public_inputs: int
    private_inputs: int
    labels: int
    constraints: int


def read_header(path: str | Path) -> Header:
    """The header alone, in no time.

    Raises
    ------
    BadInput : the file is no `.r1cs`, over another field, or has more public wires than wires.
    """
    return _read_header(read_sections(path, MAGIC, (1,), NAMES))


def _read_header(sections: Sections) -> Header:
    header = sections.open(1)
    check_prime(header, "scalar field", ORDER)
    wires = header.u32("wires", least=1, most=2**31 - 1)
    outputs = header.u32("public outputs", most=wires - 1)
    inputs = header.u32("public inputs", most=wires - 1 - outputs)
    found = Header(wires, outputs, inputs, header.u32("private inputs"), header.integer(LABEL, "labels"),
                   header.u32("constraints"))
    header.end()
    return found


def read_r1cs(path: str | Path) -> R1CS:
    """The constraint system; circom's public outputs and public inputs together are the public inputs.

    Raises
    ------
    BadInput : the file is malformed, over another field, uses custom gates, or names a wire that does not exist.
    """
    sections = read_sections(path, MAGIC, (1,), NAMES)
    header = _read_header(sections)
    wires, public, rows = header.wires, header.outputs + header.public_inputs, header.constraints
    _check_wires(sections, wires)

    for number in (4, 5):
        if number in sections and sections.open(number).u32("number of gates"):
            raise BadInput(sections.name(number), Said("not empty"), "absent: Groth16 knows rank-1 constraints only",
                           source=sections.source)
    constraints = sections.open(2)
    if 12 * rows > constraints.left or constraints.left % 4:
        raise constraints.refuse("size", constraints.left, f"that of {rows} constraints")
    words = constraints.array("<u4", (constraints.left // 4,), "constraints")
    first, counts = _find_forms(constraints, words, rows)
    entries = [_entries(first[k::3], counts[k::3]) for k in range(3)]
    everything = np.concatenate(entries)
    named = words[everything]
    if len(named) and named.max() >= wires:
        raise constraints.refuse("wire", int(named.max()), f"below {wires}, the number of wires")
    coefficients = words[everything[:, None] + np.arange(1, TERM)].view("<u8")
    distinct, numbers = _distinct(coefficients)
    table = to_montgomery(constraints, distinct, "coefficient")
    matrices, done = [], 0
    for k, places in enumerate(entries):
        starts = np.concatenate([[0], np.cumsum(counts[k::3], dtype=np.int64)])
        part = slice(done, done + len(places))
        matrices.append(SparseMatrix(starts, named[part].astype(np.int32), numbers[part]))
        done += len(places)
    a, b, c = matrices
    return R1CS(a, b, c, table, wires, public)


def _check_wires(sections: Sections, wires: int) -> None:
    """Refuse wires that the file does not bear out: a key takes hundreds of bytes for each, their number only four.

    Wires that are in no constraint are common (inputs that nothing uses, circuits that were not simplified), but a
    compiler labels them. Without labels the constraints have to be as long as the labels would be: a wire that they
    name takes four times that, so some that they do not name may still be there.
    """
    if 3 in sections:
        labels = sections.open(3)
        labels.take(LABEL * wires, "labels")
        labels.end()
    elif wires > 1 and LABEL * wires > (size := sections.open(2).left):
        raise sections.open(1).refuse("wires", wires, f"at most {size // LABEL}, without labels: those take {LABEL} "
                                      "bytes a wire, and so must the constraints in their place")


def _find_forms(cursor: Cursor, words: NDArray[np.uint32], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the first terms, and numbers of terms, of the 3 * rows linear forms.

    Each form tells only where the next begins, so this is a loop, over containers whose items are quicker to reach
    than those of NumPy's.
    """
    content, place, end = memoryview(words.data), 0, len(words)
    places = array("q", bytes(24 * rows))
    for form in range(3 * rows):
        places[form] = place + 1
        if place >= end:
            raise cursor.refuse(f"constraint {form // 3}", Said("the section's end"),
                                "complete: the section ends too soon")
        place += 1 + TERM * content[place]
    if place != end:
        raise cursor.refuse("size", Said(f"{4 * len(words)} bytes"), f"{4 * place} bytes, what its constraints take")
    first = np.frombuffer(places, np.int64)
    return first, words[first - 1].astype(np.int64)


def _entries(first: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of all terms of some forms, in order."""
    ends = np.cumsum(counts)
    within = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
    return np.repeat(first, counts) + TERM * within


def _distinct(values: FieldArray) -> tuple[FieldArray, NDArray[np.int32]]:
    """The distinct rows of (n, 4), and for each row its number among them.

    Rows are sorted by a random digest first, which is far quicker than sorting rows. Where two distinct rows share it,
    the rows themselves are sorted: that is never needed by chance, but whoever writes a file can have it so, and gains
    no more than some seconds of our time.
    """
    multipliers = np.frombuffer(np.random.default_rng().bytes(32), np.uint64) | np.uint64(1)
    mixed = values ^ (values >> np.uint64(29))
    digests = (mixed * multipliers).sum(axis=1, dtype=np.uint64)
    _, first, numbers = np.unique(digests, return_index=True, return_inverse=True)
    table = values[first]
    if not np.array_equal(table[numbers], values):
        table, numbers = np.unique(values, axis=0, return_inverse=True)
    return table, numbers.reshape(-1).astype(np.int32)


def write_r1cs(path: str | Path, r1cs: R1CS) -> None:
    """Write a constraint system: no public outputs, all public inputs, every wire its own label."""
    matrices = (r1cs.a, r1cs.b, r1cs.c)
    counts = np.stack([np.diff(matrix.starts) for matrix in matrices], axis=1)
    sizes = 1 + TERM * counts.reshape(-1)
    begins = (np.cumsum(sizes) - sizes).reshape(-1, 3)
    words = np.zeros(int(sizes.sum()), "<u4")
    words[begins] = counts
    plain = field.canonical(r1cs.table).astype("<u8").view("<u4")
    for k, matrix in enumerate(matrices):
        rows = np.repeat(np.arange(matrix.rows), counts[:, k])
        order = np.lexsort((matrix.wires, rows))           # the format wants a form's wires in increasing order
        places = _entries(begins[:, k] + 1, counts[:, k])
        words[places] = matrix.wires[order]
        words[places[:, None] + np.arange(1, TERM)] = plain[matrix.coefficients[order]]
    numbers = [r1cs.wires, 0, r1cs.public, 0]
    with write_sections(path, MAGIC, 1, 3) as file:
        file.section(1, SCALAR_BYTES.to_bytes(4, "little"), ORDER.to_bytes(SCALAR_BYTES, "little"),
                     np.array(numbers, "<u4"), r1cs.wires.to_bytes(8, "little"), r1cs.rows.to_bytes(4, "little"))
        file.section(2, words)
        file.section(3, np.arange(r1cs.wires, dtype="<u8"))
