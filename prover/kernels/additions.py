"""The kernels of the multi-scalar multiplication, for G1 and G2 alike (see `coordinates`).

Arrays, C-contiguous:

* points, arena: uint64 (n, 2, 4) for G1 and (n, 2, 2, 4) for G2: packed affine points;
* source, target, array: uint32 point references;
* left, right: uint64 pointers to points (see `pair_up`);
* running, prefix, state: uint64 (count, limbs, lanes) or (count, 2, limbs, lanes): coordinates; an XYZZ point is four
  consecutive ones.

A reference is SIGN_BIT | ARENA_BIT | index: it names point `index` of `points`, or of `arena` when ARENA_BIT is set,
and its negative when SIGN_BIT is.

Bounds of stored values: x, y below STORED q; zz, zzz and running products below PRODUCT q.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from . import curve
from .arithmetic import LANES, PRODUCT, STORED, kernel
from .coordinates import coordinate_type
from .emitter import I8, I32, I64, Element, Emitter, Mask, Value
from .field import BASE

XYZZ_BOUNDS = (STORED, STORED, PRODUCT, PRODUCT)

SIGN_BIT = 1 << 31
ARENA_BIT = 1 << 30
INDEX_MASK = ARENA_BIT - 1
NEGATED = 1                    # in a pointer
PAIRED = 8                     # pairs made at a time


class Named:
    """Packed points in memory, one a lane, and which of them are meant negated."""

    def __init__(self, emit: Emitter, addresses: list[Value], signs: Mask) -> None:
        self.emit, self.addresses, self.signs = emit, addresses, signs

    @classmethod
    def by_references(cls, emit: Emitter, points: Value, arena: Value, references: Value, index: Value) -> Named:
        """The points that references[index ..] name."""
        b, addresses = emit.builder, []
        for lane in range(LANES):
            word = b.load(emit.address(references, emit.plus(index, lane), 4, I32), align=4)
            in_arena = b.icmp_unsigned("!=", b.and_(word, ir.Constant(I32, ARENA_BIT)), ir.Constant(I32, 0))
            slot = b.zext(b.and_(word, ir.Constant(I32, INDEX_MASK)), I64)
            addresses.append(b.gep(b.select(in_arena, arena, points), [emit.times(slot, point_size(emit))]))
        kind = ir.VectorType(I32, LANES) if LANES > 1 else I32
        whole = b.load(emit.address(references, index, 4, kind), align=4)
        return cls(emit, addresses, Mask(emit, b.icmp_signed("<", whole, ir.Constant(kind, None))))

    @classmethod
    def by_pointers(cls, emit: Emitter, pointers: Value, index: Value) -> Named:
        """The points at pointers[index ..]; see `pair_up`."""
        b, addresses = emit.builder, []
        for lane in range(LANES):
            word = b.load(emit.address(pointers, emit.plus(index, lane), 8, I64), align=8)
            addresses.append(b.inttoptr(b.and_(word, emit.integer(~NEGATED)), I8.as_pointer()))
        kind = ir.VectorType(I64, LANES) if LANES > 1 else I64
        whole = b.load(emit.address(pointers, index, 8, kind), align=8)
        negated = ir.Constant(kind, [ir.Constant(I64, NEGATED)] * LANES if LANES > 1 else NEGATED)
        return cls(emit, addresses, Mask(emit, b.icmp_unsigned("!=", b.and_(whole, negated), ir.Constant(kind, None))))

    def coordinate(self, number: int) -> Any:
        """x (0) or y (1) of the points as stored."""
        return coordinate_type(self.emit).gather(self._element, number)

    def point(self) -> tuple[curve.Affine, curve.Affine]:
        """The points as stored, and with their signs applied."""
        point = curve.Affine(self.coordinate(0), self.coordinate(1))
        return point, point.negate_where(self.signs)

    def _element(self, slot: int) -> Element:
        places = [self.emit.builder.gep(address, [self.emit.integer(32 * slot)]) for address in self.addresses]
        return self.emit.element.gather(self.emit, BASE, places)


def point_size(emit: Emitter) -> int:
    """Bytes of a packed point."""
    return 64 * int(coordinate_type(emit).parts)


def store_point(emit: Emitter, arena: Value, first: Value, point: curve.Affine) -> None:
    """Write one packed point a lane to arena[first ..]."""
    kind, size = coordinate_type(emit), point_size(emit)

    def store(slot: int, value: Element) -> None:
        places = [emit.address(arena, emit.plus(emit.times(emit.plus(first, lane), size // 32), slot), 32, I8)
                  for lane in range(LANES)]
        value.scatter(places)

    kind.scatter(store, 0, point.x)
    kind.scatter(store, 1, point.y)


def load_xyzz(emit: Emitter, state: Value, index: Value) -> curve.XYZZ:
    """XYZZ points number index // 4, one a lane."""
    base = emit.times(index, 4)
    return curve.XYZZ(*[coordinate_type(emit).load(emit, state, emit.plus(base, i), bound)
                        for i, bound in enumerate(XYZZ_BOUNDS)])


