"""Verifiers without a compiler: what solc makes of the generated source, with the constants of a key put in.

A verifier's code depends on its key through constants alone: coordinates, two digests, the statement's name. But a
constant with leading zeros is pushed by a shorter instruction, after which everything lies elsewhere and every jump has
another target (one key in ten). So a template is assembled, not overwritten: instructions as they are, constants by
name, and jumps by the label that they go to.

Templates are derived from three compilations of one source with other constants (`derive`), and refuse what they do not
understand: an operand that differs between compilations and is no constant, no length and no label. A test holds
assembled verifiers against the compiler's, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from primitives.errors import TailproofError

_PUSH0, _PUSH1, _PUSH2, _PUSH32, _JUMPDEST = 0x5F, 0x60, 0x61, 0x7F, 0x5B
LONGEST_NAME = 31
"""Bytes: longer strings are stored by other code."""
NAME, NAME_LENGTH, CODE_LENGTH = "statement", "length of statement", "length of code"
_CONSTANT = re.compile(r"constant ([A-Z][A-Z0-9_]*) = (0x[0-9a-f]{64});")
_FIXED = ("R", "P")
"""Constants of the curve, the same for all keys."""

Token = tuple[str, str]
"""("code", hex), ("push", constant), ("label", number), ("jump", label), ("name", ""), ("length", what)."""


class NoTemplate(TailproofError):
    """The compiler's output is not what a template can be made of."""


@dataclass(frozen=True)
class Template:
    """A verifier with places for its constants.

    prefix : deploys what follows.  runtime : the code on chain.
    """

    prefix: tuple[Token, ...]
    runtime: tuple[Token, ...]

    def assemble(self, constants: Mapping[str, int], name: str) -> tuple[bytes, bytes]:
        """Creation and runtime code. constants : by their names in the source.

        Raises
        ------
        KeyError : a constant is missing.
        """
        runtime = _assemble(self.runtime, constants, name, 0)
        return _assemble(self.prefix, constants, name, len(runtime)) + runtime, runtime

    def to_json(self) -> dict[str, Any]:
        """As packaged."""
        return {"prefix": [list(token) for token in self.prefix], "runtime": [list(token) for token in self.runtime]}

    @staticmethod
    def from_json(parts: Any) -> Template:
        """As packaged."""
        return Template(*(tuple((kind, what) for kind, what in parts[name]) for name in ("prefix", "runtime")))


def constants_of(source: str) -> dict[str, int]:
    """The constants of a generated source that depend on its key, by name."""
    return {name: int(value, 16) for name, value in _CONSTANT.findall(source) if name not in _FIXED}


def with_constants(source: str, values: Mapping[str, int]) -> str:
    """The source with other constants."""
    def replaced(found: re.Match[str]) -> str:
        return found[0] if found[1] not in values else f"constant {found[1]} = {values[found[1]]:#066x};"
    return _CONSTANT.sub(replaced, source)


# -- assembling --------------------------------------------------------------------------------------------------------
def _assemble(tokens: Sequence[Token], constants: Mapping[str, int], name: str, length: int) -> bytes:
    places: dict[str, int] = {}
    jumps: list[tuple[int, str]] = []
    code = bytearray()
    for kind, what in tokens:
        if kind == "label":
            places[what] = len(code)
        elif kind == "jump":
            jumps.append((len(code) + 1, what))
            code += bytes([_PUSH2, 0, 0])
        elif kind == "push":
            code += push(constants[what])
        elif kind == "name":
            code += bytes([_PUSH32]) + name.encode().ljust(32, b"\0")
        elif kind == "length":
            code += push(len(name)) if what == NAME_LENGTH else bytes([_PUSH2]) + length.to_bytes(2, "big")
        else:
            code += bytes.fromhex(what)
    for at, label in jumps:
        code[at:at + 2] = places[label].to_bytes(2, "big")
    return bytes(code)


