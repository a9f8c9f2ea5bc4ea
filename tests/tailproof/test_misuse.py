"""What a careless or hostile user types: refused by name before any work, with one JSON document and nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from circuits import statements
from primitives.errors import TailproofError
from risk.epochs.epoch_directory import creating
from tailproof import demo
from tailproof.cli import main
from tailproof.keys import make_keys
from tailproof.secret import Opening

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
STATEMENT = "margin-full-256x16"
STRADDLE = FIXTURES / "portfolios" / "short_straddle.json"
SOURCES = ("--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml")
Run = Callable[..., Any]


@pytest.fixture
def salt(run: Run, epoch_directory: Path, tmp_path: Path) -> Path:
    path = tmp_path / "salt.json"
    assert run("commit", "--statement", STATEMENT, "--epoch", epoch_directory, "--portfolio", STRADDLE,
               "--out", path).code == 0
    return path


# -- the command line itself ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(("arguments", "named"), [
    (("prove", "--epoch-id", "-1"), "--epoch-id"), (("prove", "--epoch-id", "NaN"), "--epoch-id"),
    (("contract", "consent", "--valid-for", 10**17), "--valid-for"), (("verify",), "BUNDLE"),
    (("commit",), "--statement"),
    (("no-such",), "no-such"), (("epoch",), "--json"), (("statement", "list", "surplus"), "surplus"),
    (("contract", "show", "--account", "0x70997970C51812dc3A010C7d01b50e0d17dc79C9"), "--account"),
])
def test_a_mistake_on_the_command_line_is_json_too(run: Run, arguments: tuple[object, ...], named: str) -> None:
    answer = run(*arguments)
    assert answer.code == 2
    assert named in answer.data["message"]


# -- outputs -------------------------------------------------------------------------------------------------------
def test_an_output_that_cannot_be_written_is_refused_before_any_work(run: Run, tmp_path: Path) -> None:
    missing = tmp_path / "no-such-folder" / "file"
    for out in (missing, tmp_path, Path("/dev/null")):
        for arguments in (("statement", "export", "margin-tiny", "--r1cs", out),
                          ("statement", "export", "margin-tiny", "--r1cs", tmp_path / "r1cs", "--sym", out),
                          ("groth16", "prove", "absent", "absent", tmp_path / "proof", out),
                          ("commit", "--statement", STATEMENT, "--epoch", "absent", "--portfolio", STRADDLE,
                           "--out", out)):
            answer = run(*arguments)
            assert answer.code == 2
            assert answer.data["source"] == str(out)
    assert list(tmp_path.iterdir()) == []


def test_what_may_not_be_looked_into_is_no_crash(run: Run, tmp_path: Path) -> None:
    """A path too long is refused by the system like a folder without permission, and for root too."""
    path = tmp_path / ("x" * 300)
    for arguments in (("epoch", "show", path), ("epoch", "check", path), ("keys", "info", path),
                      ("keys", "setup", "margin-tiny", "--out", path), ("epoch", "build", *SOURCES, "--out", path),
                      ("verify", path, "--key", path, "--epoch", path)):
        assert run(*arguments).code == 2


def test_a_link_to_itself_is_no_crash(run: Run, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert run("epoch", "show", loop).code == run("verify", loop, "--key", loop, "--epoch", loop).code == 2
    assert run("contract", "generate", "--key", loop, "--out", loop).code == 2


def test_no_output_takes_the_place_of_an_input_or_of_another_output(run: Run, salt: Path) -> None:
    content = salt.read_bytes()
    answer = run("prove", "--key", "absent", "--epoch", "absent", "--opening", salt, "--deployment", "absent",
                 "--account", "0x" + "11" * 20, "--out", salt)
    assert answer.code == 2
    assert "--opening" in answer.data["bound"]
    assert salt.read_bytes() == content
    answer = run("statement", "export", "margin-tiny", "--r1cs", salt.parent / "x", "--sym", salt.parent / "x")
    assert answer.code == 2
    assert [path.name for path in salt.parent.iterdir()] == ["salt.json"]


def test_an_epoch_is_never_overwritten(run: Run, epoch_directory: Path) -> None:
    before = (epoch_directory / "manifest.json").read_bytes()
    answer = run("epoch", "build", *SOURCES, "--out", epoch_directory)
    assert answer.code == 2
    assert "never overwritten" in answer.data["bound"]
    assert answer.stderr == "", "refused before anything was built"
    assert (epoch_directory / "manifest.json").read_bytes() == before


def test_demo_takes_away_nothing_that_is_not_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "epoch").mkdir()
    for name in ("bundle.json", "salt.json"):
        (tmp_path / name).write_text("mine")
    answer = run("demo", "--out", tmp_path)
    assert answer.code == 2
    assert "salt.json" in answer.data["bound"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.json", "epoch", "salt.json"]
    assert run("demo", "--out", tmp_path / "salt.json").code == 2
    assert (tmp_path / "salt.json").read_text() == "mine"


def test_demo_makes_room_for_itself(tmp_path: Path) -> None:
    (tmp_path / "epoch" / "sources").mkdir(parents=True)
    (tmp_path / "bundle.json").write_text("")
    demo._clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- what no input may cause ---------------------------------------------------------------------------------------
LIST, NONE = ("statement", "list", "--json"), ("statement", "show", "none")


def in_a_process(*arguments: object, before: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in an interpreter of its own, after some lines of Python."""
    code = f"import sys\nfrom tailproof.cli import main\n{before}\nmain(sys.argv[1:])"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], text=True, check=False,
                          cwd=Path(__file__).parents[2], **pipes | options)


