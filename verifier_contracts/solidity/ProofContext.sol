// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

bytes32 constant CONTEXT_TYPEHASH = keccak256(
    "Attest(bytes32 statement,uint256 chainid,address manager,bytes32 keyDigest,address account,uint256 epochId,uint256 version,bytes32 actionHash)"
);

/// @dev The public input `context` of a proof (A3): what the proof is good for, and nothing else. The shift makes the
///      hash a field element. Each field stops one replay: statement a proof of another one; chain and manager another
///      deployment; account a copied commitment; epoch an equal root published again; version a commitment that comes
///      back; key a proof from before a rotation (no key ever returns: VerifierRegistry); action a proof meant for
///      something else. In assembly, which saves copies: the hash of abi.encode of the fields in their order.
/// @param manager    The contract that asks for the proof.
/// @param epochId    0 for a statement that reads no epoch.
/// @param actionHash 0 for an attestation.
function proofContext(
    address manager,
    bytes32 statement,
    bytes32 keyDigest,
    address account,
    uint40 epochId,
    uint40 version,
    bytes32 actionHash
) view returns (uint256 context) {
    uint256 fields = contextFields(manager, statement, keyDigest, epochId, actionHash);
    return contextOf(fields, account, version);
}

/// @dev What contexts of many accounts have in common, written once.
/// @return fields Place of the nine words in memory, which are nobody else's from now on.
function contextFields(address manager, bytes32 statement, bytes32 keyDigest, uint40 epochId, bytes32 actionHash)
    view
    returns (uint256 fields)
{
    bytes32 typehash = CONTEXT_TYPEHASH;
    assembly ("memory-safe") {
        fields := mload(0x40)
        mstore(0x40, add(fields, 0x120))
        mstore(fields, typehash)
        mstore(add(fields, 0x20), statement)
        mstore(add(fields, 0x40), chainid())
        mstore(add(fields, 0x60), shr(96, shl(96, manager)))
        mstore(add(fields, 0x80), keyDigest)
        mstore(add(fields, 0xc0), and(epochId, 0xffffffffff))
        mstore(add(fields, 0x100), actionHash)
    }
}

/// @dev The context of one account. Writes into the words of `contextFields` alone.
function contextOf(uint256 fields, address account, uint40 version) pure returns (uint256 context) {
    assembly ("memory-safe") {
        mstore(add(fields, 0xa0), shr(96, shl(96, account)))
        mstore(add(fields, 0xe0), and(version, 0xffffffffff))
        context := shr(8, keccak256(fields, 0x120))
    }
}
