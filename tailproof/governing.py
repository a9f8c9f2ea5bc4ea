"""Who governs a system of contracts now: roles, delays, what waits, what is paused, which verifiers are believed.

What has happened is read from events, and what holds is asked of the contracts: an event says that a role was granted,
the AccessManager whether it is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from primitives.errors import BadInput
from verifier_contracts.abi import named_call
from verifier_contracts.bindings import Contract, VerifierFacts
from verifier_contracts.chain import Receipt
from verifier_contracts.creation import compile_verifier, deploy_verifier
from verifier_contracts.errors import ContractRefused, ImplausibleAnswer, plain
from verifier_contracts.events import Event, read_events
from verifier_contracts.governance import Role, Step, role_name
from verifier_contracts.verifier_registry import LAPSE, SLOTS, Candidate, slot_id

from .keys import KeyDirectory
from .known_answers import prove_known_answer
from .progress import Progress, quiet

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts, System

CLASSES: Mapping[str, tuple[int, str]] = {"open": (0, "desk"), "exit": (1, "vault"), "liquidate": (2, "vault"),
                                          "settle": (3, "settlement")}
"""Classes of actions that can be paused: number (PausableByClass.sol), and the contract that stops for each."""
GOVERNED = ("registry", "oracle", "marks", "desk", "escrow", "ledger", "vault", "settlement")
LONGEST_HOLD = 2 * 3_600
"""Seconds for which a guardian freezes an epoch at most."""
PAUSE_INTERVAL = 7 * 86_400
"""Seconds from one pause of a class to the next."""


class Holding(NamedTuple):
    """A role in a hand. since : in the future while the grant waits.  delay : seconds between scheduling and execution.
    pending_delay, effect : what that becomes, and when; 0 if nothing changes."""

    role: int
    holder: str
    since: int
    delay: int
    pending_delay: int
    effect: int


class RoleFacts(NamedTuple):
    """Of a role. admin, guardian : roles that grant it, and cancel its operations.  grant_delay : seconds.
    functions : "contract.function" that ask for it."""

    role: int
    admin: int
    guardian: int
    grant_delay: int
    functions: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """A call that was scheduled.

    id : 32 bytes.  target : name of the contract, or its address.  function : with arguments, as far as they are known.
    data : the call.  ready, expires : first second at which it can be executed, and no longer can.
    """

    id: bytes
    caller: str
    target: str
    address: str
    function: str
    data: bytes
    ready: int
    expires: int


class Pause(NamedTuple):
    """A class of actions. until : first second at which it is open again, in the past while it is.
    again : from when it can be paused next, 0 if at once."""

    name: str
    contract: str
    until: int
    again: int


class Slot(NamedTuple):
    """The verifiers of a slot. active : address, None if none is in force.  announced : verifier that comes next.
    ready, lapses : when it can be activated, 0 if nothing is announced."""

    slot: str
    active: str | None
    generation: int
    insecure: bool
    announced: str | None
    ready: int
    lapses: int


@dataclass(frozen=True)
class Governance:
    """All of it, at one moment. now : the next block's time.  breaker : whether it is tripped.
    clock_stopped : last second for which the guardian has stopped live time, 0 if none has been said since.
    behind : seconds by which live time is behind wall time, all stops together."""

    now: int
    roles: tuple[RoleFacts, ...]
    holdings: tuple[Holding, ...]
    operations: tuple[Operation, ...]
    pauses: tuple[Pause, ...]
    slots: tuple[Slot, ...]
    breaker: bool
    clock_stopped: int
    behind: int


def governance(system: System, there: Contracts, *, progress: Progress = quiet) -> Governance:
    """Read all of it; raises as `read_events`."""
    contracts: dict[str, Contract] = {name: there.named(name) for name in (*GOVERNED, "authority")}
    events = read_events(there.chain, contracts, system.block, names={
        "RoleGranted", "RoleRevoked", "TargetFunctionRoleUpdated", "OperationScheduled", "ClassPaused",
        "GenerationAnnounced", "ClockStopped", "ClockResumed"}, times=True, report=progress).events
    now = there.chain.next_time()
    functions = _functions(contracts, events)
    known = sorted({*map(int, Role), *functions, *(event.arguments["roleId"] for event in events
                                                   if event.name == "RoleGranted")})
    authority = there.authority
    holdings = [Holding(role, holder, access.since, access.delay, access.pending_delay, access.effect)
                for role, holder in sorted({(event.arguments["roleId"], event.arguments["account"]) for event in events
                                            if event.name == "RoleGranted"})
                if (access := authority.access(role, holder)).since]
    facts = [RoleFacts(role, authority.admin_of(role), authority.guardian_of(role), authority.grant_delay(role),
                       tuple(functions.get(role, ()))) for role in known]
    stops = [event.arguments.get("until", 0) for event in events if event.name in ("ClockStopped", "ClockResumed")]
    return Governance(now, tuple(facts), tuple(holdings), operations(there, events), _pauses(there, events, now),
                      _slots(there, events), there.oracle.is_tripped(), stops[-1] if stops else 0,
                      now - there.oracle.live_time())


def _functions(contracts: Mapping[str, Contract], events: Sequence[Event]) -> dict[int, list[str]]:
    """Functions by the role that they ask for now; what nobody assigned is the admin's and not listed."""
    names: dict[str, tuple[str, Contract]] = {contract.address: (name, contract) for name, contract in
                                              contracts.items()}
    latest: dict[tuple[str, bytes], int] = {}
    for event in events:
        if event.name == "TargetFunctionRoleUpdated":
            latest[event.arguments["target"], event.arguments["selector"]] = event.arguments["roleId"]
    found: dict[int, list[str]] = {}
    for (target, selector), role in latest.items():
        known = names.get(target)
        found.setdefault(role, []).append(f"{known[0] if known else target}."
                                          f"{_function_name(known and known[1], selector)}")
    return {role: sorted(listed) for role, listed in found.items()}


