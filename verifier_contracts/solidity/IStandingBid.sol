// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LotTerms} from "./LotTerms.sol";

/// @title The insurance fund as a bidder that always stands
interface IStandingBid {
    /// @notice Price at which the fund takes a lot, quote units; below 0 it pays. Must not revert: a lot needs it to open.
    function standingBid(LotTerms calldata terms) external view returns (int256);
}
