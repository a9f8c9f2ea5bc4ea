"""`tailproof oracle`: how epochs get on the chain, and off it again where they are false.

Publishers: `content`, `sign`, `publish`, `answer`, `release`. Everybody: `watch`, and by hand `challenge`, `demand`,
`settle`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives import jsonio
from primitives.errors import BadInput, Said

from ..number_forms import duration, moment, read_element
from .console import ADDRESS, CONTINUED, FILE, OUTPUT, Integer, Outcome, progress, reporting, say, table
from .node import Endpoint, talking_to_a_node, write_calldata
from .vault import COLLATERAL, DEPLOYMENT, opened

if TYPE_CHECKING:
    from primitives.poseidon import Tag
    from verifier_contracts.chain import Receipt
    from verifier_contracts.epoch_content import EpochContent
    from verifier_contracts.oracle import Listing
    from verifier_contracts.system import Contracts

    from ..epoch_leaves import EpochLeaves
    from ..falsities import Falsity
    from ..signing import Candidate
    from ..watching import Answers, Held, Judged, Watch

WATCH_SCHEMA = "tailproof.watch/1"
KINDS = ("leaf", "asset", "mark")
EPOCH = click.option("--epoch", type=FILE, required=True, help="Epoch directory.")
EPOCH_ID = click.option("--epoch-id", type=Integer(1, (1 << 40) - 1), required=True,
                        help="Id of the published epoch.")
KEYS = click.option("--key", "keys", type=FILE, multiple=True, help="Key directory of a leaf-field statement in force; "
                    "one for each kind of leaf.")
KIND = click.option("--kind", type=click.Choice(KINDS), default="leaf", show_default=True, help="Kind of leaf.")
LEAF_ID = click.option("--id", "leaf_id", type=Integer(0), required=True, help="Id of instrument or asset; 0: "
                       "the null leaf.")


def _candidate_options(function: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        EPOCH,
        click.option("--previous", type=FILE, help="Directory of the last epoch that stands: what was listed there "
                     "must be listed still (E7), and this one names it (E9)."),
        click.option("--first", is_flag=True, help="Go on without the epoch before, where nobody has it any more."),
        COLLATERAL,
        click.option("--valid-for", type=Integer(60, 3_600), default=600, show_default=True, help="Seconds in "
                     "which it may be published; until then its signers sign nothing else."),
        click.option("--allow-trial", is_flag=True, help="Take an epoch whose seed was chosen; for trials only."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group()
def oracle() -> None:
    """Sign and publish epochs (risk publisher); refute false ones (watcher)."""


# -- publishers --------------------------------------------------------------------------------------------------------
@oracle.command("content")
@DEPLOYMENT
@talking_to_a_node()
@_candidate_options
@click.option("--out", type=OUTPUT, required=True, help="Content file to write, for the other signers.")
@reporting
def content(deployment: Path, endpoint: Endpoint, epoch: Path, previous: Path | None, first: bool,
            collateral: Path | None, valid_for: int, allow_trial: bool, out: Path) -> Outcome:
    """Propose what is to be signed of an epoch: its roots, marks, regime, lag and factors, for now.

    It is held against the chain, and not rebuilt: each signer does that (`oracle sign`).
    """
    _, there = opened(deployment, endpoint)
    found = _propose(there, epoch, previous, first, collateral, valid_for, allow_trial, None)
    jsonio.write(out, found.content.to_json())
    facts, told = {"digest": "0x" + found.content.digest().hex(), "content": found.content.to_json()}, \
        _remarks(there, found)
    return Outcome({"path": str(out), **facts, "remarks": told},
                   [*_told(found), *told, f"{out}: to be signed by a quorum until {_time(found.content.deadline)}"])


@oracle.command("sign")
@DEPLOYMENT
@talking_to_a_node(signs=True)
@_candidate_options
@click.option("--content", "proposed", type=FILE, help="What another publisher proposes (`oracle content`): id and "
              "deadline are kept, all the rest must be what this epoch gives.")
@click.option("--journal", type=FILE, help="The signer's journal.  [default: one for each key and oracle, in the "
              "user's state directory]")
@click.option("--new-journal", type=click.Choice(["never-signed", "lost"]), help="Begin a journal: for a key that has "
              "signed nothing for this oracle; or in place of a lost one, which signs nothing for an hour.")
@click.option("--history", type=FILE, help="Prices (CSV) to hold its parameters against, as of `epoch check` (G13).  "
              "[default: the epoch's own]")
@click.option("--out", type=OUTPUT, required=True, help="Signature file to write, for whoever publishes.")
@reporting
def sign(deployment: Path, endpoint: Endpoint, epoch: Path, previous: Path | None, first: bool,
         collateral: Path | None, valid_for: int, allow_trial: bool, proposed: Path | None, journal: Path | None,
         new_journal: str | None, history: Path | None, out: Path) -> Outcome:
    """Rebuild an epoch as `epoch check` does, hold it against the chain, and sign its content (publisher).

    A second content in the same place is not signed before the deadline of the first is over: it would cost the stake.
    """
    from .. import signing, signing_journal
    signer = endpoint.signer()
    _, there = opened(deployment, endpoint)
    given = None if proposed is None else _read_content(proposed)
    found = _propose(there, epoch, previous, first, collateral, valid_for, allow_trial, given)
    owner = signing.owner_of(there.oracle, signer.address)
    path = signing_journal.default_path(owner) if journal is None else journal
    report = signing.require_stands(found, history=history, progress=progress)
    if new_journal is not None:
        signing.begin_journal(path, owner, there.oracle, "lost" if new_journal == "lost" else "never-signed")
    signed = signing.sign(found.content, there.oracle, signer, path, patience=endpoint.timeout)
    signed.save(out)
    told = [*report.remarks, *(f"CHANGED: {change}" for change in report.changes), *_remarks(there, found)]
    return Outcome({"path": str(out), "signer": signed.signer, "digest": "0x" + found.content.digest().hex(),
                    "content": found.content.to_json(), "journal": str(path), "remarks": told},
                   [*told, *_told(found), f"{out}: signed by {signed.signer}; nothing else is, in its place, before "
                    f"{_time(found.content.deadline)}"])


@oracle.command("publish")
@click.argument("signatures", type=FILE, nargs=-1, required=True)
@DEPLOYMENT
@talking_to_a_node(sends=True)
@reporting
def publish(signatures: tuple[Path, ...], deployment: Path, endpoint: Endpoint) -> Outcome:
    """Publish the epoch that a quorum signed in the files SIGNATURES; anyone may.  Each is looked at before anything is
    sent."""
    from .. import signing
    _, there = opened(deployment, endpoint)
    done = signing.publish(signatures, there.oracle)
    stood = "none needed: it is published already"
    return Outcome({"epoch_id": done.content.id, "root": str(done.content.root), "signers": list(done.signers),
                    "outcome": "published" if done.receipt else "already published", **_sent(done.receipt)},
                   table([("epoch_id", f"{done.content.id} ({_time(done.content.id)})"), ("root", done.content.root),
                          ("signers", ", ".join(done.signers)),
                          ("transaction", done.receipt.transaction if done.receipt else stood)]))


@oracle.command("answer")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@EPOCH_ID
@KIND
@LEAF_ID
@EPOCH
@KEYS
@reporting
def answer(deployment: Path, endpoint: Endpoint, epoch_id: int, kind: str, leaf_id: int, epoch: Path,
           keys: tuple[Path, ...]) -> Outcome:
    """Show a leaf that was demanded, by a proof; anyone may, and the bond is the sender's."""
    from .. import watching
    from ..leaf_proofs import LeafProver
    _, there = opened(deployment, endpoint)
    held = _published(there, epoch_id, epoch)
    receipt = watching.answer(there.court, LeafProver(keys, progress=progress), epoch_id, held.leaves, _tag(kind),
                              leaf_id)
    return Outcome({"epoch_id": epoch_id, "kind": kind, "id": str(leaf_id), **_sent(receipt)},
                   table([("shown", f"{kind} of id {leaf_id}"), ("transaction", receipt.transaction)]))


