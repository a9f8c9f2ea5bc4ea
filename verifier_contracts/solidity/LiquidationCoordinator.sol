// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {CollateralVault} from "./CollateralVault.sol";
import {CommitmentDesk} from "./CommitmentDesk.sol";
import {IAuctionHouse, Stage} from "./IAuctionHouse.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {requireFactors} from "./Epochs.sol";
import {EncryptionKey, IEscrow, escrowed} from "./IEscrow.sol";
import {IInsuranceFund} from "./IInsuranceFund.sol";
import {ILossAllocator} from "./ILossAllocator.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {IVenueBonds} from "./IVenueBonds.sol";
import {LossWatch} from "./LossWatch.sol";
import {LotTerms} from "./LotTerms.sol";
import {MarginLedger} from "./MarginLedger.sol";
import {PartialClose} from "./PartialClose.sol";
import {ActionClass} from "./PausableByClass.sol";
import {Shortfalls} from "./Shortfalls.sol";
import {isSignedBy, typedDigest} from "./Signatures.sol";
import {valuation} from "./VaultCall.sol";

/// @dev What of the oracle nobody else asks: whether an epoch was frozen for ever, and not held for hours.
interface IFrozenOracle {
    function storedRootOf(uint40 epochId) external view returns (uint256 root, bool frozenForGood, bool refuted);
}

