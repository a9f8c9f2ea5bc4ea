// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What the coordinator tells who shares losses
interface ILossAllocator {
    /// @notice A loss that neither price nor fund paid: gains booked at the venue in [from, until] are cut, and what
    ///         remains stands as a deficit.
    /// @return haircut What gains will bear of it; the rest is the deficit.
    function recordLoss(bytes32 lossId, address venue, uint40 from, uint40 until, uint256 amount)
        external
        returns (uint256 haircut);
}
