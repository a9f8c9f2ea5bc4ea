"""A system of contracts on the embedded chain whose proofs are real: tiny statements, keys made here, an epoch on
levels built from sources, and the commands of `tailproof` on it.

Slots that no test here proves for have toy keys.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import committees
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

sys.path.insert(0, str(Path(__file__).parent / "verifier_contracts"))

from system_world import (
    BLOCKS,
    CONTRACTS,
    FINALITY,
    MINUTE,
    Coin,
    SystemWorld,
    Tested,
    config_for,
    factors_hash,
    publisher_keys,
    toy_keys,
)
from test_levels_end_to_end import DEPOSIT, epoch_of
from toykey import CIRCUIT
from world import GENESIS

from circuits import statements
from circuits.statements import margin
from tailproof import epochs
from tailproof.cli.node import Endpoint
from tailproof.keys import KeyDirectory, make_keys
from tailproof.known_answers import prove_known_answer
from tailproof.secret import Opening
from tailproof.systems import empty_fills
from verifier_contracts.answers import Block
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.oracle import LeafLayout
from verifier_contracts.system import Contracts, System
from verifier_contracts.system_config import VaultSettings
from verifier_contracts.system_deployment import Proving, SlotKey, deploy_system
from verifier_contracts.token import Token
from verifier_contracts.vault import Factor

STATEMENTS = {"margin": "margin-tiny", "cover": "cover-tiny", "flat": "flat-tiny", "transition": "transition-tiny",
              "escrow": "escrow-tiny", "disclose": "disclose-tiny"}
COLLATERAL = """{"schema": "tailproof.collateral/1", "assets": [{"symbol": "USDC", "token":
"eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "decimals": 6, "price": "1", "fall": "0", "rise": "0",
"protocol": "0", "liquidation": "0"}]}"""


def key_of_sender(place: int) -> LocalAccount:
    """eth-tester's accounts have the keys 1, 2, 3, ..."""
    return Account.from_key((place + 1).to_bytes(32, "big"))


@dataclass
class RealSystem:
    """A deployed system, its files, and who uses it.

    folder : keys/SLOT, epoch, collateral.json, deployment.json.  world : time, epochs, the trial token.
    built : the last block of `build`.  scenes : what tests begin with, once made: a snapshot and the files of each.
    """

    folder: Path
    world: SystemWorld
    system: System
    at: Contracts
    epoch: Any
    factors: tuple[Factor, ...]
    trader: LocalAccount
    venue: LocalAccount
    run: Callable[..., Any]
    compared: bool = False
    built: Block | None = None
    scenes: dict[str, tuple[Any, Path]] = field(default_factory=dict)

    def scene(self, name: str, folder: Path, make: Callable[[Path], object]) -> Path:
        """What `make(folder)` does to the system as it was built, and the files that it leaves in `folder`.

        It takes seconds of proving, so it is done once; further tests begin with a copy: the chain is put there (a
        snapshot of the embedded chain is good for as many returns as one likes) and the files are copied.
        """
        assert self.chain.block() == self.built, "a scene is where a test begins: what it did before would be undone"
        if name not in self.scenes:
            kept = Path(tempfile.mkdtemp(dir=self.folder))
            make(kept)
            self.scenes[name] = self.chain.snapshot(), kept
        snapshot, kept = self.scenes[name]
        self.chain.restore(snapshot)
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        return folder

    @property
    def chain(self) -> Chain:
        return self.world.chain

    def key(self, slot: str) -> KeyDirectory:
        return KeyDirectory.load(self.folder / "keys" / slot)

    def path(self, name: str) -> Path:
        return self.folder / name

    # -- epochs --------------------------------------------------------------------------------------------------------
    def publish(self, after: int = 5 * MINUTE) -> int:
        """The same epoch again, later, as its publishers sign it."""
        now = self.chain.now() + after
        self.chain.travel_to(now)
        content = self.world.content(now, self.epoch.root, factors_hash=factors_hash(self.factors))
        self.world.publish_content(content)
        return now

    def finalise(self) -> int:
        """Until what was published last is final; the latest epoch then."""
        due = self.chain.now() + FINALITY + BLOCKS
        while self.chain.now() <= due:
            latest = self.publish()
        return latest

    # -- commands ------------------------------------------------------------------------------------------------------
    def __call__(self, *arguments: object, by: LocalAccount | str | None = None, code: int = 0,
                 sends: bool = True) -> dict[str, Any]:
        """`tailproof ARGUMENTS --deployment … --json` as somebody, whose key is in the environment if it is at hand."""
        who = self.trader if by is None else by
        sender = who if isinstance(who, str) else who.address
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Endpoint, "connect", lambda endpoint: self.connected(endpoint))
            if self.compared:                      # a hundred questions, which the first command has asked
                patch.setattr(System, "open", System.bind)
            self.compared = True
            patch.delenv("TAILPROOF_PRIVATE_KEY", raising=False)
            if not isinstance(who, str):
                patch.setenv("TAILPROOF_PRIVATE_KEY", "0x" + bytes(who.key).hex())
            answer = self.run(*arguments, "--deployment", self.path("deployment.json"), "--rpc", "http://embedded",
                              *(("--from", sender) if sends else ()))
        assert answer.code == code, (arguments, answer.data, answer.stderr)
        data: dict[str, Any] = answer.data
        return data

    def connected(self, endpoint: Endpoint) -> Chain:
        """The embedded chain on an endpoint's terms."""
        terms = Terms(sender=endpoint.sender, withhold=endpoint.dry_run or endpoint.calldata is not None)
        return Chain(self.chain.transport, terms=terms)

    # -- escrow --------------------------------------------------------------------------------------------------------
    def prepare_escrow(self, tmp: Path) -> None:
        """A committee of three, two of whom decrypt, and keys of venue and trader: secrets venue.json, trader.json and
        committee/ in a folder."""
        (tmp / "committee").mkdir()
        generation = self.at.escrow.generation() + 1
        made = committees.make(tmp / "committee", 2, 3, self.at.escrow.context_of_committee(generation))
        made.committee.save(tmp / "committee.json")
        for share in made.shares:
            share.save(tmp / "committee" / f"share{share.member}.json")
        self("committee", "register", "--committee", tmp / "committee.json", by=self.world.admin)
        for name, who in (("venue", self.venue), ("trader", self.trader)):
            self.run("committee", "init", "member", "--name", name, "--secret", tmp / f"{name}.json", "--public",
                     tmp / f"{name}-public.json")
            self("escrow", "key", "--secret", tmp / f"{name}.json", by=who)

    def post(self, opening: Path) -> dict[str, Any]:
        """The trader puts an opening in escrow."""
        return self("escrow", "post", "--key", self.path("keys/escrow"), "--opening", opening)

    # -- what people do ------------------------------------------------------------------------------------------------
    def register(self, slots: list[tuple[int, int]], salt: int = 11) -> Opening:
        """The trader's first commitment, registered by the venue with her consent."""
        preset = statements.get("margin-tiny").preset
        opening = Opening("margin-tiny", margin.commit(salt, margin.fill(preset, slots)), salt, slots)
        consent = self.at.desk.consent(self.trader.address, self.venue.address, opening.commitment,
                                       self.chain.now() + 3_600)
        self.at.desk.register(consent, consent.sign(self.trader), sender=self.venue.address)
        return opening

    def mint(self, amount: int, to: str | None = None) -> Token:
        self.world.coin.transact("mint", to or self.trader.address, amount)
        return Token(self.chain, self.system.quote_token)


