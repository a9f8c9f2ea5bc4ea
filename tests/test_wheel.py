"""What `pip install` gives: one package, the same bytes from anywhere, and a command that works without a checkout or
Node."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest

from primitives import cache

ROOT = Path(__file__).parent.parent
ROOMS = ("primitives", "risk", "circuits", "prover", "committee", "verifier_contracts", "relayer", "tailproof")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = Path(numpy.__file__).parents[1]
BROUGHT = {"llvmlite": "numba", "Crypto": "eth-hash[pycryptodome]"}
"""Packages that we import and that come with another of ours, in the one version that suits it."""


@pytest.fixture(scope="module")
def backend() -> ModuleType:
    sys.path.insert(0, str(ROOT))
    try:
        import build_backend
    finally:
        sys.path.remove(str(ROOT))
    return build_backend


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip builds it, in this very tree."""
    out = tmp_path_factory.mktemp("wheel")
    pip("wheel", str(ROOT), "--no-build-isolation", "--wheel-dir", str(out), cwd=out)
    (made,) = out.glob("*.whl")
    return made


def pip(*arguments: str, cwd: Path, python: str | None = None) -> None:
    """Without any index or dependency; pip's settings of this machine (find-links, say) do not count."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    subprocess.run([sys.executable, "-m", "pip", *(["--python", python] if python else []), "--isolated", "--quiet",
                    "--disable-pip-version-check", arguments[0], "--no-index", "--no-deps", *arguments[1:]], cwd=cwd,
                   check=True, env=environment)


WITHOUT = ("web3", "eth_tester", "eth", "pyrevm", "scipy", "matplotlib", "mpl_toolkits", "galois", "pandas", "arch",
           "sqlalchemy", "psycopg", "psycopg_binary", "prometheus_client", "waitress", "distributed",
           "dask", "cryptography")
"""What the base does not bring."""


class Installed:
    """A fresh environment with the wheel. Packages that these tests run with are linked there; `base`: those of the
    base alone."""

    def __init__(self, folder: Path, wheel: Path, *, base: bool = False) -> None:
        self.folder, self.python = folder, folder / "env" / "bin" / "python"
        if not self.python.exists():
            venv.create(folder / "env", with_pip=False, symlinks=True)
            pip("install", "--no-compile", str(wheel), cwd=folder, python=str(self.python))
            (folder / "empty").mkdir()
        (self.site,) = (folder / "env" / "lib").glob("python*/site-packages")
        linked = folder / ("base" if base else "all")
        linked.mkdir()
        for entry in DEPENDENCIES.iterdir():
            if entry.suffix != ".pth" and not entry.name.startswith(("__", "tailproof")) \
                    and not (base and entry.name in WITHOUT):
                (linked / entry.name).symlink_to(entry)
        # No Node, no checkout: nothing is on the PATH, and no variable leads to either.
        self.environment = {"PATH": str(folder / "empty"), "LANG": "C.UTF-8", "PYTHONPATH": str(linked),
                            "XDG_STATE_HOME": str(folder / "state")}
        kept = ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "TAILPROOF_THREADS")
        self.environment |= {name: os.environ[name] for name in kept if name in os.environ}

    def run(self, *arguments: object, code: int = 0) -> Any:
        """The answer of `tailproof ARGUMENTS --json`."""
        done = subprocess.run([self.python.with_name("tailproof"), *map(str, arguments), "--json"], cwd=self.folder,
                              env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def evaluate(self, source: str) -> str:
        return subprocess.run([self.python, "-c", source], cwd=self.folder, env=self.environment, check=True,
                              capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


# -- the archive -------------------------------------------------------------------------------------------------------
def test_the_wheel_holds_one_package_with_all_that_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names, texts = archive.namelist(), {name: archive.read(name) for name in archive.namelist()}
        times = {entry.date_time for entry in archive.infolist()}
    assert {name.split("/")[0] for name in names} == {"tailproof", f"tailproof-{PROJECT['version']}.dist-info"}
    assert len(times) == 1
    for name in ("tailproof/risk/exact/sobol_directions.json", "tailproof/verifier_contracts/compiled/RiskOracle.json",
                 "tailproof/page/verify.html",
                 "tailproof/verifier_contracts/compiled/templates.json", "tailproof/circuits/statements/pins.json",
                 "tailproof/verifier_contracts/solidity/RiskOracle.sol", "tailproof/fixtures/levels/book.json",
                 "tailproof/risk/models/presets/okx-btc-2025-01.toml", "tailproof/py.typed"):
        assert name in texts, name
    assert not [name for name in names if "__pycache__" in name or "secret" in name.split("/")[-1].split(".")[1:]]
    outside = re.compile(rb"^\s*(from|import) (%b)\b" % "|".join(ROOMS[:-1]).encode(), re.MULTILINE)
    for name, text in texts.items():
        for place in (str(ROOT), "/" + "root/", "/" + "work/", "/tmp/tmp"):
            assert place.encode() not in text, f"{name} names {place}"
        assert not name.endswith(".py") or not outside.search(text), f"{name} asks for a room outside"


def test_the_same_bytes_are_built_elsewhere_at_another_time_by_another_user(wheel: Path, tmp_path: Path) -> None:
    """From the source archive, in another directory, time zone and with other modes: so it holds what a build needs."""
    script = "import sys, build_backend\nfor kind in sys.argv[2:]:\n    getattr(build_backend, kind)(sys.argv[1])"
    elsewhere = tmp_path / "elsewhere"

    def build(folder: Path, root: Path, mask: int, zone: str, *kinds: str) -> list[bytes]:
        folder.mkdir()
        subprocess.run([sys.executable, "-c", script, str(folder), *kinds], cwd=root, check=True, text=True,
                       capture_output=True, umask=mask, env={**os.environ, "TZ": zone, "PYTHONPATH": str(root)})
        return [path.read_bytes() for path in sorted(folder.iterdir())]

    (source,) = build(tmp_path / "first", ROOT, 0o022, "UTC", "build_sdist")
    elsewhere.mkdir()
    with tarfile.open(next((tmp_path / "first").iterdir())) as archive:
        archive.extractall(elsewhere, filter="data")
    (root,) = elsewhere.iterdir()
    for path in root.rglob("*.py"):
        path.chmod(0o700)
    (root / "risk" / "left.secret.json").write_text("{}")            # what somebody left there is not handed on
    again = build(tmp_path / "second", root, 0o077, "Asia/Tokyo", "build_wheel", "build_sdist")
    assert [hashlib.sha256(one).digest() for one in again] == [
        hashlib.sha256(one).digest() for one in (wheel.read_bytes(), source)]
    (root / "CHANGELOG.md").write_text("## 9.9.9 (2020-01-01)\n")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        build(tmp_path / "third", root, 0o022, "UTC", "build_wheel")
    assert "newest entry of CHANGELOG.md is of 9.9.9" in refused.value.stderr


@pytest.mark.parametrize(("source", "becomes"), [
    ("from risk.exact import money\n", "from tailproof.risk.exact import money\n"),
    ("def f():\n    from prover import (\n        x)\n", "def f():\n    from tailproof.prover import (\n        x)\n"),
    ("é = 1; from risk import exact\n", "é = 1; from tailproof.risk import exact\n"),
    ("import risk.exact as r, numpy\n", "import tailproof.risk.exact as r, numpy\n"),
    ("from . import risk\nfrom .risk import x\n", "from . import risk\nfrom .risk import x\n"),
    ("from tailproof.keys import x\nimport riskless\n", "from tailproof.keys import x\nimport riskless\n"),
    ('X = {"x": "risk.exact:money", "risk": "risk"}\n', 'X = {"x": "tailproof.risk.exact:money", "risk": "risk"}\n'),
    ('"""from risk.exact import money"""\nx = "risk.json"  # from risk import exact\n', None),
    ("import risk.exact\n", "binds the name of a room"), ("import risk\n", "binds the name of a room"),
    ('x = "risk" ".exact"\n', "not written in one piece"), ('x = f"risk.exact{1}"\n', "not written in one piece")])
def test_imports_of_rooms_are_rewritten_and_nothing_else(source: str, becomes: str | None, backend: ModuleType) -> None:
    modules = {"risk", "risk.exact", "prover"}

    def rewritten() -> str:
        made: bytes = backend.rewritten(source.encode(), ["risk", "prover"], modules, Path("x"))
        return made.decode()
    if becomes is not None and "\n" not in becomes:
        with pytest.raises(backend.CannotBuild, match=becomes):
            rewritten()
    else:
        assert rewritten() == (source if becomes is None else becomes)


def test_two_modules_of_one_name_are_refused(backend: ModuleType) -> None:
    found = {"tailproof/risk/__init__.py": b""}
    with pytest.raises(backend.CannotBuild, match="another module"):
        backend._put(found, Path("tailproof/risk.py"), b"")
    backend._put(found, Path("tailproof/risk.json"), b"")
    with pytest.raises(backend.CannotBuild, match="another module"):
        backend._put({"tailproof/risk.py": b""}, Path("tailproof/risk/__init__.py"), b"")


def test_the_page_for_browsers_comes_along(installed: Installed) -> None:
    """And is the repository's, to the byte."""
    written = installed.run("page", "--out", installed.folder / "verify.html")
    assert (installed.folder / "verify.html").read_bytes() == (ROOT / "tailproof" / "page" / "verify.html").read_bytes()
    assert written["sha256"] == hashlib.sha256((installed.folder / "verify.html").read_bytes()).hexdigest()


