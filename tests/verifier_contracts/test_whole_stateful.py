"""The whole system under random sequences of everybody's calls, and what must hold of it after each.

Nothing stands in for a contract (`whole_world.py`, `unwinding_world.py`). What stands in: the verifiers, whose proofs
are hashes and are made of true statements alone (each commitment has a margin under each epoch, each post a real
encryption); the token; the breaker's price reference; two reference protocols and their prices.

What CHAIN § 6 names, in its order, and what of § 1 a call can break. `ghosts.py` keeps each of these from events alone
and holds the contracts to it after every call; `test_each_can_fail` shows of each that it can.

=====  ================================================================================================================
6.1    vault solvency: of each token it owes exactly what it holds, account by account; nothing stays on the way
6.2    only a shortfall leads to loss: no basket moves, no forced fill, no unwinding but of who was short under an epoch
       after the call; nothing else leaves an account but by its owner's consent, or as a haircut of its gains
6.3    no irreversible step before finality: award, close, unwinding, payment
6.4    each lot ends once, so does its auction, so is each claim paid; an account is locked exactly as long
6.5    bonds conserved: bidders' free and locked, forfeits that wait, venues' bonds and clearing accounts
6.6    fund never negative: tranches, deficits, what is repaid and forwarded
6.7    sum of haircuts = L: fund + gains + venue + deficit are the lot's loss to the unit, of a gain no more than hMax
6.8    commitments change only by named paths, of whom they are about
6.9    live time never runs backwards, nor ahead of wall time
6.10   a flat exit always succeeds: tried in a fork of the world, whatever is paused, tripped, called or locked
1.2    no opening is asked for but of a called account
1.3    whoever shows cover at initial margin is cured; who is covered is not called but on a true shortfall
1.5    withdrawals are not kept back by another's lot, loss or deficit: tried in a fork
=====  ================================================================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ghosts import Broken, Rests
from liquidation_world import Stage
from revmchain import Contract, account
from walking import Walk

from verifier_contracts.governance import Role

STEPS = 600
SCENES = ("lot_turn", "call_turn")
"""Handlers that are others in turn."""
ALSO = ("award above 0", "award below 0", "order to a shortlist", "order to the public", "withdraw at once",
        "settle gain", "settle debit", "distrust", "next key", "notice", "book")


def walked(seeds: tuple[int, ...], steps: int) -> tuple[Counter[str], Counter[str], Counter[str]]:
    done, checked, escapes = Counter[str](), Counter[str](), Counter[str]()
    for seed in seeds:
        walk = Walk(seed)
        walk.walk(steps)
        done, checked, escapes = done + walk.done, checked + walk.g.checked, escapes + walk.escapes
    return done, checked, escapes


def refusals(done: Counter[str]) -> Counter[str]:
    return Counter({name: count for name, count in done.items() if ": " in name and not name.startswith("house: ")})


def test_what_must_hold_does_whatever_anybody_calls(capsys: pytest.CaptureFixture[str]) -> None:
    done, checked, escapes = walked((1, 6), STEPS)
    refused = refusals(done)
    with capsys.disabled():
        print(f"\n{2 * STEPS} steps, {refused.total()} refused in {len(refused)} ways; ways out {dict(escapes)}")
    assert {name for name in (*Walk.NAMES, *ALSO) if name not in SCENES and not done[name]} == set()
    assert set(checked) == {"6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7", "6.8", "6.9", "1.2", "1.3"}
    assert min(checked.values()) >= 5, checked
    assert {"flat", "covered", "covered beside a lot"} <= set(escapes)
    for name in ("award: ProofRejected", "shortfall: ProofRejected", "cover: ProofRejected", "withdraw: ProofRejected"):
        assert refused[name], f"no false claim was tried: {name}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 30))
def test_for_long(seed: int) -> None:
    walked((seed,), 4_000)


# -- that each can fail ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def walk() -> Walk:
    """Some way along, at a moment at which nothing is open."""
    made = Walk(5)
    made.walk(60)
    return made


def lie(patch: pytest.MonkeyPatch, contract: Contract, function: str, change: Callable[[Any], Any]) -> None:
    """A contract's answer is another than it gave: as if its books were wrong."""
    asked = Contract.__call__

    def answer(self: Contract, name: str, *arguments: Any, **more: Any) -> Any:
        found = asked(self, name, *arguments, **more)
        return change(found) if (self.address, name) == (contract.address, function) else found

    patch.setattr(Contract, "__call__", answer)


