"""`python -m verifier_contracts.packaging`: compile the contracts and write what is packaged (`artifacts`)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from verifier_contracts.artifacts import FOLDER, INDEX, SCHEMA, Artifact
from verifier_contracts.compiler import compile_sources, digest_of, shipped_sources

LEAST_CODE = 100
"""Bytes: what has less is a library that was inlined, or an interface, of which only the names of errors are needed."""


def files_of(contracts: Mapping[str, Artifact], digest: str) -> dict[str, str]:
    """What is packaged, by file name."""
    coded = sorted(name for name, one in contracts.items() if len(one.runtime) >= LEAST_CODE)
    rest = [contracts[name].to_json() for name in sorted(contracts) if name not in coded and contracts[name].abi]
    index = {"schema": SCHEMA, "sources": digest, "contracts": coded, "without_code": rest}
    return {INDEX: _text(index), **{f"{name}.json": _text(contracts[name].to_json()) for name in coded}}


def write(folder: Path = FOLDER) -> list[Path]:
    """Compile, and put what is packaged in place of what was."""
    sources = shipped_sources()
    files = files_of(compile_sources(sources), digest_of(sources))
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
