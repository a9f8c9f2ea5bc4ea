"""Ledger, vault and oracle together beside a model in Python, under random sequences of everybody's calls.

Nothing between them is a mock (`revmsystem.py`). The model says of each call whether it passes or which error it gets,
and what every account is afterwards. Of a proof it knows whether what it claims is true: each commitment has a margin
that only the model knows, and false claims are tried as well. After the calls:

- of each token the vault owes exactly what it holds: balances, claims and what is owed;
- what left was proven covered, at initial margin, for what remained, of an account whose opening is in escrow;
- versions only rise; a claim is paid or undone once; live time never runs backwards, nor ahead of wall time;
- somebody's dust changes no answer that a proof in flight gets;
- a flat account leaves at once, or as soon as its last fill is settled, an hour later at most, whatever is paused,
  frozen, tripped, called or gone; any other within the time that another venue, another verifier and the pauses take.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from escrow_posts import WORDS, sealed_inputs
from eth_account import Account
from eth_utils.crypto import keccak
from ledger_world import BUFFERS, EXIT_AGE, FINAL_AGE, GRACE, LIVES, MAX_AGE, SKIPPED, STATUS
from revmchain import Refusal, account
from revmsystem import (
    COIN_ID,
    CONSENT,
    DAY,
    FILLS,
    LAG,
    MARKS,
    NOBODY,
    ONE,
    QUANTUM,
    QUOTE_ID,
    TRANSITION,
    WITHDRAWAL,
    build,
    digest_of,
    key_digest,
    proof_of,
    root_of,
    signed,
    struct_of,
)

OWNERS = [Account.from_key(keccak(text=f"owner {n}")) for n in range(4)]
PEOPLE = [owner.address for owner in OWNERS]
KEYS = dict(zip(PEOPLE, OWNERS, strict=True))
RELAYER = account(0xBEEF)
OPEN, EXIT, LIQUIDATE, SETTLE = range(4)
MARGIN_SOURCE, COVERED, COVER_SOURCE, FLAT_SOURCE = 0, 3, 6, 7
STATEMENTS = {MARGIN_SOURCE: "margin", COVER_SOURCE: "cover", FLAT_SOURCE: "flat"}
NONE, BY_COVER, BY_MARGIN = range(3)
FAR = 2**40
CALLS = 2_500
"""Of the quick suite; as many more are `test_vault_stateful.py`'s."""

assert len(SKIPPED) == 6


@dataclass
class Word:
    """What the ledger has of an account; generation 0: nothing proven, or a call."""

    value: int = 0
    epoch: int = 0
    version: int = 0
    attested: int = 0
    source: int = 0
    generation: int = 0
    called: bool = False
    clock: int = 0

    def words(self) -> tuple[int, ...]:
        basis = 1 if self.called else self.source | self.generation << 3 if self.generation else 0
        return (self.value, self.epoch, self.version, self.attested, basis, self.clock)


@dataclass
class Person:
    word: Word = field(default_factory=Word)
    commitment: int = 0
    venue: str = NOBODY
    settled_by: int = 0
    escrowed_until: int = 0
    posted: dict[int, tuple[int, int]] = field(default_factory=dict)     # by commitment: generation and digest
    called_by: int = 0                                            # generation of the cover that the last call rests on
    nonce: int = 0
    vault_nonce: int = 0
    balance: Counter = field(default_factory=Counter)
    gains: list[tuple[int, int]] = field(default_factory=list)
    debits: list[tuple[int, int]] = field(default_factory=list)
    cap: int = 0
    settled_at: int = 0
    requested: bool = False


class Refused(Exception):
    """By the model: an error's name."""


def demand(holds: Any, error: str) -> None:
    if not holds:
        raise Refused(error)


