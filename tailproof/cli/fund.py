"""`tailproof fund`: back the insurance fund, leave it, see what it has and what it lacks.

A notice of exit and the exit itself are one command: run again when the notice is due, it leaves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from primitives.errors import BadInput

from .console import ADDRESS, Outcome, progress, reporting, table
from .node import Endpoint, talking_to_a_node
from .vault import AMOUNT, DEPLOYMENT, opened, sent, shown

TRANCHE = click.option("--tranche", type=ADDRESS, help="Of a venue, by its address.  [default: the shared one]")
SLIPPAGE = 100
"""A fee paid in between makes shares dearer: a hundredth fewer are taken than the price just now gives."""


@click.group()
def fund() -> None:
    """Back the insurance fund, and leave it (backer)."""


@fund.command("back")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@TRANCHE
@click.option("--amount", type=AMOUNT, required=True, help="Smallest units of the quote asset.")
@reporting
def back(deployment: Path, endpoint: Endpoint, tranche: str | None, amount: int) -> Outcome:
    """Approve exactly this amount and back a tranche with it. It bears losses until it has left: seven days after
    notice at the earliest, and while no loss is open."""
    from verifier_contracts.errors import ContractRefused
    from verifier_contracts.fund import SHARED, fund_of
    from verifier_contracts.token import Token
    system, there = opened(deployment, endpoint)
    sender, (keeper, _) = there.chain.default_sender(), fund_of(there.vault)
    coin, which = Token(there.chain, system.quote_token), tranche or SHARED
    if (has := coin.balance_of(sender)) < amount:
        raise BadInput("--amount", amount, f"at most {has}, what {sender} has of {coin.address}")
    receipts, allowed = [], coin.allowance(sender, keeper.address)
    if allowed < amount:
        if allowed:                                          # some tokens change an allowance by way of 0 only
            receipts.append(coin.approve(keeper.address, 0, sender=sender))
        receipts.append(coin.approve(keeper.address, amount, sender=sender))
    expected = keeper.shares_for(which, amount)
    try:
        receipts.append(keeper.back(which, amount, expected - expected // SLIPPAGE, sender=sender))
    except ContractRefused:
        if allowed < amount:
            coin.approve(keeper.address, 0, sender=sender)
        raise
    own = keeper.position_of(which, sender)
    worth = keeper.worth_of(which, own.shares)
    return Outcome({"tranche": which, "backer": sender, "amount": str(amount), "shares": str(own.shares),
                    "worth": str(worth), **sent(receipts)},
                   table([("tranche", _name(which)), ("backed with", shown(coin, amount)),
                          ("shares now", own.shares), ("worth now", shown(coin, worth)),
                          ("transaction", receipts[-1].transaction)]))


@fund.command("exit")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@TRANCHE
@click.option("--shares", type=click.IntRange(1), help="How many.  [default: all]")
@click.option("--to", type=ADDRESS, help="Who is paid.  [default: the sender]")
@reporting
def leave(deployment: Path, endpoint: Endpoint, tranche: str | None, shares: int | None, to: str | None) -> Outcome:
    """Give notice, or, once it is due, leave with what notice was given for. Exit code 1: a notice waits, or a loss, a
    deficit or the tranche's target stands in the way."""
    from risk.exact.clock import format_time
    from verifier_contracts.errors import ContractRefused
    from verifier_contracts.fund import EXIT_WINDOW, SHARED, fund_of
    from verifier_contracts.token import Token
    system, there = opened(deployment, endpoint)
    sender, (keeper, _) = there.chain.default_sender(), fund_of(there.vault)
    which, coin = tranche or SHARED, Token(there.chain, system.quote_token)
    own, now = keeper.position_of(which, sender), there.chain.next_time()
    if not own.shares:
        raise BadInput("--tranche", which, f"one that {sender} has shares of")
    if shares is not None and shares > own.shares:
        raise BadInput("--shares", shares, f"at most {own.shares}, what {sender} has of it")
    facts: dict[str, Any] = {"tranche": which, "backer": sender}
    wanted = shares or own.shares
    if not own.leaving or now >= own.leaves_at + EXIT_WINDOW or (shares is not None and shares != own.leaving):
        receipt = keeper.request_exit(which, wanted, sender=sender)
        due = keeper.position_of(which, sender).leaves_at
        return Outcome({**facts, "shares": str(wanted), "leaves_at": due, "paid": None, **sent([receipt])},
                       [*table([("tranche", _name(which)), ("notice given for", f"{wanted} shares"),
                                ("leaves from", format_time(due)), ("until", format_time(due + EXIT_WINDOW)),
                                ("transaction", receipt.transaction)]),
                        "Run the same command then. The shares bear losses until they are gone."])
    waits = {**facts, "shares": str(own.leaving), "leaves_at": own.leaves_at, "paid": None, "transaction": None}
    if now < own.leaves_at:
        return Outcome(waits, [f"Notice was given for {own.leaving} shares; they leave from "
                               f"{format_time(own.leaves_at)} on."], False)
    before = coin.balance_of(to or sender)
    try:
        receipt = keeper.exit(which, to or sender, sender=sender)
    except ContractRefused as refused:
        if refused.name not in ("LossesOpen", "DeficitStands", "BelowTarget"):
            raise
        return Outcome({**waits, "refused": refused.name}, [f"Nobody leaves just now: {refused}"], False)
    paid = coin.balance_of(to or sender) - before
    return Outcome({**facts, "shares": str(own.leaving), "leaves_at": own.leaves_at, "paid": str(paid),
                    **sent([receipt])},
                   table([("tranche", _name(which)), ("left with", f"{own.leaving} shares"),
                          ("paid", shown(coin, paid)), ("transaction", receipt.transaction)]))


