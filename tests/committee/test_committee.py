"""Keys dealt, checked, certified, used and renewed; dealers, members and readers who cheat."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from committees import CONTEXT, Made, drawn, make, roster_of

from committee import sharing
from committee.dealing import Complaint, Dealer, Dealing, Letter, deal, load_complaints, naming, save_complaints
from committee.decryption import Partial, Request, open_alone, open_together
from committee.group import BadShares, Committee, Confirmation, Share, Taken
from committee.members import Identity, Member, Roster, gathered
from committee.proofs import Equality, Possession
from primitives import babyjubjub, elgamal, jsonio
from primitives.babyjubjub import BASE, COFACTOR, GENERATOR, SUBGROUP_ORDER, add, draw_scalar, multiply
from primitives.elgamal import Binding
from primitives.errors import BadInput

SMALL = multiply(SUBGROUP_ORDER, GENERATOR)
BINDING, MESSAGE = Binding(77, 99), [5, 6, 7]


def changed(path: Path, to: Path, change: Callable[[Any], Any]) -> Path:
    """A file with something else in it."""
    document = json.loads(path.read_text())
    change(document)
    to.write_text(json.dumps(document))
    to.chmod(0o600)
    return to


def request_for(committee: Committee, *others: Identity) -> Request:
    keys = (committee.key, *(other.key for other in others))
    sealed = elgamal.seal(MESSAGE, keys, BINDING, elgamal.draw_ephemeral(1))
    return Request("escrow-tiny", BINDING, keys, sealed)


# -- six of nine -----------------------------------------------------------------------------------------------------
def test_six_of_nine_decrypt_and_hand_over_to_others(tmp_path: Path) -> None:
    """A key that nobody has; any six read, five do not; others take over, and read what was sent before."""
    before = make(tmp_path, 6, 9)
    committee = before.committee
    assert committee.possession is not None
    assert committee.possession.holds(committee.key, CONTEXT)
    assert committee.key == multiply(sum(dealer.secret for dealer in before.dealers), BASE)
    venue = Identity.draw("venue")
    request = request_for(committee, venue)
    partials = [Partial.of(committee, request, share) for share in before.shares]
    for chosen in ([0, 1, 2, 3, 4, 5], [8, 3, 6, 0, 5, 7]):
        opened = open_together(committee, request, [partials[place] for place in chosen])
        assert opened.elements == MESSAGE
    with pytest.raises(BadInput, match="6 or more"):
        open_together(committee, request, partials[:5])
    assert open_alone(request, venue) == MESSAGE

    # Three leave, two come, and it takes five from now on. Seven old members deal.
    identities = [*before.identities[3:], *drawn(2, "n")]
    roster = roster_of(identities, 5, previous=committee.digest)
    files = []
    for share in before.shares[2:]:
        dealing, _ = deal(roster, share.member, share.share, renewal=True)
        files.append(tmp_path / f"renewal{share.member}.json")
        dealing.save(files[-1])
    taken = Taken.of(roster, files, old=committee)
    shares = [taken.share(identity) for identity in identities]
    after = taken.certified([taken.confirm(share, taken.answering(share.member, None)) for share in shares[:5]])
    assert after.key == committee.key
    assert after.possession == committee.possession
    assert after.digest != committee.digest
    renewed = [Partial.of(after, request, share) for share in shares]
    assert open_together(after, request, renewed[3:]).elements == MESSAGE
    # Old shares are worth nothing beside new ones, in files and in sums.
    with pytest.raises(BadInput, match="5 or more; those of members 4, 5"):
        open_together(after, request, [*renewed[:3], replace(partials[3], committee=after.digest),
                                       replace(partials[4], committee=after.digest)])
    places = [1, 2, 3, 4, 5]
    mixed = sum(w * s for w, s in zip(sharing.weights(places), [
        *(share.share for share in shares[:4]), before.shares[4].share], strict=True)) % SUBGROUP_ORDER
    assert multiply(mixed, BASE) != after.key


# -- rosters ---------------------------------------------------------------------------------------------------------
def test_members_show_that_they_have_their_secret(tmp_path: Path) -> None:
    identity, other = Identity.draw("anna"), Identity.draw("bert")
    identity.save(tmp_path / "secret.json")
    identity.member().save(tmp_path / "anna.json")
    other.member().save(tmp_path / "bert.json")
    assert (tmp_path / "secret.json").stat().st_mode & 0o777 == 0o600
    assert Identity.load(tmp_path / "secret.json") == identity
    roster = gathered(CONTEXT, 2, [tmp_path / "anna.json", tmp_path / "bert.json"])
    roster.save(tmp_path / "roster.json")
    assert Roster.load(tmp_path / "roster.json").digest == roster.digest
    assert roster.number_of(other.key) == 2
    with pytest.raises(BadInput, match="a member of the roster"):
        roster.number_of(BASE)
    for change, says in (
            (lambda d: d.update(name="carl"), "possession"),
            (lambda d: d.update(key=other.member().to_json()["key"]), "possession"),
            (lambda d: d.update(key="0x" + babyjubjub.pack(SMALL).hex()), "large order"),
            (lambda d: d.update(key="0x" + babyjubjub.pack(GENERATOR).hex()), "prime order"),
            (lambda d: d["possession"].update(response="1"), "possession"), (lambda d: d.update(name="\n"), "a name")):
        bad = changed(tmp_path / "anna.json", tmp_path / "bad.json", change)
        with pytest.raises(BadInput, match=says):
            Member.of(jsonio.Node.read(bad), schema=True)


def test_rosters_that_are_none_are_refused() -> None:
    identities = drawn(3)
    for threshold in (1, 4):
        with pytest.raises(BadInput, match="threshold"):
            roster_of(identities, threshold)
    with pytest.raises(BadInput, match="name of two members"):
        roster_of([identities[0], identities[0]], 2)
    with pytest.raises(BadInput, match="key of two members"):
        roster_of([identities[0], replace(identities[0], name="m9")], 2)


def test_secrets_that_others_can_read_are_refused_and_never_shown(tmp_path: Path) -> None:
    identity = Identity.draw("anna")
    identity.save(tmp_path / "secret.json")
    (tmp_path / "secret.json").chmod(0o644)
    with pytest.raises(BadInput, match="0600"):
        Identity.load(tmp_path / "secret.json")
    (tmp_path / "secret.json").chmod(0o600)
    spoiled = changed(tmp_path / "secret.json", tmp_path / "spoiled.json", lambda d: d.update(secret="9" * 90))
    with pytest.raises(BadInput, match="hidden") as error:
        Identity.load(spoiled)
    assert "999" not in str(error.value)
    with pytest.raises(BadInput, match="file"):
        Identity.load(tmp_path / "absent")


# -- dealers who cheat -----------------------------------------------------------------------------------------------
def test_a_letter_without_a_share_convicts_its_dealer(made: Made, tmp_path: Path) -> None:
    """The member's complaint opens this one letter for everybody; the others go on without the dealer."""
    good = Dealing.of(jsonio.Node.read(made.files[0]), made.roster)
    letter, key = good.letters[1], made.roster.members[1].key
    ephemeral = elgamal.draw_ephemeral(1)
    sealed = elgamal.seal([12345], [key], good.binding(made.roster, 2), ephemeral)
    writer = Possession.of(elgamal.ephemeral_scalar(ephemeral.bits), naming(made.roster.digest, 1, 2))
    bad = replace(good, letters=(good.letters[0], Letter(sealed, writer), good.letters[2]))
    bad.save(tmp_path / "bad.json")
    files = [tmp_path / "bad.json", *made.files[1:]]
    taken = Taken.of(made.roster, files)
    assert taken.share(made.identities[0])                                       # the others notice nothing
    with pytest.raises(BadShares) as error:
        taken.share(made.identities[1])
    (complaint,) = error.value.complaints
    save_complaints(tmp_path / "complaints.json", [complaint])
    (read,) = load_complaints(tmp_path / "complaints.json")
    assert read == complaint
    assert read.upheld(bad, made.roster)
    without = Taken.of(made.roster, files, [read])
    assert [dealing.dealer for dealing in without.dealings] == [2, 3]
    shares = [without.share(identity) for identity in made.identities]
    assert without.committee.key == multiply(made.dealers[1].secret + made.dealers[2].secret, BASE)
    assert [multiply(share.share, BASE) for share in shares] == list(without.committee.verification)
    # Nobody is accused falsely: not with the true secret of a good letter, nor with another secret.
    honest = Complaint.about(good, made.roster, made.identities[1])
    other = add(honest.shared, BASE)
    for false in (honest, replace(complaint, shared=other), replace(complaint, dealing=good.digest),
                  replace(complaint, member=3), replace(complaint, member=9), replace(complaint, dealer=2),
                  replace(complaint, proof=Equality.of(5, BASE, bad.digest))):
        with pytest.raises(BadInput, match="complaint of member"):
            Taken.of(made.roster, files, [false])
    with pytest.raises(BadInput, match="complaint of member"):
        Taken.of(made.roster, made.files, [honest])
    assert letter.sealed != sealed


