"""The whole system on revm: oracle with its court, registry, ledger with desk and attestor, vault with settlement, one
AccessManager with the roles of a deployment. Nothing is a mock but the verifiers, whose proofs are hashes
(`HashVerifier.sol`): a step takes milliseconds, and tests take a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from escrow_posts import SLOTS as POSITIONS
from escrow_posts import public, secret_of, shown
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from ledger_world import BUFFERS, EMPTY, EXIT_AGE, FINAL_AGE, GRACE, LIVES, MAX_AGE, STATEMENTS
from mocks import compiled
from revmchain import Contract, Machine, account, factors_hash

from verifier_contracts.compiler import Artifact, compile_contracts
from verifier_contracts.context import Context
from verifier_contracts.epoch_content import FIRST, EpochContent
from verifier_contracts.governance import Role
from verifier_contracts.role_table import FUNCTIONS
from verifier_contracts.sending import created_address

START = 1_800_000_000
DAY = 86_400
ONE = 1 << 64
QUOTE_ID, COIN_ID = 1, 5
CAP = 10**15
QUANTUM = 100
LAG, INTERVAL, HEARTBEAT = 13_200, 240, 1_200
BLOCKS = 3
STAKE = 10**18
MARKS = (50_000_000_000, 3_000_000_000)
NOBODY = account(0)
CIRCUIT = (7).to_bytes(32, "big")
SLOTS = {**STATEMENTS, "leaf-field": 5, "leaf-field-asset": 5, "leaf-field-mark": 5}

CONSENT = ("CommitmentConsent(address account,address venue,uint256 commitment,uint40 version,uint32 nonce,"
           "uint256 deadline)")
FILLS = "Fills(address account,address venue,uint40 version,uint256 fillDigest,int128 cash)"
TRANSITION = ("Transition(address account,uint40 version,uint256 newCommitment,uint256 fillDigest,int128 cash,"
              "uint32 nonce,uint256 deadline)")
WITHDRAWAL = ("WithdrawalConsent(address account,address token,uint256 amount,address to,uint256 fee,uint40 version,"
              "uint256 deadline,uint32 nonce)")
_DOMAIN = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


@lru_cache(maxsize=1)
def artifacts() -> dict[str, Artifact]:
    return {**compile_contracts(), **compiled("HashVerifier"), **compiled("VaultMocks")}


def digest_of(name: str, contract: str, struct: bytes) -> bytes:
    """What is signed (EIP-712), for a contract on the machine's chain."""
    domain = keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"],
                           [_DOMAIN, keccak(text=name), keccak(text="1"), 1, contract]))
    return keccak(b"\x19\x01" + domain + struct)


def struct_of(kind: str, values: Sequence[Any]) -> bytes:
    """hashStruct of a type whose members are words."""
    types = [part.split()[0] for part in kind[kind.index("(") + 1:-1].split(",")]
    return keccak(encode(["bytes32", *types], [keccak(text=kind), *values]))


@lru_cache(maxsize=1 << 10)
def _private(secret: bytes) -> PrivateKey:
    """With its public key, which is half of the time of a signature."""
    return PrivateKey(secret)


def signed(key: LocalAccount, digest: bytes) -> bytes:
    """As `key.unsafe_sign_hash`."""
    made = _private(bytes(key.key)).sign_msg_hash(digest)
    return bytes(made.r.to_bytes(32, "big") + made.s.to_bytes(32, "big") + bytes([27 + made.v]))


def proof_of(key_digest: bytes, inputs: Sequence[int]) -> list[int]:
    return [int.from_bytes(keccak(key_digest + encode(["uint256"] * len(inputs), list(inputs))), "big")] + [0] * 7


def key_digest(statement: str, generation: int) -> bytes:
    return keccak(text=f"{statement} {generation}")


