"""Proofs of logarithms and shared secrets: against their equations, and against whoever bends them."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

import pytest

from committee import proofs
from committee.proofs import Equality, Possession, challenge, keccak256
from committee.sharing import combined, commitments_to, committed_at, draw_polynomial, value_at, weights
from primitives import babyjubjub
from primitives.babyjubjub import BASE, GENERATOR, IDENTITY, SUBGROUP_ORDER, Point, add, multiply
from primitives.field import MODULUS

CONTEXT = bytes(range(32))
SECRET = 3**100
KEY = multiply(SECRET, BASE)
OTHER = multiply(7**50, BASE)
SMALL = multiply(SUBGROUP_ORDER, GENERATOR)


def test_a_challenge_is_what_a_contract_computes() -> None:
    words = keccak256(b"tag") + CONTEXT + b"".join(value.to_bytes(32, "big") for value in (*KEY, *OTHER))
    assert challenge("tag", CONTEXT, KEY, OTHER) == int.from_bytes(keccak256(words), "big") >> 8


def test_possession() -> None:
    proof = Possession.of(SECRET, CONTEXT)
    assert proof.holds(KEY, CONTEXT)
    c = challenge("tailproof possession", CONTEXT, KEY, proof.commitment)
    assert multiply(proof.response, BASE) == add(proof.commitment, multiply(c, KEY))
    assert Possession.of(SECRET, CONTEXT) != proof
    for wrong in (replace(proof, response=proof.response + 1), replace(proof, response=proof.response + SUBGROUP_ORDER),
                  replace(proof, commitment=add(proof.commitment, BASE)), replace(proof, commitment=Point(5, 7)),
                  replace(proof, response=-1)):
        assert not wrong.holds(KEY, CONTEXT)
    assert not proof.holds(OTHER, CONTEXT)
    assert not proof.holds(babyjubjub.negate(KEY), CONTEXT)
    assert not proof.holds(KEY, bytes(32))


def test_a_key_made_out_of_another_has_no_possession() -> None:
    """The rogue key P' = x B - P: its maker knows no secret of it, and P's proof, or one of x, is none for it."""
    rogue = add(multiply(5, BASE), babyjubjub.negate(KEY))
    assert not Possession.of(5, CONTEXT).holds(rogue, CONTEXT)
    assert not Possession.of(SECRET, CONTEXT).holds(rogue, CONTEXT)


def test_equality() -> None:
    point = multiply(SECRET, OTHER)
    proof = Equality.of(SECRET, OTHER, CONTEXT)
    assert proof.holds(KEY, OTHER, point, CONTEXT)
    for wrong in (replace(proof, response=proof.response + 1), replace(proof, commitment=add(proof.commitment, BASE)),
                  replace(proof, other=add(proof.other, BASE)), replace(proof, other=Point(1, 1))):
        assert not wrong.holds(KEY, OTHER, point, CONTEXT)
    assert not proof.holds(KEY, OTHER, add(point, BASE), CONTEXT)
    assert not proof.holds(OTHER, OTHER, point, CONTEXT)
    assert not proof.holds(KEY, BASE, point, CONTEXT)
    assert not proof.holds(KEY, OTHER, point, bytes(32))


def test_a_part_of_small_order_is_refused_though_it_cancels_in_one_of_eight_tries(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """D + w with w of order 8 satisfies both equations whenever U + c w is what the prover says U is; without the
    subgroup's check this passes as a partial decryption."""
    point = add(multiply(SECRET, OTHER), SMALL)

    def forged() -> Equality:
        for k in range(1, 200):
            first, second = multiply(k, BASE), multiply(k, OTHER)
            for j in range(8):
                bent = add(second, multiply(j, SMALL))
                c = challenge(proofs.EQUALITY, CONTEXT, KEY, OTHER, point, first, bent)
                if (j + c) % 8 == 0:
                    return Equality(first, bent, (k + c * SECRET) % SUBGROUP_ORDER)
        raise AssertionError("not in 1,600 tries")

    proof = forged()
    assert not proof.holds(KEY, OTHER, point, CONTEXT)
    monkeypatch.setattr(babyjubjub, "in_subgroup", lambda point: True)
    assert proof.holds(KEY, OTHER, point, CONTEXT)


@pytest.mark.parametrize(("t", "n"), [(2, 2), (2, 3), (3, 5), (6, 9)])
def test_any_t_shares_recover_the_secret_and_verify(t: int, n: int) -> None:
    polynomial = draw_polynomial(SECRET, t)
    assert len(polynomial) == t
    commitments = commitments_to(polynomial)
    shares = {j: value_at(polynomial, j) for j in range(1, n + 1)}
    assert shares[2] == sum(c * 2**k for k, c in enumerate(polynomial)) % SUBGROUP_ORDER
    for j, share in shares.items():
        assert committed_at(commitments, j) == multiply(share, BASE)
        assert committed_at(commitments, j) != multiply(share + 1, BASE)
    every = list(combinations(shares, t))
    for chosen in random.Random(1).sample(every, min(4, len(every))):
        factors = weights(chosen)
        assert sum(w * shares[j] for w, j in zip(factors, chosen, strict=True)) % SUBGROUP_ORDER == SECRET
        assert combined(factors, [multiply(shares[j], BASE) for j in chosen]) == KEY
        fewer = chosen[:-1]
        assert sum(w * shares[j] for w, j in zip(weights(fewer), fewer, strict=True)) % SUBGROUP_ORDER != SECRET
    assert committed_at(commitments, 0) == KEY
    assert committed_at([], 3) == IDENTITY


def test_fewer_than_t_shares_fit_any_secret() -> None:
    """For every other secret there is a polynomial with the same t - 1 shares: they say nothing."""
    polynomial = draw_polynomial(SECRET, 3)
    known = {j: value_at(polynomial, j) for j in (2, 5)}
    for other in (1, SECRET + 1, SUBGROUP_ORDER - 1):
        at = [0, *known]
        values = [other, *known.values()]

        def interpolated(place: int, at: list[int] = at, values: list[int] = values) -> int:
            shifted = weights([x - place for x in at])
            return sum(w * v for w, v in zip(shifted, values, strict=True)) % SUBGROUP_ORDER
        assert interpolated(0) == other
        assert all(interpolated(j) == share for j, share in known.items())


def test_a_commitment_off_the_curve_is_an_answer_to_nothing() -> None:
    """There the addition has exceptions: this T would be a division by 0, and a defect of ours."""
    x, y = KEY
    commitment = Point(1, pow(babyjubjub.D * x * y, -1, MODULUS))
    assert not proofs.answers(5, commitment, KEY, 1, BASE)
    assert not Possession(commitment, 5).holds(KEY, CONTEXT)