def _function_name(contract: Contract | None, selector: bytes) -> str:
    from eth_utils.abi import abi_to_signature
    entries: list[Any] = [] if contract is None else [e for e in contract.artifact.abi if e["type"] == "function"]
    for entry in entries:
        if keccak(text=abi_to_signature(entry))[:4] == selector:
            return str(entry["name"])
    return "0x" + selector.hex()


def operations(there: Contracts, events: Sequence[Event]) -> tuple[Operation, ...]:
    """What was scheduled and waits, by rising time."""
    authority, found = there.authority, dict[bytes, Operation]()
    names: dict[str, tuple[str, Contract]] = {
        there.named(name).address: (name, there.named(name)) for name in (*GOVERNED, "authority")}
    for event in events:
        if event.name != "OperationScheduled":
            continue
        id, told = bytes(event.arguments["operationId"]), event.arguments
        ready = authority.scheduled_for(id)
        if ready and id not in found:
            known = names.get(told["target"])
            call = None if known is None else named_call(known[1].artifact, told["data"])
            shown = "0x" + bytes(told["data"]).hex() if call is None else \
                f"{call[0]}({', '.join(str(plain(value)) for value in call[1].values())})"
            found[id] = Operation(id, told["caller"], known[0] if known else told["target"], told["target"], shown,
                                  bytes(told["data"]), ready, ready + authority.expiration())
    return tuple(sorted(found.values(), key=lambda one: (one.ready, one.id)))


def _pauses(there: Contracts, events: Sequence[Event], now: int) -> tuple[Pause, ...]:
    found = []
    for name, (number, contract) in CLASSES.items():
        until = getattr(there, contract).paused_until(number)
        began = [event.time for event in events if (event.name, event.contract, event.arguments.get("class")) ==
                 ("ClassPaused", contract, number)]
        again = began[-1] + PAUSE_INTERVAL if began else 0
        found.append(Pause(name, contract, until, again if again > now else 0))
    return tuple(found)


def _slots(there: Contracts, events: Sequence[Event]) -> tuple[Slot, ...]:
    found = []
    for slot in SLOTS:
        facts: tuple[str | None, int, bool]
        try:
            active = there.registry.active(slot)
            facts = (active.verifier, active.generation, VerifierFacts.of(there.chain, active.verifier).insecure)
        except ContractRefused as refused:
            if refused.name != "NoVerifier":
                raise
            facts = (None, there.registry.generations_of(slot), False)
        waiting = there.registry.announcement_of(slot)
        announced = [event.arguments["candidate"]["verifier"] for event in events
                     if event.name == "GenerationAnnounced" and event.arguments["statement"] == slot_id(slot)]
        found.append(Slot(slot, facts[0], facts[1], facts[2], announced[-1] if waiting and announced else None,
                          waiting.ready if waiting else 0, waiting.lapses if waiting else 0))
    return tuple(found)


# -- pauses ------------------------------------------------------------------------------------------------------------
def pause(there: Contracts, name: str, seconds: int, *, sender: str) -> Step:
    """Pause a class (role: guardian). With liquidation the vault stops the oracle's clock, in the same transaction."""
    number, contract = CLASSES[name]
    return there.authority.perform(there.named(contract), "pause", number, seconds, sender=sender)


def resume(there: Contracts, name: str, *, sender: str) -> Step:
    """End a pause before it lapses."""
    number, contract = CLASSES[name]
    return there.authority.perform(there.named(contract), "unpause", number, sender=sender)


