"""A deployed margin ledger with everything around it, and proofs for whatever a test wants to claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from escrow_posts import DIGEST, SLOTS, public, sealed_inputs, secret_of, shown, words_for
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from mocks import compiled
from toykey import CIRCUIT, ToyKey
from world import GENESIS, HOUR, refused

from primitives.babyjubjub import Point
from verifier_contracts.abi import encode_call, encode_deployment, refusal
from verifier_contracts.bindings import Contract, proof_words
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.compiler import Artifact, compile_contracts
from verifier_contracts.context import Context
from verifier_contracts.creation import deploy_verifier
from verifier_contracts.eip712 import Domain, sign
from verifier_contracts.errors import Reverted
from verifier_contracts.ledger import BatchAttestor, MarginStatus, Skipped, combiner_key
from verifier_contracts.sending import created_address
from verifier_contracts.verifier_registry import Candidate, slot_id

ADMIN, GUARDIAN, RISK, VENUE, PUBLISHER, COORDINATOR, VAULT = range(7)
DAY = 24 * HOUR
MINUTE = 60
NOWHERE = "0x" + "00" * 20
FOREVER = 2**256 - 1

BUFFERS = [0, 2_000, 5_000, 10_000]
LIVES = [60 * MINUTE, 60 * MINUTE, 75 * MINUTE, 90 * MINUTE]
MAX_AGE, EXIT_AGE, FINAL_AGE, GRACE = 30 * MINUTE, 15 * MINUTE, 45 * MINUTE, 15 * MINUTE
STATUS = tuple(status.words.title().replace(" ", "") for status in MarginStatus)
SKIPPED = tuple(why.name.title() for why in Skipped)
STATEMENTS = {"margin": 4, "cover": 4, "flat": 2, "transition": 4, "escrow": 3, "delivery": 3, "disclose": 4,
              "batch-4": 3, "batch-16": 3}
EMPTY = 424242
"""Stands for the commitment to no positions under salt 0."""
FACTORS = [(1, 1 << 64, 1 << 64)]
ONE_ASSET = 1


def mocks() -> Mapping[str, Artifact]:
    """The tests' own contracts."""
    return compiled("LiquidationStandIns", "LoanDesk", "MockOracle", "MockVault", "Teller")


class Tested(Contract):
    """A contract under test, or one that a test needs, by its name."""

    __test__ = False

    def __init__(self, chain: Chain, address: str, name: str) -> None:
        super().__init__(chain, address)
        self.name = name

    @property
    def artifact(self) -> Artifact:
        return compile_contracts().get(self.name) or mocks()[self.name]

    def addressed(self, function: str, *arguments: Any) -> str:
        """A view function that returns an address first."""
        answer = self.read(function, *arguments)
        return to_checksum_address(answer if isinstance(answer, str) else answer[0])

    def transact(self, function: str, *arguments: Any, sender: str | None = None, gas: int | None = None,
                 pending: bool = False) -> Receipt:
        """Without the bounds that a user's purse has."""
        try:
            return self.chain.send(self.address, encode_call(self.artifact, function, arguments), sender=sender,
                                   gas=gas, gas_cap=20_000_000, pending=pending)
        except Reverted as error:
            raise refusal(error, self.name, function) from None


def send_contract(chain: Chain, name: str, arguments: Sequence[Any], sender: str | None = None,
                  gas: int | None = None) -> Tested:
    artifact = compile_contracts().get(name) or mocks()[name]
    code = encode_deployment(artifact, arguments) if arguments else artifact.creation
    try:
        if gas is None:
            limit = chain.estimate_gas(None, code, sender=sender)
            gas = limit + limit // 50
        receipt = chain.send(None, code, sender=sender, gas=gas)
    except Reverted as error:
        raise refusal(error, name, "constructor") from None
    assert receipt.contract is not None
    return Tested(chain, receipt.contract, name)


statement_id = slot_id
REGISTRY_GAS = 29_000_000
"""Its constructor asks each verifier several times: a node that searches for the limit runs it for half a minute."""


def key_bytes(key: ToyKey) -> bytes:
    return combiner_key(key.verification_key)


