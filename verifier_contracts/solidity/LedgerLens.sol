// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BY_COVER} from "./AccountWord.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IMarginManager, MarginStatus} from "./IMarginManager.sol";
import {MarginLedger} from "./MarginLedger.sol";
import {proofContext} from "./ProofContext.sol";

/// @title Reading a ledger in bulk, and what it says together with the vault
/// @notice Holds nothing and may do nothing.
contract LedgerLens {
    /// @notice `tryMarginOf` of one account.
    struct Reading {
        MarginStatus status;
        uint128 margin;
        uint40 epochId;
        uint64 validUntil;
    }

    /// @notice `tryMarginOf` of many accounts, in their order.
    function tryMarginsOf(
        IMarginManager manager,
        address[] calldata accounts,
        uint256 maxAge,
        uint40 minEpochId,
        address expectedVenue
    ) external view returns (Reading[] memory readings) {
        readings = new Reading[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            Reading memory r = readings[i];
            (r.status, r.margin, r.epochId, r.validUntil) =
                manager.tryMarginOf(accounts[i], maxAge, minEpochId, expectedVenue);
        }
    }

    /// @notice Whether the cover of an account holds against what the vault counts now, at the factors of its own
    ///         epoch: V has not fallen below the V that it was proven for, or below a public M (1 + beta).
    function isCoveredNow(MarginLedger ledger, address account, ICollateralVault.Factor[] calldata factors)
        external
        view
        returns (bool)
    {
        if (ledger.isReduceOnly(account)) return false;
        if (ledger.isFlat(account)) return true;
        (uint96 value, uint40 epochId,,, uint8 basis,) = ledger.stateOf(account);
        uint256 collateral = ledger.vault().valueOf(account, epochId, factors);
        if (basis & 7 == BY_COVER) return collateral >= value;
        return 10_000 * collateral >= uint256(value) * (10_000 + ledger.bufferOf(0));
    }

    /// @notice The public input `context` of a proof by the verifier in force.
    function contextOf(
        MarginLedger ledger,
        bytes32 statement,
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash
    ) external view returns (uint256) {
        (, bytes32 keyDigest,) = ledger.verifiers().active(statement);
        return proofContext(address(ledger), statement, keyDigest, account, epochId, version, actionHash);
    }
}
