"""`tailproof vault`: what a trader does with collateral; and what whoever carries her transactions does.

Amounts are in a token's smallest unit: what a token says of its decimals is for show. A withdrawal is proven here, from
the opening; nothing but the proof leaves this machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives import jsonio
from primitives.errors import BadInput

from .. import epochs
from ..keys import KeyDirectory
from ..secret import Opening
from .console import ADDRESS, FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .fields import FIELD
from .node import Endpoint, talking_to_a_node, write_calldata
from .setting import Setting

if TYPE_CHECKING:
    from verifier_contracts.chain import Receipt
    from verifier_contracts.errors import ContractRefused
    from verifier_contracts.events import Event
    from verifier_contracts.system import Contracts, System
    from verifier_contracts.token import Token
    from verifier_contracts.vault import Claim, Factor

    from ..withdrawing import Exit, Ground

DEPLOYMENT = click.option("--deployment", cls=Setting, type=FILE, required=True,
                          help="File that `contract deploy` wrote.")
ACCOUNT = click.option("--account", type=ADDRESS, help="Whose collateral.  [default: the sender's]")
TOKEN = click.option("--token", type=ADDRESS, help="Address of the token.  [default: the quote asset]")
LONGEST_SYMBOL = 32
"""Characters that are shown of what a token calls itself."""
AMOUNT = Integer(1, (1 << 96) - 1)
KEY = click.option("--key", type=FILE, required=True, help="Key directory of the cover statement in force.")
EPOCH = click.option("--epoch", type=FILE, required=True, help="Directory of the latest epoch.")
EPOCH_ID = click.option("--epoch-id", type=Integer(1, (1 << 40) - 1), help="As which it was published, if it is "
                        "not the latest.")
COLLATERAL = click.option("--collateral", type=FILE, help="Collateral file of an epoch by full revaluation; on a grid "
                          "the epoch has its factors.")
OPENING = click.option("--opening", type=FILE, required=True, help="Salt file that opens the account's commitment.")
CARRIER = click.option("--for-carrier", type=OUTPUT, help="Sign, and write the transaction to this file for somebody "
                       "else to send (`vault carry`), instead of sending it.")
VALID = click.option("--valid-for", type=Integer(60, 31_536_000), default=3_600, show_default=True,
                     help="Seconds for which a carrier may send it.")


@click.group()
def vault() -> None:
    """Put collateral in, take it out on proofs (trader)."""


def opened(deployment: Path, endpoint: Endpoint) -> tuple[System, Contracts]:
    """The contracts of a deployment file, compared with the chain."""
    from verifier_contracts.system import System
    system = System.load(deployment)
    return system, system.open(endpoint.connect())


def factors_of(epoch: epochs.AnyEpoch, collateral: Path | None) -> tuple[Factor, ...]:
    """The list that an epoch is signed with, by its directory and, in full revaluation, a collateral file."""
    from risk.epochs.provenance import read_source
    from verifier_contracts.vault import Factor

    from ..epoch_contents import factors_of as listed
    return tuple(Factor(*factor) for factor in listed(epoch, None if collateral is None else read_source(collateral)))


def ground_of(there: Contracts, epoch: Path, collateral: Path | None, max_age: int, *, epoch_id: int | None = None,
              final: bool = False) -> Ground:
    """The published epoch of a directory; raises as `withdrawing.ground`."""
    from ..withdrawing import ground
    numbers = epochs.load(epoch)
    return ground(there, numbers, factors_of(numbers, collateral), max_age, epoch_id=epoch_id, final=final)


def sent(receipts: Sequence[Receipt]) -> dict[str, Any]:
    """What JSON says of transactions: the last, which does it, and gas in all."""
    return {"transaction": receipts[-1].transaction if receipts else None,
            "gas_used": sum(receipt.gas_used for receipt in receipts)}


def shown(token: Token, amount: int) -> str:
    """An amount for people: units, and what the token would call them."""
    told = token.told()
    if told is None:
        return f"{amount} units of {token.address}"
    symbol, decimals = told
    symbol = symbol if len(symbol) <= LONGEST_SYMBOL else symbol[:LONGEST_SYMBOL] + "…"
    whole, rest = divmod(amount, 10**decimals)
    return f"{amount} units ({whole}.{rest:0{decimals}d} {symbol})" if decimals else f"{amount} units ({symbol})"


# -- in ----------------------------------------------------------------------------------------------------------------
@vault.command("mint")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--to", type=ADDRESS, help="Who gets them.  [default: the sender]")
@click.option("--amount", type=AMOUNT, required=True, help="Smallest units of the token.")
@reporting
def mint_trial_token(deployment: Path, endpoint: Endpoint, to: str | None, amount: int) -> Outcome:
    """Mint trial tokens, worth nothing; anybody may. For a system whose quote asset is the trial token alone."""
    from verifier_contracts.compiler import compile_contracts
    from verifier_contracts.system import Named
    from verifier_contracts.token import Token
    system, there = opened(deployment, endpoint)
    coin = Token(there.chain, system.quote_token)
    if there.chain.code(coin.address) != compile_contracts()["TrialToken"].runtime:
        raise BadInput("quote token", coin.address, "the trial token: what is worth something, nobody mints here",
                       source=deployment)
    whose = to or there.chain.default_sender()
    receipt = Named(there.chain, coin.address, "TrialToken").transact("mint", whose, amount)
    return Outcome({"account": whose, "token": coin.address, "amount": str(amount), **sent([receipt])},
                   table([("account", whose), ("minted", shown(coin, amount)), ("transaction", receipt.transaction)]))


@vault.command("deposit")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@TOKEN
@ACCOUNT
@click.option("--amount", type=AMOUNT, required=True, help="Smallest units of the token.")
@reporting
def deposit_collateral(deployment: Path, endpoint: Endpoint, token: str | None, account: str | None, amount: int
                       ) -> Outcome:
    """Approve exactly this amount and deposit it; both are tried first, and an approval that was for nothing is taken
    back. Others than the account add what it holds already, or the quote asset."""
    from verifier_contracts.token import Token

    from ..withdrawing import deposit
    system, there = opened(deployment, endpoint)
    sender = there.chain.default_sender()
    coin, whose = Token(there.chain, token or system.quote_token), account or sender
    receipts = deposit(there, coin, whose, amount, sender=sender)
    balance = there.vault.balance_of(whose, coin.address)
    return Outcome({"account": whose, "token": coin.address, "amount": str(amount), "balance": str(balance),
                    **sent(receipts)},
                   table([("account", whose), ("deposited", shown(coin, amount)), ("holds now", shown(coin, balance)),
                          ("transaction", receipts[-1].transaction)]))


@vault.command("cover")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@ACCOUNT
@KEY
@EPOCH
@EPOCH_ID
@COLLATERAL
@OPENING
@click.option("--step", type=Integer(0, 3), default=1, show_default=True, help="Of the ladder of buffers: how "
              "much beyond the margin, and for how long it is good.")
@reporting
def show_cover(deployment: Path, endpoint: Endpoint, account: str | None, key: Path, epoch: Path, epoch_id: int | None,
               collateral: Path | None, opening: Path, step: int) -> Outcome:
    """Prove that the collateral covers the margin, which stays hidden. Exit code 1 if it does not."""
    from risk.exact.clock import format_time

    from ..covering import least_value, required_margin
    from ..withdrawing import attest_cover
    secret = Opening.load(opening)
    _, there = opened(deployment, endpoint)
    sender = there.chain.default_sender()
    whose, ledger = account or sender, there.ledger
    on = ground_of(there, epoch, collateral, ledger.max_epoch_age(), epoch_id=epoch_id)
    value = there.vault.value_of(whose, on.epoch_id, on.factors)
    least = least_value(required_margin(on.epoch, secret), ledger.buffer_of(step))
    if value < least:
        return _not_covered(whose, value, least)
    claimed, receipt = attest_cover(there, KeyDirectory.load(key), on, secret, whose, step, sender=sender,
                                    progress=progress)
    until = ledger.state_of(whose).clock
    return Outcome({"account": whose, "epoch_id": on.epoch_id, "claimed": str(claimed), "valid_until": until,
                    **sent([receipt])},
                   table([("account", whose), ("covered by", f"{claimed} (1e-6 quote units)"),
                          ("until", format_time(until)), ("transaction", receipt.transaction)]))


def _not_covered(account: str, value: int, least: int) -> Outcome:
    return Outcome({"account": account, "value": str(value), "needed": str(least), "missing": str(least - value),
                    "transaction": None},
                   [f"NOT covered: the collateral counts for {value}, and it takes {least} (1e-6 quote units): "
                    f"{least - value} more."], False)


# -- out ---------------------------------------------------------------------------------------------------------------
@vault.command("withdraw")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@ACCOUNT
@TOKEN
@click.option("--amount", type=AMOUNT, help="Smallest units of the token.")
@click.option("--max", "largest", is_flag=True, help="As much as cover leaves. It tells everybody what the margin is.")
@click.option("--to", type=ADDRESS, help="Who is paid.  [default: the account]")
@KEY
@EPOCH
@EPOCH_ID
@COLLATERAL
@OPENING
@click.option("--final-epoch", type=FILE, help="Directory of a final epoch: a second proof, and it is paid at once.")
@click.option("--final-collateral", type=FILE, help="Its collateral file.")
@click.option("--fee", type=Integer(0, (1 << 96) - 1), default=0, show_default=True,
              help="Part of the amount that is for whoever carries it.")
@VALID
@CARRIER
@reporting
def withdraw_collateral(deployment: Path, endpoint: Endpoint, account: str | None, token: str | None,
                        amount: int | None, largest: bool, to: str | None, key: Path, epoch: Path,
                        epoch_id: int | None, collateral: Path | None, opening: Path, final_epoch: Path | None,
                        final_collateral: Path | None, fee: int, valid_for: int, for_carrier: Path | None) -> Outcome:
    """Take out what a proof leaves covered at initial margin. It is queued until its epoch is final (`vault claim`);
    one unit too much is refused with the amount that is possible (exit code 1)."""
    from verifier_contracts.errors import ContractRefused
    from verifier_contracts.token import Token

    from ..withdrawing import possible, prove_withdrawal, wanted
    if for_carrier is not None:
        endpoint.require_sending("--for-carrier", for_carrier)
    if (amount is None) != largest:
        raise BadInput("--amount and --max", (amount, largest), "one of them")
    if final_collateral is not None and final_epoch is None:
        raise BadInput("--final-collateral", str(final_collateral), "given with --final-epoch")
    secret, keys = Opening.load(opening), KeyDirectory.load(key)
    system, there = opened(deployment, endpoint)
    whose, ledger = account or _owner(there, endpoint, for_carrier), there.ledger
    coin = Token(there.chain, token or system.quote_token)
    grounds = [ground_of(there, epoch, collateral, ledger.exit_epoch_age(), epoch_id=epoch_id)]
    if final_epoch is not None:
        grounds.append(ground_of(there, final_epoch, final_collateral, system.settings.final_epoch_age, final=True))
    room = possible(there, grounds, secret, whose, coin.address)
    asked = room.largest if amount is None else amount
    if not asked or asked > (room.largest or 0):
        return _too_much(coin, whose, asked, room.largest, room.free)
    wish = wanted(there, whose, coin.address, asked, to or whose, fee=fee, valid_for=valid_for)
    try:
        made = prove_withdrawal(there, keys, grounds, secret, wish, progress=progress)
    except ContractRefused as refused:
        return escrow_missing(refused, system, whose, opening)
    facts = {"account": whose, "token": coin.address, "amount": str(asked), "to": wish.to, "fee": str(fee),
             "version": wish.version, "epoch_id": grounds[0].epoch_id, "paid": len(grounds) == 2}
    remark = ["Everybody who knows the factors can now compute the margin: it was all that cover left."] \
        if largest else []
    return _finish(there, endpoint, made, facts, for_carrier, [
        ("account", whose), ("withdrawn", shown(coin, asked)), ("to", wish.to),
        ("paid", "at once" if len(grounds) == 2 else f"once epoch {grounds[0].epoch_id} is final (`vault claim`)")],
        remark)


def escrow_missing(refused: ContractRefused, system: System, account: str, opening: Path) -> Outcome:
    """What to do where a contract wants the present commitment in escrow; any other refusal is raised again."""
    if refused.name != "EscrowMissing":
        raise refused
    name = system.installed("escrow").statement
    command = f"tailproof escrow post --account {account} --key KEY-OF-{name} --opening {opening}"
    return Outcome({"error": refused.name, "account": account, "next": command, "transaction": None},
                   [f"REFUSED (EscrowMissing): the opening of the present commitment of {account} is not in escrow, so "
                    "nobody could resolve it if its owner fell silent. Post it, then run this again:", command], False)


def _too_much(coin: Token, account: str, asked: int | None, largest: int | None, free: int) -> Outcome:
    data = {"account": account, "token": coin.address, "amount": None if asked is None else str(asked),
            "possible": None if largest is None else str(largest), "free": str(free), "transaction": None}
    if largest is None:
        return Outcome(data, ["REFUSED: the account is not covered at initial margin as it is: nothing may leave."],
                       False)
    return Outcome(data, [f"REFUSED: cover leaves {shown(coin, largest)}" + (
        "" if asked is None else f"; {asked} is {asked - largest} too much") + "."], False)


def _finish(there: Contracts, endpoint: Endpoint, made: Exit, facts: dict[str, Any], for_carrier: Path | None,
            rows: list[tuple[str, object]], remarks: Sequence[str] = ()) -> Outcome:
    """Send as the owner, or sign and write for a carrier."""
    if for_carrier is not None:
        signer = endpoint.signer()
        _require_owner(signer.address, made.wanted.account)
        write_calldata(made.call(there, signer.sign_message), for_carrier)
        return Outcome({**facts, "deadline": made.wanted.deadline, "for_carrier": str(for_carrier),
                        "transaction": None},
                       [*table([*rows, ("for a carrier", for_carrier)]), *remarks])
    sender = there.chain.default_sender()
    _require_owner(sender, made.wanted.account)
    receipt = made.send(there, sender=sender)
    return Outcome({**facts, **sent([receipt])}, [*table([*rows, ("transaction", receipt.transaction)]), *remarks])


def _owner(there: Contracts, endpoint: Endpoint, for_carrier: Path | None) -> str:
    return endpoint.signer().address if for_carrier is not None else there.chain.default_sender()


def _require_owner(who: str, account: str) -> None:
    if who != account:
        raise BadInput("--account", account, f"{who}, whose key is at hand: a proof is no consent, so its owner sends "
                       "it or signs it (--for-carrier)")


@vault.command("exit")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@ACCOUNT
@TOKEN
@click.option("--to", type=ADDRESS, help="Who is paid.  [default: the account]")
@click.option("--key", type=FILE, help="Key directory of the flat statement; not for an account never registered.")
@click.option("--opening", type=FILE, help="Salt file that opens the account's commitment, which holds nothing.")
@click.option("--fee", type=Integer(0, (1 << 96) - 1), default=0, show_default=True,
              help="Part of the amount that is for whoever carries it.")
@VALID
@CARRIER
@reporting
def leave(deployment: Path, endpoint: Endpoint, account: str | None, token: str | None, to: str | None,
          key: Path | None, opening: Path | None, fee: int, valid_for: int, for_carrier: Path | None) -> Outcome:
    """Prove that the account holds nothing and take out all that is free of a token, at once. No oracle, venue, pause
    or governance stands in the way; cash inside the commitment does (`trade fills --cash`)."""
    from verifier_contracts.token import Token

    from ..withdrawing import prove_exit, wanted
    if for_carrier is not None:
        endpoint.require_sending("--for-carrier", for_carrier)
    secret = None if opening is None else Opening.load(opening)
    keys = None if key is None else KeyDirectory.load(key)
    system, there = opened(deployment, endpoint)
    whose = account or _owner(there, endpoint, for_carrier)
    coin = Token(there.chain, token or system.quote_token)
    held = there.vault.balance_of(whose, coin.address)
    kept = there.vault.immature_of(whose) if coin.address == there.vault.quote() else 0
    if held <= kept:
        return Outcome({"account": whose, "token": coin.address, "amount": "0", "immature": str(kept),
                        "transaction": None},
                       [f"Nothing of {coin.address} is free: {held} units, {kept} of them gains that are not mature."],
                       False)
    wish = wanted(there, whose, coin.address, held - kept, to or whose, fee=fee, valid_for=valid_for)
    made = prove_exit(there, keys, secret, wish, progress=progress)
    return _finish(there, endpoint, made, {"account": whose, "token": coin.address, "amount": str(wish.amount),
                                           "to": wish.to, "fee": str(fee), "immature": str(kept)}, for_carrier,
                   [("account", whose), ("withdrawn", shown(coin, wish.amount)), ("to", wish.to),
                    ("still immature", kept)])


# -- claims ------------------------------------------------------------------------------------------------------------
def open_claims(system: System, there: Contracts, account: str) -> list[tuple[bytes, Claim, Event]]:
    """Claims of an account that wait, by the vault's events: id, words, and the event that queued each."""
    from verifier_contracts.events import read_events
    from verifier_contracts.vault import Claim
    found = read_events(there.chain, {"vault": there.vault}, system.block, names={"WithdrawalQueued"}, about=account,
                        times=True, report=progress)
    claims = [(bytes(event.arguments["claimId"]), Claim(*event.arguments["claim"].values()), event)
              for event in found.events]
    return [(id, claim, event) for id, claim, event in claims if there.vault.queued_at(id)]


