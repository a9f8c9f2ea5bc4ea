"""`tailproof contract roles|grant|revoke|cancel|freeze|pause|resume|rotate`: who governs, and governing.

What its holder's role lets do only after a delay is scheduled first. The same command, run again, says how long it
waits, and does it once it is ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput

from ..keys import INSECURE, KeyDirectory
from ..number_forms import duration, moment
from .console import ADDRESS, FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .node import Endpoint, talking_to_a_node
from .vault import DEPLOYMENT, opened, sent

if TYPE_CHECKING:
    from verifier_contracts.governance import Step

    from ..governing import Governance

PAUSABLE = click.Choice(["open", "exit", "liquidate", "settle"])
EPOCH_ID = click.option("--epoch-id", type=Integer(1, (1 << 40) - 1), required=True, help="Id of the epoch.")


def stepped(step: Step, what: str, facts: dict[str, Any]) -> Outcome:
    """What became of an operation: exit code 0 if it was done or scheduled, 1 if it still has to wait."""
    from risk.exact.clock import format_time
    data = {**facts, "done": step.done, "ready": step.ready, "expires": step.expires,
            **sent([] if step.receipt is None else [step.receipt])}
    if step.done:
        assert step.receipt is not None
        return Outcome(data, table([("done", what), ("transaction", step.receipt.transaction)]))
    state = "scheduled" if step.receipt else "still waits"
    return Outcome(data, [f"{what}: {state}. Run the same command again from {format_time(step.ready)} on, and before "
                          f"{format_time(step.expires)}."], step.receipt is not None)


# -- roles -------------------------------------------------------------------------------------------------------------
@click.command("roles")
@DEPLOYMENT
@talking_to_a_node()
@reporting
def roles(deployment: Path, endpoint: Endpoint) -> Outcome:
    """Who holds which role and with what delay, what was scheduled and waits, what is paused and until when, which
    verifiers are in force or announced: one table."""
    from verifier_contracts.errors import plain
    from verifier_contracts.governance import role_name

    from ..governing import governance
    system, there = opened(deployment, endpoint)
    found = governance(system, there, progress=progress)
    data = {"now": found.now, "breaker_tripped": found.breaker, "clock_stopped_until": found.clock_stopped,
            "live_time_behind": found.behind,
            "roles": [{**one._asdict(), "name": role_name(one.role), "functions": list(one.functions)}
                      for one in found.roles],
            "holdings": [{**one._asdict(), "name": role_name(one.role), "held": one.since <= found.now}
                         for one in found.holdings],
            "operations": [{"id": "0x" + one.id.hex(), "caller": one.caller, "target": one.target,
                            "function": one.function, "data": "0x" + one.data.hex(), "ready": one.ready,
                            "expires": one.expires} for one in found.operations],
            "pauses": [one._asdict() for one in found.pauses], "verifiers": [one._asdict() for one in found.slots]}
    return Outcome(plain(data), table(list(_rows(found)), ("what", "who", "how")))


def _rows(found: Governance) -> Iterator[tuple[str, str, str]]:
    from risk.exact.clock import format_time
    from verifier_contracts.governance import role_name

    def seconds(number: int) -> str:
        return f"after {duration(number)}" if number else "at once"

    for role in found.roles:
        holders = [one for one in found.holdings if one.role == role.role]
        for one in holders:
            how = seconds(one.delay)
            if one.since > found.now:
                how += f", from {format_time(one.since)} on"
            if one.effect:
                how += f"; {seconds(one.pending_delay)} from {format_time(one.effect)} on"
            yield role_name(role.role), one.holder, how
        if not holders:
            yield role_name(role.role), "nobody", ""
    for role in found.roles:
        if role.functions or role.grant_delay or role.guardian:
            granted = f"granted by {role_name(role.admin)} {seconds(role.grant_delay)}"
            guarded = f", cancelled by {role_name(role.guardian)}" if role.guardian else ""
            yield f"{role_name(role.role)} may", ", ".join(role.functions) or "-", granted + guarded
    for operation in found.operations:
        yield ("scheduled 0x" + operation.id.hex()[:12] + "…", operation.caller,
               f"{operation.target}.{operation.function} from {format_time(operation.ready)} to "
               f"{format_time(operation.expires)}")
    for pause in found.pauses:
        paused = pause.until > found.now
        again = f"; can be paused again from {format_time(pause.again)}" if pause.again else ""
        yield f"class {pause.name}", pause.contract, (f"PAUSED until {format_time(pause.until)}" if paused else "open"
                                                      ) + again
    for slot in found.slots:
        if slot.active or slot.announced:
            how = f"generation {slot.generation}" + (", INSECURE key" if slot.insecure else "")
            if slot.announced:
                how += f"; {slot.announced} announced, from {format_time(slot.ready)} to {format_time(slot.lapses)}"
            yield f"verifier {slot.slot}", slot.active or "none in force", how
    yield "breaker", "oracle", "TRIPPED" if found.breaker else "calm"
    stopped = found.clock_stopped > found.now
    yield "live time", "oracle", f"{duration(found.behind)} behind" + (
        f"; STOPPED until {format_time(found.clock_stopped)}" if stopped else "")


@click.command("grant")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("role")
@click.argument("account", type=ADDRESS)
@click.option("--delay", type=Integer(0, (1 << 32) - 1), default=0, show_default=True,
              help="Seconds that its holder waits between scheduling and executing.")
@reporting
def grant(deployment: Path, endpoint: Endpoint, role: str, account: str, delay: int) -> Outcome:
    """Grant ROLE to ACCOUNT, or change its delay (the role's admin)."""
    from ..governing import role_of
    number = role_of(role)
    _, there = opened(deployment, endpoint)
    step = there.authority.grant(number, account, delay)
    return stepped(step, f"{role} to {account}", {"role": number, "account": account, "delay": delay})


@click.command("revoke")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("role")
@click.argument("account", type=ADDRESS)
@reporting
def revoke(deployment: Path, endpoint: Endpoint, role: str, account: str) -> Outcome:
    """Take ROLE from ACCOUNT (the role's admin). A venue's word counts for nothing from then on."""
    from ..governing import role_of
    number = role_of(role)
    _, there = opened(deployment, endpoint)
    if not there.authority.access(number, account).since:
        return Outcome({"role": number, "account": account, "done": False, "transaction": None},
                       [f"{account} does not hold {role}."], False)
    return stepped(there.authority.revoke(number, account), f"{role} from {account}",
                   {"role": number, "account": account})


@click.command("cancel")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("operation")
@reporting
def cancel(deployment: Path, endpoint: Endpoint, operation: str) -> Outcome:
    """Cancel the scheduled OPERATION, by its id or the first digits of it (its caller, its role's guardian, an
    admin)."""
    from verifier_contracts.events import read_events

    from ..governing import operations
    system, there = opened(deployment, endpoint)
    events = read_events(there.chain, {"authority": there.authority}, system.block, names={"OperationScheduled"},
                         report=progress).events
    waiting = operations(there, events)
    chosen = [one for one in waiting if f"0x{one.id.hex()}".startswith(operation.lower())]
    if len(operation) < 10 or len(chosen) != 1:
        raise BadInput("OPERATION", operation, "8 digits or more of one that waits: "
                       f"{', '.join('0x' + one.id.hex() for one in waiting) or 'none does'}")
    one = chosen[0]
    receipt = there.authority.cancel(one.caller, one.address, one.data)
    return Outcome({"operation": "0x" + one.id.hex(), "target": one.target, "function": one.function,
                    **sent([receipt])},
                   table([("cancelled", f"{one.target}.{one.function}"), ("transaction", receipt.transaction)]))


# -- freezing and pausing ----------------------------------------------------------------------------------------------
@click.command("freeze")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@EPOCH_ID
@click.option("--seconds", type=Integer(1, 7_200), help="Hold it so long (role: guardian); then it stands "
              "again.")
@click.option("--sign", "out", type=OUTPUT, help="Sign, as a publisher, that it be frozen for good, into this file.")
@click.option("--signature", "signatures", type=FILE, multiple=True, help="Publishers' files of --sign: with a "
              "quorum of them it is frozen for good; anyone may.")
@reporting
def freeze(deployment: Path, endpoint: Endpoint, epoch_id: int, seconds: int | None, out: Path | None,
           signatures: tuple[Path, ...]) -> Outcome:
    """Withdraw an epoch: for at most two hours by a guardian, for good by a quorum of publishers."""
    if sum((seconds is not None, out is not None, bool(signatures))) != 1:
        raise BadInput("--seconds, --sign and --signature", (seconds, out and str(out), len(signatures)), "one of them")
    from ..freezing import Freeze
    from ..quorums import TooFew, quorum_of
    _, there = opened(deployment, endpoint)
    oracle = there.oracle
    if seconds is not None:
        receipt = oracle.hold(epoch_id, seconds)
        until = oracle.facts_of(epoch_id).held_until
        return Outcome({"epoch_id": epoch_id, "for_good": False, "until": until, **sent([receipt])},
                       table([("frozen", f"epoch {epoch_id}"), ("until", moment(until)),
                              ("transaction", receipt.transaction)]))
    oracle.facts_of(epoch_id)                      # refused as UnknownEpoch
    message = oracle.domain.freeze(epoch_id)
    if out is not None:
        endpoint.require_sending("--sign", out)
        signer = endpoint.signer()
        Freeze(there.chain.chain_id, oracle.address, epoch_id, signer.address, signer.sign_message(message)).save(out)
        return Outcome({"epoch_id": epoch_id, "signer": signer.address, "path": str(out), "transaction": None},
                       [f"{out}: {signer.address} signs that epoch {epoch_id} be frozen for good"])
    given = {path: Freeze.load(path) for path in signatures}
    for path, one in given.items():
        one.require(oracle.domain, path, epoch_id=epoch_id)
    try:
        chosen = quorum_of(message, {path: (one.signer, one.signature) for path, one in given.items()}, oracle)
    except TooFew as few:
        return Outcome({"epoch_id": epoch_id, "signatures": few.given, "quorum": few.needed, "transaction": None},
                       [f"NOT frozen: {few.given} signatures of {few.needed}."], False)
    receipt = oracle.freeze(epoch_id, chosen.generation, chosen.data)
    return Outcome({"epoch_id": epoch_id, "for_good": True, "until": None, **sent([receipt])},
                   table([("frozen for good", f"epoch {epoch_id}"), ("transaction", receipt.transaction)]))


@click.command("pause")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("class_", metavar="CLASS", type=PAUSABLE)
@click.option("--seconds", type=Integer(1, 86_400), default=86_400, show_default=True, help="Then it lapses.")
@reporting
def pause(deployment: Path, endpoint: Endpoint, class_: str, seconds: int) -> Outcome:
    """Stop CLASS for a time (role: guardian), once in seven days: "open" stops registrations and risky steps, "exit"
    withdrawals by cover, "settle" settlements, "liquidate" liquidations, and with them the clock of deadlines."""
    from risk.exact.clock import format_time

    from .. import governing
    _, there = opened(deployment, endpoint)
    step = governing.pause(there, class_, seconds, sender=there.chain.default_sender())
    number, contract = governing.CLASSES[class_]
    until = getattr(there, contract).paused_until(number)
    told = f"class {class_}, paused until {format_time(until)}" if step.done else f"pause of {class_}"
    return stepped(step, told, {"class": class_, "contract": contract, "until": until})


@click.command("resume")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("class_", metavar="CLASS", type=PAUSABLE)
@reporting
def resume(deployment: Path, endpoint: Endpoint, class_: str) -> Outcome:
    """End the pause of CLASS before it lapses (role: guardian)."""
    from .. import governing
    _, there = opened(deployment, endpoint)
    step = governing.resume(there, class_, sender=there.chain.default_sender())
    return stepped(step, f"class {class_}, open again", {"class": class_, "contract": governing.CLASSES[class_][1]})


# -- verifiers ---------------------------------------------------------------------------------------------------------
@click.command("rotate")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("slot")
@click.option("--key", type=FILE, help="Key directory of the verifier that comes.")
@click.option("--sunset", type=Integer(3_600, 2_592_000), default=86_400, show_default=True,
              help="Seconds for which proofs by the key before it are still taken.")
@click.option("--verifier", type=ADDRESS, help="Where an earlier run deployed it, if it got no further.")
@click.option("--cancel", "take_back", is_flag=True, help="Take the announcement back (role: guardian).")
@click.option("--distrust", type=Integer(1, 31), metavar="GENERATION", help="Void a generation and all that was "
              "proven under it, at once and for ever (role: guardian).")
@reporting
def rotate(deployment: Path, endpoint: Endpoint, slot: str, key: Path | None, sunset: int, verifier: str | None,
           take_back: bool, distrust: int | None) -> Outcome:
    """Replace the verifier of SLOT: announce it (it is examined), wait seven days, run the same command again to put it
    in force (anyone may)."""
    from risk.exact.clock import format_time
    from verifier_contracts.verifier_registry import SLOTS

    from .. import governing
    if slot not in SLOTS:
        raise BadInput("SLOT", slot, f"one of {', '.join(SLOTS)}")
    if take_back + (distrust is not None) + (key is not None) > 1:
        raise BadInput("--key, --cancel and --distrust", (key and str(key), take_back, distrust), "at most one of them")
    keys = None if key is None else KeyDirectory.load(key)
    system, there = opened(deployment, endpoint)
    if take_back:
        receipt = there.registry.cancel(slot)
        return Outcome({"slot": slot, "stage": "cancelled", **sent([receipt])},
                       table([("taken back", slot), ("transaction", receipt.transaction)]))
    if distrust is not None:
        receipt = there.registry.distrust(slot, distrust)
        return Outcome({"slot": slot, "stage": "distrusted", "generation": distrust, **sent([receipt])},
                       table([("distrusted", f"{slot}, generation {distrust}"), ("transaction", receipt.transaction)]))
    done = governing.rotate(system, there, slot, keys, sunset=sunset, verifier=verifier,
                            sender=there.chain.default_sender(), progress=progress)
    one = done.candidate
    data = {"slot": slot, "stage": done.stage, "verifier": one.verifier, "key_digest": "0x" + one.key_digest.hex(),
            "circuit_digest": "0x" + one.circuit_digest.hex(), "sunset": one.sunset, "ready": done.ready,
            **sent([] if done.receipt is None else [done.receipt])}
    again = [f"Run the same command again from {format_time(done.ready)} on."] if done.ready else []
    warning = [INSECURE] if keys is not None and keys.insecure_setup else []
    return Outcome(data, [*table([(done.stage, slot), ("verifier", one.verifier), ("key", data["key_digest"]),
                                  *([] if done.receipt is None else [("transaction", done.receipt.transaction)])]),
                          *again, *warning], done.stage != "waiting")
