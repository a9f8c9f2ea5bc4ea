"""How long the audit of an account with many epochs takes, beside its bounds: half a minute and five megabytes for a
hundred. Exit code 1 where one is missed.

    python -m benchmarks.audit [--epochs 100]

The world is that of tests/test_audit_of_many_epochs.py, on anvil: a system of contracts, so many signed epochs at full
size, a proof in each. Only the command is timed, in this process; building the world takes longer.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT
from benchmarks.processors import machine, title

SECONDS, BYTES = 30.0, 5_000_000
"""For a hundred epochs."""


class Command:
    """Runs a command, and notes what it took: seconds by the clock, and of processors, those it waited for included."""

    seconds, of_processors, code = 0.0, 0.0, -1

    def __call__(self, *words: object) -> Any:
        from click.testing import CliRunner

        from tailproof.cli import main
        begin, spent = time.perf_counter(), sum(os.times()[:4])
        result = CliRunner().invoke(main, [*map(str, words), "--json"])
        self.seconds, self.of_processors = time.perf_counter() - begin, sum(os.times()[:4]) - spent
        self.code = result.exit_code
        if result.exit_code not in (0, 1):
            raise SystemExit(f"the audit ends with {result.exit_code}:\n{result.output}")
        return result


def bounded(seconds: float, size: int) -> list[tuple[str, str, str, bool]]:
    """Rows of the table: what, found, bound, whether it is held."""
    return [("seconds", f"{seconds:.1f}", f"{SECONDS:g}", seconds <= SECONDS),
            ("bytes of the report", str(size), str(BYTES), size <= BYTES)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100, help="what the bounds are for is the default")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "verifier_contracts")]        # whose world it is
    from test_audit_of_many_epochs import audited
    with tempfile.TemporaryDirectory() as home:
        command = Command()
        audited(command, Path(home), options.epochs)
        size = sum(file.stat().st_size for file in (Path(home) / "report").iterdir())
    rows = bounded(command.seconds, size)
    print(f"{title(machine())}; audit of {options.epochs} epochs, {command.of_processors:.1f} s of processors")
    for what, found, bound, held in rows:
        print(f"{what:22} {found:>10} {bound:>10}{'' if held else '  MISSED'}")
    sys.exit(0 if all(held for *_, held in rows) else 1)


if __name__ == "__main__":
    main()
