// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Transfers of exactly what is asked, or none
/// @dev    What a token says of a transfer is not believed: the own balance is. It refuses fees on transfer, tokens that
///         report what they did not move, and tokens that take more than they were asked to, which would be others'.
library ExactTransfer {
    using SafeERC20 for IERC20;

    /// @notice The token moved another amount than it was asked to.
    error TransferMismatch(address token, uint256 asked, uint256 before, uint256 present);
    /// @notice There is less of the token than is owed in it: the token took some.
    error AssetShort(address token, uint256 present, uint256 held);

    /// @dev Take from the sender, into a contract that owes `held` already.
    function pull(address token, uint256 amount, uint256 held) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        if (before < held) revert AssetShort(token, before, held);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _require(token, amount, before, IERC20(token).balanceOf(address(this)), true);
    }

    function push(address token, address to, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransfer(to, amount);
        _require(token, amount, before, IERC20(token).balanceOf(address(this)), false);
    }

    function _require(address token, uint256 amount, uint256 before, uint256 present, bool rises) private pure {
        if (rises ? present != before + amount : present + amount != before) {
            revert TransferMismatch(token, amount, before, present);
        }
    }
}
