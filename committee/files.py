"""How points, scalars and proofs stand in files, and digests of what stands there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

from committee.proofs import Equality, Possession, keccak256
from primitives import babyjubjub, jsonio
from primitives.babyjubjub import SUBGROUP_ORDER, Point
from primitives.elgamal import Sealed
from primitives.errors import BadInput, Said
from primitives.field import MODULUS
from primitives.jsonio import Node

T = TypeVar("T")
NAME = r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}"


def digest_of(value: Any) -> bytes:
    """keccak256 of canonical JSON, 32 bytes."""
    return keccak256(jsonio.canonical(value))


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def point_text(point: Point) -> str:
    """Packed, 0x-hex (`babyjubjub.pack`)."""
    return hexed(babyjubjub.pack(point))


def read_bytes32(node: Node) -> bytes:
    return bytes.fromhex(node.text(r"0x[0-9a-f]{64}", "32 bytes: 0x and 64 digits, lower case")[2:])


def read_point(node: Node) -> Point:
    """Any point of the curve, in its one encoding."""
    data = read_bytes32(node)
    try:
        return babyjubjub.unpack(node.field, data)
    except BadInput as error:
        raise node.refuse(error.bound) from None


def read_key(node: Node) -> Point:
    """A point of the subgroup of prime order that is not the identity."""
    point = read_point(node)
    try:
        return babyjubjub.require_key(node.field, point)
    except BadInput as error:
        raise node.refuse(error.bound) from None


def possession_json(proof: Possession) -> dict[str, str]:
    return {"commitment": point_text(proof.commitment), "response": str(proof.response)}


def read_possession(node: Node) -> Possession:
    parts = node.object({"commitment", "response"})
    return Possession(read_point(parts["commitment"]), parts["response"].decimal(0, SUBGROUP_ORDER - 1))


def equality_json(proof: Equality) -> dict[str, str]:
    return {"commitment": point_text(proof.commitment), "other": point_text(proof.other),
            "response": str(proof.response)}


def read_equality(node: Node) -> Equality:
    parts = node.object({"commitment", "other", "response"})
    return Equality(read_point(parts["commitment"]), read_point(parts["other"]),
                    parts["response"].decimal(0, SUBGROUP_ORDER - 1))


def sealed_json(sealed: Sealed) -> dict[str, Any]:
    """Of one recipient."""
    return {"ephemeral": point_text(sealed.ephemeral), "wrapped": str(sealed.wrapped[0]),
            "ciphertext": [str(word) for word in sealed.ciphertext]}


def read_sealed(node: Node, elements: int, beside: Collection[str] = ()) -> Sealed:
    """beside : keys of the object that are not the ciphertext's."""
    parts = node.object({"ephemeral", "wrapped", "ciphertext", *beside})
    words = parts["ciphertext"].array(at_least=elements, at_most=elements)
    return Sealed(read_key(parts["ephemeral"]), (parts["wrapped"].decimal(0, MODULUS - 1),),
                  tuple(word.decimal(0, MODULUS - 1) for word in words))


def read_secret(path: str | Path, parse: Callable[[Node], T]) -> T:
    """A file that only its owner may read; no value in it is ever shown.

    Raises
    ------
    BadInput : others may read it, or it is not what `parse` takes.
    """
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        mode = 0                                       # reading it will say so
    if os.name == "posix" and mode & 0o077:
        raise BadInput("mode of the secret file", Said(f"{mode:04o}"), "0600: who reads it has the secret (chmod 600)",
                       source=path)
    try:
        return parse(Node.read(path))
    except BadInput as error:
        if error.field == "file":
            raise
        raise BadInput(error.field, "(hidden)", error.bound, source=error.source) from None