def believing(patch: pytest.MonkeyPatch, walk: Walk) -> None:
    """Verifiers that take a proof of what is false: as if no statement were asked for."""
    prove = walk.w.prove
    patch.setattr(walk.w, "prove", lambda *given, **more: prove(*given[:6], True, *given[7:], **{
        name: value for name, value in more.items() if name != "holds"}))


def more(found: Any) -> Any:
    return found + 1


def first_more(found: Any) -> Any:
    return (found[0] + 1, *found[1:])


def poked(walk: Walk) -> None:
    """Balances are looked at in turn."""
    for _ in range(len(walk.people) + 1):
        walk.step("poke")


BOOKS: dict[str, tuple[str, tuple[Callable[[Walk], Contract], str, Callable[[Any], Any]]]] = {
    "a vault that lacks a unit": ("6.1", (lambda k: k.w.s.vault, "assetOf", lambda f: (f[0], f[1] - 1, *f[2:]))),
    "a balance of another": ("6.1", (lambda k: k.w.s.vault, "balanceOf", more)),
    "a unit that stays with the coordinator": ("6.1", (lambda k: k.w.s.quote, "balanceOf", more)),
    "a bidder's unit": ("6.5", (lambda k: k.w.house, "stakeOf", first_more)),
    "a house that keeps less": ("6.5", (lambda k: k.w.house, "held", lambda f: f - 1)),
    "a bond that vanishes": ("6.5", (lambda k: k.w.s.settlement, "bondOf", first_more)),
    "a tranche that pays twice": ("6.6", (lambda k: k.w.fund, "trancheOf", first_more)),
    "a deficit that nobody recorded": ("6.6", (lambda k: k.w.fund, "deficits", more)),
    "a commitment that changes by itself": ("6.8", (lambda k: k.w.s.ledger, "commitmentOf", more)),
    "a clock that runs ahead": ("6.9", (lambda k: k.w.s.oracle, "liveTime", lambda f: f + 10**6)),
    "a clock that runs backwards": ("6.9", (lambda k: k.w.s.oracle, "liveTime", lambda f: f - 10**6)),
}


