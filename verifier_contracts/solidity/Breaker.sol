// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {OracleHead} from "./OracleHead.sol";
import {OracleState} from "./OracleState.sol";
import {Reference, consult, movesTooFar} from "./PriceMoves.sol";

/// @title Breaker: halts, never clamps, and resets itself
/// @notice It trips when a mark moves further than the model thinks it may, when the regime jumps by two or more, or
///         when every living reference of a mark disagrees with it. Readers then let nothing open or leave. It resets
///         after two epochs in a row that did not trip it, or half an hour, once references live and agree; after six
///         hours it resets whatever they do. A dead reference never trips it.
abstract contract Breaker is OracleState {
    enum Cause {
        Move,
        Regime,
        Deviation
    }

    /// @notice Epochs in a row, or seconds, without cause, after which it may be reset.
    uint256 public constant CALM_EPOCHS = 2;
    uint256 public constant CALM_TIME = 30 minutes;
    /// @notice Seconds after which it needs no living reference to reset.
    uint40 public constant LONGEST_TRIP = 6 hours;
    /// @notice References of each mark.
    uint256 public constant REFERENCES = 2;

    Reference[REFERENCES][4] private _references;

    event BreakerTripped(Cause indexed cause, uint40 indexed epochId, uint40 until);
    event BreakerReset();
    event ReferenceSet(uint256 indexed lane, uint256 indexed place, Reference source);

    error NotTripped();
    /// @notice Neither two calm epochs nor half an hour.
    error NotCalm(uint256 calmEpochs, uint256 calmFrom);
    /// @notice No reference of this mark lives and agrees.
    error ReferenceDisagrees(uint256 lane);
    /// @notice Nothing could be compared: no mark has a reference.
    error NoReference();
    error NoDeviation(uint256 lane);
    error UnknownLane(uint256 lane, uint256 place);

    /// @notice Compare the newest epoch's mark with its references, and trip if all that live disagree. Anyone may.
    function checkReference(uint256 lane) external {
        (bool configured, bool lives, bool agrees) = _consult(lane);
        if (!configured || !lives || agrees) revert NoDeviation(lane);
        _settleClock();
        _head = _tripped(_head, Cause.Deviation);
    }

    /// @notice Reset it. Anyone may, once nothing has tripped it for long enough and references live and agree.
    function resetBreaker() external {
        if (!isTripped()) revert NotTripped();
        OracleHead head = _head;
        uint256 calmFrom = uint256(head.tripUntil()) - LONGEST_TRIP + CALM_TIME;
        if (head.calm() < CALM_EPOCHS && block.timestamp < calmFrom) revert NotCalm(head.calm(), calmFrom);
        bool compared = false;
        for (uint256 lane = 0; lane < 4; ++lane) {
            (bool configured,, bool agrees) = _consult(lane);
            if (configured && !agrees) revert ReferenceDisagrees(lane);
            compared = compared || configured;
        }
        if (!compared) revert NoReference();
        _settleClock();
        _head = head.withBreaker(0, 0, 0);
        emit BreakerReset();
    }

    function referenceOf(uint256 lane, uint256 place) external view returns (Reference memory) {
        return _references[lane][place];
    }

    function _setReference(uint256 lane, uint256 place, Reference calldata source) internal {
        if (lane >= 4 || place >= REFERENCES) revert UnknownLane(lane, place);
        _references[lane][place] = source;
        emit ReferenceSet(lane, place, source);
    }

    /// @dev What a new epoch does to the breaker. The clock's stops up to now have been settled if there were any.
    /// @param head  Of the newest epoch, still the one before.
    /// @param next  What it becomes.
    function _withBreaker(OracleHead head, OracleHead next, uint256 marks, uint256 lastMarks, uint64 moveLimits)
        internal
        pure
        returns (OracleHead, bool, Cause)
    {
        next = next.withBreaker(head.trippedAt(), head.tripUntil(), head.calm());
        if (head.count() != 0) {
            uint256 elapsed = next.latestEpochId() - head.latestEpochId();
            if (movesTooFar(lastMarks, marks, moveLimits, elapsed)) return (next, true, Cause.Move);
            (uint16 before, uint16 regime) = (head.regime(), next.regime());
            if (regime > before ? regime - before > 1 : before - regime > 1) return (next, true, Cause.Regime);
        }
        if (head.trippedAt() != 0 && head.calm() < type(uint8).max) {
            next = next.withBreaker(head.trippedAt(), head.tripUntil(), head.calm() + 1);
        }
        return (next, false, Cause.Move);
    }

    function _tripped(OracleHead head, Cause cause) internal returns (OracleHead) {
        bool standing = head.trippedAt() != 0 && block.timestamp < head.tripUntil();
        uint40 until = uint40(block.timestamp) + LONGEST_TRIP;
        emit BreakerTripped(cause, head.latestEpochId(), until);
        return head.withBreaker(standing ? head.trippedAt() : uint40(block.timestamp), until, 0);
    }

    /// @dev Whether a mark has references, one lives, and one agrees.
    function _consult(uint256 lane) private view returns (bool configured, bool lives, bool agrees) {
        if (lane >= 4) revert UnknownLane(lane, 0);
        uint64 mark = uint64(latestMarks >> (64 * lane));
        if (mark == 0) return (false, false, false);
        for (uint256 i = 0; i < REFERENCES; ++i) {
            Reference memory source = _references[lane][i];
            if (address(source.feed) == address(0)) continue;
            (bool living, bool agreeing) = consult(source, mark);
            configured = true;
            lives = lives || living;
            agrees = agrees || agreeing;
        }
    }
}
