// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";

import {
    AND_COVERED,
    AccountWord,
    BY_BATCH_16,
    BY_BATCH_4,
    BY_COVER,
    BY_FLAT,
    BY_MARGIN,
    Basis,
    CALLED,
    MARGIN_END,
    VALUE_END,
    basisOf
} from "./AccountWord.sol";
import {BatchAttestor} from "./BatchAttestor.sol";
import {CommitmentDesk} from "./CommitmentDesk.sol";
import {Escrow} from "./Escrow.sol";
import {IBatchLedger} from "./IBatchLedger.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {requireFactorsHash} from "./Epochs.sol";
import {ICommitmentLedger} from "./ICommitmentLedger.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {proofContext} from "./ProofContext.sol";
import {VENUE} from "./Roles.sol";
import {BATCH_16, BATCH_4, COVER, FLAT, MARGIN} from "./Statements.sol";
import {valuation} from "./VaultCall.sol";
import {requireProof, requireProofOrShown} from "./VerifierCall.sol";

/// @title What all parts of a margin ledger share: accounts, whom it asks, and what is checked of every proof
abstract contract LedgerBase is ICommitmentLedger, IBatchLedger {
    /// @notice Whom the ledger asks and its clocks; fixed at deployment.
    struct Settings {
        IRiskOracle oracle;
        IVerifierRegistry verifiers;
        ICollateralVault vault;
        /// These three know their ledger: they are deployed before it, for the address that it will have.
        BatchAttestor attestor;
        CommitmentDesk desk;
        Escrow escrow;
        /// An epoch older than so many seconds proves nothing any more: for attestations; for withdrawals, the cover
        /// they are allowed by; and the second one, under a final epoch.
        uint40 maxEpochAge;
        uint40 exitEpochAge;
        uint40 finalEpochAge;
        /// Seconds for which an epoch is still good once a newer one is out, for proofs in flight.
        uint40 supersededGrace;
        /// The ladder of beta, in basis points of the margin, rising: maintenance, initial, and two above.
        uint16[4] buffers;
        /// Seconds from the epoch's publication for which a cover at each step of the ladder is good; never falling.
        uint32[4] lives;
    }

    /// @dev What is known of an account, and the commitment that it is known of: two words side by side, for one is seldom
    ///      read without the other.
    struct Entry {
        AccountWord word;
        uint256 commitment;
    }

    /// @dev One word.
    struct Custody {
        address venue;
        /// Wall time from which a flat account may leave although nothing was settled since its last transition.
        uint40 settledBy;
        /// Last second at which the opening of the commitment counts as being in escrow; 0 if it never was.
        uint40 escrowedUntil;
    }

    /// @dev Of buffers: basis points.
    uint256 internal constant UNIT = 10_000;
    /// @dev Steps of the ladder that actions use.
    uint256 internal constant MAINTENANCE_STEP = 0;
    uint256 internal constant INITIAL_STEP = 1;

    /// @notice Who is a venue; for ever, as nothing here is restricted to any other role.
    address public immutable authority;
    IRiskOracle public immutable oracle;
    IVerifierRegistry public immutable verifiers;
    ICollateralVault public immutable vault;
    /// @notice Who verifies batches, and keeps which covers were shown before.
    BatchAttestor public immutable attestor;
    uint40 public immutable maxEpochAge;
    uint40 public immutable exitEpochAge;
    uint40 public immutable finalEpochAge;
    uint40 public immutable supersededGrace;
    /// @dev Four of 16 bits, and four of 32, the first lowest.
    uint256 private immutable _buffers;
    uint256 private immutable _lives;

    mapping(address account => Entry) internal _entries;
    mapping(address account => Custody) internal _custody;

    error SettingMissing(string name);
    /// @notice It was deployed for another ledger.
    error NotOfThisLedger(address module);
    error LadderOutOfOrder(uint256 step);

    error AccountNotRegistered(address account);
    error WrongVersion(uint40 version, uint40 expected);
    error EpochOlderThanLast(uint40 epochId, uint40 last);
    error StaleEpoch(uint40 epochId, uint40 maxEpochAge);
    error SupersededEpoch(uint40 epochId, uint40 latestEpochId);
    error ValueTooWide(uint256 value, uint256 end);
    error NoSuchStep(uint256 step);
    error AccountIsCalled(address account);
    /// @notice The proof claims more collateral than the vault counts.
    error ClaimAboveValue(uint256 claimed, uint256 value);
    error VenueWithoutRole(address account, address venue);
    error NotVault(address sender);
    error CommitmentIsVoid(address account);

    constructor(address authority_, Settings memory s) {
        _requireCode("authority", authority_);
        _requireCode("oracle", address(s.oracle));
        _requireCode("verifiers", address(s.verifiers));
        _requireCode("attestor", address(s.attestor));
        _requireCode("desk", address(s.desk));
        _requireCode("escrow", address(s.escrow));
        // The vault knows this contract too, so it may be deployed later, to an address that is known.
        _require("vault", uint160(address(s.vault)));
        _require("maxEpochAge", s.maxEpochAge);
        _require("exitEpochAge", s.exitEpochAge);
        _require("finalEpochAge", s.finalEpochAge);
        _require("supersededGrace", s.supersededGrace);
        uint256 buffers;
        uint256 lives;
        for (uint256 step = 0; step < 4; ++step) {
            _require("lives", s.lives[step]);
            if (step > 0 && (s.buffers[step] <= s.buffers[step - 1] || s.lives[step] < s.lives[step - 1])) {
                revert LadderOutOfOrder(step);
            }
            buffers |= uint256(s.buffers[step]) << 16 * step;
            lives |= uint256(s.lives[step]) << 32 * step;
        }
        authority = authority_;
        oracle = s.oracle;
        verifiers = s.verifiers;
        vault = s.vault;
        attestor = s.attestor;
        maxEpochAge = s.maxEpochAge;
        exitEpochAge = s.exitEpochAge;
        finalEpochAge = s.finalEpochAge;
        supersededGrace = s.supersededGrace;
        _buffers = buffers;
        _lives = lives;
    }

    // ----------------------------------------------------------------------------------------------------- ladder

    /// @inheritdoc IBatchLedger
    function bufferOf(uint256 step) public view returns (uint256) {
        if (step > 3) revert NoSuchStep(step);
        return _buffers >> 16 * step & 0xffff;
    }

    /// @notice Seconds from the epoch's publication for which a cover at a step is good.
    function lifeOf(uint256 step) public view returns (uint256) {
        if (step > 3) revert NoSuchStep(step);
        return _lives >> 32 * step & 0xffffffff;
    }

    /// @dev A cover counts from its epoch, not from its transaction: shown again, it is good no longer.
    function _validUntil(uint40 epochId, uint256 step) internal view returns (uint32) {
        return _to32(uint256(epochId) + lifeOf(step));
    }

    /// @inheritdoc IBatchLedger
    function coverTermsOf(uint40 epochId, uint256 step) external view returns (uint256 root, uint256 buffer) {
        return (_freshRoot(epochId, maxEpochAge), bufferOf(step));
    }

    // ------------------------------------------------------------------------------------------------------ epochs

    /// @dev The root of an epoch that an account may be attested under: known and not frozen; at most `maxAge` old; not
    ///      superseded for longer than the grace; not older than the account's last, unless that one is frozen.
    function _admit(AccountWord word, uint40 epochId, uint40 maxAge) internal view returns (uint256 root) {
        _requireNotOlder(word, epochId);
        return _freshRoot(epochId, maxAge);
    }

    /// @dev The same, of an epoch whose list of factors this is: root, and what the vault counts by that list.
    function _admitFactors(AccountWord word, address account, uint40 epochId, ICollateralVault.Factor[] calldata factors)
        internal
        view
        returns (uint256 root, uint128 collateral)
    {
        _requireNotOlder(word, epochId);
        _requireFresh(epochId, maxEpochAge);
        bytes32 factorsHash;
        (root, factorsHash,) = oracle.termsOf(epochId);
        requireFactorsHash(epochId, factorsHash, factors);
        collateral = valuation(vault, account, epochId, factors);
    }

    function _freshRoot(uint40 epochId, uint40 maxAge) internal view returns (uint256) {
        _requireFresh(epochId, maxAge);
        return oracle.rootOf(epochId);
    }

    function _requireNotOlder(AccountWord word, uint40 epochId) private view {
        if (epochId < word.epochId() && !_isFrozen(word.epochId())) revert EpochOlderThanLast(epochId, word.epochId());
    }

    function _requireFresh(uint40 epochId, uint40 maxAge) private view {
        if (block.timestamp > uint256(epochId) + maxAge) revert StaleEpoch(epochId, maxAge);
        // A successor is later than the epoch: while the epoch itself is younger than the grace, none has been out for
        // longer, and nobody needs to be asked.
        if (block.timestamp > uint256(epochId) + supersededGrace) _requireNotSuperseded(epochId);
    }

    function _requireNotSuperseded(uint40 epochId) private view {
        uint40 latest = oracle.latestEpochId();
        // Where the newest is frozen, the last final one stands in for it.
        if (epochId < latest && _isFrozen(latest)) latest = oracle.latestFinalEpochId();
        if (epochId < latest && block.timestamp > uint256(latest) + supersededGrace) {
            revert SupersededEpoch(epochId, latest);
        }
    }

    /// @dev Whether the oracle refuses its root. Given too little gas to say, it counts as frozen here, and the call
    ///      fails for want of gas soon after: the root of another epoch is read next.
    function _isFrozen(uint40 epochId) internal view returns (bool) {
        try oracle.rootOf(epochId) returns (uint256) {
            return false;
        } catch {
            return true;
        }
    }

    // ------------------------------------------------------------------------------------------------------- proofs

    function _context(
        bytes32 statement,
        bytes32 keyDigest,
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash
    ) internal view returns (uint256) {
        return proofContext(address(this), statement, keyDigest, account, epochId, version, actionHash);
    }

    /// @param generation 0 for the one in force.
    function _verifier(bytes32 statement, uint32 generation)
        internal
        view
        returns (address verifier, bytes32 keyDigest, uint32 used)
    {
        if (generation == 0) return verifiers.active(statement);
        (verifier, keyDigest) = verifiers.byGeneration(statement, generation);
        used = generation;
    }

    /// @dev A `margin` proof.
    function _requireMargin(
        address account,
        uint40 epochId,
        uint40 version,
        uint256 commitment,
        uint256 root,
        uint128 margin,
        uint32 generation,
        uint256[8] calldata proof
    ) internal view returns (Basis) {
        if (margin >= MARGIN_END) revert ValueTooWide(margin, MARGIN_END);
        (address verifier, bytes32 keyDigest, uint32 used) = _verifier(MARGIN, generation);
        uint256 context = _context(MARGIN, keyDigest, account, epochId, version, 0);
        requireProof(verifier, proof, context, root, commitment, margin);
        return basisOf(BY_MARGIN, used);
    }

    /// @dev What a cover proof is about, apart from what it says.
    struct Subject {
        address account;
        uint40 epochId;
        uint40 version;
        bytes32 actionHash;
        uint256 commitment;
        uint256 root;
    }

    /// @dev A `cover` proof of either side.
    function _requireCover(
        Subject memory subject,
        uint256 claimed,
        uint256 step,
        uint256 side,
        uint32 generation,
        uint256[8] calldata proof
    ) internal view returns (Basis) {
        (address verifier, bytes32 keyDigest, uint32 used) = _verifier(COVER, generation);
        uint256 context = _context(
            COVER, keyDigest, subject.account, subject.epochId, subject.version, subject.actionHash
        );
        uint256 claim = _claim(claimed, step, side);
        requireProofOrShown(
            address(attestor), verifier, proof, context, subject.root, subject.commitment, claim
        );
        return basisOf(BY_COVER, used);
    }

    /// @dev V + beta 2^128 + side 2^144.
    function _claim(uint256 claimed, uint256 step, uint256 side) internal view returns (uint256) {
        if (claimed >= VALUE_END) revert ValueTooWide(claimed, VALUE_END);
        return claimed | bufferOf(step) << 128 | side << 144;
    }

    /// @dev A `flat` proof; it reads no epoch.
    function _requireFlat(
        address account,
        uint40 version,
        bytes32 actionHash,
        uint32 generation,
        uint256[8] calldata proof
    ) internal view returns (Basis) {
        (address verifier, bytes32 keyDigest, uint32 used) = _verifier(FLAT, generation);
        uint256 context = _context(FLAT, keyDigest, account, 0, version, actionHash);
        Address.functionStaticCall(
            verifier,
            abi.encodeWithSelector(
                bytes4(keccak256("verifyProof(uint256[8],uint256[2])")), proof, context, _commitment(account)
            )
        );
        return basisOf(BY_FLAT, used);
    }

    // ----------------------------------------------------------------------------------------------------- accounts

    /// @inheritdoc IMarginManager
    function commitmentOf(address account) external view returns (uint256) {
        return _entries[account].commitment;
    }

    /// @dev The word of an account at the version that a proof is for.
    function _at(address account, uint40 version) internal view returns (AccountWord word) {
        word = _entries[account].word;
        if (word.version() == 0) revert AccountNotRegistered(account);
        if (version != word.version()) revert WrongVersion(version, word.version());
    }

    function _isCalled(AccountWord word) internal pure returns (bool) {
        return word.basis() == CALLED;
    }

    /// @dev Void commitments are 0, which is H of nothing that anybody knows; still, nothing is proven about it.
    function _commitment(address account) internal view returns (uint256 commitment) {
        commitment = _entries[account].commitment;
        if (commitment == 0) revert CommitmentIsVoid(account);
    }

    /// @dev Whether the verifier behind an entry is still believed; false where there is none.
    function _isTrusted(AccountWord word) internal view returns (bool) {
        uint32 generation = word.generation();
        return generation != 0 && verifiers.isTrusted(_statementOf(word.source()), generation);
    }

    function _statementOf(uint256 source) private pure returns (bytes32) {
        if (source == BY_COVER) return COVER;
        if (source == BY_FLAT) return FLAT;
        uint256 by = source % AND_COVERED;
        return by == BY_BATCH_16 ? BATCH_16 : by == BY_BATCH_4 ? BATCH_4 : MARGIN;
    }

    /// @dev Proven to hold nothing, by a key that is still believed.
    function _isFlat(AccountWord word) internal view returns (bool) {
        return word.generation() != 0 && word.source() == BY_FLAT && _isTrusted(word);
    }

    /// @dev Covered in this version, for now: by a cover proof or by a margin that counts as one.
    function _isCovered(AccountWord word) internal view returns (bool) {
        if (word.generation() == 0) return false;
        if (word.source() == BY_FLAT) return _isTrusted(word);
        return word.source() >= AND_COVERED && block.timestamp <= word.clock() && _isTrusted(word)
            && !_isFrozen(word.epochId());
    }

    /// @dev What is kept of an account whose venue has not lost its role: nobody's word outlives it.
    function _trustedCustody(address account) internal view returns (Custody memory custody) {
        custody = _custody[account];
        if (!_hasRole(VENUE, custody.venue)) revert VenueWithoutRole(account, custody.venue);
    }

    function _hasRole(uint64 role, address who) internal view returns (bool member) {
        (member,) = IAccessManager(authority).hasRole(role, who);
    }

    function _requireVault() internal view {
        if (msg.sender != address(vault)) revert NotVault(msg.sender);
    }

    // ------------------------------------------------------------------------------------------------------- words

    function _to32(uint256 number) internal pure returns (uint32) {
        if (number > type(uint32).max) revert ValueTooWide(number, 1 << 32);
        return uint32(number);
    }

    function _now() internal view returns (uint40) {
        return uint40(block.timestamp);
    }

    function _require(string memory name, uint256 setting) private pure {
        if (setting == 0) revert SettingMissing(name);
    }

    function _requireCode(string memory name, address setting) private view {
        if (setting.code.length == 0) revert SettingMissing(name);
    }
}
