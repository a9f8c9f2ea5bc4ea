"""`tailproof keeper`: a loop that does what anyone may do in a liquidation, and what its keys allow beside.

It has no state but the chain's, and a journal of what it has spent today. What a contract refuses, somebody else did
first: nothing is spent on it.
"""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives import jsonio
from primitives.errors import BadInput, Said
from primitives.jsonio import NEW

from ..keeper_steps import NAMES
from ..number_forms import duration
from .console import ADDRESS, CONTINUED, FILE, Integer, Outcome, progress, reporting, say, table, warn
from .node import Endpoint, talking_to_a_node
from .stopping import stopping
from .vault import DEPLOYMENT, opened

if TYPE_CHECKING:
    from verifier_contracts.system import System

    from ..guarding import Find
    from ..keeping import Duty, Keeper, Round
    from ..keys import KeyDirectory
    from ..liquidation_reading import Reader, Site

EPOCHS = click.option("--epochs", "folders", type=FILE, multiple=True, help="Epoch directory, or folder of such, for "
                      "lists of collateral factors that nobody has brought to the chain yet. May be given several "
                      "times.")
COLLATERAL = click.option("--collateral", type=FILE, help="Collateral file of epochs by full revaluation.")
WITHOUT = click.option("--without", type=click.Choice(NAMES), metavar="STEP", multiple=True,
                       help="Step to leave out; again for each. `keeper plan` names them.")
ONLY = click.option("--only", type=click.Choice(NAMES), metavar="STEP", multiple=True, help="Do these steps alone.")
GENEROUS = click.option("--no-favours", is_flag=True, help="Leave out what costs gas for the good of others alone: "
                        "breach, refund, pay-fund, book, forward, sweep.")
UNDONE = ("unaffordable", "too dear", "failed")
"""Outcomes of a step that somebody should look at."""
SHOWN = 20
"""Steps to come that a plan shows people."""


@click.group()
def keeper() -> None:
    """Do what is due in liquidations (keeper)."""


def reader_of(deployment: Path, endpoint: Endpoint, folders: tuple[Path, ...] = (), collateral: Path | None = None,
              only: str | None = None) -> tuple[System, Reader]:
    """A reader of a deployment's liquidations."""
    from risk.epochs.provenance import read_source

    from ..liquidation_reading import FactorBook, Reader, open_site, site_library
    system, there = opened(deployment, endpoint)
    book = FactorBook(site_library(folders), None if collateral is None else read_source(collateral))
    return system, Reader(open_site(system, there), book, only=only, progress=progress)


@keeper.command("plan")
@DEPLOYMENT
@talking_to_a_node()
@EPOCHS
@COLLATERAL
@WITHOUT
@ONLY
@GENEROUS
@reporting
def plan(deployment: Path, endpoint: Endpoint, folders: tuple[Path, ...], collateral: Path | None,
         without: tuple[str, ...], only: tuple[str, ...], no_favours: bool) -> Outcome:
    """What is due now and what comes when, if nothing else happens. Nothing is sent, and no key is needed. Exit code 1
    if something is due."""
    from ..keeping import Budget, Keeper
    _, reader = reader_of(deployment, endpoint, folders, collateral)
    budget = Budget(reader.site.chain.chain_id, reader.site.coordinator.address, "", 0)
    found = Keeper(reader, budget, left_out(without, no_favours), only).plan()
    return _planned(found)


def _planned(found: Round) -> Outcome:
    from ..liquidation_status import entry_json
    state, wanted = found.state, [one for one in found.done if one.told == "done"]
    ahead = [entry_json(state, entry) for entry in found.ahead]
    rows = [("now", one.step, one.subject, "") for one in wanted]
    rows += [(duration(one["left"]) if not one["waits"] else "-", one["step"], one["subject"], "; ".join(one["waits"]))
             for one in ahead[:SHOWN]]
    more = [f"and {len(ahead) - SHOWN} more (--json)"] if len(ahead) > SHOWN else []
    return Outcome({"wall": state.now.wall, "live": state.now.live,
                    "due": [{"step": one.step, "subject": one.subject} for one in wanted],
                    "excluded": [{"step": one.step, "subject": one.subject} for one in found.done
                                 if one.told == "excluded"], "ahead": ahead},
                   [*(table(rows, ("when", "step", "of", "waits for")) if rows else ["Nothing is due, or will be."]),
                    *more], not wanted)


