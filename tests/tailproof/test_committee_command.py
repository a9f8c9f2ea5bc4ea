"""`tailproof committee` from the first key to a disclosed portfolio, through files alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from circuits import statements
from circuits.statements import escrow
from committee.decryption import Request
from committee.group import Committee
from committee.members import Identity
from committee.proofs import Possession
from primitives.babyjubjub import Point
from primitives.elgamal import Binding
from tailproof.number_forms import element
from tailproof.secret import Opening

Run = Callable[..., Any]
CONTEXT = "0x" + "ab" * 32
SLOTS, SALT = [(2**247 + 1, -15), (7, 10)], 2**250 + 3


@dataclass
class House:
    """A folder of files, and the command."""

    folder: Path
    run: Run

    def __call__(self, *arguments: object, code: int = 0) -> Any:
        answer = self.run("committee", *arguments)
        assert answer.code == code, answer.data
        return answer.data

    def at(self, name: str) -> Path:
        return self.folder / name

    def all(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(pattern))

    def member(self, name: str) -> None:
        self("init", "member", "--name", name, "--secret", self.at(f"{name}.key"), "--public", self.at(f"{name}.json"))

    def confirmed(self, group: str, member: str, dealings: list[Path], *more: object, code: int = 0) -> Any:
        """`finish` of a member."""
        return self(group, "finish", "--secret", self.at(f"{member}.key"), "--out", self.at(f"{member}.share"),
                    "--confirm", self.at(f"{member}.confirm"), "--complain", self.at(f"{member}.complaints"),
                    *more, *dealings, code=code)


def escrowed(key: Point, *others: Point) -> Request:
    preset = statements.get("escrow-tiny").preset
    keys = (key, *others)
    inputs = escrow.assign(preset, SLOTS, SALT, keys, 77, bytes(32))
    return Request("escrow-tiny", Binding(77, inputs["content/portfolio_commitment"]), keys,
                   escrow.sealed_of(preset, inputs))


@pytest.fixture(scope="module")
def house(run: Run, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Two of three, certified, with an escrow to open."""
    made = House(tmp_path_factory.mktemp("house"), run)
    names = ["anna", "bert", "carl"]
    for name in [*names, "venue", "owner", "bidder"]:
        made.member(name)
    roster = made.at("roster.json")
    answer = made("init", "roster", "--context", CONTEXT, "--threshold", 2, "--out", roster,
                  *[made.at(f"{name}.json") for name in names])
    assert answer["members"] == names
    for name in names:
        made("join", "deal", "--roster", roster, "--secret", made.at(f"{name}.key"),
             "--out", made.at(f"{name}.dealing"), "--keep", made.at(f"{name}.dealer"))
    dealings = made.all("*.dealing")
    found = {made.confirmed("join", name, dealings, "--roster", roster, "--keep", made.at(f"{name}.dealer"))
             ["committee"] for name in names}
    answer = made("join", "certify", "--roster", roster, *[item for file in dealings for item in ("--dealing", file)],
                  "--out", made.at("committee.json"), *made.all("*.confirm"))
    assert found == {answer["committee"]}
    assert answer["unconfirmed"] == []
    assert answer["key_context"] == CONTEXT
    committee = Committee.load(made.at("committee.json"))
    assert (element(committee.key.x), element(committee.key.y)) == (answer["x"], answer["y"])
    request = escrowed(*(Identity.load(made.at(f"{name}.key")).key for name in ("venue",)), committee.key,
                       Identity.load(made.at("owner.key")).key)
    request.save(made.at("request.json"))
    return made


def test_secrets_are_for_their_owner_alone(house: House) -> None:
    for pattern in ("*.key", "*.dealer", "*.share"):
        for file in house.all(pattern):
            assert file.stat().st_mode & 0o777 == 0o600, file
    told = [house.at(name).read_text() for name in ("anna.json", "anna.dealing", "anna.confirm", "committee.json")]
    for file in house.all("*.key") + house.all("*.share") + house.all("*.dealer"):
        for name in ("secret", "share", "nonce"):
            secret = json.loads(file.read_text()).get(name)
            assert secret is None or not any(secret in text for text in told)


def test_a_key_is_proven_to_a_contract(house: House) -> None:
    answer = house("init", "prove", "--secret", house.at("venue.key"), "--context", CONTEXT)
    identity = Identity.load(house.at("venue.key"))
    proof = Possession(Point(int(answer["t_x"], 16), int(answer["t_y"], 16)), int(answer["s"], 0))
    assert (answer["x"], answer["y"]) == tuple(map(element, identity.key))
    assert proof.holds(identity.key, bytes.fromhex(CONTEXT[2:]))
    assert not proof.holds(identity.key, bytes(32))
    assert str(identity.secret) not in json.dumps(answer)


def opened(path: Path) -> Opening:
    opening = Opening.load(path)
    assert (opening.salt, [tuple(slot) for slot in opening.slots]) == (SALT, SLOTS)
    return opening


