"""Scenarios with masses from given scenarios to verified proofs: an epoch, its margin, a key, a proof, three checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tailproof
from circuits import statements
from primitives.errors import BadInput
from prover import verify
from risk.epochs.build import build, build_on
from risk.epochs.epoch_directory import save
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import EpochShape, TailSize, WeightedTail

FIXTURES = Path(__file__).parent.parent / "fixtures" / "btc_eth"
NAME = "margin-tiny-w"
POSITIONS = {"BTC-PERP": -30, "ETH-PERP": 200}


def sources(shape: EpochShape) -> tailproof.Sources:
    """The fixture's perpetuals under a model of another shape."""
    read = tailproof.Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json")
    book = json.loads(read.book)
    book["instruments"] = [each for each in book["instruments"] if each["symbol"] in POSITIONS]
    assert len(book["instruments"]) == len(POSITIONS)
    text, tail = read.model.decode(), shape.tail.to_json()
    begin = text.index("[epoch]")
    section = [f"scenarios = {shape.scenarios}", f'tail = "{tail["tail"]}"', f"depth = {shape.depth}",
               f"lanes = {shape.lanes}", f"width = {shape.width}"]
    section += [f'masses = "{tail["masses"]}"'] if "masses" in tail else []
    end = text.index("\n\n", begin)
    model = text[:begin] + "\n".join(["[epoch]", *section]) + text[end:]
    return replace(read, book=json.dumps(book).encode(), model=('purpose = "trial"\nseed = 1\n' + model).encode())


@pytest.fixture(scope="module")
def epoch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight scenarios that come from elsewhere, with the masses of the tiny statement."""
    shape = statements.get(NAME).shape
    assert isinstance(shape, EpochShape)
    drawn = build(sources(replace(shape, tail=TailSize(1)))).provenance
    assert drawn is not None
    path = tmp_path_factory.mktemp("weighted") / "epoch"
    save(build_on(sources(shape), drawn.calibration, drawn.scenarios), path)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tailproof.KeyDirectory:
    return tailproof.make_keys(statements.get(NAME), tmp_path_factory.mktemp("weighted") / "keys")


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> tailproof.Portfolio:
    path = tmp_path_factory.mktemp("weighted") / "portfolio.json"
    path.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": symbol, "lots": lots} for symbol, lots in POSITIONS.items()]}))
    return tailproof.Portfolio.read(path)


@pytest.fixture(scope="module")
def proven(epoch: Path, keys: tailproof.KeyDirectory, portfolio: tailproof.Portfolio) -> tuple[Any, tailproof.Bundle]:
    opening = tailproof.commit(statements.get(NAME), tailproof.load_epoch(epoch), portfolio)
    context = tailproof.Context("margin", 1, "0x" + "11" * 20, bytes.fromhex(keys.key_digest[2:]), "0x" + "22" * 20,
                                7, 1)
    return opening, tailproof.prove_margin(keys, tailproof.load_epoch(epoch), opening, context)


def test_the_proven_margin_counts_masses(epoch: Path, keys: tailproof.KeyDirectory, portfolio: tailproof.Portfolio,
                                         proven: tuple[Any, tailproof.Bundle]) -> None:
    _, bundle = proven
    loaded = tailproof.load_epoch(epoch)
    assert isinstance(loaded, tailproof.Epoch)
    expected = portfolio.margin(loaded)
    inputs = [bundle.public_inputs[name] for name in statements.get(NAME).public_inputs]
    assert bundle.public_inputs["margin"] == expected.required
    for backend in ("kernels", "reference"):
        assert verify(keys.verification_key(), inputs, bundle.proof, backend=backend)
    assert not verify(keys.verification_key(), [*inputs[:3], inputs[3] - 1], bundle.proof)
    tail, S = loaded.shape.tail, loaded.shape.scenarios
    assert isinstance(tail, WeightedTail)
    share = tail.share(S) * S
    alike = expected_shortfall(expected.losses, TailSize(share.numerator, share.denominator)).ceiling
    assert alike != expected.shortfall.ceiling, "as if scenarios were equally likely"


def test_an_auditor_verifies_the_bundle_against_the_epoch(run: Callable[..., Any], epoch: Path, tmp_path: Path,
                                                          keys: tailproof.KeyDirectory,
                                                          proven: tuple[Any, tailproof.Bundle]) -> None:
    opening, bundle = proven
    path = tmp_path / "bundle.json"
    bundle.save(path)
    answer = run("verify", path, "--key", keys.path, "--epoch", epoch, "--commitment", str(opening.commitment))
    assert answer.code == 0, answer.data
    # The same value changes under other masses are another epoch.
    read = tailproof.load_epoch(epoch)
    assert isinstance(read, tailproof.Epoch)
    save(replace(read, shape=replace(read.shape, tail=WeightedTail.parse("13/2", "3x1 2x2 1x5 2x3")), provenance=None),
         tmp_path / "other")
    refused = run("verify", path, "--key", keys.path, "--epoch", tmp_path / "other", "--commitment",
                  str(opening.commitment))
    assert refused.code == 1


def test_the_epoch_of_equally_likely_scenarios_is_refused_before_any_cryptography(
        epoch: Path, keys: tailproof.KeyDirectory, proven: tuple[Any, tailproof.Bundle]) -> None:
    opening, _ = proven
    read = tailproof.load_epoch(epoch)
    alike = replace(read, shape=replace(read.shape, tail=TailSize(13, 2)), provenance=None)     # type: ignore[arg-type]
    context = tailproof.Context("margin", 1, "0x" + "11" * 20, bytes.fromhex(keys.key_digest[2:]), "0x" + "22" * 20,
                                7, 1)
    with pytest.raises(BadInput, match=r"shape is .masses none"):
        tailproof.prove_margin(keys, alike, opening, context)


def test_masses_that_fall_inward_stand_for_no_population(run: Callable[..., Any], tmp_path: Path) -> None:
    given = sources(statements.get(NAME).shape)                                                 # type: ignore[arg-type]
    (tmp_path / "model.toml").write_bytes(given.model)
    (tmp_path / "book.json").write_bytes(given.book)
    answer = run("epoch", "build", "--book", tmp_path / "book.json", "--model", tmp_path / "model.toml", "--statement",
                 NAME, "--out", tmp_path / "epoch")
    assert answer.code == 2
    assert answer.data["field"] == "masses"
    assert not (tmp_path / "epoch").exists()
    shown = run("statement", "show", NAME)
    assert "13/2 of 2x1 3x2 1x5 2x3" in json.dumps(shown.data)
