// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Gains} from "./Gains.sol";
import {IGainsAllocator} from "./IGainsAllocator.sol";
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

    event AllocatorInstalled(address allocator);
    event HaircutTaken(address indexed account, uint256 amount);
    event Booked(address indexed account, int256 delta, uint256 maturesAt);

    error AllocatorIsInstalled(address allocator);
    error LotOpen(address account, uint256 lotId);
    error GainNotMature(address holder, uint256 amount, uint256 free);

    /// @notice Name who charges losses to gains, once and for ever (role: admin). What was gained before is not charged.
    function installAllocator(IGainsAllocator allocator_) external restricted {
        if (address(allocator) != address(0)) revert AllocatorIsInstalled(address(allocator));
        _requireSetting("allocator", address(allocator_).code.length);
        allocator = allocator_;
        emit AllocatorInstalled(address(allocator_));
    }

    /// @notice Take from an account what losses have charged to its gains (anyone). Whatever leaves an account does so
    ///         first; here it is for whoever wants the balance to say it.
    function settleGains(address account) external nonReentrant {
        _settled(account);
    }

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
            (Purse purse,) = _settled(account);
            if (delta > 0) {
                _credit(account, quoteId, uint256(delta));
                uint48 until = _gain(account, uint256(delta), maturesAt);
                if (address(allocator) != address(0)) {
                    _purses[account] = _purses[account].withWatched(true);
                    allocator.booked(account, delta, until);
                }
            } else if (delta < 0) {
                _debit(account, quote, quoteId, uint256(-delta));
                if (purse.watched()) allocator.booked(account, delta, 0);
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
        Purse purse = _purses[account];
        (uint256 due, uint256 taken) = (0, 0);
        if (purse.watched()) (due, taken) = allocator.statusOf(account);
        return _immatureOf(account, purse.withQuote(uint96(purse.quote() - due)), taken);
    }

    /// @dev Take what losses have charged to an account's gains. Nothing leaves an account, and no loss of its own is
    ///      booked, before: else a gain would be gone before it was charged.
    /// @return purse    As it is now.
    /// @return immature What it has gained and may not take out yet.
    function _settled(address account) internal returns (Purse purse, uint256 immature) {
        purse = _purses[account];
        uint256 taken = 0;
        if (purse.watched()) {
            (uint256 due, uint256 taken_, bool open) = allocator.settle(account);
            taken = taken_;
            purse = purse.withQuote(uint96(purse.quote() - due)).withWatched(open);
            _purses[account] = purse;
            if (due != 0) emit HaircutTaken(account, due);
        }
        immature = _immatureOf(account, purse, taken);
    }

    /// @dev From `gainsUntil` on, the sum up to now is the sum of all: the difference is 0, and need not be read.
    /// @param taken What of these gains went into losses, and waits no longer.
    function _immatureOf(address account, Purse purse, uint256 taken) private view returns (uint256 immature) {
        if (block.timestamp >= purse.gainsUntil()) return 0;
        immature = _gains[account].immature();
        immature = immature > taken ? immature - taken : 0;
        if (immature > purse.quote()) immature = purse.quote();
    }

    /// @dev Gains that an account may not take out go with its basket, and wait as long there. There they are not
    ///      charged: they are a part of what was sold.
    function _moveGains(address from, address to) internal {
        (Purse purse, uint256 immature) = _settled(from);
        if (purse.watched()) {
            allocator.basketMoved(from);
            _purses[from] = purse.withWatched(false);
        }
        if (immature != 0) _gain(to, immature, purse.gainsUntil());
    }

    function _requireNoLot(address account) internal view {
        if (_purses[account].inLot()) revert LotOpen(account, lotOf[account]);
    }

    function _setLot(address account, uint256 lotId) internal {
        lotOf[account] = lotId;
        _purses[account] = _purses[account].withLot(lotId != 0);
    }

    function _gain(address account, uint256 amount, uint48 maturesAt) private returns (uint48 until) {
        until = _gains[account].push(amount, maturesAt);
        _purses[account] = _purses[account].withGainsUntil(until);
    }
}