def factors_of_file(folder: Path) -> tuple[Factor, ...]:
    from risk.grid.haircuts import parse_collateral
    (asset,) = parse_collateral((folder / "collateral.json").read_bytes())
    assert asset.price is not None
    assert asset.swing is not None
    made = asset.factors(asset.price, asset.swing)
    return (Factor(made.id & (1 << 31) - 1, made.value, made.debt),)


def build(folder: Path, run: Callable[..., Any]) -> RealSystem:
    """Deploy it, publish the epoch, and leave accounts to the tests."""
    epoch = epoch_of("cover-tiny")
    epochs.save(epoch, folder / "epoch")
    (folder / "collateral.json").write_text(COLLATERAL)
    factors = factors_of_file(folder)
    keys = {slot: make_keys(statements.get(name), folder / "keys" / slot) for slot, name in STATEMENTS.items()}
    make_keys(statements.get("flat-tiny"), folder / "keys" / "flat-next")
    chain = Chain.embedded(timestamp=GENESIS)
    toys = toy_keys()
    slots: Mapping[str, SlotKey] = {
        slot: SlotKey(f"{slot}-toy", toy.verification_key, CIRCUIT, toy.known_answer()) if slot not in keys else
        SlotKey(keys[slot].statement, keys[slot].verification_key(), bytes.fromhex(keys[slot].r1cs_digest),
                prove_known_answer(keys[slot])) for slot, toy in toys.items()}
    config = config_for(chain)
    config = replace(config, vault=VaultSettings(None, factors[0].asset, 10**15, 30 * MINUTE, ()),
                     oracle=replace(config.oracle, cash_id=epoch.cash_id))
    shape = epoch.shape
    layout = LeafLayout(shape.lanes, shape.width, shape.value_bits, shape.scenarios, 2, epoch.cash_id)
    preset = statements.get("margin-tiny").preset
    proving = Proving(slots, layout, int(margin.commit(0, margin.fill(preset, []))), preset.slots,
                      empty_fills(statements.get("transition-tiny")))
    system = deploy_system(chain, config, proving, sender=chain.senders[0], file=folder / "deployment.json")
    at = system.open(chain)
    world = world_of(chain, system, config, at, toys)
    made = RealSystem(folder, world, system, at, epoch, factors, key_of_sender(9), key_of_sender(4), run)
    assert made.trader.address == chain.senders[9]
    for publisher in world.publishers:             # who asks a question pays for it here, at least in thought
        chain.send(publisher.address, b"", sender=world.challenger, value=10**18)
    made.publish(MINUTE)
    made.built = chain.block()
    return made


def world_of(chain: Chain, system: System, config: Any, at: Contracts, toys: Any) -> SystemWorld:
    """What `SystemWorld` knows of time, epochs and the trial token."""
    tested = {name: Tested(chain, system.contracts[name], solidity) for name, solidity in CONTRACTS.items()}
    _, admin, guardian, risk, venue, other_venue, relayer, stranger, challenger = chain.senders[:9]
    return SystemWorld(
        chain=chain, keys=toys, **{name: tested[name] for name in (
            "authority", "oracle", "registry", "vault", "combiner", "attestor", "desk", "escrow", "ledger", "lens")},
        admin=admin, guardian=guardian, venue=venue, other_venue=other_venue, relayer=relayer, stranger=stranger,
        owner=key_of_sender(9), epoch=0, root=1, commitment=0, margin=0, system=system, config=config, at=at,
        publishers=tuple(publisher_keys()), coin=Coin(chain, system.quote_token), deployer=chain.senders[0], risk=risk,
        challenger=challenger)


__all__ = ["DEPOSIT", "RealSystem", "build", "key_of_sender"]
