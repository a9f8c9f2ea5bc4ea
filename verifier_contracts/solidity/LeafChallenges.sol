// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {EpochContent, contentDigest, rowDigest} from "./EpochContent.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {
    ASSET, Field, LEAF, LeafLayout, MARK, breaksBound, contradict, contradictsMarks, elementOf, kindOf
} from "./LeafJudge.sol";
import {proofContext} from "./ProofContext.sol";
import {PublisherStakes} from "./PublisherStakes.sol";

/// @dev Bits of the number by which lists and vault know an asset: the low ones of its id, which is a digest of its name.
///      The bit above them is that of shares, which are marked and never listed. Publishers see to it that no two assets
///      of an epoch share a number.
uint256 constant ASSET_NUMBER = (1 << 31) - 1;

/// @notice Collateral factors of an asset: what one base unit counts for, in 2**-64 x 1e-6 quote units, as collateral
///         and as a debt.
struct Factor {
    uint32 assetId;
    uint80 v;
    uint80 d;
}

/// @notice An element of a leaf, and the proof that the epoch holds it.
struct FieldProof {
    Field shown;
    uint256[8] proof;
}

/// @title False leaves, shown by proof
/// @notice A `leaf-field` proof says only what an epoch holds. Whether that is false is judged here, not in the
///         circuit. A false epoch is frozen for good, and whoever signed it is slashed. What cannot be shown: a wrong
///         value that is well formed, a row that neither tree holds, a regime (breaker, references and guardian).
abstract contract LeafChallenges is PublisherStakes {
    /// @notice Slots of the registry of verifiers, by kind of leaf: each kind is a circuit of its own.
    bytes32 public constant LEAF_FIELD = keccak256("leaf-field");
    bytes32 public constant LEAF_FIELD_ASSET = keccak256("leaf-field-asset");
    bytes32 public constant LEAF_FIELD_MARK = keccak256("leaf-field-mark");
    /// @notice What a proof is for, in its context: to refute, or to answer a demand.
    bytes32 public constant CHALLENGE = keccak256("challenge");
    bytes32 public constant ANSWER = keccak256("answer");
    /// @notice Gas that a reward counts for each proof.
    uint256 public constant PROOF_GAS = 305_000;

    /// @notice Who refuted an epoch, until its signers are slashed.
    struct Refutation {
        address challenger;
        uint8 proofs;
        /// Of the block, in wei: never what the transaction says it pays.
        uint88 baseFee;
    }

    IVerifierRegistry public immutable verifiers;
    // The layout, in code: read at every challenge.
    uint8 private immutable _lanes;
    uint8 private immutable _width;
    uint8 private immutable _valueBits;
    uint32 private immutable _values;
    uint16 private immutable _underlyings;
    uint256 private immutable _cashId;
    mapping(uint40 epochId => Refutation) public refutationOf;

    event LeafRefuted(uint40 indexed epochId, address indexed challenger);

    /// @notice This is not what was published under this id.
    error WrongContent(uint40 epochId, bytes32 digest);
    error AlreadyRefuted(uint40 epochId);
    error NotRefuted(uint40 epochId);
    /// @notice What the proofs show is not false.
    error FieldStands(uint40 epochId);
    error FactorsStand(uint40 epochId);
    error UnknownKind(uint256 kind);
    error WrongNumberOfProofs(uint256 proofs);
    /// @notice The row is not in the tree that was signed.
    error RowNotInTree(bytes32 row, bytes32 dataRoot);
    error WrongFactors(bytes32 factorsHash);
    error LayoutOutOfBound();

    constructor(IVerifierRegistry verifiers_, LeafLayout memory layout_) {
        if (address(verifiers_).code.length == 0) revert SettingMissing("verifiers");
        // Digits of packed elements must be told apart, and two proofs' worth of bits must not wrap (LeafJudge).
        if (
            layout_.lanes == 0 || uint256(layout_.lanes) * layout_.width > 253 || layout_.valueBits == 0
                || layout_.valueBits >= layout_.width - 1 || layout_.values == 0 || layout_.underlyings == 0
        ) revert LayoutOutOfBound();
        verifiers = verifiers_;
        (_lanes, _width, _valueBits) = (layout_.lanes, layout_.width, layout_.valueBits);
        (_values, _underlyings, _cashId) = (layout_.values, layout_.underlyings, layout_.cashId);
    }

    // ------------------------------------------------------------------------------------------------- challenging

    /// @notice Refute an epoch by what it holds: an element out of its bound (one proof), or two that contradict each
    ///         other. Rewards go to the sender, whom the proofs' contexts name.
    function challengeField(uint40 epochId, FieldProof[] calldata proofs) external {
        uint256 root = _challengeable(epochId);
        if (proofs.length == 0 || proofs.length > 2) revert WrongNumberOfProofs(proofs.length);
        for (uint256 i = 0; i < proofs.length; ++i) {
            _verify(epochId, root, proofs[i], CHALLENGE);
        }
        LeafLayout memory layout_ = leafLayout();
        bool false_ = proofs.length == 1
            ? breaksBound(proofs[0].shown, layout_)
            : contradict(proofs[0].shown, proofs[1].shown, layout_);
        if (!false_) revert FieldStands(epochId);
        _refute(epochId, proofs.length);
    }

    /// @notice Refute an epoch whose two trees differ: a leaf holds another element than its row in `dataRoot`.
    /// @param row  The row's elements as residues, the id first; it is of the kind that the proof shows.
    /// @param path Its siblings, from the leaf up (pairs are hashed sorted).
    function challengeRow(
        uint40 epochId,
        FieldProof calldata proof,
        EpochContent calldata content,
        uint256[] calldata row,
        bytes32[] calldata path
    ) external {
        uint256 root = _challengeable(epochId);
        _verify(epochId, root, proof, CHALLENGE);
        _requireContentOf(epochId, content);
        _requireRow(content, kindOf(proof.shown), row, path);
        uint256 k = elementOf(proof.shown);
        if (row.length == 0 || row[0] != proof.shown.id) revert FieldStands(epochId);
        if (k < row.length && row[k] == proof.shown.x) revert FieldStands(epochId);
        _refute(epochId, 1);
    }

    /// @notice Refute an epoch whose marks are not those of its leaves.
    /// @param mark       Spot in the MARK leaf of an instrument.
    /// @param underlying Which underlying that is, in its LEAF.
    function challengeMarks(
        uint40 epochId,
        FieldProof calldata mark,
        FieldProof calldata underlying,
        EpochContent calldata content
    ) external {
        uint256 root = _challengeable(epochId);
        _verify(epochId, root, mark, CHALLENGE);
        _verify(epochId, root, underlying, CHALLENGE);
        _requireContentOf(epochId, content);
        if (!contradictsMarks(mark.shown, underlying.shown, content.marks, leafLayout())) revert FieldStands(epochId);
        _refute(epochId, 2);
    }

    /// @notice Refute an epoch whose list of factors is not that of its leaves: another v or d, or an asset left out.
    function challengeFactor(uint40 epochId, FieldProof calldata proof, Factor[] calldata factors) external {
        uint256 root = _challengeable(epochId);
        _verify(epochId, root, proof, CHALLENGE);
        _requireFactors(epochId, factors);
        uint256 k = elementOf(proof.shown);
        if (kindOf(proof.shown) != ASSET || proof.shown.id == 0 || k == 0) revert FieldStands(epochId);
        for (uint256 i = 0; i < factors.length; ++i) {
            if (factors[i].assetId != proof.shown.id & ASSET_NUMBER) continue;
            if (proof.shown.x == (k == 1 ? factors[i].v : factors[i].d)) revert FieldStands(epochId);
            break;
        }
        _refute(epochId, 1);
    }

    /// @notice Refute an epoch whose list of factors is false by itself: ids that do not rise strictly from above 0, or
    ///         an asset that is worth more than it costs (E8).
    function challengeFactors(uint40 epochId, Factor[] calldata factors) external {
        _challengeable(epochId);
        _requireFactors(epochId, factors);
        bool false_ = false;
        uint256 last = 0;
        for (uint256 i = 0; i < factors.length; ++i) {
            if (factors[i].assetId <= last || factors[i].v > factors[i].d) false_ = true;
            last = factors[i].assetId;
        }
        if (!false_) revert FactorsStand(epochId);
        _refute(epochId, 0);
    }

    /// @notice Slash those who signed a refuted epoch, and reward whoever refuted it: three times the gas of the proofs
    ///         at the block's base fee, and a tenth of what was slashed; never more than that. Anyone may. Where no proof
    ///         was needed, no context names who found the lie, and a copy would take the reward: there is none.
    function settleRefutation(uint40 epochId) external {
        Refutation memory refutation = refutationOf[epochId];
        if (refutation.challenger == address(0)) revert NotRefuted(epochId);
        delete refutationOf[epochId];
        address[] memory liars = oracle.publishersOf(epochId);
        uint256 slashed = 0;
        for (uint256 i = 0; i < liars.length; ++i) {
            slashed += _slash(liars[i]);
        }
        uint256 gasCost = PROOF_GAS * refutation.proofs * refutation.baseFee;
        _reward(refutation.challenger, refutation.proofs == 0 ? 0 : 3 * gasCost + slashed / 10, slashed);
    }

    /// @notice How instrument leaves are laid out.
    function leafLayout() public view returns (LeafLayout memory) {
        return LeafLayout(_lanes, _width, _valueBits, _values, _underlyings, _cashId);
    }

    /// @notice Digest of the key in force for proofs about leaves of a kind.
    function keyDigestOf(uint256 kind) external view returns (bytes32 keyDigest) {
        (, keyDigest,) = verifiers.active(statementOf(kind));
    }

    /// @notice The public input `context` of a proof about a leaf: it names who shows it, so that nobody else's
    ///         transaction can carry it.
    /// @param action CHALLENGE or ANSWER.
    function leafContextOf(address sender, uint40 epochId, uint256 kind, bytes32 action)
        external
        view
        returns (uint256)
    {
        bytes32 statement = statementOf(kind);
        (, bytes32 keyDigest,) = verifiers.active(statement);
        return proofContext(address(this), statement, keyDigest, sender, epochId, 0, action);
    }

    /// @notice The slot of the registry of verifiers for a kind of leaf.
    function statementOf(uint256 kind) public pure returns (bytes32) {
        if (kind == LEAF) return LEAF_FIELD;
        if (kind == ASSET) return LEAF_FIELD_ASSET;
        if (kind == MARK) return LEAF_FIELD_MARK;
        revert UnknownKind(kind);
    }

    // -------------------------------------------------------------------------------------------------- for heirs

    /// @dev Reverts unless the proof holds, for the sender, this epoch and this action.
    function _verify(uint40 epochId, uint256 root, FieldProof calldata given, bytes32 action) internal view {
        bytes32 statement = statementOf(kindOf(given.shown));
        (address verifier, bytes32 keyDigest,) = verifiers.active(statement);
        uint256 context = proofContext(address(this), statement, keyDigest, msg.sender, epochId, 0, action);
        // A call of an address without code succeeds: functionStaticCall looks.
        Address.functionStaticCall(
            verifier,
            abi.encodeWithSignature(
                "verifyProof(uint256[8],uint256[5])",
                given.proof,
                context,
                root,
                given.shown.id,
                given.shown.place,
                given.shown.x
            )
        );
    }

    /// @dev Reverts unless this was published.
    function _requireContent(EpochContent calldata content) internal view {
        bytes32 digest = contentDigest(content);
        if (oracle.contentDigestOf(content.id) != digest) revert WrongContent(content.id, digest);
    }

    function _requireRow(
        EpochContent calldata content,
        uint256 kind,
        uint256[] calldata row,
        bytes32[] calldata path
    ) internal pure {
        bytes32 digest = rowDigest(kind, row);
        if (!MerkleProof.verifyCalldata(path, content.dataRoot, digest)) revert RowNotInTree(digest, content.dataRoot);
    }

    /// @dev The root of an epoch that no proof has refuted yet, frozen or not: publishers who freeze it themselves
    ///      when they see a challenge coming are slashed all the same.
    function _challengeable(uint40 epochId) private view returns (uint256 root) {
        bool refuted;
        (root,, refuted) = oracle.storedRootOf(epochId);
        if (refuted) revert AlreadyRefuted(epochId);
    }

    function _requireContentOf(uint40 epochId, EpochContent calldata content) private view {
        if (content.id != epochId) revert WrongContent(epochId, contentDigest(content));
        _requireContent(content);
    }

    function _requireFactors(uint40 epochId, Factor[] calldata factors) private view {
        bytes32 digest = keccak256(abi.encode(factors));
        if (digest != oracle.factorsHashOf(epochId)) revert WrongFactors(digest);
    }

    function _refute(uint40 epochId, uint256 proofs) private {
        refutationOf[epochId] = Refutation(msg.sender, uint8(proofs), uint88(block.basefee));
        oracle.refute(epochId);
        emit LeafRefuted(epochId, msg.sender);
    }
}
