"""Contracts onto a chain: ours, and verifiers generated from keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primitives.errors import BadInput, Said
from verifier_contracts.abi import encode_deployment, refusal
from verifier_contracts.artifacts import Artifact, template_name
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.compiler import compile_sources, verifier_templates
from verifier_contracts.errors import Reverted
from verifier_contracts.generator import CONTRACT_NAME, generate
from verifier_contracts.selftest import KnownAnswer, require_precompiles, require_right_answers, require_valid
from verifier_contracts.unfinished import Before
from verifier_contracts.verifier_template import LONGEST_NAME, constants_of

if TYPE_CHECKING:
    from prover import VerificationKey


def create(chain: Chain, artifact: Artifact, arguments: list[Any] | None = None, *, sender: str | None = None,
           before: Before | None = None, gas_cap: int | None = None, gas: int | None = None) -> Receipt:
    """Deploy a contract.

    Parameters
    ----------
    arguments : of its constructor; None where it has none.
    before, gas_cap : as for `Chain.send`.
    gas : the limit, where it is known: the constructor is then tried once, and the node need not search for one, for
        which some run it twenty times. Unused where the user allows less.

    Raises
    ------
    ContractRefused : the constructor refused.
    """
    code = artifact.creation if arguments is None else encode_deployment(artifact, arguments)
    try:
        if gas is not None and chain.allows(gas):
            chain.call(None, code, sender=sender, gas=gas)
            return chain.send(None, code, sender=sender, before=before, gas=gas)
        return chain.send(None, code, sender=sender, before=before, gas_cap=gas_cap)
    except Reverted as error:
        raise refusal(error, artifact.name, "constructor") from None


def compile_verifier(key: VerificationKey, statement: str, circuit_digest: bytes | None = None) -> Artifact:
    """The generated verifier of a key: assembled from its template, or compiled where there is none that fits."""
    source = generate(key, statement, circuit_digest)
    template = verifier_templates().get(template_name(key.public, key.insecure_setup))
    if template is None or circuit_digest is None or len(statement) > LONGEST_NAME:
        return compile_sources({f"{CONTRACT_NAME}.sol": source})[CONTRACT_NAME]
    return Artifact(CONTRACT_NAME, [], *template.assemble(constants_of(source), statement))


def deploy_verifier(chain: Chain, key: VerificationKey, statement: str, circuit_digest: bytes | None = None, *,
                    known: KnownAnswer | None = None, sender: str | None = None) -> str:
    """Deploy the verifier of a key alone: for a rotation, or of a statement that no contract of ours acts on.

    Raises
    ------
    BadInput : as `generate`; or the known answer, if one is given, is none.
    ContractRefused : PrecompileMissing, before anything is sent; or the verifier gives a wrong answer.
    """
    if known is not None:
        require_valid(key, known)
    artifact = compile_verifier(key, statement, circuit_digest)
    require_precompiles(chain)
    verifier = str(create(chain, artifact, sender=sender).contract)
    if known is not None:
        require_right_answers(chain, verifier, known)
    return verifier


def require_secure(key: VerificationKey, field: str, allowed: bool) -> None:
    """Refuse a key whose maker can forge proofs, unless that is wanted.

    Raises
    ------
    BadInput : so it is.
    """
    if key.insecure_setup and not allowed:
        raise BadInput(field, Said("INSECURE single-party setup"),
                       "from a ceremony, or allowed explicitly for a trial: "
                       "whoever made this key can forge proofs")
