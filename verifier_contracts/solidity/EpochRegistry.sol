// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControlDefaultAdminRules} from
    "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";

import {BN254_ORDER} from "./Bn254.sol";
import {IEpochRegistry} from "./IEpochRegistry.sol";

/// @title The published epochs: which scenario set was in force when
/// @notice An epoch is a set of scenarios with the value change of every instrument in each of them. Its root commits
///         to all of that. What cannot be checked here is checked before publication by whoever holds the publisher
///         role: the epoch is rebuilt from its source data (`tailproof epoch check`) and the roots compared.
contract EpochRegistry is IEpochRegistry, AccessControlDefaultAdminRules {
    /// @notice May publish epochs. Meant for a quorum, each member of which has rebuilt the epoch.
    bytes32 public constant PUBLISHER_ROLE = keccak256("PUBLISHER_ROLE");
    /// @notice May freeze an epoch that was found to be wrong.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @dev Roots are below 2**254, so the top bit of their word is free to say "frozen" without a second slot.
    uint256 private constant FROZEN = 1 << 255;

    /// @notice The newest epoch; 0 before the first.
    uint40 public latestEpochId;
    /// @notice Digest of the model file that an epoch was built from; 0 if there is no such epoch.
    mapping(uint40 epochId => bytes32) public modelIdOf;
    mapping(uint40 epochId => uint256) private _roots;

    event EpochPublished(uint40 indexed epochId, uint256 root, bytes32 indexed modelId);
    event EpochFrozen(uint40 indexed epochId);

    /// @notice An epoch id is the time of publication: it must exceed the last and not lie in the future.
    error EpochNotIncreasing(uint40 epochId, uint40 latestEpochId);
    error EpochInFuture(uint40 epochId, uint256 blockTimestamp);
    error RootOutOfField(uint256 root);
    error ModelIdMissing();

    /// @param adminDelay Seconds between the announcement of a new admin and its acceptance.
    constructor(address admin, uint48 adminDelay, address publisher, address guardian)
        AccessControlDefaultAdminRules(adminDelay, admin)
    {
        _grantRole(PUBLISHER_ROLE, publisher);
        _grantRole(GUARDIAN_ROLE, guardian);
    }

    /// @notice Publish the root of an epoch. An older root may be published again under a new id: every proof is bound
    ///         to the id, so this revives none.
    /// @param epochId Time of publication in seconds since 1970; margins age from here.
    /// @param root    H(EPOCH; tree root, shape, regime).
    /// @param modelId Digest of the model file.
    function publishEpoch(uint40 epochId, uint256 root, bytes32 modelId) external onlyRole(PUBLISHER_ROLE) {
        if (epochId > block.timestamp) revert EpochInFuture(epochId, block.timestamp);
        if (epochId <= latestEpochId) revert EpochNotIncreasing(epochId, latestEpochId);
        if (root == 0 || root >= BN254_ORDER) revert RootOutOfField(root);
        if (modelId == 0) revert ModelIdMissing();
        latestEpochId = epochId;
        modelIdOf[epochId] = modelId;
        _roots[epochId] = root;
        emit EpochPublished(epochId, root, modelId);
    }

    /// @notice Withdraw an epoch for good: no margin is accepted under it, and none that was is readable any more.
    function freezeEpoch(uint40 epochId) external onlyRole(GUARDIAN_ROLE) {
        _roots[epochId] = rootOf(epochId) | FROZEN;
        emit EpochFrozen(epochId);
    }

    /// @inheritdoc IEpochRegistry
    function rootOf(uint40 epochId) public view returns (uint256 root) {
        root = _roots[epochId];
        if (root == 0) revert UnknownEpoch(epochId);
        if (root & FROZEN != 0) revert FrozenEpoch(epochId);
    }
}
