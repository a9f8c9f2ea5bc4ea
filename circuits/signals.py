"""Signals: arrays of linear combinations of wires, and the products between them.

* `Linear` is an array (any shape) of sparse linear combinations. Adding, subtracting, scaling by constants, indexing
  and summing make new ones and cost no constraints. Each carries an `Interval`, the integers that its elements are
  known to be.
* `Quadratic` is what `Linear * Linear` gives, an array of left * right + rest. It is open: it becomes constraints once,
  when it is equated (one row an element), ranged (bits + one row) or made into wires (one row). A second use would
  silently repeat the rows, a missing one would lose the constraint, so both are errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuits.coefficients import Coefficients, Ids
from circuits.errors import CircuitError
from circuits.intervals import Interval
from circuits.operands import Shape, integers, joined, place, shape_of
from primitives import field
from primitives.field import MODULUS, FieldArray

Signal: TypeAlias = "Linear | Quadratic | int | NDArray[Any] | Sequence[Any]"
"""What operations take: a signal, or a constant."""


class Recorder(Protocol):
    """What signals ask of whoever records their constraints: `circuits.builder.ConstraintSystem`.

    Attributes
    ----------
    coefficients : the table that terms refer to.  wires : how many there are so far.  zero : a signal of 0, shape ().
    open_products : products that are no constraints yet, by identity.
    """

    coefficients: Coefficients
    wires: int
    zero: Linear
    open_products: dict[int, Quadratic]

    def label(self, name: str) -> str:
        """A name with the prefix of the scopes around it."""

    def signal(self, value: Signal) -> Linear:
        """A signal, or constants as one."""

    def together(self, *values: Signal) -> list[Linear]:
        """Signals broadcast to one shape."""

    def wire(self, value: Quadratic, label: str = "product") -> Linear:
        """Fresh wires equal to a product."""


class _Array:
    """What signals of both kinds refuse."""

    shape: Shape
    cs: Recorder

    __array_ufunc__ = None         # let NumPy constants on the left defer to our operators
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> NoReturn:
        raise CircuitError(f"== at {place()} compares no values and records nothing: use ConstraintSystem.equal")

    def __bool__(self) -> NoReturn:
        raise CircuitError(f"a signal at {place()} is neither true nor false while a circuit is recorded")


class Linear(_Array):
    """Array of linear combinations, row-major CSR: element i has the terms starts[i] .. starts[i+1]-1.

    Attributes
    ----------
    shape : of the array.
    starts : int64 (size + 1,).  wires, ids : int32 (terms,), a wire and a coefficient number each.
    interval : of every element.
    """

    def __init__(self, cs: Recorder, shape: Shape, starts: NDArray[np.int64], wires: NDArray[np.int32],
                 ids: Ids, interval: Interval) -> None:
        self.cs, self.shape = cs, shape
        self.starts, self.wires, self.ids, self.interval = starts, wires, ids, interval

    @property
    def size(self) -> int:
        return len(self.starts) - 1

    def __len__(self) -> int:
        return self.shape[0]

    # -- rearranging: no terms change ------------------------------------------------------------------------------
    def _positions(self) -> NDArray[np.int64]:
        return np.arange(self.size).reshape(self.shape)

    def _take(self, order: NDArray[np.int64]) -> Linear:
        """Elements by flat position; the result has the shape of `order`."""
        flat = order.reshape(-1)
        lengths = np.diff(self.starts)[flat]
        places = spans(self.starts[flat], lengths)
        return Linear(self.cs, order.shape, bounds(lengths), self.wires[places], self.ids[places], self.interval)

    def __getitem__(self, key: Any) -> Linear:
        return self._take(np.asarray(self._positions()[key]))

    def reshape(self, *shape: int) -> Linear:
        """As in NumPy: one length may be -1.

        Raises
        ------
        CircuitError : another number of elements.
        """
        try:
            found = self._positions().reshape(shape).shape
        except (ValueError, TypeError):
            raise CircuitError(f"{self.cs.label('reshape')} at {place()}: shape {self.shape} cannot become {shape}"
                               ) from None
        return Linear(self.cs, found, self.starts, self.wires, self.ids, self.interval)

    def broadcast(self, shape: Shape) -> Linear:
        """As `numpy.broadcast_to`: repeated where an axis is missing or has length 1.

        Raises
        ------
        CircuitError : the shape is another.
        """
        if self.shape == shape:
            return self
        label = self.cs.label("broadcast")
        try:
            return self._take(np.broadcast_to(self._positions(), shape_of(shape, label)))
        except ValueError:
            raise CircuitError(f"{label} at {place()}: shape {self.shape} cannot be repeated to {shape}") from None

    def pad(self, size: int) -> Linear:
        """The last axis lengthened by zeros.

        Raises
        ------
        CircuitError : it is longer already, or there is none.
        """
        missing = size - self.shape[-1] if self.shape else -1
        if missing < 0:
            raise CircuitError(f"{self.cs.label('pad')} at {place()}: shape {self.shape} cannot be padded to {size}")
        if missing == 0:
            return self
        zeros = self.cs.signal(np.zeros((*self.shape[:-1], missing), object))
        return concatenate([self, zeros])

    # -- linear operations -----------------------------------------------------------------------------------------
    def __add__(self, other: Signal) -> Any:
        if isinstance(other, Quadratic):
            return other + self
        a, b = self.cs.together(self, other)
        joined = concatenate([a.reshape(*a.shape, 1), b.reshape(*b.shape, 1)])
        return joined._join(2, a.shape, a.interval + b.interval)

    def __neg__(self) -> Linear:
        scaled: Linear = self * -1
        return scaled

    def __sub__(self, other: Signal) -> Any:
        return self + -other if isinstance(other, Quadratic) else self + -self.cs.signal(other)

    def __rsub__(self, other: Signal) -> Any:
        return -self + other

    def __mul__(self, other: Signal) -> Any:
        """By an integer or integer array: `Linear`, no rows. By a signal: `Quadratic`.

        Raises
        ------
        CircuitError : the factor is no integer, or of a shape that does not go with this one.
        """
        if isinstance(other, Linear | Quadratic):
            return Quadratic.product(*self.cs.together(self, other))
        label = self.cs.label("factor")
        factors = integers(other, label)
        if factors.ndim == 0:
            return self._scaled(int(factors))
        shape = joined(self.shape, factors.shape, label, constant=True)
        result, flat = self.broadcast(shape), np.broadcast_to(factors, shape).reshape(-1)
        distinct, which = np.unique(flat, return_inverse=True)
        which, ids = np.repeat(which.reshape(-1), np.diff(result.starts)), result.ids.copy()
        interval = None
        for n, factor in enumerate(distinct):
            ids[which == n] = self.cs.coefficients.scale(ids[which == n], int(factor))
            part = self.interval * _constant(int(factor))
            interval = part if interval is None else interval | part
        scaled = Linear(self.cs, shape, result.starts, result.wires, ids, interval or self.interval)
        return scaled if distinct.all() else scaled._pruned()

    __radd__, __rmul__ = __add__, __mul__

    def _scaled(self, factor: int) -> Linear:
        scaled = Linear(self.cs, self.shape, self.starts, self.wires, self.cs.coefficients.scale(self.ids, factor),
                        self.interval * _constant(factor))
        return scaled if factor % MODULUS else scaled._pruned()

    def __rmatmul__(self, matrix: NDArray[Any]) -> Linear:
        """Constant integer matrix (m, n) @ signal (n,).

        Raises
        ------
        CircuitError : the matrix is none, or not of integers; another number of columns than this has elements.
        """
        label = self.cs.label("matrix")
        matrix = integers(matrix, label)
        if matrix.ndim != 2 or self.shape != matrix.shape[1:]:
            raise CircuitError(f"{label} at {place()}: shapes {matrix.shape} @ {self.shape} are not (m, n) @ (n,)")
        rows, columns = np.nonzero(matrix)
        terms = self._take(columns) * matrix[rows, columns]
        starts = terms.starts[np.searchsorted(rows, np.arange(len(matrix) + 1))]
        exact = matrix.astype(object)
        interval = Interval(0, 0)
        for positive, negative in set(zip(np.maximum(exact, 0).sum(axis=1), np.minimum(exact, 0).sum(axis=1),
                                          strict=True)):
            interval |= self.interval * Interval(positive, positive) + self.interval * Interval(negative, negative)
        return Linear(self.cs, (len(matrix),), starts, terms.wires, terms.ids, interval)._merged()

    def sum(self, axis: int | None = None) -> Linear:
        """Over one axis, or over all elements."""
        if axis is None:
            return self._join(self.size, (), self.interval.total(self.size))
        order = np.moveaxis(self._positions(), axis, -1)
        count = order.shape[-1]
        return self._take(order)._join(count, order.shape[:-1], self.interval.total(count))

    def within(self, interval: Interval) -> Linear:
        """The same combinations, known to lie in `interval`: for gadgets whose constraints prove it."""
        return Linear(self.cs, self.shape, self.starts, self.wires, self.ids, interval)

    def _join(self, count: int, shape: Shape, interval: Interval) -> Linear:
        """Add up every `count` consecutive elements."""
        starts = self.starts[::count] if count else np.zeros(int(np.prod(shape)) + 1, np.int64)
        return Linear(self.cs, shape, starts, self.wires, self.ids, interval)._merged()

    def _merged(self) -> Linear:
        """Terms of one element on the same wire become one."""
        rows = np.repeat(np.arange(self.size), np.diff(self.starts))
        keys = rows * self.cs.wires + self.wires
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        if len(first) == len(keys):
            return self
        ids, lengths = self.ids[order], np.diff(np.append(first, len(keys)))
        merged = ids[first]
        for nth in range(1, int(lengths.max())):
            more = lengths > nth
            merged[more] = self.cs.coefficients.add(merged[more], ids[first[more] + nth])
        counts = np.bincount(keys[first] // self.cs.wires, minlength=self.size)
        return Linear(self.cs, self.shape, bounds(counts), (keys[first] % self.cs.wires).astype(np.int32), merged,
                      self.interval)._pruned()

    def _pruned(self) -> Linear:
        """Without terms whose coefficient is 0."""
        zero = self.cs.coefficients.is_zero(self.ids)
        if not zero.any():
            return self
        rows = np.repeat(np.arange(self.size), np.diff(self.starts))
        counts = np.bincount(rows[~zero], minlength=self.size)
        return Linear(self.cs, self.shape, bounds(counts), self.wires[~zero], self.ids[~zero], self.interval)

    # -- under a witness -------------------------------------------------------------------------------------------
    def values(self, witness: FieldArray) -> FieldArray:
        """The elements' values under a witness (wires, 4): (size, 4)."""
        out = np.empty((self.size, 4), np.uint64)
        field.combine(out, self.starts, self.wires, self.ids, self.cs.coefficients.words, witness)
        return out


