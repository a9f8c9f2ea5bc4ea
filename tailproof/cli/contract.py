"""`tailproof contract`: the verifier's source, the contracts on a chain, and what their roles do.

Without `--rpc` a command runs on a fresh embedded chain: good for a look at gas and refusals, gone when it ends.
Transactions are signed with the private key in $TAILPROOF_PRIVATE_KEY, or by an account that the node has unlocked.
"""

from __future__ import annotations

from pathlib import Path

import click

from circuits import statements
from primitives import jsonio
from primitives.errors import BadInput

from .. import epochs
from ..keys import INSECURE, KeyDirectory
from .console import ADDRESS, CONTINUED, FILE, OUTPUT, Outcome, progress, reporting, table
from .node import Endpoint, talking_to_a_node

DEPLOYMENT = click.option("--deployment", type=FILE, required=True, help="File that `contract deploy` wrote.")


@click.group()
def contract() -> None:
    """Generate, deploy and feed the contracts."""


@contract.command("generate")
@click.option("--key", type=FILE, required=True, help="Key directory.")
@click.option("--out", type=OUTPUT, required=True, help="Solidity file to write.")
@reporting
def generate_source(key: Path, out: Path) -> Outcome:
    """Write the Solidity verifier of a key, once a proof has been made with it: it is of its statement."""
    from verifier_contracts.generator import generate

    from ..known_answers import prove_known_answer
    found = KeyDirectory.load(key)
    prove_known_answer(found, progress=progress)
    source = generate(found.verification_key(), found.statement, bytes.fromhex(found.r1cs_digest))
    with jsonio.replacing(out) as file:
        file.write(source.encode())
    return Outcome({"path": str(out), "key_digest": found.key_digest, "circuit_digest": "0x" + found.r1cs_digest,
                    "insecure_setup": found.insecure_setup},
                   [f"{out}: verifier of {found.statement}, key {found.key_digest}",
                    *([INSECURE] if found.insecure_setup else [])])


@contract.command("deploy")
@click.option("--key", type=FILE, required=True, help="Key directory.")
@talking_to_a_node(sends=True, optional="JSON-RPC endpoint; without it, a trial on an embedded chain.")
@click.option("--out", type=CONTINUED, help="Deployment file to write, with --rpc.")
@click.option("--registry", type=ADDRESS, help="Share an epoch registry that is there already.")
@click.option("--max-epoch-age", type=click.IntRange(1, (1 << 40) - 1), default=86_400, show_default=True,
              help="Seconds after which an epoch proves nothing any more.")
@click.option("--allow-insecure-setup", is_flag=True, help="Take a key whose maker can forge proofs; for trials only.")
@reporting
def deploy_contracts(key: Path, endpoint: Endpoint, out: Path | None, registry: str | None, max_epoch_age: int,
                     allow_insecure_setup: bool) -> Outcome:
    """Deploy registry, verifier and margin manager; every role goes to the sender.

    A proof is made first, for the self-test of the contracts.  What is deployed before a failure stays in the file; the
    same command then goes on from there.
    """
    from verifier_contracts.chain import Chain
    from verifier_contracts.deployment import deploy

    from ..attestation import require_margin
    from ..known_answers import prove_known_answer
    rpc = endpoint.rpc
    if (rpc is None) != (out is None):
        raise BadInput("--rpc and --out", (rpc, out and str(out)), "given together: without --out nobody would "
                       "know where the contracts are, and without --rpc their chain is gone")
    found = KeyDirectory.load(key)
    require_margin(statements.get(found.statement))
    verification_key = found.verification_key()
    if verification_key.insecure_setup and not allow_insecure_setup:
        raise BadInput("key", INSECURE, "one from a ceremony, or --allow-insecure-setup for a trial", source=key)
    chain = Chain.embedded() if rpc is None else endpoint.connect()
    known = prove_known_answer(found, progress=progress)
    made = deploy(chain, verification_key, found.statement, bytes.fromhex(found.r1cs_digest), known,
                  max_epoch_age=max_epoch_age, registry=registry, allow_insecure_setup=allow_insecure_setup,
                  progress=progress, file=out)
    trial = [] if rpc is not None else ["A trial: the embedded chain is gone now."]
    facts = made.to_json()
    return Outcome({**facts, "chain": chain.name}, [
        *table([(name, facts[name]) for name in ("chain_id", "registry", "verifier", "manager", "key_digest")]),
        *([INSECURE] if made.insecure_setup else []), *trial])


