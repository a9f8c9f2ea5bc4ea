"""What a cheater would try against `cover`: attacks on V1 to V3, and shortfalls forged by an overstated margin.

The margin's clauses are those of `circuits.soundness.margin`, `circuits.soundness.grid` and, with masses,
`circuits.soundness.weighted`, with their attacks. Some of those make a margin larger than it is, which nobody gains by
where a margin is only stated. Here they take an account from its owner, so they are made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses.collateral import BUFFER_UNIT
from circuits.clauses.shortfall import rounded_up
from circuits.soundness import grid as gridded
from circuits.soundness import margin as single
from circuits.soundness import weighted
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack
from circuits.statements import cover
from circuits.statements.cover import BUFFER_SHIFT, SIDE_SHIFT, VALUE_BITS, Preset
from primitives.field import MODULUS
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import Tail

BUFFER = 500
MOST = (1 << VALUE_BITS) - 1


@dataclass(frozen=True, eq=False)
class World:
    """An instance, and books whose margins its claims are about.

    Attributes
    ----------
    books : honest inputs of the margin statement by name; the first has no freedom, and a positive margin.
    freedoms : of the margin.
    margins : attacks on the margin statement that have it overstated.
    """

    name: str
    define: Callable[[ConstraintSystem, Preset], None]
    preset: Preset
    books: Mapping[str, Mapping[str, Any]]
    freedoms: tuple[Freedom, ...]
    margins: tuple[Attack, ...] = ()

    @cached_property
    def circuit(self) -> ConstraintSystem:
        """The instance that all attacks are on."""
        cs = ConstraintSystem()
        self.define(cs, self.preset)
        return cs.finish()

    @cached_property
    def book(self) -> Mapping[str, Any]:
        """The first."""
        return next(iter(self.books.values()))


def told(book: Mapping[str, Any], value: int, buffer: int, side: int, claim: int | None = None) -> dict[str, Any]:
    """Inputs of a prover with a book who shows these parts, whatever claim was made.

    Parameters
    ----------
    book : inputs of a margin statement.
    claim : the public input; what the parts pack to if left out.
    """
    packed = packed_of(value, buffer, side) if claim is None else claim
    inputs = {label: given for label, given in book.items() if label != "margin"}
    return {**inputs, "claim": packed % MODULUS, "claim/V1 value": value % MODULUS, "claim/V1 buffer": buffer % MODULUS,
            "claim/V1 side": side % MODULUS}


def packed_of(value: int, buffer: int, side: int) -> int:
    """V + beta 2**128 + side 2**144."""
    return value + (buffer << BUFFER_SHIFT) + (side << SIDE_SHIFT)


def enough(required: int, buffer: int) -> int:
    """The least V that covers a margin and a buffer."""
    return -(-required * (BUFFER_UNIT + buffer) // BUFFER_UNIT)


# -- V1, V2: what is claimed -----------------------------------------------------------------------------------------
def claimed_wrongly(world: World) -> Iterator[Attack]:
    """Show other parts than those of the claim, or parts in each other's place."""
    book, required = world.book, world.book["margin"]
    least = enough(required, BUFFER)
    poor, rich = required // 2, 2 * least
    says = "claim/V2"
    yield Attack("value-of-another", frozenset({says}), told(book, rich, BUFFER, 1, packed_of(poor, BUFFER, 1)),
                 says=says)
    yield Attack("other-buffer", frozenset({says}), told(book, least, BUFFER, 1, packed_of(least, BUFFER + 1, 1)),
                 says=says)
    yield Attack("shortfall-as-cover", frozenset({says}), told(book, poor, BUFFER, 0, packed_of(poor, BUFFER, 1)),
                 says=says)
    yield Attack("cover-as-shortfall", frozenset({says}), told(book, rich, BUFFER, 1, packed_of(rich, BUFFER, 0)),
                 gain="a solvent account", says=says)
    # One claim, read as another: the side as the buffer's seventeenth bit, and the other way round.
    yield Attack("side-as-buffer", frozenset({"claim/V1 buffer bit"}),
                 told(book, poor, BUFFER + (1 << 16), 0, packed_of(poor, BUFFER, 1)),
                 gain="cover by a shortfall under another buffer", says="claim/V1 buffer")
    yield Attack("buffer-as-side", frozenset({"claim/V1 buffer bit"}),
                 told(book, rich, BUFFER - (1 << 16), 1, packed_of(rich, BUFFER, 0)),
                 gain="a solvent account, by cover without a buffer", says="claim/V1 buffer")
    # Claims that no contract should make, but which the circuit does not believe either.
    yield Attack("value-fraction", frozenset({"claim/V1 value bit"}),
                 told(book, required * (BUFFER_UNIT + BUFFER) * pow(BUFFER_UNIT, -1, MODULUS) + 1, BUFFER, 1),
                 gain="cover by a V near r / 10**4, which nobody has", says="claim/V1 value")
    yield Attack("value-2^96", frozenset({"claim/V1 value bit"}), told(book, MOST + 1, BUFFER, 1),
                 says="claim/V1 value")
    yield Attack("side-2", frozenset({"claim/V1 side"}), told(book, rich, BUFFER, 2), says="claim/V1 side")


