// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEpochRegistry} from "./IEpochRegistry.sol";
import {ILiveClock} from "./ILiveClock.sol";

/// @title What margin manager and vault ask of the oracle
interface IRiskOracle is IEpochRegistry, ILiveClock {
    /// @notice The newest epoch, final or not, frozen or not; 0 before the first.
    function latestEpochId() external view returns (uint40);

    /// @notice The newest epoch that is final and not frozen; 0 if none.
    function latestFinalEpochId() external view returns (uint40);

    /// @notice Whether an epoch is beyond challenge; false for an unknown or frozen one.
    function isFinal(uint40 epochId) external view returns (bool);

    /// @notice Whether the breaker is tripped.
    function isTripped() external view returns (bool);

    /// @notice keccak256(abi.encode(Factor[])) of (uint32 assetId, uint80 v, uint80 d), sorted by id.
    function factorsHashOf(uint40 epochId) external view returns (bytes32);

    /// @notice Seconds of liquidation lag that the epoch's model assumes.
    function lagSecondsOf(uint40 epochId) external view returns (uint32);
}
