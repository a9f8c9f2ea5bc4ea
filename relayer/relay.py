"""The loop of a relayer: what is in the outbox is brought on chain, once each, through whatever nodes and processes do.

A round looks at the chain, moves every delivery that is out by what `outbox_steps` decides, fills gaps in the nonces,
and signs for what waits. Each step is written down before the next is taken, a signed transaction before any node has
it; so a round may end anywhere (`kill -9`), and the next begins with what was written. Nothing is kept in memory that
is not in the outbox but breakers and clocks.

What a cheat can do. A node may say nothing, or lie: see `peers`; alone it makes nothing final and refuses nothing where
several are asked. A bundle may be false: the contract is asked without effect, of a combination half by half, and only
what is false is refused. A submitter may send the same thing twice, or something else under a name that is taken: the
outbox knows names. Whoever sends with the relayer's key from elsewhere takes a nonce: what it carried goes again, once
that is final.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from primitives.errors import BadInput
from relayer.breaker import Breaker
from relayer.desk import Desk, Says, Verdict
from relayer.loads import MEASURED, MOST_COMBINED, Gas, Waiting, halves, plan
from relayer.outbox import Item, Load, Out, Outbox, OutboxBusy, Outcome
from relayer.outbox_steps import (
    Attempt,
    Finish,
    HandOver,
    Lost,
    Mined,
    Policy,
    Replace,
    Sight,
    State,
    Step,
    Unmined,
    Wait,
    decide,
    gaps,
    next_nonce,
    raised,
)
from relayer.parcel import COVER, SINGLE, Parcel
from relayer.peers import Peer, Peers
from relayer.submit import NotSubmitted
from verifier_contracts.abi import refusal
from verifier_contracts.addresses import checksummed
from verifier_contracts.context import MARGIN
from verifier_contracts.errors import ContractRefused, FeeAboveCap, NodeError, Reverted
from verifier_contracts.fees import Caps, gas_limit
from verifier_contracts.signers import Signer, transaction_hash

FILL_GAS = 21_000
"""Of a transfer of nothing to oneself, which only uses up a nonce."""
ROOM = 115
"""Percent of the measured gas that a limit has."""
LOOKED_AT = 512
"""Items that wait and are looked at in a round."""
GAS_ABOVE_CAP = "GasAboveCap"
"""Name of our own refusal of what would take more gas than is signed for; the cap may be raised."""
_STEPS = 8
"""Of a delivery in a round, at most: more would be a circle."""


@dataclass(frozen=True)
class Terms:
    """How a relayer carries.

    policy : of deliveries.  gas : most gas of a transaction; None: by what it does.
    in_flight : deliveries without a receipt, at most: nodes keep few of one sender.
    combined : margins in one transaction, at most.  linger : seconds for which a margin waits for company.
    tries : transactions that may be mined without effect before an item is refused.
    patience : seconds for which is waited for an epoch or a version that is not on chain yet.
    later : seconds after which such an item is looked at again.
    """

    policy: Policy = field(default_factory=Policy)
    gas: int | None = None
    in_flight: int = 8
    combined: int = MOST_COMBINED
    linger: float = 2.0
    tries: int = 5
    patience: float = 1_800.0
    later: float = 5.0
    measured: Gas = MEASURED


def nowhere(point: str) -> None:
    """A place at which a test may end the process."""


class Relay:
    """One sender's outbox, nodes and contracts.

    Parameters
    ----------
    read : a parcel from the document that was taken.
    clock : seconds since 1970.  heard : told (event, facts); facts hold no secret.
    at : told the name of every point between two steps, for tests.
    """

    def __init__(self, outbox: Outbox, peers: Peers, desk: Desk, signer: Signer, read: Callable[[str], Parcel], *,
                 terms: Terms, chain_id: int, clock: Callable[[], float],
                 heard: Callable[..., object] = lambda event, **facts: None, at: Callable[[str], object] = nowhere
                 ) -> None:
        self.outbox, self.peers, self.terms, self.sender = outbox, peers, terms, signer.address
        self._desk, self._signer, self._read, self._chain_id = desk, signer, read, chain_id
        self._clock, self._heard, self._at = clock, heard, at
        self.contracts: dict[str, Breaker] = {}
        self.sight: Sight | None = None
        self.rounds, self.round_at = 0, 0.0
        self.trouble = self.warning = ""
        self._gap_since: float | None = None
        self._tips = frozenset[str]()
        self._parcels: dict[int, tuple[bytes, Parcel]] = {}

    # -- rounds --------------------------------------------------------------------------------------------------------
    def require_own(self) -> None:
        """Refuse an outbox in which another sender's transactions are out: nobody could replace them.

        Raises
        ------
        BadInput : naming that sender.
        """
        others = {out.sender for out in self.outbox.out()} - {self.sender}
        if others:
            raise BadInput("sender", self.sender, f"{', '.join(sorted(others))}, whose transactions are out",
                           source=self.outbox.name)

    def run(self, stop: threading.Event, every: float, before: Callable[[], object] = lambda: None) -> None:
        """Round after round until it is stopped; what is under way is ended first.

        every : seconds between rounds in which nothing happened.  before : done at the beginning of each.
        """
        self.require_own()
        while not stop.is_set():
            try:
                before()
            except OutboxBusy as busy:             # as in a round: the database comes back
                self._heard("round failed", why=str(busy)[:300])
            if not self.once():
                stop.wait(every)

    def once(self) -> bool:
        """One round; returns whether anything happened. A node or database that fails ends it, and is heard."""
        self.rounds += 1
        try:
            happened = self._round()
            self.trouble = ""
        except (NodeError, OutboxBusy) as error:
            self.trouble, happened = str(error)[:300], False
            self._heard("round failed", why=self.trouble)
        self.round_at = self._clock()
        return happened

    def _round(self) -> bool:
        policy = self.terms.policy
        sight = self.sight = self.peers.sight(self.sender, policy.depth)
        tips = self.peers.tips()
        moved, looked = False, tips != self._tips
        # What is in a block changes with blocks; what is not, at any time.
        for out in self.outbox.out(mined=looked):
            moved = self._advance(out, sight) or moved
        self._tips = tips
        moved = self._fill(sight) or moved
        return self._carry(sight) or moved

    # -- deliveries ----------------------------------------------------------------------------------------------------
    def _advance(self, out: Out, sight: Sight) -> bool:
        moved = False
        for _ in range(_STEPS):
            hashes = [one.transaction for one in out.delivery.attempts]
            # Where the nonce is not used, nothing with it is mined: only for what was, that is worth asking.
            asked = self.peers.receipts(hashes) if sight.used > out.delivery.nonce or out.delivery.mined else \
                dict.fromkeys(hashes)
            step = decide(out.delivery, replace(sight, receipts=asked), self.terms.policy)
            if isinstance(step, Wait) or not self._take(out, step, sight):
                break
            moved = True
            again = [other for other in self.outbox.out() if other.id == out.id]
            if not again or isinstance(step, HandOver):
                break
            (out,) = again
        return moved

    def _take(self, out: Out, step: Step, sight: Sight) -> bool:
        """Do a step; returns whether it was done."""
        now, name = self._clock(), type(step).__name__.lower()
        self._at(f"before {name}")
        if isinstance(step, HandOver):
            done = self._hand_over(out, step.transaction)
        elif isinstance(step, Replace):
            done = self._replace(out, step.over)
        elif isinstance(step, Mined):
            self.outbox.mined(out, step.found, now)
            done = True
        elif isinstance(step, Unmined):
            self.outbox.unmined(out, now)
            done = True
        elif isinstance(step, Lost):
            self.outbox.finish(out, {item.id: Outcome(State.QUEUED, "its nonce went to another transaction")
                                     for item in self.outbox.items_of(out)}, now, lost=True)
            done = True
        else:
            assert isinstance(step, Finish)
            self._finish(out, step, now)
            done = True
        if done:
            self._heard(name, nonce=out.delivery.nonce, kind=out.load.kind,
                        **({"transaction": step.found.transaction, "block": step.found.block,
                            "succeeded": step.found.succeeded, "gas_used": step.found.gas_used}
                           if isinstance(step, Mined | Finish) else
                           {"transaction": out.delivery.attempts[-1].transaction}))
            self._at(f"after {name}")
        return done

    def _hand_over(self, out: Out, transaction: str) -> bool:
        said = self.peers.hand_over(self.outbox.raw(transaction), transaction)
        self._at("handed over")
        for node, words in said.items():
            if words not in ("taken", "known"):
                self._heard("not taken", node=node, said=words, transaction=transaction)
        if not said:
            return False
        refused = [words for words in said.values() if words not in ("taken", "known", "no answer")]
        self.warning = f"no node takes {transaction}: {refused[0]}" if len(refused) == len(said) else ""
        # Whatever they said, one may have it; and if none has, it is handed over again after a while.
        self.outbox.handed(out, self._clock())
        return True

    def _replace(self, out: Out, over: Attempt) -> bool:
        try:
            fee, tip = self.peers.fees(self._caps())
        except FeeAboveCap as above:
            self.warning = str(above)[:300]
            self._heard("fee above cap", why=self.warning)
            return False
        wei = raised(over, fee, tip, self.terms.policy)
        if wei is None:
            self.warning = f"the fee of {over.transaction} is at its cap"
            self._heard("fee at cap", transaction=over.transaction)
            return False
        wanted = over.fill or out.load.kind == "fill" or isinstance(self._try(out.load, out.load.gas), ContractRefused)
        now = self._clock()
        attempt, raw = self._signed(self._filling() if wanted else out.load, out.delivery.nonce, *wei, fill=wanted)
        self.outbox.replace(out, attempt, raw, now)
        return True

    def _finish(self, out: Out, step: Finish, now: float) -> None:
        fill = any(one.fill for one in out.delivery.attempts if one.transaction == step.found.transaction)
        items, outcomes = self.outbox.items_of(out), dict[int, Outcome]()
        broken = {item.id: why for item in items if (why := self._unreadable(item))}
        read = [item for item in items if item.id not in broken]
        verdicts = dict[int, Verdict]()
        if read and step.found.succeeded and not fill:
            parcels, block = [self._parcel(item) for item in read], step.found.block
            told = self.peers.agreed("what was attested", lambda peer: self._desk.judge(peer, parcels, block))
            verdicts = {item.id: verdict for item, verdict in zip(read, told, strict=True)}
        for item in items:
            verdict = verdicts.get(item.id)
            if item.id in broken:
                outcomes[item.id] = Outcome(State.QUEUED, broken[item.id])             # where it is refused
                continue
            if verdict is not None and verdict.says is Says.STANDS:
                outcomes[item.id] = Outcome(State.FINAL, "")
                continue
            why = "a transaction without effect had its nonce" if fill else "failed when mined" if verdict is None \
                else verdict.reason or "skipped"
            again = fill or item.tries + 1 < self.terms.tries
            outcomes[item.id] = Outcome(State.QUEUED, why, tried=not fill) if again else Outcome(
                State.REFUSED, f"mined {item.tries + 1} times without effect: {why}", tried=True)
        self.outbox.finish(out, outcomes, now)
        if items and not fill:
            breaker = self.contract(out.load.recipient)
            if step.found.succeeded:
                breaker.worked()
            else:
                breaker.failed(now, f"{out.load.kind} failed when mined")

    def contract(self, address: str) -> Breaker:
        """Of a contract, by its transactions that failed when mined though they were tried before."""
        return self.contracts.setdefault(address, Breaker(after=3, first=60.0, longest=3_600.0))

    # -- nonces --------------------------------------------------------------------------------------------------------
    def _fill(self, sight: Sight) -> bool:
        out = [one.delivery.nonce for one in self.outbox.out(mined=False)]
        missing = gaps(sight.used, out)
        if not missing:
            self._gap_since = None
            return False
        if self._gap_since is None:
            self._gap_since = sight.now
        if sight.now - self._gap_since < self.terms.policy.gap_after:
            return False
        held = {one.delivery.nonce for one in self.outbox.out()}
        filled = [nonce for nonce in missing if nonce not in held and self._sign([], self._filling(), nonce)]
        self._gap_since = None
        return bool(filled)

    def _filling(self) -> Load:
        return Load("fill", self.sender, b"", FILL_GAS)

    # -- what waits ----------------------------------------------------------------------------------------------------
    def _carry(self, sight: Sight) -> bool:
        now = self._clock()
        items = {item.id: item for item in self._readable(self.outbox.waiting(now, LOOKED_AT), now)}
        room = self.terms.in_flight - len(self.outbox.out(mined=False))
        if not items or room <= 0:
            return False
        ready, moved = self._judge(list(items.values()), sight)
        combine = set[str]()
        for slot in SINGLE:
            alike = [one for one in ready if one.parcel.slot == slot]
            # One alone waits for others where they could go together by now; for it nothing is prepared.
            combines = self._combines(slot) if len(alike) > 1 else bool(alike) and self.terms.linger > 0 and \
                self._kept(slot)
            if combines is None and now - min(one.since for one in alike) < self.terms.policy.bump_after:
                ready = [one for one in ready if one not in alike]     # until the key is kept, which takes a block
            elif combines:
                combine.add(slot)
        if not ready:
            return moved
        made = plan(ready, now=now, combine=combine, most=self.terms.combined, linger=self.terms.linger,
                    gas=self.terms.measured)
        room, went, sent = self._send(made.loads, items, room, sight)
        moved = moved or sent
        batches = [load[0] for load in made.loads if load[0].parcel.slot not in SINGLE]
        if any(one.key not in went for one in batches):
            # Not for long is anything held for a batch: one that is false, or whose contract is left alone, has no
            # margin's place. Else whoever brings false ones, one after another, kept the margin for ever.
            gone = frozenset[str]().union(*(one.parcel.covers for one in batches if one.key in went))
            left = [one for one in made.held if one.parcel.slot == MARGIN and one.parcel.name not in gone]
            rest = plan(left, now=now, combine=combine, most=self.terms.combined, linger=self.terms.linger,
                        gas=self.terms.measured)
            _, _, sent = self._send(rest.loads, items, room, sight)
            moved = moved or sent
        return moved

    def _send(self, loads: Sequence[Sequence[Waiting]], items: Mapping[int, Item], room: int, sight: Sight
              ) -> tuple[int, set[int], bool]:
        """Send loads while there is room: how much is left of it, keys of what went, whether anything happened."""
        ahead, went, moved = [[items[one.key] for one in load] for load in loads], set[int](), False
        while ahead and room > 0:
            group = ahead.pop(0)
            sent, rest = self._go(group, sight)
            ahead = rest + ahead
            room -= sent
            moved = moved or bool(sent) or bool(rest)
            if sent:
                went |= {item.id for item in group}
        return room, went, moved

    def _judge(self, items: Sequence[Item], sight: Sight) -> tuple[list[Waiting], bool]:
        """Which of the items may go; the others are moved where they belong."""
        now, parcels = self._clock(), [self._parcel(item) for item in items]
        verdicts = self.peers.agreed("accounts", lambda peer: self._desk.judge(peer, parcels, None))
        ready, moved = [], False
        standing = [place for place, verdict in enumerate(verdicts) if verdict.says is Says.STANDS]
        deep: Mapping[int, Verdict] = {}
        if standing:                               # attested by others: as deep as we ask of ourselves
            block = max(sight.head - self.terms.policy.depth + 1, 0)
            chosen = [parcels[place] for place in standing]
            told = self.peers.agreed("accounts, in the past", lambda peer: self._desk.judge(peer, chosen, block))
            deep = dict(zip(standing, told, strict=True))
        for place, (item, verdict) in enumerate(zip(items, verdicts, strict=True)):
            if verdict.says in (Says.GO, Says.ALONE):
                # A cover that a combination passed over is tried alone: the contract then says why.
                again = parcels[place].slot == COVER and item.tries > 0
                ready.append(Waiting(item.id, parcels[place], item.taken_at, again or verdict.says is Says.ALONE))
            elif verdict.says is not Says.STANDS:
                moved = self._settle(item, verdict, now) or moved
            elif deep[place].says is Says.STANDS:
                self._move([item], State.FINAL, "attested by another transaction", now)
                moved = True
            else:
                self._move([item], item.state, "attested by another transaction, not final yet", now,
                           retry_at=now + self.terms.later)
        return ready, moved

    def _settle(self, item: Item, verdict: Verdict, now: float) -> bool:
        """What does not go: for ever, or for a while."""
        if verdict.says is Says.LATER and now - item.taken_at < self.terms.patience:
            self._move([item], item.state, verdict.reason, now, retry_at=now + self.terms.later)
            return False
        self._move([item], State.SUPERSEDED if verdict.says is Says.SUPERSEDED else State.REFUSED, verdict.reason, now)
        return True

    def _move(self, items: Sequence[Item], to: State, reason: str, now: float, retry_at: float = 0.0) -> None:
        self._at(f"before {to}")
        self.outbox.move(items, to, reason, now, retry_at=retry_at)
        for item in items:
            self._heard(to.value, item=item.name, why=reason)
        self._at(f"after {to}")

    def _go(self, group: list[Item], sight: Sight) -> tuple[int, list[list[Item]]]:
        """Send a group, or say which smaller ones to try; returns how many transactions are out by it, and these."""
        now, parcels = self._clock(), [self._parcel(item) for item in group]
        load = self._desk.load(parcels)
        breaker = self.contract(load.recipient)
        if not breaker.allows(now) or (breaker.on_trial and any(
                out.load.recipient == load.recipient for out in self.outbox.out())):
            return 0, []
        tried = self._try(load, self.terms.measured.of(parcels) * ROOM // 100)
        if isinstance(tried, ContractRefused):
            if len(group) > 1:
                return 0, [list(half) for half in halves(group)]
            self._settle(group[0], Verdict(Says.LATER, str(tried)[:500]) if tried.name == GAS_ABOVE_CAP else
                         self._desk.refused(tried, parcels[0]), now)
            return 0, []
        queued = [item for item in group if item.state is State.QUEUED]
        if queued:
            self._move(queued, State.CHECKED, "", now)
        nonce = next_nonce(sight, self._nonces())
        return int(self._sign(group, replace(load, gas=tried), nonce)), []

    def _nonces(self) -> list[int]:
        highest = self.outbox.highest_nonce(self.sender)
        return [] if highest is None else [highest]

    def _try(self, load: Load, enough: int = 0) -> int | ContractRefused:
        """What a call would come to, as enough nodes say: the gas limit to send it with, or the contract's refusal.

        enough : a limit that should do: one run tells, where an estimate takes a dozen. If it does not, what is wrong
        is found out with all the gas there is: too little of it looks like many things.
        """
        most = load.gas if self.terms.gas is None else self.terms.gas

        def ask(peer: Peer) -> int | ContractRefused:
            if 0 < enough <= most:
                try:
                    peer.chain().call(load.recipient, load.data, sender=self.sender, gas=enough)
                    return enough
                except Reverted:
                    pass
            try:
                needed = gas_limit(peer.chain().estimate_gas(load.recipient, load.data, sender=self.sender))
            except Reverted as reverted:
                return refusal(reverted, "", load.kind)
            # An answer, and no node's failure: that would end every round, and what else waits would wait for ever.
            return needed if needed <= most else ContractRefused(GAS_ABOVE_CAP, {"needed": needed, "most": most},
                                                                 function=load.kind)

        return self.peers.agreed(f"a trial of {load.kind}", ask,
                                 key=lambda told: told.name if isinstance(told, ContractRefused) else "")

    def _combines(self, slot: str) -> bool | None:
        """Whether proofs of a slot can go together; None: soon, a preparation is out, or was sent for it."""
        if self._kept(slot):
            return True
        load = self._desk.preparation(slot)
        if load is None:
            return False
        if any((out.load.kind, out.load.data) == (load.kind, load.data) for out in self.outbox.out()):
            return None
        tried = self._try(load)
        if isinstance(tried, ContractRefused):
            self._heard("no combinations", why=str(tried)[:300])
            return False
        assert self.sight is not None
        return None if self._sign([], replace(load, gas=tried), next_nonce(self.sight, self._nonces())) else False

    def _kept(self, slot: str) -> bool:
        """Whether the key of a slot lies where combinations read it."""
        return bool(self.peers.agreed("the key of combinations", lambda peer: self._desk.combines(peer, slot)))

    def _sign(self, items: Sequence[Item], load: Load, nonce: int) -> bool:
        """Sign, keep what was signed, and hand it over."""
        try:
            fee, tip = self.peers.fees(self._caps())
        except FeeAboveCap as above:
            self.warning = str(above)[:300]
            self._heard("fee above cap", why=self.warning)
            return False
        attempt, raw = self._signed(load, nonce, fee, tip, fill=load.kind == "fill")
        now = self._clock()
        self._at("before signed")
        self.outbox.sign([item._replace(state=State.CHECKED) for item in items], self.sender, nonce, load, attempt, raw,
                         now)
        self._heard("signed", transaction=attempt.transaction, nonce=nonce, kind=load.kind, items=len(items),
                    gas=load.gas, fee=fee)
        self._at("after signed")
        (out,) = [one for one in self.outbox.out(mined=False) if one.delivery.nonce == nonce]
        assert self.sight is not None
        self._take(out, HandOver(attempt.transaction), self.sight)
        return True

    def _signed(self, load: Load, nonce: int, fee: int, tip: int | None, *, fill: bool) -> tuple[Attempt, bytes]:
        fields: dict[str, Any] = {"chainId": self._chain_id, "nonce": nonce, "gas": load.gas, "value": 0,
                                  "to": checksummed(load.recipient), "data": "0x" + load.data.hex()}
        prices = {"gasPrice": fee} if tip is None else {"maxFeePerGas": fee, "maxPriorityFeePerGas": tip}
        raw = self._signer.sign_transaction({**fields, **prices})
        return Attempt(transaction_hash(raw), fee, tip, fill, self._clock()), raw

    def _caps(self) -> Caps:
        return Caps(self.terms.policy.fee_cap, self.terms.gas)

    def _readable(self, items: Sequence[Item], now: float) -> list[Item]:
        """Those whose documents still are what contracts take. One that was taken when a deployment or this program was
        another is refused: else it would end every relayer that is started on it."""
        found = []
        for item in items:
            if why := self._unreadable(item):
                self._move([item], State.REFUSED, why, now)
            else:
                found.append(item)
        return found

    def _unreadable(self, item: Item) -> str:
        """Why an item's document is none any more; "" where it is one."""
        try:
            self._parcel(item)
        except (BadInput, NotSubmitted) as error:
            return f"it cannot be read any more: {error}"[:500]
        return ""

    def _parcel(self, item: Item) -> Parcel:
        """Of an item; the documents of those that come back are read once. By the document: what was refused may say
        the same again, with another proof."""
        found, digest = self._parcels.get(item.id), sha256(item.document.encode()).digest()
        if found is None or found[0] != digest:
            if len(self._parcels) > 8 * LOOKED_AT:
                self._parcels.clear()
            found = self._parcels[item.id] = digest, self._read(item.document)
        return found[1]


