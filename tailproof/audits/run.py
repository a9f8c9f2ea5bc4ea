"""An audit from beginning to end: what is looked at of a bundle, of an epoch, of an account.

Everything that can be looked at with what was given is; what cannot is listed as not looked at, by the same names. So a
report with less behind it is not shorter, and does not look better.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from circuits import statements
from circuits.statements import batch
from primitives.errors import BadInput
from risk.epochs import epoch_directory
from risk.exact.clock import format_time
from risk.exact.money import format_money
from risk.grid import grid_directory
from verifier_contracts.addresses import checksummed
from verifier_contracts.errors import ContractRefused
from verifier_contracts.events import Event
from verifier_contracts.pinned import PinnedChain
from verifier_contracts.standing import standing
from verifier_contracts.system_config import SystemConfig

from .. import epochs
from ..attestation import require_opens
from ..bundle import Bundle
from ..bundling import KINDS
from ..covering import required_margin
from ..epochs import AnyEpoch, Claim
from ..number_forms import element
from ..progress import Progress, quiet
from ..secret import Opening
from ..statement_table import TABLE, kind_of
from ..statements import r1cs_digest
from ..systems import SIZES, key_path
from ..telling import said_by
from ..watching import Library
from . import pictures
from .account import (
    AccountSeen,
    Publication,
    account_findings,
    publication,
    publication_findings,
    publications,
    read_account,
)
from .brought import Key
from .contracts import OnChain, contract_findings
from .epoch import EpochSeen, Task, examine_epoch, examine_many
from .finding import Finding, Verdict, looked, unseen
from .given import Given, digest_of
from .key import key_findings, read_key
from .pictures import Picture
from .proofs import bundle_findings, verifier_findings
from .publishers import content_finding, publisher_findings, who_finding
from .report import Report

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True)
class Subject:
    """What is audited.  kind : "account", "epoch" or "bundle".  account : an address; path : of the other two."""

    kind: str
    account: str = ""
    path: Path | None = None

    @staticmethod
    def of(text: str) -> Subject:
        """An address, an epoch directory, or a bundle's file.

        Raises
        ------
        BadInput : it is none of them.
        """
        if _ADDRESS.fullmatch(text):
            return Subject("account", checksummed(text, "SUBJECT"))
        path = Path(text)
        if path.is_dir():
            if not any((path / name).is_file() for name in (epoch_directory.MANIFEST, grid_directory.MANIFEST)):
                raise BadInput("SUBJECT", text, "an account's address, an epoch directory, or a bundle's file")
            return Subject("epoch", path=path)
        return Subject("bundle", path=path)


@dataclass
class Used:
    """Files that an audit rested on: what an archive must hold.  keys : by slot, those whose making was looked at."""

    keys: dict[str, Path] = field(default_factory=dict)
    epochs: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Made:
    """An audit that was made.  without : why there are no pictures."""

    report: Report
    pictures: tuple[Picture, ...]
    without: str | None
    used: Used


@dataclass
class _Audit:
    """One audit while it is made."""

    given: Given
    on: OnChain | None
    progress: Progress
    used: Used = field(default_factory=Used)
    findings: list[Finding] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    drawn: list[Callable[[], Picture | None]] = field(default_factory=list)
    directories: Mapping[int, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        library = Library(self.given.epochs)
        library.refresh()
        self.directories = library.claimed()
        for name in ("deployment", "history", "collateral"):
            if (path := getattr(self.given, name)) is not None:
                self.inputs[name] = digest_of(path)
        if self.on is not None:
            block = self.on.chain.block(self.on.chain.number)
            self.inputs["block"] = f"{block.number}, {block.block_hash}, chain {self.on.chain.chain_id}"

    # -- what was given ------------------------------------------------------------------------------------------------
    def key_paths(self) -> dict[str, Path]:
        """Keys that the auditor trusts, by slot: of the configuration, and those named alone, which go before."""
        found: dict[str, Path] = {}
        if self.given.config is not None:
            config = SystemConfig.load(self.given.config)
            found |= {slot: key_path(config, path) for slot, path in config.verifiers.items()}
        for path in self.given.keys:
            found[_slot_of(_statement(path))] = path
        return found

    def previous_of(self, directory: Path) -> Path | None:
        """The directory of the epoch before one: as given, or among those that were given."""
        return self.given.previous or self.directories.get(epochs.predecessor(directory))

    def epoch(self, path: Path, *, prefix: str = "epoch") -> EpochSeen:
        """Look at an epoch, and remember that it was."""
        previous = self.previous_of(path)
        seen = examine_epoch(path, self.given, previous=previous, prefix=prefix, progress=self.progress)
        self.use(path, previous)
        self.findings += seen.findings
        return seen

    def use(self, *paths: Path | None) -> None:
        """Remember that epochs were looked at."""
        self.used.epochs += [path for path in paths if path is not None and path not in self.used.epochs]

    def key(self, path: Path, statement: str, slot: str) -> None:
        self.used.keys[slot] = path
        self.inputs[f"key of {statement}"] = "0x" + read_key(path)[0].digest().hex()
        self.findings += key_findings(path, statement, self.given, progress=self.progress)


def make(subject: Subject, given: Given, chain: PinnedChain | None = None, *, auditor: str | None = None,
         progress: Progress = quiet) -> Made:
    """Audit a subject.

    Parameters
    ----------
    chain : at a block; with `given.deployment`, and needed for an account.
    auditor : who will sign the report.

    Raises
    ------
    BadInput : a file is none, or something that the subject needs is missing.
    NodeError : the node does not tell.
    """
    if (chain is None) != (given.deployment is None):
        raise BadInput("--deployment and --rpc", None, "given together (or an archive that has both)")
    made = _Audit(given, None if chain is None else OnChain.of(chain, given), progress)
    audit = {"bundle": _bundle, "epoch": _epoch, "account": _account}[subject.kind]
    name, said, seen = audit(made, subject)
    if made.on is not None:
        made.findings += contract_findings(made.on, given, progress=progress)
        made.on.chain.require_still()
    attested = () if seen is None else seen.account.attested
    signed = () if seen is None else tuple(one.signed for one in seen.published)
    report = Report(subject.kind, name, said, given.at, version("tailproof"), given.opening is not None, auditor,
                    made.inputs, tuple(_in_order(made.findings)), attested, signed)
    without = pictures.lacking()
    return Made(report, () if without else tuple(one for draw in made.drawn if (one := draw()) is not None), without,
                made.used)


@dataclass(frozen=True)
class _OnChainSeen:
    account: AccountSeen
    published: tuple[Publication, ...]


def _in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Each once: who the publishers are is not said once an epoch. Of two of one id, as of two signatures by one
    signer, what is false is not covered up by what is not."""
    found = dict[str, Finding]()
    for one in findings:
        if one.id not in found or found[one.id].verdict is not Verdict.FAILED:
            found[one.id] = one
    return list(found.values())


