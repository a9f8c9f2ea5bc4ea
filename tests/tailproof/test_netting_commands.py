"""One margin over two protocols, from balances and memberships to a counterparty's verdict; and every cheat that a
check is there for."""

from __future__ import annotations

import json
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
from tailproof import epochs, netting
from tailproof.balances import MemberBalances, read_book, tree_of
from tailproof.challenge import Asked, Challenge
from tailproof.custody import BalanceRoot, Membership
from tailproof.group_certificate import GroupCertificate, MemberWords
from tailproof.keys import KeyDirectory, make_keys
from tailproof.member_opening import MemberOpening
from tailproof.netting import MemberSecrets
from verifier_contracts.signers import LocalSigner

Run = Callable[..., Any]
ONE, TWO, OWNER, A, B, OTHER = (Account.from_key(bytes([number]) * 32) for number in range(11, 17))
MEMBERS = ((ONE, A, 3), (TWO, B, 5))
"""Protocol, account, place."""
NAME, BUFFER, UNTIL, END = "netting-tiny", 500, "2090-01-01T00:00:00Z", 3_786_912_000


class Desk(desks.Desk):
    """Files of everybody."""

    def ask(self, out: str, *members: str, **changes: object) -> Any:
        given = {"asker": "Bank A", "group": OWNER.address, "buffer": BUFFER, "until": UNTIL, "key": self.path("key"),
                 **changes}
        named = members or [f"{protocol.address}:{account.address}" for protocol, account, _ in MEMBERS]
        return self.run("netting", "challenge", "--out", self.path(out), *(
            word for name, value in given.items() for word in (f"--{name}", value)), *(
            word for member in named for word in ("--member", member)))

    def prove(self, out: str, challenge: str = "challenge.json", **changes: Path) -> Any:
        files: list[object] = []
        for _, account, place in MEMBERS:
            for option, name in (("opening", f"opening{place}.json"), ("membership", f"membership{place}.json"),
                                 ("root", f"root{place}.json"),
                                 ("balances", f"members{place}/{account.address}.secret.json")):
                files += [f"--{option}", changes.get(f"{option}{place}", self.path(name))]
        return self.run("netting", "prove", "--challenge", self.path(challenge), "--key", self.path("key"), "--epoch",
                        self.path("epoch"), "--out", self.path(out), *files)

    def verify(self, *more: object, certificate: str = "certificate.json", challenge: str = "challenge.json",
               epoch: str = "epoch") -> Any:
        return self.run("netting", "verify", self.path(certificate), "--challenge", self.path(challenge), "--key",
                        self.path("key"), "--epoch", self.path(epoch), *more)

    @property
    def certificate(self) -> GroupCertificate:
        return GroupCertificate.load(self.path("certificate.json"))

    @property
    def challenge(self) -> Challenge:
        return Challenge.load(self.path("challenge.json"))

    @property
    def secrets(self) -> list[MemberSecrets]:
        return [MemberSecrets(MemberOpening.load(self.path(f"opening{place}.json")),
                              MemberBalances.load(self.path(f"members{place}/{account.address}.secret.json")), words)
                for (_, account, place), words in zip(MEMBERS, self.certificate.members, strict=True)]

    def failed(self, certificate: GroupCertificate, challenge: Challenge | None = None) -> set[str]:
        """Names of the checks that fail, addresses left out."""
        key = KeyDirectory.load(self.path("key"))
        checks = netting.examine(certificate, challenge or self.challenge, key.verification_key(),
                                 epochs.read_claim(self.path("epoch")), at=int(time.time()))
        return {check.name.split(" of 0x")[0] for check in checks if not check.holds}

    def forged(self, members: list[MemberSecrets], challenge: Challenge | None = None) -> GroupCertificate:
        """What a holder who skips `require_answerable` can make: an honest proof of other things."""
        return netting.certify(challenge or self.challenge, KeyDirectory.load(self.path("key")),
                               epochs.load(self.path("epoch")), members)           # type: ignore[arg-type]


