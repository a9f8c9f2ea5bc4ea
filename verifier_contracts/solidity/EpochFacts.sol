// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What the oracle stores of an epoch beside its root, in one word from the low end:
///
///      sequence     24 bits  how many were published before it
///      sinceLast    32 bits  its id less that of the one before, or less 0
///      liveAt       40 bits  live time of its publication: finality runs from here
///      blockNumber  40 bits  of its publication
///      lagSeconds   32 bits  as signed
///      heldUntil    40 bits  last second of the guardian's freeze, 0 if there was none; there is one an epoch
///      openDemands  16 bits  leaves that somebody wants to be shown
///      flags         4 bits  1: a demand has extended finality
///      signers      16 bits  a bit for each publisher whose signature it bears
///      generation   12 bits  of the set that they belong to
type EpochFacts is uint256;

using {
    sequence,
    sinceLast,
    liveAt,
    blockNumber,
    lagSeconds,
    heldUntil,
    openDemands,
    isExtended,
    signers,
    generation,
    withHeldUntil,
    withDemand,
    withoutDemand
} for EpochFacts global;

uint256 constant EXTENDED = 1 << 224;

function packFacts(
    uint24 sequence_,
    uint32 sinceLast_,
    uint40 liveAt_,
    uint40 blockNumber_,
    uint32 lagSeconds_,
    uint16 signers_,
    uint16 generation_
) pure returns (EpochFacts) {
    return EpochFacts.wrap(
        uint256(sequence_) | uint256(sinceLast_) << 24 | uint256(liveAt_) << 56
            | uint256(blockNumber_) << 96 | uint256(lagSeconds_) << 136
            | uint256(signers_) << 228 | uint256(generation_) << 244
    );
}

function sequence(EpochFacts facts) pure returns (uint24) {
    return uint24(EpochFacts.unwrap(facts));
}

function sinceLast(EpochFacts facts) pure returns (uint32) {
    return uint32(EpochFacts.unwrap(facts) >> 24);
}

function liveAt(EpochFacts facts) pure returns (uint40) {
    return uint40(EpochFacts.unwrap(facts) >> 56);
}

function blockNumber(EpochFacts facts) pure returns (uint40) {
    return uint40(EpochFacts.unwrap(facts) >> 96);
}

function lagSeconds(EpochFacts facts) pure returns (uint32) {
    return uint32(EpochFacts.unwrap(facts) >> 136);
}

function heldUntil(EpochFacts facts) pure returns (uint40) {
    return uint40(EpochFacts.unwrap(facts) >> 168);
}

function openDemands(EpochFacts facts) pure returns (uint16) {
    return uint16(EpochFacts.unwrap(facts) >> 208);
}

function signers(EpochFacts facts) pure returns (uint16) {
    return uint16(EpochFacts.unwrap(facts) >> 228);
}

function generation(EpochFacts facts) pure returns (uint16) {
    return uint16(EpochFacts.unwrap(facts) >> 244);
}

function isExtended(EpochFacts facts) pure returns (bool) {
    return EpochFacts.unwrap(facts) & EXTENDED != 0;
}

function withHeldUntil(EpochFacts facts, uint40 until) pure returns (EpochFacts) {
    return EpochFacts.wrap(
        EpochFacts.unwrap(facts) & ~(uint256(type(uint40).max) << 168) | uint256(until) << 168
    );
}

/// @dev One more leaf is demanded, which extends finality; reverts at 2**16 of them.
function withDemand(EpochFacts facts) pure returns (EpochFacts) {
    require(facts.openDemands() < type(uint16).max);
    return EpochFacts.wrap((EpochFacts.unwrap(facts) | EXTENDED) + (1 << 208));
}

/// @dev One demanded leaf fewer; the caller has seen that there is one.
function withoutDemand(EpochFacts facts) pure returns (EpochFacts) {
    return EpochFacts.wrap(EpochFacts.unwrap(facts) - (1 << 208));
}
