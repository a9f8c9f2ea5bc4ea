"""Phase 1: what snarkjs made is accepted; every lie a `.ptau` can tell is named."""

from __future__ import annotations

import dataclasses

import pytest

from primitives import field
from primitives.errors import BadInput
from prover import prove, verify
from prover.ceremony import powers as module
from prover.ceremony.checks import BrokenCeremony
from prover.ceremony.first_challenges import FIRST_CHALLENGES
from prover.ceremony.phase2 import contribute, initial_key
from prover.ceremony.powers import first_challenge, hash_of_generators, verify_powers
from prover.ceremony.transcript import Beacon
from prover.curve import G1_GROUP, G2_GROUP, ORDER
from prover.domain import MAX_DOMAIN, root_of_unity
from prover.files.ptau import read_ptau
from prover.files.r1cs import read_r1cs
from prover.files.wtns import read_wtns
from prover.points import decode_g1, encode_g1, encode_g2

TWIST_POINT = ((2, 0), (10993830646704400342460079956282858283368423716262815588736825818221725267450,
                        19651196284784701048630008112400756208183277717409031481820775712594563219220))
OTHER_G1, OTHER_G2 = G1_GROUP.multiply((1, 2), 99), G2_GROUP.multiply(G2_GROUP.generator, 99)


@pytest.fixture(scope="module")
def powers(ceremony):
    return read_ptau(ceremony.folder / "final.ptau")


def test_an_honest_phase_1_is_accepted(powers, backend):
    seen = []
    verify_powers(powers, backend=backend, progress=lambda *step: seen.append(step))
    assert seen[-1][1] == seen[-1][2]
    assert [one.name for one in powers.contributions] == ["alice", None, "beacon"]


@pytest.mark.parametrize("file", ["1.ptau", "3.ptau"])
def test_unprepared_powers_are_accepted(ceremony, backend, file):
    verify_powers(read_ptau(ceremony.folder / file), backend=backend)


def test_no_contribution_is_refused(ceremony, backend):
    with pytest.raises(BrokenCeremony, match="anybody contributed"):
        verify_powers(read_ptau(ceremony.folder / "0.ptau"), backend=backend)


def test_powers_whose_secrets_are_public_are_refused(powers, backend):
    """Contributions by beacons only: everybody can work out τ, and forge."""
    beacons = tuple(one for one in powers.contributions if one.beacon is not None)
    assert beacons
    with pytest.raises(BrokenCeremony, match="anybody contributed a secret to the powers"):
        verify_powers(dataclasses.replace(powers, contributions=beacons), backend=backend)


def test_powers_of_a_single_party_say_so(powers):
    assert not powers.insecure
    alice, bob, beacon = powers.contributions
    for few in ((alice,), (bob, beacon), (alice, dataclasses.replace(bob, beacon=beacon.beacon), beacon)):
        alone = dataclasses.replace(powers, contributions=few)
        assert alone.insecure
        assert alone.to_json()["insecure"]


def changed(points, index, point):
    copy = points.copy()
    copy[index] = (encode_g1 if points.ndim == 3 else encode_g2)([point])[0]
    return copy


@pytest.mark.parametrize(("name", "index", "point", "match"), [
    ("tau_g1", 3, (1, 3), "tau in G1 are points of G1"), ("alpha_tau_g1", 3, (1, 3), "alpha tau are points"),
    ("beta_tau_g1", 3, (1, 3), "beta tau are points"), ("tau_g2", 3, TWIST_POINT, "points of G2"),
    ("tau_g1", 0, OTHER_G1, "tau in G1 begins"), ("tau_g1", 1, OTHER_G1, "tau in G1 begins"),
    ("alpha_tau_g1", 0, OTHER_G1, "alpha tau begins"), ("beta_tau_g1", 0, OTHER_G1, "beta tau begins"),
    ("tau_g2", 1, OTHER_G2, "tau in G2 begins"), ("tau_g1", -1, OTHER_G1, "every point of tau in G1"),
    ("alpha_tau_g1", -1, OTHER_G1, "every point of alpha tau"), ("beta_tau_g1", 5, None, "every point of beta tau"),
    ("tau_g2", 7, OTHER_G2, "every point of tau in G2")])
def test_changed_points_are_named(ceremony, backend, name, index, point, match):
    powers = read_ptau(ceremony.folder / "1.ptau")
    broken = dataclasses.replace(powers, **{name: changed(getattr(powers, name), index, point)})
    with pytest.raises(BrokenCeremony, match=match):
        verify_powers(broken, backend=backend)


def test_another_beta_in_g2_is_named(ceremony, backend):
    powers = read_ptau(ceremony.folder / "1.ptau")
    with pytest.raises(BrokenCeremony, match="beta in G2 is what"):
        verify_powers(dataclasses.replace(powers, beta_g2=OTHER_G2), backend=backend)


def with_form(powers, section, log_size, points):
    """The same powers with another Lagrange form."""
    every = {number: dict(forms) for number, forms in powers.lagrange_forms.items()}
    every[section][log_size] = points
    return dataclasses.replace(powers, lagrange_forms=every)


