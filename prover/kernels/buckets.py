"""Adding up many buckets of affine points at once: a tree of pairs that share field inversions.

In rounds, neighbours within each bucket are paired and all pairs of the round are added in affine form, with one field
inversion for a block of them [Montgomery's trick], until every bucket is down to one point. A round rarely moves
points: it rewrites the list of references, whose ARENA_BIT names partial sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives.native import compiled

from .additions import (
    ARENA_BIT,
    INDEX_MASK,
    PAIRED,
    accumulate,
    accumulate_carefully,
    finish,
    finish_carefully,
    move_point,
    pair_up,
    prefetch,
    set_one,
)
from .arithmetic import LANES, LAYOUT
from .field import Words
from .inversion import invert
from .memory import empty, uninitialized

GROUP = 1 << 15                 # references worked on at a time, which bounds the memory for partial sums
BLOCK = 1024 // LANES           # pair vectors that share one inversion: their points stay in the L2 cache
AHEAD = 96                      # pairs fetched ahead of their use, forwards
BEHIND = LANES                  # and backwards (those points are in the L2 cache)
IDENTITY = ARENA_BIT            # reference to arena slot 0, which holds the identity

References = NDArray[np.uint32]


class Space(NamedTuple):
    """Working arrays of one thread.

    `order` lists the references of all buckets, bucket after bucket, and `counts` how many each has; bucket 0 is
    skipped. `near` and `far` do so for the buckets at work, in one round and the next. `arena` holds the identity, then
    one sum a bucket, then partial sums.
    """

    order: References
    counts: References
    starts: References
    near: References
    far: References
    left: Words
    right: Words
    arena: Words
    prefix: Words
    running: Words
    rests: Words
    state: Words
    flags: NDArray[np.uint8]
    sums: References

    @property
    def room(self) -> int:
        """References it can hold."""
        return len(self.order) - 2 * PAIRED

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(array.nbytes for array in self)


def make_space(point: tuple[int, ...], references: int, buckets: int) -> Space:
    """Arrays for points of shape `point`, room for so many references and buckets (bucket 0 included)."""
    value, group = (*point[1:-1], *LAYOUT.shape), min(references, GROUP)
    pairs = group // 2 + AHEAD + 2 * PAIRED
    arena = uninitialized((buckets + group + LANES, *point))
    arena[0] = 0                                   # the identity
    return Space(order=empty(references + 2 * PAIRED, np.uint32), counts=empty(buckets, np.uint32),
                 starts=empty(buckets, np.uint32), near=empty(group + 2 * PAIRED, np.uint32),
                 far=empty(group + 2 * PAIRED, np.uint32), left=empty(pairs), right=empty(pairs),
                 arena=arena, prefix=empty((BLOCK, *value)),
                 running=empty((1, *value)), rests=empty((1, *LAYOUT.shape)), state=empty((4, 5)),
                 flags=empty(BLOCK, np.uint8), sums=empty(buckets, np.uint32))


@compiled
def add_up_buckets(points: Words, space: Space) -> None:
    """Add the points of each bucket; space.sums[b] then names the sum of bucket b (IDENTITY if it is empty)."""
    arena, order, counts, left, right = space.arena, space.order, space.counts, space.left, space.right
    running, prefix, flags, sums = space.running, space.prefix, space.flags, space.sums
    scratch = np.int64(counts.size)
    begin, place = 1, np.int64(counts[0])
    while begin < counts.size:
        # Whole buckets up to GROUP references; or the first GROUP references of a larger bucket.
        end, size, left_over = begin, np.int64(0), np.int64(0)
        while end < counts.size and size + counts[end] <= GROUP:
            size += counts[end]
            end += 1
        if end == begin:
            left_over = np.int64(counts[begin]) - GROUP
            counts[begin] = GROUP
            end, size = begin + 1, np.int64(GROUP)

        first, from_, source, target, spare = scratch, place, order, space.near, space.far
        while True:
            # Pair neighbours; pair k will be arena point first + k. One branch a bucket at most goes either way.
            pairs, read, write = np.int64(0), from_, np.int64(0)
            for b in range(begin, end):
                count = np.int64(counts[b])
                half, odd = count >> 1, count & 1
                done = np.int64(0)
                while True:                            # too many are written where count is small, and overwritten
                    pair_up(points, arena, source, read + 2 * done, left, right, pairs + done, target, write + done,
                            first + pairs + done)
                    done += PAIRED
                    if done >= half:
                        break
                target[write + half] = source[read + count - odd]
                read, write, pairs = read + count, write + half + odd, pairs + half
                counts[b] = half + odd
            if pairs == 0:
                break
            from_, source, target, spare = np.int64(0), target, spare, target
            for k in range(pairs, pairs + LANES + AHEAD):        # repeat a pair to fill the last vector
                left[k], right[k] = left[0], right[0]

            # Add them, in blocks that share an inversion.
            vectors = (pairs + LANES - 1) // LANES
            for start in range(0, vectors, BLOCK):
                block = vectors - start if vectors - start < BLOCK else BLOCK
                set_one(running, 0)
                for k in range(block):
                    i = LANES * (start + k)
                    prefetch(arena, left, right, i + AHEAD)
                    flags[k] = accumulate(arena, left, right, i, running, prefix, k) != 0
                    if flags[k]:
                        accumulate_carefully(arena, left, right, i, running, prefix, k)

                invert(running, space.rests, space.state)
                for k in range(block - 1, -1, -1):
                    i = LANES * (start + k)
                    if k > 0:
                        prefetch(arena, left, right, i - BEHIND)
                    if flags[k]:
                        finish_carefully(arena, left, right, i, running, prefix, k, first + i)
                    else:
                        finish(arena, left, right, i, running, prefix, k, first + i)
            first += pairs

        # Keep the sums of this group in the front of the arena, where they outlive it.
        read = from_
        for b in range(begin, end):
            name = IDENTITY
            if counts[b]:
                name = int(source[read])
                read += 1
                if name & ARENA_BIT:
                    move_point(arena, b, name & INDEX_MASK)
                    name = ARENA_BIT | b
            sums[b] = name
        if left_over:                              # the sum so far goes on as one of what is left
            place += GROUP - 1
            order[place] = sums[begin]
            counts[begin] = left_over + 1
        else:
            place += size
            begin = end
