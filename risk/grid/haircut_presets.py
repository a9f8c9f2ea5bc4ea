"""Haircuts that others take, as tables: to set one's own collateral file against. Nothing is made of them.

A row says which part of a holding's value counts: for initial margin, and for maintenance where the source tells them
apart; or tiers by the value held, each part of it at its own ratio. What the last tier does not reach counts for
nothing, if the source does not say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from primitives.errors import BadInput, suggestion

OTHERS = "others"


@dataclass(frozen=True)
class Counted:
    """What of a holding counts.

    tiers : (value in quote units up to which, ratio of the part below it), rising; None is no end.
    maintenance : the ratio for maintenance, where it is another; tiers then have one step.
    """

    tiers: tuple[tuple[Fraction | None, Fraction], ...]
    maintenance: Fraction | None = None

    def haircut(self, value: Fraction) -> Fraction:
        """Part of a value above 0, in quote units, that does not count: initial margin."""
        counted, before = Fraction(0), Fraction(0)
        for end, ratio in self.tiers:
            part = (value if end is None else min(value, end)) - before
            if part <= 0:
                break
            counted, before = counted + ratio * part, before + part
        return 1 - counted / value

    def of_maintenance(self, value: Fraction) -> Fraction:
        """The same for maintenance margin."""
        return self.haircut(value) if self.maintenance is None else 1 - self.maintenance


@dataclass(frozen=True)
class Preset:
    """rows : by symbol; `OTHERS` for what is not named, if the source says it.  source : where they come from."""

    name: str
    source: str
    rows: Mapping[str, Counted]

    def row(self, symbol: str) -> Counted | None:
        return self.rows.get(symbol, self.rows.get(OTHERS))


def _flat(percent: str, maintenance: str | None = None) -> Counted:
    ratio = Fraction(percent) / 100
    return Counted(((None, ratio),), None if maintenance is None else Fraction(maintenance) / 100)


def _tiers(*steps: tuple[int | None, str]) -> Counted:
    return Counted(tuple((None if end is None else Fraction(end), Fraction(ratio) / 100) for end, ratio in steps))


def _derive(maintenance: str, scale: str) -> Counted:
    """Derive's factor for maintenance, times a scale for initial margin."""
    ratio = Fraction(maintenance)
    return Counted(((None, ratio * Fraction(scale)),), ratio)


_ORDI = _tiers((200_000, "100"), (400_000, "80"), (800_000, "70"), (1_000_000, "40"), (None, "20"))
_GMT = _tiers((50_000, "100"), (100_000, "80"), (200_000, "50"), (400_000, "20"), (None, "10"))
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in (
    Preset("founding", "the founding documents' table: 1 % off stable coins, 5 % off the largest, 30 % off others; "
           "which token is which is ours",
           {**dict.fromkeys(("USDC", "USDT", "DAI"), _flat("99")),
            **dict.fromkeys(("BTC", "WBTC", "ETH", "WETH"), _flat("95")), OTHERS: _flat("70")}),
    Preset("binance-pm-2025-10", "Binance Portfolio Margin: BTC of the rates of 2022-04-18; others of the changes "
           "announced for 2025-08-19, 2025-08-22 and 2025-10-21",
           {symbol: _flat(ratio) for ratio, symbols in (
               ("95", "BTC"), ("70", "FIL"), ("65", "ENA TON A"), ("60", "APT ETHFI PAXG"), ("50", "RENDER"),
               ("40", "GALA VET"), ("35", "PIXEL"), ("30", "SANTOS ORCA KDA C98 GMT QNT EGLD"), ("25", "WOO ICX XTZ"),
               ("20", "FLOW"), ("15", "IOTA"), ("10", "IOTX KAVA")) for symbol in symbols.split()}),
    Preset("binance-cross-example", "Binance cross margin, collateral haircuts, the example of the page: value of BTC "
           "in USDT; beyond 200 million it says nothing",
           {"BTC": _tiers((100_000_000, "100"), (120_000_000, "97.5"), (150_000_000, "95"), (180_000_000, "90"),
                          (200_000_000, "85"))}),
    Preset("binance-pm-pro-2025-10", "Binance PM Pro, tiered collateral ratio from 2025-10-24",
           {**dict.fromkeys(("ORDI", "FIL"), _ORDI), **dict.fromkeys(("GMT", "EGLD", "THETA", "XTZ"), _GMT)}),
    Preset("derive-srm", "Derive standard manager, marginFactor and IMScale [derivexyz/v2-core, config-mainnet.sol]",
           {"ETH": _derive("0.8", "0.9375"), "WSTETH": _derive("0.8", "0.9375"), "BTC": _derive("0.75", "0.93"),
            "LBTC": _derive("0.75", "0.93"), "USDT": _derive("0.98", "0.98"), "DAI": _derive("0.925", "0.92"),
            "PYUSD": _derive("0.925", "0.92"), "sDAI": _derive("0.875", "0.915"), "USDe": _derive("0.8", "0.875"),
            "weETH": _derive("0.65", "0.77"), "rsETH": _derive("0.65", "0.77"), "rswETH": _derive("0.65", "0.77"),
            "SNX": _derive("0.7", "0.65")}))}


def preset(name: str) -> Preset:
    """One by its name.

    Raises
    ------
    BadInput : there is none.
    """
    if name not in PRESETS:
        raise BadInput("--preset", name, f"one of {', '.join(PRESETS)}{suggestion(name, PRESETS)}")
    return PRESETS[name]
