"""Integer intervals: what a signal is known to stand for.

A field element is a residue; arithmetic on residues says nothing about integers until wrapping around r is excluded.
An interval [low, high] is the claim that the residue is that of an integer within it, given the constraints recorded
so far and the stated assumptions on inputs. Intervals that reach r in absolute value claim nothing: they are `ANY`.
"""

from __future__ import annotations

from dataclasses import dataclass

from circuits.errors import CircuitError
from primitives.field import MODULUS


@dataclass(frozen=True, slots=True)
class Interval:
    """The integers from `low` to `high`, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if type(self.low) is not int or type(self.high) is not int:    # numpy's would wrap where these are multiplied
            raise CircuitError(f"the ends {self.low!r} and {self.high!r} of an interval are no Python integers")
        if self.low > self.high:
            raise ValueError(f"[{self.low}, {self.high}] is no interval")

    @property
    def known(self) -> bool:
        """Whether a residue tells the integer up to one multiple of r: both ends are closer to 0 than r."""
        return -MODULUS < self.low and self.high < MODULUS

    @property
    def magnitude(self) -> int:
        """The largest absolute value."""
        return max(abs(self.low), abs(self.high))

    def __add__(self, other: Interval) -> Interval:
        return _claim(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        ends = [x * y for x in (self.low, self.high) for y in (other.low, other.high)]
        return _claim(min(ends), max(ends))

    def __or__(self, other: Interval) -> Interval:
        """The smallest interval around both."""
        return _claim(min(self.low, other.low), max(self.high, other.high))

    def __contains__(self, value: int) -> bool:
        return self.low <= value <= self.high

    def total(self, count: int) -> Interval:
        """Of a sum of `count` such integers."""
        return _claim(count * self.low, count * self.high)

    def congruent_only_if_equal(self, other: Interval) -> bool:
        """Whether an integer of each with one residue must be equal: no difference reaches r."""
        return self.known and other.known \
            and self.high - other.low < MODULUS and other.high - self.low < MODULUS

    def __str__(self) -> str:
        return f"[{_power(self.low)}, {_power(self.high)}]" if self.known else "any residue"


ANY = Interval(-MODULUS, MODULUS)
BIT = Interval(0, 1)


def unsigned(bits: int) -> Interval:
    """[0, 2**bits - 1]."""
    return Interval(0, (1 << bits) - 1)


def signed(bits: int) -> Interval:
    """[-(2**bits - 1), 2**bits - 1]."""
    return Interval(1 - (1 << bits), (1 << bits) - 1)


def _claim(low: int, high: int) -> Interval:
    interval = Interval(low, high)
    return interval if interval.known else ANY


def _power(value: int) -> str:
    """2**48 - 1 instead of fifteen digits."""
    size = abs(value)
    if size < 10**6:
        return str(value)
    bits = size.bit_length()
    sign = "-" if value < 0 else ""
    if size == 1 << (bits - 1):
        return f"{sign}2**{bits - 1}"
    if size == (1 << bits) - 1:
        return f"-(2**{bits} - 1)" if value < 0 else f"2**{bits} - 1"
    return f"{sign}~2**{bits - 1}" if size < 3 << (bits - 2) else f"{sign}~2**{bits}"
