"""The file that a cascade is simulated from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from primitives.jsonio import Node
from risk.cascades.parameters import TOXIC
from risk.cascades.presets import PRESETS

from ..cascading import SCHEMA, SECTIONS, parse_cascade
from .observed import Format

_MONEY = "10⁻⁶ quote units"
_BP = "basis points"


def examples() -> list[Any]:
    """Every preset, written out whole."""
    return [{"schema": SCHEMA, "preset": name, "assets": [asdict(asset) for asset in preset.assets],
             **{section: asdict(getattr(preset, section)) for section in SECTIONS},
             "accept": {TOXIC: "an example"}} for name, preset in PRESETS.items()]


def _below(section: str, keys: dict[str, str]) -> dict[str, str]:
    return {f"{section}.{key}": meaning for key, meaning in keys.items()}


CASCADE = Format(
    "cascade", "A crash to simulate; `risk cascade` takes it (JSON)", "cascade.json", examples,
    lambda document: parse_cascade(Node(document)),
    {"schema": "says what the file is", "preset": "what holds where the file says nothing",
     "assets": "in place of the preset's",
     **_below("assets[]", {
         "symbol": "name of the asset", "price": f"of a lot at the start, {_MONEY}",
         "maintenance": f"maintenance margin of a position's value, {_BP}",
         "depth": f"what moves the market by `market.slippage`; a pool's quote side; {_MONEY}",
         "volatility": f"a day, {_BP}", "fall": f"what a crash of median severity takes off, {_BP}"}),
     "market": "how prices answer orders, and what the oracle says of them",
     **_below("market", {
         "law": "of what an order costs", "slippage": f"of an order as large as the depth, {_BP}",
         "permanent": f"of it, what stays in the price, {_BP}",
         "recovery": f"of the displacement, what goes in a block, {_BP}",
         "capacity": f"of the depth, what is tradable in a block, {_BP}",
         "netting": f"of offsets between assets, what the margin recognises, {_BP}",
         "oracle_lag": "blocks", "oracle_every": "blocks between two of its prices"}),
     "shock": "what happens to prices without anybody of these trading",
     **_below("shock", {
         "blocks": "how long", "block_seconds": "of one, s", "start": "of the crash, block", "length": "of it, blocks",
         "severity": f"standard deviation of its logarithmic size about the median, {_BP}",
         "volatility": f"in the crash, {_BP} of the usual", "rebound": f"of the fall, what comes back, {_BP}",
         "correlation": f"of all pairs outside the crash, {_BP}", "stressed": f"in the crash, {_BP}",
         "depth": f"in the crash, {_BP} of the usual"}),
     "population": "who is at the venue",
     **_below("population", {
         "accounts": "how many", "equity": f"median, {_MONEY}", "equity_spread": f"logarithmic deviation, {_BP}",
         "usage_low": f"initial margin over equity at the start, lowest, {_BP}", "usage_high": f"highest, {_BP}",
         "long": f"accounts that are, {_BP}", "hedged": f"accounts with a second asset against the first, {_BP}",
         "awake": f"owners who top up once called, {_BP}", "reserve": f"what they can, {_BP} of their equity",
         "reaction": "blocks that they take, at most"}),
     "liquidators": "who closes for a reward and buys lots",
     **_below("liquidators", {
         "count": "how many", "capital": f"of each, {_MONEY}", "latency_low": "blocks", "latency_high": "blocks",
         "inventory": f"largest value of positions, {_BP} of the capital",
         "charge_low": f"reward for bearing a lot, {_BP} of its value", "charge_high": f"highest, {_BP}",
         "gas": f"of one action, {_MONEY}", "unwind": "a share of 1 / this is sold in a block"}),
     "tiers": "between a call and a deficit; `--system` takes them from a `system` file",
     **_below("tiers", {
         "partial": "T1: the venue closes what restores initial margin",
         "auction": "T2: the rest is sold as a lot, else at the market", "sealed": "bids are; else they rise openly",
         "fund": "T3", "fund.venue": f"the venue's tranche, {_MONEY}", "fund.shared": f"the shared one, {_MONEY}",
         "fund.bond": f"the venue's free bond, {_MONEY}", "fund.account": f"the shared one's cap in 24 h, {_MONEY}",
         "fund.epoch": f"under an epoch, {_MONEY}", "fund.day": f"for all in 24 h, {_MONEY}",
         "haircut": f"T4: of a gain at most, {_BP}", "initial": f"initial margin over maintenance margin, {_BP}",
         "concession": f"of collateral, what closes may concede, {_BP}",
         "standing": f"of a lot's margin, the fund's standing bid, {_BP}",
         "penalty": f"of a close at the market, to who closes, {_BP}", "owner": "blocks that the owner has alone",
         "venue": "blocks of the venue", "auction_time": "blocks", "epoch_blocks": "blocks of an epoch"}),
     "accept": "gates passed over, each with the reason",
     f"accept.{TOXIC}": "closing makes an account worse: why this is run all the same"})
