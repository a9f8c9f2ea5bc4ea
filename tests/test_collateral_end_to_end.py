"""Collateral on real proofs, by the commands alone: deposit, cover, a trade with cash inside the commitment, escrow, a
withdrawal of what cover allows and a refusal of one unit more, a flat exit. Embedded chain, tiny statements."""

from __future__ import annotations

from pathlib import Path

from real_system import DEPOSIT, RealSystem

from tailproof.covering import least_value, required_margin
from tailproof.number_forms import element
from tailproof.secret import Opening
from verifier_contracts.ledger import INITIAL, MarginStatus

USD = 10**6
HELD = 60_000 * USD


def ground(real: RealSystem) -> tuple[object, ...]:
    return ("--epoch", real.path("epoch"), "--collateral", real.path("collateral.json"))


def test_collateral_moves_on_proofs_alone(real: RealSystem, tmp_path: Path) -> None:
    cash, spot = real.epoch.cash_id, real.epoch.instruments[real.epoch.row_of("BTC-SPOT") - 1]
    me, quote = real.trader.address, real.system.quote_token
    coin = real.mint(HELD + 5)

    # Deposit: exactly what was asked is approved, and nothing is left approved.
    assert real("vault", "deposit", "--amount", HELD + 6, code=2)["field"] == "--amount"
    done = real("vault", "deposit", "--amount", HELD)
    assert (done["balance"], coin.allowance(me, real.at.vault.address)) == (str(HELD), 0)
    assert coin.balance_of(me) == 5

    # A commitment to cash alone: nothing is lacking, and cover is easy.
    first = real.register([(cash, DEPOSIT)])
    first.save(tmp_path / "first.json")
    covered = real("vault", "cover", "--key", real.path("keys/cover"), *ground(real),
                   "--opening", tmp_path / "first.json")
    assert covered["claimed"] == str(HELD)
    assert real.at.ledger.try_margin_of(me).status is MarginStatus.VALID

    # A trade on credit: lots come, cash goes below zero, by fills that the venue signed.
    fills = real("trade", "fills", "--account", me, "--epoch", real.path("epoch"), "--buy", "BTC-SPOT", "--lots", 400,
                 "--price", "29001.720625", "--out", tmp_path / "fills.json", by=real.venue)
    assert int(fills["cash"]) < 0
    assert {leg["id"] for leg in fills["fills"]} == {element(cash), element(spot.id)}
    step = ("trade", "apply", "--fills", tmp_path / "fills.json", "--key", real.path("keys/transition"),
            "--opening", tmp_path / "first.json", *ground(real), "--cover-key", real.path("keys/cover"))
    stranger = real(*step, "--out", tmp_path / "stolen.json", by=real.venue, code=2)
    assert stranger["field"] == "fills.account"
    # Risk is added only where the opening of what she holds is in escrow; she is told how to put it there.
    real.prepare_escrow(tmp_path)
    lacking = real(*step, "--out", tmp_path / "second.json", code=1)
    assert (lacking["error"], lacking["account"]) == ("EscrowMissing", me)
    assert "tailproof escrow post" in lacking["next"]
    assert not (tmp_path / "second.json").exists()
    assert real.post(tmp_path / "first.json")["state"] == "posted"
    done = real(*step, "--out", tmp_path / "second.json")
    assert (done["version"], done["covered"]) == (2, True)
    second = Opening.load(tmp_path / "second.json")
    assert real.at.ledger.commitment_of(me) == second.commitment
    assert not real.at.ledger.is_reduce_only(me)
    again = real(*step, "--out", tmp_path / "third.json", code=2)
    assert again["field"] == "fills.version"

    # Out goes what cover leaves; one unit more is refused, with what is possible.
    needed = least_value(required_margin(real.epoch, second), real.at.ledger.buffer_of(INITIAL))
    assert 0 < needed < HELD
    out = ("vault", "withdraw", "--key", real.path("keys/cover"), *ground(real), "--opening", tmp_path / "second.json")
    refused = real(*out, "--amount", HELD - needed + 1, code=1)
    assert (refused["possible"], refused["transaction"]) == (str(HELD - needed), None)
    part = (HELD - needed) // 3
    lacking = real(*out, "--amount", part, code=1)
    assert (lacking["error"], lacking["transaction"]) == ("EscrowMissing", None)
    real.post(tmp_path / "second.json")
    queued = real(*out, "--amount", part)
    assert (queued["amount"], queued["paid"]) == (str(part), False)
    assert real.at.vault.balance_of(me, quote) == HELD - part
    held = real("vault", "balance", "--account", me, sends=False)
    assert (held["balances"], len(held["claims"]), held["claims"][0]["final"]) == ({quote: str(HELD - part)}, 1, False)
    waits = real("vault", "claim", code=1)
    assert (len(waits["waiting"]), waits["transaction"]) == (1, None)

    # The rest is carried by somebody else, who is paid for it.
    real.publish()
    rest = HELD - part - needed
    carried = real(*out, "--max", "--fee", 7, "--for-carrier", tmp_path / "carried.json")
    assert (carried["amount"], carried["transaction"]) == (str(rest), None)
    sent = real("vault", "carry", tmp_path / "carried.json", by=real.world.relayer)
    assert (sent["function"], sent["subject"]["amount"]) == ("withdraw", rest)
    twice = real("vault", "carry", tmp_path / "carried.json", by=real.world.relayer, code=1)
    assert twice["error"] == "InsufficientBalance"
    refused = real(*out, "--amount", 1, code=1)
    assert refused["possible"] == "0"

    # Once their epochs are final, claims are paid; one is put back instead.
    (kept,) = [claim for claim in real("vault", "balance", "--account", me, sends=False)["claims"]
               if claim["amount"] == str(rest)]
    real("vault", "cancel", "--claim", kept["claim"])
    assert real.at.vault.balance_of(me, quote) == HELD - part
    real.finalise()
    paid = real("vault", "claim", "--account", me, by=real.world.relayer)
    assert [claim["amount"] for claim in paid["paid"]] == [str(part)]
    assert coin.balance_of(me) == 5 + part

    # The position is sold and the cash paid out, so nothing is held; then all that is left leaves at once.
    held_lots = dict(second.slots)
    sell = real("trade", "fills", "--account", me, "--epoch", real.path("epoch"), "--sell", "BTC-SPOT", "--lots",
                held_lots[spot.id], "--price", "29001.720625", "--out", tmp_path / "sell.json", by=real.venue)
    assert int(sell["cash"]) > 0
    step = ("trade", "apply", "--key", real.path("keys/transition"), *ground(real), "--cover-key",
            real.path("keys/cover"))
    real(*step, "--fills", tmp_path / "sell.json", "--opening", tmp_path / "second.json", "--out",
         tmp_path / "third.json", "--for-carrier", tmp_path / "step.json")
    real("vault", "carry", tmp_path / "step.json", by=real.world.relayer)
    third = Opening.load(tmp_path / "third.json")
    leave = ("vault", "exit", "--key", real.path("keys/flat"))
    not_flat = real(*leave, "--opening", tmp_path / "third.json", code=1)
    assert not_flat["error"] == "SettlementPending"
    real.post(tmp_path / "third.json")
    real("trade", "fills", "--account", me, "--epoch", real.path("epoch"), "--cash", -dict(third.slots)[cash],
         "--out", tmp_path / "pay-out.json", by=real.venue)
    real(*step, "--fills", tmp_path / "pay-out.json", "--opening", tmp_path / "third.json", "--out",
         tmp_path / "last.json")
    real.chain.travel_to(real.chain.now() + 3_601)
    held_cash = real(*leave, "--opening", tmp_path / "third.json", code=2)
    assert held_cash["field"] == "--opening"
    gone = real(*leave, "--opening", tmp_path / "last.json")
    assert gone["amount"] == str(HELD - part)
    assert coin.balance_of(me) == HELD + 5
    assert real.at.vault.balance_of(me, quote) == 0
    assert real(*leave, "--opening", tmp_path / "last.json", code=1)["amount"] == "0"

    # All of it was told, and can be read again.
    told = real("contract", "history", me, sends=False)
    names = [event["event"] for event in told["events"]]
    assert names[:3] == ["Deposited", "CommitmentRegistered", "CoverAttested"]
    assert names.count("TransitionApplied") == 3
    assert {"WithdrawalQueued", "WithdrawalCancelled", "Withdrawn", "FlatAttested"} <= set(names)
    assert [event["block"] for event in told["events"]] == sorted(event["block"] for event in told["events"])
    (one,) = real("contract", "accounts", sends=False)["accounts"]
    assert (one["account"], one["status"], one["margin"], one["tokens"]) == (me, "flat", "0", {})
