"""A keeper that puts a committee's shares together and delivers: as soon as there are enough that hold, whatever else
lies in its folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from committees import Made, make

from circuits import statements
from circuits.clauses.portfolio import commit
from circuits.statements import transition
from committee.decryption import Partial, Request
from committee.members import Identity
from primitives.babyjubjub import BASE, multiply
from primitives.elgamal import Binding, Ephemeral, seal
from primitives.errors import BadInput
from primitives.field import MODULUS
from tailproof import escrowing
from tailproof.keeper_duties import Delivering, OwnKey, Together
from tailproof.secret import Opening
from verifier_contracts.auction import Stage

SLOTS, SALT, CONTEXT = [(77, 5), (78, -3)], 4321, 99
J = statements.get("escrow-tiny").slots
COMMITMENT = commit(SALT, transition.fill("slots", J, SLOTS))
ELEMENTS = [SALT, *(value for slot in transition.fill("slots", J, SLOTS) for value in slot)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("members"), 2, 3)


@pytest.fixture
def reader() -> Identity:
    return Identity.draw("reader")


def escrowed(made: Made, fresh: int = 5) -> Request:
    """An escrow of the opening, to a venue, the committee and an owner."""
    keys = (multiply(11, BASE), made.committee.key, multiply(13, BASE))
    binding = Binding(CONTEXT, COMMITMENT)
    residues = [value % MODULUS for value in ELEMENTS]
    return Request("escrow-tiny", binding, keys, seal(residues, keys, binding, Ephemeral(fresh, fresh + 1)))


def give(made: Made, request: Request, member: int, folder: Path, reader: Identity, name: str = "") -> Path:
    path = folder / (name or f"share-{member}")
    Partial.of(made.committee, request, made.shares[member - 1]).save(path, reader.key)
    return path


class Delivery:
    """One lot whose opening was ordered, and what was delivered of it."""

    def __init__(self, patch: pytest.MonkeyPatch, request: Request, *, public: bool = False) -> None:
        self.delivered: list[tuple[str, Opening]] = []
        self.order = SimpleNamespace(lot=7, recipients=() if public else (multiply(17, BASE),),
                                     posted=SimpleNamespace(request=request))
        patch.setattr(escrowing, "order_of", lambda *_, **__: self.order)
        made = SimpleNamespace(digest=1, words=[2], proof=[3])
        for name in ("prove_delivery", "prove_disclosure"):
            patch.setattr(escrowing, name, lambda there, keys, opening, order, name=name, **_: self.delivered.append(
                (name, opening)) or made)
        lot = SimpleNamespace(own=SimpleNamespace(ordered_at=1), delivered=False, same_call=True, lot_id=7,
                              public_order=public, stage=lambda *_: Stage.DISCLOSURE)
        self.state: Any = SimpleNamespace(lots=[lot], rules=SimpleNamespace(times=None),
                                          now=SimpleNamespace(live=1))
        sent = SimpleNamespace(deliver=lambda *_, **__: "sent", publish=lambda *_, **__: "shown")
        self.site: Any = SimpleNamespace(there=SimpleNamespace(escrow=sent))

    def duty(self, opener: Any, *, keys: Any = ("delivery", "disclose")) -> Delivering:
        return Delivering(None, self.site, opener, *keys)  # type: ignore[arg-type]


def test_the_opening_is_delivered_as_soon_as_there_are_enough_shares(made: Made, reader: Identity, tmp_path: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    request = escrowed(made)
    one = Delivery(monkeypatch, request)
    duty = one.duty(Together(made.committee, reader, tmp_path))
    assert duty.due(one.state) == []
    give(made, request, 3, tmp_path, reader)
    assert duty.due(one.state) == [], "one of two"
    give(made, request, 1, tmp_path, reader)
    (step,) = duty.due(one.state)
    assert (step.name, step.subject) == ("deliver", "lot 7")
    assert step.send("0x" + "11" * 20) == "sent"
    assert one.delivered == [("prove_delivery", Opening("escrow-tiny", COMMITMENT, SALT, SLOTS))]
    assert duty.troubles() == []


def test_to_everybody_where_that_was_ordered(made: Made, reader: Identity, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    request = escrowed(made)
    one = Delivery(monkeypatch, request, public=True)
    for member in (1, 2):
        give(made, request, member, tmp_path, reader)
    (step,) = one.duty(Together(made.committee, reader, tmp_path)).due(one.state)
    assert (step.name, step.send("x")) == ("publish", "shown")
    assert one.delivered[0][0] == "prove_disclosure"
    assert one.duty(Together(made.committee, reader, tmp_path), keys=("delivery", None)).due(one.state) == []


def test_nothing_that_lies_there_stops_or_forges_it(made: Made, reader: Identity, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A share of another escrow, one that does not hold under a member's name, the same member twice, one that is
    sealed to somebody else, a file that is none."""
    request, other = escrowed(made), escrowed(made, fresh=50)
    one = Delivery(monkeypatch, request)
    together = Together(made.committee, reader, tmp_path)
    give(made, request, 1, tmp_path, reader, "b-good")
    give(made, request, 1, tmp_path, reader, "b-twice")
    give(made, other, 2, tmp_path, reader, "c-of-another")
    give(made, request, 2, tmp_path, Identity.draw("somebody else"), "d-not-for-us")
    (tmp_path / "e-nothing").write_text("{}")
    forged = replace(Partial.of(made.committee, request, made.shares[1]), member=3)
    forged.save(tmp_path / "a-forged", reader.key)
    assert one.duty(together).due(one.state) == [], "one member's share holds, and two are wanted"
    assert [said.split()[0] for said in together.troubles()] == ["a-forged", "d-not-for-us", "e-nothing"]
    give(made, request, 3, tmp_path, reader, "z-good")
    (step,) = one.duty(together).due(one.state)
    step.send("x")
    assert one.delivered[0][1].salt == SALT
    assert together.troubles()[0].startswith("a-forged")


def test_what_is_encrypted_to_others_is_left_alone(made: Made, reader: Identity, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:
    stranger = make(tmp_path_factory.mktemp("others"), 2, 3)
    one = Delivery(monkeypatch, escrowed(stranger))
    duty = one.duty(Together(made.committee, reader, tmp_path))
    assert duty.due(one.state) == []
    assert duty.foreign == {7}
    own = one.duty(OwnKey(reader))
    assert own.due(one.state) == []
    assert own.foreign == {7}
    gone = Together(made.committee, reader, tmp_path / "gone")
    assert gone.shares(escrowed(made)) == {}
    assert "gone is no share" in gone.troubles()[0]


def test_too_few_shares_open_nothing(made: Made, reader: Identity, tmp_path: Path) -> None:
    request = escrowed(made)
    together = Together(made.committee, reader, tmp_path)
    give(made, request, 2, tmp_path, reader)
    assert not together.may_open(request)
    with pytest.raises(BadInput, match="2 or more"):
        together.elements(request)
