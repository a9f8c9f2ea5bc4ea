"""All contracts of a system onto a chain, wired to each other, and then out of the deployer's hands.

Some know each other's addresses before they are there: attestor, desk and escrow are deployed for the address that the
ledger will have, the ledger for the vault's; addresses follow from the sender's nonces (`sending.created_address`), so
these five are deployed with nothing between them, and again from the first if something came between. In the end every
pointer is read back and compared, which no constructor can do for what comes after it.

A run that fails goes on where it stopped: contracts are in the file (`unfinished`), and of everything else the chain is
asked whether it is done. Until the last step the deployer is the admin, without a delay; with that step the configured
admin is, with its delay, and the deployer has no role at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from primitives.errors import BadInput, Said, TailproofError
from verifier_contracts.abi import encode_call
from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import ZERO_ADDRESS, proof_words
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.creation import compile_verifier, create, require_secure
from verifier_contracts.governance import AccessManager, Role, role_name
from verifier_contracts.oracle import LeafLayout
from verifier_contracts.role_table import FUNCTIONS, selector
from verifier_contracts.selftest import KnownAnswer, require_precompiles, require_valid
from verifier_contracts.sending import created_address
from verifier_contracts.system import CONTRACTS, Contracts, Grant, Installed, Named, Settings, System
from verifier_contracts.system_config import SystemConfig
from verifier_contracts.unfinished import Steps
from verifier_contracts.verifier_registry import SLOTS, Candidate, slot_id

if TYPE_CHECKING:
    from prover import VerificationKey

Progress = Callable[[str, int, int], None]

INPUTS: Mapping[str, int] = {"margin": 4, "cover": 4, "flat": 2, "transition": 4, "escrow": 3, "delivery": 3,
                             "disclose": 4, "batch-4": 3, "batch-16": 3,
                             "leaf-field": 5, "leaf-field-asset": 5, "leaf-field-mark": 5}
"""Public inputs of the statement in each slot."""
CREATION_GAS = 16_700_000
"""The most gas of a deployment: a chain takes no transaction above 2**24 (EIP-7825). The registry examines all first
verifiers in its constructor, the oracle fills 128 slots."""
FIRST_SUNSET = 86_400
"""A candidate names the sunset of the verifier before it; the first ones have none before them."""
_OWN: Mapping[Role, str] = {
    Role.VAULT: "vault", Role.SETTLEMENT: "settlement", Role.SILENCE: "silence", Role.CLOSING: "closes",
    Role.COORDINATOR: "coordinator"}
"""Contracts that hold a role, each its own: what one of them may do, another may not."""
_TOGETHER = ("attestor", "desk", "escrow", "ledger", "vault")


class NotHandedOver(TailproofError):
    """After a deployment the chain does not say what was configured: nothing should rest on these contracts."""


@dataclass(frozen=True)
class SlotKey:
    """The key of a slot, what it is of, and a true proof by it.

    circuit_digest : 32 bytes, SHA-256 of the constraint system; the caller has compared it.
    """

    statement: str
    key: VerificationKey
    circuit_digest: bytes
    known: KnownAnswer


@dataclass(frozen=True)
class Proving:
    """What proofs of a system are of. keys : by slot.  layout : of leaves, as the statements read them.
    empty_commitment : to no positions, under salt 0.  empty_fills : digest of no fills and nonce 0, by the transition's
    statement.  slots : J, of a commitment."""

    keys: Mapping[str, SlotKey]
    layout: LeafLayout
    empty_commitment: int
    slots: int
    empty_fills: int


def deploy_system(chain: Chain, config: SystemConfig, proving: Proving, *, sender: str | None = None,
                  progress: Progress | None = None, file: Path | None = None) -> System:
    """Deploy everything that a configuration asks for.

    Parameters
    ----------
    sender : pays, is admin until the last step, and stakes for the publishers.
    file : the deployment file to write; what is done before a failure is kept there, and gone on from.

    Raises
    ------
    BadInput : the chain is another, a key is unfit or insecure and not allowed, a known answer is none, there is no
        token where one should be, or the sender is the admin; before anything is sent.
    ContractRefused : PrecompileMissing, before anything is sent: on this chain nothing can be verified; or a contract
        refused.
    NotHandedOver : the contracts do not say what they should at the end.
    """
    deployer = checksummed(sender or chain.default_sender(), "sender")
    require_deployable(chain, config, proving, deployer)
    names = [*CONTRACTS, "quote", *(f"verifier-{slot}" for slot in proving.keys)]
    steps = Steps(chain, deployer, file, {**_plan(config, proving), "sender": deployer}, names)
    steps.look()
    return _Deployment(chain, config, proving, deployer, steps, progress or (lambda stage, done, total: None)).run(file)


def registry_gas(verifiers: Sequence[Installed]) -> int:
    """A limit for the registry's deployment, whose constructor asks every verifier once for each input and once more:
    at most 250,000 a question (208,000 measured), 150,000 a verifier kept, and 3.2 million for itself."""
    return 3_200_000 + sum(250_000 * (INPUTS[one.slot] + 1) + 150_000 for one in verifiers)


def settings_of(config: SystemConfig, layout: LeafLayout, empty_commitment: int, slots: int, empty_fills: int
                ) -> Settings:
    """What constructors fix, as a configuration has it."""
    ledger = config.ledger
    return Settings(config.allow_insecure_setup, config.oracle.finality_blocks, config.publishers.stake, layout,
                    config.vault.mark_life, empty_commitment, slots, ledger.max_epoch_age, ledger.exit_epoch_age,
                    ledger.final_epoch_age, ledger.superseded_grace, ledger.buffers, ledger.lives,
                    config.settlement.quantum, config.settlement.debit_per_margin, empty_fills,
                    config.liquidation.terms)


def grants_of(config: SystemConfig, contracts: Mapping[str, str]) -> tuple[Grant, ...]:
    """Roles in hands, as a configuration has them; `contracts`: addresses, some of which hold roles."""
    roles, delays = config.roles, config.delays
    return (Grant(Role.ADMIN, roles.admin, delays.admin), Grant(Role.ANNOUNCER, roles.admin, 0),
            Grant(Role.GUARDIAN, roles.guardian, 0), Grant(Role.RISK, roles.risk, 0),
            Grant(Role.LOOSENING, roles.risk, delays.loosening),
            *(Grant(Role.VENUE, venue, 0) for venue in roles.venues),
            *(Grant(Role.LIQUIDATOR, liquidator, 0) for liquidator in roles.liquidators),
            *(Grant(role, contracts[name], 0) for role, name in _OWN.items()))


def require_deployable(chain: Chain, config: SystemConfig, proving: Proving, deployer: str) -> None:
    """Everything that can be known before anything is sent; raises as `deploy_system`."""
    if chain.chain_id != config.chain_id:
        raise BadInput("chain_id", config.chain_id, f"{chain.chain_id}, as the node says", source=config.source)
    config.require_deployer(deployer)
    if set(proving.keys) != set(config.verifiers):
        raise BadInput("verifiers", sorted(config.verifiers), f"the slots of the keys: {sorted(proving.keys)}")
    served: dict[bytes, str] = {}
    for slot, one in proving.keys.items():
        field = f"verifiers.{slot}"
        require_secure(one.key, field, config.allow_insecure_setup)
        if one.key.public != INPUTS[slot]:
            raise BadInput(field, Said(f"a key with {one.key.public} public inputs"),
                           f"of a statement with {INPUTS[slot]}",
                           source=config.source)
        digest = one.key.digest()
        if digest in served:
            raise BadInput(field, "0x" + digest.hex(), f"another key than that of {served[digest]}: a key serves one "
                           "statement", source=config.source)
        served[digest] = slot
        require_valid(one.key, one.known)
    examined = registry_gas([Installed(slot, "", "", b"", b"", False) for slot in proving.keys])
    if examined > CREATION_GAS:
        raise BadInput("verifiers", Said(f"{len(proving.keys)} slots, which take {examined:,} gas to examine"),
                       f"at most {CREATION_GAS:,}, a transaction's; leave some out and announce them afterwards "
                       "(`contract rotate`)", source=config.source)
    tokens = [("vault.quote", config.vault.quote)] if config.vault.quote is not None else []
    tokens += [(f"vault.assets[{i}].token", asset.token) for i, asset in enumerate(config.vault.assets)]
    for field, token in tokens:
        if not chain.code(str(token)):
            raise BadInput(field, token, "the address of a token on this chain", source=chain.name)
    require_precompiles(chain)


def _plan(config: SystemConfig, proving: Proving) -> dict[str, Any]:
    """All that a deployment depends on, as JSON."""
    parts = asdict(config)
    del parts["source"], parts["verifiers"]
    parts["keys"] = {slot: {"statement": one.statement, "key_digest": "0x" + one.key.digest().hex(),
                            "circuit_digest": "0x" + one.circuit_digest.hex()} for slot, one in proving.keys.items()}
    parts["layout"] = list(proving.layout)
    parts["empty_commitment"] = proving.empty_commitment
    parts["slots"] = proving.slots
    parts["empty_fills"] = proving.empty_fills
    plan: dict[str, Any] = json.loads(json.dumps(_as_text(parts)))
    return plan


def _as_text(value: Any) -> Any:
    """Integers beyond 2**53 as strings, so that the file is read again as it was written."""
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(item) for item in value]
    return str(value) if type(value) is int and abs(value) >= 1 << 53 else value


@dataclass
class _Deployment:
    """One run."""

    chain: Chain
    config: SystemConfig
    proving: Proving
    deployer: str
    steps: Steps
    progress: Progress

    def run(self, file: Path | None) -> System:
        keys = self.proving.keys
        self.done, self.total = 0, len(keys) + len(CONTRACTS) + 6
        block = self.steps.begin()
        verifiers = tuple(self.verifier(slot) for slot in SLOTS if slot in keys)
        at: dict[str, str] = {"authority": self.contract("authority", lambda: [self.deployer])}
        at["registry"] = self.contract("registry", lambda: [
            at["authority"], self.config.allow_insecure_setup, [self.first(one) for one in verifiers]],
            gas=registry_gas(verifiers))
        settings = self.config.oracle
        at["oracle"] = self.contract("oracle", lambda: [at["authority"], settings.limits.words(),
                                                        settings.finality_blocks])
        at["court"] = self.contract("court", lambda: [at["oracle"], at["registry"], tuple(self.proving.layout),
                                                      self.config.publishers.stake])
        self.seat(at)
        at["combiner"], at["lens"] = self.contract("combiner"), self.contract("lens")
        at["marks"] = self.contract("marks", lambda: [at["authority"], at["oracle"], self.config.vault.mark_life])
        quote = self.config.vault.quote or self.contract("quote")
        at |= self.together(at, quote)
        at["settlement"] = self.contract("settlement", lambda: [
            at["authority"], at["vault"], self.config.settlement.quantum, self.config.settlement.debit_per_margin])
        at |= self.liquidation(at, quote)
        self.install(at)
        made = self.described({name: at[name] for name in CONTRACTS}, block, verifiers, quote)
        there = self.confirmed(made)
        self.list_assets(there)
        self.assign_roles(there, made)
        self.hand_over(there.authority)
        self.tick("handed over")
        problems = [f"{role_name(one.role)} of {one.holder}" for one in made.grants
                    if there.authority.has_role(one.role, one.holder) != (True, one.delay)]
        if there.authority.has_role(Role.ADMIN, self.deployer)[0]:
            problems.append(f"{self.deployer}, who deployed, is still an admin")
        if problems:
            raise NotHandedOver("roles are not as configured: " + ", ".join(problems))
        if file is not None:
            made.save(file, over=True)                         # over the note of how far it had come
        return made

    def tick(self, what: str) -> None:
        self.done += 1
        self.progress(what, min(self.done, self.total), self.total)

    # -- contracts -----------------------------------------------------------------------------------------------------
    def contract(self, name: str, arguments: Callable[[], list[Any]] | None = None, gas: int | None = None) -> str:
        """One contract of ours; its arguments are looked at only if it is not there yet."""
        artifact = compile_contracts()["TrialToken" if name == "quote" else CONTRACTS[name]]
        address = self.steps.create(name, lambda before: create(
            self.chain, artifact, None if arguments is None else arguments(), sender=self.deployer, before=before,
            gas_cap=CREATION_GAS, gas=gas))
        self.tick(name)
        return checksummed(address)

    def verifier(self, slot: str) -> Installed:
        one = self.proving.keys[slot]
        artifact = compile_verifier(one.key, one.statement, one.circuit_digest)
        address = self.steps.create(f"verifier-{slot}", lambda before: create(
            self.chain, artifact, sender=self.deployer, before=before, gas_cap=CREATION_GAS))
        self.tick(f"verifier of {slot}")
        return Installed(slot, one.statement, checksummed(address), one.key.digest(), one.circuit_digest,
                         one.key.insecure_setup)

    def first(self, one: Installed) -> tuple[bytes, tuple[Any, ...]]:
        """A first verifier as the registry takes it; the hash is of the code generated here, not of a node's word."""
        key = self.proving.keys[one.slot]
        code = compile_verifier(key.key, key.statement, key.circuit_digest).runtime
        return slot_id(one.slot), Candidate(one.verifier, keccak(code), one.key_digest, one.circuit_digest,
                                            FIRST_SUNSET, proof_words(key.known.proof),
                                            list(key.known.inputs)).argument()

    def together(self, at: Mapping[str, str], quote: str) -> dict[str, str]:
        """Attestor, desk, escrow, ledger and vault, at the addresses that they know of each other."""
        there = [name for name in _TOGETHER if name in self.steps.made]
        nonce = self.chain.next_nonce(self.deployer)
        expected = [checksummed(created_address(self.deployer, nonce - len(there) + i)) for i in range(5)]
        found = [checksummed(self.steps.made[name]) for name in there]
        if len(there) < 5 and found != expected[:len(there)]:       # something of the sender's came between
            self.steps.forget(_TOGETHER)
            expected = [checksummed(created_address(self.deployer, nonce + i)) for i in range(5)]
        ledger, vault = (expected[3], expected[4]) if len(there) < 5 else (found[3], found[4])
        one, config = self.config.ledger, self.config.vault
        empty = self.proving.empty_commitment
        made = {"attestor": self.contract("attestor", lambda: [ledger, at["registry"], at["combiner"], empty]),
                "desk": self.contract("desk", lambda: [at["authority"], ledger, at["registry"]]),
                "escrow": self.contract("escrow", lambda: [at["authority"], ledger, at["registry"],
                                                           self.proving.slots])}
        made["ledger"] = self.contract("ledger", lambda: [at["authority"], (
            at["oracle"], at["registry"], vault, made["attestor"], made["desk"], made["escrow"], one.max_epoch_age,
            one.exit_epoch_age, one.final_epoch_age, one.superseded_grace, list(one.buffers), list(one.lives))])
        made["vault"] = self.contract("vault", lambda: [at["authority"], (
            at["oracle"], made["ledger"], at["marks"], quote, config.quote_id, config.quote_cap)])
        return made

    def liquidation(self, at: Mapping[str, str], quote: str) -> dict[str, str]:
        """Who calls, closes and sells accounts, and who bears what that loses."""
        config, made = self.config.liquidation, dict[str, str]()
        terms, caps = config.terms, config.caps
        made["fund"] = self.contract("fund", lambda: [
            at["authority"], at["settlement"], terms.bid_per_margin, (caps.account, caps.epoch, caps.day)])
        made["allocator"] = self.contract("allocator", lambda: [
            at["authority"], at["settlement"], made["fund"], terms.largest_haircut])
        made["house"] = self.contract("house", lambda: [
            at["authority"], at["oracle"], at["escrow"], quote, made["fund"],
            (config.seat_bond, config.least_bond, config.kappa), terms.times(), terms.time_before])
        made["silence"] = self.contract("silence", lambda: [at["desk"], at["ledger"]])
        made["closes"] = self.contract("closes", lambda: [
            at["ledger"], at["desk"], at["escrow"], terms.band, terms.concession])
        made["coordinator"] = self.contract("coordinator", lambda: [at["authority"], (
            made["closes"], at["settlement"], made["house"], made["fund"], made["allocator"],
            self.proving.empty_fills, self.proving.empty_commitment, terms.unknown_loss, terms.breach_share,
            terms.breach_least, terms.venue_delivers, terms.committee_delivers)])
        made["unwinder"] = self.contract("unwinder", lambda: [
            at["authority"], made["closes"], terms.pay_share, terms.pay_cap])
        return made

    # -- wiring --------------------------------------------------------------------------------------------------------
    def seat(self, at: Mapping[str, str]) -> None:
        """The oracle's court, the publishers' stakes, the publishers."""
        oracle, court = (Named(self.chain, at[name], CONTRACTS[name]) for name in ("oracle", "court"))
        publishers = self.config.publishers
        if oracle.read("court") == ZERO_ADDRESS:
            oracle.transact("installCourt", court.address, sender=self.deployer)
        self.tick("court installed")
        if oracle.read("generation") == 0:
            for signer in publishers.signers:
                missing = publishers.stake - court.read("stakeOf", signer)
                if missing > 0:
                    court.transact("stake", signer, value=missing, sender=self.deployer)
            oracle.transact("rotateSigners", list(publishers.signers), publishers.quorum, sender=self.deployer)
        self.tick("publishers seated")

    def install(self, at: Mapping[str, str]) -> None:
        """What vault, fund and house are told once: the allocator, the coordinator, the fund's agent. The agent's
        encryption key is its own to register (`open_steps`)."""
        vault, fund, house = (Named(self.chain, at[name], CONTRACTS[name]) for name in ("vault", "fund", "house"))
        if vault.read("allocator") == ZERO_ADDRESS:
            vault.transact("installAllocator", at["allocator"], sender=self.deployer)
        if fund.read("watch") == ZERO_ADDRESS:
            fund.transact("install", at["coordinator"], at["allocator"], sender=self.deployer)
        if house.read("fundAgent") == ZERO_ADDRESS:
            house.transact("setFundAgent", self.config.liquidation.fund_agent, sender=self.deployer)
        self.tick("liquidation installed")

    def list_assets(self, there: Contracts) -> None:
        for asset in self.config.vault.assets:
            if checksummed(there.vault.read("tokenOf", asset.id)) != asset.token:
                there.vault.transact("listAsset", asset.token, asset.id, asset.cap, sender=self.deployer)
        self.tick("assets listed")

    def described(self, at: Mapping[str, str], block: int, verifiers: tuple[Installed, ...], quote: str) -> System:
        settings = settings_of(self.config, self.proving.layout, self.proving.empty_commitment,
                               self.proving.slots, self.proving.empty_fills)
        return System(self.chain.chain_id, block, at, verifiers, quote, self.config.vault.quote_id, settings,
                      grants_of(self.config, at))

    def confirmed(self, made: System) -> Contracts:
        """The contracts, once every pointer between them is read back: the vault's in the ledger above all, which was
        said before there was a vault."""
        try:
            return made.open(self.chain)
        except BadInput as wrong:
            raise NotHandedOver(f"the contracts do not fit each other: {wrong}") from None

    # -- roles ---------------------------------------------------------------------------------------------------------
    def assign_roles(self, there: Contracts, made: System) -> None:
        """Functions to roles and roles to hands, all but the admin's, in one transaction."""
        authority, calls = there.authority, []
        for name, functions in FUNCTIONS.items():
            contract = there.named(name)
            wanted: dict[Role, list[bytes]] = {}
            for function, role in functions.items():
                chosen = selector(contract.artifact, function)
                if authority.role_of(contract.address, chosen) != role:
                    wanted.setdefault(role, []).append(chosen)
            calls += [_call(authority, "setTargetFunctionRole", contract.address, selectors, role)
                      for role, selectors in wanted.items()]
        calls += [_call(authority, "grantRole", one.role, one.holder, one.delay) for one in made.grants
                  if one.role != Role.ADMIN and authority.has_role(one.role, one.holder) != (True, one.delay)]
        if authority.guardian_of(Role.LOOSENING) != Role.GUARDIAN:
            calls.append(_call(authority, "setRoleGuardian", Role.LOOSENING, Role.GUARDIAN))
            calls += [_call(authority, "labelRole", role, role_name(role)) for role in Role if role != Role.ADMIN]
        if calls:
            authority.transact("multicall", calls, sender=self.deployer)
        self.tick("roles assigned")

    def hand_over(self, authority: AccessManager) -> None:
        """The configured admin in, the deployer out, in one transaction: at no moment two, or none."""
        if authority.has_role(Role.ADMIN, self.deployer)[0]:
            authority.transact("multicall", [
                _call(authority, "grantRole", Role.ADMIN, self.config.roles.admin, self.config.delays.admin),
                _call(authority, "renounceRole", Role.ADMIN, self.deployer)], sender=self.deployer)


def _call(contract: AccessManager, function: str, *arguments: Any) -> bytes:
    return encode_call(contract.artifact, function, arguments)