# -- what must not be in it --------------------------------------------------------------------------------------------
@pytest.fixture
def tree(backend: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one file of a room's, in place of this one."""
    root = tmp_path / "tree"
    (root / "risk").mkdir(parents=True)
    (root / "risk" / "__init__.py").touch()
    monkeypatch.setattr(backend, "ROOT", root)
    return root


@pytest.mark.parametrize(("directly", "where"), [(True, ".."), (True, "out"), (False, "..")])
def test_a_link_is_not_followed(backend: ModuleType, tree: Path, directly: bool, where: str) -> None:
    """To a file, or to a folder: a key or somebody's home would be in the wheel, also one that lies in the tree."""
    outside = tree / where / "outside"
    outside.mkdir(parents=True)
    (outside / "wallet.json").write_text("{}")
    if directly:
        (tree / "risk" / "wallet.json").symlink_to(outside / "wallet.json")
        with pytest.raises(backend.CannotBuild, match=r"risk/wallet.json is a link"):
            list(backend._files("risk"))
        return
    (tree / "risk" / "more").symlink_to(outside, target_is_directory=True)
    assert list(backend._files("risk")) == [Path("risk/__init__.py")]


@pytest.mark.parametrize("kind", ["opening", "sealed-bid", "fills", "identity", "share", "dealer", "signing-journal",
                                  "signing-journal-head"])
def test_no_secret_of_ours_gets_in_under_another_name(backend: ModuleType, tree: Path, kind: str) -> None:
    (tree / "risk" / "bid.json").write_text(f'{{"price": "1", "schema": "tailproof.{kind}/1"}}')
    with pytest.raises(backend.CannotBuild, match=r"risk/bid.json holds somebody's secret"):
        list(backend._files("risk"))
    (tree / "risk" / "bid.json").write_text('{"schema": "tailproof.bundle/1"}')
    assert Path("risk/bid.json") in list(backend._files("risk"))
    (tree / "risk" / "key.json").write_text('{"version": 3, "crypto": {"kdfparams": {}, "ciphertext": "00"}}')
    with pytest.raises(backend.CannotBuild, match="secret"):
        list(backend._files("risk"))


def test_every_private_format_is_one_that_the_wheel_refuses(backend: ModuleType) -> None:
    from tailproof.formats import FORMATS
    private = [found for found in FORMATS.values() if "mode 0600" in found.title]
    assert len(private) >= 5
    for found in private:
        assert backend.SECRET.search(f'"schema": "tailproof.{found.name}/1"'.encode()), found.name


@pytest.mark.parametrize("given", ["0", "315532799", "4294967296", "-1", "1e9", "soon", " 1700000000"])
def test_a_time_that_no_archive_can_say_is_refused(backend: ModuleType, tree: Path, given: str,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "CHANGELOG.md").write_text("## 0.1.0 (2020-01-01)\n")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    with pytest.raises(backend.CannotBuild, match="SOURCE_DATE_EPOCH"):
        backend._time("0.1.0")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "315532800")
    assert backend._time("0.1.0") == 315_532_800


