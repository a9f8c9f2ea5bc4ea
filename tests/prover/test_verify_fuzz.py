"""No mutated proof, and no mutated input, is ever accepted."""

from __future__ import annotations

import dataclasses

from changing import with_coordinate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import prover
from primitives.errors import BadInput
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER

FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCALARS = st.one_of(st.integers(1, ORDER - 1), st.sampled_from([1, 2, ORDER - 1, ORDER - 2]))
COORDINATES = st.one_of(st.integers(-2, 2**256), st.sampled_from(
    [0, 1, BASE_MODULUS - 1, BASE_MODULUS, BASE_MODULUS + 1, 2**254, 2**256 - 1]))


def accepted(key, public, proof):
    try:
        return prover.verify(key, public, proof)
    except BadInput:
        return False


@FUZZ
@given(which=st.sampled_from(["a", "b", "c"]), factor=SCALARS, shift=st.integers(0, ORDER - 1))
def test_another_point_of_the_group(cubic_key, cubic_proof, which, factor, shift):
    """k P + s G in place of one P: still a well-formed proof."""
    group = G2_GROUP if which == "b" else G1_GROUP
    point = getattr(cubic_proof, which)
    other = group.combine([factor, shift], [point, group.generator])
    if other is None or other == point:
        return
    assert not accepted(cubic_key.verification_key, [35], dataclasses.replace(cubic_proof, **{which: other}))


@FUZZ
@given(which=st.sampled_from(["a", "b", "c"]), place=st.integers(0, 3), value=COORDINATES)
def test_another_coordinate(cubic_key, cubic_proof, which, place, value):
    """Anything in place of one coordinate, the same residue in another form included."""
    other = with_coordinate(getattr(cubic_proof, which), place, value)
    assert not accepted(cubic_key.verification_key, [35], dataclasses.replace(cubic_proof, **{which: other}))


@FUZZ
@given(value=st.one_of(st.integers(-ORDER, 2 * ORDER), st.sampled_from([35 + ORDER, 35 - ORDER, -35, ORDER - 35])))
def test_another_input(cubic_key, cubic_proof, value):
    assert accepted(cubic_key.verification_key, [value], cubic_proof) == (value == 35)


def test_exchanged_points(cubic_key, cubic_proof):
    key = cubic_key.verification_key
    assert not accepted(key, [35], prover.Proof(cubic_proof.c, cubic_proof.b, cubic_proof.a))
    assert not accepted(key, [35], prover.Proof(key.alpha, key.beta, cubic_proof.c))
    assert not accepted(key, [35], dataclasses.replace(cubic_proof, b=key.beta))
