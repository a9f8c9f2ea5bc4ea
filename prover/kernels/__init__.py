"""Fast arithmetic for Groth16 over BN254: kernels written for Numba, with wide arithmetic emitted as LLVM IR.

How they are compiled, kept and called is the business of `primitives.native`. From the bottom up: `processor` picks an
arithmetic, `field` says how elements lie in memory, `emitter` writes instructions, `lanes` (on `columns`) and `single`
are the two arithmetics, `coordinates` and `curve` the formulas of G1 and G2. On these stand multi-scalar multiplication
(`additions`, `inversion`, `buckets`; `endomorphism`, `digits`; `windows`, `few`, `msm`), fixed-base multiples
(`multiples`), sparse matrices times points (`combinations`) and scalars (`sparse`), transforms (`factors`, `twiddles`,
`ntt`) and pairings (`tower`, `steps`, `program`, `pairing`, `scaling`, `verification`).
"""

from __future__ import annotations

from .backend import KernelBackend, memory_held, release_memory
from .warm import is_warm, warm

__all__ = ["KernelBackend", "is_warm", "memory_held", "release_memory", "warm"]
