"""Garbage is accepted on no EVM, whatever of the precompiles is missing; nor is a contract installed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import pytest
from eth_utils.crypto import keccak
from machines import MACHINES, Answer, Machine
from toykey import CIRCUIT, ToyKey

from prover.curve import BASE_MODULUS, G2_GROUP, ORDER, TWIST_COFACTOR
from verifier_contracts.bindings import encode_verification, proof_words
from verifier_contracts.compiler import compile_sources
from verifier_contracts.generator import CONTRACT_NAME, generate
from verifier_contracts.selftest import OUTSIDE, known_answers

VERIFIER = 0xAA
SIZES = {6: 64, 7: 64, 8: 32}
SMALL_ORDER = 10069
"""A prime that divides the order of the twist."""


def moved(precompile: int) -> int:
    """Where the contracts under test look for a precompile: nothing is there, unless a test puts something."""
    return 0xFF00 + precompile


def forwarder(precompile: int, size: int) -> bytes:
    """Code that asks a precompile and returns the first `size` bytes of what it says (and zeros beyond)."""
    return bytes.fromhex(f"366000600037604061400036600060{precompile:02x}5afa601657fe5b60{size:02x}614000f3")


@dataclass(frozen=True)
class Verifier:
    """Creation code and runtime code of a verifier, with a valid proof."""

    creation: bytes
    runtime: bytes
    inputs: Sequence[int]
    words: Sequence[int]

    def ask(self, machine: Machine, words: Sequence[int] | None = None, inputs: Sequence[int] | None = None,
            around: Mapping[int, bytes] | None = None) -> str:
        """"accepted", or the name of the error."""
        data = encode_verification(self.words if words is None else words, self.inputs if inputs is None else inputs)
        return named(machine({VERIFIER: self.runtime, **(around or {})}, VERIFIER, data))


def named(answer: Answer) -> str:
    if answer.success:
        return "accepted"
    names = {keccak(text=f"{name}()")[:4]: name for name in
             ("BadLength", "InputOutOfField", "CoordinateOutOfField", "PrecompileFailed", "ProofRejected")}
    if answer.output[:4] == keccak(text="PrecompileMissing(uint256)")[:4]:
        return f"PrecompileMissing({int.from_bytes(answer.output[4:], 'big') & 0xff})"
    return names.get(answer.output, "nameless")


def compiled(key: ToyKey, *, move: bool) -> Verifier:
    source = generate(key.verification_key, "toy", CIRCUIT)
    if move:
        for precompile, name in ((6, "ECADD"), (7, "ECMUL"), (8, "ECPAIRING")):
            for text in (f"{name} = {precompile};", f"address({precompile})"):
                assert text in source
                source = source.replace(text, text.replace(str(precompile), hex(moved(precompile))))
    artifact = compile_sources({f"{CONTRACT_NAME}.sol": source})[CONTRACT_NAME]
    known = key.known_answer()
    return Verifier(artifact.creation, artifact.runtime, known.inputs, proof_words(known.proof))


@pytest.fixture(scope="module")
def verifier(key: ToyKey) -> Verifier:
    return compiled(key, move=False)


@pytest.fixture(scope="module")
def detached(key: ToyKey) -> Verifier:
    """A verifier that finds its precompiles where a test puts them."""
    return compiled(key, move=True)


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


# -- proofs that are none ----------------------------------------------------------------------------------------------
def place(words: Sequence[int], start: int, *values: int) -> list[int]:
    return [*words[:start], *values, *words[start + len(values):]]


def twisted(point) -> list[int]:
    (x_real, x_imaginary), (y_real, y_imaginary) = point
    return [x_imaginary, x_real, y_imaginary, y_real]


# Pairings of py-evm's are Python: seconds. That its precompiles answer as revm's do is seen in `test_chain` each time.
@pytest.mark.parametrize("machine", [pytest.param(name, marks=pytest.mark.slow) if name == "py-evm" else name
                                     for name in MACHINES], indirect=True)
def test_garbage_is_accepted_nowhere(machine: Machine, verifier: Verifier) -> None:
    good, p = verifier.words, BASE_MODULUS
    small = G2_GROUP.multiply(OUTSIDE, ORDER * (TWIST_COFACTOR // SMALL_ORDER))
    assert TWIST_COFACTOR % SMALL_ORDER == 0
    assert small is not None
    assert G2_GROUP.multiply(small, SMALL_ORDER) is None
    assert verifier.ask(machine) == "accepted"
    for words, expected in {
        "infinity as A": (place(good, 0, 0, 0), "ProofRejected"),
        "infinity as B": (place(good, 2, 0, 0, 0, 0), "ProofRejected"),
        "infinity as C": (place(good, 6, 0, 0), "ProofRejected"),
        "infinity everywhere": ([0] * 8, "ProofRejected"),
        "(p, 0)": (place(good, 0, p, 0), "CoordinateOutOfField"),
        "(0, p)": (place(good, 6, 0, p), "CoordinateOutOfField"),
        "(p, 0) in G2": (place(good, 2, p, 0, 0, 0), "CoordinateOutOfField"),
        "x + p": (place(good, 0, good[0] + p), "CoordinateOutOfField"),
        "off the curve": (place(good, 0, 1, 3), "PrecompileFailed"),
        "(1, 0, 0, ...)": ([1, *[0] * 7], "PrecompileFailed"),
        "off the twist": (place(good, 2, 1, 3, 1, 3), "PrecompileFailed"),
        "outside the subgroup": (place(good, 2, *twisted(OUTSIDE)), "PrecompileFailed"),
        "of small order": (place(good, 2, *twisted(small)), "PrecompileFailed"),
    }.values():
        assert verifier.ask(machine, words) == expected, words
    for i, value in enumerate(verifier.inputs):
        assert verifier.ask(machine, inputs=place(verifier.inputs, i, value + 1)) == "ProofRejected"
    assert verifier.ask(machine, inputs=place(verifier.inputs, 0, verifier.inputs[0] + ORDER)) == "InputOutOfField"


def test_machines_give_the_known_answers(machine: Machine) -> None:
    """What deployments ask a chain; a forwarder stands for the call, its own failure for the precompile's."""
    for precompile, data, expected in known_answers():
        answer = machine({VERIFIER: forwarder(precompile, SIZES[precompile])}, VERIFIER, data)
        assert answer.output == (expected or b""), (precompile, data.hex())
        assert answer.success == (expected is not None)


