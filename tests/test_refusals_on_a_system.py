"""What the commands of vault and trades refuse, before a proof is made or anything is sent. Embedded chain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from real_system import DEPOSIT, RealSystem

from primitives.errors import BadInput
from tailproof import covering, withdrawing
from tailproof.trading import SignedFills
from verifier_contracts.collateral import Collateral

HELD = 10**9


@pytest.fixture
def first(real: RealSystem, tmp_path: Path) -> Path:
    """An account with collateral and cash inside its commitment, and its opening."""
    def make(folder: Path) -> None:
        real.mint(HELD)
        real("vault", "deposit", "--amount", HELD)
        real.register([(real.epoch.cash_id, DEPOSIT)]).save(folder / "first.json")
        real.prepare_escrow(folder)
        real.post(folder / "first.json")
    return real.scene("with collateral", tmp_path, make) / "first.json"


@pytest.fixture
def fills(real: RealSystem, first: Path, tmp_path: Path) -> Path:
    real("trade", "fills", "--account", real.trader.address, "--epoch", real.path("epoch"), "--buy", "BTC-SPOT",
         "--lots", 1, "--price", "29000", "--out", tmp_path / "fills.json", by=real.venue)
    return tmp_path / "fills.json"


def never_proves(monkeypatch: pytest.MonkeyPatch) -> None:
    def prove(*_: Any, **__: Any) -> Any:
        pytest.fail("a proof was made for nothing")
    monkeypatch.setattr(covering, "proven", prove)


def ground(real: RealSystem) -> tuple[object, ...]:
    return ("--epoch", real.path("epoch"), "--collateral", real.path("collateral.json"))


def out(real: RealSystem, opening: Path, *more: object, **how: Any) -> dict[str, Any]:
    return real("vault", "withdraw", "--key", real.path("keys/cover"), *ground(real), "--opening", opening, *more,
                **how)


@pytest.mark.parametrize(("change", "error"), [("pause", "ClassIsPaused"), ("called by nobody", "ReduceOnly")])
def test_what_a_contract_refuses_it_says_before_a_proof_is_made(real: RealSystem, first: Path, fills: Path, change: str,
                                                                error: str, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    never_proves(monkeypatch)
    if change == "pause":
        real("contract", "pause", "exit", by=real.world.guardian)
        assert out(real, first, "--amount", 1, code=1)["error"] == error
    else:                                          # never covered, and the step brings no cover
        refused = real("trade", "apply", "--fills", fills, "--key", real.path("keys/transition"), "--opening", first,
                       *ground(real), "--out", tmp_path / "next.json", code=1)
        assert refused["error"] == error
        assert not (tmp_path / "next.json").exists()


def test_a_withdrawal_is_of_this_account_epoch_and_key(real: RealSystem, first: Path, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    never_proves(monkeypatch)
    other = json.loads(first.read_text())
    strange = tmp_path / "strange.json"
    from circuits.statements import margin
    strange.write_text(json.dumps({**other, "salt": "12", "commitment": str(margin.commit(
        12, [(real.epoch.cash_id, DEPOSIT), (0, 0), (0, 0)]))}))
    strange.chmod(0o600)
    assert out(real, strange, "--amount", 1, code=2)["field"] == "--opening"
    assert real("vault", "withdraw", "--key", real.path("keys/flat"), *ground(real), "--opening", first, "--amount", 1,
                code=2)["field"] == "--key"
    twice = real.path("collateral.json").read_text().replace('"price": "1"', '"price": "2"')
    (tmp_path / "twice.json").write_text(twice)
    assert real("vault", "withdraw", "--key", real.path("keys/cover"), "--epoch", real.path("epoch"), "--collateral",
                tmp_path / "twice.json", "--opening", first, "--amount", 1, code=2)["field"] == "factors"
    assert out(real, first, "--amount", 1, "--max", code=2)["field"] == "--amount and --max"
    assert out(real, first, "--amount", 1, "--account", real.world.relayer, code=2)["field"] == "--opening"
    too_much = out(real, first, "--amount", HELD + 1, code=1)
    assert too_much["possible"] == str(HELD)
    real.chain.travel_to(real.chain.now() + 3_600)
    assert out(real, first, "--amount", 1, code=2)["field"] == "--epoch", "too old to prove in"


def test_a_proof_is_no_consent(real: RealSystem, first: Path, tmp_path: Path) -> None:
    """Whoever has the opening can prove; only the owner's key lets collateral go."""
    thief = Account.from_key(b"\x44" * 32)
    real.chain.send(thief.address, b"", sender=real.world.challenger, value=10**18)
    for more in ((), ("--for-carrier", tmp_path / "carried.json")):
        assert out(real, first, "--amount", 1, "--account", real.trader.address, *more, by=thief, code=2
                   )["field"] == "--account"
    assert not (tmp_path / "carried.json").exists()


