"""The house stands as docs/architecture.md draws it: a room imports only the rooms it may, and files form no circle."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "primitives": set(),
    "risk": {"primitives"},
    "circuits": {"primitives", "risk"},
    "prover": {"primitives"},
    "committee": {"primitives"},
    "verifier_contracts": {"primitives", "prover"},
    "relayer": {"primitives", "prover", "verifier_contracts"},
    "tailproof": {"primitives", "risk", "circuits", "prover", "committee", "verifier_contracts", "relayer"},
}

RISK_ROOMS = ("exact", "surfaces", "market", "models", "scenarios", "valuation", "addons", "epochs", "grid", "margins",
              "greeks", "cascades", "stress")
"""The rooms of risk/, in order: each imports only those before it."""
FITTING = "fitting"
"""Beside them: any library may be used there, its output is text, and only its own command imports it, the check of a
finished epoch and rolling forecasts, which fit again; and reverse stress, which searches there."""
BACKTESTS = "backtests"
"""Beside them too: what it says of forecasts, nothing is made of."""
BACKTESTS_IMPORTERS = {Path("tailproof/cli/risk_backtest.py"), Path("tailproof/reports/backtests.py"),
                       Path("tailproof/reports/subject.py"), Path("tailproof/reports/year.py")}
FITTING_IMPORTERS = {Path("tailproof/cli/model.py"), Path("tailproof/cli/risk_backtest.py"),
                     Path("tailproof/cli/surface.py"), Path("tailproof/judging.py"), Path("tailproof/reversing.py")}


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


def test_only_few_that_make_no_epoch_import_fitting() -> None:
    modules = [module for room in (*MAY_IMPORT, "fixtures") for module in (ROOT / room).rglob("*.py")]
    importing = {module.relative_to(ROOT) for module in modules
                 if (ROOT / "risk" / FITTING) not in module.parents
                 and FITTING in imported_risk_rooms(module.read_text())}
    assert importing == FITTING_IMPORTERS
    allowed = {"exact", "surfaces", "market", "models", FITTING}    # it fits; it draws, values and builds nothing
    for module in (ROOT / "risk" / FITTING).rglob("*.py"):
        assert imported_risk_rooms(module.read_text()) <= allowed, module


def test_only_its_own_command_and_reports_import_backtests() -> None:
    modules = [module for room in (*MAY_IMPORT, "fixtures") for module in (ROOT / room).rglob("*.py")]
    importing = {module.relative_to(ROOT) for module in modules
                 if (ROOT / "risk" / BACKTESTS) not in module.parents
                 and BACKTESTS in imported_risk_rooms(module.read_text())}
    assert importing == BACKTESTS_IMPORTERS
    for module in (ROOT / "risk" / BACKTESTS).rglob("*.py"):
        assert imported_risk_rooms(module.read_text()) <= {"exact", "market", "models", BACKTESTS}, module
        assert "scipy" not in module.read_text(), module     # which comes with an extra only


def test_where_an_epoch_is_made_nothing_optimises_or_decomposes() -> None:
    for room in RISK_ROOMS:
        for module in (ROOT / "risk" / room).rglob("*.py"):
            text = module.read_text()
            assert "scipy" not in text, module
            assert "arch_model" not in text, module
            assert "linalg" not in text, module


ORACLES = ("QuantLib", "vollib", "py_vollib", "lets_be_rational", "pyvinecopulib", "flint", "arch", "statsmodels",
           "hypothesis", "pytest")
"""What tests and benchmarks hold numbers against; `dev` of pyproject.toml brings it, no extra does."""


def top_names(source: str) -> set[str]:
    """Of every package that a module imports anywhere, also by a name in `import_module`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            if isinstance(node.args[0].value, str) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                    "import_module", "__import__"):
                found.add(node.args[0].value)
    return {name.partition(".")[0] for name in found}


def test_oracles_are_no_part_of_the_product() -> None:
    for room in (*MAY_IMPORT, "build_backend"):
        for module in (ROOT / room).rglob("*.py"):
            text = module.read_text()
            if any(name in text for name in ORACLES):                        # most name none, and need no parsing
                assert not top_names(text) & set(ORACLES), module.relative_to(ROOT)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    brought = {name: {re.split(r"[^A-Za-z0-9_.-]", need)[0].lower().replace("-", "_") for need in needs}
               for name, needs in groups.items()}
    wanted = {"quantlib", "vollib", "pyvinecopulib", "arch", "python_flint", "hypothesis", "pytest"}
    assert brought.pop("dev") > wanted
    assert not wanted & set().union(*brought.values())


@pytest.mark.parametrize("source", [
    "import QuantLib as ql", "from vollib.black import black", "def f():\n    import pyvinecopulib",
    "from importlib import import_module\nimport_module('flint')", "__import__('arch.univariate')",
    "import importlib\nimportlib.import_module('arch.x')", "__import__('QuantLib')",
    "if TYPE_CHECKING:\n    import flint"])
def test_an_oracle_in_a_room_is_seen(source: str) -> None:
    assert top_names(source) & set(ORACLES)
    assert not top_names(source.replace("QuantLib", "ql").replace("vollib", "v").replace("pyvinecopulib", "vine")
                         .replace("flint", "steel").replace("arch", "vault")) & set(ORACLES)


