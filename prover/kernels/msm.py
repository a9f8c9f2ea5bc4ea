"""Multi-scalar multiplication on G1 and G2: Pippenger's buckets with batched affine additions.

Scalars are halved by the curve's endomorphism first (see `endomorphism`), so n points make 2 n terms. Terms that are
zero are dropped, those that are one or minus one are added up apart. Each window of `bits` bits of the others is an
independent task for the thread pool:

1. sort:  references to the points are counting-sorted by the magnitude of their signed digit;
2. tree:  the points of each bucket are added up (see `buckets`);
3. sum:   the sum of b * bucket[b] by running sums (see `windows`).

Where there are more threads than windows, windows are cut into parts. The result does not depend on any of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from primitives import threads

from .additions import ARENA_BIT, INDEX_MASK, SIGN_BIT
from .arithmetic import LAYOUT
from .buckets import References, Space, add_up_buckets, make_space
from .convert import identities, with_images
from .digits import Marks, digits_of, terms_of, windows_of
from .few import sum_few
from .field import BASE, Words
from .tasks import Lender, in_turn
from .windows import GROUPS, blinding, join_windows, sort_by_bucket, sum_buckets

MAX_BITS = 16                   # of a window: digits are 16-bit
FEW = 64                        # terms that are not worth buckets
BUCKET = 3                      # see `window_bits`
PART = 1 << 14                  # terms that are worth a task of their own


SPACES: Lender[Space] = Lender(lambda space: space.size)


@contextmanager
def borrow_space(point: tuple[int, ...], references: int, buckets: int) -> Iterator[Space]:
    """A space with exactly so many buckets (bucket 0 included) and at least so many references."""
    def fits(space: Space) -> bool:
        return space.room >= references and len(space.counts) >= buckets

    with SPACES.borrow(point, fits, lambda: make_space(point, references, buckets)) as space:
        yield space._replace(counts=space.counts[:buckets], starts=space.starts[:buckets], sums=space.sums[:buckets])


@dataclass(frozen=True)
class Bases:
    """Points prepared for `msm`: in packed form, padded with identities, and their images under φ.

    Keys of circuits have identities among their points, one for each wire that a matrix has no entry for. Their terms
    are dropped: two in a bucket would have to be added carefully, and all those beside them.
    """

    points: Words
    identities: Marks

    @property
    def count(self) -> int:
        """How many points."""
        return len(self.identities)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.points.nbytes + self.identities.nbytes


def prepare(points: Words) -> Bases:
    """Points at the edge, (n, 2, 4) or (n, 2, 2, 4), made ready; twice their memory."""
    packed = with_images(points)
    return Bases(packed, identities(packed[:len(points)]))


def window_bits(terms: int) -> int:
    """Bits per window that take the least time: a bucket costs about as much as BUCKET additions to buckets."""
    return min(range(4, MAX_BITS + 1), key=lambda bits: windows_of(bits) * (terms + BUCKET * (1 << (bits - 1))))


def msm(bases: Bases, scalars: Words, bits: int | None = None, parts: int | None = None) -> Any:
    """The sum of scalars[i] * points[i], scalars (n, 4) in Montgomery form; None for the identity.

    `bits` a window and `parts` of a window are chosen by size and threads if not given; the result is the same.
    """
    if len(scalars) != bases.count:
        raise ValueError(f"{len(scalars)} scalars for {bases.count} points")
    points, dimensions = bases.points, bases.points.ndim
    if not bases.count:
        return None
    terms = terms_of(scalars, len(points) // 2, bases.identities)
    count = len(terms.names)
    if count + len(terms.units) <= FEW and bits is None:
        return sum_few(points, terms.halves, np.concatenate([terms.names, terms.units & INDEX_MASK]).astype(np.int64))
    bits = bits or window_bits(count)
    windows = windows_of(bits)
    parts = parts or max(1, min(count // PART, -(-2 * threads.count() // windows)))
    digits, blind = digits_of(terms, bits), blinding(dimensions)
    sums = np.empty((windows, parts, *blind.start(0).shape), np.uint64)
    units: list[Any] = []

    def one_task(task: tuple[int, int]) -> None:
        window, part = task
        if window == windows:                          # not a window: the terms that are one or minus one
            units.append(sum_points(points, terms.units))
            return
        first, last = count * part // parts, count * (part + 1) // parts
        with borrow_space(points.shape[1:], last - first, (1 << (bits - 1)) + 1) as space:
            sort_by_bucket(digits[window, first:last], terms.names[first:last], space)
            add_up_buckets(points, space)
            sums[window, part] = blind.start(part)
            sum_buckets(points, space, sums[window, part])

    tasks = [(window, part) for window in range(windows) for part in range(parts)] if count else []
    in_turn(one_task, [(windows, 0), *tasks])
    total = join_windows(sums, bits, dimensions) if count else None
    return blind.group.add(total, units[0])


def sum_points(points: Words, references: References) -> Any:
    """The sum of the named points, as a point on integers."""
    if not len(references):
        return None
    with borrow_space(points.shape[1:], len(references), 2) as space:
        space.counts[:] = 0, len(references)
        space.order[:len(references)] = references
        add_up_buckets(points, space)
        name = int(space.sums[1])
        row = (space.arena if name & ARENA_BIT else points)[name & INDEX_MASK]
        values = LAYOUT.unpack(BASE, row.reshape(-1, 4))
    if not any(values):
        return None
    point = (values[0], values[1]) if len(values) == 2 else ((values[0], values[1]), (values[2], values[3]))
    return GROUPS[points.ndim].negate(point) if name & SIGN_BIT else point
