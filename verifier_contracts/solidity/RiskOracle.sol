// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {EpochFacts} from "./EpochFacts.sol";
import {EpochCourt} from "./EpochCourt.sol";
import {EpochPublication} from "./EpochPublication.sol";
import {IPausableClock} from "./IPausableClock.sol";
import {LiveClock} from "./LiveClock.sol";
import {OracleState} from "./OracleState.sol";
import {Reference} from "./PriceMoves.sol";

/// @notice What governs publication and breaker.
struct OracleLimits {
    /// Seconds of wall time that epochs must cover from the last proven cover to a transfer.
    uint32 requiredLag;
    /// Seconds between epochs.
    uint32 minInterval;
    /// Seconds after an epoch when the next is missing.
    uint32 heartbeat;
    /// Largest moves of the four marks in an hour, in 1e-4, 16 bits each from the low end.
    uint64 moveLimits;
}

/// @title The published epochs: what risk is, signed by a quorum, refutable by anyone
/// @notice An epoch is believed for what is reversible as soon as it is published, and for what is not once it is final.
///         This file holds what roles may do; roles are the AccessManager's.
contract RiskOracle is EpochPublication, IPausableClock, AccessManaged {
    /// @notice Longest freeze by a guardian, and longest stop of the clock.
    uint40 public constant LONGEST_HOLD = 2 hours;
    uint40 public constant LONGEST_STOP = 24 hours;
    /// @notice At most six freezes, and one stop, in seven days.
    uint256 public constant HOLDS = 6;
    uint40 public constant PERIOD = 7 days;
    bytes32 public constant FREEZE_TYPEHASH = keccak256("Freeze(uint40 epochId)");

    /// @notice Where epochs are refuted, leaves demanded and publishers slashed. A contract of its own, since a chain
    ///         takes no code as large as both; named once, before signers are seated, for ever.
    EpochCourt public court;
    /// @dev When the guardian last froze, six times 40 bits, the latest lowest.
    uint240 private _holds;
    /// @notice When limits were last tightened: once a day.
    uint40 public tightenedAt;

    event EpochHeld(uint40 indexed epochId, uint40 until);
    event ClockStopped(uint40 until);
    event ClockResumed();
    event CourtNamed(EpochCourt indexed court);
    event LimitsSet(OracleLimits limits);
    event LagAnnounced(uint32 lagSeconds);

    error NotCourt(address account);
    error CourtInstalled();
    error HoldTooLong(uint256 duration, uint256 longest);
    error AlreadyHeld(uint40 epochId);
    error HeldTooOften(uint256 again);
    error StopTooLong(uint256 duration, uint256 longest);
    error StoppedTooRecently(uint256 again);
    error ClockNotStopped();
    error LimitOutOfBound(uint256 value);
    error NotTighter();
    error TightenedTooRecently(uint256 again);

    constructor(address authority, OracleLimits memory limits, uint256 finalityBlocks_)
        AccessManaged(authority)
        EIP712("Tailproof RiskOracle", "1")
        OracleState(finalityBlocks_)
    {
        if (authority.code.length == 0) revert SettingMissing("authority");
        _setLimits(limits);
    }

    // ----------------------------------------------------------------------------------------------------- freezing

    /// @notice Freeze an epoch for at most two hours, once (role: guardian): until then a quorum or a proof confirms it,
    ///         or it stands again.
    function holdEpoch(uint40 epochId, uint40 duration) external restricted {
        if (duration == 0 || duration > LONGEST_HOLD) revert HoldTooLong(duration, LONGEST_HOLD);
        uint256 root = rootOf(epochId);
        EpochFacts facts = _facts[epochId];
        if (facts.heldUntil() != 0) revert AlreadyHeld(epochId);
        uint256 sixth = _holds >> 200;
        if (sixth != 0 && block.timestamp < sixth + PERIOD) revert HeldTooOften(sixth + PERIOD);
        _holds = uint240(uint256(_holds) << 40 | block.timestamp);
        uint40 until = uint40(block.timestamp) + duration;
        _roots[epochId] = root | HELD;
        _facts[epochId] = facts.withHeldUntil(until);
        _missing(epochId);
        emit EpochHeld(epochId, until);
    }

    /// @notice Freeze an epoch for good, by a quorum of its publishers' set or of a later one.
    /// @param signatures EIP-712 over Freeze(epochId), as for `publish`.
    function freezeEpoch(uint40 epochId, uint16 generation_, bytes calldata signatures) external {
        _factsOf(epochId);
        if (_roots[epochId] & FROZEN != 0) revert FrozenEpoch(epochId);
        _requireQuorum(generation_, keccak256(abi.encode(FREEZE_TYPEHASH, epochId)), signatures);
        _freeze(epochId, FROZEN);
    }

    // -------------------------------------------------------------------------------------------------------- court

    /// @notice Name the court of this oracle, once (role: admin). Until then no signers can be seated.
    function installCourt(EpochCourt court_) external restricted {
        if (address(court) != address(0)) revert CourtInstalled();
        if (address(court_.oracle()) != address(this)) revert NotCourt(address(court_));
        court = court_;
        emit CourtNamed(court_);
    }

    modifier onlyCourt() {
        if (msg.sender != address(court)) revert NotCourt(msg.sender);
        _;
    }

    function refute(uint40 epochId) external onlyCourt {
        _freeze(epochId, REFUTED);
    }

    function openDemand(uint40 epochId) external onlyCourt {
        _facts[epochId] = _factsOf(epochId).withDemand();
    }

    function closeDemand(uint40 epochId, bool missing) external onlyCourt {
        _facts[epochId] = _factsOf(epochId).withoutDemand();
        if (missing) _freeze(epochId, FROZEN);
    }

    function publishersOf(uint40 epochId) external view returns (address[] memory) {
        EpochFacts facts = _factsOf(epochId);
        return _namesOf(facts.generation(), facts.signers());
    }

    // -------------------------------------------------------------------------------------------------------- clock

    /// @notice Stop live time while liquidation is paused (role: the vault, which pauses it in the same transaction): for
    ///         at most a day, once in seven.
    function stopClock(uint40 duration) external restricted {
        if (duration == 0 || duration > LONGEST_STOP) revert StopTooLong(duration, LONGEST_STOP);
        _settleClock();
        LiveClock storage clock = _clock;
        uint40 last = clock.pausedFrom;
        if (last != 0 && block.timestamp < last + PERIOD) revert StoppedTooRecently(last + PERIOD);
        uint40 until = uint40(block.timestamp) + duration;
        (clock.pausedFrom, clock.pausedUntil) = (uint40(block.timestamp), until);
        emit ClockStopped(until);
    }

    /// @notice Let live time go on before the stop lapses.
    function resumeClock() external restricted {
        LiveClock storage clock = _clock;
        if (block.timestamp >= clock.pausedUntil) revert ClockNotStopped();
        _settleClock();
        clock.pausedUntil = uint40(block.timestamp);
        emit ClockResumed();
    }

    // ------------------------------------------------------------------------------------------------------- limits

    /// @notice Set limits, within bounds (role: with the delay of loosening).
    function setLimits(OracleLimits calldata limits) external restricted {
        _setLimits(limits);
    }

    /// @notice Tighten limits at once, at most once a day: a longer lag is announced, the others take force.
    function tightenLimits(OracleLimits calldata limits) external restricted {
        if (tightenedAt != 0 && block.timestamp < tightenedAt + 1 days) revert TightenedTooRecently(tightenedAt + 1 days);
        if (
            limits.requiredLag < requiredLag || limits.requiredLag < announcedLag || limits.minInterval != minInterval
                || limits.heartbeat != heartbeat
        ) revert NotTighter();
        for (uint256 i = 0; i < 64; i += 16) {
            if (uint16(limits.moveLimits >> i) > uint16(moveLimits >> i)) revert NotTighter();
        }
        _requireWithinBounds(limits);
        tightenedAt = uint40(block.timestamp);
        _announce(limits.requiredLag);
        moveLimits = limits.moveLimits;
        emit LimitsSet(limits);
    }

    /// @notice Name the independent price that a mark is compared with; a feed of 0 takes it away (role: admin).
    function setReference(uint256 lane, uint256 place, Reference calldata source) external restricted {
        if (address(source.feed) != address(0) && (source.decimals > 18 || source.maxAge == 0 || source.maxDeviation == 0))
        {
            revert LimitOutOfBound(source.decimals);
        }
        _setReference(lane, place, source);
    }

    // ------------------------------------------------------------------------------------------------------- signers

    /// @notice Put another set of signers in force, each of whom has staked (role: admin). The one before counts for a
    ///         day more.
    /// @param signers Rising addresses of keys.
    function rotateSigners(address[] calldata signers, uint8 quorum) external restricted {
        for (uint256 i = 0; i < signers.length; ++i) {
            court.requireStake(signers[i]);
        }
        _rotate(signers, quorum);
    }

    /// @notice End a replaced set before its day is over (role: guardian).
    function revokeSigners(uint16 generation_) external restricted {
        _revoke(generation_);
    }

    /// @notice Credit what is left of slashed stakes, to the insurance fund (role: admin).
    function assignForfeited(address to) external restricted {
        court.assignForfeited(to);
    }

    // ----------------------------------------------------------------------------------------------------- internals

    function _setLimits(OracleLimits memory limits) private {
        _requireWithinBounds(limits);
        if (limits.requiredLag > requiredLag && _hasEpochs()) {
            _announce(limits.requiredLag);
        } else {
            (requiredLag, announcedLag) = (limits.requiredLag, 0);
        }
        (minInterval, heartbeat, moveLimits) = (limits.minInterval, limits.heartbeat, limits.moveLimits);
        emit LimitsSet(limits);
    }

    function _hasEpochs() private view returns (bool) {
        return _head.count() != 0;
    }

    function _announce(uint32 lagSeconds) private {
        if (lagSeconds == requiredLag) return;
        announcedLag = lagSeconds;
        emit LagAnnounced(lagSeconds);
    }

    /// @dev 64 kept epochs cover the time for which factors are asked for (an hour); a mark may move by a hundredth at
    ///      least, or nobody could publish without a halt.
    function _requireWithinBounds(OracleLimits memory limits) private pure {
        if (limits.requiredLag == 0 || limits.requiredLag > LONGEST_LAG) revert LimitOutOfBound(limits.requiredLag);
        if (limits.minInterval < 1 minutes || limits.minInterval > 1 hours) revert LimitOutOfBound(limits.minInterval);
        if (limits.heartbeat < limits.minInterval || limits.heartbeat > 1 days) revert LimitOutOfBound(limits.heartbeat);
        for (uint256 i = 0; i < 64; i += 16) {
            uint16 limit = uint16(limits.moveLimits >> i);
            if (limit < 100) revert LimitOutOfBound(limit);
        }
    }
}
