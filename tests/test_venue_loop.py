"""The venue's loop on real contracts and proofs: what a tick does, what it does after any end, and what fails alone."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from real_system import RealSystem
from system_world import MAX_AGE
from venue_accounts import Member, deposit, members
from venue_site import Killed, VenueSite, add, inline

from primitives import jsonio
from primitives.errors import BadInput
from relayer.outbox_steps import State
from risk.exact.digests import content_digest
from tailproof import escrowing, signing
from tailproof.bundle import Bundle
from tailproof.escrow_book import EscrowBook
from tailproof.secret import Opening
from tailproof.signing import EpochDoesNotStand, SignedContent
from tailproof.venue import rounds as rounds_module
from tailproof.venue.copies import copy_epoch
from tailproof.venue.cosigning import Cosigner
from tailproof.venue.feeds import FeedStale, FolderFeed, Snapshot
from tailproof.venue.rounds import Rounds
from tailproof.venue.running import Venue
from verifier_contracts.ledger import INITIAL
from verifier_contracts.signers import LocalSigner

MINUTE = 60


@pytest.fixture
def site(real: RealSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VenueSite:
    inline(monkeypatch)
    made = VenueSite(real, tmp_path / "venue").make()
    made.later(MAX_AGE + MINUTE)                   # the epoch of the beginning attests nothing any more
    made.feed()
    return made


@pytest.fixture
def two(real: RealSystem, site: VenueSite, tmp_path: Path) -> list[Member]:
    made = members(real, tmp_path / "in", [400, 700])
    add(site, made)
    return made


def submit(site: VenueSite, document: str) -> dict[str, Any]:
    path = site.home / "one.json"
    path.write_text(document)
    return site.real("submit", path, by=site.real.world.relayer)


def names(site: VenueSite, some: list[Member], epoch_id: int) -> set[str]:
    return {f"margin {one.account.lower()} {epoch_id} 1" for one in some}


# -- a tick ------------------------------------------------------------------------------------------------------------
def test_an_epoch_is_built_signed_by_others_published_and_every_account_proven_in_it(
        site: VenueSite, two: list[Member]) -> None:
    venue, oracle = site.venue(), site.real.at.oracle
    before = oracle.latest_epoch_id()
    site.tick(venue)
    epoch_id = oracle.latest_epoch_id()
    assert epoch_id > before
    assert oracle.facts_of(epoch_id).previous_id == before
    documents = site.documents()
    assert set(documents) == names(site, two, epoch_id)
    assert venue.accounts.counts() == {"handed over": 2}
    for document in documents.values():
        assert submit(site, document)["outcome"] == "attested"
    venue._swept_at = 0.0
    venue.once()
    assert venue.accounts.counts() == {"on chain": 2}
    (tick,) = venue.ticks.last()
    assert set(tick.seconds) == {"built", "proposed", "published", "proven", "on chain"}
    assert tick.gas > 100_000
    # Nothing is due before the clock's next turn; then, with prices as they were, the same epoch is published again.
    assert [venue.once() for _ in range(3)] == [False] * 3
    root = oracle.root_of(epoch_id)
    site.later(5 * MINUTE)
    site.feed(600)
    site.tick(venue)
    assert oracle.root_of(oracle.latest_epoch_id()) == root
    assert len(list((site.home / "rounds" / "epochs").iterdir())) == 2
    assert len(site.documents()) == 4
    # With other prices it is another, that follows on this one.
    site.later(5 * MINUTE)
    site.feed(1_200, "29500")
    site.tick(venue)
    assert oracle.root_of(oracle.latest_epoch_id()) != root
    assert len(site.documents()) == 6


POINTS = ("before built", "after built", "before proposed", "after proposed", "before published", "after published",
          "before shelved", "after shelved", "before handed", "after handed")


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_it_goes_on_and_does_nothing_twice(site: VenueSite, two: list[Member], point: str) -> None:
    oracle = site.real.at.oracle
    before = oracle.latest_epoch_id()

    def kill(passed: str) -> None:
        if passed == point:
            raise Killed
    with pytest.raises(Killed):
        site.tick(site.venue(at=kill))
    venue = site.venue()
    for _ in range(3):
        venue.once()
        site.sign(0, 1)
    for _ in range(3):
        venue.once()
    epoch_id = oracle.latest_epoch_id()
    assert oracle.facts_of(epoch_id).previous_id == before, "one epoch, and one alone"
    assert set(site.documents()) == names(site, two, epoch_id)
    assert Counter(path.name.split("-")[0] for path in (site.home / "state" / "proven").iterdir()) == {
        one.account: 1 for one in two}
    assert len(Rounds(site.home / "rounds").ticks()) == 1
    assert [tick.outcome for tick in venue.ticks.last(9)] == ["published"]


def test_the_epoch_that_was_there_before_the_venue_is_published_again_where_its_prices_stand(
        site: VenueSite, two: list[Member]) -> None:
    oracle, root = site.real.at.oracle, site.real.epoch.root
    before = oracle.latest_epoch_id()
    site.feed(0)
    venue = site.venue()
    site.tick(venue)
    assert oracle.latest_epoch_id() > before
    assert oracle.root_of(oracle.latest_epoch_id()) == root
    assert site.venue().ticks.last()[0].epoch == "before"
    assert venue.accounts.counts() == {"handed over": 2}


def test_a_stop_ends_what_is_under_way_and_begins_nothing(site: VenueSite, two: list[Member]) -> None:
    venue = site.venue()
    handed = list[int]()
    honest = venue._hand

    def hand(*given: Any) -> None:
        honest(*given)
        handed.append(1)
        venue.stop.set()
    venue._hand = hand                                                                   # type: ignore[method-assign]
    for _ in range(3):
        venue.once()
    site.sign(0, 1)
    for _ in range(4):
        venue.once()
    assert len(handed) == 1
    assert len(site.documents()) == 1
    assert "proven" not in venue.ticks.last()[0].seconds, "one of two is"
    again = site.venue()
    again.once()
    assert len(site.documents()) == 2


def test_what_lay_there_unfinished_for_long_is_not_gone_on_with(site: VenueSite, two: list[Member],
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick whose prices are old by the time somebody proposes it, and an epoch that nobody wrote down."""
    venue = site.venue()
    venue.once()
    (tick,) = venue.ticks.last()
    assert (tick.outcome, tick.epoch) == ("open", "000001")
    venue.ticks.save(replace(tick, begun_at=tick.begun_at - 601))
    again = site.venue()
    again.once()
    assert again.ticks.last()[0].why.startswith("its prices are old")
    (site.home / "state" / "ticks" / "000001.json").unlink()
    site.feed(900, "29300")
    site.tick(site.venue())
    assert [tick.epoch for tick in again.ticks.last(9)] == ["000002"]