# -- verifiers ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Rotation:
    """How far a rotation is. stage : "announced", "scheduled" (the announcement itself has a delay), "waiting",
    "active".  ready : when the same command does the next thing, 0 once it is over.  candidate : whose it is."""

    stage: str
    candidate: Candidate
    ready: int
    receipt: Receipt | None


def announced_candidate(system: System, there: Contracts, slot: str, *, progress: Progress = quiet) -> Candidate | None:
    """What waits to be activated for a slot, from the event that told it, held against the registry's hash.

    Raises
    ------
    ImplausibleAnswer : the event is not there, or is another's.
    """
    waiting = there.registry.announcement_of(slot)
    if waiting is None:
        return None
    events = read_events(there.chain, {"registry": there.registry}, system.block, names={"GenerationAnnounced"},
                         report=progress).events
    for event in reversed(events):
        made = Candidate(*event.arguments["candidate"].values())
        if event.arguments["statement"] == slot_id(slot) and _hash(made) == waiting.candidate_hash:
            return made
    raise ImplausibleAnswer(there.chain.name, f"gives no announcement of {slot}, which the registry says there is")


def _hash(candidate: Candidate) -> bytes:
    kind = "(address,bytes32,bytes32,bytes32,uint40,uint256[8],uint256[])"
    return bytes(keccak(encode([kind], [candidate.argument()])))


def rotate(system: System, there: Contracts, slot: str, keys: KeyDirectory | None, *, sunset: int = 86_400,
           verifier: str | None = None, sender: str, progress: Progress = quiet) -> Rotation:
    """Do the next thing towards another verifier of a slot: announce it, say how long it waits, activate it.

    Parameters
    ----------
    keys : of the verifier that comes; needed to announce, and compared afterwards.
    sunset : seconds for which the one before still counts.
    verifier : address where it was deployed by an earlier run that got no further.

    Raises
    ------
    BadInput : no key is given where nothing is announced; the key is of another statement than the slot's, or another
        than the one announced; or code at `verifier` that is not the key's.
    ContractRefused : the registry refuses, or the sender may not announce.
    """
    waiting = there.registry.announcement_of(slot)
    if waiting is not None and there.chain.next_time() <= waiting.ready + LAPSE:
        candidate = announced_candidate(system, there, slot, progress=progress)
        assert candidate is not None
        if keys is not None and "0x" + candidate.key_digest.hex() != keys.key_digest:
            raise BadInput("--key", keys.key_digest, f"0x{candidate.key_digest.hex()}, which is announced; a guardian "
                           "can take that back (--cancel)", source=keys.path)
        if there.chain.next_time() < waiting.ready:
            return Rotation("waiting", candidate, waiting.ready, None)
        return Rotation("active", candidate, 0, there.registry.activate(slot, candidate, sender=sender))
    if keys is None:
        raise BadInput("--key", None, f"given: nothing is announced for {slot}")
    expected = system.installed(slot).statement
    if keys.statement != expected:
        raise BadInput("--key", keys.statement, f"a key of {expected}, which this system was deployed for: commitments "
                       "of other sizes need another system", source=keys.path)
    candidate = _candidate(there, keys, sunset, verifier, sender, progress)
    step: Step = there.authority.perform(there.registry, "announce", slot_id(slot), candidate.argument(),
                                         sender=sender)
    if not step.done:
        return Rotation("scheduled", candidate, step.ready, step.receipt)
    announced = there.registry.announcement_of(slot)
    return Rotation("announced", candidate, announced.ready if announced else 0, step.receipt)


def _candidate(there: Contracts, keys: KeyDirectory, sunset: int, verifier: str | None, sender: str,
               progress: Progress) -> Candidate:
    """Deployed, or found where it was; the hash is of the code generated here, not of what a node says."""
    key, circuit = keys.verification_key(), bytes.fromhex(keys.r1cs_digest)
    known = prove_known_answer(keys, progress=progress)
    code = compile_verifier(key, keys.statement, circuit).runtime
    if verifier is None:
        verifier = deploy_verifier(there.chain, key, keys.statement, circuit, known=known, sender=sender)
    found = there.chain.code(verifier)
    if found != code:
        raise BadInput("--verifier", verifier, "the address of the verifier that this key generates",
                       source=there.chain.name)
    return Candidate.of(there.chain, verifier, key, circuit, known, sunset=sunset)._replace(code_hash=keccak(code))


# -- one account's roles -----------------------------------------------------------------------------------------------
def role_of(text: str) -> int:
    """A role by its name or number; raises BadInput."""
    if text.upper() in Role.__members__:
        return Role[text.upper()]
    if text.isascii() and text.isdigit() and int(text) < (1 << 64) - 1:
        return int(text)
    raise BadInput("ROLE", text, f"one of {', '.join(role_name(role) for role in Role)}, or a number")


