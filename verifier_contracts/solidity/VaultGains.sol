// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Gains} from "./Gains.sol";
import {VaultAssets} from "./VaultAssets.sol";

/// @dev What a margin manager is told: an account's last transition has been settled, so its flat exit waits no longer.
interface ISettlementListener {
    function settled(address account) external;
}

/// @title Cash that settlement books into accounts, and how long gains stay
abstract contract VaultGains is VaultAssets {
    using Gains for Gains.Trace;

    mapping(address account => Gains.Trace) private _gains;
    /// @notice The lot that an account is being liquidated in; 0 if none.
    mapping(address account => uint256) public lotOf;

    event Booked(address indexed account, int256 delta, uint256 maturesAt);

    error LotOpen(address account, uint256 lotId);
    error GainNotMature(address holder, uint256 amount, uint256 free);

    /// @notice Book cash into accounts (role: settlement, see VenueSettlement). What they gain together comes from the
    ///         caller as tokens; what they lose goes there.
    /// @param maturesAt Second from which a gain may leave.
    function book(address[] calldata accounts, int256[] calldata deltas, uint48 maturesAt)
        external
        restricted
        nonReentrant
    {
        int256 net;
        for (uint256 i = 0; i < accounts.length; ++i) {
            (address account, int256 delta) = (accounts[i], deltas[i]);
            _requireNoLot(account);
            if (delta > 0) {
                _credit(account, quoteId, uint256(delta));
                _gains[account].push(uint256(delta), maturesAt);
            } else if (delta < 0) {
                _debit(account, quote, quoteId, uint256(-delta));
            }
            net += delta;
            ISettlementListener(address(manager)).settled(account);
            emit Booked(account, delta, delta > 0 ? maturesAt : 0);
        }
        if (net > 0) _pull(quote, uint256(net), true);
        if (net < 0) _push(quote, msg.sender, uint256(-net));
    }

    /// @notice What an account has gained and may not take out yet, in quote units. It counts for its margin.
    function immatureOf(address account) public view returns (uint256 immature) {
        immature = _gains[account].immature();
        if (immature != 0) {
            uint256 balance = balanceOf(account, quote);
            if (immature > balance) immature = balance;
        }
    }

    /// @dev Gains that an account may not take out go with its basket, and wait as long there.
    function _moveGains(address from, address to) internal {
        uint256 immature = immatureOf(from);
        if (immature != 0) _gains[to].push(immature, _gains[from].lastMaturity());
    }

    function _requireNoLot(address account) internal view {
        if (lotOf[account] != 0) revert LotOpen(account, lotOf[account]);
    }

    function _setLot(address account, uint256 lotId) internal {
        lotOf[account] = lotId;
    }
}
