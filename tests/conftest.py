"""One command runner, one epoch and one key for all tests that need the whole house."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import settings
from number_checks import faults_of

from tailproof import settings as settings_of_ours
from tailproof.cli import console, main

FIXTURES = Path(__file__).parent.parent / "fixtures" / "btc_eth"
STATEMENT = "margin-full-256x16"

# What the shell of whoever runs the tests has set decides none of them: no proxy is asked for nodes on this machine, no
# option is filled, and the key that the README's commands sign with signs nothing here.
os.environ["no_proxy"] = "127.0.0.1"
for _name in (settings_of_ours.KEY, settings_of_ours.CONFIG, settings_of_ours.PROFILE,
              *map(settings_of_ours.variable, settings_of_ours.NAMES)):
    os.environ.pop(_name, None)
# Where bytecode is written nowhere, each of a hundred processes that tests start compiles this project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Another run of the tests on this machine sends with the same keys, to chains of its own: its locks are not ours.
_state = tempfile.TemporaryDirectory(prefix="tailproof-tests-")
os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = _state.name

# Beside another worker, a second thread for every product of vectors only waits for a core, and for Python's lock.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TAILPROOF_THREADS", "1")

# Of the two libraries for Keccak that come with the embedded chain, the one that takes a fifth of the time.
if find_spec("sha3"):
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

# No test is timed: a busy machine, or a kernel compiling on first use, must not fail one.
# In CI the examples are the same every time, so that a change is judged by what it changed; elsewhere they are new.
settings.register_profile("untimed", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("untimed")


@dataclass(frozen=True)
class Answer:
    """What a command did: exit code, its JSON, its error stream."""

    code: int
    data: Any
    stderr: str


_ill_formed: list[str] = []


def _watched(shown: Callable[..., Any], read: Callable[..., Any]) -> Callable[..., Any]:
    def show(*arguments: Any, **more: Any) -> Any:
        _ill_formed.extend(read(*arguments))
        return shown(*arguments, **more)
    return show


console._print = _watched(console._print, lambda data, lines, as_json: faults_of(data, map(str, lines)))
console._remark = _watched(console._remark, lambda text: faults_of({}, [text]))


@pytest.fixture(autouse=True)
def numbers_have_one_form() -> Iterator[None]:
    """Whatever any command says in any test has its numbers in the forms of docs/numbers.md."""
    _ill_formed.clear()
    yield
    assert not _ill_formed, sorted(set(_ill_formed))[:20]


@pytest.fixture(scope="session")
def run() -> Callable[..., Answer]:
    """Run `tailproof ARGUMENTS --json`; an exception, or anything but one JSON object on stdout, fails the test."""
    def call(*arguments: object) -> Answer:
        result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code != 70, result.stderr           # a defect of ours
        answer = json.loads(result.stdout)
        assert isinstance(answer, dict)
        return Answer(result.exit_code, answer, result.stderr)
    return call


@pytest.fixture(scope="session")
def built_system(run: Callable[..., Answer], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A `RealSystem`; what is done to it stays done."""
    from real_system import build
    return build(tmp_path_factory.mktemp("system"), run)


@pytest.fixture
def real(built_system: Any) -> Iterator[Any]:
    """A `RealSystem` whose chain is put back after the test."""
    snapshot = built_system.chain.snapshot()
    yield built_system
    built_system.chain.restore(snapshot)


@pytest.fixture(scope="session")
def epoch_directory(run: Callable[..., Answer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture epoch, built by the command."""
    path = tmp_path_factory.mktemp("epoch") / "epoch"
    answer = run("epoch", "build", "--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml", "--out", path)
    assert answer.code == 0, answer.stderr
    return path


@pytest.fixture(scope="session")
def key_directory(run: Callable[..., Answer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A single-party key of the demo's statement, made by the command."""
    path = tmp_path_factory.mktemp("keys") / "key"
    answer = run("keys", "setup", STATEMENT, "--out", path)
    assert answer.code == 0, answer.stderr
    return path
