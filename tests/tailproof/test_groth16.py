"""`tailproof groth16`: a circom user's way with us, and back and forth with snarkjs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import outside_snarkjs
import pytest
from click.testing import CliRunner

import prover
from circuits import statements
from primitives import field
from primitives.r1cs import R1CS, SparseMatrix
from prover import Proof
from prover.ceremony.randomness import LEAST_ITERATIONS, MOST_ITERATIONS
from prover.curve import G2_GROUP
from prover.files.r1cs import read_r1cs, write_r1cs
from prover.files.snarkjs import write_proof
from prover.files.wtns import write_wtns
from prover.files.zkey import read_zkey, write_zkey
from tailproof.cli import main
from tailproof.keys import KeyDirectory
from tailproof.statements import r1cs_digest

Run = Callable[..., Any]
ROOT = Path(prover.__file__).resolve().parents[1]


def snarkjs(*arguments: object, folder: Path) -> int:
    done = outside_snarkjs.snarkjs(*arguments, folder=folder)
    assert done.code or "verify" not in arguments or "ok!" in done.said.lower(), "snarkjs gave no answer"
    return done.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """c.r1cs, w.wtns: (x + 1)**2 = y + 2 x + 1 for a public y, eight rows of it; phase 1 by snarkjs, of two parties in
    p.ptau, one in alone.ptau, only a beacon in public.ptau.
    """
    path = tmp_path_factory.mktemp("groth16")
    one = SparseMatrix(np.arange(0, 17, 2), np.array([0, 2] * 8, np.int32), np.zeros(16, np.int32))
    out = SparseMatrix(np.arange(0, 25, 3), np.array([0, 1, 2] * 8, np.int32), np.array([0, 0, 1] * 8, np.int32))
    write_r1cs(path / "c.r1cs", R1CS(one, one, out, field.encode([1, 2]), 3, 1))
    write_wtns(path / "w.wtns", field.encode([1, 49, 7]))
    write_wtns(path / "false.wtns", field.encode([1, 48, 7]))
    for command in ("powersoftau new bn128 5 0.ptau", "powersoftau contribute 0.ptau 1.ptau --name=a -e=1",
                    "powersoftau contribute 1.ptau 2.ptau --name=b -e=2", "powersoftau prepare phase2 2.ptau p.ptau",
                    "powersoftau prepare phase2 1.ptau alone.ptau",
                    "powersoftau beacon 0.ptau b.ptau 0a0b0c 10 -n=b", "powersoftau prepare phase2 b.ptau public.ptau"):
        assert snarkjs(*command.split(), folder=path) == 0
    return path


@pytest.fixture(scope="module")
def finished(folder: Path, run: Run) -> Path:
    """k.zkey: ours begun, contributed to by us and by snarkjs, closed by our beacon."""
    assert run("groth16", "setup", folder / "c.r1cs", folder / "p.ptau", folder / "k0.zkey").code == 0
    ours = run("groth16", "contribute", folder / "k0.zkey", folder / "k1.zkey", "--name", "ours")
    assert ours.code == 0
    assert [step["name"] for step in ours.data["contributions"]] == ["ours"]
    assert snarkjs("zkey", "contribute", "k1.zkey", "k2.zkey", "--name=theirs", "-e=2", folder=folder) == 0
    assert run("groth16", "beacon", folder / "k2.zkey", folder / "k.zkey", "0a0b", 10).code == 0
    assert run("groth16", "export-key", folder / "k.zkey", folder / "k.json").code == 0
    return folder


WARM = """
import json, sys
from click.testing import CliRunner
import prover
from prover.files.r1cs import read_r1cs
from prover.files.wtns import read_wtns
from prover.kernels import warm
from primitives.native import Compiled
from tailproof.cli import main

loaded, prepare = [], Compiled._prepare
def watched(self, kinds):
    loaded.append(self._function.__qualname__)
    return prepare(self, kinds)
Compiled._prepare = watched
warm()
assert loaded                                              # we would see it
loaded.clear()
for command in json.load(sys.stdin):
    done = CliRunner().invoke(main, ["groth16", *command], catch_exceptions=False)
    assert done.exit_code == 0, done.output
