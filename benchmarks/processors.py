"""What `make bench` found on each processor: a small file each in `results/`, and the table in README.md made of them.

    python -m benchmarks.processors            # writes the table anew
    python -m benchmarks.bench --keep          # measures here, keeps it, and does so

A processor is its vendor, family and model, as the processor itself says (CPUID), and whether the kernels' scalar path
was forced: ratios do not travel between families, so each has a column of its own. The last run on a processor counts.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, README = HERE / "results", HERE / "README.md"
BEGIN, END = ("<!-- made of results/ by `python -m benchmarks.processors` -->", "<!-- end of what is made -->")
SCHEMA = "tailproof.bench/1"
LARGEST = 16_000
"""Bytes of a file of results."""
STAND_IN = " (stand-in)"
CORES = {("AuthenticAMD", 25): {range(0x10): "Zen 3", range(0x10, 0x20): "Zen 4", range(0x20, 0x60): "Zen 3",
                                range(0x60, 0x80): "Zen 4", range(0xA0, 0xB0): "Zen 4"},
         ("AuthenticAMD", 23): {range(0x30, 0xB0): "Zen 2", range(0x30): "Zen"},
         ("AuthenticAMD", 26): {range(0x100): "Zen 5"},
         ("GenuineIntel", 6): {range(0x6A, 0x6B): "Ice Lake", range(0x6C, 0x6D): "Ice Lake",
                               range(0x8F, 0x90): "Sapphire Rapids", range(0xCF, 0xD0): "Emerald Rapids",
                               range(0xAD, 0xAF): "Granite Rapids", range(0x55, 0x56): "Skylake"}}
"""Names of cores by vendor, family and models."""
TELLING = ("avx", "adx", "bmi2", "fma", "vaes", "gfni")
"""How flags begin that kernels are chosen by, or could be."""


# -- what a machine is -------------------------------------------------------------------------------------------------
def machine(cpuinfo: str | None = None) -> dict[str, Any]:
    """Vendor, family, model and the rest of this machine, or of a text as Linux's /proc/cpuinfo has it; None for what
    is not known."""
    if cpuinfo is None:
        path = Path("/proc/cpuinfo")
        cpuinfo = path.read_text() if path.exists() else ""
    found: dict[str, str] = {}
    for name, value in re.findall(r"^([^:\n]+?)\s*: ?(.*)$", cpuinfo, re.MULTILINE):
        found.setdefault(name, value.strip())

    def number(name: str) -> int | None:
        return int(found[name]) if found.get(name, "").isdigit() else None
    flags = found.get("flags", found.get("Features", "")).split()
    vendor, family, model = found.get("vendor_id"), number("cpu family"), number("model")
    return {"vendor": vendor, "family": family, "model": model, "stepping": number("stepping"),
            "model_name": found.get("model name"), "core": core(vendor, family, model), "cores": os.cpu_count(),
            "ifma": "avx512ifma" in flags, "flags": " ".join(flag for flag in flags if flag.startswith(TELLING)),
            "portable_forced": bool(os.environ.get("TAILPROOF_FORCE_PORTABLE")), "python": sys.version.split()[0]}


def core(vendor: str | None, family: int | None, model: int | None) -> str | None:
    """"Zen 4"; None where it is not known, and where models of a family differ and the model is not known."""
    names = CORES.get((vendor or "", family or 0), {})
    if model is None:
        return next(iter(names.values())) if len(set(names.values())) == 1 else None
    return next((name for models, name in names.items() if model in models), None)


def title(one: Mapping[str, Any]) -> str:
    """As a column is headed."""
    vendor = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel"}.get(one["vendor"], one["vendor"] or "unknown")
    name = f"{vendor}, family {_known(one['family'])}, model {_known(one['model'])}"
    told = [one["core"] or "", "IFMA" if one["ifma"] else "no IFMA", *["scalar path forced"] * one["portable_forced"]]
    return f"{name} ({', '.join(word for word in told if word)})"


def _known(value: int | None) -> str:
    return "not noted" if value is None else str(value)


def file_name(one: Mapping[str, Any]) -> str:
    """Of its results."""
    numbers = ("x" if part is None else str(part) for part in (one["family"], one["model"]))
    parts = [one["vendor"] or "unknown", *numbers, *(["scalar"] * one["portable_forced"]),
             *([] if one["ifma"] else ["no", "ifma"])]
    return "-".join(re.sub(r"[^a-z0-9]+", "", part.lower()) for part in parts) + ".json"


# -- what was found on it ----------------------------------------------------------------------------------------------
def document(one: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], notes: Sequence[str], day: str
             ) -> dict[str, Any]:
    """What is kept of a run: four digits of each number, in seconds and bytes."""
    def short(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.4g}")
    return {"schema": SCHEMA, "date": day, "machine": dict(one), "notes": list(notes), "table": [
        {"what": row["what"], "peer": row["peer"], "goal": row["goal"], "ours": short(row["tailproof"]),
         "theirs": short(row["theirs"]), "ratio": short(row["ratio"])} for row in rows if row["ratio"] is not None]}


def keep(rows: Sequence[Mapping[str, Any]], notes: Sequence[str], *, folder: Path = RESULTS, readme: Path = README
         ) -> Path:
    """Keep a run on this machine in place of the last one on such a processor, and of any on this family whose model
    nobody noted; and write the table anew."""
    here = machine()
    path = folder / file_name(here)
    text = json.dumps(document(here, rows, notes, datetime.now(UTC).date().isoformat()), indent=1) + "\n"
    if len(text) > LARGEST:
        raise SystemExit(f"results of {len(text)} bytes: at most {LARGEST}")
    for other in {file_name({**here, "model": None}), path.name}:
        (folder / other).unlink(missing_ok=True)
    path.write_text(text)
    write(folder, readme)
    return path


def kept(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All results, newest processors first."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda one: (one["machine"]["ifma"], one["machine"]["family"] or 0,
                                          one["machine"]["model"] or 0), reverse=True)


# -- the table ---------------------------------------------------------------------------------------------------------
def table(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Markdown: a row a comparison, a column a processor; ratios, and what misses its goal in bold."""
    columns = [{(row["what"], row["peer"].removesuffix(STAND_IN)): row for row in one["table"]} for one in results]
    order = list(dict.fromkeys(key for column in columns for key in sorted(
        column, key=lambda key, column=column: column[key]["goal"] is None)))                  # type: ignore[misc]
    order.sort(key=lambda key: all(column[key]["goal"] is None for column in columns if key in column))
    lines = ["| what / peer | goal | " + " | ".join(title(one["machine"]) for one in results) + " |",
             "|---" * (2 + len(results)) + "|"]
    for what, peer in order:
        goals = [column[what, peer]["goal"] for column in columns if (what, peer) in column]
        goal = next((one for one in goals if one), None)
        cells = [_cell(column.get((what, peer)), goal) for column in columns]
        lines.append(f"| {what} / {peer} | {'' if goal is None else f'{goal:.3f}'} | {' | '.join(cells)} |")
    told = [f"- {title(one['machine'])}: {one['date'] or 'date not noted'}, {_known(one['machine']['cores'])} cores. "
            + " ".join(f"{note}." if note[-1:].isalnum() else note for note in one["notes"]) for one in results]
    return [*lines, "", "† rapidsnark's stand-in. **Bold**: misses its goal. –: not measured.", "", *told]


def _cell(row: Mapping[str, Any] | None, goal: float | None) -> str:
    if row is None:
        return "–"
    text = f"{row['ratio']:.3g}" + (" †" if row["peer"].endswith(STAND_IN) else "")
    return f"**{text}**" if goal is not None and row["ratio"] > goal else text


def with_table(readme: str, lines: Sequence[str]) -> str:
    """A text with the table in its place; raises ValueError where it has none."""
    before, after = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return readme[:before] + "\n" + "\n".join(lines) + "\n" + readme[after:]


def write(folder: Path = RESULTS, readme: Path = README) -> None:
    """Write the table anew."""
    readme.write_text(with_table(readme.read_text(), table(kept(folder))))


if __name__ == "__main__":
    write()
