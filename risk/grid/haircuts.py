"""Collateral: what one base unit of an asset counts for, after haircuts, and what a debt of it counts for. JSON.

    {"schema": "tailproof.collateral/1",
     "assets": [{"symbol": "WBTC", "token": "eip155:1/erc20:0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "decimals": 8,
                 "underlying": "BTC", "protocol": "0.02", "liquidation": "0.005"},
                {"symbol": "USDC", "token": "eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "decimals": 6,
                 "price": "1", "fall": "0.01", "rise": "0.01", "protocol": "0.01", "liquidation": "0.001"}]}

Three haircuts multiply, since each applies to what the others leave:

    collateral = price x (1 - volatility) x (1 - protocol) x (1 - liquidation)      rounded down
    debt       = price x (1 + volatility) x (1 + liquidation)                       rounded up

volatility   the Expected Shortfall of the price's fall (for a debt: of its rise) over the standard scenarios, in the
             regime where it is largest, if the asset is worth an underlying of the epoch; else as stated, fall and rise
protocol     the part expected lost if what holds the asset fails; a debt does not go away with it
liquidation  cost of selling, or buying back, in a hurry; or what it follows from, the size held among it
             (`risk.grid.closing_cost`)

A token that is worth little once the venue has failed, its own for instance, has a `recovery`: what part of its price
is then left. Its fall is at least the rest, whatever scenarios say (wrong-way risk).

A token is named as CAIP-19 has it; its id is a digest of name and decimals, so that neither can change under it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.digests import field_digest
from risk.exact.elementary import exp
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.money import LARGEST_PRICE, parse_decimal_in, parse_money
from risk.exact.shape import Tail
from risk.grid.closing_cost import read_closing_cost
from risk.grid.grid_epoch import FACTOR_BITS, MOST_ASSETS, Factors
from risk.market.instruments import SYMBOL
from risk.scenarios.scenarios import RETURN_UNIT

SCHEMA = "tailproof.collateral/1"
TOKEN_SCHEMA = "tailproof.token/1"
TOKEN = r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}"
LARGEST_DECIMALS = 30
FACTOR_UNIT = 2**64
"""Factors are integers of 2**-64 money units to a base unit of the token."""
_SHARE_UNIT = 10**9


class Swing(NamedTuple):
    """How far a price may move against whoever holds it (fall) or owes it (rise), as fractions of it, 0 <= fall < 1."""

    fall: Fraction
    rise: Fraction


@dataclass(frozen=True)
class CollateralAsset:
    """One asset of a collateral file.

    Parameters
    ----------
    token : CAIP-19 name.  decimals : a whole token is 10**decimals base units.
    underlying : whose spot price and scenarios it has; else price (money units for a whole token) and swing are given.
    protocol, liquidation : haircuts in [0, 1).
    recovery : part of its price that is left if the venue fails; None for a token that does not hang on it.
    """

    symbol: str
    token: str
    decimals: int
    underlying: str | None
    price: int | None
    swing: Swing | None
    protocol: Decimal
    liquidation: Decimal
    recovery: Decimal | None = None

    @cached_property
    def id(self) -> int:
        """keccak256 of the canonical JSON of name and decimals >> 8: in (0, 2**248)."""
        return field_digest({"schema": TOKEN_SCHEMA, "token": self.token, "decimals": self.decimals})

    def fall(self, swing: Swing) -> Fraction:
        """How far its price may fall: as it swings, and at least to what is left if the venue fails."""
        return swing.fall if self.recovery is None else max(swing.fall, 1 - Fraction(self.recovery))

    def haircut(self, swing: Swing) -> Fraction:
        """What does not count of it as collateral, all three haircuts together."""
        return 1 - (1 - self.fall(swing)) * (1 - Fraction(self.protocol)) * (1 - Fraction(self.liquidation))

    def factors(self, price: int, swing: Swing) -> Factors:
        """What a base unit counts for at a price of money units for a whole token.

        Raises
        ------
        BadInput : a debt factor of 2**80 or more: a base unit is worth too much.
        """
        unit = Fraction(price * FACTOR_UNIT, 10**self.decimals)
        liquidation = Fraction(self.liquidation)
        value = math.floor(unit * (1 - self.haircut(swing)))
        debt = math.ceil(unit * (1 + swing.rise) * (1 + liquidation))
        if debt >= 1 << FACTOR_BITS:
            raise BadInput(f"{self.symbol}: debt factor", debt, f"below 2**{FACTOR_BITS}: a base unit worth less than "
                           f"{(1 << FACTOR_BITS) // FACTOR_UNIT} money units")
        return Factors(self.id, value, debt)


def parse_collateral(data: bytes, *, source: str | Path | None = None) -> tuple[CollateralAsset, ...]:
    """Read a collateral file.

    Raises
    ------
    BadInput : naming file and field: unknown or missing keys, a haircut outside [0, 1), a token given twice, a price or
        a swing beside an underlying, or neither.
    """
    root = Node(jsonio.loads(data, source=source), source=source)
    if isinstance(root.value, dict) and root.value.get("schema", SCHEMA) == SCHEMA:
        root.complete({"": ("schema", "assets"), "assets[]": _needed})
    parts = root.document(SCHEMA, {"assets"})
    found: dict[int, CollateralAsset] = {}
    for node in parts["assets"].array(at_least=1, at_most=MOST_ASSETS):
        asset = _asset(node)
        if asset.id in found:
            raise BadInput(f"{node.field}.token", asset.token, "given once", source=source)
        found[asset.id] = asset
    return tuple(found.values())


def _needed(asset: Mapping[str, Any]) -> set[str]:
    """Keys of an asset: worth an underlying of the epoch, or what it states itself."""
    own = {"underlying"} if "underlying" in asset else {"price", "fall", "rise"}
    return {"symbol", "token", "decimals", "protocol", "liquidation"} | own


def _asset(node: Node) -> CollateralAsset:
    parts = node.object(_needed(node.value if isinstance(node.value, dict) else {}), {"recovery"})
    stated = None
    if "price" in parts:
        stated = Swing(Fraction(_share(parts["fall"])), Fraction(_share(parts["rise"], "10")))
    return CollateralAsset(
        symbol=parts["symbol"].text(SYMBOL.pattern, "a symbol"), token=parts["token"].text(TOKEN, "a CAIP-19 asset"),
        decimals=parts["decimals"].integer(0, LARGEST_DECIMALS), swing=stated,
        underlying=parts["underlying"].text(SYMBOL.pattern, "a symbol") if "underlying" in parts else None,
        price=parse_money(parts["price"].value, field=parts["price"].field, low=1, high=LARGEST_PRICE,
                          source=node.source) if "price" in parts else None,
        protocol=_share(parts["protocol"]), liquidation=_liquidation(parts["liquidation"]),
        recovery=_recovery(parts["recovery"]) if "recovery" in parts else None)


def _liquidation(node: Node) -> Decimal:
    return read_closing_cost(node) if isinstance(node.value, dict) else _share(node)


def _recovery(node: Node) -> Decimal:
    return parse_decimal_in(node.value, "0", "1", field=node.field, source=node.source)


def _share(node: Node, below: str = "1") -> Decimal:
    return parse_decimal_in(node.value, "0", below, field=node.field, source=node.source, below=True)


def swings(returns: Sequence[NDArray[np.int64]], underlyings: Sequence[str], tail: Tail) -> dict[str, Swing]:
    """Expected Shortfall of holding, and of owing, one unit of each underlying, as fractions of its price.

    Parameters
    ----------
    returns : per regime, log returns in 10**-9, int64 (S, m); the largest of the regimes counts.
    """
    found = {}
    for i, name in enumerate(underlyings):
        moves = [np.rint((exp(regime[:, i] / RETURN_UNIT) - 1.0) * _SHARE_UNIT).astype(np.int64) for regime in returns]
        fall, rise = (max(0, *(expected_shortfall(losses, tail).ceiling for losses in sides))
                      for sides in ([-move for move in moves], moves))
        found[name] = Swing(Fraction(fall, _SHARE_UNIT), Fraction(rise, _SHARE_UNIT))
    return found


def asset_factors(assets: Sequence[CollateralAsset], spots: Mapping[str, int], swung: Mapping[str, Swing]
                  ) -> tuple[Factors, ...]:
    """Factors of all assets, in the order given.

    Parameters
    ----------
    spots : money units for one unit of each underlying.  swung : see `swings`.

    Raises
    ------
    BadInput : an underlying that the book does not have, or a factor out of bounds; names the asset.
    """
    found = []
    for asset in assets:
        if asset.underlying is None:
            assert asset.price is not None         # `parse_collateral` wants both without an underlying
            assert asset.swing is not None
            found.append(asset.factors(asset.price, asset.swing))
            continue
        if asset.underlying not in spots:
            raise BadInput(f"{asset.symbol}: underlying", asset.underlying, f"one of {', '.join(spots)}")
        found.append(asset.factors(spots[asset.underlying], swung[asset.underlying]))
    return tuple(found)
