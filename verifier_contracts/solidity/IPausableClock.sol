// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What whoever pauses liquidation can do to live time
interface IPausableClock {
    /// @notice Stop live time from now on, for at most a day, once in seven.
    function stopClock(uint40 duration) external;

    /// @notice Let it go on before the stop lapses.
    function resumeClock() external;
}
