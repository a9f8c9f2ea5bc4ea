// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Whose signatures count
interface ISignerSets {
    /// @notice Last second at which a publisher's signatures count; 0 if it never was one.
    function countsUntil(address publisher) external view returns (uint40);

    /// @notice Reverts unless a quorum of a set has signed a struct; a bit for each signer's index.
    function requireQuorum(uint16 generation, bytes32 structHash, bytes calldata signatures)
        external
        view
        returns (uint16 signed);

    /// @notice What is signed of a struct (EIP-712).
    function signedDigestOf(bytes32 structHash) external view returns (bytes32);
}
