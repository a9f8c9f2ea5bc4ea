"""What size inside the proof would cost: rows of a convex piecewise add-on, by recording it.

    python -m benchmarks.addon_rows [--json]

An add-on max_i(r_i h - c_i) of three segments, continuous and convex, in place of C8: either as two positive parts,
r_1 h + (r_2 - r_1)(h - B_1)^+ + (r_3 - r_2)(h - B_2)^+, or by choosing the segment that h lies in, whose lower range
check is C6's. A leaf says B_1, B_2 and two more rates a side ("six"), or B_1 and one slope for both sides, with
B_2 = 10 B_1 and the third slope twice the second's distance ("two"). Each element more makes the last permutation of
a leaf's hash wider, or begins another.

Beside it, the lowest confidence over what is held ("lowest confidence"): a leaf says its confidence in thousandths and
a lot's spot value; m is at most every confidence of a slot with lots, and equal to one of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import NamedTuple

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.gadgets.poseidon import hash_cost
from circuits.gadgets.ranges import absolute, positive_part, select
from circuits.intervals import Interval, unsigned
from circuits.signals import Linear
from risk.margins.margin import QUANTITY_BITS

NAMES = ("margin-full-256x16", "margin-full-256x16-w", "margin-full-256x16-n4096", "margin-full-1000x32",
         "margin-grid-1000x32", "margin-grid-1000x32-w", "cover-full-256x16", "cover-full-1000x32",
         "cover-grid-1000x32")
TERMS = 5
"""Elements of a leaf before its packed changes."""
FURTHER = 10
"""B_2 over B_1, where a leaf says B_1 alone."""


class Rates(NamedTuple):
    """Of J slots: breakpoints, and the three rates of the side that is held."""

    breaks: tuple[Linear, Linear]
    rates: tuple[Linear, Linear, Linear]


def today(cs: ConstraintSystem, slots: int) -> None:
    """C6 and C8 as they are."""
    lots, (long, short) = cs.private("lots", (slots,)), _rates(cs, slots, "long", "short")
    buy = cs.boolean("buy", (slots,))
    size, _ = absolute(cs, buy, lots, QUANTITY_BITS, "size")
    cs.multiply(select(cs, buy, long, short, "rate"), size, "add-on")


def positive_parts(cs: ConstraintSystem, slots: int, elements: int) -> None:
    """Two comparisons, each with a boolean and a range of its own."""
    lots, buy = cs.private("lots", (slots,)), cs.boolean("buy", (slots,))
    size, _ = absolute(cs, buy, lots, QUANTITY_BITS, "size")
    given = _given(cs, slots, buy, elements)
    cs.multiply(given.rates[0], size, "add-on 1")
    for i in (0, 1):
        above = absolute(cs, cs.boolean(f"above {i}", (slots,)), size - given.breaks[i], QUANTITY_BITS + 4,
                         f"distance {i}")
        cs.multiply(given.rates[i + 1] - given.rates[i], positive_part(above), f"add-on {i + 2}")


def chosen_segment(cs: ConstraintSystem, slots: int, elements: int) -> None:
    """One segment of three: h = low + w and h + w' = high are C6's range and one more."""
    lots, buy = cs.private("lots", (slots,)), cs.boolean("buy", (slots,))
    size = cs.multiply(2 * buy - 1, lots, "size")
    second, third = cs.boolean("second", (slots,)), cs.boolean("third", (slots,))
    cs.multiply(second, third, "one segment")              # whose product is 0: a row all the same
    given = _given(cs, slots, buy, elements)
    low = cs.multiply(second, given.breaks[0], "low 2") + cs.multiply(third, given.breaks[1], "low 3")
    high = given.breaks[0] + cs.multiply(second, given.breaks[1] - given.breaks[0], "high 2") \
        + cs.multiply(third, (1 << QUANTITY_BITS) - 1 - given.breaks[0], "high 3")
    cs.represent(size - low, QUANTITY_BITS, "above low")
    cs.represent(high - size, QUANTITY_BITS, "below high")
    steps = [cs.multiply(given.rates[i + 1] - given.rates[i], given.breaks[i], f"step {i}") for i in (0, 1)]
    rate = given.rates[0] + cs.multiply(second, given.rates[1] - given.rates[0], "rate 2") \
        + cs.multiply(third, given.rates[2] - given.rates[0], "rate 3")
    less = cs.multiply(second, steps[0], "less 2") + cs.multiply(third, steps[0] + steps[1], "less 3")
    cs.equal(cs.multiply(rate, size, "add-on") - less, cs.private("charged", (slots,)), "charged")


def lowest_confidence(cs: ConstraintSystem, slots: int, elements: int) -> None:
    """On top of C6 and C8: (threshold - m)^+ of the spot value of all that is held."""
    assert elements == 2
    today(cs, slots)
    size = cs.private("held size", (slots,), assumed=unsigned(QUANTITY_BITS), reason="C6")
    held, inverse = cs.boolean("held", (slots,)), cs.private("inverse", (slots,))
    cs.equal(cs.multiply(inverse, size, "held"), held, "held")
    cs.equal(cs.multiply(size, 1 - held, "empty"), 0, "empty")
    own = cs.private("confidence", (slots,), assumed=unsigned(10), reason="published")
    value = cs.private("spot value", (slots,), assumed=unsigned(44), reason="published")
    counted = cs.multiply(held, own - 1000, "counted") + 1000
    lowest = cs.bits("lowest", 10)
    cs.nonnegative(counted - lowest, 11, "at most each")
    product = counted[0] - lowest
    for slot in range(1, slots):
        product = cs.multiply(product, counted[slot] - lowest, f"one of them {slot}")
    cs.equal(product, 0, "one of them")
    short = absolute(cs, cs.boolean("below"), 550 - lowest, 11, "distance")
    cs.multiply(positive_part(short), cs.multiply(size, value, "spot value").sum(), "charge")


def _rates(cs: ConstraintSystem, slots: int, *names: str) -> list[Linear]:
    return [cs.private(name, (slots,), assumed=unsigned(44), reason="E3") for name in names]


def _given(cs: ConstraintSystem, slots: int, buy: Linear, elements: int) -> Rates:
    first = cs.private("break", (slots,), assumed=Interval(0, (1 << 36) - 1), reason="published")
    long, short = _rates(cs, slots, "long", "short")
    if elements == 2:
        slope = _rates(cs, slots, "slope")[0]
        rate = select(cs, buy, long, short, "rate")
        return Rates((first, FURTHER * first), (rate, rate + slope, rate + 3 * slope))
    further = cs.private("further break", (slots,), assumed=unsigned(QUANTITY_BITS), reason="published")
    more = _rates(cs, slots, "long 2", "short 2", "long 3", "short 3")
    return Rates((first, further), (select(cs, buy, long, short, "rate"), select(cs, buy, more[0], more[1], "rate 2"),
                                    select(cs, buy, more[2], more[3], "rate 3")))


def rows_of(record: Callable[[ConstraintSystem], None]) -> int:
    """Rows of a circuit that is nothing but this."""
    cs = ConstraintSystem()
    context = cs.public("context")
    cs.multiply(context, context, "context")
    record(cs)
    return cs.finish().rows


def measure() -> list[dict[str, object]]:
    """By statement and form: rows now, rows more, and the domain that it then takes."""
    found: list[dict[str, object]] = []
    for name in NAMES:
        statement = statements.get(name)
        slots, packs = statement.slots, statement.shape.packs
        before = rows_of(lambda cs, slots=slots: today(cs, slots))                  # type: ignore[misc]
        for form, record, sizes in (("positive parts", positive_parts, (6, 2)),
                                    ("chosen segment", chosen_segment, (6, 2)),
                                    ("lowest confidence", lowest_confidence, (2,))):
            for elements in sizes:
                more = rows_of(lambda cs, record=record, slots=slots, elements=elements:            # type: ignore[misc]
                               record(cs, slots, elements)) - before
                hashed = slots * (hash_cost(packs + TERMS + elements) - hash_cost(packs + TERMS))
                rows = statement.rows + more + hashed
                found.append({"statement": name, "form": form, "elements": elements, "rows": statement.rows,
                              "domain": statement.domain, "of the add-on": more, "of the leaf's hash": hashed,
                              "then": rows, "then domain": (rows + len(statement.public_inputs)).bit_length(),
                              "free": (1 << statement.domain) - statement.rows - len(statement.public_inputs) - 1})
    return found


def main() -> None:
    """Print the table."""
    found = measure()
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
        return
    keys = list(found[0])
    print(" | ".join(keys))
    for one in found:
        print(" | ".join(str(one[key]) for key in keys))


if __name__ == "__main__":
    main()
