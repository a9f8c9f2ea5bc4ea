"""The verifier of one verification key, as Solidity source.

The generated contract checks the Groth16 equation (Groth, EUROCRYPT 2016, section 3.2)

    e(A, B) · e(α, −β) · e(vk_x, −γ) · e(C, −δ) = 1,      vk_x = IC_0 + Σ x_i·IC_i

with the precompiles of EIP-196 and EIP-197. The minus signs are in its constants, so nothing is negated on chain and
the proof goes to its final place in memory with one copy. It reverts with a named error on every failure and never
returns false: a verifier that does records a valid proof as invalid whenever somebody gives it too little gas.

Where a precompile is missing (zkSync Era lacked them until 2024), a call of it succeeds and writes nothing. A verifier
that does not look then takes whatever lay in memory for the answer, and anybody's garbage for a proof. So every answer
goes to memory that nothing was ever written to, its size is checked, and the constructor runs known-answer tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from eth_utils.crypto import keccak

from primitives.errors import BadInput, Said
from prover.backend import load_backend
from prover.curve import BASE_MODULUS, G1, G2, ORDER
from prover.groth16.relations import require_independent_inputs
from prover.points import encode_g1

if TYPE_CHECKING:
    from prover import VerificationKey

CONTRACT_NAME = "Groth16Verifier"

ERRORS = {
    "BadLength": "The calldata is not exactly one proof and its inputs.",
    "InputOutOfField": "A public input is not below r: x and x + r would verify alike.",
    "CoordinateOutOfField": "A coordinate of the proof is not below p.",
    "PrecompileFailed": "A point is off its curve or outside its subgroup, there was too little gas, or a precompile "
                        "gave an answer of another size.",
    "ProofRejected": "The pairing equation does not hold.",
}
"""Every error the generated contract reverts with, and what it means."""

UNROLLED = 16
"""Up to so many public inputs each has code of its own, about 170 bytes; a loop over more costs some 100 gas each."""
MOST_INPUTS = 305
"""Public inputs of the largest verifier whose code a chain accepts (EIP-170): with a loop each takes 74 bytes of it."""

STATEMENT_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

_BANNER = """
/// @custom:security INSECURE SETUP - INSECURE SETUP - INSECURE SETUP - INSECURE SETUP - INSECURE SETUP
///         This key was made by a single party. Whoever made it can forge a proof of anything.
///         For tests and trials only: nothing of value may rest on this contract."""


def generate(key: VerificationKey, statement: str, circuit_digest: bytes | None = None) -> str:
    """Solidity source of the contract `Groth16Verifier` for `key`.

    Parameters
    ----------
    key : the verification key, with 1 to `MOST_INPUTS` public inputs.
    statement : name of the statement it is the key of, for readers of the source.
    circuit_digest : 32 bytes, SHA-256 of the constraint system that the key was made for; None where nobody knows it,
        which the contract states as 0. The caller vouches for it: a verification key does not tell.

    Returns
    -------
    str : one file that imports nothing; the same text for the same arguments.

    A key that accepts forgeries (γ = ±δ, a generator in place of a secret point, points off the curve or outside the
    subgroup, secrets in a small ratio, inputs that could be exchanged) never gets here: no `VerificationKey` of it can
    be made, or it is refused here.

    Raises
    ------
    BadInput : the name could break out of a comment or a string; the key has no public input, or more than a chain's
        limit of code allows, or inputs that trade off against each other.
    """
    if not re.fullmatch(STATEMENT_NAME, statement, re.ASCII):
        raise BadInput("statement", statement, "a name of at most 64 letters, digits, '.', '_' and '-'")
    inputs = key.public
    if inputs < 1:
        raise BadInput("key", Said("no public inputs"), "of a statement about at least one")
    if inputs > MOST_INPUTS:
        raise BadInput("key", Said(f"{inputs} public inputs"),
                       f"of a statement with at most {MOST_INPUTS}: the code of a "
                       "larger verifier exceeds what a chain accepts (EIP-170); hash the inputs into one")
    if circuit_digest is not None and len(circuit_digest) != 32:
        raise BadInput("circuit_digest", circuit_digest, "32 bytes")
    require_independent_inputs(encode_g1(key.ic), load_backend("kernels"))
    return _SOURCE.format(
        statement=statement,
        banner=_BANNER if key.insecure_setup else "",
        errors="\n".join(f"    /// @notice {meaning}\n    error {name}();" for name, meaning in ERRORS.items()),
        precompiles=_without_header((Path(__file__).parent / "solidity" / "Precompiles.sol").read_text()),
        digest="0x" + key.digest().hex(),
        circuit_digest="0x" + (circuit_digest or bytes(32)).hex(),
        insecure="true" if key.insecure_setup else "false",
        order=_word(ORDER),
        base_modulus=_word(BASE_MODULUS),
        constants="\n".join(_constants(key)),
        selectors="\n".join(f"    uint256 private constant {_constant_case(name)} = {_selector(name + '()')};"
                            for name in ERRORS),
        precompile_missing=_selector("PrecompileMissing(uint256)"),
        verify_selector=_selector(f"verifyProof(uint256[8],uint256[{inputs}])"),
        inputs=inputs,
        calldata_size=4 + 32 * (8 + inputs),
        canonical_inputs="\n".join(_canonical_inputs(inputs)),
        terms="\n".join(_terms(inputs)),
        sum_place=f"{_SUMS + _TERM * inputs:#x}",
        canonical_coordinates="\n".join(
            _conjunction("reduced", [f"lt(calldataload({4 + 32 * i:#x}), P)" for i in range(8)], 16)),
    )


