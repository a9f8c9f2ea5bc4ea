"""The runner of mutants believes no kill of a contract whose honest code fails the same tests."""

from __future__ import annotations

from typing import Any

import pytest
from mutants import __main__ as runner
from mutants.compiling import Compiler, prepared
from mutants.trying import Exchange

from verifier_contracts.artifacts import Artifact


def task(title: str, contract: str, passes: str = "") -> dict[str, Any]:
    return {"title": title, "contract": contract, "short": False, "sources": {}, "tests": [],
            "passes": passes, "digest": title}


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mutant is killed; of the honest contracts one fails."""
    def judge(one: dict[str, Any], worlds: Any, made: Any, seconds: float) -> dict[str, Any]:
        passes = "passes" if one["contract"] == "Sound" else "NOT EQUIVALENT"
        return {"verdict": passes if one["passes"] else "killed", "why": "", "compiled": 0}

    class Compiler:
        def compile(self, contract: str, sources: Any, short: bool) -> None:
            pass

        def compile_together(self, contract: str, variants: list[Any]) -> list[None]:
            return [None] * len(variants)

        def close(self) -> None:
            pass

    for name, stand_in in (("judge", judge), ("Worlds", lambda tests: None), ("Compiler", Compiler),
                           ("known", lambda digest: None), ("keep", lambda digest, result: None)):
        monkeypatch.setattr(runner, name, stand_in)


@pytest.mark.usefixtures("judged")
def test_nothing_is_a_kill_where_the_honest_contract_fails_too() -> None:
    honest = [task(f"{name}: {runner.HONEST}", name, runner.HONEST) for name in ("Sound", "Failing")]
    found = {one["title"]: result["verdict"] for one, result in runner.results(
        honest, [task("a", "Sound"), task("b", "Failing"), task("c", "Failing")], 2, False)}
    assert found == {f"Sound: {runner.HONEST}": "passes", f"Failing: {runner.HONEST}": "NOT EQUIVALENT",
                     "a": "killed", "b": "UNFOUNDED", "c": "UNFOUNDED"}
    assert "UNFOUNDED" in runner._BAD


@pytest.mark.usefixtures("judged")
def test_to_write_a_list_only_mutants_are_run() -> None:
    assert [result["verdict"] for _, result in runner.results([], [task("b", "Failing")], 1, False)] == ["killed"]


def test_immutables_are_carried_over_by_name() -> None:
    """Those of a packaged contract stand in another order than those of one that was just compiled."""
    def artifact(runtime: bytes, immutables: dict[str, tuple[tuple[int, int], ...]]) -> Artifact:
        return Artifact("Pair", [], b"", runtime, immutables)

    honest = artifact(b"\1" + bytes(64), {"a": ((33, 32),), "b": ((1, 32),)})
    other = artifact(b"\2\3" + bytes(96), {"b": ((2, 32), (66, 32)), "a": ((34, 32),)})
    a, b = bytes(31) + b"\xaa", bytes(31) + b"\xbb"
    assert Exchange(honest, other)(b"\1" + b + a) == b"\2\3" + b + a + b
    strange = b"\4" + b + a
    assert Exchange(honest, other)(strange) == strange


@pytest.mark.slow
def test_compiled_together_is_the_same_as_alone() -> None:
    """Changed in its own file, and in one that others import, with immutables in two files."""
    name = "AuctionHouse"
    honest, short = prepared(name, {})
    variants = []
    for file, old, new in ((f"{name}.sol", "pragma", "/* the same */ pragma"),
                           ("LiquidatorSeats.sol", "escrow_).code.length == 0", "escrow_).code.length == 1")):
        assert old in honest[file]
        variants.append(honest | {file: honest[file].replace(old, new, 1)})
    compiler = Compiler()
    try:
        alone = [compiler.compile(name, variant, short) for variant in variants]
        together = compiler.compile_together(name, variants)
        assert together is not None
    finally:
        compiler.close()
    metadata = 53                                    # a digest of the sources, by their names, ends the code
    assert [(one.creation[:-metadata], one.immutables, one.abi) for one in together] \
        == [(one.creation[:-metadata], one.immutables, one.abi) for one in alone]
    assert len(alone[0].immutables) > 3
    assert len({one.creation[:-metadata] for one in alone}) == 2
