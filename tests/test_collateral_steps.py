"""What the commands of collateral and trades do beside the plain way: a second cover under a final epoch, a step that
comes with a lower margin, a dry run, a transaction for somebody else to send, a step that is gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from real_system import DEPOSIT, RealSystem

from tailproof.cli import trade, vault
from tailproof.covering import least_value, required_margin
from tailproof.secret import Opening
from verifier_contracts.errors import TransactionUndecided
from verifier_contracts.ledger import INITIAL, MarginStatus
from verifier_contracts.token import Token

USD = 10**6
HELD = 60_000 * USD


def ground(real: RealSystem) -> tuple[object, ...]:
    return ("--epoch", real.path("epoch"), "--collateral", real.path("collateral.json"))


def buy(real: RealSystem, folder: Path, *arguments: object, name: str = "fills.json") -> Path:
    what = arguments or ("--buy", "BTC-SPOT", "--lots", 400, "--price", "29001.720625")
    real("trade", "fills", "--account", real.trader.address, "--epoch", real.path("epoch"), *what, "--out",
         folder / name, by=real.venue)
    return folder / name


@pytest.fixture
def covered(real: RealSystem, tmp_path: Path) -> Path:
    """A registered and covered account of 60,000 units and a funded commitment in escrow; the folder of its opening."""
    def make(folder: Path) -> None:
        real.mint(HELD)
        real("vault", "deposit", "--amount", HELD)
        real.register([(real.epoch.cash_id, DEPOSIT)]).save(folder / "first.json")
        real("vault", "cover", "--key", real.path("keys/cover"), *ground(real), "--opening", folder / "first.json")
        real.prepare_escrow(folder)
        real.post(folder / "first.json")
    return real.scene("covered", tmp_path, make)


def test_a_second_cover_under_a_final_epoch_pays_at_once(real: RealSystem, covered: Path) -> None:
    me, coin = real.trader.address, Token(real.chain, real.system.quote_token)
    out = ("vault", "withdraw", "--key", real.path("keys/cover"), *ground(real), "--opening", covered / "first.json")
    final = ("--final-epoch", real.path("epoch"), "--final-collateral", real.path("collateral.json"))
    needed = least_value(required_margin(real.epoch, Opening.load(covered / "first.json")),
                         real.at.ledger.buffer_of(INITIAL))
    early = real(*out, *final, "--amount", 1, code=2)
    assert early["field"] == "--final-epoch", "no epoch is final yet"
    real.finalise()
    # Final, and no more than 45 minutes old; the first cover is under the latest.
    assert real.at.oracle.latest_final_epoch_id() < real.at.oracle.latest_epoch_id()
    bare = real(*out, *final[:2], "--amount", 1, code=2)
    assert bare["field"] == "factors", "without its collateral the final epoch was signed with other factors"
    assert real(*out, *final[2:], "--amount", 1, code=2)["field"] == "--final-collateral"
    much = real(*out, *final, "--amount", HELD - needed + 1, code=1)
    assert (much["possible"], much["transaction"]) == (str(HELD - needed), None)
    paid = real(*out, *final, "--amount", HELD - needed)
    assert paid["paid"] is True
    assert coin.balance_of(me) == HELD - needed
    assert real("vault", "balance", "--account", me, sends=False)["claims"] == []
    assert real("vault", "claim", "--account", me, by=real.world.relayer)["paid"] == []


def test_a_step_with_a_lower_margin_needs_no_collateral(real: RealSystem, tmp_path: Path) -> None:
    """An account by margins alone: a step that lowers the margin is taken, one that raises it is not, and neither is
    one in another epoch than the margin that stands."""
    me, spot = real.trader.address, real.epoch.instruments[real.epoch.row_of("BTC-SPOT") - 1]
    real.register([(real.epoch.cash_id, DEPOSIT), (spot.id, 400)]).save(tmp_path / "first.json")
    proven = real("prove", "--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--opening",
                  tmp_path / "first.json", "--account", me, "--out", tmp_path / "bundle.json", sends=False)
    real("submit", tmp_path / "bundle.json")
    step = ("trade", "apply", "--key", real.path("keys/transition"), "--epoch", real.path("epoch"), "--opening",
            tmp_path / "first.json", "--margin-key", real.path("keys/margin"))
    more = buy(real, tmp_path, name="more.json")
    raised = real(*step, "--fills", more, "--out", tmp_path / "raised.json", code=1)
    assert (raised["error"], (tmp_path / "raised.json").exists()) == ("MarginRaised", False)
    less = buy(real, tmp_path, "--sell", "BTC-SPOT", "--lots", 100, "--price", "29001.720625")
    both = real(*step, "--fills", less, "--cover-key", real.path("keys/cover"), "--out", tmp_path / "x.json", code=2)
    assert both["field"] == "--margin-key"
    wrong = real(*step[:-1], real.path("keys/cover"), "--fills", less, "--out", tmp_path / "x.json", code=2)
    assert wrong["field"] == "--key"
    snapshot = real.chain.snapshot()
    later = real.publish()
    other = real(*step, "--fills", less, "--epoch-id", later, "--out", tmp_path / "x.json", code=1)
    assert other["error"] == "OtherEpoch"
    real.chain.restore(snapshot)
    done = real(*step, "--fills", less, "--out", tmp_path / "second.json")
    assert (done["covered"], int(done["margin"]) < int(proven["margin"])) == (False, True)
    reading = real.at.ledger.try_margin_of(me)
    assert (reading.status, str(reading.margin)) == (MarginStatus.VALID, done["margin"])
    assert real.at.ledger.commitment_of(me) == Opening.load(tmp_path / "second.json").commitment


# -- nothing sent, nothing written -------------------------------------------------------------------------------------
def test_a_dry_run_sends_and_writes_nothing(real: RealSystem, covered: Path) -> None:
    real.mint(7)
    fills, key = buy(real, covered), real.path("keys/cover")
    out = ("vault", "withdraw", "--key", key, *ground(real), "--opening", covered / "first.json", "--amount", 5)
    step = ("trade", "apply", "--fills", fills, "--key", real.path("keys/transition"), "--opening",
            covered / "first.json", *ground(real), "--cover-key", key, "--out", covered / "second.json")
    before, there = real.chain.block_number(), sorted(covered.iterdir())
    for command in (("vault", "mint", "--amount", 5), ("vault", "deposit", "--amount", 7), out, step,
                    ("vault", "cover", "--key", key, *ground(real), "--opening", covered / "first.json")):
        shown = real(*command, "--dry-run")
        assert (shown["sent"], shown["call"]["from"]) == (False, real.trader.address), command
        assert real.chain.block_number() == before, command
        assert sorted(covered.iterdir()) == there, command
    for command in (out, step):                    # what is signed into a file could be sent by whoever has it
        for held_back in (("--dry-run",), ("--calldata", covered / "call.json")):
            refused = real(*command, "--for-carrier", covered / "carried.json", *held_back, code=2)
            assert refused["field"] == "--for-carrier"
    assert sorted(covered.iterdir()) == there


def test_what_is_written_for_a_multisig_does_the_same(real: RealSystem, covered: Path) -> None:
    """By whoever is named, without a key; the bytes are sent as they are."""
    me, key, coin = real.trader.address, real.path("keys/cover"), real.mint(7)

    def sent(name: str, *command: object) -> None:
        before = real.chain.block_number()
        shown = real(*command, "--calldata", covered / name, by=me)
        assert real.chain.block_number() == before
        call = json.loads((covered / name).read_text())
        assert shown["call"] == {part: value for part, value in call.items() if part != "schema"}
        real.chain.send(call["to"], bytes.fromhex(call["data"][2:]), sender=call["from"], gas=call["gas"],
                        value=int(call["value"]))
    sent("approve.json", "vault", "deposit", "--amount", 7)
    assert coin.allowance(me, real.at.vault.address) == 7
    sent("deposit.json", "vault", "deposit", "--amount", 7)
    assert real.at.vault.balance_of(me, coin.address) == HELD + 7
    sent("step.json", "trade", "apply", "--fills", buy(real, covered), "--key", real.path("keys/transition"),
         "--opening", covered / "first.json", *ground(real), "--cover-key", key, "--out", covered / "second.json")
    assert real.at.ledger.commitment_of(me) == Opening.load(covered / "second.json").commitment
    real.post(covered / "second.json")
    sent("out.json", "vault", "withdraw", "--key", key, *ground(real), "--opening", covered / "second.json", "--amount",
         5)
    assert real.at.vault.balance_of(me, coin.address) == HELD + 2


def test_a_step_whose_end_nobody_saw_is_gone_on_with(real: RealSystem, covered: Path, monkeypatch: pytest.MonkeyPatch
                                                     ) -> None:
    """The line breaks when the step is sent: the same command goes on, with the opening that it kept, whether or not
    the chain has it by then."""
    from tailproof import trading
    step = ("trade", "apply", "--fills", buy(real, covered), "--key", real.path("keys/transition"), "--opening",
            covered / "first.json", *ground(real), "--cover-key", real.path("keys/cover"))
    send = trading.Step.send
    for arrives in (False, True):
        snapshot, kept = real.chain.snapshot(), covered / f"second-{arrives}.json"

        def broken(made: trading.Step, contracts: Any, *, sender: str, arrives: bool = arrives) -> Any:
            if arrives:
                send(made, contracts, sender=sender)
            raise TransactionUndecided("0x" + "11" * 32, "the line broke")
        with monkeypatch.context() as patched:
            patched.setattr(trading.Step, "send", broken)
            real(*step, "--out", kept, code=3)
        before = kept.read_bytes()
        again = real(*step, "--out", kept)
        assert (again["transaction"] is None) == arrives
        assert kept.read_bytes() == before
        assert real.at.ledger.commitment_of(real.trader.address) == Opening.load(kept).commitment
        real.chain.restore(snapshot)
    stranger = real(*step, "--out", covered / "first.json", code=2)
    assert stranger["field"] == "--out"
    other = real(*step, "--out", covered / "second-True.json", "--fills", buy(real, covered, name="other.json"),
                 "--dry-run")
    assert other["sent"] is False


# -- tokens and claims -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("told", "said"), [
    (("X", 0), "1500000 units (X)"), (("X", 6), "1500000 units (1.500000 X)"),
    (("X", 18), "1500000 units (0.000000000001500000 X)"),
    (("X", 30), "1500000 units (0.000000000000000000000001500000 X)"),
    (("X", 255), f"1500000 units (0.{1_500_000:0255d} X)"), (("X" * 1_000, 0), f"1500000 units ({'X' * 32}…)")])
def test_amounts_are_shown_as_a_token_has_them(told: tuple[str, int], said: str) -> None:
    class Told:
        address = "0x" + "11" * 20

        def told(self) -> tuple[str, int]:
            return told
    assert vault.shown(Told(), 1_500_000) == said                            # type: ignore[arg-type]


def test_what_nobody_could_use_is_not_sent(real: RealSystem, covered: Path) -> None:
    out = ("vault", "withdraw", "--key", real.path("keys/cover"), *ground(real), "--opening", covered / "first.json")
    for place in (real.system.quote_token, real.at.vault.address, real.at.ledger.address):
        assert real(*out, "--amount", 5, "--to", place, code=2)["field"] == "--to"


def test_a_claim_that_its_token_refuses_stops_no_other(real: RealSystem, covered: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(real.at), "addresses", lambda contracts: frozenset())
    me, coin = real.trader.address, real.system.quote_token
    out = ("vault", "withdraw", "--key", real.path("keys/cover"), *ground(real), "--opening", covered / "first.json")
    real(*out, "--amount", 5, "--to", real.at.vault.address)                 # whose own balance cannot move by that
    real(*out, "--amount", 6)
    real.finalise()
    done = real("vault", "claim", "--account", me, by=real.world.relayer, code=1)
    assert [claim["amount"] for claim in done["paid"]] == ["6"]
    assert [(claim["amount"], bool(claim["error"])) for claim in done["refused"]] == [("5", True)]
    assert Token(real.chain, coin).balance_of(me) == 6
    (back,) = done["refused"]
    real("vault", "cancel", "--claim", back["claim"])
    assert real("vault", "claim")["refused"] == []


def test_a_carrier_collects_its_fee(real: RealSystem, covered: Path) -> None:
    carrier, coin = real.world.relayer, Token(real.chain, real.system.quote_token)
    out = ("vault", "withdraw", "--key", real.path("keys/cover"), *ground(real), "--opening", covered / "first.json")
    real(*out, "--amount", 100, "--fee", 7, "--for-carrier", covered / "carried.json")
    real("vault", "carry", covered / "carried.json", by=carrier)
    assert real("vault", "collect", by=carrier, code=1)["amount"] == "0"
    real.finalise()
    real("vault", "claim", "--account", real.trader.address, by=carrier)
    done = real("vault", "collect", "--to", real.world.stranger, by=carrier)
    assert (done["amount"], coin.balance_of(real.world.stranger)) == ("7", 7)


@pytest.mark.parametrize("amount", ["0", "-1", "1e40", str(10**40), "1.5", "", "0x10", "\uff11", "1_000", " 1"])
def test_amounts_out_of_bounds_are_refused_before_anything(real: RealSystem, amount: str) -> None:
    before = real.chain.block_number()
    for command in ("deposit", "mint"):
        answer = real.run("vault", command, f"--amount={amount}", "--deployment", real.path("deployment.json"), "--rpc",
                          "http://127.0.0.1:9")
        assert (answer.code, answer.data["field"]) == (2, "--amount"), answer.data
    assert real.chain.block_number() == before
    assert trade.LOTS.min == 1
