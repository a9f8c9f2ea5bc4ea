"""The audit of an account with a hundred epochs, on anvil: half a minute, five megabytes, and everything holds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from margin_site import deploy_margins
from nodes import anvil, url_of

from circuits import statements
from risk.epochs.provenance import Sources
from risk.exact.clock import format_time
from risk.margins.portfolio import Portfolio
from tailproof import epochs
from tailproof.attestation import commit, prove_margin
from tailproof.epoch_contents import content_of
from tailproof.epoch_leaves import EpochLeaves
from tailproof.keys import KeyDirectory
from verifier_contracts.bindings import proof_words

LEVELS = Path(__file__).parent.parent / "fixtures" / "levels"
STATEMENT = "margin-full-256x16"
MANY, SECONDS, BYTES = int(os.environ.get("AUDIT_MANY", "100")), 30.0, 5_000_000
STEP = 300


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


@pytest.mark.slow  # a hundred proofs at full size
@pytest.mark.timeout(3_600)
def test_an_account_with_a_hundred_epochs(run: Callable[..., Any], key_directory: Path, tmp_path: Path) -> None:
    key, statement = KeyDirectory.load(key_directory), statements.get(STATEMENT)
    directories = build_many(tmp_path / "epochs", MANY)
    with anvil() as chain:
        world = deploy_margins(chain, key, tmp_path / "contracts.json")
        oracle, ledger, owner = world.at.oracle, world.at.ledger, world.owner.address
        opening = commit(statement, epochs.load(directories[0]),
                         Portfolio.read(LEVELS / "portfolios" / "funded_straddle.json"))
        for number, directory in enumerate(directories):
            epoch = epochs.load(directory)
            chain.travel_to(chain.now() + STEP)
            now = chain.now()
            content = content_of(epoch, EpochLeaves.of(epoch), now, now + 600, oracle.previous_content())
            world.publish_content(content, by=(number % 3, (number + 1) % 3) if number % 3 < 2 else (0, 2))
            if not number:
                world.register(opening.commitment)
            context = ledger.context("margin", key.verification_key().digest(), owner, content.id, 1)
            bundle = prove_margin(key, epoch, opening, context)
            ledger.attest(owner, content.id, 1, bundle.margin, proof_words(bundle.proof), sender=world.relayer)
        begin, cpu = time.perf_counter(), sum(os.times()[:4])
        answer = run("audit", owner, "--deployment", tmp_path / "contracts.json", "--rpc", url_of(chain), "--key",
                     key_directory, "--epoch", tmp_path / "epochs", "--out", tmp_path / "report")
        seconds, cpu = time.perf_counter() - begin, sum(os.times()[:4]) - cpu
    size = sum(file.stat().st_size for file in (tmp_path / "report").iterdir())
    print(f"{MANY} epochs: {seconds:.1f} s, of processors {cpu:.1f} s, {size} bytes, {answer.data['counts']}")
    found = answer.data["report"]["findings"]
    failed = {one["id"] for one in found if one["verdict"] == "failed"}
    assert failed == {"contracts.circuits"}, "the world has toys of every other statement"
    rebuilt = [one for one in found if one["id"].endswith((".rebuild", ".chain", ".content"))]
    assert len(rebuilt) == 3 * MANY
    assert {one["verdict"] for one in rebuilt} == {"held"}
    (proofs,) = (one for one in found if one["id"] == "account.proofs")
    assert {"name": "verified again", "value": str(MANY)} in proofs["evidence"]
    assert seconds <= SECONDS
    assert size <= BYTES


