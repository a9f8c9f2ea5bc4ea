"""Files given as input: regular ones are read, a pipe where it may be one, and nothing makes us wait at the door."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from primitives import jsonio
from primitives.errors import BadInput
from primitives.inputs import open_input
from prover.files.ptau import read_ptau
from prover.files.r1cs import read_r1cs
from prover.files.wtns import read_wtns
from prover.files.zkey import read_zkey
from risk.epochs.epoch_directory import _array
from risk.epochs.provenance import read_source

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe.npy")
    return tmp_path / "pipe.npy"


def test_a_regular_file_is_opened_and_a_missing_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with open_input(tmp_path / "file") as file:
        assert file.read() == b"content"
    with pytest.raises(FileNotFoundError):
        open_input(tmp_path / "none")


@pytest.mark.parametrize("pipes", [False, True])
def test_folders_and_devices_are_refused(tmp_path: Path, pipes: bool) -> None:
    for path in (tmp_path, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(OSError, match=r"irectory|regular file"):
            open_input(path, pipes=pipes)


def test_a_pipe_is_refused_at_once_where_none_is_wanted(pipe: Path) -> None:
    with pytest.raises(OSError, match="no regular file"):
        open_input(pipe)


def test_a_pipe_is_read_to_its_end_where_it_may_be_one(pipe: Path) -> None:
    with open_input(pipe, pipes=True) as file:
        assert file.read() == b"", "nobody writes: at its end, without waiting"
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)

    def write() -> None:
        for part in (b"[1, ", b"2" * (1 << 17), b"]"):           # more than a pipe holds: read and write take turns
            os.write(writer, part)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    with open_input(pipe, pipes=True) as file:
        content = file.read()
    thread.join()
    os.close(reader)
    assert content == b"[1, " + b"2" * (1 << 17) + b"]"


@pytest.mark.parametrize("read", [read_ptau, read_r1cs, read_wtns, read_zkey, jsonio.read, read_source,
                                  lambda path: _array(path.parent, "pipe", (1,), foreign=False)])
def test_no_reader_waits_for_a_pipe_or_reads_a_device(pipe: Path, read: Callable[[Path], object]) -> None:
    if read is read_source:
        assert read(pipe) == b""
    else:
        with pytest.raises(BadInput, match="pipe"):
            read(pipe)
    zero = pipe.with_name("zero.npy")
    zero.symlink_to("/dev/zero")
    zero.rename(pipe)
    with pytest.raises(BadInput, match="regular file"):
        read(pipe)


@pytest.mark.parametrize("read", [lambda path: jsonio.read(path, foreign=True),
                                  lambda path: read_source(path, foreign=True)])
def test_in_a_folder_of_others_no_link_is_followed_and_no_pipe_waited_for(pipe: Path,
                                                                          read: Callable[[Path], object]) -> None:
    held = os.open(pipe, os.O_RDWR)                # a writer that writes nothing
    ended = threading.Event()

    def reading() -> None:
        with pytest.raises(BadInput, match="regular file"):
            read(pipe)
        ended.set()

    threading.Thread(target=reading, daemon=True).start()
    assert ended.wait(10)
    os.close(held)
    (pipe.parent / "private").write_text("hunter2")
    (pipe.parent / "link").symlink_to(pipe.parent / "private")
    with pytest.raises(BadInput, match="unreadable") as refused:
        read(pipe.parent / "link")
    assert "hunter2" not in str(refused.value)
    (pipe.parent / "private").write_text("1")
    assert read(pipe.parent / "private") in (1, b"1")
