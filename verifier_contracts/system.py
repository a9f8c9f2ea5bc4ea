"""Where the contracts of a system are and what they were deployed to be, and the contracts themselves on a chain.

The file says it; `System.open` compares every word of it that a contract can confirm. Whether the contracts are ours is
looked at by `system_authenticity`, for what a foreign contract says of itself is no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from eth_utils.address import is_address

from primitives import jsonio
from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from verifier_contracts.addresses import checksummed, read_address, read_bytes32
from verifier_contracts.auction import AuctionHouse
from verifier_contracts.bindings import Contract, VerifierFacts
from verifier_contracts.chain import LARGEST_CHAIN_ID, Chain
from verifier_contracts.escrow import Escrow
from verifier_contracts.fund import InsuranceFund, LossAllocator
from verifier_contracts.generator import STATEMENT_NAME
from verifier_contracts.governance import AccessManager, Role, role_name
from verifier_contracts.ledger import BatchAttestor, CommitmentDesk, LedgerLens, MarginLedger
from verifier_contracts.liquidation import LiquidationCoordinator, PartialClose, SilenceCalls
from verifier_contracts.liquidation_terms import FIELDS, STAGES, LiquidationTerms
from verifier_contracts.oracle import EpochCourt, LeafLayout, RiskOracle
from verifier_contracts.unfinished import SCHEMA as UNFINISHED
from verifier_contracts.unwinding import ProtocolUnwinder
from verifier_contracts.vault import AssetMarks, CollateralVault, VenueSettlement
from verifier_contracts.verifier_registry import SLOTS, VerifierRegistry

SCHEMA, EARLIER = "tailproof.deployment/2", "tailproof.deployment/1"
CONTRACTS: Mapping[str, str] = {
    "authority": "Authority", "registry": "VerifierRegistry", "oracle": "RiskOracle", "court": "EpochCourt",
    "combiner": "ProofCombiner", "marks": "AssetMarks", "lens": "LedgerLens", "attestor": "BatchAttestor",
    "desk": "CommitmentDesk", "escrow": "Escrow", "ledger": "MarginLedger", "vault": "CollateralVault",
    "settlement": "VenueSettlement", "fund": "InsuranceFund", "allocator": "LossAllocator", "house": "AuctionHouse",
    "silence": "SilenceCalls", "closes": "PartialClose", "coordinator": "LiquidationCoordinator",
    "unwinder": "ProtocolUnwinder"}
"""The Solidity contract behind each name of a deployment, in the order in which they are deployed."""
GOVERNED = ("registry", "oracle", "marks", "desk", "escrow", "ledger", "vault", "settlement", "fund", "allocator",
            "house", "coordinator", "unwinder")
"""Contracts that ask the AccessManager who may call them."""
_UINT = {bits: (1 << bits) - 1 for bits in (8, 16, 32, 40, 48, 96, 128, 256)}


@dataclass(frozen=True)
class Installed:
    """A verifier as deployed.

    slot : of the VerifierRegistry.  statement : the circuit's name.  verifier : address.
    key_digest, circuit_digest : 32 bytes.  insecure : whether one party made the key.
    """

    slot: str
    statement: str
    verifier: str
    key_digest: bytes
    circuit_digest: bytes
    insecure: bool

    def to_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {"slot": self.slot, "statement": self.statement, "verifier": self.verifier,
                "key_digest": "0x" + self.key_digest.hex(), "circuit_digest": "0x" + self.circuit_digest.hex(),
                "insecure": self.insecure}

    @staticmethod
    def from_json(node: Node) -> Installed:
        """Read one; raises BadInput by field."""
        parts = node.object({"slot", "statement", "verifier", "key_digest", "circuit_digest", "insecure"})
        return Installed(parts["slot"].choice(SLOTS), parts["statement"].text(STATEMENT_NAME, "a statement's name"),
                         read_address(parts["verifier"]), read_bytes32(parts["key_digest"]),
                         read_bytes32(parts["circuit_digest"]), parts["insecure"].boolean())


@dataclass(frozen=True)
class Grant:
    """A role in a hand. delay : seconds between scheduling and execution."""

    role: Role
    holder: str
    delay: int

    def to_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {"role": role_name(self.role), "holder": self.holder, "delay": self.delay}

    @staticmethod
    def from_json(node: Node) -> Grant:
        """Read one; raises BadInput by field."""
        parts = node.object({"role", "holder", "delay"})
        name = parts["role"].choice([role_name(role) for role in Role])
        return Grant(Role[name.upper()], read_address(parts["holder"]), parts["delay"].integer(0, _UINT[32]))


@dataclass(frozen=True)
class Settings:
    """What constructors fixed for ever.

    slots : J, the positions of a commitment, by which words of an escrow are counted.  empty_fills : digest of no
    fills, by which a lot's commitment is salted anew.  liquidation : see LiquidationTerms.

    Ages, grace, lives and mark_life in seconds; buffers and debit_per_margin in basis points; stake_required in wei;
    quantum in quote units.
    """

    allows_insecure_setup: bool
    finality_blocks: int
    stake_required: int
    layout: LeafLayout
    mark_life: int
    empty_commitment: int
    slots: int
    max_epoch_age: int
    exit_epoch_age: int
    final_epoch_age: int
    superseded_grace: int
    buffers: tuple[int, int, int, int]
    lives: tuple[int, int, int, int]
    quantum: int
    debit_per_margin: int
    empty_fills: int
    liquidation: LiquidationTerms

    def to_json(self) -> dict[str, Any]:
        """As they stand in the file; what may exceed 2**53 as decimal strings."""
        return {
            "allows_insecure_setup": self.allows_insecure_setup, "finality_blocks": self.finality_blocks,
            "stake_required": str(self.stake_required),
            "layout": {**self.layout._asdict(), "cash_id": str(self.layout.cash_id)}, "mark_life": self.mark_life,
            "empty_commitment": str(self.empty_commitment), "slots": self.slots, "max_epoch_age": self.max_epoch_age,
            "exit_epoch_age": self.exit_epoch_age, "final_epoch_age": self.final_epoch_age,
            "superseded_grace": self.superseded_grace, "buffers": list(self.buffers), "lives": list(self.lives),
            "quantum": str(self.quantum), "debit_per_margin": self.debit_per_margin,
            "empty_fills": str(self.empty_fills), "liquidation": self.liquidation.to_json()}

    @staticmethod
    def from_json(node: Node) -> Settings:
        """Read them; raises BadInput by field."""
        ages = ("max_epoch_age", "exit_epoch_age", "final_epoch_age", "superseded_grace")
        parts = node.object({"allows_insecure_setup", "finality_blocks", "stake_required", "layout", "mark_life",
                             "empty_commitment", "slots", *ages, "buffers", "lives", "quantum", "debit_per_margin",
                             "empty_fills", "liquidation"})
        form = parts["layout"].object(LeafLayout._fields)
        lanes, width, value_bits = (form[name].integer(1, _UINT[8]) for name in ("lanes", "width", "value_bits"))
        layout = LeafLayout(lanes, width, value_bits, form["values"].integer(1, _UINT[32]),
                            form["underlyings"].integer(1, _UINT[16]), form["cash_id"].decimal(0, _UINT[256]))
        buffers = [entry.integer(0, _UINT[16]) for entry in parts["buffers"].array(at_least=4, at_most=4)]
        lives = [entry.integer(1, _UINT[32]) for entry in parts["lives"].array(at_least=4, at_most=4)]
        oldest, exits, final, grace = (parts[name].integer(1, _UINT[40]) for name in ages)
        return Settings(
            parts["allows_insecure_setup"].boolean(), parts["finality_blocks"].integer(0, _UINT[48]),
            parts["stake_required"].decimal(0, _UINT[256]), layout, parts["mark_life"].integer(1, _UINT[40]),
            parts["empty_commitment"].decimal(0, _UINT[256]), parts["slots"].integer(1, 64), oldest, exits, final,
            grace, (buffers[0], buffers[1], buffers[2], buffers[3]), (lives[0], lives[1], lives[2], lives[3]),
            parts["quantum"].decimal(1, _UINT[96]), parts["debit_per_margin"].integer(1, _UINT[16]),
            parts["empty_fills"].decimal(1, _UINT[256]), LiquidationTerms.read(parts["liquidation"].object(FIELDS)))


@dataclass(frozen=True)
class Contracts:
    """The contracts of a system on one chain."""

    chain: Chain
    authority: AccessManager
    registry: VerifierRegistry
    oracle: RiskOracle
    court: EpochCourt
    ledger: MarginLedger
    desk: CommitmentDesk
    escrow: Escrow
    attestor: BatchAttestor
    lens: LedgerLens
    vault: CollateralVault
    settlement: VenueSettlement
    marks: AssetMarks
    fund: InsuranceFund
    allocator: LossAllocator
    house: AuctionHouse
    silence: SilenceCalls
    closes: PartialClose
    coordinator: LiquidationCoordinator
    unwinder: ProtocolUnwinder

    def addresses(self) -> frozenset[str]:
        """Of all of them."""
        return frozenset(self.named(field.name).address for field in fields(self) if field.name != "chain")

    def named(self, name: str) -> Contract:
        """One by its name in a deployment."""
        found: Contract = getattr(self, name)
        return found


@dataclass(frozen=True)
class System:
    """Where the contracts of a system are.

    chain_id : EIP-155.  block : the last one before its first contract: where its history begins.
    contracts : addresses by name, see CONTRACTS.  verifiers : as deployed with; later ones are the registry's.
    quote_token, quote_id : of the asset that margins are in.  settings : what constructors fixed.
    grants : roles as they were given at deployment; what has become of them since is the AccessManager's.
    """

    chain_id: int
    block: int
    contracts: Mapping[str, str]
    verifiers: tuple[Installed, ...]
    quote_token: str
    quote_id: int
    settings: Settings
    grants: tuple[Grant, ...]

    def installed(self, slot: str) -> Installed:
        """The verifier that a slot was deployed with.

        Raises
        ------
        BadInput : none was.
        """
        for found in self.verifiers:
            if found.slot == slot:
                return found
        raise BadInput("slot", slot, f"one that this deployment has a verifier for: "
                       f"{', '.join(found.slot for found in self.verifiers)}")

    @property
    def insecure(self) -> bool:
        """Whether somebody can forge a proof that these contracts take."""
        return any(found.insecure for found in self.verifiers)

    # -- on a chain ----------------------------------------------------------------------------------------------------
    def bind(self, chain: Chain) -> Contracts:
        """The contracts at these addresses, not looked at."""
        at = self.contracts
        oracle, ledger = RiskOracle(chain, at["oracle"]), MarginLedger(chain, at["ledger"])
        return Contracts(
            chain, AccessManager(chain, at["authority"]), VerifierRegistry(chain, at["registry"]), oracle,
            EpochCourt(chain, at["court"], oracle), ledger, CommitmentDesk(chain, at["desk"], ledger),
            Escrow(chain, at["escrow"], ledger),
            BatchAttestor(chain, at["attestor"]), LedgerLens(chain, at["lens"], ledger),
            CollateralVault(chain, at["vault"]), VenueSettlement(chain, at["settlement"]),
            AssetMarks(chain, at["marks"]), InsuranceFund(chain, at["fund"]), LossAllocator(chain, at["allocator"]),
            AuctionHouse(chain, at["house"]), SilenceCalls(chain, at["silence"]), PartialClose(chain, at["closes"]),
            LiquidationCoordinator(chain, at["coordinator"]), ProtocolUnwinder(chain, at["unwinder"]))

    def open(self, chain: Chain) -> Contracts:
        """The contracts on a chain, once everything that this says of them is what they say themselves.

        That other verifiers are in force by now, and other hands have roles, is no contradiction.

        Raises
        ------
        BadInput : the chain is another, there is no code where a contract should be, or it says something else.
        """
        self.require_there(chain)
        for field, said, found in self.claims(chain):
            if said != found:
                raise BadInput(field, said, f"{found}, as the contracts say", source=chain.name)
        return self.bind(chain)

    def require_there(self, chain: Chain) -> None:
        """Refuse another chain, and addresses where nothing is."""
        if chain.chain_id != self.chain_id:
            raise BadInput("chain id", chain.chain_id, f"{self.chain_id}, where these contracts are",
                           source=chain.name)
        for name, address in (*self.contracts.items(), *((f"verifier of {one.slot}", one.verifier)
                                                         for one in self.verifiers)):
            if not chain.code(address):
                raise BadInput(name, address, "the address of a contract on this chain", source=chain.name)

    def claims(self, chain: Chain) -> list[tuple[str, object, object]]:
        """What this says, beside what the contracts say: (field, said, found)."""
        rows: list[tuple[str, object, object]] = []
        for name, facts in self.facts().items():
            contract = Named(chain, self.contracts[name], CONTRACTS[name])
            rows += [(f"{name}.{fact}", said, _told(contract, fact)) for fact, said in facts.items()]
        for one in self.verifiers:
            told = VerifierFacts.of(chain, one.verifier)
            rows += [(f"verifiers.{one.slot}.{field}", said, found) for field, said, found in (
                ("statement", one.statement, told.statement),
                ("circuit_digest", "0x" + one.circuit_digest.hex(), "0x" + told.circuit_digest.hex()),
                ("key_digest", "0x" + one.key_digest.hex(), "0x" + told.key_digest.hex()),
                ("insecure", one.insecure, told.insecure))]
        return rows

    def facts(self) -> Mapping[str, Mapping[str, object]]:
        """By contract: what each of its getters of what is fixed must say (bufferOf and lifeOf as "bufferOf(0)")."""
        at, fixed = self.contracts, self.settings
        governed = {"authority": at["authority"]}
        return {
            "registry": {**governed, "allowsInsecureSetup": fixed.allows_insecure_setup},
            "oracle": {**governed, "court": at["court"], "finalityBlocks": fixed.finality_blocks},
            "court": {"oracle": at["oracle"], "verifiers": at["registry"], "stakeRequired": fixed.stake_required,
                      "leafLayout": tuple(fixed.layout)},
            "marks": {**governed, "oracle": at["oracle"], "markLife": fixed.mark_life},
            "attestor": {"ledger": at["ledger"], "verifiers": at["registry"], "combiner": at["combiner"],
                         "emptyCommitment": fixed.empty_commitment},
            "desk": {**governed, "ledger": at["ledger"], "verifiers": at["registry"]},
            "escrow": {**governed, "ledger": at["ledger"], "verifiers": at["registry"], "slots": fixed.slots},
            "ledger": {**governed, "oracle": at["oracle"], "verifiers": at["registry"], "vault": at["vault"],
                       "attestor": at["attestor"], "desk": at["desk"], "escrow": at["escrow"],
                       "maxEpochAge": fixed.max_epoch_age,
                       "exitEpochAge": fixed.exit_epoch_age, "finalEpochAge": fixed.final_epoch_age,
                       "supersededGrace": fixed.superseded_grace,
                       **{f"bufferOf({step})": fixed.buffers[step] for step in range(4)},
                       **{f"lifeOf({step})": fixed.lives[step] for step in range(4)}},
            "vault": {**governed, "oracle": at["oracle"], "manager": at["ledger"], "marks": at["marks"],
                      "quote": self.quote_token, "quoteId": self.quote_id, "allocator": at["allocator"]},
            "settlement": {**governed, "vault": at["vault"], "manager": at["ledger"], "oracle": at["oracle"],
                           "quote": self.quote_token, "quantum": fixed.quantum,
                           "debitPerMargin": fixed.debit_per_margin},
            **self._facts_of_liquidation(),
        }

    def _facts_of_liquidation(self) -> Mapping[str, Mapping[str, object]]:
        at, terms, quote = self.contracts, self.settings.liquidation, self.quote_token
        governed, oracle, ledger = {"authority": at["authority"]}, {"oracle": at["oracle"]}, {"ledger": at["ledger"]}
        cases = {**ledger, **oracle, "desk": at["desk"]}
        shortfalls = {**cases, "escrow": at["escrow"], "vault": at["vault"]}
        return {
            "fund": {**governed, "settlement": at["settlement"], "manager": at["ledger"], "quote": quote,
                     "bidPerMargin": terms.bid_per_margin, "watch": at["coordinator"], "allocator": at["allocator"]},
            "allocator": {**governed, **oracle, "vault": at["vault"], "settlement": at["settlement"],
                          "fund": at["fund"], "manager": at["ledger"], "quote": quote,
                          "hMax": terms.largest_haircut},
            "house": {**governed, **oracle, "escrow": at["escrow"], "quote": quote, "fund": at["fund"],
                      **{f"{stage}Time": seconds for stage, seconds in zip(STAGES, terms.times(), strict=True)},
                      "timeBefore": terms.time_before},
            "silence": {**cases, "verifiers": at["registry"]},
            "closes": {**shortfalls, "verifiers": at["registry"], "band": terms.band, "concession": terms.concession},
            "coordinator": {**governed, **shortfalls, "closes": at["closes"], "settlement": at["settlement"],
                            "house": at["house"], "fund": at["fund"], "allocator": at["allocator"], "quote": quote,
                            "emptyFills": self.settings.empty_fills,
                            "emptyCommitment": self.settings.empty_commitment, "unknownLoss": terms.unknown_loss,
                            "breachShare": terms.breach_share, "breachLeast": terms.breach_least,
                            "venueDelivers": terms.venue_delivers, "committeeDelivers": terms.committee_delivers},
            "unwinder": {**governed, **oracle, **ledger, "vault": at["vault"], "closes": at["closes"], "quote": quote,
                         "payShare": terms.pay_share, "payCap": terms.pay_cap},
        }

    # -- in a file -----------------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """The deployment file."""
        return {"schema": SCHEMA, "chain_id": self.chain_id, "block": self.block, "contracts": dict(self.contracts),
                "verifiers": [one.to_json() for one in self.verifiers], "quote_token": self.quote_token,
                "quote_id": self.quote_id, "settings": self.settings.to_json(),
                "grants": [one.to_json() for one in self.grants]}

    def save(self, path: str | Path, *, over: bool = False) -> None:
        """Write the deployment file; `over` the note of an unfinished one."""
        jsonio.write(path, self.to_json(), over=over)

    @staticmethod
    def load(path: str | Path) -> System:
        """Read a deployment file.

        Raises
        ------
        BadInput : naming the field; or the deployment is unfinished, or of earlier versions.
        """
        node = Node.read(path)
        if isinstance(node.value, dict) and node.value.get("schema") == UNFINISHED:
            raise BadInput("deployment", Said("unfinished"), "finished: `contract deploy` with the same file goes on",
                           source=path)
        if isinstance(node.value, dict) and node.value.get("schema") == EARLIER:
            raise BadInput("schema", EARLIER, f"{SCHEMA}: registry and manager of earlier versions are not served any "
                           "more. Deploy a system (`tailproof new system`, `contract deploy --config`), publish its "
                           "epochs (`tailproof oracle`), and have each commitment registered there", source=path)
        parts = node.document(SCHEMA, {"chain_id", "block", "contracts", "verifiers", "quote_token", "quote_id",
                                       "settings", "grants"})
        verifiers = [Installed.from_json(entry) for entry in parts["verifiers"].array(at_least=1, at_most=len(SLOTS))]
        slots = [one.slot for one in verifiers]
        if len(set(slots)) < len(slots):
            raise BadInput("verifiers", slots, "one for each slot", source=path)
        return System(
            parts["chain_id"].integer(1, LARGEST_CHAIN_ID), parts["block"].integer(0, jsonio.LARGEST_EXACT),
            {name: read_address(entry) for name, entry in parts["contracts"].object(CONTRACTS).items()},
            tuple(verifiers), read_address(parts["quote_token"]), parts["quote_id"].integer(1, _UINT[32]),
            Settings.from_json(parts["settings"]),
            tuple(Grant.from_json(entry) for entry in parts["grants"].array(at_most=1_000)))


class Named(Contract):
    """A contract of ours by its Solidity name, for what is done with all of them alike."""

    def __init__(self, chain: Chain, address: str, name: str) -> None:
        super().__init__(chain, address)
        self.name = name


def _told(contract: Contract, fact: str) -> object:
    """What a getter says, with addresses checksummed."""
    function, _, argument = fact.rstrip(")").partition("(")
    said = contract.read(function, *([int(argument)] if argument else []))
    return checksummed(said) if isinstance(said, str) and is_address(said) else said
