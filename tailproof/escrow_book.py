"""What is in escrow, for who looks again and again: only what was posted since the last look is read and hashed.

Ten thousand escrows are megabytes of events; read anew each minute, a node would have little else to do. What the
contract keeps of each is asked every time, many in one request, as of the block up to which events were read: a post
between the two would look like words that the contract does not keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from verifier_contracts.following import Followed

from . import escrowing
from .escrowing import Posted
from .progress import Progress, quiet

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts, System


class EscrowBook:
    """The escrows of a deployment."""

    def __init__(self, system: System, there: Contracts, *, progress: Progress = quiet) -> None:
        self._system, self._there, self._progress = system, there, progress
        self._followed = Followed(there.chain, {"escrow": there.escrow}, system.block, escrowing.POSTS)
        self._known: dict[tuple[str, int], tuple[bytes, Posted]] = {}

    def posted(self) -> Mapping[tuple[str, int], Posted]:
        """As `escrowing.posted`, of all accounts."""
        history = self._followed.read(self._progress)
        return escrowing.posts_of(self._system, self._there, history, self._known)