def test_a_dealer_cannot_have_a_complaint_open_another_dealers_letter(made: Made, tmp_path: Path) -> None:
    """He takes over R of an honest letter with garbage behind it: the complaint would say S of both. He cannot show
    that he knows R's logarithm; shifted by a point of his own, or by the honest dealer's proof, neither."""
    honest, mine = (Dealing.of(jsonio.Node.read(file), made.roster) for file in made.files[:2])
    stolen = honest.letters[2]
    for ephemeral in (stolen.sealed.ephemeral, add(stolen.sealed.ephemeral, multiply(5, BASE))):
        for writer in (stolen.writer, mine.letters[2].writer, Possession.of(5, naming(made.roster.digest, 2, 3))):
            forged = Letter(replace_ephemeral(stolen, ephemeral), writer)
            replace(mine, letters=(*mine.letters[:2], forged)).save(tmp_path / "forged.json")
            with pytest.raises(BadInput, match=r"letters\[2\].writer"):
                Taken.of(made.roster, [tmp_path / "forged.json", made.files[0]])
            (tmp_path / "forged.json").unlink()
    # What it would have been good for: S of the complaint opens the honest letter.
    shared = multiply(COFACTOR * made.identities[2].secret, stolen.sealed.ephemeral)
    assert honest.share_for(made.roster, 3, shared) is not None


