"""A vault with roles in different hands, a venue with its settlement desk, some assets and one published epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from revmchain import Contract, Machine, account, factors_hash, vault_artifacts

from verifier_contracts.withdrawal import Withdrawal

START = 1_800_000_000
ADMIN, GUARDIAN, RISK, VENUE, COORDINATOR, DESK = 0, 1, 2, 3, 5, 7
ONE = 1 << 64
QUOTE_ID, COIN_ID, POOL_ID = 1, 5, (1 << 31) + 3
FACTORS = [(1, ONE, ONE), (5, 3 * ONE // 2, 2 * ONE), (9, ONE // 3, ONE)]
QUANTUM = 100
LAG = 13_200
CAP = 10**15
COVER, FLAT = b"cover".ljust(32, b"\0"), b"flat".ljust(32, b"\0")
NOBODY = account(0)


@dataclass
class VaultWorld:
    machine: Machine
    oracle: Contract
    manager: Contract
    authority: Contract
    marks: Contract
    vault: Contract
    desk: Contract
    quote: Contract
    coin: Contract
    tokens: dict[int, Contract] = field(default_factory=dict)
    epoch: int = START
    admin: str = account(0xA0)
    guardian: str = account(0xA1)
    risk: str = account(0xA2)
    venue: str = account(0xA3)
    coordinator: str = account(0xA5)
    relayer: str = account(0xA6)
    owner_key: LocalAccount = field(default_factory=lambda: Account.from_key(b"\x07" * 32))

    @property
    def owner(self) -> str:
        return str(self.owner_key.address)

    # -- what happens ----------------------------------------------------------------------------------------------
    def pass_time(self, seconds: int) -> None:
        self.machine.at(self.machine.now + seconds)

    def publish(self, epoch: int | None = None, factors: Sequence[tuple[int, int, int]] = FACTORS,
                lag: int = LAG) -> int:
        self.epoch = self.machine.now if epoch is None else epoch
        self.oracle("publish", self.epoch, factors_hash(factors), lag)
        return self.epoch

    def finalise(self, epoch: int) -> None:
        self.oracle("set", epoch, True, False)

    def freeze(self, epoch: int) -> None:
        self.oracle("set", epoch, False, True)

    def give(self, who: str, amount: int, token: Contract | None = None, spender: Contract | None = None) -> None:
        token = token or self.quote
        token("mint", who, amount)
        token("approve", (spender or self.vault).address, (1 << 256) - 1, sender=who)

    def deposit(self, who: str, amount: int, token: Contract | None = None, sender: str | None = None) -> None:
        sender = sender or who
        self.give(sender, amount, token)
        self.vault("deposit", who, (token or self.quote).address, amount, sender=sender)

    def register(self, who: str, margin: int = 0) -> None:
        self.manager("register", who, self.venue, margin)

    # -- withdrawals -----------------------------------------------------------------------------------------------
    def wish(self, amount: int, **changes: Any) -> dict[str, Any]:
        who = changes.get("account", self.owner)
        return {"account": who, "token": self.quote.address, "amount": amount, "to": who, "fee": 0,
                "version": self.manager("versionOf", who), "deadline": self.machine.now} | changes

    def action(self, w: dict[str, Any]) -> bytes:
        return self.vault("actionHash", w["token"], w["amount"], w["to"], w["fee"])

    def cover(self, w: dict[str, Any], claimed: int, epoch: int | None = None, **other: Any) -> tuple[Any, ...]:
        """A proof for the withdrawal; `other` says what it was made for instead."""
        epoch = self.epoch if epoch is None else epoch
        made = {"account": w["account"], "epoch": epoch, "version": w["version"], "action": self.action(w)} | other
        word = self.manager("proofOf", COVER, made["account"], made["epoch"], made["version"], made["action"], claimed)
        return (epoch, claimed, FACTORS, [word] + [0] * 7)

    def withdraw(self, w: dict[str, Any], *covers: tuple[Any, ...], sender: str | None = None,
                 consent: bytes = b"") -> None:
        covers = covers or (self.cover(w, self.manager("margins", w["account"])),)
        self.vault("withdraw", tuple(w.values()), list(covers), consent, sender=sender or w["account"])

    def flat(self, w: dict[str, Any], sender: str | None = None, consent: bytes = b"", **other: Any) -> None:
        made = {"account": w["account"], "version": w["version"], "action": self.action(w)} | other
        word = self.manager("proofOf", FLAT, made["account"], 0, made["version"], made["action"], 0)
        self.vault("withdrawFlat", tuple(w.values()), [word] + [0] * 7, consent, sender=sender or w["account"])

    def claim(self, w: dict[str, Any], epoch: int | None = None, carrier: str | None = None) -> tuple[Any, ...]:
        return (w["account"], w["token"], w["amount"], w["to"], w["fee"], carrier or w["account"],
                self.epoch if epoch is None else epoch, w["version"])

    def signed(self, w: dict[str, Any]) -> Withdrawal:
        return Withdrawal(chain_id=1, vault=self.vault.address, nonce=self.vault("nonceOf", w["account"]), **w)

    def consent(self, w: dict[str, Any], key: LocalAccount | None = None) -> bytes:
        return self.signed(w).sign(key or self.owner_key)

    def digest(self, w: dict[str, Any]) -> bytes:
        message = encode_typed_data(full_message=self.signed(w).typed_data())
        return keccak(b"\x19" + message.version + message.header + message.body)

    def settle(self, *pairs: tuple[str, int], sender: str | None = None) -> None:
        self.desk("settle", [who for who, _ in pairs], [delta for _, delta in pairs], sender=sender or self.venue)

    def balance(self, who: str, token: Contract | None = None) -> int:
        return int(self.vault("balanceOf", who, (token or self.quote).address))

    def value(self, who: str, epoch: int | None = None) -> int:
        return int(self.vault("valueOf", who, self.epoch if epoch is None else epoch, FACTORS))


def build(artifacts: Callable[[], Any] = vault_artifacts) -> VaultWorld:
    """Everything deployed. `artifacts` may give a contract that was tampered with."""
    a = artifacts()
    m = Machine(START)
    admin = account(0xA0)
    oracle, manager = m.deploy(a["MockOracle"], sender=admin), m.deploy(a["MockManager"], sender=admin)
    authority = m.deploy(a["Authority"], admin, sender=admin)
    quote, coin = m.deploy(a["TestToken"], sender=admin), m.deploy(a["TestToken"], sender=admin)
    marks = m.deploy(a["AssetMarks"], authority.address, oracle.address, 1800, sender=admin)
    vault = m.deploy(a["CollateralVault"], authority.address, (
        oracle.address, manager.address, marks.address, quote.address, QUOTE_ID, CAP), sender=admin)
    desk = m.deploy(a["VenueSettlement"], authority.address, vault.address, QUANTUM, 10_000, sender=admin)
    world = VaultWorld(m, oracle, manager, authority, marks, vault, desk, quote, coin)
    roles = {
        (vault, RISK): ("lowerCap", "raiseCap", "closeAsset"), (vault, GUARDIAN): ("pause", "unpause"),
        (vault, COORDINATOR): ("lock", "release", "transferBasket", "pay"), (vault, DESK): ("book",),
        (desk, VENUE): ("settle", "withdrawClearing"), (desk, GUARDIAN): ("pause", "unpause"),
        (marks, RISK): ("tightenCurve",),
    }
    for (contract, role), functions in roles.items():
        authority("setTargetFunctionRole", contract.address, [contract.selector(f) for f in functions], role,
                  sender=admin)
    for role, who in ((GUARDIAN, world.guardian), (RISK, world.risk), (VENUE, world.venue),
                      (COORDINATOR, world.coordinator), (DESK, desk.address)):
        authority("grantRole", role, who, 0, sender=admin)
    manager("setVault", vault.address)
    vault("listAsset", coin.address, COIN_ID, CAP, sender=admin)
    world.publish()
    return world