def key_at(world: LedgerWorld, data: bytes) -> str:
    """Where a key lies, which is put there if need be."""
    return BatchAttestor(world.chain, world.attestor.address).key_at(data, sender=world.relayer)


def candidate(chain: Chain, key: ToyKey, verifier: str, *, sunset: int = DAY, **changes: Any) -> tuple[Any, ...]:
    """Also with what no honest candidate has."""
    made = Candidate.of(chain, verifier, key.verification_key, CIRCUIT, key.known_answer())
    return made._replace(sunset=sunset, **changes).argument()


@dataclass(frozen=True)
class LedgerWorld:
    """A ledger with roles in different hands, one published epoch and one registered account.

    keys : of each statement, the toy key in force.  generation : of each statement.
    """

    chain: Chain
    keys: dict[str, ToyKey]
    authority: Tested
    oracle: Tested
    registry: Tested
    vault: Tested
    combiner: Tested
    attestor: Tested
    desk: Tested
    escrow: Tested
    ledger: Tested
    lens: Tested
    admin: str
    guardian: str
    venue: str
    other_venue: str
    relayer: str
    stranger: str
    owner: LocalAccount
    epoch: int
    root: int
    commitment: int
    margin: int
    settings: dict[str, Any] = field(default_factory=dict)

    # -- proofs --------------------------------------------------------------------------------------------------------
    def context(self, statement: str, *, account: str | None = None, epoch: int | None = None,
                version: int | None = None, action: bytes = bytes(32), key: ToyKey | None = None,
                **changes: Any) -> int:
        account = account or self.owner.address
        slot = "batch" if statement.startswith("batch") else statement
        fields = {"statement": slot, "chain_id": self.chain.chain_id, "manager": self.ledger.address,
                  "key_digest": (key or self.keys[statement]).verification_key.digest(), "account": account,
                  "epoch_id": self.epoch if epoch is None else epoch,
                  "version": self.version(account) if version is None else version, "action_hash": action} | changes
        return Context(**fields).field_element()

    def version(self, account: str | None = None) -> int:
        return int(self.ledger.read("versionOf", account or self.owner.address))

    def margin_proof(self, margin: int | None = None, *, commitment: int | None = None, root: int | None = None,
                     key: ToyKey | None = None, **context: Any) -> list[int]:
        key = key or self.keys["margin"]
        return proof_words(key.prove([self.context("margin", key=key, **context),
                                      self.root if root is None else root,
                                      self.commitment if commitment is None else commitment,
                                      self.margin if margin is None else margin]))

    def cover_proof(self, claimed: int, *, step: int = 0, side: int = 1, commitment: int | None = None,
                    root: int | None = None, key: ToyKey | None = None, **context: Any) -> list[int]:
        key = key or self.keys["cover"]
        return proof_words(key.prove([self.context("cover", key=key, **context), self.root if root is None else root,
                                      self.commitment if commitment is None else commitment,
                                      claimed + (BUFFERS[step] << 128) + (side << 144)]))

    def flat_proof(self, *, commitment: int | None = None, **context: Any) -> list[int]:
        return proof_words(self.keys["flat"].prove([self.context("flat", epoch=0, **context),
                                                    self.commitment if commitment is None else commitment]))

    # -- what people do ------------------------------------------------------------------------------------------------
    def attest(self, margin: int | None = None, *, proof: Sequence[int] | None = None, epoch: int | None = None,
               account: str | None = None, version: int | None = None, generation: int = 0, **made: Any) -> Receipt:
        margin = self.margin if margin is None else margin
        account, epoch = account or self.owner.address, self.epoch if epoch is None else epoch
        version = self.version(account) if version is None else version
        if proof is None:
            proof = self.margin_proof(margin, account=account, epoch=epoch, version=version, **made)
        return self.ledger.transact("attest", account, epoch, version, margin, generation, list(proof),
                                    sender=self.relayer)

    def cover(self, claimed: int, *, step: int = 0, proof: Sequence[int] | None = None, epoch: int | None = None,
              account: str | None = None, version: int | None = None, generation: int = 0,
              factors: Any = None, **made: Any) -> Receipt:
        account, epoch = account or self.owner.address, self.epoch if epoch is None else epoch
        version = self.version(account) if version is None else version
        if proof is None:
            proof = self.cover_proof(claimed, step=step, account=account, epoch=epoch, version=version, **made)
        return self.ledger.transact("attestCover", account, epoch, version, step, claimed, generation,
                                    FACTORS if factors is None else factors, list(proof), sender=self.relayer)

    def shortfall(self, claimed: int, **made: Any) -> Receipt:
        proof = self.cover_proof(claimed, side=made.pop("side", 0), **made)
        return self.ledger.transact("proveShortfall", self.owner.address, made.get("epoch", self.epoch),
                                    made.get("version", self.version()), claimed, 0, FACTORS, proof,
                                    sender=self.relayer)

    def flat(self, *, proof: Sequence[int] | None = None, account: str | None = None, **made: Any) -> Receipt:
        account = account or self.owner.address
        version = made.get("version", self.version(account))
        proof = self.flat_proof(account=account, **made) if proof is None else proof
        return self.ledger.transact("attestFlat", account, version, 0, list(proof), sender=self.relayer)

    def publish(self, epoch: int, root: int | None = None) -> None:
        self.oracle.transact("publish", epoch, self.root if root is None else root)

    def next_epoch(self, after: int = 10 * MINUTE) -> int:
        """Travel, and publish an epoch with the same root."""
        epoch = self.chain.now() + after
        self.chain.travel_to(epoch)
        self.publish(epoch)
        return epoch

    def deposit(self, amount: int, account: str | None = None, asset: int = ONE_ASSET) -> None:
        self.vault.transact("set", account or self.owner.address, asset, amount)

    def status(self, account: str | None = None, max_age: int = HOUR, min_epoch: int = 0,
               venue: str = NOWHERE) -> str:
        return STATUS[self.reading(account, max_age, min_epoch, venue)[0]]

    def reading(self, account: str | None = None, max_age: int = HOUR, min_epoch: int = 0,
                venue: str = NOWHERE) -> tuple[int, int, int, int]:
        return tuple(self.ledger.read("tryMarginOf", account or self.owner.address, max_age, min_epoch, venue))

    # -- commitments ---------------------------------------------------------------------------------------------------
    def sign(self, owner: LocalAccount, kind: str, fields: Sequence[tuple[str, str, Any]], *,
             name: str = "Tailproof CommitmentDesk", version: str = "1", contract: str | None = None,
             chain_id: int | None = None) -> bytes:
        domain = Domain(name, version, chain_id or self.chain.chain_id, contract or self.desk.address)
        return sign(domain.message(kind, [(n, t) for n, t, _ in fields], [value for *_, value in fields]), owner)

    def consent(self, commitment: int, *, owner: LocalAccount | None = None, venue: str | None = None,
                version: int | None = None, nonce: int | None = None, deadline: int | None = None,
                account: str | None = None, **domain: Any) -> bytes:
        owner = owner or self.owner
        account = account or owner.address
        return self.sign(owner, "CommitmentConsent", [
            ("account", "address", account), ("venue", "address", venue or self.venue),
            ("commitment", "uint256", commitment),
            ("version", "uint40", self.version(account) + 1 if version is None else version),
            ("nonce", "uint32", self.desk.read("nonceOf", account) if nonce is None else nonce),
            ("deadline", "uint256", self.deadline() if deadline is None else deadline)], **domain)

    def deadline(self) -> int:
        return GENESIS + 400 * DAY

    def register(self, commitment: int, *, owner: LocalAccount | None = None, sender: str | None = None,
                 signature: bytes | None = None, version: int | None = None, deadline: int | None = None,
                 account: str | None = None) -> Receipt:
        owner, sender = owner or self.owner, sender or self.venue
        account = account or owner.address
        if signature is None:
            signature = self.consent(commitment, owner=owner, venue=sender, account=account, deadline=deadline)
        return self.desk.transact("registerCommitment", account, commitment,
                                  self.version(account) + 1 if version is None else version,
                                  self.deadline() if deadline is None else deadline, signature, sender=sender)

    # -- escrow --------------------------------------------------------------------------------------------------------
    def sent_by(self, who: LocalAccount, contract: Tested, function: str, *arguments: Any) -> Any:
        """A transaction that somebody signs herself: no node has her key. Returns the node's receipt."""
        eth = self.chain.web3.eth
        if eth.get_balance(who.address) < 10**17:
            self.chain.send(who.address, b"", value=10**18)
        signed = who.sign_transaction({
            "to": contract.address, "data": encode_call(contract.artifact, function, arguments), "value": 0,
            "gas": 1_000_000, "gasPrice": 10**10, "nonce": eth.get_transaction_count(who.address)})
        receipt = eth.wait_for_transaction_receipt(eth.send_raw_transaction(signed.raw_transaction))
        assert receipt["status"] == 1, function
        return receipt

    def register_key(self, who: LocalAccount | str) -> Any:
        """A key for escrows, made from the holder's address."""
        address = who if isinstance(who, str) else who.address
        secret = secret_of(address)
        arguments = (public(secret), shown(secret, self.escrow.read("contextOfKey", address)))
        if isinstance(who, str):
            return self.escrow.transact("registerKey", *arguments, sender=who, gas=600_000)
        return self.sent_by(who, self.escrow, "registerKey", *arguments)

    def committee(self, generation: int = 1) -> tuple[Any, ...]:
        """A committee's key, its proof, its members' keys, threshold and digest."""
        secret = secret_of(f"committee {generation}")
        members = [public(secret_of(f"member {generation} {number}")) for number in range(3)]
        return (public(secret), shown(secret, self.escrow.read("contextOfCommittee", generation)), members, 2,
                keccak(text=f"committee {generation}"))

    def prepare_escrow(self) -> None:
        """A committee, and keys of the venue and the owner."""
        self.escrow.transact("foundCommittee", *self.committee(), sender=self.admin, gas=900_000)
        for who in (self.venue, self.owner):
            self.register_key(who)

    def holders(self, account: str) -> list[Any]:
        """Keys of venue, committee and owner, as they stand."""
        at = self.escrow.read("generation")
        return [Point(*key) for key in (self.escrow.read("keyOf", self.ledger.read("venueOf", account)),
                                        self.escrow.read("committees", at)[0], self.escrow.read("keyOf", account))]

    def post(self, account: str | None = None, *, version: int | None = None, digest: int = DIGEST,
             words: Sequence[int] | None = None, proof: Sequence[int] | None = None, keys: Sequence[Any] | None = None,
             commitment: int | None = None, sent_words: Sequence[int] | None = None, **context: Any) -> Receipt:
        """Post an escrow of an account's commitment. sent_words : other words than those that are proven."""
        account = account or self.owner.address
        version = self.version(account) if version is None else version
        commitment = self.ledger.read("commitmentOf", account) if commitment is None else commitment
        keys = self.holders(account) if keys is None else keys
        bound = self.context("escrow", **{"account": account, "epoch": 0, "version": version} | context)
        words = words_for(bound, commitment, keys, self.escrow.read("slots")) if words is None else words
        if proof is None:
            key = self.keys["escrow"]
            proof = proof_words(key.prove(sealed_inputs(key.verification_key.digest(), bound, commitment, keys, words,
                                                        digest)))
        return self.escrow.transact("postEscrow", account, version, digest, list(sent_words or words), list(proof),
                                    sender=self.relayer)

    def events(self, receipt: Receipt, contract: Tested, name: str) -> list[dict[str, Any]]:
        """Events of one name, decoded."""
        web3 = self.chain.web3
        found = web3.eth.contract(address=web3.to_checksum_address(contract.address), abi=contract.artifact.abi)
        logs = web3.eth.get_transaction_receipt(receipt.transaction)
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [dict(entry["args"]) for entry in getattr(found.events, name)().process_receipt(logs)]


