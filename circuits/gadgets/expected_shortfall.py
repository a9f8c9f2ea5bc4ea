"""Expected Shortfall by certificate: sums instead of a sort.

With losses L_s, a tail of K/D scenarios, k = floor(K/D) and the (k+1)-th largest loss t,

    K ES = K t + D sum_s max(0, L_s - t)            [Rockafellar, Uryasev 2002]

and max(0, x) = (|x| + x) / 2. Whoever flags exactly k losses, all of them at or above t and the others at or below,
gets the same value whichever t was taken; for a fractional tail C15 makes t the (k+1)-th loss. Ties, equal
losses, negative losses, k = 0 and k = S need no special care.
"""

from __future__ import annotations

from typing import NamedTuple

from circuits.builder import ConstraintSystem
from circuits.gadgets.ranges import Signed, absolute, below, exact_quotient
from circuits.signals import Linear
from risk.exact.shape import TailSize


class Tail(NamedTuple):
    """What the certificate proves.

    losses : as given, with the interval that follows from the gaps.  doubled : 2 K ES, no rows.
    """

    losses: Linear
    doubled: Linear


def certificate(cs: ConstraintSystem, losses: Linear, threshold: Linear, tail: TailSize, bits: int) -> Tail:
    """C12 to C16 for losses (S,) and a threshold (): S (bits + 2) + 1 rows, and S + 1 for a fractional tail.

    Inputs: "C12 flag" (S,), the k largest losses; "C15 pointer" (S,), 1 at an unflagged loss equal to t, if the tail
    is fractional.

    Losses may be residues if the threshold is an integer, or the threshold if the losses are: the gaps make both
    integers, within 2**bits of each other.
    """
    flag = cs.boolean("C12 flag", losses.shape)                                          # C12
    gap, difference = absolute(cs, flag, losses - threshold, bits, "C13 gap")            # C13
    cs.equal(flag.sum(), tail.counted, "C14 count")                                      # C14
    if tail.fractional:                                                                  # C15
        pointer = cs.hint("C15 pointer", losses.shape)
        cs.equal(pointer * (gap + flag), 0, "C15 threshold is an unflagged loss")
        cs.equal(pointer.sum(), 1, "C15 one")
    if threshold.interval.known:
        losses = losses.within(threshold.interval + difference.interval)
    else:
        threshold = threshold.within(losses.interval - difference.interval)
    K, D = tail.numerator, tail.denominator
    # C16: 2 K ES = 2 K t + D sum (|L - t| + L - t); t stands outside the sums, so that they merge no terms.
    doubled = threshold * (2 * K - losses.size * D) + gap.sum() * D + losses.sum() * D
    return Tail(losses, doubled)


def round_up(cs: ConstraintSystem, doubled: Linear, tail: int, bits: int) -> Signed:
    """ceil(doubled / (2 tail)) as an integer c with |c| < 2**bits: C17 and C18.

    Inputs: "C17 remainder", tail c - doubled / 2; "C18 positive", whether c >= 0.
    """
    remainder = below(cs, "C17 remainder", tail, "C17 K - 1 - remainder")                # C17
    positive = cs.boolean("C18 positive")                                                # C18
    return exact_quotient(cs, doubled + 2 * remainder, 2 * tail, positive, bits, "C18 |shortfall|")
