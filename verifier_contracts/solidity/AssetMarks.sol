// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICollateralVault} from "./ICollateralVault.sol";
import {ILpAdapter} from "./ILpAdapter.sol";
import {IRiskOracle} from "./IRiskOracle.sol";
import {isFrozen, requireFactors} from "./Epochs.sol";

/// @title Credit for tokens that epochs have no factors for: shares of pools and of interest-bearing vaults
/// @notice Anyone asks a token's adapter once an epoch what it is worth; the answer is kept, and counts nothing when it is
///         too old. What leaving costs comes off for each account by its own share of the supply.
contract AssetMarks is AccessManaged, ReentrancyGuardTransient {
    /// @dev One word. With s an account's share of the supply, leaving costs base + slope s / (1 - s), in basis points.
    ///      Units beyond `largestShare` of the supply count nothing.
    struct Curve {
        ILpAdapter adapter;
        uint16 base;
        uint16 slope;
        uint16 largestShare;
    }

    /// @dev One word.
    struct Mark {
        uint80 unit;
        uint128 supply;
        uint40 epochId;
    }

    uint256 private constant BASIS_POINTS = 1e4;

    IRiskOracle public immutable oracle;
    /// @notice Seconds for which a mark is good: to be marked under an epoch no older, and count under one no later.
    uint40 public immutable markLife;

    mapping(uint32 id => Curve) private _curves;
    mapping(uint32 id => Mark) private _marks;

    event CurveSet(uint32 indexed id, address indexed token, Curve curve);
    event Marked(uint32 indexed id, uint40 indexed epochId, uint80 unit, uint128 supply);

    error CurveAlreadySet(uint32 id);
    error CurveNotMonotone(uint16 base, uint16 slope, uint16 largestShare);
    error CurveLooser(uint32 id);
    error NoCurve(uint32 id);
    error StaleEpoch(uint40 epochId, uint40 maxAge);
    error OlderThanMark(uint40 epochId, uint40 marked);
    error MarkTooWide(uint256 unit, uint256 supply);
    error SettingMissing(string name);

    constructor(address authority_, IRiskOracle oracle_, uint40 markLife_) AccessManaged(authority_) {
        if (authority_.code.length == 0) revert SettingMissing("authority");
        if (address(oracle_).code.length == 0) revert SettingMissing("oracle");
        if (markLife_ == 0) revert SettingMissing("markLife");
        oracle = oracle_;
        markLife = markLife_;
    }

    /// @notice Say who speaks for an asset, and its curve; once (role: admin).
    function setCurve(uint32 id, Curve calldata curve) external restricted {
        if (address(_curves[id].adapter) != address(0)) revert CurveAlreadySet(id);
        if (address(curve.adapter).code.length == 0) revert SettingMissing("adapter");
        _set(id, curve);
    }

    /// @notice Let an asset count less (role: risk).
    function tightenCurve(uint32 id, uint16 base, uint16 slope, uint16 largestShare) external restricted {
        Curve memory curve = _curves[id];
        if (address(curve.adapter) == address(0)) revert NoCurve(id);
        if (base < curve.base || slope < curve.slope || largestShare > curve.largestShare) revert CurveLooser(id);
        _set(id, Curve(curve.adapter, base, slope, largestShare));
    }

    /// @notice Ask an asset's adapter what it is worth under an epoch (anyone, each epoch).
    function mark(uint32 id, uint40 epochId, ICollateralVault.Factor[] calldata factors) external nonReentrant {
        ILpAdapter adapter = _curves[id].adapter;
        if (address(adapter) == address(0)) revert NoCurve(id);
        if (block.timestamp > uint256(epochId) + markLife) revert StaleEpoch(epochId, markLife);
        oracle.rootOf(epochId);
        uint40 last = _marks[id].epochId;
        if (epochId < last && !isFrozen(oracle, last)) revert OlderThanMark(epochId, last);
        requireFactors(oracle, epochId, factors);
        (uint256 unit, uint256 supply) = adapter.mark(factors);
        if (unit > type(uint80).max || supply > type(uint128).max) revert MarkTooWide(unit, supply);
        _marks[id] = Mark(uint80(unit), uint128(supply), epochId);
        emit Marked(id, epochId, uint80(unit), uint128(supply));
    }

    /// @notice What so much of an asset counts under an epoch: 2^-64 of 1e-6 quote units, rounded down; more units never
    ///         count less. Nothing if the last mark is too old for the epoch. Reverts if the mark's own epoch was frozen
    ///         since, until somebody marks again.
    function valueOf(uint32 id, uint256 amount, uint40 epochId) external view returns (uint256) {
        Mark memory last = _marks[id];
        if (uint256(last.epochId) + markLife < epochId) return 0;
        if (last.epochId != epochId) oracle.rootOf(last.epochId);
        Curve memory curve = _curves[id];
        uint256 most = uint256(last.supply) * curve.largestShare / BASIS_POINTS;
        if (amount > most) amount = most;
        uint256 gross = amount * last.unit;
        uint256 kept = BASIS_POINTS - curve.base;
        uint256 others = last.supply - amount;
        if (curve.slope == 0) return gross * kept / BASIS_POINTS;
        return others == 0 ? 0 : Math.mulDiv(gross, kept * others - curve.slope * amount, BASIS_POINTS * others);
    }

    function curveOf(uint32 id) external view returns (Curve memory) {
        return _curves[id];
    }

    function markOf(uint32 id) external view returns (Mark memory) {
        return _marks[id];
    }

    /// @notice The token of an asset; reverts if there is none.
    function tokenOf(uint32 id) external view returns (address) {
        Curve memory curve = _curves[id];
        if (address(curve.adapter) == address(0)) revert NoCurve(id);
        return curve.adapter.token();
    }

    /// @dev More units must never count less, or anybody's deposit could lower a value. With s = largestShare that is
    ///      (1 - base)(1 - s)^2 >= slope s (2 - s): the derivative of s (1 - base - slope s / (1 - s)).
    function _set(uint32 id, Curve memory curve) private {
        uint256 s = curve.largestShare;
        if (
            s == 0 || s > BASIS_POINTS || curve.base >= BASIS_POINTS
                || (BASIS_POINTS - curve.base) * (BASIS_POINTS - s) ** 2 < curve.slope * s * (2 * BASIS_POINTS - s)
        ) revert CurveNotMonotone(curve.base, curve.slope, curve.largestShare);
        _curves[id] = curve;
        emit CurveSet(id, curve.adapter.token(), curve);
    }
}
