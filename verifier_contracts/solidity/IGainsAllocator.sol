// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What the vault and its settlement tell whoever charges losses to gains, and ask of it
interface IGainsAllocator {
    /// @notice An account gained, or lost what it had gained (vault only; of an account that is settled).
    /// @param delta     Quote units.
    /// @param maturesAt Second from which a gain may leave.
    function booked(address account, int256 delta, uint48 maturesAt) external;

    /// @notice A venue's clearing account gained (settlement only).
    function clearingGained(address venue, uint256 amount) external;

    /// @notice Charge an account's gains up to now (vault only, which debits what is due).
    /// @return due   Quote units.
    /// @return taken Charged, now or before, to gains that may not leave yet.
    /// @return open  Whether any gain is left that could be charged, or may not leave.
    function settle(address account) external returns (uint256 due, uint256 taken, bool open);

    /// @notice Forget an account's gains: its basket goes to another (vault only; of an account that is settled).
    function basketMoved(address account) external;

    /// @notice What `settle` would say.
    function statusOf(address account) external view returns (uint256 due, uint256 taken);
}