@vault.command("claim")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@ACCOUNT
@reporting
def redeem_claims(deployment: Path, endpoint: Endpoint, account: str | None) -> Outcome:
    """Pay every queued withdrawal of an account whose epoch is final; anyone may. One that its token refuses to pay
    stops no other. Exit code 1 if some still wait, or were refused."""
    from verifier_contracts.errors import ContractRefused
    system, there = opened(deployment, endpoint)
    whose = account or there.chain.default_sender()
    paid, waiting, refused, receipts = [], [], [], []
    for id, claim, _ in open_claims(system, there, whose):
        if not there.oracle.is_final(claim.epoch_id):
            waiting.append((id, claim))
            continue
        try:
            receipts.append(there.vault.redeem(claim))
        except ContractRefused as error:
            refused.append((id, claim, error))
            continue
        paid.append((id, claim))
    lines = table([(state, f"0x{id.hex()}", claim.token, claim.amount, claim.to, claim.epoch_id)
                   for state, listed in (("paid", paid), ("waits", waiting), ("REFUSED", [one[:2] for one in refused]))
                   for id, claim in listed], ("", "claim", "token", "amount", "to", "epoch"))
    told = [f"0x{id.hex()}: {error}; its owner puts it back (`vault cancel`)" for id, _, error in refused]
    return Outcome({"account": whose, "paid": [_claim_json(id, claim) for id, claim in paid],
                    "waiting": [_claim_json(id, claim) for id, claim in waiting],
                    "refused": [{**_claim_json(id, claim), **error.as_dict()} for id, claim, error in refused],
                    **sent(receipts)},
                   [*lines, *told] or ["There is no claim."], not waiting and not refused)


