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

from mutants.compiling import PLAIN, SHORT, Compiler, DoesNotCompile, closure, prepared
from mutants.listed import Mutant, digest, mutants
from mutants.trying import Worlds
from verifier_contracts.artifacts import Artifact
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
    if mutant.file not in closure(mutant.contract, {}):
        return f"{mutant.contract} does not import {mutant.file}"
    sources, short = prepared(mutant.contract, {mutant.file: changed})
    return {**_task(mutant.title, mutant.contract, sources, short, mutant.killed_by, mutant.equivalent),
            "list": mutant.list}


def honest_tasks(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """That all tests named for mutants pass on contracts as they are, compiled in the same ways: else no failure means
    anything."""
    for contract, short in sorted({(task["contract"], task["short"]) for task in tasks if task["tests"]}):
        tests = sorted({test for task in tasks if (task["contract"], task["short"]) == (contract, short)
                        for test in task["tests"]})
        sources, _ = prepared(contract, {})
        if short:
            sources = closure(contract, {})
        yield _task(f"{contract}: {HONEST}" + " compiled the short way" * short, contract, sources, short, tuple(tests),
                    HONEST)


def _task(title: str, contract: str, sources: dict[str, str], short: bool, tests: tuple[str, ...], passes: str
          ) -> dict[str, Any]:
    return {"title": title, "contract": contract, "sources": sources, "short": short, "tests": list(tests),
            "passes": passes, "digest": digest(sources, contract, tests, SHORT if short else PLAIN)}


Compiled = Artifact | DoesNotCompile


def compiled(tasks: list[dict[str, Any]], compiler: Compiler) -> list[tuple[Compiled, float]]:
    """Of each of these tasks, of one contract, what it compiles to, and the seconds that this took."""
    start = time.monotonic()
    if len(tasks) > 1:
        together = compiler.compile_together(tasks[0]["contract"], [task["sources"] for task in tasks])
        if together is not None:
            seconds = (time.monotonic() - start) / len(tasks)
            return [(made, seconds) for made in together]
    found: list[tuple[Compiled, float]] = []
    for task in tasks:
        start = time.monotonic()
        try:
            made: Compiled = compiler.compile(task["contract"], task["sources"], task["short"])
        except DoesNotCompile as error:
            made = error
        found.append((made, time.monotonic() - start))
    return found


def judge(task: dict[str, Any], worlds: Worlds, made: Compiled, seconds: float) -> dict[str, Any]:
    if isinstance(made, DoesNotCompile):
        return {"verdict": "BROKEN", "why": str(made)[:400], "compiled": 0}
    answer = worlds.attempt(made, task["tests"])
    said = " ".join(line for line in answer["said"].splitlines() if line.startswith("E  "))
    verdict = {0: "passes" if task["passes"] else "ALIVE",
               1: "NOT EQUIVALENT" if task["passes"] else "killed"}.get(answer["code"], "BROKEN")
    why = {"killed": answer["failed"], "NOT EQUIVALENT": f"{answer['failed']}: {said}", "BROKEN": answer["said"]}.get(
        verdict, "")
    return {"verdict": verdict, "why": why, "compiled": round(seconds, 1), "seconds": answer["seconds"],
            "cpu": answer["cpu"]}


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


_TOGETHER = 8
"""Mutants of a contract that are compiled in one piece."""


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

    def way(task: dict[str, Any]) -> tuple[str, bool]:
        return task["contract"], task["short"]

    failing = set()
    for task, result in _judged(honest, worlds, jobs, again):
        if result["verdict"] in _BAD:
            failing.add(way(task))
        yield task, result
    for task in tasks:
        if way(task) in failing:
            yield task, _UNFOUNDED
    yield from _judged([task for task in tasks if way(task) not in failing], worlds, jobs, again)


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
        while (places := todo.get()) is not None:
            tasks_ = [open_[place] for place in places]
            for place, task, (made, seconds) in zip(places, tasks_, compiled(tasks_, compiler), strict=True):
                done.put((place, judge(task, worlds, made, seconds)))
        compiler.close()

    workers = [context.Process(target=work) for _ in range(min(jobs, len(open_)))]
    for places in [*_groups(open_), *[None] * len(workers)]:
        todo.put(places)
    for worker in workers:
        worker.start()
    for _ in open_:
        place, result = done.get()
        keep(open_[place]["digest"], result)
        yield open_[place], result
    for worker in workers:
        worker.join()


def _groups(tasks: list[dict[str, Any]]) -> Iterator[list[int]]:
    """Places of tasks that are compiled together: of one contract, the plain way."""
    by: dict[tuple[str, bool], list[int]] = {}
    for place, task in enumerate(tasks):
        by.setdefault((task["contract"], task["short"]), []).append(place)
    for (_, short), places in by.items():
        size = 1 if short else _TOGETHER
        yield from (places[at:at + size] for at in range(0, len(places), size))


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
    honest = [] if options.find else list(honest_tasks(tasks))
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
