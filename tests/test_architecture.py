"""The house stands as docs/architecture.md draws it: a room imports only the rooms it may."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "primitives": set(),
    "risk": {"primitives"},
    "circuits": {"primitives", "risk"},
    "prover": {"primitives"},
    "verifier_contracts": {"primitives", "prover"},
    "relayer": {"primitives", "prover", "verifier_contracts"},
    "tailproof": {"primitives", "risk", "circuits", "prover", "verifier_contracts", "relayer"},
}

RISK_ROOMS = ("exact", "market", "models", "scenarios", "valuation", "epochs", "grid", "margins")
"""The rooms of risk/, in order: each imports only those before it."""
FITTING = "fitting"
"""Beside them: any library may be used there, its output is text, and only its own command imports it."""
FITTING_COMMAND = Path("tailproof/cli/model.py")


def imported_rooms(source: str) -> set[str]:
    """Rooms that a module imports anywhere, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found & set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    modules = list((ROOT / room).rglob("*.py"))
    assert modules
    for module in modules:
        foreign = imported_rooms(module.read_text()) - {room} - MAY_IMPORT[room]
        assert not foreign, f"{module.relative_to(ROOT)} imports {sorted(foreign)}"


def imported_risk_rooms(source: str) -> set[str]:
    """Rooms of risk/ that a module imports anywhere."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules |= {f"{node.module}.{name.name}" for name in node.names}
    return {module.split(".")[1] for module in modules if module.startswith("risk.")}


@pytest.mark.parametrize("room", RISK_ROOMS)
def test_a_room_of_risk_imports_only_those_before_it(room: str) -> None:
    modules = list((ROOT / "risk" / room).rglob("*.py"))
    assert modules
    for module in modules:
        allowed = set(RISK_ROOMS[:RISK_ROOMS.index(room) + 1])
        foreign = imported_risk_rooms(module.read_text()) - allowed
        assert not foreign, f"{module.relative_to(ROOT)} imports {sorted(foreign)}"


def test_only_its_own_command_imports_fitting() -> None:
    modules = [module for room in (*MAY_IMPORT, "fixtures") for module in (ROOT / room).rglob("*.py")]
    importing = {module.relative_to(ROOT) for module in modules
                 if (ROOT / "risk" / FITTING) not in module.parents
                 and FITTING in imported_risk_rooms(module.read_text())}
    assert importing == {FITTING_COMMAND}
    allowed = {"exact", "market", "models", FITTING}         # it fits models; it draws, values and builds nothing
    for module in (ROOT / "risk" / FITTING).rglob("*.py"):
        assert imported_risk_rooms(module.read_text()) <= allowed, module


def test_where_an_epoch_is_made_nothing_optimises_or_decomposes() -> None:
    for room in RISK_ROOMS:
        for module in (ROOT / "risk" / room).rglob("*.py"):
            text = module.read_text()
            assert "scipy" not in text, module
            assert "arch_model" not in text, module
            assert "linalg" not in text, module


def test_risk_has_no_other_rooms_and_no_loose_files() -> None:
    assert {path.name for path in (ROOT / "risk").iterdir() if path.name != "__pycache__"} == \
        {*RISK_ROOMS, FITTING, "__init__.py", "py.typed"}
    assert imported_risk_rooms("from risk import grid\nimport risk.market.book") == {"grid", "market"}


def test_the_import_scan_sees_every_form() -> None:
    source = "import risk.exact.money\ndef f():\n    from circuits.builder import x\n    from . import y\nimport numpy"
    assert imported_rooms(source) == {"risk", "circuits"}


def test_the_front_door_opens_quickly() -> None:
    """Importing the facade and the command must not drag in the heavy libraries (they load where they are used)."""
    heavy = ["matplotlib", "arch", "scipy", "galois", "web3", "pandas", "eth_tester"]
    code = f"import sys, tailproof, tailproof.cli; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_no_registry_host_no_machine_path_no_large_file_is_tracked() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no repository: an unpacked archive tracks nothing")
    # In a container the checkout often belongs to somebody else, and git then wants to be told that this is meant.
    tracked = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True,
                             text=True, check=True).stdout
    assert tracked
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue                                   # removed in the working tree, not yet in the index
        assert path.stat().st_size <= 1_000_000, name
        text = path.read_bytes().decode("utf-8", "replace")
        for host in ("registry." + "npmjs", "python" + "hosted", "/" + "root/", "/" + "work/"):
            assert host not in text, f"{name} names {host}"
