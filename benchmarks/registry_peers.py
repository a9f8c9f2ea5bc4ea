"""Provers that package registries have: snarkrs from crates.io, groth16py and groth16-zorch from PyPI.

Each is installed apart from us, once, and called: groth16py is under the GPL, and nothing of it is copied. What does
not install, does not run or makes a proof that does not verify is named in the notes, and its time is not shown.
Versions are pinned, so that a ratio says what it is a ratio of.
"""

from __future__ import annotations

import csv
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import ROOT

PEERS = Path(__file__).parent / "peers" / "python"
SNARKRS = "0.1.0"
INSTALL_SECONDS, PROVE_SECONDS = 1800, 900


class Found(NamedTuple):
    """A median proof in seconds, and the files of one that it made."""

    seconds: float
    proof: Path
    public: Path


class Failed(Exception):
    """A peer is not to be had here; says why."""


@dataclass(frozen=True)
class Peer:
    """A prover that a registry has.

    Attributes
    ----------
    install : into a folder; raises Failed.
    prove : a circuit's folder so many times, by what lies in the first folder; raises Failed.
    circuits : that it is given.
    """

    name: str
    install: Callable[[Path], None]
    prove: Callable[[Path, Path, int], Found]
    circuits: tuple[str, ...] = ("chain14", "chain16", "es1000")


def _called(*words: str | Path, seconds: float) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{Path(words[0]).name}: {type(error).__name__}") from None
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.strip()]
        raise Failed(f"{Path(words[0]).name} ends with {done.returncode}: {(told or ['without a word'])[-1][:160]}")
    return done.stdout


# -- from PyPI -----------------------------------------------------------------------------------------------------
def _python(*requirements: str) -> Callable[[Path], None]:
    def install(home: Path) -> None:
        _called(sys.executable, "-m", "venv", home, seconds=INSTALL_SECONDS)
        _called(home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                "--only-binary", ":all:", *requirements, seconds=INSTALL_SECONDS)
    return install


def _by_script(name: str) -> Callable[[Path, Path, int], Found]:
    def prove(home: Path, circuit: Path, repeat: int) -> Found:
        proof = circuit / f"{name}_proof.json"
        proof.unlink(missing_ok=True)
        shown = _called(home / "bin" / "python", PEERS / f"{name}_prove.py", circuit / "k.zkey", circuit / "w.wtns",
                        proof, str(repeat), seconds=PROVE_SECONDS)
        return Found(json.loads(shown.strip().splitlines()[-1])["prove"], proof, _public(circuit))
    return prove


def _public(circuit: Path) -> Path:
    """The public inputs of a witness, as snarkjs writes them."""
    from primitives import field
    from prover.files.wtns import read_wtns
    from prover.files.zkey import read_zkey
    path = circuit / "public.json"
    values = field.decode(read_wtns(circuit / "w.wtns")[1:read_zkey(circuit / "k.zkey").public + 1])
    path.write_text(json.dumps([str(value) for value in values]))
    return path


# -- from crates.io ------------------------------------------------------------------------------------------------
def _cargo(home: Path) -> None:
    cargo = shutil.which("cargo")
    if cargo is None:
        raise Failed("cargo is not installed")
    _called(cargo, "install", "snarkrs", "--version", SNARKRS, "--locked", "--no-default-features", "--features", "cpu",
            "--root", home, seconds=INSTALL_SECONDS)


def _snarkrs(home: Path, circuit: Path, repeat: int) -> Found:
    """Its own clock for a loaded key (`bench --mode warm`), and a proof by its command."""
    binary, proof = home / "bin" / "snarkrs", circuit / "snarkrs_proof.json"
    files = circuit / "snarkrs" / circuit.name
    files.mkdir(parents=True, exist_ok=True)
    for source, name in ((circuit / "k.zkey", "circuit.zkey"), (circuit / "w.wtns", "circuit.wtns"),
                         (circuit / "key.json", "vkey.json"), (_public(circuit), "public.json")):
        (files / name).unlink(missing_ok=True)
        (files / name).symlink_to(source.resolve())
    table = circuit / "snarkrs" / "times.csv"
    table.unlink(missing_ok=True)
    _called(binary, "bench", "--artifacts", files.parent, "--reps", str(repeat), "--mode", "warm", "--backend", "cpu",
            "--csv", table, seconds=PROVE_SECONDS)
    made = circuit / "snarkrs_public.json"
    for path in (proof, made):
        path.unlink(missing_ok=True)
    _called(binary, "groth16", "prove", circuit / "k.zkey", circuit / "w.wtns", proof, made, seconds=PROVE_SECONDS)
    return Found(_median(table), proof, made)


def _median(table: Path) -> float:
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return statistics.median(float(row["ms"]) for row in rows) / 1000


ALL = (
    Peer("snarkrs", _cargo, _snarkrs),
    Peer("groth16py", _python("groth16py==0.2.0"), _by_script("groth16py")),
    # frx 0.10.2 aborts in its compiler on every proof of this version. It is made for GPUs: on two cores the least
    # circuit takes it some hundred times as long as us.
    Peer("groth16-zorch", _python("groth16-zorch==0.1.2", "frx==0.10.1", "frxlib==0.10.1"), _by_script("zorch"),
         ("chain14",)),
)


def install(peer: Peer, out: Path) -> Path:
    """Where a peer lies, installed if it was not; raises Failed."""
    home = out.resolve() / "peers" / peer.name
    stamp = home / "installed"
    if not stamp.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        peer.install(home)
        stamp.touch()
    return home
