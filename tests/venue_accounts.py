"""Several accounts of a `RealSystem`, with collateral and openings at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from real_system import DEPOSIT, RealSystem

from circuits import statements
from circuits.statements import margin
from tailproof.covering import least_value, required_margin
from tailproof.secret import Opening


@dataclass(frozen=True)
class Member:
    """owner : whose account.  opening : of its commitment."""

    owner: LocalAccount
    opening: Opening

    @property
    def account(self) -> str:
        return self.owner.address

    def needs(self, real: RealSystem, step: int) -> int:
        """Quote units that cover it at a step; the quote asset counts in full."""
        return least_value(required_margin(real.epoch, self.opening), real.at.ledger.buffer_of(step))


def member(real: RealSystem, number: int, lots: int) -> Member:
    """Cash, and lots of BTC-SPOT; registered, without collateral."""
    spot = real.epoch.instruments[real.epoch.row_of("BTC-SPOT") - 1]
    slots, salt = [(real.epoch.cash_id, DEPOSIT), (spot.id, lots)], 1_000 + number
    preset = statements.get("margin-tiny").preset
    opening = Opening("margin-tiny", margin.commit(salt, margin.fill(preset, slots)), salt, slots)
    owner = Account.from_key((9_000 + number).to_bytes(32, "big"))
    consent = real.at.desk.consent(owner.address, real.venue.address, opening.commitment, real.chain.now() + 3_600)
    real.at.desk.register(consent, consent.sign(owner), sender=real.venue.address)
    return Member(owner, opening)


def deposit(real: RealSystem, one: Member, amount: int) -> None:
    """Collateral for an account, out of the trader's purse."""
    real.mint(amount)
    real("vault", "deposit", "--amount", amount, "--account", one.account)


def members(real: RealSystem, folder: Path, lots: list[int]) -> list[Member]:
    """Accounts, and a folder of their salt files."""
    folder.mkdir(exist_ok=True)
    made = [member(real, number, held) for number, held in enumerate(lots)]
    for one in made:
        one.opening.save(folder / f"{one.account}.json")
    return made
