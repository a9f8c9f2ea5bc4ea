"""`keeper guard` keeps a real account covered: real proofs, the contracts as they are deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from real_system import DEPOSIT, RealSystem

from tailproof.covering import least_value, required_margin
from tailproof.guarding import Allowance
from tailproof.keeping import read_journal
from tailproof.secret import Opening
from verifier_contracts.ledger import INITIAL, MAINTENANCE

MINUTE = 60
STEP = 100
"""Smallest quote units: the epoch's instruments are small, a margin of some hundreds."""


@pytest.fixture
def guarded(real: RealSystem, tmp_path: Path) -> Path:
    """An account with positions, and no collateral yet; the folder of its opening."""
    def make(folder: Path) -> None:
        spot = real.epoch.instruments[real.epoch.row_of("BTC-SPOT") - 1]
        real.register([(real.epoch.cash_id, DEPOSIT), (spot.id, 400)]).save(folder / "first.json")
        (folder / "notes.txt").write_text("no opening")
    return real.scene("guarded", tmp_path, make)


def guard(real: RealSystem, folder: Path, *more: object, code: int = 0, **settings: Any) -> dict[str, Any]:
    return real("keeper", "guard", "--once", "--key", real.path("keys/cover"), "--epochs", real.path("epoch"),
                "--collateral", real.path("collateral.json"), "--openings", folder, *more, code=code, **settings)


def needs(real: RealSystem, folder: Path, step: int) -> int:
    """Quote units that cover its opening; the quote asset counts in full."""
    return least_value(required_margin(real.epoch, Opening.load(folder / "first.json")), real.at.ledger.buffer_of(step))


def put(real: RealSystem, amount: int) -> None:
    real.mint(amount)
    real("vault", "deposit", "--amount", amount)


def steps(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["step"], one["outcome"]) for one in told["done"] if one["outcome"] != "excluded"]


def test_a_cover_is_shown_and_renewed_before_it_runs_out(real: RealSystem, guarded: Path) -> None:
    me, ledger = real.trader.address, real.at.ledger
    put(real, needs(real, guarded, INITIAL))
    first = guard(real, guarded)
    assert steps(first) == [("cover", "done")]
    assert not ledger.is_reduce_only(me)
    until = ledger.state_of(me).clock
    assert steps(guard(real, guarded)) == [], "it stands"
    real.publish(30 * MINUTE)
    assert steps(guard(real, guarded)) == [], "for half an hour more"
    assert steps(guard(real, guarded, "--renew-before", 3_000)) == [("cover", "done")]
    assert ledger.state_of(me).clock > until
    assert real.at.vault.balance_of(me, real.system.quote_token) == needs(real, guarded, INITIAL)


