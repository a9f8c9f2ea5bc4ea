// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice There is no code where a verifier should be: a call of nothing succeeds.
error VerifierWithoutCode(address verifier);

/// @dev verifier.verifyProof(proof, [a, b, c, d]), without building the array in memory first. A verifier returns
///      nothing, and reverts with a named error unless the proof holds: its revert is passed on.
function requireProof(address verifier, uint256[8] calldata proof, uint256 a, uint256 b, uint256 c, uint256 d) view {
    if (verifier.code.length == 0) revert VerifierWithoutCode(verifier);
    uint256 selector = uint32(bytes4(keccak256("verifyProof(uint256[8],uint256[4])")));
    assembly ("memory-safe") {
        let data := mload(0x40)
        mstore(data, shl(224, selector))
        calldatacopy(add(data, 0x04), proof, 0x100)
        mstore(add(data, 0x104), a)
        mstore(add(data, 0x124), b)
        mstore(add(data, 0x144), c)
        mstore(add(data, 0x164), d)
        if iszero(staticcall(gas(), verifier, data, 0x184, 0, 0)) {
            returndatacopy(data, 0, returndatasize())
            revert(data, returndatasize())
        }
    }
}

/// @dev The same, or `book` says that the verifier has accepted a proof of these inputs before (BatchAttestor.isShown). No
///      proof begins with 0 (no point of the curve has x = 0), so where one does, none was sent; and where nothing was shown
///      the verifier refuses it. In assembly for what stack and memory would cost every proof that is sent.
function requireProofOrShown(
    address book,
    address verifier,
    uint256[8] calldata proof,
    uint256 a,
    uint256 b,
    uint256 c,
    uint256 d
) view {
    if (verifier.code.length == 0) revert VerifierWithoutCode(verifier);
    uint256 selector = uint32(bytes4(keccak256("verifyProof(uint256[8],uint256[4])")));
    uint256 asking = uint32(bytes4(keccak256("isShown(address,uint256,uint256,uint256,uint256)")));
    assembly ("memory-safe") {
        let data := mload(0x40)
        mstore(add(data, 0x104), a)
        mstore(add(data, 0x124), b)
        mstore(add(data, 0x144), c)
        mstore(add(data, 0x164), d)
        let shown := 0
        if iszero(calldataload(proof)) {
            mstore(add(data, 0xc4), asking)
            mstore(add(data, 0xe4), verifier)
            if staticcall(gas(), book, add(data, 0xe0), 0xa4, 0, 0x20) {
                if gt(returndatasize(), 0x1f) { shown := eq(mload(0), 1) }
            }
        }
        if iszero(shown) {
            mstore(data, shl(224, selector))
            calldatacopy(add(data, 0x04), proof, 0x100)
            if iszero(staticcall(gas(), verifier, data, 0x184, 0, 0)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
        }
    }
}
