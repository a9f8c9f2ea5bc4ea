"""Escrow and delivery against their specification: sizes, readers, words in calldata, attacks, planted faults."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from attacking import assert_refused_by_the_named_alone
from eth_hash.auto import keccak

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.clauses import calldata
from circuits.errors import CircuitError
from circuits.gadgets.babyjubjub import CLEARING_ROWS, Edwards, Montgomery, cleared
from circuits.gadgets.poseidon import hash_cost, hash_rows, stream_cost
from circuits.gadgets.poseidon import stream as gadget_stream
from circuits.gadgets.scalar_multiplication import fixed_base_rows, variable_base, variable_base_rows
from circuits.signals import Linear, concatenate
from circuits.soundness import escrow as cheats
from circuits.soundness.audit import Finding, Subject, audit, examine
from circuits.soundness.forgery import complaint, forge, refusing_groups
from circuits.statements import escrow, margin
from circuits.statements.escrow import Preset
from primitives import babyjubjub, elgamal
from primitives.babyjubjub import BASE, GENERATOR, IDENTITY, SUBGROUP_ORDER, Point, multiply
from primitives.elgamal import Binding, Ephemeral
from primitives.errors import BadInput
from primitives.field import MODULUS, decode
from primitives.poseidon import Tag, hash_integers, stream

KEY = bytes(range(32))
SECRETS = [3**50, 5**60, 7**70, 11**40, 13**30]
KEYS = [multiply(secret, BASE) for secret in SECRETS]
SLOTS = [(2**248 - 1, -(2**40) + 1), (7, 10)]
SALT, CONTEXT = MODULUS - 5, 77
PINNED = {"escrow-tiny": (8_073, 13), "escrow-16": (11_147, 14), "escrow-32": (14_851, 14),
          "delivery-tiny": (11_991, 14), "delivery-16": (15_275, 14), "delivery-32": (18_979, 15)}


@pytest.mark.parametrize("name", PINNED)
def test_sizes(name: str) -> None:
    """As docs/statements.md counts them."""
    statement = statements.get(name)
    preset: Preset = statement.preset
    P, n, m = preset.recipients, preset.scalar_bits, preset.elements
    assert n == 249
    assert preset.words == 2 + P + m
    y = 2 + 2 * P + preset.words
    assert statement.rows == (hash_cost(m) + 1 + n + fixed_base_rows(n) + 2
                              + P * (CLEARING_ROWS + variable_base_rows(n) + 2 + hash_cost(6))
                              + stream_cost(3, m) + hash_cost(y) + 1 + y - 1)
    assert (statement.rows, statement.domain) == PINNED[name]
    assert statement.public_inputs == ("digest", "challenge", "evaluation")
    assert not statement.reads_epoch


# -- honest escrows --------------------------------------------------------------------------------------------------
def honest(name: str, slots: list[tuple[int, int]] = SLOTS, **changes: Any) -> dict[str, Any]:
    preset = statements.get(name).preset
    arguments: dict[str, Any] = {"salt": SALT, "recipients": KEYS[:preset.recipients], "context": CONTEXT,
                                 "key_digest": KEY} | changes
    return escrow.assign(preset, slots, **arguments)


@pytest.mark.parametrize("name", ["escrow-tiny", "escrow-32", "delivery-tiny"])
def test_every_recipient_reads_the_opening_and_the_contract_knows_the_words(name: str) -> None:
    statement = statements.get(name)
    preset, cs = statement.preset, statement.build()
    inputs = honest(name)
    witness = cs.witness(inputs)
    assert cs.violations(witness) == []
    words, keys = escrow.sealed_of(preset, inputs).words(), KEYS[:preset.recipients]
    filled = [*SLOTS, *[(0, 0)] * (preset.slots - 2)]
    commitment = margin.commit(SALT, filled)
    for number in range(preset.recipients):
        opening = escrow.read(words, keys, number, SECRETS[number], Binding(CONTEXT, commitment))
        assert opening == (SALT, filled)
    # As the contract computes it.
    y = [CONTEXT, commitment, *(coordinate for key in keys for coordinate in key), *words]
    assert len(words) == preset.words
    digest = hash_integers(Tag.ESCROW, y)
    content = b"".join(value.to_bytes(32, "big") for value in [*y, digest])
    challenge = int.from_bytes(keccak(keccak(b"tailproof escrow challenge") + KEY + content)[:31], "big")
    evaluation = sum(value * pow(challenge, k, MODULUS) for k, value in enumerate(y)) % MODULUS
    assert decode(witness[1:4]) == [digest, challenge, evaluation]


def test_two_escrows_of_one_portfolio_share_no_word() -> None:
    preset = statements.get("escrow-tiny").preset
    first, second = (escrow.sealed_of(preset, honest("escrow-tiny")).words() for _ in range(2))
    assert not set(first) & set(second)


def test_what_is_read_is_right_or_refused() -> None:
    preset = statements.get("escrow-tiny").preset
    inputs = honest("escrow-tiny")
    words, keys = escrow.sealed_of(preset, inputs).words(), KEYS[:3]
    binding = Binding(CONTEXT, inputs["content/portfolio_commitment"])
    for place in range(len(words)):
        if place in (2, 4):
            continue                                                 # wrapped for the others
        changed = [*words[:place], (words[place] + 1) % MODULUS, *words[place + 1:]]
        with pytest.raises(BadInput, match=r"decrypted opening|ephemeral key"):
            escrow.read(changed, keys, 1, SECRETS[1], binding)
    for other in (binding._replace(context=78), binding._replace(commitment=5)):
        with pytest.raises(BadInput, match="decrypted opening") as error:
            escrow.read(words, keys, 1, SECRETS[1], other)
        assert str(SALT) not in str(error.value)
    with pytest.raises(BadInput, match=r"secret key .* that of recipient 1"):
        escrow.read(words, keys, 1, SECRETS[0], binding)
    for number, secret, field in ((3, SECRETS[1], "recipient"), (1, 0, "secret key"),
                                  (1, SUBGROUP_ORDER, "secret key")):
        with pytest.raises(BadInput, match=field):
            escrow.read(words, keys, number, secret, binding)


SMALL = multiply(SUBGROUP_ORDER, GENERATOR)


@pytest.mark.parametrize(("changes", "field"), [
    ({"slots": [(1, 1)] * 4}, "number of slots"), ({"slots": [(1, 2**40)]}, "lots"), ({"slots": [(2**248, 1)]}, "id"),
    ({"slots": [(0, 1)]}, "lots"), ({"salt": MODULUS}, "salt"), ({"context": -1}, "context"),
    ({"recipients": KEYS[:2]}, "number of recipients"), ({"recipients": [*KEYS[:2], SMALL]}, r"recipients\[2\]"),
    ({"recipients": [IDENTITY, *KEYS[:2]]}, r"recipients\[0\]"),
    ({"recipients": [*KEYS[:2], Point(5, 7)]}, "BabyJubJub"),
    ({"recipients": [KEYS[0], babyjubjub.add(KEYS[1], SMALL), KEYS[2]]}, r"recipients\[1\].*prime order"),
    ({"key_digest": b""}, "key digest"), ({"ephemeral": Ephemeral(2**249, 1)}, "ephemeral bits"),
    ({"ephemeral": Ephemeral(1, MODULUS)}, "content key")])
def test_what_nobody_could_open_is_refused_before_any_work(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        honest("escrow-tiny", **changes)


@pytest.mark.parametrize(("sizes", "field"), [((0, 3), "slots"), ((65, 3), "slots"), ((3, 0), "recipients"),
                                              ((3, 17), "recipients"), ((3, 3, 250), "scalar_bits"),
                                              ((3, 3, 3), "scalar_bits")])
def test_sizes_out_of_bounds_are_refused(sizes: tuple[int, ...], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        Preset(*sizes)


def test_a_committee_key_of_small_order_cannot_be_escrowed_to() -> None:
    """Neither with a witness that the program makes nor with any u and v: everybody could open it."""
    statement = statements.get("escrow-tiny")
    cs, inputs = statement.build(), honest("escrow-tiny")
    for k in (1, 2, 4, 8):
        small = multiply(k, SMALL)
        forged = inputs | {"recipients/x": [KEYS[0].x, small.x, KEYS[2].x],
                           "recipients/y": [KEYS[0].y, small.y, KEYS[2].y]}
        message = complaint(cs, forged)
        assert message is not None
        assert message.startswith("recipients/clear/X3 u[0, 1] is 0: must be 2")


# -- the harness -----------------------------------------------------------------------------------------------------
def test_the_harness_is_green() -> None:
    assert audit(cheats.subject(), thorough=False) == []


def test_attacks_are_refused_by_the_constraints_they_name() -> None:
    for attack in cheats.attacks():
        assert_refused_by_the_named_alone(cheats.circuit(), attack)


def test_every_word_in_calldata_is_tied_to_the_proof() -> None:
    """R3 of the design's review: one word changed, anywhere, keys, context and commitment included."""
    cs, inputs = cheats.circuit(), cheats.told()
    y = escrow.content(cheats.binding_of(inputs), cheats.KEYS, cheats.sealed())
    for place in range(len(y)):
        changed = [*y[:place], (y[place] + 1) % MODULUS, *y[place + 1:]]
        public = escrow.public_inputs(KEY, changed, inputs["digest"])._asdict()
        assert refusing_groups(cs, forge(cs, inputs | public)) == {"content/X8"}
        honest_digest = escrow.public_inputs(KEY, changed)._asdict()
        assert refusing_groups(cs, forge(cs, inputs | honest_digest)) == {"content/X7", "content/X8"}


