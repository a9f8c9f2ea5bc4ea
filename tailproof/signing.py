"""What a publisher does: look at an epoch, sign its content, and bring a quorum's signatures to the oracle.

A signature binds every trader and the signer's stake, and what is behind a root cannot be seen on the chain. So the
epoch is made again from its sources first, held against the one before it and against what the chain says; each signer
does so alone and compares what comes out, field by field, with what others propose.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from primitives import jsonio
from primitives.errors import BadInput, Said, TailproofError
from primitives.jsonio import Node
from risk.epochs.audit import AuditReport
from risk.epochs.build import FIRST
from verifier_contracts.addresses import read_address
from verifier_contracts.chain import Receipt
from verifier_contracts.epoch_content import EpochContent, OracleDomain
from verifier_contracts.errors import ContractRefused
from verifier_contracts.oracle import EpochCourt, RiskOracle, SignerSet
from verifier_contracts.signers import Signer

from . import epochs, signing_journal
from .epoch_contents import content_of
from .epoch_leaves import EpochLeaves, require_layout
from .number_forms import duration
from .progress import Progress, quiet
from .quorums import TooFew, quorum_of, require_signature
from .signing_journal import Journal, JournalDamaged, Owner

SCHEMA = "tailproof.epoch-signature/1"
KEPT = 64
"""Epochs whose contents the oracle keeps."""
LEAD = 60
"""Seconds by which a content's id may be ahead of this machine's clock. The chain's time is a node's word: one an hour
ahead would have contents signed that can still be published when a new journal believes that all of them are dead."""
JournalStart = Literal["never-signed", "lost"]


class EpochDoesNotStand(TailproofError):
    """An epoch was checked and must not be signed.  report : what is wrong with it."""

    checked_and_false = True

    def __init__(self, directory: Path, report: AuditReport) -> None:
        self.report = report
        first, *others = report.differences
        more = f", and {len(others)} more (`tailproof epoch check`)" if others else ""
        super().__init__(f"{directory}: the epoch does not stand, nothing was signed: {first}{more}")

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {"error": type(self).__name__, "message": str(self), **self.report.to_json()}


class OtherContent(TailproofError):
    """What is to be signed is not what this signer's epoch gives.  differing : by field, theirs and ours."""

    checked_and_false = True

    def __init__(self, differing: dict[str, tuple[Any, Any]]) -> None:
        self.differing = differing
        told = "; ".join(f"{name} is {theirs}, our epoch gives {ours}" for name, (theirs, ours) in differing.items())
        super().__init__(f"not signed: {told}")

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {"error": type(self).__name__, "message": str(self),
                "fields": {name: list(map(str, both)) for name, both in self.differing.items()}}


@dataclass(frozen=True)
class Candidate:
    """An epoch that was held against the chain.

    content : what would be signed.  valuation : when its prices are from.  previous : directory to check it against.
    superseded : id of the last epoch that stands if it has another root, else 0.
    """

    directory: Path
    content: EpochContent
    valuation: int
    previous: Path | None
    superseded: int = 0


