// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccountWord, BY_COVER, BY_FLAT, Basis, CALLED, NOTHING, packWord} from "./AccountWord.sol";
import {CommitmentDesk} from "./CommitmentDesk.sol";
import {Escrow} from "./Escrow.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {EscrowMissing, ICommitmentLedger} from "./ICommitmentLedger.sol";
import {IMarginManager, MarginStatus} from "./IMarginManager.sol";
import {LedgerAttestations} from "./LedgerAttestations.sol";
import {LedgerBase} from "./LedgerBase.sol";
import {VENUE} from "./Roles.sol";

/// @title The margin state of accounts: commitments, what is proven of them, and actions that rest on proofs
/// @notice Commitments change at the desk, and nowhere else: by registration (venue and owner), by a proven
///         transition (venue's fills, owner's signature) and by voiding. Margin state changes by proofs alone. Whoever
///         acts on it reads `tryMarginOf`.
contract MarginLedger is LedgerAttestations {
    /// @notice Says which commitments accounts have.
    CommitmentDesk public immutable desk;
    /// @notice Says whose openings can be had without their owners.
    Escrow public immutable escrow;

    error NotDesk(address sender);
    error NotEscrow(address sender);
    error OtherCommitment(uint256 commitment, uint256 expected);
    error EpochNotFinal(uint40 epochId);
    error SettlementPending(address account, uint256 until);
    error MarginUnavailable(address account, MarginStatus status);
    error MarginHidden(address account);

    constructor(address authority_, Settings memory settings)
        LedgerBase(authority_, settings)
        LedgerAttestations(settings)
    {
        if (address(settings.desk.ledger()) != address(this)) revert NotOfThisLedger(address(settings.desk));
        if (address(settings.escrow.ledger()) != address(this)) revert NotOfThisLedger(address(settings.escrow));
        desk = settings.desk;
        escrow = settings.escrow;
    }

    // -------------------------------------------------------------------------------------------------- commitments

    /// @inheritdoc ICommitmentLedger
    /// @dev The epoch outlives it, and so does the clock that runs from the last cover; for an account that never had
    ///      one it starts now.
    function setCommitment(address account, address venue, uint256 commitment, uint40 settledBy) external {
        if (msg.sender != address(desk)) revert NotDesk(msg.sender);
        AccountWord word = _entries[account].word;
        uint32 clock = word.clock() == 0 ? _to32(block.timestamp + lifeOf(MAINTENANCE_STEP)) : word.clock();
        Basis basis = _isCalled(word) ? CALLED : NOTHING;
        uint96 none = 0;
        _entries[account].word = packWord(none, word.epochId(), word.version() + 1, 0, basis, clock);
        _custody[account] = Custody(venue, settledBy, 0);
        _entries[account].commitment = commitment;
    }

    /// @inheritdoc ICommitmentLedger
    function noteEscrow(address account, uint256 commitment, uint40 until) external {
        if (msg.sender != address(escrow)) revert NotEscrow(msg.sender);
        uint256 present = _entries[account].commitment;
        if (commitment != present) revert OtherCommitment(commitment, present);
        _custody[account].escrowedUntil = until;
    }

    // ------------------------------------------------------------------------------------------------------ actions

    /// @inheritdoc IMarginManager
    function coverAction(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash,
        uint128 value,
        uint128 claimed,
        uint256[8] calldata proof
    ) external {
        _requireVault();
        AccountWord word = _at(account, version);
        if (_isCalled(word)) revert AccountIsCalled(account);
        uint256 root = _admit(word, epochId, exitEpochAge);
        Basis basis = _coverOfAction(account, epochId, version, actionHash, value, claimed, root, proof);
        _storeCover(account, epochId, version + 1, claimed, _validUntil(epochId, INITIAL_STEP), basis);
    }

    /// @inheritdoc IMarginManager
    function checkCover(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash,
        uint128 value,
        uint128 claimed,
        uint256[8] calldata proof
    ) external view {
        _requireVault();
        if (_isCalled(_at(account, version))) revert AccountIsCalled(account);
        if (block.timestamp > uint256(epochId) + finalEpochAge) revert StaleEpoch(epochId, finalEpochAge);
        if (!oracle.isFinal(epochId)) revert EpochNotFinal(epochId);
        _coverOfAction(account, epochId, version, actionHash, value, claimed, oracle.rootOf(epochId), proof);
    }

    /// @inheritdoc IMarginManager
    function flatForAction(address account, uint40 version, bytes32 actionHash, uint256[8] calldata proof) external {
        _requireVault();
        AccountWord word = _at(account, version);
        uint256 until = _custody[account].settledBy;
        if (block.timestamp < until) revert SettlementPending(account, until);
        Basis basis = _requireFlat(account, version, actionHash, 0, proof);
        _storeFlat(word, account, version + 1, basis);
    }

    /// @notice The settlement that a flat account has to wait for has come (the vault).
    function settled(address account) external {
        _requireVault();
        _custody[account].settledBy = 0;
    }

    /// @dev Nothing rests on the word of a venue that has lost its role; nothing leaves while only the owner could open the
    ///      account.
    function _coverOfAction(
        address account,
        uint40 epochId,
        uint40 version,
        bytes32 actionHash,
        uint128 value,
        uint128 claimed,
        uint256 root,
        uint256[8] calldata proof
    ) private view returns (Basis) {
        if (block.timestamp > _trustedCustody(account).escrowedUntil) revert EscrowMissing(account);
        _requireWithin(claimed, value);
        return _requireCover(
            Subject(account, epochId, version, actionHash, _commitment(account), root),
            claimed,
            INITIAL_STEP,
            1,
            0,
            proof
        );
    }

    // ------------------------------------------------------------------------------------------------------ reading

    /// @inheritdoc IMarginManager
    function tryMarginOf(address account, uint256 maxAge, uint40 minEpochId, address expectedVenue)
        public
        view
        returns (MarginStatus status, uint128 margin, uint40 epochId, uint64 validUntil)
    {
        AccountWord word = _entries[account].word;
        status = _statusOf(word, account, maxAge, minEpochId, expectedVenue);
        if (status == MarginStatus.Unknown || status == MarginStatus.NotAttested) {
            return (status, 0, 0, 0);
        }
        (margin, epochId) = (word.value(), word.epochId());
        if (status == MarginStatus.Flat) validUntil = type(uint64).max;
        if (status == MarginStatus.Valid) {
            uint256 until = uint256(epochId) + (maxAge < type(uint40).max ? maxAge : type(uint40).max);
            if (word.source() == BY_COVER && word.clock() < until) until = word.clock();
            validUntil = uint64(until);
        }
    }

    /// @inheritdoc IMarginManager
    function marginOf(address account, uint256 maxAge) external view returns (uint128 margin) {
        MarginStatus status;
        (status, margin,,) = tryMarginOf(account, maxAge, 0, address(0));
        if (status != MarginStatus.Valid && status != MarginStatus.Flat) revert MarginUnavailable(account, status);
        if (status == MarginStatus.Valid && _entries[account].word.source() == BY_COVER) revert MarginHidden(account);
    }

    /// @inheritdoc IMarginManager
    function venueOf(address account) external view returns (address) {
        return _custody[account].venue;
    }

    /// @inheritdoc IMarginManager
    function versionOf(address account) external view returns (uint40) {
        return _entries[account].word.version();
    }

    /// @inheritdoc IMarginManager
    function isCalled(address account) external view returns (bool) {
        return _isCalled(_entries[account].word);
    }

    /// @inheritdoc ICommitmentLedger
    /// @dev It has no cover for its present version that is good now.
    function isReduceOnly(address account) external view returns (bool) {
        return !_isCovered(_entries[account].word);
    }

    /// @inheritdoc ICommitmentLedger
    function isEscrowed(address account) external view returns (bool) {
        return block.timestamp <= _custody[account].escrowedUntil;
    }

    /// @notice Last second at which the opening of its commitment counts as being in escrow; 0 if it never was.
    function escrowedUntilOf(address account) external view returns (uint40) {
        return _custody[account].escrowedUntil;
    }

    /// @inheritdoc ICommitmentLedger
    function isFlat(address account) external view returns (bool) {
        return _isFlat(_entries[account].word);
    }

    /// @notice The raw state of an account, for display and audit; see AccountWord.
    function stateOf(address account)
        external
        view
        returns (uint96 value, uint40 epochId, uint40 version, uint40 attestedAt, uint8 basis, uint32 clock)
    {
        AccountWord w = _entries[account].word;
        return (w.value(), w.epochId(), w.version(), w.attestedAt(), Basis.unwrap(w.basis()), w.clock());
    }

    /// @notice Wall time until which a flat account waits for the settlement of its last transition.
    function settledByOf(address account) external view returns (uint40) {
        return _custody[account].settledBy;
    }

    function _statusOf(
        AccountWord word,
        address account,
        uint256 maxAge,
        uint40 minEpochId,
        address expectedVenue
    ) private view returns (MarginStatus) {
        address venue = _custody[account].venue;
        if (word.version() == 0 || (expectedVenue != address(0) && venue != expectedVenue) || !_hasRole(VENUE, venue)) {
            return MarginStatus.Unknown;
        }
        if (_isCalled(word)) return MarginStatus.Called;
        if (word.basis() == NOTHING) return MarginStatus.NotAttested;
        if (!_isTrusted(word)) return MarginStatus.Distrusted;
        if (word.source() == BY_FLAT) return MarginStatus.Flat;
        if (_isFrozen(word.epochId())) return MarginStatus.Frozen;
        if (word.epochId() < minEpochId) return MarginStatus.Superseded;
        if (block.timestamp - word.epochId() > maxAge) return MarginStatus.Stale;
        if (word.source() == BY_COVER && block.timestamp > word.clock()) return MarginStatus.ReduceOnly;
        return MarginStatus.Valid;
    }
}
