"""Disclose against its specification: sizes, the words are the opening and nothing else, named attacks."""

from __future__ import annotations

from typing import Any

import pytest
from attacking import assert_refused_by_the_named_alone
from eth_hash.auto import keccak

from circuits import statements
from circuits.gadgets.poseidon import hash_cost
from circuits.soundness import disclose as cheats
from circuits.soundness.audit import audit
from circuits.soundness.forgery import Attack, forge, refusing_groups
from circuits.statements import disclose, margin
from primitives.errors import BadInput
from primitives.field import MODULUS, decode

KEY = bytes(range(32))


@pytest.mark.parametrize(("name", "rows", "domain"), [("disclose-tiny", 392, 9), ("disclose-16", 1_474, 11),
                                                      ("disclose-32", 2_730, 12)])
def test_row_counts(name: str, rows: int, domain: int) -> None:
    statement = statements.get(name)
    words = 2 * statement.slots + 1
    assert statement.rows == hash_cost(words) + 1 + words - 1 + 1 == rows
    assert statement.domain == domain
    assert statement.public_inputs == ("context", "portfolio_commitment", "challenge", "evaluation")
    assert not statement.reads_epoch


@pytest.mark.parametrize("name", ["disclose-tiny", "disclose-32"])
def test_the_contract_knows_the_words(name: str) -> None:
    statement = statements.get(name)
    slots, salt = [(2**248 - 1, -5), (7, 10)], MODULUS - 2
    witness = statement.build().witness(disclose.assign(statement.preset, slots, salt, 6, KEY))
    assert statement.build().violations(witness) == []
    words = [salt, 2**248 - 1, MODULUS - 5, 7, 10, *[0] * (2 * statement.slots - 4)]
    commitment = margin.commit(salt, [*slots, *[(0, 0)] * (statement.slots - 2)])
    assert words == disclose.words_of([*slots, *[(0, 0)] * (statement.slots - 2)], salt)
    content = b"".join(value.to_bytes(32, "big") for value in [6, commitment, *words])
    challenge = int.from_bytes(keccak(keccak(b"tailproof disclose challenge") + KEY + content)[:31], "big")
    evaluation = sum(value * pow(challenge, k, MODULUS) for k, value in enumerate(words)) % MODULUS
    assert decode(witness[1:5]) == [6, commitment, challenge, evaluation]


def test_every_word_in_calldata_is_tied_to_the_proof() -> None:
    cs, inputs = cheats.circuit(), cheats.told()
    words = disclose.words_of(cheats.SLOTS, cheats.SALT)
    for place in range(len(words)):
        changed = [*words[:place], (words[place] + 1) % MODULUS, *words[place + 1:]]
        public = disclose.public_inputs(KEY, cheats.CONTEXT, inputs["portfolio_commitment"], changed)._asdict()
        assert refusing_groups(cs, forge(cs, inputs | public)) == {"content/D1"}


def test_a_challenge_depends_on_context_commitment_key_and_words() -> None:
    words = [1, 2, 3]
    seen = {disclose.public_inputs(key, context, commitment, other).challenge
            for key, context, commitment, other in ((KEY, 6, 7, words), (bytes(32), 6, 7, words), (KEY, 5, 7, words),
                                                    (KEY, 6, 8, words), (KEY, 6, 7, [1, 2, 4]))}
    assert len(seen) == 5


@pytest.mark.parametrize(("changes", "field"), [
    ({"slots": [(0, 0)] * 4}, "number of slots"), ({"slots": [(1, 2**40)]}, "lots"), ({"salt": -1}, "salt"),
    ({"context": MODULUS}, "context"), ({"key_digest": b"1"}, "key digest")])
def test_bad_input_is_refused_before_any_work(changes: dict[str, Any], field: str) -> None:
    arguments: dict[str, Any] = {"slots": [(1, 1)], "salt": 5, "context": 6, "key_digest": KEY} | changes
    with pytest.raises(BadInput, match=field):
        disclose.assign(statements.get("disclose-tiny").preset, **arguments)


def test_the_harness_is_green() -> None:
    assert audit(cheats.subject()) == []


@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda attack: attack.name)
def test_attacks_are_refused_by_the_constraints_they_name(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)