def propose(directory: Path, oracle: RiskOracle, court: EpochCourt, *, previous: Path | None = None,
            first: bool = False, collateral: bytes | None = None, valid_for: int = 600,
            allow_trial: bool = False, given: EpochContent | None = None) -> Candidate:
    """The content of an epoch that could be published now, once nothing on the chain speaks against it.

    Parameters
    ----------
    previous : directory of the last epoch that stands; None only where there is none, or it has the same root.
    first : go on although nobody has that any more: what was listed there and is missing stays unseen (E7).
    collateral : as for `epoch_contents.factors_of`.
    valid_for : seconds from its id to its deadline, at most an hour.
    given : what somebody else proposes: its id and deadline are kept, all the rest must be the same. Its deadline is no
        later than one's own would be: until then its signers sign nothing else.

    Raises
    ------
    OtherContent : `given` is of something else.
    BadInput : a trial; another layout than the court's; the wrong epoch before it; prices of the future; a lag too
        short; too soon, or too late; good for longer than `valid_for`.
    """
    epoch = epochs.load(directory)
    if epoch.header.trial and not allow_trial:
        raise BadInput("purpose", Said("trial"),
                       "another than a trial's, whose seed was somebody's choice (E9); or --allow-trial, on a chain "
                       "to try on", source=directory)
    require_layout(epoch, court.leaf_layout())
    latest, before = oracle.latest_epoch_id(), standing(oracle)
    held = _require_previous(before, epoch.root, epoch.header.previous, previous, first, directory)
    now = oracle.chain.next_time()
    id, deadline = (now, now + valid_for) if given is None else (given.id, given.deadline)
    if deadline > id + valid_for:
        raise BadInput("deadline", deadline, f"at most {id + valid_for}, {duration(valid_for)} after its id: until "
                       "then nothing else is signed in its place (--valid-for)")
    if id <= latest or (latest and before and before[0] == latest and id < latest + oracle.min_interval()):
        earliest = latest + (oracle.min_interval() if before and before[0] == latest else 1)
        raise BadInput("id", id, f"at least {earliest}: epoch {latest} is the newest, and epochs keep their distance "
                       f"(it is {now})", source=oracle.chain.name)
    if id > now or now > deadline:
        raise BadInput("id and deadline", (id, deadline), f"around now, {now}: not of the future, and not over",
                       source=oracle.chain.name)
    if id > oracle.chain.clock() + LEAD:
        raise BadInput("id", id, f"at most {oracle.chain.clock() + LEAD}: by this machine's clock it is of the future",
                       source=oracle.chain.name)
    if epoch.header.timestamp > id:
        raise BadInput("valuation", epoch.header.timestamp, f"at most {id}, the epoch's id", source=directory)
    content = content_of(epoch, EpochLeaves.of(epoch), id, deadline, oracle.previous_content(), collateral=collateral)
    if given is not None and given != content:
        differing = {field.name: (_shown(getattr(given, field.name)), _shown(getattr(content, field.name)))
                     for field in fields(content) if getattr(given, field.name) != getattr(content, field.name)}
        raise OtherContent(differing)
    if content.lag_seconds < oracle.required_lag():
        raise BadInput("lag", content.lag_seconds, f"at least {oracle.required_lag()} seconds, which the oracle asks "
                       "of the scenarios' horizon", source=directory)
    superseded = before[0] if before is not None and before[1] != epoch.root else 0
    return Candidate(directory, content, epoch.header.timestamp, held, superseded)


def require_stands(candidate: Candidate, *, history: Path | None = None, progress: Progress = quiet) -> AuditReport:
    """Make a candidate's epoch again from its sources, as `tailproof epoch check` does.

    history : prices that the signer brings, by which its parameters are judged in place of its own (G13).

    Raises
    ------
    EpochDoesNotStand : they do not give it, it lacks what was listed before, or its parameters are no fit.
    BadInput : from the history.
    """
    report = epochs.check(candidate.directory, previous=candidate.previous, history=history, progress=progress)
    if not report.passed:
        raise EpochDoesNotStand(candidate.directory, report)
    if report.root != candidate.content.root:
        raise BadInput("root", str(report.root), f"{candidate.content.root}, as it was a moment ago",
                       source=candidate.directory)
    return report


def standing(oracle: RiskOracle) -> tuple[int, int] | None:
    """Id and root of the newest epoch that is not frozen for good; None: there is none."""
    id = oracle.latest_epoch_id()
    while id:
        root, frozen = oracle.stored_root_of(id)
        if not frozen:
            return id, root
        id = oracle.facts_of(id).previous_id
    return None


