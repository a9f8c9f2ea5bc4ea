"""Keys that went through bellman's format: good ones are accepted, and what hides in its last power is not."""

from __future__ import annotations

import dataclasses

import pytest

from primitives import field
from prover import prove, verify
from prover.ceremony.checks import BrokenCeremony
from prover.ceremony.phase2 import contribute, initial_key
from prover.ceremony.verify import through_bellman, verify_phase2
from prover.curve import G1_GROUP, ORDER
from prover.domain import root_of_unity
from prover.files.ptau import read_ptau
from prover.files.r1cs import read_r1cs
from prover.files.wtns import read_wtns
from prover.files.zkey import read_zkey, write_zkey
from prover.points import decode_g1, encode_g1

add, times = G1_GROUP.add, G1_GROUP.multiply


@pytest.fixture(scope="module")
def initial(ceremony, backend):
    return initial_key(read_r1cs(ceremony.folder / "c.r1cs"), read_ptau(ceremony.folder / "final.ptau"),
                       backend=backend)


@pytest.fixture(scope="module")
def imported(ceremony):
    """b.zkey: snarkjs's first key, contributed to in bellman's format."""
    ceremony.run("zkey", "export", "bellman", "1.zkey", "b.mpcparams")
    ceremony.run("zkey", "bellman", "contribute", "bn128", "b.mpcparams", "b.response", "-e=7")
    ceremony.run("zkey", "import", "bellman", "1.zkey", "b.response", "b.zkey", "-n=bell")
    return read_zkey(ceremony.folder / "b.zkey", every_point=True)


def power_of(key, k):
    """T_k = -2 Σ_j w_2n**((2j+1)k) H_j, as `through_bellman` writes it."""
    n = len(key.h)
    root = root_of_unity(key.domain + 1)
    return G1_GROUP.combine([-2 * pow(root, (2 * j + 1) * k, ORDER) % ORDER for j in range(n)], decode_g1(key.h))


def with_power(key, k, point):
    """The same key with another T_k."""
    n, root = len(key.h), root_of_unity(key.domain + 1)
    change = add(point, G1_GROUP.negate(power_of(key, k)))
    moved = [add(now, times(change, -pow(root, -(2 * j + 1) * k, ORDER) * pow(2 * n, -1, ORDER) % ORDER))
             for j, now in enumerate(decode_g1(key.h))]
    return dataclasses.replace(key, h=encode_g1(moved))


def test_a_key_through_bellmans_format_is_good(ceremony, imported, initial, backend):
    """It proves, and so do keys that are contributed to after it, here and there."""
    assert through_bellman(imported)
    assert not through_bellman(initial)
    verify_phase2(imported, initial, backend=backend)
    write_zkey(ceremony.folder / "b1.zkey", contribute(imported, "ours", backend=backend))
    ceremony.run("zkey", "contribute", "b1.zkey", "b2.zkey", "-e=8")
    assert ceremony.accepts("zkey", "verify", "c.r1cs", "final.ptau", "b2.zkey")
    last = read_zkey(ceremony.folder / "b2.zkey", every_point=True)
    verify_phase2(last, initial, backend=backend)
    assert [one.name for one in last.transcript.contributions] == ["bob", "bell", "ours", None]
    witness = read_wtns(ceremony.folder / "c.wtns")
    assert verify(last.verification_key, field.decode(witness[1:last.public + 1]), prove(last, witness))


def test_bellmans_form_is_that_without_the_last_power(initial, imported):
    """The formulas of `through_bellman`, on integers."""
    n = len(initial.h)
    assert power_of(imported, n - 1) is None
    assert power_of(initial, n - 1) is not None
    assert (with_power(initial, 3, power_of(initial, 3)).h == initial.h).all()


def test_every_other_power_is_looked_at(imported, initial, backend):
    for k in (0, 5, len(imported.h) - 2):
        with pytest.raises(BrokenCeremony, match="h, in bellman's form, was divided by delta"):
            verify_phase2(with_power(imported, k, times((1, 2), 5)), initial, backend=backend)


def test_nothing_hides_in_the_last_power(ceremony, initial, backend):
    """Whoever sets T_{n-1} to IC_1, before honest others contribute, moves input 1 as she likes. No honest proof
    changes, for the quotient has no coefficient there."""
    hostile = with_power(initial, len(initial.h) - 1, decode_g1(initial.ic)[1])
    key, witness = contribute(contribute(hostile)), read_wtns(ceremony.folder / "c.wtns")
    inputs, proof = field.decode(witness[1:key.public + 1]), prove(key, witness)
    assert verify(key.verification_key, inputs, proof)
    lever, shift = power_of(key, len(key.h) - 1), 7
    forged = dataclasses.replace(proof, c=add(proof.c, times(lever, -shift % ORDER)))
    inputs[0] = (inputs[0] + shift) % ORDER
    assert verify(key.verification_key, inputs, forged)
    with pytest.raises(BrokenCeremony, match="h was divided by delta"):
        verify_phase2(key, initial, backend=backend)
