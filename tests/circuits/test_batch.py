"""The batch statement: sizes, honest batches, attacks, and the forgeries that its challenge and digest prevent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from attacking import assert_refused_by_the_named_alone
from eth_hash.auto import keccak

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.clauses import calldata
from circuits.gadgets.poseidon import hash_cost, hash_rows
from circuits.signals import Linear
from circuits.soundness import batch as cheats
from circuits.soundness.audit import audit, forgotten
from circuits.soundness.forgery import Attack, complaint, forge, refusing_groups
from circuits.statements import batch, margin
from circuits.statements.batch import Account, Entry, Preset, PublicInputs
from primitives.errors import BadInput
from primitives.field import MODULUS, decode
from primitives.poseidon import Tag, hash_integers

TINY: Preset = statements.get("batch-tiny").preset
KEY = bytes(range(32))


# -- sizes -------------------------------------------------------------------------------------------------------------
PINNED = {"batch-tiny": (9_183, 14), "batch-4": (245_097, 18), "batch-16": (968_523, 20)}


@pytest.mark.parametrize("name", PINNED)
def test_sizes(name: str) -> None:
    statement = statements.get(name)
    assert (statement.rows, statement.domain) == PINNED[name]
    assert statement.public_inputs == ("digest", "challenge", "evaluation")
    assert statement.rows + 3 + 1 <= 2**statement.domain
    preset = statement.preset
    alone = ConstraintSystem()
    margin.define(alone, preset.account)
    top, epoch, c5, c20, B = 9 * hash_cost(8), hash_cost(3), 1, 1, preset.size
    account = alone.rows - top - epoch - c5 - c20
    assert statement.rows == B * account + top + epoch + c5 + hash_cost(3 * B + 1) + 1 + 3 * B


# -- honest batches ----------------------------------------------------------------------------------------------------
def accounts_of(book, epoch, count: int, preset: Preset = TINY) -> list[Account]:
    return [Account(book.random_positions(preset.account, epoch, seed), salt=100 + seed, context=200 + seed)
            for seed in range(count)]


def check(book, name: str, epoch, accounts: Sequence[Account]) -> list[Entry]:
    """The entries of a batch, after comparing them, and the public inputs, with what they should be."""
    statement = statements.get(name)
    preset, cs = statement.preset, statement.build()
    inputs = batch.assign(preset, epoch, accounts, KEY)
    witness = cs.witness(inputs)
    assert cs.violations(witness) == []
    entries = batch.entries_of(inputs)
    assert len(entries) == preset.size
    for account, entry in zip(accounts, entries, strict=False):
        alone = margin.assign(preset.account, epoch, *account)
        assert entry == (alone["context"], alone["portfolio_commitment"], alone["margin"])
        assert entry.margin == book.reference_margin(preset.account, epoch, account.positions)
    nothing = hash_integers(Tag.PORTFOLIO, [0] * (2 * preset.slots + 1))
    assert entries[len(accounts):] == [(0, nothing, 0)] * (preset.size - len(accounts))

    y = [epoch.root, *(value for entry in entries for value in entry)]
    digest = hash_integers(Tag.BATCH, y)
    words = b"".join(value.to_bytes(32, "big") for value in [*y, digest])
    challenge = int.from_bytes(keccak(keccak(b"tailproof batch challenge") + KEY + words)[:31], "big")
    evaluation = sum(value * pow(challenge, k, MODULUS) for k, value in enumerate(y)) % MODULUS
    assert decode(witness[:4]) == [1, digest, challenge, evaluation]
    # The contract knows the accounts that are there, and fills up with unused entries.
    assert y == batch.content(preset, epoch.root, entries[:len(accounts)])
    assert batch.public_inputs(KEY, y) == (digest, challenge, evaluation)
    return entries


@pytest.mark.parametrize("count", [0, 1, 2])
def test_margins_of_a_batch_are_those_of_its_accounts(count: int, book) -> None:
    epoch = book.random_epoch(TINY.shape)
    check(book, "batch-tiny", epoch, accounts_of(book, epoch, count))


def test_one_account_twice(book) -> None:
    """Nothing forbids it: what an account is, the context says, and the contract refuses to attest twice."""
    epoch = book.random_epoch(TINY.shape)
    first = accounts_of(book, epoch, 1)[0]
    entries = check(book, "batch-tiny", epoch, [first, first])
    assert entries[0] == entries[1]


def test_full_size(book) -> None:
    preset = statements.get("batch-4").preset
    epoch = book.random_epoch(preset.shape, instruments=30)
    check(book, "batch-4", epoch, accounts_of(book, epoch, 3, preset))


# -- attacks -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda a: f"{a.name} ({', '.join(sorted(a.refused_by))})")
def test_attack_is_refused_by_the_named_constraints_alone(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)


def test_no_group_of_constraints_is_without_an_attack_that_needs_it() -> None:
    needed = {group for attack in cheats.attacks() if len(attack.refused_by) == 1 for group in attack.refused_by}
    assert needed == set(cheats.circuit().groups())


@pytest.mark.slow
def test_the_audit_is_green() -> None:
    """At an ordinary witness and at one with every freedom; `margin` is audited at the others."""
    subject = cheats.subject()
    few = {name: subject.cases[name] for name in ("ordinary", "all losses 0")}
    assert audit(replace(subject, cases=few), thorough=False) == []


@pytest.mark.parametrize(("group", "loose"), [
    ("content/B2", "digest"), ("content/B3", "evaluation"), ("content/B3 product", "content/B3 product/1"),
    ("account 0/result/C19", None), ("account 0/commitment/C1", None)])
def test_the_audit_is_red_without_any_group(group: str, loose: str | None) -> None:
    """What is loose is named; margins and commitments are given here, so attacks tell."""
    found = forgotten(cheats.subject(), frozenset({group}))
    passing = {finding.label for finding in found if finding.check == "attack"}
    assert passing == {attack.name for attack in cheats.attacks() if attack.refused_by == {group}} != set()
    unpinned = {finding.label for finding in found if finding.check == "uniqueness"}
    assert (loose in unpinned) if loose else not unpinned


class Scene:
    """A batch of two accounts, and a contract that is told something about them.

    The contract accepts if the proof holds for *its* public inputs, which is to say that the circuit has a witness with
    these inputs.
    """

    def __init__(self, book, count: int = 2) -> None:
        self.epoch = book.random_epoch(TINY.shape)
        self.inputs = batch.assign(TINY, self.epoch, accounts_of(book, self.epoch, count), KEY)
        self.entries = batch.entries_of(self.inputs)

    def content(self, entries: Sequence[Entry]) -> list[int]:
        return batch.content(TINY, self.epoch.root, entries)

    def refused_by(self, told: Sequence[Entry], proven: Sequence[Entry] | None = None, digest: int | None = None
                   ) -> frozenset[str]:
        """What refuses a prover whose circuit holds the entries `proven`, before a contract that holds `told`."""
        claims = batch.content_inputs(self.epoch.root, self.entries if proven is None else proven, KEY)
        public = batch.public_inputs(KEY, self.content(told), claims["digest"] if digest is None else digest)
        cs = statements.get("batch-tiny").build()
        return refusing_groups(cs, forge(cs, self.inputs | claims | public._asdict()))


def test_batch_swap(book) -> None:
    """The contract is told the other account's margin; or the circuit is, too."""
    scene = Scene(book)
    first, second = scene.entries
    assert first.margin != second.margin
    swapped = [first._replace(margin=second.margin), second._replace(margin=first.margin)]
    assert scene.refused_by(scene.entries) == frozenset()
    assert scene.refused_by(swapped) == {"content/B3"}
    assert scene.refused_by(swapped, swapped) == {"account 0/result/C19", "account 1/result/C19"}


