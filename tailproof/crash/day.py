"""The crash day as it goes: the stage, the accounts, the clock, and what happened when.

Nothing here decides: `fall` and `lots` do. Time is the chain's; publishers sign an epoch every five minutes of it, so
that live time and finality go on, and whoever wants to wait waits through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from circuits import statements
from circuits.statements.cover import Claim

from ..covering import least_value, prove_cover, required_margin
from ..demo_stage import MINUTE, STATEMENTS, Stage
from ..secret import Opening
from ..withdrawing import Ground
from .books import Holder
from .cast import Cast
from .market import Moment, Printed
from .money import Money

if TYPE_CHECKING:
    from verifier_contracts.ledger import Row
    from verifier_contracts.token import Token

PULSE = 5 * MINUTE
"""Seconds between epochs."""
MAINTENANCE, INITIAL = 0, 1
BOUGHT = ", bought"
"""Behind the name of an account in another's hand."""


class Kind(StrEnum):
    """What an entry of the day is about, for the picture."""

    MARKET = "market"
    COVER = "cover"
    SILENCE = "silence"
    CALL = "call"
    CURE = "cure"
    CLOSE = "close"
    LOT = "lot"
    SALE = "sale"
    LOSS = "loss"
    LIE = "lie"
    OUT = "withdrawal"


@dataclass(frozen=True)
class Entry:
    """Something that happened.

    minute : of the day.  who : the account's name, or the actor's.  amount : quote units.
    """

    minute: float
    kind: Kind
    who: str
    what: str
    amount: int = 0

    def to_json(self) -> dict[str, Any]:
        """Amounts as decimal strings."""
        return {"minute": round(self.minute, 2), "kind": str(self.kind), "who": self.who, "what": self.what,
                "amount": str(self.amount)}


@dataclass
class Account:
    """A holder on chain. opening : what she, her venue and the escrow know."""

    holder: Holder
    address: str
    opening: Opening

    @property
    def name(self) -> str:
        return self.holder.name


@dataclass
class Day:
    """The day so far.

    now_printed : the epoch that publishers sign at present.  accounts : by address, in the order of registration.
    begun : second at which the market's first moment was published.  dear : minutes for which blocks were too dear.
    """

    stage: Stage
    cast: Cast
    coin: Token
    epochs: Sequence[Printed]
    money: Money
    now_printed: int = 0
    begun: int = 0
    dear: int = 0
    accounts: dict[str, Account] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    gas: dict[str, list[int]] = field(default_factory=dict)
    told: Callable[[Entry], object] = lambda entry: None

    # -- time ----------------------------------------------------------------------------------------------------------
    @property
    def minute(self) -> float:
        """Since the day began."""
        return (self.stage.now - self.begun) / MINUTE

    @property
    def live(self) -> int:
        return int(self.stage.at.oracle.read("liveTime"))

    @property
    def moment(self) -> Moment:
        return self.epochs[self.now_printed].moment

    def pulse(self) -> int:
        """The next epoch, five minutes after the one before."""
        latest = self.stage.at.oracle.latest_epoch_id()
        if latest + PULSE - 1 > self.stage.now:
            self.stage.chain.travel_to(latest + PULSE - 1)
        made = self.stage.publish().id
        self.gas.setdefault("publish", []).append(self.stage.gas)
        self.money.audit_all()
        return made

    def until(self, minute: float) -> None:
        """Let time pass, with epochs."""
        while self.minute < minute:
            left = self.begun + int(minute * MINUTE) - self.stage.now
            if self.stage.at.oracle.latest_epoch_id() + PULSE > self.stage.now + left:
                if left > 0:
                    self.stage.later(left)
                return
            self.pulse()

    def live_until(self, moment: int) -> None:
        """Until live time has come so far."""
        while self.live < moment:
            wait = moment - self.live
            if self.stage.now + wait < self.stage.at.oracle.latest_epoch_id() + PULSE:
                self.stage.later(wait)
            else:
                self.pulse()

    def final(self, epoch_id: int) -> None:
        """Until an epoch is final."""
        while not self.stage.at.oracle.is_final(epoch_id):
            self.pulse()

    # -- what happened -------------------------------------------------------------------------------------------------
    def note(self, kind: Kind, who: str, what: str, amount: int = 0) -> None:
        """Write something down."""
        entry = Entry(self.minute, kind, who, what, amount)
        self.entries.append(entry)
        self.told(entry)

    def spent(self, step: str, gas: int) -> None:
        """Write down what a transaction cost."""
        self.gas.setdefault(step, []).append(gas)

    # -- accounts ------------------------------------------------------------------------------------------------------
    def value(self, address: str, on: Ground) -> int:
        """V, 10⁻⁶ quote units."""
        return self.stage.at.vault.value_of(address, on.epoch_id, on.factors)

    def least(self, account: Account, on: Ground, step: int = INITIAL) -> int:
        """The V that covers an account at a step of the ladder; its venue and its owner can compute it."""
        return self.least_of(account.opening, on, step)

    def least_of(self, opening: Opening, on: Ground, step: int = INITIAL) -> int:
        """The same of an opening that is perhaps not the account's yet."""
        return least_value(required_margin(on.epoch, opening), self.stage.at.ledger.buffer_of(step))

    def side(self, account: Account, on: Ground, value: int, *, covers: bool, step: int = INITIAL,
             manager: str | None = None, extra: int = 0) -> list[int]:
        """A proof of one side of what V says of an account's hidden margin.

        manager : the contract that will ask, by default the ledger.  extra : added to the step's buffer.
        """
        from verifier_contracts.context import Context
        ledger, keys = self.stage.at.ledger, self.stage.keys["cover"]
        context = Context("cover", self.stage.chain.chain_id, manager or ledger.address,
                          self.stage.at.registry.active("cover").key_digest, account.address, on.epoch_id,
                          ledger.version_of(account.address))
        return prove_cover(keys, on.epoch, account.opening, Claim(value, ledger.buffer_of(step) + extra, covers),
                           context)

    def give(self, who: str, amount: int) -> None:
        """Coins from outside, which the money's audit knows of."""
        self.money.mint(who, amount)

    def top_up(self, account: Account, amount: int, sender: str | None = None) -> None:
        """A deposit for an account, by its owner or another."""
        from .. import withdrawing
        sender = sender or account.address
        self.give(sender, amount)
        receipts = withdrawing.deposit(self.stage.at, self.coin, account.address, amount, sender=sender)
        self.spent("deposit", receipts[-1].gas_used)

    def row(self, account: Account, value: int) -> Row:
        """As a batch has it."""
        from verifier_contracts.ledger import Row
        return Row(account.address, self.stage.at.ledger.version_of(account.address), value,
                   account.opening.commitment)


def statement_of_margins() -> Any:
    """What openings are of."""
    return statements.get(STATEMENTS["margin"])
