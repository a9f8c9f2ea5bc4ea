"""The README's path through a whole system of contracts, as it stands there, line by line, in a shell on anvil: a
newcomer copies it and gets what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nodes import anvil, url_of

from verifier_contracts.chain import KEY_VARIABLE, Chain

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
FIRST, LAST = "### Once: contracts and a first epoch", "## A prover for any circom circuit"
FALSE = "tailproof vault claim"
"""What exits 1 the first time, as the README says: its epoch is not final."""
KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    "0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97")
"""Of anvil's first nine accounts, which everybody knows."""
NAMES = ("DEPLOYER", "ADMIN", "GUARDIAN", "RISK", "VENUE", "PUBLISHER_1", "PUBLISHER_2", "PUBLISHER_3", "OWNER")
UNTIL_FINAL = 4
"""Epochs after the first, eight minutes apart, until it is final: 20 live minutes."""


def lines_of_readme() -> list[str]:
    """Commands of the section, in order, but for those that fit a model to prices of the reader's own."""
    text = README.read_text()
    section = text[text.index(FIRST):text.index(LAST)]
    blocks = [block for block in re.findall(r"```\n(.*?)```", section, re.DOTALL) if "prices.csv" not in block]
    return [line for block in blocks for line in block.splitlines() if line.strip()]


class Shell:
    """One shell in a scratch directory, to which lines are given as a user gives them."""

    def __init__(self, home: Path, rpc: str) -> None:
        from eth_account import Account
        self.home = home
        (home / "bin").mkdir()
        command = home / "bin" / "tailproof"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tailproof "$@"\n')
        command.chmod(0o755)
        (home / "fixtures").symlink_to(ROOT / "fixtures")
        self.environment = {**os.environ, "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
                            "RPC": rpc, "XDG_STATE_HOME": str(home / "state")}
        self.environment.pop(KEY_VARIABLE, None)
        for name, key in zip(NAMES, KEYS, strict=True):
            self.environment |= {f"{name}_KEY": key, name: Account.from_key(key).address}

    def __call__(self, line: str) -> tuple[int, str]:
        """Exit code and all that was said; what the line exports stays."""
        script = f'{line}\ncode=$?\nenv -0 > "{self.home / "environment"}"\nexit $code\n'
        done = subprocess.run(["bash", "-c", script], cwd=self.home, env=self.environment, capture_output=True,
                              text=True, check=False, timeout=600)
        self.environment = dict(entry.split("=", 1) for entry in
                                (self.home / "environment").read_text().split("\0") if "=" in entry)
        return done.returncode, done.stdout + done.stderr

    def json(self, line: str, code: int = 0) -> Any:
        found, said = self(f"{line} --json 2>/dev/null")
        assert found == code, said
        return json.loads(said)


@pytest.mark.slow  # keys at full size: two minutes
def test_the_readmes_system_runs_as_it_stands(tmp_path: Path) -> None:
    lines = lines_of_readme()
    there = "--deployment contracts.json --rpc $RPC"
    for named in ("new system", "contract deploy", "contract check", "oracle sign", "oracle publish", "vault deposit",
                  "vault cover", "committee register", "escrow key", "escrow post", "trade fills", "trade apply",
                  "vault withdraw", "vault claim", "contract roles", "contract freeze", "contract pause",
                  "contract accounts", "contract history", "oracle watch"):
        assert any(f"tailproof {named} " in line for line in lines), named
    with anvil() as chain:
        shell = Shell(tmp_path, url_of(chain))
        for line in lines:
            if "$EPOCH_ID" in line:
                shell.environment["EPOCH_ID"] = str(json.loads((tmp_path / "content.json").read_text())["id"])
            if "$COMMITMENT" in line:
                shell.environment["COMMITMENT"] = shell.json(
                    f"tailproof contract show --account $OWNER {there}")["commitment"]
            code, said = shell(line)
            assert code == (1 if line.startswith(FALSE) else 0), f"{line}\n{said}"
        _until_final(shell, chain, there)
        paid = shell.json(f"tailproof vault claim --account $OWNER {there}")
        assert [claim["amount"] for claim in paid["paid"]] == ["1000000"]


def _until_final(shell: Shell, chain: Chain, there: str) -> None:
    for n in range(UNTIL_FINAL):
        chain.travel_to(chain.now() + 8 * 60)
        here = f"{there} --epoch epoch --collateral collateral.json"
        shell.json(f"tailproof oracle content {here} --out content-{n}.json")
        for one in (1, 2):
            shell.json(f"TAILPROOF_PRIVATE_KEY=$PUBLISHER_{one}_KEY tailproof oracle sign {here} --content "
                       f"content-{n}.json --out {n}-{one}.json")
        shell.json(f"tailproof oracle publish {n}-1.json {n}-2.json {there}")
