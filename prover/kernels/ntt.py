"""Number-theoretic transforms over the scalar field, and the quotient of a proof, on either arithmetic.

Element i of a vector of n = LANES * m lies in lane i % LANES of block i // LANES. With w the n-th root of unity, l a
lane, b a block and a frequency f = f1 + m f2 (f1 < m), the transform splits [Cooley, Tukey 1965] into

    w**((LANES b + l) f) = (w**LANES)**(b f1) * w**(l f1) * (w**m)**(l f2):

a transform of length m over the blocks, the same in every lane; a *twist* by w**(l f1); and a transform across lanes.

*Inwards* (values to coefficients) decimates in frequency: its input is in natural order, its output in the order of
`Rounds.scattered`. *Outwards* (coefficients to values) decimates in time and undoes it. Neither reorders anything, so a
quotient never does; and on a coset outwards takes hardly longer, since the powers of the shift go into the twist.

Rounds have radix 4 (and one radix 2 where needed). Blocks that are far apart go through the first rounds together, in
columns; what is left are chunks that fit the second cache, treated alike.

All multiplications are by constants (`factors`). Between rounds, blocks are below PRODUCT q inwards and below LOOSE q
outwards: a round reduces only the one value of four that it does not multiply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeAlias

from primitives import field, threads
from primitives.native import compiled
from prover.domain import root_of_unity

from .arithmetic import ELEMENT, LANES, LAYOUT, STORED, kernel
from .emitter import I8, I32, I64, Element, Emitter, Value
from .factors import FACTOR, Factor
from .field import EDGE_RADIX, SCALAR, Words
from .field import SCALAR_MODULUS as R
from .lanes import exchange_lanes
from .memory import empty, reading, uninitialized
from .tasks import Lender, in_turn
from .twiddles import LOG_LANES, Order, Twist, powers, reverse, rounds_of, twist_of

CHUNK = 1 << 14                 # elements whose rounds go on without leaving the second cache
NEAR = 4                        # rounds that a run of blocks goes through before the next run is touched
GROUP = max(LANES, 2)           # blocks that go through radix-2 butterflies and across lanes one after the other
LEAST = 1 << 6                  # groups of blocks that are worth a thread of their own
TILE = 1 << 12                  # blocks put in or taken out between rounds
SMALLEST = 2 * LOG_LANES        # log2 of the shortest vector that fills whole groups of LANES blocks
PRODUCT, LOOSE = FACTOR.PRODUCT, FACTOR.SUM


# -- kernels -------------------------------------------------------------------------------------------------------
def load(emit: Emitter, data: Value, index: Value, bound: float = STORED) -> Any:
    """Block number `index`."""
    return ELEMENT.load(emit, SCALAR, data, index, bound)


def constant(emit: Emitter, value: int) -> Factor:
    """A constant in all lanes."""
    return FACTOR.constant(emit, SCALAR, value)


def four_places(emit: Emitter, i: Value, step: Value) -> list[Value]:
    """i, i + step, i + 2 step, i + 3 step."""
    places = [i]
    for _ in range(3):
        places.append(emit.builder.add(places[-1], step))
    return places


def twiddles_of(emit: Emitter, table: Value, entry: Value) -> list[Factor]:
    """w**j, w**2j, w**3j."""
    return [FACTOR.broadcast(emit, SCALAR, table, emit.plus(emit.times(entry, 3), k)) for k in range(3)]


def inwards_radix4(emit: Emitter, data: Value, places: list[Value]) -> tuple[Any, Any, Any, Any]:
    """The sums of four blocks at frequencies 0, 2, 1, 3, before their twiddles."""
    a, b, c, d = [load(emit, data, place, PRODUCT) for place in places]
    even, odd, difference = a + c, b + d, a - c
    turned = constant(emit, pow(root_of_unity(2), -1, R)) * (b - d)
    return even + odd, even - odd, difference + turned, difference - turned


@kernel
def inwards4(emit: Emitter, data: Value, i: Value, step: Value, table: Value, entry: Value) -> None:
    """One radix-4 butterfly, decimating in frequency, on blocks i + (0, 1, 2, 3) step."""
    places = four_places(emit, i, step)
    w1, w2, w3 = twiddles_of(emit, table, entry)
    f0, f2, f1, f3 = inwards_radix4(emit, data, places)
    for place, value in zip(places, (f0.reduce(), w2 * f2, w1 * f1, w3 * f3), strict=True):
        value.store(data, place, PRODUCT)


@kernel
def inwards4_last(emit: Emitter, data: Value, i: Value) -> None:
    """The radix-4 butterfly on four neighbours: no twiddles."""
    places = four_places(emit, i, emit.integer(1))
    for place, value in zip(places, inwards_radix4(emit, data, places), strict=True):
        value.store(data, place, LOOSE)


def outwards_radix4(emit: Emitter, a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    """Values at four places from sums at frequencies 0, 2, 1, 3, their twiddles applied."""
    even, odd, sum_, turned = a + b, a - b, c + d, constant(emit, root_of_unity(2)) * (c - d)
    return even + sum_, odd + turned, even - sum_, odd - turned


@kernel
def outwards4(emit: Emitter, data: Value, i: Value, step: Value, table: Value, entry: Value) -> None:
    """One radix-4 butterfly, decimating in time, on blocks i + (0, 1, 2, 3) step."""
    places = four_places(emit, i, step)
    w1, w2, w3 = twiddles_of(emit, table, entry)
    a, b, c, d = [load(emit, data, place, LOOSE) for place in places]
    for place, value in zip(places, outwards_radix4(emit, a.reduce(), w2 * b, w1 * c, w3 * d), strict=True):
        value.store(data, place, LOOSE)


@kernel
def outwards4_first(emit: Emitter, data: Value, i: Value) -> None:
    """The radix-4 butterfly on four neighbours: no twiddles."""
    places = four_places(emit, i, emit.integer(1))
    values = [load(emit, data, place, PRODUCT) for place in places]
    for place, value in zip(places, outwards_radix4(emit, *values), strict=True):
        value.store(data, place, LOOSE)


def exchange(values: Sequence[Any]) -> Sequence[Any]:
    """Lane j of result i is lane i of value j."""
    return exchange_lanes(values) if LANES > 1 else values


def twisted(emit: Emitter, value: Any, fine: Value, low: Value, coarse: Value, high: Value) -> Any:
    """A value times its twist fine[low] * coarse[high]."""
    return FACTOR.load(emit, SCALAR, coarse, high) * (FACTOR.load(emit, SCALAR, fine, low) * value)


@kernel
def radix2(emit: Emitter, data: Value, i: Value) -> None:
    """The radix-2 butterfly on neighbours, the same in both directions."""
    a, b = (load(emit, data, emit.plus(i, k), PRODUCT) for k in range(2))
    for k, value in enumerate((a + b, a - b)):
        value.store(data, emit.plus(i, k), LOOSE)


@kernel
def inwards_lanes(emit: Emitter, data: Value, i: Value, fine: Value, low: Value, coarse: Value, high: Value) -> None:
    """What follows the rounds, for the LANES blocks i .. : twist, transform across lanes."""
    values = [load(emit, data, emit.plus(i, k), LOOSE) for k in range(LANES)]
    across = list(exchange([twisted(emit, value, fine, emit.plus(low, k), coarse, high)
                            for k, value in enumerate(values)]))
    root, half = pow(root_of_unity(LOG_LANES), -1, R), LANES // 2
    while half:
        for start in range(0, LANES, 2 * half):
            for k in range(start, start + half):
                a, b = across[k], across[k + half]
                turn = constant(emit, pow(root, (k - start) * (LANES // 2 // half), R))
                across[k], across[k + half] = a + b, turn * (a - b) if k > start else a - b
        half //= 2
    for k, value in enumerate(across):
        value.reduce().store(data, emit.plus(i, k))


@kernel
def outwards_lanes(emit: Emitter, data: Value, i: Value, fine: Value, low: Value, coarse: Value, high: Value) -> None:
    """`inwards_lanes` in opposite order and direction."""
    across = [load(emit, data, emit.plus(i, k), PRODUCT) for k in range(LANES)]
    root, half = root_of_unity(LOG_LANES), 1
    while half < LANES:
        for start in range(0, LANES, 2 * half):
            for k in range(start, start + half):
                turn = constant(emit, pow(root, (k - start) * (LANES // 2 // half), R))
                a, b = across[k], turn * across[k + half] if k > start else across[k + half]
                across[k], across[k + half] = a + b, a - b
        half *= 2
    for k, value in enumerate(exchange(across)):
        twisted(emit, value, fine, emit.plus(low, k), coarse, high).store(data, emit.plus(i, k), PRODUCT)


@kernel
def shift_lanes(emit: Emitter, data: Value, i: Value, shifts: Value) -> None:
    """Multiply coefficient f2, in the LANES blocks i .. , by shifts[f2]; shifts[0] is one."""
    for k in range(1, LANES):
        shift = FACTOR.broadcast(emit, SCALAR, shifts, reverse(k, LOG_LANES))
        (shift * load(emit, data, emit.plus(i, k))).store(data, emit.plus(i, k), PRODUCT)


@kernel
def take_in(emit: Emitter, values: Value, order: Value, data: Value, k: Value) -> None:
    """Block k = the elements of a vector (n, 4) that order[LANES * k ..] names."""
    ELEMENT.gather(emit, SCALAR, places_of(emit, values, order, k)).store(data, k)


@kernel
def take_in_product(emit: Emitter, left: Value, right: Value, order: Value, data: Value, k: Value) -> None:
    """Block k = the products of the elements of two vectors (n, 4) that order[LANES * k ..] names."""
    x, y = (ELEMENT.gather(emit, SCALAR, places_of(emit, values, order, k)) for values in (left, right))
    edge_product(x, y).store(data, k)


def edge_product(x: Any, y: Any) -> Any:
    """The product of elements in the form of the edge, in that form: ours divides by more than this form has."""
    for _ in range(((LAYOUT.radix // EDGE_RADIX).bit_length() - 1) // 2):
        x, y = x + x, y + y
    return x * y


@kernel
def take_out(emit: Emitter, values: Value, order: Value, data: Value, k: Value) -> None:
    """The counterpart of `take_in`, fully reduced."""
    load(emit, data, k, LOOSE).canonical().scatter(places_of(emit, values, order, k))


def places_of(emit: Emitter, values: Value, order: Value, k: Value) -> list[Value]:
    """Byte pointers to the elements of block k."""
    b, places = emit.builder, []
    for lane in range(LANES):
        word = b.load(emit.address(order, emit.plus(emit.times(k, LANES), lane), 4, I32), align=4)
        places.append(emit.address(values, b.zext(word, I64), 32, I8))
    return places


@kernel
def close(emit: Emitter, a: Value, b: Value, c: Value, k: Value, out: Value) -> None:
    """Elements of block k of out (n, 4) = a * b - c, fully reduced; all in the Montgomery form of the edge."""
    x, y, z = (load(emit, values, k, LOOSE).reduce() for values in (a, b, c))
    difference: Element = edge_product(x, y) - z
    difference.canonical().scatter([emit.address(out, emit.plus(emit.times(k, LANES), lane), 32, I8)
                                    for lane in range(LANES)])


# -- rounds --------------------------------------------------------------------------------------------------------
# Each function does one or two stages on blocks begin .. begin+size-1. The first is `outer` rounds on columns
# first .. last-1, column j being what these rounds connect with block j. The second, unless `inner` is negative, does
# all that is left, on runs of blocks that nothing connects any more: `inner` rounds, `radix2` if there are `pairs`, and
# `inwards_lanes`.
@compiled
def inwards(data: Words, table: Words, fine: Words, coarse: Words, begin: int, size: int, outer: int, first: int,
            last: int, inner: int, pairs: bool) -> None:
    """From length `size` down."""
    for stage in range(2):
        if stage == 0:
            whole, rounds = size, outer
        else:
            whole, rounds, first, last = size >> (2 * outer), inner, 0, size >> (2 * (outer + inner))
        for origin in range(begin, begin + size, whole):
            columns = whole >> (2 * rounds)
            for j in range(first, last):
                length = whole
                for _ in range(rounds):
                    step = length // 4
                    for start in range(origin, origin + whole, length):
                        if step == 1:
                            inwards4_last(data, start)
                        else:
                            for k in range(j, step, columns):
                                inwards4(data, start + k, step, table, step // 3 + k)
                    length = step
            if stage == 1:
                for i in range(origin, origin + whole, LANES):
                    if pairs and i % GROUP == 0:
                        for k in range(i, i + GROUP, 2):
                            radix2(data, k)
                    inwards_lanes(data, i, fine, i % fine.shape[0], coarse, i // fine.shape[0])
        if inner < 0:
            return


@compiled
def outwards(data: Words, table: Words, fine: Words, coarse: Words, shifts: Words, begin: int, size: int, outer: int,
             first: int, last: int, inner: int, pairs: bool) -> None:
    """Up to length `size`: the stages of `inwards` in opposite order and direction."""
    for stage in range(1 if inner >= 0 else 0, -1, -1):
        if stage == 0:
            whole, rounds, begun, ended = size, outer, first, last
        else:
            whole, rounds, begun, ended = size >> (2 * outer), inner, 0, size >> (2 * (outer + inner))
        for origin in range(begin, begin + size, whole):
            if stage == 1:
                for i in range(origin, origin + whole, LANES):
                    if shifts.shape[0] > 1:                # there are lanes, and the coset is not the domain itself
                        shift_lanes(data, i, shifts)
                    outwards_lanes(data, i, fine, i % fine.shape[0], coarse, i // fine.shape[0])
                    if pairs and (i + LANES) % GROUP == 0:
                        for k in range(i + LANES - GROUP, i + LANES, 2):
                            radix2(data, k)
            columns = whole >> (2 * rounds)
            for j in range(begun, ended):
                length = columns
                for _ in range(rounds):
                    step, length = length, length * 4
                    for start in range(origin, origin + whole, length):
                        if step == 1:
                            outwards4_first(data, start)
                        else:
                            for k in range(j, step, columns):
                                outwards4(data, start + k, step, table, step // 3 + k)


# Blocks are walked through in rows of `columns`: columns first .. last-1, whole groups of LANES, a group of each row in
# turn.
@compiled
def take_in_all(values: Words, order: Order, data: Words, first: int, last: int, columns: int) -> None:
    """Blocks from a vector."""
    for j in range(first, last, LANES):
        for row in range(0, data.shape[0], columns):
            for k in range(row + j, row + j + LANES):
                take_in(values, order, data, k)


@compiled
def take_in_products(left: Words, right: Words, order: Order, data: Words, first: int, last: int,
                     columns: int) -> None:
    """Blocks from the products of two vectors."""
    for j in range(first, last, LANES):
        for row in range(0, data.shape[0], columns):
            for k in range(row + j, row + j + LANES):
                take_in_product(left, right, order, data, k)


@compiled
def take_out_all(values: Words, order: Order, data: Words, first: int, last: int, columns: int) -> None:
    """Blocks to a vector."""
    for j in range(first, last, LANES):
        for row in range(0, data.shape[0], columns):
            for k in range(row + j, row + j + LANES):
                take_out(values, order, data, k)


@compiled
def close_all(a: Words, b: Words, c: Words, out: Words, first: int, last: int, columns: int) -> None:
    """out = a * b - c."""
    for j in range(first, last, LANES):
        for row in range(0, a.shape[0], columns):
            for k in range(row + j, row + j + LANES):
                close(a, b, c, k, out)


# -- transforms ----------------------------------------------------------------------------------------------------
BLOCKS: Lender[Words] = Lender(lambda blocks: blocks.nbytes)


def borrow_blocks(log: int) -> AbstractContextManager[Words]:
    """Room for a vector of 2**log elements."""
    shape = ((1 << log) // LANES, *LAYOUT.shape)
    return BLOCKS.borrow(log, lambda blocks: True, lambda: empty(shape))


Finish: TypeAlias = Callable[[int, int, int], None]
"""What to do with columns first .. last-1 of rows of so many blocks, as soon as they are ready."""


def transform(log: int, vectors: Sequence[Words], *, start: Sequence[Finish] = (), in_by: Twist | None = None,
              out_by: Twist | None = None, finish: Finish | None = None) -> None:
    """Transform vectors (blocks, LIMBS, LANES) in place: inwards, then outwards, or one of them.

    Parameters
    ----------
    start : for each vector, what puts blocks there: just before they are needed, so that they are still in the cache.
    finish : what uses the blocks of all vectors, just after they were made.
    """
    tables, blocks = rounds_of(log), (1 << log) // LANES
    far = 0                                            # rounds that connect chunks
    while blocks * LANES >> (2 * far) > CHUNK:
        far += 1
    chunk = blocks >> (2 * far)
    total, pairs = (chunk.bit_length() - 1) // 2, bool(tables.depth % 2)
    near = min(NEAR, total)
    columns = chunk >> (2 * (total - near))

    def come_in(task: tuple[int, int, int]) -> None:
        number, first, last = task
        if start:
            start[number](first, last, chunk)
        if in_by:
            inwards(vectors[number], tables.inwards, in_by.fine, in_by.coarse, 0, blocks, far, first, last, -1, pairs)

    def turn(task: tuple[Words, int]) -> None:
        data, begin = task
        if in_by:
            inwards(data, tables.inwards, in_by.fine, in_by.coarse, begin, chunk, total - near, 0, columns, near, pairs)
        if out_by:
            outwards(data, tables.outwards, out_by.fine, out_by.coarse, out_by.shifts, begin, chunk, total - near, 0,
                     columns, near, pairs)

    def go_out(task: tuple[int, int]) -> None:
        first, last = task
        for data in vectors:
            if out_by:
                outwards(data, tables.outwards, out_by.fine, out_by.coarse, out_by.shifts, 0, blocks, far, first, last,
                         -1, pairs)
        if finish:
            finish(first, last, chunk)

    tile = min(TILE, blocks // threads.count())
    tiles = range(0, chunk, max(LANES, tile * chunk // blocks // LANES * LANES))
    bounds = [(first, min(first + tiles.step, chunk)) for first in tiles]
    if start or in_by:
        in_turn(come_in, [(number, *bound) for number in range(len(vectors)) for bound in bounds])
    in_turn(turn, [(data, begin) for data in vectors for begin in range(0, blocks, chunk)])
    in_turn(go_out, bounds)


def log_of(count: int) -> int:
    """log2 of a power of two."""
    if count <= 0 or count & (count - 1):
        raise ValueError(f"no transform of {count} elements: not a power of two")
    return count.bit_length() - 1


def ntt(values: Words, *, inverse: bool = False, coset: int | None = None) -> Words:
    """Values at coset * w**i from coefficients (2**k, 4), or with `inverse` back; natural order."""
    count, shift = len(values), 1 if coset is None else coset % R
    log = log_of(count)
    if not shift:
        raise ValueError("no transform on the coset 0")
    if log < SMALLEST:
        return _short(values, inverse, shift)
    rounds, out, source = rounds_of(log), uninitialized((count, 4)), reading(values)
    twist = twist_of(log, 1 if inverse else shift, not inverse)
    with borrow_blocks(log) as data:
        if inverse:
            transform(log, [data], start=[partial(take_in_all, source, rounds.natural, data)], in_by=twist)
            scatter(partial(take_out_all, out, rounds.scattered, data), len(data))
        else:
            scatter(partial(take_in_all, source, rounds.scattered, data), len(data))
            transform(log, [data], out_by=twist, finish=partial(take_out_all, out, rounds.natural, data))
    return field.multiply(out, powers(pow(shift, -1, R), count)) if inverse and shift != 1 else out


def quotient(a: Words, b: Words) -> Words:
    """From values (2**k, 4) of A and B on the domain to those of A*B - C on the odd coset, C having their products.

    Six transforms.
    """
    count = len(a)
    log = log_of(count)
    if len(a) != len(b):
        raise ValueError(f"no quotient of {len(a)} and {len(b)} values")
    shift = root_of_unity(log + 1)
    if log < SMALLEST:
        x, y, z = (_short(_short(values, True, 1), False, shift) for values in (a, b, field.multiply(a, b)))
        return field.subtract(field.multiply(x, y), z)
    left, right, natural, out = reading(a), reading(b), rounds_of(log).natural, uninitialized((count, 4))
    with borrow_blocks(log) as x, borrow_blocks(log) as y, borrow_blocks(log) as z:
        start = [partial(take_in_all, left, natural, x), partial(take_in_all, right, natural, y),
                 partial(take_in_products, left, right, natural, z)]
        transform(log, (x, y, z), start=start, in_by=twist_of(log, 1, False), out_by=twist_of(log, shift, True),
                  finish=partial(close_all, x, y, z, out))
    return out


def scatter(task: Finish, blocks: int) -> None:
    """Do a task on all blocks in two rows: in scattered order, groups of LANES blocks of both share cache lines."""
    columns = max(LANES, blocks // 2)
    threads.share(columns // LANES, lambda first, last: task(LANES * first, LANES * last, columns), least=LEAST)


def _short(values: Words, inverse: bool, shift: int) -> Words:
    """`ntt` term by term, for vectors that do not fill the lanes."""
    count, plain = len(values), field.decode(values)
    root = root_of_unity(count.bit_length() - 1)
    if not inverse:
        return field.encode([sum(x * pow(shift * pow(root, i, R), f, R) for f, x in enumerate(plain)) % R
                             for i in range(count)])
    scale = pow(count, -1, R)
    return field.encode([scale * pow(shift, -f, R) * sum(x * pow(root, -i * f, R) for i, x in enumerate(plain)) % R
                         for f in range(count)])
