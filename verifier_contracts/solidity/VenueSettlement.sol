// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {CollateralVault} from "./CollateralVault.sol";
import {ExactTransfer} from "./ExactTransfer.sol";
import {Gains} from "./Gains.sol";
import {IGainsAllocator} from "./IGainsAllocator.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {ActionClass, PausableByClass} from "./PausableByClass.sol";

/// @title Cash that a venue moves between accounts, in bounds that hold whoever has its key
/// @notice A venue settles against its clearing account, zero-sum. In 24 hours an account loses at most lambda times its
///         last public margin, or what its owner allows; accounts of a venue gain at most the venue's free bond, and so
///         does its clearing account; and what was gained stays until the lag that the epoch's model assumes is over.
contract VenueSettlement is PausableByClass, ReentrancyGuardTransient {
    using Gains for Gains.Trace;
    using RateLimiter for RateLimiter.SlidingWindow;

    /// @dev One word.
    struct Settling {
        uint40 settledAt;
        bool requested;
        uint96 debitCap;
    }

    /// @dev One word. `principal` is what was paid in and neither lost nor taken out since.
    struct Clearing {
        uint96 balance;
        uint96 principal;
    }

    /// @dev One word. What is leaving counts for nothing.
    struct Bond {
        uint96 posted;
        uint96 leaving;
        uint40 leavesAt;
    }

    uint40 public constant SETTLEMENT_INTERVAL = 1 days;
    uint40 public constant BOND_EXIT = 7 days;
    uint256 public constant MOST_SETTLED = 64;
    uint256 private constant BASIS_POINTS = 1e4;
    /// @dev Of margins, to one of the quote asset.
    uint256 private constant MICROS = 1e6;
    /// @dev Smallest units to one of the quote asset: what a bound by margins is converted to.
    uint256 private immutable _one;

    CollateralVault public immutable vault;
    IMarginManager public immutable manager;
    IRiskOracle public immutable oracle;
    address public immutable quote;

    /// @notice Settlements that no owner asked for are in multiples of so many quote units, so that they tell less.
    uint96 public immutable quantum;
    /// @notice Lambda, in basis points.
    uint16 public immutable debitPerMargin;

    mapping(address account => Settling) private _settling;
    RateLimiter.SlidingWindow private _debits;
    mapping(address venue => Clearing) private _clearing;
    mapping(address venue => Gains.Trace) private _clearingGains;
    RateLimiter.SlidingWindow private _outflow;
    mapping(address venue => Bond) private _bonds;
    /// @notice Clearing accounts and bonds together, quote units.
    uint256 public held;

    event Settled(address indexed venue, uint256 gained, uint256 lost, uint256 maturesAt);
    event ClearingFunded(address indexed venue, uint256 amount);
    event ClearingWithdrawn(address indexed venue, address indexed to, uint256 amount, uint256 gain);
    event BondPosted(address indexed venue, uint256 amount);
    event BondLeaving(address indexed venue, uint256 amount, uint256 leavesAt);
    event BondReturned(address indexed venue, address indexed to, uint256 amount);
    event BondSlashed(address indexed venue, address indexed to, uint256 amount);
    event ClearingCharged(address indexed venue, address indexed to, uint256 amount);
    event DebitCapSet(address indexed account, uint96 cap);
    event SettlementRequested(address indexed account);

    error NotAllocator(address sender);
    error LengthsDiffer(uint256 accounts, uint256 deltas);
    error TooManySettled(uint256 accounts, uint256 most);
    error NotVenueOfAccount(address account, address venue);
    error SettledTooSoon(address account, uint256 again);
    error NotInQuanta(address account, int256 delta, uint256 quantum);
    error DebitAboveBound(address account, uint256 debit, uint256 bound);
    error ClearingShort(address venue, uint256 balance, uint256 needed);
    error GainsAboveBond(address venue, uint256 gains, uint256 bound);
    error GainNotMature(address holder, uint256 amount, uint256 free);
    error BondShort(address venue, uint256 free, uint256 amount);
    error AmountTooWide(uint256 amount);
    error NoAmount();
    error SettingMissing(string name);
    error BondNotFree(address venue, uint256 leavesAt);

    /// @param quantum_        Quote units that settlements nobody asked for are multiples of.
    /// @param debitPerMargin_ Lambda in basis points.
    constructor(address authority_, CollateralVault vault_, uint96 quantum_, uint16 debitPerMargin_)
        AccessManaged(authority_)
    {
        if (authority_.code.length == 0) revert SettingMissing("authority");
        if (address(vault_).code.length == 0) revert SettingMissing("vault");
        if (quantum_ == 0) revert SettingMissing("quantum");
        if (debitPerMargin_ == 0) revert SettingMissing("debitPerMargin");
        vault = vault_;
        (manager, oracle, quote) = (vault_.manager(), vault_.oracle(), vault_.quote());
        quantum = quantum_;
        debitPerMargin = debitPerMargin_;
        _one = 10 ** IERC20Metadata(quote).decimals();
        _debits.updateSettings(1 days, type(uint208).max);
        _outflow.updateSettings(1 days, type(uint208).max);
        // Exactly what the vault pulls in `book`, from money that is here.
        SafeERC20.forceApprove(IERC20(quote), address(vault_), type(uint256).max);
    }

    // ---------------------------------------------------------------------------------------------- what owners say

    /// @notice How much settlements may take from the sender in 24 hours while it has no public margin; 0 at first.
    function setDebitCap(uint96 cap) external {
        _settling[msg.sender].debitCap = cap;
        emit DebitCapSet(msg.sender, cap);
    }

    /// @notice Let the next settlement of the sender come before a day is over, and in any amount.
    function requestSettlement() external {
        _settling[msg.sender].requested = true;
        emit SettlementRequested(msg.sender);
    }

    // ------------------------------------------------------------------------------------------------- settlement

    /// @notice Book cash between accounts of the calling venue and its clearing account (role: venue).
    /// @param deltas In the quote asset's smallest units; 0 says that there is nothing to settle, at any time.
    function settle(address[] calldata accounts, int256[] calldata deltas)
        external
        restricted
        whenOpen(ActionClass.Settle)
        nonReentrant
    {
        if (accounts.length != deltas.length) revert LengthsDiffer(accounts.length, deltas.length);
        if (accounts.length > MOST_SETTLED) revert TooManySettled(accounts.length, MOST_SETTLED);
        uint48 maturesAt = uint48(block.timestamp + oracle.lagSecondsOf(oracle.latestEpochId()));
        uint256 gained;
        uint256 lost;
        for (uint256 i = 0; i < accounts.length; ++i) {
            (address account, int256 delta) = (accounts[i], deltas[i]);
            if (manager.venueOf(account) != msg.sender) revert NotVenueOfAccount(account, msg.sender);
            _admitSettlement(account, delta);
            if (delta < 0) lost += _boundDebit(account, uint256(-delta));
            if (delta > 0) gained += uint256(delta);
        }
        if (gained != 0) _useBond(gained);
        _clear(gained, lost, maturesAt);
        vault.book(accounts, deltas, maturesAt);
        emit Settled(msg.sender, gained, lost, maturesAt);
    }

    /// @dev At the owner's request, or in quanta and at most daily.
    function _admitSettlement(address account, int256 delta) private {
        if (delta == 0) return;
        Settling memory last = _settling[account];
        if (!last.requested) {
            uint256 again = uint256(last.settledAt) + SETTLEMENT_INTERVAL;
            if (block.timestamp < again) revert SettledTooSoon(account, again);
            if (delta % int256(uint256(quantum)) != 0) revert NotInQuanta(account, delta, quantum);
        }
        _settling[account] = Settling(uint40(block.timestamp), false, last.debitCap);
    }

    function _boundDebit(address account, uint256 amount) private returns (uint256) {
        uint256 total = _debits.used(_key(account)) + amount;
        uint256 bound = debitBoundOf(account);
        if (total > bound) revert DebitAboveBound(account, total, bound);
        _debits.consume(_key(account), amount);
        return amount;
    }

    /// @dev The clearing account's side. A loss eats what it gained before what was paid in.
    function _clear(uint256 gained, uint256 lost, uint48 maturesAt) private {
        Clearing memory own = _clearing[msg.sender];
        if (gained > own.balance + lost) revert ClearingShort(msg.sender, own.balance + lost, gained);
        own.balance = _to96(own.balance + lost - gained);
        if (own.principal > own.balance) own.principal = own.balance;
        _clearing[msg.sender] = own;
        held = held + lost - gained;
        if (lost > gained) {
            _clearingGains[msg.sender].push(lost - gained, maturesAt);
            IGainsAllocator allocator = vault.allocator();
            if (address(allocator) != address(0)) allocator.clearingGained(msg.sender, lost - gained);
        }
    }

    function _useBond(uint256 gains) private {
        uint256 total = _outflow.used(_key(msg.sender)) + gains;
        uint256 bound = freeBondOf(msg.sender);
        if (total > bound) revert GainsAboveBond(msg.sender, total, bound);
        _outflow.consume(_key(msg.sender), gains);
    }

    // ------------------------------------------------------------------------------------- clearing account and bond

    /// @notice Pay into a venue's clearing account (anyone).
    function fundClearing(address venue, uint256 amount) external nonReentrant {
        _pull(amount);
        Clearing memory own = _clearing[venue];
        _clearing[venue] = Clearing(_to96(own.balance + amount), _to96(own.principal + amount));
        emit ClearingFunded(venue, amount);
    }

    /// @notice Take from the sender's clearing account: first what was paid in, then gains, as far as the bond reaches.
    function withdrawClearing(uint256 amount, address to) external restricted whenOpen(ActionClass.Settle) nonReentrant {
        Clearing memory own = _clearing[msg.sender];
        if (amount > own.balance) revert ClearingShort(msg.sender, own.balance, amount);
        uint256 gain = amount > own.principal ? amount - own.principal : 0;
        if (gain != 0) {
            uint256 immature = _clearingGains[msg.sender].immature();
            uint256 gains = own.balance - own.principal;
            uint256 free = gains > immature ? gains - immature : 0;
            if (gain > free) revert GainNotMature(msg.sender, gain, free);
            _useBond(gain);
        }
        _clearing[msg.sender] = Clearing(uint96(own.balance - amount), uint96(own.principal + gain - amount));
        emit ClearingWithdrawn(msg.sender, to, amount, gain);
        _push(to, amount);
    }

    /// @notice Add to a venue's bond (anyone).
    function postBond(address venue, uint256 amount) external nonReentrant {
        _pull(amount);
        _bonds[venue].posted = _to96(_bonds[venue].posted + amount);
        emit BondPosted(venue, amount);
    }

    /// @notice Let some of the sender's bond go: it counts no longer, and can be taken a week after the last such call.
    function releaseBond(uint256 amount) external {
        Bond storage bond = _bonds[msg.sender];
        uint256 free = freeBondOf(msg.sender);
        if (amount > free) revert BondShort(msg.sender, free, amount);
        bond.leaving += uint96(amount);
        bond.leavesAt = uint40(block.timestamp) + BOND_EXIT;
        emit BondLeaving(msg.sender, amount, bond.leavesAt);
    }

    /// @notice Take what was let go.
    function takeBond(address to) external nonReentrant {
        Bond memory bond = _bonds[msg.sender];
        if (bond.leaving == 0) revert NoAmount();
        if (block.timestamp < bond.leavesAt) revert BondNotFree(msg.sender, bond.leavesAt);
        _bonds[msg.sender] = Bond(bond.posted - bond.leaving, 0, 0);
        emit BondReturned(msg.sender, to, bond.leaving);
        _push(to, bond.leaving);
    }

    // ------------------------------------------------------------------------------------------- what a breach costs

    /// @notice Take a venue's bond, also what it is letting go: for that it stays a week (role: coordinator). It takes
    ///         what is there, and reverts for no lack of it.
    function slashBond(address venue, uint256 amount, address to) external restricted nonReentrant returns (uint256 taken) {
        taken = _slash(venue, amount, to);
        if (taken != 0) _push(to, taken);
    }

    /// @notice Charge a loss to what a venue's clearing account gained, or would have gained had the venue settled (the
    ///         vault's allocator alone): the clearing account first, then the bond. It takes what is there.
    function charge(address venue, uint256 amount, address to) external nonReentrant returns (uint256 taken) {
        if (msg.sender != address(vault.allocator())) revert NotAllocator(msg.sender);
        Clearing memory own = _clearing[venue];
        taken = Math.min(amount, own.balance);
        own.balance -= uint96(taken);
        if (own.principal > own.balance) own.principal = own.balance;
        _clearing[venue] = own;
        if (taken != 0) emit ClearingCharged(venue, to, taken);
        taken += _slash(venue, amount - taken, to);
        if (taken != 0) _push(to, taken);
    }

    /// @dev What is left of a bond that is leaving leaves.
    function _slash(address venue, uint256 amount, address to) private returns (uint256 taken) {
        Bond storage bond = _bonds[venue];
        taken = Math.min(amount, bond.posted);
        if (taken == 0) return 0;
        bond.posted -= uint96(taken);
        if (bond.leaving > bond.posted) bond.leaving = bond.posted;
        emit BondSlashed(venue, to, taken);
    }

    // ------------------------------------------------------------------------------------------------------ reading

    /// @notice What settlements may take of an account in 24 hours: by its public margin, or by its owner's word,
    ///         whichever is more.
    function debitBoundOf(address account) public view returns (uint256 bound) {
        bound = _settling[account].debitCap;
        try manager.marginOf(account, 1 days) returns (uint128 margin) {
            uint256 byMargin = uint256(margin) * debitPerMargin * _one / (BASIS_POINTS * MICROS);
            if (byMargin > bound) bound = byMargin;
        } catch {}
    }

    /// @notice What settlements took of an account in the last 24 hours.
    function debitedOf(address account) external view returns (uint256) {
        return _debits.used(_key(account));
    }

    /// @notice What accounts and clearing account of a venue gained or took out of it in the last 24 hours.
    function outflowOf(address venue) external view returns (uint256) {
        return _outflow.used(_key(venue));
    }

    function settlingOf(address account) external view returns (Settling memory) {
        return _settling[account];
    }

    function clearingOf(address venue) external view returns (Clearing memory) {
        return _clearing[venue];
    }

    function bondOf(address venue) external view returns (Bond memory) {
        return _bonds[venue];
    }

    function freeBondOf(address venue) public view returns (uint256) {
        return _bonds[venue].posted - _bonds[venue].leaving;
    }

    // ---------------------------------------------------------------------------------------------------- internal

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
