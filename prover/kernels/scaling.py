"""Many points of G1 times scalars, in lanes: the linear combinations that a verifier needs.

A *code* per lane says what a step adds: bit NEGATE negates the point, bit TURN applies the endomorphism
(x, y) -> (BETA x, y), which is multiplication by LAMBDA, bit SKIP leaves the lane alone.

A random multiplier is r = sum of d_j 2**j over 64 digits d_j in {1, -1, LAMBDA, -LAMBDA}. No two strings of digits give
the same multiplier. In Z[w], w**2 + w + 1 = 0, w for LAMBDA: let j be the lowest digit in which two strings differ. Two
different digits differ by +-1 +-w, which is 1 + w modulo 2, or by 2 u with u in {1, -1, w, -w}. The difference of the
multipliers over 2**j is odd in the first case; over 2**(j+1) it is u, plus 0 or 1 + w, modulo 2 in the second; so never
zero. Modulo r only elements of norm >= r vanish, and the norm of the difference is below 2**134.

No step of such a multiplication adds equal or opposite points: 2 (d_63 2**k + ...) is even in Z[w], a digit is odd.
Sums of several points start from secret random points instead, so that no input can provoke an addition of equal or
opposite points.
"""

from __future__ import annotations

import functools
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from primitives.native import compiled
from prover.curve import G1, G1_GROUP

from . import curve
from .coordinates import Fp
from .field import BASE, EIGHT, LANES, LIMBS, STORED, Words
from .field import SCALAR_MODULUS as R
from .lanes import I8, I32, Emitter, Lanes, Mask, Value, ir, kernel
from .memory import empty
from .steps import BLOCK, C, P
from .tower import POINT

BETA = 2203960485148121921418603742825762020974279258880205651966
LAMBDA = 4407920970296243842393367215006156084916469457145843978461
NEGATE, TURN, SKIP = 1, 2, 4
DIGITS = 64                                # of a random multiplier
CHUNK_BITS, WINDOW = 32, 4                 # a fixed-base scalar has one chunk a lane, cut into windows
WINDOWS = CHUNK_BITS // WINDOW

ALL = (1 << LANES) - 1
SUM = 4                                    # in working memory: x, y, z of a sum, in all lanes; before it, XYZZ


# -- kernels ----------------------------------------------------------------------------------------------------------
def _bit(emit: Emitter, codes: Value, bit: int) -> Mask:
    b = emit.builder
    return Mask(emit, b.icmp_unsigned("!=", b.and_(codes, emit.splat(bit)), emit.splat(0)))


def _load_coded(emit: Emitter, points: Value, place: Value, digits: Value, digit: Value) -> tuple[curve.Affine, Mask]:
    """The affine point in values place, place + 1, as its codes say, and the mask of lanes to skip."""
    codes = emit.load(digits, digit)
    x, y = (Lanes.load(emit, BASE, points, emit.plus(place, k)) for k in range(2))
    turned = (x * Lanes.constant(emit, BASE, BETA)).normalize().select(_bit(emit, codes, TURN), x)
    return curve.Affine(turned, y.negate_where(_bit(emit, codes, NEGATE))), _bit(emit, codes, SKIP)


def _fetch(emit: Emitter, work: Value) -> curve.XYZZ:
    return curve.XYZZ(*[Lanes.load(emit, BASE, work, k, POINT) for k in range(4)])


def _save(work: Value, point: curve.XYZZ) -> None:
    for k, value in enumerate(point.coordinates()):
        value.normalize().store(work, k, POINT)


@kernel(apart=True)
def _start(emit: Emitter, work: Value, points: Value, place: Value, digits: Value, digit: Value) -> None:
    point, _ = _load_coded(emit, points, place, digits, digit)
    one = Lanes.constant(emit, BASE, 1)
    for k, value in enumerate((point.x, point.y, one, one)):
        value.reduce().store(work, k, STORED)


@kernel(apart=True)
def _double(emit: Emitter, work: Value) -> None:
    _save(work, curve.xyzz_double(_fetch(emit, work)))


@kernel(apart=True)
def _add(emit: Emitter, work: Value, points: Value, place: Value, digits: Value, digit: Value) -> None:
    total = _fetch(emit, work)
    point, skip = _load_coded(emit, points, place, digits, digit)
    _save(work, curve.select_point(Fp, skip, total, curve.xyzz_add_affine(total, point)))


