"""Encryption against its definition written down literally; what does not open; what a second use would leak."""

from __future__ import annotations

import pytest

from primitives import babyjubjub, elgamal
from primitives.babyjubjub import BASE, GENERATOR, IDENTITY, SUBGROUP_ORDER, Point, multiply
from primitives.elgamal import Binding, Ephemeral, Sealed
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers, parameters, stream

SECRETS = [3**50, 5**60, 7**70]
KEYS = [multiply(secret, BASE) for secret in SECRETS]
BINDING = Binding(77, 99)
EPHEMERAL = Ephemeral(2**200 + 12345, 424242)
MESSAGE = [1, 2, MODULUS - 3, 0, *range(40)]


def literal_stream(tag: int, elements: list[int], count: int) -> list[int]:
    out: list[int] = []
    for number, begin in enumerate(range(0, count, 16)):
        wanted = min(16, count - begin)
        state = [tag * 2**32 + count, *elements, number]
        state += [0] * (wanted + 1 - len(state))
        constants, matrix = parameters(len(state))
        for index, added in enumerate(constants):
            state = [(x + c) % MODULUS for x, c in zip(state, added, strict=True)]
            full = index < 4 or index >= len(constants) - 4
            state = [pow(x, 5, MODULUS) if full or i == 0 else x for i, x in enumerate(state)]
            state = [sum(m * x for m, x in zip(row, state, strict=True)) % MODULUS for row in matrix]
        out += state[1:1 + wanted]
    return out


@pytest.mark.parametrize("count", [1, 2, 4, 15, 16, 17, 33])
def test_the_keystream(count: int) -> None:
    assert stream(Tag.KEYSTREAM, [5, 6, 7], count) == literal_stream(15, [5, 6, 7], count)


def test_streams_differ() -> None:
    """By each element, by the tag, by length, and from block to block."""
    streams = [stream(Tag.KEYSTREAM, [5, 6, 7], 33), stream(Tag.KEYSTREAM, [5, 6, 8], 33),
               stream(Tag.KEYSTREAM, [4, 6, 7], 33), stream(Tag.WRAP, [5, 6, 7], 33),
               stream(Tag.KEYSTREAM, [5, 6, 7], 34)]
    values = [value for each in streams for value in each]
    assert len(set(values)) == len(values)
    with pytest.raises(ValueError, match="fewer than 16"):
        stream(Tag.KEYSTREAM, [0] * 16, 1)


def test_the_ciphertext_is_what_the_page_says() -> None:
    sealed = elgamal.seal(MESSAGE, KEYS, BINDING, EPHEMERAL)
    e = 2**249 + 1 + 2 * EPHEMERAL.bits
    assert sealed.ephemeral == multiply(e, BASE)
    for key, wrapped in zip(KEYS, sealed.wrapped, strict=True):
        shared = multiply(8 * e, key)
        assert wrapped == (424242 + hash_integers(Tag.WRAP, [*shared, *key, 77, 99])) % MODULUS
    pads = literal_stream(15, [424242, 77, 99], len(MESSAGE))
    assert sealed.ciphertext == tuple((m + p) % MODULUS for m, p in zip(MESSAGE, pads, strict=True))
    assert sealed.words() == [*sealed.ephemeral, *sealed.wrapped, *sealed.ciphertext]
    assert Sealed.of_words(sealed.words(), 3) == sealed


def test_each_recipient_reads_it_and_nobody_else() -> None:
    sealed = elgamal.seal(MESSAGE, KEYS, BINDING, EPHEMERAL)
    for number, (secret, key) in enumerate(zip(SECRETS, KEYS, strict=True)):
        shared = elgamal.shared_point(secret, sealed.ephemeral)
        assert elgamal.unseal(sealed, number, key, shared, BINDING) == MESSAGE
        for others in (elgamal.unseal(sealed, (number + 1) % 3, key, shared, BINDING),
                       elgamal.unseal(sealed, number, KEYS[number - 1], shared, BINDING),
                       elgamal.unseal(sealed, number, key, shared, BINDING._replace(context=78)),
                       elgamal.unseal(sealed, number, key, shared, BINDING._replace(commitment=98)),
                       elgamal.unseal(sealed, number, key, babyjubjub.add(shared, BASE), BINDING)):
            assert not set(others) & set(MESSAGE)


