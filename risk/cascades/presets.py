"""Cascades to start from. Two are drawn after real days; what is a public fact there, by whom, and what is assumed is
said. Facts were looked up on 2026-11-30.

2020-03-12 ("Black Thursday"). Facts: from one close to the next ETH fell from 195 to 112 USD, BTC from 7,911 to 4,971
(daily closes of Coin Metrics); within the night to 101 and 3,867 (tomshardware.com, 2020-03-13). MakerDAO: gas and
congestion kept most keepers out, about 8.3 million USD of ETH were sold at auctions for bids of 0 DAI, and the debt
that nothing covered, 4.5 million DAI and more by report, was met by selling some 20,000 new MKR (Dragonfly Research,
"Daos Ex Machina", 2020-03-24; blockonomi.com, 2020-03; blog.makerdao.com, "The Market Collapse of March 12-13, 2020").
Assumed: everything else, among it how many accounts, their books, depths, and that the crash takes 90 minutes.

2025-10-10. Facts: BTC fell from 122,574 to 104,783 USD, ETH to 3,436 (coinshares.com, "Billions in liquidations"),
many other coins by a third to far more than a half for minutes; some 19 billion USD of positions were closed by force
in a day, the most ever recorded (CoinGlass); of 9.9 billion that Amberdata follows, 6.9 were closed in the 40 minutes
after 20:50 UTC (blog.amberdata.io, "How $3.21B Vanished in 60 Seconds"); auto-deleveraging on Hyperliquid closed about
2.1 billion USD within 12 minutes (arXiv 2512.01112). Assumed: everything else; "ALT" stands for all coins that are
neither BTC nor ETH.

Depths of all three: open positions come to about a hundred times what moves the price by 1 %, and a fifth of the depth
is left in the crash. Both are assumed, and the outcome hangs on them: docs/cascade.md
shows it under others.
"""

from __future__ import annotations

from dataclasses import replace

from primitives.errors import BadInput, suggestion
from risk.cascades.parameters import Asset, Cascade, Fund, Liquidators, Market, Population, Shock, Tiers

MILLION = 10**12
"""Quote units, in 10**-6."""

CONTRACTS = Tiers(
    partial=True, auction=True, sealed=True, haircut=5_000, initial=2_000, concession=200, standing=1_000, penalty=100,
    owner=100, venue=100, auction_time=200, epoch_blocks=20,
    fund=Fund(venue=MILLION // 4, shared=MILLION // 2, bond=MILLION // 4, account=MILLION // 10, epoch=MILLION // 2,
              day=MILLION))
"""As `tailproof new system` writes them, at 12 s a block: 20 minutes for the owner, 20 for the venue, 40 of auction."""

NO_FUND = Fund(0, 0, 0, 0, 0, 0)
STANDARD = Cascade(
    "standard",
    (Asset("BTC", 30 * 10**6, 1_250, 5 * MILLION, 400, 1_500),
     Asset("ETH", 20 * 10**6, 1_600, 5 * MILLION // 2, 500, 2_000)),
    Market("square-root", slippage=100, permanent=50, recovery=100, capacity=2_500, netting=8_000, oracle_lag=3,
           oracle_every=1),
    Shock(blocks=1_000, block_seconds=12, start=100, length=300, severity=4_000, volatility=30_000, rebound=3_000,
          correlation=6_500, stressed=9_500, depth=2_000),
    Population(accounts=2_000, equity=20_000 * 10**6, equity_spread=15_000, usage_low=1_000, usage_high=9_500,
               long=7_500, hedged=2_000, awake=3_000, reserve=10_000, reaction=100),
    Liquidators(count=10, capital=2 * MILLION, latency_low=1, latency_high=5, inventory=50_000, charge_low=100,
                charge_high=500, gas=10 * 10**6, unwind=50),
    CONTRACTS)

BLACK_THURSDAY = replace(
    STANDARD, name="2020-03-12",
    assets=(Asset("ETH", 194 * 10**6, 1_600, 5 * MILLION // 2, 600, 4_300),
            Asset("BTC", 7_900 * 10**3, 1_250, 5 * MILLION, 500, 3_700)),
    shock=replace(STANDARD.shock, length=450, severity=1_000, rebound=1_500, stressed=9_500),
    market=replace(STANDARD.market, oracle_lag=30, oracle_every=5),
    liquidators=replace(STANDARD.liquidators, count=4, capital=MILLION // 2, latency_low=2, latency_high=20,
                        gas=50 * 10**6))

OCTOBER = replace(
    STANDARD, name="2025-10-10",
    assets=(Asset("BTC", 122 * 10**6, 1_250, 8 * MILLION, 250, 1_400),
            Asset("ETH", 43 * 10**6, 1_600, 4 * MILLION, 350, 2_000),
            Asset("ALT", 10 * 10**6, 2_500, 2 * MILLION, 500, 5_000)),
    shock=replace(STANDARD.shock, length=150, severity=1_000, rebound=6_000, stressed=9_500),
    population=replace(STANDARD.population, accounts=3_000, usage_high=9_800),
    liquidators=replace(STANDARD.liquidators, count=15))

PRESETS = {one.name: one for one in (STANDARD, BLACK_THURSDAY, OCTOBER)}


def preset(name: str) -> Cascade:
    """A preset by its name.

    Raises
    ------
    BadInput : there is none of that name.
    """
    if name not in PRESETS:
        raise BadInput("preset", name, f"one of {', '.join(PRESETS)}{suggestion(name, PRESETS)}")
    return PRESETS[name]
