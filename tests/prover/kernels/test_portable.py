"""The path without IFMA, in processes of their own: the choice is made once, on import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def run(*arguments: str, **settings: str) -> None:
    done = subprocess.run([sys.executable, *arguments], env={**os.environ, **settings}, cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.skipif(PORTABLE, reason="this is the portable path already")
def test_everything_again_without_ifma() -> None:
    files = [str(HERE / f"test_{name}.py") for name in ("columns", "elements", "factors", "inversion", "msm", "ntt")]
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", *files, TAILPROOF_FORCE_PORTABLE="1")


def test_a_target_that_numba_was_told_to_narrow_gets_no_ifma() -> None:
    run("-c", CHECK, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
