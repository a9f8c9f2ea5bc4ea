// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a margin manager needs of a generated verifier with four public inputs
/// @dev   Implemented by the output of Tailproof's verifier generator.
interface IMarginVerifier {
    /// @notice Digest of the verification key that is written into the verifier's code.
    function KEY_DIGEST() external view returns (bytes32);

    /// @notice Digest of the constraint system that the key was made for.
    function CIRCUIT_DIGEST() external view returns (bytes32);

    /// @notice Whether the key comes from a single-party setup, whose maker can forge proofs.
    function INSECURE() external view returns (bool);

    /// @notice Returns nothing, and reverts with a named error unless the proof is valid.
    /// @param proof  A.x A.y B.x.im B.x.re B.y.im B.y.re C.x C.y, as EIP-197 orders coordinates.
    /// @param inputs context, epoch root, portfolio commitment, margin.
    function verifyProof(uint256[8] calldata proof, uint256[4] calldata inputs) external view;
}
