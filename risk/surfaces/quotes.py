"""One volatility a strike out of what several venues quote: the median, and who is left out of it.

    stale      quoted longer before the valuation than the bound, 60 s: dropped
    copied     the same as another feed to the tick at all strikes that both quote, three or more: one vote with it
    outlying   more than 10 % from the median of the votes: dropped at that strike
    the rest   three votes or more, whose median it is; of an even number the mean of the middle two

With fewer than half of the votes lying, and honest ones within 10 % of each other, what comes out lies between the
least and the greatest honest quote: the first median does, so no honest vote is outlying, and the second is taken of a
set that honest votes still are most of. One that lies with half of the votes or more can put it anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

LEAST = 3
"""Votes that a median needs: of two that differ nobody can say which is right."""
DISTANCE = Fraction(1, 10)
"""From the first median, as a share of it."""
AGE = 60
"""Seconds."""
COPIED = 3
"""Strikes at which two feeds are equal by no accident."""


@dataclass(frozen=True)
class Feed:
    """What one venue quotes of an expiry.

    quoted_at : Unix seconds.  volatilities : a year, exact, by strike in money units.
    """

    venue: str
    quoted_at: int
    volatilities: Mapping[int, Fraction]


@dataclass(frozen=True)
class Consensus:
    """volatilities : by strike, where there are votes enough.
    quoted_at : of the oldest feed that has a vote.  venues : that have one, copies aside; sorted.
    stale : seconds by venue.  copied : sets of venues that count as one.  outlying : strikes by venue, ascending.
    short : strikes with too few votes, by how many they have.
    """

    volatilities: Mapping[int, Fraction]
    quoted_at: int
    venues: tuple[str, ...]
    stale: Mapping[str, int]
    copied: tuple[tuple[str, ...], ...]
    outlying: Mapping[str, tuple[int, ...]]
    short: Mapping[int, int]


def consensus(feeds: Sequence[Feed], valuation: int, *, age: int = AGE, least: int = LEAST) -> Consensus:
    """What feeds of different venues say together.

    Parameters
    ----------
    feeds : in any order; none quoted after the valuation.
    valuation : Unix seconds.  age : bound of what is stale, seconds.  least : votes that a strike needs.
    """
    stale = {feed.venue: valuation - feed.quoted_at for feed in sorted(feeds, key=lambda feed: feed.venue)
             if valuation - feed.quoted_at > age}
    groups = _groups([feed for feed in sorted(feeds, key=lambda feed: feed.venue) if feed.venue not in stale])
    chosen: dict[int, Fraction] = {}
    short: dict[int, int] = {}
    outlying: dict[str, list[int]] = {}
    voting = set[str]()
    for strike in sorted({strike for feed in feeds for strike in feed.volatilities}):
        votes = [(group, feed.volatilities[strike]) for group in groups
                 for feed in [one for one in group if strike in one.volatilities][:1]]
        middle = median([value for _, value in votes]) if votes else Fraction(0)
        kept = [(group, value) for group, value in votes if abs(value - middle) <= DISTANCE * middle]
        for group, value in votes:
            if abs(value - middle) > DISTANCE * middle:
                for feed in group:
                    outlying.setdefault(feed.venue, []).append(strike)
        if len(kept) < least:
            short[strike] = len(kept)
            continue
        chosen[strike] = median([value for _, value in kept])
        voting |= {group[0].venue for group, _ in kept}
    return Consensus(chosen, min((feed.quoted_at for feed in feeds if feed.venue in voting), default=valuation),
                     tuple(sorted(voting)), stale,
                     tuple(tuple(feed.venue for feed in group) for group in groups if len(group) > 1),
                     {venue: tuple(strikes) for venue, strikes in sorted(outlying.items())}, short)


def median(values: Sequence[Fraction]) -> Fraction:
    """The middle one, or the mean of the middle two; of at least one."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _groups(feeds: Sequence[Feed]) -> list[list[Feed]]:
    """Feeds that are copies of one another together, each group in the order given."""
    groups = list[list[Feed]]()
    for feed in feeds:
        for group in groups:
            if any(_copies(feed, other) for other in group):
                group.append(feed)
                break
        else:
            groups.append([feed])
    return groups


def _copies(feed: Feed, other: Feed) -> bool:
    common = feed.volatilities.keys() & other.volatilities.keys()
    return len(common) >= COPIED and all(feed.volatilities[strike] == other.volatilities[strike] for strike in common)