def _claim_json(id: bytes, claim: Claim) -> dict[str, Any]:
    return {"claim": "0x" + id.hex(), "token": claim.token, "amount": str(claim.amount), "to": claim.to,
            "fee": str(claim.fee), "epoch_id": claim.epoch_id, "version": claim.version}


@vault.command("cancel")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@ACCOUNT
@click.option("--claim", "claim_id", required=True, help="Its id, as `vault balance` shows it: 0x and 64 hex digits.")
@reporting
def cancel_claim(deployment: Path, endpoint: Endpoint, account: str | None, claim_id: str) -> Outcome:
    """Put a queued withdrawal back into the account: its owner at any time, anyone once its epoch stays frozen."""
    system, there = opened(deployment, endpoint)
    whose = account or there.chain.default_sender()
    found = {f"0x{id.hex()}": claim for id, claim, _ in open_claims(system, there, whose)}
    claim = found.get(claim_id.lower())
    if claim is None:
        raise BadInput("--claim", claim_id, f"one that waits: {', '.join(found) or 'none does'}")
    receipt = there.vault.cancel(claim)
    return Outcome({"account": whose, "claim": claim_id.lower(), **sent([receipt])},
                   table([("put back", f"{claim.amount} units of {claim.token}"), ("account", whose),
                          ("transaction", receipt.transaction)]))


