// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What publishers sign of an epoch.
struct EpochContent {
    /// Time of publication in seconds since 1970; margins age from here.
    uint40 id;
    /// Last second at which it may be published. Who signed it signs nothing else with the same `previous` before.
    uint40 deadline;
    /// H(EPOCH; tree root, shape, regime[, assets root]).
    bytes32 root;
    /// keccak256 of the model file.
    bytes32 modelId;
    /// keccak256 tree of the same rows, see `rowDigest`.
    bytes32 dataRoot;
    /// keccak256(abi.encode(Factor[])), sorted by asset id.
    bytes32 factorsHash;
    /// Marks of the first four underlyings in 1e-6 quote units, 64 bits each from the low end; 0: there is none.
    uint256 marks;
    /// Correlation regime.
    uint16 regime;
    /// Liquidation lag that the scenarios cover, in seconds of wall time.
    uint32 lagSeconds;
    /// Digest of the content published before, 0 for the first.
    bytes32 previous;
}

bytes32 constant CONTENT_TYPEHASH = keccak256(
    "EpochContent(uint40 id,uint40 deadline,bytes32 root,bytes32 modelId,bytes32 dataRoot,bytes32 factorsHash,uint256 marks,uint16 regime,uint32 lagSeconds,bytes32 previous)"
);

/// @dev hashStruct of EIP-712. It names an epoch whatever the chain; signatures bind chain and oracle beside.
function contentDigest(EpochContent calldata content) pure returns (bytes32 digest) {
    bytes32 typeHash = CONTENT_TYPEHASH;
    assembly ("memory-safe") {
        let place := mload(0x40)
        mstore(place, typeHash)
        calldatacopy(add(place, 32), content, 320)
        digest := keccak256(place, 352)
    }
}

/// @dev Leaf of the `dataRoot` tree: kind is the tag of the leaf in the epoch, elements are its own, as residues below
///      r, the id first. Hashed twice, so that no node of the tree passes for a leaf.
function rowDigest(uint256 kind, uint256[] calldata elements) pure returns (bytes32) {
    return keccak256(bytes.concat(keccak256(abi.encode(kind, elements))));
}
