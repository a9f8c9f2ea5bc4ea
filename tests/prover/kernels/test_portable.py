"""The path without IFMA, in processes of their own: the choice is made once, on import.

All tests of kernels there are run on it, but for the reference's, which has no paths; those of what has no path of its
own in `make test-all`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import prover
from prover.files.wtns import write_wtns
from prover.files.zkey import read_zkey, write_zkey
from prover.kernels.processor import PORTABLE

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CHECK = """
from primitives import field
from prover.curve import G1_GROUP, ORDER
from prover.kernels import KernelBackend
from prover.kernels.processor import PORTABLE
from prover.points import encode_g1
assert PORTABLE
backend, points = KernelBackend(), [G1_GROUP.multiply(G1_GROUP.generator, k) for k in range(2, 11)]
assert backend.msm_g1(backend.prepare_g1(encode_g1(points)), field.encode(range(-9, 0))) \\
    == G1_GROUP.multiply(G1_GROUP.generator, -sum(k * (11 - k) for k in range(2, 11)))
assert (backend.ntt(backend.ntt(field.encode(range(64))), inverse=True) == field.encode(range(64))).all()
"""


def run(*arguments: str, **settings: str) -> str:
    """What a Python process prints, which must succeed."""
    done = subprocess.run([sys.executable, *arguments], env={**os.environ, **settings}, cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.strip()


@pytest.mark.skipif(PORTABLE, reason="this is the portable path already")
@pytest.mark.parametrize("names", [
    pytest.param(("columns", "elements", "factors", "inversion"), id="what has two paths"),
    pytest.param(("msm", "ntt", "pairing", "verification", "../test_vectors"), id="what is built on it",
                 marks=pytest.mark.slow)])
def test_everything_again_without_ifma(names: tuple[str, ...]) -> None:
    """Whether that comes together is also seen below, by whole proofs."""
    files = [str(HERE / (f"{name}.py" if "/" in name else f"test_{name}.py")) for name in names]
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k",
        "not reference and not without_ifma and not other_processors", *files, TAILPROOF_FORCE_PORTABLE="1")


def test_a_target_that_numba_was_told_to_narrow_gets_no_ifma() -> None:
    run("-c", CHECK, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")


PROVE = """
import sys
import prover
from prover.files.wtns import read_wtns
from prover.files.zkey import read_zkey
from prover.kernels.processor import PORTABLE
assert PORTABLE
print(prover.prove(read_zkey(sys.argv[1]), read_wtns(sys.argv[2]), blinding=(5, 7)))
"""


def test_a_proof_is_the_same_on_both_paths_with_one_thread_and_two(make_instance, tmp_path, monkeypatch) -> None:
    """All of `prove`, at a size of which threads get parts; `test_groth16` compares with the reference."""
    case = make_instance(5, 5000)
    write_zkey(tmp_path / "k.zkey", prover.setup(case.r1cs))
    write_wtns(tmp_path / "w.wtns", case.witness)
    proofs = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("TAILPROOF_THREADS", threads)
        proofs.add(repr(prover.prove(read_zkey(tmp_path / "k.zkey"), case.witness, blinding=(5, 7))))
        proofs.add(run("-c", PROVE, str(tmp_path / "k.zkey"), str(tmp_path / "w.wtns"), TAILPROOF_FORCE_PORTABLE="1"))
    assert len(proofs) == 1
