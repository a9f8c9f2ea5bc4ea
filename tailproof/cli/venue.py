"""`tailproof venue`: what a venue does for thousands of accounts."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput, Said, TailproofError
from primitives.jsonio import NEW

from .. import epochs
from ..extras import require
from ..keys import INSECURE, KeyDirectory
from ..number_forms import duration
from ..secret import without_core_dumps
from . import venue_replay, venue_run
from .console import FILE, Integer, Outcome, progress, reporting, say, table, warn
from .node import Endpoint, talking_to_a_node
from .setting import Setting

if TYPE_CHECKING:
    from distributed import Client

    from ..bundle import Bundle
    from ..farm.contexts import Contexts
    from ..farm.dispatch import Result, Tally
    from ..farm.work import Job

SHOWN = 20
"""Accounts without a proof that are shown as text; --json has all."""


class Unfinished(TailproofError):
    """Some accounts are not proven, and nobody knows of them that they cannot be: try again."""

    try_again = True

    def __init__(self, facts: Mapping[str, Any], count: int, reason: str) -> None:
        self.facts = facts
        super().__init__(f"{count} of the accounts were not proven, for want of workers that could ({reason}); what is "
                         "proven is kept: give the same command again")

    def as_dict(self) -> dict[str, Any]:
        return {"error": type(self).__name__, "message": str(self), **self.facts}


class Amount(click.ParamType[float]):
    """A number from 0 on, in decimal digits."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", str(value)):
            raise BadInput(param.opts[0] if param is not None else "number", value, "a number from 0 on, below 10**9")
        return float(value)


@click.group()
def venue() -> None:
    """Run a venue: epochs on a clock, proofs for many accounts, and how many machines that takes (venue)."""


venue.add_command(venue_run.run)
venue.add_command(venue_run.check)
venue.add_command(venue_run.signer)
venue.add_command(venue_replay.replay)


@venue.command("prove")
@click.argument("epoch", type=FILE)
@click.option("--portfolios", type=FILE, metavar="DIR", required=True, help="Folder of salt files, named ACCOUNT.json "
              "(with --rpc) or ACCOUNT-VERSION.json.")
@click.option("--key", type=FILE, required=True, help="Key directory of a margin or cover statement.")
@click.option("--deployment", cls=Setting, type=FILE, required=True,
              help="Deployment file: the contract the proofs are for.")
@click.option("--epoch-id", type=Integer(0, (1 << 40) - 1), help="Id of the published epoch.")
@click.option("--collateral", type=FILE, help="For covers under an epoch by full revaluation: its collateral file.")
@click.option("--step", type=Integer(0, 3), default=1, show_default=True, help="For covers: of the ladder of buffers; "
              "less where collateral does not reach so far.")
@talking_to_a_node(optional="Read epoch id and versions there; compare root, commitments and key. Covers need it.")
@click.option("--out", type=FILE, metavar="DIR", required=True, help="Folder for the bundles; what is there already "
              "is not proven again.")
@click.option("--workers", type=Integer(1, 1024), help="Processes on this machine, which share TAILPROOF_THREADS.  "
              "[default: one for each thread]")
@click.option("--scheduler", metavar="ADDRESS", help="Instead: a Dask scheduler, tls://HOST:PORT, whose workers have "
              "epoch and key under the same paths.")
@click.option("--tls-ca", type=FILE, help="With --scheduler: certificate of the authority (PEM).")
@click.option("--tls-cert", type=FILE, help="The same: our certificate.")
@click.option("--tls-key", type=FILE, help="The same: its key, mode 0600.")
@click.option("--insecure", is_flag=True, help="Let portfolios travel over a network that anybody may read.")
@click.option("--limit", type=Integer(1, 86_400), default=600, show_default=True, help="Seconds of one proof, after "
              "which its worker ends itself and another proves.")