def book(*accounts: tuple[str, int, str]) -> dict[str, Any]:
    return {"schema": "tailproof.balances/1", "accounts": [
        {"account": account, "place": place, "holdings": [{"symbol": "USDC", "balance": balance, "debt": "0"},
                                                          {"symbol": "USDT", "balance": "0", "debt": "7"}]}
        for account, place, balance in accounts]}


@pytest.fixture(scope="module")
def desk(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    home = tmp_path_factory.mktemp("group")
    desk = Desk(home, run)
    epoch = grid(home)
    epochs.save(epoch, home / "epoch")
    epochs.save(epoch.under(0), home / "other-epoch")
    make_keys(statements.get(NAME), home / "key")

    def must(answer: Any) -> Any:
        assert answer.code == 0, (answer.data, answer.stderr)
        return answer.data
    must(desk.ask("challenge.json"))
    for (protocol, account, place), lots in zip(MEMBERS, (30, -29), strict=True):
        jsonio.write(home / f"portfolio{place}.json", {"schema": "tailproof.portfolio/1", "positions": [
            {"instrument": "BTC-PERP", "lots": lots}, {"instrument": "ETH-PERP", "lots": 1}]})
        jsonio.write(home / f"book{place}.json", book((OTHER.address, 0, "55"), (account.address, place, str(10**13))))
        must(run("netting", "commit", "--statement", NAME, "--epoch", home / "epoch", "--portfolio",
                 home / f"portfolio{place}.json", "--protocol", protocol.address, "--account", account.address, "--out",
                 home / f"opening{place}.json"))
        must(desk.by(protocol, "netting", "attest", "--opening", home / f"opening{place}.json", "--group",
                     OWNER.address, "--place", place, "--until", UNTIL, "--epoch", home / "epoch", "--expect-portfolio",
                     home / f"portfolio{place}.json", "--out", home / f"membership{place}.json"))
        told = must(desk.by(protocol, "balances", "attest", "--statement", NAME, "--epoch", home / "epoch",
                            "--balances", home / f"book{place}.json", "--until", UNTIL, "--members",
                            home / f"members{place}", "--out", home / f"root{place}.json"))
        assert told["accounts"] == 2
    must(desk.prove("certificate.json"))
    return desk


# -- what holds --------------------------------------------------------------------------------------------------------
def test_a_group_shows_one_margin_and_learns_what_netting_saves(desk: Desk) -> None:
    answer = desk.verify()
    assert answer.code == 0, answer.data
    again = desk.prove("again.json")
    assert again.code == 0
    assert answer.data["margin"] == again.data["margin"]
    assert int(again.data["saved"]) == sum(map(int, again.data["separate"])) - int(again.data["margin"]) > 0
    for word in (*(who.address for member in MEMBERS for who in member[:2]), "5 % more", "Bank A"):
        assert word in answer.data["shown"]
    text = desk.path("certificate.json").read_text()
    for hidden in (*again.data["separate"], again.data["saved"], again.data["worth"], "10000000000000",
                   *(str(one.opening.salt) for one in desk.secrets), *(str(one.balances.salt) for one in desk.secrets)):
        assert f'"{hidden}"' not in text


def test_the_independent_arithmetic_agrees(desk: Desk) -> None:
    assert desk.verify("--backend", "reference").code == 0


def test_a_group_smaller_than_the_statement_has_places(desk: Desk) -> None:
    """Empty places are what the verifier puts there, not what the prover says."""
    asked = replace(desk.challenge, members=desk.challenge.members[:1])
    alone = desk.forged(desk.secrets[:1], asked)
    assert desk.failed(alone, asked) == set()
    more = replace(alone.bundle, public_inputs={**alone.bundle.public_inputs, "balance_root_1": 1})
    assert desk.failed(replace(alone, bundle=more), asked) == {"balance_root_1", "proof (kernels)"}


def test_each_account_learns_its_own_balances_alone(desk: Desk) -> None:
    folder = desk.path("members3")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    own = (folder / f"{A.address}.secret.json").read_text()
    assert '"55"' not in own
    assert str(MemberBalances.load(folder / f"{OTHER.address}.secret.json").salt) not in own
    assert '"55"' in (folder / f"{OTHER.address}.secret.json").read_text()


# -- good for nobody else ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("changes", [{}, {"asker": "Bank B"}, {"buffer": 499}, {"group": OTHER.address}],
                         ids=["other nonce", "other asker", "other buffer", "other group"])
