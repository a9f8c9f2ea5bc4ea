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
"""),("requireProof(verifier, proof, context, subject.root, subject.commitment, claim);",
"_requireProofOf(subject, verifier, proof, context, claim);"),(
"""\
    /// @dev V + beta 2^128 + side 2^144.
""",
"""\
    function _contextOf(Subject memory subject, bytes32 keyDigest) private view returns (uint256) {
        return _context(COVER, keyDigest, subject.account, subject.epochId, subject.version, subject.actionHash);
    }

    function _requireProofOf(
        Subject memory subject, address verifier, uint256[8] calldata proof, uint256 context, uint256 claim
    ) private view {
        requireProof(verifier, proof, context, subject.root, subject.commitment, claim);
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
    const walk = node => {
        if (node === null || typeof node !== "object") return;
        if (node.nodeType === "VariableDeclaration" && node.mutability === "immutable") names[node.id] = node.name;
        Object.values(node).forEach(walk);
    };
    Object.values(output.sources || {}).forEach(source => walk(source.ast));
    process.stdout.write(JSON.stringify({contracts: output.contracts, errors: output.errors, names}) + "\\n");
});
"""


class DoesNotCompile(Exception):
    """The compiler's messages."""


class Compiler:
    """A process that compiles until it is closed."""

    def __init__(self) -> None:
        self._modules = compiler.node_modules()
        self._names: dict[str, tuple[str, ...]] = {}
        self._node = subprocess.Popen(["node", "-e", _DRIVER, str(self._modules / "solc")], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)

    def compile(self, contract: str, sources: Mapping[str, str], short: bool) -> Artifact:
        """With immutables by name. Only syntax trees tell the names: those of the first compilation are remembered, in
        the order of their declarations, for all that have as many."""
        outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object",
                   "evm.deployedBytecode.immutableReferences"]
        output = self._run(sources, {**(SHORT if short else PLAIN),
                                     "outputSelection": {f"{contract}.sol": {contract: outputs}}})
        unit = output["contracts"][f"{contract}.sol"][contract]
        places = sorted(unit["evm"]["deployedBytecode"].get("immutableReferences", {}).items(), key=lambda e: int(e[0]))
        names = self._names.get(contract, ())
        if len(names) != len(places):
            trees = {name: {"": ["ast"]} for name, text in sources.items() if " immutable " in text}
            known = self._run(sources, {"stopAfter": "parsing", "outputSelection": trees})["names"]
            names = tuple(known[number] for number, _ in places)
            if set(names) == set(compiler.compile_contracts()[contract].immutables):
                self._names[contract] = names
        return _artifact(contract, unit, dict(zip(names, (at for _, at in places), strict=True)))

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
        path = SOURCES / name if (SOURCES / name).is_file() else modules / name
        found[name] = changed.get(name) or path.read_text()
        for target in compiler._IMPORT.findall(found[name]):
            waiting.append(posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
                           if target[0] == "." else target)
    return found


def _relieved(name: str, text: str) -> str:
    for old, new in _RELIEF.get(name, ()):
        if text.count(old) != 1:
            raise Unrelieved(f"{name} has no {old!r} any more")
        text = text.replace(old, new)
    return text


def _artifact(name: str, unit: Any, places: Mapping[str, Any]) -> Artifact:
    """Of any size."""
    code = unit["evm"]["deployedBytecode"]
    return Artifact(name, unit["abi"], bytes.fromhex(unit["evm"]["bytecode"]["object"]), bytes.fromhex(code["object"]),
                    {of: tuple((at["start"], at["length"]) for at in found) for of, found in places.items()})
