"""Powers of τ of our own making: what snarkjs would make of the same secrets, to the byte, and both accept both's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from primitives.errors import BadInput
from prover.backend import load_backend
from prover.ceremony import phase1
from prover.ceremony.checks import BrokenCeremony
from prover.ceremony.phase1 import (
    MOST_POWER,
    apply_beacon_to_powers,
    compressed,
    contribute_to_powers,
    new_powers,
    prepare_powers,
)
from prover.ceremony.powers import verify_powers
from prover.ceremony.transcript import Beacon
from prover.compressed import compress_g1, compress_g2
from prover.curve import G1_GROUP, G2_GROUP
from prover.files.ptau import read_ptau, write_ptau
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2

POWER = 4


@pytest.fixture(scope="module")
def folder(ceremony):
    """m0.ptau, m3.ptau: ours begun, contributed to by us, by snarkjs and by us."""
    path = ceremony.folder
    write_ptau(path / "m0.ptau", new_powers(POWER))
    write_ptau(path / "m1.ptau", contribute_to_powers(read_ptau(path / "m0.ptau"), "ours"))
    ceremony.run("powersoftau", "contribute", "m1.ptau", "m2.ptau", "--name=theirs", "-e=2")
    write_ptau(path / "m3.ptau", contribute_to_powers(read_ptau(path / "m2.ptau")))
    return path


def test_new_powers_are_snarkjss(ceremony, folder):
    assert (folder / "m0.ptau").read_bytes() == (folder / "0.ptau").read_bytes()


def test_a_ceremony_of_both(ceremony, folder):
    (folder / "m4.ptau").unlink(missing_ok=True)
    write_ptau(folder / "m4.ptau", prepare_powers(read_ptau(folder / "m3.ptau")))
    for file in ("m3.ptau", "m4.ptau"):
        said = ceremony.run("powersoftau", "verify", file).replace("\t", "").replace("\n", "")
        assert "Powers of Tau Ok!" in said
        verify_powers(read_ptau(folder / file))
    found = read_ptau(folder / "m4.ptau")
    assert [one.name for one in found.contributions] == ["ours", "theirs", None]
    assert not found.insecure
    for one in found.contributions:                        # what each publishes is what snarkjs shows
        words = [one.digest().hex()[i:i + 8] for i in range(0, 128, 8)]
        assert "".join(" ".join(words[i:i + 4]) for i in range(0, 16, 4)) in said


def test_prepared_powers_are_snarkjss(ceremony, folder):
    """To the byte: every form, and the place of the power that is missing."""
    write_ptau(folder / "ours.ptau", prepare_powers(read_ptau(folder / "3.ptau")))
    assert (folder / "ours.ptau").read_bytes() == (folder / "final.ptau").read_bytes()


def test_a_beacon_is_snarkjss(ceremony, folder):
    """It decides all secrets, so the files are the same, but for what a hash's buffer holds beyond its end."""
    ours = apply_beacon_to_powers(read_ptau(folder / "2.ptau"), Beacon(bytes.fromhex("0a0b0c"), 10), "beacon")
    theirs = read_ptau(folder / "3.ptau")
    for name in ("tau_g1", "tau_g2", "alpha_tau_g1", "beta_tau_g1"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    last, other = ours.contributions[-1], theirs.contributions[-1]
    assert last.digest() == other.digest()
    assert dataclasses.replace(last, hash_state=b"") == dataclasses.replace(other, hash_state=b"")
    filled = int.from_bytes(last.hash_state[200:208], "little")
    assert last.hash_state[:filled] + last.hash_state[128:] == other.hash_state[:filled] + other.hash_state[128:]


def test_keys_are_made_from_our_powers(ceremony, folder):
    (folder / "m4.ptau").unlink(missing_ok=True)
    write_ptau(folder / "m4.ptau", prepare_powers(read_ptau(folder / "m3.ptau")))
    ceremony.run("groth16", "setup", "c.r1cs", "m4.ptau", "ours0.zkey")


def test_contributions_differ(folder):
    before = read_ptau(folder / "m0.ptau")
    one, two = contribute_to_powers(before), contribute_to_powers(before)
    for name in ("tau_g1", "alpha_g1", "beta_g1"):
        assert getattr(one.contributions[0], name) != getattr(two.contributions[0], name)
    assert one.insecure
    last = contribute_to_powers(one)
    verify_powers(last)
    assert not last.insecure
    with pytest.raises(BrokenCeremony, match="contribution 1 proves"):
        verify_powers(dataclasses.replace(last, contributions=last.contributions[1:]))


def test_contributing_drops_the_forms_of_the_powers_before(folder):
    assert not contribute_to_powers(read_ptau(folder / "final.ptau")).prepared


def test_nobody_contributes_to_powers_that_were_cut_down(ceremony, folder):
    ceremony.run("powersoftau", "truncate", "final.ptau")
    with pytest.raises(BadInput, match="cut down"):
        contribute_to_powers(read_ptau(folder / "final_02.ptau"))


@pytest.mark.parametrize("name", ["tau_g1", "tau_g2", "alpha_tau_g1", "beta_tau_g1"])
def test_no_secret_multiplies_a_point_outside_its_group(folder, name):
    """The point may lie on a weak curve, and its multiple would tell the secret."""
    before = read_ptau(folder / "1.ptau")
    points = getattr(before, name).copy()
    points[3] = encode_g2([((2, 0), (1, 1))])[0] if points.ndim == 4 else encode_g1([(1, 3)])[0]
    with pytest.raises(BadInput, match=r"\[3\]"):
        contribute_to_powers(dataclasses.replace(before, **{name: points}))


@pytest.mark.parametrize("power", [0, -1, MOST_POWER + 1])
def test_powers_have_bounds(power):
    with pytest.raises(BadInput, match="power"):
        new_powers(power)


@pytest.mark.parametrize("name", ["", "x" * 65, "\x1b[31m"])
def test_names_that_cannot_be_kept_are_refused(folder, name):
    with pytest.raises(BadInput, match="name"):
        contribute_to_powers(read_ptau(folder / "m0.ptau"), name)


def test_compressed_points(backend):
    """Against `prover.compressed`, whose flags are others: 10, 11 and 01 at the top, here 00, 10 and 01."""
    arithmetic = load_backend(backend)

    def flagged(content):
        top = {0b10: 0b00, 0b11: 0b10, 0b01: 0b01}[content[0] >> 6]
        return bytes([top << 6 | content[0] & 0x3F]) + content[1:]

    for group, one, many, encode in ((G1_GROUP, compress_g1, compressed, encode_g1),
                                     (G2_GROUP, compress_g2, compressed, encode_g2)):
        points = [group.multiply(group.generator, k) for k in (1, 2, 3, 4, 5, 6, 7, -1, -2, 0)]
        assert many(encode(points), arithmetic) == b"".join(flagged(one(point)) for point in points)
    middle = np.array([[0, 0, 0, 0], [1 << 63, 0, 0, 0]], np.uint64)
    limit = (phase1.BASE_MODULUS - 1) // 2
    around = np.array([[(limit + k) >> 64 * (3 - word) & (1 << 64) - 1 for word in range(4)] for k in (-1, 0, 1)],
                      np.uint64)
    assert phase1._larger(middle).tolist() == [False, True]
    assert phase1._larger(around).tolist() == [False, False, True]


def test_forms_of_equal_points():
    """Of τ = 1 all powers are one point, and of each domain one Lagrange polynomial is 1: sums that double and
    cancel, which powers of unknown secrets have none of."""
    forms = prepare_powers(new_powers(3)).lagrange_forms
    for section, every in forms.items():
        group, decode = (G2_GROUP, decode_g2) if section == 13 else (G1_GROUP, decode_g1)
        for log, form in every.items():
            if not (section == 12 and log == 4):           # which has infinity in place of the last power
                assert decode(form) == [group.generator, *[None] * ((1 << log) - 1)], (section, log)


def test_the_reference_agrees():
    powers = contribute_to_powers(new_powers(1))
    slow, fast = (prepare_powers(powers, backend=name).lagrange_forms for name in ("reference", "kernels"))
    for section, every in fast.items():
        for log, form in every.items():
            assert np.array_equal(form, slow[section][log]), (section, log)


def test_long_work_is_shown(folder):
    for work in (contribute_to_powers, prepare_powers):
        seen = []
        work(read_ptau(folder / "m3.ptau"), progress=lambda *step, seen=seen: seen.append(step))
        assert seen[-1][1] == seen[-1][2]
        assert [step[1] for step in seen] == sorted(step[1] for step in seen)
        assert len({step[0] for step in seen}) > 3