def store_xyzz(emit: Emitter, state: Value, index: Value, point: curve.XYZZ) -> None:
    """The counterpart of `load_xyzz`."""
    base = emit.times(index, 4)
    for i, (value, bound) in enumerate(zip(point.coordinates(), XYZZ_BOUNDS, strict=True)):
        value.store(state, emit.plus(base, i), bound)


# -- batch-affine addition of pairs --------------------------------------------------------------------------------
@kernel
def pair_up(emit: Emitter, points: Value, arena: Value, source: Value, read: Value, left: Value, right: Value,
            k: Value, target: Value, write: Value, first: Value) -> None:
    """Make PAIRED pairs of neighbours: of source[read ..], into left[k ..] and right[k ..].

    What they hold are addresses of points, plus NEGATED where the negative is meant. The references target[write ..]
    name where the sums will be: arena[first ..].
    """
    b, both = emit.builder, ir.VectorType(I32, 2 * PAIRED)
    wide, narrow = ir.VectorType(I64, PAIRED), ir.VectorType(I32, PAIRED)

    def splat(value: int, kind: Any) -> Value:
        return ir.Constant(kind, [ir.Constant(kind.element, value)] * PAIRED)

    def base(pointer: Value) -> Value:
        one = b.insert_element(ir.Constant(wide, ir.Undefined), b.ptrtoint(pointer, I64), ir.Constant(I32, 0))
        return emit.shuffle(one, one, [0] * PAIRED)

    neighbours = b.load(emit.address(source, read, 4, both), align=4)
    for side, pointers in ((0, left), (1, right)):
        names = emit.shuffle(neighbours, neighbours, range(side, 2 * PAIRED, 2))
        in_arena = b.icmp_unsigned("!=", b.and_(names, splat(ARENA_BIT, narrow)), splat(0, narrow))
        slots = b.zext(b.and_(names, splat(INDEX_MASK, narrow)), wide)
        offsets = b.mul(slots, splat(point_size(emit), wide))
        negated = b.zext(b.lshr(names, splat(31, narrow)), wide)
        address = b.add(b.select(in_arena, base(arena), base(points)), b.or_(offsets, negated))
        b.store(address, emit.address(pointers, k, 8, wide), align=8)
    ahead = b.trunc(b.or_(first, emit.integer(ARENA_BIT)), I32)
    one = b.insert_element(ir.Constant(narrow, ir.Undefined), ahead, ir.Constant(I32, 0))
    steps = ir.Constant(narrow, [ir.Constant(I32, n) for n in range(PAIRED)])
    names = b.add(emit.shuffle(one, one, [0] * PAIRED), steps)
    b.store(names, emit.address(target, write, 4, narrow), align=4)


