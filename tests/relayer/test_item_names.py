"""Names of the outbox's items: one for what says the same, and told by its parts."""

from __future__ import annotations

import pytest

from relayer import item_names

WHO = "0x" + "Ab" * 20


def test_a_name_tells_what_it_was_made_of() -> None:
    margin = item_names.of_margin(WHO, 1_800_000_000, 3)
    assert margin == item_names.of_margin(WHO.lower(), 1_800_000_000, 3)
    assert item_names.parts(margin) == {"kind": "margin", "account": WHO.lower(), "epoch_id": 1_800_000_000,
                                        "version": 3}
    assert item_names.words(margin) == f"margin of {WHO.lower()} version 3, epoch 1800000000 (2027-01-15T08:00:00Z)"
    cover = item_names.of_cover(WHO, 1_800_000_000, 3, 2)
    assert item_names.parts(cover) == {**item_names.parts(margin), "kind": "cover", "step": 2}
    assert "version 3 step 2, epoch 1800000000 (" in item_names.words(cover)
    batch = item_names.of_batch("batch-16", 7, 1_800_000_000)
    assert item_names.parts(batch) == {"kind": "batch-16", "digest": f"0x{7:064x}", "epoch_id": 1_800_000_000}
    assert item_names.words(batch) == f"batch-16 0x{7:064x}, epoch 1800000000 (2027-01-15T08:00:00Z)"
    assert len({margin, cover, batch, item_names.of_margin(WHO, 1_800_000_000, 4)}) == 4


@pytest.mark.parametrize("name", ["", "a", "<script>", "margin 0x12 1 1", "margin x 1", f"margin {WHO} 1 1",
                                  f"margin {WHO.lower()} 1", f"margin {WHO.lower()} -1 1", "batch-4 12 1"])
def test_a_name_of_another_form_is_said_as_it_is(name: str) -> None:
    assert item_names.parts(name) == {}
    assert item_names.words(name) == name


def test_times_beyond_dates_have_none() -> None:
    assert item_names.words(item_names.of_margin(WHO, 1 << 40, 1)).endswith("epoch 1099511627776 (no date)")