@oracle.group("release")
def release() -> None:
    """Say, as a quorum, that nobody holds what a demanded leaf was of (publisher)."""


@release.command("sign")
@DEPLOYMENT
@talking_to_a_node(signs=True)
@EPOCH_ID
@click.option("--kind", type=click.Choice(["leaf", "mark"]), default="leaf", show_default=True, help="Kind of leaf.")
@LEAF_ID
@EPOCH
@click.option("--listed", type=FILE, required=True, help="Directory of the earlier epoch that lists it.")
@click.option("--out", type=OUTPUT, required=True, help="Release file to write, for whoever sends them.")
@reporting
def sign_release(deployment: Path, endpoint: Endpoint, epoch_id: int, kind: str, leaf_id: int, epoch: Path,
                 listed: Path, out: Path) -> Outcome:
    """Sign that a leaf may be missing in a published epoch, whose book must have released it."""
    from .. import epochs
    from ..freezing import Release, require_released
    signer = endpoint.signer()
    _, there = opened(deployment, endpoint)
    held, tag = _published(there, epoch_id, epoch), _tag(kind)
    require_released(held.epoch, epochs.read(listed), tag, leaf_id, epoch)
    seated = there.oracle.signers().signers
    if signer.address not in seated:
        raise BadInput("signer", signer.address, f"one of the set in force: {', '.join(seated)}")
    message = there.oracle.domain.release(epoch_id, tag, leaf_id)
    Release(there.chain.chain_id, there.oracle.address, epoch_id, signer.address, signer.sign_message(message), tag,
            leaf_id).save(out)
    return Outcome({"path": str(out), "signer": signer.address, "epoch_id": epoch_id, "kind": kind, "id": str(leaf_id)},
                   [f"{out}: {signer.address} signs that the {kind} of id {leaf_id} may be missing in epoch "
                    f"{epoch_id}"])