@keeper.command("run")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@EPOCHS
@COLLATERAL
@WITHOUT
@ONLY
@GENEROUS
@click.option("--once", is_flag=True, help="One round; exit code 1 if something due was not done.")
@click.option("--every", type=Integer(1, 3_600), default=12, show_default=True, help="Seconds between rounds.")
@click.option("--gas-per-day", type=Integer(21_000, 1 << 40), default=30_000_000, show_default=True,
              help="Most gas to sign for in a day (UTC). With --max-fee it bounds what a day can cost. At most half of "
              "it goes to what --no-favours leaves out.")
@click.option("--journal", type=CONTINUED, help="File that keeps what was spent today, so that a keeper that begins "
              "again keeps to it.")
@click.option("--log", type=CONTINUED, help="Append a line of JSON for each round: health, what was done, what "
              "is next.")
@click.option("--bids", type=FILE, help="Folder of bid files (`auction commit`) to reveal in time. "
              "When that is, is the node's word: name one that you trust.")
@click.option("--secret", type=FILE, help="Encryption secret (`committee init member`) of a venue or owner: openings "
              "that were escrowed to it are delivered when that is ordered.")
@click.option("--delivery-key", type=FILE, help="Key directory of the delivery statement, for --secret.")
@click.option("--disclose-key", type=FILE, help="Key directory of the disclose statement, for --secret: openings are "
              "shown to everybody where that is ordered.")
@click.option("--committee", "committee_file", type=FILE, help="Committee file, for --share.")
@click.option("--share", type=FILE, help="Own share of the committee's key: partial decryptions are made where the "
              "venue is late.")
@click.option("--share-to", type=FILE, help="Public file of the reader to whom they are sealed.")
@click.option("--shares", type=FILE, metavar="DIR", help="Folder that they are written to.")
@click.option("--gather", type=FILE, metavar="DIR", help="Folder that members' shares come to, sealed to --secret: put "
              "together, and the opening delivered, as soon as there are enough of --committee.")
@click.option("--offers", type=FILE, metavar="DIR", help="Folder of offers (`schema close-offer`): of called accounts "
              "of this venue as much is closed as cover wants, by the opening that was escrowed to --secret.")
@click.option("--close-keys", type=FILE, metavar="DIR", help="Folder of the key directories transition, cover, escrow "
              "and flat that are in force, for --offers.")
@click.option("--openings-out", type=FILE, metavar="DIR", help="Folder that openings after a close are written to, for "
              "--offers: nothing else opens those accounts.")
@reporting
def run(deployment: Path, endpoint: Endpoint, folders: tuple[Path, ...], collateral: Path | None,
        without: tuple[str, ...], only: tuple[str, ...], no_favours: bool, once: bool, every: int, gas_per_day: int,
        journal: Path | None, log: Path | None, bids: Path | None, secret: Path | None, delivery_key: Path | None,
        disclose_key: Path | None, committee_file: Path | None, share: Path | None, share_to: Path | None,
        shares: Path | None, gather: Path | None, offers: Path | None, close_keys: Path | None,
        openings_out: Path | None) -> Outcome:
    """Do every step that anyone may do and that is due, round after round, until it is interrupted or terminated; what
    is under way is ended first. With files and keys it also reveals, delivers and decrypts in time."""
    from ..keeping import Budget, Keeper
    if not once and (endpoint.dry_run or endpoint.calldata is not None):
        raise BadInput("--dry-run and --calldata", Said("given"), "given with --once: "
                       "what is not sent is due again and again")
    parts = (committee_file, share, share_to, shares)
    if any(parts[1:]) != all(parts[1:]) or (committee_file is None) != (share is None and gather is None):
        raise BadInput("--committee, --share, --share-to and --shares", [part and str(part) for part in parts],
                       "given together; or --committee with --gather")
    if gather is not None and (secret is None or not gather.is_dir()):
        raise BadInput("--gather", str(gather), "a folder, given with --secret, to which shares are sealed")
    closing = (offers, close_keys, openings_out)
    if any(closing) and (not all(closing) or secret is None):
        raise BadInput("--offers, --close-keys, --openings-out and --secret", [part and str(part) for part in closing],
                       "given together")
    if secret is not None and delivery_key is None and disclose_key is None and offers is None:
        raise BadInput("--secret", str(secret), "given with --delivery-key, --disclose-key or both")
    _require_own(log)
    system, reader = reader_of(deployment, endpoint, folders, collateral)
    duties = duties_of(system, reader.site, bids, secret, (delivery_key, disclose_key), parts, gather)
    if offers is not None and close_keys is not None and openings_out is not None and secret is not None:
        duties.append(_closing(system, reader, endpoint, folders, (offers, close_keys, openings_out), secret))
    budget = Budget(reader.site.chain.chain_id, reader.site.coordinator.address,
                    reader.site.chain.default_sender(), gas_per_day, journal)
    stop = threading.Event()
    made = Keeper(reader, budget, left_out(without, no_favours), only, duties, stop.is_set)
    with budget.held(), stopping(stop):
        return _once(made, log) if once else _follow(made, every, log, stop)


