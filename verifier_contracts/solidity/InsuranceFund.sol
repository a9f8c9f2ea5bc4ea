// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ExactTransfer} from "./ExactTransfer.sol";
import {IInsuranceFund} from "./IInsuranceFund.sol";
import {ILossWatch} from "./ILossWatch.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {IStandingBid} from "./IStandingBid.sol";
import {LotTerms} from "./LotTerms.sol";
import {VENUE} from "./Roles.sol";
import {VenueSettlement} from "./VenueSettlement.sol";

/// @title Money that stands for what failed accounts cannot pay
/// @notice A loss falls on the tranche of the account's venue first, then, within caps, on the shared one. What neither
///         pays is a deficit, which fees repay before anybody else gets them. A payment never fails for lack of money.
///
///         Tranche 0 is the shared one, every other that of the venue with its address. Whoever backs one owns shares of
///         it, and leaves after seven days' notice, while no loss is known that is not paid yet.
/// @dev    Balances are counted, never asked of the token: what somebody sends here moves no share's price.
contract InsuranceFund is IInsuranceFund, IStandingBid, AccessManaged, ReentrancyGuardTransient {
    using RateLimiter for RateLimiter.SlidingWindow;

    /// @dev `generation` counts how often it lost all, with all its shares.
    struct Tranche {
        uint96 assets;
        uint96 target;
        uint64 generation;
        uint256 shares;
    }

    /// @dev Shares of an earlier generation are worth nothing.
    struct Position {
        uint256 shares;
        uint256 leaving;
        uint64 generation;
        uint40 leavesAt;
    }

    /// @dev What the shared tranche pays at most, quote units: for an account in 24 hours, under an epoch, in 24 hours.
    struct Caps {
        uint96 account;
        uint96 epoch;
        uint96 day;
    }

    /// @dev It lies on a line of all deficits from `start` on; `repaid`, from 0 on, covers what has come back.
    struct Deficit {
        address venue;
        uint96 amount;
        uint128 start;
        uint96 forwarded;
    }

    address public constant SHARED = address(0);
    uint40 public constant EXIT_NOTICE = 7 days;
    /// @notice A notice is good for so long after it: nobody keeps one for the day on which he would like to be gone.
    uint40 public constant EXIT_WINDOW = 2 days;
    /// @dev Shares and assets that are nobody's: they make the first backer's rounding worthless to steal (OpenZeppelin's
    ///      ERC-4626).
    uint256 private constant VIRTUAL_SHARES = 1e6;
    uint256 private constant VIRTUAL_ASSETS = 1;
    /// @dev A tranche with less than 2^-64 units a share has lost all: its shares could not be told from nothing.
    uint256 private constant WORTHLESS = 64;
    uint256 private constant BASIS_POINTS = 1e4;
    uint256 private constant MICROS = 1e6;
    uint256 private immutable _one;

    VenueSettlement public immutable settlement;
    IMarginManager public immutable manager;
    address public immutable quote;
    /// @notice Phi: what the fund stands ready to pay for whoever takes a lot, in basis points of its margin.
    uint16 public immutable bidPerMargin;

    /// @notice Who knows of losses that are not paid yet, and who charges them to gains; 0 until installed.
    ILossWatch public watch;
    address public allocator;
    Caps public caps;
    /// @notice All that is here and counted: tranches, and what was repaid and not forwarded.
    uint256 public held;
    /// @notice Sums of all deficits, and of what fees have repaid of them.
    uint128 public deficits;
    uint128 public repaid;
    /// @notice The last loss that was shown.
    bytes32 public lastLoss;
    mapping(bytes32 lossId => bool) public isKnown;
    mapping(bytes32 lossId => Deficit) private _deficitOf;
    mapping(address tranche => Tranche) private _tranches;
    mapping(address tranche => mapping(address backer => Position)) private _positions;
    /// @notice What the shared tranche has paid under an epoch.
    mapping(uint40 epochId => uint256) public paidUnder;
    RateLimiter.SlidingWindow private _byAccount;
    RateLimiter.SlidingWindow private _byVenue;
    RateLimiter.SlidingWindow private _ofVenue;
    RateLimiter.SlidingWindow private _byDay;

    event Installed(address watch, address allocator);
    event CapsSet(uint96 account, uint96 epoch, uint96 day);
    event TargetSet(address indexed tranche, uint96 target);
    event Backed(address indexed tranche, address indexed backer, uint256 amount, uint256 shares);
    event ExitRequested(address indexed tranche, address indexed backer, uint256 shares, uint40 leavesAt);
    event Exited(address indexed tranche, address indexed backer, address indexed to, uint256 shares, uint256 amount);
    event FeesPaid(address indexed from, uint256 amount, uint256 repaid);
    /// @notice amount = own + shared + deficit.
    event LossCovered(
        bytes32 indexed lossId,
        address indexed venue,
        address indexed account,
        uint40 epochId,
        uint256 own,
        uint256 shared,
        uint256 deficit
    );
    event TrancheLost(address indexed tranche, uint64 generation, uint256 left);
    event DeficitRelieved(bytes32 indexed lossId, uint256 amount, uint256 left);
    /// @param to Account, or venue, that it is credited to.
    event DeficitForwarded(bytes32 indexed lossId, address indexed to, uint256 amount);

    error SettingMissing(string name);
    error AlreadyInstalled();
    error CapsNotLower();
    error NotAVenue(address tranche);
    error NoAmount();
    error AmountTooWide(uint256 amount);
    error TooFewShares(uint256 shares, uint256 least);
    error SharesShort(address tranche, address backer, uint256 shares, uint256 asked);
    error ExitNotDue(address tranche, address backer, uint256 from, uint256 until);
    error LossesOpen(uint256 losses);
    error DeficitStands(uint256 deficit);
    error BelowTarget(address tranche, uint256 rest, uint256 target);
    error LossKnown(bytes32 lossId);
    error NotAllocator(address sender);
    error NotTheLastLoss(bytes32 lossId, bytes32 last);
    error AboveDeficit(bytes32 lossId, uint256 amount, uint256 deficit);
    error NoReceiver();

    constructor(address authority_, VenueSettlement settlement_, uint16 bidPerMargin_, Caps memory caps_)
        AccessManaged(authority_)
    {
        if (authority_.code.length == 0) revert SettingMissing("authority");
        if (address(settlement_).code.length == 0) revert SettingMissing("settlement");
        if (bidPerMargin_ == 0) revert SettingMissing("bidPerMargin");
        (settlement, bidPerMargin, caps) = (settlement_, bidPerMargin_, caps_);
        (manager, quote) = (settlement_.manager(), settlement_.quote());
        _one = 10 ** IERC20Metadata(quote).decimals();
        _byAccount.updateSettings(1 days, type(uint208).max);
        _byVenue.updateSettings(1 days, type(uint208).max);
        _ofVenue.updateSettings(1 days, type(uint208).max);
        _byDay.updateSettings(1 days, type(uint208).max);
        SafeERC20.forceApprove(IERC20(quote), address(settlement_), type(uint256).max);
        SafeERC20.forceApprove(IERC20(quote), address(settlement_.vault()), type(uint256).max);
        emit CapsSet(caps_.account, caps_.epoch, caps_.day);
    }

    // -------------------------------------------------------------------------------------------------- governance

    /// @notice Name coordinator and allocator, once and for ever (role: admin). Until then nobody leaves.
    function install(ILossWatch watch_, address allocator_) external restricted {
        if (address(watch) != address(0)) revert AlreadyInstalled();
        if (address(watch_).code.length == 0) revert SettingMissing("watch");
        if (allocator_.code.length == 0) revert SettingMissing("allocator");
        (watch, allocator) = (watch_, allocator_);
        emit Installed(address(watch_), allocator_);
    }

    /// @notice Change what the shared tranche pays at most (role: admin).
    function setCaps(Caps calldata caps_) external restricted {
        caps = caps_;
        emit CapsSet(caps_.account, caps_.epoch, caps_.day);
    }

    /// @notice The same, none of them upwards (role: risk).
    function tightenCaps(Caps calldata caps_) external restricted {
        Caps memory now_ = caps;
        if (caps_.account > now_.account || caps_.epoch > now_.epoch || caps_.day > now_.day) revert CapsNotLower();
        caps = caps_;
        emit CapsSet(caps_.account, caps_.epoch, caps_.day);
    }

    /// @notice What a tranche must keep for anybody to leave it (role: admin).
    function setTarget(address tranche, uint96 target) external restricted {
        _tranches[tranche].target = target;
        emit TargetSet(tranche, target);
    }

    // ----------------------------------------------------------------------------------------------------- backers

    /// @notice Back a tranche: the shared one (0), or a venue's.
    /// @param least Fewest shares that the sender takes for it.
    function back(address tranche, uint256 amount, uint256 least) external nonReentrant returns (uint256 shares) {
        if (tranche != SHARED) {
            (bool isVenue,) = IAccessManager(authority()).hasRole(VENUE, tranche);
            if (!isVenue) revert NotAVenue(tranche);
        }
        Tranche storage into = _tranches[tranche];
        shares = Math.mulDiv(amount, into.shares + VIRTUAL_SHARES, uint256(into.assets) + VIRTUAL_ASSETS);
        if (shares == 0 || shares < least) revert TooFewShares(shares, Math.max(least, 1));
        _pull(amount);
        into.assets = _to96(into.assets + amount);
        into.shares += shares;
        _present(tranche, msg.sender).shares += shares;
        emit Backed(tranche, msg.sender, amount, shares);
    }

    /// @notice Give notice for some of the sender's shares, in place of an earlier notice. They bear losses until they are
    ///         gone.
    function requestExit(address tranche, uint256 shares) external {
        Position storage own = _present(tranche, msg.sender);
        if (shares > own.shares) revert SharesShort(tranche, msg.sender, own.shares, shares);
        own.leaving = shares;
        own.leavesAt = uint40(block.timestamp) + EXIT_NOTICE;
        emit ExitRequested(tranche, msg.sender, shares, own.leavesAt);
    }

    /// @notice Leave with what notice was given for: seven days later, for two days, unless a loss is known that is not
    ///         paid, or the tranche would have less than its target.
    function exit(address tranche, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert NoReceiver();
        Position storage own = _present(tranche, msg.sender);
        uint256 shares = own.leaving;
        if (shares == 0) revert NoAmount();
        (uint256 from, uint256 until) = (own.leavesAt, uint256(own.leavesAt) + EXIT_WINDOW);
        if (block.timestamp < from || block.timestamp >= until) revert ExitNotDue(tranche, msg.sender, from, until);
        if (address(watch) == address(0)) revert SettingMissing("watch");
        uint256 open = watch.openLosses();
        if (open != 0) revert LossesOpen(open);
        if (deficits != repaid) revert DeficitStands(deficits - repaid);
        Tranche storage out = _tranches[tranche];
        amount = _worth(out, shares);
        uint256 rest = out.assets - amount;
        if (rest < out.target) revert BelowTarget(tranche, rest, out.target);
        out.assets = uint96(rest);
        out.shares -= shares;
        own.shares -= shares;
        own.leaving = 0;
        emit Exited(tranche, msg.sender, to, shares, amount);
        if (amount != 0) _push(to, amount);
    }

    /// @notice Pay fees, forfeits or dust in (anyone): deficits first, then the shared tranche.
    function payFees(uint256 amount) external nonReentrant {
        _pull(amount);
        _bookFees(amount);
    }

    /// @inheritdoc IInsuranceFund
    /// @dev As fees (anyone): slashed bonds, and forfeits, whose senders could not call `payFees`.
    function bookReceived() external nonReentrant returns (uint256 amount) {
        uint256 present = IERC20(quote).balanceOf(address(this));
        amount = _left(present, held);
        if (amount == 0) revert NoAmount();
        held = present;
        _bookFees(amount);
    }

    // ------------------------------------------------------------------------------------------------------ losses

    /// @notice Pay for a loss (role: coordinator, which gets the money) as far as tranches and caps reach; the rest is a
    ///         deficit. Never reverts for lack of money.
    /// @param lossId  By which the coordinator and the allocator know it; each is shown once.
    /// @param epochId Under which the account failed.
    function cover(bytes32 lossId, address venue, address account, uint40 epochId, uint256 amount)
        external
        restricted
        nonReentrant
        returns (uint256 paid)
    {
        if (isKnown[lossId]) revert LossKnown(lossId);
        isKnown[lossId] = true;
        lastLoss = lossId;
        (uint256 own, uint256 shared) = payableFor(venue, account, epochId, amount);
        _draw(venue, own);
        _draw(SHARED, shared);
        _ofVenue.consume(_key(venue), own);
        _byVenue.consume(_key(venue), shared);
        _byAccount.consume(_key(account), shared);
        _byDay.consume(0, shared);
        paidUnder[epochId] += shared;
        paid = own + shared;
        uint256 deficit = amount - paid;
        if (deficit != 0) {
            _deficitOf[lossId] = Deficit(venue, _to96(deficit), deficits, 0);
            deficits += uint128(deficit);
        }
        emit LossCovered(lossId, venue, account, epochId, own, shared, deficit);
        if (paid != 0) _push(msg.sender, paid);
    }

    /// @notice Take from the last loss's deficit what gains have paid of it (the allocator alone, in the transaction in
    ///         which that loss was shown or at least before another is).
    /// @param amount The loss that was charged: not above the deficit, or a loss would be paid twice.
    function relieve(bytes32 lossId, address venue, uint256 amount, uint256 charged) external {
        if (msg.sender != allocator) revert NotAllocator(msg.sender);
        if (lossId != lastLoss) revert NotTheLastLoss(lossId, lastLoss);
        Deficit storage deficit = _deficitOf[lossId];
        uint256 left = Math.min(deficit.amount, deficits - repaid);
        if (amount > left || deficit.venue != venue) revert AboveDeficit(lossId, amount, left);
        deficit.amount -= uint96(charged);
        deficits -= uint128(charged);
        emit DeficitRelieved(lossId, charged, deficit.amount);
    }

    /// @notice Hand what fees have repaid of a deficit to who is owed it (anyone): the account that took the positions and
    ///         got less than its price, as collateral; where nobody is known, the clearing account of the venue.
    function forwardRepaid(bytes32 lossId) external nonReentrant returns (uint256 amount) {
        Deficit storage deficit = _deficitOf[lossId];
        amount = _repaidOf(deficit) - deficit.forwarded;
        if (amount == 0) revert NoAmount();
        deficit.forwarded += uint96(amount);
        held -= amount;
        address creditor = address(watch) == address(0) ? address(0) : watch.creditorOf(lossId);
        emit DeficitForwarded(lossId, creditor == address(0) ? deficit.venue : creditor, amount);
        if (creditor == address(0)) settlement.fundClearing(deficit.venue, amount);
        else settlement.vault().deposit(creditor, quote, amount);
    }

    /// @inheritdoc IStandingBid
    function standingBid(LotTerms calldata terms) external view returns (int256 price) {
        uint256 most = uint256(terms.margin) * bidPerMargin * _one / (BASIS_POINTS * MICROS);
        (uint256 own, uint256 shared) =
            payableFor(manager.venueOf(terms.account), terms.account, terms.epochId, most);
        return -int256(own + shared);
    }

    /// @notice What the fund would pay of a loss now: of the venue's tranche all that there is, of the shared one within
    ///         its caps; and for a venue in 24 hours no more than the venue itself stands for, by its tranche (and what
    ///         that has paid meanwhile) and its free bond.
    function payableFor(address venue, address account, uint40 epochId, uint256 amount)
        public
        view
        returns (uint256 own, uint256 shared)
    {
        own = venue == SHARED ? 0 : Math.min(amount, _tranches[venue].assets);
        uint256 stake = _tranches[venue].assets + _ofVenue.used(_key(venue)) + settlement.freeBondOf(venue);
        shared = Math.min(amount - own, _tranches[SHARED].assets);
        if (venue == SHARED) return (0, 0);
        shared = Math.min(shared, _left(stake, _byVenue.used(_key(venue))));
        shared = Math.min(shared, _left(caps.account, _byAccount.used(_key(account))));
        shared = Math.min(shared, _left(caps.epoch, paidUnder[epochId]));
        shared = Math.min(shared, _left(caps.day, _byDay.used(0)));
    }

    // ----------------------------------------------------------------------------------------------------- reading

    function trancheOf(address tranche) external view returns (Tranche memory) {
        return _tranches[tranche];
    }

    /// @notice A backer's shares; zeros where the tranche has lost all since.
    function positionOf(address tranche, address backer) external view returns (Position memory own) {
        own = _positions[tranche][backer];
        uint64 generation = _tranches[tranche].generation;
        if (own.generation != generation) own = Position(0, 0, generation, 0);
    }

    /// @notice What shares of a tranche are worth now, rounded down.
    function worthOf(address tranche, uint256 shares) external view returns (uint256) {
        return _worth(_tranches[tranche], shares);
    }

    function deficitOf(bytes32 lossId) external view returns (Deficit memory) {
        return _deficitOf[lossId];
    }

    /// @notice What stands of a deficit: recorded, neither charged to gains nor repaid by fees.
    function standingOf(bytes32 lossId) external view returns (uint256) {
        return _deficitOf[lossId].amount - _repaidOf(_deficitOf[lossId]);
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev A tranche that has lost all begins anew: what is left, less than anybody could tell, is its next backers'.
    function _draw(address tranche, uint256 amount) private {
        if (amount == 0) return;
        Tranche storage from = _tranches[tranche];
        from.assets -= uint96(amount);
        if (from.shares != 0 && from.shares >> WORTHLESS >= from.assets) {
            from.shares = 0;
            emit TrancheLost(tranche, ++from.generation, from.assets);
        }
    }

    function _worth(Tranche storage tranche, uint256 shares) private view returns (uint256) {
        return Math.mulDiv(shares, uint256(tranche.assets) + VIRTUAL_ASSETS, tranche.shares + VIRTUAL_SHARES);
    }

    function _present(address tranche, address backer) private returns (Position storage own) {
        own = _positions[tranche][backer];
        uint64 generation = _tranches[tranche].generation;
        if (own.generation != generation) {
            (own.shares, own.leaving, own.generation, own.leavesAt) = (0, 0, generation, 0);
        }
    }

    function _repaidOf(Deficit storage deficit) private view returns (uint256) {
        return Math.min(deficit.amount, _left(repaid, deficit.start));
    }

    function _bookFees(uint256 amount) private {
        uint256 back_ = Math.min(amount, deficits - repaid);
        repaid += uint128(back_);
        _tranches[SHARED].assets = _to96(_tranches[SHARED].assets + amount - back_);
        emit FeesPaid(msg.sender, amount, back_);
    }

    function _left(uint256 bound, uint256 used) private pure returns (uint256) {
        return bound > used ? bound - used : 0;
    }

    function _pull(uint256 amount) private {
        if (amount == 0) revert NoAmount();
        ExactTransfer.pull(quote, amount, held);
        held += amount;
    }

    function _push(address to, uint256 amount) private {
        held -= amount;
        ExactTransfer.push(quote, to, amount);
    }

    function _to96(uint256 amount) private pure returns (uint96) {
        if (amount > type(uint96).max) revert AmountTooWide(amount);
        return uint96(amount);
    }

    function _key(address who) private pure returns (bytes32) {
        return bytes32(uint256(uint160(who)));
    }
}