def factors_hash(factors: Sequence[tuple[int, int, int]]) -> bytes:
    return keccak(encode(["(uint32,uint80,uint80)[]"], [list(factors)]))


def mock_vault(chain: Chain, authority: Tested, oracle: Tested) -> Callable[[str], Tested]:
    """Stands for the vault: prepares it, and deploys it in one transaction once the ledger's address is known."""
    return lambda ledger: send_contract(chain, "MockVault", [oracle.address, ledger])


def build(chain: Chain, keys: dict[str, ToyKey] | None = None, vault_of: Callable[
        [Chain, Tested, Tested], Callable[[str], Tested]] = mock_vault, **settings: Any) -> LedgerWorld:
    """Deploy everything, publish an epoch of a minute ago and register one account. `settings` replace the ledger's."""
    keys = keys or {name: ToyKey(inputs, seed=name) for name, inputs in STATEMENTS.items()}
    admin, guardian, venue, other_venue, relayer, stranger = chain.senders[:6]
    authority = send_contract(chain, "Authority", [admin])
    oracle = send_contract(chain, "MockOracle", [])
    verifiers = {name: deploy_verifier(chain, key.verification_key, name, CIRCUIT) for name, key in keys.items()}
    registry = send_contract(chain, "VerifierRegistry", [authority.address, True, [
        (statement_id(name), candidate(chain, key, verifiers[name])) for name, key in keys.items()]], gas=REGISTRY_GAS)
    combiner = send_contract(chain, "ProofCombiner", [])
    vault_for = vault_of(chain, authority, oracle)
    nonce = chain.web3.eth.get_transaction_count(chain.web3.to_checksum_address(admin))
    address, vault_address = created_address(admin, nonce + 3), created_address(admin, nonce + 4)
    attestor = send_contract(chain, "BatchAttestor", [address, registry.address, combiner.address, EMPTY])
    desk = send_contract(chain, "CommitmentDesk", [authority.address, address, registry.address])
    escrow = send_contract(chain, "Escrow", [authority.address, address, registry.address, SLOTS])
    chosen = {"oracle": oracle.address, "verifiers": registry.address, "vault": vault_address,
              "attestor": attestor.address, "desk": desk.address, "escrow": escrow.address, "maxEpochAge": MAX_AGE,
              "exitEpochAge": EXIT_AGE,
              "finalEpochAge": FINAL_AGE, "supersededGrace": GRACE, "buffers": BUFFERS, "lives": LIVES} | settings
    ledger = send_contract(chain, "MarginLedger", [authority.address, tuple(chosen.values())])
    vault = vault_for(address)                           # wants to see the ledger's code
    assert (ledger.address, vault.address) == (address, vault_address)
    lens = send_contract(chain, "LedgerLens", [])
    for role, who in ((GUARDIAN, guardian), (VENUE, venue), (VENUE, other_venue)):
        authority.transact("grantRole", role, who, 0, sender=admin)
    for contract, functions in ((registry, ("distrust(bytes32,uint32)", "cancel(bytes32)")),
                                (desk, ("pause(uint8,uint40)",))):
        authority.transact("setTargetFunctionRole", contract.address, [keccak(text=f)[:4] for f in functions],
                           GUARDIAN, sender=admin)
    key = keys["margin"]
    owner = Account.from_key(key.scalar("owner").to_bytes(32, "big"))
    world = LedgerWorld(chain, keys, authority, oracle, registry, vault, combiner, attestor, desk, escrow, ledger,
                        lens, admin,
                        guardian, venue, other_venue, relayer, stranger, owner, GENESIS - MINUTE, key.scalar("root"),
                        key.scalar("commitment"), 103_329_317, chosen)
    oracle.transact("setFactorsHash", factors_hash(FACTORS))
    world.publish(world.epoch)
    world.register(world.commitment)
    world.prepare_escrow()
    world.post()
    return world


__all__ = ["ADMIN", "BUFFERS", "DAY", "EMPTY", "EXIT_AGE", "FACTORS", "FINAL_AGE", "FOREVER", "GRACE", "GUARDIAN",
           "HOUR", "LIVES", "MAX_AGE", "MINUTE", "NOWHERE", "SKIPPED", "STATEMENTS", "STATUS", "VENUE", "Callable",
           "LedgerWorld", "Tested", "build", "candidate", "factors_hash", "key_at", "key_bytes", "mocks", "refused",
           "replace", "send_contract", "statement_id"]
