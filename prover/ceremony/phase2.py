"""Phase 2: from powers of τ to the key of one circuit, and contributions to its δ [eprint 2017/1050, section 5].

A fresh key has δ = 1 and is worthless. Every contribution multiplies δ by a secret x and divides the private and
quotient points by it; while one participant has forgotten her x, nobody knows δ.
"""

from __future__ import annotations

import dataclasses
import hashlib
import secrets

import numpy as np

from primitives import field
from primitives.errors import BadInput, Said
from primitives.r1cs import R1CS, SparseMatrix
from prover.backend import Backend, BackendName, load_backend
from prover.ceremony.randomness import Stream, beacon_stream, finite, hash_to_g2
from prover.ceremony.transcript import Beacon, Contribution, Transcript, challenge
from prover.curve import G1, G1_GROUP, G2, G2_GROUP, ORDER
from prover.files.contributions import check_name
from prover.files.ptau import PowersOfTau
from prover.files.sections import naming
from prover.groth16.check import check_header
from prover.groth16.keys import Progress, ProvingKey
from prover.groth16.qap import domain_of, matrices, transposed
from prover.groth16.relations import require_independent_inputs
from prover.points import decode_g1, encode_g1, encode_g2, uncompressed

HASHED_AT_ONCE = 1 << 14


def initial_key(r1cs: R1CS, powers: PowersOfTau, *, backend: BackendName | Backend = "kernels",
                progress: Progress | None = None) -> ProvingKey:
    """The unfinished key of a circuit: α, β, τ from the powers, γ = δ = 1.

    The powers are used as they are; `prover.ceremony.powers.verify_powers` says whether they are any good.

    Raises
    ------
    BadInput : the powers are too few for the circuit, lack the Lagrange forms, or have an α, β or [β]_2 that no key may
        have; or public inputs of the circuit trade off against each other.
    """
    arithmetic = load_backend(backend)
    log_size = check_powers_suit(r1cs, powers)
    g1, g2 = G1_GROUP.generator, G2_GROUP.generator
    alpha, beta = (decode_g1(points[:1])[0] or (0, 0) for points in (powers.alpha_tau_g1, powers.beta_tau_g1))
    with naming(powers.source):
        check_header(alpha, beta, powers.beta_g2, g2, g1, g2, arithmetic)
    stages = ("A", "B in G1", "B in G2", "C and IC", "circuit hash", "done")

    def step(done: int) -> None:
        if progress is not None:
            progress(stages[done], done, len(stages) - 1)

    left, right, out, table = matrices(r1cs)
    plain, with_alpha, with_beta = (powers.lagrange(section, log_size) for section in (12, 14, 15))
    step(0)
    a = arithmetic.combine_g1(transposed(left, r1cs.wires), table, plain)
    step(1)
    b_g1 = arithmetic.combine_g1(transposed(right, r1cs.wires), table, plain)
    step(2)
    b_g2 = arithmetic.combine_g2(transposed(right, r1cs.wires), table, powers.lagrange(13, log_size))
    step(3)
    mixed = arithmetic.combine_g1(transposed(_stacked(out, right, left), r1cs.wires), table,
                               np.concatenate([plain, with_alpha, with_beta]))
    ic, c = mixed[:r1cs.public + 1], mixed[r1cs.public + 1:]
    require_independent_inputs(ic, arithmetic)
    h = powers.lagrange(12, log_size + 1)[1::2]
    step(4)
    key = ProvingKey(r1cs.wires, log_size, alpha, beta, powers.beta_g2, g2, g1, g2, ic, left, right, table, a, b_g1,
                     b_g2, c, np.ascontiguousarray(h), Transcript(b""))
    circuit_hash = hash_circuit(key, powers, arithmetic)
    step(5)
    return dataclasses.replace(key, transcript=Transcript(circuit_hash))


def check_powers_suit(r1cs: R1CS, powers: PowersOfTau) -> int:
    """log2 of the circuit's domain, if the powers reach that far."""
    log_size = domain_of(r1cs)
    if not powers.prepared:
        raise BadInput("powers", Said("without Lagrange forms"),
                       "prepared for phase 2 (snarkjs powersoftau prepare phase2)",
                       source=powers.source)
    if powers.power < log_size:
        raise BadInput("power", powers.power, f"at least {log_size}, for {r1cs.rows} constraints and {r1cs.public} "
                       f"public inputs", source=powers.source)
    if powers.power < power_needed(r1cs):
        raise BadInput("power", powers.power, f"at least {log_size + 1}: for a domain this large, snarkjs's circuit "
                       "hash takes in one power of tau that this file does not have", source=powers.source)
    return log_size


def power_needed(r1cs: R1CS) -> int:
    """log2 of the least powers of τ that a circuit's key can be made from."""
    log_size = domain_of(r1cs)
    return log_size + (1 << log_size > HASHED_AT_ONCE)


