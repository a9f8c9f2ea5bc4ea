"""One contract and what it imports to bytecode, in a compiler that stays: its second compilation takes a third of the
time of the first. With little optimisation or none, in a quarter of the time: what a contract does is the same."""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
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
_DEEP = ("BatchAttestor", "ProofCombiner", "Escrow")
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
    "LedgerAttestations.sol": ((
"""\
        for (uint256 i = 0; i < rows.length; ++i) {
            IBatchLedger.Row calldata row = rows[i];
            (address account""",
"""\
        for (uint256 i = 0; i < rows.length; ++i) _applyCover(i, values, entry, epochId, until, rows[i]);
    }

    function _applyCover(
        uint256 i,
        uint128[] memory values,
        AccountWord entry,
        uint40 epochId,
        uint32 until,
        IBatchLedger.Row calldata row
    ) private {
        {
            (address account"""),(
"""\
                    continue;
""",
"""\
                    return;
"""),(
"""\
        (uint256 root, uint128 collateral) = _admitFactors(word, account, epochId, factors);
        _requireWithin(claimed, collateral);
        Basis basis = _requireCover(
            Subject(account, epochId, version, 0, _commitment(account), root), claimed, step, 1, generation, proof
        );
""",
"""\
        uint256 root;
        {
            uint128 collateral;
            (root, collateral) = _admitFactors(word, account, epochId, factors);
            _requireWithin(claimed, collateral);
        }
        Subject memory subject = Subject(account, epochId, version, 0, _commitment(account), root);
        Basis basis = _requireCover(subject, claimed, step, 1, generation, proof);
"""),),
    "OracleState.sol": ((
"""\
        return (
            facts.sequence(),
            epochId - facts.sinceLast(),
            facts.liveAt(),
            facts.blockNumber(),
            facts.heldUntil(),
            facts.openDemands(),
            facts.isExtended(),
            _roots[epochId] & REFUTED == REFUTED,
            facts.signers(),
            facts.generation()
        );
""",
"""\
        sequence = facts.sequence();
        previousId = epochId - facts.sinceLast();
        liveAt = facts.liveAt();
        blockNumber = facts.blockNumber();
        heldUntil = facts.heldUntil();
        openDemands = facts.openDemands();
        extended = facts.isExtended();
        refuted = _roots[epochId] & REFUTED == REFUTED;
        signers = facts.signers();
        generation = facts.generation();
"""),),
    "EpochPublication.sol": ((
"        (OracleHead after_, bool",
"""\
        {
        (OracleHead after_, bool"""),(
"        latestMarks = content.marks;",
"""\
        }
        latestMarks = content.marks;"""),),
    "VaultCall.sol": ((
"        if iszero(staticcall(gas(), vault, add(data, 0x1c), add(0xa4,",
"""\
        let asked := vault
        if iszero(staticcall(gas(), asked, add(data, 0x1c), add(0xa4,"""),),
    "LiveClock.sol": ((
"""\
    credit = Math.min(MOST_CREDIT, clock.credit + (begin - from) / REFILL);
    uint256 counted = Math.min(events, credit);
    return (paused + counted, credit - counted, paused + events != 0);
""",
""),(
"""\
    // Intervals as [start, end), clipped; where there is none, both are the same.
""",
"""\
    (uint256 paused, uint256 events, uint256 begin) = _disturbances(clock, stops, from, moment);
    credit = Math.min(MOST_CREDIT, clock.credit + (begin - from) / REFILL);
    uint256 counted = Math.min(events, credit);
    return (paused + counted, credit - counted, paused + events != 0);
}

function _disturbances(LiveClock memory clock, Stops memory stops, uint256 from, uint256 moment)
    pure
    returns (uint256 paused, uint256 events, uint256 begin)
{
"""),(
"uint256 paused = pauseEnd",
"paused = pauseEnd"),(
"uint256 events = _outside",
"events = _outside"),(
"uint256 begin = moment;",
"begin = moment;"),),
    "LedgerBase.sol": ((
"""\
        uint256 context = _context(
            COVER, keyDigest, subject.account, subject.epochId, subject.version, subject.actionHash
        );
""",
"""\
        uint256 context = _contextOf(subject, keyDigest);
"""),("        return basisOf(BY_COVER, used);\n", ""),(
"        uint256 claim = _claim(claimed, step, side);\n",
"""\
        uint256 claim = _claim(claimed, step, side);
        _requireClaim(subject, verifier, proof, context, claim);
        return basisOf(BY_COVER, used);
    }

    function _requireClaim(
        Subject memory subject, address verifier, uint256[8] calldata proof, uint256 context, uint256 claim
    ) private view {
"""),(
"""\
    /// @dev V + beta 2^128 + side 2^144.
""",
"""\
    function _contextOf(Subject memory subject, bytes32 keyDigest) private view returns (uint256) {
        return _context(COVER, keyDigest, subject.account, subject.epochId, subject.version, subject.actionHash);
    }

    /// @dev V + beta 2^128 + side 2^144.
"""),),
}
"""By file: the same in other words, for which the plain pipeline finds room on the stack: a tenth of the time."""