def push(value: int) -> bytes:
    """The shortest instruction that pushes a number, as solc chooses it."""
    size = (value.bit_length() + 7) // 8
    return bytes([_PUSH0 + size]) + value.to_bytes(size, "big")


# -- deriving ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Compiled:
    """One compilation, and what it is of."""

    creation: bytes
    runtime: bytes
    constants: Mapping[str, int]
    name: str


def derive(full: Compiled, other: Compiled, short: Compiled) -> Template:
    """The template that three compilations have in common.

    Parameters
    ----------
    full, other : with other constants and names, of 32 significant bytes each, all different.
    short : with constants of one byte less, so that whatever can move has moved.

    Raises
    ------
    NoTemplate : they have none.
    """
    runtime = _derive([_instructions(one.runtime) for one in (full, other, short)], (full, other, short))
    prefixes = []
    for one in (full, other, short):
        if not one.creation.endswith(one.runtime):
            raise NoTemplate("the runtime code is not at the end of the creation code")
        prefixes.append(_instructions(one.creation[:-len(one.runtime)]))
    template = Template(_derive(prefixes, (full, other, short)), runtime)
    for one in (full, other, short):
        if template.assemble(one.constants, one.name) != (one.creation, one.runtime):
            raise NoTemplate("it does not assemble to what it was derived from")
    return template


Instruction = tuple[int, int, bytes]
"""Offset, opcode, operand."""


def _instructions(code: bytes) -> list[Instruction]:
    found, at = [], 0
    while at < len(code):
        size = code[at] - _PUSH0 if _PUSH1 <= code[at] <= _PUSH32 else 0
        found.append((at, code[at], code[at + 1:at + 1 + size]))
        at += 1 + size
    return found


def _derive(programs: Sequence[list[Instruction]], compiled: tuple[Compiled, Compiled, Compiled]
            ) -> tuple[Token, ...]:
    if len({len(program) for program in programs}) != 1:
        raise NoTemplate("the compilations have other numbers of instructions")
    index = [{at: i for i, (at, _, _) in enumerate(program)} for program in programs]
    labels: set[int] = set()
    tokens: list[Token] = []
    for here in zip(*programs, strict=True):
        kind, what = _token(here, compiled, index, programs)
        if kind == "jump":
            labels.add(int(what))
        tokens.append((kind, what))
    out: list[Token] = []
    for i, token in enumerate(tokens):
        if i in labels:
            out.append(("label", str(i)))
        if token[0] == "code" and out and out[-1][0] == "code":
            out[-1] = ("code", out[-1][1] + token[1])
        else:
            out.append(token)
    return tuple(out)


def _token(here: Sequence[Instruction], compiled: Sequence[Compiled], index: Sequence[Mapping[int, int]],
           programs: Sequence[list[Instruction]]) -> Token:
    """What one instruction is, from its three forms."""
    (_, code, operand), *_ = here
    if all((one[1], one[2]) == (code, operand) for one in here):
        return "code", bytes([code, *operand]).hex()
    values = [int.from_bytes(one[2], "big") for one in here]
    for name in compiled[0].constants:
        if values == [one.constants[name] for one in compiled]:
            return "push", name
    if [one[2] for one in here] == [one.name.encode().ljust(32, b"\0") for one in compiled]:
        return "name", ""
    if all(one[1] == _PUSH1 for one in here) and values == [len(one.name) for one in compiled]:
        return "length", NAME_LENGTH
    if all(one[1] == _PUSH2 for one in here):
        if values == [len(one.runtime) for one in compiled]:
            return "length", CODE_LENGTH
        targets = {places.get(value) for places, value in zip(index, values, strict=True)}
        if len(targets) == 1 and None not in targets:
            target = int(next(iter(targets)) or 0)
            if programs[0][target][1] == _JUMPDEST:
                return "jump", str(target)
    raise NoTemplate(f"an operand that is no constant, length or label: {[one[2].hex() for one in here]}")
