"""`tailproof liquidation`: every step from a silent account to the end of its lot, by hand.

Those that anyone may do are a keeper's too (`keeper run`). Those that take an opening prove it here: nothing but proofs
and encrypted words leaves this machine.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput, Said

from ..keys import KeyDirectory
from ..number_forms import duration, moment
from ..secret import Opening, draw_salt
from .console import ADDRESS, CONTINUED, FILE, Integer, Outcome, progress, reporting, table
from .keeper import COLLATERAL, EPOCHS, reader_of
from .node import Endpoint, talking_to_a_node
from .trade import kept_opening
from .vault import DEPLOYMENT, EPOCH_ID, ground_of, opened, sent

if TYPE_CHECKING:
    from verifier_contracts.chain import Receipt
    from verifier_contracts.system import System

    from ..keeper_steps import Step
    from ..liquidating import Misfit
    from ..liquidation_reading import Site
    from ..withdrawing import Ground

WHOSE = click.option("--account", type=ADDRESS, required=True, help="Account it is about.")
LOT = click.option("--lot", "lot_id", type=Integer(1, (1 << 256) - 1), required=True, help="Number of the lot.")
COVER_KEY = click.option("--key", type=FILE, required=True, help="Key directory of the cover statement in force.")
OPENING = click.option("--opening", type=FILE, required=True, help="Salt file that opens the account's commitment: of "
                       "its owner or venue, or as it was delivered.")
LATEST = click.option("--epoch", type=FILE, required=True, help="Directory of the latest epoch.")
FINAL = click.option("--final-epoch", type=FILE, required=True, help="Directory of a final epoch that came after the "
                     "call: what the shortfall is proven under.")
FINAL_ID = click.option("--final-epoch-id", type=Integer(1, (1 << 40) - 1), help="As which it was published, if it is "
                        "not the latest final one.")
FULL = click.option("--collateral", type=FILE, help="Collateral file of epochs by full revaluation.")
VALID = click.option("--valid-for", type=Integer(60, 86_400), default=1_800, show_default=True,
                     help="Seconds for which what is signed is good.")


@click.group()
def liquidation() -> None:
    """Call, close, sell and end accounts that nobody cures (everybody, venue, winner)."""


def site_of(deployment: Path, endpoint: Endpoint) -> tuple[System, Site]:
    """The contracts of a deployment, liquidation's among them."""
    from ..liquidation_reading import open_site
    system, there = opened(deployment, endpoint)
    return system, open_site(system, there)


def _done(site: Site, step: Step) -> Outcome:
    receipt = site.named(step.contract).transact(step.function, *step.arguments(), pending=True)
    return Outcome({"step": step.name, "subject": step.subject, **sent([receipt])},
                   table([("done", step.name), ("of", step.subject), ("transaction", receipt.transaction)]))


# -- looking -----------------------------------------------------------------------------------------------------------
@liquidation.command("status")
@DEPLOYMENT
@talking_to_a_node()
@WHOSE
@EPOCHS
@COLLATERAL
@reporting
def status(deployment: Path, endpoint: Endpoint, account: str, folders: tuple[Path, ...], collateral: Path | None
           ) -> Outcome:
    """Where an account stands, which clock runs until when, and who may act now. Exit code 1 while it is called."""
    from ..keeper_steps import agenda
    from ..liquidation_status import entry_json, status_of
    _, reader = reader_of(deployment, endpoint, folders, collateral, account)
    state = reader.read()
    found = status_of(state, account)
    data = {"account": account, "stage": found.stage, "said": found.said, "wall": state.now.wall,
            "live": state.now.live, "clocks": [clock.to_json() for clock in found.clocks], "may": list(found.may),
            "steps": [entry_json(state, entry) for entry in agenda(state)]}
    rows = [("account", account), ("stage", found.stage),
            *((f"until {clock.what}", f"{duration(clock.left)} of {clock.moment.clock} time")
              for clock in found.clocks)]
    return Outcome(data, [*table(rows), found.said, *(f"  {line}" for line in found.may)], found.healthy)


@liquidation.command("lots")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--lot", "lot_id", type=Integer(1, (1 << 256) - 1), help="Only this one.")
@click.option("--open", "only_open", is_flag=True, help="Only lots that go on.")
@click.option("--page", type=FILE, metavar="DIR", help="Write the page for everybody to read: lots.json, and a file "
              "for each lot, over those of before.")
