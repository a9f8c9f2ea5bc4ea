"""What an epoch's arrays look like, in the numbers that the circuit has built in.

The digest of the shape enters the epoch root (STATEMENT C5), and the circuit holds it as a constant: a proof made for
one shape opens no epoch of another.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from primitives.errors import BadInput, Said
from primitives.jsonio import Node, observe
from risk.exact.digests import field_digest

PACKED_BITS = 253
"""Bits of a packed element: fewer than the field's order, 2**253.597, so that unpacking is unique (STATEMENT §8.3)."""
LARGEST_TAIL_TERM = 2**32 - 1
MOST_SCENARIOS = 2**20
SIZES = {"scenarios": (1, MOST_SCENARIOS), "depth": (1, 6), "lanes": (1, PACKED_BITS), "width": (3, PACKED_BITS),
         "value_bits": (1, 61)}
"""Bounds of the integers of a shape."""


@dataclass(frozen=True)
class TailSize:
    """How many scenarios the tail holds: the rational K/D, in lowest terms so that equal tails have equal digests.

    97.5 % Expected Shortfall over 250 scenarios has the tail 25/4. Never a float: int(10 * (1 - 0.9)) is 0.

    Raises
    ------
    BadInput : K or D is not positive, too large, or they share a factor.
    """

    numerator: int
    denominator: int = 1

    def __post_init__(self) -> None:
        for value in (self.numerator, self.denominator):
            if type(value) is not int or not 0 < value <= LARGEST_TAIL_TERM:
                raise BadInput("tail", str(self), f"K/D with integers K and D in [1, {LARGEST_TAIL_TERM}]")
        if math.gcd(self.numerator, self.denominator) != 1:
            raise BadInput("tail", str(self), "K/D in lowest terms")

    @classmethod
    def parse(cls, text: object, *, field: str = "tail", source: str | Path | None = None) -> TailSize:
        """Read "32/5" or "25"."""
        observe(field, "tail")
        match = re.fullmatch(r"([0-9]{1,10})(?:/([0-9]{1,10}))?", text, re.ASCII) if isinstance(text, str) else None
        if match is None:
            raise BadInput(field, text, 'a string "K/D" of two positive integers, such as "32/5"', source=source)
        try:
            return cls(int(match[1]), int(match[2] or 1))
        except BadInput as error:
            raise BadInput(field, text, error.bound, source=source) from None

    @property
    def counted(self) -> int:
        """k = floor(K/D), the losses that count in full."""
        return self.numerator // self.denominator

    @property
    def fractional(self) -> bool:
        """Whether loss k + 1 counts in part."""
        return self.numerator % self.denominator != 0

    @property
    def size(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)

    @property
    def uniform(self) -> bool:
        """Whether all scenarios are equally likely."""
        return True

    def weights(self, scenarios: int) -> tuple[int, ...]:
        """Integers p_s such that the tail holds K of their sum: all D. Errors as `require`."""
        self.require(scenarios)
        return (self.denominator,) * scenarios

    def share(self, scenarios: int) -> Fraction:
        """The probability of the tail, 0.025 at 97.5 %."""
        return self.size / scenarios

    def require(self, scenarios: int) -> None:
        """Refuse a number of scenarios that this is no tail of.

        Raises
        ------
        BadInput : K/D > S.
        """
        if self.size > scenarios:
            raise BadInput("tail", str(self), f"above 0 and at most the number of scenarios, {scenarios}")

    def to_json(self) -> dict[str, str]:
        """Its part of a shape's canonical form."""
        return {"tail": str(self)}

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True, repr=False)
class WeightedTail:
    """Scenario s has the probability p_s / P with P = sum p, and the tail holds K/D of P (WEIGHTS.md).

    97.5 % Expected Shortfall of masses that sum to 8192 has the tail 1024/5. What the certificate counts in are the
    integers D p_s, of which the tail holds K; so all masses 1 are the tail K/D of equally likely scenarios. Masses are
    part of the shape, the same for every epoch of it, whatever the data.

    Parameters
    ----------
    portion : K/D in lowest terms, 0 < K/D < P.
    masses : p_1, ..., p_S, positive integers without a common factor, D p_s < 2**32. With `portion` in lowest terms,
        gcd(K, D p_1, ..., D p_S) is 1: equal tails have equal digests.

    Raises
    ------
    BadInput : a mass or the portion is out of these bounds.
    """

    portion: TailSize
    masses: tuple[int, ...]

    def __post_init__(self) -> None:
        most = LARGEST_TAIL_TERM // self.portion.denominator
        for s, mass in enumerate(self.masses):
            if type(mass) is not int or not 0 < mass <= most:
                raise BadInput(f"masses[{s}]", mass, f"an integer in [1, {most}]: times {self.portion.denominator}, "
                               "the tail's denominator, it stays below 2**32")
        if not 1 <= len(self.masses) <= MOST_SCENARIOS:
            raise BadInput("number of masses", len(self.masses), f"in [1, {MOST_SCENARIOS}]")
        if math.gcd(*self.masses) != 1:
            raise BadInput("masses", format_runs(self.masses), "without a common factor")
        if not self.portion.size < sum(self.masses):
            raise BadInput("tail", str(self.portion), f"above 0 and below the sum of masses, {sum(self.masses)}")

    @classmethod
    def parse(cls, tail: object, masses: object, *, prefix: str = "", source: str | Path | None = None) -> WeightedTail:
        """Read "1024/5" and runs "32x1 48x2": 32 scenarios of mass 1, then 48 of mass 2.

        Raises
        ------
        BadInput : naming `prefix`tail or `prefix`masses; runs of equal masses side by side have one way to be written.
        """
        portion = TailSize.parse(tail, field=f"{prefix}tail", source=source)
        runs = parse_runs(masses, field=f"{prefix}masses", source=source)
        try:
            return cls(portion, runs)
        except BadInput as error:
            field = f"{prefix}{error.field}" if error.field.startswith(("tail", "masses")) else error.field
            raise BadInput(field, error.value, error.bound, source=source) from None

    @property
    def numerator(self) -> int:
        """K, of the sum of D p_s."""
        return self.portion.numerator

    @cached_property
    def total(self) -> int:
        """sum of D p_s, of which the tail holds K."""
        return self.portion.denominator * sum(self.masses)

    @cached_property
    def weight_bits(self) -> int:
        """m: 2**m is at least the largest D p_s."""
        return (self.portion.denominator * max(self.masses) - 1).bit_length()

    @property
    def uniform(self) -> bool:
        """Whether all scenarios are equally likely."""
        return len(set(self.masses)) == 1

    def weights(self, scenarios: int) -> tuple[int, ...]:
        """Integers D p_s, of whose sum the tail holds K. Errors as `require`."""
        self.require(scenarios)
        return tuple(self.portion.denominator * mass for mass in self.masses)

    def share(self, scenarios: int) -> Fraction:
        """The probability of the tail, 0.025 at 97.5 %."""
        return Fraction(self.numerator, self.total)

    def require(self, scenarios: int) -> None:
        """Refuse a number of scenarios that this is no tail of.

        Raises
        ------
        BadInput : another number than that of the masses.
        """
        if len(self.masses) != scenarios:
            raise BadInput("masses", Said(f"{len(self.masses)} of them"), f"one for each of the {scenarios} scenarios")

    def to_json(self) -> dict[str, str]:
        """Its part of a shape's canonical form."""
        return {"tail": str(self.portion), "masses": format_runs(self.masses)}

    def __str__(self) -> str:
        return f"{self.portion} of {format_runs(self.masses)}"

    def __repr__(self) -> str:
        return f"WeightedTail({self})"