def replace_ephemeral(letter: Letter, ephemeral: Any) -> Any:
    return letter.sealed._replace(ephemeral=ephemeral)


@pytest.mark.parametrize(("change", "says"), [
    (lambda d: d.update(dealer=2), "writer|possession"),
    (lambda d: d.update(roster="0x" + "00" * 32), "digest of the roster"),
    (lambda d: d["commitments"].reverse(), "possession"),
    (lambda d: d["commitments"].pop(), "between 2 and 2"),
    (lambda d: d["letters"].pop(), "between 3 and 3"),
    (lambda d: d["possession"].update(response="5"), "possession"),
    (lambda d: d["commitments"].__setitem__(1, "0x" + babyjubjub.pack(add(BASE, SMALL)).hex()), "prime order"),
    (lambda d: d["commitments"].__setitem__(0, "0x" + babyjubjub.pack(SMALL).hex()), "large order"),
    (lambda d: d.update(nonce="0x" + babyjubjub.pack(SMALL).hex()), "prime order"),
    (lambda d: d.update(nonce="0x" + babyjubjub.pack(babyjubjub.IDENTITY).hex()), "prime order for a new key"),
    (lambda d: d["letters"][0].update(wrapped="-1"), "wrapped"),
    (lambda d: d.update(dealer=4), "writer|possession")])
def test_malformed_dealings_are_refused(made: Made, tmp_path: Path, change: Callable[[Any], Any], says: str) -> None:
    bad = changed(made.files[0], tmp_path / "bad.json", change)
    with pytest.raises(BadInput, match=says):
        Taken.of(made.roster, [bad, *made.files[1:]])


def test_dealings_twice_too_few_or_of_strangers_are_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="dealt once"):
        Taken.of(made.roster, [made.files[0], *made.files])
    with pytest.raises(BadInput, match="number of dealings"):
        Taken.of(made.roster, made.files[:1])
    stranger, _ = deal(made.roster, 7, draw_scalar(), renewal=False)
    stranger.save(tmp_path / "stranger.json")
    with pytest.raises(BadInput, match="may deal"):
        Taken.of(made.roster, [*made.files, tmp_path / "stranger.json"])


# -- certificates ----------------------------------------------------------------------------------------------------
def confirmations(made: Made, taken: Taken | None = None) -> list[Confirmation]:
    taken = taken or made.taken
    return [taken.confirm(share, taken.answering(share.member, dealer))
            for share, dealer in zip(made.shares, made.dealers, strict=True)]


def test_a_certificate_needs_everybodys_answer_and_one_committee(made: Made) -> None:
    good = confirmations(made)
    assert made.taken.certified(good).possession is not None
    for wrong, says in (
            ([replace(good[0], committee=bytes(32)), *good[1:]], "he took other dealings"),
            ([replace(good[0], response=5), *good[1:]], "response of dealer 1"),
            ([replace(good[0], response=None), *good[1:]], "response of dealer 1"),
            ([good[0], replace(good[1], member=1, possession=good[0].possession), good[2]], "member, once"),
            ([replace(good[0], member=9), *good[1:]], "member, once"),
            ([replace(good[0], possession=good[1].possession), *good[1:]], "possession of member 1"),
            (good[1:], "response of dealer 1"), (good[:1], "number of confirmations")):
        with pytest.raises(BadInput, match=says):
            made.taken.certified(wrong)


