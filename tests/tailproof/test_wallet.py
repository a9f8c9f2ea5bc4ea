"""A wallet keeps what was put in, shows nothing without its passphrase, and survives what happens to files."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from circuits import statements
from circuits.clauses.collateral import Holding
from circuits.statements import margin
from primitives import jsonio
from primitives.errors import BadInput
from tailproof import wallet as wallets
from tailproof.collateral_opening import CollateralOpening
from tailproof.member_opening import MemberOpening
from tailproof.secret import Opening
from tailproof.wallet import Entry, Wallet, WalletBusy

Run = Callable[..., Any]
ACCOUNT, OTHER, KEEPER, SECOND = ("0x" + digit * 40 for digit in "1234")
PHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least work that is read, so that tests do not wait for scrypt."""
    monkeypatch.setattr(wallets, "WORK", wallets.LEAST_WORK)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    wallets.create(tmp_path / "wallet.json", PHRASE)
    (tmp_path / "phrase").write_text(PHRASE + "\n")
    (tmp_path / "phrase").chmod(0o600)
    return tmp_path


def opening(path: Path, salt: int = 8) -> Path:
    preset = statements.get("margin-tiny").preset
    slots = [(9, -4)]
    Opening("margin-tiny", margin.commit(salt, margin.fill(preset, slots)), salt, slots).save(path)
    return path


def entry(salt: int = 8, version: int = 1, account: str = ACCOUNT) -> Entry:
    return Entry(account, version, {"schema": "tailproof.opening/1", "salt": str(salt)})


# -- commands ----------------------------------------------------------------------------------------------------------
def test_what_is_put_in_comes_out_as_it_was(run: Run, home: Path) -> None:
    with_phrase = ("--passphrase-file", home / "phrase")
    there = ("--wallet", home / "wallet.json", *with_phrase)
    for version, salt in ((1, 8), (2, 10)):
        added = run("wallet", "add", *there, "--account", ACCOUNT, "--version", version,
                    opening(home / f"{version}.json", salt))
        assert (added.code, added.data["added"]) == (0, True)
    again = run("wallet", "add", *there, "--account", ACCOUNT, "--version", 2, home / "2.json")
    assert (again.code, again.data["added"]) == (0, False)
    listed = run("wallet", "list", *there).data["entries"]
    assert [(one["version"], one["kind"], one["statement"]) for one in listed] == [
        (1, "opening", "margin-tiny"), (2, "opening", "margin-tiny")]
    assert "salt" not in json.dumps(listed)
    for version, name in ((1, "1.json"), (None, "2.json")):
        out = home / f"out-{version}.json"
        assert run("wallet", "export", *there, "--account", ACCOUNT, "--out", out, *(
            () if version is None else ("--version", version))).code == 0
        assert out.read_bytes() == (home / name).read_bytes()
        assert out.stat().st_mode & 0o777 == 0o600
    made = run("wallet", "new", *with_phrase, "--out", home / "new.json")
    assert made.code == 0
    assert (home / "new.json").stat().st_mode & 0o777 == 0o600
    assert run("wallet", "list", "--wallet", home / "new.json", *with_phrase).data["entries"] == []
    assert run("wallet", "new", *with_phrase, "--out", home / "new.json").code == 2


def test_a_version_is_never_replaced(run: Run, home: Path) -> None:
    there = ("--wallet", home / "wallet.json", "--passphrase-file", home / "phrase", "--account", ACCOUNT)
    assert run("wallet", "add", *there, "--version", 1, opening(home / "1.json")).code == 0
    before = (home / "wallet.json").read_bytes()
    answer = run("wallet", "add", *there, "--version", 1, opening(home / "other.json", 10))
    assert (answer.code, answer.data["field"]) == (2, "version")
    assert (home / "wallet.json").read_bytes() == before


