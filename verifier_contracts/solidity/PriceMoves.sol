// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPriceReference} from "./IPriceReference.sol";

/// @notice Where an independent price of a lane's underlying is found.
struct Reference {
    IPriceReference feed;
    /// Of its answers.
    uint8 decimals;
    /// Seconds after which an answer is dead.
    uint32 maxAge;
    /// Largest difference from the mark, in 1e-4 of the reference.
    uint16 maxDeviation;
}

/// @notice The call failed without a word, as one does that was given too little gas: that must not pass for a dead
///         reference.
error ReferenceSilent(address feed);

/// @dev Whether one of four marks moved further than the model thinks it may: |new - old| > limit old sqrt(t / 1 h),
///      compared by squares, exactly. A lane that is new has nothing to move from; one that vanishes has moved by all.
/// @param limits  1e-4 of the mark in an hour, 16 bits a lane: k standard deviations.
/// @param elapsed Seconds between the two.
function movesTooFar(uint256 oldMarks, uint256 newMarks, uint64 limits, uint256 elapsed) pure returns (bool) {
    for (uint256 lane = 0; lane < 4; ++lane) {
        uint256 before = uint64(oldMarks >> (64 * lane));
        uint256 mark = uint64(newMarks >> (64 * lane));
        if (before == 0 || mark == before) continue;
        unchecked {
            // Marks are below 2**64, limits below 2**16, times below 2**40: nothing reaches 2**200.
            uint256 move = (mark > before ? mark - before : before - mark) * 1e4;
            uint256 limit = before * uint16(limits >> (16 * lane));
            if (mark == 0 || move * move * 1 hours > limit * limit * elapsed) return true;
        }
    }
    return false;
}

/// @dev Whether a reference lives, and agrees with a mark. One that reverts, answers nothing sensible, or old, is dead.
function consult(Reference memory source, uint64 mark) view returns (bool lives, bool agrees) {
    if (address(source.feed).code.length == 0) return (false, false);
    (bool done, bytes memory answer) = address(source.feed).staticcall(
        abi.encodeCall(IPriceReference.latestRoundData, ())
    );
    if (!done && answer.length == 0) revert ReferenceSilent(address(source.feed));
    if (!done || answer.length != 160) return (false, false);
    (, uint256 price,, uint256 updatedAt,) = abi.decode(answer, (uint256, uint256, uint256, uint256, uint256));
    if (price == 0 || price > type(uint128).max) return (false, false);
    if (updatedAt > block.timestamp || block.timestamp - updatedAt > source.maxAge) return (false, false);
    // Both in 10**-(6 + decimals).
    uint256 ours = uint256(mark) * 10 ** source.decimals;
    uint256 theirs = price * 1e6;
    uint256 apart = ours > theirs ? ours - theirs : theirs - ours;
    return (true, apart * 1e4 <= theirs * source.maxDeviation);
}
