// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEpochRegistry} from "./IEpochRegistry.sol";
import {ILiveClock} from "./ILiveClock.sol";

/// @title What contracts that hold money need to know of published epochs
interface IRiskOracle is IEpochRegistry, ILiveClock {
    /// @notice The newest epoch, final or not, frozen or not; 0 before the first.
    function latestEpochId() external view returns (uint40);

    /// @notice The newest epoch that is final and not frozen: it stands in where the latest does not; 0 if none.
    function latestFinalEpochId() external view returns (uint40);

    /// @notice Whether an epoch could be refuted for long enough and was not; false for unknown or frozen.
    function isFinal(uint40 epochId) external view returns (bool);

    /// @notice Whether prices or the regime jumped, or an independent reference disagrees: nothing may open or leave.
    function isTripped() external view returns (bool);

    /// @notice keccak256(abi.encode(Factor[])) of (uint32 assetId, uint80 v, uint80 d) sorted by id.
    function factorsHashOf(uint40 epochId) external view returns (bytes32);

    /// @notice What collateral is proven and counted by under an epoch, and whether anything may leave, in one call;
    ///         reverts where `rootOf` or `factorsHashOf` do.
    function termsOf(uint40 epochId) external view returns (uint256 root, bytes32 factorsHash, bool tripped);

    /// @notice Liquidation lag that the epoch's scenarios cover, in seconds of wall time.
    function lagSecondsOf(uint40 epochId) external view returns (uint32);
}
