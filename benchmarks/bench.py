"""`make bench`: our prover beside its peers, in one process tree and one run; ratios, JSON and a picture.

    python -m benchmarks.bench [CIRCUIT ...] [--skip-setup] [--skip-registries] [--keep] [--out out/bench]

Peers are called, not copied: snarkjs from npm; gnark through a small Go program, if `go` is there; snarkrs, groth16py
and groth16-zorch from their registries, where they install (`registry_peers.py`); rapidsnark, if RAPIDSNARK names its
binary. Where it does not, rapidsnark's time is taken as in-process snarkjs divided by the factor that was measured
between the two on one machine, and the table says so.

These machines are noisy: every number is a median, and what travels is the ratio of two medians of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import processors, registry_peers
from benchmarks.files import make_files, powers_for
from benchmarks.measure import SNARKJS, apart, median, median_command

PEERS = Path(__file__).parent / "peers"
STAND_IN = f"rapidsnark{processors.STAND_IN}"
RAPIDSNARK_BYTES = {"chain14": 17e6, "chain16": 55e6, "chain17": 105e6, "es1000": 211e6}
"""Its peak memory, measured with the factors."""
KEYS = ("ours.zkey", "theirs.zkey")
"""What the two setups write."""


@dataclass(frozen=True)
class Circuit:
    """A circuit, and how its peers are run.

    Attributes
    ----------
    factor : in-process snarkjs over rapidsnark, both on two threads, measured on one machine with AVX-512
        (2026-11-21): 5.1 on chains, 5.2 on `es1000`, which stands for our own statements, mostly bits as well.
    in_process : proofs by snarkjs; one where it takes long.
    commands : the same as whole commands.
    """

    name: str
    factor: float
    in_process: int = 3
    commands: int = 0


CIRCUITS = {circuit.name: circuit for circuit in (
    Circuit("chain14", 5.1), Circuit("chain15", 5.1), Circuit("chain16", 5.1, commands=3),
    Circuit("chain17", 5.1, in_process=1), Circuit("chain18", 5.1, in_process=1), Circuit("es1000", 5.2),
    Circuit("margin-full-256x16", 5.2), Circuit("margin-grid-1000x32", 5.2),
    Circuit("margin-full-1000x32", 5.2, in_process=1))}
WITHOUT_IFMA = ("chain16", "es1000")
"""Circuits that we also prove by the scalar path, which takes us several times as long."""


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
from benchmarks.measure import median
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
    files = [folder / file for file in ("k.zkey", "w.wtns")]
    key, witness = read_zkey(files[0]), read_wtns(files[1])
    run.put(f"prove {name}", "tailproof", median(repeat, lambda: prove(key, witness)))
    made = [folder / file for file in ("proof.json", "public.json")]
    spent = median_command(repeat, sys.executable, "-m", "tailproof", "groth16", "prove", *files, *made, writes=made)
    run.put(f"prove {name}, whole command", "tailproof", spent.seconds)
    run.put(f"peak memory {name}, whole command", "tailproof", spent.bytes)
    run.put(f"peak memory {name}", "tailproof", float(apart(PEAK, *files)[0]))
    if name in WITHOUT_IFMA and not os.environ.get("TAILPROOF_FORCE_PORTABLE"):
        run.put(f"prove {name}, without IFMA", "tailproof", float(
            apart(PROVE, *files, str(repeat), TAILPROOF_FORCE_PORTABLE="1")[0]))


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
    from prover.kernels.ntt import borrow_blocks, transform
    from prover.kernels.twiddles import twist_of
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
    """`groth16 setup` from a `.ptau` as a whole command; snarkjs takes minutes, and does not check the powers."""
    from prover.files.r1cs import read_r1cs
    from prover.files.zkey import read_zkey
    files = [folder / "c.r1cs", powers_for(read_r1cs(folder / "c.r1cs"), folder)]
    spent = median_command(2, sys.executable, "-m", "tailproof", "groth16", "setup", *files, folder / KEYS[0],
                           "--trust-powers", writes=[folder / KEYS[0]])
    run.put(f"setup {name}", "tailproof", spent.seconds)
    if theirs:
        spent = median_command(1, *SNARKJS, "groth16", "setup", *files, folder / KEYS[1])
        run.put(f"setup {name}", "snarkjs", spent.seconds)
        if len({read_zkey(folder / file, unfinished=True).transcript.circuit_hash for file in KEYS}) > 1:
            raise SystemExit(f"setup {name}: snarkjs's key has other points than ours")


# -- peers ---------------------------------------------------------------------------------------------------------
def snarkjs(run: Run, circuit: Circuit, folder: Path) -> None:
    """snarkjs on the same key and witness; and rapidsnark's stand-in, which follows from it."""
    name, files = circuit.name, [folder / file for file in ("k.zkey", "w.wtns")]
    shown = subprocess.run(["node", PEERS / "snarkjs.mjs", *files, str(circuit.in_process)], check=True,
                           capture_output=True, text=True).stdout
    found = json.loads(shown.strip().splitlines()[-1])
    run.put(f"prove {name}", "snarkjs in process", found["prove"])
    run.put("verify", "snarkjs in process", found["verify"])
    if circuit.commands:
        spent = median_command(circuit.commands, *SNARKJS, "groth16", "prove", *files, folder / "their_proof.json",
                               folder / "their_public.json")
        run.put(f"prove {name}, whole command", "snarkjs", spent.seconds)
        run.put(f"peak memory {name}, whole command", "snarkjs", spent.bytes)
    for kind in ("", ", whole command", ", without IFMA"):
        run.put(f"prove {name}{kind}", STAND_IN, found["prove"] / circuit.factor)
    if name in RAPIDSNARK_BYTES:
        run.put(f"peak memory {name}", STAND_IN, RAPIDSNARK_BYTES[name])


