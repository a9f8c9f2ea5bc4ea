"""BabyJubJub against EIP-2494, against the affine formulas written down literally, and at its edges."""

from __future__ import annotations

import random

import pytest

from primitives import babyjubjub
from primitives.babyjubjub import (
    BASE,
    COFACTOR,
    GENERATOR,
    IDENTITY,
    MONTGOMERY_A,
    ORDER,
    SUBGROUP_ORDER,
    A,
    D,
    Point,
    add,
    in_subgroup,
    is_on_curve,
    multiply,
    negate,
    pack,
    require_key,
    to_montgomery,
    unpack,
)
from primitives.errors import BadInput
from primitives.field import MODULUS

SMALL = [multiply(SUBGROUP_ORDER * k, GENERATOR) for k in range(8)]
"""All points of order 1, 2, 4 and 8."""
# EIP-2494's test vectors.
P1 = Point(17777552123799933955779906779655732241715742912184938656739573121738514868268,
           2626589144620713026669568689430873010625803728049924121243784502389097019475)
P2 = Point(16540640123574156134436876038791482806971768689494387082833631921987005038935,
           20819045374670962167435360035096875258406992893633759881276124905556507972311)
SUM = Point(7916061937171219682591368294088513039687205273691143098332585753343424131937,
            14035240266687799601661095864649209771790948434046947201833777492504781204499)
TWICE = Point(6890855772600357754907169075114257697580319025794532037257385534741338397365,
              4338620300185947561074059802482547481416142213883829469920100239455078257889)


def literal_sum(p: Point, q: Point) -> Point:
    """EIP-2494's formula, with its divisions."""
    t = D * p.x * q.x * p.y * q.y
    return Point((p.x * q.y + p.y * q.x) * pow(1 + t, -1, MODULUS) % MODULUS,
                 (p.y * q.y - A * p.x * q.x) * pow(1 - t, -1, MODULUS) % MODULUS)


def literal_multiple(scalar: int, point: Point) -> Point:
    total = IDENTITY
    while scalar:
        if scalar & 1:
            total = literal_sum(total, point)
        point, scalar = literal_sum(point, point), scalar >> 1
    return total


def random_points(count: int, seed: int = 1) -> list[Point]:
    rng = random.Random(seed)
    return [multiply(rng.randrange(ORDER), GENERATOR) for _ in range(count)]


