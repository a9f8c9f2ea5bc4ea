"""Gas is deterministic: it is pinned, and a change to it is a visible diff."""

from __future__ import annotations

import pytest

from verifier_contracts.gas import as_table, gas_report

# (The proof's bytes are in the calldata, where a zero byte costs 12 gas less: hence the tolerance.)
TOLERANCE = 150
PINNED = {
    "deploy registry": 1_506_176,
    "deploy verifier": 808_984,
    "deploy manager": 4_412_395,
    "publish first epoch": 93_207,
    "publish next epoch": 76_107,
    "register first commitment": 104_596,
    "register next commitment": 47_608,
    "attest first epoch": 256_037,
    "attest next epoch": 256_025,
    "verify a proof and nothing else": 234_504,
    "freeze epoch": 30_333,
    "pause": 30_113,
}


def test_gas(key):
    report = gas_report(key.verification_key, key.prove, root=key.scalar("root"), commitment=key.scalar("commitment"),
                        margin=103_329_317)
    assert set(report) == set(PINNED)
    for action, gas in report.items():
        assert gas == pytest.approx(PINNED[action], abs=TOLERANCE), action
    assert f"| attest first epoch | {report['attest first epoch']:,} |" in as_table(report)


@pytest.mark.both_chains
def test_chains_agree(world):
    """An attestation costs the same on the embedded chain and on anvil, but for the bytes of the proof."""
    assert world.attest().gas_used == pytest.approx(PINNED["attest first epoch"], abs=TOLERANCE)
