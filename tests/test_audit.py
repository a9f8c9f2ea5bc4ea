"""The audit: what holds is found to hold, and each finding has its twin that does not; page, signature, comparison,
archive. Embedded chain, tiny statements, real proofs, an epoch whose signed content is its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from nodes import url_of
from page_files import Browser
from real_system import COLLATERAL, DEPOSIT, RealSystem
from venue_accounts import Member, members
from world import started

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.money import format_money
from tailproof.attestation import prove_margin
from tailproof.audits import brought
from tailproof.audits import run as audits
from tailproof.audits.account import (
    AccountSeen,
    account_findings,
    publication,
    publication_findings,
    publications,
    read_account,
)
from tailproof.audits.archive import Opened, TamperedArchive, _copy_epoch, open_archive
from tailproof.audits.brought import Key
from tailproof.audits.contracts import OnChain, contract_findings
from tailproof.audits.finding import Finding, Verdict, looked, trusted
from tailproof.audits.given import Given
from tailproof.audits.page import page
from tailproof.audits.pictures import Picture
from tailproof.audits.proofs import bundle_findings, verifier_findings
from tailproof.audits.report import Attested, Report, Signed, SignedReport
from tailproof.bundle import Bundle
from tailproof.epoch_contents import content_of
from tailproof.epoch_leaves import EpochLeaves
from tailproof.epochs import Claim, load
from tailproof.number_forms import element
from tailproof.signing import SignedContent
from verifier_contracts.abi import decode_call, encode_call
from verifier_contracts.bindings import proof_words
from verifier_contracts.eip712 import sign
from verifier_contracts.epoch_content import EpochContent
from verifier_contracts.errors import NodeError
from verifier_contracts.events import Event
from verifier_contracts.ledger import Row, combiner_key
from verifier_contracts.pinned import PinnedChain
from verifier_contracts.signers import LocalSigner
from verifier_contracts.verifier_registry import slot_id

Answers = list[dict[str, Any]]
TOYS = {"contracts.circuits", "contracts.open"}
"""What is false of this world: slots that nothing is proven for have keys of no statement; and the epoch before the one
that is signed truly had made-up marks, so that the breaker is tripped."""
VERIFIERS = {"proof.by-kernels", "proof.by-reference", "proof.by-snarkjs", "proof.by-solidity"}
AUDITOR_KEY = "0x" + "07" * 32


@pytest.fixture
def site(real: RealSystem, tmp_path: Path) -> Path:
    """An account with a margin attested under an epoch that its publishers signed: opening, bundle, signatures, and an
    archive of the account's audit."""
    def make(folder: Path) -> None:
        now = real.chain.now() + 300
        real.chain.travel_to(now)
        content = content_of(real.epoch, EpochLeaves.of(real.epoch), now, now + 600, real.at.oracle.previous_content(),
                             collateral=COLLATERAL.encode())
        real.world.publish_content(content, by=(0, 2))
        real.register([(real.epoch.cash_id, DEPOSIT), (real.epoch.ids[1], -3)]).save(folder / "opening.json")
        real("prove", "--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--opening",
             folder / "opening.json", "--account", real.trader.address, "--out", folder / "bundle.json", sends=False)
        real("submit", folder / "bundle.json", by=real.world.relayer)
        for number in (0, 2):
            signed(real, content, number).save(folder / f"{number}.json")
        with pytest.MonkeyPatch.context() as patch:
            ask_one(patch)
            made = real("audit", "archive", real.trader.address, *trusting(real), "--out", folder / "archive",
                        sends=False)
        jsonio.write(folder / "collected.json", made)
    return real.scene("audited", tmp_path, make)


def signed(real: RealSystem, content: EpochContent, number: int) -> SignedContent:
    publisher, oracle = real.world.publishers[number], real.at.oracle
    return SignedContent(real.chain.chain_id, oracle.address, publisher.address, content,
                         sign(oracle.domain.content(content), publisher))


def trusting(real: RealSystem) -> tuple[object, ...]:
    return ("--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--collateral",
            real.path("collateral.json"))


@pytest.fixture
def one_verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    ask_one(monkeypatch)


def ask_one(patch: pytest.MonkeyPatch) -> None:
    """Our verifier alone: the others take seconds each, and two tests ask them all."""
    def first(*given: Any) -> Iterator[Finding]:
        yield next(iter(verifier_findings(*given)))
    patch.setattr(audits, "verifier_findings", first)


def verdicts(data: Any) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in data["report"]["findings"]}


def failed(data: Any) -> set[str]:
    return {id for id, verdict in verdicts(data).items() if verdict == "failed"}


def failing(findings: Sequence[Finding]) -> set[str]:
    return {one.id for one in findings if one.verdict is Verdict.FAILED}


def copied(source: Path, to: Path, **changes: Any) -> Path:
    """A JSON file with other values: "context__version" is version in context."""
    data = json.loads(source.read_text())
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        data[part] = {**data[part], inner: value} if inner else value
    to.write_text(json.dumps(data))
    return to


