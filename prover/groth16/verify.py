"""Verification [Groth16, section 3.2, Vfy]: e(A, B) = e(α, β) e(L, γ) e(C, δ), where L = Σ x_i IC_i and x_0 = 1."""

from __future__ import annotations

from collections.abc import Sequence

from primitives import field
from primitives.errors import BadInput
from prover.backend import Backend, BackendName, load_backend
from prover.curve import G1_GROUP, ORDER
from prover.groth16.keys import Proof, VerificationKey


def verify(key: VerificationKey, public_inputs: Sequence[int], proof: Proof, *,
           backend: BackendName | Backend = "kernels") -> bool:
    """Whether the proof shows that somebody knows a witness with these public inputs.

    A proof with a point off its curve or outside the subgroup is False here; read from a file it is refused before.

    Raises
    ------
    BadInput : the number of inputs is not the key's, or one is not in [0, r). An input x and x + r name the same
        field element, and whoever accepts both accepts two names for one statement.
    """
    check_public_inputs(key, public_inputs)
    if not proof.on_curve():
        return False
    arithmetic = load_backend(backend)
    inputs = arithmetic.msm_g1(key.prepared_ic(arithmetic), field.encode([1, *public_inputs]))
    minus_a = G1_GROUP.negate(proof.a)
    assert minus_a is not None
    pairs = [(minus_a, proof.b), (key.alpha, key.beta), (proof.c, key.delta)]
    if inputs is not None:                     # e(infinity, γ) is one
        pairs.append((inputs, key.gamma))
    try:
        return arithmetic.pairing_product_is_one(pairs)
    except BadInput:                           # B outside the subgroup: the key's points were checked when it was made
        return False


def check_public_inputs(key: VerificationKey, public_inputs: Sequence[int]) -> None:
    """Refuse a wrong number of inputs, and any that is not a canonical field element."""
    if len(public_inputs) != key.public:
        raise BadInput("public inputs", len(public_inputs), f"{key.public} of them")
    for i, value in enumerate(public_inputs):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < ORDER:
            raise BadInput(f"public[{i}]", value, "an integer in [0, r)")
