// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What a manager stores of an account, in one word from the low end:
///
///      margin     128 bits  last proven, in 1e-6 quote units; it binds nobody while `attestedAt` is 0
///      epochId     40 bits  epoch of that proof; it outlives a new commitment, so that no later proof may use an
///                           older epoch
///      version     40 bits  rises with each commitment (and each action, once there are any), never with an
///                           attestation: otherwise an older valid proof, submitted first, would kill a newer one
///      attestedAt  48 bits  time of the attestation, 0 while this version has none
///
///      A struct would be the same word, but the compiler reads and writes it once for each field.
type AccountState is uint256;

using {margin, epochId, version, attestedAt} for AccountState global;

function packState(uint128 margin_, uint40 epochId_, uint40 version_, uint48 attestedAt_) pure returns (AccountState) {
    return AccountState.wrap(
        uint256(margin_) | uint256(epochId_) << 128 | uint256(version_) << 168 | uint256(attestedAt_) << 208
    );
}

function margin(AccountState state) pure returns (uint128) {
    return uint128(AccountState.unwrap(state));
}

function epochId(AccountState state) pure returns (uint40) {
    return uint40(AccountState.unwrap(state) >> 128);
}

function version(AccountState state) pure returns (uint40) {
    return uint40(AccountState.unwrap(state) >> 168);
}

function attestedAt(AccountState state) pure returns (uint48) {
    return uint48(AccountState.unwrap(state) >> 208);
}
