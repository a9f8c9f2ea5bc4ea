"""The demo's second act: money that moves on proofs alone.

Three publishers sign an epoch of levels; a trader puts collateral in, trades with cash inside her commitment, puts its
opening in escrow, takes out what cover leaves and is refused one unit more; sixteen strangers' margins are attested in
one transaction; a quorum that lies is refuted and loses its stakes. Every proof is made and every refusal read back, as
in the first act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from circuits import statements
from primitives.errors import BadInput
from risk.epochs import epoch_directory
from risk.epochs.build import build
from risk.epochs.provenance import Sources
from risk.exact.money import parse_money
from risk.margins.fills import trade
from risk.margins.portfolio import Portfolio

from . import demo_escrow, trading, watching, withdrawing
from .attestation import commit, prove_margin
from .covering import required_margin
from .demo_stage import COLLATERAL, MINUTE, STATEMENTS, Stage, Timed
from .epoch_contents import content_of
from .epoch_leaves import EpochLeaves
from .falsities import falsities
from .keys import KeyDirectory
from .leaf_proofs import LeafProver
from .progress import Progress, quiet
from .secret import draw_salt
from .shipped import fixtures

if TYPE_CHECKING:
    from verifier_contracts.system_deployment import Proving
    from verifier_contracts.token import Token
    from verifier_contracts.vault import Claim

FIXTURES = fixtures("levels")
DEPOSIT = 60_000 * 10**6
SYMBOL, LOTS, PRICE = "BTC-SPOT", 400, "29001.72"
"""What she buys: 4 BTC, all of it on credit."""
BATCH = 16


@dataclass
class Told:
    """What the second act did. Amounts in 10⁻⁶ quote units.

    margin : after the trade, which the chain never sees.  needed : V that must stay.  withdrawn : what left.
    kept : V of what stayed, haircut off.  opened : holders of her escrow who read from the chain what she holds.
    forfeited : wei that liars lost.  attested : accounts of the batch.  gas : by call; of the batch, a share.
    attacks : (name, refusal expected, refusal met).
    """

    signers: int = 0
    deposited: int = 0
    cash: int = 0
    margin: int = 0
    needed: int = 0
    withdrawn: int = 0
    kept: int = 0
    paid: int = 0
    opened: int = 0
    forfeited: int = 0
    attested: int = 0
    gas: dict[str, int] = field(default_factory=dict)
    attacks: list[tuple[str, str, str | None]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For the report; amounts as decimal strings."""
        sums = {name: str(getattr(self, name)) for name in (
            "deposited", "cash", "margin", "needed", "withdrawn", "kept", "paid", "forfeited")}
        return {"signers": self.signers, **sums, "opened": self.opened,
                "attested": self.attested, "gas": self.gas, "attacks": [
            {"name": name, "expected": expected, "refused_as": met} for name, expected, met in self.attacks]}

    @property
    def holds(self) -> bool:
        """All of it happened, and nothing else."""
        return (all(expected == met for _, expected, met in self.attacks) and self.attested == BATCH
                and 0 < self.paid == self.withdrawn and self.kept >= self.needed and self.opened == 2
                and self.forfeited > 0)