def test_old_epochs_are_put_away_and_old_bundles_forgotten(site: VenueSite, two: list[Member],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    from tailproof.venue import running
    monkeypatch.setattr(running, "KEPT_EPOCHS", 2)
    venue = site.venue()
    for turn in range(4):
        site.feed(600 + 300 * turn, str(29_100 + turn))
        site.tick(venue)
        site.later(5 * MINUTE)
    rounds = site.home / "rounds"
    assert sorted(path.name for path in (rounds / "epochs").iterdir()) == ["000003", "000004", "before"]
    assert sorted(path.name for path in (rounds / "archive").iterdir()) == ["000001", "000002"]
    kept = {int(path.name.split("-")[1]) for path in (site.home / "state" / "proven").iterdir()}
    assert kept == {tick.epoch_id for tick in venue.ticks.last(2)}
    assert len(site.documents()) == 8, "the relayer has them all"


def test_a_defect_is_told_without_its_words_and_stops_nothing_else(site: VenueSite, two: list[Member]) -> None:
    venue = site.venue()

    def find(account: str, commitment: int) -> Opening:
        raise RuntimeError(repr(two[0].opening))
    object.__setattr__(venue.openings, "find", find)
    before = site.real.at.oracle.latest_epoch_id()
    for _ in range(3):
        venue.once()
    site.sign(0, 1)
    for _ in range(3):
        venue.once()
    assert site.real.at.oracle.latest_epoch_id() > before
    assert "RuntimeError at " in venue.troubles["an account"]
    told = json.dumps(site.heard, default=str) + venue.troubles["an account"]
    assert str(two[0].opening.salt) not in told.replace("=", " ").replace(",", " ").split()
    assert "salt=" not in told


def test_what_is_lost_is_tried_again_later_and_others_at_once(site: VenueSite, two: list[Member],
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    from tailproof.farm.dispatch import Result
    from tailproof.venue import running
    honest, asked = running.Dispatch.run, list[int]()

    def run(self: Any, jobs: list[Any], total: int, *, told: Any, stopped: Any) -> None:
        asked.append(len(jobs))
        lost = [job for job in jobs if job.context.account == two[0].account and len(asked) == 1]
        for job in lost:
            told(Result(job, lost="KilledWorker"))
        honest(self, [job for job in jobs if job not in lost], total, told=told, stopped=stopped)
    monkeypatch.setattr(running.Dispatch, "run", run)
    venue = site.venue()
    site.tick(venue)
    assert venue.accounts.counts() == {"handed over": 1, "lost": 1}
    assert not venue.settled
    venue._swept_at = 0.0
    venue.once()
    assert asked == [2]
    venue._swept_at = venue.accounts.next_look[two[0].account] = 0.0
    venue.once()
    assert (asked, venue.accounts.counts()) == ([2, 1], {"handed over": 2})


def test_ticks_go_on_while_accounts_are_proven_and_the_rest_is_proven_in_the_newer_epoch(
        site: VenueSite, two: list[Member], monkeypatch: pytest.MonkeyPatch) -> None:
    from tailproof.venue import running
    monkeypatch.setattr(running, "TICK_EVERY", 0.0)
    venue, handed = site.venue(), list[str]()
    honest = venue._hand

    def hand(job: Any, path: Path) -> None:
        """The first proof takes so long that the clock goes on meanwhile."""
        honest(job, path)
        handed.append(job.context.account)
        if len(handed) == 1:
            site.later(5 * MINUTE)
            site.feed(1_200, "29300")
            venue._tick()
            venue._tick()
            site.sign(0, 1)
    venue._hand = hand                                                                   # type: ignore[method-assign]
    for _ in range(3):
        venue.once()
    site.sign(0, 1)
    venue.once()
    first, last = (tick.epoch_id for tick in venue.ticks.last(2))
    assert first is not None
    assert last is not None
    assert len(handed) == 1, "the other was not proven in an epoch that is over"
    venue.once()
    # Nobody's proof is on chain yet; whose is, comes after the others.
    assert set(site.documents()) == names(site, two, last) | {f"margin {handed[0].lower()} {first} 1"}
    assert venue.troubles == {}


def test_ticks_go_on_while_thousands_are_looked_at(site: VenueSite, two: list[Member], monkeypatch: pytest.MonkeyPatch
                                                   ) -> None:
    """Openings and margins of thousands take minutes: a content's time would be over."""
    from tailproof.venue import running
    venue, looked, honest = site.venue(), list[str](), running.Venue._job
    monkeypatch.setattr(running, "TICK_EVERY", 0.0)

    def job(self: Venue, contexts: Any, account: str, state: Any) -> Any:
        looked.append(account)
        if len(looked) == 1:
            site.later(5 * MINUTE)
            site.feed(1_200, "29300")
            for _ in range(2):
                venue._tick()
            site.sign(0, 1)
        return honest(self, contexts, account, state)
    monkeypatch.setattr(running.Venue, "_job", job)
    for _ in range(3):
        venue.once()
    site.sign(0, 1)
    venue.once()
    assert [tick.outcome for tick in venue.ticks.last(2)] == ["published", "published"]
    assert (len(looked), site.documents()) == (1, {}), "nothing is proven in an epoch that is over"
    venue.once()
    last = venue.ticks.last()[0].epoch_id
    assert last is not None
    assert set(site.documents()) == names(site, two, last)
    assert venue.troubles == {}


def test_whose_proof_is_the_oldest_comes_first(site: VenueSite, two: list[Member]) -> None:
    venue = site.venue()
    site.tick(venue)
    first = sorted((one.account for one in two), key=str.lower)[0]
    submit(site, next(text for name, text in site.documents().items() if first.lower() in name))
    site.later(5 * MINUTE)
    site.feed(1_200, "29300")
    begun = len(site.heard)
    site.tick(venue)
    order = [facts["account"] for event, facts in site.heard[begun:] if event == "handed over"]
    assert order == sorted((one.account for one in two), key=str.lower)[::-1]


# -- accounts ----------------------------------------------------------------------------------------------------------
def test_one_accounts_failure_stops_no_other(real: RealSystem, site: VenueSite, tmp_path: Path) -> None:
    made = members(real, tmp_path / "in", [400, 700, 250, 300, 500])
    add(site, made[:2])
    store = site.home / "accounts"
    (store / f"{made[2].account}.json").write_text("{")
    (store / f"{made[2].account}.json").chmod(0o600)
    replace(made[3].opening, salt=5).save(store / f"{made[3].account}-1.json")         # opens nothing
    replace(made[4].opening, commitment=5).save(store / f"{made[4].account}-1.json")   # an earlier version's
    (store / "notes.json").write_text("{}")
    (store / f"0x{'1' * 40}.json").write_text("{")                                     # of nobody
    venue = site.venue()
    site.tick(venue)
    assert venue.accounts.counts() == {"handed over": 2, "no opening": 1, "not registered": 1, "refused": 2}
    assert set(site.documents()) == names(site, made[:2], venue.accounts.epoch_id)
    reasons = " ".join(venue.accounts.reasons.values())
    assert "opening.commitment" in reasons
    # Once there is an opening, it is proven in the same epoch.
    made[2].opening.save(store / f"{made[2].account}-1.json")
    made[4].opening.save(store / f"{made[4].account}-2.json")
    venue.accounts.next_look.clear()
    venue._swept_at = 0.0
    venue.once()
    assert venue.accounts.counts() == {"handed over": 4, "not registered": 1, "refused": 1}


@pytest.mark.parametrize("where", ["find", "take"])
def test_a_defect_that_one_account_meets_stops_no_other(site: VenueSite, two: list[Member], where: str,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    venue = site.venue()
    place = venue.openings if where == "find" else venue.intake
    honest = getattr(place, where)

    def broken(what: str, more: Any) -> Any:
        if two[0].account in what:
            raise ValueError("salt 12345678901234567890")
        return honest(what, more)
    monkeypatch.setattr(type(place), where, lambda self, what, more: broken(what, more))
    site.tick(venue)
    assert venue.accounts.counts() == {"handed over": 1, "refused" if where == "find" else "lost": 1}
    assert "ValueError at " in venue.accounts.reasons[two[0].account]
    assert "12345678901234567890" not in json.dumps(site.heard, default=str)


def test_what_the_relayer_was_refused_is_proven_again(site: VenueSite, two: list[Member]) -> None:
    venue = site.venue()
    site.tick(venue)
    outbox = site.outbox()
    items = [item for item in outbox.latest(9) if two[0].account.lower() in item.name]
    outbox.move(items, State.REFUSED, "ClaimAboveValue: more than the vault counts", 1.0)
    venue._swept_at = 0.0
    venue.once()
    assert venue.accounts.states[two[0].account] == "refused"
    assert venue.accounts.reasons[two[0].account] == "by the contracts: ClaimAboveValue"
    venue.accounts.next_look.clear()
    venue._swept_at = 0.0
    venue.once()
    assert venue.accounts.counts() == {"handed over": 2}
    assert {item.state for item in outbox.latest(9)} == {State.QUEUED}


def test_covers_reach_the_relayer_too_and_who_is_short_is_refused_alone(
        real: RealSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inline(monkeypatch)
    site = VenueSite(real, tmp_path / "venue", "cover").make()
    made = members(real, tmp_path / "in", [400, 700])
    add(site, made)
    deposit(real, made[0], made[0].needs(real, INITIAL) * 11 // 10)
    site.later(MAX_AGE + MINUTE)
    site.feed()
    venue = site.venue()
    site.tick(venue)
    assert venue.accounts.counts() == {"handed over": 1, "refused": 1}
    ((name, document),) = site.documents().items()
    assert name == f"cover {made[0].account.lower()} {venue.accounts.epoch_id} 1 1"
    path = site.home / "one.json"
    path.write_text(document)
    epoch = Rounds(site.home / "rounds").epochs / "000001"
    real("submit", path, "--epoch", epoch, "--collateral", real.path("collateral.json"), by=real.world.relayer)
    deposit(real, made[1], made[1].needs(real, INITIAL) * 11 // 10)
    venue.accounts.next_look.clear()
    venue._swept_at = 0.0
    venue.once()
    assert venue.accounts.counts() == {"handed over": 1, "on chain": 1}
    assert not real.at.ledger.is_reduce_only(made[0].account)


def test_openings_come_from_escrow_where_the_venues_key_opens_it(real: RealSystem, site: VenueSite,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    opening = real.register([(real.epoch.cash_id, 1_000_000)])
    opening.save(site.home / "mine.json")
    real.prepare_escrow(site.home)
    real.post(site.home / "mine.json")
    (site.home / "venue.toml").write_text((site.home / "venue.toml").read_text().replace(
        'store = "accounts"', 'store = "accounts"\nsecret = "venue.json"'))
    venue = site.venue()
    site.tick(venue)
    assert venue.accounts.states == {real.trader.address: "handed over"}
    ((_, document),) = site.documents().items()
    bundle = Bundle.of(jsonio.Node(json.loads(document)))
    assert bundle.public_inputs["portfolio_commitment"] == opening.commitment
    # Looked at again, what stands is not hashed again. What the contract keeps is asked as of the block up to which
    # events were read: a post between the two would be a contradiction.
    book, known = EscrowBook(real.system, real.at), escrowing.posted(real.system, real.at)
    assert book.posted() == known
    hashed, honest = list[int](), escrowing.hash_integers
    monkeypatch.setattr(escrowing, "hash_integers", lambda tag, values: (hashed.append(len(values)),
                                                                         honest(tag, values))[1])
    asked, asks = list[int | None](), escrowing.read_many
    monkeypatch.setattr(escrowing, "read_many", lambda *given: (asked.append(given[-1]), asks(*given))[1])
    assert (book.posted(), hashed, asked) == (known, [], [real.chain.block_number()])
    for kept in book._known:
        book._known[kept] = b"what was kept then", book._known[kept][1]
    assert (book.posted(), len(hashed)) == (known, 1)
    # A stranger's key opens nothing.
    real.run("committee", "init", "member", "--name", "x", "--secret", site.home / "x.json", "--public",
             site.home / "x-public.json")
    (site.home / "venue.toml").write_text((site.home / "venue.toml").read_text().replace("venue.json", "x.json"))
    assert site.venue().openings.accounts() == []


# -- feeds -------------------------------------------------------------------------------------------------------------
def test_a_feed_that_fails_stops_no_account_and_is_asked_again(site: VenueSite, two: list[Member]) -> None:
    venue = site.venue()
    site.feed(written_at=1_000)
    venue.once()
    assert "written_at" in venue.troubles["tick"]
    assert venue.ticks.last() == []
    site.feed()
    (site.home / "feed" / f"book-{site.sequence}.json").write_text("{}")
    venue.once()
    assert "does not have the digest" in venue.troubles["tick"]
    site.feed(-600)
    venue.once()
    assert "valuation" in venue.troubles["tick"]
    assert "that of the last epoch" in venue.troubles["tick"]
    site.feed(spot="1")
    venue.once()
    assert "tick" in venue.troubles, "no gate takes that"
    assert [event for event, _ in site.heard] == ["failed"] * 4, "each is told once"
    venue.once()
    assert len(site.heard) == 4
    site.feed()
    site.tick(venue)
    assert venue.troubles == {}
    assert venue.accounts.counts() == {"handed over": 2}


def test_prices_of_the_past_are_taken_only_where_that_is_said(site: VenueSite, monkeypatch: pytest.MonkeyPatch
                                                              ) -> None:
    text = (site.home / "venue.toml").read_text()
    (site.home / "venue.toml").write_text(text.replace("replayed = true", "replayed = false"))
    venue = site.venue()
    venue.once()
    assert venue.troubles["tick"].startswith(f"{site.home / 'feed'}: replayed is True")
    site.feed(replayed=False)
    venue.once()
    assert "valuation" in venue.troubles["tick"], "and they are old whatever the manifest says"
    (site.home / "venue.toml").write_text(text)
    monkeypatch.setattr(site.real.chain, "development", False)
    with pytest.raises(BadInput, match=r"feed\.replayed"):
        site.venue()


# -- signers -----------------------------------------------------------------------------------------------------------
def test_too_few_signatures_fail_the_tick_and_the_next_one_begins_anew(site: VenueSite, two: list[Member]) -> None:
    venue, oracle = site.venue(), site.real.at.oracle
    before = oracle.latest_epoch_id()
    for _ in range(3):
        venue.once()
    assert site.sign(0) == 1
    venue.once()
    site.later(130)
    venue.once()
    (tick,) = venue.ticks.last()
    assert (tick.outcome, tick.why) == ("failed", "1 of 2 signatures until the deadline")
    assert oracle.latest_epoch_id() == before
    venue._not_before = 0.0
    site.feed(1_200)
    site.tick(venue)
    assert [tick.outcome for tick in venue.ticks.last(9)] == ["failed", "published"]
    assert venue.accounts.counts() == {"handed over": 2}


def test_signatures_of_another_time_keep_nobody_from_signing(site: VenueSite, two: list[Member]) -> None:
    """State and rounds were lost, and ticks are counted from one again."""
    venue = site.venue()
    site.tick(venue)
    shutil.rmtree(site.home / "state")
    for path in (site.home / "rounds" / "contents").iterdir():
        path.unlink()
    site.later(5 * MINUTE)
    site.feed(900, "29300")
    again = site.venue()
    site.tick(again)
    assert {path.name[:6] for path in (site.home / "signatures").iterdir()} == {"000001", "000002"}
    (site.home / "rounds" / "epochs" / "000002").rename(site.home / "rounds" / "epochs" / "last")
    for path in (site.home / "rounds" / "contents").iterdir():
        path.unlink()
    shutil.rmtree(site.home / "state")
    (site.home / "rounds" / "epochs" / "000001").rename(site.home / "rounds" / "epochs" / "first")
    site.later(5 * MINUTE)
    site.feed(1_200, "29400")
    site.tick(site.venue())
    assert len([path for path in (site.home / "signatures").iterdir() if path.name.startswith("000001-")]) == 4


def test_a_signature_that_is_none_keeps_no_other_from_counting(site: VenueSite, two: list[Member],
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    venue, folder = site.venue(), site.home / "signatures"
    for _ in range(2):
        venue.once()
    assert site.sign(0) == 1
    (good,) = folder.iterdir()
    (folder / "000001-junk.json").write_text("{")
    signed = SignedContent.load(good)
    replace(signed, content=replace(signed.content, root=5)).save(folder / "000001-other.json")
    replace(signed, signer=site.real.world.publishers[1].address).save(folder / "000001-false.json")
    stranger = LocalSigner(site.real.trader)
    message = site.real.at.oracle.domain.content(signed.content)
    SignedContent(signed.chain_id, signed.oracle, stranger.address, signed.content, stranger.sign_message(message)
                  ).save(folder / "000001-stranger.json")
    replace(signed, oracle=site.real.venue.address).save(folder / "000001-elsewhere.json")
    (site.home / "private").write_text("what only the venue reads")
    (folder / "000001-link.json").symlink_to(site.home / "private")
    os.mkfifo(folder / "000001-pipe.json")
    held = os.open(folder / "000001-pipe.json", os.O_RDWR)     # a writer that writes nothing
    venue.once()
    os.close(held)
    assert "only the venue" not in json.dumps(site.heard, default=str)
    read = list[Path]()
    honest = rounds_module._read_signature
    monkeypatch.setattr(rounds_module, "_read_signature", lambda path, *more: (read.append(path),
                                                                               honest(path, *more))[1])
    venue.once()
    assert read == [], "what stays as it is, is not read again"
    (folder / "000001-junk.json").write_text("{}")
    venue.once()
    assert [path.name for path in read] == ["000001-junk.json"]
    assert venue.published == 0
    assert {facts["file"] for facts in site.events("signature not counted")} == {
        f"000001-{name}.json" for name in ("junk", "other", "false", "stranger", "elsewhere", "link", "pipe")}
    # However much lies there, what has a signer's name is read first, and the rest a few at a time.
    monkeypatch.setattr(rounds_module, "MOST_READ", 3)
    monkeypatch.setattr(rounds_module, "MOST_KNOWN", 12)
    for number in range(40):
        (folder / f"000001-{number:02d}.json").write_text("{")
    read.clear()
    venue.once()
    assert len(read) == 3
    venue.once()
    assert len(read) == 4, "no more than are remembered"
    read.clear()
    site.sign(1)
    for _ in range(3):
        venue.once()
    assert venue.published == 1
    assert len(read) == 1


def test_a_signature_under_another_name_counts_too(site: VenueSite, two: list[Member]) -> None:
    venue, folder = site.venue(), site.home / "signatures"
    for _ in range(2):
        venue.once()
    site.sign(0, 1)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"000001-by-hand-{number}.json")
    for _ in range(2):
        venue.once()
    assert venue.published == 1


def test_a_signers_name_that_another_has_taken_keeps_it_from_nothing(site: VenueSite, two: list[Member],
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may put files there could else have it believe that it has signed."""
    venue, folder = site.venue(), site.home / "signatures"
    for _ in range(2):
        venue.once()
    assert (site.sign(0), site.sign(1)) == (1, 1)
    one, other = sorted(folder.iterdir())
    one.write_bytes(other.read_bytes())                        # good, and not its own
    other.unlink()
    other.symlink_to(folder / "nothing")
    assert (site.sign(0), site.sign(1), site.sign(0), site.sign(1)) == (1, 1, 0, 0)
    # However much lies there: names that signers take are read first, whichever of them it is.
    monkeypatch.setattr(rounds_module, "MOST_READ", 1)
    monkeypatch.setattr(rounds_module, "MOST_KNOWN", 1)
    for number in range(3):
        (folder / f"000001-{number}.json").write_text("{")
    for _ in range(2):
        venue.once()
    assert venue.published == 1


@pytest.mark.parametrize(("terms", "why"), [
    ({"model": b"another"}, "model is another file"), ({"allow_trial": False}, "purpose"),
    ({"collateral": None}, "factors_hash"), ({"valid_for": 60}, "deadline"), ({"accepts_changes": False}, "changes")])
def test_a_signer_signs_only_what_is_its_own(site: VenueSite, two: list[Member], terms: dict[str, Any], why: str
                                             ) -> None:
    site.feed(600, "45000")                        # more than the epoch before forecast: a change
    venue = site.venue()
    for _ in range(2):
        venue.once()
    assert venue.troubles == {}
    refusing = site.signer(0, **terms)
    assert (refusing.round(), refusing.round()) == (0, 0)
    (told,) = site.events("not signed")
    assert why in told["why"]
    assert site.sign(0) == 1, "with terms that it meets"
    assert site.sign(0) == 0, "once"


def test_a_signer_holds_the_book_against_its_own_feed(site: VenueSite, two: list[Member]) -> None:
    own = {"feed": FolderFeed(site.home / "feed"), "replayed": True, "accepts_changes": False}
    venue = site.venue()
    site.feed(600, "29100")
    for _ in range(2):
        venue.once()
    site.feed(630, "29800")                        # what this signer's own feed says meanwhile
    assert site.signer(0, **own).round() == 0
    (told,) = site.events("not signed")
    assert "spot of BTC is '29100'" in told["why"]
    assert site.signer(0, **own, tolerance=300).round() == 1
    site.feed(660, "29100")
    assert site.signer(1, **own).round() == 1
    site.feed(690, "29100", written_at=1_000)
    stale = site.signer(2, **own)
    with pytest.raises(Exception, match="written_at"):
        stale.round()


def test_a_signer_holds_the_time_against_its_own_feed(site: VenueSite, two: list[Member]) -> None:
    venue = site.venue()
    for _ in range(2):
        venue.once()
    there = FolderFeed(site.home / "feed").read()

    class Own:
        name = "own"
        late = 901

        def read(self) -> Snapshot:
            return replace(there, valuation=there.valuation + self.late, written_at=there.valuation + self.late,
                           replayed=False)
    own = Own()
    signer = site.signer(0, feed=own, accepts_changes=False)
    signer.clock = lambda: float(there.valuation)
    own.late = -901
    with pytest.raises(FeedStale):
        signer.round()
    signer.clock = lambda: float(there.valuation + own.late)
    for own.late, signed in ((901, 0), (-901, 0), (900, 1)):
        assert signer.round() == signed
    assert all("valuation" in facts["why"] for facts in site.events("not signed"))


def test_a_false_epoch_is_signed_by_nobody(site: VenueSite, two: list[Member]) -> None:
    """A venue that changes what was built, or proposes what it was not."""
    from oracle_epochs import forge
    venue, rounds = site.venue(), Rounds(site.home / "rounds")
    for _ in range(2):
        venue.once()
    proposal = rounds.proposal(1)
    assert proposal is not None
    (rounds.contents / "000001.json").unlink()
    rounds.propose(replace(proposal, content=replace(proposal.content, marks=(1, 1))))
    assert site.sign(0, 1) == 0
    assert {facts["error"] for facts in site.events("not signed")} == {"OtherContent"}
    site.heard.clear()
    forge(rounds.epochs / "000001", rounds.epochs / "000002", changes=lambda rows: _less(rows))
    from tailproof import epochs
    from tailproof.epoch_contents import content_of
    from tailproof.epoch_leaves import EpochLeaves
    false = epochs.load(rounds.epochs / "000002")
    content = content_of(false, EpochLeaves.of(false), proposal.content.id, proposal.content.deadline,
                         proposal.content.previous, collateral=(site.home / "collateral.json").read_bytes())
    rounds.propose(replace(proposal, tick=2, epoch="000002", content=content))
    assert site.sign(0, 1) == 0
    assert "EpochDoesNotStand" in {facts["error"] for facts in site.events("not signed")}


def test_what_a_signer_looked_at_is_what_it_signs(site: VenueSite, two: list[Member],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is the venue's, which may put something else there between two looks."""
    venue, rounds = site.venue(), Rounds(site.home / "rounds")
    for _ in range(2):
        venue.once()
    signer, looks = site.signer(0), Cosigner._require_ours

    def looked(self: Cosigner, directory: Path) -> bool:
        found = looks(self, directory)
        (rounds.epochs / "000001").rename(rounds.epochs / "000001.away")
        return found
    monkeypatch.setattr(Cosigner, "_require_ours", looked)
    assert signer.round() == 1
    monkeypatch.undo()
    # A root that stood once stands with the same sources only: a book of today beside numbers of yesterday does not.
    away = rounds.epochs / "000001.away"
    (signed,) = (site.home / "signatures").iterdir()
    signed.unlink()
    book, manifest = away / "sources" / "book.json", away / "manifest.json"
    told, text = json.loads(manifest.read_text()), json.loads(book.read_text())
    text["contingencies"][0]["short"] = "9"
    book.write_text(json.dumps(text))
    told["sources"]["book"] = content_digest(book.read_bytes())
    manifest.write_text(json.dumps(told))
    away.rename(rounds.epochs / "000001")
    assert signer.round() == 0
    assert [facts["error"] for facts in site.events("not signed")] == ["EpochDoesNotStand"]


def plant(site: VenueSite, name: str, change: Callable[[Path], object]) -> Path:
    """Another directory of the epoch that stands, which is looked at first: it is the newest."""
    made = Path(shutil.copytree(Rounds(site.home / "rounds").epochs / "before", site.home / "rounds" / "epochs" / name))
    change(made)
    later = time.time() + 1_000
    os.utime(made, (later, later))
    return made


def _other_book(epoch: Path, data: bytes | None = None) -> None:
    """Other sources under the same root: what an epoch goes on from is in them."""
    book, manifest = epoch / "sources" / "book.json", epoch / "manifest.json"
    told, text = json.loads(manifest.read_text()), json.loads(book.read_text())
    text["contingencies"][0]["short"] = "9"
    book.write_bytes(json.dumps(text).encode() if data is None else data)
    told["sources"]["book"] = content_digest(book.read_bytes())
    manifest.write_text(json.dumps(told))


@pytest.mark.parametrize("planted", ["a pipe beside", "a pipe among", "a link", "a link among", "no array", "junk",
                                     "no book"])
def test_no_older_epoch_keeps_signers_from_signing(site: VenueSite, two: list[Member], planted: str) -> None:
    """Whoever can write to the folder of rounds could stop a venue with one directory."""
    elsewhere = site.home / "elsewhere"
    elsewhere.write_text("{}")
    held = list[int]()

    def pipe(path: Path) -> None:
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        held.append(os.open(path, os.O_RDWR))      # a writer that writes nothing
    changes: dict[str, Callable[[Path], object]] = {
        "a pipe beside": lambda one: pipe(one / "more"),
        "a pipe among": lambda one: pipe(one / "sources" / "book.json"),
        "a link among": lambda one: ((one / "manifest.json").unlink(),
                                     (one / "manifest.json").symlink_to(elsewhere)),
        "no array": lambda one: (one / "amax.npy").write_bytes(b"PK\x03\x04"),
        "no book": lambda one: _other_book(one, b"[]"),
        "junk": lambda one: (one / "manifest.json").write_text("[]"),
        "a link": lambda one: (one.rename(site.home / "linked"), one.symlink_to(site.home / "linked"))}
    venue = site.venue()
    for _ in range(2):
        venue.once()
    signer = site.signer(0)
    plant(site, "zzz", changes[planted])
    signed = list[int]()
    thread = threading.Thread(target=lambda: signed.append(signer.round()), daemon=True)
    thread.start()
    thread.join(60.0)
    for one in held:
        os.close(one)
    assert signed == [1], site.events("not signed")


def test_the_epoch_before_is_the_one_that_this_signer_signed(site: VenueSite, two: list[Member],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """What an epoch goes on from is in the files of the one before it, and not in its root: who signed that knows it.
    A signer that has not takes what is there, and of two that epoch on which the new one follows."""
    venue, knows, rounds = site.venue(), site.signer(0), Rounds(site.home / "rounds")
    for _ in range(2):
        venue.once()
    assert (knows.round(), site.sign(1)) == (1, 1)
    for _ in range(2):
        venue.once()
    site.later(5 * MINUTE)
    site.feed(1_200, "29300")
    for _ in range(2):
        venue.once()
    shutil.copytree(rounds.epochs / "000001", site.home / "kept")
    _other_book(rounds.epochs / "000001")
    assert knows.round() == 0
    assert "other files" in site.events("not signed")[-1]["why"]
    shutil.copytree(site.home / "kept", rounds.epochs / "another-name")
    assert knows.round() == 1
    held, honest = list[bool](), signing.require_stands

    def stands(candidate: Any, **more: Any) -> Any:
        assert candidate.previous is not None
        other = '"short": "9"' in (candidate.previous / "sources" / "book.json").read_text()
        held.append(other)
        if other:
            raise EpochDoesNotStand(candidate.directory, SimpleNamespace(differences=["E9"]))  # type: ignore[arg-type]
        return honest(candidate, **more)
    monkeypatch.setattr(signing, "require_stands", stands)
    later = time.time() + 1_000
    os.utime(rounds.epochs / "000001", (later, later))
    assert site.signer(1).round() == 1
    assert held == [True, False]


def test_a_defect_that_an_epoch_meets_ends_no_signer(site: VenueSite, two: list[Member],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    venue, signer = site.venue(), site.signer(0)
    for _ in range(2):
        venue.once()

    def defect(*given: Any) -> Any:
        raise KeyError("a defect")
    with monkeypatch.context() as patch:
        patch.setattr(Cosigner, "_require_ours", defect)
        assert signer.round() == 0
    assert [facts["error"] for facts in site.events("not signed")] == ["KeyError"]
    assert signer.round() == 1


def test_no_link_among_an_epochs_files_is_followed(tmp_path: Path) -> None:
    (tmp_path / "one" / "sources").mkdir(parents=True)
    (tmp_path / "one" / "a").write_bytes(b"1")
    (tmp_path / "one" / "sources" / "b").write_bytes(b"2")
    first = copy_epoch(tmp_path / "one", tmp_path / "copy")
    assert (tmp_path / "copy" / "sources" / "b").read_bytes() == b"2"
    assert copy_epoch(tmp_path / "copy", tmp_path / "again") == first
    (tmp_path / "copy" / "a").write_bytes(b"3")
    assert copy_epoch(tmp_path / "copy", tmp_path / "other") != first
    changes: list[Callable[[Path], object]] = [
        lambda one: (one / "c").symlink_to("/etc/hostname"), lambda one: os.mkfifo(one / "c"),
        lambda one: (one / "c").symlink_to(tmp_path), lambda one: (one / "1" / "2" / "3" / "4").mkdir(parents=True),
        lambda one: [(one / str(i)).touch() for i in range(70)]]
    for number, change in enumerate(changes):
        one = Path(shutil.copytree(tmp_path / "one", tmp_path / f"bad-{number}"))
        change(one)
        with pytest.raises(BadInput):
            copy_epoch(one, tmp_path / f"out-{number}")


def _less(rows: Any) -> Any:
    rows[1, 0] -= 1
    return rows


# -- what is where -----------------------------------------------------------------------------------------------------
def test_no_opening_is_anywhere_but_in_the_store(site: VenueSite, two: list[Member]) -> None:
    venue = site.venue()
    replace(two[0].opening, salt=two[1].opening.salt).save(site.home / "accounts" / f"{two[0].account}-9.json")
    site.tick(venue)
    hunted = [text for one in two for text in (
        b"%d" % one.opening.salt, b"%x" % one.opening.salt, one.opening.salt.to_bytes(32, "big"),
        one.opening.salt.to_bytes(32, "little"))]
    hunted = [text for text in hunted if len(text) > 4]
    files = [path for path in site.home.rglob("*") if path.is_file() and "keys" not in path.parts]
    outside = [path for path in files if (site.home / "accounts") not in path.parents]
    assert len(outside) > 10
    for path in outside:
        assert not any(secret in path.read_bytes() for secret in hunted if len(secret) == 32), path
    told = json.dumps(site.heard, default=str) + json.dumps(venue.facts(), default=str)
    assert '"salt"' not in told
    assert not any(f'"{one.opening.salt}"' in told for one in two)


def test_a_state_is_one_deployments(site: VenueSite, two: list[Member]) -> None:
    site.venue()
    path = site.home / "state" / "venue.json"
    path.write_text(path.read_text().replace(site.real.system.contracts["ledger"], "0x" + "12" * 20))
    with pytest.raises(BadInput, match="another deployment's"):
        site.venue()


def test_an_epoch_of_others_that_is_not_at_hand_is_asked_for(site: VenueSite, two: list[Member]) -> None:
    shutil.rmtree(site.home / "rounds" / "epochs" / "before")
    venue: Venue = site.venue()
    venue.once()
    assert "put its directory there" in venue.troubles["tick"]
    assert signing.standing(site.real.at.oracle) is not None
    assert Opening.load(next((site.home / "accounts").iterdir())).salt


# -- by the commands ---------------------------------------------------------------------------------------------------
def checks(site: VenueSite, code: int) -> dict[str, bool]:
    told = site.real("venue", "check", site.home / "venue.toml", sends=False, code=code)
    return {one["name"]: one["works"] for one in told["checks"]}


def test_check_says_what_works_and_leaves_everything_as_it_was(site: VenueSite, two: list[Member]) -> None:
    before = sorted(site.home.rglob("*"))
    assert set(checks(site, 0).values()) == {True}
    assert sorted(site.home.rglob("*")) == before
    site.feed(written_at=1_000)
    found = checks(site, 1)
    assert [name for name, works in found.items() if not works] == ["feed", "epoch"]
    site.feed()
    text = (site.home / "venue.toml").read_text()
    for old, new, wrong in (
            ("interval = 300", "interval = 10", "interval"), ("interval = 300", "interval = 86400", "interval"),
            ('store = "accounts"', 'store = "nothing"', "accounts"), ("keys/margin", "keys/flat", "key"),
            ("allow_trial = true", "", "epoch"), ('["signatures"]', '["signatures", "x"]', "signers"),
            ('"relay.db"', '"no/relay.db"', "outbox"), ("every = 1", "workers = 1000", "workers")):
        (site.home / "venue.toml").write_text(text.replace(old, new))
        found = checks(site, 1)
        assert not found[wrong], (new, found)
    for path in (site.home / "accounts").iterdir():
        path.unlink()
    (site.home / "venue.toml").write_text(text)
    assert not checks(site, 1)["accounts"]


def test_run_by_the_command_until_an_epoch_is_done(site: VenueSite, two: list[Member], monkeypatch: pytest.MonkeyPatch
                                                   ) -> None:
    """The signers are played between rounds; the farm is a process of this machine."""
    from tailproof.farm.dispatch import Dispatch
    from tailproof.venue import running
    monkeypatch.setattr(running, "Dispatch", Dispatch)
    monkeypatch.setenv("TAILPROOF_THREADS", "1")
    honest = Venue._tick

    def tick(venue: Venue) -> bool:
        happened = honest(venue)
        site.sign(0, 1)
        return happened
    monkeypatch.setattr(Venue, "_tick", tick)
    log = site.home / "venue.log"
    told = site.real("venue", "run", site.home / "venue.toml", "--ticks", 1, "--log", log, by=site.real.world.relayer)
    assert (told["published"], told["accounts"]) == (1, {"handed over": 2})
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [one["event"] for one in events][:4] == ["started", "built", "proposed", "published"]
    assert log.stat().st_mode & 0o777 == 0o600
    assert all({"at", "event"} <= one.keys() for one in events)
    assert not any(str(one.opening.salt) in log.read_text() for one in two)
    assert set(site.documents()) == names(site, two, told["epoch_id"])


def test_what_is_wrong_is_said_before_anything_is_done(site: VenueSite, two: list[Member]) -> None:
    config, by = site.home / "venue.toml", site.real.world.relayer
    text = config.read_text()
    assert site.real("venue", "run", config, "--dry-run", by=by, code=2)["field"] == "--dry-run and --calldata"
    config.write_text(text.replace("keys/margin", "keys/flat"))
    assert site.real("venue", "run", config, "--ticks", 1, by=by, code=2)["field"] == "prove.key"
    config.write_text(text)
    from tailproof.cli.venue_run import _alone
    with _alone(site.config()):
        assert site.real("venue", "run", config, "--ticks", 1, by=by, code=2)["field"] == "state"
    signer = ("venue", "signer", site.home / "rounds", "--out", site.home / "signatures", "--model",
              site.home / "model.toml", "--once")
    assert site.real(*signer, by=site.real.trader, code=2)["field"] == "signer"
    assert site.real(*signer, "--new-journal", "never-signed", by=site.real.world.publishers[0], code=2
                     )["field"] == "--new-journal"
