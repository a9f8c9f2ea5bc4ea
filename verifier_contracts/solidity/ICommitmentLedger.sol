// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICollateralVault} from "./ICollateralVault.sol";
import {IMarginManager} from "./IMarginManager.sol";

/// @notice No opening of the account's present commitment is in escrow, or none that is good any more: nobody could
///         resolve it if its owner fell silent.
error EscrowMissing(address account);

/// @title What the commitment desk asks of its ledger, and tells it
interface ICommitmentLedger is IMarginManager {
    /// @notice Desk only: another commitment, 0 for none. The version rises and nothing is attested; a call stands.
    /// @param settledBy Wall time until which a flat account has to wait for a settlement.
    function setCommitment(address account, address venue, uint256 commitment, uint40 settledBy) external;

    /// @notice Escrow only: the opening of this commitment, which must be the present one, is in escrow. Another commitment
    ///         begins without; a version that keeps the commitment keeps it.
    /// @param until Last second at which it counts.
    function noteEscrow(address account, uint256 commitment, uint40 until) external;

    /// @notice Move an account's margin to what a proof shows.
    function attest(
        address account,
        uint40 epochId,
        uint40 version,
        uint128 margin,
        uint32 generation,
        uint256[8] calldata proof
    ) external;

    /// @notice Show that collateral covers an account's margin, which stays hidden.
    function attestCover(
        address account,
        uint40 epochId,
        uint40 version,
        uint256 step,
        uint128 claimed,
        uint32 generation,
        ICollateralVault.Factor[] calldata factors,
        uint256[8] calldata proof
    ) external;

    /// @notice Count a public margin as cover.
    function coverByMargin(address account, uint256 step, ICollateralVault.Factor[] calldata factors) external;

    /// @notice Whether an account may only shed risk.
    function isReduceOnly(address account) external view returns (bool);

    /// @notice Whether the opening of an account's present commitment is in escrow.
    function isEscrowed(address account) external view returns (bool);

    /// @notice Whether an account is proven to hold nothing.
    function isFlat(address account) external view returns (bool);
}
