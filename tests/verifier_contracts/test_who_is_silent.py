"""Whoever is silent, a failing account ends as the design says, in time; others come and go meanwhile; what nobody can
pay stands as a deficit. All contracts are real; the committee's nine have dealt a key and give their shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from committees import Made, make
from escrow_posts import secret_of
from eth_account import Account
from eth_utils.crypto import keccak
from liquidation_world import DAY, MINUTE, Kept, Stage, State, refused
from lot_world import OWN, VALUE, loss_id
from revmsystem import LAG
from system_world import LIQUIDATORS, TERMS
from whole_world import GAINED, PAYER, WholeWorld, build_whole

from committee.decryption import Partial, Request, open_alone, open_together
from committee.members import Identity
from primitives.elgamal import Sealed
from primitives.errors import BadInput

A, B, _ = LIQUIDATORS
WINNER = Account.from_key(keccak(text="the winner's new account"))
COVERED = Account.from_key(keccak(text="another, with positions"))
FLAT = Account.from_key(keccak(text="another, with none"))
WEEK = 7 * DAY


@pytest.fixture(scope="module")
def built() -> WholeWorld:
    w = build_whole()
    for key, margin in ((COVERED, 1_000_000), (FLAT, 0)):
        w.register(key, margin)
        w.deposit(key.address, 50_000_000)
        w.post(key.address)
    return w


@pytest.fixture
def w(built: WholeWorld) -> Iterator[WholeWorld]:
    posts = dict(built.posts)
    with Kept(built) as world:
        yield world
    built.posts, built.committee_key = posts, None


def people(w: WholeWorld) -> list[str]:
    return [w.owner, COVERED.address, FLAT.address, WINNER.address]


def others_withdraw(w: WholeWorld) -> None:
    """With positions, by cover and a claim; with none, at once. It is undone."""
    with Kept(w):
        claim = w.withdraw(COVERED.address, 1_000_000)
        before = w.coins(FLAT.address)
        w.withdraw_flat(FLAT.address, w.value(FLAT.address))
        assert w.coins(FLAT.address) == before + 50_000_000
        while not w.s.oracle("isFinal", claim[6]):
            w.run(MINUTE)
        w.s.vault("redeem", claim)
        assert w.coins(COVERED.address) == 1_000_000


# -- the matrix --------------------------------------------------------------------------------------------------------
def with_committee(w: WholeWorld, nine: Made) -> None:
    """The account's opening is encrypted to a key that nine dealt."""
    w.run(5 * MINUTE)
    possession = nine.committee.possession
    assert possession is not None
    w.escrow("registerCommittee", 2, nine.committee.key, (possession.commitment, possession.response),
             [one.key for one in nine.roster.members], 6, nine.committee.digest, sender=w.s.admin)
    w.committee_key = nine.committee.key
    w.post(w.owner)


@pytest.fixture(scope="module")
def seated(built: WholeWorld, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("nine"), 6, 9, context=bytes(built.escrow("contextOfCommittee", 2)))


def request_of(w: WholeWorld, who: str) -> Request:
    keys, binding, words = w.posts[who]
    return Request("escrow-tiny", binding, keys, Sealed.of_words(words, 3))


def opened_by(w: WholeWorld, nine: Made, alive: int) -> list[int]:
    request = request_of(w, w.owner)
    return open_together(nine.committee, request, [Partial.of(nine.committee, request, share)
                                                   for share in nine.shares[9 - alive:]]).elements


def sold(w: WholeWorld, lot: int) -> None:
    w.show(lot)
    w.to_stage(lot, Stage.COMMIT)
    w.commit(lot, A, 3_000_000)
    w.to_stage(lot, Stage.REVEAL)
    w.reveal(lot, A, 3_000_000)
    w.to_stage(lot, Stage.CLEARING)
    w.house("clear", lot)
    w.carried(lot, WINNER, 80_000_000)


VENUE, COMMITTEE, OWNER, NOBODY = "venue", "committee", "owner", "nobody"


