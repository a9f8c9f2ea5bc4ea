// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ICollateralVault} from "./ICollateralVault.sol";
import {ILiquidationAdapter} from "./ILiquidationAdapter.sol";
import {IMarginManager, MarginStatus} from "./IMarginManager.sol";

/// What a third party asks of whoever unwinds its borrowers.
interface IUnwinding {
    function isMember(address account, address adapter) external view returns (bool);
    function mostRepaidOf(address account, address adapter) external view returns (uint96);
}

/// A pool that lends cash against coins that it holds, and against what a borrower's proven margin leaves of his collateral
/// in Tailproof's vault. For the latter it has no security but that he is unwound everywhere, and that its debt may take of
/// that. Written from the interfaces alone.
contract LendingPool {
    IMarginManager public immutable manager;
    ICollateralVault public immutable vault;
    IUnwinding public immutable unwinder;
    IERC20 public immutable cash;
    IERC20 public immutable coin;
    address public immutable venue;
    /// Keeps the price, and names the adapter once.
    address public immutable operator;
    address public adapter;
    /// Smallest cash units for a million of the coin's.
    uint256 public price;
    mapping(address => uint256) public supplied;
    mapping(address => uint256) public debtOf;

    uint256 private constant MILLION = 1e6;

    error NotLendable(MarginStatus status);
    error TooMuch(uint256 asked, uint256 available);
    error NotAllowed(address sender);

    constructor(
        IMarginManager manager_,
        ICollateralVault vault_,
        IUnwinding unwinder_,
        IERC20 cash_,
        IERC20 coin_,
        address venue_
    ) {
        (manager, vault, unwinder, cash, coin, venue) = (manager_, vault_, unwinder_, cash_, coin_, venue_);
        operator = msg.sender;
    }

    function install(address adapter_) external {
        if (msg.sender != operator || adapter != address(0)) revert NotAllowed(msg.sender);
        adapter = adapter_;
    }

    function setPrice(uint256 price_) external {
        if (msg.sender != operator) revert NotAllowed(msg.sender);
        price = price_;
    }

    function supply(uint256 amount) external {
        supplied[msg.sender] += amount;
        coin.transferFrom(msg.sender, address(this), amount);
    }

    /// Half of the coins' price, and half of what the vault has beyond the proven margin: as much as unwinding may repay.
    function limitOf(address who) public view returns (uint256) {
        (MarginStatus status, uint128 margin,,) = manager.tryMarginOf(who, 30 minutes, 0, venue);
        if (status != MarginStatus.Valid && status != MarginStatus.Flat) revert NotLendable(status);
        uint256 collateral = vault.balanceOf(who, address(cash));
        uint256 equity = collateral > margin ? collateral - margin : 0;
        uint256 trusted = unwinder.mostRepaidOf(who, adapter);
        return supplied[who] * price / MILLION / 2 + (equity / 2 < trusted ? equity / 2 : trusted);
    }

    function borrow(uint256 amount) external {
        if (!unwinder.isMember(msg.sender, adapter)) revert NotAllowed(msg.sender);
        uint256 limit = limitOf(msg.sender);
        if (debtOf[msg.sender] + amount > limit) revert TooMuch(amount, limit - debtOf[msg.sender]);
        debtOf[msg.sender] += amount;
        cash.transfer(msg.sender, amount);
    }

    function repayFor(address who, uint256 amount) external {
        debtOf[who] -= amount;
        cash.transferFrom(msg.sender, address(this), amount);
    }

    /// Sell somebody's coins into the pool, a hundredth below the price. His debt is paid first.
    function sellOut(address who, address to) external returns (uint256 paid) {
        if (msg.sender != adapter) revert NotAllowed(msg.sender);
        uint256 worth = supplied[who] * price / MILLION * 99 / 100;
        supplied[who] = 0;
        uint256 own = debtOf[who] < worth ? debtOf[who] : worth;
        debtOf[who] -= own;
        paid = worth - own;
        cash.transfer(to, paid);
    }
}

contract LendingPoolAdapter is ILiquidationAdapter {
    LendingPool public immutable pool;
    address public immutable unwinder;
    IERC20 public immutable cash;

    error NotUnwinder(address sender);

    constructor(LendingPool pool_) {
        (pool, unwinder, cash) = (pool_, address(pool_.unwinder()), pool_.cash());
        cash.approve(address(pool_), type(uint256).max);
    }

    modifier onlyUnwinder() {
        if (msg.sender != unwinder) revert NotUnwinder(msg.sender);
        _;
    }

    function positionOf(address account) external view returns (uint256, uint256, uint256) {
        return (0, pool.supplied(account), pool.debtOf(account));
    }

    function close(address, bytes calldata) external view onlyUnwinder returns (uint256) {
        return 0;
    }

    function sell(address account, bytes calldata) external onlyUnwinder returns (uint256) {
        return pool.sellOut(account, msg.sender);
    }

    function repay(address account, uint256 amount) external onlyUnwinder returns (uint256) {
        cash.transferFrom(msg.sender, address(this), amount);
        pool.repayFor(account, amount);
        return amount;
    }
}