@reporting
def lots(deployment: Path, endpoint: Endpoint, lot_id: int | None, only_open: bool, page: Path | None) -> Outcome:
    """The public page of lots: terms, stages and when they change, bids, winners (as `auction lots`)."""
    from ..bidding import House, find_lot
    from .auction import lots_outcome
    system, site = site_of(deployment, endpoint)
    at = House(site.house, site.there.oracle, site.coin, system.block)
    if lot_id is not None:
        find_lot(at, lot_id, None)
    return lots_outcome(at, lot_id, only_open, page)


# -- what anyone may do ------------------------------------------------------------------------------------------------
@liquidation.command("note-silence")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@WHOSE
@reporting
def note_silence(deployment: Path, endpoint: Endpoint, account: str) -> Outcome:
    """Note that an account's cover has run out; half an hour of live time later it is called."""
    from ..keeper_steps import NoteSilence
    return _done(site_of(deployment, endpoint)[1], NoteSilence(account))


@liquidation.command("call-silent")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--venue", type=ADDRESS, required=True, help="Whose accounts.")
@click.option("--most", type=Integer(1, 1_000), default=16, show_default=True, help="Notes to look at.")
@reporting
def call_silent(deployment: Path, endpoint: Endpoint, venue: str, most: int) -> Outcome:
    """Call accounts of a venue that were silent for long enough, the oldest first."""
    from ..keeper_steps import CallSilent
    return _done(site_of(deployment, endpoint)[1], CallSilent(venue, most))


@liquidation.command("pass-to-venue")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@WHOSE
@reporting
def pass_to_venue(deployment: Path, endpoint: Endpoint, account: str) -> Outcome:
    """Let the venue's time begin, once the owner's is over and the epoch of the call final."""
    from ..keeper_steps import PassToVenue
    return _done(site_of(deployment, endpoint)[1], PassToVenue(account))


@liquidation.command("order")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOT
@click.option("--public", is_flag=True, help="For everybody, where neither venue nor committee has delivered in time.")
@reporting
def order(deployment: Path, endpoint: Endpoint, lot_id: int, public: bool) -> Outcome:
    """Have a lot's opening delivered to the shortlist, or shown to everybody."""
    from ..keeper_steps import OrderDisclosure, OrderPublicDisclosure
    return _done(site_of(deployment, endpoint)[1], (OrderPublicDisclosure if public else OrderDisclosure)(lot_id))


@liquidation.command("void")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOT
@reporting
def void(deployment: Path, endpoint: Endpoint, lot_id: int) -> Outcome:
    """Undo a lot whose account was cured or called anew, or whose epoch was frozen for good."""
    from ..keeper_steps import VoidLot
    return _done(site_of(deployment, endpoint)[1], VoidLot(lot_id))


@liquidation.command("fail")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOT
@reporting
def fail(deployment: Path, endpoint: Endpoint, lot_id: int) -> Outcome:
    """End a lot whose auction has failed; it is stuck for a week where nobody was shown the opening."""
    from ..keeper_steps import FailLot
    return _done(site_of(deployment, endpoint)[1], FailLot(lot_id))


@liquidation.command("breach")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOT
@reporting
def breach(deployment: Path, endpoint: Endpoint, lot_id: int) -> Outcome:
    """Have a venue slashed that has not delivered a lot's opening in time."""
    from ..keeper_steps import ReportBreach
    return _done(site_of(deployment, endpoint)[1], ReportBreach(lot_id))


@liquidation.command("book")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@reporting
def book(deployment: Path, endpoint: Endpoint) -> Outcome:
    """Bring the fund what is its own: forfeited bonds out of the house, and what lies with it uncounted. Exit code 1 if
    there is nothing."""
    _, site = site_of(deployment, endpoint)
    receipts: list[Receipt] = []
    before = site.coin.balance_of(site.fund.address)
    if site.house.stake_of(site.fund.address).free:
        receipts.append(site.house.pay_fund())
    if site.coin.balance_of(site.fund.address) > int(site.fund.read("held")):
        receipts.append(site.fund.book_received())
    came = site.coin.balance_of(site.fund.address) - before
    return Outcome({"forfeits": str(came), **sent(receipts)},
                   table([("transaction", one.transaction) for one in receipts]) or ["There is nothing to book."],
                   bool(receipts))


