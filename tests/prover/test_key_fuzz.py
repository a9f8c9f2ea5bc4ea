"""No proof is accepted with a key, or a file of public inputs, that was changed; and a changed `.zkey` proves nothing.

What may change without a key becoming another one: white space, order and escapes of its JSON, our mark "setup", and
snarkjs's "vk_alphabeta_12", which follows from the rest and is not looked at here.

Other keys, by their digest, that accept the same proofs: with k alpha and beta / k in place of alpha and beta, or with
k gamma and IC / k in place of gamma and IC. Or with more points in IC, as long as their inputs are zero.
"""

from __future__ import annotations

import dataclasses
import json
from typing import NamedTuple

import numpy as np
import pytest
from changing import with_coordinate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import prover
from primitives import field
from primitives.errors import BadInput, Unsatisfied
from prover.backend import load_backend
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER
from prover.files import snarkjs
from prover.files.zkey import read_zkey, write_zkey
from prover.groth16.verify import Equation
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2

FUZZ = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCALARS = st.one_of(st.integers(1, ORDER - 1), st.sampled_from([1, 2, ORDER - 1]))
SHIFTS = st.one_of(st.just(0), st.integers(0, ORDER - 1))


class Proven(NamedTuple):
    """A key with its witness, public inputs and proof."""

    key: prover.ProvingKey
    witness: field.FieldArray
    public: list[int]
    proof: prover.Proof

    @property
    def points(self):
        return self.key.verification_key


@pytest.fixture(scope="module")
def proven(make_system):
    """35 = x**3 + x + 5 and 9 = x**2: inputs other than 0, 1 and each other, so that each point of IC counts."""
    r1cs = make_system([{3: 1}, {2: 1}, {0: 5, 3: 1, 4: 1}], [{3: 1}, {3: 1}, {0: 1}], [{2: 1}, {4: 1}, {1: 1}], 5, 2)
    witness = field.encode([1, 35, 9, 3, 27])
    key = prover.setup(r1cs)
    return Proven(key, witness, [35, 9], prover.prove(key, witness))


def accepted(key, public, proof):
    """Whether any of the ways to verify accepts; all must agree."""
    try:
        alone = prover.verify(key, public, proof)
    except BadInput:
        return False
    assert (prover.verify_batch(key, [public] * 2, [proof] * 2) == {}) == alone
    assert Equation(key, load_backend("kernels")).verify(proof.a, proof.b, proof.c, public) == alone
    return alone


def accepted_with(proven, changes):
    """The same with the key so changed, if there is such a key."""
    try:
        key = dataclasses.replace(proven.points, **changes)
    except BadInput:
        return False
    assert key != proven.points
    assert key.digest() != proven.points.digest()
    return accepted(key, proven.public, proven.proof)


# -- keys as objects -----------------------------------------------------------------------------------------------
PLACES = ["alpha", "beta", "gamma", "delta", 0, 1, 2]


def with_points(key, points):
    """What to change to have other points at some names and numbers of IC."""
    named = {place: point for place, point in points.items() if isinstance(place, str)}
    return named | {"ic": tuple(points.get(k, point) for k, point in enumerate(key.ic))}


def point_at(key, place):
    return getattr(key, place) if isinstance(place, str) else key.ic[place]


def group_at(place):
    return G2_GROUP if place in ("beta", "gamma", "delta") else G1_GROUP


def test_the_honest_key_accepts(proven):
    assert accepted(proven.points, proven.public, proven.proof)


@FUZZ
@given(place=st.sampled_from(PLACES), factor=SCALARS, shift=SHIFTS)
def test_another_point_of_the_group(proven, place, factor, shift):
    """k P + s G in place of one P: most of these are keys like any other."""
    group, point = group_at(place), point_at(proven.points, place)
    other = group.combine([factor, shift], [point, group.generator])
    if other != point:
        assert not accepted_with(proven, with_points(proven.points, {place: other}))


@FUZZ
@given(place=st.sampled_from(PLACES), part=st.integers(0, 3), value=st.one_of(
    st.integers(-2, 2**256), st.sampled_from([0, 1, BASE_MODULUS - 1, BASE_MODULUS, 2**256 - 1])))
def test_another_coordinate(proven, place, part, value):
    other = with_coordinate(point_at(proven.points, place), part, value)
    assert not accepted_with(proven, with_points(proven.points, {place: other}))


@pytest.mark.parametrize("names", [("alpha", 0), ("alpha", 1), ("alpha", 2), (0, 1), (0, 2), (1, 2), ("beta", "gamma"),
                                   ("beta", "delta"), ("gamma", "delta")])
def test_exchanged_points(proven, names):
    one, other = names
    points = {one: point_at(proven.points, other), other: point_at(proven.points, one)}
    assert not accepted_with(proven, with_points(proven.points, points))


