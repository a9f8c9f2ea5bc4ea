"""`tailproof venue`: what a venue does for thousands of accounts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput, TailproofError

from .. import epochs
from ..extras import require
from ..keys import INSECURE, KeyDirectory
from .console import FILE, Integer, Outcome, progress, reporting, say, table, warn
from .node import Endpoint, talking_to_a_node

if TYPE_CHECKING:
    from distributed import Client

    from verifier_contracts.attesting import Attesting

    from ..farm.accounts import Account
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


@click.group()
def venue() -> None:
    """Prove for many accounts, and plan for how many machines (venue)."""


@venue.command("prove")
@click.argument("epoch", type=FILE)
@click.option("--portfolios", type=FILE, metavar="DIR", required=True, help="Folder of salt files, named ACCOUNT.json "
              "(with --rpc) or ACCOUNT-VERSION.json.")
@click.option("--key", type=FILE, required=True, help="Key directory of a margin statement.")
@click.option("--deployment", type=FILE, required=True, help="Deployment file: the contract the proofs are for.")
@click.option("--epoch-id", type=Integer(0, (1 << 40) - 1), help="Id of the published epoch.")
@talking_to_a_node(optional="Read epoch id and versions there; compare root, commitments and key.")
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
@reporting
def prove(epoch: Path, portfolios: Path, key: Path, deployment: Path, epoch_id: int | None, endpoint: Endpoint,
          out: Path, workers: int | None, scheduler: str | None, tls_ca: Path | None, tls_cert: Path | None,
          tls_key: Path | None, insecure: bool) -> Outcome:
    """Prove the margins of every account of a folder in EPOCH, on many processes or machines. Exit code 1 if an account
    has no proof, 3 if some are left for want of workers; the others are proven all the same."""
    require("farm")
    from risk.epochs.header import TRIAL

    from ..bundling import kind_of_key
    from ..farm.accounts import Shelf, read_accounts
    from ..farm.dispatch import Dispatch
    from ..farm.work import Refusal, Site
    source = _source(workers, scheduler, tls_ca, tls_cert, tls_key, insecure)
    accounts, keys, numbers = read_accounts(portfolios), KeyDirectory.load(key), epochs.load(epoch)
    if kind_of_key(keys) != "margin":
        raise BadInput("--key", keys.statement, "the key of a margin statement", source=key)
    if out.resolve() == portfolios.resolve():
        raise BadInput("--out", str(out), "another folder than --portfolios")
    contexts = _Contexts(deployment, epoch_id, endpoint, numbers, epoch)
    shelf, verification_key = Shelf(out), keys.verification_key()
    results = list[dict[str, Any]]()

    def jobs() -> Iterator[Job]:
        """What is left to be proven; what is not is told at once."""
        for account in accounts:
            try:
                job = contexts.job(account)
                if not shelf.holds(job, keys, verification_key, numbers):
                    yield job
                    continue
                results.append({"account": account.address, "state": "kept", "bundle": str(shelf.place(job.context))})
            except TailproofError as error:
                if getattr(error, "try_again", False):
                    raise
                results.append(_refused(account.address, Refusal.of(error)))

    def told(result: Result) -> None:
        address = result.job.context.account
        if result.bundle is not None:
            results.append({"account": address, "state": "proven", "bundle": str(shelf.put(result.job, result.bundle)),
                            "margin": str(result.bundle.margin), "attempts": result.attempts})
        elif result.refusal is not None:
            results.append(_refused(address, result.refusal))
        else:
            results.append({"account": address, "state": "lost", "reason": result.lost, "attempts": result.attempts})
    wanted = list(jobs())
    begun, expelled = time.monotonic(), list[str]()
    if wanted:
        site = Site(str(key.absolute()), keys.key_digest, str(epoch.absolute()), numbers.root)
        with source as client:
            dispatch = Dispatch(client, keys, numbers, site)
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
            raise BadInput("--tls-… and --insecure", "given", "absent without --scheduler: workers of this machine "
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


class _Contexts:
    """What each account's proof is to be good for."""

    def __init__(self, deployment: Path, epoch_id: int | None, endpoint: Endpoint, epoch: epochs.AnyEpoch, path: Path
                 ) -> None:
        from verifier_contracts.attesting import Attesting
        from verifier_contracts.system import System

        from .trader import published
        there = System.load(deployment)
        self.chain_id, self.manager = there.chain_id, there.contracts["ledger"]
        self.key_digest = there.installed("margin").key_digest
        self.ledger: Attesting | None = None
        if endpoint.rpc is not None:
            contracts = there.open(endpoint.connect())
            self.ledger, self.key_digest = Attesting(contracts), contracts.registry.active("margin").key_digest
            epoch_id = published(self.ledger, epoch, epoch_id, str(deployment), path)
        if epoch_id is None:
            raise BadInput("--epoch-id", None, "given, or read with --rpc")
        self.epoch_id = epoch_id

    def job(self, account: Account) -> Job:
        """Raises BadInput where file and chain differ, or the file is no opening."""
        from verifier_contracts.context import Context

        from ..farm.work import Job
        opening, version = account.opening(), account.version
        if self.ledger is not None:
            if self.ledger.commitment_of(account.address) != opening.commitment:
                raise BadInput("opening", "(hidden)", "what opens the commitment registered for the account",
                               source=account.path)
            state = self.ledger.state_of(account.address).version
            if version is not None and version != state:
                raise BadInput("version in the name of the salt file", version, f"{state}, the account's",
                               source=account.path)
            version = state
        if version is None:
            raise BadInput("name of the salt file", account.path.name, "ACCOUNT-VERSION.json, or give --rpc")
        return Job(opening, Context("margin", self.chain_id, self.manager, self.key_digest, account.address,
                                    self.epoch_id, version))


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
            say(f"{tally.done} of {tally.total} accounts, {tally.proven} proven, about {_duration(tally.left)} left")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