@vault.command("collect")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@TOKEN
@click.option("--to", type=ADDRESS, help="Who is paid.  [default: the sender]")
@reporting
def collect_owed(deployment: Path, endpoint: Endpoint, token: str | None, to: str | None) -> Outcome:
    """Take what the vault owes the sender: fees of what was carried. Exit code 1 if it is nothing."""
    from verifier_contracts.token import Token
    system, there = opened(deployment, endpoint)
    sender = there.chain.default_sender()
    coin, receiver = Token(there.chain, token or system.quote_token), to or sender
    amount = there.vault.owed(sender, coin.address)
    facts = {"account": sender, "token": coin.address, "amount": str(amount), "to": receiver}
    if not amount:
        return Outcome({**facts, "transaction": None}, [f"{sender} is owed nothing of {coin.address}."], False)
    receipt = there.vault.collect(coin.address, receiver)
    return Outcome({**facts, **sent([receipt])},
                   table([("collected", shown(coin, amount)), ("to", receiver), ("transaction", receipt.transaction)]))


@vault.command("balance")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--account", type=ADDRESS, required=True)
@FIELD
@reporting
def show_balance(deployment: Path, endpoint: Endpoint, account: str) -> Outcome:
    """What the vault keeps for an account: balances, gains that are not mature, claims that wait, what can be
    collected."""
    from risk.exact.clock import format_time
    from verifier_contracts.token import Token
    system, there = opened(deployment, endpoint)
    keeper, tokens = there.vault, there.vault.holdings_of(account)
    balances = {token: keeper.balance_of(account, token) for token in tokens}
    claims = open_claims(system, there, account)
    asked = dict.fromkeys([*tokens, system.quote_token, *(claim.token for _, claim, _ in claims)])
    owed = {token: amount for token in asked if (amount := keeper.owed(account, token))}
    immature, lot = keeper.immature_of(account), keeper.lot_of(account)
    rows: list[tuple[object, ...]] = [("balance", token, shown(Token(there.chain, token), amount))
                                      for token, amount in balances.items()]
    rows += [("immature", system.quote_token, f"{immature} units: count for the margin, may not leave yet")
             ] if immature else []
    rows += [("claim", f"0x{id.hex()}", f"{claim.amount} units of {claim.token} to {claim.to}, since "
              f"{format_time(event.time)}, " + ("can be paid" if there.oracle.is_final(claim.epoch_id) else
                                                f"waits for epoch {claim.epoch_id}")) for id, claim, event in claims]
    rows += [("owed", token, f"{amount} units") for token, amount in owed.items()]
    rows += [("lot", lot, "its collateral is locked: it is being liquidated")] if lot else []
    return Outcome({"account": account, "balances": {token: str(amount) for token, amount in balances.items()},
                    "immature": str(immature), "lot": lot,
                    "owed": {token: str(amount) for token, amount in owed.items()},
                    "claims": [{**_claim_json(id, claim), "queued_at": event.time,
                                "final": there.oracle.is_final(claim.epoch_id)} for id, claim, event in claims]},
                   table(rows) or ["Nothing."])


