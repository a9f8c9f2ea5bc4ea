"""`tailproof groth16`: a circom user's way with us, and back and forth with snarkjs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from primitives import field
from primitives.r1cs import R1CS, SparseMatrix
from prover.files.r1cs import write_r1cs
from prover.files.wtns import write_wtns
from verifier_contracts.compiler import node_modules

Run = Callable[..., Any]


def snarkjs(*arguments: object, folder: Path) -> int:
    command = ["node", str(node_modules() / "snarkjs" / "build" / "cli.cjs"), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=300)
    assert done.returncode or "verify" not in arguments or b"ok!" in done.stdout.lower(), "snarkjs gave no answer"
    return done.returncode


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """c.r1cs, w.wtns and p.ptau: x * x = y for a public y, eight rows of it, with a phase 1 by snarkjs."""
    path = tmp_path_factory.mktemp("groth16")
    wires = np.array([2] * 8, np.int32)
    one = SparseMatrix(np.arange(9), wires, np.zeros(8, np.int32))
    out = SparseMatrix(np.arange(9), np.array([1] * 8, np.int32), np.zeros(8, np.int32))
    write_r1cs(path / "c.r1cs", R1CS(one, one, out, field.encode([1]), 3, 1))
    write_wtns(path / "w.wtns", field.encode([1, 49, 7]))
    write_wtns(path / "false.wtns", field.encode([1, 48, 7]))
    for command in ("powersoftau new bn128 5 0.ptau", "powersoftau contribute 0.ptau 1.ptau --name=a -e=1",
                    "powersoftau prepare phase2 1.ptau p.ptau"):
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


def outputs(folder: Path) -> tuple[Path, Path]:
    return folder / "p.json", folder / "u.json"


def test_both_find_the_ceremony_whole(finished: Path, run: Run) -> None:
    answer = run("groth16", "verify-key", finished / "c.r1cs", finished / "p.ptau", finished / "k.zkey")
    assert answer.code == 0, answer.data
    assert len(answer.data["contributions"]) == 3
    assert answer.data["insecure"] is False
    assert snarkjs("zkey", "verify", "c.r1cs", "p.ptau", "k.zkey", folder=finished) == 0


def test_a_key_of_another_circuit_is_checked_and_false(finished: Path, run: Run, tmp_path: Path) -> None:
    first, out = (SparseMatrix(np.arange(9), np.array([wire] * 8, np.int32), np.zeros(8, np.int32)) for wire in (2, 1))
    write_r1cs(tmp_path / "other.r1cs", R1CS(first, out, out, field.encode([1]), 3, 1))
    answer = run("groth16", "verify-key", tmp_path / "other.r1cs", finished / "p.ptau", finished / "k.zkey")
    assert answer.code == 1


def test_a_proof_goes_both_ways(finished: Path, run: Run) -> None:
    ours = [finished / name for name in ("k.zkey", "w.wtns", "proof.json", "public.json")]
    assert run("groth16", "prove", *ours).code == 0
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
