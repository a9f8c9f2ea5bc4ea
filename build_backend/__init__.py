"""Builds what `pip install` installs (PEP 517): a wheel with one import package, from a tree with several rooms.

In the repository the rooms lie side by side, and are imported as `risk`, `circuits`, `prover` …, which are names of
other people's packages too. In the wheel they lie inside `tailproof`, and their imports say so: `from risk.exact import
money` becomes `from tailproof.risk.exact import money`, and so does a string that is the name of a module of a room
(modules that load when they are first used). JSON of the rooms has no spaces there. Nothing else differs; relative
imports stay as they are. The fixtures come along as `tailproof/fixtures`, byte for byte.

The same tree makes the same bytes, wherever and whenever it is built: names are sorted, modes fixed, and the time of
all files is the date of the newest entry of CHANGELOG.md, or SOURCE_DATE_EPOCH if that is set. Metadata is setuptools'
work, and so is an editable installation, which leaves the rooms where they are.
"""

from __future__ import annotations

import ast
import base64
import gzip
import hashlib
import io
import json
import os
import re
import sys
import tarfile
import time
import tomllib
import zipfile
from calendar import timegm
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
)

__all__ = ["build_editable", "build_sdist", "build_wheel", "get_requires_for_build_editable",
           "get_requires_for_build_sdist", "get_requires_for_build_wheel", "prepare_metadata_for_build_editable",
           "prepare_metadata_for_build_wheel"]

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "tailproof"
FIXTURES = "fixtures"
DATA = {".py", ".json", ".toml", ".sol", ".html"}
"""What a room holds that is part of the program, by ending; and py.typed."""
SECRET = re.compile(rb'"schema"\s*:\s*"tailproof\.(opening|wallet|sealed-bid|fills|collateral-opening|member-opening'
                    rb'|member-balances|identity|share|dealer|signing-journal)\b|"kdfparams"\s*:')
"""In files of ours that are kept with mode 0600, and in encrypted keys of Ethereum (version 3)."""
LOOSE = ("pyproject.toml", "README.md", "CHANGELOG.md")
"""Files of the repository's root that a build needs."""
WHEEL = b"Wheel-Version: 1.0\nGenerator: tailproof build_backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


EARLIEST, LATEST = 315_532_800, 1 << 32
"""Seconds since 1970 of the years that both a zip archive and gzip's four bytes have: from 1980 to early 2106."""


class CannotBuild(Exception):
    """The tree holds something that cannot be put into one package, or says two things of its version."""


def rooms() -> list[str]:
    """The top-level packages of the repository, as pyproject.toml lists them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [name.removesuffix("*") for name in settings["tool"]["setuptools"]["packages"]["find"]["include"]]


# -- what goes in ------------------------------------------------------------------------------------------------------
def _files(folder: str) -> Iterator[Path]:
    """The program's files below a folder, as paths below ROOT, sorted; never a secret that somebody left there.

    Raises
    ------
    CannotBuild : one is a link, which may lead anywhere; or is a secret under another name than `*.secret.json`.
    """
    for path in sorted((ROOT / folder).rglob("*")):
        name = path.relative_to(ROOT)
        if ((path.suffix in DATA or path.name == "py.typed") and path.is_file() and "__pycache__" not in name.parts
                and not path.name.endswith(".secret.json")):
            if not path.resolve().is_relative_to(ROOT) or path.is_symlink():
                raise CannotBuild(f"{name} is a link: what it leads to is not handed on")
            if path.suffix == ".json" and SECRET.search(path.read_bytes()):
                raise CannotBuild(f"{name} holds somebody's secret: take it out of the tree")
            yield name


def _sources() -> list[Path]:
    """Everything that a build needs, so that a wheel can be made of an sdist: below ROOT, sorted."""
    return sorted([*(name for folder in (*rooms(), FIXTURES, "build_backend") for name in _files(folder)),
                   *map(Path, LOOSE)])


def package() -> dict[str, bytes]:
    """The files of the one package by their names in the wheel.

    Raises
    ------
    CannotBuild : two files would have one name, or a module imports a room in a way that has no counterpart.
    """
    inner, found = [room for room in rooms() if room != PACKAGE], dict[str, bytes]()
    modules = {".".join(name.with_suffix("").parts).removesuffix(".__init__")
               for room in inner for name in _files(room) if name.suffix == ".py"}
    for room in rooms():
        for name in _files(room):
            content = (ROOT / name).read_bytes()
            if name.suffix == ".py":
                content = rewritten(content, inner, modules, name)
            elif name.suffix == ".json":           # in lines here, for who compares versions; a program needs none
                content = json.dumps(json.loads(content), separators=(",", ":")).encode()
            _put(found, name if room == PACKAGE else PACKAGE / name, content)
    for name in _files(FIXTURES):
        if name.suffix != ".py":                   # what generates them needs the repository
            _put(found, PACKAGE / name, (ROOT / name).read_bytes())
    return found


def _put(found: dict[str, bytes], name: Path, content: bytes) -> None:
    twins = {name.as_posix(), f"{name.parent.as_posix()}.py" if name.name == "__init__.py" else
             f"{name.with_suffix('').as_posix()}/__init__.py"}       # a module and a package may have one name
    if name.suffix == ".py" and twins & found.keys():
        raise CannotBuild(f"{name}: there is another module of that name")
    found[name.as_posix()] = content


# -- imports -----------------------------------------------------------------------------------------------------------
def rewritten(source: bytes, inner: list[str], modules: set[str], name: Path) -> bytes:
    """A module's text with rooms imported from inside the package.

    Parameters
    ----------
    inner : rooms that are put inside.  modules : dotted names of all their modules, as the repository has them.
    name : of the file, for complaints.

    Raises
    ------
    CannotBuild : `import room.module` without `as`, which binds the room's name; or a name of a module that is not
        written in one piece.
    """
    lines, places = source.splitlines(keepends=True), set[tuple[int, int]]()

    def place(line: int, column: int, word: str) -> None:
        if not lines[line - 1][column:].startswith(word.encode()):
            raise CannotBuild(f"{name}:{line}: {word} is not written in one piece")
        places.add((line - 1, column))

    tree = ast.parse(source)
    formatted = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and str(node.module).split(".")[0] in inner:
            written = re.match(rb"from[ \t]+", lines[node.lineno - 1][node.col_offset:])
            place(node.lineno, node.col_offset + (written.end() if written else 0), str(node.module))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in inner:
                    if alias.asname is None:
                        raise CannotBuild(f"{name}:{node.lineno}: `import {alias.name}` binds the name of a room: say "
                                          "what it is to be called, or import from it")
                    place(alias.lineno, alias.col_offset, alias.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            module = node.value.partition(":")[0]
            if "." in module and module in modules:
                if id(node) in formatted:
                    raise CannotBuild(f"{name}:{node.lineno}: {module} is not written in one piece")
                place(node.lineno, node.col_offset + 1, module)
    for line, column in sorted(places, reverse=True):
        lines[line] = lines[line][:column] + f"{PACKAGE}.".encode() + lines[line][column:]
    return b"".join(lines)


# -- metadata ----------------------------------------------------------------------------------------------------------
def _metadata() -> tuple[str, dict[str, bytes]]:
    """The .dist-info folder's name, and its files but WHEEL and RECORD."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as out:
        for name in LOOSE:
            (Path(folder) / name).write_bytes((ROOT / name).read_bytes())
        (Path(folder) / PACKAGE).mkdir()
        (Path(folder) / PACKAGE / "__init__.py").touch()
        here, arguments = os.getcwd(), sys.argv     # setuptools works where it is, and leaves arguments of its own
        os.chdir(folder)
        try:
            made = build_meta.prepare_metadata_for_build_wheel(out)
        finally:
            os.chdir(here)
            sys.argv = arguments
        names = ("METADATA", "entry_points.txt", "top_level.txt")
        return made, {name: (Path(out) / made / name).read_bytes() for name in names}


