// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralVault} from "./ICollateralVault.sol";

/// @notice The vault did not answer with a value of 128 bits for each account.
error VaultAnswerMalformed();

/// @dev vault.valuations(accounts, epochId, factors), each part copied once. The call's data and then its answer lie in
///      memory that is allocated for the answer; everything behind the answer's first word is an array as Solidity has it.
function valuations(
    ICollateralVault vault,
    address[] memory accounts,
    uint40 epochId,
    ICollateralVault.Factor[] calldata factors
) view returns (uint128[] memory values) {
    uint256 selector = uint32(ICollateralVault.valuations.selector);
    bool whole;
    assembly ("memory-safe") {
        let data := mload(0x40)
        let size := shl(5, mload(accounts))
        let list := mul(factors.length, 0x60)
        mstore(data, selector)
        mstore(add(data, 0x20), 0x60)
        mstore(add(data, 0x40), and(epochId, 0xffffffffff))
        mstore(add(data, 0x60), add(0x80, size))
        mcopy(add(data, 0x80), accounts, add(size, 0x20))
        mstore(add(data, add(0xa0, size)), factors.length)
        calldatacopy(add(data, add(0xc0, size)), factors.offset, list)
        if iszero(staticcall(gas(), vault, add(data, 0x1c), add(0xa4, add(size, list)), 0, 0)) {
            returndatacopy(data, 0, returndatasize())
            revert(data, returndatasize())
        }
        values := add(data, 0x20)
        if eq(returndatasize(), add(size, 0x40)) {
            returndatacopy(data, 0, returndatasize())
            let all := 0
            let end := add(values, add(size, 0x20))
            for { let place := add(values, 0x20) } lt(place, end) { place := add(place, 0x20) } {
                all := or(all, mload(place))
            }
            whole := and(eq(mload(values), mload(accounts)), iszero(shr(128, all)))
            mstore(0x40, end)
        }
    }
    if (!whole) revert VaultAnswerMalformed();
}
