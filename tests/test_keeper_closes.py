"""A venue's keeper closes in its venue's time: real proofs, the contracts as they are deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from real_system import DEPOSIT, RealSystem

from primitives.errors import BadInput
from tailproof.closing import Offer, least_lots
from tailproof.covering import least_value, required_margin
from tailproof.secret import Opening
from verifier_contracts.ledger import INITIAL

HELD = 400


def offer(real: RealSystem, folder: Path, name: str, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    made = {"schema": "tailproof.close-offer/1", "account": real.trader.address, "instrument": "BTC-SPOT",
            "lots": -HELD, "price": "29001.720625", "concession": "0"} | changes
    (folder / name).write_text(json.dumps(made))
    return folder / name


@pytest.fixture
def called(real: RealSystem, tmp_path: Path) -> Path:
    """An account with positions, in escrow, short and called; its owner sleeps, and her time is over."""
    def make(folder: Path) -> None:
        spot = real.epoch.instruments[real.epoch.row_of("BTC-SPOT") - 1]
        opening = real.register([(real.epoch.cash_id, DEPOSIT), (spot.id, HELD)])
        opening.save(folder / "first.json")
        real.prepare_escrow(folder)
        real.post(folder / "first.json")
        amount = required_margin(real.epoch, opening) * 3 // 4
        real.mint(amount)
        real("vault", "deposit", "--amount", amount)
        real("liquidation", "prove-shortfall", "--account", real.trader.address, "--key", real.path("keys/cover"),
             "--epoch", real.path("epoch"), "--collateral", real.path("collateral.json"), "--opening",
             folder / "first.json", by=real.venue)
        for _ in range(9):
            real.publish()
        real("liquidation", "pass-to-venue", "--account", real.trader.address, by=real.world.relayer)
    return real.scene("called", tmp_path, make)


def keep(real: RealSystem, folder: Path, code: int = 0) -> dict[str, Any]:
    return real("keeper", "run", "--once", "--only", "void", "--epochs", real.path("epoch"), "--collateral",
                real.path("collateral.json"), "--secret", folder / "venue.json", "--offers", folder / "offers",
                "--close-keys", real.path("keys"), "--openings-out", folder / "after", by=real.venue, code=code)


def steps(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["step"], one["outcome"]) for one in told["done"] if one["outcome"] != "excluded"]


def test_as_much_is_closed_as_cover_wants(real: RealSystem, called: Path) -> None:
    me, ledger = real.trader.address, real.at.ledger
    offer(real, called / "offers", "a-none.json", instrument="NO-SUCH-THING")
    (called / "offers" / "a-none.json").write_text("{}")
    offer(real, called / "offers", "b.json")
    assert ledger.is_called(me)
    told = keep(real, called)
    assert steps(told) == [("close", "done")]
    assert ["a-none.json" in trouble for trouble in told["troubles"]] == [True]
    assert not ledger.is_called(me)
    assert not ledger.is_reduce_only(me)
    (kept,) = (called / "after").iterdir()
    after = Opening.load(kept)
    assert ledger.commitment_of(me) == after.commitment
    spot = real.epoch.instruments[real.epoch.row_of("BTC-SPOT") - 1]
    assert 0 < dict(after.slots)[spot.id] < HELD, "no more than cover wants"
    value = real.at.vault.balance_of(me, real.system.quote_token)
    initial = ledger.buffer_of(INITIAL)
    required = required_margin(real.epoch, after)
    assert least_value(required, initial) <= value < least_value(required, initial + 500)
    assert steps(keep(real, called)) == [], "closed: nothing is due"


def test_an_offer_that_does_not_cover_closes_nothing(real: RealSystem, called: Path) -> None:
    offer(real, called / "offers", "few.json", lots=-5)
    told = keep(real, called, code=1)
    assert [one[0::1] for one in steps(told)] == [("close", "failed")]
    assert real.at.ledger.is_called(real.trader.address)
    assert list((called / "after").iterdir()) == [], "no opening of what never was"


def test_nothing_is_closed_for_another_venue_or_before_its_time(real: RealSystem, called: Path) -> None:
    offer(real, called / "offers", "other.json", account=real.venue.address)
    assert steps(keep(real, called)) == []
    missing = real("keeper", "run", "--once", "--secret", called / "venue.json", "--offers", called / "offers",
                   by=real.venue, code=2)
    assert missing["field"] == "--offers, --close-keys, --openings-out and --secret"


def test_an_offer_is_read_strictly(real: RealSystem, tmp_path: Path) -> None:
    for field, value in (("lots", 0), ("price", "-1"), ("concession", "-5"), ("account", "0x12")):
        with pytest.raises(BadInput):
            Offer.load(offer(real, tmp_path, "x.json", **{field: value}))
    good = Offer.load(offer(real, tmp_path, "x.json", concession="10"))
    assert (good.conceding(HELD), good.conceding(1)) == (10, 1), "rounded against the venue's claim"


def test_the_least_number_of_lots() -> None:
    asked: list[int] = []
    for least in (1, 2, 7, 99, 100):
        assert least_lots(100, lambda lots, least=least: asked.append(lots) or lots >= least) == least  # type: ignore[misc]
    assert least_lots(100, lambda lots: False) is None
    assert len(asked) < 50
