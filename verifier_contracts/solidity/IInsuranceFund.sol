// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What the coordinator asks of the fund
interface IInsuranceFund {
    /// @notice Pay the caller what tranches and caps allow of a loss, in the quote asset's smallest units; never reverts
    ///         for want of money.
    function cover(bytes32 lossId, address venue, address account, uint40 epochId, uint256 amount)
        external
        returns (uint256 paid);

    /// @notice Count what was sent to the fund without a call: slashed bonds.
    function bookReceived() external returns (uint256 amount);

    /// @notice What it would pay of a loss now, of the venue's tranche and of the shared one.
    function payableFor(address venue, address account, uint40 epochId, uint256 amount)
        external
        view
        returns (uint256 own, uint256 shared);
}
