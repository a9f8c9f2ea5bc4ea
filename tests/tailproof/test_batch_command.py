"""Margins of two accounts in one proof, by commands; and each false part of such a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from margin_site import system_file
from oracle_epochs import build

from circuits import statements
from risk.margins.margin import margin
from risk.margins.portfolio import Portfolio
from tailproof import epochs
from tailproof.audits.brought import Brought, Key, brought
from tailproof.batching import Batch
from tailproof.keys import KeyDirectory, make_keys
from verifier_contracts.abi import encode_call
from verifier_contracts.bindings import proof_words
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.events import Event
from verifier_contracts.ledger import MarginLedger
from verifier_contracts.verifier_registry import slot_id

Run = Callable[..., Any]
A, B = ("0x" + digit * 40 for digit in "12")


@pytest.fixture(scope="module")
def home(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("batch")
    build(home / "epoch")
    build(home / "other", spot="29100")
    keys = make_keys(statements.get("batch-tiny"), home / "key")
    system_file(home / "deployment.json", "margin-tiny", bytes.fromhex(keys.key_digest[2:]))
    for name, lots in (("one", 3), ("two", -2)):
        (home / f"{name}.json").write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
            {"instrument": "BTC-PERP", "lots": lots}]}))
        assert run("commit", "--statement", "margin-tiny", "--epoch", home / "epoch", "--portfolio",
                   home / f"{name}.json", "--out", home / f"{name}.secret.json").code == 0
    answer = prove(run, home, home / "batch.json")
    assert answer.code == 0, answer.data
    return home


def prove(run: Run, home: Path, out: Path, *entries: str) -> Any:
    chosen = entries or (f"{A}:1:{home}/one.secret.json", f"{B}:7:{home}/two.secret.json")
    return run("batch", "prove", "--key", home / "key", "--epoch", home / "epoch", "--deployment",
               home / "deployment.json", "--epoch-id", 5, "--out", out, *(
                   word for entry in chosen for word in ("--entry", entry)))


def verify(run: Run, home: Path, file: Path, *more: object, epoch: str = "epoch") -> Any:
    return run("batch", "verify", file, "--key", home / "key", "--epoch", home / epoch, *more)


def test_two_margins_are_those_of_the_reference(run: Run, home: Path) -> None:
    shown = verify(run, home, home / "batch.json")
    assert shown.code == 0
    epoch = epochs.load(home / "epoch")
    expected = [margin(epoch, Portfolio.read(home / f"{name}.json").rows(epoch)).required      # type: ignore[arg-type]
                for name in ("one", "two")]
    assert [int(one["margin"]) for one in shown.data["margins"]] == expected
    assert max(expected) > 0
    assert verify(run, home, home / "batch.json", "--backend", "reference").code == 0


def test_a_batch_may_have_unused_places(run: Run, home: Path, tmp_path: Path) -> None:
    assert prove(run, home, tmp_path / "one.json", f"{A}:1:{home}/one.secret.json").code == 0
    assert len(verify(run, home, tmp_path / "one.json").data["margins"]) == 1


@pytest.mark.parametrize(("change", "fails"), [
    (lambda data: data["margins"][0].update(margin="0"), "proof (kernels)"),
    (lambda data: data["margins"][0].update(version=2), "proof (kernels)"),
    (lambda data: data["margins"][1].update(account="0x" + "3" * 40), "proof (kernels)"),
    (lambda data: data["margins"][1].update(commitment="7"), "proof (kernels)"),
    (lambda data: data["margins"].reverse(), "proof (kernels)"),
    (lambda data: data["margins"].pop(), "proof (kernels)"),
    (lambda data: data.update(digest="7"), "proof (kernels)"),
    (lambda data: data.update(chain_id=9), "proof (kernels)"),
    (lambda data: data.update(manager="0x" + "3" * 40), "proof (kernels)"),
    (lambda data: data.update(epoch_id=6), "proof (kernels)"), (lambda data: data.update(epoch_root="7"), "epoch root"),
    (lambda data: data.update(key_digest="0x" + "11" * 32), "key"),
    (lambda data: data.update(setup="ceremony"), "setup"),
    (lambda data: data.update(r1cs_digest="11" * 32), "constraint system")])
def test_each_false_part_is_found(run: Run, home: Path, tmp_path: Path, change: Callable[[Any], object], fails: str
                                  ) -> None:
    data = json.loads((home / "batch.json").read_text())
    change(data)
    (tmp_path / "changed.json").write_text(json.dumps(data))
    answer = verify(run, home, tmp_path / "changed.json")
    assert answer.code == 1
    assert fails in {check["name"] for check in answer.data["checks"] if not check["holds"]}


# -- audited -----------------------------------------------------------------------------------------------------------
def test_a_batch_is_verified_again_out_of_its_calldata(home: Path) -> None:
    """The audit of one of its accounts: all that the proof is of is made again, what is ours by what contracts told."""
    from prover import verify
    made, keys = Batch.load(home / "batch.json"), KeyDirectory.load(home / "key")
    key, chain_id = Key("batch-tiny", keys.verification_key()), made.place.chain_id
    ledger = MarginLedger(SimpleNamespace(chain_id=chain_id, name="node"), made.place.manager)     # type: ignore[arg-type]
    attestor = SimpleNamespace(address="0x" + "a" * 40, artifact=compile_contracts()["BatchAttestor"])
    rows = [(one.account, one.version, one.margin, one.commitment) for one in made.margins]
    first = made.margins[0]

    def event(**changes: Any) -> Event:
        told = {"account": first.account, "epochId": 5, "version": first.version, "margin": first.margin, **changes}
        return Event("ledger", "MarginAttested", told, 7, "0x" + "1" * 64, "0x" + "2" * 64, 0)

    def audited(rows: list[Any] = rows, digest: int = made.digest, epoch_id: int = 5, root: int = made.epoch_root,
                commitment: int = first.commitment, keys: dict[str, Key] | None = None,
                activated: tuple[Event, ...] = (), **changes: Any) -> Any:
        data = encode_call(attestor.artifact, "attestBatch", [epoch_id, 0, rows, digest, proof_words(made.proof)])
        on: Any = SimpleNamespace(chain=SimpleNamespace(sent=lambda _: (attestor.address, data)),
                                  there=SimpleNamespace(ledger=ledger, attestor=attestor))
        published: Any = {5: SimpleNamespace(arguments={"root": root})}
        found = brought(on, first.account, event(**changes), {"batch-4": key} if keys is None else keys, published,
                        {first.version: commitment}, activated)
        return verify(key.key, found.inputs, found.proof) if isinstance(found, Brought) else found
    assert audited() is True

    def put_in_force(digest: bytes, block: int, place: int = 0) -> Event:
        return Event("registry", "GenerationActivated", {"statement": slot_id("batch-4"), "generation": block,
                                                         "keyDigest": digest}, block, "0x", "0x", place)
    ours, other = key.key.digest(), b"\x07" * 32
    # The key that was in force then counts, and no later one, of the same block neither.
    for activated in ((put_in_force(other, 1), put_in_force(ours, 6)), (put_in_force(ours, 1), put_in_force(other, 7))):
        assert audited(activated=activated) is True
    assert "made for the key 0x0707" in audited(activated=(put_in_force(ours, 1), put_in_force(other, 6)))
    changed = [list(row) for row in rows]
    for place, value in ((1, 8), (2, 9), (3, 10)):
        changed[1] = list(rows[1])
        changed[1][place] = value
        assert audited(changed) is False, "another's margin is part of what the proof is of"
    assert audited(digest=made.digest + 1) is False
    assert audited(root=made.epoch_root + 1) is False
    assert audited(rows[::-1]) is False
    unverified = "is not of this account, version, commitment and amount"
    for found in (audited(margin=first.margin + 1), audited(epoch_id=6), audited(commitment=7)):
        assert unverified in found
    assert "no key of batch-4 was given" in audited(keys={"margin": key})
    assert "no key of margin was given" in audited(keys={})
    assert "number of accounts" in audited([*rows, (B, 9, 1, 1)])


def test_another_epoch_is_refused(run: Run, home: Path) -> None:
    assert verify(run, home, home / "batch.json", epoch="other").code == 1


@pytest.mark.parametrize(("entries", "field"), [
    ((f"{A}:1:ONE", f"{A}:2:TWO"), "account"),
    ((f"{A}:1:ONE", f"{B}:1:TWO", f"0x{'3' * 40}:1:ONE"), "number of accounts"),
    ((f"{A}:1",), "--entry"), ((f"{A}:x:ONE",), "--entry"), (("nobody:1:ONE",), "--entry")])
def test_senseless_batches_are_refused(run: Run, home: Path, tmp_path: Path, entries: tuple[str, ...], field: str
                                       ) -> None:
    files = [entry.replace("ONE", f"{home}/one.secret.json").replace("TWO", f"{home}/two.secret.json")
             for entry in entries]
    answer = prove(run, home, tmp_path / "out.json", *files)
    assert (answer.code, answer.data["field"]) == (2, field)
    assert not (tmp_path / "out.json").exists()


def test_a_key_of_another_statement_is_refused(run: Run, home: Path, tmp_path: Path) -> None:
    keys = make_keys(statements.get("flat-tiny"), tmp_path / "flat")
    assert isinstance(keys, KeyDirectory)
    answer = run("batch", "prove", "--key", tmp_path / "flat", "--epoch", home / "epoch", "--deployment",
                 home / "deployment.json", "--epoch-id", 5, "--out", tmp_path / "out.json", "--entry",
                 f"{A}:1:{home}/one.secret.json")
    assert (answer.code, answer.data["field"]) == (2, "statement")
