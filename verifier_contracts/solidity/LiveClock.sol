// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Stops of live time up to `from`, and the pause that was last begun.
struct LiveClock {
    /// Seconds stopped before `from`.
    uint40 stopped;
    /// Everything before is in `stopped`.
    uint40 from;
    /// Seconds that breaker and missing epochs may still stop it, as of `from`.
    uint32 credit;
    uint40 pausedFrom;
    /// The pause lapses here, or ended.
    uint40 pausedUntil;
}

/// @notice What else stops the clock: a tripped breaker, and epochs that are missing from a moment on.
struct Stops {
    uint40 trippedFrom;
    uint40 trippedUntil;
    uint40 gapFrom;
}

/// @dev Breaker and gaps stop the clock for at most 6 h at a stretch: else whoever halts them halts everything.
uint256 constant MOST_CREDIT = 6 hours;
/// @dev Credit comes back by a second in so many, 6 h a day: tiny trips in a row gain no more.
uint256 constant REFILL = 4;

/// @dev Seconds of [clock.from, moment) that stop the clock, and the credit that is left. Pauses count in full, what
///      breaker and gaps add to them only while there is credit. Counted once where they overlap, so live time never
///      runs backwards; within one stretch both starts are fixed, so that it grows by at most a second a second.
function stopsSince(LiveClock memory clock, Stops memory stops, uint256 moment)
    pure
    returns (uint256 stopped, uint256 credit, bool disturbed)
{
    uint256 from = clock.from;
    if (clock.pausedUntil <= from && stops.trippedUntil <= from && stops.gapFrom >= moment) return (0, clock.credit, false);
    // Intervals as [start, end), clipped; where there is none, both are the same.
    (uint256 pauseStart, uint256 pauseEnd) = _clip(clock.pausedFrom, clock.pausedUntil, from, moment);
    (uint256 tripStart, uint256 tripEnd) = _clip(stops.trippedFrom, stops.trippedUntil, from, moment);
    (uint256 gapStart, uint256 gapEnd) = _clip(stops.gapFrom, moment, from, moment);
    uint256 paused = pauseEnd - pauseStart;
    // |trip or gap, outside the pause| = |trip| + |gap| - |both|, each without what the pause covers.
    (uint256 bothStart, uint256 bothEnd) = _overlap(tripStart, tripEnd, gapStart, gapEnd);
    uint256 events = _outside(tripStart, tripEnd, pauseStart, pauseEnd)
        + _outside(gapStart, gapEnd, pauseStart, pauseEnd) - _outside(bothStart, bothEnd, pauseStart, pauseEnd);

    uint256 begin = moment;
    if (tripEnd > tripStart) begin = tripStart;
    if (gapEnd > gapStart) begin = Math.min(begin, gapStart);
    credit = Math.min(MOST_CREDIT, clock.credit + (begin - from) / REFILL);
    uint256 counted = Math.min(events, credit);
    return (paused + counted, credit - counted, paused + events != 0);
}

function _clip(uint256 start, uint256 end, uint256 from, uint256 moment) pure returns (uint256, uint256) {
    start = Math.max(start, from);
    end = Math.min(end, moment);
    return start < end ? (start, end) : (from, from);
}

function _overlap(uint256 start, uint256 end, uint256 otherStart, uint256 otherEnd)
    pure
    returns (uint256, uint256)
{
    start = Math.max(start, otherStart);
    end = Math.min(end, otherEnd);
    return start < end ? (start, end) : (start, start);
}

function _outside(uint256 start, uint256 end, uint256 pauseStart, uint256 pauseEnd) pure returns (uint256) {
    (uint256 from, uint256 to) = _overlap(start, end, pauseStart, pauseEnd);
    return end - start - (to - from);
}
