"""Following an oracle: every published epoch is compared with what it should be, and a false one is refuted.

What is needed of an epoch is its leaves, under the root that is on the chain: the publishers' directory, or one's own
build, which for a true epoch has the same root. They are looked for in a library of directories. Then

- what the court can judge is shown to it: the leaf's proof is bound to whoever watches, sent, and the stakes settled;
- a leaf that publishers listed, and their own root lacks, is demanded;
- all else is told: no data for a root, an epoch that its sources do not give, another build of the same time.

Nothing is sent unless it was found false here first, by the leaves of the very root, and the chain has taken the call
without effect. So an honest epoch costs nothing, and is never challenged.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from primitives import jsonio
from primitives.errors import BadInput, TailproofError
from primitives.poseidon import Tag
from risk.epochs.audit import compare
from risk.epochs.epoch import Epoch
from risk.grid.grid_epoch import GridEpoch
from verifier_contracts.chain import Receipt
from verifier_contracts.epoch_content import EpochContent
from verifier_contracts.errors import Call, ContractRefused, Withheld
from verifier_contracts.keccak_tree import Factor, factors_hash
from verifier_contracts.oracle import (
    ANSWER,
    ANSWERS,
    PROOF_GAS,
    EpochCourt,
    EpochFacts,
    LeafDemand,
    LeafLayout,
    LeafProof,
    Listing,
    RiskOracle,
)

from . import epochs
from .epoch_contents import content_of, factors_of
from .epoch_leaves import EpochLeaves
from .epochs import AnyEpoch
from .falsities import Falsity, falsities, missing
from .leaf_proofs import LeafProver, Shown
from .progress import Progress, quiet

Verdict = Literal["stands", "false", "doubtful", "frozen", "refuted"]
Answers = Literal["paid", "always", "never"]
_MANIFESTS = ("grid.json", "manifest.json")
MOST_DEMANDS = 8
BOND_MARGIN = 5, 4
"""A bond brings a quarter more than is needed: the base fee may rise until it is mined. What is needed grows with each
demand of the epoch that is open already."""


@dataclass(frozen=True)
class Held:
    """An epoch in the library: right or wrong, as its files say."""

    path: Path
    epoch: AnyEpoch
    leaves: EpochLeaves


@dataclass(frozen=True)
class Action:
    """Something that was sent, or would be.  receipt : None if it was withheld; call : then what it is."""

    name: str
    receipt: Receipt | None
    call: Call | None = None

    def to_json(self) -> dict[str, Any]:
        sent = {} if self.receipt is None else {"transaction": self.receipt.transaction,
                                                "gas_used": self.receipt.gas_used}
        return {"action": self.name, **sent, **({} if self.call is None else {"call": self.call.to_json()})}


@dataclass
class Judged:
    """What was found of one epoch.

    verdict : stands; false (shown to the court, or it can be); doubtful (a human must look); frozen; refuted.
    found : what is wrong, or needs a human.  actions : what was done about it.
    settled : whether nothing remains to be done, however often one looks: it is final. What is frozen or refuted is
        looked at, at no cost, until a later one is final: a chain may change its end, and take that back.
    """

    epoch_id: int
    root: int
    verdict: Verdict = "stands"
    found: list[str] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    settled: bool = False

    def tell(self, text: str, verdict: Verdict = "doubtful") -> None:
        """Add a finding; "false" is not taken back to "doubtful"."""
        self.found.append(text)
        if self.verdict == "stands" or verdict == "false":
            self.verdict = verdict

    def to_json(self) -> dict[str, Any]:
        return {"epoch_id": self.epoch_id, "root": str(self.root), "verdict": self.verdict, "found": self.found,
                "actions": [action.to_json() for action in self.actions]}


class _Wanted(NamedTuple):
    """A leaf to demand.  listing : where it is listed, None for a null leaf.  what : for people."""

    kind: Tag
    id: int
    listing: Listing | None
    what: str


@dataclass
class _Indexed:
    """What is known of a directory without holding its numbers. claimed : root and valuation, as its manifest says;
    root, data_root : once its leaves were hashed."""

    stamp: float
    claimed: tuple[str, str]
    root: int | None = None
    data_root: bytes | None = None


class Library:
    """Epoch directories by what they are good for. Directories that appear later are found when it is looked in again.

    A manifest's word only says where to look first: a root counts once it was computed. Few epochs are held at a time.
    Others may write to a folder of directories: whatever one of them has, the others are found; no link among its files
    is followed, no pipe waited for.

    folders : epoch directories, or folders of such.  linked : whether those may be links to directories elsewhere.
    """

    HELD = 6

    def __init__(self, folders: Sequence[Path], *, linked: bool = True) -> None:
        self._folders, self._index, self._held = list(folders), dict[Path, _Indexed](), OrderedDict[Path, Held]()
        self._linked = linked
        self.unreadable: dict[Path, str] = {}

    def refresh(self) -> None:
        """See what is new or was changed; what cannot be read is remembered in `unreadable`."""
        found: dict[Path, _Indexed] = {}
        for path in self._directories():
            try:
                stamp = max(file.stat().st_mtime for file in (path, *path.iterdir()))
                known = self._index.get(path)
                if known is None or known.stamp != stamp:
                    self._held.pop(path, None)
                    self.unreadable.pop(path, None)
                    known = _Indexed(stamp, _claimed(path))
                found[path] = known
            except (BadInput, OSError) as error:
                self.unreadable[path] = str(error)
        self._index = found

    def claimed(self) -> Mapping[int, Path]:
        """Directories by the roots that their manifests say, which nobody has computed."""
        return {int(known.claimed[0]): path for path, known in self._index.items()
                if re.fullmatch(r"[0-9]{1,78}", known.claimed[0])}

    def by_root(self, root: int) -> Held | None:
        """The epoch of a root."""
        return next(self.all_of_root(root), None)

    def all_of_root(self, root: int) -> Iterator[Held]:
        """Every directory of a root: one of them may have beside its epoch what the next has not."""
        return (held for held in self._likely(lambda known: known.claimed[0] == str(root)) if held.leaves.root == root)

    def by_data_root(self, data_root: bytes) -> Held | None:
        """The epoch whose rows a signed tree has."""
        return next((held for held in self._likely(lambda known: known.data_root == data_root)
                     if held.leaves.data_tree.root == data_root), None)

    def of_the_time(self, held: Held) -> Iterator[Held]:
        """Other epochs of the same valuation, by their manifests."""
        told = self._index[held.path].claimed[1] if held.path in self._index else None
        for path, known in list(self._index.items()):
            if path != held.path and known.claimed[1] == told and (other := self._read(path)) is not None:
                yield other

    def _likely(self, first: Callable[[_Indexed], bool]) -> Iterator[Held]:
        """Every epoch: what is likely, what is held, what is not hashed yet (the newest first)."""
        paths = sorted(self._index, key=lambda path: (not first(self._index[path]), path not in self._held,
                                                      -self._index[path].stamp))
        for path in paths:
            known = self._index[path]
            if first(known) or path in self._held or known.root is None:
                found = self._read(path)
                if found is not None:
                    yield found

    def _read(self, path: Path) -> Held | None:
        if path in self._held:
            self._held.move_to_end(path)
            return self._held[path]
        try:
            epoch = epochs.read(path, foreign=True)
            held = Held(path, epoch, EpochLeaves.of(epoch))
        except Exception as error:                 # whoever wrote it has others not found by none of it
            self.unreadable[path] = str(error) if isinstance(error, BadInput | OSError) else \
                f"{type(error).__name__} when it was read"
            return None
        known = self._index[path]
        known.root, known.data_root = held.leaves.root, held.leaves.data_tree.root
        self._held[path] = held
        while len(self._held) > self.HELD:
            self._held.popitem(last=False)
        return held

    def _directories(self) -> Iterator[Path]:
        for folder in self._folders:
            for path in (folder, *(sorted(folder.iterdir()) if folder.is_dir() else ())):
                if (self._linked or not path.is_symlink()) and any((path / name).is_file() for name in _MANIFESTS):
                    yield path


def _claimed(directory: Path) -> tuple[str, str]:
    """Root and valuation, as manifests say; raises BadInput."""
    told = [jsonio.read(directory / name, foreign=True) for name in _MANIFESTS if (directory / name).is_file()]
    if (directory / "arrays" / "manifest.json").is_file():
        told.append(jsonio.read(directory / "arrays" / "manifest.json", foreign=True))
    if not told:                                   # it was moved away meanwhile
        raise BadInput("manifest", None, "there", source=directory)
    if not all(isinstance(document, dict) for document in told):
        raise BadInput("manifest", str(directory), "an object", source=directory)
    return str(told[0].get("root")), str(told[-1].get("timestamp"))


class Watch:
    """One watcher of one oracle.

    Parameters
    ----------
    prover : keys for leaves.  library : epochs to compare with.
    demand_unseen : after so many seconds without data for a root, demand its null leaf; None: only tell. The bond is
        lost if the data come late, and the publishers answer.
    acts : whether to send anything; else false epochs are only told.
    answers : demands of others that are answered, where nothing in the epoch is false: those whose bond pays for it,
        all, or none. Whoever publishes wants all answered; anybody else earns the bond.
    collateral : as for `epoch_contents.factors_of`.
    """

    def __init__(self, oracle: RiskOracle, court: EpochCourt, prover: LeafProver, library: Library, *,
                 demand_unseen: int | None = None, acts: bool = True, answers: Answers = "paid",
                 collateral: bytes | None = None, progress: Progress = quiet) -> None:
        self.oracle, self.court, self.prover, self.library = oracle, court, prover, library
        self._demand_unseen, self._acts, self._collateral, self._progress = demand_unseen, acts, collateral, progress
        self._form: LeafLayout | None = None
        self._answers = answers
        self._checked: dict[tuple[int, Path], list[str]] = {}
        self.unfinished: list[Judged] = []
        self._found: dict[tuple[object, ...], list[Falsity]] = {}

    @property
    def form(self) -> LeafLayout:
        """How the court reads leaves."""
        if self._form is None:
            self._form = self.court.leaf_layout()
        return self._form

    def unsettled(self, settled: frozenset[int] = frozenset(), most: int = 64) -> list[int]:
        """Ids of the epochs to look at, oldest first: newest to the last one that is final, without those settled."""
        found, id = list[int](), self.oracle.latest_epoch_id()
        while id and len(found) < most:
            if id not in settled:
                found.append(id)
            if self.oracle.is_final(id):
                break
            id = self.oracle.facts_of(id).previous_id
        return found[::-1]

    def round(self, settled: frozenset[int] = frozenset()) -> list[Judged]:
        """Look at every epoch that is not settled, once. What fails of one keeps nobody from looking at the next: who
        publishes a lie would publish something that cannot be judged before it.

        Raises
        ------
        NodeError, TransactionUndecided : from the node, once the others are seen; the next round goes on from the
            chain's state.
        """
        self.library.refresh()
        found, failed = list[Judged](), list[TailproofError]()
        for id in self.unsettled(settled):
            try:
                found.append(self.look(id))
            except TailproofError as error:
                if getattr(error, "try_again", False):
                    failed.append(error)
                else:
                    found.append(Judged(id, 0, "doubtful", [f"it could not be judged: {error}"]))
        if failed:
            self.unfinished = found
            raise failed[0]
        return found

    def look(self, epoch_id: int) -> Judged:
        """Judge one epoch, and do what is to be done about it."""
        (root, frozen), facts = self.oracle.stored_root_of(epoch_id), self.oracle.facts_of(epoch_id)
        judged = Judged(epoch_id, root)
        if facts.refuted:
            self._settle(judged)
            if facts.open_demands:
                self._take_back(judged)
            return judged
        content = self._content(epoch_id)
        held = self.library.by_root(root)
        listed = None if content is None else self.library.by_data_root(content.data_root)
        if content is None:
            judged.tell("what was signed is not known: neither the node nor the chain has it")
        if held is None:
            self._unseen(judged, facts, frozen, content, listed)
        elif not self._challenge(judged, held, content, listed) and not frozen:
            self._demand_missing(judged, held, content, listed, facts)
            self._compare(judged, held, content, listed)
        if facts.open_demands and frozen:
            self._take_back(judged)
        elif facts.open_demands and held is not None and (judged.verdict == "stands" or (
                judged.verdict == "doubtful" and self._answers == "always")):
            self._answer(judged, held)
        elif facts.open_demands:
            judged.tell(f"{facts.open_demands} leaves are demanded and not shown yet")
        if frozen and judged.verdict == "stands":
            judged.verdict = "frozen"
        judged.settled = judged.settled or (judged.verdict == "stands" and self.oracle.is_final(epoch_id))
        return judged

    # -- refuting ------------------------------------------------------------------------------------------------------
    def _challenge(self, judged: Judged, held: Held, content: EpochContent | None, listed: Held | None) -> bool:
        """Show the court what is false; returns whether there is anything."""
        factors = self._factors(held, content, listed)
        key = held.path, held.leaves.root, content, factors, None if listed is None else listed.path
        if key not in self._found:                 # an epoch is looked at many times until it is final
            self._found[key] = list(falsities(
                held.leaves, self.form, content=content, factors=factors,
                listed=None if listed is None or listed.path == held.path else listed.leaves))
        found = self._found[key]
        for falsity in found[:3]:
            judged.tell(f"FALSE: {falsity.what}", "false")
        if not found:
            return False
        able = [falsity for falsity in found if all(self.prover.can(held.leaves, one.kind) for one in falsity.shown)]
        if not able:
            kinds = sorted({one.kind.name for falsity in found for one in falsity.shown})
            judged.tell(f"it can be refuted by whoever has keys for leaves of kind {', '.join(kinds)} (--key)", "false")
        elif self._acts:
            self._refute(judged, able[0], held, content, listed, factors)
        return True

    def _refute(self, judged: Judged, falsity: Falsity, held: Held, content: EpochContent | None, listed: Held | None,
                factors: Sequence[Factor] | None) -> None:
        try:
            receipt = challenge(self.court, self.prover, judged.epoch_id, held.leaves, falsity, content=content,
                                listed=None if listed is None else listed.leaves, factors=factors)
        except Withheld as withheld:
            judged.actions.append(Action("challenge", None, withheld.call))
            return
        except ContractRefused as refused:
            if refused.name != "AlreadyRefuted":   # somebody was faster: as good
                raise
            judged.verdict = "refuted"
            return
        judged.actions.append(Action("challenge", receipt))
        self._settle(judged)

    def _settle(self, judged: Judged) -> None:
        """Have the signers of a refuted epoch slashed, where the reward is ours."""
        judged.verdict = "refuted"
        challenger = self.court.refuter_of(judged.epoch_id)[0]
        if not self._acts or challenger != self._me():
            return
        try:
            judged.actions.append(Action("settle", self.court.settle_refutation(judged.epoch_id)))
        except Withheld as withheld:
            judged.actions.append(Action("settle", None, withheld.call))
        except ContractRefused as refused:
            if refused.name != "NotRefuted":       # somebody has settled it: the reward is owed all the same
                raise

    def _me(self) -> str | None:
        try:
            return self.court.chain.default_sender()
        except BadInput:
            return None

    # -- demanding -----------------------------------------------------------------------------------------------------
    def _demand_missing(self, judged: Judged, held: Held, content: EpochContent | None, listed: Held | None,
                        facts: EpochFacts) -> None:
        """Demand what publishers have listed and the root does not hold, first in this epoch's own list."""
        wanted = [_Wanted(kind, 0, None, f"the null leaf {kind.name} is not in it (E1)")
                  for kind in (Tag.LEAF, *((Tag.ASSET,) if Tag.ASSET in held.leaves.rows else ()))
                  if held.leaves.place(kind, 0) is None]
        if content is not None and listed is not None:
            wanted += [_Wanted(kind, row[0], listed.leaves.listing(content, kind, row),
                               f"leaf {kind.name} of id {row[0]} is listed, and not in it")
                       for kind, row in missing(held.leaves, listed.leaves)]
        before = self._final_before(facts)
        if before is not None:
            earlier, its = before
            gone = epochs.released_ids(held.epoch, its.epoch)
            wanted += [_Wanted(kind, row[0], its.leaves.listing(earlier, kind, row),
                               f"leaf {kind.name} of id {row[0]} was listed in epoch {earlier.id}, and is not in it "
                               "(E7)")
                       for kind, row in missing(held.leaves, its.leaves) if row[0] not in gone]
        if wanted:
            self._demand(judged, wanted)

    def _final_before(self, facts: EpochFacts) -> tuple[EpochContent, Held] | None:
        """The newest final epoch before one, if its list is at hand."""
        id = facts.previous_id
        while id and not self.oracle.is_final(id):
            id = self.oracle.facts_of(id).previous_id
        content = self._content(id) if id else None
        its = None if content is None else self.library.by_data_root(content.data_root)
        return None if content is None or its is None else (content, its)

    def _demand(self, judged: Judged, wanted: Sequence[_Wanted]) -> None:
        """Demand the first of some leaves, or close what nobody has shown in time.

        One at a time: one that is not shown freezes the epoch. A quorum that has left many out, and releases each,
        would have all their bonds, of which each costs more than the one before; what it has released is not demanded
        again.
        """
        for one in wanted:
            judged.tell(f"MISSING: {one.what}", "false")
        if not self._acts:
            return
        released = {(demand.kind, demand.id) for demand in self.court.demands_of(judged.epoch_id) if demand.released}
        live, fresh = self.oracle.live_time(), list[_Wanted]()
        for one in wanted:
            open_ = self.court.demand_of(judged.epoch_id, one.kind, one.id)
            if open_.bond:
                if live > open_.due:
                    self._asked(judged, "close demand", one)
                return
            if (one.kind, one.id) in released:
                judged.tell(f"RELEASED: {one.what}; a quorum says that nobody holds it", "false")
            else:
                fresh.append(one)
        for one in fresh:
            if self._asked(judged, "demand", one):
                return

    def _asked(self, judged: Judged, name: str, one: _Wanted) -> bool:
        """Send a demand, or the end of one; whether it was sent, or would be."""
        try:
            receipt = demand(self.court, judged.epoch_id, one.kind, one.id, one.listing) if name == "demand" else \
                self.court.close_demand(judged.epoch_id, one.kind, one.id)
        except Withheld as withheld:
            judged.actions.append(Action(name, None, withheld.call))
        except ContractRefused as refused:
            if refused.name not in ("AlreadyDemanded", "DemandTooLate", "FrozenEpoch", "NoVerifier", "NotDemanded",
                                    "AnswerNotDue"):
                raise
            judged.tell(f"{name}: {refused.name}", "false")
            return False
        else:
            judged.actions.append(Action(name, receipt))
        return True

    def _answer(self, judged: Judged, held: Held) -> None:
        """Show leaves that others demand of an epoch in which nothing is false: their bonds pay for more than that."""
        for one in self.court.demands_of(judged.epoch_id):
            if not one.open:
                continue
            what = f"leaf {Tag(one.kind).name} of id {one.id} is demanded"
            if held.leaves.place(Tag(one.kind), one.id) is None:
                judged.tell(f"{what}, and is not in it: a quorum releases it (`oracle release`), or it freezes")
            elif not self.prover.can(held.leaves, Tag(one.kind)):
                judged.tell(f"{what}: it can be shown by whoever has a key for leaves of that kind (--key)")
            elif not self._acts or self._answers == "never":
                judged.tell(f"{what}, and not shown yet: `tailproof oracle answer`")
            elif self._answers == "paid" and not self._pays(judged, one):
                judged.tell(f"{what}, and its bond of {self.court.demand_of(judged.epoch_id, one.kind, one.id).bond} "
                            "wei does not pay for an answer now (--answer always)")
            else:
                self._show(judged, held, one, what)

    def _pays(self, judged: Judged, one: LeafDemand) -> bool:
        """Whether a bond pays for an answer twice: the base fee may rise until it is mined."""
        return self.court.demand_of(judged.epoch_id, one.kind, one.id).bond >= 2 * self.court.bond_needed() // ANSWERS

    def _show(self, judged: Judged, held: Held, one: LeafDemand, what: str) -> None:
        try:
            receipt = answer(self.court, self.prover, judged.epoch_id, held.leaves, Tag(one.kind), one.id)
        except Withheld as withheld:
            judged.actions.append(Action("answer", None, withheld.call))
        except ContractRefused as refused:
            if refused.name not in ("NotDemanded", "AnswerTooLate"):           # somebody was faster, or nobody was
                raise
            judged.tell(f"{what}: {refused.name}")
        else:
            judged.actions.append(Action("answer", receipt))

    def _take_back(self, judged: Judged) -> None:
        """Have bonds of ours back that are kept for an epoch that is frozen for good."""
        me = self._me()
        for one in self.court.demands_of(judged.epoch_id):
            if one.open and self._acts and self.court.demand_of(judged.epoch_id, one.kind, one.id).demander == me:
                self._asked(judged, "close demand", _Wanted(Tag(one.kind), one.id, None, ""))

    def _unseen(self, judged: Judged, facts: EpochFacts, frozen: bool, content: EpochContent | None,
                listed: Held | None) -> None:
        """No leaves for a root: nobody here can prove anything about it."""
        judged.tell("NO DATA: no directory gives this root. Whoever holds anything under it can prove nothing: get the "
                    "publishers' directory, and if there is none, have a guardian hold the epoch")
        if listed is not None:
            judged.tell(f"its rows are those of {listed.path}, its root is not: what was signed cannot both be true")
        late = self.oracle.live_time() - facts.live_at
        if not frozen and self._demand_unseen is not None and late >= self._demand_unseen:
            self._demand(judged, [_Wanted(Tag.LEAF, 0, None, f"nobody has shown data for {late} live seconds")])

    # -- comparing -----------------------------------------------------------------------------------------------------
    def _compare(self, judged: Judged, held: Held, content: EpochContent | None, listed: Held | None) -> None:
        """Tell what no proof can show: sources that give another epoch, a content that is not the epoch's."""
        key = judged.root, held.path
        if key not in self._checked:
            self._checked[key] = list(self._rebuilt(held))
        for line in self._checked[key]:
            judged.tell(line)
        if content is None:
            return
        if listed is None:
            judged.tell("OTHER ROWS: the signed tree of rows is of none that is known here")
        try:
            ours = content_of(held.epoch, held.leaves, content.id, content.deadline, content.previous,
                              collateral=self._collateral)
        except BadInput as error:
            judged.tell(f"what it should say cannot be told: {error}")
            return
        for name in ("model_id", "factors_hash", "marks", "regime", "lag_seconds"):
            theirs, wanted = getattr(content, name), getattr(ours, name)
            if theirs != wanted:
                judged.tell(f"DIFFERS: {name} was signed as {_plain(theirs)}, the epoch gives {_plain(wanted)}")

    def _rebuilt(self, held: Held) -> Iterator[str]:
        """What its own sources, the epoch before it and other builds of the same time say against an epoch."""
        before = self.library.by_root(held.epoch.header.previous)
        report = epochs.check(held.path, previous=None if before is None else before.path, progress=self._progress)
        for difference in report.differences:
            yield f"DIFFERS: {difference}"
        for other in self.library.of_the_time(held):
            if other.leaves.root != held.leaves.root and other.epoch.header.venue == held.epoch.header.venue:
                differences = list(_between(held.epoch, other.epoch))
                if differences:
                    yield f"ANOTHER BUILD, {other.path}, differs: {differences[0]}, and {len(differences) - 1} more"

    def _content(self, epoch_id: int) -> EpochContent | None:
        return self.oracle.content_of(epoch_id)

    def _factors(self, held: Held, content: EpochContent | None, listed: Held | None) -> tuple[Factor, ...] | None:
        """The list that was signed, where somebody here has it."""
        if content is None:
            return None
        for one in (held, listed):
            try:
                found = None if one is None else factors_of(one.epoch, self._collateral)
                if found is not None and factors_hash(found) == content.factors_hash:
                    return found
            except BadInput:
                continue
        return None


