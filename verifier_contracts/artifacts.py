"""Compiled contracts, and those that come with this package: a deployment needs no Solidity compiler.

What is packaged carries the digest of the sources and settings that it was made from, and is used for these alone:
where somebody has changed a source, the compiler is asked. `python -m verifier_contracts.packaging` makes it again, and
a test holds it against the compiler, byte for byte.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from primitives import jsonio
from verifier_contracts.verifier_template import Template

FOLDER = Path(__file__).resolve().parent / "compiled"
SCHEMA = "tailproof.artifacts/2"
INDEX, TEMPLATES = "index.json", "templates.json"


@dataclass(frozen=True)
class Artifact:
    """One compiled contract.

    abi : as the compiler lists it; creation : code that deploys it (constructor arguments go behind); runtime : code
    that then lies on chain, with immutables still zero; immutables : by the variable's name, its places,
    (start, length) in `runtime`.
    """

    name: str
    abi: list[dict[str, Any]]
    creation: bytes
    runtime: bytes
    immutables: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def deployed(self, values: Mapping[str, bytes]) -> bytes:
        """The code on chain where each immutable has a value of 32 bytes, by name.

        Raises
        ------
        KeyError : one has no value, or a value no immutable.
        """
        if set(values) != set(self.immutables):
            raise KeyError(f"immutables of {self.name}: {sorted(set(values) ^ set(self.immutables))}")
        code = bytearray(self.runtime)
        for name, places in self.immutables.items():
            for start, length in places:
                code[start:start + length] = values[name]
        return bytes(code)

    def to_json(self) -> dict[str, Any]:
        """As packaged, code in base64, which is a third shorter than hex: an installation has its bound. The runtime
        lies in the creation code, which deploys it by copying."""
        place = self.creation.find(self.runtime) if self.runtime else -1
        runtime: Any = [place, len(self.runtime)] if place >= 0 else "0x" + self.runtime.hex()
        return {"name": self.name, "abi": self.abi, "creation": b64encode(self.creation).decode(), "runtime": runtime,
                "immutables": {name: [list(at) for at in places] for name, places in self.immutables.items()}}

    @staticmethod
    def from_json(parts: Any) -> Artifact:
        """As packaged; it is part of the program, and believed like it."""
        creation, runtime = b64decode(parts["creation"], validate=True), parts["runtime"]
        code = bytes.fromhex(runtime[2:]) if isinstance(runtime, str) else creation[runtime[0]:sum(runtime)]
        return Artifact(parts["name"], parts["abi"], creation, code, {
            name: tuple((start, length) for start, length in places) for name, places in parts["immutables"].items()})


def packaged(digest: str) -> Mapping[str, Artifact] | None:
    """The contracts that were made from sources and settings of this digest, by name; None if others are packaged."""
    if not (FOLDER / INDEX).is_file():
        return None
    index = jsonio.read(FOLDER / INDEX)
    if index["schema"] != SCHEMA or index["sources"] != digest:
        return None
    found = [Artifact.from_json(entry) for entry in index["without_code"]]
    found += [Artifact.from_json(jsonio.read(FOLDER / f"{name}.json")) for name in index["contracts"]]
    return {artifact.name: artifact for artifact in found}


def packaged_templates(digest: str) -> Mapping[str, Template]:
    """Templates of verifiers that a generator of this digest makes, by `template_name`; none if others are packaged."""
    if not (FOLDER / TEMPLATES).is_file():
        return {}
    found = jsonio.read(FOLDER / TEMPLATES)
    if found["schema"] != SCHEMA or found["generator"] != digest:
        return {}
    return {name: Template.from_json(parts) for name, parts in found["templates"].items()}


def template_name(inputs: int, insecure: bool) -> str:
    """Verifiers of one shape: by number of public inputs and what they say of their setup."""
    return f"{inputs} inputs" + (", insecure" if insecure else "")
