"""The vault's world with an insurance fund and an allocator of losses; a test's account stands for the coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import vaultworld
from revmchain import Contract, account, vault_artifacts
from vaultworld import COORDINATOR, RISK, VENUE, VaultWorld

DAY = 86_400
SHARED = account(0)
PHI, HMAX = 5_000, 4_000
CAPS = (5_000, 8_000, 9_000)


@dataclass
class FundWorld(VaultWorld):
    fund: Contract = None  # type: ignore[assignment]
    allocator: Contract = None  # type: ignore[assignment]
    watch: Contract = None  # type: ignore[assignment]
    other_venue: str = account(0xA7)

    def back(self, who: str, amount: int, tranche: str = SHARED, least: int = 0) -> int:
        self.give(who, amount, spender=self.fund)
        return int(self.fund("back", tranche, amount, least, sender=who))

    def fees(self, who: str, amount: int) -> None:
        self.give(who, amount, spender=self.fund)
        self.fund("payFees", amount, sender=who)

    def insure(self, loss: int, amount: int, venue: str | None = None, who: str | None = None,
              epoch: int | None = None) -> int:
        return int(self.fund("cover", loss_id(loss), venue or self.venue, who or self.owner,
                             self.epoch if epoch is None else epoch, amount, sender=self.coordinator))

    def record(self, loss: int, amount: int, since: int, venue: str | None = None, until: int | None = None) -> int:
        return int(self.allocator("recordLoss", loss_id(loss), venue or self.venue, since,
                                  self.machine.now if until is None else until, amount, sender=self.coordinator))

    def assets(self, tranche: str = SHARED) -> int:
        return int(self.fund("trancheOf", tranche)[0])

    def worth(self, who: str, tranche: str = SHARED) -> int:
        return int(self.fund("worthOf", tranche, self.fund("positionOf", tranche, who)[0]))

    def due(self, who: str) -> int:
        return int(self.allocator("statusOf", who)[0])

    def in_hand(self, who: str) -> int:
        return int(self.quote("balanceOf", who))

    def book(self, *pairs: tuple[str, int], venue: str | None = None) -> None:
        """Settle whatever the accounts' owners ask for."""
        for who, _ in pairs:
            self.desk("requestSettlement", sender=who)
            self.desk("setDebitCap", (1 << 96) - 1, sender=who)
        self.settle(*pairs, sender=venue or self.venue)

    def trader(self, who: str, amount: int, venue: str | None = None) -> str:
        """An account at a venue with a deposit."""
        if amount:
            self.deposit(who, amount)
        self.manager("register", who, venue or self.venue, 0)
        return who

    def stake(self, venue: str, bond: int, clearing: int) -> None:
        """A venue's bond and clearing account."""
        self.give(venue, bond + clearing, spender=self.desk)
        self.desk("postBond", venue, bond, sender=venue)
        if clearing:
            self.desk("fundClearing", venue, clearing, sender=venue)


def loss_id(number: int) -> bytes:
    return number.to_bytes(32, "big")


def build(caps: Sequence[int] = CAPS, h_max: int = HMAX) -> FundWorld:
    """Everything deployed and installed."""
    a = vault_artifacts()
    world = vaultworld.build(lambda: a)
    made = FundWorld(**{name: getattr(world, name) for name in world.__dataclass_fields__})
    m, admin = made.machine, made.admin
    made.fund = m.deploy(a["InsuranceFund"], made.authority.address, made.desk.address, PHI, tuple(caps), sender=admin)
    made.allocator = m.deploy(a["LossAllocator"], made.authority.address, made.desk.address, made.fund.address, h_max,
                              sender=admin)
    made.watch = m.deploy(a["MockWatch"], sender=admin)
    roles = {(made.fund, COORDINATOR): ("cover",), (made.fund, RISK): ("tightenCaps",),
             (made.allocator, COORDINATOR): ("recordLoss",), (made.desk, COORDINATOR): ("slashBond",)}
    for (contract, role), functions in roles.items():
        made.authority("setTargetFunctionRole", contract.address, [contract.selector(f) for f in functions], role,
                       sender=admin)
    made.authority("grantRole", VENUE, made.other_venue, 0, sender=admin)
    made.vault("installAllocator", made.allocator.address, sender=admin)
    made.fund("install", made.watch.address, made.allocator.address, sender=admin)
    return made
