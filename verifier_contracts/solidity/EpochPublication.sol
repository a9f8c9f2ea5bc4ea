// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BN254_ORDER} from "./Bn254.sol";
import {Breaker} from "./Breaker.sol";
import {EpochContent, contentDigest} from "./EpochContent.sol";
import {packFacts} from "./EpochFacts.sol";
import {OracleHead, packHead} from "./OracleHead.sol";
import {SignerSets} from "./SignerSets.sol";

/// @title How an epoch comes in
abstract contract EpochPublication is Breaker, SignerSets {
    /// @notice Seconds from an epoch's id to the last at which it may be published: a leader cannot keep it back for
    ///         longer, and signers are free again.
    uint256 public constant LONGEST_DEADLINE = 1 hours;
    /// @notice Longest lag of an epoch. Gains wait for as long, and for no less than earlier ones: without a bound, one
    ///         epoch could keep them for ever, even if it is refuted.
    uint32 public constant LONGEST_LAG = 30 days;

    /// @notice Liquidation lag that epochs must cover, in seconds of wall time: the worst case from the last proven
    ///         cover to the transfer of an account.
    uint32 public requiredLag;
    /// @notice A longer one takes force with the first epoch that covers it; 0 if none is announced.
    uint32 public announcedLag;
    /// @notice Seconds between epochs, waived while the newest is frozen.
    uint32 public minInterval;
    /// @notice Seconds after an epoch when the next is missing.
    uint32 public heartbeat;
    /// @notice Largest moves of the four marks in an hour, in 1e-4, 16 bits each from the low end; they grow with the
    ///         square root of time.
    uint64 public moveLimits;

    /// @notice The content is in the calldata, and whoever was given it can compare the digest.
    event EpochPublished(uint40 indexed epochId, bytes32 indexed digest, uint256 root, bytes32 modelId);
    event LagInForce(uint32 lagSeconds);

    error EpochInFuture(uint40 epochId, uint256 blockTimestamp);
    error EpochNotIncreasing(uint40 epochId, uint40 latestEpochId);
    error EpochTooSoon(uint40 epochId, uint256 earliest);
    error Expired(uint256 deadline);
    error DeadlineTooLate(uint256 deadline, uint256 latest);
    error WrongPrevious(bytes32 previous, bytes32 expected);
    error LagTooShort(uint32 lagSeconds, uint32 required);
    error LagTooLong(uint32 lagSeconds, uint32 longest);
    error RootOutOfField(uint256 root);
    /// @notice modelId, dataRoot and factorsHash are digests, and not 0.
    error DigestMissing();

    /// @notice Publish an epoch that M of N publishers have signed; anyone may bring it. An older root may come again
    ///         under a new id: every proof is bound to the id, so this revives none.
    /// @param generation_ The set that signed: the newest, or the one before for a day.
    /// @param signatures  EIP-712, by signers of strictly rising index, 66 bytes each: index, r, s, v.
    function publish(EpochContent calldata content, uint16 generation_, bytes calldata signatures) external {
        bytes32 digest = contentDigest(content);
        uint16 signed = _requireQuorum(generation_, digest, signatures);
        OracleHead head = _head;
        _requireTimely(content, head);
        _requireWellFormed(content);
        _requireLag(content.lagSeconds);

        uint256 live = _settleClock();
        uint256 sequence = head.count();
        OracleHead next = packHead(
            content.id, uint32(sequence + 1), content.regime, uint40(block.timestamp + heartbeat)
        );
        (OracleHead after_, bool trips, Cause cause) = _withBreaker(head, next, content.marks, latestMarks, moveLimits);
        _head = trips ? _tripped(after_, cause) : after_;
        latestMarks = content.marks;
        _roots[content.id] = uint256(content.root);
        _facts[content.id] = packFacts(
            uint24(sequence),
            uint32(content.id - head.latestEpochId()),
            uint40(live),
            uint40(block.number),
            content.lagSeconds,
            signed,
            generation_
        );
        _kept[sequence % KEPT] = Kept(digest, content.factorsHash);
        emit EpochPublished(content.id, digest, uint256(content.root), content.modelId);
    }

    function _requireTimely(EpochContent calldata content, OracleHead head) private view {
        uint40 latest = head.latestEpochId();
        if (content.id > block.timestamp) revert EpochInFuture(content.id, block.timestamp);
        if (content.id <= latest) revert EpochNotIncreasing(content.id, latest);
        if (block.timestamp > content.deadline) revert Expired(content.deadline);
        uint256 latestDeadline = content.id + LONGEST_DEADLINE;
        if (content.deadline > latestDeadline) revert DeadlineTooLate(content.deadline, latestDeadline);
        bytes32 previous = 0;
        if (latest != 0) {
            uint256 earliest = uint256(latest) + minInterval;
            if (content.id < earliest && !_isFrozen(_roots[latest], latest)) revert EpochTooSoon(content.id, earliest);
            previous = _kept[(head.count() - 1) % KEPT].contentDigest;
        }
        if (content.previous != previous) revert WrongPrevious(content.previous, previous);
    }

    function _requireWellFormed(EpochContent calldata content) private pure {
        uint256 root = uint256(content.root);
        if (root == 0 || root >= BN254_ORDER) revert RootOutOfField(root);
        if (content.modelId == 0 || content.dataRoot == 0 || content.factorsHash == 0) revert DigestMissing();
    }

    /// @dev A lag that was announced takes force with the first epoch that covers it: at once, it would stop every
    ///      publication until models are changed.
    function _requireLag(uint32 lagSeconds) private {
        if (lagSeconds < requiredLag) revert LagTooShort(lagSeconds, requiredLag);
        if (lagSeconds > LONGEST_LAG) revert LagTooLong(lagSeconds, LONGEST_LAG);
        uint32 announced = announcedLag;
        if (announced == 0 || lagSeconds < announced) return;
        requiredLag = announced;
        announcedLag = 0;
        emit LagInForce(announced);
    }
}
