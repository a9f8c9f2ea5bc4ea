"""How numbers are shown: each kind in one form, in text and in JSON, by all commands (docs/numbers.md).

`console` applies `line` and `answer` to whatever a command prints, so that none can forget; what a command makes itself
by `element`, `moment` and `duration` passes unchanged. A document of a file format, which says so by its member
`schema`, is printed as the file has it: decimals in files are the formats' own, which circom, snarkjs and digests fix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from primitives.errors import BadInput
from risk.exact.clock import DAY, LAST, format_time

LARGE = 1 << 128
"""From here on a number is no amount, count or time: those of contracts end below, and hashes lie above but for one in
2^126."""
DIGITS = 64
"""Hex digits of a field element, and of any word of 256 bits."""
MONEY, TOKEN, WEI, SHARES, GAS = ("1e-6 quote units", "smallest units of the token", "wei", "shares of the tranche",
                                  "gas")
TIMES = frozenset((
    "as_of", "at", "attested_at", "attestedAt", "calledAt", "changed_at", "clock_stopped_until", "deadline", "again",
    "due", "epoch", "epochId", "epoch_id", "epoch_number", "escrowed_until", "expires", "final_epoch_id", "from",
    "held_until", "lapses",
    "latestEpochId", "latest_epoch_id", "leavesAt", "leaves_at", "made_at", "now", "published", "queued_at", "ready",
    "readyAt", "validUntil", "renewed_at", "round_at",
    "since", "sunset", "taken_at", "taken_until", "time", "until", "valid_until", "wall"))
"""Members of answers, and arguments of contracts, that are seconds since 1970 where they are integers of that size.
Live time, which stops with the oracle, has no date."""
EARLIEST = 1 << 30
"""2004: what is smaller is a length of time, or a count."""
_QUOTE = """added addons after bad_debt before change charge claimed collateral comonotone contingency cross cover_2
    expected_shortfall expected_shortfall_from_today forced fund_loss gain_after gain_before haircut holds independent
    isolated largest_change largest_loss largest_loss_met long long_margin long_rate loss loss_when_nothing_moves losses
    lots_price margin missing needed penalties portfolio proven rate saved scan separate short short_margin short_rate
    standalone sum_after sum_before surplus uncovered under_water value_at_risk value_at_risk_99 value_today
    worth""".split()
_TOKEN = """amount assets balance balances bond counts deficit drawn fee free immature least_bond locked paid possible
    price seat_bond target withdrawn worth""".split()
_TERMS = """basis concentration confidence contingency depeg funding gas impact interpolation lag open_interest
    rounding short_options spread wrong_way""".split()
_OF_GROUP: Mapping[str, Mapping[str, str]] = {
    "vault": {**dict.fromkeys(_TOKEN, TOKEN), "value": MONEY},
    "fund": {**dict.fromkeys(_TOKEN, TOKEN), "shares": SHARES, "leaving": SHARES},
    "auction": {**dict.fromkeys(_TOKEN, TOKEN), "value": MONEY},
    "liquidation": {**dict.fromkeys(_TOKEN, TOKEN), "value": MONEY},
    "risk": {**dict.fromkeys(("amounts", "deficit", "drawn", "earned", "free", "required", *_TERMS), MONEY),
             "up_to": "quote units"},
    "trade": {"cash": MONEY, "value": MONEY},
    "demo": {**dict.fromkeys((*_TOKEN, "cash", "deposited", "kept", "minted", "paid"), TOKEN), "forfeited": WEI},
    "venue": {"buffer": "basis points"},
    "audit": {"amount": MONEY}, "verify": {"value": MONEY}, "oracle": {"bond": WEI}, "keeper": {"most_wei": WEI}}
"""Units of members by the command that has them, before those of all commands."""
UNITS: Mapping[str, str] = {**dict.fromkeys(_QUOTE, MONEY), "gas_used": GAS, "tokens": TOKEN}
_WHOLE = re.compile(r"-?[1-9][0-9]{0,77}|0")
_INSIDE = re.compile(r"(?<![0-9A-Za-z_.+-])[1-9][0-9]{38,77}(?![0-9A-Za-z_])(?!\.[0-9])")
_EVENTS = ("attestedAt", "calledAt", "epochId", "latestEpochId", "leavesAt", "readyAt", "validUntil")
_NAMED = re.compile(rf"\b(epoch |(?:{'|'.join(sorted(TIMES))})=|(?:{'|'.join(_EVENTS)}) )([12][0-9]{{9}})(?![0-9.])"
                    r"(?! \()")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_ELEMENT = re.compile(r"0|[1-9][0-9]{0,77}|0x[0-9a-fA-F]{1,64}")


# -- each kind ---------------------------------------------------------------------------------------------------------
def element(value: int) -> str:
    """A field element, or another word of up to 256 bits: 0x and 64 digits, whatever its size."""
    return f"0x{value:0{DIGITS}x}"


def read_element(text: str, field: str, *, low: int = 0, high: int | None = None,
                 source: str | Path | None = None) -> int:
    """A field element as it is shown (0x…), or in decimal as files have it.

    Raises
    ------
    BadInput : neither, or not in [low, high], which by default is the field.
    """
    from primitives.field import MODULUS  # NumPy comes with it
    high = MODULUS - 1 if high is None else high
    value = None if not _ELEMENT.fullmatch(text) else int(text, 16 if text.startswith("0x") else 10)
    if value is None or not low <= value <= high:
        raise BadInput(field, text, f"a number in [{low}, {high}], as 0x and hex digits or in decimal", source=source)
    return value


def moment(seconds: int, never: str = "never") -> str:
    """A point in time for people, seconds and date; `never` for 0, which contracts have where nothing is."""
    if not seconds:
        return never
    return str(seconds) if not 0 < seconds <= LAST else f"{seconds} ({format_time(seconds)})"


def duration(seconds: float) -> str:
    """A length of time for people, to the second: "2 d 30 min", "45 s"."""
    rest, parts = round(seconds), list[str]()
    if rest < 0:
        return f"-{duration(-rest)}"
    for unit, length in (("d", DAY), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


# -- whatever a command says -------------------------------------------------------------------------------------------
def line(text: str) -> str:
    """A text with its large numbers in hex, and dates behind epochs and behind what contracts call by a time's name."""
    text = _INSIDE.sub(lambda found: _hex(found[0]), text)
    return _NAMED.sub(lambda found: f"{found[1]}{moment(int(found[2]))}", text)


