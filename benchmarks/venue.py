"""From a new epoch to all covers on chain: a venue, a relayer and anvil on one machine; the time with its parts.

    python -m benchmarks.venue [--accounts 64] [--workers 2] [--out out/venue] [--tiny]

Setup is not counted: keys (made once, kept under --out), contracts, accounts with collateral, an epoch in which all are
covered. Then the market moves, and the clock runs: the epoch is built, three publishers make it again and sign it, it
is published, every account's margin and V are looked up, covers are proven, the relayer brings them, strangers'
together. It stops when the ledger has the last cover under the new epoch. Exit code 1 above the bound of a minute,
which is for 64 accounts of `cover-full-256x16` on two quiet cores.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak

from circuits import statements
from circuits.statements import margin
from relayer.outbox_steps import Policy
from relayer.relay import Terms
from risk.epochs.provenance import Sources
from risk.exact.clock import format_time, parse_time
from tailproof import epochs
from tailproof.covering import least_value, required_margin
from tailproof.demo_stage import COLLATERAL, STATEMENTS, Stage
from tailproof.farm import cluster
from tailproof.keys import KeyDirectory, make_keys
from tailproof.relaying import assemble, open_outbox, read_parcel
from tailproof.secret import Opening
from tailproof.shipped import fixtures
from tailproof.statements import r1cs_digest
from tailproof.venue import feeds
from tailproof.venue.config import VenueConfig
from tailproof.venue.openings import Openings, Store
from tailproof.venue.rounds import Rounds
from tailproof.venue.running import Venue
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import node_modules
from verifier_contracts.ledger import INITIAL, Source
from verifier_contracts.signers import LocalSigner
from verifier_contracts.system import Named
from verifier_contracts.token import Token

BOUND = 60.0
"""Seconds (issue 13)."""
TINY = {"margin": "margin-tiny", "cover": "cover-tiny", "flat": "flat-tiny", "transition": "transition-tiny",
        "escrow": "escrow-tiny", "delivery": "delivery-tiny", "leaf-field": "leaf-field-tiny"}
CONFIG = """
signatures = ["signatures"]
interval = 240
[feed]
folder = "feed"
max_age = 86400
replayed = true
[epoch]
model = "model.toml"
collateral = "collateral.json"
allow_trial = true
[accounts]
store = "accounts"
[prove]
key = "{key}"
workers = {workers}
every = 1
[relay]
outbox = "relay.db"
"""


@contextmanager
def anvil(timestamp: int) -> Iterator[str]:
    """A node of this machine; its URL."""
    import os
    import re
    binary = node_modules() / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    with tempfile.TemporaryFile("w+b") as said:
        node = subprocess.Popen([str(binary), "--port", "0", "--timestamp", str(timestamp)], stdout=said,
                                stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                found = re.search(r"Listening on (127\.0\.0\.1:\d+)\n", os.pread(said.fileno(), 1 << 20, 0).decode())
                if found:
                    yield f"http://{found[1]}"
                    return
                time.sleep(0.02)
            raise SystemExit("anvil does not answer")
        finally:
            node.kill()
            node.wait()


def keys_of(folder: Path, names: dict[str, str]) -> dict[str, KeyDirectory]:
    """INSECURE keys, made where they are not kept yet."""
    def key(name: str) -> KeyDirectory:
        path = folder / f"{name}-{r1cs_digest(name)[:16]}"
        return KeyDirectory.load(path) if path.exists() else make_keys(statements.get(name), path)
    return {slot: key(name) for slot, name in names.items()}


def sources_of(statement: str) -> Sources:
    """The fixture of levels; for tiny shapes a trial of three instruments."""
    read = Sources.read(fixtures("levels") / "model.toml", fixtures("levels") / "book.json")
    shape: Any = statements.get(statement).shape
    book = json.loads(read.book)
    if "tiny" not in statement:
        return read
    book["instruments"] = [one for one in book["instruments"] if one["symbol"] in ("BTC-SPOT", "BTC-PERP", "ETH-PERP")]
    text = read.model.decode()
    begin = text.index("[epoch]")
    section = f'[epoch]\nscenarios = {shape.scenarios}\ntail = "{shape.tail}"\ndepth = {shape.depth}\nlanes = 5\n' \
        "width = 50"
    text = 'purpose = "trial"\nseed = 1\n' + text[:begin] + section + text[text.index("\n\n", begin):]
    return Sources(text.encode(), json.dumps(book).encode(), None, {})


class Bench:
    """A venue with everything that it needs, in one process; the farm's workers are others."""

    def __init__(self, home: Path, url: str, keys: dict[str, KeyDirectory], accounts: int, workers: int) -> None:
        self.home, self.url, self.count = home, url, accounts
        for name in ("signatures", "accounts", "feed"):
            (home / name).mkdir(parents=True)
        self.sources = sources_of(keys["cover"].statement)
        (home / "model.toml").write_bytes(self.sources.model)
        shutil.copy(COLLATERAL, home / "collateral.json")
        (home / "venue.toml").write_text(CONFIG.format(key=keys["cover"].path.absolute(), workers=workers))
        self.chain = Chain.connect(url, key_variable="")
        first = epochs.build(self.sources)
        self.stage = Stage.set(self.chain, keys, first, home, home / "journals", lambda _, action: action())  # type: ignore[arg-type]
        self.rounds = Rounds(home / "rounds")
        self.members = [self._member(first, number) for number in range(accounts)]
        config, system = VenueConfig.load(home / "venue.toml"), self.stage.system
        self.outbox = open_outbox(config.outbox, system)
        from relayer.intake import Intake
        self.venue = Venue(config, system, self.stage.at, feeds.FolderFeed(home / "feed"),
                           Openings((Store(home / "accounts"),)), self.outbox,
                           Intake(self.outbox, lambda document: read_parcel(document, system), clock=time.time),
                           lambda: cluster.local(workers), self.heard)
        self.events: list[tuple[float, str]] = []
        sender = Account.from_key(keccak(text="the relayer of a benchmark"))
        self.chain.send(sender.address, b"", sender=self.chain.senders[0], value=10**20)
        self.relay = assemble(system, self.outbox, [url], LocalSigner(sender), keys={
            slot: keys[slot].verification_key() for slot in ("margin", "cover")},
            factors=self.venue.factors.find, terms=Terms(policy=Policy(depth=1), linger=2.0))

    def heard(self, event: str, **facts: Any) -> None:
        self.events.append((time.monotonic(), event))
        if event in ("failed", "tick failed", "refused", "lost"):
            print(event, facts, file=sys.stderr)

    def _member(self, epoch: Any, number: int) -> str:
        """Registered, with collateral that covers it at initial margin, and half as much again."""
        spot = epoch.instruments[epoch.row_of("BTC-SPOT") - 1]
        slots = [(epoch.cash_id, 30_000_000), (spot.id, 300 + number)]
        salt = int.from_bytes(keccak(text=f"salt {number}"), "big") >> 4
        name = self.stage.keys["margin"].statement
        opening = Opening(name, margin.commit(salt, margin.fill(statements.get(name).preset, slots)), salt, slots)
        owner, at = Account.from_key(keccak(text=f"owner {number}")), self.stage.at
        self.stage.register(owner, opening)
        amount = 3 * least_value(required_margin(epoch, opening), at.ledger.buffer_of(INITIAL)) // 2
        coin, relayer = Token(self.chain, self.stage.system.quote_token), self.stage.relayer
        Named(self.chain, coin.address, "TrialToken").transact("mint", relayer, amount)
        coin.approve(at.vault.address, amount, sender=relayer)
        at.vault.deposit(owner.address, coin.address, amount, sender=relayer)
        opening.save(self.home / "accounts" / f"{owner.address}.json")
        return str(owner.address)

    # -- an epoch ------------------------------------------------------------------------------------------------------
    def feed(self, sequence: int) -> None:
        """The market a little later, and a little elsewhere."""
        book = json.loads(self.sources.book)
        valuation = parse_time(book["valuation"], field="valuation") + 300 * sequence
        book["valuation"] = format_time(valuation)
        first = book["underlyings"][0]
        first["spot"] = f"{float(first['spot']) * (1 + 0.001 * sequence):.2f}"
        feeds.write(self.home / "feed", sequence, int(time.time()), {"book": json.dumps(book).encode()}, replayed=True)

    def sign(self) -> None:
        """Every publisher makes the epoch again, and signs."""
        from tailproof import signing, signing_journal
        from tailproof.venue.cosigning import Cosigner, Terms
        terms = Terms(self.sources.model, COLLATERAL.read_bytes(), None, 600, True, accepts_changes=True)
        for publisher in self.stage.publishers:
            journal = self.home / "journals" / publisher.address
            if not journal.exists():
                signing_journal.create(journal, signing.owner_of(self.stage.at.oracle, publisher.address),
                                       self.chain.now(), never_signed=True)
            Cosigner(self.stage.at, self.rounds, LocalSigner(publisher), journal, self.home / "signatures", terms,
                     self.heard).round()

    def covered(self, epoch_id: int) -> int:
        from tailproof.farm.contexts import states
        return sum(state.word.source is Source.COVER and state.word.epoch_id == epoch_id
                   for state in states(self.stage.at, self.members).values())

    def epoch(self, sequence: int) -> dict[str, float]:
        """One epoch until the last cover is on chain; seconds of its parts."""
        self.feed(sequence)
        self.events.clear()
        began, published = time.monotonic(), self.venue.published
        stop = threading.Event()
        carrying = threading.Thread(target=lambda: self.relay.run(stop, 0.2), daemon=True)
        carrying.start()
        try:
            while self.venue.published == published:
                self.venue.once()
                if self._at("proposed") and not self._at("signed"):
                    self.sign()
            out = self._at("published")
            self.venue.once()
            epoch_id, proven = self.venue.accounts.epoch_id, self.events[-1][0]
            while self.covered(epoch_id) < self.count:
                if time.monotonic() - proven > 600:
                    raise SystemExit(f"not all covers came on chain: {self.outbox.counts()}, {self.outbox.latest(3)}")
                time.sleep(0.1)
            end = time.monotonic()
        finally:
            stop.set()
            carrying.join(60)
        return {"build and propose": self._at("proposed") - began, "sign and publish": out - self._at("proposed"),
                "until the first proof": self._at("handed over") - out, "until the last proof": proven - out,
                "the last on chain after it": end - proven, "all": end - began}

    def _at(self, event: str) -> float:
        """When it was heard first; 0 if it was not."""
        return next((moment for moment, name in self.events if name == event), 0.0)