def rapidsnark(run: Run, name: str, folder: Path, repeat: int, binary: str) -> None:
    """rapidsnark, which is always a whole command; what it needs counts only if its proof verifies."""
    proof, public = (folder / f"rapidsnark_{file}.json" for file in ("proof", "public"))
    for file in (proof, public):
        file.unlink(missing_ok=True)
    spent = median_command(repeat, binary, folder / "k.zkey", folder / "w.wtns", proof, public)
    if not accepted(folder / "key.json", proof, public):
        run.notes.append(f"rapidsnark's proof of {name} does not verify: its time is not shown")
        return
    for kind in ("", ", whole command", ", without IFMA"):
        run.put(f"prove {name}{kind}", "rapidsnark", spent.seconds)
    run.put(f"peak memory {name}", "rapidsnark", spent.bytes)


def from_registries(run: Run, name: str, folder: Path, out: Path, repeat: int) -> None:
    """What registries have; those that fail are told, and not asked again."""
    for peer in registry_peers.ALL:
        if name not in peer.circuits or any(note.startswith(f"{peer.name}: ") for note in run.notes):
            continue
        try:
            found = peer.prove(registry_peers.install(peer, out), folder, repeat)
        except registry_peers.Failed as failed:
            run.notes.append(f"{peer.name}: {failed}; not measured on {name} and what comes after")
            continue
        if not accepted(folder / "key.json", found.proof, found.public):
            run.notes.append(f"{peer.name}: its proof of {name} does not verify; not measured on what comes after")
            continue
        for kind in ("", ", without IFMA"):
            run.put(f"prove {name}{kind}", peer.name, found.seconds)


def accepted(key: Path, proof: Path, public: Path) -> bool:
    """Whether files make a proof that verifies."""
    from primitives.errors import BadInput
    from prover import verify
    from prover.files.snarkjs import read_proof, read_public, read_verification_key
    try:
        return verify(read_verification_key(key), read_public(public), read_proof(proof))
    except (BadInput, OSError) as error:
        print(error, file=sys.stderr)
        return False


def find_rapidsnark() -> str | None:
    """The binary that RAPIDSNARK names, looked for before anything takes minutes."""
    named = os.environ.get("RAPIDSNARK")
    found = shutil.which(named) if named else None
    if named and not found:
        raise SystemExit(f"RAPIDSNARK names {named}, which is no program")
    return str(Path(found).resolve()) if found else None


