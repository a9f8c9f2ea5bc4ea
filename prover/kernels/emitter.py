"""What kernels are written with: an instruction writer, truth values, and the operators of a field element.

Nothing here runs at prove time. The body of a kernel is a Python function that is called once, while Numba compiles;
the operators of its elements append LLVM instructions to the function being built.

Every element carries bounds: its value lies in [low * q, high * q). Additions and subtractions only widen them;
products and `reduce` narrow them. A value that might outgrow its representation raises `BoundError` while the kernel is
built, so no run can ever overflow silently.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, TypeAlias

from llvmlite import ir

from primitives.native import Emitted

from .field import LANES, Field, Layout

Value: TypeAlias = Any          # an LLVM value; llvmlite has no types
Kind: TypeAlias = Any           # an LLVM type

I1, I8, I32, I64, I256 = (ir.IntType(bits) for bits in (1, 8, 32, 64, 256))
VOID = ir.VoidType()
VECTOR = ir.VectorType(I64, LANES)


class BoundError(Exception):
    """A lazily reduced value could overflow; raised while a kernel is built."""


def require(condition: bool, message: str) -> None:
    """Refuse to build a kernel that could overflow."""
    if not condition:
        raise BoundError(message)


def up(bound: float) -> float:
    """A bound rounded up to a multiple of 2**-10 (exact in binary floating point)."""
    return math.ceil(bound * 1024) / 1024


class Emitter:
    """The few instructions that elements need, on top of an LLVM IR builder.

    Attributes
    ----------
    dimensions : of the kernel's first array; a body chooses its coordinate type from it.
    element : the arithmetic the kernel is built for.
    """

    def __init__(self, builder: Any, element: type[Element], dimensions: int = 0) -> None:
        self.builder, self.element, self.dimensions = builder, element, dimensions

    def call(self, name: str, result: Kind, *arguments: Value) -> Value:
        """Call an LLVM intrinsic."""
        module = self.builder.module
        function = module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(result, [argument.type for argument in arguments])
            function = ir.Function(module, kind, name)
        return self.builder.call(function, arguments)

    def call_apart(self, name: str, body: Callable[..., Value], arguments: Sequence[Value],
                   result: Kind = VOID) -> Value:
        """Call `body(emit, *arguments)` as a function of the module being built, which is made at the first call.

        Numba compiles a function once more for each function that calls it; a module's own function is compiled once.
        """
        function = self.builder.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(result, [argument.type for argument in arguments])
            function = ir.Function(self.builder.module, kind, name)
            function.linkage = "internal"
            function.attributes.add("noinline")
            own = ir.IRBuilder(function.append_basic_block())
            value = body(Emitter(own, self.element, self.dimensions), *function.args)
            if value is None:
                own.ret_void()
            else:
                own.ret(value)
        return self.builder.call(function, arguments)

    # -- integers and addresses ------------------------------------------------------------------------------------
    def integer(self, value: int | Value, kind: Kind = I64) -> Value:
        """A constant, or the value itself."""
        return ir.Constant(kind, value) if isinstance(value, int) else value

    def address(self, pointer: Value, index: int | Value, stride: int, kind: Kind) -> Value:
        """Typed pointer to `index * stride` bytes past a byte pointer."""
        offset = self.builder.mul(self.integer(index), self.integer(stride))
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), kind.as_pointer())

    def plus(self, index: int | Value, constant: int) -> Value:
        """index + constant."""
        return self.builder.add(self.integer(index), self.integer(constant))

    def times(self, index: int | Value, constant: int) -> Value:
        """index * constant."""
        return self.builder.mul(self.integer(index), self.integer(constant))

    # -- vectors ---------------------------------------------------------------------------------------------------
    def splat(self, value: int) -> Value:
        """A constant in all lanes."""
        return ir.Constant(VECTOR, [ir.Constant(I64, value)] * LANES)

    def everywhere(self, word: Value) -> Value:
        """One word in all lanes."""
        one = self.builder.insert_element(ir.Constant(VECTOR, ir.Undefined), word, ir.Constant(I32, 0))
        return self.shuffle(one, one, [0] * LANES)

    def load(self, pointer: Value, index: int | Value, kind: Kind = VECTOR, align: int = 8) -> Value:
        """Vector number `index` of an array of vectors."""
        stride = kind.count * kind.element.width // 8
        return self.builder.load(self.address(pointer, index, stride, kind), align=align)

    def store(self, pointer: Value, index: int | Value, value: Value, align: int = 8) -> None:
        """Store a vector as number `index` of an array of vectors."""
        stride = value.type.count * value.type.element.width // 8
        self.builder.store(value, self.address(pointer, index, stride, value.type), align=align)

    def shuffle(self, a: Value, b: Value, order: Sequence[int]) -> Value:
        """Lane k of the result is lane order[k] of a, then of b."""
        mask = ir.Constant(ir.VectorType(I32, len(order)), [ir.Constant(I32, i) for i in order])
        return self.builder.shuffle_vector(a, b, mask)

    def shift_pair(self, high: Value, low: Value, bits: int) -> Value:
        """Low word of the 128-bit (high, low) shifted right."""
        return self.call("llvm.fshr.v8i64", VECTOR, high, low, self.splat(bits))

    def mask_bits(self, mask: Value) -> Value:
        """One truth value, or a vector of eight -> integer with one bit a lane."""
        if isinstance(mask.type, ir.VectorType):
            mask = self.builder.bitcast(mask, I8)
        return self.builder.zext(mask, I64)

    def prefetch(self, address: Value) -> None:
        """Start loading the cache line at a byte pointer."""
        self.call("llvm.prefetch.p0", VOID, address, ir.Constant(I32, 0),
                  ir.Constant(I32, 3), ir.Constant(I32, 1))


class Mask:
    """One truth value per lane, with `&`, `|`, `~`."""

    def __init__(self, emit: Emitter, bits: Value) -> None:
        self.emit, self.bits = emit, bits

    def __and__(self, other: Mask) -> Mask:
        return Mask(self.emit, self.emit.builder.and_(self.bits, other.bits))

    def __or__(self, other: Mask) -> Mask:
        return Mask(self.emit, self.emit.builder.or_(self.bits, other.bits))

    def __invert__(self) -> Mask:
        return Mask(self.emit, self.emit.builder.not_(self.bits))

    def select(self, yes: Element, no: Element) -> Any:
        """Lanes of `yes` where the mask holds, of `no` elsewhere."""
        return yes.select(self, no)


class Element(ABC):
    """Elements of a prime field inside a kernel, one per lane; the interface of both arithmetics."""

    LAYOUT: ClassVar[Layout]
    STORED: ClassVar[float]
    """Packed values, and what `reduce` returns, are below STORED * q."""
    PRODUCT: ClassVar[float]
    """Products of values below 3 q, or so, are below PRODUCT * q: what running products are kept below."""

    emit: Emitter
    field: Field
    low: float
    high: float

    # -- making and storing ----------------------------------------------------------------------------------------
    @classmethod
    @abstractmethod
    def constant(cls, emit: Emitter, field: Field, value: int) -> Self:
        """The integer `value` (given in plain form) in all lanes."""

    @classmethod
    @abstractmethod
    def load(cls, emit: Emitter, field: Field, pointer: Value, index: int | Value, bound: float | None = None) -> Self:
        """Value number `index` of an array (n, limbs, lanes); the caller vouches for `bound` (STORED if None)."""

    @abstractmethod
    def store(self, pointer: Value, index: int | Value, bound: float | None = None) -> None:
        """Store as value number `index` of an array (n, limbs, lanes), below bound * q (STORED if None)."""

    @classmethod
    @abstractmethod
    def gather(cls, emit: Emitter, field: Field, addresses: Sequence[Value]) -> Self:
        """The packed elements at these byte pointers, one a lane."""

    @abstractmethod
    def scatter(self, addresses: Sequence[Value]) -> None:
        """Store each lane as a packed element at its byte pointer."""

    @classmethod
    @abstractmethod
    def everywhere(cls, emit: Emitter, field: Field, value: Value) -> Self:
        """A stored form below q, as one 256-bit integer, in all lanes."""

    @abstractmethod
    def first(self) -> Value:
        """The stored form in lane 0, below q, as one 256-bit integer."""

    # -- arithmetic ------------------------------------------------------------------------------------------------
    @abstractmethod
    def __add__(self, other: Self) -> Self: ...

    @abstractmethod
    def __sub__(self, other: Self) -> Self: ...

    @abstractmethod
    def __neg__(self) -> Self: ...

    @abstractmethod
    def __mul__(self, other: Self) -> Self:
        """Montgomery product a * b / radix."""

    @abstractmethod
    def square(self) -> Self:
        """Montgomery square."""

    @staticmethod
    @abstractmethod
    def dot(pairs: Sequence[tuple[Any, Any]]) -> Any:
        """Montgomery sum of products with a single reduction."""

    @abstractmethod
    def normalize(self) -> Self:
        """The same residue, non-negative, in proper limbs."""

    @abstractmethod
    def reduce(self) -> Self:
        """The same residue below STORED * q."""

    @abstractmethod
    def canonical(self) -> Self:
        """The same residue below q."""

    # -- tests -----------------------------------------------------------------------------------------------------
    @abstractmethod
    def select(self, mask: Mask, other: Self) -> Self:
        """This value where the mask holds, the other elsewhere."""

    @abstractmethod
    def negate_where(self, mask: Mask) -> Self:
        """Minus the value in the lanes of `mask`."""

    @abstractmethod
    def is_zero(self, limbs: int | None = None) -> Mask:
        """Mask: the residue is zero. With `limbs` a cheap necessary condition only: that many limbs look so."""

    @abstractmethod
    def is_exact_zero(self, limbs: int | None = None) -> Mask:
        """Mask: the stored integer itself (not only its residue) is zero; `limbs` as above."""


# -- kernels -------------------------------------------------------------------------------------------------------
def kernel_for(element: type[Element], body: Callable[..., Value] | None = None, *, returns: bool = False,
               apart: bool = False) -> Any:
    """Turn an emit-time function `body(emit, *arguments)` into a function callable from compiled functions.

    Array arguments arrive as byte pointers, all others as 64-bit integers, and so does what it `returns`. `apart` emits
    the body once, as a function of its own in the module being built, however often it is called there; otherwise every
    call gets a copy of it.
    """
    if body is None:
        return lambda function: kernel_for(element, function, returns=returns, apart=apart)
    chosen: Callable[..., Value] = body

    def write(builder: Any, dimensions: Sequence[int], arguments: Sequence[Value]) -> Value:
        emit = Emitter(builder, element, dimensions[0])
        if not apart:
            return chosen(emit, *arguments)
        name = f"{chosen.__module__}.{chosen.__qualname__}.{element.__name__}.{emit.dimensions}"
        return emit.call_apart(name, chosen, arguments, I64 if returns else VOID)

    return Emitted(chosen, write, returns=returns)
