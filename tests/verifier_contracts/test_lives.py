"""The contracts beside a model of them in Python: random lives of three accounts, each refusal by its name.

What a single test does not think of, such as a margin that is attested again after a pause, a move, a rotation and a
frozen epoch, is tried here in some order. Seconds at the edge are `test_edges`'s: a call's time is a node's choice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from toykey import CIRCUIT, ToyKey
from world import GENESIS, MODEL_ID, STATEMENT

from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import Chain
from verifier_contracts.consent import Consent
from verifier_contracts.context import MARGIN, Context
from verifier_contracts.deployment import Roles, deploy, deploy_verifier
from verifier_contracts.errors import ContractRefused

AGE = 5_000
STEPS = 100


@dataclass
class Held:
    """What the model knows of an account."""

    owner: LocalAccount
    version: int = 0
    epoch: int = 0
    attested: bool = False
    margin: int = 0
    commitment: int = 0
    venue: str = ""


@dataclass(frozen=True)
class Attempt:
    """expected : the refusal's name, or None; act : does it; then : what the model does where it succeeds."""

    expected: str | None
    act: Callable[[], object]
    then: Callable[[], object]


def first(*reasons: tuple[bool, str]) -> str | None:
    """The contract's reason: the first that holds, in the order in which it looks."""
    return next((name for holds, name in reasons if holds), None)


