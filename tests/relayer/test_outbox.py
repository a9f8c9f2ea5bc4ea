"""The outbox: once each however many bring it, one writer, and no move from another state than is there."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from fake_chain import CHAIN_ID, DESK, fill, parcel
from sqlalchemy import text

from primitives.errors import BadInput
from relayer.outbox import Load, OtherContent, Outbox, OutboxBusy, OutboxConflict, Outcome, database
from relayer.outbox_steps import Attempt, Found, State

ME, LOAD = "0x" + "11" * 20, Load("attest", DESK, b"\1", 100)


def attempt(name: str) -> Attempt:
    return Attempt(name, 5, 1, False, 1.0)


@pytest.fixture
def outbox(place: str) -> Outbox:
    return Outbox.open(place, CHAIN_ID, DESK)


def signed(outbox: Outbox, *numbers: int, nonce: int = 0) -> None:
    fill(outbox.take, numbers)
    items = [item for item in outbox.waiting(1.0, 99) if item.name in {parcel(number).name for number in numbers}]
    outbox.move(items, State.CHECKED, "", 1.0)
    outbox.sign(items, ME, nonce, LOAD, attempt(f"0x{nonce}"), b"raw", 1.0)


def test_taken_once_however_many_bring_it(outbox: Outbox, place: str) -> None:
    how: list[str] = []

    def bring() -> None:
        mine = Outbox.open(place, CHAIN_ID, DESK)
        for number in range(20):
            one = parcel(number)
            how.append(mine.take(one.name, one.says, str(number), 0.0)[1])
        mine.close()
    threads = [threading.Thread(target=bring) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (how.count("new"), how.count("known")) == (20, 60)
    assert outbox.counts()["queued"] == 20


def test_states_of_many_are_told_together(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relayer.outbox._NAMES", 2)
    fill(outbox.take, range(5))
    (first, *_) = outbox.waiting(1.0, 9)
    outbox.move([first], State.REFUSED, "WrongVersion: 2", 1.0)
    names = [parcel(number).name for number in (*range(5), 77)]
    assert outbox.states(names) == {parcel(number).name: (State.QUEUED, "") for number in range(5)} | {
        first.name: (State.REFUSED, "WrongVersion: 2")}
    assert outbox.states([]) == {}


def test_a_delivery_takes_its_items_along(outbox: Outbox) -> None:
    signed(outbox, 1, 2)
    found = Found("0x0", 7, "0xaa", True, 90)
    for step, state in ((lambda out: outbox.handed(out, 2.0), "sent"),
                        (lambda out: outbox.mined(out, found, 3.0), "mined"),
                        (lambda out: outbox.unmined(out, 4.0), "sent"),
                        (lambda out: outbox.mined(out, found, 5.0), "mined")):
        (out,) = outbox.out()
        step(out)
        assert outbox.counts()[state] == 2
    (out,) = outbox.out()
    assert (out.delivery.mined, out.delivery.broadcast_at, outbox.raw("0x0")) == (found, None, b"raw")
    one, two = outbox.items_of(out)
    outbox.finish(out, {one.id: Outcome(State.FINAL, ""), two.id: Outcome(State.QUEUED, "skipped", 9.0, True)}, 6.0)
    assert outbox.out() == []
    (back,) = outbox.waiting(9.0, 9)
    assert (back.id, back.tries, back.delivery, back.reason) == (two.id, 1, None, "skipped")
    assert outbox.waiting(8.0, 9) == []
    assert (outbox.spent(), outbox.highest_nonce(ME)) == ((1, 90), 0)


def test_nothing_goes_on_from_where_it_is_not(outbox: Outbox) -> None:
    signed(outbox, 1)
    (old,) = outbox.out()
    outbox.handed(old, 2.0)
    for late in (lambda: outbox.handed(old, 3.0), lambda: outbox.replace(old, attempt("0x9"), b"", 3.0),
                 lambda: outbox.finish(old, {}, 3.0, lost=True)):
        with pytest.raises(OutboxConflict):
            late()
    item = outbox.find(parcel(1).name)
    assert item is not None
    for state in (State.CHECKED, State.REFUSED, State.FINAL):
        with pytest.raises(OutboxConflict):
            outbox.move([item], state, "", 3.0)
    with pytest.raises(OutboxConflict):
        outbox.move([item._replace(state=State.QUEUED)], State.CHECKED, "", 3.0)
    assert outbox.counts()["sent"] == 1


def test_a_nonce_is_signed_for_once_and_nothing_is_half_written(outbox: Outbox) -> None:
    signed(outbox, 1)
    with pytest.raises(OutboxConflict, match="nonce 0"):
        signed(outbox, 2)
    assert (outbox.counts()["checked"], outbox.counts()["signed"], len(outbox.out())) == (1, 1, 1)


def test_what_was_refused_may_come_again_and_nothing_else_under_its_name(outbox: Outbox) -> None:
    one = parcel(1)
    item, _ = outbox.take(one.name, one.says, "1", 0.0)
    with pytest.raises(OtherContent):
        outbox.take(one.name, "another margin", "2", 0.0)
    assert outbox.take(one.name, one.says, "the same by another proof", 0.0)[0].document == "1"
    outbox.move([item], State.REFUSED, "ProofRejected", 1.0)
    again, how = outbox.take(one.name, "another margin", "2", 5.0)
    assert (how, again.state, again.document, again.reason, again.taken_at) == ("again", State.QUEUED, "2", "", 5.0)


def test_what_has_ended_is_forgotten_but_for_its_name(outbox: Outbox) -> None:
    signed(outbox, 1)
    signed(outbox, 2, nonce=1)
    found = Found("0x0", 7, "0xaa", True, 90)
    for step in (lambda out: outbox.handed(out, 2.0), lambda out: outbox.mined(out, found, 3.0)):
        step(outbox.out()[0])
    (item,) = outbox.items_of(outbox.out()[0])
    outbox.finish(outbox.out()[0], {item.id: Outcome(State.FINAL, "")}, 100.0)
    one, two = (outbox.find(parcel(number).name) for number in (1, 2))
    assert one is not None
    assert two is not None
    assert (one.state, two.state) == ("final", "signed")
    assert outbox.forget(100.0) == 0, "not yet"
    assert outbox.raw("0x0") == b"raw"
    assert (outbox.forget(101.0), outbox.forget(101.0)) == (1, 0)
    assert outbox.find(one.name) == one._replace(document="")
    assert (outbox.find(two.name), outbox.raw("0x1")) == (two, b"raw"), "what is under way stays"
    assert outbox.raw("0x0") == b""
    assert outbox.take(one.name, parcel(1).says, "1", 200.0)[1] == "known"
    assert outbox.highest_nonce(ME) == 1


def test_readers_wait_for_no_writer(outbox: Outbox, place: str) -> None:
    signed(outbox, 1)
    other = Outbox.open(place, CHAIN_ID, DESK)
    with outbox._transaction() as connection:
        connection.execute(text("update outbox_items set tries = 5"))
        assert other.counts()["signed"] == 1
        assert len(other.out()) == 1
        assert other.latest(1)[0].tries == 0
    assert other.latest(1)[0].tries == 5
    other.close()


def test_one_writes(outbox: Outbox, place: str) -> None:
    other = Outbox.open(place, CHAIN_ID, DESK)
    with outbox.writing(), pytest.raises(OutboxBusy), other.writing():
        pass
    with other.writing():
        pass


def test_it_is_of_one_deployment(outbox: Outbox, place: str) -> None:
    for chain_id, ledger, field in ((CHAIN_ID + 1, DESK, "chain id"), (CHAIN_ID, "0x" + "12" * 20, "ledger")):
        with pytest.raises(BadInput, match=field):
            Outbox.open(place, chain_id, ledger)


def test_where_it_is(tmp_path: Path) -> None:
    assert database("x.db").drivername == "sqlite"
    assert database("postgresql://u@h/d").drivername == database("postgres://u@h/d").drivername == "postgresql+psycopg"
    for bad in ("mysql://u:secret@h/d", "sqlite://", "nonsense://", "postgresql+asyncpg://u:secret@h/d",
                "sqlite:///:memory:", "postgresql://u@h/d?password=secret", "postgresql://u@h/d?sslpassword=secret"):
        with pytest.raises(BadInput, match="outbox") as caught:
            database(bad)
        assert "secret" not in str(caught.value)
    with pytest.raises(OutboxBusy) as busy:
        Outbox.open("postgresql://u:secret@127.0.0.1:9/d", 1, DESK)
    assert "secret" not in str(busy.value)
    with pytest.raises(OutboxBusy):
        Outbox.open(str(tmp_path / "no" / "such" / "folder.db"), 1, DESK)


def test_a_reason_of_any_characters_is_kept(outbox: Outbox) -> None:
    """A contract's words may hold NUL, which PostgreSQL's text does not."""
    one = parcel(1)
    item, _ = outbox.take(one.name, one.says, "1", 0.0)
    outbox.move([item], State.REFUSED, "Error(reason=a\0b)", 1.0)
    found = outbox.find(one.name)
    assert found is not None
    assert found.reason == "Error(reason=a\\0b)"


def test_its_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Signed transactions lie in it, some of which no node has yet."""
    before = os.umask(0o022)
    try:
        made = Outbox.open(str(tmp_path / "outbox.db"), CHAIN_ID, DESK)
        fill(made.take, [1])
        for path in tmp_path.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path.name
        made.close()
    finally:
        os.umask(before)


def test_one_writes_by_whatever_name(tmp_path: Path) -> None:
    one = Outbox.open(str(tmp_path / "outbox.db"), CHAIN_ID, DESK)
    (tmp_path / "link.db").symlink_to(tmp_path / "outbox.db")
    other = Outbox.open(str(tmp_path / "link.db"), CHAIN_ID, DESK)
    with one.writing(), pytest.raises(OutboxBusy), other.writing():
        pass
    for each in (one, other):
        each.close()
