"""The generated source: what it says, and that its text is the same for the same key."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from toykey import CIRCUIT, ToyKey, g1, g2

from primitives.errors import BadInput
from prover import VerificationKey
from prover.curve import ORDER
from verifier_contracts.compiler import CODE_LIMIT, compile_contracts
from verifier_contracts.creation import compile_verifier
from verifier_contracts.generator import MOST_INPUTS, UNROLLED, generate

GOLDEN = Path(__file__).parent / "golden" / "Groth16Verifier.sol"


def test_golden_source(key):
    """A change to the generator is a visible diff; TAILPROOF_UPDATE_GOLDEN=1 writes it."""
    text = generate(key.verification_key, "margin-toy", CIRCUIT)
    if os.environ.get("TAILPROOF_UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_insecure_setup_is_loud(key):
    insecure = generate(key.verification_key, "margin-toy")
    assert "INSECURE SETUP" in insecure
    assert "bool public constant INSECURE = true;" in insecure
    secure = generate(replace(key.verification_key, insecure_setup=False), "margin-toy")
    assert "INSECURE SETUP" not in secure
    assert "bool public constant INSECURE = false;" in secure


def test_source_names_key_circuit_and_statement(key):
    text = generate(key.verification_key, "margin-toy", CIRCUIT)
    assert f"CIRCUIT_DIGEST = 0x{CIRCUIT.hex()};" in text
    assert f"CIRCUIT_DIGEST = 0x{'00' * 32};" in generate(key.verification_key, "margin-toy")
    with pytest.raises(BadInput, match="circuit_digest"):
        generate(key.verification_key, "margin-toy", CIRCUIT[1:])
    assert f"KEY_DIGEST = 0x{key.verification_key.digest().hex()};" in text
    assert 'STATEMENT = "margin-toy";' in text


@pytest.mark.parametrize("name", ["", "a b", 'x"; selfdestruct', "x\n}", "-x", "é", "a" * 65])
def test_a_name_that_could_break_out_of_the_source_is_refused(key, name):
    with pytest.raises(BadInput, match="statement"):
        generate(key.verification_key, name)


def test_a_key_without_inputs_is_refused():
    with pytest.raises(BadInput, match="no public inputs"):
        generate(ToyKey(0).verification_key, "empty")


@pytest.mark.parametrize(("part", "value"), [
    ("delta", "gamma"), ("delta", "-gamma"), ("beta", "gamma"), ("delta", "generator"), ("beta", "generator"),
    ("alpha", "generator")])
@pytest.mark.parametrize("factor", [1, -2, 300, 1 << 16, Fraction(1, 1 << 16)])
def test_a_key_that_accepts_forgeries_never_reaches_the_generator(key, part, value, factor):
    good = key.verification_key
    bad = {"gamma": key.gamma, "-gamma": -key.gamma, "generator": 1}[value]
    scalar = bad * factor.numerator * pow(factor.denominator, -1, ORDER)
    with pytest.raises(BadInput, match=part):
        replace(good, **{part: g1(scalar) if part == "alpha" else g2(scalar)})


def test_factors_beyond_the_bound_and_a_ceremonys_gamma_are_taken(key):
    good = key.verification_key
    replace(good, delta=g2(key.gamma * 70_000))
    replace(good, gamma=g2(1))


@pytest.mark.parametrize(("place", "of", "factor"), [(1, 2, 2), (4, 1, -3), (3, 0, 1 << 10), (0, 4, 7), (2, 0, -1000)])
def test_inputs_that_trade_off_are_refused(place, of, factor):
    key = ToyKey()
    ic = [g1(k) for k in key.ic]
    ic[place] = g1(key.ic[of] * factor)
    with pytest.raises(BadInput, match=rf"IC\[{place}\] is plus or minus {abs(factor)} times IC\[{of}\]"):
        generate(replace(key.verification_key, ic=tuple(ic)), "margin-toy")
    ic[place] = g1(key.ic[of] * 1025)
    generate(replace(key.verification_key, ic=tuple(ic)), "margin-toy")


def test_no_contract_is_too_large_for_a_chain(key):
    artifacts = [*compile_contracts().values(), compile_verifier(key.verification_key, "margin-toy"),
                 compile_verifier(ToyKey(8).verification_key, "margin-toy")]
    for artifact in artifacts:
        assert len(artifact.runtime) < CODE_LIMIT, artifact.name


def test_one_input_more_than_a_chain_accepts_is_refused(key):
    too_many = replace(key.verification_key)
    object.__setattr__(too_many, "ic", key.verification_key.ic[:1] * (MOST_INPUTS + 2))
    with pytest.raises(BadInput, match=f"at most {MOST_INPUTS}"):
        generate(too_many, "toy")
    assert UNROLLED < MOST_INPUTS


def test_verification_key_is_the_provers():
    assert isinstance(ToyKey(1).verification_key, VerificationKey)
