// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControlDefaultAdminRules} from
    "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {AccountState, packState} from "./AccountState.sol";
import {BN254_ORDER} from "./Bn254.sol";
import {IEpochRegistry} from "./IEpochRegistry.sol";
import {IMarginVerifier} from "./IMarginVerifier.sol";
import {requirePrecompiles} from "./Precompiles.sol";

/// @title Margin that moves on nothing but a proof
/// @notice For every account the venue that holds its positions registers a commitment to them. Whoever then shows a
///         proof that, under a published epoch, a margin follows from that commitment, moves the account's margin.
///         Clauses A1 to A4 are those of the statement's specification.
contract MarginManager is AccessControlDefaultAdminRules, EIP712, Pausable {
    /// @notice Who governs a new manager.
    struct Roles {
        address admin;
        /// Seconds between the announcement of a new admin and its acceptance.
        uint48 adminDelay;
        address guardian;
        address venue;
    }

    /// @notice What whoever installs a verifier has checked of it, and what it must therefore say.
    struct Expectation {
        /// Of the verification key.
        bytes32 keyDigest;
        /// Of the constraint system that the key was made for.
        bytes32 circuitDigest;
        /// A valid proof by this key, and what it proves. Any will do: it can be published, and is good for nothing
        /// else unless its context is that of an attestation.
        uint256[8] proof;
        uint256[4] inputs;
    }

    /// @notice May pause.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    /// @notice Holds positions of accounts, and is trusted to register the commitments that match them.
    bytes32 public constant VENUE_ROLE = keccak256("VENUE_ROLE");

    /// @notice The statement that `attest` asks for: no proof of another one, such as that collateral covers a margin,
    ///         has such a context, whatever its key.
    bytes32 public constant STATEMENT = keccak256("margin");
    bytes32 public constant CONTEXT_TYPEHASH = keccak256(
        "Attest(bytes32 statement,uint256 chainid,address manager,bytes32 keyDigest,address account,uint256 epochId,uint256 version,bytes32 actionHash)"
    );
    bytes32 public constant CONSENT_TYPEHASH = keccak256(
        "CommitmentConsent(address account,address venue,uint256 commitment,uint40 version,uint256 deadline)"
    );

    IEpochRegistry public immutable registry;
    /// @notice An epoch older than so many seconds proves nothing any more.
    uint40 public immutable maxEpochAge;
    /// @notice Whether keys from a single-party setup are taken. Where this is true, margins are worth nothing:
    ///         for tests and trials only.
    bool public immutable allowsInsecureSetup;

    /// @notice The verifier in force. Shares its slot with the flag of Pausable, so that an attestation reads one.
    IMarginVerifier public verifier;
    mapping(address account => AccountState) private _states;
    /// @notice The registered commitment to an account's positions; 0 if there is none.
    mapping(address account => uint256) public commitmentOf;
    /// @notice The venue that holds an account's positions: the only one that may register its commitment.
    mapping(address account => address) public venueOf;

    event MarginAttested(address indexed account, uint40 indexed epochId, uint40 version, uint128 margin);
    event CommitmentRegistered(
        address indexed account, address indexed venue, uint40 indexed version, uint256 commitment
    );
    event AccountMoved(address indexed account, address indexed from, address indexed to);
    event KeyRotated(bytes32 indexed keyDigest, bytes32 indexed circuitDigest, address verifier, bool insecureSetup);
    /// @notice Emitted once, by a manager that was deployed to take keys from a single-party setup.
    event InsecureSetupAllowed();

    error AccountNotRegistered(address account);
    error WrongVersion(uint40 version, uint40 expected);
    error EpochOlderThanLast(uint40 epochId, uint40 last);
    error StaleEpoch(uint40 epochId, uint40 maxEpochAge);
    error AlreadyAttested(address account, uint40 epochId, uint40 version, uint128 margin);

    error NotAttested(address account, uint40 version);
    error StaleMargin(address account, uint40 epochId, uint256 maxAge);

    error VenueIsOwner(address account);
    error NotVenueOfAccount(address account, address venue);
    error CommitmentOutOfField(uint256 commitment);
    error ConsentExpired(uint256 deadline);
    error ConsentNotByOwner(address account);

    error KeyUnchanged(bytes32 keyDigest);
    error KeyDigestMismatch(bytes32 expected, bytes32 actual);
    error CircuitDigestMismatch(bytes32 expected, bytes32 actual);
    error InsecureSetup(bytes32 keyDigest);
    /// @notice The verifier did not accept the valid proof, or did not reject it as false for another margin.
    error VerifierSelfTestFailed(bool valid, bytes answer);

    constructor(
        IEpochRegistry registry_,
        IMarginVerifier verifier_,
        Expectation memory expected,
        uint40 maxEpochAge_,
        bool allowInsecureSetup,
        Roles memory roles
    ) AccessControlDefaultAdminRules(roles.adminDelay, roles.admin) EIP712("Tailproof MarginManager", "1") {
        _grantRole(GUARDIAN_ROLE, roles.guardian);
        _grantRole(VENUE_ROLE, roles.venue);
        registry = registry_;
        maxEpochAge = maxEpochAge_;
        allowsInsecureSetup = allowInsecureSetup;
        if (allowInsecureSetup) emit InsecureSetupAllowed();
        _install(verifier_, expected);
    }

    // ---------------------------------------------------------------------------------------------- attestation

    /// @notice Move an account's margin to what a proof shows. Anyone may submit: the effect is the same.
    /// @dev    Root and commitment come from storage and the context is recomputed, so that margin is the only public
    ///         input in calldata. The verifier reverts with a named error unless the proof holds.
    /// @param version The version that the proof was made for.
    /// @param margin  In 1e-6 quote units.
    /// @param proof   A.x A.y B.x.im B.x.re B.y.im B.y.re C.x C.y.
    function attest(address account, uint40 epochId, uint40 version, uint128 margin, uint256[8] calldata proof)
        external
        whenNotPaused
    {
        // A4. Replay is keyed on (account, epoch, version), never on proof bytes: anyone can re-randomise a proof.
        AccountState state = _states[account];
        if (state.version() == 0) revert AccountNotRegistered(account);
        if (version != state.version()) revert WrongVersion(version, state.version());
        if (epochId < state.epochId()) revert EpochOlderThanLast(epochId, state.epochId());
        if (epochId == state.epochId() && state.attestedAt() != 0) {
            revert AlreadyAttested(account, epochId, version, state.margin());
        }
        if (block.timestamp > uint256(epochId) + maxEpochAge) revert StaleEpoch(epochId, maxEpochAge);
        uint256 root = registry.rootOf(epochId);

        IMarginVerifier verifier_ = verifier;
        uint256 context = _context(verifier_.KEY_DIGEST(), account, epochId, version, 0);
        // Encodes like verifier_.verifyProof(proof, [context, ...]), without building the array in memory first.
        Address.functionStaticCall(
            address(verifier_),
            abi.encodeWithSelector(
                IMarginVerifier.verifyProof.selector, proof, context, root, commitmentOf[account], margin
            )
        );

        _states[account] = packState(margin, epochId, version, uint48(block.timestamp));
        emit MarginAttested(account, epochId, version, margin);
    }

    /// @notice The public input `context` of a proof (A3): what the proof is good for, and nothing else.
    /// @param actionHash 0 for an attestation.
    function contextOf(address account, uint40 epochId, uint40 version, bytes32 actionHash)
        external
        view
        returns (uint256)
    {
        return _context(verifier.KEY_DIGEST(), account, epochId, version, actionHash);
    }

    /// @dev The shift makes the hash a field element. Each field stops one replay: statement a proof of another one;
    ///      chain and manager another deployment; account a copied commitment; epoch an equal root published again;
    ///      version a commitment that comes back; key a proof from before a rotation; action a proof meant for
    ///      something else.
    function _context(bytes32 keyDigest_, address account, uint40 epochId, uint40 version, bytes32 actionHash)
        private
        view
        returns (uint256)
    {
        return uint256(
            keccak256(
                abi.encode(
                    CONTEXT_TYPEHASH,
                    STATEMENT,
                    block.chainid,
                    address(this),
                    keyDigest_,
                    account,
                    epochId,
                    version,
                    actionHash
                )
            )
        ) >> 8;
    }

    // --------------------------------------------------------------------------------------------------- reading

    /// @notice The margin of an account, for contracts to act on: reverts unless it is proven for the registered
    ///         commitment, under an epoch at most `maxAge` seconds old that is not frozen, and nothing is paused.
    ///         It speaks of the positions held by `venueOf(account)`, and is as good as that venue's word for them.
    /// @param maxAge  Seconds since the publication of the epoch: what ages is the risk data, not the transaction.
    /// @return margin In 1e-6 quote units.
    function marginOf(address account, uint256 maxAge) external view whenNotPaused returns (uint128 margin) {
        AccountState state = _states[account];
        if (state.attestedAt() == 0) revert NotAttested(account, state.version());
        if (block.timestamp - state.epochId() > maxAge) revert StaleMargin(account, state.epochId(), maxAge);
        registry.rootOf(state.epochId());
        return state.margin();
    }

    /// @notice The raw state of an account, for display and audit. To act on a margin, call `marginOf`.
    function stateOf(address account)
        external
        view
        returns (uint128 margin, uint40 epochId, uint40 version, uint48 attestedAt)
    {
        AccountState state = _states[account];
        return (state.margin(), state.epochId(), state.version(), state.attestedAt());
    }

    /// @notice Digest of the verification key in force.
    function keyDigest() external view returns (bytes32) {
        return verifier.KEY_DIGEST();
    }

    /// @notice Digest of the constraint system that the key in force was made for.
    function circuitDigest() external view returns (bytes32) {
        return verifier.CIRCUIT_DIGEST();
    }

    // ------------------------------------------------------------------------------------------------ commitments

    /// @notice Register the commitment to an account's positions (A1): by the venue that holds them, with the owner's
    ///         consent. The owner alone could register an empty portfolio, and prove a margin of 0.
    /// @dev    The consent names the version that the account will have, which makes it good for one registration.
    /// @param version   The account's version plus one.
    /// @param deadline  Last second at which the consent is good.
    /// @param signature The owner's EIP-712 (or, for a contract, ERC-1271) signature of a CommitmentConsent.
    function registerCommitment(
        address account,
        uint256 commitment,
        uint40 version,
        uint256 deadline,
        bytes calldata signature
    ) external onlyRole(VENUE_ROLE) whenNotPaused {
        if (account == msg.sender) revert VenueIsOwner(account);
        if (commitment == 0 || commitment >= BN254_ORDER) revert CommitmentOutOfField(commitment);
        if (block.timestamp > deadline) revert ConsentExpired(deadline);
        AccountState state = _states[account];
        uint40 expected = state.version() + 1;
        if (version != expected) revert WrongVersion(version, expected);
        if (expected == 1) venueOf[account] = msg.sender;
        else if (venueOf[account] != msg.sender) revert NotVenueOfAccount(account, msg.sender);
        bytes32 consent = _hashTypedDataV4(
            keccak256(abi.encode(CONSENT_TYPEHASH, account, msg.sender, commitment, version, deadline))
        );
        if (!SignatureChecker.isValidSignatureNow(account, consent, signature)) revert ConsentNotByOwner(account);

        _states[account] = packState(state.margin(), state.epochId(), version, 0);
        commitmentOf[account] = commitment;
        emit CommitmentRegistered(account, msg.sender, version, commitment);
    }

    /// @notice Hand an account over to the venue that its positions moved to. Its own venue does so; the admin may,
    ///         for the case that a venue is gone.
    function moveAccount(address account, address to) external {
        address from = venueOf[account];
        if (from == address(0)) revert AccountNotRegistered(account);
        bool byVenue = msg.sender == from && hasRole(VENUE_ROLE, from);
        if (!byVenue) _checkRole(DEFAULT_ADMIN_ROLE);
        _checkRole(VENUE_ROLE, to);
        venueOf[account] = to;
        emit AccountMoved(account, from, to);
    }

    // ------------------------------------------------------------------------------------------------- governance

    /// @notice Replace the verification key. Proofs made under the old one are refused from here on; margins that were
    ///         proven under it stand until they are too old for their readers.
    /// @param expected What the admin has checked: the verifier must say the same, and take the proof.
    function rotateKey(IMarginVerifier newVerifier, Expectation calldata expected)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        if (expected.keyDigest == verifier.KEY_DIGEST()) revert KeyUnchanged(expected.keyDigest);
        _install(newVerifier, expected);
    }

    function pause() external onlyRole(GUARDIAN_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    function _install(IMarginVerifier newVerifier, Expectation memory expected) private {
        bytes32 actual = newVerifier.KEY_DIGEST();
        if (actual != expected.keyDigest) revert KeyDigestMismatch(expected.keyDigest, actual);
        bytes32 circuit = newVerifier.CIRCUIT_DIGEST();
        if (circuit != expected.circuitDigest) revert CircuitDigestMismatch(expected.circuitDigest, circuit);
        bool insecure = newVerifier.INSECURE();
        if (insecure && !allowsInsecureSetup) revert InsecureSetup(actual);
        _selfTest(newVerifier, expected.proof, expected.inputs);
        verifier = newVerifier;
        emit KeyRotated(actual, circuit, address(newVerifier), insecure);
    }

    /// @dev A verifier must accept a valid proof, and refuse the same proof for another margin, for the right reason: the
    ///      pairing was computed and its result was wrong. A contract that accepts anything fails here, and one that
    ///      refuses anything, and a key with a point off the curve or outside the subgroup, and a chain on which the
    ///      precompiles answer anything. No proof that is valid for every key exists, or anybody could forge: hence it
    ///      comes from whoever installs, made with the proving key.
    function _selfTest(IMarginVerifier candidate, uint256[8] memory proof, uint256[4] memory inputs) private view {
        requirePrecompiles();
        try candidate.verifyProof(proof, inputs) {}
        catch (bytes memory reason) {
            revert VerifierSelfTestFailed(true, reason);
        }
        inputs[3] ^= 1;
        try candidate.verifyProof(proof, inputs) {
            revert VerifierSelfTestFailed(false, "");
        } catch (bytes memory reason) {
            if (reason.length != 4 || bytes4(reason) != bytes4(keccak256("ProofRejected()"))) {
                revert VerifierSelfTestFailed(false, reason);
            }
        }
    }
}