class Unrelieved(ValueError):
    """A text of `_RELIEF` is not there: a mutant has changed it, or the contract (then mend `_RELIEF`)."""


def prepared(contract: str, changed: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """A contract's sources with some files changed, and whether they are to be compiled the short way: the plain one
    has room for all but a few contracts, and mutants of the very words that make the room."""
    found = closure(contract, changed)
    if contract in _DEEP:
        return found, True
    try:
        return {name: _relieved(name, text) for name, text in found.items()}, False
    except Unrelieved:
        if not changed:
            raise
        return found, True


_DRIVER = """
const solc = require(process.argv[1]);
const lines = require("readline").createInterface({input: process.stdin});
lines.on("line", line => {
    const output = JSON.parse(solc.compile(line));
    const names = {};
    const walk = (node, file) => {
        if (node === null || typeof node !== "object") return;
        const found = node.nodeType === "VariableDeclaration" && node.mutability === "immutable";
        if (found) names[node.id] = [file, node.name];
        Object.values(node).forEach(part => walk(part, file));
    };
    Object.entries(output.sources || {}).forEach(([file, source]) => walk(source.ast, file));
    process.stdout.write(JSON.stringify({contracts: output.contracts, errors: output.errors, names}) + "\\n");
});
"""


_OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]


class DoesNotCompile(Exception):
    """The compiler's messages."""


