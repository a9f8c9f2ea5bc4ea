"""Commands of those who govern, and of whoever looks: roles, delays, pauses, freezes, rotations, accounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from real_system import DEPOSIT, RealSystem, key_of_sender
from system_world import publisher_keys

from tailproof.number_forms import element
from verifier_contracts.abi import encode_call
from verifier_contracts.governance import Role
from verifier_contracts.verifier_registry import WAIT

DAY = 86_400


def roles(real: RealSystem) -> dict[str, Any]:
    return real("contract", "roles", sends=False)


# -- roles -------------------------------------------------------------------------------------------------------------
def test_the_table_says_who_holds_what_and_what_is_restricted(real: RealSystem) -> None:
    found, world = roles(real), real.world
    held = {(one["name"], one["holder"], one["delay"]) for one in found["holdings"] if one["held"]}
    delays = real.world.config.delays
    assert {("admin", world.admin, delays.admin), ("guardian", world.guardian, 0), ("risk", world.risk, 0),
            ("venue", world.venue, 0), ("venue", world.other_venue, 0),
            ("loosening", world.risk, delays.loosening)} <= held
    assert world.deployer not in {holder for _, holder, _ in held}
    functions = {one["name"]: one["functions"] for one in found["roles"]}
    assert {"vault.pause", "desk.pause", "oracle.holdEpoch", "registry.distrust"} <= set(functions["guardian"])
    assert "settlement.settle" in functions["venue"]
    assert (found["operations"], found["breaker_tripped"], found["clock_stopped_until"]) == ([], False, 0)
    assert [(one["name"], one["contract"]) for one in found["pauses"]] == [
        ("open", "desk"), ("exit", "vault"), ("liquidate", "vault"), ("settle", "settlement")]
    assert all(one["until"] == 0 for one in found["pauses"])
    assert {one["slot"]: one["generation"] for one in found["verifiers"]}["cover"] == 1


def test_what_has_a_delay_is_scheduled_seen_and_done_by_the_same_command(real: RealSystem) -> None:
    world, grant = real.world, ("contract", "grant", "coordinator", real.world.stranger, "--delay", 60)
    delay = world.config.delays.admin
    refused = real(*grant, by=world.guardian, code=1)
    assert refused["error"] == "AccessManagerUnauthorizedAccount"
    first = real(*grant, by=world.admin)
    assert (first["done"], first["ready"] - real.chain.now()) == (False, delay)
    again = real(*grant, by=world.admin, code=1)
    assert (again["transaction"], again["ready"]) == (None, first["ready"])
    (waiting,) = roles(real)["operations"]
    assert (waiting["caller"], waiting["target"], waiting["ready"]) == (world.admin, "authority", first["ready"])
    assert waiting["function"] == f"grantRole({int(Role.COORDINATOR)}, {world.stranger}, 60)"

    # Somebody who may not cannot cancel it; who scheduled it can.
    assert real("contract", "cancel", "0x123456", by=world.admin, code=2)["field"] == "OPERATION"
    assert real("contract", "cancel", waiting["id"], by=world.relayer, code=1)["error"] == \
        "AccessManagerUnauthorizedCancel"
    real("contract", "cancel", waiting["id"][:12], by=world.admin)
    assert roles(real)["operations"] == []

    first = real(*grant, by=world.admin)
    real.chain.travel_to(first["ready"])
    assert real(*grant, by=world.admin)["done"] is True
    assert ("coordinator", world.stranger, 60) in {
        (one["name"], one["holder"], one["delay"]) for one in roles(real)["holdings"]}
    revoke = ("contract", "revoke", "coordinator", world.stranger)
    real.chain.travel_to(real(*revoke, by=world.admin)["ready"])
    assert real(*revoke, by=world.admin)["done"] is True
    assert world.stranger not in {one["holder"] for one in roles(real)["holdings"]}
    assert real(*revoke, by=world.admin, code=1)["done"] is False


def test_a_role_is_known_by_name_or_number(real: RealSystem) -> None:
    assert real("contract", "grant", "emperor", real.world.stranger, by=real.world.admin, code=2)["field"] == "ROLE"
    assert real("contract", "grant", "5", real.world.stranger, by=real.world.admin)["role"] == Role.COORDINATOR


def test_a_transaction_is_shown_and_written_instead_of_sent(real: RealSystem, tmp_path: Path) -> None:
    shown = real("contract", "pause", "exit", "--dry-run", by=real.world.guardian)
    assert (shown["sent"], shown["call"]["to"]) == (False, real.at.vault.address)
    real("contract", "pause", "exit", "--calldata", tmp_path / "call.json", by=real.world.guardian)
    assert (tmp_path / "call.json").exists()
    assert real.at.vault.paused_until(1) == 0


# -- pauses and freezes ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["open", "exit", "liquidate", "settle"])
def test_a_class_is_paused_for_a_time_and_once_in_a_week(real: RealSystem, name: str) -> None:
    guardian, began = real.world.guardian, real.chain.now()
    assert real("contract", "pause", name, by=real.world.admin, code=1)["error"] == "AccessManagedUnauthorized"
    done = real("contract", "pause", name, "--seconds", 3_600, by=guardian)
    assert began + 3_600 <= done["until"] <= began + 3_700
    found = roles(real)
    (mine,) = [one for one in found["pauses"] if one["name"] == name]
    assert (mine["until"], mine["again"]) == (done["until"], done["until"] - 3_600 + 7 * DAY)
    assert (found["clock_stopped_until"] > 0) == (name == "liquidate"), "deadlines stop with liquidation alone"
    real("contract", "resume", name, by=guardian)
    assert [one["until"] > real.chain.now() for one in roles(real)["pauses"]] == [False] * 4
    assert real("contract", "resume", name, by=guardian, code=1)["error"] == "ClassNotPaused"
    assert real("contract", "pause", name, by=guardian, code=1)["error"] in ("PausedTooRecently", "StoppedTooRecently")


def test_an_epoch_is_held_by_a_guardian_and_frozen_by_a_quorum(real: RealSystem, tmp_path: Path) -> None:
    epoch, oracle = real.at.oracle.latest_epoch_id(), real.at.oracle
    held = real("contract", "freeze", "--epoch-id", epoch, "--seconds", 600, by=real.world.guardian)
    assert (held["for_good"], held["until"]) == (False, real.chain.now() + 600)
    assert real("contract", "freeze", "--epoch-id", 7, "--sign", tmp_path / "x.json", code=1)["error"] == "UnknownEpoch"
    signers = publisher_keys()
    files = [tmp_path / f"signature{place}.json" for place in range(2)]
    for signer, file in zip(signers, files, strict=False):
        assert real("contract", "freeze", "--epoch-id", epoch, "--sign", file, by=signer)["signer"] == signer.address
    few = real("contract", "freeze", "--epoch-id", epoch, "--signature", files[0], by=real.world.relayer, code=1)
    assert (few["signatures"], few["quorum"]) == (1, 2)
    other = real.publish()
    foreign = real("contract", "freeze", "--epoch-id", other, "--signature", files[0], by=real.world.relayer, code=2)
    assert foreign["field"] == "epoch_id"
    done = real("contract", "freeze", "--epoch-id", epoch, "--signature", files[0], "--signature", files[1],
                by=real.world.relayer)
    assert done["for_good"] is True
    assert oracle.stored_root_of(epoch)[1], "frozen for good"
    assert real("contract", "freeze", "--epoch-id", epoch, code=2)["field"] == "--seconds, --sign and --signature"


# -- verifiers ---------------------------------------------------------------------------------------------------------
def test_a_verifier_is_rotated_by_one_command_run_twice(real: RealSystem) -> None:
    world, before = real.world, real.at.registry.active("flat")
    rotate = ("contract", "rotate", "flat", "--key", real.path("keys/flat-next"))
    assert real("contract", "rotate", "flat", by=world.admin, code=2)["field"] == "--key"
    foreign = real("contract", "rotate", "cover", "--key", real.path("keys/flat-next"), by=world.admin, code=2)
    assert foreign["field"] == "--key"
    assert real("contract", "rotate", "flattery", by=world.admin, code=2)["field"] == "SLOT"
    done = real(*rotate, "--sunset", 3_600, by=world.admin)
    assert (done["stage"], done["ready"]) == ("announced", real.chain.now() + WAIT)
    (slot,) = [one for one in roles(real)["verifiers"] if one["slot"] == "flat"]
    assert (slot["announced"], slot["ready"], slot["active"]) == (done["verifier"], done["ready"], before.verifier)
    assert real(*rotate, by=world.stranger, code=1)["stage"] == "waiting"
    other = real("contract", "rotate", "flat", "--key", real.path("keys/flat"), by=world.admin, code=2)
    assert other["field"] == "--key"

    real("contract", "rotate", "flat", "--cancel", by=world.guardian)
    again = real(*rotate, "--verifier", done["verifier"], by=world.admin)
    assert (again["stage"], again["verifier"]) == ("announced", done["verifier"])
    real.chain.travel_to(again["ready"])
    assert real("contract", "rotate", "flat", by=world.stranger)["stage"] == "active"
    assert real.at.registry.active("flat").generation == 2
    real("contract", "rotate", "flat", "--distrust", 1, by=world.guardian)
    assert not real.at.registry.is_trusted("flat", 1)
    assert real("contract", "rotate", "flat", "--distrust", 1, by=world.guardian, code=1)["error"] == \
        "AlreadyDistrusted"
    # The key that was there before cannot come back.
    assert real("contract", "rotate", "flat", "--key", real.path("keys/flat"), by=world.admin, code=1)["error"] == \
        "KeyAlreadyUsed"


def test_code_that_the_key_does_not_generate_is_not_announced(real: RealSystem) -> None:
    foreign = real("contract", "rotate", "flat", "--key", real.path("keys/flat-next"), "--verifier",
                   real.at.registry.active("cover").verifier, by=real.world.admin, code=2)
    assert foreign["field"] == "--verifier"


# -- accounts ----------------------------------------------------------------------------------------------------------
def test_accounts_are_listed_moved_and_voided(real: RealSystem) -> None:
    world, me = real.world, real.trader.address
    assert real("contract", "accounts", sends=False)["accounts"] == []
    real.mint(5)
    real("vault", "deposit", "--amount", 5)
    (one,) = real("contract", "accounts", sends=False)["accounts"]
    assert (one["account"], one["version"], one["status"], one["margin"], one["tokens"]) == (
        me, 0, "unknown", None, {real.system.quote_token: "5"})
    opening = real.register([(real.epoch.cash_id, DEPOSIT)])
    (one,) = real("contract", "accounts", sends=False)["accounts"]
    assert (one["version"], one["venue"], one["status"], one["commitment"]) == (
        1, world.venue, "not attested", element(opening.commitment))
    assert real("contract", "accounts", "--venue", world.other_venue, sends=False)["accounts"] == []

    assert real("contract", "move", me, world.other_venue, by=world.stranger, code=1)["error"] == \
        "NotVenueOfAccount"
    moved = real("contract", "move", me, world.other_venue, by=world.venue)
    assert (moved["from"], moved["to"]) == (world.venue, world.other_venue)
    waiting = real("contract", "move", me, world.venue, "--reassign", by=world.admin)
    real.chain.travel_to(waiting["ready"])
    assert real("contract", "move", me, world.venue, "--reassign", by=world.admin)["done"] is True
    (one,) = real("contract", "accounts", sends=False)["accounts"]
    assert (one["venue"], one["commitment"], one["version"]) == (world.venue, "0", 3)
    assert real("contract", "void", me, by=world.stranger, code=1)["error"] == "MayNotVoid"
    assert real("contract", "void", me, code=1)["error"] == "AccountNotFlat"
    assert real("contract", "void", me, by=world.venue)["version"] == 4
    told = [event["event"] for event in real("contract", "history", me, sends=False)["events"]]
    assert told == ["Deposited", "CommitmentRegistered", "CommitmentVoided", "AccountMoved", "CommitmentVoided",
                    "AccountMoved", "CommitmentVoided"]
    later = real("contract", "history", me, "--from-block", 10**6, sends=False, code=2)
    assert later["field"] == "--from-block"


def test_who_was_never_registered_leaves_without_a_proof(real: RealSystem) -> None:
    me, coin = real.trader.address, real.mint(9)
    real("vault", "deposit", "--amount", 9)
    assert real("vault", "exit", by=key_of_sender(8), code=1)["amount"] == "0"
    gone = real("vault", "exit")
    assert (gone["amount"], coin.balance_of(me)) == ("9", 9)


def test_a_deposit_that_is_refused_leaves_nothing_approved(real: RealSystem) -> None:
    coin = real.mint(10**16)
    refused = real("vault", "deposit", "--amount", 10**15 + 1, code=1)
    assert refused["error"] == "CapExceeded"
    foreign = real("vault", "deposit", "--amount", 1, "--token", real.at.ledger.address, code=1)
    assert (foreign["contract"], foreign["function"]) == ("ERC20", "balanceOf"), "no token at all"
    assert coin.allowance(real.trader.address, real.at.vault.address) == 0


HISTORY = ("desk", "ledger", "vault", "settlement", "authority", "court")


def test_history_is_every_event_that_names_the_account_and_no_other(real: RealSystem) -> None:
    """Held against the chain's logs, read and filtered in another way: an account stands in the first, second or third
    place of an event, in events of six contracts, and events of other accounts lie between."""
    me, other, world = real.trader.address, real.world.stranger, real.world
    coin = real.mint(30)
    real("vault", "deposit", "--amount", 10)
    real.mint(5, other)
    real("vault", "deposit", "--amount", 5, by=other)
    real("vault", "deposit", "--amount", 5, "--account", other)              # she is who pays, in the second place
    real.register([(real.epoch.cash_id, DEPOSIT)])
    real("contract", "void", me, by=real.venue)
    real("contract", "move", me, world.other_venue, by=real.venue)
    real("contract", "grant", "venue", me, by=world.admin)
    real.chain.travel_to(real.chain.now() + 8 * DAY)
    real("contract", "grant", "venue", me, by=world.admin)                   # an event of the authority
    real.chain.send(real.at.court.address, encode_call(real.at.court.artifact, "stake", (me,)), value=3, sender=me)
    told = real("contract", "history", me, sends=False)["events"]

    addresses = {real.at.named(name).address: name for name in HISTORY}
    word = "0x" + "00" * 12 + me[2:].lower()
    logs = [log for log in real.chain.web3.eth.get_logs({
        "address": list(addresses), "fromBlock": real.system.block, "toBlock": "latest"})      # type: ignore[typeddict-item]
        if word in ["0x" + bytes(topic).hex() for topic in log["topics"][1:]]]
    expected = [(addresses[log["address"]], log["blockNumber"], log["logIndex"],
                 "0x" + bytes(log["transactionHash"]).hex(),
                 real.chain.web3.eth.get_block(log["blockNumber"])["timestamp"]) for log in logs]
    assert [(one["contract"], one["block"], one["place"], one["transaction"], one["time"]) for one in told] == expected
    assert {addresses[log["address"]] for log in logs} >= {"desk", "vault", "authority", "court"}
    places = {["0x" + bytes(topic).hex() for topic in log["topics"]].index(word) for log in logs}
    assert places >= {1, 2}, "she stood in one place of events only"
    assert all(me in json.dumps(one["arguments"]) for one in told)
    assert next(one["arguments"]["amount"] for one in told if one["event"] == "Deposited") in (10, "10")
    first = expected[2][1]
    later = real("contract", "history", me, "--from-block", first, sends=False)
    assert (later["from_block"], later["to_block"]) == (first, real.chain.block_number())
    assert later["events"] == [one for one in told if one["block"] >= first]
    assert len(later["events"]) < len(told)
    nobody = real("contract", "history", "0x" + "12" * 20, sends=False)
    assert nobody["events"] == []
    assert coin.balance_of(me) == 15
