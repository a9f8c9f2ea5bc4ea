"""A certificate of solvency from challenge to verdict, by commands; and every cheat that a check is there for."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import desks
import pytest
from eth_account import Account
from oracle_epochs import grid

from circuits import statements
from circuits.clauses.collateral import Holding
from primitives import jsonio
from primitives.errors import BadInput
from tailproof import certifying, epochs
from tailproof.bundle import Bundle
from tailproof.certificate import NOWHERE, Certificate, context_of
from tailproof.challenge import Challenge
from tailproof.collateral_opening import CollateralOpening
from tailproof.custody import Attestation, kept_by
from tailproof.keys import KeyDirectory, make_keys
from tailproof.number_forms import element
from tailproof.secret import Opening
from verifier_contracts.epoch_content import EpochContent, OracleDomain
from verifier_contracts.signers import LocalSigner

Run = Callable[..., Any]
VENUE, CUSTODIAN, OWNER, OTHER = (Account.from_key(bytes([number]) * 32) for number in (1, 2, 3, 4))
NAME, BUFFER, UNTIL = "solvency-tiny", 500, "2090-01-01T00:00:00Z"
LATE = 3_786_912_000 + 86_400
"""A day after UNTIL."""


class Desk(desks.Desk):
    """Files of everybody: key, epoch, challenge.json, certificate.json, positions.secret.json and the like."""

    def ask(self, out: str, **changes: object) -> Any:
        given = {"asker": "Bank A", "account": OWNER.address, "venue": VENUE.address, "custodian": CUSTODIAN.address,
                 "buffer": BUFFER, "until": UNTIL, "key": self.path("key"), **changes}
        return self.run("solvency", "challenge", "--out", self.path(out), *(
            word for name, value in given.items() for word in (f"--{name}", value)))

    def prove(self, out: str, challenge: str = "challenge.json", **changes: object) -> Any:
        given = {"challenge": self.path(challenge), "key": self.path("key"), "epoch": self.path("epoch"),
                 "opening": self.path("positions.secret.json"),
                 "collateral-opening": self.path("collateral.secret.json"), "attestation": self.path("venue.json"),
                 **changes}
        return self.run("solvency", "prove", "--out", self.path(out), "--attestation", self.path("custodian.json"), *(
            word for name, value in given.items() for word in (f"--{name}", value)))

    def verify(self, certificate: str = "certificate.json", challenge: str = "challenge.json", *more: object,
               key: str = "key", epoch: str = "epoch") -> Any:
        return self.run("solvency", "verify", self.path(certificate), "--challenge", self.path(challenge), "--key",
                        self.path(key), "--epoch", self.path(epoch), *more)

    # -- the same in Python, for what no command does --------------------------------------------------------------
    @property
    def certificate(self) -> Certificate:
        return Certificate.load(self.path("certificate.json"))

    @property
    def challenge(self) -> Challenge:
        return Challenge.load(self.path("challenge.json"))

    def failed(self, certificate: Certificate, **changes: Any) -> set[str]:
        """Names of the checks that fail."""
        key = KeyDirectory.load(self.path("key"))
        given = {"challenge": self.challenge, "key": key.verification_key(), "epoch": epochs.read_claim(
            self.path("epoch")), "at": int(time.time()), "key_circuit": key.r1cs_digest, **changes}
        return {check.name for check in certifying.examine(certificate, **given) if not check.holds}


def false(answer: Any) -> set[str]:
    return {check["name"] for check in answer.data["checks"] if not check["holds"]}


@pytest.fixture(scope="module")
def desk(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    home = tmp_path_factory.mktemp("desk")
    desk = Desk(home, run)
    epoch = grid(home)
    epochs.save(epoch, home / "epoch")
    epochs.save(epoch.under(0), home / "other-epoch")
    for name in ("key", "other-key"):
        make_keys(statements.get(NAME), home / name)
    jsonio.write(home / "portfolio.json", {"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": "BTC-PERP", "lots": -3}, {"instrument": "ETH-PERP", "lots": 5}]})
    jsonio.write(home / "holdings.json", {"schema": "tailproof.holdings/1", "holdings": [
        {"symbol": "USDC", "balance": str(10**14), "debt": "0"}, {"symbol": "USDT", "balance": "0", "debt": "5000"}]})

    def must(answer: Any) -> None:
        assert answer.code == 0, (answer.data, answer.stderr)

    must(desk.ask("challenge.json"))
    must(run("commit", "--statement", "margin-grid-tiny", "--epoch", home / "epoch", "--portfolio",
             home / "portfolio.json", "--out", home / "positions.secret.json"))
    must(desk.by(VENUE, "solvency", "attest-positions", "--opening", home / "positions.secret.json", "--account",
                 OWNER.address, "--until", UNTIL, "--epoch", home / "epoch", "--expect-portfolio",
                 home / "portfolio.json", "--out", home / "venue.json"))
    must(desk.by(CUSTODIAN, "solvency", "attest-collateral", "--statement", NAME, "--epoch", home / "epoch",
                 "--holdings", home / "holdings.json", "--account", OWNER.address, "--until", UNTIL, "--opening-out",
                 home / "collateral.secret.json", "--out", home / "custodian.json"))
    proven = desk.prove("certificate.json")
    must(proven)
    return desk


# -- what holds --------------------------------------------------------------------------------------------------------
def test_a_certificate_shows_what_it_says_and_says_what_it_does_not_show(desk: Desk) -> None:
    answer = desk.verify()
    assert answer.code == 0, answer.data
    assert all(check["holds"] for check in answer.data["checks"])
    shown = answer.data["shown"]
    for word in (VENUE.address, CUSTODIAN.address, OWNER.address, "5 % more", "Bank A",
                 element(epochs.load(desk.path("epoch")).root)):
        assert word in shown
    assert any("elsewhere" in line for line in answer.data["not_shown"])
    assert any("custodian has" in line for line in answer.data["not_shown"])
    assert any("published" in line for line in answer.data["taken_on_trust"])
    assert any("prices of 2021-01-01T00:00:00Z" in line for line in answer.data["taken_on_trust"])
    assert answer.data["insecure_setup"] is True
    assert answer.data["trial_epoch"] is True


def test_the_independent_arithmetic_agrees(desk: Desk) -> None:
    assert desk.verify("certificate.json", "challenge.json", "--backend", "reference").code == 0


def test_it_hides_margin_collateral_and_positions(desk: Desk) -> None:
    """No secret number stands in the file, in any way that a reader would look for one."""
    text = desk.path("certificate.json").read_text()
    opening, kept = (Opening.load(desk.path("positions.secret.json")),
                     CollateralOpening.load(desk.path("collateral.secret.json")))
    found = certifying.sufficiency(epochs.load(desk.path("epoch")), opening, kept, BUFFER)
    assert found.covers
    secrets = [found.margin, found.needed, found.worth, opening.salt, kept.salt, *(id for id, _ in opening.slots),
               *(holding.asset for holding in kept.holdings), kept.holdings[0].balance]
    assert found.margin > 10**6
    for secret in secrets:
        assert f'"{secret}"' not in text
    assert set(json.loads(text)["bundle"]["public_inputs"]) == {
        "context", "epoch_root", "portfolio_commitment", "collateral_commitment", "holder", "buffer"}


def test_two_answers_to_one_challenge_differ_and_both_hold(desk: Desk) -> None:
    """Proofs are drawn anew: an answer tells nothing of how another was made."""
    assert desk.prove("again.json").code == 0
    again = Certificate.load(desk.path("again.json"))
    assert again.bundle.proof != desk.certificate.bundle.proof
    assert desk.failed(again) == set()


def test_enough_to_the_coin_and_one_coin_less(desk: Desk) -> None:
    """The sufficiency that the holder is told is the statement's."""
    epoch, opening = epochs.load(desk.path("epoch")), Opening.load(desk.path("positions.secret.json"))
    kept = CollateralOpening.load(desk.path("collateral.secret.json"))
    coin = epoch.assets[0]
    needed = certifying.sufficiency(epoch, opening, kept, BUFFER).needed
    least = -(-needed * 2**64 // coin.value)
    for balance in range(least - 2, least + 2):
        found = certifying.sufficiency(epoch, opening, replace(kept, holdings=(Holding(coin.id, balance, 0),)), BUFFER)
        exact = 10**4 * balance * coin.value >= 2**64 * found.margin * (10**4 + BUFFER)
        assert found.covers == exact
    assert {certifying.sufficiency(epoch, opening, replace(kept, holdings=(Holding(coin.id, balance, 0),)),
                                   BUFFER).covers for balance in (least, least - 2)} == {True, False}


# -- good for nobody else ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("changes", [
    {}, {"asker": "Bank B"}, {"asker": "Bank A "}, {"buffer": BUFFER - 1}, {"until": "2090-01-01T00:00:01Z"}],
    ids=["same text, other nonce", "other asker", "a space", "other buffer", "other end"])
