"""The ceremony's building blocks against their standards."""

from __future__ import annotations

import hashlib
import struct

import pytest

from primitives.errors import BadInput
from prover.ceremony.blake2b import State
from prover.ceremony.randomness import Stream, beacon_stream, hash_to_g2
from prover.ceremony.transcript import Beacon
from prover.curve import G1_GROUP, G2_GROUP


def test_the_stream_is_chacha20():
    """Key zero, nonce zero, blocks 0 and 1: RFC 8439, appendix A.1, vectors 1 and 2."""
    stream = Stream(bytes(32))
    output = struct.pack("<32I", *(stream.word() for _ in range(32)))
    assert output[:16].hex() == "76b8e0ada0f13d90405d6ae55386bd28"
    assert output[64:80].hex() == "9f07e7be5551387a98ba977c732d080d"


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 256, 1000])
@pytest.mark.parametrize("split", [0, 1, 128, 129, 500])
def test_a_continued_hash_is_the_hash(size, split):
    """Kept after `split` bytes, and continued, against hashlib on everything."""
    data = bytes(i * 7 % 256 for i in range(size + split))
    begun = State()
    begun.update(data[:split])
    state = State.read(begun.write())
    state.update(data[split:])
    assert state.digest() == state.digest() == hashlib.blake2b(data).digest()


def test_impossible_hash_states_are_refused():
    for compressed, filled in ((0, 129), (1, 0)):
        state = bytes(128) + struct.pack("<10Q", *range(8), compressed, filled) + bytes(8)
        with pytest.raises(BadInput, match="hash state"):
            State.read(state)


def test_points_are_drawn_from_their_groups():
    g1, g2 = Stream(b"\7" * 32).point_g1(), hash_to_g2(b"\7" * 64)
    assert G1_GROUP.on_curve(g1)
    assert G2_GROUP.on_curve(g2)
    assert G2_GROUP.in_subgroup(g2)
    assert hash_to_g2(b"\10" + b"\7" * 63) != g2
    assert hash_to_g2(b"\7" * 32 + b"\10" * 32) == g2      # the seed is the first half


@pytest.mark.parametrize(("value", "iterations"), [(b"", 10), (b"1" * 256, 10), (b"1", 9), (b"1", 27), (b"1", 63)])
def test_beacons_out_of_range_are_refused(value, iterations):
    with pytest.raises(BadInput, match="beacon"):
        beacon_stream(Beacon(value, iterations))
