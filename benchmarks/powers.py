"""A prepared `.ptau` of any size in seconds, for measuring `groth16 setup`.

Its τ, α and β are drawn here and could be kept, and nobody contributed: a key made from it is worthless by design.
A ceremony's file of the same size takes snarkjs many minutes to prepare and has the same layout.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np

from primitives import field
from prover.backend import load_backend
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER
from prover.files.ptau import MAGIC
from prover.files.sections import write_sections
from prover.groth16.qap import lagrange_at, powers
from prover.points import encode_g2


def write_powers(path: Path, power: int) -> None:
    """Powers for domains up to 2**power."""
    backend = load_backend("kernels")
    tau, alpha, beta = (2 + secrets.randbelow(ORDER - 2) for _ in range(3))
    n, g1, g2 = 1 << power, G1_GROUP.generator, G2_GROUP.generator
    plain = powers(tau, 2 * n - 1)
    lagrange = [lagrange_at(tau, log, backend) for log in range(power + 2)]
    every, below = np.concatenate(lagrange), np.concatenate(lagrange[:-1])

    def times(factor: int, values: field.FieldArray) -> field.FieldArray:
        return field.multiply(field.encode([factor]), values)

    header = (32).to_bytes(4, "little") + BASE_MODULUS.to_bytes(32, "little") + 2 * power.to_bytes(4, "little")
    beta_g2 = G2_GROUP.multiply(g2, beta)
    assert beta_g2 is not None
    with write_sections(path, MAGIC, 1, 11) as file:
        file.section(1, header)
        file.section(2, backend.multiples_g1(g1, plain))
        file.section(3, backend.multiples_g2(g2, plain[:n]))
        file.section(4, backend.multiples_g1(g1, times(alpha, plain[:n])))
        file.section(5, backend.multiples_g1(g1, times(beta, plain[:n])))
        file.section(6, encode_g2([beta_g2]))
        file.section(7, (0).to_bytes(4, "little"))
        file.section(12, backend.multiples_g1(g1, every))
        file.section(13, backend.multiples_g2(g2, below))
        file.section(14, backend.multiples_g1(g1, times(alpha, below)))
        file.section(15, backend.multiples_g1(g1, times(beta, below)))
