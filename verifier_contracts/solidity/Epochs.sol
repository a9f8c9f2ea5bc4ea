// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralVault} from "./ICollateralVault.sol";
import {IRiskOracle} from "./IRiskOracle.sol";

/// @notice The list is not the one that the epoch was signed with.
error WrongFactors(uint40 epochId, bytes32 expected, bytes32 actual);
/// @notice The oracle failed without saying why, as for want of gas.
error OracleSilent(uint40 epochId);

/// @dev That a list of factors is the one an epoch was signed with. An unknown epoch has the hash 0, which no list has.
function requireFactors(IRiskOracle oracle, uint40 epochId, ICollateralVault.Factor[] calldata factors) view {
    requireFactorsHash(epochId, oracle.factorsHashOf(epochId), factors);
}

/// @dev The same with the hash that the oracle said: keccak256(abi.encode(factors)), over the calldata as it stands, in
///      memory behind what Solidity has allocated, which nobody reads again. An element that has bits which its type has
///      not makes another hash than any that was signed.
function requireFactorsHash(uint40 epochId, bytes32 expected, ICollateralVault.Factor[] calldata factors) pure {
    bytes32 actual;
    assembly ("memory-safe") {
        let list := mload(0x40)
        let size := mul(factors.length, 0x60)
        mstore(list, 0x20)
        mstore(add(list, 0x20), factors.length)
        calldatacopy(add(list, 0x40), factors.offset, size)
        actual := keccak256(list, add(size, 0x40))
    }
    if (actual != expected) revert WrongFactors(epochId, expected, actual);
}

/// @dev Whether the oracle refuses the root of an epoch, and says why: a call that ran out of gas says nothing, and must
///      not pass for a refusal.
function isFrozen(IRiskOracle oracle, uint40 epochId) view returns (bool) {
    try oracle.rootOf(epochId) returns (uint256) {
        return false;
    } catch (bytes memory reason) {
        if (reason.length == 0) revert OracleSilent(epochId);
        return true;
    }
}
