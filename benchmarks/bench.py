"""`make bench`: our prover beside its peers, in one process tree and one run; ratios, JSON and a picture.

    python -m benchmarks.bench [--quick | --skip-setup] [--out out/bench]

Peers are called, not copied: snarkjs from npm; gnark through a small Go program, if `go` is there; rapidsnark, if
RAPIDSNARK names its binary. Where it does not, rapidsnark's time is taken as in-process snarkjs divided by the factor
that was measured between the two on one machine, and the table says so.

These machines are noisy: every number is a median, and what travels is the ratio of two medians of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).parent / "peers"
RAPIDSNARK_FACTOR = {"es1000": 5.2, "es256": 5.2, "chain14": 5.1, "chain16": 5.1, "chain17": 5.1, "chain18": 5.1}
"""In-process snarkjs over rapidsnark, both on two threads, measured on one machine with AVX-512 (2026-11-21)."""
RAPIDSNARK_BYTES = {"es1000": 211e6}
"""Its peak memory, measured with the factors."""
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""For our commands: Python's own cache of bytecode is part of any installation."""


@dataclass
class Run:
    """Everything measured, in seconds and bytes, by (what, who)."""

    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, what: str, who: str, value: float) -> None:
        self.seconds.setdefault(what, {})[who] = value
        print(f"  {what:34} {who:28} {value:.6g}", file=sys.stderr, flush=True)

    def ratio(self, what: str, peer: str) -> float | None:
        found = self.seconds.get(what, {})
        return found["tailproof"] / found[peer] if "tailproof" in found and peer in found else None


def median(repeat: int, action: Callable[[], Any]) -> float:
    """Median wall time of `repeat` calls, after one that does not count."""
    action()
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def make_files(name: str, out: Path) -> Path:
    """The circuit's key, witness and constraint system in iden3's formats, kept between runs."""
    from benchmarks import circuits
    from prover import setup
    from prover.files.r1cs import write_r1cs
    from prover.files.snarkjs import write_verification_key
    from prover.files.wtns import write_wtns
    from prover.files.zkey import write_zkey
    folder = out / "circuits" / name
    if (folder / "key.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    make = circuits.chain if name.startswith("chain") else circuits.expected_shortfall
    system, witness = make(int(name.lstrip("chaines")))
    assert not len(system.broken(witness))
    key = setup(system)
    write_r1cs(folder / "c.r1cs", system)
    write_wtns(folder / "w.wtns", witness)
    write_zkey(folder / "k.zkey", key)
    write_verification_key(folder / "key.json", key.verification_key)
    return folder


# -- ours ----------------------------------------------------------------------------------------------------------
PEAK = """
import sys
from primitives import field
from prover import prove
from prover.files.wtns import read_wtns
from prover.files.zkey import read_zkey
from prover.kernels import warm
def status(name):
    return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
warm()
before = status("VmRSS")
open("/proc/self/clear_refs", "w").write("5")          # forget the peak of compiling
prove(read_zkey(sys.argv[1]), read_wtns(sys.argv[2]))
print(status("VmHWM") - before, before)
"""
PROVE = """
import sys
from benchmarks.bench import median
from prover import prove
from prover.files.wtns import read_wtns
from prover.files.zkey import read_zkey
key, witness = read_zkey(sys.argv[1]), read_wtns(sys.argv[2])
print(median(int(sys.argv[3]), lambda: prove(key, witness)))
"""
COMPILE = """
import json
from prover.kernels import warm
print(json.dumps(warm()))
"""


def ours(run: Run, name: str, folder: Path, repeat: int) -> None:
    from prover import prove
    from prover.files.wtns import read_wtns
    from prover.files.zkey import read_zkey
    key, witness = read_zkey(folder / "k.zkey"), read_wtns(folder / "w.wtns")
    run.put(f"prove {name}", "tailproof", median(repeat, lambda: prove(key, witness)))
    command = [sys.executable, "-m", "tailproof", "groth16", "prove",
               *(str(folder / file) for file in ("k.zkey", "w.wtns", "proof.json", "public.json"))]
    run.put(f"prove {name}, whole command", "tailproof", median(repeat, lambda: subprocess.run(
        command, check=True, capture_output=True, cwd=ROOT, env=ENVIRONMENT)))
    files = (str(folder / "k.zkey"), str(folder / "w.wtns"))
    run.put(f"peak memory {name}", "tailproof", float(apart(PEAK, *files)[0]))
    if name in RAPIDSNARK_BYTES:
        run.put(f"peak memory {name}", "rapidsnark (stand-in)", RAPIDSNARK_BYTES[name])
    if not os.environ.get("TAILPROOF_FORCE_PORTABLE"):
        spent = apart(PROVE, *files, str(repeat), TAILPROOF_FORCE_PORTABLE="1")
        run.put(f"prove {name}, without IFMA", "tailproof", float(spent[0]))


def apart(program: str, *arguments: str, **settings: str) -> list[str]:
    """What a program prints that runs in a process of its own."""
    return subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True,
                          cwd=ROOT, env={**ENVIRONMENT, **settings}).stdout.split()