@pytest.mark.parametrize("name", BOOKS)
def test_each_can_fail_by_wrong_books(walk: Walk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    number, (contract, function, change) = BOOKS[name]
    with walk.forked_with_ghosts():
        lie(monkeypatch, contract(walk), function, change)
        with pytest.raises(Broken) as caught:
            poked(walk)
        assert caught.value.number == number, caught.value


def ready_lot(walk: Walk) -> tuple[str, int]:
    """Somebody, short, sold: her lot has a winner."""
    w = walk.w
    who = next(one for one in walk.people if w.status(one) == "Valid" and walk.margin(one))
    w.marks[0] = w.published
    w.moves(w.commitment(who), w.value(who) * 11 // 10)
    w.publish_now()
    walk.g.listener.told.clear()
    w.shortfall(who)
    w.to_lots(who)
    w.publish_now()
    lot = w.open_lot(who)
    w.to_stage(lot, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", lot)
    w.deliver(lot, w.opening(w.commitment(who)))
    w.show(lot)
    w.to_stage(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.stage(lot) is Stage.AWARD
    walk.g.check("scene", [who], [Rests("short", who, w.epoch, w.commitment(who), w.value(who), 1)], None, {})
    walk.focus = lot
    return who, lot


def award(walk: Walk) -> None:
    for _ in range(40):
        before = walk.done["award"]
        walk.step("award")
        if walk.done["award"] > before:
            return
    raise AssertionError(f"no award: {walk.done}")


def test_a_sale_of_who_is_not_short_would_be_seen(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    with walk.forked_with_ghosts():
        who, _ = ready_lot(walk)
        w = walk.w
        w.history[w.commitment(who)] = [(0, 1)]             # she never was
        w.margins[w.commitment(who)] = 1
        believing(monkeypatch, walk)
        with pytest.raises(Broken) as caught:
            award(walk)
        assert caught.value.number == "6.2", caught.value


def test_a_sale_before_finality_would_be_seen(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    with walk.forked_with_ghosts():
        ready_lot(walk)
        monkeypatch.setattr(type(walk.w), "final", lambda *_: False)
        with pytest.raises(Broken) as caught:
            award(walk)
        assert caught.value.number == "6.3", caught.value


def test_an_unending_lot_would_be_seen(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    with walk.forked_with_ghosts():
        _, lot = ready_lot(walk)
        lie(monkeypatch, walk.w.s.vault, "lotOf", lambda found: 0)
        with pytest.raises(Broken) as caught:
            walk.step("poke")
        assert (caught.value.number, "locked" in str(caught.value)) == ("6.4", True)
        monkeypatch.undo()
    with walk.forked_with_ghosts():
        _, lot = ready_lot(walk)
        walk.g.ends[lot] += 1
        with pytest.raises(Broken) as caught:
            walk.step("poke")
        assert caught.value.number == "6.4"


def test_a_loss_that_nobody_bears_would_be_seen(walk: Walk) -> None:
    with walk.forked_with_ghosts():
        ready_lot(walk)
        hear = walk.g.haircuts_are_the_loss

        def short_of_a_unit(told: Any) -> None:
            for one in told:
                if one.event == "LossShared":
                    one.args["fund"] -= 1
            hear(told)

        walk.g.haircuts_are_the_loss = short_of_a_unit  # type: ignore[method-assign]
        try:
            with pytest.raises(Broken) as caught:
                award(walk)
        finally:
            del walk.g.haircuts_are_the_loss  # type: ignore[attr-defined]
        assert caught.value.number == "6.7", caught.value


def test_a_flat_account_that_cannot_leave_would_be_seen(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    w, key = walk.w, walk.w.key("who holds nothing")
    who = str(key.address)
    with walk.forked():
        w.register(key, 0)
        w.deposit(who, 1_000)
        walk.flat_exit(who)
    with walk.forked():
        w.register(key, 0)
        w.deposit(who, 1_000)
        monkeypatch.setattr(w, "flat_proof", lambda *_: [0] * 8)
        with pytest.raises(Broken) as caught:
            walk.flat_exit(who)
        assert caught.value.number == "6.10"


def test_others_who_cannot_withdraw_would_be_seen(walk: Walk) -> None:
    who = next(one for one in walk.people if walk.may_withdraw(one))
    with walk.forked():
        walk.others_withdraw(who)
    with walk.forked():
        walk.w.s.vault("pause", 1, 20_000, sender=walk.w.s.guardian)
        with pytest.raises(Broken) as caught:
            walk.others_withdraw(who)
        assert caught.value.number == "1.5"


def test_a_cure_that_is_refused_and_a_call_of_the_covered_would_be_seen(walk: Walk, monkeypatch: pytest.MonkeyPatch
                                                                        ) -> None:
    w = walk.w
    with walk.forked_with_ghosts():
        who, _ = ready_lot(walk)
        w.deposit(who, 10**8)
        monkeypatch.setattr(walk, "someone", lambda *_: who)
        monkeypatch.setattr(w, "side", lambda *_, **__: [0] * 8)
        with pytest.raises(Broken) as caught:
            walk.step("cure")
        assert caught.value.number == "1.3"
        monkeypatch.undo()
    with walk.forked_with_ghosts():
        who = next(one for one in walk.people if w.status(one) == "Valid" and walk.margin(one))
        believing(monkeypatch, walk)
        monkeypatch.setattr(walk.rng, "choice", lambda those: who if who in those else those[0])
        monkeypatch.setattr(walk.rng, "random", lambda: 0.99)
        with pytest.raises(Broken) as caught:
            walk.step("shortfall")
        assert caught.value.number == "1.3", caught.value


def test_a_disclosure_of_who_is_not_called_would_be_seen(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    with walk.forked_with_ghosts():
        w = walk.w
        who = next(one for one in walk.people if w.status(one) == "Valid" and walk.margin(one))
        w.s.authority("grantRole", int(Role.COORDINATOR), account(0x5E11), 0, sender=w.s.admin)
        w.escrow("orderDisclosure", 77, who, [], sender=account(0x5E11))
        with pytest.raises(Broken) as caught:
            walk.step("poke")
        assert caught.value.number == "1.2"