# -- by hand or by itself ----------------------------------------------------------------------------------------------
def challenge(court: EpochCourt, prover: LeafProver, epoch_id: int, leaves: EpochLeaves, falsity: Falsity, *,
              content: EpochContent | None = None, listed: EpochLeaves | None = None,
              factors: Sequence[Factor] | None = None) -> Receipt:
    """Prove what is false for the chain's sender, and show it to the court.

    content, listed, factors : what was signed, where the challenge is about that.

    Raises
    ------
    BadInput : no key for these leaves, or another than the one in force.
    ContractRefused, NodeError : from the court.
    """
    sender = court.chain.default_sender()
    proofs = [_proof(court, prover, epoch_id, leaves, falsity, n, sender) for n in range(len(falsity.shown))]
    if falsity.function == "field":
        return court.challenge_field(epoch_id, proofs)
    if falsity.function == "factors" and factors is not None:
        return court.challenge_factors(epoch_id, factors)
    if falsity.function == "factor" and factors is not None:
        return court.challenge_factor(epoch_id, proofs[0], factors)
    if falsity.function == "marks" and content is not None:
        return court.challenge_marks(epoch_id, proofs[0], proofs[1], content)
    if content is None or listed is None or falsity.row is None:
        raise BadInput("content", None, f"known for a challenge of {falsity.function}")
    return court.challenge_row(epoch_id, proofs[0], listed.listing(content, falsity.shown[0].kind, falsity.row))


