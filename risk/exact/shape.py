"""What an epoch's arrays look like, in the numbers that the circuit has built in.

The digest of the shape enters the epoch root (STATEMENT C5), and the circuit holds it as a constant: a proof made for
one shape opens no epoch of another.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.digests import field_digest

PACKED_BITS = 253
"""Bits of a packed element: fewer than the field's order, 2**253.597, so that unpacking is unique (STATEMENT §8.3)."""
LARGEST_TAIL_TERM = 2**32 - 1


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

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True)
class EpochShape:
    """Sizes of a full-revaluation epoch.

    Parameters
    ----------
    scenarios : S.
    tail : K/D with 0 < K/D <= S.
    depth : d; the tree has N = 8**d leaves.
    lanes, width : P value changes of w bits to a packed element; P w <= 253.
    value_bits : value changes, `amax` and rates are smaller than 2**value_bits in absolute value (E2, E3).
    mode : "full": the nodes of the risk arrays are the scenarios themselves.

    Raises
    ------
    BadInput : a size is out of its bound.
    """

    scenarios: int
    tail: TailSize
    depth: int
    lanes: int = 5
    width: int = 50
    value_bits: int = 44
    mode: Literal["full"] = "full"

    def __post_init__(self) -> None:
        if self.mode != "full":
            raise BadInput("shape.mode", self.mode, '"full"')
        for name, low, high in (("scenarios", 1, 2**20), ("depth", 1, 6), ("lanes", 1, PACKED_BITS),
                                ("width", 3, PACKED_BITS), ("value_bits", 1, 61)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise BadInput(f"shape.{name}", value, f"an integer in [{low}, {high}]")
        if self.lanes * self.width > PACKED_BITS:
            raise BadInput("shape.lanes x shape.width", self.lanes * self.width, f"at most {PACKED_BITS}")
        if self.value_bits + 1 >= self.width:
            raise BadInput("shape.value_bits", self.value_bits, f"below width - 1 = {self.width - 1}")
        if self.tail.size > self.scenarios:
            raise BadInput("tail", str(self.tail), f"above 0 and at most the number of scenarios, {self.scenarios}")

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
        return {"mode": self.mode, "scenarios": self.scenarios, "tail": str(self.tail), "depth": self.depth,
                "lanes": self.lanes, "width": self.width, "value_bits": self.value_bits}

    @classmethod
    def from_json(cls, node: Node) -> EpochShape:
        """Read what `to_json` wrote.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        parts = node.object(required={"mode", "scenarios", "tail", "depth", "lanes", "width", "value_bits"})
        parts["mode"].choice({"full"})
        scenarios, depth, lanes, width, value_bits = (
            parts[name].integer(1, 2**20) for name in ("scenarios", "depth", "lanes", "width", "value_bits"))
        tail = TailSize.parse(parts["tail"].value, field=parts["tail"].field, source=node.source)
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
