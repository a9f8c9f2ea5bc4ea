"""An account on the contracts, at a block: what it is worth, how it came to be so, and under which epochs.

Proofs stand in their transactions' calldata (`brought`), and are verified here again under the keys that the auditor
trusts: then neither the node's word for the verifier's answer nor the verifier is needed. What came through other
contracts was verified by those, whose code is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from primitives.errors import BadInput
from risk.exact.clock import format_time
from risk.exact.money import format_money
from verifier_contracts.abi import decode_call
from verifier_contracts.epoch_content import EpochContent, OracleDomain, signer_of
from verifier_contracts.events import Event, read_events
from verifier_contracts.standing import standing

from ..number_forms import duration
from ..progress import Progress, quiet
from ..quorums import require_signature
from ..systems import SIZES
from .brought import Brought, Key, brought, when
from .contracts import OnChain
from .finding import Finding, looked, trusted, unseen
from .given import Given
from .report import Attested, Signed

_KINDS = {"MarginAttested": "margin", "CoverAttested": "cover", "MarginCovered": "cover", "FlatAttested": "flat",
          "AccountCalled": "called", "AccountCured": "cured"}
_COMMITTED = ("CommitmentRegistered", "TransitionApplied", "TransitionForced")
_LENGTH = 66
"""Bytes of a signature in a quorum's: index, r, s, v."""


@dataclass(frozen=True)
class Publication:
    """How an epoch got on the chain.

    content : out of the calldata; None where that is not visible.  signed : by whom; wrong : what is false of it.
    """

    id: int
    root: int
    digest: bytes
    event: Event
    content: EpochContent | None
    signed: Signed
    wrong: str


@dataclass(frozen=True)
class AccountSeen:
    """An account.  epochs : ids under which something was proven.  brought : proofs that can be verified again.
    latest : the last proof, if it can be.  unverified : proofs that cannot be, though they stand in calldata, or may
    do so: why."""

    account: str
    events: tuple[Event, ...]
    attested: tuple[Attested, ...]
    epochs: tuple[int, ...]
    brought: tuple[Brought, ...]
    latest: Brought | None
    unverified: tuple[str, ...] = ()


# -- epochs on the chain -----------------------------------------------------------------------------------------------
def publications(on: OnChain, *, progress: Progress = quiet) -> Mapping[int, Event]:
    """The events that published epochs, by id."""
    found = read_events(on.chain, {"oracle": on.there.oracle}, on.system.block, names={"EpochPublished"}, times=True,
                        report=progress)
    return {event.arguments["epochId"]: event for event in found.events}


def publication(on: OnChain, event: Event) -> Publication:
    """How an epoch was published, out of its transaction: its content, and whose signatures came with it."""
    oracle, told = on.there.oracle, event.arguments
    id, root, digest = told["epochId"], int(told["root"]), bytes(told["digest"])
    facts = oracle.facts_of(id)
    seated = oracle.signers(facts.generation)
    on_chain = tuple(who for place, who in enumerate(seated.signers) if facts.signers >> place & 1)
    sent = on.chain.sent(event.transaction)
    content, signers, wrong = None, on_chain, ""
    if sent is not None and sent[0] == oracle.address:
        try:
            words, generation, signatures = decode_call(oracle.artifact, "publish", sent[1])
            content = EpochContent.of_words(words)
            signers = _signers(oracle.domain, content, seated.signers, signatures)
            wrong = _wrong(content, digest, root, id, generation, facts.generation, signers, on_chain, seated.quorum)
        except BadInput as error:
            wrong = str(error)
    return Publication(id, root, digest, event, content,
                       Signed(id, event.time, tuple(signers), seated.signers, seated.quorum), wrong)


def _signers(domain: OracleDomain, content: EpochContent, seated: Sequence[str], signatures: bytes) -> tuple[str, ...]:
    """Who signed, recovered here; raises BadInput where a signature is not its index's."""
    message, found = domain.content(content), []
    for start in range(0, len(signatures), _LENGTH):
        place, signature = signatures[start], signatures[start + 1:start + _LENGTH]
        if place >= len(seated):
            raise BadInput("index of a signature", place, f"below {len(seated)}, the size of the set")
        require_signature(message, seated[place], signature)
        found.append(signer_of(message, signature))
    return tuple(found)