@keeper.command("guard")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--account", type=ADDRESS, help="Account to guard.  [default: the sender]")
@EPOCHS
@COLLATERAL
@click.option("--key", type=FILE, required=True, help="Key directory of the cover statement in force.")
@click.option("--openings", type=FILE, multiple=True, help="Salt file, or folder of such, which is looked into anew "
              "each time. May be given several times.")
@click.option("--wallet", type=FILE, help="Wallet that holds them.")
@click.option("--wallet-passphrase-file", type=FILE, help="Read the wallet's passphrase there; else it is asked for.")
@click.option("--secret", type=FILE, help="Encryption secret of the account's owner: what was escrowed to her is "
              "opened with it, so that every trade's opening is at hand.")
@click.option("--renew-before", type=Integer(60, 86_400), default=900, show_default=True, help="Seconds before its end "
              "at which a cover is renewed.")
@click.option("--step", type=Integer(1, 3), default=1, show_default=True, help="Of the ladder of buffers: as much is "
              "shown where collateral suffices, initial margin where not.")
@click.option("--top-up", type=Integer(0, (1 << 96) - 1), default=0, show_default=True, help="Most quote units to "
              "deposit in a day (UTC), out of the sender's balance; 0 deposits none.")
@click.option("--top-up-step", type=Integer(1, (1 << 96) - 1), default=1_000_000_000, show_default=True, help="Top-ups "
              "are multiples of so many: the coarser, the less one tells of the margin.")
@click.option("--allowance", type=CONTINUED, help="File that keeps what was deposited today, so that a guard that "
              "begins again keeps to --top-up.")
@click.option("--once", is_flag=True, help="One round; exit code 1 if the account may be without cover.")
@click.option("--every", type=Integer(1, 3_600), default=12, show_default=True, help="Seconds between rounds.")
@click.option("--gas-per-day", type=Integer(21_000, 1 << 40), default=20_000_000, show_default=True,
              help="Most gas to sign for in a day (UTC).")
@click.option("--journal", type=CONTINUED, help="File that keeps what gas was signed for today.")
@click.option("--log", type=CONTINUED, help="Append a line of JSON for each round.")
@reporting
def guard(deployment: Path, endpoint: Endpoint, account: str | None, folders: tuple[Path, ...],
          collateral: Path | None, key: Path, openings: tuple[Path, ...], wallet: Path | None,
          wallet_passphrase_file: Path | None, secret: Path | None, renew_before: int, step: int, top_up: int,
          top_up_step: int, allowance: Path | None, once: bool, every: int, gas_per_day: int, journal: Path | None,
          log: Path | None) -> Outcome:
    """Keep an account covered (trader, or whom she trusts with its openings): show cover before it runs out, when the
    account is called, and when prices leave it short; deposit what lacks within --top-up. A lot of it is voided once it
    is cured."""
    from risk.epochs.provenance import read_source

    from ..guarding import Allowance, Guarding, Means
    from ..keeping import Budget, Keeper
    from ..keys import KeyDirectory
    from ..liquidation_reading import FactorBook
    from ..watching import Library
    _require_own(log)
    if not folders:
        raise BadInput("--epochs", None, "given: a margin is of an epoch, and its directory has to be at hand")
    if not openings and wallet is None and secret is None:
        raise BadInput("--openings, --wallet and --secret", None, "one of them given")
    if not once and (endpoint.dry_run or endpoint.calldata is not None):
        raise BadInput("--dry-run and --calldata", Said("given"), "given with --once: "
                       "what is not sent is due again and again")
    keys = KeyDirectory.load(key)
    system, reader = reader_of(deployment, endpoint, folders, collateral)
    site, chain = reader.site, reader.site.chain
    sender = chain.default_sender()
    whose = account or sender
    reader = type(reader)(site, reader.factors, only=whose, progress=progress)
    allowed = Allowance(chain.chain_id, whose, sender, top_up, allowance) if top_up else None
    library = Library(folders)
    book = FactorBook(library, None if collateral is None else read_source(collateral))
    find = _openings(system, site, whose, keys, openings, wallet, wallet_passphrase_file, secret)
    duty = Guarding(site, whose, find, Means(keys, allowed, top_up_step, renew_before, step), library, book, sender,
                    progress)
    budget = Budget(chain.chain_id, site.coordinator.address, sender, gas_per_day, journal)
    stop = threading.Event()
    made = Keeper(reader, budget, (), ("void",), [duty], stop.is_set)
    with budget.held(), nullcontext() if allowed is None else allowed.held(), stopping(stop):
        return _guarded(made, log) if once else _follow(made, every, log, stop)