def demand(court: EpochCourt, epoch_id: int, kind: int, id: int, listing: Listing | None, *,
           bond: int | None = None) -> Receipt:
    """Demand to be shown a leaf.

    bond : wei; by default a quarter more than is needed. What is needed is the node's word, and more than is needed is
        kept with the bond: so by default at most what so many demands cost at the highest fee that may be paid.

    Raises
    ------
    BadInput : more is needed than that.
    """
    if bond is None:
        bond = court.bond_needed(epoch_id) * BOND_MARGIN[0] // BOND_MARGIN[1]
        most = MOST_DEMANDS * ANSWERS * PROOF_GAS * court.chain.highest_fee
        if bond > most:
            raise BadInput("bond", bond, f"at most {most} wei, {MOST_DEMANDS} bonds at the highest fee that may be "
                           "paid (--max-fee); or given by hand (`oracle demand --bond`)", source=court.chain.name)
    return court.demand(epoch_id, kind, id, listing, bond=bond)


def answer(court: EpochCourt, prover: LeafProver, epoch_id: int, leaves: EpochLeaves, kind: Tag, id: int) -> Receipt:
    """Show a leaf that is demanded; the bond is the chain's sender's.

    Raises
    ------
    BadInput : the epoch does not hold it, or as for `challenge`.
    """
    place = leaves.place(kind, id)
    if place is None:
        raise BadInput("--id", id, f"of a leaf of kind {kind.name} that the epoch holds")
    context = court.context(court.chain.default_sender(), epoch_id, kind, ANSWER)
    return court.answer(epoch_id, prover.prove(leaves, Shown(kind, place, 0), context))


