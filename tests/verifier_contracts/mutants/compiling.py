"""One contract and what it imports to bytecode, in a compiler that stays: its second compilation takes a third of the
time of the first. With little optimisation or none, in a quarter of the time: what a contract does is the same."""

from __future__ import annotations

import json
import posixpath
import subprocess
from collections.abc import Mapping
from typing import Any

from verifier_contracts import compiler
from verifier_contracts.artifacts import Artifact
from verifier_contracts.compiler import SOURCES

PLAIN: dict[str, Any] = {"evmVersion": "cancun", "viaIR": False, "optimizer": {"enabled": False}}
SHORT: dict[str, Any] = {
    "evmVersion": "cancun",
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 200, "details": {
        "peephole": True, "inliner": True, "jumpdestRemover": True, "orderLiterals": False, "deduplicate": True,
        "cse": False, "constantOptimizer": False, "yul": True,
        "yulDetails": {"stackAllocation": True, "optimizerSteps": "dhfoDgvulfnTUtnIf:"}}},
}
_DEEP = ("RiskOracle", "MarginLedger", "CommitmentDesk", "BatchAttestor", "ProofCombiner", "Escrow")
"""Contracts with functions of more variables than the plain pipeline finds room for."""


_RELIEF: dict[str, tuple[tuple[str, str], ...]] = {
    "CollateralVault.sol": ((
        """            (i == 2 ? manager.checkCover : manager.coverAction)(
                w.account, cover.epochId, w.version, action, value, cover.claimed, cover.proof
            );
""", """            _ask(w, cover, action, value, i == 2);
"""), (
        """    function _requireFinal(""",
        """    function _ask(Withdrawal calldata w, Cover calldata cover, bytes32 action, uint128 value, bool second)
        private
    {
        (second ? manager.checkCover : manager.coverAction)(
            w.account, cover.epochId, w.version, action, value, cover.claimed, cover.proof
        );
    }

    function _requireFinal(""")),
}
"""By file: the same in other words, for which the plain pipeline finds room on the stack."""


def settings_of(contract: str) -> dict[str, Any]:
    return SHORT if contract in _DEEP else PLAIN


_DRIVER = """
const solc = require(process.argv[1]);
const lines = require("readline").createInterface({input: process.stdin});
const named = (node, names) => {
    if (node === null || typeof node !== "object") return names;
    if (node.nodeType === "VariableDeclaration" && node.mutability === "immutable") names[node.id] = node.name;
    Object.values(node).forEach(part => named(part, names));
    return names;
};
lines.on("line", line => {
    const output = JSON.parse(solc.compile(line));
    // Names of immutables, from trees: who asks for these beside code has every contract compiled.
    const {settings, ...request} = JSON.parse(line);
    const parsing = {...settings, stopAfter: "parsing", outputSelection: {"*": {"": ["ast"]}}};
    const parsed = JSON.parse(solc.compile(JSON.stringify({...request, settings: parsing})));
    const trees = Object.values(parsed.sources || {}).map(source => source.ast);
    process.stdout.write(JSON.stringify({...output, immutables: named(trees, {})}) + "\\n");
});
"""


class DoesNotCompile(Exception):
    """The compiler's messages."""


class Compiler:
    """A process that compiles until it is closed."""

    def __init__(self) -> None:
        self._modules = compiler.node_modules()
        self._node = subprocess.Popen(["node", "-e", _DRIVER, str(self._modules / "solc")], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)

    def compile(self, contract: str, sources: Mapping[str, str]) -> Artifact:
        outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object",
                   "evm.deployedBytecode.immutableReferences"]
        wanted = {f"{contract}.sol": {contract: outputs}}
        request = {"language": "Solidity", "settings": {**settings_of(contract), "outputSelection": wanted},
                   "sources": {name: {"content": text} for name, text in sorted(sources.items())}}
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(request) + "\n")
        self._node.stdin.flush()
        output = json.loads(self._node.stdout.readline())
        errors = [e["formattedMessage"] for e in output.get("errors", []) if e["severity"] == "error"]
        if errors:
            raise DoesNotCompile("\n".join(errors))
        return _artifact(contract, output["contracts"][f"{contract}.sol"][contract], output["immutables"])

    def close(self) -> None:
        self._node.kill()
        self._node.wait()


def closure(contract: str, changed: Mapping[str, str]) -> dict[str, str]:
    """A contract's file and all that it imports, by name, with the changed files in place of the shipped."""
    modules, found, waiting = compiler.node_modules(), dict[str, str](), [f"{contract}.sol"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = SOURCES / name if (SOURCES / name).is_file() else modules / name
        found[name] = _relieved(name, changed.get(name) or path.read_text())
        for target in compiler._IMPORT.findall(found[name]):
            waiting.append(posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
                           if target[0] == "." else target)
    return found


def _relieved(name: str, text: str) -> str:
    for old, new in _RELIEF.get(name, ()):
        if text.count(old) != 1:
            raise ValueError(f"{name} has no {old!r} any more: mend _RELIEF")
        text = text.replace(old, new)
    return text


def _artifact(name: str, unit: Any, names: Mapping[str, str]) -> Artifact:
    """Of any size. Immutables go by their names: those of a packaged contract stand in no other order."""
    code = unit["evm"]["deployedBytecode"]
    places = {names[number]: tuple((place["start"], place["length"]) for place in found)
              for number, found in code.get("immutableReferences", {}).items()}
    return Artifact(name, unit["abi"], bytes.fromhex(unit["evm"]["bytecode"]["object"]), bytes.fromhex(code["object"]),
                    places)
