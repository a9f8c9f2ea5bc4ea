"""What all provers are given: a circuit, its key and its witness in iden3's formats, made once and kept.

Chains and our own statements are built by us and set up in one step. `es1000` takes a circom user's way: compiled by
circom, its witness made by circom's program, its key from a `.ptau` with a contribution.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import ROOT, SNARKJS, command
from primitives.field import MODULUS, FieldArray
from primitives.r1cs import R1CS
from prover import ProvingKey, setup
from prover.files.r1cs import read_r1cs, write_r1cs
from prover.files.snarkjs import write_verification_key
from prover.files.wtns import read_wtns, write_wtns
from prover.files.zkey import write_zkey

CIRCOM = ROOT / "node_modules" / "circom2"
SCENARIOS, COUNTED = 1000, 25


def make_files(name: str, out: Path) -> Path:
    """The folder with c.r1cs, w.wtns, k.zkey and key.json; made anew if what they are made from has changed."""
    folder = out / "circuits" / name
    folder.mkdir(parents=True, exist_ok=True)
    if name == "es1000":
        _keep(folder, _source_of_circom(), lambda: _from_circom(folder))
    else:
        system, witness = _built(name)
        _keep(folder, system.digest(), lambda: _from_builder(folder, system, witness))
    return folder


def _keep(folder: Path, source: str, make: Callable[[], None]) -> None:
    """Make the files unless they are there, and from this source."""
    stamp = folder / "source"
    if stamp.exists() and stamp.read_text() == source:
        return
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(source)


def _write(folder: Path, system: R1CS, witness: FieldArray, key: ProvingKey) -> None:
    assert not len(system.broken(witness))
    write_zkey(folder / "k.zkey", key)
    write_verification_key(folder / "key.json", key.verification_key)


# -- built by us ---------------------------------------------------------------------------------------------------
def _built(name: str) -> tuple[R1CS, FieldArray]:
    """A chain, or a statement on the first of the fixtures' portfolios."""
    if name.startswith("chain"):
        from benchmarks.circuits import chain
        return chain(int(name.removeprefix("chain")))
    from benchmarks.statements import instances
    from circuits import statements
    system = statements.get(name).build()
    return system.r1cs(), system.witness(next(instances(name)).inputs)


def _from_builder(folder: Path, system: R1CS, witness: FieldArray) -> None:
    write_r1cs(folder / "c.r1cs", system)
    write_wtns(folder / "w.wtns", witness)
    _write(folder, system, witness, setup(system))


# -- by circom -----------------------------------------------------------------------------------------------------
def _source_of_circom() -> str:
    source = (Path(__file__).parent / "circom" / "es1000.circom").read_bytes()
    return hashlib.sha256(source + (CIRCOM / "package.json").read_bytes()).hexdigest()


def _from_circom(folder: Path) -> None:
    from prover.ceremony.phase2 import contribute, initial_key
    from prover.files.ptau import read_ptau
    command("node", CIRCOM / "cli.js", Path(__file__).parent / "circom" / "es1000.circom", "--r1cs", "--wasm", "--O2",
            "-l", (ROOT / "node_modules").resolve(), "-o", folder.resolve())
    (folder / "es1000.r1cs").rename(folder / "c.r1cs")
    (folder / "in.json").write_text(json.dumps(_losses()))
    command(*SNARKJS, "wtns", "calculate", *(folder.resolve() / file for file in (
        "es1000_js/es1000.wasm", "in.json", "w.wtns")))
    system = read_r1cs(folder / "c.r1cs")
    key = contribute(initial_key(system, read_ptau(powers_for(system, folder))), "benchmark")
    _write(folder, system, read_wtns(folder / "w.wtns"), key)


def _losses() -> dict[str, object]:
    """Losses drawn from ±10**15, and which of them count."""
    rng = random.Random(SCENARIOS)
    losses = [rng.randrange(-10**15, 10**15) for _ in range(SCENARIOS)]
    order = sorted(range(SCENARIOS), key=lambda s: -losses[s])
    counted = set(order[:COUNTED])
    return {"loss": [str(loss % MODULUS) for loss in losses], "flag": [int(s in counted) for s in range(SCENARIOS)],
            "threshold": str(losses[order[COUNTED - 1]] % MODULUS)}


def powers_for(system: R1CS, folder: Path) -> Path:
    """Powers of tau for a circuit; of one power more than its domain has, as snarkjs reads them."""
    from benchmarks.powers import write_powers
    power = system.domain + 1
    path = folder / f"{power}.ptau"
    if not path.exists():
        write_powers(path, power)
    return path
