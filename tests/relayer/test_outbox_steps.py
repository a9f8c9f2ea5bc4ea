"""The decisions of a delivery, one by one, and the nonces."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relayer.outbox_steps import (
    Attempt,
    Delivery,
    Finish,
    Found,
    HandOver,
    Lost,
    Mined,
    Policy,
    Replace,
    Sight,
    Unmined,
    Wait,
    decide,
    gaps,
    next_nonce,
    raised,
)

GWEI = 10**9
POLICY = Policy(depth=64, resend_after=30, bump_after=60, fee_cap=200 * GWEI)
FIRST, SECOND = (Attempt(name, 20 * GWEI, GWEI, False, 1_000.0) for name in ("0x01", "0x02"))
OUT = Delivery(5, (FIRST,), None, 1_000.0)
SIGHT = Sight(1_010.0, 100, 5, 3, 6, {"0x01": None, "0x02": None})
FOUND = Found("0x01", 100, "0xaa", True, 9)


def seen(found: Found | None, **changes: object) -> Sight:
    return replace(SIGHT, receipts={"0x01": found, "0x02": None}, **changes)          # type: ignore[arg-type]


def test_what_nobody_may_have_is_handed_over() -> None:
    assert decide(replace(OUT, broadcast_at=None), SIGHT, POLICY) == HandOver("0x01")
    assert decide(replace(OUT, attempts=(FIRST, SECOND), broadcast_at=None), SIGHT, POLICY) == HandOver("0x02")


def test_what_is_in_flight_is_waited_for_then_handed_over_again_then_replaced() -> None:
    assert isinstance(decide(OUT, SIGHT, POLICY), Wait)
    assert decide(OUT, replace(SIGHT, now=1_030.0), POLICY) == HandOver("0x01")
    again = replace(OUT, broadcast_at=1_055.0)
    assert isinstance(decide(again, replace(SIGHT, now=1_059.0), POLICY), Wait)
    assert decide(again, replace(SIGHT, now=1_060.0), POLICY) == Replace(FIRST)


def test_only_what_is_next_in_line_is_replaced() -> None:
    """A higher fee does nothing for what waits behind another."""
    assert isinstance(decide(replace(OUT, nonce=6, broadcast_at=1_055.0), replace(SIGHT, now=1_060.0), POLICY), Wait)


@pytest.mark.parametrize("found", [FOUND, replace(FOUND, transaction="0x02"), replace(FOUND, succeeded=False)])
def test_any_attempt_may_be_the_one_that_is_mined(found: Found) -> None:
    out = replace(OUT, attempts=(FIRST, SECOND))
    sight = replace(SIGHT, used=6, receipts={"0x01": None, "0x02": None, found.transaction: found})
    assert decide(out, sight, POLICY) == Mined(found)


def test_it_is_final_at_the_depth_and_not_before() -> None:
    out = replace(OUT, mined=FOUND)
    assert isinstance(decide(out, seen(FOUND, head=162), POLICY), Wait)
    assert decide(out, seen(FOUND, head=163), POLICY) == Finish(FOUND)


def test_another_block_is_another_finding_however_deep() -> None:
    moved = replace(FOUND, block_hash="0xbb")
    assert decide(replace(OUT, mined=FOUND), seen(moved, head=500), POLICY) == Mined(moved)


def test_what_a_reorganisation_undid_goes_back() -> None:
    assert decide(replace(OUT, mined=FOUND), seen(None, head=500), POLICY) == Unmined()
    assert decide(replace(OUT, mined=FOUND), seen(None, head=500, used=9, settled=9), POLICY) == Unmined()


def test_it_is_lost_only_when_its_nonce_is_settled_and_all_agree_that_it_was_not_it() -> None:
    assert isinstance(decide(OUT, replace(SIGHT, used=6, settled=5), POLICY), Wait)
    assert decide(OUT, replace(SIGHT, used=6, settled=6), POLICY) == Lost()
    assert isinstance(decide(OUT, replace(SIGHT, used=6, settled=6, receipts={}), POLICY), Wait)
    two = replace(OUT, attempts=(FIRST, SECOND))
    assert isinstance(decide(two, replace(SIGHT, used=6, settled=6, receipts={"0x01": None}), POLICY), Wait)


def test_where_nodes_disagree_nothing_is_undone() -> None:
    assert isinstance(decide(replace(OUT, mined=FOUND), replace(SIGHT, head=500, receipts={}), POLICY), Wait)


# -- fees --------------------------------------------------------------------------------------------------------------
def test_a_replacement_is_dearer_by_more_than_nodes_ask_for_and_never_above_the_cap() -> None:
    assert raised(FIRST, 10 * GWEI, 1, POLICY) == (226 * GWEI // 10, 113 * GWEI // 100)
    assert raised(FIRST, 90 * GWEI, 3 * GWEI, POLICY) == (90 * GWEI, 3 * GWEI)
    dear = replace(FIRST, fee=180 * GWEI)
    assert raised(dear, 10 * GWEI, 1, POLICY) is None
    assert raised(replace(FIRST, fee=176 * GWEI), 900 * GWEI, GWEI, POLICY) == (200 * GWEI, 113 * GWEI // 100)
    assert raised(FIRST, 10 * GWEI, 300 * GWEI, POLICY) is None
    assert raised(replace(FIRST, tip=None), 50 * GWEI, None, POLICY) == (50 * GWEI, None)


# -- nonces ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("used", "pending", "ours", "expected"), [
    (5, 5, [], 5), (5, 7, [], 7), (5, 5, [8], 9), (9, 9, [3], 9), (0, 0, [0], 1)])
def test_a_new_nonce_is_behind_everything(used: int, pending: int, ours: list[int], expected: int) -> None:
    assert next_nonce(replace(SIGHT, used=used, pending=pending), ours) == expected


def test_gaps_are_what_nobody_holds_before_ours() -> None:
    assert gaps(5, [5, 6]) == []
    assert gaps(5, [8, 6]) == [5, 7]
    assert gaps(5, []) == []
    assert gaps(7, [5, 6]) == []
