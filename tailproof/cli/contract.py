"""`tailproof contract`: the verifier's source, the contracts on a chain, and what their roles do.

Without `--rpc` a command runs on a fresh embedded chain: good for a look at gas and refusals, gone when it ends.
Transactions are signed with the private key in $TAILPROOF_PRIVATE_KEY, or by an account that the node has unlocked.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from primitives import jsonio
from primitives.errors import BadInput, Said

from .. import epochs
from ..keys import INSECURE, KeyDirectory
from . import console
from .console import ADDRESS, CONTINUED, FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .fields import FIELD
from .node import Endpoint, talking_to_a_node
from .setting import Setting

if TYPE_CHECKING:
    from verifier_contracts.desk_messages import CommitmentConsent
    from verifier_contracts.ledger import CommitmentDesk
    from verifier_contracts.system import Contracts, System

DEPLOYMENT = click.option("--deployment", cls=Setting, type=FILE, required=True,
                          help="File that `contract deploy` wrote.")


_ELSEWHERE = {**dict.fromkeys(("roles", "grant", "revoke", "cancel", "freeze", "pause", "resume", "rotate"),
                              "contract_governance"),
              **dict.fromkeys(("void", "move", "accounts", "history"), "contract_accounts"),
              "show": "contract_show", "epochs": "contract_epochs"}
"""Commands of this group in files of their own, which are read when they are asked for."""


class _Parts(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def resolve_command(self, ctx: click.Context, args: list[str]
                        ) -> tuple[str | None, click.Command | None, list[str]]:
        return console.resolving(self, ctx, args, super().resolve_command)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            found = getattr(import_module(f"tailproof.cli.{_ELSEWHERE[cmd_name]}"), cmd_name)
            assert isinstance(found, click.Command)
            console.tell_whole(click.Group(commands=[found]))
            return found
        if cmd_name == "publish":                  # of earlier versions
            raise BadInput("command", Said("contract publish"), "`tailproof oracle content`, `sign` and `publish`: "
                           "publishers sign epochs, and anyone brings the signatures")
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Parts)
def contract() -> None:
    """Generate, deploy, feed and govern the contracts."""


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
    with jsonio.creating(out) as file:
        file.write(source.encode())
    return Outcome({"path": str(out), "key_digest": found.key_digest, "circuit_digest": "0x" + found.r1cs_digest,
                    "insecure_setup": found.insecure_setup},
                   [f"{out}: verifier of {found.statement}, key {found.key_digest}",
                    *([INSECURE] if found.insecure_setup else [])])


@contract.command("deploy")
@click.option("--config", type=FILE, required=True, help="What the system is to be: `tailproof new system` writes one "
              "to start from.")
@talking_to_a_node(sends=True, optional="JSON-RPC endpoint; without it, a trial on an embedded chain.",
                   filled=lambda typed: "out" in typed)
@click.option("--out", type=CONTINUED, help="Deployment file to write, with --rpc.")
@reporting
def deploy_contracts(config: Path, endpoint: Endpoint, out: Path | None) -> Outcome:
    """Deploy all contracts of a system as --config says, hand them over, and show every address, role and clock.

    A proof is made first with each key, for the self-test of its verifier.  What is deployed before a failure stays in
    the file; the same command then goes on from there.
    """
    from dataclasses import replace

    from verifier_contracts.chain import Chain
    from verifier_contracts.system_config import SystemConfig
    from verifier_contracts.system_deployment import deploy_system
    from verifier_contracts.unfinished import require_unfinished

    from ..systems import load_proving
    if (endpoint.rpc is None) != (out is None):
        raise BadInput("--rpc and --out", (endpoint.rpc, out and str(out)), "given together: without --out nobody "
                       "would know where the contracts are, and without --rpc their chain is gone")
    if out is not None and os.path.lexists(out):
        require_unfinished(out)                    # before proofs are made for nothing
    wanted = SystemConfig.load(config)
    if endpoint.rpc is None:
        chain = Chain.embedded()                   # a trial: on whatever chain this is
        wanted = replace(wanted, chain_id=chain.chain_id)
    else:
        chain = endpoint.connect()
        if chain.chain_id != wanted.chain_id:      # before proofs are made for nothing
            raise BadInput("chain_id", wanted.chain_id, f"{chain.chain_id}, as the node says", source=config)
        wanted.require_deployer(chain.default_sender())
    made = deploy_system(chain, wanted, load_proving(wanted, progress=progress), progress=progress, file=out)
    return _told(made, made.bind(chain), [
        "A trial: the embedded chain is gone now." if out is None else
        f"`tailproof config new --rpc URL --deployment {out}` has other commands find them without being told."])


def _told(system: System, there: Contracts, remarks: list[str]) -> Outcome:
    from verifier_contracts.clocks import clocks
    from verifier_contracts.open_steps import open_steps

    from ..system_table import rows, to_json
    found, publishers, steps = clocks(system, there), there.oracle.signers(), open_steps(there)
    return Outcome({**to_json(system, found, publishers, steps), "chain": there.chain.name,
                    "insecure_setup": system.insecure}, [
        *table(list(rows(system, found, publishers, steps)), ("what", "value", "about it")),
        *([INSECURE] if system.insecure else []), *remarks])


@contract.command("table")
@DEPLOYMENT
@talking_to_a_node()
@FIELD
@reporting
def table_of_system(deployment: Path, endpoint: Endpoint) -> Outcome:
    """Every address, verifier, role, delay and clock of a system, once its contracts are seen to say the same.

    Roles are those of the deployment; `contract roles` has them as they are now, `contract check` the difference.
    """
    from verifier_contracts.system import System
    system = System.load(deployment)
    return _told(system, system.open(endpoint.connect()), [])


@contract.command("source")
@click.argument("names", nargs=-1, required=True)
@click.option("--standard-json", is_flag=True, required=True, help="The compiler's input, sources and settings.")
@click.option("--out", type=OUTPUT, required=True, help="File to write.")
@reporting
def source_of_contracts(names: tuple[str, ...], standard_json: bool, out: Path) -> Outcome:
    """Write what an explorer needs to compile contracts NAMES again and see that their code is what is deployed."""
    from verifier_contracts.compiler import standard_json as input_of
    made = input_of(names)
    jsonio.write(out, made)
    return Outcome({"path": str(out), "contracts": list(names), "sources": sorted(made["sources"])},
                   [f"{out}: {len(made['sources'])} sources of {', '.join(names)}"])


@contract.command("check")
@DEPLOYMENT
@talking_to_a_node()
@click.option("--config", type=FILE, help="Configuration of a system whose keys you trust: roles, delays and settings "
              "are compared with it, and the verifiers' code with what its keys generate.")
@reporting
def check_contracts(deployment: Path, endpoint: Endpoint, config: Path | None) -> Outcome:
    """Compare the deployment file with the contracts, and their code with ours, byte for byte; exit code 1 if they
    differ."""
    from verifier_contracts.errors import ContractRefused
    from verifier_contracts.open_steps import open_steps
    from verifier_contracts.selftest import require_precompiles
    from verifier_contracts.system import System
    from verifier_contracts.system_authenticity import system_authenticity
    from verifier_contracts.system_config import SystemConfig

    from ..systems import circuits_of, configured, trusted_keys
    there, wanted = System.load(deployment), None if config is None else SystemConfig.load(config)
    chain = endpoint.connect()
    checks = [*system_authenticity(chain, there, None if wanted is None else trusted_keys(wanted), report=progress),
              *circuits_of(there), *([] if wanted is None else configured(there, wanted))]
    rows: list[tuple[str, object, object]] = [(one.what, one.said, one.found) for one in checks]
    on_trust = [
        *([] if wanted is not None else ["The verifiers' code is unchecked, and so is whether roles are what they "
                                         "should be: give a configuration whose keys you trust (--config)."]),
        "That the node leaves out no event: who ever got a role is read from events."]
    steps = open_steps(there.bind(chain))
    facts = {"open_steps": steps, "chain_id": there.chain_id, "contracts": dict(there.contracts),
             "insecure_setup": there.insecure}
    try:
        require_precompiles(chain)
    except ContractRefused as refused:
        rows.append(("precompiles", True, str(refused)))
    else:
        rows.append(("precompiles", True, True))
    return Outcome({**facts, "taken_on_trust": on_trust, "checks": [
        {"name": name, "holds": said == found, "expected": said, "found": found} for name, said, found in rows]},
        [*table([(name, *_both(said, found)) for name, said, found in rows]),
         *(f"OPEN: {step}" for step in steps), *on_trust],
        all(said == found for _, said, found in rows))


def _both(said: object, found: object) -> tuple[str, str]:
    """A verdict, and what it stands on: one side where both are the same."""
    if said == found:
        return "ok", "as it must be" if said is True else str(said)
    return "FALSE", "not what it must be" if (said, found) == (True, False) else f"expected {said}, found {found}"


@contract.command("consent")
@DEPLOYMENT
@talking_to_a_node(signs=True)
@click.option("--opening", type=FILE, required=True, help="Salt file that `tailproof commit` wrote.")
@click.option("--venue", type=ADDRESS, required=True, help="The venue that holds the positions.")
@click.option("--account", type=ADDRESS, help="Your account: the key must be its own.")
@click.option("--valid-for", type=Integer(60, 31_536_000), default=86_400, show_default=True, help="Seconds.")
@click.option("--out", type=OUTPUT, required=True, help="Consent file to write, for the venue.")
@reporting
def sign_consent(deployment: Path, endpoint: Endpoint, opening: Path, venue: str, account: str | None, valid_for: int,
                 out: Path) -> Outcome:
    """Sign, as the owner, that the venue may register your commitment (EIP-712)."""
    from risk.exact.clock import format_time
    from verifier_contracts.system import System

    from ..attestation import require_opens
    from ..consents import require_consentable, write_consent
    from ..secret import Opening
    owner, secret = endpoint.signer(), Opening.load(opening)
    require_consentable(owner.address, venue, account)
    require_opens(secret)                          # who consents to what she cannot open can prove nothing any more
    there = System.load(deployment)
    _require_same_statement(secret.statement, there, opening)
    chain = endpoint.connect()
    consent = there.open(chain).desk.consent(owner.address, venue, secret.commitment, chain.clock() + valid_for)
    write_consent(out, consent, owner.sign_message(consent.typed_data()))
    return Outcome({"path": str(out), "account": consent.account, "venue": consent.venue, "version": consent.version,
                    "commitment": str(consent.commitment), "deadline": consent.deadline}, [
        f"{out}: {consent.account} consents that {consent.venue} registers version {consent.version}, until "
        f"{format_time(consent.deadline)}"])


@contract.command("register")
@DEPLOYMENT
@talking_to_a_node(sends=True)
@click.option("--consent", "consent_file", type=FILE, required=True, help="File that `contract consent` wrote.")
@click.option("--opening", type=FILE, help="The owner's salt file: the commitment is opened and compared first.")
@click.option("--expect-portfolio", "portfolio", type=FILE, help="The positions that you hold for the account, as a "
              "portfolio file; with --opening and --epoch.")
@click.option("--epoch", type=FILE, help="Epoch directory that names the instruments.")
@reporting
def register_commitment(deployment: Path, endpoint: Endpoint, consent_file: Path, opening: Path | None,
                        portfolio: Path | None, epoch: Path | None) -> Outcome:
    """Register an account's commitment (role: venue), once it is seen to commit to the positions that you hold.

    Without --opening and --expect-portfolio nobody has looked, and the answer says so.
    """
    from risk.margins.portfolio import Portfolio
    from verifier_contracts.system import System

    from ..consents import read_consent
    from ..holdings import below_their_size, beyond_their_size, open_commitment
    from ..secret import Opening
    from .risk_addons import outside, oversized_json, undersized_json
    from .trader import positions_told
    if portfolio is not None and (opening is None or epoch is None):
        raise BadInput("--expect-portfolio", str(portfolio), "given together with --opening and --epoch: a commitment "
                       "alone does not show what it commits to")
    consent, signature = read_consent(consent_file)
    there, checked = System.load(deployment), portfolio is not None
    facts, lines = [], []
    if opening is not None:
        secret = Opening.load(opening)
        _require_same_statement(secret.statement, there, opening)
        if secret.commitment != consent.commitment:
            raise BadInput("consent.commitment", str(consent.commitment), "what the opening opens (whose number is not "
                           "shown)", source=consent_file)
        numbers = None if epoch is None else epochs.load(epoch)
        found = open_commitment(secret, numbers, None if portfolio is None else Portfolio.read(portfolio))
        facts, lines = [position.to_json() for position in found], positions_told(found)
        if not all(position.agrees for position in found):
            return Outcome({"account": consent.account, "version": consent.version, "positions": facts,
                            "positions_checked": True, "transaction": None},
                           [*lines, "NOT registered: the commitment is not to the positions that you hold."], False)
        beyond, below = beyond_their_size(secret, numbers), below_their_size(secret, numbers)
        if beyond or below:
            return Outcome({"account": consent.account, "version": consent.version, "positions": facts,
                            "positions_checked": checked, "oversized": [oversized_json(one) for one in beyond],
                            "undersized": [undersized_json(one) for one in below], "transaction": None},
                           [*lines, *outside(beyond, below),
                            "NOT registered: margins charge these positions as ones of another size."], False)
    desk = there.open(endpoint.connect()).desk
    _require_same_desk(consent, desk, consent_file)
    receipt = desk.register(consent, signature)
    remark = [] if checked else ["NOT checked: whether it commits to the positions that you hold (--opening, "
                                 "--expect-portfolio)."]
    return Outcome({"account": consent.account, "version": consent.version, "positions": facts,
                    "positions_checked": checked, "transaction": receipt.transaction, "gas_used": receipt.gas_used},
                   [*lines, *table([("account", consent.account), ("version", consent.version),
                                    ("transaction", receipt.transaction)]), *remark])


def _require_same_desk(consent: CommitmentConsent, desk: CommitmentDesk, source: Path) -> None:
    """Refuse a signature that was made for other contracts, before the chain says only that it is not the owner's."""
    for field, said, found in (("chain_id", consent.chain_id, desk.chain.chain_id),
                               ("desk", consent.desk, desk.address),
                               ("nonce", consent.nonce, desk.nonce_of(consent.account))):
        if said != found:
            raise BadInput(f"consent.{field}", said, f"{found}, as the contracts have it", source=source)


def _require_same_statement(opened: str, there: System, source: Path) -> None:
    deployed = there.installed("margin").statement
    if opened != deployed:
        raise BadInput("opening.statement", opened, f"{deployed!r}, which the contracts prove", source=source)
