"""Publishers: the journal that keeps a key from signing twice, what is looked at before, and a quorum brought."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_account import Account
from eth_keys.constants import SECPK1_N
from oracle_epochs import forge
from oracle_world import LIMITS, OracleWorld

from primitives.errors import BadInput
from tailproof import signing, signing_journal
from tailproof.signing import EpochDoesNotStand, OtherContent, SignedContent
from tailproof.signing_journal import Equivocation, JournalBusy, JournalDamaged, Owner, opened
from verifier_contracts.eip712 import sign
from verifier_contracts.epoch_content import EpochContent
from verifier_contracts.signers import LocalSigner

Epochs = tuple[Path, Path, Path]
OWNER = Owner(5, "0x" + "11" * 20, "0x" + "22" * 20)
NOW = 1_800_000_000


def content(id: int = NOW, *, deadline: int = 600, previous: bytes = bytes(32), root: int = 7) -> EpochContent:
    return EpochContent(id, id + deadline, root, *(b"\x01" * 32,) * 3, (), 0, 1, previous)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "journal.jsonl"
    signing_journal.create(made, OWNER, NOW, never_signed=True)
    return made


def record(path: Path, made: EpochContent, now: int | None = None, owner: Owner = OWNER) -> int:
    """How many contents the journal holds then."""
    with opened(path, owner, 0.1) as journal:
        journal.record(made, made.id if now is None else now)
        return len(journal.entries)


# -- the journal -------------------------------------------------------------------------------------------------------
def test_the_same_content_is_signed_as_often_as_one_likes(path: Path) -> None:
    assert [record(path, content()) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(("second", "now"), [
    (content(root=8), NOW), (content(NOW + 600), NOW + 600), (content(NOW + 601), NOW + 600),
    (content(NOW + 600), NOW + 601), (content(NOW - 50), NOW + 601), (content(NOW - 5_000), NOW + 601)])
def test_no_second_content_before_the_deadline_of_the_first(path: Path, second: EpochContent, now: int) -> None:
    record(path, content())
    with pytest.raises(Equivocation) as caught:
        record(path, second, now)
    assert caught.value.checked_and_false
    with opened(path, OWNER) as journal:
        assert len(journal.entries) == 1


def test_after_the_deadline_there_is_room_again(path: Path) -> None:
    record(path, content())
    assert record(path, content(NOW + 601)) == 2
    with pytest.raises(Equivocation):
        record(path, content(NOW + 700))
    assert record(path, content(NOW + 1_202)) == 3


def test_another_predecessor_is_another_place(path: Path) -> None:
    record(path, content())
    assert record(path, content(NOW + 1, previous=b"\x05" * 32)) == 2


def test_a_journal_that_is_not_as_it_was_left(path: Path) -> None:
    record(path, content())
    record(path, content(NOW + 1, previous=b"\x05" * 32))
    head = path.with_name(path.name + ".head")
    whole, noted = path.read_bytes(), head.read_bytes()
    lines = whole.splitlines(keepends=True)
    for broken in (b"", lines[0], b"".join(lines[:2]), whole[:-1], whole[:-20], lines[0] + lines[2],
                   whole.replace(b'"id":1800000000', b'"id":1700000000'), whole + lines[2] + lines[2],
                   lines[0] + lines[2] + lines[1], whole.replace(b'"created"', b'"Created"'), b"\xff" + whole):
        path.write_bytes(broken)
        with pytest.raises(JournalDamaged), opened(path, OWNER):
            pass
        path.write_bytes(whole)
    for other in (None, b"{}", *(noted.replace(b'"lines": 3', b'"lines": %d' % n) for n in (2, 4))):
        head.unlink() if other is None else head.write_bytes(other)
        with pytest.raises(JournalDamaged), opened(path, OWNER):
            pass
        head.write_bytes(noted)
    path.unlink()
    with pytest.raises(JournalDamaged, match="--new-journal"), opened(path, OWNER):
        pass
    path.write_bytes(whole)
    assert record(path, content()) == 2
    with pytest.raises(JournalDamaged), opened(path, replace(OWNER, chain_id=6)):
        pass


def test_a_line_that_was_cut_while_written_was_not_signed(path: Path) -> None:
    record(path, content())
    with path.open("ab") as file:
        file.write(b'{"before":"12')
    with pytest.raises(Equivocation):
        record(path, content(root=8))
    assert record(path, content(NOW + 601)) == 2


def test_a_line_whose_head_was_not_written_counts_as_signed(path: Path) -> None:
    head = path.with_name(path.name + ".head")
    noted = head.read_bytes()
    record(path, content())
    head.write_bytes(noted)                                                  # the machine stopped between the two
    with pytest.raises(Equivocation):
        record(path, content(root=8))
    assert record(path, content()) == 1


def test_one_signs_at_a_time(path: Path) -> None:
    with opened(path, OWNER), pytest.raises(JournalBusy) as caught, opened(path, OWNER, 0.1):
        pass
    assert caught.value.try_again


def test_a_new_journal_in_place_of_a_lost_one_waits_an_hour(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal.jsonl"
    signing_journal.create(path, OWNER, NOW, never_signed=False)
    for id in (NOW, NOW + 3_600):
        with pytest.raises(BadInput, match="earlier journal"):
            record(path, content(id))
    assert record(path, content(NOW + 3_601)) == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_is_never_begun_over_another(path: Path) -> None:
    for there in (path, path.with_name(path.name + ".head")):
        kept = there.read_bytes()
        there.unlink()
        with pytest.raises(BadInput):
            signing_journal.create(path, OWNER, NOW, never_signed=True)
        there.write_bytes(kept)


# -- what is looked at -------------------------------------------------------------------------------------------------
def propose(world: OracleWorld, directory: Path, **more: Any) -> signing.Candidate:
    return signing.propose(directory, world.oracle, world.court, **{"allow_trial": True, **more})


def journal_of(world: OracleWorld, folder: Path, n: int) -> Path:
    path = folder / f"journal-{n}.jsonl"
    if not path.exists():
        owner = signing.owner_of(world.oracle, world.publishers[n].address)
        signing.begin_journal(path, owner, world.oracle, "never-signed")
    return path


def signed(world: OracleWorld, folder: Path, made: EpochContent, by: tuple[int, ...] = (0, 1, 2)) -> list[Path]:
    files = []
    for n in by:
        one = signing.sign(made, world.oracle, LocalSigner(world.publishers[n]), journal_of(world, folder, n))
        files.append(folder / f"{made.id}-{n}.json")
        files[-1].unlink(missing_ok=True)
        one.save(files[-1])
        assert SignedContent.load(files[-1]) == one
    return files


def published(world: OracleWorld, folder: Path, directory: Path, **more: Any) -> EpochContent:
    made = propose(world, directory, **more).content
    done = signing.publish(signed(world, folder, made), world.oracle)
    assert done.receipt is not None
    return made


def test_three_publishers_sign_and_one_brings(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    candidate = propose(real, honest[0])
    assert signing.require_stands(candidate).passed
    files = signed(real, tmp_path, candidate.content, (0, 2, 3, 4))
    done = signing.publish(files, real.oracle)
    assert done.signers == tuple(real.publishers[n].address for n in (0, 2, 3))
    assert real.oracle.facts_of(candidate.content.id).signers == 0b01101     # a quorum, and no more
    assert real.oracle.content_of(candidate.content.id) == candidate.content
    assert signing.publish(files, real.oracle).receipt is None
    real.later(300)
    second = propose(real, honest[1], previous=honest[0])
    assert second.content.previous == candidate.content.digest()
    assert signing.require_stands(second).passed
    signing.publish(signed(real, tmp_path, second.content), real.oracle)
    assert real.oracle.latest_epoch_id() == second.content.id


def test_each_signer_makes_the_content_alone(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    theirs = propose(real, honest[0]).content
    assert propose(real, honest[0], given=theirs).content == theirs
    for name, value in (("root", 5), ("model_id", b"\x05" * 32), ("data_root", b"\x05" * 32),
                        ("factors_hash", b"\x05" * 32), ("marks", (1, 2, 3, 4)), ("regime", 1), ("lag_seconds", 13_201),
                        ("previous", b"\x05" * 32)):
        with pytest.raises(OtherContent) as caught:
            propose(real, honest[0], given=replace(theirs, **{name: value}))
        assert set(caught.value.differing) == {name}


def test_what_is_not_signed(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="trial"):
        propose(real, honest[0], allow_trial=False)
    with pytest.raises(BadInput, match="--previous"):                        # it names one
        propose(real, honest[1])
    now = real.chain.next_time()
    given = propose(real, honest[0]).content
    for id, deadline in ((now + 100, now + 200), (now - 700, now - 100)):
        with pytest.raises(BadInput, match="id and deadline"):
            propose(real, honest[0], given=replace(given, id=id, deadline=deadline))
    real.set_limits(required_lag=172_801)
    with pytest.raises(BadInput, match="lag"):
        propose(real, honest[0])
    real.set_limits(required_lag=LIMITS.required_lag)
    published(real, tmp_path, honest[0])
    with pytest.raises(BadInput, match="keep their distance"):
        propose(real, honest[1], previous=honest[0])
    real.later(300)
    for previous in (None, honest[1]):
        with pytest.raises(BadInput, match="--previous"):
            propose(real, honest[1], previous=previous)
    assert propose(real, honest[1], first=True).previous is None
    assert propose(real, honest[0]).content.root == given.root               # the same again needs nothing before it


def test_an_epoch_that_its_sources_do_not_give(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    def other(changes: np.ndarray) -> np.ndarray:
        changes[1, 0] -= 1
        return changes
    false = forge(honest[0], tmp_path / "false", changes=other)
    candidate = propose(real, false)
    with pytest.raises(EpochDoesNotStand) as caught:
        signing.require_stands(candidate)
    assert "changes[1, 0]" in str(caught.value)
    assert caught.value.as_dict()["passed"] is False


def test_the_last_that_stands_is_the_one_before(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    published(real, tmp_path, honest[0])
    real.later(300)
    bad = published(real, tmp_path, honest[1], previous=honest[0])
    real.oracle.freeze(bad.id, 1, real.signatures(real.oracle.domain.freeze(bad.id)))
    again = propose(real, honest[1], previous=honest[0])                     # sooner than epochs are apart, too
    assert again.content.previous == bad.digest()


# -- the key -----------------------------------------------------------------------------------------------------------
def test_a_second_content_is_not_signed(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    first = propose(real, honest[0]).content
    signed(real, tmp_path, first)
    for second in (replace(first, regime=1), replace(first, id=first.id + 5, deadline=first.deadline + 5)):
        with pytest.raises(Equivocation):
            signed(real, tmp_path, second)
    assert len(signed(real, tmp_path, first)) == 3                           # the first as often as one likes
    real.later(601)
    later = propose(real, honest[0]).content
    signing.publish(signed(real, tmp_path, later), real.oracle)


def test_a_signer_that_fails_has_signed(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    class Failing(LocalSigner):
        def sign_message(self, message: Any) -> bytes:
            raise RuntimeError("the device was unplugged")
    first, journal = propose(real, honest[0]).content, journal_of(real, tmp_path, 0)
    with pytest.raises(RuntimeError):
        signing.sign(first, real.oracle, Failing(real.publishers[0]), journal)
    with pytest.raises(Equivocation):
        signing.sign(replace(first, regime=1), real.oracle, LocalSigner(real.publishers[0]), journal)
    signing.sign(first, real.oracle, LocalSigner(real.publishers[0]), journal)


def test_a_signature_by_another_key_never_leaves(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    class Other(LocalSigner):
        def sign_message(self, message: Any) -> bytes:
            return LocalSigner(real.publishers[1]).sign_message(message)
    with pytest.raises(BadInput, match="signature"):
        signing.sign(propose(real, honest[0]).content, real.oracle, Other(real.publishers[0]),
                     journal_of(real, tmp_path, 0))


def test_an_old_copy_of_a_journal_is_noticed_by_the_chain(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    for name in ("journal-0.jsonl", "journal-0.jsonl.head"):
        journal_of(real, tmp_path, 0)
        shutil.copy(tmp_path / name, tmp_path / f"old-{name}")
    real.later(10)
    published(real, tmp_path, honest[0])
    for name in ("journal-0.jsonl", "journal-0.jsonl.head"):
        shutil.copy(tmp_path / f"old-{name}", tmp_path / name)
    real.later(300)
    second = propose(real, honest[1], previous=honest[0]).content
    with pytest.raises(JournalDamaged, match="old copy"):
        signed(real, tmp_path, second, (0,))
    signed(real, tmp_path, second, (1, 2))
    owner = signing.owner_of(real.oracle, real.publishers[0].address)
    with pytest.raises(BadInput, match="lost"):
        signing.begin_journal(tmp_path / "new.jsonl", owner, real.oracle, "never-signed")
    signing.begin_journal(tmp_path / "new.jsonl", owner, real.oracle, "lost")
    with pytest.raises(BadInput, match="earlier journal"):
        signing.sign(second, real.oracle, LocalSigner(real.publishers[0]), tmp_path / "new.jsonl")
    real.later(3_700)
    late = propose(real, honest[1], previous=honest[0]).content
    signing.sign(late, real.oracle, LocalSigner(real.publishers[0]), tmp_path / "new.jsonl")


def test_who_is_not_seated_signs_nothing(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    stranger = LocalSigner(Account.from_key(b"\x07" * 32))
    with pytest.raises(BadInput, match="set in force"):
        signing.sign(propose(real, honest[0]).content, real.oracle, stranger, tmp_path / "none")


# -- bringing ----------------------------------------------------------------------------------------------------------
def test_what_no_quorum_is_made_of(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    made = propose(real, honest[0]).content
    files = signed(real, tmp_path, made)
    good = json.loads(files[0].read_text())
    r, s, v = (good["signature"][2:66], int(good["signature"][66:130], 16), int(good["signature"][130:], 16))
    high = f"0x{r}{SECPK1_N - s:064x}{55 - v:02x}"
    other = {**good["content"], "regime": 1}
    bad = {"high s": {"signature": high}, "v of 0": {"signature": good["signature"][:130] + f"{v - 27:02x}"},
           "another signer": {"signer": real.publishers[3].address}, "another chain": {"chain_id": 5},
           "another oracle": {"oracle": "0x" + "11" * 20}, "another content": {"content": other},
           "no signature": {"signature": "0x" + "00" * 65}}
    before = real.chain.web3.eth.block_number
    for name, change in bad.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({**good, **change}))
        with pytest.raises(BadInput):
            signing.publish([file, *files[1:]], real.oracle)
    copy = tmp_path / "copy.json"
    shutil.copy(files[0], copy)
    for given in ([], files[:2], [files[0], copy, files[1]]):
        with pytest.raises(BadInput):
            signing.publish(given, real.oracle)
    assert real.chain.web3.eth.block_number == before
    signing.publish(files, real.oracle)


def test_the_set_before_counts_for_a_day(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    files = signed(real, tmp_path, propose(real, honest[0]).content)
    real.govern("rotateSigners", [one.address for one in real.publishers[2:]], 2)
    snapshot = real.chain.snapshot()
    signing.publish(files, real.oracle)
    real.chain.restore(snapshot)
    assert real.oracle.generation() == 2
    stranger = Account.from_key(b"\x07" * 32)
    message = real.oracle.domain.content(SignedContent.load(files[0]).content)
    foreign = replace(SignedContent.load(files[0]), signer=stranger.address, signature=sign(message, stranger))
    foreign.save(tmp_path / "foreign.json")
    with pytest.raises(BadInput, match="one of set 2"):
        signing.publish([*files, tmp_path / "foreign.json"], real.oracle)


# -- the journal under attack ------------------------------------------------------------------------------------------
def test_a_journal_that_was_replaced_while_it_is_open_signs_nothing(path: Path, tmp_path: Path) -> None:
    """A lock is on a file and not on its name: two processes could hold two journals of one name."""
    for replace_by in (b"", path.read_bytes()):
        with opened(path, OWNER) as journal:
            (tmp_path / "copy").write_bytes(replace_by)
            (tmp_path / "copy").replace(path)
            with pytest.raises(JournalDamaged, match="replaced"):
                journal.record(content(), NOW)
        path.unlink()
        path.with_name(path.name + ".head").unlink()
        signing_journal.create(path, OWNER, NOW, never_signed=True)


def test_a_journal_that_was_replaced_while_somebody_waited_is_not_opened(path: Path, tmp_path: Path,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    lock = signing_journal._lock

    def slow(descriptor: int, where: Path, patience: float) -> None:
        lock(descriptor, where, patience)
        (tmp_path / "copy").write_bytes(path.read_bytes())
        (tmp_path / "copy").replace(path)
    monkeypatch.setattr(signing_journal, "_lock", slow)
    with pytest.raises(JournalDamaged, match="replaced"), opened(path, OWNER):
        pass


def test_what_is_no_file_is_no_journal(path: Path, tmp_path: Path) -> None:
    head = path.with_name(path.name + ".head")
    link, pipe, folder, huge = (tmp_path / name for name in ("link", "pipe", "folder", "huge"))
    link.symlink_to(path)
    os.mkfifo(pipe)
    folder.mkdir()
    with huge.open("wb") as file:
        file.truncate(signing_journal.LARGEST + 1)
    for odd, why in ((link, "signer's journal"), (folder, "signer's journal"), (pipe, "regular"), (huge, "regular")):
        odd.with_name(odd.name + ".head").write_bytes(head.read_bytes())
        with pytest.raises(JournalDamaged, match=why), opened(odd, OWNER):
            pass


@pytest.mark.parametrize("line", [
    b"[" * 200 + b"]" * 200, b'{"id":NaN}', b'{"id":1,"id":1}', b'{"id":' + b"9" * 5_000 + b"}", b'{"id":1e999}',
    b"null", b"\xff\xfe", b'{"before":{}}'])
def test_a_line_that_is_no_entry_stops_the_signer(path: Path, line: bytes) -> None:
    """Also where its head was made to fit: whoever can write both can also delete both."""
    import hashlib
    record(path, content())
    whole = path.read_bytes() + line + b"\n"
    path.write_bytes(whole)
    path.with_name(path.name + ".head").write_text(json.dumps({
        "schema": signing_journal.HEAD_SCHEMA, "lines": 3, "last": hashlib.sha256(line + b"\n").hexdigest()}))
    with pytest.raises(BadInput), opened(path, OWNER):
        pass
    assert path.read_bytes() == whole


SIGNER = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from tailproof.signing_journal import Equivocation, Owner, opened
from verifier_contracts.epoch_content import EpochContent
content = EpochContent({now}, {now} + 600, {root}, *(b"\\x01" * 32,) * 3, (), 0, 1, bytes(32))
try:
    with opened(Path({path!r}), Owner(*{owner!r})) as journal:
        journal.record(content, {now})
        {then}
    print("signed")
except Equivocation:
    print("refused")
"""