# -- a bundle ----------------------------------------------------------------------------------------------------------
def _bundle(made: _Audit, subject: Subject) -> tuple[str, str, None]:
    given, path = made.given, subject.path
    assert path is not None
    bundle = Bundle.load(path)
    kind = kind_of(statements.get(bundle.statement))
    if kind not in KINDS:
        raise BadInput("statement", bundle.statement, f"of {', '.join(KINDS)}: this one's command is "
                       f"`{TABLE[kind].verify}`", source=path)
    key_file = given.keys[0] if len(given.keys) == 1 else made.key_paths().get(kind)
    if key_file is None:
        raise BadInput("--key", None, f"given: a key of {bundle.statement} that you trust", source=path)
    key, _, noted = read_key(key_file)
    epoch_path = None if kind == "flat" else _epoch_of(made, bundle)
    seen = None if epoch_path is None else made.epoch(epoch_path)
    claim = None if seen is None else Claim(seen.epoch.root, seen.epoch.shape, seen.epoch.header.quote, True,
                                            seen.epoch.header.trial, seen.epoch.header.timestamp)
    on_chain, commitment = _bundle_on_chain(made, bundle, kind)
    if commitment is not None and given.commitment is not None:
        on_chain.append(looked("proof.commitment-given", "proof", "The commitment that you gave is the one that the "
                               "contracts have registered for this version", given.commitment == commitment,
                               f"{given.commitment} was given, {commitment} is registered"))
    elif given.commitment is not None:
        commitment = given.commitment

    def command(backend: str) -> str:
        return given.command("verify", path, "--key", key_file, *(("--epoch", epoch_path) if epoch_path else ()),
                             *(("--commitment", commitment) if commitment is not None else ()), "--backend", backend)
    inputs = [bundle.public_inputs[name] for name in statements.get(bundle.statement).public_inputs]
    proof = [*bundle_findings(bundle, key, claim, key_circuit=noted, commitment=commitment, command=command("kernels")),
             *verifier_findings(key, bundle.statement, bytes.fromhex(r1cs_digest(bundle.statement)),
                                inputs, bundle.proof, command)]
    made.findings[:0] = [*proof, *on_chain]
    made.key(key_file, bundle.statement, kind)
    if kind == "cover":
        made.findings.append(unseen(
            "account.collateral", "account", "The vault holds the collateral that the proof is about", "a vault's "
            "value moves: `vault balance` asks it", command=given.command(
                "vault", "balance", "--account", bundle.context.account, *given.on_chain())))
    made.inputs["bundle"] = digest_of(path)
    if seen is not None:
        made.inputs["epoch, root"] = element(seen.report.root)
        made.findings += publisher_findings(seen.epoch, seen.report.root, given) if made.on is None or \
            given.signatures or given.publishers else _published(made, seen, bundle.context.epoch_id)
        made.drawn.append(lambda: pictures.scenario_tail(seen.epoch))
        _opened(made, seen.epoch, bundle.public_inputs["portfolio_commitment"], _proven(bundle, kind))
    elif given.opening is not None:
        raise BadInput("--opening", str(given.opening), "absent: what holds nothing has no losses")
    said = said_by(bundle, None if seen is None else seen.epoch.header.quote)[1]
    where = "" if seen is None else f" in epoch {bundle.context.epoch_id}"
    return made.inputs["bundle"], (f"The bundle claims: {said} of account {bundle.context.account}{where}, for "
                                   f"contract {bundle.context.manager} on chain {bundle.context.chain_id}."), None