Tail = TailSize | WeightedTail
"""Which losses an Expected Shortfall is the mean of."""


def format_runs(masses: tuple[int, ...]) -> str:
    """Run-length encoded, the one shortest way: (1, 1, 4) -> "2x1 1x4"."""
    return " ".join(f"{len(list(run))}x{mass}" for mass, run in itertools.groupby(masses))


def parse_runs(text: object, *, field: str = "masses", source: str | Path | None = None) -> tuple[int, ...]:
    """What `format_runs` wrote.

    Raises
    ------
    BadInput : anything else, also runs that could be one, more than 2**20 masses, or a mass of 2**32 or more.
    """
    observe(field, "runs")
    bound = 'runs "COUNTxMASS", one space between two, such as "32x1 48x2"'
    if not isinstance(text, str) or not re.fullmatch(r"[1-9][0-9]{0,6}x[1-9][0-9]{0,9}"
                                                     r"(?: [1-9][0-9]{0,6}x[1-9][0-9]{0,9})*", text, re.ASCII):
        raise BadInput(field, text, bound, source=source)
    runs = [tuple(map(int, run.split("x"))) for run in text.split(" ")]
    if sum(count for count, _ in runs) > MOST_SCENARIOS:
        raise BadInput(field, text, f"at most {MOST_SCENARIOS} masses", source=source)
    for before, after in itertools.pairwise(runs):
        if before[1] == after[1]:
            raise BadInput(field, text, f"one run where masses are equal side by side, as those of {after[1]}",
                           source=source)
    return tuple(itertools.chain.from_iterable(itertools.repeat(mass, count) for count, mass in runs))


