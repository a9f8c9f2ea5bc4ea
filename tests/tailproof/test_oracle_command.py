"""`tailproof oracle` from end to end on a whole system: three publishers sign and publish, a watcher says all is right,
a false leaf is refuted by itself, an omitted one demanded; and what each command refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keyfile.keyfile import create_keyfile_json
from eth_utils.crypto import keccak
from oracle_epochs import STATEMENTS, Keys, forge
from system_world import EMPTY_FILLS, config_for, publisher_keys, toy_keys
from toykey import CIRCUIT
from world import started

from primitives.poseidon import Tag
from tailproof import epochs, raw_leaves
from tailproof.cli.node import Endpoint
from tailproof.epoch_leaves import EpochLeaves, layout_of
from tailproof.falsities import falsities
from tailproof.keys import KeyDirectory
from tailproof.known_answers import prove_known_answer
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.system import Contracts, System
from verifier_contracts.system_deployment import Proving, SlotKey, deploy_system

Epochs = tuple[Path, Path, Path]
SLOTS = dict(zip(("leaf-field", "leaf-field-mark"), STATEMENTS, strict=True))


@dataclass
class Commands:
    """A deployed system, and its commands as somebody runs them."""

    folder: Path
    chain: Chain
    at: Contracts
    keys: Keys
    run: Callable[..., Any]
    publishers: list[LocalAccount]
    caller: str

    def __call__(self, command: str, *arguments: object, code: int = 0, as_: str | LocalAccount | None = None,
                 here: bool = True) -> Any:
        """An account of the chain sends; a key signs, and is in the environment."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(System, "open", lambda system, chain: system.bind(chain))   # compared when it was built
            patch.setattr(Endpoint, "connect", lambda endpoint: self._connected(endpoint))
            key = as_ if isinstance(as_, LocalAccount) else None
            patch.delenv("TAILPROOF_PRIVATE_KEY", raising=False)
            if key is not None:
                patch.setenv("TAILPROOF_PRIVATE_KEY", "0x" + bytes(key.key).hex())
            sends = arguments[:1] == ("send",) or command in ("publish", "watch", "challenge", "demand", "answer",
                                                              "settle")
            sender = ("--from", as_ or self.caller) if sends and "--from" not in arguments else ()
            there = ("--deployment", self.folder / "system.json", "--rpc", "http://embedded") if here else ()
            answer = self.run("oracle", command, *arguments, *there, *sender)
        assert answer.code == code, (command, answer.data, answer.stderr)
        return answer.data

    def _connected(self, endpoint: Endpoint) -> Chain:
        terms = Terms(sender=endpoint.sender, withhold=endpoint.dry_run or endpoint.calldata is not None)
        return Chain(self.chain.transport, terms=terms)

    # -- people --------------------------------------------------------------------------------------------------------
    def later(self, seconds: int) -> None:
        self.chain.travel_to(self.chain.now() + seconds)

    def leaf_keys(self) -> tuple[object, ...]:
        return tuple(part for path in self.keys.paths.values() for part in ("--key", path))

    def sign(self, folder: Path, n: int, *arguments: object, **more: Any) -> Any:
        journal = folder / f"journal-{n}"
        begin = () if journal.exists() else ("--new-journal", "never-signed")
        out = folder / f"signature-{n}-{self.at.oracle.latest_epoch_id()}.json"
        return self("sign", *arguments, "--allow-trial", "--journal", journal, *begin, "--out", out,
                    as_=self.publishers[n], **more)

    def publish(self, folder: Path, *arguments: object) -> int:
        """One proposes, all sign, somebody brings: as the README has it."""
        folder.mkdir(exist_ok=True)
        proposed = folder / f"content-{self.at.oracle.latest_epoch_id()}.json"
        self("content", *arguments, "--allow-trial", "--out", proposed)
        files = [self.sign(folder, n, *arguments, "--content", proposed)["path"] for n in range(3)]
        done = self("publish", *files)
        assert done["outcome"] == "published"
        assert self("publish", *files)["outcome"] == "already published"
        return int(done["epoch_id"])

    def publish_false(self, directory: Path, **changes: Any) -> int:
        """By publishers who look at nothing."""
        from tailproof.epoch_contents import content_of
        from verifier_contracts.eip712 import sign
        from verifier_contracts.epoch_content import quorum
        epoch, now, oracle = epochs.read(directory), self.chain.next_time(), self.at.oracle
        made = replace(content_of(epoch, EpochLeaves.of(epoch), now, now + 600, oracle.previous_content()), **changes)
        message = oracle.domain.content(made)
        signed = quorum({one.address: sign(message, one) for one in self.publishers},
                        [one.address for one in self.publishers])
        oracle.publish(made, 1, signed, sender=self.caller)
        return made.id


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Any], leaf_keys: Keys, honest: Epochs
          ) -> Iterator[Commands]:
    with started() as chain:
        yield commands_on(chain, tmp_path_factory.mktemp("oracle-command"), run, leaf_keys, honest)


