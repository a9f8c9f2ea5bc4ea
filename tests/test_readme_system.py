"""The README's paths of publisher, trader, relayer, venue, auditor and who governs through a whole system of contracts,
as they stand there, line by line, in a shell in an empty folder, with what the wheel installs, on anvil: a newcomer
copies them and gets what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from installed_shell import Shell
from nodes import anvil, url_of

from verifier_contracts.chain import Chain

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
FIRST, LAST = "### Once: contracts and a first epoch", "## A prover for any circom circuit"
FALSE = "tailproof vault claim"
"""What exits 1 the first time, as the README says: its epoch is not final."""
UNTIL_FINAL = 4
"""Epochs after the first, eight minutes apart, until it is final: 20 live minutes."""


def lines_of_readme() -> list[str]:
    """Commands of the section, in order, but for those that fit a model to prices of the reader's own."""
    text = README.read_text()
    section = text[text.index(FIRST):text.index(LAST)]
    blocks = [block for block in re.findall(r"```\n(.*?)```", section, re.DOTALL) if "prices.csv" not in block]
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.slow  # keys at full size: two minutes
def test_the_readmes_system_runs_as_it_stands(tmp_path: Path) -> None:
    lines = lines_of_readme()
    for named in ("new system", "contract deploy", "contract check", "oracle sign", "oracle publish", "vault deposit",
                  "vault cover", "committee register", "escrow key", "escrow post", "trade fills", "trade apply",
                  "vault withdraw", "vault claim", "contract roles", "contract freeze", "contract pause",
                  "contract accounts", "contract history", "oracle watch", "new accounts", "config new",
                  "contract show", "contract epochs", "submit", "relay run", "venue prove", "verify", "audit make"):
        assert any(f"tailproof {named} " in f"{line} " for line in lines), named
    with anvil() as chain:
        shell = Shell(tmp_path, RPC=url_of(chain))
        for line in lines:
            code, said = shell(line)
            assert code == (1 if line.startswith(FALSE) else 0), f"{line}\n{said}"
        for name in ("COMMITMENT", "CONTEXT", "EPOCH_ID"):
            assert re.fullmatch("0x[0-9a-f]{64}" if name != "EPOCH_ID" else "[0-9]{10}", shell.environment[name]), name
        _until_final(shell, chain)
        paid = shell.json("tailproof vault claim --account $OWNER")
        assert [claim["amount"] for claim in paid["paid"]] == ["1000000"]


def _until_final(shell: Shell, chain: Chain) -> None:
    for n in range(UNTIL_FINAL):
        chain.travel_to(chain.now() + 8 * 60)
        here = "--epoch epoch --collateral collateral.json"
        shell.json(f"tailproof oracle content {here} --out content-{n}.json")
        for one in (1, 2):
            shell.json(f"TAILPROOF_PRIVATE_KEY=$PUBLISHER_{one}_KEY tailproof oracle sign {here} --content "
                       f"content-{n}.json --out {n}-{one}.json")
        shell.json(f"tailproof oracle publish {n}-1.json {n}-2.json")
