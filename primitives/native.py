"""Functions written for Numba, and run without it.

`compiled` functions are compiled by Numba when they are first called with arguments of new types. Their machine code
is kept as an object file (see `primitives.cache`), and from then on loaded by LLVM's own linker and called through
`ctypes`: a process that compiles nothing never imports Numba, which takes longer to start than most proofs to make.

`Emitted` functions are their building blocks: they write LLVM instructions into the compiled function that calls them.

Compiled functions take integers (64 bits, signed), arrays, and named tuples of these; they return nothing, an integer,
or a tuple of integers; to each other they may also hand doubles. They allocate nothing and touch no Python object, so
the GIL is released while they run.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import inspect
import json
import operator
import os
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np

from primitives import cache as places

Function = TypeVar("Function", bound=Callable[..., Any])
Kind: TypeAlias = Any
"""What machine code depends on of an argument: int, (dtype, dimensions, contiguous) or (class, kinds)."""

SINGLE = -1
OPTIONS = {"nogil": True, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""No reference counts, and no wrapper for Python: the machine code then needs nothing that only Numba has."""
_IEEE = OPTIONS | {"error_model": "numpy"}

CALLER = ".caller"

_UNREAD = (ctypes.c_int64 * 2)()
"""Where functions leave what nobody looks at: an empty result, and what kind of error it was."""

_lock = threading.RLock()