@contract.command("publish")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--epoch", type=FILE, required=True, help="Epoch directory; it is checked before it is published.")
@reporting
def publish_epoch(deployment: Path, endpoint: Endpoint, epoch: Path) -> Outcome:
    """Publish an epoch's root (role: publisher); its id is the time of publication."""
    from verifier_contracts.deployment import Deployment
    found = epochs.load(epoch)
    chain = endpoint.connect()
    registry, _ = Deployment.load(deployment).open(chain)
    epoch_id = chain.now()
    receipt = registry.publish(epoch_id, found.root, bytes.fromhex(found.header.model_digest[2:]))
    return Outcome({"epoch_id": epoch_id, "root": str(found.root), "transaction": receipt.transaction,
                    "gas_used": receipt.gas_used},
                   table([("epoch", epoch_id), ("root", found.root), ("transaction", receipt.transaction)]))


@contract.command("consent")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--opening", type=FILE, required=True, help="Salt file that `tailproof commit` wrote.")
@click.option("--venue", type=ADDRESS, required=True, help="The venue that holds the positions.")
@click.option("--valid-for", type=click.IntRange(60, 31_536_000), default=86_400, show_default=True, help="Seconds.")
@click.option("--out", type=OUTPUT, required=True, help="Consent file to write, for the venue.")
@reporting
def sign_consent(deployment: Path, endpoint: Endpoint, opening: Path, venue: str, valid_for: int, out: Path) -> Outcome:
    """Sign, as the owner, that the venue may register your commitment (EIP-712); the key is $TAILPROOF_PRIVATE_KEY."""
    from verifier_contracts.deployment import Deployment

    from ..attestation import require_opens
    from ..consents import owner_from_environment, write_consent
    from ..secret import Opening
    owner, secret = owner_from_environment(), Opening.load(opening)
    require_opens(secret)                          # who consents to what she cannot open can prove nothing any more
    chain = endpoint.connect()
    _, manager = Deployment.load(deployment).open(chain)
    consent = manager.consent(owner.address, venue, secret.commitment, chain.clock() + valid_for)
    write_consent(out, consent, consent.sign(owner))
    return Outcome({"path": str(out), "account": consent.account, "venue": consent.venue, "version": consent.version,
                    "commitment": str(consent.commitment), "deadline": consent.deadline}, [
        f"{out}: {consent.account} consents that {consent.venue} registers version {consent.version}"])


@contract.command("register")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--consent", "consent_file", type=FILE, required=True, help="File that `contract consent` wrote.")
@reporting
def register_commitment(deployment: Path, endpoint: Endpoint, consent_file: Path) -> Outcome:
    """Register an account's commitment (role: venue).  Check first that it commits to the positions you hold."""
    from verifier_contracts.deployment import Deployment

    from ..consents import read_consent
    consent, signature = read_consent(consent_file)
    _, manager = Deployment.load(deployment).open(endpoint.connect())
    receipt = manager.register(consent, signature)
    return Outcome({"account": consent.account, "version": consent.version, "transaction": receipt.transaction,
                    "gas_used": receipt.gas_used},
                   table([("account", consent.account), ("version", consent.version),
                          ("transaction", receipt.transaction)]))


@contract.command("show")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--account", type=ADDRESS, required=True)
@reporting
def show_account(deployment: Path, endpoint: Endpoint, account: str) -> Outcome:
    """What the contract knows of an account."""
    from verifier_contracts.deployment import Deployment
    _, manager = Deployment.load(deployment).open(endpoint.connect())
    state = manager.state_of(account)
    data = {"account": account, "margin": state.margin, "epoch_id": state.epoch_id, "version": state.version,
            "attested_at": state.attested_at, "commitment": str(manager.commitment_of(account)),
            "venue": manager.venue_of(account), "insecure_setup_allowed": manager.allows_insecure_setup()}
    return Outcome(data, table(list(data.items())))
