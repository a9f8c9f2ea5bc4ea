// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralVault} from "./ICollateralVault.sol";

/// @title Value of a token that stands for other assets: shares of a pool, or of an interest-bearing vault
/// @notice One adapter a token. `AssetMarks` asks it once an epoch and keeps the answer.
interface ILpAdapter {
    /// @notice What the adapter refuses to answer anybody else: it keeps what it saw the last time.
    error NotMarks(address sender);
    /// @notice The list has no factor for an asset that the token stands for.
    error FactorMissing(uint32 assetId);

    /// @notice Value of one smallest unit at haircut values, never at what a pool trades at, before the cost of leaving.
    ///         Reverts rather than guess.
    /// @param factors The list that the epoch was signed with; that has been checked.
    /// @return unit   2^-64 of 1e-6 quote units, rounded down.
    /// @return supply Units in existence, of which an account's share is taken.
    function mark(ICollateralVault.Factor[] calldata factors) external returns (uint256 unit, uint256 supply);

    /// @notice The token that it speaks of.
    function token() external view returns (address);
}

/// @dev v of an asset in a list, or FactorMissing.
function factorOf(ICollateralVault.Factor[] calldata factors, uint32 assetId) pure returns (uint256) {
    for (uint256 i = 0; i < factors.length; ++i) {
        if (factors[i].assetId == assetId) return factors[i].v;
    }
    revert ILpAdapter.FactorMissing(assetId);
}
