"""Is this a chain on which proofs can be verified, and does this verifier say yes and no where it should?

A verifier that accepts anything looks, to a test that it refuses nonsense by chance, like a good one; and one that
refuses anything looks safe. So both answers are asked for. No proof exists that is valid under every key, or anybody
could forge, and a second entry of the verifier with another equation would test itself: the *true* answer is therefore
a real proof, made with the proving key for an honest witness, which whoever deploys has. It runs through the code that
will be trusted, with the constants of the key, and shows besides that the key belongs to its statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_utils.crypto import keccak

from primitives.errors import BadInput, Said
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER
from verifier_contracts.bindings import proof_words, verifier_refusal
from verifier_contracts.chain import Chain
from verifier_contracts.errors import AnswerRefused, ContractRefused, Reverted

if TYPE_CHECKING:
    from prover import Proof, VerificationKey

OUTSIDE = ((1, 3), (0x1d2120a4c3ecd099298439b1c53f8dd42198546c2acdbc8cb9112771d4fb33ac,
                    0x0a67b20e56f745fa9c025c8a22e15e9df9d06bb3d578c226079ee12a84464e49))
"""A point of the twist that is not in G2."""

GAS = 1_000_000
"""For one call of a precompile: a refusal takes all of it."""


@dataclass(frozen=True)
class KnownAnswer:
    """A valid proof and its public inputs: no secret. It is good for nothing else, unless its context is that of an
    attestation."""

    inputs: tuple[int, ...]
    proof: Proof


def require_valid(key: VerificationKey, known: KnownAnswer) -> None:
    """Refuse a known answer that is none: the key is not the one that the proof was made with.

    Raises
    ------
    BadInput : so it is.
    """
    from prover import verify
    if not verify(key, list(known.inputs), known.proof):
        raise BadInput("known answer", Said("a proof that does not hold"), "a valid proof by this key")


# -- the chain ---------------------------------------------------------------------------------------------------------
def require_precompiles(chain: Chain) -> None:
    """Known-answer tests of EIP-196 and EIP-197 on a chain, right answers and refusals, without a transaction.

    The contracts repeat the right answers when they are created, for a node could say anything.

    Raises
    ------
    ContractRefused : `PrecompileMissing`, with the number of the first that answers otherwise.
    """
    for precompile, data, expected in known_answers():
        try:
            answer = chain.call(f"0x{precompile:040x}", data, gas=GAS)
        except Reverted:
            answer = None
        except AnswerRefused:                                   # anvil's word for a precompile that refuses
            if expected is not None:
                raise
            continue
        if answer != expected:
            raise ContractRefused("PrecompileMissing", {"precompile": precompile}, contract=chain.name)


def known_answers() -> list[tuple[int, bytes, bytes | None]]:
    """(precompile, input, answer); None where it must fail."""
    g, h = G1_GROUP.generator, G2_GROUP.generator
    g2, g3, g5 = (G1_GROUP.multiply(g, k) for k in (2, 3, 5))
    h5, scalar = G2_GROUP.multiply(h, 5), ORDER - 7
    off_curve = _words(1, 3)
    return [
        (6, _g1(g2) + _g1(g3), _g1(g5)),
        (6, _g1(g2) + _g1(G1_GROUP.negate(g2)), bytes(64)),
        (6, _g1(g2) + off_curve, None),
        (6, _words(BASE_MODULUS, 0), None),                            # infinity in another encoding
        (7, _g1(g3) + _words(scalar), _g1(G1_GROUP.multiply(g3, scalar))),
        (7, off_curve + _words(2), None),
        (8, _g1(g5) + _g2(h) + _g1(G1_GROUP.negate(g)) + _g2(h5), _words(1)),
        (8, _g1(g5) + _g2(h) + _g1(g) + _g2(h5), _words(0)),
        (8, off_curve + _g2(h), None),
        (8, _g1(g) + _g2(OUTSIDE), None),
        (8, _g1(g) + _g2(h)[:-1], None),
    ]


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


def _g1(point: tuple[int, int] | None) -> bytes:
    assert point is not None
    return _words(*point)


def _g2(point: tuple[tuple[int, int], tuple[int, int]] | None) -> bytes:
    """Imaginary parts first."""
    assert point is not None
    (x_real, x_imaginary), (y_real, y_imaginary) = point
    return _words(x_imaginary, x_real, y_imaginary, y_real)


# -- the verifier ------------------------------------------------------------------------------------------------------
def require_right_answers(chain: Chain, verifier: str, known: KnownAnswer) -> None:
    """Ask a deployed verifier for *true*, and for *false* with each public input changed; no transaction.

    Raises
    ------
    ContractRefused : `VerifierSelfTestFailed`, with what was expected and the verifier's answer.
    """
    words, false = proof_words(known.proof), keccak(text="ProofRejected()")[:4]
    answer = verifier_refusal(chain, verifier, known.inputs, words)
    if answer is not None:
        raise _failed(verifier, True, answer)
    for place, value in enumerate(known.inputs):
        changed = [*known.inputs[:place], (value + 1) % ORDER, *known.inputs[place + 1:]]
        answer = verifier_refusal(chain, verifier, changed, words)
        if answer != false:
            raise _failed(verifier, False, answer or b"")


def _failed(verifier: str, valid: bool, answer: bytes) -> ContractRefused:
    return ContractRefused("VerifierSelfTestFailed", {"valid": valid, "answer": answer},
                           contract=f"verifier {verifier}")
