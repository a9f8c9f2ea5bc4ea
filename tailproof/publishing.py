"""What a publisher does last: an epoch's root goes to the registry once nothing speaks against it.

A root on the chain binds every trader, and what is behind it cannot be seen there. So the epoch is made again from its
sources first, held against the statement that the contracts prove, and against the epoch before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuits import statements
from primitives.errors import BadInput, TailproofError
from risk.epochs.audit import AuditReport
from risk.epochs.build import FIRST

from . import epochs
from .progress import Progress, quiet
from .shapes import require_shape
from .statements import require_circuit

if TYPE_CHECKING:
    from verifier_contracts.bindings import EpochRegistry
    from verifier_contracts.chain import Receipt
    from verifier_contracts.deployment import Deployment


class EpochDoesNotStand(TailproofError):
    """An epoch was checked and must not be published.  report : what is wrong with it."""

    checked_and_false = True

    def __init__(self, directory: Path, report: AuditReport) -> None:
        self.report = report
        first, *others = report.differences
        more = f", and {len(others)} more (`tailproof epoch check`)" if others else ""
        super().__init__(f"{directory}: the epoch does not stand, nothing was published: {first}{more}")

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {"error": type(self).__name__, "message": str(self), **self.report.to_json()}


@dataclass(frozen=True)
class Publication:
    """A published epoch.

    epoch_id : time of publication; root : what was published; valuation : when its prices are from, both in seconds.
    previous : root of the epoch that it was held against (E7, E9), if it was.
    superseded : id of the registry's latest epoch until now, 0 if there was none.
    report : of the check.
    """

    epoch_id: int
    root: int
    valuation: int
    previous: int | None
    superseded: int
    receipt: Receipt
    report: AuditReport


def publish(directory: Path, there: Deployment, registry: EpochRegistry, *,
            previous: Path | None = None, first: bool = False, history: Path | None = None,
            progress: Progress = quiet) -> Publication:
    """Check an epoch and publish its root.

    Parameters
    ----------
    previous : directory of the registry's latest epoch; None only where there is none, or it has the same root.
    first : publish although nothing is known of the epoch before: what was listed there and is missing stays unseen.
    history : prices to hold its parameters against, in place of its own or where it has none.

    Raises
    ------
    BadInput : the epoch is of another shape than the deployment's statement; the one before is not given, or is not
        the registry's latest; its prices are of the future.
    EpochDoesNotStand : its sources do not give it, no fit gives its parameters, or it lacks what was listed before.
    ContractRefused, NodeError : from the registry.
    """
    found, statement = epochs.load(directory), statements.get(there.statement)
    require_shape(found.shape, statement.shape, statement.name, source=directory)
    require_circuit(statement, there.circuit_digest, "circuit_digest of the deployment")
    latest = registry.latest_epoch_id()
    before = _before(registry, latest, found.root, previous, first)
    if found.header.previous != FIRST and previous is None and before != found.root:
        raise BadInput("--previous", None, "given: this epoch names one before it (E9), of root "
                       f"{found.header.previous}", source=directory)
    registry.new_epoch_id(found.header.timestamp)                        # before the work: may it be published at all?
    report = epochs.check(directory, previous=previous, history=history, progress=progress)
    if not report.passed:
        raise EpochDoesNotStand(directory, report)
    if report.root != found.root:
        raise BadInput("root", str(report.root), f"{found.root}, as it was a moment ago", source=directory)
    epoch_id = registry.new_epoch_id(found.header.timestamp)
    receipt = registry.publish(epoch_id, found.root, bytes.fromhex(found.header.model_digest[2:]))
    return Publication(epoch_id, found.root, found.header.timestamp, before, latest, receipt, report)


def _before(registry: EpochRegistry, latest: int, root: int, previous: Path | None, first: bool) -> int | None:
    """Root of the epoch to hold this one against, which must be the registry's latest unless that is frozen."""
    from verifier_contracts.errors import ContractRefused
    given = None if previous is None else epochs.load(previous).root
    if not latest:
        return given
    try:
        standing = registry.root_of(latest)
    except ContractRefused as refused:
        if refused.name != "FrozenEpoch":
            raise
        standing = None
    if given is None:
        if first or standing == root:
            return standing if standing == root else None
        raise BadInput("--previous", None, f"the directory of epoch {latest}, the registry's latest"
                       f"{'' if standing is None else f' (root {standing})'}: what was listed there must be listed "
                       "still (E7); or --first, where nobody has it any more")
    if standing is not None and given != standing:
        raise BadInput("--previous", str(given), f"the registry's latest epoch {latest}, of root {standing}",
                       source=previous)
    return given