class Model:
    """Makes each call on the contracts and by itself."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.revocations = random.Random(seed)
        self.falls = random.Random(seed)
        self.w = build()
        self.tokens = {"quote": self.w.quote, "coin": self.w.coin}
        self.people = {who: Person() for who in PEOPLE}
        self.venues = {venue.address: True for venue in self.w.venues}
        self.venue_keys = {venue.address: venue for venue in self.w.venues}
        self.truth: dict[int, int] = {0: -1}                        # margin by commitment; of a void one none is true
        self.frozen: set[int] = set()
        self.held: dict[int, int] = {}
        self.holds: list[int] = []
        self.active = {"margin": 1, "cover": 1, "flat": 1, "transition": 1, "escrow": 1}
        self.committees = {1: (self.w.escrow("committees", 1)[1], 0)}       # by generation: renewed, replaced
        self.last = dict(self.active)
        self.sunset: dict[tuple[str, int], int] = {}
        self.distrusted: set[tuple[str, int]] = set()
        self.announced: dict[str, int] = {}
        self.paused = dict.fromkeys((OPEN, EXIT, LIQUIDATE, SETTLE), (0, 0))     # from, until
        self.claims: dict[tuple[Any, ...], str] = {}
        self.queued: dict[tuple[Any, ...], int] = {}
        self.ended: Counter = Counter()
        self.owed: Counter = Counter()
        self.paid: Counter = Counter()
        self.clearing: Counter = Counter()
        self.bond: Counter = Counter()
        self.outflow: dict[str, list[tuple[int, int]]] = {venue: [] for venue in self.venues}
        self.marks = list(MARKS)
        self.passed: Counter = Counter()
        self.refusals: Counter = Counter()
        self.escapes: Counter = Counter()
        self.live = (self.now, self.w.oracle("liveTime"))
        self.calls = 0
        everybody = [*PEOPLE, *self.venues, RELAYER]
        for who in everybody:
            for token in self.tokens.values():
                token("mint", who, 1 << 70)
                token("approve", self.w.vault.address, 1 << 100, sender=who)
            self.w.quote("approve", self.w.settlement.address, 1 << 100, sender=who)
        for who in PEOPLE:
            self.w.register_key(who)
        self.w.pass_time(300)
        self.publish()

    # -- what the model knows --------------------------------------------------------------------------------------
    @property
    def now(self) -> int:
        return self.w.now

    def is_frozen(self, epoch: int) -> bool:
        """Or unknown: its root is refused."""
        return epoch not in self.w.factors or epoch in self.frozen or self.held.get(epoch, -1) >= self.now

    def final(self, epoch: int) -> bool:
        """The oracle's word, which must not be given too early."""
        said = bool(self.w.oracle("isFinal", epoch))
        assert not said or (self.now >= epoch + 1_200 and not self.is_frozen(epoch))
        return said

    def tripped(self) -> bool:
        return bool(self.w.oracle("isTripped"))

    def is_paused(self, cls: int) -> bool:
        return self.now < self.paused[cls][1]

    def trusted(self, word: Word) -> bool:
        source = word.source if word.source >= COVER_SOURCE else word.source % COVERED
        return bool(word.generation) and (STATEMENTS[source], word.generation) not in self.distrusted

    def flat(self, word: Word) -> bool:
        return word.source == FLAT_SOURCE and self.trusted(word)

    def covered(self, word: Word) -> bool:
        if not word.generation or word.source == FLAT_SOURCE:
            return self.flat(word)
        return (word.source >= COVERED and self.now <= word.clock and self.trusted(word)
                and not self.is_frozen(word.epoch))

    def status(self, p: Person, max_age: int = FAR, least: int = 0, venue: str = NOBODY) -> str:
        word = p.word
        if not word.version or (venue != NOBODY and p.venue != venue) or not self.venues.get(p.venue):
            return "Unknown"
        if word.called:
            return "Called"
        if not word.generation:
            return "NotAttested"
        if not self.trusted(word):
            return "Distrusted"
        if word.source == FLAT_SOURCE:
            return "Flat"
        if self.is_frozen(word.epoch):
            return "Frozen"
        if word.epoch < least:
            return "Superseded"
        if self.now - word.epoch > max_age:
            return "Stale"
        return "ReduceOnly" if word.source == COVER_SOURCE and self.now > word.clock else "Valid"

    def immature(self, p: Person) -> int:
        return min(sum(amount for at, amount in p.gains if at > self.now), p.balance["quote"])

    def value(self, p: Person, epoch: int, withheld: int = 0) -> int:
        by = {asset: v for asset, v, _ in self.w.factors[epoch]}
        return ((p.balance["quote"] - withheld) * by.get(QUOTE_ID, 0) + p.balance["coin"] * by.get(COIN_ID, 0)) >> 64

    def recent(self, entries: list[tuple[int, int]]) -> int:
        return sum(amount for at, amount in entries if at > self.now - DAY)

    def covers(self, margin: int, claimed: int, step: int) -> bool:
        return margin >= 0 and 10_000 * claimed >= margin * (10_000 + BUFFERS[step])

    # -- checks, in the contracts' order ---------------------------------------------------------------------------
    def at(self, p: Person, version: int) -> None:
        demand(p.word.version, "AccountNotRegistered")
        demand(version == p.word.version, "WrongVersion")

    def fresh(self, epoch: int, age: int) -> None:
        demand(self.now <= epoch + age, "StaleEpoch")
        if self.now > epoch + GRACE:
            latest = self.w.latest
            if epoch < latest and self.is_frozen(latest):
                latest = self.w.oracle("latestFinalEpochId")
            demand(not (epoch < latest and self.now > latest + GRACE), "SupersededEpoch")

    def known(self, epoch: int) -> None:
        demand(epoch in self.w.factors, "UnknownEpoch")
        demand(not self.is_frozen(epoch), "FrozenEpoch")

    def admit(self, p: Person, epoch: int, age: int) -> None:
        demand(not (epoch < p.word.epoch and not self.is_frozen(p.word.epoch)), "EpochOlderThanLast")
        self.fresh(epoch, age)
        self.known(epoch)

    def verifier(self, statement: str, generation: int = 0) -> int:
        if generation == 0:
            demand(self.active[statement], "NoVerifier")
            return self.active[statement]
        demand(generation <= self.last[statement], "NoVerifier")
        demand((statement, generation) not in self.distrusted, "GenerationDistrusted")
        demand(self.now < self.sunset.get((statement, generation), FAR), "SunsetPassed")
        return generation

    # -- proofs ----------------------------------------------------------------------------------------------------
    def prove(self, statement: str, holds: bool, who: str, epoch: int, version: int, inputs: list[int],
              action: bytes = bytes(32), generation: int = 0) -> list[int]:
        """A proof for the verifier that will be asked; of what is false there is only another's."""
        key = key_digest(statement, generation or self.active[statement] or self.last[statement])
        context = self.w.context(statement, key, who, epoch, version, action)
        return proof_of(key, [context, *inputs] if holds else [context ^ 1, *inputs])

    def cover_proof(self, who: str, epoch: int, version: int, claimed: int, step: int, side: int = 1,
                    action: bytes = bytes(32), commitment: int | None = None) -> tuple[list[int], bool]:
        commitment = self.people[who].commitment if commitment is None else commitment
        margin = self.truth[commitment]
        holds = self.covers(margin, claimed, step) if side else margin >= 0 and not self.covers(margin, claimed, step)
        claim = claimed + (BUFFERS[step] << 128) + (side << 144)
        return self.prove("cover", holds, who, epoch, version, [root_of(epoch), commitment, claim], action), holds

    # -- running a call --------------------------------------------------------------------------------------------
    def expect(self, name: str, judge: Any, call: Any) -> bool:
        """Whether it passed, which must be what the model says; `judge` raises Refused, or changes the model."""
        self.calls += 1
        before = [(p.word.version, p) for p in self.people.values()]
        try:
            judge()
            error = None
        except Refused as refusal:
            error = str(refusal)
        try:
            call()
            got = None
        except Refusal as refusal:
            got = refusal.name
        assert got == error, f"call {self.calls}, {name}: {got}, and by the model {error}"
        (self.refusals if error else self.passed)[f"{name}: {error}" if error else name] += 1
        for version, p in before:
            assert p.word.version >= version
        return error is None

    def someone(self) -> str:
        return self.rng.choice(PEOPLE)

    def some_epoch(self) -> int:
        recent = list(self.w.factors)[-3:]
        return self.rng.choice([*recent, recent[-1], recent[-1], recent[-1]])

    def some_version(self, p: Person) -> int:
        return p.word.version if self.rng.random() < 0.96 else max(0, p.word.version - 1)

    def dust(self, who: str) -> None:
        """Anybody may add what hurts nobody."""
        if self.rng.random() < 0.2:
            self.w.vault("deposit", who, self.w.quote.address, 1, sender=RELAYER)
            self.people[who].balance["quote"] += 1

    # -- deposits and commitments ----------------------------------------------------------------------------------
    def deposit(self) -> None:
        who, sender, name = self.someone(), self.someone(), self.rng.choice(["quote", "coin"])
        p, amount = self.people[who], self.rng.choice([0, 1, self.rng.randint(1, 3_000)])

        def judge() -> None:
            demand(sender == who or name == "quote" or p.balance["coin"], "AssetNotHeld")
            demand(amount, "NoAmount")
            p.balance[name] += amount

        self.expect("deposit", judge, lambda: self.w.vault("deposit", who, self.tokens[name].address, amount,
                                                           sender=sender))

    def new_commitment(self, margin: int) -> int:
        """One in ten of a book that outgrows its account: most have deposited more than books here need."""
        made = self.rng.getrandbits(240) + 1
        if margin > 0 and self.falls.random() < 0.1:
            margin *= 50
        self.truth[made] = margin
        return made

    def set_commitment(self, p: Person, venue: str, commitment: int, settled_by: int) -> None:
        w = p.word
        clock = w.clock or self.now + LIVES[0]
        p.word = Word(0, w.epoch, w.version + 1, 0, 0, 0, w.called, clock)
        p.venue, p.commitment, p.settled_by, p.escrowed_until = venue, commitment, settled_by, 0

    def register(self) -> None:
        who, venue = self.someone(), self.rng.choice([*self.venues])
        p = self.people[who]
        venue = p.venue if p.venue in self.venues and self.rng.random() < 0.8 else venue
        if p.commitment and self.rng.random() < 0.7:
            return
        commitment = self.new_commitment(self.rng.choice([0, 100, 400, 900]))
        version, deadline = p.word.version + 1, self.now - (self.rng.random() < 0.1)
        nonce = p.nonce if self.rng.random() < 0.9 else p.nonce + 1
        digest = digest_of("Tailproof CommitmentDesk", self.w.desk.address,
                           struct_of(CONSENT, [who, venue, commitment, version, nonce, deadline]))

        def judge() -> None:
            demand(not self.is_paused(OPEN), "ClassIsPaused")
            demand(self.venues[venue], "NotVenue")
            demand(self.now <= deadline, "ConsentExpired")
            demand(not p.word.called, "AccountIsCalled")
            demand(p.venue in (NOBODY, venue), "NotVenueOfAccount")
            demand(nonce == p.nonce, "ConsentNotByOwner")
            self.set_commitment(p, venue, commitment, 0)

        self.expect("register", judge, lambda: self.w.desk("registerCommitment", who, commitment, version, deadline,
                                                           signed(KEYS[who], digest), sender=venue))

    def move(self) -> None:
        who, kind = self.someone(), self.rng.choice(["void", "void", "move", "reassign", "revoke"])
        p = self.people[who]
        to = self.rng.choice([*self.venues])
        sender = {"void": self.rng.choice([who, p.venue if p.venue != NOBODY else RELAYER, self.w.guardian, RELAYER]),
                  "move": self.rng.choice([p.venue if p.venue != NOBODY else RELAYER, RELAYER]),
                  "reassign": self.w.admin, "revoke": who}[kind]
        if kind == "revoke":
            if self.revocations.random() < 0.5:
                self.w.desk("revokeConsents", sender=who)
                p.nonce += 1
            else:
                self.w.vault("revokeConsents", sender=who)
                p.vault_nonce += 1
            return

        def judge() -> None:
            by_venue = sender == p.venue and self.venues.get(sender)
            if kind == "void":
                demand(sender == who or by_venue or sender == self.w.guardian, "MayNotVoid")
                demand(sender != who or self.flat(p.word), "AccountNotFlat")
            elif kind == "move":
                demand(by_venue, "NotVenueOfAccount")
            if kind != "void":
                demand(self.venues[to], "NotVenue")
            demand(p.word.version, "AccountNotRegistered")
            demand(not p.word.called, "AccountIsCalled")
            demand(sender == who or not self.flat(p.word), "AccountIsFlat")
            self.set_commitment(p, p.venue if kind == "void" else to, 0, 0)

        call = {"void": lambda: self.w.desk("voidCommitment", who, sender=sender),
                "move": lambda: self.w.desk("moveAccount", who, to, sender=sender),
                "reassign": lambda: self.w.desk("reassignAccount", who, to, sender=sender)}[kind]
        if self.rng.random() < 0.4:
            self.expect(kind, judge, call)

    def transition(self) -> None:
        who = self.someone()
        p, epoch = self.people[who], self.some_epoch()
        support = self.rng.choice([NONE, BY_COVER, BY_MARGIN])
        margin = self.rng.choice([0, 0, 50, 300, 700])
        new = self.new_commitment(margin)
        version, fills, cash = p.word.version + 1, self.rng.getrandbits(200), self.rng.randint(-500, 500)
        if support == BY_MARGIN and self.rng.random() < 0.7:
            epoch = p.word.epoch or epoch
        sender = who if self.rng.random() < 0.3 else RELAYER
        stale = self.rng.random() < 0.05
        venue_key = self.venue_keys.get(p.venue, self.w.venues[0])
        fills_digest = digest_of("Tailproof CommitmentDesk", self.w.desk.address,
                                 struct_of(FILLS, [who, p.venue, version, fills, cash]))
        owner_digest = digest_of("Tailproof CommitmentDesk", self.w.desk.address, struct_of(TRANSITION, [
            who, version, new, fills, cash, p.nonce + stale, self.now]))
        proof = self.prove("transition", p.commitment != 0, who, 0, version, [p.commitment, new, fills])
        value = max(0, self.value(p, epoch) - self.rng.choice([0, 0, 5])) if support == BY_COVER else margin
        if support == BY_COVER:
            support_proof, holds = self.cover_proof(who, epoch, version, value, 1, commitment=new)
        else:
            holds = True
            support_proof = self.prove("margin", True, who, epoch, version, [root_of(epoch), new, value])
        factors = self.w.factors[epoch] if support == BY_COVER else []

        def judge() -> None:
            demand(p.word.version, "AccountNotRegistered")
            demand(support == BY_MARGIN or not self.is_paused(OPEN), "ClassIsPaused")
            demand(support == BY_COVER or not p.word.called, "AccountIsCalled")
            demand(support != NONE or self.covered(p.word), "ReduceOnly")
            if support == BY_MARGIN:
                demand(self.status(p) == "Valid", "NoMargin")
                demand(epoch == p.word.epoch, "OtherEpoch")
                demand(p.word.source != COVER_SOURCE, "MarginHidden")
                demand(value <= p.word.value, "MarginRaised")
            else:
                demand(self.now <= p.escrowed_until or self.flat(p.word), "EscrowMissing")
            demand(self.venues.get(p.venue), "VenueWithoutRole")
            demand(sender == who or not stale, "TransitionNotByOwner")
            self.verifier("transition")
            demand(p.commitment, "ProofRejected")
            was = (p.word, p.venue, p.commitment, p.settled_by, p.escrowed_until)
            self.set_commitment(p, p.venue, new, self.now + 3_600)
            try:
                if support == BY_COVER:
                    self.judge_cover(p, epoch, p.word.version, 1, value, holds)
                elif support == BY_MARGIN:
                    self.judge_attest(p, epoch, p.word.version, value, True)
            except Refused:
                p.word, p.venue, p.commitment, p.settled_by, p.escrowed_until = was
                raise

        self.expect("transition", judge, lambda: self.w.desk("applyTransition", (
            who, version, new, fills, cash, self.now, signed(KEYS[who], owner_digest), signed(venue_key, fills_digest),
            proof, support, epoch, value, factors, support_proof), sender=sender))

    # -- escrow ----------------------------------------------------------------------------------------------------
    def good_until(self, generation: int) -> int:
        renewed, replaced = self.committees[generation]
        return min(renewed + 37 * DAY, replaced + 7 * DAY if replaced else FAR)

    def post(self, who: str | None = None) -> None:
        who = who or self.rng.choice([who for who, p in self.people.items() if p.escrowed_until < self.now] or PEOPLE)
        p, version, generation = self.people[who], self.some_version(self.people[who]), max(self.committees)
        holds, digest = self.truth[p.commitment] >= 0 and self.rng.random() < 0.9, self.rng.getrandbits(200)
        words = [self.rng.getrandbits(250) for _ in range(WORDS)]
        key = key_digest("escrow", self.active["escrow"] or self.last["escrow"])
        context = self.w.context("escrow", key, who, 0, version)
        inputs = sealed_inputs(key, context if holds else context ^ 1, p.commitment,
                               self.w.holders(who, p.venue, generation), words, digest)

        def judge() -> None:
            demand(version == p.word.version, "WrongVersion")
            demand(p.commitment, "CommitmentIsVoid")
            demand(self.now <= self.committees[generation][0] + 30 * DAY, "CommitteeOverdue")
            self.verifier("escrow")
            demand(holds, "ProofRejected")
            p.posted[p.commitment] = (generation, digest)
            p.escrowed_until = self.good_until(generation)

        self.expect("postEscrow", judge, lambda: self.w.escrow("postEscrow", who, version, digest, words,
                                                               proof_of(key, inputs)))

    def refresh(self) -> None:
        who = self.someone()
        p = self.people[who]
        generation, digest = p.posted.get(p.commitment, (1, 5))
        digest += self.rng.random() < 0.1

        def judge() -> None:
            demand(p.commitment, "CommitmentIsVoid")
            demand(p.posted.get(p.commitment) == (generation, digest), "NothingPosted")
            p.escrowed_until = self.good_until(generation)

        self.expect("refresh", judge, lambda: self.w.escrow("refresh", who, generation, digest))

    def change_committee(self) -> None:
        """New shares mostly, sometimes a new key."""
        generation = max(self.committees)
        if self.rng.random() < 0.2:
            self.committees[generation] = (self.committees[generation][0], self.now)
            self.committees[generation + 1] = (self.now, 0)
            self.w.install_committee(generation + 1)
        else:
            self.committees[generation] = (self.now, 0)
            self.w.renew_committee(generation)

    # -- attestations ----------------------------------------------------------------------------------------------
    def margin_stands(self, word: Word, epoch: int) -> bool:
        return word.epoch == epoch and word.generation > 0 and word.source < COVER_SOURCE and self.trusted(word)

    def judge_attest(self, p: Person, epoch: int, version: int, margin: int, holds: bool, generation: int = 0) -> None:
        self.at(p, version)
        w = p.word
        demand(not w.called, "AccountIsCalled")
        if self.margin_stands(w, epoch):
            demand(w.value == margin, "AlreadyAttested")
            return
        demand(not (w.generation and w.source >= COVER_SOURCE and self.covered(w)), "CoverStands")
        self.admit(p, epoch, MAX_AGE)
        demand(p.commitment, "CommitmentIsVoid")
        used = self.verifier("margin", generation)
        demand(holds, "ProofRejected")
        p.word = Word(margin, epoch, w.version, self.now, MARGIN_SOURCE, used, False, w.clock)

    def attest(self) -> None:
        who, epoch = self.someone(), self.some_epoch()
        p = self.people[who]
        version, margin = self.some_version(p), max(0, self.truth[p.commitment])
        margin, holds = (margin, True) if self.rng.random() < 0.8 else (margin // 2 + 1, False)
        generation = self.rng.choice([0, 0, 0, self.last["margin"], max(1, self.last["margin"] - 1)])
        proof = self.prove("margin", holds, who, epoch, version, [root_of(epoch), p.commitment, margin],
                           generation=generation)
        self.expect("attest", lambda: self.judge_attest(p, epoch, version, margin, holds, generation),
                    lambda: self.w.ledger("attest", who, epoch, version, margin, generation, proof))

    def call_stands(self, p: Person) -> bool:
        return not self.is_frozen(p.word.epoch) and ("cover", p.called_by) not in self.distrusted

    def judge_cover(self, p: Person, epoch: int, version: int, step: int, claimed: int, holds: bool) -> None:
        self.at(p, version)
        w = p.word
        demand(not (w.called and self.call_stands(p) and step < 1), "CureAtInitialMargin")
        until = epoch + LIVES[step]
        if w.generation and w.source == FLAT_SOURCE and self.trusted(w):
            return
        if w.generation and w.source == COVER_SOURCE and w.epoch == epoch and self.trusted(w) and (
                until < w.clock or (until == w.clock and claimed >= w.value)):
            return
        self.admit(p, epoch, MAX_AGE)
        demand(claimed <= self.value(p, epoch), "ClaimAboveValue")
        demand(p.commitment, "CommitmentIsVoid")
        used = self.verifier("cover")
        demand(holds, "ProofRejected")
        p.word = Word(claimed, epoch, version, self.now, COVER_SOURCE, used, False, until)

    def cover(self) -> None:
        who, epoch, step = self.someone(), self.some_epoch(), self.rng.randint(0, 3)
        p = self.people[who]
        version = self.some_version(p)
        claimed = max(0, self.value(p, epoch) + self.rng.choice([0, 0, 0, -20, 1]))
        proof, holds = self.cover_proof(who, epoch, version, claimed, step)
        if claimed <= self.value(p, epoch):
            self.dust(who)
        self.expect("cover", lambda: self.judge_cover(p, epoch, version, step, claimed, holds),
                    lambda: self.w.ledger("attestCover", who, epoch, version, step, claimed, 0, self.w.factors[epoch],
                                          proof))

    def cover_by_margin(self) -> None:
        who, step = self.someone(), self.rng.randint(0, 3)
        p = self.people[who]
        w = p.word
        factors = self.w.factors.get(w.epoch, [])

        def judge() -> None:
            demand(w.generation and w.source < COVER_SOURCE and self.trusted(w), "NoMargin")
            self.fresh(w.epoch, MAX_AGE)
            self.known(w.epoch)
            demand(10_000 * self.value(p, w.epoch) >= w.value * (10_000 + BUFFERS[step]), "NotCovered")
            until = w.epoch + LIVES[step]
            if w.source >= COVERED and until <= w.clock:
                return
            p.word = Word(w.value, w.epoch, w.version, w.attested, COVERED, w.generation, False, until)

        self.expect("coverByMargin", judge, lambda: self.w.ledger("coverByMargin", who, step, factors))

    def judge_flat(self, p: Person, holds: bool, version: int) -> None:
        demand(self.active["flat"], "NoVerifier")
        demand(p.commitment, "CommitmentIsVoid")
        demand(holds, "ProofRejected")
        w = p.word
        clock = 0 if w.called else w.clock
        p.word = Word(0, w.epoch, version, self.now, FLAT_SOURCE, self.active["flat"], False, clock)

    def flat_proof(self, who: str, version: int, action: bytes = bytes(32)) -> tuple[list[int], bool]:
        p = self.people[who]
        holds = self.truth[p.commitment] == 0
        return self.prove("flat", holds, who, 0, version, [p.commitment], action), holds

    def attest_flat(self) -> None:
        who = self.someone()
        p = self.people[who]
        version = self.some_version(p)
        proof, holds = self.flat_proof(who, version)

        def judge() -> None:
            self.at(p, version)
            if not self.flat(p.word):
                self.judge_flat(p, holds, version)

        self.expect("attestFlat", judge, lambda: self.w.ledger("attestFlat", who, version, 0, proof))

    def shortfall(self) -> None:
        who, epoch = self.someone(), self.some_epoch()
        short = [one for one, p in self.people.items()
                 if p.commitment and not self.covers(self.truth[p.commitment], self.value(p, epoch) + 50, 0)]
        if short and self.falls.random() < 0.5:
            who = self.falls.choice(short)
        p = self.people[who]
        version = self.some_version(p)
        claimed = self.value(p, epoch) + self.rng.choice([5, 5, 50, -1])
        claimed = max(0, claimed)
        proof, holds = self.cover_proof(who, epoch, version, claimed, 0, side=0)
        if claimed >= self.value(p, epoch) + 5:
            self.dust(who)

        def judge() -> None:
            self.at(p, version)
            if p.word.called and self.call_stands(p):
                return
            self.admit(p, epoch, MAX_AGE)
            demand(claimed >= self.value(p, epoch), "ClaimBelowValue")
            demand(p.commitment, "CommitmentIsVoid")
            used = self.verifier("cover")
            demand(holds, "ProofRejected")
            p.called_by = used
            p.word = Word(claimed, epoch, version, self.now, 0, 0, True, self.w.oracle("liveTime"))

        self.expect("shortfall", judge, lambda: self.w.ledger("proveShortfall", who, epoch, version, claimed, 0,
                                                              self.w.factors[epoch], proof))

    # -- withdrawals -----------------------------------------------------------------------------------------------
    def wish(self, who: str, name: str, amount: int, to: str, fee: int, version: int) -> tuple[Any, ...]:
        return (who, self.tokens[name].address, amount, to, fee, version, self.now)

    def consent(self, wish: tuple[Any, ...], revoked: bool) -> bytes:
        nonce = self.people[wish[0]].vault_nonce + (-1 if revoked else 0)
        return signed(KEYS[wish[0]], digest_of("Tailproof CollateralVault", self.w.vault.address,
                                               struct_of(WITHDRAWAL, [*wish, nonce])))

    def is_revoked(self, who: str) -> bool:
        """Whether a carrier comes with what was signed before the last revocation."""
        return self.people[who].vault_nonce > 0 and self.revocations.random() < 0.2

    def debit(self, p: Person, name: str, amount: int, fee: int, revoked: bool) -> None:
        demand(amount, "NoAmount")
        demand(fee <= amount, "FeeAboveAmount")
        demand(not revoked, "NotOwner")
        immature = self.immature(p)
        if immature and name == "quote":
            demand(amount <= p.balance["quote"] - immature, "GainNotMature")
        demand(amount <= p.balance[name], "InsufficientBalance")

    def withdraw(self) -> None:
        who, name, epoch = self.someone(), self.rng.choice(["quote", "quote", "coin"]), self.some_epoch()
        p, to, fee = self.people[who], self.someone(), self.rng.choice([0, 0, 1])
        margin, withheld = max(0, self.truth[p.commitment]), self.immature(p)
        needed = -(-margin * (10_000 + BUFFERS[1]) // 10_000)
        spare = max(0, self.value(p, epoch, withheld) - needed)
        most = min(p.balance[name] - (withheld if name == "quote" else 0), spare if name == "quote" else spare // 2)
        some = [1, most, most, most, most + 1, self.rng.randint(0, max(1, most))]
        amount = max(0, self.rng.choice(some)) if self.rng.random() < 0.95 else 0
        version = self.some_version(p)
        wish = self.wish(who, name, amount, to, fee, version)
        action = self.w.vault("actionHash", wish[1], amount, to, fee)
        finals = [e for e in list(self.w.factors)[-9:] if self.final(e) and self.now - e <= 2_700]
        second = self.rng.choice(finals) if finals and self.rng.random() < 0.4 else None
        epochs = [epoch] + ([second] if second is not None else [])
        rest = Counter(p.balance)
        rest[name] -= min(amount, rest[name])
        covers = []
        for e in epochs:
            left = self.value(Person(balance=rest), e, min(withheld, rest["quote"]))
            claimed = max(0, left + self.rng.choice([0, 0, 0, 0, 1, -1]))
            proof, holds = self.cover_proof(who, e, version, claimed, 1, action=action)
            covers.append((e, claimed, self.w.factors[e], proof, holds, left))
        carried = self.rng.random() < 0.3
        revoked = carried and self.is_revoked(who)
        sender, consent = (RELAYER, self.consent(wish, revoked)) if carried else (who, b"")
        if all(claimed <= left for _, claimed, _, _, _, left in covers):
            self.dust(who)

        def judge() -> None:
            demand(not self.is_paused(EXIT), "ClassIsPaused")
            self.debit(p, name, amount, fee, revoked)
            p.balance[name] -= amount
            try:
                for place in range(len(covers), 0, -1):
                    self.judge_action_cover(p, version, covers[place - 1], place == 2, withheld)
            except Refused:
                p.balance[name] += amount
                raise
            e, claimed = covers[0][:2]
            assert self.covers(self.truth[p.commitment], self.value(p, e, withheld), 1), "proven for what remains"
            p.word = Word(claimed, e, version + 1, self.now, COVER_SOURCE, self.active["cover"], False, e + LIVES[1])

        if not self.expect("withdraw", judge, lambda: self.w.vault(
                "withdraw", wish, [cover[:4] for cover in covers], consent, sender=sender)):
            return
        claim = (*wish[:5], sender, epoch, version)
        if second is not None:
            self.pay(claim, name)
        else:
            self.claims[claim], self.queued[claim] = name, self.now

    def judge_action_cover(self, p: Person, version: int, cover: tuple[Any, ...], second: bool, withheld: int) -> None:
        e, claimed, _, _, holds, _ = cover
        if second:
            demand(self.final(e), "NotMature")
            demand(self.now <= e + FINAL_AGE, "StaleEpoch")
        self.known(e)
        demand(not self.tripped(), "BreakerTripped")
        value = self.value(p, e, withheld)
        self.at(p, version)
        demand(not p.word.called, "AccountIsCalled")
        if second:
            demand(self.now <= e + FINAL_AGE, "StaleEpoch")
        else:
            self.admit(p, e, EXIT_AGE)
        demand(self.venues.get(p.venue), "VenueWithoutRole")
        demand(self.now <= p.escrowed_until, "EscrowMissing")
        demand(claimed <= value, "ClaimAboveValue")
        demand(p.commitment, "CommitmentIsVoid")
        self.verifier("cover")
        demand(holds, "ProofRejected")

    def withdraw_flat(self) -> None:
        who, name = self.someone(), self.rng.choice(["quote", "coin"])
        p, version = self.people[who], self.some_version(self.people[who])
        most = p.balance[name] - (self.immature(p) if name == "quote" else 0)
        amount = max(0, self.rng.choice([0, 1, most, most + 1]))
        wish = self.wish(who, name, amount, self.someone(), 0, version)
        action = self.w.vault("actionHash", wish[1], amount, wish[3], 0)
        proof, holds = self.flat_proof(who, version, action)
        sender = who if self.rng.random() < 0.7 else RELAYER
        revoked = sender == RELAYER and self.is_revoked(who)

        def judge() -> None:
            self.debit(p, name, amount, 0, revoked)
            if sender != who or p.word.version:
                self.at(p, version)
                demand(self.now >= p.settled_by, "SettlementPending")
                self.judge_flat(p, holds, version + 1)
            p.balance[name] -= amount

        if self.expect("withdrawFlat", judge, lambda: self.w.vault(
                "withdrawFlat", wish, proof, self.consent(wish, revoked) if sender == RELAYER else b"", sender=sender)):
            self.pay((*wish[:5], sender, 0, version), name)

    def pay(self, claim: tuple[Any, ...], name: str) -> None:
        _, _, amount, _, fee, carrier, _, _ = claim
        self.owed[carrier, name] += fee
        self.paid[name] += amount - fee
        self.ended[claim] += 1

    def end_claim(self) -> None:
        if not self.claims:
            return
        claim = self.rng.choice([*self.claims, *list(self.ended)[-3:]])
        if self.rng.random() < 0.6:
            def judge() -> None:
                demand(claim in self.claims, "NoSuchClaim")
                demand(self.final(claim[6]), "NotMature")

            if self.expect("redeem", judge, lambda: self.w.vault("redeem", claim)):
                self.pay(claim, self.claims.pop(claim))
            return
        sender = self.rng.choice([claim[0], RELAYER, RELAYER])

        def judge_cancel() -> None:
            demand(claim in self.claims, "NoSuchClaim")
            demand(sender == claim[0] or (self.now >= self.queued[claim] + 21_600 and self.is_frozen(claim[6])),
                   "NotRefuted")

        if (sender != claim[0] or self.rng.random() < 0.3) and self.expect(
                "cancel", judge_cancel, lambda: self.w.vault("cancel", claim, sender=sender)):
            self.people[claim[0]].balance[self.claims.pop(claim)] += claim[2]
            self.ended[claim] += 1

    def collect(self) -> None:
        who, name = self.rng.choice([*PEOPLE, RELAYER]), self.rng.choice(["quote", "coin"])
        amount = self.owed[who, name]
        if not amount and self.rng.random() < 0.7:
            return
        if self.expect("collect", lambda: demand(amount, "NoAmount"),
                       lambda: self.w.vault("collect", self.tokens[name].address, who, sender=who)):
            self.owed[who, name] = 0
            self.paid[name] += amount

    # -- settlement ------------------------------------------------------------------------------------------------
    def settle(self) -> None:
        venue = self.rng.choice([*self.venues])
        own = [who for who, p in self.people.items() if p.venue == venue]
        if not own:
            return
        if self.rng.random() < 0.3:
            amount = self.rng.randint(1, 2_000)
            place = self.rng.choice([self.clearing, self.bond])
            self.w.settlement("fundClearing" if place is self.clearing else "postBond", venue, amount, sender=RELAYER)
            place[venue] += amount
            return
        who = self.rng.choice(own)
        p, delta = self.people[who], self.rng.choice([0, 0, 1, -1]) * self.rng.choice([QUANTUM, 37])
        if self.rng.random() < 0.5:
            self.w.settlement("requestSettlement", sender=who)
            p.requested = True
        if self.rng.random() < 0.2:
            p.cap = self.rng.choice([0, 200, 1_000])
            self.w.settlement("setDebitCap", p.cap, sender=who)

        def judge() -> None:
            demand(self.venues[venue], "AccessManagedUnauthorized")
            demand(not self.is_paused(SETTLE), "ClassIsPaused")
            if delta and not p.requested:
                demand(self.now >= p.settled_at + DAY, "SettledTooSoon")
                demand(delta % QUANTUM == 0, "NotInQuanta")
            if delta < 0:
                public = self.status(p, DAY) in ("Valid", "Flat") and not (
                    self.status(p, DAY) == "Valid" and p.word.source == COVER_SOURCE)
                demand(self.recent(p.debits) - delta <= max(p.cap, p.word.value * public), "DebitAboveBound")
            if delta > 0:
                demand(self.recent(self.outflow[venue]) + delta <= self.bond[venue], "GainsAboveBond")
                demand(delta <= self.clearing[venue], "ClearingShort")
            demand(-delta <= p.balance["quote"], "InsufficientBalance")
            p.settled_by = 0
            self.clearing[venue] -= delta
            p.balance["quote"] += delta
            if delta:
                p.settled_at, p.requested = self.now, False
            if delta > 0:
                p.gains.append((max([self.now + LAG, *(at for at, _ in p.gains)]), delta))
                self.outflow[venue].append((self.now, delta))
            if delta < 0:
                p.debits.append((self.now, -delta))

        self.expect("settle", judge, lambda: self.w.settlement("settle", [who], [delta], sender=venue))

    # -- what the world does ---------------------------------------------------------------------------------------
    def publish(self) -> None:
        latest = self.w.latest
        if latest and self.now < latest + 240 and not self.is_frozen(latest):
            self.w.pass_time(latest + 240 - self.now)
        if latest == self.now:
            self.w.pass_time(1)
        if self.rng.random() < 0.01:
            self.marks[0] = self.marks[0] * self.rng.choice([3, 5]) // 4 + 1_000           # trips the breaker
        v = self.rng.choice([ONE // 2, ONE, 3 * ONE // 2])
        self.w.publish([(QUOTE_ID, ONE, ONE), (COIN_ID, v, 2 * ONE)], self.marks)

    def turn(self) -> None:
        kind = self.rng.choice(["time"] * 6 + ["epoch"] * 7 + ["long", "freeze", "hold", "pause", "venue", "venue",
                                                              "rotate", "rotate", "distrust", "committee", "committee"])
        if kind == "time":
            self.w.pass_time(self.rng.choice([1, 60, 301, 600, 900]))
        elif kind == "epoch":
            self.publish()
        elif kind == "long" and self.rng.random() < 0.35:
            self.w.pass_time(self.rng.choice([3_600, 21_600, DAY, 8 * DAY]))
            self.publish()
        elif kind == "freeze" and self.rng.random() < 0.3:
            epoch = self.some_epoch()
            if epoch not in self.frozen:
                self.w.freeze(epoch)
                self.frozen.add(epoch)
        elif kind == "hold":
            epoch = self.some_epoch()
            week = [at for at in self.holds if at > self.now - 7 * DAY]
            if epoch not in self.frozen and epoch not in self.held and len(week) < 6 and not self.is_frozen(epoch):
                self.w.oracle("holdEpoch", epoch, 1_800, sender=self.w.guardian)
                self.held[epoch] = self.now + 1_800
                self.holds.append(self.now)
        elif kind == "pause":
            cls = self.rng.choice([OPEN, EXIT, LIQUIDATE, SETTLE])
            begun, _ = self.paused[cls]
            if not begun or self.now >= begun + 7 * DAY:
                duration = self.rng.choice([60, 3_600, DAY])
                where = {OPEN: self.w.desk, SETTLE: self.w.settlement}.get(cls, self.w.vault)
                where("pause", cls, duration, sender=self.w.guardian)
                self.paused[cls] = (self.now, self.now + duration)
        elif kind == "venue":
            venue = self.rng.choice([*self.venues])
            self.grant(venue, not self.venues[venue] or self.rng.random() < 0.8)
        elif kind == "rotate":
            self.rotate(self.rng.choice([*self.active]))
        elif kind == "committee":
            self.change_committee()
        elif kind == "distrust" and self.rng.random() < 0.2:
            statement = self.rng.choice([*self.active])
            generation = self.active[statement]
            if generation:
                self.w.registry("distrust", keccak(text=statement), generation, sender=self.w.guardian)
                self.distrusted.add((statement, generation))
                self.active[statement] = 0

    def grant(self, venue: str, member: bool) -> None:
        if member:
            self.w.authority("grantRole", 3, venue, 0, sender=self.w.admin)
        else:
            self.w.authority("revokeRole", 3, venue, sender=self.w.admin)
        self.venues[venue] = member

    def rotate(self, statement: str) -> None:
        """Announce, or put in force what has waited."""
        slot, following = keccak(text=statement), self.last[statement] + 1
        ready = self.announced.get(statement)
        if ready is None or self.now > ready + 30 * DAY:
            if self.last[statement] < 25:
                self.w.registry("announce", slot, self.w.candidate(statement, following), sender=self.w.admin)
                self.announced[statement] = self.now + 7 * DAY
        elif self.now >= ready:
            self.w.registry("activate", slot, self.w.candidate(statement, following))
            del self.announced[statement]
            if self.active[statement]:
                self.sunset[statement, self.active[statement]] = self.now + DAY
            self.last[statement] = self.active[statement] = following

    # -- the way out -----------------------------------------------------------------------------------------------
    def escape(self) -> None:
        """Somebody leaves with everything, in a fork of the world that is thrown away."""
        who = self.someone()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                self.leave(who)
                code = 0
            except BaseException as error:
                print(f"{who} cannot leave after {self.calls} calls: {error!r}", flush=True)
            finally:
                os._exit(code)
        p = self.people[who]
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, f"{who} is stranded"
        self.escapes["never registered" if not p.word.version else "flat" if self.truth[p.commitment] == 0 else
                     "void" if not p.commitment else "called" if p.word.called else "open"] += 1

    def leave(self, who: str) -> None:
        w, p = self.w, self.people[who]
        flat_now = self.truth[p.commitment] == 0 and self.active["flat"]
        if flat_now or not p.word.version:
            if p.word.version:
                w.pass_time(max(0, p.settled_by - self.now))
            for name in self.tokens:
                free = p.balance[name] - (self.immature(p) if name == "quote" else 0)
                if free:
                    self.exit_flat(who, name, free)
        # What is left are gains that may not leave yet; and an account that was not flat is first made so.
        for claim in [claim for claim in self.claims if claim[0] == who]:
            w.vault("cancel", claim, sender=who)
            p.balance[self.claims.pop(claim)] += claim[2]
        w.pass_time(8 * DAY)
        self.publish()
        for statement in ("flat", "cover"):
            while not self.active[statement]:
                self.rotate(statement)
                w.pass_time(7 * DAY)
        if self.truth[p.commitment] != 0 and p.word.version:
            self.flatten(who)
        for name in self.tokens:
            if p.balance[name]:
                self.exit_flat(who, name, p.balance[name])
        assert not +p.balance
        assert all(w.vault("balanceOf", who, token.address) == 0 for token in self.tokens.values())

    def flatten(self, who: str) -> None:
        """Cured if called; then handed to a venue that still is one, which registers what is left: nothing."""
        w, p = self.w, self.people[who]
        if p.word.called:
            self.publish()
            w.vault("deposit", who, w.quote.address, 60_000, sender=RELAYER)
            p.balance["quote"] += 60_000
            epoch, claimed = w.latest, self.value(p, w.latest)
            proof, _ = self.cover_proof(who, epoch, p.word.version, claimed, 1)
            w.ledger("attestCover", who, epoch, p.word.version, 1, claimed, 0, w.factors[epoch], proof)
            self.judge_cover(p, epoch, p.word.version, 1, claimed, True)
        venue = next(iter(self.venues))
        self.grant(venue, True)
        if p.venue != venue:
            if self.flat(p.word):
                w.desk("voidCommitment", who, sender=who)
                self.set_commitment(p, p.venue, 0, 0)
            w.desk("reassignAccount", who, venue, sender=w.admin)
            self.set_commitment(p, venue, 0, 0)
        commitment = self.new_commitment(0)
        digest = digest_of("Tailproof CommitmentDesk", w.desk.address,
                           struct_of(CONSENT, [who, venue, commitment, p.word.version + 1, p.nonce, self.now]))
        w.desk("registerCommitment", who, commitment, p.word.version + 1, self.now, signed(KEYS[who], digest),
               sender=venue)
        self.set_commitment(p, venue, commitment, 0)

    def exit_flat(self, who: str, name: str, amount: int) -> None:
        p = self.people[who]
        wish = self.wish(who, name, amount, who, 0, p.word.version)
        proof, _ = self.flat_proof(who, p.word.version, self.w.vault("actionHash", wish[1], amount, who, 0))
        before = self.tokens[name]("balanceOf", who)
        self.w.vault("withdrawFlat", wish, proof, b"", sender=who)
        assert self.tokens[name]("balanceOf", who) == before + amount
        p.balance[name] -= amount
        if p.word.version:
            self.judge_flat(p, True, p.word.version + 1)

    # -- what must hold --------------------------------------------------------------------------------------------
    def check(self) -> None:
        w, rng = self.w, self.rng
        name = rng.choice([*self.tokens])
        token = self.tokens[name]
        balances = sum(p.balance[name] for p in self.people.values())
        waiting = sum(claim[2] for claim, kind in self.claims.items() if kind == name)
        owed = sum(amount for (_, kind), amount in self.owed.items() if kind == name)
        held = w.vault("assetOf", token.address)[1]
        assert balances + waiting + owed == held == token("balanceOf", w.vault.address)
        assert w.settlement("held") == sum(self.clearing.values()) + sum(self.bond.values())
        assert max(self.ended.values(), default=0) <= 1
        who = self.someone()
        p = self.people[who]
        assert tuple(w.ledger("stateOf", who)) == p.word.words()
        assert (w.ledger("commitmentOf", who), w.ledger("venueOf", who).lower(), w.ledger("settledByOf", who)) == (
            p.commitment, p.venue.lower(), p.settled_by)
        assert (w.ledger("escrowedUntilOf", who), w.ledger("isEscrowed", who)) == (
            p.escrowed_until, self.now <= p.escrowed_until)
        assert w.vault("balanceOf", who, token.address) == p.balance[name]
        assert w.vault("immatureOf", who) == self.immature(p)
        assert w.vault("valueOf", who, w.latest, w.factors[w.latest]) == self.value(p, w.latest)
        reader = (rng.choice([600, 3_600, FAR]), rng.choice([0, w.latest]), rng.choice([NOBODY, *self.venues]))
        assert STATUS[w.ledger("tryMarginOf", who, *reader)[0]] == self.status(p, *reader)
        assert w.ledger("isReduceOnly", who) != self.covered(p.word)
        wall, live = self.live
        self.live = (self.now, w.oracle("liveTime"))
        assert 0 <= self.live[1] - live <= self.now - wall

    def run(self, calls: int) -> None:
        steps = [self.deposit] * 4 + [self.register] * 5 + [self.withdraw] * 5 + [self.post] * 5 + [
            self.move, self.transition, self.transition, self.attest, self.attest, self.attest, self.cover, self.cover,
            self.cover_by_margin, self.attest_flat, self.shortfall, self.refresh, self.withdraw_flat, self.end_claim,
            self.end_claim, self.collect, self.settle, self.settle, self.turn, self.turn, self.turn]
        escape_at = 50
        while self.calls < calls:
            self.rng.choice(steps)()
            self.check()
            if self.calls >= escape_at:
                escape_at += 100
                self.escape()


PATHS = {"deposit", "register", "void", "move", "reassign", "transition", "attest", "cover", "coverByMargin",
         "attestFlat", "shortfall", "postEscrow", "refresh", "withdraw", "withdrawFlat", "redeem", "collect", "settle"}
REFUSALS = {"withdraw: ClaimAboveValue", "withdraw: ProofRejected", "withdraw: WrongVersion", "redeem: NotMature",
            "attest: ProofRejected", "cover: ProofRejected", "shortfall: ProofRejected", "transition: ReduceOnly",
            "withdrawFlat: ProofRejected", "cover: ClaimAboveValue", "withdraw: EscrowMissing",
            "transition: EscrowMissing", "postEscrow: ProofRejected", "refresh: NothingPosted"}


@pytest.mark.parametrize(("seed", "calls"), [(1, CALLS), *(pytest.param(seed, 13_000, marks=pytest.mark.slow)
                                                          for seed in range(2, 9))])
def test_system_and_model_agree(seed: int, calls: int, capsys: pytest.CaptureFixture[str]) -> None:
    model = Model(seed)
    model.run(calls)
    with capsys.disabled():
        print(f"\nseed {seed}: {model.calls} calls, {sum(model.passed.values())} passed, "
              f"{len(model.refusals)} kinds of refusal; {sum(model.escapes.values())} ways out {dict(model.escapes)}")
    assert set(model.passed) >= PATHS, PATHS - set(model.passed)
    assert set(model.refusals) >= REFUSALS, REFUSALS - set(model.refusals)
    assert {"flat", "open"} <= set(model.escapes)
