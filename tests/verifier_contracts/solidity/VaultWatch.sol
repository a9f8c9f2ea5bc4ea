// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Stands for the coordinator where the fund asks how many losses are open.
contract MockWatch {
    uint256 public openLosses;
    mapping(bytes32 lossId => address) public creditorOf;

    function set(uint256 losses) external {
        openLosses = losses;
    }

    function owe(bytes32 lossId, address creditor) external {
        creditorOf[lossId] = creditor;
    }
}