# -- dependencies ------------------------------------------------------------------------------------------------------
def test_every_library_that_a_room_imports_is_in_the_base_or_in_an_extra() -> None:
    """And what an extra brings is imported by no module of the base's at its top, but by those that need it."""
    from tailproof.extras import EXTRAS
    imported = set[str]()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    imported.add(str(node.module).partition(".")[0])
    foreign = imported - set(ROOMS) - sys.stdlib_module_names

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[>=<]", one)[0].replace("-", "_") for one in requirements}
    optional = PROJECT["optional-dependencies"]
    assert set(optional["all"][0].partition("[")[2].rstrip("]").split(",")) == set(EXTRAS)
    by_extra = {package for packages in EXTRAS.values() for package in packages}
    assert foreign - by_extra - BROUGHT.keys() == names(PROJECT["dependencies"])
    assert by_extra - foreign == set()
    companions = {"eth_tester", "eth"}             # of web3[tester]
    for extra, packages in EXTRAS.items():
        assert set(packages) - companions <= names(optional[extra]) | companions, extra


# -- installed ---------------------------------------------------------------------------------------------------------
PROVE = """
import tailproof
keys = tailproof.KeyDirectory.load("key")
context = tailproof.Context("margin", 1, "0x" + "11" * 20, bytes.fromhex(keys.key_digest[2:]), "0x" + "22" * 20, 5, 1)
epoch, opening = tailproof.load_epoch("epoch"), tailproof.Opening.load("opening.secret.json")
tailproof.prove_margin(keys, epoch, opening, context).save("bundle.json")
"""