def test_no_other_challenge_is_answered(desk: Desk, changes: dict[str, object], tmp_path: Path) -> None:
    name = f"{tmp_path.name}.json"
    assert desk.ask(name, **changes).code == 0
    answer = desk.verify(challenge=name)
    assert answer.code == 1
    assert not next(check for check in answer.data["checks"] if check["name"] == "challenge")["holds"]


def test_members_and_their_order_are_in_the_digest(desk: Desk) -> None:
    challenge = desk.challenge
    turned = replace(challenge, members=challenge.members[::-1])
    assert turned.digest != challenge.digest
    assert desk.failed(desk.certificate, turned) >= {"challenge", "member_0", "member_1"}
    fewer = replace(challenge, members=challenge.members[:1])
    assert desk.failed(desk.certificate, fewer) >= {"challenge", "number of members"}


def test_after_its_time_and_under_another_epoch_it_counts_no_more(desk: Desk) -> None:
    late = desk.verify("--at", END + 1)
    assert late.code == 1
    assert [check["name"] for check in late.data["checks"] if not check["holds"]] == ["in time"]
    assert desk.verify(epoch="other-epoch").code == 1


# -- cheats of the holder ----------------------------------------------------------------------------------------------
def other(desk: Desk, place: int, **changes: Any) -> list[MemberSecrets]:
    """The honest members, one of them with something else."""
    members = desk.secrets
    members[place] = replace(members[place], **changes)
    return members


def test_a_member_with_a_loss_is_left_out(desk: Desk) -> None:
    """A proof of one member, shown as one of both."""
    alone = desk.forged(desk.secrets[:1])
    assert desk.failed(alone) == {"number of members"}
    both = replace(alone, members=desk.certificate.members)
    assert desk.failed(both) == {"places", "member_1", "portfolio_commitment_1", "balance_root_1"}


def test_positions_that_no_protocol_attests(desk: Desk) -> None:
    flat = replace(desk.secrets[0].opening, slots=())
    assert desk.failed(desk.forged(other(desk, 0, opening=flat))) == {"portfolio_commitment_0"}
    word = replace(desk.secrets[0].words.membership, signer=OTHER.address, commitment=flat.commitment).signed(
        LocalSigner(OTHER))
    own = other(desk, 0, opening=flat, words=MemberWords(word, desk.secrets[0].words.balances))
    assert desk.failed(desk.forged(own)) == {f"signer of membership of {A.address} on {ONE.address}".split(" of 0x")[0]}


def richer(desk: Desk, **changes: Any) -> MemberBalances:
    """Balances of the first member in a tree of its own making."""
    honest = desk.secrets[0].balances
    honest = replace(honest, holdings=(Holding(honest.holdings[0].asset, 2**90, 0),), **changes)
    entries = read_book(desk.path("book3.json"), epochs.load(desk.path("epoch")))          # type: ignore[arg-type]
    _, told = tree_of(statements.get(NAME), honest.protocol, honest.epoch_number, [
        replace(entry, holdings=honest.holdings) if entry.account == A.address else entry for entry in entries])
    return next(one for one in told if one.account == A.address)


def test_balances_that_no_protocol_attests(desk: Desk) -> None:
    gold = richer(desk)
    assert desk.failed(desk.forged(other(desk, 0, balances=gold))) == {"balance_root_0"}
    word = BalanceRoot(signer=OTHER.address, epoch_number=gold.epoch_number, root=gold.branch.root, as_of=0, until=END
                       ).signed(LocalSigner(OTHER))
    own = other(desk, 0, balances=gold, words=MemberWords(desk.secrets[0].words.membership, word))
    assert desk.failed(desk.forged(own)) == {"signer of balances"}
    edited = replace(desk.secrets[0].words.balances, root=gold.branch.root)
    own = other(desk, 0, balances=gold, words=MemberWords(desk.secrets[0].words.membership, edited))
    assert desk.failed(desk.forged(own)) == {"signature of balances"}


