"""Constants to multiply by, with what is known of them ahead.

A product by a `Factor` leaves its other operand in the form that it has, Montgomery's or not.

On lanes a factor is a number w < q and the quotient floor(w * 2**260 / q), which names the multiple of q to take off a
product without a look at the product's lower half [V. Shoup; D. Harvey, "Faster arithmetic for number-theoretic
transforms", 2014]: 75 multiply-adds instead of the 101 of a Montgomery product. The scalar path, whose words leave
hardly a bit to spare, has little to gain by that: its factors are elements in Montgomery form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from . import columns
from .emitter import I64, Emitter, Value, up
from .field import LIMBS, RADIX, Field, limbs_of
from .lanes import Lanes
from .processor import PORTABLE
from .single import WORDS, Single


class Factor(ABC):
    """A constant in all lanes, or one a lane."""

    WORDS: ClassVar[int]
    """Words of one in a table."""
    PRODUCT: ClassVar[float]
    """Products by factors are below PRODUCT * q; on the scalar path they are reduced below that to be stored."""
    SUM: ClassVar[float]
    """Sums of four products, likewise."""

    @classmethod
    @abstractmethod
    def constant(cls, emit: Emitter, field: Field, value: int) -> Self:
        """The integer `value` in all lanes."""

    @classmethod
    @abstractmethod
    def load(cls, emit: Emitter, field: Field, table: Value, index: int | Value) -> Self:
        """Entry `index` of a table (n, WORDS, lanes)."""

    @classmethod
    @abstractmethod
    def broadcast(cls, emit: Emitter, field: Field, table: Value, index: int | Value) -> Self:
        """Entry `index` of a table (n, WORDS), in all lanes."""

    @classmethod
    @abstractmethod
    def of(cls, value: Any) -> Self:
        """What an element of the arithmetic stands for."""

    @abstractmethod
    def store(self, emit: Emitter, table: Value, index: int | Value) -> None:
        """Store as entry `index` of a table (n, WORDS, lanes)."""

    @abstractmethod
    def __mul__(self, value: Any) -> Any:
        """The product with an element of the arithmetic."""


class LanesFactor(Factor):
    """Limbs of numbers, and limbs of their quotients."""

    WORDS = 2 * LIMBS
    PRODUCT, SUM = columns.SHORTAGE + 1, 4 * (columns.SHORTAGE + 1)

    def __init__(self, number: Sequence[Value], quotient: Sequence[Value]) -> None:
        self.number, self.quotient = number, quotient

    @classmethod
    def constant(cls, emit: Emitter, field: Field, value: int) -> Self:
        """The integer `value` in all lanes."""
        number = value % field.modulus
        return cls(*([emit.splat(limb) for limb in limbs_of(part)]
                     for part in (number, number * RADIX // field.modulus)))

    @classmethod
    def load(cls, emit: Emitter, field: Field, table: Value, index: int | Value) -> Self:
        """Entry `index` of a table (n, 10, 8)."""
        words = [emit.load(table, emit.plus(emit.times(index, cls.WORDS), k)) for k in range(cls.WORDS)]
        return cls(words[:LIMBS], words[LIMBS:])

    @classmethod
    def broadcast(cls, emit: Emitter, field: Field, table: Value, index: int | Value) -> Self:
        """Entry `index` of a table (n, 10), in all lanes."""
        places = [emit.address(table, emit.plus(emit.times(index, cls.WORDS), k), 8, I64) for k in range(cls.WORDS)]
        words = [emit.everywhere(emit.builder.load(place, align=8)) for place in places]
        return cls(words[:LIMBS], words[LIMBS:])

    @classmethod
    def of(cls, value: Lanes) -> Self:
        """What lanes in Montgomery form stand for."""
        emit, field, form = value.emit, value.field, value.canonical()
        one = Lanes(emit, field, [emit.splat(limb) for limb in limbs_of(1)], 0, 1)
        # form = number * 2**260 - quotient * q, and modulo 2**260 that is - quotient * q
        quotient = columns.low_half(emit, form.limbs, -pow(field.modulus, -1, RADIX) % RADIX)
        return cls((form * one).canonical().limbs, quotient)

    def store(self, emit: Emitter, table: Value, index: int | Value) -> None:
        """Store as entry `index` of a table (n, 10, 8)."""
        for k, word in enumerate([*self.number, *self.quotient]):
            emit.store(table, emit.plus(emit.times(index, self.WORDS), k), word)

    def __mul__(self, value: Lanes) -> Lanes:
        """The product with lanes, left for others to carry (75 multiply-adds)."""
        a = value.normalize()
        words = columns.scale(a.emit, a.field, a.limbs, self.number, self.quotient)
        bound = up(columns.SHORTAGE + a.high * a.field.modulus / RADIX + 2**-40)
        return Lanes(a.emit, a.field, words, 0, bound, columns.spread(1), wraps=True)


class SingleFactor(Factor):
    """An element in Montgomery form."""

    WORDS = WORDS
    PRODUCT, SUM = Single.STORED, Single.STORED

    def __init__(self, element: Single) -> None:
        self.element = element

    @classmethod
    def constant(cls, emit: Emitter, field: Field, value: int) -> Self:
        """The integer `value`."""
        return cls(Single.constant(emit, field, value))

    @classmethod
    def load(cls, emit: Emitter, field: Field, table: Value, index: int | Value) -> Self:
        """Entry `index` of a table (n, 4, 1)."""
        return cls(Single.load(emit, field, table, index))

    @classmethod
    def broadcast(cls, emit: Emitter, field: Field, table: Value, index: int | Value) -> Self:
        """Entry `index` of a table (n, 4)."""
        return cls.load(emit, field, table, index)

    @classmethod
    def of(cls, value: Single) -> Self:
        """The element itself."""
        return cls(value.canonical())

    def store(self, emit: Emitter, table: Value, index: int | Value) -> None:
        """Store as entry `index` of a table (n, 4, 1)."""
        self.element.store(table, index)

    def __mul__(self, value: Single) -> Single:
        """The Montgomery product with another element."""
        return value * self.element


FACTOR: type[Factor] = SingleFactor if PORTABLE else LanesFactor
