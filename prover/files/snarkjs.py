"""Proof, public inputs and verification key as snarkjs writes them in JSON.

Numbers are decimal strings, points have a third, projective coordinate that is always one, and a coordinate of G2 is
[c0, c1]. Read strictly: one spelling for each number, nothing unknown, points on their curve and in their group.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node, observe
from prover.backend import MOST_PUBLIC
from prover.curve import BASE_MODULUS, G1, G2, ORDER
from prover.files.sections import naming
from prover.groth16.keys import INSECURE, Proof, VerificationKey


# -- proof ---------------------------------------------------------------------------------------------------------
def proof_to_json(proof: Proof) -> dict[str, Any]:
    """What goes into `proof.json`."""
    return {"pi_a": _g1_to_json(proof.a), "pi_b": _g2_to_json(proof.b), "pi_c": _g1_to_json(proof.c),
            "protocol": "groth16", "curve": "bn128"}


def proof_from_json(data: Any, *, source: str | Path | None = None) -> Proof:
    """The proof in a parsed document, or at a place in one (a `Node`).

    Raises
    ------
    BadInput : naming what is malformed, not canonical, off its curve or outside the subgroup.
    """
    node = data if isinstance(data, Node) else Node(data, source=source)
    fields = node.object(required={"pi_a", "pi_b", "pi_c", "protocol"}, optional={"curve"})
    _check_kind(fields)
    proof = Proof(_g1(fields["pi_a"]), _g2(fields["pi_b"]), _g1(fields["pi_c"]))
    with naming(source):
        proof.check()
    return proof


def write_proof(path: str | Path, proof: Proof) -> None:
    jsonio.write(path, proof_to_json(proof))


def read_proof(path: str | Path) -> Proof:
    """See `proof_from_json`."""
    return proof_from_json(jsonio.read(path), source=path)


# -- public inputs -------------------------------------------------------------------------------------------------
def public_to_json(public_inputs: Sequence[int]) -> list[str]:
    """What goes into `public.json`."""
    return [str(value) for value in public_inputs]


def public_from_json(data: Any, *, source: str | Path | None = None) -> list[int]:
    """The public inputs in a parsed document, each in [0, r).

    Raises
    ------
    BadInput : naming what is malformed or not canonical.
    """
    values = Node(data, field="public", source=source).array(at_most=MOST_PUBLIC)
    return [value.decimal(0, ORDER - 1) for value in values]


def write_public(path: str | Path, public_inputs: Sequence[int]) -> None:
    jsonio.write(path, public_to_json(public_inputs))


def read_public(path: str | Path) -> list[int]:
    """See `public_from_json`."""
    return public_from_json(jsonio.read(path), source=path)


# -- verification key ----------------------------------------------------------------------------------------------
def verification_key_to_json(key: VerificationKey) -> dict[str, Any]:
    """What goes into `verification_key.json`; "setup", which snarkjs ignores, marks an insecure key."""
    data = {"protocol": "groth16", "curve": "bn128", "nPublic": key.public, "vk_alpha_1": _g1_to_json(key.alpha),
            "vk_beta_2": _g2_to_json(key.beta), "vk_gamma_2": _g2_to_json(key.gamma),
            "vk_delta_2": _g2_to_json(key.delta), "IC": [_g1_to_json(point) for point in key.ic]}
    return data | {"setup": INSECURE} if key.insecure_setup else data


def verification_key_from_json(data: Any, *, source: str | Path | None = None) -> VerificationKey:
    """The key in a parsed document.

    snarkjs's e(α, β), "vk_alphabeta_12", follows from the rest, and nobody verifies with it; it has to be of the form
    of one, but a pairing to compare it with would be too much for a reader of files.

    Raises
    ------
    BadInput : naming what is malformed, or what makes the key unsound (see `VerificationKey`).
    """
    fields = Node(data, source=source).object(
        required={"protocol", "curve", "nPublic", "vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2", "IC"},
        optional={"vk_alphabeta_12", "setup"})
    _check_kind(fields)
    if "vk_alphabeta_12" in fields:
        _check_fp12(fields["vk_alphabeta_12"])
    if "setup" in fields:
        fields["setup"].choice({INSECURE})
    public = fields["nPublic"].integer(0, MOST_PUBLIC)
    ic = tuple(_g1(point) for point in fields["IC"].array(at_least=public + 1, at_most=public + 1))
    with naming(source):
        return VerificationKey(_g1(fields["vk_alpha_1"]), _g2(fields["vk_beta_2"]), _g2(fields["vk_gamma_2"]),
                               _g2(fields["vk_delta_2"]), ic, "setup" in fields)


def write_verification_key(path: str | Path, key: VerificationKey) -> None:
    jsonio.write(path, verification_key_to_json(key))


def read_verification_key(path: str | Path) -> VerificationKey:
    """See `verification_key_from_json`."""
    return verification_key_from_json(jsonio.read(path), source=path)


# -- parts ---------------------------------------------------------------------------------------------------------
def _check_kind(fields: dict[str, Node]) -> None:
    for name, expected in (("protocol", "groth16"), ("curve", "bn128")):
        if name in fields:
            observe(fields[name].field, "choice", options=frozenset({expected}))
        if name in fields and fields[name].value != expected:
            raise BadInput(name, fields[name].value, repr(expected), source=fields[name].source)


def _g1_to_json(point: G1) -> list[str]:
    return [str(point[0]), str(point[1]), "1"]


def _g2_to_json(point: G2) -> list[list[str]]:
    return [*([str(part) for part in coordinate] for coordinate in point), ["1", "0"]]


def _check_fp12(node: Node) -> None:
    """Refuse what is no two of three of two elements of F_q: F_q12 over F_q6 over F_q2."""
    for half in node.array(at_least=2, at_most=2):
        for coordinate in half.array(at_least=3, at_most=3):
            for part in coordinate.array(at_least=2, at_most=2):
                part.decimal(0, BASE_MODULUS - 1)


def _g1(node: Node) -> G1:
    x, y, z = node.array(at_least=3, at_most=3)
    z.decimal(1, 1)
    return x.decimal(0, BASE_MODULUS - 1), y.decimal(0, BASE_MODULUS - 1)


def _g2(node: Node) -> G2:
    x, y, z = ([part.decimal(0, BASE_MODULUS - 1) for part in coordinate.array(at_least=2, at_most=2)]
               for coordinate in node.array(at_least=3, at_most=3))
    if z != [1, 0]:
        raise BadInput(f"{node.field}[2]", z, "[1, 0]", source=node.source)
    return (x[0], x[1]), (y[0], y[1])
