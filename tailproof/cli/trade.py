"""`tailproof trade`: fills that a venue signs, and the step by which an account's owner applies them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput
from primitives.jsonio import NEW

from .. import epochs
from ..keys import KeyDirectory
from ..secret import Opening, draw_salt
from .console import ADDRESS, CONTINUED, FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .node import Endpoint, talking_to_a_node, write_calldata
from .risk_addons import outside, oversized_json, undersized_json
from .vault import CARRIER, COLLATERAL, DEPLOYMENT, EPOCH_ID, VALID, escrow_missing, ground_of, opened, sent

if TYPE_CHECKING:
    from risk.addons.admission import Oversized, Undersized

LOTS = Integer(1, (1 << 40) - 1)


@click.group()
def trade() -> None:
    """Trades inside commitments, lots and cash together (venue, trader)."""


@trade.command("fills")
@DEPLOYMENT
@talking_to_a_node(signs=True)
@click.option("--account", type=ADDRESS, required=True, help="Account that is filled.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory; names the instruments.")
@click.option("--buy", metavar="SYMBOL", help="What the account buys.")
@click.option("--sell", metavar="SYMBOL", help="What the account sells.")
@click.option("--lots", type=LOTS, help="How much of it.")
@click.option("--price", metavar="DECIMAL", help="Of one unit of the underlying, in quote units; of an inverse option, "
              "its premium in coins. The cash is rounded against the account.")
@click.option("--cash", type=Integer(-(1 << 40) + 1, (1 << 40) - 1), help="Instead: lots of cash that are paid "
              "into the commitment, or, below 0, out of it.")
@click.option("--holding", type=FILE, help="The positions that you hold for the account, as a portfolio file: with "
              "these fills none may exceed the size that it is charged for, unless they make it smaller.")
@click.option("--statement", help="Transition statement in force.  [default: the deployment's]")
@click.option("--out", type=OUTPUT, required=True, help="Fills file to write for the owner, mode 0600.")
@reporting
def sign_fills(deployment: Path, endpoint: Endpoint, account: str, epoch: Path, buy: str | None, sell: str | None,
               lots: int | None, price: str | None, cash: int | None, holding: Path | None, statement: str | None,
               out: Path) -> Outcome:
    """Sign fills of an account for its next version (role: venue). The venue's word that this was traded, and at this
    price, is all there is: treat it as settled once the owner's step is on the chain."""
    from risk.market.instruments import Instrument

    from .. import trading
    numbers = epochs.load(epoch)
    quote = numbers.header.quote
    if cash is not None and not any((buy, sell, lots, price)):
        fills: Sequence[tuple[int, int]] = [(Instrument.cash(quote).id, cash)] if cash else []
    else:
        fills = _legs(numbers, buy, sell, lots, price, cash)
    beyond, below = ([], []) if holding is None else _outside(numbers, holding, fills)
    if beyond or below:
        return Outcome({"path": None, "account": account, "oversized": [oversized_json(one) for one in beyond],
                        "undersized": [undersized_json(one) for one in below]},
                       [*outside(beyond, below),
                        "NOT signed: margins charge these positions as ones of another size."], False)
    signer = endpoint.signer()
    system, there = opened(deployment, endpoint)
    made = trading.sign_fills(there, statement or system.installed("transition").statement, account, fills, quote,
                              draw_salt(), signer.address, signer.sign_message)
    made.save(out)
    return Outcome({"path": str(out), "account": account, "version": made.message.version,
                    "fills": [{"id": str(id), "lots": amount} for id, amount in fills], "cash": str(made.message.cash),
                    "fill_digest": str(made.message.fill_digest)},
                   [*table([(_name(numbers, id), amount) for id, amount in fills], ["instrument", "lots"]),
                    f"{out}: fills of {account} for version {made.message.version}; its owner applies them "
                    "(`trade apply`)."])


def _outside(numbers: epochs.AnyEpoch, holding: Path, fills: Sequence[tuple[int, int]]
             ) -> tuple[Sequence[Oversized], Sequence[Undersized]]:
    from risk.addons.admission import dwindled, enlarged
    from risk.margins.portfolio import Portfolio
    from risk.margins.shocks import sources_of
    before = {int(numbers.ids[row]): lots for row, lots in Portfolio.read(holding).rows(numbers)}
    held = dict(before)
    for number, lots in fills:
        held[number] = held.get(number, 0) + lots
    model, book, _ = sources_of(numbers)
    return enlarged(book, before, held), dwindled(book, model.addons.gas, before, held)


def _legs(numbers: epochs.AnyEpoch, buy: str | None, sell: str | None, lots: int | None, price: str | None,
          cash: int | None) -> Sequence[tuple[int, int]]:
    from primitives.errors import suggestion
    from risk.exact.money import LARGEST_PRICE, parse_money
    from risk.margins import fills
    if (buy is None) == (sell is None) or lots is None or price is None or cash is not None:
        raise BadInput("--buy or --sell, --lots and --price", (buy, sell, lots, price), "given together; or --cash "
                       "alone")
    symbol = buy or sell or ""
    row = numbers.row_of(symbol)
    if row is None:
        near = suggestion(symbol, [instrument.symbol for instrument in numbers.instruments])
        raise BadInput("--buy" if buy else "--sell", symbol, f"an instrument of the epoch{near}")
    instrument = numbers.instruments[row - 1]
    deal = fills.trade(instrument, lots, parse_money(price, field="--price", low=0, high=LARGEST_PRICE),
                       numbers.mark(instrument.id).spot if instrument.inverse else None)
    return deal.buyer if buy else deal.seller