def _require_previous(before: tuple[int, int] | None, root: int, named: int, given: Path | None, first: bool,
                      directory: Path) -> Path | None:
    """The epoch to hold a new one against: the last that stands, which it must name (E7, E9)."""
    if before is None:
        if named != FIRST and given is None and not first:
            raise BadInput("--previous", None, f"given: this epoch names one before it (E9), of root {named}",
                           source=directory)
        return given
    id, standing = before
    if given is None:
        if first or standing == root:
            return None
        raise BadInput("--previous", None, f"the directory of epoch {id}, the last that stands (root {standing}): what "
                       "was listed there must be listed still (E7); or --first, where nobody has it any more")
    found = epochs.load(given).root
    if found != standing:
        raise BadInput("--previous", str(found), f"epoch {id}, the last that stands, of root {standing}", source=given)
    return None if standing == root else given


# -- signing -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class SignedContent:
    """A content, and one publisher's signature of it for one oracle."""

    chain_id: int
    oracle: str
    signer: str
    content: EpochContent
    signature: bytes

    def save(self, path: Path) -> None:
        """Write it for whoever brings the quorum."""
        jsonio.write(path, {"schema": SCHEMA, "chain_id": self.chain_id, "oracle": self.oracle, "signer": self.signer,
                            "content": self.content.to_json(), "signature": "0x" + self.signature.hex()})

    @classmethod
    def load(cls, path: Path) -> SignedContent:
        """Read what `save` wrote; raises BadInput naming the field."""
        return cls.of(Node.read(path))

    @classmethod
    def of(cls, node: Node) -> SignedContent:
        """The same of a document."""
        parts = node.document(SCHEMA, {"chain_id", "oracle", "signer", "content", "signature"})
        signature = parts["signature"].text(r"0x[0-9a-f]{130}", "0x and 130 hex digits")
        return cls(parts["chain_id"].integer(1, (1 << 53) - 1), read_address(parts["oracle"]),
                   read_address(parts["signer"]), EpochContent.from_json(parts["content"]),
                   bytes.fromhex(signature[2:]))


def begin_journal(path: Path, owner: Owner, oracle: RiskOracle, start: JournalStart) -> None:
    """Begin the journal of a signer.

    Raises
    ------
    BadInput : the chain has signatures of a key that is said to have never signed; or there is a journal.
    """
    if start == "never-signed":
        for id, _ in _signed_by(oracle, owner.signer):
            raise BadInput("--new-journal", start, f'"lost": the key of {owner.signer} signed epoch {id}')
        usual = signing_journal.default_path(owner)
        if os.path.lexists(usual) and not _same(usual, path):
            raise BadInput("--new-journal", start, f'"lost": there is a journal of {owner.signer} for this oracle, '
                           f"{usual}, and what that holds another would not know")
    # A node that is late would make the wait of a lost journal shorter, one that is early hide what was signed since.
    times = oracle.chain.next_time(), oracle.chain.clock()
    signing_journal.create(path, owner, min(times), never_signed=start == "never-signed",
                           ahead=max(times) - min(times) + LEAD)


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def sign(content: EpochContent, oracle: RiskOracle, signer: Signer, journal: Path, *,
         patience: float = 30.0) -> SignedContent:
    """Sign a content, once the journal says that nothing else was signed in its place.

    Raises
    ------
    Equivocation : something else was, and can still be published.
    JournalDamaged : the journal is lost or was tampered with, by itself or by what the chain has of this signer.
    JournalBusy : another process signs.
    BadInput : the signer is not of the set in force.
    """
    seated = oracle.signers()
    if signer.address not in seated.signers:
        raise BadInput("signer", signer.address, f"one of the set in force: {', '.join(seated.signers)}")
    owner, message = owner_of(oracle, signer.address), oracle.domain.content(content)
    with signing_journal.opened(journal, owner, patience) as kept:
        _require_complete(kept, oracle)
        kept.record(content, oracle.chain.next_time())
        signature = signer.sign_message(message)
    signed = SignedContent(owner.chain_id, owner.oracle, owner.signer, content, signature)
    require_signature(message, signed.signer, signature)
    return signed