def _epoch_of(made: _Audit, bundle: Bundle) -> Path:
    """The directory that says it has the bundle's root; or the only one, which then is seen to have another."""
    found = made.directories.get(bundle.public_inputs.get("epoch_root", -1))
    if found is None and len(made.directories) == 1:
        found = next(iter(made.directories.values()))
    if found is None:
        raise BadInput("--epoch", [str(path) for path in made.given.epochs], f"the directory of the epoch of root "
                       f"{bundle.public_inputs.get('epoch_root')}")
    return found


def _proven(bundle: Bundle, kind: str) -> Callable[[int], bool]:
    """What a proof says of the true margin."""
    from circuits.statements.cover import Claim as Covered
    if kind == "margin":
        return lambda margin: margin == bundle.margin
    claim = Covered.of(bundle.public_inputs["claim"])
    return lambda margin: (claim.surplus(margin) >= 0) == claim.covered


def _bundle_on_chain(made: _Audit, bundle: Bundle, kind: str) -> tuple[list[Finding], int | None]:
    """That a bundle is for these contracts, and the commitment that was registered for its version."""
    on, context, given = made.on, bundle.context, made.given
    if on is None:
        return [], None
    wanted = (on.system.chain_id, on.there.ledger.address)
    found = [looked("proof.addressed", "proof", "The proof is for the ledger of these contracts",
                    (context.chain_id, context.manager) == wanted,
                    f"it is for {context.manager} on chain {context.chain_id}; the ledger is {wanted[1]} on "
                    f"{wanted[0]}",
                    evidence=[("ledger", wanted[1]), ("chain id", wanted[0])])]
    try:
        active = on.there.registry.active(kind).key_digest
    except ContractRefused as refused:
        found.append(looked("proof.in-force", "proof", "The registry believes this key", False, str(refused)))
    else:
        found.append(looked("proof.in-force", "proof", "The registry believes this key", active == context.key_digest,
                            f"0x{active.hex()} is in force", evidence=[("key in force", "0x" + active.hex())],
                            command=given.command("contract", "roles", *given.on_chain())))
    seen = read_account(on, context.account, {}, {}, progress=made.progress)
    registered = {event.arguments["version"]: int(event.arguments["commitment"]) for event in seen.events
                  if "commitment" in event.arguments and "version" in event.arguments}
    if kind != "flat":
        root = on.there.oracle.stored_root_of(context.epoch_id)[0] if context.epoch_id in publications(on) else 0
        found.append(looked("proof.published", "proof", "The oracle published the epoch of this number with this root",
                            root == bundle.public_inputs["epoch_root"],
                            f"epoch {context.epoch_id} has root {root}" if root else
                            f"no epoch {context.epoch_id} was published"))
    if context.version not in registered:
        found.append(looked("proof.registered", "proof", "The account has this version", False,
                            f"version {context.version} of {context.account} was never registered"))
        return found, None
    return found, registered[context.version]


