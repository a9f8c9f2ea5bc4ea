"""`tailproof verify`: a bundle checked offline."""

from __future__ import annotations

import os
from pathlib import Path

import click

from circuits import statements
from primitives.errors import BadInput

from ..bundle import Bundle
from ..keys import INSECURE, KeyDirectory, read_verification_key
from ..number_forms import read_element
from .console import FILE, Outcome, reporting, table


@click.command()
@click.argument("bundle", type=FILE)
@click.option("--key", type=FILE, required=True, help="Verification key (JSON) or key directory that you trust.")
@click.option("--epoch", type=FILE, help="Epoch directory, or its manifest.json, that you trust; for all but a flat "
              "statement.")
@click.option("--commitment", metavar="0x…", help="The registered commitment, if you know it.")
@click.option("--backend", type=click.Choice(["kernels", "reference"]), default="kernels", show_default=True,
              help="reference: the independent py_ecc arithmetic.")
@reporting
def verify(bundle: Path, key: Path, epoch: Path | None, commitment: str | None, backend: str) -> Outcome:
    """Verify BUNDLE against a key and an epoch, offline; exit code 1 if any check fails."""
    from risk.epochs.header import TRIAL

    from ..auditing import audit
    from ..bundling import KINDS
    from ..epochs import NO_PURPOSE, read_claim
    from ..statement_table import TABLE, kind_of
    from ..telling import said_by
    given, verification_key = Bundle.load(bundle), read_verification_key(key)
    kind = kind_of(statements.get(given.statement))
    if kind not in KINDS:
        raise BadInput("statement", given.statement, f"of {', '.join(KINDS)}: this one's command is "
                       f"`{TABLE[kind].verify}`", source=bundle)
    circuit = KeyDirectory.load(key).r1cs_digest if os.path.isdir(key) else None
    if kind == "flat" and epoch is not None:
        raise BadInput("--epoch", str(epoch), "absent: what holds nothing holds nothing in every epoch")
    trusted = None if epoch is None else read_claim(epoch)
    wanted = None if commitment is None else read_element(commitment, "--commitment", low=1)
    checks = audit(given, verification_key, epoch_root=None if trusted is None else trusted.root,
                   shape=None if trusted is None else trusted.shape,
                   key_circuit=circuit, commitment=wanted, backend=backend)
    holds = all(check.holds for check in checks)
    context, (facts, said) = given.context, said_by(given, None if trusted is None else trusted.quote)
    on_trust = [remark for unchecked, remark in (
        (commitment is None, "The commitment is the bundle's own: compare it with the contract's (--commitment)."),
        (circuit is None, "That the key is for this statement is unchecked: a key directory says what its key is for."),
        (trusted is not None and not trusted.recomputed,
         "The root is the manifest's own: give the epoch directory to recompute it."),
        (trusted is not None and trusted.trial is None, NO_PURPOSE),
        (kind == "cover", "That the vault holds this value is unchecked: the contract knows (vault balance)."),
    ) if unchecked]
    trial = trusted is not None and trusted.trial
    where = "" if kind == "flat" else f" in epoch {context.epoch_id}"
    return Outcome(
        {"statement": given.statement, **facts, "account": context.account,
         "epoch_id": context.epoch_id, "insecure_setup": verification_key.insecure_setup,
         "trial_epoch": None if trusted is None else trusted.trial, "taken_on_trust": on_trust,
         "checks": [check.to_json() for check in checks]},
        [*table([(check.name, "ok" if check.holds else "FALSE", check.told()) for check in checks]), "",
         f"{'proven' if holds else 'NOT proven'}: {said} of account {context.account}{where}, for contract "
         f"{context.manager} on chain {context.chain_id}", *on_trust,
         *([INSECURE] if verification_key.insecure_setup else []), *([TRIAL] if trial else [])],
        holds)