class Compiler:
    """A process that compiles until it is closed."""

    def __init__(self) -> None:
        self._modules = compiler.node_modules()
        self._declared: dict[str, list[tuple[str, str]]] = {}
        self._node = subprocess.Popen(["node", "-e", _DRIVER, str(self._modules / "solc")], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)

    def compile(self, contract: str, sources: Mapping[str, str], short: bool) -> Artifact:
        """With immutables by name. Only syntax trees tell the names: those of the first compilation are remembered, in
        the order of their declarations, for all that have as many."""
        output = self._run(sources, {**(SHORT if short else PLAIN),
                                     "outputSelection": {f"{contract}.sol": {contract: _OUTPUTS}}})
        unit = output["contracts"][f"{contract}.sol"][contract]
        places = _immutables(unit)
        declared = self._declared.get(contract, [])
        if len(declared) != len(places):
            trees = {name: {"": ["ast"]} for name, text in sources.items() if " immutable " in text}
            known = self._run(sources, {"stopAfter": "parsing", "outputSelection": trees})["names"]
            declared = [(file, name) for file, name in (known[number] for number, _ in places)]
            if {name for _, name in declared} == set(compiler.compile_contracts()[contract].immutables):
                self._declared[contract] = declared
        return _artifact(contract, unit, [name for _, name in declared])

    def compile_together(self, contract: str, variants: Sequence[Mapping[str, str]]) -> list[Artifact] | None:
        """A contract in several variants, the plain way: what is the same in all of them is read and analysed once,
        which is most of the work. Of each variant what differs, and what imports it, is under names of its own. None
        where one of them must be compiled alone."""
        honest, _ = prepared(contract, {})
        try:
            if contract not in self._declared:
                self.compile(contract, honest, False)
            declared = self._declared[contract]
        except (DoesNotCompile, KeyError):
            return None
        sources, moved = dict(honest), []
        for number, variant in enumerate(variants):
            moved.append(_importers({name for name in variant if variant[name] != honest.get(name)}, variant))
            for name in moved[-1]:
                sources[f"{number}/{name}"] = _renamed(name, variant[name], moved[-1], number)
        wanted = {f"{number}/{contract}.sol": {contract: _OUTPUTS} for number in range(len(variants))}
        try:
            made = self._run(sources, {**PLAIN, "outputSelection": wanted})["contracts"]
        except DoesNotCompile:
            return None
        found = []
        for number, own in enumerate(moved):
            unit = made[f"{number}/{contract}.sol"][contract]
            if len(_immutables(unit)) != len(declared):
                return None
            # Numbers rise in the order of the files' names.
            order = sorted(declared, key=lambda at: f"{number}/{at[0]}" if at[0] in own else at[0])
            found.append(_artifact(contract, unit, [name for _, name in order]))
        return found

    def _run(self, sources: Mapping[str, str], settings: dict[str, Any]) -> Any:
        request = {"language": "Solidity", "settings": settings,
                   "sources": {name: {"content": text} for name, text in sorted(sources.items())}}
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(request) + "\n")
        self._node.stdin.flush()
        output = json.loads(self._node.stdout.readline())
        errors = [e["formattedMessage"] for e in output.get("errors", []) if e["severity"] == "error"]
        if errors:
            raise DoesNotCompile("\n".join(errors))
        return output

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
        found[name] = changed.get(name) or _text(SOURCES / name if (SOURCES / name).is_file() else modules / name)
        waiting += _imports(name, found[name])
    return found


@cache
def _text(path: Path) -> str:
    return path.read_text()


def _imports(name: str, text: str) -> list[str]:
    return [_unit(name, target) for target in compiler._IMPORT.findall(text)]


def _unit(name: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) if target[0] == "." else target


def _importers(names: set[str], sources: Mapping[str, str]) -> set[str]:
    """These files and all that import them, directly or not."""
    found, imports = set(names), {name: set(_imports(name, text)) for name, text in sources.items()}
    while more := {name for name, targets in imports.items() if targets & found} - found:
        found |= more
    return found


def _renamed(name: str, text: str, moved: set[str], number: int) -> str:
    """With every import by the name that it has beside variants."""
    def target(match: re.Match[str]) -> str:
        unit = _unit(name, match[1])
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return f"{match[0][:start]}{f'{number}/{unit}' if unit in moved else unit}{match[0][end:]}"

    return compiler._IMPORT.sub(target, text)


def _relieved(name: str, text: str) -> str:
    for old, new in _RELIEF.get(name, ()):
        if text.count(old) != 1:
            raise Unrelieved(f"{name} has no {old!r} any more")
        text = text.replace(old, new)
    return text


def _immutables(unit: Any) -> list[tuple[str, Any]]:
    """Numbers and places, in the order of the declarations."""
    found = unit["evm"]["deployedBytecode"].get("immutableReferences", {})
    return sorted(found.items(), key=lambda entry: int(entry[0]))


def _artifact(name: str, unit: Any, names: Sequence[str]) -> Artifact:
    """Of any size."""
    code = unit["evm"]["deployedBytecode"]
    places = {of: tuple((at["start"], at["length"]) for at in found)
              for of, (_, found) in zip(names, _immutables(unit), strict=True)}
    return Artifact(name, unit["abi"], bytes.fromhex(unit["evm"]["bytecode"]["object"]), bytes.fromhex(code["object"]),
                    places)