# -- revoking ----------------------------------------------------------------------------------------------------------
@vault.command("revoke")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--trades", is_flag=True, help="Also commitments and steps of trades, which the desk takes.")
@reporting
def revoke_consents(deployment: Path, endpoint: Endpoint, trades: bool) -> Outcome:
    """Void every withdrawal that the sender has signed for a carrier (`--for-carrier`) and nobody has sent yet."""
    _, there = opened(deployment, endpoint)
    sender = there.chain.default_sender()
    receipts = [there.vault.revoke_consents()] + ([there.desk.revoke_consents()] if trades else [])
    nonces = {"withdrawals": there.vault.nonce_of(sender), "trades": there.desk.nonce_of(sender)}
    return Outcome({"account": sender, "trades": trades, "nonces": nonces, **sent(receipts)},
                   table([("revoked", "withdrawals, commitments and steps of trades" if trades else "withdrawals"),
                          ("account", sender), ("transaction", receipts[-1].transaction)]))


# -- carrying ----------------------------------------------------------------------------------------------------------
CARRIED = {"vault": ("withdraw", "withdrawFlat"), "desk": ("applyTransition",)}


@vault.command("carry")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.argument("call", type=FILE)
@reporting
def carry(deployment: Path, endpoint: Endpoint, call: Path) -> Outcome:
    """Send what an owner signed for a carrier: file CALL. It is shown, and tried first: what is refused costs
    nothing."""
    from verifier_contracts.abi import named_call, refusal
    from verifier_contracts.bindings import GAS_CAPS
    from verifier_contracts.errors import Reverted, plain
    _, there = opened(deployment, endpoint)
    to, data = read_call(call, there.chain.chain_id)
    for name, functions in CARRIED.items():
        contract = there.named(name)
        known = named_call(contract.artifact, data)
        if to == contract.address and known is not None and known[0] in functions:
            break
    else:
        raise BadInput("call", to, "a withdrawal or a step of a trade, to these contracts", source=call)
    function, arguments = known
    try:
        receipt = there.chain.send(to, data, gas_cap=GAS_CAPS[function], pending=True)
    except Reverted as error:
        raise refusal(error, contract.name, function) from None
    subject = next(value for value in arguments.values() if isinstance(value, dict))
    facts = {key: plain(value) for key, value in subject.items() if isinstance(value, int | str)}
    return Outcome({"contract": name, "function": function, "subject": facts, **sent([receipt])},
                   table([("function", f"{name}.{function}"), *facts.items(), ("transaction", receipt.transaction)]))


def read_call(path: Path, chain_id: int) -> tuple[str, bytes]:
    """Target and data of a file that `--for-carrier` or `--calldata` wrote; raises BadInput for another chain's."""
    from verifier_contracts.addresses import read_address
    parts = jsonio.Node.read(path).document("tailproof.calldata/1", {"chain_id", "from", "to", "value", "data", "gas"})
    if parts["chain_id"].integer(1, (1 << 53) - 1) != chain_id:
        raise BadInput("chain_id", parts["chain_id"].value, str(chain_id), source=path)
    parts["value"].decimal(0, 0)
    data = parts["data"].text(r"0x([0-9a-f]{2}){4,100000}", "0x and hex digits")
    return read_address(parts["to"]), bytes.fromhex(data[2:])