def test_a_dealer_answers_one_challenge_only(made: Made, tmp_path: Path) -> None:
    """Two answers with one nonce give his secret away: the file says what it has answered, and refuses another."""
    dealer, fewer = made.dealers[0], Taken.of(made.roster, made.files[:2])
    spent = made.taken.answering(1, dealer)
    assert spent is not None
    dealer.save(tmp_path / "dealer.json")
    spent.save(tmp_path / "dealer.json")
    read = Dealer.load(tmp_path / "dealer.json")
    assert (tmp_path / "dealer.json").stat().st_mode & 0o777 == 0o600
    assert read == spent
    again = made.taken.answering(1, read)
    assert made.taken.confirm(made.shares[0], again).response == made.taken.confirm(made.shares[0], spent).response
    with pytest.raises(BadInput, match="second answer would tell his secret"):
        fewer.answering(1, read)
    # What it would have told:
    first = made.taken.confirm(made.shares[0], spent).response
    second = fewer.confirm(fewer.share(made.identities[0]), fewer.answering(1, dealer)).response
    assert first is not None
    assert second is not None
    c1, c2 = made.taken._proof[1], fewer._proof[1]
    assert (first - second) * pow(c1 - c2, -1, SUBGROUP_ORDER) % SUBGROUP_ORDER == dealer.secret
    with pytest.raises(BadInput, match="dealing of member 1"):
        made.taken.answering(1, made.dealers[1])
    with pytest.raises(BadInput, match="dealing of member 1"):
        made.taken.answering(1, None)


def test_a_committee_whose_parts_do_not_fit_is_refused(made: Made, tmp_path: Path) -> None:
    made.committee.save(tmp_path / "committee.json")
    assert Committee.load(tmp_path / "committee.json").digest == made.committee.digest
    other = "0x" + babyjubjub.pack(multiply(5, BASE)).hex()
    for change, says in (
            (lambda d: d.update(key=other), "possession"),
            (lambda d: d["verification"].__setitem__(2, other), "members 2 to 3"),
            (lambda d: d["verification"].pop(), "between 3 and 3"), (lambda d: d.pop("possession"), "possession"),
            (lambda d: d.update(key_context="0x" + "00" * 32), "possession"),
            (lambda d: d["possession"].update(response="1"), "possession")):
        with pytest.raises(BadInput, match=says):
            Committee.load(changed(tmp_path / "committee.json", tmp_path / "bad.json", change))


def test_shares_are_their_committees_and_members(made: Made, tmp_path: Path) -> None:
    share = made.shares[0]
    share.save(tmp_path / "share.json")
    assert Share.load(tmp_path / "share.json", made.committee) == share
    for change, says in ((lambda d: d.update(committee="0x" + "00" * 32), "renewed since"),
                         (lambda d: d.update(member=2), "that of member 2"),
                         (lambda d: d.update(member=9), "that of member 9"),
                         (lambda d: d.update(share="1"), "that of member 1"),
                         (lambda d: d.update(share="0"), "hidden")):
        with pytest.raises(BadInput, match=says) as error:
            Share.load(changed(tmp_path / "share.json", tmp_path / "bad.json", change), made.committee)
        assert str(share.share) not in str(error.value)


# -- renewals --------------------------------------------------------------------------------------------------------
def renewal(made: Made, tmp_path: Path, secrets: list[int] | None = None) -> tuple[Roster, list[Path]]:
    roster = roster_of(made.identities, 2, previous=made.committee.digest)
    files = []
    for number, secret in enumerate(secrets or [share.share for share in made.shares], 1):
        dealing, _ = deal(roster, number, secret, renewal=True)
        files.append(tmp_path / f"renewal{number}.json")
        dealing.save(files[-1])
    return roster, files


def test_a_renewal_deals_old_shares_of_the_committee_before(made: Made, tmp_path: Path) -> None:
    roster, files = renewal(made, tmp_path, [5, made.shares[1].share, made.shares[2].share])
    with pytest.raises(BadInput, match="deals the old share"):
        Taken.of(roster, files, old=made.committee)
    taken = Taken.of(roster, files[1:], old=made.committee)
    assert taken.committee.key == made.committee.key
    with pytest.raises(BadInput, match="number of dealings"):
        Taken.of(roster, files[1:2], old=made.committee)
    with pytest.raises(BadInput, match="previous of the roster"):
        Taken.of(roster, files[1:])
    with pytest.raises(BadInput, match="previous of the roster"):
        Taken.of(made.roster, made.files, old=made.committee)


