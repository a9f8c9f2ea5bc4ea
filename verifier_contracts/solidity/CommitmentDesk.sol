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

    /// @notice Fills that close a part of a called account without its owner: the venue's word, in a form of its own, so
    ///         that no fill signed for her can be forced on her (R2).
    struct ForcedFills {
        address account;
        /// The version that it leads to.
        uint40 version;
        uint256 newCommitment;
        uint256 fillDigest;
        /// As in a Transition.
        int128 cash;
        /// What the fills' prices are worse than the marks of the epoch that they were made at, in 1e-6 quote units.
        uint128 concession;
        /// Last second at which the signature is good.
        uint256 deadline;
        bytes venueSignature;
        uint256[8] proof;
    }

    /// @notice A lot's positions on their way to who bought it.
    struct HandOver {
        address from;
        /// Never registered before; its owner consents to the commitment by a CommitmentConsent for version 0, which no
        /// registration has: her venue would register it first, and the hand-over would find no fresh account.
        address to;
        uint256 newCommitment;
        uint256 deadline;
        bytes consent;
        /// Of a transition by no fills: the same positions under another salt. Unused where that was shown before.
        uint256[8] proof;
    }

    bytes32 public constant CONSENT_TYPEHASH = keccak256(
        "CommitmentConsent(address account,address venue,uint256 commitment,uint40 version,uint32 nonce,uint256 deadline)"
    );
    bytes32 public constant TRANSITION_TYPEHASH = keccak256(
        "Transition(address account,uint40 version,uint256 newCommitment,uint256 fillDigest,int128 cash,uint32 nonce,uint256 deadline)"
    );
    bytes32 public constant FILLS_TYPEHASH =
        keccak256("Fills(address account,address venue,uint40 version,uint256 fillDigest,int128 cash)");
    bytes32 public constant FORCED_TYPEHASH = keccak256(
        "ForcedFills(address account,address venue,uint40 version,uint256 fillDigest,int128 cash,uint128 concession,uint256 deadline)"
    );
    /// @notice A flat account waits so long after its last transition, unless settlement comes first (R6). Wall time:
    ///         the way out depends on no oracle.
    uint40 public constant SETTLEMENT_WINDOW = 1 hours;

    /// @dev Of the ladder of beta: initial margin.
    uint256 private constant INITIAL_STEP = 1;

    ICommitmentLedger public immutable ledger;
    IVerifierRegistry public immutable verifiers;

    /// @notice What an owner's signatures must name now.
    mapping(address account => uint32) public nonceOf;
    /// @notice Accounts that have a commitment: of a venue, and in all. Limits of calls by silence are parts of them.
    mapping(address venue => uint256) public accountsOf;
    uint256 public accounts;
    /// @notice When a venue was found to have left an account that was called to itself; 0 if it was not, or was let off.
    mapping(address venue => uint256) public breachedAt;
    /// @dev Re-saltings that were shown, by what they are of, and by which key.
    mapping(bytes32 resalting => bool) private _resaltings;

    event CommitmentRegistered(
        address indexed account, address indexed venue, uint40 indexed version, uint256 commitment
    );
    event CommitmentVoided(address indexed account, address indexed by, uint40 version);
    event AccountMoved(address indexed account, address indexed from, address indexed to);
    event ConsentsRevoked(address indexed account, uint32 nonce);
    event TransitionApplied(
        address indexed account, uint40 indexed version, uint256 commitment, uint256 fillDigest, int128 cash
    );

    event TransitionForced(
        address indexed account,
        uint40 indexed version,
        uint256 commitment,
        uint256 fillDigest,
        int128 cash,
        uint128 concession
    );
    event CommitmentHandedOver(address indexed from, address indexed to, address indexed venue, uint256 commitment);
    event VenueBreached(address indexed venue);
    event VenueAbsolved(address indexed venue);

    error VenueIsOwner(address account);
    /// @notice It opens nothing more, until an admin lets it off.
    error VenueInBreach(address venue);
    error AccountNotCalled(address account);
    error AccountNotFresh(address account);
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
        if (breachedAt[msg.sender] != 0) revert VenueInBreach(msg.sender);
        if (account == msg.sender) revert VenueIsOwner(account);
        _requireCommitment(commitment);
        if (block.timestamp > deadline) revert ConsentExpired(deadline);
        if (ledger.isCalled(account)) revert AccountIsCalled(account);
        uint40 next = ledger.versionOf(account) + 1;
        if (version != next) revert WrongVersion(version, next);
        address venue = ledger.venueOf(account);
        if (venue != address(0) && venue != msg.sender) revert NotVenueOfAccount(account, msg.sender);
        _requireConsent(account, msg.sender, commitment, version, deadline, signature);

        if (ledger.commitmentOf(account) == 0) _count(msg.sender);
        ledger.setCommitment(account, msg.sender, commitment, 0);
        emit CommitmentRegistered(account, msg.sender, version, commitment);
    }

    function _requireConsent(
        address account,
        address venue,
        uint256 commitment,
        uint40 version,
        uint256 deadline,
        bytes calldata signature
    ) private view {
        bytes32 consent = _hashTypedDataV4(
            keccak256(abi.encode(CONSENT_TYPEHASH, account, venue, commitment, version, nonceOf[account], deadline))
        );
        if (!isSignedBy(account, consent, signature)) revert ConsentNotByOwner(account);
    }

    function _count(address venue) private {
        ++accountsOf[venue];
        ++accounts;
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
        if (ledger.commitmentOf(account) != 0) {
            --accountsOf[ledger.venueOf(account)];
            --accounts;
        }
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
        // What cures a call is never stopped by what the venue has done.
        if (breachedAt[venue] != 0 && t.support != Support.Margin && !ledger.isCalled(t.account)) {
            revert VenueInBreach(venue);
        }
        _requireSigned(t, venue);
        _requireTransition(t.account, t.account, t.version, t.newCommitment, t.fillDigest, t.proof);

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

    /// @dev From the commitment of one account to that of another, which is the same but in a hand-over.
    function _requireTransition(
        address from,
        address to,
        uint40 version,
        uint256 newCommitment,
        uint256 fillDigest,
        uint256[8] calldata proof
    ) private view {
        _requireCommitment(newCommitment);
        (address verifier, bytes32 keyDigest,) = verifiers.active(TRANSITION);
        uint256 context = proofContext(address(ledger), TRANSITION, keyDigest, to, 0, version, 0);
        requireProof(verifier, proof, context, ledger.commitmentOf(from), newCommitment, fillDigest);
    }

    // -------------------------------------------------------------------------------------------------- liquidation

    /// @notice Call an account that nobody has covered (role: coordinator; see SilenceCalls).
    function callBySilence(address account) external restricted {
        ledger.markCalled(account);
    }

    /// @notice Move a called account's commitment by fills that its venue signed for that, without its owner (role:
    ///         coordinator). The call stands until cover is shown.
    function forceTransition(ForcedFills calldata f) external restricted {
        if (!ledger.isCalled(f.account)) revert AccountNotCalled(f.account);
        uint40 next = ledger.versionOf(f.account) + 1;
        if (f.version != next) revert WrongVersion(f.version, next);
        if (block.timestamp > f.deadline) revert TransitionExpired(f.deadline);
        address venue = ledger.venueOf(f.account);
        if (!_hasRole(VENUE, venue)) revert VenueWithoutRole(f.account, venue);
        bytes32 fills = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    FORCED_TYPEHASH, f.account, venue, f.version, f.fillDigest, f.cash, f.concession, f.deadline
                )
            )
        );
        if (!isSignedBy(venue, fills, f.venueSignature)) revert FillsNotByVenue(f.account, venue);
        _requireTransition(f.account, f.account, f.version, f.newCommitment, f.fillDigest, f.proof);

        ledger.setCommitment(f.account, venue, f.newCommitment, uint40(block.timestamp) + SETTLEMENT_WINDOW);
        emit TransitionForced(f.account, f.version, f.newCommitment, f.fillDigest, f.cash, f.concession);
    }

    /// @notice Give a called account's positions to another account, re-salted, so that whoever saw the opening before
    ///         has seen the last of it (role: coordinator). The account that they leave holds nothing any more.
    /// @param emptyFills      Digest of no fills.
    /// @param emptyCommitment To no positions, under salt 0: whoever wants can prove it flat.
    function handOver(HandOver calldata h, uint256 emptyFills, uint256 emptyCommitment) external restricted {
        if (!ledger.isCalled(h.from)) revert AccountNotCalled(h.from);
        if (ledger.versionOf(h.to) != 0) revert AccountNotFresh(h.to);
        address venue = ledger.venueOf(h.from);
        if (h.to == venue) revert VenueIsOwner(h.to);
        if (block.timestamp > h.deadline) revert ConsentExpired(h.deadline);
        _requireConsent(h.to, venue, h.newCommitment, 0, h.deadline, h.consent);
        if (!_resaltings[_resaltingOf(h.from, h.to, h.newCommitment, emptyFills)]) {
            _requireTransition(h.from, h.to, 1, h.newCommitment, emptyFills, h.proof);
        }

        _count(venue);
        ledger.setCommitment(h.to, venue, h.newCommitment, 0);
        ledger.setCommitment(h.from, venue, emptyCommitment, 0);
        emit CommitmentHandedOver(h.from, h.to, venue, h.newCommitment);
    }

    /// @notice Show before a hand-over that the new commitment is to what `from` holds (anyone), so that the transaction of
    ///         the hand-over has a proof less to pay for. Nothing moves by it; it is good while `from` has this commitment
    ///         and the key is the one in force.
    function showResalting(
        address from,
        address to,
        uint256 newCommitment,
        uint256 emptyFills,
        uint256[8] calldata proof
    ) external {
        _requireTransition(from, to, 1, newCommitment, emptyFills, proof);
        _resaltings[_resaltingOf(from, to, newCommitment, emptyFills)] = true;
    }

    function _resaltingOf(address from, address to, uint256 newCommitment, uint256 emptyFills)
        private
        view
        returns (bytes32)
    {
        (, bytes32 keyDigest,) = verifiers.active(TRANSITION);
        return keccak256(abi.encode(keyDigest, from, to, ledger.commitmentOf(from), newCommitment, emptyFills));
    }

    /// @notice Stop what a venue could open (role: coordinator).
    function breach(address venue) external restricted {
        breachedAt[venue] = block.timestamp;
        emit VenueBreached(venue);
    }

    /// @notice Let a venue open again (role: admin).
    function absolve(address venue) external restricted {
        breachedAt[venue] = 0;
        emit VenueAbsolved(venue);
    }

    function _requireCommitment(uint256 commitment) private pure {
        if (commitment == 0 || commitment >= BN254_ORDER) revert CommitmentOutOfField(commitment);
    }

    /// @dev Membership alone counts: a delay on what the role may execute does not make a venue less of one.
    function _hasRole(uint64 role, address who) private view returns (bool member) {
        (member,) = IAccessManager(authority()).hasRole(role, who);
    }
}