def test_entry_swapped(book) -> None:
    """Entries in another order: a context is one account's, so the order is not the prover's to choose."""
    scene = Scene(book)
    first, second = scene.entries
    assert scene.refused_by([second, first]) == {"content/B3"}
    crossed = [first._replace(context=second.context), second._replace(context=first.context)]
    assert scene.refused_by(crossed) == {"content/B3"}
    assert scene.refused_by([second, first], [second, first]) == {
        f"account {i}/{clause}" for i in (0, 1) for clause in ("commitment/C1", "result/C19")}


@pytest.mark.parametrize("account", [0, 1])
def test_margin_less_one_in_one_entry(account: int, book) -> None:
    scene = Scene(book)
    lowered = list(scene.entries)
    lowered[account] = lowered[account]._replace(margin=lowered[account].margin - 1)
    assert scene.refused_by(lowered) == {"content/B3"}
    assert scene.refused_by(lowered, lowered) == {f"account {account}/result/C19"}


def test_digest_mismatch(book) -> None:
    scene = Scene(book)
    assert scene.refused_by(scene.entries, digest=scene.inputs["digest"] + 1) == {"content/B2"}
    assert scene.refused_by(scene.entries, digest=0) == {"content/B2"}


def test_unused_entry_with_a_margin(book) -> None:
    """The empty portfolio has margin 0, whatever its place; and an unused entry is no place for a portfolio."""
    scene = Scene(book, count=1)
    used, empty = scene.entries
    assert empty == batch.unused(TINY)
    claimed = [used, empty._replace(margin=1)]
    assert scene.refused_by(claimed) == {"content/B3"}
    assert scene.refused_by(claimed, claimed) == {"account 1/result/C19"}
    both = Scene(book)
    assert both.refused_by([both.entries[0], batch.unused(TINY)]) == {"content/B3"}
    assert both.refused_by(both.entries[:1]) == {"content/B3"}


