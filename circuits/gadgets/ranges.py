"""Integers out of residues: absolute values, choices, division with rounding up.

A signal whose interval is known is an integer; one of `ANY` interval is a residue. These gadgets are where residues
become integers, so each says why.
"""

from __future__ import annotations

from typing import NamedTuple

from circuits.builder import ConstraintSystem
from circuits.errors import CircuitError
from circuits.intervals import Interval, signed, unsigned
from circuits.signals import Linear
from primitives.field import MODULUS

HALF = pow(2, -1, MODULUS)


class Signed(NamedTuple):
    """|x|, as a sum of bits, and x itself with the interval that follows."""

    magnitude: Linear
    value: Linear


def absolute(cs: ConstraintSystem, positive: Linear, value: Linear, bits: int, label: str) -> Signed:
    """(2 positive - 1) value = magnitude in [0, 2**bits), for a boolean `positive`: bits + 1 rows each.

    Proves value = +-magnitude, so value is (the residue of) an integer of absolute value below 2**bits. At
    magnitude 0 both values of `positive` do.

    Raises
    ------
    CircuitError : `positive` is not boolean; or value is known to be an integer, but so far from 0 that it can have the
        residue of a small one without being it.
    """
    if positive.interval != Interval(0, 1):
        raise CircuitError(f"{cs.label(label)}: the sign lies in {positive.interval}, so it is no boolean")
    if 2 * ((1 << bits) - 1) >= MODULUS:
        raise CircuitError(f"{cs.label(label)}: +- {bits} bits have two integers to a residue")
    if value.interval.known and not value.interval.congruent_only_if_equal(signed(bits)):
        raise CircuitError(f"{cs.label(label)}: a range of {bits} bits proves nothing about {value.interval}")
    magnitude = cs.represent((2 * positive - 1) * value, bits, label)
    return Signed(magnitude, value.within(signed(bits)))


def select(cs: ConstraintSystem, choice: Linear, one: Linear, zero: Linear, label: str) -> Linear:
    """`one` where the boolean `choice` is 1, `zero` where it is 0: one row each."""
    if choice.interval != Interval(0, 1):
        raise CircuitError(f"{cs.label(label)}: the choice lies in {choice.interval}, so it is no boolean")
    chosen: Linear = zero + cs.multiply(choice, one - zero, label)
    return chosen.within(one.interval | zero.interval)


def below(cs: ConstraintSystem, name: str, bound: int, label: str) -> Linear:
    """An input in [0, bound): n rows for n = ceil(log2 bound), and n + 1 more unless bound = 2**n."""
    bits = (bound - 1).bit_length()
    value = cs.bits(name, bits)
    if bound != 1 << bits:
        cs.nonnegative(bound - 1 - value, bits, label)
    return value.within(Interval(0, bound - 1))


def exact_quotient(cs: ConstraintSystem, numerator: Linear, divisor: int, positive: Linear, bits: int,
                   label: str) -> Signed:
    """numerator / divisor, an integer of absolute value below 2**bits: bits + 1 rows.

    The quotient is a residue until its range makes it an integer c; then divisor * c and the numerator are integers
    with one residue, and equal if neither comes near r.

    Raises
    ------
    CircuitError : they can come near r, so that a quotient of residues proves nothing about integers.
    """
    reach = Interval(-divisor, divisor) * signed(bits)
    if not numerator.interval.congruent_only_if_equal(reach):
        raise CircuitError(f"{cs.label(label)}: {numerator.interval} over {divisor} can wrap around r")
    quotient: Linear = numerator * pow(divisor, -1, MODULUS)
    return absolute(cs, positive, quotient, bits, label)


def positive_part(number: Signed) -> Linear:
    """max(0, x) = (|x| + x) / 2: no rows."""
    bits = number.magnitude.interval.high.bit_length()
    half: Linear = (number.magnitude + number.value) * HALF
    return half.within(unsigned(bits))
