// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ILiquidationAdapter} from "./ILiquidationAdapter.sol";

/// An adapter whose test says what it answers and does.
contract HostileAdapter is ILiquidationAdapter {
    enum Mode {
        Honest,
        Revert,
        RevertMuch,
        ReturnMuch,
        ReturnLittle,
        BurnGas,
        /// Says that it paid or took one more than it did.
        SayMore,
        /// Says what it was to, and does one less.
        DoLess,
        /// Does, and changes nothing of what it says there is.
        StayOpen,
        CallBack,
        /// Leaves just enough to answer.
        BurnMost,
        /// Closes only when it is to sell.
        CloseLate
    }

    IERC20 public immutable cash;
    uint256[3] public position;
    /// What it pays when it closes and when it sells.
    uint256[2] public pays;
    /// While it acts, and while it answers.
    Mode public mode;
    Mode public reading;
    /// What it tells after it has acted in a phase, where that is not what an honest one would.
    uint256 public owedAfter;
    bool public lies;
    address public target;
    bytes public data;
    bool public calledBack;
    bytes public answer;

    constructor(IERC20 cash_) {
        cash = cash_;
    }

    function set(uint256[3] calldata position_, uint256[2] calldata pays_) external {
        (position, pays) = (position_, pays_);
    }

    function behave(Mode mode_, Mode reading_) external {
        (mode, reading) = (mode_, reading_);
    }

    /// What is owed after the next thing it does.
    function lie(uint256 owed) external {
        (owedAfter, lies) = (owed, true);
    }

    function callBackTo(address target_, bytes calldata data_) external {
        (mode, target, data) = (Mode.CallBack, target_, data_);
    }

    /// Of which asset it speaks as an `ILpAdapter`.
    function token() external view returns (address) {
        return address(cash);
    }

    function positionOf(address) external view returns (uint256, uint256, uint256) {
        _misbehave(reading);
        return (position[0], position[1], position[2]);
    }

    function close(address, bytes calldata) external returns (uint256) {
        return _pay(0);
    }

    function sell(address, bytes calldata) external returns (uint256) {
        return _pay(1);
    }

    function repay(address, uint256 amount) external returns (uint256) {
        _act();
        uint256 taken = mode == Mode.DoLess ? amount - 1 : amount;
        cash.transferFrom(msg.sender, address(this), taken);
        if (mode != Mode.StayOpen) position[2] = lies ? owedAfter : position[2] - amount;
        return mode == Mode.SayMore ? amount + 1 : amount;
    }

    function _pay(uint256 phase) private returns (uint256) {
        _act();
        uint256 amount = pays[phase];
        cash.transfer(msg.sender, mode == Mode.DoLess ? amount - 1 : amount);
        if (mode != Mode.StayOpen && (mode != Mode.CloseLate || phase == 1)) position[phase] = 0;
        if (mode == Mode.CloseLate && phase == 1) position[0] = 0;
        if (lies) position[2] = owedAfter;
        return mode == Mode.SayMore ? amount + 1 : amount;
    }

    function _act() private {
        _misbehave(mode);
        if (mode == Mode.CallBack) (calledBack, answer) = target.call(data);
    }

    function _misbehave(Mode how) private view {
        if (how == Mode.BurnMost) while (gasleft() > 120_000) {}
        if (how == Mode.Revert) revert("never");
        if (how == Mode.BurnGas) while (true) {}
        if (how == Mode.RevertMuch) {
            assembly {
                revert(0, 40000)
            }
        }
        if (how == Mode.ReturnMuch) {
            assembly {
                return(0, 40000)
            }
        }
        if (how == Mode.ReturnLittle) {
            assembly {
                return(0, 31)
            }
        }
    }
}

/// One whose answers change what it is asked about.
contract RestlessAdapter {
    uint256 public asked;

    function positionOf(address) external returns (uint256, uint256, uint256) {
        return (++asked, 0, 0);
    }
}
