"""`tailproof doctor`: what is there is told, and each thing that is wrong is found."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from margin_site import system_file
from nodes import scripted

from tailproof import doctor, settings
from tailproof.cli import main
from tailproof.extras import EXTRAS

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(answer: Any) -> dict[str, tuple[str, str, str]]:
    return {one["name"]: (one["verdict"], one["found"], one["advice"]) for one in answer.data["findings"]}


def test_where_all_is_well_it_says_so(run: Run) -> None:
    answer = run("doctor")
    found = findings(answer)
    assert (answer.code, answer.data["wrong"]) == (0, 0), found
    from prover.kernels.processor import PORTABLE
    assert ("portable" if PORTABLE else "AVX-512 IFMA") in found["processor"][1]
    assert found["tailproof"][:2] == ("ok", metadata.version("tailproof"))
    assert {f"extra [{extra}]" for extra in EXTRAS} <= set(found)
    assert {"python", "click", "numba", "memory", "cache of kernels", "state", "clock"} <= set(found)
    assert found["JSON-RPC node"][1] == "none is configured"
    shown = CliRunner().invoke(main, ["doctor"])
    assert shown.exit_code == 0
    assert shown.stdout.endswith("nothing wrong\n")


def wrong(run: Run, name: str) -> tuple[str, str]:
    """What is found wrong, and the advice; nothing else is, and the exit code is 1."""
    answer = run("doctor")
    found = findings(answer)
    assert (answer.code, answer.data["wrong"]) == (1, 1), found
    verdict, what, advice = found[name]
    assert verdict == "wrong"
    return what, advice


@pytest.mark.parametrize(("name", "variable", "below"), [("cache of kernels", "NUMBA_CACHE_DIR", "kernels"),
                                                         ("state", "XDG_STATE_HOME", "tailproof")])
def test_a_folder_that_cannot_be_written_is_wrong(run: Run, work: Path, monkeypatch: pytest.MonkeyPatch, name: str,
                                                  variable: str, below: str) -> None:
    (work / "file").write_text("no folder")
    monkeypatch.setenv(variable, str(work / "file"))
    what, advice = wrong(run, name)
    assert str(work / "file") in what
    assert variable in advice
    monkeypatch.setenv(variable, str(work / "new" / below))     # is made when it is needed
    assert run("doctor").code == 0
    assert not (work / "new").exists()


def test_a_full_disk_is_noted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_DISK", 1 << 60)
    answer = run("doctor")
    assert (answer.code, findings(answer)["state"][0]) == (0, "note")


def test_packages_that_are_absent_or_old_are_wrong() -> None:
    def version(name: str) -> str:
        if name == "gone":
            raise metadata.PackageNotFoundError(name)
        return {"old": "8.4.9", "new": "8.10", "plain": "1"}[name]

    found = list(doctor._required(["gone", "old>=8.5", "new>=8.5", "plain[x]", 'extra; extra == "risk"'], version))
    assert [(one.name, one.verdict) for one in found] == [
        ("gone", "wrong"), ("old", "wrong"), ("new", "ok"), ("plain", "ok")]
    assert "pip install 'old>=8.5'" in found[1].advice


def test_an_absent_extra_is_noted_with_how_to_get_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == "scipy" else object())
    answer = run("doctor")
    assert answer.code == 0
    assert findings(answer)["extra [risk]"] == ("note", "without scipy", "pip install 'tailproof[risk]'")


def test_little_memory_is_wrong_and_little_free_is_noted(run: Run, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MEMORY", work / "meminfo")
    monkeypatch.setattr(doctor, "LIMIT", work / "limit")
    assert findings(run("doctor"))["memory"][0] == "note"       # nobody says
    (work / "meminfo").write_text("MemTotal:  8388608 kB\nMemAvailable:  4194304 kB\n")
    assert findings(run("doctor"))["memory"][:2] == ("ok", "8192 MiB, 4096 MiB free")
    (work / "limit").write_text("max\n")
    assert findings(run("doctor"))["memory"][0] == "ok"
    (work / "limit").write_text(f"{512 << 20}\n")              # what the group of processes may use
    assert wrong(run, "memory")[0] == "512 MiB, 512 MiB free"
    (work / "limit").unlink()
    (work / "meminfo").write_text("MemTotal:  8388608 kB\nMemAvailable:  1024 kB\n")
    answer = run("doctor")
    assert (answer.code, findings(answer)["memory"][0]) == (0, "note")


def test_a_clock_before_the_program_was_made_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Path(doctor.__file__).stat().st_mtime
    monkeypatch.setattr(time, "time", lambda: made - 3 * 86_400)
    assert "set it" in wrong(run, "clock")[1]


def test_a_configuration_that_is_refused_is_wrong(run: Run, work: Path) -> None:
    (work / settings.FILE).write_text("timeout = 0")
    assert "timeout is 0" in wrong(run, "configuration")[0]


def test_a_misspelt_variable_is_noted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_CHIAN_ID", "1")
    answer = run("doctor")
    assert answer.code == 0
    assert findings(answer)["$TAILPROOF_CHIAN_ID"] == ("note", "read by nobody", "did you mean TAILPROOF_CHAIN_ID?")


def _answers(ahead: int = 0) -> dict[str, Any]:
    """Of a node, whose latest block is so many seconds ahead of this machine's clock."""
    return {"eth_chainId": "0x5", "web3_clientVersion": "Geth/v1",
            "eth_getBlockByNumber": {"timestamp": hex(int(time.time()) + ahead), "number": "0x5"}}


def test_the_configured_node_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(_answers()) as node:
        monkeypatch.setenv("TAILPROOF_RPC", node.url)
        answer = run("doctor")
        verdict, what, _ = findings(answer)["JSON-RPC node"]
        assert (answer.code, verdict) == (0, "ok"), what
        assert "chain 5" in what
        monkeypatch.setenv("TAILPROOF_CHAIN_ID", "6")           # it is another chain than is configured
        assert "6" in wrong(run, "JSON-RPC node")[0]
        monkeypatch.delenv("TAILPROOF_CHAIN_ID")
    with scripted(_answers(600)) as node:
        monkeypatch.setenv("TAILPROOF_RPC", node.url)
        assert "behind the chain's" in wrong(run, "JSON-RPC node")[1]


def test_a_dead_node_and_a_deployment_on_another_chain_are_wrong(run: Run, work: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_RPC", "http://127.0.0.1:9")
    assert "$TAILPROOF_RPC" in wrong(run, "JSON-RPC node")[1]
    monkeypatch.delenv("TAILPROOF_RPC")
    monkeypatch.setenv("TAILPROOF_DEPLOYMENT", str(work / "absent.json"))
    assert "absent.json" in wrong(run, "deployment")[0]
    monkeypatch.setenv("TAILPROOF_DEPLOYMENT", str(system_file(work / "d.json", "margin-toy", bytes(32), chain_id=1)))
    assert run("doctor").code == 0
    with scripted(_answers()) as node:
        monkeypatch.setenv("TAILPROOF_RPC", node.url)
        assert "must be 1" in wrong(run, "JSON-RPC node")[0]


def test_nothing_is_written(run: Run, work: Path) -> None:
    before = sorted(os.listdir(work))
    assert run("doctor").code == 0
    assert sorted(os.listdir(work)) == before