@reporting
def prove(epoch: Path, portfolios: Path, key: Path, deployment: Path, epoch_id: int | None, collateral: Path | None,
          step: int, endpoint: Endpoint, out: Path, workers: int | None, scheduler: str | None, tls_ca: Path | None,
          tls_cert: Path | None, tls_key: Path | None, insecure: bool, limit: int) -> Outcome:
    """Prove the margin, or that collateral covers it, of every account of a folder in EPOCH, on many processes or
    machines. Exit code 1 if an account has no proof, 3 if some are left for want of workers; the others are proven all
    the same."""
    require("farm")
    from risk.epochs.header import TRIAL

    from ..bundling import kind_of_key
    from ..farm.accounts import Shelf, read_accounts
    from ..farm.cluster import renew
    from ..farm.contexts import KINDS
    from ..farm.dispatch import Dispatch
    from ..farm.work import Refusal, Site
    if out.exists() and not out.is_dir():
        raise BadInput("--out", str(out), f"a folder, or {NEW}")
    source = _source(workers, scheduler, tls_ca, tls_cert, tls_key, insecure)
    without_core_dumps()
    accounts, keys, numbers = read_accounts(portfolios), KeyDirectory.load(key), epochs.load(epoch)
    kind = kind_of_key(keys)
    if kind not in KINDS:
        raise BadInput("--key", keys.statement, "the key of a margin or cover statement", source=key)
    if kind != "cover" and collateral is not None:
        raise BadInput("--collateral", str(collateral), "absent: a margin counts no collateral")
    if out.resolve() == portfolios.resolve():
        raise BadInput("--out", str(out), "another folder than --portfolios")
    contexts = _contexts(kind, deployment, epoch_id, endpoint, numbers, epoch, collateral, step)
    contexts.look([account.address for account in accounts])
    contexts.value([account.address for account in accounts])
    shelf, verification_key = Shelf(out), keys.verification_key()
    results = list[dict[str, Any]]()

    def jobs() -> Iterator[Job]:
        """What is left to be proven; what is not is told at once."""
        for account in accounts:
            try:
                job = contexts.job(account.address, account.opening(), account.version, account.path)
                if not shelf.holds(job, keys, verification_key, numbers):
                    yield job
                    continue
                results.append({"account": account.address, "state": "kept", "bundle": str(shelf.place(job))})
            except TailproofError as error:
                if getattr(error, "try_again", False):
                    raise
                results.append(_refused(account.address, Refusal.of(error)))

    def told(result: Result) -> None:
        address = result.job.context.account
        if result.bundle is not None:
            results.append({"account": address, "state": "proven", "bundle": str(shelf.put(result.job, result.bundle)),
                            **_shown(result.bundle), "attempts": result.attempts})
        elif result.refusal is not None:
            results.append(_refused(address, result.refusal))
        else:
            results.append({"account": address, "state": "lost", "reason": result.lost, "attempts": result.attempts})
    wanted = list(jobs())
    begun, expelled = time.monotonic(), list[str]()
    if wanted:
        site = Site(str(key.absolute()), keys.key_digest, str(epoch.absolute()), numbers.root)
        with source as client:
            dispatch = Dispatch(client, keys, numbers, site, limit=float(limit), renewed=lambda: renew(client))
            dispatch.require_ready()
            dispatch.run(wanted, len(wanted), told=told, tally=_Told())
            expelled = dispatch.expelled
    for address in expelled:
        warn(f"the worker {address} said something false, and was sent away")
    results.sort(key=lambda one: str(one["account"]).lower())
    counts = Counter(str(one["state"]) for one in results)
    trial = numbers.header.trial
    facts = {"accounts": results, "counts": dict(counts), "seconds": round(time.monotonic() - begun, 3),
             "expelled": expelled, "out": str(out), "insecure_setup": keys.insecure_setup, "trial_epoch": trial}
    lost = [one for one in results if one["state"] == "lost"]
    if lost:
        raise Unfinished(facts, len(lost), str(lost[0]["reason"]))
    failed = [one for one in results if one["state"] == "refused"]
    return Outcome(facts, [
        *table([(state, counts[state]) for state in ("proven", "kept", "refused") if counts[state]],
               ("state", "accounts")),
        *table([(one["account"], one["reason"]) for one in failed[:SHOWN]]),
        *([f"and {len(failed) - SHOWN} more (--json)"] if len(failed) > SHOWN else []),
        f"Bundles are in {out}.", *([INSECURE] if keys.insecure_setup else []), *([TRIAL] if trial else [])],
        not failed)


@venue.command("plan")
@click.option("--accounts", type=Integer(1, 10_000_000), required=True, help="Accounts to prove in every epoch.")
@click.option("--interval", type=Integer(1, 31_536_000), required=True, help="Seconds from one epoch to the next: in "
              "them all accounts are proven and mined.")
@click.option("--cores", type=Integer(1, 1024), help="Cores of a machine, each one a worker.  [default: "
              "TAILPROOF_THREADS, or those of this machine]")
@click.option("--key", type=FILE, help="Key directory: proofs with it are timed here, on that many cores at once.")
@click.option("--proof-ms", type=Amount(), help="Instead: a proof of one core, beside others.")
@click.option("--verify-ms", type=Amount(), help="With --proof-ms: a verification.  [default: 2]")
@click.option("--opening-ms", type=Amount(), help="With --proof-ms: from a worker's start to its first proof.  "
              "[default: ten proofs]")