class Product(NamedTuple):
    """left * right + rest, three signals of one shape: the content of a `Quadratic`."""

    left: Linear
    right: Linear
    rest: Linear

    @property
    def interval(self) -> Interval:
        return self.left.interval * self.right.interval + self.rest.interval

    def values(self, witness: FieldArray) -> FieldArray:
        """The elements' values under a witness (wires, 4): (size, 4)."""
        product = field.multiply(self.left.values(witness), self.right.values(witness))
        return field.add(product, self.rest.values(witness)) if len(self.rest.wires) else product


class Quadratic(_Array):
    """Array of left * right + rest that is to become constraints exactly once."""

    def __init__(self, content: Product) -> None:
        self.cs, self.shape, self.interval = content.left.cs, content.left.shape, content.interval
        self._content: Product | None = content
        self._made = place()
        self.cs.open_products[id(self)] = self

    @classmethod
    def product(cls, left: Linear, right: Linear) -> Quadratic:
        return cls(Product(left, right, left.cs.zero.broadcast(left.shape)))

    def use(self) -> Product:
        """The content, once.

        Raises
        ------
        CircuitError : it was used before.
        """
        if self._content is None:
            raise CircuitError(f"the product made at {self._made} is used a second time: make it into wires first")
        content, self._content = self._content, None
        del self.cs.open_products[id(self)]
        return content

    def __str__(self) -> str:
        return f"product of shape {self.shape} made at {self._made}"

    def __add__(self, other: Signal) -> Quadratic:
        left, right, rest = self.use()
        total = self.cs.signal(other)
        if joined(left.shape, total.shape, self.cs.label("sum"), constant=not isinstance(other, _Array)) != left.shape:
            raise CircuitError(f"{self.cs.label('sum')} at {place()}: a product of shape {left.shape} is not repeated "
                               f"to {total.shape}")
        return Quadratic(Product(left, right, rest + total.broadcast(left.shape)))

    def __neg__(self) -> Quadratic:
        negated: Quadratic = self * -1
        return negated

    def __sub__(self, other: Signal) -> Quadratic:
        return self + -other if isinstance(other, Quadratic) else self + -self.cs.signal(other)

    def __rsub__(self, other: Signal) -> Quadratic:
        return -self + other

    def __mul__(self, other: Signal) -> Any:
        """By constants: still `Quadratic`. By a signal: wires of this product first."""
        if isinstance(other, Linear | Quadratic):
            return self.cs.wire(self) * other
        left, right, rest = self.use()
        return Quadratic(Product(*self.cs.together(left * other, right, rest * other)))

    __radd__, __rmul__ = __add__, __mul__

    def sum(self, axis: int, label: str) -> Quadratic:
        """All products but the last along an axis become wires (one row each); the last stays open, plus their sum."""
        content = self.use()
        head = (slice(None),) * (axis % len(self.shape))
        *others, last = (Product(*(part[(*head, place)] for part in content))
                         for place in (slice(0, -1), -1))
        total = Quadratic(last)
        return total + self.cs.wire(Quadratic(others[0]), label).sum(axis) if others[0].left.size else total