@release.command("send")
@click.argument("signatures", type=FILE, nargs=-1, required=True)
@DEPLOYMENT
@talking_to_a_node(sends=True)
@reporting
def send_release(signatures: tuple[Path, ...], deployment: Path, endpoint: Endpoint) -> Outcome:
    """Answer a demand by the releases that a quorum signed in the files SIGNATURES; anyone may. The bond is nobody's.
    Exit code 1 if they are too few."""
    from primitives.poseidon import Tag

    from ..freezing import Release
    from ..quorums import TooFew, quorum_of
    _, there = opened(deployment, endpoint)
    given = {path: Release.load(path) for path in signatures}
    first = next(iter(given.values()))
    for path, one in given.items():
        one.require(there.oracle.domain, path, epoch_id=first.epoch_id, kind=first.kind, leaf_id=first.leaf_id)
    facts = {"epoch_id": first.epoch_id, "kind": Tag(first.kind).name.lower(), "id": str(first.leaf_id)}
    message = first.message(there.oracle.domain)
    try:
        chosen = quorum_of(message, {path: (one.signer, one.signature) for path, one in given.items()}, there.oracle)
    except TooFew as few:
        return Outcome({**facts, "signatures": few.given, "quorum": few.needed, "transaction": None},
                       [f"NOT released: {few.given} signatures of {few.needed}."], False)
    receipt = there.court.answer_released(first.epoch_id, first.kind, first.leaf_id, chosen.generation, chosen.data)
    return Outcome({**facts, "signers": list(chosen.signers), **_sent(receipt)},
                   table([("released", f"{facts['kind']} of id {first.leaf_id}"), ("epoch", moment(first.epoch_id)),
                          ("transaction", receipt.transaction)]))


# -- watchers ----------------------------------------------------------------------------------------------------------
@oracle.command("watch")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--epochs", "folders", type=FILE, multiple=True, required=True, help="Epoch directory, or folder of "
              "such: your own builds, and what publishers published. May be given several times, and fill meanwhile.")
@KEYS
@COLLATERAL
@click.option("--once", is_flag=True, help="Look once; exit code 1 if an epoch does not stand.")
@click.option("--every", type=Integer(1, 3_600), default=15, show_default=True, help="Seconds between looks.")
@click.option("--state", type=CONTINUED, help="File that remembers which epochs need no look any more.")
@click.option("--demand-unseen", type=Integer(0, 1_200), help="Demand the null leaf of an epoch that no "
              "directory gives after so many live seconds; publishers who show it have the bond.  [default: only tell]")
