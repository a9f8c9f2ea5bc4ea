// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ICollateralVault} from "./ICollateralVault.sol";
import {ILiquidationAdapter} from "./ILiquidationAdapter.sol";
import {IMarginManager, MarginStatus} from "./IMarginManager.sol";
import {IUnwinding} from "./LendingPool.sol";

/// A vault that writes calls of one strike on a coin and settles them in cash: it has sold options to an account, or bought
/// some of it, for which the account has left cash as security, less where Tailproof's margin leaves it equity. Written from
/// the interfaces alone.
contract OptionsVault {
    struct Book {
        uint128 long;
        uint128 short;
        uint128 security;
        uint128 debt;
    }

    IMarginManager public immutable manager;
    ICollateralVault public immutable vault;
    IUnwinding public immutable unwinder;
    IERC20 public immutable cash;
    address public immutable venue;
    uint256 public immutable strike;
    /// Cash left for each option that it has bought.
    uint256 public immutable securityEach;
    address public immutable operator;
    address public adapter;
    uint256 public price;
    mapping(address => Book) private _books;

    error NotWritable(MarginStatus status);
    error TooLittle(uint256 security, uint256 least);
    error NotAllowed(address sender);

    constructor(
        IMarginManager manager_,
        ICollateralVault vault_,
        IUnwinding unwinder_,
        IERC20 cash_,
        address venue_,
        uint256 strike_,
        uint256 securityEach_
    ) {
        (manager, vault, unwinder, cash, venue) = (manager_, vault_, unwinder_, cash_, venue_);
        (strike, securityEach, operator) = (strike_, securityEach_, msg.sender);
    }

    function install(address adapter_) external {
        if (msg.sender != operator || adapter != address(0)) revert NotAllowed(msg.sender);
        adapter = adapter_;
    }

    function setPrice(uint256 price_) external {
        if (msg.sender != operator) revert NotAllowed(msg.sender);
        price = price_;
    }

    function bookOf(address who) external view returns (Book memory) {
        return _books[who];
    }

    function intrinsic() public view returns (uint256) {
        return price > strike ? price - strike : 0;
    }

    function buy(uint128 count, uint256 premium) external {
        _books[msg.sender].long += count;
        cash.transferFrom(msg.sender, address(this), count * premium);
    }

    /// Sell options to the vault. A quarter of what the proven margin leaves stands in for security.
    function write(uint128 count, uint128 security, uint256 premium) external {
        if (!unwinder.isMember(msg.sender, adapter)) revert NotAllowed(msg.sender);
        Book storage book = _books[msg.sender];
        book.short += count;
        book.security += security;
        (MarginStatus status, uint128 margin,,) = manager.tryMarginOf(msg.sender, 30 minutes, 0, venue);
        if (status != MarginStatus.Valid && status != MarginStatus.Flat) revert NotWritable(status);
        uint256 collateral = vault.balanceOf(msg.sender, address(cash));
        uint256 equity = collateral > margin ? (collateral - margin) / 4 : 0;
        uint256 least = book.short * securityEach;
        if (book.security + equity < least) revert TooLittle(book.security + equity, least);
        cash.transferFrom(msg.sender, address(this), security);
        cash.transfer(msg.sender, count * premium);
    }

    /// End all options of somebody at their intrinsic value. What his security does not pay he owes.
    function endAll(address who, address to) external returns (uint256 paid) {
        if (msg.sender != adapter) revert NotAllowed(msg.sender);
        Book storage book = _books[who];
        uint256 has = book.long * intrinsic() + book.security;
        uint256 owes = book.short * intrinsic() + book.debt;
        (book.long, book.short, book.security) = (0, 0, 0);
        book.debt = uint128(owes > has ? owes - has : 0);
        paid = has > owes ? has - owes : 0;
        cash.transfer(to, paid);
    }

    function repayFor(address who, uint256 amount) external {
        _books[who].debt -= uint128(amount);
        cash.transferFrom(msg.sender, address(this), amount);
    }
}

contract OptionsVaultAdapter is ILiquidationAdapter {
    OptionsVault public immutable options;
    address public immutable unwinder;
    IERC20 public immutable cash;

    error NotUnwinder(address sender);

    constructor(OptionsVault options_) {
        (options, unwinder, cash) = (options_, address(options_.unwinder()), options_.cash());
        cash.approve(address(options_), type(uint256).max);
    }

    modifier onlyUnwinder() {
        if (msg.sender != unwinder) revert NotUnwinder(msg.sender);
        _;
    }

    function positionOf(address account) external view returns (uint256, uint256, uint256) {
        OptionsVault.Book memory book = options.bookOf(account);
        return (uint256(book.long) + book.short, 0, book.debt);
    }

    function close(address account, bytes calldata) external onlyUnwinder returns (uint256) {
        return options.endAll(account, msg.sender);
    }

    function sell(address, bytes calldata) external view onlyUnwinder returns (uint256) {
        return 0;
    }

    function repay(address account, uint256 amount) external onlyUnwinder returns (uint256) {
        cash.transferFrom(msg.sender, address(this), amount);
        options.repayFor(account, amount);
        return amount;
    }
}