def test_balances_of_an_epoch_before(desk: Desk) -> None:
    """The protocol's honest word about another epoch."""
    words = desk.secrets[0].words
    old = replace(words.balances, epoch_number=5).signed(LocalSigner(ONE))
    certificate = replace(desk.certificate, members=(words._replace(balances=old), desk.certificate.members[1]))
    assert desk.failed(certificate) == {"epoch"}


@pytest.mark.parametrize(("name", "value", "fails"), [
    ("group", OTHER.address, {"group"}), ("account", OTHER.address, {"account"}), ("place", 4, {"places"}),
    ("until", END - 1, {"time of membership"}), ("place", 8, {"places", "place"})])
def test_a_membership_of_something_else(desk: Desk, name: str, value: object, fails: set[str]) -> None:
    words = desk.secrets[0].words
    word = replace(words.membership, **{name: value}).signed(LocalSigner(ONE))
    certificate = replace(desk.certificate, members=(words._replace(membership=word), desk.certificate.members[1]))
    assert desk.failed(certificate) == fails


def test_one_protocols_words_do_not_do_for_another(desk: Desk) -> None:
    one, two = desk.certificate.members
    swapped = replace(desk.certificate, members=(two, one))
    assert desk.failed(swapped) >= {"signer of membership", "signer of balances", "places"}


