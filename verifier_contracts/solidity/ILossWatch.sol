// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Who knows of losses before they are paid
interface ILossWatch {
    /// @notice Accounts of which a shortfall was proven, or that are in a lot, and that are not resolved yet. While there
    ///         is one, nobody who would bear its loss leaves.
    function openLosses() external view returns (uint256);

    /// @notice Who is owed what of a loss was not paid at once; 0 where nobody is known.
    function creditorOf(bytes32 lossId) external view returns (address);
}
