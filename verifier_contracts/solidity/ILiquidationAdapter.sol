// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a protocol offers so that an account's positions there can be unwound when it is liquidated
/// @notice One adapter a protocol, written by whoever vouches for it. Amounts of money are in smallest units of the vault's
///         quote asset. Whatever changes state is for `ProtocolUnwinder` alone, which asks only for accounts that have
///         joined, are called, and were shown to be short; an adapter that lets others ask lets anybody unwind anybody.
///
///         Each call has a fixed amount of gas, and an answer of other than the declared length is none. What is paid is
///         sent to the caller within the call.
interface ILiquidationAdapter {
    /// @notice What an account has there now.
    /// @return open Derivatives that are open, by the protocol's own count.
    /// @return held Units of the asset that the protocol was listed with, which it can sell.
    /// @return owed Debt.
    function positionOf(address account) external view returns (uint256 open, uint256 held, uint256 owed);

    /// @notice End all of its derivatives; none is open afterwards. What they leave may be money, or more of the asset held.
    /// @param data Of whoever liquidates: routes, quotes. It must not decide who is paid.
    /// @return paid What was sent to the caller.
    function close(address account, bytes calldata data) external returns (uint256 paid);

    /// @notice Sell all that is held for it; nothing is held afterwards. A lender takes what is owed to it first.
    /// @return paid What was sent to the caller.
    function sell(address account, bytes calldata data) external returns (uint256 paid);

    /// @notice Take `amount` from the caller, who has approved it, for the account's debt, which falls by as much.
    /// @return taken What was taken: `amount`.
    function repay(address account, uint256 amount) external returns (uint256 taken);
}