def test_no_other_challenge_is_answered(desk: Desk, changes: dict[str, object], tmp_path: Path) -> None:
    name = f"{tmp_path.name}.json"
    assert desk.ask(name, **changes).code == 0
    answer = desk.verify("certificate.json", name)
    assert answer.code == 1
    assert "challenge" in false(answer)
    assert answer.data["shown"] is None


@pytest.mark.parametrize(("name", "value"), [
    ("asker", "Bank B"), ("account", OTHER.address), ("buffer", 499), ("until", 3_786_912_001), ("nonce", bytes(32)),
    ("venue", OTHER.address), ("custodian", OTHER.address), ("epoch_root", 1), ("key_digest", "0x" + "11" * 32)])
def test_each_field_of_the_challenge_is_in_its_digest(desk: Desk, name: str, value: object) -> None:
    other = replace(desk.challenge, **{name: value})
    assert other.digest != desk.challenge.digest
    assert "challenge" in desk.failed(desk.certificate, challenge=other)


def test_a_certificate_relabelled_for_another_challenge_has_another_context(desk: Desk) -> None:
    """The action of the context is edited to the second challenge's digest, or the whole context computed anew."""
    second = replace(desk.challenge, nonce=bytes(32))
    bundle = desk.certificate.bundle
    relabelled = replace(bundle, context=context_of(second, bundle.context.epoch_id))
    assert desk.failed(replace(desk.certificate, bundle=relabelled), challenge=second) == {"context"}
    inputs = {**bundle.public_inputs, "context": relabelled.context.field_element()}
    forged = replace(relabelled, public_inputs=inputs)
    assert desk.failed(replace(desk.certificate, bundle=forged), challenge=second) == {"proof (kernels)"}