def concatenate(signals: Sequence[Linear], axis: int = -1) -> Linear:
    """Join signals along an axis.

    Raises
    ------
    CircuitError : none at all, signals of two systems, or shapes that differ elsewhere.
    """
    if not signals or any(s.cs is not signals[0].cs for s in signals):
        raise CircuitError(f"concatenate at {place()} takes signals, at least one, all of one system")
    first = signals[0]
    offsets = np.cumsum([0] + [s.size for s in signals])
    try:
        order = np.concatenate([s._positions() + n for s, n in zip(signals, offsets[:-1], strict=True)], axis=axis)
    except ValueError:
        raise CircuitError(f"{first.cs.label('concatenate')} at {place()}: shapes "
                           f"{', '.join(str(s.shape) for s in signals)} differ off axis {axis}") from None
    interval = first.interval
    for signal in signals[1:]:
        interval |= signal.interval
    whole = Linear(first.cs, (int(offsets[-1]),), bounds(np.concatenate([np.diff(s.starts) for s in signals])),
                   np.concatenate([s.wires for s in signals]), np.concatenate([s.ids for s in signals]), interval)
    return whole._take(order)


def spans(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenated ranges starts[i] .. starts[i] + lengths[i] - 1."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)


def bounds(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """CSR bounds of rows of given lengths."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _constant(value: int) -> Interval:
    """A constant factor as the integer nearest to 0 with its residue."""
    value %= MODULUS
    value = value - MODULUS if 2 * value > MODULUS else value
    return Interval(value, value)