@pytest.mark.parametrize("order", [(), (0,), (0, 1), (1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (0, 1, 1), (0, 1, 2, 2),
                                   (0, 0, 1, 2)])
def test_another_list_of_points_for_the_inputs(proven, order):
    assert not accepted_with(proven, {"ic": tuple(proven.points.ic[k] for k in order)})


def test_one_more_point_asks_for_one_more_input(proven):
    key = dataclasses.replace(proven.points, ic=(*proven.points.ic, proven.points.alpha))
    assert accepted(key, [*proven.public, 0], proven.proof)
    for public in (proven.public, [*proven.public, ORDER], [*proven.public, 1], [0, *proven.public]):
        assert not accepted(key, public, proven.proof)


def test_keys_with_the_same_equation_are_told_apart_by_their_digest(proven):
    """`accepted_with` compares digests."""
    key, k = proven.points, 12345
    over = pow(k, -1, ORDER)
    assert accepted_with(proven, {"alpha": G1_GROUP.multiply(key.alpha, k), "beta": G2_GROUP.multiply(key.beta, over)})
    assert accepted_with(proven, {"alpha": G1_GROUP.negate(key.alpha), "beta": G2_GROUP.negate(key.beta)})
    assert accepted_with(proven, {"gamma": G2_GROUP.multiply(key.gamma, k),
                                  "ic": tuple(G1_GROUP.multiply(point, over) for point in key.ic)})


# -- files ---------------------------------------------------------------------------------------------------------
def leaves(value, path=()):
    """Paths of everything in a document, containers included."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from leaves(part, (*path, name))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def put(document, path, value):
    at(document, path[:-1])[path[-1]] = value


def key_document(proven):
    """As snarkjs would write it: without our mark."""
    document = snarkjs.verification_key_to_json(proven.points)
    del document["setup"]
    return json.loads(json.dumps(document))


def refused_or_rejected(proven, path, text):
    """A text in place of the key's file: no key, or no proof, or a document that says the same."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        key = snarkjs.read_verification_key(path)
    except BadInput:
        return
    if key.digest() == proven.points.digest():
        assert json.loads(text) == key_document(proven)
    else:
        assert not accepted(key, proven.public, proven.proof)


NUMBERS = st.one_of(st.integers(-2, 2**256).map(str),
                    st.sampled_from(["0", "1", str(BASE_MODULUS), "01", "", "+1", "1.0"]))
VALUES = st.one_of(NUMBERS, st.sampled_from([None, True, 0, 1, 2, 3, 2.0, [], {}, "groth16", "bn128", "plonk"]))
INPUTS = st.one_of(NUMBERS, st.sampled_from(["35", "9", 35, 9, str(35 + ORDER), str(9 - ORDER), "035", "35 ", ["35"]]))


@FUZZ
@given(data=st.data())
def test_another_value_in_a_key_file(proven, tmp_path, data):
    """Anything in place of anything: numbers, lists, nPublic, protocol, curve."""
    document = key_document(proven)
    path = data.draw(st.sampled_from([path for path in leaves(document) if path]))
    old = at(document, path)
    other = data.draw(VALUES)
    if isinstance(old, str) and old.isdecimal() and data.draw(st.booleans()):
        other = str(int(old) + data.draw(st.sampled_from([1, -1, BASE_MODULUS, -BASE_MODULUS, 2**256])))
    if (type(other), other) != (type(old), old):
        put(document, path, other)
        refused_or_rejected(proven, tmp_path / "key.json", json.dumps(document))


@FUZZ
@given(data=st.data())
def test_exchanged_values_in_a_key_file(proven, tmp_path, data):
    """Points, coordinates, and their halves."""
    document = key_document(proven)
    paths = st.sampled_from([path for path in leaves(document) if path])
    one, other = data.draw(paths), data.draw(paths)
    if one[:len(other)] == other or other[:len(one)] == one:
        return
    first, second = at(document, one), at(document, other)
    put(document, one, second)
    put(document, other, first)
    refused_or_rejected(proven, tmp_path / "key.json", json.dumps(document))


@FUZZ
@given(count=st.integers(0, 5), public=st.integers(-1, 5), where=st.integers(0, 5))
def test_another_number_of_inputs_in_a_key_file(proven, tmp_path, count, public, where):
    """nPublic, and points taken out or put in, together too."""
    document = key_document(proven)
    points = document["IC"]
    while len(points) < count:
        points.insert(min(where, len(points)), snarkjs.verification_key_to_json(proven.points)["vk_alpha_1"])
    while len(points) > count:
        del points[min(where, len(points) - 1)]
    document["nPublic"] = public
    refused_or_rejected(proven, tmp_path / "key.json", json.dumps(document))


CHARACTERS = st.one_of(st.characters(), st.sampled_from("0123456789\"[],{}: \\n"))


@FUZZ
@given(place=st.floats(0, 1, exclude_max=True), new=st.one_of(st.just(""), CHARACTERS), cut=st.integers(0, 2))
def test_another_character_in_a_key_file(proven, tmp_path, place, new, cut):
    text = json.dumps(key_document(proven))
    start = int(place * len(text))
    refused_or_rejected(proven, tmp_path / "key.json", text[:start] + new + text[start + cut:])


def test_what_does_not_change_a_key(proven, tmp_path):
    """The twin of the above: they would pass if all were refused."""
    document = key_document(proven)
    backwards = dict(reversed(document.items()))
    marked = document | {"setup": "insecure-single-party"}
    for text in (json.dumps(document), json.dumps(document, indent=3) + "\n", json.dumps(backwards),
                 json.dumps(document).replace("IC", "\\u0049C"), json.dumps(marked)):
        (tmp_path / "key.json").write_text(text)
        assert accepted(snarkjs.read_verification_key(tmp_path / "key.json"), proven.public, proven.proof)


@FUZZ
@given(place=st.floats(0, 1, exclude_max=True), new=st.one_of(st.just(""), CHARACTERS), cut=st.integers(0, 2))
def test_another_character_in_a_public_file(proven, tmp_path, place, new, cut):
    text = json.dumps(snarkjs.public_to_json(proven.public))
    start = int(place * len(text))
    _public(proven, tmp_path / "public.json", text[:start] + new + text[start + cut:])


@FUZZ
@given(values=st.lists(INPUTS, max_size=4))
def test_another_list_in_a_public_file(proven, tmp_path, values):
    _public(proven, tmp_path / "public.json", json.dumps(values))


def _public(proven, path, text):
    """A text in place of the file of public inputs: accepted just if it says the same."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        public = snarkjs.read_public(path)
    except BadInput:
        return
    assert accepted(proven.points, public, proven.proof) == (json.loads(text) == ["35", "9"])


# -- proving keys --------------------------------------------------------------------------------------------------
QUERIES = ["ic", "a", "b_g1", "b_g2", "c", "h"]


def proves(proven, path, **changes):
    """The proof that a `.zkey` so changed makes, or None if it makes none."""
    path.unlink(missing_ok=True)                       # what exists is never overwritten
    write_zkey(path, dataclasses.replace(proven.key, **changes))
    try:
        return prover.prove(read_zkey(path), proven.witness)
    except (BadInput, Unsatisfied):
        return None


def test_the_honest_file_proves(proven, tmp_path):
    proof = proves(proven, tmp_path / "k.zkey", a=proven.key.a.copy())
    assert accepted(proven.points, proven.public, proof)


@FUZZ
@given(query=st.sampled_from(QUERIES), place=st.integers(0, 100), factor=st.one_of(st.just(0), SCALARS), shift=SHIFTS)
def test_another_point_in_a_proving_key(proven, tmp_path, query, place, factor, shift):
    """k P + s G in place of one P, infinity included: no proof leaves, for no scalar here is zero."""
    points = getattr(proven.key, query).copy()
    place %= len(points)
    group, decode, encode = ((G2_GROUP, decode_g2, encode_g2) if query == "b_g2" else (G1_GROUP, decode_g1, encode_g1))
    point = decode(points[place:place + 1])[0]
    other = group.combine([factor, shift], [point, group.generator])
    if other != point:
        points[place] = encode([other])[0]
        assert proves(proven, tmp_path / "k.zkey", **{query: points}) is None


@FUZZ
@given(query=st.sampled_from(QUERIES), place=st.integers(0, 100), seed=st.integers(0, 2**32 - 1),
       kind=st.sampled_from(["word", "point", "all", "ones"]))
def test_no_point_at_all_in_a_proving_key(proven, tmp_path, query, place, seed, kind):
    """Words that are no point: no proof leaves but a right one, as when a coordinate was merely not reduced."""
    points = getattr(proven.key, query).copy()
    rng, place = np.random.default_rng(seed), place % len(points)
    if kind == "word":
        points[place].reshape(-1)[rng.integers(points[place].size)] ^= np.uint64(1 << int(rng.integers(64)))
    else:
        chosen = points if kind == "all" else points[place]
        chosen[...] = 2**64 - 1 if kind == "ones" else rng.integers(0, 2**64, chosen.shape, np.uint64)
    proof = proves(proven, tmp_path / "k.zkey", **{query: points})
    assert proof is None or accepted(proven.points, proven.public, proof)


@FUZZ
@given(data=st.data())
def test_exchanged_points_in_a_proving_key(proven, tmp_path, data):
    """Two points of one section, or two whole sections."""
    query = data.draw(st.sampled_from(QUERIES))
    points = getattr(proven.key, query).copy()
    one, other = (data.draw(st.integers(0, len(points) - 1)) for _ in range(2))
    points[[one, other]] = points[[other, one]]
    proof = proves(proven, tmp_path / "k.zkey", **{query: points})
    assert (proof is None) == (not np.array_equal(points, getattr(proven.key, query)))
    assert proves(proven, tmp_path / "k.zkey", a=proven.key.b_g1, b_g1=proven.key.a) is None