def test_after_its_time_it_counts_no_more(desk: Desk) -> None:
    assert desk.failed(desk.certificate, at=desk.challenge.until) == set()
    late = desk.verify("certificate.json", "challenge.json", "--at", LATE)
    assert late.code == 1
    assert false(late) == {"in time"}
    assert desk.verify("certificate.json", "challenge.json", "--at", "2026-01-01T00:00:00Z").code == 1   # not yet so


def test_no_contract_could_take_it(desk: Desk) -> None:
    context = desk.certificate.bundle.context
    assert (context.chain_id, context.manager, context.version) == (0, NOWHERE, 0)


# -- what it is held against -------------------------------------------------------------------------------------------
def test_another_epoch_is_refused(desk: Desk) -> None:
    answer = desk.verify(epoch="other-epoch")
    assert answer.code == 1
    assert false(answer) == {"epoch root"}
    assert desk.ask("named.json", epoch=desk.path("other-epoch")).code == 0
    assert desk.prove("x.json", "named.json").data["field"] == "epoch"
    named = Challenge.load(desk.path("named.json"))
    assert desk.failed(desk.certificate, challenge=named) >= {"epoch asked for", "challenge"}


def test_another_key_is_refused(desk: Desk) -> None:
    answer = desk.verify(key="other-key")
    assert answer.code == 1
    assert false(answer) == {"key", "key asked for", "proof (kernels)"}
    assert desk.ask("otherwise.json", key=desk.path("other-key")).code == 0
    assert desk.prove("x.json", "otherwise.json").data["field"] == "context.key_digest"


