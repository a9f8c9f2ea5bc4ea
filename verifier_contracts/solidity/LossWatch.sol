// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILossWatch} from "./ILossWatch.sol";

/// @title Losses that are known and not borne yet, while which no backer of the fund leaves
/// @notice A loss is open from the proof of an account's shortfall on, or from the opening of its lot, until it is recorded,
///         its lot is over, or its call is. Lots say so themselves; of a shortfall that was just proven, and of a call that
///         has ended, anybody says it (`noteLoss`): the contract looks for itself.
/// @dev    Without it whoever sees a shortfall first leaves the loss to the other backers. But shortfalls of accounts with
///         next to nothing are cheap to make, one after the other; so backers are held for a day at most in one go, and are
///         free for six hours before they are held again. In any 36 hours they have six in which they can leave, and a
///         notice is good for 48.
abstract contract LossWatch is ILossWatch {
    /// @dev One word. `count` accounts of which a loss is open; `heldFrom` when the present time of holding backers began;
    ///      `noneFrom` when there was none for the last time.
    struct Watch {
        uint40 heldFrom;
        uint40 noneFrom;
        uint176 count;
    }

    /// @notice For how long open losses hold backers, and how long they are free then.
    uint256 public constant MOST_HELD = 1 days;
    uint256 public constant LEAST_FREE = 6 hours;

    /// @inheritdoc ILossWatch
    mapping(bytes32 lossId => address) public creditorOf;
    /// @notice Whether a loss of an account is open, as far as was noted.
    mapping(address account => bool) public isLossOpen;
    Watch private _watch;

    /// @notice Have it known that an account's loss is open, or is not any more (anyone).
    function noteLoss(address account) external {
        _note(account, _isLoss(account));
    }

    /// @inheritdoc ILossWatch
    function openLosses() external view returns (uint256) {
        Watch memory watch = _watch;
        return block.timestamp < watch.heldFrom + MOST_HELD ? watch.count : 0;
    }

    function _note(address account, bool open) internal {
        bool was = isLossOpen[account];
        if (!was && !open) return;
        Watch memory watch = _watch;
        if (open) {
            uint256 freeFrom = watch.heldFrom + MOST_HELD;
            if (watch.count == 0 && watch.noneFrom < freeFrom) freeFrom = watch.noneFrom;
            if (block.timestamp >= freeFrom + LEAST_FREE) watch.heldFrom = uint40(block.timestamp);
            if (!was) ++watch.count;
        } else if (--watch.count == 0) {
            watch.noneFrom = uint40(block.timestamp);
        }
        isLossOpen[account] = open;
        _watch = watch;
    }

    /// @dev By what is on the chain now.
    function _isLoss(address account) internal view virtual returns (bool);
}