# -- an account --------------------------------------------------------------------------------------------------------
def test_an_account_is_audited_again_from_its_archive_without_any_node(
        real: RealSystem, site: Path, tmp_path: Path, one_verifier: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", None)
    answer = real.run("audit", "--archive", site / "archive", "--out", tmp_path / "report")
    assert answer.code == 1
    assert failed(answer.data) == TOYS
    held = verdicts(answer.data)
    id = jsonio.read(site / "bundle.json")["context"]["epoch_id"]
    for name in ("proof.by-kernels", "account.standing", "account.state", "account.proofs", "key.circuit",
                 "key.binding", *(f"epoch.{id}.{what}" for what in (
                     "signed", "stands", "rebuild", "duties", "chain", "gates", "content")),
                 *(f"contracts.{what}" for what in (
                     "code", "settings", "verifiers", "functions", "hands", "precompiles", "clocks")),
                 "archive.files"):
        assert held[name] == "held", name
    for name in ("key.making", "account.commitment", "publishers.who", "contracts.node", "contracts.governors",
                 "contracts.keys", "archive.origin", "archive.contents", f"epoch.{id}.sources", f"epoch.{id}.trial"):
        assert held[name] == "on trust", name
    for name in (f"epoch.{id}.fit", "contracts.configured"):
        assert held[name] == "not looked at", name
    collected = jsonio.read(site / "collected.json")
    about = {"held": 1, "on trust": 2}
    assert answer.data["counts"] == {name: count + about.get(name, 0) for name, count in collected["counts"].items()}
    report = SignedReport.load(tmp_path / "report").report
    assert [one.kind for one in report.attested] == ["margin"]
    assert [len(one.signers) for one in report.signed] == [2]
    assert report.at == collected["at"] == real.chain.now()
    assert real.trader.address in report.said
    assert "valid" in report.said
    # The same archive gives the same report, to the byte, and the same page.
    again = real.run("audit", "--archive", site / "archive", "--out", tmp_path / "again")
    assert again.data["digest"] == answer.data["digest"]
    for name in ("report.json", "report.html"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "report" / name).read_bytes()
    require_harmless((tmp_path / "report" / "report.html").read_text())
    with Browser() as browser:
        browser("open", tmp_path / "report" / "report.html")
        assert browser("seen") == {"requests": [], "errors": []}
        assert real.trader.address in browser("evaluate", "() => document.body.innerText", None)
        drawn = browser("evaluate", "() => [...document.images].map((one) => one.naturalWidth)", None)
        assert len(drawn) == 3
        assert min(drawn) > 300
        assert not browser("evaluate", "() => document.documentElement.scrollWidth > innerWidth", None)


def test_the_state_is_that_of_a_block(real: RealSystem, site: Path, one_verifier: None) -> None:
    """Before the attestation nothing was attested; what has happened since is not seen."""
    attested = jsonio.read(site / "archive" / "chain.json")["block"]
    before = PinnedChain.of(real.chain, attested - 1)
    after = PinnedChain.of(real.chain, attested)
    real.at.desk.void(real.trader.address, sender=real.venue.address)
    given = open_archive(site / "archive").given
    statuses = {}
    for name, chain in (("before", before), ("after", after), ("now", PinnedChain.of(real.chain))):
        seen, on, keys = account_of(chain, given, real.trader.address)
        statuses[name] = {one.id: one for one in account_findings(on, seen, keys, given)}["account.standing"]
    assert [one.verdict for one in statuses.values()] == [Verdict.FAILED, Verdict.HELD, Verdict.FAILED]
    assert "not attested" in statuses["before"].why
    with pytest.raises(BadInput, match="--block"):
        PinnedChain.of(real.chain, real.chain.block_number() + 1)
    with pytest.raises(BadInput, match="question"):
        after.next_nonce(real.trader.address)
    with pytest.raises(BadInput, match="can sign: none"):
        after.send(real.at.desk.address, b"", sender=real.trader.address)


def account_of(chain: PinnedChain, given: Any, account: str) -> tuple[AccountSeen, OnChain, dict[str, Key]]:
    on = OnChain.of(chain, given)
    keys = {"margin": Key("margin-tiny", audits.read_key(given.keys[0])[0])}
    return read_account(on, account, keys, publications(on)), on, keys


def test_a_chain_that_changed_while_it_was_read_is_read_again(real: RealSystem, site: Path) -> None:
    snapshot = real.chain.snapshot()
    real.at.desk.void(real.trader.address, sender=real.venue.address)
    pinned = PinnedChain.of(real.chain)
    pinned.require_still()
    real.chain.restore(snapshot)
    real.world.coin.transact("mint", real.trader.address, 5)
    with pytest.raises(NodeError, match="try again"):
        pinned.require_still()


# -- a chain that tells something else ---------------------------------------------------------------------------------
class Told:
    """The archive's answers, of which some are changed."""

    def __init__(self, folder: Path, account: str) -> None:
        self.opened: Opened = open_archive(folder / "archive")
        self.account, self.kept = account, jsonio.read(folder / "archive" / "chain.json")
        del self.kept["schema"]
        self.first = OnChain.of(self.chain(), self.opened.given)

    def chain(self) -> PinnedChain:
        return PinnedChain.from_kept(Node(json.loads(json.dumps(self.kept))))

    def call(self, contract: str, function: str, change: Callable[[str], str], *arguments: object) -> None:
        """Another answer to a call; `change` is of 0x-hex."""
        bound = self.first.there.named(contract)
        data = "0x" + encode_call(bound.artifact, function, arguments).hex()
        found = [one for one in self.kept["answers"] if one["method"] == "eth_call"
                 and (one["params"][0]["to"], one["params"][0]["data"]) == (bound.address, data)]
        assert len(found) == 1, (contract, function)
        found[0]["answer"]["result"] = change(found[0]["answer"]["result"])

    def code(self, contract: str) -> None:
        address = self.first.there.named(contract).address
        (found,) = (one for one in self.kept["answers"] if (one["method"], one["params"][0:1]) == (
            "eth_getCode", [address]))
        text = found["answer"]["result"]
        found["answer"]["result"] = text[:-1] + ("0" if text[-1] != "0" else "1")

    def calldata(self, contract: str, function: str, change: Callable[[list[Any]], object]) -> None:
        """Other arguments in the last transaction that called a function."""
        artifact = self.first.there.named(contract).artifact
        for one in reversed(self.kept["answers"]):
            if one["method"] != "eth_getTransactionByHash":
                continue
            try:
                arguments = list(decode_call(artifact, function, bytes.fromhex(one["answer"]["result"]["input"][2:])))
            except BadInput:
                continue
            change(arguments)
            one["answer"]["result"]["input"] = "0x" + encode_call(artifact, function, arguments).hex()
            return
        raise AssertionError(function)

    def activated(self, slot: str, digest: bytes) -> None:
        """Another key in the event by which the registry put a slot's first one in force."""
        for one in self.kept["answers"]:
            for log in one["answer"]["result"] if one["method"] == "eth_getLogs" else ():
                if len(log["topics"]) == 4 and log["topics"][1] == "0x" + slot_id(slot).hex():
                    log["topics"][3] = "0x" + digest.hex()
                    return
        raise AssertionError(slot)

    def on(self) -> OnChain:
        return OnChain.of(self.chain(), self.opened.given)

    def contracts(self) -> set[str]:
        return failing(list(contract_findings(self.on(), self.opened.given)))

    def of_account(self) -> set[str]:
        seen, on, keys = account_of(self.chain(), self.opened.given, self.account)
        found = list(account_findings(on, seen, keys, self.opened.given))
        published = publications(on)
        for id in seen.epochs:
            found += publication_findings(on, publication(on, published[id]), "epoch.0")
        return failing(found)


@pytest.fixture
def told(real: RealSystem, site: Path) -> Told:
    return Told(site, real.trader.address)


def test_contracts_that_are_not_ours_or_governed_otherwise_are_found(told: Told) -> None:
    """Each change is found by its own finding, and by no other: made one upon the other."""
    expected = set(TOYS)
    assert told.contracts() == expected
    (admin,) = (grant for grant in told.first.system.grants if grant.role == 0)
    changes: Sequence[tuple[str, Callable[[], object]]] = (
        ("contracts.code", lambda: told.code("lens")),
        ("contracts.settings", lambda: told.call("ledger", "supersededGrace", another)),
        ("contracts.hands", lambda: told.call("authority", "hasRole", lambda text: "0x" + "00" * 64, 0, admin.holder)))
    for finding, change in changes:
        change()
        expected |= {finding} | ({"contracts.clocks"} if finding == "contracts.code" else set())
        assert told.contracts() == expected
    told.call("oracle", "isTripped", another)
    assert told.contracts() == expected - {"contracts.open"}


def another(text: str) -> str:
    return "0x" + (int(text, 16) ^ 1).to_bytes((len(text) - 2) // 2, "big").hex()


def test_a_false_proof_a_missing_signer_and_a_false_state_are_found(told: Told) -> None:
    assert told.of_account() == set()

    def proof(arguments: list[Any]) -> None:
        words = list(arguments[-1])
        arguments[-1] = [*words[6:8], *words[2:]]                  # a point of the curve, and not this proof's

    def one_signer(arguments: list[Any]) -> None:
        arguments[2] = arguments[2][:66]

    expected = set[str]()
    state = told.first.there.ledger.state_of(told.account)
    changes: Sequence[tuple[str, Callable[[], object]]] = (
        ("account.proofs", lambda: told.calldata("ledger", "attest", proof)),
        ("epoch.0.signed", lambda: told.calldata("oracle", "publish", one_signer)),
        ("epoch.0.stands", lambda: told.call("oracle", "storedRootOf", lambda text: text[:66] + "0" * 63 + "1" +
                                             text[130:], state.epoch_id)),
        ("account.state", lambda: told.call("ledger", "stateOf", lambda text: another(text[:66]) + text[66:],
                                            told.account)))
    for finding, change in changes:
        change()
        expected.add(finding)
        assert told.of_account() == expected


def test_a_signature_that_is_anothers_is_found(told: Told) -> None:
    def other(arguments: list[Any]) -> None:
        arguments[2] = bytes([1]) + arguments[2][1:]               # said to be of the next publisher
    told.calldata("oracle", "publish", other)
    assert told.of_account() == {"epoch.0.signed"}


def test_a_proof_that_cannot_be_verified_again_is_not_among_every_proof_that_holds(told: Told) -> None:
    """By the proofs that were verified, it was said of every one that it holds: the newest may be under another key."""
    seen, on, keys = account_of(told.chain(), told.opened.given, told.account)

    def proofs(of: AccountSeen) -> Finding:
        return next(one for one in account_findings(on, of, keys, told.opened.given) if one.id == "account.proofs")
    assert (proofs(seen).verdict, seen.unverified) == (Verdict.HELD, ())
    for given, published, why in ((keys, {}, "published its epoch"), ({}, publications(on), "no key of margin")):
        less = read_account(on, told.account, given, published)
        assert less.brought == ()
        assert why in less.unverified[-1]
        found = proofs(replace(seen, unverified=less.unverified))
        assert (found.verdict, why in found.why) == (Verdict.UNSEEN, True)

    def anothers(arguments: list[Any]) -> None:
        arguments[0] = on.there.oracle.address
    told.calldata("ledger", "attest", anothers)
    assert "its transaction is of 0x" in account_of(told.chain(), told.opened.given, told.account)[0].unverified[-1]


def test_a_cover_that_was_shown_before_has_no_proof_in_its_calldata(told: Told) -> None:
    """Anybody may bring it, of any account (`showCover`): to call it false would have an honest account fail."""
    ledger = told.first.there.ledger
    event = Event("ledger", "CoverAttested", {"version": 1, "epochId": 5, "value": 7}, 1, "0x", "0x", 0)

    def found(words: list[int]) -> Any:
        data = encode_call(ledger.artifact, "attestCover", [told.account, 5, 1, 2, 7, 3, [], words])
        on: Any = SimpleNamespace(there=told.first.there, chain=SimpleNamespace(sent=lambda _: (ledger.address, data)))
        return brought._found(on, told.account, event, None)
    assert found([0] * 8) is None
    there = found([4, 0, 0, 0, 0, 0, 0, 9])
    assert (there.slot, tuple(there.words), there.generation, there.step) == ("cover", (4, 0, 0, 0, 0, 0, 0, 9), 3, 2)


def test_a_proof_for_a_key_that_was_rotated_is_not_called_false(told: Told) -> None:
    """An honest proof of a slot's earlier key is none under the next one."""
    told.activated("margin", b"\x07" * 32)
    seen, on, keys = account_of(told.chain(), told.opened.given, told.account)
    finding = next(one for one in account_findings(on, seen, keys, told.opened.given) if one.id == "account.proofs")
    assert (finding.verdict, seen.brought) == (Verdict.UNSEEN, ())
    assert "made for the key 0x" + "07" * 32 in seen.unverified[-1]
    # By number it is that generation's key, whatever is in force.
    told.calldata("ledger", "attest", lambda arguments: arguments.__setitem__(4, 1))
    assert "made for the key" in account_of(told.chain(), told.opened.given, told.account)[0].unverified[-1]
    told.calldata("ledger", "attest", lambda arguments: arguments.__setitem__(4, 2))
    assert account_of(told.chain(), told.opened.given, told.account)[0].unverified == ()


# -- proofs that strangers brought together ----------------------------------------------------------------------------
def strangers(real: RealSystem, folder: Path) -> list[Member]:
    """Two accounts whose margins a relayer brings in one transaction."""
    made, epoch_id, keys = members(real, folder, [400, 700]), real.publish(), real.key("margin")
    key = keys.verification_key()
    proven = [prove_margin(keys, real.epoch, one.opening, real.at.ledger.context(
        "margin", key.digest(), one.account, epoch_id, 1)) for one in made]
    rows = [Row(one.account, 1, bundle.margin, one.opening.commitment)
            for one, bundle in zip(made, proven, strict=True)]
    real.at.attestor.attest_margins(epoch_id, combiner_key(key), rows, [proof_words(one.proof) for one in proven],
                                    sender=real.world.relayer)
    return made


def test_a_proof_among_strangers_is_verified_again_too(real: RealSystem, tmp_path: Path) -> None:
    one, other = strangers(real, tmp_path)
    given = Given(real.chain.now(), keys=(real.path("keys/margin"),), deployment=real.path("deployment.json"))

    def proofs(chain: PinnedChain) -> tuple[AccountSeen, Finding]:
        seen, on, keys = account_of(chain, given, one.account)
        return seen, next(found for found in account_findings(on, seen, keys, given) if found.id == "account.proofs")
    chain = PinnedChain.of(real.chain)
    seen, finding = proofs(chain)
    assert (finding.verdict, seen.unverified) == (Verdict.HELD, ())
    assert seen.latest is not None
    assert (seen.latest.slot, seen.latest.together) == ("margin", 2)
    assert any("holds beside 1 others" in str(said) for _, said in finding.evidence)

    attestor = real.at.attestor

    def told(change: Callable[[list[Any]], object]) -> tuple[AccountSeen, Finding]:
        """What a node tells that has other calldata of this transaction."""
        kept = json.loads(json.dumps(chain.kept()))
        for answer in kept["answers"]:
            if answer["method"] == "eth_getTransactionByHash":
                result = answer["answer"]["result"]
                arguments = list(decode_call(attestor.artifact, "attestMargins", bytes.fromhex(result["input"][2:])))
                change(arguments)
                result["input"] = "0x" + encode_call(attestor.artifact, "attestMargins", arguments).hex()
        return proofs(PinnedChain.from_kept(Node(kept)))

    def swapped(arguments: list[Any]) -> None:
        arguments[4] = arguments[4][::-1]
    assert told(swapped)[1].verdict is Verdict.FAILED

    def row(place: int, at: int, value: Any) -> Callable[[list[Any]], None]:
        def change(arguments: list[Any]) -> None:
            rows = [list(each) for each in arguments[3]]
            rows[place][at] = value
            arguments[3] = [tuple(each) for each in rows]
        return change
    unverified = "is not of this account, version, commitment and amount"
    for at, value in ((0, other.account), (1, 2), (2, 7), (3, 9)):
        seen, finding = told(row(0, at, value))
        assert (finding.verdict, unverified in seen.unverified[0], seen.latest) == (Verdict.UNSEEN, True, None)
    # Anybody can prove his own positions for this account's context: the contract passes over them, and so does this.
    seen, finding = told(lambda arguments: (
        arguments.__setitem__(3, [(one.account, 1, arguments[3][0][2], 5), *arguments[3]]),
        arguments.__setitem__(4, [arguments[4][1], *arguments[4]])))
    assert (finding.verdict, seen.brought[0].together) == (Verdict.HELD, 3)
    seen, _ = told(lambda arguments: arguments.__setitem__(4, []))
    assert "fewer proofs than accounts" in seen.unverified[0]


def test_what_was_not_asked_when_an_archive_was_made_is_refused(real: RealSystem, told: Told) -> None:
    on = told.on()
    with pytest.raises(BadInput, match="question"):
        read_account(on, real.venue.address, {}, {})


def test_another_network_and_a_dead_node(real: RealSystem, site: Path, tmp_path: Path) -> None:
    file = copied(real.path("deployment.json"), tmp_path / "other.json", chain_id=1)
    with started("anvil") as chain:
        answer = real.run("audit", real.trader.address, *trusting(real), "--deployment", file, "--rpc", url_of(chain))
        assert (answer.code, answer.data["field"]) == (2, "chain id")
        bare = copied(real.path("deployment.json"), tmp_path / "bare.json", chain_id=chain.chain_id)
        answer = real.run("audit", real.trader.address, *trusting(real), "--deployment", bare, "--rpc", url_of(chain))
        assert (answer.code, answer.data["field"] in real.system.contracts) == (2, True), "nothing is there"
    answer = real.run("audit", real.trader.address, "--deployment", file, "--rpc", "http://127.0.0.1:9")
    assert (answer.code, answer.data["error"]) == (3, "NodeUnreachable")


@pytest.mark.parametrize(("arguments", "field"), [
    (("ACCOUNT",), "--deployment and --rpc"), (("BUNDLE", "--rpc", "http://x"), "--rpc and --deployment"),
    (("BUNDLE", "--epoch", "EPOCH"), "--key"), (("BUNDLE", "--key", "KEY"), "--epoch"),
    (("BUNDLE", "--private"), "--private and --opening"), (("BUNDLE", "--expect", "00"), "--expect"),
    (("BUNDLE", "--block", "5"), "--block"), (("KEY",), "SUBJECT"), ((), "SUBJECT"),
    (("--archive", "ARCHIVE", "--rpc", "http://x"), "--rpc"), (("BUNDLE", "--archive", "ARCHIVE"), "SUBJECT")])
def test_what_is_missing_or_does_not_go_together_is_refused(real: RealSystem, site: Path, arguments: tuple[str, ...],
                                                            field: str) -> None:
    names: dict[str, object] = {"ACCOUNT": real.trader.address, "BUNDLE": site / "bundle.json",
                                "KEY": real.path("keys/margin"), "EPOCH": real.path("epoch"),
                                "ARCHIVE": site / "archive"}
    answer = real.run("audit", *(names.get(one, one) for one in arguments))
    assert (answer.code, answer.data["field"]) == (2, field), answer.data


# -- a bundle ----------------------------------------------------------------------------------------------------------
def audit_bundle(real: RealSystem, bundle: Path, *more: object, key: str = "keys/margin", epoch: object = None) -> Any:
    return real.run("audit", bundle, "--key", real.path(key), "--epoch", epoch or real.path("epoch"), "--at",
                    "2027-02-01T00:00:00Z", *more)


def test_a_bundle_is_held_by_four_verifiers_and_its_signed_epoch(real: RealSystem, site: Path, tmp_path: Path) -> None:
    commitment = jsonio.read(site / "opening.json")["commitment"]
    publishers = [one.address for one in real.world.publishers]
    answer = audit_bundle(real, site / "bundle.json", "--commitment", commitment, "--collateral",
                          real.path("collateral.json"), "--content", site / "0.json", "--content", site / "2.json",
                          "--publisher", publishers[0], "--publisher", publishers[2], "--out", tmp_path / "report")
    assert answer.code == 0, [one for one in answer.data["report"]["findings"] if one["verdict"] == "failed"]
    held = verdicts(answer.data)
    for name in (*VERIFIERS, "proof.commitment", "proof.epoch-root", "proof.context", "proof.key", "key.binding",
                 *(f"publishers.{kind}-{publishers[n]}" for kind in ("signature", "named") for n in (0, 2))):
        assert held[name] == "held", name
    # What a public report shows is no portfolio.
    text = (tmp_path / "report" / "report.json").read_text() + (tmp_path / "report" / "report.html").read_text()
    opening = jsonio.read(site / "opening.json")
    for secret in (opening["salt"], *(slot["id"] for slot in opening["slots"])):
        assert f'"{secret}"' not in text
    assert str(DEPOSIT) not in text
    assert str(opening["salt"]) not in text.split()
    require_harmless((tmp_path / "report" / "report.html").read_text())


def test_all_verifiers_reject_another_margin(real: RealSystem, site: Path, tmp_path: Path) -> None:
    margin = Bundle.load(site / "bundle.json").margin
    lie = copied(site / "bundle.json", tmp_path / "lie.json", public_inputs__margin=str(margin + 1))
    answer = audit_bundle(real, lie)
    assert answer.code == 1
    assert failed(answer.data) == VERIFIERS


@pytest.mark.parametrize(("changes", "expected"), [
    ({"context__version": 7}, {"proof.context"}), ({"context__epoch_id": 7}, {"proof.context"}),
    ({"r1cs_digest": "11" * 32}, {"proof.constraint-system"}), ({"setup": "ceremony"}, {"proof.setup"}),
    ({"public_inputs__epoch_root": "7"}, {"proof.epoch-root"}),
    ({"public_inputs__portfolio_commitment": "7"}, {"proof.commitment"}), ({}, set()),
    ({"context__statement": "flat"}, {"proof.contexts-statement", "proof.context"})])
def test_a_bundle_of_something_else_is_found(real: RealSystem, site: Path, tmp_path: Path, changes: dict[str, Any],
                                             expected: set[str]) -> None:
    lie = Bundle.load(copied(site / "bundle.json", tmp_path / "lie.json", **changes))
    key, circuit = real.key("margin").verification_key(), real.key("margin").r1cs_digest
    claim = Claim(real.epoch.root, real.epoch.shape, "USD", True)
    found = list(bundle_findings(lie, key, claim, key_circuit=circuit, commitment=int(
        jsonio.read(site / "opening.json")["commitment"]), command=""))
    assert failing(found) == expected
    assert len(found) > 8


def test_another_key_and_a_key_of_another_circuit_are_found(real: RealSystem, site: Path, tmp_path: Path,
                                                            one_verifier: None) -> None:
    wrong = audit_bundle(real, site / "bundle.json", key="keys/cover")
    assert failed(wrong.data) == {"proof.key", "proof.keys-constraints", "proof.by-kernels", "key.binding"}
    liar = shutil.copytree(real.path("keys/cover"), tmp_path / "liar")
    note = jsonio.read(real.path("keys/margin/key.json"))
    copied(liar / "key.json", liar / "key.json", statement=note["statement"], r1cs_digest=note["r1cs_digest"])
    lied = real.run("audit", site / "bundle.json", "--key", liar, "--epoch", real.path("epoch"))
    assert failed(lied.data) == {"proof.key", "proof.by-kernels", "key.binding"}, "its note lies, its circuit does not"
    bare = real.run("audit", site / "bundle.json", "--key", real.path("keys/margin/verification_key.json"), "--epoch",
                    real.path("epoch"))
    assert (bare.code, verdicts(bare.data)["key.binding"]) == (0, "not looked at")


def test_a_bundle_on_its_contracts_and_of_others(real: RealSystem, site: Path, tmp_path: Path, one_verifier: None
                                                 ) -> None:
    def on_chain(bundle: Path) -> set[str]:
        made = audits.make(audits.Subject("bundle", path=bundle), replace(
            open_archive(site / "archive").given, signatures=()), PinnedChain.of(real.chain))
        return failing(made.report.findings)
    assert on_chain(site / "bundle.json") == TOYS
    for name, value, more in (("context__manager", real.at.desk.address, {"proof.addressed"}),
                              ("context__version", 9, {"proof.registered"}),
                              ("context__epoch_id", 5, {"proof.published", "publishers.published"})):
        found = on_chain(copied(site / "bundle.json", tmp_path / f"{name}.json", **{name: value}))
        assert found == {*TOYS, "proof.context", *more}


def test_what_the_contracts_have_goes_before_a_commitment_that_is_given(real: RealSystem, site: Path, one_verifier: None
                                                                        ) -> None:
    """Another one that is given, and that a proof is of, made a proof "about the registered commitment"."""
    given = replace(open_archive(site / "archive").given, signatures=())

    def on_chain(commitment: int) -> set[str]:
        made = audits.make(audits.Subject("bundle", path=site / "bundle.json"), replace(given, commitment=commitment),
                           PinnedChain.of(real.chain))
        return failing(made.report.findings) - TOYS
    true = int(jsonio.read(site / "bundle.json")["public_inputs"]["portfolio_commitment"])
    assert on_chain(true) == set()
    assert on_chain(5) == {"proof.commitment-given"}


# -- an epoch ----------------------------------------------------------------------------------------------------------
def changed_epoch(real: RealSystem, to: Path) -> Path:
    shutil.copytree(real.path("epoch"), to)
    array = np.load(to / "long.npy")
    array[1] += 1
    np.save(to / "long.npy", array)
    return to


def test_a_changed_epoch_its_signers_and_its_time(real: RealSystem, site: Path, tmp_path: Path) -> None:
    at = ("--at", "2027-02-01T00:00:00Z")
    signatures = ("--content", site / "0.json", "--content", site / "2.json", "--collateral",
                  real.path("collateral.json"))
    honest = real.run("audit", real.path("epoch"), *at, *signatures)
    assert (honest.code, failed(honest.data)) == (0, set())
    assert honest.data["report"]["subject"]["name"] == element(real.epoch.root)
    false = real.run("audit", changed_epoch(real, tmp_path / "false"), *at, *signatures)
    names = [real.world.publishers[n].address for n in (0, 1, 2)]
    assert false.code == 1
    assert failed(false.data) == {"epoch.rebuild", *(f"publishers.signature-{names[n]}" for n in (0, 2))}
    missing = real.run("audit", real.path("epoch"), *at, *signatures, "--publisher", names[1])
    assert failed(missing.data) == {f"publishers.named-{names[1]}"}
    forged = copied(site / "0.json", tmp_path / "forged.json", signer=names[1])
    assert failed(real.run("audit", real.path("epoch"), *at, "--content", forged).data) == {
        f"publishers.signature-{names[1]}"}
    other = signed(real, replace(SignedContent.load(site / "0.json").content, lag_seconds=999), 0)
    other.save(tmp_path / "lag.json")
    assert failed(real.run("audit", real.path("epoch"), *at, "--content", tmp_path / "lag.json").data) == {
        f"publishers.signature-{names[0]}"}, "all of what was signed is compared, not the root alone"
    for order in ((tmp_path / "lag.json", site / "0.json"), (site / "0.json", tmp_path / "lag.json")):
        both = real.run("audit", real.path("epoch"), *at, *(word for path in order for word in ("--content", path)))
        assert failed(both.data) == {f"publishers.signature-{names[0]}"}, "a true one covers up no false one"
    early = real.run("audit", real.path("epoch"), "--at", "2020-01-01T00:00:00Z")
    assert failed(early.data) == {"epoch.chain"}, "its prices are of the future"
    wrong = real.run("audit", real.path("epoch"), *at, "--previous", real.path("epoch"))
    assert failed(wrong.data) == {"epoch.chain"}, "it does not name itself"


def test_an_epoch_that_was_never_published_or_not_as_it_is_signed_is_found(real: RealSystem, site: Path) -> None:
    given = open_archive(site / "archive").given
    made = audits._Audit(given, OnChain.of(PinnedChain.of(real.chain), given), lambda stage, done, total: None)
    seen = made.epoch(real.path("epoch"))
    true = jsonio.read(site / "bundle.json")["context"]["epoch_id"]
    assert failing(list(audits._published(made, seen, true))) == set()
    (false,) = failing(list(audits._published(made, seen)))
    assert false.endswith(".content"), "its first publication signed made-up data"
    assert str(true) not in false
    other = replace(seen, report=replace(seen.report, root=5))
    assert failing(list(audits._published(made, other))) == {"publishers.published"}


# -- the report --------------------------------------------------------------------------------------------------------
def test_a_signed_report_is_verified_and_every_changed_byte_is_noticed(real: RealSystem, site: Path, tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    from eth_account import Account
    monkeypatch.setenv("TAILPROOF_PRIVATE_KEY", AUDITOR_KEY)
    auditor = Account.from_key(AUDITOR_KEY).address
    out = tmp_path / "report"
    answer = real.run("audit", real.path("epoch"), "--at", "2027-02-01T00:00:00Z", "--sign", "--out", out)
    assert answer.code == 0
    assert answer.data["report"]["auditor"] == auditor
    for name in ("report.json", "report.html"):    # the root is said in one form, in the files too
        assert element(real.epoch.root) in (out / name).read_text()
        assert str(real.epoch.root) not in (out / name).read_text()
    assert real.run("audit", "verify", out, "--auditor", auditor).code == 0
    assert real.run("audit", "verify", out / "report.json").data["taken_on_trust"] != []
    assert real.run("audit", "verify", out, "--auditor", real.trader.address).code == 1

    def verdict() -> int:
        code: int = real.run("audit", "verify", out, "--auditor", auditor).code
        return code
    for name, step in (("report.json", 97), ("report.html", 2_003)):
        data = (out / name).read_bytes()
        for place in range(0, len(data), step):
            (out / name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
            assert verdict() in (1, 2), (name, place)
        (out / name).write_bytes(data)
    assert verdict() == 0
    (out / "report.html").unlink()
    assert verdict() == 1, "the page is part of what was signed"
    bare = SignedReport(SignedReport.load(out).report).signed_by(LocalSigner(Account.from_key(AUDITOR_KEY)))
    (out / "report.json").write_text(jsonio.dumps(bare.to_json()))
    assert verdict() == 0, "as it is signed where no page is written"
    (out / "report.html").write_text("all is well")
    assert verdict() == 1, "a page that nobody signed"
    unsigned = real.run("audit", real.path("epoch"), "--out", tmp_path / "unsigned")
    assert unsigned.code == 0
    assert real.run("audit", "verify", tmp_path / "unsigned").code == 1


def test_two_reports_are_compared_finding_by_finding(real: RealSystem, site: Path, tmp_path: Path) -> None:
    at = ("--at", "2027-02-01T00:00:00Z")
    false = changed_epoch(real, tmp_path / "false")
    for name, epoch in (("good", real.path("epoch")), ("bad", false)):
        real.run("audit", epoch, *at, "--out", tmp_path / name)
    same = real.run("audit", "compare", tmp_path / "good", tmp_path / "good")
    assert (same.code, same.data["changed"], same.data["signed_by"]) == (0, [], [None, None])
    worse = real.run("audit", "compare", tmp_path / "good", tmp_path / "bad")
    assert worse.code == 1
    changed = {one["id"]: one for one in worse.data["changed"]}
    assert changed["epoch.rebuild"]["worse"] is True
    assert (changed["epoch.rebuild"]["before"]["verdict"], changed["epoch.rebuild"]["now"]["verdict"]) == (
        "held", "failed")
    better = real.run("audit", "compare", tmp_path / "bad", tmp_path / "good")
    assert better.code == 0
    lie = copied(tmp_path / "good" / "report.json", tmp_path / "lie.json", page="00" * 32)
    assert real.run("audit", "compare", tmp_path / "good", lie).code == 2, "another spelling"


def test_a_private_report_is_its_holders_and_says_so(real: RealSystem, site: Path, tmp_path: Path, one_verifier: None
                                                     ) -> None:
    given = ("--private", "--opening", site / "opening.json")
    answer = audit_bundle(real, site / "bundle.json", *given, "--out", tmp_path / "report")
    assert answer.code == 0
    held, margin = verdicts(answer.data), Bundle.load(site / "bundle.json").margin
    assert (held["account.opening"], held["account.margin"]) == ("held", "held")
    text = (tmp_path / "report" / "report.html").read_text()
    assert "PRIVATE" in text
    assert format_money(margin) in text
    for name in ("report.json", "report.html"):
        assert (tmp_path / "report" / name).stat().st_mode & 0o077 == 0
    other = real.register([(real.epoch.cash_id, 5)], salt=12)
    other.save(tmp_path / "other.json")
    wrong = audit_bundle(real, site / "bundle.json", "--private", "--opening", tmp_path / "other.json")
    assert failed(wrong.data) == {"account.opening", "account.margin"}
    refused = real.run("audit", "archive", site / "bundle.json", "--opening", site / "opening.json", "--out",
                       tmp_path / "archive")
    assert refused.code == 2, "no archive holds an opening"


# -- the page ----------------------------------------------------------------------------------------------------------
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li", "span", "b", "code", "div",
        "table", "tr", "td", "th", "figure", "figcaption", "img", "details", "summary", "br"}
EVIL = ("<script>alert(1)</script>", "\"><img src=http://evil onerror=alert(1)>", "\x1b[2J\x07", "a\u202eb\u2066c",
        "' onmouseover='x", "</style></table>", "javascript:x", "\ud800", "&lt;b&gt;")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.sources, self.attributes, self.text = set[str](), list[str](), set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def require_harmless(text: str) -> _Page:
    """No script, no resource from elsewhere, no control character, nothing that turns the direction of text."""
    found = _Page()
    found.feed(text)
    assert found.tags <= TAGS, found.tags - TAGS
    assert found.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class", "src", "alt"}
    assert all(source.startswith("data:image/png;base64,") for source in found.sources)
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "default-src 'none'" in text
    return found


@pytest.mark.parametrize("evil", EVIL)
def test_words_from_outside_are_shown_and_do_nothing(evil: str) -> None:
    findings = (looked("epoch.rebuild", "epoch", evil, False, evil, evidence=[(evil, evil)], command=evil),
                trusted("epoch.77.sources", "epoch", evil, evil, evidence=[(evil, evil)]))
    who = "0x" + "11" * 20
    report = Report("epoch", "7", evil, 5, evil, True, who, {evil: evil}, findings,
                    (Attested(1, 2, 3, 4, "margin", 5, 6),), (Signed(7, 8, (who,), (who,), 1),))
    drawn = page(report, [Picture(evil, evil, b"png")], without_pictures=evil)
    found = require_harmless(drawn)
    if evil.isprintable():
        assert "".join(found.text).count(evil) > 10
    clean = page(replace(report, said="", version="", inputs={}, findings=(replace(
        findings[0], what="", why="", evidence=(), command=""),)))
    assert found.tags - {"img", "figure", "figcaption", "details", "summary", "table", "tr", "td", "th", "br", "code"} \
        <= require_harmless(clean).tags, "what was said made no element"


def test_a_report_reads_back_what_it_wrote_and_refuses_another() -> None:
    who = "0x" + "11" * 20
    report = Report("account", who, "said", 5, "0.1.0", False, None, {"a": "b"},
                    (looked("proof.x", "proof", "what", True, "", evidence=[("n", 1)]),),
                    (Attested(1, 2, 3, 4, "cover", None, 6),), (Signed(7, 8, (), (who,), 1),))
    document = SignedReport(report).to_json()
    assert SignedReport.of(Node(document)) == SignedReport(report)
    twice = json.loads(json.dumps(document))
    twice["report"]["findings"] *= 2
    with pytest.raises(BadInput, match="one finding an id"):
        SignedReport.of(Node(twice))
    assert replace(report, said="other").digest() != report.digest()


# -- the archive -------------------------------------------------------------------------------------------------------
def test_every_tampered_file_of_an_archive_is_noticed(real: RealSystem, site: Path) -> None:
    root = site / "archive"
    names = [entry.path for entry in open_archive(root).archive.files]
    assert {"chain.json", "contracts.json", "collateral.json", "epochs/0/manifest.json", "epochs/0/sources/model.toml",
            "keys/0/proving_key.zkey"} <= set(names)
    for name in names:
        data = (root / name).read_bytes()
        place = len(data) // 2
        for false in (data[:place] + bytes([data[place] ^ 1]) + data[place + 1:], data + b"\n", data[:-1]):
            (root / name).write_bytes(false)
            answer = real.run("audit", "--archive", root)
            assert (answer.code, answer.data["error"], list(answer.data["wrong"])) == (1, "TamperedArchive", [name])
        (root / name).write_bytes(data)
    (root / "more.json").write_text("{}")
    assert real.run("audit", "--archive", root).data["wrong"] == {"more.json": "is not listed"}
    (root / "more.json").unlink()
    (root / "collateral.json").rename(site / "elsewhere.json")
    assert real.run("audit", "--archive", root).data["wrong"] == {"collateral.json": "is missing"}
    (root / "collateral.json").symlink_to(site / "elsewhere.json")
    assert real.run("audit", "--archive", root).data["wrong"] == {"collateral.json": "is no plain file"}


def test_a_tampered_manifest_is_another_archive(site: Path) -> None:
    """Each byte of archive.json: refused, or another digest, which the report names."""
    root = site / "archive"
    honest, data = open_archive(root), (root / "archive.json").read_bytes()
    for place in range(0, len(data), 23):
        (root / "archive.json").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
        try:
            opened = open_archive(root)
        except (BadInput, TamperedArchive):
            continue
        assert opened.digest != honest.digest
        (origin,) = (one for one in opened.findings(honest.digest, []) if one.id == "archive.origin")
        assert origin.verdict is Verdict.FAILED
    (origin,) = (one for one in honest.findings(honest.digest, []) if one.id == "archive.origin")
    assert origin.verdict is Verdict.HELD


def test_an_archive_holds_an_epochs_files_and_nothing_that_lies_beside_them(epoch_directory: Path, tmp_path: Path
                                                                            ) -> None:
    """Whoever made the directory could have a link there to what the auditor alone may read; and she something of her
    own."""
    secret, given = tmp_path / "secret", Path(shutil.copytree(epoch_directory, tmp_path / "given"))
    secret.write_text("the auditor's own")
    before = {path.relative_to(given) for path in given.rglob("*")}
    (given / "notes.txt").symlink_to(secret)
    (given / "opening.secret.json").write_text("{}")
    _copy_epoch(given, tmp_path / "copy")
    assert {path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*")} == before
    load(tmp_path / "copy")
    (given / "shocks.npy").unlink(missing_ok=True)
    (given / "shocks.npy").symlink_to(secret)
    with pytest.raises(BadInput, match=r"a link: shocks\.npy"):
        _copy_epoch(given, tmp_path / "other")
    (given / "shocks.npy").unlink()
    (given / "sources").rename(tmp_path / "sources")
    (given / "sources").symlink_to(tmp_path / "sources")
    with pytest.raises(BadInput, match="a link: sources"):
        _copy_epoch(given, tmp_path / "another")


def test_an_archives_own_subject_is_audited_and_no_file_that_is_named_beside_it(
        real: RealSystem, tmp_path: Path) -> None:
    at = ("--at", "2027-02-01T00:00:00Z")
    assert real.run("audit", "archive", real.path("epoch"), *at, "--out", tmp_path / "archive").code == 0
    answer = real.run("audit", tmp_path / "other.json", "--archive", tmp_path / "archive")
    assert (answer.code, answer.data["field"]) == (2, "SUBJECT")
