"""Small constraint systems with their witnesses and keys."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from outside_snarkjs import snarkjs

import prover
from primitives import field
from primitives.r1cs import R1CS, SparseMatrix
from prover.curve import ORDER


@dataclass(frozen=True)
class Instance:
    """A system, a witness for it, and its public inputs as integers."""

    r1cs: R1CS
    witness: field.FieldArray

    @property
    def public(self) -> list[int]:
        return field.decode(self.witness[1:self.r1cs.public + 1])


def system(a, b, c, wires, public):
    """An R1CS from rows of {wire: coefficient}."""
    numbers: dict[int, int] = {}

    def matrix(rows):
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
        ids = [numbers.setdefault(value % ORDER, len(numbers)) for row in rows for value in row.values()]
        return SparseMatrix(starts, np.array([wire for row in rows for wire in row], np.int32), np.array(ids, np.int32))

    matrices = [matrix(rows) for rows in (a, b, c)]
    return R1CS(*matrices, field.encode(list(numbers) or [1]), wires, public)


def random_instance(seed, rows, public=2, inputs=2):
    """Every row multiplies two random linear forms of earlier wires into a new wire; bits and extremes among inputs."""
    rng = random.Random(seed)
    values = [1, *(rng.choice([0, 1, ORDER - 1, rng.randrange(ORDER)]) for _ in range(public + inputs))]
    a, b, c = [], [], []

    def form():
        wires = rng.sample(range(len(values)), min(len(values), rng.randrange(1, 4)))
        return {wire: rng.choice([1, -1, 2, rng.randrange(1, ORDER)]) for wire in sorted(wires)}

    def value(row):
        return sum(k * values[wire] for wire, k in row.items()) % ORDER

    for _ in range(rows):
        left, right = form(), form()
        product = value(left) * value(right) % ORDER
        a, b, c = [*a, left], [*b, right], [*c, {len(values): 1}]
        values.append(product)
    return Instance(system(a, b, c, len(values), public), field.encode(values))


@pytest.fixture(scope="session")
def backend():
    """The backend that tests use where the backend is not what they test."""
    return "kernels"


@pytest.fixture(scope="session")
def make_system():
    return system


@pytest.fixture(scope="session")
def make_instance():
    return random_instance


@pytest.fixture(scope="session")
def cubic():
    """y = x**3 + x + 5, y public: x = 3."""
    r1cs = system([{2: 1}, {3: 1}, {0: 5, 2: 1, 4: 1}], [{2: 1}, {2: 1}, {0: 1}], [{3: 1}, {4: 1}, {1: 1}], 5, 1)
    return Instance(r1cs, field.encode([1, 35, 3, 9, 27]))


@pytest.fixture(scope="session")
def cubic_key(cubic, backend):
    return prover.setup(cubic.r1cs, backend=backend)


@pytest.fixture(scope="session")
def cubic_proof(cubic, cubic_key, backend):
    return prover.prove(cubic_key, cubic.witness, backend=backend)


# -- circom and snarkjs, as users run them -------------------------------------------------------------------------
ROOT = Path(__file__).parents[2]
CIRCUIT = """
pragma circom 2.0.0;
template Example(rounds) {
    signal input x; signal input k; signal output y; signal output z;
    signal p[rounds + 1];
    p[0] <== x * x;
    for (var i = 0; i < rounds; i++) p[i + 1] <== p[i] * (p[i] - 3 * k) + 5;
    y <== p[rounds];
    signal b[4];
    var sum = 0;
    for (var i = 0; i < 4; i++) { b[i] <-- (k >> i) & 1; b[i] * (b[i] - 1) === 0; sum += b[i] * (1 << i); }
    sum === k;
    z <== p[1] * k;
}
component main {public [k]} = Example(3);
"""


def _node(script, *arguments, folder):
    return subprocess.run(["node", ROOT / script, *map(str, arguments)], cwd=folder, capture_output=True, text=True,
                          timeout=300)


class Snarkjs:
    """The outside tool, in one folder."""

    def __init__(self, folder):
        self.folder = folder

    def accepts(self, *arguments):
        """Whether a command that checks exits with 0."""
        done = snarkjs(*arguments, folder=self.folder)
        assert done.code or done.said, "snarkjs gave no answer"
        return done.code == 0

    def compile(self, source):
        """Have circom compile a source in the folder, as it does by default, without a calculator of witnesses."""
        done = _node("node_modules/circom2/cli.js", source, "--r1cs", "-o", ".", folder=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, *arguments):
        """Run a command that must succeed; its output."""
        done = snarkjs(*arguments, folder=self.folder)
        assert done.code == 0, done.said
        return done.said


@pytest.fixture(scope="session")
def circom(tmp_path_factory):
    """Snarkjs in a folder with c.circom, c.r1cs, c_js/c.wasm, in.json, c.wtns; public are y, z, k."""
    folder = tmp_path_factory.mktemp("circom")
    (folder / "c.circom").write_text(CIRCUIT)
    (folder / "in.json").write_text('{"x": "3", "k": "5"}')
    compiled = _node("node_modules/circom2/cli.js", "c.circom", "--r1cs", "--wasm", "-o", ".", folder=folder)
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    tool = Snarkjs(folder)
    tool.run("wtns", "calculate", "c_js/c.wasm", "in.json", "c.wtns")
    return tool


@pytest.fixture(scope="session")
def ceremony(circom):
    """The same folder with a phase 1 of three (1.ptau, 2.ptau, 3.ptau; final.ptau prepared) and a phase 2 of two
    (0.zkey, 1.zkey, 2.zkey, the last by beacon), all made by snarkjs.
    """
    for arguments in (
            "powersoftau new bn128 4 0.ptau", "powersoftau contribute 0.ptau 1.ptau --name=alice -e=1",
            "powersoftau contribute 1.ptau 2.ptau -e=2", "powersoftau beacon 2.ptau 3.ptau 0a0b0c 10 -n=beacon",
            "powersoftau prepare phase2 3.ptau final.ptau", "groth16 setup c.r1cs final.ptau 0.zkey",
            "zkey contribute 0.zkey 1.zkey --name=bob -e=3", "zkey beacon 1.zkey 2.zkey 0d0e 10 -n=last"):
        circom.run(*arguments.split())
    return circom
