"""What the contracts cost to use: whole transactions on the system as it is deployed, each beside its bound.

`make gas` prints the table and exits 1 if a bound is exceeded, or a path costs something else than the snapshot says;
`--write` renews the snapshot. EVM gas is deterministic, so that the embedded chain and anvil agree.

Keys are toys: a verifier's gas depends on how many public inputs its statement has, which the registry's slots fix
(margin, cover, transition and disclose 4, flat 2, batches, escrow and delivery 3, leaf fields 5), and on nothing else
of the key. Each further input would cost `INPUT_GAS`.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from escrow_posts import DIGEST, disclosed_inputs, public, sealed_inputs, secret_of, words_for
from eth_account import Account
from ledger_world import FACTORS, MINUTE, Tested, factors_hash, key_at, key_bytes, send_contract
from lot_world import OWN, STEP, LotWorld, build_lots, loss_id
from oracle_world import mock
from system_world import LAYOUT, LIQUIDATORS, SystemWorld, build_system

from circuits.statements import batch
from verifier_contracts.abi import encode_call
from verifier_contracts.auction import Stage
from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.epoch_content import EpochContent
from verifier_contracts.governance import Role
from verifier_contracts.oracle import LeafProof
from verifier_contracts.withdrawal import Withdrawal

SNAPSHOT = Path(__file__).parent / "gas_snapshot.json"
TOLERANCE = 300
"""Proofs, addresses and hashes are in the calldata, where a zero byte costs 12 gas less than another."""
BY_CHANCE = {"registerKey": 20_000}
"""Between chains, of scalars that are hashes of chain id and addresses: each bit that is set costs an addition."""
INPUT_GAS = 6_450
"""A multiplication and an addition on the curve (EIP-1108), and what it takes to call them."""
BOUNDS = {
    "attest": 262_000,
    "attestCover, one asset": 275_000,
    "attestCover, two assets": 277_600,
    "attestBatch of 16, each": 30_000,
    "attestCovers of 16, each": 82_000,
    "publish, 3 of 5": 125_000,
    "withdraw with cover, by its owner": 325_000,
    "challengeField, one proof": 305_000,
    "challengeField, two proofs": 610_000,
    "deposit, after the first": 75_000,
    "deposit, after the first, by another": 75_000,
}
SHARED = {"attestBatch of 16, each": 16, "attestCovers of 16, each": 16}
"""Transactions of so many accounts: what is said is an account's share."""
HELD, COIN_ID = 10**9, 5
POSITIONS = 32
"""Of a commitment: the most that full statements have, on which the words of an escrow depend."""
TWO_FACTORS = [*FACTORS, (COIN_ID, 1 << 64, 1 << 64)]
LEAF = 1


LIQUIDATION = (
    "noteSilence", "callSilent", "passToVenue", "closePartial", "proveShortfall", "noteLoss", "takeSeat",
    "openLot", "openLot, margin not shown", "blindBid", "orderDisclosure of a lot", "deliver a lot", "noteDelivery",
    "commit", "showShortfall", "reveal", "clear", "showResalting", "showEscrow", "showCover", "award",
    "refund of a bond", "reportBreach", "clear, nobody bid", "failLot, nobody opened it", "fail",
    "failLot, it was opened", "payFund", "bookReceived", "award, with a deficit", "forwardRepaid", "sweepDust",
    "orderPublicDisclosure", "reviveLot", "voidLot")
"""Steps of a liquidation, as `LotWorld` names them; an award has its four proofs shown before."""