def test_no_changed_byte_is_taken(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import prover
    proof, pairing = desk.certificate.bundle.proof, prover.verify
    monkeypatch.setattr(prover, "verify", lambda key, inputs, given, **more: given == proof or pairing(
        key, inputs, given, **more))
    data, path, wrong = desk.path("certificate.json").read_bytes(), tmp_path / "changed.json", 0
    margin = json.loads(data)["bundle"]["public_inputs"]["margin"]
    for place in range(0, len(data), 11):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
        try:
            found = GroupCertificate.load(path)
            failed = desk.failed(found)
        except BadInput:
            continue
        # The margin is said by the proof alone: the pairing sees it, which is not asked here.
        assert failed or found.bundle.public_inputs["margin"] != int(margin), place
        wrong += 1
    assert wrong > 20


def test_the_margin_is_the_proofs(desk: Desk) -> None:
    bundle = desk.certificate.bundle
    less = replace(bundle, public_inputs={**bundle.public_inputs, "margin": bundle.margin - 1})
    assert desk.failed(replace(desk.certificate, bundle=less)) == {"proof (kernels)"}


# -- what commands refuse ----------------------------------------------------------------------------------------------
def test_too_little_is_checked_and_false_and_the_holder_is_told(desk: Desk, tmp_path: Path) -> None:
    files = {}
    for protocol, account, place in MEMBERS:
        jsonio.write(tmp_path / f"book{place}.json", book((account.address, place, "5")))
        assert desk.by(protocol, "balances", "attest", "--statement", NAME, "--epoch", desk.path("epoch"), "--balances",
                       tmp_path / f"book{place}.json", "--until", UNTIL, "--members", tmp_path / f"members{place}",
                       "--out", tmp_path / f"root{place}.json").code == 0
        files |= {f"root{place}": tmp_path / f"root{place}.json",
                  f"balances{place}": tmp_path / f"members{place}" / f"{account.address}.secret.json"}
    answer = desk.prove("poor.json", **files)
    assert answer.code == 1
    assert int(answer.data["worth"]) < int(answer.data["needed"])
    assert not desk.path("poor.json").exists()
    mixed = desk.prove("poor.json", root3=tmp_path / "root3.json")             # a root that is not of these balances
    assert (mixed.code, mixed.data["field"]) == (2, f"balance root of {ONE.address}")


def test_a_missing_member_is_named(desk: Desk, tmp_path: Path) -> None:
    assert desk.ask("more.json", f"{ONE.address}:{A.address}", f"{ONE.address}:{B.address}").code == 0
    answer = desk.prove("x.json", "more.json")
    assert (answer.code, answer.data["field"]) == (2, "--opening")
    assert B.address in answer.data["bound"]


@pytest.mark.parametrize(("members", "field"), [
    ((f"{ONE.address}:{A.address}",) * 2, "members"), ((f"{ONE.address}",), "--member"),
    ((f"{ONE.address}:{ONE.address}",), "members[0].protocol"),
    ((f"{OWNER.address}:{A.address}",), "members[0].protocol"),
    (tuple(f"{ONE.address}:0x{number:040x}" for number in range(1, 4)), "number of members")])
def test_senseless_challenges_are_refused(desk: Desk, members: tuple[str, ...], field: str) -> None:
    answer = desk.ask("senseless.json", *members)
    assert (answer.code, answer.data["field"]) == (2, field)
    assert not desk.path("senseless.json").exists()


@pytest.mark.parametrize(("accounts", "field"), [
    (((A.address, 1, "1"), (A.address, 2, "1")), "accounts[1].account"),
    (((A.address, 1, "1"), (B.address, 1, "1")), "accounts[1].place"),
    (((A.address, 8, "1"),), f"place of {A.address}"), (((ONE.address, 1, "1"),), "accounts")])
def test_books_out_of_bounds(desk: Desk, accounts: Any, field: str, tmp_path: Path) -> None:
    jsonio.write(tmp_path / "book.json", book(*accounts))
    answer = desk.by(ONE, "balances", "attest", "--statement", NAME, "--epoch", desk.path("epoch"), "--balances",
                     tmp_path / "book.json", "--until", UNTIL, "--members", tmp_path / "members", "--out",
                     tmp_path / "root.json")
    assert (answer.code, answer.data["field"]) == (2, field)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.json"]


def test_a_protocol_that_looks_signs_nothing_else(desk: Desk, tmp_path: Path) -> None:
    given = ("netting", "attest", "--opening", desk.path("opening3.json"), "--group", OWNER.address, "--place", 3,
             "--until", UNTIL, "--out", tmp_path / "word.json")
    looking = (*given, "--epoch", desk.path("epoch"), "--expect-portfolio", desk.path("portfolio5.json"))
    assert desk.by(ONE, *looking).code == 1
    foreign = desk.by(TWO, *given)
    assert (foreign.code, foreign.data["field"]) == (2, "opening.protocol")
    assert not (tmp_path / "word.json").exists()
    blind = desk.by(ONE, *given)
    assert blind.code == 0
    assert blind.data["compared"] is False


def test_edited_secrets_are_refused_and_not_shown(desk: Desk, tmp_path: Path) -> None:
    source = desk.path(f"members3/{A.address}.secret.json")
    for name, change in (("place", lambda data: data.update(place=4)),
                         ("salt", lambda data: data.update(salt="5")),
                         ("balance", lambda data: data["holdings"][0].update(balance="6")),
                         ("path", lambda data: data["path"].append(data["path"][0]))):
        data = json.loads(source.read_text())
        change(data)
        path = tmp_path / f"{name}.json"
        jsonio.write(path, data, mode=0o600)
        with pytest.raises(BadInput) as found:
            MemberBalances.load(path)
        assert found.value.field == "path"
        assert "(hidden)" in str(found.value)
    opening = json.loads(desk.path("opening3.json").read_text())
    opening["slots"][0]["lots"] += 1
    jsonio.write(tmp_path / "opening.json", opening, mode=0o600)
    with pytest.raises(BadInput, match="commitment"):
        MemberOpening.load(tmp_path / "opening.json")


def test_words_are_told_apart_by_their_kind() -> None:
    """A signature of one struct is none of another: the type is in its hash."""
    membership = Membership(signer=ONE.address, group=OWNER.address, account=A.address, place=1, commitment=7, as_of=0,
                            until=9).signed(LocalSigner(ONE))
    root = BalanceRoot(signer=ONE.address, epoch_number=1, root=7, as_of=0, until=9, signature=membership.signature)
    with pytest.raises(BadInput, match="signature"):
        root.require_signed()
    assert Asked(ONE.address, A.address) == (ONE.address, A.address)