# -- an epoch ----------------------------------------------------------------------------------------------------------
def _epoch(made: _Audit, subject: Subject) -> tuple[str, str, None]:
    assert subject.path is not None
    given = made.given
    seen = made.epoch(subject.path)
    header = seen.epoch.header
    made.inputs["epoch, root"] = element(seen.report.root)
    made.drawn.append(lambda: pictures.scenario_tail(seen.epoch))
    if given.opening is not None:
        raise BadInput("--opening", str(given.opening), "absent: an epoch is nobody's portfolio")
    made.findings += publisher_findings(seen.epoch, seen.report.root, given) if made.on is None or given.signatures or \
        given.publishers else ()
    if made.on is not None:
        made.findings += _published(made, seen)
    return element(seen.report.root), (
        f"The epoch says: scenario values of {len(seen.epoch.instruments)} instruments of {header.venue}, in "
        f"{header.quote}, by model {header.model}, with prices of {format_time(header.timestamp)}."), None


def _published(made: _Audit, seen: EpochSeen, id: int | None = None) -> Iterator[Finding]:
    """Every publication of an epoch's root, or that under an id."""
    assert made.on is not None
    events = [event for event in publications(made.on, progress=made.progress).values()
              if int(event.arguments["root"]) == seen.report.root and id in (None, event.arguments["epochId"])]
    yield looked("publishers.published", "publishers", "The oracle published this epoch", bool(events),
                 f"no epoch of root {seen.report.root} was published by it up to this block",
                 evidence=[("epoch id", event.arguments["epochId"]) for event in events])
    for event in events:
        found = publication(made.on, event)
        yield from publication_findings(made.on, found, f"epoch.{found.id}")
        yield content_finding(f"epoch.{found.id}", found.content, seen.epoch, made.given)
    yield who_finding()


# -- an account --------------------------------------------------------------------------------------------------------
def _account(made: _Audit, subject: Subject) -> tuple[str, str, _OnChainSeen]:
    on, given, account = made.on, made.given, subject.account
    if on is None:
        raise BadInput("--deployment and --rpc", None, "given: an account is what contracts have of it")
    paths = made.key_paths()
    keys = {slot: Key(_statement(path), read_key(path)[0]) for slot, path in paths.items()
            if slot in (*KINDS, *SIZES)}
    published = publications(on, progress=made.progress)
    seen = read_account(on, account, keys, published, progress=made.progress)
    made.findings += account_findings(on, seen, keys, given)
    _latest(made, seen, keys, paths)
    found, last = _epochs(made, seen, published)
    made.findings += [who_finding()]
    word = standing(on.there, account)
    quote = "quote units" if last is None else last.header.quote
    if seen.attested:
        made.drawn.append(lambda: pictures.over_time(seen.attested, quote))
    if found:
        made.drawn.append(lambda: pictures.who_signed([one.signed for one in found]))
    if last is not None:
        epoch = last
        made.drawn.insert(0, lambda: pictures.scenario_tail(epoch))
        _opened(made, epoch, on.there.ledger.commitment_of(account), _stored(on, account))
    elif given.opening is not None:
        raise BadInput("--epoch", None, "given, with the epoch of the last attestation: losses are those of an epoch")
    amount = f"{format_money(word.reading.margin)} {quote}" if word.readable else "none to act on"
    return account, (f"The contracts say of account {account}: {word.reading.status.words}, "
                     f"{'a hidden margin of at most' if word.word.hides_margin else 'margin'} {amount}, at block "
                     f"{on.chain.number} of chain {on.chain.chain_id} ({format_time(on.chain.now())})."), \
        _OnChainSeen(seen, tuple(found))


