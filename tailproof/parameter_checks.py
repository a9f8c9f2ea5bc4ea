"""Whether a proposal stands: of this system, from what is in force, simulated as it says, signed by enough of whom it
should be, not too soon; and whether an epoch is made under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primitives import jsonio
from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.exact.clock import format_time
from risk.margins.shocks import provenance_of

from .parameter_calls import calls
from .parameter_simulation import simulate
from .parameters import Parameters
from .progress import Progress, quiet
from .proposals import Proposal, ProposalSignature

if TYPE_CHECKING:
    from verifier_contracts.system import System

    from .epochs import AnyEpoch


@dataclass(frozen=True)
class Check:
    """name : what was looked at.  holds : whether it is so.  told : on what it stands, or what is wrong."""

    name: str
    holds: bool
    told: str


@dataclass(frozen=True)
class Market:
    """What a simulation is made again from."""

    epoch: AnyEpoch
    portfolios: Path
    collateral: Path | None


def check(proposal: Proposal, *, in_force: Parameters | None = None, deployed: System | None = None,
          market: Market | None = None, signatures: Sequence[Path] = (), signers: Sequence[str] = (),
          quorum: int | None = None, applied: AnyEpoch | None = None, seen: int | None = None,
          progress: Progress = quiet) -> tuple[list[Check], list[str]]:
    """What holds, and what is taken on trust.

    Parameters
    ----------
    in_force : parameters that the checker knows to be in force.  deployed : the checker's own deployment file.
    signers, quorum : who may sign and how many must; by default publishers and quorum of the parameters before.
    applied : an epoch that should be made under the parameters after.
    seen : Unix seconds at which the checker first saw the proposal.

    Raises
    ------
    BadInput : nobody named who signs; from the simulation's files.
    """
    found, trust = list[Check](), list[str]()
    found += _of_system(proposal, deployed, trust)
    if in_force is None:
        trust.append("That the parameters before are in force (--in-force).")
    else:
        same = in_force.digest == proposal.before.digest
        found.append(Check("before is in force", same, "0x" + proposal.before.digest.hex() if same else
                           f"in force is 0x{in_force.digest.hex()}, not 0x{proposal.before.digest.hex()}"))
    found += _simulation(proposal, market, trust, progress)
    found += _signed(proposal, signatures, signers, quorum, in_force, trust)
    if deployed is not None:
        found += _waits(proposal, deployed, seen, trust)
    if applied is not None:
        found += _applied(proposal, applied)
    return found, trust


def _of_system(proposal: Proposal, deployed: System | None, trust: list[str]) -> list[Check]:
    of = proposal.before
    if deployed is None:
        trust.append(f"That {of.oracle} on chain {of.chain_id} is your system's oracle (--deployment).")
        return []
    wanted = (deployed.chain_id, deployed.contracts["oracle"])
    holds = wanted == (of.chain_id, of.oracle)
    return [Check("of this system", holds, f"oracle {of.oracle}, chain {of.chain_id}" if holds else
                  f"of oracle {of.oracle} on chain {of.chain_id}, not of {wanted[1]} on {wanted[0]}")]


def _simulation(proposal: Proposal, market: Market | None, trust: list[str], progress: Progress) -> list[Check]:
    if proposal.simulation is None:
        return [Check("simulated", False, "there is no simulation")]
    if market is None:
        trust.append("The simulation's numbers (--epoch, --portfolios make it again).")
        return [Check("simulated", True, f"{proposal.simulation['counts']['accounts']} accounts")]
    cascade: Any = proposal.simulation.get("cascade")
    made = simulate(proposal, market.epoch, market.portfolios, collateral=market.collateral, progress=progress,
                    **({} if cascade is None else {"cascade": cascade["preset"], "seeds": cascade["seeds"]})).record
    said = proposal.simulation
    differing = [name for name in sorted({*made, *said}) if made.get(name) != said.get(name)]
    told = "; ".join(f"{name}: says {said.get(name)}, is {made.get(name)}" for name in differing[:3])
    return [Check("simulated as it says", not differing, told or f"{made['counts']['accounts']} accounts, made again")]


def _signed(proposal: Proposal, signatures: Sequence[Path], signers: Sequence[str], quorum: int | None,
            in_force: Parameters | None, trust: list[str]) -> list[Check]:
    allowed, needed = tuple(signers), quorum
    if not allowed:
        # Whom the checker knows; who proposes could name his own.
        system = (proposal.before if in_force is None else in_force).system
        if system is None:
            raise BadInput("--known-signer", None, "given, with --quorum: the parameters before name no publishers")
        allowed, needed = system.publishers.signers, system.publishers.quorum
        if in_force is None:
            trust.append("That the publishers before are who may sign (--in-force, or --known-signer and --quorum).")
    if needed is None:
        raise BadInput("--quorum", None, "given with --known-signer")
    found, by = list[Check](), set[str]()
    for path in signatures:
        try:
            one = ProposalSignature.load(path)
            one.require(proposal, path)
            if one.signer not in allowed:
                raise BadInput("signer", one.signer, f"one of {', '.join(allowed)}")
            if one.signer in by:
                raise BadInput("signer", one.signer, "another than of an earlier file")
        except BadInput as error:
            found.append(Check(f"signature {path.name}", False, str(error)))
        else:
            by.add(one.signer)
            found.append(Check(f"signature {path.name}", True, one.signer))
    found.append(Check("quorum", len(by) >= needed, f"{len(by)} of {len(allowed)} signed, {needed} needed"))
    return found


def _waits(proposal: Proposal, deployed: System, seen: int | None, trust: list[str]) -> list[Check]:
    """Whoever loosens must wait as long as the contracts have them wait. When it was proposed is its author's word, who
    may say an earlier day: from when the checker saw it, where that is later."""
    made, _ = calls(proposal, deployed)
    if not made:
        return []
    longest = max(one.delay for one in made)
    since = proposal.proposed_at if seen is None else max(seen, proposal.proposed_at)
    if seen is None and longest:
        trust.append(f"That it was proposed at {format_time(proposal.proposed_at)}, from when it waits (--seen).")
    given = proposal.effective_at - since
    return [Check("waits", given >= longest, f"{given} s from {format_time(since)} to its effect, {longest} s needed")]


def _applied(proposal: Proposal, applied: AnyEpoch) -> list[Check]:
    after, found = proposal.after, list[Check]()
    if after.model_digest is not None:
        own = applied.header.model_digest
        found.append(Check("the epoch's model is the one after", own == after.model_digest, own))
    if after.contingencies is not None:
        own = jsonio.loads(provenance_of(applied).sources.book)["contingencies"]
        found.append(Check("the epoch's contingencies are those after", own == after.contingencies,
                           "in its book" if own == after.contingencies else "its book has others"))
    if not found:
        found.append(Check("the epoch is made under it", isinstance(applied, Epoch), "no part of epochs changes"))
    return found
