"""Audit the statements' circuits: python -m circuits.soundness [--full] [--json] [NAME ...]."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from circuits import statements
from circuits.soundness.registry import FAMILIES, Report, audit_statements
from primitives.errors import BadInput


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a report; 0 if nothing was found, 1 if something was, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m circuits.soundness",
        description="Audit the statements' circuits: uniqueness of witnesses, mutations, named attacks. Exits 0 if "
                    "nothing is found, 1 if something is, 2 for bad input.",
        epilog=f"Families: {', '.join(FAMILIES)}. Statements: {', '.join(statements.names())}.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a statement or a family; all if left out")
    parser.add_argument("--full", action="store_true",
                        help="also examine the statements at their own sizes, which takes minutes for the largest")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    chosen = parser.parse_args(arguments)
    try:
        report = audit_statements(chosen.names, full=chosen.full, progress=_show)
    except BadInput as error:
        print(json.dumps(error.as_dict()) if chosen.json else f"error: {error}", file=sys.stderr)
        return 2
    if chosen.json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        _print(report)
    return int(bool(report.findings))


def _print(report: Report) -> None:
    for each in report.examinations:
        print(f"{each.name}: {each.kind}; {each.rows} rows, {each.wires} wires, {len(each.cases)} witnesses, "
              f"{each.attacks} attacks: {len(each.findings)} findings ({each.seconds:.0f} s)")
        for finding in each.findings:
            print(f"  {finding}")


def _show(stage: str, done: int, total: int) -> None:
    print(f"  {done + 1}/{total} {stage}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
