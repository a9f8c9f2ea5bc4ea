"""What is in a circuit's files, trials without another tool, ceremonies' stories, arguments of contracts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import outside_snarkjs
import pytest
from click.testing import CliRunner

from primitives import field
from primitives.r1cs import R1CS, SparseMatrix
from prover.curve import ORDER
from prover.files.r1cs import write_r1cs
from prover.files.snarkjs import read_proof, read_public, read_verification_key
from prover.files.wtns import write_wtns
from tailproof.ceremony import escaped
from tailproof.cli import main
from verifier_contracts.bindings import encode_verification, proof_words
from verifier_contracts.chain import Chain
from verifier_contracts.creation import deploy_verifier
from verifier_contracts.errors import Reverted

Run = Callable[..., Any]


def snarkjs(*arguments: object, folder: Path) -> str:
    done = outside_snarkjs.snarkjs(*arguments, folder=folder)
    assert done.code == 0, done.said
    return done.said


def said(*arguments: object) -> str:
    """What a command prints without --json."""
    return CliRunner().invoke(main, [*map(str, arguments)]).stdout


@pytest.fixture(scope="module")
def trial(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """x * (x + 3) = y, then y * y = z for public z, as c.r1cs with c.sym and w.wtns; a whole trial, all of it ours:
    p0 to p2.ptau, p.ptau prepared, k0.zkey, k1.zkey, k.zkey after a beacon, late.zkey after one more.
    """
    path = tmp_path_factory.mktemp("trial")
    first = SparseMatrix(np.array([0, 1, 2]), np.array([2, 3], np.int32), np.zeros(2, np.int32))
    second = SparseMatrix(np.array([0, 2, 3]), np.array([0, 2, 3], np.int32), np.array([1, 0, 0], np.int32))
    out = SparseMatrix(np.array([0, 1, 2]), np.array([3, 1], np.int32), np.zeros(2, np.int32))
    write_r1cs(path / "c.r1cs", R1CS(first, second, out, field.encode([1, 3]), 4, 1))
    (path / "c.sym").write_text("1,1,0,main.z\n2,2,0,main.x\n3,-1,0,main.gone\n4,3,0,main.y\n")
    write_wtns(path / "w.wtns", field.encode([1, 1600, 5, 40]))
    write_wtns(path / "false.wtns", field.encode([1, 1681, 5, 41]))
    for arguments in (("powers", "new", 3, "p0.ptau"), ("powers", "contribute", "p0.ptau", "p1.ptau", "--name", "ann"),
                      ("powers", "contribute", "p1.ptau", "p2.ptau"), ("powers", "prepare", "p2.ptau", "p.ptau"),
                      ("setup", "c.r1cs", "p.ptau", "k0.zkey"), ("contribute", "k0.zkey", "k1.zkey", "--name", "bob"),
                      ("contribute", "k1.zkey", "k2.zkey"), ("beacon", "k2.zkey", "k.zkey", "0a0b", 10),
                      ("contribute", "k.zkey", "late.zkey"), ("export-key", "k.zkey", "k.json"),
                      ("prove", "k.zkey", "w.wtns", "proof.json", "public.json")):
        answer = run("groth16", *(path / part if "." in str(part) else part for part in arguments))
        assert answer.code == 0, answer.data
    return path


# -- powers --------------------------------------------------------------------------------------------------------
def test_a_trial_needs_no_other_tool(trial: Path, run: Run) -> None:
    assert run("groth16", "powers", "verify", trial / "p.ptau").data["insecure"] is False
    assert run("groth16", "verify", trial / "k.json", trial / "public.json", trial / "proof.json").code == 0
    assert "Powers of Tau Ok!" in snarkjs("powersoftau", "verify", "p.ptau", folder=trial)
    assert "ZKey Ok!" in snarkjs("zkey", "verify", "c.r1cs", "p.ptau", "k.zkey", folder=trial)


def test_powers_say_what_they_are_worth(trial: Path, run: Run, tmp_path: Path) -> None:
    assert "UNFINISHED" in said("groth16", "powers", "new", 2, tmp_path / "0.ptau")
    assert "INSECURE" in said("groth16", "powers", "contribute", tmp_path / "0.ptau", tmp_path / "1.ptau")
    assert "INSECURE" in said("groth16", "powers", "prepare", tmp_path / "1.ptau", tmp_path / "p.ptau")
    assert "INSECURE" in said("groth16", "powers", "verify", tmp_path / "p.ptau")
    assert "UNFINISHED" in said("groth16", "powers", "beacon", tmp_path / "0.ptau", tmp_path / "b.ptau", "0a", 10)
    both = said("groth16", "powers", "verify", trial / "p.ptau")
    assert "INSECURE" not in both
    assert "To be believed: of the 2 who contributed" in both
    answer = run("groth16", "powers", "verify", tmp_path / "b.ptau")
    assert answer.code == 1
    assert "contributed a secret" in answer.data["failed"]


def test_powers_that_are_not_right_are_broken(trial: Path, run: Run, tmp_path: Path) -> None:
    spoilt = bytearray((trial / "p.ptau").read_bytes())
    spoilt[-1] ^= 1
    (tmp_path / "p.ptau").write_bytes(spoilt)
    assert run("groth16", "powers", "verify", tmp_path / "p.ptau").code == 1


@pytest.mark.parametrize("command", [("powers", "new", 3, "p0.ptau"), ("powers", "contribute", "p0.ptau", "p1.ptau"),
                                     ("powers", "prepare", "p1.ptau", "p.ptau"), ("contribute", "k0.zkey", "k1.zkey"),
                                     ("solidityverifier", "k.zkey", "c.sym"), ("export-key", "k.zkey", "k.json"),
                                     ("prove", "k.zkey", "w.wtns", "proof.json", "u.json"),
                                     ("powers", "beacon", "p0.ptau", "p1.ptau", "00", 10)])
def test_what_exists_is_never_overwritten(trial: Path, run: Run, command: tuple[object, ...]) -> None:
    before = {path: path.read_bytes() for path in trial.iterdir()}
    answer = run("groth16", *(trial / part if "." in str(part) else part for part in command))
    assert answer.code == 2
    assert "never overwritten" in answer.data["bound"]
    assert {path: path.read_bytes() for path in trial.iterdir()} == before


# -- looking into files --------------------------------------------------------------------------------------------
def test_r1cs_info_says_what_snarkjs_says(trial: Path, run: Run) -> None:
    theirs, ours = snarkjs("r1cs", "info", "c.r1cs", folder=trial), run("groth16", "r1cs", "info", trial / "c.r1cs")
    for name, key in (("Wires", "wires"), ("Constraints", "constraints"), ("Private Inputs", "private_inputs"),
                      ("Public Inputs", "public_inputs"), ("Labels", "labels"), ("Outputs", "outputs")):
        assert f"# of {name}: {ours.data[key]}\n" in theirs
    assert ours.data["power_needed"] == 2


def test_a_false_witness_is_told_where(trial: Path, run: Run, tmp_path: Path) -> None:
    """File, row and names; of two broken rows, the first."""
    files = trial / "c.r1cs", trial / "false.wtns"
    assert run("groth16", "wtns", "check", trial / "c.r1cs", trial / "w.wtns").code == 0
    answer = run("groth16", "wtns", "check", *files)
    assert answer.code == 1
    assert "breaks 1 of 2 rows, the first of them row 0" in answer.data["failed"]
    assert "(wire 2) * (3 + wire 2) = wire 3" in answer.data["failed"]
    assert "(main.x) * (3 + main.x) = main.y" in said("groth16", "wtns", "check", *files, "--sym", trial / "c.sym")
    prove = ("groth16", "prove", trial / "k.zkey", files[1], tmp_path / "p.json", tmp_path / "u.json")
    bare = run(*prove)
    assert bare.code == 2
    assert bare.data["message"].startswith(f"{files[1]}: ")
    told = run(*prove, "--r1cs", files[0], "--sym", trial / "c.sym")
    assert told.code == 2
    assert "row 0 (counted from 0)" in told.data["message"]
    assert "(main.x) * (3 + main.x) = main.y" in told.data["message"]
    write_wtns(tmp_path / "last.wtns", field.encode([1, 1601, 5, 40]))
    assert "row 1" in run("groth16", "wtns", "check", files[0], tmp_path / "last.wtns").data["failed"]
    write_wtns(tmp_path / "two.wtns", field.encode([2, 1600, 5, 40]))
    assert "constant wire, is 2" in run("groth16", "wtns", "check", files[0], tmp_path / "two.wtns").data["failed"]
    write_wtns(tmp_path / "short.wtns", field.encode([1, 1600, 5]))
    short = run("groth16", "wtns", "check", files[0], tmp_path / "short.wtns")
    assert (short.code, short.data["source"]) == (2, str(tmp_path / "short.wtns"))


@pytest.mark.parametrize(("prime", "size", "name"), [
    (0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001, 32, "scalar field of BLS12-381"),
    (2**64 - 2**32 + 1, 8, "Goldilocks field"), (ORDER + 2, 32, "unknown field"),
    (21888242871839275222246405745257275088696311157297823662689037894645226208583, 32, "Grumpkin")])
def test_a_foreign_field_is_named_as_a_field(trial: Path, run: Run, tmp_path: Path, prime: int, size: int,
                                             name: str) -> None:
    header = size.to_bytes(4, "little") + prime.to_bytes(size, "little") + (4).to_bytes(4, "little")
    content = b"wtns" + (2).to_bytes(4, "little") * 2
    for number, body in ((1, header), (2, bytes(4 * size))):
        content += number.to_bytes(4, "little") + len(body).to_bytes(8, "little") + body
    (tmp_path / "w.wtns").write_bytes(content)
    answer = run("groth16", "prove", trial / "k.zkey", tmp_path / "w.wtns", tmp_path / "p.json", tmp_path / "u.json")
    assert answer.code == 2
    assert answer.data["field"] == "section 1 (header), scalar field"
    assert name in answer.data["value"]
    assert "BN254" in answer.data["bound"]


@pytest.mark.parametrize("line", ["1,2", "1,x,0,main.x", "\x1b[31m"])
def test_a_malformed_sym_is_named(trial: Path, run: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.sym").write_text(f"1,1,0,main.z\n{line}\n")
    answer = run("groth16", "wtns", "check", trial / "c.r1cs", trial / "false.wtns", "--sym", tmp_path / "bad.sym")
    assert (answer.code, answer.data["field"]) == (2, "line 2")


# -- stories -------------------------------------------------------------------------------------------------------
def test_a_key_tells_its_story(trial: Path, run: Run) -> None:
    answer = run("groth16", "zkey", "info", trial / "k.zkey")
    assert [step["name"] for step in answer.data["contributions"]] == ["bob", None, None]
    assert answer.data["contributions"][2]["beacon"] == {"value": "0a0b", "iterations": 10}
    assert (answer.data["after_beacon"], answer.data["through_bellman"]) == ([], False)
    assert answer.data["key_digest"] == "0x" + read_verification_key(trial / "k.json").digest().hex()
    text = said("groth16", "zkey", "info", trial / "k.zkey")
    assert "1. bob (secret)" in text
    assert "3. (no name) (beacon 0a0b, 2^10 hashes)" in text
    assert "of the 2 who contributed a secret to the key, one was honest" in text
    assert "nobody could know the beacon's value" in text
    assert "INSECURE" in said("groth16", "zkey", "info", trial / "k1.zkey")
    fresh = run("groth16", "zkey", "info", trial / "k0.zkey")
    assert (fresh.code, fresh.data["finished"], fresh.data["key_digest"]) == (0, False, None)
    assert "UNFINISHED" in said("groth16", "zkey", "info", trial / "k0.zkey")


def test_a_contribution_after_the_beacon_is_remarked_upon(trial: Path, run: Run) -> None:
    for command in (("verify-key", trial / "c.r1cs", trial / "p.ptau"), ("zkey", "info")):
        assert run("groth16", *command, trial / "late.zkey").data["after_beacon"] == [4]
        assert "AFTER THE BEACON: contribution 4." in said("groth16", *command, trial / "late.zkey")
        assert "AFTER THE BEACON" not in said("groth16", *command, trial / "k.zkey")


def test_a_key_of_a_single_party_tells_that(key_directory: Path, run: Run) -> None:
    answer = run("keys", "info", key_directory)
    assert (answer.data["made"], answer.data["contributions"], answer.data["powers"]) == ("alone", [], None)
    text = said("keys", "info", key_directory)
    assert "by a single party" in text
    assert "INSECURE" in text
    assert "To be believed" not in text


@pytest.mark.parametrize(("name", "shown"), [
    ("Ana 👩\u200d💻", "Ana 👩\\u200d💻"), ("José\u00a0Luis", "José\\xa0Luis"), ("\x1b[2J", "\\x1b[2J"),
    ("a\\x1b", "a\\\\x1b"), ("\u202eevil", "\\u202eevil"), ("\udcff", "\\udcff"), ("", "(no name)"),
    (None, "(no name)")])
def test_names_are_escaped_where_they_are_shown(name: str | None, shown: str) -> None:
    assert escaped(name) == shown


def test_a_key_with_any_name_is_of_use(trial: Path, run: Run, tmp_path: Path) -> None:
    """As snarkjs takes it: joined emoji, a space that does not break."""
    for number, name in enumerate(("Ana 👩\u200d💻", "José\u00a0Luis")):
        theirs, ours = tmp_path / f"{number}.zkey", tmp_path / f"{number}b.zkey"
        snarkjs("zkey", "contribute", trial / "k1.zkey", theirs, f"--name={name}", "-e=1", folder=trial)
        assert run("groth16", "contribute", theirs, ours, "--name", name).code == 0
        answer = run("groth16", "verify-key", trial / "c.r1cs", trial / "p.ptau", ours)
        assert answer.code == 0, answer.data
        assert [step["name"] for step in answer.data["contributions"]] == ["bob", name, name]
        assert escaped(name) in said("groth16", "zkey", "info", ours)
        assert name not in said("groth16", "zkey", "info", ours)
        outputs = tmp_path / f"{number}p.json", tmp_path / f"{number}u.json"
        assert run("groth16", "prove", ours, trial / "w.wtns", *outputs).code == 0


@pytest.mark.parametrize("arguments", [("groth16", "r1cs", "info", "c.r1cs"), ("groth16", "r1cs", "info", "absent"),
                                       ("--help",), ("groth16", "powers", "--help"), ("--version",),
                                       ("schema", "portfolio")])
def test_a_reader_who_leaves_is_not_shouted_after(trial: Path, arguments: tuple[str, ...]) -> None:
    """As `| head -1` does: a pipe whose reading end is closed before anything is written."""
    code = ("import os, sys; read, write = os.pipe(); os.dup2(write, 1); os.close(read); os.close(write); "
            "from tailproof.cli import main; main(sys.argv[1:])")
    given = [str(trial / "c.r1cs") if part == "c.r1cs" else part for part in arguments]
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, check=False,
                          cwd=Path(__file__).parents[2])
    if "absent" in arguments:                               # errors go elsewhere
        assert done.returncode == 2
        assert "absent" in done.stderr
    else:
        assert (done.returncode, done.stderr) == (141, "")


# -- contracts -----------------------------------------------------------------------------------------------------
def test_calldata_is_snarkjss(trial: Path, run: Run) -> None:
    ours = said("groth16", "soliditycalldata", trial / "public.json", trial / "proof.json")
    assert ours == snarkjs("zkey", "export", "soliditycalldata", "public.json", "proof.json", folder=trial)
    proof, inputs = read_proof(trial / "proof.json"), read_public(trial / "public.json")
    flat = said("groth16", "soliditycalldata", trial / "public.json", trial / "proof.json", "--flat")
    words, last = json.loads(f"[{flat}]")
    assert [int(word, 16) for word in words] == list(proof_words(proof))
    assert [int(word, 16) for word in last] == inputs
    answer = run("groth16", "soliditycalldata", trial / "public.json", trial / "proof.json")
    assert (answer.data["proof"], answer.data["inputs"]) == (words, last)


def test_a_verifier_of_any_key(trial: Path, run: Run, tmp_path: Path) -> None:
    """From snarkjs's JSON and from the key itself; on a chain it takes the proof, and no other."""
    snarkjs("zkey", "export", "verificationkey", "k.zkey", tmp_path / "theirs.json", folder=trial)
    sources = []
    for number, key in enumerate((tmp_path / "theirs.json", trial / "k.zkey")):
        answer = run("groth16", "solidityverifier", key, tmp_path / f"{number}.sol", "--name", "squares")
        assert (answer.code, answer.data["public_inputs"]) == (0, 1), answer.data
        sources.append((tmp_path / f"{number}.sol").read_text())
    assert sources[0] == sources[1].replace("INSECURE = true", "INSECURE = false")
    assert 'the statement "squares"' in sources[0]
    key = read_verification_key(tmp_path / "theirs.json")
    words, inputs = proof_words(read_proof(trial / "proof.json")), read_public(trial / "public.json")
    chain = Chain.embedded()
    address = deploy_verifier(chain, key, "squares")
    assert chain.call(address, encode_verification(words, inputs)) == b""
    with pytest.raises(Reverted):
        chain.call(address, encode_verification(words, [inputs[0] + 1]))
    assert run("groth16", "solidityverifier", tmp_path / "theirs.json", tmp_path / "2.sol", "--name", '"').code == 2
