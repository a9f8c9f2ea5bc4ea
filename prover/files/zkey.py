"""Proving keys: iden3 `.zkey` for Groth16, version 1.

    1 protocol (u32): 1 is Groth16
    2 header: size and prime of the base field, size and prime of the scalar field, wires, public inputs, domain (u32),
      [α]_1, [β]_1, [β]_2, [γ]_2, [δ]_1, [δ]_2
    3 IC, ℓ+1 points of G1
    4 coefficients: how many (u32), then matrix (0 for u, 1 for v), row, wire (u32) and x * 2**512 mod r for each
    5 u of each wire in G1      6 v of each wire in G1      7 v of each wire in G2
    8 private wires in G1       9 the odd coset's Lagrange polynomials in G1
    10 circuit hash (64 bytes), number of contributions (u32), contributions

Points are affine, Montgomery, as `prover.points` has them: the sections are used where they lie.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.backend import MOST_PUBLIC, Backend, BackendName, load_backend
from prover.ceremony.transcript import Contribution, Transcript
from prover.curve import BASE_MODULUS, ORDER
from prover.domain import MAX_DOMAIN
from prover.files.coefficients import ENTRY, read_coefficients
from prover.files.contributions import MOST_CONTRIBUTIONS, read_parameters, require_bounded, write_parameters
from prover.files.elements import (
    SCALAR_BYTES,
    check_prime,
    read_g1,
    read_g2,
    read_point_g1,
    read_point_g2,
    times_radix,
)
from prover.files.sections import Cursor, SectionWriter, naming, read_sections, write_sections
from prover.groth16.check import check_all_points, check_header
from prover.groth16.keys import ProvingKey
from prover.points import encode_g1, encode_g2

MAGIC = b"zkey"
NAMES = {1: "protocol", 2: "header", 3: "IC", 4: "coefficients", 5: "A", 6: "B in G1", 7: "B in G2", 8: "C", 9: "H",
         10: "contributions"}
GROTH16 = 1
IN_ORDER = (3, 4, 5, 6, 7, 8, 9)
WHEN_FRESH = (4, 3, 9, 8, 5, 6, 7)
"""Sections between header and contributions, as snarkjs writes them: once contributed to, and before."""


def read_zkey(path: str | Path, *, backend: BackendName | Backend = "kernels", every_point: bool = False,
              unfinished: bool = False) -> ProvingKey:
    """A proving key, its point sections left in the file until they are needed.

    Parameters
    ----------
    backend : does the pairings that compare G1 with G2.
    every_point : check each point of each section, not only the single ones and those of the verification key: wanted
        once for a key from elsewhere.
    unfinished : accept a key that nobody contributed to yet, for contributing to it.

    Raises
    ------
    BadInput : the file is malformed, for another protocol or curve, or holds a key that is unsound.
    """
    arithmetic = load_backend(backend)
    sections = read_sections(path, MAGIC, (1, 2), NAMES)
    protocol = sections.open(1)
    if (number := protocol.u32("protocol")) != GROTH16:
        known = {2: "PLONK", 10: "FFLONK"}.get(number, str(number))
        raise protocol.refuse("protocol", known, "1, Groth16")
    protocol.end()

    header = sections.open(2)
    check_prime(header, "base field", BASE_MODULUS)
    check_prime(header, "scalar field", ORDER)
    wires = header.u32("wires", least=1, most=2**31 - 1)
    public = header.u32("public inputs", most=min(wires - 1, MOST_PUBLIC))
    n = header.u32("domain size", least=2, most=1 << MAX_DOMAIN)
    if n & (n - 1):
        raise header.refuse("domain size", n, "a power of two")
    alpha_g1, beta_g1 = read_point_g1(header, "alpha in G1"), read_point_g1(header, "beta in G1")
    beta_g2, gamma_g2 = read_point_g2(header, "beta in G2"), read_point_g2(header, "gamma in G2")
    delta_g1, delta_g2 = read_point_g1(header, "delta in G1"), read_point_g2(header, "delta in G2")
    header.end()

    def g1(number: int, count: int) -> NDArray[np.uint64]:
        section = sections.open(number)
        points = read_g1(section, count, "points")
        section.end()
        return points

    # Points first: their sections are as long as the header says, so nothing after them allocates beyond the file.
    ic, a, b_g1, c, h = g1(3, public + 1), g1(5, wires), g1(6, wires), g1(8, wires - public - 1), g1(9, n)
    section = sections.open(7)
    b_g2 = read_g2(section, wires, "points")
    section.end()
    left, right, table = read_coefficients(sections.open(4), wires, n)
    key = ProvingKey(wires, n.bit_length() - 1, alpha_g1, beta_g1, beta_g2, gamma_g2, delta_g1, delta_g2, ic, left,
                     right, table, a, b_g1, b_g2, c, h, _read_transcript(sections.open(10)))
    with naming(sections.source):
        check_header(alpha_g1, beta_g1, beta_g2, gamma_g2, delta_g1, delta_g2, arithmetic)
        last = key.transcript.contributions[-1:]
        if last and last[0].delta_after != key.delta_g1:
            raise header.refuse("delta in G1", key.delta_g1, "what the last contribution left")
        if key.finished or not unfinished:
            _ = key.verification_key                       # exists: all of its checks have passed
        if every_point:
            check_all_points(key, arithmetic)
    return key


def _read_transcript(cursor: Cursor) -> Transcript:
    circuit_hash = bytes(cursor.take(64, "circuit hash"))
    contributions = []
    for _ in range(cursor.u32("number of contributions", most=MOST_CONTRIBUTIONS)):
        points = [read_point_g1(cursor, what) for what in ("delta after", "s", "s times x")]
        p_times_x = read_point_g2(cursor, "p times x")
        transcript = bytes(cursor.take(64, "transcript"))
        name, beacon = read_parameters(cursor)
        contributions.append(Contribution(points[0], points[1], points[2], p_times_x, transcript, name, beacon))
    cursor.end()
    require_bounded(contributions, cursor)
    return Transcript(circuit_hash, tuple(contributions))


def write_zkey(path: str | Path, key: ProvingKey) -> None:
    """Write a proving key, whole or not at all; sections in snarkjs's order, for tools that compare files."""
    points = {3: key.ic, 5: key.a, 6: key.b_g1, 7: key.b_g2, 8: key.c, 9: key.h}
    with write_sections(path, MAGIC, 1, 10) as file:
        file.section(1, GROTH16.to_bytes(4, "little"))
        sizes = np.array([key.wires, key.public, 1 << key.domain], "<u4")
        file.section(2, _prime(BASE_MODULUS), _prime(ORDER), sizes, encode_g1([key.alpha_g1, key.beta_g1]),
                     encode_g2([key.beta_g2, key.gamma_g2]), encode_g1([key.delta_g1]), encode_g2([key.delta_g2]))
        for number in IN_ORDER if key.transcript.contributions else WHEN_FRESH:
            if number == 4:
                _write_coefficients(file, key)
            else:
                file.section(number, points[number])
        file.section(10, encode_transcript(key.transcript))


