"""A relayer put together from files: contracts of a deployment, an outbox, nodes, a signer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from primitives import jsonio
from primitives.errors import BadInput, Said
from relayer.desk import Factors, LedgerDesk
from relayer.outbox import Outbox
from relayer.parcel import COVER, COVER_INPUTS, SINGLE, Parcel, of_batch, of_bundle, of_cover
from relayer.peers import Peer, Peers
from relayer.relay import Relay, Terms, nowhere
from relayer.submit import PUBLIC_INPUTS, NotSubmitted
from verifier_contracts.system import System

from .bundle import SCHEMA, Bundle
from .hearing import Hearing as Hearing

if TYPE_CHECKING:
    from prover import VerificationKey
    from verifier_contracts.signers import Signer


def read_parcel(document: str, system: System) -> Parcel:
    """A bundle of a margin or cover, or a batch, as these contracts take it.

    Raises
    ------
    BadInput : it is neither.  NotSubmitted : it is for something else.
    """
    found = jsonio.loads(document, source="bundle")
    if isinstance(found, dict) and found.get("schema") == SCHEMA:
        bundle = Bundle.of(jsonio.Node(found, source="bundle"))
        return of_cover(bundle, system) if bundle.context.statement == COVER else of_bundle(bundle, system)
    from .batching import SCHEMA as BATCH
    from .batching import Batch
    if isinstance(found, dict) and found.get("schema") == BATCH:
        return of_batch(Batch.of(jsonio.Node(found, source="bundle")), system)
    told = found.get("schema") if isinstance(found, dict) else type(found).__name__
    raise BadInput("schema", told, f"{SCHEMA} or {BATCH}", source="bundle")


def verified_parcel(document: str, system: System, keys: Mapping[str, VerificationKey]) -> Parcel:
    """As `read_parcel`, of a margin or cover under one of `keys` (by slot) only with a proof that holds: else whoever
    brings garbage first has an account's name until the chain refused it, half an hour where the epoch is still to
    come. Who can prove may take a name with another root all the same; batches are the chain's to judge.

    Raises
    ------
    NotSubmitted : ProofRejected, too.
    """
    from prover import verify
    parcel = read_parcel(document, system)
    key = keys.get(parcel.slot) if parcel.slot in SINGLE else None
    if key is not None and parcel.key_digest == key.digest():
        bundle = Bundle.of(jsonio.Node(jsonio.loads(document, source="bundle"), source="bundle"))
        inputs = [bundle.public_inputs[name] for name in (COVER_INPUTS if parcel.slot == COVER else PUBLIC_INPUTS)]
        if not verify(key, inputs, bundle.proof):
            raise NotSubmitted("ProofRejected", "a proof that does not hold", "this key")
    return parcel


def open_outbox(place: str, system: System) -> Outbox:
    """The outbox of a deployment; raises as `Outbox.open`."""
    return Outbox.open(place, system.chain_id, system.contracts["ledger"])


def assemble(system: System, outbox: Outbox, urls: Sequence[str], signer: Signer, *, terms: Terms,
             keys: Mapping[str, VerificationKey] | None = None,
             factors: Factors = lambda there, epoch_id: None, quorum: int | None = None,
             heard: Callable[..., object] = lambda event, **facts: None, at: Callable[[str], object] = nowhere
             ) -> Relay:
    """A relayer.

    keys : of `margin` and `cover`, for combinations.  factors : of epochs, for covers.
    quorum : nodes that must say the same.  at : see `Relay`.

    Raises
    ------
    BadInput : a key is not the deployment's, a URL is none, or given twice.
    """
    for slot, key in (keys or {}).items():
        if key.digest() != system.installed(slot).key_digest:
            raise BadInput("--key" if slot != COVER else "--cover-key", "0x" + key.digest().hex(),
                           f"the {slot} key of the deployment, 0x{system.installed(slot).key_digest.hex()}")
    if len(set(urls)) != len(urls):
        raise BadInput("nodes", Said("one and the same, twice"), "different: two answers of one node are one word")
    peers = Peers([Peer.at(url, system.chain_id) for url in urls], clock=time.time, quorum=quorum, heard=heard)
    return Relay(outbox, peers, LedgerDesk(system, keys, factors), signer,
                 lambda document: read_parcel(document, system), terms=terms, chain_id=system.chain_id,
                 clock=time.time, heard=heard, at=at)
