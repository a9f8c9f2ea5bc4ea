"""`tailproof relay`: taken by a command, a folder and HTTP, carried by a process that ends when it is told to."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from eth_account import Account
from nodes import anvil, loopback, url_of
from system_world import build_system
from toykey import CIRCUIT
from world import GENESIS, HOUR

from prover.files.snarkjs import verification_key_to_json
from tailproof.bundle import Bundle
from tailproof.cli import main
from verifier_contracts.context import Context
from verifier_contracts.system_config import REQUIRED_SLOTS

Run = Callable[..., Any]
KEY = "0x" + "44" * 32
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    home = tmp_path_factory.mktemp("relayed")
    with anvil("--timestamp", str(GENESIS)) as chain, loopback(url_of(chain)) as node:
        world = build_system(chain, slots=REQUIRED_SLOTS)
        chain.web3.provider.make_request("anvil_setBalance", [Account.from_key(KEY).address, hex(10**20)])  # type: ignore[arg-type]
        world.system.save(home / "deployment.json")
        (home / "key.json").write_text(json.dumps(verification_key_to_json(world.keys["margin"].verification_key)))
        owners = [Account.from_key((7_000 + number).to_bytes(32, "big")) for number in range(4)]
        for place, owner in enumerate(owners):
            commitment = world.keys["margin"].scalar(f"carried {place}")
            world.register(commitment, owner=owner)
            context = Context("margin", chain.chain_id, world.ledger.address,
                              world.keys["margin"].verification_key.digest(), owner.address, world.epoch, 1)
            inputs = {"context": context.field_element(), "epoch_root": world.root, "portfolio_commitment": commitment,
                      "margin": 500 + place}
            Bundle("margin-toy", CIRCUIT.hex(), True, inputs, context,
                   world.keys["margin"].prove(list(inputs.values()))).save(home / f"{place}.json")
        false = json.loads((home / "3.json").read_text())
        false["public_inputs"]["margin"] = "1"
        (home / "false.json").write_text(json.dumps(false))
        yield SimpleNamespace(home=home, world=world, node=node, owners=owners, deployment=home / "deployment.json",
                              outbox=home / "outbox.db")


def margin(site: SimpleNamespace, place: int) -> int:
    return int(site.world.at.ledger.margin_of(site.owners[place].address, 24 * HOUR))


def test_taken_by_a_command_and_carried(run: Run, site: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    there = ("--deployment", site.deployment, "--outbox", site.outbox)
    told = run("relay", "submit", site.home / "0.json", site.home / "0.json", *there)
    assert (told.code, [item["taken"] for item in told.data["items"]]) == (0, ["new", "known"])
    waiting = run("relay", "status", *there).data
    assert waiting["items"]["queued"] == 1
    (item,) = waiting["latest"]
    assert (item["kind"], item["epoch_id"], item["version"]) == ("margin", site.world.epoch, 1)
    assert item["epoch_id_utc"] in CliRunner().invoke(main, ["relay", "status", *map(str, there)]).stdout
    monkeypatch.setenv("TAILPROOF_PRIVATE_KEY", KEY)
    told = run("relay", "run", *there, "--rpc", site.node.url, "--until-done", "--linger", 0, "--every", 1)
    assert (told.code, told.data["items"]["final"]) == (0, 1)
    assert margin(site, 0) == 500
    assert run("relay", "submit", site.home / "0.json", *there).data["items"][0]["state"] == "final"


def test_what_was_refused_is_exit_code_1_and_its_reason_is_told(run: Run, site: SimpleNamespace, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    there = ("--deployment", site.deployment, "--outbox", tmp_path / "box.db")
    monkeypatch.setenv("TAILPROOF_PRIVATE_KEY", KEY)
    run("relay", "submit", site.home / "false.json", *there)
    told = run("relay", "run", *there, "--rpc", site.node.url, "--until-done", "--linger", 0, "--every", 1)
    assert (told.code, told.data["items"]["refused"]) == (1, 1)
    (item,) = run("relay", "status", *there).data["latest"]
    assert item["reason"].startswith("ProofRejected")
    assert run("relay", "submit", site.home / "false.json", *there).data["items"][0]["taken"] == "again"


def test_what_is_wrong_is_said_before_anything_is_done(run: Run, site: SimpleNamespace, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    there = ("--deployment", site.deployment, "--rpc", site.node.url, "--outbox", tmp_path / "box.db")
    assert run("relay", "run", *there, "--until-done").data["field"] == "key"
    monkeypatch.setenv("TAILPROOF_PRIVATE_KEY", KEY)
    (tmp_path / "tokens").write_text("short\n")
    for options, field in ((("--dry-run",), "--dry-run and --calldata"), (("--listen", "nowhere"), "--listen"),
                           (("--token-file", tmp_path / "tokens"), "--token-file"),
                           (("--listen", "127.0.0.1:0", "--token-file", tmp_path / "tokens"), "token file"),
                           (("--quorum", 2), "quorum"), (("--node", site.node.url), "nodes"),
                           (("--folder", tmp_path / "none"), "folder")):
        told = run("relay", "run", *there, *options)
        assert (told.code, told.data["field"]) == (2, field), told
    (tmp_path / "tokens").write_text("t" * 40 + "\n")
    for address, warned in (("127.0.0.1:0", False), ("[::1]:0", False), ("192.0.2.1:0", True)):
        told = run("relay", "run", *there, "--listen", address, "--token-file", tmp_path / "tokens", "--quorum", 2)
        assert (told.code, "speaks no TLS" in told.stderr) == (2, warned), told
    for bundle, bound in ((tmp_path / "absent.json", "a readable file"), (tmp_path, "a readable file")):
        told = run("relay", "submit", bundle, *there[:2], *there[4:])
        assert (told.code, told.data["bound"]) == (2, bound), told
    told = run("relay", "run", *there[:4], "--outbox", "mysql://x:secret@y/z")
    assert (told.code, told.data["field"]) == (2, "outbox")
    assert "secret" not in json.dumps(told.data)
    (tmp_path / "other.json").write_text(site.deployment.read_text().replace(
        site.world.ledger.address, "0x" + "12" * 20))
    run("relay", "status", "--deployment", site.deployment, "--outbox", tmp_path / "box.db")
    told = run("relay", "status", "--deployment", tmp_path / "other.json", "--outbox", tmp_path / "box.db")
    assert (told.code, told.data["field"]) == (2, "ledger of the outbox")


def test_who_looks_makes_no_outbox(run: Run, site: SimpleNamespace, tmp_path: Path) -> None:
    """Whoever mistypes its name is not told that it is empty."""
    told = run("relay", "status", "--deployment", site.deployment, "--outbox", tmp_path / "typo.db")
    assert (told.code, told.data["field"], list(tmp_path.iterdir())) == (2, "--outbox", [])


def test_a_token_is_made(run: Run, tmp_path: Path) -> None:
    from relayer.intake_http import read_tokens
    assert run("relay", "token", "--out", tmp_path / "token").code == 0
    assert len(read_tokens(tmp_path / "token")) == 1
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_a_process_of_its_own(run: Run, site: SimpleNamespace, tmp_path: Path) -> None:
    """By folder and by HTTP, together; it shows itself, says no secret, keeps others away, and ends when it is told."""
    run("relay", "token", "--out", tmp_path / "token")
    token, folder, log = (tmp_path / "token").read_text().strip(), tmp_path / "in", tmp_path / "relay.log"
    folder.mkdir()
    (folder / "1.json").write_bytes((site.home / "1.json").read_bytes())
    there = ("--deployment", site.deployment, "--rpc", site.node.url, "--outbox", tmp_path / "box.db")
    command = [sys.executable, "-m", "tailproof", "relay", "run", *there, "--folder", folder, "--listen", "127.0.0.1:0",
               "--token-file", tmp_path / "token", "--log", log, "--every", "1", "--key", site.home / "key.json",
               "--json"]
    environment = {**os.environ, "TAILPROOF_PRIVATE_KEY": KEY, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([str(part) for part in command], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        url = str(seen(log, "started")["listening"])
        answer = requests.post(f"{url}/bundles", data=(site.home / "2.json").read_bytes(), timeout=60,
                               headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text
        name = f"{url}/bundles/{site.owners[2].address}/{site.world.epoch}/1"
        until(lambda: requests.get(name, headers={"Authorization": f"Bearer {token}"}, timeout=60).json()["state"]
              == "final")
        until(lambda: requests.get(f"{url}/status.json", timeout=60).json()["items"]["final"] == 2)
        assert requests.get(f"{url}/health", timeout=60).status_code == 200
        assert "tailproof_relay_items" in requests.get(f"{url}/metrics", timeout=60).text
        shown = requests.get(url, timeout=60).text
        second = subprocess.run([str(part) for part in command[:11]], cwd=ROOT, env=environment, capture_output=True,
                                text=True, timeout=120, check=False)
        assert second.returncode == 3, second.stderr
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert json.loads(out)["items"]["final"] == 2
    assert (margin(site, 1), margin(site, 2)) == (501, 502)
    assert (folder / "taken" / "1.json").exists()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"started", "taken", "checked", "signed", "handover", "mined", "finish", "stopped"} <= {
        event["event"] for event in events}
    for secret in (token, KEY[2:], "secret-path", "pi_a"):
        assert secret not in log.read_text() + errors + out + shown
    assert not re.search(r"0x[0-9a-f]{200}", log.read_text()), "a raw transaction"


def until(true: Callable[[], bool], patience: float = 90.0) -> None:
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def seen(log: Path, event: str) -> dict[str, Any]:
    until(lambda: log.exists() and any(json.loads(line)["event"] == event for line in log.read_text().splitlines()))
    return next(found for line in log.read_text().splitlines() if (found := json.loads(line))["event"] == event)
