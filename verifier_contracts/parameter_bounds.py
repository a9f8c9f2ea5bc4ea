"""What contracts refuse of a change of parameters, whoever asks: bounds of numbers, and directions that a role may go.

A test holds every line against the contracts' code and behaviour, and the bounds against those of `system_config`;
docs/governance.md tells them to people. What is not here no contract bounds.
"""

from __future__ import annotations

from typing import NamedTuple

from verifier_contracts.governance import Role

DAY = 86_400


class Bound(NamedTuple):
    """A number in [low, high]. path : in a system's configuration.  contract : in a deployment.
    functions : that refuse what is outside.  error : with which.  where : Solidity file and function of the refusal."""

    path: str
    low: int
    high: int
    contract: str
    functions: tuple[str, ...]
    error: str
    where: tuple[str, str]


class Direction(NamedTuple):
    """What a role may do alone. says : in words.  error : on anything else.  where : as of a bound."""

    contract: str
    function: str
    role: Role
    says: str
    error: str
    where: tuple[str, str]


_LIMITS = ("setLimits", "tightenLimits")
_WITHIN = ("RiskOracle.sol", "_requireWithinBounds")
_SEATS = ("LiquidatorSeats.sol", "_setBounds")
BOUNDS = (
    Bound("oracle.required_lag", 1, 30 * DAY, "oracle", _LIMITS, "LimitOutOfBound", _WITHIN),
    Bound("oracle.min_interval", 60, 3_600, "oracle", _LIMITS, "LimitOutOfBound", _WITHIN),
    Bound("oracle.heartbeat", 60, DAY, "oracle", _LIMITS, "LimitOutOfBound", _WITHIN),
    Bound("oracle.move_limits", 100, (1 << 16) - 1, "oracle", _LIMITS, "LimitOutOfBound", _WITHIN),
    Bound("liquidation.seat_bond", 1, (1 << 96) - 1, "house", ("setBounds", "raiseBounds"), "BoundsOutside", _SEATS),
    Bound("liquidation.least_bond", 1, (1 << 96) - 1, "house", ("setBounds", "raiseBounds"), "BoundsOutside", _SEATS),
    Bound("liquidation.kappa", 5_000, 50_000, "house", ("setBounds", "raiseBounds"), "BoundsOutside", _SEATS))
"""The heartbeat is at least the interval, too."""

DIRECTIONS = (
    Direction("oracle", "tightenLimits", Role.RISK, "a longer lag, smaller moves; interval and heartbeat stay",
              "NotTighter", ("RiskOracle.sol", "tightenLimits")),
    Direction("oracle", "tightenLimits", Role.RISK, "once a day", "TightenedTooRecently",
              ("RiskOracle.sol", "tightenLimits")),
    Direction("oracle", "rotateSigners", Role.ADMIN, "a majority of at most 16 signers", "BadQuorum",
              ("SignerSets.sol", "_rotate")),
    Direction("oracle", "rotateSigners", Role.ADMIN, "each named once, in rising order", "SignersNotRising",
              ("SignerSets.sol", "_rotate")),
    Direction("fund", "tightenCaps", Role.RISK, "no cap upwards", "CapsNotLower",
              ("InsuranceFund.sol", "tightenCaps")),
    Direction("house", "raiseBounds", Role.RISK, "no bond or kappa downwards", "BoundsLoosened",
              ("LiquidatorSeats.sol", "raiseBounds")),
    Direction("vault", "lowerCap", Role.RISK, "an asset's cap downwards", "CapNotLower",
              ("VaultAssets.sol", "lowerCap")),
    Direction("vault", "raiseCap", Role.LOOSENING, "an asset's cap upwards, after the delay of loosening",
              "CapNotHigher", ("VaultAssets.sol", "raiseCap")),
    Direction("marks", "tightenCurve", Role.RISK, "let shares of a pool count less", "CurveLooser",
              ("AssetMarks.sol", "tightenCurve")))
