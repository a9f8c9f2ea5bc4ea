"""The circuit hash where snarkjs's has its quirk, on a domain of 2**15 with a τ that everybody knows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from primitives import field
from primitives.errors import BadInput
from primitives.r1cs import R1CS, SparseMatrix
from prover.backend import load_backend
from prover.ceremony import phase2
from prover.ceremony.phase2 import initial_key
from prover.curve import G1_GROUP, G2_GROUP
from prover.files.ptau import PowersOfTau
from prover.groth16.qap import lagrange_at, powers

TAU, ALPHA, BETA = (0x1234567890abcdef1234567890abcdef1234567 + i * 77777777777777777 for i in range(3))
AS_SNARKJS_0_7_6 = ("4670ac39a996ed5fd5c0ac01fb0fedbf3a0a405cccf25d1ff139cb06a9815987"
                    "210a4d972e78ddd02a0c77787cbbe8890eae4bc359ac28dfb3cb9f073e81d1b8")


def squares(log_size):
    """x, x**2, x**4, ...: a constraint for each but four of the domain's points; the last square is public."""
    n = (1 << log_size) - 4
    starts, ones = np.arange(n + 1, dtype=np.int64), np.zeros(n, np.int32)
    wires = np.arange(2, n + 2, dtype=np.int32)
    results = wires + np.int32(1)
    results[-1] = 1
    factor = SparseMatrix(starts, wires, ones)
    return R1CS(factor, factor, SparseMatrix(starts, results, ones), field.encode([1]), n + 2, 1)


def known_powers(log_size, backend):
    """The powers of TAU for a domain of 2**log_size, and the Lagrange forms that its setup reads, nothing else."""
    n = 1 << log_size
    count = 2 * n - 1
    exponents, g1, g2 = powers(TAU, count), G1_GROUP.generator, G2_GROUP.generator
    none = np.zeros((1, 2, 4), np.uint64)
    alpha, beta = (backend.multiples_g1(g1, field.encode([k])) for k in (ALPHA, BETA))

    class Known(PowersOfTau):
        @property
        def prepared(self):
            return True

        def lagrange(self, section, log_size):
            scalars = lagrange_at(TAU, log_size, backend)
            if section == 13:
                return backend.multiples_g2(g2, scalars)
            factor = {12: 1, 14: ALPHA, 15: BETA}[section]
            return backend.multiples_g1(g1, field.multiply(scalars, field.encode([factor])))

    return Known("", log_size + 1, log_size + 1, backend.multiples_g1(g1, exponents), none, alpha, beta,
                 G2_GROUP.multiply(g2, BETA), (), {})


def test_large_domains_hash_one_power_more():
    backend = load_backend("kernels")
    reach = known_powers(15, backend)
    reach = dataclasses.replace(reach, tau_g1=np.concatenate(
        [reach.tau_g1, backend.multiples_g1(G1_GROUP.generator, powers(TAU, 1 << 16)[-1:])]))
    assert initial_key(squares(15), reach).transcript.circuit_hash.hex() == AS_SNARKJS_0_7_6


def test_powers_that_lack_that_one_are_refused(monkeypatch, make_instance):
    powers_of_tau = known_powers(4, load_backend("kernels"))
    circuit = make_instance(1, 12).r1cs
    initial_key(circuit, dataclasses.replace(powers_of_tau, power=4))
    monkeypatch.setattr(phase2, "HASHED_AT_ONCE", 8)
    with pytest.raises(BadInput, match="power is 4: must be at least 5"):
        initial_key(circuit, dataclasses.replace(powers_of_tau, power=4))
