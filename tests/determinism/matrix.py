"""The same epochs under every setting that could change a bit: one digest each, pinned.

    python -m determinism.matrix            all settings (`make determinism`); 1 if a digest differs
    python -m determinism.matrix --pin      writes what this machine finds to golden.json, after a change that is meant

Settings: NumPy's kernels for AVX-512 off, those for AVX2 and FMA as well, or all that are chosen at run time; one or
two threads; OpenBLAS's kernels for Haswell; machine code for a processor without any extension; the oldest and the
newest NumPy that Numba takes, each in a virtual environment under out/determinism. A setting that the processor cannot
tell from another (no AVX-512 to switch off) is run all the same.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PINNED = Path(__file__).parent / "golden.json"
ENVIRONMENTS = ROOT / "out" / "determinism"
OLDEST = "numpy==1.25.0"
"""The first that has all this project calls, on the oldest Python it runs on; Numba takes it."""
NEEDED = ("numba", "eth-hash[pycryptodome]")
Setting = Mapping[str, str]


def numpy_settings() -> dict[str, str]:
    """Names of settings -> what NPY_DISABLE_CPU_FEATURES then is: kernels that NumPy would choose on this processor."""
    code = ("from numpy._core import _multiarray_umath as m\n"
            "print(*(f for f in m.__cpu_dispatch__ if m.__cpu_features__.get(f)))")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    wide = [f for f in found if f.startswith("AVX512") or f == "X86_V4"]
    fused = [f for f in found if f in wide or f in ("AVX2", "FMA3", "X86_V3")]
    return {"all features": "", "no AVX-512": " ".join(wide), "no AVX2, no FMA": " ".join(fused),
            "no dispatch": " ".join(found)}


def short() -> dict[str, Setting]:
    """What every test run checks: the two ends of the matrix."""
    features = numpy_settings()
    return {"no dispatch, 1 thread, Haswell": {
                "NPY_DISABLE_CPU_FEATURES": features["no dispatch"], "TAILPROOF_THREADS": "1",
                "OPENBLAS_CORETYPE": "Haswell"},
            "all features, 3 threads": {"TAILPROOF_THREADS": "3"}}


def full() -> Iterator[tuple[str, str, Setting]]:
    """Name, Python and environment of each setting."""
    features = numpy_settings()
    for (name, disabled), count, kernel in itertools.product(features.items(), ("1", "2"), ("", "Haswell")):
        yield f"{name}, {count} threads, BLAS {kernel or 'default'}", sys.executable, {
            "NPY_DISABLE_CPU_FEATURES": disabled, "TAILPROOF_THREADS": count, "OPENBLAS_CORETYPE": kernel}
    yield "machine code for any processor", sys.executable, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    for name, wanted in (("oldest", OLDEST), ("newest", "numpy")):
        yield f"NumPy {name}", str(environment(name, wanted)), {}


def environment(name: str, wanted: str) -> Path:
    """Python of a virtual environment with a NumPy of choice, and what else the golden epochs import."""
    place = ENVIRONMENTS / name
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (place / "installed").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted, *NEEDED],
                       check=True)
        (place / "installed").touch()
    return python


def found(setting: Setting, python: str = sys.executable) -> dict[str, str]:
    """The digests in a process of its own. Empty values are not set."""
    settings = {name: value for name, value in setting.items() if value}
    base = {name: value for name, value in os.environ.items() if name not in setting}
    done = subprocess.run([python, "-W", "ignore", "-m", "determinism.golden"], capture_output=True, text=True,
                          env=base | settings | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))})
    if done.returncode:
        raise RuntimeError(f"{dict(settings)}: {done.stderr}")
    digests: dict[str, str] = json.loads(done.stdout)
    return digests


def pinned() -> dict[str, str]:
    """The digests that every machine must find."""
    digests: dict[str, str] = json.loads(PINNED.read_text())
    return digests


def differing(digests: Mapping[str, str]) -> list[str]:
    """Names of golden epochs that are not as pinned, or missing on either side."""
    wanted = pinned()
    return sorted(name for name in {*wanted, *digests} if wanted.get(name) != digests.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description="Golden epochs under every setting.")
    parser.add_argument("--pin", action="store_true", help="write what this machine finds to golden.json")
    if parser.parse_args().pin:
        PINNED.write_text(json.dumps(found({}), indent=1) + "\n")
        return 0
    wrong = 0
    for name, python, setting in full():
        differs = differing(found(setting, python))
        wrong += bool(differs)
        print(f"{name}: {'differs: ' + ', '.join(differs) if differs else 'as pinned'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