@kernel(apart=True)
def _add_entry(emit: Emitter, work: Value, table: Value, base: Value, digits: Value, digit: Value) -> None:
    """Add to each lane the entry of its comb table that its digit names; none if that is 0."""
    b, chosen, size = emit.builder, emit.load(digits, digit), 1 << WINDOW
    first = emit.times(base, LANES * size)
    entries = [b.add(emit.plus(first, lane * size), b.extract_element(chosen, ir.Constant(I32, lane)))
               for lane in range(LANES)]
    x, y = (Lanes.gather(emit, BASE, [emit.address(table, emit.plus(emit.times(entry, 2), k), 32, I8)
                                      for entry in entries]) for k in range(2))
    total, skip = _fetch(emit, work), Mask(emit, b.icmp_unsigned("==", chosen, emit.splat(0)))
    _save(work, curve.select_point(Fp, skip, total, curve.xyzz_add_affine(total, curve.Affine(x, y))))


def _turn_lanes(value: Lanes, shift: int) -> Lanes:
    value = value.normalize()
    order = [(k + shift) % LANES for k in range(LANES)]
    limbs = [value.emit.shuffle(limb, limb, order) for limb in value.limbs]
    return Lanes(value.emit, value.field, limbs, 0, value.high)


def _store_projective(emit: Emitter, memory: Value, out: Value, point: curve.XYZZ) -> None:
    """(x, y, z), the affine point being (x / z, y / z)."""
    for k, value in enumerate((point.x * point.zzz, point.y * point.zz, point.zz * point.zzz)):
        value.store(memory, emit.plus(out, k), POINT)


@kernel(apart=True)
def _to_block(emit: Emitter, work: Value, blocks: Value, place: Value) -> None:
    _store_projective(emit, blocks, place, _fetch(emit, work))


@kernel(apart=True)
def _begin_sum(emit: Emitter, work: Value, blinds: Value) -> None:
    _save(work, _fetch(emit, blinds))


@kernel(apart=True, returns=True)
def _end_sum(emit: Emitter, work: Value, blinds: Value) -> Value:
    """The sum of all lanes, in all lanes, the blinds taken away; returns whether it is finite, a bit a lane."""
    total = _fetch(emit, work)
    for shift in (4, 2, 1):
        total = curve.xyzz_add(total, curve.XYZZ(*[_turn_lanes(c, shift) for c in total.coordinates()]))
    undo = curve.Affine(*[Lanes.load(emit, BASE, blinds, 4 + k) for k in range(2)])
    result = curve.xyzz_add_affine(total, undo)
    _store_projective(emit, work, emit.integer(SUM), result)
    return emit.mask_bits((~result.zz.is_zero()).bits)


# -- loops ------------------------------------------------------------------------------------------------------------
@compiled
def _scale_each(work: Words, blocks: Words, begin: int, end: int, codes: Words) -> None:
    for block in range(begin, end):
        place, first = BLOCK * block + P, DIGITS * block
        _start(work, blocks, place, codes, first)
        for digit in range(first + 1, first + DIGITS):
            _double(work)
            _add(work, blocks, place, codes, digit)
        _to_block(work, blocks, place)


@compiled
def _sum_scaled(work: Words, blinds: Words, blocks: Words, begin: int, end: int, codes: Words) -> int:
    _begin_sum(work, blinds)
    for digit in range(DIGITS):
        _double(work)
        for block in range(begin, end):
            _add(work, blocks, BLOCK * block + C, codes, DIGITS * block + digit)
    return _end_sum(work, blinds)


@compiled
def _sum_fixed(work: Words, blinds: Words, table: Words, digits: Words) -> int:
    bases = digits.shape[0] // WINDOWS
    _begin_sum(work, blinds)
    for window in range(WINDOWS):
        for _ in range(WINDOW):
            _double(work)
        for base in range(bases):
            _add_entry(work, table, base, digits, window * bases + base)
    return _end_sum(work, blinds)


# -- host side --------------------------------------------------------------------------------------------------------
class _Own(threading.local):
    """Working memory of each thread: the point at work, and a sum."""

    def __init__(self) -> None:
        self.work = empty((SUM + 3, LIMBS, LANES))


_OWN = _Own()


@dataclass(frozen=True)
class Sum:
    """A point (x / z, y / z) as limbs (3, 5), and whether it is finite (z is not zero)."""

    point: Words
    finite: bool


def scale_each(blocks: Words, begin: int, end: int, codes: Words) -> None:
    """In blocks begin .. end-1 every affine P becomes r P, projective; codes as of `random_multipliers`."""
    _scale_each(_OWN.work, blocks, begin, end, codes)


def sum_scaled(blocks: Words, begin: int, end: int, codes: Words) -> Sum:
    """The sum of r C over the lanes of blocks begin .. end-1 that the codes do not skip."""
    finite = _sum_scaled(_OWN.work, _blinds(DIGITS), blocks, begin, end, codes)
    return Sum(_OWN.work[SUM:, :, 0].copy(), finite == ALL)


