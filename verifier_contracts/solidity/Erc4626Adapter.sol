// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IAssetIds} from "./ConstantProductAdapter.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {ILpAdapter, factorOf} from "./ILpAdapter.sol";

/// @title Shares of an interest-bearing vault (ERC-4626), at their exchange rate
/// @notice A share counts its rate times the epoch's haircut value of the underlying asset. The rate is what
///         `convertToAssets` or `previewRedeem` says of one share, whichever is less. It may be manipulated by a donation
///         where the vault lets it, so that
///         - it rises by at most `growth` a day, counted from the last mark: a donation buys next to nothing, and interest
///           above that arrives later. It falls at once. (This holds the value down, never up: no loss is hidden.);
///         - a vault of fewer than `leastSupply` shares counts nothing: the rate of an empty one is anybody's.
contract Erc4626Adapter is ILpAdapter {
    uint256 private constant PARTS = 1e6;
    /// @dev Of a rate's fraction: the growth of a second must not be rounded away, or whoever marks often stops it.
    uint256 private constant FRACTION = 1 << 64;

    address public immutable marks;
    IERC4626 public immutable shares;
    uint32 public immutable id;
    uint256 public immutable one;
    /// @notice Parts per million a day.
    uint256 public immutable growth;
    uint256 public immutable leastSupply;

    /// @dev Underlying units of `one` shares that counted at the last mark, at first those at deployment, in 2^-64.
    uint256 private _counted;
    /// @notice When that was.
    uint256 public markedAt;

    error SharesNotTaken(address underlying);

    constructor(address marks_, IAssetIds vault_, IERC4626 shares_, uint256 growth_, uint256 leastSupply_) {
        id = vault_.assetOf(shares_.asset()).id;
        if (id == 0 || id >= 1 << 31 || growth_ == 0 || leastSupply_ == 0) revert SharesNotTaken(shares_.asset());
        (marks, shares, growth, leastSupply) = (marks_, shares_, growth_, leastSupply_);
        one = 10 ** shares_.decimals();
        _counted = _rate() * FRACTION;
        markedAt = block.timestamp;
    }

    /// @notice Underlying units of `one` shares that counted at the last mark, rounded down.
    function rate() external view returns (uint256) {
        return _counted / FRACTION;
    }

    /// @inheritdoc ILpAdapter
    function token() external view returns (address) {
        return address(shares);
    }

    /// @inheritdoc ILpAdapter
    function mark(ICollateralVault.Factor[] calldata factors) external returns (uint256 unit, uint256 supply) {
        if (msg.sender != marks) revert NotMarks(msg.sender);
        uint256 most = _counted + Math.mulDiv(_counted, growth * (block.timestamp - markedAt), PARTS * 1 days);
        _counted = Math.min(_rate() * FRACTION, most);
        markedAt = block.timestamp;
        supply = shares.totalSupply();
        if (supply >= leastSupply) unit = Math.mulDiv(_counted, factorOf(factors, id), one * FRACTION);
    }

    function _rate() private view returns (uint256) {
        return Math.min(shares.convertToAssets(one), shares.previewRedeem(one));
    }
}
