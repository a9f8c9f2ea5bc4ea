"""Expected Shortfall by certificate: sums instead of a sort.

Scenario s weighs p_s, and the tail holds K of their sum P. With the threshold t where the tail ends,

    K ES = K t + sum_s p_s max(0, L_s - t)            [Rockafellar, Uryasev 2002]

and max(0, x) = (|x| + x) / 2. The right side is never below K ES, whatever t is, and K ES where t is a minimiser.

On equally likely scenarios, of which the tail holds K/D, all p_s are D. Whoever flags exactly k = floor(K/D) losses,
all of them at or above t and the others at or below, gets the same value whichever t was taken; for a fractional tail
C15 makes t the (k+1)-th loss. Ties, equal losses, negative losses, k = 0 and k = S need no special care.

Where scenarios have masses, counting is not enough: see `_weighted`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.errors import CircuitError
from circuits.gadgets.ranges import Signed, absolute, below, exact_quotient
from circuits.intervals import Interval
from circuits.signals import Linear
from risk.exact.shape import Tail, WeightedTail


class Proven(NamedTuple):
    """What the certificate proves.

    losses : as given, with the interval that follows from the gaps.  doubled : 2 K ES, no rows.
    """

    losses: Linear
    doubled: Linear


def certificate(cs: ConstraintSystem, losses: Linear, threshold: Linear, tail: Tail, bits: int) -> Proven:
    """C12 to C16 for losses (S,) and a threshold ().

    Rows: S (bits + 2) + 1, and S + 1 for a fractional tail; where scenarios have masses, S (bits + 3) + 2 m + 3, with
    the largest weight at most 2**m.

    Inputs: "C12 flag" (S,), the losses that count in full; "C15 pointer" (S,), 1 at an unflagged loss equal to t, if
    the tail is fractional or scenarios have masses; then also "C14 slack", as `_weighted` says.

    Losses may be residues if the threshold is an integer, or the threshold if the losses are: the gaps make both
    integers, within 2**bits of each other.
    """
    S = losses.size
    flag = cs.boolean("C12 flag", losses.shape)                                          # C12
    gap, difference = absolute(cs, flag, losses - threshold, bits, "C13 gap")            # C13
    if isinstance(tail, WeightedTail):
        _weighted(cs, flag, gap, tail, bits)                                             # C14, C15
    else:
        cs.equal(flag.sum(), tail.counted, "C14 count")                                  # C14
        if tail.fractional:                                                              # C15
            pointer = cs.hint("C15 pointer", losses.shape)
            cs.equal(pointer * (gap + flag), 0, "C15 threshold is an unflagged loss")
            cs.equal(pointer.sum(), 1, "C15 one")
    if threshold.interval.known:
        losses = losses.within(threshold.interval + difference.interval)
    else:
        threshold = threshold.within(losses.interval - difference.interval)
    # C16: 2 K ES = 2 K t + sum p (|L - t| + L - t); t stands outside the sums, so that they merge no terms.
    K = tail.numerator
    if isinstance(tail, WeightedTail):
        weights = _row(tail, S)
        doubled = threshold * (2 * K - tail.total) + (weights @ gap)[0] + (weights @ losses)[0]
    else:
        doubled = threshold * (2 * K - S * tail.denominator) + gap.sum() * tail.denominator \
            + losses.sum() * tail.denominator
    return Proven(losses, doubled)


def _weighted(cs: ConstraintSystem, flag: Linear, gap: Linear, tail: WeightedTail, bits: int) -> None:
    """C14 and C15 where scenarios have masses: S + 2 m + 3 rows.

    Inputs: "C14 slack", p - 1 - u for the weight p of the loss pointed at and u = K - sum p b; "C15 pointer" (S,).

    What it says: u is in [0, 2**m), w = u + 1 + slack is an integer above u, and some unflagged loss equals t and has
    weight w. So sum_{L>t} p <= sum p b <= K < sum p b + w <= sum_{L>=t} p, and t is where the tail ends.

    Why in one product: the bracket of C15 is an integer, v + b is in [0, 2**n], and w - p comes times 2**(n+1); so it
    is 0 only if v = 0, b = 0 and w = p. With sum p e in place of w the certificate is unsound: e is no boolean, and
    over tied losses of unequal weight sum p e is any residue. A boolean e would cost S rows.

    Raises
    ------
    CircuitError : n + m so large that the bracket can be a multiple of r without being 0.
    """
    m, scale = tail.weight_bits, 1 << bits + 1
    weights = _row(tail, flag.size)
    left = cs.nonnegative(tail.numerator - (weights @ flag)[0], m, "C14 left")           # C14: u
    share = left + 1 + cs.bits("C14 slack", m)                                           # C14: w > u
    share = cs.multiply(share, cs.one, "C14 share")                # a row, and S 2 m coefficients fewer in C15
    short = gap + flag
    reach = short.interval + (share.interval - Interval(1, 1 << m)) * Interval(scale, scale)
    if not reach.congruent_only_if_equal(Interval(0, 0)):
        raise CircuitError(f"{cs.label('C15')}: gaps of {bits} bits and weights of {m} can be confused")
    pointer = cs.hint("C15 pointer", flag.shape)                                         # C15
    cs.equal(pointer * (short + (share - weights[0]) * scale), 0, "C15 threshold is an unflagged loss")
    cs.equal(pointer.sum(), 1, "C15 one")


def _row(tail: WeightedTail, scenarios: int) -> np.ndarray:
    """The weights as a matrix of one row, Python integers (1, S)."""
    return np.array([tail.weights(scenarios)], object)


def round_up(cs: ConstraintSystem, doubled: Linear, tail: int, bits: int) -> Signed:
    """ceil(doubled / (2 tail)) as an integer c with |c| < 2**bits: C17 and C18.

    Inputs: "C17 remainder", tail c - doubled / 2; "C18 positive", whether c >= 0.
    """
    remainder = below(cs, "C17 remainder", tail, "C17 K - 1 - remainder")                # C17
    positive = cs.boolean("C18 positive")                                                # C18
    return exact_quotient(cs, doubled + 2 * remainder, 2 * tail, positive, bits, "C18 |shortfall|")
