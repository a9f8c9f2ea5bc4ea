from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs import epoch_directory
from risk.epochs.audit import AuditReport, check
from risk.epochs.epoch import Epoch, largest_changes
from risk.epochs.epoch_directory import Manifest, load, save
from risk.exact.shape import EpochShape, TailSize


@pytest.fixture(scope="module")
def saved(crypto: Epoch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("epochs") / "crypto"
    save(crypto, path)
    return path


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "epoch"))


def edit_manifest(directory: Path, change: Callable[[Any], None]) -> None:
    path = directory / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_array(directory: Path, name: str, place: Any, value: int) -> None:
    array = np.load(directory / f"{name}.npy")
    array[place] = value
    np.save(directory / f"{name}.npy", array)


def clauses(report: AuditReport) -> set[str]:
    return {difference.clause for difference in report.differences}


# -- saving and loading --------------------------------------------------------------------------------------------
def test_an_epoch_survives_the_disk(crypto: Epoch, saved: Path) -> None:
    again = load(saved)
    assert again.root == crypto.root
    assert again.instruments == crypto.instruments
    assert (again.header, again.shape) == (crypto.header, crypto.shape)
    assert again.provenance is not None
    assert crypto.provenance is not None
    assert again.provenance.calibration == crypto.provenance.calibration
    assert again.provenance.sources.files() == crypto.provenance.sources.files()


def test_the_manifest_alone_says_what_the_epoch_is(crypto: Epoch, saved: Path) -> None:
    for path in (saved, saved / "manifest.json"):
        manifest = Manifest.read(path)
        assert (manifest.root, manifest.header, manifest.shape) == (crypto.root, crypto.header, crypto.shape)


def test_saving_is_reproducible(saved: Path, crypto: Epoch, tmp_path: Path) -> None:
    target = tmp_path / "sub" / "epoch"
    save(crypto, target)
    files = sorted(path.relative_to(saved) for path in saved.rglob("*") if path.is_file())
    assert sorted(path.relative_to(target) for path in target.rglob("*") if path.is_file()) == files
    assert all((target / name).read_bytes() == (saved / name).read_bytes() for name in files)
    assert [path.name for path in target.parent.iterdir()] == ["epoch"]


