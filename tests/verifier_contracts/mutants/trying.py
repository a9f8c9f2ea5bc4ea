"""Tests on a changed contract: worlds are deployed once with the honest one, and its code is exchanged in place.

Each attempt is a fork of this process, so that nothing is built twice and nothing is left behind. The embedded chain
answers with other code wherever it holds the honest contract's, immutables carried over; what tests deploy themselves
is the changed contract from the start, constructor included.
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest

from mutants.listed import TESTS
from verifier_contracts import compiler, embedded
from verifier_contracts.artifacts import Artifact

PATIENCE = 600
"""Seconds for the tests of one mutant."""


_SHORTLY = ("-x", "-q", "--no-header", "--tb=line", "--assert=plain", "-p", "no:cacheprovider",
            "-p", "no:unraisableexception", "-p", "no:threadexception")
"""Asserts are not rewritten and garbage is not looked for: pytest's start takes longer than most tests here."""


class Exchange:
    """Other code in place of the honest contract's."""

    def __init__(self, honest: Artifact, other: Artifact) -> None:
        self.honest, self.other = honest, other
        self._known: dict[bytes, bytes] = {}

    def __call__(self, code: bytes) -> bytes:
        if len(code) != len(self.honest.runtime):
            return code
        if code not in self._known:
            self._known[code] = self._filled(code) if _blank(code, self.honest) == self.honest.runtime else code
        return self._known[code]

    def _filled(self, code: bytes) -> bytes:
        values = {name: code[(at := places[0])[0]:sum(at)] for name, places in self.honest.immutables.items()}
        return self.other.deployed({name: values[name] for name in self.other.immutables})


def _blank(code: bytes, artifact: Artifact) -> bytes:
    blank = bytearray(code)
    for places in artifact.immutables.values():
        for start, length in places:
            blank[start:start + length] = bytes(length)
    return bytes(blank)


