// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LotTerms} from "./LotTerms.sol";

/// @notice Where a lot is. The last three are ends: each lot comes to one of them, once.
/// @param Sealed   A minute in which nobody commits any more and nobody reveals yet.
/// @param Clearing Anybody may find out who has won.
enum Stage {
    None,
    Blind,
    Disclosure,
    Commit,
    Sealed,
    Reveal,
    Clearing,
    Award,
    Settled,
    Voided,
    Failed
}

/// @title The auction of a whole portfolio, as coordinator and escrow see it
interface IAuctionHouse {
    /// @notice Begin a lot (role: coordinator).
    function open(LotTerms calldata terms) external;

    /// @notice Say that the shortfall of a lot's account is proven under a final epoch (role: coordinator): from then on
    ///         it may be sold below its reserve.
    function showShortfall(uint256 lotId) external;

    /// @notice End a lot without a sale and without anybody's fault (role: coordinator). Every bond comes back.
    function voidLot(uint256 lotId) external;

    /// @notice End a lot by its sale (role: coordinator, in the transaction that moves the basket).
    /// @param receiver Gets the price, if it is above 0.
    /// @return bidder  Who won.
    /// @return price   Quote units that he paid; below 0 the fund owes him so much, and nothing was paid here.
    function settle(uint256 lotId, address receiver) external returns (address bidder, int256 price);

    function stageOf(uint256 lotId) external view returns (Stage);

    /// @notice Places of the shortlist, once the blind stage is over: the fund first, and of each its encryption key.
    function shortlistOf(uint256 lotId)
        external
        view
        returns (address[5] memory bidders, uint256[2][5] memory keys, uint8 count);

    /// @notice Who may carry the lot away, or has, and at what price; reverts in all other stages.
    function winnerOf(uint256 lotId) external view returns (address bidder, int256 price);
}
