"""The fall, epoch by epoch: who can shows cover, whom a proof catches is called, who is awake cures it; and one epoch
that three publishers signed and that is false."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import watching
from ..demo_stage import COLLATERAL, MINUTE
from ..epoch_contents import content_of
from ..epoch_leaves import EpochLeaves
from ..falsities import falsities
from ..leaf_proofs import LeafProver
from .books import Answer
from .day import INITIAL, MAINTENANCE, PULSE, Account, Day, Kind

if TYPE_CHECKING:
    from verifier_contracts.chain import Receipt

SILENT_FROM = 2
"""Number of the epoch from which the second venue says nothing any more."""
BATCH = 16
SOON = 20 * MINUTE
"""A cover that ends so soon is renewed."""
HEADROOM = 15_000
"""What an owner tops up to, basis points of what covers her at initial margin."""
SETTLED, PAID = 1_000 * 10**6, 6_000 * 10**6
"""What the first venue's bears are settled, each, and what the second's is. Quote units."""


def fall(day: Day) -> None:
    """From the first moment to the last."""
    for number in range(1, len(day.epochs)):
        printed = day.epochs[number]
        day.until(printed.moment.minute - PULSE / MINUTE)
        day.stage.go_on(printed.epoch, printed.folder)
        day.now_printed = number
        day.pulse()
        day.note(Kind.MARKET, "market", printed.moment.said())
        attend(day)
        if number == 1:
            _settle(day)
        if number == SILENT_FROM:
            day.note(Kind.MARKET, "second venue", "falls silent")
        if number == SILENT_FROM + 1:
            lie(day)


def attend(day: Day) -> None:
    """What venue and owners do in an epoch: calls, cures, renewals."""
    on = day.stage.ground()
    for account in day.accounts.values():
        if _watched(day, account) and not day.stage.at.ledger.is_called(account.address):
            value = day.value(account.address, on)
            if value < day.least(account, on, MAINTENANCE):
                day.spent("proveShortfall", call(day, account).gas_used)
                day.note(Kind.CALL, account.name, "called: shortfall proven", value)
    for account in day.accounts.values():
        if account.holder.answer == Answer.RENEWS and day.stage.at.ledger.is_called(account.address):
            cure(day, account)
    renew(day, [one for one in day.accounts.values() if _renews(day, one)])


def call(day: Day, account: Account) -> Receipt:
    """A shortfall under the latest epoch, by who knows the opening."""
    on = day.stage.ground()
    value = day.value(account.address, on)
    words = day.side(account, on, value, covers=False, step=MAINTENANCE)
    return day.stage.at.ledger.prove_shortfall(
        account.address, on.epoch_id, day.stage.at.ledger.version_of(account.address), value, on.factors, words,
        sender=day.cast.keeper)


def cure(day: Day, account: Account) -> None:
    """A top-up by the owner, and cover at initial margin."""
    on = day.stage.ground()
    wanted = day.least(account, on) * HEADROOM // 10_000
    missing = wanted - day.value(account.address, on)
    amount = max(0, -(-(missing << 64) // on.factors[0].v))
    if amount:
        day.top_up(account, amount)
    value = day.value(account.address, on)
    receipt = day.stage.at.ledger.attest_cover(
        account.address, on.epoch_id, day.stage.at.ledger.version_of(account.address), INITIAL, value, on.factors,
        day.side(account, on, value, covers=True), sender=account.address)
    day.spent("attestCover", receipt.gas_used)
    day.note(Kind.CURE, account.name, "tops up, covered again" if amount else "covered again", amount)


def renew(day: Day, accounts: Sequence[Account]) -> int:
    """Covers, as long as each can have them, sixteen strangers in a transaction; how many there were."""
    from verifier_contracts.ledger import combiner_key
    on, at = day.stage.ground(), day.stage.at
    by_step: dict[int, list[Account]] = {}
    for account in accounts:
        value = day.value(account.address, on)
        steps = [step for step in range(4) if value >= day.least(account, on, step)]
        if steps:
            by_step.setdefault(steps[-1], []).append(account)
    key = combiner_key(day.stage.keys["cover"].verification_key())
    for step, group in sorted(by_step.items()):
        for first in range(0, len(group), BATCH):
            part = group[first:first + BATCH]
            values = [day.value(one.address, on) for one in part]
            proofs = [day.side(one, on, value, covers=True, step=step)
                      for one, value in zip(part, values, strict=True)]
            rows = [day.row(one, value) for one, value in zip(part, values, strict=True)]
            receipt = at.attestor.attest_covers(on.epoch_id, step, on.factors, key, rows, proofs,
                                                sender=day.cast.keeper)
            day.spent(f"attestCovers of {len(part)}", receipt.gas_used)
    count = sum(map(len, by_step.values()))
    if count:
        day.note(Kind.COVER, f"{count} accounts", "covered, margins hidden")
    return count


def _watched(day: Day, account: Account) -> bool:
    """Whether somebody other than its owner looks at an account: its venue, while that speaks."""
    return account.holder.venue == 0 or day.now_printed < SILENT_FROM


def _renews(day: Day, account: Account) -> bool:
    awake = account.holder.answer == Answer.RENEWS or _watched(day, account)       # by the owner, or by the venue
    ledger = day.stage.at.ledger
    word = ledger.state_of(account.address)
    return awake and not word.called and word.clock < day.stage.now + SOON


def _settle(day: Day) -> None:
    """Venues settle what the first fall brought: gains wait, for they may have to bear losses."""
    settlement, bears = day.stage.at.settlement, [one for one in day.accounts.values()
                                                 if one.holder.book == "short perpetual"]
    for number, venue in enumerate(day.cast.venues):
        mine = [one for one in bears if one.holder.venue == number]
        amount = SETTLED if number == 0 else PAID
        if not mine:
            continue
        receipt = settlement.settle([(one.address, amount) for one in mine], sender=venue)
        day.spent("settle", receipt.gas_used)
        day.note(Kind.MARKET, f"venue {number + 1}", f"settles gains of {len(mine)}", amount * len(mine))


def lie(day: Day) -> None:
    """All publishers sign a leaf that bounds its changes by less than they are. A watcher refutes it in time."""
    from verifier_contracts.oracle import EpochCourt
    stage = day.stage
    oracle, court = stage.at.oracle, stage.at.court
    assert isinstance(court, EpochCourt)
    stage.chain.travel_to(stage.at.oracle.latest_epoch_id() + PULSE - 1)
    lower = stage.epoch.amax.copy()
    lower[1] -= 10**9
    leaves, now = EpochLeaves.of(replace(stage.epoch, amax=lower)), stage.chain.next_time()
    content = content_of(stage.epoch, leaves, now, now + 600, oracle.previous_content(),
                         collateral=COLLATERAL.read_bytes())
    stage.bring(content)
    day.note(Kind.LIE, "three publishers", "sign an epoch with a false leaf")
    before = sum(court.stake_of(one.address) for one in stage.publishers)
    found = next(falsities(leaves, court.leaf_layout()))
    receipt = watching.challenge(court, LeafProver([stage.keys["leaf-field"].path]), content.id, leaves, found)
    day.spent("challengeField", receipt.gas_used)
    court.settle_refutation(content.id)
    forfeited = before - sum(court.stake_of(one.address) for one in stage.publishers)
    day.note(Kind.LIE, "a watcher", f"refutes it; {forfeited / 10**18:g} ETH of stakes are forfeited")
    day.pulse()
