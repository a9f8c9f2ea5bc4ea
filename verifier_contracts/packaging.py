"""`python -m verifier_contracts.packaging`: compile the contracts and write what is packaged (`artifacts`)."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from prover import VerificationKey
from prover.curve import G1_GROUP, G2_GROUP, ORDER
from verifier_contracts.artifacts import FOLDER, INDEX, SCHEMA, TEMPLATES, Artifact, template_name
from verifier_contracts.compiler import compile_sources, digest_of, generator_digest, shipped_sources
from verifier_contracts.generator import CONTRACT_NAME, generate
from verifier_contracts.verifier_template import Compiled, Template, constants_of, derive, with_constants

LEAST_CODE = 100
"""Bytes: what has less is a library that was inlined, or an interface, of which only the names of errors are needed."""


INPUTS = (2, 3, 4, 5, 6, 18)
"""Of all statements that are no trial: those that contracts of ours ask for, solvency (6), netting over four protocols
(18). Where there is no Node, no other verifier can be deployed."""
_NAMES = ("name-of-twenty-nine-characters", "a-name-of-twenty-three.", "seventeen-letters")


def templates() -> dict[str, Template]:
    """Templates of verifiers, each derived from three compilations; all of them in one call of the compiler."""
    sources, compiled = {}, {}
    shapes = [(inputs, insecure) for inputs in INPUTS for insecure in (False, True)]
    for inputs, insecure in shapes:
        for form, name in enumerate(_NAMES):
            source = generate(_key(inputs, insecure), name, b"\x11" * 32)
            source = with_constants(source, {constant: _marker(constant, form) for constant in constants_of(source)})
            own = f"{CONTRACT_NAME}{inputs}{'I' if insecure else 'S'}{form}"
            sources[f"{own}.sol"] = source.replace(CONTRACT_NAME, own)
            compiled[inputs, insecure, form] = (own, constants_of(source), name)
    artifacts = compile_sources(sources)

    def one(inputs: int, insecure: bool, form: int) -> Compiled:
        own, constants, name = compiled[inputs, insecure, form]
        return Compiled(artifacts[own].creation, artifacts[own].runtime, constants, name)

    return {template_name(*shape): derive(one(*shape, 0), one(*shape, 1), one(*shape, 2)) for shape in shapes}


def _marker(constant: str, form: int) -> int:
    """Stands for a constant: 32 significant bytes, or in the last form 31, no two alike."""
    digest = hashlib.sha256(f"{constant} {form}".encode()).digest()
    return int.from_bytes(b"\xa5" + digest[1:] if form < 2 else b"\xa5" + digest[2:], "big")


def _key(inputs: int, insecure: bool) -> VerificationKey:
    """Any key of so many inputs: all that depends on it is replaced."""
    def scalar(name: str) -> int:
        return int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % ORDER

    def g1(name: str) -> tuple[int, int]:
        point = G1_GROUP.multiply(G1_GROUP.generator, scalar(name))
        assert point is not None
        return point

    def g2(name: str) -> tuple[tuple[int, int], tuple[int, int]]:
        point = G2_GROUP.multiply(G2_GROUP.generator, scalar(name))
        assert point is not None
        return point

    return VerificationKey(g1("alpha"), g2("beta"), g2("gamma"), g2("delta"),
                           tuple(g1(f"ic {i}") for i in range(inputs + 1)), insecure)


def templates_text() -> str:
    """The file of templates."""
    return _text({"schema": SCHEMA, "generator": generator_digest(),
                  "templates": {name: one.to_json() for name, one in templates().items()}})


def files_of(contracts: Mapping[str, Artifact], digest: str) -> dict[str, str]:
    """What is packaged, by file name."""
    coded = sorted(name for name, one in contracts.items() if len(one.runtime) >= LEAST_CODE)
    rest = [contracts[name].to_json() for name in sorted(contracts) if name not in coded and contracts[name].abi]
    index = {"schema": SCHEMA, "sources": digest, "contracts": coded, "without_code": rest}
    return {INDEX: _text(index), **{f"{name}.json": _text(contracts[name].to_json()) for name in coded}}


def write(folder: Path = FOLDER) -> list[Path]:
    """Compile, and put what is packaged in place of what was."""
    sources = shipped_sources()
    files = {**files_of(compile_sources(sources), digest_of(sources)), TEMPLATES: templates_text()}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return [folder / name for name in files]


def _text(value: object) -> str:
    """One line for each entry of the ABI: what a change touches is seen."""
    return json.dumps(value, indent=0, sort_keys=True) + "\n"


if __name__ == "__main__":
    for path in write():
        print(f"{path.name}: {path.stat().st_size} bytes")
