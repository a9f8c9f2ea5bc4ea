// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {IJudgedOracle} from "./IJudgedOracle.sol";

/// @title What publishers lose by a lie, and who gets it
/// @notice Stakes are in the chain's own coin. Nothing is ever pushed: what somebody is owed waits until it is claimed.
abstract contract PublisherStakes {
    /// @notice The oracle whose epochs are judged here.
    IJudgedOracle public immutable oracle;
    /// @notice What a publisher must have staked to be seated, and loses by one lie.
    uint256 public immutable stakeRequired;
    /// @notice Seconds for which a stake is held after the publisher's signatures have ceased to count.
    uint256 public constant STAKE_HELD = 7 days;

    mapping(address publisher => uint256) public stakeOf;
    /// @notice What can be claimed.
    mapping(address claimant => uint256) public owedTo;
    /// @notice What is left of slashed stakes after rewards; the insurance fund's.
    uint256 public forfeited;

    event Staked(address indexed publisher, uint256 amount);
    event Unstaked(address indexed publisher, uint256 amount);
    event PublisherSlashed(address indexed publisher, uint256 amount);
    event RewardOwed(address indexed claimant, uint256 amount);
    event Claimed(address indexed claimant, address indexed to, uint256 amount);

    error StakeMissing(address publisher, uint256 staked, uint256 required);
    error StakeHeld(address publisher, uint256 until);
    error NothingOwed(address claimant);
    error NotOracle(address sender);
    error SettingMissing(string name);

    constructor(IJudgedOracle oracle_, uint256 stakeRequired_) {
        if (address(oracle_).code.length == 0) revert SettingMissing("oracle");
        // Without one, lies cost nothing and nobody is paid for showing them.
        if (stakeRequired_ == 0) revert SettingMissing("stakeRequired");
        oracle = oracle_;
        stakeRequired = stakeRequired_;
    }

    /// @notice Stake for a publisher; anyone may.
    function stake(address publisher) external payable {
        stakeOf[publisher] += msg.value;
        emit Staked(publisher, msg.value);
    }

    /// @notice Take one's stake back: once one's signatures have not counted for seven days.
    function unstake() external {
        uint256 until = oracle.countsUntil(msg.sender);
        if (until != 0 && block.timestamp <= until + STAKE_HELD) revert StakeHeld(msg.sender, until + STAKE_HELD);
        uint256 amount = stakeOf[msg.sender];
        stakeOf[msg.sender] = 0;
        emit Unstaked(msg.sender, amount);
        _owe(msg.sender, amount);
    }

    /// @notice Have what one is owed sent to an address of one's choice.
    function claim(address payable to) external {
        uint256 amount = owedTo[msg.sender];
        if (amount == 0) revert NothingOwed(msg.sender);
        owedTo[msg.sender] = 0;
        emit Claimed(msg.sender, to, amount);
        Address.sendValue(to, amount);
    }

    /// @notice Credit what is left of slashed stakes; by the oracle, which asks its own governance.
    function assignForfeited(address to) external {
        if (msg.sender != address(oracle)) revert NotOracle(msg.sender);
        uint256 amount = forfeited;
        forfeited = 0;
        _owe(to, amount);
    }

    /// @notice Reverts unless a publisher has staked enough to be seated.
    function requireStake(address publisher) external view {
        uint256 staked = stakeOf[publisher];
        if (staked < stakeRequired) revert StakeMissing(publisher, staked, stakeRequired);
    }

    /// @dev Take from a publisher what one lie costs, or what is left.
    function _slash(address publisher) internal returns (uint256 amount) {
        amount = stakeOf[publisher];
        if (amount > stakeRequired) amount = stakeRequired;
        stakeOf[publisher] -= amount;
        emit PublisherSlashed(publisher, amount);
    }

    /// @dev Share out what was slashed: at most all of it to whoever showed the lie, the rest is forfeited.
    function _reward(address claimant, uint256 wanted, uint256 slashed) internal {
        uint256 reward = wanted < slashed ? wanted : slashed;
        forfeited += slashed - reward;
        _owe(claimant, reward);
    }

    function _owe(address claimant, uint256 amount) internal {
        if (amount == 0) return;
        owedTo[claimant] += amount;
        emit RewardOwed(claimant, amount);
    }
}
