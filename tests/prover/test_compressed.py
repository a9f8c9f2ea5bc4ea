"""Compressed points: the bytes that gnark-crypto writes, back and forth, and nothing else accepted."""

from __future__ import annotations

import random

import pytest

from primitives.errors import BadInput
from prover.compressed import (
    compress_g1,
    compress_g2,
    compress_proof,
    decompress_g1,
    decompress_g2,
    decompress_proof,
    square_root_fp2,
)
from prover.curve import BASE_MODULUS as Q
from prover.curve import G1_GROUP, G2_GROUP, ORDER, multiply_fp2

RNG = random.Random(8)
SCALARS = [1, 2, 3, ORDER - 1, ORDER - 2, *(RNG.randrange(ORDER) for _ in range(8))]
G1_POINTS = [G1_GROUP.multiply(G1_GROUP.generator, k) for k in SCALARS]
G2_POINTS = [G2_GROUP.multiply(G2_GROUP.generator, k) for k in SCALARS]
A, B, C = G1_POINTS[5], G2_POINTS[6], G1_POINTS[7]
RAW = compress_proof(A, B, C)


def test_the_generators_are_written_as_gnark_writes_them():
    assert compress_g1(G1_GROUP.generator).hex() == "80" + "00" * 30 + "01"
    assert compress_g2(G2_GROUP.generator).hex() == (
        "998e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
        "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed")
    assert compress_g1(None).hex() == "40" + "00" * 31
    assert compress_g2(None).hex() == "40" + "00" * 63


@pytest.mark.parametrize("point", [*G1_POINTS, None])
def test_g1_survives(point):
    raw = compress_g1(point)
    assert len(raw) == 32
    assert decompress_g1(raw) == point
    assert point is None or compress_g1(G1_GROUP.negate(point)) == bytes([raw[0] ^ 0x40]) + raw[1:]


@pytest.mark.parametrize("point", [*G2_POINTS, None])
def test_g2_survives(point):
    raw = compress_g2(point)
    assert len(raw) == 64
    assert decompress_g2(raw) == point
    assert point is None or compress_g2(G2_GROUP.negate(point)) == bytes([raw[0] ^ 0x40]) + raw[1:]


def test_proofs_survive():
    assert len(RAW) == 128
    assert decompress_proof(RAW) == (A, B, C)


@pytest.mark.parametrize(("change", "name"), [
    (lambda raw: raw[:-1], "proof"), (lambda raw: raw + b"\0", "proof"), (lambda raw: b"", "proof"),
    (lambda raw: compress_g1(None) + raw[32:], "pi_a"), (lambda raw: raw[:32] + compress_g2(None) + raw[96:], "pi_b"),
    (lambda raw: raw[:96] + compress_g1(None), "pi_c"), (lambda raw: bytes([raw[0] & 63]) + raw[1:], "pi_a"),
    (lambda raw: raw[:32] + bytes([raw[32] & 63 | 64]) + raw[33:], "pi_b"), (lambda raw: bytes(128), "pi_a"),
    (lambda raw: raw[:64] + Q.to_bytes(32, "big") + raw[96:], "pi_b"),
    (lambda raw: raw[:96] + (Q | 1 << 255).to_bytes(32, "big"), "pi_c")])
def test_what_is_no_proof_is_named(change, name):
    with pytest.raises(BadInput) as error:
        decompress_proof(change(RAW))
    assert error.value.field == name


@pytest.mark.parametrize("raw", [
    b"", bytes(32), b"\x80" * 31, b"\x80" * 33, b"\x40" + bytes(30) + b"\x01", b"\xc0" + bytes(31),
    (Q + 1 | 1 << 255).to_bytes(32, "big"), b"\xff" * 32, b"\x80" + bytes(30) + b"\x04", b"\x00" + bytes(30) + b"\x01"])
def test_bytes_that_are_no_point_of_g1_are_refused(raw):
    with pytest.raises(BadInput, match="here"):
        decompress_g1(raw, "here")


def test_half_of_all_x_have_no_point():
    found = [x for x in range(64) if G1_GROUP.on_curve((x, pow(x**3 + 3, (Q + 1) // 4, Q)))]
    assert 16 < len(found) < 48
    for x in range(64):
        raw = (x | 1 << 255).to_bytes(32, "big")
        if x in found:
            assert decompress_g1(raw)[0] == x
        else:
            with pytest.raises(BadInput, match="no point of G1"):
                decompress_g1(raw)


def test_roots_in_fp2_exist_just_for_squares():
    for value in [(RNG.randrange(Q), RNG.randrange(Q)) for _ in range(20)] + [(k, 0) for k in (0, 1, 2, 3, 5, Q - 1)]:
        square = multiply_fp2(value, value)
        root = square_root_fp2(square)
        assert root is not None
        assert multiply_fp2(root, root) == square
        assert square_root_fp2(multiply_fp2(square, (9, 1))) is None or square == (0, 0)    # 9 + u is no square
    assert multiply_fp2(square_root_fp2((0, 4)), square_root_fp2((0, 4))) == (0, 4)


def test_a_root_whose_imaginary_part_is_zero_is_ordered_by_its_real_part():
    """Of the twist's points with y = c0, compressed and back: none need lie in G2."""
    for y in range(1, 200):
        b = G2_GROUP.b
        x3 = ((y * y - b[0]) % Q, -b[1] % Q)
        x = cube_root(x3)
        if x is not None:
            for point in ((x, (y, 0)), (x, (Q - y, 0))):
                assert G2_GROUP.on_curve(point)
                assert decompress_g2(compress_g2(point)) == point
            return
    raise AssertionError("found no point to try")


def cube_root(value):
    """A cube root in Fp2, or None: a power finds one up to roots of one of order 3**k, which are tried."""
    group = Q * Q - 1
    odd = group
    while odd % 3 == 0:
        odd //= 3
    guess = power(value, pow(3, -1, odd))
    generator = power((9, 1), odd)
    for _ in range(group // odd):
        if multiply_fp2(multiply_fp2(guess, guess), guess) == value:
            return guess
        guess = multiply_fp2(guess, generator)
    return None


def power(base, exponent):
    result = (1, 0)
    for bit in bin(exponent)[2:]:
        result = multiply_fp2(result, result)
        if bit == "1":
            result = multiply_fp2(result, base)
    return result
