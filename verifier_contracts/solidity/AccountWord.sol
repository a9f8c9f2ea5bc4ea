// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What a ledger stores of an account, in one word from the low end:
///
///      value       96 bits  1e-6 quote units: the proven margin, or, in cover mode, the collateral that was proven to
///                           cover a hidden one
///      epochId     40 bits  epoch of that proof; it outlives a new commitment, so that no later proof may use an older
///                           epoch
///      version     40 bits  rises with each commitment and each action, never with an attestation: otherwise an older
///                           valid proof, submitted first, would kill a newer one
///      attestedAt  40 bits  time of the proof, 0 while this version has none
///      basis        8 bits  what the entry rests on: source (3 bits) and generation of its verifier (5 bits)
///      clock       32 bits  while called, the live time of the call; else the last second (of wall time) that the last
///                           cover is good for, 0 if there never was one
type AccountWord is uint256;

using {value, epochId, version, attestedAt, basis, clock, source, generation, withCover} for AccountWord global;

/// @dev What an entry was proven by. With generation 0, which no verifier has: nothing, or a call.
type Basis is uint8;

Basis constant NOTHING = Basis.wrap(0);
Basis constant CALLED = Basis.wrap(1);

/// @dev Sources of a basis whose generation is not 0: the registry's slot that verified it, and whether the margin is
///      known to be covered.
uint256 constant BY_MARGIN = 0;
uint256 constant BY_BATCH_4 = 1;
uint256 constant BY_BATCH_16 = 2;
/// @dev Added to one of the above: the margin counts as cover.
uint256 constant AND_COVERED = 3;
uint256 constant BY_COVER = 6;
uint256 constant BY_FLAT = 7;

/// @dev Margins are below 2^91 by the statement's bounds; V is below 2^96.
uint256 constant MARGIN_END = 1 << 91;
uint256 constant VALUE_END = 1 << 96;

using {equals as ==, differs as !=} for Basis global;

function equals(Basis a, Basis b) pure returns (bool) {
    return Basis.unwrap(a) == Basis.unwrap(b);
}

function differs(Basis a, Basis b) pure returns (bool) {
    return Basis.unwrap(a) != Basis.unwrap(b);
}

/// @dev generation is below 32: the registry makes no more.
function basisOf(uint256 source_, uint32 generation_) pure returns (Basis) {
    return Basis.wrap(uint8(source_ | uint256(generation_) << 3));
}

function generationOf(Basis basis_) pure returns (uint32) {
    return Basis.unwrap(basis_) >> 3;
}

function packWord(uint96 value_, uint40 epochId_, uint40 version_, uint40 attestedAt_, Basis basis_, uint32 clock_)
    pure
    returns (AccountWord)
{
    return AccountWord.wrap(
        uint256(value_) | uint256(epochId_) << 96 | uint256(version_) << 136 | uint256(attestedAt_) << 176
            | uint256(Basis.unwrap(basis_)) << 216 | uint256(clock_) << 224
    );
}

/// @dev The word with a value and a version where it has neither.
function withCover(AccountWord word, uint96 value_, uint40 version_) pure returns (AccountWord) {
    return AccountWord.wrap(AccountWord.unwrap(word) | uint256(value_) | uint256(version_) << 136);
}

function value(AccountWord word) pure returns (uint96) {
    return uint96(AccountWord.unwrap(word));
}

function epochId(AccountWord word) pure returns (uint40) {
    return uint40(AccountWord.unwrap(word) >> 96);
}

function version(AccountWord word) pure returns (uint40) {
    return uint40(AccountWord.unwrap(word) >> 136);
}

function attestedAt(AccountWord word) pure returns (uint40) {
    return uint40(AccountWord.unwrap(word) >> 176);
}

function basis(AccountWord word) pure returns (Basis) {
    return Basis.wrap(uint8(AccountWord.unwrap(word) >> 216));
}

function clock(AccountWord word) pure returns (uint32) {
    return uint32(AccountWord.unwrap(word) >> 224);
}

/// @dev Means nothing where the generation is 0.
function source(AccountWord word) pure returns (uint256) {
    return AccountWord.unwrap(word) >> 216 & 7;
}

function generation(AccountWord word) pure returns (uint32) {
    return uint32(AccountWord.unwrap(word) >> 219 & 31);
}