def test_only_named_publishers_signatures_of_this_epoch_count(desk: Desk, tmp_path: Path) -> None:
    root = epochs.load(desk.path("epoch")).root
    content = EpochContent(2, 3, root, *(bytes([1]) * 32,) * 3, (1,), 0, 13_200, bytes(32))

    def sign(name: str, content: EpochContent, signer: str = VENUE.address) -> Path:
        from tailproof.signing import SignedContent
        message = OracleDomain(1, OTHER.address).content(content)
        SignedContent(1, OTHER.address, signer, content, LocalSigner(VENUE).sign_message(message)).save(tmp_path / name)
        return tmp_path / name
    good, other = sign("good.json", content), sign("other.json", replace(content, root=root + 1))
    false_name = sign("false.json", content, OTHER.address)

    def verify(file: Path, publisher: str) -> Any:
        return desk.verify("certificate.json", "challenge.json", "--content", file, "--publisher", publisher)
    fine = verify(good, VENUE.address)
    assert fine.code == 0
    assert not any("published" in line for line in fine.data["taken_on_trust"])
    assert false(verify(good, OTHER.address)) == {"publisher"}
    assert false(verify(other, VENUE.address)) == {"epoch signed", "publisher"}
    assert false(verify(false_name, OTHER.address)) == {"publisher's signature", "publisher"}
    alone = desk.verify("certificate.json", "challenge.json", "--content", good)
    assert (alone.code, alone.data["field"]) == (2, "--content and --publisher")


# -- cheats of the holder ----------------------------------------------------------------------------------------------
def forged(desk: Desk, *, opening: Opening | None = None, kept: CollateralOpening | None = None,
           buffer: int | None = None, attestations: list[Attestation] | None = None) -> Certificate:
    """What a holder who has `certify` without `require_answerable` can make: an honest proof of other things."""
    keys, epoch = KeyDirectory.load(desk.path("key")), epochs.load(desk.path("epoch"))
    challenge = desk.challenge
    secret = opening or Opening.load(desk.path("positions.secret.json"))
    collateral = kept or CollateralOpening.load(desk.path("collateral.secret.json"))
    statement = statements.get(NAME)
    from circuits.statements import solvency
    from tailproof.proving import proven
    from tailproof.statements import r1cs_digest
    context = context_of(challenge, epoch.header.timestamp)
    rows = [(epoch.index_of(number), lots) for number, lots in secret.slots]
    inputs = solvency.assign(statement.preset, epoch, rows, secret.salt, collateral.kept,
                             challenge.buffer if buffer is None else buffer, context.field_element())
    public, proof = proven(keys, statement, inputs)
    bundle = Bundle(NAME, r1cs_digest(NAME), True, public, context, proof)
    return Certificate(bundle, tuple(attestations or desk.certificate.attestations))


def empty() -> Opening:
    from circuits.statements import grid, margin
    preset = statements.get("margin-grid-tiny").preset
    assert isinstance(preset, grid.Preset)
    return Opening("margin-grid-tiny", margin.commit(5, margin.fill(preset, [])), 5, [])


def signed(who: Any, kind: Any, commitment: int, account: str = OWNER.address, until: int = 3_786_912_000
           ) -> Attestation:
    return Attestation(signer=who.address, kind=kind, account=account, commitment=commitment, as_of=0,
                       until=until).signed(LocalSigner(who))


