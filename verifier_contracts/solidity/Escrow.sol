// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {Point, Possession, isOnCurve, PointOffCurve, requireKey, requirePossession} from "./BabyJubJub.sol";
import {challengeAndEvaluation, putWords} from "./CalldataWords.sol";
import {ICommitmentLedger} from "./ICommitmentLedger.sol";
import {IDisclosures} from "./IDisclosures.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {proofContext} from "./ProofContext.sol";
import {DELIVERY, DISCLOSE, ESCROW} from "./Statements.sol";
import {requireProof} from "./VerifierCall.sol";

/// @title Openings of commitments, encrypted to those who can act when an owner does not
/// @notice An opening in escrow can be read by the account's venue, by enough members of a committee, and by its owner:
///         one of the three is enough to resolve an account that has failed, and no one of them can hold the others up. That
///         the words in calldata are that opening, encrypted to those keys, a proof says; the contract keeps their digest
///         and tells the ledger, without which no collateral leaves on a cover and no risk is added.
/// @dev    Anybody may carry a post: the proof binds it to the account, its version, its present commitment, the keys that
///         stand here, and each of its words. Nothing here says that keys are kept secret, that a committee's members are
///         apart, or that whoever may read an opening does not tell it.
contract Escrow is AccessManaged, IDisclosures {
    /// @dev A committee's key. Members renew their shares of it, which leaves it as it is.
    struct Committee {
        Point key;
        /// When shares of it were dealt last.
        uint40 renewedAt;
        /// When another key took its place; 0 while it is in force.
        uint40 replacedAt;
    }

    /// @dev What was ordered of a lot. terms : hash of commitment and recipients.
    struct Order {
        address account;
        uint8 recipients;
        uint8 delivered;
        bool published;
        bytes32 terms;
    }

    /// @notice Shares older than this are to be destroyed, and nothing new is encrypted to them (R34).
    uint40 public constant SHARE_LIFE = 30 days;
    /// @notice How long an escrow is good beyond: time to escrow anew, or for its committee to renew.
    uint40 public constant RE_ESCROW = 7 days;
    /// @notice A holder's keys are at least so long apart: posts are to the key that stands, and whoever could change it in
    ///         each block would let none through.
    uint40 public constant KEY_INTERVAL = 1 days;
    uint256 public constant MOST_MEMBERS = 32;
    /// @notice Keys that a delivery is encrypted to; a place that nobody needs repeats the first key.
    uint256 public constant SHORTLIST = 5;
    bytes32 public constant KEY_TYPEHASH = keccak256("EscrowKey(uint256 chainid,address escrow,address holder)");
    bytes32 public constant COMMITTEE_TYPEHASH =
        keccak256("EscrowCommittee(uint256 chainid,address escrow,uint32 generation)");

    /// @dev Venue, committee and owner, in this order.
    uint256 private constant HOLDERS = 3;
    /// @dev Before y: tag and key digest.
    uint256 private constant HEAD = 2;
    uint256 private constant ESCROW_TAG = uint256(keccak256("tailproof escrow challenge"));
    uint256 private constant DISCLOSE_TAG = uint256(keccak256("tailproof disclose challenge"));

    ICommitmentLedger public immutable ledger;
    IVerifierRegistry public immutable verifiers;
    /// @notice J, the positions of a commitment: it says how many words there are.
    uint256 public immutable slots;

    /// @notice Of the committee's key in force; 0 before the first.
    uint32 public generation;
    mapping(uint32 generation => Committee) public committees;
    mapping(address holder => Point) public keyOf;
    mapping(address holder => uint40) public keyedAt;
    /// @notice Whether a key, by `keccak256(abi.encode(x, y))`, was ever registered here.
    mapping(bytes32 key => bool) public isRegistered;
    /// @notice keccak256(abi.encode(generation, venue, digest)) of the last words that were posted for a commitment: what is
    ///         encrypted to one venue is no other's, though the commitment be the same.
    mapping(address account => mapping(uint256 commitment => bytes32)) public postedOf;
    mapping(uint256 lotId => Order) public orders;
    /// @dev Escrows that were shown and not posted yet, by all that a post of them would be held against.
    mapping(bytes32 shown => bool) private _shown;

    event KeyRegistered(address indexed holder, uint256 x, uint256 y);
    event CommitteeRegistered(
        uint32 indexed generation, uint256 x, uint256 y, uint8 threshold, bytes32 committee, Point[] members
    );
    event CommitteeRenewed(uint32 indexed generation, uint8 threshold, bytes32 committee, Point[] members);
    event EscrowPosted(
        address indexed account,
        uint256 indexed commitment,
        address indexed venue,
        uint40 version,
        uint32 generation,
        uint256 context,
        uint256[6] holders,
        uint256 digest,
        uint256[] words
    );
    /// @notice The same words, for a post to come: the escrow of nothing until `postedOf` says so.
    event EscrowShown(
        address indexed account,
        uint256 indexed commitment,
        address indexed venue,
        uint40 version,
        uint32 generation,
        uint256 context,
        uint256[6] holders,
        uint256 digest,
        uint256[] words
    );
    event DisclosureOrdered(
        uint256 indexed lotId, address indexed account, uint40 version, uint256 commitment, Point[] recipients
    );
    event OpeningDelivered(
        uint256 indexed lotId, address indexed account, uint256 context, uint256 digest, uint256[] words
    );
    event OpeningPublished(uint256 indexed lotId, address indexed account, uint256 commitment, uint256[] words);

    error SettingMissing(string name);
    error NoSuchThreshold(uint256 threshold, uint256 members);
    error WrongGeneration(uint32 generation, uint32 expected);
    error NoCommittee();
    /// @notice Its shares should have been renewed by then.
    error CommitteeOverdue(uint32 generation, uint256 since);
    /// @notice A party has no key yet (`registerKey`).
    error NoKeyOf(address holder);
    error KeyNotRegistered(uint256 x, uint256 y);
    error KeyTooYoung(address holder, uint256 until);
    error CommitmentIsVoid(address account);
    error WrongVersion(uint40 version, uint40 expected);
    error WrongNumberOfWords(uint256 words, uint256 expected);
    error NothingPosted(address account, uint256 commitment);
    /// @notice No words came, and none were shown before for what stands now: version, commitment, venue, keys, verifier.
    error NothingShown(address account, uint256 commitment);
    error TooManyRecipients(uint256 recipients);
    /// @notice Nothing was ordered of this lot, it was ordered otherwise, or the account has another commitment by now.
    error NotOrdered(uint256 lotId);

    constructor(address authority_, ICommitmentLedger ledger_, IVerifierRegistry verifiers_, uint256 slots_)
        AccessManaged(authority_)
    {
        if (authority_.code.length == 0) revert SettingMissing("authority");
        if (address(ledger_) == address(0)) revert SettingMissing("ledger");
        if (address(verifiers_).code.length == 0) revert SettingMissing("verifiers");
        if (slots_ == 0) revert SettingMissing("slots");
        ledger = ledger_;
        verifiers = verifiers_;
        slots = slots_;
    }

    // -------------------------------------------------------------------------------------------------------- keys

    /// @notice Register the sender's key, as a venue, an owner or a bidder: point of large order and of the subgroup, secret
    ///         known; one a day. What was encrypted to an earlier one stays so.
    function registerKey(Point calldata key, Possession calldata shown) external {
        uint40 last = keyedAt[msg.sender];
        if (last != 0 && block.timestamp < last + KEY_INTERVAL) revert KeyTooYoung(msg.sender, last + KEY_INTERVAL);
        requireKey(key);
        requirePossession(key, shown, contextOfKey(msg.sender));
        keyOf[msg.sender] = key;
        keyedAt[msg.sender] = uint40(block.timestamp);
        isRegistered[_idOf(key)] = true;
        emit KeyRegistered(msg.sender, key.x, key.y);
    }

    /// @notice The first committee (role: announcer; nothing rests on a key before there is one, so nobody need wait).
    /// @param members   Verification keys of members, by number.
    /// @param committee Digest of the committee's file, with all that its members agreed on.
    function foundCommittee(
        Point calldata key,
        Possession calldata shown,
        Point[] calldata members,
        uint8 threshold,
        bytes32 committee
    ) external restricted {
        if (generation != 0) revert WrongGeneration(1, generation + 1);
        _register(1, key, shown, members, threshold, committee);
    }

    /// @notice Another key (role: admin). New escrows are to it at once; for those before it there are seven days.
    /// @param next The generation in force plus one: what the proof of possession was made for.
    function registerCommittee(
        uint32 next,
        Point calldata key,
        Possession calldata shown,
        Point[] calldata members,
        uint8 threshold,
        bytes32 committee
    ) external restricted {
        if (next != generation + 1) revert WrongGeneration(next, generation + 1);
        committees[generation].replacedAt = uint40(block.timestamp);
        _register(next, key, shown, members, threshold, committee);
    }

    /// @notice New shares of the same key, of these members (role: admin). That old ones are destroyed is their word.
    function renewCommittee(uint32 renewed, Point[] calldata members, uint8 threshold, bytes32 committee)
        external
        restricted
    {
        if (generation == 0) revert NoCommittee();
        if (renewed != generation) revert WrongGeneration(renewed, generation);
        _requireMembers(members, threshold);
        committees[renewed].renewedAt = uint40(block.timestamp);
        emit CommitteeRenewed(renewed, threshold, committee, members);
    }

    /// @notice What a proof of possession of a holder's key is made for.
    function contextOfKey(address holder) public view returns (bytes32) {
        return keccak256(abi.encode(KEY_TYPEHASH, block.chainid, address(this), holder));
    }

    /// @notice What the proof of possession of a committee's key is made for.
    function contextOfCommittee(uint32 generation_) public view returns (bytes32) {
        return keccak256(abi.encode(COMMITTEE_TYPEHASH, block.chainid, address(this), generation_));
    }

    function _register(
        uint32 next,
        Point calldata key,
        Possession calldata shown,
        Point[] calldata members,
        uint8 threshold,
        bytes32 committee
    ) private {
        requireKey(key);
        requirePossession(key, shown, contextOfCommittee(next));
        _requireMembers(members, threshold);
        generation = next;
        committees[next] = Committee(key, uint40(block.timestamp), 0);
        emit CommitteeRegistered(next, key.x, key.y, threshold, committee, members);
    }

    function _requireMembers(Point[] calldata members, uint8 threshold) private pure {
        if (threshold < 2 || threshold > members.length || members.length > MOST_MEMBERS) {
            revert NoSuchThreshold(threshold, members.length);
        }
        for (uint256 i = 0; i < members.length; ++i) {
            if (!isOnCurve(members[i].x, members[i].y)) revert PointOffCurve(members[i].x, members[i].y);
        }
    }

    function _idOf(Point calldata key) private pure returns (bytes32) {
        return keccak256(abi.encode(key.x, key.y));
    }

    // ------------------------------------------------------------------------------------------------------ escrows

    /// @notice Post the encrypted opening of an account's present commitment; anybody may.
    /// @dev    y = (context, commitment, keys of venue, committee and owner, words), of which `challengeAndEvaluation` says
    ///         why it is the circuit's.
    /// @param version The account's; the proof's context names it.
    /// @param digest  Of y, by the circuit (X7).
    /// @param words   R, the content key wrapped for each holder, salt and slots under its keystream. None where they were
    ///                shown before (`showEscrow`), which is good for one post; the proof is not looked at then.
    function postEscrow(
        address account,
        uint40 version,
        uint256 digest,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) external {
        _requireVersion(account, version);
        uint256 commitment = _commitmentOf(account);
        uint32 under = generation;
        address venue = ledger.venueOf(account);
        if (words.length == 0) {
            _requireCommittee(under);
            bytes32 shown = _shownOf(account, venue, version, commitment, under, digest);
            if (!_shown[shown]) revert NothingShown(account, commitment);
            delete _shown[shown];
        } else {
            (uint256 context, uint256[6] memory keys) =
                _requireEscrow(account, venue, version, commitment, under, digest, words, proof);
            emit EscrowPosted(account, commitment, venue, version, under, context, keys, digest, words);
        }
        postedOf[account][commitment] = keccak256(abi.encode(under, venue, digest));
        ledger.noteEscrow(account, commitment, _goodUntil(under));
    }

    /// @notice Show before a post the encrypted opening that it will be of (anyone), so that the transaction in which an
    ///         account gets a commitment has neither words nor proof to pay for. Nothing is in escrow by it. It is good for
    ///         one post while all stands that such a post would be held against: the account comes to this version, venue
    ///         and commitment; no holder has registered another key, and the committee and the verifier are those in force.
    /// @dev    Nobody's takes the place of another's: each is kept under all that it says.
    /// @param venue      That the account will have, whose key one copy is encrypted to.
    /// @param version    That it will have.
    /// @param commitment That it will have.
    function showEscrow(
        address account,
        address venue,
        uint40 version,
        uint256 commitment,
        uint256 digest,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) external {
        uint32 under = generation;
        (uint256 context, uint256[6] memory keys) =
            _requireEscrow(account, venue, version, commitment, under, digest, words, proof);
        _shown[_shownOf(account, venue, version, commitment, under, digest)] = true;
        emit EscrowShown(account, commitment, venue, version, under, context, keys, digest, words);
    }

    /// @notice Tell the ledger how long an account's escrow is good by now: longer once its committee has renewed, shorter
    ///         once another key is in force. Anybody may.
    /// @param under  Generation and
    /// @param digest digest of the last post for its present commitment, as its event has them.
    function refresh(address account, uint32 under, uint256 digest) external {
        uint256 commitment = _commitmentOf(account);
        if (postedOf[account][commitment] != keccak256(abi.encode(under, ledger.venueOf(account), digest))) {
            revert NothingPosted(account, commitment);
        }
        ledger.noteEscrow(account, commitment, _goodUntil(under));
    }

    function _requireVersion(address account, uint40 version) private view {
        uint40 present = ledger.versionOf(account);
        if (version != present) revert WrongVersion(version, present);
    }

    function _listOf(uint256[6] memory keys) private pure returns (uint256[] memory list) {
        list = new uint256[](2 * HOLDERS);
        for (uint256 i = 0; i < 2 * HOLDERS; ++i) list[i] = keys[i];
    }

    /// @dev Under what a shown escrow is kept. Keys are named by when they were registered, of which no two of a holder are
    ///      alike (`KEY_INTERVAL`), and by the committee's generation; words by their digest, which the proof ties to them.
    function _shownOf(
        address account,
        address venue,
        uint40 version,
        uint256 commitment,
        uint32 under,
        uint256 digest
    ) private view returns (bytes32) {
        (, bytes32 keyDigest,) = verifiers.active(ESCROW);
        return keccak256(
            abi.encode(
                keyDigest, account, venue, version, commitment, under, keyedAt[venue], keyedAt[account], digest
            )
        );
    }

    /// @dev An `escrow` proof for the keys of venue, committee and owner as they stand now.
    function _requireEscrow(
        address account,
        address venue,
        uint40 version,
        uint256 commitment,
        uint32 under,
        uint256 digest,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) private view returns (uint256 context, uint256[6] memory keys) {
        _requireCommittee(under);
        (keys[0], keys[1]) = _keyOf(venue);
        (keys[2], keys[3]) = (committees[under].key.x, committees[under].key.y);
        (keys[4], keys[5]) = _keyOf(account);
        context = _requireSealed(ESCROW, account, version, 0, commitment, _listOf(keys), digest, words, proof);
    }

    /// @dev There is a committee, and nothing new is encrypted to shares that are too old.
    function _requireCommittee(uint32 under) private view {
        if (under == 0) revert NoCommittee();
        uint40 renewedAt = committees[under].renewedAt;
        if (block.timestamp > uint256(renewedAt) + SHARE_LIFE) revert CommitteeOverdue(under, renewedAt);
    }

    function _keyOf(address holder) private view returns (uint256 x, uint256 y) {
        Point storage key = keyOf[holder];
        (x, y) = (key.x, key.y);
        if (y == 0) revert NoKeyOf(holder);
    }

    /// @dev Last second at which what is encrypted to a generation's key counts as escrowed.
    function _goodUntil(uint32 under) private view returns (uint40 until) {
        Committee storage committee = committees[under];
        until = committee.renewedAt + SHARE_LIFE + RE_ESCROW;
        uint40 replaced = committee.replacedAt;
        if (replaced != 0 && replaced + RE_ESCROW < until) until = replaced + RE_ESCROW;
    }

    // -------------------------------------------------------------------------------------------------- disclosures

    /// @inheritdoc IDisclosures
    /// @dev Keys have to be registered: then somebody knows their secrets, and the opening goes to nobody else.
    function orderDisclosure(uint256 lotId, address account, Point[] calldata recipients) external restricted {
        uint256 commitment = _commitmentOf(account);
        uint256 count = recipients.length;
        if (count > SHORTLIST) revert TooManyRecipients(count);
        for (uint256 i = 0; i < count; ++i) {
            if (!isRegistered[_idOf(recipients[i])]) revert KeyNotRegistered(recipients[i].x, recipients[i].y);
        }
        orders[lotId] = Order(account, uint8(count), 0, false, keccak256(abi.encode(commitment, recipients)));
        emit DisclosureOrdered(lotId, account, ledger.versionOf(account), commitment, recipients);
    }

    /// @notice Deliver the opening that was ordered, encrypted to those it was ordered for; anybody who has it may (R28: the
    ///         proof is the delivery, nobody need acknowledge it).
    /// @param recipients As ordered.
    /// @param digest     As of `postEscrow`.
    /// @param words      R, the content key wrapped for each of five places, salt and slots under its keystream.
    function deliver(
        uint256 lotId,
        Point[] calldata recipients,
        uint256 digest,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) external {
        Order storage order = orders[lotId];
        (address account, uint256 commitment) = _ordered(lotId, recipients);
        if (recipients.length == 0) revert NotOrdered(lotId);
        uint256[] memory list = new uint256[](2 * SHORTLIST);
        for (uint256 i = 0; i < SHORTLIST; ++i) {
            Point calldata key = recipients[i < recipients.length ? i : 0];
            (list[2 * i], list[2 * i + 1]) = (key.x, key.y);
        }
        uint40 version = ledger.versionOf(account);
        uint256 context = _requireSealed(
            DELIVERY, account, version, bytes32(lotId), commitment, list, digest, words, proof
        );
        order.delivered = uint8((1 << recipients.length) - 1);
        emit OpeningDelivered(lotId, account, context, digest, words);
    }

    /// @notice Show the opening to everybody, once that was ordered: the last resort. Anybody who has it may.
    /// @param words Salt, id_0, q_0, id_1, ..., residues.
    function publishOpening(uint256 lotId, uint256[] calldata words, uint256[8] calldata proof) external {
        Order storage order = orders[lotId];
        (address account, uint256 commitment) = _ordered(lotId, new Point[](0));
        _requireDisclosed(account, commitment, words, proof);
        order.published = true;
        emit OpeningPublished(lotId, account, commitment, words);
    }

    /// @inheritdoc IDisclosures
    function deliveredTo(uint256 lotId) external view returns (uint8 seats, bool published) {
        Order storage order = orders[lotId];
        return (order.delivered, order.published);
    }

    function _ordered(uint256 lotId, Point[] memory recipients)
        private
        view
        returns (address account, uint256 commitment)
    {
        account = orders[lotId].account;
        if (account == address(0)) revert NotOrdered(lotId);
        commitment = _commitmentOf(account);
        if (orders[lotId].terms != keccak256(abi.encode(commitment, recipients))) revert NotOrdered(lotId);
    }

    // ------------------------------------------------------------------------------------------------------- proofs

    /// @dev An `escrow` proof, or a `delivery`, which is one to a shortlist.
    function _requireSealed(
        bytes32 statement,
        address account,
        uint40 version,
        bytes32 action,
        uint256 commitment,
        uint256[] memory keys,
        uint256 digest,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) private view returns (uint256 context) {
        // R, a wrapped key each, salt and slots
        _requireLength(words, 3 + keys.length / 2 + 2 * slots);
        (address verifier, bytes32 keyDigest,) = verifiers.active(statement);
        context = proofContext(address(ledger), statement, keyDigest, account, 0, version, action);
        uint256 first = HEAD + 2 + keys.length;
        uint256[] memory content = new uint256[](first + words.length + 1);
        (content[0], content[1], content[2], content[3]) = (ESCROW_TAG, uint256(keyDigest), context, commitment);
        for (uint256 i = 0; i < keys.length; ++i) content[HEAD + 2 + i] = keys[i];
        putWords(content, first, words);
        content[content.length - 1] = digest;
        (uint256 challenge, uint256 evaluation) = challengeAndEvaluation(content, HEAD, content.length - 1);
        Address.functionStaticCall(
            verifier,
            abi.encodeWithSelector(
                bytes4(keccak256("verifyProof(uint256[8],uint256[3])")), proof, digest, challenge, evaluation
            )
        );
    }

    /// @dev A `disclose` proof. It needs no digest: the words hash to the commitment, which is in storage.
    function _requireDisclosed(
        address account,
        uint256 commitment,
        uint256[] calldata words,
        uint256[8] calldata proof
    ) private view {
        _requireLength(words, 1 + 2 * slots);
        (address verifier, bytes32 keyDigest,) = verifiers.active(DISCLOSE);
        uint256 context = proofContext(
            address(ledger), DISCLOSE, keyDigest, account, 0, ledger.versionOf(account), 0
        );
        uint256[] memory content = new uint256[](HEAD + 2 + words.length);
        (content[0], content[1], content[2], content[3]) = (DISCLOSE_TAG, uint256(keyDigest), context, commitment);
        putWords(content, HEAD + 2, words);
        (uint256 challenge, uint256 evaluation) = challengeAndEvaluation(content, HEAD + 2, content.length);
        requireProof(verifier, proof, context, commitment, challenge, evaluation);
    }

    function _requireLength(uint256[] calldata words, uint256 expected) private pure {
        if (words.length != expected) revert WrongNumberOfWords(words.length, expected);
    }

    /// @dev Void commitments are 0, of which nothing can be proven.
    function _commitmentOf(address account) private view returns (uint256 commitment) {
        commitment = ledger.commitmentOf(account);
        if (commitment == 0) revert CommitmentIsVoid(account);
    }
}