def sum_fixed(table: Words, scalars: Sequence[int]) -> Sum:
    """The sum of scalars, below 2**256, times the bases of a comb table."""
    finite = _sum_fixed(_OWN.work, _blinds(CHUNK_BITS), table, _comb_digits(scalars))
    return Sum(_OWN.work[SUM:, :, 0].copy(), finite == ALL)


def _put(points: Sequence[G1]) -> list[Words]:
    """Eight affine points -> two lanes values."""
    return [BASE.lanes([point[k] for point in points]) for k in range(2)]


def _finite(point: G1 | None) -> G1:
    """A point that cannot be the identity: a multiple, below the order, of a finite point."""
    assert point is not None
    return point


@functools.cache
def _blinds(steps: int) -> Words:
    """Secret starting points, XYZZ, one a lane, and the affine point that takes them away after `steps` doublings.

    They are the multiples 2**lane of a secret point, so no input that was made without knowing it can meet them.
    """
    secret = 1 + secrets.randbelow(R - 1)
    points = [_finite(G1_GROUP.multiply(G1_GROUP.generator, secret))]
    while len(points) < LANES:
        points.append(_finite(G1_GROUP.add(points[-1], points[-1])))
    undo = _finite(G1_GROUP.multiply(G1_GROUP.generator, -secret * ((1 << LANES) - 1 << steps) % R))
    one, result = BASE.splat(1), empty((6, LIMBS, LANES))
    result[:] = [*_put(points), one, one, *_put([undo] * LANES)]
    return result


def comb_table(points: Sequence[G1]) -> Words:
    """Multiples of fixed bases, (n, 8, 16, 2, 4): entry d of lane l is d 2**(32 l) times the base, entry 0 unused."""
    values = []
    for chunk in (chunk for point in points for chunk in _chunks(point)):
        entries = [chunk, chunk]
        while len(entries) < 1 << WINDOW:
            entries.append(_finite(G1_GROUP.add(entries[-1], chunk)))
        values += [coordinate for entry in entries for coordinate in entry]
    table = empty((len(points), LANES, 1 << WINDOW, 2, 4))
    table[:] = EIGHT.pack(BASE, values).reshape(table.shape)
    return table


def _chunks(point: G1) -> list[G1]:
    chunks = [point]
    while len(chunks) < LANES:
        chunks.append(_finite(G1_GROUP.multiply(chunks[-1], 1 << CHUNK_BITS)))
    return chunks


def _comb_digits(scalars: Sequence[int]) -> Words:
    """Digits [window][scalar][lane], (windows * scalars, 8), most significant window first."""
    raw = b"".join([scalar.to_bytes(32, "little") for scalar in scalars])
    words = np.frombuffer(raw, "<u4").reshape(1, -1, LANES)
    shifts = np.arange(CHUNK_BITS - WINDOW, -1, -WINDOW, dtype=np.uint32).reshape(-1, 1, 1)
    return ((words >> shifts) & np.uint32((1 << WINDOW) - 1)).astype(np.uint64).reshape(-1, LANES)


def random_multipliers(count: int) -> tuple[list[int], Words]:
    """`count` random multipliers, as integers below r and as codes (DIGITS * vectors, 8), [vector][digit][lane].

    Lanes that no multiplier uses have random codes too.
    """
    vectors = -(-count // LANES)
    raw = np.frombuffer(secrets.token_bytes(16 * LANES * vectors), np.uint64).reshape(2, vectors, LANES)
    shifts = np.arange(DIGITS - 1, -1, -1, dtype=np.uint64).reshape(1, -1, 1)
    one = np.uint64(1)
    negate, turn = ((raw[k][:, None, :] >> shifts) & one for k in range(2))
    codes = (negate * np.uint64(NEGATE)) | (turn * np.uint64(TURN))
    full, integers = (1 << DIGITS) - 1, []
    for n, e in zip(raw[0].ravel()[:count].tolist(), raw[1].ravel()[:count].tolist(), strict=True):
        straight = (full ^ e) - 2 * (n & ~e & full)              # the digits 1 and -1
        integers.append((straight + LAMBDA * (e - 2 * (n & e))) % R)
    return integers, codes.reshape(-1, LANES)


def negated(codes: Words, count: int) -> Words:
    """The codes of minus the first `count` multipliers, all other lanes skipped."""
    result = codes ^ np.uint64(NEGATE)
    used = count % LANES or LANES
    result[-DIGITS:, used:] = SKIP
    return result


def kernels() -> list[Callable[[], object]]:
    """What to call to have every loop compiled."""
    blocks, codes = empty((BLOCK, LIMBS, LANES)), empty((DIGITS, LANES))
    return [lambda: scale_each(blocks, 0, 0, codes), lambda: sum_scaled(blocks, 0, 0, codes),
            lambda: sum_fixed(empty((0, LANES, 1 << WINDOW, 2, 4)), [])]
