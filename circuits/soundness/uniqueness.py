"""Do the constraints pin the witness? Rank of their Jacobian over the field.

If, at a satisfying witness, the derivatives of all constraints by all wires that are not given have full column rank,
then no other witness lies in any direction from it: the wires are determined, up to separate solutions such as the
other root of x (x - 1) = 0, which `circuits.soundness.mutation` tries. A wire that is free, or that moves with a free
one, is reported.

Most of the rank falls to peeling: a row with one unknown left pins it. What remains, nothing at all in a sound circuit,
is eliminated exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.soundness.jacobian import responses
from circuits.soundness.peeling import peel
from primitives import field
from primitives.field import MODULUS, FieldArray
from primitives.r1cs import R1CS


def given_wires(cs: ConstraintSystem, free_inputs: frozenset[str]) -> NDArray[np.bool_]:
    """Wires that are not to be determined: the constant, private inputs that are no hints, and some public inputs.

    Parameters
    ----------
    free_inputs : public inputs that the constraints do not determine, such as a context that is only bound.
    """
    mask = np.zeros(cs.wires, np.bool_)
    mask[0] = True
    for label in cs.inputs:
        if label not in cs.hints and (label not in cs.publics or label in free_inputs):
            mask[cs.find(label)] = True
    return mask


def unpinned(system: R1CS, witness: FieldArray, given: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Wires that can move, to first order, without any row noticing; empty if the witness is locally unique.

    Parameters
    ----------
    witness : satisfies the system.
    given : (wires,), which are held fixed.
    """
    rows, wires, slopes = [], [], []
    for response in responses(system, witness):
        kept = ~given[response.wires] & response.first.any(axis=1)
        rows.append(response.rows[kept])
        wires.append(response.wires[kept])
        slopes.append(response.first[kept])
    row, wire, slope = np.concatenate(rows), np.concatenate(wires), np.concatenate(slopes)
    starts = np.searchsorted(row, np.arange(system.rows + 1))
    order = np.argsort(wire, kind="stable")
    column_starts = np.searchsorted(wire[order], np.arange(system.wires + 1))
    pinned = given.copy()
    left, queue = np.empty((2, len(starts) - 1), np.int64)
    peel(pinned, starts, wire, column_starts, row[order], left, queue)
    return _moving(pinned, row, wire, slope)


def _moving(pinned: NDArray[np.bool_], row: NDArray[np.int64], wire: NDArray[np.int64], slope: FieldArray
            ) -> NDArray[np.int64]:
    """Wires with a nonzero entry in the kernel of the rows restricted to wires not pinned.

    Every dependent wire is kept as a combination of free ones; a row is a relation between free ones, which solves for
    the latest: circuits define wires in order.
    """
    core = ~pinned[wire]
    row, wire = row[core], wire[core]
    values = field.decode(slope[core])
    bounds = np.flatnonzero(np.diff(row, prepend=-1, append=-1))
    expressions: dict[int, dict[int, int]] = {}
    users: dict[int, set[int]] = {}                    # free wire -> dependent wires whose expression has it
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        relation: dict[int, int] = {}
        for w, value in zip(wire[begin:end].tolist(), values[begin:end], strict=True):
            _accumulate(relation, expressions.get(w, {w: 1}), value)
        if not relation:
            continue
        solved = max(relation)
        factor = -pow(relation.pop(solved), -1, MODULUS)
        expression = {w: value * factor % MODULUS for w, value in relation.items()}
        for user in users.pop(solved, set()):
            value = expressions[user].pop(solved)
            _accumulate(expressions[user], expression, value)
            for w in expression:
                (users.setdefault(w, set()).add if w in expressions[user] else users.get(w, set()).discard)(user)
        expressions[solved] = expression
        for w in expression:
            users.setdefault(w, set()).add(solved)
    free = np.flatnonzero(~pinned)
    return np.array([w for w in free.tolist() if expressions.get(w, {w: 1})], np.int64)


def _accumulate(total: dict[int, int], terms: dict[int, int], factor: int) -> None:
    for w, value in terms.items():
        summed = (total.get(w, 0) + value * factor) % MODULUS
        if summed:
            total[w] = summed
        else:
            total.pop(w, None)