@pytest.mark.parametrize("name", sorted(cheats.lies()))
def test_lies_about_the_words_have_other_public_inputs(name: str) -> None:
    """What is told differs from what is proven in challenge and evaluation, with the digest of either."""
    y, lie = escrow.content(cheats.binding_of(cheats.told()), cheats.KEYS, cheats.sealed()), cheats.lies()[name]
    assert lie != y
    digest = hash_integers(Tag.ESCROW, y)
    mine, told = escrow.public_inputs(KEY, y), escrow.public_inputs(KEY, lie, digest)
    assert told.challenge != mine.challenge
    assert told.evaluation != calldata.evaluate(y, told.challenge)


# -- planted faults --------------------------------------------------------------------------------------------------
Plant = Callable[[pytest.MonkeyPatch], None]


def recorded() -> ConstraintSystem:
    cs = ConstraintSystem()
    escrow.define(cs, cheats.AUDIT)
    return cs.finish()


def audited(cs: ConstraintSystem) -> list[Finding]:
    """An honest witness, and all attacks but those on hashes, which no fault here touches."""
    inputs = cheats.told()
    subject = Subject("escrow", cs, {"ordinary": inputs}, free_inputs=frozenset({"challenge"}))
    findings = list(examine(subject, cs.r1cs(), "ordinary", inputs))
    if findings and findings[0].check == "honest":
        return findings
    for attack in cheats.attacks():
        if not attack.name.endswith(" kept"):
            try:
                witness = forge(cs, attack.inputs, attack.overrides)
            except KeyError:                               # the wires it forces are not there any more
                continue
            if not len(cs.r1cs().broken(witness)):
                findings.append(Finding("attack", attack.name, "passes"))
    return findings


