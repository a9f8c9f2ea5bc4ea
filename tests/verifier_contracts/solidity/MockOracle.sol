// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IRiskOracle} from "./IRiskOracle.sol";

/// An oracle that says what a test tells it to.
contract MockOracle is IRiskOracle {
    uint40 public latestEpochId;
    uint40 public latestFinalEpochId;
    bool public isTripped;
    bytes32 public factorsHash;
    uint256 public stopped;
    mapping(uint40 => uint256) private roots;
    uint256 private constant FROZEN = 1 << 255;
    mapping(uint40 => bool) private finals;

    function publish(uint40 epochId, uint256 root) external {
        roots[epochId] = root;
        latestEpochId = epochId;
    }

    function freeze(uint40 epochId, bool is_) external {
        roots[epochId] = roots[epochId] & ~FROZEN | (is_ ? FROZEN : 0);
    }

    function finalise(uint40 epochId) external {
        finals[epochId] = true;
        latestFinalEpochId = epochId;
    }

    function setFactorsHash(bytes32 hash) external {
        factorsHash = hash;
    }

    function stop(uint256 seconds_) external {
        stopped = seconds_;
    }

    function rootOf(uint40 epochId) external view returns (uint256) {
        uint256 root = roots[epochId];
        if (root == 0) revert UnknownEpoch(epochId);
        if (root & FROZEN != 0) revert FrozenEpoch(epochId);
        return root;
    }

    function isFinal(uint40 epochId) external view returns (bool) {
        return finals[epochId] && roots[epochId] & FROZEN == 0;
    }

    function factorsHashOf(uint40) external view returns (bytes32) {
        return factorsHash;
    }

    function termsOf(uint40 epochId) external view returns (uint256, bytes32, bool) {
        return (this.rootOf(epochId), factorsHash, isTripped);
    }

    function lagSecondsOf(uint40) external pure returns (uint32) {
        return 220 minutes;
    }

    function liveTime() external view returns (uint256) {
        return block.timestamp - stopped;
    }
}
