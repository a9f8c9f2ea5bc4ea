"""Where the demo plays: a system of contracts on an embedded chain, with every role in another hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from circuits import statements
from risk.epochs.epoch import Epoch

from . import epoch_leaves, signing, withdrawing
from .epoch_contents import factors_of
from .keys import KeyDirectory, make_keys
from .progress import Progress
from .secret import Opening
from .shipped import fixtures
from .statements import r1cs_digest
from .systems import layout_of, load_proving

if TYPE_CHECKING:
    from verifier_contracts.chain import Chain, Receipt
    from verifier_contracts.epoch_content import EpochContent
    from verifier_contracts.oracle import RiskOracle
    from verifier_contracts.system import Contracts, System
    from verifier_contracts.system_config import SystemConfig
    from verifier_contracts.system_deployment import Proving

COLLATERAL = fixtures("levels") / "collateral.json"
STATEMENTS = {"margin": "margin-full-256x16", "cover": "cover-full-256x16", "flat": "flat-16",
              "transition": "transition-16", "escrow": "escrow-16", "delivery": "delivery-16",
              "leaf-field": "leaf-field-full-256"}
STAKE = 10**18
MINUTE = 60
MAX_EPOCH_AGE = 30 * MINUTE

Timed = Callable[[str, Callable[[], Any]], Any]
"""Runs a stage of the demo under its name."""


def stage_keys(home: Path, progress: Progress) -> dict[str, KeyDirectory]:
    """Keys of all statements, INSECURE, made where they are not kept yet."""
    def key(name: str) -> KeyDirectory:
        path = home / f"{name}-{r1cs_digest(name)[:16]}"
        return KeyDirectory.load(path) if path.exists() else make_keys(statements.get(name), path, progress=progress)
    return {slot: key(name) for slot, name in STATEMENTS.items()}


@dataclass
class Stage:
    """The system, and who acts on it.

    proving : keys with a proof by each; another stage can be set with them.  folder : of the epoch; before : of the one
    that it follows on.  journals : where signers keep theirs.  publishers : in the order of their set.
    gas, published : of the last publication, and its root.
    """

    chain: Chain
    system: System
    at: Contracts
    keys: Mapping[str, KeyDirectory]
    proving: Proving
    epoch: Epoch
    folder: Path
    journals: Path
    publishers: Sequence[LocalAccount]
    admin: str
    trader: str
    venue: str
    relayer: str
    gas: int = 0
    before: Path | None = None
    published: int = 0

    @staticmethod
    def set(chain: Chain, keys: Mapping[str, KeyDirectory], epoch: Epoch, folder: Path, journals: Path, timed: Timed,
            proving: Proving | None = None, changed: Callable[[SystemConfig], SystemConfig] = lambda config: config
            ) -> Stage:
        """Deploy a system for epochs of this one's layout.

        Parameters
        ----------
        folder : directory of the epoch.  journals : a new one is made there.
        proving : of an earlier stage with the same keys.  changed : the configuration, as it is to be.
        """
        from verifier_contracts.system_deployment import deploy_system
        journals.mkdir()
        publishers = sorted((Account.create() for _ in range(3)), key=lambda one: int(one.address, 16))
        config = changed(_config(chain, keys, epoch, publishers))
        proven: Proving = timed("known answers (first proofs: kernels load)", lambda: load_proving(config)) \
            if proving is None else replace(proving, layout=layout_of(epoch.shape, config))
        system = timed("deploy the system", lambda: deploy_system(chain, config, proven, sender=chain.senders[0]))
        _, admin, _, _, venue, _, relayer, _, _, trader = chain.senders[:10]
        return Stage(chain, system, system.open(chain), keys, proven, epoch, folder, journals, publishers, admin,
                     trader, venue, relayer)

    @property
    def now(self) -> int:
        return self.chain.now()

    def later(self, seconds: int) -> None:
        self.chain.travel_to(self.now + seconds)

    def go_on(self, epoch: Epoch, folder: Path) -> None:
        """Publish another epoch from now on, which follows on the one before."""
        self.epoch, self.folder, self.before = epoch, folder, self.folder

    def ground(self) -> withdrawing.Ground:
        """The latest epoch."""
        from verifier_contracts.vault import Factor
        factors = [Factor(*factor) for factor in factors_of(self.epoch, COLLATERAL.read_bytes())]
        return withdrawing.ground(self.at, self.epoch, factors, self.at.ledger.exit_epoch_age())

    def publish(self) -> EpochContent:
        """As publishers do it: each makes the epoch again before signing, and writes down what it signed."""
        oracle: RiskOracle = self.at.oracle
        new = self.epoch.root != self.published                              # else it was looked at before
        candidate = signing.propose(self.folder, oracle, self.at.court, previous=self.before if new else None,
                                    collateral=COLLATERAL.read_bytes())
        if new:
            signing.require_stands(candidate)
        made = self.bring(candidate.content)
        self.published = self.epoch.root
        return made

    def bring(self, content: EpochContent) -> EpochContent:
        """Have a content signed by all publishers, whatever it is, and published."""
        from verifier_contracts.signers import LocalSigner
        oracle: RiskOracle = self.at.oracle
        files = []
        for publisher in self.publishers:
            owner, journal = signing.owner_of(oracle, publisher.address), self.journals / f"{publisher.address}.journal"
            if not journal.exists():
                signing.begin_journal(journal, owner, oracle, "never-signed")
            signed = signing.sign(content, oracle, LocalSigner(publisher), journal)
            files.append(self.journals / f"{publisher.address}-{content.id}.json")
            signed.save(files[-1])
        done = signing.publish(files, oracle)
        assert done.receipt is not None
        self.gas = done.receipt.gas_used
        return done.content

    def register(self, owner: LocalAccount, opening: Opening) -> Receipt:
        """A commitment, by the venue with its owner's consent."""
        consent = self.at.desk.consent(owner.address, self.venue, opening.commitment, self.now + 3_600)
        return self.at.desk.register(consent, consent.sign(owner), sender=self.venue)

    def key_of(self, address: str) -> LocalAccount:
        """Of one of the embedded chain's senders: the keys 1, 2, 3 …"""
        made: LocalAccount = Account.from_key((self.chain.senders.index(address) + 1).to_bytes(32, "big"))
        assert made.address == address
        return made


