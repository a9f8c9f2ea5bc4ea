// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a margin manager asks of the vault
interface ICollateralVault {
    /// @notice Haircut factors of an asset, in 2^-64 units of 1e-6 quote per smallest unit: v of what is held, d of
    ///         what is owed.
    struct Factor {
        uint32 assetId;
        uint80 v;
        uint80 d;
    }

    /// @notice Haircut value of an account's balances at an epoch's factors.
    /// @param factors The whole list that the epoch was signed with: it must hash to the oracle's `factorsHashOf`.
    /// @return        1e-6 quote units, rounded down.
    function valueOf(address account, uint40 epochId, Factor[] calldata factors) external view returns (uint128);

    /// @notice The same by factors that nothing is compared with: the caller has seen that they are the epoch's, or the
    ///         answer is worth nothing. Their order is checked.
    function valuationOf(address account, uint40 epochId, Factor[] calldata factors) external view returns (uint128);

    /// @notice The same of many accounts: 0 for one that has no value just now, where `valuationOf` reverts (a mark of a
    ///         frozen epoch, or too little gas).
    function valuations(address[] calldata accounts, uint40 epochId, Factor[] calldata factors)
        external
        view
        returns (uint128[] memory);

    /// @notice What the vault holds of a token for an account, in the token's smallest unit.
    function balanceOf(address account, address token) external view returns (uint256);
}
