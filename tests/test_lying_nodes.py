"""Nodes that lie to whoever moves collateral, trades or governs: what they can do is make a command fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from real_system import DEPOSIT, RealSystem

from tailproof.cli import main
from verifier_contracts.chain import Chain
from verifier_contracts.node import Transport
from verifier_contracts.token import Token

Hook = Callable[[str, list[Any], Callable[[], Any]], Any]
NASTY = "\x1b[2J\x1b]0;owned\x07\rOK: paid"
HELD = 1_000


class Answer(NamedTuple):
    """As `RealSystem` takes it."""

    code: int
    data: Any
    stderr: str


@dataclass
class Liar:
    """Passes on what an honest node is asked, and spoils some of it."""

    honest: Transport
    hook: Hook
    name: str = "embedded chain"

    def ask(self, method: str, params: list[Any], seconds: float) -> Any:
        return self.hook(method, params, lambda: self.honest.ask(method, params, seconds))


def lied_to(real: RealSystem, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, commands ask the liar; `real.chain` stays honest."""
    honest = RealSystem.connected

    def connected(system: RealSystem, endpoint: Any) -> Chain:
        chain = honest(system, endpoint)
        liar = Liar(chain._node.transport, hook)
        made = Chain(liar, terms=chain._terms)
        made.in_process = True                     # its clock is its own, and it mines on demand
        return made
    monkeypatch.setattr(RealSystem, "connected", connected)


def answering(signature: str, *words: int) -> Hook:
    """The same words to every call of a function."""
    selector = "0x" + keccak(text=signature)[:4].hex()

    def hook(method: str, params: list[Any], forward: Callable[[], Any]) -> Any:
        if method == "eth_call" and str(params[0].get("data", "")).startswith(selector):
            return {"jsonrpc": "2.0", "id": 1, "result": "0x" + b"".join(word.to_bytes(32, "big")
                                                                         for word in words).hex()}
        return forward()
    return hook


def reverting(method_of: str, message: str, data: bytes) -> Hook:
    def hook(method: str, params: list[Any], forward: Callable[[], Any]) -> Any:
        if method == method_of:
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": message, "data": "0x" + data.hex()}}
        return forward()
    return hook


def test_a_node_of_another_chain_is_sent_nothing(real: RealSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    real.mint(HELD)
    before = real.chain.block_number()

    def hook(method: str, params: list[Any], forward: Callable[[], Any]) -> Any:
        return {"jsonrpc": "2.0", "id": 1, "result": "0x1"} if method == "eth_chainId" else forward()
    real("contract", "roles", sends=False)
    monkeypatch.setattr(real, "compared", False)
    lied_to(real, hook, monkeypatch)
    for command in (("vault", "deposit", "--amount", 5), ("vault", "claim"), ("contract", "pause", "open")):
        monkeypatch.setattr(real, "compared", False)
        answer = real(*command, code=2)
        assert "chain" in answer["field"], answer
    assert real.chain.block_number() == before


def test_a_balance_that_is_none_leaves_nothing_approved(real: RealSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    real.mint(5)
    lied_to(real, answering("balanceOf(address)", 10**30), monkeypatch)
    real("vault", "deposit", "--amount", HELD, code=1)
    assert Token(real.chain, real.system.quote_token).allowance(real.trader.address, real.at.vault.address) == 0


def test_an_allowance_that_is_none_deposits_nothing(real: RealSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    real.mint(HELD)
    before = real.chain.block_number()
    lied_to(real, answering("allowance(address,address)", 10**30), monkeypatch)
    real("vault", "deposit", "--amount", HELD, code=1)
    assert real.chain.block_number() == before


def test_code_that_is_no_trial_token_is_not_minted(real: RealSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(method: str, params: list[Any], forward: Callable[[], Any]) -> Any:
        return {"jsonrpc": "2.0", "id": 1, "result": "0x60006000fd"} if method == "eth_getCode" else forward()
    lied_to(real, hook, monkeypatch)
    assert real("vault", "mint", "--amount", 5, code=2)["field"] == "quote token"


def test_a_state_that_changes_before_it_is_mined_is_named_with_its_transaction(
        real: RealSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between what was read and what is mined the venue voids the commitment, as after a reorganisation."""
    real.mint(HELD * 10**6)
    real("vault", "deposit", "--amount", HELD * 10**6)
    real.register([(real.epoch.cash_id, DEPOSIT)]).save(tmp_path / "first.json")
    real.prepare_escrow(tmp_path)
    real.post(tmp_path / "first.json")
    done = list[str]()

    def hook(method: str, params: list[Any], forward: Callable[[], Any]) -> Any:
        if method == "eth_sendTransaction" and not done:
            done.append(method)
            real.at.desk.void(real.trader.address, sender=real.venue.address)
        return forward()
    lied_to(real, hook, monkeypatch)
    answer = real("vault", "withdraw", "--amount", 5, "--key", real.path("keys/cover"), "--epoch", real.path("epoch"),
                  "--collateral", real.path("collateral.json"), "--opening", tmp_path / "first.json", code=1)
    assert answer["transaction"], answer
    assert answer["gas_used"] > 0
    assert real.at.vault.balance_of(real.trader.address, real.system.quote_token) == HELD * 10**6


@pytest.mark.parametrize("data", [
    keccak(text="Error(string)")[:4] + encode(["string"], [NASTY]), NASTY.encode(), bytes(4) + NASTY.encode(), b"",
    keccak(text="Error(string)")[:4] + b"\xff" * 64, b"\x01" * 100_000])
def test_what_a_revert_says_reaches_no_terminal(real: RealSystem, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    real.mint(HELD)
    said = list[str]()

    def shown(*arguments: object) -> Any:
        result = CliRunner().invoke(main, list(map(str, arguments)))
        said.append(result.stdout + result.stderr)
        return Answer(result.exit_code, {}, result.stderr)
    plain = replace(real, run=shown)
    lied_to(real, reverting("eth_estimateGas", NASTY, data), monkeypatch)
    for command in (("vault", "mint", "--amount", 5), ("contract", "pause", "open"), ("vault", "collect")):
        plain(*command, code=1)
        assert len(said[-1]) < 5_000
        assert not set(said[-1]) & set("\x1b\x07\r"), said[-1]


def test_a_token_that_calls_itself_by_escapes_is_shown_without(real: RealSystem, monkeypatch: pytest.MonkeyPatch
                                                               ) -> None:
    """And one of 255 decimals: the amount is the one that moves."""
    real.mint(HELD)
    symbol = encode(["string"], [NASTY * 100])
    selector = "0x" + keccak(text="symbol()")[:4].hex()
    decimals = answering("decimals()", 255)

    def hook(method: str, params: list[Any], forward: Callable[[], Any]) -> Any:
        if method == "eth_call" and str(params[0].get("data", "")).startswith(selector):
            return {"jsonrpc": "2.0", "id": 1, "result": "0x" + symbol.hex()}
        return decimals(method, params, forward)
    lied_to(real, hook, monkeypatch)
    said = list[str]()

    def shown(*arguments: object) -> Any:
        result = CliRunner().invoke(main, list(map(str, arguments)))
        said.append(result.stdout + result.stderr)
        return Answer(result.exit_code, {}, result.stderr)
    replace(real, run=shown)("vault", "deposit", "--amount", HELD)
    assert f"{HELD} units (0." in said[0]
    assert not set(said[0]) & set("\x1b\x07\r")
    assert len(said[0]) < 5_000
