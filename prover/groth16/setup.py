"""The setup of Groth16 by a single party: for trials and tests, never for money [Groth16, section 3.2, Setup].

Whoever runs it could keep the secrets and forge proofs, so the key says so wherever it shows. Keys for use come from a
ceremony (`prover.ceremony`).
"""

from __future__ import annotations

import hashlib
import secrets

from primitives import field
from primitives.r1cs import R1CS
from prover.backend import Backend, BackendName, load_backend
from prover.ceremony.transcript import INSECURE_MARK, Transcript
from prover.curve import G1_GROUP, G2_GROUP, ORDER, F
from prover.groth16.keys import Progress, ProvingKey
from prover.groth16.qap import lagrange_at, matrices, transposed
from prover.groth16.relations import require_independent_inputs
from prover.points import encode_g1, encode_g2, uncompressed

STEPS = 7


def setup(r1cs: R1CS, *, progress: Progress | None = None, backend: BackendName | Backend = "kernels") -> ProvingKey:
    """Make a key with secrets from the operating system, which are dropped on return.

    Dropped means out of reach, not wiped: Python leaves copies of integers in memory.

    Raises
    ------
    BadInput : the system has too many constraints for this field, or public inputs that trade off against each other.
    """
    arithmetic = load_backend(backend)
    done = 0

    def step(stage: str) -> None:
        nonlocal done
        if progress is not None:
            progress(stage, done, STEPS)
        done += 1

    step("evaluate the polynomials")
    domain = r1cs.domain
    left, right, out, table = matrices(r1cs)
    n, ell = 1 << domain, r1cs.public
    alpha, beta, gamma, delta = (_secret() for _ in range(4))
    tau = _secret()
    while pow(tau, 2 * n, ORDER) == 1:
        tau = _secret()

    at_tau = lagrange_at(tau, domain, arithmetic)
    u, v, w = (arithmetic.matrix_times_vector(transposed(matrix, r1cs.wires), table, at_tau)
               for matrix in (left, right, out))
    mixed = field.add(field.add(field.multiply(field.encode([beta]), u), field.multiply(field.encode([alpha]), v)), w)
    odd = lagrange_at(tau, domain + 1, arithmetic)[1::2]
    over_gamma, over_delta = (field.encode([pow(k, -1, ORDER)]) for k in (gamma, delta))

    g1, g2 = G1_GROUP.generator, G2_GROUP.generator
    step("u in G1")
    a = arithmetic.multiples_g1(g1, u)
    step("v in G1")
    b_g1 = arithmetic.multiples_g1(g1, v)
    step("v in G2")
    b_g2 = arithmetic.multiples_g2(g2, v)
    step("private wires in G1")
    c = arithmetic.multiples_g1(g1, field.multiply(mixed[ell + 1:], over_delta))
    step("quotient in G1")
    h = arithmetic.multiples_g1(g1, field.multiply(odd, over_delta))
    step("public inputs in G1")
    ic = arithmetic.multiples_g1(g1, field.multiply(mixed[:ell + 1], over_gamma))
    alpha_g1, beta_g1, delta_g1 = (_finite(G1_GROUP.multiply(g1, k)) for k in (alpha, beta, delta))
    beta_g2, gamma_g2, delta_g2 = (_finite(G2_GROUP.multiply(g2, k)) for k in (beta, gamma, delta))

    named = hashlib.blake2b(digest_size=32)
    named.update(uncompressed(encode_g1([alpha_g1, beta_g1])) + uncompressed(encode_g2([beta_g2, gamma_g2, delta_g2])))
    named.update(uncompressed(ic))
    key = ProvingKey(r1cs.wires, domain, alpha_g1, beta_g1, beta_g2, gamma_g2, delta_g1, delta_g2, ic, left, right,
                     table, a, b_g1, b_g2, c, h, Transcript(INSECURE_MARK + named.digest()))
    key.verification_key.digest()                         # exists, so it has passed the checks of a verification key
    require_independent_inputs(ic, arithmetic)
    step("done")
    return key


def _secret() -> int:
    """Uniform in [2, r): 0 and 1 would give infinity and the generator."""
    return 2 + secrets.randbelow(ORDER - 2)


def _finite(point: tuple[F, F] | None) -> tuple[F, F]:
    """No secret is zero, so no multiple of a generator by one is infinity."""
    assert point is not None
    return point
