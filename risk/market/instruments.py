"""What can be held: spot, perpetual, dated future, European call and put; in epochs of levels, cash.

Every instrument is quoted and margined in one quote currency. Linear contracts are settled in it too, or by delivery;
inverse ones pay in coins of their underlying, and are valued at its spot (`risk.valuation.inverse`). One lot is `lot`
units of the underlying; of an inverse perpetual or future, `lot` units of the quote currency (10 USD at Deribit).

The id of an instrument is a digest of its immutable terms, so that a commitment to ids commits to terms. What may
change while it is held (its symbol, its price, its contingency rates) is not part of it.

A contract may be listed several times, each time for positions up to another size: `most`, in lots, is a term of its
own, so that whoever opens an id sees what it is for. Add-ons that grow with size are charged at that size, and whoever
registers a commitment holds its positions to it (`risk.addons.admission`).

Cash is an instrument of its own, a thousand money units a lot, which no book lists: an epoch of levels holds it by
itself. Its terms say nothing but the currency, so that its id is a constant of a deployment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Any

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.clock import format_time, parse_time
from risk.exact.digests import field_digest
from risk.exact.money import UNIT, format_decimal, format_money, parse_decimal, parse_money

MOST_ASSETS = 64
"""Underlyings of a book, and columns of a history."""
NULL_ID = 0
"""The id of the null leaf, which empty slots hold; no instrument has it."""
SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,47}", re.ASCII)
LOT_PLACES = 12
LARGEST_MOST = 2**40 - 1
"""Lots that a position can have."""
TERMS_SCHEMA = "tailproof.instrument/1"
CASH = "CASH"
"""Symbol of cash, and its venue: it is nobody's."""
CASH_UNITS = 1000
"""Money units in a lot of cash: 2**40 lots are a billion quote units, and a lot a tenth of a cent."""

_CASH_LOT = Decimal(CASH_UNITS) / UNIT


