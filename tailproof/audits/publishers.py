"""Who signed an epoch: a quorum's signatures, each of whose it is said to be, and that they are of this epoch.

*What a cheat could do without it*: show an epoch that nobody answers for, or signatures of another epoch beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from primitives.errors import BadInput
from risk.grid.grid_epoch import GridEpoch
from verifier_contracts.epoch_content import EpochContent, OracleDomain

from ..epoch_contents import content_of
from ..epoch_leaves import EpochLeaves
from ..epochs import AnyEpoch
from ..quorums import require_signature
from ..signing import SignedContent
from .finding import Finding, looked, trusted, unseen
from .given import Given

_WHO = "The publishers are who they are taken for, and looked before they signed"
_WHOSE = "addresses are all that signatures show; a quorum that agrees on a lie is refuted on the chain, or not at all"


def publisher_findings(epoch: AnyEpoch, root: int, given: Given) -> Iterator[Finding]:
    """Of signature files, and of addresses that must be among the signers.

    Raises
    ------
    BadInput : a file that is no signature of an epoch.
    """
    if not given.signatures and not given.publishers:
        yield unseen("publishers.signed", "publishers", "Its publishers signed this epoch", "no signatures were given "
                     "(--content, --publisher; or the contracts: --deployment, --rpc)")
        return
    by = set[str]()
    for path in given.signatures:
        one = SignedContent.load(path)
        try:
            require_signature(OracleDomain(one.chain_id, one.oracle).content(one.content), one.signer, one.signature)
            wrong = ""
        except BadInput as error:
            wrong = str(error)
        if not wrong and one.content.root != root:
            wrong = f"it is of root {one.content.root}"
        differing = {} if wrong else content_differences(epoch, one.content, given.collateral_bytes())
        wrong = wrong or "; ".join(f"{name} is {theirs}, this epoch gives {ours}"
                                   for name, (theirs, ours) in differing.items())
        if not wrong:
            by.add(one.signer)
        yield looked(f"publishers.signature-{one.signer}", "publishers", f"{one.signer} signed this epoch, all of it",
                     not wrong, wrong, evidence=[("signer", one.signer), ("oracle", one.oracle),
                                                 ("chain", one.chain_id), ("epoch id", one.content.id),
                                                 ("digest", "0x" + one.content.digest().hex()),
                                                 ("factors compared", factors_known(epoch, given))])
    for publisher in given.publishers:
        yield looked(f"publishers.named-{publisher}", "publishers",
                     f"{publisher}, a publisher that you believe, signed", publisher in by,
                     "no signature of this epoch by it was given")
    yield who_finding()


def content_differences(epoch: AnyEpoch, content: EpochContent, collateral: bytes | None
                        ) -> Mapping[str, tuple[Any, Any]]:
    """Fields in which what was signed is not what an epoch gives: theirs and ours. Collateral factors of an epoch by
    full revaluation stand in a file beside it, and are not compared without."""
    try:
        ours = content_of(epoch, EpochLeaves.of(epoch), content.id, content.deadline, content.previous,
                          collateral=collateral)
    except BadInput as error:
        return {error.field: ("signed", str(error))}
    skipped = set() if collateral is not None or isinstance(epoch, GridEpoch) else {"factors_hash"}
    return {field.name: (_text(getattr(content, field.name)), _text(getattr(ours, field.name)))
            for field in fields(content)
            if field.name not in skipped and getattr(content, field.name) != getattr(ours, field.name)}


def content_finding(prefix: str, content: EpochContent | None, epoch: AnyEpoch, given: Given) -> Finding:
    """That all that was signed is what the epoch's directory gives.  prefix : of the finding's id."""
    id, what = f"{prefix}.content", "What its publishers signed is what its directory gives, beside the root: model, " \
        "data, marks, lag, factors"
    if content is None:
        return unseen(id, "publishers", what, "the signed content is not visible in the transaction that published it")
    differing = content_differences(epoch, content, given.collateral_bytes())
    return looked(id, "publishers", what, not differing, "; ".join(
        f"{name} is {theirs}, the directory gives {ours}" for name, (theirs, ours) in differing.items()),
        evidence=[("factors compared", factors_known(epoch, given))])


def factors_known(epoch: AnyEpoch, given: Given) -> str:
    """Whether the factors of collateral were among what was compared."""
    return "yes" if isinstance(epoch, GridEpoch) or given.collateral is not None else \
        "no: they stand in a file of their own (--collateral)"


def who_finding() -> Finding:
    """What no signature shows."""
    return trusted("publishers.who", "publishers", _WHO, _WHOSE)


def _text(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value