def _name(numbers: epochs.AnyEpoch, id: int) -> str:
    known = {int(number): instrument.symbol
             for number, instrument in zip(numbers.ids[1:], numbers.instruments, strict=True)}
    return known.get(id, f"id {id}")


@trade.command("apply")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--fills", "fills_file", type=FILE, required=True, help="Fills file that the venue signed.")
@click.option("--key", type=FILE, required=True, help="Key directory of the transition statement in force.")
@click.option("--opening", type=FILE, required=True, help="Salt file that opens the account's commitment.")
@click.option("--epoch", type=FILE, required=True, help="Directory of the latest epoch.")
@EPOCH_ID
@COLLATERAL
@click.option("--cover-key", type=FILE, help="Key directory of the cover statement: the step comes with cover at "
              "initial margin. Without it the account is reduce-only afterwards.")
@click.option("--margin-key", type=FILE, help="Instead: key directory of the margin statement. The step comes with a "
              "margin not above the one that stands, in the same epoch; it is public.")
@click.option("--out", type=CONTINUED, required=True, help="Salt file to write for the commitment that it leads to, "
              "mode 0600. Nothing else opens it. One that an earlier run kept for this step is gone on with.")
@VALID
@CARRIER
@reporting
def apply_fills(deployment: Path, endpoint: Endpoint, fills_file: Path, key: Path, opening: Path, epoch: Path,
                epoch_id: int | None, collateral: Path | None, cover_key: Path | None, margin_key: Path | None,
                out: Path, valid_for: int, for_carrier: Path | None) -> Outcome:
    """Prove that signed fills lead from your commitment to the next, and make the step. With --cover-key exit code 1 if
    the collateral would not cover it."""
    from verifier_contracts.errors import ContractRefused

    from .. import trading, withdrawing
    if cover_key is not None and margin_key is not None:
        raise BadInput("--margin-key", str(margin_key), "absent where --cover-key is given")
    if for_carrier is not None:
        endpoint.require_sending("--for-carrier", for_carrier)
    kept = kept_opening(out)
    secret, signed, keys = Opening.load(opening), trading.SignedFills.load(fills_file), KeyDirectory.load(key)
    system, there = opened(deployment, endpoint)
    numbers, account = epochs.load(epoch), signed.message.account
    signer = endpoint.signer() if for_carrier is not None else None
    who = there.chain.default_sender() if signer is None else signer.address
    if who != account:
        raise BadInput("fills.account", account, f"{who}, whose key is at hand: its owner sends the step, or signs it "
                       "(--for-carrier)", source=fills_file)
    if kept is not None and trading.is_made(there, signed, kept):
        return Outcome({"account": account, "version": signed.message.version, "commitment": str(kept.commitment),
                        "opening": str(out), "transaction": None},
                       [f"The step is on the chain already: {out} opens the commitment."])
    after = trading.prepare(there, keys, secret, signed, numbers.header.quote, kept)
    cover = None
    if cover_key is not None:
        on = ground_of(there, epoch, collateral, there.ledger.max_epoch_age(), epoch_id=epoch_id)
        value, short = trading.cover_after(there, on, after, account)
        if short is not None:
            return Outcome({"account": account, "value": str(short.value), "needed": str(short.least),
                            "missing": str(short.least - short.value), "transaction": None, "opening": None},
                           [f"NOT covered after these fills: the collateral counts for {short.value}, and it takes "
                            f"{short.least} (1e-6 quote units)."], False)
        cover = (KeyDirectory.load(cover_key), on, value)
    below = None
    if margin_key is not None:
        stands = epoch_id or there.ledger.state_of(account).epoch_id or None
        below = (KeyDirectory.load(margin_key),
                 withdrawing.ground(there, numbers, None, there.ledger.max_epoch_age(), epoch_id=stands))
    try:
        step = trading.prove_step(there, keys, secret, after, signed, cover=cover, below=below, valid_for=valid_for,
                                  progress=progress, owner=None if signer is None else signer.sign_message)
    except ContractRefused as refused:
        return escrow_missing(refused, system, account, opening)
    facts: dict[str, Any] = {"account": account, "version": step.transition.version,
                             "commitment": str(after.commitment), "covered": cover is not None,
                             "margin": None if below is None else str(step.transition.value)}
    how = "at initial margin" if cover else "NO: reduce-only from now on" if below is None else \
        f"no; margin {step.transition.value} (1e-6 quote units), not above the one before"
    rows: list[tuple[str, object]] = [("account", account), ("version", step.transition.version),
                                      ("commitment", after.commitment),
                                      ("covered", how)]
    if kept is None and not (endpoint.dry_run and endpoint.calldata is None):
        after.save(out)                            # before anything is sent: a step without it would be the last
    told = f"{out} opens the new commitment once the step is on the chain; until then {opening} opens the old one."
    if for_carrier is not None:
        write_calldata(step.call(there), for_carrier)
        return Outcome({**facts, "opening": str(out), "for_carrier": str(for_carrier),
                        "deadline": step.transition.deadline, "transaction": None},
                       [*table([*rows, ("for a carrier", for_carrier)]), told])
    receipt = step.send(there, sender=who)
    return Outcome({**facts, "opening": str(out), **sent([receipt])},
                   [*table([*rows, ("transaction", receipt.transaction)]), told])


def kept_opening(out: Path) -> Opening | None:
    """The opening that a step which was broken off has kept; None where nothing is. What it opens is compared later."""
    if not os.path.lexists(out):
        return None
    try:
        return Opening.load(out)
    except BadInput:
        raise BadInput("--out", str(out), f"{NEW}, but for the opening of a step that is gone on with") from None
