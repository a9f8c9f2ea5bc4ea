"""Groth16 verification with a prepared key: one proof in a fifth of a millisecond, or many at once.

One proof holds if e(A, B) e(-L, gamma) e(-C, delta) = e(alpha, beta), where L = IC_0 + sum of input_j IC_j.

Many hold if the product of all e(r_i A_i, B_i), times e(-sum r_i L_i, gamma) e(-sum r_i C_i, delta)
e(-(sum r_i) alpha, beta), is one. The multipliers r_i are drawn for the occasion from 2**128 (scaling.py), so a batch
with a false proof passes with probability at most 2**-128: the other multipliers given, at most one value of its own
makes the product one. If it is not one, halves are tried in turn; a proof is refused only after it failed alone.

A proof with a point at infinity is refused. The equation would be meaningful, and the precompiles of EIP-197 take such
points, but an honest prover makes one with probability 3/r, while careless verifiers have accepted (0, 0) for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import mul
from typing import Protocol

import numpy as np

from primitives import field, threads
from primitives.errors import BadInput, Said
from prover.curve import G1, G1_GROUP, G2, canonical
from prover.points import encode_g1

from . import scaling, steps
from .field import BASE, LANES
from .field import BASE_MODULUS as Q
from .field import SCALAR_MODULUS as R
from .msm import msm, prepare
from .pairing import ENCODE, ENCODE_WITH_C, INITIAL, OWN, Pairs, check_and_multiply
from .scaling import Sum
from .steps import ONE, F

Progress = Callable[[str, int, int], None]

MOST_TABLES = 64
"""Inputs for which multiples of IC are tabulated. A table takes 8 KiB and milliseconds, where a stranger's key may have
thousands of inputs; and for a hundred or more, the sum by buckets takes hardly longer than the one from tables."""
AT_ONCE = 4096
"""Proofs of one equation at most: bounds the memory of a batch to some megabytes."""
FEW = 4
"""Where one proof is known or likely to be false, so many are told apart faster one by one."""

NOT_ON_CURVE = "{} is not on its curve"
NOT_IN_SUBGROUP = "B is not in the subgroup of order r"
FALSE = "the equation does not hold"
GENERATOR = G1_GROUP.generator


class ProofPoints(Protocol):
    """A proof: A and C in G1, B in G2; None is the identity."""

    @property
    def a(self) -> G1 | None: ...
    @property
    def b(self) -> G2 | None: ...
    @property
    def c(self) -> G1 | None: ...


@dataclass(frozen=True)
class Claim:
    """One proof of a batch, and its place there."""

    index: int
    a: G1
    b: G2
    c: G1
    inputs: Sequence[int]


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch of `size` proofs.

    Attributes
    ----------
    refused : from the index of each proof that does not hold, in order, to the reason.
    """

    size: int
    refused: dict[int, str]

    def __bool__(self) -> bool:
        """Whether all proofs hold; an empty batch holds."""
        return not self.refused


class _Tabulated:
    """Sums of multiples of a few points, from tables."""

    def __init__(self, points: Sequence[G1]) -> None:
        self._table = scaling.comb_table(points)

    def sum(self, scalars: Sequence[int]) -> Sum:
        return scaling.sum_fixed(self._table, scalars)


class _Bucketed:
    """The same for many points, with nothing made ready but their packed form."""

    def __init__(self, points: Sequence[G1]) -> None:
        self._bases = prepare(encode_g1(points))

    def sum(self, scalars: Sequence[int]) -> Sum:
        total: G1 | None = msm(self._bases, field.encode(scalars))
        point = BASE.lanes([*(total or (0, 0)), int(total is not None)] + [0] * (LANES - 3))
        return Sum(np.ascontiguousarray(point[:, :3].T), total is not None)