# -- why the challenge holds the digest, and the digest the contexts ---------------------------------------------------
def forged_contexts(y_contract: Sequence[int], y_circuit: Sequence[int], challenge: int) -> list[int]:
    """The circuit's y with a first context that makes both evaluate to the same."""
    context = 1                        # y[1] is context_0
    rest = [*y_circuit[:context], 0, *y_circuit[context + 1:]]
    missing = calldata.evaluate(y_contract, challenge) - calldata.evaluate(rest, challenge)
    rest[context] = missing * pow(challenge, -context, MODULUS) % MODULUS
    return rest


def claims(scene: Scene, y: Sequence[int], public: PublicInputs) -> dict[str, Any]:
    """Inputs of a prover whose circuit holds y, before a contract with these public inputs."""
    return scene.inputs | {"content/context": [y[1], y[4]]} | public._asdict()


def test_batch_challenge_without_digest(book) -> None:
    """STATEMENT §10: a challenge that is known before the digest lets a context absorb any forged margin."""
    scene, cs = Scene(book), statements.get("batch-tiny").build()
    first, second = scene.entries
    assert first.margin > 0
    told = scene.content([first._replace(margin=0), second])
    true = scene.content(scene.entries)

    def without_digest(y: Sequence[int]) -> int:
        words = b"".join(value.to_bytes(32, "big") for value in y)
        return int.from_bytes(keccak(batch.CHALLENGE_TAG + KEY + words), "big") >> 8

    challenge = without_digest(told)
    y = forged_contexts(told, true, challenge)
    public = PublicInputs(batch.digest_of(y), challenge, calldata.evaluate(told, challenge))
    assert cs.violations(cs.witness(claims(scene, y, public))) == [], "a weak contract attests a margin of 0"

    # Ours takes the digest into the challenge: with every context that the prover tries, the challenge moves on.
    for _ in range(5):
        public = batch.public_inputs(KEY, told, batch.digest_of(y))
        forgery = claims(scene, y, public)
        assert refusing_groups(cs, forge(cs, forgery)) == {"content/B3"}
        assert (complaint(cs, forgery) or "").startswith("content/B3 is ")
        y = forged_contexts(told, true, public.challenge)
        # At the challenge she wanted it would pass; but then the digest is another one.
        assert refusing_groups(cs, forge(cs, claims(scene, y, public))) == {"content/B2"}