@kernel
def prefetch(emit: Emitter, arena: Value, left: Value, right: Value, i: Value) -> None:
    """Start loading the points of pairs i .. ."""
    for pointers in (left, right):
        for lane in range(LANES):
            word = emit.builder.load(emit.address(pointers, emit.plus(i, lane), 8, I64), align=8)
            for line in range(point_size(emit) // 64):
                address = emit.builder.inttoptr(emit.plus(word, 64 * line), I8.as_pointer())
                emit.prefetch(address)


@kernel(returns=True)
def accumulate(emit: Emitter, arena: Value, left: Value, right: Value, i: Value, running: Value, prefix: Value,
               k: Value) -> Value:
    """Save running[0] as prefix[k], then multiply it by the chords x2 - x1 of pairs i .. , one a lane.

    Nonzero result: some pair may be exceptional (equal x, or an identity); then the running product is spoilt and
    `accumulate_carefully` must redo these pairs.
    """
    kind = coordinate_type(emit)
    x1, x2 = (Named.by_pointers(emit, pointers, i).coordinate(0) for pointers in (left, right))
    denominator = (x2 - x1).normalize()
    product = kind.load(emit, running, 0, PRODUCT)
    product.store(prefix, k, PRODUCT)
    (product * denominator).store(running, 0, PRODUCT)
    suspects = denominator.is_zero(limbs=1) | x1.is_exact_zero(limbs=1) | x2.is_exact_zero(limbs=1)
    return emit.mask_bits(suspects.bits)


@kernel
def finish(emit: Emitter, arena: Value, left: Value, right: Value, i: Value, running: Value, prefix: Value, k: Value,
           out: Value) -> None:
    """Write the sums of pairs i .. to arena[out ..] and strip their chords from running[0].

    On entry running[0] is the inverse of prefix[k] times these chords.
    """
    kind = coordinate_type(emit)
    (p, signed_p), (q, signed_q) = (Named.by_pointers(emit, pointers, i).point() for pointers in (left, right))
    remaining = kind.load(emit, running, 0, PRODUCT)
    inverse = remaining * kind.load(emit, prefix, k, PRODUCT)
    (remaining * curve.chord(p, q)).store(running, 0, PRODUCT)
    store_point(emit, arena, out, curve.affine_add(signed_p, signed_q, inverse))


def careful_pairs(emit: Emitter, left: Value, right: Value, i: Value) -> curve.Careful:
    """The complete addition of pairs i .. ."""
    (p, signed_p), (q, signed_q) = (Named.by_pointers(emit, pointers, i).point() for pointers in (left, right))
    return curve.Careful(coordinate_type(emit), p, q, signed_p, signed_q)


@kernel(apart=True)
def accumulate_carefully(emit: Emitter, arena: Value, left: Value, right: Value, i: Value, running: Value,
                         prefix: Value, k: Value) -> None:
    """Pairs i .. of any kind: running[0] = prefix[k] times denominators that are never zero."""
    product = coordinate_type(emit).load(emit, prefix, k, PRODUCT)
    (product * careful_pairs(emit, left, right, i).denominator()).store(running, 0, PRODUCT)


@kernel(apart=True)
def finish_carefully(emit: Emitter, arena: Value, left: Value, right: Value, i: Value, running: Value, prefix: Value,
                     k: Value, out: Value) -> None:
    """`finish` for pairs of any kind."""
    kind, careful = coordinate_type(emit), careful_pairs(emit, left, right, i)
    remaining = kind.load(emit, running, 0, PRODUCT)
    inverse = remaining * kind.load(emit, prefix, k, PRODUCT)
    (remaining * careful.denominator()).store(running, 0, PRODUCT)
    store_point(emit, arena, out, careful.add(inverse))


@kernel
def set_one(emit: Emitter, out: Value, k: Value) -> None:
    """out[k] = 1."""
    coordinate_type(emit).constant(emit, 1).store(out, k, PRODUCT)


@kernel
def move_point(emit: Emitter, arena: Value, k: Value, i: Value) -> None:
    """arena[k] = arena[i], one packed point."""
    lines = coordinate_type(emit).parts
    for line in range(lines):
        place, source = (emit.plus(emit.times(n, lines), line) for n in (k, i))
        emit.store(arena, place, emit.load(arena, source))


# -- XYZZ points in memory -----------------------------------------------------------------------------------------
@kernel
def add_named(emit: Emitter, points: Value, arena: Value, array: Value, i: Value, state: Value) -> None:
    """state[0] += the points that array[i ..] names; identities are skipped, no sum may be exceptional."""
    stored, point = Named.by_references(emit, points, arena, array, i).point()
    before = load_xyzz(emit, state, 0)
    after = curve.xyzz_add_affine(before, point)
    store_xyzz(emit, state, 0, curve.select_point(coordinate_type(emit), stored.is_identity(), before, after))


@kernel
def add_into(emit: Emitter, state: Value, k: Value, other: Value, m: Value) -> None:
    """state[k] += other[m] (not exceptional)."""
    store_xyzz(emit, state, k, curve.xyzz_add(load_xyzz(emit, state, k), load_xyzz(emit, other, m)))


@kernel
def double(emit: Emitter, state: Value, k: Value) -> None:
    """state[k] = 2 state[k]."""
    store_xyzz(emit, state, k, curve.xyzz_double(load_xyzz(emit, state, k)))
