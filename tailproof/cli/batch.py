"""`tailproof batch`: margins of many accounts in one proof."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from primitives.errors import BadInput
from primitives.jsonio import Node
from verifier_contracts.addresses import checksummed

from .. import epochs
from ..keys import INSECURE, KeyDirectory, read_verification_key
from ..secret import Opening
from .console import FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .setting import Setting


class Entry(click.ParamType[tuple[str, int, Path]]):
    """An account, the version of its state, and the salt file that opens its commitment."""

    name = "entry"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int, Path]:
        parts = str(value).split(":", 2)
        if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) <= 13):
            raise BadInput("--entry", value, "ACCOUNT:VERSION:FILE")
        version = Node(int(parts[1]), field="--entry").integer(0, (1 << 40) - 1)
        return checksummed(parts[0], "--entry"), version, Path(parts[2])


@click.group()
def batch() -> None:
    """Prove and verify margins of many accounts at once (risk service, auditor)."""


@batch.command("prove")
@click.option("--key", type=FILE, required=True, help="Key directory of a batch statement.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory.")
@click.option("--deployment", cls=Setting, type=FILE, required=True,
              help="Deployment file: the contracts the proof is for.")
@click.option("--epoch-id", type=Integer(0, (1 << 40) - 1), required=True, help="Id of the published epoch.")
@click.option("--entry", "entries", type=Entry(), metavar="ACCOUNT:VERSION:FILE", multiple=True, required=True,
              help="An account, the version of its state, its salt file; again for each.")
@click.option("--out", type=OUTPUT, required=True, help="Batch to write.")
@reporting
def prove(key: Path, epoch: Path, deployment: Path, epoch_id: int, entries: tuple[tuple[str, int, Path], ...], out: Path
          ) -> Outcome:
    """Prove the margins of accounts whose openings are all at hand. The batch shows no position."""
    from risk.epochs.header import TRIAL
    from risk.exact.money import format_money
    from verifier_contracts.system import System

    from ..batching import Place, Wanted, prove_batch
    keys, numbers, there = KeyDirectory.load(key), epochs.load(epoch), System.load(deployment)
    wanted = [Wanted(account, version, Opening.load(path)) for account, version, path in entries]
    place = Place(there.chain_id, there.contracts["ledger"], bytes.fromhex(keys.key_digest[2:]), epoch_id)
    made = prove_batch(keys, numbers, wanted, place, progress=progress)
    made.save(out)
    return Outcome({"batch": str(out), "margins": [
        {"account": one.account, "version": one.version, "margin": str(one.margin)} for one in made.margins],
        "insecure_setup": made.insecure_setup, "trial_epoch": numbers.header.trial},
        [*table([(one.account, one.version, f"{format_money(one.margin)} {numbers.header.quote}")
                 for one in made.margins], ["account", "version", "margin"]), f"{out}: one proof of all of them.",
         *([INSECURE] if made.insecure_setup else []), *([TRIAL] if numbers.header.trial else [])])


@batch.command("verify")
@click.argument("file", type=FILE)
@click.option("--key", type=FILE, required=True, help="Verification key (JSON) or key directory that you trust.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory, or its manifest.json, that you trust.")
@click.option("--backend", type=click.Choice(["kernels", "reference"]), default="kernels", show_default=True,
              help="reference: the independent py_ecc arithmetic.")
@reporting
def verify(file: Path, key: Path, epoch: Path, backend: Any) -> Outcome:
    """Verify the batch FILE against a key and an epoch, offline; exit code 1 if any check fails."""
    from risk.exact.money import format_money

    from ..batching import Batch, audit_batch
    found, verification_key, trusted = Batch.load(file), read_verification_key(key), epochs.read_claim(epoch)
    circuit = KeyDirectory.load(key).r1cs_digest if os.path.isdir(key) else None
    checks = audit_batch(found, verification_key, epoch_root=trusted.root, shape=trusted.shape, key_circuit=circuit,
                         backend=backend)
    holds = all(check.holds for check in checks)
    on_trust = ["The commitments are the batch's own: compare them with the contract's.", *(
        [] if circuit is not None else ["That the key is for this statement is unchecked."]), *(
        [] if trusted.recomputed else ["The root is the manifest's own: give the epoch directory to recompute it."])]
    return Outcome(
        {"statement": found.statement, "epoch_id": found.place.epoch_id, "margins": [
            {"account": one.account, "version": one.version, "commitment": str(one.commitment),
             "margin": str(one.margin)} for one in found.margins],
         "insecure_setup": verification_key.insecure_setup, "trial_epoch": trusted.trial, "taken_on_trust": on_trust,
         "checks": [check.to_json() for check in checks]},
        [*table([(check.name, "ok" if check.holds else "FALSE", check.told()) for check in checks]), "",
         "proven:" if holds else "NOT proven:",
         *table([(one.account, one.version, f"{format_money(one.margin)} {trusted.quote or 'quote units'}")
                 for one in found.margins], ["account", "version", "margin"]), *on_trust,
         *([INSECURE] if verification_key.insecure_setup else [])], holds)
