"""What others can do to a guard: a node that lies about money, an owner's folder that holds what is none, prices that
move between two steps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from primitives.errors import BadInput
from tailproof import withdrawing
from tailproof.guarding import Allowance, Guarding, Means, Need, first_of, from_files
from tailproof.secret import Opening
from tailproof.withdrawing import Ground
from verifier_contracts.errors import TransactionUndecided
from verifier_contracts.ledger import INITIAL, MAINTENANCE
from verifier_contracts.vault import Factor

WHO, OTHER, DAY = "0x" + "12" * 20, "0x" + "34" * 20, 20_000
BUFFERS = (0, 2_000, 5_000, 10_000)
ONE = 1 << 64


class FakeSite:
    """A system whose quote asset counts for half, and a sender with money."""

    def __init__(self, has: int = 10**9) -> None:
        self.has, self.chain = has, SimpleNamespace(signed_gas=0)
        ledger = SimpleNamespace(buffer_of=lambda step: BUFFERS[step])
        self.there = SimpleNamespace(ledger=ledger, vault=SimpleNamespace(quote_id=lambda: 1))
        self.coin = SimpleNamespace(balance_of=lambda _: self.has)


def guarding(allowed: int | None = 10_000, path: Path | None = None, has: int = 10**9) -> Guarding:
    allowance = None if allowed is None else Allowance(1, WHO, OTHER, allowed, path)
    site: Any = FakeSite(has)
    means = Means(None, allowance, 1_000, 900)  # type: ignore[arg-type]
    return Guarding(site, WHO, lambda _: None, means, None, None, OTHER)  # type: ignore[arg-type]


def on(factor: int = ONE) -> Ground:
    return Ground(None, 7, (Factor(1, factor, factor),))  # type: ignore[arg-type]


def need(guard: Guarding, value: int, required: int = 10_000, *, called: bool = False, factor: int = ONE) -> Need:
    return guard._need(on(factor), value, required, called, DAY)


def test_a_node_that_loses_what_was_sent_gets_no_second_days_money(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                                   ) -> None:
    """What was deposited is its word: what may have left stays booked, also for the guard that begins again."""
    path = tmp_path / "allowance.json"
    guard = guarding(10_000, path)

    def lost(*_: Any, **__: Any) -> Any:
        guard.site.chain.signed_gas += 1
        raise TransactionUndecided("0x1", "lost")

    monkeypatch.setattr(withdrawing, "deposit", lost)
    assert need(guard, 4_000) == Need(INITIAL, 8_000)
    with pytest.raises(TransactionUndecided):
        guard._top_up(8_000, DAY)(OTHER)
    again = guarding(10_000, path)
    assert again.means.allowance is not None
    again.means.allowance.load()
    assert need(again, 4_000).step is None
    assert "2000 are left" in need(again, 4_000).lacks
    assert again.means.allowance.room(DAY + 1) == 10_000


def test_what_was_never_signed_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = guarding()

    def refused(*_: Any, **__: Any) -> Any:
        raise BadInput("--amount", 1, "less")

    monkeypatch.setattr(withdrawing, "deposit", refused)
    with pytest.raises(BadInput):
        guard._top_up(8_000, DAY)(OTHER)
    assert guard.means.allowance is not None
    assert guard.means.allowance.room(DAY) == 10_000


def test_money_that_cures_nothing_stays_where_it_is() -> None:
    """Neither what the allowance lacks, nor what the sender has not, is made up by a part of it."""
    for guard in (guarding(3_000), guarding(None), guarding(10_000, has=7_999)):
        found = need(guard, 4_000)
        assert (found.step, found.amount) == (None, 0)
        assert "NOT covered" in found.lacks
    # Covered at maintenance margin, and not called: that is shown, and what lacks is told.
    found = need(guarding(None), 11_000)
    assert (found.step, found.amount) == (MAINTENANCE, 0)
    assert "maintenance margin alone" in found.lacks
    called = need(guarding(None), 11_000, called=True)
    assert called.step is None, "a call is cured at initial margin"


def test_as_much_of_the_ladder_as_collateral_reaches() -> None:
    guard = guarding()
    guard.means = Means(None, None, 1, 900, step=3)  # type: ignore[arg-type]
    assert [need(guard, value).step for value in (20_000, 19_999, 15_000, 12_000)] == [3, 2, 2, INITIAL]


def test_a_top_up_counts_by_its_factor_and_tells_no_margin() -> None:
    guard = guarding(10**6)
    assert need(guard, 11_999).amount == 1_000, "of one unit that lacks"
    assert need(guard, 4_000, factor=ONE // 2).amount == 16_000, "each counts for half"
    assert need(guard, 4_000, factor=ONE // 2 - 1).amount == 17_000, "rounded against the guard"
    with pytest.raises(BadInput, match="counts for something"):
        need(guard, 4_000, factor=0)


def test_what_lies_in_a_folder_and_is_no_opening_hides_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("{}")
    (tmp_path / "b").mkdir()
    Opening("margin-tiny", 5, 6, ()).save(tmp_path / "c")
    loose = tmp_path / "d"
    Opening("margin-tiny", 7, 8, ()).save(loose)
    loose.chmod(0o644)
    find = first_of(from_files([tmp_path]), lambda commitment: None)
    found = find(5)
    assert found is not None
    assert found.salt == 6
    assert find(7) is None, "what others may read is no secret"
    assert find(9) is None