@fund.command("show")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--backer", type=ADDRESS, help="Also what an address has in it.")
@reporting
def show(deployment: Path, endpoint: Endpoint, backer: str | None) -> Outcome:
    """What the fund has, tranche by tranche, what binds it and what it lacks. Exit code 1 while a deficit stands."""
    from risk.exact.clock import format_time
    from verifier_contracts.events import read_events
    from verifier_contracts.fund import SHARED, fund_of
    from verifier_contracts.token import Token
    system, there = opened(deployment, endpoint)
    keeper, allocator = fund_of(there.vault)
    coin = Token(there.chain, system.quote_token)
    backed = read_events(there.chain, {"fund": keeper}, system.block, names={"Backed"}, report=progress).events
    tranches = dict.fromkeys([SHARED, *(event.arguments["tranche"] for event in backed)])
    deficit, caps, losses = keeper.standing_deficit(), keeper.caps(), keeper.open_losses()
    found = {which: keeper.tranche_of(which) for which in tranches}
    own = {} if backer is None else {which: keeper.position_of(which, backer) for which in tranches}
    rows: list[tuple[object, ...]] = [
        (_name(which), shown(coin, one.assets), f"target {one.target}", f"{one.shares} shares",
         f"lost all {one.generation} times" if one.generation else "") for which, one in found.items()]
    rows += [("cap", f"{cap} units {what}", "", "", "") for cap, what in
             zip(caps, ("an account in 24 h", "under an epoch", "in 24 h"), strict=True)]
    rows += [("deficit", shown(coin, deficit), "stands until fees repay it; nobody leaves", "", "")] if deficit else []
    rows += [("open losses", "nobody to ask yet" if losses is None else losses, "", "", "")]
    rows += [("backer's", _name(which), f"{one.shares} shares, worth {keeper.worth_of(which, one.shares)}",
              f"{one.leaving} leave from {format_time(one.leaves_at)}" if one.leaving else "", "")
             for which, one in own.items() if one.shares]
    data = {"fund": keeper.address, "allocator": allocator.address, "deficit": str(deficit), "open_losses": losses,
            "caps": {name: str(value) for name, value in caps._asdict().items()},
            "tranches": [{"tranche": which, "assets": str(one.assets), "target": str(one.target),
                          "shares": str(one.shares), "generation": one.generation} for which, one in found.items()],
            "positions": [{"tranche": which, "shares": str(one.shares), "leaving": str(one.leaving),
                           "leaves_at": one.leaves_at, "worth": str(keeper.worth_of(which, one.shares))}
                          for which, one in own.items()]}
    return Outcome(data, table(rows), not deficit)


def _name(tranche: str) -> str:
    from verifier_contracts.fund import SHARED
    return "shared" if tranche == SHARED else tranche
