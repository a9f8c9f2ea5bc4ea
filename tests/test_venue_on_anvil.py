"""A venue as it is run: a node, a feed that is replayed, signers, a relayer and the venue, each a process of its own;
one of them is killed in the middle. Tiny statements."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_account import Account
from eth_utils.crypto import keccak
from nodes import anvil, url_of
from oracle_epochs import sources

from circuits import statements
from circuits.statements import margin
from risk.epochs.build import build
from risk.exact.clock import format_time, parse_time
from tailproof.covering import least_value, required_margin
from tailproof.demo_stage import COLLATERAL, Stage
from tailproof.keys import make_keys
from tailproof.relaying import open_outbox
from tailproof.secret import Opening
from verifier_contracts.abi import event_topics
from verifier_contracts.chain import Chain
from verifier_contracts.ledger import Source
from verifier_contracts.system import Named
from verifier_contracts.token import Token

ROOT = Path(__file__).parent.parent
KEYS = {"margin": "margin-tiny", "cover": "cover-tiny", "flat": "flat-tiny", "transition": "transition-tiny",
        "escrow": "escrow-tiny", "delivery": "delivery-tiny", "leaf-field": "leaf-field-tiny"}
ACCOUNTS, EPOCHS, STEP = 4, 3, 600
BEGIN = "2021-01-01T00:00:00Z"
PATIENCE = 300.0
RELAYER, SENDER = (Account.from_key(keccak(text=f"venue {number}")) for number in range(2))
CONFIG = """
signatures = ["signatures"]
interval = 300
[feed]
folder = "feed"
max_age = 3600
replayed = true
[epoch]
model = "model.toml"
collateral = "collateral.json"
valid_for = 300
allow_trial = true
[accounts]
store = "accounts"
[prove]
key = "keys/{kind}"
workers = 1
every = 1
[relay]
outbox = "relay.db"
[keeper]
gas_per_day = 30000000
every = 5
[page]
listen = "127.0.0.1:0"
"""


@dataclass
class Site:
    """A folder with everything, and the processes that run on it."""

    home: Path
    chain: Chain
    stage: Stage
    openings: dict[str, Opening]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: object, key: str | None = None) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TAILPROOF_THREADS": "1",
                       **({} if key is None else {"TAILPROOF_PRIVATE_KEY": key})}
        with (self.home / "logs" / f"{name}.said").open("ab") as said:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "tailproof", *map(str, arguments), "--deployment", self.home / "contracts.json",
                 "--rpc", url_of(self.chain)], cwd=self.home, env=environment, stdout=said, stderr=said)
        return self.running[name]

    def venue(self) -> subprocess.Popen[bytes]:
        return self.start("venue", "venue", "run", "venue.toml", "--log", self.home / "logs" / "venue.log",
                          key=SENDER.key.hex())

    def wait(self, what: str, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not holds():
            for name, process in self.running.items():
                assert process.poll() is None, (name, self.said())
            assert time.monotonic() < until, (what, self.said())
            time.sleep(0.1)

    def said(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1_500:]}"
                         for path in sorted((self.home / "logs").iterdir()))

    def events(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.home / "logs" / f"{name}.log").read_text().splitlines()]

    def feed(self, row: int) -> None:
        """The market moves on by a row of its history, and the chain's clock with it."""
        at = format_time(parse_time(BEGIN, field="begin") + row * STEP)
        if row > 1:
            self.chain.travel_to(self.chain.now() + STEP)
        done = subprocess.run(
            [sys.executable, "-m", "tailproof", "venue", "replay", "history.csv", "--book", "book.json", "--speed", "1",
             "--out", "feed", "--since", at, "--until", at], cwd=self.home, capture_output=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr

    def proven(self, epoch_id: int) -> int:
        """Bundles of an epoch that are on the shelf."""
        return sum(f"-{epoch_id}-" in path.name for path in (self.home / "state" / "proven").iterdir())

    def shown(self, kind: str, epoch_id: int) -> int:
        """Accounts whose proof under an epoch the ledger has."""
        words = [self.stage.at.ledger.state_of(account) for account in self.openings]
        return sum(word.epoch_id == epoch_id and word.source is (Source.COVER if kind == "cover" else Source.MARGIN)
                   for word in words)

    def stop(self) -> None:
        for name, process in self.running.items():
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0, (name, self.said())


@contextmanager
def made(home: Path, kind: str) -> Iterator[Site]:
    for name in ("signatures", "accounts", "feed", "logs"):
        (home / name).mkdir()
    read = sources(valuation=BEGIN)
    (home / "book.json").write_bytes(read.book)
    (home / "model.toml").write_bytes(read.model)
    shutil.copy(COLLATERAL, home / "collateral.json")
    (home / "venue.toml").write_text(CONFIG.format(kind=kind))
    begin = parse_time(BEGIN, field="begin")
    rows = [f"{format_time(begin + row * STEP)},{29_001.72 + 20 * row},{737.8 + row}" for row in range(EPOCHS + 1)]
    (home / "history.csv").write_text("\n".join(["time,BTC,ETH", *rows, ""]))
    epoch = build(read)
    keys = {slot: make_keys(statements.get(name), home / "keys" / slot) for slot, name in KEYS.items()}
    with anvil("--timestamp", str(begin + STEP)) as chain:
        stage = Stage.set(chain, keys, epoch, home, home / "journals", lambda _, action: action(),
                          changed=lambda config: replace(config, publishers=replace(config.publishers, quorum=2)))
        stage.system.save(home / "contracts.json")
        for who in (RELAYER, SENDER):
            chain.send(who.address, b"", sender=chain.senders[0], value=10**19)
        site = Site(home, chain, stage, {})
        for number in range(ACCOUNTS):
            _account(site, epoch, number)
        try:
            yield site
        finally:
            for process in site.running.values():
                process.kill()
                process.wait()


def _account(site: Site, epoch: Any, number: int) -> None:
    """Registered, with collateral that covers it twice."""
    spot = epoch.instruments[epoch.row_of("BTC-SPOT") - 1]
    slots = [(epoch.cash_id, 30_000_000), (spot.id, 300 + 100 * number)]
    salt = int.from_bytes(keccak(text=f"salt {number}"), "big") >> 4
    opening = Opening("margin-tiny", margin.commit(salt, margin.fill(statements.get("margin-tiny").preset, slots)),
                      salt, slots)
    owner, stage = Account.from_key(keccak(text=f"owner {number}")), site.stage
    stage.register(owner, opening)
    amount = 2 * least_value(required_margin(epoch, opening), stage.at.ledger.buffer_of(1))
    coin = Token(site.chain, stage.system.quote_token)
    Named(site.chain, coin.address, "TrialToken").transact("mint", stage.relayer, amount)
    coin.approve(stage.at.vault.address, amount, sender=stage.relayer)
    stage.at.vault.deposit(owner.address, coin.address, amount, sender=stage.relayer)
    opening.save(site.home / "accounts" / f"{owner.address}.json")
    site.openings[owner.address] = opening


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["margin", "cover"])
def test_three_epochs_and_a_kill_in_the_middle(kind: str, tmp_path: Path) -> None:
    with made(tmp_path, kind) as site:
        for place in range(2):
            site.start(f"signer-{place}", "venue", "signer", "rounds", "--out", "signatures", "--model", "model.toml",
                       "--collateral", "collateral.json", "--allow-trial", "--accept-changes", "--new-journal",
                       "never-signed", "--journal", f"signer-{place}.journal", "--every", 1, "--log",
                       tmp_path / "logs" / f"signer-{place}.log", key=site.stage.publishers[place].key.hex())
        site.start("relay", "relay", "run", "--outbox", "relay.db", "--key", "keys/margin", "--cover-key", "keys/cover",
                   "--epochs", "rounds/epochs", "--collateral", "collateral.json", "--every", 1, "--log",
                   tmp_path / "logs" / "relay.log", key=RELAYER.key.hex())
        ids, oracle = list[int](), site.stage.at.oracle
        for row in range(1, EPOCHS + 1):
            site.feed(row)
            if row == 1:
                site.venue()
            before = ids[-1] if ids else 0
            site.wait(f"epoch {row}", lambda before=before: oracle.latest_epoch_id() > before)      # type: ignore[misc]
            ids.append(oracle.latest_epoch_id())
            if row == 2:                           # in the middle: some are proven, others not
                site.wait("a proof", lambda: site.proven(ids[-1]) > 0)
                site.running["venue"].kill()
                site.running["venue"].wait()
                print(f"\nkilled with {site.proven(ids[-1])} of {ACCOUNTS} proven")
                site.venue()
            site.wait(f"proofs in epoch {row}", lambda: site.shown(kind, ids[-1]) == ACCOUNTS)
        _require_seen(site)
        box = open_outbox(str(tmp_path / "relay.db"), site.stage.system)
        site.wait("all final", lambda: box.counts()["final"] == ACCOUNTS * EPOCHS)
        site.stop()
        assert {state: count for state, count in box.counts().items() if count} == {"final": ACCOUNTS * EPOCHS}
        box.close()
        assert [tick["outcome"] for tick in map(json.loads, (path.read_text() for path in sorted(
            (tmp_path / "state" / "ticks").iterdir())))] == ["published"] * EPOCHS
        assert not [one for one in site.events("venue") if one["event"] in ("keeper failed", "lost", "refused")]
        _require_once(site, kind, ids)
        _require_no_secret(site)