def _time(version: str) -> int:
    """Seconds since 1970 that every file of a build carries.

    Raises
    ------
    CannotBuild : the newest entry of CHANGELOG.md is of another version than pyproject.toml, or SOURCE_DATE_EPOCH is no
        time of an archive.
    """
    newest = re.search(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if newest is None or newest[1] != version:
        raise CannotBuild(f"the newest entry of CHANGELOG.md is of {newest and newest[1]}: must be of {version}")
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given and (re.fullmatch(r"[0-9]{1,10}", given) is None or not EARLIEST <= int(given) < LATEST):
        raise CannotBuild(f"SOURCE_DATE_EPOCH is {given!r}: must be whole seconds in [{EARLIEST}, {LATEST}), which "
                          "archives can say")
    return int(given) if given else timegm(time.strptime(newest[2], "%Y-%m-%d"))


def _version(info: str) -> str:
    return info.removesuffix(".dist-info").partition("-")[2]


def prepare_metadata_for_build_wheel(metadata_directory: str,
                                     config_settings: Mapping[str, object] | None = None) -> str:
    """PEP 517: write the .dist-info folder of the wheel to come, and say its name."""
    info, files = _metadata()
    folder = Path(metadata_directory) / info
    folder.mkdir()
    for name, content in {**files, "WHEEL": WHEEL}.items():
        (folder / name).write_bytes(content)
    return info


# -- archives ----------------------------------------------------------------------------------------------------------
def build_wheel(wheel_directory: str, config_settings: Mapping[str, object] | None = None,
                metadata_directory: str | None = None) -> str:
    """PEP 517: write the wheel and say its name; raises `CannotBuild`."""
    info, described = _metadata()
    when = time.gmtime(_time(_version(info)))[:6]
    files = {**package(), **{f"{info}/{name}": content for name, content in described.items()}, f"{info}/WHEEL": WHEEL}
    record = [f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},"
              f"{len(content)}\n" for name, content in sorted(files.items())]
    ordered = [*sorted(files.items()), (f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]).encode())]
    made = f"{PACKAGE}-{_version(info)}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in ordered:
            entry = zipfile.ZipInfo(name, when)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            archive.writestr(entry, content, compresslevel=9)
    return made


def build_sdist(sdist_directory: str, config_settings: Mapping[str, object] | None = None) -> str:
    """PEP 517: write a source archive of what a build needs, and say its name; raises `CannotBuild`."""
    info, described = _metadata()
    base, when = info.removesuffix(".dist-info"), _time(_version(info))
    files = {**{name.as_posix(): (ROOT / name).read_bytes() for name in _sources()}, "PKG-INFO": described["METADATA"]}
    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{base}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o644, when
            archive.addfile(entry, io.BytesIO(content))
    made = Path(sdist_directory) / f"{base}.tar.gz"
    made.write_bytes(gzip.compress(unpacked.getvalue(), mtime=when))
    return made.name
