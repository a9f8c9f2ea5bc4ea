"""`prover.mapped`: what was given back is read again, and a key proves without its pages."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import prover
from prover.files.zkey import read_zkey, write_zkey
from prover.mapped import give_back, map_file

PAGES = 16
VECTORS = ("ic", "a", "b_g1", "b_g2", "c", "h")


@pytest.fixture
def numbers(tmp_path):
    """A file of uint64, and what is in it."""
    expected = np.arange(PAGES * 4096 // 8, dtype=np.uint64)
    (tmp_path / "numbers").write_bytes(expected.tobytes())
    return tmp_path / "numbers", expected


def resident(path):
    """Bytes of a file that are in this process's memory."""
    maps = Path("/proc/self/smaps").read_text()
    return sum(1024 * int(size) for size in re.findall(re.escape(str(path)) + r"\n(?:.*\n)*?Rss: +(\d+) kB", maps))


def test_nothing_can_be_written_through_a_mapping(numbers):
    path, expected = numbers
    found = np.frombuffer(map_file(path), np.uint64)
    assert (found == expected).all()
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        found.flags.writeable = True


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux what is in memory")
def test_just_the_pages_within_an_array_are_given_back(numbers):
    path, expected = numbers
    found = np.frombuffer(map_file(path), np.uint64)
    assert (found == expected).all()
    assert resident(path) == PAGES * 4096
    inner = found[100:3 * 512 + 100].reshape(-1, 2, 4)                   # two whole pages, and parts of two others
    give_back(inner)
    assert resident(path) == (PAGES - 2) * 4096
    give_back(found[1:512])
    assert resident(path) == (PAGES - 2) * 4096
    assert (inner.reshape(-1) == expected[100:3 * 512 + 100]).all()
    give_back(found)
    assert resident(path) == 0
    assert (found == expected).all()


def test_other_arrays_are_left_alone(numbers):
    path, expected = numbers
    shown = expected.copy()
    changed = np.frombuffer(map_file(path), np.uint64).copy()
    changed += np.uint64(1)
    for array in (shown, changed, shown[::2], shown[:0], np.frombuffer(b"12345678", np.uint64),
                  np.frombuffer(map_file(path), np.uint64)[::2], np.frombuffer(map_file(path), np.uint64)[:0]):
        before = array.copy()
        give_back(array)
        assert (array == before).all()


def test_an_empty_file_is_empty(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert bytes(map_file(tmp_path / "empty")) == b""


@pytest.fixture(scope="module")
def case(make_instance):
    """Enough rows for the sections to have pages of their own."""
    return make_instance(5, 300)


@pytest.fixture(scope="module")
def made(case):
    return prover.setup(case.r1cs)


def test_a_key_proves_without_its_pages(case, made, tmp_path, backend):
    """And again from the file; and a file that is gone from its folder is still there for those who opened it."""
    expected = prover.prove(made, case.witness, blinding=(3, 4))
    write_zkey(tmp_path / "key.zkey", made)
    key = read_zkey(tmp_path / "key.zkey", backend=backend)
    for _ in range(2):
        assert prover.prove(key, case.witness, blinding=(3, 4)) == expected
    key._prepared.clear()
    (tmp_path / "key.zkey").unlink()
    assert prover.prove(key, case.witness, blinding=(3, 4)) == expected
    for name in VECTORS:
        assert (getattr(key, name) == getattr(made, name)).all()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux what is in memory")
def test_proving_keeps_no_points_in_memory(case, made, tmp_path, backend):
    path = tmp_path / "key.zkey"
    write_zkey(path, made)
    key = read_zkey(path, backend=backend)
    for name in VECTORS:
        assert getattr(key, name).any()
    before = resident(path)
    prover.prove(key, case.witness)
    points = sum(getattr(key, name).nbytes for name in VECTORS)
    assert resident(path) < before - points + 16 * 4096, "but for the pages that two sections share"


@pytest.mark.parametrize("shift", range(8))
def test_a_key_proves_wherever_its_sections_lie(cubic, cubic_key, cubic_proof, tmp_path, backend, shift):
    write_zkey(tmp_path / "key.zkey", cubic_key)
    content = (tmp_path / "key.zkey").read_bytes()
    unknown = (99).to_bytes(4, "little") + shift.to_bytes(8, "little") + bytes(shift)
    (tmp_path / "moved.zkey").write_bytes(content[:8] + (11).to_bytes(4, "little") + unknown + content[12:])
    key = read_zkey(tmp_path / "moved.zkey", backend=backend)
    assert prover.prove(key, cubic.witness, blinding=(3, 4)) == prover.prove(cubic_key, cubic.witness, blinding=(3, 4))
    for name in VECTORS:
        points = getattr(key, name)
        assert not points.flags.writeable
        assert (points == getattr(cubic_key, name)).all()
