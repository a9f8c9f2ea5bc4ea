"""The compiler call: imports, the cache, and errors that say what is missing."""

from __future__ import annotations

import functools
import json

import pytest

from primitives.errors import BadInput
from verifier_contracts import compiler
from verifier_contracts.compiler import CompilationFailed, compile_contracts, compile_sources

ONE = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.28;\ncontract One { uint256 public constant X = 1; }\n"
USES = ('// SPDX-License-Identifier: MIT\npragma solidity ^0.8.28;\n'
        'import {One} from "./One.sol";\ncontract Two is One {}\n')


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiler.sys, "platform", "linux")
    return tmp_path / "tailproof" / "solc"


_answered = functools.cache(compiler._run_solc)


@pytest.fixture
def answered(monkeypatch):
    """The compiler's answers, kept beside the cache: it takes a second to give one."""
    monkeypatch.setattr(compiler, "_run_solc", _answered)


def test_contracts_compile_with_their_imports():
    artifacts = compile_contracts()
    assert artifacts["MarginLedger"].runtime
    assert artifacts["RiskOracle"].runtime
    assert {entry["name"] for entry in artifacts["CommitmentDesk"].abi if entry["type"] == "event"} >= {
        "CommitmentRegistered", "AccountMoved", "TransitionApplied"}


def test_the_second_time_nothing_runs(cache, monkeypatch):
    first = compile_sources({"One.sol": ONE})
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    assert compile_sources({"One.sol": ONE}) == first
    with pytest.raises(BadInput, match="node"):
        compile_sources({"One.sol": ONE + "\n"})


def test_a_damaged_cache_file_is_not_believed(cache, answered):
    first = compile_sources({"One.sol": ONE})
    (kept,) = cache.iterdir()
    good = kept.read_text()
    for damaged in (good.replace("60", "61", 1), good[:-100], "", "no\n{}"):
        assert damaged != good
        kept.write_text(damaged)
        assert compile_sources({"One.sol": ONE}) == first
        assert kept.read_text() == good


def test_a_cache_that_others_may_write_to_is_not_used(cache, answered):
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    compile_sources({"One.sol": ONE})
    assert list(cache.iterdir()) == []


def test_relative_imports(cache):
    assert compile_sources({"a/One.sol": ONE, "a/Two.sol": USES})["Two"].runtime


@pytest.mark.parametrize("target", ["./Nothing.sol", "../../etc/passwd", "/etc/passwd", "@openzeppelin/none.sol"])
def test_an_import_of_nothing_is_refused(target):
    with pytest.raises(BadInput, match="import"):
        compile_sources({"Two.sol": USES.replace("./One.sol", target)})


def test_errors_and_warnings_fail(cache):
    for text in (ONE.replace("= 1", '= "x"'), ONE.replace("// SPDX-License-Identifier: MIT\n", "")):
        with pytest.raises(CompilationFailed, match=r"Error|Warning"):
            compile_sources({"One.sol": text})
    assert not cache.exists() or list(cache.iterdir()) == []


def test_a_contract_that_no_chain_would_accept_fails(cache, answered, monkeypatch):
    monkeypatch.setattr(compiler, "CODE_LIMIT", 10)
    with pytest.raises(CompilationFailed, match="bytes of code"):
        compile_sources({"One.sol": ONE})


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TAILPROOF_NODE_MODULES", str(tmp_path))
    with pytest.raises(BadInput, match=r"solc.*make setup"):
        compile_sources({"One.sol": ONE})
    (tmp_path / "solc").mkdir()
    (tmp_path / "solc" / "package.json").write_text(json.dumps({"version": "0"}))
    with pytest.raises(BadInput, match="openzeppelin"):
        compile_sources({"One.sol": ONE})
