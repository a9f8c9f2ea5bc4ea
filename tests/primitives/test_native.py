"""Compiled functions: what they take and return, and how their machine code is kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from llvmlite import ir
from numpy.typing import NDArray

import primitives
from primitives import cache, native
from primitives.native import Code, Emitted, compiled

ROOT = Path(primitives.__file__).resolve().parent.parent


class Pair(NamedTuple):
    values: NDArray[np.int64]
    wanted: NDArray[np.bool_]


@compiled
def add_to(values: NDArray[np.int64], amount: int) -> None:
    for i in range(len(values)):
        values[i] += amount


@compiled
def total(values: NDArray[np.int64]) -> int:
    result = 0
    for i in range(values.shape[0]):
        result += values[i]
    return result


@compiled
def ends(values: NDArray[np.int64]) -> tuple[int, int]:
    return values[0], values[-1]


@compiled
def wanted(pair: Pair, columns: NDArray[np.uint32]) -> int:
    """Calls another one."""
    add_to(pair.values, 1)
    result = 0
    for i in range(len(pair.values)):
        if pair.wanted[i]:
            result += pair.values[i] + columns[i, 0] * columns.shape[1]
    return result


@compiled
def quotient(a: int, b: int) -> int:
    return a // b


@compiled
def half(a: int) -> float:
    return a / 2


@compiled
def fresh(count: int) -> int:
    return len(np.zeros(count))


def _high(builder: Any, a: Any, b: Any) -> Any:
    """The upper half of a product."""
    wide = ir.IntType(128)
    product = builder.mul(builder.sext(a, wide), builder.sext(b, wide))
    return builder.trunc(builder.ashr(product, ir.Constant(wide, 64)), ir.IntType(64))


high = Emitted(_high, lambda builder, dimensions, arguments: _high(builder, *arguments), returns=True)


@compiled
def high_of(a: int, b: int) -> int:
    return high(a, b)


def test_arguments_and_results() -> None:
    values = np.arange(5)
    assert add_to(values, -2) is None
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert total(values) == 0
    assert ends(values) == (-2, 2)
    assert total(np.empty(0, np.int64)) == 0
    assert wanted(Pair(values, values > 0), np.full((5, 3), 7, np.uint32)) == 2 + 3 + 2 * 21
    assert high_of(-2**63, 2**63 - 1) == -2**63 * (2**63 - 1) >> 64
    assert add_to.__name__ == "add_to"


def test_arrays_of_every_layout() -> None:
    grid = np.arange(12).reshape(3, 4)
    assert total(grid[:, 1]) == 15
    assert total(grid[::-1, 3]) == 21
    readable = np.arange(4)
    readable.flags.writeable = False
    assert total(readable) == 6
    assert total(np.arange(4, dtype=np.int32)) == 6


@pytest.mark.parametrize(("arguments", "error"), [
    ((np.zeros(2, np.int64), 2**63), OverflowError), ((np.zeros(2, np.int64), 0.5), TypeError),
    ((np.zeros(2, np.int64), None), TypeError), (([1, 2], 1), TypeError),
    ((np.frombuffer(bytes(17), np.int64, offset=1), 1), TypeError), (("ab", 1), TypeError)])
def test_what_is_no_argument(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        add_to(*arguments)


def test_an_error_inside_is_not_swallowed() -> None:
    assert quotient(7, 2) == 3
    with pytest.raises(RuntimeError, match="quotient"):
        quotient(7, 0)


def test_what_cannot_be_machine_code_alone_is_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        half(3)
    with pytest.raises(Exception, match="empty"):
        fresh(3)
    with pytest.raises(TypeError, match="compiled functions"):
        high(1, 2)


def test_a_nested_function_with_values_of_its_own_is_refused() -> None:
    """The same name would stand for different machine code."""
    step = 2

    def add_step(x: int) -> int:
        return x + step

    with pytest.raises(TypeError, match="add_step"):
        compiled(add_step)


def test_machine_code_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    code = Code("name", 2, 7, b"calls \n it", b"\n{}\n\x00")
    code.save(tmp_path / "x.o")
    assert Code.load(tmp_path / "x.o") == code
    assert [path.name for path in tmp_path.iterdir()] == ["x.o"]
    code.save(tmp_path / "absent" / "x.o")                      # a folder that has gone: no error, nothing kept
    for content in (b"", b"{}\n", b"no json\n\x00", b"[1]\n"):
        for whole in (content, native._digest(content) + b"\n" + content):
            (tmp_path / "x.o").write_bytes(whole)
            assert Code.load(tmp_path / "x.o") is None
    assert Code.load(tmp_path / "none.o") is None


def test_damaged_machine_code_is_as_good_as_none(tmp_path: Path) -> None:
    """Wherever the damage is: run, or only linked, it would end the process with a signal."""
    path = tmp_path / "x.o"
    Code("name", 2, 7, bytes(range(100)), bytes(range(256))).save(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        assert Code.load(path) is None
    for damaged in (whole[:len(whole) // 2], whole[:-1], whole + b"\0", whole[:-64] + bytes(64), bytes(len(whole))):
        path.write_bytes(damaged)
        assert Code.load(path) is None
    path.write_bytes(whole)
    assert Code.load(path) is not None


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch, error: type[BaseException]) -> None:
    def replace(old: str, new: Path) -> None:
        raise error

    monkeypatch.setattr(os, "replace", replace)
    with nullcontext() if error is OSError else pytest.raises(error):
        Code("name", 2, 7, b"caller", b"image").save(tmp_path / "x.o")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_kept_functions_still_compile(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    cache.directory.cache_clear()
    try:
        assert native.compiled(total.__wrapped__)(np.arange(3)) == 3
    finally:
        cache.directory.cache_clear()


def run_copy(tmp_path: Path, program: str) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path),
                   "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True,
                          text=True, check=True)
    return done.stdout.strip()


def test_a_changed_emitter_renews_the_machine_code_made_of_it(tmp_path: Path) -> None:
    """In a copy of the package, changed in one file only; Numba is imported when something is compiled, else not."""
    shutil.copytree(ROOT / "primitives", tmp_path / "primitives", ignore=shutil.ignore_patterns("__pycache__"))
    program = ("import sys\nfrom primitives import field\n"
               "print(field.decode(field.add(field.encode([20]), field.encode([1])))[0], 'numba' in sys.modules)")
    assert run_copy(tmp_path, program) == "21 True"
    entries = set((tmp_path / "cache").rglob("*.o"))
    assert entries
    assert run_copy(tmp_path, program) == "21 False"
    assert set((tmp_path / "cache").rglob("*.o")) == entries
    for entry in entries:                                      # damaged, it is not run but replaced
        entry.write_bytes(entry.read_bytes()[:-64] + bytes(64))
    assert run_copy(tmp_path, program) == "21 True"
    assert run_copy(tmp_path, program) == "21 False"
    limbs = tmp_path / "primitives" / "limbs.py"
    text = limbs.read_text()
    assert "b.add(_join(b, _load(b, x, i)), _join(b, _load(b, y, j)))" in text
    limbs.write_text(text.replace("b.add(_join(b, _load(b, x, i)), _join(b, _load(b, y, j)))",
                                  "b.sub(_join(b, _load(b, x, i)), _join(b, _load(b, y, j)))"))
    assert run_copy(tmp_path, program) == "19 True"


def test_addresses_read_are_those_that_numpy_tells(tmp_path: Path) -> None:
    """Of arrays that own their memory and that do not, empty, strided, of other orders, mapped and read-only."""
    from primitives.native import _asked_address, _read_address
    base = np.arange(60, dtype=np.uint64).reshape(5, 3, 4)
    base.tofile(tmp_path / "kept")
    sealed = base.copy()
    sealed.setflags(write=False)
    for array in (base, base[1:, ::2], base[::-1], base.T, base[:0], np.zeros(()), sealed, np.zeros((3, 0)),
                  np.memmap(tmp_path / "kept", np.uint64, "r", 16, (7, 4)), np.frombuffer(b"12345678", np.int64),
                  np.broadcast_to(base[0], (9, 3, 4)), base.view(np.int32)):
        assert _read_address(array) == _asked_address(array) == array.ctypes.data