class PreparedKey:
    """A verification key with e(alpha, beta) and, up to MOST_TABLES public inputs, tables of multiples.

    Parameters
    ----------
    alpha, beta, gamma, delta, ic : [alpha]_1, [beta]_2, [gamma]_2, [delta]_2 and IC_0 .. IC_l, affine integers.

    Raises
    ------
    BadInput : names the point that is the identity, no point of its group, or not canonical. Also if two of beta,
        gamma, delta are equal or opposite: then anybody can forge proofs, for instance A = alpha, B = beta, C = -L
        where gamma = delta.
    """

    def __init__(self, alpha: G1, beta: G2, gamma: G2, delta: G2, ic: Sequence[G1]) -> None:
        named: list[tuple[str, G1 | G2 | None]] = [("alpha", alpha), ("beta", beta), ("gamma", gamma), ("delta", delta)]
        named += [(f"IC[{j}]", point) for j, point in enumerate(ic)]
        for name, point in named:
            if point is None:
                raise BadInput(name, Said("the point at infinity"), "a finite point")
        if not ic:
            raise BadInput("IC", [], "one point per public input and one for the constant")
        for (one, x), (other, y) in combinations((("beta", beta), ("gamma", gamma), ("delta", delta)), 2):
            if x[0] == y[0]:
                raise BadInput(other, Said(f"plus or minus {one}"),
                               f"independent of {one}, or anybody can forge proofs")
        pairs = [(alpha, beta), (None, gamma), (None, delta), *[(point, None) for point in ic]]
        names = [("alpha", "beta"), ("", "gamma"), ("", "delta"), *[(f"IC[{j}]", "") for j in range(len(ic))]]
        check_and_multiply(pairs, names.__getitem__).result_is(INITIAL[ONE:ONE + 2])
        self._alpha_beta = OWN.registers[F:F + 2].copy()
        self._beta, self._gamma, self._delta = beta, gamma, delta
        few = len(ic) <= MOST_TABLES + 1
        self._minus_ic = (_Tabulated if few else _Bucketed)([_minus(point) for point in ic])
        self._minus_alpha = scaling.comb_table([_minus(alpha)])
        self.public = len(ic) - 1

    # -- one proof ----------------------------------------------------------------------------------------------------
    def verify(self, a: G1 | None, b: G2 | None, c: G1 | None, inputs: Sequence[int]) -> bool:
        """Whether (A, B, C) proves the statement with these public inputs.

        False for whatever is no proof: a point at infinity, not canonical, off its curve, outside the subgroup.

        Raises
        ------
        BadInput : the number of inputs is not the key's, or one is no integer in [0, r). An input x and x + r name
            the same field element, and whoever accepts both accepts two names for one statement.
        """
        if not isinstance(inputs, Sequence):
            raise BadInput("public inputs", inputs, f"a sequence of {self.public} of them")
        if len(inputs) != self.public:
            raise BadInput("public inputs", len(inputs), f"{self.public} of them")
        for j, value in enumerate(inputs):
            if not _is_scalar(value):
                raise BadInput(f"public[{j}]", value, "an integer in [0, r)")
        claim = _claim(0, a, b, c, inputs)
        return isinstance(claim, Claim) and self._refusal(claim) is None

    def _refusal(self, claim: Claim) -> str | None:
        """Why a proof does not hold; None if it holds."""
        room = Pairs(3)
        room.place(steps.P, [_row(claim.a, claim.b), _row(_minus(claim.c), self._delta), _row(GENERATOR, self._gamma)])
        room.run(ENCODE, 0, 1, 0)
        if off_curve := room.missing(steps.ON_CURVE, 2):
            return NOT_ON_CURVE.format("AC"[off_curve[0]])
        if room.missing(steps.ON_TWIST, 1):
            return NOT_ON_CURVE.format("B")
        minus_l = self._minus_ic.sum([1, *claim.inputs])
        _place_sum(room, 2, minus_l)
        holds = room.equals(3 if minus_l.finite else 2, self._alpha_beta)      # e(infinity, gamma) is one
        if room.missing(steps.IN_SUBGROUP, 1):
            return NOT_IN_SUBGROUP
        return None if holds else FALSE

    # -- many proofs --------------------------------------------------------------------------------------------------
    def verify_batch(self, proofs: Sequence[ProofPoints], inputs: Sequence[Sequence[int]], *,
                     progress: Progress | None = None) -> BatchResult:
        """Verify proofs together, and name those that do not hold.

        A claim that is malformed, its inputs included, is refused like any other that does not hold: it must not keep
        the rest from being verified.

        Parameters
        ----------
        proofs, inputs : one row of public inputs a proof.
        progress : called with ("verify", proofs done, proofs in all).

        Raises
        ------
        BadInput : there are not as many rows of inputs as proofs.
        """
        if len(proofs) != len(inputs):
            raise BadInput("inputs", len(inputs), f"{len(proofs)} rows, one a proof")
        refused: dict[int, str] = {}
        for begin in range(0, len(proofs), AT_ONCE):
            claims = []
            for index in range(begin, min(begin + AT_ONCE, len(proofs))):
                proof, row = proofs[index], inputs[index]
                claim = _claim(index, proof.a, proof.b, proof.c, row) if proof is not None else "there is no proof"
                if isinstance(claim, str):
                    refused[index] = claim
                elif not isinstance(row, Sequence) or len(row) != self.public or not all(map(_is_scalar, row)):
                    refused[index] = f"the public inputs are not {self.public} integers in [0, r)"
                else:
                    claims.append(claim)
            refused |= self._search(claims)
            if progress is not None:
                progress("verify", min(begin + AT_ONCE, len(proofs)), len(proofs))
        return BatchResult(len(proofs), dict(sorted(refused.items())))

    def _search(self, claims: list[Claim], *, few: int = 1, one_is_false: bool = False) -> dict[int, str]:
        """The claims that do not hold; `few` are verified one by one; `one_is_false` if that is known of some claim."""
        if len(claims) <= few:
            return {claim.index: reason for claim in claims if (reason := self._refusal(claim)) is not None}
        if not one_is_false:
            malformed, holds = self._equation(claims)
            if malformed:
                return malformed | self._search([claim for claim in claims if claim.index not in malformed])
            if holds:
                return {}
        half = len(claims) // 2
        refused = self._search(claims[:half], few=FEW)
        return refused | self._search(claims[half:], few=FEW, one_is_false=not refused)

    def _equation(self, claims: list[Claim]) -> tuple[dict[int, str], bool]:
        """Whether the combined equation holds, unless some claims have bad points, which are then named."""
        count, vectors = len(claims), -(-len(claims) // LANES)
        fixed = [_row(GENERATOR, q) for q in [self._gamma, self._beta] + [self._delta] * threads.count()]
        room = Pairs(count + len(fixed))
        room.place(steps.P, [_row(claim.a, claim.b) for claim in claims] + fixed)
        room.place(steps.C, [claim.c for claim in claims])
        room.run(ENCODE_WITH_C, 0, vectors, 0)
        room.run(ENCODE, vectors, room.vectors, 0)
        malformed = {claims[k].index: NOT_ON_CURVE.format(name)
                     for flag, name in ((steps.ON_CURVE_TOO, "C"), (steps.ON_TWIST, "B"), (steps.ON_CURVE, "A"))
                     for k in room.missing(flag, count)}
        if malformed:
            return malformed, False

        multipliers, codes = scaling.random_multipliers(count)
        minus_codes = scaling.negated(codes, count)
        parts: list[Sum] = []

        def scale(begin: int, end: int) -> None:
            scaling.scale_each(room.blocks, begin, end, codes)
            parts.append(scaling.sum_scaled(room.blocks, begin, end, minus_codes))

        threads.share(vectors, scale, least=2)
        totals = [sum(multipliers) % R]
        totals += [sum(map(mul, multipliers, column)) % R for column in zip(*(c.inputs for c in claims), strict=True)]
        sums = [self._minus_ic.sum(totals), scaling.sum_fixed(self._minus_alpha, totals[:1]), *parts]
        if not all(part.finite for part in sums):
            return {}, False                   # sums of random multiples vanish only where every term does
        for k, part in enumerate(sums):
            _place_sum(room, count + k, part)
        room.miller(count + len(sums))
        malformed = {claims[k].index: NOT_IN_SUBGROUP for k in room.missing(steps.IN_SUBGROUP, count)}
        return malformed, not malformed and room.result_is(INITIAL[ONE:ONE + 2])


def _minus(point: G1) -> G1:
    return point[0], -point[1] % Q


def _row(p: G1, q: G2) -> tuple[int, ...]:
    """A pair as blocks have it: P projective, Q affine."""
    return (*p, 1, *q[0], *q[1])


def _is_scalar(value: object) -> bool:
    return type(value) is int and 0 <= value < R


def _claim(index: int, a: G1 | None, b: G2 | None, c: G1 | None, inputs: Sequence[int]) -> Claim | str:
    """A claim with finite points and canonical coordinates, or the reason why there is none."""
    if a is None or b is None or c is None:
        return "a point is at infinity"
    if not (canonical(a, 1) and canonical(b, 2) and canonical(c, 1)):
        return "a coordinate is not an integer in [0, q)"
    return Claim(index, a, b, c, inputs)


def _place_sum(room: Pairs, k: int, part: Sum) -> None:
    """Make a sum the P of pair k."""
    place = steps.BLOCK * (k // LANES) + steps.P
    room.blocks[place:place + 3, :, k % LANES] = part.point


def warm_verify(progress: Progress | None = None) -> None:
    """Compile, or load from the cache, everything that verification runs: a few seconds the first time."""
    room = Pairs(1)
    tasks = [lambda: room.run(np.zeros((0, 4), np.int32), 0, 0, 0), *scaling.kernels()]
    for done, task in enumerate(tasks):
        if progress is not None:
            progress("compile verification", done, len(tasks))
        task()
    if progress is not None:
        progress("compile verification", len(tasks), len(tasks))
