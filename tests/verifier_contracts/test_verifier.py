"""The generated verifier by itself, with any number of inputs: strict to the byte, and every refusal named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from eth_utils.crypto import keccak
from toykey import CIRCUIT, ToyKey
from world import GENESIS

from prover import verify
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER, multiply_fp2
from verifier_contracts.abi import refusal
from verifier_contracts.bindings import encode_verification, proof_words, verifier_refusal
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import CODE_LIMIT
from verifier_contracts.creation import deploy_verifier
from verifier_contracts.errors import Reverted
from verifier_contracts.generator import MOST_INPUTS, UNROLLED


class Deployed:
    """A verifier on the embedded chain, with one valid proof."""

    def __init__(self, chain: Chain, key: ToyKey) -> None:
        self.chain, self.key = chain, key
        self.address = deploy_verifier(chain, key.verification_key, "toy")
        self.inputs = [key.scalar(f"input {index}") for index in range(len(key.ic) - 1)]
        self.words = proof_words(key.prove(self.inputs))

    def verify(self, words=None, inputs=None) -> None:
        self.call(encode_verification(words or self.words, self.inputs if inputs is None else inputs))

    def call(self, data: bytes) -> None:
        assert self.chain.call(self.address, data) == b""

    def calldata(self) -> bytes:
        return encode_verification(self.words, self.inputs)


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain.embedded(timestamp=GENESIS)


@pytest.fixture(scope="module", params=[1, 4, UNROLLED + 1])
def verifier(request, chain) -> Deployed:
    return Deployed(chain, ToyKey(request.param))


@contextmanager
def rejected(name: str) -> Iterator[None]:
    with pytest.raises(Reverted) as caught:
        yield
    assert refusal(caught.value, "verifier", "verifyProof").name == name


def test_accepts_a_valid_proof_and_the_extremes_of_an_input(verifier):
    verifier.verify()
    for extreme in (0, 1, ORDER - 1):
        inputs = [extreme] * len(verifier.inputs)
        verifier.verify(proof_words(verifier.key.prove(inputs)), inputs)


def test_agrees_with_the_provers_own_verification(chain):
    verifier = Deployed(chain, ToyKey(2))
    vk, proof = verifier.key.verification_key, verifier.key.prove(verifier.inputs)
    false = [verifier.inputs[0] + 1, verifier.inputs[1]]
    assert verify(vk, verifier.inputs, proof, backend="reference")
    verifier.verify()
    assert not verify(vk, false, proof, backend="reference")
    with rejected("ProofRejected"):
        verifier.verify(inputs=false)


def test_refuses_a_changed_input(verifier):
    for index, value in enumerate(verifier.inputs):
        for changed in (value + 1, value - 1, (-value) % ORDER, 0):
            with rejected("ProofRejected"):
                verifier.verify(inputs=[*verifier.inputs[:index], changed, *verifier.inputs[index + 1:]])


def test_refuses_an_input_that_is_not_below_r(verifier):
    """x + r is the same scalar, so the equation would hold."""
    for index, value in enumerate(verifier.inputs):
        for changed in (value + ORDER, ORDER, 2**256 - 1):
            with rejected("InputOutOfField"):
                verifier.verify(inputs=[*verifier.inputs[:index], changed, *verifier.inputs[index + 1:]])


def test_refuses_exchanged_inputs(verifier):
    if len(verifier.inputs) > 1:
        with rejected("ProofRejected"):
            verifier.verify(inputs=[*reversed(verifier.inputs)])


def test_the_largest_verifier_is_deployed_and_the_next_would_not_be(chain):
    key = ToyKey(MOST_INPUTS)
    address, known = deploy_verifier(chain, key.verification_key, "a" * 64, CIRCUIT), key.known_answer()
    spare = CODE_LIMIT - len(chain.code(address))
    assert 0 <= spare < 74
    words = proof_words(known.proof)
    assert verifier_refusal(chain, address, known.inputs, words) is None
    for place in (0, MOST_INPUTS - 1):
        changed = [x + (i == place) for i, x in enumerate(known.inputs)]
        assert verifier_refusal(chain, address, changed, words) == keccak(text="ProofRejected()")[:4]


@pytest.mark.parametrize("index", range(8))
def test_refuses_a_changed_coordinate(verifier, index):
    word = verifier.words[index]
    for changed, name in ((word + 1, "PrecompileFailed"), (0, "PrecompileFailed"),
                          (word + BASE_MODULUS, "CoordinateOutOfField"), (BASE_MODULUS, "CoordinateOutOfField"),
                          (2**256 - 1, "CoordinateOutOfField")):
        with rejected(name):
            verifier.verify([*verifier.words[:index], changed, *verifier.words[index + 1:]])


def test_refuses_random_bit_flips(verifier):
    stream = random.Random(7)
    for _ in range(40):
        data = bytearray(verifier.calldata())
        data[stream.randrange(4, len(data))] ^= 1 << stream.randrange(8)
        with pytest.raises(Reverted) as caught:
            verifier.call(bytes(data))
        assert len(caught.value.data) == 4


def test_refuses_every_other_length(verifier):
    data = verifier.calldata()
    for wrong in (data + b"\0", data + bytes(32), data[:-1], data[:-32], data[:4]):
        with rejected("BadLength"):
            verifier.call(wrong)
    for wrong in (b"", data[:3], b"\1" + data[1:]):
        with rejected("NoReason"):
            verifier.call(wrong)


def test_refuses_the_identity_in_any_place(verifier):
    for identity in (range(8), range(2), range(2, 6), range(6, 8)):
        with rejected("ProofRejected"):
            verifier.verify([0 if index in identity else word for index, word in enumerate(verifier.words)])
    with rejected("ProofRejected"):
        verifier.verify([0] * 8, [0] * len(verifier.inputs))


def test_refuses_the_parts_of_g2_exchanged(verifier):
    ax, ay, bxi, bxr, byi, byr, cx, cy = verifier.words
    with rejected("PrecompileFailed"):
        verifier.verify([ax, ay, bxr, bxi, byr, byi, cx, cy])


def test_refuses_a_point_of_the_twist_outside_the_subgroup(verifier):
    (xr, xi), (yr, yi) = outsider()
    with rejected("PrecompileFailed"):
        verifier.verify([*verifier.words[:2], xi, xr, yi, yr, *verifier.words[6:]])


def test_refuses_the_forgery_that_a_key_with_equal_gamma_and_delta_accepts(chain):
    """A = α, B = β, C = −vk_x satisfies the equation if γ = δ. Such a key cannot be made, so it is forced here."""
    sound = Deployed(chain, ToyKey(2))
    broken_key = ToyKey(2)
    object.__setattr__(broken_key.verification_key, "delta", broken_key.verification_key.gamma)
    broken = Deployed(chain, broken_key)
    vk = sound.key.verification_key
    vk_x = vk.ic[0]
    for x, point in zip(sound.inputs, vk.ic[1:], strict=True):
        vk_x = G1_GROUP.add(vk_x, G1_GROUP.multiply(point, x))
    (bxr, bxi), (byr, byi) = vk.beta
    forged = [*vk.alpha, bxi, bxr, byi, byr, vk_x[0], BASE_MODULUS - vk_x[1]]
    broken.verify(forged)
    with rejected("ProofRejected"):
        sound.verify(forged)


def test_never_passes_or_fails_by_gas_alone(verifier):
    data = verifier.calldata()
    enough = verifier.chain.estimate_gas(verifier.address, data)
    verifier.chain.call(verifier.address, data, gas=enough)
    for gas in range(40_000, enough - 3_000, 14_000):
        with pytest.raises(Reverted) as caught:
            verifier.chain.call(verifier.address, data, gas=gas)
        assert refusal(caught.value, "", "").name in {"OutOfGas", "PrecompileFailed"}


def test_a_valid_proof_needs_a_little_more_gas_than_it_uses(verifier):
    """The 63/64 rule: the margin of 2 % that we send with covers it."""
    receipt = verifier.chain.send(verifier.address, verifier.calldata())
    assert receipt.gas_used * 1.005 < receipt.gas_limit < receipt.gas_used * 1.05


def outsider():
    """Some point of the twist that is not of order r."""
    for real in range(1, 100):
        x = (real, 3)
        square = multiply_fp2(multiply_fp2(x, x), x)
        square = ((square[0] + G2_GROUP.b[0]) % BASE_MODULUS, (square[1] + G2_GROUP.b[1]) % BASE_MODULUS)
        y = square_root(square)
        if y and not G2_GROUP.in_subgroup((x, y)):
            assert G2_GROUP.on_curve((x, y))
            return x, y
    raise AssertionError("no point found")


def square_root(a):
    """In F_p[u]/(u² + 1) for p = 3 mod 4, by the norm; None if there is none."""
    def root(v):
        candidate = pow(v, (BASE_MODULUS + 1) // 4, BASE_MODULUS)
        return candidate if candidate * candidate % BASE_MODULUS == v % BASE_MODULUS else None
    norm = root(a[0] * a[0] + a[1] * a[1])
    if norm is None:
        return None
    half = pow(2, -1, BASE_MODULUS)
    for sign in (norm, -norm):
        real = root((a[0] + sign) * half)
        if real:
            candidate = (real, a[1] * half * pow(real, -1, BASE_MODULUS) % BASE_MODULUS)
            if multiply_fp2(candidate, candidate) == a:
                return candidate
    return None
