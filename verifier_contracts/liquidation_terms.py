"""What constructors fix of liquidations, for ever: as a configuration asks for it, and a deployment records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from primitives.jsonio import Node

EXTENSION, MOST_EXTENSIONS, SEAL = 120, 2, 60
"""Seconds that late bids make the blind stage longer, twice at most; and between commitments and reveals."""
MOST_TIME = 2_400
"""Live seconds of all stages of an auction together (AuctionHouse.MOST_TIME)."""
UNIT = 10_000
LARGEST_PAY = 1_000
"""Basis points (ProtocolUnwinder.LARGEST_SHARE)."""
_UINT16, _UINT32, _UINT96 = (1 << 16) - 1, (1 << 32) - 1, (1 << 96) - 1
STAGES = ("blind", "disclosure", "commit", "reveal", "award")


@dataclass(frozen=True)
class LiquidationTerms:
    """Constants of fund, allocator, house, partial closes and coordinator.

    bid_per_margin : phi, what the fund's standing bid pays at most, basis points of M.
    largest_haircut : hMax, of a gain, basis points.
    blind, disclosure, commit, reveal, award : live seconds of an auction's stages.
    time_before : wall seconds from the last cover until a lot opens, at worst.
    band : delta, basis points of the margin.  concession : psi, basis points of V in 24 h.
    unknown_loss : basis points of V that a lot is taken to lose whose margin nobody has shown.
    breach_share, breach_least : of a venue's bond that a breach costs: basis points of V, and at least quote units.
    venue_delivers, committee_delivers : live seconds from an order of disclosure to breach, and to the public one.
    pay_share, pay_cap : what a keeper is paid of what he rescues at other protocols: basis points, and quote units at
    most in one call of an account.
    """

    bid_per_margin: int
    largest_haircut: int
    blind: int
    disclosure: int
    commit: int
    reveal: int
    award: int
    time_before: int
    band: int
    concession: int
    unknown_loss: int
    breach_share: int
    breach_least: int
    venue_delivers: int
    committee_delivers: int
    pay_share: int
    pay_cap: int

    @property
    def longest(self) -> int:
        """Live seconds of an auction until its first winner must have carried, as AuctionHouse has it."""
        return (self.blind + MOST_EXTENSIONS * EXTENSION + self.disclosure + self.commit + SEAL + self.reveal
                + self.award)

    def times(self) -> tuple[int, ...]:
        """Of the house's stages, as its constructor takes them."""
        return tuple(getattr(self, name) for name in STAGES)

    def to_json(self) -> dict[str, Any]:
        """As they stand in a file."""
        return {**asdict(self), "breach_least": str(self.breach_least), "pay_cap": str(self.pay_cap)}

    @staticmethod
    def read(parts: Mapping[str, Node]) -> LiquidationTerms:
        """Read them; raises BadInput by field, with the contracts' own bounds."""
        basis = {name: parts[name].integer(1, UNIT) for name in (
            "bid_per_margin", "largest_haircut", "concession", "unknown_loss", "breach_share")}
        times: dict[str, int] = {}
        # What is left of the 40 minutes for this stage, when those after it take a second each.
        room = MOST_TIME - MOST_EXTENSIONS * EXTENSION - SEAL
        for place, name in enumerate(STAGES):
            later = len(STAGES) - 1 - place
            times[name] = parts[name].integer(EXTENSION if name == "blind" else 1, room - later)
            room -= times[name]
        venue = parts["venue_delivers"].integer(1, times["disclosure"])
        # An opening that is public only when commitments have ended is of use to nobody.
        public = parts["committee_delivers"].integer(venue, times["disclosure"] + times["commit"] - 1)
        return LiquidationTerms(
            **basis, **times, time_before=parts["time_before"].integer(1, _UINT32),
            band=parts["band"].integer(1, _UINT16), breach_least=parts["breach_least"].decimal(0, _UINT96),
            venue_delivers=venue, committee_delivers=public, pay_share=parts["pay_share"].integer(1, LARGEST_PAY),
            pay_cap=parts["pay_cap"].decimal(1, _UINT96))


FIELDS = frozenset(LiquidationTerms.__dataclass_fields__)