def commands_on(chain: Chain, folder: Path, run: Callable[..., Any], leaf_keys: Keys, honest: Epochs) -> Commands:
    epoch = epochs.load(honest[0])
    slots = {slot: SlotKey(f"{slot}-toy", toy.verification_key, CIRCUIT, toy.known_answer())
             for slot, toy in toy_keys().items()}
    for slot, name in SLOTS.items():
        key = KeyDirectory.load(leaf_keys.paths[name])
        slots[slot] = SlotKey(key.statement, key.verification_key(), bytes.fromhex(key.r1cs_digest),
                              prove_known_answer(key))
    config = config_for(chain)
    config = replace(config, oracle=replace(config.oracle, cash_id=epoch.cash_id))
    system = deploy_system(chain, config, Proving(slots, layout_of(epoch), 7, 16, EMPTY_FILLS), sender=chain.senders[0],
                           file=folder / "system.json")
    assert System.load(folder / "system.json") == system
    return Commands(folder, chain, system.open(chain), leaf_keys, run, publisher_keys(), chain.senders[8])


@pytest.fixture
def oracle(built: Commands) -> Iterator[Commands]:
    snapshot = built.chain.snapshot()
    yield built
    built.chain.restore(snapshot)


def test_an_honest_epoch_is_signed_published_and_watched(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    first = oracle.publish(tmp_path / "desk", "--epoch", honest[0])
    oracle.later(300)
    second = oracle.publish(tmp_path / "desk", "--epoch", honest[1], "--previous", honest[0])
    watched = ("--epochs", honest[0].parent, *oracle.leaf_keys(), "--once")
    before = oracle.chain.web3.eth.block_number
    told = oracle("watch", *watched, "--state", tmp_path / "state.json")
    assert [(one["epoch_id"], one["verdict"], one["actions"]) for one in told["epochs"]] == \
        [(first, "stands", []), (second, "stands", [])]
    assert told["holds"]
    assert oracle.chain.web3.eth.block_number == before
    for directory in (honest[0], honest[1]):
        told = oracle("challenge", "--epoch-id", first if directory == honest[0] else second, "--epoch", directory,
                      *oracle.leaf_keys(), code=1)
        assert told["false"] is None
    assert oracle.chain.web3.eth.block_number == before


def test_a_false_leaf_is_refuted_by_the_watcher_alone(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    def lowered(amax: np.ndarray) -> np.ndarray:
        amax[2] -= 10**9
        return amax
    false = forge(honest[0], tmp_path / "data" / "false", amax=lowered)
    refused = oracle.sign(tmp_path, 0, "--epoch", false, code=2)             # no publisher who looks signs it
    assert refused["error"] == "BadInput"
    epoch_id = oracle.publish_false(false)
    watched = ("--epochs", tmp_path / "data", *oracle.leaf_keys(), "--once", "--state", tmp_path / "state.json")
    before = oracle.chain.web3.eth.block_number
    dry = oracle("watch", *watched, "--calldata", tmp_path / "call.json", code=1)
    (would,) = dry["epochs"][0]["actions"]
    assert (dry["epochs"][0]["verdict"], would["call"]["to"]) == ("false", oracle.at.court.address)
    assert json.loads((tmp_path / "call.json").read_text()) == would["call"]
    assert oracle("watch", *watched, "--tell-only", code=1)["epochs"][0]["actions"] == []
    assert oracle.chain.web3.eth.block_number == before
    told = oracle("watch", *watched, code=1)
    assert told["epochs"][0]["verdict"] == "refuted"
    assert [action["action"] for action in told["epochs"][0]["actions"]] == ["challenge", "settle"]
    assert oracle.at.oracle.facts_of(epoch_id).refuted
    assert [oracle.at.court.stake_of(one.address) for one in oracle.publishers] == [0, 0, 0]
    again = oracle("watch", *watched, code=1)["epochs"]                       # until a later one is final
    assert [(one["verdict"], one["actions"]) for one in again] == [("refuted", [])]
    owed = oracle.at.court.owed_to(oracle.caller)
    paid = oracle("settle", "--claim-to", "0x" + "77" * 20)
    assert f"{owed} wei" in paid["done"]
    assert oracle("settle", "--epoch-id", epoch_id, code=1)["error"] == "NotRefuted"


def test_by_hand(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    def lowered(amax: np.ndarray) -> np.ndarray:
        amax[2] -= 1
        return amax
    false = forge(honest[0], tmp_path / "false", amax=lowered)
    epoch_id = oracle.publish_false(false)
    id = EpochLeaves.of(epochs.read(false)).rows[Tag.LEAF][2][0]
    ground = ("--epoch-id", epoch_id, "--epoch", false, *oracle.leaf_keys())
    assert oracle("challenge", *ground, "--show", f"leaf:{id}:2", code=1)["false"] is None
    for wrong in ("leaf:5:2", "leaf", f"tree:{id}:2", f"leaf:{id}:99", "leaf:x:1"):
        assert oracle("challenge", *ground, "--show", wrong, code=2)["field"] == "--show"
    other = oracle("challenge", "--epoch-id", epoch_id, "--epoch", honest[0], *oracle.leaf_keys(), code=2)
    assert other["field"] == "--epoch"
    leaves = EpochLeaves.of(epochs.read(false))
    lie = next(falsities(leaves, oracle.at.court.leaf_layout()))
    shown = tuple(part for one in lie.shown for part in ("--show", f"leaf:{id}:{one.element}"))
    assert [one.place for one in lie.shown] == [2, 2]
    dry = oracle("challenge", *ground, *shown, "--dry-run")
    assert (dry["sent"], dry["call"]["from"], dry["call"]["value"]) == (False, oracle.caller, "0")
    assert not oracle.at.oracle.facts_of(epoch_id).refuted
    assert oracle("challenge", *ground, *shown)["function"] == "field"
    assert oracle("settle", "--epoch-id", epoch_id)["transaction"]


def test_an_omitted_leaf_is_demanded(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    def cut(array: np.ndarray) -> np.ndarray:
        return np.delete(array, 2, axis=0)
    names = ("ids", "underlying", "long", "short", "amax", "changes")
    without = forge(honest[0], tmp_path / "data" / "without", **dict.fromkeys(names, cut),
                    **{name: lambda items: (*items[:1], *items[2:]) for name in ("instruments", "marks")})
    rows = EpochLeaves.of(epochs.load(honest[0]))
    epoch_id = oracle.publish_false(without, data_root=rows.data_tree.root)
    watched = ("--epochs", tmp_path / "data", "--epochs", honest[0], *oracle.leaf_keys(), "--once")
    told = oracle("watch", *watched, code=1)
    assert [action["action"] for action in told["epochs"][0]["actions"]] == ["demand"]
    id = rows.rows[Tag.LEAF][2][0]
    leaf = ("--epoch-id", epoch_id, "--id", id)
    assert oracle("answer", *leaf, "--epoch", without, *oracle.leaf_keys(), code=2)["field"] == "--id"
    assert oracle("settle", *leaf, code=1)["error"] == "AnswerNotDue"
    again = oracle("demand", *leaf, "--listed", honest[0], code=1)
    assert again["error"] == "AlreadyDemanded"


def test_a_demand_by_hand_is_answered(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    epoch_id = oracle.publish_false(honest[0])
    rows = EpochLeaves.of(epochs.load(honest[0])).rows
    for kind, id in (("leaf", 0), ("mark", rows[Tag.MARK][1][0])):
        leaf = ("--epoch-id", epoch_id, "--kind", kind, "--id", id)
        listed = () if id == 0 else ("--listed", honest[0])
        made = oracle("demand", *leaf, *listed, as_=oracle.chain.senders[7])
        assert int(made["bond"]) > 0
        assert oracle("answer", *leaf, "--epoch", honest[0], *oracle.leaf_keys())["transaction"]
        assert oracle.at.court.owed_to(oracle.caller) >= int(made["bond"])
    assert oracle("demand", "--epoch-id", epoch_id, "--id", 5, "--listed", honest[0], code=2)["field"] == "--id"


def test_a_lie_that_no_directory_holds_is_refuted_by_its_leaves(oracle: Commands, honest: Epochs, tmp_path: Path
                                                                ) -> None:
    """A second leaf of an instrument's id, behind the marks, where no directory has an instrument."""
    made = oracle("leaves", "--epoch", honest[0], "--out", tmp_path / "true.json", here=False)
    assert int(made["root"], 16) == epochs.load(honest[0]).root
    raw = json.loads((tmp_path / "true.json").read_text())
    one = next(entry for entry in raw["leaves"] if entry.get("kind") == "leaf" and entry["place"] == 1)
    free = min(set(range(63)) - {entry["place"] for entry in raw["leaves"]})
    raw["leaves"].append({**one, "place": free, "elements": [*one["elements"][:2], str(int(one["elements"][2]) + 1),
                                                             *one["elements"][3:]]})
    lie = tmp_path / "lie.json"
    lie.write_text(json.dumps(raw))
    epoch_id = oracle.publish_false(honest[0], root=raw_leaves.load(lie).root)
    told = oracle("watch", "--epochs", honest[0], "--once", code=1)
    assert "NO DATA" in told["epochs"][0]["found"][0]
    ground = ("--epoch-id", epoch_id, *oracle.leaf_keys())
    assert oracle("challenge", *ground, "--leaves", tmp_path / "true.json", code=2)["field"] == "--leaves"
    assert oracle("challenge", *ground, "--leaves", lie, "--epoch", honest[0],
                  code=2)["field"] == "--epoch and --leaves"
    done = oracle("challenge", *ground, "--leaves", lie)
    assert (done["function"], "there are two" in done["false"]) == ("field", True)
    assert oracle.at.oracle.facts_of(epoch_id).refuted


def test_a_leaf_that_a_book_released_is_released_by_a_quorum(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    first = oracle.publish_false(honest[0])
    for directory in (honest[1], honest[1], honest[1], honest[1], honest[2]):
        oracle.later(480)
        last = oracle.publish_false(directory)
    assert oracle.at.oracle.is_final(first)
    before = {one.symbol: one.id for one in epochs.load(honest[0]).instruments}
    gone, there = before["BTC-PERP"], before["ETH-PERP"]
    leaf = ("--epoch-id", last, "--id", gone)
    oracle("demand", *leaf, "--listed", honest[0], "--listed-in", first, as_=oracle.chain.senders[7])
    sign = ("release", "sign", "--epoch", honest[2], "--listed", honest[0])
    for bad, field in ((("--epoch-id", last, "--id", there), "--id"), (("--epoch-id", last, "--id", 0), "--id"),
                       (("--epoch-id", first, "--id", gone), "--epoch")):
        assert oracle(*sign, *bad, "--out", tmp_path / "bad.json", as_=oracle.publishers[0], code=2)["field"] == field
    stranger = oracle(*sign, *leaf, "--out", tmp_path / "bad.json", as_=Account.from_key(b"\x07" * 32), code=2)
    assert stranger["field"] == "signer"
    files = [tmp_path / f"release-{n}.json" for n in range(len(oracle.publishers))]
    for n, file in enumerate(files):
        oracle(*sign, *leaf, "--out", file, as_=oracle.publishers[n])
    quorum = oracle.at.oracle.signers().quorum
    few = oracle("release", "send", *files[:quorum - 1], code=1)
    assert (few["signatures"], few["quorum"], few["transaction"]) == (quorum - 1, quorum, None)
    (tmp_path / "copy.json").write_bytes(files[0].read_bytes())
    assert oracle("release", "send", tmp_path / "copy.json", *files[:quorum], code=2)["field"] == "signer"
    forged = json.loads(files[0].read_text())
    for change, field in (({"epoch_id": first}, "epoch_id"), ({"leaf_id": str(there)}, "leaf_id"),
                          ({"kind": 12}, "kind"), ({"chain_id": 5}, "chain_id"),
                          ({"signer": oracle.publishers[1].address}, "signature"),
                          ({"oracle": "0x" + "11" * 20}, "oracle")):
        (tmp_path / "forged.json").write_text(json.dumps({**forged, **change}))
        assert oracle("release", "send", *files[1:], tmp_path / "forged.json", code=2)["field"] == field
    assert oracle("release", "send", *files)["transaction"]
    assert not oracle.at.court.demand_of(last, Tag.LEAF, gone).bond
    assert oracle.at.court.forfeited() > 0
    assert oracle("release", "send", *files, code=1)["error"] == "NotDemanded"


# -- signing -----------------------------------------------------------------------------------------------------------
def test_a_publisher_signs_once(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    first = ("--epoch", honest[0], "--valid-for", 300)
    assert oracle.sign(tmp_path, 0, *first)["signer"] == oracle.publishers[0].address
    oracle.later(60)
    again = ("sign", *first, "--allow-trial", "--journal", tmp_path / "journal-0", "--out", tmp_path / "again.json")
    refused = oracle(*again, as_=oracle.publishers[0], code=1)
    assert refused["error"] == "Equivocation"
    assert not (tmp_path / "again.json").exists()
    (tmp_path / "journal-0").unlink()
    lost = oracle(*again, as_=oracle.publishers[0], code=2)
    assert (lost["error"], lost["field"]) == ("JournalDamaged", "--journal")
    head = oracle(*again, "--new-journal", "never-signed", as_=oracle.publishers[0], code=2)
    assert head["field"] == "--journal"                                      # the head is still there
    trial = oracle("sign", *first, "--journal", tmp_path / "journal-1", "--out", tmp_path / "trial.json",
                   as_=oracle.publishers[1], code=2)
    assert trial["field"] == "purpose"
    stranger = oracle("sign", *first, "--allow-trial", "--new-journal", "never-signed", "--journal", tmp_path / "j",
                      "--out", tmp_path / "s.json", as_=_account("stranger"), code=2)
    assert stranger["field"] == "signer"


def test_a_keystore_signs(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    publisher = oracle.publishers[0]
    keystore, phrase, bad = tmp_path / "key.json", tmp_path / "phrase", tmp_path / "bad"
    keystore.write_text(json.dumps(create_keyfile_json(bytes(publisher.key), b"a b", kdf="pbkdf2", iterations=2)))
    phrase.write_text("a b\n")
    bad.write_text("a c\n")
    for path in (keystore, phrase, bad):
        path.chmod(0o600)
    step = ("--epoch", honest[0], "--allow-trial", "--journal", tmp_path / "journal", "--keystore", keystore)
    refused = oracle("sign", *step, "--passphrase-file", bad, "--out", tmp_path / "o.json", code=2)
    assert refused["field"] == "passphrase"
    assert not (tmp_path / "journal").exists()
    named = oracle("sign", *step, "--passphrase-file", phrase, "--from", oracle.publishers[1].address, "--out",
                   tmp_path / "o.json", code=2)
    assert named["field"] == "--from"
    assert oracle("sign", *step, "--out", tmp_path / "o.json", code=2)["field"] == "--passphrase-file"
    keystore.chmod(0o644)
    with pytest.MonkeyPatch.context() as patch:
        heard: list[str] = []
        patch.setattr("tailproof.cli.node.warn", heard.append)
        done = oracle("sign", *step, "--passphrase-file", phrase, "--new-journal", "never-signed", "--out",
                      tmp_path / "o.json")
    assert done["signer"] == publisher.address
    assert len(heard) == 1
    assert "chmod 600" in heard[0]
    both = oracle("sign", *step, "--passphrase-file", phrase, "--signer", "http://127.0.0.1:9", "--out",
                  tmp_path / "p.json", code=2)
    assert both["field"] == "--signer"


def test_other_signers_see_what_differs(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    proposed = tmp_path / "content.json"
    oracle("content", "--epoch", honest[0], "--allow-trial", "--out", proposed)
    content = json.loads(proposed.read_text())
    content["marks"][0] = str(int(content["marks"][0]) + 1)
    proposed.write_text(json.dumps(content))
    refused = oracle.sign(tmp_path, 0, "--epoch", honest[0], "--content", proposed, code=1)
    assert (refused["error"], list(refused["fields"])) == ("OtherContent", ["marks"])


def test_misuse(oracle: Commands, honest: Epochs, tmp_path: Path) -> None:
    assert oracle("settle", code=2)["field"] == "--epoch-id and --claim-to"
    assert oracle("settle", "--claim-to", oracle.caller, "--id", 5, code=2)["field"] == "--id"
    assert oracle("watch", "--epochs", honest[0], "--dry-run", code=2)["field"] == "--dry-run and --calldata"
    assert oracle("watch", "--epochs", honest[0], "--once")["epochs"] == []
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"schema": "tailproof.watch/1", "chain_id": 5, "oracle": oracle.at.oracle.address,
                                 "settled": []}))
    assert oracle("watch", "--epochs", honest[0], "--once", "--state", state, code=2)["field"] == "chain_id"
    assert oracle("content", "--epoch", honest[1], "--previous", honest[0], "--first", "--allow-trial", "--out",
                  tmp_path / "c.json", code=2)["field"] == "--first"


def _account(name: str) -> LocalAccount:
    from eth_account import Account
    return Account.from_key(keccak(text=name))
