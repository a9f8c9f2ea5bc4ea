"""Escrow by the commands alone, on real proofs: keys and a committee on chain, an opening posted and read by each of
its holders, a disclosure that was ordered and is published. Embedded chain, tiny statements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from real_system import DEPOSIT, RealSystem

from circuits import statements
from circuits.statements import margin
from tailproof import escrowing
from tailproof.secret import Opening
from verifier_contracts.governance import Role
from verifier_contracts.ledger import NO_PROOF


@pytest.fixture
def first(real: RealSystem, tmp_path: Path) -> Path:
    """A registered commitment; everybody has a key."""
    def make(folder: Path) -> None:
        real.register([(real.epoch.cash_id, DEPOSIT)]).save(folder / "first.json")
        real.prepare_escrow(folder)
    return real.scene("registered", tmp_path, make) / "first.json"


def slots_of(path: Path) -> Any:
    return Opening.load(path).slots


def test_each_holder_reads_what_was_posted(real: RealSystem, first: Path, tmp_path: Path) -> None:
    me = real.trader.address
    before = real("escrow", "show", "--account", me, sends=False, code=1)
    assert (before["escrowed"], before["posted"], before["generation"]) == (False, None, 1)
    done = real.post(first)
    assert (done["state"], done["generation"]) == ("posted", 1)
    assert real.post(first)["state"] == "stands", "nothing is proven twice"
    request = tmp_path / "request.json"
    after = real("escrow", "show", "--account", me, "--out", request, sends=False)
    assert (after["escrowed"], after["escrowed_until"]) == (True, done["escrowed_until"])
    for name in ("venue", "trader"):
        real.run("committee", "decrypt", "own", "--secret", tmp_path / f"{name}.json", "--request", request, "--out",
                 tmp_path / f"by-{name}.json")
        assert slots_of(tmp_path / f"by-{name}.json") == [(real.epoch.cash_id, DEPOSIT)]
    parts = []
    for number in (1, 3):
        parts.append(tmp_path / f"part{number}.json")
        answer = real.run("committee", "decrypt", "partial", "--committee", tmp_path / "committee.json", "--share",
                          tmp_path / "committee" / f"share{number}.json", "--request", request, "--out", parts[-1])
        assert answer.code == 0, answer.data
    answer = real.run("committee", "decrypt", "open", "--committee", tmp_path / "committee.json", "--request", request,
                      "--out", tmp_path / "by-committee.json", *parts)
    assert (answer.code, slots_of(tmp_path / "by-committee.json")) == (0, [(real.epoch.cash_id, DEPOSIT)])
    shown = json.loads(request.read_text())
    assert shown["commitment"] == str(Opening.load(first).commitment)


def test_words_that_were_shown_before_are_found_once_they_are_posted(real: RealSystem, first: Path, tmp_path: Path
                                                                     ) -> None:
    """Two showings of what she will hold next; the contract says which one is posted."""
    me, there, salt = real.trader.address, real.at, 12
    slots = [(real.epoch.cash_id, DEPOSIT)]
    preset = statements.get("margin-tiny").preset
    after = Opening("margin-tiny", margin.commit(salt, margin.fill(preset, slots)), salt, slots)
    one, other = (escrowing.seal_next(there, real.key("escrow"), after, me, 2, there.escrow.keys_for(me))
                  for _ in range(2))
    for sealed in (one, other):
        there.escrow.show(me, real.venue.address, 2, after.commitment, sealed.digest, sealed.words, sealed.proof,
                          sender=real.world.stranger)
    assert (me, after.commitment) not in escrowing.posted(real.system, there)
    assert real.register(slots, salt).commitment == after.commitment
    for sealed in (one, other):
        there.escrow.post(me, 2, sealed.digest, [], NO_PROOF, sender=real.world.stranger)
        assert escrowing.posted(real.system, there, me)[me, after.commitment].digest == sealed.digest
    request = tmp_path / "request.json"
    assert real("escrow", "show", "--account", me, "--out", request, sends=False)["escrowed"] is True
    real.run("committee", "decrypt", "own", "--secret", tmp_path / "venue.json", "--request", request, "--out",
             tmp_path / "opened.json")
    assert slots_of(tmp_path / "opened.json") == slots


def test_keys_and_committees_are_registered_by_whom_they_are(real: RealSystem, first: Path, tmp_path: Path) -> None:
    again = real("escrow", "key", "--secret", tmp_path / "trader.json")
    assert again["transaction"] is None, "she has it already"
    assert real("committee", "register", "--committee", tmp_path / "committee.json", by=real.world.relayer, code=1
                )["error"] == "AccessManagedUnauthorized"
    renewed = real("committee", "register", "--committee", tmp_path / "committee.json", by=real.world.admin)
    assert (renewed["renewed"], renewed["done"]) == (True, False), "after the admin's delay"
    text = (tmp_path / "committee.json").read_text()
    told = real("escrow", "show", sends=False)
    assert told["next_context"] not in text
    from committees import make
    (tmp_path / "other").mkdir()
    make(tmp_path / "other", 2, 3).committee.save(tmp_path / "other.json")
    refused = real("committee", "register", "--committee", tmp_path / "other.json", by=real.world.admin, code=2)
    assert refused["field"] == "context of the committee's key"
    assert told["next_context"] in refused["bound"]
    (tmp_path / "next").mkdir()
    made = make(tmp_path / "next", 2, 3, bytes.fromhex(told["next_context"][2:]))
    made.committee.save(tmp_path / "next.json")
    waits = real("committee", "register", "--committee", tmp_path / "next.json", by=real.world.admin)
    assert (waits["generation"], waits["done"]) == (2, False)
    real.world.later(real.world.config.delays.admin)
    assert real("committee", "register", "--committee", tmp_path / "next.json", by=real.world.admin)["done"] is True
    assert real("escrow", "show", sends=False)["generation"] == 2


def test_who_has_no_key_is_named(real: RealSystem, tmp_path: Path) -> None:
    real.register([]).save(tmp_path / "none.json")
    refused = real("escrow", "post", "--key", real.path("keys/escrow"), "--opening", tmp_path / "none.json", code=2)
    assert refused["field"] == "committee"


def test_a_post_is_of_this_account_and_key(real: RealSystem, first: Path, tmp_path: Path) -> None:
    strange = json.loads(first.read_text())
    from circuits.statements import margin
    changed = {**strange, "salt": "12", "commitment": str(margin.commit(
        12, [(real.epoch.cash_id, DEPOSIT), (0, 0), (0, 0)]))}
    (tmp_path / "strange.json").write_text(json.dumps(changed))
    (tmp_path / "strange.json").chmod(0o600)
    assert real("escrow", "post", "--key", real.path("keys/escrow"), "--opening", tmp_path / "strange.json", code=2
                )["field"] == "--opening"
    assert real("escrow", "post", "--key", real.path("keys/disclose"), "--opening", first, code=2)["field"] == "--key"
    dry = real("escrow", "post", "--key", real.path("keys/escrow"), "--opening", first, "--dry-run")
    assert dry["sent"] is False
    assert real.at.ledger.is_escrowed(real.trader.address) is False


def test_what_was_ordered_for_everybody_is_published_and_nothing_else(real: RealSystem, first: Path, tmp_path: Path
                                                                      ) -> None:
    real.post(first)
    me, coordinator = real.trader.address, real.world.relayer
    publish = ("escrow", "publish", "--lot", 7, "--key", real.path("keys/disclose"), "--opening", first)
    assert real(*publish, code=2)["field"] == "--lot"
    assert real("committee", "requests", sends=False)["requests"] == []
    real.world.govern("authority", "grantRole", Role.COORDINATOR, coordinator, 0)
    key = real.at.escrow.key_of(real.venue.address)
    real.at.escrow.transact("orderDisclosure", 7, me, [key], sender=coordinator)
    assert real(*publish, code=2)["field"] == "--lot"
    (one,) = real("committee", "requests", "--out", tmp_path / "requests", sends=False, code=1)["requests"]
    assert (one["lot"], one["account"], one["waits"], one["everybody"]) == ("7", me, True, False)
    answer = real.run("committee", "decrypt", "own", "--secret", tmp_path / "venue.json", "--request",
                      tmp_path / "requests" / "7.json", "--out", tmp_path / "opened.json")
    assert answer.code == 0, answer.data
    real.at.escrow.transact("orderDisclosure", 7, me, [], sender=coordinator)
    done = real(*publish[:-1], tmp_path / "opened.json", by=real.venue)
    assert done["account"] == me
    assert real.at.escrow.delivered_to(7) == (0, True)
    assert real("committee", "requests", sends=False)["requests"][0]["published"] is True
