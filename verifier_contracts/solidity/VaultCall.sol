// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IBatchLedger} from "./IBatchLedger.sol";
import {ICollateralVault} from "./ICollateralVault.sol";

/// @notice The vault did not answer with a value of 128 bits for each account.
error VaultAnswerMalformed();

/// @dev vault.valuationOf(account, epochId, factors), the list copied once: the compiler would take it apart word by
///      word. The call's data lie behind what Solidity has allocated, and nobody reads them again; the answer goes to
///      scratch space. Bits that a factor's type has not are refused by the vault's decoder where it reads them.
function valuation(ICollateralVault vault, address account, uint40 epochId, ICollateralVault.Factor[] calldata factors)
    view
    returns (uint128 value)
{
    uint256 selector = uint32(ICollateralVault.valuationOf.selector);
    uint256 answer;
    bool whole;
    assembly ("memory-safe") {
        let data := mload(0x40)
        let list := mul(factors.length, 0x60)
        mstore(data, selector)
        mstore(add(data, 0x20), shr(96, shl(96, account)))
        mstore(add(data, 0x40), and(epochId, 0xffffffffff))
        mstore(add(data, 0x60), 0x60)
        mstore(add(data, 0x80), factors.length)
        calldatacopy(add(data, 0xa0), factors.offset, list)
        if iszero(staticcall(gas(), vault, add(data, 0x1c), add(0x84, list), 0, 0x20)) {
            returndatacopy(data, 0, returndatasize())
            revert(data, returndatasize())
        }
        answer := mload(0)
        whole := and(eq(returndatasize(), 0x20), iszero(shr(128, answer)))
    }
    if (!whole) revert VaultAnswerMalformed();
    return uint128(answer);
}

/// @dev vault.valuations(accounts of the rows, epochId, factors), each part copied once. The call's data and then its
///      answer lie in memory that is allocated for the answer; everything behind the answer's first word is an array as
///      Solidity has it. An account with more bits than an address has is refused by the vault's decoder.
function valuations(
    ICollateralVault vault,
    IBatchLedger.Row[] calldata rows,
    uint40 epochId,
    ICollateralVault.Factor[] calldata factors
) view returns (uint128[] memory values) {
    uint256 selector = uint32(ICollateralVault.valuations.selector);
    bool whole;
    assembly ("memory-safe") {
        let data := mload(0x40)
        let size := shl(5, rows.length)
        let list := mul(factors.length, 0x60)
        mstore(data, selector)
        mstore(add(data, 0x20), 0x60)
        mstore(add(data, 0x40), and(epochId, 0xffffffffff))
        mstore(add(data, 0x60), add(0x80, size))
        mstore(add(data, 0x80), rows.length)
        let row := rows.offset
        let last := add(data, add(0xa0, size))
        for { let place := add(data, 0xa0) } lt(place, last) { place := add(place, 0x20) } {
            mstore(place, calldataload(row))
            row := add(row, 0x80)
        }
        mstore(last, factors.length)
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
            whole := and(eq(mload(values), rows.length), iszero(shr(128, all)))
            mstore(0x40, end)
        }
    }
    if (!whole) revert VaultAnswerMalformed();
}