def _config(chain: Chain, keys: Mapping[str, KeyDirectory], epoch: Epoch, publishers: Sequence[LocalAccount]
            ) -> SystemConfig:
    """Every role in another hand, as on a chain that counts; only the keys are for trials."""
    from verifier_contracts.liquidation_terms import LiquidationTerms
    from verifier_contracts.oracle import Limits
    from verifier_contracts.system_config import (
        DAY,
        Delays,
        FundCaps,
        LedgerSettings,
        LiquidationSettings,
        OracleSettings,
        Publishers,
        RoleHolders,
        SettlementSettings,
        SystemConfig,
        VaultSettings,
    )
    (quote,) = factors_of(epoch, COLLATERAL.read_bytes())
    _, admin, guardian, risk, venue = chain.senders[:5]
    fund_agent = chain.senders[-1]
    return SystemConfig(
        chain.chain_id, True, {slot: str(key.path) for slot, key in keys.items()},
        RoleHolders(admin, guardian, risk, (venue,), ()), Delays(7 * DAY, 2 * DAY),
        Publishers(tuple(one.address for one in publishers), 3, STAKE),
        OracleSettings(Limits(), 3, len(epoch.header.underlyings), epoch_leaves.layout_of(epoch).cash_id),
        LedgerSettings(MAX_EPOCH_AGE, 15 * MINUTE, 45 * MINUTE, 15 * MINUTE, (0, 2_000, 5_000, 10_000),
                       (60 * MINUTE, 60 * MINUTE, 75 * MINUTE, 90 * MINUTE)),
        VaultSettings(None, quote.asset, 10**15, 30 * MINUTE, ()), SettlementSettings(100, 10_000),
        LiquidationSettings(LiquidationTerms(
            bid_per_margin=1_000, largest_haircut=5_000, blind=10 * MINUTE, disclosure=8 * MINUTE, commit=6 * MINUTE,
            reveal=5 * MINUTE, award=6 * MINUTE, time_before=180 * MINUTE, band=500, concession=200,
            unknown_loss=1_000, breach_share=500, breach_least=10**9, venue_delivers=4 * MINUTE,
            committee_delivers=8 * MINUTE, pay_share=100, pay_cap=10**9),
            fund_agent, FundCaps(10**11, 5 * 10**11, 10**12), 10**10, 10**8, 5_000))
