"""How parcels go together, by what it costs: each alone, strangers' margins by a random combination, or a batch.

The figures are measured (`tests/relayer/test_loads.py` measures them again); what decides is only that of two ways to
show the same margins the cheaper one is taken. A combination costs its one pairing and its transaction once, and less
an account than `attest`; a `batch` proof, which only who has the openings can make, costs a third of that again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

from relayer.parcel import COVER, SINGLE, Parcel
from verifier_contracts.context import MARGIN

T = TypeVar("T")
MOST_COMBINED = 64
"""Proofs that `ProofCombiner` takes at once."""


class Gas(NamedTuple):
    """What transactions use, of accounts attested before.

    single : `attest`.  combination, combined : `attestMargins`: its own, and each account's.
    batch : `attestBatch` by slot: its own; batched : each account's.
    cover : `attestCover`.  cover_combination, cover_combined : `attestCovers`, likewise.
    """

    single: int
    combination: int
    combined: int
    batch: Mapping[str, int]
    batched: int
    cover: int
    cover_combination: int
    cover_combined: int

    def of(self, parcels: Sequence[Parcel]) -> int:
        """Of one transaction with these parcels."""
        first = parcels[0]
        if first.slot == COVER:
            return self.cover if len(parcels) == 1 else self.cover_combination + self.cover_combined * len(parcels)
        if first.slot != MARGIN:
            return self.batch[first.slot] + self.batched * len(first.rows)
        return self.single if len(parcels) == 1 else self.combination + self.combined * len(parcels)


MEASURED = Gas(single=261_053, combination=226_000, combined=64_100,
               batch={"batch-4": 256_000, "batch-16": 272_000}, batched=11_500,
               cover=273_900, cover_combination=239_000, cover_combined=67_000)


class Waiting(NamedTuple):
    """A parcel that may go.  key : of its owner, who gets it back.  since : second at which it was taken.
    alone : it is better not combined: the contract is to say of it alone what is wrong with it, if it is."""

    key: int
    parcel: Parcel
    since: float
    alone: bool = False


class Plan(NamedTuple):
    """loads : what goes together, in order.  held : what waits for more, or for a batch that has it too."""

    loads: list[list[Waiting]]
    held: list[Waiting]


def plan(waiting: Sequence[Waiting], *, now: float, combine: Collection[str], most: int = MOST_COMBINED,
         linger: float = 0.0, gas: Gas = MEASURED) -> Plan:
    """Divide what waits into transactions, oldest first.

    Parameters
    ----------
    combine : slots of SINGLE whose key lies where combinations read it.
    linger : seconds for which one waits for company, where combining would be cheaper.
    """
    loads: list[list[Waiting]] = []
    held: list[Waiting] = []
    covered = set[str]()
    margins = {one.parcel.name: one for one in waiting if one.parcel.slot == MARGIN}
    for one in waiting:
        if one.parcel.slot in SINGLE:
            continue
        names = one.parcel.covers
        # Only what says the same: the contract passes over a row of another commitment, for which the margin would have
        # waited for nothing.
        same = {name for name in names if name in margins and margins[name].parcel.rows[0] in one.parcel.rows}
        apart = [margins[name] for name in same]
        if len(apart) == len(names) and cost(apart, MARGIN in combine, most, gas) < gas.of([one.parcel]):
            held.append(one)                       # all of it comes by other parcels, for less
            continue
        covered |= same
        loads.append([one])
    groups: dict[tuple[str, int, bytes, int], list[Waiting]] = {}
    for one in [*margins.values(), *(one for one in waiting if one.parcel.slot == COVER)]:
        parcel = one.parcel
        if parcel.slot == MARGIN and parcel.name in covered:
            held.append(one)
        elif one.alone or parcel.slot not in combine:
            loads.append([one])
        else:
            groups.setdefault((parcel.slot, parcel.epoch_id, parcel.key_digest, parcel.step), []).append(one)
    for group in groups.values():
        for part in _parts(group, most):
            if len(part) < most and now - min(one.since for one in part) < linger:
                held += part
            elif gas.of([one.parcel for one in part]) < gas.of([part[0].parcel]) * len(part):
                loads.append(part)
            else:
                loads += [[one] for one in part]
    return Plan(sorted(loads, key=lambda load: min(one.key for one in load)), held)


def cost(margins: Sequence[Waiting], combine: bool, most: int, gas: Gas) -> int:
    """Of showing margins without a batch."""
    if not combine:
        return gas.single * len(margins)
    parts = _parts(margins, most)
    return sum(min(gas.of([one.parcel for one in part]), gas.single * len(part)) for part in parts)


def halves(load: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    """To find which of a combination is refused."""
    middle = len(load) // 2
    return load[:middle], load[middle:]


def _parts(group: Sequence[Waiting], most: int) -> list[list[Waiting]]:
    return [list(group[start:start + most]) for start in range(0, len(group), most)]
