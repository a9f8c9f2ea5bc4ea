// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Gains} from "./Gains.sol";
import {Purse} from "./Purse.sol";
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
                _gain(account, uint256(delta), maturesAt);
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
    function immatureOf(address account) external view returns (uint256) {
        return _immatureOf(account, _purses[account]);
    }

    /// @dev From `gainsUntil` on, the sum up to now is the sum of all: the difference is 0, and need not be read.
    function _immatureOf(address account, Purse purse) internal view returns (uint256 immature) {
        if (block.timestamp >= purse.gainsUntil()) return 0;
        immature = _gains[account].immature();
        if (immature > purse.quote()) immature = purse.quote();
    }

    /// @dev Gains that an account may not take out go with its basket, and wait as long there.
    function _moveGains(address from, address to) internal {
        Purse purse = _purses[from];
        uint256 immature = _immatureOf(from, purse);
        if (immature != 0) _gain(to, immature, purse.gainsUntil());
    }

    function _requireNoLot(address account) internal view {
        if (_purses[account].inLot()) revert LotOpen(account, lotOf[account]);
    }

    function _setLot(address account, uint256 lotId) internal {
        lotOf[account] = lotId;
        _purses[account] = _purses[account].withLot(lotId != 0);
    }

    function _gain(address account, uint256 amount, uint48 maturesAt) private {
        uint48 until = _gains[account].push(amount, maturesAt);
        _purses[account] = _purses[account].withGainsUntil(until);
    }
}