# -- pieces of the source --------------------------------------------------------------------------------------------
def _constants(key: VerificationKey) -> Iterator[str]:
    """The points of the key, coordinates in the order of the pairing (EIP-197: imaginary part first)."""
    yield from _point_constants("ALPHA", key.alpha)
    yield from _twist_constants("MINUS_BETA", _minus(key.beta))
    yield from _twist_constants("MINUS_GAMMA", _minus(key.gamma))
    yield from _twist_constants("MINUS_DELTA", _minus(key.delta))
    for index, point in enumerate(key.ic):
        yield from _point_constants(f"IC{index}", point)


def _point_constants(name: str, point: G1) -> Iterator[str]:
    x, y = point
    yield from (_constant(f"{name}_X", x), _constant(f"{name}_Y", y))


def _twist_constants(name: str, point: G2) -> Iterator[str]:
    (x_real, x_imaginary), (y_real, y_imaginary) = point
    yield from (_constant(f"{name}_X_IM", x_imaginary), _constant(f"{name}_X_RE", x_real),
                _constant(f"{name}_Y_IM", y_imaginary), _constant(f"{name}_Y_RE", y_real))


def _minus(point: G2) -> G2:
    (x, (y_real, y_imaginary)) = point
    return x, (-y_real % BASE_MODULUS, -y_imaginary % BASE_MODULUS)


def _constant(name: str, value: int) -> str:
    return f"    uint256 private constant {name} = {_word(value)};"


def _word(value: int) -> str:
    return f"{value:#066x}"