def test_what_lacks_is_deposited_within_what_is_allowed_a_day(real: RealSystem, guarded: Path) -> None:
    me, quote = real.trader.address, real.system.quote_token
    needed = needs(real, guarded, INITIAL)
    put(real, needed - 3 * STEP // 2)
    journal = ("--allowance", guarded / "allowance.json", "--top-up-step", STEP)
    alone = guard(real, guarded, code=1)
    assert steps(alone) in ([], [("cover", "done")]), "no money without leave"
    assert "--top-up" in alone["troubles"][0]
    before = real.at.vault.balance_of(me, quote)
    few = guard(real, guarded, *journal, "--top-up", STEP, code=1)
    assert "are left" in few["troubles"][0]
    assert real.at.vault.balance_of(me, quote) == before, "what cures nothing stays where it is"
    poor = guard(real, guarded, *journal, "--top-up", 3 * STEP, code=1)
    assert f"{me} has 0" in poor["troubles"][0]
    real.mint(5 * STEP)
    dry = guard(real, guarded, *journal, "--top-up", 3 * STEP, "--dry-run")
    assert dry["sent"] is False
    made = guard(real, guarded, *journal, "--top-up", 3 * STEP)
    assert steps(made) == [("top-up", "done"), ("cover", "done")]
    assert real.at.vault.balance_of(me, quote) == before + 2 * STEP, "a multiple: it tells no margin to the unit"
    assert not real.at.ledger.is_reduce_only(me)
    assert read_journal(guarded / "allowance.json", Allowance.SCHEMA, Allowance.ABOUT)["used"] == 2 * STEP
    other = guard(real, guarded, *journal, "--top-up", STEP, "--account", real.venue.address, code=2)
    assert other["field"] == "account", "a journal is one account's"


def test_a_call_is_cured_at_initial_margin_with_her_own_money(real: RealSystem, guarded: Path) -> None:
    me, ledger = real.trader.address, real.at.ledger
    put(real, needs(real, guarded, MAINTENANCE) - 2)
    real("liquidation", "prove-shortfall", "--account", me, "--key", real.path("keys/cover"), "--epoch",
         real.path("epoch"), "--collateral", real.path("collateral.json"), "--opening", guarded / "first.json",
         by=real.venue)
    assert ledger.is_called(me)
    real.mint(10**6)
    real.publish()
    helpless = guard(real, guarded, code=1)
    assert (steps(helpless), "NOT covered" in helpless["troubles"][0]) == ([], True)
    cured = guard(real, guarded, "--top-up", 10**6, "--top-up-step", STEP)
    assert steps(cured) == [("top-up", "done"), ("cover", "done")]
    assert not ledger.is_called(me)
    assert not ledger.is_reduce_only(me)
    held = real.at.vault.balance_of(me, real.system.quote_token)
    assert needs(real, guarded, INITIAL) <= held < needs(real, guarded, INITIAL) + STEP


def test_openings_come_from_a_wallet_and_from_the_escrow_too(real: RealSystem, guarded: Path) -> None:
    put(real, needs(real, guarded, INITIAL))
    (guarded / "empty").mkdir()
    lost = guard(real, guarded / "empty", code=1)
    assert "no opening" in lost["troubles"][0]
    assert steps(lost) == []
    (guarded / "word").write_text("correct horse battery")
    (guarded / "word").chmod(0o600)
    opened_by = ("--passphrase-file", guarded / "word")
    for command in (("new", *opened_by, "--out", guarded / "wallet"),
                    ("add", "--wallet", guarded / "wallet", *opened_by, "--account", real.trader.address, "--version",
                     1, guarded / "first.json")):
        assert real.run("wallet", *command).code == 0, command
    kept = guard(real, guarded / "empty", "--wallet", guarded / "wallet", "--wallet-passphrase-file", guarded / "word")
    assert steps(kept) == [("cover", "done")]
    real.prepare_escrow(guarded)
    real.post(guarded / "first.json")
    real.publish(30 * MINUTE)
    opened = guard(real, guarded / "empty", "--secret", guarded / "trader.json", "--renew-before", 3_000)
    assert steps(opened) == [("cover", "done")]
    stranger = guard(real, guarded / "empty", "--secret", guarded / "venue.json", "--renew-before", 3_000)
    assert steps(stranger) == [], "it stands, and the venue's key opens it too"


def test_what_cannot_be_guarded_is_said_first(real: RealSystem, guarded: Path) -> None:
    bare = ("keeper", "guard", "--once", "--key", real.path("keys/cover"))
    assert real(*bare, "--openings", guarded, code=2)["field"] == "--epochs"
    assert real(*bare, "--epochs", real.path("epoch"), code=2)["field"] == "--openings, --wallet and --secret"
    assert real("keeper", "guard", *bare[3:], "--epochs", real.path("epoch"), "--openings", guarded, "--dry-run",
                code=2)["field"] == "--dry-run and --calldata"
    foreign = guard(real, guarded, "--account", real.venue.address, code=1)
    assert "no commitment" in foreign["troubles"][0]
    put(real, needs(real, guarded, INITIAL))
    stale = real("keeper", "guard", "--once", "--key", real.path("keys/cover"), "--epochs", guarded, "--openings",
                 guarded, code=1)
    assert "no young epoch" in stale["troubles"][0]
    other = real("keeper", "guard", "--once", "--key", real.path("keys/flat"), "--epochs", real.path("epoch"),
                 "--openings", guarded, "--secret", guarded / "first.json", code=2)
    assert other["field"] == "--key"