def _statement(path: Path) -> str:
    named = read_key(path)[1]
    if named is None:
        raise BadInput("--key", str(path), "a key directory: a verification key alone does not say what it is for")
    return named


def _slot_of(name: str) -> str:
    """The slot of a statement's key: of a batch, by how many accounts it takes."""
    preset = statements.get(name).preset
    return next((slot for slot, most in SIZES.items() if isinstance(preset, batch.Preset) and preset.size <= most),
                kind_of(statements.get(name)))


def _stored(on: OnChain, account: str) -> Callable[[int], bool]:
    """What the ledger says of the true margin."""
    word = on.there.ledger.state_of(account)
    return (lambda margin: margin <= word.value) if word.hides_margin else (lambda margin: margin == word.value)


def _latest(made: _Audit, seen: AccountSeen, keys: Mapping[str, Key], paths: Mapping[str, Path]) -> None:
    """The last proof by every verifier, and its key."""
    if seen.latest is None:
        made.findings.append(unseen("proof.by-kernels", "proof", "The proof is accepted by our own verifier",
                                    "the account's last proof does not stand in calldata, or no key for it was given "
                                    "(--config, --key)"))
        return
    latest = seen.latest
    key = keys[latest.slot]
    made.findings += verifier_findings(key.key, key.statement, bytes.fromhex(r1cs_digest(key.statement)),
                                       latest.inputs, latest.proof, lambda backend: "")
    made.key(paths[latest.slot], key.statement, latest.slot)


def _epochs(made: _Audit, seen: AccountSeen, published: Mapping[int, Event]
            ) -> tuple[list[Publication], AnyEpoch | None]:
    """Every epoch under which something was proven of the account; the newest whose directory is here."""
    assert made.on is not None
    found, tasks = list[Publication](), dict[int, Task]()
    for done, id in enumerate(sorted(seen.epochs)):
        made.progress("publications", done, len(seen.epochs))
        if id not in published:
            made.findings.append(looked(f"epoch.{id}.signed", "publishers", "A quorum of the oracle's publishers "
                                        "signed the epoch that the chain has", False, "no event published it"))
            continue
        one = publication(made.on, published[id])
        found.append(one)
        made.findings += publication_findings(made.on, one, f"epoch.{id}")
        directory = made.directories.get(one.root)
        if directory is None:
            made.findings.append(unseen(f"epoch.{id}.rebuild", "epoch", "The epoch, built again from its sources, has "
                                        "the same numbers and root", f"no directory of root {one.root} was given "
                                        "(--epoch)"))
        else:                                      # which may have been published under several ids
            before = tasks[one.root].contents if one.root in tasks else {}
            tasks[one.root] = Task(directory, made.previous_of(directory), {**before, id: one.content})
    for task, findings in zip(tasks.values(), examine_many(list(tasks.values()), made.given, progress=made.progress),
                              strict=True):
        made.findings += findings
        made.use(task.directory, task.previous)
    if found:
        made.inputs["epochs, roots"] = ", ".join(element(one.root) for one in found)
    newest = next(reversed(tasks.values()), None)
    return found, None if newest is None else epochs.read(newest.directory)


# -- the private edition -----------------------------------------------------------------------------------------------
def _opened(made: _Audit, epoch: AnyEpoch, commitment: int, proven: Callable[[int], bool]) -> None:
    """Of the holder's own report: that her opening opens the commitment, and what her margin is, computed anew."""
    if made.given.opening is None:
        return
    opening = Opening.load(made.given.opening)
    require_opens(opening)
    made.findings.append(looked("account.opening", "account", "The opening opens the commitment that this is about",
                                opening.commitment == commitment, "it opens another commitment"))
    rows = [(epoch.index_of(number), lots) for number, lots in opening.slots if lots]
    margin = required_margin(epoch, opening)
    made.findings.append(looked("account.margin", "account", "The margin, computed anew from the portfolio, is what "
                                "was proven of it", proven(margin), f"it is {format_money(margin)}",
                                evidence=[("margin", f"{format_money(margin)} {epoch.header.quote}")]))
    made.drawn.insert(0, lambda: pictures.loss_tail(epoch, rows))