def _constant_case(name: str) -> str:
    """BadLength -> BAD_LENGTH."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def _selector(signature: str) -> str:
    return "0x" + keccak(text=signature)[:4].hex()


def _input(index: int) -> str:
    """Public input `index`, counted from 0, where it lies in calldata: after the selector and the proof."""
    return f"calldataload({0x104 + 32 * index:#x})"


def _conjunction(name: str, conditions: list[str], indent: int) -> Iterator[str]:
    first, *rest = conditions
    yield " " * indent + f"let {name} := {first}"
    for condition in rest:
        yield " " * indent + f"{name} := and({name}, {condition})"


_SUMS, _TERM = 0x400, 0x80
"""Where the partial sums of vk_x begin in memory, and how far apart they are: each sum, then the term to add."""


def _canonical_inputs(inputs: int) -> Iterator[str]:
    """Assembly for `canonical`: whether every input is below r."""
    if inputs <= UNROLLED:
        yield from _conjunction("canonical", [f"lt({_input(i)}, R)" for i in range(inputs)], 12)
    else:
        yield f"""\
            let canonical := 1
            for {{ let i := 0 }} lt(i, {inputs}) {{ i := add(i, 1) }} {{
                canonical := and(canonical, lt(calldataload(add(0x104, shl(5, i))), R))
            }}"""


def _terms(inputs: int) -> Iterator[str]:
    """Assembly for vk_x += x_i · IC_i, for all i."""
    yield "            let done"
    if inputs <= UNROLLED:
        for i in range(inputs):
            place = _SUMS + _TERM * i
            yield from _term(f"{place:#x}", f"{place + 0x40:#x}", f"{place + 0x80:#x}", f"IC{i + 1}_X", f"IC{i + 1}_Y",
                             _input(i), 12)
        return
    table = _SUMS + _TERM * (inputs + 1)
    for i in range(inputs):
        yield f"            mstore({table + 64 * i:#x}, IC{i + 1}_X)"
        yield f"            mstore({table + 64 * i + 32:#x}, IC{i + 1}_Y)"
    yield f"            for {{ let i := 0 }} lt(i, {inputs}) {{ i := add(i, 1) }} {{"
    yield f"                let point := add({table:#x}, shl(6, i))"
    yield f"                let place := add({_SUMS:#x}, shl(7, i))"
    yield from _term("place", "add(place, 0x40)", "add(place, 0x80)", "mload(point)", "mload(add(point, 0x20))",
                     "calldataload(add(0x104, shl(5, i)))", 16)
    yield "            }"


def _term(place: str, term: str, sum_place: str, x: str, y: str, scalar: str, indent: int) -> Iterator[str]:
    """Assembly for: at `sum_place` the sum at `place`, plus the scalar times the point, which comes to `term` first."""
    for line in (f"mstore(0x380, {x})", f"mstore(0x3a0, {y})", f"mstore(0x3c0, {scalar})",
                 f"done := staticcall(gas(), ECMUL, 0x380, 0x60, {term}, 0x40)",
                 "if iszero(and(done, eq(returndatasize(), 0x40))) { fail_without_answer() }",
                 f"done := staticcall(gas(), ECADD, {place}, 0x80, {sum_place}, 0x40)",
                 "if iszero(and(done, eq(returndatasize(), 0x40))) { fail_without_answer() }"):
        yield " " * indent + line


def _without_header(source: str) -> str:
    """A Solidity file without its licence and pragma, to stand in a file that has its own."""
    return source.split("\n", 3)[3].rstrip()


_SOURCE = """\
// SPDX-License-Identifier: MIT
// Generated by Tailproof from a verification key. Do not edit: generate it again.
pragma solidity ^0.8.28;

{precompiles}

