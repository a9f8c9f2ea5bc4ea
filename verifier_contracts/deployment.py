"""Putting a registry, a verifier and a manager on a chain, and the file that says where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from primitives import jsonio
from primitives.errors import BadInput
from verifier_contracts.addresses import checksummed, read_address, read_bytes32
from verifier_contracts.authenticity import manager_is_ours, registry_is_ours
from verifier_contracts.bindings import EpochRegistry, MarginManager, VerifierFacts
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.creation import compile_verifier as compile_verifier
from verifier_contracts.creation import create, require_secure
from verifier_contracts.creation import deploy_verifier as deploy_verifier
from verifier_contracts.generator import STATEMENT_NAME
from verifier_contracts.selftest import (
    KnownAnswer,
    expectation,
    require_precompiles,
    require_right_answers,
    require_valid,
)
from verifier_contracts.unfinished import SCHEMA as UNFINISHED
from verifier_contracts.unfinished import Steps

if TYPE_CHECKING:
    from prover import VerificationKey

SCHEMA = "tailproof.deployment/1"
DAY = 86_400
CODES = ("manager's code", "registry's code", "verifier's code")


@dataclass(frozen=True)
class Roles:
    """Who governs new contracts; `admin_delay` is the notice, in seconds, before a new admin can take over."""

    admin: str
    publisher: str
    guardian: str
    venue: str
    admin_delay: int = DAY

    def __post_init__(self) -> None:
        for name in ("admin", "publisher", "guardian", "venue"):
            object.__setattr__(self, name, checksummed(getattr(self, name), name))

    @staticmethod
    def of(holder: str) -> Roles:
        """Every role in one hand: for trials."""
        return Roles(holder, holder, holder, holder)


@dataclass(frozen=True)
class Deployment:
    """Where the contracts of one statement are.

    chain_id : EIP-155; registry, verifier, manager : addresses; key_digest, insecure_setup : of the key deployed with;
    statement, circuit_digest : its name and the digest of its constraint system.
    """

    chain_id: int
    statement: str
    circuit_digest: bytes
    key_digest: bytes
    insecure_setup: bool
    registry: str
    verifier: str
    manager: str

    def open(self, chain: Chain) -> tuple[EpochRegistry, MarginManager]:
        """The contracts on a chain, once everything that this says of them is what they say themselves.

        That another verifier is in force by now is no contradiction: keys are rotated.  Whether the contracts are what
        they say is looked at by `authenticity`.

        Raises
        ------
        BadInput : the chain is another, there is no code where the contracts should be, or they say something else.
        """
        registry, manager = self._found(chain)
        for field, said, found in self.claims(manager):
            if said != found:
                raise BadInput(field, said, f"{found}, as the contracts say", source=chain.name)
        return registry, manager

    def claims(self, manager: MarginManager) -> list[tuple[str, object, object]]:
        """What this says, beside what the contracts say: (field, said, found)."""
        chain, in_force = manager.chain, manager.verifier()
        told = VerifierFacts.of(chain, self.verifier)
        now = told if in_force == self.verifier else VerifierFacts.of(chain, in_force)
        return [
            ("registry", self.registry, manager.registry()),
            ("statement", self.statement, told.statement),
            ("circuit_digest", "0x" + self.circuit_digest.hex(), "0x" + told.circuit_digest.hex()),
            ("key_digest", "0x" + self.key_digest.hex(), "0x" + told.key_digest.hex()),
            ("insecure_setup", self.insecure_setup, told.insecure or now.insecure),
        ]

    def _found(self, chain: Chain) -> tuple[EpochRegistry, MarginManager]:
        if chain.chain_id != self.chain_id:
            raise BadInput("chain id", chain.chain_id, f"{self.chain_id}, the chain of this deployment",
                           source=chain.name)
        for name in ("registry", "verifier", "manager"):
            where = getattr(self, name)
            if not chain.code(where):
                raise BadInput(name, where, "the address of a contract on this chain", source=chain.name)
        return EpochRegistry(chain, self.registry), MarginManager(chain, self.manager)

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "chain_id": self.chain_id, "statement": self.statement,
                "circuit_digest": "0x" + self.circuit_digest.hex(), "key_digest": "0x" + self.key_digest.hex(),
                "insecure_setup": self.insecure_setup,
                "registry": self.registry, "verifier": self.verifier, "manager": self.manager}

    def save(self, path: Path, *, over: bool = False) -> None:
        """Write the file; `over`: in place of the note of how far it had come; raises as `jsonio.creating`."""
        jsonio.write(path, self.to_json(), over=over)

    @staticmethod
    def load(path: Path) -> Deployment:
        """Read a deployment file; raises BadInput naming the field, or that the deployment was never finished."""
        file = jsonio.Node.read(path)
        if isinstance(file.value, dict) and file.value.get("schema") == UNFINISHED:
            raise BadInput("schema", UNFINISHED, "that of a finished deployment: `contract deploy` with the same "
                           "options goes on from this file", source=path)
        fields = file.document(SCHEMA, {"chain_id", "statement", "circuit_digest", "key_digest",
                                                          "insecure_setup", "registry", "verifier", "manager"})
        return Deployment(fields["chain_id"].integer(1, (1 << 53) - 1), fields["statement"].text(STATEMENT_NAME),
                          read_bytes32(fields["circuit_digest"]), read_bytes32(fields["key_digest"]),
                          fields["insecure_setup"].boolean(),
                          *(read_address(fields[name]) for name in ("registry", "verifier", "manager")))


def deploy(chain: Chain, key: VerificationKey, statement: str, circuit_digest: bytes, known: KnownAnswer, *,
           max_epoch_age: int = DAY, roles: Roles | None = None, allow_insecure_setup: bool = False,
           registry: str | None = None, sender: str | None = None,
           progress: Callable[[str, int, int], None] | None = None, file: Path | None = None) -> Deployment:
    """Deploy the verifier of a key and a manager that trusts it, and a registry unless one is given.

    Parameters
    ----------
    key, statement : a verification key with the four public inputs of `margin`, and the name of its statement.
    circuit_digest : 32 bytes, SHA-256 of the constraint system that the key was made for; the caller has compared it.
    known : a valid proof by this key, for the self-test of the contracts.
    max_epoch_age : seconds after which an epoch proves nothing any more; fixed for the life of the manager.
    roles : who governs; by default all in the sender's hand, which suits trials only.
    allow_insecure_setup : take a key whose maker can forge. The manager then says so for ever.
    registry : address of a registry to share.
    file : the deployment file to write; what is deployed before a failure is kept there, and taken from there.

    Raises
    ------
    BadInput : the key is unfit, or insecure and not allowed, the known answer is none, or there is no such registry;
        before anything is sent.
    ContractRefused : PrecompileMissing, before anything is sent: on this chain nothing can be verified; or a
        constructor refused.
    """
    require_secure(key, "key", allow_insecure_setup)
    if key.public != 4:
        raise BadInput("key", f"{key.public} public inputs",
                       "of a statement with 4: context, epoch root, portfolio commitment, margin")
    if not 0 < max_epoch_age < 1 << 40:
        raise BadInput("max_epoch_age", max_epoch_age, "a number of seconds in [1, 2**40)")
    if registry is not None:
        registry = checksummed(registry, "registry")
        if not chain.code(registry):
            raise BadInput("registry", registry, "the address of a contract on this chain", source=chain.name)
        if not registry_is_ours(chain, registry):
            raise BadInput("registry", registry, "an EpochRegistry of this version, byte for byte: a margin is worth "
                           "what its epochs are", source=chain.name)
    require_valid(key, known)
    contracts, verifier_artifact = compile_contracts(), compile_verifier(key, statement, circuit_digest)
    roles = roles or Roles.of(sender or chain.default_sender())
    report = progress or (lambda stage, done, total: None)

    steps = Steps(chain, sender or chain.default_sender(), file, {
        "chain_id": chain.chain_id, "statement": statement, "circuit_digest": "0x" + circuit_digest.hex(),
        "key_digest": "0x" + key.digest().hex(), "max_epoch_age": max_epoch_age,
        "insecure_setup": allow_insecure_setup, "registry": registry,
        "sender": sender or chain.default_sender(), "roles": asdict(roles)},
        ("registry", "verifier", "manager"))
    require_precompiles(chain)
    report("deploying", 0, 3)
    if registry is None:
        registry = steps.create("registry", lambda before: create(
            chain, contracts["EpochRegistry"], [roles.admin, roles.admin_delay, roles.publisher, roles.guardian],
            sender=sender, before=before))
    report("deploying", 1, 3)
    verifier = steps.create("verifier", lambda before: create(chain, verifier_artifact, sender=sender,
                                                               before=before))
    require_right_answers(chain, verifier, known)
    report("deploying", 2, 3)
    manager = steps.create("manager", lambda before: create(
        chain, contracts["MarginManager"],
        [registry, verifier, expectation(key.digest(), circuit_digest, known), max_epoch_age, allow_insecure_setup,
         (roles.admin, roles.admin_delay, roles.guardian, roles.venue)], sender=sender, before=before))
    report("deploying", 3, 3)
    made = Deployment(chain.chain_id, statement, circuit_digest, key.digest(), key.insecure_setup, registry, verifier,
                      manager)
    if file is not None:
        made.save(file, over=True)                             # over the note of how far it had come
    return made


def verifier_is_authentic(chain: Chain, deployment: Deployment, key: VerificationKey) -> bool:
    """Whether the manager's verifier is, byte for byte, the one generated for this key, and the manager that asks it
    and the registry that it believes are ours: for auditors, who thereby need to trust neither the deployer nor what
    the contracts say about themselves."""
    looked_at = ("registry", *CODES)
    return all(said == found for what, said, found in authenticity(chain, deployment, key) if what in looked_at)


def authenticity(chain: Chain, deployment: Deployment, key: VerificationKey | None = None
                 ) -> list[tuple[str, object, object]]:
    """A deployment against the contracts that are there: (what, said by the file or compiled here, found on chain).

    Parameters
    ----------
    key : of the verifier in force; without it the verifier is taken at its word.

    Raises
    ------
    BadInput : the chain is another, or there is no code where the contracts should be, or they answer like others.
    """
    _, manager = deployment._found(chain)
    where = manager.verifier()
    rows: list[tuple[str, object, object]] = [
        *deployment.claims(manager),
        ("verifier in force", deployment.verifier, where),
        (CODES[0], True, manager_is_ours(manager)),
        (CODES[1], True, registry_is_ours(chain, manager.registry())),
    ]
    if key is not None:
        expected = compile_verifier(key, deployment.statement, deployment.circuit_digest).runtime
        rows.append((CODES[2], _digest(expected), _digest(chain.code(where))))
    return rows


def _digest(code: bytes) -> str:
    return "0x" + keccak(code).hex()
