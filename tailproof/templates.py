"""Files to start from, which build as they stand: a book, a model and a portfolio that fit each other.

Prices are made up and round; what is written is checked by the parsers before it is handed out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput, Said
from risk.exact.clock import DAY, format_time
from risk.market.instruments import MOST_ASSETS, SYMBOL, Instrument

ASSETS = ("BTC", "ETH")
STATEMENT = "margin-full-256x16"
_SPOT = 1000
_OPTIONS = ("call", "put")


def checked_assets(text: str) -> tuple[str, ...]:
    """Symbols from "BTC,ETH".

    Raises
    ------
    BadInput : none, one that is no symbol or is given twice, or more than 64.
    """
    assets = tuple(text.split(","))
    for asset in assets:
        if not SYMBOL.fullmatch(asset) or assets.count(asset) > 1 or len(asset) > 24:
            raise BadInput("--assets", text, "symbols of up to 24 letters, digits and . _ / -, each once, "
                           "separated by commas")
    if len(assets) > MOST_ASSETS:
        raise BadInput("--assets", Said(f"{len(assets)} of them"), f"at most {MOST_ASSETS}")
    return assets


def book(assets: Sequence[str] = ASSETS, *, valuation: int | None = None) -> str:
    """A book of spot, perpetual, a future and two options for each asset, valued at the start of today, UTC."""
    today = int(time.time()) // DAY * DAY if valuation is None else valuation
    expiry = today + 30 * DAY + DAY // 3
    document: dict[str, Any] = {
        "schema": "tailproof.book/1", "venue": "example", "quote": "USD", "valuation": format_time(today),
        "rate": "0.02",
        "underlyings": [{"symbol": asset, "spot": str(_SPOT), "perpetual": str(_SPOT)} for asset in assets],
        "expiries": [{"underlying": asset, "expiry": format_time(expiry), "forward": "1001.7",
                      "volatilities": [{"strike": "1000", "volatility": "0.6"}]} for asset in assets],
        "contingencies": [{"underlying": asset, "kind": kind, "long": "0.001", "short": "0.001"} for asset in assets
                          for kind in ("spot", "perpetual", "future", *_OPTIONS)],
        "instruments": [one for asset in assets for one in _instruments(asset, format_time(expiry))]}
    return jsonio.dumps(document)


def _instruments(asset: str, expiry: str) -> list[dict[str, str]]:
    common = {"underlying": asset, "lot": "0.1"}
    dated = {"expiry": expiry, "settlement": "cash"}
    return [{"symbol": f"{asset}-SPOT", "kind": "spot", "settlement": "physical", **common},
            {"symbol": f"{asset}-PERP", "kind": "perpetual", "settlement": "cash", **common},
            {"symbol": f"{asset}-FUTURE", "kind": "future", **common, **dated},
            *({"symbol": f"{asset}-1000-{kind[0].upper()}", "kind": kind, **common, **dated, "strike": "1000"}
              for kind in _OPTIONS)]


def model(assets: Sequence[str] = ASSETS) -> str:
    """A Monte Carlo model that reads no prices; `tailproof model fit` writes one that is fitted to them."""
    tables = "\n".join(f"""
[volatility."{asset}"]
family = "garch"
mean = 0.0
omega = 1.0e-5
alpha = 0.08
beta = 0.90
innovations = "t"
degrees = 4.0
variance = 0.001                # of the next step: 3.2 % a day""" for asset in assets)
    matrix = ", ".join("[" + ", ".join("1.0" if i == j else "0.6" for j in range(len(assets))) + "]"
                       for i in range(len(assets)))
    names = ", ".join(f'"{asset}"' for asset in assets)
    return f"""\
# A model to start from. `tailproof schema model` and docs/formats.md tell every key; `tailproof model fit HISTORY.csv
# --settings THIS` replaces the made-up parameters by fitted ones.
schema = "tailproof.model/2"
name = "example"
estimator = "monte-carlo"       # or "filtered-historical", which draws days of a price history
assets = [{names}]
horizon = 1                     # steps; a step is a day

[epoch]
statement = "{STATEMENT}"
{tables}

[correlation]
family = "static"
matrix = [{matrix}]

[copula]
family = "t"
degrees = 4.0
"""


