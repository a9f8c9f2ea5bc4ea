"""What every view of an epoch says of it: venue, time, model, horizon, and aloud whether it is a trial. And what a
bundle claims, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from risk.epochs.epoch import Epoch
from risk.epochs.header import TRIAL
from risk.exact.clock import format_time
from risk.models.model import parse_toml

from .number_forms import element

if TYPE_CHECKING:
    from .bundle import Bundle
    from .epochs import AnyEpoch


def facts(numbers: AnyEpoch) -> dict[str, Any]:
    """For machines; `tail` is a probability."""
    header, tail = numbers.header, numbers.shape.tail
    return {"root": element(numbers.root), "mode": numbers.shape.mode, "basis": str(header.basis),
            "venue": header.venue, "quote": header.quote, "valuation": format_time(header.timestamp),
            "model": header.model, "scenarios": numbers.shape.scenarios,
            "tail": float(tail.share(numbers.shape.scenarios)),
            "horizon": horizon(numbers), "trial": bool(trial(numbers))}


def setting(numbers: AnyEpoch) -> str:
    """Horizon, epoch and date, as a picture says them."""
    known = facts(numbers)
    over = "" if known["horizon"] is None else f" · horizon {known['horizon']}"
    return f"{known['venue']} · {known['valuation']} · model {known['model']}{over} · epoch {known['root'][:12]}…" \
        + (" · TRIAL" if known["trial"] else "")


def tail(numbers: AnyEpoch) -> str:
    """What Expected Shortfall is the mean of: "the worst 2.5 % of 256 scenarios over 1 day"."""
    known = facts(numbers)
    over = "" if known["horizon"] is None else f" over {known['horizon']}"
    return f"the worst {100 * known['tail']:.3g} % of {known['scenarios']} scenarios{over}"


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


def said_by(bundle: Bundle, quote: str | None) -> tuple[dict[str, Any], str]:
    """What a bundle of a margin, a cover or flatness claims, for machines and in words before "of account".

    quote : currency of the epoch, None if it is not known.
    """
    from circuits import statements
    from circuits.statements.cover import Claim
    from risk.exact.money import format_money

    from .statement_table import kind_of
    kind = kind_of(statements.get(bundle.statement))
    if kind == "margin":
        return {"margin": str(bundle.margin)}, f"margin {format_money(bundle.margin)} {quote or 'quote units'}"
    if kind == "flat":
        return {}, "nothing is held, cash included, by the commitment"
    claim = Claim.of(bundle.public_inputs["claim"])
    facts = {"value": str(claim.value), "buffer": claim.buffer, "covered": claim.covered}
    return facts, (f"collateral of {format_money(claim.value)} {quote or 'quote units'} "
                   f"{'covers' if claim.covered else 'falls short of'} the hidden margin and {claim.buffer / 100:g} %")