@liquidation.command("release")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOT
@reporting
def release(deployment: Path, endpoint: Endpoint, lot_id: int) -> Outcome:
    """Unlock a lot that was stuck for a week (role: admin): schedule it, and after the role's delay do it. Exit code 1
    while it waits."""
    _, site = site_of(deployment, endpoint)
    step = site.there.authority.perform(site.coordinator, "releaseLot", lot_id,
                                        sender=site.chain.default_sender())
    done = step.ready == 0
    return Outcome({"lot_id": str(lot_id), "done": done, "ready": step.ready},
                   ["released" if done else "scheduled: run this again when the role's delay is over"], done)


# -- what takes the opening --------------------------------------------------------------------------------------------
@liquidation.command("prove-shortfall")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@WHOSE
@COVER_KEY
@LATEST
@EPOCH_ID
@FULL
@OPENING
@reporting
def prove_shortfall(deployment: Path, endpoint: Endpoint, account: str, key: Path, epoch: Path, epoch_id: int | None,
                    collateral: Path | None, opening: Path) -> Outcome:
    """Call an account at once, by a proof that its collateral is below its maintenance margin (venue, committee). Exit
    code 1 if it is not."""
    from ..liquidating import Solvent, prove_call
    secret, keys = Opening.load(opening), KeyDirectory.load(key)
    _, there = opened(deployment, endpoint)
    sender = there.chain.default_sender()
    on = ground_of(there, epoch, collateral, there.ledger.max_epoch_age(), epoch_id=epoch_id)
    made = prove_call(there, keys, on, secret, account, sender=sender, progress=progress)
    if isinstance(made, Solvent):
        return _solvent(account)
    receipt = there.ledger.transact("proveShortfall", *made, sender=sender)
    return Outcome({"account": account, "epoch_id": on.epoch_id, "called": True, **sent([receipt])},
                   table([("called", account), ("under epoch", moment(on.epoch_id)),
                          ("transaction", receipt.transaction)]))


def _solvent(account: str) -> Outcome:
    """V and M stay here: the margin is the account's."""
    return Outcome({"account": account, "short": False, "transaction": None},
                   ["NOT short: its collateral is at least its maintenance margin."], False)


@liquidation.command("show-shortfall")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--account", type=ADDRESS, help="Account it is about.")
@click.option("--lot", "lot_id", type=Integer(1, (1 << 256) - 1), help="Instead: of this lot, to the auction house as "
              "well, which may sell below its reserve then.")
@click.option("--revive", is_flag=True, help="With --lot: end the lock of a lot that is stuck.")
@COVER_KEY
@FINAL
@FINAL_ID
@FULL
@OPENING
@reporting
def show_shortfall(deployment: Path, endpoint: Endpoint, account: str | None, lot_id: int | None, revive: bool,
                   key: Path, final_epoch: Path, final_epoch_id: int | None, collateral: Path | None, opening: Path
                   ) -> Outcome:
    """Show that a called account is short under a final epoch, for what cannot be undone: a lot after a disclosure, a
    price below the reserve, an award. Exit code 1 if it is not."""
    from ..liquidating import Solvent, prove_short
    if (account is None) == (lot_id is None) or (revive and lot_id is None):
        raise BadInput("--account, --lot and --revive", (account, lot_id, revive), "an account, or a lot, which may be "
                       "revived")
    secret, keys = Opening.load(opening), KeyDirectory.load(key)
    system, site = site_of(deployment, endpoint)
    whose = account or site.coordinator.lot_of(lot_id or 0).account
    sender = site.chain.default_sender()
    on = _final(system, site, final_epoch, final_epoch_id, collateral)
    made = prove_short(site, keys, on, secret, whose, sender=sender, progress=progress)
    if isinstance(made, Solvent):
        return _solvent(whose)
    if lot_id is None:
        receipt = site.closes.show_shortfall(whose, made, sender=sender)
    elif revive:
        receipt = site.coordinator.revive_lot(lot_id, made, sender=sender)
    else:
        receipt = site.coordinator.show_shortfall(lot_id, made, sender=sender)
    return Outcome({"account": whose, "lot_id": None if lot_id is None else str(lot_id), "epoch_id": on.epoch_id,
                    "short": True, "revived": revive, **sent([receipt])},
                   table([("short", whose), ("under epoch", moment(on.epoch_id)),
                          ("transaction", receipt.transaction)]))