def test_members_open_an_escrow_for_a_reader_or_for_all(house: House, tmp_path: Path) -> None:
    common = ("--committee", house.at("committee.json"), "--request", house.at("request.json"))
    for name in ("anna", "bert", "carl"):
        house("decrypt", "partial", *common, "--share", house.at(f"{name}.share"), "--out", tmp_path / f"{name}.part")
        house("decrypt", "partial", *common, "--share", house.at(f"{name}.share"), "--to", house.at("bidder.json"),
              "--out", tmp_path / f"{name}.sealed")
    answer = house("decrypt", "open", *common, "--out", tmp_path / "opening.json", tmp_path / "anna.part",
                   tmp_path / "carl.part")
    assert answer["members"] == [1, 3]
    assert opened(tmp_path / "opening.json").statement == "escrow-tiny"
    house("decrypt", "open", *common, "--secret", house.at("bidder.key"), "--statement", "margin-tiny", "--out",
          tmp_path / "bidders.json", tmp_path / "bert.sealed", tmp_path / "carl.sealed")
    assert opened(tmp_path / "bidders.json").statement == "margin-tiny"
    # One part that does not hold is named and left out; with one more, there are too few.
    bad = json.loads((tmp_path / "anna.part").read_text()) | {"member": 2}
    (tmp_path / "bad.part").write_text(json.dumps(bad))
    answer = house("decrypt", "open", *common, "--out", tmp_path / "third.json", tmp_path / "bad.part",
                   tmp_path / "anna.part", tmp_path / "carl.part")
    assert (answer["members"], answer["refused"]) == ([1, 3], [2])
    for parts, says in (([tmp_path / "bad.part", tmp_path / "anna.part"], "members 2 do not hold"),
                        ([tmp_path / "anna.part"], "2 or more"), ([tmp_path / "anna.sealed"], "sealed")):
        answer = house("decrypt", "open", *common, "--out", tmp_path / "no.json", *parts, code=2)
        assert says in answer["message"]
    answer = house("decrypt", "open", *common, "--statement", "margin-full-256x16", "--out", tmp_path / "no.json",
                   tmp_path / "anna.part", tmp_path / "carl.part", code=2)
    assert "3 slots" in answer["message"]
    assert not (tmp_path / "no.json").exists()


def test_venue_and_owner_open_it_alone_and_nobody_else(house: House, tmp_path: Path) -> None:
    for name in ("venue", "owner"):
        house("decrypt", "own", "--secret", house.at(f"{name}.key"), "--request", house.at("request.json"), "--out",
              tmp_path / f"{name}.json")
        opened(tmp_path / f"{name}.json")
    answer = house("decrypt", "own", "--secret", house.at("bidder.key"), "--request", house.at("request.json"), "--out",
                   tmp_path / "no.json", code=2)
    assert "encrypted to" in answer["message"]
    document = json.loads(house.at("request.json").read_text())
    document["words"][-1] = "5"
    (tmp_path / "garbage.json").write_text(json.dumps(document))
    answer = house("decrypt", "own", "--secret", house.at("venue.key"), "--request", tmp_path / "garbage.json", "--out",
                   tmp_path / "no.json", code=2)
    assert "decrypted opening" in answer["message"]
    assert str(SALT) not in json.dumps(answer)


def test_a_dealer_who_cheats_is_caught_and_left_out(house: House, tmp_path: Path) -> None:
    """A letter is exchanged for one to another member (its own proof and all): its member complains, all go on."""
    mine = House(tmp_path, house.run)
    for name in ("anna", "bert", "carl"):
        mine("join", "deal", "--roster", house.at("roster.json"), "--secret", house.at(f"{name}.key"), "--out",
             mine.at(f"{name}.dealing"), "--keep", mine.at(f"{name}.dealer"))
        for kind in ("key", "json"):
            (tmp_path / f"{name}.{kind}").write_bytes(house.at(f"{name}.{kind}").read_bytes())
            (tmp_path / f"{name}.{kind}").chmod(0o600)
    document = json.loads(mine.at("bert.dealing").read_text())
    document["letters"][0]["wrapped"] = str(int(document["letters"][0]["wrapped"]) ^ 1)
    mine.at("bert.dealing").write_text(json.dumps(document))
    roster, dealings = ("--roster", house.at("roster.json")), mine.all("*.dealing")
    answer = mine.confirmed("join", "anna", dealings, *roster, "--keep", mine.at("anna.dealer"), code=1)
    assert answer["caught"] == [2]
    assert not mine.at("anna.share").exists()
    mine.at("anna.complaints").rename(mine.at("told.complaints"))
    against = ("--complaints", mine.at("told.complaints"))
    for name in ("anna", "bert", "carl"):
        answer = mine.confirmed("join", name, dealings, *roster, *against, "--keep", mine.at(f"{name}.dealer"))
        assert answer["dealers"] == [1, 3]
    answer = mine("join", "certify", *roster, *against, *[item for file in dealings for item in ("--dealing", file)],
                  "--out", mine.at("committee.json"), *mine.all("*.confirm"))
    assert answer["unconfirmed"] == []
    # Who has confirmed this one confirms no other with the same nonce.
    for file in (*mine.all("*.share"), *mine.all("*.confirm")):
        file.unlink()
    answer = mine.confirmed("join", "carl", [mine.at("anna.dealing"), mine.at("carl.dealing")], *roster, "--keep",
                            mine.at("carl.dealer"))
    answer = mine("join", "finish", *roster, "--secret", mine.at("carl.key"), "--keep", mine.at("carl.dealer"), "--out",
                  mine.at("x"), "--confirm", mine.at("y"), "--complain", mine.at("z"), *[
                      mine.at("anna.dealing"), mine.at("carl.dealing"), house.at("bert.dealing")], code=2)
    assert "second answer" in answer["message"]
    assert not mine.at("x").exists()