@click.option("--answer", "answers", type=click.Choice(["paid", "always", "never"]), default="paid", show_default=True,
              help="Demands of others to answer, where nothing in the epoch is false: those whose bond pays for it, "
              "which is then the sender's; all (publishers); none.")
@click.option("--tell-only", is_flag=True, help="Refute, demand and answer nothing.")
@reporting
def watch(deployment: Path, endpoint: Endpoint, folders: tuple[Path, ...], keys: tuple[Path, ...],
          collateral: Path | None, once: bool, every: int, state: Path | None, demand_unseen: int | None,
          answers: Answers, tell_only: bool) -> Outcome:
    """Compare every published epoch with what it should be; refute a false one, demand a missing leaf, tell the rest.

    An honest epoch costs nothing. A false leaf is proven by a key of its kind, shown to the court, and its signers are
    slashed; the reward is the sender's (`oracle settle --claim-to`).
    """
    from risk.epochs.provenance import read_source

    from ..leaf_proofs import LeafProver
    from ..watching import Library, Watch
    if not once and (endpoint.dry_run or endpoint.calldata is not None):
        raise BadInput("--dry-run and --calldata", Said("given"), "given with --once: "
                       "what is not sent is found again and again")
    _, there = opened(deployment, endpoint)
    settled = _read_state(state, there)
    watcher = Watch(there.oracle, there.court, LeafProver(keys, progress=progress), Library(folders),
                    demand_unseen=demand_unseen, acts=not tell_only, answers=answers, progress=progress,
                    collateral=None if collateral is None else read_source(collateral))
    if not once:
        _follow(watcher, settled, every, state, there)
    found = watcher.round(frozenset(settled))
    for path, why in watcher.library.unreadable.items():
        say(f"warning: {path} is no epoch: {why}")
    settled |= {judged.epoch_id for judged in found if judged.settled}
    if not (endpoint.dry_run or endpoint.calldata is not None):
        _write_state(state, there, settled)
    calls = [action.call for judged in found for action in judged.actions if action.call is not None]
    if endpoint.calldata is not None and calls:
        write_calldata(calls[0], endpoint.calldata)
    return Outcome({"epochs": [judged.to_json() for judged in found]},
                   [line for judged in found for line in _lines(judged)] or ["nothing that is not settled"],
                   all(judged.verdict == "stands" for judged in found))


def _follow(watcher: Watch, settled: set[int], every: int, state: Path | None, there: Contracts) -> None:
    """Until somebody interrupts it: what changes is said on stderr."""
    from ..watching import following
    said: dict[int, list[str]] = {}
    for found in following(watcher, settled, every=every):
        for judged in found:
            lines = _lines(judged)
            if said.get(judged.epoch_id) != lines:
                for line in lines:
                    say(line)
            said[judged.epoch_id] = lines
        _write_state(state, there, settled)


@oracle.command("leaves")
@EPOCH
@click.option("--out", type=OUTPUT, required=True, help="Leaves file to write.")
@reporting
def write_leaves(epoch: Path, out: Path) -> Outcome:
    """Write the leaves of an epoch directory, true or false, as `oracle challenge --leaves` takes them."""
    from .. import epochs, raw_leaves
    from ..epoch_leaves import EpochLeaves
    made = EpochLeaves.of(epochs.read(epoch))
    raw_leaves.save(made, out)
    counts = {kind.name.lower(): len(rows) for kind, rows in made.rows.items()}
    return Outcome({"path": str(out), "root": str(made.root), "leaves": counts},
                   table([("root", made.root), *counts.items(), ("written to", out)]))


@oracle.command("challenge")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@EPOCH_ID
@click.option("--epoch", type=FILE, help="Epoch directory of its root.")
@click.option("--leaves", "leaves_file", type=FILE, help="Instead: a file of its leaves, for what no directory holds.")
@KEYS
@COLLATERAL
@click.option("--listed", type=FILE, help="Epoch directory whose rows were signed, if they are not this one's.")
@click.option("--show", multiple=True, metavar="KIND:ID:ELEMENT", help="Show these elements (at most two) instead of "
              "the first that is found false.")
