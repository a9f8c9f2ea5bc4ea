"""A bundle of any statement that one carries: a margin, cover of a hidden margin or shortfall, that nothing is held."""

from __future__ import annotations

from circuits import statements
from circuits.statements.cover import Claim
from primitives.errors import BadInput
from verifier_contracts.context import Context

from .attestation import prove_margin
from .bundle import Bundle
from .covering import cover_inputs, flat_inputs
from .epochs import AnyEpoch
from .keys import KeyDirectory
from .progress import Progress, quiet
from .proving import proven
from .secret import Opening
from .statement_table import TABLE, kind_of
from .statements import r1cs_digest

KINDS = tuple(kind for kind, row in TABLE.items() if row.prove == "prove")


def kind_of_key(keys: KeyDirectory) -> str:
    """What a key proves, of KINDS; raises BadInput for another, and says which command it has."""
    kind = kind_of(statements.get(keys.statement))
    if kind not in KINDS:
        raise BadInput("--key", keys.statement, f"of {', '.join(KINDS)}: this one's command is `{TABLE[kind].prove}`",
                       source=keys.path)
    return kind


def prove_bundle(keys: KeyDirectory, opening: Opening, context: Context, *, epoch: AnyEpoch | None = None,
                 claim: Claim | None = None, progress: Progress = quiet) -> Bundle:
    """Prove what a key is of, for a context.

    Parameters
    ----------
    epoch : absent for `flat` alone.  claim : for `cover` alone.

    Raises
    ------
    BadInput : as `prove_margin`, `cover_inputs`, `flat_inputs`; an epoch or a claim that is missing, or is not wanted.
    """
    kind = kind_of_key(keys)
    if (epoch is None) != (kind == "flat"):
        raise BadInput("--epoch", None if epoch is None else str(epoch.root), "absent: nothing held is nothing in "
                       "every epoch" if kind == "flat" else "given")
    if (claim is None) != (kind != "cover"):
        raise BadInput("--value and --buffer", None if claim is None else (claim.value, claim.buffer),
                       "given: what is to cover, and by how much" if kind == "cover" else f"absent: {kind} has none")
    if epoch is None:
        statement, inputs = flat_inputs(keys, opening, context)
    elif claim is None:
        return prove_margin(keys, epoch, opening, context, progress=progress)
    else:
        statement, inputs = cover_inputs(keys, epoch, opening, claim, context)
    public, proof = proven(keys, statement, inputs, progress=progress)
    return Bundle(statement.name, r1cs_digest(statement.name), keys.insecure_setup, public, context, proof)
