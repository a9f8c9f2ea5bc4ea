// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Time that deadlines run on
/// @notice Live time is wall time minus stops: pauses, a tripped breaker, a gap between epochs. Deadlines run on live
///         time, freshness on wall time.
interface ILiveClock {
    /// @return Seconds; it never runs backwards, and never faster than `block.timestamp`.
    function liveTime() external view returns (uint256);
}