def test_a_cheat_in_a_renewal_is_caught_too(made: Made, tmp_path: Path) -> None:
    roster, files = renewal(made, tmp_path)
    good = Dealing.of(jsonio.Node.read(files[0]), roster)
    ephemeral = elgamal.draw_ephemeral(1)
    sealed = elgamal.seal([1], [made.identities[0].key], good.binding(roster, 1), ephemeral)
    writer = Possession.of(elgamal.ephemeral_scalar(ephemeral.bits), naming(roster.digest, 1, 1))
    replace(good, letters=(Letter(sealed, writer), *good.letters[1:])).save(tmp_path / "bad.json")
    given = [tmp_path / "bad.json", *files[1:]]
    with pytest.raises(BadShares) as error:
        Taken.of(roster, given, old=made.committee).share(made.identities[0])
    taken = Taken.of(roster, given, error.value.complaints, old=made.committee)
    assert taken.committee.key == made.committee.key
    assert taken.share(made.identities[0])


# -- decryption ------------------------------------------------------------------------------------------------------
def test_parts_that_do_not_hold_are_named_and_left_out(made: Made) -> None:
    request = request_for(made.committee)
    parts = [Partial.of(made.committee, request, share) for share in made.shares]
    wrong = replace(parts[0], point=add(parts[0].point, BASE))
    opened = open_together(made.committee, request, [wrong, *parts[1:]])
    assert (opened.elements, opened.members, opened.refused) == (MESSAGE, (2, 3), (1,))
    for bad in (wrong, replace(parts[0], point=add(parts[0].point, SMALL)), replace(parts[0], member=2),
                replace(parts[0], request=bytes(32)), replace(parts[0], committee=bytes(32)),
                replace(parts[0], member=9), replace(parts[0], proof=parts[1].proof)):
        assert not bad.holds(made.committee, request)
        with pytest.raises(BadInput, match=r"2 or more; those of members \d do not hold"):
            open_together(made.committee, request, [bad, parts[2]])
    with pytest.raises(BadInput, match="one who has given one"):
        open_together(made.committee, request, [parts[0], parts[0]])
    # A part for one escrow is none for another, be it of the same R: it was ordered for this account and no other.
    assert not parts[0].holds(made.committee, request_for(made.committee))
    assert not parts[0].holds(made.committee, replace(request, binding=BINDING._replace(context=78)))


def test_a_part_sealed_to_a_reader_is_hers_alone(made: Made, tmp_path: Path) -> None:
    request, reader = request_for(made.committee), Identity.draw("bidder")
    parts = []
    for share in made.shares[:2]:
        part, path = Partial.of(made.committee, request, share), tmp_path / f"part{share.member}.json"
        part.save(path, reader.key)
        assert str(part.point.x) not in path.read_text()
        assert Partial.load(path, reader) == part
        with pytest.raises(BadInput, match="sealed"):
            Partial.load(path)
        assert not Partial.load(path, Identity.draw("other")).holds(made.committee, request)
        parts.append(Partial.load(path, reader))
    assert open_together(made.committee, request, parts).elements == MESSAGE


def test_requests_that_are_none_are_refused(made: Made, tmp_path: Path) -> None:
    request = request_for(made.committee)
    request.save(tmp_path / "request.json")
    assert Request.load(tmp_path / "request.json") == request
    small = [str(value) for value in SMALL]
    for change, says in ((lambda d: d["words"].__setitem__(slice(0, 2), small), "large order"),
                         (lambda d: d["words"].__setitem__(0, "5"), "BabyJubJub"),
                         (lambda d: d["recipients"].__setitem__(0, "0x" + babyjubjub.pack(SMALL).hex()), "large order"),
                         (lambda d: d.update(words=d["words"][:3]), "length of words"),
                         (lambda d: d.update(context="-1"), "context")):
        with pytest.raises(BadInput, match=says):
            Request.load(changed(tmp_path / "request.json", tmp_path / "bad.json", change))
    stranger = Identity.draw("stranger")
    with pytest.raises(BadInput, match="encrypted to"):
        open_alone(request, stranger)
    elsewhere = replace(request, recipients=(stranger.key,))
    with pytest.raises(BadInput, match="encrypted to"):
        Partial.of(made.committee, elsewhere, made.shares[0])
