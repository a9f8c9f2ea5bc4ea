// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarginManager, MarginStatus} from "./IMarginManager.sol";

/// A lender that knows of Tailproof what a third party would: one address and one interface. It lends against its own
/// records of what a borrower has elsewhere, and lends nothing that the borrower's proven margin may eat up.
contract LoanDesk {
    IMarginManager public immutable manager;
    address public immutable venue;
    uint256 public immutable maxAge;
    mapping(address => uint256) public wealth;
    mapping(address => uint256) public debt;
    mapping(address => uint40) public seenEpoch;

    error NotLendable(MarginStatus status);
    error TooMuch(uint256 asked, uint256 available);

    constructor(IMarginManager manager_, address venue_, uint256 maxAge_) {
        (manager, venue, maxAge) = (manager_, venue_, maxAge_);
    }

    function setWealth(address who, uint256 amount) external {
        wealth[who] = amount;
    }

    /// Lends up to wealth - margin. Never under an epoch older than one it has already seen of this borrower.
    function borrow(uint256 amount) external {
        (MarginStatus status, uint128 margin, uint40 epochId,) =
            manager.tryMarginOf(msg.sender, maxAge, seenEpoch[msg.sender], venue);
        if (status != MarginStatus.Valid && status != MarginStatus.Flat) revert NotLendable(status);
        uint256 bound = status == MarginStatus.Flat ? 0 : margin;
        uint256 taken = debt[msg.sender] + bound;
        uint256 available = wealth[msg.sender] > taken ? wealth[msg.sender] - taken : 0;
        if (amount > available) revert TooMuch(amount, available);
        if (epochId > seenEpoch[msg.sender]) seenEpoch[msg.sender] = epochId;
        debt[msg.sender] += amount;
    }
}
