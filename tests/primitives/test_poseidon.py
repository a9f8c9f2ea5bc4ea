"""Poseidon against published vectors of circomlib's parameters and against the paper, word for word, on integers."""

from __future__ import annotations

import random

import numpy as np
import pytest

from primitives import poseidon
from primitives.field import MODULUS, decode, encode
from primitives.poseidon import Tag

# Known answers for circomlib's Poseidon: element 0 of the permutation of (0, inputs).
PUBLISHED = {
    (1,): 18586133768512220936620570745912940619677854269274689475585506675881198879027,
    (1, 2): 0x115cc0f5e7d690413df64c6b9662e9cf2a3617f2743245519e19607a4417189a,
    (1, 2, 3, 4): 18821383157269793795438455681495246036402687001665670618754263018637548127333,
    (1, 2, 0, 0, 0): 1018317224307729531995786483840663576608797660851238720571059489595066344487,
    (1, 2, 0, 0, 0, 0): 15336558801450556532856248569924170992202208561737609669134139141992924267169,
    (3, 4, 0, 0, 0): 5811595552068139067952687508729883632420015185677766880877743348592482390548,
    (3, 4, 0, 0, 0, 0): 12263118664590987767234828103155242843640892839966517009184493198782366909018,
    (1, 2, 3, 4, 5, 6): 20400040500897583745843009878988256314335038853985262692600694741116813247201,
    tuple(range(1, 15)): 8354478399926161176778659061636406690034081872658507739535256090879947077494,
    (*range(1, 10), *[0] * 5): 5540388656744764564518487011617040650780060800286365721923524861648744699539,
    (*range(1, 10), *[0] * 7): 11882816200654282475720830292386643970958445617880627439994635298904836126497,
    tuple(range(1, 17)): 9989051620750914585850546081941653841776809718687451684622678807385399211877,
}


def literal_permutation(state: list[int]) -> list[int]:
    """The paper's permutation, round by round."""
    constants, matrix = poseidon.parameters(len(state))
    for index, added in enumerate(constants):
        state = [(x + c) % MODULUS for x, c in zip(state, added, strict=True)]
        full = index < 4 or index >= len(constants) - 4
        state = [pow(x, 5, MODULUS) if full or i == 0 else x for i, x in enumerate(state)]
        state = [sum(m * x for m, x in zip(row, state, strict=True)) % MODULUS for row in matrix]
    return state


def literal_hash(tag: int, elements: list[int]) -> int:
    h = tag * 2**32 + len(elements)
    while elements:
        h, elements = literal_permutation([h, *elements[:16]])[0], elements[16:]
    return h


@pytest.mark.parametrize("inputs", PUBLISHED, ids=lambda inputs: f"{len(inputs)} inputs")
def test_published_vectors(inputs: tuple[int, ...]) -> None:
    assert decode(poseidon.permute(encode([[0, *inputs]])))[0] == PUBLISHED[inputs]
    assert literal_permutation([0, *inputs])[0] == PUBLISHED[inputs]


@pytest.mark.parametrize("t", range(2, 18))
def test_permutation_is_the_papers(t: int) -> None:
    rng = random.Random(t)
    states = [[rng.randrange(MODULUS) for _ in range(t)], [0] * t, [MODULUS - 1] * t]
    expected = [x for state in states for x in literal_permutation(state)]
    assert decode(poseidon.permute(encode(states))) == expected


@pytest.mark.parametrize("t", range(2, 18))
def test_the_mds_matrix_is_one(t: int) -> None:
    """A Cauchy matrix over 2 t distinct points whose pairwise sums do not vanish is maximum distance separable."""
    constants, matrix = poseidon.parameters(t)
    assert len(constants) == poseidon.FULL_ROUNDS + poseidon.PARTIAL_ROUNDS[t]
    inverses = [[pow(m, -1, MODULUS) for m in row] for row in matrix]           # x_i + y_j
    differences = {(inverses[i][0] - inverses[0][0]) % MODULUS for i in range(t)}
    assert len(differences) == t
    for row in inverses:                                                        # rank structure x_i + y_j
        assert all((row[j] - row[0] - inverses[0][j] + inverses[0][0]) % MODULUS == 0 for j in range(t))


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 32, 33, 57])
def test_sponge_on_whole_arrays_and_on_integers(length: int) -> None:
    rng = random.Random(length)
    rows = [[rng.randrange(MODULUS) for _ in range(length)] for _ in range(3)]
    expected = [literal_hash(Tag.LEAF, row) for row in rows]
    assert decode(poseidon.hash_rows(Tag.LEAF, encode(rows))) == expected
    assert [poseidon.hash_integers(Tag.LEAF, row) for row in rows] == expected


def test_tag_and_length_are_part_of_the_hash() -> None:
    hashes = {poseidon.hash_integers(tag, [0] * length) for tag in Tag for length in (1, 2, 3, 16, 17)}
    assert len(hashes) == 5 * len(Tag)
    assert poseidon.hash_integers(Tag.NODE, [-1]) == poseidon.hash_integers(Tag.NODE, [MODULUS - 1])


def test_many_rows_over_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than a thread holds at a time, a number that no block size divides."""
    rows = encode(np.arange(2 * 131).reshape(131, 2))
    several = poseidon.hash_rows(Tag.NODE, rows)
    monkeypatch.setenv("TAILPROOF_THREADS", "1")
    assert (poseidon.hash_rows(Tag.NODE, rows) == several).all()
    assert decode(several[130:])[0] == literal_hash(Tag.NODE, [260, 261])
    assert poseidon.hash_rows(Tag.NODE, rows[:0]).shape == (0, 4)


def test_what_cannot_be_hashed_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1"):
        poseidon.hash_integers(Tag.LEAF, [])
    for t in (1, 18):
        with pytest.raises(ValueError, match="widths"):
            poseidon.permute(encode([[0] * t]))
