// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EpochFacts} from "./EpochFacts.sol";
import {IJudgedOracle} from "./IJudgedOracle.sol";
import {LiveClock, MOST_CREDIT, Stops, stopsSince} from "./LiveClock.sol";
import {OracleHead, packHead} from "./OracleHead.sol";

/// @title What the oracle stores, and what anybody may read of it
/// @dev   An epoch costs two new slots, its root and its facts. Digests of content and factors are kept for the newest
///        64 epochs, in slots that were filled at deployment: so the first publication costs what the thousandth does.
abstract contract OracleState is IJudgedOracle {
    struct Kept {
        bytes32 contentDigest;
        bytes32 factorsHash;
    }

    /// @notice Epochs whose content can still be shown.
    uint256 public constant KEPT = 64;
    /// @notice Live seconds from publication to finality; as many again once a leaf was demanded.
    uint256 public constant FINALITY = 20 minutes;
    /// @notice Blocks from publication to finality: where blocks stop, live time does not count alone.
    uint256 public immutable finalityBlocks;

    /// @dev Roots are below 2**254: two bits of their words are free. For good:
    uint256 internal constant FROZEN = 1 << 255;
    /// @dev By the guardian, until `heldUntil` in the facts. Beside FROZEN: by a proof.
    uint256 internal constant HELD = 1 << 254;
    uint256 internal constant REFUTED = FROZEN | HELD;

    OracleHead internal _head;
    LiveClock internal _clock;
    /// @notice Marks of the newest epoch.
    uint256 public latestMarks;
    mapping(uint40 epochId => uint256) internal _roots;
    mapping(uint40 epochId => EpochFacts) internal _facts;
    Kept[KEPT] internal _kept;

    event EpochFrozen(uint40 indexed epochId);

    /// @notice The epoch is not among the newest 64.
    error ContentForgotten(uint40 epochId);
    error SettingMissing(string name);

    constructor(uint256 finalityBlocks_) {
        if (finalityBlocks_ == 0) revert SettingMissing("finalityBlocks");
        finalityBlocks = finalityBlocks_;
        _clock = LiveClock(0, uint40(block.timestamp), uint32(MOST_CREDIT), 0, 0);
        _head = packHead(0, 0, 0, type(uint40).max);
        for (uint256 i = 0; i < KEPT; ++i) {
            _kept[i] = Kept(bytes32(uint256(1)), bytes32(uint256(1)));
        }
    }

    // ------------------------------------------------------------------------------------------------- reading

    function latestEpochId() external view returns (uint40) {
        return _head.latestEpochId();
    }

    function rootOf(uint40 epochId) public view returns (uint256 root) {
        root = _roots[epochId];
        if (root == 0) revert UnknownEpoch(epochId);
        if (_isFrozen(root, epochId)) revert FrozenEpoch(epochId);
        return root & ~HELD;
    }

    function isFinal(uint40 epochId) public view returns (bool) {
        uint256 root = _roots[epochId];
        return root != 0 && _isRipe(_facts[epochId], liveTime()) && !_isFrozen(root, epochId);
    }

    function latestFinalEpochId() external view returns (uint40) {
        uint40 epochId = _head.latestEpochId();
        uint256 live = liveTime();
        for (uint256 i = 0; i < KEPT && epochId != 0; ++i) {
            EpochFacts facts = _facts[epochId];
            if (_isRipe(facts, live) && !_isFrozen(_roots[epochId], epochId)) return epochId;
            epochId -= uint40(facts.sinceLast());
        }
        return 0;
    }

    function isTripped() public view returns (bool) {
        return _isTripped(_head);
    }

    function factorsHashOf(uint40 epochId) external view returns (bytes32) {
        return _keptOf(_head, epochId).factorsHash;
    }

    function termsOf(uint40 epochId) external view returns (uint256 root, bytes32 factorsHash, bool tripped) {
        OracleHead head = _head;
        return (rootOf(epochId), _keptOf(head, epochId).factorsHash, _isTripped(head));
    }

    /// @notice Digest of an epoch's content, what the next one names as `previous`.
    function contentDigestOf(uint40 epochId) external view returns (bytes32) {
        return _keptOf(_head, epochId).contentDigest;
    }

    function lagSecondsOf(uint40 epochId) external view returns (uint32) {
        return _factsOf(epochId).lagSeconds();
    }

    function storedRootOf(uint40 epochId) external view returns (uint256 root, bool frozenForGood, bool refuted) {
        root = _roots[epochId];
        if (root == 0) revert UnknownEpoch(epochId);
        return (root & ~(FROZEN | HELD), root & FROZEN != 0, root & REFUTED == REFUTED);
    }

    function liveAtOf(uint40 epochId) external view returns (uint40) {
        return _factsOf(epochId).liveAt();
    }

    function openDemandsOf(uint40 epochId) external view returns (uint16) {
        return _factsOf(epochId).openDemands();
    }

    function liveTime() public view returns (uint256) {
        (uint256 stopped,,) = stopsSince(_clock, _stops(), block.timestamp);
        return block.timestamp - _clock.stopped - stopped;
    }

    /// @notice What is stored of an epoch, for display and audit.
    function factsOf(uint40 epochId)
        external
        view
        returns (
            uint24 sequence,
            uint40 previousId,
            uint40 liveAt,
            uint40 blockNumber,
            uint40 heldUntil,
            uint16 openDemands,
            bool extended,
            bool refuted,
            uint16 signers,
            uint16 generation
        )
    {
        EpochFacts facts = _factsOf(epochId);
        return (
            facts.sequence(),
            epochId - facts.sinceLast(),
            facts.liveAt(),
            facts.blockNumber(),
            facts.heldUntil(),
            facts.openDemands(),
            facts.isExtended(),
            _roots[epochId] & REFUTED == REFUTED,
            facts.signers(),
            facts.generation()
        );
    }

    // -------------------------------------------------------------------------------------------------- for heirs

    function _factsOf(uint40 epochId) internal view returns (EpochFacts) {
        if (_roots[epochId] == 0) revert UnknownEpoch(epochId);
        return _facts[epochId];
    }

    /// @dev The newest epoch was published last: of it no facts need to be read.
    function _keptOf(OracleHead head, uint40 epochId) internal view returns (Kept storage) {
        uint256 sequence = epochId != 0 && epochId == head.latestEpochId()
            ? head.count() - 1
            : _factsOf(epochId).sequence();
        if (head.count() - sequence > KEPT) revert ContentForgotten(epochId);
        return _kept[sequence % KEPT];
    }

    function _isTripped(OracleHead head) internal view returns (bool) {
        return head.trippedAt() != 0 && block.timestamp < head.tripUntil();
    }

    function _isFrozen(uint256 root, uint40 epochId) internal view returns (bool) {
        return root & FROZEN != 0 || (root & HELD != 0 && block.timestamp <= _facts[epochId].heldUntil());
    }

    /// @dev Freeze for good: FROZEN, or REFUTED, which no later FROZEN takes back. While the newest epoch is frozen,
    ///      epochs are missing.
    function _freeze(uint40 epochId, uint256 how) internal {
        uint256 root = _roots[epochId];
        if (root & REFUTED != REFUTED) _roots[epochId] = root & ~HELD | how;
        _missing(epochId);
        emit EpochFrozen(epochId);
    }

    function _missing(uint40 epochId) internal {
        OracleHead head = _head;
        if (epochId != head.latestEpochId() || head.gapFrom() <= block.timestamp) return;
        _settleClock();
        _head = head.withGapFrom(uint40(block.timestamp));
    }

    /// @dev Put the stops up to now behind, before anything about them changes; live time.
    function _settleClock() internal returns (uint256 live) {
        LiveClock memory clock = _clock;
        (uint256 stopped, uint256 credit, bool disturbed) = stopsSince(clock, _stops(), block.timestamp);
        live = block.timestamp - clock.stopped - stopped;
        if (!disturbed) return live;
        clock.stopped += uint40(stopped);
        clock.credit = uint32(credit);
        clock.from = uint40(block.timestamp);
        _clock = clock;
    }

    /// @dev Whether an epoch could be refuted for long enough.
    function _isRipe(EpochFacts facts, uint256 live) private view returns (bool) {
        uint256 window = facts.isExtended() ? 2 * FINALITY : FINALITY;
        return live >= facts.liveAt() + window && block.number >= facts.blockNumber() + finalityBlocks
            && facts.openDemands() == 0;
    }

    function _stops() private view returns (Stops memory) {
        OracleHead head = _head;
        return Stops(head.trippedAt(), head.tripUntil(), head.gapFrom());
    }
}