def _prime(modulus: int) -> bytes:
    return SCALAR_BYTES.to_bytes(4, "little") + modulus.to_bytes(SCALAR_BYTES, "little")


def _write_coefficients(file: SectionWriter, key: ProvingKey) -> None:
    """All entries in order of their rows, u before v in each: some readers split the section between threads by row."""
    values = times_radix(key.table)
    matrices = (key.left, key.right)
    rows = [np.repeat(np.arange(matrix.rows, dtype=np.uint32), np.diff(matrix.starts)) for matrix in matrices]
    entries = np.zeros(sum(map(len, rows)), ENTRY)
    order = np.argsort(np.concatenate(rows), kind="stable")
    entries["matrix"] = np.repeat(np.arange(2, dtype=np.uint32), [len(part) for part in rows])[order]
    entries["row"] = np.concatenate(rows)[order]
    entries["wire"] = np.concatenate([matrix.wires for matrix in matrices])[order]
    entries["value"] = values[np.concatenate([matrix.coefficients for matrix in matrices])[order]]
    file.section(4, len(entries).to_bytes(4, "little"), entries)


def encode_transcript(transcript: Transcript) -> bytes:
    """The content of section 10."""
    content = transcript.circuit_hash + len(transcript.contributions).to_bytes(4, "little")
    for one in transcript.contributions:
        content += encode_g1([one.delta_after, one.s, one.s_times_x]).tobytes() + encode_g2([one.p_times_x]).tobytes()
        content += one.transcript + write_parameters(one.name, one.beacon)
    return content