def read_tail(parts: Mapping[str, Node]) -> Tail:
    """The tail that an object's key "tail" describes, weighted if it has "masses" too.

    Raises
    ------
    BadInput : naming the file and the field.
    """
    tail = parts["tail"]
    if "masses" not in parts:
        return TailSize.parse(tail.value, field=tail.field, source=tail.source)
    return WeightedTail.parse(tail.value, parts["masses"].value, prefix=tail.field.removesuffix("tail"),
                              source=tail.source)


def observe_sizes(parts: Mapping[str, Node]) -> None:
    """Tell whoever describes formats the bounds that a shape will hold its sizes to."""
    for name in SIZES.keys() & parts.keys():
        low, high = SIZES[name]
        observe(parts[name].field, "integer", low=low, high=high)


@dataclass(frozen=True)
class EpochShape:
    """Sizes of a full-revaluation epoch.

    Parameters
    ----------
    scenarios : S.
    tail : K/D with 0 < K/D <= S; or, where scenarios have masses, K/D of their sum.
    depth : d; the tree has N = 8**d leaves.
    lanes, width : P value changes of w bits to a packed element; P w <= 253.
    value_bits : value changes, `amax` and rates are smaller than 2**value_bits in absolute value (E2, E3).
    mode : "full": the nodes of the risk arrays are the scenarios themselves.

    Raises
    ------
    BadInput : a size is out of its bound.
    """

    scenarios: int
    tail: Tail
    depth: int
    lanes: int = 5
    width: int = 50
    value_bits: int = 44
    mode: Literal["full"] = "full"

    def __post_init__(self) -> None:
        if self.mode != "full":
            raise BadInput("shape.mode", self.mode, '"full"')
        for name, (low, high) in SIZES.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise BadInput(f"shape.{name}", value, f"an integer in [{low}, {high}]")
        if self.lanes * self.width > PACKED_BITS:
            raise BadInput("shape.lanes x shape.width", self.lanes * self.width, f"at most {PACKED_BITS}")
        if self.value_bits + 1 >= self.width:
            raise BadInput("shape.value_bits", self.value_bits, f"below width - 1 = {self.width - 1}")
        self.tail.require(self.scenarios)

    @property
    def capacity(self) -> int:
        """N = 8**d, the leaves of the tree."""
        return 8**self.depth

    @property
    def packs(self) -> int:
        """E, the packed elements of a leaf."""
        return -(-self.scenarios // self.lanes)

    def to_json(self) -> dict[str, Any]:
        """The canonical form, which the digest is taken of and manifests carry."""
        return {"mode": self.mode, "scenarios": self.scenarios, **self.tail.to_json(), "depth": self.depth,
                "lanes": self.lanes, "width": self.width, "value_bits": self.value_bits}

    @classmethod
    def from_json(cls, node: Node) -> EpochShape:
        """Read what `to_json` wrote.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        parts = node.object({"mode", "scenarios", "tail", "depth", "lanes", "width", "value_bits"}, {"masses"})
        parts["mode"].choice({"full"})
        observe_sizes(parts)
        scenarios, depth, lanes, width, value_bits = (
            parts[name].integer(1, 2**20) for name in ("scenarios", "depth", "lanes", "width", "value_bits"))
        tail = read_tail(parts)
        try:
            return cls(scenarios, tail, depth, lanes, width, value_bits)
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=node.source) from None

    @cached_property
    def _digest(self) -> int:
        return field_digest(self.to_json())

    def digest(self) -> int:
        """The field element that stands for the shape in the epoch root: keccak256 of canonical JSON >> 8."""
        return self._digest