def compiling(run: Run) -> None:
    """The first compilation ever, with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        spent = json.loads(" ".join(apart(COMPILE, NUMBA_CACHE_DIR=folder)))
    verifying = spent.pop("verification")
    del spent["ceremonies"]                    # neither proves nor verifies
    run.put("compile verify kernels", "tailproof", verifying)
    run.put("compile prove kernels", "tailproof", sum(spent.values()))


def kernels(run: Run, sizes: list[int], repeat: int) -> None:
    import numpy as np

    from prover.curve import G1_GROUP, G2_GROUP
    from prover.kernels import KernelBackend
    from prover.kernels.ntt import borrow_blocks, transform, twist_of
    backend, rng = KernelBackend(), np.random.default_rng(1)

    def scalars(n: int) -> Any:
        words = rng.integers(0, 2**63, (n, 4), np.uint64)
        words[:, 3] >>= np.uint64(4)                  # below r
        return words
    for log in sizes:
        values = scalars(1 << log)
        g1 = backend.prepare_g1(backend.multiples_g1(G1_GROUP.generator, values))
        run.put(f"g1 msm {log}", "tailproof", median(repeat, lambda: backend.msm_g1(g1, values)))     # noqa: B023
        if log <= 17:
            g2 = backend.prepare_g2(backend.multiples_g2(G2_GROUP.generator, values))
            run.put(f"g2 msm {log}", "tailproof", median(repeat, lambda: backend.msm_g2(g2, values)))  # noqa: B023
        run.put(f"ntt {log}, natural order", "tailproof", median(4 * repeat, lambda: backend.ntt(values)))  # noqa: B023
        # As gnark's: in place, and the result in another order. From the second run on the input is an output, perhaps
        # beyond what inputs must keep to; time does not depend on values.
        with borrow_blocks(log) as blocks:
            run.put(f"ntt {log}", "tailproof", median(4 * repeat, lambda: transform(
                log, [blocks], out_by=twist_of(log, 1, True))))                                        # noqa: B023


def verification(run: Run, folder: Path, repeat: int) -> None:
    from primitives import field as scalars
    from prover import prove, verify
    from prover.files.snarkjs import read_verification_key
    from prover.files.wtns import read_wtns
    from prover.files.zkey import read_zkey
    from prover.groth16.verify import verify_batch
    key, witness = read_zkey(folder / "k.zkey"), read_wtns(folder / "w.wtns")
    proofs = [prove(key, witness) for _ in range(8)] * 32
    public = scalars.decode(witness[1:key.public + 1])
    short = read_verification_key(folder / "key.json")
    run.put("verify", "tailproof", median(50 * repeat, lambda: verify(short, public, proofs[0])))
    run.put("verify, each of 256", "tailproof", median(repeat, lambda: verify_batch(
        short, [public] * 256, proofs)) / 256)


def setup_from_powers(run: Run, folder: Path, name: str, *, theirs: bool) -> None:
    """`groth16 setup` from a `.ptau`; snarkjs takes minutes for it."""
    from benchmarks.powers import write_powers
    from prover.ceremony.phase2 import initial_key
    from prover.files.ptau import read_ptau
    from prover.files.r1cs import read_r1cs
    system = read_r1cs(folder / "c.r1cs")
    power = system.domain + 1                     # snarkjs reads one power of tau beyond the domain's
    powers = folder / f"{power}.ptau"
    if not powers.exists():
        write_powers(powers, power)
    run.put(f"setup {name}", "tailproof", median(1, lambda: initial_key(system, read_ptau(powers))))
    if theirs:
        begin = time.perf_counter()
        subprocess.run(["node", str(ROOT / "node_modules/snarkjs/build/cli.cjs"), "groth16", "setup",
                        *(str(folder / file) for file in ("c.r1cs", powers.name, "theirs.zkey"))], check=True,
                       capture_output=True)
        run.put(f"setup {name}", "snarkjs", time.perf_counter() - begin)


# -- peers ---------------------------------------------------------------------------------------------------------
def snarkjs(run: Run, name: str, folder: Path, repeat: int) -> None:
    files = [str(folder / file) for file in ("k.zkey", "w.wtns")]
    shown = subprocess.run(["node", str(PEERS / "snarkjs.mjs"), *files, str(repeat)], check=True, capture_output=True,
                           text=True, cwd=ROOT).stdout
    found = json.loads(shown.strip().splitlines()[-1])
    run.put(f"prove {name}", "snarkjs in process", found["prove"])
    run.put("verify", "snarkjs in process", found["verify"])
    run.put(f"prove {name}", "rapidsnark (stand-in)", found["prove"] / RAPIDSNARK_FACTOR[name])
    for kind in ("whole command", "without IFMA"):
        run.put(f"prove {name}, {kind}", "rapidsnark (stand-in)", found["prove"] / RAPIDSNARK_FACTOR[name])
    command = ["node", str(ROOT / "node_modules/snarkjs/build/cli.cjs"), "groth16", "prove", *files,
               str(folder / "their_proof.json"), str(folder / "their_public.json")]
    run.put(f"prove {name}, whole command", "snarkjs", median(1, lambda: subprocess.run(
        command, check=True, capture_output=True)))


def rapidsnark(run: Run, name: str, folder: Path, repeat: int, binary: str) -> None:
    command = [binary, *(str(folder / file) for file in ("k.zkey", "w.wtns", "their_proof.json", "their_public.json"))]
    spent = median(repeat, lambda: subprocess.run(command, check=True, capture_output=True))
    run.put(f"prove {name}", "rapidsnark", spent)
    for kind in ("whole command", "without IFMA"):
        run.put(f"prove {name}, {kind}", "rapidsnark", spent)


def gnark(run: Run, chains: list[int], sizes: list[int], repeat: int) -> None:
    arguments = ["-chains", ",".join(map(str, chains)), "-msm", ",".join(map(str, sizes)), "-repeat", str(repeat)]
    shown = subprocess.run(["go", "run", ".", *arguments], check=True, capture_output=True, text=True,
                           cwd=PEERS / "gnark").stdout
    for what, value in json.loads(shown.strip().splitlines()[-1]).items():
        run.put(what, "gnark", value)


# -- the table -----------------------------------------------------------------------------------------------------
def machine() -> dict[str, Any]:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    flags = next((line.split(":")[1].split() for line in text.splitlines() if line.startswith("flags")), [])
    model = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "?")
    telling = [flag for flag in flags if flag.startswith(("avx", "adx", "bmi2", "fma"))]
    return {"cpu": model, "cores": os.cpu_count(), "ifma": "avx512ifma" in flags, "flags": " ".join(telling),
            "portable forced": bool(os.environ.get("TAILPROOF_FORCE_PORTABLE")), "python": sys.version.split()[0]}


GOAL = "15 seconds"
GOALS: list[tuple[str, str, float]] = [
    ("prove es1000", "rapidsnark", 1 / 8), ("prove es1000, whole command", "rapidsnark", 1 / 2),
    ("prove chain16", "gnark", 1 / 4), ("prove chain16, whole command", "snarkjs", 1 / 15),
    ("g1 msm 18", "gnark", 1 / 4), ("g2 msm 16", "gnark", 1 / 4), ("ntt 18", "gnark", 3 / 10),
    ("peak memory es1000", "rapidsnark", 2), ("verify", "gnark", 1 / 2), ("verify, each of 256", "gnark", 1 / 15),
    ("setup es1000", "snarkjs", 1 / 20), ("prove es1000, without IFMA", "rapidsnark", 1),
    ("compile prove kernels", GOAL, 1), ("compile verify kernels", GOAL, 1)]


def table(run: Run) -> list[dict[str, Any]]:
    """Each goal with what was found; rapidsnark's stand-in takes its place where it was not at hand."""
    for kernels in ("compile prove kernels", "compile verify kernels"):
        run.seconds.setdefault(kernels, {})[GOAL] = 15
    if "verify" in run.seconds and "gnark" in run.seconds["verify"]:
        run.seconds["verify, each of 256"]["gnark"] = run.seconds["verify"]["gnark"]
    rows = []
    for what, peer, goal in GOALS:
        who = peer if peer in run.seconds.get(what, {}) else f"{peer} (stand-in)"
        found = run.ratio(what, who)
        rows.append({"what": what, "peer": who, "goal": goal, "ratio": found,
                     "tailproof": run.seconds.get(what, {}).get("tailproof"),
                     "theirs": run.seconds.get(what, {}).get(who)})
    return rows


