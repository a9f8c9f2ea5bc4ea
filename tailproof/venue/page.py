"""How a venue is: one account of it, for a page, for machines and for whoever is woken at night.

Read by another thread than the loop's, and from what that has noted: no node is asked. It names epochs, states and how
many accounts are in them; no opening, key or token, no path of a URL, and of no account that its collateral is short.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from primitives.errors import BadInput, TailproofError
from relayer.outbox import OutboxBusy
from relayer.views import Serving, Views, document, hosts_of, table
from risk.exact.clock import format_time

if TYPE_CHECKING:
    from .running import Venue
    from .ticks import Tick

SHOWN = 20
"""Ticks that the page shows."""
STAGES = ("built", "proposed", "published", "proven", "on chain")
PATIENCE = 120.0
"""Seconds without a sign of life after which something is wrong; a proof may take its limit beside."""
_COLORS = {"on chain": "#2a7", "handed over": "#69c", "refused": "#b00", "lost": "#e80", "no opening": "#aaa",
           "not registered": "#ddd"}


def status(venue: Venue, now: float) -> dict[str, Any]:
    """Everything there is to tell; times are in seconds since 1970, or seconds from a tick's beginning."""
    mine, patience = venue.accounts, PATIENCE + (venue.config.prove.limit if venue.proving else 0)
    troubles = [f"{part}: {why}" for part, why in list(venue.troubles.items())]
    if not venue.rounds or now - venue.alive_at > patience:
        troubles.append(f"no sign of life for {now - venue.alive_at:.0f} s" if venue.rounds else "no round yet")
    ticks, queue, spent, oldest = list[Any](), dict[str, int](), (0, 0), None
    try:
        ticks = venue.ticks.last(SHOWN)
    except (TailproofError, OSError) as error:
        troubles.append(str(error)[:300])
    try:
        queue, spent, oldest = venue.outbox.counts(), venue.outbox.spent(), venue.outbox.oldest_waiting()
    except OutboxBusy as busy:
        troubles.append(str(busy)[:300])
    published = [tick for tick in ticks if tick.outcome == "published"]
    if ticks and ticks[-1].outcome == "failed":
        troubles.append(f"tick {ticks[-1].number} failed: {ticks[-1].why}")
    counts = mine.counts()
    if counts.get("lost"):
        troubles.append(f"{counts['lost']} accounts are not proven, for want of workers that could")
    latest = venue.latest
    return {"healthy": not troubles, "troubles": troubles, "now": now, "rounds": venue.rounds,
            "alive_at": venue.alive_at, "proving": venue.proving, "statement": venue.keys.statement,
            "feed": venue.feed.name, "interval": venue.config.interval,
            "epoch_id": None if latest is None else latest[0], "root": None if latest is None else str(latest[1]),
            "epoch_age": None if latest is None else max(0, int(now) - latest[0]),
            "accounts": counts, "reasons": dict(Counter(_kind(why) for why in list(mine.reasons.values()))),
            "queue": queue, "oldest_seconds": None if oldest is None else max(now - oldest, 0.0),
            "latency": _latency(published), "expelled": venue.expelled,
            "gas": {"publications": sum(tick.gas for tick in published), "relayed": spent[1],
                    "transactions": spent[0]},
            "ticks": [_shown(tick) for tick in reversed(ticks)]}


def _kind(why: str) -> str:
    """A reason without what is different for each account."""
    return why.split(" (")[0][:160]


def _latency(ticks: Sequence[Tick]) -> dict[str, float]:
    """Median seconds from a tick's beginning to each stage."""
    found = {stage: [tick.seconds[stage] for tick in ticks if stage in tick.seconds] for stage in STAGES}
    return {stage: round(statistics.median(seconds), 1) for stage, seconds in found.items() if seconds}


def _shown(tick: Tick) -> dict[str, Any]:
    return {"tick": tick.number, "begun": format_time(int(tick.begun_at)), "outcome": tick.outcome,
            "epoch_id": tick.epoch_id, "gas": tick.gas,
            **{stage: tick.seconds.get(stage) for stage in STAGES}, "why": tick.why}


# -- Prometheus --------------------------------------------------------------------------------------------------------
class Metrics(Collector):
    """The same for Prometheus.  told : the status.  events : how often each event was heard."""

    def __init__(self, told: Callable[[], Mapping[str, Any]], events: Mapping[str, int]) -> None:
        self._told, self._events = told, events

    def collect(self) -> Iterator[Metric]:
        """Families of metrics; see docs/venue.md."""
        found = self._told()
        yield GaugeMetricFamily("tailproof_venue_healthy", "1 if nothing is wrong", float(found["healthy"]))
        yield GaugeMetricFamily("tailproof_venue_epoch", "Id of the latest epoch", found["epoch_id"] or 0)
        yield CounterMetricFamily("tailproof_venue_rounds", "Rounds since the start", found["rounds"])
        yield CounterMetricFamily("tailproof_venue_expelled", "Workers that were sent away", found["expelled"])
        for name, words, label, values in (
                ("tailproof_venue_accounts", "Accounts by state, under the latest epoch", "state", found["accounts"]),
                ("tailproof_venue_queue", "What the relayer's outbox has, by state", "state", found["queue"]),
                ("tailproof_venue_seconds", "Median seconds from a tick's beginning", "stage", found["latency"]),
                ("tailproof_venue_gas", "Gas of the ticks that are kept, and of what was relayed", "what", {
                    name: found["gas"][name] for name in ("publications", "relayed")})):
            family = GaugeMetricFamily(name, words, labels=[label])
            for key, value in values.items():
                family.add_metric([key], value)
            yield family
        events = CounterMetricFamily("tailproof_venue_events", "What was logged, by event", labels=["event"])
        for event, count in sorted(dict(self._events).items()):
            events.add_metric([event], count)
        yield events


