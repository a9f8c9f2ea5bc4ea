"""Shocks of the quote currency's rates, as a stress set: parallel by 100 and 200 basis points, steeper, flatter.

    parallel      R
    steepener     -0.65 |short(t)| + 0.9 |long(t)|
    flattener      0.8 |short(t)| - 0.6 |long(t)|

at a tenor of t years, with short(t) = 3 % exp(-t/4) and long(t) = 1.5 % (1 - exp(-t/4)): scenarios and sizes for the
dollar of the Basel Committee, Interest rate risk in the banking book, BCBS 368, 2016, Annex 2 (parallel: 200). Parallel
shocks of 100 are beside them.
"""

from __future__ import annotations

from risk.exact.elementary import exp

RATE_SHOCKS = ("parallel +100", "parallel -100", "parallel +200", "parallel -200", "steepener", "flattener")
"""Names, in basis points; the place in this list is what scenarios hold as their origin, so nothing is put between."""
_PARALLEL = (0.01, -0.01, 0.02, -0.02)
_SHORT, _LONG = 0.03, 0.015
_DECAY = 4.0
_TILTS = ((-0.65, 0.9), (0.8, -0.6))


def rate_shift(shock: int, years: float) -> float:
    """What a shock, by its place in `RATE_SHOCKS`, adds to the zero rate of a tenor, a year."""
    if shock < len(_PARALLEL):
        return _PARALLEL[shock]
    near = float(exp(-years / _DECAY))
    short, long = _TILTS[shock - len(_PARALLEL)]
    return short * (_SHORT * near) + long * (_LONG * (1.0 - near))
