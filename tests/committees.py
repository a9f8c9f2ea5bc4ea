"""Committees made in memory and in files, small and cheap; nine members where it is the point."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from committee.dealing import Dealer, deal
from committee.group import Committee, Share, Taken
from committee.members import Identity, Roster
from primitives.babyjubjub import draw_scalar

CONTEXT = bytes(range(32))


@dataclass
class Made:
    """A committee with everything secret."""

    folder: Path
    identities: list[Identity]
    roster: Roster
    files: list[Path]
    dealers: list[Dealer]
    taken: Taken
    shares: list[Share]
    committee: Committee


def drawn(count: int, letter: str = "m") -> list[Identity]:
    return [Identity.draw(f"{letter}{number}") for number in range(1, count + 1)]


def roster_of(identities: list[Identity], threshold: int, previous: bytes | None = None, context: bytes = CONTEXT
              ) -> Roster:
    return Roster(context, threshold, tuple(identity.member() for identity in identities), previous)


def make(folder: Path, threshold: int, count: int, context: bytes = CONTEXT) -> Made:
    """A new key, certified."""
    identities = drawn(count)
    roster = roster_of(identities, threshold, context=context)
    files, dealers = list[Path](), list[Dealer]()
    for number in range(1, count + 1):
        dealing, dealer = deal(roster, number, draw_scalar(), renewal=False)
        files.append(folder / f"dealing{number}.json")
        dealing.save(files[-1])
        dealers.append(dealer)
    taken = Taken.of(roster, files)
    shares = [taken.share(identity) for identity in identities]
    confirmations = [taken.confirm(share, taken.answering(share.member, dealer))
                     for share, dealer in zip(shares, dealers, strict=True)]
    return Made(folder, identities, roster, files, dealers, taken, shares, taken.certified(confirmations))


