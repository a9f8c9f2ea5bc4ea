// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Call somebody who is not trusted: with so much gas at most, and of the answer no more is copied than `count` words
///      (at most 3), however much is returned. Whatever is not an answer of exactly so many words is none, also that of an
///      address without code. Of a refusal the first four bytes are kept.
///
///      Whoever brings less gas than the stipend makes a good call fail: nothing may follow from a failure but that all
///      is reverted.
function boundedCall(address target, uint256 stipend, bytes memory data, uint256 count, bool readOnly)
    returns (bool whole, uint256[3] memory words, bytes4 reason)
{
    assembly ("memory-safe") {
        let place := add(data, 0x20)
        let size := shl(5, count)
        switch readOnly
        case 0 { whole := call(stipend, target, 0, place, mload(data), words, size) }
        default { whole := staticcall(stipend, target, place, mload(data), words, size) }
        if and(iszero(whole), gt(returndatasize(), 3)) {
            returndatacopy(0, 0, 4)
            reason := and(mload(0), shl(224, 0xffffffff))
        }
        whole := and(whole, eq(returndatasize(), size))
    }
}