def test_only_what_is_for_these_contracts_is_carried(real: RealSystem, first: Path, tmp_path: Path) -> None:
    out(real, first, "--amount", 5, "--for-carrier", tmp_path / "carried.json")
    call = json.loads((tmp_path / "carried.json").read_text())
    for name, change in (("call", {"to": real.at.ledger.address}), ("chain_id", {"chain_id": 1}),
                         ("call", {"data": "0xdeadbeef"})):
        changed = tmp_path / "changed.json"
        changed.write_text(json.dumps({**call, **change}))
        assert real("vault", "carry", changed, by=real.world.relayer, code=2)["field"] == name
    more = {**call, "data": call["data"].replace(f"{5:064x}", f"{6:064x}", 1)}
    (tmp_path / "more.json").write_text(json.dumps(more))
    assert real("vault", "carry", tmp_path / "more.json", by=real.world.relayer, code=1)["error"] == "NotOwner"


def test_what_was_signed_for_a_carrier_can_be_revoked(real: RealSystem, first: Path, tmp_path: Path) -> None:
    out(real, first, "--amount", 5, "--for-carrier", tmp_path / "carried.json")
    revoked = real("vault", "revoke")
    assert (revoked["account"], revoked["nonces"], revoked["trades"]) == (
        real.trader.address, {"withdrawals": 1, "trades": 0}, False)
    assert real("vault", "carry", tmp_path / "carried.json", by=real.world.relayer, code=1)["error"] == "NotOwner"
    assert real("vault", "revoke", "--trades")["nonces"] == {"withdrawals": 2, "trades": 1}
    out(real, first, "--amount", 5, "--for-carrier", tmp_path / "again.json")
    assert real("vault", "carry", tmp_path / "again.json", by=real.world.relayer)["function"] == "withdraw"


@pytest.mark.parametrize(("field", "value"), [("cash", "-7"), ("version", 3), ("signature", "0x" + "ab" * 65),
                                              ("lots", 2), ("nonce", "5"), ("desk", "0x" + "11" * 20)])
def test_fills_are_whole_and_the_venues(real: RealSystem, first: Path, fills: Path, tmp_path: Path, field: str,
                                        value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    never_proves(monkeypatch)
    given = json.loads(fills.read_text())
    if field == "lots":
        given["fills"][0]["lots"] = value
    else:
        given[field] = value
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(given))
    forged.chmod(0o600)
    refused = real("trade", "apply", "--fills", forged, "--key", real.path("keys/transition"), "--opening", first,
                   *ground(real), "--out", tmp_path / "next.json", code=2)
    expected = {"lots": "signature", "nonce": "signature", "signature": "signature"}.get(field, field)
    assert refused["field"] in (f"fills.{expected}", "signature")


def test_fills_are_signed_for_the_venues_own_accounts_and_kept_secret(real: RealSystem, fills: Path, tmp_path: Path
                                                                      ) -> None:
    wrong = real("trade", "fills", "--account", real.trader.address, "--epoch", real.path("epoch"), "--cash", 5,
                 "--out", tmp_path / "x.json", code=2)
    assert wrong["field"] == "--account", "signed by the trader herself"
    assert fills.stat().st_mode & 0o777 == 0o600
    fills.chmod(0o644)
    with pytest.raises(BadInput, match="0600"):
        SignedFills.load(fills)


def test_a_step_that_would_not_be_covered_is_not_made(real: RealSystem, first: Path, tmp_path: Path) -> None:
    real("trade", "fills", "--account", real.trader.address, "--epoch", real.path("epoch"), "--buy", "BTC-SPOT",
         "--lots", 40_000, "--price", "29000", "--out", tmp_path / "large.json", by=real.venue)
    short = real("trade", "apply", "--fills", tmp_path / "large.json", "--key", real.path("keys/transition"),
                 "--opening", first, *ground(real), "--cover-key", real.path("keys/cover"), "--out",
                 tmp_path / "next.json", code=1)
    assert int(short["missing"]) == int(short["needed"]) - HELD > 0
    assert not (tmp_path / "next.json").exists()


def test_an_approval_for_a_deposit_that_fails_is_taken_back(real: RealSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    coin = real.mint(10**16)
    monkeypatch.setattr(withdrawing, "require_takes", lambda *_: None)      # as if the cap had been lowered meanwhile
    assert real("vault", "deposit", "--amount", 10**15 + 1, code=1)["error"] == "CapExceeded"
    assert coin.allowance(real.trader.address, real.at.vault.address) == 0


def test_v_is_the_vaults_to_the_unit(real: RealSystem, first: Path) -> None:
    epoch, me, quote = real.at.oracle.latest_epoch_id(), real.trader.address, real.system.quote_token
    held = Collateral.read(real.at.vault, real.at.marks, me, epoch, real.factors)
    assert held.without(quote, 0) == real.at.vault.value_of(me, epoch, real.factors) == HELD
    assert (held.without(quote, 7), held.free(quote), held.largest(quote, HELD - 7)) == (HELD - 7, HELD, 7)
    assert held.largest(quote, HELD + 1) is None
    with pytest.raises(BadInput, match="--amount"):
        held.without(quote, HELD + 1)