r1cs, witness = read_r1cs("c.r1cs"), read_wtns("w.wtns")
key = prover.setup(r1cs)
proof = prover.prove(key, witness)
assert set(prover.verify_batch(key.verification_key, [[49]] * 19 + [[48]], [proof] * 20)) == {19}
print(json.dumps(loaded))
"""


@pytest.mark.parametrize("path", [pytest.param({}, id="own"), pytest.param(
    {"TAILPROOF_FORCE_PORTABLE": "1"}, id="portable", marks=pytest.mark.slow)])
def test_warming_leaves_nothing_to_compile(finished: Path, path: dict[str, str]) -> None:
    """In a process that has loaded nothing yet: what it loads after `warm`, an empty cache would have it compile."""
    made = finished / f"warm{len(path)}"
    made.mkdir()
    commands = ["prove k.zkey w.wtns {0}/p.json {0}/u.json", "verify k.json {0}/u.json {0}/p.json",
                "setup c.r1cs p.ptau {0}/0.zkey", "contribute {0}/0.zkey {0}/1.zkey",
                "beacon {0}/1.zkey {0}/2.zkey 0a 10", "verify-key c.r1cs p.ptau {0}/2.zkey",
                "export-key {0}/2.zkey {0}/k.json", "powers new 3 {0}/0.ptau",
                "powers contribute {0}/0.ptau {0}/1.ptau", "powers prepare {0}/1.ptau {0}/p.ptau",
                "powers verify {0}/p.ptau", "zkey info {0}/2.zkey", "wtns check c.r1cs w.wtns", "r1cs info c.r1cs"]
    done = subprocess.run([sys.executable, "-c", WARM], cwd=finished, capture_output=True, text=True, check=False,
                          input=json.dumps([command.format(made).split() for command in commands]),
                          env={**os.environ, "PYTHONPATH": str(ROOT), **path})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert json.loads(done.stdout) == []


def outputs(folder: Path) -> tuple[Path, Path]:
    return folder / "made.p.json", folder / "made.u.json"


def test_both_find_the_ceremony_whole(finished: Path, run: Run) -> None:
    answer = run("groth16", "verify-key", finished / "c.r1cs", finished / "p.ptau", finished / "k.zkey")
    assert answer.code == 0, answer.data
    assert len(answer.data["contributions"]) == 3
    assert answer.data["insecure"] is False
    assert snarkjs("zkey", "verify", "c.r1cs", "p.ptau", "k.zkey", folder=finished) == 0


def test_powers_are_checked_at_setup(folder: Path, run: Run, tmp_path: Path) -> None:
    circuit, key = folder / "c.r1cs", tmp_path / "k.zkey"
    answer = run("groth16", "setup", circuit, folder / "public.ptau", key)
    assert answer.code == 1
    assert "contributed a secret" in answer.data["failed"]
    whole = (folder / "p.ptau").read_bytes()
    spoilt, beyond = bytearray(whole), bytearray(whole)
    beyond[-1] ^= 1                                    # the file ends with a Lagrange form for 32 points
    spoilt[-32 * 64 - 1] ^= 1                          # before it lies that for 16, which is this circuit's
    (tmp_path / "spoilt.ptau").write_bytes(spoilt)
    answer = run("groth16", "setup", circuit, tmp_path / "spoilt.ptau", key)
    assert answer.code == 1
    assert "Lagrange form 15 for 2**4 points" in answer.data["failed"]
    assert list(tmp_path.glob("*.zkey")) == []
    answer = run("groth16", "setup", circuit, tmp_path / "spoilt.ptau", key, "--trust-powers")
    assert answer.code == 0
    assert answer.data["powers"]["checked"] is False
    (tmp_path / "beyond.ptau").write_bytes(beyond)
    other = tmp_path / "other.zkey"
    assert run("groth16", "setup", circuit, tmp_path / "beyond.ptau", other).data["powers"]["checked"] is True


def test_powers_of_a_single_party_are_marked(folder: Path, run: Run, tmp_path: Path) -> None:
    """In the key, whose format knows nothing of phase 1, they cannot be: so where the powers are at hand."""
    circuit, powers, keys = folder / "c.r1cs", folder / "alone.ptau", [tmp_path / f"{i}.zkey" for i in range(3)]
    made = run("groth16", "setup", circuit, powers, keys[0])
    assert made.data["powers"]["insecure"] is True
    for before, after in pairwise(keys):
        assert run("groth16", "contribute", before, after).code == 0
    answer = run("groth16", "verify-key", circuit, powers, keys[2])
    assert answer.code == 0
    assert answer.data["insecure"] is True
    assert [one["name"] for one in answer.data["powers"]["contributions"]] == ["a"]
    assert "INSECURE powers of tau" in CliRunner().invoke(main, ["groth16", "verify-key", *map(str, (
        circuit, powers, keys[2]))]).stdout


def test_a_key_of_another_circuit_is_checked_and_false(finished: Path, run: Run, tmp_path: Path) -> None:
    first, out = (SparseMatrix(np.arange(9), np.array([wire] * 8, np.int32), np.zeros(8, np.int32)) for wire in (2, 1))
    write_r1cs(tmp_path / "other.r1cs", R1CS(first, out, out, field.encode([1]), 3, 1))
    answer = run("groth16", "verify-key", tmp_path / "other.r1cs", finished / "p.ptau", finished / "k.zkey")
    assert answer.code == 1


def test_a_proof_goes_both_ways(finished: Path, run: Run) -> None:
    ours = [finished / name for name in ("k.zkey", "w.wtns", "proof.json", "public.json")]
    proven = run("groth16", "prove", *ours)
    assert proven.code == 0
    assert proven.data["peak_memory_bytes"] > 20 << 20                         # Python with NumPy, to begin with
    assert json.loads((finished / "public.json").read_text()) == ["49"]
    assert snarkjs("groth16", "verify", "k.json", "public.json", "proof.json", folder=finished) == 0
    assert snarkjs("groth16", "prove", "k.zkey", "w.wtns", "p2.json", "u2.json", folder=finished) == 0
    for backend in ("kernels", "reference"):
        answer = run("groth16", "verify", finished / "k.json", finished / "u2.json", finished / "p2.json",
                     "--backend", backend)
        assert answer.code == 0
    (finished / "wrong.json").write_text('["48"]')
    assert run("groth16", "verify", finished / "k.json", finished / "wrong.json", finished / "p2.json").code == 1


def test_a_false_witness_makes_no_proof(finished: Path, run: Run, tmp_path: Path) -> None:
    answer = run("groth16", "prove", finished / "k.zkey", finished / "false.wtns", *outputs(tmp_path))
    assert answer.code == 2
    assert answer.data["error"] == "Unsatisfied"
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_key_proves_nothing(finished: Path, run: Run, tmp_path: Path) -> None:
    answer = run("groth16", "prove", finished / "k0.zkey", finished / "w.wtns", *outputs(tmp_path))
    assert answer.code == 2
    assert "unfinished" in answer.data["bound"]


def test_a_damaged_key_is_bad_input(finished: Path, run: Run, tmp_path: Path) -> None:
    data = (finished / "k.zkey").read_bytes()
    (tmp_path / "cut.zkey").write_bytes(data[:-100])
    answer = run("groth16", "prove", tmp_path / "cut.zkey", finished / "w.wtns", *outputs(tmp_path))
    assert answer.code == 2
    assert str(tmp_path / "cut.zkey") in answer.data["source"]


def test_what_is_wrong_with_a_file_names_the_file(finished: Path, run: Run, tmp_path: Path) -> None:
    def source(*arguments: object) -> tuple[str, str]:
        answer = run("groth16", *arguments)
        assert answer.code == 2
        return answer.data["source"], answer.data["message"]

    for values, said in (([1, 49], "are 2: must be 3, one for each wire"), ([2, 49, 7], r"witness[0] is 2: must be 1")):
        (tmp_path / "w.wtns").unlink(missing_ok=True)
        write_wtns(tmp_path / "w.wtns", field.encode(values))
        found, message = source("prove", finished / "k.zkey", tmp_path / "w.wtns", *outputs(tmp_path))
        assert found == str(tmp_path / "w.wtns")
        assert said in message
    (tmp_path / "u.json").write_text("[]")
    write_proof(tmp_path / "p.json", Proof((1, 2), G2_GROUP.generator, (1, 2)))
    found, message = source("verify", finished / "k.json", tmp_path / "u.json", tmp_path / "p.json")
    assert found == str(tmp_path / "u.json")
    assert "public inputs are 0: must be 1 of them" in message

    spoilt, key = bytearray((finished / "k.zkey").read_bytes()), read_zkey(finished / "k.zkey")
    spoilt[spoilt.index(key.a.tobytes())] ^= 1
    (tmp_path / "k.zkey").write_bytes(spoilt)
    found, message = source("prove", tmp_path / "k.zkey", finished / "w.wtns", *outputs(tmp_path))
    assert found == str(tmp_path / "k.zkey")
    assert "a[0]" in message
    spoilt = bytearray((finished / "k1.zkey").read_bytes())
    key = read_zkey(finished / "k1.zkey")
    spoilt[spoilt.index(key.c.tobytes())] ^= 1
    (tmp_path / "k1.zkey").write_bytes(spoilt)
    for command in (("contribute", tmp_path / "k1.zkey", tmp_path / "k2.zkey"),
                    ("beacon", tmp_path / "k1.zkey", tmp_path / "k2.zkey", "00", 10)):
        found, message = source(*command)
        assert found == str(tmp_path / "k1.zkey")
        assert "C[0]" in message
        assert source(*command, "--name", "x" * 65)[0] is None            # an option, no fault of the file
    assert not (tmp_path / "k2.zkey").exists()


@pytest.mark.parametrize("iterations", [LEAST_ITERATIONS - 1, MOST_ITERATIONS + 1, 63, 2000])
def test_a_beacon_has_one_range_of_iterations(finished: Path, run: Run, tmp_path: Path, iterations: int) -> None:
    answer = run("groth16", "beacon", finished / "k1.zkey", tmp_path / "k2.zkey", "00", iterations)
    assert answer.code == 2
    assert answer.data["bound"] == f"in [{LEAST_ITERATIONS}, {MOST_ITERATIONS}] (as log2)"
    assert answer.data["source"] is None


class Squares:
    """A statement as small as the ceremony here: no real one fits powers that a test can wait for."""

    name = "squares"

    def __init__(self, r1cs: R1CS) -> None:
        self._r1cs = r1cs

    def build(self) -> Squares:
        return self

    def r1cs(self) -> R1CS:
        return self._r1cs


def reordered(matrix: SparseMatrix) -> SparseMatrix:
    """The same matrix, the terms of each row in opposite order, as a builder may have them and a file has not."""
    order = np.concatenate([np.arange(end - 1, begin - 1, -1) for begin, end in pairwise(matrix.starts)])
    return SparseMatrix(matrix.starts, matrix.wires[order], matrix.coefficients[order])


@pytest.fixture
def squares(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Squares:
    file = read_r1cs(finished / "c.r1cs")
    found = Squares(R1CS(reordered(file.a), reordered(file.b), reordered(file.c), file.table, file.wires, file.public))
    monkeypatch.setattr(statements, "get", lambda name: found)
    r1cs_digest.cache_clear()
    yield found
    r1cs_digest.cache_clear()


def test_a_ceremonys_key_becomes_a_key_directory(finished: Path, squares: Squares, run: Run, tmp_path: Path) -> None:
    key, powers = finished / "k.zkey", finished / "p.ptau"
    answer = run("keys", "import", "squares", key, powers, "--out", tmp_path / "keys")
    assert answer.code == 0, answer.data
    assert answer.data["insecure_setup"] is False
    assert answer.data["warning"] is None
    assert [one["name"] for one in answer.data["powers"]["contributions"]] == ["a", "b"]
    told = run("keys", "info", tmp_path / "keys").data
    assert told == {**answer.data, "powers": None}                     # of them a key knows nothing
    assert (told["made"], [one["name"] for one in told["contributions"]]) == ("ceremony", ["ours", "theirs", None])
    text = CliRunner().invoke(main, ["keys", "info", str(tmp_path / "keys")]).stdout
    assert "of the 2 who contributed a secret to the key, one was honest" in text
    assert "Who contributed to the powers of tau, no key tells" in text
    KeyDirectory.load(tmp_path / "keys").require(squares)
    assert run("keys", "import", "squares", key, powers, "--out", tmp_path / "keys").code == 2      # never overwritten
    alone = run("keys", "import", "squares", finished / "k1.zkey", powers, "--out", tmp_path / "alone")
    assert alone.data["insecure_setup"] is True


def test_a_key_that_no_ceremony_vouches_for_is_not_imported(finished: Path, squares: Squares, run: Run,
                                                           tmp_path: Path) -> None:
    def refused(key: Path, powers: Path) -> tuple[int, str]:
        answer = run("keys", "import", "squares", key, powers, "--out", tmp_path / "keys")
        assert list(tmp_path.glob("*keys*")) == []                     # nothing is left behind
        return answer.code, answer.data.get("failed", answer.data.get("bound", ""))

    code, why = refused(finished / "k.zkey", finished / "alone.ptau")
    assert code == 2
    assert "at least 2" in why
    code, why = refused(finished / "k0.zkey", finished / "p.ptau")
    assert code == 2
    assert "unfinished" in why
    write_zkey(tmp_path / "single.zkey", prover.setup(squares.r1cs()))
    code, why = refused(tmp_path / "single.zkey", finished / "p.ptau")
    assert code == 1
    assert "this circuit" in why
    first, system = squares.r1cs(), squares.r1cs()
    squares._r1cs = R1CS(first.c, first.b, first.a, system.table, system.wires, system.public)      # another statement
    assert refused(finished / "k.zkey", finished / "p.ptau")[0] == 1
