"""Who acts on the crash day: everybody another key, as on a chain that counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount

BIDDERS = 4
FIRST_BIDDER = 11
FIRST_OWNER = FIRST_BIDDER + BIDDERS
HEIRS = 4
"""Fresh accounts in which winners take what they have won."""


@dataclass(frozen=True)
class Cast:
    """Addresses. The demo's stage gives the first ten their parts; the venues are two of them.

    keeper : does what anyone may.  watcher : refutes.  backer : of the fund.  agent : carries what the fund takes over.
    """

    senders: Sequence[str]

    @staticmethod
    def size(owners: int) -> int:
        """How many senders it takes."""
        return FIRST_OWNER + owners + HEIRS

    @property
    def admin(self) -> str:
        return self.senders[1]

    @property
    def venues(self) -> tuple[str, str]:
        return self.senders[4], self.senders[5]

    @property
    def keeper(self) -> str:
        return self.senders[6]

    @property
    def watcher(self) -> str:
        return self.senders[7]

    @property
    def backer(self) -> str:
        return self.senders[8]

    @property
    def agent(self) -> str:
        return self.senders[10]

    @property
    def bidders(self) -> Sequence[str]:
        return self.senders[FIRST_BIDDER:FIRST_OWNER]

    @property
    def owners(self) -> Sequence[str]:
        return self.senders[FIRST_OWNER:len(self.senders) - HEIRS]

    @property
    def heirs(self) -> Sequence[str]:
        return self.senders[len(self.senders) - HEIRS:]

    def key(self, address: str) -> LocalAccount:
        """Of one of them: the embedded chain's senders have the keys 1, 2, 3 …"""
        made: LocalAccount = Account.from_key((self.senders.index(address) + 1).to_bytes(32, "big"))
        assert made.address == address
        return made
