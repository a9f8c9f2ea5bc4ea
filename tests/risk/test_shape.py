from __future__ import annotations

from dataclasses import replace

import pytest

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.shape import EpochShape, TailSize

DEMO = EpochShape(scenarios=256, tail=TailSize(32, 5), depth=3)


def test_tail_counts_in_full_and_in_part() -> None:
    assert (TailSize(32, 5).counted, TailSize(32, 5).fractional) == (6, True)
    assert (TailSize(25).counted, TailSize(25).fractional) == (25, False)
    assert (TailSize(1, 3).counted, TailSize(1, 3).fractional) == (0, True)
    assert str(TailSize.parse("32/5")) == "32/5"
    assert TailSize.parse("25") == TailSize(25, 1)


@pytest.mark.parametrize("text", ["", "0", "0/5", "5/0", "-1/2", "6.4", "64/10", "1/2/3", " 1/2", 6.4, 6, None, True,
                                  "4294967296", "99999999999"])
def test_a_tail_is_two_positive_integers_in_lowest_terms(text: object) -> None:
    with pytest.raises(BadInput, match=r"model\.toml: tail is"):
        TailSize.parse(text, source="model.toml")


def test_sizes_follow_from_the_shape() -> None:
    assert (DEMO.capacity, DEMO.packs) == (512, 52)
    assert EpochShape(scenarios=1000, tail=TailSize(51, 2), depth=4, lanes=4, width=63).packs == 250


@pytest.mark.parametrize(("change", "field"), [
    ({"scenarios": 0}, "scenarios"), ({"scenarios": 256.0}, "scenarios"), ({"depth": 0}, "depth"),
    ({"depth": 7}, "depth"), ({"lanes": 6}, "lanes"), ({"width": 51}, "lanes"), ({"value_bits": 49}, "value_bits"),
    ({"value_bits": 0}, "value_bits"), ({"mode": "grid"}, "mode"), ({"scenarios": 6}, "tail")])
def test_a_size_out_of_bounds_is_refused_by_name(change: dict[str, int], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        replace(DEMO, **change)  # type: ignore[arg-type]
    assert field in refused.value.field


def test_the_tail_may_hold_every_scenario_but_no_more() -> None:
    assert replace(DEMO, tail=TailSize(256)).tail.counted == 256
    with pytest.raises(BadInput, match="at most the number of scenarios, 256"):
        replace(DEMO, tail=TailSize(513, 2))


def test_every_size_enters_the_digest() -> None:
    changed = [replace(DEMO, scenarios=255), replace(DEMO, tail=TailSize(31, 5)), replace(DEMO, depth=4),
               replace(DEMO, lanes=4), replace(DEMO, width=49), replace(DEMO, value_bits=43)]
    digests = {shape.digest() for shape in [DEMO, *changed]}
    assert len(digests) == 7
    assert all(0 < digest < 2**248 for digest in digests)


def test_the_digest_is_keccak_of_canonical_json() -> None:
    from eth_hash.auto import keccak

    text = b'{"depth":3,"lanes":5,"mode":"full","scenarios":256,"tail":"32/5","value_bits":44,"width":50}'
    assert jsonio.canonical(DEMO.to_json()) == text
    assert DEMO.digest() == int.from_bytes(keccak(text), "big") >> 8


def test_json_round_trip_and_refusals() -> None:
    assert EpochShape.from_json(Node(DEMO.to_json())) == DEMO
    for key, value in [("mode", "grid"), ("tail", "6.4"), ("tail", "999"), ("lanes", 6), ("depth", 3.0)]:
        with pytest.raises(BadInput, match=r"manifest\.json: .*" + key):
            EpochShape.from_json(Node(DEMO.to_json() | {key: value}, field="shape", source="manifest.json"))