def portfolio(assets: Sequence[str] = ASSETS) -> str:
    """Long the first asset, its call sold, short the second."""
    positions = [{"instrument": f"{assets[0]}-SPOT", "lots": 10}, {"instrument": f"{assets[0]}-1000-C", "lots": -10}]
    positions += [{"instrument": f"{assets[1]}-PERP", "lots": -5}] if len(assets) > 1 else []
    return jsonio.dumps({"schema": "tailproof.portfolio/1", "positions": positions,
                         "description": "Lots are signed: negative is short."})


def collateral(assets: Sequence[str] = ASSETS) -> str:
    """A collateral file of one dollar token, which needs no underlying: as `system` has its quote asset."""
    return jsonio.dumps({"schema": "tailproof.collateral/1", "assets": [
        {"symbol": "USDC", "token": "eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "decimals": 6,
         "price": "1", "fall": "0.01", "rise": "0.01", "protocol": "0.01", "liquidation": "0.001"}]})


ANVIL_CHAIN_ID = 31337
ANVIL = ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
         "0x90F79bf6EB2c4f870365E785982E1f101E93b906", "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
         "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc", "0x976EA74026E726554dB657fA54763abd0C3a0aa9",
         "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955", "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720")
"""Accounts of anvil, from its second on: the first one deploys, the ninth is a trader's. Everybody knows their keys."""


def system(assets: Sequence[str] = ASSETS) -> str:
    """A system of contracts on anvil: everything in other hands, trial keys, a trial token, clocks as designed.

    Keys are expected beside the file, in keys/SLOT. The quote asset is `new collateral`'s in epochs.
    """
    from risk.grid.haircuts import parse_collateral
    from verifier_contracts.keccak_tree import asset_number
    (quote,) = parse_collateral(collateral(assets).encode())
    admin, guardian, risk, venue, *publishers, fund_agent = ANVIL
    minute, day = 60, 86_400
    return jsonio.dumps({
        "schema": "tailproof.system/1", "chain_id": ANVIL_CHAIN_ID, "allow_insecure_setup": True,
        "verifiers": {slot: f"keys/{slot}" for slot in (
            "margin", "cover", "flat", "transition", "escrow", "delivery", "disclose", "leaf-field",
            "leaf-field-mark")},
        "roles": {"admin": admin, "guardian": guardian, "risk": risk, "venues": [venue], "liquidators": []},
        "delays": {"admin": 7 * day, "loosening": 2 * day},
        "publishers": {"signers": list(publishers), "quorum": 2, "stake": str(10**18)},
        "oracle": {"required_lag": 220 * minute, "min_interval": 4 * minute, "heartbeat": 10 * minute,
                   "move_limits": [1_000] * 4, "finality_blocks": 3, "underlyings": len(assets),
                   "cash_id": str(Instrument.cash("USD").id)},
        "ledger": {"max_epoch_age": 30 * minute, "exit_epoch_age": 15 * minute, "final_epoch_age": 45 * minute,
                   "superseded_grace": 15 * minute, "buffers": [0, 2_000, 5_000, 10_000],
                   "lives": [60 * minute, 60 * minute, 75 * minute, 90 * minute]},
        "vault": {"quote": "trial", "quote_id": asset_number(quote.id), "quote_cap": str(10**15),
                  "mark_life": 30 * minute, "assets": []},
        "settlement": {"quantum": str(10**6), "debit_per_margin": 10_000},
        "liquidation": {
            "fund_agent": fund_agent, "bid_per_margin": 1_000,
            "fund_caps": {"account": str(10**11), "epoch": str(5 * 10**11), "day": str(10**12)},
            "largest_haircut": 5_000, "blind": 10 * minute, "disclosure": 8 * minute, "commit": 6 * minute,
            "reveal": 5 * minute, "award": 6 * minute, "time_before": 180 * minute,
            "seat_bond": str(10**10), "least_bond": str(10**8), "kappa": 5_000, "band": 500, "concession": 200,
            "unknown_loss": 1_000, "breach_share": 500, "breach_least": str(10**9), "venue_delivers": 4 * minute,
            "committee_delivers": 8 * minute, "pay_share": 100, "pay_cap": str(10**9)}})
