// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {boundedCall} from "./BoundedCall.sol";
import {CollateralVault} from "./CollateralVault.sol";
import {requireFactors} from "./Epochs.sol";
import {ExactTransfer} from "./ExactTransfer.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {ILiquidationAdapter} from "./ILiquidationAdapter.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {MarginLedger} from "./MarginLedger.sol";
import {PartialClose} from "./PartialClose.sol";
import {ActionClass} from "./PausableByClass.sol";
import {Shortfalls} from "./Shortfalls.sol";

/// @title What a called account has at other protocols is unwound for it, in one order, all of it or nothing
/// @notice Protocols that read margins (`IMarginManager`) lend to an account, or hold assets and options for it. An account
///         joins those that it wants to be unwound at; a protocol that relies on that asks `isMember`. Once the account is
///         called, its owner's time is over and it was shown to be short (R5), anybody unwinds it: derivatives are closed,
///         what is held is sold, debts are repaid out of that, and the rest becomes collateral of the account in the vault.
///         Whoever does so has a bounded part of what came in.
///
///         It has no role, takes nothing out of the vault, and holds nothing but what keepers have earned and not
///         collected. What an adapter can take by lying is what its own protocol holds for an account that joined it, and
///         what that account let it take of the rest.
/// @dev    Reverse of each guard: see docs/liquidation.md.
contract ProtocolUnwinder is AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice In this order. What is left is paid out when all three are done.
    enum Phase {
        Close,
        Sell,
        Repay
    }

    /// @dev One word.
    struct Listing {
        bool listed;
        /// Nobody joins it, and it is left out.
        bool suspended;
        /// How much else hangs on it: the least systemic comes first.
        uint16 rank;
        /// What it holds and sells, as the vault knows it.
        uint32 assetId;
    }

    /// @dev One word.
    struct Membership {
        bool joined;
        /// What its debts there may still take of what was rescued.
        uint96 mostRepaid;
    }

    struct Step {
        address adapter;
        Phase phase;
        bytes data;
    }

    /// @notice On what a liquidation rests: the shortfall, whose context is PartialClose's, under a final epoch; and the
    ///         newest epoch, whose factors order the steps and say what a sale brings at least.
    struct Grounds {
        Shortfalls.Shortfall shortfall;
        uint40 epochId;
        ICollateralVault.Factor[] factors;
    }

    struct Position {
        uint256 open;
        uint256 held;
        uint256 owed;
    }

    /// @dev Of one liquidation.
    struct Sums {
        uint256 received;
        uint256 repaid;
        /// What the keeper may have at most.
        uint256 mostPay;
        /// Whether anything was closed or sold.
        bool done;
    }

    /// @dev One word.
    struct Earned {
        uint40 since;
        uint96 amount;
    }

    /// @notice Protocols that an account joins at most.
    uint256 public constant MOST_PROTOCOLS = 8;
    /// @notice Live seconds, from when the account became its venue's, for which nothing but a suspended protocol may be
    ///         left out. As many come after that before a lot can be opened.
    uint256 public constant COMPLETE_TIME = 10 minutes;
    /// @notice Gas that an adapter has, to answer and to act.
    uint256 public constant READ_GAS = 300_000;
    uint256 public constant ACT_GAS = 2_000_000;
    /// @notice Of basis points: what a keeper may be promised at most.
    uint16 public constant LARGEST_SHARE = 1_000;

    uint256 private constant UNIT = 10_000;
    uint256 private constant PHASES = 3;
    /// @dev Of values, to one of the quote asset; and fractions of factors.
    uint256 private constant MICROS = 1e6;
    uint256 private constant FRACTION = 1 << 64;

    PartialClose public immutable closes;
    MarginLedger public immutable ledger;
    CollateralVault public immutable vault;
    IRiskOracle public immutable oracle;
    address public immutable quote;
    /// @notice What a keeper is paid of what he brings in, in basis points, and of one call of one account at most, in
    ///         quote units.
    uint16 public immutable payShare;
    uint96 public immutable payCap;
    uint256 private immutable _one;

    mapping(address adapter => Listing) public listingOf;
    mapping(address account => address[]) private _joined;
    mapping(address account => mapping(address adapter => Membership)) private _memberships;
    mapping(address account => Earned) private _earned;
    /// @notice What a keeper has not collected, in quote units.
    mapping(address keeper => uint256) public owed;

    event ProtocolListed(address indexed adapter, uint32 indexed assetId, uint16 rank);
    event ProtocolSuspended(address indexed adapter);
    event Joined(address indexed account, address indexed adapter, uint96 mostRepaid);
    event Left(address indexed account, address indexed adapter);
    /// @notice What is there stays there, and may be unwound another time.
    event LeftOut(address indexed account, address indexed adapter);
    /// @notice Quote units.
    event Stepped(address indexed account, address indexed adapter, Phase phase, uint256 amount);
    /// @notice What was rescued, or what the account had let it take, did not do.
    event DebtStands(address indexed account, address indexed adapter, uint256 owed);
    /// @notice Quote units: received = repaid + pay + deposited.
    event Unwound(
        address indexed account,
        uint40 indexed since,
        address indexed keeper,
        uint256 received,
        uint256 repaid,
        uint256 pay,
        uint256 deposited
    );
    event Collected(address indexed keeper, address indexed to, uint256 amount);

    error SettingMissing(string name);
    error ShareTooLarge(uint16 share, uint16 largest);
    error AssetNotListed(uint32 assetId);
    error NotListed(address adapter);
    error IsSuspended(address adapter);
    error AccountCalled(address account);
    error TooManyProtocols(address account);
    error MostRepaidLowered(uint96 mostRepaid, uint96 present);
    error NotMember(address account, address adapter);
    error PositionsLeft(address account, address adapter);
    error LiquidationPaused(uint256 until);
    error BreakerTripped();
    error OwnersTime(address account);
    /// @notice Until then all protocols of the account are unwound together.
    error CompleteTime(address account, uint256 until);
    error LeftOutOfOrder(uint256 place);
    error IsLeftOut(address adapter);
    error StepsMissing(uint256 steps, uint256 expected);
    error StepsOutOfOrder(uint256 place);
    /// @notice It reverted, ran out of its gas, or did not answer with what an adapter answers.
    error AdapterFailed(address adapter, bytes4 reason);
    error WrongAmount(address adapter, uint256 said, uint256 moved);
    error NotDone(address adapter, Phase phase);
    error FactorMissing(uint32 assetId);
    error SoldTooLow(address adapter, uint256 worth, uint256 least);
    error NothingToUnwind(address account);
    error LotIsOpen(address account, uint256 lotId);
    error NoAmount();
    error NoReceiver();

    constructor(address authority_, PartialClose closes_, uint16 payShare_, uint96 payCap_) AccessManaged(authority_) {
        _require("authority", authority_.code.length);
        _require("closes", address(closes_).code.length);
        _require("payShare", payShare_);
        _require("payCap", payCap_);
        if (payShare_ > LARGEST_SHARE) revert ShareTooLarge(payShare_, LARGEST_SHARE);
        (closes, payShare, payCap) = (closes_, payShare_, payCap_);
        (ledger, vault, oracle) = (closes_.ledger(), closes_.vault(), closes_.oracle());
        quote = vault.quote();
        _one = 10 ** IERC20Metadata(quote).decimals();
        // What is rescued goes there.
        IERC20(quote).forceApprove(address(vault), type(uint256).max);
    }

    // ----------------------------------------------------------------------------------------------------- governance

    /// @notice Let accounts join a protocol, or list it anew with another rank, no longer suspended (role: admin).
    /// @param assetId What it holds and sells: one that epochs have factors for.
    function listProtocol(address adapter, uint32 assetId, uint16 rank) external restricted {
        _require("adapter", adapter.code.length);
        if (assetId >= vault.MARKED() || vault.tokenOf(assetId) == address(0)) revert AssetNotListed(assetId);
        listingOf[adapter] = Listing(true, false, rank, assetId);
        emit ProtocolListed(adapter, assetId, rank);
    }

    /// @notice Have a protocol left out (role: risk): it fails, or lies. Whoever has joined it may quit.
    function suspend(address adapter) external restricted {
        if (!listingOf[adapter].listed) revert NotListed(adapter);
        listingOf[adapter].suspended = true;
        emit ProtocolSuspended(adapter);
    }

    // -------------------------------------------------------------------------------------------------------- accounts

    /// @notice Consent to be unwound at a protocol (the account). From then on its adapter is believed about what the
    ///         account has there.
    /// @param mostRepaid What the account's debts there may take of what is rescued elsewhere, in all; never lowered, since
    ///                   somebody has lent on it.
    function join(address adapter, uint96 mostRepaid) external nonReentrant {
        Listing memory listing = listingOf[adapter];
        if (!listing.listed) revert NotListed(adapter);
        if (listing.suspended) revert IsSuspended(adapter);
        _requireNotCalled(msg.sender);
        Membership memory own = _memberships[msg.sender][adapter];
        if (mostRepaid < own.mostRepaid) revert MostRepaidLowered(mostRepaid, own.mostRepaid);
        if (!own.joined) {
            if (_joined[msg.sender].length == MOST_PROTOCOLS) revert TooManyProtocols(msg.sender);
            _joined[msg.sender].push(adapter);
        }
        _memberships[msg.sender][adapter] = Membership(true, mostRepaid);
        emit Joined(msg.sender, adapter, mostRepaid);
    }

    /// @notice Take it back (the account): where nothing is left, or of a protocol that is suspended.
    function quit(address adapter) external nonReentrant {
        _requireNotCalled(msg.sender);
        if (!isMember(msg.sender, adapter)) revert NotMember(msg.sender, adapter);
        if (!listingOf[adapter].suspended) {
            Position memory own = _positionOf(adapter, msg.sender);
            if (own.open != 0 || own.held != 0 || own.owed != 0) revert PositionsLeft(msg.sender, adapter);
        }
        address[] storage all = _joined[msg.sender];
        uint256 place = 0;
        while (all[place] != adapter) ++place;
        all[place] = all[all.length - 1];
        all.pop();
        delete _memberships[msg.sender][adapter];
        emit Left(msg.sender, adapter);
    }

    // ----------------------------------------------------------------------------------------------------- liquidation

    /// @notice Unwind what a called account has elsewhere (anyone). In this call, or nothing happens: it is short; every
    ///         protocol that it joined is closed, sold and repaid, in order; each has paid what it said, and has nothing
    ///         left; the account has what remains.
    /// @dev    Steps come by phase; within one by haircut of the asset, least risky first; then by rank, least systemic
    ///         first; then by address. So there is one order, and each step is there once. Where the adapter says that
    ///         there is nothing to do it is not called, and its step is there all the same.
    ///
    ///         An adapter that fails is no veto: it is left out at once where RISK has suspended it, else after
    ///         `COMPLETE_TIME`. That it failed is not asked for, because whoever brings too little gas makes anything
    ///         fail; that nobody in ten minutes could, or would, do all is what counts. Whoever leaves out one that works
    ///         loses his part of it to the next.
    /// @param leftOut Adapters that have no steps, by rising address.
    function liquidate(address account, Step[] calldata steps, address[] calldata leftOut, Grounds calldata g)
        external
        nonReentrant
    {
        _requireTrading();
        closes.showShortfall(account, g.shortfall);
        _requireFactors(g);
        uint256 expected = PHASES * (_joined[account].length - _leaveOut(account, leftOut));
        if (steps.length != expected) revert StepsMissing(steps.length, expected);

        (, uint40 since,,,) = ledger.callOf(account);
        Sums memory sums;
        sums.mostPay = payCap - _earnedIn(account, since);
        uint256[] memory debts = new uint256[](steps.length);
        uint256 last = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 key = _keyOf(account, steps[i], leftOut, g.factors);
            if (key <= last) revert StepsOutOfOrder(i);
            last = key;
            debts[i] = _take(account, steps[i], g.factors, sums);
        }
        if (!sums.done) revert NothingToUnwind(account);
        _requireNothingLeft(account, steps, debts, g.factors);
        _payOut(account, since, sums);
    }

    /// @notice Take what the sender has earned.
    function collect(address to) external nonReentrant {
        uint256 amount = owed[msg.sender];
        if (amount == 0) revert NoAmount();
        if (to == address(0)) revert NoReceiver();
        owed[msg.sender] = 0;
        emit Collected(msg.sender, to, amount);
        ExactTransfer.push(quote, to, amount);
    }

    // --------------------------------------------------------------------------------------------------------- reading

    /// @notice Whether an account is unwound at a protocol, so that this may rely on it. It stays so while the account has
    ///         anything there, unless the protocol is suspended.
    function isMember(address account, address adapter) public view returns (bool) {
        return _memberships[account][adapter].joined;
    }

    /// @notice What an account's debts at a protocol may still take of what is rescued elsewhere.
    function mostRepaidOf(address account, address adapter) external view returns (uint96) {
        return _memberships[account][adapter].mostRepaid;
    }

    /// @notice Adapters of the protocols that an account has joined, in no order.
    function protocolsOf(address account) external view returns (address[] memory) {
        return _joined[account];
    }

    // -------------------------------------------------------------------------------------------------------- internal

    /// @dev Nothing is sold while prices jump, or liquidation is paused.
    function _requireTrading() private view {
        uint256 until = vault.pausedUntil(ActionClass.Liquidate);
        if (block.timestamp < until) revert LiquidationPaused(until);
        if (oracle.isTripped()) revert BreakerTripped();
    }

    function _requireNotCalled(address account) private view {
        if (ledger.isCalled(account)) revert AccountCalled(account);
    }

    /// @dev Of an epoch that counts for attestations now: nobody chooses among old prices.
    function _requireFactors(Grounds calldata g) private view {
        ledger.freshRootOf(g.epochId);
        requireFactors(oracle, g.epochId, g.factors);
    }

    /// @dev The owner's time is over; and what is left out may be.
    function _leaveOut(address account, address[] calldata leftOut) private returns (uint256 count) {
        (uint256 from,) = closes.venuesTimeOf(account);
        if (from == 0) revert OwnersTime(account);
        bool complete = oracle.liveTime() < from + COMPLETE_TIME;
        address last = address(0);
        for (; count < leftOut.length; ++count) {
            address adapter = leftOut[count];
            if (adapter <= last) revert LeftOutOfOrder(count);
            if (!isMember(account, adapter)) revert NotMember(account, adapter);
            if (complete && !listingOf[adapter].suspended) revert CompleteTime(account, from + COMPLETE_TIME);
            emit LeftOut(account, adapter);
            last = adapter;
        }
    }

    /// @dev The place of a step in the one order: phase, haircut, rank, address.
    function _keyOf(
        address account,
        Step calldata step,
        address[] calldata leftOut,
        ICollateralVault.Factor[] calldata factors
    ) private view returns (uint256) {
        address adapter = step.adapter;
        if (!isMember(account, adapter)) revert NotMember(account, adapter);
        for (uint256 i = 0; i < leftOut.length; ++i) {
            if (leftOut[i] == adapter) revert IsLeftOut(adapter);
        }
        Listing memory listing = listingOf[adapter];
        if (listing.suspended) revert IsSuspended(adapter);
        (uint256 v, uint256 d) = _factorOf(factors, listing.assetId);
        // What has no factor comes last.
        uint256 haircut = d == 0 ? UNIT : UNIT - Math.min(v * UNIT / d, UNIT);
        return (uint256(step.phase) + 1) << 192 | haircut << 176 | uint256(listing.rank) << 160 | uint160(adapter);
    }

    /// @dev One step, unless the adapter itself says that there is nothing to do.
    /// @return debt Of a repayment: what is owed there from then on.
    function _take(address account, Step calldata step, ICollateralVault.Factor[] calldata factors, Sums memory sums)
        private
        returns (uint256 debt)
    {
        (address adapter, Phase phase) = (step.adapter, step.phase);
        Position memory own = _positionOf(adapter, account);
        if (phase == Phase.Repay) return _repay(account, adapter, own.owed, sums);
        bool closing = phase == Phase.Close;
        if (closing ? own.open == 0 : _isDust(adapter, own.held, factors)) return 0;
        uint256 paid = _receive(
            adapter,
            closing
                ? abi.encodeCall(ILiquidationAdapter.close, (account, step.data))
                : abi.encodeCall(ILiquidationAdapter.sell, (account, step.data))
        );
        Position memory left = _positionOf(adapter, account);
        if ((closing ? left.open : left.held) != 0) revert NotDone(adapter, phase);
        if (!closing) {
            uint256 worth = paid + (own.owed > left.owed ? own.owed - left.owed : 0);
            uint256 least = _leastFor(adapter, own.held, factors);
            if (worth < least) revert SoldTooLow(adapter, worth, least);
        }
        sums.received += paid;
        sums.done = true;
        emit Stepped(account, adapter, phase, paid);
    }

    /// @dev What a debt may take: of what was rescued, without the keeper's part, and of what the account allowed. Where
    ///      nothing was rescued nothing is repaid.
    function _repay(address account, address adapter, uint256 debt, Sums memory sums) private returns (uint256 left) {
        Membership storage own = _memberships[account][adapter];
        uint256 free = sums.received - _payOf(sums) - sums.repaid;
        uint256 amount = Math.min(Math.min(debt, own.mostRepaid), free);
        left = debt - amount;
        if (amount != 0) {
            own.mostRepaid -= uint96(amount);
            sums.repaid += amount;
            uint256 before = IERC20(quote).balanceOf(address(this));
            IERC20(quote).forceApprove(adapter, amount);
            uint256 said = _act(adapter, abi.encodeCall(ILiquidationAdapter.repay, (account, amount)));
            uint256 taken = before - IERC20(quote).balanceOf(address(this));
            // All of the allowance, so that none is left.
            if (taken != amount || said != amount) revert WrongAmount(adapter, said, taken);
            emit Stepped(account, adapter, Phase.Repay, amount);
        }
        if (left != 0) emit DebtStands(account, adapter, left);
    }

    /// @dev At the end, whatever adapters have done to one another meanwhile.
    function _requireNothingLeft(
        address account,
        Step[] calldata steps,
        uint256[] memory debts,
        ICollateralVault.Factor[] calldata factors
    ) private {
        for (uint256 i = 0; i < steps.length; ++i) {
            if (steps[i].phase != Phase.Repay) continue;
            address adapter = steps[i].adapter;
            Position memory own = _positionOf(adapter, account);
            if (own.open != 0) revert NotDone(adapter, Phase.Close);
            if (!_isDust(adapter, own.held, factors)) revert NotDone(adapter, Phase.Sell);
            if (own.owed != debts[i]) revert NotDone(adapter, Phase.Repay);
        }
    }

    /// @dev The rest is collateral, and the keeper has his part. A lot's bidders have bid on what was there.
    function _payOut(address account, uint40 since, Sums memory sums) private {
        uint256 lotId = vault.lotOf(account);
        if (lotId != 0) revert LotIsOpen(account, lotId);
        uint256 pay = _payOf(sums);
        uint256 rest = sums.received - sums.repaid - pay;
        _earned[account] = Earned(since, uint96(_earnedIn(account, since) + pay));
        owed[msg.sender] += pay;
        emit Unwound(account, since, msg.sender, sums.received, sums.repaid, pay, rest);
        if (rest != 0) vault.deposit(account, quote, rest);
    }

    function _payOf(Sums memory sums) private view returns (uint256) {
        return Math.min(sums.received * payShare / UNIT, sums.mostPay);
    }

    /// @dev What keepers have earned already in this call of the account: who unwinds in parts is paid for one whole.
    function _earnedIn(address account, uint40 since) private view returns (uint256) {
        Earned memory last = _earned[account];
        return last.since == since ? last.amount : 0;
    }

    /// @dev Quote units, rounded up, that so much of the asset is worth after its haircut.
    function _leastFor(address adapter, uint256 held, ICollateralVault.Factor[] calldata factors)
        private
        view
        returns (uint256)
    {
        uint32 assetId = listingOf[adapter].assetId;
        (uint256 v, uint256 d) = _factorOf(factors, assetId);
        if (d == 0) revert FactorMissing(assetId);
        return Math.mulDiv(held * v, _one, FRACTION * MICROS, Math.Rounding.Ceil);
    }

    /// @dev Of no more than a hundredth of one of the quote asset, before the haircut: what nobody need sell. A sale of the
    ///      smallest units brings nothing, and so whoever put some there would have the whole unwinding fail.
    function _isDust(address adapter, uint256 held, ICollateralVault.Factor[] calldata factors)
        private
        view
        returns (bool)
    {
        if (held == 0) return true;
        (, uint256 d) = _factorOf(factors, listingOf[adapter].assetId);
        return d != 0 && Math.mulDiv(held * d, _one, FRACTION * MICROS) <= _one / 100;
    }

    function _factorOf(ICollateralVault.Factor[] calldata factors, uint32 assetId)
        private
        pure
        returns (uint256 v, uint256 d)
    {
        for (uint256 i = 0; i < factors.length; ++i) {
            if (factors[i].assetId == assetId) return (factors[i].v, factors[i].d);
        }
    }

    /// @dev What an adapter says that it paid, which must have come.
    function _receive(address adapter, bytes memory data) private returns (uint256 said) {
        uint256 before = IERC20(quote).balanceOf(address(this));
        said = _act(adapter, data);
        uint256 moved = IERC20(quote).balanceOf(address(this)) - before;
        if (said != moved) revert WrongAmount(adapter, said, moved);
    }

    function _act(address adapter, bytes memory data) private returns (uint256) {
        return _answerOf(adapter, ACT_GAS, data, 1, false)[0];
    }

    function _positionOf(address adapter, address account) private returns (Position memory) {
        bytes memory data = abi.encodeCall(ILiquidationAdapter.positionOf, (account));
        uint256[3] memory words = _answerOf(adapter, READ_GAS, data, 3, true);
        return Position(words[0], words[1], words[2]);
    }

    function _answerOf(address adapter, uint256 stipend, bytes memory data, uint256 count, bool readOnly)
        private
        returns (uint256[3] memory)
    {
        (bool whole, uint256[3] memory words, bytes4 reason) = boundedCall(adapter, stipend, data, count, readOnly);
        if (!whole) revert AdapterFailed(adapter, reason);
        return words;
    }

    function _require(string memory name, uint256 setting) private pure {
        if (setting == 0) revert SettingMissing(name);
    }
}
