"""A relayer put together from files: contracts of a deployment, an outbox, nodes, a signer."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from primitives import jsonio
from primitives.errors import BadInput, Said
from relayer.desk import LedgerDesk
from relayer.outbox import Outbox
from relayer.parcel import Parcel, of_batch, of_bundle
from relayer.peers import Peer, Peers
from relayer.relay import Relay, Terms, nowhere
from verifier_contracts.context import MARGIN
from verifier_contracts.system import System

from .bundle import SCHEMA, Bundle

if TYPE_CHECKING:
    from prover import VerificationKey
    from verifier_contracts.signers import Signer


def read_parcel(document: str, system: System) -> Parcel:
    """A margin bundle or a batch as these contracts take it.

    Raises
    ------
    BadInput : it is neither.  NotSubmitted : it is for something else.
    """
    found = jsonio.loads(document, source="bundle")
    if isinstance(found, dict) and found.get("schema") == SCHEMA:
        return of_bundle(Bundle.of(jsonio.Node(found, source="bundle")), system)
    from .batching import SCHEMA as BATCH
    from .batching import Batch
    if isinstance(found, dict) and found.get("schema") == BATCH:
        return of_batch(Batch.of(jsonio.Node(found, source="bundle")), system)
    told = found.get("schema") if isinstance(found, dict) else type(found).__name__
    raise BadInput("schema", told, f"{SCHEMA} or {BATCH}", source="bundle")


def open_outbox(place: str, system: System) -> Outbox:
    """The outbox of a deployment; raises as `Outbox.open`."""
    return Outbox.open(place, system.chain_id, system.contracts["ledger"])


def assemble(system: System, outbox: Outbox, urls: Sequence[str], signer: Signer, *, terms: Terms,
             key: VerificationKey | None = None, quorum: int | None = None,
             heard: Callable[..., object] = lambda event, **facts: None, at: Callable[[str], object] = nowhere
             ) -> Relay:
    """A relayer.

    key : of `margin`, for combinations.  quorum : nodes that must say the same.  at : see `Relay`.

    Raises
    ------
    BadInput : the key is not the deployment's, a URL is none, or given twice.
    """
    if key is not None and key.digest() != system.installed(MARGIN).key_digest:
        raise BadInput("--key", "0x" + key.digest().hex(), "the margin key of the deployment, 0x"
                       + system.installed(MARGIN).key_digest.hex())
    if len(set(urls)) != len(urls):
        raise BadInput("nodes", Said("one and the same, twice"), "different: two answers of one node are one word")
    peers = Peers([Peer.at(url, system.chain_id) for url in urls], clock=time.time, quorum=quorum, heard=heard)
    return Relay(outbox, peers, LedgerDesk(system, key), signer, lambda document: read_parcel(document, system),
                 terms=terms, chain_id=system.chain_id, clock=time.time, heard=heard, at=at)


class Hearing:
    """What a relayer says: counted, and written as one line of JSON each.

    write : of a line.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self.counts: Counter[str] = Counter()
        self._write = write

    def __call__(self, event: str, **facts: Any) -> None:
        self.counts[event] += 1
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._write(json.dumps({"at": at, "event": event, **facts}, default=str))
