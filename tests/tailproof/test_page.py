"""The page's code, run by Node, says of a proof what the command says of it, to the word."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import page_files
import pytest
from page_files import BUNDLES, CERTIFICATES, ROOT, Judge, command, dropped

from primitives.poseidon import Tag, hash_integers
from tailproof.page.facts import facts

Run = Callable[..., Any]
EVERY = (*BUNDLES, *CERTIFICATES)
VERDICTS = {0: "held", 1: "false", 2: "bad input"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dropped")
    page_files.make(made)
    return made


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge() as judge:
        yield judge


def agree(run: Run, judge: Judge, name: str, parts: dict[str, Path], **asked: Any) -> Any:
    """The page's answer, which has to be the command's; a check's arithmetic is another's, its name too."""
    at = int(time.time())
    more = ["--at", at] if name in CERTIFICATES else []
    for option, values in (("commitment", [asked.get("commitment")]), ("publisher", asked.get("publishers", []))):
        more += [word for value in values if value is not None for word in (f"--{option}", value)]
    told, found = run(*command(parts, name, *more)), judge.verdict(parts, at=at, **asked)
    assert found["verdict"] == VERDICTS[told.code], (found, told.data)
    if told.code < 2:
        expected = json.loads(json.dumps(told.data).replace("proof (kernels)", "proof (noble)"))
        remark = f"It was checked as of {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))}, which is not now."
        expected["taken_on_trust"] = [each for each in expected["taken_on_trust"] if each != remark]
        assert found["data"] == expected
    return found


@pytest.mark.parametrize("name", EVERY)
def test_what_holds_holds_in_the_same_words(run: Run, folder: Path, judge: Judge, name: str) -> None:
    found = agree(run, judge, name, dropped(folder, name))
    assert found["verdict"] == "held"
    assert found["data"]["insecure_setup"] is True