class Code(NamedTuple):
    """A compiled function.

    Attributes
    ----------
    returns : how many integers it returns: None, SINGLE, or those of a tuple.
    words : how many words its arguments are.
    caller : an object file with a function that calls it, see `_caller`.
    image : an object file with the function itself.
    """

    symbol: str
    returns: int | None
    words: int
    caller: bytes
    image: bytes

    def save(self, path: Path) -> None:
        """Write it whole or not at all: other processes may be looking for it.

        Not synchronized to the disk, which takes longer than all else here: what a power failure leaves of it, `load`
        tells from what was written.
        """
        described = {"symbol": self.symbol, "returns": self.returns, "words": self.words, "caller": len(self.caller)}
        content = json.dumps(described).encode() + b"\n" + self.caller + self.image
        try:
            handle, name = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_digest(content) + b"\n" + content)
                os.replace(name, path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError:
            return                             # a full disk costs time at the next start, nothing else

    @classmethod
    def load(cls, path: Path) -> Code | None:
        """What `save` wrote, if it is there and whole: damaged machine code would end the process, or worse not."""
        try:
            digest, _, content = path.read_bytes().partition(b"\n")
            if digest != _digest(content):
                return None
            header, _, images = content.partition(b"\n")
            described = json.loads(header)
            size = described.pop("caller")
            return cls(**described, caller=images[:size], image=images[size:])
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def _digest(content: bytes) -> bytes:
    """In hex. BLAKE2b, which needs no instructions of its own to be fast: a millisecond for all kernels."""
    return hashlib.blake2b(content, digest_size=32).hexdigest().encode()


class Compiled:
    """A function that is machine code wherever it is called from: Python, or other compiled functions."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any] = OPTIONS) -> None:
        if function.__closure__:
            raise TypeError(f"{function.__qualname__} depends on more than its file: compile what is not nested")
        functools.update_wrapper(self, function)
        self._function, self._ready = function, dict[tuple[Kind, ...], Callable[[list[int]], Any]]()
        self._options = options

    def __call__(self, *arguments: Any) -> Any:
        kinds, words = list[Kind](), list[int]()
        for argument in arguments:
            kinds.append(_flatten(argument, words))
        key = tuple(kinds)
        return (self._ready.get(key) or self._prepare(key))(words)

    def _prepare(self, kinds: tuple[Kind, ...]) -> Callable[[list[int]], Any]:
        """Load the machine code for arguments of these kinds, after compiling it if nobody has yet."""
        with _lock:
            if kinds in self._ready:               # by another thread, while this one waited
                return self._ready[kinds]
            path = self._path(kinds)
            code = Code.load(path) if path else None
            if code is None:
                for watcher in places.watchers:
                    watcher(self._function.__qualname__)
                code = self._compile(kinds)
                if path:
                    code.save(path)
            self._ready[kinds] = _callable(code, self._function.__qualname__)
            return self._ready[kinds]

    def _path(self, kinds: tuple[Kind, ...]) -> Path | None:
        """Where machine code for these kinds is kept."""
        module = _resolved(self._function.__code__.co_filename)
        packages = places.sources(module)
        folder = places.directory(packages)
        place = ".".join(module.relative_to(packages[0]).with_suffix("").parts)
        described = hashlib.sha256(_described(kinds).encode()).hexdigest()[:12]
        return folder / f"{place}.{self._function.__qualname__}-{described}.o" if folder else None

    @cached_property
    def _dispatcher(self) -> Any:
        import numba
        return numba.njit(**self._options)(self._function)

    @property
    def _numba_type_(self) -> Any:
        """What Numba takes it for when another compiled function calls it."""
        from numba import types
        return types.Dispatcher(self._dispatcher)

    def written(self, *arguments: Any) -> tuple[str, str]:
        """LLVM's instructions for these arguments, optimised, and the processor's; for tests to read."""
        signature = tuple(_numba_kind(_flatten(argument, [])) for argument in arguments)
        self._dispatcher.compile(signature)
        return str(self._dispatcher.inspect_llvm(signature)), str(self._dispatcher.inspect_asm(signature))

    def _compile(self, kinds: tuple[Kind, ...]) -> Code:
        signature = tuple(map(_numba_kind, kinds))
        self._dispatcher.compile(signature)
        made, words = self._dispatcher.overloads[signature], sum(map(_words, kinds))
        symbol = made.fndesc.llvm_func_name
        caller = _caller(symbol, words, made.library.codegen._tm)
        return Code(symbol, _returns(made.signature.return_type), words, caller, made.library._get_compiled_object())


@cache
def _resolved(name: str) -> Path:
    """The path of a module, asked for once: some file systems take their time."""
    return Path(name).resolve()


def compiled(function: Function) -> Function:
    """Compile a function on first use, as the module's first lines promise."""
    return cast(Function, Compiled(function))


def compiled_ieee(function: Function) -> Function:
    """`compiled`, for arithmetic on doubles: a division by zero gives what IEEE 754 says, and ends nothing.

    Without the test at every division LLVM can work on several elements at a time. It keeps the order of operations
    and never contracts two into one: Numba sets no such flag unless asked to (`fastmath`), which is never done here.
    Integers must not be divided by what can be zero.
    """
    return cast(Function, Compiled(function, _IEEE))


def inlined_ieee(function: Function) -> Function:
    """`compiled_ieee`, written into each compiled function that calls it, so that loops there work on several elements
    at a time: for short functions of doubles."""
    return cast(Function, Compiled(function, _IEEE | {"forceinline": True}))


def _flatten(argument: Any, words: list[int]) -> Kind:
    """Append an argument as Numba's functions expect it, in words; returns its kind."""
    if type(argument) is np.ndarray:
        flags = argument.flags
        if not flags.aligned:
            raise TypeError("an array that is not aligned")
        # Reference count and owner (Python's business), elements, bytes of one, address, shape, strides.
        words += (0, 0, argument.size, argument.itemsize, _address(argument))
        words += argument.shape
        words += argument.strides
        return argument.dtype, argument.ndim, flags.c_contiguous
    if isinstance(argument, tuple):
        return type(argument), tuple([_flatten(part, words) for part in argument])
    value = operator.index(argument)
    if not -2**63 <= value < 2**63:
        raise OverflowError(f"{value} does not fit 64 bits")
    words.append(value)
    return int


def _asked_address(array: Any) -> int:
    """Where an array's first element lies."""
    return int(array.__array_interface__["data"][0])


def _read_address(array: Any) -> int:
    """The same in a tenth of the time, which is a third of a call of a compiled function: NumPy's C API fixes that the
    address is an array's first field, behind what every object begins with."""
    return _WORD_AT(id(array) + _HEAD).value


_WORD_AT, _HEAD = ctypes.c_size_t.from_address, object.__basicsize__
_PROBES = (np.arange(5), np.arange(5)[3:], np.zeros((0, 4)), np.arange(6).reshape(2, 3).T)
_address = _read_address if sys.implementation.name == "cpython" and all(
    _read_address(probe) == _asked_address(probe) for probe in _PROBES) else _asked_address


def _described(kind: Kind) -> str:
    """A kind in words that are the same in every process."""
    if kind is int:
        return "int"
    if isinstance(kind, type):
        return f"{kind.__module__.removeprefix('tailproof.')}.{kind.__qualname__}"       # see `primitives.cache`
    if isinstance(kind, np.dtype):
        return kind.str
    return f"({' '.join(map(_described, kind))})" if isinstance(kind, tuple) else str(kind)


def _words(kind: Kind) -> int:
    """How many words `_flatten` makes of an argument."""
    if kind is int:
        return 1
    return 5 + 2 * int(kind[1]) if isinstance(kind[0], np.dtype) else sum(map(_words, kind[1]))


def _numba_kind(kind: Kind) -> Any:
    """The same in Numba's terms."""
    from numba import from_dtype, types
    if kind is int:
        return types.int64
    if isinstance(kind[0], np.dtype):
        dtype, dimensions, contiguous = kind
        return types.Array(from_dtype(dtype), dimensions, "C" if contiguous else "A")
    return types.NamedTuple([_numba_kind(part) for part in kind[1]], kind[0])


def _returns(kind: Any) -> int | None:
    """See `Code`."""
    from numba import types
    if kind == types.none:
        return None
    if kind == types.int64:
        return SINGLE
    if isinstance(kind, types.UniTuple) and kind.dtype == types.int64:
        return int(kind.count)
    raise TypeError(f"a compiled function returns nothing, an integer or a tuple of integers, not {kind}")


@cache
def _engine() -> Any:
    """LLVM's linker and loader."""
    from llvmlite import binding
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(jit=True)
    return binding.create_mcjit_compiler(binding.parse_assembly(""), machine)


def _caller(symbol: str, words: int, machine: Any) -> bytes:
    """An object file with a function that reads the arguments of another one from memory, as so many words.

    It is called as `symbol`.caller(address of symbol, result, error, address of arguments): six times faster than
    `ctypes` can hand over each word of some arrays.
    """
    from llvmlite import binding, ir
    word, status = ir.IntType(64), ir.IntType(32)
    called = ir.FunctionType(status, [word] * (2 + words))
    module = ir.Module()
    module.triple = machine.triple
    function = ir.Function(module, ir.FunctionType(status, [word] * 4), symbol + CALLER)
    address, result, error, arguments = function.args
    build = ir.IRBuilder(function.append_basic_block())
    memory = build.inttoptr(arguments, word.as_pointer())
    values = [build.load(build.gep(memory, [ir.Constant(word, k)])) for k in range(words)]
    build.ret(build.call(build.inttoptr(address, called.as_pointer()), [result, error, *values]))
    return bytes(machine.emit_object(binding.parse_assembly(str(module))))


_FOUR_WORDS = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_char_p)