def _openings(system: System, site: Site, account: str, keys: KeyDirectory, paths: tuple[Path, ...],
              wallet: Path | None, passphrase_file: Path | None, secret: Path | None) -> Find:
    """Where a guard finds openings: in files, in a wallet, in what was escrowed to the owner."""
    from committee.members import Identity

    from ..guarding import first_of, from_escrow, from_files
    margin = _margin_of(keys)
    found = [from_files(paths)] if paths else []
    if wallet is not None:
        from ..wallet import load
        from .wallet import passphrase_of
        word = passphrase_of(passphrase_file, f"Passphrase of {wallet}", option="--wallet-passphrase-file")
        kept = load(wallet, word)
        found.append(kept.opening_of)
    if secret is not None:
        found.append(from_escrow(system, site, account, Identity.load(secret), margin, progress))
    return first_of(*found)


def _guarded(made: Keeper, log: Path | None) -> Outcome:
    """One round of a guard: what was done, and whether the account is as it should be."""
    told = _once(made, log)
    return Outcome(told.data, told.lines, told.holds and not troubles(made))


def left_out(without: tuple[str, ...], no_favours: bool) -> tuple[str, ...]:
    """Steps that a keeper does not do."""
    from ..keeping import LOSS_MAKING
    return (*without, *LOSS_MAKING) if no_favours else without


def duties_of(system: System, site: Site, bids: Path | None, secret: Path | None,
            keys: tuple[Path | None, Path | None], parts: tuple[Path | None, ...], gather: Path | None) -> list[Duty]:
    """What a keeper does by keys and files of its own.

    bids : folder.  secret, keys : of deliveries and disclosures.  parts : committee, share, reader, folder of shares.
    gather : folder that shares come to.
    """
    from committee.group import Committee, Share
    from committee.members import Identity, Member

    from ..keeper_duties import Delivering, OwnKey, Revealing, Sharing, Together
    from ..keys import KeyDirectory
    found: list[Duty] = []
    if bids is not None:
        if not bids.is_dir():
            raise BadInput("--bids", str(bids), "a folder")
        found.append(Revealing(site, bids))
    if secret is not None:
        delivery, disclose = (None if path is None else KeyDirectory.load(path) for path in keys)
        found.append(Delivering(system, site, OwnKey(Identity.load(secret)), delivery, disclose, progress))
        if gather is not None and parts[0] is not None:
            together = Together(Committee.load(parts[0]), Identity.load(secret), gather)
            found.append(Delivering(system, site, together, delivery, disclose, progress))
    committee_file, share, reader, folder = parts
    if committee_file is not None and share is not None and reader is not None and folder is not None:
        group = Committee.load(committee_file)
        folder.mkdir(parents=True, exist_ok=True)
        found.append(Sharing(system, site, group, Share.load(share, group),
                             Member.of(jsonio.Node.read(reader), schema=True), folder, progress))
    return found


def _closing(system: System, reader: Reader, endpoint: Endpoint, folders: tuple[Path, ...],
             paths: tuple[Path, Path, Path], secret: Path) -> Duty:
    from committee.members import Identity

    from ..closing import Closing
    from ..guarding import from_escrow
    from ..keys import KeyDirectory
    from ..liquidating import CloseKeys
    from ..watching import Library
    offers, keys, out = paths
    if not offers.is_dir():
        raise BadInput("--offers", str(offers), "a folder")
    if not folders:
        raise BadInput("--epochs", None, "given with --offers: a margin is of an epoch")
    held = {name: KeyDirectory.load(keys / name) for name in ("transition", "cover", "escrow", "flat")}
    identity, margin, signer = Identity.load(secret), _margin_of(held["cover"]), endpoint.signer()
    out.mkdir(parents=True, exist_ok=True)
    return Closing(reader.site, offers, out, CloseKeys(**held),
                   lambda account: from_escrow(system, reader.site, account, identity, margin, progress),
                   Library(folders), reader.factors, signer.address, signer.sign_message, progress)


