// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Basis} from "./AccountWord.sol";
import {ICollateralVault} from "./ICollateralVault.sol";

/// @title What the batch attestor tells its ledger
interface IBatchLedger {
    /// @notice What an entry of a batch says of its account. It is verified whatever has happened to the account since.
    struct Row {
        address account;
        uint40 version;
        /// The margin; or the collateral V that a cover claims.
        uint128 value;
        uint256 commitment;
    }

    /// @notice Apply margins that the batch attestor has verified. Entries that no longer match their account are
    ///         skipped and reported.
    function applyMargins(uint40 epochId, Basis basis, Row[] calldata rows) external;

    /// @notice The same for covers at one step of the ladder. The vault is asked here.
    function applyCovers(
        uint40 epochId,
        uint256 step,
        Basis basis,
        ICollateralVault.Factor[] calldata factors,
        Row[] calldata rows
    ) external;

    /// @notice The root of an epoch that is fresh enough to attest under; reverts for any other.
    function freshRootOf(uint40 epochId) external view returns (uint256);

    /// @notice What cover proofs under an epoch are checked with: `freshRootOf` and `bufferOf`, in one call.
    function coverTermsOf(uint40 epochId, uint256 step) external view returns (uint256 root, uint256 buffer);

    /// @notice Beta of a step of the ladder, in basis points of the margin.
    function bufferOf(uint256 step) external view returns (uint256);
}
