// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EpochContent} from "./EpochContent.sol";
import {LeafChallenges, FieldProof} from "./LeafChallenges.sol";
import {ASSET, LEAF, kindOf} from "./LeafJudge.sol";

/// @title Leaves that somebody wants to be shown
/// @notice A root under which a holder can prove nothing (a row left out, another shape) holds no false leaf. So
///         whoever misses one demands it, for a bond; unanswered by a `leaf-field` proof within 20 live minutes, the
///         epoch is frozen for good. What may be demanded is a null leaf, which every epoch has, and what the publishers
///         themselves have listed: in this epoch's `dataRoot`, or in that of an earlier final one. That a row was rightly
///         released since is answered by a quorum.
abstract contract LeafDemands is LeafChallenges {
    /// @notice Live seconds in which a demand must be answered, and from publication in which it can be made.
    uint256 public constant ANSWER_TIME = 20 minutes;
    /// @notice A bond pays the gas of so many answers, at the base fee or at this price, whichever is higher; and as many
    ///         times that as leaves of the epoch are open with it. Leaves are shown one by one: whoever demands more than
    ///         anybody can prove in time must not get an honest epoch frozen for little.
    uint256 public constant ANSWERS = 3;
    uint256 public constant LEAST_GAS_PRICE = 0.01 gwei;
    bytes32 public constant RELEASE_TYPEHASH = keccak256("Release(uint40 epochId,uint256 kind,uint256 leafId)");

    struct Demand {
        address demander;
        uint96 bond;
        /// Last live second at which it can be answered.
        uint40 due;
    }

    /// @notice Where a leaf is listed: a row of the `dataRoot` of this content.
    struct Listing {
        EpochContent content;
        uint256[] row;
        bytes32[] path;
    }

    mapping(bytes32 key => Demand) private _demands;

    event LeafDemanded(uint40 indexed epochId, uint256 indexed kind, uint256 indexed leafId, address demander, uint40 due);
    event LeafShown(uint40 indexed epochId, uint256 indexed kind, uint256 indexed leafId, address by);
    event LeafReleased(uint40 indexed epochId, uint256 indexed kind, uint256 indexed leafId);
    event LeafMissing(uint40 indexed epochId, uint256 indexed kind, uint256 indexed leafId);

    error DemandTooLate(uint40 epochId, uint256 last);
    error BondTooSmall(uint256 given, uint256 needed);
    error AlreadyDemanded(uint40 epochId, uint256 kind, uint256 leafId);
    error NotDemanded(uint40 epochId, uint256 kind, uint256 leafId);
    error AnswerTooLate(uint256 due);
    error AnswerNotDue(uint256 due);
    /// @notice Only a row of this epoch, or of an earlier one that is final, entitles to a leaf of it.
    error NotListedThere(uint40 epochId);
    error WrongRow(uint256 leafId);

    /// @notice Demand to be shown the leaf of an id in an epoch.
    /// @param listing Where it is listed; not looked at for id 0 of LEAF and ASSET.
    function demandLeaf(uint40 epochId, uint256 kind, uint256 leafId, Listing calldata listing) external payable {
        oracle.rootOf(epochId);
        uint256 live = oracle.liveTime();
        uint256 last = oracle.liveAtOf(epochId) + ANSWER_TIME;
        if (live > last) revert DemandTooLate(epochId, last);
        uint256 needed = bondNeededFor(epochId);
        if (msg.value < needed) revert BondTooSmall(msg.value, needed);
        // Whether an answer is possible at all: reverts where the kind has no verifier.
        verifiers.active(statementOf(kind));
        Demand storage demand = _demands[_key(epochId, kind, leafId)];
        if (demand.demander != address(0)) revert AlreadyDemanded(epochId, kind, leafId);
        if (leafId != 0 || (kind != LEAF && kind != ASSET)) _requireListed(epochId, kind, leafId, listing);

        uint40 due = uint40(live + ANSWER_TIME);
        (demand.demander, demand.bond, demand.due) = (msg.sender, uint96(msg.value), due);
        oracle.openDemand(epochId);
        emit LeafDemanded(epochId, kind, leafId, msg.sender, due);
    }

    /// @notice Show a leaf that is demanded: any element of it. The bond is for whoever does, whom the proof's context
    ///         names.
    function answerDemand(uint40 epochId, FieldProof calldata proof) external {
        (uint256 kind, uint256 leafId) = (kindOf(proof.shown), proof.shown.id);
        Demand memory demand = _openDemand(epochId, kind, leafId);
        if (oracle.liveTime() > demand.due) revert AnswerTooLate(demand.due);
        (uint256 root,,) = oracle.storedRootOf(epochId);
        _verify(epochId, root, proof, ANSWER);
        _owe(msg.sender, demand.bond);
        _close(epochId, kind, leafId, false);
        emit LeafShown(epochId, kind, leafId, msg.sender);
    }

    /// @notice Answer by a quorum's word that the leaf was released: nobody holds it (E7). The bond is forfeited: the
    ///         signatures name no sender, and whoever copied them would take it.
    function answerReleased(
        uint40 epochId,
        uint256 kind,
        uint256 leafId,
        uint16 generation_,
        bytes calldata signatures
    ) external {
        Demand memory demand = _openDemand(epochId, kind, leafId);
        if (oracle.liveTime() > demand.due) revert AnswerTooLate(demand.due);
        oracle.requireQuorum(generation_, keccak256(abi.encode(RELEASE_TYPEHASH, epochId, kind, leafId)), signatures);
        forfeited += demand.bond;
        _close(epochId, kind, leafId, false);
        emit LeafReleased(epochId, kind, leafId);
    }

    /// @notice Freeze an epoch for a leaf that was not shown in time; or take a bond back from one that is frozen for
    ///         good already. Anyone may; the bond goes back to the demander.
    function closeDemand(uint40 epochId, uint256 kind, uint256 leafId) external {
        Demand memory demand = _openDemand(epochId, kind, leafId);
        (, bool frozen,) = oracle.storedRootOf(epochId);
        if (!frozen && oracle.liveTime() <= demand.due) revert AnswerNotDue(demand.due);
        if (!frozen) {
            // Without a verifier nobody could answer: the epoch stays as it is, never final.
            verifiers.active(statementOf(kind));
            emit LeafMissing(epochId, kind, leafId);
        }
        _owe(demand.demander, demand.bond);
        _close(epochId, kind, leafId, !frozen);
    }

    /// @notice Wei that a demand must bring in this block, if it is the only one of its epoch.
    function bondNeeded() public view returns (uint256) {
        return ANSWERS * PROOF_GAS * (block.basefee > LEAST_GAS_PRICE ? block.basefee : LEAST_GAS_PRICE);
    }

    /// @notice Wei that one more demand of this epoch must bring in this block.
    function bondNeededFor(uint40 epochId) public view returns (uint256) {
        return bondNeeded() * (1 + uint256(oracle.openDemandsOf(epochId)));
    }

    /// @notice A demand that is open; zeros if there is none.
    function demandOf(uint40 epochId, uint256 kind, uint256 leafId) external view returns (Demand memory) {
        return _demands[_key(epochId, kind, leafId)];
    }

    function _requireListed(uint40 epochId, uint256 kind, uint256 leafId, Listing calldata listing) private view {
        uint40 where = listing.content.id;
        if (where != epochId && (where > epochId || !oracle.isFinal(where))) revert NotListedThere(where);
        _requireContent(listing.content);
        if (listing.row.length == 0 || listing.row[0] != leafId) revert WrongRow(leafId);
        _requireRow(listing.content, kind, listing.row, listing.path);
    }

    function _openDemand(uint40 epochId, uint256 kind, uint256 leafId) private view returns (Demand memory demand) {
        demand = _demands[_key(epochId, kind, leafId)];
        if (demand.demander == address(0)) revert NotDemanded(epochId, kind, leafId);
    }

    function _close(uint40 epochId, uint256 kind, uint256 leafId, bool missing) private {
        delete _demands[_key(epochId, kind, leafId)];
        oracle.closeDemand(epochId, missing);
    }

    function _key(uint40 epochId, uint256 kind, uint256 leafId) private pure returns (bytes32) {
        return keccak256(abi.encode(epochId, kind, leafId));
    }
}
