// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a margin manager needs to know about published epochs
interface IEpochRegistry {
    /// @notice No epoch with this id was published.
    error UnknownEpoch(uint40 epochId);
    /// @notice The epoch was found to be wrong after its publication; nothing may rest on it.
    error FrozenEpoch(uint40 epochId);

    /// @notice The root of a published, unfrozen epoch; reverts for any other.
    /// @param epochId Time of publication in seconds since 1970.
    /// @return root   Below the order of BN254, never 0.
    function rootOf(uint40 epochId) external view returns (uint256 root);
}
