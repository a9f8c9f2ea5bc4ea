"""Grid epochs on disk, and their audit: every way in which a published one can be wrong is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs import epoch_directory
from risk.epochs.audit import AuditReport
from risk.epochs.epoch import largest_changes
from risk.epochs.provenance import Sources
from risk.grid import grid_directory
from risk.grid.grid_audit import check
from risk.grid.grid_build import build_grid
from risk.grid.grid_directory import GridManifest, load, save
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_map import ExplicitMap
from risk.grid.grid_shape import GRID_TINY

COLLATERAL = json.dumps({"schema": "tailproof.collateral/1", "assets": [
    {"symbol": "WBTC", "token": "eip155:1/erc20:0x2260fac5", "decimals": 8, "underlying": "BTC", "protocol": "0.02",
     "liquidation": "0.005"}]}).encode()


@pytest.fixture(scope="module")
def epoch(trial_sources: Sources) -> GridEpoch:
    return build_grid(trial_sources, replace(GRID_TINY, depth=3), regime=1, collateral=COLLATERAL)


@pytest.fixture(scope="module")
def saved(epoch: GridEpoch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("epochs") / "grid"
    save(epoch, path)
    return path


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "epoch"))


def edit(directory: Path, change: Callable[[Any], None]) -> None:
    path = directory / "grid.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_in_a_folder_of_others_no_link_is_followed(copy: Path, tmp_path: Path) -> None:
    kept = Path(shutil.copytree(copy, tmp_path / "kept"))
    for name in ("grid.json", "collateral.json", "arrays/manifest.json", "arrays/sources/book.json", "arrays/amax.npy"):
        (copy / name).unlink()
        (copy / name).symlink_to(kept / name)
        assert grid_directory.read(copy)[1].root == grid_directory.read(kept)[1].root
        with pytest.raises(BadInput, match="a readable file"):
            grid_directory.read(copy, foreign=True)
        (copy / name).unlink()
        shutil.copy(kept / name, copy / name)
    assert grid_directory.read(copy, foreign=True)[1].root == grid_directory.read(kept)[1].root


def clauses(report: AuditReport) -> set[str]:
    return {difference.clause for difference in report.differences}


def republish(epoch: GridEpoch, directory: Path) -> AuditReport:
    save(epoch, directory)
    assert load(directory).root == epoch.root          # consistent in itself
    return check(directory)


def test_a_grid_epoch_survives_the_disk(epoch: GridEpoch, saved: Path) -> None:
    again = load(saved)
    assert (again.root, again.shape, again.regime, again.assets) == (epoch.root, epoch.shape, 1, epoch.assets)
    assert again.collateral == COLLATERAL
    assert np.array_equal(again.changes, epoch.changes)
    assert {path.name for path in saved.iterdir()} == {"grid.json", "arrays", "collateral.json"}
    assert GridManifest.read(saved).root == epoch.root


def test_an_honest_epoch_passes(saved: Path, epoch: GridEpoch) -> None:
    report = check(saved)
    assert report.passed, report.differences
    assert report.rebuilt_root == report.root == epoch.root


def test_saving_overwrites_nothing(epoch: GridEpoch, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("")
    for target in (saved, tmp_path / "other"):
        with pytest.raises(BadInput, match="never overwritten"):
            save(epoch.under(0), target)
    assert load(saved).regime == 1
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_only_standard_maps_can_be_written_down(epoch: GridEpoch, tmp_path: Path) -> None:
    shape = replace(epoch.shape, map=ExplicitMap(GRID_TINY.map.nodes, 4, GRID_TINY.map.weights))
    with pytest.raises(BadInput, match=r"shape.map is 'ExplicitMap'"):
        save(replace(epoch, shape=shape), tmp_path / "epoch")
    assert list(tmp_path.iterdir()) == []


# -- what the audit finds --------------------------------------------------------------------------------------------
def test_an_understated_interpolation_error_is_named(epoch: GridEpoch, tmp_path: Path) -> None:
    for side in ("long", "short"):
        rates = getattr(epoch, side).copy()
        row = int(np.argmax(rates))
        rates[row] -= 1
        report = republish(replace(epoch, arrays=replace(epoch.arrays, **{side: rates})), tmp_path / side)
        assert clauses(report) == {"E6", "rebuild"}
        (found,) = [d for d in report.differences if d.clause == "E6"]
        assert found.field == f"{epoch.arrays.label(row)}: {side}"
        assert found.published == str(rates[row])


def test_changed_nodes_are_named_and_make_the_error_larger(epoch: GridEpoch, tmp_path: Path) -> None:
    changes = epoch.changes.copy()
    changes[5] += 10**9                                # flattering on all nodes: V_grid exceeds V_full everywhere
    arrays = replace(epoch.arrays, changes=changes, amax=largest_changes(changes))
    report = republish(replace(epoch, arrays=arrays), tmp_path / "epoch")
    assert clauses(report) == {"E6", "rebuild"}
    assert any(d.field == f"{epoch.arrays.label(5)}: long" for d in report.differences if d.clause == "E6")


def test_other_factors_or_collateral_are_named(epoch: GridEpoch, tmp_path: Path) -> None:
    raised = replace(epoch, assets=(epoch.assets[0]._replace(value=epoch.assets[0].value + 1),))
    assert [d.field for d in republish(raised, tmp_path / "epoch").differences] == ["assets[0]"]
    none = replace(epoch, assets=())
    assert [d.field for d in republish(none, tmp_path / "none").differences] == ["number of assets"]


def test_broken_preconditions_are_named(epoch: GridEpoch, copy: Path) -> None:
    amax = epoch.amax.copy()
    amax[3] -= 1
    np.save(copy / "arrays" / "amax.npy", amax)
    edit(copy, lambda m: m["assets"][0].update(value=str(epoch.assets[0].debt + 1)))
    assert {"E2", "E8"} <= clauses(check(copy))
    with pytest.raises(BadInput, match="E2"):
        load(copy)
    np.save(copy / "arrays" / "underlying.npy", epoch.underlying + (np.arange(len(epoch.ids)) == 3) * 2)
    assert "E5" in clauses(check(copy))


@pytest.mark.parametrize("name", ["root", "tree_root", "assets_root", "shape_digest"])
def test_a_manifest_that_lies_is_refused(name: str, copy: Path) -> None:
    edit(copy, lambda m: m.update({name: "5"}))
    with pytest.raises(BadInput, match=f"{name} is 5"):
        load(copy)
    assert {d.field for d in check(copy).differences} == {f"manifest.{name}"}


def test_an_instrument_left_out_is_named(epoch: GridEpoch, saved: Path, tmp_path: Path) -> None:
    arrays = epoch.arrays
    kept = np.arange(len(epoch.ids)) != 4
    columns = {name: getattr(arrays, name)[kept] for name in ("ids", "underlying", "long", "short", "amax", "changes")}
    instruments = tuple(i for row, i in enumerate(arrays.instruments, 1) if row != 4)
    save(replace(epoch, arrays=replace(arrays, instruments=instruments, **columns)), tmp_path / "epoch")
    assert {"E7", "E9", "rebuild"} == clauses(check(tmp_path / "epoch", previous=saved))


def test_an_asset_left_out_is_named(epoch: GridEpoch, saved: Path, tmp_path: Path) -> None:
    save(replace(epoch, assets=()), tmp_path / "epoch")
    found = [d for d in check(tmp_path / "epoch", previous=saved).differences if d.clause == "E7"]
    assert [(d.field, d.published) for d in found] == [(f"asset {epoch.assets[0].id}", "not listed any more")]


def test_an_epoch_without_sources_cannot_pass(epoch: GridEpoch, tmp_path: Path) -> None:
    bare = replace(epoch, arrays=replace(epoch.arrays, provenance=None))
    assert [d.field for d in republish(bare, tmp_path / "epoch").differences] == ["sources"]


@pytest.mark.parametrize(("change", "says"), [
    (lambda m: m.update(regime=2), "regime"), (lambda m: m["standard"].update(scenarios=7), "scenarios"),
    (lambda m: m["shape"].update(tail="9"), "tail"), (lambda m: m.update(schema="x"), "schema"),
    (lambda m: m["assets"][0].update(debt=str(2**80)), "debt"), (lambda m: m.pop("root"), "root"),
    (lambda m: m["shape"].update(depth=4), "shape of the arrays"), (lambda m: m["standard"].pop("seed"), "seed")])
def test_malformed_manifests_are_refused(change: Callable[[Any], None], says: str, copy: Path) -> None:
    edit(copy, change)
    with pytest.raises(BadInput, match=says):
        load(copy)


def test_an_epoch_of_the_format_before_is_refused_with_what_to_do(copy: Path) -> None:
    def older(manifest: Any) -> None:
        manifest["schema"] = "tailproof.grid-epoch/1"
        del manifest["assets_root"]

    edit(copy, older)
    for read in (load, check, GridManifest.read):
        with pytest.raises(BadInput, match=r"schema is 'tailproof.grid-epoch/1'.*Build it anew.*epoch build"):
            read(copy)


def test_missing_files_are_refused(copy: Path) -> None:
    (copy / "collateral.json").unlink()
    with pytest.raises(BadInput, match="file"):
        load(copy)
    shutil.rmtree(copy / "arrays")
    with pytest.raises(BadInput):
        check(copy)
    assert epoch_directory.MANIFEST == "manifest.json"
