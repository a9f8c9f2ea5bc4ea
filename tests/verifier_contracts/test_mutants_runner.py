"""The runner of mutants believes no kill of a contract whose honest code fails the same tests."""

from __future__ import annotations

from typing import Any

import pytest
from mutants import __main__ as runner


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
