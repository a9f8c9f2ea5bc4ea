"""The generated source: what it says, and that its text is the same for the same key."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from toykey import ToyKey, g1, g2

from primitives.errors import BadInput
from prover import VerificationKey
from prover.curve import G2_GROUP
from verifier_contracts.compiler import CODE_LIMIT, compile_contracts
from verifier_contracts.deployment import compile_verifier
from verifier_contracts.generator import generate

GOLDEN = Path(__file__).parent / "golden" / "Groth16Verifier.sol"


def test_golden_source(key):
    """A change to the generator is a visible diff; TAILPROOF_UPDATE_GOLDEN=1 writes it."""
    text = generate(key.verification_key, "margin-toy")
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


def test_source_names_key_and_statement(key):
    text = generate(key.verification_key, "margin-toy")
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
def test_a_key_that_accepts_forgeries_never_reaches_the_generator(key, part, value):
    good = key.verification_key
    bad = {"gamma": good.gamma, "-gamma": G2_GROUP.negate(good.gamma),
           "generator": g1(1) if part == "alpha" else g2(1)}[value]
    with pytest.raises(BadInput, match=part):
        replace(good, **{part: bad})


def test_no_contract_is_too_large_for_a_chain(key):
    artifacts = [*compile_contracts().values(), compile_verifier(key.verification_key, "margin-toy"),
                 compile_verifier(ToyKey(8).verification_key, "margin-toy")]
    for artifact in artifacts:
        assert len(artifact.runtime) < CODE_LIMIT, artifact.name


def test_verification_key_is_the_provers():
    assert isinstance(ToyKey(1).verification_key, VerificationKey)