def test_kinds_and_keepers_are_kept_apart(run: Run, home: Path) -> None:
    there = ("--wallet", home / "wallet.json", "--passphrase-file", home / "phrase", "--account", ACCOUNT)
    CollateralOpening("solvency-tiny", KEEPER, ACCOUNT, 5, (Holding(9, 7, 0),)).save(home / "collateral.json")
    for protocol in (KEEPER, SECOND):
        MemberOpening("netting-tiny", protocol, ACCOUNT, 6, ((9, 1),)).save(home / f"{protocol}.json")
    for name in ("collateral", KEEPER, SECOND):
        assert run("wallet", "add", *there, "--version", 1, home / f"{name}.json").code == 0
    assert run("wallet", "add", *there, "--version", 1, opening(home / "opening.json")).code == 0
    vague = run("wallet", "export", *there, "--kind", "member-opening", "--out", home / "out.json")
    assert (vague.code, vague.data["field"]) == (2, "entry")
    assert run("wallet", "export", *there, "--kind", "member-opening", "--keeper", SECOND, "--out",
               home / "out.json").code == 0
    assert MemberOpening.load(home / "out.json").protocol == SECOND
    foreign = run("wallet", "add", "--wallet", home / "wallet.json", "--passphrase-file", home / "phrase", "--account",
                  OTHER, "--version", 1, home / "collateral.json")
    assert (foreign.code, foreign.data["field"]) == (2, "--account")


def test_the_passphrase_changes(run: Run, home: Path) -> None:
    there = ("--wallet", home / "wallet.json")
    (home / "next").write_text("another passphrase")
    (home / "next").chmod(0o600)
    wallets.add(home / "wallet.json", PHRASE, entry())
    assert run("wallet", "passphrase", *there, "--passphrase-file", home / "phrase", "--new-passphrase-file",
               home / "next").code == 0
    assert len(run("wallet", "list", *there, "--passphrase-file", home / "next").data["entries"]) == 1
    assert run("wallet", "list", *there, "--passphrase-file", home / "phrase").data["field"] == "passphrase"


def test_commands_ask_no_one_who_is_not_there(run: Run, home: Path) -> None:
    answer = run("wallet", "list", "--wallet", home / "wallet.json")
    assert (answer.code, answer.data["field"]) == (2, "--passphrase-file")
    (home / "short").write_text("short")
    short = run("wallet", "new", "--passphrase-file", home / "short", "--out", home / "short.json")
    assert (short.code, short.data["field"]) == (2, "passphrase")
    assert not (home / "short.json").exists()


@pytest.mark.parametrize("document", [{"schema": "tailproof.portfolio/1", "positions": []}, [], {"no": "schema"}])
def test_what_is_no_secret_of_ours_is_refused(run: Run, home: Path, document: Any) -> None:
    jsonio.write(home / "other.json", document, mode=0o600)
    answer = run("wallet", "add", "--wallet", home / "wallet.json", "--passphrase-file", home / "phrase", "--account",
                 ACCOUNT, "--version", 1, home / "other.json")
    assert (answer.code, answer.data["field"]) == (2, "schema")


def test_an_opening_that_opens_nothing_is_not_kept(run: Run, home: Path) -> None:
    data = json.loads(opening(home / "1.json").read_text())
    jsonio.write(home / "broken.json", {**data, "salt": "9"}, mode=0o600)
    answer = run("wallet", "add", "--wallet", home / "wallet.json", "--passphrase-file", home / "phrase", "--account",
                 ACCOUNT, "--version", 1, home / "broken.json")
    assert answer.code == 2
    assert "commit" in answer.data["field"]
    assert wallets.load(home / "wallet.json", PHRASE).entries == ()


# -- encryption --------------------------------------------------------------------------------------------------------
def test_a_wrong_passphrase_opens_nothing(home: Path) -> None:
    wallets.add(home / "wallet.json", PHRASE, entry())
    for wrong in (PHRASE + " ", PHRASE[:-1], PHRASE.upper(), ""):
        with pytest.raises(BadInput) as found:
            wallets.load(home / "wallet.json", wrong)
        assert (found.value.field, found.value.value) == ("passphrase", "(hidden)")


def test_every_changed_character_is_noticed(home: Path) -> None:
    wallets.add(home / "wallet.json", PHRASE, entry())
    data = json.loads((home / "wallet.json").read_text())
    for name in ("salt", "nonce", "tag", "ciphertext"):
        for place in range(0, len(data[name]), 17):
            digit = "0" if data[name][place] != "0" else "1"
            jsonio.write(home / "wallet.json", {**data, name: data[name][:place] + digit + data[name][place + 1:]},
                         mode=0o600, over=True)
            with pytest.raises(BadInput, match="passphrase"):
                wallets.load(home / "wallet.json", PHRASE)
    for name, value in (("work", wallets.LEAST_WORK + 1), ("ciphertext", ""), ("ciphertext", data["ciphertext"][:-2])):
        jsonio.write(home / "wallet.json", {**data, name: value}, mode=0o600, over=True)
        with pytest.raises(BadInput, match="passphrase"):
            wallets.load(home / "wallet.json", PHRASE)
    for name, value in (("work", 40), ("work", 1), ("kdf", "none"), ("cipher", "none"), ("tag", "00"), ("salt", "")):
        jsonio.write(home / "wallet.json", {**data, name: value}, mode=0o600, over=True)
        with pytest.raises(BadInput) as found:
            wallets.load(home / "wallet.json", PHRASE)
        assert found.value.field == name


