"""Contracts that only tests deploy, in `solidity/`, compiled with what they import of the shipped ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from verifier_contracts.compiler import SOURCES, Artifact, compile_sources

_FOLDER = Path(__file__).parent / "solidity"
_IMPORTED = re.compile(r'"\./([A-Za-z0-9]+\.sol)"')


@lru_cache(maxsize=8)
def compiled(*names: str, more: str = "") -> Mapping[str, Artifact]:
    """Files of `solidity/` by name, without ".sol"; more : a source of one's own, which may import any of them."""
    own = {f"{name}.sol": (_FOLDER / f"{name}.sol").read_text() for name in names}
    own |= {"More.sol": more} if more else {}
    texts, open_ = dict(own), list(own.values())
    while open_:
        for name in _IMPORTED.findall(open_.pop()):
            if name not in texts:
                texts[name] = (SOURCES / name).read_text()
                open_.append(texts[name])
    return compile_sources(texts)