def owner_of(oracle: RiskOracle, signer: str) -> Owner:
    """Whose journal a signer's for this oracle is."""
    return Owner(oracle.chain.chain_id, oracle.address, signer)


def _require_complete(journal: Journal, oracle: RiskOracle) -> None:
    """Hold the journal against what the chain has of its signer since it was begun: an old copy does not know it."""
    for id, digest in _signed_by(oracle, journal.owner.signer):
        if journal.holds(digest):
            return
        if id > max(journal.created, journal.free_after):
            raise JournalDamaged("--journal", str(journal.path), f"the one in which epoch {id} stands, that this key "
                                 "has signed: it is an old copy, or the key signs elsewhere too")


def _signed_by(oracle: RiskOracle, signer: str) -> Iterator[tuple[int, bytes]]:
    """Ids and digests of the epochs that the chain keeps with a signature of a publisher, newest first."""
    id, sets = oracle.latest_epoch_id(), dict[int, SignerSet]()
    for _ in range(KEPT):
        if not id:
            return
        facts = oracle.facts_of(id)
        if facts.generation not in sets:
            sets[facts.generation] = oracle.signers(facts.generation)
        seated = sets[facts.generation].signers
        if signer in seated and facts.signers >> seated.index(signer) & 1:
            yield id, oracle.content_digest_of(id)
        id = facts.previous_id


# -- publishing --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Publication:
    """A published epoch.  receipt : None if it was published already.  signers : whose signatures were brought."""

    content: EpochContent
    signers: tuple[str, ...]
    receipt: Receipt | None


def publish(files: Sequence[Path], oracle: RiskOracle) -> Publication:
    """Bring a quorum's signatures; each is looked at before anything is sent, and no more are sent than are needed.

    Raises
    ------
    BadInput : a file is of another content, chain or oracle, or its signature of another signer, not of the set,
        malleable (high s) or there twice; they are fewer than the quorum.
    ContractRefused : from the oracle.
    """
    return bring({path: SignedContent.load(path) for path in files}, oracle)


def bring(signed: Mapping[Path, SignedContent], oracle: RiskOracle) -> Publication:
    """`publish`, of what files said when they were read."""
    if not signed:
        raise BadInput("signatures", 0, "given: files that `oracle sign` wrote")
    content = next(iter(signed.values())).content
    for path, one in signed.items():
        if one.content != content:
            raise BadInput("content", "0x" + one.content.digest().hex(), f"0x{content.digest().hex()}, as in "
                           f"{next(iter(signed))}: a quorum signs one content", source=path)
        _require_same_oracle(one, oracle.domain, path)
    published = is_published(oracle, content)
    try:
        chosen = quorum_of(oracle.domain.content(content), {path: (one.signer, one.signature)
                                                           for path, one in signed.items()}, oracle)
    except TooFew:
        if not published:
            raise
        return Publication(content, tuple(one.signer for one in signed.values()), None)
    if published:
        return Publication(content, chosen.signers, None)
    return Publication(content, chosen.signers, oracle.publish(content, chosen.generation, chosen.data))


def is_published(oracle: RiskOracle, content: EpochContent) -> bool:
    """Whether the oracle has exactly this content."""
    try:
        return oracle.content_digest_of(content.id) == content.digest()
    except ContractRefused as refused:
        if refused.name not in ("UnknownEpoch", "ContentForgotten"):
            raise
        return False


def _require_same_oracle(signed: SignedContent, domain: OracleDomain, path: Path | None) -> None:
    for name, found, wanted in (("chain_id", signed.chain_id, domain.chain_id),
                                ("oracle", signed.oracle, domain.oracle)):
        if found != wanted:
            raise BadInput(name, found, f"{wanted}, which the signatures are brought to", source=path)


def _shown(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value