def test_header_is_authenticated(home: Path) -> None:
    """Not only used: two headers that give the same key must not both open it."""
    header, ciphertext, tag = wallets.parse(wallets.Node.read(home / "wallet.json"))
    from Crypto.Cipher import AES
    key = wallets._key(PHRASE, bytes.fromhex(header["salt"]), header["work"])
    cipher = AES.new(key, AES.MODE_GCM, nonce=bytes.fromhex(header["nonce"]))
    with pytest.raises(ValueError):
        cipher.decrypt_and_verify(ciphertext, tag)             # without the header, the tag is another
    cipher = AES.new(key, AES.MODE_GCM, nonce=bytes.fromhex(header["nonce"]))
    cipher.update(jsonio.canonical(header))
    assert b"wallet-content" in cipher.decrypt_and_verify(ciphertext, tag)


def test_no_key_meets_two_contents_and_nothing_is_readable(home: Path) -> None:
    seen = set[tuple[str, str]]()
    for version in range(4):
        wallets.add(home / "wallet.json", PHRASE, entry(123456789, version))
        data = json.loads((home / "wallet.json").read_text())
        seen.add((data["salt"], data["nonce"]))
        raw = (home / "wallet.json").read_bytes() + bytes.fromhex(data["ciphertext"])
        assert b"123456789" not in raw
        assert ACCOUNT.encode() not in raw
    assert len(seen) == 4


def test_passphrases_that_look_alike_are_the_same(home: Path) -> None:
    """é in one character, or in two."""
    wallets.create(home / "accent.json", "passphras\u00e9")
    assert wallets.load(home / "accent.json", "passphrase\u0301") == Wallet()


def test_the_work_that_is_written_is_not_the_least() -> None:
    source = Path(wallets.__file__).read_text()
    assert int(re.search(r"^WORK, LEAST_WORK, MOST_WORK = (\d+),", source, re.MULTILINE)[1]) >= 17       # type: ignore[index]


# -- the file ----------------------------------------------------------------------------------------------------------
def test_a_write_that_fails_leaves_the_old_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wallets.add(home / "wallet.json", PHRASE, entry())
    before = (home / "wallet.json").read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")
    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(BadInput, match="No space left"):
                wallets.add(home / "wallet.json", PHRASE, entry(9, 2))
        assert (home / "wallet.json").read_bytes() == before
        assert sorted(path.name for path in home.iterdir()) == ["phrase", "wallet.json"]


@pytest.mark.parametrize("spare", [0, 1])
def test_what_is_as_large_as_is_written_is_read_again(home: Path, monkeypatch: pytest.MonkeyPatch, spare: int) -> None:
    """Else an opening that was put in could not be taken out, and its commitment were lost."""
    path = home / "wallet.json"
    assert wallets.LARGEST_FILE >= 2 * wallets.LARGEST + 4_096
    wallets.add(path, PHRASE, entry())
    size = len(json.loads(path.read_text())["ciphertext"]) // 2
    monkeypatch.setattr(wallets, "LARGEST", size - spare)
    monkeypatch.setattr(wallets, "LARGEST_FILE", wallets.LARGEST_FILE - 2 * ((48 << 20) - size))
    other = home / "other.json"
    wallets.create(other, PHRASE)
    if spare:
        with pytest.raises(BadInput, match="size of the wallet"):
            wallets.add(other, PHRASE, entry())
    else:
        wallets.add(other, PHRASE, entry())
        assert len(wallets.load(other, PHRASE).entries) == 1


def test_a_large_wallet_takes_memory_by_its_size(home: Path) -> None:
    """And not a hundred times as much: who cannot read it has lost what is in it."""
    big = {**json.loads((home / "wallet.json").read_text()), "ciphertext": "ab" * (1 << 22)}
    asked = ("import resource, sys; from primitives.jsonio import Node; from tailproof.wallet import parse; "
             "import json; document = Node(json.load(sys.stdin)); "
             "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; parse(document); "
             "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)")
    told = subprocess.run([sys.executable, "-c", asked], input=json.dumps(big), capture_output=True, text=True,
                          check=True)
    assert int(told.stdout) < 64 << 10, "KiB, of a file of 8 MiB"


