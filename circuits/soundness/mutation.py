"""Change one thing in a satisfying witness and see a constraint break.

`survivors` moves every wire by itself, all others as they were: exact, and vectorised over all wires. `alternatives`
changes one element of an input and recomputes what the witness program makes of it, as a cheater would.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.soundness.forgery import forge
from circuits.soundness.jacobian import responses
from circuits.steps import encode_input
from primitives import field
from primitives.field import MODULUS, FieldArray
from primitives.r1cs import R1CS

POWERS = (1, 8, 32, 40, 48, 49, 50, 61, 62, 63, 64, 128, 253)


def wire_mutations(witness: FieldArray, seed: int = 1) -> dict[str, FieldArray]:
    """By name, how far each wire moves: (wires, 4). A move by 0 changes nothing and does not count."""
    rng = random.Random(seed)
    noise = field.encode(np.array([rng.randrange(MODULUS) for _ in range(len(witness))], object))
    doubled = field.add(witness, witness)
    moves = {
        "+ 1": field.ONE, "- 1": field.negate(field.ONE), "negated": field.negate(doubled),
        "1 - x": field.subtract(field.ONE, doubled), "to 0": field.negate(witness), "random": noise,
        "halved": field.multiply(witness, field.negate(field.inverse(field.encode(2)))),
        **{f"+ 2**{n}": field.encode(1 << n) for n in POWERS},
    }
    return {name: np.broadcast_to(move, witness.shape) for name, move in moves.items()}


def survivors(system: R1CS, witness: FieldArray, moves: Mapping[str, FieldArray] | None = None
              ) -> dict[str, NDArray[np.int64]]:
    """By mutation, the wires that it changes without breaking any row; wire 0, the constant, is left out.

    Parameters
    ----------
    witness : satisfies the system.
    moves : distances (wires, 4) by name; `wire_mutations` if left out.
    """
    moves = wire_mutations(witness) if moves is None else moves
    noticed = {name: np.zeros(system.wires, np.bool_) for name in moves}
    always = np.zeros(system.wires, np.bool_)              # by a row whose response does not depend on the distance
    for response in responses(system, witness):
        bends = response.second.any(axis=1)
        always[response.wires[~bends & response.first.any(axis=1)]] = True
        first, second, wires = response.first[bends], response.second[bends], response.wires[bends]
        for name, move in moves.items():
            # The row's change divided by the distance: zero only if the row does not notice.
            change = field.add(first, field.multiply(second, move[wires]))
            noticed[name][wires[change.any(axis=1)]] = True
    result = {}
    for name, move in moves.items():
        loose = ~noticed[name] & ~always & move.any(axis=1)
        loose[0] = False
        result[name] = np.flatnonzero(loose)
    return result


class Alternative(NamedTuple):
    """A changed input element that the constraints accept, or refuse only by the value of a public output.

    label, element : which (flat index).  change : what was done to it.  outputs : public inputs that would change.
    """

    label: str
    element: int
    change: str
    outputs: tuple[str, ...]


def alternatives(cs: ConstraintSystem, inputs: Mapping[str, Any], labels: Iterable[str] | None = None,
                 outputs: tuple[str, ...] = (), system: R1CS | None = None, changes: Collection[str] | None = None,
                 ) -> Iterator[Alternative]:
    """Change one element of a private input at a time, recompute, and yield what still satisfies the system.

    Parameters
    ----------
    inputs : of a satisfying witness.
    labels : inputs to change; all private ones if left out.
    outputs : public inputs that the prover would adapt; the alternative says which it had to.
    system : another system on the same wires, for circuits with a planted fault.
    changes : names of the changes to try; all if left out.
    """
    system = system or cs.r1cs()
    mentions = {name: rows_with(system, int(cs.find(name))) for name in outputs}
    rng = random.Random(1)
    for label in labels or [name for name in cs.inputs if name not in cs.publics]:
        shape = cs.inputs[label]
        given = inputs[label]
        is_field = isinstance(given, np.ndarray) and given.dtype == np.uint64 and given.shape == (*shape, 4)
        values = field.decode(given if is_field else encode_input(label, given, shape))
        for index, value in enumerate(values):
            for change, new in _changes(value, rng).items():
                if new == value or (changes is not None and change not in changes):
                    continue
                changed = np.array([*values[:index], new, *values[index + 1:]], object).reshape(shape)
                moved = _adapted(cs, system, {**inputs, label: changed}, mentions)
                if moved is not None:
                    yield Alternative(label, index, change, moved)


def _adapted(cs: ConstraintSystem, system: R1CS, inputs: Mapping[str, Any], mentions: Mapping[str, NDArray[np.int64]]
             ) -> tuple[str, ...] | None:
    """Outputs that were solved for to satisfy the system; None if that fails.

    mentions : per output, the rows it stands in. They are taken to be linear in it.
    """
    adapted, moved = dict(inputs), list[str]()
    broken = system.broken(forge(cs, adapted))
    if len(broken) and not (mentions and np.isin(broken, np.concatenate(list(mentions.values()))).all()):
        return None                                    # some row is broken that no output can mend
    for name, rows in mentions.items():
        mine = np.intersect1d(broken, rows)
        value = _solved(cs, system, adapted, name, int(mine[0])) if len(mine) else None
        if value is not None:
            adapted[name] = value
            moved.append(name)
            broken = system.broken(forge(cs, adapted))
    return None if len(broken) else tuple(moved)


def _solved(cs: ConstraintSystem, system: R1CS, inputs: Mapping[str, Any], name: str, row: int) -> int | None:
    """The value of a public input that satisfies a row which is linear in it."""
    def residual(value: int) -> int:
        left, right, result = system.products(forge(cs, {**inputs, name: value}))
        (rest,) = field.decode(field.subtract(field.multiply(left[row], right[row]), result[row])[None])
        return rest

    at_0, at_1 = residual(0), residual(1)
    slope = (at_1 - at_0) % MODULUS
    return -at_0 * pow(slope, -1, MODULUS) % MODULUS if slope else None


def _changes(value: int, rng: random.Random) -> dict[str, int]:
    return {name: new % MODULUS for name, new in {
        "+ 1": value + 1, "- 1": value - 1, "negated": -value, "1 - x": 1 - value, "random": rng.randrange(MODULUS),
        "halved": value * pow(2, -1, MODULUS), "+ 2**50": value + 2**50}.items()}


def rows_with(system: R1CS, wire: int) -> NDArray[np.int64]:
    """Rows that mention a wire."""
    found = [np.searchsorted(matrix.starts, np.flatnonzero(matrix.wires == wire), side="right") - 1
             for matrix in (system.a, system.b, system.c)]
    return np.unique(np.concatenate(found))
