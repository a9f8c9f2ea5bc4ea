"""Solidity to bytecode: npm's `solc` through `node` and standard JSON, each result kept for the user.

The settings are part of what is audited: the IR pipeline, many runs, and the constant optimiser off, because that one
would trade the verifier's 32-byte constants for code that is shorter and dearer to run. No digest of the sources is
appended: the same instructions are the same code, whatever the comments say.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from primitives import cache, jsonio
from primitives.errors import BadInput, Said, TailproofError
from verifier_contracts.artifacts import Artifact as Artifact
from verifier_contracts.artifacts import packaged, packaged_templates
from verifier_contracts.verifier_template import Template

SOURCES = Path(__file__).resolve().parent / "solidity"
CODE_LIMIT = 24_576
"""Largest code that a chain accepts, in bytes (EIP-170)."""

SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "viaIR": True,
    "optimizer": {
        "enabled": True,
        "runs": 1_000_000,
        "details": {"peephole": True, "inliner": True, "jumpdestRemover": True, "orderLiterals": True,
                    "deduplicate": True, "cse": True, "constantOptimizer": False, "yul": True},
    },
    "metadata": {"appendCBOR": False},
    "outputSelection": {"*": {"": ["ast"], "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object",
                                                 "evm.deployedBytecode.immutableReferences"]}},
}

COMPACT = ("CollateralVault.sol", "LiquidationCoordinator.sol")
"""Files of contracts that would be too large for a chain with the settings above: fewer runs, and constants shortened
(none of theirs is used in a loop)."""
_OPTIMIZER: dict[str, Any] = SETTINGS["optimizer"]
COMPACT_SETTINGS: dict[str, Any] = {
    **SETTINGS,
    "optimizer": {**_OPTIMIZER, "runs": 200, "details": {**_OPTIMIZER["details"], "constantOptimizer": True}},
}

# solc's own command line talks to an SMT solver and to stdout about it; the library only compiles. Of the syntax trees,
# which are large, only the names of immutables are kept: the compiler tells their places by the trees' ids.
_DRIVER = """
const solc = require(process.argv[1]);
const output = JSON.parse(solc.compile(require("fs").readFileSync(0, "utf8")));
const names = {};
const walk = node => {
    if (node === null || typeof node !== "object") return;
    if (node.nodeType === "VariableDeclaration" && node.mutability === "immutable") names[node.id] = node.name;
    Object.values(node).forEach(walk);
};
Object.values(output.sources || {}).forEach(source => walk(source.ast));
process.stdout.write(JSON.stringify({contracts: output.contracts, errors: output.errors, immutables: names}));
"""
_IMPORT = re.compile(r'^\s*import\s+(?:[^"\';]*?\sfrom\s+)?["\']([^"\']+)["\']', re.MULTILINE)


class CompilationFailed(TailproofError):
    """The Solidity compiler reported an error or a warning: there is none in sources that we ship."""


@lru_cache(maxsize=1)
def compile_contracts() -> Mapping[str, Artifact]:
    """Every shipped contract, by name: as packaged, or compiled where the sources are not those it was made from."""
    sources = shipped_sources()
    return packaged(digest_of(sources)) or compile_sources(sources)


def shipped_sources() -> dict[str, str]:
    """The Solidity files of this package, by name."""
    return {path.name: path.read_text() for path in sorted(SOURCES.glob("*.sol"))}


def digest_of(sources: Mapping[str, str]) -> str:
    """What code depends on here: sources and settings, in hex. Versions of npm packages are pinned in their lock file,
    and a test holds what is packaged against what they make."""
    parts = [SETTINGS, COMPACT_SETTINGS, COMPACT, dict(sources)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def generator_digest() -> str:
    """What the code of a generated verifier depends on besides its key: the generator's text and the settings."""
    own = cache.as_in_the_repository((Path(__file__).parent / "generator.py").read_bytes()).decode()
    texts = [own, (SOURCES / "Precompiles.sol").read_text()]
    return hashlib.sha256(json.dumps([SETTINGS, texts], sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def verifier_templates() -> Mapping[str, Template]:
    """Templates of generated verifiers, where those that are packaged are of this generator."""
    return packaged_templates(generator_digest())


def standard_json(names: Sequence[str]) -> dict[str, Any]:
    """What an explorer needs to compile contracts of ours again: the compiler's standard input, imports included.

    Parameters
    ----------
    names : of contracts with the same settings.

    Raises
    ------
    BadInput : there is no such contract, they have different settings, or the npm packages are not installed.
    """
    sources = shipped_sources()
    for name in names:
        if f"{name}.sol" not in sources:
            raise BadInput("contract", name, f"one of {', '.join(sorted(file[:-4] for file in sources))}")
    compact = [f"{name}.sol" in COMPACT for name in names]
    if any(compact) and not all(compact):
        raise BadInput("contracts", list(names), f"of the same settings: {', '.join(COMPACT)} has its own")
    complete = _with_imports({f"{name}.sol": sources[f"{name}.sol"] for name in names}, node_modules(), sources)
    wanted = {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}}
    return {"language": "Solidity", "sources": {name: {"content": text} for name, text in sorted(complete.items())},
            "settings": {**(COMPACT_SETTINGS if all(compact) else SETTINGS), "outputSelection": wanted}}


def compile_sources(sources: Mapping[str, str]) -> Mapping[str, Artifact]:
    """Compile Solidity files, given by name, together with what they import from `node_modules`.

    Returns
    -------
    Mapping[str, Artifact] : every contract of `sources` and of their imports; interfaces have no code.

    Raises
    ------
    BadInput : node or the npm packages are not installed.
    CompilationFailed : with the compiler's messages, warnings included; or a contract is larger than EIP-170 allows.
    """
    modules = node_modules()
    version = json.loads((modules / "solc" / "package.json").read_text())["version"]
    complete = _with_imports(sources, modules)
    wanted = SETTINGS["outputSelection"]["*"]
    compact = {name: text for name, text in complete.items() if name in COMPACT}
    artifacts: dict[str, Artifact] = {}
    for settings, names, texts in ((SETTINGS, [name for name in complete if name not in COMPACT], complete),
                                   (COMPACT_SETTINGS, list(compact), _with_imports(compact, modules, complete))):
        if names:
            # Whatever stands for all files would have all compiled, also those that are too large in this way.
            trees = {name: {"": ["ast"]} for name in texts} if settings is COMPACT_SETTINGS else {}
            selection = {**trees, **dict.fromkeys(names, wanted)} if compact else {"*": wanted}
            contents = {name: {"content": text} for name, text in sorted(texts.items())}
            artifacts |= _compiled(contents, {**settings, "outputSelection": selection}, version, modules)
    return artifacts


def _compiled(contents: Any, settings: Any, version: str, modules: Path) -> dict[str, Artifact]:
    """One call of the compiler, or what an earlier one left."""
    request = json.dumps({"language": "Solidity", "settings": settings, "sources": contents})
    digest = hashlib.sha256(f"{version}\n{request}".encode()).hexdigest()
    kept = _cache_file(digest)
    output = _read_kept(kept) if kept else None
    if output is None:
        output = _run_solc(request, modules)
        if kept:
            _keep(kept, output)
    return {name: _artifact(name, unit, output["immutables"]) for units in output["contracts"].values()
            for name, unit in units.items() if "evm" in unit}


def npm_packages() -> Path:
    """Where npm packages are looked for: beside this project's rooms, or where TAILPROOF_NODE_MODULES points."""
    chosen = os.environ.get("TAILPROOF_NODE_MODULES")
    return Path(chosen) if chosen else SOURCES.parents[1] / "node_modules"


def node_modules() -> Path:
    """`npm_packages`, with the compiler and the libraries among them.

    Raises
    ------
    BadInput : they are not there.
    """
    path = npm_packages()
    for package in ("solc", "@openzeppelin/contracts"):
        if not (path / package / "package.json").is_file():
            raise BadInput(f"npm package {package}", Said("absent"), f"installed by npm in {path}, or where "
                           "TAILPROOF_NODE_MODULES points: the compiler of Solidity needs Node (in a checkout, `make "
                           "setup` installs it)")
    return path


# -- imports -----------------------------------------------------------------------------------------------------------
def _with_imports(sources: Mapping[str, str], modules: Path, others: Mapping[str, str] | None = None) -> dict[str, str]:
    """The sources and everything they import, by the names under which the compiler will ask for them; `others` are
    texts that are at hand."""
    complete: dict[str, str] = {}
    waiting = dict(sources)
    while waiting:
        name, text = waiting.popitem()
        complete[name] = text
        for target in _IMPORT.findall(text):
            full = posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) if target[0] == "." else target
            if full not in complete and full not in waiting:
                waiting[full] = (others or {}).get(full) or _read_import(full, name, modules)
    return complete