def signer(path: Path, root: int, then: str = "pass") -> subprocess.Popen[str]:
    """A process that records `content(root=root)`, and does something while it holds the journal."""
    script = SIGNER.format(paths=sys.path, now=NOW, root=root, path=str(path), then=then,
                           owner=(OWNER.chain_id, OWNER.oracle, OWNER.signer))
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)


def test_a_signer_that_is_killed_between_journal_and_signature_has_signed(path: Path) -> None:
    """kill -9: the line is there and the lock is gone. The same content is signed again; another is not."""
    killed = signer(path, 7, "os.kill(os.getpid(), signal.SIGKILL)")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(Equivocation):
        record(path, content(root=8))
    assert record(path, content()) == 1


def test_two_processes_sign_one_of_two_contents(path: Path) -> None:
    """Both begin with an empty journal and want another content: one has it."""
    both = [signer(path, root) for root in (7, 8)]
    assert sorted(process.communicate()[0].strip() for process in both) == ["refused", "signed"]


def test_a_second_journal_of_a_key_is_begun_as_if_the_first_were_lost(real: OracleWorld, honest: Epochs, tmp_path: Path,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a new name for the journal would be all it takes to sign another content."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    owner = signing.owner_of(real.oracle, real.publishers[0].address)
    usual, first = signing_journal.default_path(owner), propose(real, honest[0]).content
    signing.begin_journal(usual, owner, real.oracle, "never-signed")
    signing.sign(first, real.oracle, LocalSigner(real.publishers[0]), usual)
    with pytest.raises(BadInput, match="lost"):
        signing.begin_journal(tmp_path / "other.jsonl", owner, real.oracle, "never-signed")
    signing.begin_journal(tmp_path / "other.jsonl", owner, real.oracle, "lost")
    with pytest.raises(BadInput, match="earlier journal"):
        signing.sign(replace(first, regime=1), real.oracle, LocalSigner(real.publishers[0]), tmp_path / "other.jsonl")


@pytest.mark.parametrize("apart", [-3_000, 3_000])
def test_a_node_whose_clock_is_off_shortens_no_wait(real: OracleWorld, honest: Epochs, tmp_path: Path, apart: int,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost journal signs nothing for an hour by either clock; and no content is signed ahead of ours, which would
    still be good when the hour is over."""
    owner, ours = signing.owner_of(real.oracle, real.publishers[0].address), real.chain.next_time()
    later = propose(real, honest[0], valid_for=3_600).content
    with monkeypatch.context() as patched:
        patched.setattr(real.chain, "next_time", lambda: ours + apart)
        patched.setattr(real.chain, "clock", lambda: ours)
        signing.begin_journal(tmp_path / "lost", owner, real.oracle, "lost")
        if apart > 0:
            with pytest.raises(BadInput, match="of the future"):
                propose(real, honest[0])
    with opened(tmp_path / "lost", owner) as journal:
        assert journal.free_after >= ours + max(apart, 0) + 3_600 + signing.LEAD
        assert journal.created <= ours
        with pytest.raises(BadInput, match="earlier journal"):
            journal.record(replace(later, id=ours + 3_600, deadline=ours + 3_700), ours)


def test_nobody_ties_signers_for_longer_than_they_would_themselves(real: OracleWorld, honest: Epochs) -> None:
    """Who proposes a late deadline, and never publishes, would keep them from signing anything else until then."""
    theirs = propose(real, honest[0], valid_for=3_600).content
    with pytest.raises(BadInput, match="--valid-for"):
        propose(real, honest[0], given=theirs)
    assert propose(real, honest[0], given=theirs, valid_for=3_600).content == theirs


# -- prices ------------------------------------------------------------------------------------------------------------
def test_who_signs_judges_by_a_history_of_her_own(real: OracleWorld, honest: Epochs, tmp_path: Path) -> None:
    """G13 as `epoch check --history`: prices with another variance refute the parameters of the model."""
    days = (np.datetime64("2018-01-01") + np.arange(1_000)).astype(str)
    wild = np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.5, (1_000, 2)) % 0.4 - 0.2, axis=0))
    history = tmp_path / "prices.csv"
    history.write_text("date,BTC,ETH\n" + "".join(f"{day},{a:.6f},{b:.6f}\n" for day, (a, b) in
                                                  zip(days, wild * 1_000 + 1, strict=True)))
    candidate = propose(real, honest[0])
    assert signing.require_stands(candidate).passed
    with pytest.raises(EpochDoesNotStand) as caught:
        signing.require_stands(candidate, history=history)
    assert "G13" in str(caught.value.as_dict())
    with pytest.raises(BadInput):
        signing.require_stands(candidate, history=tmp_path / "none.csv")