def test_saving_overwrites_nothing(crypto: Epoch, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for target in (tmp_path, tmp_path / "thesis.txt", saved):
        with pytest.raises(BadInput, match="what exists is never overwritten"):
            save(crypto, target)
    with pytest.raises(BadInput, match="a path that can be written"):
        save(crypto, tmp_path / "thesis.txt" / "epoch")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failed_save_leaves_nothing_behind(crypto: Epoch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(BadInput, match="No space left on device"):
        save(crypto, tmp_path / "epoch")
    assert list(tmp_path.iterdir()) == []


def test_an_epoch_of_bare_numbers_can_be_saved_but_not_audited(tmp_path: Path) -> None:
    shape = EpochShape(8, TailSize(5, 2), 2)
    epoch = Epoch.of(shape, [2**247 + 1, 5], np.arange(16).reshape(2, 8))
    save(epoch, tmp_path / "bare")
    assert load(tmp_path / "bare").root == epoch.root
    report = check(tmp_path / "bare")
    assert not report.passed
    assert [d.field for d in report.differences] == ["sources"]


@pytest.mark.parametrize(("name", "value", "message"), [
    ("root", "0", "root is 0: must be"), ("tree_root", "1", "tree_root is 1: must be"),
    ("root", 5, "root is 5: must be a decimal string"), ("shape_digest", "7", "shape_digest is 7"),
    ("regime", 1, "regime is 1"), ("schema", "x", "schema is"), ("timestamp", "now", "timestamp is"),
    ("leaves", [], "length of leaves is 0"), ("underlyings", ["BTC"], r"returns\.npy: array is"),
    ("venue", "", "venue is ''"),
    ("calibration", {}, r"calibration\.\w+ are missing: must be given"),
    ("sources", {}, r"sources\.model is missing: must be given"),
    ("sources", {"model": "0x00"}, r"sources\.model is '0x00': must be"), ("extra", 1, "extra is 1: must be absent")])
def test_a_wrong_manifest_is_refused(copy: Path, name: str, value: object, message: str) -> None:
    edit_manifest(copy, lambda content: content.update({name: value}))
    with pytest.raises(BadInput, match=message):
        load(copy)


def test_terms_must_have_their_id(copy: Path) -> None:
    edit_manifest(copy, lambda content: content["leaves"][5]["terms"].update(lot="7"))
    with pytest.raises(BadInput, match=r"leaves\[5\]\.id is .* the digest of the terms"):
        load(copy)


@pytest.mark.parametrize(("name", "place"), [("changes", (7, 3)), ("amax", 7), ("long", 7), ("short", 7),
                                             ("underlying", 7)])
def test_a_changed_number_is_seen_on_loading(copy: Path, name: str, place: Any) -> None:
    value = int(np.load(copy / f"{name}.npy")[place])
    edit_array(copy, name, place, 1 - value if name == "underlying" else value + (value > 0) - (value < 0) or 1)
    with pytest.raises(BadInput, match=r"tree_root is|\(E2\)"):
        load(copy)


@pytest.mark.parametrize("wrong", [np.zeros((121, 255), np.int64), np.zeros((121, 256)), np.zeros((121, 256), ">i8"),
                                   np.zeros((121, 256), object)])
def test_an_array_of_another_kind_is_refused(copy: Path, wrong: Any) -> None:
    np.save(copy / "changes.npy", wrong, allow_pickle=True)
    with pytest.raises(BadInput, match=r"changes\.npy: "):
        load(copy)


def headed(header: str) -> bytes:
    """A .npy file of this header, and a few numbers."""
    text = header.encode() + b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(64)


SHAPED = "{'descr': '<i8', 'fortran_order': False, 'shape': %s}"


@pytest.mark.parametrize("data", [
    b"", b"\x93NUMPY", b"garbage", bytes(300_000), b"PK\x03\x04" + bytes(64), b"PK\x05\x06" + bytes(18),
    headed(SHAPED % "(1000000000000,)"), headed(SHAPED % "(99999999999999999999999,)"), headed(SHAPED % "(10**30,)"),
    headed(SHAPED % "((("), headed("{'descr': '<i8"), headed("(" * 2_000), headed(SHAPED % "(121, 256)")])
def test_what_is_no_array_is_refused(copy: Path, data: bytes) -> None:
    (copy / "changes.npy").write_bytes(data)
    with pytest.raises(BadInput, match=r"changes\.npy: "):
        load(copy)


@pytest.mark.parametrize("foreign", [False, True])
def test_in_a_folder_of_others_no_link_is_followed_and_no_pipe_waited_for(copy: Path, tmp_path: Path, foreign: bool
                                                                         ) -> None:
    kept = Path(shutil.copytree(copy, tmp_path / "kept"))
    for path in [path for path in kept.rglob("*") if path.is_file()]:
        place = copy / path.relative_to(kept)
        place.unlink()
        place.symlink_to(path)
        if not foreign:
            assert epoch_directory.read(copy)[1].root == epoch_directory.read(kept)[1].root
            continue
        with pytest.raises(BadInput, match="a readable file"):
            epoch_directory.read(copy, foreign=True)
        place.unlink()
        os.mkfifo(place)
        writer = os.open(place, os.O_RDWR)         # one that writes nothing
        found = list[str]()

        def read(found: list[str] = found) -> None:
            try:
                epoch_directory.read(copy, foreign=True)
            except BadInput as refused:
                found.append(refused.bound)
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        thread.join(30.0)
        os.close(writer)
        assert found == ["a readable file"], place
        place.unlink()
        shutil.copy(path, place)
    assert epoch_directory.read(copy)[1].root == epoch_directory.read(kept)[1].root


@pytest.mark.parametrize("name", ["manifest.json", "amax.npy", "returns.npy", "sources/book.json"])
def test_a_missing_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BadInput, match="a readable file"):
        load(copy)


# -- the audit -----------------------------------------------------------------------------------------------------
def test_an_honest_epoch_passes(saved: Path, crypto: Epoch) -> None:
    report = check(saved)
    assert report.passed, report.differences
    assert report.root == report.rebuilt_root == crypto.root
    assert report.to_json()["passed"]


def test_an_honest_epoch_with_fitted_parameters_passes(us: Epoch, tmp_path: Path) -> None:
    save(us, tmp_path / "us")
    assert check(tmp_path / "us").passed


def republish(directory: Path) -> None:
    """What a dishonest publisher does after changing arrays: make the manifest's roots fit them."""
    _, epoch = epoch_directory.read(directory)
    edit_manifest(directory, lambda content: content.update(tree_root=str(epoch.tree.root), root=str(epoch.root)))


def test_a_consistently_forged_number_is_found_with_its_place(copy: Path, crypto: Epoch) -> None:
    row = crypto.row_of("BTC-PERP")
    assert row is not None
    edit_array(copy, "changes", (row, 9), 0)
    edit_array(copy, "changes", (row, 12), 0)
    republish(copy)
    load(copy)                                               # consistent in itself
    report = check(copy)
    assert not report.passed
    (difference,) = report.differences
    assert difference.field == f"BTC-PERP: changes[{row}, 9]"
    assert difference.published == "0"
    assert difference.expected.startswith(f"{crypto.changes[row, 9]} (2 of 30976 entries differ")
    assert report.rebuilt_root == crypto.root != report.root


def test_an_understated_amax_is_found_as_e2(copy: Path, crypto: Epoch) -> None:
    edit_array(copy, "amax", 7, int(crypto.amax[7]) - 1)
    assert clauses(check(copy)) == {"E2", "rebuild"}


def test_an_aliased_table_is_found_although_its_root_is_equal(copy: Path, crypto: Epoch) -> None:
    """Attack aliased-table: the packed elements, hence all hashes, are those of the honest epoch."""
    changes = crypto.changes.copy()
    changes[7, 0] -= 2**50
    changes[7, 1] += 1
    np.save(copy / "changes.npy", changes)
    np.save(copy / "amax.npy", largest_changes(changes))
    report = check(copy)
    assert "E2" in clauses(report)
    assert report.root == crypto.root


@pytest.mark.parametrize(("name", "place", "value", "clause"), [
    ("long", 7, -1, "E3"), ("short", 7, 2**44, "E3"), ("underlying", 7, 2, "E5"), ("changes", (0, 0), 1, "E1")])
def test_a_broken_precondition_is_found(copy: Path, name: str, place: Any, value: int, clause: str) -> None:
    edit_array(copy, name, place, value)
    assert clause in clauses(check(copy))


def test_a_duplicate_id_is_found(copy: Path) -> None:
    def duplicate(content: Any) -> None:
        content["leaves"][5] = content["leaves"][4]

    edit_manifest(copy, duplicate)
    assert "E1" in clauses(check(copy))


@pytest.mark.parametrize("name", ["returns", "variances", "today"])
def test_forged_scenarios_are_found(copy: Path, name: str) -> None:
    edit_array(copy, name, 0, 12345)
    report = check(copy)
    assert [d.field.split("[")[0] for d in report.differences] == [name]


@pytest.mark.parametrize(("change", "field"), [
    (lambda c: c.update(timestamp="2021-01-02T00:00:00Z"), "header.timestamp"),
    (lambda c: c["model"].update(digest="0x" + "11" * 32), "header.model_digest"),
    (lambda c: c.update(purpose="trial"), "header.purpose"),
    (lambda c: c.update(seed=12345), "header.seed"),
    (lambda c: c["gates"]["flags"].clear(), "header.judgement"),
    (lambda c: c["settlements"][0].update(value="1"), "settlements"),
    (lambda c: c["calibration"]["volatility"][0].update(degrees=9.0), "calibration"),
    (lambda c: c["sources"].update(book="0x" + "11" * 32), "manifest.sources"),
    (lambda c: c["leaves"][5].update(symbol="FAKE"), "instruments"),
    (lambda c: c.update(root="1"), "manifest.root")])
def test_a_false_claim_is_found(copy: Path, change: Callable[[Any], None], field: str) -> None:
    edit_manifest(copy, change)
    report = check(copy)
    assert [d.field for d in report.differences if d.field not in ("manifest.tree_root", "manifest.root")] \
        == [field] * (field != "manifest.root")
    if field != "calibration":                               # a root is of everything else
        with pytest.raises(BadInput):
            load(copy)
    republish(copy)
    assert [d.field for d in check(copy).differences] == [field] * (field != "manifest.root")


def test_other_sources_are_found(copy: Path) -> None:
    book = copy / "sources" / "book.json"
    book.write_text(book.read_text().replace('"spot": "29001.72"', '"spot": "29001.73"'))
    report = check(copy)
    fields = {d.field.split("[")[0] for d in report.differences}
    assert "manifest.sources" in fields
    assert any(field.endswith(": changes") for field in fields)
    book.write_text("{")
    report = check(copy)
    assert report.rebuilt_root is None
    assert not report.passed


def test_parameters_other_than_the_model_s_are_found(us: Epoch, tmp_path: Path) -> None:
    save(us, tmp_path / "us")
    edit_manifest(tmp_path / "us", lambda c: c["calibration"]["volatility"][0].update(degrees=30.0))
    report = check(tmp_path / "us")
    assert "calibration" in {d.field for d in report.differences}


def test_a_dropped_instrument_is_found(copy: Path, saved: Path, crypto: Epoch) -> None:
    """E7: somebody may still hold what was listed before."""
    edit_manifest(copy, lambda c: c["leaves"].pop(5))
    for name in epoch_directory.COLUMNS:
        np.save(copy / f"{name}.npy", np.delete(np.load(copy / f"{name}.npy"), 5, axis=0))
    report = check(copy, previous=saved)
    (dropped,) = [d for d in report.differences if d.clause == "E7"]
    assert dropped.field == crypto.instruments[4].symbol
    assert "E7" not in clauses(check(saved, previous=copy))