def _wrong(content: EpochContent, digest: bytes, root: int, id: int, generation: int, stored: int,
           signers: Sequence[str], on_chain: Sequence[str], quorum: int) -> str:
    found = [said for said, holds in (
        (f"its calldata is of content 0x{content.digest().hex()}, the event of 0x{digest.hex()}",
         content.digest() == digest),
        (f"its calldata is of epoch {content.id} and root {content.root}, the event of {id} and {root}",
         (content.id, content.root) == (id, root)),
        (f"it was signed by set {generation}, and {stored} is stored", generation == stored),
        (f"{len(set(signers))} signed, and {quorum} are a quorum", len(set(signers)) >= quorum),
        (f"signed by {', '.join(signers)}; the oracle has {', '.join(on_chain)}", set(signers) == set(on_chain)),
    ) if not holds]
    return "; ".join(found)


def publication_findings(on: OnChain, found: Publication, prefix: str) -> Iterator[Finding]:
    """That a quorum signed an epoch, and that it stands."""
    what = "A quorum of the oracle's publishers signed the epoch that the chain has"
    evidence: list[tuple[str, object]] = [
        ("published", f"{format_time(found.event.time)}, block {found.event.block}"), ("root", found.root),
        ("content, digest", "0x" + found.digest.hex()), ("quorum", f"{found.signed.quorum} of "
                                                         f"{len(found.signed.seated)}"),
        *(("signed by", who) for who in found.signed.signers)]
    if found.content is None and not found.wrong:
        yield trusted(f"{prefix}.signed", "publishers", what, "the oracle looked at the signatures, whose code is "
                      "compared; they came through another contract, and are not visible here", evidence=evidence)
    else:
        yield looked(f"{prefix}.signed", "publishers", what, not found.wrong, found.wrong, evidence=evidence)
    root, frozen = on.there.oracle.stored_root_of(found.id)
    facts = on.there.oracle.facts_of(found.id)
    wrong = [*(["it is frozen for good"] if frozen else []), *(["a proof refuted it"] if facts.refuted else []),
             *([f"the guardian holds it until {format_time(facts.held_until)}"]
               if facts.held_until >= on.chain.now() else []),
             *([f"the oracle has root {root}"] if root != found.root else [])]
    yield looked(f"{prefix}.stands", "publishers", "The epoch stands: nobody refuted or froze it", not wrong,
                 "; ".join(wrong), evidence=[("open demands", facts.open_demands),
                                             ("final", "yes" if not frozen and on.there.oracle.is_final(found.id)
                                              else "no")])


# -- the account -------------------------------------------------------------------------------------------------------
def read_account(on: OnChain, account: str, keys: Mapping[str, Key], published: Mapping[int, Event], *,
                 progress: Progress = quiet) -> AccountSeen:
    """All that the contracts told of an account, and the proofs that were brought for it."""
    found = read_events(on.chain, {name: on.there.named(name) for name in ("desk", "ledger", "vault", "settlement")},
                        on.system.block, about=account, times=True, report=progress).events
    told = [event for event in found if event.contract == "ledger" and event.name in _KINDS]
    commitments = {event.arguments["version"]: int(event.arguments["commitment"]) for event in found
                   if event.name in _COMMITTED}
    activated = read_events(on.chain, {"registry": on.there.registry}, on.system.block,
                            names={"GenerationActivated"}, report=progress).events
    looked_at = [brought(on, account, event, keys, published, commitments, activated) for event in told]
    verifiable = [one for one in looked_at if isinstance(one, Brought)]
    proven = [event for event in told if _KINDS[event.name] in ("margin", "cover", "flat")]
    latest = verifiable[-1] if verifiable and proven and verifiable[-1].event is proven[-1] else None
    ids = dict.fromkeys(event.arguments["epochId"] for event in told if event.arguments.get("epochId"))
    return AccountSeen(account, found, tuple(map(_attested, told)), tuple(ids), tuple(verifiable), latest,
                       tuple(one for one in looked_at if isinstance(one, str)))


def _attested(event: Event) -> Attested:
    told, kind = event.arguments, _KINDS[event.name]
    amount = told.get("margin", told.get("value")) if kind in ("margin", "cover") else None
    return Attested(event.time, event.block, told.get("epochId", 0), told["version"], kind,
                    None if amount is None else int(amount), told.get("validUntil", 0))


