"""What every view of an epoch says of it: venue, time, model, horizon, and aloud whether it is a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from risk.epochs.epoch import Epoch
from risk.epochs.header import TRIAL
from risk.exact.clock import format_time
from risk.models.model import parse_toml

if TYPE_CHECKING:
    from .epochs import AnyEpoch


def facts(numbers: AnyEpoch) -> dict[str, Any]:
    """For machines; `tail` is a probability."""
    header, tail = numbers.header, numbers.shape.tail
    return {"root": str(numbers.root), "mode": numbers.shape.mode, "basis": str(header.basis), "venue": header.venue,
            "quote": header.quote, "valuation": format_time(header.timestamp), "model": header.model,
            "scenarios": numbers.shape.scenarios, "tail": float(tail.share(numbers.shape.scenarios)),
            "horizon": horizon(numbers), "trial": bool(trial(numbers))}


def setting(numbers: AnyEpoch) -> str:
    """Horizon, epoch and date, as a picture says them."""
    known = facts(numbers)
    over = "" if known["horizon"] is None else f" · horizon {known['horizon']}"
    return f"{known['venue']} · {known['valuation']} · model {known['model']}{over} · epoch {known['root'][:12]}…" \
        + (" · TRIAL" if known["trial"] else "")


def horizon(numbers: AnyEpoch) -> str | None:
    """"2 days"; None of bare numbers."""
    document = _model_document(numbers)
    if document is None:
        return None
    steps, seconds = document["horizon"], document.get("step_seconds", 86400)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            count = steps * seconds // length
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{steps * seconds} seconds"


def trial(numbers: AnyEpoch) -> list[str]:
    """The warning, if it is one."""
    return [TRIAL] if numbers.header.trial else []


def _model_document(numbers: AnyEpoch) -> dict[str, Any] | None:
    arrays = numbers if isinstance(numbers, Epoch) else numbers.arrays
    return None if arrays.provenance is None else parse_toml(arrays.provenance.sources.model)