def test_the_base_proves_and_verifies_without_the_extras_and_says_which_is_missing(installed: Installed,
                                                                                  wheel: Path) -> None:
    """Epoch, setup, commitment, proof and verification of a margin, from files that the command itself writes."""
    base = Installed(installed.folder, wheel, base=True)
    here = base.folder
    before = {path for path in base.site.rglob("*") if "__pycache__" not in path.parts}
    assert base.evaluate("import tailproof; print(tailproof.__version__)").strip() == PROJECT["version"]
    assert {entry["name"] for entry in base.run("statement", "list")["statements"]} >= {"margin-tiny"}
    for command, extra in ((("model", "fit", "prices.csv", "--out", "model.toml"), "risk"), (("demo",), "all"),
                           (("relay", "status", "--deployment", "deployment.json"), "relay"),
                           (("venue", "prove", "epoch", "--portfolios", "in", "--key", "key", "--deployment",
                             "deployment.json", "--out", "out"), "farm"),
                           (("statement", "profile", "margin-tiny", "--picture", "x.png"), "risk")):
        answer = base.run(*command, code=2)
        assert answer["error"] == "MissingExtra", answer
        assert f"pip install 'tailproof[{extra}]'" in answer["message"]

    for kind in ("book", "portfolio"):
        base.run("new", kind, "--out", f"{kind}.json")
    base.run("new", "model", "--out", "model.toml")
    model = (here / "model.toml").read_text()
    (here / "model.toml").write_text(re.sub(r'(?m)^statement = .*$', 'statement = "margin-tiny"', model).replace(
        "\nname =", '\npurpose = "trial"\nseed = 1\nname =', 1))
    base.run("epoch", "build", "--book", "book.json", "--model", "model.toml", "--out", "epoch")
    base.run("keys", "setup", "margin-tiny", "--out", "key")
    base.run("commit", "--statement", "margin-tiny", "--epoch", "epoch", "--portfolio", "portfolio.json", "--out",
             "opening.secret.json")
    base.evaluate(PROVE)
    assert base.run("verify", "bundle.json", "--key", "key", "--epoch", "epoch")["holds"] is True
    changed = json.loads((here / "bundle.json").read_text())
    changed["public_inputs"]["margin"] = str(int(changed["public_inputs"]["margin"]) - 1)
    (here / "changed.json").write_text(json.dumps(changed))
    assert base.run("verify", "changed.json", "--key", "key", "--epoch", "epoch", code=1)["holds"] is False
    assert base.run("verify", "bundle.json", "--key", "key", "--epoch", "epoch", "--backend", "reference",
                    code=2)["error"] == "MissingExtra"
    after = {path for path in base.site.rglob("*") if "__pycache__" not in path.parts}
    assert after == before, "a read-only installation would do"


def test_what_loads_when_it_is_asked_for_is_found_inside_the_package(installed: Installed) -> None:
    """Every module of the wheel imports, every name of the front door is there, and no room is a package of its own."""
    shown = installed.evaluate(
        "import importlib, pkgutil, sys, tailproof\n"
        "for found in pkgutil.walk_packages(tailproof.__path__, 'tailproof.'):\n"
        "    if not found.name.endswith('__main__'):\n"
        "        importlib.import_module(found.name)\n"
        "for room in (tailproof, tailproof.prover):\n"
        "    assert [getattr(room, name) for name in room.__all__]\n"
        f"print(sorted({set(ROOMS[:-1])!r} & sys.modules.keys()))\n"
        "print(sum(name.startswith('tailproof.') for name in sys.modules))\n")
    own, modules = shown.splitlines()
    assert own == "[]"
    assert int(modules) > 300
    told = subprocess.run([installed.python, "-m", "tailproof", "--help"], check=True, text=True, cwd=installed.folder,
                          capture_output=True, env=installed.environment).stdout
    assert "Prove that a portfolio" in told