@dataclass
class Life:
    """A deployed system, its model, and a source of chance."""

    draw: random.Random
    epochs: dict[int, list[int]] = field(default_factory=dict)           # id: [root, 1 if frozen]
    latest: int = 0
    paused: bool = False
    key: int = 0

    def __post_init__(self) -> None:
        self.chain = Chain.embedded(timestamp=GENESIS)
        self.admin, self.publisher, self.guardian, *self.venues, self.anybody = self.chain.senders[:6]
        roles = Roles(self.admin, self.publisher, self.guardian, self.venues[0], admin_delay=0)
        self.keys = [ToyKey(), ToyKey(seed="other")]
        made = deploy(self.chain, self.keys[0].verification_key, STATEMENT, CIRCUIT, self.keys[0].known_answer(),
                      max_epoch_age=AGE, roles=roles, allow_insecure_setup=True)
        self.registry, self.manager = made.open(self.chain)
        other = deploy_verifier(self.chain, self.keys[1].verification_key, STATEMENT, CIRCUIT)
        self.verifiers = [made.verifier, other]
        self.manager.transact("grantRole", self.manager.read("VENUE_ROLE"), self.venues[1], sender=self.admin)
        self.accounts = [Held(Account.from_key(bytes([number]) * 32)) for number in (21, 22, 23)]
        for held in self.accounts[:2]:                                   # the third begins unknown
            self._registration(held, held.owner, self.venues[0], 1, 77, self.chain.now() + 500).act()
            held.version, held.commitment, held.venue = 1, 77, self.venues[0]

    def step(self) -> tuple[str, str | None]:
        kinds = {self.attest: 14, self.register: 6, self.publish: 4, self.freeze: len(self.epochs) // 4, self.move: 2,
                 self.wait: 1, self.pause: 8 if self.paused else 1, self.rotate: 1, self.read: 6}
        kind = self.draw.choices([*kinds], [*kinds.values()])[0]
        attempt = kind()
        try:
            attempt.act()
            found = None
        except ContractRefused as refused:
            found = refused.name
        assert found == attempt.expected, (kind.__name__, vars(self))
        if found is None:
            attempt.then()
            self.compare()
        return kind.__name__, found

    def compare(self) -> None:
        for held in self.accounts:
            state, address = self.manager.state_of(held.owner.address), held.owner.address
            assert (state.margin, state.epoch_id, state.version, state.attested_at > 0) == \
                (held.margin, held.epoch, held.version, held.attested)
            assert self.manager.commitment_of(address) == held.commitment
            if held.version:
                assert self.manager.venue_of(address) == held.venue

    # -- what may happen -----------------------------------------------------------------------------------------------
    def publish(self) -> Attempt:
        now = self.chain.now()
        epoch, root = self.draw.choice([now, now - 1, self.latest, now + 50]), self.draw.choice([5, 6, 7, 7, 0])

        def then() -> None:
            self.latest, self.epochs[epoch] = epoch, [root, 0]
        return Attempt(first((epoch > now + 1, "EpochInFuture"), (epoch <= self.latest, "EpochNotIncreasing"),
                             (root == 0, "RootOutOfField")),
                       lambda: self.registry.publish(epoch, root, MODEL_ID, sender=self.publisher), then)

    def freeze(self) -> Attempt:
        epoch = self.draw.choice([self.latest + 1, *[*self.epochs][-3:]])

        def then() -> None:
            self.epochs[epoch][1] = 1
        return Attempt(self._readable(epoch), lambda: self.registry.freeze(epoch, sender=self.guardian), then)

    def register(self) -> Attempt:
        held, now = self.draw.choice(self.accounts), self.chain.now()
        venue = self.draw.choice([self.venues[0]] * 3 + [self.venues[1]])
        version = self.draw.choice([held.version + 1] * 5 + [held.version, held.version + 2])
        commitment, deadline = self.draw.choice([77, 78, 79]), now + self.draw.choice([500] * 5 + [-5])
        signer = self.draw.choice([held.owner] * 6 + [other.owner for other in self.accounts])
        return self._registration(held, signer, venue, version, commitment, deadline)

    def _registration(self, held: Held, signer: LocalAccount, venue: str, version: int, commitment: int, deadline: int
                      ) -> Attempt:
        consent = Consent(self.chain.chain_id, self.manager.address, held.owner.address, venue, commitment, version,
                          deadline)

        def then() -> None:
            held.version, held.commitment, held.attested, held.venue = version, commitment, False, venue
        return Attempt(first((self.paused, "EnforcedPause"), (self.chain.now() > deadline, "ConsentExpired"),
                             (version != held.version + 1, "WrongVersion"),
                             (held.version > 0 and held.venue != venue, "NotVenueOfAccount"),
                             (signer is not held.owner, "ConsentNotByOwner")),
                       lambda: self.manager.register(consent, consent.sign(signer), sender=venue), then)

    def move(self) -> Attempt:
        held = self.draw.choice(self.accounts)
        sender = self.draw.choice([*self.venues, self.admin, self.anybody])
        to = self.draw.choice([*self.venues, self.anybody])

        def then() -> None:
            held.venue = to
        return Attempt(first((not held.version, "AccountNotRegistered"),
                             (sender not in (held.venue, self.admin) or to == self.anybody,
                              "AccessControlUnauthorizedAccount")),
                       lambda: self.manager.move_account(held.owner.address, to, sender=sender), then)

    def wait(self) -> Attempt:
        to = self.chain.now() + self.draw.choice([1, 50, 200, 3_000])
        return Attempt(None, lambda: self.chain.travel_to(to), lambda: None)

    def pause(self) -> Attempt:
        sender = self.draw.choice([self.admin, self.guardian])
        act, right = (self.manager.unpause, self.admin) if self.paused else (self.manager.pause, self.guardian)

        def then() -> None:
            self.paused = not self.paused
        return Attempt(first((sender != right, "AccessControlUnauthorizedAccount")), lambda: act(sender=sender), then)

    def rotate(self) -> Attempt:
        to = self.draw.choice([0, 1])

        def then() -> None:
            self.key = to
        return Attempt(first((to == self.key, "KeyUnchanged")), lambda: self.manager.rotate_key(
            self.verifiers[to], self.keys[to].expectation(), sender=self.admin), then)

    def attest(self) -> Attempt:
        """A proof of what is true on the chain, or of that but for one thing."""
        held, now = self.draw.choice(self.accounts), self.chain.now()
        epoch = self.draw.choice([self.latest] * 4 + [*self.epochs][-4:] + [held.epoch, self.latest + 1])
        if abs(now + 1 - (epoch + AGE)) <= 1:
            epoch = self.latest
        version = self.draw.choice([held.version] * 6 + [held.version + 1, max(0, held.version - 1)])
        margin = self.draw.choice([0, 1, 10**8, 2**128 - 1])
        root = self.epochs.get(epoch, [5])[0]
        true = {"account": held.owner.address, "epoch": epoch, "version": version, "key": self.key, "root": root,
                "commitment": held.commitment, "margin": margin}
        others = {"account": next(one.owner.address for one in self.accounts if one is not held), "key": 1 - self.key,
                  "epoch": epoch + 1, "version": version + 1, "root": root + 1, "commitment": held.commitment + 1,
                  "margin": margin ^ 1}
        lie = self.draw.choice([None] * 8 + [*others])
        said = true if lie is None else true | {lie: others[lie]}
        context = Context(MARGIN, self.chain.chain_id, self.manager.address,
                          self.keys[said["key"]].verification_key.digest(), said["account"], said["epoch"],
                          said["version"])
        words = proof_words(self.keys[self.key].prove([context.field_element(), said["root"], said["commitment"],
                                                       said["margin"]]))

        def then() -> None:
            held.epoch, held.margin, held.attested = epoch, margin, True
        return Attempt(first((self.paused, "EnforcedPause"), (not held.version, "AccountNotRegistered"),
                             (version != held.version, "WrongVersion"), (epoch < held.epoch, "EpochOlderThanLast"),
                             (epoch == held.epoch and held.attested, "AlreadyAttested"),
                             (now + 1 > epoch + AGE, "StaleEpoch")) or self._readable(epoch)
                       or first((lie is not None, "ProofRejected")),
                       lambda: self.manager.attest(held.owner.address, epoch, version, margin, words,
                                                   sender=self.anybody), then)

    def read(self) -> Attempt:
        held = self.draw.choice(self.accounts)
        age = self.draw.choice([0, 50, 1_000, AGE, 2**256 - 1])
        if abs(self.chain.now() - held.epoch - age) <= 1:
            age = 2**256 - 1

        def act() -> None:
            assert self.manager.margin_of(held.owner.address, age) == held.margin
        return Attempt(first((self.paused, "EnforcedPause"), (not held.attested, "NotAttested"),
                             (self.chain.now() - held.epoch > age, "StaleMargin")) or
                       self._readable(held.epoch), act, lambda: None)

    def _readable(self, epoch: int) -> str | None:
        _, frozen = self.epochs.get(epoch, (0, 0))
        return first((epoch not in self.epochs, "UnknownEpoch"), (frozen == 1, "FrozenEpoch"))


@pytest.mark.parametrize("seed", [1, 2])
def test_lives_go_as_the_model_says(seed):
    life = Life(random.Random(seed))
    seen = Counter(life.step() for _ in range(STEPS))
    life.compare()
    assert all(seen[kind, None] for kind in ("attest", "register", "publish", "read")), "hardly anything was done"
    assert len({name for _, name in seen if name}) >= 8, "hardly anything was refused"
