"""Silence, partial closes and lots on revm, with the real ledger, desk, vault, oracle and registry. Escrow, auction
house, fund, allocator and bonds are stand-ins behind the interfaces (`LiquidationStandIns.sol`): a test says what they
do.

The world knows each commitment's margin. A proof of what is false is a proof of something else, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any

import pytest
from escrow_posts import DIGEST, WORDS, sealed_inputs
from eth_abi.abi import decode, encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.abi import abi_to_signature
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ledger_world import BUFFERS
from mocks import compiled
from revmchain import Contract, Refusal, account
from revmsystem import (
    CONSENT,
    FILLS,
    INTERVAL,
    ONE,
    QUOTE_ID,
    TRANSITION,
    RevmSystem,
    artifacts,
    build,
    digest_of,
    key_digest,
    proof_of,
    root_of,
    signed,
    struct_of,
)

from verifier_contracts.artifacts import Artifact
from verifier_contracts.context import Context
from verifier_contracts.governance import Role

MINUTE, HOUR, DAY = 60, 3_600, 86_400
FORCED = ("ForcedFills(address account,address venue,uint40 version,uint256 fillDigest,int128 cash,uint128 concession,"
          "uint256 deadline)")
ACCEPTANCE = "Acceptance(uint256 lotId,address to,uint256 newCommitment,uint256 leastPaid)"
EMPTY_FILLS, EMPTY = 1_111, 424_242
BAND, CONCESSION, UNKNOWN_LOSS, BREACH_SHARE, BREACH_LEAST = 500, 200, 1_000, 500, 40
VENUE_DELIVERS, COMMITTEE_DELIVERS = 4 * MINUTE, 8 * MINUTE
FACTORS = [(QUOTE_ID, ONE, ONE)]
NO_PROOF = [0] * 8
NO_SHORTFALL = (0, 0, [], NO_PROOF)
ANYBODY = account(0xBEEF)
NONE, COVER, MARGIN = range(3)


class Stage(IntEnum):
    NONE, BLIND, DISCLOSURE, COMMIT, SEALED, REVEAL, CLEARING, AWARD, SETTLED, VOIDED, FAILED = range(11)


class State(IntEnum):
    NONE, OPEN, STUCK, AWARDED, VOIDED, FAILED, RELEASED = range(7)


@contextmanager
def refused(name: str, *arguments: Any) -> Iterator[None]:
    """The block must end in this refusal; arguments given are compared, addresses without their checksums."""
    def plain(values: Sequence[Any]) -> list[Any]:
        return [value.lower() if isinstance(value, str) else value for value in values]

    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.name == name, caught.value
    assert not arguments or plain(caught.value.arguments) == plain(arguments), caught.value


@lru_cache(maxsize=1)
def stand_ins() -> dict[str, Artifact]:
    return dict(compiled("LiquidationStandIns"))


@dataclass
class LiquidationWorld:
    """margins : of each commitment.  resalted : the commitment that another is, under another salt.  fills : that lead
    from one commitment to another.  keys : of every account that signs."""

    s: RevmSystem
    silence: Contract
    closes: Contract
    coordinator: Contract
    escrow: Contract
    house: Contract
    fund: Contract
    allocator: Contract
    bonds: Contract
    owner_key: LocalAccount
    margins: dict[int, int] = field(default_factory=lambda: {EMPTY: 0})
    resalted: dict[int, int] = field(default_factory=dict)
    fills: set[tuple[int, int, int]] = field(default_factory=set)
    keys: dict[str, LocalAccount] = field(default_factory=dict)
    made: int = 0

    # -- who and when ----------------------------------------------------------------------------------------------
    @property
    def owner(self) -> str:
        return str(self.owner_key.address)

    @property
    def venue(self) -> str:
        return str(self.s.venues[0].address)

    @property
    def now(self) -> int:
        return self.s.now

    @property
    def live(self) -> int:
        return int(self.s.oracle("liveTime"))

    @property
    def epoch(self) -> int:
        return self.s.latest

    def key(self, name: str) -> LocalAccount:
        made: LocalAccount = Account.from_key(keccak(text=name))
        self.keys[made.address] = made
        return made

    def publish(self, factors: Sequence[tuple[int, int, int]] = FACTORS) -> int:
        return self.s.publish(factors)

    def publish_now(self) -> int:
        """An epoch as soon as one may come."""
        self.wait(max(0, self.s.latest + INTERVAL - self.now))
        return self.publish()

    def logs(self, contract: Contract, function: str, *arguments: Any, sender: str = ANYBODY) -> list[tuple[Any, ...]]:
        """Events of a call, of whatever contract: name and values in the order of their declaration."""
        contract(function, *arguments, sender=sender)
        known = {}
        for made in (*artifacts().values(), *stand_ins().values()):
            for entry in made.abi:
                if entry["type"] == "event" and entry["name"] not in ("Transfer", "Approval"):
                    known[keccak(text=abi_to_signature(entry))] = entry
        found = []
        for log in self.s.machine.evm.result.logs:
            topics, data = [bytes.fromhex(str(t).removeprefix("0x")) for t in log.topics], bytes(log.data[1])
            entry = known.get(topics[0])
            if entry is None:
                continue
            rest = iter(decode([i["type"] for i in entry["inputs"] if not i["indexed"]], data))
            names = iter(topics[1:])
            values = [decode([i["type"]], next(names))[0] if i["indexed"] else next(rest) for i in entry["inputs"]]
            found.append((entry["name"], *(to_checksum_address(v) if i["type"] == "address" else v
                                           for i, v in zip(entry["inputs"], values, strict=True))))
        return found

    def run(self, seconds: int, every: int = 300) -> None:
        """Pass time with epochs coming."""
        end = self.now + seconds
        while self.now < end:
            self.s.pass_time(min(every, end - self.now))
            if self.now - self.s.latest >= every:
                self.publish()

    def wait(self, seconds: int) -> None:
        """Pass time without any."""
        self.s.pass_time(seconds)

    def factors(self, epoch: int) -> list[tuple[int, int, int]]:
        """An epoch's list, as it was signed."""
        return self.s.factors.get(epoch, FACTORS)

    def margin_under(self, commitment: int, epoch: int) -> int:
        """What a commitment needs under an epoch: here the same under all."""
        return self.margins[commitment]

    def live_to(self, moment: int) -> None:
        """Until live time is so late, to the second."""
        while self.live < moment:
            self.run(min(300, moment - self.live))
        assert self.live == moment

    def final_epoch(self) -> int:
        return int(self.s.oracle("latestFinalEpochId"))

    # -- proofs ----------------------------------------------------------------------------------------------------
    def prove(self, statement: str, manager: Contract, who: str, epoch: int, version: int, inputs: Sequence[int],
              holds: bool = True, action: bytes = bytes(32)) -> list[int]:
        key = key_digest(statement, self.s.registry("active", keccak(text=statement))[2])
        context = Context(statement, 1, manager.address, key, who, epoch, version, action).field_element()
        return proof_of(key, [context if holds else context ^ 1, *inputs])

    def version(self, who: str) -> int:
        return int(self.s.ledger("versionOf", who))

    def commitment(self, who: str) -> int:
        return int(self.s.ledger("commitmentOf", who))

    def value(self, who: str) -> int:
        return int(self.s.vault("balanceOf", who, self.s.quote.address))

    def side(self, side: int, who: str, epoch: int, claimed: int, buffer: int, *, version: int | None = None,
             commitment: int | None = None, manager: Contract | None = None, action: bytes = bytes(32)) -> list[int]:
        """A `cover` proof of a side; of what is false, another's."""
        version = self.version(who) if version is None else version
        commitment = self.commitment(who) if commitment is None else commitment
        margin = self.margin_under(commitment, epoch)
        covered = 10_000 * claimed >= margin * (10_000 + buffer)
        return self.prove("cover", manager or self.s.ledger, who, epoch, version,
                          [root_of(epoch), commitment, claimed | buffer << 128 | side << 144], covered == bool(side),
                          action)

    def margin_proof(self, who: str, epoch: int, margin: int, manager: Contract | None = None) -> list[int]:
        commitment = self.commitment(who)
        return self.prove("margin", manager or self.closes, who, epoch, self.version(who),
                          [root_of(epoch), commitment, margin], margin == self.margin_under(commitment, epoch))

    def flat_proof(self, who: str, version: int, commitment: int, action: bytes = bytes(32)) -> list[int]:
        return self.prove("flat", self.s.ledger, who, 0, version, [commitment], self.margins[commitment] == 0, action)

    def moved(self, who: str, version: int, old: int, new: int, fills: int) -> list[int]:
        holds = (old, new, fills) in self.fills or (fills == EMPTY_FILLS and self.resalted.get(new) == old)
        return self.prove("transition", self.s.ledger, who, 0, version, [old, new, fills], holds)

    def commit_to(self, margin: int, after: int | None = None) -> int:
        """A commitment to positions of this margin; `after` these fills led to it."""
        self.made += 1
        made = int.from_bytes(keccak(text=f"commitment {self.made}"), "big") >> 8
        self.margins[made] = margin
        if after is not None:
            self.fills.add((after, made, self.fill_digest(made)))
        return made

    @staticmethod
    def fill_digest(commitment: int) -> int:
        return commitment ^ 0xF111

    def salted(self, old: int) -> int:
        made = self.commit_to(self.margins[old])
        self.resalted[made] = old
        return made

    def posting(self, who: str, version: int, commitment: int, digest: int = 77) -> tuple[Any, ...]:
        words = [5, 6, 7]
        right = keccak(encode(["address", "uint40", "uint256", "uint256", "uint256[]"],
                              [who, version, commitment, digest, words]))
        return (digest, words, [int.from_bytes(right, "big"), *[0] * 7])

    # -- accounts --------------------------------------------------------------------------------------------------
    def consent(self, key: LocalAccount, venue: str, commitment: int, version: int, deadline: int) -> bytes:
        nonce = self.s.desk("nonceOf", key.address)
        return signed(key, digest_of("Tailproof CommitmentDesk", self.s.desk.address, struct_of(
            CONSENT, [key.address, venue, commitment, version, nonce, deadline])))

    def register(self, key: LocalAccount, margin: int, venue: str | None = None) -> int:
        venue, commitment = venue or self.venue, self.commit_to(margin)
        version, deadline = self.version(key.address) + 1, self.now
        self.s.desk("registerCommitment", key.address, commitment, version, deadline,
                    self.consent(key, venue, commitment, version, deadline), sender=venue)
        self.keys[key.address] = key
        return commitment

    def deposit(self, who: str, amount: int, sender: str = ANYBODY) -> None:
        self.s.quote("mint", sender, amount)
        self.s.quote("approve", self.s.vault.address, 1 << 200, sender=sender)
        self.s.vault("deposit", who, self.s.quote.address, amount, sender=sender)

    def cover(self, who: str, step: int = 1, epoch: int | None = None, claimed: int | None = None) -> None:
        epoch, claimed = epoch or self.epoch, self.value(who) if claimed is None else claimed
        self.s.ledger("attestCover", who, epoch, self.version(who), step, claimed, 0, self.factors(epoch),
                      self.side(1, who, epoch, claimed, BUFFERS[step]))

    def shortfall(self, who: str, epoch: int | None = None, claimed: int | None = None) -> None:
        """Called at once."""
        epoch, claimed = epoch or self.epoch, self.value(who) if claimed is None else claimed
        self.s.ledger("proveShortfall", who, epoch, self.version(who), claimed, 0, self.factors(epoch),
                      self.side(0, who, epoch, claimed, BUFFERS[0]))

    def status(self, who: str) -> str:
        from ledger_world import STATUS
        return STATUS[self.s.ledger("tryMarginOf", who, 1 << 40, 0, account(0))[0]]

    def since(self, who: str) -> int:
        return int(self.s.ledger("callOf", who)[1])

    def short(self, who: str, epoch: int | None = None, claimed: int | None = None, **made: Any) -> tuple[Any, ...]:
        """What the coordinator's contracts take for a shortfall."""
        epoch = self.final_epoch() if epoch is None else epoch
        claimed = self.value(who) if claimed is None else claimed
        made = {"manager": self.closes} | made
        return (epoch, claimed, self.factors(epoch), self.side(0, who, epoch, claimed, BUFFERS[0], **made))

    # -- from a call to a lot ----------------------------------------------------------------------------------------
    def trouble(self, value: int = 1_000, margin: int = 1_500, key: LocalAccount | None = None) -> str:
        """An account that is short, and called for it."""
        key = key or self.owner_key
        self.register(key, margin)
        self.deposit(key.address, value)
        self.shortfall(key.address)
        return str(key.address)

    def to_venue(self, who: str) -> None:
        """Until the venue may close, under an epoch that has come after the call and is final."""
        self.live_to(max(self.live, self.since(who) + 20 * MINUTE))
        self.closes("passToVenue", who)
        while self.final_epoch() <= self.s.ledger("callOf", who)[0]:
            self.run(60)

    def to_lots(self, who: str) -> None:
        self.to_venue(who)
        self.live_to(max(self.live, self.closes("venuesTimeOf", who)[1]))

    def open_lot(self, who: str, margin: int | None = None, s: Any = NO_SHORTFALL, sender: str = ANYBODY) -> int:
        margin = self.margins[self.commitment(who)] if margin is None else margin
        proof = self.margin_proof(who, self.epoch, margin) if margin else NO_PROOF
        factors = self.factors(self.epoch)
        return int(self.coordinator("openLot", who, self.epoch, factors, margin, proof, s, sender=sender))

    def lot(self, lot_id: int) -> tuple[Any, ...]:
        return tuple(self.coordinator("lotOf", lot_id))

    def state(self, lot_id: int) -> State:
        return State(self.lot(lot_id)[2])

    def to_award(self, who: str, price: int, bidder: str) -> int:
        """A lot that somebody has won, the opening delivered."""
        self.to_lots(who)
        lot_id = self.open_lot(who)
        self.house("set", lot_id, Stage.DISCLOSURE)
        self.coordinator("orderDisclosure", lot_id)
        self.escrow("deliver", lot_id, 3, False)
        if price > 0:
            self.s.quote("mint", self.house.address, price)
        self.house("win", lot_id, bidder, price)
        return lot_id

    def awarding(self, lot_id: int, who: str, to: LocalAccount, value: int, **changes: Any) -> tuple[Any, ...]:
        """What `award` takes; `value` is what the new account will have. Names in `changes` replace parts."""
        old = self.commitment(who)
        new = changes.pop("new", None) or self.salted(old)
        deadline = changes.pop("deadline", self.now)
        venue = self.s.ledger("venueOf", who)
        epoch = changes.pop("epoch", self.epoch)
        parts: dict[str, Any] = {
            "lot": lot_id,
            "hand": (who, to.address, new, deadline, self.consent(to, venue, new, 0, deadline),
                     self.moved(to.address, 1, old, new, EMPTY_FILLS)),
            "acceptance": b"", "least": 0, "short": self.short(who) if "short" not in changes else None,
            "posting": self.posting(to.address, 1, new), "epoch": epoch, "claimed": value,
            "factors": self.factors(epoch),
            "cover": self.side(1, to.address, epoch, value, BUFFERS[1], version=1, commitment=new)} | changes
        return tuple(parts.values())

    def acceptance(self, key: LocalAccount, lot_id: int, to: str, new: int, least: int = 0) -> bytes:
        return signed(key, digest_of("Tailproof LiquidationCoord", self.coordinator.address,
                                     struct_of(ACCEPTANCE, [lot_id, to, new, least])))

    def closing(self, who: str, new: int, *, concession: int = 0, flat: bool = False, key: LocalAccount | None = None,
                **changes: Any) -> tuple[Any, ...]:
        """What `closePartial` takes."""
        old, version, epoch = self.commitment(who), self.version(who) + 1, changes.pop("epoch", self.epoch)
        fills, cash, deadline = self.fill_digest(new), 123, changes.pop("deadline", self.now)
        venue = self.s.ledger("venueOf", who)
        key = key or next((one for one in self.s.venues if one.address.lower() == venue.lower()), self.s.venues[0])
        value = self.value(who)
        signature = signed(key, digest_of("Tailproof CommitmentDesk", self.s.desk.address, struct_of(
            FORCED, [who, venue, version, fills, cash, concession, deadline])))
        parts: dict[str, Any] = {
            "fills": (who, version, new, fills, cash, concession, deadline, signature,
                      self.moved(who, version, old, new, fills)),
            "short": self.short(who) if "short" not in changes else None, "posting": self.posting(who, version, new),
            "flat": flat, "epoch": epoch, "covering": value, "missing": value, "factors": self.factors(epoch),
            "cover": self.flat_proof(who, version, new) if flat
            else self.side(1, who, epoch, value, BUFFERS[1], version=version, commitment=new),
            "band": self.side(0, who, epoch, value, BUFFERS[1] + BAND, version=version, commitment=new,
                              manager=self.closes)} | changes
        return tuple(parts.values())

    def post(self, who: str) -> None:
        """The opening of what it holds now, to the escrow that the ledger knows."""
        if not any(self.s.escrow("keyOf", who)):
            self.s.register_key(who)
        version, key = self.version(who), key_digest("escrow", self.s.registry("active", keccak(text="escrow"))[2])
        context = self.s.context("escrow", key, who, 0, version)
        words = [1] * WORDS
        at = self.s.ledger("venueOf", who).lower()
        venue = next(one.address for one in self.s.venues if one.address.lower() == at)
        inputs = sealed_inputs(key, context, self.commitment(who), self.s.holders(who, venue, 1), words)
        self.s.escrow("postEscrow", who, version, DIGEST, words, proof_of(key, inputs))

    def transition(self, who: str, new: int, support: int, *, sender: str = ANYBODY, value: int | None = None) -> None:
        """By owner and venue, of an account whose opening is in escrow."""
        key, old, version = self.keys[who], self.commitment(who), self.version(who) + 1
        self.post(who)
        fills, value = self.fill_digest(new), self.value(who) if value is None else value
        venue = self.s.ledger("venueOf", who)
        venue_key = next(one for one in self.s.venues if one.address.lower() == venue.lower())
        by_venue = signed(venue_key, digest_of("Tailproof CommitmentDesk", self.s.desk.address,
                                               struct_of(FILLS, [who, venue, version, fills, 0])))
        by_owner = signed(key, digest_of("Tailproof CommitmentDesk", self.s.desk.address, struct_of(
            TRANSITION, [who, version, new, fills, 0, self.s.desk("nonceOf", who), self.now])))
        if support == COVER:
            proof = self.side(1, who, self.epoch, value, BUFFERS[1], version=version, commitment=new)
        else:
            value = self.margins[new]
            proof = self.prove("margin", self.s.ledger, who, self.epoch, version, [root_of(self.epoch), new, value])
        self.s.desk("applyTransition", (who, version, new, fills, 0, self.now, by_owner, by_venue,
                                        self.moved(who, version, old, new, fills), support, self.epoch, value,
                                        self.factors(self.epoch) if support == COVER else [], proof), sender=sender)


