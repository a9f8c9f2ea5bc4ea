"""What an account's margin is worth now: the state that the ledger stores, judged as the ledger judges it.

The stored entry outlives what it was proven for. The ledger answers with a status beside the number; whoever prints the
number without it says more than the ledger does.
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier_contracts.ledger import AccountWord, MarginStatus, Reading
from verifier_contracts.system import Contracts


@dataclass(frozen=True)
class Standing:
    """An account's margin and what it is worth.

    reading : what the ledger tells whoever acts on margins.  word : as stored.  latest_epoch_id : the oracle's.
    max_age : seconds for which an epoch is young enough.
    """

    reading: Reading
    word: AccountWord
    latest_epoch_id: int
    max_age: int

    @property
    def readable(self) -> bool:
        """Whether the margin may be acted on."""
        return self.reading.status.readable

    @property
    def until(self) -> int | None:
        """Last second, since 1970, at which it may be if nothing else happens; None where it may not, or for ever."""
        return self.reading.valid_until if self.reading.status is MarginStatus.VALID else None


def standing(there: Contracts, account: str, max_age: int | None = None) -> Standing:
    """Ask what an account's margin is worth.

    Parameters
    ----------
    max_age : seconds for which an epoch is young enough to the reader. By default the ledger's `maxEpochAge`, and a
        newer epoch supersedes; with an age of the reader's own it does not.
    """
    latest = there.oracle.latest_epoch_id()
    age = there.ledger.max_epoch_age() if max_age is None else max_age
    reading = there.ledger.try_margin_of(account, age, latest if max_age is None else 0)
    return Standing(reading, there.ledger.state_of(account), latest, age)
