"""What an item of the outbox is called: kind, account, epoch and version, one name for all proofs that say the same.

The outbox finds items by these names, and so they stay as they are; who reads them is told their parts.
"""

from __future__ import annotations

import re
import time
from typing import Any

from verifier_contracts.context import MARGIN

COVER = "cover"
_ONE = re.compile(rf"({MARGIN}|{COVER}) (0x[0-9a-f]{{40}}) ([0-9]{{1,16}}) ([0-9]{{1,16}})(?: ([0-9]{{1,3}}))?")
_BATCH = re.compile(r"(\S+) ([0-9a-f]{64}) ([0-9]{1,16})")
_LAST = 253_402_300_799
"""Seconds since 1970 of the last that a date of four digits for the year has."""


def of_margin(account: str, epoch_id: int, version: int) -> str:
    """Of an account's margin."""
    return f"{MARGIN} {account.lower()} {epoch_id} {version}"


def of_cover(account: str, epoch_id: int, version: int, step: int) -> str:
    """Of an account's cover.  step : of the ladder of buffers."""
    return f"{COVER} {account.lower()} {epoch_id} {version} {step}"


def of_batch(slot: str, digest: int, epoch_id: int) -> str:
    """Of a batch.  digest : of everything that it proves."""
    return f"{slot} {digest:064x} {epoch_id}"


def parts(name: str) -> dict[str, Any]:
    """What a name says, by member: `kind`, `epoch_id`, and of a margin or cover `account`, `version` and the cover's
    `step`, of a batch its `digest`, 0x and 64 digits. Nothing of a name that is none of these."""
    if one := _ONE.fullmatch(name):
        kind, account, epoch_id, version, step = one.groups()
        return {"kind": kind, "account": account, "epoch_id": int(epoch_id), "version": int(version),
                **({} if step is None else {"step": int(step)})}
    if batch := _BATCH.fullmatch(name):
        return {"kind": batch[1], "digest": "0x" + batch[2], "epoch_id": int(batch[3])}
    return {}


def words(name: str) -> str:
    """A name for people: "margin of 0x… version 1, epoch 1800000000 (2027-01-15T08:00:00Z)"."""
    told = parts(name)
    if not told:
        return name
    epoch = f"epoch {told['epoch_id']} ({utc(told['epoch_id'])})"
    if "digest" in told:
        return f"{told['kind']} {told['digest']}, {epoch}"
    step = f" step {told['step']}" if "step" in told else ""
    return f"{told['kind']} of {told['account']} version {told['version']}{step}, {epoch}"


def utc(seconds: float) -> str:
    """The date of seconds since 1970, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if 0 <= seconds <= _LAST else "no date"