@dataclass
class RevmSystem:
    """Contracts by name, the machine that they are on, and who has which role.

    key : of each address that signs.  verifier : of each statement and generation, deployed when first asked for.
    """

    machine: Machine
    contracts: Mapping[str, Contract]
    quote: Contract
    coin: Contract
    publishers: Sequence[LocalAccount]
    admin: str = account(0xA0)
    guardian: str = account(0xA1)
    risk: str = account(0xA2)
    coordinator: str = account(0xA5)
    venues: Sequence[LocalAccount] = ()
    factors: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    digests: dict[int, bytes] = field(default_factory=dict)
    verifiers: dict[tuple[str, int], str] = field(default_factory=dict)
    latest: int = 0

    def __getattr__(self, name: str) -> Contract:
        try:
            return self.contracts[name]
        except KeyError:
            raise AttributeError(name) from None

    # -- time and epochs -------------------------------------------------------------------------------------------
    @property
    def now(self) -> int:
        return self.machine.now

    def pass_time(self, seconds: int) -> None:
        """A block every twelve seconds."""
        self.machine.at(self.machine.now + seconds, (self.machine.now + seconds - START) // 12 + 1)

    def content(self, factors: Sequence[tuple[int, int, int]], marks: Sequence[int] = MARKS) -> EpochContent:
        return EpochContent(self.now, self.now + 600, root_of(self.now), b"\x11" * 32, b"\x22" * 32,
                            factors_hash(factors), tuple(marks), 0, LAG, self.digests.get(self.latest, FIRST))

    def by_quorum(self, struct: bytes) -> bytes:
        digest = digest_of("Tailproof RiskOracle", self.oracle.address, struct)
        return b"".join(bytes([i]) + signed(self.publishers[i], digest) for i in (0, 2))

    def publish(self, factors: Sequence[tuple[int, int, int]], marks: Sequence[int] = MARKS) -> int:
        content = self.content(factors, marks)
        self.oracle("publish", content.words(), 1, self.by_quorum(content.digest()))
        self.latest = content.id
        self.factors[content.id], self.digests[content.id] = list(factors), content.digest()
        return content.id

    def freeze(self, epoch: int) -> None:
        """For good, by the publishers."""
        self.oracle("freezeEpoch", epoch, 1, self.by_quorum(struct_of("Freeze(uint40 epochId)", [epoch])))

    # -- escrow ----------------------------------------------------------------------------------------------------
    def register_key(self, who: str) -> None:
        """A key made from its holder's address."""
        secret = secret_of(who)
        self.escrow("registerKey", public(secret), shown(secret, self.escrow("contextOfKey", who)), sender=who)

    def install_committee(self, generation: int) -> None:
        """A new key, by the admin."""
        secret = secret_of(f"committee {generation}")
        proof = shown(secret, self.escrow("contextOfCommittee", generation))
        head = ("foundCommittee",) if generation == 1 else ("registerCommittee", generation)
        self.escrow(*head, public(secret), proof, [public(2), public(3)], 2, bytes(32), sender=self.admin)

    def renew_committee(self, generation: int) -> None:
        """New shares of a key, by the admin."""
        self.escrow("renewCommittee", generation, [public(2), public(3)], 2, bytes(32), sender=self.admin)

    def holders(self, who: str, venue: str, generation: int) -> list[Any]:
        """Keys of venue, committee and owner."""
        return [public(secret_of(name)) for name in (venue, f"committee {generation}", who)]

    # -- proofs ----------------------------------------------------------------------------------------------------
    def context(self, statement: str, key: bytes, who: str, epoch: int, version: int, action: bytes = bytes(32)) -> int:
        return Context(statement, 1, self.ledger.address, key, who, epoch, version, action).field_element()

    def verifier(self, statement: str, generation: int) -> str:
        at = statement, generation
        if at not in self.verifiers:
            self.verifiers[at] = self.machine.deploy(artifacts()["HashVerifier"], key_digest(*at),
                                                     sender=self.admin).address
        return self.verifiers[at]

    def candidate(self, statement: str, generation: int) -> tuple[Any, ...]:
        inputs = list(range(1, SLOTS[statement] + 1))
        key, verifier = key_digest(statement, generation), self.verifier(statement, generation)
        code = bytes(self.machine.evm.get_code(verifier))
        return (verifier, keccak(code[:len(artifacts()["HashVerifier"].runtime)]), key, CIRCUIT, DAY,
                proof_of(key, inputs), inputs)


def root_of(epoch: int) -> int:
    return int.from_bytes(keccak(text=f"root {epoch}"), "big") >> 8


def build(positions: int = POSITIONS) -> RevmSystem:
    """Everything deployed: three publishers of whom two must agree, two venues, a quote asset and a coin.
    positions : J of the escrow."""
    made, m = artifacts(), Machine(START)
    publishers = sorted((Account.from_key(keccak(text=f"publisher {i}")) for i in range(3)),
                        key=lambda one: int(one.address, 16))
    venues = [Account.from_key(keccak(text=f"venue {i}")) for i in range(2)]
    token = Contract(m, made["TestToken"], NOBODY)
    world = RevmSystem(m, {}, token, token, publishers, venues=venues)
    admin = world.admin

    def deploy(name: str, *arguments: Any) -> Contract:
        return m.deploy(made[name], *arguments, sender=admin)

    authority = deploy("Authority", admin)
    world.quote, world.coin = deploy("TestToken"), deploy("TestToken")
    registry = deploy("VerifierRegistry", authority.address, True,
                      [(keccak(text=slot), world.candidate(slot, 1)) for slot in SLOTS])
    limits = (LAG, INTERVAL, HEARTBEAT, sum(500 << 16 * i for i in range(4)))
    oracle = deploy("RiskOracle", authority.address, limits, BLOCKS)
    court = deploy("EpochCourt", oracle.address, registry.address, (5, 50, 44, 8, 2, 77), STAKE)
    combiner = deploy("ProofCombiner")
    marks = deploy("AssetMarks", authority.address, oracle.address, 1_800)
    nonce = m.evm.basic(admin).nonce
    ledger_at, vault_at = created_address(admin, nonce + 3), created_address(admin, nonce + 4)
    attestor = deploy("BatchAttestor", ledger_at, registry.address, combiner.address, EMPTY)
    desk = deploy("CommitmentDesk", authority.address, ledger_at, registry.address)
    escrow = deploy("Escrow", authority.address, ledger_at, registry.address, positions)
    ledger = deploy("MarginLedger", authority.address, (
        oracle.address, registry.address, vault_at, attestor.address, desk.address, escrow.address, MAX_AGE, EXIT_AGE,
        FINAL_AGE, GRACE, BUFFERS, LIVES))
    vault = deploy("CollateralVault", authority.address, (
        oracle.address, ledger.address, marks.address, world.quote.address, QUOTE_ID, CAP))
    assert (ledger.address.lower(), vault.address.lower()) == (ledger_at.lower(), vault_at.lower())
    settlement = deploy("VenueSettlement", authority.address, vault.address, QUANTUM, 10_000)
    world.contracts = {"authority": authority, "registry": registry, "oracle": oracle, "court": court, "marks": marks,
                       "attestor": attestor, "desk": desk, "escrow": escrow, "ledger": ledger, "vault": vault,
                       "settlement": settlement}
    for name, functions in FUNCTIONS.items():
        if name not in world.contracts:                       # of liquidation: who needs them deploys them
            continue
        for function, role in functions.items():
            contract = world.contracts[name]
            authority("setTargetFunctionRole", contract.address, [contract.selector(function)], int(role), sender=admin)
    for role, who in ((Role.GUARDIAN, world.guardian), (Role.RISK, world.risk), (Role.LOOSENING, world.risk),
                      (Role.ANNOUNCER, admin), (Role.COORDINATOR, world.coordinator), (Role.SILENCE, world.coordinator),
                      (Role.CLOSING, world.coordinator), (Role.VAULT, vault.address),
                      (Role.SETTLEMENT, settlement.address), *((Role.VENUE, venue.address) for venue in venues)):
        authority("grantRole", int(role), who, 0, sender=admin)
    oracle("installCourt", court.address, sender=admin)
    m.evm.set_balance(admin, 3 * STAKE)
    for one in publishers:
        m.evm.message_call(admin, court.address, calldata=court.data("stake", one.address), value=STAKE)
    oracle("rotateSigners", [one.address for one in publishers], 2, sender=admin)
    vault("listAsset", world.coin.address, COIN_ID, CAP, sender=admin)
    world.install_committee(1)
    for venue in venues:
        world.register_key(venue.address)
    return world
