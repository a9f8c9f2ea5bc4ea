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
from verifier_contracts.epoch_content import OracleDomain

from .attestation import require_opens
from .auditing import Check, audit
from .bundle import Bundle
from .certificate import Certificate, context_of
from .challenge import Challenge
from .collateral_opening import CollateralOpening
from .custody import KINDS, Attestation, kept_by
from .epochs import AnyEpoch, Claim
from .keys import KeyDirectory
from .progress import Progress, quiet
from .proving import proven, require_bound
from .quorums import require_signature
from .secret import Opening
from .shapes import require_shape
from .signing import SignedContent
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
    if now > challenge.until:
        raise BadInput("challenge.until", format_time(challenge.until), f"not over: it is {format_time(now)}")
    keys.require(statement)
    require_bound(keys, context_of(challenge, 0), "solvency")
    require_shape(epoch.shape, statement.shape, statement.name)
    assert isinstance(epoch, GridEpoch)            # it has a grid's shape
    if challenge.epoch_root not in (None, epoch.root):
        raise BadInput("epoch", str(epoch.root), f"{challenge.epoch_root}, which the challenge names")
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
        for check in _attested(attestation, challenge, commitments[attestation.kind], now):
            if not check.holds:
                raise BadInput(check.name, check.found, str(check.expected))
    return epoch


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
    """Check a certificate against one's own challenge, key and epoch.

    Parameters
    ----------
    challenge : the file that was kept, not a copy from the holder.
    at : Unix seconds of the check.
    key_circuit, backend : as in `audit`.

    Raises
    ------
    BadInput : the bundle is of no statement that we know, or its public inputs are not that statement's.
    """
    bundle, public = certificate.bundle, certificate.bundle.public_inputs
    checks = [
        # Without it: an answer with a cheaper statement (a margin, an empty portfolio's flatness).
        Check.same("statement", bundle.statement, challenge.statement),
        # Without it: another's answer, an answer to an earlier challenge, or to one of a lower buffer.
        Check.same("challenge", "0x" + bundle.context.action_hash.hex(), "0x" + challenge.digest.hex()),
        # Without it: who asked by one key verifies by another, which somebody else made.
        Check.same("key asked for", "0x" + key.digest().hex(), challenge.key_digest),
        # Without it: an answer after it was due, when other things may be true.
        Check("in time", at <= challenge.until, f"at {format_time(at)}", f"until {format_time(challenge.until)}"),
    ]
    if bundle.statement != challenge.statement:
        return checks                              # its public inputs are other ones, and mean something else
    checks += audit(bundle, key, epoch_root=epoch.root, shape=epoch.shape, key_circuit=key_circuit, backend=backend)
    # Without it: a proof whose context says of account and place something else than was asked.
    wanted = context_of(challenge, bundle.context.epoch_id if epoch.valuation is None else epoch.valuation)
    checks += [Check.same(f"for {name.replace('_', ' ')}", found, wanted.to_json()[name])
               for name, found in bundle.context.to_json().items() if name != "action_hash"]
    if challenge.epoch_root is not None:           # without it: an epoch in which it suffices is looked for
        checks.append(Check.same("epoch asked for", public["epoch_root"], challenge.epoch_root))
    checks += [
        # Without it: a buffer of 0.
        Check.same("buffer", public["buffer"], challenge.buffer),
        # Without it: what the custodian keeps for somebody else.
        Check.same("holder", public["holder"], kept_by(challenge.custodian, challenge.account)),
        # Without them: a commitment to no positions, one to all the gold of the world.
        Check.same("attestations", ", ".join(one.kind for one in certificate.attestations), ", ".join(KINDS)),
    ]
    inputs = {"positions": "portfolio_commitment", "collateral": "collateral_commitment"}
    for attestation in certificate.attestations:
        checks += _attested(attestation, challenge, public[inputs[attestation.kind]], at)
    return checks


def _attested(attestation: Attestation, challenge: Challenge, commitment: int, at: int) -> Sequence[Check]:
    """That the keeper whom the challenge names signed this commitment of this account, for all of its time."""
    keeper = challenge.venue if attestation.kind == "positions" else challenge.custodian
    try:
        attestation.require_signed()
        signed = Check(f"signature of {attestation.kind}", True, f"by {attestation.signer}")
    except BadInput as error:
        signed = Check(f"signature of {attestation.kind}", False, str(error.value), error.bound)
    return [
        signed,
        Check.same(f"signer of {attestation.kind}", attestation.signer, keeper),
        Check.same(f"account of {attestation.kind}", attestation.account, challenge.account),
        Check.same(f"commitment of {attestation.kind}", attestation.commitment, commitment),
        Check(f"time of {attestation.kind}", attestation.as_of <= at and challenge.until <= attestation.until,
              f"{format_time(attestation.as_of)} to {format_time(attestation.until)}",
              f"from {format_time(at)} or before, until {format_time(challenge.until)} or later"),
    ]


def examine_content(signed: Sequence[SignedContent], publishers: Sequence[str], root: int) -> Sequence[Check]:
    """That named publishers signed an epoch.

    Parameters
    ----------
    signed : their signatures, each with what it is of.  publishers : who must have signed, addresses.
    """
    by = set[str]()
    checks = []
    for one in signed:
        try:
            require_signature(OracleDomain(one.chain_id, one.oracle).content(one.content), one.signer, one.signature)
            holds, found = True, f"by {one.signer} for oracle {one.oracle} on chain {one.chain_id}"
        except BadInput as error:
            holds, found = False, str(error.value)
        checks += [Check("publisher's signature", holds, found, "one of what it is said to be of"),
                   Check.same("epoch signed", one.content.root, root)]
        if holds and one.content.root == root:
            by.add(one.signer)
    for publisher in publishers:
        checks.append(Check("publisher", publisher in by, publisher, "among those who signed this epoch"))
    return checks


def in_words(challenge: Challenge, root: int, valuation: int | None) -> str:
    """What a certificate that holds shows."""
    when = "" if valuation is None else f", valued at {format_time(valuation)}"
    return (f"What {challenge.custodian} attests to keep for {challenge.account}, counted by the epoch's factors and "
            f"less debts, is at least the margin of the positions that {challenge.venue} attests, and "
            f"{challenge.buffer / 100:g} % more, under epoch {root}{when}. Asked by {challenge.asker}.")