@reporting
def challenge(deployment: Path, endpoint: Endpoint, epoch_id: int, epoch: Path | None, leaves_file: Path | None,
              keys: tuple[Path, ...], collateral: Path | None, listed: Path | None, show: tuple[str, ...]) -> Outcome:
    """Refute a published epoch by hand, by the leaves of its root.  Exit code 1 if nothing is false."""
    from risk.epochs.provenance import read_source

    from .. import epochs, watching
    from ..epoch_contents import factors_of
    from ..epoch_leaves import EpochLeaves
    from ..leaf_proofs import LeafProver
    if (epoch is None) == (leaves_file is None):
        raise BadInput("--epoch and --leaves", (epoch and str(epoch), leaves_file and str(leaves_file)), "one of them")
    _, there = opened(deployment, endpoint)
    signed = there.oracle.content_of(epoch_id)
    by = None if listed is None else epochs.read(listed)
    rows = None if by is None else EpochLeaves.of(by)
    if epoch is not None:
        held = _published(there, epoch_id, epoch)
        by, leaves = held.epoch, held.leaves
    else:
        assert leaves_file is not None
        leaves = _leaves(there, epoch_id, leaves_file)
    factors = None if by is None else factors_of(by, None if collateral is None else read_source(collateral))
    found = _shown_by_hand(there, leaves, show) if show else _first_false(there, leaves, signed, rows, factors)
    if found is None:
        return Outcome({"epoch_id": epoch_id, "false": None, "transaction": None},
                       ["Nothing in it is false that the court could be shown."], False)
    receipt = watching.challenge(there.court, LeafProver(keys, progress=progress), epoch_id, leaves, found,
                                 content=signed, listed=rows, factors=factors)
    return Outcome({"epoch_id": epoch_id, "false": found.what, "function": found.function, **_sent(receipt)},
                   [found.what, *table([("refuted", f"epoch {epoch_id}"), ("transaction", receipt.transaction)]),
                    "its signers are slashed by `tailproof oracle settle`"])


@oracle.command("demand")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@EPOCH_ID
@KIND
@LEAF_ID
@click.option("--listed", type=FILE, help="Epoch directory that lists the leaf; none is needed for a null leaf.")
@click.option("--listed-in", type=Integer(1, (1 << 40) - 1), help="Id of the final epoch that it is listed in.  "
              "[default: the epoch itself]")
@click.option("--bond", type=Integer(1), help="Wei to bring.  [default: a quarter more than is needed]")
@reporting
def demand(deployment: Path, endpoint: Endpoint, epoch_id: int, kind: str, leaf_id: int, listed: Path | None,
           listed_in: int | None, bond: int | None) -> Outcome:
    """Demand to be shown a leaf; unanswered within 20 live minutes, the epoch is frozen for good (`oracle settle`).

    The bond comes back then; it goes to whoever answers.
    """
    from .. import watching
    _, there = opened(deployment, endpoint)
    listing = None if listed is None else _listing(there, listed, listed_in or epoch_id, _tag(kind), leaf_id)
    receipt = watching.demand(there.court, epoch_id, _tag(kind), leaf_id, listing, bond=bond)
    made = there.court.demand_of(epoch_id, _tag(kind), leaf_id)
    return Outcome({"epoch_id": epoch_id, "kind": kind, "id": str(leaf_id), "bond": str(made.bond), "due": made.due,
                    **_sent(receipt)},
                   table([("demanded", f"{kind} of id {leaf_id}"), ("bond", f"{made.bond} wei"),
                          ("due", f"live second {made.due}"), ("transaction", receipt.transaction)]))


@oracle.command("settle")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--epoch-id", type=Integer(1, (1 << 40) - 1), help="Epoch that was refuted, or that leaves were "
              "demanded of.")
@KIND
@click.option("--id", "leaf_id", type=Integer(0), help="Close the demand of this leaf: the epoch is frozen, the "
              "bond goes back.")
