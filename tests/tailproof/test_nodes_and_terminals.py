"""What a command makes of a failing node (exit code 3), and what a terminal is never told."""

from __future__ import annotations

import json
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from margin_site import system_file
from nodes import WEB_PAGE, anvil, error, loopback, scripted, url_of

from primitives.errors import BadInput
from tailproof import templates
from tailproof.cli.node import Gwei
from tailproof.printable import printable
from tailproof.systems import make_trial_keys

Run = Callable[..., Any]
ADDRESS = "0x" + "11" * 20
EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[32mproven: margin ok\x1b[0m\r\nerror: none\u202e\u2028\x9b\x00"
DEAD = "http://127.0.0.1:9"


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    return system_file(tmp_path / "deployment.json", "margin-toy", bytes(32), chain_id=1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system with tiny trial keys, on anvil."""
    home = tmp_path_factory.mktemp("config")
    make_trial_keys(home / "keys", "tiny")
    (home / "system.json").write_text(templates.system())
    return home / "system.json"


@pytest.fixture
def consent(tmp_path: Path) -> Path:
    path = tmp_path / "consent.json"
    path.write_text(json.dumps({
        "schema": "tailproof.consent/2", "chain_id": 1, "desk": ADDRESS, "account": ADDRESS, "venue": ADDRESS,
        "commitment": "5", "version": 1, "nonce": 0, "deadline": 7, "signature": "0x11"}))
    return path


def show(run: Run, deployment: Path, url: str, *more: object) -> Any:
    return run("contract", "show", "--deployment", deployment, "--rpc", url, "--account", ADDRESS, *more)


def test_a_dead_node_is_exit_code_3_in_every_command(run: Run, deployment: Path, config: Path, consent: Path,
                                                     tmp_path: Path) -> None:
    there = ("--deployment", deployment, "--rpc", DEAD)
    for command in (("contract", "deploy", "--config", config, "--rpc", DEAD, "--out", tmp_path / "new.json"),
                    ("contract", "check", *there), ("contract", "accounts", *there),
                    ("contract", "register", *there, "--consent", consent),
                    ("contract", "show", *there, "--account", ADDRESS)):
        answer = run(*command)
        assert (answer.code, answer.data["error"], answer.data["node"]) == (3, "NodeUnreachable", DEAD), command
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize("answer", [WEB_PAGE, {"error": {"code": -32000, "message": "no"}}])
def test_a_failing_node_is_exit_code_3(run: Run, deployment: Path, answer: Any) -> None:
    with scripted({"eth_chainId": answer}) as node:
        said = show(run, deployment, node.url)
        assert said.code == 3
        assert "secret-path" not in json.dumps(said.data)


def test_another_chain_is_bad_input(run: Run, deployment: Path) -> None:
    with scripted({"eth_chainId": "0x5"}) as node:
        for more in ((), ("--chain-id", 1)):
            answer = show(run, deployment, node.url, *more)
            assert answer.code == 2
            assert answer.data["field"] == "chain id"


def test_caps_are_options_and_refused_by_name(run: Run, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "deployment.json"
    with anvil() as chain, loopback(url_of(chain)) as node, pytest.MonkeyPatch.context() as environment:
        key = "0x" + "11" * 32
        environment.setenv("TAILPROOF_PRIVATE_KEY", key)
        from eth_account import Account
        chain.web3.provider.make_request("anvil_setBalance", [Account.from_key(key).address, hex(10**20)])  # type: ignore[arg-type]
        for option, name in ((("--max-fee", "0.1"), "FeeAboveCap"), (("--gas-limit", 100_000), "GasAboveCap")):
            answer = run("contract", "deploy", "--config", config, "--rpc", node.url, "--out", out, *option)
            assert (answer.code, answer.data["error"]) == (2, name)
        assert node.signed == []
        assert not out.exists()


def test_gwei_are_exact() -> None:
    assert [Gwei().convert(text, None, None) for text in ("1", "0.1", "200.000000001")] == \
        [10**9, 10**8, 200 * 10**9 + 1]
    for text in ("0", "-1", "nan", "1e3", "", "0.0", "1.0000000001"):
        with pytest.raises(BadInput, match="--max-fee"):
            Gwei().convert(text, None, None)


# -- terminals -----------------------------------------------------------------------------------------------------
def test_what_is_printable() -> None:
    assert printable("Ünïcode · 10⁻⁶ … ok") == "Ünïcode · 10⁻⁶ … ok"
    shown = printable(EVIL + "\udc80\t")
    assert shown.isprintable()
    assert "\\x1b" in shown
    assert "\\u202e" in shown


def in_a_terminal(*arguments: object) -> bytes:
    """What a command writes to a terminal, both streams."""
    import os
    terminal, inner = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "tailproof", *map(str, arguments)], stdout=inner, stderr=inner,
                               stdin=inner, cwd=Path(__file__).parents[2])
    os.close(inner)
    written = bytearray()
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:                            # Linux says so at the end of a terminal
            break
        if not part:
            break
        written += part
    os.close(terminal)
    process.wait()
    return bytes(written)


@pytest.mark.parametrize("answer", [
    {"error": {"code": -32000, "message": EVIL}}, {"error": {"code": -32000, "message": "x" * 290 + EVIL}},
    {"error": {"code": 3, "message": "execution reverted", "data": "0x08c379a0" + (32).to_bytes(32, "big").hex()
               + len(EVIL.encode()).to_bytes(32, "big").hex() + EVIL.encode().ljust(96, b"\0").hex()}}])
def test_no_word_of_a_node_or_a_contract_commands_a_terminal(deployment: Path, answer: Any) -> None:
    with scripted({"eth_chainId": "0x1", "eth_getCode": "0x60", "eth_call": answer}) as node:
        written = in_a_terminal("contract", "show", "--deployment", deployment, "--rpc", node.url,
                                "--account", ADDRESS)
    assert b"error" in written
    assert b"\x1b" not in written
    assert b"\x07" not in written
    assert "\u202e".encode() not in written
    assert len(written.strip().splitlines()) == 1, "one error is one line"


def test_no_file_s_name_commands_a_terminal(tmp_path: Path) -> None:
    written = in_a_terminal("epoch", "show", tmp_path / "\x1b[2Jname")
    assert b"name" in written
    assert b"\x1b" not in written
    written = in_a_terminal("epoch", "\x1b[2Jshow")
    assert b"show" in written
    assert b"\x1b" not in written


@pytest.fixture
def refusing(deployment: Path) -> Iterator[str]:
    """A chain whose contract at every address refuses everybody whatever is asked."""
    from eth_utils.crypto import keccak
    data = keccak(text="AccessManagedUnauthorized(address)")[:4] + bytes(12) + b"\x11" * 20
    with scripted({"eth_chainId": "0x1", "eth_getCode": "0x60"}) as node:
        good = node.hook
        node.hook = lambda request, forward: error(request, -32015, "VM execution error.", "Reverted 0x" + data.hex()) \
            if request["method"] == "eth_call" else good(request, forward)
        yield node.url


def test_the_json_of_a_refusal(run: Run, deployment: Path, refusing: str) -> None:
    answer = show(run, deployment, refusing)
    assert answer.code == 1
    assert {name: answer.data[name] for name in ("error", "contract", "function", "arguments")} == {
        "error": "AccessManagedUnauthorized", "contract": "VerifierRegistry", "function": "authority",
        "arguments": {"caller": ADDRESS}}