def main(told: Callable[[str], object] = print) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("out/venue"))
    parser.add_argument("--tiny", action="store_true", help="The smallest statements: a trial of the benchmark.")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    keys = keys_of(options.out / "keys", TINY if options.tiny else dict(STATEMENTS))
    begin = parse_time(json.loads((fixtures("levels") / "book.json").read_text())["valuation"], field="valuation")
    with tempfile.TemporaryDirectory(prefix="tailproof-venue-") as folder, anvil(begin + 600) as url:
        bench = Bench(Path(folder) / "home", url, keys, options.accounts, options.workers)
        bench.epoch(1)                             # workers start, the key is kept for combinations: not counted
        bench.chain.travel_to(bench.chain.now() + 300)
        gas = bench.outbox.spent()
        found = bench.epoch(2)
        spent = bench.outbox.spent()
        bench.venue.close()
    for name, seconds in found.items():
        told(f"{name:28} {seconds:7.2f} s")
    told(f"{options.accounts} accounts of {keys['cover'].statement}, {options.workers} workers: {spent[0] - gas[0]} "
         f"transactions, {(spent[1] - gas[1]) // options.accounts} gas an account; the bound is {BOUND:.0f} s")
    (options.out / "venue.json").write_text(json.dumps({
        "accounts": options.accounts, "workers": options.workers, "statement": keys["cover"].statement,
        "seconds": found, "gas": spent[1] - gas[1], "transactions": spent[0] - gas[0], "bound": BOUND}, indent=1))
    return 0 if found["all"] <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