def answer(data: Mapping[str, Any], group: str = "") -> dict[str, Any]:
    """An answer for programs: hashes in hex, `X_utc` beside each time `X`, and the units of its amounts.

    group : the command, or its group, whose units count: "vault".
    """
    if is_document(data):
        return dict(data)
    told: dict[str, Any] = _told(data)
    own = _OF_GROUP.get(group, {})
    units = {key: own.get(key) or UNITS[key] for key in sorted(set(_amounts(data))) if key in own or key in UNITS}
    return {**told, **({"units": units} if units and "units" not in told else {})}


def is_document(value: object) -> bool:
    """Whether something is the content of a file, in the form that its format gives it; or a JSON Schema."""
    return isinstance(value, Mapping) and ("$schema" in value or isinstance(value.get("schema"), str))


def is_time(key: str, value: object) -> bool:
    """Whether a member of an answer is seconds since 1970."""
    return key in TIMES and type(value) is int and EARLIEST <= value <= LAST


def _told(value: Any) -> Any:
    if isinstance(value, Mapping):
        if is_document(value):
            return value
        told: dict[str, Any] = {}
        for key, one in value.items():
            told[key] = _told(one)
            if is_time(key, one) and value.get("clock") != "live":
                told[f"{key}_utc"] = format_time(one)
        return told
    if isinstance(value, list | tuple):
        return [_told(one) for one in value]
    if isinstance(value, str):
        return _hex(value) if _WHOLE.fullmatch(value) else line(value)
    return element(value) if type(value) is int and LARGE <= value < 1 << 256 else value


def _hex(text: str) -> str:
    return element(int(text)) if LARGE <= int(text) < 1 << 256 else text


def _amounts(value: Any) -> Iterator[str]:
    """Names of members that are whole numbers, lists of them or such by token, wherever they stand."""
    if isinstance(value, Mapping) and not is_document(value):
        for key, one in value.items():
            first = one[0] if isinstance(one, list | tuple) and one else one
            if isinstance(one, Mapping):
                first = next((amount for name, amount in one.items() if _ADDRESS.fullmatch(str(name))), None)
            if type(first) is int or (isinstance(first, str) and _WHOLE.fullmatch(first)):
                yield str(key)
            yield from _amounts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _amounts(one)