class Kind(StrEnum):
    """The kinds of instruments."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURE = "future"
    CALL = "call"
    PUT = "put"
    CASH = "cash"

    @property
    def expires(self) -> bool:
        return self in (Kind.FUTURE, Kind.CALL, Kind.PUT)

    @property
    def optional(self) -> bool:
        """Whether it is an option."""
        return self in (Kind.CALL, Kind.PUT)


LISTED = frozenset(Kind) - {Kind.CASH}
"""What a book may list: cash is not for anybody to list."""


class Settlement(StrEnum):
    """How an instrument ends: in money, by delivery of the underlying against money, or in coins of the underlying that
    are worth what is due (inverse contracts)."""

    CASH = "cash"
    PHYSICAL = "physical"
    COIN = "coin"


_SETTLEMENTS = {Kind.SPOT: (Settlement.PHYSICAL,), Kind.PERPETUAL: (Settlement.CASH, Settlement.COIN),
                Kind.CASH: (Settlement.CASH,)}
"""Of kinds that do not end in every way: a perpetual does by funding."""


@dataclass(frozen=True)
class Instrument:
    """One listed contract.

    Parameters
    ----------
    symbol : its name at the venue; not part of the id.
    lot : units of the underlying in one lot, or of the quote currency where `notional`; a positive decimal of at most
        12 places.
    settlement : spot is delivered, a perpetual is settled in cash or coin (by funding); the others state it.
    expiry : Unix seconds, for futures and options.
    strike : money units for one unit of the underlying, for options.
    reference : price that coins of an inverse perpetual or future are counted from in epochs of levels, money units for
        one unit (`risk.valuation.inverse`); optional, and of no other instrument.
    most : lots of the largest position that it is for; None where the terms say nothing of size.

    Raises
    ------
    BadInput : a term missing, superfluous or out of bounds.
    """

    symbol: str
    kind: Kind
    venue: str
    underlying: str
    quote: str
    lot: Decimal
    settlement: Settlement
    expiry: int | None = None
    strike: int | None = None
    reference: int | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        for name in ("symbol", "venue", "underlying", "quote"):
            if not SYMBOL.fullmatch(getattr(self, name)):
                raise BadInput(name, getattr(self, name), "1 to 48 letters, digits and . _ / -, no sign first")
        exponent = self.lot.normalize().as_tuple().exponent
        if not self.lot.is_finite() or not 0 < self.lot <= 10**9 or int(exponent) < -LOT_PLACES:
            raise BadInput("lot", str(self.lot), f"above 0, at most 10**9, with at most {LOT_PLACES} decimal places")
        if (self.expiry is not None) != self.kind.expires:
            raise BadInput("expiry", self.expiry, "given" if self.kind.expires else f"absent: a {self.kind} has none")
        if (self.strike is not None) != self.kind.optional:
            raise BadInput("strike", self.strike, "given" if self.kind.optional else f"absent: a {self.kind} has none")
        if self.strike is not None and self.strike <= 0:
            raise BadInput("strike", self.strike, "above 0")
        if self.most is not None and (self.kind == Kind.CASH or not 0 < self.most <= LARGEST_MOST):
            raise BadInput("most", self.most, f"absent, or lots in [1, {LARGEST_MOST}] and not of cash")
        fixed = _SETTLEMENTS.get(self.kind)
        if fixed is not None and self.settlement not in fixed:
            raise BadInput("settlement", str(self.settlement), " or ".join(f'"{one}"' for one in fixed)
                           + f" for a {self.kind}")
        if self.reference is not None and not self.notional:
            raise BadInput("reference", self.reference, "absent: only inverse perpetuals and futures have one")
        if self.reference is not None and self.reference <= 0:
            raise BadInput("reference", self.reference, "above 0")
        if self.kind == Kind.CASH:
            self._require_cash()

    def _require_cash(self) -> None:
        """There is one cash of a currency, so that it has one id."""
        for name, wanted in (("symbol", CASH), ("venue", CASH), ("underlying", self.quote), ("lot", _CASH_LOT)):
            if getattr(self, name) != wanted:
                raise BadInput(name, str(getattr(self, name)), f"{wanted}, of cash")

    @property
    def inverse(self) -> bool:
        """Whether it pays in coins of its underlying."""
        return self.settlement == Settlement.COIN

    @property
    def notional(self) -> bool:
        """Whether lots count units of the quote currency, as those of inverse perpetuals and futures do."""
        return self.inverse and not self.kind.optional

    def underlying_units(self, price: int) -> Fraction:
        """Units of the underlying that a lot stands for at a price of one, in money units."""
        lot = Fraction(self.lot)
        return lot * UNIT / price if self.notional else lot

    @classmethod
    def cash(cls, quote: str) -> Instrument:
        """Cash in a currency: `CASH_UNITS` money units a lot."""
        return cls(CASH, Kind.CASH, CASH, quote, quote, _CASH_LOT, Settlement.CASH)

    def terms(self) -> dict[str, Any]:
        """The immutable terms, in the canonical form that the id is the digest of."""
        terms = {"schema": TERMS_SCHEMA, "kind": str(self.kind), "venue": self.venue,
                 "underlying": self.underlying, "quote": self.quote, "lot": format_decimal(self.lot),
                 "settlement": str(self.settlement)}
        if self.expiry is not None:
            terms["expiry"] = format_time(self.expiry)
        if self.strike is not None:
            terms["strike"] = format_money(self.strike)
        if self.reference is not None:
            terms["reference"] = format_money(self.reference)
        if self.most is not None:
            terms["most"] = str(self.most)          # as all terms, which readers in other languages digest as text
        return terms

    @classmethod
    def from_terms(cls, symbol: str, node: Node) -> Instrument:
        """The instrument of given terms.

        Raises
        ------
        BadInput : naming the term.
        """
        parts = node.document(TERMS_SCHEMA, {"kind", "venue", "underlying", "quote", "lot", "settlement"},
                              {"expiry", "strike", "reference", "most"})
        expiry, strike, reference = (parts.get(name) for name in ("expiry", "strike", "reference"))
        return cls(
            symbol=symbol, kind=Kind(parts["kind"].choice(set(Kind))), venue=parts["venue"].text(),
            underlying=parts["underlying"].text(), quote=parts["quote"].text(),
            lot=parse_decimal(parts["lot"].value, field=parts["lot"].field, source=node.source),
            settlement=Settlement(parts["settlement"].choice(set(Settlement))),
            expiry=None if expiry is None else parse_time(expiry.value, field=expiry.field, source=node.source),
            strike=None if strike is None else parse_money(strike.value, field=strike.field, source=node.source),
            reference=None if reference is None else parse_money(reference.value, field=reference.field,
                                                                 source=node.source),
            most=parts["most"].decimal(1, LARGEST_MOST) if "most" in parts else None)

    @cached_property
    def id(self) -> int:
        """keccak256 of the canonical JSON of the terms >> 8: in (0, 2**248)."""
        return field_digest(self.terms())