def instead(name: str, faulty: Any) -> Plant:
    return lambda patch: patch.setattr(escrow, name, faulty)


def without_element(label: str, column: int) -> Plant:
    """A hash that takes 0 instead of one of its elements."""
    def faulty(cs: ConstraintSystem, tag: Any, elements: Linear, name: str) -> Linear:
        if name == label:
            parts = [elements[..., :column], elements[..., column:column + 1] * 0, elements[..., column + 1:]]
            elements = concatenate(parts)
        return hash_rows(cs, tag, elements, name)
    return instead("hash_rows", faulty)


def equation(label: str) -> Plant:
    """An equation that is not there."""
    def plant(patch: pytest.MonkeyPatch) -> None:
        true = ConstraintSystem.equal

        def faulty(cs: ConstraintSystem, left: Any, right: Any, name: str) -> None:
            true(cs, *((cs.one, 1) if name == label else (left, right)), name)
            if name == label and not isinstance(left, Linear):
                left.use()
        patch.setattr(ConstraintSystem, "equal", faulty)
    return plant


def bits_as_hints(patch: pytest.MonkeyPatch) -> None:
    true = ConstraintSystem.boolean
    patch.setattr(ConstraintSystem, "boolean", lambda cs, name, shape=():
                  cs.hint(name, shape) if name == "X1 bit" else true(cs, name, shape))


def uncleared(cs: ConstraintSystem, points: Edwards, clause: str) -> Any:
    """P instead of 8 P."""
    u = cs.divide(1 + points.y, 1 - points.y, "u")
    return Montgomery(u, cs.divide(u, points.x, "v"))