def _final(system: System, site: Site, epoch: Path, epoch_id: int | None, collateral: Path | None) -> Ground:
    return ground_of(site.there, epoch, collateral, system.settings.final_epoch_age, epoch_id=epoch_id, final=True)


@liquidation.command("open-lot")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@WHOSE
@LATEST
@EPOCH_ID
@FULL
@click.option("--margin-key", type=FILE, help="Key directory of the margin statement: the lot is opened with its "
              "margin, which is public then, and bonds are by it.")
@click.option("--opening", type=FILE, help="Salt file that opens the account's commitment, for --margin-key and --key.")
@click.option("--key", type=FILE, help="Key directory of the cover statement, where the opening was disclosed before: "
              "a shortfall is wanted then.")
@click.option("--final-epoch", type=FILE, help="Directory of a final epoch after the call, for --key.")
@FINAL_ID
@reporting
def open_lot(deployment: Path, endpoint: Endpoint, account: str, epoch: Path, epoch_id: int | None,
             collateral: Path | None, margin_key: Path | None, opening: Path | None, key: Path | None,
             final_epoch: Path | None, final_epoch_id: int | None) -> Outcome:
    """Put a called account up for auction, once owner and venue have had their time; anyone may."""
    from verifier_contracts.ledger import NO_PROOF
    from verifier_contracts.liquidation import NO_SHORTFALL

    from ..liquidating import Solvent, prove_lot_margin, prove_short
    if opening is None and (margin_key is not None or key is not None):
        raise BadInput("--opening", None, "given with --margin-key and --key")
    if (key is None) != (final_epoch is None):
        raise BadInput("--key and --final-epoch", (key, final_epoch), "given together")
    secret = None if opening is None else Opening.load(opening)
    system, site = site_of(deployment, endpoint)
    seen = site.coordinator.is_disclosed(account, site.there.ledger.commitment_of(account))
    if seen and (margin_key is None or key is None):
        raise BadInput("--margin-key and --key", [margin_key and str(margin_key), key and str(key)], "given both: the "
                       f"opening of {account} was disclosed before, and a lot wants its shortfall and its margin then")
    sender, short, margin, words = site.chain.default_sender(), NO_SHORTFALL, 0, list(NO_PROOF)
    on = ground_of(site.there, epoch, collateral, site.there.ledger.max_epoch_age(), epoch_id=epoch_id)
    if key is not None and final_epoch is not None and secret is not None:
        made = prove_short(site, KeyDirectory.load(key), _final(system, site, final_epoch, final_epoch_id, collateral),
                           secret, account, sender=sender, progress=progress)
        if isinstance(made, Solvent):
            return _solvent(account)
        short = made
    if margin_key is not None and secret is not None:
        margin, words = prove_lot_margin(site, KeyDirectory.load(margin_key), on, secret, account, progress=progress)
    receipt = site.coordinator.open_lot(account, on.epoch_id, on.factors, margin, words, short, sender=sender)
    lot_id = site.there.vault.lot_of(account)
    return Outcome({"account": account, "lot_id": str(lot_id), "epoch_id": on.epoch_id, "margin": str(margin),
                    **sent([receipt])},
                   table([("lot", lot_id), ("account", account), ("margin", margin or "not shown"),
                          ("transaction", receipt.transaction)]))


@liquidation.command("close")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@WHOSE
@click.option("--fill", "fills", multiple=True, metavar="SYMBOL:LOTS:PRICE", required=True, help="What is closed: "
              "signed lots that the account trades, and the price of one unit of the underlying. May be given several "
              "times.")
@click.option("--concession", type=Integer(0, (1 << 127) - 1), required=True, help="By how much these prices are worse "
              "than the marks, 10⁻⁶ quote units. You sign it; owner and committee can show it if it is false.")