def _proof(court: EpochCourt, prover: LeafProver, epoch_id: int, leaves: EpochLeaves, falsity: Falsity, n: int,
           sender: str) -> LeafProof:
    shown = falsity.shown[n]
    return prover.prove(leaves, shown, court.context(sender, epoch_id, shown.kind))


def following(watch: Watch, settled: set[int], *, every: float, patience: float = 300.0) -> Iterator[list[Judged]]:
    """Rounds without end. A node that fails is asked again, later and later; what it fails with is told as progress.

    settled : ids that need no look, added to as epochs settle.
    every : seconds between rounds.  patience : most seconds to wait for a node.
    """
    pause = every
    while True:
        try:
            found = watch.round(frozenset(settled))
        except Exception as error:
            if not getattr(error, "try_again", False):
                raise
            found, watch.unfinished = watch.unfinished, []
            settled |= {judged.epoch_id for judged in found if judged.settled}
            yield [*found, _failed(error)]
            time.sleep(pause)
            pause = min(2 * pause, patience)
            continue
        settled |= {judged.epoch_id for judged in found if judged.settled}
        yield found
        pause = every
        time.sleep(every)


def _failed(error: Exception) -> Judged:
    return Judged(0, 0, "doubtful", [f"the node failed, watching goes on: {error}"])


def _between(published: AnyEpoch, ours: AnyEpoch) -> Iterator[object]:
    """Where two epochs of one time differ; empty where one of them has no sources to compare by."""
    one, other = (epoch.arrays if isinstance(epoch, GridEpoch) else epoch for epoch in (published, ours))
    assert isinstance(one, Epoch)
    if one.provenance is not None and other.provenance is not None:
        yield from compare(one, other)


def _plain(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else value