def test_risk_has_no_other_rooms_and_no_loose_files() -> None:
    assert {path.name for path in (ROOT / "risk").iterdir() if path.name != "__pycache__"} == \
        {*RISK_ROOMS, FITTING, BACKTESTS, "__init__.py", "py.typed"}
    assert imported_risk_rooms("from risk import grid\nimport risk.market.book") == {"grid", "market"}


def test_the_import_scan_sees_every_form() -> None:
    source = "import risk.exact.money\ndef f():\n    from circuits.builder import x\n    from . import y\nimport numpy"
    assert imported_rooms(source) == {"risk", "circuits"}


# -- no circle between files -------------------------------------------------------------------------------------------
def modules_below(root: Path, folders: Iterable[str]) -> dict[str, Path]:
    """Files by the dotted name of their module; a package is its __init__.py."""
    files = [path for folder in folders for path in (root / folder).rglob("*.py")]
    names = (path.relative_to(root).with_suffix("").parts for path in files)
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path
            for parts, path in zip(names, files, strict=True)}


def imported_modules(name: str, path: Path, modules: Mapping[str, Path]) -> set[str]:
    """Which of the modules a file imports: at its top, inside a function, or for type checkers only.

    `from package import name` is the module package.name if there is one, else the package. That every import of
    package.name runs the package first does not count: it is not written in the file.
    """
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {inner if (inner := f"{base}.{alias.name}") in modules else base for alias in node.names}
    return found & modules.keys()


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Sets of files that all reach each other, sorted; a file that imports itself is one, too."""
    def reached(start: str) -> set[str]:
        seen, ahead = set[str](), [*graph[start]]
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += graph[name]
        return seen

    reach = {name: reached(name) for name in graph}
    found = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in graph}
    return sorted(list(circle) for circle in found if circle)


def circles_of(modules: Mapping[str, Path]) -> list[list[str]]:
    return circles({name: imported_modules(name, path, modules) for name, path in modules.items()})


def circles_below(root: Path, folders: Iterable[str]) -> list[list[str]]:
    return circles_of(modules_below(root, folders))


def test_no_files_import_each_other_in_a_circle() -> None:
    """In all rooms, and in the tests, which import each other by names below tests/."""
    house, tests = modules_below(ROOT, [*MAY_IMPORT, "benchmarks", "fixtures"]), modules_below(ROOT / "tests", ["."])
    assert len(house) > 200
    assert len(tests) > 80
    assert not house.keys() & tests.keys()
    assert circles_of(house | tests) == []


PLANTED = {
    "at the top": "import house.b\n", "by name": "from house.b import x\n", "from the package": "from house import b\n",
    "relative": "from .b import x\n", "relative, from the package": "from . import b\n",
    "inside a function": "def f():\n    from house.b import x\n    return x\n",
    "for type checkers": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.b import x\n",
    "under another name": "import house.b as c\n",
    "in a try": "try:\n    from house import b\nexcept ImportError:\n    pass\n"}


@pytest.mark.parametrize("back", PLANTED.values(), ids=PLANTED)
def test_a_planted_circle_is_found(back: str, tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").write_text("from house.a import y\n")      # packages that gather their files are no circle
    (house / "a.py").write_text("from house.c import z\n")
    (house / "b.py").write_text("from house.a import y\n")
    (house / "c.py").write_text("z = 1\n")
    assert circles_below(tmp_path, ["house"]) == []
    (house / "c.py").write_text(back)
    assert circles_below(tmp_path, ["house"]) == [["house.a", "house.b", "house.c"]]


def test_a_file_that_asks_its_own_package_is_a_circle(tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").write_text("from .a import y\n")
    (house / "a.py").write_text("from . import version\n")
    assert circles_below(tmp_path, ["house"]) == [["house", "house.a"]]
    (house / "a.py").write_text("import house.a\n")
    assert circles_below(tmp_path, ["house"]) == [["house.a"]]


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


@pytest.mark.parametrize(("words", "most"), [
    ((), set()), (("statement", "list"), {"numpy", "llvmlite"}), (("config", "show"), set()),
    (("contract", "--help"), {"numpy", "llvmlite"}), (("completion", "bash"), set())])
def test_a_command_loads_what_it_needs_and_no_more(words: tuple[str, ...], most: set[str]) -> None:
    """What a command waits for before it does anything is libraries: `statement list` took four seconds of them."""
    heavy = {"arch", "dask", "distributed", "eth_abi", "eth_account", "eth_keys", "eth_tester", "eth_utils", "galois",
             "hexbytes", "llvmlite", "matplotlib", "numba", "numpy", "pandas", "py_ecc", "pydantic", "requests",
             "scipy", "sqlalchemy", "web3"}
    code = ("import sys\nfrom tailproof.cli import main\ntry:\n    main(sys.argv[1:] or ['--help'])\n"
            f"finally:\n    print(sorted({heavy} & set(sys.modules)), len(sys.modules), file=sys.stderr)")
    plain = {name: value for name, value in os.environ.items() if name != "TAILPROOF_THREADS"}  # its check loads more
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT, env=plain)
    assert done.returncode == 0, done.stderr
    loaded, _, count = done.stderr.strip().splitlines()[-1].rpartition(" ")
    assert set(ast.literal_eval(loaded)) <= most
    assert int(count) < 700
