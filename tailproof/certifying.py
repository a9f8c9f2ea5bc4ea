"""Answering a challenge with a certificate of solvency, and checking one offline.

*What holding certificates show*: under the epoch, what the custodian attests, each asset at the epoch's factors and
less its debts, is at least the margin of the positions that the venue attests and the buffer beyond it (S1 to S5, C1 to
C18); made for this challenge, by who knows both openings.

*What a cheat could do without a check* is beside each in `examine`; `tests/tailproof/test_certificates.py` has such a
cheat for each. What no check here can see is `NOT_SHOWN`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuits import statements
from circuits.clauses.collateral import BUFFER_UNIT, surplus_of
from circuits.statements import solvency
from primitives.errors import BadInput
from risk.exact.clock import format_time
from risk.grid.grid_epoch import GridEpoch
from risk.grid.haircuts import FACTOR_UNIT
from risk.margins.grid_margin import grid_margin

from .answering import examine_answer, examine_word, require_all, require_asked
from .attestation import require_opens
from .auditing import Check
from .bundle import Bundle
from .certificate import Certificate, context_of
from .challenge import Challenge, require_solvency
from .collateral_opening import CollateralOpening
from .custody import KINDS, Attestation, kept_by
from .epochs import AnyEpoch, Claim
from .keys import KeyDirectory
from .progress import Progress, quiet
from .proving import proven
from .secret import Opening
from .statements import r1cs_digest

if TYPE_CHECKING:
    from prover import VerificationKey
    from prover.backend import BackendName

NOT_SHOWN = (
    "how much there is: neither margin nor collateral, nor by how much one exceeds the other",
    "that the custodian has what it attests and commits to it once, or that the venue looked: that is their word",
    "anything of positions and debts elsewhere, nor that this collateral is encumbered to who asks",
    "that it stays so: prices move, and keepers promise it only until the times above",
    "who made it, beyond who knows both openings; and whoever has it and the challenge can check it as well",
)


@dataclass(frozen=True)
class Sufficiency:
    """What the holder alone may know, 10**-6 quote units.

    worth : of collateral less debts, rounded down.  needed : margin and buffer, rounded up.  covers : exactly.
    """

    margin: int
    worth: int
    needed: int
    covers: bool


def sufficiency(epoch: GridEpoch, opening: Opening, kept: CollateralOpening, buffer: int) -> Sufficiency:
    """Whether collateral covers a margin and a buffer.

    Raises
    ------
    BadInput : an instrument or an asset that the epoch does not list.
    """
    margin = grid_margin(epoch, [(epoch.index_of(number), lots) for number, lots in opening.slots]).required
    for holding in kept.holdings:
        epoch.asset_place(holding.asset)
    free = surplus_of(epoch, kept.holdings, 0, 0)
    return Sufficiency(margin, free // (BUFFER_UNIT * FACTOR_UNIT), -(-margin * (BUFFER_UNIT + buffer) // BUFFER_UNIT),
                       surplus_of(epoch, kept.holdings, margin, buffer) >= 0)


# -- proving ---------------------------------------------------------------------------------------------------------
def require_answerable(challenge: Challenge, keys: KeyDirectory, epoch: AnyEpoch, opening: Opening,
                       kept: CollateralOpening, attestations: Sequence[Attestation], now: int) -> GridEpoch:
    """Refuse, before any work, what would be no answer to a challenge; the epoch, which is one on a grid.

    Raises
    ------
    BadInput : the challenge is over; key, epoch, openings or attestations are not what it asks for, or not of each
        other.
    """
    statement = statements.get(challenge.statement)
    require_solvency(statement)
    grid = require_asked(challenge, keys, epoch, now)
    if statements.get(opening.statement).preset != statement.preset.margin:
        raise BadInput("opening.statement", opening.statement, f"one of the margin that {statement.name} bounds")
    require_opens(opening)
    for name, found, wanted in (
            ("statement", kept.statement, challenge.statement), ("account", kept.account, challenge.account),
            ("custodian", kept.custodian, challenge.custodian)):
        if found != wanted:
            raise BadInput(f"collateral-opening.{name}", found, f"{wanted}, which the challenge names")
    commitments = {"positions": opening.commitment, "collateral": kept.commitment}
    if sorted(attestation.kind for attestation in attestations) != sorted(KINDS):
        raise BadInput("attestations", [attestation.kind for attestation in attestations], "one of positions, one of "
                       "collateral")
    for attestation in attestations:
        require_all(_attested(attestation, challenge, commitments[attestation.kind], now))
    return grid


def certify(challenge: Challenge, keys: KeyDirectory, epoch: GridEpoch, opening: Opening, kept: CollateralOpening,
            attestations: Sequence[Attestation], *, progress: Progress = quiet) -> Certificate:
    """The certificate that answers a challenge, of what `require_answerable` took.

    Raises
    ------
    BadInput : collateral that does not cover; a portfolio out of the statement's bounds.
    """
    statement = statements.get(challenge.statement)
    context = context_of(challenge, epoch.header.timestamp)
    rows = [(epoch.index_of(number), lots) for number, lots in opening.slots]
    inputs: Mapping[str, Any] = solvency.assign(
        statement.preset, epoch, rows, opening.salt, kept.kept, challenge.buffer, context.field_element())
    public, proof = proven(keys, statement, inputs, progress=progress)
    bundle = Bundle(statement.name, r1cs_digest(statement.name), keys.insecure_setup, public, context, proof)
    return Certificate(bundle, tuple(sorted(attestations, key=lambda attestation: KINDS.index(attestation.kind))))


# -- checking --------------------------------------------------------------------------------------------------------
def examine(certificate: Certificate, challenge: Challenge, key: VerificationKey, epoch: Claim, *, at: int,
            key_circuit: str | None = None, backend: BackendName = "kernels") -> Sequence[Check]:
    """Check a certificate against one's own challenge, key and epoch; parameters and errors as `examine_answer`.

    Raises
    ------
    BadInput : also for a challenge to a group.
    """
    require_solvency(statements.get(challenge.statement))
    public = certificate.bundle.public_inputs
    checks = [
        *examine_answer(certificate.bundle, challenge, key, epoch, at=at, key_circuit=key_circuit, backend=backend),
        # Without it: what the custodian keeps for somebody else.
        Check.same("holder", public["holder"], kept_by(str(challenge.custodian), challenge.account)),
        # Without them: a commitment to no positions, one to all the gold of the world.
        Check.same("attestations", ", ".join(one.kind for one in certificate.attestations), ", ".join(KINDS)),
    ]
    inputs = {"positions": "portfolio_commitment", "collateral": "collateral_commitment"}
    for attestation in certificate.attestations:
        checks += _attested(attestation, challenge, public[inputs[attestation.kind]], at)
    return checks


def _attested(attestation: Attestation, challenge: Challenge, commitment: int, at: int) -> Sequence[Check]:
    """That the keeper whom the challenge names signed this commitment of this account."""
    keeper, what = challenge.venue if attestation.kind == "positions" else challenge.custodian, attestation.kind
    return [*examine_word(attestation, keeper, challenge, at, what),
            Check.same(f"account of {what}", attestation.account, challenge.account),
            Check.same(f"commitment of {what}", attestation.commitment, commitment)]


def in_words(challenge: Challenge, root: int, valuation: int | None) -> str:
    """What a certificate that holds shows."""
    when = "" if valuation is None else f", valued at {format_time(valuation)}"
    return (f"What {challenge.custodian} attests to keep for {challenge.account}, counted by the epoch's factors and "
            f"less debts, is at least the margin of the positions that {challenge.venue} attests, and "
            f"{challenge.buffer / 100:g} % more, under epoch {root}{when}. Asked by {challenge.asker}.")
