"""One window of a multi-scalar multiplication, and the joining of all windows.

The sum of b * bucket[b] over the buckets of a window is done by running sums, one contiguous range of buckets a lane.
They start from secret random points, so that they meet no exceptional addition whatever the input; what these starting
points contribute is known and subtracted at the end.
"""

from __future__ import annotations

import functools
import secrets
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.native import compiled
from prover.curve import G1_GROUP, G2_GROUP, Group

from .additions import SIGN_BIT, add_into, add_named, double
from .arithmetic import LANES, LAYOUT
from .buckets import Space
from .digits import Digits, References
from .field import BASE, Words
from .memory import empty

Steps = NDArray[np.int64]

SECRET_BITS = 128               # of what starting points are made with: enough not to be guessed
XYZZ = 4                        # coordinates of a point in a state
DOUBLE, ADD, ADD_NAMED = range(3)
GROUPS: dict[int, Group[Any]] = {3: G1_GROUP, 4: G2_GROUP}
"""The groups by the dimensions of their points arrays."""


@compiled
def sort_by_bucket(digits: Digits, names: References, space: Space) -> None:
    """Fill space.order with signed references grouped by |digit|, and space.counts."""
    order, counts, starts = space.order, space.counts, space.starts
    counts[:] = 0
    for i in range(digits.size):
        counts[np.uint32(abs(np.int64(digits[i])))] += 1
    position = np.uint32(0)
    for b in range(counts.size):
        starts[b] = position
        position += counts[b]
    for i in range(digits.size):
        digit = np.int64(digits[i])
        bucket = np.uint32(abs(digit))
        place = starts[bucket]
        starts[bucket] = place + np.uint32(1)
        order[place] = np.int64(names[i]) | (SIGN_BIT & (digit >> 32))


@compiled
def run_steps(points: Words, arena: Words, names: References, state: Words, steps: Steps) -> None:
    """Work on XYZZ points, step by step; see the makers of steps below."""
    for s in range(steps.shape[0]):
        what, k, m = steps[s, 0], steps[s, 1], steps[s, 2]
        if what == DOUBLE:
            double(state, k)
        elif what == ADD:
            add_into(state, k, state, m)
        else:
            add_named(points, arena, names, m, state)


def doubling(k: int) -> tuple[int, int, int]:
    """The step state[k] *= 2."""
    return DOUBLE, k, 0


def adding(k: int, m: int) -> tuple[int, int, int]:
    """The step state[k] += state[m]."""
    return ADD, k, m


def adding_named(m: int) -> tuple[int, int, int]:
    """The step state[0] += the points that names[m ..] names, one a lane."""
    return ADD_NAMED, 0, m


def as_steps(steps: list[tuple[int, int, int]]) -> Steps:
    """Steps for `run_steps`."""
    return np.array(steps, np.int64).reshape(-1, 3)


def work_on(state: Words, steps: Steps) -> None:
    """`run_steps` where no step names points."""
    nothing = np.zeros((1, *[2] * (state.ndim - 2), 4), np.uint64)
    run_steps(nothing, nothing, np.zeros(0, np.uint32), state, steps)


@functools.cache
def sum_steps(stride: int) -> Steps:
    """Steps on (run, total): run += bucket, then total += run, for `stride` buckets a lane, from the highest."""
    return as_steps([step for k in range(stride - 1, -1, -1) for step in (adding_named(LANES * k), adding(1, 0))])


@compiled
def name_lane_major(space: Space) -> None:
    """space.starts = the names of the sums, lane-major: lane l has buckets l * stride + 1 .. (l + 1) * stride."""
    stride = (space.sums.size - 1) // LANES
    for k in range(stride):
        for lane in range(LANES):
            space.starts[LANES * k + lane] = space.sums[lane * stride + k + 1]