def test_contracts_come_compiled_and_what_needs_node_says_so(installed: Installed) -> None:
    """The sources in the wheel have the digest that the packaged code is of, although imports were rewritten; and
    machine code that is kept for the same kernels here serves there."""
    shown = installed.evaluate(
        "from tailproof.verifier_contracts import compiler, artifacts\n"
        "found = artifacts.packaged(compiler.digest_of(compiler.shipped_sources()))\n"
        "print('MarginLedger' in found, len(compiler.verifier_templates()))\n"
        "from pathlib import Path\nfrom tailproof.primitives import cache\nfrom tailproof.prover.kernels import msm\n"
        "print(cache.digest(cache.sources(Path(msm.__file__).resolve())))\n"
        "from tailproof.demo import snarkjs_lacks\nprint(snarkjs_lacks())")
    first, digest, lacking = shown.splitlines()
    assert re.fullmatch(r"True [1-9]\d*", first)
    assert digest == cache.digest(cache.sources(ROOT / "prover" / "kernels" / "msm.py"))
    assert lacking == "needs Node"
    answer = installed.run("contract", "source", "RiskOracle", "--standard-json", "--out", "x.json", code=2)
    assert "Node" in answer["message"]


def test_every_statement_that_is_no_trial_has_a_verifier_without_the_compiler() -> None:
    from circuits.statements.pin import pinned
    from verifier_contracts.packaging import INPUTS
    assert {len(one["public_inputs"]) for name, one in pinned().items() if "tiny" not in name} == set(INPUTS)


def test_the_demo_runs_from_a_wheel_without_node(installed: Installed) -> None:
    """A system deployed on an embedded chain; the third verifier is said to be absent, and accepts nothing."""
    answer = installed.run("demo", "--out", "demo")
    assert answer["holds"] is True
    assert answer["not_run"] == {"snarkjs": "needs Node"}
    assert "snarkjs" not in answer["verified"]
    assert all("snarkjs" not in entry["verified"] and len(entry["verified"]) == 2 for entry in answer["family"])


@pytest.mark.slow
def test_the_demo_says_that_it_lacks_node(installed: Installed) -> None:
    text = subprocess.run([installed.python.with_name("tailproof"), "demo", "--out", "demo"], cwd=installed.folder,
                          env=installed.environment, capture_output=True, text=True, check=True).stdout
    assert re.search(r"snarkjs +not run: needs Node\n", text)


@pytest.mark.slow
def test_a_trial_system_is_deployed_from_a_wheel_without_node(installed: Installed) -> None:
    installed.run("new", "system", "--make-keys", "tiny", "--out", "system/system.json")
    assert installed.run("contract", "deploy", "--config", "system/system.json")["chain"] == "embedded chain"


@pytest.mark.slow
def test_kernels_compile_from_a_read_only_installation(wheel: Path, tmp_path: Path) -> None:
    base = Installed(tmp_path, wheel, base=True)
    base.environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    base.environment.pop("NUMBA_CACHE_DIR", None)
    for path in [*base.site.rglob("*"), base.site]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert base.run("warm")
    assert len(list((tmp_path / "cache").rglob("*.o"))) > 20


@pytest.mark.slow
def test_the_base_is_small_and_proves_soon(wheel: Path, tmp_path: Path) -> None:
    """With what pip resolves, where there is an index: 350 MB at most, and a first proof of chain16 in 25 s of CPU."""
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    done = subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "--quiet", "install", str(wheel)],
                          capture_output=True, text=True, check=False, cwd=tmp_path)
    if done.returncode:
        pytest.skip("no index of packages: " + done.stderr.strip().splitlines()[-1])
    size = sum(path.lstat().st_size for path in (tmp_path / "env").rglob("*") if path.is_file())
    assert size <= 350e6
    import resource

    from benchmarks.circuits import chain
    from prover import setup
    from prover.files.wtns import write_wtns
    from prover.files.zkey import write_zkey
    system, witness = chain(16)
    write_zkey(tmp_path / "c.zkey", setup(system))
    write_wtns(tmp_path / "c.wtns", witness)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python.with_name("tailproof"), "groth16", "prove", "c.zkey", "c.wtns", "proof.json", "public.json"],
                   check=True, cwd=tmp_path, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime <= 25


def test_the_version_is_told_once() -> None:
    """By pyproject.toml; the newest entry of the changelog is of it, which a build holds to."""
    assert re.search(r"^## (\S+) \(", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == PROJECT["version"]  # type: ignore[index]
    assert not [path for room in ROOMS for path in (ROOT / room).rglob("*.py")
                if re.search(r"^__version__\s*=", path.read_text(), re.MULTILINE)]
