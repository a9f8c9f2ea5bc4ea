"""How a relayer is: one account of it, for a page, for machines and for whoever is woken at night.

It names accounts, transactions and hosts; no bundle, key or token, no path of a node's URL, no password.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from relayer import item_names
from relayer.item_names import utc
from relayer.outbox import OutboxBusy
from relayer.relay import Relay
from relayer.views import document, table

SHOWN = 50
"""Items that the page shows."""


def status(relay: Relay, now: float, patience: float) -> dict[str, Any]:
    """Everything there is to tell.

    patience : seconds without a round after which something is wrong; times are in seconds since 1970, wei in text.
    """
    outbox, peers = relay.outbox, relay.peers
    nodes = [{"node": peer.name, "asked": peer.breaker.allows(now), "head": peer.head, "failed": peer.failed,
              "lies": peer.lies, "why": peer.breaker.why[:200]} for peer in peers.all]
    contracts = [{"contract": address, "asked": breaker.allows(now), "why": breaker.why[:200]}
                 for address, breaker in sorted(relay.contracts.items())]
    troubles = [*([f"round {relay.rounds}: {relay.trouble}"] if relay.trouble else []),
                *([relay.warning] if relay.warning else [])]
    if not relay.rounds or now - relay.round_at > patience:
        troubles.append(f"no round for {now - relay.round_at:.0f} s" if relay.rounds else "no round yet")
    if sum(bool(node["asked"]) for node in nodes) < peers.quorum:
        troubles.append(f"fewer than {peers.quorum} nodes can be asked")
    troubles += [f"contract {one['contract']} is left alone: {one['why']}" for one in contracts if not one["asked"]]
    counts, oldest, out, latest, spent = dict[str, int](), None, [], [], (0, 0)
    try:
        counts, oldest, spent = outbox.counts(), outbox.oldest_waiting(), outbox.spent()
        out = [{"nonce": one.delivery.nonce, "kind": one.load.kind, "state": one.state, "made_at": one.made_at,
                "attempts": len(one.delivery.attempts), "transaction": one.delivery.attempts[-1].transaction,
                "fee": str(one.delivery.attempts[-1].fee)} for one in outbox.out()]
        latest = [{"name": item.name, **item_names.parts(item.name), "state": item.state.value, "reason": item.reason,
                   "taken_at": item.taken_at, "changed_at": item.changed_at, "tries": item.tries}
                  for item in outbox.latest(SHOWN)]
    except OutboxBusy as busy:
        troubles.append(str(busy)[:300])
    sight = relay.sight
    return {"healthy": not troubles, "troubles": troubles, "sender": relay.sender, "outbox": outbox.kind, "now": now,
            "rounds": relay.rounds, "round_at": relay.round_at, "head": None if sight is None else sight.head,
            "nonces_used": None if sight is None else sight.used, "items": counts,
            "oldest_seconds": None if oldest is None else max(now - oldest, 0.0), "quorum": peers.quorum,
            "nodes": nodes, "contracts": contracts, "deliveries": out, "transactions_final": spent[0],
            "gas_used": spent[1], "latest": latest}


class Metrics(Collector):
    """The same for Prometheus, made when it is asked for.

    now : seconds since 1970.  events : how often each event was heard.
    """

    def __init__(self, told: Any, events: Mapping[str, int]) -> None:
        self._told, self._events = told, events

    def collect(self) -> Iterator[Metric]:
        """Families of metrics; see docs/relay.md."""
        found: dict[str, Any] = self._told()
        yield GaugeMetricFamily("tailproof_relay_healthy", "1 if nothing is wrong", float(found["healthy"]))
        items = GaugeMetricFamily("tailproof_relay_items", "Items by state", labels=["state"])
        for state, count in found["items"].items():
            items.add_metric([state], count)
        yield items
        yield GaugeMetricFamily("tailproof_relay_oldest_seconds", "Age of the oldest item that has not ended",
                                found["oldest_seconds"] or 0.0)
        yield GaugeMetricFamily("tailproof_relay_head", "Latest block that enough nodes have", found["head"] or 0)
        yield GaugeMetricFamily("tailproof_relay_deliveries", "Transactions that are out", len(found["deliveries"]))
        yield CounterMetricFamily("tailproof_relay_transactions", "Transactions that are final",
                                  found["transactions_final"])
        yield CounterMetricFamily("tailproof_relay_gas", "Gas that they used", found["gas_used"])
        yield CounterMetricFamily("tailproof_relay_rounds", "Rounds since the start", found["rounds"])
        for name, words, key in (("tailproof_relay_node_asked", "1 if the node is asked", "asked"),
                                 ("tailproof_relay_node_head", "Its latest block", "head"),
                                 ("tailproof_relay_node_failures", "Questions that it did not answer", "failed"),
                                 ("tailproof_relay_node_lies", "Answers that could not be", "lies")):
            family = GaugeMetricFamily(name, words, labels=["node"])
            for node in found["nodes"]:
                family.add_metric([node["node"]], float(node[key]))
            yield family
        asked = GaugeMetricFamily("tailproof_relay_contract_asked", "1 if the contract is sent to", labels=["contract"])
        for contract in found["contracts"]:
            asked.add_metric([contract["contract"]], float(contract["asked"]))
        yield asked
        events = CounterMetricFamily("tailproof_relay_events", "What was logged, by event", labels=["event"])
        for event, count in sorted(self._events.items()):
            events.add_metric([event], count)
        yield events


def page(found: Mapping[str, Any]) -> str:
    """The status as one HTML page without a script; every word in it that came from outside is escaped."""
    facts = [{"what": name, "is": found[name]} for name in (
        "sender", "outbox", "rounds", "head", "nonces_used", "oldest_seconds", "transactions_final", "gas_used")]
    return document("Tailproof relay", "Relay", found, [
        table("Facts", facts),
        table("Items", [{"state": state, "count": count} for state, count in found["items"].items()]),
        table("Nodes", found["nodes"]), table("Contracts", found["contracts"]),
        table("Transactions that are out", [{**one, "made_at": utc(one["made_at"])} for one in found["deliveries"]]),
        table("Latest", [{"item": item_names.words(one["name"]), "state": one["state"], "reason": one["reason"],
                          "taken": utc(one["taken_at"]), "changed": utc(one["changed_at"]), "tries": one["tries"]}
                         for one in found["latest"]])])
