"""An epoch as a directory, which the publisher puts where everybody can read it.

    manifest.json            what the epoch is: header, shape, root, instruments and their terms, settlements
    changes.npy              int64 (n, S); of levels, values
    underlying.npy, long.npy, short.npy, amax.npy          int64 (n,)
    returns.npy, variances.npy, today.npy                  the scenarios, int64 (S, m), (S, m), (m,)
    shocks.npy               int64 (S, 7 + m), see `risk.scenarios.scenarios.Shocks`; only where the model did not draw
                             all scenarios
    sources/model.toml, sources/book.json, sources/history.csv     what it was made from, byte for byte

The manifest alone says which root belongs to which time, venue and model. `load` recomputes the root from the arrays;
`risk.epochs.audit.check` makes the whole epoch again.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from primitives import jsonio
from primitives.errors import BadInput, Said, unreadable
from primitives.field import MODULUS
from primitives.inputs import open_input
from primitives.jsonio import LARGEST_EXACT, Node, refusing_to_write
from risk.addons.terms import Terms, require_sums
from risk.epochs.drawing import Drawn
from risk.epochs.epoch import ID_BITS, REGIME, Epoch, epoch_root
from risk.epochs.header import Header, Judgement
from risk.epochs.marks import Mark
from risk.epochs.provenance import Provenance, Sources, read_source
from risk.exact.clock import parse_time
from risk.exact.digests import content_digest
from risk.exact.money import LARGEST_PRICE, format_money, parse_money
from risk.exact.shape import EpochShape
from risk.market.instruments import SYMBOL, Instrument
from risk.models.calibration import Calibration
from risk.models.model import Basis, Purpose
from risk.scenarios.scenarios import COLUMNS_OF_SHOCKS, KINDS, Scenarios, Shocks
from risk.valuation.weighted import Quality

SCHEMA = "tailproof.epoch/3"
OLD_SCHEMAS = ("tailproof.epoch/1", "tailproof.epoch/2")
"""Of epochs whose seed was chosen, and whose roots say nothing of header and settlements."""
MANIFEST = "manifest.json"
COLUMNS = ("underlying", "long", "short", "amax", "changes")
SCENARIOS = ("returns", "variances", "today")
SHOCKS = "shocks"
_MARKS = ("long", "short", "price", "spot")
SOURCES = {"model": "sources/model.toml", "book": "sources/book.json", "history": "sources/history.csv"}


@dataclass(frozen=True)
class Manifest:
    """What a manifest claims; only `load` and `check` know whether it is so.

    ids : of rows 0 to n - 1.  instruments : of rows 1 to n - 1, or empty.
    sources : content digest per source file; empty for an epoch of bare numbers.
    kinds : how many scenarios came from where; empty where the model drew all of them.
    """

    header: Header
    shape: EpochShape
    shape_digest: int
    tree_root: int
    root: int
    ids: tuple[int, ...]
    instruments: tuple[Instrument, ...]
    sources: dict[str, str]
    calibration: Calibration | None
    bounded: int = 0
    quality: Quality | None = None
    kinds: dict[str, int] = field(default_factory=dict)
    settlements: tuple[tuple[int, int], ...] = ()
    marks: tuple[Mark, ...] = ()
    addons: Terms | None = None

    @classmethod
    def of(cls, epoch: Epoch) -> Manifest:
        made = epoch.provenance
        sources = {} if made is None else {name: content_digest(data) for name, data in made.sources.files().items()}
        calibration, bounded, quality = (None, 0, None) if made is None \
            else (made.calibration, made.drawn.bounded, made.drawn.quality)
        return cls(epoch.header, epoch.shape, epoch.shape.digest(), epoch.tree.root, epoch.root, tuple(epoch.ids),
                   epoch.instruments, sources, calibration, bounded, quality,
                   {} if made is None or made.scenarios.shocks is None else made.scenarios.counts(), epoch.settlements,
                   epoch.marks, None if made is None else made.addons)

    def require_consistent(self, source: str | Path) -> None:
        """Refuse digests that follow from other fields of this manifest, and are others; raises BadInput.

        Who trusts a manifest by some of its fields is not shown another epoch by the rest. That the tree is that of the
        arrays, only `load` knows.
        """
        require_digests(self, {"shape_digest": self.shape.digest(),
                               "root": epoch_root(self.tree_root, self.shape)}, source)

    def to_json(self) -> dict[str, Any]:
        """Integers beyond 2**53 as decimal strings."""
        leaves: list[dict[str, Any]] = [{"id": str(id)} for id in self.ids]
        for leaf, instrument in zip(leaves[1:], self.instruments, strict=False):
            leaf.update(symbol=instrument.symbol, terms=instrument.terms())
        return {"schema": SCHEMA, **self.header.to_json(), "basis": str(self.header.basis), "regime": REGIME,
                "shape": self.shape.to_json(), "shape_digest": str(self.shape_digest),
                "tree_root": str(self.tree_root), "root": str(self.root), "leaves": leaves, "sources": self.sources,
                "settlements": [{"id": str(id), "value": format_money(value)} for id, value in self.settlements],
                **({} if self.addons is None else {"addons": self.addons.to_json()}),
                **({"marks": [{"id": str(mark.id), **{name: format_money(getattr(mark, name)) for name in _MARKS}}
                              for mark in self.marks]} if self.marks else {}),
                "calibration": None if self.calibration is None else self.calibration.to_json(),
                "scenarios": {"bounded": self.bounded,
                              "quality": None if self.quality is None else self.quality.to_json(),
                              **({"kinds": self.kinds} if self.kinds else {})}}

    @classmethod
    def read(cls, path: str | Path, *, foreign: bool = False) -> Manifest:
        """Read a manifest file, or that of an epoch directory.  foreign : as of `read`.

        Raises
        ------
        BadInput : naming file, field, value and bound.
        """
        path = Path(path) / MANIFEST if os.path.isdir(path) else Path(path)
        document = Node.read(path, foreign=foreign)
        _refuse_old(document, path)
        parts = document.document(SCHEMA, {"venue", "quote", "timestamp", "underlyings", "model", "purpose", "seed",
                                           "previous", "gates", "shape", "shape_digest", "tree_root", "root", "regime",
                                           "leaves", "sources", "calibration", "scenarios", "settlements"},
                                  {"basis", "marks", "addons"})
        parts["regime"].integer(REGIME, REGIME)
        model = parts["model"].object({"name", "digest"})
        header = Header(
            venue=_symbol(parts["venue"]), quote=_symbol(parts["quote"]),
            timestamp=parse_time(parts["timestamp"].value, field="timestamp", source=path),
            underlyings=tuple(_symbol(node) for node in parts["underlyings"].array(at_least=1)),
            model=_symbol(model["name"]), model_digest=_digest(model["digest"]),
            purpose=Purpose(parts["purpose"].choice(set(Purpose))), seed=parts["seed"].integer(0, LARGEST_EXACT),
            previous=parts["previous"].decimal(0, MODULUS - 1), judgement=Judgement.from_json(parts["gates"]),
            basis=Basis(parts["basis"].choice(set(Basis))) if "basis" in parts else Basis.CHANGE)
        ids, instruments = [], []
        for row, node in enumerate(parts["leaves"].array(at_least=1)):
            leaf = node.object({"id"}, {"symbol", "terms"})
            ids.append(leaf["id"].decimal(0, 2**ID_BITS - 1))
            if len(leaf) > 1:
                if row == 0 or len(leaf) < 3:
                    raise node.refuse("an id alone on the null leaf, and elsewhere alone or with symbol and terms")
                instruments.append(Instrument.from_terms(_symbol(leaf["symbol"]), leaf["terms"]))
                if instruments[-1].id != ids[-1]:
                    raise leaf["id"].refuse(f"{instruments[-1].id}, the digest of the terms")
        sources = parts["sources"].object(set(), set(SOURCES))
        scenarios = parts["scenarios"].object({"bounded", "quality"}, {"kinds"})
        return cls(header, EpochShape.from_json(parts["shape"]), parts["shape_digest"].decimal(0, MODULUS - 1),
                   parts["tree_root"].decimal(0, MODULUS - 1), parts["root"].decimal(0, MODULUS - 1), tuple(ids),
                   tuple(instruments), {name: _digest(node) for name, node in sources.items()},
                   None if parts["calibration"].value is None else Calibration.from_json(parts["calibration"]),
                   scenarios["bounded"].integer(0, 2**20),
                   None if scenarios["quality"].value is None else Quality.from_json(scenarios["quality"]),
                   {kind: count.integer(1, 2**20) for kind, count in scenarios["kinds"].object((), KINDS).items()}
                   if "kinds" in scenarios else {}, tuple(map(_settlement, parts["settlements"].array())),
                   tuple(map(_mark, parts["marks"].array(at_least=1))) if "marks" in parts else (),
                   Terms.from_json(parts["addons"], len(ids) - 1) if "addons" in parts else None)


def require_digests(manifest: object, wanted: Mapping[str, int], source: str | Path) -> None:
    """Refuse a manifest that says other digests than its other fields give; raises BadInput with the first."""
    for name, found in wanted.items():
        if getattr(manifest, name) != found:
            raise BadInput(name, getattr(manifest, name), f"{found}, which its other fields give", source=source)


# -- writing -------------------------------------------------------------------------------------------------------
def save(epoch: Epoch, directory: str | Path) -> None:
    """Write an epoch into a new directory, whole or not at all.

    Raises
    ------
    BadInput : the directory holds something, or cannot be written.
    """
    with creating(directory) as fresh:
        _fill(fresh, epoch)


def require_new(directory: str | Path) -> None:
    """Refuse, before an epoch is built, a directory that holds something: a published epoch is never overwritten.

    Raises
    ------
    BadInput : it is neither new nor empty.
    """
    target = Path(directory)
    with refusing_to_write(target):
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise BadInput("output", str(target), "a new or empty directory: what exists is never overwritten")


@contextmanager
def creating(directory: str | Path) -> Iterator[Path]:
    """A directory that gets its name when the block ends, and vanishes if the block raises.

    Raises
    ------
    BadInput : the directory holds something, or cannot be written.
    """
    require_new(directory)
    target = Path(directory)
    with refusing_to_write(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.parent / f".{target.name}.{secrets.token_hex(8)}"      # a name first: Ctrl-C comes at any time
        try:
            fresh.mkdir(mode=0o700)
            yield fresh
            os.chmod(fresh, 0o755)
            os.replace(fresh, target)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def _fill(directory: Path, epoch: Epoch) -> None:
    jsonio.write(directory / MANIFEST, Manifest.of(epoch).to_json())
    arrays = {name: getattr(epoch, name) for name in COLUMNS}
    if epoch.provenance is not None:
        arrays |= {name: getattr(epoch.provenance.scenarios, name) for name in SCENARIOS}
        shocks = epoch.provenance.scenarios.shocks
        arrays |= {} if shocks is None else {SHOCKS: shocks.table}
        (directory / "sources").mkdir()
        for name, data in epoch.provenance.sources.files().items():
            (directory / SOURCES[name]).write_bytes(data)
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array, allow_pickle=False)


# -- reading -------------------------------------------------------------------------------------------------------
def load(directory: str | Path) -> Epoch:
    """Read an epoch and make sure that its root is the manifest's.

    Raises
    ------
    BadInput : malformed, an array of another shape or type, E1 to E5 broken, a root or a source that is not the
        manifest's.
    """
    manifest, epoch = read(directory)
    place = Path(directory) / MANIFEST
    actual = Manifest.of(epoch)
    for name in ("shape_digest", "tree_root", "root", "sources", "kinds"):
        found = getattr(actual, name)
        if found != getattr(manifest, name):
            raise BadInput(name, getattr(manifest, name), f"{found}, which the files give", source=place)
    if epoch.provenance is not None and manifest.header.model_digest != manifest.sources["model"]:
        raise BadInput("model.digest", manifest.header.model_digest, "that of sources.model", source=place)
    return epoch


def read(directory: str | Path, *, foreign: bool = False) -> tuple[Manifest, Epoch]:
    """The manifest and the epoch of the arrays beside it, without comparing the two.

    foreign : the directory is in a folder that others write to: only regular files are read, not what a link names,
        nor a pipe that is held open.

    Raises
    ------
    BadInput : malformed files, or arrays that do not fit together.
    """
    directory = Path(directory)
    manifest = Manifest.read(directory / MANIFEST, foreign=foreign)
    ids = np.empty(len(manifest.ids), object)
    ids[:] = manifest.ids
    n, s, m = len(ids), manifest.shape.scenarios, len(manifest.header.underlyings)
    columns = {name: _array(directory, name, (n, s) if name == "changes" else (n,), foreign) for name in COLUMNS}
    provenance = None
    if manifest.calibration is not None:
        files = {name: read_source(directory / SOURCES[name], foreign=foreign) for name in manifest.sources}
        for name in ("model", "book"):
            if name not in files:
                raise BadInput(f"sources.{name}", None, "given", source=directory / MANIFEST)
        returns, variances, today = (_array(directory, name, (m,) if name == "today" else (s, m), foreign)
                                     for name in SCENARIOS)
        scenarios = Scenarios(returns, variances, today, _shocks(directory, manifest.kinds, s, m, foreign))
        sources = Sources(files["model"], files["book"], files.get("history"),
                          {name: str(directory / SOURCES[name]) for name in files})
        provenance = Provenance(sources, manifest.calibration,
                                Drawn(scenarios, manifest.bounded, manifest.quality), addons=manifest.addons)
    if manifest.addons is not None:
        if provenance is None:
            raise BadInput("addons", Said("given"), "absent: bare numbers follow from no rules",
                           source=directory / MANIFEST)
        require_sums(manifest.addons, columns["long"][1:], columns["short"][1:], source=str(directory / MANIFEST))
    epoch = Epoch(shape=manifest.shape, ids=ids, header=manifest.header, instruments=manifest.instruments,
                  provenance=provenance, settlements=manifest.settlements, marks=manifest.marks, **columns)
    return manifest, epoch


def _shocks(directory: Path, kinds: dict[str, int], scenarios: int, assets: int, foreign: bool) -> Shocks | None:
    if not kinds:
        return None
    found = Shocks(_array(directory, SHOCKS, (scenarios, len(COLUMNS_OF_SHOCKS) + assets), foreign))
    if (bad := found.violation()) is not None:
        raise BadInput("shocks", Said("of others"), bad, source=directory / f"{SHOCKS}.npy")
    return found


def _array(directory: Path, name: str, shape: tuple[int, ...], foreign: bool) -> NDArray[np.int64]:
    """An array, of which the header is looked at first: by its word NumPy would allocate what no machine has."""
    path = directory / f"{name}.npy"
    expected = 8 * math.prod(shape)
    try:
        with open_input(path, links=not foreign) as file:
            if (size := os.fstat(file.fileno()).st_size) > expected + 4096:
                raise BadInput("file size", size, f"that of an int64 array {shape}", source=path)
            found, dtype = _header(file, path)
            if dtype != np.dtype("<i8") or found != shape:
                raise BadInput("array", Said(f"{dtype} {found}"), f"int64 {shape}", source=path)
            file.seek(0)
            array: NDArray[np.int64] = np.load(file, allow_pickle=False)
    except OSError as error:
        raise BadInput("file", unreadable(error), "a readable file", source=path) from None
    except (ValueError, EOFError) as error:        # it ends too soon
        raise BadInput("file", Said(f"not readable ({error})"), "a .npy array of integers", source=path) from None
    return array


def _header(file: BinaryIO, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type that a .npy file says; raises BadInput for any other file."""
    form = np.lib.format
    try:
        read = form.read_array_header_1_0 if form.read_magic(file) == (1, 0) else form.read_array_header_2_0
        shape, _, dtype = read(file)
    except OSError:
        raise
    except Exception as error:                     # NumPy reads it with Python's own parser, which raises what it likes
        raise BadInput("file", Said(f"not readable ({error})"[:200]), "a .npy array of integers", source=path
                       ) from None
    return shape, dtype