@click.option("--handling-ms", type=Amount(), default=5.0, show_default=True, help="What caller and scheduler do for "
              "an account beside its verification, one after the other.")
@click.option("--block-seconds", type=Amount(), default=12.0, show_default=True, help="From one block to the next.")
@click.option("--block-gas", type=Integer(1, 10**12), default=15_000_000, show_default=True,
              help="Gas of a block that is the venue's to use.")
@click.option("--calls", type=Amount(), default=1.0, show_default=True, help="Calls of a node for an account.")
@click.option("--call-ms", type=Amount(), default=10.0, show_default=True, help="What a call takes.")
@click.option("--failures", type=Amount(), default=0.1, show_default=True, help="Of a machine, an hour.")
@click.option("--recovery", type=Amount(), default=120.0, show_default=True, help="Seconds until it is back.")
@click.option("--stragglers", type=Amount(), default=0.01, show_default=True, help="Share of proofs that are slow.")
@click.option("--slowness", type=Amount(), default=5.0, show_default=True, help="How many times as long they take.")
@click.option("--seed", type=Integer(0, 2**32), default=0, show_default=True, help="Of what fails and straggles.")
@reporting
def plan(accounts: int, interval: int, cores: int | None, key: Path | None, proof_ms: float | None,
         verify_ms: float | None, opening_ms: float | None, handling_ms: float, block_seconds: float, block_gas: int,
         calls: float, call_ms: float, failures: float, recovery: float, stragglers: float, slowness: float, seed: int
         ) -> Outcome:
    """Say how many machines have all accounts proven and mined before the next epoch, and play five epochs with them,
    event by event. Exit code 1 if no number of machines does it."""
    from primitives import threads
    from relayer.loads import MEASURED, MOST_COMBINED

    from ..farm.plan import RUNS
    from ..farm.plan import plan as made_plan
    from ..farm.units import Units, measure
    if (key is None) == (proof_ms is None):
        raise BadInput("--key or --proof-ms", None if key is None else str(key), "given, and not both")
    if key is not None and (verify_ms is not None or opening_ms is not None):
        raise BadInput("--verify-ms and --opening-ms", (verify_ms, opening_ms), "absent with --key, which is timed")
    of_machine = threads.count() if cores is None else cores
    if key is not None:
        progress("time proofs", 0, 1)
        timed = measure(key, of_machine)
        proof, opening, verification = timed.proof, timed.opening, timed.verification
        how = f"measured here: the median of {timed.samples}, {timed.processes} at once"
    else:
        assert proof_ms is not None
        proof = proof_ms / 1_000
        opening = 10 * proof if opening_ms is None else opening_ms / 1_000
        verification = 0.002 if verify_ms is None else verify_ms / 1_000
        how = "as given"
    units = Units(proof, opening, verification + handling_ms / 1_000, block_seconds, block_gas, MEASURED.combination,
                  MEASURED.combined, MOST_COMBINED, calls, call_ms / 1_000, failures, recovery, stragglers, slowness)
    progress("play epochs", 0, 1)
    made = made_plan(accounts, float(interval), of_machine, units, seed=seed)
    facts = {"accounts": accounts, "interval": interval, "cores": of_machine, "measured": key is not None,
             "units": dict(vars(units)), "machines": made.machines, "least": made.least, "bound_by": made.bound_by,
             "blocks": made.blocks, "gas": made.gas, "one_machine_less_fails": made.one_less, "runs": RUNS,
             "epochs": [vars(course) for course in made.courses]}
    told = [*table([("a proof", f"{1_000 * proof:.1f} ms", how),
                    ("start to first proof", f"{1_000 * opening:.0f} ms",
                     "assumed: ten proofs" if key is None and opening_ms is None else how),
                    ("a verification", f"{1_000 * verification:.1f} ms", "assumed" if key is None and verify_ms is None
                     else "measured here, alone" if key is not None else how),
                    ("what is done beside", f"{handling_ms:g} ms", "assumed, or as given"),
                    ("an account's gas", f"{units.combined} + {units.combination} / {units.together}",
                     "measured of the contracts (tests/relayer)"),
                    ("a block", f"{block_gas} gas in {block_seconds:g} s", "assumed, or as given"),
                    ("asking a node", f"{calls:g} × {call_ms:g} ms an account", "assumed, or as given"),
                    ("failures", f"{failures:g} an hour and machine, {recovery:g} s", "assumed, or as given"),
                    ("stragglers", f"{100 * stragglers:g} %, {slowness:g} times as long", "assumed, or as given")],
                   ("unit", "value", "how it is known")), ""]
    if made.machines is None:
        return Outcome(facts, [*told, f"No number of machines does it, because of {made.bound_by}."], False)
    return Outcome(facts, [
        *told, *table([(number + 1, f"{course.proven:.1f}", f"{course.mined:.1f}", course.failures, course.lost,
                        course.stragglers, f"{100 * course.busy:.0f} %")
                       for number, course in enumerate(made.courses)],
                      ("epoch", "proven, s", "mined, s", "failures", "proofs lost", "stragglers", "busy")), "",
        f"{made.machines} machine{'s' if made.machines > 1 else ''} of {of_machine} cores: {accounts} accounts in "
        f"{made.blocks} blocks and {made.gas} gas, before the next epoch, {duration(interval)} later.",
        f"The proofs alone would take {made.least}." + (
            " With one machine less, an epoch played was not over in time." if made.one_less else "")])