def gnark(run: Run, chains: list[int], sizes: list[int], repeat: int) -> None:
    arguments = ["-chains", ",".join(map(str, chains)), "-msm", ",".join(map(str, sizes)), "-repeat", str(repeat)]
    shown = subprocess.run(["go", "run", ".", *arguments], check=True, capture_output=True, text=True,
                           cwd=PEERS / "gnark").stdout
    for what, value in json.loads(shown.strip().splitlines()[-1]).items():
        run.put(what, "gnark", value)


# -- the table -----------------------------------------------------------------------------------------------------
GOAL = "15 seconds"
Comparison: TypeAlias = tuple[str, str, float | None]
GOALS: list[Comparison] = [
    ("prove es1000", "rapidsnark", 1 / 8), ("prove es1000, whole command", "rapidsnark", 1 / 2),
    ("prove chain16", "gnark", 1 / 4), ("prove chain16, whole command", "snarkjs", 1 / 15),
    ("g1 msm 18", "gnark", 1 / 4), ("g2 msm 16", "gnark", 1 / 4), ("ntt 18", "gnark", 3 / 10),
    ("peak memory es1000", "rapidsnark", 2), ("verify", "gnark", 1 / 2), ("verify, each of 256", "gnark", 1 / 15),
    ("setup es1000", "snarkjs", 1 / 20), ("prove es1000, without IFMA", "rapidsnark", 1),
    ("compile prove kernels", GOAL, 1), ("compile verify kernels", GOAL, 1)]


def without_goal(run: Run, name: str) -> list[Comparison]:
    """What else is compared for a circuit. Of chains the stand-in is left out: gnark and snarkjs were really run."""
    chain, measured = name.startswith("chain"), "rapidsnark" in run.seconds.get(f"prove {name}", {})
    peers = ["gnark"] * chain + ["snarkjs in process"] + ["rapidsnark"] * (measured or not chain)
    registries = [peer.name for peer in registry_peers.ALL]
    rows = [(f"prove {name}", peer) for peer in peers + registries] + [(f"peak memory {name}", "rapidsnark")]
    rows += [(f"prove {name}, without IFMA", peer) for peer in registries]
    with_goal = {goal[:2] for goal in GOALS}
    return [(*row, None) for row in rows if row not in with_goal]


def table(run: Run, names: list[str]) -> list[dict[str, Any]]:
    """Each goal with what was found, then the rest; rapidsnark's stand-in takes its place where it was not at hand."""
    for kernels in ("compile prove kernels", "compile verify kernels"):
        run.seconds.setdefault(kernels, {})[GOAL] = 15
    if "verify" in run.seconds and "gnark" in run.seconds["verify"]:
        run.seconds["verify, each of 256"]["gnark"] = run.seconds["verify"]["gnark"]
    rows = [_row(run, *comparison) for comparison in GOALS]
    others = [_row(run, *comparison) for name in names for comparison in without_goal(run, name)]
    return rows + [row for row in others if row["ratio"] is not None]


