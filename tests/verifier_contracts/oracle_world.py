"""A deployed oracle, its publishers, and proofs about leaves for whatever a test wants an epoch to hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from mocks import compiled
from toykey import CIRCUIT, ToyKey
from world import HOUR

from verifier_contracts.abi import encode_deployment
from verifier_contracts.bindings import Contract, proof_words
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import Artifact, compile_contracts
from verifier_contracts.creation import compile_verifier
from verifier_contracts.eip712 import sign
from verifier_contracts.epoch_content import FIRST, EpochContent, quorum
from verifier_contracts.governance import Role
from verifier_contracts.oracle import (
    CHALLENGE,
    SLOTS,
    EpochCourt,
    LeafLayout,
    LeafProof,
    Limits,
    Listing,
    RiskOracle,
)
from verifier_contracts.role_table import FUNCTIONS, selector

MINUTE, DAY = 60, 86_400
LAYOUT = LeafLayout(lanes=5, width=50, value_bits=44, values=8, underlyings=2, cash_id=77)
LIMITS = Limits(required_lag=13_200, min_interval=240, heartbeat=600)
STAKE = 10**18
FINALITY, BLOCKS = 20 * MINUTE, 3
LEAF, ASSET, MARK = SLOTS
MARKS = (50_000_000_000, 3_000_000_000)


def mocks() -> Mapping[str, Artifact]:
    """What only tests deploy."""
    return compiled("Access", "MockReference", "MockRegistry")


class Mock(Contract):
    """A contract of the tests."""

    def __init__(self, chain: Chain, address: str, name: str) -> None:
        super().__init__(chain, address)
        self.name = name

    @property
    def artifact(self) -> Artifact:
        return mocks()[self.name]


def create(chain: Chain, artifact: Artifact, arguments: Sequence[Any], gas: int = 5_000_000) -> str:
    made = chain.send(None, encode_deployment(artifact, arguments) if arguments else artifact.creation,
                      gas=gas).contract
    assert made is not None
    return made


def mock(chain: Chain, name: str, *arguments: Any) -> Mock:
    return Mock(chain, create(chain, mocks()[name], arguments), name)


def keys(count: int) -> list[LocalAccount]:
    made = [Account.from_key(keccak(text=f"publisher {i}")) for i in range(count)]
    return sorted(made, key=lambda account: int(account.address, 16))


@dataclass(frozen=True)
class OracleWorld:
    """An oracle whose five publishers have staked, three of whom must agree; nothing is published."""

    chain: Chain
    key: ToyKey
    access: Mock
    verifiers: Mock
    oracle: RiskOracle
    court: EpochCourt
    publishers: tuple[LocalAccount, ...]
    admin: str
    guardian: str
    risk: str
    relayer: str
    challenger: str
    vault: str

    # -- time ------------------------------------------------------------------------------------------------------
    def later(self, seconds: int) -> None:
        self.chain.travel_to(self.chain.now() + seconds)

    def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            self.later(1)

    def settle(self) -> None:
        """Until an epoch published now is final, by one hour that no epochs are missing in (heartbeats are longer)."""
        self.mine(BLOCKS)
        self.later(FINALITY)

    # -- publishing ------------------------------------------------------------------------------------------------
    def content(self, **changes: Any) -> EpochContent:
        latest = self.oracle.latest_epoch_id()
        now = self.chain.now()
        made = EpochContent(now, now + 600, self.key.scalar("root"), b"\x11" * 32, b"\x22" * 32, factors_hash([]),
                            MARKS, 0, 13_200, self.oracle.content_digest_of(latest) if latest else FIRST)
        return replace(made, **changes)

    def signatures(self, message: dict[str, Any], by: Sequence[int] = (0, 1, 2),
                   among: Sequence[LocalAccount] | None = None) -> bytes:
        among = self.publishers if among is None else among
        return quorum({among[i].address: sign(message, among[i]) for i in by}, [one.address for one in among])

    def bring(self, content: EpochContent, by: Sequence[int] = (0, 1, 2), *, generation: int = 1,
              among: Sequence[LocalAccount] | None = None) -> Any:
        return self.oracle.publish(content, generation, self.signatures(self.oracle.domain.content(content), by, among),
                                   sender=self.relayer)

    def publish(self, **changes: Any) -> EpochContent:
        content = self.content(**changes)
        self.bring(content)
        return content

    def next(self, seconds: int = 300, **changes: Any) -> EpochContent:
        """Another epoch, so many seconds later."""
        self.later(seconds)
        return self.publish(**changes)

    # -- governing -------------------------------------------------------------------------------------------------
    def govern(self, function: str, *arguments: Any, sender: str | None = None) -> Any:
        return self.oracle.transact(function, *arguments, sender=sender or self.admin)

    def set_limits(self, **changes: Any) -> Any:
        return self.govern("setLimits", LIMITS._replace(**changes).words())

    def reference(self, lane: int = 0, place: int = 0, *, deviation: int = 500) -> Mock:
        made = mock(self.chain, "MockReference")
        self.govern("setReference", lane, place, (made.address, 8, HOUR, deviation))
        return made

    def quote(self, reference: Mock, price: int, *, updated: int | None = None, mood: int = 0) -> None:
        """Answer a price in 10⁻⁶ quote units."""
        reference.transact("set", price * 100, self.chain.now() if updated is None else updated, mood)

    # -- proofs ----------------------------------------------------------------------------------------------------
    def prove(self, content: EpochContent, kind: int, id: int, k: int, x: int, *, sender: str | None = None,
              action: bytes = CHALLENGE, **changes: Any) -> LeafProof:
        """That an epoch holds a leaf of this kind and id whose element k is x; `changes` to the context."""
        context = replace(self.court.context(sender or self.challenger, content.id, kind, action), **changes)
        place = k + (kind << 16)
        inputs = [context.field_element(), content.root, id, place, x]
        return LeafProof(id, place, x, proof_words(self.key.prove(inputs)))

    def challenge(self, content: EpochContent, *proofs: LeafProof, sender: str | None = None) -> Any:
        return self.court.challenge_field(content.id, proofs, sender=sender or self.challenger)

    def refute(self, content: EpochContent) -> None:
        self.challenge(content, self.prove(content, LEAF, 5, 2, 1 << 44))


def factors_hash(factors: Sequence[tuple[int, int, int]]) -> bytes:
    return keccak(encode(["(uint32,uint80,uint80)[]"], [list(factors)]))


def row_digest(kind: int, row: Sequence[int]) -> bytes:
    return keccak(keccak(encode(["uint256", "uint256[]"], [kind, list(row)])))


def listed(content: EpochContent, kind: int, row: Sequence[int], other: bytes = b"\x44" * 32) -> tuple[EpochContent,
                                                                                                       Listing]:
    """The content whose tree holds this row and something else, and where the row is."""
    root = keccak(b"".join(sorted([row_digest(kind, row), other])))
    signed = replace(content, data_root=root)
    return signed, Listing(signed, row, [other])


def build_oracle_world(chain: Chain, layout: LeafLayout = LAYOUT) -> OracleWorld:
    admin, guardian, risk, relayer, challenger, vault = chain.senders[:6]
    key = ToyKey(5)
    access = mock(chain, "Access", admin)
    verifiers = mock(chain, "MockRegistry")
    verifier = create(chain, compile_verifier(key.verification_key, "leaf-field-toy", CIRCUIT), ())
    for name in SLOTS.values():
        verifiers.transact("set", keccak(text=name), verifier, key.verification_key.digest())
    artifact = compile_contracts()["RiskOracle"]
    oracle = RiskOracle(chain, create(chain, artifact, [
        access.address, LIMITS.words(), BLOCKS], gas=16_700_000))
    court_address = create(chain, compile_contracts()["EpochCourt"], [oracle.address, verifiers.address,
                                                                      tuple(layout), STAKE],
                   gas=16_700_000)
    for function, role in FUNCTIONS["oracle"].items():
        access.transact("setTargetFunctionRole", oracle.address, [selector(artifact, function)], role)
    for role, holder in ((Role.GUARDIAN, guardian), (Role.RISK, risk), (Role.VAULT, vault)):
        access.transact("grantRole", role, holder, 0)
    publishers = keys(5)
    oracle.transact("installCourt", court_address, sender=admin)
    court = oracle.court()
    for one in publishers:
        court.stake(one.address, STAKE)
    oracle.transact("rotateSigners", [one.address for one in publishers], 3, sender=admin)
    return OracleWorld(chain, key, access, verifiers, oracle, court, tuple(publishers), admin, guardian, risk, relayer,
                       challenger, vault)


