"""A system of contracts at one block: code, settings, verifiers, roles, clocks; who governs it and what waits.

What `contract check` compares one by one is told here by what it is about, with whatever differs by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from risk.exact.clock import format_time
from verifier_contracts.clocks import clocks
from verifier_contracts.errors import ContractRefused
from verifier_contracts.governance import role_name
from verifier_contracts.open_steps import open_steps
from verifier_contracts.pinned import PinnedChain
from verifier_contracts.selftest import require_precompiles
from verifier_contracts.system import Contracts, System
from verifier_contracts.system_authenticity import Check, parts_of
from verifier_contracts.system_config import SystemConfig

from ..governing import Governance, governance
from ..keys import INSECURE
from ..number_forms import duration
from ..progress import Progress, quiet
from ..systems import circuits_of, configured, trusted_keys
from .finding import Finding, looked, trusted, unseen
from .given import Given


@dataclass(frozen=True)
class OnChain:
    """A system at a block."""

    chain: PinnedChain
    system: System
    there: Contracts

    @staticmethod
    def of(chain: PinnedChain, given: Given) -> OnChain:
        """The contracts of the deployment file; raises BadInput where the chain is another, or nothing is there."""
        assert given.deployment is not None
        system = System.load(given.deployment)
        system.require_there(chain)
        return OnChain(chain, system, system.bind(chain))


_SAID = {
    "code": ("The code of every contract is ours, byte for byte, its fixed values included", ("contract", "check")),
    "settings": ("The contracts say of themselves what the deployment file says", ("contract", "check")),
    "verifiers": ("The verifiers in force are those of the deployment file, and of the keys that you trust",
                  ("contract", "check")),
    "functions": ("Every restricted function asks for the role that it should; no contract is closed",
                  ("contract", "roles")),
    "hands": ("Roles are held by those whom the deployment file names, with their delays, and by nobody else",
              ("contract", "roles")),
}


def contract_findings(on: OnChain, given: Given, *, progress: Progress = quiet) -> Iterator[Finding]:
    """Everything about the contracts, whatever account or epoch is audited.

    Raises
    ------
    BadInput : as `OnChain.of`; from the configuration.
    NodeError : the node does not tell.
    """
    wanted = None if given.config is None else SystemConfig.load(given.config)
    keys = None if wanted is None else trusted_keys(wanted)
    config = () if given.config is None else ("--config", given.config)
    parts = parts_of(on.chain, on.system, keys, report=progress)
    for part, checks in parts.items():
        what, command = _SAID[part]
        yield _grouped(f"contracts.{part}", what, checks,
                       given.command(*command, *given.on_chain(), *(config if command[1] == "check" else ())),
                       every=part in ("code", "hands"))
    check = given.command("contract", "check", *given.on_chain(), *config)
    yield _grouped("contracts.circuits", "The verifiers are of the circuits that this version's sources give",
                   circuits_of(on.system), check, every=True)
    configuration = "The deployment is what its configuration asks for: roles, delays, settings, keys"
    if wanted is None:
        yield unseen("contracts.configured", "contracts", configuration,
                     "no configuration was given whose keys you trust (--config): whether roles and keys are what they "
                     "should be is unchecked", command=check)
    else:
        yield _grouped("contracts.configured", configuration, configured(on.system, wanted), check)
    yield _precompiles(on, check)
    yield _insecure(on)
    yield _clocks(on, given, all(one.holds for one in parts["code"]))
    yield from _governed(governance(on.system, on.there, progress=progress), on, given)
    yield trusted("contracts.node", "contracts", "The node told the truth, and left no event out",
                  "code, storage and logs of a block are its word: ask a node of your own, or two",
                  evidence=[("node", on.chain.name), ("chain id", on.chain.chain_id)])


def _grouped(id: str, what: str, checks: Sequence[Check], command: str, *, every: bool = False) -> Finding:
    """One finding of many comparisons.  every : each is evidence, and not their number alone."""
    false = [one for one in checks if not one.holds]
    evidence: list[tuple[str, object]] = [("compared", len(checks)), *(
        (one.what, one.found) for one in checks if every and one.holds)]
    return looked(id, "contracts", what, not false,
                  "; ".join(f"{one.what}: expected {one.said}, found {one.found}" for one in false),
                  evidence=evidence, command=command)


def _precompiles(on: OnChain, command: str) -> Finding:
    what = "The chain's precompiles of BN254 answer right, and refuse what they must"
    try:
        require_precompiles(on.chain)
    except ContractRefused as refused:
        return looked("contracts.precompiles", "contracts", what, False, str(refused), command=command)
    return looked("contracts.precompiles", "contracts", what, True, "", command=command)


def _insecure(on: OnChain) -> Finding:
    keys = [(f"key of {one.slot}", f"0x{one.key_digest.hex()}{', INSECURE' if one.insecure else ''}")
            for one in on.system.verifiers]
    why = INSECURE if on.system.insecure else "each key's ceremony must be believed: one honest party of each is " \
        "enough (`tailproof keys info`)"
    return trusted("contracts.keys", "contracts", "Nobody can forge a proof that these contracts take", why,
                   evidence=keys)


def _clocks(on: OnChain, given: Given, ours: bool) -> Finding:
    found = [(f"{clock.contract}.{clock.name}", f"{duration(clock.seconds)}, {clock.runs_on}: {clock.meaning}")
             for clock in clocks(on.system, on.there)]
    return looked("contracts.clocks", "contracts", "Delays and deadlines were read from contracts whose code is ours",
                  ours, "not all of the code is ours", evidence=found,
                  command=given.command("contract", "table", *given.on_chain()))


def _governed(found: Governance, on: OnChain, given: Given) -> Iterator[Finding]:
    command = given.command("contract", "roles", *given.on_chain())
    paused = [f"{one.name} until {format_time(one.until)}" for one in found.pauses if one.until > found.now]
    yield looked("contracts.open", "contracts", "No class of actions is paused, the breaker is calm, live time runs",
                 not paused and not found.breaker and found.clock_stopped <= found.now,
                 "; ".join([*paused, *(["the breaker is tripped"] if found.breaker else []),
                            *([f"live time is stopped until {format_time(found.clock_stopped)}"]
                              if found.clock_stopped > found.now else [])]),
                 evidence=[("live time behind", duration(found.behind))], command=command)
    held = [(f"{role_name(one.role)}", f"{one.holder}, {f'after {duration(one.delay)}' if one.delay else 'at once'}"
             + (f", from {format_time(one.since)} on" if one.since > found.now else "")) for one in found.holdings]
    waits = [(f"scheduled by {one.caller}", f"{one.target}.{one.function} from {format_time(one.ready)}")
             for one in found.operations]
    announced = [(f"announced for {one.slot}", f"{one.announced} from {format_time(one.ready)}")
                 for one in found.slots if one.announced]
    yield trusted("contracts.governors", "contracts", "Those who hold roles use them as they should",
                  "what each role may do is fixed, and slow where it loosens; within that, they are believed",
                  evidence=[*held, *(waits or [("scheduled", "nothing waits")]), *announced], command=command)
    steps = open_steps(on.there)
    if steps:
        yield unseen("contracts.steps", "contracts", "Nothing is left to be done by those who founded the system",
                     "; ".join(steps), command=given.command("contract", "check", *given.on_chain()))


