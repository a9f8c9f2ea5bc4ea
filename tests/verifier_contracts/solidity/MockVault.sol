// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralVault} from "./ICollateralVault.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {IRiskOracle} from "./IRiskOracle.sol";

interface ISettled {
    function settled(address account) external;
}

/// A vault with up to a few assets an account, that asks its ledger for whatever a test wants.
contract MockVault is ICollateralVault {
    IRiskOracle private immutable oracle;
    IMarginManager private immutable ledger;
    mapping(address => uint256) private held;
    mapping(address => mapping(uint32 => uint256)) private balances;

    constructor(IRiskOracle oracle_, IMarginManager ledger_) {
        oracle = oracle_;
        ledger = ledger_;
    }

    function set(address account, uint32 assetId, uint256 balance) external {
        held[account] |= 1 << assetId;
        balances[account][assetId] = balance;
    }

    /// What it holds for the account has no value any more.
    function breakDown(address account) external {
        held[account] |= 1 << 255;
    }

    function valueOf(address account, uint40 epochId, Factor[] calldata factors) external view returns (uint128) {
        require(keccak256(abi.encode(factors)) == oracle.factorsHashOf(epochId), "WrongFactors");
        return _valueOf(account, factors);
    }

    function valuationOf(address account, uint40, Factor[] calldata factors) external view returns (uint128) {
        return _valueOf(account, factors);
    }

    function valuations(address[] calldata accounts, uint40, Factor[] calldata factors)
        external
        view
        returns (uint128[] memory values)
    {
        values = new uint128[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (held[accounts[i]] >> 255 == 0) values[i] = _valueOf(accounts[i], factors);
        }
    }

    function _valueOf(address account, Factor[] calldata factors) private view returns (uint128) {
        uint256 assets = held[account];
        require(assets >> 255 == 0, "no value");
        uint256 value;
        for (uint256 i = 0; i < factors.length; ++i) {
            uint32 id = factors[i].assetId;
            if (assets >> id & 1 == 1) value += balances[account][id] * factors[i].v >> 64;
        }
        return uint128(value);
    }

    function balanceOf(address, address) external pure returns (uint256) {
        return 0;
    }

    function cover(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash,
        uint128 value,
        uint128 claimed,
        uint256[8] calldata proof
    ) external {
        ledger.coverAction(account, epochId, version, actionHash, value, claimed, proof);
    }

    function check(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash,
        uint128 value,
        uint128 claimed,
        uint256[8] calldata proof
    ) external view {
        ledger.checkCover(account, epochId, version, actionHash, value, claimed, proof);
    }

    function flat(address account, uint40 version, bytes32 actionHash, uint256[8] calldata proof) external {
        ledger.flatForAction(account, version, actionHash, proof);
    }

    function settle(address account) external {
        ISettled(address(ledger)).settled(account);
    }
}
