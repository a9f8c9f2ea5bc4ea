"""circom's circuits and snarkjs's keys with our prover, our keys with snarkjs's, each verified by the other."""

from __future__ import annotations

import dataclasses
import stat

import pytest

import prover
from primitives import field
from prover.ceremony.phase2 import initial_key
from prover.curve import ORDER
from prover.files.ptau import read_ptau
from prover.files.r1cs import read_header, read_r1cs, write_r1cs
from prover.files.snarkjs import (
    read_proof,
    read_public,
    read_verification_key,
    write_proof,
    write_public,
    write_verification_key,
)
from prover.files.wtns import read_wtns, write_wtns
from prover.files.zkey import read_zkey, write_zkey


@pytest.fixture(scope="module")
def own_key(circom, backend):
    """A key of ours for circom's circuit: own.zkey, own.vkey.json."""
    key = prover.setup(read_r1cs(circom.folder / "c.r1cs"), backend=backend)
    write_zkey(circom.folder / "own.zkey", key)
    write_verification_key(circom.folder / "own.vkey.json", key.verification_key)
    return key


def test_circoms_files_are_read(circom):
    r1cs, witness = read_r1cs(circom.folder / "c.r1cs"), read_wtns(circom.folder / "c.wtns")
    assert r1cs.public == 3
    assert not len(r1cs.broken(witness))
    assert field.decode(witness)[3] == 5


def test_our_files_are_read_by_snarkjs(circom):
    r1cs, witness = read_r1cs(circom.folder / "c.r1cs"), read_wtns(circom.folder / "c.wtns")
    write_r1cs(circom.folder / "out.r1cs", r1cs)
    write_wtns(circom.folder / "out.wtns", witness)
    assert (circom.folder / "out.wtns").read_bytes() == (circom.folder / "c.wtns").read_bytes()
    assert stat.S_IMODE((circom.folder / "out.wtns").stat().st_mode) == 0o600
    assert f"# of Constraints: {r1cs.rows}" in circom.run("r1cs", "info", "out.r1cs")
    assert circom.accepts("wtns", "check", "out.r1cs", "out.wtns")
    assert read_r1cs(circom.folder / "out.r1cs").digest() == r1cs.digest()
    witness = witness.copy()
    witness[-1] = field.encode([7])[0]
    write_wtns(circom.folder / "wrong.wtns", witness)
    assert not circom.accepts("wtns", "check", "out.r1cs", "wrong.wtns")


def test_snarkjs_keys_prove_here_and_snarkjs_verifies(ceremony, backend):
    folder = ceremony.folder
    key, witness = read_zkey(folder / "2.zkey", backend=backend, every_point=True), read_wtns(folder / "c.wtns")
    ceremony.run("zkey", "export", "verificationkey", "2.zkey", "2.vkey.json")
    exported = read_verification_key(folder / "2.vkey.json")
    assert key.verification_key.insecure_setup, "one party contributed, then a beacon"
    assert exported == dataclasses.replace(key.verification_key, insecure_setup=False), "snarkjs drops who contributed"
    proof, public = prover.prove(key, witness, backend=backend), field.decode(witness[1:4])
    write_proof(folder / "proof.json", proof)
    (folder / "public.json").unlink(missing_ok=True)
    write_public(folder / "public.json", public)
    write_verification_key(folder / "ours.vkey.json", exported)
    for verification_key in ("2.vkey.json", "ours.vkey.json"):
        assert ceremony.accepts("groth16", "verify", verification_key, "public.json", "proof.json")
    (folder / "public.json").unlink()
    write_public(folder / "public.json", [*public[:2], (public[2] + 1) % ORDER])
    assert not ceremony.accepts("groth16", "verify", "2.vkey.json", "public.json", "proof.json")
    assert read_proof(folder / "proof.json") == proof


def test_our_keys_prove_in_snarkjs_and_both_verify(circom, own_key, backend):
    folder = circom.folder
    circom.run("groth16", "prove", "own.zkey", "c.wtns", "theirs.json", "theirs.public.json")
    assert circom.accepts("groth16", "verify", "own.vkey.json", "theirs.public.json", "theirs.json")
    proof, public = read_proof(folder / "theirs.json"), read_public(folder / "theirs.public.json")
    assert prover.verify(own_key.verification_key, public, proof, backend=backend)
    assert not prover.verify(own_key.verification_key, [0, *public[1:]], proof, backend=backend)
    circom.run("groth16", "fullprove", "in.json", "c_js/c.wasm", "own.zkey", "full.json", "full.public.json")
    assert read_public(folder / "full.public.json") == public
    assert circom.accepts("groth16", "verify", "own.vkey.json", "full.public.json", "full.json")


def test_keys_are_written_as_snarkjs_writes_them(ceremony, backend):
    """To the byte: order of sections, which a first contribution changes, and of coefficients."""
    folder = ceremony.folder
    write_zkey(folder / "fresh.zkey", initial_key(read_r1cs(folder / "c.r1cs"), read_ptau(folder / "final.ptau"),
                                                  backend=backend))
    assert (folder / "fresh.zkey").read_bytes() == (folder / "0.zkey").read_bytes()
    for name in ("0.zkey", "1.zkey"):
        (folder / "again.zkey").unlink(missing_ok=True)
        write_zkey(folder / "again.zkey", read_zkey(folder / name, backend=backend, unfinished=True))
        assert (folder / "again.zkey").read_bytes() == (folder / name).read_bytes()


def test_inputs_that_circom_simplified_away(circom, backend):
    """Its header counts six private inputs, and three wires are left beside the constant."""
    spare = """pragma circom 2.0.0;
    template M() { signal input x; signal input y; signal input spare[4]; signal output z; z <== x * y; }
    component main = M();"""
    (circom.folder / "spare.circom").write_text(spare)
    circom.compile("spare.circom")
    header, system = read_header(circom.folder / "spare.r1cs"), read_r1cs(circom.folder / "spare.r1cs")
    assert (header.private_inputs, header.wires, header.outputs, header.labels) == (6, 4, 1, 8)
    witness = field.encode([1, 35, 5, 7])
    key = prover.setup(system, backend=backend)
    assert prover.verify(key.verification_key, [35], prover.prove(key, witness, backend=backend), backend=backend)


def test_a_key_survives_writing(ceremony, backend):
    """snarkjs still finds the ceremony intact."""
    key = read_zkey(ceremony.folder / "2.zkey", backend=backend)
    write_zkey(ceremony.folder / "rewritten.zkey", key)
    assert ceremony.accepts("zkey", "verify", "c.r1cs", "final.ptau", "rewritten.zkey")
    again = read_zkey(ceremony.folder / "rewritten.zkey", backend=backend)
    assert again.transcript == key.transcript
    assert [one.name for one in key.transcript.contributions] == ["bob", "last"]
    for name in ("ic", "a", "b_g1", "b_g2", "c", "h"):
        assert (getattr(again, name) == getattr(key, name)).all()


def test_the_insecure_mark_survives_other_tools(circom, own_key, backend):
    """A contribution on top of a setup whose τ, α, β one party knew makes nothing better."""
    circom.run("zkey", "contribute", "own.zkey", "own.1.zkey", "--name=late", "-e=1")
    key = read_zkey(circom.folder / "own.1.zkey", backend=backend)
    assert len(key.transcript.contributions) == 1
    assert key.verification_key.insecure_setup
    assert read_verification_key(circom.folder / "own.vkey.json").insecure_setup
