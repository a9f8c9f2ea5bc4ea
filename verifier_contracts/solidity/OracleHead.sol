// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What the oracle stores of its newest epoch and of its breaker, in one word from the low end:
///
///      latestEpochId  40 bits
///      count          32 bits  epochs published
///      regime         16 bits  of the newest
///      gapFrom        40 bits  when epochs begin to be missing, unless another is published; the largest before the first
///      trippedAt      40 bits  when the breaker tripped, 0 while it has not
///      tripUntil      40 bits  when it resets whatever happens, unless it trips again
///      calm            8 bits  epochs since then that did not trip it
type OracleHead is uint256;

using {latestEpochId, count, regime, gapFrom, trippedAt, tripUntil, calm, withGapFrom, withBreaker} for OracleHead global;

function packHead(uint40 latestEpochId_, uint32 count_, uint16 regime_, uint40 gapFrom_) pure returns (OracleHead) {
    return OracleHead.wrap(
        uint256(latestEpochId_) | uint256(count_) << 40 | uint256(regime_) << 72 | uint256(gapFrom_) << 88
    );
}

function latestEpochId(OracleHead head) pure returns (uint40) {
    return uint40(OracleHead.unwrap(head));
}

function count(OracleHead head) pure returns (uint32) {
    return uint32(OracleHead.unwrap(head) >> 40);
}

function regime(OracleHead head) pure returns (uint16) {
    return uint16(OracleHead.unwrap(head) >> 72);
}

function gapFrom(OracleHead head) pure returns (uint40) {
    return uint40(OracleHead.unwrap(head) >> 88);
}

function trippedAt(OracleHead head) pure returns (uint40) {
    return uint40(OracleHead.unwrap(head) >> 128);
}

function tripUntil(OracleHead head) pure returns (uint40) {
    return uint40(OracleHead.unwrap(head) >> 168);
}

function calm(OracleHead head) pure returns (uint8) {
    return uint8(OracleHead.unwrap(head) >> 208);
}

function withGapFrom(OracleHead head, uint40 moment) pure returns (OracleHead) {
    return OracleHead.wrap(OracleHead.unwrap(head) & ~(uint256(type(uint40).max) << 88) | uint256(moment) << 88);
}

function withBreaker(OracleHead head, uint40 trippedAt_, uint40 tripUntil_, uint8 calm_) pure returns (OracleHead) {
    return OracleHead.wrap(
        OracleHead.unwrap(head) & type(uint128).max | uint256(trippedAt_) << 128 | uint256(tripUntil_) << 168
            | uint256(calm_) << 208
    );
}