def _stacked(*parts: SparseMatrix) -> SparseMatrix:
    """Matrices of equal width one below the other."""
    ends = np.cumsum([0, *(part.entries for part in parts)])
    starts = [part.starts[1:] + begin for part, begin in zip(parts, ends, strict=False)]
    return SparseMatrix(np.concatenate([[0], *starts]), np.concatenate([part.wires for part in parts]),
                        np.concatenate([part.coefficients for part in parts]))


def hash_circuit(key: ProvingKey, powers: PowersOfTau, arithmetic: Backend) -> bytes:
    """BLAKE2b-512 of an unfinished key, as snarkjs takes it: what all contributions are bound to.

    In place of the H points it has τ**(n+i) - τ**i for i < n-1; and for i = n-1 too if n exceeds 2**14, an accident of
    snarkjs's reading in blocks that has become the format.
    """
    n = 1 << key.domain
    count = n - 1 if n <= HASHED_AT_ONCE else n
    both = np.concatenate([powers.tau_g1[n:n + count], powers.tau_g1[:count]])
    rows = np.arange(count, dtype=np.int32)
    difference = SparseMatrix(np.arange(0, 2 * count + 1, 2, dtype=np.int64),
                              np.stack([rows, rows + count], axis=1).reshape(-1).astype(np.int32),
                              np.tile(np.array([0, 1], np.int32), count))
    vanishing = arithmetic.combine_g1(difference, field.encode([1, -1]), both)
    total = hashlib.blake2b(uncompressed(encode_g1([key.alpha_g1, key.beta_g1])))
    total.update(uncompressed(encode_g2([key.beta_g2, key.gamma_g2])))
    total.update(uncompressed(encode_g1([key.delta_g1])) + uncompressed(encode_g2([key.delta_g2])))
    for number, points in ((len(key.ic), key.ic), (n - 1, vanishing), (len(key.c), key.c), (len(key.a), key.a),
                           (len(key.b_g1), key.b_g1), (len(key.b_g2), key.b_g2)):
        total.update(number.to_bytes(4, "big"))
        for begin in range(0, len(points), HASHED_AT_ONCE):
            total.update(arithmetic.uncompressed(points[begin:begin + HASHED_AT_ONCE]))
    return total.digest()


# -- contributions -------------------------------------------------------------------------------------------------
def contribute(key: ProvingKey, name: str | None = None, *,
               backend: BackendName | Backend = "kernels") -> ProvingKey:
    """The key after one more contribution, with a secret from the operating system that is forgotten on return.

    The participant should publish `key.transcript.contributions[-1].digest()`.

    Raises
    ------
    BadInput : a name that cannot be stored, or a key with points off the curve: multiplying those by a secret would
        give the secret away.
    """
    seed = hashlib.blake2b(secrets.token_bytes(64)).digest()
    return _contribute(key, Stream(seed), name, None, backend)


def contribute_beacon(key: ProvingKey, beacon: Beacon, name: str | None = None, *,
                      backend: BackendName | Backend = "kernels") -> ProvingKey:
    """The key after a last contribution that anybody can repeat, from randomness nobody could have known.

    Raises
    ------
    BadInput : see `contribute`, or a beacon that is empty or has iterations out of range.
    """
    return _contribute(key, beacon_stream(beacon), name, beacon, backend)


def _contribute(key: ProvingKey, stream: Stream, name: str | None, beacon: Beacon | None,
                backend: BackendName | Backend) -> ProvingKey:
    check_name(name)
    arithmetic = load_backend(backend)
    for section, points in (("C", key.c), ("H", key.h)):
        wrong = arithmetic.first_invalid_g1(points)
        if wrong is not None:
            raise BadInput(f"{section}[{wrong}]", Said("no point of G1"), "a reduced point on the curve")
    x = stream.scalar()
    s = stream.point_g1()
    contribution, delta_g2 = step_delta(key, x, s, name, beacon)
    over_x = pow(x, -1, ORDER)
    transcript = dataclasses.replace(key.transcript, contributions=(*key.transcript.contributions, contribution))
    return dataclasses.replace(key, delta_g1=contribution.delta_after, delta_g2=delta_g2, transcript=transcript,
                               c=arithmetic.scale_g1(key.c, over_x), h=arithmetic.scale_g1(key.h, over_x))


def step_delta(key: ProvingKey, x: int, s: G1, name: str | None,
               beacon: Beacon | None) -> tuple[Contribution, G2]:
    """The contribution of x, with the proof of knowing it, and [δ]_2 after it."""
    s_times_x = finite(G1_GROUP, G1_GROUP.multiply(s, x))
    answer = challenge(key.transcript.circuit_hash, key.transcript.contributions, s, s_times_x)
    p_times_x = finite(G2_GROUP, G2_GROUP.multiply(hash_to_g2(answer), x))
    delta_g1 = finite(G1_GROUP, G1_GROUP.multiply(key.delta_g1, x))
    delta_g2 = finite(G2_GROUP, G2_GROUP.multiply(key.delta_g2, x))
    return Contribution(delta_g1, s, s_times_x, p_times_x, answer, name, beacon), delta_g2
