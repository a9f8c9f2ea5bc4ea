// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVerifierRegistry} from "./IVerifierRegistry.sol";

/// @notice A registry of verifiers whose entries anybody sets.
contract MockRegistry is IVerifierRegistry {
    struct Entry {
        address verifier;
        bytes32 keyDigest;
    }

    mapping(bytes32 statement => Entry) private _entries;

    function set(bytes32 statement, address verifier, bytes32 keyDigest) external {
        _entries[statement] = Entry(verifier, keyDigest);
    }

    function active(bytes32 statement) external view returns (address, bytes32, uint32) {
        Entry memory entry = _entries[statement];
        if (entry.verifier == address(0)) revert NoVerifier(statement);
        return (entry.verifier, entry.keyDigest, 1);
    }

    function byGeneration(bytes32 statement, uint32) external view returns (address, bytes32) {
        return (_entries[statement].verifier, _entries[statement].keyDigest);
    }

    function isTrusted(bytes32, uint32) external pure returns (bool) {
        return true;
    }
}
