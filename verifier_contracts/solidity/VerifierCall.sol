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