@click.option("--claim-to", type=ADDRESS, help="Have what is owed to the sender (rewards, bonds) paid to this address.")
@reporting
def settle(deployment: Path, endpoint: Endpoint, epoch_id: int | None, kind: str, leaf_id: int | None,
           claim_to: str | None) -> Outcome:
    """Slash who signed a refuted epoch, close a demand that nobody answered, or claim what is owed; anyone may."""
    if (epoch_id is None) == (claim_to is None):
        raise BadInput("--epoch-id and --claim-to", (epoch_id, claim_to), "one of them given")
    if leaf_id is not None and epoch_id is None:
        raise BadInput("--id", leaf_id, "given with --epoch-id")
    _, there = opened(deployment, endpoint)
    court = there.court
    if claim_to is not None:
        owed = court.owed_to(there.chain.default_sender())
        receipt, what = court.claim(claim_to), f"{owed} wei paid to {claim_to}"
    elif leaf_id is not None:
        assert epoch_id is not None
        receipt, what = court.close_demand(epoch_id, _tag(kind), leaf_id), f"demand of {kind} {leaf_id} closed"
    else:
        assert epoch_id is not None
        receipt, what = court.settle_refutation(epoch_id), f"signers of epoch {epoch_id} slashed"
    return Outcome({"done": what, **_sent(receipt)}, table([("done", what), ("transaction", receipt.transaction)]))


# -- what they share ---------------------------------------------------------------------------------------------------
def _propose(there: Contracts, epoch: Path, previous: Path | None, first: bool, collateral: Path | None,
             valid_for: int, allow_trial: bool, given: EpochContent | None) -> Candidate:
    from risk.epochs.provenance import read_source

    from .. import signing
    if first and previous is not None:
        raise BadInput("--first", True, "absent where --previous is given")
    return signing.propose(epoch, there.oracle, there.court, previous=previous, first=first,
                           collateral=None if collateral is None else read_source(collateral), valid_for=valid_for,
                           allow_trial=allow_trial, given=given)


def _read_content(path: Path) -> EpochContent:
    from verifier_contracts.epoch_content import EpochContent
    return EpochContent.from_json(jsonio.Node.read(path))


def _published(there: Contracts, epoch_id: int, directory: Path) -> Held:
    """The leaves of a published epoch, true or false; raises BadInput if a directory does not give its root."""
    from .. import epochs
    from ..epoch_leaves import EpochLeaves
    from ..watching import Held
    epoch = epochs.read(directory)
    held = Held(directory, epoch, EpochLeaves.of(epoch))
    root = there.oracle.stored_root_of(epoch_id)[0]
    if held.leaves.root != root:
        raise BadInput("--epoch", str(held.leaves.root), f"the directory of epoch {epoch_id}, of root {root}",
                       source=directory)
    return held


def _leaves(there: Contracts, epoch_id: int, path: Path) -> EpochLeaves:
    """Of a file; raises BadInput if they are not those of a published epoch's root."""
    from .. import raw_leaves
    leaves, root = raw_leaves.load(path), there.oracle.stored_root_of(epoch_id)[0]
    if leaves.root != root:
        raise BadInput("--leaves", str(leaves.root), f"the leaves of epoch {epoch_id}, of root {root}", source=path)
    return leaves


def _first_false(there: Contracts, leaves: EpochLeaves, signed: EpochContent | None, rows: Any, factors: Any
                 ) -> Falsity | None:
    from verifier_contracts.keccak_tree import factors_hash

    from ..falsities import falsities
    if rows is not None and (signed is None or rows.data_tree.root != signed.data_root):
        raise BadInput("--listed", "0x" + rows.data_tree.root.hex(), "the directory whose rows were signed: "
                       f"{'unknown' if signed is None else '0x' + signed.data_root.hex()}")
    known = factors if signed and factors is not None and factors_hash(factors) == signed.factors_hash else None
    return next(falsities(leaves, there.court.leaf_layout(), content=signed, factors=known, listed=rows), None)