def test_an_empty_portfolio_that_no_venue_attests(desk: Desk) -> None:
    assert desk.failed(forged(desk, opening=empty())) == {"commitment of positions"}
    own = [signed(OTHER, "positions", empty().commitment), desk.certificate.attestations[1]]
    assert desk.failed(forged(desk, opening=empty(), attestations=own)) == {"signer of positions"}


def test_gold_that_no_custodian_attests(desk: Desk) -> None:
    kept = CollateralOpening.load(desk.path("collateral.secret.json"))
    gold = replace(kept, holdings=(replace_balance(kept.holdings[0], 2**95),))
    assert desk.failed(forged(desk, kept=gold)) == {"commitment of collateral"}
    own = [desk.certificate.attestations[0], signed(OTHER, "collateral", gold.commitment)]
    assert desk.failed(forged(desk, kept=gold, attestations=own)) == {"signer of collateral"}


def replace_balance(holding: Holding, balance: int) -> Holding:
    return Holding(holding.asset, balance, holding.debt)


def test_what_is_kept_for_somebody_else(desk: Desk) -> None:
    """The custodian's honest word about another account, and another custodian's about this one."""
    kept = CollateralOpening.load(desk.path("collateral.secret.json"))
    friends = replace(kept, account=OTHER.address)
    words = [desk.certificate.attestations[0], signed(CUSTODIAN, "collateral", friends.commitment, OTHER.address)]
    assert desk.failed(forged(desk, kept=friends, attestations=words)) == {"holder", "account of collateral"}
    elsewhere = replace(kept, custodian=OTHER.address)
    words = [desk.certificate.attestations[0], signed(CUSTODIAN, "collateral", elsewhere.commitment)]
    assert desk.failed(forged(desk, kept=elsewhere, attestations=words)) == {"holder"}
    assert kept_by(CUSTODIAN.address, OWNER.address) != kept_by(OWNER.address, CUSTODIAN.address)


def test_a_smaller_buffer_than_was_asked(desk: Desk) -> None:
    assert desk.failed(forged(desk, buffer=0)) == {"buffer"}


def test_words_that_end_too_early_or_are_of_the_other_kind(desk: Desk) -> None:
    positions, collateral = desk.certificate.attestations
    early = signed(VENUE, "positions", positions.commitment, until=3_786_911_999)
    assert desk.failed(replace(desk.certificate, attestations=(early, collateral))) == {"time of positions"}
    assert desk.failed(replace(desk.certificate, attestations=(positions, positions))) == {"attestations"}
    assert "attestations" in desk.failed(replace(desk.certificate, attestations=(collateral, positions)))
    relabelled = replace(positions, kind="collateral", signature=positions.signature)
    assert "signature of collateral" in desk.failed(replace(desk.certificate, attestations=(positions, relabelled)))


@pytest.mark.parametrize("name", ["as_of", "until", "commitment"])
def test_an_edited_word_is_not_the_keepers(desk: Desk, name: str) -> None:
    positions, collateral = desk.certificate.attestations
    edited = replace(positions, **{name: getattr(positions, name) + 1})
    assert "signature of positions" in desk.failed(replace(desk.certificate, attestations=(edited, collateral)))


def test_a_proof_of_another_statement_is_no_answer(desk: Desk) -> None:
    other = replace(desk.certificate.bundle, statement="margin-grid-tiny")
    with pytest.raises(BadInput, match="which the challenge asks for"):
        desk.failed(replace(desk.certificate, bundle=other))


def test_each_field_of_the_context_is_held_against_the_challenge(desk: Desk) -> None:
    """A holder may hash any context into a proof; here one that a contract could take."""
    bundle = desk.certificate.bundle
    for name, value in (("chain_id", 1), ("manager", OTHER.address), ("account", OTHER.address), ("epoch_id", 5),
                        ("version", 1), ("statement", "margin")):
        other = replace(bundle, context=replace(bundle.context, **{name: value}))
        failed = desk.failed(replace(desk.certificate, bundle=other))
        assert failed == {"context", "context's statement" if name == "statement" else f"for {name.replace('_', ' ')}"}