def _read_import(name: str, importer: str, modules: Path) -> str:
    path = modules / name
    if name.startswith(("/", "..")) or not path.is_file():
        raise BadInput(f"import of {importer}", name, "a file of the given sources or of an npm package")
    return path.read_text()


# -- the compiler ------------------------------------------------------------------------------------------------------
def _run_solc(request: str, modules: Path) -> Any:
    node = shutil.which("node")
    if node is None:
        raise BadInput("node", Said("absent"),
                       "installed (Node 20 or newer) and on the PATH, to run the Solidity compiler")
    done = subprocess.run([node, "-e", _DRIVER, str(modules / "solc")], input=request.encode(), capture_output=True,
                          check=False)
    if done.returncode:
        raise CompilationFailed(f"node failed: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    output = json.loads(done.stdout)
    messages = [entry["formattedMessage"] for entry in output.get("errors", []) if not _is_harmless(entry)]
    if messages:
        raise CompilationFailed("\n".join(messages))
    return {"contracts": output["contracts"], "immutables": output["immutables"]}


def _is_harmless(entry: Any) -> bool:
    """Notes, and warnings about the libraries' text, which is not ours to mend: OpenZeppelin says `at`, which is to be
    a keyword, and writes transient storage, for guards against reentrancy that clear it."""
    place: str = (entry.get("sourceLocation") or {}).get("file", "")
    return entry["severity"] == "info" or (entry["severity"] == "warning" and place.startswith("@"))


def _artifact(name: str, unit: Any, names: Mapping[str, str]) -> Artifact:
    places = unit["evm"]["deployedBytecode"].get("immutableReferences", {})
    immutables = {names[number]: tuple((place["start"], place["length"]) for place in at)
                  for number, at in sorted(places.items(), key=lambda item: int(item[0]))}
    if len(immutables) < len(places):
        raise CompilationFailed(f"{name} has two immutables of one name, of {', '.join(immutables)}")
    artifact = Artifact(name, unit["abi"], bytes.fromhex(unit["evm"]["bytecode"]["object"]),
                        bytes.fromhex(unit["evm"]["deployedBytecode"]["object"]), immutables)
    if len(artifact.runtime) > CODE_LIMIT:
        raise CompilationFailed(f"{name} has {len(artifact.runtime)} bytes of code: a chain accepts {CODE_LIMIT}")
    return artifact


# -- the cache ---------------------------------------------------------------------------------------------------------
def _cache_file(digest: str) -> Path | None:
    """Where the output for one request is kept; None where the user has no private directory for it."""
    try:
        if sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        directory = base / "tailproof" / "solc"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and (directory.stat().st_uid != os.getuid() or directory.stat().st_mode & 0o022):
            return None                         # whoever may write there could have contracts deployed
    except (OSError, RuntimeError):             # RuntimeError: no home directory
        return None
    return directory / f"{digest}.json"


def _read_kept(path: Path) -> Any | None:
    """A kept output whose own digest still holds: bytecode from a damaged file must never reach a chain."""
    try:
        digest, text = path.read_text().split("\n", 1)
    except (OSError, ValueError):
        return None
    return json.loads(text) if hashlib.sha256(text.encode()).hexdigest() == digest else None


def _keep(path: Path, output: Any) -> None:
    text = json.dumps(output)
    try:
        with jsonio.replacing(path) as file:
            file.write(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode())
    except (OSError, BadInput):
        return                                  # a full disk costs the next run some seconds, nothing else
