// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// Slots of the registry of verifiers, and the first fields of contexts.
bytes32 constant MARGIN = keccak256("margin");
bytes32 constant COVER = keccak256("cover");
bytes32 constant FLAT = keccak256("flat");
bytes32 constant TRANSITION = keccak256("transition");
bytes32 constant ESCROW = keccak256("escrow");
/// @dev An escrow to the keys of a shortlist.
bytes32 constant DELIVERY = keccak256("delivery");
bytes32 constant DISCLOSE = keccak256("disclose");
bytes32 constant BATCH_4 = keccak256("batch-4");
bytes32 constant BATCH_16 = keccak256("batch-16");
/// @dev What contexts inside a batch name, whatever its size; their keys tell sizes apart.
bytes32 constant BATCH = keccak256("batch");
