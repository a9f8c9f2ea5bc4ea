"""Expected Shortfall of S losses, rounded up to whole money: C12 to C18."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs
from circuits.gadgets.expected_shortfall import certificate, round_up
from circuits.gadgets.ranges import Signed
from circuits.signals import Linear
from risk.exact.expected_shortfall import ShortfallCertificate
from risk.exact.shape import Tail, WeightedTail


class Shortfall(NamedTuple):
    """losses : (S,), with the interval that the gaps prove.  rounded : ceil(ES), in whole money."""

    losses: Linear
    rounded: Signed


def expected_shortfall(cs: ConstraintSystem, losses: Linear, threshold: Linear, tail: Tail, gap_bits: int,
                       gross_bits: int, weight_bits: int = 0) -> Shortfall:
    """C12 to C18 for losses (S,) and the threshold () of their tail.

    Parameters
    ----------
    gap_bits : n; |L - t| < 2**n for every loss.
    gross_bits : g; |ceil(ES)| < 2**g.
    weight_bits : f; losses and threshold are in units of 2**-f.
    """
    with cs.scope("tail"):
        proven = certificate(cs, losses, threshold, tail, gap_bits)
    with cs.scope("result"):
        rounded = round_up(cs, proven.doubled, tail.numerator << weight_bits, gross_bits)
    return Shortfall(proven.losses, rounded)


def shortfall_inputs(es: ShortfallCertificate, weight_bits: int = 0) -> Inputs:
    """From the certificate of losses in units of 2**-f."""
    scale = es.tail.numerator << weight_bits
    rounded = rounded_up(es, weight_bits)
    inputs = {"tail/C12 flag": es.flags, "result/C17 remainder": rounded * scale - es.numerator,
              "result/C18 positive": rounded >= 0}
    if isinstance(es.tail, WeightedTail):
        inputs["tail/C14 slack"] = es.slack
    if isinstance(es.tail, WeightedTail) or es.tail.fractional:
        inputs["tail/C15 pointer"] = np.arange(len(es.flags)) == es.threshold_scenario
    return inputs


def rounded_up(es: ShortfallCertificate, weight_bits: int = 0) -> int:
    """ceil(ES) in whole money, of losses in units of 2**-f."""
    return -(-es.numerator // (es.tail.numerator << weight_bits))