def test_constants() -> None:
    """A is a square and D none, so addition is complete; the orders are what they are said to be."""
    assert pow(A, (MODULUS - 1) // 2, MODULUS) == 1
    assert pow(D, (MODULUS - 1) // 2, MODULUS) == MODULUS - 1
    assert MONTGOMERY_A * (A - D) == 2 * (A + D)
    assert 4 // (A - D) == 1
    assert ORDER == 21888242871839275222246405745257275088614511777268538073601725287587578984328
    for base in (2, 3, 5, 7, 11, 13):
        assert pow(base, SUBGROUP_ORDER - 1, SUBGROUP_ORDER) == 1
    assert multiply(COFACTOR, GENERATOR) == BASE
    assert is_on_curve(BASE)
    assert multiply(SUBGROUP_ORDER, BASE) == IDENTITY
    assert multiply(ORDER, GENERATOR) == IDENTITY != multiply(ORDER // 2, GENERATOR)
    # Hasse: |ORDER - r - 1| <= 2 sqrt(r), so ORDER is the number of points and not a multiple of another.
    assert (ORDER - MODULUS - 1) ** 2 <= 4 * MODULUS


def test_published_vectors() -> None:
    assert add(P1, P2) == literal_sum(P1, P2) == SUM
    assert add(P1, P1) == multiply(2, P1) == TWICE
    assert add(Point(0, 1), P1) == P1


def test_addition_is_the_formula_for_all_points() -> None:
    points = [*SMALL, *random_points(6), BASE]
    for p in points:
        assert add(p, negate(p)) == IDENTITY
        for q in points:
            assert add(p, q) == literal_sum(p, q)
            assert is_on_curve(add(p, q))
    assert babyjubjub.total(points) == add(babyjubjub.total(points[:5]), babyjubjub.total(points[5:]))
    assert babyjubjub.total([]) == IDENTITY


@pytest.mark.parametrize("scalar", [0, 1, 2, 3, SUBGROUP_ORDER - 1, SUBGROUP_ORDER, SUBGROUP_ORDER + 1, ORDER - 1,
                                    ORDER, ORDER + 5, 2**256 - 1])
def test_multiples(scalar: int) -> None:
    for point in (BASE, GENERATOR, SMALL[1], IDENTITY):
        assert multiply(scalar, point) == literal_multiple(scalar, point)
        assert multiply(-scalar, point) == negate(multiply(scalar, point))


def test_points_of_small_order() -> None:
    assert len(set(SMALL)) == 8
    assert SMALL[0] == IDENTITY
    assert SMALL[4] == (0, MODULUS - 1)
    for point in SMALL:
        assert is_on_curve(point)
        assert multiply(8, point) == IDENTITY
        assert in_subgroup(point) == (point == IDENTITY)


def test_the_montgomery_form() -> None:
    for point in [*random_points(4), BASE, *[p for p in SMALL if p.x]]:
        u, v = to_montgomery(point)
        assert (v * v - u**3 - MONTGOMERY_A * u * u - u) % MODULUS == 0
        assert (u * pow(v, -1, MODULUS) % MODULUS, (u - 1) * pow(u + 1, -1, MODULUS) % MODULUS) == point
    for point in (IDENTITY, SMALL[4]):
        with pytest.raises(ZeroDivisionError):
            to_montgomery(point)


@pytest.mark.parametrize(("point", "bound"), [
    (IDENTITY, "large order"), (SMALL[1], "large order"), (SMALL[2], "large order"), (SMALL[4], "large order"),
    (GENERATOR, "subgroup of prime order"), (add(BASE, SMALL[4]), "subgroup of prime order"),
    (Point(BASE.x, BASE.y + 1), "a point of BabyJubJub"), (Point(BASE.x + MODULUS, BASE.y), r"in \[0, r\)"),
    (Point(-1, BASE.y), r"in \[0, r\)"), (Point(0, 0), "a point of BabyJubJub")])
def test_what_is_no_key_is_refused(point: Point, bound: str) -> None:
    with pytest.raises(BadInput, match=bound):
        require_key("key", point)


def test_keys_and_scalars_are_accepted() -> None:
    scalar = babyjubjub.draw_scalar()
    assert 0 < scalar < SUBGROUP_ORDER
    assert require_key("key", multiply(scalar, BASE)) == multiply(scalar, BASE)
    assert babyjubjub.require_scalar("secret", scalar) == scalar
    for wrong in (0, -1, SUBGROUP_ORDER, True, "5"):
        with pytest.raises(BadInput, match="hidden"):
            babyjubjub.require_scalar("secret", wrong)          # type: ignore[arg-type]


def test_packing() -> None:
    for point in [*random_points(4), *SMALL, BASE, negate(BASE)]:
        assert unpack("point", pack(point)) == point
    assert pack(BASE) != pack(negate(BASE))


@pytest.mark.parametrize(("data", "bound"), [
    (bytes(31), "32 bytes"), (MODULUS.to_bytes(32, "little"), "below r"), ((2).to_bytes(32, "little"), "the y of"),
    ((1 | 1 << 255).to_bytes(32, "little"), "without a sign"),
    ((MODULUS + BASE.y).to_bytes(32, "little"), "below r")])
def test_other_encodings_are_refused(data: bytes, bound: str) -> None:
    with pytest.raises(BadInput, match=bound):
        unpack("point", data)


def test_square_roots() -> None:
    for value in (0, 1, 4, 5, MODULUS - 1, 12345):
        root = babyjubjub.square_root(value)
        assert (root is None) == (value != 0 and pow(value, (MODULUS - 1) // 2, MODULUS) != 1)
        assert root is None or root * root % MODULUS == value