@pytest.mark.parametrize("log_size", [0, 3, "largest"])
@pytest.mark.parametrize("section", [12, 13, 14, 15])
def test_false_lagrange_forms_are_named(powers, backend, section, log_size):
    log_size = max(powers.lagrange_forms[section]) if log_size == "largest" else log_size
    points = powers.lagrange(section, log_size)
    other = changed(points, len(points) // 2, OTHER_G2 if section == 13 else OTHER_G1)
    with pytest.raises(BrokenCeremony, match=rf"section {section} is the Lagrange form for 2\*\*{log_size} points"):
        verify_powers(with_form(powers, section, log_size, other), backend=backend)


def test_nothing_hides_in_the_place_of_the_power_that_is_missing(ceremony, powers, backend):
    """The largest form of section 12 is made of 2n powers, and the file has 2n - 1 of them. Whoever plants w**i T in
    point i in place of the last changes nothing for polynomials of lower degree, so for the honest; and for the right
    T, keys made from such powers let her move a public input as she likes, whoever contributes later."""
    system, witness = read_r1cs(ceremony.folder / "c.r1cs"), read_wtns(ceremony.folder / "c.wtns")
    log_size, n, number, shift = powers.power + 1, 1 << powers.power, 1, 7
    root, add, times = root_of_unity(log_size), G1_GROUP.add, G1_GROUP.multiply
    target = add(decode_g1(initial_key(system, powers).ic)[number], decode_g1(powers.tau_g1)[n - 1])
    planted = encode_g1([add(point, times(target, pow(root, i, ORDER) * pow(2 * n, -1, ORDER) % ORDER))
                         for i, point in enumerate(decode_g1(powers.lagrange(12, log_size)))])
    hostile = with_form(powers, 12, log_size, planted)

    key = contribute(contribute(initial_key(system, hostile)))
    inputs, proof = field.decode(witness[1:key.public + 1]), prove(key, witness)
    assert verify(key.verification_key, inputs, proof)
    lever = G1_GROUP.combine([-2 * pow(root, i * (n - 1), ORDER) for i in range(1, 2 * n, 2)], decode_g1(key.h))
    forged = dataclasses.replace(proof, c=add(proof.c, times(lever, -shift)))
    inputs[number - 1] += shift
    assert verify(key.verification_key, inputs, forged)

    with pytest.raises(BrokenCeremony, match=rf"section 12 is the Lagrange form for 2\*\*{log_size} points"):
        verify_powers(hostile, backend=backend)


def replaced(powers, index, **change):
    contributions = list(powers.contributions)
    contributions[index] = dataclasses.replace(contributions[index], **change)
    return dataclasses.replace(powers, contributions=tuple(contributions))


def test_the_chain_of_contributions_is_followed(powers, backend):
    first, second, third = powers.contributions
    cases = [
        (dataclasses.replace(powers, contributions=(second, third)), "contribution 1 proves .* tau"),
        (dataclasses.replace(powers, contributions=(second, first, third)), "contribution 1 proves .* tau"),
        (dataclasses.replace(powers, contributions=(first, second)), "begins with what the last"),
        (replaced(powers, 0, tau_g1=OTHER_G1), "contribution 1 multiplied tau in G1"),
        (replaced(powers, 0, tau_g2=OTHER_G2), "contribution 1 multiplied tau in G2"),
        (replaced(powers, 0, alpha_g1=OTHER_G1), "contribution 1 multiplied alpha"),
        (replaced(powers, 0, beta_g1=OTHER_G1), "contribution 1 multiplied beta in G1"),
        (replaced(powers, 0, beta_g2=OTHER_G2), "contribution 1 multiplied beta in G2"),
        (replaced(powers, 0, next_challenge=bytes(64)), "contribution 2 proves .* tau"),
        (replaced(powers, 2, next_challenge=bytes(64)), "hash is that of the points"),
        (replaced(powers, 2, hash_state=bytes(216)), "hash is that of the points"),
        (replaced(powers, 2, beacon=Beacon(b"\1", 10)), "contribution 3 follows from its beacon"),
        (replaced(powers, 1, beacon=Beacon(b"\1", 10)), "contribution 2 follows from its beacon"),
    ]
    for broken, match in cases:
        with pytest.raises(BrokenCeremony, match=match):
            verify_powers(broken, backend=backend)


@pytest.mark.parametrize(("change", "name"), [
    ({"tau_g1": (1, 3)}, "tau in G1"), ({"alpha_g1": (0, 0)}, "alpha"), ({"beta_g1": (1, 3)}, "beta in G1"),
    ({"tau_g2": TWIST_POINT}, "tau in G2"), ({"beta_g2": TWIST_POINT}, "beta in G2")])
def test_points_of_a_contribution_outside_their_groups_are_named(powers, backend, change, name):
    with pytest.raises(BadInput, match=f"contribution 2, {name} (is|are)") as refused:
        verify_powers(replaced(powers, 1, **change), backend=backend)
    assert refused.value.source == powers.source


@pytest.mark.parametrize(("change", "name"), [({"s": (1, 3)}, "s of beta"), ({"s_times_x": (1, 3)}, "s times beta"),
                                              ({"p_times_x": TWIST_POINT}, "p times beta")])
def test_points_of_a_proof_of_knowledge_outside_their_groups_are_named(powers, backend, change, name):
    tau, alpha, beta = powers.contributions[0].keys
    with pytest.raises(BadInput, match=f"contribution 1, {name} (is|are)"):
        verify_powers(replaced(powers, 0, keys=(tau, alpha, dataclasses.replace(beta, **change))), backend=backend)


@pytest.mark.parametrize(("number", "secret"), [(0, "tau"), (1, "alpha"), (2, "beta")])
def test_every_secret_must_be_known(powers, backend, number, secret):
    """Whoever takes over another's points cannot prove knowledge of the factor."""
    keys = list(powers.contributions[0].keys)
    keys[number] = dataclasses.replace(keys[number], p_times_x=OTHER_G2)
    with pytest.raises(BrokenCeremony, match=f"contribution 1 proves that its author knew its {secret}"):
        verify_powers(replaced(powers, 0, keys=tuple(keys)), backend=backend)


def cut(powers, power):
    """As `snarkjs powersoftau truncate` makes them: fewer points of the same ceremony."""
    n = 1 << power
    forms = {section: {log: form for log, form in every.items() if log <= power + (section == 12)}
             for section, every in powers.lagrange_forms.items()}
    return dataclasses.replace(powers, power=power, tau_g1=powers.tau_g1[:2 * n - 1], tau_g2=powers.tau_g2[:n],
                               alpha_tau_g1=powers.alpha_tau_g1[:n], beta_tau_g1=powers.beta_tau_g1[:n],
                               lagrange_forms=forms)


def test_a_truncated_file_is_accepted_without_its_last_hash(powers, backend):
    """Its largest form has the power that the file lacks."""
    shorter = cut(powers, powers.power - 1)
    verify_powers(shorter, backend=backend)
    with pytest.raises(BrokenCeremony, match="contribution 1 proves"):      # it answered a hash of more points
        verify_powers(dataclasses.replace(shorter, ceremony_power=powers.power - 1), backend=backend)


def test_only_what_a_circuit_needs_is_checked(powers, backend):
    for log_size in range(1, powers.power + 1):
        verify_powers(powers, log_size=log_size, backend=backend)
    beyond = dataclasses.replace(powers, tau_g1=changed(powers.tau_g1, -1, OTHER_G1))
    verify_powers(beyond, log_size=powers.power - 1, backend=backend)
    with pytest.raises(BrokenCeremony):
        verify_powers(beyond, log_size=powers.power, backend=backend)


@pytest.mark.parametrize(("name", "index", "other"), [
    ("tau_g1", 15, OTHER_G1), ("tau_g1", 8, (1, 3)), ("alpha_tau_g1", 7, OTHER_G1), ("beta_tau_g1", 0, OTHER_G1),
    ("tau_g2", 7, OTHER_G2), ("tau_g2", 1, TWIST_POINT)])
def test_all_that_a_circuit_needs_is_checked(powers, backend, name, index, other):
    broken = dataclasses.replace(powers, **{name: changed(getattr(powers, name), index, other)})
    with pytest.raises(BrokenCeremony):
        verify_powers(broken, log_size=3, backend=backend)


@pytest.mark.parametrize(("section", "log_size"), [(12, 3), (12, 4), (13, 3), (14, 3), (15, 3)])
def test_all_forms_that_a_circuit_needs_are_checked(powers, backend, section, log_size):
    other = changed(powers.lagrange(section, log_size), 5, OTHER_G2 if section == 13 else OTHER_G1)
    with pytest.raises(BrokenCeremony, match=f"section {section} is the Lagrange form"):
        verify_powers(with_form(powers, section, log_size, other), log_size=3, backend=backend)


# -- work that a file asks for -------------------------------------------------------------------------------------
def test_first_challenges_that_are_known_are_right():
    for power in (17, 18):
        assert first_challenge(power) == hash_of_generators(power)
    assert sorted(FIRST_CHALLENGES) == list(range(17, MAX_DOMAIN + 2))
    assert len({len(bytes.fromhex(known)) for known in FIRST_CHALLENGES.values()}) == 1
    # as snarkjs prints it for `powersoftau new bn128 14`
    assert first_challenge(14).hex().startswith("bc0bde7980381fa642b2097591dd83f1ed15b003e15c3552")


def test_beacons_are_worked_out_last(powers, backend, monkeypatch):
    """What costs a file's author nothing must not cost its reader minutes."""
    def never(*_):
        raise AssertionError("a beacon was worked out")
    monkeypatch.setattr(module, "beacon_stream", never)
    for broken in (dataclasses.replace(powers, tau_g1=changed(powers.tau_g1, 3, OTHER_G1)),
                   with_form(powers, 14, 2, changed(powers.lagrange(14, 2), 1, OTHER_G1)),
                   replaced(powers, 2, next_challenge=bytes(64))):
        with pytest.raises(BrokenCeremony):
            verify_powers(broken, backend=backend)
    with pytest.raises(AssertionError):
        verify_powers(powers, backend=backend)