def test_no_changed_byte_is_taken(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fifth byte of the file, changed in its lowest bit: refused as malformed, or checked and false. Where the
    proof is as it was, the other checks must see it: the pairing is not asked."""
    import prover
    proof, pairing = desk.certificate.bundle.proof, prover.verify
    monkeypatch.setattr(prover, "verify", lambda key, inputs, given, **more: given == proof or pairing(
        key, inputs, given, **more))
    data = desk.path("certificate.json").read_bytes()
    path, refused, wrong = tmp_path / "changed.json", 0, 0
    for place in range(0, len(data), 5):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]
        path.write_bytes(changed)
        try:
            found = Certificate.load(path)
        except BadInput:
            refused += 1
            continue
        try:
            failed = desk.failed(found)
        except BadInput:
            refused += 1
            continue
        assert failed, (place, changed[max(0, place - 40):place + 10])
        wrong += 1
    assert refused > 400
    assert wrong > 40
    for more in (b" ", b"\n"):
        path.write_bytes(data + more)
        with pytest.raises(BadInput, match="byte for byte"):
            Certificate.load(path)


def test_a_changed_byte_is_no_crash_of_the_command(desk: Desk) -> None:
    data = desk.path("certificate.json").read_bytes()
    for place in range(0, len(data), 401):
        desk.path("changed.json").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
        assert desk.verify("changed.json").code in (1, 2)
        desk.path("changed.json").unlink()


# -- what commands refuse ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("changes", "field"), [
    ({"until": "2020-01-01T00:00:00Z"}, "--until"), ({"until": "tomorrow"}, "--until"), ({"asker": " "}, "asker"),
    ({"asker": "a\nb"}, "asker"), ({"buffer": 65_536}, "--buffer"), ({"venue": OWNER.address}, "venue"),
    ({"custodian": OWNER.address}, "custodian")])
def test_senseless_challenges_are_refused(desk: Desk, changes: dict[str, object], field: str) -> None:
    answer = desk.ask("senseless.json", **changes)
    assert answer.code == 2
    assert field in answer.data["field"] or field in answer.data["message"]
    assert not desk.path("senseless.json").exists()


def test_a_challenge_is_of_a_solvency_statement(desk: Desk, tmp_path: Path) -> None:
    make_keys(statements.get("flat-tiny"), tmp_path / "flat")
    answer = desk.ask("flat.json", key=tmp_path / "flat")
    assert (answer.code, answer.data["field"]) == (2, "statement")


def test_too_little_collateral_is_checked_and_false_and_the_holder_is_told(desk: Desk, tmp_path: Path) -> None:
    jsonio.write(tmp_path / "less.json", {"schema": "tailproof.holdings/1", "holdings": [
        {"symbol": "USDC", "balance": "1000000", "debt": "0"}]})
    assert desk.by(CUSTODIAN, "solvency", "attest-collateral", "--statement", NAME, "--epoch", desk.path("epoch"),
                   "--holdings", tmp_path / "less.json", "--account", OWNER.address, "--until", UNTIL, "--opening-out",
                   tmp_path / "less.secret.json", "--out", tmp_path / "word.json").code == 0
    answer = desk.run(
        "solvency", "prove", "--challenge", desk.path("challenge.json"), "--key", desk.path("key"), "--epoch",
        desk.path("epoch"), "--opening", desk.path("positions.secret.json"), "--collateral-opening",
        tmp_path / "less.secret.json", "--attestation", desk.path("venue.json"), "--attestation",
        tmp_path / "word.json", "--out", tmp_path / "certificate.json")
    assert answer.code == 1
    assert int(answer.data["worth"]) < 10**6 < int(answer.data["needed"])
    assert not (tmp_path / "certificate.json").exists()


def test_a_proof_is_not_made_of_what_does_not_belong_together(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "positions.secret.json"
    assert desk.run("commit", "--statement", "margin-grid-tiny", "--epoch", desk.path("epoch"), "--portfolio",
                    desk.path("portfolio.json"), "--out", other).code == 0
    assert desk.prove("x.json", opening=other).data["field"] == "commitment of positions"
    assert desk.prove("x.json", attestation=desk.path("custodian.json")).data["field"] == "attestations"
    early = signed(VENUE, "positions", desk.certificate.attestations[0].commitment, until=3_786_911_999)
    early.save(tmp_path / "early.json")
    assert desk.prove("x.json", attestation=tmp_path / "early.json").data["field"] == "time of positions"
    replace(early, until=3_786_912_000).save(tmp_path / "edited.json")
    assert desk.prove("x.json", attestation=tmp_path / "edited.json").data["field"] == "signature"
    over = replace(desk.challenge, until=1)
    over.save(tmp_path / "over.json")
    assert desk.prove("x.json", challenge=tmp_path / "over.json").data["field"] == "challenge.until"
    assert not desk.path("x.json").exists()


def test_a_venue_that_looks_signs_nothing_else(desk: Desk, tmp_path: Path) -> None:
    jsonio.write(tmp_path / "other.json", {"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": "BTC-PERP", "lots": -4}]})
    answer = desk.by(VENUE, "solvency", "attest-positions", "--opening", desk.path("positions.secret.json"),
                     "--account", OWNER.address, "--until", UNTIL, "--epoch", desk.path("epoch"), "--expect-portfolio",
                     tmp_path / "other.json", "--out", tmp_path / "word.json")
    assert answer.code == 1
    assert not (tmp_path / "word.json").exists()
    own = desk.by(OWNER, "solvency", "attest-positions", "--opening", desk.path("positions.secret.json"), "--account",
                  OWNER.address, "--until", UNTIL, "--out", tmp_path / "word.json")
    assert (own.code, own.data["field"]) == (2, "signer")
    past = desk.by(VENUE, "solvency", "attest-positions", "--opening", desk.path("positions.secret.json"), "--account",
                   OWNER.address, "--until", 5, "--out", tmp_path / "word.json")
    assert (past.code, past.data["field"]) == (2, "--until")


def test_a_collateral_file_is_secret_and_says_what_it_opens(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "copy.json"
    shutil.copy(desk.path("collateral.secret.json"), path)
    document = json.loads(path.read_text())
    document["holdings"][0]["balance"] = "7"
    path.write_text(json.dumps(document))
    with pytest.raises(BadInput) as found:
        CollateralOpening.load(path)
    assert found.value.field == "commitment"
    assert "(hidden)" in str(found.value)
    path.chmod(0o644)
    with pytest.raises(BadInput, match="mode of the collateral file"):
        CollateralOpening.load(path)


@pytest.mark.parametrize(("holdings", "field"), [
    ([{"symbol": "GOLD", "balance": "1", "debt": "0"}], "holdings[0].symbol"),
    ([{"symbol": "USDC", "balance": "1", "debt": "0"}] * 2, "holdings[1].symbol"),
    ([{"symbol": "USDC", "balance": "-1", "debt": "0"}], "holdings[0].balance"),
    ([{"symbol": "USDC", "balance": str(2**96), "debt": "0"}], "holdings[0].balance")])
def test_holdings_out_of_bounds(desk: Desk, holdings: list[Any], field: str, tmp_path: Path) -> None:
    jsonio.write(tmp_path / "holdings.json", {"schema": "tailproof.holdings/1", "holdings": holdings})
    answer = desk.by(CUSTODIAN, "solvency", "attest-collateral", "--statement", NAME, "--epoch", desk.path("epoch"),
                     "--holdings", tmp_path / "holdings.json", "--account", OWNER.address, "--until", UNTIL,
                     "--opening-out", tmp_path / "secret.json", "--out", tmp_path / "word.json")
    assert (answer.code, answer.data["field"]) == (2, field)
    assert not (tmp_path / "secret.json").exists()