@click.option("--transition-key", type=FILE, required=True, help="Key directory of the transition statement in force.")
@click.option("--escrow-key", type=FILE, required=True, help="Key directory of the escrow statement in force.")
@click.option("--flat-key", type=FILE, help="Key directory of the flat statement, where nothing is left.")
@COVER_KEY
@FINAL
@FINAL_ID
@LATEST
@EPOCH_ID
@FULL
@OPENING
@click.option("--out", type=CONTINUED, required=True, help="Salt file to write for the commitment that it leads to, "
              "mode 0600. One that an earlier run kept for this close is gone on with.")
@VALID
@reporting
def close(deployment: Path, endpoint: Endpoint, account: str, fills: tuple[str, ...], concession: int,
          transition_key: Path, escrow_key: Path, flat_key: Path | None, key: Path, final_epoch: Path,
          final_epoch_id: int | None, epoch: Path, epoch_id: int | None, collateral: Path | None, opening: Path,
          out: Path, valid_for: int) -> Outcome:
    """Close as much of a called account as it needs, without its owner (venue): sign the fills, prove shortfall,
    transition, escrow, cover and band, all in one transaction. Exit code 1 if the account is not short, or the fills
    are too few or too many."""
    from .. import liquidating
    from ..epochs import load
    from ..trading import cash_of
    kept = kept_opening(out)
    secret, keys = Opening.load(opening), _close_keys(transition_key, key, escrow_key, flat_key)
    signer, numbers = endpoint.signer(), load(epoch)
    system, site = site_of(deployment, endpoint)
    legs = _legs(numbers, fills)
    cash = cash_of(legs, numbers.header.quote)
    after = liquidating.after_close(keys, secret, legs, kept)
    on = ground_of(site.there, epoch, collateral, site.there.ledger.max_epoch_age(), epoch_id=epoch_id)
    final = _final(system, site, final_epoch, final_epoch_id, collateral)
    made = liquidating.prove_close(site, keys, final, on, secret, after, account, legs, cash, concession, draw_salt(),
                                   venue=signer.address, sign=signer.sign_message, valid_for=valid_for,
                                   sender=site.chain.default_sender(), progress=progress)
    if isinstance(made, liquidating.Solvent):
        return _solvent(account)
    if isinstance(made, liquidating.Misfit):
        return _misfit(account, made)
    _keep(endpoint, after, kept, out)
    receipt = site.closes.close(made, sender=site.chain.default_sender())
    return Outcome({"account": account, "version": made.fills.version, "flat": made.flat, "opening": str(out),
                    "conceded": str(site.closes.conceded_of(account)), **sent([receipt])},
                   table([("closed", account), ("version", made.fills.version),
                          ("left", "nothing" if made.flat else "a covered account"), ("opening", out),
                          ("transaction", receipt.transaction)]))


def _close_keys(transition: Path, cover: Path, escrow: Path, flat: Path | None = None) -> Any:
    from ..liquidating import CloseKeys
    return CloseKeys(KeyDirectory.load(transition), KeyDirectory.load(cover), KeyDirectory.load(escrow),
                     None if flat is None else KeyDirectory.load(flat))


def _legs(numbers: Any, fills: tuple[str, ...]) -> list[tuple[int, int]]:
    """Lots and cash of all fills together, by instrument.

    Raises
    ------
    BadInput : a fill is none, or together they trade nothing.
    """
    from risk.exact.money import LARGEST_PRICE, parse_money
    from risk.margins.fills import trade
    summed: dict[int, int] = {}
    for text in fills:
        found = re.fullmatch(r"(.+):(-?[1-9][0-9]{0,18}):([^:]*)", text)
        row = None if found is None else numbers.row_of(found[1])
        if found is None or row is None:
            raise BadInput("--fill", text, "SYMBOL:LOTS:PRICE, of an instrument of the epoch and lots other than 0")
        lots = int(found[2])
        instrument = numbers.instruments[row - 1]
        deal = trade(instrument, abs(lots), parse_money(found[3], field="--fill", low=0, high=LARGEST_PRICE),
                     numbers.mark(instrument.id).spot if instrument.inverse else None)
        for id, moved in deal.buyer if lots > 0 else deal.seller:
            summed[id] = summed.get(id, 0) + moved
    legs = [(id, moved) for id, moved in summed.items() if moved]
    if not legs:
        raise BadInput("--fill", list(fills), "fills that trade something together")
    return legs


