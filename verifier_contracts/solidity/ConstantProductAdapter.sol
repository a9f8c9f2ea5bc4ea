// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICollateralVault} from "./ICollateralVault.sol";
import {ILpAdapter, factorOf} from "./ILpAdapter.sol";

/// @dev What is asked of a pool like Uniswap's v2.
interface IConstantProductPair {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function totalSupply() external view returns (uint256);
    function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast);
    function sync() external;
}

/// @dev What is asked of a vault.
interface IAssetIds {
    struct Asset {
        uint32 id;
        uint96 held;
        uint96 cap;
        uint8 listing;
    }

    function assetOf(address token) external view returns (Asset memory);
}

/// @title Shares of a constant-product pool
/// @notice A share counts 2 sqrt(r0 r1) sqrt(v0 v1) / supply, with r the reserves and v the epoch's haircut values: the
///         value of the pool once arbitrage has brought it to prices v (Alpha Homora's fair price). No trade within the
///         pool moves it; a donation raises it by what it costs. Since v = p (1 - h), it is also the pool's value after
///         the haircuts' moves of both prices, the loss of a liquidity provider included: 1 - sqrt((1-h0)(1-h1)).
///
///         Times min(1, depth / floor): of a pool too shallow to leave, less counts. Depth is the pool's value now, or
///         its average over `window` if that is less; between two marks the lower one counts, so that nobody pays for
///         depth in one transaction. A pool that has not been seen for `window` counts less too.
contract ConstantProductAdapter is ILpAdapter {
    address public immutable marks;
    IConstantProductPair public immutable pair;
    uint32 public immutable id0;
    uint32 public immutable id1;
    /// @notice Value of a pool, in 2^-64 of 1e-6 quote units, from which on all of it counts.
    uint256 public immutable floor;
    /// @notice Seconds.
    uint256 public immutable window;

    /// @notice Depth over the window, at the last mark, and when that was.
    uint256 public average;
    uint256 public last;
    uint256 public markedAt;

    /// @notice A token of the pair is none that the vault has factors for, or a setting is 0.
    error PairNotTaken(address token);

    constructor(address marks_, IAssetIds vault_, IConstantProductPair pair_, uint256 floor_, uint256 window_) {
        if (floor_ == 0 || window_ == 0) revert PairNotTaken(address(pair_));
        (marks, pair, floor, window) = (marks_, pair_, floor_, window_);
        id0 = _idOf(vault_, pair_.token0());
        id1 = _idOf(vault_, pair_.token1());
        markedAt = block.timestamp;
    }

    /// @inheritdoc ILpAdapter
    function token() external view returns (address) {
        return address(pair);
    }

    /// @inheritdoc ILpAdapter
    /// @dev `sync` takes the pool's lock, so that nobody is in the middle of it.
    function mark(ICollateralVault.Factor[] calldata factors) external returns (uint256 unit, uint256 supply) {
        if (msg.sender != marks) revert NotMarks(msg.sender);
        pair.sync();
        (uint256 r0, uint256 r1,) = pair.getReserves();
        supply = pair.totalSupply();
        uint256 depth = 2 * Math.sqrt(r0 * r1) * Math.sqrt(factorOf(factors, id0) * factorOf(factors, id1));
        uint256 counted = _observe(depth);
        if (supply == 0) return (0, 0);
        unit = counted < floor ? Math.mulDiv(depth / supply, counted, floor) : depth / supply;
    }

    function _observe(uint256 depth) private returns (uint256) {
        uint256 least = Math.min(depth, last);
        uint256 passed = Math.min(block.timestamp - markedAt, window);
        average = (average * (window - passed) + least * passed) / window;
        (last, markedAt) = (depth, block.timestamp);
        return Math.min(depth, average);
    }

    function _idOf(IAssetIds vault_, address token_) private view returns (uint32 id) {
        id = vault_.assetOf(token_).id;
        if (id == 0 || id >= 1 << 31) revert PairNotTaken(token_);
    }
}