# -- V3: is it enough? -----------------------------------------------------------------------------------------------
def compared_wrongly(world: World) -> Iterator[Attack]:
    cs, book, required = world.circuit, world.book, world.book["margin"]
    least = enough(required, BUFFER)
    bits, product = "result/V3 distance bit", "result/V3 margin and buffer"
    for name, value, side in (("not-covered", required // 2, 1), ("not-covered, by one unit", least - 1, 1),
                              ("buffer-not-covered", required, 1), ("nothing-held", 0, 1),
                              ("not-short", 2 * least, 0), ("not-short, by one unit", least, 0),
                              ("not-short, most of all", MOST, 0)):
        yield Attack(name, frozenset({bits}), told(book, value, BUFFER, side), says="result/V3 distance")
    nothing = np.zeros(cs.find(bits).shape, object)
    yield Attack("distance-0", frozenset({"result/V3 distance"}), told(book, required // 2, BUFFER, 1), {bits: nothing})
    yield Attack("margin-0", frozenset({product}), told(book, 0, BUFFER, 1), {product: 0})
    yield Attack("margin-doubled", frozenset({product}), told(book, least, BUFFER, 0),
                 {product: 2 * required * (BUFFER_UNIT + BUFFER)}, gain="a solvent account")


def shortfalls_forged(world: World) -> Iterator[Attack]:
    """A margin that is larger than it is, so that what covers it seems to fall short."""
    for attack in world.margins:
        value = enough(attack.inputs["margin"], BUFFER) - 1
        yield Attack(f"shortfall-forged, {attack.name}", attack.refused_by, told(attack.inputs, value, BUFFER, 0),
                     attack.overrides, gain="a solvent account", says=attack.says)


def overstating(attacks: Iterable[Attack], tail: Tail) -> tuple[Attack, ...]:
    """Those attacks on a tail, or on its rounding, that have the margin of true losses larger than it is."""
    return tuple(attack for attack in attacks
                 if all(label.startswith(("tail/", "result/C17")) for label in attack.refused_by)
                 and attack.inputs["margin"] > _honest(attack.inputs, tail))


def _honest(inputs: Mapping[str, Any], tail: Tail) -> int:
    """The margin of the book, from its losses, lots and rates."""
    rates = np.where(inputs["commitment/lots"] >= 0, inputs["leaf/long"], inputs["leaf/short"])
    addon = int((abs(inputs["commitment/lots"]) * rates).sum())
    return max(0, rounded_up(expected_shortfall(inputs[single.LOSS], tail))) + addon


# -- the examination -------------------------------------------------------------------------------------------------
def attacks(world: World) -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    families = (claimed_wrongly, compared_wrongly, shortfalls_forged)
    return tuple(attack for family in families for attack in family(world))


def cases(world: World) -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at; the first has no freedom at all."""
    book, required = world.book, world.book["margin"]
    least = enough(required, BUFFER)
    found = {
        "covered": told(book, 2 * least, BUFFER, 1),
        "in shortfall": told(book, required // 2, BUFFER, 0),
        "just covered": told(book, least, BUFFER, 1),
        "just short": told(book, least - 1, BUFFER, 0),
        "equal": told(book, required, 0, 1),
        "largest claim": told(book, MOST, (1 << 16) - 1, 1),
        "nothing held": told(book, 0, 0, 0),
    }
    others = {name: told(other, enough(other["margin"], BUFFER), BUFFER, 1) for name, other in world.books.items()
              if other is not book}
    return found | others


def subject_of(world: World) -> Subject:
    """The statement as the audit takes it: all public inputs are given to it, and it has no output but its truth."""
    return Subject(world.name, world.circuit, cases(world), attacks(world), world.freedoms,
                   free_inputs=frozenset({"context", "claim"}))


def _some(books: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Of the margin's cases, the ordinary one, and those at the ends of what a margin can be."""
    return {name: books[name] for name in ("ordinary", "negative shortfall", "largest exposure")}


@cache
def subject() -> Subject:
    """Over a margin by full revaluation."""
    return subject_of(World("cover", cover.define, Preset(single.AUDIT), _some(single.cases()), single.FREEDOMS,
                            overstating(single.attacks(), single.AUDIT.shape.tail)))


@cache
def grid_subject() -> Subject:
    """Over a margin on a grid."""
    return subject_of(World("cover, grid", cover.define_on_grid, Preset(gridded.AUDIT), _some(gridded.cases()),
                            single.FREEDOMS))


@cache
def masses_subject() -> Subject:
    """Of scenarios with masses."""
    tail = weighted.MARGIN_TAIL
    return subject_of(World("cover, with masses", cover.define, Preset(weighted.MARGIN),
                            _some(single.cases(weighted.MARGIN)), weighted.freedoms(tail),
                            overstating(weighted.margin_subject().attacks, tail)))


@cache
def grid_masses_subject() -> Subject:
    """Of scenarios with masses, on a grid."""
    return subject_of(World("cover, grid, with masses", cover.define_on_grid, Preset(weighted.GRID),
                            _some(gridded.cases(weighted.GRID)), weighted.freedoms(weighted.GRID_TAIL)))
