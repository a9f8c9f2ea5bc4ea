// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What a vault stores of an account, in one word from the low end, so that an account that holds the quote asset
///      alone is read at once:
///
///      quote       96 bits  of the quote asset, in its smallest unit
///      first       32 bits  lowest id of what else it holds, 0 if nothing
///      gainsUntil  48 bits  second from which all its gains may leave, 0 if it never had any
///      inLot        1 bit   whether it is being liquidated
///      nonce       32 bits  what its owner's signed withdrawals must name: as often as she has revoked them
type Purse is uint256;

/// @dev What a vault stores of another asset of an account, in one word from the low end. Ids rise along the chain.
///
///      amount  96 bits  in its smallest unit; above 0 for what is in the chain
///      next    32 bits  next higher id that the account holds, 0 behind the last
type Holding is uint256;

using {
    quote, first, gainsUntil, inLot, nonce, withQuote, withFirst, withGainsUntil, withLot, withNonce
} for Purse global;
using {amount, next, withAmount, withNext} for Holding global;

function quote(Purse purse) pure returns (uint96) {
    return uint96(Purse.unwrap(purse));
}

function first(Purse purse) pure returns (uint32) {
    return uint32(Purse.unwrap(purse) >> 96);
}

function gainsUntil(Purse purse) pure returns (uint48) {
    return uint48(Purse.unwrap(purse) >> 128);
}

function inLot(Purse purse) pure returns (bool) {
    return Purse.unwrap(purse) & 1 << 176 != 0;
}

function nonce(Purse purse) pure returns (uint32) {
    return uint32(Purse.unwrap(purse) >> 177);
}

function withQuote(Purse purse, uint96 amount_) pure returns (Purse) {
    return Purse.wrap(Purse.unwrap(purse) >> 96 << 96 | amount_);
}

function withFirst(Purse purse, uint32 id) pure returns (Purse) {
    return Purse.wrap(Purse.unwrap(purse) & ~(uint256(type(uint32).max) << 96) | uint256(id) << 96);
}

function withGainsUntil(Purse purse, uint48 moment) pure returns (Purse) {
    return Purse.wrap(Purse.unwrap(purse) & ~(uint256(type(uint48).max) << 128) | uint256(moment) << 128);
}

function withLot(Purse purse, bool is_) pure returns (Purse) {
    return Purse.wrap(Purse.unwrap(purse) & ~(uint256(1) << 176) | (is_ ? 1 << 176 : 0));
}

function withNonce(Purse purse, uint32 nonce_) pure returns (Purse) {
    return Purse.wrap(Purse.unwrap(purse) & ~(uint256(type(uint32).max) << 177) | uint256(nonce_) << 177);
}

function packHolding(uint96 amount_, uint32 next_) pure returns (Holding) {
    return Holding.wrap(uint256(amount_) | uint256(next_) << 96);
}

function amount(Holding holding) pure returns (uint96) {
    return uint96(Holding.unwrap(holding));
}

function next(Holding holding) pure returns (uint32) {
    return uint32(Holding.unwrap(holding) >> 96);
}

function withAmount(Holding holding, uint96 amount_) pure returns (Holding) {
    return packHolding(amount_, holding.next());
}

function withNext(Holding holding, uint32 next_) pure returns (Holding) {
    return packHolding(holding.amount(), next_);
}