@pytest.mark.parametrize("bits", [0, 2**249 - 1])
def test_the_ends_of_the_scalar(bits: int) -> None:
    """Odd, from 2**249 + 1 to 3 2**249 - 1, which is below the order; so never 0, nor a multiple of it."""
    e = elgamal.ephemeral_scalar(bits)
    assert 2**249 < e < 3 * 2**249 < SUBGROUP_ORDER
    sealed = elgamal.seal([5], KEYS[:1], BINDING, Ephemeral(bits, 6))
    assert elgamal.unseal(sealed, 0, KEYS[0], elgamal.shared_point(SECRETS[0], sealed.ephemeral), BINDING) == [5]


def test_a_second_use_of_randomness_for_another_opening_leaks_no_difference() -> None:
    """It must not happen. Were the stream not bound to the commitment, the difference of two books would be public."""
    first = elgamal.seal([10, 20, 30], KEYS, BINDING, EPHEMERAL)
    for binding in (BINDING._replace(commitment=100), BINDING._replace(context=78)):
        second = elgamal.seal([11, 22, 33], KEYS, binding, EPHEMERAL)
        leaked = [(b - a) % MODULUS for a, b in zip(first.ciphertext, second.ciphertext, strict=True)]
        assert not set(leaked) & {1, 2, 3}
        assert not set(first.wrapped) & set(second.wrapped)
        assert len({(b - a) % MODULUS for a, b in zip(first.wrapped, second.wrapped, strict=True)}) == 3
    unbound = stream(Tag.KEYSTREAM, [EPHEMERAL.content_key], 3)
    naive = [[(m + p) % MODULUS for m, p in zip(message, unbound, strict=True)]
             for message in ([10, 20, 30], [11, 22, 33])]
    assert [b - a for a, b in zip(*naive, strict=True)] == [1, 2, 3]


def test_drawn_randomness_is_new_each_time() -> None:
    drawn = [elgamal.draw_ephemeral(1, 2) for _ in range(20)]
    assert len(set(drawn)) == 20
    assert all(0 <= each.bits < 2**249 and 0 <= each.content_key < MODULUS for each in drawn)
    assert max(each.bits for each in drawn) > 2**244


def test_with_a_generator_that_repeats_itself_other_secrets_give_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elgamal.secrets, "token_bytes", bytes)
    first, second = elgamal.draw_ephemeral(1, 2), elgamal.draw_ephemeral(1, 3)
    assert first == elgamal.draw_ephemeral(1, 2)
    assert first.bits != second.bits
    assert first.content_key != second.content_key


SMALL = multiply(SUBGROUP_ORDER, GENERATOR)


@pytest.mark.parametrize("key", [IDENTITY, SMALL, Point(0, MODULUS - 1), Point(5, 7)])
def test_weak_keys_are_refused_on_both_sides(key: Point) -> None:
    with pytest.raises(BadInput, match=r"recipients\[1\]"):
        elgamal.seal([1], [KEYS[0], key], BINDING, EPHEMERAL)
    with pytest.raises(BadInput, match="ephemeral key"):
        elgamal.shared_point(SECRETS[0], key)


def test_a_point_with_a_small_part_tells_nothing_of_the_secret() -> None:
    """Whoever has the secret applied to R + T, T of order 8, gets what R gives: no secret modulo 8."""
    sealed = elgamal.seal([1], KEYS, BINDING, EPHEMERAL)
    for k in range(8):
        other = babyjubjub.add(sealed.ephemeral, multiply(k, SMALL))
        assert elgamal.shared_point(SECRETS[0], other) == elgamal.shared_point(SECRETS[0], sealed.ephemeral)


def test_malformed_words_are_refused() -> None:
    with pytest.raises(BadInput, match="number of words"):
        Sealed.of_words([1, 2, 3, 4, 5], 3)
    with pytest.raises(BadInput, match=r"words\[3\]"):
        Sealed.of_words([1, 2, 3, MODULUS, 5, 6], 3)
    with pytest.raises(BadInput, match="recipient"):
        elgamal.unseal(Sealed(BASE, (1,), (2,)), 1, BASE, BASE, BINDING)
