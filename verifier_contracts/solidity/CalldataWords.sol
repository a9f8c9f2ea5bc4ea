// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BN254_ORDER} from "./Bn254.sol";

/// @notice A word is not below r: its residue would pass for it in a proof, and nobody could read what was posted.
error WordOutOfField(uint256 place);

/// @dev Puts words of calldata behind what is known already; each has to be a field element.
/// @param content Tag, key digest and what comes before the words, with room for them.
/// @param first   Where the first word belongs.
function putWords(uint256[] memory content, uint256 first, uint256[] calldata words) pure {
    uint256 bad = type(uint256).max;
    assembly ("memory-safe") {
        let target := add(content, shl(5, add(first, 1)))
        let size := shl(5, words.length)
        calldatacopy(target, words.offset, size)
        for { let i := 0 } lt(i, size) { i := add(i, 0x20) } {
            if iszero(lt(mload(add(target, i)), BN254_ORDER)) {
                bad := shr(5, i)
                break
            }
        }
    }
    if (bad != type(uint256).max) revert WordOutOfField(bad);
}

/// @dev The two public inputs that tie words of calldata to a circuit's own y (X8, D1; B3 of docs/statements.md): the
///      challenge is keccak256 of everything >> 8, the evaluation sum_k y_k challenge^k modulo r. What is proven about is
///      fixed before the challenge is known: by the digest, which is hashed last, or because it *is* the commitment. Then a
///      y that differs from the circuit's in one word agrees with it at one of 2^248 challenges for each of its words.
/// @param content Tag, key digest, y, and the digest if there is one.
/// @param from    Place of y_0.
/// @param to      Place behind the last.
function challengeAndEvaluation(uint256[] memory content, uint256 from, uint256 to)
    pure
    returns (uint256 challenge, uint256 evaluation)
{
    assembly ("memory-safe") {
        let start := add(content, 0x20)
        challenge := shr(8, keccak256(start, shl(5, mload(content))))
        let last := add(start, shl(5, from))
        for { let k := add(start, shl(5, to)) } gt(k, last) {} {
            k := sub(k, 0x20)
            evaluation := addmod(mulmod(evaluation, challenge, BN254_ORDER), mload(k), BN254_ORDER)
        }
    }
}