def _shown_by_hand(there: Contracts, leaves: EpochLeaves, show: Sequence[str]) -> Falsity | None:
    """What the user says is false, if it is."""
    from verifier_contracts.leaf_judge import Field, breaks_bound, contradict

    from ..falsities import Falsity
    from ..leaf_proofs import Shown
    if len(show) > 2:
        raise BadInput("--show", len(show), "given once or twice")
    shown, fields = [], []
    for text in show:
        kind, _, rest = text.partition(":")
        id, _, element = rest.partition(":")
        if kind not in KINDS or not (element.isdecimal() and element.isascii()):
            raise BadInput("--show", text, f"KIND:ID:ELEMENT, with a kind of {', '.join(KINDS)}")
        tag, leaf_id = _tag(kind), read_element(id, "--show")
        place = leaves.place(tag, leaf_id)
        if place is None or int(element) >= len(leaves.rows[tag][place]):
            raise BadInput("--show", text, "a leaf and an element that the epoch holds")
        shown.append(Shown(tag, place, int(element)))
        fields.append(Field(tag, leaf_id, int(element), leaves.rows[tag][place][int(element)]))
    form = there.court.leaf_layout()
    false = breaks_bound(fields[0], form) if len(fields) == 1 else contradict(fields[0], fields[1], form)
    return Falsity("field", tuple(shown), f"{' and '.join(show)}: false") if false else None


def _listing(there: Contracts, directory: Path, epoch_id: int, kind: Tag, leaf_id: int) -> Listing:
    from .. import epochs
    from ..epoch_leaves import EpochLeaves
    leaves, signed = EpochLeaves.of(epochs.read(directory)), there.oracle.content_of(epoch_id)
    place = leaves.place(kind, leaf_id)
    if place is None:
        raise BadInput("--id", leaf_id, f"of a {kind.name} leaf that is listed", source=directory)
    if signed is None:
        raise BadInput("--listed-in", epoch_id, "an epoch whose content the node still has")
    return leaves.listing(signed, kind, leaves.rows[kind][place])


def _read_state(path: Path | None, there: Contracts) -> set[int]:
    if path is None or not path.exists():
        return set()
    parts = jsonio.Node.read(path).document(WATCH_SCHEMA, {"chain_id", "oracle", "settled"})
    for name, found, wanted in (("chain_id", parts["chain_id"].value, there.chain.chain_id),
                                ("oracle", parts["oracle"].value, there.oracle.address)):
        if found != wanted:
            raise BadInput(name, found, f"{wanted}: this file remembers another oracle's epochs", source=path)
    return {entry.integer(1, (1 << 40) - 1) for entry in parts["settled"].array()}


def _write_state(path: Path | None, there: Contracts, settled: set[int]) -> None:
    if path is not None:
        jsonio.write(path, {"schema": WATCH_SCHEMA, "chain_id": there.chain.chain_id, "oracle": there.oracle.address,
                            "settled": sorted(settled)[-256:]}, over=True)


def _told(found: Candidate) -> list[str]:
    made = found.content
    return table([("epoch id", moment(made.id)), ("root", made.root),
                  ("digest", "0x" + made.digest().hex()), ("prices of", f"{_time(found.valuation)}, "
                  f"{duration(made.id - found.valuation)} before"), ("marks", ", ".join(map(str, made.marks))),
                  ("regime", made.regime), ("lag", duration(made.lag_seconds))])


def _remarks(there: Contracts, found: Candidate) -> list[str]:
    """What a signature does not hold against it, and its signer should see."""
    age, remarks = found.content.id - found.valuation, list[str]()
    if age > there.ledger.max_epoch_age():
        remarks.append(f"OLD PRICES: they are of {_time(found.valuation)}, {duration(age)} before: proofs in it are "
                       "taken as fresh from its publication on, whatever the prices")
    if found.previous is None and found.superseded:
        remarks.append(f"NOT COMPARED with epoch {found.superseded}, the last that stands: what was listed there and "
                       "is not here stays unseen (E7)")
    return remarks


def _lines(judged: Judged) -> list[str]:
    if not judged.epoch_id:
        return judged.found
    return [f"epoch {judged.epoch_id}: {judged.verdict}", *(f"  {text}" for text in judged.found),
            *(f"  {action.name}: {action.receipt.transaction if action.receipt else 'would be sent'}"
              for action in judged.actions)]


def _sent(receipt: Receipt | None) -> dict[str, Any]:
    return {"transaction": None if receipt is None else receipt.transaction,
            "gas_used": 0 if receipt is None else receipt.gas_used}


def _tag(kind: str) -> Tag:
    from primitives.poseidon import Tag
    return {"leaf": Tag.LEAF, "asset": Tag.ASSET, "mark": Tag.MARK}[kind]


def _time(seconds: int) -> str:
    from risk.exact.clock import format_time
    return format_time(seconds)
