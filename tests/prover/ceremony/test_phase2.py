"""Phase 2 with snarkjs in both directions, and every lie about it named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import prover
from primitives import field
from primitives.errors import BadInput
from prover.ceremony import phase2
from prover.ceremony.checks import BrokenCeremony
from prover.ceremony.phase2 import contribute, contribute_beacon, initial_key
from prover.ceremony.randomness import Stream
from prover.ceremony.transcript import Beacon, Transcript
from prover.ceremony.verify import verify_ceremony, verify_phase2
from prover.curve import G1_GROUP, G2_GROUP, ORDER
from prover.files.ptau import read_ptau
from prover.files.r1cs import read_r1cs
from prover.files.snarkjs import write_proof, write_public, write_verification_key
from prover.files.wtns import read_wtns
from prover.files.zkey import read_zkey, write_zkey
from prover.points import encode_g1


@pytest.fixture(scope="module")
def circuit(ceremony):
    return read_r1cs(ceremony.folder / "c.r1cs")


@pytest.fixture(scope="module")
def powers(ceremony):
    return read_ptau(ceremony.folder / "final.ptau")


@pytest.fixture(scope="module")
def initial(circuit, powers, backend):
    return initial_key(circuit, powers, backend=backend)


@pytest.fixture(scope="module")
def final(ceremony, backend):
    return read_zkey(ceremony.folder / "2.zkey", backend=backend)


def test_our_first_key_is_snarkjs(ceremony, initial, backend):
    theirs = read_zkey(ceremony.folder / "0.zkey", backend=backend, unfinished=True)
    assert initial.transcript == theirs.transcript
    for name in ("ic", "a", "b_g1", "b_g2", "c", "h"):
        assert (getattr(initial, name) == getattr(theirs, name)).all(), name
    for name in ("alpha_g1", "beta_g1", "beta_g2", "gamma_g2", "delta_g1", "delta_g2", "wires", "public", "domain"):
        assert getattr(initial, name) == getattr(theirs, name)


def test_we_accept_snarkjs_ceremony(final, circuit, powers, backend):
    verify_ceremony(final, circuit, powers, backend=backend)


def test_a_ceremony_of_both(ceremony, initial, circuit, powers, backend):
    """We begin, snarkjs contributes, we contribute, snarkjs adds its beacon, we add ours; both accept; it proves."""
    folder = ceremony.folder
    write_zkey(folder / "m0.zkey", contribute(initial, "first", backend=backend))
    ceremony.run("zkey", "contribute", "m0.zkey", "m1.zkey", "--name=second", "-e=1")
    write_zkey(folder / "m2.zkey", contribute(read_zkey(folder / "m1.zkey", backend=backend), backend=backend))
    ceremony.run("zkey", "beacon", "m2.zkey", "m3.zkey", "0102", "10", "-n=fourth")
    last = contribute_beacon(read_zkey(folder / "m3.zkey", backend=backend), Beacon(b"\3\4", 10), "fifth",
                             backend=backend)
    write_zkey(folder / "m4.zkey", last)
    assert ceremony.accepts("zkey", "verify", "c.r1cs", "final.ptau", "m4.zkey")
    read = read_zkey(folder / "m4.zkey", backend=backend, every_point=True)
    verify_phase2(read, initial, backend=backend)
    assert [one.name for one in read.transcript.contributions] == ["first", "second", None, "fourth", "fifth"]

    key, witness = read.verification_key, read_wtns(folder / "c.wtns")
    assert not key.insecure_setup
    proof, public = prover.prove(read, witness, backend=backend), field.decode(witness[1:circuit.public + 1])
    write_verification_key(folder / "m.vkey.json", key)
    write_proof(folder / "m.proof.json", proof)
    write_public(folder / "m.public.json", public)
    assert ceremony.accepts("groth16", "verify", "m.vkey.json", "m.public.json", "m.proof.json")


def test_what_a_participant_publishes(ceremony, final):
    """The digests are those that snarkjs shows."""
    shown = ceremony.run("zkey", "verify", "c.r1cs", "final.ptau", "2.zkey").replace("\t", "").replace("\n", "")
    published = final.transcript.to_json()
    assert published["contributions"][1]["beacon"] == {"value": "0d0e", "iterations": 10}
    assert published["insecure"], "one secret and a public beacon"
    for digest in (published["circuit_hash"], *(one["digest"] for one in published["contributions"])):
        words = [digest[i:i + 8] for i in range(0, 128, 8)]
        assert "".join(" ".join(words[i:i + 4]) for i in range(0, 16, 4)) in shown


# -- lies ----------------------------------------------------------------------------------------------------------
def test_an_unfinished_key_is_refused(initial, backend):
    with pytest.raises(BadInput, match="unfinished"):
        verify_phase2(initial, initial, backend=backend)
    with pytest.raises(BadInput, match="unfinished"):
        prover.prove(initial, field.encode([1] * initial.wires), backend=backend)


def test_another_circuit_is_refused(final, circuit, powers, backend):
    table = circuit.table.copy()
    table[circuit.a.coefficients[0]] = field.encode([12345])[0]
    other = initial_key(dataclasses.replace(circuit, table=table), powers, backend=backend)
    with pytest.raises(BrokenCeremony, match="of this circuit"):
        verify_phase2(final, other, backend=backend)
    lying = dataclasses.replace(final, transcript=dataclasses.replace(
        final.transcript, circuit_hash=other.transcript.circuit_hash))
    with pytest.raises(BrokenCeremony, match="circuit asks for"):
        verify_phase2(lying, other, backend=backend)


def with_contribution(key, index, **change):
    steps = list(key.transcript.contributions)
    steps[index] = dataclasses.replace(steps[index], **change)
    return dataclasses.replace(key, transcript=dataclasses.replace(key.transcript, contributions=tuple(steps)))


def with_steps(key, *steps):
    return dataclasses.replace(key, transcript=Transcript(key.transcript.circuit_hash, steps))


OTHER = 99 << 40
"""So large that nobody takes it for a small multiple, which is refused before anything is compared."""


def test_every_part_of_the_key_is_compared(final, initial, backend):
    other_g1, other_g2 = G1_GROUP.multiply((1, 2), OTHER), G2_GROUP.multiply(G2_GROUP.generator, OTHER)

    def points(name, index=-1):
        copy = getattr(final, name).copy()
        copy[index] = copy[index - 1] if name == "b_g2" else encode_g1([other_g1])[0]
        return {name: copy}

    table = final.table.copy()
    table[final.left.coefficients[0]] = field.encode([3])[0]
    first, second = final.transcript.contributions
    replace = dataclasses.replace
    cases = [
        (replace(final, domain=final.domain + 1), "numbers of wires"),
        (replace(final, alpha_g1=other_g1), "alpha_g1"), (replace(final, beta_g1=other_g1), "beta_g1"),
        (replace(final, beta_g2=other_g2), "beta_g2"), (replace(final, gamma_g2=other_g2), "gamma_g2"),
        (replace(final, **points("ic")), "ic is what"), (replace(final, **points("a")), "a is what"),
        (replace(final, **points("b_g1")), "b_g1 is what"), (replace(final, **points("b_g2")), "b_g2 is what"),
        (replace(final, table=table), "left matrix"), (replace(final, right=final.left), "right matrix"),
        (replace(final, **points("c")), "c was divided"), (replace(final, **points("h")), "h was divided"),
        (replace(final, c=initial.c, h=initial.h), "c was divided"),
        (replace(final, c=final.c[:-1]), "as many points"),
        (replace(final, delta_g1=other_g1), "delta is what the last"),
        (replace(final, delta_g2=other_g2), "delta is the same"),
        (with_steps(final, first), "delta is what the last"),
        (with_steps(final, second), "anybody contributed a secret"),
        (with_steps(final, second, first), "contribution 1 answers"),
        (with_contribution(final, 0, s_times_x=other_g1), "contribution 1 answers"),
        (with_contribution(final, 0, transcript=bytes(64)), "contribution 1 answers"),
        (with_contribution(final, 0, p_times_x=other_g2), "contribution 1 proves"),
        (with_contribution(final, 0, delta_after=other_g1), "contribution 1 multiplied"),
        (with_contribution(final, 1, beacon=Beacon(b"\1", 10)), "contribution 2 follows"),
        (with_contribution(final, 0, beacon=Beacon(b"\1", 10)), "anybody contributed a secret"),
        (with_contribution(contribute(final), 0, beacon=Beacon(b"\1", 10)), "contribution 1 follows"),
    ]
    for broken, match in cases:
        with pytest.raises(BrokenCeremony, match=match):
            verify_phase2(broken, initial, backend=backend)


@pytest.mark.parametrize(("change", "name"), [
    ({"delta_after": (1, 3)}, "delta after"), ({"s": (0, 0)}, "s"), ({"s_times_x": (1, 3)}, "s times x"),
    ({"p_times_x": ((2, 0), (3, 1))}, "p times x")])
def test_points_of_a_contribution_outside_their_groups_are_named(final, initial, backend, change, name):
    with pytest.raises(BadInput, match=f"contribution 1, {name} (is|are)"):
        verify_phase2(with_contribution(final, 0, **change), initial, backend=backend)


def test_off_curve_points_are_refused_before_pairing_with_them(final, initial, backend):
    bad = final.c.copy()
    bad[0] = encode_g1([(1, 3)])[0]
    with pytest.raises(BrokenCeremony, match="all points of c"):
        verify_phase2(dataclasses.replace(final, c=bad), initial, backend=backend)


def test_a_contribution_without_its_secret_is_refused(initial, backend):
    """The forger sets δ to a multiple of another's and repeats her proof of knowledge."""
    honest = contribute(initial, backend=backend)
    step = honest.transcript.contributions[0]
    forged = dataclasses.replace(step, delta_after=G1_GROUP.multiply(step.delta_after, 2))
    lying = with_steps(dataclasses.replace(honest, delta_g1=forged.delta_after), forged)
    with pytest.raises(BrokenCeremony, match="multiplied delta by its factor"):
        verify_phase2(lying, initial, backend=backend)


