"""Who learned what: not as the design says, but as it was found. Everybody tries every key of his on everything that
was ever encrypted, and reads every event; what opens is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuits.statements import escrow
from committee.decryption import Request, open_alone
from committee.sharing import combined, weights
from primitives.babyjubjub import multiply
from primitives.errors import BadInput

from .. import escrowing
from ..demo_escrow import Holders
from .day import Day

if TYPE_CHECKING:
    from committee.members import Identity


@dataclass(frozen=True)
class Knowledge:
    """Of one actor. books : names of accounts whose positions he could read on chain.  own : of them his own, or his
    accounts' as a venue."""

    who: str
    books: tuple[str, ...]
    own: int

    def to_json(self) -> dict[str, object]:
        """For the report."""
        return {"who": self.who, "books": list(self.books), "own": self.own}


def learned(day: Day, holders: Holders, deliveries: Iterable[tuple[str, Request]],
            members: Mapping[str, int]) -> list[Knowledge]:
    """What each actor of the day can open of what lies on the chain.

    Parameters
    ----------
    deliveries : (account, words) that were delivered to shortlists.
    members : of the committee who put their shares together, by a name for the group: how many. What they compute is
        tried, however few they are, past the tool that would refuse them.
    """
    posted = [(day.accounts[account].name, one.request) for (account, _), one in escrowing.posted(
        day.stage.system, day.stage.at).items() if account in day.accounts]
    delivered = [(day.accounts[account].name, request) for account, request in deliveries]
    found = []
    for who, identity in holders.identities.items():
        books = sorted({name for name, request in (*posted, *delivered) if _opens(request, identity)})
        own = sum(one.name in books and who in (one.address, day.cast.venues[one.holder.venue])
                  for one in day.accounts.values())
        found.append(Knowledge(_name(day, who), tuple(books), own))
    shares = holders.shares[:max(members.values())]
    parts = [(told, request, [multiply(share.share, request.base()) for share in shares]) for told, request in posted]
    for name, count in members.items():
        factors = weights([share.member for share in shares[:count]])
        books = sorted({told for told, request, points in parts if _is_opening(request.unseal(
            request.number_of(holders.committee.key), combined(factors, points[:count])), request.binding.commitment)})
        found.append(Knowledge(name, tuple(books), 0))
    return found


def _opens(request: Request, identity: Identity) -> bool:
    if identity.key not in request.recipients:
        return False
    return _is_opening(open_alone(request, identity), request.binding.commitment)


def _is_opening(elements: Sequence[int], commitment: int) -> bool:
    try:
        escrow.opening_of(elements, commitment)
    except BadInput:
        return False
    return True


def _name(day: Day, who: str) -> str:
    """For people."""
    if who in day.accounts:
        return day.accounts[who].name
    names = {day.cast.venues[0]: "venue 1", day.cast.venues[1]: "venue 2, silent", day.cast.agent: "the fund's agent",
             **{one: f"bidder {number}" for number, one in enumerate(day.cast.bidders, start=1)}}
    return names.get(who, who)
