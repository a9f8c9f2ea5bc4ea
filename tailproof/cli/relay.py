"""`tailproof relay`: a relayer that runs, with an outbox that nothing is lost from."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives import jsonio
from primitives.errors import BadInput, Said, unreadable
from primitives.inputs import open_input
from primitives.texts import text_of

from .console import CONTINUED, FILE, OUTPUT, Integer, Outcome, reporting, table, warn
from .node import Endpoint, talking_to_a_node
from .setting import Setting
from .stopping import stopping

if TYPE_CHECKING:
    from relayer.desk import Factors
    from relayer.outbox import Item
    from relayer.relay import Relay, Terms
    from verifier_contracts.chain import Chain
    from verifier_contracts.system import System

    from ..relaying import Hearing

DEPLOYMENT = click.option("--deployment", cls=Setting, type=FILE, required=True,
                          help="File that `contract deploy` wrote.")
OUTBOX = click.option("--outbox", cls=Setting, metavar="PLACE", default="relay.db", show_default=True,
                      help="SQLite file, or postgresql://USER@HOST/NAME; $TAILPROOF_OUTBOX keeps a password out of "
                      "lists of processes.")
DEEP = 64
"""Blocks under which a transaction is final where nobody says: two epochs of Ethereum."""


@click.group()
def relay() -> None:
    """Carry bundles to the chain: nothing lost, nothing twice (relayer)."""


@relay.command("submit")
@click.argument("bundles", type=FILE, nargs=-1, required=True)
@DEPLOYMENT
@OUTBOX
@reporting
def submit(bundles: tuple[Path, ...], deployment: Path, outbox: str) -> Outcome:
    """Put BUNDLES, of margins, covers or batches, into the outbox, for a relayer that runs or will. Given again, they
    are told how far they are. Exit code 1 if one has been refused, or another content has its name."""
    from relayer import item_names
    from relayer.intake import LARGEST_DOCUMENT, Intake
    from verifier_contracts.system import System

    from ..relaying import open_outbox, read_parcel
    there = System.load(deployment)
    box = open_outbox(outbox, there)
    intake = Intake(box, lambda document: read_parcel(document, there), clock=time.time)
    taken = []
    for path in bundles:
        try:
            with open_input(path, pipes=True) as file:
                document = file.read(LARGEST_DOCUMENT + 1)
        except OSError as error:
            raise BadInput("file", unreadable(error), "a readable file", source=path) from None
        taken.append(intake.take(text_of(document, source=path), "command"))
    return Outcome({"outbox": box.name, "items": [{"taken": how, **_shown(item)} for item, how in taken]},
                   table([(item_names.words(item.name), how, item.state, item.reason) for item, how in taken]),
                   all(item.state != "refused" for item, _ in taken))


@relay.command("status")
@DEPLOYMENT
@OUTBOX
@reporting
def status(deployment: Path, outbox: str) -> Outcome:
    """What is in the outbox, as it was written last; no node is asked."""
    from relayer import item_names
    from relayer.outbox import database
    from verifier_contracts.system import System

    from ..relaying import open_outbox
    place = database(outbox)
    if place.drivername == "sqlite" and not os.path.exists(str(place.database)):
        raise BadInput("--outbox", outbox, "an outbox that is there: `relay submit` and `relay run` make one")
    box = open_outbox(outbox, System.load(deployment))
    counts, latest, out = box.counts(), box.latest(20), box.out()
    return Outcome({"outbox": box.name, "items": counts, "latest": [_shown(item) for item in latest],
                    "deliveries": [{"nonce": one.delivery.nonce, "kind": one.load.kind, "state": one.state,
                                    "transaction": one.delivery.attempts[-1].transaction} for one in out]},
                   [*table(list(counts.items()), ("state", "items")), "",
                    *table([(item_names.words(item.name), item.state, item.reason[:60]) for item in latest],
                           ("item", "state", "reason"))])


@relay.command("token")
@click.option("--out", type=OUTPUT, required=True, help="File to write, that only you can read.")
@reporting
def token(out: Path) -> Outcome:
    """Make a token for who may bring bundles over HTTP."""
    with jsonio.creating(out, mode=0o600) as file:
        file.write((secrets.token_urlsafe(32) + "\n").encode())
    return Outcome({"token_file": str(out)}, [f"{out}: one token; lines of several such files may be put together."])


@relay.command("run")
@DEPLOYMENT
@OUTBOX
@talking_to_a_node(sends=True)
@click.option("--node", "nodes", metavar="URL", multiple=True, help="Another node of the chain. May be given several "
              "times: what they disagree about is not believed.")
@click.option("--quorum", type=Integer(1, 64), help="Nodes that must say the same.  [default: more than half]")
@click.option("--key", type=FILE, help="Verification key of the margin statement, or its key directory: proofs are "
              "then verified before they are taken, and strangers' margins go together where that is cheaper.")
@click.option("--cover-key", type=FILE, help="The same of the cover statement, for covers.")
@click.option("--epochs", "folders", type=FILE, metavar="DIR", multiple=True, help="Epoch directory, or folder of "
              "such, for lists of collateral factors, which covers are brought with. May be given several times, and "
              "fill meanwhile.")
@click.option("--collateral", type=FILE, help="Collateral file of epochs by full revaluation.")
@click.option("--combine", type=Integer(1, 64), default=64, show_default=True,
              help="Margins in one transaction at most.")
@click.option("--linger", type=Integer(0, 3_600), default=2, show_default=True,
              help="Seconds for which a margin waits for others to go with.")
@click.option("--bump-after", type=Integer(1, 86_400), default=60, show_default=True,
              help="Seconds without a receipt after which a higher fee is offered, up to --max-fee.")
@click.option("--folder", type=FILE, metavar="DIR", help="Take every .json file that is put there.")
@click.option("--listen", metavar="HOST:PORT", help="Take bundles over HTTP, and show health, metrics and a "
              "status page.")
@click.option("--token-file", type=FILE, help="Tokens, one a line, of those who may bring bundles over HTTP.")
@click.option("--rate", type=Integer(1, 1_000_000), default=600, show_default=True,
              help="Requests a minute of each token.")
@click.option("--every", type=Integer(1, 3_600), default=2, show_default=True, help="Seconds between idle rounds.")
@click.option("--keep", "kept", type=Integer(1, 36_500), default=90, show_default=True,
              help="Days for which bundles and transactions that have ended stay in the outbox; names stay for ever.")
@click.option("--log", type=CONTINUED, help="Append what happens, a line of JSON each.  [default: stderr]")
@click.option("--until-done", is_flag=True, help="End when nothing waits any more; exit code 1 if something was "
              "refused.")
@reporting
def run(deployment: Path, outbox: str, endpoint: Endpoint, nodes: tuple[str, ...], quorum: int | None, key: Path | None,
        cover_key: Path | None, folders: tuple[Path, ...], collateral: Path | None, combine: int, linger: int,
        bump_after: int, folder: Path | None, listen: str | None, token_file: Path | None, rate: int, every: int,
        kept: int, log: Path | None, until_done: bool) -> Outcome:
    """Carry what is in the outbox to the chain, until it is interrupted or terminated; what is under way is ended
    first. --confirmations says when it is final (default: 64 blocks, 1 on development chains)."""
    from relayer.intake import Intake, require_folder
    from verifier_contracts.senders import alone
    from verifier_contracts.system import System

    from ..keys import read_verification_key
    from ..relaying import Hearing, assemble, open_outbox, verified_parcel
    if endpoint.dry_run or endpoint.calldata is not None:
        raise BadInput("--dry-run and --calldata", Said("given"), "absent: a relayer sends")
    if folder is not None:
        require_folder(folder)
    there, urls = System.load(deployment), [endpoint.rpc or "", *nodes]
    signer = endpoint.signer()
    host, tokens = _listening(listen, token_file)
    with ExitStack() as stack:
        hearing = Hearing(writer(log, stack))
        chain = _checked(there, endpoint, urls)
        box = open_outbox(outbox, there)
        stack.callback(box.close)
        stack.enter_context(box.writing())
        stack.enter_context(alone(signer.address, there.chain_id, 0.0))
        keys = {slot: read_verification_key(path) for slot, path in (("margin", key), ("cover", cover_key))
                if path is not None}
        made = assemble(there, box, urls, signer, keys=keys, factors=_factors(folders, collateral),
                        terms=_terms(endpoint, chain, combine, linger, bump_after), quorum=quorum, heard=hearing)
        intake = Intake(box, lambda document: verified_parcel(document, there, keys), clock=time.time, heard=hearing)
        stop = threading.Event()
        stack.enter_context(stopping(stop))
        url = _serving(stack, made, intake, hearing, host, tokens, rate, every) if host is not None else None
        hearing("started", sender=made.sender, outbox=box.name, listening=url,
                nodes=" ".join(peer.name for peer in made.peers.all))

        forgot = -HOUR

        def before() -> None:
            nonlocal forgot
            if time.monotonic() >= forgot + HOUR:
                forgot = time.monotonic()
                if dropped := box.forget(time.time() - 24 * HOUR * kept):
                    hearing("forgotten", items=dropped)
            if folder is not None:
                intake.sweep(folder)
            if until_done and made.rounds and not any(box.counts()[state] for state in UNDER_WAY):
                stop.set()
        made.run(stop, float(every), before)
        counts = box.counts()
        hearing("stopped", rounds=made.rounds)
    return Outcome({"outbox": box.name, "rounds": made.rounds, "items": counts, "insecure_setup": there.insecure},
                   table(list(counts.items()), ("state", "items")), not (until_done and counts["refused"]))


HOUR = 3_600.0
UNDER_WAY = ("queued", "checked", "signed", "sent", "mined")


def _factors(folders: tuple[Path, ...], collateral: Path | None) -> Factors:
    """Lists of collateral factors out of epoch directories, and of what others brought to the contracts before."""
    from risk.epochs.provenance import read_source

    from ..liquidation_reading import FactorBook, site_library
    book = FactorBook(site_library(folders), None if collateral is None else read_source(collateral))
    return book.find


def _terms(endpoint: Endpoint, chain: Chain, combine: int, linger: int, bump_after: int) -> Terms:
    from relayer.outbox_steps import Policy
    from relayer.relay import Terms
    from verifier_contracts.fees import MAX_FEE
    depth = endpoint.confirmations or (1 if chain.development else DEEP)
    cap = MAX_FEE if endpoint.max_fee is None else endpoint.max_fee
    return Terms(Policy(depth=depth, bump_after=float(bump_after), fee_cap=cap), gas=endpoint.gas_limit,
                 combined=combine, linger=float(linger))


def _checked(system: System, endpoint: Endpoint, urls: list[str]) -> Chain:
    """The chain behind the first node that answers, once the contracts there are what the deployment says."""
    from verifier_contracts.chain import Chain
    from verifier_contracts.errors import NodeError
    last: NodeError | None = None
    for url in urls:
        try:
            chain = Chain.connect(url, chain_id=endpoint.chain_id or system.chain_id, key_variable="", patience=5.0)
            system.open(chain)
            return chain
        except NodeError as error:
            last = error
    assert last is not None
    raise last


def _listening(listen: str | None, token_file: Path | None) -> tuple[tuple[str, int] | None, list[str]]:
    from verifier_contracts.keystore import exposed
    if listen is None:
        if token_file is not None:
            raise BadInput("--token-file", str(token_file), "given with --listen")
        return None, []
    name, _, port = listen.rpartition(":")
    if not name or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise BadInput("--listen", listen, "HOST:PORT, as 127.0.0.1:8080")
    if token_file is None:
        return (name, int(port)), []
    from relayer.intake_http import read_tokens
    from relayer.views import hosts_of
    if hosts_of(name) is None:
        warn(f"--listen {listen} speaks no TLS: put something before it that does, or whoever is between reads tokens")
    if told := exposed(token_file):
        warn(told)
    return (name, int(port)), read_tokens(token_file)


def _serving(stack: ExitStack, made: Relay, intake: Any, hearing: Hearing, host: tuple[str, int], tokens: list[str],
             rate: int, every: int) -> str:
    from relayer.intake import LARGEST_DOCUMENT
    from relayer.intake_http import Endpoint as Http
    from relayer.relay_status import status as told
    from relayer.views import Serving
    patience = max(60.0, 10.0 * every)
    served = Serving(Http(intake, made.outbox, tokens, lambda: told(made, time.time(), patience), hearing.counts,
                          clock=time.monotonic, rate=rate), *host, largest=LARGEST_DOCUMENT)
    stack.callback(served.close)
    return served.url


def writer(log: Path | None, stack: ExitStack) -> Callable[[str], object]:
    """Where a command's log goes: lines are appended to a file that only its owner reads, or said on stderr."""
    if log is None:
        return lambda line: print(line, file=sys.stderr, flush=True)
    with jsonio.refusing_to_write(log):
        file = stack.enter_context(os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a"))

    def write(line: str) -> None:
        file.write(line + "\n")
        file.flush()
    return write


def _shown(item: Item) -> dict[str, Any]:
    from relayer import item_names
    return {"name": item.name, **item_names.parts(item.name), "state": item.state.value, "reason": item.reason}

