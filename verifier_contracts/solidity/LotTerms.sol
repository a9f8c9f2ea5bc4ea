// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What is public of an account that is sold as a whole: its commitment with its basket.
/// @param lotId   Never 0, never used twice.
/// @param epochId Epoch of the margin and of V.
/// @param version Of the account; another one is another lot.
/// @param value   V as the vault counts it, haircuts off: epochs' factors say nothing else. 10^-6 quote units.
/// @param margin  M, public by now, 10^-6 quote units.
/// @param horizon lagSeconds that the epoch's scenarios cover.
struct LotTerms {
    uint256 lotId;
    address account;
    uint40 epochId;
    uint40 version;
    uint128 value;
    uint128 margin;
    uint32 horizon;
}