@pytest.mark.parametrize(("silent", "alive", "ends", "by"), [
    (("owner",), 9, "closed", VENUE),
    (("venue",), 9, "cured", OWNER),
    (("owner", "venue"), 9, State.AWARDED, COMMITTEE),
    (("owner", "venue"), 6, State.AWARDED, COMMITTEE),
    (("owner", "venue"), 5, State.STUCK, NOBODY),
    (("owner", "venue but its key"), 5, State.AWARDED, VENUE),
    (("owner", "venue", "committee"), 0, State.STUCK, NOBODY),
])
def test_whoever_is_silent(w: WholeWorld, seated: Made, silent: tuple[str, ...], alive: int, ends: Any, by: str
                           ) -> None:
    with_committee(w, seated)
    w.cover(w.owner)
    covered, money = w.now, w.s.quote("totalSupply")
    w.fall()
    w.call_by_silence()
    assert w.status(w.owner) == "Called"
    if "owner" not in silent:
        w.deposit(w.owner, 80_000_000)
        w.cover(w.owner)
    elif "venue" not in silent and "venue but its key" not in silent:
        w.to_venue(w.owner)
        new = w.commit_to(103_000_000, w.commitment(w.owner))
        w.closes("closePartial", w.closing(w.owner, new))
    else:
        w.to_lots(w.owner)
        lot = w.open_lot(w.owner, margin=0)
        w.bid(lot, A, 2_000_000)
        w.to_stage(lot, Stage.DISCLOSURE)
        w.coordinator("orderDisclosure", lot)
        if by == COMMITTEE:
            w.run(TERMS.venue_delivers)
            bond = w.s.settlement("bondOf", w.venue)[0]
            w.coordinator("reportBreach", lot)
            assert w.s.settlement("bondOf", w.venue)[0] == bond - VALUE * TERMS.breach_share // 10_000
            w.deliver(lot, opened_by(w, seated, alive))
            sold(w, lot)
        elif alive:
            with pytest.raises(BadInput, match="6 or more"):
                opened_by(w, seated, alive)
        if by == VENUE:
            venue = Identity("venue", secret_of(w.venue))
            w.deliver(lot, open_alone(request_of(w, w.owner), venue))
            sold(w, lot)
        if by == NOBODY:
            w.run(TERMS.venue_delivers)
            w.coordinator("reportBreach", lot)
            w.run(TERMS.committee_delivers - TERMS.venue_delivers)
            w.coordinator("orderPublicDisclosure", lot)
            w.to_stage(lot, Stage.CLEARING)
            w.house("clear", lot)
            w.coordinator("failLot", lot)
    if isinstance(ends, State):
        assert w.state(1) is ends
    else:
        assert w.status(w.owner) == "Valid"
        assert not w.s.ledger("isCalled", w.owner)
    if by == NOBODY:                                          # nobody could answer: nothing is taken from her
        assert w.value(w.owner) == VALUE
        assert w.commitment(w.owner) in w.margins
        with refused("StillStuck"):
            w.coordinator("releaseLot", 1, sender=w.s.admin)
        w.wait(WEEK)
        w.coordinator("releaseLot", 1, sender=w.s.admin)
        assert w.state(1) is State.RELEASED
    else:
        assert w.now - covered <= LAG, "in wall time from its last cover"
    w.require_identities(people(w))
    assert w.s.quote("totalSupply") >= money


# -- others ------------------------------------------------------------------------------------------------------------
def test_others_withdraw_at_every_stage(w: WholeWorld) -> None:
    """From the call on, in each stage of an auction and in each state that a lot can be in."""
    w.fall()
    w.shortfall(w.owner)
    others_withdraw(w)                                        # called: her time
    w.to_venue(w.owner)
    others_withdraw(w)                                        # her venue's
    w.live_to(w.closes("venuesTimeOf", w.owner)[1])
    others_withdraw(w)                                        # anybody's
    lot = w.open_lot(w.owner)
    states, seen = {w.state(lot)}, {w.stage(lot)}
    with Kept(w):                                             # nobody who has the opening speaks
        states |= others_withdraw_while_it_is_stuck(w, lot)
    w.bid(lot, A, 2_000_000)
    others_withdraw(w)                                        # blind
    stage_of: dict[Stage, Callable[[], None]] = {
        Stage.DISCLOSURE: lambda: (w.coordinator("orderDisclosure", lot),
                                   w.deliver(lot, w.opening(w.commitment(w.owner)))),
        Stage.COMMIT: lambda: w.commit(lot, A, 3_000_000), Stage.SEALED: lambda: None,
        Stage.REVEAL: lambda: w.reveal(lot, A, 3_000_000),
        Stage.CLEARING: lambda: (w.show(lot), w.house("clear", lot))}
    for stage, what in stage_of.items():
        w.to_stage(lot, stage)
        seen.add(stage)
        others_withdraw(w)
        what()
        others_withdraw(w)
    assert w.stage(lot) is Stage.AWARD
    with Kept(w):                                             # awarded
        w.carried(lot, WINNER, 80_000_000)
        states.add(w.state(lot))
        assert w.state(lot) is State.AWARDED
        others_withdraw(w)
    with Kept(w):                                             # nobody carries it
        for _ in range(2):
            w.run(TERMS.award + 1)
            w.house("fail", lot)
        w.coordinator("failLot", lot)
        states.add(w.state(lot))
        assert w.state(lot) is State.FAILED
        others_withdraw(w)
    with Kept(w):                                             # cured
        w.deposit(w.owner, 80_000_000)
        w.cover(w.owner)
        w.coordinator("voidLot", lot)
        states.add(w.state(lot))
        assert w.state(lot) is State.VOIDED
        others_withdraw(w)
    assert seen == {Stage.BLIND, Stage.DISCLOSURE, Stage.COMMIT, Stage.SEALED, Stage.REVEAL, Stage.CLEARING}
    assert states == {*State} - {State.NONE}


