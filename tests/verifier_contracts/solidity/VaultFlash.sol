// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

interface IPair {
    function swap(uint256 a, uint256 b, address to, bytes calldata data) external;
    function token0() external view returns (address);
}

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
    function balanceOf(address who) external view returns (uint256);
}

/// Somebody who, in the middle of a flash swap, calls whom it likes.
contract FlashCaller {
    bool public succeeded;
    bytes public answer;
    address private _target;
    bytes private _data;

    function run(address pair, uint256 amount, address target, bytes calldata data) external {
        (_target, _data) = (target, data);
        IPair(pair).swap(amount, 0, address(this), hex"01");
    }

    function uniswapV2Call(address, uint256, uint256, bytes calldata) external {
        (succeeded, answer) = _target.call(_data);
        IToken token = IToken(IPair(msg.sender).token0());
        token.transfer(msg.sender, token.balanceOf(address(this)));
    }
}