def _callable(code: Code, name: str) -> Callable[[list[int]], Any]:
    """Load machine code; takes the arguments in words [Numba's calling convention]."""
    from llvmlite import binding
    engine = _engine()
    for image in (code.image, code.caller):
        engine.add_object_file(binding.ObjectFileRef.from_data(image))
    engine.finalize_object()
    address, pack = engine.get_function_address(code.symbol), struct.Struct(f"{code.words}q").pack
    call = _FOUR_WORDS(engine.get_function_address(code.symbol + CALLER))
    nothing, error = ctypes.addressof(_UNREAD), ctypes.addressof(_UNREAD) + 8

    def run(words: list[int]) -> Any:
        result = None if code.returns is None else (ctypes.c_int64 * abs(code.returns))()
        status = call(address, nothing if result is None else ctypes.addressof(result), error, pack(*words))
        if status:
            raise RuntimeError(f"{name} ended with status {status}: it divided by zero, or its arrays do not fit")
        if result is None:
            return None
        return result[0] if code.returns == SINGLE else tuple(result)

    return run


class Emitted:
    """A function that writes itself into the compiled functions that call it.

    Parameters
    ----------
    body : the function as its callers see it; its first parameter is not theirs.
    write : write(builder, dimensions of arrays, arguments) appends LLVM instructions and returns the result's value, if
        there is one. Arrays are contiguous, or nothing is compiled; they arrive as byte pointers, doubles as they are,
        all else as 64-bit integers.
    returns : whether it returns an integer, or nothing.
    real : whether what it returns is a double instead.
    """

    def __init__(self, body: Callable[..., Any], write: Callable[[Any, Sequence[int], Sequence[Any]], Any], *,
                 returns: bool = False, real: bool = False) -> None:
        functools.update_wrapper(self, body)
        self._body, self._write, self._returns, self._real = body, write, returns or real, real

    def __call__(self, *arguments: Any) -> Any:
        raise TypeError(f"{self._body.__qualname__} is for compiled functions to call")

    @cached_property
    def _numba_type_(self) -> Any:
        """What Numba takes it for: an intrinsic."""
        from llvmlite import ir
        from numba import types
        from numba.core.errors import TypingError
        from numba.core.registry import cpu_target
        from numba.extending import intrinsic
        bytes_ = ir.IntType(8).as_pointer()
        result = types.float64 if self._real else types.int64 if self._returns else types.void

        def typing(typing_context: Any, *kinds: Any) -> Any:
            for place, kind in enumerate(kinds):           # it would read other memory than was meant, and say nothing
                if isinstance(kind, types.Array) and kind.layout != "C":
                    raise TypingError(f"{self._body.__qualname__}: argument {place} is not contiguous")
            signature = result(*[kind if isinstance(kind, types.Array) else
                                 types.float64 if isinstance(kind, types.Float) else types.int64 for kind in kinds])

            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                dimensions, arguments = [], []
                for kind, value in zip(signature.args, values, strict=True):
                    if isinstance(kind, types.Array):
                        dimensions.append(kind.ndim)
                        value = builder.bitcast(context.make_array(kind)(context, builder, value).data, bytes_)
                    arguments.append(value)
                written = self._write(builder, dimensions, arguments)
                return written if self._returns else context.get_dummy_value()

            return signature, generate

        # Numba lowers calls by the declared parameters and does not accept *kinds: show it the body's.
        typing.__signature__ = inspect.signature(self._body)  # type: ignore[attr-defined]
        typing.__name__ = typing.__qualname__ = self._body.__name__
        made = intrinsic(typing)
        cpu_target.typing_context.refresh()
        return cpu_target.typing_context.resolve_value_type(made)
