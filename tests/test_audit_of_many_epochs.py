"""The audit of an account with a hundred epochs at full size, on anvil: everything holds, in five megabytes. How long
it takes, `python -m benchmarks.audit` measures. The margin's key is one whose trapdoor is known, so that a hundred
proofs take seconds to make; they are verified as any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import real_system  # noqa: F401 (finds `system_world`)
from nodes import anvil, url_of
from system_world import build_system

from primitives import jsonio
from prover.files import snarkjs
from risk.epochs.provenance import Sources
from risk.exact.clock import format_time
from tailproof import epochs
from tailproof.epoch_contents import content_of
from tailproof.epoch_leaves import EpochLeaves
from tailproof.keys import NOTE, SCHEMA, SETUPS, VERIFICATION_KEY
from tailproof.statements import r1cs_digest

LEVELS = Path(__file__).parent.parent / "fixtures" / "levels"
STATEMENT = "margin-full-256x16"
BYTES, STEP = 5_000_000, 300


def build_many(folder: Path, count: int) -> list[Path]:
    """Epochs of the fixture five minutes apart, each on the one before, prices moving."""
    read = Sources.read(LEVELS / "model.toml", LEVELS / "book.json")
    made: list[Path] = []
    for number in range(count):
        book = json.loads(read.book)
        book["valuation"] = format_time(1_609_459_200 + STEP * number)
        book["underlyings"][0]["spot"] = f"{29_001 + number % 7}.72"
        path = folder / f"{number:03d}"
        sources = replace(read, book=json.dumps(book).encode())
        epochs.save(epochs.build(sources, previous=made[-1] if made else None), path)
        made.append(path)
    return made


def audited(run: Callable[..., Any], folder: Path, count: int) -> Any:
    """What `run` answers to the command of an audit of so many epochs, whose report is in `folder / "report"`."""
    directories = build_many(folder / "epochs", count)
    with anvil() as chain:
        world = build_system(chain)
        world.system.save(folder / "contracts.json")
        key = world.keys["margin"].verification_key
        snarkjs.write_verification_key(folder / VERIFICATION_KEY, key)
        jsonio.write(folder / NOTE, {
            "schema": SCHEMA, "statement": STATEMENT, "r1cs_digest": r1cs_digest(STATEMENT),
            "key_digest": "0x" + key.digest().hex(), "setup": SETUPS[not key.insecure_setup]})
        for number, directory in enumerate(directories):
            epoch = epochs.load(directory)
            chain.travel_to(chain.now() + STEP)
            now = chain.now()
            content = content_of(epoch, EpochLeaves.of(epoch), now, now + 600, world.at.oracle.previous_content())
            world.publish_content(content, by=((0, 1), (1, 2), (0, 2))[number % 3])
            world.attest(10**9 + number, epoch=now, root=epoch.root)
        return run("audit", world.owner.address, "--deployment", folder / "contracts.json", "--rpc", url_of(chain),
                   "--key", folder, "--epoch", folder / "epochs", "--out", folder / "report")


@pytest.mark.slow
def test_an_account_with_a_hundred_epochs(run: Callable[..., Any], tmp_path: Path) -> None:
    many = 100
    data = audited(run, tmp_path, many).data
    size = sum(file.stat().st_size for file in (tmp_path / "report").iterdir())
    found = data["report"]["findings"]
    assert {one["id"] for one in found if one["verdict"] == "failed"} == {"contracts.circuits"}, \
        "this world has toys of every statement"
    rebuilt = [one for one in found if one["id"].endswith((".signed", ".rebuild", ".chain", ".content"))]
    assert len(rebuilt) == 4 * many
    assert {one["verdict"] for one in rebuilt} == {"held"}
    (proofs,) = (one for one in found if one["id"] == "account.proofs")
    assert {"name": "verified again", "value": str(many)} in proofs["evidence"]
    assert len(data["report"]["attested"]) == len(data["report"]["signed"]) == many
    assert size <= BYTES
