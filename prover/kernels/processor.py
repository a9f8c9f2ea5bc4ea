"""Which of the two arithmetics this process uses: eight lanes of AVX-512 IFMA, or 64 x 64 -> 128 bit products.

The choice follows the processor that *Numba compiles for*, which the user may have narrowed (NUMBA_CPU_NAME,
NUMBA_CPU_FEATURES): LLVM ends the process when it meets an IFMA instruction that its target lacks.
"""

from __future__ import annotations

import os

from llvmlite.binding import get_host_cpu_features

NEEDED = ("avx512f", "avx512ifma")
NARROWING = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX")


def _has_ifma() -> bool:
    present = get_host_cpu_features()
    if not all(present.get(feature, False) for feature in NEEDED):
        return False
    if not any(name in os.environ for name in NARROWING):
        return True                                # Numba compiles for all that the processor has
    from numba.core.registry import cpu_target
    targeted = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    return all(f"+{feature}" in targeted for feature in NEEDED)


PORTABLE = bool(os.environ.get("TAILPROOF_FORCE_PORTABLE")) or not _has_ifma()
"""True: no IFMA instruction may be emitted. TAILPROOF_FORCE_PORTABLE=1 forces it, to test that path anywhere."""