def _shown(bundle: Bundle) -> dict[str, str]:
    """What a bundle shows of its account: its margin, or how much collateral covers it with which buffer."""
    from circuits.statements.cover import Claim
    if "margin" in bundle.public_inputs:
        return {"margin": str(bundle.margin)}
    claim = Claim.of(bundle.public_inputs["claim"])
    return {"value": str(claim.value), "buffer": str(claim.buffer)}


def _refused(account: str, refusal: Any) -> dict[str, Any]:
    return {"account": account, "state": "refused", "reason": str(refusal), **vars(refusal)}


def _source(workers: int | None, scheduler: str | None, ca: Path | None, cert: Path | None, key: Path | None,
            insecure: bool) -> AbstractContextManager[Client]:
    """Where workers come from; what is wrong with the options is said now, before anything is read."""
    from ..farm import cluster
    from ..farm.transport import Tls, encrypted, require_safe
    given = [path for path in (ca, cert, key) if path is not None]
    if scheduler is None:
        if given or insecure:
            raise BadInput("--tls-… and --insecure", Said("given"),
                           "absent without --scheduler: workers of this machine "
                           "speak TLS under a certificate of their own")
        return cluster.local(cluster.default_workers() if workers is None else workers)
    if workers is not None:
        raise BadInput("--workers", workers, "absent with --scheduler, which has its own")
    if given and len(given) < 3:
        raise BadInput("--tls-ca, --tls-cert and --tls-key", [str(path) for path in given], "given together")
    tls = Tls(ca, cert, key) if ca is not None and cert is not None and key is not None else None
    require_safe(scheduler, tls, insecure=insecure)
    if insecure:
        warn("INSECURE: portfolios and salts travel over the network unencrypted, and anybody who answers at "
             f"{scheduler} or joins it as a worker sees them" if not encrypted(scheduler) else
             "INSECURE: workers that are reached without TLS are taken: what they prove travels unencrypted")
    return cluster.remote(scheduler, tls, insecure=insecure)


def _contexts(kind: str, deployment: Path, epoch_id: int | None, endpoint: Endpoint, epoch: epochs.AnyEpoch, path: Path,
              collateral: Path | None, step: int) -> Contexts:
    """What each account's proof is to be good for; raises BadInput where the epoch is not the published one."""
    from verifier_contracts.attesting import Attesting
    from verifier_contracts.system import System

    from ..farm.contexts import Contexts
    from ..withdrawing import ground
    from .trader import published
    from .vault import factors_of
    there = System.load(deployment)
    if endpoint.rpc is None:
        if kind == "cover":
            raise BadInput("--rpc", None, "given for covers: the vault says what collateral counts for")
        if epoch_id is None:
            raise BadInput("--epoch-id", None, "given, or read with --rpc")
        return Contexts(kind, there, there.installed(kind).key_digest, epoch, epoch_id)
    contracts = there.open(endpoint.connect())
    epoch_id = published(Attesting(contracts), epoch, epoch_id, str(deployment), path)
    factors = () if kind != "cover" else ground(contracts, epoch, factors_of(epoch, collateral),
                                                contracts.ledger.max_epoch_age(), epoch_id=epoch_id).factors
    return Contexts(kind, there, contracts.registry.active(kind).key_digest, epoch, epoch_id, contracts, factors, step)


class _Told:
    """Progress: a bar on a terminal; elsewhere a line every few seconds."""

    EVERY = 10.0

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, tally: Tally) -> None:
        progress("prove", tally.done, tally.total)
        now = time.monotonic()
        if now - self._last >= self.EVERY and tally.left is not None and tally.done < tally.total:
            self._last = now
            say(f"{tally.done} of {tally.total} accounts, {tally.proven} proven, about {duration(tally.left)} left")
