"""What the public sees of a solvent account that answers its calls does not tell its book.

Two books of the same covers do the same things, and everything that the chain shows is compared: calldata of every
transaction, every event, every word of storage. Masked are proofs, signatures (made over commitments), and, by value,
what is drawn afresh: commitments, digests of fills, words of encryptions and their digest. A mask keeps which of them
it is: what appears twice in one transcript must appear twice in the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_account import Account
from eth_utils.abi import abi_to_signature, get_abi_input_types
from eth_utils.crypto import keccak
from liquidation_world import COVER, MINUTE, Kept, refused
from revmsystem import QUANTUM, artifacts, root_of
from whole_world import WholeWorld, build_whole

from circuits import statements
from circuits.statements import margin

POSITIONS = 32
"""J as deployed: every escrow has so many slots, and its words are as many (`circuits/statements/escrow.py`)."""
SOLVENT = Account.from_key(keccak(text="a solvent account"))
DEPOSIT = 10_000_000
SLOT = re.compile(r"[{ ](\d+): StorageSlot \{ previous_or_original_value: \d+, present_value: (\d+) \}")
ACCOUNT = re.compile(r"0x([0-9a-f]{40}): Account \{")
ROOTS = 64
"""Storage slots of a contract in which a mapping may begin."""


@dataclass(frozen=True)
class Book:
    """margins : of its four commitments.  positions : how many of the J it has.  cash : that it settles once."""

    margins: tuple[int, int, int, int]
    positions: int
    cash: int


ONE = Book((7_000_000, 7_400_000, 7_700_000, 5_000_000), 1, 1_000_040)
OTHER = Book((1, 2_999_999, 8_000_000, 123), POSITIONS, 1_000_099)
assert ONE.cash // QUANTUM == OTHER.cash // QUANTUM


class Transcript:
    """Everything public, masked; `drawn` are the values that were drawn afresh, by what they are."""

    def __init__(self, w: WholeWorld) -> None:
        self.w, self.drawn = w, dict[int, str]()
        self.seen: list[Any] = []
        self.functions: dict[bytes, Any] = {}
        self.events: dict[bytes, Any] = {}
        for made in artifacts().values():
            for entry in made.abi:
                if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure"):
                    self.functions[keccak(text=abi_to_signature(entry))[:4]] = entry
                if entry["type"] == "event":
                    self.events[keccak(text=abi_to_signature(entry))] = entry
        self._raw, self._sealed = w.s.machine.raw, w.sealed_for

    def __enter__(self) -> Transcript:
        self.w.s.machine.raw = self.raw  # type: ignore[method-assign]
        self.w.sealed_for = self.sealed  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        del self.w.s.machine.raw, self.w.sealed_for  # type: ignore[attr-defined]

    # -- what is drawn afresh ------------------------------------------------------------------------------------------
    def draw(self, value: int, what: str) -> None:
        self.drawn.setdefault(value, f"{what} {sum(name.startswith(what + ' ') for name in self.drawn.values())}")

    def commitment(self, value: int) -> int:
        self.draw(value, "commitment")
        self.draw(self.w.fill_digest(value), "fills")
        for root in range(ROOTS):                     # where the escrow keeps what was posted of it
            inner = keccak(encode(["address", "uint256"], [SOLVENT.address, root]))
            self.draw(int.from_bytes(keccak(encode(["uint256", "bytes32"], [value, inner])), "big"), f"slot{root}")
        return value

    def sealed(self, *arguments: Any) -> tuple[int, list[int]]:
        digest, words = self._sealed(*arguments)
        for word in words:
            self.draw(word, "word")
        self.draw(digest, "digest")
        self.draw(int.from_bytes(keccak(encode(["uint32", "address", "uint256"], [1, self.w.venue, digest])), "big"),
                  "posted")
        return digest, words

    # -- what is seen --------------------------------------------------------------------------------------------------
    def masked(self, kind: str, value: Any, components: Sequence[Any] = ()) -> Any:
        if kind == "uint256[8]":
            return "proof"
        if kind == "bytes":
            return f"{len(value)} bytes"
        if kind.endswith("]"):
            return [self.masked(kind[:kind.rindex("[")], one, components) for one in value]
        if kind == "tuple":
            return [self.masked(part["type"], one, part.get("components", ())) for part, one in
                    zip(components, value, strict=True)]
        if kind == "bytes32":
            return self.drawn.get(int.from_bytes(value, "big"), value.hex())
        return self.drawn.get(value, value) if isinstance(value, int) and not isinstance(value, bool) else value

    def all_masked(self, entries: Sequence[Any], values: Sequence[Any]) -> list[Any]:
        return [self.masked(entry["type"], value, entry.get("components", ())) for entry, value in
                zip(entries, values, strict=True)]

    def raw(self, to: str, data: bytes, sender: str) -> bytes:
        answer: bytes = self._raw(to, data, sender)
        entry = self.functions.get(data[:4])
        if entry is not None:
            arguments = self.all_masked(entry["inputs"], decode(get_abi_input_types(entry), data[4:]))
            logs = [self.log(log) for log in self.w.s.machine.evm.result.logs]
            self.seen.append((self.w.now, sender, to, len(data), entry["name"], arguments, logs))
        return answer

    def log(self, log: Any) -> Any:
        topics, data = [bytes.fromhex(str(one).removeprefix("0x")) for one in log.topics], bytes(log.data[1])
        entry = self.events[topics[0]]
        plain = [one for one in entry["inputs"] if not one["indexed"]]
        types = get_abi_input_types({"type": "event", "name": "", "inputs": plain})  # type: ignore[typeddict-item]
        return (log.address, entry["name"], [self.masked("bytes32", one) for one in topics[1:]],
                self.all_masked(plain, decode(types, data)))

    def storage(self) -> None:
        """Every word that any contract has by now."""
        text, found = self.w.s.machine.evm.journal_str, dict[str, Any]()
        text = text[:text.index("transient_storage")]
        places = [*ACCOUNT.finditer(text)]
        for place, following in zip(places, [*places[1:], None], strict=True):
            part = text[place.end():following.start() if following else len(text)]
            words = {self.drawn.get(int(slot), slot): self.drawn.get(int(value), value)
                     for slot, value in SLOT.findall(part) if value != "0"}
            if words:
                found[place[1]] = words
        assert len(found) > 10, "the machine shows its storage"
        self.seen.append(found)


@pytest.fixture(scope="module")
def built() -> WholeWorld:
    return build_whole(positions=POSITIONS)


@pytest.fixture
def w(built: WholeWorld) -> Iterator[WholeWorld]:
    with Kept(built) as world:
        yield world


def lived(w: WholeWorld, book: Book, leak: str = "") -> list[Any]:
    """It registers, escrows, is covered, trades, is settled, withdraws, is called by silence three times and answers by
    cover, by a top-up and by a transition."""
    with Kept(w), Transcript(w) as seen:
        who, numbers = SOLVENT.address, iter(book.margins)

        def commitment(after: int | None = None) -> int:
            made = seen.commitment(w.commit_to(next(numbers), after))
            w.openings[made] = [*range(made % 1000, made % 1000 + 2 * book.positions), *[0] * w.values][:w.values]
            return made

        def called() -> None:
            w.run(62 * MINUTE)
            w.silence("noteSilence", who)
            w.run(30 * MINUTE)
            w.silence("callSilent", w.venue, 3)
            assert w.status(who) == "Called"
            seen.storage()

        first, deadline = commitment(), w.now
        w.s.desk("registerCommitment", who, first, 1, deadline, w.consent(SOLVENT, w.venue, first, 1, deadline),
                 sender=w.venue)
        w.keys[who] = SOLVENT
        w.deposit(who, DEPOSIT)
        w.post(who)
        w.cover(who)
        seen.storage()
        w.transition(who, commitment(w.commitment(who)), COVER)
        w.run(5 * MINUTE)
        if leak == "margin":                                  # once its cover has run out: before, it is refused
            w.run(62 * MINUTE)
            held = w.margins[w.commitment(who)]
            proof = w.prove("margin", w.s.ledger, who, w.epoch, w.version(who),
                            [root_of(w.epoch), w.commitment(who), held])
            w.s.ledger("attest", who, w.epoch, w.version(who), held, 0, proof)
            seen.storage()
        amount = book.cash // QUANTUM * QUANTUM
        if leak == "settlement":
            w.s.settlement("requestSettlement", sender=who)
            amount = book.cash
        w.gain(who, amount)
        w.post(who)
        w.cover(who)
        claim = w.withdraw(who, 1_000_000, waiting=amount)
        w.run(30 * MINUTE)
        w.s.vault("redeem", claim)
        seen.storage()
        called()
        w.cover(who)
        assert w.status(who) == "Valid"
        called()
        w.deposit(who, book.margins[1] // 100 if leak == "top-up" else 500_000)
        w.cover(who)
        assert w.status(who) == "Valid"
        called()
        w.transition(who, commitment(w.commitment(who)), COVER)
        assert w.status(who) == "Valid"
        seen.storage()
        return seen.seen


def differences(one: Any, other: Any, at: str = "") -> list[str]:
    if type(one) is type(other) and isinstance(one, list | tuple) and len(one) == len(other):
        return [said for n, pair in enumerate(zip(one, other, strict=True))
                for said in differences(*pair, at=f"{at}/{n}")]
    if isinstance(one, dict) and isinstance(other, dict):
        return [said for key in sorted({*one, *other}, key=str)
                for said in differences(one.get(key), other.get(key), f"{at}/{key}")]
    return [] if one == other else [f"{at}: {one} and {other}"]


def test_two_books_of_the_same_covers_leave_one_transcript(w: WholeWorld) -> None:
    one, other = lived(w, ONE), lived(w, OTHER)
    assert differences(one, other) == []
    names = {entry[4] for entry in one if isinstance(entry, tuple)}
    assert names >= {"registerCommitment", "postEscrow", "attestCover", "applyTransition", "settle", "withdraw",
                     "redeem", "noteSilence", "callSilent", "deposit"}


@pytest.mark.parametrize(("leak", "where"), [("margin", "attest"), ("settlement", "settle"), ("top-up", "mint")])
def test_a_leak_is_seen(w: WholeWorld, leak: str, where: str) -> None:
    """A margin that is shown, a settlement that is no multiple of the quantum, a top-up of what is missing."""
    one, other = lived(w, ONE, leak), lived(w, OTHER, leak)
    first = next(a for a, b in zip(one, other, strict=True) if a != b)
    assert first[4] == where
    assert [a for a, b in zip(one, other, strict=True) if a != b and isinstance(a, dict)], "and stands in storage"


def test_books_are_of_one_and_of_all_positions(w: WholeWorld) -> None:
    """What was compared is as it is deployed: J = 32, the largest statement's."""
    largest = statements.get("escrow-32").preset
    assert w.escrow("slots") == POSITIONS == largest.slots == statements.get("margin-full-1000x32").preset.slots
    posted = [len(entry[5][3]) for entry in lived(w, OTHER) if isinstance(entry, tuple) and entry[4] == "postEscrow"]
    assert set(posted) == {2 * POSITIONS + 6}


def test_a_post_of_fewer_words_is_none(w: WholeWorld) -> None:
    """Words are those of all J slots: their number tells no number of positions."""
    digest, words, proof = w.posting(w.owner, w.version(w.owner), w.commitment(w.owner))
    assert len(words) == 2 * POSITIONS + 6
    with refused("WrongNumberOfWords"):
        w.escrow("postEscrow", w.owner, w.version(w.owner), digest, words[:-2], proof)
    for name in ("margin-tiny", "margin-full-1000x32", "margin-grid-1000x32"):
        preset = statements.get(name).preset
        assert len({len(margin.fill(preset, [(1, 5)] * count)) for count in range(2)}) == 1
