"""Proving [Groth16, section 3.2, Prove].

With the witness z and fresh r, s:

    A = α + Σ z_i u_i(τ) + r δ
    B = β + Σ z_i v_i(τ) + s δ
    C = (Σ_private z_i (β u_i + α v_i + w_i)(τ) + h(τ) t(τ)) / δ + A s + B r - r s δ

where h t = (Σ z_i u_i) (Σ z_i v_i) - Σ z_i w_i and t = X**n - 1.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np

from primitives import field
from primitives.errors import BadInput, Said, Unsatisfied
from primitives.field import FieldArray
from prover.backend import Backend, BackendName, load_backend
from prover.curve import G1, G2, ORDER
from prover.groth16.check import check_all_points
from prover.groth16.keys import Progress, Proof, ProvingKey
from prover.groth16.verify import Equation
from prover.points import encode_g1, encode_g2
from prover.words import first_not_below

STEPS = 7


def prove(key: ProvingKey, witness: FieldArray, *, progress: Progress | None = None,
          backend: BackendName | Backend = "kernels", keep_bases: bool = True,
          blinding: tuple[int, int] | None = None) -> Proof:
    """Prove that the witness satisfies the key's system, revealing its public inputs only.

    Parameters
    ----------
    witness : (wires, 4) Montgomery; wire 0 is one.
    keep_bases : for the next proof with this key, which they make faster; they take up about the memory of its file.
    blinding : r and s. For tests only: two proofs with the same r and s give the witness away, and without `blinding`
        they are fresh from the operating system.

    Raises
    ------
    BadInput : the witness has another shape than the key asks for, or an element that is no reduced residue; or the
        key is one that nobody should use, or has a point outside its group (looked for where a proof fails).
    Unsatisfied : the witness breaks a constraint. Every proof is verified before it is returned, so that a wrong one,
        whatever made it wrong, never leaves.
    """
    arithmetic = load_backend(backend)
    check_witness(key, witness)
    verification_key = key.verification_key
    r, s = blinding or (secrets.randbelow(ORDER), secrets.randbelow(ORDER))
    stages = iter(range(STEPS))

    def step(stage: str) -> None:
        if progress is not None:
            progress(stage, next(stages), STEPS)

    def bases(query: str) -> Any:
        return key.prepared(arithmetic, query, keep=keep_bases)

    step("quotient polynomial")
    left = arithmetic.matrix_times_vector(key.left, key.table, witness)
    right = arithmetic.matrix_times_vector(key.right, key.table, witness)
    quotient = arithmetic.quotient(left, right)
    del left, right                                        # two vectors as long as the domain

    step("B in G2")                                        # first, so that smaller bases find room where these were
    b = arithmetic.msm_g2(bases("b_g2"), witness)
    b = _sum_g2(arithmetic, [1, 1, s], [key.beta_g2, b, key.delta_g2])
    step("A")
    a = arithmetic.msm_g1(bases("a"), witness)
    a = _sum_g1(arithmetic, [1, 1, r], [key.alpha_g1, a, key.delta_g1])
    step("B in G1")
    b_g1 = arithmetic.msm_g1(bases("b_g1"), witness)
    b_g1 = _sum_g1(arithmetic, [1, 1, s], [key.beta_g1, b_g1, key.delta_g1])
    step("C, private wires")
    c = arithmetic.msm_g1(bases("c"), witness[key.public + 1:])
    step("C, quotient")
    h = arithmetic.msm_g1(bases("h"), quotient)
    c = _sum_g1(arithmetic, [1, 1, s, r, -r * s % ORDER], [c, h, a, b_g1, key.delta_g1])

    step("verify")
    inputs = field.decode(witness[1:key.public + 1])
    if a is None or b is None or c is None or not Equation(verification_key, arithmetic).verify(a, b, c, inputs):
        check_all_points(key, arithmetic)                  # takes long, and is not in vain now: whose fault is it?
        raise Unsatisfied("the witness does not satisfy the constraint system of this proving key")
    if progress is not None:
        progress("done", STEPS, STEPS)
    return Proof(a, b, c)


def _sum_g1(arithmetic: Backend, scalars: Sequence[int], points: Sequence[G1 | None]) -> G1 | None:
    """The sum of a few multiples."""
    return arithmetic.msm_g1(arithmetic.prepare_g1(encode_g1(points)), field.encode(scalars))


def _sum_g2(arithmetic: Backend, scalars: Sequence[int], points: Sequence[G2 | None]) -> G2 | None:
    """The same in G2."""
    return arithmetic.msm_g2(arithmetic.prepare_g2(encode_g2(points)), field.encode(scalars))


def check_witness(key: ProvingKey, witness: FieldArray) -> None:
    """Refuse what is no witness for this key, before any work is done."""
    if witness.ndim != 2 or witness.shape[1] != 4 or witness.dtype != np.uint64:
        raise BadInput("witness", Said(f"{witness.dtype} of shape {witness.shape}"),
                       f"uint64 of shape ({key.wires}, 4)")
    if len(witness) != key.wires:
        raise BadInput("values of the witness", len(witness), f"{key.wires}, one for each wire of the proving key")
    wrong = first_not_below(witness, ORDER)
    if wrong is not None:
        raise BadInput(f"witness[{wrong}]", witness[wrong].tolist(), "a reduced field element")
    if (witness[0] != field.ONE).any():
        raise BadInput("witness[0]", field.decode(witness[:1])[0], "1, the constant wire")