def build_liquidation() -> LiquidationWorld:
    """Everything deployed, roles given, an epoch published, one owner with nothing registered yet."""
    s = build()
    made = {**artifacts(), **stand_ins()}
    admin = s.admin

    def deploy(name: str, *arguments: Any) -> Contract:
        return s.machine.deploy(made[name], *arguments, sender=admin)

    quote = s.quote.address
    escrow, house = deploy("TrialEscrow", s.ledger.address), deploy("TrialHouse", quote)
    fund, allocator, bonds = deploy("TrialFund", quote), deploy("TrialAllocator", quote), deploy("TrialBonds", quote)
    silence = deploy("SilenceCalls", s.desk.address, s.ledger.address)
    closes = deploy("PartialClose", s.ledger.address, s.desk.address, escrow.address, BAND, CONCESSION)
    coordinator = deploy("LiquidationCoordinator", s.authority.address,
                         settings_of(closes, bonds, house, fund, allocator))
    give_roles(s, silence, closes, coordinator)
    world = LiquidationWorld(s, silence, closes, coordinator, escrow, house, fund, allocator, bonds,
                             Account.from_key(keccak(text="liquidated owner")))
    world.keys[world.owner] = world.owner_key
    world.wait(300)
    world.publish()
    return world


def settings_of(closes: Any, bonds: Any, house: Any, fund: Any, allocator: Any) -> tuple[Any, ...]:
    """Of a coordinator."""
    return (closes.address, bonds.address, house.address, fund.address, allocator.address, EMPTY_FILLS, EMPTY,
            UNKNOWN_LOSS, BREACH_SHARE, BREACH_LEAST, VENUE_DELIVERS, COMMITTEE_DELIVERS)


def give_roles(s: RevmSystem, silence: Contract, closes: Contract, coordinator: Contract) -> None:
    """To each contract its own, as a deployment does."""
    for role, contract in ((Role.SILENCE, silence), (Role.CLOSING, closes), (Role.COORDINATOR, coordinator)):
        s.authority("grantRole", int(role), contract.address, 0, sender=s.admin)


@dataclass
class Kept:
    """A world's state for one test, put back afterwards."""

    world: LiquidationWorld

    def __enter__(self) -> LiquidationWorld:
        w = self.world
        self._at = (w.s.now, w.s.latest, dict(w.s.factors), dict(w.s.digests), dict(w.s.verifiers))
        self._own = deepcopy((w.margins, w.resalted, w.fills)), dict(w.keys), w.made
        self._snapshot = w.s.machine.evm.snapshot()
        return w

    def __exit__(self, *_: object) -> None:
        w = self.world
        w.s.machine.evm.revert(self._snapshot)
        now, w.s.latest, w.s.factors, w.s.digests, w.s.verifiers = self._at
        (w.margins, w.resalted, w.fills), w.keys, w.made = self._own
        w.s.machine.at(now, (now - 1_800_000_000) // 12 + 1)