def sum_buckets(points: Words, space: Space, state: Words) -> None:
    """Add to (run, total) in `state`, lane by lane: the sum of its buckets, and their sum weighted by 1, 2, ... ."""
    name_lane_major(space)
    run_steps(points, space.arena, space.starts, state, sum_steps((len(space.sums) - 1) // LANES))


@functools.cache
def lane_steps(stride: int) -> Steps:
    """Steps on (run, total) pairs 0 .. LANES-1, one per bucket range, and a scratch point that starts as the last run.

    They leave the sum of totals, plus stride * (sum of lane * run), in the last total.
    """
    if LANES == 1:
        return as_steps([])
    last_run, last_total, weighted = 2 * LANES - 2, 2 * LANES - 1, 2 * LANES
    steps = []
    for lane in range(LANES - 2, 0, -1):
        steps += [adding(last_run, 2 * lane), adding(weighted, last_run)]
    steps += [doubling(weighted)] * (stride.bit_length() - 1)
    steps += [adding(last_total, 2 * lane + 1) for lane in range(LANES - 1)]
    return as_steps([*steps, adding(last_total, weighted)])


@functools.cache
def horner_steps(windows: int, parts: int, bits: int) -> Steps:
    """Steps that leave the sum of 2**(bits * w) times points w * parts .. w * parts + parts - 1 in the last point."""
    total, steps = windows * parts - 1, list[tuple[int, int, int]]()
    for w in range(windows - 1, -1, -1):
        if w < windows - 1:
            steps += [doubling(total)] * bits
        steps += [adding(total, point) for point in range(w * parts, (w + 1) * parts) if point != total]
    return as_steps(steps)


class Blinding:
    """Secret starting points of the running sums of one group, and what they add to the result.

    They are the multiples 2**i of a secret point, so no input that was made without knowing it can meet them.
    """

    def __init__(self, group: Group[Any]) -> None:
        self.group = group
        self._points = [group.multiply(group.generator, 1 + secrets.randbits(SECRET_BITS))]
        self._known: dict[int, Any] = {}
        self._starts: dict[int, Words] = {}
        self._lock = threading.Lock()

    def start(self, part: int) -> Words:
        """(run, total) states that part number `part` of a window starts from; parts ask for them in their threads."""
        with self._lock:                           # two that double the last point at once would append it twice
            if part not in self._starts:
                self._starts[part] = self._start(part)
            return self._starts[part]

    def _start(self, part: int) -> Words:
        first = 2 * LANES * part
        while len(self._points) < first + 2 * LANES:
            self._points.append(self.group.add(self._points[-1], self._points[-1]))
        states = []
        for begin in (first, first + LANES):
            points = [(*point, self.group.field.one, self.group.field.one)
                      for point in self._points[begin:begin + LANES] if point is not None]
            states += [to_state(values) for values in zip(*points, strict=True)]
        return np.stack(states)

    def minus(self, multiple: int) -> Any:
        """Minus that multiple of the secret point."""
        if multiple not in self._known:
            self._known[multiple] = self.group.multiply(self._points[0], -multiple)
        return self._known[multiple]


_blindings: dict[int, Blinding] = {}
_making = threading.Lock()


def blinding(dimensions: int) -> Blinding:
    """The blinding for points arrays of 3 (G1) or 4 (G2) dimensions."""
    with _making:                                  # of two made at once, one would start sums and the other end them
        if dimensions not in _blindings:
            _blindings[dimensions] = Blinding(GROUPS[dimensions])
        return _blindings[dimensions]


def to_state(coordinates: Sequence[Any]) -> Words:
    """One coordinate a lane, integers or pairs of them -> array (limbs, lanes) or (2, limbs, lanes)."""
    if isinstance(coordinates[0], int):
        return LAYOUT.block(BASE, coordinates)
    return np.stack([LAYOUT.block(BASE, part) for part in zip(*coordinates, strict=True)])


def from_state(values: Words) -> Any:
    """The counterpart of `to_state`, lane 0 only."""
    if values.ndim == 2:
        return LAYOUT.integers(BASE, values)[0]
    return tuple(LAYOUT.integers(BASE, part)[0] for part in values)


@functools.cache
def starts_in_windows(bits: int, windows: int, parts: int) -> int:
    """How often the secret point is in the sum over all windows and parts that started from it."""
    stride, count = (1 << (bits - 1)) // LANES, 0
    for part in range(parts):
        for lane in range(LANES):
            run, total = 1 << (2 * LANES * part + lane), 1 << (2 * LANES * part + LANES + lane)
            count += total + stride * run + stride * lane * run
    return count * sum(1 << (bits * w) for w in range(windows))


def join_windows(sums: Words, bits: int, dimensions: int) -> Any:
    """States (windows, parts, 8 coordinates, ...) of (run, total) -> the whole sum as a point or None."""
    windows, parts, value = sums.shape[0], sums.shape[1], sums.shape[3:]
    flat, count = sums.reshape(-1, *sums.shape[2:]), windows * parts
    # The lanes of `sums` are bucket ranges: make them windows, LANES at a time (repeating the last).
    chosen = np.minimum(np.arange(-(-count // LANES) * LANES), count - 1)
    spread = flat[chosen].reshape(-1, LANES, *sums.shape[2:]).swapaxes(1, -1)
    steps, whole = lane_steps((1 << (bits - 1)) // LANES), list[Words]()
    for group in spread:
        state = empty(((2 * LANES + 1) * XYZZ, *value))
        state[:2 * LANES * XYZZ] = group.reshape(-1, *value)
        state[-XYZZ:] = state[-3 * XYZZ:-2 * XYZZ]                      # `weighted` starts as the last run
        work_on(state, steps)
        whole.extend(np.moveaxis(state[-2 * XYZZ:-XYZZ], -1, 0))        # the last total: one sum a window
    point = last_after(np.stack(whole[:count]), horner_steps(windows, parts, bits), dimensions)
    blind = blinding(dimensions)
    return blind.group.add(point, blind.minus(starts_in_windows(bits, windows, parts)))


def last_after(points: Words, steps: Steps, dimensions: int) -> Any:
    """The last of some XYZZ points (count, 4, ..., limbs), each in one lane only, after these steps; it is finite."""
    state = empty((points.shape[0] * XYZZ, *points.shape[2:], LANES))
    state[...] = points.reshape(-1, *points.shape[2:])[..., None]       # the same value in all lanes
    work_on(state, steps)
    return to_affine(GROUPS[dimensions], *(from_state(part) for part in state[-XYZZ:]))


def to_affine(group: Group[Any], x: Any, y: Any, zz: Any, zzz: Any) -> Any:
    """The finite point x/zz, y/zzz."""
    f = group.field
    inverse = f.invert(f.multiply(zz, zzz))
    return f.multiply(x, f.multiply(inverse, zzz)), f.multiply(y, f.multiply(inverse, zz))