# -- contributing --------------------------------------------------------------------------------------------------
def test_contributions_differ_and_beacons_do_not(initial, backend):
    one, two = (contribute(initial, backend=backend) for _ in range(2))
    assert one.delta_g1 != two.delta_g1
    beacon = Beacon(b"\1\2", 10)
    assert contribute_beacon(initial, beacon, backend=backend).delta_g1 == \
        contribute_beacon(initial, beacon, backend=backend).delta_g1


def test_a_contribution_divides_by_its_factor(initial, backend):
    stream = Stream(b"\5" * 32)
    x = stream.scalar()
    contributed = phase2._contribute(initial, Stream(b"\5" * 32), None, None, backend)
    assert contributed.delta_g1 == G1_GROUP.multiply(initial.delta_g1, x)
    assert contributed.delta_g2 == G2_GROUP.multiply(initial.delta_g2, x)
    from prover.points import decode_g1
    for before, after in zip(decode_g1(initial.c), decode_g1(contributed.c), strict=True):
        assert G1_GROUP.multiply(after, x) == before
    assert np.array_equal(contributed.a, initial.a)


@pytest.mark.parametrize("name", ["", "x" * 65, "tab\t", "\x1b[31m", "\U0001f600" * 64])
def test_names_that_cannot_be_kept_are_refused(initial, backend, name):
    with pytest.raises(BadInput, match="name"):
        contribute(initial, name, backend=backend)


def test_no_secret_multiplies_a_point_off_the_curve(initial, backend):
    """The point may lie on a weak curve, and its multiple would tell the secret."""
    for name in ("c", "h"):
        bad = getattr(initial, name).copy()
        bad[1] = encode_g1([(1, 3)])[0]
        with pytest.raises(BadInput, match=name.upper()):
            contribute(dataclasses.replace(initial, **{name: bad}), backend=backend)


def test_powers_that_do_not_suit_are_refused(ceremony, circuit, powers, backend):
    with pytest.raises(BadInput, match="prepared"):
        initial_key(circuit, read_ptau(ceremony.folder / "3.ptau"), backend=backend)
    for short in (dataclasses.replace(powers, power=3), dataclasses.replace(powers, power=1)):
        with pytest.raises(BadInput, match="power"):
            initial_key(circuit, short, backend=backend)


def test_scalars_are_reduced():
    assert 0 <= Stream(b"\3" * 32).scalar() < ORDER