/// @title What becomes of an account that nobody cures: its whole portfolio is sold as a lot, by proofs
/// @notice A lot is an account's commitment with its collateral. It is locked while it is auctioned, and ends once: taken
///         by its winner, who shows that it was short and that he covers it; given back, where the account was cured or
///         the epoch was false; failed, so that the next may follow; or, where nobody who could open it has spoken, left
///         locked for a week. Of what the winner does not pay the fund pays what it may, then gains are cut, and the rest
///         stands as a deficit: the four are the lot's loss to the unit, and nobody's withdrawal waits for them.
/// @dev    Reverse of each guard: see docs/liquidation.md. Money only passes through: after each transaction this contract
///         has as much as before.
contract LiquidationCoordinator is LossWatch, AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Settings {
        /// Who keeps the times of T1 and verifies shortfalls and margins.
        PartialClose closes;
        IVenueBonds settlement;
        IAuctionHouse house;
        IInsuranceFund fund;
        ILossAllocator allocator;
        /// Digest of no fills, and commitment to no positions under salt 0: of the statement presets in use.
        uint256 emptyFills;
        uint256 emptyCommitment;
        /// In basis points of V: what a lot is taken to lose that nobody can open and whose margin nobody has shown.
        uint16 unknownLoss;
        /// What a venue's breach costs of its bond: in basis points of the lot's V, and at least so many quote units.
        uint16 breachShare;
        uint96 breachLeast;
        /// Live seconds from the order of a disclosure until the venue is in breach that has not delivered, and until the
        /// opening is asked for in public.
        uint32 venueDelivers;
        uint32 committeeDelivers;
    }

    enum State {
        None,
        Open,
        /// Nobody who holds the opening has shown it: still locked, the auction over.
        Stuck,
        Awarded,
        Voided,
        Failed,
        Released
    }

    /// @dev Three words.
    struct Lot {
        address account;
        uint40 since;
        State state;
        bool breached;
        /// Live time of the order of its disclosure; 0 before.
        uint40 orderedAt;
        address venue;
        uint40 epochId;
        uint40 version;
        uint128 value;
        uint128 margin;
    }

    struct Award {
        uint256 lotId;
        /// The account that takes it, never registered before; it consents as in a registration (CommitmentDesk.HandOver).
        CommitmentDesk.HandOver handOver;
        /// The winner's signature of an Acceptance, who may send the transaction instead.
        bytes acceptance;
        /// Of a price below 0: the least that he takes from the fund at once. The rest is owed to him as a loss.
        uint256 leastPaid;
        Shortfalls.Shortfall shortfall;
        IEscrow.Posting escrow;
        /// Cover at initial margin, of the new account at version 1 for its new commitment.
        uint40 epochId;
        uint128 claimed;
        ICollateralVault.Factor[] factors;
        uint256[8] coverProof;
    }

    /// @dev Of its EIP-712 domain, version 1.
    bytes32 private constant DOMAIN_NAME = keccak256("Tailproof LiquidationCoord");
    bytes32 private constant ACCEPTANCE_TYPEHASH =
        keccak256("Acceptance(uint256 lotId,address to,uint256 newCommitment,uint256 leastPaid)");
    /// @notice Wall time for which a lot that nobody opens stays locked.
    uint256 public constant STUCK_TIME = 7 days;
    /// @dev Of margins and values, to one of the quote asset.
    uint256 private constant MICROS = 1e6;

    uint256 private constant UNIT = 10_000;
    uint256 private constant INITIAL_STEP = 1;

    PartialClose public immutable closes;
    MarginLedger public immutable ledger;
    CommitmentDesk public immutable desk;
    CollateralVault public immutable vault;
    IRiskOracle public immutable oracle;
    IEscrow public immutable escrow;
    IVenueBonds public immutable settlement;
    IAuctionHouse public immutable house;
    IInsuranceFund public immutable fund;
    ILossAllocator public immutable allocator;
    address public immutable quote;
    uint256 public immutable emptyFills;
    uint256 public immutable emptyCommitment;
    uint16 public immutable unknownLoss;
    uint16 public immutable breachShare;
    uint96 public immutable breachLeast;
    uint32 public immutable venueDelivers;
    uint32 public immutable committeeDelivers;
    uint256 private immutable _one;

    uint256 public lots;
    mapping(uint256 lotId => Lot) private _lots;
    mapping(uint256 lotId => uint256) public stuckAt;
    /// @notice Whether disclosure of an account's commitment was ordered, or a lot of it was stuck: the next lot of it wants
    ///         a shortfall at once, and the margin.
    mapping(address account => mapping(uint256 commitment => bool)) public disclosed;
    /// @notice Whether what is taken to be lost of a commitment that nobody opens was paid: it is once.
    mapping(address account => mapping(uint256 commitment => bool)) public presumed;

    event LotOpened(
        uint256 indexed lotId,
        address indexed account,
        address indexed venue,
        uint40 epochId,
        uint40 version,
        uint128 value,
        uint128 margin
    );
    event LotAwarded(uint256 indexed lotId, address indexed from, address indexed to, address bidder, int256 price);
    event LotVoided(uint256 indexed lotId);
    event LotFailed(uint256 indexed lotId);
    event LotStuck(uint256 indexed lotId, uint256 until);
    event LotReleased(uint256 indexed lotId);
    /// @notice Quote units. Together they are the loss; a price above 0 is the account's former owner's.
    event LossShared(
        uint256 indexed lotId, bytes32 indexed lossId, uint256 price, uint256 fund, uint256 haircut, uint256 deficit
    );
    event VenueBreached(uint256 indexed lotId, address indexed venue, uint256 slashed);

    error SettingMissing(string name);
    error NotCalled(address account);
    error CallFell(address account);
    error VenuesTime(address account, uint256 until);
    error LiquidationPaused(uint256 until);
    error BreakerTripped();
    error AccountEmpty(address account);
    /// @notice Whoever can show that it falls short can show M; without it the fund stands for nothing.
    error MarginMissing(address account);
    error WrongState(uint256 lotId, State state);
    error WrongStage(uint256 lotId, Stage stage);
    /// @notice The account is not called any more, or for another reason or version than when the lot was opened.
    error CallChanged(uint256 lotId);
    error NothingToVoid(uint256 lotId);
    error NotAccepted(uint256 lotId, address bidder);
    error AlreadyOrdered(uint256 lotId);
    error HoldersTime(uint256 lotId, uint256 until);
    error AlreadyDelivered(uint256 lotId);
    error PaidTooLittle(uint256 paid, uint256 least);
    error WrongAmount(uint256 received, uint256 expected);
    error StillStuck(uint256 lotId, uint256 until);
    error NoBreach(uint256 lotId);
    error StaleEpoch(uint40 epochId);

    constructor(address authority_, Settings memory s)
        AccessManaged(authority_)
    {
        _require("authority", authority_.code.length);
        _require("closes", address(s.closes).code.length);
        _require("settlement", address(s.settlement).code.length);
        _require("house", address(s.house).code.length);
        _require("fund", address(s.fund).code.length);
        _require("allocator", address(s.allocator).code.length);
        _require("emptyFills", s.emptyFills);
        _require("emptyCommitment", s.emptyCommitment);
        _require("unknownLoss", s.unknownLoss);
        _require("breachShare", s.breachShare);
        (settlement, house, fund, allocator) = (s.settlement, s.house, s.fund, s.allocator);
        (emptyFills, emptyCommitment) = (s.emptyFills, s.emptyCommitment);
        _require("venueDelivers", s.venueDelivers);
        _require("committeeDelivers", s.committeeDelivers);
        (unknownLoss, breachShare, breachLeast) = (s.unknownLoss, s.breachShare, s.breachLeast);
        (venueDelivers, committeeDelivers) = (s.venueDelivers, s.committeeDelivers);
        closes = s.closes;
        (ledger, desk, escrow) = (s.closes.ledger(), s.closes.desk(), s.closes.escrow());
        (vault, oracle) = (s.closes.vault(), s.closes.oracle());
        quote = vault.quote();
        _one = 10 ** IERC20Metadata(quote).decimals();
        // What passes through goes to these two.
        IERC20(quote).forceApprove(address(vault), type(uint256).max);
        IERC20(quote).forceApprove(address(s.settlement), type(uint256).max);
    }

    // -------------------------------------------------------------------------------------------------------- opening

    /// @notice Lock a called account's collateral and put it up for auction (anyone), once its owner's time and its
    ///         venue's are over.
    /// @param margin M of the account's commitment under the epoch, with its proof; 0, and no proof, where nobody who knows
    ///               the opening speaks, which is a first lot alone. Bonds are by V then.
    /// @param s      Where its opening was disclosed in an earlier lot: that it is short. Somebody could have shown that,
    ///               and nobody's collateral is locked over and over without a reason (unused for the first lot).
    function openLot(
        address account,
        uint40 epochId,
        ICollateralVault.Factor[] calldata factors,
        uint128 margin,
        uint256[8] calldata marginProof,
        Shortfalls.Shortfall calldata s
    ) external nonReentrant returns (uint256 lotId) {
        _requireTrading();
        uint40 since = _requireCall(account);
        _requireVenuesTimeOver(account);
        uint256 commitment = ledger.commitmentOf(account);
        if (commitment == emptyCommitment) revert AccountEmpty(account);
        if (disclosed[account][commitment]) {
            closes.showShortfall(account, s);
            if (margin == 0) revert MarginMissing(account);
        }
        if (block.timestamp > uint256(epochId) + ledger.maxEpochAge()) revert StaleEpoch(epochId);
        // Also that it is known and not frozen.
        oracle.rootOf(epochId);
        requireFactors(oracle, epochId, factors);
        if (margin != 0) closes.requireMargin(account, epochId, margin, marginProof);
        LotTerms memory terms = LotTerms(
            ++lots,
            account,
            epochId,
            ledger.versionOf(account),
            valuation(vault, account, epochId, factors),
            margin,
            oracle.lagSecondsOf(epochId)
        );
        lotId = terms.lotId;
        address venue = ledger.venueOf(account);
        _lots[lotId] =
            Lot(account, since, State.Open, false, 0, venue, epochId, terms.version, terms.value, margin);
        vault.lock(account, lotId);
        _note(account, true);
        emit LotOpened(lotId, account, venue, epochId, terms.version, terms.value, margin);
        house.open(terms);
    }

    /// @notice Have the opening delivered to the shortlist, once that is known (anyone).
    function orderDisclosure(uint256 lotId) external nonReentrant {
        Lot memory own = _beforeBids(lotId);
        if (own.orderedAt != 0) revert AlreadyOrdered(lotId);
        (, uint256[2][5] memory keys, uint8 count) = house.shortlistOf(lotId);
        EncryptionKey[] memory recipients = new EncryptionKey[](count);
        for (uint256 i = 0; i < count; ++i) recipients[i] = EncryptionKey(keys[i][0], keys[i][1]);
        _lots[lotId].orderedAt = uint40(oracle.liveTime());
        disclosed[own.account][ledger.commitmentOf(own.account)] = true;
        escrow.orderDisclosure(lotId, own.account, recipients);
    }

    /// @notice Have the opening shown to everybody (anyone): neither venue nor committee has delivered in time. The last
    ///         resort; without it two who are silent together would veto every sale.
    function orderPublicDisclosure(uint256 lotId) external nonReentrant {
        Lot memory own = _beforeBids(lotId);
        uint256 until = uint256(own.orderedAt) + committeeDelivers;
        if (own.orderedAt == 0 || oracle.liveTime() < until) revert HoldersTime(lotId, until);
        if (_isDelivered(lotId)) revert AlreadyDelivered(lotId);
        escrow.orderDisclosure(lotId, own.account, new EncryptionKey[](0));
    }

    /// @notice Show that a lot's account falls short, to the house as well: from then on it may go below its reserve.
    function showShortfall(uint256 lotId, Shortfalls.Shortfall calldata s) external nonReentrant {
        Lot memory own = _inState(lotId, State.Open);
        _requireSameCall(lotId, own);
        closes.showShortfall(own.account, s);
        house.showShortfall(lotId);
    }

    // --------------------------------------------------------------------------------------------------------- ending

    /// @notice Give a lot to its winner (who sends, or signed). In this call, or nothing happens: the account is short
    ///         under a final epoch after its call; the positions are another account's, under another salt; so is the
    ///         collateral, and what the fund adds; that account is covered at initial margin; its commitment is escrowed.
    ///         What he pays is the former owner's to collect from the vault.
    function award(Award calldata a) external nonReentrant {
        uint256 lotId = a.lotId;
        _requireTrading();
        Lot memory own = _inState(lotId, State.Open);
        uint40 coveredAt = _requireSameCall(lotId, own);
        if (a.handOver.from != own.account) revert CallChanged(lotId);
        (address bidder, int256 price) = house.winnerOf(lotId);
        _requireAccepted(a, bidder);
        closes.showShortfall(own.account, a.shortfall);
        _lots[lotId].state = State.Awarded;

        address to = a.handOver.to;
        uint256 income = _receive(lotId, price);
        if (price < 0) _bear(lotId, own, coveredAt, a.shortfall.epochId, uint256(-price), a.leastPaid, to);
        desk.handOver(a.handOver, emptyFills, emptyCommitment);
        vault.transferBasket(own.account, to);
        if (income != 0) {
            // Into the account, whose caps do not bind while it is called, and at once to her who had it.
            vault.deposit(own.account, quote, income);
            vault.pay(own.account, quote, income, own.account);
        }
        vault.release(own.account);
        _note(own.account, false);
        _requireCarried(a, to);
        emit LotAwarded(lotId, own.account, to, bidder, price);
    }

    /// @notice Undo a lot (anyone) whose account was cured, or called anew; or whose epoch, or whose call's, was frozen for
    ///         good; or that has a winner, whose minutes run, while its call is held or its key distrusted, so that nobody
    ///         could carry it. All bonds are given back; an account that is still called is where it was.
    function voidLot(uint256 lotId) external nonReentrant {
        Lot memory own = _lots[lotId];
        bool stuck = own.state == State.Stuck;
        if (!stuck && own.state != State.Open) revert WrongState(lotId, own.state);
        if (!_isOver(own) && !_isAwaitedInVain(lotId, own.account)) revert NothingToVoid(lotId);
        _end(lotId, own.account, State.Voided);
        emit LotVoided(lotId);
        // An auction that has ended has given back, or kept, what it had to.
        if (!stuck && house.stageOf(lotId) != Stage.Failed) house.voidLot(lotId);
    }

    /// @notice End a lot (anyone) whose auction has failed. Where somebody was shown the opening the next may be opened at
    ///         once, with a shortfall proof. Where nobody was, nobody can prove a shortfall, so nobody loses the collateral:
    ///         it stays locked (R22), and the venue's tranche and the fund pay the venue's clearing account what the account
    ///         is taken to have lost: by its margin where that is public, else by a fixed share of V. Once, and as far as they
    ///         reach: it is no deficit and nobody's gains are charged, or a venue would be paid for positions that it made up.
    function failLot(uint256 lotId) external nonReentrant {
        Lot memory own = _inState(lotId, State.Open);
        if (_isOver(own)) revert CallChanged(lotId);
        Stage stage = house.stageOf(lotId);
        if (stage != Stage.Failed) revert WrongStage(lotId, stage);
        if (_isDelivered(lotId)) {
            _end(lotId, own.account, State.Failed);
            emit LotFailed(lotId);
            return;
        }
        _lots[lotId].state = State.Stuck;
        // Recorded below.
        _note(own.account, false);
        stuckAt[lotId] = block.timestamp;
        emit LotStuck(lotId, block.timestamp + STUCK_TIME);
        uint256 commitment = ledger.commitmentOf(own.account);
        disclosed[own.account][commitment] = true;
        if (presumed[own.account][commitment]) return;
        presumed[own.account][commitment] = true;
        uint256 loss = own.margin > own.value ? own.margin - own.value : 0;
        if (own.margin == 0) loss = uint256(own.value) * unknownLoss / UNIT;
        (uint256 tranche, uint256 shared) = fund.payableFor(own.venue, own.account, own.epochId, loss * _one / MICROS);
        uint256 amount = tranche + shared;
        if (amount != 0) _bear(lotId, own, 0, own.epochId, amount, 0, own.venue);
    }

    // --------------------------------------------------------------------------------------------- when all are silent

    /// @notice Unlock a lot that was locked for a week (role: admin). The account is called as before: only cover, a proof
    ///         that it is flat, or a lot after a shortfall proof moves its collateral.
    function releaseLot(uint256 lotId) external restricted nonReentrant {
        Lot memory own = _inState(lotId, State.Stuck);
        uint256 until = stuckAt[lotId] + STUCK_TIME;
        if (block.timestamp < until) revert StillStuck(lotId, until);
        _end(lotId, own.account, State.Released);
        emit LotReleased(lotId);
    }

    /// @notice End the lock at once (anyone): the opening is known after all, and the account short. A lot may follow.
    function reviveLot(uint256 lotId, Shortfalls.Shortfall calldata s) external nonReentrant {
        Lot memory own = _inState(lotId, State.Stuck);
        _requireSameCall(lotId, own);
        closes.showShortfall(own.account, s);
        _end(lotId, own.account, State.Released);
        emit LotReleased(lotId);
    }

    /// @notice A venue that neither closed nor showed cover nor delivered the opening in its time loses of its bond, and
    ///         opens nothing more (anyone says so, once a lot). One that delivered is in no breach, whatever it could not
    ///         close (R32).
    function reportBreach(uint256 lotId) external nonReentrant {
        Lot memory own = _lots[lotId];
        if (own.state == State.None || own.state == State.Voided) revert WrongState(lotId, own.state);
        uint256 until = uint256(own.orderedAt) + venueDelivers;
        bool late = own.orderedAt != 0 && oracle.liveTime() >= until && !_isDelivered(lotId);
        // Of a lot that is over but not ended yet nobody could have delivered any more.
        bool over = (own.state == State.Open || own.state == State.Stuck) && _isOver(own);
        if (own.breached || !late || over) revert NoBreach(lotId);
        _lots[lotId].breached = true;
        desk.breach(own.venue);
        uint256 amount = uint256(own.value) * breachShare / UNIT * _one / MICROS;
        uint256 slashed =
            settlement.slashBond(own.venue, amount < breachLeast ? breachLeast : amount, address(fund));
        emit VenueBreached(lotId, own.venue, slashed);
        if (slashed != 0) fund.bookReceived();
    }

    // -------------------------------------------------------------------------------------------------------- reading

    function lotOf(uint256 lotId) external view returns (Lot memory) {
        return _lots[lotId];
    }

    /// @notice Under which fund and allocator know a lot's loss.
    function lossIdOf(uint256 lotId) public view returns (bytes32) {
        return keccak256(abi.encode(address(this), lotId));
    }

    // ------------------------------------------------------------------------------------------------------- internal

    function _require(string memory name, uint256 setting) private pure {
        if (setting == 0) revert SettingMissing(name);
    }

    /// @dev Nothing is sold while prices jump, or liquidation is paused.
    function _requireTrading() private view {
        uint256 until = vault.pausedUntil(ActionClass.Liquidate);
        if (block.timestamp < until) revert LiquidationPaused(until);
        if (oracle.isTripped()) revert BreakerTripped();
    }

    function _inState(uint256 lotId, State state) private view returns (Lot memory found) {
        found = _lots[lotId];
        if (found.state != state) revert WrongState(lotId, found.state);
    }

    /// @dev While an opening is of use to those who may bid.
    function _beforeBids(uint256 lotId) private view returns (Lot memory own) {
        own = _inState(lotId, State.Open);
        _requireSameCall(lotId, own);
        Stage stage = house.stageOf(lotId);
        if (stage != Stage.Disclosure && stage != Stage.Commit) revert WrongStage(lotId, stage);
    }

    function _isDelivered(uint256 lotId) private view returns (bool) {
        (uint8 seats, bool published) = escrow.deliveredTo(lotId);
        return seats != 0 || published;
    }

    /// @dev The call that the lot was opened in, at the same version.
    function _requireSameCall(uint256 lotId, Lot memory own) private view returns (uint40 coveredAt) {
        uint40 since;
        bool stands;
        (since,, coveredAt, stands) = _callOf(own.account);
        if (!stands || since != own.since || ledger.versionOf(own.account) != own.version) revert CallChanged(lotId);
    }

    /// @dev In one place, for what decoding it takes of the code.
    function _callOf(address account)
        private
        view
        returns (uint40 since, uint40 epochId, uint40 coveredAt, bool stands)
    {
        (, since, epochId, coveredAt, stands) = ledger.callOf(account);
    }

    /// @dev A call that stands: when it began.
    function _requireCall(address account) private view returns (uint40 since) {
        bool stands;
        (since,,, stands) = _callOf(account);
        if (since == 0) revert NotCalled(account);
        if (!stands) revert CallFell(account);
    }

    /// @dev The venue has had its time, too.
    function _requireVenuesTimeOver(address account) private view {
        (uint256 from, uint256 until) = closes.venuesTimeOf(account);
        if (from == 0 || oracle.liveTime() < until) revert VenuesTime(account, until);
    }

    /// @dev Whether there is no reason for the lot any more. A guardian's hold is none: it lapses.
    function _isOver(Lot memory own) private view returns (bool) {
        (uint40 since, uint40 epochId,,) = _callOf(own.account);
        return since != own.since || ledger.versionOf(own.account) != own.version || _isFrozenForGood(own.epochId)
            || _isFrozenForGood(epochId);
    }

    /// @dev A winner has minutes, which a guardian's hold of the call's epoch does not stop: they are not to cost him his bond.
    function _isAwaitedInVain(uint256 lotId, address account) private view returns (bool) {
        (,,, bool stands) = _callOf(account);
        return !stands && house.stageOf(lotId) == Stage.Award;
    }

    function _isFrozenForGood(uint40 epochId) private view returns (bool frozen) {
        (, frozen,) = IFrozenOracle(address(oracle)).storedRootOf(epochId);
    }

    function _end(uint256 lotId, address account, State state) private {
        _lots[lotId].state = state;
        vault.release(account);
        _note(account, _isLoss(account));
    }

    /// @inheritdoc LossWatch
    /// @dev An account in a lot that goes on; or called, and shown to be short: when it was called, or since. What a lot
    ///      has lost that is stuck is recorded. A claim of 0 in a call is a silence's.
    function _isLoss(address account) internal view override returns (bool) {
        uint256 lotId = vault.lotOf(account);
        if (lotId != 0) return _lots[lotId].state == State.Open;
        if (ledger.commitmentOf(account) == emptyCommitment) return false;
        (uint96 claimed,,,,,) = ledger.stateOf(account);
        (,,, bool stands) = _callOf(account);
        return stands && (claimed != 0 || closes.isShown(account));
    }

    function _requireAccepted(Award calldata a, address bidder) private view {
        if (msg.sender == bidder) return;
        bytes32 digest = typedDigest(
            DOMAIN_NAME,
            address(this),
            keccak256(
                abi.encode(ACCEPTANCE_TYPEHASH, a.lotId, a.handOver.to, a.handOver.newCommitment, a.leastPaid)
            )
        );
        if (!isSignedBy(bidder, digest, a.acceptance)) revert NotAccepted(a.lotId, bidder);
    }

    /// @dev The winner's new account is covered at initial margin, and its commitment escrowed (R14).
    function _requireCarried(Award calldata a, address to) private {
        ledger.attestCover(to, a.epochId, 1, INITIAL_STEP, a.claimed, 0, a.factors, a.coverProof);
        escrowed(escrow, ledger, to, 1, a.escrow);
    }

    /// @dev The price, which must have come.
    function _receive(uint256 lotId, int256 price) private returns (uint256 income) {
        uint256 before = IERC20(quote).balanceOf(address(this));
        house.settle(lotId, address(this));
        uint256 received = IERC20(quote).balanceOf(address(this)) - before;
        income = price > 0 ? uint256(price) : 0;
        if (received != income) revert WrongAmount(received, income);
        if (income != 0) emit LossShared(lotId, lossIdOf(lotId), income, 0, 0, 0);
    }

    /// @dev A loss is paid by the fund, as far as it may, then by gains; the rest is a deficit. What is paid goes with the
    ///      basket, or, of a lot that is stuck, to the venue's clearing account.
    function _bear(
        uint256 lotId,
        Lot memory own,
        uint40 coveredAt,
        uint40 epochId,
        uint256 amount,
        uint256 leastPaid,
        address creditor
    ) private {
        bytes32 lossId = lossIdOf(lotId);
        uint256 before = IERC20(quote).balanceOf(address(this));
        uint256 paid = fund.cover(lossId, own.venue, own.account, epochId, amount);
        uint256 rest = amount - paid;
        uint256 haircut;
        if (rest != 0) {
            creditorOf[lossId] = creditor;
            haircut = allocator.recordLoss(lossId, own.venue, coveredAt, uint40(block.timestamp), rest);
        }
        // What fund and gains bear has come, and goes on at once; only the deficit is outstanding.
        uint256 received = IERC20(quote).balanceOf(address(this)) - before;
        if (received != paid + haircut) revert WrongAmount(received, paid + haircut);
        if (received < leastPaid) revert PaidTooLittle(received, leastPaid);
        if (received != 0) {
            if (creditor == own.venue) settlement.fundClearing(own.venue, received);
            else vault.deposit(own.account, quote, received);
        }
        emit LossShared(lotId, lossId, 0, paid, haircut, rest - haircut);
    }
}
