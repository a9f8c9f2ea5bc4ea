"""Fast arithmetic for Groth16 over BN254: kernels in Numba, with wide arithmetic emitted as LLVM IR.

From the bottom up: `processor` picks an arithmetic, `field` says how elements lie in memory, `emitter` writes
instructions, `lanes` and `single` are the two arithmetics, `coordinates` and `curve` the formulas of G1 and G2. On
these stand multi-scalar multiplication (`additions`, `endomorphism`, `digits`, `buckets`, `windows`, `msm`), fixed-base
multiples (`multiples`), transforms (`ntt`) and pairings (`tower`, `steps`, `program`, `pairing`).
"""

from __future__ import annotations

from .backend import KernelBackend
from .warm import warm

__all__ = ["KernelBackend", "warm"]
