"""Verification [Groth16, section 3.2, Vfy]: e(A, B) = e(α, β) e(L, γ) e(C, δ), where L = Σ x_i IC_i and x_0 = 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from primitives import field
from primitives.errors import BadInput
from prover.backend import Backend, BackendName, load_backend
from prover.curve import BASE_MODULUS, G1, G2, ORDER, canonical
from prover.groth16.keys import Progress, Proof, VerificationKey
from prover.points import encode_g1


def verify(key: VerificationKey, public_inputs: Sequence[int], proof: Proof, *,
           backend: BackendName | Backend = "kernels") -> bool:
    """Whether the proof shows that somebody knows a witness with these public inputs.

    A proof with a point at infinity, off its curve or outside the subgroup is False here, and so is one of anything
    but pairs of integers; read from a file it is refused before. The first call for a key prepares it, which takes
    longer than the rest.

    Raises
    ------
    BadInput : the number of inputs is not the key's, or one is not in [0, r). An input x and x + r name the same
        field element, and whoever accepts both accepts two names for one statement.
    """
    check_public_inputs(key, public_inputs)
    return prepared(key, load_backend(backend)).verify(proof.a, proof.b, proof.c, public_inputs)


def verify_batch(key: VerificationKey, public_inputs: Sequence[Sequence[int]], proofs: Sequence[Proof], *,
                 backend: BackendName | Backend = "kernels", progress: Progress | None = None) -> dict[int, str]:
    """Verify many proofs of one key: from the index of each that does not hold to the reason; empty if all hold.

    The kernels check a random linear combination of all equations, and look closer only if it fails: with hundreds of
    proofs, each takes a few percent of the time that it takes alone. A false proof passes with probability 2**-128.
    Claims with malformed inputs or proofs are among those refused, so that they cannot keep the others waiting.

    Raises
    ------
    BadInput : there are not as many rows of inputs as proofs.
    """
    outcome = prepared(key, load_backend(backend)).verify_batch(proofs, public_inputs, progress=progress)
    return dict(outcome.refused)


def check_public_inputs(key: VerificationKey, public_inputs: Sequence[int]) -> None:
    """Refuse a wrong number of inputs, and any that is not a canonical field element."""
    if not isinstance(public_inputs, Sequence):
        raise BadInput("public inputs", public_inputs, f"a sequence of {key.public} of them")
    if len(public_inputs) != key.public:
        raise BadInput("public inputs", len(public_inputs), f"{key.public} of them")
    for i, value in enumerate(public_inputs):
        if type(value) is not int or not 0 <= value < ORDER:
            raise BadInput(f"public[{i}]", value, "an integer in [0, r)")


class Outcome(Protocol):
    """What became of a batch: reasons by index of the proofs that do not hold."""

    @property
    def refused(self) -> Mapping[int, str]: ...


class Verifier(Protocol):
    """A verification key made ready."""

    def verify(self, a: G1, b: G2, c: G1, inputs: Sequence[int]) -> bool: ...
    def verify_batch(self, proofs: Sequence[Proof], inputs: Sequence[Sequence[int]], *,
                     progress: Progress | None = None) -> Outcome: ...


def prepared(key: VerificationKey, backend: Backend) -> Verifier:
    """The verifier of a key, made once: the kernels bring their own, others get `Equation`."""
    if backend.name not in key.prepared:
        if backend.name == "kernels":
            from prover.kernels.verification import PreparedKey
            key.prepared[backend.name] = PreparedKey(key.alpha, key.beta, key.gamma, key.delta, key.ic)
        else:
            key.prepared[backend.name] = Equation(key, backend)
    verifier: Verifier = key.prepared[backend.name]
    return verifier


class Refused:
    """An `Outcome`."""

    def __init__(self) -> None:
        self.refused: dict[int, str] = {}


class Equation:
    """The paper's equation on any backend, nothing made ready but IC: the faster way for a single proof."""

    def __init__(self, key: VerificationKey, backend: Backend) -> None:
        self._key, self._backend = key, backend
        self._ic: Any = backend.prepare_g1(encode_g1(key.ic))

    def verify(self, a: G1, b: G2, c: G1, inputs: Sequence[int]) -> bool:
        if not (canonical(a, 1) and canonical(b, 2) and canonical(c, 1) and Proof(a, b, c).on_curve()):
            return False
        key, total = self._key, self._backend.msm_g1(self._ic, field.encode([1, *inputs]))
        pairs = [((a[0], -a[1] % BASE_MODULUS), b), (key.alpha, key.beta), (c, key.delta)]
        if total is not None:                  # e(infinity, γ) is one
            pairs.append((total, key.gamma))
        try:
            return self._backend.pairing_product_is_one(pairs)
        except BadInput:                       # B outside the subgroup: all other points have been checked
            return False

    def verify_batch(self, proofs: Sequence[Proof], inputs: Sequence[Sequence[int]], *,
                     progress: Progress | None = None) -> Refused:
        if len(proofs) != len(inputs):
            raise BadInput("inputs", len(inputs), f"{len(proofs)} rows, one a proof")
        outcome = Refused()
        for i, (proof, row) in enumerate(zip(proofs, inputs, strict=True)):
            try:
                check_public_inputs(self._key, row)
                if proof is None:
                    outcome.refused[i] = "there is no proof"
                elif not self.verify(proof.a, proof.b, proof.c, row):
                    outcome.refused[i] = "the equation does not hold"
            except BadInput as error:
                outcome.refused[i] = str(error)
            if progress is not None:
                progress("verify", i + 1, len(proofs))
        return outcome
