"""The certificate of a group: one margin over several protocols, covered by what is kept on all of them.

As `certificate`, but what is signed is the protocols': of each member where it is and what its positions are
(`Membership`), and the tree of what the protocol keeps (`BalanceRoot`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from primitives import jsonio
from primitives.jsonio import Node

from .bundle import Bundle
from .certificate import read_exactly
from .custody import BalanceRoot, Membership

SCHEMA = "tailproof.group-certificate/1"


class MemberWords(NamedTuple):
    """What one member's protocol signed."""

    membership: Membership
    balances: BalanceRoot


@dataclass(frozen=True)
class GroupCertificate:
    """bundle : the proof.  members : in the order of places."""

    bundle: Bundle
    members: tuple[MemberWords, ...]

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "bundle": self.bundle.to_json(), "members": [
            {"membership": member.membership.to_json(), "balances": member.balances.to_json()}
            for member in self.members]}

    def save(self, path: Path) -> None:
        """Write it for who asked."""
        jsonio.write(path, self.to_json())

    @staticmethod
    def load(path: Path) -> GroupCertificate:
        """Read what `save` wrote, to the byte; raises BadInput naming the file and the field."""
        return read_exactly(path, GroupCertificate._of, GroupCertificate.to_json)

    @staticmethod
    def _of(document: Node) -> GroupCertificate:
        parts = document.document(SCHEMA, {"bundle", "members"})
        members = []
        for entry in parts["members"].array(at_least=1, at_most=16):
            each = entry.object({"membership", "balances"})
            members.append(MemberWords(Membership.of(each["membership"]), BalanceRoot.of(each["balances"])))
        return GroupCertificate(Bundle.of(parts["bundle"]), tuple(members))