def test_digest_without_contexts(book, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with a digest of everything but the contexts: they are free after the challenge is known."""
    scene = Scene(book)

    def contents(y: Any) -> Any:
        return [k for k in range(len(y)) if k % 3 != 1]

    def hash_without_contexts(cs: ConstraintSystem, tag: Tag, elements: Linear, label: str) -> Linear:
        return hash_rows(cs, tag, elements[contents(elements)] if tag == Tag.BATCH else elements, label)

    monkeypatch.setattr(batch, "hash_rows", hash_without_contexts)
    weak = ConstraintSystem()
    batch.define(weak, TINY)
    first, second = scene.entries
    told, true = scene.content([first._replace(margin=0), second]), scene.content(scene.entries)
    public = batch.public_inputs(KEY, told, hash_integers(Tag.BATCH, [true[k] for k in contents(true)]))
    y = forged_contexts(told, true, public.challenge)
    assert weak.violations(weak.witness(claims(scene, y, public))) == [], "a weak digest attests a margin of 0"


def test_the_challenge_depends_on_everything() -> None:
    y = list(range(1, 8))
    seen = {batch.challenge_of(KEY, y, 9), batch.challenge_of(KEY, y, 10), batch.challenge_of(bytes(32), y, 9)}
    seen |= {batch.challenge_of(KEY, [*y[:k], y[k] + 50, *y[k + 1:]], 9) for k in range(len(y))}
    assert len(seen) == 3 + len(y)
    assert all(challenge < 2**248 for challenge in seen)


@pytest.mark.parametrize("challenge", [0, 1, 2, MODULUS - 1])
def test_evaluation_at_the_edges(challenge: int) -> None:
    y = [3, MODULUS - 1, 0, 5]
    assert calldata.evaluate(y, challenge) == (3 - challenge + 5 * challenge**3) % MODULUS


# -- what is refused before a witness exists ---------------------------------------------------------------------------
def refusals(book) -> dict[str, Callable[[], Any]]:
    epoch = book.random_epoch(TINY.shape)
    good = Account([(1, 1)], 1, 1)
    empty = batch.unused(TINY)

    def assign(*accounts: Account, key: bytes = KEY, preset: Preset = TINY) -> Callable[[], Any]:
        return lambda: batch.assign(preset, epoch, accounts, key)

    other = Preset(book.with_shape(book.TINY, scenarios=9), 2)
    return {
        "number of accounts is 3: must be at most 2": assign(good, good, good),
        r"accounts\[1\] salt is -1": assign(good, good._replace(salt=-1)),
        r"accounts\[0\] context is ": assign(good._replace(context=MODULUS)),
        r"accounts\[1\] positions\[0\] lots is ": assign(good, good._replace(positions=[(1, 2**40)])),
        r"accounts\[1\] number of positions is 4": assign(good, good._replace(positions=[(1, 1)] * 4)),
        "key digest is .*: must be 32 bytes": assign(good, key=b"short"),
        "epoch shape is ": assign(good, preset=other),
        "size is 0": lambda: Preset(book.TINY, 0),
        "number of accounts is 4": lambda: batch.content(TINY, 1, [empty] * 4),
        r"accounts\[1\] margin is ": lambda: batch.content(TINY, 1, [empty, empty._replace(margin=MODULUS)]),
        r"accounts\[0\] commitment is ": lambda: batch.content(TINY, 1, [empty._replace(commitment=-1)]),
        "epoch root is ": lambda: batch.content(TINY, MODULUS, []),
    }


@pytest.mark.parametrize("number", range(12))
def test_bad_input(number: int, book) -> None:
    says, call = list(refusals(book).items())[number]
    with pytest.raises(BadInput, match=f"^{says}"):
        call()
