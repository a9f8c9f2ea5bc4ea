"""Phase 1: what snarkjs made is accepted; every lie a `.ptau` can tell is named."""

from __future__ import annotations

import dataclasses

import pytest

from prover.ceremony.checks import BrokenCeremony
from prover.ceremony.powers import verify_powers
from prover.ceremony.transcript import Beacon
from prover.curve import G1_GROUP, G2_GROUP
from prover.files.ptau import read_ptau
from prover.points import encode_g1, encode_g2

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


@pytest.mark.parametrize("section", [12, 13, 14, 15])
def test_false_lagrange_forms_are_named(powers, backend, section):
    points = powers.every_lagrange(section)
    other = changed(points, len(points) // 2, OTHER_G2 if section == 13 else OTHER_G1)
    forms = {number: powers.every_lagrange(number) for number in (12, 13, 14, 15)} | {section: other}
    with pytest.raises(BrokenCeremony, match=f"section {section} is the Lagrange form"):
        verify_powers(dataclasses.replace(powers, _lagrange=forms), backend=backend)


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


@pytest.mark.parametrize(("number", "secret"), [(0, "tau"), (1, "alpha"), (2, "beta")])
def test_every_secret_must_be_known(powers, backend, number, secret):
    """Whoever takes over another's points cannot prove knowledge of the factor."""
    keys = list(powers.contributions[0].keys)
    keys[number] = dataclasses.replace(keys[number], p_times_x=OTHER_G2)
    with pytest.raises(BrokenCeremony, match=f"contribution 1 proves that its author knew its {secret}"):
        verify_powers(replaced(powers, 0, keys=tuple(keys)), backend=backend)


def test_a_truncated_file_is_accepted_without_its_last_hash(powers, backend):
    """As `snarkjs powersoftau truncate` makes them: fewer points of the same ceremony."""
    power = powers.power - 1
    n = 1 << power
    forms = {number: powers.every_lagrange(number)[:(4 if number == 12 else 2) * n - 1] for number in (12, 13, 14, 15)}
    cut = dataclasses.replace(powers, power=power, tau_g1=powers.tau_g1[:2 * n - 1], tau_g2=powers.tau_g2[:n],
                              alpha_tau_g1=powers.alpha_tau_g1[:n], beta_tau_g1=powers.beta_tau_g1[:n],
                              _lagrange=forms)
    verify_powers(cut, backend=backend)
    with pytest.raises(BrokenCeremony, match="contribution 1 proves"):      # it answered a hash of more points
        verify_powers(dataclasses.replace(cut, ceremony_power=power), backend=backend)