@pytest.mark.parametrize(("raised", "error", "said"), [
    (ArithmeticError("odd"), "Defect", "ArithmeticError: odd"), (OSError(5, "I/O"), "Defect", "OSError"),
    (BrokenPipeError(32, "gone"), "Defect", "gone"), (RecursionError(), "Defect", "RecursionError"),
    (MemoryError("3 GiB"), "OutOfMemory", "3 GiB"), (OSError(12, "full"), "OutOfMemory", "full")], ids=repr)
def test_what_is_unexpected_is_never_checked_and_false(raised: Exception, error: str, said: str,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 says that something was checked; a crash says nothing, and so has a code of its own."""
    def names() -> Any:
        raise raised
    monkeypatch.setattr(statements, "names", names)
    done = CliRunner().invoke(main, LIST)
    answer = json.loads(done.stdout)
    assert done.exit_code == 70
    assert answer["error"] == error
    assert said in answer["message"]
    assert ("Traceback" in done.stderr) == (error == "Defect")
    text = CliRunner().invoke(main, LIST[:-1])
    assert (text.exit_code, text.stdout) == (70, "")
    assert said in text.stderr


def test_a_process_ends_with_that_code() -> None:
    broken = "from circuits import statements\ndef names(): raise ArithmeticError\nstatements.names = names"
    done = in_a_process(*LIST, before=broken)
    assert (done.returncode, json.loads(done.stdout)["error"]) == (70, "Defect")


@pytest.mark.parametrize("setting", ["0", "many", "1025", "9" * 5000])
def test_a_senseless_number_of_threads_is_bad_input(run: Run, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", setting)
    answer = run(*LIST[:-1])
    assert answer.code == 2
    assert answer.data["field"] == "TAILPROOF_THREADS"
    assert "[1, 1024]" in answer.data["bound"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
@pytest.mark.parametrize(("stage", "refused_last"), [("progress('proving', 0, 1)", True), ("pass", False)])
def test_whether_stderr_can_be_written_changes_no_answer(stage: str, refused_last: bool) -> None:
    """Two commands in a process, one that is refused: its code is that of the last."""
    talking = f"from tailproof.cli.console import progress\n{stage}"
    reader, writer = os.pipe()
    os.close(reader)
    with open("/dev/full", "w") as full, os.fdopen(writer, "w") as left:
        for stderr, second in ((full, refused_last), (left, not refused_last)):
            (before, code), (last, wanted) = ((LIST, 0), (NONE, 2)) if second else ((NONE, 2), (LIST, 0))
            first = f"try:\n    main({before!r})\nexcept SystemExit as ended:\n    assert ended.code == {code}"
            done = in_a_process(*last, before=f"{talking}\n{first}\n{talking}", stderr=stderr)
            assert done.returncode == wanted
            assert done.stdout.count('"statements"') == 1


# -- the salt ------------------------------------------------------------------------------------------------------
def test_a_salt_that_others_can_read_is_refused(salt: Path) -> None:
    salt.chmod(0o640)
    with pytest.raises(Exception, match=r"mode of the salt file is 0640: must be 0600"):
        Opening.load(salt)


@pytest.mark.parametrize("spoil", [
    lambda text: text[:-3], lambda text: text.replace('"salt": "', '"salt": "0'),
    lambda text: text.replace('"lots": -200', '"lots": -200.5'), lambda text: text.replace('"slots"', '"slot"')])
def test_no_message_shows_what_is_in_a_salt_file(salt: Path, spoil: Callable[[str], str]) -> None:
    text = salt.read_text()
    secret = json.loads(text)
    salt.write_text(spoil(text))
    with pytest.raises(Exception, match="hidden") as refused:
        Opening.load(salt)
    shown = f"{refused.value} {refused.value.as_dict()}"                # type: ignore[attr-defined]
    shown = shown.replace(str(salt.parent), "")      # pytest numbers its directories: one may be called pytest-200
    assert all(word not in shown for word in (secret["salt"], "-200", secret["slots"][0]["id"]))


def test_a_salt_that_could_not_be_written_whole_is_not_there(salt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening = Opening.load(salt)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Exception, match="No space left on device"):
        opening.save(salt.parent / "other.json")
    assert [path.name for path in salt.parent.iterdir()] == ["salt.json"]


def test_consent_is_only_given_to_what_can_be_opened(run: Run, salt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_PRIVATE_KEY", "0x" + "17" * 32)
    salt.write_text(salt.read_text().replace('"lots": -200', '"lots": -201'))
    answer = run("contract", "consent", "--deployment", "absent", "--rpc", "http://127.0.0.1:9", "--opening", salt,
                 "--venue", "0x" + "11" * 20, "--out", salt.parent / "consent.json")
    assert answer.code == 2
    assert answer.data["field"] == "opening.commitment"
    assert [path.name for path in salt.parent.iterdir()] == ["salt.json"]


# -- combinations --------------------------------------------------------------------------------------------------
def test_a_portfolio_that_could_never_be_proven_is_not_committed_to(run: Run, epoch_directory: Path, tmp_path: Path
                                                                    ) -> None:
    portfolio = tmp_path / "portfolio.json"
    portfolio.write_text(json.dumps({"schema": "tailproof.portfolio/1",
                                     "positions": [{"instrument": "BTC-SPOT", "lots": 2**40 - 1}]}))
    answer = run("commit", "--statement", STATEMENT, "--epoch", epoch_directory, "--portfolio", portfolio,
                 "--out", tmp_path / "salt.json")
    assert answer.code == 2
    assert "gross exposure" in answer.data["field"]
    assert answer.data["source"] == str(portfolio)
    answer = run("commit", "--statement", "margin-full-1000x32", "--epoch", epoch_directory, "--portfolio", STRADDLE,
                 "--out", tmp_path / "salt.json")
    assert answer.code == 2
    assert answer.data["field"] == "epoch shape"
    assert [path.name for path in tmp_path.iterdir()] == ["portfolio.json"]


def test_a_deployment_is_kept_if_and_only_if_its_chain_is(run: Run, tmp_path: Path) -> None:
    for arguments in (("--out", tmp_path / "deployment.json"), ("--rpc", "http://127.0.0.1:9"), ("--rpc", "")):
        answer = run("contract", "deploy", "--config", tmp_path / "absent", *arguments)
        assert answer.code == 2
        assert answer.data["field"] == "--rpc and --out"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b'{"schema": "tailproof.collateral/1"', b'{"assets": [NaN]}', b"\xff"])
def test_a_bad_collateral_file_is_named(run: Run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "collateral.json"
    path.write_bytes(content)
    answer = run("epoch", "build", *SOURCES, "--statement", "margin-grid-1000x32", "--collateral", path,
                 "--out", tmp_path / "epoch")
    assert answer.code == 2
    assert answer.data["source"] == str(path)
    assert [found.name for found in tmp_path.iterdir()] == ["collateral.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
def test_an_answer_that_nobody_can_read_is_no_answer() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "tailproof", "statement", "list", "--json"], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 2
    *progress, last = done.stderr.splitlines()         # where no kernel is compiled yet, it first says that it is at it
    assert last == "error: standard output cannot be written (No space left on device)"
    assert all(line.endswith(" …") for line in progress)


@pytest.mark.parametrize(("code", "said", "answer"), [(0, b"snarkJS: OK!", True), (1, b"Invalid proof", False),
                                                      (0, b"", None)])
def test_snarkjs_that_says_nothing_has_accepted_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int,
                                                        said: bytes, answer: bool | None) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], code, said, b""))
    if answer is None:
        with pytest.raises(TailproofError, match="gave no answer"):
            demo.snarkjs_accepts(tmp_path)
    else:
        assert demo.snarkjs_accepts(tmp_path) is answer


# -- Ctrl-C --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [
    lambda path: make_keys(statements.get("margin-tiny"), path), lambda path: next(creating(path).gen)])
def test_what_is_interrupted_as_it_begins_leaves_nothing(make: Callable[[Path], object], tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal is heard as the system call returns, before anybody knows what it has made."""
    def mkdir(*arguments: Any, true: Any = os.mkdir, **options: Any) -> None:
        true(*arguments, **options)
        raise KeyboardInterrupt
    monkeypatch.setattr(os, "mkdir", mkdir)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_command_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """A setup, stopped once it is under way, with most of its time before it; 130 is what shells say of a process that
    was interrupted."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
         "from tailproof.cli import main; main(sys.argv[1:])",
         "keys", "setup", STATEMENT, "--out", str(tmp_path / "key"), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not any(tmp_path.iterdir()):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 130, stderr
    assert json.loads(stdout)["error"] == "Interrupted"
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []
