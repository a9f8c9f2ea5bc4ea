// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

/// @notice What can be paused, each by itself. Reading, depositing, attesting, covering, curing and leaving flat are in
///         no class: nobody can stop them.
enum ActionClass {
    Open,
    Exit,
    Liquidate,
    Settle
}

/// @title Pauses that lapse
/// @notice A pause ends by itself after at most a day and can come once in seven days for each class: a guardian gains
///         time with it, and can keep nobody's money.
abstract contract PausableByClass is AccessManaged {
    uint40 public constant LONGEST_PAUSE = 24 hours;
    /// @notice From the beginning of one pause of a class to the next; ending one early gives none back.
    uint40 public constant PAUSE_INTERVAL = 7 days;

    /// @dev One word. `stopped` is the length of all pauses before the one from `from` to `until`.
    struct Pause {
        uint40 from;
        uint40 until;
        uint40 stopped;
    }

    mapping(ActionClass => Pause) private _pauses;

    event ClassPaused(ActionClass indexed class, uint40 until);
    event ClassUnpaused(ActionClass indexed class);

    error ClassIsPaused(ActionClass class, uint256 until);
    error ClassNotPaused(ActionClass class);
    error PauseTooLong(uint256 duration, uint256 longest);
    error PausedTooRecently(ActionClass class, uint256 again);

    modifier whenOpen(ActionClass class) {
        _requireOpen(class);
        _;
    }

    /// @notice Stop a class from now on (role: guardian).
    /// @param duration Seconds, at most `LONGEST_PAUSE`.
    function pause(ActionClass class, uint40 duration) external restricted {
        if (duration == 0 || duration > LONGEST_PAUSE) revert PauseTooLong(duration, LONGEST_PAUSE);
        Pause memory last = _pauses[class];
        if (last.from != 0 && block.timestamp < uint256(last.from) + PAUSE_INTERVAL) {
            revert PausedTooRecently(class, uint256(last.from) + PAUSE_INTERVAL);
        }
        uint40 until = uint40(block.timestamp) + duration;
        _pauses[class] = Pause(uint40(block.timestamp), until, last.stopped + (last.until - last.from));
        emit ClassPaused(class, until);
        _afterPause(class, duration);
    }

    /// @notice End a pause before it lapses.
    function unpause(ActionClass class) external restricted {
        Pause storage current = _pauses[class];
        if (block.timestamp >= current.until) revert ClassNotPaused(class);
        current.until = uint40(block.timestamp);
        emit ClassUnpaused(class);
        _afterUnpause(class);
    }

    /// @notice First second at which a class is open again; in the past while it is.
    function pausedUntil(ActionClass class) public view returns (uint40) {
        return _pauses[class].until;
    }

    /// @notice Seconds for which a class has been paused up to now: what a live clock takes off.
    function pausedSeconds(ActionClass class) external view returns (uint256) {
        Pause memory last = _pauses[class];
        uint256 end = block.timestamp < last.until ? block.timestamp : last.until;
        return uint256(last.stopped) + end - last.from;
    }

    /// @dev What must stop together with a class, and go on together with it, in the same transaction.
    function _afterPause(ActionClass class, uint40 duration) internal virtual {}

    function _afterUnpause(ActionClass class) internal virtual {}

    function _requireOpen(ActionClass class) internal view {
        uint256 until = pausedUntil(class);
        if (block.timestamp < until) revert ClassIsPaused(class, until);
    }
}