def _refuse_old(document: Node, path: Path) -> None:
    schema = document.value.get("schema") if isinstance(document.value, dict) else None
    if schema in OLD_SCHEMAS:
        place = path.parent
        history = f" --history {place / SOURCES['history']}" if (place / SOURCES["history"]).exists() else ""
        raise BadInput("schema", schema, f'"{SCHEMA}": seeds are derived now, and roots bind header and settlements. '
                       f"Build it anew from its sources: tailproof epoch build --book {place / SOURCES['book']} "
                       f"--model {place / SOURCES['model']}{history} --out NEW", source=path)


def _settlement(node: Node) -> tuple[int, int]:
    parts = node.object({"id", "value"})
    return parts["id"].decimal(1, 2**ID_BITS - 1), parse_money(parts["value"].value, field=parts["value"].field, low=0,
                                                               high=LARGEST_PRICE, source=node.source)


def _mark(node: Node) -> Mark:
    parts = node.object({"id", *_MARKS})
    return Mark(parts["id"].decimal(1, 2**ID_BITS - 1), *(
        parse_money(parts[name].value, field=parts[name].field, low=0, high=LARGEST_PRICE, source=node.source)
        for name in _MARKS))


def _symbol(node: Node) -> str:
    return node.text(SYMBOL.pattern, "1 to 48 letters, digits and . _ / -")


def _digest(node: Node) -> str:
    return node.text(r"0x[0-9a-f]{64}", '"0x" and 64 hex digits')