def account_findings(on: OnChain, seen: AccountSeen, keys: Mapping[str, Key], given: Given) -> Iterator[Finding]:
    """What an account is worth at the block, and what that rests on."""
    from prover import verify
    ledger, account = on.there.ledger, seen.account
    found = standing(on.there, account)
    word, reading = found.word, found.reading
    show = given.command("contract", "show", "--account", account, *given.on_chain())
    history = given.command("contract", "history", account, *given.on_chain())
    kind = "collateral that covers a hidden margin" if word.hides_margin else "margin"
    yield looked("account.standing", "account", "The account's margin may be acted on at this block", found.readable,
                 f"it is {reading.status.words}", evidence=[
                     ("status", reading.status.words), (kind, f"{format_money(word.value)} quote units"),
                     ("proven by", "nothing" if word.source is None else word.source.name.lower().replace("_", " ")),
                     ("version", word.version), ("under epoch", when(word.epoch_id)),
                     ("attested", when(word.attested_at)), ("valid until", when(found.until or 0)),
                     ("latest epoch", when(found.latest_epoch_id)), ("oldest epoch taken", duration(found.max_age)),
                     ("reduce only", "yes" if ledger.is_reduce_only(account) else "no"),
                     ("opening in escrow", "yes" if ledger.is_escrowed(account) else "no")], command=show)
    yield _state(seen, word, history)
    yield trusted("account.commitment", "account", "The commitment is to the positions that the account really has",
                  "its venue's word: it registered the commitment, with the owner's consent", evidence=[
                      ("venue", ledger.venue_of(account)), ("commitment", ledger.commitment_of(account)),
                      *((event.name, f"version {event.arguments['version']}, {format_time(event.time)}")
                        for event in seen.events if event.name in _COMMITTED)], command=history)
    good = {id(one): verify(keys[one.slot].key, one.inputs, one.proof) for one in seen.brought}
    yield _proofs(seen, good, keys, history)


def _proofs(seen: AccountSeen, good: Mapping[int, bool], keys: Mapping[str, Key], command: str) -> Finding:
    what = "Every proof that stands in calldata, brought for the account alone or with others', holds, verified here " \
        "again under your keys"
    proven = [one for one in seen.attested if one.kind in ("margin", "cover", "flat")]
    if not proven:
        return unseen("account.proofs", "account", what, "nothing was ever proven of it", command=command)
    if not seen.brought:
        return unseen("account.proofs", "account", what, "give the keys that you trust (--config, --key)" if not keys
                      else "none of them stands in calldata that is read here; the contracts took them, whose code is "
                      "compared",
                      evidence=[("attestations", len(proven))], command=command)
    rows = [(f"{_KINDS[one.event.name]}, version {one.event.arguments['version']}, "
             f"{when(one.event.arguments.get('epochId', 0))}",
             ("holds" if good[id(one)] else "is FALSE") + (
                 f" of {one.together} accounts together" if one.slot in SIZES else
                 f" beside {one.together - 1} others" if one.together > 1 else "")
             + f", transaction {one.event.transaction}")
            for one in seen.brought]
    false = [name for name, said in rows if said.startswith("is FALSE")]
    others = len(proven) - len(rows) - len(seen.unverified)
    evidence = [("attestations", len(proven)), ("verified again", len(rows)), *rows,
                *([("on the word of contracts", f"{others}, whose code is compared")] if others else [])]
    if seen.unverified and not false:              # "every" is not all but those
        return unseen("account.proofs", "account", what, "not all of them could be verified again: "
                      + "; ".join(seen.unverified), evidence=evidence, command=command)
    return looked("account.proofs", "account", what, not false, "; ".join(false), evidence=evidence, command=command)


def _state(seen: AccountSeen, word: Any, command: str) -> Finding:
    """What is stored beside the last thing that was told."""
    what = "The ledger has of the account what its events told last"
    proven = [one for one in seen.attested if one.kind in ("margin", "cover")]
    if word.called or word.source is None or not proven or proven[-1].version != word.version:
        return unseen("account.state", "account", what, "nothing is attested for its version", command=command)
    last = proven[-1]
    stored, told = (word.value, word.epoch_id, word.version), (last.amount, last.epoch_id, last.version)
    return looked("account.state", "account", what, stored == told, f"value, epoch and version are {stored}, and "
                  f"{told} was told", evidence=[("events", len(seen.events)), ("attestations", len(seen.attested))],
                  command=command)