def _misfit(account: str, found: Misfit) -> Outcome:
    return Outcome({"account": account, "value": str(found.value), "least": str(found.least), "most": str(found.most),
                    "transaction": None},
                   [f"REFUSED: the collateral counts for {found.value}; what is left must need between {found.least} "
                    f"and {found.most} (1e-6 quote units) for it."], False)


def _keep(endpoint: Endpoint, after: Opening, kept: Opening | None, out: Path) -> None:
    """Before anything is sent: nothing else opens the next commitment."""
    if kept is None and not (endpoint.dry_run and endpoint.calldata is None):
        after.save(out)


@liquidation.command("award")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOT
@click.option("--to-keystore", type=FILE, help="Encrypted key file of the account that takes the lot, never registered "
              "before.  [default: the sender's]")
@click.option("--to-passphrase-file", type=FILE, help="Read its passphrase there.")
@click.option("--least-paid", type=Integer(0, (1 << 96) - 1), default=0, show_default=True, help="Of a price below 0: "
              "the least that is taken from the fund at once, quote units; the cover counts on it.")
@click.option("--show-first", is_flag=True, help="Show the four proofs in transactions of their own: the award's "
              "is smaller.")
@click.option("--transition-key", type=FILE, required=True, help="Key directory of the transition statement in force.")
@click.option("--escrow-key", type=FILE, required=True, help="Key directory of the escrow statement in force.")
@COVER_KEY
@FINAL
@FINAL_ID
@LATEST
@EPOCH_ID
@FULL
@OPENING
@click.option("--out", type=CONTINUED, required=True, help="Salt file to write for the re-salted commitment, mode "
              "0600.")
@VALID
@reporting
def award(deployment: Path, endpoint: Endpoint, lot_id: int, to_keystore: Path | None, to_passphrase_file: Path | None,
          least_paid: int, show_first: bool, transition_key: Path, escrow_key: Path, key: Path, final_epoch: Path,
          final_epoch_id: int | None, epoch: Path, epoch_id: int | None, collateral: Path | None, opening: Path,
          out: Path, valid_for: int) -> Outcome:
    """Carry a lot away that you have won: prove the shortfall, re-salt the positions, consent, escrow and cover, all in
    one transaction. The sender is the bidder. Exit code 1 if the account is not short, or what there is does not
    cover it."""
    from .. import liquidating
    if show_first and (endpoint.dry_run or endpoint.calldata is not None):
        raise BadInput("--show-first", Said("given"), "absent with --dry-run and --calldata: each run proves anew, so "
                       "that what one would show is not what the next would rest on")
    kept = kept_opening(out)
    secret, keys = Opening.load(opening), _close_keys(transition_key, key, escrow_key)
    if to_keystore is None:
        taker = endpoint.signer()
    else:
        taker = Endpoint(None, keystore=to_keystore, passphrase_file=to_passphrase_file).signer()
    system, site = site_of(deployment, endpoint)
    sender = site.chain.default_sender()
    after = liquidating.resalted(keys.transition, secret, kept)
    on = ground_of(site.there, epoch, collateral, site.there.ledger.max_epoch_age(), epoch_id=epoch_id)
    final = _final(system, site, final_epoch, final_epoch_id, collateral)
    made = liquidating.prove_award(site, keys, final, on, secret, after, lot_id, taker.address,
                                   sign=taker.sign_message, least_paid=least_paid, valid_for=valid_for, sender=sender,
                                   progress=progress)
    account = site.coordinator.lot_of(lot_id).account
    if isinstance(made, liquidating.Solvent):
        return _solvent(account)
    if isinstance(made, liquidating.Misfit):
        return Outcome({"lot_id": str(lot_id), "value": str(made.value), "needed": str(made.least),
                        "missing": str(made.least - made.value), "transaction": None},
                       [f"NOT covered: basket and deposits count for {made.value}, and it takes {made.least} (1e-6 "
                        f"quote units). Deposit for {taker.address} first (`vault deposit`)."], False)
    _keep(endpoint, after, kept, out)
    if show_first:
        made = liquidating.show_before(site, made, sender=sender)
    receipt = site.coordinator.award(made, sender=sender)
    return Outcome({"lot_id": str(lot_id), "from": account, "to": taker.address, "opening": str(out),
                    **sent([receipt])},
                   table([("lot", lot_id), ("taken by", taker.address), ("opening", out),
                          ("transaction", receipt.transaction)]))


