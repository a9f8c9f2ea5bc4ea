"""Bindings ask for functions that are there, with as many arguments as they take: a call by name is checked by nobody
else until somebody makes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import verifier_contracts
from verifier_contracts.compiler import compile_contracts

ROOM = Path(verifier_contracts.__file__).parent
ASKING = {"read", "transact"}


def asked(source: str) -> Iterator[tuple[str, str, int | None]]:
    """Contract, function, number of arguments (None where some are unpacked), of classes that name a contract."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        named = [entry.value.value for entry in node.body if isinstance(entry, ast.Assign)
                 and isinstance(entry.targets[0], ast.Name) and entry.targets[0].id == "name"
                 and isinstance(entry.value, ast.Constant)]
        for call in ast.walk(node) if named else ():
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ASKING \
                    and isinstance(call.func.value, ast.Name) and call.func.value.id == "self" \
                    and call.args and isinstance(call.args[0], ast.Constant):
                rest = call.args[1:]
                yield named[0], call.args[0].value, None if any(isinstance(a, ast.Starred) for a in rest) else len(rest)


def wrong(source: str) -> list[str]:
    found = []
    for contract, function, count in asked(source):
        sizes = {len(entry["inputs"]) for entry in compile_contracts()[contract].abi
                 if entry["type"] == "function" and entry["name"] == function.split("(")[0]}
        if not sizes or (count is not None and count not in sizes):
            found.append(f"{contract}.{function} with {count} arguments: the contract has {sorted(sizes)}")
    return found


@pytest.mark.parametrize("name", ["oracle", "vault", "ledger", "verifier_registry", "governance", "unwinding"])
def test_every_call_is_of_a_function_that_is_there(name: str) -> None:
    source = (ROOM / f"{name}.py").read_text()
    assert len(list(asked(source))) > 5
    assert wrong(source) == []


@pytest.mark.parametrize("call", ['self.read("balanceOff", a, b)', 'self.read("balanceOf", a)',
                                  'self.transact("deposit", a, b)'])
def test_what_is_misspelt_or_short_is_found(call: str) -> None:
    source = f'class V(Contract):\n    name = "CollateralVault"\n\n    def f(self, a, b):\n        return {call}\n'
    assert len(wrong(source)) == 1
