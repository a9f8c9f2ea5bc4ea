// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {CollateralVault} from "./CollateralVault.sol";
import {IGainsAllocator} from "./IGainsAllocator.sol";
import {ILossAllocator} from "./ILossAllocator.sol";
import {IMarginManager} from "./IMarginManager.sol";
import {InsuranceFund} from "./InsuranceFund.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {VenueSettlement} from "./VenueSettlement.sol";

/// @title Losses that nobody insured, charged to what was gained meanwhile
/// @notice What a lot lost beyond the fund is taken from what accounts of its venue gained between the epoch of its last
///         proven cover and its end, all in the same proportion and never above `hMax` of a gain. What was held before,
///         and accounts that gained nothing, are never touched.
/// @dev    Gains are pooled by venue and epoch. A loss raises the index of each pool that it falls on; what an account
///         owes is its gain times the index, found whenever the vault asks, which it does before anything leaves the
///         account: no loop over accounts or losses. An account's share is rounded up and the fund gets the dust, so
///         that what is charged is never below what was paid out.
///
///         A pool is charged until the first of its gains matures: then nothing of it has left. Every gain waits for
///         `lagSeconds`, so whatever was gained after an epoch can be charged until so long after it.
///
///         A venue could wait with settlement until a lot is over, and its winners would be charged nothing: it is
///         charged itself, for what it gained and for what it booked less than it does in the mean.
contract LossAllocator is IGainsAllocator, ILossAllocator, AccessManaged, ReentrancyGuardTransient {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev Gains of a venue's accounts under one epoch. `index` is the part of a gain that losses have taken, in 1e-24;
    ///      `paid` is what they were paid, less what accounts were debited: below 0 it is dust.
    struct Pool {
        uint96 gained;
        uint48 closesAt;
        uint40 epochId;
        uint40 previous;
        uint80 index;
        int128 paid;
    }

    /// @dev What is left of a gain of an account. `start` is the pool's index when it came, or when the account lost some of
    ///      it again; `charged` what it was debited since then, `taken` what it was debited in all.
    struct Gain {
        uint96 amount;
        uint40 pool;
        uint40 maturesAt;
        uint80 start;
        uint96 charged;
        uint96 taken;
    }

    /// @dev Gains of an account that still matter: from `head` up to, not including, `tail`.
    struct Window {
        uint32 head;
        uint32 tail;
    }

    /// @dev Basis points are exact in it.
    uint256 private constant UNIT = 1e24;
    uint256 private constant BASIS_POINTS = 1e4;
    /// @notice Gains of one account that wait at the same time, at most.
    uint256 public constant MOST_GAINS = 64;
    /// @notice Pools, newest first, that a loss looks at: older ones are not charged.
    uint256 public constant MOST_POOLS = 128;
    /// @notice Time before a loss's first epoch that a venue's mean is taken over.
    uint40 public constant MEAN_WINDOW = 7 days;

    CollateralVault public immutable vault;
    VenueSettlement public immutable settlement;
    InsuranceFund public immutable fund;
    IMarginManager public immutable manager;
    IRiskOracle public immutable oracle;
    address public immutable quote;
    /// @notice The part of a gain that losses take at most, in basis points.
    uint16 public immutable hMax;

    Pool[] private _pools;
    mapping(address venue => uint40) private _newest;
    mapping(address account => Window) private _windows;
    mapping(address account => mapping(uint256 place => Gain)) private _gains;
    /// @dev By epoch, sums of all before: what accounts and clearing account gained, and the latter alone.
    mapping(address venue => Checkpoints.Trace208) private _allGains;
    mapping(address venue => Checkpoints.Trace208) private _clearingGains;
    /// @dev By second, the sum of what a venue was charged.
    mapping(address venue => Checkpoints.Trace208) private _venueCharges;
    mapping(bytes32 lossId => bool) public isRecorded;

    /// @notice amount = haircut (of accounts) + venueShare (of the venue) + deficit, to the unit.
    event LossAllocated(
        bytes32 indexed lossId,
        address indexed venue,
        uint40 from,
        uint40 until,
        uint256 amount,
        uint256 haircut,
        uint256 venueShare,
        uint256 deficit
    );
    event PoolCharged(bytes32 indexed lossId, uint256 indexed pool, uint256 amount, uint256 index);
    event DustSwept(uint256 indexed pool, uint256 amount);

    error NotVault(address sender);
    error NotSettlement(address sender);
    error LossIsRecorded(bytes32 lossId);
    error WrongInterval(uint40 from, uint40 until);
    error NoAmount();
    error TooManyGains(address account);
    error PoolOpen(uint256 pool, uint256 closesAt);
    error NoDust(uint256 pool);
    error SettingMissing(string name);

    modifier onlyVault() {
        if (msg.sender != address(vault)) revert NotVault(msg.sender);
        _;
    }

    constructor(address authority_, VenueSettlement settlement_, InsuranceFund fund_, uint16 hMax_)
        AccessManaged(authority_)
    {
        if (authority_.code.length == 0) revert SettingMissing("authority");
        if (address(settlement_).code.length == 0) revert SettingMissing("settlement");
        if (address(fund_).code.length == 0) revert SettingMissing("fund");
        if (hMax_ == 0 || hMax_ > BASIS_POINTS) revert SettingMissing("hMax");
        (settlement, fund, hMax) = (settlement_, fund_, hMax_);
        (vault, manager, oracle) = (settlement_.vault(), settlement_.manager(), settlement_.oracle());
        quote = settlement_.quote();
        _pools.push();
        SafeERC20.forceApprove(IERC20(quote), address(fund_), type(uint256).max);
    }

    // ------------------------------------------------------------------------------------------------ what is gained

    /// @inheritdoc IGainsAllocator
    function booked(address account, int256 delta, uint48 maturesAt) external onlyVault {
        if (delta < 0) return _forget(account, uint256(-delta));
        (address venue, uint40 epochId) = (manager.venueOf(account), oracle.latestEpochId());
        uint40 id = _poolOf(venue, epochId, maturesAt);
        _keep(account, uint96(uint256(delta)), id, uint40(maturesAt));
        _add(_allGains[venue], epochId, uint256(delta));
    }

    /// @dev The pool of a venue's gains under an epoch; it closes when the first of them matures.
    function _poolOf(address venue, uint40 epochId, uint48 maturesAt) private returns (uint40 id) {
        id = _newest[venue];
        if (id == 0 || _pools[id].epochId != epochId) {
            _pools.push(Pool(0, maturesAt, epochId, id, 0, 0));
            id = uint40(_pools.length - 1);
            _newest[venue] = id;
        }
        Pool storage pool = _pools[id];
        if (maturesAt < pool.closesAt) pool.closesAt = maturesAt;
    }

    function _keep(address account, uint96 amount, uint40 id, uint40 maturesAt) private {
        Window memory window = _windows[account];
        if (window.tail - window.head >= MOST_GAINS) revert TooManyGains(account);
        Pool storage pool = _pools[id];
        Gain storage gain = _gains[account][window.tail];
        // Where losses were charged to its pool already, it was not gained before their end.
        (gain.amount, gain.pool, gain.maturesAt, gain.start) = (amount, id, maturesAt, pool.index);
        pool.gained += amount;
        _windows[account].tail = window.tail + 1;
    }

    /// @inheritdoc IGainsAllocator
    function clearingGained(address venue, uint256 amount) external {
        if (msg.sender != address(settlement)) revert NotSettlement(msg.sender);
        uint40 epochId = oracle.latestEpochId();
        _add(_allGains[venue], epochId, amount);
        _add(_clearingGains[venue], epochId, amount);
    }

    /// @dev What an account lost is taken from its newest gains that can still be charged: who gained and lost again has
    ///      nothing to be charged. A gain that has been charged already loses what it has left.
    function _forget(address account, uint256 lost) private {
        Window memory window = _windows[account];
        for (uint256 i = window.tail; i > window.head && lost != 0; --i) {
            Gain storage gain = _gains[account][i - 1];
            Pool storage pool = _pools[gain.pool];
            if (block.timestamp >= pool.closesAt) continue;
            uint256 kept = gain.amount - gain.charged;
            uint256 eaten = Math.min(lost, kept);
            lost -= eaten;
            uint256 rest = kept - eaten;
            pool.gained -= uint96(gain.amount - rest);
            (gain.amount, gain.start, gain.charged) = (uint96(rest), pool.index, 0);
        }
    }

    /// @inheritdoc IGainsAllocator
    function basketMoved(address account) external onlyVault {
        Window memory window = _windows[account];
        for (uint256 i = window.head; i < window.tail; ++i) {
            Gain storage gain = _gains[account][i];
            Pool storage pool = _pools[gain.pool];
            if (block.timestamp < pool.closesAt) pool.gained -= gain.amount;
            delete _gains[account][i];
        }
        _windows[account].head = window.tail;
    }

    // -------------------------------------------------------------------------------------------------- what is owed

    /// @inheritdoc IGainsAllocator
    function settle(address account) external onlyVault returns (uint256 due, uint256 taken, bool open) {
        Window memory window = _windows[account];
        for (uint256 i = window.head; i < window.tail; ++i) {
            Gain storage gain = _gains[account][i];
            uint256 more = _dueOf(gain);
            if (more != 0) {
                due += more;
                gain.charged += uint96(more);
                gain.taken += uint96(more);
                _pools[gain.pool].paid -= int128(int256(more));
            }
            if (block.timestamp < gain.maturesAt) {
                taken += gain.taken;
            } else {
                // Gains mature in the order in which they came.
                delete _gains[account][i];
                window.head = uint32(i + 1);
            }
        }
        _windows[account] = window;
        open = window.head != window.tail;
    }

    /// @inheritdoc IGainsAllocator
    function statusOf(address account) external view returns (uint256 due, uint256 taken) {
        Window memory window = _windows[account];
        for (uint256 i = window.head; i < window.tail; ++i) {
            Gain storage gain = _gains[account][i];
            uint256 more = _dueOf(gain);
            due += more;
            if (block.timestamp < gain.maturesAt) taken += gain.taken + more;
        }
    }

    /// @dev Rounded up: what was paid out is always there.
    function _dueOf(Gain storage gain) private view returns (uint256 due) {
        due = Math.ceilDiv(uint256(gain.amount) * (_pools[gain.pool].index - gain.start), UNIT) - gain.charged;
    }

    // ---------------------------------------------------------------------------------------------------- a loss

    /// @notice Charge a loss that the fund did not cover (role: coordinator, which gets what is charged at once, whenever
    ///         accounts are debited). What cannot be charged stays the fund's deficit.
    /// @param lossId As it was shown to the fund, which must have had it last.
    /// @param from   Epoch of the last proven cover, 0 if there was none: what was gained under it or later is charged.
    /// @param until  Last second of what is charged; not in the future.
    /// @param amount Quote units, at most the deficit that the fund keeps for this loss.
    /// @return charged What the caller was paid.
    function recordLoss(bytes32 lossId, address venue, uint40 from, uint40 until, uint256 amount)
        external
        restricted
        nonReentrant
        returns (uint256 charged)
    {
        if (isRecorded[lossId]) revert LossIsRecorded(lossId);
        if (from == 0) from = 1;
        if (from > until || until > block.timestamp) revert WrongInterval(from, until);
        if (amount == 0) revert NoAmount();
        isRecorded[lossId] = true;
        (uint256 haircut, uint256 share) = _charge(lossId, venue, from, until, amount);
        charged = haircut + share;
        emit LossAllocated(lossId, venue, from, until, amount, haircut, share, amount - charged);
        fund.relieve(lossId, venue, amount, charged);
    }

    /// @dev Accounts and venue by the room that each has.
    function _charge(bytes32 lossId, address venue, uint40 from, uint40 until, uint256 amount)
        private
        returns (uint256 haircut, uint256 share)
    {
        (uint40[] memory ids, uint256[] memory rooms, uint256 room) = _roomsOf(venue, from, until);
        uint256 venueRoom = venueRoomOf(venue, from, until);
        haircut = Math.min(amount, room + venueRoom);
        if (venueRoom != 0) share = Math.mulDiv(haircut, venueRoom, room + venueRoom);
        haircut -= share;
        if (haircut != 0) {
            _chargePools(lossId, ids, rooms, room, haircut);
            vault.advance(haircut);
            vault.collect(quote, msg.sender);
        }
        if (share != 0) {
            share = settlement.charge(venue, share, msg.sender);
            _add(_venueCharges[venue], uint48(block.timestamp), share);
        }
    }

    /// @notice What a venue is charged at most for an interval, of which it is charged nothing twice: `hMax` of what its
    ///         clearing account gained and of what venue and accounts gained less than in the mean.
    function venueRoomOf(address venue, uint40 from, uint40 until) public view returns (uint256 room) {
        uint256 base = _between(_clearingGains[venue], from, until);
        uint40 start = from > MEAN_WINDOW ? from - MEAN_WINDOW : 1;
        uint256 mean = Math.mulDiv(_between(_allGains[venue], start, from - 1), until - from, MEAN_WINDOW);
        (, uint256 skipped) = Math.trySub(mean, _between(_allGains[venue], from, until));
        Checkpoints.Trace208 storage charges = _venueCharges[venue];
        (, room) = Math.trySub(
            Math.mulDiv(base + skipped, hMax, BASIS_POINTS), charges.latest() - charges.upperLookupRecent(from - 1)
        );
    }

    /// @dev Pools of an interval that can still be charged, and how much each.
    function _roomsOf(address venue, uint40 from, uint40 until)
        private
        view
        returns (uint40[] memory ids, uint256[] memory rooms, uint256 total)
    {
        ids = new uint40[](MOST_POOLS);
        rooms = new uint256[](MOST_POOLS);
        uint256 most = UNIT * hMax / BASIS_POINTS;
        uint40 id = _newest[venue];
        uint256 count;
        for (uint256 i = 0; i < MOST_POOLS && id != 0; ++i) {
            Pool storage pool = _pools[id];
            if (pool.epochId < from) break;
            if (pool.epochId <= until && block.timestamp < pool.closesAt && pool.index < most) {
                rooms[count] = uint256(pool.gained) * (most - pool.index) / UNIT;
                total += rooms[count];
                ids[count++] = id;
            }
            id = pool.previous;
        }
        assembly ("memory-safe") {
            mstore(ids, count)
        }
    }

    /// @dev Each pool by the room that it has; the sum to the unit, and none more than its room.
    function _chargePools(bytes32 lossId, uint40[] memory ids, uint256[] memory rooms, uint256 room, uint256 haircut)
        private
    {
        uint256 before = 0;
        uint256 assigned = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            before += rooms[i];
            uint256 part = Math.mulDiv(haircut, before, room) - assigned;
            if (part == 0) continue;
            assigned += part;
            Pool storage pool = _pools[ids[i]];
            pool.index += uint80(Math.ceilDiv(part * UNIT, pool.gained));
            pool.paid += int128(int256(part));
            emit PoolCharged(lossId, ids[i], part, pool.index);
        }
    }

    /// @notice Give the fund what accounts of a pool were charged by rounding up (anyone), once nothing is charged to it
    ///         any more.
    function sweepDust(uint256 id) external nonReentrant {
        Pool storage pool = _pools[id];
        if (block.timestamp < pool.closesAt) revert PoolOpen(id, pool.closesAt);
        if (pool.paid >= 0) revert NoDust(id);
        uint256 dust = uint256(-int256(pool.paid));
        pool.paid = 0;
        emit DustSwept(id, dust);
        vault.advance(dust);
        vault.collect(quote, address(this));
        fund.payFees(dust);
    }

    // ------------------------------------------------------------------------------------------------------ reading

    /// @notice How many pools there are; ids begin at 1.
    function poolCount() external view returns (uint256) {
        return _pools.length - 1;
    }

    function poolOf(uint256 id) external view returns (Pool memory) {
        return _pools[id];
    }

    /// @notice The newest pool of a venue; 0 if it has none.
    function newestPoolOf(address venue) external view returns (uint40) {
        return _newest[venue];
    }

    /// @notice Gains of an account that wait, oldest first.
    function gainsOf(address account) external view returns (Gain[] memory gains) {
        Window memory window = _windows[account];
        gains = new Gain[](window.tail - window.head);
        for (uint256 i = 0; i < gains.length; ++i) {
            gains[i] = _gains[account][window.head + i];
        }
    }

    // ----------------------------------------------------------------------------------------------------- internal

    function _add(Checkpoints.Trace208 storage trace, uint48 epochId, uint256 amount) private {
        trace.push(epochId, trace.latest() + uint208(amount));
    }

    /// @dev From `from` to `until`, both included.
    function _between(Checkpoints.Trace208 storage trace, uint40 from, uint40 until) private view returns (uint256) {
        return trace.upperLookupRecent(until) - trace.upperLookupRecent(from - 1);
    }
}
