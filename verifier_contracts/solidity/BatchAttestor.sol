// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {BY_BATCH_16, BY_BATCH_4, BY_COVER, BY_MARGIN, Basis, MARGIN_END, VALUE_END, basisOf} from "./AccountWord.sol";
import {BN254_ORDER} from "./Bn254.sol";
import {IBatchLedger} from "./IBatchLedger.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {ProofCombiner} from "./ProofCombiner.sol";
import {proofContext} from "./ProofContext.sol";
import {BATCH, BATCH_16, BATCH_4, COVER, MARGIN} from "./Statements.sol";

/// @title Many accounts in one transaction
/// @notice Verifies batches of margins and covers and tells its ledger, which believes it. Every entry
///         carries the version and the commitment that its proof is for, so that all are verified from the calldata;
///         the ledger applies those that still match. One account that was overtaken kills no batch.
contract BatchAttestor {
    /// @dev What the proofs of a combination have in common.
    struct Combination {
        bytes32 statement;
        bytes32 keyDigest;
        uint40 epochId;
        uint256 root;
        /// A value's bound.
        uint256 end;
        /// The last input less the value, which fits below it.
        uint256 claim;
    }

    /// @dev Sets these hashes apart from all others that a contract computes.
    bytes32 private constant CHALLENGE_TAG = keccak256("tailproof batch challenge");

    IBatchLedger public immutable ledger;
    IVerifierRegistry public immutable verifiers;
    ProofCombiner public immutable combiner;
    /// @notice The commitment to J empty slots under salt 0, which fills up batches.
    uint256 public immutable emptyCommitment;

    error EntriesOutOfRange(uint256 count, uint256 most);
    error ValueTooWide(uint256 value, uint256 end);
    error SettingMissing(string name);

    constructor(
        IBatchLedger ledger_,
        IVerifierRegistry verifiers_,
        ProofCombiner combiner_,
        uint256 emptyCommitment_
    ) {
        if (address(ledger_) == address(0)) revert SettingMissing("ledger");
        if (address(verifiers_).code.length == 0) revert SettingMissing("verifiers");
        if (address(combiner_).code.length == 0) revert SettingMissing("combiner");
        if (emptyCommitment_ == 0) revert SettingMissing("emptyCommitment");
        ledger = ledger_;
        verifiers = verifiers_;
        combiner = combiner_;
        emptyCommitment = emptyCommitment_;
    }

    // ---------------------------------------------------------------------------------------- the statement `batch`

    /// @notice Attest the margins of up to 4 or 16 accounts by one proof.
    /// @dev    Challenge and evaluation are computed here from everything that is claimed, the digest included; see the
    ///         statement `batch` for why nothing may be left out.
    /// @param generation Of the verifier; 0 for the one in force.
    /// @param digest     Of everything the circuit proves; from the prover.
    function attestBatch(
        uint40 epochId,
        uint32 generation,
        IBatchLedger.Row[] calldata rows,
        uint256 digest,
        uint256[8] calldata proof
    ) external {
        if (rows.length == 0 || rows.length > 16) revert EntriesOutOfRange(rows.length, 16);
        bool small = rows.length <= 4;
        (address verifier, bytes32 keyDigest, uint32 used) = _verifier(small ? BATCH_4 : BATCH_16, generation);
        uint256[] memory words = new uint256[](small ? 16 : 52);
        words[0] = uint256(CHALLENGE_TAG);
        words[1] = uint256(keyDigest);
        words[2] = ledger.freshRootOf(epochId);
        _writeContent(words, keyDigest, epochId, rows);
        words[words.length - 1] = digest;
        _requireBatch(verifier, words, digest, proof);
        ledger.applyMargins(epochId, basisOf(small ? BY_BATCH_4 : BY_BATCH_16, used), rows);
    }

    /// @dev Contexts, commitments and margins of the rows, then of unused entries.
    function _writeContent(uint256[] memory words, bytes32 keyDigest, uint40 epochId, IBatchLedger.Row[] calldata rows)
        private
        view
    {
        for (uint256 i = 0; i < rows.length; ++i) {
            IBatchLedger.Row calldata row = rows[i];
            _requireBelow(row.value, MARGIN_END);
            // An element and its residue would be two contents with one evaluation.
            _requireBelow(row.commitment, BN254_ORDER);
            words[3 * i + 3] = proofContext(address(ledger), BATCH, keyDigest, row.account, epochId, row.version, 0);
            words[3 * i + 4] = row.commitment;
            words[3 * i + 5] = row.value;
        }
        for (uint256 place = 3 * rows.length + 4; place < words.length - 1; place += 3) words[place] = emptyCommitment;
    }

    /// @param words tag, key digest, y_0, y_1, ..., digest.
    function _requireBatch(address verifier, uint256[] memory words, uint256 digest, uint256[8] calldata proof)
        private
        view
    {
        uint256 challenge;
        uint256 evaluation;
        uint256 order = BN254_ORDER;
        assembly ("memory-safe") {
            let first := add(words, 0x60)
            let place := add(words, shl(5, mload(words)))
            challenge := shr(8, keccak256(add(words, 0x20), shl(5, mload(words))))
            for {} gt(place, first) {} {
                place := sub(place, 0x20)
                evaluation := addmod(mulmod(evaluation, challenge, order), mload(place), order)
            }
        }
        Address.functionStaticCall(
            verifier,
            abi.encodeWithSelector(
                bytes4(keccak256("verifyProof(uint256[8],uint256[3])")), proof, digest, challenge, evaluation
            )
        );
    }

    // ------------------------------------------------------------------------------------------ strangers' proofs

    /// @notice Attest margins of strangers: many `margin` proofs by a random linear combination.
    /// @param key    The verification key, see ProofCombiner.
    /// @param proofs One for each row.
    function attestMargins(
        uint40 epochId,
        uint32 generation,
        bytes calldata key,
        IBatchLedger.Row[] calldata rows,
        uint256[8][] calldata proofs
    ) external {
        (, bytes32 keyDigest, uint32 used) = _verifier(MARGIN, generation);
        Combination memory all =
            Combination(MARGIN, keyDigest, epochId, ledger.freshRootOf(epochId), MARGIN_END, 0);
        combiner.verify(keyDigest, key, proofs, _inputs(all, rows));
        ledger.applyMargins(epochId, basisOf(BY_MARGIN, used), rows);
    }

    /// @notice Attest covers of strangers: many `cover` proofs at one step by a random linear combination.
    /// @param step    Of the ladder of beta.
    /// @param factors The epoch's list, for the vault.
    /// @param key     The verification key, see ProofCombiner.
    /// @param proofs  One for each row.
    function attestCovers(
        uint40 epochId,
        uint256 step,
        uint32 generation,
        ICollateralVault.Factor[] calldata factors,
        bytes calldata key,
        IBatchLedger.Row[] calldata rows,
        uint256[8][] calldata proofs
    ) external {
        (, bytes32 keyDigest, uint32 used) = _verifier(COVER, generation);
        uint256 claim = ledger.bufferOf(step) << 128 | 1 << 144;
        Combination memory all =
            Combination(COVER, keyDigest, epochId, ledger.freshRootOf(epochId), VALUE_END, claim);
        combiner.verify(keyDigest, key, proofs, _inputs(all, rows));
        ledger.applyCovers(epochId, step, basisOf(BY_COVER, used), factors, rows);
    }

    /// @dev Four of each row. The combiner refuses another number of proofs.
    function _inputs(Combination memory all, IBatchLedger.Row[] calldata rows)
        private
        view
        returns (uint256[] memory inputs)
    {
        inputs = new uint256[](4 * rows.length);
        for (uint256 i = 0; i < rows.length; ++i) _writeInputs(all, rows[i], inputs, 4 * i);
    }

    function _writeInputs(Combination memory all, IBatchLedger.Row calldata row, uint256[] memory inputs, uint256 place)
        private
        view
    {
        _requireBelow(row.value, all.end);
        inputs[place] =
            proofContext(address(ledger), all.statement, all.keyDigest, row.account, all.epochId, row.version, 0);
        inputs[place + 1] = all.root;
        inputs[place + 2] = row.commitment;
        inputs[place + 3] = row.value | all.claim;
    }

    function _verifier(bytes32 statement, uint32 generation)
        private
        view
        returns (address verifier, bytes32 keyDigest, uint32 used)
    {
        if (generation == 0) return verifiers.active(statement);
        (verifier, keyDigest) = verifiers.byGeneration(statement, generation);
        used = generation;
    }

    function _requireBelow(uint256 value, uint256 end) private pure {
        if (value >= end) revert ValueTooWide(value, end);
    }
}
