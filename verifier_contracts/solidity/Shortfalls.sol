// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CollateralVault} from "./CollateralVault.sol";
import {requireFactors} from "./Epochs.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {MarginLedger} from "./MarginLedger.sol";
import {proofContext} from "./ProofContext.sol";
import {COVER, MARGIN} from "./Statements.sol";
import {valuation} from "./VaultCall.sol";
import {requireProof} from "./VerifierCall.sol";

/// @title What every step of a liquidation rests on: the call, its time, and a shortfall that was shown
/// @notice Nothing is lost without a proof that the account's collateral is below its maintenance margin, for the
///         commitment that stands, under an epoch that came after the call and is final (R5): whoever called falsely, by
///         silence or by a false epoch, has gained nothing but time.
abstract contract Shortfalls {
    /// @notice A call, see `MarginLedger.callOf`.
    struct Call {
        uint40 calledAt;
        uint40 since;
        uint40 epochId;
        uint40 coveredAt;
        uint40 version;
        address venue;
    }

    /// @notice That an account falls short: a `cover` proof of side 0 at maintenance margin, its context this contract's.
    ///         Where the same was shown before, the proof is not looked at again.
    struct Shortfall {
        uint40 epochId;
        /// The proof's own V, at least the vault's: nobody escapes by a deposit of dust, and a real top-up does.
        uint128 claimed;
        ICollateralVault.Factor[] factors;
        uint256[8] proof;
    }

    /// @dev One word: the last shortfall that was shown of an account. Of its present call: the epoch came after that.
    struct Shown {
        /// Of the verifier that saw the proof: one that is distrusted by now has shown nothing.
        uint32 generation;
        uint40 version;
        uint40 epochId;
        uint128 claimed;
    }

    /// @dev Of basis points.
    uint256 internal constant UNIT = 10_000;
    uint256 internal constant MAINTENANCE_STEP = 0;
    uint256 internal constant INITIAL_STEP = 1;
    uint256 private constant VALUE_END = 1 << 96;
    uint256 private constant MARGIN_END = 1 << 91;

    MarginLedger public immutable ledger;
    CollateralVault public immutable vault;
    IRiskOracle public immutable oracle;
    IVerifierRegistry public immutable verifiers;
    uint40 private immutable _finalEpochAge;
    uint40 private immutable _maxEpochAge;

    mapping(address account => Shown) private _shown;

    event ShortfallShown(address indexed account, uint40 indexed epochId, uint40 version, uint128 claimed);

    error SettingMissing(string name);
    error NotCalled(address account);
    /// @notice The call's epoch is frozen, or its key distrusted: a new shortfall, or a new silence, calls again.
    error CallFell(address account);
    error EpochBeforeCall(uint40 epochId, uint40 calledAt);
    error EpochNotFinal(uint40 epochId);
    error StaleEpoch(uint40 epochId, uint40 maxAge);
    error ClaimBelowValue(uint256 claimed, uint256 value);
    error ValueTooWide(uint256 value, uint256 end);

    constructor(MarginLedger ledger_) {
        _require("ledger", address(ledger_).code.length);
        ledger = ledger_;
        vault = CollateralVault(address(ledger_.vault()));
        (oracle, verifiers) = (ledger_.oracle(), ledger_.verifiers());
        (_finalEpochAge, _maxEpochAge) = (ledger_.finalEpochAge(), ledger_.maxEpochAge());
    }

    /// @notice Show that a called account falls short, for what comes next (anyone who knows the opening). It is good for
    ///         this call and this version, while the epoch is young enough and the collateral is no more.
    function showShortfall(address account, Shortfall calldata s) public {
        _requireShort(account, _call(account), s);
    }

    /// @notice Whether a shortfall of an account was shown here in its present call, for its present version.
    function isShown(address account) external view returns (bool) {
        (uint40 calledAt,,,, bool stands) = ledger.callOf(account);
        Shown memory shown = _shown[account];
        return stands && shown.epochId > calledAt && shown.version == ledger.versionOf(account);
    }

    /// @notice Reverts unless a `margin` proof shows M of the account's present commitment, under an epoch that is not too
    ///         old, its context this contract's.
    function requireMargin(address account, uint40 epochId, uint128 margin, uint256[8] calldata proof) external view {
        if (margin >= MARGIN_END) revert ValueTooWide(margin, MARGIN_END);
        if (block.timestamp > uint256(epochId) + _maxEpochAge) revert StaleEpoch(epochId, _maxEpochAge);
        (address verifier, bytes32 keyDigest,) = verifiers.active(MARGIN);
        uint256 context =
            proofContext(address(this), MARGIN, keyDigest, account, epochId, ledger.versionOf(account), 0);
        requireProof(verifier, proof, context, oracle.rootOf(epochId), ledger.commitmentOf(account), margin);
    }

    // ------------------------------------------------------------------------------------------------------- checks

    /// @dev The account's call, which must stand.
    function _call(address account) internal view returns (Call memory call) {
        bool stands;
        (call.calledAt, call.since, call.epochId, call.coveredAt, stands) = ledger.callOf(account);
        if (call.calledAt == 0) revert NotCalled(account);
        if (!stands) revert CallFell(account);
        (call.version, call.venue) = (ledger.versionOf(account), ledger.venueOf(account));
    }

    /// @dev R5, R10. Irreversible steps rest on it.
    function _requireShort(address account, Call memory call, Shortfall calldata s) internal {
        uint40 epochId = s.epochId;
        if (epochId <= call.calledAt) revert EpochBeforeCall(epochId, call.calledAt);
        if (block.timestamp > uint256(epochId) + _finalEpochAge) revert StaleEpoch(epochId, _finalEpochAge);
        if (!oracle.isFinal(epochId)) revert EpochNotFinal(epochId);
        _requireAtLeastValue(account, epochId, s.claimed, s.factors);
        (,, uint32 generation) = verifiers.active(COVER);
        Shown memory shown = Shown(generation, call.version, epochId, s.claimed);
        if (_same(_shown[account], shown)) return;
        _requireSide0(account, epochId, call.version, s.claimed, ledger.bufferOf(MAINTENANCE_STEP), s.proof);
        _shown[account] = shown;
        emit ShortfallShown(account, epochId, call.version, s.claimed);
    }

    /// @dev What is claimed to be too little is at least what there is.
    function _requireAtLeastValue(
        address account,
        uint40 epochId,
        uint128 claimed,
        ICollateralVault.Factor[] calldata factors
    ) internal view {
        uint128 value = _valueOf(account, epochId, factors);
        if (claimed < value) revert ClaimBelowValue(claimed, value);
        if (claimed >= VALUE_END) revert ValueTooWide(claimed, VALUE_END);
    }

    function _valueOf(address account, uint40 epochId, ICollateralVault.Factor[] calldata factors)
        internal
        view
        returns (uint128)
    {
        requireFactors(oracle, epochId, factors);
        return valuation(vault, account, epochId, factors);
    }

    /// @dev A `cover` proof of side 0: 10^4 V < M (10^4 + beta), for the account's present commitment.
    function _requireSide0(
        address account,
        uint40 epochId,
        uint40 version,
        uint128 claimed,
        uint256 buffer,
        uint256[8] calldata proof
    ) internal view {
        (address verifier, bytes32 keyDigest,) = verifiers.active(COVER);
        uint256 context = proofContext(address(this), COVER, keyDigest, account, epochId, version, 0);
        requireProof(
            verifier, proof, context, oracle.rootOf(epochId), ledger.commitmentOf(account), claimed | buffer << 128
        );
    }

    function _require(string memory name, uint256 setting) internal pure {
        if (setting == 0) revert SettingMissing(name);
    }

    function _same(Shown memory a, Shown memory b) private pure returns (bool) {
        return a.generation == b.generation && a.version == b.version && a.epochId == b.epochId && a.claimed == b.claimed;
    }
}