def run(keys: Mapping[str, KeyDirectory], proving: Proving, *, timed: Timed, progress: Progress = quiet) -> Told:
    """Play it on a chain of its own, whose court reads epochs of levels.

    proving : of the first act's stage.  timed : runs a stage under its name.
    """
    from verifier_contracts.chain import Chain
    told = Told()
    with TemporaryDirectory(prefix="tailproof-demo-") as name:
        folder = Path(name)
        epoch = timed("build epoch of levels", lambda: build(
            Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json"), progress=progress))
        epoch_directory.save(epoch, folder / "epoch")
        stage = Stage.set(Chain.embedded(), keys, epoch, folder / "epoch", folder / "journals", timed, proving)
        timed("three publishers sign", stage.publish)
        told.signers = len(stage.publishers)
        _trade(stage, told, timed)
        told.gas["publish"] = stage.gas                          # the first one pays for storage that others find there
        timed(f"batch of {BATCH}: prove, attest", lambda: _batch(stage, told))
        timed("false epoch: refute, slash", lambda: _refute(stage, told))
    return told


# -- deposit, trade, withdraw ------------------------------------------------------------------------------------------
def _trade(stage: Stage, told: Told, timed: Timed) -> None:
    from verifier_contracts.system import Named
    from verifier_contracts.token import Token
    from verifier_contracts.vault import Claim
    at, trader = stage.at, stage.key_of(stage.trader)
    coin = Token(stage.chain, at.vault.read("quote"))
    Named(stage.chain, coin.address, "TrialToken").transact("mint", trader.address, DEPOSIT, sender=stage.relayer)
    receipts = withdrawing.deposit(at, coin, trader.address, DEPOSIT, sender=trader.address)
    told.deposited, told.gas["deposit"] = DEPOSIT, receipts[-1].gas_used

    statement = statements.get(STATEMENTS["margin"])
    opening = commit(statement, stage.epoch, Portfolio(()))
    stage.register(trader, opening)
    _, receipt = timed("prove cover", lambda: withdrawing.attest_cover(
        at, stage.keys["cover"], stage.ground(), opening, trader.address, 0, sender=stage.relayer))
    told.gas["attestCover"] = receipt.gas_used
    holders = timed("a committee's key, 2 of 3; keys of venue and trader", lambda: demo_escrow.prepare(
        stage.at, stage.admin, {address: stage.key_of(address) for address in (stage.venue, stage.trader)}))
    told.gas["postEscrow"] = timed("prove escrow, post", lambda: demo_escrow.post(
        at, stage.keys["escrow"], opening, trader.address, sender=stage.relayer)).gas_used

    # The venue signs what was traded; the owner's step moves lots and cash inside the commitment, with cover.
    instrument = next(one for one in stage.epoch.instruments if one.symbol == SYMBOL)
    fills = trade(instrument, LOTS, parse_money(PRICE, field="price")).buyer
    quote = stage.epoch.header.quote
    signed = trading.sign_fills(at, STATEMENTS["transition"], trader.address, fills, quote, draw_salt(), stage.venue,
                                lambda message: _signed(stage, stage.venue, message))
    told.cash = trading.cash_of(fills, quote)
    stage.later(5 * MINUTE)
    stage.publish()
    after = trading.prepare(at, stage.keys["transition"], opening, signed, quote)
    on = stage.ground()
    value, short = trading.cover_after(at, on, after, trader.address)
    assert short is None
    step = timed("prove trade and cover", lambda: trading.prove_step(
        at, stage.keys["transition"], opening, after, signed, cover=(stage.keys["cover"], on, value)))
    told.gas["trade with cover"] = step.send(at, sender=trader.address).gas_used

    # Out goes what cover leaves, and not one unit more: neither is there a proof of it, nor does another one do.
    on = stage.ground()
    found = withdrawing.possible(at, [on], after, trader.address, coin.address)
    assert found.largest is not None
    told.margin = required_margin(stage.epoch, after)
    told.needed, told.withdrawn = found.least, found.largest

    def exit_of(amount: int) -> withdrawing.Exit:
        wish = withdrawing.wanted(at, trader.address, coin.address, amount, trader.address, valid_for=3_600)
        return withdrawing.prove_withdrawal(at, stage.keys["cover"], [on], after, wish)

    told.attacks.append(("a withdrawal while only she could open the account", "EscrowMissing", _refused(
        lambda: exit_of(1))))
    timed("prove escrow, post", lambda: demo_escrow.post(at, stage.keys["escrow"], after, trader.address,
                                                         sender=stage.relayer))
    told.opened = timed("open it: venue; two of the committee", lambda: demo_escrow.openings(
        stage.system, at, trader.address, holders))
    told.attacks.append(("an escrow with one word changed", "ProofRejected", _refused(
        lambda: demo_escrow.post_changed(at, stage.keys["escrow"], after, trader.address,
                                         sender=stage.relayer))))
    exit = timed("prove withdrawal", lambda: exit_of(found.largest or 0))
    told.attacks.append(("a proof of one unit more", "BadInput", _refused(lambda: exit_of(told.withdrawn + 1))))
    greedy = replace(exit, wanted=replace(exit.wanted, amount=told.withdrawn + 1))
    told.attacks.append(("one unit more with the proof for less", "ClaimAboveValue", _refused(
        lambda: greedy.send(at, sender=trader.address))))
    elsewhere = replace(exit, wanted=replace(exit.wanted, to=stage.relayer))
    told.attacks.append(("the proof with another receiver", "ProofRejected", _refused(
        lambda: elsewhere.send(at, sender=trader.address))))
    told.attacks.append(("a thief with her proof", "NotOwner", _refused(
        lambda: exit.send(at, sender=stage.relayer))))
    told.gas["withdraw"] = exit.send(at, sender=trader.address).gas_used
    told.kept = at.vault.value_of(trader.address, on.epoch_id, on.factors)
    claim = Claim(trader.address, coin.address, told.withdrawn, trader.address, 0, trader.address, on.epoch_id,
                  exit.wanted.version)
    told.paid = timed("until final, claim", lambda: _claimed(stage, coin, claim, trader.address))
    withdrawing.deposit(at, coin, trader.address, told.paid, sender=trader.address)
    told.attacks.append(("the same proof once more, money being there again", "WrongVersion", _refused(
        lambda: exit.send(at, sender=trader.address))))


def _claimed(stage: Stage, coin: Token, claim: Claim, trader: str) -> int:
    """What a claim pays once its epoch is final: its publishers have gone on, and nobody refuted it."""
    before = coin.balance_of(trader)
    while not stage.at.oracle.is_final(claim.epoch_id):
        stage.later(5 * MINUTE)
        stage.publish()
    stage.at.vault.redeem(claim, sender=stage.relayer)
    return int(coin.balance_of(trader)) - before


# -- a quorum that lies ------------------------------------------------------------------------------------------------
def _refute(stage: Stage, told: Told) -> None:
    """All three publishers sign an epoch in which a leaf bounds its changes by less than they are. Whoever watches has
    the leaves (for a true epoch anybody can build them), proves one of each, and the stakes are gone."""
    from verifier_contracts.eip712 import sign
    from verifier_contracts.epoch_content import quorum
    oracle, court = stage.at.oracle, stage.at.court
    stage.later(5 * MINUTE)
    lower = stage.epoch.amax.copy()
    lower[1] -= 10**9
    leaves = EpochLeaves.of(replace(stage.epoch, amax=lower))
    now = stage.chain.next_time()
    content = content_of(stage.epoch, leaves, now, now + 600, oracle.previous_content(),
                         collateral=COLLATERAL.read_bytes())
    message = oracle.domain.content(content)
    oracle.publish(content, 1, quorum({one.address: sign(message, one) for one in stage.publishers},
                                      [one.address for one in stage.publishers]), sender=stage.relayer)
    prover = LeafProver([stage.keys["leaf-field"].path])
    honest = EpochLeaves.of(stage.epoch)
    assert next(falsities(honest, court.leaf_layout()), None) is None
    lie = next(falsities(leaves, court.leaf_layout()))
    receipt = watching.challenge(court, prover, content.id, leaves, lie)
    told.gas["challengeField"] = receipt.gas_used
    before = sum(court.stake_of(one.address) for one in stage.publishers)
    court.settle_refutation(content.id)
    told.forfeited = before - sum(court.stake_of(one.address) for one in stage.publishers)
    told.attacks.append(("a proof under the false epoch", "FrozenEpoch", _refused(
        lambda: oracle.root_of(content.id))))


# -- sixteen strangers -------------------------------------------------------------------------------------------------
def _batch(stage: Stage, told: Told) -> None:
    """Each has another book, another salt and another proof; one transaction checks them all in one pairing, and a
    commitment that has moved on meanwhile is skipped, not the batch."""
    from verifier_contracts.bindings import proof_words
    from verifier_contracts.ledger import MarginStatus, Row, combiner_key
    stage.later(5 * MINUTE)
    epoch_id, ledger = stage.publish().id, stage.at.ledger
    key, statement = stage.keys["margin"], statements.get(STATEMENTS["margin"])
    read = Portfolio.read(FIXTURES / "portfolios" / "funded_straddle.json")
    owners: list[LocalAccount] = [Account.create() for _ in range(BATCH)]
    rows, proofs = [], []
    for place, owner in enumerate(owners, start=1):
        book = replace(read, positions=tuple((symbol, lots * place) for symbol, lots in read.positions))
        opening = commit(statement, stage.epoch, book)
        stage.register(owner, opening)
        context = ledger.context("margin", key.verification_key().digest(), owner.address, epoch_id, 1)
        bundle = prove_margin(key, stage.epoch, opening, context)
        rows.append(Row(owner.address, 1, bundle.margin, opening.commitment))
        proofs.append(proof_words(bundle.proof))
    attestor, combined = stage.at.attestor, combiner_key(key.verification_key())
    swapped = [rows[0], rows[1]._replace(value=rows[1].value - 1), *rows[2:]]
    told.attacks.append(("a batch with one margin lowered by a unit", "ProofRejected", _refused(
        lambda: attestor.attest_margins(epoch_id, combined, swapped, proofs, sender=stage.relayer))))
    receipt = attestor.attest_margins(epoch_id, combined, rows, proofs, sender=stage.relayer)
    told.gas["batch, each of 16"] = receipt.gas_used // BATCH
    readings = [ledger.try_margin_of(row.account) for row in rows]
    told.attested = sum(reading.status is MarginStatus.VALID and reading.margin == row.value
                        for reading, row in zip(readings, rows, strict=True))


def _signed(stage: Stage, address: str, message: dict[str, Any]) -> bytes:
    from verifier_contracts.eip712 import sign
    return sign(message, stage.key_of(address))


def _refused(action: Callable[[], Any]) -> str | None:
    """The name under which something is refused, by a contract or before it; None if it is not."""
    from verifier_contracts.errors import ContractRefused
    try:
        action()
    except ContractRefused as error:
        return error.name
    except BadInput:
        return "BadInput"
    return None
