// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IRiskOracle} from "./IRiskOracle.sol";
import {ISignerSets} from "./ISignerSets.sol";

/// @title What the court of epochs asks of its oracle, and does to it
interface IJudgedOracle is IRiskOracle, ISignerSets {
    /// @notice The root of a published epoch, whatever has become of it, whether it is frozen for good, and by a proof.
    function storedRootOf(uint40 epochId) external view returns (uint256 root, bool frozenForGood, bool refuted);

    /// @notice Live time of its publication.
    function liveAtOf(uint40 epochId) external view returns (uint40);

    /// @notice Leaves of it that somebody wants to be shown, and that nobody has shown yet.
    function openDemandsOf(uint40 epochId) external view returns (uint16);

    /// @notice Digest of its content, among the newest 64.
    function contentDigestOf(uint40 epochId) external view returns (bytes32);

    /// @notice Whose signatures it bears.
    function publishersOf(uint40 epochId) external view returns (address[] memory);

    /// @notice A proof has refuted an epoch: it is frozen for good. By the court alone.
    function refute(uint40 epochId) external;

    /// @notice A leaf of it is demanded: it is not final before all are shown. By the court alone.
    function openDemand(uint40 epochId) external;

    /// @notice A demand is settled; if the leaf is missing, the epoch is frozen for good. By the court alone.
    function closeDemand(uint40 epochId, bool missing) external;
}