# -- precompiles that are none -----------------------------------------------------------------------------------------
MISSING = [missing for count in (1, 2, 3) for missing in combinations(SIZES, count)]


def around(missing: Sequence[int] = (), sizes: Mapping[int, int] | None = None) -> dict[int, bytes]:
    return {moved(n): forwarder(n, (SIZES | dict(sizes or {}))[n]) for n in SIZES if n not in missing}


def test_the_detached_verifier_works_where_nothing_is_missing(machine: Machine, detached: Verifier) -> None:
    assert detached.ask(machine, around=around()) == "accepted"
    assert detached.ask(machine, inputs=[*detached.inputs[:-1], 5], around=around()) == "ProofRejected"


@pytest.mark.parametrize("missing", MISSING, ids=str)
def test_nothing_is_accepted_where_a_precompile_is_missing(machine: Machine, detached: Verifier, missing) -> None:
    there = around(missing)
    for words, inputs in ((None, None), (None, [*detached.inputs[:-1], 5]), ([1, *[0] * 7], None), ([0] * 8, [0] * 4),
                          ([1] * 8, None)):
        assert detached.ask(machine, words, inputs, there) == f"PrecompileMissing({missing[0]})"


@pytest.mark.parametrize("precompile", SIZES)
@pytest.mark.parametrize("error", [-1, -31, 32])
def test_an_answer_of_another_size_is_none(machine: Machine, detached: Verifier, precompile, error) -> None:
    there = around(sizes={precompile: SIZES[precompile] + error})
    assert detached.ask(machine, around=there) == "PrecompileFailed"


@pytest.mark.parametrize("missing", [(), *MISSING], ids=str)
def test_a_verifier_is_created_only_where_its_precompiles_are(machine: Machine, detached: Verifier, missing) -> None:
    answer = machine({VERIFIER: detached.creation, **around(missing)}, VERIFIER, b"")
    if missing:
        assert named(answer) == f"PrecompileMissing({missing[0]})"
    else:
        assert answer == Answer(True, detached.runtime)


@pytest.mark.parametrize("precompile", SIZES)
def test_a_verifier_is_not_created_where_an_answer_is_wrong(machine: Machine, detached: Verifier, precompile) -> None:
    """A pairing that is always true, a sum and a product that are always (0, 1)."""
    always = bytes.fromhex(f"600160{SIZES[precompile] - 32:02x}5260{SIZES[precompile]:02x}6000f3")
    answer = machine({VERIFIER: detached.creation, **around(), moved(precompile): always}, VERIFIER, b"")
    assert named(answer) == f"PrecompileMissing({precompile})"
