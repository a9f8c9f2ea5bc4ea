"""What goes together, and that the figures that decide it are those of the contracts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_chain import parcel

from relayer.loads import MEASURED, Waiting, plan
from relayer.parcel import Parcel
from verifier_contracts.ledger import Row

BOTH = ("margin", "cover")


def waits(*numbers: int, alone: bool = False, since: float = 0.0) -> list[Waiting]:
    return [Waiting(number, parcel(number), since, alone) for number in numbers]


def batch(*numbers: int, key: int = 99) -> Waiting:
    rows = tuple(Row(f"0x{number:040x}", 1, 7, 5) for number in numbers)
    return Waiting(key, Parcel("batch-16", "00" * 32, bytes(32), 1_700_000_000, 5, rows, (1,) * 8, 3), 0.0)


def keys(loads: list[list[Waiting]]) -> list[list[int]]:
    return [[one.key for one in load] for load in loads]


def made(waiting: list[Waiting], **options: object) -> list[list[int]]:
    return keys(plan(waiting, now=100.0, **{"combine": BOTH, **options}).loads)       # type: ignore[arg-type]


def test_one_goes_alone_and_two_together() -> None:
    assert made(waits(1)) == [[1]]
    assert made(waits(1, 2)) == [[1, 2]]
    assert made(waits(1, 2), combine=()) == [[1], [2]]
    assert made(waits(1, 2, 3), most=2) == [[1, 2], [3]]


def test_together_only_where_it_is_cheaper() -> None:
    dear = MEASURED._replace(combination=3 * MEASURED.single)
    assert made(waits(1, 2, 3), gas=dear) == [[1], [2], [3]]
    assert made(waits(1, 2, 3, 4, 5), gas=dear) == [[1, 2, 3, 4, 5]]


def test_what_the_contract_may_refuse_goes_alone() -> None:
    assert made([*waits(1, 2), *waits(3, alone=True)]) == [[1, 2], [3]]


def test_only_of_one_epoch_and_key() -> None:
    older, other = parcel(2, epoch=1_600_000_000), replace(parcel(3), key_digest=b"\1" * 32)
    assert made([*waits(1), Waiting(2, older, 0.0), Waiting(3, other, 0.0)]) == [[1], [2], [3]]


def test_a_margin_lingers_for_company_and_not_for_ever() -> None:
    assert plan(waits(1, since=99.0), now=100.0, combine=BOTH, linger=2.0).loads == []
    assert made(waits(1, since=98.0), linger=2.0) == [[1]]
    assert made(waits(1, 2, since=99.0), linger=2.0, most=2) == [[1, 2]]
    assert made(waits(1, since=99.0), linger=2.0, combine=()) == [[1]]


def test_a_batch_takes_the_place_of_margins_that_it_has_and_of_no_others() -> None:
    found = plan([*waits(1, 2, 3, 4), batch(1, 2, 3)], now=100.0, combine=BOTH)
    assert keys(found.loads) == [[4], [99]]
    assert sorted(one.key for one in found.held) == [1, 2, 3]


def test_a_batch_that_says_otherwise_takes_no_margins_place() -> None:
    """Else whoever brings batches with a stranger's account under a commitment of his own keeps her margin waiting."""
    (truly, other) = (Row(f"0x{number:040x}", 1, 7, 5) for number in (1, 2))
    mixed = batch(1, 2)._replace(parcel=replace(batch(1, 2).parcel, rows=(truly, other._replace(commitment=6))))
    found = plan([*waits(1, 2), mixed], now=100.0, combine=BOTH)
    assert (keys(found.loads), [one.key for one in found.held]) == ([[2], [99]], [1])


def test_a_batch_of_little_waits_where_the_margins_are_cheaper() -> None:
    cheap = MEASURED._replace(batch={"batch-16": 10**7})
    found = plan([*waits(1, 2), batch(1, 2)], now=100.0, combine=BOTH, gas=cheap)
    assert (keys(found.loads), keys([found.held])) == ([[1, 2]], [[99]])
    assert made([*waits(1), batch(1, 2)], gas=cheap) == [[99]], "one of them comes by nothing else"


# -- covers ------------------------------------------------------------------------------------------------------------
def covers(*numbers: int, step: int = 1, alone: bool = False, since: float = 0.0) -> list[Waiting]:
    return [Waiting(number, replace(parcel(number), slot="cover", step=step), since, alone) for number in numbers]


def test_covers_go_together_by_step_and_never_with_margins() -> None:
    assert made([*waits(1, 2), *covers(3, 4), *covers(5, 6, step=2)]) == [[1, 2], [3, 4], [5, 6]]
    assert made([*waits(1, 2), *covers(3, 4)], combine=("margin",)) == [[1, 2], [3], [4]]
    assert made([*waits(1, 2), *covers(3, 4)], combine=("cover",)) == [[1], [2], [3, 4]]
    assert made([*covers(1, 2), *covers(3, alone=True)]) == [[1, 2], [3]]
    assert plan(covers(1, since=99.0), now=100.0, combine=BOTH, linger=2.0).loads == []


def test_a_batch_takes_the_place_of_no_cover() -> None:
    found = plan([*covers(1, 2), batch(1, 2)], now=100.0, combine=BOTH)
    assert keys(found.loads) == [[1, 2], [99]]
    assert found.held == []


@pytest.mark.parametrize("count", [1, 2, 16, 64])
def test_the_cheapest_way_of_many(count: int) -> None:
    group = [one.parcel for one in waits(*range(1, count + 1))]
    assert (MEASURED.of(group) < MEASURED.single * count) == (count > 1)
