"""E7, E9: one epoch follows from the one before, and everything that has changed is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import MODEL, STATED, book, future, world

from primitives.errors import BadInput
from primitives.poseidon import Tag, hash_integers
from risk.epochs import epoch_directory
from risk.epochs.audit import AuditReport, check
from risk.epochs.build import build
from risk.epochs.chain import breaks, changes
from risk.epochs.epoch import Epoch
from risk.epochs.header import TRIAL
from risk.epochs.provenance import Sources
from risk.epochs.seed import derived_seed
from risk.exact.clock import parse_time

Book = dict[str, Any]
NEXT = "2024-06-19T08:00:00Z"
NEAR = "2024-06-19T06:00:00Z"
TODAY = parse_time("2024-06-20T00:00:00Z", field="now")


def later(change: Callable[[Book], Any] = lambda b: None, *, model: str = MODEL) -> Sources:
    made = copy.deepcopy(held())
    made["valuation"] = NEXT
    made["expiries"] = [e for e in made["expiries"] if e["expiry"] != NEAR]
    made["instruments"][-1]["settled"] = "60005"
    change(made)
    return world(made, model=model)


def held() -> Book:
    """The small book and a future that expires in six hours."""
    made = copy.deepcopy(book())
    made["expiries"].append({"underlying": "BTC", "expiry": NEAR, "forward": "60001", "volatilities": []})
    made["instruments"].append(future("BTC-NEAR", NEAR))
    return made


@pytest.fixture(scope="module")
def first() -> Epoch:
    return build(world(held()))


@pytest.fixture(scope="module")
def second(first: Epoch) -> Epoch:
    return build(later(), previous_root=first.root)


def clauses(epoch: Epoch, previous: Epoch) -> list[tuple[str, str]]:
    return [(d.clause, d.field) for d in breaks(epoch, previous, previous.root)]


@pytest.fixture
def audited(first: Epoch, tmp_path: Path) -> Callable[[Epoch], AuditReport]:
    epoch_directory.save(first, tmp_path / "first")

    def audit(epoch: Epoch) -> AuditReport:
        place = tmp_path / f"epoch-{len(list(tmp_path.iterdir()))}"
        epoch_directory.save(epoch, place)
        return check(place, previous=tmp_path / "first", now=TODAY)

    return audit


# -- an honest chain -----------------------------------------------------------------------------------------------
def test_an_honest_successor_passes_and_says_what_settled(first: Epoch, second: Epoch,
                                                          audited: Callable[[Epoch], AuditReport]) -> None:
    assert second.header.previous == first.root
    assert second.header.seed == derived_seed(MODEL.encode(), first.root, parse_time(NEXT, field="valuation"))
    report = audited(second)
    assert report.passed, report.differences
    assert [str(change) for change in report.changes] == ["BTC-NEAR: living -> settled at 60005"]
    assert not [remark for remark in report.remarks if "FIRST" in remark or "NOT COMPARED" in remark]
    assert json.loads(json.dumps(report.to_json()))["changes"][0]["now"] == "settled at 60005"


def test_an_audit_without_the_epoch_before_says_so(first: Epoch, second: Epoch, tmp_path: Path) -> None:
    for name, epoch in (("first", first), ("second", second)):
        epoch_directory.save(epoch, tmp_path / name)
    assert any("FIRST of its chain" in remark for remark in check(tmp_path / "first").remarks)
    report = check(tmp_path / "second")
    assert report.passed
    assert any(f"NOT COMPARED with the epoch before, whose root it says is {first.root}" in r for r in report.remarks)


# -- what may not be -----------------------------------------------------------------------------------------------
def test_another_predecessor_is_found(first: Epoch, audited: Callable[[Epoch], AuditReport]) -> None:
    for root in (0, 5):
        report = audited(build(later(), previous_root=root))
        assert [(d.clause, d.field) for d in report.differences] == [("E9", "previous root")]


def test_a_seed_that_does_not_follow_is_found(second: Epoch, audited: Callable[[Epoch], AuditReport]) -> None:
    chosen = replace(second, header=replace(second.header, seed=second.header.seed + 1))
    assert [(d.clause, d.field) for d in audited(chosen).differences] == [("E9", "header.seed")]


def test_time_that_runs_backwards_or_ahead_is_found(first: Epoch, tmp_path: Path) -> None:
    epoch_directory.save(first, tmp_path / "first")
    same = build(world(held()), previous_root=first.root)
    assert ("E9", "valuation") in clauses(same, first)
    seconds = first.header.timestamp
    assert not [d for d in check(tmp_path / "first", now=seconds).differences if d.clause == "E9"]
    ahead = [d for d in check(tmp_path / "first", now=seconds - 1).differences if d.clause == "E9"]
    assert [d.field for d in ahead] == ["valuation"]
    assert "not in the future" in ahead[0].expected


def test_a_valuation_in_2099_is_found(tmp_path: Path) -> None:
    made = {**book(), "valuation": "2099-01-01T00:00:00Z", "expiries": [], "instruments": book()["instruments"][:4]}
    epoch = build(world(made, model=STATED.format(variance=0.0014, horizon=1)))
    epoch_directory.save(epoch, tmp_path / "epoch")
    assert [(d.clause, d.field) for d in check(tmp_path / "epoch").differences] == [("E9", "valuation")]


def swapped(b: Book) -> None:
    names = {"BTC-PERP": "BTC-NEAR", "BTC-NEAR": "BTC-PERP"}
    for instrument in b["instruments"]:
        instrument["symbol"] = names.get(instrument["symbol"], instrument["symbol"])


def renamed(b: Book) -> None:
    b["instruments"][1]["symbol"] = "BTC-PERPETUAL"


@pytest.mark.parametrize(("change", "found"), [
    (swapped, [("E9", "BTC-PERP"), ("E9", "BTC-NEAR")]),
    (lambda b: b["instruments"].pop(0), [("E7", "BTC-SPOT")]),
    (lambda b: b["instruments"].pop(), [("E7", "BTC-NEAR")])])
def test_what_is_held_keeps_its_name_and_its_place(change: Callable[[Book], Any], found: list[tuple[str, str]],
                                                   first: Epoch) -> None:
    assert sorted(clauses(build(later(change), previous_root=first.root), first)) == sorted(found)


def test_what_nobody_holds_is_released_aloud(first: Epoch) -> None:
    def change(b: Book) -> None:
        b["instruments"].pop(0)
        b["released"] = ["BTC-SPOT"]

    epoch = build(later(change), previous_root=first.root)
    assert clauses(epoch, first) == []
    told = [str(change) for change in changes(epoch, first)]
    assert "BTC-SPOT: listed -> released: the venue says that nobody holds it" in told
    with pytest.raises(BadInput, match=r"released\[0\] is 'BTC-PERP': must be none of the instruments"):
        build(later(lambda b: b.update(released=["BTC-PERP"])))


def test_an_id_keeps_its_symbol(first: Epoch) -> None:
    """Otherwise a symbol could be freed in one epoch and given to another instrument in the next."""
    ((clause, field),) = clauses(build(later(renamed), previous_root=first.root), first)
    assert (clause, field) == ("E9", f"symbol of instrument {first.instruments[_row(first, 'BTC-PERP') - 1].id}")


def _row(epoch: Epoch, symbol: str) -> int:
    row = epoch.row_of(symbol)
    assert row is not None
    return row


def test_a_settlement_stays(second: Epoch) -> None:
    def other(b: Book) -> None:
        b["valuation"] = "2024-06-19T16:00:00Z"
        b["instruments"][-1]["settled"] = "60010"

    third = build(later(other), previous_root=second.root)
    ((clause, field),) = clauses(third, second)
    assert (clause, field) == ("E7", "settlement of BTC-NEAR")


def test_another_venue_or_currency_is_another_chain(first: Epoch) -> None:
    for name in ("venue", "quote"):
        found = clauses(build(later(lambda b, name=name: b.update({name: "OTHER"})), previous_root=first.root), first)
        assert ("E9", name) in found


def test_nothing_serious_follows_a_trial(first: Epoch, second: Epoch) -> None:
    """Its root could have been any, so the next seed would be chosen."""
    trial = build(world(held(), model=MODEL.replace("horizon", 'purpose = "trial"\nseed = 7\nhorizon')))
    successor = build(later(), previous_root=trial.root)
    assert clauses(successor, trial) == [("E9", "epoch before")]
    assert "trial" in next(str(d) for d in breaks(successor, trial, trial.root))


# -- what may be, and is told --------------------------------------------------------------------------------------
def test_every_change_of_the_model_is_told(first: Epoch) -> None:
    def told(model: str) -> list[str]:
        return [str(change) for change in changes(build(later(model=model), previous_root=first.root), first)]

    settled = "BTC-NEAR: living -> settled at 60005"
    assert told(MODEL.replace("horizon = 1", "horizon = 1\nvolatility_response = 0.0")) == [
        "model: volatility_response: not given -> 0.0", settled]
    ewma = '[volatility.BTC]\nfamily = "ewma"\nlambda = 0.5\ninnovations = "t"\ndegrees = 5.0\n'
    assert "model: volatility.BTC.lambda: not given -> 0.5" in told(MODEL + ewma)
    assert "shape" in "\n".join(told(MODEL.replace("depth = 2", "depth = 3")))
    commented = told(MODEL + "# nothing\n")
    assert len(commented) == 2
    assert "without another value: its comments or layout are what gave this epoch its seed" in commented[0]


def test_changed_contingencies_and_new_listings_are_told(first: Epoch) -> None:
    def change(b: Book) -> None:
        b["contingencies"][0].update(short="0.001")
        b["instruments"].append({"symbol": "BTC-SLOW", "kind": "perpetual", "underlying": "BTC", "lot": "0.1",
                                 "settlement": "cash"})
        b["instruments"][-2], b["instruments"][-1] = b["instruments"][-1], b["instruments"][-2]

    told = [str(c) for c in changes(build(later(change), previous_root=first.root), first)]
    assert told == ["contingency: BTC spot: long 0.001, short 0.002 -> long 0.001, short 0.001",
                    "BTC-SLOW: not listed -> listed", "BTC-NEAR: living -> settled at 60005"]


# -- what the root binds ---------------------------------------------------------------------------------------------
def test_settlement_values_are_in_the_root(first: Epoch, second: Epoch) -> None:
    other = build(later(lambda b: b["instruments"][-1].update(settled="60006")), previous_root=first.root)
    assert np.array_equal(other.changes, second.changes)
    assert other.root != second.root
    ((id, value),) = second.settlements
    digests = second.tree.levels[0]
    from primitives import field
    assert field.decode(digests[len(second.ids)]) == [hash_integers(Tag.SETTLED, [id, value])]
    assert value == 60005 * 10**6


def test_the_last_leaf_says_predecessor_time_and_purpose(first: Epoch, second: Epoch) -> None:
    from primitives import field
    leaf = second.header.leaf([(i.id, i.symbol) for i in second.instruments])
    assert leaf[:3] == [first.root, parse_time(NEXT, field="valuation"), 0]
    assert field.decode(second.tree.levels[0][-1]) == [hash_integers(Tag.HEADER, leaf)]
    for changed in ({"venue": "x"}, {"quote": "x"}, {"timestamp": 1}, {"previous": 1}, {"seed": 1}, {"model": "x"},
                    {"purpose": "trial"}, {"model_digest": "0x" + "1" * 64}):
        header = replace(second.header, **changed)                                     # type: ignore[arg-type]
        assert replace(second, header=header).root != second.root
    names = tuple(replace(i, symbol=f"{i.symbol}X") if n == 1 else i for n, i in enumerate(second.instruments))
    assert replace(second, instruments=names).root != second.root


def test_a_trial_says_so_in_its_root_and_its_report(first: Epoch, tmp_path: Path) -> None:
    trial = build(world(held(), model=MODEL.replace("horizon", 'purpose = "trial"\nseed = 7\nhorizon')))
    assert trial.header.leaf([])[2] == 1
    epoch_directory.save(trial, tmp_path / "trial")
    assert TRIAL in check(tmp_path / "trial").remarks
    assert json.loads((tmp_path / "trial" / "manifest.json").read_text())["purpose"] == "trial"
    assert TRIAL not in check(_saved(first, tmp_path / "first")).remarks


def _saved(epoch: Epoch, place: Path) -> Path:
    epoch_directory.save(epoch, place)
    return place


def test_a_settlement_of_what_still_moves_is_refused(second: Epoch) -> None:
    living = second.instruments[_row(second, "BTC-PERP") - 1].id
    for settlements in (((living, 5),), (*second.settlements, *second.settlements), ((12345, 5),)):
        assert {v.clause for v in replace(second, settlements=settlements).violations()} == {"E7"}
