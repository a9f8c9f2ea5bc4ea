"""What every answer to a challenge is held against, whatever its statement: the asker's own challenge, key and epoch.

*What a cheat could do without a check* is beside each; `tests/tailproof/test_certificates.py` and
`test_netting_commands.py` have such a cheat for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from circuits import statements
from primitives.errors import BadInput
from risk.exact.clock import format_time
from risk.grid.grid_epoch import GridEpoch
from verifier_contracts.epoch_content import OracleDomain

from .auditing import Check, audit
from .bundle import Bundle
from .certificate import context_of
from .challenge import Challenge
from .custody import Word
from .epochs import AnyEpoch, Claim
from .keys import KeyDirectory
from .number_forms import moment
from .proving import require_bound
from .quorums import require_signature
from .shapes import require_shape
from .signing import SignedContent

if TYPE_CHECKING:
    from prover import VerificationKey
    from prover.backend import BackendName


def require_asked(challenge: Challenge, keys: KeyDirectory, epoch: AnyEpoch, now: int) -> GridEpoch:
    """Refuse, before any work, key and epoch that a challenge does not ask for; the epoch, which is one on a grid.

    Raises
    ------
    BadInput : the challenge is over, or wants another key, or another epoch.
    """
    statement = statements.get(challenge.statement)
    if now > challenge.until:
        raise BadInput("challenge.until", format_time(challenge.until), f"a time to come: it is {format_time(now)}")
    keys.require(statement)
    require_bound(keys, context_of(challenge, 0), challenge.kind)
    require_shape(epoch.shape, statement.shape, statement.name)
    assert isinstance(epoch, GridEpoch)            # it has a grid's shape
    if challenge.epoch_root not in (None, epoch.root):
        raise BadInput("epoch", str(epoch.root), f"{challenge.epoch_root}, which the challenge names")
    return epoch


def require_all(checks: Sequence[Check]) -> None:
    """Refuse what does not hold; raises BadInput with the first."""
    for check in checks:
        if not check.holds:
            raise BadInput(check.name, check.found, str(check.expected))


def examine_answer(bundle: Bundle, challenge: Challenge, key: VerificationKey, epoch: Claim, *, at: int,
                   key_circuit: str | None = None, backend: BackendName = "kernels") -> Sequence[Check]:
    """Check a proof against one's own challenge, key and epoch.

    Parameters
    ----------
    challenge : the file that was kept, not a copy from the holder.
    at : Unix seconds of the check.
    key_circuit, backend : as in `audit`.

    Raises
    ------
    BadInput : the bundle is of another statement than the challenge's, or its public inputs are not that statement's.
    """
    # Without it: an answer with a cheaper statement, whose public inputs of the same names mean something else.
    if bundle.statement != challenge.statement:
        raise BadInput("bundle.statement", bundle.statement, f"{challenge.statement}, which the challenge asks for")
    public = bundle.public_inputs
    checks = [
        # Without it: another's answer, an answer to an earlier challenge, or to one of a lower buffer.
        Check.same("challenge", "0x" + bundle.context.action_hash.hex(), "0x" + challenge.digest.hex()),
        # Without it: who asked by one key verifies by another, which somebody else made.
        Check.same("key asked for", "0x" + key.digest().hex(), challenge.key_digest),
        # Without it: an answer after it was due, when other things may be true.
        Check("in time", at <= challenge.until, f"at {format_time(at)}", f"until {format_time(challenge.until)}"),
        *audit(bundle, key, epoch_root=epoch.root, shape=epoch.shape, key_circuit=key_circuit, backend=backend),
        # Without it: a proof with the same hash of other things, or for a contract.
        *(Check.same(f"for {name.replace('_', ' ')}", *map(moment if name == "epoch_id" else str, (found, wanted)))
          for (name, found), wanted in zip(
            bundle.context.to_json().items(), context_of(challenge, valuation_of(bundle, epoch)).to_json().values(),
            strict=True) if name not in ("action_hash", "statement")),
        # Without it: a buffer of 0.
        Check.same("buffer", public["buffer"], challenge.buffer),
    ]
    if challenge.epoch_root is not None:           # without it: an epoch in which it suffices is looked for
        checks.append(Check.same("epoch asked for", public["epoch_root"], challenge.epoch_root))
    return checks


def valuation_of(bundle: Bundle, epoch: Claim) -> int:
    """Unix seconds of an epoch's prices; where only its manifest is known, which does not say it, the bundle's word."""
    return bundle.context.epoch_id if epoch.valuation is None else epoch.valuation


def examine_word(word: Word, keeper: str | None, challenge: Challenge, at: int, what: str) -> Sequence[Check]:
    """That the keeper whom a challenge names signed something, for all of its time.  what : for people."""
    try:
        word.require_signed()
        signed = Check(f"signature of {what}", True, f"by {word.signer}")
    except BadInput as error:
        signed = Check(f"signature of {what}", False, str(error.value), error.bound)
    return [signed, Check.same(f"signer of {what}", word.signer, keeper),
            Check(f"time of {what}", word.as_of <= at and challenge.until <= word.until,
                  f"{format_time(word.as_of)} to {format_time(word.until)}",
                  f"from {format_time(at)} or before, until {format_time(challenge.until)} or later")]


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