def picture(rows: list[dict[str, Any]], path: Path) -> None:
    """How many times faster than each peer, on a logarithmic scale."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    known = [row for row in rows if row["ratio"]]
    figure = Figure(figsize=(9, 0.45 * len(known) + 1.4), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = [f"{row['what']}  /  {row['peer']}" for row in known]
    axes.barh(names, [1 / row["ratio"] for row in known], color="#9db4c8")
    axes.plot([1 / row["goal"] for row in known], names, "|", color="#d1495b", markersize=16, markeredgewidth=2.5,
              label="goal")
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.axvline(1, color="#222222", linewidth=0.8)
    for name, row in zip(names, known, strict=True):
        axes.annotate(f" {1 / row['ratio']:.1f}×", (1 / row["ratio"], name), va="center")
    axes.set_title("times faster than the peer", loc="left")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, few repeats: shows that it runs")
    parser.add_argument("--skip-setup", action="store_true", help="leave out snarkjs's setup, which takes minutes")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args()
    chains, sizes, names, repeat = ([14, 16], [14, 16, 18], ["chain14", "chain16", "es1000"], 5)
    if options.quick:
        chains, sizes, names, repeat = [12], [12], [], 1
    options.out.mkdir(parents=True, exist_ok=True)
    run, binary = Run(), os.environ.get("RAPIDSNARK")
    from prover.kernels import warm
    warm()
    kernels(run, sizes, repeat)
    if shutil.which("go"):
        gnark(run, chains, sizes, repeat)
    else:
        run.notes.append("go is not installed: gnark was not measured")
    if names:
        verification(run, make_files(names[0], options.out), repeat)
    for name in names:
        folder = make_files(name, options.out)
        ours(run, name, folder, repeat)
        snarkjs(run, name, folder, 3)
        if binary:
            rapidsnark(run, name, folder, repeat, binary)
    if "es1000" in names:
        setup_from_powers(run, make_files("es1000", options.out), "es1000", theirs=not options.skip_setup)
        compiling(run)
        if options.skip_setup:
            run.notes.append("--skip-setup: snarkjs's setup was not measured")
    if not binary:
        run.notes.append("RAPIDSNARK names no binary: its time is snarkjs's in process, divided by 5.1 to 5.2, and its "
                         "memory what was measured with these factors")

    rows = table(run) if names else []
    print(", ".join(f"{name}: {value}" for name, value in machine().items()))
    print(f"{'what':34} {'peer':24} {'ours':>10} {'theirs':>10} {'ratio':>8} {'goal':>7}")
    for row in rows:
        if row["ratio"] is None:
            print(f"{row['what']:34} {row['peer']:24} {'not measured':>22}")
        else:
            met = "" if row["ratio"] <= row["goal"] else "  MISSED"
            print(f"{row['what']:34} {row['peer']:24} {row['tailproof']:10.5f} {row['theirs']:10.5f} "
                  f"{row['ratio']:8.3f} {row['goal']:7.3f}{met}")
    for note in run.notes:
        print(note)
    (options.out / "bench.json").write_text(json.dumps(
        {"machine": machine(), "seconds": run.seconds, "table": rows, "notes": run.notes}, indent=2))
    if rows:
        picture(rows, options.out / "bench.png")


if __name__ == "__main__":
    main()
