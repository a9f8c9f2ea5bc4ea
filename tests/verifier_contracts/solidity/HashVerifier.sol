// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Stands for a generated verifier where thousands of proofs are shown: a proof is a hash of the key and of what it is of.
/// Whoever knows what a verifier looks at makes one for anything; what tests may claim is for their models to say.
contract HashVerifier {
    bytes32 public immutable KEY_DIGEST;
    bytes32 public constant CIRCUIT_DIGEST = bytes32(uint256(7));
    bool public constant INSECURE = true;

    error ProofRejected();

    constructor(bytes32 keyDigest) {
        KEY_DIGEST = keyDigest;
    }

    function verifyProof(uint256[8] calldata proof, uint256[2] calldata inputs) external view {
        _require(proof[0], abi.encode(KEY_DIGEST, inputs));
    }

    function verifyProof(uint256[8] calldata proof, uint256[3] calldata inputs) external view {
        _require(proof[0], abi.encode(KEY_DIGEST, inputs));
    }

    function verifyProof(uint256[8] calldata proof, uint256[4] calldata inputs) external view {
        _require(proof[0], abi.encode(KEY_DIGEST, inputs));
    }

    function verifyProof(uint256[8] calldata proof, uint256[5] calldata inputs) external view {
        _require(proof[0], abi.encode(KEY_DIGEST, inputs));
    }

    function _require(uint256 given, bytes memory content) private pure {
        if (given != uint256(keccak256(content))) revert ProofRejected();
    }
}