FAULTS: dict[str, tuple[Plant, str, str]] = {
    "context not in pads": (without_element("X5 hash", 4), "honest", "ordinary"),
    "recipient not in pads": (without_element("X5 hash", 2), "honest", "ordinary"),
    "keys not in the digest": (without_element("X7 hash", 2), "honest", "ordinary"),
    "a ciphertext not in the digest": (without_element("X7 hash", 12), "honest", "ordinary"),
    "stream without the commitment": (
        instead("stream", lambda cs, tag, key, count, label: gadget_stream(cs, tag, key[:2], count, label)),
        "honest", "ordinary"),
    "cofactor not cleared": (instead("cleared", uncleared), "honest", "ordinary"),
    "one secret for all": (
        instead("variable_base", lambda cs, bits, points, clause: (
            lambda found: found._replace(u=found.u[:1].broadcast(found.u.shape), v=found.v[:1].broadcast(found.v.shape))
        )(variable_base(cs, bits, points, clause))), "honest", "ordinary"),
    "bits only claimed": (bits_as_hints, "attack", "bit-2"),
    "curve not checked": (equation("X3 on the curve"), "attack", "key-off-the-curve"),
    "commitment not compared": (equation("C1"), "attack", "other-portfolio"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, check, label = FAULTS[name]
    plant(monkeypatch)
    findings = audited(recorded())
    assert (check, label) in {(finding.check, finding.label) for finding in findings}, list(map(str, findings))


def test_without_a_fault_there_is_nothing_to_see() -> None:
    assert audited(recorded()) == []


@pytest.mark.parametrize(("label", "wire"), [("X7", "digest"), ("X8", "evaluation")])
def test_an_output_that_nothing_compares_is_an_error_while_recording(label: str, wire: str,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    equation(label)(monkeypatch)
    with pytest.raises(CircuitError, match=f"no row mentions wire {wire}"):
        recorded()


def _accepted(cs: ConstraintSystem, inputs: dict[str, Any]) -> bool:
    return refusing_groups(cs, forge(cs, inputs)) == frozenset()


def test_keys_on_wires_of_their_own_let_a_prover_encrypt_to_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    """X4 needs the *same wires* as X7: with copies that nothing equates, the prover's own key opens it alone."""
    monkeypatch.setattr(escrow, "cleared", lambda cs, keys, clause: cleared(
        cs, Edwards(cs.private("copied x", keys.x.shape), cs.private("copied y", keys.y.shape)), clause))
    cs, mine = recorded(), multiply(4, BASE)
    copies = {"recipients/copied x": [mine.x] * 2, "recipients/copied y": [mine.y] * 2}
    honest_inputs = cheats.told()
    shared = multiply(8 * elgamal.ephemeral_scalar(cheats.BITS, cheats.AUDIT.scalar_bits), mine)
    pads = [elgamal.pad(shared, key, cheats.binding_of(honest_inputs)) for key in cheats.KEYS]
    told = cheats.followed(honest_inputs, pads=pads)
    assert _accepted(cs, told | copies)


def test_a_content_key_for_each_recipient_lets_a_prover_choose_who_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """X5 and X6 need *one* K: were the stream's a wire of its own, nobody could read what everybody was sent."""
    monkeypatch.setattr(escrow, "stream", lambda cs, tag, key, count, label: gadget_stream(
        cs, tag, concatenate([cs.private("own key").reshape(1), key[1:]]), count, label))
    cs, inputs = recorded(), cheats.told()
    hidden = stream(Tag.KEYSTREAM, [5, *cheats.binding_of(inputs)], cheats.AUDIT.elements)
    told = cheats.followed(inputs, stream_of=hidden)
    assert _accepted(cs, told | {"ciphertext/own key": 5})


def test_a_challenge_without_the_digest_lets_words_be_chosen_last() -> None:
    """Without the digest the circuit's y could be solved for once the challenge is known, in any element that is free:
    a lie of 7 in one place is made up for in another. With it the challenge moves away."""
    y = [1, 2, 3]
    free = calldata.challenge_of(escrow.CHALLENGE_TAG, KEY, y)
    context = (y[0] + 7 * free) % MODULUS                      # makes up for a lie of 7 in place 1
    assert calldata.evaluate([context, y[1] - 7, y[2]], free) == calldata.evaluate(y, free)
    bound = escrow.public_inputs(KEY, y, hash_integers(Tag.ESCROW, [context, y[1] - 7, y[2]])).challenge
    assert bound != free
    assert calldata.evaluate([context, y[1] - 7, y[2]], bound) != calldata.evaluate(y, bound)


def test_random_openings_are_read_back() -> None:
    rng = random.Random(5)
    preset = cheats.AUDIT
    for _ in range(10):
        secrets = [rng.randrange(1, SUBGROUP_ORDER) for _ in range(2)]
        keys = [multiply(secret, BASE) for secret in secrets]
        slots = [(rng.getrandbits(248), rng.randint(-2**40 + 1, 2**40 - 1)) for _ in range(2)]
        inputs = escrow.assign(preset, slots, rng.randrange(MODULUS), keys, rng.randrange(MODULUS), KEY,
                               Ephemeral(rng.getrandbits(preset.scalar_bits), rng.randrange(MODULUS)))
        cs = cheats.circuit()
        assert cs.violations(cs.witness(inputs)) == []
        words = escrow.sealed_of(preset, inputs).words()
        for number in range(2):
            found = escrow.read(words, keys, number, secrets[number], cheats.binding_of(inputs))
            assert found.slots == slots