class Cost(NamedTuple):
    """Of a whole transaction. gas : used; data : its calldata."""

    gas: int
    data: bytes

    @property
    def floor(self) -> int:
        """Gas that a transaction with this calldata costs at least (EIP-7623)."""
        return 21_000 + 10 * (4 * len(self.data) - 3 * self.data.count(0))

    @property
    def squeezed(self) -> int:
        """Bytes of the calldata as a rollup posts them, nearly: compressed (RFC 1951)."""
        return len(zlib.compress(self.data, 9))

    @property
    def blob_gas(self) -> int:
        """What those bytes take of a blob: 2**17 blob gas for 4,096 elements of 31 bytes (EIP-4844)."""
        return -(-self.squeezed * (1 << 17) // (4_096 * 31))


class Paths:
    """Walks the paths of one system, in an order in which each finds what it needs."""

    def __init__(self, world: SystemWorld) -> None:
        self.w, self.found = world, dict[str, Cost]()

    def all(self) -> dict[str, Cost]:
        before = self.w.chain.snapshot()
        self.liquidations()
        self.w.chain.restore(before)
        self.collateral()
        self.one_account()
        self.withdrawals()
        self.refutations()
        self.trip()
        self.many_accounts()
        self.two_assets()
        self.escrows()
        return self.found

    def note(self, name: str, receipt: Receipt) -> Receipt:
        self.keep(name, receipt.transaction, receipt.gas_used)
        return receipt

    def keep(self, name: str, transaction: Any, gas: int) -> None:
        sent = self.w.chain.web3.eth.get_transaction(transaction)
        self.found[name] = Cost(-(-gas // SHARED.get(name, 1)), bytes(sent["input"]))

    def vault(self, function: str, *arguments: Any, **sent: Any) -> Receipt:
        return self.w.vault.transact(function, *arguments, **{"sender": self.w.relayer} | sent)

    def epoch(self, seconds: int = 300, factors: Sequence[tuple[int, int, int]] = FACTORS) -> tuple[int, Receipt]:
        """Another epoch, whose marks have moved."""
        w = self.w
        w.later(seconds)
        content = w.content(factors_hash=factors_hash(factors))
        moved = tuple(mark and mark + content.id % 1_000 for mark in content.marks)      # 0: there is no such mark
        content = replace(content, marks=moved)
        return content.id, w.publish_content(content)

    # -- liquidation ---------------------------------------------------------------------------------------------------
    def liquidations(self) -> None:
        """Of one account: called by silence and closed in part; called by a shortfall, auctioned and sold below 0, so
        that the fund pays; and a lot that nobody opens."""
        lots = build_lots(self.w)
        start = lots.state_now()
        lots.fall()
        lots.call_by_silence()
        lots.to_venue()
        lots.by("closePartial", "closes", "closePartial", lots.closing(lots.commit_to(103_000_000)))
        self.collect(lots)
        lots.back_to(start)
        start = lots.state_now()
        lots.fall()
        lots.call()
        lots.to_lots()
        lot = lots.open()
        for price, one in zip((-14_000_000, -12_000_000, -13_000_000), LIQUIDATORS, strict=True):
            lots.bid(lot, one, price)
        lots.to_stage(lot, Stage.DISCLOSURE)
        lots.order(lot)
        lots.deliver(lot)
        lots.to_stage(lot, Stage.COMMIT)
        lots.commit(lot, LIQUIDATORS[0], -11_000_000)
        shown = lots.show(lot)
        lots.to_stage(lot, Stage.REVEAL)
        lots.reveal(lot, LIQUIDATORS[0], -11_000_000)
        lots.to_stage(lot, Stage.CLEARING)
        lots.by("clear", "house", "clear", lot)
        self.nobody_carries(lots, lot)
        self.more_than_the_fund_pays(lots, lot, shown)
        to = Account.from_key((3_000).to_bytes(32, "big"))
        award = lots.carry(lot, to, 80_000_000, shown=shown, comes=11_000_000)
        lots.by("award", "coordinator", "award", lots.accepted(award, LIQUIDATORS[0]))
        lots.by("refund of a bond", "house", "refund", lot, LIQUIDATORS[1].address)
        self.collect(lots)
        lots.back_to(start)
        lots.call_by_silence()
        lots.to_lots()
        lot = lots.open(shows_margin=False, name="openLot, margin not shown")
        lots.to_stage(lot, Stage.DISCLOSURE)
        lots.order(lot)
        lots.run(lots.w.config.liquidation.terms.venue_delivers)
        lots.by("reportBreach", "coordinator", "reportBreach", lot)
        asked = lots.state_now()
        lots.run(lots.w.config.liquidation.terms.committee_delivers)
        lots.by("orderPublicDisclosure", "coordinator", "orderPublicDisclosure", lot)
        self.collect(lots)
        lots.back_to(asked)
        lots.to_stage(lot, Stage.CLEARING)
        lots.by("clear, nobody bid", "house", "clear", lot)
        lots.by("failLot, nobody opened it", "coordinator", "failLot", lot)
        self.collect(lots)
        self.unstuck(lots, lot)
        assert set(LIQUIDATION) <= set(self.found)

    def nobody_carries(self, lots: LotWorld, lot: int) -> None:
        """Whoever has bid, and the fund's agent, let their minutes pass. It is undone."""
        before = lots.state_now()
        while lots.stage(lot) is Stage.AWARD:
            lots.run(lots.w.config.liquidation.terms.award + 1)
            lots.by("fail", "house", "fail", lot)
        lots.by("failLot, it was opened", "coordinator", "failLot", lot)
        lots.by("payFund", "house", "payFund")
        lots.by("bookReceived", "fund", "bookReceived")
        self.collect(lots)
        lots.back_to(before)

    def more_than_the_fund_pays(self, lots: LotWorld, lot: int, shown: tuple[Any, ...]) -> None:
        """Gains bear a part, the rest stands as a deficit; fees repay it, and what rounding left is swept. Undone."""
        before, w = lots.state_now(), self.w
        trader, to = (Account.from_key(n.to_bytes(32, "big")) for n in (3_001, 3_002))
        w.register(lots.commit_to(1_000_000), owner=trader)
        lots.by("to the unit, so that rounding leaves something", "settlement", "requestSettlement", sender=trader)
        lots.gain(trader.address, 4_000_003)
        lots.fund.transact("tightenCaps", (0, 0, 0), sender=w.risk)
        terms = w.config.liquidation.terms
        comes = OWN + 4_000_003 * terms.largest_haircut // 10_000
        award = lots.carry(lot, to, 90_000_000, shown=shown, comes=comes)
        lots.by("award, with a deficit", "coordinator", "award", lots.accepted(award, LIQUIDATORS[0]))
        lots.fund.transact("payFees", 20_000_000, sender=w.relayer)
        lots.by("forwardRepaid", "fund", "forwardRepaid", loss_id(lots.coordinator, lot))
        lots.vault.transact("settleGains", trader.address, sender=w.relayer)
        w.later(w.config.oracle.limits.required_lag + MINUTE)
        lots.by("sweepDust", "allocator", "sweepDust", lots.allocator.read("poolCount"))
        self.collect(lots)
        lots.back_to(before)

    def unstuck(self, lots: LotWorld, lot: int) -> None:
        """By a shortfall that is shown after all; and by her cover."""
        before = lots.state_now()
        lots.fall()
        lots.run(25 * MINUTE)
        lots.by("reviveLot", "coordinator", "reviveLot", lot, lots.short(lots.owner))
        self.collect(lots)
        lots.back_to(before)
        lots.run(STEP)
        lots.cover(lots.owner)
        lots.by("voidLot", "coordinator", "voidLot", lot)
        self.collect(lots)

    def collect(self, lots: LotWorld) -> None:
        """What steps cost so far, before their blocks are undone."""
        for name, made in lots.receipts.items():
            if name in LIQUIDATION and name not in self.found:
                if isinstance(made, Receipt):
                    self.note(name, made)
                else:
                    self.keep_receipt(name, made)
        lots.receipts.clear()

    # -- one account ---------------------------------------------------------------------------------------------------
    def collateral(self) -> None:
        w, me = self.w, self.w.relayer
        w.fund(me, 10**12)
        self.note("deposit, first of an account", self.vault("deposit", me, w.coin.address, HELD))
        self.note("deposit, after the first", self.vault("deposit", me, w.coin.address, HELD))
        self.vault("deposit", w.owner.address, w.coin.address, HELD)
        self.note("deposit, after the first, by another", self.vault("deposit", w.owner.address, w.coin.address, HELD))

    def one_account(self) -> None:
        w = self.w
        w.attest()
        epoch, receipt = self.epoch()
        self.note("publish, 3 of 5", receipt)
        self.note("attest", w.attest(epoch=epoch))
        epoch, _ = self.epoch()
        w.cover(HELD // 2, epoch=epoch)
        epoch, _ = self.epoch()
        self.note("attestCover, one asset", w.cover(HELD // 2, epoch=epoch))
        # By no whole thousand of seconds: marks that move by id % 1,000 would stand still where anvil mines the epoch
        # in the very second that was asked for, and to write what stands there already costs 2,800 less.
        self.note("publish, 3 of 5, later than its heartbeat", self.epoch(1_005)[1])

    def wish(self, **changes: Any) -> Withdrawal:
        w = self.w
        return Withdrawal(**{"chain_id": w.chain.chain_id, "vault": w.vault.address, "account": w.owner.address,
                             "token": w.coin.address, "amount": HELD // 8, "to": w.stranger, "fee": 0,
                             "version": w.version(), "deadline": w.deadline(), "nonce": 0} | changes)

    def covers(self, wanted: Withdrawal, epoch: int, factors: Sequence[tuple[int, int, int]] = FACTORS) -> list[Any]:
        proof = self.w.cover_proof(HELD, step=1, version=wanted.version, action=wanted.action_hash(), epoch=epoch)
        return [(epoch, HELD, list(factors), proof)]

    def carried(self, name: str, wanted: Withdrawal, epoch: int, **factors: Any) -> tuple[Any, ...]:
        """The claim that a carried withdrawal leaves."""
        self.note(name, self.vault("withdraw", wanted.as_tuple(), self.covers(wanted, epoch, **factors),
                                   wanted.sign(self.w.owner)))
        return (wanted.account, wanted.token, wanted.amount, wanted.to, 0, self.w.relayer, epoch, wanted.version)

    def withdrawals(self) -> None:
        w = self.w
        epoch, _ = self.epoch()
        claim = self.carried("withdraw with cover, carried", self.wish(), epoch)
        before = w.chain.snapshot()
        w.settle()
        self.note("redeem", self.vault("redeem", claim))
        w.chain.restore(before)

        wanted = self.wish()
        self.by_owner("withdraw with cover, by its owner", "withdraw", wanted.as_tuple(), self.covers(wanted, epoch),
                      b"")
        claim = (wanted.account, wanted.token, wanted.amount, wanted.to, 0, w.owner.address, epoch, wanted.version)
        self.by_owner("cancel", "cancel", claim)
        before = w.chain.snapshot()
        w.later(61 * MINUTE)
        wanted = self.wish()
        self.note("withdrawFlat, carried", self.vault(
            "withdrawFlat", wanted.as_tuple(), w.flat_proof(action=wanted.action_hash()), wanted.sign(w.owner)))
        w.chain.restore(before)

    def by_owner(self, name: str, function: str, *arguments: Any, contract: Tested | None = None) -> None:
        """A transaction that the owner signs herself: no node has her key. Noted under `name`, if there is one."""
        w, eth, contract = self.w, self.w.chain.web3.eth, contract or self.w.vault
        owner = w.owner.address
        if eth.get_balance(owner) == 0:
            w.chain.send(owner, b"", value=10**18)
        signed = w.owner.sign_transaction({
            "to": contract.address, "data": encode_call(contract.artifact, function, arguments), "value": 0,
            "gas": 1_000_000, "gasPrice": 10**10, "nonce": eth.get_transaction_count(owner)})
        sent = eth.send_raw_transaction(signed.raw_transaction)
        receipt = eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1, (name, function)
        if name:
            self.keep(name, sent, receipt["gasUsed"])

    # -- epochs --------------------------------------------------------------------------------------------------------
    def leaf(self, content: EpochContent, id: int, k: int, x: int) -> LeafProof:
        """That an epoch holds an instrument whose element k is x."""
        w = self.w
        context = w.at.court.context(w.challenger, content.id, LEAF)
        place = k + (LEAF << 16)
        inputs = [context.field_element(), content.root, id, place, x]
        return LeafProof(id, place, x, proof_words(w.keys["leaf-field"].prove(inputs)))

    def refutations(self) -> None:
        """Of a rate out of its bound; and of two leaves of one id, which differ. Then a demand, and a hold."""
        w = self.w
        before = w.chain.snapshot()
        w.later(300)
        content = w.content()
        w.publish_content(content)
        self.note("challengeField, one proof", w.at.court.challenge_field(
            content.id, [self.leaf(content, 5, 2, 1 << LAYOUT.value_bits)], sender=w.challenger))
        self.note("settleRefutation, three signers", w.at.court.settle_refutation(content.id, sender=w.challenger))
        w.later(300)
        content = w.content()
        w.publish_content(content)
        self.note("challengeField, two proofs", w.at.court.challenge_field(
            content.id, [self.leaf(content, 5, 2, 1), self.leaf(content, 5, 2, 2)], sender=w.challenger))
        w.chain.restore(before)
        before = w.chain.snapshot()
        epoch, _ = self.epoch()
        self.note("demandLeaf, a null leaf", w.at.court.demand(epoch, LEAF, 0, bond=w.at.court.bond_needed(),
                                                               sender=w.challenger))
        self.note("holdEpoch", w.at.oracle.hold(epoch, 60, sender=w.guardian))
        w.chain.restore(before)

    def trip(self) -> None:
        """A mark that jumps; half an hour later the breaker is reset, by one reference of that mark."""
        w = self.w
        before = w.chain.snapshot()
        feed = mock(w.chain, "MockReference")
        w.govern("oracle", "setReference", 0, 0, (feed.address, 8, 3_600, 500))
        self.epoch()
        w.later(300)
        content = w.content()
        jumped = (2 * content.marks[0], *content.marks[1:])
        w.publish_content(replace(content, marks=jumped))
        w.later(31 * MINUTE)
        feed.transact("set", jumped[0] * 100, w.chain.now(), 0, sender=w.relayer)
        self.note("resetBreaker", w.at.oracle.reset_breaker(sender=w.relayer))
        w.chain.restore(before)

    # -- many accounts -------------------------------------------------------------------------------------------------
    def many_accounts(self) -> None:
        w = self.w
        rows, margins = [], []
        for number in range(16):
            owner = Account.from_key((1_000 + number).to_bytes(32, "big"))
            commitment = w.keys["margin"].scalar(f"commitment {number}")
            w.register(commitment, owner=owner)
            self.vault("deposit", owner.address, w.coin.address, HELD)
            rows.append((owner.address, 1, HELD // 2, commitment))
            margins.append((owner.address, 1, 1_000_000 + number, commitment))
        for _ in range(2):                                    # the second time they were attested before
            epoch, _ = self.epoch()
            self.note("attestBatch of 16, each", w.attestor.transact(
                "attestBatch", epoch, 0, margins, 987, self.batch(margins, epoch), sender=w.relayer))
        key = key_at(w, key_bytes(w.keys["cover"]))
        for _ in range(2):
            epoch, _ = self.epoch()
            proofs = [w.cover_proof(value, account=account, version=version, epoch=epoch, commitment=commitment)
                      for account, version, value, commitment in rows]
            self.note("attestCovers of 16, each", w.attestor.transact(
                "attestCovers", epoch, 0, 0, FACTORS, key, rows, proofs, sender=w.relayer))

    def batch(self, rows: Sequence[tuple[str, int, int, int]], epoch: int) -> list[int]:
        w, key = self.w, self.w.keys["batch-16"]
        y = [w.root]
        for account, version, margin, commitment in rows:
            y += [w.context("batch-16", account=account, epoch=epoch, version=version, key=key), commitment, margin]
        return proof_words(key.prove(list(batch.public_inputs(key.verification_key.digest(), y, 987))))

    # -- another asset -------------------------------------------------------------------------------------------------
    def two_assets(self) -> None:
        w = self.w
        coin = send_contract(w.chain, "TrialToken", [])
        w.govern("vault", "listAsset", coin.address, COIN_ID, 10**15)
        for function, *arguments in (("mint", w.owner.address, HELD), ("approve", w.vault.address, HELD)):
            self.by_owner("", function, *arguments, contract=coin)
        self.by_owner("", "deposit", w.owner.address, coin.address, HELD)
        epoch, _ = self.epoch(factors=TWO_FACTORS)
        w.cover(HELD, epoch=epoch, factors=TWO_FACTORS)
        epoch, _ = self.epoch(factors=TWO_FACTORS)
        self.note("attestCover, two assets", w.cover(HELD, epoch=epoch, factors=TWO_FACTORS))
        self.carried("withdraw another asset with cover, carried", self.wish(token=coin.address), epoch,
                     factors=TWO_FACTORS)


    # -- escrow --------------------------------------------------------------------------------------------------------
    def escrows(self) -> None:
        """An account's escrows, and a disclosure of the last to two keys, then to everybody."""
        w = self.w
        other = Account.from_key((2_000).to_bytes(32, "big"))
        w.register(w.keys["margin"].scalar("commitment of another"), owner=other)
        self.keep_receipt("registerKey", w.register_key(other))
        self.note("postEscrow, 32 positions", w.post(other.address))
        w.register(w.keys["margin"].scalar("another one"), owner=other)
        self.note("postEscrow, 32 positions, its next commitment", w.post(other.address))
        me, lot, account = w.relayer, 7, other.address
        w.govern("authority", "grantRole", Role.COORDINATOR, me, 0)
        keys = [public(secret_of(account)), public(secret_of(w.venue))]
        self.note("orderDisclosure, to two", w.escrow.transact("orderDisclosure", lot, account, keys, sender=me))
        commitment, places = w.ledger.read("commitmentOf", account), [*keys, *[keys[0]] * 3]
        bound = w.context("delivery", account=account, epoch=0, action=lot.to_bytes(32, "big"))
        words = words_for(bound, commitment, places, POSITIONS)
        key = w.keys["delivery"]
        proof = key.prove(sealed_inputs(key.verification_key.digest(), bound, commitment, places, words))
        self.note("deliver, 32 positions", w.escrow.transact("deliver", lot, keys, DIGEST, words, proof_words(proof),
                                                             sender=me))
        w.escrow.transact("orderDisclosure", lot, account, [], sender=me)
        key, bound = w.keys["disclose"], w.context("disclose", account=account, epoch=0)
        words = list(range(1, 2 * POSITIONS + 2))
        proof = key.prove(disclosed_inputs(key.verification_key.digest(), bound, commitment, words))
        self.note("publishOpening, 32 positions", w.escrow.transact("publishOpening", lot, words, proof_words(proof),
                                                                    sender=me))

    def keep_receipt(self, name: str, receipt: Any) -> None:
        self.keep(name, receipt["transactionHash"], receipt["gasUsed"])


def surcharge(costs: Mapping[str, int]) -> int:
    """What a withdrawal costs more if somebody else brings it: the owner's signature, and what it takes to check it.
    The bound is of a withdrawal with its cover; whoever carries it is paid the fee that the owner has signed."""
    return costs["withdraw with cover, carried"] - costs["withdraw with cover, by its owner"]


def measured(chain: Chain | None = None) -> dict[str, Cost]:
    """Every path on a fresh system whose epochs three of five publishers sign, on the embedded chain by default."""
    return Paths(build_system(chain, publishers=5, quorum=3, positions=POSITIONS)).all()


def snapshot() -> dict[str, int]:
    """Gas of every path, as it was last written down."""
    found: dict[str, int] = json.loads(SNAPSHOT.read_text())
    return found


def misses(costs: Mapping[str, int]) -> list[str]:
    """Paths that cost more than their bound."""
    return [f"{name}: {costs[name]:,} gas, above {bound:,}" for name, bound in BOUNDS.items() if costs[name] > bound]


def changes(costs: Mapping[str, int], before: Mapping[str, int], by_chance: Mapping[str, int] | None = None
            ) -> list[str]:
    """Paths that cost something else than they did. by_chance : how much else, where it is not the same chain."""
    return [f"{name}: {costs.get(name)} gas, and {before.get(name)} in the snapshot"
            for name in sorted({*costs, *before})
            if name not in costs or name not in before
            or abs(costs[name] - before[name]) > (by_chance or {}).get(name, TOLERANCE)]


def as_table(costs: Mapping[str, Cost]) -> str:
    """Gas beside its bound, and what the calldata costs: bytes, compressed, the least gas for them, of blobs."""
    lines = [f"{'path':<46}{'gas':>9}{'bound':>9}{'bytes':>8}{'squeezed':>10}{'floor':>9}{'blob gas':>10}"]
    for name, cost in costs.items():
        bound = f"{BOUNDS[name]:,}" if name in BOUNDS else "-"
        over = "  ABOVE" if cost.gas > BOUNDS.get(name, cost.gas) else ""
        lines.append(f"{name:<46}{cost.gas:>9,}{bound:>9}{len(cost.data):>8,}{cost.squeezed:>10,}{cost.floor:>9,}"
                     f"{cost.blob_gas:>10,}{over}")
    return "\n".join(lines)


def main() -> int:
    costs = measured()
    gas = {name: cost.gas for name, cost in costs.items()}
    print(as_table(costs))
    print("bytes to blob gas: of the whole transaction, also where gas is an account's share")
    print(f"a withdrawal that is carried costs {surcharge(gas):,} more than its owner's own: her signature")
    if "--write" in sys.argv[1:]:
        SNAPSHOT.write_text(json.dumps(gas, indent=1) + "\n")
    wrong = misses(gas) + changes(gas, snapshot())
    print("\n".join(wrong) if wrong else "all within their bounds, and as in the snapshot")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