def test_the_key_is_handed_over_and_old_shares_are_refused(house: House, tmp_path: Path) -> None:
    mine = House(tmp_path, house.run)
    for name in ("dora", "emil"):
        mine.member(name)
    for name in ("carl",):
        for kind in ("key", "json"):
            (tmp_path / f"{name}.{kind}").write_bytes(house.at(f"{name}.{kind}").read_bytes())
            (tmp_path / f"{name}.{kind}").chmod(0o600)
    before = ("--committee", house.at("committee.json"))
    mine("init", "roster", "--context", CONTEXT, "--threshold", 2, "--previous", house.at("committee.json"), "--out",
         mine.at("roster.json"), *[mine.at(f"{name}.json") for name in ("carl", "dora", "emil")])
    roster = ("--roster", mine.at("roster.json"))
    for name in ("anna", "bert"):
        mine("renew", "deal", *roster, *before, "--share", house.at(f"{name}.share"),
             "--out", mine.at(f"{name}.dealing"))
    for name in ("carl", "dora", "emil"):
        mine.confirmed("renew", name, mine.all("*.dealing"), *roster, *before)
    answer = mine("renew", "certify", *roster, *before, *[item for file in mine.all("*.dealing")
                                                          for item in ("--dealing", file)],
                  "--out", mine.at("committee.json"), *mine.all("*.confirm"))
    old, new = Committee.load(house.at("committee.json")), Committee.load(mine.at("committee.json"))
    assert (new.key, new.possession) == (old.key, old.possession)
    assert answer["committee"] != "0x" + old.digest.hex()
    common = ("--committee", mine.at("committee.json"), "--request", house.at("request.json"))
    for name in ("dora", "emil"):
        mine("decrypt", "partial", *common, "--share", mine.at(f"{name}.share"), "--out", mine.at(f"{name}.part"))
    mine("decrypt", "open", *common, "--out", mine.at("opening.json"), *mine.all("*.part"))
    opened(mine.at("opening.json"))
    answer = mine("decrypt", "partial", *common, "--share", house.at("carl.share"), "--out", mine.at("no"), code=2)
    assert "renewed since" in answer["message"]
    answer = mine("join", "deal", *roster, "--secret", mine.at("carl.key"), "--out", mine.at("no"), "--keep",
                  mine.at("neither"), code=2)
    assert "renew" in answer["message"]


@pytest.mark.parametrize(("arguments", "says"), [
    (("init", "member", "--name", "-", "--secret", "{}/a", "--public", "{}/b"), "--name"),
    (("init", "prove", "--context", "0x12", "--secret", "{}/absent"), "readable file"),
    (("init", "roster", "--context", "0x12", "--threshold", "2", "--out", "{}/a", "x", "y"), "--context"),
    (("init", "roster", "--context", CONTEXT, "--threshold", "1", "--out", "{}/a", "x", "y"), "--threshold"),
    (("init", "roster", "--context", CONTEXT, "--threshold", "2", "--out", "{}/a", "{}/absent", "y"), "readable file")])
def test_mistakes_are_named(run: Run, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    answer = run("committee", *[argument.replace("{}", str(tmp_path)) for argument in arguments])
    assert answer.code == 2
    assert says in answer.data["message"] + str(answer.data["field"])
    assert list(tmp_path.iterdir()) == []


def test_processes_share_nothing_but_files(house: House, tmp_path: Path) -> None:
    """Each step in a process of its own, in a folder of its own."""
    def step(*arguments: object) -> Any:
        made = subprocess.run([sys.executable, "-m", "tailproof", "committee", *map(str, arguments), "--json"],
                              capture_output=True, text=True, cwd=tmp_path, env=os.environ, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        return json.loads(made.stdout)

    common = ("--committee", house.at("committee.json"), "--request", house.at("request.json"))
    for name in ("bert", "carl"):
        step("decrypt", "partial", *common, "--share", house.at(f"{name}.share"), "--out", f"{name}.part")
    answer = step("decrypt", "open", *common, "--out", "opening.json", "bert.part", "carl.part")
    assert answer["members"] == [2, 3]
    opened(tmp_path / "opening.json")
