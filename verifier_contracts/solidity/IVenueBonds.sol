// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What the coordinator asks of settlement
interface IVenueBonds {
    /// @notice Take from a venue's bond, also from what is leaving (role: coordinator).
    /// @return taken At most what there is.
    function slashBond(address venue, uint256 amount, address to) external returns (uint256 taken);

    /// @notice Pay into a venue's clearing account.
    function fundClearing(address venue, uint256 amount) external;
}
