// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Time that stands still while nobody can be asked to act
/// @notice Live time is wall time minus stops: while liquidation is paused, the breaker is tripped or epochs are
///         missing. Deadlines run on live time, freshness on wall time.
interface ILiveClock {
    /// @notice Seconds; never runs backwards, and never faster than wall time.
    function liveTime() external view returns (uint256);
}
