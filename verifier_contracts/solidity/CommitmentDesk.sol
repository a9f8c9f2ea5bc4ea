// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {BN254_ORDER} from "./Bn254.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {EscrowMissing, ICommitmentLedger} from "./ICommitmentLedger.sol";
import {MarginStatus} from "./IMarginManager.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {ActionClass, PausableByClass} from "./PausableByClass.sol";
import {proofContext} from "./ProofContext.sol";
import {GUARDIAN, VENUE} from "./Roles.sol";
import {isSignedBy} from "./Signatures.sol";
import {TRANSITION} from "./Statements.sol";
import {requireProof} from "./VerifierCall.sol";

/// @title Who may say which positions an account holds, and how they change
/// @notice A venue registers the commitment to the positions that it holds, with the owner's consent: the owner alone
///         could register an empty portfolio and prove a margin of 0 (A1). From then on it moves by proven transitions,
///         of fills that the venue signed, again with the owner's consent. One venue's word is never another's: an
///         account that moves has no commitment until its new venue registers one. Venue, guardian and owner can void a
///         commitment; a venue's word counts for nothing from the moment it loses its role.
contract CommitmentDesk is EIP712, PausableByClass {
    /// @notice What keeps an account from being reduce-only after a transition.
    enum Support {
        /// Nothing: allowed while it is covered, and reduce-only from then on.
        None,
        /// Cover at initial margin for the new commitment.
        Cover,
        /// A margin of the new commitment not above the one before, under the same epoch.
        Margin
    }

    struct Transition {
        address account;
        /// The version that it leads to.
        uint40 version;
        uint256 newCommitment;
        uint256 fillDigest;
        /// Of the fills, in 1e-6 quote units; booked inside the commitment, and signed by both.
        int128 cash;
        /// Last second at which the owner's signature is good.
        uint256 deadline;
        /// Of a Transition by the owner, who may send the transaction instead.
        bytes ownerSignature;
        /// Of Fills by the venue.
        bytes venueSignature;
        uint256[8] proof;
        Support support;
        /// Of the support: epoch; V or M; the vault's factors; the proof.
        uint40 epochId;
        uint128 value;
        ICollateralVault.Factor[] factors;
        uint256[8] supportProof;
    }

    bytes32 public constant CONSENT_TYPEHASH = keccak256(
        "CommitmentConsent(address account,address venue,uint256 commitment,uint40 version,uint32 nonce,uint256 deadline)"
    );
    bytes32 public constant TRANSITION_TYPEHASH = keccak256(
        "Transition(address account,uint40 version,uint256 newCommitment,uint256 fillDigest,int128 cash,uint32 nonce,uint256 deadline)"
    );
    bytes32 public constant FILLS_TYPEHASH =
        keccak256("Fills(address account,address venue,uint40 version,uint256 fillDigest,int128 cash)");
    /// @notice A flat account waits so long after its last transition, unless settlement comes first (R6). Wall time:
    ///         the way out depends on no oracle.
    uint40 public constant SETTLEMENT_WINDOW = 1 hours;

    /// @dev Of the ladder of beta: initial margin.
    uint256 private constant INITIAL_STEP = 1;

    ICommitmentLedger public immutable ledger;
    IVerifierRegistry public immutable verifiers;

    /// @notice What an owner's signatures must name now.
    mapping(address account => uint32) public nonceOf;

    event CommitmentRegistered(
        address indexed account, address indexed venue, uint40 indexed version, uint256 commitment
    );
    event CommitmentVoided(address indexed account, address indexed by, uint40 version);
    event AccountMoved(address indexed account, address indexed from, address indexed to);
    event ConsentsRevoked(address indexed account, uint32 nonce);
    event TransitionApplied(
        address indexed account, uint40 indexed version, uint256 commitment, uint256 fillDigest, int128 cash
    );

    error VenueIsOwner(address account);
    error NotVenue(address sender);
    error NotVenueOfAccount(address account, address venue);
    error CommitmentOutOfField(uint256 commitment);
    error ConsentExpired(uint256 deadline);
    error ConsentNotByOwner(address account);
    error MayNotVoid(address account, address sender);
    /// @notice The account is proven flat: until its owner says otherwise, nobody stands between her and the way out.
    error AccountIsFlat(address account);
    /// @notice Of a void commitment no shortfall can be proven: an owner voids only what is proven to hold nothing.
    error AccountNotFlat(address account);
    error AccountNotRegistered(address account);
    error AccountIsCalled(address account);
    error WrongVersion(uint40 version, uint40 expected);
    error VenueWithoutRole(address account, address venue);
    error TransitionExpired(uint256 deadline);
    error TransitionNotByOwner(address account);
    error FillsNotByVenue(address account, address venue);
    error ReduceOnly(address account);
    error MarginRaised(uint256 margin, uint256 before);
    error OtherEpoch(uint40 epochId, uint40 expected);
    error NoMargin(address account);
    error SettingMissing(string name);

    constructor(address authority_, ICommitmentLedger ledger_, IVerifierRegistry verifiers_)
        AccessManaged(authority_)
        EIP712("Tailproof CommitmentDesk", "1")
    {
        if (authority_.code.length == 0) revert SettingMissing("authority");
        if (address(ledger_) == address(0)) revert SettingMissing("ledger");
        if (address(verifiers_).code.length == 0) revert SettingMissing("verifiers");
        ledger = ledger_;
        verifiers = verifiers_;
    }

    // ------------------------------------------------------------------------------------------------- registration

    /// @notice Register the commitment to an account's positions (role: venue, with the owner's consent).
    /// @dev    The consent names the version that the account will have, which makes it good for one registration, and
    ///         the owner's nonce, by which she revokes it.
    /// @param version   The account's version plus one.
    /// @param deadline  Last second at which the consent is good.
    /// @param signature The owner's signature of a CommitmentConsent, see `isSignedBy`.
    function registerCommitment(
        address account,
        uint256 commitment,
        uint40 version,
        uint256 deadline,
        bytes calldata signature
    ) external whenOpen(ActionClass.Open) {
        if (!_hasRole(VENUE, msg.sender)) revert NotVenue(msg.sender);
        if (account == msg.sender) revert VenueIsOwner(account);
        _requireCommitment(commitment);
        if (block.timestamp > deadline) revert ConsentExpired(deadline);
        if (ledger.isCalled(account)) revert AccountIsCalled(account);
        uint40 next = ledger.versionOf(account) + 1;
        if (version != next) revert WrongVersion(version, next);
        address venue = ledger.venueOf(account);
        if (venue != address(0) && venue != msg.sender) revert NotVenueOfAccount(account, msg.sender);
        bytes32 consent = _hashTypedDataV4(
            keccak256(
                abi.encode(CONSENT_TYPEHASH, account, msg.sender, commitment, version, nonceOf[account], deadline)
            )
        );
        if (!isSignedBy(account, consent, signature)) revert ConsentNotByOwner(account);

        ledger.setCommitment(account, msg.sender, commitment, 0);
        emit CommitmentRegistered(account, msg.sender, version, commitment);
    }

    /// @notice Revoke every consent and every transition that the sender has signed and nobody has used yet.
    function revokeConsents() external {
        uint32 nonce = ++nonceOf[msg.sender];
        emit ConsentsRevoked(msg.sender, nonce);
    }

    /// @notice Declare that a commitment is not that of the account's positions (its venue while it has its role, or a
    ///         guardian). Nothing can be proven for the account until one is registered again. Not while it is called, or
    ///         a call could be shaken off. Of a flat account its owner may, and nobody else.
    function voidCommitment(address account) external {
        bool entitled = msg.sender == account
            || (msg.sender == ledger.venueOf(account) && _hasRole(VENUE, msg.sender)) || _hasRole(GUARDIAN, msg.sender);
        if (!entitled) revert MayNotVoid(account, msg.sender);
        if (msg.sender == account && !ledger.isFlat(account)) revert AccountNotFlat(account);
        _void(account, ledger.venueOf(account));
    }

    /// @notice Hand an account over to the venue that its positions moved to (its venue). Its commitment is void: the
    ///         new venue registers its own, with the owner's consent.
    function moveAccount(address account, address to) external {
        if (msg.sender != ledger.venueOf(account) || !_hasRole(VENUE, msg.sender)) {
            revert NotVenueOfAccount(account, msg.sender);
        }
        _move(account, to);
    }

    /// @notice The same for a venue that is gone (role: admin).
    function reassignAccount(address account, address to) external restricted {
        _move(account, to);
    }

    function _move(address account, address to) private {
        if (!_hasRole(VENUE, to)) revert NotVenue(to);
        if (to == account) revert VenueIsOwner(account);
        address from = ledger.venueOf(account);
        _void(account, to);
        emit AccountMoved(account, from, to);
    }

    function _void(address account, address venue) private {
        uint40 version = ledger.versionOf(account);
        if (version == 0) revert AccountNotRegistered(account);
        if (ledger.isCalled(account)) revert AccountIsCalled(account);
        if (msg.sender != account && ledger.isFlat(account)) revert AccountIsFlat(account);
        ledger.setCommitment(account, venue, 0, 0);
        emit CommitmentVoided(account, msg.sender, version + 1);
    }

    // -------------------------------------------------------------------------------------------------- transitions

    /// @notice Move an account's commitment by fills that its venue signed. A proof is never consent: the owner signs
    ///         too, or sends.
    /// @dev    While OPEN is paused, only what comes with a margin not above the one before. What may add risk wants the
    ///         opening of the present commitment in escrow, unless that holds nothing: or an account could grow and its owner
    ///         fall silent, and nobody would know what it holds.
    function applyTransition(Transition calldata t) external {
        uint40 version = ledger.versionOf(t.account);
        if (version == 0) revert AccountNotRegistered(t.account);
        if (t.version != version + 1) revert WrongVersion(t.version, version + 1);
        if (t.support != Support.Margin) _requireOpen(ActionClass.Open);
        if (t.support != Support.Cover && ledger.isCalled(t.account)) revert AccountIsCalled(t.account);
        if (t.support == Support.None && ledger.isReduceOnly(t.account)) revert ReduceOnly(t.account);
        if (t.support == Support.Margin) _requireNotAbove(t);
        else if (!ledger.isEscrowed(t.account) && !ledger.isFlat(t.account)) revert EscrowMissing(t.account);
        address venue = ledger.venueOf(t.account);
        _requireSigned(t, venue);
        _requireTransition(t);

        ledger.setCommitment(t.account, venue, t.newCommitment, uint40(block.timestamp) + SETTLEMENT_WINDOW);
        emit TransitionApplied(t.account, t.version, t.newCommitment, t.fillDigest, t.cash);

        if (t.support == Support.Cover) {
            ledger.attestCover(t.account, t.epochId, t.version, INITIAL_STEP, t.value, 0, t.factors, t.supportProof);
        } else if (t.support == Support.Margin) {
            ledger.attest(t.account, t.epochId, t.version, t.value, 0, t.supportProof);
        }
    }

    /// @dev The margin that stands is public and of the same epoch: other scenarios would compare with nothing.
    function _requireNotAbove(Transition calldata t) private view {
        (MarginStatus status,, uint40 epochId,) =
            ledger.tryMarginOf(t.account, type(uint256).max, 0, address(0));
        if (status != MarginStatus.Valid) revert NoMargin(t.account);
        if (t.epochId != epochId) revert OtherEpoch(t.epochId, epochId);
        uint128 before = ledger.marginOf(t.account, type(uint256).max);
        if (t.value > before) revert MarginRaised(t.value, before);
    }

    function _requireSigned(Transition calldata t, address venue) private view {
        if (!_hasRole(VENUE, venue)) revert VenueWithoutRole(t.account, venue);
        bytes32 fills = _hashTypedDataV4(
            keccak256(abi.encode(FILLS_TYPEHASH, t.account, venue, t.version, t.fillDigest, t.cash))
        );
        if (!isSignedBy(venue, fills, t.venueSignature)) revert FillsNotByVenue(t.account, venue);
        if (msg.sender == t.account) return;
        if (block.timestamp > t.deadline) revert TransitionExpired(t.deadline);
        bytes32 consent = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    TRANSITION_TYPEHASH,
                    t.account,
                    t.version,
                    t.newCommitment,
                    t.fillDigest,
                    t.cash,
                    nonceOf[t.account],
                    t.deadline
                )
            )
        );
        if (!isSignedBy(t.account, consent, t.ownerSignature)) revert TransitionNotByOwner(t.account);
    }

    function _requireTransition(Transition calldata t) private view {
        _requireCommitment(t.newCommitment);
        (address verifier, bytes32 keyDigest,) = verifiers.active(TRANSITION);
        uint256 context = proofContext(address(ledger), TRANSITION, keyDigest, t.account, 0, t.version, 0);
        requireProof(verifier, t.proof, context, ledger.commitmentOf(t.account), t.newCommitment, t.fillDigest);
    }

    function _requireCommitment(uint256 commitment) private pure {
        if (commitment == 0 || commitment >= BN254_ORDER) revert CommitmentOutOfField(commitment);
    }

    /// @dev Membership alone counts: a delay on what the role may execute does not make a venue less of one.
    function _hasRole(uint64 role, address who) private view returns (bool member) {
        (member,) = IAccessManager(authority()).hasRole(role, who);
    }
}
