// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {
    AND_COVERED, AccountWord, BY_COVER, BY_FLAT, Basis, CALLED, MARGIN_END, basisOf, generationOf, packWord
} from "./AccountWord.sol";
import {BatchAttestor} from "./BatchAttestor.sol";
import {requireFactors} from "./Epochs.sol";
import {IBatchLedger} from "./IBatchLedger.sol";
import {ICommitmentLedger} from "./ICommitmentLedger.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {LedgerBase} from "./LedgerBase.sol";
import {COVER} from "./Statements.sol";
import {valuations} from "./VaultCall.sol";

/// @title Margin state that moves on nothing but a proof
/// @notice Anyone may show a proof: the effect is the same. Nothing here can be paused.
abstract contract LedgerAttestations is LedgerBase {

    /// @dev One word.
    struct Call {
        /// Of the `cover` verifier that it rests on, or that was in force.
        uint32 generation;
        /// When the account was last proven covered, so far as is known: nothing that was lost was lost before.
        uint40 coveredAt;
        /// Wall time; the word's own goes with its version.
        uint40 calledAt;
    }

    /// @dev Of the last call of an account.
    mapping(address account => Call) internal _calls;

    /// @notice Why an entry of a batch was verified and not applied.
    enum Skipped {
        No,
        /// Its version or commitment is not the account's any more.
        Replaced,
        /// The account's last epoch is newer.
        Older,
        /// The same, or something better, stands already.
        Stands,
        /// A called account: only a single cover at initial margin cures it.
        Called,
        /// It claims more collateral than the vault counts.
        Uncovered
    }

    event MarginAttested(address indexed account, uint40 epochId, uint40 version, uint128 margin);
    event CoverAttested(
        address indexed account, uint40 epochId, uint40 version, uint128 value, uint32 validUntil
    );
    event FlatAttested(address indexed account, uint40 version);
    /// @notice A public margin counts as cover: `value` is what the vault holds against it.
    event MarginCovered(
        address indexed account, uint40 indexed epochId, uint40 version, uint128 value, uint32 validUntil
    );
    event AttestationSkipped(address indexed account, uint40 indexed epochId, uint40 version, Skipped why);
    /// @notice `value` is what the shortfall was proven for; 0 for silence.
    event AccountCalled(address indexed account, uint40 indexed epochId, uint40 version, uint128 value);
    event AccountCured(address indexed account, uint40 indexed epochId, uint40 version);

    error AlreadyAttested(address account, uint40 epochId, uint40 version, uint128 value);
    /// @notice A cover that has not run out, or a proof of flatness, stands: a margin does not take its place.
    error CoverStands(address account, uint40 epochId, uint32 validUntil);
    error CureAtInitialMargin(uint256 step);
    error NoMargin(address account);
    error NotCovered(uint256 margin, uint256 value);
    /// @notice A shortfall must be of at least what the vault counts.
    error ClaimBelowValue(uint256 claimed, uint256 value);
    error NotAttestor(address sender);

    constructor(Settings memory s) {
        if (address(s.attestor.ledger()) != address(this)) revert NotOfThisLedger(address(s.attestor));
    }

    // ------------------------------------------------------------------------------------------------------ margins

    /// @inheritdoc ICommitmentLedger
    /// @dev    Root and commitment come from storage and the context is recomputed. Returns quietly, without looking at
    ///         the proof, if the very same margin stands already: whoever's transaction was copied and overtaken is not
    ///         hurt. Replay is keyed on (account, epoch, version), never on proof bytes: anyone can re-randomise a proof.
    /// @param version    The version that the proof was made for.
    /// @param margin     In 1e-6 quote units.
    /// @param generation Of the verifier that the proof was made for; 0 for the one in force.
    function attest(
        address account,
        uint40 epochId,
        uint40 version,
        uint128 margin,
        uint32 generation,
        uint256[8] calldata proof
    ) external {
        AccountWord word = _at(account, version);
        if (_isCalled(word)) revert AccountIsCalled(account);
        if (_marginStands(word, epochId)) {
            if (word.value() == margin) return;
            revert AlreadyAttested(account, epochId, version, word.value());
        }
        if (_coverStands(word)) revert CoverStands(account, word.epochId(), word.clock());
        uint256 root = _admit(word, epochId, maxEpochAge);
        Basis basis =
            _requireMargin(account, epochId, version, _commitment(account), root, margin, generation, proof);
        _storeMargin(word, account, epochId, margin, basis);
    }

    /// @inheritdoc ICommitmentLedger
    /// @dev R9: 10^4 V >= M (10^4 + beta), with V the vault's value at the factors
    ///         of the margin's own epoch. No proof is needed.
    /// @param step Of the ladder of beta.
    function coverByMargin(address account, uint256 step, ICollateralVault.Factor[] calldata factors) external {
        AccountWord word = _entries[account].word;
        if (word.generation() == 0 || word.source() >= BY_COVER || !_isTrusted(word)) revert NoMargin(account);
        uint40 epochId = word.epochId();
        (, uint128 collateral) = _admitFactors(word, account, epochId, factors);
        if (UNIT * collateral < word.value() * (UNIT + bufferOf(step))) revert NotCovered(word.value(), collateral);
        uint32 until = _validUntil(epochId, step);
        bool covered = word.source() >= AND_COVERED;
        if (covered && until <= word.clock()) return;
        uint256 source = covered ? word.source() : word.source() + AND_COVERED;
        _entries[account].word = packWord(
            word.value(), epochId, word.version(), word.attestedAt(), basisOf(source, word.generation()), until
        );
        emit MarginCovered(account, epochId, word.version(), collateral, until);
    }

    // -------------------------------------------------------------------------------------------------------- cover

    /// @inheritdoc ICommitmentLedger
    /// @dev Cures a called account, at initial margin or above; a call whose epoch is frozen, or whose key has been
    ///         distrusted, at maintenance margin: it took nothing more.
    /// @param step    Of the ladder of beta: how much beyond the margin, and for how long the cover is good.
    /// @param claimed The proof's own V, at most the vault's.
    /// @param factors The epoch's list, for the vault.
    function attestCover(
        address account,
        uint40 epochId,
        uint40 version,
        uint256 step,
        uint128 claimed,
        uint32 generation,
        ICollateralVault.Factor[] calldata factors,
        uint256[8] calldata proof
    ) external {
        AccountWord word = _at(account, version);
        if (_isCalled(word) && step < INITIAL_STEP && _callStands(word, account)) revert CureAtInitialMargin(step);
        uint32 until = _validUntil(epochId, step);
        if (_betterCoverStands(word, epochId, claimed, until)) return;
        (uint256 root, uint128 collateral) = _admitFactors(word, account, epochId, factors);
        _requireWithin(claimed, collateral);
        Basis basis = _requireCover(
            Subject(account, epochId, version, 0, _commitment(account), root), claimed, step, 1, generation, proof
        );
        if (_isCalled(word)) emit AccountCured(account, epochId, version);
        _storeCover(account, epochId, version, claimed, until, basis);
    }

    /// @notice Show that an account holds nothing: margin 0 under every epoch, until its version changes. No oracle,
    ///         venue or governance is asked, and a call ends.
    function attestFlat(address account, uint40 version, uint32 generation, uint256[8] calldata proof) external {
        AccountWord word = _at(account, version);
        if (_isFlat(word)) return;
        Basis basis = _requireFlat(account, version, 0, generation, proof);
        if (_isCalled(word)) emit AccountCured(account, word.epochId(), version);
        _storeFlat(word, account, version, basis);
    }

    /// @notice Show that an account's collateral falls short of its maintenance margin: it is called at once. What
    ///         follows is the coordinator's. A call whose epoch is frozen, or whose key is distrusted, is replaced, and
    ///         its clock starts again.
    /// @param claimed The proof's own V, at least the vault's: nobody escapes by a deposit of dust.
    function proveShortfall(
        address account,
        uint40 epochId,
        uint40 version,
        uint128 claimed,
        uint32 generation,
        ICollateralVault.Factor[] calldata factors,
        uint256[8] calldata proof
    ) external {
        AccountWord word = _at(account, version);
        if (_isCalled(word) && _callStands(word, account)) return;
        (uint256 root, uint128 collateral) = _admitFactors(word, account, epochId, factors);
        if (claimed < collateral) revert ClaimBelowValue(claimed, collateral);
        Basis basis = _requireCover(
            Subject(account, epochId, version, 0, _commitment(account), root),
            claimed,
            MAINTENANCE_STEP,
            0,
            generation,
            proof
        );
        _storeCall(word, account, epochId, claimed, generationOf(basis));
    }

    // ------------------------------------------------------------------------------------------------------ batches

    /// @inheritdoc IBatchLedger
    function applyMargins(uint40 epochId, Basis basis, IBatchLedger.Row[] calldata rows) external {
        _requireAttestor();
        for (uint256 i = 0; i < rows.length; ++i) _applyMargin(epochId, basis, rows[i]);
    }

    /// @inheritdoc IBatchLedger
    function applyCovers(
        uint40 epochId,
        uint256 step,
        Basis basis,
        ICollateralVault.Factor[] calldata factors,
        IBatchLedger.Row[] calldata rows
    ) external {
        _requireAttestor();
        uint32 until = _validUntil(epochId, step);
        requireFactors(oracle, epochId, factors);
        // All are asked for in one call, those that will be skipped among them. Where what an account holds has no value
        // just now, the vault says 0: that is the account's own affair, and kills no batch.
        uint128[] memory values = valuations(vault, rows, epochId, factors);
        AccountWord entry = packWord(0, epochId, 0, _now(), basis, until);
        for (uint256 i = 0; i < rows.length; ++i) {
            IBatchLedger.Row calldata row = rows[i];
            (address account, uint40 version, uint128 claimed) = (row.account, row.version, row.value);
            Entry storage own = _entries[account];
            AccountWord word = own.word;
            Skipped why = _whySkipped(own, word, epochId, version, row.commitment);
            if (why == Skipped.No) {
                if (_betterCoverStands(word, epochId, claimed, until)) {
                    why = Skipped.Stands;
                } else if (claimed > values[i]) {
                    why = Skipped.Uncovered;
                } else {
                    own.word = entry.withCover(uint96(claimed), version);
                    emit CoverAttested(account, epochId, version, claimed, until);
                    continue;
                }
            }
            emit AttestationSkipped(account, epochId, version, why);
        }
    }

    /// @inheritdoc IBatchLedger
    function freshRootOf(uint40 epochId) external view returns (uint256) {
        return _freshRoot(epochId, maxEpochAge);
    }

    function _applyMargin(uint40 epochId, Basis basis, IBatchLedger.Row calldata row) private {
        (address account, uint40 version, uint128 margin) = (row.account, row.version, row.value);
        Entry storage own = _entries[account];
        AccountWord word = own.word;
        Skipped why = _whySkipped(own, word, epochId, version, row.commitment);
        if (why == Skipped.No && (_marginStands(word, epochId) || _coverStands(word))) why = Skipped.Stands;
        if (why == Skipped.No) _storeMargin(word, account, epochId, margin, basis);
        else emit AttestationSkipped(account, epochId, version, why);
    }

    function _whySkipped(Entry storage own, AccountWord word, uint40 epochId, uint40 version, uint256 commitment)
        private
        view
        returns (Skipped)
    {
        if (version != word.version() || commitment != own.commitment || commitment == 0) {
            return Skipped.Replaced;
        }
        if (_isCalled(word)) return Skipped.Called;
        if (epochId < word.epochId() && !_isFrozen(word.epochId())) return Skipped.Older;
        return Skipped.No;
    }

    // ------------------------------------------------------------------------------------------------------- states

    function _storeMargin(AccountWord word, address account, uint40 epochId, uint128 margin, Basis basis) internal {
        _entries[account].word = packWord(uint96(margin), epochId, word.version(), _now(), basis, word.clock());
        emit MarginAttested(account, epochId, word.version(), margin);
    }

    function _storeCover(
        address account,
        uint40 epochId,
        uint40 version,
        uint128 claimed,
        uint32 until,
        Basis basis
    ) internal {
        _entries[account].word = packWord(uint96(claimed), epochId, version, _now(), basis, until);
        emit CoverAttested(account, epochId, version, claimed, until);
    }

    function _storeFlat(AccountWord word, address account, uint40 version, Basis basis) internal {
        uint96 none = 0;
        uint32 clock = _isCalled(word) ? 0 : word.clock();
        _entries[account].word = packWord(none, word.epochId(), version, _now(), basis, clock);
        emit FlatAttested(account, version);
    }

    function _storeCall(AccountWord word, address account, uint40 epochId, uint128 claimed, uint32 by) internal {
        // A call in place of one that fell has the cover before that one.
        _calls[account] = Call(by, _isCalled(word) ? _calls[account].coveredAt : _coveredAt(word), _now());
        _entries[account].word =
            packWord(uint96(claimed), epochId, word.version(), _now(), CALLED, _to32(oracle.liveTime()));
        emit AccountCalled(account, epochId, word.version(), claimed);
    }

    /// @dev The epoch of the last cover, or up to the difference of two lives later where a margin has been attested
    ///      since; of an account never covered, its registration.
    function _coveredAt(AccountWord word) private view returns (uint40 coveredAt) {
        uint256 least = lifeOf(MAINTENANCE_STEP);
        if (word.clock() > least) coveredAt = uint40(word.clock() - least);
        if (word.epochId() != 0 && word.epochId() < coveredAt) coveredAt = word.epochId();
    }

    /// @dev Whether what a call rests on is still believed: its epoch and its key.
    function _callStands(AccountWord word, address account) internal view returns (bool) {
        return !_isFrozen(word.epochId()) && verifiers.isTrusted(COVER, _calls[account].generation);
    }

    /// @dev A margin under this very epoch, by a verifier that is still believed.
    function _marginStands(AccountWord word, uint40 epochId) internal view returns (bool) {
        return word.epochId() == epochId && word.attestedAt() != 0 && word.generation() != 0
            && word.source() < BY_COVER && _isTrusted(word);
    }

    /// @dev A hidden margin that is covered now, or none at all. A margin in its place would uncover the account.
    function _coverStands(AccountWord word) internal view returns (bool) {
        return word.generation() != 0 && word.source() >= BY_COVER && _isCovered(word);
    }

    /// @dev Whether cover stands that says as much: flat, or under the same epoch, for as long, of no more collateral.
    function _betterCoverStands(AccountWord word, uint40 epochId, uint256 claimed, uint32 until)
        internal
        view
        returns (bool)
    {
        if (word.generation() == 0) return false;
        if (word.source() == BY_FLAT) return _isTrusted(word);
        if (word.source() != BY_COVER || word.epochId() != epochId) return false;
        return (until < word.clock() || (until == word.clock() && claimed >= word.value())) && _isTrusted(word);
    }

    function _requireAttestor() private view {
        if (msg.sender != address(attestor)) revert NotAttestor(msg.sender);
    }

    function _requireWithin(uint256 claimed, uint256 collateral) internal pure {
        if (claimed > collateral) revert ClaimAboveValue(claimed, collateral);
    }
}
