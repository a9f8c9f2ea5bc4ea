"""`python -m mutants [LIST ...] [--jobs N] [--again] [--find] [--json]`: see `make mutants`."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mutants.compiling import Compiler, DoesNotCompile, closure, settings_of
from mutants.listed import Mutant, digest, mutants
from mutants.trying import Worlds
from verifier_contracts.compiler import SOURCES

HONEST = "the honest contract"
_BAD = ("ALIVE", "GONE", "BROKEN", "NOT EQUIVALENT", "UNFOUNDED")
_UNFOUNDED = {"verdict": "UNFOUNDED", "why": "not run: tests of this contract's mutants fail on the honest contract",
              "compiled": 0}


def task_of(mutant: Mutant) -> dict[str, Any] | str:
    """What is to be compiled and run; or why that cannot be said."""
    text = (SOURCES / mutant.file).read_text()
    if (count := text.count(mutant.old)) != 1:
        return f"its text is there {count} times"
    changed = text.replace(mutant.old, mutant.new)
    sources = closure(mutant.contract, {mutant.file: changed})
    if mutant.file not in sources:
        return f"{mutant.contract} does not import {mutant.file}"
    return {**_task(mutant.title, mutant.contract, sources, mutant.killed_by, mutant.equivalent), "list": mutant.list}


def honest_tasks(chosen: list[Mutant]) -> Iterator[dict[str, Any]]:
    """That all named tests pass on contracts as they are, compiled in the same way: else no failure means anything."""
    for contract in sorted({mutant.contract for mutant in chosen}):
        tests = sorted({test for m in chosen if m.contract == contract for test in m.killed_by})
        yield _task(f"{contract}: {HONEST}", contract, closure(contract, {}), tuple(tests), HONEST)


def _task(title: str, contract: str, sources: dict[str, str], tests: tuple[str, ...], passes: str) -> dict[str, Any]:
    return {"title": title, "contract": contract, "sources": sources, "tests": list(tests), "passes": passes,
            "digest": digest(sources, contract, tests, settings_of(contract))}


def judge(task: dict[str, Any], worlds: Worlds, compiler: Compiler) -> dict[str, Any]:
    start = time.monotonic()
    try:
        artifact = compiler.compile(task["contract"], task["sources"])
    except DoesNotCompile as error:
        return {"verdict": "BROKEN", "why": str(error)[:400], "compiled": 0}
    compiled = round(time.monotonic() - start, 1)
    answer = worlds.attempt(artifact, task["tests"])
    verdict = {0: "passes" if task["passes"] else "ALIVE",
               1: "NOT EQUIVALENT" if task["passes"] else "killed"}.get(answer["code"], "BROKEN")
    why = answer["failed"] if verdict in ("killed", "NOT EQUIVALENT") else answer["said"] if verdict == "BROKEN" else ""
    return {"verdict": verdict, "why": why, "compiled": compiled, "seconds": answer["seconds"], "cpu": answer["cpu"]}


# -- what is known already ---------------------------------------------------------------------------------------------
def _place() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = base / "tailproof" / "mutants"
    place.mkdir(parents=True, exist_ok=True)
    return place


def known(key: str) -> dict[str, Any] | None:
    try:
        result: dict[str, Any] = json.loads((_place() / f"{key}.json").read_text())
    except (OSError, ValueError):
        return None
    return result


def keep(key: str, result: dict[str, Any]) -> None:
    if result["verdict"] not in _BAD:
        path = _place() / f"{key}.json"
        other = path.with_suffix(f".{os.getpid()}")
        other.write_text(json.dumps(result))
        other.replace(path)


# -- running -----------------------------------------------------------------------------------------------------------
Results = Iterator[tuple[dict[str, Any], dict[str, Any]]]


def results(honest: list[dict[str, Any]], tasks: list[dict[str, Any]], jobs: int, again: bool) -> Results:
    """Of each task what came of it, kept or new, in the order of their ends: the honest contracts first. Where one does
    not pass its tests no failure means anything, so none of its mutants is run or believed."""
    made: list[Worlds] = []

    def worlds() -> Worlds:
        if not made:
            made.append(Worlds([test for task in [*honest, *tasks] for test in task["tests"]]))
        return made[0]

    failing = set()
    for task, result in _judged(honest, worlds, jobs, again):
        if result["verdict"] in _BAD:
            failing.add(task["contract"])
        yield task, result
    for task in tasks:
        if task["contract"] in failing:
            yield task, _UNFOUNDED
    yield from _judged([task for task in tasks if task["contract"] not in failing], worlds, jobs, again)


def _judged(tasks: list[dict[str, Any]], worlds_of: Callable[[], Worlds], jobs: int, again: bool) -> Results:
    open_ = []
    for task in tasks:
        if not again and (result := known(task["digest"])) is not None:
            yield task, {**result, "kept": True}
        else:
            open_.append(task)
    if not open_:
        return
    worlds = worlds_of()
    # Forks share the worlds: whoever needs another deploys it in a fork of his own.
    context = multiprocessing.get_context("fork")
    todo: Any = context.SimpleQueue()
    done: Any = context.SimpleQueue()

    def work() -> None:
        compiler = Compiler()
        while (place := todo.get()) is not None:
            done.put((place, judge(open_[place], worlds, compiler)))
        compiler.close()

    workers = [context.Process(target=work) for _ in range(min(jobs, len(open_)))]
    for place in [*range(len(open_)), *[None] * len(workers)]:
        todo.put(place)
    for worker in workers:
        worker.start()
    for _ in open_:
        place, result = done.get()
        keep(open_[place]["digest"], result)
        yield open_[place], result
    for worker in workers:
        worker.join()


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutants", description="Run the mutants of the contracts.")
    parser.add_argument("lists", nargs="*", help="names of lists, without .toml; all if none is given")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--shard", default="1/1", help="PLACE/COUNT: only every COUNT-th, from PLACE on")
    parser.add_argument("--find", action="store_true", help="to write a list: only which test kills what")
    parser.add_argument("--again", action="store_true", help="also those whose result is kept")
    parser.add_argument("--json", action="store_true", help="one object with all results")
    options = parser.parse_args()
    place, count = map(int, options.shard.split("/"))
    chosen = list(mutants(tuple(options.lists)))[place - 1::count]
    table: dict[str, Counter] = {}
    rows = []
    tasks = []
    for mutant in chosen:
        task = task_of(mutant)
        if isinstance(task, str):
            rows.append({"list": mutant.list, "title": mutant.title, "verdict": "GONE", "why": task})
        else:
            tasks.append(task)
    honest = [] if options.find else list(honest_tasks([mutant for mutant in chosen if mutant.killed_by]))
    for number, (task, result) in enumerate(results(honest, tasks, options.jobs, options.again), 1):
        rows.append({"digest": task["digest"], "list": task.get("list", "honest"), "title": task["title"], **result})
        kept = " (kept)" if result.get("kept") else ""
        print(f"{number} of {len(honest) + len(tasks)}  {result['verdict']}  {task['title']}  {result['why'][-300:]}"
              f"  {result.get('compiled', 0)} + {result.get('seconds', 0)} s{kept}", file=sys.stderr, flush=True)
    for row in rows:
        table.setdefault(row["list"], Counter())[row["verdict"]] += 1
    bad = [row for row in rows if row["verdict"] in _BAD]
    if options.json:
        print(json.dumps({"mutants": len(chosen), "bad": len(bad), "table": table, "rows": rows}))
    else:
        for row in bad:
            print(f"{row['verdict']}  {row['list']}  {row['title']}\n    {row['why']}")
        for name, counts in sorted(table.items()):
            print(f"{name:<12}" + "  ".join(f"{verdict} {number}" for verdict, number in sorted(counts.items())))
        print(f"{len(chosen)} mutants, {len(bad)} that must not be")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