class Worlds:
    """What tests deploy first, deployed once."""

    def __init__(self, tests: Sequence[str]) -> None:
        for place in (TESTS, TESTS.parent):
            sys.path.insert(0, str(place))
        os.environ["CI"] = "1"                       # the same examples every time
        os.environ["TAILPROOF_TESTS_ON"] = "embedded"
        self.honest = dict(compiler.compile_contracts())
        import revmchain
        revmchain.CODE_LIMIT = 1 << 20               # of every machine: also of those that worlds are kept on
        self.honest_vault = revmchain.vault_artifacts()
        import revmsystem
        self.honest_system = revmsystem.artifacts()
        import ledger_world
        import oracle_world
        from world import GENESIS

        from verifier_contracts.chain import Chain
        text = "".join((TESTS / name).read_text() for name in {test.split("::")[0] for test in tests})
        # By the names of the fixtures.
        if re.search(r"\bledgers\b", text):
            self._keep(ledger_world, "build", lambda build: build(Chain.embedded(timestamp=GENESIS)))
        if re.search(r"\boracles\b", text):
            self._keep(oracle_world, "build_oracle_world", lambda build: build(Chain.embedded(timestamp=GENESIS)))
        self._liquidation: Any = None
        if re.search(r"\b(lw|uw)\b", text):
            import liquidation_world
            self._liquidation = made = liquidation_world.build_liquidation()
            liquidation_world.build_liquidation = lambda: made
        import hypothesis  # noqa: F401

        import tailproof.cli  # noqa: F401
        gc.freeze()                                  # forks need not look through what is here

    def _keep(self, module: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Deploy a world now; who asks for the very same gets this one."""
        build = getattr(module, name)
        made = make(build)
        # Going back to a snapshot runs its last block again: there must be nothing in it that other code would change.
        made.chain.web3.provider.ethereum_tester.mine_blocks(1)
        setattr(module, name, lambda chain, *arguments, **settings: build(chain, *arguments, **settings)
                if arguments or settings or not _is_embedded(chain) else made)

    def attempt(self, changed: Artifact, tests: Sequence[str]) -> dict[str, Any]:
        """Run tests on a changed contract, in a process of their own, until one fails.

        Returns
        -------
        code : pytest's; 0 if all passed, 1 if one failed.  failed : its id.  seconds, cpu : what it took.
        said : the end of what it printed.
        """
        start = time.monotonic()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            answer: dict[str, Any] = {"code": -1, "failed": "", "said": ""}
            try:
                os.setsid()
                signal.alarm(PATIENCE)
                answer = self._run(changed, tests)
            except BaseException as error:
                answer["said"] = f"{type(error).__name__}: {error}"
            finally:
                os.write(writing, json.dumps(answer).encode())
                os._exit(0)
        os.close(writing)
        with open(reading, "rb") as pipe:
            said = pipe.read()
        _, _, used = os.wait4(child, 0)
        answer = json.loads(said) if said else {"code": -2, "failed": "", "said": f"no answer in {PATIENCE} s"}
        return {**answer, "seconds": round(time.monotonic() - start, 1), "cpu": round(used.ru_utime + used.ru_stime, 1)}

    def _run(self, changed: Artifact, tests: Sequence[str]) -> dict[str, Any]:
        _exchange(Exchange(self.honest[changed.name], changed))
        _redirect(compiler.compile_contracts, {**self.honest, changed.name: changed})
        self._on_revm(changed)
        failures = _Failures()
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = pytest.main([*_SHORTLY, "-k", "not anvil", "-m", "not slow", *(str(TESTS / test) for test in tests)],
                               plugins=[failures])
        return {"code": int(code), "failed": failures.first, "said": said.getvalue()[-1_500:]}

    def _on_revm(self, changed: Artifact) -> None:
        """What `revmchain` deploys, of any size."""
        import revmchain
        import revmsystem
        if changed.name in self.honest_vault:
            _redirect(revmchain.vault_artifacts, {**self.honest_vault, changed.name: changed})
        if changed.name in self.honest_system:
            _redirect(revmsystem.artifacts, {**self.honest_system, changed.name: changed})
        if self._liquidation is not None:
            exchange = Exchange(self.honest[changed.name], changed)
            _put(self._liquidation, exchange)


def _put(world: Any, exchange: Exchange) -> None:
    """Other code where a world on revm has the honest contract's; what is stored there stays."""
    import pyrevm
    evm = world.s.machine.evm
    own = [value for value in vars(world).values() if hasattr(value, "artifact")]
    for contract in [*world.s.contracts.values(), *own]:
        if contract.artifact.name == exchange.honest.name:
            before = evm.basic(contract.address)
            code = exchange(bytes(evm.get_code(contract.address))[:len(exchange.honest.runtime)])
            evm.insert_account_info(contract.address, pyrevm.AccountInfo(
                nonce=before.nonce, balance=before.balance, code=code))
            object.__setattr__(contract, "artifact", exchange.other)


class _Failures:
    """A plugin of pytest's that remembers the first test that failed."""

    def __init__(self) -> None:
        self.first = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.first:
            self.first = report.nodeid.split("verifier_contracts/")[-1] + ("" if report.when == "call" else " (setup)")

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.first:
            self.first = f"{report.nodeid.split('verifier_contracts/')[-1]} (import)"


def _exchange(exchange: Exchange) -> None:
    import eth.vm.forks.spurious_dragon.computation as limits
    limits.EIP170_CODE_SIZE_LIMIT = 1 << 20
    read = embedded._State.get_code
    embedded._State.get_code = lambda state, address: exchange(read(state, address))


def _redirect(function: Any, answer: Any) -> None:
    """Every module's name for a function without arguments: another answer."""
    def other() -> Any:
        return answer

    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is function:
                setattr(module, name, other)


def _is_embedded(chain: Any) -> bool:
    return bool(chain.in_process)
