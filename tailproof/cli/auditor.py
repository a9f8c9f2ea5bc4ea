"""`tailproof verify`: a bundle checked offline."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..bundle import Bundle
from ..keys import INSECURE, KeyDirectory, read_verification_key
from .console import FILE, Outcome, reporting, table


@click.command()
@click.argument("bundle", type=FILE)
@click.option("--key", type=FILE, required=True, help="Verification key (JSON) or key directory that you trust.")
@click.option("--epoch", type=FILE, required=True, help="Epoch directory, or its manifest.json, that you trust.")
@click.option("--commitment", metavar="NUMBER", help="The registered commitment, if you know it.")
@click.option("--backend", type=click.Choice(["kernels", "reference"]), default="kernels", show_default=True,
              help="reference: the independent py_ecc arithmetic.")
@reporting
def verify(bundle: Path, key: Path, epoch: Path, commitment: str | None, backend: str) -> Outcome:
    """Verify BUNDLE against a key and an epoch, offline; exit code 1 if any check fails."""
    from primitives.field import MODULUS
    from primitives.jsonio import Node
    from risk.epochs.header import TRIAL
    from risk.exact.money import format_money

    from ..auditing import audit
    from ..epochs import read_claim
    given, verification_key = Bundle.load(bundle), read_verification_key(key)
    circuit = KeyDirectory.load(key).r1cs_digest if os.path.isdir(key) else None
    trusted = read_claim(epoch)
    wanted = None if commitment is None else Node(commitment, field="--commitment").decimal(1, MODULUS - 1)
    checks = audit(given, verification_key, epoch_root=trusted.root, shape=trusted.shape, key_circuit=circuit,
                   commitment=wanted, backend=backend)
    holds = all(check.holds for check in checks)
    context, margin = given.context, f"{format_money(given.margin)} {trusted.quote or 'quote units'}"
    on_trust = [remark for unchecked, remark in (
        (commitment is None, "The commitment is the bundle's own: compare it with the contract's (--commitment)."),
        (circuit is None, "That the key is for this statement is unchecked: a key directory says what its key is for."),
        (not trusted.recomputed, "The root is the manifest's own: give the epoch directory to recompute it."),
    ) if unchecked]
    return Outcome(
        {"statement": given.statement, "margin": str(given.margin), "account": context.account,
         "epoch_id": context.epoch_id, "insecure_setup": verification_key.insecure_setup,
         "trial_epoch": trusted.trial, "taken_on_trust": on_trust,
         "checks": [check.to_json() for check in checks]},
        [*table([(check.name, "ok" if check.holds else "FALSE", check.told()) for check in checks]), "",
         f"{'proven' if holds else 'NOT proven'}: margin {margin} of account {context.account} in epoch "
         f"{context.epoch_id}, for contract {context.manager} on chain {context.chain_id}", *on_trust,
         *([INSECURE] if verification_key.insecure_setup else []), *([TRIAL] if trusted.trial else [])],
        holds)