def _margin_of(keys: KeyDirectory) -> str:
    """The margin statement that a cover key bounds, by name."""
    from circuits import statements
    from circuits.statements import cover
    preset = statements.get(keys.statement).preset
    if not isinstance(preset, cover.Preset):
        raise BadInput("--key", keys.statement, "the key of a cover statement", source=keys.path)
    return next(name for name in statements.names() if statements.get(name).preset == preset.margin)


def _once(made: Keeper, log: Path | None) -> Outcome:
    found = made.round()
    _log(log, health(made, found, 1))
    for trouble in troubles(made):
        warn(trouble)
    undone = [one for one in found.done if one.told in UNDONE]
    return Outcome(health(made, found, 1), table([(one.step, one.subject, one.told, one.refused or (
        one.receipt.transaction if one.receipt else "")) for one in found.done]) or ["Nothing is due."], not undone)


def _follow(made: Keeper, every: int, log: Path | None, stop: threading.Event) -> Outcome:
    """Until it is stopped: what is done is said on stderr, refusals once."""
    from ..keeping import keeping
    rounds, counts = 0, dict[str, int]()
    for found in keeping(made, every=every, sleep=stop.wait):
        rounds += 1
        if isinstance(found, Exception):
            say(f"the node failed, keeping goes on: {found}")
            _log(log, {"round": rounds, "healthy": False, "error": str(found)})
            continue
        for trouble in troubles(made):
            _say_once(made, f"warning: {trouble}")
        for one in found.done:
            line = f"{one.step} {one.subject}: {one.told}" + (f" ({one.refused})" if one.refused else "") + (
                f" {one.receipt.transaction}" if one.receipt else "")
            if one.told == "done":
                say(line)
            else:
                _say_once(made, line)
            counts[one.told] = counts.get(one.told, 0) + 1
        _log(log, health(made, found, rounds))
    return Outcome({"rounds": rounds, "steps": counts.get("done", 0), "gas_today": made.budget.used},
                   [f"stopped after {rounds} rounds and {counts.get('done', 0)} steps"])


def troubles(made: Keeper) -> list[str]:
    """What its duties complain of."""
    return [trouble for duty in made.duties for trouble in duty.troubles()]


def _say_once(made: Keeper, line: str) -> None:
    if line not in made.said:
        say(line)
    made.said.add(line)


def health(made: Keeper, found: Round, number: int) -> dict[str, Any]:
    """One line for whoever watches a keeper.

    healthy : whether everything due could be done or was somebody's already, and no duty complains.
    gas_today : what was signed for.  most_wei : what the gas of today can have
    cost at most, by the highest fee that is paid.
    """
    coming, state = found.next(), found.state
    stopped, complaints = [one.told for one in found.done if one.told in UNDONE], troubles(made)
    return {"round": number, "healthy": not stopped and not complaints, "troubles": complaints,
            "wall": state.now.wall, "live": state.now.live,
            "runs": state.now.runs, "accounts": len(state.accounts), "lots": len(state.lots),
            "done": [one.to_json() for one in found.done], "gas_today": made.budget.used,
            "gas_per_day": made.budget.most, "most_wei": str(made.budget.used * made.chain.highest_fee),
            "next": None if coming is None else {
                "step": coming[0].step.name, "subject": coming[0].step.subject, "clock": coming[1].clock,
                "at": coming[1].at, "left": state.now.left(coming[1])}}


def _require_own(path: Path | None) -> None:
    """Refuse to append to what is no keeper's log."""
    if path is None or not path.exists() or not path.stat().st_size:
        return
    with jsonio.refusing_to_write(path), path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline(1 << 20)
    try:
        ours = isinstance(line := json.loads(first), dict) and {"round", "healthy"} <= set(line)
    except ValueError:
        ours = False
    if not ours:
        raise BadInput("--log", str(path), f"{NEW}, but for a keeper's log, which is gone on with")


def _log(path: Path | None, line: dict[str, Any]) -> None:
    if path is not None:
        with jsonio.refusing_to_write(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":"), default=str) + "\n")
