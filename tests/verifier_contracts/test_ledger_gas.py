"""What the ledger costs in whole transactions, against its bounds, and the same on anvil."""

from __future__ import annotations

import pytest
from ledger_world import build
from world import anvil

BOUNDS = {"attest": 262_000, "attestCover, one asset": 275_000}
TOLERANCE = 150
"""The proof's zero bytes cost 12 gas less each."""
PINNED = {"attest": 260_270, "attestCover, one asset": 274_770}


def measured(world):
    """Of an account that was attested and covered before."""
    report = {}
    world.attest()
    epoch = world.next_epoch()
    report["attest"] = world.attest(epoch=epoch).gas_used
    world.deposit(10**9)
    epoch = world.next_epoch()
    world.cover(5 * 10**8, epoch=epoch)
    epoch = world.next_epoch()
    report["attestCover, one asset"] = world.cover(5 * 10**8, epoch=epoch).gas_used
    return report


def test_gas_is_within_its_bounds(ledgers):
    report = measured(ledgers)
    for name, bound in BOUNDS.items():
        assert report[name] <= bound, name
        assert report[name] == pytest.approx(PINNED[name], abs=TOLERANCE), name


def test_anvil_agrees():
    with anvil() as chain:
        for name, gas in measured(build(chain)).items():
            assert gas == pytest.approx(PINNED[name], abs=TOLERANCE), name