# -- the page ----------------------------------------------------------------------------------------------------------
def page(found: Mapping[str, Any]) -> str:
    """The status as one HTML page without a script, that asks again by itself; every word is escaped."""
    epoch = "none yet" if found["epoch_id"] is None else f"{found['epoch_id']} ({format_time(found['epoch_id'])})"
    facts = [("epoch", epoch), ("root", found["root"] or "-"), ("statement", found["statement"]),
             ("feed", found["feed"]), ("interval", f"{found['interval']} s"), ("rounds", found["rounds"]),
             ("now", "proving" if found["proving"] else "waiting"), ("workers sent away", found["expelled"])]
    gas = found["gas"]
    return document("Tailproof venue", "Venue", found, [
        table("Facts", [{"what": name, "is": value} for name, value in facts]),
        _accounts(found["accounts"]),
        table("Why some have no proof", [{"reason": why, "accounts": count} for why, count in
                                         sorted(found["reasons"].items(), key=lambda pair: -pair[1])])
        if found["reasons"] else "",
        table("The relayer's queue", [{"state": state, "items": count} for state, count in found["queue"].items()]),
        table("Latency", [{"until": stage, "median seconds": seconds} for stage, seconds in
                          found["latency"].items()]),
        table("Gas", [{"of": name, "gas": f"{value:,}"} for name, value in (
            ("publications shown below", gas["publications"]),
            (f"{gas['transactions']} transactions of the relayer", gas["relayed"]))]),
        _picture(found["ticks"]),
        table("Epochs", [{name: _cell(value) for name, value in tick.items()} for tick in found["ticks"]])],
        style="svg{display:block;margin:.3em 0}h2{margin:1.2em 0 .3em}td{font-variant-numeric:tabular-nums}"
              "td,th{word-break:normal;overflow-wrap:break-word;padding-right:1.1em}"
              ".key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}",
        head="<meta http-equiv=refresh content=10>")


def _cell(value: Any) -> Any:
    return "-" if value is None or value == "" else value


def _accounts(counts: Mapping[str, int]) -> str:
    """A bar of all accounts by state, and what its colours mean."""
    total, left, bars, keys = sum(counts.values()), 0.0, "", ""
    for state, count in sorted(counts.items(), key=lambda pair: [*_COLORS, pair[0]].index(pair[0])):
        width, color = 600 * count / total, _COLORS.get(state, "#888")
        bars += f'<rect x="{left:.1f}" width="{width:.1f}" height="22" fill="{color}"/>'
        keys += f'<span class=key style="background:{color}"></span>{escape(state)} {count}'
        left += width
    if not total:
        return "<h2>Accounts</h2><p>none</p>"
    return (f'<h2>Accounts: {total}</h2><svg width="600" height="22" role="img" aria-label="accounts by state">{bars}'
            f"</svg><p>{keys}</p>")


def _picture(ticks: Sequence[Mapping[str, Any]]) -> str:
    """Seconds of each epoch, oldest first: until it was published, and until the last account was on chain."""
    shown = [tick for tick in reversed(ticks) if tick["published"] is not None]
    if not shown:
        return ""
    most = max(tick["on chain"] or tick["proven"] or tick["published"] for tick in shown) or 1.0
    bars = ""
    for place, tick in enumerate(shown):
        for stage, color in (("on chain", "#2a7"), ("proven", "#69c"), ("published", "#444")):
            if tick[stage] is not None:
                height = max(1.0, 100 * tick[stage] / most)
                bars += (f'<rect x="{30 * place}" y="{110 - height:.1f}" width="24" height="{height:.1f}" '
                         f'fill="{color}"><title>tick {tick["tick"]}: {stage} after {tick[stage]} s</title></rect>')
    keys = "".join(f'<span class=key style="background:{color}"></span>{stage}' for stage, color in (
        ("published", "#444"), ("proven", "#69c"), ("on chain", "#2a7")))
    return (f'<h2>Seconds of each epoch, {most:g} at most</h2><svg width="{30 * len(shown)}" height="110" role="img" '
            f'aria-label="seconds by epoch">{bars}</svg><p>{keys}</p>')


# -- served ------------------------------------------------------------------------------------------------------------
def host_of(listen: str) -> tuple[str, int]:
    """Host and port of page.listen; raises BadInput."""
    name, _, port = listen.rpartition(":")
    if not name or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise BadInput("page.listen", listen, "HOST:PORT, as 127.0.0.1:8090")
    return name, int(port)


def serve(venue: Venue, events: Mapping[str, int], listen: str, now: Callable[[], float], clock: Callable[[], float]
          ) -> Serving:
    """Show a venue on this address, read only, from now on."""
    host, port = host_of(listen)

    def told() -> dict[str, Any]:
        return status(venue, now())
    return Serving(Views(told, page, Metrics(told, events), clock=clock, hosts=hosts_of(host)), host, port)
