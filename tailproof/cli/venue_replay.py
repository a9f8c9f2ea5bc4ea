"""`tailproof venue replay`: a history as a feed, at any speed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from primitives.errors import BadInput

from .console import FILE, Integer, Outcome, progress, reporting
from .node import Endpoint, talking_to_a_node
from .stopping import stopping


class Speed(click.ParamType[float]):
    """Seconds of the market a second."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from ..venue.replaying import FASTEST
        if isinstance(value, float):
            return value
        if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,6})?", str(value)) or not 0 < float(value) <= FASTEST:
            raise BadInput("--speed", value, f"a number above 0, at most {FASTEST}: seconds of the market a second")
        return float(value)


class Moment(click.ParamType[int]):
    """A day, or a time in UTC, as Unix seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from risk.exact.clock import parse_time
        if isinstance(value, int):
            return value
        text = f"{value}T00:00:00Z" if re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value), re.ASCII) else str(value)
        return parse_time(text, field=param.opts[0] if param is not None else "time")


@click.command("replay")
@click.argument("history", type=FILE)
@click.option("--book", type=FILE, required=True, help="Book file, whose prices are moved along the history.")
@click.option("--speed", type=Speed(), required=True, help="Seconds of the market a second: 86400 is a day a second.")
@click.option("--out", type=FILE, metavar="DIR", required=True, help="Feed directory; what is there is gone on with.")
@click.option("--since", "first", type=Moment(), help="Day or time (UTC) of the first row that is fed.  [default: the "
              "second row]")
@click.option("--until", "last", type=Moment(), help="The same of the last.  [default: the last row]")
@click.option("--window", type=Integer(2, 10**6), help="Rows of the history that are fed with each.  [default: all up "
              "to it]")
@talking_to_a_node(optional="Node of a development chain, whose clock is moved on with the market's. Only if it is "
                   "typed.", filled=lambda typed: False)
@reporting
def replay(history: Path, book: Path, speed: float, out: Path, first: int | None, last: int | None, window: int | None,
           endpoint: Endpoint) -> Outcome:
    """Feed HISTORY (CSV) to a venue, row after row at its time, --speed times as fast as it was. Volatilities, rates
    and strikes stay those of the book; what expires is settled."""
    from risk.epochs.provenance import read_source
    from risk.exact.clock import format_time

    from ..venue.replaying import Replay
    made = Replay(read_source(history), read_source(book), first=first, last=last, window=window)
    stop, fed, skipped, at = threading.Event(), 0, 0, None
    with stopping(stop):
        for step in made.run(out, speed, clock=time.monotonic, wait=stop.wait, stopped=stop.is_set,
                             moved=_moving(endpoint)):
            fed, skipped, at = fed + 1, skipped + step.skipped, step.valuation
            progress(f"replay {format_time(step.valuation)}", fed + skipped, len(made.rows))
    told = None if at is None else format_time(at)
    return Outcome({"fed": fed, "skipped": skipped, "rows": len(made.rows), "last": told, "out": str(out)},
                   [f"{fed} rows are fed, {skipped} came and went between; the last is of {told or 'no time'}"])


def _moving(endpoint: Endpoint) -> Callable[[int], object]:
    """Moves a development chain's clock on; nothing where no node is named."""
    if endpoint.rpc is None:
        return lambda seconds: None
    chain = endpoint.connect()
    if not chain.development:
        raise BadInput("--rpc", chain.name, "a development chain, whose clock may be moved")
    return lambda seconds: chain.travel_to(chain.now() + seconds)
