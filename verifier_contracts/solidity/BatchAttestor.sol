// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {BY_BATCH_16, BY_BATCH_4, BY_COVER, BY_MARGIN, Basis, MARGIN_END, VALUE_END, basisOf} from "./AccountWord.sol";
import {BN254_ORDER} from "./Bn254.sol";
import {IBatchLedger} from "./IBatchLedger.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {ProofCombiner} from "./ProofCombiner.sol";
import {contextFields, contextOf} from "./ProofContext.sol";
import {BATCH, BATCH_16, BATCH_4, COVER, MARGIN} from "./Statements.sol";
import {requireProof} from "./VerifierCall.sol";

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

    /// @dev Public inputs that a `cover` verifier has accepted a proof of, with the verifier.
    mapping(bytes32 inputs => bool) private _shown;

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

    // ------------------------------------------------------------------------------------------------- shown before

    /// @notice Show a `cover` proof (anyone) before the transaction that rests on it, which has none to pay for then. That a
    ///         verifier accepts a proof of these inputs is true for ever: the ledger makes them of what stands when they
    ///         are used, and takes no others. Nobody gains by it: proofs lie open as soon as they are sent.
    /// @param context As `proofContext` has it, for the ledger.
    /// @param claim   V, beta and side, as the ledger has them.
    function showCover(
        uint256 context,
        uint256 root,
        uint256 commitment,
        uint256 claim,
        uint256[8] calldata proof
    ) external {
        (address verifier,,) = verifiers.active(COVER);
        requireProof(verifier, proof, context, root, commitment, claim);
        _shown[keccak256(abi.encode(verifier, context, root, commitment, claim))] = true;
    }

    /// @notice Whether a verifier has accepted a proof of these inputs here. By another verifier's word nothing is: a context
    ///         is a number that every statement has.
    function isShown(address verifier, uint256 context, uint256 root, uint256 commitment, uint256 claim)
        external
        view
        returns (bool)
    {
        return _shown[keccak256(abi.encode(verifier, context, root, commitment, claim))];
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
        _applyMargins(epochId, basisOf(small ? BY_BATCH_4 : BY_BATCH_16, used), rows);
    }

    /// @dev Contexts, commitments and margins of the rows, then of unused entries.
    function _writeContent(uint256[] memory words, bytes32 keyDigest, uint40 epochId, IBatchLedger.Row[] calldata rows)
        private
        view
    {
        uint256 fields = contextFields(address(ledger), BATCH, keyDigest, epochId, 0);
        for (uint256 i = 0; i < rows.length; ++i) {
            IBatchLedger.Row calldata row = rows[i];
            _requireBelow(row.value, MARGIN_END);
            // An element and its residue would be two contents with one evaluation.
            _requireBelow(row.commitment, BN254_ORDER);
            words[3 * i + 3] = contextOf(fields, row.account, row.version);
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
    /// @param keyAt  Where the verification key lies, see ProofCombiner.
    /// @param proofs One for each row.
    function attestMargins(
        uint40 epochId,
        uint32 generation,
        address keyAt,
        IBatchLedger.Row[] calldata rows,
        uint256[8][] calldata proofs
    ) external {
        (, bytes32 keyDigest, uint32 used) = _verifier(MARGIN, generation);
        Combination memory all =
            Combination(MARGIN, keyDigest, epochId, ledger.freshRootOf(epochId), MARGIN_END, 0);
        _requireCombination(all, keyAt, rows, proofs);
        _applyMargins(epochId, basisOf(BY_MARGIN, used), rows);
    }

    /// @notice Attest covers of strangers: many `cover` proofs at one step by a random linear combination.
    /// @param step    Of the ladder of beta.
    /// @param factors The epoch's list, for the vault.
    /// @param keyAt   Where the verification key lies, see ProofCombiner.
    /// @param proofs  One for each row.
    function attestCovers(
        uint40 epochId,
        uint256 step,
        uint32 generation,
        ICollateralVault.Factor[] calldata factors,
        address keyAt,
        IBatchLedger.Row[] calldata rows,
        uint256[8][] calldata proofs
    ) external {
        (, bytes32 keyDigest, uint32 used) = _verifier(COVER, generation);
        (uint256 root, uint256 buffer) = ledger.coverTermsOf(epochId, step);
        Combination memory all = Combination(COVER, keyDigest, epochId, root, VALUE_END, buffer << 128 | 1 << 144);
        _requireCombination(all, keyAt, rows, proofs);
        _applyCovers(epochId, step, basisOf(BY_COVER, used), factors, rows);
    }

    /// @dev combiner.verify(all.keyDigest, keyAt, proofs, inputs), the proofs copied in one piece: the compiler would take
    ///      them apart word by word. The inputs are written to their place in the call: four words of each row.
    function _requireCombination(
        Combination memory all,
        address keyAt,
        IBatchLedger.Row[] calldata rows,
        uint256[8][] calldata proofs
    ) private view {
        (uint256 selector, bytes32 keyDigest) = (uint32(ProofCombiner.verify.selector), all.keyDigest);
        bytes memory data;
        uint256 place;
        // Allocates the call: its length, four bytes of selector, five words and the proofs, one word and the inputs. The
        // selector's word begins where the length lies, which is written last.
        assembly ("memory-safe") {
            data := mload(0x40)
            let size := shl(8, proofs.length)
            let arguments := add(data, 0x24)
            mstore(add(data, 0x04), selector)
            mstore(arguments, keyDigest)
            mstore(add(arguments, 0x20), shr(96, shl(96, keyAt)))
            mstore(add(arguments, 0x40), 0x80)
            mstore(add(arguments, 0x60), add(0xa0, size))
            mstore(add(arguments, 0x80), proofs.length)
            calldatacopy(add(arguments, 0xa0), proofs.offset, size)
            place := add(arguments, add(0xa0, size))
            mstore(place, shl(2, rows.length))
            place := add(place, 0x20)
            let length := add(add(0xc4, size), shl(7, rows.length))
            mstore(data, length)
            mstore(0x40, add(data, and(add(length, 0x3f), not(0x1f))))
        }
        _writeInputs(place, all, rows);
        Address.functionStaticCall(address(combiner), data);
    }

    /// @dev Four words of each row, to memory that is allocated for them.
    function _writeInputs(uint256 place, Combination memory all, IBatchLedger.Row[] calldata rows) private view {
        uint256 fields = contextFields(address(ledger), all.statement, all.keyDigest, all.epochId, 0);
        (uint256 root, uint256 end, uint256 claim) = (all.root, all.end, all.claim);
        uint256 row;
        assembly ("memory-safe") {
            row := rows.offset
        }
        for (uint256 last = row + 0x80 * rows.length; row < last;) {
            address account;
            uint40 version;
            uint256 value;
            // As they stand in the calldata. Bits that a field's type has not are refused: of a value here, by its bound; of
            // an account or a version, which its context leaves out, by the ledger's decoder, which looks at every field.
            assembly ("memory-safe") {
                account := calldataload(row)
                version := calldataload(add(row, 0x20))
                value := calldataload(add(row, 0x40))
            }
            _requireBelow(value, end);
            uint256 context = contextOf(fields, account, version);
            // The four words at `place` are this row's.
            assembly ("memory-safe") {
                mstore(place, context)
                mstore(add(place, 0x20), root)
                mstore(add(place, 0x40), calldataload(add(row, 0x60)))
                mstore(add(place, 0x60), or(value, claim))
                place := add(place, 0x80)
                row := add(row, 0x80)
            }
        }
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

    // ------------------------------------------------------------------------------------------ what the ledger is told

    /// @dev ledger.applyMargins(epochId, basis, rows), the rows as they stand in the calldata. Bits that a field's type has
    ///      not are refused by the ledger's decoder, which looks at every field.
    function _applyMargins(uint40 epochId, Basis basis, IBatchLedger.Row[] calldata rows) private {
        bytes memory head = abi.encodePacked(
            IBatchLedger.applyMargins.selector, uint256(epochId), _word(basis), uint256(0x60), rows.length
        );
        Address.functionCall(address(ledger), bytes.concat(head, _wordsOf(rows)));
    }

    /// @dev ledger.applyCovers(epochId, step, basis, factors, rows), likewise.
    function _applyCovers(
        uint40 epochId,
        uint256 step,
        Basis basis,
        ICollateralVault.Factor[] calldata factors,
        IBatchLedger.Row[] calldata rows
    ) private {
        bytes calldata list = _wordsOf(factors);
        bytes memory head = abi.encodePacked(
            IBatchLedger.applyCovers.selector,
            uint256(epochId),
            step,
            _word(basis),
            uint256(0xa0),
            0xc0 + list.length,
            factors.length
        );
        Address.functionCall(address(ledger), bytes.concat(head, list, abi.encodePacked(rows.length), _wordsOf(rows)));
    }

    function _word(Basis basis) private pure returns (uint256) {
        return Basis.unwrap(basis);
    }

    /// @dev The elements of a list in calldata, one behind the other. Their number is bounded by the calldata's size.
    function _wordsOf(IBatchLedger.Row[] calldata rows) private pure returns (bytes calldata words) {
        assembly ("memory-safe") {
            words.offset := rows.offset
            words.length := shl(7, rows.length)
        }
    }

    function _wordsOf(ICollateralVault.Factor[] calldata factors) private pure returns (bytes calldata words) {
        assembly ("memory-safe") {
            words.offset := factors.offset
            words.length := mul(factors.length, 0x60)
        }
    }

    function _requireBelow(uint256 value, uint256 end) private pure {
        if (value >= end) revert ValueTooWide(value, end);
    }
}