/// @title Groth16 verifier over BN254 for the statement "{statement}"{banner}
/// @notice Reverts with a named error unless a proof is valid; returns nothing, never false.
/// @dev    Call it through the interface below. It answers in its fallback because the compiler's own decoder would
///         meet short calldata with a nameless revert. A valid proof needs about 1.3 % more gas than it uses, since a
///         call passes on 63/64 at most.
contract {contract} {{
{errors}

    /// @notice Digest of the verification key that the constants below spell out.
    bytes32 public constant KEY_DIGEST = {digest};
    /// @notice Digest of the constraint system that the key was made for; 0 if whoever generated this did not know it.
    bytes32 public constant CIRCUIT_DIGEST = {circuit_digest};
    /// @notice The statement it is the key of.
    string public constant STATEMENT = "{statement}";
    /// @notice Whether a single party made the key and can forge proofs.
    bool public constant INSECURE = {insecure};

    /// @dev Orders of the scalar field and of the coordinate field.
    uint256 private constant R = {order};
    uint256 private constant P = {base_modulus};

{constants}

    /// @dev Precompiles of EIP-196 and EIP-197.
    uint256 private constant ECADD = 6;
    uint256 private constant ECMUL = 7;
    uint256 private constant ECPAIRING = 8;

    /// @dev Selectors of the errors above, and of I{contract}.verifyProof.
{selectors}
    uint256 private constant PRECOMPILE_MISSING = {precompile_missing};
    uint256 private constant VERIFY_PROOF = {verify_selector};

    /// @dev Refuses a chain without the precompiles.
    constructor() {{
        requirePrecompiles();
    }}

    /// @dev Takes all memory for itself and never returns to Solidity. Every answer of a precompile goes to memory that
    ///      nothing was written to before, and counts only if it has its full size.
    ///
    ///      0x000 A (2 words)    0x040 B (4 words)       the input of the pairing
    ///      0x0c0 C              0x100 -delta
    ///      0x180 vk_x           0x1c0 -gamma
    ///      0x240 alpha          0x280 -beta
    ///      0x300 the answer of the pairing
    ///      0x380 a point IC_i and its scalar (3 words)
    ///      0x400 the sums on the way to vk_x, each with the next term behind it (4 words); then, for a loop, the IC_i
    fallback() external {{
        assembly {{
            function fail(selector) {{
                mstore(0, selector)
                revert(0x1c, 4)
            }}
            // A precompile that is there does nothing without gas; a call of an empty address succeeds.
            function fail_if_missing(precompile) {{
                if staticcall(0, precompile, 0, 0, 0, 0) {{
                    mstore(0x00, PRECOMPILE_MISSING)
                    mstore(0x20, precompile)
                    revert(0x1c, 0x24)
                }}
            }}
            // The precompiles refuse coordinates that are not reduced; to look for one costs a valid proof nothing.
            function fail_without_answer() {{
                fail_if_missing(ECADD)
                fail_if_missing(ECMUL)
                fail_if_missing(ECPAIRING)
{canonical_coordinates}
                if iszero(reduced) {{ fail(COORDINATE_OUT_OF_FIELD) }}
                fail(PRECOMPILE_FAILED)
            }}

            if iszero(eq(shr(224, calldataload(0)), VERIFY_PROOF)) {{ revert(0, 0) }}
            if iszero(eq(calldatasize(), {calldata_size})) {{ fail(BAD_LENGTH) }}

{canonical_inputs}
            if iszero(canonical) {{ fail(INPUT_OUT_OF_FIELD) }}

            // vk_x = IC_0 + x_1 IC_1 + ...
            mstore(0x400, IC0_X)
            mstore(0x420, IC0_Y)
{terms}
            mcopy(0x180, {sum_place}, 0x40)

            // The proof words are in calldata in the order of the pairing: A and B, C.
            calldatacopy(0x000, 4, 0x100)
            mstore(0x100, MINUS_DELTA_X_IM)
            mstore(0x120, MINUS_DELTA_X_RE)
            mstore(0x140, MINUS_DELTA_Y_IM)
            mstore(0x160, MINUS_DELTA_Y_RE)
            mstore(0x1c0, MINUS_GAMMA_X_IM)
            mstore(0x1e0, MINUS_GAMMA_X_RE)
            mstore(0x200, MINUS_GAMMA_Y_IM)
            mstore(0x220, MINUS_GAMMA_Y_RE)
            mstore(0x240, ALPHA_X)
            mstore(0x260, ALPHA_Y)
            mstore(0x280, MINUS_BETA_X_IM)
            mstore(0x2a0, MINUS_BETA_X_RE)
            mstore(0x2c0, MINUS_BETA_Y_IM)
            mstore(0x2e0, MINUS_BETA_Y_RE)

            done := staticcall(gas(), ECPAIRING, 0, 0x300, 0x300, 0x20)
            if iszero(and(done, eq(returndatasize(), 0x20))) {{ fail_without_answer() }}
            if iszero(eq(mload(0x300), 1)) {{ fail(PROOF_REJECTED) }}
            stop()
        }}
    }}
}}

interface I{contract} {{
    /// @param proof  A.x A.y B.x.im B.x.re B.y.im B.y.re C.x C.y, as EIP-197 orders coordinates.
    /// @param inputs The public inputs in the order of the statement, each below r.
    function verifyProof(uint256[8] calldata proof, uint256[{inputs}] calldata inputs) external view;
}}
""".replace("{contract}", CONTRACT_NAME)
