"""The lists of mutants, and the digest under which what came of one is kept."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent


@dataclass(frozen=True)
class Mutant:
    """A change of one file, and who must notice.

    contract : what is compiled.  file : of `verifier_contracts/solidity`.  old : text that occurs there once.
    killed_by : tests, each FILE or FILE::TEST below `tests/verifier_contracts`; one that fails is enough.
    equivalent : why no test can notice; such a mutant is compiled and its tests must pass.
    """

    list: str
    contract: str
    file: str
    old: str
    new: str
    killed_by: tuple[str, ...]
    equivalent: str = ""

    @property
    def title(self) -> str:
        def short(text: str) -> str:
            line = " ".join(text.split())
            return line if len(line) <= 70 else line[:67] + "..."
        return f"{self.file}: {short(self.old)!r} -> {short(self.new)!r}"


def mutants(lists: tuple[str, ...] = ()) -> Iterator[Mutant]:
    """All mutants of these lists, or of all."""
    for path in sorted(HERE.glob("*.toml")):
        if lists and path.stem not in lists:
            continue
        data = tomllib.loads(path.read_text())
        for entry in data["mutant"]:
            contract = entry.get("contract", data["contract"])
            yield Mutant(path.stem, contract, entry.get("file", f"{contract}.sol"), entry["old"], entry["new"],
                         tuple(entry["killed_by"]), entry.get("equivalent", ""))


REVISION = "immutables by name"
"""Of the runner: what came of mutants by another is not believed."""


def digest(sources: Mapping[str, str], contract: str, tests: tuple[str, ...], settings: object) -> str:
    """Of all that decides what comes of a mutant: the contract's sources as changed, and the tests with their world."""
    world = [*sorted(TESTS.glob("*world.py")), *(TESTS / name for name in ("conftest.py", "revmchain.py", "toykey.py")),
             *sorted((TESTS / "solidity").glob("*.sol")), *(TESTS / name for name in _files(tests))]
    parts = [REVISION, contract, json.dumps(settings, sort_keys=True), *sorted(tests),
             *(f"{name}\n{text}" for name, text in sorted(sources.items())),
             *(f"{path.name}\n{path.read_text()}" for path in world)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _files(tests: tuple[str, ...]) -> list[str]:
    return sorted({test.split("::")[0] for test in tests})