def _require_seen(site: Site) -> None:
    """What the page says, while it runs."""
    url = [one for one in site.events("venue") if one["event"] == "started"][-1]["listening"]
    site.wait("all on chain, noted", lambda: requests.get(url + "/status.json", timeout=10).json()["accounts"] == {
        "on chain": ACCOUNTS})
    found = requests.get(url + "/status.json", timeout=10).json()
    assert (found["healthy"], found["troubles"]) == (True, [])
    assert {"built", "published", "proven"} <= found["latency"].keys()
    assert found["gas"]["publications"] > 300_000
    assert found["gas"]["relayed"] > 300_000
    assert requests.get(url + "/health", timeout=10).status_code == 200
    assert "tailproof_venue_accounts{state=\"on chain\"} 4.0" in requests.get(url + "/metrics", timeout=10).text
    assert requests.post(url + "/", timeout=10).status_code == 405


def _require_once(site: Site, kind: str, ids: list[int]) -> None:
    """Each account was shown once in each epoch, whoever was killed."""
    name = "CoverAttested" if kind == "cover" else "MarginAttested"
    artifact = site.stage.at.ledger.artifact
    (event,) = [topic for topic, entry in event_topics(artifact).items() if entry["name"] == name]
    logs = site.chain.logs([site.stage.at.ledger.address], [[event]], 0)
    assert len(logs) == ACCOUNTS * EPOCHS
    assert len(ids) == len(set(ids)) == EPOCHS
    signed = Counter(path.name[:6] for path in (site.home / "signatures").iterdir())
    assert set(signed) == {f"{tick:06d}" for tick in range(1, EPOCHS + 1)}


def _require_no_secret(site: Site) -> None:
    """No salt is on a disk but in the store, nor in what any process said; and no signer's key."""
    hunted = list[bytes]()
    for opening in site.openings.values():
        salt = opening.salt
        hunted += [salt.to_bytes(32, "big"), salt.to_bytes(32, "little"), b"%x" % salt, b"%d" % salt]
    for one in (*site.stage.publishers, RELAYER, SENDER):
        hunted.append(one.key.hex().removeprefix("0x").encode())
    inside = set((site.home / "accounts").iterdir())
    files = [path for path in site.home.rglob("*") if path.is_file() and path not in inside and path.parent.name not in
             KEYS]
    assert len(files) > 30
    for path in files:
        data = path.read_bytes()
        assert not any(secret in data for secret in hunted), path
    assert any(hunted[3] in path.read_bytes() for path in inside), "so would be found"