@pytest.mark.parametrize("digits", ["abc", "AB", "zz", 7])
def test_half_a_byte_is_no_ciphertext(home: Path, digits: Any) -> None:
    document = {**json.loads((home / "wallet.json").read_text()), "ciphertext": digits}
    with pytest.raises(BadInput, match="ciphertext"):
        wallets.parse(jsonio.Node(document))


def test_others_may_not_read_it(home: Path) -> None:
    (home / "wallet.json").chmod(0o644)
    with pytest.raises(BadInput, match="mode of the wallet"):
        wallets.load(home / "wallet.json", PHRASE)


def _add(path: str, version: int) -> None:
    wallets.WORK = wallets.LEAST_WORK
    wallets.add(Path(path), PHRASE, entry(version, version))


def test_two_who_write_at_once_lose_nothing(home: Path) -> None:
    """Without the lock, the one who read first writes last, and the other's opening is gone."""
    processes = [multiprocessing.get_context("fork").Process(target=_add, args=(str(home / "wallet.json"), version))
                 for version in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(one.version for one in wallets.load(home / "wallet.json", PHRASE).entries) == list(range(8))


def test_who_waits_too_long_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallets, "PATIENCE", 0.05)
    with wallets.changing(home / "wallet.json"):
        with pytest.raises(WalletBusy) as found:
            wallets.add(home / "wallet.json", PHRASE, entry())
        assert found.value.try_again


def test_a_link_to_a_wallet_stays_a_link(home: Path) -> None:
    (home / "link.json").symlink_to(home / "wallet.json")
    wallets.add(home / "link.json", PHRASE, entry())
    assert (home / "link.json").is_symlink()
    assert len(wallets.load(home / "wallet.json", PHRASE).entries) == 1
    with pytest.raises(BadInput, match="readable"):
        wallets.add(home / "absent.json", PHRASE, entry())


def test_a_file_replaced_while_one_waits_is_locked_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on the file that was there holds nobody back from the one that is."""
    path, lock, calls = home / "wallet.json", fcntl.flock, list[int]()

    def late(descriptor: int, operation: int) -> None:
        if not calls:                              # another process is done between our opening it and our lock
            wallets.jsonio.write(path, json.loads(path.read_text()), mode=0o600, over=True)
        calls.append(descriptor)
        lock(descriptor, operation)
    monkeypatch.setattr(fcntl, "flock", late)
    with wallets.changing(path):
        descriptor = os.open(path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
    assert len(calls) == 2


def test_what_opens_nothing_any_more_is_not_taken_out(home: Path) -> None:
    """An entry of another version of ours, or of an editor's."""
    with pytest.raises(BadInput):
        wallets.restored(entry(), home / "out.json")
    assert not (home / "out.json").exists()


def test_of_a_broken_secret_nothing_is_shown(run: Run, home: Path) -> None:
    """As a hand leaves it: where it breaks, digits of the salt stand."""
    text = opening(home / "1.json", 987654321).read_text()
    (home / "1.json").write_text(text.replace('"987654321"', '"987654321'))
    answer = run("wallet", "add", "--wallet", home / "wallet.json", "--passphrase-file", home / "phrase", "--account",
                 ACCOUNT, "--version", 1, home / "1.json")
    assert (answer.code, answer.data["value"]) == (2, "(hidden)")
    assert "98765" not in json.dumps(answer.data) + answer.stderr


def test_what_is_taken_out_lies_nowhere_else_meanwhile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as in a folder for what is temporary, on another disk."""
    opening(home / "1.json")
    made, write = list[Path](), wallets.jsonio.write
    monkeypatch.setattr(wallets.jsonio, "write", lambda path, *rest, **more: (made.append(Path(path)), write(
        path, *rest, **more)))
    (home / "out").mkdir()
    wallets.restored(wallets.read_entry(home / "1.json", ACCOUNT, 1), home / "out" / "2.json")
    assert len(made) == 2
    assert all(home / "out" in path.parents for path in made)
    assert [path.name for path in (home / "out").iterdir()] == ["2.json"]
