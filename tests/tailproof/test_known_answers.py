"""A key becomes a contract only for the statement that it is of, whatever its directory says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from circuits import statements
from primitives.errors import BadInput
from prover import verify
from tailproof.keys import KeyDirectory
from tailproof.known_answers import prove_known_answer
from tailproof.statements import r1cs_digest


@pytest.fixture(scope="module")
def made(run: Callable, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Keys of small statements, by name."""
    home = tmp_path_factory.mktemp("keys")
    for name in ("margin-tiny", "margin-grid-tiny", "transition-tiny"):
        assert run("keys", "setup", name, "--out", home / name).code == 0
    return {path.name: path for path in home.iterdir()}


def edited(path: Path, copy: Path, **changes: str) -> Path:
    """A key directory whose note says something else."""
    shutil.copytree(path, copy)
    note = json.loads((copy / "key.json").read_text())
    (copy / "key.json").write_text(json.dumps(note | changes))
    return copy


@pytest.mark.parametrize("name", ["margin-tiny", "margin-grid-tiny", "transition-tiny"])
def test_a_known_answer_is_a_valid_proof(made, name) -> None:
    keys = KeyDirectory.load(made[name])
    known = prove_known_answer(keys)
    assert len(known.inputs) == len(statements.get(name).public_inputs)
    assert verify(keys.verification_key(), list(known.inputs), known.proof, backend="reference")


def test_generate_states_the_circuit(run, made, tmp_path) -> None:
    answer = run("contract", "generate", "--key", made["margin-tiny"], "--out", tmp_path / "V.sol")
    assert (answer.code, answer.data["circuit_digest"]) == (0, "0x" + r1cs_digest("margin-tiny"))
    assert f"CIRCUIT_DIGEST = 0x{r1cs_digest('margin-tiny')};" in (tmp_path / "V.sol").read_text()


def test_a_key_of_an_unknown_statement_is_refused(run, made, tmp_path) -> None:
    key = edited(made["transition-tiny"], tmp_path / "key", statement="margin-of-mine")
    answer = run("contract", "generate", "--key", key, "--out", tmp_path / "V.sol")
    assert (answer.code, answer.data["field"]) == (2, "statement")
    assert not (tmp_path / "V.sol").exists()


@pytest.mark.parametrize("digest", ["kept", "edited"])
@pytest.mark.parametrize("true_name", ["transition-tiny", "margin-grid-tiny"])
def test_a_renamed_key_is_refused(run, made, tmp_path, true_name, digest) -> None:
    changes = {} if digest == "kept" else {"r1cs_digest": r1cs_digest("margin-tiny")}
    key = edited(made[true_name], tmp_path / "key", statement="margin-tiny", **changes)
    answer = run("contract", "generate", "--key", key, "--out", tmp_path / "V.sol")
    expected = "r1cs_digest" if digest == "kept" else "wires and public inputs"
    assert (answer.code, answer.data["field"]) == (2, expected)
    assert not (tmp_path / "V.sol").exists()


def test_a_key_with_the_right_numbers_of_another_circuit_is_refused(made, monkeypatch) -> None:
    """As many wires and public inputs, another constraint: only the proof tells."""
    keys = KeyDirectory.load(made["margin-tiny"])
    key = keys.proving_key()
    key = replace(key, a=key.a[::-1].copy())
    monkeypatch.setattr(KeyDirectory, "proving_key", lambda self: key)
    with pytest.raises(BadInput, match="does not hold"):
        prove_known_answer(keys)