def others_withdraw_while_it_is_stuck(w: WholeWorld, lot: int) -> set[State]:
    """The venue in breach, the public order, a lot that is stuck, what the fund paid for it; then shown to be short
    after all, or released by the admin a week later."""
    w.to_stage(lot, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", lot)
    w.run(TERMS.venue_delivers)
    w.coordinator("reportBreach", lot)
    others_withdraw(w)
    w.run(TERMS.committee_delivers - TERMS.venue_delivers)
    w.coordinator("orderPublicDisclosure", lot)
    others_withdraw(w)
    w.to_stage(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.stage(lot) is Stage.FAILED
    others_withdraw(w)                                        # the auction is over, the lot is not yet
    fund = w.coins(w.fund.address)
    w.coordinator("failLot", lot)
    seen = {w.state(lot)}
    assert seen == {State.STUCK}
    assert w.coins(w.fund.address) < fund, "it pays for what is taken to be lost"
    others_withdraw(w)
    with Kept(w):
        w.coordinator("reviveLot", lot, w.short(w.owner))
        assert w.state(lot) is State.RELEASED
        others_withdraw(w)
    w.wait(WEEK)
    w.publish()
    w.cover(COVERED.address)
    others_withdraw(w)                                        # still stuck
    w.coordinator("releaseLot", lot, sender=w.s.admin)
    others_withdraw(w)
    return seen | {w.state(lot)}


def test_a_solvent_sleeper_is_disclosed_at_worst_and_never_sold(w: WholeWorld) -> None:
    w.call_by_silence()
    w.to_lots(w.owner)
    lot = w.open_lot(w.owner, margin=0)
    w.bid(lot, A, 2_000_000)
    w.to_stage(lot, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", lot)
    w.run(TERMS.committee_delivers)
    w.coordinator("orderPublicDisclosure", lot)
    w.disclose(lot, w.opening(w.commitment(w.owner)))         # everybody knows now what she holds
    w.house("noteDelivery", lot)
    with pytest.raises(Exception, match="ProofRejected"):
        w.show(lot)
    w.to_stage(lot, Stage.COMMIT)
    price = VALUE * 99 // 100
    w.give(A.address, price, w.house)
    w.house("deposit", A.address, price, sender=A.address)
    w.commit(lot, A, price)
    w.to_stage(lot, Stage.REVEAL)
    w.reveal(lot, A, price)
    w.to_stage(lot, Stage.CLEARING)
    w.house("clear", lot)
    others_withdraw(w)
    before = w.commitment(w.owner), w.value(w.owner)
    assert w.stage(lot) is Stage.AWARD, "a price that needs no shortfall to be accepted"
    with refused("ProofRejected"):
        w.carried(lot, WINNER, 80_000_000, sender=A.address)
    while w.stage(lot) is not Stage.FAILED:
        w.run(TERMS.award + 1)
        w.house("fail", lot)
    w.coordinator("failLot", lot)
    assert (w.commitment(w.owner), w.value(w.owner)) == before
    w.cover(w.owner)
    assert w.status(w.owner) == "Valid"


# -- what nobody pays --------------------------------------------------------------------------------------------------
def test_what_gains_cannot_bear_stands_as_a_deficit_and_stops_nobody_who_did_not_gain(w: WholeWorld) -> None:
    w.fall()
    w.gain(COVERED.address, GAINED)
    w.cover(COVERED.address)
    w.shortfall(w.owner)
    w.to_lots(w.owner)
    w.fund("tightenCaps", (5_000_000,) * 3, sender=w.s.risk)
    lot = w.open_lot(w.owner)
    price = OWN + 5_000_000
    assert w.house("lotOf", lot)[18][0][1] == -price
    w.to_stage(lot, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", lot)
    w.deliver(lot, w.opening(w.commitment(w.owner)))
    w.show(lot)
    w.to_stage(lot, Stage.CLEARING)
    w.house("clear", lot)
    w.fund("tightenCaps", (0, 0, 0), sender=w.s.risk)         # another loss took what it bid
    clearing, bond = w.s.settlement("clearingOf", w.venue)[0], w.s.settlement("bondOf", w.venue)[0]
    haircut = GAINED * TERMS.largest_haircut // 10_000
    deficit = price - OWN - haircut
    assert deficit > 0
    w.carried(lot, WINNER, 80_000_000, comes=OWN + haircut)
    lost = int(w.fund("deficitOf", loss_id(w.coordinator, lot))[1])
    assert lost == deficit
    assert (w.s.settlement("clearingOf", w.venue)[0], w.s.settlement("bondOf", w.venue)[0]) == (clearing, bond)
    before = w.value(COVERED.address)
    w.s.vault("settleGains", COVERED.address)
    assert before - w.value(COVERED.address) == haircut, "of the gain, and of nothing else"
    assert w.value(COVERED.address) == 50_000_000 + GAINED - haircut
    w.require_identities(people(w))
    # Who did not gain leaves with all of it; what fees repay is forwarded.
    w.withdraw_flat(FLAT.address, 50_000_000)
    w.withdraw(COVERED.address, 1_000_000, waiting=GAINED - haircut)
    w.fund("payFees", deficit, sender=PAYER)
    assert w.fund("repaid") == deficit
    assert w.fund("standingOf", loss_id(w.coordinator, lot)) == 0