def _row(run: Run, what: str, peer: str, goal: float | None) -> dict[str, Any]:
    found = run.seconds.get(what, {})
    who = STAND_IN if peer == "rapidsnark" and peer not in found else peer
    return {"what": what, "peer": who, "goal": goal, "ratio": run.ratio(what, who), "tailproof": found.get("tailproof"),
            "theirs": found.get(who)}


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table as text."""
    text = [f"{'what':38} {'peer':22} {'ours':>10} {'theirs':>10} {'ratio':>7} {'goal':>7}"]
    for row in rows:
        head = f"{row['what']:38} {row['peer']:22}"
        if row["ratio"] is None:
            text.append(f"{head} {'not measured':>21}")
            continue
        sizes = " ".join(f"{_shown(row['what'], row[who]):>10}" for who in ("tailproof", "theirs"))
        goal = "" if row["goal"] is None else f" {row['goal']:7.3f}" + "  MISSED" * (row["ratio"] > row["goal"])
        text.append(f"{head} {sizes} {row['ratio']:7.3f}{goal}")
    return text


def _shown(what: str, value: float) -> str:
    if what.startswith("peak memory"):
        return f"{value / 1e6:.0f} MB"
    return f"{value:.3g} s" if value >= 0.1 else f"{1000 * value:.3g} ms"


def picture(rows: list[dict[str, Any]], path: Path) -> None:
    """How many times less time or memory than each peer, on a logarithmic scale."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    known = [row for row in rows if row["ratio"]]
    figure = Figure(figsize=(9, 0.36 * len(known) + 1.4), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = [f"{row['what']}  /  {row['peer']}" for row in known]
    axes.barh(names, [1 / row["ratio"] for row in known], color="#9db4c8")
    with_goal = [(1 / row["goal"], name) for name, row in zip(names, known, strict=True) if row["goal"]]
    axes.plot([goal for goal, _ in with_goal], [name for _, name in with_goal], "|", color="#d1495b", markersize=16,
              markeredgewidth=2.5, label="goal")
    axes.set_xscale("log")
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.axvline(1, color="#222222", linewidth=0.8)
    for name, row in zip(names, known, strict=True):
        axes.annotate(f" {1 / row['ratio']:.1f}×", (1 / row["ratio"], name), va="center")
    axes.set_title("times less than the peer takes", loc="left")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def compare(run: Run, names: list[str], out: Path, repeat: int, *, registries: bool) -> None:
    """Every circuit by everybody who can prove it."""
    binary = find_rapidsnark()
    for name in names:
        folder = make_files(name, out).resolve()
        ours(run, name, folder, repeat)
        snarkjs(run, CIRCUITS[name], folder)
        if binary:
            rapidsnark(run, name, folder, repeat, binary)
        if registries:
            from_registries(run, name, folder, out, min(repeat, 3))
    if not binary:
        run.notes.append("RAPIDSNARK names no binary: its time is snarkjs's in process, divided by 5.1 to 5.2, and its "
                         "memory what was measured with these factors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="CIRCUIT", help=f"{', '.join(CIRCUITS)}; all, if none is named")
    parser.add_argument("--skip-setup", action="store_true", help="leave out snarkjs's setup, which takes minutes")
    parser.add_argument("--skip-registries", action="store_true", help="leave out provers that have to be installed "
                        "from crates.io and PyPI, a few minutes once")
    parser.add_argument("--keep", action="store_true", help="keep what is found as this processor's column in "
                        "benchmarks/README.md; of all circuits")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args()
    names, sizes, repeat, run = options.names or list(CIRCUITS), [14, 16, 18], 5, Run()
    if unknown := set(names) - set(CIRCUITS):
        parser.error(f"no such circuit: {', '.join(sorted(unknown))}")
    if options.keep and options.names:
        parser.error("--keep is for all circuits: a column has all rows")
    find_rapidsnark()
    options.out.mkdir(parents=True, exist_ok=True)
    from prover.kernels import warm
    warm()
    kernels(run, sizes, repeat)
    if shutil.which("go"):
        gnark(run, [int(name[5:]) for name in names if name.startswith("chain")], sizes, repeat)
    else:
        run.notes.append("go is not installed: gnark was not measured")
    verification(run, make_files("chain14", options.out), repeat)
    compare(run, names, options.out, repeat, registries=not options.skip_registries)
    if "es1000" in names:
        setup_from_powers(run, make_files("es1000", options.out).resolve(), "es1000", theirs=not options.skip_setup)
        if options.skip_setup:
            run.notes.append("--skip-setup: snarkjs's setup was not measured")
    compiling(run)

    rows = table(run, names)
    print(", ".join(f"{name}: {value}" for name, value in processors.machine().items()))
    print("\n".join([*lines(rows), *run.notes]))
    (options.out / "bench.json").write_text(json.dumps(
        {"machine": processors.machine(), "seconds": run.seconds, "table": rows, "notes": run.notes}, indent=2))
    picture(rows, options.out / "bench.png")
    if options.keep:
        print(f"kept in {processors.keep(rows, run.notes)}")


if __name__ == "__main__":
    main()
