// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ExactTransfer} from "./ExactTransfer.sol";
import {IDeliveries} from "./IDeliveries.sol";

/// @title Who may bid for lots, and the money that stands behind bids
/// @notice A seat is one liquidator's: the role that ADMIN grants, an encryption key that nobody else's seat has, and a
///         least amount kept here. Money is free, or locked behind a bid. It is nobody else's before a lot takes it, and
///         leaves at its owner's request alone; nothing is sent to anybody unasked.
/// @dev    Quote units throughout. Every unit is in one place: free or locked of somebody, or forfeited in a lot that has
///         not ended; `held` is their sum. Without seats whoever has a hundred addresses fills all five places with
///         himself and learns every failing book for nothing.
abstract contract LiquidatorSeats is AccessManaged, ReentrancyGuardTransient {
    /// @dev One word.
    struct Stake {
        uint96 free;
        uint96 locked;
    }

    /// @notice What a seat and a bid need. `kappa` in basis points: see AuctionHouse.
    struct Bounds {
        uint96 seatBond;
        uint96 leastBond;
        uint16 kappa;
    }

    /// @notice R30: a bond is at least half of what the option to walk away is worth by the margin.
    uint16 public constant LEAST_KAPPA = 5_000;
    uint16 public constant MOST_KAPPA = 50_000;

    IDeliveries public immutable escrow;
    address public immutable quote;
    /// @notice Where forfeited bonds go.
    address public immutable fund;
    /// @notice Who holds the fund's place on every shortlist and needs no seat: openings are encrypted to its key, and what
    ///         the fund takes over it carries. It is trusted with that, and with nothing else.
    address public fundAgent;

    /// @notice All money that is kept here for somebody.
    uint256 public held;
    Bounds public bounds;
    mapping(address bidder => Stake) private _stakes;
    /// @dev All keys that somebody's seat ever had, so that a shortlist keeps those it was drawn up with.
    mapping(address bidder => uint256[2][]) private _keys;
    /// @notice Whose seat a key belongs to, for ever: by keccak256 of its two coordinates.
    mapping(bytes32 keyHash => address) public seatOfKey;

    event FundAgentSet(address indexed agent);
    event SeatTaken(address indexed bidder, uint256 x, uint256 y);
    event Deposited(address indexed bidder, uint256 amount);
    event Withdrawn(address indexed bidder, address indexed to, uint256 amount);
    event BoundsSet(uint96 seatBond, uint96 leastBond, uint16 kappa);

    error NoEncryptionKey(address bidder);
    error KeyOfAnotherSeat(address bidder, address seat);
    error TooManyKeys(address bidder);
    error NoSeat(address bidder);
    error SeatBondShort(address bidder, uint256 kept, uint256 needed);
    error FreeShort(address bidder, uint256 free, uint256 needed);
    error BoundsOutside(string name, uint256 value);
    error BoundsLoosened(string name, uint256 value, uint256 present);
    error NoAmount();
    error NoReceiver(address to);
    error AmountTooWide(uint256 amount);
    error SettingMissing(string name);

    constructor(IDeliveries escrow_, address quote_, address fund_, Bounds memory bounds_) {
        if (address(escrow_).code.length == 0) revert SettingMissing("escrow");
        if (quote_.code.length == 0) revert SettingMissing("quote");
        if (fund_.code.length == 0) revert SettingMissing("fund");
        (escrow, quote, fund) = (escrow_, quote_, fund_);
        _setBounds(bounds_);
    }

    // ----------------------------------------------------------------------------------------------------- bounds

    /// @notice Bounds of seats and bonds from the next lot on (admin).
    function setBounds(Bounds calldata next) external restricted {
        _setBounds(next);
    }

    /// @notice The same, none of them lower (role: risk).
    function raiseBounds(Bounds calldata next) external restricted {
        Bounds memory present = bounds;
        if (next.seatBond < present.seatBond) revert BoundsLoosened("seatBond", next.seatBond, present.seatBond);
        if (next.leastBond < present.leastBond) revert BoundsLoosened("leastBond", next.leastBond, present.leastBond);
        if (next.kappa < present.kappa) revert BoundsLoosened("kappa", next.kappa, present.kappa);
        _setBounds(next);
    }

    function _setBounds(Bounds memory next) private {
        if (next.seatBond == 0) revert BoundsOutside("seatBond", 0);
        if (next.leastBond == 0) revert BoundsOutside("leastBond", 0);
        if (next.kappa < LEAST_KAPPA || next.kappa > MOST_KAPPA) revert BoundsOutside("kappa", next.kappa);
        bounds = next;
        emit BoundsSet(next.seatBond, next.leastBond, next.kappa);
    }

    /// @notice Name who acts for the fund from the next lot on (admin).
    /// @dev    The first may register its key afterwards: no lot opens before. Who takes another's place has one, or an
    ///         admin's mistake would stop all lots.
    function setFundAgent(address agent) external restricted {
        if (fundAgent != address(0)) _keyOf(agent);
        fundAgent = agent;
        emit FundAgentSet(agent);
    }

    // ------------------------------------------------------------------------------------------------------ money

    /// @notice Keep money here for a bidder (anyone).
    function deposit(address bidder, uint256 amount) external nonReentrant {
        if (amount == 0) revert NoAmount();
        if (amount > type(uint96).max) revert AmountTooWide(amount);
        ExactTransfer.pull(quote, amount, held);
        held += amount;
        _credit(bidder, amount);
        emit Deposited(bidder, amount);
    }

    /// @notice Take what is free of the sender's.
    function withdraw(uint256 amount, address to) external nonReentrant {
        _pay(msg.sender, amount, to);
    }

    /// @notice Send the fund what is free of its own: forfeited bonds of lots that have ended (anyone).
    function payFund() external nonReentrant {
        _pay(fund, _stakes[fund].free, fund);
    }

    function _pay(address bidder, uint256 amount, address to) private {
        if (amount == 0) revert NoAmount();
        // What this contract holds itself is told apart from what it keeps for others by nothing but `held`.
        if (to == address(0) || to == address(this)) revert NoReceiver(to);
        _debit(bidder, amount);
        emit Withdrawn(bidder, to, amount);
        _send(to, amount);
    }

    function _send(address to, uint256 amount) internal {
        held -= amount;
        ExactTransfer.push(quote, to, amount);
    }

    function _credit(address bidder, uint256 amount) internal {
        uint256 free = _stakes[bidder].free + amount;
        if (free > type(uint96).max) revert AmountTooWide(free);
        _stakes[bidder].free = uint96(free);
    }

    function _debit(address bidder, uint256 amount) internal {
        uint96 free = _stakes[bidder].free;
        if (amount > free) revert FreeShort(bidder, free, amount);
        _stakes[bidder].free = free - uint96(amount);
    }

    function _lock(address bidder, uint96 bond) internal {
        _debit(bidder, bond);
        _stakes[bidder].locked += bond;
    }

    function _unlock(address bidder, uint96 bond) internal {
        _stakes[bidder].locked -= bond;
        _credit(bidder, bond);
    }

    /// @dev Out of somebody's hands, into the lot's that the caller knows of; and back.
    function _seize(address bidder, uint96 bond) internal {
        _stakes[bidder].locked -= bond;
    }

    function _giveBack(address bidder, uint96 bond) internal {
        _stakes[bidder].locked += bond;
    }

    // ------------------------------------------------------------------------------------------------------ seats

    /// @notice Take a seat, or have it follow a new encryption key (role: liquidator). Lots that the sender is shortlisted
    ///         in keep the key that they have.
    function takeSeat() external restricted {
        _requireSeatBond(msg.sender);
        uint256[2] memory key = _keyOf(msg.sender);
        bytes32 hash = keccak256(abi.encode(key));
        address seat = seatOfKey[hash];
        if (seat != address(0) && seat != msg.sender) revert KeyOfAnotherSeat(msg.sender, seat);
        seatOfKey[hash] = msg.sender;
        _keepKey(msg.sender, key);
        emit SeatTaken(msg.sender, key[0], key[1]);
    }

    /// @notice Whether somebody has taken a seat and keeps enough here for it. The role is asked besides.
    function isSeated(address bidder) external view returns (bool) {
        return _keys[bidder].length != 0 && _kept(bidder) >= bounds.seatBond;
    }

    function stakeOf(address bidder) external view returns (Stake memory) {
        return _stakes[bidder];
    }

    /// @dev Number of the key that bids of now are drawn up with.
    function _requireSeated(address bidder) internal view returns (uint16) {
        uint256 count = _keys[bidder].length;
        if (count == 0) revert NoSeat(bidder);
        _requireSeatBond(bidder);
        return uint16(count - 1);
    }

    /// @dev Number of a key of now, of one who needs no seat.
    function _keyWithoutSeat(address agent) internal returns (uint16) {
        return _keepKey(agent, _keyOf(agent));
    }

    function _key(address bidder, uint16 number) internal view returns (uint256[2] memory) {
        return _keys[bidder][number];
    }

    /// @dev Where one is registered, none is zeros ever after: the escrow replaces keys, and takes none away.
    function _keyOf(address bidder) private view returns (uint256[2] memory key) {
        key = escrow.keyOf(bidder);
        if (key[0] == 0 && key[1] == 0) revert NoEncryptionKey(bidder);
    }

    function _keepKey(address bidder, uint256[2] memory key) private returns (uint16) {
        uint256[2][] storage keys = _keys[bidder];
        uint256 count = keys.length;
        if (count != 0 && keys[count - 1][0] == key[0] && keys[count - 1][1] == key[1]) return uint16(count - 1);
        if (count > type(uint16).max) revert TooManyKeys(bidder);
        keys.push(key);
        return uint16(count);
    }

    function _requireSeatBond(address bidder) private view {
        uint256 needed = bounds.seatBond;
        if (_kept(bidder) < needed) revert SeatBondShort(bidder, _kept(bidder), needed);
    }

    function _kept(address bidder) private view returns (uint256) {
        return uint256(_stakes[bidder].free) + _stakes[bidder].locked;
    }
}
