"""A market that falls by two fifths in an hour and jumps into another regime on the way.

Each moment is an epoch of its own, made from sources as on any other day: the fixtures' book with lower prices and
higher volatilities, and from the jump on the fixtures' model with four times the variance and assets that move as one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from risk.epochs import epoch_directory
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources

from ..shipped import fixtures

FIXTURES = fixtures("levels")
CENT = Decimal("0.01")
BETA = {"BTC": Decimal(1), "ETH": Decimal("1.25")}
"""How much of a fall each asset takes part in."""
JUMP = 4
"""Variances after the jump, in those before."""
TOGETHER = "0.97"
"""Correlation after it."""


@dataclass(frozen=True)
class Moment:
    """minute : since the day began.  fall : of BTC, a share of its price at the beginning.  swing : volatilities of
    options, in those at the beginning.  jumped : whether the regime has."""

    minute: int
    fall: Decimal
    swing: Decimal
    jumped: bool

    def said(self) -> str:
        """For people: "-24 %, regime jumped"."""
        return f"{-100 * self.fall:+.0f} %" + (", regime jumped" if self.jumped else "")


FALL: Sequence[Moment] = (
    Moment(0, Decimal(0), Decimal(1), jumped=False),
    Moment(10, Decimal("0.08"), Decimal("1.1"), jumped=False),
    Moment(20, Decimal("0.16"), Decimal("1.3"), jumped=True),
    Moment(30, Decimal("0.24"), Decimal("1.5"), jumped=True),
    Moment(40, Decimal("0.32"), Decimal("1.7"), jumped=True),
    Moment(50, Decimal("0.40"), Decimal("1.8"), jumped=True),
)


@dataclass(frozen=True)
class Printed:
    """An epoch that publishers have made, and where it is."""

    moment: Moment
    epoch: Epoch
    folder: Path


def print_epochs(folder: Path, moments: Sequence[Moment] = FALL) -> list[Printed]:
    """Make the epoch of each moment, in a directory each; every one follows on the one before it."""
    made: list[Printed] = []
    for number, moment in enumerate(moments):
        previous = made[-1].epoch.root if made else 0
        epoch = build(sources(moment), previous_root=previous)
        epoch_directory.save(epoch, folder / f"epoch{number}")
        made.append(Printed(moment, epoch, folder / f"epoch{number}"))
    return made


def sources(moment: Moment) -> Sources:
    """Model and book of a moment, byte for byte what its epoch is made of."""
    return Sources(_model(moment), _book(moment), None, {"model": "model.toml", "book": "book.json"})


def _model(moment: Moment) -> bytes:
    text = (FIXTURES / "model.toml").read_text()
    if not moment.jumped:
        return text.encode()
    text, variances = re.subn(r"(?m)^variance = (\S+)$", lambda found: f"variance = {JUMP * float(found[1]):.6g}", text)
    text, matrices = re.subn(r"matrix = .*", f"matrix = [[1.0, {TOGETHER}], [{TOGETHER}, 1.0]]", text)
    assert (variances, matrices) == (2, 1)
    return text.encode()


def _book(moment: Moment) -> bytes:
    book: dict[str, Any] = json.loads((FIXTURES / "book.json").read_bytes())
    begun = datetime.fromisoformat(book["valuation"])
    book["valuation"] = (begun + timedelta(minutes=moment.minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for asset in book["underlyings"]:
        for name in ("spot", "perpetual"):
            asset[name] = _fallen(asset[name], asset["symbol"], moment)
    for expiry in book["expiries"]:
        expiry["forward"] = _fallen(expiry["forward"], expiry["underlying"], moment)
        for quoted in expiry["volatilities"]:
            quoted["volatility"] = str((Decimal(quoted["volatility"]) * moment.swing).quantize(Decimal("0.0001")))
    return json.dumps(book, indent=1).encode()


def _fallen(price: str, asset: str, moment: Moment) -> str:
    return str((Decimal(price) * (1 - BETA[asset] * moment.fall)).quantize(CENT))
